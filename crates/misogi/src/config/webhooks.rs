//! Other systems that are told of events.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// Its name in the console, in logs and in the database.
    pub(crate) name: String,
    /// `https://HOST[:PORT]/PATH`; `http` only to this machine itself.
    pub(crate) url: String,
    /// Names of events.
    pub(crate) events: Vec<String>,
    /// File with the secret that signs: `whsec_` and base64.
    pub(crate) secret_file: PathBuf,
    /// The only networks that it may be reached in. Not set: any address but those of this machine and its link.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
    /// PEM file of the certificate authorities that sign it; not set: the system's.
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Webhook {
    /// What it is told of.
    pub(crate) fn wanted(&self) -> Vec<store::Event> {
        self.events.iter().filter_map(|name| store::Event::from_name(name)).collect()
    }
}

/// The first thing that is wrong with any of them.
pub(super) fn fault(hooks: &[Webhook]) -> Option<String> {
    let mut names = HashSet::new();
    for hook in hooks {
        let name = &hook.name;
        let fits = (1..=NAME_BYTES).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !fits {
            return Some(format!("`{name}` is no name of 1 to {NAME_BYTES} lower-case letters, digits and hyphens"));
        }
        if !names.insert(name) {
            return Some(format!("two have the name `{name}`"));
        }
        if let Err(error) = web::Target::parse(&hook.url) {
            return Some(format!("{name}: url: {error}"));
        }
        if let Some(unknown) = hook.events.iter().find(|event| store::Event::from_name(event).is_none()) {
            let known = store::Event::ALL.map(store::Event::name).join(", ");
            return Some(format!("{name}: there is no event `{unknown}`; there are {known}"));
        }
        if hook.events.is_empty() {
            return Some(format!("{name}: needs at least one event"));
        }
        if let Some(bad) = hook.networks.iter().find(|network| web::Network::parse(network).is_err()) {
            return Some(format!("{name}: `{bad}` is no network of the form ADDRESS/BITS"));
        }
    }
    (hooks.len() > MOST).then(|| format!("there are {}, and at most {MOST} are served", hooks.len()))
}

/// Longest name.
const NAME_BYTES: usize = 32;
/// Systems that are told of events.
const MOST: usize = 20;
