//! What a password opens later: the mails with locked parts, how often passwords were tried on them, and what was opened
//! on its way to the recipients.
//!
//! A password never comes here, only that one was tried and by whom.

use form::name::FileName;
use form::reason::Reason;
use jail::{Fresh, Source};
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::complete::{self, QuarantineRecord};
use crate::content;
use crate::spool::Body;
use crate::writer::{Op, Reply, Tx};
use crate::{
    AuditEvent, Error, MessageId, OriginKind, Original, QuarantineId, QuarantineState, Receipt, Store, Timestamp,
    Verdict, delivery,
};

/// A mail with parts in quarantine that a password may open.
#[derive(Debug)]
pub struct LockedMail {
    /// The mail.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// Its reverse-path.
    pub sender: Option<String>,
    /// The address of its From.
    pub header_from: Option<String>,
    /// Its forward-paths.
    pub recipients: Vec<String>,
    /// The parts, in the order of their paths.
    pub items: Vec<LockedItem>,
    /// The paths of parts that were locked once and are open for all recipients, or that somebody deleted.
    pub open: Vec<String>,
    /// The whole original, from which its parts are taken again.
    pub original: Original,
}

/// One locked part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedItem {
    /// Names it.
    pub id: QuarantineId,
    /// Its place in the mail, such as `2.1`.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Recipients who have been given it since.
    pub served: Vec<String>,
}

/// Which locked mails a mail with a password may be about.
#[derive(Debug, Clone, Default)]
pub struct LockedSearch {
    /// Quarantined since.
    pub since: Timestamp,
    /// Addresses: a mail with one of them as its reverse-path or in its From is found, letter case aside.
    pub senders: Vec<String>,
    /// Message-IDs without brackets: a mail with one of them is found.
    pub message_ids: Vec<String>,
    /// At most so many mails: first those of which reverse-path and From are among `senders`, then the others, the newest first.
    pub limit: u32,
    /// Only mails that went to one of these addresses; the limit counts those alone.
    pub recipients: Vec<String>,
}

/// How a password came to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// Somebody typed it.
    Typing,
    /// It stood in another mail of the same sender.
    Pairing,
}

/// What was opened, for some recipients of the mail that it came in.
#[derive(Debug)]
pub struct Release {
    /// From [`Store::new_receipt`].
    pub receipt: Receipt,
    /// The mail with the locked parts.
    pub about: MessageId,
    /// The parts that are open now.
    pub items: Vec<QuarantineId>,
    /// What in them does not pass: each becomes an item of its own, kept as long as the one that it was part of.
    pub still_held: Vec<StillHeld>,
    /// Who is to get them; who is no recipient of the mail, or has them already, gets nothing.
    pub recipients: Vec<String>,
    /// Subject of the second mail, for the list of messages.
    pub subject: String,
    /// The second mail, composed in a clean room.
    pub body: Fresh,
    /// Who opened it, for the audit.
    pub actor: String,
    /// How.
    pub by: OpenedBy,
    /// The mail that the password stood in.
    pub password_mail: Option<Receipt>,
}

/// A part that does not pass inside of one that was opened.
#[derive(Debug, Clone)]
pub struct StillHeld {
    /// The item that it was part of.
    pub inside: QuarantineId,
    /// Its place in the mail.
    pub path: String,
    /// Its name.
    pub name: FileName,
    /// Its true type.
    pub detected_type: String,
    /// Why it does not pass.
    pub reason: Reason,
    /// Another password may open it.
    pub is_locked: bool,
    /// Its bytes, where there are any.
    pub original: Source,
}

/// What came of a [`Release`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The second mail; `None` when everybody had everything already.
    pub message: Option<MessageId>,
    /// Who gets it.
    pub recipients: Vec<String>,
}

impl Store {
    /// Mails with locked parts; see [`LockedSearch::limit`] for their order.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn locked_mails(&self, search: &LockedSearch) -> Result<Vec<LockedMail>, Error> {
        let lower = |texts: &[String]| {
            let texts: Vec<String> = texts.iter().filter(|text| !text.is_empty()).cloned().collect();
            serde_json::to_string(&texts).map_err(|_| Error::Invalid("a value could not be encoded"))
        };
        let rows: Vec<(i64,)> = sqlx::query_as(
            "SELECT DISTINCT q.message FROM quarantine q JOIN message m ON m.id = q.message
             WHERE q.locked = 1 AND q.state = 0 AND q.created >= ?1 AND m.origin = ?5 AND m.original IS NOT NULL
               AND (lower(m.sender) IN (SELECT lower(value) FROM json_each(?2))
                    OR lower(m.header_from) IN (SELECT lower(value) FROM json_each(?2))
                    OR m.message_id IN (SELECT value FROM json_each(?3)))
               AND EXISTS (SELECT 1 FROM json_each(m.recipients) r
                           WHERE lower(r.value) IN (SELECT lower(value) FROM json_each(?6)))
             ORDER BY lower(coalesce(m.sender, '')) IN (SELECT lower(value) FROM json_each(?2))
                  AND lower(coalesce(m.header_from, '')) IN (SELECT lower(value) FROM json_each(?2)) DESC,
                  q.message DESC LIMIT ?4",
        )
        .bind(search.since.unix_millis())
        .bind(lower(&search.senders)?)
        .bind(lower(&search.message_ids)?)
        .bind(search.limit)
        .bind(OriginKind::Mail.code())
        .bind(lower(&search.recipients)?)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("looking for locked mails"))?;
        let mut mails = Vec::with_capacity(rows.len());
        for (message,) in rows {
            mails.extend(self.locked_mail(MessageId(message)).await?);
        }
        Ok(mails)
    }

    /// One mail with its locked parts; `None` when it has none (any more).
    ///
    /// # Errors
    /// [`Error::Expired`] when its original is gone; [`Error::Database`] or [`Error::Damaged`].
    pub async fn locked_mail(&self, message: MessageId) -> Result<Option<LockedMail>, Error> {
        let failed = Error::database("reading a locked mail");
        let row =
            sqlx::query("SELECT receipt, sender, recipients, header_from FROM message WHERE id = ?1 AND origin = ?2")
                .bind(message.0)
                .bind(OriginKind::Mail.code())
                .fetch_optional(self.readers())
                .await
                .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let items = sqlx::query(
            "SELECT q.id, q.path, q.name, (SELECT json_group_array(u.address) FROM unlocked u WHERE u.item = q.id)
             FROM quarantine q WHERE q.message = ?1 AND q.locked = 1 AND q.state = 0 ORDER BY q.path",
        )
        .bind(message.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("reading a locked mail"))?;
        let items = items.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        if items.is_empty() {
            return Ok(None);
        }
        let open: Vec<(String,)> = sqlx::query_as(
            "SELECT path FROM quarantine WHERE message = ?1 AND ((locked = 1 AND state = ?2) OR deleted = 1) ORDER BY path",
        )
        .bind(message.0)
        .bind(QuarantineState::Released.code())
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("reading a locked mail"))?;
        let get = |error| Error::database("reading a locked mail")(error);
        let receipt: &str = row.try_get(0).map_err(get)?;
        Ok(Some(LockedMail {
            message,
            receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
            sender: row.try_get(1).map_err(get)?,
            recipients: codec::list(row.try_get(2).map_err(get)?)?,
            header_from: row.try_get(3).map_err(get)?,
            items,
            open: open.into_iter().map(|(path,)| path).collect(),
            original: self.message_original(message).await?,
        }))
    }

    /// Queues what was opened for its recipients: the second mail, its deliveries, who has what, and the audit are durable
    /// together. Items that all recipients of the mail have now are released. Done again, it changes nothing.
    ///
    /// The second mail has the reverse-path of the first: whoever sent the file hears when it cannot be delivered.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn release_unlocked(&self, release: Release) -> Result<Released, Error> {
        let Release { receipt, about, items, still_held, recipients, subject, body, actor, by, password_mail } =
            release;
        let body = self.keep_fresh(body).await?;
        let mut held = Vec::with_capacity(still_held.len());
        for part in still_held {
            let body = self.keep_source(part.original.clone()).await?;
            let record = QuarantineRecord::inside(&part, body);
            held.push((part.inside, record));
        }
        let (reply, answer) = Reply::new();
        let op = ReleaseOp {
            receipt,
            about,
            items,
            held,
            recipients,
            subject,
            body,
            actor,
            by,
            password_mail,
            queued: false,
            reply,
        };
        self.submit(Op::Release(Box::new(op)), answer).await
    }
}

impl OpenedBy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            OpenedBy::Typing => "typing",
            OpenedBy::Pairing => "pairing",
        }
    }
}

fn item(row: &SqliteRow) -> Result<LockedItem, Error> {
    let get = |error| Error::database("reading a locked part")(error);
    Ok(LockedItem {
        id: QuarantineId(row.try_get(0).map_err(get)?),
        path: row.try_get(1).map_err(get)?,
        name: row.try_get(2).map_err(get)?,
        served: codec::list(row.try_get(3).map_err(get)?)?,
    })
}

/// A release on its way through the writer.
pub(crate) struct ReleaseOp {
    receipt: Receipt,
    about: MessageId,
    items: Vec<QuarantineId>,
    held: Vec<(QuarantineId, QuarantineRecord)>,
    recipients: Vec<String>,
    subject: String,
    body: Body,
    actor: String,
    by: OpenedBy,
    password_mail: Option<Receipt>,
    /// Rows name the body.
    queued: bool,
    pub(crate) reply: Reply<Released>,
}

impl ReleaseOp {
    pub(crate) fn keep_file(&mut self) {
        if self.queued {
            self.body.keep();
            // Those that got no number have no row, and their files go.
            self.held.iter_mut().filter(|(_, held)| held.is_numbered()).for_each(|(_, held)| held.keep());
        }
    }
}

pub(crate) async fn release_one(tx: &mut Tx, op: &mut ReleaseOp) -> Result<(), Error> {
    op.queued = false;
    op.held.iter_mut().for_each(|(_, held)| held.forget());
    let found = sqlx::query("SELECT sender, recipients, smtputf8, receipt FROM message WHERE id = ?1 AND origin = ?2")
        .bind(op.about.0)
        .bind(OriginKind::Mail.code())
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a locked mail"))?;
    let Some(row) = found else {
        op.reply.outcome = Some(Err(Error::NotFound("message")));
        return Ok(());
    };
    let get = |error| Error::database("reading a locked mail")(error);
    let sender: Option<String> = row.try_get(0).map_err(get)?;
    let all = codec::list(row.try_get(1).map_err(get)?)?;
    let smtputf8: bool = row.try_get(2).map_err(get)?;
    let first: String = row.try_get(3).map_err(get)?;
    let mut given: Vec<(QuarantineId, Vec<String>)> = Vec::new();
    for id in &op.items {
        let open: Option<(i64,)> =
            sqlx::query_as("SELECT 1 FROM quarantine WHERE id = ?1 AND message = ?2 AND state = 0")
                .bind(id.0)
                .bind(op.about.0)
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("reading a locked part"))?;
        if open.is_some() {
            let served: Vec<(String,)> = sqlx::query_as("SELECT address FROM unlocked WHERE item = ?1")
                .bind(id.0)
                .fetch_all(&mut tx.connection)
                .await
                .map_err(Error::database("reading a locked part"))?;
            given.push((*id, served.into_iter().map(|(address,)| address).collect()));
        }
    }
    let wanted = |address: &String| op.recipients.iter().any(|wanted| wanted.eq_ignore_ascii_case(address));
    let lacks = |address: &String| given.iter().any(|(_, served)| !served.contains(address));
    let recipients: Vec<String> = all.iter().filter(|address| wanted(address) && lacks(address)).cloned().collect();
    if recipients.is_empty() {
        op.reply.outcome = Some(Ok(Released { message: None, recipients }));
        return Ok(());
    }
    let message = insert_message(tx, op, sender.as_deref(), &recipients, smtputf8).await?;
    split(tx, op, &given).await?;
    // The others have no number: they are items already.
    let split_off: Vec<_> = op.held.iter().map(|(_, held)| held).filter(|held| held.is_numbered()).collect();
    complete::tell_held(tx, (op.about.0, &first, "mail"), &split_off);
    for (id, served) in &mut given {
        for address in &recipients {
            if !served.contains(address) {
                served.push(address.clone());
                sqlx::query("INSERT INTO unlocked (item, address, message) VALUES (?1, ?2, ?3)")
                    .bind(id.0)
                    .bind(address.as_str())
                    .bind(message)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("noting who was given a part"))?;
            }
        }
        if all.iter().all(|address| served.contains(address)) {
            sqlx::query("UPDATE quarantine SET state = ?2 WHERE id = ?1")
                .bind(id.0)
                .bind(QuarantineState::Released.code())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("releasing a locked part"))?;
        }
    }
    let items: Vec<i64> = given.iter().map(|(id, _)| id.0).collect();
    let detail = audit::detail_of(&[
        ("items", json!(items)),
        ("by", json!(op.by.name())),
        ("password_mail", json!(op.password_mail.as_ref().map(Receipt::as_str))),
        ("receipt", json!(op.receipt.as_str())),
        ("recipients", json!(recipients)),
    ])?;
    tx.audit(Entry { actor: op.actor.clone().into(), event: AuditEvent::Unlocked, message: Some(op.about.0), detail });
    op.queued = true;
    op.reply.outcome = Some(Ok(Released { message: Some(MessageId(message)), recipients }));
    Ok(())
}

/// What does not pass inside of an opened item becomes an item of its own, unless it is one already.
async fn split(tx: &mut Tx, op: &mut ReleaseOp, given: &[(QuarantineId, Vec<String>)]) -> Result<(), Error> {
    for (inside, held) in op.held.iter_mut().filter(|(inside, _)| given.iter().any(|(id, _)| id == inside)) {
        let known: Option<(i64,)> =
            sqlx::query_as("SELECT id FROM quarantine WHERE message = ?1 AND path = ?2 AND locked >= ?3")
                .bind(op.about.0)
                .bind(held.path())
                .bind(held.is_locked())
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("looking for a locked part"))?;
        if known.is_some() {
            continue;
        }
        let (created, expires): (i64, i64) = sqlx::query_as("SELECT created, expires FROM quarantine WHERE id = ?1")
            .bind(inside.0)
            .fetch_one(&mut tx.connection)
            .await
            .map_err(Error::database("reading a locked part"))?;
        held.number(tx);
        complete::hold_one(tx, op.about.0, held, created, expires).await?;
    }
    Ok(())
}

async fn insert_message(
    tx: &mut Tx,
    op: &ReleaseOp,
    sender: Option<&str>,
    recipients: &[String],
    smtputf8: bool,
) -> Result<i64, Error> {
    let (message, body) = (tx.marks.next_message(), tx.marks.next_content());
    let length = op.body.len();
    tx.many(&content::INSERT, &[op], |values, op| content::bind(values, body, &op.body, length)).await?;
    let now = tx.now;
    sqlx::query(
        "INSERT INTO message (id, receipt, origin, received, sender, recipients, smtputf8, body_8bit, about,
            fingerprint, original_bytes, verdict, completed, subject, output, output_bytes, purge_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, ?9, ?4, ?10, ?11, ?12, ?13)",
    )
    .bind(message)
    .bind(op.receipt.as_str())
    .bind(OriginKind::Unlocked.code())
    .bind(now.unix_millis())
    .bind(sender)
    .bind(codec::list_text(recipients)?)
    .bind(smtputf8)
    .bind(op.about.0)
    .bind(if op.held.is_empty() { Verdict::Sanitised } else { Verdict::SanitisedWithWithheld }.code())
    .bind(op.subject.as_str())
    .bind(body)
    .bind(length)
    .bind(now.plus(tx.config.retention.delivered_outputs).unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("inserting an opened mail"))?;
    let rows: Vec<(i64, i64, &str)> =
        (1..).zip(recipients).map(|(number, address)| (message, number, address.as_str())).collect();
    delivery::insert(tx, &rows).await?;
    tx.words.message(message);
    Ok(message)
}
