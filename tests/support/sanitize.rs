//! `misogi sanitize` as users run it, on one file under a policy, and what it says of that file.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// What the command did with a file that is there, what it reports, and the directory that holds its output.
pub fn sanitize_file(input: &Path, policy: &str) -> (Output, Value, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = directory.path().join("policy.toml");
    fs::write(&settings, policy).expect("written");
    let ran = Command::new(env!("CARGO_BIN_EXE_misogi"))
        .args(["sanitize", "--json", "-o"])
        .arg(directory.path().join("out"))
        .arg("--policy")
        .args([settings.as_path(), input])
        .output()
        .expect("runs");
    let report = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran, report, directory)
}

/// What is reported of a file of this name and content, and the directory that holds the output.
pub fn sanitize(name: &str, content: &[u8], policy: &str) -> (Value, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join(name);
    fs::write(&input, content).expect("written");
    let (_, report, kept) = sanitize_file(&input, policy);
    (report, kept)
}

/// Whether a finding of this reason is reported of the file itself.
pub fn has(report: &Value, reason: &str) -> bool {
    report["findings"].as_array().expect("a list").iter().any(|finding| finding["reason"] == reason)
}

/// Where the output lies.
pub fn output(report: &Value) -> PathBuf {
    report["output"].as_str().unwrap_or_else(|| panic!("{report}")).into()
}
