//! What is written down of finished mails and uploads, for judging a policy by it without converting anything again.

use form::reason::Reason;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::codec::{self, Coded};
use crate::{Error, MessageId, OriginKind, PartVerdict, Store, Timestamp};

/// A finished mail or upload, as far as a policy goes by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Which.
    pub message: MessageId,
    /// Its parts, parents before children.
    pub parts: Vec<RecordedPart>,
}

/// A part of a [`Recorded`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPart {
    /// Its place in the tree: numbers with points between them; empty for the file that was uploaded.
    pub path: String,
    /// What it was.
    pub detected_type: String,
    /// What became of it; `None` where it was withheld.
    pub media_type: Option<String>,
    /// Whether it passed.
    pub verdict: PartVerdict,
    /// Why it was withheld.
    pub reason: Option<Reason>,
    /// Its size as it came, in bytes.
    pub bytes: u64,
}

impl Store {
    /// The finished mails and uploads received at or after `since` with numbers below `below`, newest first, at most 500. None is the end.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn recorded(&self, since: Timestamp, below: MessageId) -> Result<Vec<Recorded>, Error> {
        let from = self.bounds("message", "received", "id", Some(since), None).await?.from;
        let rows = sqlx::query(
            "SELECT m.id, p.path, p.detected_type, p.media_type, p.verdict, p.reason, p.bytes_in
             FROM (SELECT id FROM message
                   WHERE id < ?1 AND id >= ?2 AND received >= ?3 AND verdict IS NOT NULL AND origin IN (?4, ?5)
                   ORDER BY id DESC LIMIT ?6) m
             LEFT JOIN part p ON p.message = m.id ORDER BY m.id DESC, p.number",
        )
        .bind(below.0)
        .bind(from)
        .bind(since.unix_millis())
        .bind(OriginKind::Mail.code())
        .bind(OriginKind::Upload.code())
        .bind(AT_A_TIME)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("reading what was recorded"))?;
        let mut all: Vec<Recorded> = Vec::new();
        for row in &rows {
            let message = MessageId(row.try_get(0).map_err(Error::database("reading what was recorded"))?);
            if all.last().is_none_or(|last| last.message != message) {
                all.push(Recorded { message, parts: Vec::new() });
            }
            if let (Some(last), Some(part)) = (all.last_mut(), part(row)?) {
                last.parts.push(part);
            }
        }
        Ok(all)
    }
}

/// The part of a row; a mail without attachments has a row without one.
fn part(row: &SqliteRow) -> Result<Option<RecordedPart>, Error> {
    let get = |error| Error::database("reading a part")(error);
    let Some(path) = row.try_get(1).map_err(get)? else { return Ok(None) };
    Ok(Some(RecordedPart {
        path,
        detected_type: row.try_get(2).map_err(get)?,
        media_type: row.try_get(3).map_err(get)?,
        verdict: PartVerdict::from_code(row.try_get(4).map_err(get)?)?,
        reason: codec::reason(row.try_get(5).map_err(get)?)?,
        bytes: codec::unsigned(row.try_get(6).map_err(get)?),
    }))
}

/// Messages read at a time.
const AT_A_TIME: u32 = 500;
