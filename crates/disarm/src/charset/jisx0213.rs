//! JIS X 0213, which ISO-2022-JP-3 and ISO-2022-JP-2004 designate by `ESC $ ( O`, `ESC $ ( Q` (plane 1) and `ESC $ ( P` (plane 2) and
//! `encoding_rs` does not have. The rows that JIS X 0208 has as they are stay with it.

/// What stands in a cell.
pub(super) enum Cell {
    /// One or two code points.
    Text(&'static str),
    /// The same as in JIS X 0208.
    AsBefore,
    /// Nothing.
    Empty,
}

/// The rows of both planes; making one reads 20 KB.
pub(super) struct Table(Vec<Vec<&'static str>>);

impl Table {
    /// Rows of plane 1, then of plane 2; an empty row is one that the text does not list.
    pub(super) fn new() -> Self {
        let mut table = vec![Vec::new(); 2 * CELLS];
        for line in ROWS.lines() {
            let mut fields = line.split(' ');
            let mut number = || fields.next().and_then(|field| field.parse::<usize>().ok()).unwrap_or(0);
            let (plane, row) = (number(), number());
            let at = plane.saturating_sub(1).saturating_mul(CELLS).saturating_add(row.saturating_sub(1));
            if let Some(slot) = table.get_mut(at) {
                *slot = fields.collect();
            }
        }
        Self(table)
    }

    /// The cell of plane 1 or 2 under two seven-bit codes, `0x21` to `0x7E` each.
    pub(super) fn cell(&self, plane: u8, lead: u8, trail: u8) -> Cell {
        let at = |code: u8| usize::from(code.wrapping_sub(0x21));
        let before = usize::from(plane.saturating_sub(1)).saturating_mul(CELLS);
        let Some(row) = self.0.get(before.saturating_add(at(lead))) else { return Cell::Empty };
        match row.get(at(trail)).copied() {
            Some("-") => Cell::Empty,
            Some(text) => Cell::Text(text),
            None if row.is_empty() && plane == 1 => Cell::AsBefore,
            None => Cell::Empty,
        }
    }
}

/// Written by `fixtures/mail/jisx0213.py`.
const ROWS: &str = include_str!("jisx0213.txt");
/// Rows of a plane, and cells of a row.
const CELLS: usize = 94;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(plane: u8, lead: u8, trail: u8) -> Option<&'static str> {
        match Table::new().cell(plane, lead, trail) {
            Cell::Text(text) => Some(text),
            Cell::AsBefore | Cell::Empty => None,
        }
    }

    #[test]
    fn cells_are_those_of_the_standard() {
        // As glibc's ISO-2022-JP-3 has them: 1-14-1, 2-1-1, and か with a semi-voiced mark at 1-4-87.
        assert_eq!(text(1, 0x2E, 0x21), Some("俱"));
        assert_eq!(text(2, 0x21, 0x21), Some("𠂉"));
        assert_eq!(text(1, 0x24, 0x77), Some("か\u{309A}"));
        assert!(matches!(Table::new().cell(1, 0x30, 0x21), Cell::AsBefore));
        assert!(matches!(Table::new().cell(2, 0x30, 0x21), Cell::Empty));
        assert!(matches!(Table::new().cell(2, 0x7E, 0x7E), Cell::Empty));
    }

    #[test]
    fn every_row_that_is_listed_has_its_94_cells() {
        assert!(Table::new().0.iter().all(|row| row.is_empty() || row.len() == CELLS));
        assert_eq!(Table::new().0.iter().filter(|row| !row.is_empty()).count(), ROWS.lines().count());
    }
}
