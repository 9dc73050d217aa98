//! Names that a workbook gives to cells and values, for a workbook that a converter writes without reading what they stand for: the room
//! that reads the original hands them out, and the one that reads what the converter wrote gets them with its [job](crate::job).

use crate::codec::DecodeError;
use crate::container::take_line;
use crate::reason::Reason;
use crate::text::Line;
use crate::wire::{Cursor, Sink, size};

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookName {
    /// The name as it stands in a formula, or the one that ECMA-376 (part 1, section 18.2.5) gives to print areas and the like.
    pub name: Line,
    /// The only sheet on which it means something.
    pub sheet: Option<Line>,
    /// What it stands for, without `=`.
    pub formula: Line,
}

/// Names of one workbook, as many as fit into what a room is told beside its input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookNames {
    names: Vec<BookName>,
    bytes: usize,
}

impl BookNames {
    /// The most bytes of all names together.
    pub const MAX_BYTES: usize = 8 * 1024;
    /// The most names.
    pub const MAX: u32 = 300;

    /// Takes one more. False, and nothing is taken, where it does not fit.
    pub fn push(&mut self, name: BookName) -> bool {
        let sheet = name.sheet.as_ref().map_or(0, |sheet| sheet.as_str().len());
        let more = name.name.as_str().len().saturating_add(sheet).saturating_add(name.formula.as_str().len());
        let bytes = self.bytes.saturating_add(more);
        let fits = bytes <= Self::MAX_BYTES && size(self.names.len()) < Self::MAX.into();
        if fits {
            self.names.push(name);
            self.bytes = bytes;
        }
        fits
    }

    /// The names in their order.
    pub fn iter(&self) -> impl Iterator<Item = &BookName> {
        self.names.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut sink = Sink::default();
        self.put(&mut sink);
        sink.into_vec()
    }

    /// The names of bytes.
    ///
    /// # Errors
    /// Any [`DecodeError`] of a value: cut off, out of bounds, or followed by something.
    pub fn decode(bytes: &[u8]) -> Result<BookNames, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let names = BookNames::take(&mut cursor)?;
        cursor.finish()?;
        Ok(names)
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.list(&self.names, |name, sink| {
            sink.string(name.name.as_str());
            sink.option(name.sheet.as_ref(), |sheet, sink| sink.string(sheet.as_str()));
            sink.string(name.formula.as_str());
        });
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<BookNames, DecodeError> {
        let listed = cursor.list(Self::MAX, Reason::FormInvalid, |cursor| {
            Ok(BookName {
                name: take_line(cursor, "name")?,
                sheet: cursor.option(|cursor| take_line(cursor, "sheet of a name"))?,
                formula: take_line(cursor, "formula of a name")?,
            })
        })?;
        let mut names = BookNames::default();
        for name in listed {
            if !names.push(name) {
                return Err(DecodeError::Malformed("names of a workbook"));
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text).unwrap()
    }

    fn name(formula: &str) -> BookName {
        BookName { name: line("単価"), sheet: Some(line("明細")), formula: line(formula) }
    }

    #[test]
    fn names_come_out_as_they_went_in() {
        let mut names = BookNames::default();
        assert!(names.push(name("'明細'!$A$1:$B$9")));
        assert!(names.push(BookName { sheet: None, ..name("0.1") }));
        let bytes = names.encode();
        assert_eq!(BookNames::decode(&bytes).unwrap(), names);
        for end in 0..bytes.len() {
            assert!(BookNames::decode(&bytes[..end]).is_err(), "{end}");
        }
        assert!(matches!(BookNames::decode(&[&bytes[..], &[0]].concat()), Err(DecodeError::Trailing)));
    }

    #[test]
    fn more_bytes_or_names_than_allowed_are_not_taken() {
        // A name and its sheet have six bytes each.
        let longest = "1".repeat(BookNames::MAX_BYTES - 12);
        let mut names = BookNames::default();
        assert!(!names.push(name(&format!("{longest}1"))) && names.is_empty());
        assert!(names.push(name(&longest)));
        assert!(!names.push(BookName { name: line("a"), sheet: None, formula: line("") }));
        assert!(BookNames::decode(&names.encode()).is_ok());

        let mut names = BookNames::default();
        let empty = BookName { name: line(""), sheet: None, formula: line("") };
        for _ in 0..BookNames::MAX {
            assert!(names.push(empty.clone()));
        }
        assert!(!names.push(empty));
        let mut bytes = names.encode();
        assert!(BookNames::decode(&bytes).is_ok());
        bytes[..4].copy_from_slice(&(BookNames::MAX + 1).to_le_bytes());
        bytes.extend([0; 9]);
        assert!(BookNames::decode(&bytes).is_err());
    }
}
