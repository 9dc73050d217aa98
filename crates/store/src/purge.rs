//! The end of retention: originals, outputs and quarantine go, then the rows, and the audit says how many.
//!
//! It works in small transactions so that mail is not held up, and removes files only after the rows that name them are
//! gone; a crash in between leaves orphans, which the next run or the next start collects.

use std::time::Duration;

use serde::Serialize;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::spool::blocking;
use crate::sql::Many;
use crate::writer::Tx;
use crate::{AuditEvent, Error, OriginKind, QuarantineState, Store, Timestamp, requests, retry};

/// What a purge removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Originals of finished messages.
    pub originals: u64,
    /// Sanitised mails and files.
    pub outputs: u64,
    /// Originals in quarantine.
    pub quarantined: u64,
    /// Messages with everything that belongs to them.
    pub messages: u64,
    /// Rows of the log of refusals.
    pub refusals: u64,
    /// Requests for originals that had waited too long.
    pub requests: u64,
    /// Sessions, setup tokens and batches that had ended.
    pub expired: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Files that no row named.
    pub orphans: u64,
}

impl Store {
    /// Removes what has outlived its retention. Run it every hour or so.
    ///
    /// # Errors
    /// Any error of the writer; what was removed before it stays removed.
    pub async fn purge(&self) -> Result<Purged, Error> {
        let mut total = Purged::default();
        loop {
            let step = self.write(|tx| Box::pin(step(tx))).await?;
            total = total.plus(step.purged);
            let blobs = self.blobs().clone();
            blocking(move || step.files.iter().try_for_each(|file| blobs.remove(file))).await?;
            if !step.more {
                break;
            }
        }
        total.orphans = self.clear_orphans().await?;
        Ok(total)
    }
}

struct Step {
    purged: Purged,
    files: Vec<String>,
    more: bool,
}

struct Aged {
    id: i64,
    upload: bool,
    received: Timestamp,
    completed: Timestamp,
    original: Option<i64>,
    output: Option<i64>,
    /// Recipients that are not done.
    open: i64,
    finished: Option<i64>,
    results: i64,
}

async fn step(tx: &mut Tx) -> Result<Step, Error> {
    let now = tx.now;
    let mut purged = Purged { requests: requests::end_overdue(tx).await?, ..Purged::default() };
    let mut contents: Vec<i64> = Vec::new();
    let aged = aged(tx).await?;
    for message in &aged {
        age(tx, message, &mut purged, &mut contents).await?;
    }
    let held: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT id, content FROM quarantine q WHERE content IS NOT NULL AND on_hold = 0 AND expires <= ?1
           AND NOT EXISTS (SELECT 1 FROM request r WHERE r.message = q.message AND r.item = q.id AND r.state < 2 AND r.ends > ?1)
         ORDER BY expires LIMIT ?2",
    )
    .bind(now.unix_millis())
    .bind(STEP)
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("looking for expired quarantine"))?;
    tx.many(&EMPTY_QUARANTINE, &held, |values, (id, _)| {
        values.add(*id);
    })
    .await?;
    for (item, _) in &held {
        contents.extend(retry::forget(tx, *item).await?);
    }
    purged.quarantined = u64::try_from(held.len()).unwrap_or(u64::MAX);
    contents.extend(held.iter().map(|(_, content)| *content));
    // Several parts may have had the same whole original.
    contents.sort_unstable();
    contents.dedup();
    let mut files = Vec::new();
    let removed = tx
        .many(&REMOVE_CONTENT, &contents, |values, id| {
            values.add(*id);
        })
        .await?;
    for row in &removed {
        let get = |error| Error::database("removing content")(error);
        files.extend(row.try_get::<Option<String>, _>(0).map_err(get)?);
        purged.bytes = purged.bytes.saturating_add(codec::unsigned(row.try_get(1).map_err(get)?));
    }
    let more = aged.len() >= STEP_ROWS || held.len() >= STEP_ROWS;
    if !more {
        sweep(tx, &mut purged).await?;
    }
    let marks = tx.marks;
    let highest =
        [("last_message", marks.message), ("last_content", marks.content), ("last_quarantine", marks.quarantine)];
    tx.many(&crate::writer::SET_COUNTER, &highest, |values, (name, value)| {
        values.add(*name).add(*value);
    })
    .await?;
    let detail = audit::json(&purged)?;
    tx.audit(Entry { actor: audit::GATEWAY.into(), event: AuditEvent::Purged, message: None, detail });
    Ok(Step { purged, files, more })
}

async fn aged(tx: &mut Tx) -> Result<Vec<Aged>, Error> {
    let rows = sqlx::query(
        "SELECT m.id, m.origin, m.received, m.completed, m.original, m.output,
                (SELECT count(*) FROM delivery d WHERE d.message = m.id AND d.state < 2),
                (SELECT max(d.finished) FROM delivery d WHERE d.message = m.id),
                (SELECT count(*) FROM part p WHERE p.message = m.id AND p.result IS NOT NULL)
         FROM message m WHERE m.purge_at <= ?1 ORDER BY m.purge_at LIMIT ?2",
    )
    .bind(tx.now.unix_millis())
    .bind(STEP)
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("looking for what has expired"))?;
    rows.iter()
        .map(|row| {
            let get = |error| Error::database("reading what has expired")(error);
            let received = Timestamp::from_unix_millis(row.try_get(2).map_err(get)?);
            let completed: Option<i64> = row.try_get(3).map_err(get)?;
            Ok(Aged {
                id: row.try_get(0).map_err(get)?,
                upload: row.try_get::<i64, _>(1).map_err(get)? == OriginKind::Upload.code(),
                received,
                completed: completed.map_or(received, Timestamp::from_unix_millis),
                original: row.try_get(4).map_err(get)?,
                output: row.try_get(5).map_err(get)?,
                open: row.try_get(6).map_err(get)?,
                finished: row.try_get(7).map_err(get)?,
                results: row.try_get(8).map_err(get)?,
            })
        })
        .collect()
}

/// Removes what of a message has expired, and notes when to look at it again.
async fn age(tx: &mut Tx, message: &Aged, purged: &mut Purged, contents: &mut Vec<i64>) -> Result<(), Error> {
    let (now, keep) = (tx.now, tx.config.retention);
    let mut next: Vec<Timestamp> = Vec::new();
    // A copy of the message may still be on its way to a slow next hop when its retention ends: then it stays.
    let waiting = message.open > 0;
    if let Some(original) = message.original {
        // What a password may open is opened in the mail that it came in.
        let locked = needed_until(tx, message.id).await?;
        // So is what somebody asked for kept until they have an answer.
        let wanted = requests::wanted_until(tx, message.id).await?;
        // An upload may be completed anew, which makes its original no younger.
        let since = if message.upload { message.received } else { message.completed };
        let until = since.plus(keep.originals).max(locked).max(wanted);
        if until <= now {
            contents.push(original);
            purged.originals = purged.originals.saturating_add(1);
            run(tx, "UPDATE message SET original = NULL WHERE id = ?1", message.id).await?;
        } else {
            next.push(until);
        }
    }
    if let Some(output) = message.output {
        let done = message.finished.map_or(message.completed, Timestamp::from_unix_millis);
        let until = done.plus(keep.delivered_outputs);
        if waiting {
            next.push(now.plus(LOOK_AGAIN));
        } else if until <= now {
            contents.push(output);
            purged.outputs = purged.outputs.saturating_add(1);
            run(tx, "UPDATE message SET output = NULL WHERE id = ?1", message.id).await?;
        } else {
            next.push(until);
        }
    }
    if message.upload && message.results > 0 {
        let until = message.completed.plus(keep.upload_outputs);
        if until <= now {
            let results: Vec<(i64,)> =
                sqlx::query_as("SELECT result FROM part WHERE message = ?1 AND result IS NOT NULL")
                    .bind(message.id)
                    .fetch_all(&mut tx.connection)
                    .await
                    .map_err(Error::database("reading results"))?;
            contents.extend(results.iter().map(|(id,)| *id));
            purged.outputs = purged.outputs.saturating_add(u64::try_from(results.len()).unwrap_or(u64::MAX));
            run(tx, "UPDATE part SET result = NULL WHERE message = ?1", message.id).await?;
        } else {
            next.push(until);
        }
    }
    let held: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM quarantine WHERE message = ?1 AND content IS NOT NULL LIMIT 1")
            .bind(message.id)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("looking into quarantine"))?;
    // A request is answered before the rows that it is about go.
    let until = message.received.plus(keep.metadata).max(requests::wanted_until(tx, message.id).await?);
    if until > now {
        next.push(until);
    } else if held.is_some() || !next.is_empty() {
        next.push(now.plus(LOOK_AGAIN));
    }
    match next.into_iter().min() {
        Some(next) => {
            sqlx::query("UPDATE message SET purge_at = ?2 WHERE id = ?1")
                .bind(message.id)
                .bind(next.unix_millis())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("noting when to purge"))?;
        }
        None => {
            purged.messages = purged.messages.saturating_add(1);
            for sql in [
                "DELETE FROM decision WHERE request IN (SELECT id FROM request WHERE message = ?1)",
                "DELETE FROM request WHERE message = ?1",
                "DELETE FROM part WHERE message = ?1",
                "DELETE FROM delivery WHERE message = ?1",
                "DELETE FROM unlocked WHERE item IN (SELECT id FROM quarantine WHERE message = ?1)",
                "DELETE FROM tried WHERE item IN (SELECT id FROM quarantine WHERE message = ?1)",
                "DELETE FROM item_words WHERE rowid IN (SELECT id FROM quarantine WHERE message = ?1)",
                "DELETE FROM retry_held WHERE item IN (SELECT id FROM quarantine WHERE message = ?1)",
                "DELETE FROM retry WHERE item IN (SELECT id FROM quarantine WHERE message = ?1)",
                "DELETE FROM quarantine WHERE message = ?1",
                "DELETE FROM message_words WHERE rowid = ?1",
                "DELETE FROM message WHERE id = ?1",
            ] {
                run(tx, sql, message.id).await?;
            }
        }
    }
    Ok(())
}

/// Until when a mail has parts that a password may open, or that somebody holds back: that has no end of its own.
async fn needed_until(tx: &mut Tx, message: i64) -> Result<Timestamp, Error> {
    let (until,): (Option<i64>,) = sqlx::query_as(
        "SELECT max(CASE on_hold WHEN 1 THEN ?2 ELSE expires END) FROM quarantine
         WHERE message = ?1 AND (locked = 1 OR on_hold = 1) AND state = ?3 AND content IS NOT NULL",
    )
    .bind(message)
    .bind(tx.now.plus(LOOK_AGAIN).unix_millis())
    .bind(QuarantineState::Held.code())
    .fetch_one(&mut tx.connection)
    .await
    .map_err(Error::database("looking for locked parts"))?;
    Ok(Timestamp::from_unix_millis(until.unwrap_or(i64::MIN)))
}

/// Rows that have simply ended.
async fn sweep(tx: &mut Tx, purged: &mut Purged) -> Result<(), Error> {
    let (now, keep) = (tx.now, tx.config.retention);
    purged.refusals = run(tx, "DELETE FROM refusal WHERE at < ?1", now.minus(keep.refusals).unix_millis()).await?;
    run(tx, "DELETE FROM figure WHERE minute < ?1", crate::figures::kept_from(now)).await?;
    for (sql, time) in [
        ("DELETE FROM session WHERE expires <= ?1 OR seen + idle <= ?1", now),
        ("DELETE FROM setup_token WHERE expires <= ?1", now),
        ("DELETE FROM batch WHERE expires <= ?1", now.minus(keep.metadata)),
    ] {
        purged.expired = purged.expired.saturating_add(run(tx, sql, time.unix_millis()).await?);
    }
    crate::hooks::sweep(tx).await
}

async fn run(tx: &mut Tx, sql: &'static str, value: i64) -> Result<u64, Error> {
    let done = sqlx::query(sql).bind(value).execute(&mut tx.connection).await.map_err(Error::database("purging"))?;
    Ok(done.rows_affected())
}

impl Purged {
    fn plus(self, other: Purged) -> Purged {
        Purged {
            originals: self.originals.saturating_add(other.originals),
            outputs: self.outputs.saturating_add(other.outputs),
            quarantined: self.quarantined.saturating_add(other.quarantined),
            messages: self.messages.saturating_add(other.messages),
            refusals: self.refusals.saturating_add(other.refusals),
            requests: self.requests.saturating_add(other.requests),
            expired: self.expired.saturating_add(other.expired),
            bytes: self.bytes.saturating_add(other.bytes),
            orphans: self.orphans.saturating_add(other.orphans),
        }
    }
}

static EMPTY_QUARANTINE: Many = Many {
    doing: "emptying quarantine",
    head: "UPDATE quarantine SET content = NULL, state = 2 WHERE id IN (VALUES ",
    columns: 1,
    tail: ")",
};

static REMOVE_CONTENT: Many = Many {
    doing: "removing content",
    head: "DELETE FROM content WHERE id IN (VALUES ",
    columns: 1,
    tail: ") RETURNING file, length",
};

/// Messages and originals per transaction.
const STEP: i64 = 100;
const STEP_ROWS: usize = 100;
const LOOK_AGAIN: Duration = Duration::from_secs(60 * 60);
