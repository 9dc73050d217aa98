//! Parts that hide a mail's content in another format are taken out of it before the mail is read: `winmail.dat`, S/MIME that is only
//! signed, and files inside of plain text.
//!
//! What comes out is written into the mail in place of the wrapper, and the mail is then read like any other: the rules about
//! structure, names and limits hold for it as they do for what stood there in the open. A wrapper whose content could be mistaken
//! for the mail around it stays closed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use form::{Findings, Limits, Place, Reason};

use super::structure::{self, Part, Transfer, Tree};
use super::tally::Tally;
use super::{inline, transfer};
use crate::error::size;
use crate::mapi::compose;
use crate::{smime, tnef};

/// The mail without its wrappers, and what is told of that.
pub(super) fn unwrap<'a>(input: &'a [u8], limits: &Limits, findings: &mut Findings) -> Cow<'a, [u8]> {
    let mut mail = Cow::Borrowed(input);
    for number in 0..MAX_ROUNDS {
        match round(&mail, number, limits, findings) {
            Some(unwrapped) if size(unwrapped.len()) <= limits.spill_bytes => mail = Cow::Owned(unwrapped),
            _ => break,
        }
    }
    mail
}

/// What stands in the place of a part.
struct Replacement {
    /// A MIME entity with its header.
    entity: Vec<u8>,
    told: Vec<(Reason, &'static str)>,
}

/// Opens the wrappers that can be seen; what was inside of them may be more.
fn round(input: &[u8], number: usize, limits: &Limits, findings: &mut Findings) -> Option<Vec<u8>> {
    if !may_hold_any(input) {
        return None;
    }
    let tree = structure::read(input, limits);
    let boundaries: BTreeSet<Vec<u8>> = tree
        .parts
        .iter()
        .map(Part::boundary)
        .filter(|boundary| !boundary.is_empty())
        .map(|boundary| [b"--", boundary.as_bytes()].concat())
        .collect();
    let mut out: Vec<u8> = Vec::new();
    let mut done = 0_usize;
    let mut budget = MAX_SEARCHED;
    for part in tree.parts.iter().filter(|part| part.refused.is_none() && part.parts.is_empty()) {
        let Some(replacement) = open(input, part, number, limits) else { continue };
        let searched = size(replacement.entity.len()).saturating_mul(size(boundaries.len()));
        let Some(left) = budget.checked_sub(searched) else { continue };
        budget = left;
        if boundaries.iter().any(|boundary| compose::contains(&replacement.entity, boundary)) {
            continue;
        }
        for (reason, place) in replacement.told {
            findings.add(reason, Place::new(place));
        }
        out.extend_from_slice(input.get(done..part.start).unwrap_or_default());
        if is_root(&tree, part) {
            keep_header(part, &mut out);
        }
        out.extend_from_slice(&replacement.entity);
        done = part.body.end;
    }
    if done == 0 {
        return None;
    }
    out.extend_from_slice(input.get(done..).unwrap_or_default());
    Some(out)
}

/// Most mails have nothing of this, and are not to be read twice to find that out.
fn may_hold_any(input: &[u8]) -> bool {
    let mut lines = input.split(|byte| *byte == b'\n');
    lines.any(|line| {
        // Both what a header says and what a text holds.
        match line.first() {
            Some(b'b') => line.starts_with(b"begin ") || line.starts_with(b"begin-base64 "),
            Some(b'=') => line.starts_with(b"=ybegin "),
            Some(b'-') => line.starts_with(b"-----BEGIN PGP "),
            Some(b'C' | b'c' | b' ' | b'\t') => {
                let line = line.get(..line.len().min(MAX_LINE)).unwrap_or(line).to_ascii_lowercase();
                MARKS.iter().any(|mark| compose::contains(&line, mark))
            }
            _ => false,
        }
    })
}

fn is_root(tree: &Tree<'_>, part: &Part<'_>) -> bool {
    tree.parts.first().is_some_and(|root| std::ptr::eq(root, part))
}

/// The fields of a mail without those that describe the content that goes.
fn keep_header(root: &Part<'_>, out: &mut Vec<u8>) {
    for field in &root.fields {
        let name = field.name.to_ascii_lowercase();
        if name.starts_with(b"content-") || name == b"mime-version" {
            continue;
        }
        out.extend_from_slice(field.name);
        out.push(b':');
        out.extend_from_slice(field.value);
        if !field.value.ends_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
}

fn open(input: &[u8], part: &Part<'_>, round: usize, limits: &Limits) -> Option<Replacement> {
    let kind = part.media.value.as_str();
    let name = || {
        let mut tally = Tally::default();
        let given = part.disposition.decoded("filename", &mut tally).or_else(|| part.media.decoded("name", &mut tally));
        given.unwrap_or_default().to_ascii_lowercase()
    };
    let unknown = kind == "application/octet-stream";
    if matches!(kind, "application/ms-tnef" | "application/vnd.ms-tnef") || (unknown && name() == "winmail.dat") {
        return winmail(&decoded(input, part)?);
    }
    if kind.ends_with("pkcs7-mime") || (unknown && name() == "smime.p7m") {
        return signed(&decoded(input, part)?);
    }
    let text = kind == "text/plain" && part.disposition.value != "attachment" && name().is_empty();
    if text && part.transfer != Transfer::Base64 {
        let bytes = decoded(input, part)?;
        if size(bytes.len()) > limits.text_bytes.saturating_mul(4) {
            return None;
        }
        return from_text(part, &bytes, &format!("{round}-{}", part.start));
    }
    None
}

/// The bytes of a part; `None` where its encoding can be read in two ways, which is for the reader of mails to say.
fn decoded<'a>(input: &'a [u8], part: &Part<'_>) -> Option<Cow<'a, [u8]>> {
    let body = input.get(part.body.clone())?;
    let mut out = Vec::new();
    let keep = |piece: &[u8]| {
        out.extend_from_slice(piece);
        Ok::<_, std::convert::Infallible>(())
    };
    let deviation = match part.transfer {
        Transfer::Identity => return Some(Cow::Borrowed(body)),
        Transfer::Base64 if !transfer::is_not_base64(body) => transfer::base64(body, keep),
        Transfer::QuotedPrintable => transfer::quoted_printable(body, keep),
        Transfer::Base64 | Transfer::Unknown => return None,
    };
    let Ok(deviation) = deviation;
    (!deviation.after_padding).then_some(Cow::Owned(out))
}

fn winmail(bytes: &[u8]) -> Option<Replacement> {
    let tnef = tnef::read(bytes).ok()?;
    let entity = compose::entity(&tnef.message, UNWRAPPED).ok()?;
    let mut told = vec![(Reason::Unwrapped, "winmail.dat")];
    if tnef.damaged {
        told.push((Reason::MessageIncomplete, "winmail.dat"));
    }
    Some(Replacement { entity, told })
}

/// Content that is signed and not encrypted; it is a MIME entity of its own.
fn signed(bytes: &[u8]) -> Option<Replacement> {
    let smime::Cms::Signed(entity) = smime::read(bytes) else { return None };
    // Without a header it is no mail that was signed but a file.
    let line = entity.split(|byte| *byte == b'\n').next()?;
    let header = line.trim_ascii().is_empty() || compose::contains(&line.to_ascii_lowercase(), b"content-");
    let mut told = vec![(Reason::Unwrapped, "S/MIME"), (Reason::Signature, "S/MIME")];
    if smime::is_followed(bytes) {
        told.push((Reason::SurplusBytes, "S/MIME"));
    }
    header.then_some(Replacement { entity, told })
}

fn from_text(part: &Part<'_>, bytes: &[u8], place: &str) -> Option<Replacement> {
    let found = inline::take_out(bytes, place)?;
    let media = super::fields::first(&part.fields, "Content-Type");
    let mut text = Vec::new();
    if let Some(media) = media {
        text.extend_from_slice(b"Content-Type:");
        text.extend_from_slice(media.value.trim_ascii_end());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"Content-Transfer-Encoding: 8bit\r\n\r\n");
    text.extend_from_slice(&found.text);
    let mut parts = vec![text];
    parts.extend(found.files);
    let entity = match parts.as_slice() {
        [text] => text.clone(),
        _ => compose::multipart("mixed", &parts).ok()?,
    };
    Some(Replacement { entity, told: found.told })
}

/// The kind of multipart that stands where `winmail.dat` stood: its text often repeats that of the mail.
pub(super) const UNWRAPPED: &str = "x-unwrapped";

/// Signed in signed in winmail.dat, and then some.
const MAX_ROUNDS: usize = 4;
/// Bytes that are searched for boundaries, those for each boundary counted; what is over stays closed.
const MAX_SEARCHED: u64 = 2 << 30;
const MARKS: [&[u8]; 4] = [b"ms-tnef", b"winmail.dat", b"pkcs7-mime", b"smime.p7m"];
/// Bytes of a header line that are looked at.
const MAX_LINE: usize = 1_000;
