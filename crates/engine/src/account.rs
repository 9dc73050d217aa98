//! The account: what was done to a mail, in a few plain lines inside its text.
//!
//! Only names that went through [`form::name::FileName`] and sentences of the catalogue stand in it, never text of the sender.

use form::reason::{Class, Finding, Reason, Refusal};

use crate::catalogue::{Language, describe, describe_refusal};
use crate::outcome::{PartOutcome, PartVerdict};
use crate::policy::Policy;

/// Parts told one by one; the rest is a number. A recipient reads a dozen lines, not a thousand.
const MAX_LINES: usize = 20;

/// Findings told for one part.
const MAX_FINDINGS_PER_PART: usize = 4;

/// Writes the account; `None` when there is nothing to tell and policy does not ask for one anyway.
pub(crate) fn compose(policy: &Policy, receipt: &str, findings: &[Finding], parts: &[PartOutcome]) -> Option<String> {
    let told = worth(findings);
    let surprising = findings.iter().any(surprising);
    if !surprising && parts.is_empty() && !policy.account_always {
        return None;
    }
    let language = policy.language;
    let mut lines = vec![title(policy, receipt), opening(language, parts)];
    for finding in told.iter().take(MAX_FINDINGS_PER_PART) {
        lines.push(format!("{}{}", language.pick("・", "- "), describe(finding, language)));
    }
    part_lines(language, parts, &mut lines);
    if !receipt.is_empty() && parts.iter().any(PartOutcome::is_locked) {
        lines.push(
            language
                .pick(
                    "パスワード付きのファイルは、同じ差出人からパスワードのメールが届くと自動で開き、作り直して別のメールでお届けします。\n届かないときは、パスワードと受付番号を管理者へお知らせください。",
                    "A file with a password is opened by itself when the mail with the password comes from the same sender, and\narrives rebuilt in a second mail. If it does not, tell your administrator the password and the receipt number.",
                )
                .to_owned(),
        );
    }
    if !receipt.is_empty() && parts.iter().any(PartOutcome::anything_withheld) {
        lines.push(
            language
                .pick(
                    "内容が足りないときは、受付番号を添えて管理者へお知らせください。",
                    "If something is missing, tell your administrator the receipt number.",
                )
                .to_owned(),
        );
    }
    lines.push(rule());
    lines.push(String::new());
    Some(lines.join("\n"))
}

/// The account of a mail of which nothing could be passed.
pub(crate) fn notice(policy: &Policy, receipt: &str, sender: &str, subject: &str, refusal: &Refusal) -> String {
    let language = policy.language;
    let mut lines = vec![title(policy, receipt)];
    match language {
        Language::Ja => {
            lines.push(
                "次のメールは安全に作り直せなかったため、お渡しできません。原本は管理者が預かっています。".to_owned(),
            );
            lines.push(format!("  差出人: {sender}"));
            lines.push(format!("  件名: {subject}"));
            lines.push(format!("  理由: {}", describe_refusal(refusal, language)));
            lines.push("必要な場合は、受付番号を添えて管理者へお知らせください。".to_owned());
        }
        Language::En => {
            lines.push(
                "The following mail could not be rebuilt safely. The administrator keeps the original.".to_owned(),
            );
            lines.push(format!("  From: {sender}"));
            lines.push(format!("  Subject: {subject}"));
            lines.push(format!("  Reason: {}", describe_refusal(refusal, language)));
            lines.push("If you need it, tell your administrator the receipt number.".to_owned());
        }
    }
    lines.push(rule());
    lines.join("\n")
}

/// The text of a mail that brings what a password opened in an earlier mail.
pub(crate) fn unlocked(
    policy: &Policy,
    receipt: &str,
    first: &str,
    sender: &str,
    subject: &str,
    parts: &[PartOutcome],
) -> String {
    let language = policy.language;
    let mut lines = vec![title(policy, receipt)];
    let opening = "先にお届けしたメールの、パスワード付きの添付ファイルを開いて作り直しました。";
    lines.push(
        language
            .pick(opening, "The password-protected attachments of an earlier mail were opened and rebuilt.")
            .to_owned(),
    );
    let [from, about, number] = match language {
        Language::Ja => ["差出人", "件名", "元のメールの受付番号"],
        Language::En => ["From", "Subject", "Receipt of that mail"],
    };
    for (name, value) in [(from, sender), (about, subject), (number, first)] {
        if !value.is_empty() {
            lines.push(format!("  {name}: {value}"));
        }
    }
    part_lines(language, parts, &mut lines);
    lines.push(
        language
            .pick("作り直したファイルにパスワードは付いていません。", "The rebuilt files have no password.")
            .to_owned(),
    );
    lines.push(rule());
    lines.join("\n")
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

fn part_lines(language: Language, parts: &[PartOutcome], lines: &mut Vec<String>) {
    let mut entries = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        entries.push(Entry { number: Some(number.saturating_add(1)), part, missing: part.anything_withheld() });
        let below = part.flatten().into_iter().skip(1).filter(|below| below.verdict == PartVerdict::Withheld);
        entries.extend(below.map(|part| Entry { number: None, part, missing: true }));
        let beside = part.flatten().into_iter().flat_map(PartOutcome::laid_beside);
        entries.extend(beside.map(|part| Entry { number: None, part, missing: false }));
    }
    // What did not arrive is told first: a reader sees what did.
    let mut missing = MAX_LINES;
    let mut arrived = MAX_LINES.saturating_sub(entries.iter().filter(|entry| entry.missing).count());
    let (mut untold, mut untold_withheld) = (0usize, 0usize);
    for entry in entries {
        let left = if entry.missing { &mut missing } else { &mut arrived };
        if *left == 0 {
            untold = untold.saturating_add(1);
            let withheld = entry.part.verdict == PartVerdict::Withheld;
            untold_withheld = untold_withheld.saturating_add(usize::from(withheld));
            continue;
        }
        *left = left.saturating_sub(1);
        let line = part_line(language, entry.part);
        lines.push(match entry.number {
            Some(number) => format!("{number:>2} {line}"),
            None if entry.missing => format!("   - {line}"),
            None => format!("   + {line}{}", language.pick("（文書に埋め込まれていたファイル）", " (was embedded)")),
        });
    }
    if untold > 0 {
        lines.push(match (language, untold_withheld) {
            (Language::Ja, 0) => format!("   ほか {untold} 件"),
            (Language::Ja, _) => format!("   ほか {untold} 件（うちお渡しできないもの {untold_withheld} 件）"),
            (Language::En, 0) => format!("   and {untold} more"),
            (Language::En, _) => format!("   and {untold} more ({untold_withheld} of them not passed)"),
        });
    }
}

/// A line of the account: an attachment with its number, or something inside one.
struct Entry<'a> {
    number: Option<usize>,
    part: &'a PartOutcome,
    missing: bool,
}

fn part_line(language: Language, part: &PartOutcome) -> String {
    let mut line = part.name.as_str().to_owned();
    if let Some(output) = part.output_name.as_ref().filter(|output| **output != part.name) {
        line.push_str(" → ");
        line.push_str(output.as_str());
    }
    line.push_str("  ");
    match (part.verdict, &part.refusal) {
        (PartVerdict::Sanitised, _) => {
            let told: Vec<String> = worth(&part.findings)
                .into_iter()
                .take(MAX_FINDINGS_PER_PART)
                .map(|finding| describe(finding, language))
                .collect();
            if told.is_empty() {
                line.push_str(language.pick("作り直しました", "rebuilt"));
            } else {
                line.push_str(&told.join(language.pick("、", "; ")));
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
        }
    }
    line
}

/// What is told, one sentence for each reason: the account is for people, the report has every place.
fn worth(findings: &[Finding]) -> Vec<&Finding> {
    let mut told: Vec<&Finding> = Vec::new();
    for finding in findings.iter().filter(|finding| worth_telling(finding)) {
        if told.iter().all(|earlier| earlier.reason != finding.reason) {
            told.push(finding);
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
mod tests {
    use form::reason::Place;

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
        assert!(account.contains("受付 20261121-8F3K2"), "{account}");
        assert!(account.contains("リンクが2個") && account.contains("HTMLを文字だけに"), "{account}");
    }

    #[test]
    fn a_notice_names_sender_subject_and_reason() {
        let text = notice(&Policy::default(), "r", "a@example.jp", "見積", &Refusal::plain(Reason::AmbiguousStructure));
        for part in ["a@example.jp", "見積", "構造が二通りに読める"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
