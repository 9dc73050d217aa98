//! What the names of a workbook stand for ([MS-XLSB] 2.4.711, BrtName): places in its own sheets and values, as formulas of today. Names that
//! nobody sees are left out: programs keep functions of later versions and the like in them.

use std::collections::BTreeSet;

use form::book_names::{BookName, BookNames};
use form::text::Line;

use super::{records, words};
use crate::legacy::{at, wide};

/// The names of a workbook.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Those that can be said in a formula.
    pub(super) carried: BookNames,
    /// Sheets with a print area or repeated titles that cannot.
    pub(super) printed: BTreeSet<String>,
    /// Other names that cannot, as they stand in formulas.
    pub(super) lost: BTreeSet<String>,
}

/// The names in the main part of a workbook.
pub(super) fn read(book: &[u8]) -> Names {
    let (mut known, mut names) = (Known::default(), Names::default());
    for record in records(book) {
        match record.kind {
            SHEET => {
                let name = words(record.body, SHEET_ID).and_then(|(_, end)| words(record.body, end));
                known.sheets.push(name.map_or_else(String::new, |(name, _)| name));
            }
            OWN_BOOK | SAME_SHEET | OTHER_BOOK | ADD_IN => {
                if record.kind == OWN_BOOK {
                    known.own = Some(known.books);
                }
                known.books = known.books.saturating_add(1);
            }
            PLACES => known.places = record.body.get(4..).unwrap_or_default().to_vec(),
            NAME => known.name(record.body, &mut names),
            _ => {}
        }
    }
    names
}

/// What names refer to by number.
#[derive(Default)]
struct Known {
    sheets: Vec<String>,
    /// Books that formulas may refer to, so far, and which of them is this one.
    books: u32,
    own: Option<u32>,
    /// Three numbers for each place: the book, its first and its last sheet ([MS-XLSB], BrtExternSheet).
    places: Vec<u8>,
}

impl Known {
    fn name(&self, body: &[u8], names: &mut Names) {
        let (Some(flags), Some(on)) = (at::u32(body, 0), at::u32(body, NAME_SHEET)) else { return };
        let Some((name, end)) = words(body, NAME_TEXT) else { return };
        let is_print = flags & BUILT_IN != 0 && PRINT_NAMES.contains(&name.trim_start_matches(OF_EXCEL));
        if (flags & BUILT_IN != 0 && !is_print) || flags & (HIDDEN | PROCEDURE) != 0 {
            return;
        }
        let sheet = usize::try_from(on).ok().and_then(|on| self.sheets.get(on));
        let is_somewhere = sheet.is_some() || (on == EVERYWHERE && !is_print);
        let carried = self.formula(body.get(end..).unwrap_or_default()).filter(|_| is_somewhere).and_then(|formula| {
            let name = if is_print { format!("{OF_EXCEL}{}", name.trim_start_matches(OF_EXCEL)) } else { name.clone() };
            Some(BookName {
                name: Line::parse(&name).ok()?,
                sheet: sheet.map(|sheet| Line::parse(sheet)).transpose().ok()?,
                formula: Line::parse(&formula).ok()?,
            })
        });
        if carried.is_some_and(|name| names.carried.push(name)) {
            return;
        }
        match (sheet, is_print) {
            (Some(sheet), true) => drop(names.printed.insert(sheet.clone())),
            (None, true) => {}
            (Some(sheet), false) => drop(names.lost.insert(format!("{sheet}!{name}"))),
            (None, false) => drop(names.lost.insert(name)),
        }
    }

    /// A formula of places and values ([MS-XLSB] 2.5.97); `None` for any other.
    fn formula(&self, parsed: &[u8]) -> Option<String> {
        let end = usize::try_from(at::u32(parsed, 0)?).ok()?.checked_add(4)?;
        let mut tokens = parsed.get(4..end)?;
        let mut waiting: Vec<String> = Vec::new();
        while let Some((token, rest)) = tokens.split_first() {
            // References come in three classes, which differ in two bits.
            let token = if *token < 0x20 { *token } else { token & 0x1F | 0x20 };
            let (operand, length) = match token {
                // Places beside one another.
                0x10 => {
                    let (second, first) = (waiting.pop()?, waiting.pop()?);
                    (Some(format!("{first},{second}")), 0)
                }
                0x13 => (Some(format!("-{}", waiting.pop()?)), 0),
                0x15 => (Some(format!("({})", waiting.pop()?)), 0),
                0x17 => {
                    let length = usize::from(at::u16(rest, 0)?).checked_mul(2)?.checked_add(2)?;
                    (Some(format!("\"{}\"", wide(rest.get(2..length)?).replace('"', "\"\""))), length)
                }
                // Blanks.
                0x19 if rest.first() == Some(&0x40) => (None, 3),
                0x1D => (Some(if rest.first()? & 1 == 0 { "FALSE" } else { "TRUE" }.to_owned()), 1),
                0x1E => (Some(at::u16(rest, 0)?.to_string()), 2),
                0x1F => (Some(at::f64(rest, 0).filter(|number| number.is_finite())?.to_string()), 8),
                // How many bytes come to a place.
                0x26 => (None, 6),
                0x29 => (None, 2),
                0x3A => {
                    let cell = Cell { row: at::u32(rest, 2)?, column: at::u16(rest, 6)? };
                    (Some(self.placed(rest, &cell.text()?)?), 8)
                }
                0x3B => {
                    let first = Cell { row: at::u32(rest, 2)?, column: at::u16(rest, 10)? };
                    let last = Cell { row: at::u32(rest, 6)?, column: at::u16(rest, 12)? };
                    (Some(self.placed(rest, &area(&first, &last)?)?), 14)
                }
                // What was deleted.
                0x3C => (Some("#REF!".to_owned()), 8),
                0x3D => (Some("#REF!".to_owned()), 14),
                _ => return None,
            };
            // All of it would stand in the formula, and be copied by each token that takes it up.
            if operand.as_ref().is_some_and(|operand| operand.len() > MAX_BYTES) {
                return None;
            }
            tokens = rest.get(length..)?;
            waiting.extend(operand);
        }
        let formula = waiting.pop()?;
        waiting.is_empty().then_some(formula)
    }

    /// Cells of the sheet that a reference begins with the number of.
    fn placed(&self, reference: &[u8], cells: &str) -> Option<String> {
        let place = usize::from(at::u16(reference, 0)?).checked_mul(12)?;
        let [book, first, last] = [0, 4, 8].map(|more| at::u32(&self.places, place.checked_add(more)?));
        if self.own.is_none() || book? != self.own? || first? != last? {
            return None;
        }
        match first? {
            DELETED => Some("#REF!".to_owned()),
            sheet => {
                let name = self.sheets.get(usize::try_from(sheet).ok()?)?;
                Some(format!("'{}'!{cells}", name.replace('\'', "''")))
            }
        }
    }
}

/// A row from 0, and a column from 0 with two bits that say whether either moves with who asks.
struct Cell {
    row: u32,
    column: u16,
}

impl Cell {
    /// `None` where it moves, or is no cell of a sheet.
    fn text(&self) -> Option<String> {
        Some(format!("${}${}", self.column()?, self.row()?))
    }

    fn row(&self) -> Option<u32> {
        self.row.checked_add(1).filter(|_| self.row <= LAST_ROW)
    }

    fn column(&self) -> Option<String> {
        let mut left = u32::from(self.column).checked_add(1).filter(|_| self.column <= LAST_COLUMN)?;
        let mut letters = Vec::new();
        while left > 0 {
            let digit = left.checked_sub(1)?;
            letters.push(char::from(b'A'.checked_add(u8::try_from(digit % 26).ok()?)?));
            left = digit / 26;
        }
        Some(letters.into_iter().rev().collect())
    }
}

/// Cells from one to another; whole rows and columns are said without the others.
fn area(first: &Cell, last: &Cell) -> Option<String> {
    let (columns, rows) = ((first.column()?, last.column()?), (first.row()?, last.row()?));
    Some(if (first.row, last.row) == (0, LAST_ROW) {
        format!("${}:${}", columns.0, columns.1)
    } else if (first.column, last.column) == (0, LAST_COLUMN) {
        format!("${}:${}", rows.0, rows.1)
    } else {
        format!("${}${}:${}${}", columns.0, rows.0, columns.1, rows.1)
    })
}

/// Where in the record of a sheet its relationship stands, before its name; and in that of a name its sheet and its text.
const SHEET_ID: usize = 8;
const NAME_SHEET: usize = 5;
const NAME_TEXT: usize = 9;
/// In the place of a sheet: none of them, and one that was deleted.
const EVERYWHERE: u32 = u32::MAX;
const DELETED: u32 = u32::MAX;
/// A name that nobody sees, one of a macro, and one of Excel's own.
const HIDDEN: u32 = 1;
const PROCEDURE: u32 = 8;
const BUILT_IN: u32 = 0x20;
/// How files of today begin a name of Excel's own, and two such names.
const OF_EXCEL: &str = "_xlnm.";
const PRINT_NAMES: [&str; 2] = ["Print_Area", "Print_Titles"];
const LAST_ROW: u32 = 0xF_FFFF;
const LAST_COLUMN: u16 = 0x3FFF;
/// Bytes of a formula: Excel takes 8,192 characters.
const MAX_BYTES: usize = 8_192;

const NAME: u16 = 39;
const SHEET: u16 = 156;
const OTHER_BOOK: u16 = 355;
const OWN_BOOK: u16 = 357;
const SAME_SHEET: u16 = 358;
const PLACES: u16 = 362;
const ADD_IN: u16 = 667;

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::super::tests::{parsed, record};
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [&u32::try_from(text.encode_utf16().count()).unwrap().to_le_bytes()[..], &units].concat()
    }

    fn sheet(name: &str) -> Vec<u8> {
        record(SHEET, &[&[0; 4][..], &[9, 0, 0, 0], &text("rId1"), &text(name)].concat())
    }

    fn name(flags: u32, sheet: u32, name: &str, tokens: &[u8]) -> Vec<u8> {
        let body = [&flags.to_le_bytes()[..], &[0], &sheet.to_le_bytes(), &text(name), &parsed(tokens)];
        record(NAME, &body.concat())
    }

    /// Two sheets, and four places: each of them, one that was deleted, one of another book.
    fn start() -> Vec<u8> {
        let places: [[u32; 3]; 4] = [[1, 0, 0], [1, 1, 1], [1, u32::MAX, u32::MAX], [0, 0, 0]];
        let places: Vec<u8> = places.concat().into_iter().flat_map(u32::to_le_bytes).collect();
        [
            sheet("集計"),
            sheet("A's"),
            record(OTHER_BOOK, &text("rId9")),
            record(OWN_BOOK, &[]),
            record(PLACES, &[&[4, 0, 0, 0][..], &places].concat()),
        ]
        .concat()
    }

    /// D4 of the first sheet, and A1:D10.
    const CELL: [u8; 9] = [0x3A, 0, 0, 3, 0, 0, 0, 3, 0];
    const AREA: [u8; 15] = [0x3B, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 3, 0];

    fn said(names: &Names) -> Vec<(&str, Option<&str>, &str)> {
        let names = names.carried.iter();
        names.map(|one| (one.name.as_str(), one.sheet.as_ref().map(Line::as_str), one.formula.as_str())).collect()
    }

    #[test]
    fn names_of_places_and_values_are_formulas() {
        // Tokens by [MS-XLSB] 2.5.97; the texts are what Excel shows for them.
        let table: [(&[u8], Option<&str>); 20] = [
            (&CELL, Some("'集計'!$D$4")),
            (&AREA, Some("'集計'!$A$1:$D$10")),
            // Another class of reference, and a sheet with an apostrophe.
            (&[0x5A, 1, 0, 0, 0, 0, 0, 0, 0], Some("'A''s'!$A$1")),
            (&[0x3A, 0, 0, 0xFF, 0xFF, 0xF, 0, 0xFF, 0x3F], Some("'集計'!$XFD$1048576")),
            // Whole columns, whole rows, and both beside one another, as titles are.
            (&[0x3B, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xF, 0, 26, 0, 27, 0], Some("'集計'!$AA:$AB")),
            (&[0x3B, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0xFF, 0x3F], Some("'集計'!$1:$2")),
            (&[&[0x29, 20, 0][..], &CELL, &CELL, &[0x10]].concat(), Some("'集計'!$D$4,'集計'!$D$4")),
            (&[0x1E, 10, 0], Some("10")),
            (&[0x1E, 10, 0, 0x13], Some("-10")),
            (&[&[0x1F][..], &0.08_f64.to_le_bytes()].concat(), Some("0.08")),
            (&[0x17, 2, 0, 0x42, 0x30, b'"', 0], Some("\"あ\"\"\"")),
            (&[0x1D, 1], Some("TRUE")),
            // Deleted: the sheet, the cells.
            (&[0x3A, 2, 0, 0, 0, 0, 0, 0, 0], Some("#REF!")),
            (&[0x3D, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 3, 0], Some("#REF!")),
            // Cells that move with who asks, another book, a place that is not there, a sum, another name, nothing.
            (&[0x3A, 0, 0, 3, 0, 0, 0, 3, 0xC0], None),
            (&[0x3A, 3, 0, 3, 0, 0, 0, 3, 0], None),
            (&[0x3A, 4, 0, 3, 0, 0, 0, 3, 0], None),
            (&[0x1E, 10, 0, 0x1E, 10, 0, 0x03], None),
            (&[0x43, 1, 0, 0, 0], None),
            (&[], None),
        ];
        for (tokens, formula) in table {
            let names = read(&[start(), name(0, u32::MAX, "単価", tokens)].concat());
            match formula {
                Some(formula) => assert_eq!(said(&names), [("単価", None, formula)]),
                None => assert_eq!(names.lost, ["単価".to_owned()].into(), "{tokens:?}"),
            }
        }
    }

    #[test]
    fn print_areas_and_titles_are_names_of_excels_own() {
        let book = [
            start(),
            name(BUILT_IN, 0, "Print_Area", &AREA),
            name(BUILT_IN, 1, "_xlnm.Print_Titles", &AREA),
            name(BUILT_IN, 1, "Print_Area", &[0x43, 1, 0, 0, 0]),
            // Of a filter, of no sheet, of one that is not there.
            name(BUILT_IN | HIDDEN, 0, "_FilterDatabase", &AREA),
            name(BUILT_IN, u32::MAX, "Print_Area", &AREA),
            name(BUILT_IN, 4, "Print_Area", &AREA),
        ];
        let names = read(&book.concat());
        let area = "'集計'!$A$1:$D$10";
        assert_eq!(said(&names), [("_xlnm.Print_Area", Some("集計"), area), ("_xlnm.Print_Titles", Some("A's"), area)]);
        assert_eq!(names.printed, ["A's".to_owned()].into());
        assert!(names.lost.is_empty(), "{names:?}");
    }

    #[test]
    fn names_that_cannot_be_said_are_told_as_they_stand_in_formulas() {
        let book = [
            start(),
            name(0, 0, "合計", &CELL),
            // Somebody's own, whatever it looks like.
            name(0, 0, "Print_Area", &[0x43, 1, 0, 0, 0]),
            name(0, 9, "行先", &CELL),
            // Of Excel's own, hidden, of a macro.
            name(BUILT_IN, 0, "Criteria", &AREA),
            name(HIDDEN, u32::MAX, "_xlfn.IFERROR", &[0x1C, 0x1D]),
            name(0x0E, u32::MAX, "auto_open", &CELL),
        ];
        let names = read(&book.concat());
        assert_eq!(said(&names), [("合計", Some("集計"), "'集計'!$D$4")]);
        assert_eq!(names.lost, ["集計!Print_Area", "行先"].map(String::from).into());
        assert!(names.printed.is_empty(), "{names:?}");
    }

    #[test]
    fn more_names_than_fit_are_told() {
        let many: Vec<u8> =
            (0..=BookNames::MAX).flat_map(|number| name(0, u32::MAX, &format!("n{number}"), &CELL)).collect();
        let names = read(&[start(), many].concat());
        assert_eq!(names.carried.iter().count() + names.lost.len(), 301);
        assert!(!names.lost.is_empty());
    }

    /// A formula of as many bytes as are taken, and of one more.
    #[test]
    fn longer_formulas_than_excel_takes_are_told() {
        let text = |letters: usize| {
            let count = u16::try_from(letters).unwrap().to_le_bytes();
            [&[0x17][..], &count, &[b'a', 0].repeat(letters)].concat()
        };
        let known = Known::default();
        let formula = |tokens: &[u8]| known.formula(&parsed(tokens)).map(|formula| formula.len());
        assert_eq!(formula(&text(MAX_BYTES - 2)), Some(MAX_BYTES));
        assert_eq!(formula(&text(MAX_BYTES - 1)), None);
        assert_eq!(formula(&[text(MAX_BYTES - 2), vec![0x13]].concat()), None);
    }

    #[test]
    fn records_that_break_off_give_nothing() {
        let (before, whole) = (start(), [start(), name(0, 0, "合計", &CELL)].concat());
        for end in before.len()..whole.len() {
            assert_eq!(read(&whole[..end]), Names::default(), "{end}");
        }
    }
}
