//! What stands in single cells of a workbook: lists that are drawn show it.

use std::collections::{BTreeSet, HashMap, HashSet};

use quick_xml::events::{BytesStart, Event};

use super::graph::Graph;
use super::xml::{self, Xml};
use crate::error::Error;
use crate::zip::Package;

/// A cell by its row and column, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    pub(super) row: u32,
    pub(super) column: u32,
}

impl Cell {
    /// A cell such as `AB12` or `$AB$12`.
    fn read(name: &str) -> Option<Cell> {
        let plain = name.replace('$', "");
        let digits = plain.find(|c: char| c.is_ascii_digit())?;
        let (letters, digits) = plain.split_at_checked(digits)?;
        if letters.is_empty() || letters.len() > 3 || digits.len() > 7 {
            return None;
        }
        let mut column = 0_u32;
        for letter in letters.bytes() {
            let letter = letter.to_ascii_uppercase();
            let value = letter.is_ascii_uppercase().then(|| letter.saturating_sub(b'A').saturating_add(1))?;
            column = column.checked_mul(26)?.checked_add(value.into())?;
        }
        Some(Cell { row: digits.parse::<u32>().ok()?.checked_sub(1)?, column: column.checked_sub(1)? })
    }

    /// The cell so many rows below.
    pub(super) fn below(self, rows: u32) -> Option<Cell> {
        Some(Cell { row: self.row.checked_add(rows)?, ..self })
    }
}

/// The first and the last cell of a range such as `$A$1:$B$9`.
pub(super) fn range(text: &str) -> Option<(Cell, Cell)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((Cell::read(first)?, Cell::read(last)?))
}

/// What cells show that are numbers or text, by the part of their sheet. Of sheets that cannot be read, or are longer than
/// [`MAX_BYTES`], there is nothing.
pub(super) fn values(
    package: &Package<'_>,
    graph: &Graph,
    wanted: &HashMap<usize, Vec<Cell>>,
) -> HashMap<(usize, Cell), String> {
    let (mut found, mut shared) = (HashMap::new(), Vec::new());
    for (part, cells) in wanted {
        let Some(node) = graph.nodes.get(*part) else { continue };
        let cells: HashSet<Cell> = cells.iter().copied().take(MAX_CELLS).collect();
        for (cell, value) in in_sheet(package, &node.name, &cells).unwrap_or_default() {
            match value {
                Content::Own(text) => {
                    found.insert((*part, cell), text);
                }
                Content::Shared(number) => shared.push(((*part, cell), number)),
            }
        }
    }
    let strings = graph.nodes.iter().find(|node| node.kind.name() == "SharedStringTablePart");
    if let Some(strings) = strings.filter(|_| !shared.is_empty()) {
        let numbers: BTreeSet<u32> = shared.iter().map(|(_, number)| *number).collect();
        let texts = in_strings(package, &strings.name, &numbers).unwrap_or_default();
        found.extend(shared.into_iter().filter_map(|(at, number)| Some((at, texts.get(&number)?.clone()))));
    }
    found
}

enum Content {
    Own(String),
    /// The number of one of the shared strings.
    Shared(u32),
}

/// ECMA-376 part 1, section 18.3.1.4 `c`.
fn in_sheet(package: &Package<'_>, name: &str, cells: &HashSet<Cell>) -> Result<Vec<(Cell, Content)>, Error> {
    let mut found = Vec::new();
    let Some(mut xml) = opened(package, name)? else { return Ok(found) };
    let mut buffer = Vec::new();
    let (mut current, mut text, mut is_value) = (None::<(Cell, bool)>, String::new(), false);
    while found.len() < cells.len() {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "c" => {
                    let cell = attribute(&tag, "r").and_then(|name| Cell::read(&name));
                    let is_shared = attribute(&tag, "t").is_some_and(|kind| kind == "s");
                    current = cell.filter(|cell| cells.contains(cell)).map(|cell| (cell, is_shared));
                    text.clear();
                }
                name => is_value = matches!(name, "v" | "t"),
            },
            Event::End(tag) => {
                is_value = false;
                match tag.local_name().as_ref() {
                    "c" => {
                        if let Some((cell, is_shared)) = current.take().filter(|_| !text.is_empty()) {
                            let number = if is_shared { text.trim().parse().ok() } else { None };
                            found.push((cell, number.map_or_else(|| Content::Own(text.clone()), Content::Shared)));
                        }
                    }
                    "sheetData" => break,
                    _ => {}
                }
            }
            Event::Text(more) if is_value && current.is_some() => push(&mut text, &more),
            Event::GeneralRef(reference) if is_value && current.is_some() => {
                push(&mut text, xml::character(&reference)?.encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(found)
}

/// Whether no cell of a range has a value. Of a sheet that cannot be read, is longer than [`MAX_BYTES`] or does not say where its cells
/// are it is not known, which is not empty.
pub(super) fn is_empty(package: &Package<'_>, name: &str, (first, last): (Cell, Cell)) -> Result<bool, Error> {
    let Some(mut xml) = opened(package, name)? else { return Ok(false) };
    let (mut buffer, mut is_inside) = (Vec::new(), false);
    loop {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "c" => {
                    let Some(cell) = attribute(&tag, "r").and_then(|name| Cell::read(&name)) else { return Ok(false) };
                    is_inside = (first.row..=last.row).contains(&cell.row)
                        && (first.column..=last.column).contains(&cell.column);
                }
                "v" | "is" if is_inside => return Ok(false),
                _ => {}
            },
            Event::End(tag) if tag.local_name().as_ref() == "sheetData" => return Ok(true),
            Event::Eof => return Ok(true),
            _ => {}
        }
    }
}

/// ECMA-376 part 1, section 18.4.8 `si`; how words are read aloud (`rPh`) is no part of them.
fn in_strings(package: &Package<'_>, name: &str, numbers: &BTreeSet<u32>) -> Result<HashMap<u32, String>, Error> {
    let mut found = HashMap::new();
    let Some(mut xml) = opened(package, name)? else { return Ok(found) };
    let mut buffer = Vec::new();
    let (mut number, mut text, mut is_text, mut is_reading) = (0_u32, String::new(), false, false);
    while numbers.last().is_some_and(|last| number <= *last) {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "si" => text.clear(),
                "rPh" => is_reading = true,
                name => is_text = name == "t" && !is_reading,
            },
            Event::Empty(tag) if tag.local_name().as_ref() == "si" => number = number.saturating_add(1),
            Event::End(tag) => match tag.local_name().as_ref() {
                "si" => {
                    if numbers.contains(&number) {
                        found.insert(number, text.clone());
                    }
                    number = number.saturating_add(1);
                }
                "rPh" => is_reading = false,
                _ => is_text = false,
            },
            Event::Text(more) if is_text => push(&mut text, &more),
            Event::GeneralRef(reference) if is_text => {
                push(&mut text, xml::character(&reference)?.encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Ok(found)
}

fn opened<'p>(package: &'p Package<'_>, name: &str) -> Result<Option<Xml<'p>>, Error> {
    if package.part_bytes(name) > MAX_BYTES {
        return Ok(None);
    }
    package.part(name)?.map(xml::open).transpose()
}

/// The value of an attribute as it stands in the tag.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    let mut all = attributes.with_checks(false).filter_map(Result::ok);
    all.find(|attribute| attribute.key.as_ref() == name).map(|attribute| attribute.value.into_owned())
}

fn push(text: &mut String, more: &str) {
    let room = MAX_TEXT_BYTES.saturating_sub(text.len());
    text.push_str(more.get(..more.floor_char_boundary(room)).unwrap_or_default());
}

/// Bytes of a sheet, or of all shared strings, that are read for single cells; cells of one sheet; and bytes of one cell.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
const MAX_CELLS: usize = 10_000;
const MAX_TEXT_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_two_cells_and_nothing_else() {
        let cell = |row, column| Cell { row, column };
        assert_eq!(range("$A$1:$B$12"), Some((cell(0, 0), cell(11, 1))));
        assert_eq!(range("ab7"), Some((cell(6, 27), cell(6, 27))));
        for bad in ["", "A", "7", "A0", "$A:$A", "A1:", "#REF!", "LIST", "ABCD1", "A12345678"] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
