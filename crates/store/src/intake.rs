//! A new message, made durable before anybody is told that it was accepted.

use std::net::IpAddr;

use form::name::FileName;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::audit::{self, Entry};
use crate::awaited;
use crate::codec::{self, Coded};
use crate::content;
use crate::figures::Figure;
use crate::open::Answer;
use crate::spool::Body;
use crate::sql::Many;
use crate::uploads::BatchId;
use crate::writer::{Op, Reply, Tally, Tx};
use crate::{
    AuditEvent, Error, MessageId, OriginKind, Receipt, Repeatable, RetryPolicy, Spooled, Store, Timestamp,
    UploadSubject, WhenDone, keys,
};

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
        /// How it is to be converted.
        output: RetryPolicy,
        /// What its sender says of it.
        subject: Option<UploadSubject>,
        /// Whether they are told when all of the batch is done.
        when_done: WhenDone,
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

impl Store {
    /// A receipt that nobody has, for the date of now.
    ///
    /// # Errors
    /// [`Error::Random`] when the system gives no random bytes.
    pub fn new_receipt(&self) -> Result<Receipt, Error> {
        let now = self.now();
        self.issuer().issue(now, self.config().receipt_offset_minutes)
    }

    /// Accepts a message. When this answers `Ok`, the message is on disk and will be converted and delivered; whatever
    /// else it answers, the sender must be told to try again (SMTP 452 when [`Error::is_full`], else 451).
    ///
    /// Cancelling it does not take the message back: it may have been accepted all the same.
    ///
    /// # Errors
    /// [`Error::Full`] when less than the reserve is free, and any error of the writer.
    pub async fn accept(&self, message: NewMessage) -> Result<Accepted, Error> {
        self.accept_of(message, None).await
    }

    /// Accepts a message as [`accept`](Self::accept) does, and keeps in the same transaction under what the request that brought it is
    /// found again ([`answered`](Self::answered)).
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub async fn accept_repeatable(&self, message: NewMessage, request: Repeatable) -> Result<Accepted, Error> {
        self.accept_of(message, Some(request)).await
    }

    async fn accept_of(&self, message: NewMessage, request: Option<Repeatable>) -> Result<Accepted, Error> {
        self.takes_mail()?;
        let (mut op, answer) = AcceptOp::new(message)?;
        op.request = request;
        self.submit(Op::Accept(Box::new(op)), answer).await
    }
}

/// A message ready to be inserted: everything that costs time is done in the caller's task, not in the writer's.
pub(crate) struct AcceptOp {
    pub(crate) reply: Reply<Accepted>,
    pub(crate) fingerprint: i64,
    receipt: Receipt,
    kind: OriginKind,
    received: i64,
    peer: Option<String>,
    helo: Option<String>,
    tls: Option<String>,
    sender: Option<String>,
    recipients: String,
    smtputf8: bool,
    body_8bit: bool,
    batch: Option<i64>,
    file_name: Option<String>,
    user: Option<String>,
    body: Body,
    length: i64,
    detail: String,
    ids: Ids,
    request: Option<Repeatable>,
    output: RetryPolicy,
    subject: Option<String>,
    when_done: WhenDone,
}

#[derive(Default, Clone, Copy)]
struct Ids {
    message: i64,
    content: i64,
    duplicate_of: Option<i64>,
    due: i64,
}

/// What the audit says of an accepted message. Addresses are capped: the message row has them all.
#[derive(Serialize)]
struct Detail<'a> {
    receipt: &'a str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    recipients: &'a [String],
    recipient_count: usize,
}

impl AcceptOp {
    fn new(message: NewMessage) -> Result<(Self, Answer<Accepted>), Error> {
        let NewMessage { receipt, origin, received, original } = message;
        let Spooled { body, length, fingerprint } = original;
        let (reply, answer) = Reply::new();
        let ids = Ids::default();
        let (length, received) = (codec::signed(length), received.unix_millis());
        let op = match origin {
            Origin::Mail { envelope, peer, helo, tls } => {
                let Envelope { sender, recipients, smtputf8, body_8bit } = envelope;
                if recipients.is_empty() {
                    return Err(Error::Invalid("a mail without recipients"));
                }
                let peer = peer.to_string();
                let detail = audit::json(&Detail {
                    receipt: receipt.as_str(),
                    bytes: codec::unsigned(length),
                    peer: Some(&peer),
                    sender: Some(sender.as_deref().unwrap_or("")),
                    user: None,
                    file_name: None,
                    subject: None,
                    recipients: recipients.get(..NAMED_RECIPIENTS).unwrap_or(&recipients),
                    recipient_count: recipients.len(),
                })?;
                AcceptOp {
                    fingerprint: digest(sender.as_deref(), &recipients, &fingerprint),
                    kind: OriginKind::Mail,
                    peer: Some(peer),
                    helo: Some(helo),
                    tls,
                    recipients: codec::list_text(&recipients)?,
                    sender,
                    smtputf8,
                    body_8bit,
                    batch: None,
                    file_name: None,
                    user: None,
                    reply,
                    receipt,
                    received,
                    body,
                    length,
                    detail,
                    ids,
                    request: None,
                    output: RetryPolicy::Same,
                    // What a mail says of itself is known when it was taken apart.
                    subject: None,
                    when_done: WhenDone::Nothing,
                }
            }
            Origin::Upload { user, batch, file_name, output, subject, when_done } => {
                let detail = audit::json(&Detail {
                    receipt: receipt.as_str(),
                    bytes: codec::unsigned(length),
                    peer: None,
                    sender: None,
                    user: user.as_deref(),
                    file_name: Some(file_name.as_str()),
                    subject: subject.as_ref().map(UploadSubject::as_str),
                    recipients: &[],
                    recipient_count: 0,
                })?;
                AcceptOp {
                    fingerprint: digest(Some(file_name.as_str()), &[], &fingerprint),
                    kind: OriginKind::Upload,
                    peer: None,
                    helo: None,
                    tls: None,
                    sender: None,
                    recipients: "[]".to_owned(),
                    smtputf8: false,
                    body_8bit: false,
                    batch: Some(batch.0),
                    file_name: Some(file_name.as_str().to_owned()),
                    user,
                    reply,
                    receipt,
                    received,
                    body,
                    length,
                    detail,
                    ids,
                    request: None,
                    output,
                    subject: subject.map(|subject| subject.to_string()),
                    when_done,
                }
            }
        };
        Ok((op, answer))
    }

    pub(crate) fn keep_file(&mut self) {
        self.body.keep();
    }
}

/// Inserts the messages, their originals and their jobs.
pub(crate) async fn accept_all(tx: &mut Tx, ops: &mut [AcceptOp]) -> Result<(), Error> {
    if ops.is_empty() {
        return Ok(());
    }
    let now = tx.now.unix_millis();
    for op in &mut *ops {
        let upload = op.kind == OriginKind::Upload;
        op.ids = Ids {
            message: tx.marks.next_message(),
            content: tx.marks.next_content(),
            duplicate_of: tx.memory.duplicate(op.fingerprint).map(|m| m.0),
            due: if upload { now.saturating_sub(HEAD_START_MILLIS) } else { now },
        };
        tx.wake.work_at(op.ids.due);
        tx.count(if upload { Tally::Uploaded } else { Tally::Accepted }, 1);
        tx.figure(Figure::Accepted, if upload { "upload" } else { "mail" });
        tx.audit(Entry {
            actor: audit::GATEWAY.into(),
            event: AuditEvent::Accepted,
            message: Some(op.ids.message),
            detail: op.detail.clone(),
        });
    }
    tx.many(&content::INSERT, ops, |values, op| content::bind(values, op.ids.content, &op.body, op.length)).await?;
    tx.many(&INSERT_MESSAGE, ops, |values, op| {
        values
            .add(op.ids.message)
            .add(op.receipt.as_str())
            .add(op.kind.code())
            .add(op.received)
            .add(op.peer.as_deref())
            .add(op.helo.as_deref())
            .add(op.tls.as_deref())
            .add(op.sender.as_deref())
            .add(op.recipients.as_str())
            .add(op.smtputf8)
            .add(op.body_8bit)
            .add(op.batch)
            .add(op.file_name.as_deref())
            .add(op.user.as_deref())
            .add(op.ids.duplicate_of)
            .add(op.fingerprint)
            .add(op.ids.content)
            .add(op.length)
            .add(op.subject.as_deref());
    })
    .await?;
    tx.many(&INSERT_JOB, ops, |values, op| {
        values.add(op.ids.message).add(op.ids.due);
    })
    .await?;
    for op in ops.iter().filter(|op| op.output != RetryPolicy::Same) {
        sqlx::query("UPDATE message SET wanted = ?2 WHERE id = ?1")
            .bind(op.ids.message)
            .bind(op.output.code())
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("noting what an upload is to become"))?;
    }
    for op in &*ops {
        if let (Some(request), Some(batch)) = (&op.request, op.batch) {
            keys::note(tx, request, batch).await?;
        }
        if let (WhenDone::Tell, Some(batch)) = (op.when_done, op.batch) {
            awaited::begin(tx, batch, op.ids.message).await?;
        }
    }
    for op in ops {
        let accepted =
            Accepted { message: MessageId(op.ids.message), duplicate_of: op.ids.duplicate_of.map(MessageId) };
        op.reply.outcome = Some(Ok(accepted));
    }
    Ok(())
}

/// What makes two messages the same to a reader: envelope and content.
fn digest(sender: Option<&str>, recipients: &[String], content: &[u8; 32]) -> i64 {
    let mut hash = Sha256::new_with_prefix(content);
    let mut recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    recipients.sort_unstable();
    for text in std::iter::once(sender.unwrap_or("")).chain(recipients) {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0u8; 8];
    first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    i64::from_le_bytes(first)
}

pub(crate) static INSERT_MESSAGE: Many = Many {
    doing: "inserting messages",
    head: "INSERT INTO message (id, receipt, origin, received, peer, helo, tls, sender, recipients, smtputf8, body_8bit, \
           batch, file_name, user_name, duplicate_of, fingerprint, original, original_bytes, subject) VALUES ",
    columns: 19,
    tail: "",
};

/// `state`, `generation` and `attempts` come from the table's defaults.
static INSERT_JOB: Many =
    Many { doing: "inserting jobs", head: "INSERT INTO job (message, due) VALUES ", columns: 2, tail: "" };

/// Recipients named in the audit row of a message.
const NAMED_RECIPIENTS: usize = 20;
/// A person waits behind an upload: it goes before mail that came up to this much earlier.
const HEAD_START_MILLIS: i64 = 60_000;
