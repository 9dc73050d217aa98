//! Tables: aligned columns where a table holds data, running text where it only makes a layout.

use unicode_width::UnicodeWidthStr;

/// A table being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    cells: usize,
    /// A cell's text is being collected.
    pub(super) cell_open: bool,
    /// Columns that the open cell covers.
    pub(super) span: usize,
}

impl Table {
    pub(super) fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn cell(&mut self, text: String) {
        if self.rows.is_empty() {
            self.row();
        }
        let span = self.span.clamp(1, MAX_SPAN);
        self.cells = self.cells.saturating_add(span);
        if let Some(row) = self.rows.last_mut() {
            row.push(text);
            row.extend(std::iter::repeat_n(String::new(), span.saturating_sub(1)));
        }
    }

    /// The table as lines, and whether it was set in columns.
    pub(super) fn render(self) -> (String, bool) {
        if self.is_data() { (self.columns(), true) } else { (self.running(), false) }
    }

    /// Data has at least two rows of at least two filled cells, and cells short enough to stand side by side.
    fn is_data(&self) -> bool {
        let full = self.rows.iter().filter(|row| row.iter().filter(|cell| !cell.is_empty()).count() >= 2).count();
        if full < 2 || self.cells > MAX_CELLS {
            return false;
        }
        let short =
            |cell: &String| cell.lines().count() <= 3 && cell.lines().all(|line| line.width() <= MAX_CELL_WIDTH);
        self.rows.iter().flatten().all(short)
            && self.widths().iter().fold(0_usize, |sum, width| sum.saturating_add(width + 2)) <= MAX_WIDTH
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0_usize; columns];
        for row in &self.rows {
            for (cell, width) in row.iter().zip(&mut widths) {
                *width = cell.lines().map(UnicodeWidthStr::width).max().unwrap_or(0).max(*width);
            }
        }
        widths
    }

    fn columns(&self) -> String {
        let widths = self.widths();
        let mut out = String::new();
        for row in self.rows.iter().filter(|row| row.iter().any(|cell| !cell.is_empty())) {
            let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(1).max(1);
            for level in 0..height {
                let mut line = String::new();
                let mut pending: usize = 0;
                for (cell, width) in row.iter().zip(&widths) {
                    let text = cell.lines().nth(level).unwrap_or_default();
                    if !text.is_empty() {
                        line.extend(std::iter::repeat_n(' ', pending));
                        pending = 0;
                        line.push_str(text);
                    }
                    pending = pending
                        .saturating_add(width.saturating_sub(text.width()))
                        .saturating_add(if *width > 0 { 2 } else { 0 });
                }
                if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(&line);
            }
        }
        out
    }

    /// A layout: the cells one after another; a row of short single lines (a menu, a signature) stays one line.
    fn running(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let filled: Vec<&str> = row.iter().map(|cell| cell.trim_end()).filter(|cell| !cell.is_empty()).collect();
            let single = filled.iter().all(|cell| !cell.contains('\n'));
            let width = filled.iter().fold(0_usize, |sum, cell| sum.saturating_add(cell.len()));
            let between = if single && width <= MAX_WIDTH { "  " } else { "\n" };
            for (index, cell) in filled.iter().enumerate() {
                if index > 0 {
                    out.push_str(between);
                } else if !out.is_empty() {
                    out.push('\n');
                }
                out.push_str(cell);
            }
        }
        out
    }
}

const MAX_SPAN: usize = 20;
/// Larger tables are data too, but aligning them helps nobody in a mail.
const MAX_CELLS: usize = 20_000;
const MAX_CELL_WIDTH: usize = 40;
const MAX_WIDTH: usize = 120;
