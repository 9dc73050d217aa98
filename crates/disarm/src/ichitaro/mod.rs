//! 一太郎 (Ichitaro) 8 and later: the text of a document. Experimental: the format is not published.
//!
//! What is known comes from files that were looked at in public: a compound file whose stream `DocumentText` is a [`store`] of blocks;
//! in it the text in UTF-16 (big-endian), with records between the words that begin with U+001C and say themselves how long they are.
//! Layout, pictures, frames, notes and sheets of their own are not read. A record that does not end where it says ends the reading: what
//! comes then is not known to be text, so the document is refused rather than told in part.

mod store;

use std::io::Write;

use form::{Limits, Place, Reason};

use crate::archive::lzh;
use crate::compound::Compound;
use crate::error::{Error, size, within};
use crate::room::Part;
use crate::text;

/// Writes the text of a document.
pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let file = Compound::open(part.input)?;
    let packed = file.root_stream("JSCompDocument", size(part.input.len()))?;
    let plain = file.root_stream("DocumentText", size(part.input.len()))?;
    let stream = match &packed {
        // Two documents in one: nobody knows which of them a reader takes.
        Some(_) if plain.is_some() => return Err(Reason::AmbiguousStructure.into()),
        Some(packed) => {
            let (document, is_followed) = unpacked(packed, &part.job.limits)?;
            let place = Place::new(part.detected.as_str());
            part.findings.add_many(Reason::SurplusBytes, u32::from(is_followed), place);
            Compound::open(&document)?.root_stream("DocumentText", size(document.len()))?
        }
        None => plain,
    };
    // Other documents of the same maker have the same frame.
    let stream =
        stream.ok_or(if part.detected.as_str() == "jtdc" { Reason::ForeignDocument } else { Reason::Malformed })?;
    let units = store::units(&stream).ok_or(Reason::Malformed)?;
    within(Reason::LimitTextBytes, part.job.limits.text_bytes, size(units.len()))?;
    let words = words(&units).ok_or(Reason::Malformed)?;
    part.findings.add(Reason::TextOnly, Place::new(part.detected.as_str()));
    text::write(part, &words, form)
}

/// The document in a compressed one (jtdc, jttc), and whether more follows it: behind a head that says its own length lies an LZH archive with one member.
fn unpacked(stream: &[u8], limits: &Limits) -> Result<(Vec<u8>, bool), Error> {
    let len = stream.first_chunk().map_or(0, |len| u16::from_le_bytes(*len));
    let archive = stream
        .split_at_checked(len.into())
        .filter(|(head, _)| head.get(2..).is_some_and(|head| head.starts_with(HEAD)));
    // What has another head is of another version, of which nothing is known.
    let (_, archive) = archive.ok_or(Reason::ForeignDocument)?;
    lzh::single(archive, MAX_DOCUMENT_BYTES, limits)
}

/// What a reader sees of the text; `None` where a record does not keep to its form.
fn words(units: &[u16]) -> Option<String> {
    let mut shown: Vec<u16> = Vec::with_capacity(units.len());
    let mut rest = units;
    while let Some((unit, more)) = rest.split_first() {
        rest = match *unit {
            RECORD if rest.get(1) == Some(&INLINE) => inline(rest, &mut shown)?,
            RECORD => behind(rest)?,
            END => break,
            PARAGRAPH | ROW | PAGE => {
                shown.push(LINE_END);
                more
            }
            unit => {
                if unit >= FIRST_SHOWN || unit == TAB {
                    shown.push(unit);
                }
                more
            }
        };
    }
    Some(String::from_utf16_lossy(&shown))
}

/// What stands behind a record, which says its length in front and at its end.
fn behind(units: &[u16]) -> Option<&[u16]> {
    let (class, len) = (*units.get(1)?, *units.get(2)?);
    let (record, rest) = units.split_at_checked(len.into())?;
    let footer = record.get(record.len().checked_sub(4)?..)?;
    (record.len() >= MIN_RECORD && footer == [len, 0, class, WORDS]).then_some(rest)
}

/// A record around words in a line: words that are spread, readings of those before, places in forms, and what these ask for. Gives what
/// stands behind it.
fn inline<'a>(units: &'a [u16], shown: &mut Vec<u16>) -> Option<&'a [u16]> {
    let (head, rest) = units.split_first_chunk::<7>()?;
    let [_, _, len, _, kind, of, mark] = *head;
    if len != 7 || mark != INLINE_TEXT {
        return None;
    }
    let end = rest.iter().position(|unit| *unit == INLINE_END)?;
    let (text, footer) = rest.split_at_checked(end)?;
    let (footer, rest) = footer.split_first_chunk::<5>()?;
    if *footer != [INLINE_END, 5, 0, INLINE, WORDS] {
        return None;
    }
    let text = text.iter().copied().filter(|unit| *unit >= FIRST_SHOWN || *unit == TAB);
    match (kind, of) {
        INSTRUCTION => {}
        RUBY => {
            shown.push(BEFORE_READING);
            shown.extend(text);
            shown.push(BEHIND_READING);
        }
        _ => shown.extend(text),
    }
    Some(rest)
}

const HEAD: &[u8] = b"JustCompressedDocument\0";
/// Bytes of a document that was compressed, which is held whole.
const MAX_DOCUMENT_BYTES: u64 = 256 * 1024 * 1024;
const RECORD: u16 = 0x1C;
const INLINE_TEXT: u16 = 0x1D;
const INLINE_END: u16 = 0x1E;
/// Words begin, or go on.
const WORDS: u16 = 0x1F;
const INLINE: u16 = 1;
const END: u16 = 0;
const TAB: u16 = 0x09;
const PARAGRAPH: u16 = 0x0A;
const PAGE: u16 = 0x0C;
const ROW: u16 = 0x0E;
const FIRST_SHOWN: u16 = 0x20;
const LINE_END: u16 = 0x0A;
/// Mark, class, length, and the last four again.
const MIN_RECORD: usize = 7;
/// The reading of the words before.
const RUBY: (u16, u16) = (1, 0x82);
/// What a form asks for, which is not printed.
const INSTRUCTION: (u16, u16) = (1, 0);
/// Full-width parentheses, as readings are written in plain text.
const BEFORE_READING: u16 = 0xFF08;
const BEHIND_READING: u16 = 0xFF09;

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    /// A record of a paragraph with one item, and one around words in a line, as they stand in files.
    const PARAGRAPH_HEAD: [u16; 12] = [0x1C, 0x10, 12, 0, 0x24, 1, 0xFFFF, 0, 12, 0, 0x10, 0x1F];

    fn around(kind: u16, of: u16, text: &str) -> Vec<u16> {
        [&[0x1C, 1, 7, 0, kind, of, 0x1D], wide(text).as_slice(), &[0x1E, 5, 0, 1, 0x1F]].concat()
    }

    #[test]
    fn words_between_records_are_the_text() {
        let units = [
            PARAGRAPH_HEAD.as_slice(),
            &wide("件名\t通知\n"),
            &around(0, 3, "銀河"),
            &around(1, 0x82, "ぎんが"),
            &around(1, 0, "ここに氏名"),
            &around(0, 1, "氏名"),
            &[ROW],
            &wide("以上"),
            &[END],
            &wide("no text"),
        ];
        assert_eq!(words(&units.concat()).unwrap(), "件名\t通知\n銀河（ぎんが）氏名\n以上");
    }

    #[test]
    fn a_record_that_does_not_keep_to_its_form_is_no_guess() {
        for at in [1, 2, 8, 9, 10, 11] {
            let mut units = PARAGRAPH_HEAD;
            units[at] ^= 3;
            assert_eq!(words(&units), None, "{at}");
        }
        for end in 1..PARAGRAPH_HEAD.len() {
            assert_eq!(words(&PARAGRAPH_HEAD[..end]), None, "{end}");
        }
        let inline = around(0, 3, "x");
        for end in 1..inline.len() {
            assert_eq!(words(&inline[..end]), None, "{end}");
        }
    }
}
