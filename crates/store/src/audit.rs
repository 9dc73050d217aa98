//! The audit: append-only, each row carrying SHA-256 over the row before it and itself.
//!
//! Rows name people, messages and what was done; never content. Triggers refuse UPDATE and DELETE; whoever gets around
//! them breaks the chain from that row on. Cutting rows off the end does not break it: to notice that, keep
//! [`AuditCheck::head`] somewhere else and compare.

use std::borrow::Cow;

use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::sql::{Many, Values};
use crate::token::hex;
use crate::writer::Marks;
use crate::{AuditEvent, Error, MessageId, Page, Store, Timestamp};

/// A row to append: what somebody did that is not already a state change of the store.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Who: a user's name, or `gateway`.
    pub actor: String,
    /// What.
    pub event: AuditEvent,
    /// On which message.
    pub message: Option<MessageId>,
    /// More, as pairs of names and values. Never content.
    pub detail: Vec<(&'static str, String)>,
}

/// A row of the audit.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Its number; there are no gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub event: String,
    /// On which message.
    pub message: Option<MessageId>,
    /// More, as a JSON object.
    pub detail: String,
    /// The row's hash in hexadecimal.
    pub hash: String,
}

/// Which rows to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only with this event.
    pub event: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only on this message.
    pub message: Option<MessageId>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only before.
    pub until: Option<Timestamp>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

/// The rows of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRange {
    /// The first row; 0 when there is none.
    pub from: i64,
    /// The last row.
    pub to: i64,
    /// The hash that the first row follows, in hexadecimal.
    pub previous_hash: String,
    /// The hash of the last row.
    pub head: String,
}

/// What checking the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCheck {
    /// Rows read.
    pub rows: u64,
    /// The hash of the last good row in hexadecimal.
    pub head: String,
    /// The first row that does not follow from the one before it.
    pub broken: Option<i64>,
}

impl Store {
    /// Appends a row.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn audit_append(&self, entry: AuditEntry) -> Result<(), Error> {
        let AuditEntry { actor, event, message, detail } = entry;
        let detail = detail_of(&detail.iter().map(|(k, v)| (*k, v.as_str())).collect::<Vec<_>>())?;
        let entry = Entry { actor: actor.into(), event, message: message.map(|m| m.0), detail };
        self.write(move |tx| {
            let entry = entry.clone();
            Box::pin(async move {
                tx.audit(entry);
                Ok(())
            })
        })
        .await
    }

    /// A page of the audit, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditRow>, Error> {
        let limit = crate::read::limit(filter.limit);
        let bounds = self.bounds("audit", "at", "seq", filter.since, filter.until).await?;
        let below = bounds.below(filter.before);
        let rows = self.audit_rows(filter, (bounds.from.saturating_sub(1), below), "DESC", limit).await?;
        Ok(crate::read::page(rows, limit, |row| row.seq))
    }

    /// Which rows a filter's period spans, and what it takes to check them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn audit_range(&self, filter: &AuditFilter) -> Result<AuditRange, Error> {
        let get = |error| Error::database("reading the ends of the audit")(error);
        let period = AuditFilter { since: filter.since, until: filter.until, ..AuditFilter::default() };
        let bounds = self.bounds("audit", "at", "seq", filter.since, filter.until).await?;
        let (below, beyond) = (bounds.below(None), bounds.from.saturating_sub(1));
        let last = self.audit_rows(&period, (beyond, below), "DESC", 1).await?.into_iter().next();
        let Some(last) = last else {
            return Ok(AuditRange { from: 0, to: 0, previous_hash: hex(&GENESIS), head: hex(&GENESIS) });
        };
        let first = self.audit_rows(&period, (beyond, below), "ASC", 1).await?.into_iter().next();
        let from = first.map_or(last.seq, |row| row.seq);
        let previous: Option<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM audit WHERE seq = ?1")
            .bind(from.saturating_sub(1))
            .fetch_optional(self.readers())
            .await
            .map_err(get)?;
        let previous_hash = previous.map_or_else(|| hex(&GENESIS), |hash| hex(&hash));
        Ok(AuditRange { from, to: last.seq, previous_hash, head: last.hash })
    }

    /// The rows that a filter lets through after one and up to another, oldest first, at most 500.
    ///
    /// # Errors
    /// As [`audit`](Self::audit).
    pub async fn audit_after(&self, filter: &AuditFilter, after: i64, to: i64) -> Result<Vec<AuditRow>, Error> {
        self.audit_rows(filter, (after, to.saturating_add(1)), "ASC", crate::read::limit(u32::MAX)).await
    }

    /// Rows between two numbers, both left out.
    async fn audit_rows(
        &self,
        filter: &AuditFilter,
        (after, below): (i64, i64),
        order: &'static str,
        limit: u32,
    ) -> Result<Vec<AuditRow>, Error> {
        let message = if filter.message.is_some() { "message = ?4" } else { "?4 IS NULL" };
        // Said twice so that the partial indexes on what is rare can answer; the rest is found by walking.
        let event = match filter.event.as_deref() {
            None => "?2 IS NULL",
            Some("accepted" | "completed" | "delivery") => "event = ?2",
            Some(_) => "event NOT IN ('accepted', 'completed', 'delivery') AND event = ?2",
        };
        let actor = match filter.actor.as_deref() {
            None => "?3 IS NULL",
            Some(GATEWAY) => "actor = ?3",
            Some(_) => "actor <> 'gateway' AND actor = ?3",
        };
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT seq, at, actor, event, message, detail, hash FROM audit
             WHERE seq < ?1 AND seq > ?8 AND {event} AND {actor} AND {message}
               AND (?5 IS NULL OR at >= ?5) AND (?6 IS NULL OR at < ?6)
             ORDER BY seq {order} LIMIT ?7"
        )))
        .bind(below)
        .bind(filter.event.as_deref())
        .bind(filter.actor.as_deref())
        .bind(filter.message.map(|m| m.0))
        .bind(filter.since.map(Timestamp::unix_millis))
        .bind(filter.until.map(Timestamp::unix_millis))
        .bind(limit)
        .bind(after)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing the audit"))?;
        rows.iter().map(row).collect()
    }

    /// Recomputes the whole chain.
    ///
    /// # Errors
    /// [`Error::Database`]; a broken chain is not an error but [`AuditCheck::broken`].
    pub async fn audit_verify(&self) -> Result<AuditCheck, Error> {
        let (mut seq, mut hash, mut rows) = (0i64, GENESIS, 0u64);
        loop {
            // In steps, so that one long read does not keep the write-ahead log from being folded back.
            let found = sqlx::query(
                "SELECT seq, at, actor, event, message, detail, hash FROM audit WHERE seq > ?1 ORDER BY seq LIMIT 1000",
            )
            .bind(seq)
            .fetch_all(self.readers())
            .await
            .map_err(Error::database("reading the audit"))?;
            if found.is_empty() {
                return Ok(AuditCheck { rows, head: hex(&hash), broken: None });
            }
            for found in &found {
                let expected = seq.saturating_add(1);
                match follows(found, expected, &hash) {
                    Some(next) => (seq, hash, rows) = (expected, next, rows.saturating_add(1)),
                    None => return Ok(AuditCheck { rows, head: hex(&hash), broken: Some(expected) }),
                }
            }
        }
    }

    /// The row that has this hash, 64 hexadecimal digits; `None` where none has. A log whose end was cut off is whole in itself: only a
    /// head that was noted elsewhere, and is no longer in it, shows what is missing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn audit_row_of(&self, head: &str) -> Result<Option<i64>, Error> {
        sqlx::query_scalar("SELECT seq FROM audit WHERE lower(hex(hash)) = lower(?1)")
            .bind(head)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("looking for a row of the audit"))
    }

    pub(crate) async fn timeline(&self, message: MessageId) -> Result<Vec<AuditRow>, Error> {
        let rows = sqlx::query(
            "SELECT seq, at, actor, event, message, detail, hash FROM audit WHERE message = ?1 ORDER BY seq LIMIT 1000",
        )
        .bind(message.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("reading a timeline"))?;
        rows.iter().map(row).collect()
    }
}

/// A row not yet in the chain.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) actor: Cow<'static, str>,
    pub(crate) event: AuditEvent,
    pub(crate) message: Option<i64>,
    /// A JSON object.
    pub(crate) detail: String,
}

/// A row with its place in the chain.
pub(crate) struct Chained {
    seq: i64,
    at: i64,
    entry: Entry,
    hash: [u8; 32],
}

/// The canonical form of a row: this struct as JSON, its fields in this order.
#[derive(Serialize)]
pub(crate) struct Canonical<'a> {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) actor: &'a str,
    pub(crate) event: &'a str,
    pub(crate) message: Option<i64>,
    pub(crate) detail: &'a str,
}

/// Puts entries at the end of the chain.
pub(crate) fn chain(marks: &mut Marks, now: Timestamp, entries: Vec<Entry>) -> Result<Vec<Chained>, Error> {
    entries
        .into_iter()
        .map(|entry| {
            marks.audit_seq = marks.audit_seq.saturating_add(1);
            let canonical = Canonical {
                seq: marks.audit_seq,
                at: now.unix_millis(),
                actor: &entry.actor,
                event: entry.event.name(),
                message: entry.message,
                detail: &entry.detail,
            };
            marks.audit_hash = link(&marks.audit_hash, &canonical)?;
            Ok(Chained { seq: marks.audit_seq, at: now.unix_millis(), entry, hash: marks.audit_hash })
        })
        .collect()
}

pub(crate) fn bind(values: &mut Values, row: &Chained) {
    values
        .add(row.seq)
        .add(row.at)
        .add(&*row.entry.actor)
        .add(row.entry.event.name())
        .add(row.entry.message)
        .add(row.entry.detail.as_str())
        .add(row.hash.as_slice());
}

/// A JSON object of pairs.
pub(crate) fn detail_of<V: Serialize>(pairs: &[(&'static str, V)]) -> Result<String, Error> {
    let map: serde_json::Map<String, serde_json::Value> = pairs
        .iter()
        .map(|(key, value)| serde_json::to_value(value).map(|value| ((*key).to_owned(), value)))
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Invalid("audit detail"))?;
    json(&map)
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| Error::Invalid("audit detail"))
}

/// The hash of a row behind `previous`.
pub(crate) fn link(previous: &[u8; 32], canonical: &Canonical<'_>) -> Result<[u8; 32], Error> {
    let text = json(canonical)?;
    Ok(Sha256::new().chain_update(previous).chain_update(text.as_bytes()).finalize().into())
}

/// The row's hash, if it is the expected next row and its hash is right.
fn follows(found: &SqliteRow, expected: i64, previous: &[u8; 32]) -> Option<[u8; 32]> {
    let canonical = Canonical {
        seq: found.try_get(0).ok()?,
        at: found.try_get(1).ok()?,
        actor: found.try_get(2).ok()?,
        event: found.try_get(3).ok()?,
        message: found.try_get(4).ok()?,
        detail: found.try_get(5).ok()?,
    };
    let stored: &[u8] = found.try_get(6).ok()?;
    let hash = link(previous, &canonical).ok()?;
    (canonical.seq == expected && stored == hash.as_slice()).then_some(hash)
}

fn row(row: &SqliteRow) -> Result<AuditRow, Error> {
    let get = |error| Error::Database { doing: "reading an audit row", source: error };
    Ok(AuditRow {
        seq: row.try_get(0).map_err(get)?,
        at: Timestamp::from_unix_millis(row.try_get(1).map_err(get)?),
        actor: row.try_get(2).map_err(get)?,
        event: row.try_get(3).map_err(get)?,
        message: row.try_get::<Option<i64>, _>(4).map_err(get)?.map(MessageId),
        detail: row.try_get(5).map_err(get)?,
        hash: hex(row.try_get::<&[u8], _>(6).map_err(get)?),
    })
}

pub(crate) static INSERT: Many = Many {
    doing: "writing the audit",
    head: "INSERT INTO audit (seq, at, actor, event, message, detail, hash) VALUES ",
    columns: 7,
    tail: "",
};

/// What the first row follows.
pub(crate) const GENESIS: [u8; 32] = [0; 32];
/// The actor of everything the program does by itself.
pub(crate) const GATEWAY: &str = "gateway";
