//! Deliveries: one state per recipient, handed out per message.

use jail::Fresh;

use crate::{Error, MessageId, Output, Receipt, Store, Timestamp};

/// A sanitised message with the recipients that are due.
#[derive(Debug)]
pub struct DeliveryTask {
    /// The message.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// The reverse-path; `None` is the null sender (notices).
    pub sender: Option<String>,
    /// The recipients that are due and not in flight.
    pub recipients: Vec<DueRecipient>,
    /// The envelope needs SMTPUTF8.
    pub smtputf8: bool,
    /// The message itself was made by this gateway (a DSN): its failure makes no further notice.
    pub notice: bool,
    /// The sanitised mail.
    pub body: Output,
    /// The largest number of attempts any of the recipients has seen.
    pub attempts: u32,
    /// When the message became ready for delivery.
    pub first_queued: Timestamp,
}

/// A recipient that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRecipient {
    /// Names it in [`RecipientResult`].
    pub id: RecipientId,
    /// The forward-path.
    pub address: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// One recipient of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipientId {
    pub(crate) message: i64,
    pub(crate) number: i64,
}

/// What became of one recipient in one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientResult {
    /// Which recipient.
    pub recipient_id: RecipientId,
    /// What the next hop said.
    pub outcome: RecipientOutcome,
}

/// What the next hop said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientOutcome {
    /// It has taken responsibility.
    Delivered {
        /// Its reply.
        reply: String,
    },
    /// Not now.
    Retry {
        /// Not before.
        at: Timestamp,
        /// Its reply, or what failed before one came.
        reply: String,
    },
    /// Never.
    Failed {
        /// Its reply.
        reply: String,
    },
}

/// A message made by this gateway itself (a DSN), sent with the null sender.
#[derive(Debug)]
pub struct Notice {
    /// From [`Store::new_receipt`].
    pub receipt: Receipt,
    /// Who gets it.
    pub recipient: String,
    /// The address needs SMTPUTF8.
    pub smtputf8: bool,
    /// The message it reports on.
    pub about: MessageId,
    /// Its subject, for the list of messages.
    pub subject: String,
    /// The notice, composed in a clean room.
    pub body: Fresh,
}
