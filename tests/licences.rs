//! The list of what is not ours in the program, against what the program is built of.

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

#[path = "support/workspace.rs"]
mod workspace;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use workspace::{Packages, root};

fn list() -> PathBuf {
    root().join("crates/web/assets/licences.tsv")
}

/// A line for each crate that is linked into the program or writes code for it: name, version, licence, where its texts are.
fn crates() -> String {
    let packages = Packages::read();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let program = packages.reachable(packages.member("misogi"));
    let mut lines = BTreeSet::new();
    // Those of the workspace have no source.
    for package in program.iter().map(|id| &packages.manifests[*id]).filter(|package| !package["source"].is_null()) {
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let licence = package["license"].as_str().unwrap_or_else(|| panic!("{name} names no licence"));
        let place = package["repository"].as_str().or(package["homepage"].as_str()).unwrap_or_default();
        lines.insert(format!("{name}\t{version}\t{licence}\t{place}"));
    }
    lines.into_iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// With `LICENCES=write` in the environment the list is written anew: after a change of dependencies.
#[test]
fn every_crate_in_the_program_is_listed_with_its_licence() {
    let path = list();
    let written = fs::read_to_string(&path).expect("the list is there");
    // What is no crate stands first, written by hand.
    let (by_hand, listed) = written.split_once("\n\n").expect("two parts");
    let now = crates();
    if std::env::var("LICENCES").is_ok_and(|wish| wish == "write") {
        fs::write(&path, format!("{by_hand}\n\n{now}")).expect("written");
        return;
    }
    let gone: Vec<&str> = listed.lines().filter(|line| !now.lines().any(|other| other == *line)).collect();
    let missing: Vec<&str> = now.lines().filter(|line| !listed.lines().any(|other| other == *line)).collect();
    assert!(
        gone.is_empty() && missing.is_empty() && listed == now,
        "run this test with LICENCES=write; gone: {gone:#?}, missing: {missing:#?}"
    );
}

#[test]
fn the_program_tells_the_list() {
    let run = |arguments: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_misogi")).args(arguments).output().expect("runs");
        assert!(ran.status.success(), "{arguments:?}");
        String::from_utf8(ran.stdout).expect("UTF-8")
    };
    let table = run(&["licences"]);
    assert!(table.contains("@digital-go-jp/design-tokens") && table.contains("tokio"), "{table}");
    let written = fs::read_to_string(list()).expect("the list is there");
    let count = written.lines().filter(|line| !line.is_empty()).count();
    let objects: Vec<serde_json::Value> =
        run(&["licences", "--json"]).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(objects.len(), count);
    for object in &objects {
        for key in ["name", "version", "licence", "source"] {
            assert!(object[key].as_str().is_some_and(|text| key == "version" || !text.is_empty()), "{key}: {object}");
        }
    }
}
