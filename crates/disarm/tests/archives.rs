//! Archives through both rooms. Honest ones come from other programs (fixtures), hostile ones are built here byte by byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use std::io::{Cursor, Read};

use form::report::OutputType;
use form::{Limits, Reason, Refusal};
use rooms::{Sanitised, fixture, refusal, sanitise, sanitise_within};

fn made(name: &str) -> Sanitised {
    sanitise(&fixture(name), name).unwrap_or_else(|refused| panic!("{name}: {refused:?}"))
}

/// Names and texts of the archive that came out, as the crate `zip` reads them.
fn contents(bytes: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let read = |index| {
        let mut member = archive.by_index(index).unwrap();
        let mut text = Vec::new();
        member.read_to_end(&mut text).unwrap();
        (String::from_utf8(member.name_raw().to_vec()).unwrap(), String::from_utf8_lossy(&text).into_owned())
    };
    (0..zip::ZipArchive::new(Cursor::new(bytes)).unwrap().len()).map(read).collect()
}

fn pair(name: &str, text: &str) -> (String, String) {
    (name.to_owned(), text.to_owned())
}

#[test]
fn names_of_windows_in_japan_come_out_as_utf8_and_members_are_rebuilt() {
    let done = made("cp932.zip");
    assert_eq!(done.report.output, OutputType::Zip);
    assert_eq!(
        contents(&done.bytes),
        [
            pair("資料/能力表.txt", "\u{FEFF}能力\r\n"),
            pair("資料/①予算ｼｰﾄ.csv", "\u{FEFF}項目,金額\r\n'=1+1,-1000\r\n"),
        ]
    );
    assert_eq!(done.place(Reason::MemberNameCharset).as_deref(), Some("Shift_JIS"));
    // Flag 11 in the first local header.
    assert_eq!(done.bytes[7] & 0x08, 0x08);
}

#[test]
fn names_that_say_what_they_are_need_no_guess() {
    for name in ["utf8.zip", "unicode-field.zip", "stored.zip"] {
        assert!(!made(name).has(Reason::MemberNameCharset), "{name}");
    }
    assert_eq!(contents(&made("utf8.zip").bytes)[0].0, "資料/報告.txt");
    assert_eq!(contents(&made("unicode-field.zip").bytes)[0].0, "資料.txt");
    assert_eq!(contents(&made("cp437.zip").bytes)[0].0, "café.txt");
}

#[test]
fn decomposed_names_of_macos_are_composed_and_its_litter_is_dropped() {
    let done = made("nfd.zip");
    assert_eq!(contents(&done.bytes), [pair("がぎぐ.txt", "\u{FEFF}kana\r\n")]);
    assert!(done.has(Reason::Metadata));
}

#[test]
fn times_are_kept() {
    let done = made("utf8.zip");
    let mut archive = zip::ZipArchive::new(Cursor::new(&done.bytes)).unwrap();
    let time = archive.by_index(0).unwrap().last_modified().unwrap();
    let fields = (time.year(), time.month(), time.day(), time.hour(), time.minute(), time.second());
    assert_eq!(fields, (2024, 4, 1, 9, 30, 0));
}

#[test]
fn the_same_archive_comes_out_the_same() {
    assert_eq!(made("cp932.zip").bytes, made("cp932.zip").bytes);
}

#[test]
fn an_archive_in_an_archive_is_rebuilt_too() {
    let done = made("nested.zip");
    assert_eq!(done.members.len(), 2);
    let inner = done.members[0].1.as_ref().unwrap();
    assert_eq!(contents(&inner.bytes), [pair("deep.txt", "\u{FEFF}deep\r\n")]);
}

#[test]
fn archives_with_64_bit_fields_or_stored_members_are_read() {
    assert_eq!(contents(&made("zip64.zip").bytes), [pair("big.txt", "\u{FEFF}not so big\r\n")]);
    assert_eq!(contents(&made("stored.zip").bytes).len(), 2);
    assert_eq!(contents(&made("backslash.zip").bytes)[0].0, "dir/file.txt");
}

#[test]
fn an_empty_directory_is_dropped_and_told() {
    let done = made("empty-directory.zip");
    assert_eq!(contents(&done.bytes), [pair("full/a.txt", "\u{FEFF}a\r\n")]);
    assert!(done.has(Reason::EmptyDirectory));
}

#[test]
fn members_that_cannot_be_read_are_withheld_alone() {
    for (name, member, reason) in
        [("encrypted.zip", "secret.txt", Reason::Encrypted), ("symlink.zip", "link", Reason::SymlinkMember)]
    {
        let done = made(name);
        let found = done.members.iter().find(|(path, _)| path.ends_with(member)).unwrap();
        assert_eq!(found.1.as_ref().unwrap_err(), &Refusal::plain(reason), "{name}");
    }
    assert_eq!(
        contents(&made("symlink.zip").bytes),
        [pair("hello.txt", &format!("\u{FEFF}{}", "hello\r\n".repeat(1000)))]
    );
}

/// The old encryption lets one wrong password in 256 pass its check; what such a one gives must not count.
#[test]
fn a_wrong_password_that_passes_the_check_byte_uses_up_nothing() {
    let bytes = fixture("encrypted.zip");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes.as_slice())).unwrap();
    let mut passes = |key: &String| {
        let Ok(mut member) = archive.by_index_decrypt(0, key.as_bytes()) else { return false };
        member.read_to_end(&mut Vec::new()).is_err()
    };
    let wrong: Vec<String> = (0..).map(|number| format!("wrong{number}")).filter(|key| passes(key)).take(3).collect();
    let words = wrong.iter().map(String::as_str).chain(["password"]);
    let limits = Limits { spill_bytes: 7, ..Limits::default() };
    let mut job = rooms::dirty_job("encrypted.zip", &limits);
    job.passwords = words.map(|word| form::job::Password::new(word).unwrap()).collect();
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&job.encode(), &bytes, &disarm::Fonts::default(), &mut form, &mut spill).unwrap();
    assert_eq!(spill, b"secret\n");
}

#[test]
fn a_document_is_never_rebuilt_as_a_mere_archive() {
    let refused = sanitise(&fixture("docx.zip"), "docx.zip").unwrap_err();
    assert_eq!((refused.refusal.reason, refused.detected.as_str()), (Reason::UnsupportedType, "docx"));
}

#[test]
fn paths_that_lead_out_refuse_the_archive() {
    for name in ["slip.zip", "absolute.zip", "drive.zip"] {
        assert_eq!(refusal(&fixture(name), name), Reason::ZipSlip, "{name}");
    }
}

#[test]
fn two_members_of_one_name_refuse_the_archive() {
    for name in ["duplicate.zip", "case.zip"] {
        assert_eq!(refusal(&fixture(name), name), Reason::DuplicateMember, "{name}");
    }
    assert_eq!(refusal(&Archive::of(&["a", "a/b"]).bytes(), "a.zip"), Reason::DuplicateMember);
}

#[test]
fn different_names_that_clean_to_one_are_numbered() {
    let done =
        sanitise(&Archive::of(&["a?.txt", "a*.txt", "a_ (3).txt", "a|.txt", "b/a?.txt"]).bytes(), "a.zip").unwrap();
    let names: Vec<String> = contents(&done.bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a_.txt", "a_ (2).txt", "a_ (3).txt", "a_ (4).txt", "b/a_.txt"]);
    assert!(done.has(Reason::NameChanged));
    // Numbers that were tried and taken are not told.
    let told = done.report.findings.iter().filter(|finding| finding.reason == Reason::DuplicateName);
    assert_eq!(told.map(|finding| finding.place.as_str()).collect::<Vec<_>>(), ["a_ (2).txt", "a_ (4).txt"]);
}

#[test]
fn a_bomb_is_refused_by_its_ratio_before_it_is_unpacked() {
    let bytes = fixture("bomb.zip");
    let refused = sanitise(&bytes, "bomb.zip").unwrap_err().refusal;
    assert_eq!((refused.reason, refused.limit), (Reason::LimitRatio, 250));
    let exact = u32::try_from(refused.value).unwrap();
    let limits = |ratio| Limits { ratio, ..Limits::default() };
    assert!(sanitise_within(&bytes, "bomb.zip", &limits(exact)).is_ok());
    assert!(sanitise_within(&bytes, "bomb.zip", &limits(exact - 1)).is_err());
}

#[test]
fn members_together_may_have_the_bytes_of_the_limit_and_not_one_more() {
    // stored.zip holds 6 and 7 bytes.
    let bytes = fixture("stored.zip");
    for (reason, set) in [
        (Reason::LimitTotalBytes, (|limits: &mut Limits, n| limits.total_bytes = n) as fn(&mut Limits, u64)),
        (Reason::LimitSpillBytes, |limits, n| limits.spill_bytes = n),
    ] {
        for (limit, fits) in [(13, true), (12, false)] {
            let mut limits = Limits::default();
            set(&mut limits, limit);
            let mut form = Vec::new();
            let job = rooms::dirty_job("a.zip", &limits).encode();
            let done = disarm::run(&job, &bytes, &disarm::Fonts::default(), &mut form, &mut Vec::new());
            assert_eq!(done.is_ok(), fits, "{reason}");
            if let Err(refused) = done {
                assert_eq!((refused.refusal.reason, refused.refusal.value), (reason, 13));
            }
        }
    }
}

#[test]
fn there_may_be_the_members_of_the_limit_and_not_one_more() {
    let archive = Archive::of(&["a", "b", "c"]).bytes();
    let limits = |parts| Limits { parts, ..Limits::default() };
    assert!(sanitise_within(&archive, "a.zip", &limits(3)).is_ok());
    let refused = sanitise_within(&archive, "a.zip", &limits(2)).unwrap_err().refusal;
    assert_eq!((refused.reason, refused.limit, refused.value), (Reason::LimitParts, 2, 3));
}

#[test]
fn a_path_may_have_the_bytes_of_the_limit_and_not_one_more() {
    let archive = Archive::of(&["dir/name.txt"]).bytes();
    let limits = |path_bytes| Limits { path_bytes, ..Limits::default() };
    assert!(sanitise_within(&archive, "a.zip", &limits(12)).is_ok());
    let refused = sanitise_within(&archive, "a.zip", &limits(11)).unwrap_err().refusal;
    assert_eq!(refused.reason, Reason::LimitNameBytes);
}

#[test]
fn a_local_header_that_disagrees_refuses_the_archive() {
    let base = Archive::of(&["a.txt", "b.txt"]);
    for change in [
        |m: &mut Member| m.local_name = b"x.txt".to_vec(),
        |m: &mut Member| m.local_method = 8,
        |m: &mut Member| m.local_flags = 1,
        |m: &mut Member| m.local_size = 3,
    ] {
        let mut archive = base.clone();
        change(&mut archive.members[1]);
        assert_eq!(refusal(&archive.bytes(), "a.zip"), Reason::DirectoryMismatch);
    }
}

/// As IZArc writes them.
#[test]
fn a_path_whose_separators_are_written_in_two_ways_is_one_path() {
    let mut archive = Archive::of(&["a\\b.txt"]);
    archive.members[0].local_name = b"a/b.txt".to_vec();
    assert_eq!(contents(&sanitise(&archive.bytes(), "a.zip").unwrap().bytes)[0].0, "a/b.txt");
    // In Shift_JIS the backslash is half of a character: 表.
    let mut archive = Archive::of(&["a.txt"]);
    archive.members[0].name = b"\x95\x5c.txt".to_vec();
    archive.members[0].local_name = b"\x95/.txt".to_vec();
    assert_eq!(refusal(&archive.bytes(), "a.zip"), Reason::DirectoryMismatch);
}

#[test]
fn bytes_before_the_archive_and_a_second_archive_refuse_it() {
    let one = Archive::of(&["a.txt"]).bytes();
    let two = Archive::of(&["b.txt"]).bytes();
    for bytes in [[b"\x7f\x01\x02\0junk".as_slice(), &one].concat(), [one.as_slice(), &two].concat()] {
        assert_eq!(refusal(&bytes, "a.zip"), Reason::DirectoryMismatch);
    }
    // A program before an archive is a program.
    let stub = [b"MZ\x90\0\x03\0\0\0".as_slice(), &one].concat();
    assert_eq!(refusal(&stub, "a.zip"), Reason::UnsupportedType);
}

#[test]
fn bytes_behind_the_archive_are_dropped_and_told() {
    let archive = Archive::of(&["a.txt"]).bytes();
    assert!(!sanitise(&archive, "a.zip").unwrap().has(Reason::SurplusBytes));
    let done = sanitise(&[archive.as_slice(), b"TRAILER"].concat(), "a.zip").unwrap();
    assert!(done.has(Reason::SurplusBytes));
    assert_eq!(contents(&done.bytes)[0].0, "a.txt");
}

#[test]
fn a_unicode_name_of_another_file_than_the_header_names_refuses_the_archive() {
    let field = |name: &str| {
        let mut field = vec![1];
        // Python: zlib.crc32(b"a_.txt")
        put32(&mut field, &[0x6BB2_7B1C]);
        field.extend_from_slice(name.as_bytes());
        let mut extra = Vec::new();
        put16(&mut extra, &[0x7075, u16::try_from(field.len()).unwrap()]);
        [extra, field].concat()
    };
    let archive = |local: &str, central: &str| {
        let mut archive = Archive::of(&["a_.txt"]);
        archive.members[0].local_extra = field(local);
        archive.members[0].extra = field(central);
        archive.bytes()
    };
    for (local, central) in
        [("evil.exe", "evil.exe"), ("evil.exe", "a_.txt"), ("a_.txt", "evíl.exe"), ("aé.txt", "aö.txt")]
    {
        assert_eq!(refusal(&archive(local, central), "a.zip"), Reason::DirectoryMismatch, "{local} {central}");
    }
    assert_eq!(contents(&sanitise(&archive("aé.txt", "aé.txt"), "a.zip").unwrap().bytes)[0].0, "aé.txt");
}

#[test]
fn an_archive_whose_offsets_were_shifted_for_what_stands_before_it_is_refused_too() {
    let mut archive = Archive::of(&["a.txt"]);
    // The first bytes are a picture's, so it is judged as one; the archive behind it gets into no output.
    archive.prefix = fixture("still.gif");
    let picture = sanitise(&archive.bytes(), "a.zip").unwrap();
    assert_eq!(picture.report.output, OutputType::Gif);
    assert!(picture.has(Reason::SurplusBytes) && picture.has(Reason::TypeMismatch));
    archive.prefix = b"\0\x01\x02\x03".to_vec();
    assert_eq!(refusal(&archive.bytes(), "a.zip"), Reason::DirectoryMismatch);
}

#[test]
fn a_member_that_only_a_streaming_reader_would_see_refuses_the_archive() {
    let mut archive = Archive::of(&["a.txt", "hidden.txt", "c.txt"]);
    archive.members[1].listed = false;
    assert_eq!(refusal(&archive.bytes(), "a.zip"), Reason::DirectoryMismatch);
}

#[test]
fn members_that_share_bytes_refuse_the_archive() {
    let mut archive = Archive::of(&["a.txt", "b.txt"]);
    // Fifield's way: the first member's data runs over the second's header.
    archive.members[0].claimed_packed = Some(60);
    archive.members[0].local_size = 60;
    assert_eq!(refusal(&archive.bytes(), "a.zip"), Reason::OverlappingMember);
}

#[test]
fn a_member_whose_size_or_checksum_is_wrong_is_withheld_alone() {
    let mut archive = Archive::of(&["a.txt", "b.txt"]);
    archive.members[0].crc ^= 1;
    let done = sanitise(&archive.bytes(), "a.zip").unwrap();
    assert_eq!(done.members[0].1.as_ref().unwrap_err().reason, Reason::Malformed);
    assert!(done.members[1].1.is_ok());
}

#[test]
fn stored_data_that_claims_to_be_larger_or_smaller_never_passes() {
    for unpacked in [4, 6, 0xFFFF_FFFE] {
        let mut archive = Archive::of(&["a.txt", "b.txt"]);
        archive.members[0].unpacked = unpacked;
        let done = sanitise(&archive.bytes(), "a.zip");
        let passed = done.is_ok_and(|done| done.members[0].1.is_ok());
        assert!(!passed, "{unpacked}");
    }
}

/// APPNOTE 5.1 to 5.3. 7-Zip and unar unpack the first and the last of these.
#[test]
fn methods_of_the_first_years_are_unpacked() {
    // Codes of nine bits; 256 lists of followers, all of them empty; two trees whose 64 codes have six bits each, and a bit before
    // each letter.
    let shrunk = vec![0x64, 0xC2, 0xD0, 0x09, 0xA3, 0x00];
    let reduced = [&[0; 192][..], DATA].concat();
    let imploded = [&[0x03, 0xF5, 0xF5, 0xF5, 0xF5].repeat(2)[..], &[0xC9, 0x86, 0xA5, 0x1B, 0x56, 0x01]].concat();
    for (method, data) in [(1, shrunk), (2, reduced), (6, imploded)] {
        let mut archive = Archive::of(&["a.txt"]);
        let member = &mut archive.members[0];
        (member.method, member.local_method, member.local_size) = (method, method, u32::try_from(data.len()).unwrap());
        member.data = data;
        let bytes = archive.bytes();
        assert_eq!(
            contents(&sanitise(&bytes, "a.zip").unwrap().bytes),
            [pair("a.txt", "\u{FEFF}data\r\n")],
            "{method}"
        );
        let limits = Limits { window_bytes: 4, ..Limits::default() };
        let done = sanitise_within(&bytes, "a.zip", &limits).unwrap();
        let refusal = done.members[0].1.as_ref().unwrap_err();
        assert_eq!(*refusal, Refusal::limit(Reason::LimitWindowBytes, 4, 5), "{method}");
        // The same behind the head of the old encryption.
        let member = &mut archive.members[0];
        (member.flags, member.local_flags) = (1, 1);
        member.local_size += 12;
        member.data.splice(..0, [0; 12]);
        let mut job = rooms::dirty_job("a.zip", &limits);
        job.passwords = vec![form::job::Password::new("a").unwrap()];
        let done = rooms::sanitise_as(&archive.bytes(), &job).unwrap();
        let refusal = done.members[0].1.as_ref().unwrap_err();
        assert_eq!(*refusal, Refusal::limit(Reason::LimitWindowBytes, 4, 5), "{method}");
    }
}

#[test]
fn devices_and_pipes_are_withheld() {
    for mode in [0o020_000_u32, 0o010_000, 0o060_000, 0o140_000] {
        let mut archive = Archive::of(&["dev"]);
        archive.members[0].mode = mode | 0o644;
        let done = sanitise(&archive.bytes(), "a.zip").unwrap();
        assert_eq!(done.members[0].1.as_ref().unwrap_err().reason, Reason::SpecialMember);
    }
}

#[test]
fn names_with_controls_direction_marks_and_device_names_are_cleaned() {
    let done =
        sanitise(&Archive::of(&["invoice\u{202E}fdp.txt", "CON.txt", "a\u{1B}[2J.txt"]).bytes(), "a.zip").unwrap();
    let names: Vec<String> = contents(&done.bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["invoicefdp.txt", "_CON.txt", "a[2J.txt"]);
    for reason in [Reason::BidiControls, Reason::NameChanged, Reason::ControlCharacters] {
        assert!(done.has(reason), "{reason}");
    }
}

/// An archive put together by hand; members hold the five bytes "data\n".
#[derive(Clone)]
struct Archive {
    prefix: Vec<u8>,
    members: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    name: Vec<u8>,
    local_name: Vec<u8>,
    extra: Vec<u8>,
    local_extra: Vec<u8>,
    method: u16,
    local_method: u16,
    flags: u16,
    local_flags: u16,
    local_size: u32,
    claimed_packed: Option<u32>,
    unpacked: u32,
    crc: u32,
    mode: u32,
    listed: bool,
    data: Vec<u8>,
}

const DATA: &[u8] = b"data\n";

impl Archive {
    fn of(names: &[&str]) -> Archive {
        let members = names
            .iter()
            .map(|name| Member {
                name: name.as_bytes().to_vec(),
                local_name: name.as_bytes().to_vec(),
                extra: Vec::new(),
                local_extra: Vec::new(),
                method: 0,
                local_method: 0,
                flags: 0,
                local_flags: 0,
                local_size: 5,
                claimed_packed: None,
                unpacked: 5,
                // Python: zlib.crc32(b"data\n")
                crc: 0xE6C1_C582,
                mode: 0o100_644,
                listed: true,
                data: DATA.to_vec(),
            })
            .collect();
        Archive { prefix: Vec::new(), members }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        let mut directory = Vec::new();
        let mut listed = 0_u16;
        for member in &self.members {
            let offset = u32::try_from(out.len()).unwrap();
            let packed = member.claimed_packed.unwrap_or(u32::try_from(member.data.len()).unwrap());
            out.extend_from_slice(b"PK\x03\x04\x14\0");
            put16(&mut out, &[member.local_flags, member.local_method, 0, 0x5881]);
            put32(&mut out, &[member.crc, member.local_size, member.unpacked]);
            put16(
                &mut out,
                &[u16::try_from(member.local_name.len()).unwrap(), u16::try_from(member.local_extra.len()).unwrap()],
            );
            out.extend_from_slice(&member.local_name);
            out.extend_from_slice(&member.local_extra);
            out.extend_from_slice(&member.data);
            if !member.listed {
                continue;
            }
            listed += 1;
            directory.extend_from_slice(b"PK\x01\x02\x14\x03\x14\0");
            put16(&mut directory, &[member.flags, member.method, 0, 0x5881]);
            put32(&mut directory, &[member.crc, packed, member.unpacked]);
            put16(
                &mut directory,
                &[u16::try_from(member.name.len()).unwrap(), u16::try_from(member.extra.len()).unwrap(), 0, 0, 0],
            );
            put32(&mut directory, &[member.mode << 16, offset]);
            directory.extend_from_slice(&member.name);
            directory.extend_from_slice(&member.extra);
        }
        let start = u32::try_from(out.len()).unwrap();
        out.extend_from_slice(&directory);
        out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        put16(&mut out, &[listed, listed]);
        put32(&mut out, &[u32::try_from(directory.len()).unwrap(), start]);
        put16(&mut out, &[0]);
        out
    }
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}
