//! A new message, made durable before anybody is told that it was accepted.

use std::net::IpAddr;

use form::name::FileName;
use sha2::{Digest, Sha256};

use crate::audit::Entry;
use crate::blobs::Blob;
use crate::uploads::BatchId;
use crate::{Error, MessageId, Receipt, Spooled, Store, Timestamp};

/// A message as intake or the portal hands it over.
#[derive(Debug)]
pub struct NewMessage {
    /// From [`Store::new_receipt`]; it may already stand in a Received line of the original.
    pub receipt: Receipt,
    /// Where it came from.
    pub origin: Origin,
    /// When it arrived.
    pub received: Timestamp,
    /// Its bytes.
    pub original: Spooled,
}

/// Where a message came from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// By SMTP.
    Mail {
        /// What MAIL and RCPT said.
        envelope: Envelope,
        /// The other end of the connection.
        peer: IpAddr,
        /// The name it gave in EHLO or HELO.
        helo: String,
        /// Protocol version and cipher when the connection was encrypted.
        tls: Option<String>,
    },
    /// By the portal or the API; the batch is made with [`Store::create_batch`].
    Upload {
        /// Who sent it, when signed in.
        user: Option<String>,
        /// The batch it belongs to.
        batch: BatchId,
        /// Its name.
        file_name: FileName,
    },
}

/// The SMTP envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse-path; `None` is the null sender.
    pub sender: Option<String>,
    /// The forward-paths in the order given.
    pub recipients: Vec<String>,
    /// MAIL had SMTPUTF8.
    pub smtputf8: bool,
    /// MAIL had BODY=8BITMIME.
    pub body_8bit: bool,
}

/// What [`Store::accept`] answers once the message is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The message.
    pub message: MessageId,
    /// An earlier message with the same envelope and bytes, if one is remembered. For display only: both are kept and
    /// both are delivered, because a sender may mean it and a duplicate is better than a loss.
    pub duplicate_of: Option<MessageId>,
}

/// A refused SMTP command or upload, for the log of refusals.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The other end.
    pub peer: IpAddr,
    /// Its EHLO name.
    pub helo: Option<String>,
    /// The reverse-path, if it came that far.
    pub sender: Option<String>,
    /// The forward-path concerned.
    pub recipient: Option<String>,
    /// The reply code.
    pub code: u16,
    /// The reply text.
    pub text: String,
}
