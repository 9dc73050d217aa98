//! Why a pool could not be started.

use crate::level::Level;
use std::io;

/// Why there are no rooms. A single document never causes one of these: its troubles are [`Verdict`](crate::Verdict)s.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine gives less confinement than demanded.
    #[error("rooms reach level {found} here, but level {minimum} is demanded: {why}")]
    BelowMinimum {
        /// What the self-attack found.
        found: Level,
        /// What the configuration demands.
        minimum: Level,
        /// What is missing.
        why: String,
    },
    /// The machine gives too little confinement for opening hostile files at all, and nobody accepted that.
    #[error("this machine cannot confine rooms ({why}); refusing to open files without a sandbox")]
    Unsandboxed {
        /// What is missing.
        why: String,
    },
    /// Rooms could not be started.
    #[error("rooms cannot be started: {doing}")]
    Start {
        /// What was being done.
        doing: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// LibreOffice is not there or does not start in its room.
    #[error("LibreOffice cannot be used: {why}")]
    NoOffice {
        /// What is missing, or what it said.
        why: String,
    },
    /// LibreOffice needs namespaces around it, and this machine gives none: it is not started without.
    #[error("LibreOffice is not started without namespaces around it: {why}")]
    NoNamespaces {
        /// What keeps them away, and the remedy.
        why: String,
    },
    /// A number in the configuration makes no sense.
    #[error("{field} must be {rule}")]
    Config {
        /// The field of [`PoolConfig`](crate::PoolConfig) or [`ConverterConfig`](crate::ConverterConfig).
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}
