//! Jobs: a worker claims messages, and gives each back as completed, deferred, failed or given up.

use std::sync::Arc;
use std::time::Duration;

use form::name::FileName;
use form::reason::{Finding, Reason, Refusal};
use jail::{Fresh, Source};

use crate::{Envelope, Error, MessageId, Original, Receipt, Store, Timestamp};

/// One claimed message.
#[derive(Debug)]
pub struct Work {
    /// What every later step of this job is asked with.
    pub key: WorkKey,
    /// The message.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// What kind of message.
    pub origin: WorkOrigin,
    /// When it arrived.
    pub received: Timestamp,
    /// Which start of this job this is, from 1. Deferrals do not count; a crash of the gateway does.
    pub attempt: u32,
    /// No attempt is left: do not convert it again, call [`Store::give_up`].
    pub exhausted: bool,
    /// The original bytes.
    pub original: Original,
}

/// What a worker needs to know of where the message came from.
#[derive(Debug, Clone)]
pub enum WorkOrigin {
    /// A mail with its envelope.
    Mail {
        /// The envelope.
        envelope: Envelope,
    },
    /// An uploaded file with its name.
    Upload {
        /// The name.
        file_name: FileName,
    },
}

/// The right to finish one claimed job. It loses its force when the job is finished, given back or claimed anew.
#[derive(Debug, Clone)]
pub struct WorkKey {
    pub(crate) job: i64,
    pub(crate) generation: i64,
    pub(crate) message: MessageId,
    pub(crate) attempt: u32,
    pub(crate) receipt: Receipt,
    pub(crate) upload: bool,
    pub(crate) recipients: Arc<[String]>,
}

/// The outcome of a conversion.
#[derive(Debug)]
pub struct Completed {
    /// The subject, as verified by the clean room.
    pub subject: Option<String>,
    /// The From header, as verified by the clean room.
    pub header_from: Option<String>,
    /// The verdict on the whole message.
    pub verdict: Verdict,
    /// Every part, parents before children.
    pub parts: Vec<PartRecord>,
    /// Findings on the message itself.
    pub findings: Vec<Finding>,
    /// The mail to deliver; `None` for uploads.
    pub output: Option<Fresh>,
    /// The account in plain words, as the recipient reads it.
    pub account: Option<String>,
}

/// The verdict on a whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Everything was rebuilt.
    Sanitised,
    /// Some part was withheld, the rest was rebuilt.
    SanitisedWithWithheld,
    /// Nothing could be rebuilt: the recipients of a mail get a notice.
    NoticeOnly,
    /// The job was given up after its last attempt.
    GivenUp,
}

/// One part of a message: the mail body, an attachment, an archive member, or an uploaded file.
#[derive(Debug)]
pub struct PartRecord {
    /// Its place in the tree, such as `1.2`.
    pub path: String,
    /// Its name as it came (rebuilt to be harmless).
    pub name: FileName,
    /// Its name as it goes out.
    pub output_name: Option<FileName>,
    /// The true type found by content.
    pub detected_type: String,
    /// The media type of the output.
    pub media_type: Option<String>,
    /// Whether it goes out.
    pub verdict: PartVerdict,
    /// Why it was withheld.
    pub reason: Option<Refusal>,
    /// What was removed, changed or noted.
    pub findings: Vec<Finding>,
    /// Size of the original.
    pub bytes_in: u64,
    /// Size of the output.
    pub bytes_out: u64,
    /// How long the rooms took.
    pub millis: u64,
    /// The rebuilt file, for uploads.
    pub result: Option<Fresh>,
    /// What to keep in quarantine.
    pub quarantined_original: Option<Quarantined>,
}

/// Which bytes go to quarantine for a withheld part.
#[derive(Debug)]
pub enum Quarantined {
    /// These bytes; they are copied.
    Part(Source),
    /// The whole original of the message; nothing is copied, it changes its keeper.
    Whole,
}

/// Whether a part goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartVerdict {
    /// It was rebuilt.
    Sanitised,
    /// It was withheld.
    Withheld,
}

/// What became of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOutcome {
    /// The job runs again, not before this time.
    Again {
        /// Not before.
        at: Timestamp,
    },
    /// That was the last attempt. The job stays claimed: compose the notice and call [`Store::give_up`].
    Exhausted,
}

/// How a job ends that cannot be completed.
#[derive(Debug)]
pub struct GivenUp {
    /// The reason shown.
    pub reason: Reason,
    /// For the operator: what failed.
    pub why: String,
    /// The notice to the recipients of a mail, composed in a clean room.
    pub notice: Option<Fresh>,
}
