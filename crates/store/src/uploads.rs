//! Upload batches: files that were dropped together, found again by an unguessable link.

use crate::read::PartRow;
use crate::{BatchToken, Error, MessageId, Output, QueueState, Receipt, Store, Timestamp, Verdict};

/// A batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub i64);

/// A batch to be made.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Who uploads, when signed in.
    pub user: Option<String>,
    /// Until when the link works.
    pub expires: Timestamp,
}

/// A batch in a user's history.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// Names it inside the store.
    pub id: BatchId,
    /// Names it in links.
    pub token: BatchToken,
    /// Who uploaded it.
    pub user: Option<String>,
    /// When.
    pub created: Timestamp,
    /// Until when the link works.
    pub expires: Timestamp,
}

/// A batch and the state of its files.
#[derive(Debug, Clone)]
pub struct BatchStatus {
    /// The batch.
    pub batch: BatchRow,
    /// Its files in the order they came.
    pub files: Vec<UploadFile>,
}

/// One uploaded file.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// The message that carries it.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// Its name.
    pub name: String,
    /// Size of the original.
    pub bytes: u64,
    /// When it came.
    pub received: Timestamp,
    /// Where its job is; `None` when it is done.
    pub waiting: Option<QueueState>,
    /// The verdict, when it is done.
    pub verdict: Option<Verdict>,
    /// Its parts: the file itself first, then what was inside.
    pub parts: Vec<PartRow>,
}
