//! Archives that leave with the password that opened them, where the site wants it: what other programs open with which password, and
//! what they see without one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

#[path = "support/sanitize.rs"]
mod sanitize;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sanitize::output;
use serde_json::Value;

const PASSWORD: &str = "Kaigi#2026-11";
const AGAIN: &str = "[passwords]\nencrypt_again = true\n";

/// An archive that 7-Zip encrypts.
fn locked(directory: &Path, name: &str, how: &[&str], password: &str, files: &[(&str, &str)]) -> PathBuf {
    let place = directory.join(format!("for {name}"));
    for (path, text) in files {
        let path = place.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let archive = directory.join(name);
    let ran = Command::new("7z")
        .current_dir(&place)
        .arg("a")
        .args(how)
        .arg(format!("-p{password}"))
        .arg(&archive)
        .arg(".")
        .output()
        .expect("7z is installed (./test)");
    assert!(ran.status.success(), "{ran:?}");
    archive
}

fn sanitize(directory: &Path, input: &Path, policy: &str, passwords: &[&str]) -> Value {
    let settings = directory.join("policy.toml");
    fs::write(&settings, policy).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_misogi"));
    command.args(["sanitize", "--json", "-o"]).arg(directory.join("out")).arg("--policy").args([&settings, input]);
    for password in passwords {
        command.args(["--password", password]);
    }
    let ran = command.output().expect("runs");
    for password in passwords {
        for shown in [&ran.stdout, &ran.stderr] {
            assert!(!String::from_utf8_lossy(shown).contains(password), "a password is shown: {ran:?}");
        }
    }
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// A member as 7-Zip unpacks it with a password; `None` where it does not.
fn unpacked(archive: &Path, member: &str, password: &str) -> Option<String> {
    let ran = Command::new("7z").args(["x", "-so", &format!("-p{password}")]).arg(archive).arg(member).output();
    let ran = ran.expect("7z is installed (./test)");
    ran.status.success().then(|| String::from_utf8(ran.stdout).expect("text"))
}

/// What the archive says of each member: its name, whether it is encrypted, its checksum, and the field of WinZip's AES in hexadecimal.
fn described(archive: &Path) -> Vec<(String, bool, u64, String)> {
    let script = "import sys,zipfile,json\n\
        print(json.dumps([[i.filename,bool(i.flag_bits&1),i.CRC,i.extra.hex()] for i in zipfile.ZipFile(sys.argv[1]).infolist()]))";
    let ran = Command::new("python3").args(["-c", script]).arg(archive).output().expect("python3 runs");
    assert!(ran.status.success(), "{ran:?}");
    serde_json::from_slice(&ran.stdout).expect("a list")
}

fn has(report: &Value, reason: &str) -> bool {
    report["findings"].as_array().expect("a list").iter().any(|finding| finding["reason"] == reason)
}

const FILES: &[(&str, &str)] = &[("議事録.txt", "one\n"), ("資料/a.txt", "two\n"), ("資料/空.txt", "")];

#[test]
fn archives_leave_without_a_password_unless_the_site_wants_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let archive = locked(directory.path(), "a.zip", &["-tzip", "-mem=AES256"], PASSWORD, FILES);
    let report = sanitize(directory.path(), &archive, "", &["wrong", PASSWORD]);
    assert!(has(&report, "decrypted") && !has(&report, "encrypted_again"), "{report}");
    assert_eq!(unpacked(&output(&report), "議事録.txt", "").as_deref(), Some("\u{feff}one\r\n"));
}

#[test]
fn the_password_that_opened_an_archive_and_no_other_opens_it_again() {
    for (name, how) in [
        ("aes.zip", ["-tzip", "-mem=AES256"].as_slice()),
        ("old.zip", &["-tzip", "-mem=ZipCrypto"]),
        ("a.7z", &["-t7z"]),
        ("names.7z", &["-t7z", "-mhe=on"]),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let archive = locked(directory.path(), name, how, PASSWORD, FILES);
        let others = ["before", PASSWORD, "behind"];
        let report = sanitize(directory.path(), &archive, AGAIN, &others);
        assert!(has(&report, "encrypted_again") && !has(&report, "decrypted"), "{report}");
        let rebuilt = output(&report);
        assert_eq!(rebuilt.extension().and_then(|extension| extension.to_str()), Some("zip"));
        for (member, text) in [("議事録.txt", "\u{feff}one\r\n"), ("資料/a.txt", "\u{feff}two\r\n")] {
            assert_eq!(unpacked(&rebuilt, member, PASSWORD).as_deref(), Some(text), "{name}: {member}");
            for wrong in ["", "before", "behind", "kaigi#2026-11"] {
                assert_eq!(unpacked(&rebuilt, member, wrong), None, "{name}: {member} with {wrong:?}");
            }
        }
        let members = described(&rebuilt);
        assert_eq!(members.len(), 3, "{members:?}");
        for (member, is_encrypted, crc, extra) in members {
            // 0x9901, 7 bytes, AE-2, "AE", AES-256 (WinZip, "AES Encryption Information", II). No checksum tells what is inside.
            assert!(is_encrypted && crc == 0 && extra.contains("019907000200414503"), "{member}: {crc} {extra}");
        }
    }
}

#[test]
fn each_member_and_each_run_has_a_salt_of_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let same = [("a.txt", "the very same words\n"), ("b.txt", "the very same words\n")];
    let archive = locked(directory.path(), "a.zip", &["-tzip", "-mem=AES256"], PASSWORD, &same);
    let rebuilt =
        [0, 1].map(|_| fs::read(output(&sanitize(directory.path(), &archive, AGAIN, &[PASSWORD]))).expect("read"));
    let members = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let starts: Vec<usize> =
            bytes.windows(4).enumerate().filter(|(_, w)| w == b"PK\x03\x04").map(|(at, _)| at).collect();
        let data = |at: usize| {
            let long = |offset: usize| usize::from(u16::from_le_bytes([bytes[at + offset], bytes[at + offset + 1]]));
            at + 30 + long(26) + long(28)
        };
        starts.into_iter().map(|at| bytes[data(at)..data(at) + 16].to_vec()).collect()
    };
    let mut salts: Vec<Vec<u8>> = rebuilt.iter().flat_map(|bytes| members(bytes)).collect();
    assert_eq!(salts.len(), 4);
    salts.sort();
    salts.dedup();
    assert_eq!(salts.len(), 4, "a salt came twice");
}

#[test]
fn an_archive_in_an_archive_has_its_own_password_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = locked(directory.path(), "inner.zip", &["-tzip", "-mem=AES256"], "inner-2", &[("deep.txt", "deep\n")]);
    let place = directory.path().join("for outer.zip");
    fs::create_dir_all(&place).expect("made");
    fs::copy(&inner, place.join("inner.zip")).expect("copied");
    let outer = locked(directory.path(), "outer.zip", &["-tzip"], "outer-1", &[("beside.txt", "beside\n")]);
    let report = sanitize(directory.path(), &outer, AGAIN, &["outer-1", "inner-2"]);
    let rebuilt = output(&report);
    assert_eq!(unpacked(&rebuilt, "beside.txt", "outer-1").as_deref(), Some("\u{feff}beside\r\n"), "{report}");
    let place = directory.path().join("opened");
    let ran = Command::new("7z").args(["x", "-pouter-1"]).arg(format!("-o{}", place.display())).arg(&rebuilt).output();
    assert!(ran.expect("7z runs").status.success());
    let inner = place.join("inner.zip");
    assert_eq!(unpacked(&inner, "deep.txt", "inner-2").as_deref(), Some("\u{feff}deep\r\n"));
    assert_eq!(unpacked(&inner, "deep.txt", "outer-1"), None);
    // What was open stays open.
    let open = directory.path().join("open.zip");
    let status = Command::new("7z")
        .current_dir(directory.path().join("opened"))
        .args(["a", "-tzip"])
        .arg(&open)
        .arg("beside.txt")
        .output();
    assert!(status.expect("7z runs").status.success());
    let report = sanitize(directory.path(), &open, AGAIN, &["outer-1"]);
    assert!(!has(&report, "encrypted_again") && unpacked(&output(&report), "beside.txt", "").is_some(), "{report}");
}
