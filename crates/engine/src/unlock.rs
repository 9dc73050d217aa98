//! Parts of a mail that a password opens later, and the second mail that brings them.
//!
//! The second mail is composed like a notice: every byte of it comes out of a clean room. It answers the first one, so that mail
//! programs show both together.

use form::detected::DetectedType;
use form::document::MailDoc;
use form::job::Opened;
use form::mail::{MailDate, MailHeader, MessageId};
use form::name::FileName;
use form::reason::{Reason, Refusal};
use form::report::OutputType;
use form::text::{Line, Text};
use jail::{Fresh, Source};

use crate::account;
use crate::assemble;
use crate::container::children;
use crate::embedded::within_budget;
use crate::machine::headers;
use crate::mail::{MailContext, dissect, trace, unreadable_root};
use crate::outcome::{Defer, PartOutcome, PartVerdict};
use crate::part::Run;
use crate::wanted::{Wanted, is_at_or_in};

/// Which parts of a mail are to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Locked<'a> {
    /// The receipt of the mail, which the second mail names.
    pub first: &'a str,
    /// Their paths.
    pub paths: &'a [String],
    /// Paths in them that are left out: they have been delivered, or are nobody's to open just now.
    pub left_out: &'a [String],
}

/// What came of trying passwords on a mail.
#[derive(Debug)]
pub enum Unlocked {
    /// At least one part is open.
    Opened(UnlockedMail),
    /// Nothing of any of them passes.
    Nothing {
        /// What is known of each.
        closed: Vec<NotOpened>,
        /// Which of the passwords opened something all the same: the archive around a locked one.
        by: Opened,
        /// Those of the paths in which, or around which, the scanner knows a virus.
        infected: Vec<String>,
    },
}

impl Unlocked {
    /// Which of the passwords opened something.
    pub fn by(&self) -> Opened {
        match self {
            Unlocked::Opened(mail) => mail.by,
            Unlocked::Nothing { by, .. } => *by,
        }
    }

    /// Those of the paths that stay closed and in which, or around which, the scanner knows a virus.
    pub fn infected(&self) -> &[String] {
        match self {
            Unlocked::Opened(mail) => &mail.infected,
            Unlocked::Nothing { infected, .. } => infected,
        }
    }
}

/// A part that stays closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOpened {
    /// Its path.
    pub path: String,
    /// Another reason than its lock; `None`: none of the passwords opens it.
    pub refusal: Option<Refusal>,
    /// A password fits; `false` where that is not known.
    pub fits: bool,
}

/// What was opened, on its way to the recipients.
#[derive(Debug)]
pub struct UnlockedMail {
    /// The second mail.
    pub fresh: Fresh,
    /// Its subject.
    pub subject: String,
    /// Those of the locked paths of which something is open now.
    pub opened: Vec<String>,
    /// What in those does not pass, also for other reasons than a lock.
    pub still_held: Vec<StillHeld>,
    /// The attachments that it brings.
    pub parts: Vec<PartOutcome>,
    /// Which of the passwords opened something.
    pub by: Opened,
    /// Those of the paths that stay closed and in which, or around which, the scanner knows a virus.
    pub infected: Vec<String>,
}

/// A part that does not pass inside of one that was opened.
#[derive(Debug, Clone)]
pub struct StillHeld {
    /// The path that was opened.
    pub inside: String,
    /// Its own path.
    pub path: String,
    /// Its name.
    pub name: FileName,
    /// Its true type.
    pub detected_type: String,
    /// Why it does not pass.
    pub reason: Reason,
    /// Another password may open it, or something in it.
    pub is_locked: bool,
    /// Its bytes, where there are any.
    pub original: Source,
}

/// What the second mail says of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second<'a> {
    /// Receipt of the first mail.
    pub(crate) first: &'a str,
    /// Why there is a second one.
    pub(crate) why: Why,
}

/// Why parts of a mail come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// A password opened them.
    Opened,
    /// Somebody had them converted again.
    Retried,
}

pub(crate) async fn mail(
    run: &Run<'_>,
    wanted: &Wanted<'_>,
    original: &Source,
    context: &MailContext,
    second: &Second<'_>,
) -> Result<Unlocked, Defer> {
    let nothing = |refusal, by: Opened| {
        let one = |path: &String| NotOpened { path: path.clone(), refusal: Some(refusal), fits: !by.is_empty() };
        let infected = if refusal.reason == Reason::Infected { wanted.paths.to_vec() } else { Vec::new() };
        Ok(Unlocked::Nothing { closed: wanted.paths.iter().map(one).collect(), by, infected })
    };
    let (doc, _, spill) = match dissect(run, original).await? {
        Ok(dissected) => dissected,
        Err(refusal) => return nothing(refusal, Opened::NONE),
    };
    if let Some(refusal) = unreadable_root(&doc) {
        return nothing(refusal, Opened::NONE);
    }
    let described = within_budget(run, &doc.children, spill.as_ref());
    let mut parts = children(run, &described, spill.as_ref(), "", 0).await?;
    let mut by = Opened::NONE;
    parts.iter().for_each(|part| by.merge(part.openers()));
    let (mut opened, mut still_held, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for path in wanted.paths {
        match state(wanted, &parts, path) {
            State::Open(locked) => {
                opened.push(path.clone());
                still_held.extend(locked);
            }
            State::Closed { refusal, fits } => closed.push(NotOpened { path: path.clone(), refusal, fits }),
        }
    }
    let closed_or_stuck = |is_stuck: bool| {
        let paths = wanted.paths.iter().filter(|path| is_stuck || !opened.contains(path));
        paths.filter(|path| is_infected(&parts, path)).cloned().collect::<Vec<String>>()
    };
    let (infected, all_infected) = (closed_or_stuck(false), closed_or_stuck(true));
    let stuck = opened.iter().map(|path| NotOpened { path: path.clone(), refusal: around(&parts, path), fits: true });
    let stuck: Vec<NotOpened> = stuck.collect();
    parts.retain(|part| part.fresh.is_some() && opened.iter().any(|path| is_at_or_in(path, &part.path)));
    let parts: Vec<PartOutcome> = parts.into_iter().flat_map(|part| without_carrier(wanted, part)).collect();
    if parts.is_empty() {
        // What was opened lies in something that does not pass.
        closed.extend(stuck);
        return Ok(Unlocked::Nothing { closed, by, infected: all_infected });
    }
    let header = answer(run, context, &doc.header, second.why);
    let subject = header.subject.as_str().to_owned();
    let sender = doc.header.from.as_ref().map_or("", |from| from.address.as_str());
    let about = account::About { first: second.first, sender, subject: doc.header.subject.as_str() };
    let text = account::later(run.policy, &context.receipt, &about, &parts, second.why);
    let own = MailDoc {
        detected: DetectedType::lossy("mail"),
        header,
        body: Text::scrub(&text).0,
        children: Vec::new(),
        findings: Vec::new(),
    };
    let form = match own.encode(Vec::new(), &run.policy.limits) {
        Ok(form) => form,
        Err(error) => return nothing(error.refusal(), by),
    };
    let mut headers = headers(run.policy, &context.receipt, &[], &parts, "");
    headers.extend(trace(context));
    match assemble::mail(run, &assemble::Form::Own(&form), &account::Account::default(), &headers, &parts).await? {
        Ok(fresh) => Ok(Unlocked::Opened(UnlockedMail { fresh, subject, opened, still_held, parts, by, infected })),
        // Something was opened, and is too much for one mail.
        Err(refusal) => nothing(refusal, by),
    }
}

/// What became of a part that a password was to open.
enum State {
    /// Something of it passes; these do not.
    Open(Vec<StillHeld>),
    /// Nothing of it passes; without a refusal because of its lock.
    Closed { refusal: Option<Refusal>, fits: bool },
}

fn state(wanted: &Wanted<'_>, parts: &[PartOutcome], path: &str) -> State {
    let all = || parts.iter().flat_map(PartOutcome::flatten);
    let Some(part) = all().find(|part| part.path == path) else {
        // What it lies in did not come so far. Of what is around it, the innermost says why.
        let around = all().rfind(|part| is_at_or_in(path, &part.path));
        let refusal = around.and_then(|part| part.refusal).filter(|refusal| !is_lock(refusal.reason));
        return State::Closed { refusal, fits: false };
    };
    // What has become an item of its own is none of this one's.
    let is_own = |below: &PartOutcome| wanted.is_meant(&below.path) && !belongs_deeper(wanted, path, &below.path);
    // A mail has a text of its own, an archive nothing but its members.
    let is_leaf = |part: &PartOutcome| part.children.is_empty() || part.output != Some(OutputType::Zip);
    let own: Vec<&PartOutcome> = part.flatten().into_iter().filter(|below| is_own(below)).collect();
    let passes = own.iter().any(|part| part.fresh.is_some() && is_leaf(part));
    if part.fresh.is_some() && passes {
        return State::Open(topmost_held(path, &own));
    }
    let fits = own.iter().any(|part| part.findings.iter().any(|finding| finding.reason == Reason::Decrypted));
    let locked = own.iter().any(|part| part.refusal.is_some_and(|refusal| is_lock(refusal.reason)));
    let others = || own.iter().filter_map(|part| part.refusal).filter(|refusal| !is_lock(refusal.reason));
    // Of several reasons, the one that matters most to whoever asks.
    let other = others().find(|refusal| refusal.reason == Reason::Infected).or_else(|| others().next());
    State::Closed { refusal: other.filter(|_| fits || !locked), fits }
}

/// Whether the scanner knows a virus in a part, in what lies in it, or in what it lies in.
fn is_infected(parts: &[PartOutcome], path: &str) -> bool {
    let all = parts.iter().flat_map(PartOutcome::flatten);
    let mut of_it = all.filter(|part| is_at_or_in(&part.path, path) || is_at_or_in(path, &part.path));
    of_it.any(|part| part.refusal.is_some_and(|refusal| refusal.reason == Reason::Infected))
}

/// Why the innermost of the parts around this one does not pass.
fn around(parts: &[PartOutcome], path: &str) -> Option<Refusal> {
    let all = || parts.iter().flat_map(PartOutcome::flatten).filter(|part| part.path != path);
    all().filter(|part| is_at_or_in(path, &part.path)).filter_map(|part| part.refusal).next_back()
}

/// Whether another wanted path lies between `outer` and `path`, or is `path`.
fn belongs_deeper(wanted: &Wanted<'_>, outer: &str, path: &str) -> bool {
    wanted.paths.iter().any(|other| other.len() > outer.len() && is_at_or_in(path, other))
}

/// What does not pass inside of a part that was converted again, the outermost of it: with it goes all that it holds.
pub fn held_in(part: &PartOutcome) -> Vec<StillHeld> {
    topmost_held(&part.path, &part.flatten())
}

/// The outermost of those that do not pass: with it goes all that it holds.
fn topmost_held(inside: &str, own: &[&PartOutcome]) -> Vec<StillHeld> {
    let mut found: Vec<StillHeld> = Vec::new();
    let mut outer: Option<&str> = None;
    for part in own.iter().filter(|part| part.verdict == PartVerdict::Withheld) {
        // Parents come first.
        if outer.is_some_and(|outer| is_at_or_in(&part.path, outer)) {
            continue;
        }
        outer = Some(&part.path);
        if let Some(refusal) = part.refusal {
            // A virus in it matters more than why it does not pass itself.
            let known = |below: &&PartOutcome| below.refusal.is_some_and(|refusal| refusal.reason == Reason::Infected);
            let reason = if part.flatten().iter().any(known) { Reason::Infected } else { refusal.reason };
            found.push(StillHeld {
                inside: inside.to_owned(),
                path: part.path.clone(),
                name: part.name.clone(),
                detected_type: part.detected_type.clone(),
                reason,
                is_locked: part.is_locked(),
                original: part.original.clone(),
            });
        }
    }
    found
}

/// A document passed when the mail came; only what was opened in it follows.
fn without_carrier(wanted: &Wanted<'_>, mut part: PartOutcome) -> Vec<PartOutcome> {
    if part.is_container() || wanted.is_meant(&part.path) {
        return vec![part];
    }
    let children = std::mem::take(&mut part.children);
    children
        .into_iter()
        .filter(|child| child.fresh.is_some())
        .flat_map(|child| without_carrier(wanted, child))
        .collect()
}

/// The header of the second mail: from and to the same people, in answer to the first.
fn answer(run: &Run<'_>, context: &MailContext, first: &MailHeader, why: Why) -> MailHeader {
    let policy = run.policy;
    let mark = match why {
        Why::Opened => policy.language.pick("[開封済み] ", "[Opened] "),
        Why::Retried => policy.language.pick("[再処理] ", "[Rebuilt later] "),
    };
    let mut references = first.references.clone();
    references.extend(first.message_id.clone());
    // The oldest go when there are too many.
    let most = usize::try_from(policy.limits.references).unwrap_or(usize::MAX).saturating_sub(1);
    references.drain(..references.len().saturating_sub(most));
    let host = context.postmaster.rsplit_once('@').map_or("localhost", |(_, host)| host);
    MailHeader {
        from: first.from.clone(),
        to: first.to.clone(),
        cc: first.cc.clone(),
        reply_to: first.reply_to.clone(),
        subject: Line::scrub(&format!("{}{mark}{}", policy.subject_prefix, first.subject.as_str())).0,
        date: MailDate::new(context.now, context.utc_offset_minutes),
        message_id: MessageId::parse(&format!("{}.opened@{host}", context.receipt)).ok(),
        in_reply_to: first.message_id.iter().cloned().collect(),
        references,
        ..MailHeader::default()
    }
}

fn is_lock(reason: Reason) -> bool {
    matches!(reason, Reason::Encrypted | Reason::WrongPassword)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn part(path: &str, refusal: Option<Reason>, children: Vec<PartOutcome>) -> PartOutcome {
        PartOutcome {
            path: path.to_owned(),
            name: FileName::rebuild(path).0,
            output_name: None,
            detected_type: String::new(),
            output: None,
            verdict: if refusal.is_some() { PartVerdict::Withheld } else { PartVerdict::Sanitised },
            refusal: refusal.map(Refusal::plain),
            signature: None,
            findings: Vec::new(),
            pages: 1,
            levels: form::report::PageLevels::default(),
            similarity: Vec::new(),
            recall: None,
            fresh: None,
            original: Source::whole(std::sync::Arc::new(jail::Sealed::from_bytes(&[]).unwrap())),
            elapsed: std::time::Duration::ZERO,
            inline: false,
            opened: Default::default(),
            children,
        }
    }

    #[test]
    fn all_that_does_not_pass_is_held_and_only_locks_wait_for_a_password() {
        let deep = part("1.3.1", Some(Reason::WrongPassword), Vec::new());
        let inside = vec![
            part("1.1", None, Vec::new()),
            part("1.2", Some(Reason::Infected), Vec::new()),
            part("1.3", Some(Reason::WrongPassword), vec![deep]),
        ];
        let opened = part("1", None, inside);
        let held = topmost_held("1", &opened.flatten());
        let held: Vec<_> = held.iter().map(|part| (part.path.as_str(), part.reason, part.is_locked)).collect();
        assert_eq!(held, [("1.2", Reason::Infected, false), ("1.3", Reason::WrongPassword, true)]);
    }

    #[test]
    fn a_virus_is_known_of_all_that_lies_in_it_and_around_it() {
        let deep = part("1.2.1", Some(Reason::Infected), Vec::new());
        let inside = vec![part("1.1", None, Vec::new()), part("1.2", Some(Reason::Malformed), vec![deep])];
        let parts = [part("1", None, inside), part("11", None, Vec::new())];
        for (path, expect) in
            [("1", true), ("1.1", false), ("1.2", true), ("1.2.1", true), ("1.2.1.9", true), ("11", false)]
        {
            assert_eq!(is_infected(&parts, path), expect, "{path}");
        }
    }

    #[test]
    fn what_is_around_an_opened_part_says_why_it_does_not_pass() {
        let parts = [part("1", Some(Reason::LimitOutputBytes), vec![part("1.2", None, Vec::new())])];
        assert_eq!(around(&parts, "1.2").map(|refusal| refusal.reason), Some(Reason::LimitOutputBytes));
        assert_eq!(around(&parts, "1"), None);
    }
}
