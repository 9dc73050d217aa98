//! Texts in workbooks: short and long ones, of both generations, and the table of shared ones, which runs over several records.

use form::Reason;

use crate::charset;
use crate::error::{Error, size, within};
use crate::legacy::{at, wide};

/// Which Excel wrote the workbook: up to 95 texts are in some 8-bit set, from 97 on in Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Generation {
    Old,
    New,
}

/// A text with a length of one byte (`ShortXLUnicodeString`).
pub(super) fn short(bytes: &[u8], generation: Generation) -> Option<String> {
    let (len, rest) = bytes.split_first()?;
    body(rest, usize::from(*len), generation)
}

/// A text with a length of two bytes (`XLUnicodeString`).
pub(super) fn text(bytes: &[u8], generation: Generation) -> Option<String> {
    body(bytes.get(2..)?, usize::from(at::u16(bytes, 0)?), generation)
}

fn body(bytes: &[u8], len: usize, generation: Generation) -> Option<String> {
    match generation {
        Generation::Old => Some(charset::decode(bytes.get(..len)?, None).text),
        Generation::New => {
            let (flags, rest) = bytes.split_first()?;
            let is_wide = flags & WIDE != 0;
            Some(decoded(rest.get(..if is_wide { len.checked_mul(2)? } else { len })?, is_wide))
        }
    }
}

/// The lower halves of UTF-16, or all of it.
fn decoded(bytes: &[u8], is_wide: bool) -> String {
    if is_wide { wide(bytes) } else { bytes.iter().map(|byte| char::from(*byte)).collect() }
}

/// The shared texts ([MS-XLS] 2.4.265); what breaks off ends them.
pub(super) fn shared(parts: &[&[u8]], most: u64) -> Result<Vec<String>, Error> {
    let mut reader = Parts { parts, at: 8 };
    let mut texts = Vec::new();
    let mut held = 0_u64;
    while let Some(text) = reader.text() {
        // A text of no characters takes memory too.
        held = held.saturating_add(size(text.len())).saturating_add(1);
        within(Reason::LimitTextBytes, most, held)?;
        texts.push(text);
    }
    Ok(texts)
}

/// Records that continue one another.
struct Parts<'a> {
    parts: &'a [&'a [u8]],
    /// In the first of the parts that are left.
    at: usize,
}

impl<'a> Parts<'a> {
    fn text(&mut self) -> Option<String> {
        let len = self.u16()?;
        let mut flags = *self.some(1)?.first()?;
        let runs = if flags & RICH == 0 { 0 } else { usize::from(self.u16()?).checked_mul(4)? };
        let extra = if flags & PHONETIC == 0 {
            0
        } else {
            usize::from(self.u16()?).checked_add(usize::from(self.u16()?).checked_mul(0x1_0000)?)?
        };
        let mut left = usize::from(len);
        let mut text = String::new();
        while left > 0 {
            let is_wide = flags & WIDE != 0;
            let bytes = if is_wide { left.checked_mul(2)? } else { left };
            let here = self.parts.first()?.get(self.at..)?;
            let here = here.get(..bytes.min(here.len()))?;
            self.at = self.at.checked_add(here.len())?;
            left = left.checked_sub(if is_wide { here.len() / 2 } else { here.len() })?;
            text.push_str(&decoded(here, is_wide));
            if left > 0 {
                // The next record says anew how wide its characters are.
                self.parts = self.parts.get(1..)?;
                flags = *self.parts.first()?.first()?;
                self.at = 1;
            }
        }
        self.skip(runs.checked_add(extra)?)?;
        Some(text)
    }

    fn u16(&mut self) -> Option<u16> {
        at::u16(self.some(2)?, 0)
    }

    /// Bytes that stand together: no number is cut in two.
    fn some(&mut self, len: usize) -> Option<&'a [u8]> {
        while self.at >= self.parts.first()?.len() {
            self.parts = self.parts.get(1..)?;
            self.at = 0;
        }
        let end = self.at.checked_add(len)?;
        let found = self.parts.first()?.get(self.at..end)?;
        self.at = end;
        Some(found)
    }

    fn skip(&mut self, mut len: usize) -> Option<()> {
        while len > 0 {
            let here = self.parts.first()?.len().saturating_sub(self.at).min(len);
            self.at = self.at.checked_add(here)?;
            len = len.checked_sub(here)?;
            if len > 0 {
                self.parts = self.parts.get(1..)?;
                self.at = 0;
            }
        }
        Some(())
    }
}

const WIDE: u8 = 1;
const PHONETIC: u8 = 4;
const RICH: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_text_goes_on_in_the_next_record_in_another_width() {
        let first = [&[0; 8][..], &[4, 0, 0, b'a', b'b']].concat();
        let second = [1, 0x42, 0x30, 0x44, 0x30, 1, 0, 0, b'z'];
        assert_eq!(shared(&[&first, &second], 100).unwrap(), ["abあい", "z"]);
        assert!(shared(&[&first, &second], 8).is_err());
        for end in 0..second.len() {
            assert!(shared(&[&first, &second[..end]], 100).unwrap().len() < 2);
        }
    }
}
