//! The arrows between the crates, read from `cargo metadata`. docs/architecture.md explains each of them.

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

use std::collections::{BTreeMap, BTreeSet};

use workspace::{Packages, root};

/// crate → the workspace crates it may name in `[dependencies]`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("form", &[]),
    ("disarm", &["form"]),
    ("reconstruct", &["form"]),
    ("jail", &["form"]),
    ("engine", &["form", "jail"]),
    ("store", &["form", "jail"]),
    ("mail", &["store"]),
    ("web", &["engine", "store", "form"]),
    ("misogi", &["disarm", "reconstruct", "form", "jail", "engine", "store", "mail", "web"]),
];

/// Parsers of outside content, and the only crates that may name them: they run inside rooms.
const PARSERS: &[(&str, &[&str])] = &[
    ("mail-parser", &["disarm"]),
    ("html5ever", &["disarm"]),
    ("chardetng", &["disarm"]),
    ("file-format", &["disarm"]),
    ("image", &["disarm", "reconstruct"]),
    ("tiff", &["disarm"]),
    ("moxcms", &["disarm"]),
    ("fax", &["disarm", "reconstruct"]),
    ("gif", &["reconstruct"]),
    ("png", &["disarm", "reconstruct"]),
    ("heifer-hevc-dec", &["disarm"]),
    ("heifer-isobmff", &["disarm"]),
    ("rusty_av1d", &["disarm"]),
    ("resvg", &["disarm"]),
    ("zip", &["disarm", "reconstruct"]),
    ("hayro", &["disarm"]),
    ("hayro-interpret", &["disarm"]),
    ("hayro-syntax", &["disarm"]),
    ("hayro-cmap", &["disarm"]),
    ("hayro-font", &["disarm"]),
    ("hayro-jpeg2000", &["disarm"]),
    ("cfb", &["disarm"]),
    ("lopdf", &["disarm"]),
    ("quick-xml", &["disarm"]),
    ("skrifa", &["disarm"]),
    ("sevenz-rust2", &["disarm"]),
    ("rars", &["disarm"]),
    ("brotli-decompressor", &["disarm"]),
    ("bzip2", &["disarm"]),
    ("deflate64", &["disarm"]),
    ("lz4_flex", &["disarm"]),
    ("lzma-rust2", &["disarm"]),
    ("lzxd", &["disarm"]),
    ("ruzstd", &["disarm"]),
];

/// What must not even be reachable from a room's code, through whatever chain of dependencies.
const NEVER_IN_A_ROOM: &[&str] = &["tokio", "sqlx", "axum", "store", "web", "mail", "tokio-rustls"];

#[test]
fn crates_depend_only_along_the_allowed_arrows() {
    let packages = Packages::read();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let members: BTreeSet<&str> = packages.members.iter().map(|id| packages.name(id)).collect();
    assert_eq!(members, allowed.keys().copied().collect());
    for member in &members {
        for dependency in packages.direct(packages.member(member)).intersection(&members) {
            assert!(allowed[member].contains(dependency), "{member} must not depend on {dependency}");
        }
    }
}

#[test]
fn parsers_are_named_by_room_crates_only() {
    let packages = Packages::read();
    for (parser, users) in PARSERS {
        assert!(packages.manifests.keys().any(|id| packages.name(id) == *parser), "{parser} is gone: remove its row");
        for member in &packages.members {
            let name = packages.name(member);
            let uses = packages.direct(member).contains(parser);
            assert!(!uses || users.contains(&name), "{name} must not use {parser}");
        }
    }
}

#[test]
fn room_code_reaches_no_network_no_database_and_not_its_counterpart() {
    let packages = Packages::read();
    for (room, counterpart) in [("disarm", "reconstruct"), ("reconstruct", "disarm")] {
        let reachable: BTreeSet<&str> =
            packages.reachable(packages.member(room)).into_iter().map(|id| packages.name(id)).collect();
        assert!(reachable.contains("form"), "the graph is read");
        for banned in NEVER_IN_A_ROOM.iter().chain([&counterpart]) {
            assert!(!reachable.contains(banned), "{room} reaches {banned}");
        }
    }
}

#[test]
fn nothing_but_the_binary_depends_on_room_code() {
    let packages = Packages::read();
    for member in packages.members.iter().filter(|id| packages.name(id) != "misogi") {
        for room in ["disarm", "reconstruct"] {
            let uses = packages.direct(member).contains(room);
            assert!(!uses, "{} must not depend on {room}", packages.name(member));
        }
    }
}

#[test]
fn only_tests_may_forge_what_a_clean_room_wrote() {
    let crates = root().join("crates");
    for (name, _) in ALLOWED {
        let manifest = std::fs::read_to_string(crates.join(name).join("Cargo.toml")).expect("readable");
        let shipped = manifest.split("[dev-dependencies]").next().expect("a first part");
        let asks = shipped.lines().any(|line| line.starts_with("jail") && line.contains("forged-fresh"));
        assert!(!asks, "{name} ships with forged-fresh");
    }
    let root = std::fs::read_to_string(root().join("Cargo.toml")).expect("readable");
    assert!(!root.contains("forged-fresh"), "the workspace table switches forged-fresh on");
}

#[test]
fn unsafe_code_is_forbidden_everywhere_but_in_jail() {
    let crates = root().join("crates");
    for (name, _) in ALLOWED.iter().filter(|(name, _)| *name != "jail") {
        let root = ["src/lib.rs", "src/main.rs"].iter().map(|file| crates.join(name).join(file)).find(|p| p.exists());
        let source = std::fs::read_to_string(root.expect("a crate root")).expect("readable");
        assert!(source.contains("#![forbid(unsafe_code)]"), "{name} does not forbid unsafe code");
    }
}
