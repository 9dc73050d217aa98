//! Quarantine: withheld originals, kept for a while.

use form::reason::Reason;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::codec::{self, Coded};
use crate::content::Content;
use crate::words::{LOOKED_AT, Search};
use crate::{Error, MessageId, Original, Page, Receipt, RetryState, Store, Timestamp};

/// A quarantined original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuarantineId(pub i64);

/// A quarantined original in a list.
#[derive(Debug, Clone)]
pub struct QuarantineRow {
    /// Names it.
    pub id: QuarantineId,
    /// The message it came with.
    pub message: MessageId,
    /// That message's receipt.
    pub receipt: Receipt,
    /// The part's place in the tree; empty for the whole message.
    pub path: String,
    /// The part's name.
    pub name: String,
    /// The true type.
    pub detected_type: String,
    /// Why it was withheld.
    pub reason: Option<Reason>,
    /// Size of the original.
    pub bytes: u64,
    /// A password may open it.
    pub locked: bool,
    /// How often people tried one.
    pub tried: u32,
    /// Its state.
    pub state: QuarantineState,
    /// Since when.
    pub created: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// The message's reverse-path.
    pub sender: Option<String>,
    /// The message's subject.
    pub subject: Option<String>,
    /// Somebody keeps it back from deletion.
    pub on_hold: bool,
    /// Why.
    pub note: Option<String>,
    /// Somebody asks for it, and it is not decided or not fetched yet.
    pub requested: bool,
    /// Where its last conversion is.
    pub retry: Option<RetryState>,
}

/// The state of a quarantined original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuarantineState {
    /// It is kept and has not been let out.
    Held,
    /// It was let out; the bytes are kept until they expire.
    Released,
    /// Its bytes were removed at the end of the retention.
    Purged,
}

/// Which items to list.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Only in this state.
    pub state: Option<QuarantineState>,
    /// Only for this reason.
    pub reason: Option<Reason>,
    /// Only of this true type.
    pub kind: Option<String>,
    /// Only what came at or after.
    pub since: Option<Timestamp>,
    /// Only what came before.
    pub until: Option<Timestamp>,
    /// Only what somebody asks for.
    pub requested: bool,
    /// Only what is held back from deletion.
    pub on_hold: bool,
    /// Only where receipt, name, sender or subject contains this.
    pub text: Option<String>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

impl Store {
    /// A page of the quarantine, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn quarantine(&self, filter: &QuarantineFilter) -> Result<Page<QuarantineRow>, Error> {
        let limit = crate::read::limit(filter.limit);
        let mut search = Search::default();
        if let Some(text) = &filter.text {
            search.text("receipt sender subject name", text);
        }
        let expression = search.expression();
        // Said without "or" so that the index on it can answer; of two, the one that is rarer: nearly all are held.
        let (state, reason) = match (filter.state, filter.reason) {
            (None, None) => ("?2 IS NULL", "?3 IS NULL"),
            (Some(_), None) => ("q.state = ?2", "?3 IS NULL"),
            (None, Some(_)) => ("?2 IS NULL", "q.reason = ?3"),
            (Some(QuarantineState::Held), Some(_)) => ("+q.state = ?2", "q.reason = ?3"),
            (Some(QuarantineState::Released | QuarantineState::Purged), Some(_)) => ("q.state = ?2", "+q.reason = ?3"),
        };
        // CROSS JOIN keeps the order of the tables: the index of words gives its rows newest first.
        let (from, text) = match &expression {
            Some(_) => {
                ("item_words w CROSS JOIN quarantine q ON q.id = w.rowid", "item_words MATCH ?4 AND w.rowid < ?1")
            }
            None => (
                "quarantine q",
                "(?4 IS NULL OR m.receipt LIKE ?4 ESCAPE '\\' OR q.name LIKE ?4 ESCAPE '\\'
                  OR m.sender LIKE ?4 ESCAPE '\\' OR m.subject LIKE ?4 ESCAPE '\\')",
            ),
        };
        let key = if expression.is_some() { "w.rowid" } else { "q.id" };
        let kind = if filter.kind.is_some() { "q.detected_type = ?7" } else { "?7 IS NULL" };
        let asked = "q.id IN (SELECT item FROM request WHERE state < 2 AND ends > ?10)";
        let requested = if filter.requested { asked } else { "?10 IS NOT NULL" };
        let on_hold = if filter.on_hold { "q.on_hold = 1" } else { "1" };
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM {from} CROSS JOIN message m ON m.id = q.message
             WHERE q.id < ?1 AND {state} AND {reason} AND {text} AND q.id > ?6 AND {kind} AND {requested} AND {on_hold}
               AND (?8 IS NULL OR q.created >= ?8) AND (?9 IS NULL OR q.created < ?9) ORDER BY {key} DESC LIMIT ?5"
        )))
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(filter.state.map(Coded::code))
        .bind(filter.reason.map(|r| i64::from(r.code())))
        .bind(match &expression {
            Some(expression) => Some(expression.clone()),
            None => filter.text.as_deref().map(crate::read::contains),
        })
        .bind(limit)
        .bind(self.walked_from(filter, expression.is_some()).await?)
        .bind(filter.kind.as_deref())
        .bind(filter.since.map(Timestamp::unix_millis))
        .bind(filter.until.map(Timestamp::unix_millis))
        .bind(self.now().unix_millis())
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing the quarantine"))?;
        let items = rows.iter().map(|found| row(found, self.now())).collect::<Result<Vec<_>, _>>()?;
        Ok(crate::read::page(items, limit, |row| row.id.0))
    }

    /// Where a walk without the index ends that looks for text.
    async fn walked_from(&self, filter: &QuarantineFilter, indexed: bool) -> Result<i64, Error> {
        if indexed || filter.text.is_none() {
            return Ok(i64::MIN);
        }
        let (highest,): (Option<i64>,) = sqlx::query_as("SELECT max(id) FROM quarantine")
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("listing the quarantine"))?;
        Ok(highest.unwrap_or(0).saturating_sub(LOOKED_AT))
    }

    /// The reasons and true types that items have, for filters.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn quarantine_kinds(&self) -> Result<(Vec<Reason>, Vec<String>), Error> {
        // One step in the index for each value, however many rows have it.
        let reasons: Vec<(Option<i64>,)> = sqlx::query_as(
            "WITH RECURSIVE one (value) AS (SELECT min(reason) FROM quarantine UNION ALL
               SELECT (SELECT min(reason) FROM quarantine WHERE reason > one.value) FROM one WHERE one.value IS NOT NULL)
             SELECT value FROM one WHERE value IS NOT NULL",
        )
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing reasons"))?;
        let kinds: Vec<(String,)> = sqlx::query_as(
            "WITH RECURSIVE one (value) AS (SELECT min(detected_type) FROM quarantine UNION ALL
               SELECT (SELECT min(detected_type) FROM quarantine WHERE detected_type > one.value) FROM one
               WHERE one.value IS NOT NULL)
             SELECT value FROM one WHERE value IS NOT NULL AND value <> '' LIMIT 500",
        )
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing types"))?;
        let reasons: Vec<Option<Reason>> =
            reasons.into_iter().map(|(code,)| codec::reason(code)).collect::<Result<_, _>>()?;
        Ok((reasons.into_iter().flatten().collect(), kinds.into_iter().map(|(kind,)| kind).collect()))
    }

    /// One item.
    ///
    /// # Errors
    /// As [`quarantine`](Self::quarantine).
    pub async fn quarantine_item(&self, id: QuarantineId) -> Result<Option<QuarantineRow>, Error> {
        Ok(self.quarantine_where("q.id = ?1", id.0).await?.pop())
    }

    /// The hostile bytes of an item.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such item, [`Error::Expired`] when its retention has ended.
    pub async fn quarantine_original(&self, id: QuarantineId) -> Result<Original, Error> {
        let query = sqlx::query(
            "SELECT c.bytes, c.file, c.length, c.digest FROM quarantine q LEFT JOIN content c ON c.id = q.content
             WHERE q.id = ?1",
        )
        .bind(id.0);
        self.content(query, "quarantined original").await.map(Content::original)
    }

    /// Until when at the latest the bytes of an item that a person deleted are kept with the whole that it came in, because something
    /// else needs that; `None` where they are gone.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn deleted_but_inside_until(&self, id: QuarantineId) -> Result<Option<Timestamp>, Error> {
        let row: Option<(i64, i64)> = sqlx::query_as(
            "SELECT coalesce(m.completed, m.received),
                    max(coalesce((SELECT max(o.expires) FROM quarantine o WHERE o.message = m.id AND o.locked = 1 AND o.state = 0), 0),
                        coalesce((SELECT max(r.ends) FROM request r WHERE r.message = m.id AND r.state < 2), 0))
             FROM quarantine q JOIN message m ON m.id = q.message
             WHERE q.id = ?1 AND q.deleted = 1 AND m.original IS NOT NULL",
        )
        .bind(id.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a quarantined original"))?;
        Ok(row.map(|(completed, needed)| {
            let kept = Timestamp::from_unix_millis(completed).plus(self.config().retention.originals);
            kept.max(Timestamp::from_unix_millis(needed))
        }))
    }

    pub(crate) async fn quarantine_of(&self, message: MessageId) -> Result<Vec<QuarantineRow>, Error> {
        self.quarantine_where("q.message = ?1 ORDER BY q.id", message.0).await
    }

    async fn quarantine_where(&self, tail: &'static str, value: i64) -> Result<Vec<QuarantineRow>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM quarantine q JOIN message m ON m.id = q.message WHERE {tail}");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(value)
            .fetch_all(self.readers())
            .await
            .map_err(Error::database("reading the quarantine"))?;
        rows.iter().map(|found| row(found, self.now())).collect()
    }
}

fn row(row: &SqliteRow, now: Timestamp) -> Result<QuarantineRow, Error> {
    let get = |error| Error::database("reading a quarantine row")(error);
    let receipt: &str = row.try_get(2).map_err(get)?;
    Ok(QuarantineRow {
        id: QuarantineId(row.try_get(0).map_err(get)?),
        message: MessageId(row.try_get(1).map_err(get)?),
        receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
        path: row.try_get(3).map_err(get)?,
        name: row.try_get(4).map_err(get)?,
        detected_type: row.try_get(5).map_err(get)?,
        reason: codec::reason(row.try_get(6).map_err(get)?)?,
        bytes: codec::unsigned(row.try_get(7).map_err(get)?),
        state: QuarantineState::from_code(row.try_get(8).map_err(get)?)?,
        created: Timestamp::from_unix_millis(row.try_get(9).map_err(get)?),
        expires: Timestamp::from_unix_millis(row.try_get(10).map_err(get)?),
        sender: row.try_get(11).map_err(get)?,
        subject: row.try_get(12).map_err(get)?,
        locked: row.try_get(13).map_err(get)?,
        tried: codec::count(row.try_get(18).map_err(get)?),
        on_hold: row.try_get(14).map_err(get)?,
        note: row.try_get(15).map_err(get)?,
        requested: row.try_get::<Option<i64>, _>(16).map_err(get)?.is_some_and(|ends| ends > now.unix_millis()),
        retry: row.try_get::<Option<i64>, _>(17).map_err(get)?.map(RetryState::from_code).transpose()?,
    })
}

const COLUMNS: &str = "q.id, q.message, m.receipt, q.path, q.name, q.detected_type, q.reason, q.bytes, q.state, \
    q.created, q.expires, m.sender, m.subject, q.locked, q.on_hold, q.note, \
    (SELECT max(r.ends) FROM request r WHERE r.message = q.message AND r.item = q.id AND r.state < 2), \
    (SELECT state FROM retry y WHERE y.item = q.id), q.typed";
