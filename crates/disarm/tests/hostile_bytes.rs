//! Bytes that no program wrote: whatever they are, a room answers, and what it answers is a file of its type or a reason that lies in
//! the bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod answer_kit;
mod rooms;

use std::time::{Duration, Instant};

use disarm::Fonts;
use form::job::{CleanOp, DirtyOp};
use form::{Limits, Reason};
use proptest::collection::vec;
use proptest::prelude::*;
use rooms::{clean, dirty_job, fixture, sanitise};

const FIXTURES: &[&str] = &[
    "cmyk.jpg",
    "colours.png",
    "cp932.zip",
    "deep.png",
    "described.png",
    "encrypted.zip",
    "fax.tif",
    "gradient.jpg",
    "group3.tif",
    "half.bmp",
    "moving.gif",
    "moving.webp",
    "nested.zip",
    "palette-msb.tif",
    "planes.tif",
    "position.jpg",
    "progressive.jpg",
    "quarters.webp",
    "sizes.tif",
    "symlink.zip",
    "unicode-field.zip",
    "zip64.zip",
    "archives/bcj2.7z",
    "archives/brotli-frames.7z",
    "archives/bzip2.7z",
    "archives/bzip2.zip",
    "archives/deflate64.7z",
    "archives/deflate64.zip",
    "archives/differ.iso.xz",
    "archives/gnu.tar",
    "archives/level2.lzh",
    "archives/lh1.lzh",
    "archives/lh5.lzh",
    "archives/lh7.lzh",
    "archives/lz4.7z",
    "archives/long-gnu.tar",
    "archives/lzma.zip",
    "archives/memo.txt.bz2",
    "archives/memo.txt.gz",
    "archives/memo.txt.xz",
    "archives/memo.txt.zst",
    "archives/mszip.cab",
    "archives/pax.tar",
    "archives/plain.7z",
    "archives/plain.tar.zst",
    "archives/ppmd.7z",
    "archives/ppmd.zip",
    "archives/stored.lzh",
    "archives/locked5.rar",
    "archives/half-locked4.rar",
    "archives/zstd.7z",
    "wrapped/memo.txt.p7m",
    "wrapped/indef.p7m",
    "wrapped/memo.as",
    "wrapped/fox.txt.hqx",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_under_any_name_are_answered(bytes in vec(any::<u8>(), 0..2000), name in "[a-z]{0,3}(\\.(txt|csv|tsv|xls|eml|zip|png))?") {
        answer_kit::check(&sanitise(&bytes, &name), &Limits::default(), &name);
    }

    #[test]
    fn arbitrary_text_becomes_text_or_a_table(text in "\\PC{0,300}", lines in vec("[\"=+@,\r\n a-zあ-ん]{0,40}", 0..8)) {
        prop_assert!(sanitise(text.as_bytes(), "a.txt").is_ok());
        let table = lines.concat();
        let once = sanitise(table.as_bytes(), "a.csv").unwrap();
        let twice = sanitise(&once.bytes, "a.csv").unwrap();
        prop_assert!(!twice.has(Reason::FormulaNeutralised));
    }

    #[test]
    fn arbitrary_bytes_behind_each_signature_are_answered(
        signature in prop::sample::select(vec![
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08",
            b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8L", b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe",
            b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf\x27\x1c\0\x04", b"MSCF\0\0\0\0", b"\x1f\x8b\x08\0",
            b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x20\0-lh5-",
        ]),
        rest in vec(any::<u8>(), 0..600),
    ) {
        let answer = sanitise(&[signature, &rest].concat(), "");
        answer_kit::check(&answer, &Limits::default(), &format!("{signature:?}"));
    }

    #[test]
    fn damaged_files_are_answered(
        index in 0..FIXTURES.len(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = fixture(FIXTURES[index]);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // A few bytes may claim a picture of any size: the test's machine gets the limits of a small one.
        let limits = Limits { pixels: 4_000_000, ..Limits::default() };
        answer_kit::check(&rooms::sanitise_within(&bytes, "", &limits), &limits, FIXTURES[index]);
    }

    #[test]
    fn arbitrary_bytes_in_a_clean_room_are_answered(bytes in vec(any::<u8>(), 0..500), with_magic in any::<bool>()) {
        let limits = Limits::default();
        let input = if with_magic { [b"MSGFORM\x01".as_slice(), &bytes].concat() } else { bytes };
        for op in [CleanOp::Part, CleanOp::AssembleZip, CleanOp::AssembleMail, CleanOp::AssembleReport] {
            let reason = clean(op, &input, &limits).unwrap_err().reason;
            prop_assert!(is_of_a_form(reason), "{}", reason);
        }
    }

    #[test]
    fn nothing_is_done_for_arbitrary_jobs(job in vec(any::<u8>(), 0..200), bytes in vec(any::<u8>(), 0..50)) {
        // The limits alone take more bytes than that.
        let (mut form, mut spill) = (Vec::new(), Vec::new());
        let refused = disarm::run(&job, &bytes, &Fonts::default(), &mut form, &mut spill).unwrap_err();
        prop_assert_eq!(refused.refusal, Reason::FormInvalid.into());
        let (mut file, mut report) = (Vec::new(), Vec::new());
        let input = reconstruct::Input::Mapped(&bytes);
        prop_assert_eq!(reconstruct::run(&job, input, &mut file, &mut report), Err(Reason::FormInvalid.into()));
        prop_assert!([form, spill, file, report].concat().is_empty());
    }

    #[test]
    fn a_damaged_form_gives_an_error_or_a_file(
        index in 0..FIXTURES.len(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut form = Vec::new();
        let job = dirty_job(FIXTURES[index], &Limits::default());
        prop_assert_eq!(job.op, DirtyOp::Auto);
        disarm::run(&job.encode(), &fixture(FIXTURES[index]), &Fonts::default(), &mut form, &mut Vec::new()).unwrap();
        for (at, byte) in damage {
            let at = at.index(form.len());
            form[at] = byte;
        }
        let limits = Limits { pixels: 4_000_000, ..Limits::default() };
        match clean(CleanOp::Part, &form, &limits) {
            Ok(done) => answer_kit::is_its_type(&done, &limits, FIXTURES[index]),
            Err(refusal) => prop_assert!(is_of_a_form(refusal.reason), "{}: {}", FIXTURES[index], refusal),
        }
    }
}

/// A clean room says of a form that it is none, or that it is too much.
fn is_of_a_form(reason: Reason) -> bool {
    reason == Reason::FormInvalid || reason.name().starts_with("limit_")
}

#[test]
fn a_megabyte_of_each_trap_takes_no_longer_than_a_megabyte_of_text() {
    let behind = |head: &[u8], piece: &[u8], times: usize| [head, &piece.repeat(times)].concat();
    let traps: [(&str, Option<Reason>, Vec<u8>); 7] = [
        // Each says that it ends another directory.
        ("end-records.zip", Some(Reason::DirectoryMismatch), behind(b"", b"PK\x05\x06\0\0\0\0\x01\0\x01\0", 90_000)),
        // Members without a directory.
        ("local-headers.zip", Some(Reason::Malformed), behind(b"", b"PK\x03\x04", 260_000)),
        ("quotes.csv", None, behind(b"", b"\"a,", 350_000)),
        // Scans without a frame.
        ("markers.jpg", Some(Reason::Malformed), behind(b"\xff\xd8\xff", b"\xff\xda\0\x02", 260_000)),
        // Comments and no picture.
        ("blocks.gif", Some(Reason::Malformed), behind(b"GIF89a\x01\0\x01\0\0\0\0", b"\x21\xfe\0", 350_000)),
        // Words before the header.
        ("chunks.png", Some(Reason::Malformed), behind(b"\x89PNG\r\n\x1a\n", b"\0\0\0\0tEXt\0\0\0\0", 87_000)),
        // A directory that names itself as the next.
        ("directories.tif", Some(Reason::Malformed), behind(b"II*\0\x08\0\0\0", b"\0\0\x08\0\0\0", 174_000)),
    ];
    let mut wrong = Vec::new();
    for (name, reason, bytes) in traps {
        let begun = Instant::now();
        let found = sanitise(&bytes, name).err().map(|refused| refused.refusal.reason);
        if found != reason || begun.elapsed() > Duration::from_secs(5) {
            wrong.push(format!("{name}: {found:?} after {:?}", begun.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
