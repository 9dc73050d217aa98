//! Read models: what the console, the portal and the command line show.

use std::net::IpAddr;

use form::reason::{Finding, Reason};

use crate::{AuditRow, Error, QuarantineRow, Receipt, Store, Timestamp, Verdict, PartVerdict};

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub i64);

/// One page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `before` for the following page; `None` at the end.
    pub next: Option<i64>,
}

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only of this origin.
    pub origin: Option<OriginKind>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only received at or after.
    pub since: Option<Timestamp>,
    /// Only received before.
    pub until: Option<Timestamp>,
    /// Only where receipt, sender, a recipient, From, subject or file name contains this.
    pub text: Option<String>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

/// How a message came into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OriginKind {
    /// By SMTP.
    Mail,
    /// By the portal or the API.
    Upload,
    /// Made by this gateway.
    Notice,
}

/// A message in a list.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// The message.
    pub id: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// How it came.
    pub origin: OriginKind,
    /// When it came.
    pub received: Timestamp,
    /// The other end of the SMTP connection.
    pub peer: Option<IpAddr>,
    /// The EHLO name.
    pub helo: Option<String>,
    /// TLS version and cipher.
    pub tls: Option<String>,
    /// The reverse-path.
    pub sender: Option<String>,
    /// The forward-paths.
    pub recipients: Vec<String>,
    /// The name of an uploaded file.
    pub file_name: Option<String>,
    /// Who uploaded it.
    pub user: Option<String>,
    /// The message a notice reports on.
    pub about: Option<MessageId>,
    /// An earlier message with the same envelope and bytes.
    pub duplicate_of: Option<MessageId>,
    /// Size of the original.
    pub original_bytes: u64,
    /// The verdict; `None` while it waits.
    pub verdict: Option<Verdict>,
    /// When the verdict fell.
    pub completed: Option<Timestamp>,
    /// The subject.
    pub subject: Option<String>,
    /// The From header.
    pub header_from: Option<String>,
    /// Size of the sanitised mail.
    pub output_bytes: Option<u64>,
}

/// Everything about one message.
#[derive(Debug, Clone)]
pub struct MessageDetail {
    /// The message.
    pub row: MessageRow,
    /// Findings on the message itself.
    pub findings: Vec<Finding>,
    /// The account as the recipient reads it.
    pub account: Option<String>,
    /// Its parts.
    pub parts: Vec<PartRow>,
    /// Its recipients.
    pub deliveries: Vec<DeliveryRow>,
    /// What of it lies in quarantine.
    pub quarantine: Vec<QuarantineRow>,
    /// Its job, while there is one.
    pub job: Option<QueueRow>,
    /// Its audit rows, oldest first.
    pub timeline: Vec<AuditRow>,
}

/// A part of a message.
#[derive(Debug, Clone)]
pub struct PartRow {
    /// Its place in the tree.
    pub path: String,
    /// Its name as it came.
    pub name: String,
    /// Its name as it went out.
    pub output_name: Option<String>,
    /// The true type.
    pub detected_type: String,
    /// The media type of the output.
    pub media_type: Option<String>,
    /// Whether it went out.
    pub verdict: PartVerdict,
    /// Why it was withheld.
    pub reason: Option<Reason>,
    /// The limit that was met, when one was.
    pub limit: u64,
    /// The value that met it.
    pub value: u64,
    /// What was removed, changed or noted.
    pub findings: Vec<Finding>,
    /// Size of the original.
    pub bytes_in: u64,
    /// Size of the output.
    pub bytes_out: u64,
    /// How long the rooms took.
    pub millis: u64,
    /// A rebuilt file is (still) kept: see [`Store::part_result`].
    pub has_result: bool,
}

/// A recipient of a message.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// The message.
    pub message: MessageId,
    /// The forward-path.
    pub address: String,
    /// Its state.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is due.
    pub due: Timestamp,
    /// The last reply.
    pub reply: Option<String>,
    /// When it became ready.
    pub queued: Timestamp,
    /// When it was delivered or failed.
    pub finished: Option<Timestamp>,
}

/// The state of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Not tried yet.
    Pending,
    /// Tried, and to be tried again.
    Retry,
    /// The next hop has it.
    Delivered,
    /// It will not be tried again.
    Failed,
}

/// A job in the queue.
#[derive(Debug, Clone)]
pub struct QueueRow {
    /// The message.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// How it came.
    pub origin: OriginKind,
    /// What it waits for.
    pub state: QueueState,
    /// How often it was started.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
    /// Why it waits, when it was deferred or failed.
    pub why: Option<String>,
    /// When the message came.
    pub received: Timestamp,
    /// The reverse-path.
    pub sender: Option<String>,
    /// Size of the original.
    pub original_bytes: u64,
}

/// What a job in the queue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// A free worker.
    Ready,
    /// Its time.
    Deferred,
    /// Its worker.
    Running,
}
