//! What the store must be told when it is opened.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Clock, Hook};

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The directory that holds everything; made when it does not exist.
    pub directory: PathBuf,
    /// Where the time comes from.
    pub clock: Clock,
    /// Bytes up to which content lives in a database row; larger content becomes a file.
    pub inline_bytes: usize,
    /// How long what is kept.
    pub retention: Retention,
    /// How long the writer waits for company before it commits. Zero is right for most disks: what arrives during one
    /// commit shares the next.
    pub commit_window: Duration,
    /// How long a transaction may take before its connection is taken for dead and replaced.
    pub transaction_limit: Duration,
    /// How long a claimed job may take before another worker may claim it.
    pub lease: Duration,
    /// How often a job may be started before it is given up.
    pub max_attempts: u32,
    /// The offset from UTC whose calendar date stands in receipts (Japan: 540).
    pub receipt_offset_minutes: i32,
    /// New content is refused while less than this is free, so that what is inside can still be finished.
    pub reserve_bytes: u64,
    /// How old a file without a row must be before it is removed when the store is opened.
    pub orphan_grace: Duration,
    /// How many connections read.
    pub readers: u32,
    /// Which other systems are told of what happens here.
    pub hooks: Vec<Hook>,
}

/// How long what is kept (defaults: reference of local-government retention rules, each is policy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Originals of messages that went through.
    pub originals: Duration,
    /// Originals in quarantine.
    pub quarantine: Duration,
    /// Sanitised mails after the last recipient has them.
    pub delivered_outputs: Duration,
    /// Sanitised uploads.
    pub upload_outputs: Duration,
    /// Message rows with their parts, findings and deliveries.
    pub metadata: Duration,
    /// Log of refused SMTP commands.
    pub refusals: Duration,
}

impl StoreConfig {
    /// The defaults for a store in `directory`.
    pub fn new(directory: impl Into<PathBuf>, clock: Clock) -> Self {
        StoreConfig {
            directory: directory.into(),
            clock,
            inline_bytes: 64 * 1024,
            retention: Retention::default(),
            commit_window: Duration::ZERO,
            transaction_limit: Duration::from_secs(2 * 60),
            lease: Duration::from_secs(15 * 60),
            max_attempts: 4,
            receipt_offset_minutes: 9 * 60,
            reserve_bytes: 256 * 1024 * 1024,
            orphan_grace: HOUR,
            readers: 4,
            hooks: Vec::new(),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            originals: 7 * DAY,
            quarantine: 30 * DAY,
            delivered_outputs: HOUR,
            upload_outputs: 7 * DAY,
            metadata: 365 * DAY,
            refusals: 30 * DAY,
        }
    }
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
