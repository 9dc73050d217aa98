//! Parts of a mail that a password opens later, and the second mail that brings them.
//!
//! The second mail is composed like a notice: every byte of it comes out of a clean room. It answers the first one, so that mail
//! programs show both together.

use form::detected::DetectedType;
use form::document::MailDoc;
use form::mail::{MailDate, MailHeader, MessageId};
use form::reason::{Reason, Refusal};
use form::text::{Line, Text};
use jail::{Fresh, Source};

use crate::account;
use crate::assemble;
use crate::embedded::within_budget;
use crate::mail::{MailContext, dissect, trace, unreadable_root};
use crate::outcome::{Defer, PartOutcome, PartVerdict};
use crate::part::{Run, children_where};

/// What came of trying passwords on a mail.
#[derive(Debug)]
pub enum Unlocked {
    /// At least one part is open.
    Opened(UnlockedMail),
    /// None of the passwords opens any of the parts.
    WrongPassword,
    /// A password fits, and what is inside does not pass.
    Withheld(Refusal),
}

/// What was opened, on its way to the recipients.
#[derive(Debug)]
pub struct UnlockedMail {
    /// The second mail.
    pub fresh: Fresh,
    /// Its subject.
    pub subject: String,
    /// Those of the locked paths that are open now.
    pub opened: Vec<String>,
    /// The attachments that it brings.
    pub parts: Vec<PartOutcome>,
}

pub(crate) async fn mail(
    run: &Run<'_>,
    original: &Source,
    context: &MailContext,
    first: &str,
    locked: &[String],
) -> Result<Unlocked, Defer> {
    let (doc, _, spill) = match dissect(run, original).await? {
        Ok(dissected) => dissected,
        Err(refusal) => return Ok(Unlocked::Withheld(refusal)),
    };
    if let Some(refusal) = unreadable_root(&doc) {
        return Ok(Unlocked::Withheld(refusal));
    }
    let described = within_budget(run, &doc.children, spill.as_ref());
    let holds = |path: &str| locked.iter().any(|locked| lies_in(locked, path));
    let mut parts = children_where(run, &described, spill.as_ref(), "", 0, holds).await?;
    let state = |path: &String| found(&parts, path).map(|part| (part.verdict, part.refusal));
    let (mut opened, mut other) = (Vec::new(), None);
    for path in locked {
        match state(path) {
            Some((PartVerdict::Sanitised, _)) => opened.push(path.clone()),
            Some((PartVerdict::Withheld, Some(refusal))) if !is_lock(refusal.reason) => other = Some(refusal),
            Some((PartVerdict::Withheld, _)) | None => {}
        }
    }
    parts.retain(|part| part.fresh.is_some() && opened.iter().any(|path| lies_in(path, &part.path)));
    if parts.is_empty() {
        return Ok(other.map_or(Unlocked::WrongPassword, Unlocked::Withheld));
    }
    let header = answer(run, context, &doc.header);
    let subject = header.subject.as_str().to_owned();
    let sender = doc.header.from.as_ref().map_or("", |from| from.address.as_str());
    let text = account::unlocked(run.policy, &context.receipt, first, sender, doc.header.subject.as_str(), &parts);
    let own = MailDoc {
        detected: DetectedType::lossy("mail"),
        header,
        body: Text::scrub(&text).0,
        children: Vec::new(),
        findings: Vec::new(),
    };
    let form = match own.encode(Vec::new(), &run.policy.limits) {
        Ok(form) => form,
        Err(error) => return Ok(Unlocked::Withheld(error.refusal())),
    };
    let whole = !parts.iter().any(PartOutcome::anything_withheld);
    let verdict = if whole { "sanitised" } else { "partly-withheld" };
    let mut headers = vec![("X-Misogi-Verdict", verdict.to_owned()), ("X-Misogi-Receipt", context.receipt.clone())];
    headers.extend(trace(context));
    Ok(match assemble::mail(run, &assemble::Form::Own(&form), "", &headers, &parts).await? {
        Ok(fresh) => Unlocked::Opened(UnlockedMail { fresh, subject, opened, parts }),
        Err(refusal) => Unlocked::Withheld(refusal),
    })
}

/// The header of the second mail: from and to the same people, in answer to the first.
fn answer(run: &Run<'_>, context: &MailContext, first: &MailHeader) -> MailHeader {
    let policy = run.policy;
    let mark = policy.language.pick("[開封済み] ", "[Opened] ");
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

/// The part at a path.
fn found<'a>(parts: &'a [PartOutcome], path: &str) -> Option<&'a PartOutcome> {
    parts.iter().flat_map(PartOutcome::flatten).find(|part| part.path == path)
}

/// Whether `path` is `outer` or a part below it.
fn lies_in(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
