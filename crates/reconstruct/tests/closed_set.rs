//! Whatever form comes, a file holds nothing but what `docs/pdf-grammar.md` lists.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pages;

use pages::grammar::{Grammar, Seen};
use pages::random::{Chance, document, header};
use pages::*;

/// The file of the form that a number stands for.
fn chance_file(seed: u64) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let header = header(&mut chance);
    file(&form_of(&header, |form| document(&mut chance, form)))
}

fn check_all(seeds: impl Iterator<Item = u64>) -> Seen {
    let grammar = Grammar::published();
    let mut seen = Seen::default();
    for seed in seeds {
        let file = chance_file(seed);
        assert_eq!(grammar.check(&file, &mut seen), Ok(()), "form {seed}");
    }
    seen
}

#[test]
fn files_of_many_forms_hold_only_what_is_published() {
    let seen = check_all(0..3_000);
    // The forms reach nearly everything that the page lists; what they do not is reached by tests of its own.
    assert!(seen.operators.len() >= 39, "{:?}", seen.operators);
    assert!(seen.names.len() >= 52, "{:?}", seen.names);
    assert!(seen.keys.len() >= 100, "{:?}", seen.keys);
}

/// Takes minutes: `cargo test --release -p reconstruct --test closed_set -- --ignored`.
#[test]
#[ignore = "a million forms take minutes"]
fn files_of_a_million_forms_hold_only_what_is_published() {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap());
    std::thread::scope(|scope| {
        for core in 0..cores {
            scope.spawn(move || check_all((core..1_000_000).step_by(usize::try_from(cores).unwrap())));
        }
    });
}

#[test]
fn qpdf_reads_the_same_keys_and_names_and_finds_nothing_wrong() {
    let grammar = Grammar::published();
    for seed in 0..60 {
        let file = chance_file(seed);
        assert_eq!(readers::complaints(&file), "", "form {seed}");
        let objects = readers::objects(&file);
        for object in objects["qpdf"][1].as_object().unwrap().values() {
            walk(&grammar, object.get("value").unwrap_or(&object["stream"]["dict"]), seed);
        }
    }
}

/// qpdf writes names with their slash, and strings with a letter and a colon before them.
fn walk(grammar: &Grammar, value: &serde_json::Value, seed: u64) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                assert!(grammar.has_key(key.trim_start_matches('/')), "form {seed}: key {key}");
                walk(grammar, value, seed);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| walk(grammar, value, seed)),
        serde_json::Value::String(text) => {
            if let Some(name) = text.strip_prefix('/') {
                assert!(grammar.has_name(name), "form {seed}: name {name}");
            }
        }
        _ => {}
    }
}
