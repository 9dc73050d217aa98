//! Office documents behind passwords: what opens them, what they become, and what is said where they stay closed. The files are
//! written here as the standard says, and two by other programs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod password_kit;
mod rooms;

use disarm::{Fonts, run};
use form::codec::{Decoder, Event};
use form::job::{DirtyJob, Password};
use form::{Limits, Reason};
use password_kit::{Agile, compound, docx, standard, standard_file};
use rooms::{dirty_job, fixture};

const TEXT: &str = "秘密の文書 secret words";

fn job(name: &str, passwords: &[&str]) -> DirtyJob {
    let passwords = passwords.iter().map(|password| Password::new(password).unwrap()).collect();
    DirtyJob { passwords, ..dirty_job(name, &Limits::default()) }
}

/// All that the form says, findings apart.
#[derive(Debug, PartialEq)]
struct Seen {
    said: Vec<String>,
    findings: Vec<Reason>,
    detected: String,
}

fn see(file: &[u8], job: &DirtyJob) -> Result<Seen, Reason> {
    let mut form = Vec::new();
    run(&job.encode(), file, &Fonts::default(), &mut form, &mut Vec::new())
        .map_err(|refused| refused.refusal.reason)?;
    let mut decoder = Decoder::new(form.as_slice(), &job.limits).unwrap();
    let detected = decoder.detected().as_str().to_owned();
    let mut seen = Seen { said: Vec::new(), findings: Vec::new(), detected };
    loop {
        match decoder.next().unwrap() {
            Event::Finding(finding) => seen.findings.push(finding.reason),
            Event::End => return Ok(seen),
            event => seen.said.push(format!("{event:?}")),
        }
    }
}

fn refusal(file: &[u8], passwords: &[&str]) -> Reason {
    see(file, &job("a.docx", passwords)).unwrap_err()
}

/// The file opens with `passwords`, says exactly what its package says, and tells that it was opened.
#[track_caller]
fn check(file: &[u8], passwords: &[&str], package: &[u8]) {
    let plain = see(package, &job("a.docx", &[])).unwrap();
    let opened = see(file, &job("a.docx", passwords)).unwrap();
    assert!(plain.said.iter().any(|said| said.contains("secret words")), "{plain:?}");
    assert_eq!((&opened.said, opened.detected.as_str()), (&plain.said, "docx"));
    assert_eq!(opened.findings, [&[Reason::Decrypted], plain.findings.as_slice()].concat());
}

/// Quick to try, for tests that are not about the default.
fn quick() -> Agile {
    Agile { spins: 1000, ..Agile::default() }
}

#[test]
fn agile_files_of_every_hash_and_key_open() {
    let package = docx(TEXT, 10_000);
    for hash in ["SHA1", "SHA256", "SHA384", "SHA512"] {
        for key_bits in [128, 192, 256] {
            let agile = Agile { hash, key_bits, ..quick() };
            check(&agile.file(&package, "password"), &["password"], &package);
        }
    }
    check(&Agile::default().file(&package, "password"), &["password"], &package);
    check(&Agile { spins: 0, ..quick() }.file(&package, "password"), &["password"], &package);
    check(&Agile { integrity: false, ..quick() }.file(&package, "password"), &["password"], &package);
}

#[test]
fn standard_files_of_every_key_open() {
    let package = docx(TEXT, 10_000);
    for key_bits in [128, 192, 256] {
        check(&standard_file(&package, "password", key_bits), &["password"], &package);
    }
}

#[test]
fn packages_of_every_length_around_blocks_and_segments_open() {
    let empty = docx(TEXT, 0).len();
    for len in [4094, 4095, 4096, 4097, 4111, 4112, 4113, 8191, 8192, 8193] {
        let package = docx(TEXT, len - empty);
        assert_eq!(package.len(), len);
        check(&quick().file(&package, "password"), &["password"], &package);
    }
    // Short enough to share sectors.
    let package = docx(TEXT, 0);
    check(&quick().file(&package, "password"), &["password"], &package);
}

#[test]
fn compound_files_of_large_sectors_and_of_many_open() {
    let package = docx(TEXT, 10_000);
    let (info, stream) = quick().streams(&package, "password");
    check(&compound(4, &[("EncryptionInfo", &info), ("EncryptedPackage", &stream)]), &["password"], &package);
    // Past seven megabytes the header has no place for the whole table, and the directory stands at the end.
    let package = docx(TEXT, 9_000_000);
    let (info, stream) = quick().streams(&package, "password");
    let file = compound(
        3,
        &[
            ("\u{6}DataSpaces", b"x"),
            ("Version", b"x"),
            ("a", b"x"),
            ("EncryptionInfo", &info),
            ("EncryptedPackage", &stream),
        ],
    );
    check(&file, &["password"], &package);
}

#[test]
fn files_of_other_programs_open() {
    for name in ["agile.docx", "standard.docx"] {
        let seen = see(&fixture(name), &job(name, &["秘密のパスワード"])).unwrap();
        assert!(seen.said.iter().any(|said| said.contains(TEXT)), "{name} {seen:?}");
        assert_eq!((seen.findings.as_slice(), seen.detected.as_str()), (&[Reason::Decrypted][..], "docx"), "{name}");
        assert_eq!(see(&fixture(name), &job(name, &["秘密"])).unwrap_err(), Reason::WrongPassword, "{name}");
    }
}

#[test]
fn the_first_password_that_fits_opens_and_the_verifier_says_which_do_not() {
    let package = docx(TEXT, 10_000);
    for (name, file) in [
        ("agile", quick().file(&package, "秘密のパスワード😀")),
        ("standard", standard_file(&package, "秘密のパスワード😀", 128)),
    ] {
        check(&file, &["秘密のパスワード😀"], &package);
        check(&file, &["", "wrong", "秘密のパスワード😀", "later"], &package);
        assert_eq!(refusal(&file, &[]), Reason::Encrypted, "{name}");
        assert_eq!(refusal(&file, &["wrong"]), Reason::WrongPassword, "{name}");
        assert_eq!(refusal(&file, &["秘密のパスワード", "秘密のパスワード😀 "]), Reason::WrongPassword, "{name}");
    }
}

#[test]
fn workbooks_that_are_only_protected_against_changes_open_by_themselves() {
    let package = docx(TEXT, 0);
    for file in [quick().file(&package, "VelvetSweatshop"), standard_file(&package, "VelvetSweatshop", 128)] {
        check(&file, &[], &package);
        check(&file, &["another"], &package);
    }
}

#[test]
fn packages_that_were_changed_or_cut_off_are_malformed() {
    let package = docx(TEXT, 10_000);
    let (info, stream) = quick().streams(&package, "password");
    let file = |stream: &[u8]| compound(3, &[("EncryptionInfo", &info), ("EncryptedPackage", stream)]);
    // The length, the first and the last block.
    for at in [0, 8, stream.len() - 1] {
        let mut changed = stream.clone();
        changed[at] ^= 1;
        assert_eq!(refusal(&file(&changed), &["password"]), Reason::Malformed, "{at}");
    }
    for len in [0, 7, 8, 5000, stream.len() - 16] {
        assert_eq!(refusal(&file(&stream[..len]), &["password"]), Reason::Malformed, "{len}");
    }
    // Without a code the length alone tells.
    let (info, stream) = standard(&package, "password", 128);
    let file = |stream: &[u8]| compound(3, &[("EncryptionInfo", &info), ("EncryptedPackage", stream)]);
    for len in [0, 7, 8, 5000, stream.len() - 1] {
        assert_eq!(refusal(&file(&stream[..len]), &["password"]), Reason::Malformed, "{len}");
    }
    let mut longer = stream.clone();
    longer.extend([0; 20]);
    check(&file(&longer), &["password"], &package);
    longer[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let job =
        DirtyJob { limits: Limits { total_bytes: u64::MAX, ..Limits::default() }, ..job("a.docx", &["password"]) };
    assert_eq!(see(&file(&longer), &job).unwrap_err(), Reason::Malformed);
}

#[test]
fn compound_files_that_are_cut_off_or_run_in_circles_are_malformed() {
    let package = docx(TEXT, 10_000);
    let file = quick().file(&package, "password");
    for len in [9, 100, 511, 512, 1024, 6000, file.len() - 512] {
        assert!(see(&file[..len], &job("a.docx", &["password"])).is_err(), "{len}");
    }
    // Each sector is followed by itself.
    let mut circle = file.clone();
    (0..128_u32).for_each(|at| circle[512 + 4 * at as usize..][..4].copy_from_slice(&at.to_le_bytes()));
    assert_eq!(refusal(&circle, &["password"]), Reason::Malformed);
    let (info, stream) = quick().streams(&package, "password");
    let twice = compound(3, &[("EncryptionInfo", &info), ("EncryptedPackage", &stream), ("EncryptedPackage", &stream)]);
    assert_eq!(refusal(&twice, &["password"]), Reason::AmbiguousStructure);
    let no_description = compound(3, &[("EncryptedPackage", &stream), ("\u{6}DataSpaces", b"x")]);
    assert_eq!(refusal(&no_description, &["password"]), Reason::Encrypted);
}

#[test]
fn descriptions_beyond_the_standard_are_refused_before_they_cost_anything() {
    let package = docx(TEXT, 0);
    let told = |spins: &str| Agile { spins_told: Some(spins.to_owned()), ..quick() }.file(&package, "password");
    for spins in ["10000001", "4294967295", "99999999999", "-1", ""] {
        assert_eq!(refusal(&told(spins), &["password"]), Reason::Malformed, "{spins}");
    }
    let edited =
        |edit: fn(String) -> String| refusal(&Agile { edit, ..quick() }.file(&package, "password"), &["password"]);
    for (edit, reason) in [
        ((|xml| xml.replace("'AES'", "'3DES'")) as fn(String) -> String, Reason::UnsupportedType),
        (|xml| xml.replace("ChainingModeCBC", "ChainingModeCFB"), Reason::UnsupportedType),
        (|xml| xml.replace("SHA512", "WHIRLPOOL"), Reason::UnsupportedType),
        (|xml| xml.replace("keyBits='256'", "keyBits='40'"), Reason::UnsupportedType),
        (|xml| xml.replace("blockSize='16'", "blockSize='4096'"), Reason::Malformed),
        (|xml| xml.replace("saltSize='16'", "saltSize='65536'"), Reason::Malformed),
        (|xml| xml.replace("hashSize='64'", "hashSize='20'"), Reason::Malformed),
        (|xml| xml.replace("saltValue='", "saltValue='!"), Reason::Malformed),
        (|xml| xml.replace("encryptedKeyValue='", "encryptedKeyValue='AAAA' x='"), Reason::Malformed),
        (|xml| xml.replace("<keyEncryptors>", "<keyEncryptors><keyData/>"), Reason::AmbiguousStructure),
        (|xml| xml.replace("keyEncryptor/password'>", "keyEncryptor/certificate'>"), Reason::Encrypted),
        (|xml| xml.replace("<encryption ", "<!DOCTYPE e [<!ENTITY a 'b'>]><encryption "), Reason::Malformed),
        (|xml| xml[..xml.len() - 100].to_owned(), Reason::Malformed),
        (|_| String::new(), Reason::Malformed),
        (|xml| format!("{xml}<!--{}-->", "a".repeat(2_000_000)), Reason::LimitTotalBytes),
    ] {
        assert_eq!(edited(edit), reason);
    }
    let (info, stream) = standard(&package, "password", 128);
    for (at, value, reason) in [
        // Extensible encryption, RC4, another maker's module, keys and salts of other lengths.
        (2, 3, Reason::UnsupportedType),
        (20, 0x01, Reason::UnsupportedType),
        (12, 0x10, Reason::UnsupportedType),
        (28, 0x40, Reason::Malformed),
        (8, 0xFF, Reason::Malformed),
    ] {
        let mut changed = info.clone();
        changed[at] = value;
        let file = compound(3, &[("EncryptionInfo", &changed), ("EncryptedPackage", &stream)]);
        assert_eq!(refusal(&file, &["password"]), reason, "{at}");
    }
}

#[test]
fn trying_passwords_ends_at_the_limit() {
    // Wrong ones of ten million rounds each: two are tried, Excel's own and the first.
    let file =
        Agile { spins_told: Some("9999999".to_owned()), hash: "SHA1", ..quick() }.file(&docx(TEXT, 0), "password");
    assert_eq!(refusal(&file, &["a"]), Reason::WrongPassword);
    assert_eq!(refusal(&file, &["a", "b"]), Reason::LimitTime);
}

#[test]
fn the_limits_of_the_job_hold_for_the_package() {
    let package = docx(TEXT, 10_000);
    let file = quick().file(&package, "password");
    let len = u64::try_from(package.len()).unwrap();
    let within = |limits: Limits| see(&file, &DirtyJob { limits, ..job("a.docx", &["password"]) }).map(|_| ());
    assert_eq!(within(Limits { total_bytes: len, ..Limits::default() }), Ok(()));
    assert_eq!(within(Limits { total_bytes: len - 1, ..Limits::default() }), Err(Reason::LimitTotalBytes));
    let input = u64::try_from(file.len()).unwrap();
    assert_eq!(within(Limits { input_bytes: input, ..Limits::default() }), Ok(()));
    assert_eq!(within(Limits { input_bytes: input - 1, ..Limits::default() }), Err(Reason::LimitInputBytes));
}

#[test]
fn what_is_no_office_document_inside_is_not_taken_for_one() {
    for package in
        [&b"%PDF-1.7\n"[..], b"MZ", b"", &fixture("stored.zip"), &quick().file(&docx(TEXT, 0), "VelvetSweatshop")]
    {
        assert_eq!(refusal(&quick().file(package, "password"), &["password"]), Reason::UnsupportedType);
    }
}

/// Binary documents that say of themselves that they are encrypted, and the same where they are not.
#[test]
fn encrypted_binary_documents_are_told_as_such() {
    let fib = |flags: u16| [&0xA5EC_u16.to_le_bytes()[..], &[0; 8], &flags.to_le_bytes(), &[0; 5_000]].concat();
    let user =
        |token: u32| [&[0, 0, 0xF6, 0x0F, 0x1C, 0, 0, 0, 0x14, 0, 0, 0][..], &token.to_le_bytes(), &[0; 16]].concat();
    let record = |kind: u16, data: &[u8]| {
        [&kind.to_le_bytes()[..], &u16::try_from(data.len()).unwrap().to_le_bytes(), data].concat()
    };
    let book = |records: &[Vec<u8>]| [&record(0x0809, &[0; 16])[..], &records.concat(), &[0; 5_000]].concat();
    let locked = book(&[record(0x0086, &[]), record(0x002F, &[1, 0, 1, 0, 1, 0])]);
    let cases: [(&str, Vec<u8>, &str, bool); 8] = [
        ("WordDocument", fib(0x0100), "doc", true),
        ("WordDocument", fib(0x00F0), "doc", false),
        ("Workbook", locked.clone(), "xls", true),
        ("Book", locked, "xls", true),
        ("Workbook", book(&[record(0x0042, &[0xB0, 4])]), "xls", false),
        // The number of the record in the data of another is no record.
        ("Workbook", book(&[record(0x0042, &[0x2F, 0, 0, 0])]), "xls", false),
        ("Current User", user(0xF3D1_C4DF), "ppt", true),
        ("Current User", user(0xE391_C05F), "ppt", false),
    ];
    for (stream, data, token, is_encrypted) in cases {
        let streams: [(&str, &[u8]); 2] = [(stream, &data), ("PowerPoint Document", b"x")];
        let file = compound(3, streams.get(..if token == "ppt" { 2 } else { 1 }).unwrap());
        let refused = rooms::sanitise(&file, "").unwrap_err();
        let expected = if is_encrypted { Reason::Encrypted } else { Reason::ConverterUnavailable };
        assert_eq!((refused.refusal.reason, refused.detected.as_str()), (expected, token), "{stream}");
    }
    let summary = compound(3, &[("PowerPoint Document", b"x"), ("EncryptedSummary", b"y")]);
    assert_eq!(rooms::refusal(&summary, ""), Reason::Encrypted);
}
