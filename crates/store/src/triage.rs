//! What people do with items of the quarantine: holding them, deleting them, having them converted again, releasing what came of that.
//!
//! What is released is never the original: it is what a clean room wrote of it when it was converted again ([`Store::retried`]).
//! Several items are one transaction, with an audit row for each.

use form::reason::{Finding, Reason};
use jail::Fresh;
use serde_json::json;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::complete::QuarantineRecord;
use crate::content::{self, Content};
use crate::spool::Body;
use crate::work::shortened;
use crate::writer::{Op, Operation, Reply, Step, Tx};
use crate::{
    AuditEvent, Error, MessageId, OriginKind, Original, Output, PartVerdict, QuarantineId, QuarantineState, Receipt,
    StillHeld, Store, Timestamp, Verdict, delivery, found, requests,
};

/// What is to be done with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Triage {
    /// Keep it for another whole retention; the reason is its note.
    Hold,
    /// It needs no keeping any more.
    Unhold,
    /// Remove its bytes now.
    Delete,
    /// Convert it again.
    Retry(RetryPolicy),
    /// Deliver what came of converting it again.
    Release,
}

/// How something is converted, where that is not left to the policy in force: an item again, or an upload as whoever sent it chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RetryPolicy {
    /// By the policy in force.
    #[default]
    Same,
    /// Each page as an image.
    Raster,
    /// Office documents as pages.
    Pages,
    /// The words only, where nothing else works.
    Text,
}

/// Why an item was left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Untouched {
    /// There is no such item.
    Unknown,
    /// Its bytes are gone, or what it would be converted from.
    Gone,
    /// It was released already.
    Released,
    /// Somebody asks for the original: that has to be decided first.
    Requested,
    /// It has not been converted again, or does not pass still.
    NothingToRelease,
    /// A password has to open it.
    Locked,
    /// It is part of an upload, which is delivered as a whole.
    PartOfUpload,
    /// It is converted just now.
    UnderWay,
    /// Somebody holds it back from deletion: that has to be ended first.
    OnHold,
}

/// Where a conversion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryState {
    /// It waits.
    Waiting,
    /// Something came of it that can be released.
    Made,
    /// It does not pass still.
    Withheld,
}

/// The last conversion of an item.
#[derive(Debug, Clone)]
pub struct RetryRow {
    /// Where it is.
    pub state: RetryState,
    /// How it was to be converted.
    pub policy: RetryPolicy,
    /// Who asked.
    pub actor: String,
    /// When.
    pub asked: Timestamp,
    /// When it was done.
    pub done: Option<Timestamp>,
    /// Why it does not pass.
    pub reason: Option<Reason>,
    /// Name of the rebuilt file.
    pub name: Option<String>,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
    /// The rebuilt file can be looked at.
    pub has_file: bool,
}

/// An item that waits to be converted again.
#[derive(Debug)]
pub struct RetryTask {
    /// Names it.
    pub item: QuarantineId,
    /// How.
    pub policy: RetryPolicy,
    /// The message.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// How it came.
    pub origin: OriginKind,
    /// Its reverse-path.
    pub sender: Option<String>,
    /// Its forward-paths.
    pub recipients: Vec<String>,
    /// The item's place in it; empty for the whole.
    pub path: String,
    /// The item's name.
    pub name: String,
    /// What it is converted from: the whole mail, or the item itself where that is the whole or an upload.
    pub original: Original,
}

/// What came of a conversion.
#[derive(Debug)]
pub enum Retried {
    /// It passes.
    Made {
        /// The rebuilt file, to be looked at; `None` for a whole mail.
        file: Option<RetriedFile>,
        /// The second mail that brings it, with its subject and receipt; `None` for an upload.
        mail: Option<(Receipt, String, Fresh)>,
        /// What in it does not pass: each becomes an item of its own when the rest is released.
        still_held: Vec<StillHeld>,
    },
    /// It does not; where there is a virus in it, that is the reason.
    Withheld(Reason),
}

/// A rebuilt file.
#[derive(Debug)]
pub struct RetriedFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
    /// Its bytes.
    pub fresh: Fresh,
}

impl Store {
    /// Does one thing with several items, for a reason. The answer says of each whether it was done. Done again, it changes nothing more.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more than [`MOST_ITEMS`] items; any error of the writer, and then nothing was done.
    pub async fn triage(
        &self,
        items: &[QuarantineId],
        what: Triage,
        actor: &str,
        why: &str,
    ) -> Result<Vec<(QuarantineId, Result<(), Untouched>)>, Error> {
        if items.len() > MOST_ITEMS {
            return Err(Error::Invalid("too many items at once"));
        }
        let (items, actor, why) = (items.to_vec(), actor.to_owned(), shortened(why).to_owned());
        let (done, files) = self
            .write(move |tx| {
                let (items, actor, why) = (items.clone(), actor.clone(), why.clone());
                Box::pin(async move {
                    let (mut done, mut files) = (Vec::with_capacity(items.len()), Vec::new());
                    for item in items {
                        let one = One { item, what, actor: &actor, why: &why };
                        done.push((item, one.apply(tx, &mut files).await?));
                    }
                    Ok((done, files))
                })
            })
            .await?;
        let blobs = self.blobs().clone();
        crate::spool::blocking(move || files.iter().try_for_each(|file| blobs.remove(file))).await?;
        Ok(done)
    }

    /// The items that wait to be converted again, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn retries(&self, limit: u32) -> Result<Vec<RetryTask>, Error> {
        let rows = sqlx::query(
            "SELECT r.item, r.policy, m.id, m.receipt, m.origin, m.sender, m.recipients, q.path, q.name,
                    c.bytes, c.file, c.length, c.digest
             FROM retry r JOIN quarantine q ON q.id = r.item JOIN message m ON m.id = q.message
             LEFT JOIN content c ON c.id = CASE WHEN m.origin = ?1 AND q.path <> '' THEN m.original ELSE q.content END
             WHERE r.state = ?2 ORDER BY r.asked LIMIT ?3",
        )
        .bind(OriginKind::Mail.code())
        .bind(RetryState::Waiting.code())
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("looking for items to convert again"))?;
        let mut tasks = Vec::with_capacity(rows.len());
        for row in &rows {
            let get = |error| Error::database("reading an item to convert again")(error);
            let Some(original) = Content::from_row(row, 9, self.blobs())?.map(Content::original) else { continue };
            let receipt: &str = row.try_get(3).map_err(get)?;
            tasks.push(RetryTask {
                item: QuarantineId(row.try_get(0).map_err(get)?),
                policy: RetryPolicy::from_code(row.try_get(1).map_err(get)?)?,
                message: MessageId(row.try_get(2).map_err(get)?),
                receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
                origin: OriginKind::from_code(row.try_get(4).map_err(get)?)?,
                sender: row.try_get(5).map_err(get)?,
                recipients: codec::list(row.try_get(6).map_err(get)?)?,
                path: row.try_get(7).map_err(get)?,
                name: row.try_get(8).map_err(get)?,
                original,
            });
        }
        Ok(tasks)
    }

    /// Keeps what came of a conversion. Where nobody waits for it any more, nothing is kept.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn retried(&self, item: QuarantineId, retried: Retried) -> Result<(), Error> {
        let (reply, answer) = Reply::new();
        let mut op = RetriedOp { item, reason: None, file: None, mail: None, held: Vec::new(), is_kept: false, reply };
        match retried {
            Retried::Withheld(reason) => op.reason = Some(i64::from(reason.code())),
            Retried::Made { file, mail, still_held } => {
                if let Some(RetriedFile { name, media_type, findings, fresh }) = file {
                    let body = self.keep_fresh(fresh).await?;
                    op.file = Some(KeptFile { name, media_type, findings: codec::findings_text(&findings)?, body });
                }
                if let Some((receipt, subject, fresh)) = mail {
                    op.mail = Some(KeptMail { receipt, subject, body: self.keep_fresh(fresh).await? });
                }
                for part in still_held {
                    let body = self.keep_source(part.original.clone()).await?;
                    op.held.push((part.reason, QuarantineRecord::inside(&part, body)));
                }
            }
        }
        self.submit(Op::Other(Box::new(op)), answer).await
    }

    /// The last conversion of an item.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn retry_of(&self, item: QuarantineId) -> Result<Option<RetryRow>, Error> {
        let row = sqlx::query(
            "SELECT state, policy, actor, asked, done, reason, name, media_type, bytes, findings, file IS NOT NULL
             FROM retry WHERE item = ?1",
        )
        .bind(item.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a conversion"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a conversion")(error);
        Ok(Some(RetryRow {
            state: RetryState::from_code(row.try_get(0).map_err(get)?)?,
            policy: RetryPolicy::from_code(row.try_get(1).map_err(get)?)?,
            actor: row.try_get(2).map_err(get)?,
            asked: Timestamp::from_unix_millis(row.try_get(3).map_err(get)?),
            done: crate::read::time(row.try_get(4).map_err(get)?),
            reason: codec::reason(row.try_get(5).map_err(get)?)?,
            name: row.try_get(6).map_err(get)?,
            media_type: row.try_get(7).map_err(get)?,
            bytes: codec::unsigned(row.try_get(8).map_err(get)?),
            findings: codec::findings(row.try_get(9).map_err(get)?)?,
            has_file: row.try_get(10).map_err(get)?,
        }))
    }

    /// The rebuilt file of the last conversion of an item.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::Expired`] when it is no longer kept.
    pub async fn retried_file(&self, item: QuarantineId) -> Result<Output, Error> {
        let query = sqlx::query(
            "SELECT c.bytes, c.file, c.length, c.digest FROM retry r LEFT JOIN content c ON c.id = r.file WHERE r.item = ?1",
        )
        .bind(item.0);
        self.content(query, "rebuilt file").await.map(Content::output)
    }
}

/// One item and what is to be done with it.
struct One<'a> {
    item: QuarantineId,
    what: Triage,
    actor: &'a str,
    why: &'a str,
}

/// What is known of an item.
struct Found {
    message: i64,
    origin: OriginKind,
    path: String,
    state: QuarantineState,
    content: Option<i64>,
    /// What a part of a mail is taken from.
    whole: Option<i64>,
    locked: bool,
    expires: Timestamp,
    on_hold: bool,
    /// A person deleted something in it, or what it lies in.
    lost_a_part: bool,
}

/// What a conversion left.
struct Left {
    state: RetryState,
    file: Option<i64>,
    mail: Option<i64>,
    /// What the mail says of itself.
    receipt: Option<Receipt>,
    subject: Option<String>,
    name: Option<String>,
    media_type: Option<String>,
    findings: Option<String>,
    bytes: i64,
    /// Something in it does not pass.
    is_partial: bool,
}

impl Left {
    fn verdict(&self) -> Verdict {
        if self.is_partial { Verdict::SanitisedWithWithheld } else { Verdict::Sanitised }
    }
}

impl One<'_> {
    /// `Err` inside is what leaves this item alone; whatever else fails undoes all of them.
    async fn apply(&self, tx: &mut Tx, files: &mut Vec<String>) -> Result<Result<(), Untouched>, Error> {
        let Some(found) = self.found(tx).await? else { return Ok(Err(Untouched::Unknown)) };
        let left = self.left(tx).await?;
        if let Err(untouched) = self.may(tx, &found, left.as_ref()).await? {
            return Ok(Err(untouched));
        }
        let mut more = ("more", json!(null));
        match self.what {
            Triage::Hold => {
                let until = tx.now.plus(tx.config.retention.quarantine).max(found.expires);
                sqlx::query("UPDATE quarantine SET on_hold = 1, note = ?2, expires = ?3 WHERE id = ?1")
                    .bind(self.item.0)
                    .bind(self.why)
                    .bind(until.unix_millis())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("holding an item"))?;
                more = ("expires", json!(until.unix_millis()));
            }
            Triage::Unhold => run(tx, "UPDATE quarantine SET on_hold = 0 WHERE id = ?1", self.item.0).await?,
            Triage::Delete => {
                let gone = "UPDATE quarantine SET content = NULL, state = 2, on_hold = 0, deleted = 1 WHERE id = ?1";
                run(tx, gone, self.item.0).await?;
                self.forget(tx, files).await?;
                if let Some(content) = found.content {
                    remove(tx, content, files).await?;
                }
                // A part's bytes are in the whole, too.
                let is_gone = let_go(tx, found.message, files).await?;
                more = ("whole_original", json!(if is_gone { "deleted" } else { "kept" }));
            }
            Triage::Retry(policy) => {
                self.forget(tx, files).await?;
                sqlx::query("INSERT INTO retry (item, state, policy, actor, asked) VALUES (?1, ?2, ?3, ?4, ?5)")
                    .bind(self.item.0)
                    .bind(RetryState::Waiting.code())
                    .bind(policy.code())
                    .bind(self.actor)
                    .bind(tx.now.unix_millis())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("asking for a conversion"))?;
                more = ("policy", json!(policy_name(policy)));
            }
            Triage::Release => {
                let Some(left) = left else { return Ok(Err(Untouched::NothingToRelease)) };
                more = self.release(tx, &found, &left).await?;
                // Nobody needs what a deleted part lies in for this item any more.
                if requests::is_deleted(&mut tx.connection, MessageId(found.message), "").await? {
                    let_go(tx, found.message, files).await?;
                }
            }
        }
        let detail = audit::detail_of(&[
            ("item", json!(self.item.0)),
            ("path", json!(Some(&found.path).filter(|path| !path.is_empty()))),
            ("why", json!(self.why)),
            more,
        ])?;
        let event = match self.what {
            Triage::Hold => AuditEvent::QuarantineHeld,
            Triage::Unhold => AuditEvent::QuarantineUnheld,
            Triage::Delete => AuditEvent::QuarantineDeleted,
            Triage::Retry(_) => AuditEvent::QuarantineRetried,
            Triage::Release => AuditEvent::QuarantineReleased,
        };
        tx.audit(Entry { actor: self.actor.to_owned().into(), event, message: Some(found.message), detail });
        Ok(Ok(()))
    }

    async fn may(&self, tx: &mut Tx, found: &Found, left: Option<&Left>) -> Result<Result<(), Untouched>, Error> {
        match found.state {
            QuarantineState::Purged => return Ok(Err(Untouched::Gone)),
            // What was held back before a password opened it must be given free to be deleted.
            QuarantineState::Released if !matches!(self.what, Triage::Delete | Triage::Unhold) => {
                return Ok(Err(Untouched::Released));
            }
            QuarantineState::Released | QuarantineState::Held => {}
        }
        let upload = found.origin == OriginKind::Upload;
        Ok(match self.what {
            Triage::Hold | Triage::Unhold => Ok(()),
            Triage::Delete if found.on_hold => Err(Untouched::OnHold),
            Triage::Delete if wanted(tx, self.item).await? => Err(Untouched::Requested),
            Triage::Delete => Ok(()),
            Triage::Retry(_) if left.is_some_and(|left| left.state == RetryState::Waiting) => Err(Untouched::UnderWay),
            Triage::Retry(_) if found.locked => Err(Untouched::Locked),
            Triage::Retry(_) if upload && !found.path.is_empty() => Err(Untouched::PartOfUpload),
            Triage::Retry(_) if found.lost_a_part => Err(Untouched::Gone),
            Triage::Retry(_) => {
                let from = if upload || found.path.is_empty() { found.content } else { found.whole };
                from.map(|_| ()).ok_or(Untouched::Gone)
            }
            Triage::Release => {
                let made = left.is_some_and(|left| left.state == RetryState::Made);
                if made { Ok(()) } else { Err(Untouched::NothingToRelease) }
            }
        })
    }

    async fn found(&self, tx: &mut Tx) -> Result<Option<Found>, Error> {
        let row = sqlx::query(
            "SELECT q.message, m.origin, q.path, q.state, q.content, m.original, q.locked, q.expires, q.on_hold
             FROM quarantine q JOIN message m ON m.id = q.message WHERE q.id = ?1",
        )
        .bind(self.item.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading an item"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading an item")(error);
        let (message, path): (i64, &str) = (row.try_get(0).map_err(get)?, row.try_get(2).map_err(get)?);
        Ok(Some(Found {
            lost_a_part: requests::is_deleted(&mut tx.connection, MessageId(message), path).await?,
            message,
            origin: OriginKind::from_code(row.try_get(1).map_err(get)?)?,
            path: path.to_owned(),
            state: QuarantineState::from_code(row.try_get(3).map_err(get)?)?,
            content: row.try_get(4).map_err(get)?,
            whole: row.try_get(5).map_err(get)?,
            locked: row.try_get(6).map_err(get)?,
            expires: Timestamp::from_unix_millis(row.try_get(7).map_err(get)?),
            on_hold: row.try_get(8).map_err(get)?,
        }))
    }

    async fn left(&self, tx: &mut Tx) -> Result<Option<Left>, Error> {
        let row = sqlx::query(
            "SELECT state, file, mail, subject, name, media_type, findings, bytes, receipt,
                    EXISTS (SELECT 1 FROM retry_held h WHERE h.item = retry.item) FROM retry WHERE item = ?1",
        )
        .bind(self.item.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a conversion"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a conversion")(error);
        Ok(Some(Left {
            state: RetryState::from_code(row.try_get(0).map_err(get)?)?,
            file: row.try_get(1).map_err(get)?,
            mail: row.try_get(2).map_err(get)?,
            subject: row.try_get(3).map_err(get)?,
            name: row.try_get(4).map_err(get)?,
            media_type: row.try_get(5).map_err(get)?,
            findings: row.try_get(6).map_err(get)?,
            bytes: row.try_get(7).map_err(get)?,
            receipt: row.try_get::<Option<&str>, _>(8).map_err(get)?.and_then(Receipt::parse),
            is_partial: row.try_get(9).map_err(get)?,
        }))
    }

    /// Removes what an earlier conversion left.
    async fn forget(&self, tx: &mut Tx, files: &mut Vec<String>) -> Result<(), Error> {
        for content in forget(tx, self.item.0).await? {
            remove(tx, content, files).await?;
        }
        Ok(())
    }

    /// Delivers: a mail goes to everybody that the first one went to; an upload's result takes the place of the missing one.
    async fn release(
        &self,
        tx: &mut Tx,
        found: &Found,
        left: &Left,
    ) -> Result<(&'static str, serde_json::Value), Error> {
        sqlx::query("UPDATE quarantine SET state = ?2, on_hold = 0 WHERE id = ?1")
            .bind(self.item.0)
            .bind(QuarantineState::Released.code())
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("releasing an item"))?;
        match left.mail {
            Some(mail) => {
                let receipt = left.receipt.as_ref().ok_or(Error::Damaged("a receipt"))?;
                self.send(tx, found, left, mail, receipt).await?;
                split(tx, self.item, found).await?;
                // The mail belongs to the message that brings it from here on.
                run(tx, "UPDATE retry SET mail = NULL WHERE item = ?1", self.item.0).await?;
                Ok(("receipt", json!(receipt.as_str())))
            }
            None => {
                self.replace(tx, found, left).await?;
                tell_held(tx, self.item, found).await?;
                split(tx, self.item, found).await?;
                run(tx, "UPDATE retry SET file = NULL WHERE item = ?1", self.item.0).await?;
                Ok(("name", json!(left.name)))
            }
        }
    }

    async fn send(&self, tx: &mut Tx, found: &Found, left: &Left, mail: i64, receipt: &Receipt) -> Result<(), Error> {
        let row = sqlx::query("SELECT sender, recipients, smtputf8 FROM message WHERE id = ?1")
            .bind(found.message)
            .fetch_one(&mut tx.connection)
            .await
            .map_err(Error::database("reading a mail"))?;
        let get = |error| Error::database("reading a mail")(error);
        let sender: Option<String> = row.try_get(0).map_err(get)?;
        let recipients = codec::list(row.try_get(1).map_err(get)?)?;
        let smtputf8: bool = row.try_get(2).map_err(get)?;
        let message = tx.marks.next_message();
        sqlx::query(
            "INSERT INTO message (id, receipt, origin, received, sender, recipients, smtputf8, body_8bit, about,
                fingerprint, original_bytes, verdict, completed, subject, output, output_bytes, purge_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, ?9, ?4, ?10, ?11, (SELECT length FROM content WHERE id = ?11), ?12)",
        )
        .bind(message)
        .bind(receipt.as_str())
        .bind(OriginKind::Unlocked.code())
        .bind(tx.now.unix_millis())
        .bind(sender)
        .bind(codec::list_text(&recipients)?)
        .bind(smtputf8)
        .bind(found.message)
        .bind(left.verdict().code())
        .bind(left.subject.as_deref())
        .bind(mail)
        .bind(tx.now.plus(tx.config.retention.delivered_outputs).unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("inserting a released mail"))?;
        let rows: Vec<(i64, i64, &str)> =
            (1..).zip(&recipients).map(|(number, address)| (message, number, address.as_str())).collect();
        delivery::insert(tx, &rows).await?;
        tx.words.message(message);
        Ok(())
    }

    async fn replace(&self, tx: &mut Tx, found: &Found, left: &Left) -> Result<(), Error> {
        // What was given up has no part that says why.
        sqlx::query(
            "INSERT INTO part (message, number, path, name, detected_type, verdict, limit_value, actual_value, bytes_in, bytes_out, millis)
             SELECT q.message, 1, '', q.name, q.detected_type, 1, 0, 0, q.bytes, 0, 0 FROM quarantine q WHERE q.id = ?1
               AND NOT EXISTS (SELECT 1 FROM part p WHERE p.message = q.message AND p.path = '')",
        )
        .bind(self.item.0)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
        sqlx::query(
            "UPDATE part SET verdict = ?2, reason = NULL, output_name = ?3, media_type = ?4, findings = ?5, bytes_out = ?6,
                result = ?7 WHERE message = ?1 AND path = ''",
        )
        .bind(found.message)
        .bind(PartVerdict::Sanitised.code())
        .bind(left.name.as_deref())
        .bind(left.media_type.as_deref())
        .bind(left.findings.as_deref())
        .bind(left.bytes)
        .bind(left.file)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
        begin_anew(tx, found.message, left.verdict()).await?;
        tx.words.message(found.message);
        Ok(())
    }
}

/// An upload has a new outcome. Its retention begins anew, and so does its link: who sent it has not seen it yet.
pub(crate) async fn begin_anew(tx: &mut Tx, message: i64, verdict: Verdict) -> Result<(), Error> {
    sqlx::query("UPDATE message SET verdict = ?2, completed = ?3, purge_at = ?4 WHERE id = ?1")
        .bind(message)
        .bind(verdict.code())
        .bind(tx.now.unix_millis())
        .bind(tx.now.plus(tx.config.retention.upload_outputs.min(tx.config.retention.originals)).unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
    sqlx::query("UPDATE batch SET expires = max(expires, ?2) WHERE id = (SELECT batch FROM message WHERE id = ?1)")
        .bind(message)
        .bind(tx.now.plus(tx.config.retention.upload_outputs).unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
    Ok(())
}

/// Makes an item of each part that does not pass inside of what is released. It is kept as long as the item that it was part of.
async fn split(tx: &mut Tx, item: QuarantineId, found: &Found) -> Result<(), Error> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT h.number, h.content FROM retry_held h WHERE h.item = ?1 AND NOT EXISTS (
            SELECT 1 FROM quarantine q WHERE q.message = ?2 AND q.path = h.path AND (q.state < 2 OR q.deleted = 1))
         ORDER BY h.number",
    )
    .bind(item.0)
    .bind(found.message)
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("reading what is still held"))?;
    for (number, content) in rows {
        let id = tx.marks.next_quarantine();
        sqlx::query(
            "INSERT INTO quarantine (id, message, path, name, detected_type, reason, bytes, content, state, created, expires, locked)
             SELECT ?3, q.message, h.path, h.name, h.detected_type, h.reason, h.bytes, ?4, ?5, q.created, q.expires, h.locked
             FROM retry_held h JOIN quarantine q ON q.id = h.item WHERE h.item = ?1 AND h.number = ?2",
        )
        .bind(item.0)
        .bind(number)
        .bind(id)
        .bind(content)
        .bind(QuarantineState::Held.code())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("holding what does not pass"))?;
        tx.words.item(id);
        // Its bytes are that item's from here on.
        sqlx::query("DELETE FROM retry_held WHERE item = ?1 AND number = ?2")
            .bind(item.0)
            .bind(number)
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("holding what does not pass"))?;
    }
    Ok(())
}

/// Says of the parts of an upload which of them do not pass.
async fn tell_held(tx: &mut Tx, item: QuarantineId, found: &Found) -> Result<(), Error> {
    sqlx::query("DELETE FROM part WHERE message = ?1 AND path IN (SELECT path FROM retry_held WHERE item = ?2)")
        .bind(found.message)
        .bind(item.0)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("putting a result in its place"))?;
    sqlx::query(
        "INSERT INTO part (message, number, path, name, detected_type, verdict, reason, limit_value, actual_value, bytes_in, bytes_out,
            millis)
         SELECT ?1, (SELECT max(number) FROM part WHERE message = ?1) + h.number, h.path, h.name, h.detected_type, ?3, h.reason, 0, 0,
            h.bytes, 0, 0 FROM retry_held h WHERE h.item = ?2",
    )
    .bind(found.message)
    .bind(item.0)
    .bind(PartVerdict::Withheld.code())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("putting a result in its place"))?;
    Ok(())
}

/// Removes the whole original in which a part was that a person deleted, unless another item or a request needs it still; the answer is
/// whether it is gone.
async fn let_go(tx: &mut Tx, message: i64, files: &mut Vec<String>) -> Result<bool, Error> {
    let row: Option<(Option<i64>,)> = sqlx::query_as(
        "SELECT original FROM message m WHERE m.id = ?1
            AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.message = m.id AND (q.state = 0 OR q.on_hold = 1))
            AND NOT EXISTS (SELECT 1 FROM request r WHERE r.message = m.id AND r.state < 2 AND r.ends > ?2)",
    )
    .bind(message)
    .bind(tx.now.unix_millis())
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("looking for who needs an original"))?;
    let Some((original,)) = row else { return Ok(false) };
    run(tx, "UPDATE message SET original = NULL WHERE id = ?1", message).await?;
    if let Some(original) = original {
        remove(tx, original, files).await?;
    }
    Ok(true)
}

/// Removes what is known of an item's conversion; the answer is the content that it named.
pub(crate) async fn forget(tx: &mut Tx, item: i64) -> Result<Vec<i64>, Error> {
    let held: Vec<(i64,)> = sqlx::query_as("DELETE FROM retry_held WHERE item = ?1 RETURNING content")
        .bind(item)
        .fetch_all(&mut tx.connection)
        .await
        .map_err(Error::database("removing a conversion"))?;
    let row: Option<(Option<i64>, Option<i64>)> =
        sqlx::query_as("DELETE FROM retry WHERE item = ?1 RETURNING file, mail")
            .bind(item)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("removing a conversion"))?;
    let of_row = row.into_iter().flat_map(|(file, mail)| [file, mail]).flatten();
    Ok(held.into_iter().map(|(content,)| content).chain(of_row).collect())
}

/// Somebody asks for the original of an item.
async fn wanted(tx: &mut Tx, item: QuarantineId) -> Result<bool, Error> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM request WHERE item = ?1 AND state < 2 AND ends > ?2 LIMIT 1")
            .bind(item.0)
            .bind(tx.now.unix_millis())
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("looking for requests"))?;
    Ok(row.is_some())
}

/// Removes content that nothing else names; its file goes after the commit.
pub(crate) async fn remove(tx: &mut Tx, content: i64, files: &mut Vec<String>) -> Result<(), Error> {
    let row: Option<(Option<String>,)> = sqlx::query_as(
        "DELETE FROM content WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM quarantine WHERE content = ?1 AND state < 2)
         RETURNING file",
    )
    .bind(content)
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("removing content"))?;
    files.extend(row.and_then(|(file,)| file));
    Ok(())
}

async fn run(tx: &mut Tx, sql: &'static str, value: i64) -> Result<(), Error> {
    sqlx::query(sql).bind(value).execute(&mut tx.connection).await.map_err(Error::database("changing an item"))?;
    Ok(())
}

/// A conversion's outcome on its way through the writer.
struct RetriedOp {
    item: QuarantineId,
    reason: Option<i64>,
    file: Option<KeptFile>,
    mail: Option<KeptMail>,
    held: Vec<(Reason, QuarantineRecord)>,
    /// Rows name the bodies.
    is_kept: bool,
    reply: Reply<()>,
}

struct KeptFile {
    name: String,
    media_type: String,
    findings: Option<String>,
    body: Body,
}

struct KeptMail {
    receipt: Receipt,
    subject: String,
    body: Body,
}

impl RetriedOp {
    /// Keeps what does not pass beside what does.
    async fn hold(&mut self, tx: &mut Tx) -> Result<(), Error> {
        for (number, (_, held)) in (1_i64..).zip(&mut self.held) {
            held.number_content(tx);
            held.keep_for_retry(tx, self.item, number).await?;
        }
        Ok(())
    }
}

impl Operation for RetriedOp {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Step<'a, ()> {
        Box::pin(async move {
            self.is_kept = false;
            let waits: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM retry WHERE item = ?1 AND state = ?2")
                .bind(self.item.0)
                .bind(RetryState::Waiting.code())
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("reading a conversion"))?;
            if waits.is_none() {
                self.reply.outcome = Some(Ok(()));
                return Ok(());
            }
            let mut numbers = [None, None];
            let bodies = [self.file.as_ref().map(|file| &file.body), self.mail.as_ref().map(|mail| &mail.body)];
            for (number, body) in numbers.iter_mut().zip(bodies) {
                let Some(body) = body else { continue };
                let id = tx.marks.next_content();
                tx.many(&content::INSERT, &[(id, body)], |values, (id, body)| {
                    content::bind(values, *id, body, body.len());
                })
                .await?;
                *number = Some(id);
            }
            let [file, mail] = numbers;
            let state = if self.reason.is_some() { RetryState::Withheld } else { RetryState::Made };
            sqlx::query(
                "UPDATE retry SET state = ?2, done = ?3, reason = ?4, subject = ?5, name = ?6, media_type = ?7, findings = ?8,
                    file = ?9, bytes = ?10, mail = ?11, receipt = ?12 WHERE item = ?1",
            )
            .bind(self.item.0)
            .bind(state.code())
            .bind(tx.now.unix_millis())
            .bind(self.reason)
            .bind(self.mail.as_ref().map(|mail| mail.subject.as_str()))
            .bind(self.file.as_ref().map(|file| file.name.as_str()))
            .bind(self.file.as_ref().map(|file| file.media_type.as_str()))
            .bind(self.file.as_ref().and_then(|file| file.findings.as_deref()))
            .bind(file)
            .bind(self.file.as_ref().map_or(0, |file| file.body.len()))
            .bind(mail)
            .bind(self.mail.as_ref().map(|mail| mail.receipt.as_str()))
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("keeping a conversion"))?;
            let (message,): (i64,) = sqlx::query_as("SELECT message FROM quarantine WHERE id = ?1")
                .bind(self.item.0)
                .fetch_one(&mut tx.connection)
                .await
                .map_err(Error::database("reading an item"))?;
            let reason = self.reason.and_then(|code| u16::try_from(code).ok()).and_then(Reason::from_code);
            let detail = audit::detail_of(&[
                ("item", json!(self.item.0)),
                ("passes", json!(reason.is_none())),
                ("reason", json!(reason.map(Reason::name))),
            ])?;
            let event = AuditEvent::QuarantineConverted;
            tx.audit(Entry { actor: audit::GATEWAY.into(), event, message: Some(message), detail });
            self.hold(tx).await?;
            if reason == Some(Reason::Infected) || self.held.iter().any(|(reason, _)| *reason == Reason::Infected) {
                found::virus(tx, self.item, audit::GATEWAY, found::Found::Converting).await?;
            }
            requests::reclass(tx, message).await?;
            self.is_kept = true;
            self.reply.outcome = Some(Ok(()));
            Ok(())
        })
    }

    fn fail(&mut self, error: Error) {
        self.is_kept = false;
        self.reply.outcome = Some(Err(error));
    }

    fn answer(mut self: Box<Self>, shared: Option<&std::sync::Arc<Error>>) {
        // Whether a commit that failed has reached the disk is not known: files that rows may name stay, and are swept up as orphans.
        if self.is_kept {
            self.file.iter_mut().for_each(|file| file.body.keep());
            self.mail.iter_mut().for_each(|mail| mail.body.keep());
            self.held.iter_mut().for_each(|(_, held)| held.keep());
        }
        self.reply.send(shared);
    }
}

/// Stable name of a way to convert.
fn policy_name(policy: RetryPolicy) -> &'static str {
    match policy {
        RetryPolicy::Same => "same",
        RetryPolicy::Raster => "raster",
        RetryPolicy::Pages => "pages",
        RetryPolicy::Text => "text",
    }
}

/// Items of one call.
pub const MOST_ITEMS: usize = 500;
