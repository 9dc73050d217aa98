//! The account: what was done to a mail, in a few plain lines inside its text.
//!
//! Only names that went through [`form::name::FileName`] and sentences of the catalogue stand in it, never text of the sender.

use form::reason::{Class, Finding, Place, Reason, Refusal};

use crate::catalogue::{Language, describe, describe_refusal};
use crate::outcome::{PartOutcome, PartVerdict};
use crate::policy::{AccountPlace, Policy};
use crate::unlock::Why;

/// Lines of the account where it stands above the text: what a reader takes in before the mail itself begins.
const MAX_LINES_ABOVE: usize = 12;

/// Lines of the list at the end, which no mail fills: 1,000 parts and as many embedded files.
const MAX_LISTED: usize = 2_000;

/// Findings told in one line above the text.
const MAX_FINDINGS_PER_PART: usize = 4;

/// The account of one mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Stands above or below the text, as the site wants it.
    pub(crate) top: String,
    /// What had no room there, for the end of the mail; mostly nothing.
    pub(crate) list: String,
}

impl Account {
    /// Both.
    pub(crate) fn whole(&self) -> String {
        if self.list.is_empty() { self.top.clone() } else { format!("{}\n{}", self.top, self.list) }
    }
}

/// Writes the account; `None` when there is nothing to tell and policy does not ask for one anyway.
pub(crate) fn compose(policy: &Policy, receipt: &str, findings: &[Finding], parts: &[PartOutcome]) -> Option<Account> {
    let surprising = findings.iter().any(surprising);
    if !surprising && parts.is_empty() && !policy.account_always {
        return None;
    }
    let language = policy.language;
    let frame = |lines: Vec<Line>| {
        let lines = lines.into_iter().map(|line| line.text);
        let head = [title(policy, receipt), opening(language, parts)];
        head.into_iter().chain(lines).chain(hints(policy, receipt, parts)).chain([rule()]).collect::<Vec<_>>()
    };
    let every = lines(language, findings, parts);
    let is_above = policy.account == AccountPlace::Top;
    let whole = frame(every.clone());
    if (!is_above || whole.len() <= MAX_LINES_ABOVE) && !every.iter().any(|line| line.is_cut) {
        return Some(Account { top: whole.join("\n") + "\n", list: String::new() });
    }
    // One more than the frame for the line that points to the list.
    let frame_lines = frame(Vec::new()).len().saturating_add(1);
    let top = frame(shortened(language, &every, MAX_LINES_ABOVE.saturating_sub(frame_lines)));
    let mut list =
        vec![language.pick("―― 添付ファイルと変更の一覧 ――――――――――", "―― All parts and changes ――――――――――").to_owned()];
    let untold = every.len().saturating_sub(MAX_LISTED);
    list.extend(every.into_iter().take(MAX_LISTED).map(|line| line.full));
    if untold > 0 {
        list.push(language.pick("   ほかの件数: ", "   more: ").to_owned() + &untold.to_string());
    }
    list.push(rule());
    Some(if is_above {
        Account { top: top.join("\n") + "\n", list: list.join("\n") }
    } else {
        // Below the text there is room for all of it.
        let full = frame(lines(language, findings, parts).into_iter().take(MAX_LISTED).map(Line::whole).collect());
        Account { top: full.join("\n") + "\n", list: String::new() }
    })
}

/// What a reader may do about what is missing.
fn hints(policy: &Policy, receipt: &str, parts: &[PartOutcome]) -> Vec<String> {
    let language = policy.language;
    let mut hints = Vec::new();
    if receipt.is_empty() {
        return hints;
    }
    if parts.iter().any(PartOutcome::is_locked) {
        hints.extend(password_hint(policy, receipt));
    }
    if parts.iter().any(PartOutcome::anything_withheld) {
        hints.push(match page(policy, "r", receipt) {
            Some(page) => format!("{} {page}", language.pick("内容が足りないとき:", "If something is missing:")),
            None => language
                .pick(
                    "内容が足りないときは、受付番号を添えて情報システム担当へお知らせください。",
                    "If something is missing, tell your IT desk the receipt number.",
                )
                .to_owned(),
        });
    }
    hints
}

/// A page of the portal about a mail, where its recipients have accounts there.
fn page(policy: &Policy, kind: &str, receipt: &str) -> Option<String> {
    let portal = policy.portal.as_deref()?.trim_end_matches('/');
    Some(format!("{portal}/{kind}/{receipt}"))
}

/// What opens a file with a password. The page takes the password itself; nobody else has to hear it.
fn password_hint(policy: &Policy, receipt: &str) -> Vec<String> {
    let by_mail = policy.language.pick(
        "パスワード付きのファイルは、同じ差出人からパスワードのメールが届くと自動で開き、別のメールでお届けします。",
        "A file with a password is opened by itself when the mail with the password comes from the same sender, and arrives in a second mail. ",
    );
    let (ja, en) = match (policy.opens_by_mail, policy.portal.is_some()) {
        (true, true) => {
            ("すぐに開くには、次の画面でパスワードを入力してください。", "To have it now, give the password here:")
        }
        (true, false) => (
            "届かないときは、パスワードと受付番号を情報システム担当へお知らせください。",
            "If it does not, tell your IT desk the password and the receipt number.",
        ),
        (false, true) => (
            "パスワード付きのファイルは、次の画面でパスワードを入力すると、開いて別のメールでお届けします。",
            "To have a file with a password, give the password here; it arrives in a second mail:",
        ),
        (false, false) => (
            "パスワード付きのファイルは、パスワードと受付番号を情報システム担当へお知らせください。開いて別のメールでお届けします。",
            "To have a file with a password, tell your IT desk the password and the receipt number; it arrives in a second mail.",
        ),
    };
    let how = policy.language.pick(ja, en);
    let words = if policy.opens_by_mail { format!("{by_mail}{how}") } else { how.to_owned() };
    let page = page(policy, "p", receipt).map(|page| format!("  {page}"));
    std::iter::once(words).chain(page).collect()
}

/// The account of a mail of which nothing could be passed.
pub(crate) fn notice(policy: &Policy, receipt: &str, sender: &str, subject: &str, refusal: &Refusal) -> String {
    let language = policy.language;
    let mut lines = vec![title(policy, receipt)];
    match language {
        Language::Ja => {
            lines.push(
                "次のメールは安全に作り直せなかったため、お渡しできません。原本は情報システム担当が預かっています。"
                    .to_owned(),
            );
            lines.push(format!("  差出人: {sender}"));
            lines.push(format!("  件名: {subject}"));
            lines.push(format!("  理由: {}", describe_refusal(refusal, language)));
            lines.push("必要な場合は、受付番号を添えて情報システム担当へお知らせください。".to_owned());
        }
        Language::En => {
            lines.push("The following mail could not be rebuilt safely. The IT desk keeps the original.".to_owned());
            lines.push(format!("  From: {sender}"));
            lines.push(format!("  Subject: {subject}"));
            lines.push(format!("  Reason: {}", describe_refusal(refusal, language)));
            lines.push("If you need it, tell your IT desk the receipt number.".to_owned());
        }
    }
    lines.push(rule());
    lines.join("\n")
}

/// The mail that a second one is about.
pub(crate) struct About<'a> {
    /// Its receipt.
    pub(crate) first: &'a str,
    /// Who wrote it.
    pub(crate) sender: &'a str,
    /// Its subject.
    pub(crate) subject: &'a str,
}

/// The text of a mail that brings what a password opened in an earlier mail.
pub(crate) fn later(policy: &Policy, receipt: &str, about: &About<'_>, parts: &[PartOutcome], why: Why) -> String {
    let language = policy.language;
    let mut text = vec![title(policy, receipt)];
    let (ja, en) = match why {
        Why::Opened => (
            "先にお届けしたメールの、パスワード付きの添付ファイルを開いて作り直しました。",
            "The password-protected attachments of an earlier mail were opened and rebuilt.",
        ),
        Why::Retried => (
            "先にお届けしたメールの、お預かりしていた添付ファイルを作り直しました。",
            "Attachments of an earlier mail that had been kept were rebuilt.",
        ),
    };
    text.push(language.pick(ja, en).to_owned());
    let [from, subject, number] = match language {
        Language::Ja => ["差出人", "件名", "元のメールの受付番号"],
        Language::En => ["From", "Subject", "Receipt of that mail"],
    };
    for (name, value) in [(from, about.sender), (subject, about.subject), (number, about.first)] {
        if !value.is_empty() {
            text.push(format!("  {name}: {value}"));
        }
    }
    text.extend(lines(language, &[], parts).into_iter().take(MAX_LISTED).map(|line| line.full));
    if why == Why::Opened {
        let is_encrypted = |part: &PartOutcome| part.findings.iter().any(|it| it.reason == Reason::EncryptedAgain);
        let passwords = if parts.iter().flat_map(PartOutcome::flatten).any(is_encrypted) {
            language.pick(
                "作り直した圧縮ファイルには、開いたときのパスワードが付いています。",
                "The rebuilt archives have the password that opened them.",
            )
        } else {
            language.pick("作り直したファイルにパスワードは付いていません。", "The rebuilt files have no password.")
        };
        text.push(passwords.to_owned());
    }
    if parts.iter().any(PartOutcome::is_locked) {
        let still = "このパスワードでは開かないファイルが残っています。引き続きお預かりしています。";
        text.push(language.pick(still, "Some files need another password. They are kept.").to_owned());
        text.extend(password_hint(policy, about.first));
    }
    text.push(rule());
    text.join("\n")
}

fn title(policy: &Policy, receipt: &str) -> String {
    let name = match policy.language {
        Language::Ja => format!("{}メール無害化", policy.site_name),
        Language::En if policy.site_name.is_empty() => "Mail sanitisation".to_owned(),
        Language::En => format!("{} mail sanitisation", policy.site_name),
    };
    if receipt.is_empty() {
        return format!("―― {name} ――――――――――");
    }
    format!("―― {name} {} {receipt} ――――――――――", policy.language.pick("受付", "receipt"))
}

fn rule() -> String {
    "―".repeat(30)
}

fn opening(language: Language, parts: &[PartOutcome]) -> String {
    let rebuilt = parts.iter().any(|part| part.verdict == PartVerdict::Sanitised);
    let text = match (parts.is_empty(), rebuilt) {
        (true, _) => {
            language.pick("このメールは安全のため文字だけにしました。", "For safety this mail was turned to text.")
        }
        (false, true) => language.pick(
            "このメールは安全のため文字だけにし、添付ファイルを作り直しました。",
            "For safety this mail was turned to text and its attachments were rebuilt.",
        ),
        (false, false) => language.pick(
            "このメールは安全のため文字だけにしました。添付ファイルはお渡しできません。",
            "For safety this mail was turned to text. Its attachments could not be passed.",
        ),
    };
    text.to_owned()
}

/// A line of the account: a change of the mail itself, an attachment, or something inside one.
#[derive(Debug, Clone)]
struct Line {
    /// As it stands above the text.
    text: String,
    /// As it stands in the list.
    full: String,
    /// They differ.
    is_cut: bool,
    /// It tells of something that does not arrive.
    is_missing: bool,
    /// And is that thing's own line.
    is_withheld: bool,
}

impl Line {
    fn whole(self) -> Line {
        Line { text: self.full.clone(), is_cut: false, ..self }
    }
}

/// Every line, in the order of the mail.
fn lines(language: Language, findings: &[Finding], parts: &[PartOutcome]) -> Vec<Line> {
    let mut lines = Vec::new();
    for finding in worth(findings) {
        let text = format!("{}{}", language.pick("・", "- "), describe(&finding, language));
        lines.push(Line { full: text.clone(), text, is_cut: false, is_missing: false, is_withheld: false });
    }
    for (number, part) in parts.iter().enumerate() {
        lines.push(part_line(language, part, &format!("{:>2} ", number.saturating_add(1)), ""));
        let below = part.flatten().into_iter().skip(1).filter(|below| below.verdict == PartVerdict::Withheld);
        lines.extend(below.map(|part| part_line(language, part, "   - ", "")));
        for outer in part.flatten() {
            let from = came_in(language, outer);
            let beside = outer.laid_beside().map(|part| part_line(language, part, "   + ", from));
            lines.extend(beside.map(|line| Line { is_missing: false, ..line }));
        }
    }
    lines
}

/// What the files beside this one were in.
fn came_in(language: Language, outer: &PartOutcome) -> &'static str {
    if outer.findings.iter().any(|finding| finding.reason == Reason::MailAsText) {
        language.pick("（添付されたメールの添付ファイル）", " (was attached to the mail)")
    } else {
        language.pick("（文書に埋め込まれていたファイル）", " (was embedded)")
    }
}

/// As many as there is room for, in their order, and one that tells of the others. What did not arrive is told first: a reader sees
/// what did.
fn shortened(language: Language, lines: &[Line], room: usize) -> Vec<Line> {
    let missing = lines.iter().filter(|line| line.is_missing).count();
    let (mut of_missing, mut of_others) = (missing.min(room), room.saturating_sub(missing));
    let (mut told, mut untold, mut untold_withheld) = (Vec::new(), 0_usize, 0_usize);
    for line in lines {
        let left = if line.is_missing { &mut of_missing } else { &mut of_others };
        if *left > 0 {
            *left = left.saturating_sub(1);
            told.push(line.clone());
        } else {
            untold = untold.saturating_add(1);
            untold_withheld = untold_withheld.saturating_add(usize::from(line.is_withheld));
        }
    }
    let text = match (language, untold, untold_withheld) {
        (Language::Ja, 0, _) => "   詳しい一覧はこのメールの最後にあります。".to_owned(),
        (Language::Ja, _, 0) => format!("   ほか {untold} 件。一覧はこのメールの最後にあります。"),
        (Language::Ja, ..) => {
            format!(
                "   ほか {untold} 件（うちお渡しできないもの {untold_withheld} 件）。一覧はこのメールの最後にあります。"
            )
        }
        (Language::En, 0, _) => "   The end of this mail lists all of it.".to_owned(),
        (Language::En, _, 0) => format!("   and {untold} more; the end of this mail lists all of them."),
        (Language::En, ..) => {
            format!(
                "   and {untold} more ({untold_withheld} of them not passed); the end of this mail lists all of them."
            )
        }
    };
    told.push(Line { full: text.clone(), text, is_cut: false, is_missing: false, is_withheld: false });
    told
}

fn part_line(language: Language, part: &PartOutcome, before: &str, behind: &str) -> Line {
    let mut line = format!("{before}{}", part.name.as_str());
    if let Some(output) = part.output_name.as_ref().filter(|output| **output != part.name) {
        line.push_str(" → ");
        line.push_str(output.as_str());
    }
    line.push_str("  ");
    let is_withheld = part.verdict == PartVerdict::Withheld;
    let mut full = line.clone();
    let mut is_cut = false;
    match (part.verdict, &part.refusal) {
        (PartVerdict::Sanitised, _) => {
            let told: Vec<String> = worth(&part.findings).iter().map(|finding| describe(finding, language)).collect();
            if told.is_empty() {
                line.push_str(language.pick("作り直しました", "rebuilt"));
                full.clone_from(&line);
            } else {
                let and = language.pick("、", "; ");
                full.push_str(&told.join(and));
                is_cut = told.len() > MAX_FINDINGS_PER_PART;
                line.push_str(&told.get(..MAX_FINDINGS_PER_PART).unwrap_or(&told).join(and));
                if is_cut {
                    line.push_str(language.pick("など", ", and more"));
                }
            }
        }
        (PartVerdict::Withheld, refusal) => {
            line.push_str(language.pick("お渡しできません: ", "not passed: "));
            if let Some(refusal) = refusal {
                line.push_str(&describe_refusal(refusal, language));
            }
            if let Some(signature) = &part.signature {
                line.push_str(language.pick("（名称 ", " ("));
                line.push_str(signature);
                line.push_str(language.pick("）", ")"));
            }
            full.clone_from(&line);
        }
    }
    line.push_str(behind);
    full.push_str(behind);
    Line { text: line, full, is_cut, is_missing: part.anything_withheld(), is_withheld }
}

/// What is told, one sentence for each reason with all that it counts and where the first of it was: the account is for people, the
/// report has every place.
fn worth(findings: &[Finding]) -> Vec<Finding> {
    let mut told: Vec<Finding> = Vec::new();
    for finding in findings.iter().filter(|finding| worth_telling(finding)) {
        match told.iter_mut().find(|earlier| earlier.reason == finding.reason) {
            Some(earlier) => {
                earlier.count = earlier.count.saturating_add(finding.count);
                let place = earlier.place.as_str();
                if !place.is_empty() && !place.ends_with('…') {
                    earlier.place = Place::new(&format!("{place}, …"));
                }
            }
            None => told.push(finding.clone()),
        }
    }
    told
}

/// What a recipient need not be told in each mail: that a file was rebuilt at all, and mere notes.
fn worth_telling(finding: &Finding) -> bool {
    match finding.reason.class() {
        Class::Withheld | Class::Removed => true,
        Class::Changed => !matches!(finding.reason, Reason::ReEncoded | Reason::DateMissing),
        Class::Noted => false,
    }
}

/// What a reader must know even of a mail without attachments. That HTML became text happens to most mails and would make
/// every one of them begin with an account that nobody reads any more.
fn surprising(finding: &Finding) -> bool {
    let everyday = [
        Reason::HtmlToText,
        Reason::RemoteImage,
        // Newsletters have a hidden first line, and most a picture that counts readers.
        Reason::HiddenText,
        Reason::TrackingPixel,
        // What the site has decided for every mail.
        Reason::LinksDefanged,
        Reason::LinksRemoved,
        Reason::AlternativeText,
        Reason::HeaderFields,
        Reason::DuplicateHeader,
        Reason::CharsetGuessed,
        Reason::EncodingRepaired,
    ];
    worth_telling(finding) && !everyday.contains(&finding.reason)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    fn finding(reason: Reason) -> Finding {
        Finding { reason, count: 2, place: Place::default() }
    }

    #[test]
    fn a_mail_in_which_only_everyday_things_happened_has_no_account() {
        let policy = Policy::default();
        for reason in [Reason::HtmlToText, Reason::HeaderFields, Reason::DateMissing, Reason::EmptyBody] {
            assert_eq!(compose(&policy, "r", &[finding(reason)], &[]), None, "{reason}");
        }
        let always = Policy { account_always: true, ..Policy::default() };
        assert!(compose(&always, "r", &[], &[]).is_some());
    }

    #[test]
    fn a_link_that_lies_is_told_and_then_so_is_the_rest() {
        let findings = [finding(Reason::HtmlToText), finding(Reason::LinkTargetDiffers)];
        let account = compose(&Policy::default(), "20261121-8F3K2", &findings, &[]).expect("an account");
        let account = account.whole();
        assert!(account.contains("受付 20261121-8F3K2"), "{account}");
        assert!(account.contains("リンクが2個") && account.contains("HTMLを文字だけに"), "{account}");
    }

    #[test]
    fn what_was_found_in_several_places_is_counted_over_all_of_them() {
        let at = |place| Finding { reason: Reason::AddressInvalid, count: 2, place: Place::new(place) };
        let told = |findings: &[Finding]| compose(&Policy::default(), "r", findings, &[]).expect("an account").top;
        let account = told(&[at("From: root"), at("To: a"), at("To: b")]);
        assert!(account.contains("アドレスが6個ありました（From: root, …）"), "{account}");
        assert!(told(&[at("page 3"), at("page 4")]).contains("（3ページ, …）"));
        assert!(told(&[at(""), at("To: a")]).contains("4個ありました\n"));
    }

    fn part(name: &str, refusal: Option<Reason>, findings: Vec<Finding>) -> PartOutcome {
        let name = form::name::FileName::rebuild(name).0;
        PartOutcome {
            path: "1".to_owned(),
            output_name: refusal.is_none().then(|| name.clone()),
            name,
            detected_type: "txt".to_owned(),
            output: None,
            verdict: if refusal.is_some() { PartVerdict::Withheld } else { PartVerdict::Sanitised },
            refusal: refusal.map(Refusal::plain),
            signature: None,
            findings,
            pages: 1,
            levels: form::report::PageLevels::default(),
            similarity: Vec::new(),
            recall: None,
            fresh: None,
            original: jail::Source::whole(std::sync::Arc::new(jail::Sealed::from_bytes(&[]).expect("memory"))),
            elapsed: std::time::Duration::ZERO,
            inline: false,
            opened: Default::default(),
            children: Vec::new(),
        }
    }

    #[test]
    fn above_the_text_stand_twelve_lines_and_all_of_it_at_the_end() {
        let mut parts: Vec<PartOutcome> = (0..40).map(|n| part(&format!("f{n}.txt"), None, Vec::new())).collect();
        parts[33] = part("bad.exe", Some(Reason::UnsupportedType), Vec::new());
        parts[34] = part("meibo.zip", Some(Reason::Encrypted), Vec::new());
        let findings = [finding(Reason::HtmlToText), finding(Reason::LinkTargetDiffers)];
        for language in [Language::Ja, Language::En] {
            let policy = Policy { language, ..Policy::default() };
            let account = compose(&policy, "20261121-8F3K2", &findings, &parts).expect("an account");
            assert_eq!(account.top.lines().count(), MAX_LINES_ABOVE, "{}", account.top);
            for missing in ["bad.exe", "meibo.zip", "34 ", "35 "] {
                assert!(account.top.contains(missing), "{}", account.top);
            }
            for part in &parts {
                assert!(account.list.contains(&format!("{}  ", part.name.as_str())), "{}", account.list);
            }
            let below = Policy { account: AccountPlace::Bottom, ..policy };
            let account = compose(&below, "20261121-8F3K2", &findings, &parts).expect("an account");
            assert!(account.list.is_empty() && account.top.contains("f39.txt") && account.top.lines().count() > 40);
        }
    }

    #[test]
    fn what_has_room_above_is_not_told_twice() {
        let many = [
            Reason::GpsPosition,
            Reason::Script,
            Reason::LaunchAction,
            Reason::RichMedia,
            Reason::HiddenText,
            Reason::Comments,
        ];
        let short = [part("a.txt", None, vec![finding(Reason::GpsPosition)])];
        assert_eq!(compose(&Policy::default(), "r", &[], &short).expect("an account").list, "");
        // Of one part with many changes the first few stand above.
        let long = [part("a.txt", None, many.map(finding).to_vec())];
        let account = compose(&Policy::default(), "r", &[], &long).expect("an account");
        let last = describe(&finding(Reason::Comments), Language::Ja);
        assert!(!account.top.contains(&last) && account.top.contains("など"), "{}", account.top);
        assert!(account.list.contains(&last), "{}", account.list);
    }

    #[test]
    fn recipients_with_accounts_are_shown_where_to_look_and_where_to_give_the_password() {
        let parts =
            [part("a.zip", Some(Reason::Encrypted), Vec::new()), part("b.xyz", Some(Reason::Malformed), Vec::new())];
        let told = |policy: &Policy| compose(policy, "20261121-8F3K2", &[], &parts).expect("an account").whole();
        let none = told(&Policy::default());
        assert!(!none.contains("http") && none.contains("情報システム担当"), "{none}");
        for opens_by_mail in [true, false] {
            let portal = Some("https://mugai.example.lg.jp/".to_owned());
            let text = told(&Policy { portal, opens_by_mail, ..Policy::default() });
            for page in ["https://mugai.example.lg.jp/r/20261121-8F3K2", "https://mugai.example.lg.jp/p/20261121-8F3K2"]
            {
                assert_eq!(text.matches(page).count(), 1, "{text}");
            }
            assert!(text.lines().count() <= MAX_LINES_ABOVE && !text.contains("情報システム担当"), "{text}");
        }
    }

    #[test]
    fn a_notice_names_sender_subject_and_reason() {
        let text = notice(&Policy::default(), "r", "a@example.jp", "見積", &Refusal::plain(Reason::AmbiguousStructure));
        for part in ["a@example.jp", "見積", "読み方が一つに決まらず"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
