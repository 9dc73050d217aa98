//! Figures for the metrics and the dashboard.

use std::path::Path;

use crate::codec;
use crate::writer::Tally;
use crate::{Error, Store, Timestamp};

/// Totals since the store was made, and what waits now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Mails accepted.
    pub accepted: u64,
    /// Files uploaded.
    pub uploaded: u64,
    /// Messages of which everything was rebuilt.
    pub sanitised: u64,
    /// Messages of which some part was withheld.
    pub sanitised_with_withheld: u64,
    /// Messages of which nothing could be rebuilt.
    pub notice_only: u64,
    /// Messages given up.
    pub given_up: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Recipients failed.
    pub delivery_failed: u64,
    /// Commands refused.
    pub refused: u64,
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs that run.
    pub running: u64,
    /// When the oldest message came that is not done.
    pub oldest: Option<Timestamp>,
    /// Recipients not tried yet.
    pub deliveries_pending: u64,
    /// Recipients to be tried again.
    pub deliveries_retrying: u64,
    /// When the oldest waiting recipient became ready.
    pub oldest_delivery: Option<Timestamp>,
    /// Originals in quarantine that were not let out.
    pub quarantined: u64,
}

/// Space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes of the database with its log.
    pub database: u64,
    /// Bytes in files.
    pub files: u64,
    /// Bytes free for this process on the store's file system.
    pub free: u64,
    /// Bytes of that file system.
    pub total: u64,
}

impl Counts {
    /// Recipients that wait, whether or not they were tried.
    pub fn deliveries(&self) -> u64 {
        self.deliveries_pending.saturating_add(self.deliveries_retrying)
    }

    /// Those of two stores together.
    #[must_use]
    pub fn and(self, other: &Counts) -> Counts {
        let sum = |of: fn(&Counts) -> u64| of(&self).saturating_add(of(other));
        let first = |of: fn(&Counts) -> Option<Timestamp>| of(&self).into_iter().chain(of(other)).min();
        Counts {
            accepted: sum(|counts| counts.accepted),
            uploaded: sum(|counts| counts.uploaded),
            sanitised: sum(|counts| counts.sanitised),
            sanitised_with_withheld: sum(|counts| counts.sanitised_with_withheld),
            notice_only: sum(|counts| counts.notice_only),
            given_up: sum(|counts| counts.given_up),
            delivered: sum(|counts| counts.delivered),
            delivery_failed: sum(|counts| counts.delivery_failed),
            refused: sum(|counts| counts.refused),
            queued: sum(|counts| counts.queued),
            running: sum(|counts| counts.running),
            oldest: first(|counts| counts.oldest),
            deliveries_pending: sum(|counts| counts.deliveries_pending),
            deliveries_retrying: sum(|counts| counts.deliveries_retrying),
            oldest_delivery: first(|counts| counts.oldest_delivery),
            quarantined: sum(|counts| counts.quarantined),
        }
    }
}

impl Store {
    /// Totals and what waits now.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn counts(&self) -> Result<Counts, Error> {
        let get = |error| Error::database("counting")(error);
        let totals: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, value FROM counter").fetch_all(self.readers()).await.map_err(get)?;
        let total = |tally: Tally| {
            totals.iter().find(|(name, _)| name == tally.name()).map_or(0, |(_, value)| codec::unsigned(*value))
        };
        let jobs: Vec<(i64, i64)> = sqlx::query_as("SELECT state, count(*) FROM job GROUP BY state")
            .fetch_all(self.readers())
            .await
            .map_err(get)?;
        let (oldest,): (Option<i64>,) =
            sqlx::query_as("SELECT received FROM message WHERE id = (SELECT min(message) FROM job)")
                .fetch_optional(self.readers())
                .await
                .map_err(get)?
                .unwrap_or_default();
        // `state < 2` lets the partial index of what is not done answer.
        let deliveries: Vec<(i64, i64, Option<i64>)> =
            sqlx::query_as("SELECT state, count(*), min(queued) FROM delivery WHERE state < 2 GROUP BY state")
                .fetch_all(self.readers())
                .await
                .map_err(get)?;
        // Kept by triggers: counting a million rows at every look would hold the page up.
        let quarantined = totals.iter().find(|(name, _)| name == "quarantine_held").map_or(0, |(_, value)| *value);
        let of = |rows: &[(i64, i64)], state| {
            rows.iter().find(|(s, _)| *s == state).map_or(0, |(_, count)| codec::unsigned(*count))
        };
        let waiting: Vec<(i64, i64)> = deliveries.iter().map(|(state, count, _)| (*state, *count)).collect();
        Ok(Counts {
            accepted: total(Tally::Accepted),
            uploaded: total(Tally::Uploaded),
            sanitised: total(Tally::Sanitised),
            sanitised_with_withheld: total(Tally::SanitisedWithWithheld),
            notice_only: total(Tally::NoticeOnly),
            given_up: total(Tally::GivenUp),
            delivered: total(Tally::Delivered),
            delivery_failed: total(Tally::DeliveryFailed),
            refused: total(Tally::Refused),
            queued: of(&jobs, 0),
            running: of(&jobs, 1),
            oldest: oldest.map(Timestamp::from_unix_millis),
            deliveries_pending: of(&waiting, 0),
            deliveries_retrying: of(&waiting, 1),
            oldest_delivery: deliveries.iter().filter_map(|(_, _, q)| *q).min().map(Timestamp::from_unix_millis),
            quarantined: codec::unsigned(quarantined),
        })
    }

    /// How much the store uses and how much is free.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::File`].
    pub async fn disk(&self) -> Result<Disk, Error> {
        let (files,): (Option<i64>,) = sqlx::query_as("SELECT sum(length) FROM content WHERE file IS NOT NULL")
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("measuring the files"))?;
        let directory = &self.config().directory;
        let size = |name: &str| std::fs::metadata(directory.join(name)).map_or(0, |m| m.len());
        Ok(Disk {
            database: size("misogi.sqlite").saturating_add(size("misogi.sqlite-wal")),
            files: codec::unsigned(files.unwrap_or(0)),
            free: self.free_bytes()?,
            total: total_bytes(directory)?,
        })
    }

    /// Bytes free for this process: one cheap system call, fit for the way in.
    pub(crate) fn free_bytes(&self) -> Result<u64, Error> {
        free_bytes(&self.config().directory)
    }
}

fn total_bytes(directory: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(directory).map_err(|e| Error::file("measuring", directory)(e.into()))?;
    Ok(stat.f_blocks.saturating_mul(stat.f_frsize))
}

fn free_bytes(directory: &Path) -> Result<u64, Error> {
    let stat = rustix::fs::statvfs(directory).map_err(|e| Error::file("measuring", directory)(e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
