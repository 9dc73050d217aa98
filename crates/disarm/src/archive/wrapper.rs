//! Wrappers of one file: signed files (CMS), and two of the Macintosh (AppleSingle, BinHex 4).

use std::io::Write;

use form::name::FileName;
use form::{Limits, Place, Reason};

use super::bytes::slice;
use super::members::{Listed, Node, members};
use super::names::Name;
use super::output::Output;
use crate::error::{Error, size, within};
use crate::mail;
use crate::room::Part;
use crate::smime::{self, Cms};

/// A file that is signed. What was signed of a mail is a mail; a signature alone has nothing to hand on.
pub(super) fn signed(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let content = match smime::read(part.input) {
        Cms::Signed(content) => content,
        Cms::Detached => return Err(Reason::SignatureOnly.into()),
        Cms::Encrypted => return Err(Reason::EncryptedForRecipient.into()),
        Cms::Other => return Err(Reason::Malformed.into()),
    };
    part.findings.add(Reason::Unwrapped, Place::new("S/MIME"));
    part.findings.add(Reason::Signature, Place::new("S/MIME"));
    part.findings.add_many(Reason::SurplusBytes, u32::from(smime::is_followed(part.input)), Place::new("S/MIME"));
    if smime::is_entity(&content) {
        return mail::disarm_as(&content, part.detected, part.findings, part.job, form, spill);
    }
    let name = own_name(&part, &["p7m", "p7s"]);
    file(part, Name::labelled_utf8(name.as_bytes()), &content, form, spill)
}

/// RFC 1740: a table of what a Macintosh keeps of a file; the data fork is the file.
pub(super) fn apple_single(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let (mut data, mut name, mut others) = (None, None, 0_u32);
    let input = part.input;
    let count = number(input, 24, 2).ok_or(Reason::Malformed)?;
    let mut covered = vec![(0, count.saturating_mul(12).saturating_add(26))];
    for entry in 0..count {
        let at = entry.saturating_mul(12).saturating_add(26);
        let field = |offset: u64| number(input, at.saturating_add(offset), 4);
        let (Some(kind), Some(from), Some(len)) = (field(0), field(4), field(8)) else {
            return Err(Reason::Malformed.into());
        };
        let content = slice(input, from, len).ok_or(Reason::Malformed)?;
        covered.push((from, from.saturating_add(len)));
        let slot = match kind {
            DATA_FORK => &mut data,
            REAL_NAME => &mut name,
            _ => {
                others = others.saturating_add(u32::from(!content.is_empty()));
                continue;
            }
        };
        // Two of one kind are two files in one.
        if slot.replace(content).is_some() {
            return Err(Reason::AmbiguousStructure.into());
        }
    }
    part.findings.add_many(Reason::Metadata, others, Place::new("AppleSingle"));
    let is_surplus = has_more(input, covered);
    part.findings.add_many(Reason::SurplusBytes, u32::from(is_surplus), Place::new("AppleSingle"));
    let own = own_name(&part, &["as", "applesingle"]);
    let name = name.map_or(Name::labelled_utf8(own.as_bytes()), |raw| Name::Raw(raw.into()));
    file(part, name, data.ok_or(Reason::Malformed)?, form, spill)
}

/// Whether something other than zeros stands outside these ranges, each from its first byte to behind its last.
fn has_more(input: &[u8], mut covered: Vec<(u64, u64)>) -> bool {
    covered.sort_unstable();
    covered.push((size(input.len()), size(input.len())));
    let mut end = 0;
    covered.into_iter().any(|(from, behind)| {
        let gap = slice(input, end, from.saturating_sub(end)).unwrap_or_default();
        end = end.max(behind);
        gap.iter().any(|byte| *byte != 0)
    })
}

/// RFC 1741, appendix A: letters of six bits, runs, then name, data fork and resource fork, each with a checksum.
pub(super) fn binhex(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let (bytes, behind) = letters(part.input, &part.job.limits)?;
    let malformed = || Error::from(Reason::Malformed);
    let name_len = number(&bytes, 0, 1).ok_or_else(malformed)?;
    let head = name_len.saturating_add(20);
    let sizes = (number(&bytes, head.saturating_sub(8), 4), number(&bytes, head.saturating_sub(4), 4));
    let (Some(data_len), Some(resource_len)) = sizes else { return Err(malformed()) };
    checked(&bytes, 0, head).ok_or_else(malformed)?;
    let data_at = head.saturating_add(2);
    let data = checked(&bytes, data_at, data_len).ok_or_else(malformed)?;
    let resource_at = data_at.saturating_add(data_len).saturating_add(2);
    checked(&bytes, resource_at, resource_len).ok_or_else(malformed)?;
    let end = usize::try_from(resource_at.saturating_add(resource_len).saturating_add(2)).unwrap_or(usize::MAX);
    let is_surplus = bytes.iter().skip(end).any(|byte| *byte != 0) || behind.iter().any(|byte| !is_filler(*byte));
    part.findings.add_many(Reason::SurplusBytes, u32::from(is_surplus), Place::new("BinHex"));
    part.findings.add_many(Reason::Metadata, u32::from(resource_len > 0), Place::new("BinHex"));
    let name = slice(&bytes, 1, name_len).filter(|name| !name.is_empty()).ok_or_else(malformed)?;
    file(part, Name::Raw(name.into()), data, form, spill)
}

/// What ends a file without saying anything.
fn is_filler(byte: u8) -> bool {
    byte == 0 || byte.is_ascii_whitespace()
}

/// The bytes behind the letters, their runs written out, and what follows the letters.
fn letters<'a>(input: &'a [u8], limits: &Limits) -> Result<(Vec<u8>, &'a [u8]), Error> {
    let start = input.iter().position(|byte| *byte == b':').ok_or(Reason::Malformed)?;
    let mut out: Vec<u8> = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut is_run = false;
    let mut rest = input.get(start.saturating_add(1)..).unwrap_or_default();
    while let Some((letter, behind)) = rest.split_first() {
        rest = behind;
        if letter.is_ascii_whitespace() {
            continue;
        }
        if *letter == b':' {
            return if is_run { Err(Reason::Malformed.into()) } else { Ok((out, behind)) };
        }
        let value = LETTERS.iter().position(|known| known == letter).and_then(|value| u32::try_from(value).ok());
        held = (held << 6 | value.ok_or(Reason::Malformed)?) & 0xFFFF;
        bits += 6;
        if bits < 8 {
            continue;
        }
        bits -= 8;
        let byte = u8::try_from(held >> bits & 0xFF).unwrap_or(0);
        match (std::mem::take(&mut is_run), byte) {
            (false, RUN) => is_run = true,
            (false, byte) => out.push(byte),
            (true, 0) => out.push(RUN),
            (true, times) => {
                let last = *out.last().ok_or(Reason::Malformed)?;
                out.resize(out.len().saturating_add(usize::from(times)).saturating_sub(1), last);
            }
        }
        within(Reason::LimitSpillBytes, limits.spill_bytes, size(out.len()))?;
    }
    Err(Reason::Malformed.into())
}

/// Bytes whose checksum stands behind them.
fn checked(bytes: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let data = slice(bytes, at, len)?;
    let sum = data.iter().fold(0_u16, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 })
    });
    (number(bytes, at.checked_add(len)?, 2)? == u64::from(sum)).then_some(data)
}

/// A number of so many bytes, the highest first.
fn number(bytes: &[u8], at: u64, len: u64) -> Option<u64> {
    slice(bytes, at, len).map(|digits| digits.iter().fold(0, |sum, digit| sum << 8 | u64::from(*digit)))
}

/// The name of the wrapper without its own extension.
fn own_name(part: &Part<'_>, extensions: &[&str]) -> String {
    let Some(name) = part.job.declared_name.as_ref() else { return "file".to_owned() };
    let is_own = |extension: &str| extensions.iter().any(|own| own.eq_ignore_ascii_case(extension));
    if name.extension().is_some_and(is_own) { FileName::stem(name).to_owned() } else { name.as_str().to_owned() }
}

fn file(
    mut part: Part<'_>,
    name: Name<'_>,
    data: &[u8],
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Error> {
    let limits = &part.job.limits;
    let listed = [Listed { name, node: Node::File, has_data: true }];
    let named = members(&listed, limits, &mut part.findings)?;
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for member in named {
        let spill = output.spill();
        spill.begin();
        spill.write(data)?;
        output.member(member.path, None, None)?;
    }
    output.finish(part.findings)
}

const DATA_FORK: u64 = 1;
const REAL_NAME: u64 = 3;
/// What follows says how often the byte before stands there; none, that this is a byte itself.
const RUN: u8 = 0x90;
const LETTERS: &[u8; 64] = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
