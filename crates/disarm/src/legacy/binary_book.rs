//! Workbooks in the binary format of Excel 2007 ([MS-XLSB]), made ready for LibreOffice.
//!
//! LibreOffice computes their formulas anew and never looks at the values that Excel had computed. A formula that it does not understand,
//! such as any with a defined name in it, becomes an error, and so does what is computed from it; where a workbook is computed only when
//! somebody asks for it, every formula becomes 0. So such formulas are left out here: a record of a formula is a record of its value with
//! the formula behind, and is cut down to that.
//!
//! Nor does it read what [names](names) stand for, print areas and repeated titles among them. They are handed out beside the workbook, to be
//! put into what LibreOffice makes of it; those that stand for more than places and values are told as lost.

mod names;

use std::io::{Cursor, Write};

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipArchive, ZipWriter};
use form::name::MemberPath;
use form::{Place, Reason};

use names::Names;

use super::at;
use crate::archive::output::Output;
use crate::error::{Error, size, within};
use crate::room::Part;
use crate::zip::{Package, part_name};

/// Writes the workbook without the formulas that LibreOffice does not understand, as the first member of a container, the names that it does
/// not read as the second, and what is lost among the findings. Refused as before where there is nothing of all this.
pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = part.job.limits.clone();
    let Prepared { book, values, names } = prepared(part.input, &part)?;
    if values == 0 && names == Names::default() {
        return Err(Reason::ConverterUnavailable.into());
    }
    let mut output = Output::new(form, spill, part.detected, &limits)?;
    output.spill().begin();
    output.spill().write(&book)?;
    let path = MemberPath::parse("book.xlsb").map_err(|_| Error::from(Reason::FormInvalid))?;
    output.member(path, None, None)?;
    output.spill().begin();
    output.spill().write(&names.carried.encode())?;
    let path = MemberPath::parse("names").map_err(|_| Error::from(Reason::FormInvalid))?;
    output.member(path, None, None)?;
    part.findings.add_many(Reason::FormulaValues, values, Place::default());
    names.printed.iter().for_each(|sheet| part.findings.add(Reason::PrintAreas, Place::new(sheet)));
    names.lost.iter().for_each(|name| part.findings.add(Reason::NamesLost, Place::new(name)));
    output.finish(part.findings)
}

/// A workbook for LibreOffice.
struct Prepared {
    book: Vec<u8>,
    /// Formulas that became values.
    values: u32,
    names: Names,
}

fn prepared(input: &[u8], part: &Part<'_>) -> Result<Prepared, Error> {
    let limits = &part.job.limits;
    let package = Package::open(input, limits)?;
    let names = ZipArchive::new(Cursor::new(input)).map_err(|_| Error::from(Reason::Malformed))?;
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let broken = |_| Error::from(Reason::Malformed);
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let (mut count, mut written) = (0_u32, 0_u64);
    let (mut computed, mut found) = (Computed::Always, Names::default());
    for name in names.file_names().flatten().filter(|name| name.to_ascii_lowercase().ends_with("workbook.bin")) {
        let known = part_name(&name).ok_or(Reason::ZipSlip)?;
        let book = package.read(&known, limits.spill_bytes)?.unwrap_or_default();
        if is_manual(&book) {
            computed = Computed::WhenAsked;
        }
        found = names::read(&book);
    }
    for name in names.file_names().flatten().filter(|name| !name.ends_with('/')) {
        let known = part_name(&name).ok_or(Reason::ZipSlip)?;
        let Some(mut bytes) = package.read(&known, limits.spill_bytes)? else { continue };
        if let Some((sheet, replaced)) = sheet_without(&bytes, computed) {
            bytes = sheet;
            count = count.saturating_add(replaced);
        }
        written = written.saturating_add(size(bytes.len()));
        within(Reason::LimitSpillBytes, limits.spill_bytes, written)?;
        out.start_file(&*name, plain).map_err(broken)?;
        out.write_all(&bytes).map_err(|_| Error::from(Reason::Malformed))?;
    }
    Ok(Prepared { book: out.finish().map_err(broken)?.into_inner(), values: count, names: found })
}

/// A text that begins with the number of its units of 16 bits, and where it ends.
fn words(body: &[u8], start: usize) -> Option<(String, usize)> {
    let units = usize::try_from(at::u32(body, start)?).ok()?;
    let begin = start.checked_add(4)?;
    let end = begin.checked_add(units.checked_mul(2)?)?;
    Some((super::wide(body.get(begin..end)?), end))
}

/// When the formulas of a workbook are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Computed {
    Always,
    WhenAsked,
}

/// Whether a workbook is computed only when somebody asks for it ([MS-XLSB], BrtCalcProp).
fn is_manual(book: &[u8]) -> bool {
    records(book).find(|record| record.kind == COMPUTATION).and_then(|record| at::u32(record.body, 4)) == Some(0)
}

/// A sheet without the formulas that are not understood, and how many cells had one; `None` for other parts and where all is understood.
fn sheet_without(part: &[u8], computed: Computed) -> Option<(Vec<u8>, u32)> {
    if records(part).next()?.kind != BEGIN_SHEET {
        return None;
    }
    // A formula that many cells share is told once, and its cells only say so.
    let shared = records(part).filter(|record| SHARED.contains(&record.kind)).all(|record| {
        let start = if record.kind == SHARED_FORMULA { 16 } else { 17 };
        let is_computed = computed == Computed::Always && record.kind != TABLE;
        is_computed && record.body.get(start..).is_some_and(|formula| is_understood(formula, false))
    });
    let (mut out, mut count) = (Vec::with_capacity(part.len()), 0_u32);
    for record in records(part) {
        let is_lost = |formula: &[u8]| computed == Computed::WhenAsked || !is_understood(formula, shared);
        match cell_of(&record).filter(|(_, formula, _)| is_lost(formula)) {
            Some((kind, _, value)) => {
                put(&mut out, kind, value);
                count = count.saturating_add(1);
            }
            None if SHARED.contains(&record.kind) && !shared => {}
            None => out.extend_from_slice(record.whole),
        }
    }
    (count > 0).then_some((out, count))
}

/// Of a cell with a formula: the kind that a cell with such a value has, the formula, and what such a cell has of it ([MS-XLSB], BrtFmlaNum and its like).
fn cell_of<'a>(record: &Record<'a>) -> Option<(u16, &'a [u8], &'a [u8])> {
    let text = || usize::try_from(at::u32(record.body, CELL)?).ok()?.checked_mul(2)?.checked_add(4);
    let (kind, value) = match record.kind {
        FORMULA_TEXT => (CELL_TEXT, text()?),
        FORMULA_NUMBER => (CELL_NUMBER, 8),
        FORMULA_BOOL => (CELL_BOOL, 1),
        FORMULA_ERROR => (CELL_ERROR, 1),
        _ => return None,
    };
    let end = CELL.checked_add(value)?;
    Some((kind, record.body.get(end.checked_add(FLAGS)?..)?, record.body.get(..end)?))
}

/// Whether LibreOffice understands a formula ([MS-XLSB] 2.2.2): operators, functions, numbers, words and references to cells. `shared` says
/// whether it understands those that cells share.
fn is_understood(formula: &[u8], shared: bool) -> bool {
    let tokens = at::u32(formula, 0).and_then(|len| usize::try_from(len).ok()?.checked_add(4));
    let Some(mut tokens) = tokens.and_then(|end| formula.get(4..end)) else { return false };
    while let Some((token, rest)) = tokens.split_first() {
        // References come in three classes, which differ in two bits.
        let token = if *token < 0x20 { *token } else { token & 0x1F | 0x20 };
        let length = match token {
            // The formula is told elsewhere.
            0x01 if shared => Some(4),
            0x03..=0x16 => Some(0),
            0x17 => at::u16(rest, 0).map(|letters| usize::from(letters).saturating_mul(2).saturating_add(2)),
            // Blanks, sums and branches; the list of places that CHOOSE jumps to is as long as it says.
            0x19 if rest.first().is_some_and(|kind| kind & 0x04 != 0) => {
                at::u16(rest, 1).map(|places| usize::from(places).saturating_mul(2).saturating_add(5))
            }
            0x19 => Some(3),
            0x1C | 0x1D => Some(1),
            0x1E | 0x21 => Some(2),
            0x1F => Some(8),
            // 255 is a function that the document brings itself, or one of an add-in.
            0x22 => at::u16(rest, 1).filter(|function| function & 0x7FFF != 255).map(|_| 3),
            0x24 | 0x2A | 0x2C => Some(6),
            0x25 | 0x2B | 0x2D => Some(12),
            0x3A | 0x3C => Some(8),
            0x3B | 0x3D => Some(14),
            _ => None,
        };
        match length.and_then(|length| rest.get(length..)) {
            Some(rest) => tokens = rest,
            None => return false,
        }
    }
    true
}

struct Record<'a> {
    kind: u16,
    body: &'a [u8],
    whole: &'a [u8],
}

/// The records of a part ([MS-XLSB] 2.1.4), as far as they are whole.
fn records(mut part: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let (first, second) = (*part.first()?, part.get(1).copied());
        let (kind, mut head) = match first {
            0..0x80 => (u16::from(first), 1_usize),
            _ => (u16::from(first & 0x7F) | u16::from(second?) << 7, 2),
        };
        let mut length = 0_usize;
        for place in 0..4_u32 {
            let byte = *part.get(head)?;
            head = head.saturating_add(1);
            length |= usize::from(byte & 0x7F) << place.saturating_mul(7);
            if byte < 0x80 {
                break;
            }
        }
        let (whole, rest) = part.split_at_checked(head.checked_add(length)?)?;
        part = rest;
        Some(Record { kind, body: whole.get(head..)?, whole })
    })
}

/// Writes a record of a kind below 128.
fn put(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend(u8::try_from(kind));
    let mut left = body.len();
    loop {
        let byte = u8::try_from(left & 0x7F).unwrap_or(0);
        left >>= 7;
        out.push(if left > 0 { byte | 0x80 } else { byte });
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
}

/// Bytes of column and style before a value.
const CELL: usize = 8;
/// Bytes between a value and its formula.
const FLAGS: usize = 2;

const CELL_ERROR: u16 = 3;
const CELL_BOOL: u16 = 4;
const CELL_NUMBER: u16 = 5;
const CELL_TEXT: u16 = 6;
const FORMULA_TEXT: u16 = 8;
const FORMULA_NUMBER: u16 = 9;
const FORMULA_BOOL: u16 = 10;
const FORMULA_ERROR: u16 = 11;
const BEGIN_SHEET: u16 = 129;
const COMPUTATION: u16 = 157;
const ARRAY_FORMULA: u16 = 426;
const SHARED_FORMULA: u16 = 427;
const TABLE: u16 = 428;
const SHARED: [u16; 3] = [ARRAY_FORMULA, SHARED_FORMULA, TABLE];

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    pub(super) fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, kind & 0x7F, body);
        if kind >= 0x80 {
            drop(out.splice(..1, [u8::try_from(kind & 0x7F | 0x80).unwrap(), u8::try_from(kind >> 7).unwrap()]));
        }
        out
    }

    pub(super) fn parsed(tokens: &[u8]) -> Vec<u8> {
        [&u32::try_from(tokens.len()).unwrap().to_le_bytes()[..], tokens, &[0; 4]].concat()
    }

    /// A formula cell: column 1, style 0, its value and its tokens.
    fn formula(kind: u16, value: &[u8], tokens: &[u8]) -> Vec<u8> {
        record(kind, &[&[1, 0, 0, 0, 0, 0, 0, 0][..], value, &[0, 0], &parsed(tokens)].concat())
    }

    fn cell(kind: u16, value: &[u8]) -> Vec<u8> {
        record(kind, &[&[1, 0, 0, 0, 0, 0, 0, 0][..], value].concat())
    }

    const NAMED: [u8; 5] = [0x43, 1, 0, 0, 0];
    /// B1*2.
    const PRODUCT: [u8; 11] = [0x44, 0, 0, 0, 0, 1, 0xC0, 0x1E, 2, 0, 0x05];

    #[test]
    fn formulas_that_are_not_understood_become_their_values() {
        let number = 69.45_f64.to_le_bytes();
        let text = [&3_u32.to_le_bytes()[..], &[0x42, 0x30, 0x44, 0x30, 0x46, 0x30]].concat();
        let begin = record(BEGIN_SHEET, &[]);
        let sheet = [
            begin.clone(),
            formula(FORMULA_NUMBER, &number, &PRODUCT),
            formula(FORMULA_NUMBER, &number, &NAMED),
            formula(FORMULA_TEXT, &text, &[&NAMED[..], &[0x17, 1, 0, 65, 0, 0x08]].concat()),
            formula(FORMULA_BOOL, &[1], &[0x22, 1, 255, 0]),
            formula(FORMULA_ERROR, &[0x17], &[0x39, 0, 0, 1, 0, 0, 0]),
            // Longer than what a length of one byte tells.
            record(300, &[7; 200]),
        ];
        let expected = [
            begin,
            formula(FORMULA_NUMBER, &number, &PRODUCT),
            cell(CELL_NUMBER, &number),
            cell(CELL_TEXT, &text),
            cell(CELL_BOOL, &[1]),
            cell(CELL_ERROR, &[0x17]),
            record(300, &[7; 200]),
        ];
        assert_eq!(sheet_without(&sheet.concat(), Computed::Always), Some((expected.concat(), 4)));
        assert_eq!(sheet_without(&sheet[..2].concat(), Computed::Always), None, "all is understood");
        assert_eq!(sheet_without(&sheet[1..].concat(), Computed::Always), None, "no sheet");
        let asked = sheet_without(&sheet[..2].concat(), Computed::WhenAsked);
        assert_eq!(asked, Some(([record(BEGIN_SHEET, &[]), cell(CELL_NUMBER, &number)].concat(), 1)));
    }

    #[test]
    fn cells_that_share_a_formula_keep_it_or_lose_it_together() {
        let sheet = |tokens: &[u8]| {
            let range = [0; 16];
            [
                record(BEGIN_SHEET, &[]),
                formula(FORMULA_NUMBER, &[0; 8], &[0x01, 0, 0, 0, 0]),
                record(SHARED_FORMULA, &[&range[..], &parsed(tokens)].concat()),
            ]
            .concat()
        };
        assert_eq!(sheet_without(&sheet(&[0x4C, 0, 0, 0, 0, 0, 0xC0]), Computed::Always), None);
        let without = [record(BEGIN_SHEET, &[]), cell(CELL_NUMBER, &[0; 8])].concat();
        assert_eq!(sheet_without(&sheet(&NAMED), Computed::Always), Some((without, 1)));
    }

    #[test]
    fn a_workbook_says_when_it_is_computed() {
        let book = |mode: u32| {
            let properties = [&171_027_u32.to_le_bytes()[..], &mode.to_le_bytes(), &[0; 18]].concat();
            [record(131, &[]), record(COMPUTATION, &properties)].concat()
        };
        assert!(is_manual(&book(0)));
        assert!(!is_manual(&book(1)) && !is_manual(&book(2)) && !is_manual(&record(131, &[])));
    }

    #[test]
    fn records_that_break_off_end_the_sheet() {
        let whole = [record(BEGIN_SHEET, &[]), formula(FORMULA_NUMBER, &[0; 8], &NAMED)].concat();
        for end in 0..whole.len() {
            assert_eq!(sheet_without(&whole[..end], Computed::Always), None, "{end}");
        }
        assert!(!is_understood(&parsed(&[0x44, 0, 0]), true) && !is_understood(&[255; 4], true));
    }
}
