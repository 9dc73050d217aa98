//! Text and tables through both rooms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use form::report::OutputType;
use form::{Limits, Reason};
use rooms::{refusal, sanitise, sanitise_within};

fn text_of(bytes: &[u8]) -> String {
    let done = sanitise(bytes, "a.txt").unwrap();
    assert_eq!(done.report.output, OutputType::Text);
    done.text().to_owned()
}

#[test]
fn text_of_any_japanese_charset_comes_out_as_utf8_with_mark_and_crlf() {
    // Python: "日本語の文書です。\n二行目①\n".encode(...)
    let sjis = b"\x93\xfa\x96{\x8c\xea\x82\xcc\x95\xb6\x8f\x91\x82\xc5\x82\xb7\x81B\n\x93\xf1\x8ds\x96\xda\x87@\n";
    let jis = b"\x1b$BF|K\\8l$NJ8=q$G$9!#\x1b(B\n\x1b$BFs9TL\\-!\x1b(B\n";
    let euc =
        b"\xc6\xfc\xcb\xdc\xb8\xec\xa4\xce\xca\xb8\xbd\xf1\xa4\xc7\xa4\xb9\xa1\xa3\n\xc6\xf3\xb9\xd4\xcc\xdc\xad\xa1\n";
    let utf16: Vec<u8> = "\u{FEFF}日本語の文書です。\n二行目①\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let expected = "\u{FEFF}日本語の文書です。\r\n二行目①\r\n";
    for bytes in [sjis.as_slice(), jis, euc, &utf16, "日本語の文書です。\r\n二行目①\r\n".as_bytes()] {
        assert_eq!(text_of(bytes), expected);
    }
}

#[test]
fn one_broken_character_does_not_make_the_shortest_text_another_thing() {
    // The last character has lost its last byte, as where a field ends after so many bytes.
    let cut = "日本語テキスト".as_bytes();
    let done = sanitise(&cut[..cut.len() - 1], "a.txt").unwrap();
    assert!(done.has(Reason::UndecodableBytes));
    assert_eq!(done.text(), "\u{FEFF}日本語テキス\u{FFFD}");
}

#[test]
fn a_guessed_charset_is_told_and_a_marked_one_is_not() {
    let guessed = sanitise(b"\x93\xfa\x96{\x8c\xea\x82\xcc\x95\xb6\x8f\x91", "a.txt").unwrap();
    assert_eq!(guessed.place(Reason::CharsetGuessed).as_deref(), Some("Shift_JIS"));
    assert!(!sanitise(b"plain\n", "a.txt").unwrap().has(Reason::CharsetGuessed));
    assert!(!sanitise("日本語".as_bytes(), "a.txt").unwrap().has(Reason::CharsetGuessed));
}

#[test]
fn controls_and_direction_marks_go_and_tabs_stay() {
    let done = sanitise("a\tb\u{1B}[31m\u{202E}c\u{200B}\n".as_bytes(), "a.txt").unwrap();
    assert_eq!(done.text(), "\u{FEFF}a\tb[31mc\r\n");
    for reason in [Reason::ControlCharacters, Reason::BidiControls, Reason::ZeroWidthCharacters] {
        assert!(done.has(reason), "{reason}");
    }
}

#[test]
fn markup_in_a_text_file_stays_text() {
    assert_eq!(text_of(b"<script>alert(1)</script>"), "\u{FEFF}<script>alert(1)</script>");
    // What is called a page is shown as one, and this one shows nothing.
    let page = sanitise(b"<html><script>alert(1)</script>", "a.html").unwrap();
    assert_eq!((page.text(), page.has(Reason::ActiveContent)), ("\u{FEFF}", true));
}

#[test]
fn binary_content_under_a_text_name_is_refused() {
    assert_eq!(refusal(&[0, 1, 2, 3, 0xFF, 0xFE, 0, 9].repeat(100), "a.txt"), Reason::UnsupportedType);
}

#[test]
fn ebcdic_is_refused_not_turned_into_nonsense() {
    // Python: ("Plain English text, as mainframes write it. " * 20).encode("cp500")
    let sentence = b"\xd7\x93\x81\x89\x95@\xc5\x95\x87\x93\x89\xa2\x88@\xa3\x85\xa7\xa3k@\x81\xa2@\x94\x81\x89\x95\x86\x99\x81\x94\x85\xa2@\xa6\x99\x89\xa3\x85@\x89\xa3K@";
    assert_eq!(refusal(&sentence.repeat(20), "a.txt"), Reason::UnsupportedType);
}

#[test]
fn text_may_have_the_limit_and_no_byte_more() {
    let limits = Limits { text_bytes: 10, ..Limits::default() };
    assert!(sanitise_within(b"0123456789", "a.txt", &limits).is_ok());
    let refused = sanitise_within(b"0123456789a", "a.txt", &limits).unwrap_err().refusal;
    assert_eq!((refused.reason, refused.limit, refused.value), (Reason::LimitTextBytes, 10, 11));
}

#[test]
fn input_may_have_the_limit_and_no_byte_more() {
    let limits = Limits { input_bytes: 4, ..Limits::default() };
    assert!(sanitise_within(b"abcd", "a.txt", &limits).is_ok());
    assert_eq!(sanitise_within(b"abcde", "a.txt", &limits).unwrap_err().refusal.reason, Reason::LimitInputBytes);
}

#[test]
fn output_may_have_the_limit_and_no_byte_more() {
    // Three bytes of mark, three of text.
    let limits = Limits { output_bytes: 6, ..Limits::default() };
    assert!(sanitise_within(b"abc", "a.txt", &limits).is_ok());
    let refused = sanitise_within(b"abcd", "a.txt", &limits).unwrap_err().refusal;
    assert_eq!((refused.reason, refused.limit, refused.value), (Reason::LimitOutputBytes, 6, 7));
}

fn table_of(text: &str, name: &str) -> rooms::Sanitised {
    sanitise(text.as_bytes(), name).unwrap()
}

#[test]
fn formulas_are_marked_and_told_with_their_places() {
    let done = table_of("名,値\n合計,=1+1\n電話,+81-90-1234-5678\n差,\"-1,234\"\n\"@SUM(A1)\",ok\n＝1,'=2\n", "a.csv");
    assert_eq!(
        done.text(),
        "\u{FEFF}名,値\r\n合計,'=1+1\r\n電話,+81-90-1234-5678\r\n差,\"-1,234\"\r\n'@SUM(A1),ok\r\n'＝1,'=2\r\n"
    );
    assert_eq!(done.report.output, OutputType::Csv);
    assert_eq!(done.place(Reason::FormulaNeutralised).as_deref(), Some("B2, A5, A6"));
    let again = sanitise(&done.bytes, "a.csv").unwrap();
    assert_eq!(again.bytes, done.bytes, "a sanitised table is not changed any more");
}

#[test]
fn tabs_stay_other_delimiters_become_commas_and_cells_that_need_quotes_get_them() {
    let semicolons = table_of("a;\"b;c\"\n1;2\n", "a.csv");
    assert_eq!(semicolons.text(), "\u{FEFF}a,\"b;c\"\r\n1,2\r\n");
    assert_eq!(semicolons.place(Reason::DelimiterChanged).as_deref(), Some("; → ,"));
    assert!(!table_of("a,b\n", "a.csv").has(Reason::DelimiterChanged));
    let tabs = table_of("a\tb,c\n1\t\"2\n3\"\n", "a.tsv");
    assert_eq!(tabs.text(), "\u{FEFF}a\t\"b,c\"\r\n1\t\"2\n3\"\r\n");
    assert_eq!(tabs.report.output, OutputType::Tsv);
    assert_eq!(table_of("a,\"say \"\"hi\"\"\"\n", "a.csv").text(), "\u{FEFF}a,\"say \"\"hi\"\"\"\r\n");
}

#[test]
fn excels_separator_line_is_understood_and_not_a_row() {
    let done = table_of("sep=;\r\na;b\r\n=1;2\r\n", "a.csv");
    assert_eq!(done.text(), "\u{FEFF}a,b\r\n'=1,2\r\n");
    assert_eq!(done.place(Reason::FormulaNeutralised).as_deref(), Some("A2"));
}

#[test]
fn a_formula_that_only_another_delimiter_would_cut_out_is_marked() {
    let done = table_of("h1;h2;h3\r\n1;abc,=cmd|'/c calc'!A0,z;3\r\n2;x;y\r\n", "a.csv");
    assert_eq!(done.text(), "\u{FEFF}h1,h2,h3\r\n1,\"abc,'=cmd|'/c calc'!A0,z\",3\r\n2,x,y\r\n");
    assert_eq!(done.place(Reason::FormulaNeutralised).as_deref(), Some("B2"));
}

#[test]
fn text_under_the_name_of_a_workbook_is_a_table_and_the_name_a_finding() {
    let done = table_of("a\tb\n1\t=2\n", "export.xls");
    assert_eq!(done.text(), "\u{FEFF}a\tb\r\n1\t'=2\r\n");
    assert_eq!(done.place(Reason::TypeMismatch).as_deref(), Some("xls → csv"));
}

#[test]
fn a_name_that_cannot_be_kept_is_told() {
    let place = |text: &str, name: &str| table_of(text, name).place(Reason::NameChanged);
    assert_eq!(place("a\tb\n1\t2\n", "a.csv").as_deref(), Some("csv → tsv"));
    assert_eq!(place("a,b\n1,2\n", "a.tab").as_deref(), Some("tab → csv"));
    assert_eq!(place("a;b\n1;2\n", "a.csv"), None);
    assert_eq!(place("a\tb\n1\t2\n", "a.tsv"), None);
    assert_eq!(place("@echo off\r\n", "a.bat").as_deref(), Some("bat → text"));
    assert_eq!(table_of("", "empty.png").place(Reason::TypeMismatch).as_deref(), Some("png → empty"));
}

#[test]
fn broken_quotes_are_repaired_and_told() {
    let done = table_of("\"open,b\nc,d\n", "a.csv");
    assert_eq!(done.text(), "\u{FEFF}\"\"\"open\",b\r\nc,d\r\n");
    assert!(done.has(Reason::TableRepaired));
}

#[test]
fn a_table_may_have_the_cells_of_the_limit_and_not_one_more() {
    let limits = Limits { cells: 4, ..Limits::default() };
    assert!(sanitise_within(b"a,b\nc,d\n", "a.csv", &limits).is_ok());
    let refused = sanitise_within(b"a,b\nc,d\ne\n", "a.csv", &limits).unwrap_err().refusal;
    assert_eq!((refused.reason, refused.limit, refused.value), (Reason::LimitCells, 4, 5));
    assert_eq!(
        sanitise_within(&b",".repeat(1_000_000), "a.csv", &limits).unwrap_err().refusal.reason,
        Reason::LimitCells
    );
}

#[test]
fn a_row_may_have_the_bytes_of_the_limit_and_not_one_more() {
    // A count of cells, then for each cell a flag and a length: 4 + 1 + 4 + 3 bytes.
    let limits = Limits { row_bytes: 12, ..Limits::default() };
    assert!(sanitise_within(b"abc\n", "a.csv", &limits).is_ok());
    assert_eq!(sanitise_within(b"abcd\n", "a.csv", &limits).unwrap_err().refusal.reason, Reason::LimitRowBytes);
}

#[test]
fn an_empty_file_is_an_empty_text() {
    assert_eq!(text_of(b""), "\u{FEFF}");
}
