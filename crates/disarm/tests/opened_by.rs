//! Which of several passwords opened a file: every reader that takes passwords says so, and the clean room hands it on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail where they fail, and start the programs they need"
)]

mod rooms;

use std::path::Path;
use std::process::Command;

use form::Limits;
use form::job::{Opened, Password};
use rooms::{Sanitised, dirty_job, fixture, sanitise_as};

const OTHERS: [&str; 4] = ["not this", "nor this", "ほか", "last"];

/// The file opened with the password among others, at a place of the list.
fn opened(bytes: &[u8], name: &str, password: &str, at: usize) -> (Sanitised, Vec<Password>) {
    let mut all: Vec<&str> = OTHERS.to_vec();
    all.insert(at, password);
    let mut job = dirty_job(name, &Limits::default());
    job.passwords = all.iter().map(|password| Password::new(password).unwrap()).collect();
    let done = sanitise_as(bytes, &job).unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
    (done, job.passwords)
}

/// An encrypted copy of the pages among the fixtures.
fn sealed_pages() -> Vec<u8> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (plain, sealed) = (directory.join("opened-by-plain.pdf"), directory.join("opened-by-sealed.pdf"));
    std::fs::write(&plain, fixture("pages.pdf")).unwrap();
    let ran = Command::new("qpdf").args(["--encrypt", "user", "owner", "256", "--"]).args([&plain, &sealed]).output();
    let ran = ran.expect("qpdf is installed (./test)");
    assert!(ran.status.success(), "{ran:?}");
    std::fs::read(sealed).unwrap()
}

#[test]
fn a_room_says_which_password_opened_a_file_and_no_other() {
    let pages = sealed_pages();
    for (name, password) in [
        ("encrypted.zip", "password"),
        ("aes.zip", "correct-horse"),
        ("cp932-password.zip", "ひみつ"),
        ("archives/locked.7z", "ひみつ"),
        ("archives/sealed.7z", "correct horse"),
        ("archives/locked3.rar", "password"),
        ("archives/sealed5.rar", "password"),
        ("agile.docx", "秘密のパスワード"),
        ("standard.docx", "秘密のパスワード"),
        ("user.pdf", "user"),
        ("owner.pdf", "owner"),
    ] {
        let bytes = if name.ends_with(".pdf") { pages.clone() } else { fixture(name) };
        let plain = name.rsplit('/').next().unwrap();
        for at in [0, 2, 4] {
            let (done, passwords) = opened(&bytes, plain, password, at);
            let openers: Vec<&str> = done.report.opened.of(&passwords).map(Password::reveal).collect();
            assert_eq!(openers, [password], "{name} at {at}");
        }
    }
}

#[test]
fn what_needs_no_password_was_opened_by_none() {
    for name in ["nested.zip", "archives/plain.7z", "quarters.png", "pages.pdf"] {
        let (done, _) = opened(&fixture(name), name.rsplit('/').next().unwrap(), "password", 0);
        assert_eq!(done.report.opened, Opened::NONE, "{name}");
    }
}

#[test]
fn there_are_no_more_places_than_a_job_has_passwords() {
    let mut all = Opened::NONE;
    (0..100).for_each(|index| all.add(index));
    let passwords: Vec<Password> = (0..100).map(|number| Password::new(&number.to_string()).unwrap()).collect();
    assert_eq!(all.of(&passwords).count(), 16);
    assert_eq!(Opened::NONE.of(&passwords).count(), 0);
}
