//! A log whose end was cut off, told by a head that was kept elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

mod support;

use std::process::Command;

use support::{Gateway, submit};

/// The exit code and the line of `audit verify`.
fn verify(gateway: &Gateway, head: &[&str]) -> (Option<i32>, String) {
    let ran = gateway.command(&[&["audit", "verify"], head].concat());
    (ran.status.code(), String::from_utf8(ran.stdout).expect("UTF-8").trim().to_owned())
}

#[test]
fn rows_cut_off_after_a_head_was_noted_are_missed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "");
    for number in 0..2 {
        let mail = format!("From: a@example.jp\r\nSubject: {number}\r\n\r\ntext\r\n");
        let (code, _) =
            submit(gateway.smtp, "a@example.jp", &["b@city.example.lg.jp"], mail.as_bytes()).expect("answers");
        assert_eq!(code, 250);
    }
    assert!(gateway.stop(), "ends on SIGTERM");
    let (code, whole) = verify(&gateway, &[]);
    assert_eq!(code, Some(0), "{whole}");
    let noted = whole.rsplit(' ').next().expect("a head").to_owned();
    assert_eq!(verify(&gateway, &["--head", &noted]), (Some(0), whole));

    // What a rewritten log would look like that ends earlier: in itself it is whole.
    const CUT: &str = "import sqlite3,sys\nd=sqlite3.connect(sys.argv[1])\n\
        d.execute('PRAGMA writable_schema=ON')\n\
        [d.execute('DROP TRIGGER '+n) for (n,) in d.execute(\"SELECT name FROM sqlite_master WHERE type='trigger'\").fetchall()]\n\
        d.execute('DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)')\nd.commit()";
    let database = gateway.directory.join("data/misogi.sqlite");
    assert!(Command::new("python3").args(["-c", CUT]).arg(database).status().expect("python3 runs").success());
    let (code, _) = verify(&gateway, &[]);
    assert_eq!(code, Some(0), "nothing in the log tells");
    let (code, said) = verify(&gateway, &["--head", &noted]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cut off") && said.contains(&noted), "{said}");

    assert_eq!(verify(&gateway, &["--head", "abc"]).0, Some(2));
}
