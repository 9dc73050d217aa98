//! Packages by chance, of the whole vocabulary and of what surrounds it: both rooms answer, what the dirty room writes the clean
//! room takes, and what comes out can be read again. The fuzz target `office_package` does the same, guided by what is reached.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "a helper of tests fails where it fails"
)]

#[path = "../../form/tests/chance_kit/mod.rs"]
mod chance_kit;
#[path = "../../../tests/fuzz/src/package.rs"]
mod package;
mod rooms;
#[path = "../../../tests/fuzz/src/zip.rs"]
mod zip;

use chance_kit::Chance;
use form::{Limits, Reason, Refusal};

/// A script: the family, then parts of random content. Ends of elements are rarer than beginnings in the bytes themselves, so some
/// scripts get more of them.
fn script(seed: u64) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let mut script = vec![chance.next() as u8];
    let ends = chance.below(120_u64);
    for _ in 0..=chance.below(10) {
        let len = chance.below(400_u64);
        script.extend([chance.next() as u8, chance.next() as u8]);
        script.extend((len as u16).to_le_bytes());
        for _ in 0..len {
            let byte = chance.next() as u8;
            script.push(if chance.below(400) < ends { 255 } else { byte });
        }
    }
    script
}

fn is_limit(refusal: &Refusal) -> bool {
    refusal.reason != Reason::FormInvalid && refusal.limit > 0
}

/// How many documents came out.
fn pass(seeds: impl Iterator<Item = u64>) -> u64 {
    let limits = Limits { pixels: 1_000_000, ..Limits::default() };
    let mut rebuilt = 0;
    for seed in seeds {
        let package = package::assembled(&script(seed));
        match rooms::sanitise_within(&package, "a.docx", &limits) {
            Ok(done) => {
                rebuilt += 1;
                if let Err(refused) = rooms::sanitise_within(&done.bytes, "a.docx", &limits) {
                    assert!(is_limit(&refused.refusal), "script {seed}: what came out is refused: {refused:?}");
                }
            }
            Err(refused) => assert_ne!(refused.refusal.reason, Reason::FormInvalid, "script {seed}: {refused:?}"),
        }
    }
    rebuilt
}

#[test]
fn packages_by_chance_pass_both_rooms_or_are_refused() {
    let rebuilt = pass(0..500);
    assert!(rebuilt > 150, "only {rebuilt} of 500 are documents");
}

/// Takes minutes: `cargo test -p disarm --test office_chance -- --ignored`; FROM and COUNT choose the scripts.
#[test]
#[ignore = "many scripts take minutes"]
#[allow(clippy::disallowed_methods, reason = "which scripts are run is chosen from outside")]
fn many_packages_by_chance_pass_both_rooms_or_are_refused() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(or);
    let from = number("FROM", 500);
    pass(from..from + number("COUNT", 200_000));
}
