//! The log of refused SMTP commands and uploads: bounded in number and age, and written beside other work.
//!
//! A refusal is put down in memory, which takes no time, and becomes a row with the next transaction, a second later at most. What
//! a flood of them brings beyond the bounds is counted and not written. A crash loses those of the last second: nobody was told
//! that they are kept.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tokio::sync::Notify;

use crate::figures::Figure;
use crate::sql::Many;
use crate::writer::{Tally, Tx};
use crate::{Error, Page, Store, Timestamp, codec};

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

/// A row of the log.
#[derive(Debug, Clone)]
pub struct RefusalRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
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

/// Which refusals to list.
#[derive(Debug, Clone, Default)]
pub struct RefusalFilter {
    /// Only where peer, EHLO name, sender, recipient or reply contains this.
    pub text: Option<String>,
    /// Only where the sender contains this.
    pub sender: Option<String>,
    /// Only where the recipient contains this.
    pub recipient: Option<String>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only before.
    pub until: Option<Timestamp>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

impl Store {
    /// Puts a refusal down for the log. It takes no time and never fails; of more than [`MOST_WAITING`] in a second those beyond are
    /// only counted.
    pub fn log_refusal(&self, refused: Refused) {
        self.shared().refusals.add(self.now(), refused);
    }

    /// A page of the log, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn refusals(&self, filter: &RefusalFilter) -> Result<Page<RefusalRow>, Error> {
        let limit = crate::read::limit(filter.limit);
        let pattern = |text: &Option<String>| text.as_deref().map(crate::read::contains);
        let rows = sqlx::query(
            "SELECT id, at, peer, helo, sender, recipient, code, text FROM refusal
             WHERE id < ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR at < ?3)
               AND (?4 IS NULL OR sender LIKE ?4 ESCAPE '\\') AND (?5 IS NULL OR recipient LIKE ?5 ESCAPE '\\')
               AND (?6 IS NULL OR peer LIKE ?6 ESCAPE '\\' OR helo LIKE ?6 ESCAPE '\\' OR sender LIKE ?6 ESCAPE '\\'
                    OR recipient LIKE ?6 ESCAPE '\\' OR text LIKE ?6 ESCAPE '\\')
             ORDER BY id DESC LIMIT ?7",
        )
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(filter.since.map(Timestamp::unix_millis))
        .bind(filter.until.map(Timestamp::unix_millis))
        .bind(pattern(&filter.sender))
        .bind(pattern(&filter.recipient))
        .bind(pattern(&filter.text))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing refusals"))?;
        let items = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(crate::read::page(items, limit, |row| row.id))
    }
}

/// Refusals that are no rows yet.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    held: Mutex<Held>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Held {
    rows: VecDeque<Arc<(Timestamp, Refused)>>,
    /// Beyond the bound, by reply code.
    beyond: VecDeque<u16>,
    uncounted: u64,
}

/// What a transaction takes along.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    rows: Vec<Arc<(Timestamp, Refused)>>,
    beyond: Vec<u16>,
}

impl Waiting {
    fn add(&self, at: Timestamp, refused: Refused) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.rows.len() < MOST_WAITING {
            held.rows.push_back(Arc::new((at, refused)));
        } else if held.beyond.len() < MOST_COUNTED {
            held.beyond.push_back(refused.code);
        } else {
            held.uncounted = held.uncounted.saturating_add(1);
        }
        drop(held);
        self.came.notify_one();
    }

    /// Waits until some have waited long enough for company. Cancel-safe: every transaction takes those that wait.
    pub(crate) async fn due(&self) {
        self.came.notified().await;
        tokio::time::sleep(COMPANY).await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.rows.is_empty() && held.beyond.is_empty()
    }

    pub(crate) fn take(&self) -> Taken {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.uncounted > 0 {
            tracing::warn!(event = "refusals_not_counted", count = held.uncounted);
            held.uncounted = 0;
        }
        Taken { rows: held.rows.drain(..).collect(), beyond: held.beyond.drain(..).collect() }
    }

    /// Puts back what a transaction that failed had taken.
    pub(crate) fn put_back(&self, taken: Taken) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST_WAITING.saturating_sub(held.rows.len());
        taken.rows.into_iter().rev().take(room).for_each(|row| held.rows.push_front(row));
        let room = MOST_COUNTED.saturating_sub(held.beyond.len());
        held.beyond.extend(taken.beyond.into_iter().take(room));
    }
}

impl Taken {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.beyond.is_empty()
    }
}

/// Writes what was taken, and lets go of the oldest rows beyond the bound.
pub(crate) async fn write(tx: &mut Tx, taken: &Taken) -> Result<(), Error> {
    if taken.is_empty() {
        return Ok(());
    }
    tx.many(&INSERT, &taken.rows, |values, row| {
        let (at, refused) = row.as_ref();
        values
            .add(at.unix_millis())
            .add(refused.peer.to_string())
            .add(refused.helo.as_deref())
            .add(refused.sender.as_deref())
            .add(refused.recipient.as_deref())
            .add(i64::from(refused.code))
            .add(refused.text.as_str());
    })
    .await?;
    for code in taken.rows.iter().map(|row| row.1.code).chain(taken.beyond.iter().copied()) {
        tx.count(Tally::Refused, 1);
        tx.figure(Figure::Refused, code.to_string());
    }
    if !taken.beyond.is_empty() {
        tracing::warn!(event = "refusals_not_written", count = taken.beyond.len());
    }
    sqlx::query("DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - ?1")
        .bind(MOST_KEPT)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("letting go of refusals"))?;
    Ok(())
}

fn row(row: &SqliteRow) -> Result<RefusalRow, Error> {
    let get = |error| Error::database("reading a refusal")(error);
    let code: i64 = row.try_get(6).map_err(get)?;
    Ok(RefusalRow {
        id: row.try_get(0).map_err(get)?,
        at: Timestamp::from_unix_millis(row.try_get(1).map_err(get)?),
        peer: codec::peer(row.try_get(2).map_err(get)?)?.ok_or(Error::Damaged("peer address"))?,
        helo: row.try_get(3).map_err(get)?,
        sender: row.try_get(4).map_err(get)?,
        recipient: row.try_get(5).map_err(get)?,
        code: u16::try_from(code).unwrap_or(0),
        text: row.try_get(7).map_err(get)?,
    })
}

static INSERT: Many = Many {
    doing: "logging refusals",
    head: "INSERT INTO refusal (at, peer, helo, sender, recipient, code, text) VALUES ",
    columns: 7,
    tail: "",
};

/// Refusals that wait for a transaction. A row is some hundred bytes.
pub const MOST_WAITING: usize = 2_000;
/// Beyond them, so many are still counted by their reply.
const MOST_COUNTED: usize = 100_000;
/// Rows kept, whatever their age.
const MOST_KEPT: i64 = 100_000;
/// How long the first waits for others before a transaction is made for it.
const COMPANY: Duration = Duration::from_secs(1);
