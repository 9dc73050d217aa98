//! Archives other than ZIP through both rooms. Honest ones come from other programs (fixtures), hostile ones are built here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod archive_kit;
mod rooms;

use archive_kit::{Cab, Lzh, Rar5, Tar, contents, made, made_with, member, pair, refused, withheld};
use form::report::OutputType;
use form::{Limits, Reason};
use rooms::{sanitise, sanitise_within};

/// What `tree` of archives.sh holds, rebuilt.
fn tree() -> Vec<(String, String)> {
    vec![
        pair("nothing.txt", "\u{FEFF}"),
        pair("readme.txt", "\u{FEFF}read me\r\n"),
        pair("資料/予算ｼｰﾄ.csv", "\u{FEFF}項目,金額\r\n予算,1000\r\n"),
        pair("資料/能力表.txt", "\u{FEFF}能力\r\n"),
    ]
}

fn sorted(name: &str) -> Vec<(String, String)> {
    let mut contents = contents(&made(name).bytes);
    contents.sort();
    contents
}

#[test]
fn every_format_gives_the_same_tree() {
    for name in [
        "plain.7z",
        "ppmd.7z",
        "gnu.tar",
        "pax.tar",
        "plain.tar.gz",
        "plain.tgz",
        "plain.tar.bz2",
        "plain.tar.xz",
        "plain.tar.zst",
    ] {
        let done = made(name);
        assert_eq!(done.report.output, OutputType::Zip, "{name}");
        assert_eq!(sorted(name), tree(), "{name}");
        assert_eq!(done.bytes, made(name).bytes, "{name} comes out the same each time");
    }
    // jLHA writes no names in other scripts.
    let readme = pair("readme.txt", "\u{FEFF}read me\r\n");
    let list = pair("docs/list.csv", "\u{FEFF}項目,金額\r\n予算,1000\r\n");
    assert_eq!(sorted("level2.lzh"), [list.clone(), pair("nothing.txt", "\u{FEFF}"), readme.clone()]);
    assert_eq!(sorted("stored.lzh"), [list, readme]);
}

#[test]
fn images_of_discs_keep_the_names_of_joliet_and_of_rock_ridge() {
    for name in ["joliet.iso.xz", "rock-ridge.iso.xz"] {
        let outer = made(name);
        let mut inner = contents(&outer.members[0].1.as_ref().unwrap().bytes);
        inner.sort();
        assert_eq!(inner, tree(), "{name}");
    }
    let outer = made("plain.iso.xz");
    assert_eq!(contents(&outer.members[0].1.as_ref().unwrap().bytes), [pair("README.txt", "\u{FEFF}read me\r\n")]);
}

#[test]
fn discs_whose_lists_differ_are_refused() {
    for (name, reason) in [("differ.iso.xz", Reason::DirectoryMismatch), ("udf.iso.xz", Reason::UnsupportedMethod)] {
        assert_eq!(made(name).members[0].1.as_ref().unwrap_err().reason, reason, "{name}");
    }
}

#[test]
fn a_folder_of_mails_becomes_an_archive_of_them() {
    let mail = |subject: &str| {
        format!("From: a@example.jp\nDate: Fri, 20 Nov 2026 10:00:00 +0900\nSubject: {subject}\n\ntext\n\n")
    };
    let folder: String = ["a/b", "a/b", ""]
        .iter()
        .map(|subject| format!("From - Fri Nov 20 10:00:00 2026\n{}", mail(subject)))
        .collect();
    let done = sanitise(folder.as_bytes(), "folder.mbox").unwrap();
    let names: Vec<&str> = done.members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["1 a_b.eml", "2 a_b.eml", "3 message.eml"]);
    assert!(done.members.iter().all(|(_, member)| member.is_ok()));
    assert_eq!(done.place(Reason::FormatConverted).as_deref(), Some("mbox → eml"));
    assert!(!done.has(Reason::EncodingRepaired));
    // As programs of old Macs keep it.
    let mac = sanitise(folder.replace('\n', "\r").as_bytes(), "folder").unwrap();
    assert_eq!(mac.members.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    assert!(mac.members.iter().all(|(_, member)| member.is_ok()) && mac.has(Reason::EncodingRepaired));
    let limits = |parts| Limits { parts, ..Limits::default() };
    assert!(sanitise_within(folder.as_bytes(), "folder.mbox", &limits(3)).is_ok());
    let refused = sanitise_within(folder.as_bytes(), "folder.mbox", &limits(2)).unwrap_err().refusal;
    assert_eq!((refused.reason, refused.value), (Reason::LimitParts, 3));
}

#[test]
fn every_method_of_7z_and_lzh_and_zip_is_unpacked() {
    for name in ["bcj2.7z", "bzip2.7z", "deflate.7z"] {
        assert_eq!(contents(&made(name).bytes), [pair("readme.txt", "\u{FEFF}read me\r\n")], "{name}");
    }
    // seq 4000
    let many: String = (1..=4000).map(|number| format!("{number}\r\n")).collect();
    let all = pair("many.txt", &format!("\u{FEFF}{many}"));
    let zips = ["bzip2.zip", "deflate64.zip", "lzma.zip", "ppmd.zip", "xz.zip", "zstd.zip", "zstd-early.zip"];
    for name in ["lh5.lzh", "lh6.lzh", "lh7.lzh", "lz4.7z", "brotli-frames.7z"].into_iter().chain(zips) {
        assert_eq!(contents(&made(name).bytes), std::slice::from_ref(&all), "{name}");
    }
    for name in ["deflate64.7z", "zstd.7z", "brotli.7z"] {
        assert_eq!(contents(&made(name).bytes), [all.clone(), pair("readme.txt", "\u{FEFF}read me\r\n")], "{name}");
    }
    // seq 9000: as many codes as make the tree of -lh1- forget half of what it met.
    let more: String = (1..=9000).map(|number| format!("{number}\r\n")).collect();
    assert_eq!(contents(&made("lh1.lzh").bytes), [pair("many.txt", &format!("\u{FEFF}{more}"))]);
    let stored = contents(&made("stored.cab").bytes);
    assert_eq!(stored, [pair("readme.txt", "\u{FEFF}read me\r\n"), pair("能力表.txt", "\u{FEFF}能力\r\n")]);
    let packed = contents(&made("mszip.cab").bytes);
    assert_eq!(packed[2], pair("many.txt", &format!("\u{FEFF}{many}")));
}

/// APPNOTE 4.4.5; Methods.txt of 7-Zip ZS.
#[test]
fn a_method_that_is_not_read_is_told_by_its_number() {
    for (name, number) in [("wavpack.zip", 97), ("lizard.7z", 0x04F7_1106)] {
        let refusal = *made(name).members[0].1.as_ref().unwrap_err();
        assert_eq!(refusal, form::Refusal::limit(Reason::UnsupportedMethod, 0, number), "{name}");
    }
}

#[test]
fn a_damaged_member_of_a_method_read_here_is_withheld_alone() {
    // In the last two only the block has a checksum.
    for name in ["deflate64.7z", "zstd.7z", "brotli.7z", "brotli-frames.7z", "lz4.7z"] {
        // Of a block that is changed somewhere nothing that is behind the change may come out as if it were right.
        let whole = archive_kit::fixture(name);
        for at in [40, 200, 1_000, 3_000] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            match sanitise(&bytes, name) {
                Err(refused) => assert_eq!(refused.refusal.reason, Reason::Malformed, "{name} {at}"),
                Ok(done) => assert_eq!(withheld(&done, "many.txt"), Reason::Malformed, "{name} {at}"),
            }
        }
    }
}

#[test]
fn a_compressed_file_is_one_member_under_its_own_name() {
    for name in ["memo.txt.gz", "memo.txt.bz2", "memo.txt.xz", "memo.txt.zst"] {
        assert_eq!(contents(&made(name).bytes), [pair("memo.txt", "\u{FEFF}read me\r\n")], "{name}");
    }
    // gzip keeps the name, whatever the file is called now.
    let bytes = archive_kit::fixture("memo.txt.gz");
    assert_eq!(contents(&sanitise(&bytes, "x.bin.gz").unwrap().bytes)[0].0, "memo.txt");
    // RFC 1952, section 2.2: members simply follow one another.
    assert_eq!(contents(&made("twice.txt.gz").bytes), [pair("memo.txt", "\u{FEFF}read me\r\nread me\r\n")]);
}

#[test]
fn what_stands_behind_a_stream_or_an_archive_is_dropped_and_told() {
    for name in ["memo.txt.gz", "memo.txt.bz2", "memo.txt.zst", "gnu.tar", "plain.7z", "level2.lzh", "stored.cab"] {
        let bytes = [archive_kit::fixture(name), b"TRAILER".to_vec()].concat();
        let done = sanitise(&bytes, name).unwrap();
        assert!(done.has(Reason::SurplusBytes), "{name}");
        assert!(!made(name).has(Reason::SurplusBytes), "{name}");
        assert_eq!(done.bytes, made(name).bytes, "{name}");
    }
    // Zeros are what tapes and disks leave.
    let bytes = [archive_kit::fixture("memo.txt.gz"), vec![0; 512]].concat();
    assert!(!sanitise(&bytes, "memo.txt.gz").unwrap().has(Reason::SurplusBytes));
}

#[test]
fn times_are_kept() {
    for name in ["plain.7z", "gnu.tar", "pax.tar", "level2.lzh", "memo.txt.gz"] {
        let done = made(name);
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&done.bytes)).unwrap();
        let time = archive.by_index(0).unwrap().last_modified().unwrap();
        let fields = (time.year(), time.month(), time.day(), time.hour(), time.minute(), time.second());
        assert_eq!(fields, (2024, 4, 1, 9, 30, 0), "{name}");
    }
}

#[test]
fn names_of_old_systems_come_out_as_utf8() {
    let done = made("cp932.tar");
    let mut names: Vec<String> = contents(&done.bytes).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["報告書.txt", "能力表.txt"]);
    assert_eq!(done.place(Reason::MemberNameCharset).as_deref(), Some("Shift_JIS"));
    let done = made("euc.tar");
    assert_eq!(contents(&done.bytes)[0].0, "日本語の文書.txt");
    assert_eq!(done.place(Reason::MemberNameCharset).as_deref(), Some("EUC-JP"));
    for name in ["gnu.tar", "plain.7z", "level2.lzh"] {
        // UTF-8 needs no guess.
        assert!(!made(name).has(Reason::MemberNameCharset), "{name}");
    }
}

#[test]
fn lzh_of_all_levels_has_its_directories_behind_0xff_and_its_names_in_cp932() {
    for level in 0..=3 {
        // Python: "能力表.txt".encode("cp932"): the second byte of 能 is a backslash.
        let mut lzh = Lzh::of(level, b"\x94\x5c\x97\xcd\x95\x5c.txt", b"data\n");
        // Python: "資料".encode("cp932")
        lzh.directory = b"\x8e\x91\x97\xbf\xff".to_vec();
        let done = sanitise(&lzh.bytes(), "a.lzh").unwrap();
        assert_eq!(contents(&done.bytes), [pair("資料/能力表.txt", "\u{FEFF}data\r\n")], "level {level}");
        assert_eq!(done.place(Reason::MemberNameCharset).as_deref(), Some("Shift_JIS"));
    }
}

/// LHMelt and archivers of the Mac write whole paths; other archivers of their time take off the root.
#[test]
fn lzh_whose_paths_begin_at_the_root_is_read_from_there() {
    for level in 1..=3 {
        let mut lzh = Lzh::of(level, b"a.txt", b"data\n");
        lzh.directory = b"\xffb\xff".to_vec();
        let done = sanitise(&lzh.bytes(), "a.lzh").unwrap();
        assert_eq!(contents(&done.bytes), [pair("b/a.txt", "\u{FEFF}data\r\n")], "level {level}");
        assert_eq!(done.place(Reason::NameChanged).as_deref(), Some("b/a.txt"));
        lzh.directory = b"\xff..\xff".to_vec();
        assert_eq!(refused(&lzh.bytes(), "a.lzh"), Reason::ZipSlip, "level {level}");
    }
    let done = sanitise(&Lzh::of(0, b"\\b\\a.txt", b"data\n").bytes(), "a.lzh").unwrap();
    assert_eq!(contents(&done.bytes)[0].0, "b/a.txt");
    assert_eq!(done.place(Reason::NameChanged).as_deref(), Some("b/a.txt"));
}

/// UNLHA32 writes names in UTF-16 beside the others; their roots are the same.
#[test]
fn lzh_in_utf_16_loses_its_root_as_in_bytes_and_says_so() {
    let wide = |path: &str| Some(path.encode_utf16().map(|unit| if unit == 0xFF { 0xFFFF } else { unit }).collect());
    let cases: [(&[u8], &[u8], &str, &str); 3] = [
        (b"", b"", "\u{FF}b\u{FF}", "a.txt"),
        (b"\\b\\a.txt", b"", "", "\\b\\a.txt"),
        (b"a.txt", b"\xffb\xff", "b\u{FF}", "a.txt"),
    ];
    for (name, directory, wide_directory, wide_name) in cases {
        let mut lzh = Lzh::of(2, name, b"data\n");
        lzh.directory = directory.to_vec();
        (lzh.wide_directory, lzh.wide_name) = (wide(wide_directory), wide(wide_name));
        let done = sanitise(&lzh.bytes(), "a.lzh").unwrap_or_else(|refused| panic!("{wide_name}: {refused:?}"));
        assert_eq!(contents(&done.bytes), [pair("b/a.txt", "\u{FEFF}data\r\n")], "{wide_directory}{wide_name}");
        assert!(done.has(Reason::NameChanged), "{wide_directory}{wide_name}");
    }
}

#[test]
fn lzh_of_the_amiga_has_a_remark_behind_the_name() {
    let done = sanitise(&Lzh::of(1, b"a.txt\0a remark", b"data\n").bytes(), "a.lzh").unwrap();
    assert_eq!(contents(&done.bytes)[0].0, "a.txt");
    assert!(!done.has(Reason::NameChanged));
    assert_eq!(done.place(Reason::Metadata).as_deref(), Some("Amiga"));
    let done = sanitise(&Lzh::of(1, b"a.txt\0", b"data\n").bytes(), "a.lzh").unwrap();
    assert!(!done.has(Reason::Metadata));
}

#[test]
fn lzh_of_the_macintosh_has_files_in_macbinary() {
    let mac = |name: &[u8], data: &[u8], resource: &[u8]| {
        let mut file = vec![0; 128];
        file[1] = u8::try_from(name.len()).unwrap();
        file[2..2 + name.len()].copy_from_slice(name);
        file[65..73].copy_from_slice(b"TEXTttxt");
        file[83..87].copy_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
        file[87..91].copy_from_slice(&u32::try_from(resource.len()).unwrap().to_be_bytes());
        for fork in [data, resource] {
            file.extend_from_slice(fork);
            file.resize(file.len().next_multiple_of(128), 0);
        }
        file
    };
    for resource in [&b""[..], b"resource"] {
        let lzh = Lzh::of(1, b"a.txt", &mac(b"a.txt", b"data\n", resource));
        let done = sanitise(&lzh.bytes(), "a.lzh").unwrap();
        assert_eq!(contents(&done.bytes), [pair("a.txt", "\u{FEFF}data\r\n")]);
        assert_eq!(done.place(Reason::Metadata).as_deref(), Some("MacBinary"));
    }
    // Another name, or lengths that do not add up, and it is what it is: no text.
    let other = mac(b"b.txt", b"data\n", b"");
    let longer = [mac(b"a.txt", b"data\n", b""), vec![0; 128]].concat();
    for file in [other, longer] {
        assert_eq!(refused(&Lzh::of(1, b"a.txt", &file).bytes(), "a.lzh"), Reason::UnsupportedType);
    }
    // The checksum is of the whole.
    let mut damaged = Lzh::of(1, b"a.txt", &mac(b"a.txt", b"data\n", b"resource"));
    damaged.sum ^= 1;
    assert_eq!(refused(&damaged.bytes(), "a.lzh"), Reason::Malformed);
}

#[test]
fn long_names_of_gnu_and_pax_are_read() {
    let long = "あ".repeat(80);
    for name in ["long-gnu.tar", "long-pax.tar"] {
        let names = contents(&made(name).bytes);
        assert_eq!(names, [pair(&format!("{long}/{long}.txt"), "\u{FEFF}long\r\n")], "{name}");
    }
    let old: Vec<String> = contents(&made("v7.tar").bytes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(old, ["readme.txt", "nothing.txt"]);
}

#[test]
fn links_and_pipes_are_withheld_alone() {
    let done = made("links.tar");
    for (name, reason) in
        [("link.txt", Reason::SymlinkMember), ("readme.txt", Reason::HardLinkMember), ("pipe", Reason::SpecialMember)]
    {
        assert_eq!(withheld(&done, name), reason, "{name}");
    }
    assert_eq!(contents(&done.bytes), [pair("other.txt", "\u{FEFF}read me\r\n")]);
    let done = made("link.7z");
    assert_eq!(withheld(&done, "link.txt"), Reason::SymlinkMember);
    assert_eq!(contents(&done.bytes), [pair("readme.txt", "\u{FEFF}read me\r\n")]);
    let done = made("sparse.tar");
    assert_eq!(withheld(&done, "sparse.bin"), Reason::UnsupportedMethod);
    assert_eq!(contents(&done.bytes), [pair("readme.txt", "\u{FEFF}read me\r\n")]);
}

#[test]
fn paths_that_lead_out_refuse_the_archive() {
    for name in ["../a.txt", "/a.txt", "C:\\a.txt", "a/../../b.txt"] {
        assert_eq!(refused(&Tar::of(&[name]).bytes(), "a.tar"), Reason::ZipSlip, "{name}");
        assert_eq!(refused(&Rar5::of(&[name]).bytes(), "a.rar"), Reason::ZipSlip, "{name}");
        assert_eq!(refused(&Cab::of(&[name]).bytes(), "a.cab"), Reason::ZipSlip, "{name}");
        assert_eq!(refused(&Lzh::of(2, name.as_bytes(), b"data\n").bytes(), "a.lzh"), Reason::ZipSlip, "{name}");
    }
}

#[test]
fn two_members_of_one_name_refuse_the_archive() {
    for names in [["a.txt", "a.txt"], ["a.txt", "A.TXT"], ["a", "a/b"]] {
        assert_eq!(refused(&Tar::of(&names).bytes(), "a.tar"), Reason::DuplicateMember, "{names:?}");
        assert_eq!(refused(&Rar5::of(&names).bytes(), "a.rar"), Reason::DuplicateMember, "{names:?}");
        assert_eq!(refused(&Cab::of(&names).bytes(), "a.cab"), Reason::DuplicateMember, "{names:?}");
    }
}

#[test]
fn names_that_lie_are_made_plain_and_told() {
    let names = ["invoice\u{202E}fdp.txt", "CON.txt", "a. ", "report.pdf.exe"];
    for (bytes, name) in [(Tar::of(&names).bytes(), "a.tar"), (Rar5::of(&names).bytes(), "a.rar")] {
        let done = sanitise(&bytes, name).unwrap();
        let names: Vec<&str> = done.members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["invoicefdp.txt", "_CON.txt", "a", "report.pdf.exe"]);
        assert!(done.has(Reason::BidiControls) && done.has(Reason::NameChanged), "{name}");
    }
}

#[test]
fn tar_whose_sizes_or_names_two_readers_take_differently_is_refused() {
    let tar = |change: &dyn Fn(&mut Tar)| {
        let mut tar = Tar::of(&["a.txt", "b.txt"]);
        change(&mut tar);
        refused(&tar.bytes(), "a.tar")
    };
    // CVE-2025-62518: the size of the pax record and that of the header.
    assert_eq!(tar(&|tar| tar.members[0].pax = vec![("size", "1024")]), Reason::DirectoryMismatch);
    assert_eq!(tar(&|tar| tar.members[0].pax = vec![("path", "x"), ("path", "y")]), Reason::AmbiguousStructure);
    assert_eq!(tar(&|tar| tar.global = vec![("size", "1024")]), Reason::AmbiguousStructure);
    // A directory with data: old readers read the data as headers.
    assert_eq!(tar(&|tar| tar.members[0].flag = b'5'), Reason::AmbiguousStructure);
    assert_eq!(tar(&|tar| tar.members[0].flag = b'2'), Reason::AmbiguousStructure);
    assert_eq!(tar(&|tar| tar.members[1].sum_off_by = 1), Reason::Malformed);
    assert_eq!(tar(&|tar| tar.members[0].flag = b'M'), Reason::SplitArchive);
    // One empty block: some readers end there, others do not.
    assert_eq!(tar(&|tar| tar.members[1].empty_block_before = true), Reason::AmbiguousStructure);
    // The same size twice is one size.
    let mut same = Tar::of(&["a.txt"]);
    same.members[0].pax = vec![("size", "5"), ("path", "資料.txt")];
    assert_eq!(contents(&sanitise(&same.bytes(), "a.tar").unwrap().bytes)[0].0, "資料.txt");
}

#[test]
fn an_archive_that_was_cut_off_gives_what_was_there() {
    let whole = Tar::of(&["a.txt", "b.txt"]).bytes();
    let done = sanitise(&whole[..512 * 3 + 2], "a.tar").unwrap();
    assert_eq!(contents(&done.bytes), [pair("a.txt", "\u{FEFF}data\r\n")]);
    assert_eq!(withheld(&done, "b.txt"), Reason::Malformed);
    // Without the two empty blocks nothing is missing.
    assert_eq!(contents(&sanitise(&whole[..512 * 4], "a.tar").unwrap().bytes).len(), 2);
}

#[test]
fn a_member_whose_checksum_is_wrong_is_withheld_alone() {
    let mut rar = Rar5::of(&["a.txt", "b.txt"]);
    rar.members[0].crc ^= 1;
    let done = sanitise(&rar.bytes(), "a.rar").unwrap();
    assert_eq!(withheld(&done, "a.txt"), Reason::Malformed);
    assert_eq!(contents(&done.bytes), [pair("b.txt", "\u{FEFF}data\r\n")]);
    let mut lzh = Lzh::of(2, b"a.txt", b"data\n");
    lzh.sum ^= 1;
    assert_eq!(withheld(&sanitise(&lzh.bytes(), "a.lzh").unwrap(), "a.txt"), Reason::Malformed);
    let mut cab = Cab::of(&["a.txt", "b.txt"]);
    cab.block_sum_off_by = 1;
    let done = sanitise(&cab.bytes(), "a.cab").unwrap();
    assert_eq!(withheld(&done, "b.txt"), Reason::Malformed);
}

#[test]
fn files_behind_a_damaged_block_of_a_cabinet_do_not_get_the_bytes_of_others() {
    let mut cab = Cab::of(&["a.txt", "b.txt", "c.txt"]);
    cab.first_block = 3;
    assert_eq!(contents(&sanitise(&cab.bytes(), "a.cab").unwrap().bytes).len(), 3);
    cab.block_sum_off_by = 1;
    let done = sanitise(&cab.bytes(), "a.cab").unwrap();
    for name in ["a.txt", "b.txt", "c.txt"] {
        assert_eq!(withheld(&done, name), Reason::Malformed, "{name}");
    }
}

#[test]
fn a_directory_that_has_data_refuses_the_archive() {
    let mut rar = Rar5::of(&["a.txt", "b"]);
    rar.members[1].is_directory = true;
    assert_eq!(refused(&rar.bytes(), "a.rar"), Reason::AmbiguousStructure);
    assert_eq!(refused(&Cab::of(&["a.txt", "b\\"]).bytes(), "a.cab"), Reason::AmbiguousStructure);
    assert_eq!(refused(&Tar::of(&["a.txt", "b/"]).bytes(), "a.tar"), Reason::AmbiguousStructure);
    let mut lzh = Lzh::of(2, b"", b"data\n");
    lzh.directory = b"b\xff".to_vec();
    assert_eq!(refused(&lzh.bytes(), "a.lzh"), Reason::AmbiguousStructure);
}

#[test]
fn a_locked_member_of_rar_waits_for_its_password_and_the_others_do_not() {
    let mut rar = Rar5::of(&["a.txt", "b.txt"]);
    rar.members[0].is_encrypted = true;
    let done = sanitise(&rar.bytes(), "a.rar").unwrap();
    assert_eq!(withheld(&done, "a.txt"), Reason::Encrypted);
    assert_eq!(contents(&done.bytes), [pair("b.txt", "\u{FEFF}data\r\n")]);
}

#[test]
fn bombs_are_refused_by_their_ratio() {
    for name in ["bomb.7z", "zeros.txt.gz"] {
        assert_eq!(refused(&archive_kit::fixture(name), name), Reason::LimitRatio, "{name}");
        let limits = Limits { ratio: 100_000, ..Limits::default() };
        assert!(sanitise_within(&archive_kit::fixture(name), name, &limits).is_ok(), "{name}");
    }
}

#[test]
fn windows_larger_than_the_limit_are_refused_before_they_are_taken() {
    for (name, limit, wanted) in
        [("wide.txt.xz", 320 << 20, 0), ("wide.txt.zst", 320 << 20, 1 << 30), ("lzma.zip", 1 << 10, 24_576)]
    {
        let limits = Limits { window_bytes: limit, ..Limits::default() };
        let done = sanitise_within(&archive_kit::fixture(name), name, &limits).unwrap();
        let refusal = done.members[0].1.as_ref().unwrap_err();
        assert_eq!((refusal.reason, refusal.limit), (Reason::LimitWindowBytes, limit), "{name}");
        assert!(wanted == 0 || refusal.value >= wanted, "{name}: {refusal:?}");
    }
    let limits = Limits { window_bytes: 1 << 10, ..Limits::default() };
    for name in ["plain.7z", "ppmd.7z"] {
        // The list of one is packed, that of the other is not: it is refused whole, or its members are.
        let reason = match sanitise_within(&archive_kit::fixture(name), name, &limits) {
            Ok(done) => done.members[0].1.as_ref().unwrap_err().reason,
            Err(refused) => refused.refusal.reason,
        };
        assert_eq!(reason, Reason::LimitWindowBytes, "{name}");
    }
}

#[test]
fn members_and_bytes_may_be_those_of_the_limits_and_not_one_more() {
    for (bytes, name) in [
        (Tar::of(&["a", "b", "c"]).bytes(), "a.tar"),
        (Rar5::of(&["a", "b", "c"]).bytes(), "a.rar"),
        (Cab::of(&["a", "b", "c"]).bytes(), "a.cab"),
    ] {
        let parts = |parts| Limits { parts, ..Limits::default() };
        assert!(sanitise_within(&bytes, name, &parts(3)).is_ok(), "{name}");
        let refused = sanitise_within(&bytes, name, &parts(2)).unwrap_err().refusal;
        assert_eq!((refused.reason, refused.limit, refused.value), (Reason::LimitParts, 2, 3), "{name}");
        // Three members of five bytes.
        for set in [(|limits: &mut Limits, n| limits.total_bytes = n) as fn(&mut Limits, u64), |limits, n| {
            limits.spill_bytes = n
        }] {
            for (limit, fits) in [(15, true), (14, false)] {
                let mut limits = Limits::default();
                set(&mut limits, limit);
                let (mut form, mut spill) = (Vec::new(), Vec::new());
                let job = rooms::dirty_job(name, &limits).encode();
                let done = disarm::run(&job, &bytes, &disarm::Fonts::default(), &mut form, &mut spill);
                assert_eq!(done.is_ok(), fits, "{name} {limit}");
            }
        }
    }
}

#[test]
fn locked_archives_wait_for_their_password() {
    for name in
        ["sealed.7z", "locked.7z", "stored-locked.7z", "block-sum-locked.7z", "lzma-locked.zip", "bzip2-locked.zip"]
    {
        let reason = |passwords: &[&str]| match made_with(name, passwords) {
            Ok(done) => match done.members.iter().find_map(|(_, outcome)| outcome.as_ref().err()) {
                Some(refusal) => refusal.reason,
                None => panic!("{name} opened"),
            },
            Err(refused) => refused.refusal.reason,
        };
        assert_eq!(reason(&[]), Reason::Encrypted, "{name}");
        if name != "lzma-locked.zip" {
            assert_eq!(reason(&["wrong", ""]), Reason::WrongPassword, "{name}");
        }
    }
    for (name, password) in [("sealed.7z", "correct horse"), ("locked.7z", "ひみつ")] {
        let done = made_with(name, &["wrong", password]).unwrap();
        let mut found = contents(&done.bytes);
        found.sort();
        assert_eq!(found, tree()[2..], "{name}");
        assert!(done.has(Reason::Decrypted), "{name}");
    }
    for name in ["stored-locked.7z", "bzip2-locked.zip"] {
        assert_eq!(contents(&made_with(name, &["correct horse"]).unwrap().bytes).len(), 1, "{name}");
    }
    // Two members without checksums of their own, of which only the block has one: noise is not taken for them.
    assert_eq!(contents(&made_with("block-sum-locked.7z", &["wrong", "correct horse"]).unwrap().bytes).len(), 2);
    let half = made("half-locked.7z");
    assert_eq!(contents(&half.bytes), [pair("readme.txt", "\u{FEFF}read me\r\n")]);
    assert_eq!(withheld(&half, "能力表.txt"), Reason::Encrypted);
    assert_eq!(contents(&made_with("half-locked.7z", &["correct horse"]).unwrap().bytes).len(), 2);
}

/// Contents by the checksums that RAR itself stored: 83b27227 (RAR 5), a538535e (RAR 3.00 and 4.20), 578a2019 and 1e180200.
#[test]
fn rar_opens_with_its_password_lists_too() {
    let three = pair("hello.txt", "\u{FEFF}Hello, RAR 3.x fixture world.\r\n");
    let five = pair("hello.txt", "\u{FEFF}Hello, RAR 5.0 fixture world.\r\n");
    for (name, member) in
        [("locked3.rar", &three), ("sealed4.rar", &three), ("locked5.rar", &five), ("sealed5.rar", &five)]
    {
        let reason = |passwords: &[&str]| match made_with(name, passwords) {
            Ok(done) => withheld(&done, "hello.txt"),
            Err(refused) => refused.refusal.reason,
        };
        assert_eq!(reason(&[]), Reason::Encrypted, "{name}");
        assert_eq!(reason(&["wrong", "ひみつ"]), Reason::WrongPassword, "{name}");
        let done = made_with(name, &["wrong", "password"]).unwrap();
        assert_eq!(contents(&done.bytes), std::slice::from_ref(member), "{name}");
        assert!(done.has(Reason::Decrypted), "{name}");
    }
    let half = made("half-locked4.rar");
    assert_eq!(contents(&half.bytes), [pair("1File.txt", "\u{FEFF}1File")]);
    assert_eq!(withheld(&half, "2中文.txt"), Reason::Encrypted);
    let opened = made_with("half-locked4.rar", &["known-pass"]).unwrap();
    assert_eq!(contents(&opened.bytes)[1], pair("2中文.txt", "\u{FEFF}known encrypted unicode payload\r\n"));
    assert_eq!(contents(&opened.bytes).len(), 3);
}

/// A key of 2^24 rounds would take a minute for each password.
#[test]
fn a_key_of_rar_that_takes_too_long_to_make_is_not_made() {
    let mut sealed = archive_kit::fixture("sealed5.rar");
    // RAR 5.0 archive format: checksum, length (33), type (4, encryption), flags, version, flags, the power of two.
    assert_eq!(sealed[12..18], [33, 4, 0, 0, 1, 15]);
    sealed[17] = 24;
    let sum = archive_kit::crc32(&sealed[12..46]);
    sealed[8..12].copy_from_slice(&sum.to_le_bytes());
    let mut job = rooms::dirty_job("a.rar", &Limits::default());
    job.passwords = vec![form::job::Password::new("password").unwrap()];
    let refused = rooms::sanitise_as(&sealed, &job).unwrap_err().refusal;
    assert_eq!((refused.reason, refused.limit, refused.value), (Reason::LimitKeyRounds, 1 << 20, 1 << 24));
}

#[test]
fn parts_of_split_archives_say_so() {
    let mut rar = Rar5::of(&["a.txt"]);
    rar.is_volume = true;
    assert_eq!(refused(&rar.bytes(), "a.part1.rar"), Reason::SplitArchive);
    let mut cab = Cab::of(&["a.txt"]);
    cab.flags = 2;
    assert_eq!(refused(&cab.bytes(), "a.cab"), Reason::SplitArchive);
}

#[test]
fn files_of_a_cabinet_that_share_bytes_refuse_it() {
    let mut cab = Cab::of(&["a.txt", "b.txt"]);
    cab.starts = vec![0, 4];
    assert_eq!(refused(&cab.bytes(), "a.cab"), Reason::OverlappingMember);
}

#[test]
fn a_link_in_rar_is_withheld() {
    let mut rar = Rar5::of(&["a.txt", "b.txt"]);
    rar.members[0].redirection = Some((1, b"/etc/passwd"));
    rar.members[1].redirection = Some((4, b"a.txt"));
    let done = sanitise(&rar.bytes(), "a.rar").unwrap();
    assert_eq!(withheld(&done, "a.txt"), Reason::SymlinkMember);
    assert_eq!(withheld(&done, "b.txt"), Reason::HardLinkMember);
}

#[test]
fn headers_that_ask_for_hours_or_name_no_list_are_refused() {
    let mut bytes = archive_kit::fixture("plain.7z");
    // Without its checksum a list would have to be looked for.
    bytes[8..32].fill(0);
    assert_eq!(refused(&bytes, "a.7z"), Reason::Malformed);
    let truncated = &archive_kit::fixture("plain.7z")[..100];
    assert_eq!(refused(truncated, "a.7z"), Reason::Malformed);
    assert_eq!(member(&made("plain.7z"), "readme.txt").report.output, OutputType::Text);
}
