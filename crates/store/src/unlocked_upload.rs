//! Uploads with locked parts: what a password opens takes the place of what was there, under the same receipt and link.
//!
//! An upload is one file that is fetched as a whole, so it is converted anew as a whole: its parts, its result and its verdict are
//! replaced together, and what does not pass in what was opened becomes an item of its own.

use form::Reason;
use serde_json::json;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::complete::{self, PartOp, QuarantineRecord};
use crate::content::{self, Content};
use crate::spool::blocking;
use crate::writer::{Op, Operation, Reply, Step, Tx};
use crate::{
    AuditEvent, Error, MessageId, OriginKind, Original, PartRecord, PartVerdict, QuarantineId, QuarantineState,
    Receipt, RetryPolicy, Store, Timestamp, Verdict, retry,
};

/// An upload with parts in quarantine that a password may open.
#[derive(Debug)]
pub struct LockedUpload {
    /// The upload.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// Its name.
    pub name: String,
    /// How it is to be converted.
    pub output: RetryPolicy,
    /// The locked parts that are held.
    pub items: Vec<QuarantineId>,
    /// And their paths.
    pub paths: Vec<String>,
    /// The paths of its parts that pass already.
    pub passed: Vec<String>,
    /// The whole original, from which it is converted again.
    pub original: Original,
}

/// Where the password of an upload is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLock {
    /// The item that tries are counted for.
    pub item: QuarantineId,
    /// How often people have tried.
    pub tried: u32,
    /// Until when it is kept.
    pub expires: Timestamp,
}

/// The outcome of an upload that was converted again with a password.
#[derive(Debug)]
pub struct UnlockedUpload {
    /// The upload.
    pub message: MessageId,
    /// The item that the password was typed for: where it is not held any more, nothing is opened.
    pub item: QuarantineId,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its parts, the file itself first, with its result.
    pub parts: Vec<PartRecord>,
    /// Who typed the password.
    pub actor: String,
}

impl Store {
    /// Where a password of an upload is tried: the first locked part of which fewer than `limit` passwords were tried, if there is one. `None`
    /// where it has no locked part (any more), is no upload, or a person deleted something of it.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`], here and in the following.
    pub async fn upload_lock(&self, message: MessageId, limit: u32) -> Result<Option<UploadLock>, Error> {
        let row: Option<(i64, i64, i64)> = sqlx::query_as(
            "SELECT q.id, q.typed, q.expires FROM quarantine q JOIN message m ON m.id = q.message
             WHERE q.message = ?1 AND m.origin = ?2 AND q.locked = 1 AND q.state = 0
               AND NOT EXISTS (SELECT 1 FROM quarantine d WHERE d.message = ?1 AND d.deleted = 1)
             ORDER BY q.typed >= ?3, q.path LIMIT 1",
        )
        .bind(message.0)
        .bind(OriginKind::Upload.code())
        .bind(limit)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("looking for a locked upload"))?;
        Ok(row.map(|(item, tried, expires)| UploadLock {
            item: QuarantineId(item),
            tried: codec::count(tried),
            expires: Timestamp::from_unix_millis(expires),
        }))
    }

    /// Whether the original of anything that was withheld of a message is still kept.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keeps_withheld(&self, message: MessageId) -> Result<bool, Error> {
        let (kept,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM quarantine WHERE message = ?1 AND content IS NOT NULL)")
                .bind(message.0)
                .fetch_one(self.readers())
                .await
                .map_err(Error::database("looking for withheld originals"))?;
        Ok(kept)
    }

    /// An upload with its locked parts; `None` when it has none (any more), or a person deleted something of it.
    ///
    /// # Errors
    /// [`Error::Expired`] when its original is gone.
    pub async fn locked_upload(&self, message: MessageId) -> Result<Option<LockedUpload>, Error> {
        let failed = "reading a locked upload";
        // A whole that was withheld has moved to the quarantine.
        let row = sqlx::query(
            "SELECT m.receipt, m.file_name, m.wanted, c.bytes, c.file, c.length, c.digest
             FROM message m LEFT JOIN content c ON c.id = coalesce(m.original,
               (SELECT max(content) FROM quarantine WHERE message = m.id AND path = '' AND content IS NOT NULL))
             WHERE m.id = ?1 AND m.origin = ?2 AND m.verdict IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM quarantine d WHERE d.message = ?1 AND d.deleted = 1)",
        )
        .bind(message.0)
        .bind(OriginKind::Upload.code())
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database(failed))?;
        let Some(row) = row else { return Ok(None) };
        let items: Vec<(i64, String)> = sqlx::query_as(
            "SELECT id, path FROM quarantine WHERE message = ?1 AND locked = 1 AND state = 0 ORDER BY path",
        )
        .bind(message.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database(failed))?;
        if items.is_empty() {
            return Ok(None);
        }
        let parts = self.parts(message).await?.into_iter();
        let get = Error::database(failed);
        let receipt: &str = row.try_get(0).map_err(get)?;
        Ok(Some(LockedUpload {
            message,
            receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
            name: row.try_get::<Option<String>, _>(1).map_err(Error::database(failed))?.unwrap_or_default(),
            output: RetryPolicy::from_code(row.try_get(2).map_err(Error::database(failed))?)?,
            items: items.iter().map(|(id, _)| QuarantineId(*id)).collect(),
            paths: items.into_iter().map(|(_, path)| path).collect(),
            passed: parts.filter(|part| part.verdict == PartVerdict::Sanitised).map(|part| part.path).collect(),
            original: Content::from_row(&row, 3, self.blobs())?.map(Content::original).ok_or(Error::Expired)?,
        }))
    }

    /// The hostile bytes of a finished upload, wherever they are kept now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such upload, a person deleted something of it, or a virus was found in it: made again, it would
    /// be a file of which nothing is known. [`Error::Expired`] when its bytes are gone.
    pub async fn upload_original(&self, message: MessageId) -> Result<Original, Error> {
        let query = sqlx::query(
            "SELECT c.bytes, c.file, c.length, c.digest FROM message m LEFT JOIN content c ON c.id = coalesce(m.original,
               (SELECT max(content) FROM quarantine WHERE message = m.id AND path = '' AND content IS NOT NULL))
             WHERE m.id = ?1 AND m.origin = ?2 AND m.verdict IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM quarantine d WHERE d.message = m.id AND (d.deleted = 1 OR d.reason = ?3))",
        )
        .bind(message.0)
        .bind(OriginKind::Upload.code())
        .bind(i64::from(Reason::Infected.code()));
        self.content(query, "upload").await.map(Content::original)
    }

    /// Puts the outcome of a conversion with a password in the place of the one before: parts, result, verdict, items and audit are
    /// durable together. Retention and link begin anew, as whoever sent the file has not seen it yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an outcome without a result, [`Error::NotFound`] when there is no such upload, its item is not held any more, or a
    /// person deleted something of it meanwhile; any error of the writer.
    pub async fn open_upload(&self, unlocked: UnlockedUpload) -> Result<(), Error> {
        let UnlockedUpload { message, item, verdict, parts, actor } = unlocked;
        if parts.first().is_none_or(|root| root.result.is_none()) {
            return Err(Error::Invalid("an opened upload without anything to fetch"));
        }
        let (mut rows, mut held) = (Vec::with_capacity(parts.len()), Vec::new());
        for part in parts {
            rows.push(self.prepare(part, &mut held).await?);
        }
        let (reply, answer) = Reply::new();
        let op = OpenOp { message, item, verdict, parts: rows, held, actor, is_kept: false, reply };
        let files = self.submit(Op::Other(Box::new(op)), answer).await?;
        let blobs = self.blobs().clone();
        blocking(move || files.iter().try_for_each(|file| blobs.remove(file))).await
    }
}

/// A second outcome on its way through the writer, which answers with the files that no row names any more.
struct OpenOp {
    message: MessageId,
    item: QuarantineId,
    verdict: Verdict,
    parts: Vec<PartOp>,
    held: Vec<QuarantineRecord>,
    actor: String,
    /// Rows name the bodies.
    is_kept: bool,
    reply: Reply<Vec<String>>,
}

impl OpenOp {
    async fn apply(&mut self, tx: &mut Tx) -> Result<Vec<String>, Error> {
        let message = self.message.0;
        let found: Option<(String,)> = sqlx::query_as(
            "SELECT receipt FROM message WHERE id = ?1 AND origin = ?2 AND verdict IS NOT NULL AND taken_back = 0
               AND EXISTS (SELECT 1 FROM quarantine q WHERE q.id = ?3 AND q.message = ?1 AND q.state = 0)
               AND NOT EXISTS (SELECT 1 FROM quarantine d WHERE d.message = ?1 AND d.deleted = 1)",
        )
        .bind(message)
        .bind(OriginKind::Upload.code())
        .bind(self.item.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a locked upload"))?;
        let (receipt,) = found.ok_or(Error::NotFound("upload"))?;
        let files = self.replace_parts(tx).await?;
        let items = self.release(tx).await?;
        self.hold(tx).await?;
        retry::begin_anew(tx, message, self.verdict).await?;
        tx.words.message(message);
        complete::tell(
            tx,
            &complete::Told {
                receipt: &receipt,
                upload: true,
                message,
                verdict: self.verdict,
                parts: &self.parts,
                held: &self.held,
            },
        );
        let detail = audit::detail_of(&[("items", json!(items)), ("receipt", json!(receipt))])?;
        tx.audit(Entry {
            actor: self.actor.clone().into(),
            event: AuditEvent::UploadUnlocked,
            message: Some(message),
            detail,
        });
        Ok(files)
    }

    async fn replace_parts(&mut self, tx: &mut Tx) -> Result<Vec<String>, Error> {
        let message = self.message.0;
        let before: Vec<(Option<i64>,)> = sqlx::query_as("DELETE FROM part WHERE message = ?1 RETURNING result")
            .bind(message)
            .fetch_all(&mut tx.connection)
            .await
            .map_err(Error::database("replacing the parts of an upload"))?;
        let mut files = Vec::new();
        for content in before.into_iter().filter_map(|(content,)| content) {
            content::remove(tx, content, &mut files).await?;
        }
        self.parts.iter_mut().for_each(|part| part.number(tx));
        let parts: Vec<(i64, i64, &PartOp)> =
            (1..).zip(&self.parts).map(|(number, part)| (message, number, part)).collect();
        complete::insert_parts(tx, &parts).await?;
        Ok(files)
    }

    /// Locked items of which something passes now are let out. What somebody holds back from deletion stays held back.
    async fn release(&self, tx: &mut Tx) -> Result<Vec<i64>, Error> {
        let locked: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, path FROM quarantine WHERE message = ?1 AND locked = 1 AND state = 0")
                .bind(self.message.0)
                .fetch_all(&mut tx.connection)
                .await
                .map_err(Error::database("reading locked parts"))?;
        let passes = |path: &str| self.parts.iter().any(|part| part.is_at(path) && part.passes());
        let open: Vec<i64> = locked.into_iter().filter(|(_, path)| passes(path)).map(|(id, _)| id).collect();
        for id in &open {
            sqlx::query("UPDATE quarantine SET state = ?2 WHERE id = ?1")
                .bind(id)
                .bind(QuarantineState::Released.code())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("releasing a locked part"))?;
        }
        Ok(open)
    }

    /// What does not pass becomes an item, unless it is or was one already: what has expired does not come back. It is kept as long as what it
    /// would be opened from.
    async fn hold(&mut self, tx: &mut Tx) -> Result<(), Error> {
        let message = self.message.0;
        let known: Vec<(String,)> = sqlx::query_as("SELECT path FROM quarantine WHERE message = ?1")
            .bind(message)
            .fetch_all(&mut tx.connection)
            .await
            .map_err(Error::database("reading held parts"))?;
        self.held.retain(|held| known.iter().all(|(path,)| path != held.path()));
        let (whole,): (Option<i64>,) = sqlx::query_as(
            "SELECT max(q.expires) FROM quarantine q JOIN message m ON m.id = q.message
             WHERE q.message = ?1 AND q.path = '' AND m.original IS NULL",
        )
        .bind(message)
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("reading held parts"))?;
        let expires = whole.unwrap_or_else(|| tx.now.plus(tx.config.retention.quarantine).unix_millis());
        for held in &mut self.held {
            held.number(tx);
            complete::hold_one(tx, message, held, tx.now.unix_millis(), expires).await?;
        }
        Ok(())
    }
}

impl Operation for OpenOp {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Step<'a, ()> {
        Box::pin(async move {
            self.is_kept = false;
            let files = self.apply(tx).await?;
            self.is_kept = true;
            self.reply.outcome = Some(Ok(files));
            Ok(())
        })
    }

    fn fail(&mut self, error: Error) {
        self.is_kept = false;
        self.reply.outcome = Some(Err(error));
    }

    fn answer(mut self: Box<Self>, shared: Option<&std::sync::Arc<Error>>) {
        // Files that rows may name stay; what no row names is swept up as an orphan.
        if self.is_kept {
            self.parts.iter_mut().for_each(PartOp::keep);
            self.held.iter_mut().for_each(QuarantineRecord::keep);
        }
        self.reply.send(shared);
    }
}
