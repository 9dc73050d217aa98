//! Cells that a spreadsheet would take for a formula when it opens the table.
//!
//! Excel and LibreOffice start a formula at `=`, `+`, `-` and `@`, Japanese Excel at their full-width forms too, also after
//! spaces (OWASP "CSV Injection"). Numbers and telephone numbers begin the same way and are most of what begins so in
//! real tables; they stay as they are.
//!
//! Which character parts the cells is the program's guess or setting, not ours: Excel in Japan splits a `.csv` at commas,
//! in Germany at semicolons, and plain tools know no quotes. So what follows any of these characters or a line end within
//! a cell counts as a cell too ([`marks`]).

/// The mark that makes a spreadsheet take what follows for text.
pub(super) const MARK: char = '\'';

/// Whether a cell must get the mark.
pub(super) fn is_formula(cell: &str) -> bool {
    if cell.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    // A reader that knows no quotes leaves them at the ends.
    let start = beginning(cell).trim_end_matches('"');
    match start.chars().next() {
        Some('=' | '@' | '＝' | '＠') => true,
        Some(sign) if SIGNS.contains(&sign) => !start.chars().all(is_numeric_part) && !is_exponential(start),
        _ => false,
    }
}

/// Adds to `marks` the offsets in `cell` at which it must get the mark: its beginning, and wherever a reader with another
/// delimiter begins a cell of its own.
///
/// Such a cell goes on behind the end of ours, so that a harmless number may be the beginning of `-5,2+cmd|…`. `opens` says
/// that another reader's cell begins with ours, `runs_after` that what follows our cell could make a number run.
pub(super) fn marks(cell: &str, opens: bool, runs_after: bool, marks: &mut Vec<usize>) {
    marks.clear();
    let last_run = cell.rfind(RUNS);
    let number_runs = |from: usize| runs_after || last_run.is_some_and(|at| at >= from);
    let mut start = 0_usize;
    for piece in cell.split(SEPARATORS) {
        let end = start.saturating_add(piece.len());
        let first = start == 0;
        // A tab after another separator: whoever splits at that one sees it at the beginning of a cell.
        let (before, after) = cell.split_at_checked(end).unwrap_or_default();
        let tabbed = piece.is_empty() && after.starts_with('\t') && !before.ends_with('\t');
        let formula = if first { is_formula(cell) } else { is_formula(piece) || tabbed };
        if formula || ((!first || opens) && is_signed(piece) && number_runs(end)) {
            marks.push(start);
        }
        // Each separator is one byte.
        start = end.saturating_add(1);
    }
    // The cell is no number any more once there is a mark in it.
    if marks.first().is_some_and(|at| *at > 0) && is_signed(cell) {
        marks.insert(0, 0);
    }
}

/// Whether a text could make what stands before it run: it calls a function, or names a sheet, a file or a DDE topic.
pub(super) fn can_run(text: &str) -> bool {
    text.contains(RUNS)
}

/// Whether a reader for whom a tab is only a blank begins a cell with what follows `cell`; `opens` says whether with `cell`.
pub(super) fn opens_after(cell: &str, opens: bool) -> bool {
    let mut pieces = cell.rsplit(SEPARATORS);
    pieces.next().is_none_or(|last| beginning(last).is_empty()) && (opens || pieces.next().is_some())
}

fn is_signed(cell: &str) -> bool {
    beginning(cell).starts_with(SIGNS)
}

fn beginning(cell: &str) -> &str {
    cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\u{FEFF}')
}

/// What may part cells, and lines.
const SEPARATORS: [char; 6] = [',', ';', '|', '\t', '\r', '\n'];
const SIGNS: [char; 5] = ['+', '-', '＋', '－', '−'];
/// Without one of these a formula only computes with cells of its own table. The mark is not among them, or a second
/// writing would find more than the first.
const RUNS: [char; 8] = ['(', '!', '|', '#', '（', '！', '｜', '＃'];

/// What stands in amounts, dates, times, telephone and account numbers. No letter is among it, so no function, cell
/// reference, DDE topic or sheet name can be written with it alone.
fn is_numeric_part(c: char) -> bool {
    matches!(c,
        '0'..='9' | '０'..='９' | '+' | '-' | '＋' | '－' | '−' | 'ー' | '‐' | '.' | ',' | '．' | '，' | ':' | '/'
        | '(' | ')' | '（' | '）' | '%' | '％' | '¥' | '￥' | '円' | ' ' | '\u{3000}' | '\u{A0}')
}

/// `-1.5E-05`, as measuring programs write numbers. The words that Rust also reads as numbers (`-inf`) are not meant.
fn is_exponential(cell: &str) -> bool {
    cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && cell.parse::<f64>().is_ok()
}

/// "B3" for row 2 and column 1, both counted from 0.
pub(super) fn place(row: u64, column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    loop {
        let digit = u8::try_from(rest % 26).unwrap_or_default();
        letters.push(char::from(b'A'.saturating_add(digit)));
        match (rest / 26).checked_sub(1) {
            Some(next) => rest = next,
            None => break,
        }
    }
    let column: String = letters.iter().rev().collect();
    format!("{column}{}", row.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_known_in_every_spelling() {
        for cell in [
            "=1+1",
            "=cmd|' /C calc'!A0",
            "+cmd|'/C calc'!A0",
            "-2+3+cmd|' /C calc'!D2",
            "@SUM(1+1)*cmd|' /C calc'!A0",
            "＝HYPERLINK(\"http://example.com\")",
            "＋A1",
            "－A1",
            "＠SUM(A1)",
            "  =1+1",
            "\u{3000}=1",
            "\t=1+1",
            "\r=1+1",
            "\tplain",
            "\"=1+1",
            "-なし",
            "-inf",
            "-E5",
            "=",
        ] {
            assert!(is_formula(cell), "{cell:?}");
        }
    }

    #[test]
    fn numbers_telephones_and_marked_cells_stay() {
        for cell in [
            "-1,234",
            "+81-90-1234-5678",
            "-0.5",
            "－１，２３４",
            "-",
            "---",
            "+09:00",
            "-12.5%",
            "-500円",
            "-1.5E-05",
            "(03) 1234-5678",
            "'=1+1",
            "a=b",
            "taro@example.jp",
            "",
            " ",
            "▲1,234",
        ] {
            assert!(!is_formula(cell), "{cell:?}");
        }
    }

    #[test]
    fn places_are_named_as_spreadsheets_name_them() {
        assert_eq!(place(2, 1), "B3");
        assert_eq!(place(0, 25), "Z1");
        assert_eq!(place(0, 26), "AA1");
        assert_eq!(place(9, 701), "ZZ10");
        assert_eq!(place(0, 702), "AAA1");
    }
}
