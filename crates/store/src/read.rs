//! Read models: what the console, the portal and the command line show.

use std::net::IpAddr;

use form::reason::{Finding, Reason};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::codec::{self, Coded};
use crate::content::Content;
use crate::{
    AuditRow, Error, Fidelity, Original, PartVerdict, QuarantineRow, Receipt, Store, Timestamp, UserId, Verdict,
};

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

/// How a message came into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OriginKind {
    /// By SMTP.
    Mail,
    /// By the portal or the API.
    Upload,
    /// Made by this gateway.
    Notice,
    /// Made by this gateway of the parts of a mail that a password opened later.
    Unlocked,
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
    /// Whose upload it is, while its batch is known.
    pub owner: Option<UserId>,
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
    /// The subject of a mail; of an upload, what its sender said of it.
    pub subject: Option<String>,
    /// The From header.
    pub header_from: Option<String>,
    /// Size of the sanitised mail.
    pub output_bytes: Option<u64>,
    /// Whether its sender took it back before it was begun; the verdict is then [`Verdict::GivenUp`].
    pub taken_back: bool,
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
    /// How much rebuilt pages look like the original ones, where some were compared.
    pub fidelity: Option<Fidelity>,
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

impl Store {
    /// Everything about one message.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`], here and in every method of this kind.
    pub async fn message(&self, id: MessageId) -> Result<Option<MessageDetail>, Error> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {MESSAGE_COLUMNS}, m.findings, m.account FROM message m WHERE m.id = ?1"
        )))
        .bind(id.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a message"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a message")(error);
        Ok(Some(MessageDetail {
            findings: codec::findings(row.try_get("findings").map_err(get)?)?,
            account: row.try_get("account").map_err(get)?,
            row: message_row(&row)?,
            parts: self.parts(id).await?,
            deliveries: self.deliveries(id).await?,
            quarantine: self.quarantine_of(id).await?,
            job: self.queue_where("j.message = ?1 LIMIT ?2", id.0, 1).await?.pop(),
            timeline: self.timeline(id).await?,
        }))
    }

    /// The message with this receipt.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn message_by_receipt(&self, receipt: &Receipt) -> Result<Option<MessageId>, Error> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM message WHERE receipt = ?1")
            .bind(receipt.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("looking up a receipt"))?;
        Ok(row.map(|(id,)| MessageId(id)))
    }

    /// The original of a message, while it is kept and has not moved to quarantine.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such message, [`Error::Expired`] when the original is no longer with it.
    pub async fn message_original(&self, id: MessageId) -> Result<Original, Error> {
        let row = sqlx::query(
            "SELECT c.bytes, c.file, c.length, c.digest FROM message m LEFT JOIN content c ON c.id = m.original WHERE m.id = ?1",
        )
        .bind(id.0);
        self.content(row, "message").await.map(Content::original)
    }

    /// The jobs that are not done, those due first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn queue(&self, limit: u32) -> Result<Vec<QueueRow>, Error> {
        self.queue_where("?1 = 0 ORDER BY j.state DESC, j.due LIMIT ?2", 0, i64::from(limit)).await
    }

    pub(crate) async fn parts(&self, id: MessageId) -> Result<Vec<PartRow>, Error> {
        let rows = sqlx::query(
            "SELECT path, name, output_name, detected_type, media_type, verdict, reason, limit_value, actual_value,
                    findings, bytes_in, bytes_out, millis, result, similarity, compared
             FROM part WHERE message = ?1 ORDER BY number",
        )
        .bind(id.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("reading parts"))?;
        rows.iter().map(part_row).collect()
    }

    /// Content as an owner row names it: no row is [`Error::NotFound`], a row without content [`Error::Expired`].
    pub(crate) async fn content(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
        what: &'static str,
    ) -> Result<Content, Error> {
        let row = query.fetch_optional(self.readers()).await.map_err(Error::database("reading content"))?;
        let row = row.ok_or(Error::NotFound(what))?;
        Content::from_row(&row, 0, self.blobs())?.ok_or(Error::Expired)
    }

    pub(crate) async fn queue_where(&self, tail: &'static str, value: i64, limit: i64) -> Result<Vec<QueueRow>, Error> {
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT j.message, j.state, j.due, j.attempts, j.why, m.receipt, m.origin, m.received, m.sender,
                    m.original_bytes
             FROM job j JOIN message m ON m.id = j.message WHERE {tail}"
        )))
        .bind(value)
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing the queue"))?;
        let now = self.now();
        rows.iter().map(|row| queue_row(row, now)).collect()
    }

    async fn deliveries(&self, id: MessageId) -> Result<Vec<DeliveryRow>, Error> {
        let rows = sqlx::query(
            "SELECT message, address, state, attempts, due, reply, queued, finished FROM delivery WHERE message = ?1 ORDER BY number",
        )
        .bind(id.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing deliveries"))?;
        rows.iter().map(delivery_row).collect()
    }
}

/// Rows per page.
pub(crate) fn limit(asked: u32) -> u32 {
    if asked == 0 { 50 } else { asked.min(500) }
}

pub(crate) fn page<T>(items: Vec<T>, limit: u32, key: impl Fn(&T) -> i64) -> Page<T> {
    let full = u32::try_from(items.len()).is_ok_and(|count| count >= limit);
    let next = items.last().filter(|_| full).map(key);
    Page { items, next }
}

/// A LIKE pattern for what contains `text` literally.
pub(crate) fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars().take(200) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

pub(crate) fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_unix_millis)
}

pub(crate) fn queue_state(state: i64, due: i64, now: Timestamp) -> Result<QueueState, Error> {
    // Deferred is not stored: it is a ready job whose time has not come.
    match QueueState::from_code(state)? {
        QueueState::Ready if due > now.unix_millis() => Ok(QueueState::Deferred),
        state => Ok(state),
    }
}

pub(crate) fn message_row(row: &SqliteRow) -> Result<MessageRow, Error> {
    let get = |error| Error::database("reading a message row")(error);
    let receipt: &str = row.try_get("receipt").map_err(get)?;
    let verdict: Option<i64> = row.try_get("verdict").map_err(get)?;
    Ok(MessageRow {
        id: MessageId(row.try_get("id").map_err(get)?),
        receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
        origin: OriginKind::from_code(row.try_get("origin").map_err(get)?)?,
        received: Timestamp::from_unix_millis(row.try_get("received").map_err(get)?),
        peer: codec::peer(row.try_get("peer").map_err(get)?)?,
        helo: row.try_get("helo").map_err(get)?,
        tls: row.try_get("tls").map_err(get)?,
        sender: row.try_get("sender").map_err(get)?,
        recipients: codec::list(row.try_get("recipients").map_err(get)?)?,
        file_name: row.try_get("file_name").map_err(get)?,
        user: row.try_get("user_name").map_err(get)?,
        owner: row.try_get::<Option<i64>, _>("owner").map_err(get)?.map(UserId),
        about: row.try_get::<Option<i64>, _>("about").map_err(get)?.map(MessageId),
        duplicate_of: row.try_get::<Option<i64>, _>("duplicate_of").map_err(get)?.map(MessageId),
        original_bytes: codec::unsigned(row.try_get("original_bytes").map_err(get)?),
        verdict: verdict.map(Verdict::from_code).transpose()?,
        completed: time(row.try_get("completed").map_err(get)?),
        subject: row.try_get("subject").map_err(get)?,
        header_from: row.try_get("header_from").map_err(get)?,
        output_bytes: row.try_get::<Option<i64>, _>("output_bytes").map_err(get)?.map(codec::unsigned),
        taken_back: row.try_get("taken_back").map_err(get)?,
    })
}

fn part_row(row: &SqliteRow) -> Result<PartRow, Error> {
    let get = |error| Error::database("reading a part")(error);
    Ok(PartRow {
        path: row.try_get(0).map_err(get)?,
        name: row.try_get(1).map_err(get)?,
        output_name: row.try_get(2).map_err(get)?,
        detected_type: row.try_get(3).map_err(get)?,
        media_type: row.try_get(4).map_err(get)?,
        verdict: PartVerdict::from_code(row.try_get(5).map_err(get)?)?,
        reason: codec::reason(row.try_get(6).map_err(get)?)?,
        limit: codec::unsigned(row.try_get(7).map_err(get)?),
        value: codec::unsigned(row.try_get(8).map_err(get)?),
        findings: codec::findings(row.try_get(9).map_err(get)?)?,
        bytes_in: codec::unsigned(row.try_get(10).map_err(get)?),
        bytes_out: codec::unsigned(row.try_get(11).map_err(get)?),
        millis: codec::unsigned(row.try_get(12).map_err(get)?),
        has_result: row.try_get::<Option<i64>, _>(13).map_err(get)?.is_some(),
        fidelity: fidelity(row.try_get(14).map_err(get)?, row.try_get(15).map_err(get)?)?,
    })
}

fn fidelity(similarity: Option<i64>, compared: Option<i64>) -> Result<Option<Fidelity>, Error> {
    let (Some(similarity), Some(compared)) = (similarity, compared) else { return Ok(None) };
    match u16::try_from(similarity) {
        Ok(similarity) if similarity <= 10_000 => Ok(Some(Fidelity { similarity, compared: codec::count(compared) })),
        _ => Err(Error::Damaged("a similarity")),
    }
}

fn delivery_row(row: &SqliteRow) -> Result<DeliveryRow, Error> {
    let get = |error| Error::database("reading a delivery")(error);
    Ok(DeliveryRow {
        message: MessageId(row.try_get(0).map_err(get)?),
        address: row.try_get(1).map_err(get)?,
        state: DeliveryState::from_code(row.try_get(2).map_err(get)?)?,
        attempts: codec::count(row.try_get(3).map_err(get)?),
        due: Timestamp::from_unix_millis(row.try_get(4).map_err(get)?),
        reply: row.try_get(5).map_err(get)?,
        queued: Timestamp::from_unix_millis(row.try_get(6).map_err(get)?),
        finished: time(row.try_get(7).map_err(get)?),
    })
}

fn queue_row(row: &SqliteRow, now: Timestamp) -> Result<QueueRow, Error> {
    let get = |error| Error::database("reading a job")(error);
    let due: i64 = row.try_get(2).map_err(get)?;
    let receipt: &str = row.try_get(5).map_err(get)?;
    Ok(QueueRow {
        message: MessageId(row.try_get(0).map_err(get)?),
        state: queue_state(row.try_get(1).map_err(get)?, due, now)?,
        due: Timestamp::from_unix_millis(due),
        attempts: codec::count(row.try_get(3).map_err(get)?),
        why: row.try_get(4).map_err(get)?,
        receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
        origin: OriginKind::from_code(row.try_get(6).map_err(get)?)?,
        received: Timestamp::from_unix_millis(row.try_get(7).map_err(get)?),
        sender: row.try_get(8).map_err(get)?,
        original_bytes: codec::unsigned(row.try_get(9).map_err(get)?),
    })
}

pub(crate) const MESSAGE_COLUMNS: &str = "m.id, m.receipt, m.origin, m.received, m.peer, m.helo, m.tls, m.sender, m.recipients, \
    m.file_name, m.user_name, m.about, m.duplicate_of, m.original_bytes, m.verdict, m.completed, m.subject, \
    m.header_from, m.output_bytes, m.taken_back, (SELECT b.owner FROM batch b WHERE b.id = m.batch) AS owner";
