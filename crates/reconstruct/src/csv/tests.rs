//! The written table as other readers take it: with any delimiter, with quotes and without.

use form::text::Text;
use proptest::prelude::*;

use super::*;

fn table(delimiter: Delimiter) -> Table {
    Table { delimiter, row: 0, formulas: 0, places: Vec::new(), line: String::new(), marks: Vec::new() }
}

fn written(delimiter: Delimiter, rows: &[Vec<String>]) -> String {
    let mut table = table(delimiter);
    rows.iter().map(|row| line(&mut table, row)).collect()
}

fn line(table: &mut Table, row: &[String]) -> String {
    let cells: Vec<Cell> = row.iter().map(|cell| Cell { text: Text::scrub(cell).0, neutralised: false }).collect();
    table.line_of(&cells).to_owned()
}

/// A reader that knows no quotes.
fn naive(text: &str, delimiter: char) -> Vec<String> {
    text.split(['\r', '\n']).flat_map(|line| line.split(delimiter)).map(str::to_owned).collect()
}

/// A reader that knows quotes as Python's `csv` does: at the beginning of a cell they open, and text may follow behind them.
fn quoting(text: &str, delimiter: char) -> Vec<String> {
    let (mut cells, mut cell, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted => quoted = false,
            '"' if !begun => (quoted, begun) = (true, true),
            _ if !quoted && (c == delimiter || c == '\r' || c == '\n') => {
                cells.push(std::mem::take(&mut cell));
                begun = false;
            }
            _ => {
                cell.push(c);
                begun = true;
            }
        }
    }
    cells.push(cell);
    cells
}

/// Whether a cell that another delimiter cuts out runs: as one of ours; or a number at its beginning, which no row could have
/// otherwise, with something behind it in the row that can run.
fn runs(cell: &str) -> bool {
    let cell = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\u{FEFF}');
    let line = cell.split(['\r', '\n']).next().unwrap_or_default();
    let number = line.split([',', ';', '|', '\t', '"']).next().unwrap_or_default();
    let signed = number.starts_with(['+', '-', '＋', '－', '−']);
    if !signed || number == cell {
        return formula::is_formula(cell);
    }
    formula::is_formula(number)
        || formula::can_run(&line[number.len()..]) && formula::is_formula(&line.replace('"', ""))
}

#[track_caller]
fn assert_nothing_runs(own: Delimiter, text: &str) {
    for delimiter in [',', ';', '|', '\t'] {
        for cell in naive(text, delimiter).into_iter().chain(quoting(text, delimiter)) {
            assert!(!runs(&cell), "{cell:?} at {delimiter:?} in {text:?}");
        }
    }
    for cell in quoting(text, own.as_char()) {
        assert!(!formula::is_formula(&cell), "{cell:?} in {text:?}");
    }
}

fn check(delimiter: Delimiter, row: &[&str], expect: &str) {
    let row: Vec<String> = row.iter().map(|cell| (*cell).to_owned()).collect();
    let text = written(delimiter, &[row]);
    assert_eq!(text, format!("{expect}\r\n"));
    assert_nothing_runs(delimiter, &text);
}

#[test]
fn a_formula_behind_another_delimiter_or_a_line_end_gets_the_mark() {
    check(Delimiter::Comma, &["1", "abc,=cmd|'/c calc'!A0", "3"], "1,\"abc,'=cmd|'/c calc'!A0\",3");
    check(Delimiter::Comma, &["a\n=cmd", "b;@x", "c|\"=1"], "\"a\n'=cmd\",\"b;'@x\",\"c|'\"\"=1\"");
    check(Delimiter::Tab, &["a,=1", "b", "c;\t\tx"], "\"a,'=1\"\tb\t\"c;'\t\tx\"");
}

#[test]
fn numbers_stay_unless_the_row_goes_on_as_a_formula() {
    check(Delimiter::Comma, &["-5", "name", "a,-1.5", "b\n+81-3"], "-5,name,\"a,-1.5\",\"b\n+81-3\"");
    check(Delimiter::Comma, &["x", "-5", "2+cmd|' /C calc'!A0"], "x,-5,\"2+cmd|' /C calc'!A0\"");
    check(Delimiter::Comma, &["-5", "2+cmd|' /C calc'!A0"], "'-5,\"2+cmd|' /C calc'!A0\"");
    check(Delimiter::Tab, &["", "-5", "HYPERLINK(1)"], "\t'-5\tHYPERLINK(1)");
    check(Delimiter::Comma, &["+81 (3) 1234", "-1,234"], "+81 (3) 1234,\"-1,234\"");
}

#[test]
fn a_row_of_half_a_million_numbers_is_written_in_linear_time() {
    let begun = std::time::Instant::now();
    let text = line(&mut table(Delimiter::Comma), &[";-5".repeat(500_000), "f(".to_owned()]);
    assert!(text.contains(";'-5;'-5"));
    assert!(begun.elapsed().as_secs() < 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_reader_sees_a_formula(
        rows in proptest::collection::vec(proptest::collection::vec("[-+=@＝−,;|\t\n\"' 15aE(!]{0,8}", 1..5), 1..4),
        tabs in any::<bool>(),
    ) {
        let delimiter = if tabs { Delimiter::Tab } else { Delimiter::Comma };
        let text = written(delimiter, &rows);
        assert_nothing_runs(delimiter, &text);
    }

    #[test]
    fn a_second_writing_changes_nothing(row in proptest::collection::vec("[-+=@,;|\t\n\"' 15a(]{0,8}", 1..5)) {
        let mut own = table(Delimiter::Comma);
        let text = line(&mut own, &row);
        let cells = quoting(text.trim_end_matches(['\r', '\n']), ',');
        let again = line(&mut own, &cells);
        prop_assert_eq!(quoting(again.trim_end_matches(['\r', '\n']), ','), cells);
    }
}
