//! Tables: aligned columns where a table holds data, running text where it only makes a layout.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A table being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
    cells: usize,
    /// Columns that cells of earlier rows still cover, and for how many rows.
    covered: Vec<usize>,
    /// A cell's text is being collected.
    pub(super) cell_open: bool,
    /// What the open cell covers.
    pub(super) span: Span,
    /// What the author says it is.
    pub(super) purpose: Purpose,
    /// Another table stands in one of its cells.
    pub(super) holds_table: bool,
}

#[derive(Debug, Default)]
struct Row {
    cells: Vec<Cell>,
    /// The column behind the last cell.
    next: usize,
}

#[derive(Debug)]
struct Cell {
    text: String,
    column: usize,
    columns: usize,
}

/// Columns and rows that a cell covers, at least one of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Default for Span {
    fn default() -> Self {
        Self { columns: 1, rows: 1 }
    }
}

/// What the author says a table is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing: its cells tell.
    #[default]
    Unsaid,
    /// It has heading cells or lines between its cells.
    Data,
    /// It only makes a layout.
    Layout,
}

impl Table {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self { purpose, ..Self::default() }
    }

    pub(super) fn row(&mut self) {
        self.rows.push(Row::default());
        for rows in &mut self.covered {
            *rows = rows.saturating_sub(1);
        }
    }

    pub(super) fn cell(&mut self, text: String) {
        if self.rows.is_empty() {
            self.row();
        }
        let columns = self.span.columns.clamp(1, MAX_SPAN);
        let rows = self.span.rows.clamp(1, MAX_ROW_SPAN);
        self.cells = self.cells.saturating_add(columns);
        let Some(row) = self.rows.last_mut() else { return };
        while row.next < MAX_COLUMNS && self.covered.get(row.next).is_some_and(|rows| *rows > 0) {
            row.next = row.next.saturating_add(1);
        }
        let column = row.next;
        row.next = column.saturating_add(columns);
        if rows > 1 && row.next <= MAX_COLUMNS {
            if self.covered.len() < row.next {
                self.covered.resize(row.next, 0);
            }
            // Counted down when the next row begins.
            self.covered.iter_mut().skip(column).take(columns).for_each(|covered| *covered = rows);
        }
        row.cells.push(Cell { text, column, columns });
    }

    /// The table as lines, and whether it was set in columns.
    pub(super) fn render(self) -> (String, bool) {
        match self.widths() {
            Some(widths) => (self.columns(&widths), true),
            None => (self.running(), false),
        }
    }

    /// The widths of the columns, where the table is one of data and can be set in columns.
    ///
    /// Data has at least two rows of at least two filled cells. What the author does not call data must also have cells that are
    /// short enough to stand side by side as they are.
    fn widths(&self) -> Option<Vec<usize>> {
        let filled = |row: &Row| row.cells.iter().filter(|cell| !cell.text.is_empty()).count();
        let full = self.rows.iter().filter(|row| filled(row) >= 2).count();
        if full < 2 || self.cells > MAX_CELLS || self.purpose == Purpose::Layout {
            return None;
        }
        let natural = self.natural_widths()?;
        let total = |widths: &[usize]| widths.iter().fold(0_usize, |sum, width| sum.saturating_add(width + GAP));
        let texts = || self.rows.iter().flat_map(|row| &row.cells).map(|cell| cell.text.as_str());
        let short = |text: &str| text.lines().count() <= 3 && text.lines().all(|line| line.width() <= MAX_CELL_WIDTH);
        if total(&natural) <= MAX_WIDTH && texts().all(short) {
            return Some(natural);
        }
        // Wrapping would cut through the lines of a table inside.
        if self.purpose != Purpose::Data || self.holds_table || natural.len() > MAX_WRAPPED_COLUMNS {
            return None;
        }
        let mut widths: Vec<usize> = natural.into_iter().map(|width| width.min(MAX_WIDTH)).collect();
        while total(&widths) > MAX_WIDTH {
            let widest = widths.iter_mut().max()?;
            if *widest <= MIN_COLUMN {
                return None;
            }
            *widest = widest.saturating_sub(1);
        }
        let high = |cell: &Cell| {
            let width = spanned(&widths, cell);
            cell.text.lines().map(|line| line.width() / width.max(1) + 1).sum::<usize>() > MAX_HEIGHT
        };
        (!self.rows.iter().flat_map(|row| &row.cells).any(high)).then_some(widths)
    }

    /// What each column needs; `None` where there are too many.
    fn natural_widths(&self) -> Option<Vec<usize>> {
        let columns = self.rows.iter().map(|row| row.next).max().unwrap_or(0);
        if columns > MAX_COLUMNS {
            return None;
        }
        let mut widths = vec![0_usize; columns];
        let width = |cell: &Cell| cell.text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
        let cells = || self.rows.iter().flat_map(|row| &row.cells);
        for cell in cells().filter(|cell| cell.columns == 1) {
            if let Some(own) = widths.get_mut(cell.column) {
                *own = width(cell).max(*own);
            }
        }
        // What covers several columns widens the last of them where they are too narrow together.
        for cell in cells().filter(|cell| cell.columns > 1) {
            let lacking = width(cell).saturating_sub(spanned(&widths, cell));
            if let Some(last) = widths.get_mut(cell.column.saturating_add(cell.columns).saturating_sub(1)) {
                *last = last.saturating_add(lacking);
            }
        }
        Some(widths)
    }

    fn columns(&self, widths: &[usize]) -> String {
        let mut out = String::new();
        for row in self.rows.iter().filter(|row| row.cells.iter().any(|cell| !cell.text.is_empty())) {
            let wrapped: Vec<(usize, usize, Vec<String>)> = row
                .cells
                .iter()
                .map(|cell| {
                    let width = spanned(widths, cell);
                    (cell.column, width, cell.text.lines().flat_map(|line| wrap(line, width)).collect())
                })
                .collect();
            let height = wrapped.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(0);
            for level in 0..height {
                if !out.is_empty() {
                    out.push('\n');
                }
                let mut at = 0;
                for (column, _, lines) in &wrapped {
                    let Some(text) = lines.get(level).filter(|text| !text.is_empty()) else { continue };
                    let start = widths.iter().take(*column).fold(0_usize, |sum, w| sum.saturating_add(gapped(*w)));
                    out.extend(std::iter::repeat_n(' ', start.saturating_sub(at)));
                    // A word that is wider than its column pushes its neighbours.
                    if at > start {
                        out.push_str("  ");
                        at = at.saturating_add(GAP);
                    }
                    out.push_str(text);
                    at = at.max(start).saturating_add(text.width());
                }
            }
        }
        out
    }

    /// A layout: the cells one after another; a row of short single lines (a menu, a signature) stays one line.
    fn running(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let filled: Vec<&str> =
                row.cells.iter().map(|cell| cell.text.trim_end()).filter(|text| !text.is_empty()).collect();
            let single = filled.iter().all(|cell| !cell.contains('\n'));
            let width = filled.iter().fold(0_usize, |sum, cell| sum.saturating_add(cell.width()));
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

/// The width of the columns that a cell covers.
fn spanned(widths: &[usize], cell: &Cell) -> usize {
    let covered = widths.iter().skip(cell.column).take(cell.columns);
    covered.fold(0_usize, |sum, width| sum.saturating_add(gapped(*width))).saturating_sub(GAP)
}

/// A column with the gap behind it; an empty one has none.
fn gapped(width: usize) -> usize {
    if width > 0 { width.saturating_add(GAP) } else { 0 }
}

/// A line in pieces of a width. Words of Latin letters stay whole; Japanese text breaks anywhere.
fn wrap(line: &str, width: usize) -> Vec<String> {
    if line.width() <= width {
        return vec![line.to_owned()];
    }
    let mut out = Vec::new();
    let (mut piece, mut filled) = (String::new(), 0_usize);
    // Where the last word of the piece begins, in bytes and columns.
    let mut word: Option<(usize, usize)> = None;
    for c in line.chars() {
        let own = c.width().unwrap_or(0);
        if filled.saturating_add(own) > width && !piece.is_empty() {
            let cut = if c == ' ' || own == 2 { None } else { word.filter(|(at, _)| *at > 0) };
            let (rest, rest_width) = match cut {
                Some((at, columns)) => (piece.split_off(at), filled.saturating_sub(columns)),
                // A word alone in its line is longer than the column, and is not cut.
                None if own < 2 && c != ' ' && word.is_some() => {
                    piece.push(c);
                    filled = filled.saturating_add(own);
                    continue;
                }
                None => (String::new(), 0),
            };
            out.push(piece.trim_end().to_owned());
            (piece, filled) = (rest, rest_width);
            word = (!piece.is_empty()).then_some((0, 0));
        }
        if c == ' ' && piece.is_empty() {
            continue;
        }
        if c == ' ' || own == 2 {
            word = None;
        } else if word.is_none() {
            word = Some((piece.len(), filled));
        }
        piece.push(c);
        filled = filled.saturating_add(own);
    }
    out.push(piece);
    out
}

const MAX_SPAN: usize = 20;
const MAX_ROW_SPAN: usize = 1_000;
/// Columns of a table that is set in columns.
const MAX_COLUMNS: usize = 200;
/// Larger tables are data too, but aligning them helps nobody in a mail.
const MAX_CELLS: usize = 20_000;
const MAX_CELL_WIDTH: usize = 40;
const MAX_WIDTH: usize = 120;
/// Columns of a table whose cells are wrapped, and the least width of one.
const MAX_WRAPPED_COLUMNS: usize = 12;
const MIN_COLUMN: usize = 8;
/// Lines of a cell that is wrapped.
const MAX_HEIGHT: usize = 30;
/// Blanks between two columns.
const GAP: usize = 2;
