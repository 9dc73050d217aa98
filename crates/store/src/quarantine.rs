//! Quarantine: withheld originals, kept for a while.

use form::reason::Reason;

use crate::{Error, MessageId, Original, Page, Receipt, Store, Timestamp};

/// A quarantined original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuarantineId(pub i64);

/// A quarantined original in a list.
#[derive(Debug, Clone)]
pub struct QuarantineRow {
    /// Names it.
    pub id: QuarantineId,
    /// The message it came with.
    pub message: MessageId,
    /// That message's receipt.
    pub receipt: Receipt,
    /// The part's place in the tree; empty for the whole message.
    pub path: String,
    /// The part's name.
    pub name: String,
    /// The true type.
    pub detected_type: String,
    /// Why it was withheld.
    pub reason: Option<Reason>,
    /// Size of the original.
    pub bytes: u64,
    /// Its state.
    pub state: QuarantineState,
    /// Since when.
    pub created: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// The message's reverse-path.
    pub sender: Option<String>,
    /// The message's subject.
    pub subject: Option<String>,
}

/// The state of a quarantined original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuarantineState {
    /// It is kept and has not been let out.
    Held,
    /// It was let out; the bytes are kept until they expire.
    Released,
    /// Its bytes were removed at the end of the retention.
    Purged,
}

/// Which items to list.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Only in this state.
    pub state: Option<QuarantineState>,
    /// Only for this reason.
    pub reason: Option<Reason>,
    /// Only where receipt, name, sender or subject contains this.
    pub text: Option<String>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}
