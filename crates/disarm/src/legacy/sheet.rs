//! Excel 5 to 2003: the values of all cells ([MS-XLS]), rows as lines and cells parted by tabs.

mod strings;

use std::collections::BTreeMap;

use form::{Reason, civil};

use super::at;
use crate::compound::Compound;
use crate::error::{Error, size, within};
use strings::{Generation, shared, short, text};

/// The cells of all sheets, each under its name.
pub(super) fn words(file: &Compound<'_>, most: u64, most_cells: u64) -> Result<String, Error> {
    let stream = |name: &str| file.root_stream(name, MAX_STREAM_BYTES);
    let book = match stream("Workbook")? {
        Some(book) => book,
        None => stream("Book")?.ok_or(Reason::Malformed)?,
    };
    let book = Book::read(&book, most, most_cells)?;
    let mut out = String::new();
    for sheet in book.sheets {
        out.push_str(&format!("【{}】\n", sheet.name));
        let mut row = None;
        for ((at_row, column), value) in &sheet.cells {
            if row != Some((*at_row, *column)) {
                let (tabs, begins) = match row {
                    Some((row, last)) if row == *at_row => (column.saturating_sub(last), false),
                    Some(_) => (*column, true),
                    None => (*column, false),
                };
                if begins {
                    out.push('\n');
                }
                out.extend(std::iter::repeat_n('\t', usize::from(tabs)));
            }
            out.push_str(&value.replace(['\t', '\r', '\n'], " "));
            within(Reason::LimitTextBytes, most, size(out.len()))?;
            row = Some((*at_row, *column));
        }
        out.push('\n');
    }
    Ok(out)
}

/// What was read of a workbook so far.
struct Book<'a> {
    generation: Generation,
    /// Names of sheets by the place where each begins.
    names: BTreeMap<u32, String>,
    shared: Vec<String>,
    /// The number format of each style of cells.
    styles: Vec<u16>,
    /// Number formats that show dates, beyond those that every Excel has.
    dates: Vec<u16>,
    sheets: Vec<Sheet>,
    /// Bytes of text in the cells, and the cells, of all sheets; and the most there may be.
    held: u64,
    cells: u64,
    most: u64,
    most_cells: u64,
    bytes: &'a [u8],
}

#[derive(Default)]
struct Sheet {
    name: String,
    cells: BTreeMap<(u16, u16), String>,
}

impl<'a> Book<'a> {
    fn read(bytes: &'a [u8], most: u64, most_cells: u64) -> Result<Book<'a>, Error> {
        let mut book = Book {
            generation: Generation::New,
            names: BTreeMap::new(),
            shared: Vec::new(),
            styles: Vec::new(),
            dates: Vec::new(),
            sheets: Vec::new(),
            held: 0,
            cells: 0,
            most,
            most_cells,
            bytes,
        };
        let mut place = 0_usize;
        // Sheets stand one after the other; charts in them are within, as streams of their own.
        let mut depth = 0_u32;
        let mut formula = None;
        while let Some(record) = book.record(place) {
            let start = place;
            place = record.end;
            match record.kind {
                BOF => {
                    depth = depth.saturating_add(1);
                    if depth == 1 {
                        book.begin(start, record.body)?;
                    }
                }
                EOF => depth = depth.saturating_sub(1),
                FILE_PASS => return Err(Reason::Encrypted.into()),
                SHARED if depth == 1 => {
                    let (parts, end) = book.continued(start);
                    book.shared = shared(&parts, most)?;
                    place = end;
                }
                _ if depth == 1 => book.take(&record, &mut formula)?,
                _ => {}
            }
        }
        Ok(book)
    }

    fn record(&self, place: usize) -> Option<Record<'a>> {
        let (kind, len) = (at::u16(self.bytes, place)?, at::u16(self.bytes, place.checked_add(2)?)?);
        let start = place.checked_add(4)?;
        let end = start.checked_add(usize::from(len))?;
        Some(Record { kind, body: self.bytes.get(start..end)?, end })
    }

    /// A record and those that continue it, and where they end.
    fn continued(&self, place: usize) -> (Vec<&'a [u8]>, usize) {
        let mut parts = Vec::new();
        let mut end = place;
        while let Some(record) = self.record(end).filter(|record| parts.is_empty() || record.kind == CONTINUE) {
            parts.push(record.body);
            end = record.end;
        }
        (parts, end)
    }

    /// The beginning of the workbook's own stream, or of a sheet.
    fn begin(&mut self, place: usize, body: &[u8]) -> Result<(), Error> {
        let (version, kind) = (at::u16(body, 0), at::u16(body, 2));
        if kind == Some(GLOBALS) {
            // What sheets say of themselves is not to be relied on: some writers copy it from elsewhere.
            self.generation = match version {
                Some(0x0600) => Generation::New,
                Some(0x0500) => Generation::Old,
                _ => return Err(Reason::UnsupportedType.into()),
            };
        } else {
            let name = u32::try_from(place).ok().and_then(|place| self.names.get(&place)).cloned();
            self.sheets.push(Sheet { name: name.unwrap_or_default(), cells: BTreeMap::new() });
            within(Reason::LimitParts, MAX_SHEETS, size(self.sheets.len()))?;
        }
        Ok(())
    }

    fn take(&mut self, record: &Record<'_>, formula: &mut Option<(u16, u16)>) -> Result<(), Error> {
        let body = record.body;
        let rest = |from: usize| body.get(from..).unwrap_or_default();
        let cell = at::u16(body, 0).zip(at::u16(body, 2));
        let style = || at::u16(body, 4).unwrap_or_default();
        let value = match record.kind {
            SHEET_NAME => {
                if let (Some(place), Some(name)) = (at::u32(body, 0), short(rest(6), self.generation)) {
                    self.names.insert(place, name);
                }
                return Ok(());
            }
            STYLE => {
                self.styles.extend(at::u16(body, 2));
                return Ok(());
            }
            FORMAT => {
                let code = match self.generation {
                    Generation::New => text(rest(2), self.generation),
                    Generation::Old => short(rest(2), self.generation),
                };
                if let (Some(number), Some(code)) = (at::u16(body, 0), code)
                    && shows_date(&code)
                {
                    self.dates.push(number);
                }
                return Ok(());
            }
            STRING => {
                // The words that a formula came to, which stand behind it.
                let words = text(body, self.generation);
                if let (Some(at), Some(words)) = (formula.take(), words) {
                    self.put(at, words)?;
                }
                return Ok(());
            }
            LABEL | RICH_LABEL => text(rest(6), self.generation),
            SHARED_LABEL => at::u32(body, 6).and_then(|at| self.shared.get(usize::try_from(at).ok()?)).cloned(),
            NUMBER => at::f64(body, 6).map(|number| self.shown(number, style())),
            SMALL => at::u32(body, 6).map(|packed| self.shown(small(packed), style())),
            SMALLS => {
                return self.smalls(body);
            }
            TRUTH => body.get(6).zip(body.get(7)).map(|(value, is_error)| truth(*value, *is_error == 1)),
            FORMULA => match (body.get(6).copied(), at::u16(body, 12)) {
                (Some(0), Some(0xFFFF)) => {
                    *formula = cell;
                    None
                }
                (Some(1), Some(0xFFFF)) => body.get(8).map(|value| truth(*value, false)),
                (Some(2), Some(0xFFFF)) => body.get(8).map(|value| truth(*value, true)),
                (_, Some(0xFFFF)) => None,
                _ => at::f64(body, 6).map(|number| self.shown(number, style())),
            },
            _ => return Ok(()),
        };
        if let (Some(at), Some(value)) = (cell, value) {
            self.put(at, value)?;
        }
        Ok(())
    }

    /// Several numbers side by side.
    fn smalls(&mut self, body: &[u8]) -> Result<(), Error> {
        let (Some(row), Some(first)) = (at::u16(body, 0), at::u16(body, 2)) else { return Ok(()) };
        let pairs = body.get(4..).unwrap_or_default().chunks_exact(6);
        for (column, pair) in (first..=u16::MAX).zip(pairs) {
            if let (Some(style), Some(packed)) = (at::u16(pair, 0), at::u32(pair, 2)) {
                let value = self.shown(small(packed), style);
                self.put((row, column), value)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, at: (u16, u16), value: String) -> Result<(), Error> {
        if let Some(sheet) = self.sheets.last_mut().filter(|_| !value.is_empty()) {
            // A shared text is held once for each cell that shows it.
            self.held = self.held.saturating_add(size(value.len()));
            let before = sheet.cells.insert(at, value);
            self.cells = self.cells.saturating_add(u64::from(before.is_none()));
            self.held = self.held.saturating_sub(before.map_or(0, |before| size(before.len())));
            within(Reason::LimitTextBytes, self.most, self.held)?;
            within(Reason::LimitCells, self.most_cells, self.cells)?;
        }
        Ok(())
    }

    fn shown(&self, number: f64, style: u16) -> String {
        let format = self.styles.get(usize::from(style)).copied().unwrap_or_default();
        let is_date = matches!(format, 14..=22 | 27..=36 | 45..=47 | 50..=58) || self.dates.contains(&format);
        if is_date { date(number).unwrap_or_else(|| plain(number)) } else { plain(number) }
    }
}

struct Record<'a> {
    kind: u16,
    body: &'a [u8],
    end: usize,
}

/// A number in 30 bits: the upper part of a floating one or a whole one, and either by a hundred (`RkNumber`).
fn small(packed: u32) -> f64 {
    let value = if packed & 2 == 0 {
        f64::from_bits(u64::from(packed & !3) << 32)
    } else {
        f64::from(packed.cast_signed() >> 2)
    };
    if packed & 1 == 0 { value } else { value / 100.0 }
}

fn truth(value: u8, is_error: bool) -> String {
    let text = match (is_error, value) {
        (false, 0) => "FALSE",
        (false, _) => "TRUE",
        (true, 0x07) => "#DIV/0!",
        (true, 0x0F) => "#VALUE!",
        (true, 0x17) => "#REF!",
        (true, 0x1D) => "#NAME?",
        (true, 0x24) => "#NUM!",
        (true, 0x2A) => "#N/A",
        (true, _) => "#NULL!",
    };
    text.to_owned()
}

/// As Excel shows a number in no special format: fifteen digits.
fn plain(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

/// Whether a number format shows a date: it has a year or a day outside of quotes and brackets.
fn shows_date(code: &str) -> bool {
    let mut quoted = false;
    let mut bracketed = false;
    code.chars().any(|c| {
        match c {
            '"' => quoted = !quoted,
            '[' => bracketed = true,
            ']' => bracketed = false,
            _ => {}
        }
        !quoted && !bracketed && matches!(c, 'y' | 'Y' | 'd' | 'D' | 'e' | 'g')
    })
}

/// Days since the end of 1899 as a date, with the time where there is one; `None` before March 1900, where Excel counts wrongly.
fn date(number: f64) -> Option<String> {
    if !(61.0..2_958_466.0).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it was just compared")]
    let (days, seconds) = (number.floor() as i64, (number.fract() * 86_400.0).round() as i64);
    // Day 0 is 1899-12-30.
    let (year, month, day) = civil::date(days.checked_sub(25_569)?)?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    Some(match seconds {
        0 | 86_400.. => date,
        _ => format!("{date} {:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    })
}

const MAX_STREAM_BYTES: u64 = 512 * 1024 * 1024;
const MAX_SHEETS: u64 = 4_096;
const BOF: u16 = 0x0809;
const EOF: u16 = 0x000A;
const FILE_PASS: u16 = 0x002F;
const GLOBALS: u16 = 0x0005;
const CONTINUE: u16 = 0x003C;
const SHEET_NAME: u16 = 0x0085;
const STYLE: u16 = 0x00E0;
const FORMAT: u16 = 0x041E;
const SHARED: u16 = 0x00FC;
const SHARED_LABEL: u16 = 0x00FD;
const LABEL: u16 = 0x0204;
const RICH_LABEL: u16 = 0x00D6;
const NUMBER: u16 = 0x0203;
const SMALL: u16 = 0x027E;
const SMALLS: u16 = 0x00BD;
const TRUTH: u16 = 0x0205;
const FORMULA: u16 = 0x0006;
const STRING: u16 = 0x0207;

#[cfg(test)]
mod tests {
    use form::Refusal;

    use super::*;

    #[test]
    fn numbers_and_dates_are_shown_as_people_read_them() {
        // Expected values from LibreOffice Calc.
        for (number, shown) in [(12.5, "12.5"), (0.1 + 0.2, "0.3"), (1e6, "1000000"), (-3.0, "-3")] {
            assert_eq!(plain(number), shown);
        }
        for (number, shown) in [(61.0, "1900-03-01"), (45_231.0, "2023-11-01"), (45_292.75, "2024-01-01 18:00:00")] {
            assert_eq!(date(number).as_deref(), Some(shown));
        }
        assert_eq!(date(1.0), None);
        for (code, is_date) in
            [("yyyy/m/d", true), ("[$-411]ge.m.d", true), ("0.00\"day\"", false), ("#,##0;[Red]-#,##0", false)]
        {
            assert_eq!(shows_date(code), is_date, "{code}");
        }
    }

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &u16::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
    }

    /// A workbook with one shared text of a thousand letters, and one sheet of these records.
    fn book(records: &[u8]) -> Vec<u8> {
        let text = [&[1, 0, 0, 0, 1, 0, 0, 0, 0xE8, 3, 0][..], &[b'x'; 1_000]].concat();
        let begin = |kind: u8| record(BOF, &[0, 6, kind, 0]);
        [&begin(5)[..], &record(SHARED, &text), &record(EOF, &[]), &begin(0x10), records, &record(EOF, &[])].concat()
    }

    #[test]
    fn numbers_that_run_over_the_last_column_end_there() {
        let row = record(SMALLS, &[&[0, 0, 0xFF, 0xFF][..], &[0, 0, 6, 0, 0, 0].repeat(3), &[0, 0]].concat());
        let bytes = book(&row);
        assert_eq!(Book::read(&bytes, 10_000, 10).unwrap().sheets[0].cells.len(), 1);
    }

    #[test]
    fn texts_and_cells_are_counted_over_all_cells_and_sheets() {
        let cell = |row: u8| record(SHARED_LABEL, &[row, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let ten: Vec<u8> = (0..10).flat_map(cell).collect();
        let bytes = book(&ten);
        assert!(Book::read(&bytes, 10_000, 10).is_ok());
        let reason = |bytes: &[u8], most, cells| Book::read(bytes, most, cells).err().unwrap().refusal();
        assert_eq!(reason(&bytes, 9_999, 10), Refusal::limit(Reason::LimitTextBytes, 9_999, 10_000));
        let two = [&cell(0)[..], &record(EOF, &[]), &record(BOF, &[0, 6, 0x10, 0]), &cell(0)].concat();
        assert_eq!(reason(&book(&two), 10_000, 1), Refusal::limit(Reason::LimitCells, 1, 2));
    }

    #[test]
    fn packed_numbers_are_unpacked() {
        // [MS-XLS] 2.5.217: whole numbers, floating ones, and either by a hundred.
        assert!((small((1234 << 2) | 3) - 12.34).abs() < 1e-12);
        assert!((small(0x3FF0_0000) - 1.0).abs() < 1e-12);
        assert!((small((7_u32 << 2) | 2) - 7.0).abs() < 1e-12);
        assert!((small((u32::MAX << 2) | 2) + 1.0).abs() < 1e-12);
    }
}
