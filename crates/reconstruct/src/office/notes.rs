//! Boxes of the notes of a worksheet: programs show a note only where a drawing of VML (ECMA-376 part 4, section 19) has a box
//! for it. That drawing does not cross; a new one is made of where the notes and their boxes are and how long they are.

use std::fmt::Write as _;

use form::{Reason, Refusal};
use unicode_width::UnicodeWidthStr;

use super::xml::DECLARATION;
use crate::error::Error;

/// The notes of one part of comments.
#[derive(Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
}

/// Where a note is and how much it says.
#[derive(Clone, Copy)]
struct Note {
    row: u32,
    column: u32,
    /// Halves of a wide letter.
    width: u32,
    lines: u32,
    /// Whether it is seen all the time, and not only when the pointer is over its cell.
    is_seen: bool,
    /// Where its box lies: column, pixels, row and pixels of two corners, as far as they came.
    anchor: [u32; 8],
    anchored: u8,
}

impl Notes {
    /// A note begins at a cell. One at no cell has no box.
    pub(super) fn begin(&mut self, cell: &str) -> Result<(), Error> {
        if let Some((column, row)) = place(cell) {
            let count = u64::try_from(self.notes.len()).unwrap_or(u64::MAX).saturating_add(1);
            if count > MOST_NOTES {
                return Err(Refusal::limit(Reason::LimitMarkup, MOST_NOTES, count).into());
            }
            self.notes.push(Note { row, column, width: 0, lines: 1, is_seen: false, anchor: [0; 8], anchored: 0 });
        }
        Ok(())
    }

    /// The note that began last is seen all the time.
    pub(super) fn show(&mut self) {
        if let Some(note) = self.notes.last_mut() {
            note.is_seen = true;
        }
    }

    /// The next number of where the box of the note lies: columns and rows, and lengths in the units of drawings, of which an inch
    /// has 914,400.
    pub(super) fn anchor(&mut self, number: &str) {
        let Some(note) = self.notes.last_mut() else { return };
        let Some(place) = note.anchor.get_mut(usize::from(note.anchored)) else { return };
        let Ok(number) = number.parse::<u32>() else { return };
        *place = if note.anchored % 2 == 0 { number } else { number / EMU_PER_PIXEL };
        note.anchored = note.anchored.saturating_add(1);
    }

    /// More of what the note says.
    pub(super) fn text(&mut self, text: &str) {
        let Some(note) = self.notes.last_mut() else { return };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        note.width = note.width.saturating_add(count(text.width()));
        note.lines = note.lines.saturating_add(count(text.matches('\n').count()));
    }

    /// The drawing. `cluster` is the number of the first thousand of shapes that no other drawing has used, and becomes the
    /// first that this one has left.
    pub(super) fn drawing(&self, cluster: &mut u32) -> String {
        let clusters = u32::try_from(self.notes.len().div_ceil(CLUSTER)).unwrap_or(u32::MAX).max(1);
        let first = *cluster;
        *cluster = first.saturating_add(clusters);
        let mut data = String::new();
        for number in first..*cluster {
            let comma = if number == first { "" } else { "," };
            // Writing to memory does not fail; so below.
            let _ = write!(data, "{comma}{number}");
        }
        let mut out =
            format!("{DECLARATION}{HEAD}<o:idmap v:ext=\"edit\" data=\"{data}\"/></o:shapelayout>{SHAPE_TYPE}");
        for (block, notes) in (first..).zip(self.notes.chunks(CLUSTER)) {
            for (number, note) in (1_u32..).zip(notes) {
                note.shape(block.saturating_mul(1024).saturating_add(number), number, &mut out);
            }
        }
        out.push_str("</xml>");
        out
    }
}

impl Note {
    fn shape(self, id: u32, order: u32, out: &mut String) {
        let [left, x, top, y, to_column, to_x, to_row, to_y] = self.corners();
        let (across, down) = (to_column.saturating_sub(left), to_row.saturating_sub(top));
        let Note { row, column, is_seen, .. } = self;
        let (visibility, visible) = if is_seen { ("visible", "<x:Visible/>") } else { ("hidden", "") };
        let _ = write!(
            out,
            "<v:shape id=\"_x0000_s{id}\" type=\"#_x0000_t202\" style=\"position:absolute;margin-left:60pt;\
             margin-top:2pt;width:{}pt;height:{}pt;z-index:{order};visibility:{visibility}\" fillcolor=\"#ffffe1\" \
             o:insetmode=\"auto\"><v:fill color2=\"#ffffe1\"/><v:shadow on=\"t\" color=\"black\" obscured=\"t\"/>\
             <v:path o:connecttype=\"none\"/><v:textbox style=\"mso-direction-alt:auto\"><div \
             style=\"text-align:left\"></div></v:textbox><x:ClientData ObjectType=\"Note\"><x:MoveWithCells/>\
             <x:SizeWithCells/><x:Anchor>{left}, {x}, {top}, {y}, {to_column}, {to_x}, {to_row}, {to_y}</x:Anchor>\
             <x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column>{visible}</x:ClientData></v:shape>",
            // Programs go by the corners.
            across.max(1).saturating_mul(48),
            down.max(1).saturating_mul(14),
        );
    }

    /// Where the box lies: where it lay, or beside its cell and inside the sheet.
    fn corners(self) -> [u32; 8] {
        let [left, x, top, y, to_column, to_x, to_row, to_y] = self.anchor;
        let is_box = self.anchored == 8
            && to_column <= LAST_COLUMN
            && to_row <= LAST_ROW
            && [x, y, to_x, to_y].iter().all(|pixels| *pixels <= MOST_PIXELS)
            && (left, x) < (to_column, to_x)
            && (top, y) < (to_row, to_y);
        if is_box {
            return self.anchor;
        }
        let (across, down) = self.extent();
        let right = self.column.saturating_add(1);
        let left = if right.saturating_add(across) <= LAST_COLUMN { right } else { LAST_COLUMN.saturating_sub(across) };
        let top = self.row.saturating_sub(1).min(LAST_ROW.saturating_sub(down));
        [left, 15, top, 10, left.saturating_add(across), 15, top.saturating_add(down), 4]
    }

    /// Columns and rows that hold the text at 9 points, a wide letter being 12 pixels wide, in columns of 64 pixels and rows of
    /// 18.
    fn extent(self) -> (u32, u32) {
        let across = match self.width {
            0..=80 => 2_u32,
            81..=240 => 3,
            241..=640 => 4,
            _ => 6,
        };
        let line = across.saturating_mul(64).saturating_sub(16) / 6;
        let lines = self.lines.saturating_add(self.width.div_ceil(line.max(1)));
        (across, lines.clamp(4, 40))
    }
}

/// Column and row of a cell such as `AB12`, from 0.
fn place(cell: &str) -> Option<(u32, u32)> {
    let digits = cell.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = cell.split_at_checked(digits)?;
    if letters.is_empty() || letters.len() > 3 || digits.len() > 7 {
        return None;
    }
    let mut column = 0_u32;
    for letter in letters.bytes() {
        let value = letter.is_ascii_uppercase().then(|| letter.saturating_sub(b'A').saturating_add(1))?;
        column = column.checked_mul(26)?.checked_add(value.into())?;
    }
    let column = column.checked_sub(1).filter(|column| *column <= LAST_COLUMN)?;
    let row = digits.parse::<u32>().ok()?.checked_sub(1).filter(|row| *row <= LAST_ROW)?;
    Some((column, row))
}

const HEAD: &str = "<xml xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\" \
                    xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><o:shapelayout v:ext=\"edit\">";
const SHAPE_TYPE: &str = "<v:shapetype id=\"_x0000_t202\" coordsize=\"21600,21600\" o:spt=\"202\" \
                          path=\"m,l,21600r21600,l21600,xe\"><v:stroke joinstyle=\"miter\"/><v:path \
                          gradientshapeok=\"t\" o:connecttype=\"rect\"/></v:shapetype>";
/// Shapes of one thousand; the numbers of a thousand begin with 1.
const CLUSTER: usize = 1_000;
/// XFD.
const LAST_COLUMN: u32 = 16_383;
const LAST_ROW: u32 = 1_048_575;
/// Pixels between a corner and the cell that it is in.
const MOST_PIXELS: u32 = 65_535;
/// Of 1/96 inch.
const EMU_PER_PIXEL: u32 = 9_525;
/// Notes of one sheet. They wait until their part is complete, 56 bytes each; no sheet has as many as this.
const MOST_NOTES: u64 = 262_144;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_and_nothing_else() {
        for (cell, expected) in [
            ("A1", Some((0, 0))),
            ("AB12", Some((27, 11))),
            ("XFD1048576", Some((LAST_COLUMN, LAST_ROW))),
            ("XFE1", None),
            ("A1048577", None),
            ("A0", None),
            ("A", None),
            ("1", None),
            ("", None),
            ("あ1", None),
            ("a1", None),
            ("A1:B2", None),
            ("$A$1", None),
        ] {
            assert_eq!(place(cell), expected, "{cell}");
        }
    }

    #[test]
    fn boxes_hold_their_text_and_stay_on_the_sheet() {
        let mut notes = Notes::default();
        notes.begin("XFD1048576").unwrap();
        notes.text(&"あ".repeat(200));
        notes.begin("A1").unwrap();
        notes.text("a\nb");
        notes.show();
        let mut cluster = 1;
        let drawing = notes.drawing(&mut cluster);
        // 400 halves of a letter in lines of 40, and one more line.
        assert!(drawing.contains("<x:Anchor>16379, 15, 1048564, 10, 16383, 15, 1048575, 4</x:Anchor>"), "{drawing}");
        assert!(drawing.contains("<x:Anchor>1, 15, 0, 10, 3, 15, 4, 4</x:Anchor>"), "{drawing}");
        assert!(drawing.contains("<x:Row>0</x:Row><x:Column>0</x:Column><x:Visible/>"));
        assert_eq!(
            (drawing.matches("visibility:visible").count(), drawing.matches("visibility:hidden").count()),
            (1, 1)
        );
        assert_eq!(cluster, 2);
    }

    #[test]
    fn a_box_lies_where_it_lay_unless_that_is_no_place() {
        let beside = "<x:Anchor>1, 15, 0, 10, 3, 15, 4, 4</x:Anchor>";
        let emu = |pixels: u32| (pixels * 9_525).to_string();
        let [three, nine, far] = [3, 9, 65_536].map(emu);
        for (numbers, expected) in [
            (["2", &three, "5", &nine, "6", &nine, "9", &three], "<x:Anchor>2, 3, 5, 9, 6, 9, 9, 3</x:Anchor>"),
            (["2", "0", "5", "0", "2", "0", "9", "0"], beside),
            (["2", "0", "5", "0", "6", "0", "4", "0"], beside),
            (["2", "0", "5", "0", "16384", "0", "9", "0"], beside),
            (["2", "0", "5", "0", "6", "0", "1048576", "0"], beside),
            (["2", "0", "5", "0", "6", &far, "9", "0"], beside),
            (["2", "0", "5", "0", "6", "-1", "9", "0"], beside),
            (["2", "0", "x", "0", "6", "0", "9", "0"], beside),
        ] {
            let mut notes = Notes::default();
            notes.begin("A1").unwrap();
            numbers.iter().for_each(|number| notes.anchor(number));
            let drawing = notes.drawing(&mut 1);
            assert!(drawing.contains(expected), "{numbers:?} {drawing}");
        }
    }

    #[test]
    fn no_two_boxes_have_one_number() {
        let mut notes = Notes::default();
        for row in 1..=2_001 {
            notes.begin(&format!("B{row}")).unwrap();
        }
        let mut cluster = 1;
        let both = notes.drawing(&mut cluster) + &notes.drawing(&mut cluster);
        let mut ids: Vec<&str> =
            both.split("id=\"_x0000_s").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4_002);
        assert!(both.contains("data=\"1,2,3\"") && both.contains("data=\"4,5,6\""));
    }

    #[test]
    fn notes_have_a_limit() {
        let mut notes = Notes::default();
        for _ in 0..MOST_NOTES {
            notes.begin("A1").unwrap();
        }
        let refusal = notes.begin("A1").unwrap_err().refusal();
        assert_eq!(refusal, Refusal::limit(Reason::LimitMarkup, MOST_NOTES, MOST_NOTES + 1));
    }
}
