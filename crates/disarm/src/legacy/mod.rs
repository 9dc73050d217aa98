//! The words of documents that only LibreOffice reads, for sites that would rather have words than nothing where it is missing or fails.
//!
//! Nothing but text is taken: no layout, no pictures, no formulas. What a program would hide (deleted or hidden passages) may be among
//! the words, because telling it apart takes the formatting that is not read. Everything is bounded by the text that a job may have.

pub(crate) mod binary_book;
mod rtf;
mod sheet;
mod slides;
mod word;

use std::io::Write;

use form::{Place, Reason};

use crate::compound::Compound;
use crate::error::Error;
use crate::room::Part;
use crate::text;

/// Writes the words of a doc, xls, ppt or rtf as a text.
pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let most = part.job.limits.text_bytes;
    let words = match part.detected.as_str() {
        "rtf" => rtf::words(part.input, most)?,
        "doc" => word::words(&Compound::open(part.input)?, most)?,
        "xls" => sheet::words(&Compound::open(part.input)?, most, part.job.limits.cells)?,
        "ppt" => slides::words(&Compound::open(part.input)?, most)?,
        _ => return Err(Reason::ConverterUnavailable.into()),
    };
    if words.trim().is_empty() {
        // An empty text would look as if the sender had written nothing.
        return Err(Reason::UnsupportedType.into());
    }
    part.findings.add(Reason::TextOnly, Place::new(part.detected.as_str()));
    text::write(part, &words, form)
}

/// Numbers out of bytes, little-endian, at a place; `None` past the end.
mod at {
    pub(super) fn u16(bytes: &[u8], at: usize) -> Option<u16> {
        bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
    }

    pub(super) fn u32(bytes: &[u8], at: usize) -> Option<u32> {
        bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    pub(super) fn f64(bytes: &[u8], at: usize) -> Option<f64> {
        bytes.get(at..)?.first_chunk().copied().map(f64::from_le_bytes)
    }
}

/// Text in UTF-16; what is no character is marked as such.
fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|two| two.try_into().ok()).map(u16::from_le_bytes);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
