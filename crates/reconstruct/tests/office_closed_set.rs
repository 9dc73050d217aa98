//! Whatever form comes, an Office file holds nothing but what `docs/office-grammar.md` lists.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod office_files;
#[path = "../../form/tests/office_kit/mod.rs"]
mod office_kit;

use std::collections::BTreeSet;

use form::office::{Namespace, PartKind};
use office_files::grammar::{Grammar, Seen};
use office_files::{file, readers};
use office_kit::chance::{Chance, Vocabulary};

fn check_all(vocabulary: &Vocabulary, seeds: impl Iterator<Item = u64>) -> Seen {
    let grammar = Grammar::published();
    let mut seen = Seen::default();
    for seed in seeds {
        let mut chance = Chance::new(seed);
        // Now and then one whose parts are too long to wait for their end.
        let elements = if chance.below(60) == 0 { 8_000 } else { 20 << chance.below(6) };
        let file = file(&vocabulary.document(&mut chance, elements));
        assert_eq!(grammar.check(&file, &mut seen), Ok(()), "form {seed}");
    }
    seen
}

#[test]
fn files_of_many_forms_hold_only_what_is_published() {
    let seen = check_all(&Vocabulary::new(), 0..3_000);
    // The forms reach nearly everything that is listed.
    let grammar = Grammar::published();
    assert!(seen.types.len() > 2_000, "{}", seen.types.len());
    assert_eq!(seen.content_types, grammar.content_types);
    assert_eq!(seen.relationships, grammar.relationships);
    let others = [seen.outside, seen.boxes, seen.choices];
    assert!(others.iter().zip([10_000, 50, 10_000]).all(|(seen, least)| *seen > least), "{others:?}");
}

/// Takes minutes: `cargo test --release -p reconstruct --test office_closed_set -- --ignored`.
#[test]
#[ignore = "a million forms take minutes"]
fn files_of_a_million_forms_hold_only_what_is_published() {
    let vocabulary = Vocabulary::new();
    let cores = std::thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap());
    std::thread::scope(|scope| {
        for core in 0..cores {
            let vocabulary = &vocabulary;
            scope.spawn(move || check_all(vocabulary, (core..1_000_000).step_by(usize::try_from(cores).unwrap())));
        }
    });
}

#[test]
fn python_reads_the_same_and_finds_nothing_wrong() {
    let vocabulary = Vocabulary::new();
    let grammar = Grammar::published();
    let files: Vec<Vec<u8>> = (0..100).map(|seed| file(&vocabulary.document(&mut Chance::new(seed), 300))).collect();
    let found = readers::python(&files);
    assert_eq!(found["complaints"], serde_json::json!([]));
    let own = [
        "",
        "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "http://schemas.openxmlformats.org/package/2006/content-types",
        "http://schemas.openxmlformats.org/package/2006/relationships",
        "http://schemas.openxmlformats.org/package/2006/metadata/core-properties",
        "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties",
        "http://purl.org/dc/elements/1.1/",
        "http://www.w3.org/XML/1998/namespace",
        "urn:schemas-microsoft-com:office:excel",
    ];
    for namespace in found["namespaces"].as_array().unwrap() {
        let namespace = namespace.as_str().unwrap();
        assert!(own.contains(&namespace) || grammar.namespaces.contains_key(namespace), "{namespace}");
    }
    assert_eq!(found["outside"], serde_json::json!(["hyperlink http", "hyperlink https", "hyperlink mailto"]));
}

#[test]
fn the_page_lists_what_the_program_was_built_with() {
    let grammar = Grammar::published();
    let listed: BTreeSet<(&str, &str)> =
        grammar.parts.iter().map(|part| (part.content_type.as_str(), part.relationship.as_str())).collect();
    let built: BTreeSet<(&str, &str)> =
        PartKind::all().map(|kind| (kind.content_type(), kind.relationship_type())).collect();
    assert_eq!(listed, built);
    let listed: BTreeSet<(&str, &str)> =
        grammar.namespaces.iter().map(|(uri, prefix)| (prefix.as_str(), uri.as_str())).collect();
    let known = Namespace::all().filter(|namespace| !namespace.prefix().is_empty());
    assert_eq!(listed, known.map(|namespace| (namespace.prefix(), namespace.uri())).collect());
}
