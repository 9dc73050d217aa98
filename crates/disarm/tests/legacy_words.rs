//! The words of legacy documents: what hostile ones do to the readers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod password_kit;
mod rooms;

use disarm::{Fonts, Refused};
use form::document::Document;
use form::job::{DirtyJob, Legacy, OfficePolicy};
use form::{Limits, Reason};
use password_kit::compound;
use rooms::dirty_job;

fn words_within(bytes: &[u8], limits: &Limits) -> Result<String, Refused> {
    let office = OfficePolicy { legacy: Legacy::Words, ..OfficePolicy::default() };
    let job = DirtyJob { office, ..dirty_job("a.doc", limits) };
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&job.encode(), bytes, &Fonts::default(), &mut form, &mut spill)?;
    let Document::Text(document) = Document::decode(form.as_slice(), limits).unwrap() else { panic!("another kind") };
    assert!(document.findings.iter().any(|finding| finding.reason == Reason::TextOnly));
    Ok(document.text.as_str().to_owned())
}

fn words(bytes: &[u8]) -> Result<String, Refused> {
    words_within(bytes, &Limits::default())
}

/// A document of Word 97 ([MS-DOC]) with these pieces: narrow ones of ASCII, wide ones of everything else.
fn word(pieces: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut document = vec![0_u8; 1024];
    document[..2].copy_from_slice(&0xA5EC_u16.to_le_bytes());
    document[2..4].copy_from_slice(&0x00C1_u16.to_le_bytes());
    document[0x0A..0x0C].copy_from_slice(&0x0200_u16.to_le_bytes());
    let (mut positions, mut descriptors, mut position) = (vec![0, 0, 0, 0], Vec::new(), 0_u32);
    for piece in pieces {
        let start = u32::try_from(document.len()).unwrap();
        let units: Vec<u16> = piece.encode_utf16().collect();
        position += u32::try_from(units.len()).unwrap();
        positions.extend(position.to_le_bytes());
        let place = if piece.is_ascii() {
            document.extend(piece.as_bytes());
            (1 << 30) | (start * 2)
        } else {
            document.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            start
        };
        document.resize(document.len().next_multiple_of(2), 0);
        descriptors.extend([&[0; 2], place.to_le_bytes().as_slice(), &[0; 2]].concat());
    }
    document[0x4C..0x50].copy_from_slice(&position.to_le_bytes());
    let plc = [positions, descriptors].concat();
    let clx = [vec![1, 3, 0, 9, 9, 9, 2], u32::try_from(plc.len()).unwrap().to_le_bytes().to_vec(), plc].concat();
    document[0x1A6..0x1AA].copy_from_slice(&u32::try_from(clx.len()).unwrap().to_le_bytes());
    document.resize(5000, 0);
    vec![("WordDocument".to_owned(), document), ("1Table".to_owned(), clx)]
}

/// A show of one slide with this text ([MS-PPT]).
fn show(text: &str) -> Vec<(String, Vec<u8>)> {
    let record = |version: u16, instance: u16, kind: u16, body: &[u8]| {
        let head = [(version | (instance << 4)).to_le_bytes(), kind.to_le_bytes()].concat();
        [head, u32::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body.to_vec()].concat()
    };
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let place = record(0, 0, 0x03F3, &[&2_u32.to_le_bytes()[..], &[0; 16]].concat());
    let list = record(15, 0, 0x0FF0, &[place, record(0, 0, 0x0FA0, &wide)].concat());
    let document = record(15, 0, 0x03E8, &list);
    let slide = record(15, 0, 0x03EE, &record(15, 0, 0x040C, &record(15, 0, 0xF00D, &record(0, 0, 0x0FA8, b"box"))));
    let at_slide = u32::try_from(document.len()).unwrap();
    let at_list = at_slide + u32::try_from(slide.len()).unwrap();
    let directory = [((2_u32 << 20) | 1).to_le_bytes(), 0_u32.to_le_bytes(), at_slide.to_le_bytes()].concat();
    let directory = record(0, 0, 0x1772, &directory);
    let at_edit = at_list + u32::try_from(directory.len()).unwrap();
    let edit = [0_u32, 0, 0, at_list, 1, 2, 0].map(u32::to_le_bytes).concat();
    let edit = record(0, 0, 0x0FF5, &edit);
    let user = [[0; 8].as_slice(), &[0x14, 0, 0, 0, 0x5F, 0xC0, 0x91, 0xE3], &at_edit.to_le_bytes()].concat();
    let stream = [document, slide, directory, edit].concat();
    vec![("Current User".to_owned(), user), ("PowerPoint Document".to_owned(), stream)]
}

/// A workbook of Excel 97 ([MS-XLS]) of one sheet with one text and one number.
fn book() -> Vec<(String, Vec<u8>)> {
    let record = |kind: u16, body: &[u8]| {
        [kind.to_le_bytes().to_vec(), u16::try_from(body.len()).unwrap().to_le_bytes().to_vec(), body.to_vec()].concat()
    };
    let bof = |kind: u8| record(0x0809, &[0, 6, kind, 0, 0, 0, 0, 0]);
    let shared = record(0x00FC, &[1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0x42, 0x30, 0x44, 0x30]);
    let name = |place: u32| record(0x0085, &[place.to_le_bytes().as_slice(), &[0, 0, 2, 0, b'S', b'1']].concat());
    let place = bof(5).len() + name(0).len() + shared.len() + 4;
    let label = record(0x00FD, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let number = record(0x0203, &[&[0, 0, 2, 0, 0, 0][..], &12.5_f64.to_le_bytes()].concat());
    let end = record(0x000A, &[]);
    let stream =
        [bof(5), name(u32::try_from(place).unwrap()), shared, end.clone(), bof(0x10), label, number, end].concat();
    vec![("Workbook".to_owned(), stream)]
}

fn file(streams: &[(String, Vec<u8>)]) -> Vec<u8> {
    let streams: Vec<(&str, &[u8])> = streams.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    compound(3, &streams)
}

#[test]
fn words_come_in_the_order_of_the_document() {
    let document =
        word(&["first ", "日本\u{1F600}", "\u{13} HYPERLINK x\u{14}shown\u{15}", "\ra\u{7}b\u{7}\u{7}end\r"]);
    assert_eq!(words(&file(&document)).unwrap(), "first 日本\u{1F600}shown\na\tb\t\nend\n");
    assert_eq!(words(&file(&show("題名\r本文"))).unwrap(), "box\n題名\n本文\n");
    assert_eq!(words(&file(&book())).unwrap(), "【S1】\nあい\t\t12.5\n");
}

#[test]
fn encrypted_documents_are_told_as_such() {
    let mut document = word(&["text"]);
    document[0].1[0x0B] |= 1;
    let mut show = show("text");
    show[0].1[12..16].copy_from_slice(&0xF3D1_C4DF_u32.to_le_bytes());
    let mut book = book();
    book[0].1.splice(12..12, [0x2F, 0, 2, 0, 0, 0]);
    for streams in [document, show, book] {
        assert_eq!(words(&file(&streams)).unwrap_err().refusal.reason, Reason::Encrypted);
    }
}

#[test]
fn pieces_that_name_the_same_bytes_again_and_again_end_at_the_limit_of_text() {
    let text = "x".repeat(1000);
    let mut document = word(&[text.as_str(); 50]);
    // All pieces lead to the first.
    let table = &mut document[1].1;
    let first: [u8; 4] = table[11 + 51 * 4 + 2..][..4].try_into().unwrap();
    for piece in 0..50 {
        let at = 11 + 51 * 4 + piece * 8 + 2;
        table[at..at + 4].copy_from_slice(&first);
    }
    let limits = Limits { text_bytes: 49_999, ..Limits::default() };
    assert_eq!(words_within(&file(&document), &limits).unwrap_err().refusal.reason, Reason::LimitTextBytes);
    assert_eq!(words(&file(&document)).unwrap().trim_end().len(), 50_000);
}

/// What is left of the words of a document that is cut is their beginning.
#[test]
fn no_cut_and_no_changed_byte_of_a_document_ends_a_room() {
    for streams in [word(&["text", "日本"]), show("題名"), book()] {
        let all = words(&file(&streams)).unwrap();
        for stream in 0..streams.len() {
            let len = streams[stream].1.len();
            for at in (0..len).filter(|at| streams[stream].1[*at] != 0 || *at < 600) {
                let of = format!("{} at {at}", streams[stream].0);
                for byte in [0, 1, 0x7F, 0xFF] {
                    let mut hostile = streams.clone();
                    hostile[stream].1[at] = byte;
                    let hostile = file(&hostile);
                    match words(&hostile) {
                        // A character is a byte at least; what stands between cells is in no file.
                        Ok(words) => {
                            let count = words.chars().filter(|c| !matches!(c, '\t' | '\n')).count();
                            assert!(count <= hostile.len(), "{of}: {count} characters of {} bytes", hostile.len());
                        }
                        Err(refused) => lies_in_a_document(&refused, &of),
                    }
                }
                let mut cut = streams.clone();
                cut[stream].1.truncate(at);
                match words(&file(&cut)) {
                    Ok(words) => assert!(all.starts_with(words.trim_end()), "{of}: {words}"),
                    Err(refused) => lies_in_a_document(&refused, &of),
                }
            }
        }
    }
}

/// It keeps to no form, says that it is encrypted or of another age, or claims more than it may have.
fn lies_in_a_document(refused: &Refused, of: &str) {
    let reasons =
        [Reason::Malformed, Reason::Encrypted, Reason::UnsupportedType, Reason::LimitTextBytes, Reason::LimitCells];
    assert!(reasons.contains(&refused.refusal.reason), "{of}: {}", refused.refusal);
}
