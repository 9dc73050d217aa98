//! Upload batches: files that were dropped together, found again by an unguessable link.

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::codec::{self, Coded};
use crate::content::Content;
use crate::read::{self, PartRow};
use crate::{
    BatchToken, Error, MessageId, Output, QueueState, Receipt, RetryPolicy, Store, Timestamp, UserId, Verdict,
};

/// A batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(pub i64);

/// A batch to be made.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Who uploads, when signed in, by the name that is shown.
    pub user: Option<String>,
    /// Whose it is: a name can be given to somebody else later.
    pub owner: Option<UserId>,
    /// Until when the link works.
    pub expires: Timestamp,
}

/// A batch in a user's history.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// Names it inside the store.
    pub id: BatchId,
    /// Names it in links.
    pub token: BatchToken,
    /// Who uploaded it, by the name that is shown.
    pub user: Option<String>,
    /// Whose it is.
    pub owner: Option<UserId>,
    /// When.
    pub created: Timestamp,
    /// Until when the link works.
    pub expires: Timestamp,
}

/// A batch and the state of its files.
#[derive(Debug, Clone)]
pub struct BatchStatus {
    /// The batch.
    pub batch: BatchRow,
    /// Its files in the order they came.
    pub files: Vec<UploadFile>,
}

/// One uploaded file.
#[derive(Debug, Clone)]
pub struct UploadFile {
    /// The message that carries it.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// Its name.
    pub name: String,
    /// Size of the original.
    pub bytes: u64,
    /// When it came.
    pub received: Timestamp,
    /// Where its job is; `None` when it is done.
    pub waiting: Option<QueueState>,
    /// The verdict, when it is done.
    pub verdict: Option<Verdict>,
    /// Whether its sender took it back before it was begun; the verdict is then [`Verdict::GivenUp`].
    pub taken_back: bool,
    /// How it is to be converted.
    pub output: RetryPolicy,
    /// What its sender said of it.
    pub subject: Option<String>,
    /// Its parts: the file itself first, then what was inside.
    pub parts: Vec<PartRow>,
}

impl Store {
    /// Makes a batch with a link that cannot be guessed.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn create_batch(&self, batch: NewBatch) -> Result<BatchRow, Error> {
        let token = BatchToken::random()?;
        self.write(move |tx| {
            let (batch, token) = (batch.clone(), token.clone());
            Box::pin(async move {
                let (id,): (i64,) = sqlx::query_as(
                    "INSERT INTO batch (token, user_name, created, expires, owner) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
                )
                .bind(token.as_str())
                .bind(batch.user.as_deref())
                .bind(tx.now.unix_millis())
                .bind(batch.expires.unix_millis())
                .bind(batch.owner.map(|owner| owner.0))
                .fetch_one(&mut tx.connection)
                .await
                .map_err(Error::database("making a batch"))?;
                let NewBatch { user, owner, expires } = batch;
                Ok(BatchRow { id: BatchId(id), token, user, owner, created: tx.now, expires })
            })
        })
        .await
    }

    /// A batch and its files; `None` when there is none or its link has expired.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn batch(&self, token: &BatchToken) -> Result<Option<BatchStatus>, Error> {
        let Some(mut status) = self.batch_states(token).await? else { return Ok(None) };
        for file in &mut status.files {
            file.parts = self.parts(file.message).await?;
        }
        Ok(Some(status))
    }

    /// A batch and where its files are, without their parts: what is asked again and again while files are waited for.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn batch_states(&self, token: &BatchToken) -> Result<Option<BatchStatus>, Error> {
        let found = sqlx::query(AssertSqlSafe(format!(
            "SELECT {BATCH_COLUMNS} FROM batch b WHERE b.token = ?1 AND b.expires > ?2"
        )))
        .bind(token.as_str())
        .bind(self.now().unix_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a batch"))?;
        let Some(found) = found else { return Ok(None) };
        let batch = batch_row(&found)?;
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {FILE_COLUMNS} FROM message m LEFT JOIN job j ON j.message = m.id WHERE m.batch = ?1 ORDER BY m.id"
        )))
        .bind(batch.id.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("reading a batch's files"))?;
        let files = rows.iter().map(|row| self.file_row(row)).collect::<Result<_, _>>()?;
        Ok(Some(BatchStatus { batch, files }))
    }

    /// The rebuilt file of a part. Whoever asks must have shown the batch's token: see [`BatchStatus`].
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such part, [`Error::Expired`] when it has no result (any more).
    pub async fn part_result(&self, message: MessageId, path: &str) -> Result<Output, Error> {
        let query = sqlx::query(
            "SELECT c.bytes, c.file, c.length, c.digest FROM part p LEFT JOIN content c ON c.id = p.result
             WHERE p.message = ?1 AND p.path = ?2",
        )
        .bind(message.0)
        .bind(path);
        self.content(query, "part").await.map(Content::output)
    }

    /// A file without its parts, from [`FILE_COLUMNS`].
    pub(crate) fn file_row(&self, row: &SqliteRow) -> Result<UploadFile, Error> {
        let get = |error| Error::database("reading an uploaded file")(error);
        let receipt: &str = row.try_get("receipt").map_err(get)?;
        let verdict: Option<i64> = row.try_get("verdict").map_err(get)?;
        let job: Option<i64> = row.try_get("job_state").map_err(get)?;
        let due: Option<i64> = row.try_get("job_due").map_err(get)?;
        let waiting = job.zip(due).map(|(state, due)| read::queue_state(state, due, self.now())).transpose()?;
        Ok(UploadFile {
            message: MessageId(row.try_get("message").map_err(get)?),
            receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
            name: row.try_get::<Option<String>, _>("file_name").map_err(get)?.unwrap_or_default(),
            bytes: codec::unsigned(row.try_get("original_bytes").map_err(get)?),
            received: Timestamp::from_unix_millis(row.try_get("received").map_err(get)?),
            waiting,
            verdict: verdict.map(Verdict::from_code).transpose()?,
            taken_back: row.try_get("taken_back").map_err(get)?,
            output: RetryPolicy::from_code(row.try_get("wanted").map_err(get)?)?,
            subject: row.try_get("subject").map_err(get)?,
            parts: Vec::new(),
        })
    }
}

/// A batch, from [`BATCH_COLUMNS`].
pub(crate) fn batch_row(row: &SqliteRow) -> Result<BatchRow, Error> {
    let get = |error| Error::database("reading a batch row")(error);
    let token: &str = row.try_get("batch_token").map_err(get)?;
    Ok(BatchRow {
        id: BatchId(row.try_get("batch").map_err(get)?),
        token: BatchToken::parse(token).ok_or(Error::Damaged("a batch token"))?,
        user: row.try_get("batch_user").map_err(get)?,
        created: Timestamp::from_unix_millis(row.try_get("batch_created").map_err(get)?),
        expires: Timestamp::from_unix_millis(row.try_get("batch_expires").map_err(get)?),
        owner: row.try_get::<Option<i64>, _>("batch_owner").map_err(get)?.map(UserId),
    })
}

/// Columns of a [`batch_row`]; `b` is the batch.
pub(crate) const BATCH_COLUMNS: &str = "b.id AS batch, b.token AS batch_token, b.user_name AS batch_user, b.created AS batch_created, \
    b.expires AS batch_expires, b.owner AS batch_owner";
/// Columns of a [`Store::file_row`]; `m` is the message that carries it, `j` its job if there is one.
pub(crate) const FILE_COLUMNS: &str = "m.id AS message, m.receipt, m.file_name, m.original_bytes, m.received, m.verdict, \
    j.state AS job_state, j.due AS job_due, m.taken_back, m.wanted, m.subject";
