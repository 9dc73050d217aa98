//! Digest mails to administrators: what waits for them, and that each is sent once.

use sqlx::Row;

use crate::codec;
use crate::read::time;
use crate::{Error, Store, Timestamp};

/// What waits for administrators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Todo {
    /// Originals in quarantine that were not let out.
    pub held: u64,
    /// When the oldest of them came.
    pub oldest: Option<Timestamp>,
    /// Of them, those that a password may open.
    pub locked: u64,
    /// Of them, those that are removed before the time that was asked about.
    pub ending: u64,
    /// Requests for originals that wait for a decision.
    pub requests: u64,
    /// When the oldest of those was made.
    pub oldest_request: Option<Timestamp>,
}

impl Store {
    /// What waits for administrators, and how much of it ends before `ending`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn todo(&self, ending: Timestamp) -> Result<Todo, Error> {
        let row = sqlx::query(
            "SELECT count(*), min(created), count(*) FILTER (WHERE locked), count(*) FILTER (WHERE expires < ?1)
             FROM quarantine WHERE content IS NOT NULL AND state = 0",
        )
        .bind(ending.unix_millis())
        .fetch_one(self.readers())
        .await
        .map_err(Error::database("counting what waits"))?;
        let get = |error| Error::database("counting what waits")(error);
        let (requests, oldest_request) = self.open_requests().await?;
        Ok(Todo {
            held: codec::unsigned(row.try_get(0).map_err(get)?),
            oldest: time(row.try_get(1).map_err(get)?),
            locked: codec::unsigned(row.try_get(2).map_err(get)?),
            ending: codec::unsigned(row.try_get(3).map_err(get)?),
            requests,
            oldest_request,
        })
    }

    /// Whether the digest of a moment was sent or found needless.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn digest_done(&self, slot: Timestamp) -> Result<bool, Error> {
        let found: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM digest_slot WHERE slot = ?1")
            .bind(slot.unix_millis())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("looking for a digest"))?;
        Ok(found.is_some())
    }

    /// Notes that the digest of a moment is not needed.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn digest_needless(&self, slot: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO digest_slot (slot) VALUES (?1) ON CONFLICT DO NOTHING")
                    .bind(slot.unix_millis())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("noting a digest"))?;
                Ok(())
            })
        })
        .await
    }
}
