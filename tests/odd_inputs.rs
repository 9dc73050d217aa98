//! What somebody may give the command line who uses it for the first time: exit codes and words as the README has them.

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

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

struct Ran {
    code: Option<i32>,
    reports: Vec<serde_json::Value>,
    said: String,
}

/// Runs `misogi sanitize --json PATHS -o OUTPUT`.
fn sanitize(paths: &[&Path], output: &Path) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_misogi"));
    command.arg("sanitize").arg("--json").args(paths).arg("-o").arg(output);
    let ran = command.output().expect("runs");
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    Ran {
        code: ran.status.code(),
        reports: out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
        said: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}

fn in_directory(check: impl FnOnce(&Path)) {
    let directory = tempfile::tempdir().expect("a directory");
    check(directory.path());
}

fn file(directory: &Path, name: impl AsRef<OsStr>, bytes: &[u8]) -> std::path::PathBuf {
    let path = directory.join(name.as_ref());
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(&path, bytes).expect("written");
    path
}

#[test]
fn one_file_that_cannot_be_read_is_withheld_by_name_and_the_others_pass() {
    in_directory(|at| {
        let good = file(at, "a.txt", b"text\n");
        // A regular file that gives an error to whoever reads it, root too.
        let bad = Path::new("/proc/self/mem");
        let ran = sanitize(&[bad, &good], &at.join("out"));
        assert_eq!(ran.code, Some(1), "{}", ran.said);
        let of = |name: &str| {
            let found = ran.reports.iter().find(|report| report["input"].as_str().expect("a path").ends_with(name));
            found.unwrap_or_else(|| panic!("no report on {name}: {:?}", ran.reports))
        };
        assert_eq!(of("a.txt")["verdict"], "sanitised");
        assert_eq!((&of("mem")["verdict"], &of("mem")["output"]), (&"withheld".into(), &serde_json::Value::Null));
        let why = of("mem")["findings"][0]["text"].as_str().expect("a text");
        assert!(why.contains("/proc/self/mem cannot be read"), "{why}");
    });
}

#[test]
fn an_empty_file_has_a_report_of_its_own() {
    in_directory(|at| {
        let empty = file(at, "empty.txt", b"");
        let nameless = file(at, "empty", b"");
        let ran = sanitize(&[&empty, &nameless], &at.join("out"));
        assert_eq!(ran.reports.len(), 2, "{}", ran.said);
        for report in &ran.reports {
            // Nothing is in it that could be dangerous, and nothing that could be told apart.
            let verdict = report["verdict"].as_str().expect("a verdict");
            let expected = if verdict == "sanitised" { 0 } else { 1 };
            assert!(ran.code >= Some(expected), "{report}");
            assert!(
                report["findings"].as_array().is_some_and(|all| verdict == "sanitised" || !all.is_empty()),
                "{report}"
            );
        }
    });
}

#[test]
fn a_directory_without_files_is_wrong_usage_and_says_so() {
    in_directory(|at| {
        fs::create_dir_all(at.join("in/deeper")).expect("made");
        let ran = sanitize(&[&at.join("in")], &at.join("out"));
        assert_eq!((ran.code, ran.reports.len()), (Some(2), 0));
        assert!(ran.said.contains("no files found"), "{}", ran.said);
        assert!(!at.join("out").exists(), "nothing is made for nothing");
    });
}

#[test]
fn what_is_no_file_is_refused_by_name_and_left_out_of_directories() {
    in_directory(|at| {
        let pipe = at.join("in/pipe");
        file(at, "in/a.txt", b"text\n");
        std::os::unix::fs::symlink("/etc/passwd", at.join("in/link")).expect("made");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is in coreutils");
        assert!(made.success());
        let alone = sanitize(&[&pipe], &at.join("out"));
        assert_eq!(alone.code, Some(2));
        assert!(alone.said.contains("pipe is not a regular file"), "{}", alone.said);
        let ran = sanitize(&[&at.join("in")], &at.join("out"));
        assert_eq!((ran.code, ran.reports.len()), (Some(0), 1), "{}", ran.said);
        for name in ["in/pipe: left out", "in/link: left out"] {
            assert!(ran.said.contains(name), "{}", ran.said);
        }
    });
}

#[test]
fn names_as_long_as_a_disk_takes_them_and_longer_with_their_new_extension_are_written() {
    in_directory(|at| {
        let japanese = format!("{}.js", "議".repeat(84));
        let latin = format!("{}.html", "n".repeat(250));
        assert_eq!((japanese.len(), latin.len()), (255, 255));
        let paths = [&japanese, &latin].map(|name| file(at, name, b"var a = 1;\n"));
        let ran = sanitize(&[&paths[0], &paths[1]], &at.join("out"));
        assert_eq!((ran.code, ran.reports.len()), (Some(0), 2), "{} {:?}", ran.said, ran.reports);
        for report in &ran.reports {
            let output = Path::new(report["output"].as_str().expect("a path"));
            assert!(fs::metadata(output).is_ok(), "{report}");
            let name = output.file_name().expect("a name").as_bytes();
            assert!(name.len() <= 255 && name.ends_with(b".txt"), "{report}");
        }
    });
}

#[test]
fn a_name_that_is_no_text_is_shown_as_well_as_it_can_be() {
    in_directory(|at| {
        let path = file(at, OsString::from(OsStr::from_bytes(b"caf\xe9.txt")), b"text\n");
        let ran = sanitize(&[&path], &at.join("out"));
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        let output = ran.reports[0]["output"].as_str().expect("a path");
        assert!(output.ends_with(".txt") && fs::metadata(output).is_ok(), "{output}");
    });
}

#[test]
fn the_same_name_from_two_places_is_numbered_and_neither_is_lost() {
    in_directory(|at| {
        let one = file(at, "one/a.txt", b"one\n");
        let two = file(at, "two/a.txt", b"two\n");
        let ran = sanitize(&[&one, &two, &one], &at.join("out"));
        assert_eq!((ran.code, ran.reports.len()), (Some(0), 3), "{}", ran.said);
        let mut names: Vec<String> = fs::read_dir(at.join("out"))
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        assert_eq!(names, ["a (2).txt", "a (3).txt", "a.txt"]);
        let mut contents: Vec<String> =
            names.iter().map(|name| fs::read_to_string(at.join("out").join(name)).expect("read")).collect();
        contents.sort();
        assert!(
            contents[0].contains("one") && contents[1].contains("one") && contents[2].contains("two"),
            "{contents:?}"
        );
    });
}

#[test]
fn an_output_directory_that_cannot_be_made_or_written_to_is_wrong_usage() {
    in_directory(|at| {
        let path = file(at, "a.txt", b"text\n");
        let taken = file(at, "taken", b"a file");
        // A directory in which nobody can make a file, not even root.
        for (output, word) in [(taken.as_path(), "cannot be made"), (Path::new("/proc/self"), "cannot be written")] {
            let ran = sanitize(&[&path], output);
            assert_eq!(ran.code, Some(2), "{}", ran.said);
            assert!(ran.said.starts_with("misogi: ") && ran.said.contains(word), "{}", ran.said);
        }
        assert_eq!(fs::read(&taken).expect("read"), b"a file");
    });
}
