//! Uploads whose sender may be told by mail that they are done, each once.
//!
//! A batch is awaited from the transaction that accepts its first file until the one that queues the mail, or that finds none needful. A file
//! that is sent into it after that makes it awaited anew, for that file.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::codec::{self, Coded};
use crate::writer::Tx;
use crate::{BatchId, Error, MessageId, OwnMail, Receipt, Store, Timestamp, UserState, Verdict};

/// Whether a sender is told when an upload is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenDone {
    /// They see it by themselves, such as a program that asks.
    #[default]
    Nothing,
    /// A mail may tell them.
    Tell,
}

/// A batch that is done and of which nobody was told yet.
#[derive(Debug, Clone)]
pub struct DoneBatch {
    /// The batch.
    pub batch: BatchId,
    /// The first of the files that were awaited.
    first: i64,
    /// Its receipt; `None` when nothing is left to be told: all was taken back, or the link is over.
    pub receipt: Option<Receipt>,
    /// How many files were awaited and not taken back.
    pub files: u32,
    /// Of them, those that are withheld as a whole.
    pub withheld: u32,
    /// How long the one took that took longest, from its last byte to its verdict.
    pub took: Duration,
    /// Where its sender reads mails; `None` when that is not known, or the account was stopped.
    pub address: Option<String>,
    /// Until when the link works.
    pub expires: Timestamp,
}

impl Store {
    /// Batches that are done and that their senders may be told of, at most `limit`, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`], here and in the following.
    pub async fn done_batches(&self, limit: u32) -> Result<Vec<DoneBatch>, Error> {
        let rows = sqlx::query(
            "SELECT d.*, (SELECT o.receipt FROM message o WHERE o.id = d.lowest) AS receipt FROM (
                 SELECT a.batch, a.first, u.address, b.expires, count(m.id) AS files, min(m.id) AS lowest,
                        sum(m.verdict IN (?2, ?3)) AS withheld, max(m.completed - m.received) AS took
                 FROM awaited a
                 LEFT JOIN batch b ON b.id = a.batch AND b.expires > ?4
                 LEFT JOIN users u ON u.id = b.owner AND u.state = ?5
                 LEFT JOIN message m ON m.batch = b.id AND m.id >= a.first AND m.taken_back = 0
                 WHERE NOT EXISTS (SELECT 1 FROM message w WHERE w.batch = a.batch AND w.verdict IS NULL)
                 GROUP BY a.batch ORDER BY a.batch LIMIT ?1
             ) d ORDER BY d.batch",
        )
        .bind(limit)
        .bind(Verdict::NoticeOnly.code())
        .bind(Verdict::GivenUp.code())
        .bind(self.now().unix_millis())
        .bind(UserState::Active.code())
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("looking for finished uploads"))?;
        rows.iter().map(done_batch).collect()
    }

    /// Whether the sender of a batch may still be told that it is done.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn is_awaited(&self, batch: BatchId) -> Result<bool, Error> {
        let found: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM awaited WHERE batch = ?1")
            .bind(batch.0)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("looking for an awaited upload"))?;
        Ok(found.is_some())
    }

    /// Queues the mail that tells of a batch, unless that was done, or more was sent into it since; whether it was queued now.
    ///
    /// # Errors
    /// Any error of the writer, after which it may be tried again.
    pub async fn tell_of_batch(&self, done: &DoneBatch, mail: OwnMail) -> Result<bool, Error> {
        let DoneBatch { batch, first, .. } = *done;
        self.send_once(Telling::Done { batch: batch.0, first }, Some(MessageId(first)), mail).await
    }

    /// Notes that nobody needs to be told of these batches.
    ///
    /// # Errors
    /// Any error of the writer, after which it may be tried again.
    pub async fn tell_nobody_of(&self, done: &[DoneBatch]) -> Result<(), Error> {
        let rows: Vec<(i64, i64)> = done.iter().map(|done| (done.batch.0, done.first)).collect();
        self.write(move |tx| {
            let rows = rows.clone();
            Box::pin(async move {
                for (batch, first) in rows {
                    end(tx, batch, first).await?;
                }
                Ok(())
            })
        })
        .await
    }
}

/// What a mail of ours tells that is told once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Telling {
    /// The digest of a moment.
    Digest(Timestamp),
    /// That a batch is done, from this message on.
    Done { batch: i64, first: i64 },
}

/// From this message on a batch is awaited, unless it is already.
pub(crate) async fn begin(tx: &mut Tx, batch: i64, message: i64) -> Result<(), Error> {
    sqlx::query("INSERT INTO awaited (batch, first) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
        .bind(batch)
        .bind(message)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("noting an awaited upload"))?;
    Ok(())
}

/// A batch is awaited no more; whether it was, and is done.
pub(crate) async fn end(tx: &mut Tx, batch: i64, first: i64) -> Result<bool, Error> {
    let ended = sqlx::query(
        "DELETE FROM awaited WHERE batch = ?1 AND first = ?2
         AND NOT EXISTS (SELECT 1 FROM message w WHERE w.batch = ?1 AND w.verdict IS NULL)",
    )
    .bind(batch)
    .bind(first)
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("ending a wait"))?;
    Ok(ended.rows_affected() == 1)
}

fn done_batch(row: &SqliteRow) -> Result<DoneBatch, Error> {
    let get = |error| Error::database("reading a finished upload")(error);
    let receipt: Option<&str> = row.try_get("receipt").map_err(get)?;
    let count = |number: Option<i64>| codec::count(number.unwrap_or(0));
    let took: Option<i64> = row.try_get("took").map_err(get)?;
    Ok(DoneBatch {
        batch: BatchId(row.try_get("batch").map_err(get)?),
        first: row.try_get("first").map_err(get)?,
        receipt: receipt.map(|text| Receipt::parse(text).ok_or(Error::Damaged("a receipt"))).transpose()?,
        files: count(row.try_get("files").map_err(get)?),
        withheld: count(row.try_get("withheld").map_err(get)?),
        took: Duration::from_millis(codec::unsigned(took.unwrap_or(0))),
        address: row.try_get("address").map_err(get)?,
        expires: Timestamp::from_unix_millis(row.try_get::<Option<i64>, _>("expires").map_err(get)?.unwrap_or(0)),
    })
}
