//! Items of the quarantine that are converted again: which wait, and what came of it. [`triage`](crate::triage) asks for it and says
//! when it is sent.

mod release;

use form::reason::{Finding, Reason};
use jail::Fresh;
use serde_json::json;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::complete::QuarantineRecord;
use crate::content::{self, Content};
use crate::spool::Body;
use crate::writer::{Op, Operation, Reply, Step, Tx};
use crate::{
    AuditEvent, Error, MessageId, OriginKind, Original, Output, QuarantineId, Receipt, StillHeld, Store, Timestamp,
    found, requests,
};

pub(crate) use release::{Left, begin_anew, forget, left, release};

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
pub(crate) fn policy_name(policy: RetryPolicy) -> &'static str {
    match policy {
        RetryPolicy::Same => "same",
        RetryPolicy::Raster => "raster",
        RetryPolicy::Pages => "pages",
        RetryPolicy::Text => "text",
    }
}
