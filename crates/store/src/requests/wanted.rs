//! What is asked for: which part, of which class, and whether it is still kept.

use form::reason::Reason;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use crate::codec::{self, Coded};
use crate::writer::Tx;
use crate::{Error, ItemClass, MessageId, PartVerdict, Timestamp, four_eyes};

/// What is asked for.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) class: ItemClass,
    pub(super) item: Option<i64>,
    pub(super) is_kept: bool,
}

/// What is known of it now: a class can become graver after somebody asked.
pub(super) async fn wanted(tx: &mut Tx, message: MessageId, path: &str) -> Result<Wanted, Error> {
    let failed = Error::database("reading what is asked for");
    let kept: Option<(Option<i64>,)> =
        sqlx::query_as("SELECT original FROM message WHERE id = ?1 AND verdict IS NOT NULL")
            .bind(message.0)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(failed)?;
    let (original,) = kept.ok_or(Error::NotFound("message"))?;
    let item: Option<(i64, String, Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT id, name, reason, content FROM quarantine WHERE message = ?1 AND path = ?2 AND state < 2",
    )
    .bind(message.0)
    .bind(path)
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("reading what is asked for"))?;
    let part: Option<(String, i64, Option<i64>)> =
        sqlx::query_as("SELECT name, verdict, reason FROM part WHERE message = ?1 AND path = ?2")
            .bind(message.0)
            .bind(path)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("reading what is asked for"))?;
    if item.is_none() && part.is_none() {
        return Err(Error::NotFound("part"));
    }
    // What lies in it leaves with it; and what it lies in was scanned as a whole.
    let around: Vec<(Option<i64>,)> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT reason FROM part WHERE message = ?1 AND reason IS NOT NULL AND {AROUND}
         UNION SELECT reason FROM quarantine WHERE message = ?1 AND reason IS NOT NULL AND {AROUND}
         UNION SELECT reason FROM retry_held WHERE item IN (SELECT id FROM quarantine WHERE message = ?1) AND {AROUND}"
    )))
    .bind(message.0)
    .bind(path)
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("reading what is asked for"))?;
    let around: Vec<Option<Reason>> =
        around.into_iter().map(|(code,)| codec::reason(code)).collect::<Result<_, _>>()?;
    let around: Vec<Reason> = around.into_iter().flatten().collect();
    let own = item.as_ref().and_then(|(_, _, reason, _)| *reason).or(part.as_ref().and_then(|(_, _, reason)| *reason));
    let withheld =
        item.is_some() || part.as_ref().is_some_and(|(_, verdict, _)| *verdict == PartVerdict::Withheld.code());
    let verdict = if withheld { PartVerdict::Withheld } else { PartVerdict::Sanitised };
    let own_bytes = item.as_ref().is_some_and(|(_, _, _, content)| content.is_some());
    let name = item.as_ref().map(|(_, name, ..)| name.clone()).filter(|name| !name.is_empty());
    Ok(Wanted {
        name: name.or(part.map(|(name, ..)| name)).unwrap_or_default(),
        class: four_eyes::class_of(codec::reason(own)?, verdict, &around),
        item: item.map(|(id, ..)| id),
        is_kept: (original.is_some() || own_bytes) && !is_deleted(&mut tx.connection, message, path).await?,
    })
}

/// Whether a person deleted a part, something in it or what it lies in: none of them leaves with or without the others.
pub(crate) async fn is_deleted(
    connection: &mut SqliteConnection,
    message: MessageId,
    path: &str,
) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM quarantine WHERE message = ?1 AND deleted = 1 AND {AROUND} LIMIT 1");
    let row: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(message.0)
        .bind(path)
        .fetch_optional(connection)
        .await
        .map_err(Error::database("looking for what was deleted"))?;
    Ok(row.is_some())
}

/// Until when an original of a message is asked for: as long it is kept.
pub(crate) async fn wanted_until(tx: &mut Tx, message: i64) -> Result<Timestamp, Error> {
    let (until,): (Option<i64>,) = sqlx::query_as("SELECT max(ends) FROM request WHERE message = ?1 AND state < 2")
        .bind(message)
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("looking for requests"))?;
    Ok(Timestamp::from_unix_millis(until.unwrap_or(i64::MIN)))
}

/// Rows of parts at `path` ?2, in it, or around it. Paths are numbers and dots; the whole has an empty one.
const AROUND: &str = "(?2 = '' OR path = '' OR path = ?2 OR path LIKE ?2 || '.%' OR ?2 LIKE path || '.%')";
