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

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The only platform that rooms exist for; packages for others are not downloaded.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

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
    ("resvg", &["disarm"]),
    ("zip", &["disarm", "reconstruct"]),
    ("hayro", &["disarm"]),
    ("hayro-interpret", &["disarm"]),
    ("hayro-syntax", &["disarm"]),
    ("hayro-cmap", &["disarm"]),
    ("cfb", &["disarm"]),
    ("lopdf", &["disarm"]),
    ("quick-xml", &["disarm"]),
    ("skrifa", &["disarm"]),
    ("sevenz-rust2", &["disarm"]),
    ("rars", &["disarm"]),
    ("bzip2", &["disarm"]),
    ("lzma-rust2", &["disarm"]),
    ("lzxd", &["disarm"]),
    ("ruzstd", &["disarm"]),
];

/// What must not even be reachable from a room's code, through whatever chain of dependencies.
const NEVER_IN_A_ROOM: &[&str] = &["tokio", "sqlx", "axum", "store", "web", "mail", "tokio-rustls"];

struct Graph {
    /// package id → name
    names: BTreeMap<String, String>,
    /// name → names it depends on (normal dependencies only)
    direct: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

fn graph() -> Graph {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", PLATFORM])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let text = |v: &serde_json::Value| v.as_str().expect("a string").to_owned();
    let names: BTreeMap<String, String> = value["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let mut direct: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in value["resolve"]["nodes"].as_array().expect("nodes") {
        let from = names[&text(&node["id"])].clone();
        for dependency in node["deps"].as_array().expect("deps") {
            let normal = dependency["dep_kinds"].as_array().expect("kinds").iter().any(|kind| kind["kind"].is_null());
            if normal {
                direct.entry(from.clone()).or_default().insert(names[&text(&dependency["pkg"])].clone());
            }
        }
    }
    let members =
        value["workspace_members"].as_array().expect("members").iter().map(|id| names[&text(id)].clone()).collect();
    Graph { names, direct, members }
}

impl Graph {
    fn reachable(&self, from: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(name) = open.pop() {
            for next in self.direct.get(&name).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    }
}

#[test]
fn crates_depend_only_along_the_allowed_arrows() {
    let graph = graph();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    assert_eq!(graph.members.iter().map(String::as_str).collect::<BTreeSet<_>>(), allowed.keys().copied().collect());
    for member in &graph.members {
        for dependency in graph.direct.get(member).into_iter().flatten().filter(|name| graph.members.contains(*name)) {
            assert!(allowed[member.as_str()].contains(dependency.as_str()), "{member} must not depend on {dependency}");
        }
    }
}

#[test]
fn parsers_are_named_by_room_crates_only() {
    let graph = graph();
    for (parser, users) in PARSERS {
        assert!(graph.names.values().any(|name| name == parser), "{parser} is gone: remove its row");
        for member in &graph.members {
            let uses = graph.direct.get(member).is_some_and(|set| set.contains(*parser));
            assert!(!uses || users.contains(&member.as_str()), "{member} must not use {parser}");
        }
    }
}

#[test]
fn room_code_reaches_no_network_no_database_and_not_its_counterpart() {
    let graph = graph();
    for (room, counterpart) in [("disarm", "reconstruct"), ("reconstruct", "disarm")] {
        let reachable = graph.reachable(room);
        for banned in NEVER_IN_A_ROOM.iter().chain([&counterpart]) {
            assert!(!reachable.contains(*banned), "{room} reaches {banned}");
        }
    }
}

#[test]
fn nothing_but_the_binary_depends_on_room_code() {
    let graph = graph();
    for member in graph.members.iter().filter(|name| *name != "misogi") {
        for room in ["disarm", "reconstruct"] {
            let uses = graph.direct.get(member).is_some_and(|set| set.contains(room));
            assert!(!uses, "{member} must not depend on {room}");
        }
    }
}

#[test]
fn only_tests_may_forge_what_a_clean_room_wrote() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/").to_owned();
    for (name, _) in ALLOWED {
        let manifest = std::fs::read_to_string(crates.join(name).join("Cargo.toml")).expect("readable");
        let shipped = manifest.split("[dev-dependencies]").next().expect("a first part");
        let asks = shipped.lines().any(|line| line.starts_with("jail") && line.contains("forged-fresh"));
        assert!(!asks, "{name} ships with forged-fresh");
    }
    let root = std::fs::read_to_string(crates.join("../Cargo.toml")).expect("readable");
    assert!(!root.contains("forged-fresh"), "the workspace table switches forged-fresh on");
}

#[test]
fn unsafe_code_is_forbidden_everywhere_but_in_jail() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/").to_owned();
    for (name, _) in ALLOWED.iter().filter(|(name, _)| *name != "jail") {
        let root = ["src/lib.rs", "src/main.rs"].iter().map(|file| crates.join(name).join(file)).find(|p| p.exists());
        let source = std::fs::read_to_string(root.expect("a crate root")).expect("readable");
        assert!(source.contains("#![forbid(unsafe_code)]"), "{name} does not forbid unsafe code");
    }
}
