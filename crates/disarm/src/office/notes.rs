//! Boxes of the notes of a worksheet, which only the drawing of VML beside the sheet describes: whether they are seen all the time, and
//! where they lie.

use std::collections::HashMap;

use super::graph::{Graph, Target};
use super::{previews, vml};
use crate::zip::Package;

/// The box of one note.
pub(super) struct NoteBox {
    pub(super) is_seen: bool,
    /// Column, pixels, row and pixels of its first corner, then of its last.
    anchor: Option<[[i64; 4]; 2]>,
}

/// The boxes of notes by their cells, by the part of the notes.
pub(super) fn boxes(package: &Package<'_>, graph: &Graph) -> HashMap<usize, HashMap<String, NoteBox>> {
    let mut boxes: HashMap<usize, HashMap<String, NoteBox>> = HashMap::new();
    for node in graph.nodes.iter().filter(|node| node.kind.name() == "WorksheetPart") {
        let is_notes =
            |part: &usize| graph.nodes.get(*part).is_some_and(|node| node.kind.name() == "WorksheetCommentsPart");
        let notes = node.links.iter().find_map(|(_, target)| match target {
            Target::Part(part) => Some(*part).filter(is_notes),
            Target::Picture(_) | Target::Link(_) | Target::Location(_) => None,
        });
        let Some(notes) = notes else { continue };
        for shape in node.vml.iter().flat_map(|name| vml::shapes(package, name)) {
            if let ("Note", [Some(row), Some(column)]) = (shape.object.as_str(), shape.cell) {
                let found = NoteBox { is_seen: !shape.is_hidden, anchor: shape.anchor };
                boxes.entry(notes).or_default().insert(cell(row, column), found);
            }
        }
    }
    boxes
}

impl NoteBox {
    /// Where it lies, as markup of the note (ECMA-376 part 1, section 18.7.4), which strict documents have and the others do not.
    pub(super) fn markup(&self) -> Option<String> {
        let corner = |name: &str, [column, x, row, y]: [i64; 4]| {
            let [x, y] = [x, y].map(|pixels| pixels.saturating_mul(EMU_PER_PIXEL));
            format!(
                "<{name}><d:col>{column}</d:col><d:colOff>{x}</d:colOff><d:row>{row}</d:row><d:rowOff>{y}</d:rowOff></{name}>"
            )
        };
        let [from, to] = self.anchor?;
        Some(format!(
            r#"<commentPr xmlns="{MAIN}" xmlns:d="{}"><anchor>{}{}</anchor></commentPr>"#,
            previews::XDR,
            corner("from", from),
            corner("to", to),
        ))
    }
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

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const EMU_PER_PIXEL: i64 = 9_525;

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
