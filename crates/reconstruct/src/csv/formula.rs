//! Cells that a spreadsheet would take for a formula when it opens the table.
//!
//! Excel and LibreOffice start a formula at `=`, `+`, `-` and `@`, Japanese Excel at their full-width forms too, also after
//! spaces (OWASP "CSV Injection"). Numbers and telephone numbers begin the same way and are most of what begins so in
//! real tables; they stay as they are.

/// The mark that makes a spreadsheet take what follows for text.
pub(super) const MARK: char = '\'';

/// Whether a cell must get the mark.
pub(super) fn is_formula(cell: &str) -> bool {
    if cell.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let start = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\u{FEFF}');
    match start.chars().next() {
        Some('=' | '@' | '＝' | '＠') => true,
        Some('+' | '-' | '＋' | '－' | '−') => !start.chars().all(is_numeric_part) && !is_exponential(start),
        _ => false,
    }
}

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
