//! Real files, damaged at random, through the dirty and the clean room in this process: run by hand with
//! `MISOGI_CORPUS=DIR [MISOGI_SECONDS=N] cargo test -p disarm --test mutations -- --ignored --nocapture`.
//! A panic or a run that takes long is printed with the file and the seed that gave it; the same seed gives the same bytes.

#![allow(clippy::disallowed_methods, reason = "reads the files it is told to try, for as long as it is told")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests fail where they fail"
)]

#[path = "../../form/tests/chance_kit/mod.rs"]
mod chance_kit;
mod rooms;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chance_kit::Chance;
use form::Limits;

/// What a fault, a cut or a hand would do to a file: bits, bytes, numbers at their edges, pieces moved, doubled or lost.
fn damaged(original: &[u8], chance: &mut Chance) -> Vec<u8> {
    const EDGES: [u64; 12] =
        [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, u64::MAX >> 1, u64::MAX];
    let mut bytes = original.to_vec();
    // Heads hold the structure of most formats: half of the damage is done there.
    for _ in 0..=chance.below(6) {
        if bytes.is_empty() {
            break;
        }
        let reach = if chance.below(2) == 0 { bytes.len().min(256) } else { bytes.len() };
        let at = chance.below(reach);
        let len = chance.below(32).min(bytes.len() - at);
        match chance.below(8) {
            0 => bytes[at] ^= 1 << chance.below(8),
            1 => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
            2 | 3 => {
                let number = EDGES[chance.below(EDGES.len())].wrapping_add(chance.next() % 3);
                let width = [1, 2, 4, 8][chance.below(4)].min(bytes.len() - at);
                let number =
                    if chance.below(2) == 0 { number.to_le_bytes() } else { number.swap_bytes().to_le_bytes() };
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            4 => drop(bytes.drain(at..at + len)),
            5 => {
                let piece = bytes[at..at + len].to_vec();
                let to = chance.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            6 => bytes.truncate(at),
            _ => {
                let from = chance.below(bytes.len());
                let len = len.min(bytes.len() - from);
                let piece = bytes[from..from + len].to_vec();
                let len = len.min(bytes.len() - at);
                bytes[at..at + len].copy_from_slice(&piece[..len]);
            }
        }
    }
    bytes
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}

#[test]
#[ignore = "needs a directory of samples and time"]
fn damaged_files_of_a_directory_are_answered_in_time() {
    let root = PathBuf::from(std::env::var("MISOGI_CORPUS").expect("MISOGI_CORPUS names a directory"));
    let seconds = std::env::var("MISOGI_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let mut paths = Vec::new();
    list(&root, &mut paths);
    paths.sort();
    let files: Vec<(String, Vec<u8>)> = paths
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .filter(|(_, bytes)| bytes.len() <= MOST_BYTES)
        .collect();
    let limits = Limits { pixels: 4_000_000, spill_bytes: 64 << 20, ..Limits::default() };
    let (begun, mut runs, mut opened, mut faults) = (Instant::now(), 0_u64, 0_u64, 0_u32);
    let mut slowest = (Duration::ZERO, String::new());
    while begun.elapsed() < Duration::from_secs(seconds) {
        for (name, bytes) in &files {
            let seed = runs;
            runs += 1;
            let damaged = damaged(bytes, &mut Chance::new(seed));
            let start = Instant::now();
            let done = std::panic::catch_unwind(|| rooms::sanitise_within(&damaged, name, &limits).is_ok());
            let took = start.elapsed();
            match done {
                Ok(passed) => opened += u64::from(passed),
                Err(_) => {
                    faults += 1;
                    println!("PANIC {name} seed {seed}");
                }
            }
            if took > SLOW {
                faults += 1;
                println!("SLOW {name} seed {seed} {took:?}");
            }
            if took > slowest.0 {
                slowest = (took, format!("{name} seed {seed}"));
            }
        }
    }
    println!("{runs} runs of {} files, {opened} gave a file, slowest {slowest:?}", files.len());
    assert_eq!(faults, 0);
}

/// Larger files take the time of many small ones.
const MOST_BYTES: usize = 256 * 1024;
const SLOW: Duration = Duration::from_secs(10);
