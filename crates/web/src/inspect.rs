//! What the console is told of the installation: its settings, and how to have it looked over.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// A setting that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The section of the configuration file; empty for keys outside of all.
    pub section: String,
    /// The key in it.
    pub key: String,
    /// The value, as the file would write it. Never a secret.
    pub value: String,
    /// Where it comes from.
    pub origin: SettingOrigin,
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOrigin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File,
}

/// Looks the installation over, as `misogi doctor` does. It takes seconds: rooms are attacked for it.
pub trait Examiner: Debug + Send + Sync {
    /// What was found, in the order of the command.
    fn examine(&self) -> Examining<'_>;
}

/// An examination under way.
pub type Examining<'a> = Pin<Box<dyn Future<Output = Vec<Examined>> + Send + 'a>>;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its stable name.
    pub name: String,
    /// How it is.
    pub state: ExaminedState,
    /// What was found, in English.
    pub detail: String,
    /// Single findings: name, whether it is well, more.
    pub facts: Vec<(String, bool, String)>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExaminedState {
    /// As it should be.
    Good,
    /// Something is missing that an operator should know of.
    Warning,
    /// The gateway does not do its work.
    Fault,
}
