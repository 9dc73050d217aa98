//! Lists of messages: newest first, filtered, and searched by what a caller says on the phone.
//!
//! Each kind of list has an index that answers in its order, so that a page costs the same among a hundred rows and a million:
//! the key for all, partial indexes for what is rare, and the index of words ([`crate::words`]) for text.

use sqlx::{AssertSqlSafe, Row};

use crate::codec::Coded;
use crate::read::{MESSAGE_COLUMNS, contains, limit, message_row, page};
use crate::words::{LOOKED_AT, Search};
use crate::{Error, MessageRow, OriginKind, Page, Store, Timestamp, Verdict};

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only of this origin.
    pub origin: Option<OriginKind>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only received at or after.
    pub since: Option<Timestamp>,
    /// Only received before.
    pub until: Option<Timestamp>,
    /// Only where receipt, sender, a recipient, From, subject or the name of a file contains this.
    pub text: Option<String>,
    /// Only where the reverse-path or From contains this.
    pub sender: Option<String>,
    /// Only where a forward-path contains this.
    pub recipient: Option<String>,
    /// Only where the subject contains this.
    pub subject: Option<String>,
    /// Only where the name of an attachment, of a file in it or of an upload contains this.
    pub file: Option<String>,
    /// Only where the receipt contains this, or the Message-ID (without its brackets) is this.
    pub identifier: Option<String>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

impl Store {
    /// A page of messages, newest first.
    ///
    /// Text is looked for in the index of words, in whatever width and case. Texts too short for it (one or two characters, one in
    /// Japanese) are looked for among the newest 20,000 messages, as are those that wait for their conversion.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn messages(&self, filter: &MessageFilter) -> Result<Page<MessageRow>, Error> {
        let limit = limit(filter.limit);
        let mut filter = filter.clone();
        if let Some(identifier) = filter.identifier.take_if(|text| text.contains('@')) {
            return self.with_identifier(&filter, &identifier, limit).await;
        }
        let mut search = Search::default();
        for (columns, text) in [
            ("receipt sender recipients subject names", &filter.text),
            ("sender", &filter.sender),
            ("recipients", &filter.recipient),
            ("subject", &filter.subject),
            ("names", &filter.file),
            ("receipt", &filter.identifier),
        ] {
            if let Some(text) = text {
                search.text(columns, text);
            }
        }
        let bounds = self.bounds("message", "received", "id", filter.since, filter.until).await?;
        if !filter.has_text() && (filter.origin.is_none() || filter.verdict.is_none()) {
            return self.listed(&filter, bounds, limit).await;
        }
        // Codes alone are not worth the walk over those that wait, which have no verdict.
        let waiting = if filter.has_text() && filter.verdict.is_none() {
            self.walked(&filter, bounds, Walk::Waiting, limit).await?
        } else {
            Vec::new()
        };
        if let Some(origin) = filter.origin {
            search.origin(origin.code());
        }
        if let Some(verdict) = filter.verdict {
            search.verdict(verdict.code());
        }
        let mut items = match search.expression() {
            Some(expression) => self.found(&filter, bounds, &expression, limit).await?,
            None => self.walked(&filter, bounds, Walk::Newest, limit).await?,
        };
        items.extend(waiting);
        items.sort_by_key(|row| std::cmp::Reverse(row.id));
        items.dedup_by_key(|row| row.id);
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(page(items, limit, |row| row.id.0))
    }

    /// A page by what is in the rows themselves.
    async fn listed(&self, filter: &MessageFilter, bounds: Bounds, limit: u32) -> Result<Page<MessageRow>, Error> {
        // Said twice so that the partial indexes on what is rare can answer.
        let verdict = match filter.verdict {
            None => "?3 IS NULL",
            Some(Verdict::Sanitised) => "m.verdict = ?3",
            Some(Verdict::SanitisedWithWithheld | Verdict::NoticeOnly | Verdict::GivenUp) => {
                "m.verdict > 0 AND m.verdict = ?3"
            }
        };
        let origin = match filter.origin {
            None => "?2 IS NULL",
            Some(OriginKind::Mail) => "m.origin = ?2",
            Some(OriginKind::Upload | OriginKind::Notice | OriginKind::Unlocked) => "m.origin > 0 AND m.origin = ?2",
        };
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {MESSAGE_COLUMNS} FROM message m WHERE m.id < ?1 AND m.id >= ?6 AND {origin} AND {verdict}
             AND (?4 IS NULL OR m.received >= ?4) AND (?5 IS NULL OR m.received < ?5) ORDER BY m.id DESC LIMIT ?7"
        )))
        .bind(bounds.below(filter.before))
        .bind(filter.origin.map(Coded::code))
        .bind(filter.verdict.map(Coded::code))
        .bind(filter.since.map(Timestamp::unix_millis))
        .bind(filter.until.map(Timestamp::unix_millis))
        .bind(bounds.from)
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing messages"))?;
        let items = rows.iter().map(message_row).collect::<Result<Vec<_>, _>>()?;
        Ok(page(items, limit, |row| row.id.0))
    }

    /// What the index of words finds.
    async fn found(
        &self,
        filter: &MessageFilter,
        bounds: Bounds,
        expression: &str,
        limit: u32,
    ) -> Result<Vec<MessageRow>, Error> {
        // CROSS JOIN keeps the order of the tables: the index gives its rows newest first, and only a page of them is read.
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {MESSAGE_COLUMNS} FROM message_words w CROSS JOIN message m ON m.id = w.rowid
             WHERE message_words MATCH ?1 AND w.rowid < ?2 AND w.rowid >= ?3
             AND (?4 IS NULL OR m.received >= ?4) AND (?5 IS NULL OR m.received < ?5) ORDER BY w.rowid DESC LIMIT ?6"
        )))
        .bind(expression)
        .bind(bounds.below(filter.before))
        .bind(bounds.from)
        .bind(filter.since.map(Timestamp::unix_millis))
        .bind(filter.until.map(Timestamp::unix_millis))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("searching messages"))?;
        rows.iter().map(message_row).collect()
    }

    /// What a look at each of some rows finds.
    async fn walked(
        &self,
        filter: &MessageFilter,
        bounds: Bounds,
        walk: Walk,
        limit: u32,
    ) -> Result<Vec<MessageRow>, Error> {
        let of = match walk {
            Walk::Waiting => {
                "job j CROSS JOIN message m ON m.id = j.message WHERE j.message < ?1 AND j.message >= ?2 AND m.verdict IS NULL"
            }
            Walk::Newest => "message m WHERE m.id < ?1 AND m.id >= ?2",
        };
        let by = match walk {
            Walk::Waiting => "j.message",
            Walk::Newest => "m.id",
        };
        let file = "m.file_name LIKE ?12 ESCAPE '\\' OR EXISTS \
                    (SELECT 1 FROM part p WHERE p.message = m.id AND p.name LIKE ?12 ESCAPE '\\')";
        let anywhere = "m.receipt LIKE ?8 ESCAPE '\\' OR m.sender LIKE ?8 ESCAPE '\\' OR m.recipients LIKE ?8 ESCAPE '\\' \
                        OR m.header_from LIKE ?8 ESCAPE '\\' OR m.subject LIKE ?8 ESCAPE '\\' OR m.file_name LIKE ?8 ESCAPE '\\' \
                        OR EXISTS (SELECT 1 FROM part p WHERE p.message = m.id AND p.name LIKE ?8 ESCAPE '\\')";
        let (highest,): (Option<i64>,) = sqlx::query_as("SELECT max(id) FROM message")
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("searching messages"))?;
        let from = highest.unwrap_or(0).saturating_sub(LOOKED_AT).max(bounds.from);
        let pattern = |text: &Option<String>| text.as_deref().map(contains);
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {MESSAGE_COLUMNS} FROM {of} AND (?3 IS NULL OR m.origin = ?3) AND (?4 IS NULL OR m.verdict = ?4)
             AND (?5 IS NULL OR m.received >= ?5) AND (?6 IS NULL OR m.received < ?6) AND (?8 IS NULL OR {anywhere})
             AND (?9 IS NULL OR m.sender LIKE ?9 ESCAPE '\\' OR m.header_from LIKE ?9 ESCAPE '\\')
             AND (?10 IS NULL OR m.recipients LIKE ?10 ESCAPE '\\') AND (?11 IS NULL OR m.subject LIKE ?11 ESCAPE '\\')
             AND (?12 IS NULL OR {file}) AND (?13 IS NULL OR m.receipt LIKE ?13 ESCAPE '\\')
             ORDER BY {by} DESC LIMIT ?7"
        )))
        .bind(bounds.below(filter.before))
        .bind(from)
        .bind(filter.origin.map(Coded::code))
        .bind(filter.verdict.map(Coded::code))
        .bind(filter.since.map(Timestamp::unix_millis))
        .bind(filter.until.map(Timestamp::unix_millis))
        .bind(limit)
        .bind(pattern(&filter.text))
        .bind(pattern(&filter.sender))
        .bind(pattern(&filter.recipient))
        .bind(pattern(&filter.subject))
        .bind(pattern(&filter.file))
        .bind(pattern(&filter.identifier))
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("searching messages"))?;
        rows.iter().map(message_row).collect()
    }

    /// Messages with this Message-ID. There is one, unless somebody sends the same mail again.
    async fn with_identifier(
        &self,
        filter: &MessageFilter,
        identifier: &str,
        limit: u32,
    ) -> Result<Page<MessageRow>, Error> {
        let identifier = identifier.trim().trim_start_matches('<').trim_end_matches('>');
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {MESSAGE_COLUMNS} FROM message m WHERE m.message_id = ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3"
        )))
        .bind(identifier)
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("searching messages"))?;
        let items = rows.iter().map(message_row).collect::<Result<Vec<_>, _>>()?;
        Ok(page(items, limit, |row| row.id.0))
    }

    /// Keys between which the rows of a time lie. Rows get their keys in the order of time, nearly: a clock that is set and mails
    /// that take long to arrive may swap some, and the bounds are wider by [`SWAPPED`] rows for that.
    pub(crate) async fn bounds(
        &self,
        table: &'static str,
        time: &'static str,
        key: &'static str,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Bounds, Error> {
        let from = match since {
            Some(since) => self.first_at(table, time, key, since).await?.saturating_sub(SWAPPED),
            None => i64::MIN,
        };
        let to = match until {
            Some(until) => self.first_at(table, time, key, until).await?.saturating_add(SWAPPED),
            None => i64::MAX,
        };
        Ok(Bounds { from, to })
    }

    /// The lowest key of a row at or after a time, by halving: about twenty looks among a million rows.
    async fn first_at(
        &self,
        table: &'static str,
        time: &'static str,
        key: &'static str,
        at: Timestamp,
    ) -> Result<i64, Error> {
        let get = |error| Error::database("looking for a time")(error);
        let ends = format!("SELECT coalesce(min({key}), 0), coalesce(max({key}), 0) FROM {table}");
        let (mut low, highest): (i64, i64) =
            sqlx::query_as(AssertSqlSafe(ends)).fetch_one(self.readers()).await.map_err(get)?;
        let mut high = highest.saturating_add(1);
        let look = format!("SELECT {time} FROM {table} WHERE {key} >= ?1 ORDER BY {key} LIMIT 1");
        while low < high {
            let middle = low.saturating_add(high.saturating_sub(low) / 2);
            let row = sqlx::query(AssertSqlSafe(look.clone()))
                .bind(middle)
                .fetch_optional(self.readers())
                .await
                .map_err(get)?;
            let found: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(get)?;
            match found {
                Some(found) if found < at.unix_millis() => low = middle.saturating_add(1),
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }
}

impl MessageFilter {
    fn has_text(&self) -> bool {
        let texts = [&self.text, &self.sender, &self.recipient, &self.subject, &self.file, &self.identifier];
        texts.into_iter().flatten().any(|text| !text.trim().is_empty())
    }
}

/// Keys of rows, from and below.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) from: i64,
    to: i64,
}

impl Bounds {
    /// Where a page ends that follows on another.
    pub(crate) fn below(self, before: Option<i64>) -> i64 {
        before.unwrap_or(i64::MAX).min(self.to)
    }
}

/// Over which rows to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Those without a verdict, which are in no index yet.
    Waiting,
    Newest,
}

/// Rows whose keys may be out of the order of time.
const SWAPPED: i64 = 1_000;
