//! Word: the text of a document by its table of pieces ([MS-DOC] 2.4.1), and that of Word 6 and 95 where it is in one piece.

use form::Reason;

use super::{at, wide};
use crate::charset;
use crate::compound::Compound;
use crate::error::{Error, size, within};

/// The text, then notes, headers, comments and text boxes.
pub(super) fn words(file: &Compound<'_>, most: u64) -> Result<String, Error> {
    let stream = |name: &str| file.root_stream(name, MAX_STREAM_BYTES);
    let document = stream("WordDocument")?.ok_or(Reason::Malformed)?;
    let flags = at::u16(&document, 0x0A).ok_or(Reason::Malformed)?;
    if flags & ENCRYPTED != 0 {
        return Err(Reason::Encrypted.into());
    }
    if at::u16(&document, 2).ok_or(Reason::Malformed)? < WORD_97 {
        return old(&document, flags, most);
    }
    let table = if flags & SECOND_TABLE != 0 { "1Table" } else { "0Table" };
    let table = stream(table)?.ok_or(Reason::Malformed)?;
    let raw = pieces(&document, &table, most)?;
    let ends: Option<Vec<u32>> = PARTS.iter().map(|place| at::u32(&document, *place)).collect();
    Ok(parted(&raw, &ends.ok_or(Reason::Malformed)?))
}

/// All characters of the document in their order.
fn pieces(document: &[u8], table: &[u8], most: u64) -> Result<Vec<char>, Error> {
    let plc = plc(document, table).ok_or(Reason::Malformed)?;
    // n + 1 positions of four bytes, then n descriptors of eight.
    let count = plc.len().saturating_sub(4) / 12;
    let descriptors = count.saturating_add(1).saturating_mul(4);
    let mut text = Vec::new();
    for number in 0..count {
        let one = || {
            let from = at::u32(plc, number.checked_mul(4)?)?;
            let to = at::u32(plc, number.checked_add(1)?.checked_mul(4)?)?;
            let place = at::u32(plc, descriptors.checked_add(number.checked_mul(8)?)?.checked_add(2)?)?;
            Some((usize::try_from(to.checked_sub(from)?).ok()?, place))
        };
        let (len, place) = one().ok_or(Reason::Malformed)?;
        within(Reason::LimitTextBytes, most, size(text.len().saturating_add(len)))?;
        let start = usize::try_from(place & PLACE).map_err(|_| Reason::Malformed)?;
        let is_narrow = place & NARROW != 0;
        let (start, bytes) = if is_narrow { (start / 2, len) } else { (start, len.saturating_mul(2)) };
        let bytes = start.checked_add(bytes).and_then(|end| document.get(start..end)).ok_or(Reason::Malformed)?;
        if is_narrow {
            text.extend(encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.chars());
        } else {
            // Half a pair counts as a place in the document, so units stay what they are until all pieces are there.
            text.extend(units(bytes));
        }
    }
    Ok(text)
}

/// One character for each unit: of a pair the first holds the character and the second nothing that is shown.
fn units(bytes: &[u8]) -> impl Iterator<Item = char> {
    wide(bytes)
        .chars()
        .flat_map(|c| std::iter::once(c).chain((c.len_utf16() == 2).then_some(NOTHING)))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The table of pieces: behind lists of changes that a quick save has left, in the table stream.
fn plc<'a>(document: &[u8], table: &'a [u8]) -> Option<&'a [u8]> {
    let start = usize::try_from(at::u32(document, CLX)?).ok()?;
    let len = usize::try_from(at::u32(document, CLX + 4)?).ok()?;
    let mut rest = table.get(start..start.checked_add(len)?)?;
    loop {
        match rest.first()? {
            1 => rest = rest.get(usize::from(at::u16(rest, 1)?).checked_add(3)?..)?,
            2 => return rest.get(5..usize::try_from(at::u32(rest, 1)?).ok()?.checked_add(5)?),
            _ => return None,
        }
    }
}

/// The parts of the text one after the other, as `lens` tells them apart, each on lines of its own.
fn parted(raw: &[char], lens: &[u32]) -> String {
    let mut text = String::new();
    let mut rest = raw;
    for len in lens {
        let len = usize::try_from(*len).unwrap_or(usize::MAX).min(rest.len());
        let (part, more) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = more;
        let part = shown(part);
        if !part.trim().is_empty() {
            text.push_str(part.trim_end());
            text.push('\n');
        }
    }
    text
}

/// What a reader sees of some text: marks become tabs and line ends, and instructions of fields go.
fn shown(raw: &[char]) -> String {
    let mut text = String::with_capacity(raw.len());
    // For each open field, whether its result has begun.
    let mut fields: Vec<bool> = Vec::new();
    let mut before = '\0';
    for c in raw {
        match c {
            '\u{13}' if fields.len() < MAX_FIELDS => fields.push(false),
            '\u{14}' => {
                if let Some(field) = fields.last_mut() {
                    *field = true;
                }
            }
            '\u{15}' => {
                fields.pop();
            }
            _ if fields.iter().any(|result| !result) => {}
            // The second of two marks ends the row.
            '\u{7}' => text.push(if before == '\u{7}' { '\n' } else { '\t' }),
            '\r' | '\u{B}' | '\u{C}' => text.push('\n'),
            '\u{1E}' => text.push('-'),
            '\t' => text.push('\t'),
            c if c.is_control() || *c == NOTHING => {}
            c => text.push(*c),
        }
        before = *c;
    }
    text
}

/// Word 6 and 95: the text stands as it is between two places, unless the file was saved quickly.
fn old(document: &[u8], flags: u16, most: u64) -> Result<String, Error> {
    if flags & IN_PIECES != 0 {
        return Err(Reason::UnsupportedType.into());
    }
    let place = |at: usize| at::u32(document, at).and_then(|place| usize::try_from(place).ok());
    let text = place(0x18).zip(place(0x1C)).and_then(|(from, to)| document.get(from..to)).ok_or(Reason::Malformed)?;
    within(Reason::LimitTextBytes, most, size(text.len()))?;
    let chars: Vec<char> = charset::decode(text, None).text.chars().collect();
    Ok(shown(&chars))
}

const MAX_STREAM_BYTES: u64 = 512 * 1024 * 1024;
const WORD_97: u16 = 0x00C1;
const IN_PIECES: u16 = 0x0004;
const ENCRYPTED: u16 = 0x0100;
const SECOND_TABLE: u16 = 0x0200;
/// `fcClx` in the header of the file.
const CLX: usize = 0x01A2;
/// Lengths of the text, footnotes, headers, comments, endnotes, text boxes, and text boxes in headers.
const PARTS: [usize; 7] = [0x4C, 0x50, 0x54, 0x5C, 0x60, 0x64, 0x68];
const NARROW: u32 = 1 << 30;
const PLACE: u32 = NARROW - 1;
const MAX_FIELDS: usize = 1_000;
/// Stands for the second unit of a pair.
const NOTHING: char = '\u{FFFF}';
