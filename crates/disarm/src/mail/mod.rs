//! One mail to the form: typed header, text body, children.
//!
//! Order of reading: [`structure`] cuts the bytes into parts and refuses what reads two ways; [`header`] reads the fields that
//! are passed on; [`body`] chooses and joins the text; [`children`] names every other part and decodes it into the spill. Each
//! part of the mail ends up in the text, as a child, or as a finding: nothing disappears.
//!
//! `mail-parser` reads dates here and is the second opinion on structure in the tests. It does not cut the mail: see
//! [`structure`] for what it would let through.

mod address;
mod attached;
mod body;
pub(crate) mod called;
mod children;
mod enriched;
mod facts;
mod fields;
mod flowed;
mod header;
mod inline;
mod param;
mod report;
mod similar;
mod structure;
pub(crate) mod tally;
pub(crate) mod transfer;
mod unwrap;
mod word;

use std::borrow::Cow;
use std::io::Write;
use std::rc::Rc;

use form::codec::{Encoder, Kind};
use form::job::DirtyJob;
use form::mail::MailHeader;
use form::text::Text;
use form::{DetectedType, Findings, Limits, Place, Reason};

use crate::charset::{Carrier, Pictures};
use crate::error::Error;
use children::Children;
use structure::{Part, Tree};
use tally::Tally;

pub(crate) use address::UNKNOWN;
pub(crate) use fields::{is_field, line_at};

/// Reads a mail, writes its form to `form` and the decoded bytes of its children to `spill`.
///
/// # Errors
/// [`Error`]: the mail is refused, or form or spill cannot be written.
pub fn disarm(input: &[u8], job: &DirtyJob, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let detected = DetectedType::parse("mail").unwrap_or(DetectedType::UNKNOWN);
    disarm_as(input, detected, Findings::new(job.limits.findings), job, form, spill)
}

/// Reads a mail that was made of a file of another type, in which `findings` were made already.
pub(crate) fn disarm_as(
    input: &[u8],
    detected: DetectedType,
    mut findings: Findings,
    job: &DirtyJob,
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Error> {
    let limits = &job.limits;
    let mut tally = Tally::default();
    let lines = line_ends(input);
    if let Cow::Owned(_) = lines {
        findings.add(Reason::EncodingRepaired, Place::new("CR"));
    }
    let input = &*unwrap::unwrap(&lines, limits, &mut findings);
    let tree = structure::read(input, limits);
    let fields = tree.parts.first().map(|root| root.fields.as_slice()).unwrap_or_default();
    let charset = text_charset(&tree);
    let carrier = header::domain(fields).and_then(|domain| Carrier::of_domain(&domain));
    tally.pictures = carrier.map(|carrier| Rc::new(Pictures::of(carrier)));
    let mut header = header::read(fields, charset.as_deref(), limits, &mut findings, &mut tally);
    fit_header(&mut header, limits, &mut findings);

    let mut children = Children::new(input, &tree, limits);
    let raw = body::text(input, &tree, limits, job.text.hidden, &mut children, &mut findings, &mut tally);
    let text = clean(&raw, limits, &mut findings);

    let mut encoder = Encoder::new(form, Kind::Mail, detected, limits)?;
    encoder.mail_header(&header)?;
    encoder.text(text.as_str())?;
    children.write(&mut encoder, spill, &mut findings, &mut tally)?;

    let subject = Place::default();
    findings.add_many(Reason::CharsetGuessed, tally.guessed, subject.clone());
    findings.add_many(Reason::CharsetMismatch, tally.mismatched, subject.clone());
    findings.add_many(Reason::CharsetUndecided, tally.undecided, subject.clone());
    findings.add_many(Reason::UndecodableBytes, tally.undecodable, subject.clone());
    findings.add_many(Reason::Gaiji, tally.gaiji, subject);
    for finding in findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// The lines of a mail or of a folder of them. What old Macs stored has a carriage return alone at the end of each line. Where no line feed stands
/// in all of it, it can be read in no other way.
pub(crate) fn line_ends(input: &[u8]) -> Cow<'_, [u8]> {
    if input.contains(&b'\n') || !input.contains(&b'\r') {
        return Cow::Borrowed(input);
    }
    Cow::Owned(input.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

/// The charset that the first text of the mail names.
fn text_charset(tree: &Tree<'_>) -> Option<String> {
    let label = |part: &Part<'_>| part.media.decoded("charset", &mut Tally::default());
    tree.parts.iter().filter(|part| part.media.value.starts_with("text/")).find_map(label)
}

/// The text as it may cross, within its limit.
fn clean(raw: &str, limits: &Limits, findings: &mut Findings) -> Text {
    let most = usize::try_from(limits.text_bytes).unwrap_or(usize::MAX);
    let (mut text, scrubbed) = Text::scrub(raw);
    if text.as_str().len() > most {
        let kept = text.as_str().get(..text.as_str().floor_char_boundary(most)).unwrap_or_default();
        text = Text::scrub(kept).0;
        findings.add(Reason::TextShortened, Place::default());
    }
    if text.as_str().trim().is_empty() {
        findings.add(Reason::EmptyBody, Place::default());
    }
    findings.add_many(Reason::ControlCharacters, scrubbed.controls, Place::default());
    findings.add_many(Reason::BidiControls, scrubbed.bidi, Place::default());
    findings.add_many(Reason::ZeroWidthCharacters, scrubbed.zero_width, Place::default());
    text
}

/// Names decoded to UTF-8 can grow to three times their bytes: a header that passes its limit in the form loses names and
/// then addresses, and says so, instead of losing the mail.
fn fit_header(header: &mut MailHeader, limits: &Limits, findings: &mut Findings) {
    let most = usize::try_from(limits.header_bytes).unwrap_or(usize::MAX);
    if weight(header) <= most {
        return;
    }
    findings.add(Reason::LimitHeaderBytes, Place::default());
    header.list.clear();
    header.subject = header.subject.cut(SHORT_LINE * 8);
    for line in [&mut header.list_id, &mut header.auto_submitted].into_iter().flatten() {
        *line = line.cut(SHORT_LINE);
    }
    for mailbox in header.from.iter_mut().chain(&mut header.sender) {
        mailbox.name = mailbox.name.cut(SHORT_LINE);
    }
    for list in [&mut header.to, &mut header.cc, &mut header.reply_to] {
        for mailbox in list {
            mailbox.name = mailbox.name.cut(SHORT_LINE);
        }
    }
    while weight(header) > most {
        let lists = [&mut header.cc, &mut header.to, &mut header.reply_to];
        let Some(longest) = lists.into_iter().max_by_key(|list| list.len()).filter(|list| !list.is_empty()) else {
            header.references.clear();
            header.in_reply_to.clear();
            return;
        };
        longest.truncate(longest.len() / 2);
    }
}

/// At least the bytes that a header takes in the stream.
fn weight(header: &MailHeader) -> usize {
    let mailboxes =
        header.from.iter().chain(&header.sender).chain(&header.to).chain(&header.cc).chain(&header.reply_to);
    let ids = header.message_id.iter().chain(&header.in_reply_to).chain(&header.references);
    let lines = [Some(&header.subject), header.list_id.as_ref(), header.auto_submitted.as_ref()];
    let sizes = mailboxes
        .map(|mailbox| {
            mailbox.name.as_str().len().saturating_add(mailbox.address.as_str().len()).saturating_add(OVERHEAD)
        })
        .chain(ids.map(|id| id.as_str().len().saturating_add(OVERHEAD)))
        .chain(lines.into_iter().flatten().map(|line| line.as_str().len().saturating_add(OVERHEAD)))
        .chain(header.list.iter().map(|link| link.url.as_str().len().saturating_add(OVERHEAD)));
    sizes.fold(10 * OVERHEAD, usize::saturating_add)
}

/// Bytes kept of a name in a header that is too long.
const SHORT_LINE: usize = 120;
/// More than the length fields of one value in the stream.
const OVERHEAD: usize = 16;

#[cfg(test)]
mod tests;
