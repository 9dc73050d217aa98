//! What somebody sent and was sent, searched: uploads by whose they are, mails by an address.
//!
//! The rows of one person are walked from the newest on, along an index, and each is compared in the form of [`words`](crate::words): the index
//! of words knows what anybody searches by, not whose it is, and what is common among all may be rare in one history. A walk ends after
//! [`LOOKED_AT`] rows; where nothing more was found by then, the next page goes on behind them.

use sqlx::{AssertSqlSafe, Row};

use crate::codec::Coded;
use crate::read::{MESSAGE_COLUMNS, limit, message_row};
use crate::uploads::{BATCH_COLUMNS, FILE_COLUMNS, batch_row};
use crate::words::{self, LOOKED_AT};
use crate::{BatchRow, Error, MessageRow, OriginKind, Receipt, RequestId, Store, Timestamp, UploadFile, UserId};

/// Which rows of a history to list.
#[derive(Debug, Clone, Default)]
pub struct HistoryFilter {
    /// Only where the name of the file or of one in it, the receipt or the subject contains this, in whatever width and case; of a mail also
    /// its sender.
    pub text: Option<String>,
    /// Only received at or after.
    pub since: Option<Timestamp>,
    /// Only received before.
    pub until: Option<Timestamp>,
    /// The `next` of the page before.
    pub after: Option<Receipt>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

/// A page of a history, newest first.
#[derive(Debug, Clone)]
pub struct HistoryPage<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `after` for the following page; `None` at the end. A page with a next one may have less than its rows, or none.
    pub next: Option<Receipt>,
}

/// An uploaded file in a history.
#[derive(Debug, Clone)]
pub struct SentFile {
    /// The batch it came in.
    pub batch: BatchRow,
    /// Its number in the batch, from 1.
    pub number: u32,
    /// The file, without its parts.
    pub file: UploadFile,
    /// The newest request of its sender for an original of it.
    pub request: Option<RequestId>,
}

/// A mail in a history.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    /// The mail.
    pub mail: MessageRow,
    /// The newest request of the person for an original of it.
    pub request: Option<RequestId>,
}

impl Store {
    /// A page of the files that a user sent and whose link still works, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`], here and in the following.
    pub async fn sent_by(&self, owner: UserId, filter: &HistoryFilter) -> Result<HistoryPage<SentFile>, Error> {
        let mut walk = Walk::new(filter);
        let mut behind = match &filter.after {
            None => (i64::MAX, i64::MAX),
            Some(after) => match self.place(owner, after).await? {
                Some(place) => place,
                // It was theirs and is no more, as is all that is older; or it never was.
                None => return Ok(walk.end()),
            },
        };
        // The sign keeps the lowest from being looked for along the order of ids, among all whose link is over.
        let sql = format!(
            "SELECT {BATCH_COLUMNS}, {FILE_COLUMNS}, {}, {REQUEST},
                    (SELECT count(*) FROM message o WHERE o.batch = b.id AND o.id <= m.id) AS number
             FROM batch b CROSS JOIN message m ON m.batch = b.id LEFT JOIN job j ON j.message = m.id
             WHERE b.owner = ?1 AND b.expires > ?2
               AND b.id >= (SELECT min(+l.id) FROM batch l WHERE l.owner = ?1 AND l.expires > ?2) AND b.id <= ?3 AND (b.id < ?3 OR m.id < ?4)
               AND (?5 IS NULL OR m.received >= ?5) AND (?6 IS NULL OR m.received < ?6)
             ORDER BY b.id DESC, m.id DESC LIMIT ?7",
            walk.names()
        );
        loop {
            let rows = sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(owner.0)
                .bind(self.now().unix_millis())
                .bind(behind.0)
                .bind(behind.1)
                .bind(filter.since.map(Timestamp::unix_millis))
                .bind(filter.until.map(Timestamp::unix_millis))
                .bind(walk.step)
                .fetch_all(self.readers())
                .await
                .map_err(Error::database("listing somebody's uploads"))?;
            for row in &rows {
                let get = |error| Error::database("reading somebody's uploads")(error);
                let file = self.file_row(row)?;
                let batch = batch_row(row)?;
                behind = (batch.id.0, file.message.0);
                let names: Option<&str> = row.try_get("names").map_err(get)?;
                let texts =
                    [file.receipt.as_str(), &file.name, file.subject.as_deref().unwrap_or(""), names.unwrap_or("")];
                let receipt = file.receipt.clone();
                if walk.finds(&texts) {
                    let number = crate::codec::count(row.try_get("number").map_err(get)?);
                    let request = row.try_get::<Option<i64>, _>("request").map_err(get)?.map(RequestId);
                    walk.items.push(SentFile { batch, number, file, request });
                }
                if walk.is_full(receipt) {
                    return Ok(walk.page());
                }
            }
            if walk.has_all(rows.len()) {
                return Ok(walk.end());
            }
        }
    }

    /// A page of the mails among the newest messages that have this address as a forward-path, newest first, with what `person` asked for of
    /// them.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn mails_to(
        &self,
        address: &str,
        person: UserId,
        filter: &HistoryFilter,
    ) -> Result<HistoryPage<ReceivedMail>, Error> {
        let mut walk = Walk::new(filter);
        let mut before = match &filter.after {
            None => i64::MAX,
            // Nobody learns from it whether there is a mail of somebody else.
            Some(after) => match self.place_of_mail(address, after).await? {
                Some(place) => place,
                None => return Ok(walk.end()),
            },
        };
        let sql = format!(
            "SELECT {MESSAGE_COLUMNS}, {}, {REQUEST} FROM message m
             WHERE m.id > (SELECT coalesce(max(id), 0) FROM message) - ?4 AND m.id < ?3 AND m.origin = ?2
               AND {}
               AND (?5 IS NULL OR m.received >= ?5) AND (?6 IS NULL OR m.received < ?6)
             ORDER BY m.id DESC LIMIT ?7",
            walk.names(),
            to_address("?8")
        );
        loop {
            let rows = sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(person.0)
                .bind(OriginKind::Mail.code())
                .bind(before)
                .bind(LOOKED_AT)
                .bind(filter.since.map(Timestamp::unix_millis))
                .bind(filter.until.map(Timestamp::unix_millis))
                .bind(walk.step)
                .bind(address)
                .fetch_all(self.readers())
                .await
                .map_err(Error::database("listing somebody's mails"))?;
            for row in &rows {
                let get = |error| Error::database("reading somebody's mails")(error);
                let mail = message_row(row)?;
                before = mail.id.0;
                let names: Option<&str> = row.try_get("names").map_err(get)?;
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let texts = [text(&mail.subject), text(&mail.sender), text(&mail.header_from)];
                let [subject, sender, from] = &texts;
                let receipt = mail.receipt.clone();
                if walk.finds(&[receipt.as_str(), subject, sender, from, names.unwrap_or("")]) {
                    let request = row.try_get::<Option<i64>, _>("request").map_err(get)?.map(RequestId);
                    walk.items.push(ReceivedMail { mail, request });
                }
                if walk.is_full(receipt) {
                    return Ok(walk.page());
                }
            }
            if walk.has_all(rows.len()) {
                return Ok(walk.end());
            }
        }
    }

    /// Where in the order of a user's uploads one of them stands.
    async fn place(&self, owner: UserId, receipt: &Receipt) -> Result<Option<(i64, i64)>, Error> {
        sqlx::query_as(
            "SELECT b.id, m.id FROM message m JOIN batch b ON b.id = m.batch WHERE m.receipt = ?1 AND b.owner = ?2",
        )
        .bind(receipt.as_str())
        .bind(owner.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("looking for an upload"))
    }

    /// Where in the order of all messages a mail to an address stands.
    async fn place_of_mail(&self, address: &str, receipt: &Receipt) -> Result<Option<i64>, Error> {
        let sql = format!("SELECT m.id FROM message m WHERE m.receipt = ?1 AND m.origin = ?2 AND {}", to_address("?3"));
        let row: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(receipt.as_str())
            .bind(OriginKind::Mail.code())
            .bind(address)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("looking for a mail"))?;
        Ok(row.map(|(place,)| place))
    }
}

/// Whether a message has the address of a parameter as a forward-path.
fn to_address(parameter: &str) -> String {
    format!("EXISTS (SELECT 1 FROM json_each(m.recipients) r WHERE lower(r.value) = lower({parameter}))")
}

/// A walk over rows, and the page that it fills.
struct Walk<T> {
    /// What is looked for, in the form in which texts are compared; nothing: every row is found.
    wanted: String,
    items: Vec<T>,
    limit: usize,
    /// Rows that are read at once.
    step: i64,
    looked: i64,
    /// Behind which row the next page begins.
    last: Option<Receipt>,
}

impl<T> Walk<T> {
    fn new(filter: &HistoryFilter) -> Self {
        let limit = limit(filter.limit);
        let wanted = words::form(filter.text.as_deref().unwrap_or_default().trim());
        let step = if wanted.is_empty() { i64::from(limit) } else { STEP };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { wanted, items: Vec::new(), limit, step, looked: 0, last: None }
    }

    /// The names of what is inside, where they are looked at.
    fn names(&self) -> &'static str {
        if self.wanted.is_empty() {
            "NULL AS names"
        } else {
            "(SELECT group_concat(p.name, char(10)) FROM part p WHERE p.message = m.id) AS names"
        }
    }

    fn finds(&self, texts: &[&str]) -> bool {
        self.wanted.is_empty() || texts.iter().any(|text| words::form(text).contains(&self.wanted))
    }

    /// Whether the walk ends with this row.
    fn is_full(&mut self, row: Receipt) -> bool {
        self.looked = self.looked.saturating_add(1);
        self.last = Some(row);
        self.items.len() >= self.limit || self.looked >= LOOKED_AT
    }

    /// Whether so many rows, read at once, were the last ones.
    fn has_all(&self, rows: usize) -> bool {
        i64::try_from(rows).is_ok_and(|rows| rows < self.step)
    }

    /// The page, with more behind it.
    fn page(self) -> HistoryPage<T> {
        HistoryPage { items: self.items, next: self.last }
    }

    /// The last page.
    fn end(self) -> HistoryPage<T> {
        HistoryPage { items: self.items, next: None }
    }
}

/// The newest request of person 1 about a message.
const REQUEST: &str = "(SELECT max(r.id) FROM request r WHERE r.message = m.id AND r.requester = ?1) AS request";
/// Rows that are read at once where not every one is found.
const STEP: i64 = 500;
