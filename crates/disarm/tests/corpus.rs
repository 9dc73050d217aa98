//! A directory of real files through both rooms: run by hand with
//! `MISOGI_CORPUS=DIR [MISOGI_OUT=DIR] cargo test -p disarm --test corpus -- --ignored --nocapture`.

#![allow(clippy::disallowed_methods, reason = "reads the files it is told to try")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Default)]
struct Category {
    files: u32,
    sanitised: u32,
    panics: u32,
    withheld: BTreeMap<String, u32>,
    slowest: Option<(Duration, String)>,
}

#[test]
#[ignore = "needs a directory of samples"]
fn every_file_is_sanitised_or_withheld_with_a_reason() {
    let root = PathBuf::from(std::env::var("MISOGI_CORPUS").expect("MISOGI_CORPUS names a directory"));
    let out = std::env::var("MISOGI_OUT").ok().map(PathBuf::from);
    let mut files = Vec::new();
    list(&root, &mut files);
    files.sort();
    let mut categories: BTreeMap<String, Category> = BTreeMap::new();
    for path in files {
        let relative = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let (group, name) = relative.rsplit_once('/').unwrap_or(("", &relative));
        let bytes = std::fs::read(&path).unwrap();
        let category = categories.entry(group.to_owned()).or_default();
        category.files += 1;
        let begun = Instant::now();
        let done = std::panic::catch_unwind(|| rooms::sanitise(&bytes, name));
        let took = begun.elapsed();
        let line = match &done {
            Ok(Ok(done)) => {
                category.sanitised += 1;
                if let Some(out) = &out {
                    let target = out.join(format!("{relative}.{}", done.report.output.extension()));
                    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                    std::fs::write(target, &done.bytes).unwrap();
                }
                let mut line =
                    format!("{} → {} {}", done.report.detected_type, done.report.output.extension(), done.bytes.len());
                for finding in &done.report.findings {
                    line += &format!(" [{}×{} {}]", finding.reason, finding.count, finding.place);
                }
                for (path, member) in &done.members {
                    match member {
                        Ok(member) => line += &format!("\n        {path}: {}", member.report.detected_type),
                        Err(refusal) => line += &format!("\n        {path}: {refusal}"),
                    }
                }
                line
            }
            Ok(Err(refused)) => {
                *category.withheld.entry(refused.refusal.reason.name().to_owned()).or_default() += 1;
                format!("WITHHELD {} ({})", refused.refusal, refused.detected)
            }
            Err(_) => {
                category.panics += 1;
                "PANIC".to_owned()
            }
        };
        println!("{relative} {} {:.0?}: {line}", bytes.len(), took);
        if category.slowest.as_ref().is_none_or(|(slowest, _)| took > *slowest) {
            category.slowest = Some((took, name.to_owned()));
        }
    }
    println!("\n| category | files | sanitised | withheld | panics | slowest |\n|---|---|---|---|---|---|");
    let mut panics = 0;
    for (name, category) in categories {
        let withheld: Vec<String> =
            category.withheld.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let (slowest, file) = category.slowest.unwrap_or_default();
        println!(
            "| {name} | {} | {} | {} | {} | {slowest:.0?} {file} |",
            category.files,
            category.sanitised,
            withheld.join(", "),
            category.panics
        );
        panics += category.panics;
    }
    assert_eq!(panics, 0);
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}
