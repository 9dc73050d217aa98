//! Which notes of a worksheet are seen all the time: only the drawing of VML beside the sheet says so.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, Target};
use super::vml;
use crate::zip::Package;

/// The cells whose notes are seen, by the part of the notes.
pub(super) fn seen(package: &Package<'_>, graph: &Graph) -> HashMap<usize, HashSet<String>> {
    let mut seen: HashMap<usize, HashSet<String>> = HashMap::new();
    for node in graph.nodes.iter().filter(|node| node.kind.name() == "WorksheetPart") {
        let is_notes =
            |part: &usize| graph.nodes.get(*part).is_some_and(|node| node.kind.name() == "WorksheetCommentsPart");
        let notes = node.links.iter().find_map(|(_, target)| match target {
            Target::Part(part) => Some(*part).filter(is_notes),
            Target::Picture(_) | Target::Link(_) => None,
        });
        let Some(notes) = notes else { continue };
        for shape in node.vml.iter().flat_map(|name| vml::shapes(package, name)) {
            if let ("Note", false, [Some(row), Some(column)]) = (shape.object.as_str(), shape.is_hidden, shape.cell) {
                seen.entry(notes).or_default().insert(cell(row, column));
            }
        }
    }
    seen
}

/// What a cell is called, such as `AB12`, by its row and column from 0.
fn cell(row: u32, column: u32) -> String {
    let (mut letters, mut rest) = (Vec::new(), u64::from(column).saturating_add(1));
    while rest > 0 {
        let last = rest.saturating_sub(1) % 26;
        letters.push(char::from(b'A'.saturating_add(u8::try_from(last).unwrap_or(0))));
        rest = rest.saturating_sub(1) / 26;
    }
    let letters: String = letters.into_iter().rev().collect();
    format!("{letters}{}", u64::from(row).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_called_as_spreadsheets_call_them() {
        for (row, column, name) in [(0, 0, "A1"), (11, 25, "Z12"), (0, 26, "AA1"), (1_048_575, 16_383, "XFD1048576")] {
            assert_eq!(cell(row, column), name);
        }
    }
}
