//! Every part of every mail is in its account: mails of all shapes, many of them broken, as Python's own parser sees them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

#[path = "support/workspace.rs"]
mod workspace;

use std::process::Command;

#[test]
fn no_part_of_a_thousand_mails_is_missing_from_its_account() {
    let output = Command::new("python3")
        .arg("-B")
        .arg(workspace::root().join("tests/account_walk.py"))
        .args(["--misogi", env!("CARGO_BIN_EXE_misogi"), "--generate", "1000"])
        .output()
        .expect("python3");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("1000 mails with "), "{text}");
}
