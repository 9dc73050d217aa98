//! Deliveries: one state per recipient, handed out per message.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

use jail::Fresh;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::audit::{self, Entry};
use crate::awaited::{self, Telling};
use crate::blobs::Blobs;
use crate::codec::{self, Coded};
use crate::content::{self, Content};
use crate::figures::Figure;
use crate::spool::Body;
use crate::sql::Many;
use crate::work::shortened;
use crate::writer::{Op, Reply, Tally, Tx};
use crate::{AuditEvent, DeliveryState, Error, MessageId, OriginKind, Output, Receipt, Store, Timestamp, Verdict};

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

/// A mail of this gateway to people who use it, with the null sender.
#[derive(Debug)]
pub struct OwnMail {
    /// From [`Store::new_receipt`].
    pub receipt: Receipt,
    /// Who get it.
    pub recipients: Vec<String>,
    /// Its subject, for the list of messages.
    pub subject: String,
    /// The mail, composed in a clean room.
    pub body: Fresh,
}

impl Store {
    /// Messages with recipients that are due, at most `limit`, those that wait longest first. What is handed out is in
    /// flight, and not handed out again, until its [`delivery_result`](Self::delivery_result) or
    /// [`delivery_release`](Self::delivery_release), or until the store is opened anew.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn due_deliveries(&self, limit: usize) -> Result<Vec<DeliveryTask>, Error> {
        if limit == 0 || self.shared().delivery_due.load(Ordering::Acquire) > self.now().unix_millis() {
            return Ok(Vec::new());
        }
        let (reply, answer) = Reply::new();
        self.submit(Op::Due(DueOp { limit, reply, next_due: None }), answer).await
    }

    /// Waits until there may be something to deliver. It wakes one waiter per commit; beside it, ask again at least once
    /// a second, since retries become due by time. Cancel-safe.
    pub async fn delivery_ready(&self) {
        self.shared().delivery.notified().await;
    }

    /// Stores what became of recipients. A recipient that is delivered or failed already stays so.
    ///
    /// # Errors
    /// Any error of the writer; the recipients stay in flight and the call should be repeated.
    pub async fn delivery_result(&self, results: Vec<RecipientResult>) -> Result<(), Error> {
        self.results(results, None).await.map(drop)
    }

    /// Stores what became of recipients together with the notice (DSN) that this causes: after a crash there are both or
    /// neither.
    ///
    /// # Errors
    /// As [`delivery_result`](Self::delivery_result).
    pub async fn enqueue_notice(&self, results: Vec<RecipientResult>, notice: Notice) -> Result<MessageId, Error> {
        let Notice { receipt, recipient, smtputf8, about, subject, body } = notice;
        let body = self.keep_fresh(body).await?;
        let (recipients, about) = (vec![recipient], Some(about));
        let notice =
            NoticeOp { receipt, recipients, smtputf8, about, once: None, subject, body, message: 0, content: 0 };
        let message = self.results(results, Some(notice)).await?;
        message.ok_or(Error::Damaged("a notice without a number"))
    }

    /// Sends the digest of a moment, unless that was done or found needless; whether it was sent now.
    ///
    /// # Errors
    /// Any error of the writer, after which it may be tried again.
    pub async fn send_digest(&self, slot: Timestamp, digest: OwnMail) -> Result<bool, Error> {
        self.send_once(Telling::Digest(slot), None, digest).await
    }

    /// Queues a mail of ours unless what it tells was told before; whether it was queued now.
    pub(crate) async fn send_once(
        &self,
        telling: Telling,
        about: Option<MessageId>,
        mail: OwnMail,
    ) -> Result<bool, Error> {
        let OwnMail { receipt, recipients, subject, body } = mail;
        let body = self.keep_fresh(body).await?;
        let smtputf8 = recipients.iter().any(|recipient| !recipient.is_ascii());
        let once = Some(telling);
        let notice = NoticeOp { receipt, recipients, smtputf8, about, once, subject, body, message: 0, content: 0 };
        Ok(self.results(Vec::new(), Some(notice)).await?.is_some())
    }

    /// Gives recipients back untried (the gateway stops, or the next hop refused the connection).
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn delivery_release(&self, recipients: &[RecipientId]) -> Result<(), Error> {
        let recipients = recipients.to_vec();
        self.write(move |tx| {
            let recipients = recipients.clone();
            Box::pin(async move {
                for recipient in &recipients {
                    tx.memory.in_flight.remove(recipient);
                }
                tx.wake.delivery_at(tx.now.unix_millis());
                Ok(())
            })
        })
        .await
    }

    async fn results(
        &self,
        results: Vec<RecipientResult>,
        notice: Option<NoticeOp>,
    ) -> Result<Option<MessageId>, Error> {
        let (reply, answer) = Reply::new();
        self.submit(Op::Results(Box::new(ResultsOp { results, notice, reply })), answer).await
    }
}

/// A look for due deliveries on its way through the writer. It writes nothing, but only the writer knows what is in
/// flight in the same order as what is committed.
pub(crate) struct DueOp {
    limit: usize,
    pub(crate) reply: Reply<Vec<DeliveryTask>>,
    /// When the next delivery is due, if this took all that were.
    pub(crate) next_due: Option<i64>,
}

/// Results on their way through the writer.
pub(crate) struct ResultsOp {
    pub(crate) results: Vec<RecipientResult>,
    notice: Option<NoticeOp>,
    pub(crate) reply: Reply<Option<MessageId>>,
}

struct NoticeOp {
    receipt: Receipt,
    recipients: Vec<String>,
    smtputf8: bool,
    about: Option<MessageId>,
    /// What it tells, where that is told once.
    once: Option<Telling>,
    subject: String,
    body: Body,
    message: i64,
    content: i64,
}

impl ResultsOp {
    pub(crate) fn keep_file(&mut self) {
        // One that was sent before wrote no row: its file goes.
        if let Some(notice) = self.notice.as_mut().filter(|notice| notice.message != 0) {
            notice.body.keep();
        }
    }
}

/// Inserts deliveries (message, number, address) that are due at once.
pub(crate) async fn insert(tx: &mut Tx, rows: &[(i64, i64, &str)]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let now = tx.now.unix_millis();
    tx.wake.delivery_at(now);
    tx.many(&INSERT_DELIVERY, rows, |values, (message, number, address)| {
        values.add(*message).add(*number).add(*address).add(now).add(now);
    })
    .await?;
    Ok(())
}

pub(crate) async fn results_all(tx: &mut Tx, ops: &mut [ResultsOp]) -> Result<(), Error> {
    if ops.is_empty() {
        return Ok(());
    }
    let now = tx.now.unix_millis();
    let results: Vec<&RecipientResult> = ops.iter().flat_map(|op| &op.results).collect();
    let changed = tx
        .many(&SET_RESULT, &results, |values, result| {
            let (state, due, reply) = match &result.outcome {
                RecipientOutcome::Delivered { reply } => (DeliveryState::Delivered, now, reply),
                RecipientOutcome::Retry { at, reply } => (DeliveryState::Retry, at.unix_millis(), reply),
                RecipientOutcome::Failed { reply } => (DeliveryState::Failed, now, reply),
            };
            let finished = (state.code() >= DeliveryState::Delivered.code()).then_some(now);
            let RecipientId { message, number } = result.recipient_id;
            values.add(message).add(number).add(state.code()).add(due).add(shortened(reply)).add(finished);
        })
        .await?;
    let mut by_message: BTreeMap<i64, Vec<Changed>> = BTreeMap::new();
    for row in &changed {
        let (message, one) = Changed::from_row(row)?;
        by_message.entry(message).or_default().push(one);
    }
    for (message, changed) in by_message {
        for one in &changed {
            match one.state {
                DeliveryState::Delivered => {
                    tx.count(Tally::Delivered, 1);
                    tx.figure(Figure::Delivery, "delivered");
                }
                DeliveryState::Failed => {
                    tx.count(Tally::DeliveryFailed, 1);
                    tx.figure(Figure::Delivery, "failed");
                }
                DeliveryState::Retry | DeliveryState::Pending => {
                    tx.wake.delivery_at(one.due);
                    tx.figure(Figure::Delivery, "retry");
                }
            }
        }
        let detail = detail(&changed)?;
        tx.audit(Entry { actor: audit::GATEWAY.into(), event: AuditEvent::Delivery, message: Some(message), detail });
    }
    for op in ops {
        let message = match &mut op.notice {
            Some(notice) => insert_notice(tx, notice).await?,
            None => None,
        };
        op.reply.outcome = Some(Ok(message));
    }
    Ok(())
}

/// Queues a notice; `None` where what it tells was told before.
async fn insert_notice(tx: &mut Tx, notice: &mut NoticeOp) -> Result<Option<MessageId>, Error> {
    notice.message = 0;
    let is_new = match notice.once {
        None => true,
        Some(Telling::Digest(slot)) => note_digest(tx, slot).await?,
        Some(Telling::Done { batch, first }) => awaited::end(tx, batch, first).await?,
    };
    if !is_new {
        return Ok(None);
    }
    notice.message = tx.marks.next_message();
    notice.content = tx.marks.next_content();
    let now = tx.now;
    let length = notice.body.len();
    tx.many(&content::INSERT, &[&*notice], |values, n| content::bind(values, n.content, &n.body, length)).await?;
    sqlx::query(
        "INSERT INTO message (id, receipt, origin, received, recipients, smtputf8, body_8bit, about, fingerprint,
            original_bytes, verdict, completed, subject, output, output_bytes, purge_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, 0, 0, ?8, ?4, ?9, ?10, ?11, ?12)",
    )
    .bind(notice.message)
    .bind(notice.receipt.as_str())
    .bind(OriginKind::Notice.code())
    .bind(now.unix_millis())
    .bind(codec::list_text(&notice.recipients)?)
    .bind(notice.smtputf8)
    .bind(notice.about.map(|about| about.0))
    .bind(Verdict::Sanitised.code())
    .bind(notice.subject.as_str())
    .bind(notice.content)
    .bind(length)
    .bind(now.plus(tx.config.retention.delivered_outputs).unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("inserting a notice"))?;
    let deliveries: Vec<(i64, i64, &str)> =
        (1..).zip(&notice.recipients).map(|(number, address)| (notice.message, number, address.as_str())).collect();
    insert(tx, &deliveries).await?;
    tx.words.message(notice.message);
    let detail = audit::detail_of(&[
        ("receipt", json!(notice.receipt.as_str())),
        ("about", json!(notice.about.map(|about| about.0))),
        ("recipient", json!(notice.recipients.join(" "))),
    ])?;
    tx.audit(Entry {
        actor: audit::GATEWAY.into(),
        event: AuditEvent::NoticeQueued,
        message: Some(notice.message),
        detail,
    });
    Ok(Some(MessageId(notice.message)))
}

/// Notes that the digest of a moment is the next message; whether there was none before.
async fn note_digest(tx: &mut Tx, slot: Timestamp) -> Result<bool, Error> {
    let noted = sqlx::query("INSERT INTO digest_slot (slot, message) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        .bind(slot.unix_millis())
        .bind(tx.marks.message.saturating_add(1))
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("noting a digest"))?;
    Ok(noted.rows_affected() == 1)
}

pub(crate) async fn due_one(tx: &mut Tx, op: &mut DueOp) -> Result<(), Error> {
    let now = tx.now.unix_millis();
    // What is in flight is still due in the table and would fill the front of the list.
    let rows = i64::try_from(op.limit.saturating_add(tx.memory.in_flight.len())).unwrap_or(i64::MAX);
    let found = sqlx::query("SELECT message, number FROM delivery WHERE state < 2 AND due <= ?1 ORDER BY due LIMIT ?2")
        .bind(now)
        .bind(rows)
        .fetch_all(&mut tx.connection)
        .await
        .map_err(Error::database("looking for due deliveries"))?;
    let mut messages: Vec<i64> = Vec::new();
    for row in &found {
        let get = |error| Error::database("reading a due delivery")(error);
        let id = RecipientId { message: row.try_get(0).map_err(get)?, number: row.try_get(1).map_err(get)? };
        if messages.len() < op.limit && !tx.memory.in_flight.contains(&id) && !messages.contains(&id.message) {
            messages.push(id.message);
        }
    }
    if i64::try_from(found.len()).unwrap_or(i64::MAX) < rows && messages.len() < op.limit {
        let (next,): (Option<i64>,) = sqlx::query_as("SELECT min(due) FROM delivery WHERE state < 2 AND due > ?1")
            .bind(now)
            .fetch_one(&mut tx.connection)
            .await
            .map_err(Error::database("looking for the next delivery"))?;
        op.next_due = Some(next.unwrap_or(i64::MAX));
    }
    let mut recipients = due_recipients(tx, &messages).await?;
    let rows = tx
        .many(&DUE_MESSAGES, &messages, |values, message| {
            values.add(*message);
        })
        .await?;
    let blobs = tx.blobs.clone();
    let mut tasks = Vec::with_capacity(rows.len());
    for row in &rows {
        match task_of(row, &mut recipients, &blobs) {
            Ok(task) => tasks.push(task),
            // It stays due and visible; the others must not wait for it.
            Err(error) => tracing::error!(event = "due_message_unreadable", error = &error as &dyn std::error::Error),
        }
    }
    tasks.sort_unstable_by_key(|task| messages.iter().position(|m| *m == task.message.0));
    op.reply.outcome = Some(Ok(tasks));
    Ok(())
}

async fn due_recipients(tx: &mut Tx, messages: &[i64]) -> Result<HashMap<i64, Vec<(DueRecipient, i64)>>, Error> {
    let rows = tx
        .many(&DUE_RECIPIENTS, messages, |values, message| {
            values.add(*message);
        })
        .await?;
    let mut recipients: HashMap<i64, Vec<(DueRecipient, i64)>> = HashMap::with_capacity(messages.len());
    for row in &rows {
        let get = |error| Error::database("reading a due recipient")(error);
        let id = RecipientId { message: row.try_get(0).map_err(get)?, number: row.try_get(1).map_err(get)? };
        let due: i64 = row.try_get(5).map_err(get)?;
        if due > tx.now.unix_millis() || tx.memory.in_flight.contains(&id) {
            continue;
        }
        let attempts = codec::count(row.try_get(3).map_err(get)?);
        let recipient = DueRecipient { id, address: row.try_get(2).map_err(get)?, attempts };
        recipients.entry(id.message).or_default().push((recipient, row.try_get(4).map_err(get)?));
    }
    Ok(recipients)
}

fn task_of(
    row: &SqliteRow,
    recipients: &mut HashMap<i64, Vec<(DueRecipient, i64)>>,
    blobs: &Blobs,
) -> Result<DeliveryTask, Error> {
    let get = |error| Error::database("reading a due message")(error);
    let id: i64 = row.try_get(0).map_err(get)?;
    let receipt: &str = row.try_get(1).map_err(get)?;
    let kind = OriginKind::from_code(row.try_get(4).map_err(get)?)?;
    let due = recipients.remove(&id).ok_or(Error::Damaged("a due message without recipients"))?;
    let queued = due.iter().map(|(_, queued)| *queued).min().unwrap_or(0);
    Ok(DeliveryTask {
        message: MessageId(id),
        receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
        sender: row.try_get(2).map_err(get)?,
        smtputf8: row.try_get(3).map_err(get)?,
        notice: kind == OriginKind::Notice,
        body: Content::from_row(row, 5, blobs)?.ok_or(Error::Damaged("a delivery without its mail"))?.output(),
        attempts: due.iter().map(|(r, _)| r.attempts).max().unwrap_or(0),
        first_queued: Timestamp::from_unix_millis(queued),
        recipients: due.into_iter().map(|(recipient, _)| recipient).collect(),
    })
}

struct Changed {
    address: String,
    state: DeliveryState,
    due: i64,
    reply: String,
}

impl Changed {
    fn from_row(row: &SqliteRow) -> Result<(i64, Changed), Error> {
        let get = |error| Error::database("reading a result")(error);
        let state = DeliveryState::from_code(row.try_get(2).map_err(get)?)?;
        let (address, due, reply) =
            (row.try_get(1).map_err(get)?, row.try_get(3).map_err(get)?, row.try_get(4).map_err(get)?);
        Ok((row.try_get(0).map_err(get)?, Changed { address, state, due, reply }))
    }
}

/// What the audit says of one attempt: the same reply for a hundred recipients is written once.
fn detail(changed: &[Changed]) -> Result<String, Error> {
    let mut outcomes: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for one in changed {
        let name = match one.state {
            DeliveryState::Delivered => "delivered",
            DeliveryState::Retry | DeliveryState::Pending => "retry",
            DeliveryState::Failed => "failed",
        };
        outcomes.entry((name, &one.reply)).or_default().push(&one.address);
    }
    let outcomes: Vec<_> = outcomes
        .into_iter()
        .map(|((outcome, reply), all)| {
            let named = all.get(..NAMED_RECIPIENTS).unwrap_or(&all);
            json!({"outcome": outcome, "reply": reply, "recipients": named, "recipient_count": all.len()})
        })
        .collect();
    audit::detail_of(&[("outcomes", outcomes)])
}

static INSERT_DELIVERY: Many = Many {
    doing: "inserting deliveries",
    head: "INSERT INTO delivery (message, number, address, due, queued) VALUES ",
    columns: 5,
    tail: "",
};

static SET_RESULT: Many = Many {
    doing: "storing delivery results",
    head: "UPDATE delivery SET state = v.column3, due = v.column4, reply = v.column5, finished = v.column6, \
           attempts = attempts + 1 FROM (VALUES ",
    columns: 6,
    tail: ") AS v WHERE delivery.message = v.column1 AND delivery.number = v.column2 AND delivery.state < 2 \
           RETURNING message, address, state, due, reply",
};

static DUE_RECIPIENTS: Many = Many {
    doing: "reading due recipients",
    head: "SELECT message, number, address, attempts, queued, due FROM delivery WHERE state < 2 AND message IN (VALUES ",
    columns: 1,
    tail: ")",
};

static DUE_MESSAGES: Many = Many {
    doing: "reading due messages",
    head: "SELECT m.id, m.receipt, m.sender, m.smtputf8, m.origin, c.bytes, c.file, c.length, c.digest \
           FROM message m LEFT JOIN content c ON c.id = m.output WHERE m.id IN (VALUES ",
    columns: 1,
    tail: ")",
};

/// Recipients named in one audit row per outcome.
const NAMED_RECIPIENTS: usize = 20;
