//! dBASE tables through both rooms. The files are written here, field by field as the format has it ("Table File Structure" of dBASE IV and
//! Visual FoxPro), and the letters of the names in CP932 by Python.

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

/// A table: the columns with name, type, length and decimals, and records that are as long as they say, mark of deletion included.
fn table(version: u8, driver: u8, columns: &[(&[u8], u8, u8, u8)], records: &[Vec<u8>]) -> Vec<u8> {
    let width: usize = 1 + columns.iter().map(|column| usize::from(column.2)).sum::<usize>();
    let start = 32 + 32 * columns.len() + 1;
    let mut bytes = vec![version, 126, 11, 21];
    bytes.extend(u32::try_from(records.len()).unwrap().to_le_bytes());
    bytes.extend(u16::try_from(start).unwrap().to_le_bytes());
    bytes.extend(u16::try_from(width).unwrap().to_le_bytes());
    bytes.resize(32, 0);
    bytes[29] = driver;
    for (name, kind, len, decimals) in columns {
        let mut column = name.to_vec();
        column.resize(32, 0);
        column[11] = *kind;
        column[16] = *len;
        column[17] = *decimals;
        bytes.extend(column);
    }
    bytes.push(0x0D);
    for record in records {
        assert_eq!(record.len(), width);
        bytes.extend(record);
    }
    bytes.push(0x1A);
    bytes
}

/// A record of texts that are filled with spaces.
fn record(mark: u8, texts: &[(&[u8], usize)]) -> Vec<u8> {
    let mut record = vec![mark];
    for (text, len) in texts {
        let mut text = text.to_vec();
        text.resize(*len, b' ');
        record.extend(text);
    }
    record
}

/// 施設名, 本庁舎, 表示所 (with a byte that is a backslash in ASCII).
const NAME: &[u8] = b"\x8e{\x90\xdd\x96\xbc";
const FIRST: &[u8] = b"\x96{\x92\xa1\x8e\xc9";
const SECOND: &[u8] = b"\x95\\\x8e\xa6\x8f\x8a";

const COLUMNS: &[(&[u8], u8, u8, u8)] =
    &[(NAME, b'C', 12, 0), (b"ID", b'N', 6, 2), (b"BUILT", b'D', 8, 0), (b"OPEN", b'L', 1, 0)];

fn facilities(driver: u8) -> Vec<u8> {
    let records = [
        record(b' ', &[(FIRST, 12), (b"  1.50", 6), (b"19870401", 8), (b"T", 1)]),
        record(b'*', &[(b"gone", 12), (b"  9.00", 6), (b"19000101", 8), (b"F", 1)]),
        record(b' ', &[(SECOND, 12), (b" -2.25", 6), (b"", 8), (b"?", 1)]),
    ];
    table(0x03, driver, COLUMNS, &records)
}

#[test]
fn a_table_of_a_map_leaves_as_a_table_of_text() {
    // The driver of CP932; of dBASE for Windows; none, as most maps have it.
    for driver in [0x13, 0x7B, 0x00] {
        let done = sanitise(&facilities(driver), "shisetsu.dbf").unwrap();
        assert_eq!((done.report.output, done.report.detected_type.as_str()), (OutputType::Csv, "dbf"));
        let rows: Vec<&str> = done.text().trim_start_matches('\u{FEFF}').lines().collect();
        assert_eq!(rows, ["施設名,ID,BUILT,OPEN", "本庁舎,1.50,1987-04-01,T", "表示所,-2.25,,?"], "{driver:#x}");
        assert!(done.has(Reason::FormatConverted) && done.has(Reason::HiddenText), "{:?}", done.report.findings);
        assert!(!done.text().contains("gone") && !done.has(Reason::TypeMismatch));
    }
    assert_eq!(sanitise(&facilities(0), "a.dbf").unwrap().place(Reason::CharsetGuessed).as_deref(), Some("Shift_JIS"));
    assert!(sanitise(&facilities(0), "a.csv").unwrap().has(Reason::TypeMismatch));
}

#[test]
fn types_of_foxpro_are_read_and_memos_are_told_as_missing() {
    let columns: &[(&[u8], u8, u8, u8)] = &[
        (b"COUNT", b'I', 4, 0),
        (b"PRICE", b'Y', 8, 4),
        (b"RATE", b'B', 8, 2),
        (b"AT", b'T', 8, 0),
        (b"NOTE", b'M', 4, 0),
        (b"_NullFlags", b'0', 1, 0),
    ];
    let mut first = vec![b' '];
    first.extend((-7_i32).to_le_bytes());
    first.extend((-12_345_i64).to_le_bytes());
    first.extend(0.25_f64.to_le_bytes());
    // 2026-11-21 is Julian day 2,461,366; 09:30:15.
    first.extend(2_461_366_u32.to_le_bytes());
    first.extend(34_215_000_u32.to_le_bytes());
    first.extend(8_u32.to_le_bytes());
    first.push(0);
    let mut second = vec![b' '];
    second.extend([0; 33]);
    let done = sanitise(&table(0x30, 0x7B, columns, &[first, second]), "a.dbf").unwrap();
    let rows: Vec<&str> = done.text().trim_start_matches('\u{FEFF}').lines().collect();
    assert_eq!(rows, ["COUNT,PRICE,RATE,AT,NOTE", "-7,-1.2345,0.25,2026-11-21 09:30:15,", "0,0.0000,0,,"]);
    assert_eq!(done.report.findings.iter().find(|finding| finding.reason == Reason::MemoMissing).unwrap().count, 1);
}

#[test]
fn cells_that_a_spreadsheet_would_run_do_not() {
    let records = [record(b' ', &[(b"=HYPERLINK(\"http://x\")", 30)]), record(b' ', &[(b"@SUM(1)", 30)])];
    let done = sanitise(&table(0x03, 0, &[(b"A", b'C', 30, 0)], &records), "a.dbf").unwrap();
    assert!(done.has(Reason::FormulaNeutralised), "{:?}", done.report.findings);
    assert!(
        !done.text().lines().any(|line| line.trim_start_matches(['"', '\u{FEFF}']).starts_with(['=', '@'])),
        "{}",
        done.text()
    );
}

#[test]
fn a_table_that_ends_early_keeps_what_is_there_and_one_with_too_much_is_refused() {
    let whole = facilities(0x13);
    let done = sanitise(&whole[..whole.len() - 10], "a.dbf").unwrap();
    assert_eq!(done.text().lines().count(), 2);
    assert!(done.has(Reason::TableRepaired));
    let mut many = whole.clone();
    many[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(sanitise(&many, "a.dbf").unwrap().text().lines().count(), 3, "a number costs nothing");
    // Four columns of four rows, the one of names among them.
    let limits = |cells| Limits { cells, ..Limits::default() };
    assert!(sanitise_within(&whole, "a.dbf", &limits(16)).is_ok());
    let refused = sanitise_within(&whole, "a.dbf", &limits(15)).unwrap_err();
    assert_eq!((refused.refusal.reason, refused.refusal.limit, refused.refusal.value), (Reason::LimitCells, 15, 16));
}

#[test]
fn what_only_begins_like_a_table_is_none() {
    let whole = facilities(0x13);
    for (at, byte) in [(0, 0x02), (2, 13), (8, 0), (10, 99), (32 + 11, b'Z'), (32 + 16, 13), (32, 0)] {
        let mut other = whole.clone();
        other[at] = byte;
        assert_eq!(refusal(&other, "a.dbf"), Reason::UnsupportedType, "byte {at}");
    }
}
