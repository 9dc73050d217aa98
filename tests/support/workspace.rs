//! The repository, and what the program in it is built of.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its own part of this")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The repository's own directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("workspace root")
}

/// The only platform that the program is built for; packages for others are not downloaded.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Packages and what they need, as `cargo metadata` says. Packages are named by their ids, because of some there are two versions.
pub struct Packages {
    /// The manifest of each.
    pub manifests: BTreeMap<String, Value>,
    /// What is linked into each or writes code for it: neither what only its tests need, nor what only its build script does.
    pub needs: BTreeMap<String, BTreeSet<String>>,
    /// The crates of the workspace.
    pub members: BTreeSet<String>,
}

impl Packages {
    pub fn read() -> Packages {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", PLATFORM])
            .current_dir(root())
            .output()
            .expect("cargo metadata runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let value: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let is_needed = |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let needs = list(&value["resolve"]["nodes"]).into_iter().map(|node| {
            let needed = list(&node["deps"]).into_iter().filter(is_needed).map(|dependency| text(&dependency["pkg"]));
            (text(&node["id"]), needed.collect())
        });
        Packages {
            needs: needs.collect(),
            members: list(&value["workspace_members"]).iter().map(text).collect(),
            manifests: list(&value["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect(),
        }
    }

    pub fn name(&self, id: &str) -> &str {
        self.manifests[id]["name"].as_str().expect("a name")
    }

    /// The crate of the workspace with this name.
    pub fn member(&self, name: &str) -> &str {
        self.members.iter().find(|id| self.name(id) == name).unwrap_or_else(|| panic!("no crate {name}"))
    }

    /// The names of what a package needs itself.
    pub fn direct(&self, id: &str) -> BTreeSet<&str> {
        self.needs[id].iter().map(|needed| self.name(needed)).collect()
    }

    /// All that a package needs, through whatever chain, and the package.
    pub fn reachable(&self, id: &str) -> BTreeSet<&str> {
        let (first, _) = self.needs.get_key_value(id).expect("a package");
        let mut seen = BTreeSet::from([first.as_str()]);
        let mut open = vec![first.as_str()];
        while let Some(id) = open.pop() {
            open.extend(self.needs[id].iter().map(String::as_str).filter(|needed| seen.insert(*needed)));
        }
        seen
    }
}
