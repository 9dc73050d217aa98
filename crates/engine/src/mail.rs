//! A whole mail: dissected in a dirty room, its parts rebuilt, the new mail assembled in a clean room.

use std::io::BufWriter;
use std::sync::Arc;
use std::time::Instant;

use form::bundle::HeaderName;
use form::codec::EncodeError;
use form::document::MailDoc;
use form::job::{DirtyJob, DirtyOp, Links, Password};
use form::link;
use form::mail::{MailDate, MailHeader};
use form::reason::{Finding, Place, Reason, Refusal};
use form::text::{Line, Text};
use jail::{Hostile, Sealed, Source};

use crate::assemble::SourceReader;
use crate::container::children;
use crate::embedded::within_budget;
use crate::machine::headers;
use crate::outcome::{Defer, MailOutcome, MailVerdict, PartOutcome, Patience};
use crate::part::{Part, Run, refused, room_limits, scan, unless_ours};
use crate::policy::Policy;
use crate::{Wording, account, assemble, candidates, notice, rooms};

/// What the envelope and the site add to a mail.
#[derive(Debug, Clone, Default)]
pub struct MailContext {
    /// 受付番号, shown in the account and in `X-Misogi-Receipt`.
    pub receipt: String,
    /// Envelope sender, shown in notices; empty for the null sender.
    pub sender: String,
    /// Envelope recipients, addressed by notices.
    pub recipients: Vec<String>,
    /// Address that notices come from.
    pub postmaster: String,
    /// Whether there will be another attempt.
    pub patience: Patience,
    /// Now, in Unix seconds: the date of notices.
    pub now: i64,
    /// Offset of local time in minutes.
    pub utc_offset_minutes: i16,
    /// Tried on whatever in the mail is encrypted; the first [`MAX_CANDIDATES`](crate::MAX_CANDIDATES) of them.
    pub passwords: Vec<Password>,
}

pub(crate) async fn sanitise(
    run: &Run<'_>,
    wording: &Wording,
    original: &Source,
    context: &MailContext,
) -> Result<MailOutcome, Defer> {
    let started = Instant::now();
    // What is too large for the scanner as a whole is scanned part by part all the same.
    let infected = scan(run, original).await?.filter(|withheld| withheld.refusal.reason == Reason::Infected);
    let (mut doc, form, spill) = match dissect(run, original).await? {
        Ok(dissected) => dissected,
        Err(refusal) => return notice_only(run, context, MailHeader::default(), refusal, Vec::new(), started).await,
    };
    doc.findings.extend(links_told(run.policy, &doc));
    if let Some(refusal) = unreadable_root(&doc) {
        return notice_only(run, context, doc.header, refusal, Vec::new(), started).await;
    }
    let candidates = candidates::of_mail(wording, doc.header.subject.as_str(), doc.body.as_str(), doc.header.date);
    let amended = amended(run.policy, &mut doc, context).map_or_else(assemble::unbundled, |amended| Ok(Ok(amended)))?;
    // A text may be as long as all the rest of a mail. From here on the form has it, which lies in a file.
    doc.body = Text::default();
    let parts = children(run, &within_budget(run, &doc.children, spill.as_ref()), spill.as_ref(), "", 0).await?;
    if let Some(withheld) = infected.filter(|_| !parts.iter().any(holds_virus)) {
        // The scanner objects to the mail and to none of its parts: what it means cannot be cut out.
        return notice_only(run, context, doc.header, withheld.refusal, parts, started).await;
    }
    let account = account::compose(run.policy, &context.receipt, &doc.findings, &parts).unwrap_or_default();
    let mut headers = headers(run.policy, &context.receipt, &doc.findings, &parts, "");
    headers.extend(trace(context));
    let form = match &amended {
        Ok(Some(amended)) => assemble::Form::Amended(amended),
        Ok(None) => assemble::Form::Unverified(&form),
        Err(refusal) => return notice_only(run, context, doc.header, *refusal, parts, started).await,
    };
    match assemble::mail(run, &form, &account, &headers, &parts).await? {
        Ok(fresh) => Ok(MailOutcome {
            candidates,
            header: doc.header,
            verdict: if parts.iter().any(PartOutcome::anything_withheld) {
                MailVerdict::PartlyWithheld
            } else {
                MailVerdict::Sanitised
            },
            fresh,
            findings: doc.findings,
            refusal: None,
            parts,
            account: account.whole(),
            elapsed: started.elapsed(),
        }),
        Err(refusal) => notice_only(run, context, doc.header, refusal, parts, started).await,
    }
}

pub(crate) async fn dissect(
    run: &Run<'_>,
    original: &Source,
) -> Result<Result<(MailDoc, Hostile, Option<Hostile>), Refusal>, Defer> {
    let job = DirtyJob { text: run.policy.text, ..DirtyJob::new(DirtyOp::Mail, room_limits(run)) };
    let limits = rooms::limits(run.policy, &run.budget, original.len);
    let outcome = rooms::dirty(run.pool, original.clone(), &job, limits).await?;
    run.budget.spend_on(&outcome.verdict, outcome.usage.wall);
    if let Some(withheld) = refused(&outcome.verdict) {
        return unless_ours(withheld.refusal);
    }
    let Some(form) = outcome.form else {
        return Ok(Err(Refusal::plain(Reason::RoomProtocol)));
    };
    Ok(match MailDoc::decode(reader(&form), &run.policy.limits) {
        Ok(doc) => Ok((doc, form, outcome.spill)),
        Err(_) => Err(Refusal::plain(Reason::FormInvalid)),
    })
}

/// The mail cannot be passed; its recipients are told who wrote, about what, and why it is missing.
async fn notice_only(
    run: &Run<'_>,
    context: &MailContext,
    header: MailHeader,
    refusal: Refusal,
    parts: Vec<PartOutcome>,
    started: Instant,
) -> Result<MailOutcome, Defer> {
    let facts = notice_for(run.policy, context, header.subject.as_str(), &refusal);
    let fresh = notice::compose(run, &facts).await?;
    Ok(MailOutcome {
        candidates: Vec::new(),
        header,
        verdict: MailVerdict::NoticeOnly,
        fresh,
        findings: Vec::<Finding>::new(),
        refusal: Some(refusal),
        parts,
        account: facts.text,
        elapsed: started.elapsed(),
    })
}

/// The words of a notice about a mail that does not pass.
pub(crate) fn notice_for(policy: &Policy, context: &MailContext, subject: &str, refusal: &Refusal) -> notice::Notice {
    let title =
        policy.language.pick("[無害化] お渡しできないメールがあります", "[Misogi] A mail could not be passed on");
    notice::Notice {
        from: context.postmaster.clone(),
        to: context.recipients.clone(),
        subject: title.to_owned(),
        text: account::notice(policy, &context.receipt, &context.sender, subject, refusal),
        now: context.now,
        utc_offset_minutes: context.utc_offset_minutes,
        receipt: context.receipt.clone(),
        report: None,
    }
}

/// The form with what the site adds: its mark before the subject, and a date where the sender gave none (RFC 5322 3.6 wants one).
/// `None` where nothing is to be added, so that the form goes on as it came. A mail that should have the mark does not go without.
fn amended(policy: &Policy, doc: &mut MailDoc, context: &MailContext) -> Result<Option<Source>, EncodeError> {
    if policy.subject_prefix.is_empty() && doc.header.date.is_some() {
        return Ok(None);
    }
    let mut header = doc.header.clone();
    header.date = header.date.or_else(|| MailDate::new(context.now, context.utc_offset_minutes));
    let most = usize::try_from(policy.limits.line_bytes).unwrap_or(usize::MAX);
    // The mark takes the room of the last letters of a subject that was as long as one may be.
    let subject = Line::scrub(&marked(&policy.subject_prefix, header.subject.as_str())).0.cut(most);
    header.subject = Line::scrub(subject.as_str()).0;
    let sent = std::mem::replace(&mut doc.header, header);
    let encoded = doc.encode(BufWriter::new(Sealed::builder()?), &policy.limits);
    doc.header = sent;
    let sealed = encoded?.into_inner().map_err(|error| EncodeError::Io(error.into_error()))?.seal()?;
    Ok(Some(Source::whole(Arc::new(sealed))))
}

/// The subject with the site's mark in front, once: an answer to a mail that has it brings it back, before or behind what says
/// that it is an answer. In the middle of a subject it is the sender's own words.
fn marked(prefix: &str, subject: &str) -> String {
    match prefix.trim() {
        "" => format!("{prefix}{subject}"),
        mark => {
            let (mut answers, mut rest) = (String::new(), subject.trim_start());
            loop {
                if let Some(after) = rest.strip_prefix(mark) {
                    rest = after.trim_start();
                } else if let Some(length) = answer_length(rest) {
                    let (answer, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
                    answers.extend([answer, " "]);
                    rest = after.trim_start();
                } else {
                    return format!("{prefix}{answers}{rest}");
                }
            }
        }
    }
}

/// Bytes of the `Re:` or `Fwd:` that a subject begins with.
fn answer_length(subject: &str) -> Option<usize> {
    let end = subject.find([':', '：'])?;
    let colon = subject.get(end..)?.chars().next()?.len_utf8();
    let word = subject.get(..end)?;
    ["Re", "Fw", "Fwd"].iter().any(|answer| word.eq_ignore_ascii_case(answer)).then(|| end.saturating_add(colon))
}

/// A mail whose root may not be read comes as its header and one withheld child that is the mail itself.
pub(crate) fn unreadable_root(doc: &MailDoc) -> Option<Refusal> {
    match (doc.body.is_empty(), doc.children.as_slice()) {
        (true, [only]) if only.name.as_str() == "message.eml" => only.withheld,
        _ => None,
    }
}

/// What the clean room will do to the web addresses in the text of a mail, for its account.
pub(crate) fn links_told(policy: &Policy, doc: &MailDoc) -> Option<Finding> {
    let reason = match policy.links {
        Links::Keep => return None,
        Links::Defang => Reason::LinksDefanged,
        Links::Remove => Reason::LinksRemoved,
    };
    let count = link::count(doc.body.as_str());
    (count > 0).then(|| Finding { reason, count, place: Place::default() })
}

/// The form as the dirty room sent it; decoding is total and bounded, and the clean room decodes it again.
fn reader(form: &Hostile) -> impl std::io::Read {
    let whole = form.source(0, form.len());
    whole.map(SourceReader::new).unwrap_or_default()
}

/// That this gateway had the mail, for people who look for where it was and when.
pub(crate) fn trace(context: &MailContext) -> Option<assemble::OwnHeader<'static>> {
    let host = context.postmaster.rsplit_once('@').map(|(_, host)| host).filter(|host| !host.is_empty())?;
    let now = MailDate::new(context.now, context.utc_offset_minutes)?;
    if context.receipt.is_empty() {
        return None;
    }
    Some((HeaderName::TRACE, format!("by {host} (Misogi) id {}; {now}", context.receipt)))
}

fn holds_virus(part: &PartOutcome) -> bool {
    part.flatten().iter().any(|part| part.signature.is_some())
}

/// A file given on the command line or in the web form is a part without a parent.
pub(crate) fn root_part(original: Source, name: form::name::FileName) -> Part {
    Part { path: String::new(), name, declared_type: Line::default(), source: original, inline: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject_of(policy: &Policy, subject: &str) -> Result<String, EncodeError> {
        let mut doc = MailDoc {
            detected: form::DetectedType::parse("mail").unwrap(),
            header: MailHeader { subject: Line::scrub(subject).0, ..MailHeader::default() },
            body: Default::default(),
            children: Vec::new(),
            findings: Vec::new(),
        };
        let form = amended(policy, &mut doc, &MailContext::default())?.unwrap();
        assert_eq!(doc.header.subject.as_str(), subject, "what the sender wrote is what the records say");
        let again = MailDoc::decode(SourceReader::new(form), &policy.limits).unwrap();
        Ok(again.header.subject.as_str().to_owned())
    }

    #[test]
    fn a_subject_has_the_mark_once_and_keeps_its_own_words() {
        for (subject, expect) in [
            ("", "[外部] "),
            ("a", "[外部] a"),
            ("[外部] a", "[外部] a"),
            ("Re: [外部] RE: [外部][外部]a", "[外部] Re: RE: a"),
            ("Fwd：[外部]  a", "[外部] Fwd： a"),
            ("a [外部] b", "[外部] a [外部] b"),
            ("Re: a: [外部]", "[外部] Re: a: [外部]"),
        ] {
            assert_eq!(marked("[外部] ", subject), expect, "{subject}");
        }
    }

    #[test]
    fn no_mail_goes_without_the_mark_for_the_length_of_its_subject() {
        let mut policy = Policy { subject_prefix: "[外部] ".to_owned(), ..Policy::default() };
        let most = usize::try_from(policy.limits.line_bytes).unwrap();
        for subject in ["a".repeat(most), "あ".repeat(most / 3)] {
            let marked = subject_of(&policy, &subject).unwrap();
            assert!(marked.starts_with("[外部] ") && marked.len() <= most && marked.len() + 3 > most);
        }
        policy.limits.form_bytes = 16;
        assert!(subject_of(&policy, "a").is_err());
    }
}
