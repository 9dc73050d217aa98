//! Jobs: a worker claims messages, and gives each back as completed, deferred, failed or given up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use form::name::FileName;
use form::reason::{Finding, Reason, Refusal};
use jail::{Fresh, Source};
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::audit::{self, Entry};
use crate::blobs::Blobs;
use crate::codec::{self, Coded};
use crate::content::Content;
use crate::sql::Many;
use crate::writer::{Op, Reply, Tx};
use crate::{AuditEvent, Envelope, Error, MessageId, OriginKind, Original, Receipt, RetryPolicy, Store, Timestamp};

/// One claimed message.
#[derive(Debug)]
pub struct Work {
    /// What every later step of this job is asked with.
    pub key: WorkKey,
    /// The message.
    pub message: MessageId,
    /// Its receipt.
    pub receipt: Receipt,
    /// What kind of message.
    pub origin: WorkOrigin,
    /// When it arrived.
    pub received: Timestamp,
    /// Which start of this job this is, from 1. Deferrals do not count, nor do the first nine times
    /// that the gateway ended meanwhile.
    pub attempt: u32,
    /// No attempt will follow this one.
    pub last: bool,
    /// No attempt is left: do not convert it again, call [`Store::give_up`].
    pub exhausted: bool,
    /// The original bytes.
    pub original: Original,
}

/// What a worker needs to know of where the message came from.
#[derive(Debug, Clone)]
pub enum WorkOrigin {
    /// A mail with its envelope.
    Mail {
        /// The envelope.
        envelope: Envelope,
    },
    /// An uploaded file with its name.
    Upload {
        /// The name.
        file_name: FileName,
        /// How it is to be converted.
        output: RetryPolicy,
    },
}

/// The right to finish one claimed job. It loses its force when the job is finished, given back or claimed anew.
#[derive(Debug, Clone)]
pub struct WorkKey {
    pub(crate) generation: i64,
    pub(crate) message: MessageId,
    pub(crate) attempt: u32,
    pub(crate) receipt: Receipt,
    pub(crate) upload: bool,
    pub(crate) received: Timestamp,
    pub(crate) recipients: Arc<[String]>,
}

/// The outcome of a conversion.
#[derive(Debug)]
pub struct Completed {
    /// The subject, as verified by the clean room.
    pub subject: Option<String>,
    /// The From header, as verified by the clean room.
    pub header_from: Option<String>,
    /// The Message-ID without its brackets: what answers to it names it.
    pub message_id: Option<String>,
    /// The verdict on the whole message.
    pub verdict: Verdict,
    /// Every part, parents before children.
    pub parts: Vec<PartRecord>,
    /// Findings on the message itself.
    pub findings: Vec<Finding>,
    /// The mail to deliver; `None` for uploads.
    pub output: Option<Fresh>,
    /// The account in plain words, as the recipient reads it.
    pub account: Option<String>,
    /// What the policy is called that it was converted under, for the audit; empty for none.
    pub policy: String,
}

/// The verdict on a whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Everything was rebuilt.
    Sanitised,
    /// Some part was withheld, the rest was rebuilt.
    SanitisedWithWithheld,
    /// Nothing could be rebuilt: the recipients of a mail get a notice.
    NoticeOnly,
    /// The job was given up after its last attempt.
    GivenUp,
}

/// One part of a message: the mail body, an attachment, an archive member, or an uploaded file.
#[derive(Debug)]
pub struct PartRecord {
    /// Its place in the tree, such as `1.2`.
    pub path: String,
    /// Its name as it came (rebuilt to be harmless).
    pub name: FileName,
    /// Its name as it goes out.
    pub output_name: Option<FileName>,
    /// The true type found by content.
    pub detected_type: String,
    /// The media type of the output.
    pub media_type: Option<String>,
    /// Whether it goes out.
    pub verdict: PartVerdict,
    /// Why it was withheld.
    pub reason: Option<Refusal>,
    /// What was removed, changed or noted.
    pub findings: Vec<Finding>,
    /// Size of the original.
    pub bytes_in: u64,
    /// Size of the output.
    pub bytes_out: u64,
    /// How long the rooms took.
    pub millis: u64,
    /// How much rebuilt pages look like the original ones, where some were compared.
    pub fidelity: Option<Fidelity>,
    /// The rebuilt file, for uploads.
    pub result: Option<Fresh>,
    /// What to keep in quarantine.
    pub quarantined_original: Option<Quarantined>,
}

/// How much rebuilt pages look like the original ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fidelity {
    /// Similarity of the least similar page in ten thousandths, cut and not rounded: 10,000 is the same.
    pub similarity: u16,
    /// Pages that were compared.
    pub compared: u32,
}

/// Which bytes go to quarantine for a withheld part.
#[derive(Debug)]
pub enum Quarantined {
    /// These bytes; they are copied.
    Part(Source),
    /// These bytes, which a password may open later; they are copied.
    Locked(Source),
    /// The whole original of the message; nothing is copied, it changes its keeper.
    Whole,
    /// The same, where a password may open it later: an upload that is locked itself.
    LockedWhole,
}

/// Whether a part goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartVerdict {
    /// It was rebuilt.
    Sanitised,
    /// It was withheld.
    Withheld,
}

/// What became of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOutcome {
    /// The job runs again, not before this time.
    Again {
        /// Not before.
        at: Timestamp,
    },
    /// That was the last attempt. The job stays claimed: compose the notice and call [`Store::give_up`].
    Exhausted,
}

/// How a job ends that cannot be completed.
#[derive(Debug)]
pub struct GivenUp {
    /// What the original is called in the quarantine.
    pub name: FileName,
    /// The reason shown.
    pub reason: Reason,
    /// For the operator: what failed.
    pub why: String,
    /// The notice to the recipients of a mail, composed in a clean room.
    pub notice: Option<Fresh>,
}

impl Store {
    /// Claims up to `limit` jobs, those that wait longest first. Answers at once with nothing when nothing is due.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn claim(&self, limit: usize) -> Result<Vec<Work>, Error> {
        if limit == 0 || self.shared().work_due.load(Ordering::Acquire) > self.now().unix_millis() {
            return Ok(Vec::new());
        }
        let (reply, answer) = Reply::new();
        self.submit(Op::Claim(ClaimOp { limit, reply, next_due: None }), answer).await
    }

    /// Waits until there may be something to claim. It wakes one waiter per commit; beside it, ask again at least once
    /// a second, since jobs also become due by time. Cancel-safe.
    pub async fn work_ready(&self) {
        self.shared().work.notified().await;
    }

    /// Gives a job back because something it needs is not there (the scanner). That is no attempt.
    ///
    /// # Errors
    /// [`Error::Stale`] when the job is no longer the caller's; any error of the writer.
    pub async fn defer(&self, key: &WorkKey, why: &str, not_before: Timestamp) -> Result<(), Error> {
        self.put_back(key, AuditEvent::Deferred, why, not_before, 1).await
    }

    /// Gives a job back because it failed in a way that may be better next time. After the last attempt the job stays
    /// claimed: compose a notice and [`give_up`](Self::give_up).
    ///
    /// # Errors
    /// [`Error::Stale`] when the job is no longer the caller's; any error of the writer.
    pub async fn fail(&self, key: &WorkKey, why: &str) -> Result<FailOutcome, Error> {
        if key.attempt >= self.config().max_attempts {
            return Ok(FailOutcome::Exhausted);
        }
        let index = usize::try_from(key.attempt).unwrap_or(usize::MAX).saturating_sub(1);
        let wait = BACK_OFF.get(index).or(BACK_OFF.last()).copied().unwrap_or(Duration::ZERO);
        let at = self.now().plus(wait);
        self.put_back(key, AuditEvent::AttemptFailed, why, at, 0).await?;
        Ok(FailOutcome::Again { at })
    }

    /// Renews the leases of jobs that take long. Jobs that are no longer the caller's are passed over.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn extend(&self, keys: &[WorkKey]) -> Result<(), Error> {
        let keys: Arc<[(i64, i64)]> = keys.iter().map(|k| (k.message.0, k.generation)).collect();
        self.write(move |tx| {
            let keys = keys.clone();
            Box::pin(async move {
                for (message, generation) in keys.iter() {
                    sqlx::query("UPDATE job SET lease_until = ?1 WHERE message = ?2 AND generation = ?3 AND state = 1")
                        .bind(tx.now.plus(tx.config.lease).unix_millis())
                        .bind(message)
                        .bind(generation)
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("renewing a lease"))?;
                }
                Ok(())
            })
        })
        .await
    }

    async fn put_back(
        &self,
        key: &WorkKey,
        event: AuditEvent,
        why: &str,
        not_before: Timestamp,
        attempts_back: i64,
    ) -> Result<(), Error> {
        let (key, why) = (key.clone(), shortened(why).to_owned());
        self.write(move |tx| {
            let (key, why) = (key.clone(), why.clone());
            Box::pin(async move {
                let before: Option<(Option<String>,)> =
                    sqlx::query_as("SELECT why FROM job WHERE message = ?1 AND generation = ?2 AND state = 1")
                        .bind(key.message.0)
                        .bind(key.generation)
                        .fetch_optional(&mut tx.connection)
                        .await
                        .map_err(Error::database("reading a job"))?;
                let Some((before,)) = before else { return Err(Error::Stale) };
                sqlx::query(
                    "UPDATE job SET state = 0, due = ?2, why = ?3, attempts = attempts - ?4, lease_until = NULL
                     WHERE message = ?1",
                )
                .bind(key.message.0)
                .bind(not_before.unix_millis())
                .bind(why.as_str())
                .bind(attempts_back)
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("giving a job back"))?;
                // A scanner that is down for a day puts the same mail back a thousand times: one row says it.
                if before.as_deref() != Some(why.as_str()) {
                    let detail = audit::detail_of(&[
                        ("receipt", json!(key.receipt.as_str())),
                        ("why", json!(why)),
                        ("attempt", json!(key.attempt)),
                    ])?;
                    tx.audit(Entry { actor: audit::GATEWAY.into(), event, message: Some(key.message.0), detail });
                }
                tx.wake.work_at(not_before.unix_millis());
                Ok(())
            })
        })
        .await
    }
}

/// A claim on its way through the writer.
pub(crate) struct ClaimOp {
    limit: usize,
    pub(crate) reply: Reply<Vec<Work>>,
    /// When the next job is due, if this claim took all that were.
    pub(crate) next_due: Option<i64>,
}

/// Claims jobs and reads what their workers need.
pub(crate) async fn claim_one(tx: &mut Tx, op: &mut ClaimOp) -> Result<(), Error> {
    let now = tx.now;
    if now.since(tx.memory.leases_checked) > LEASE_CHECK {
        tx.memory.leases_checked = now;
        sqlx::query("UPDATE job SET state = 0, lease_until = NULL WHERE state = 1 AND lease_until < ?1")
            .bind(now.unix_millis())
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("ending leases"))?;
    }
    let claimed = sqlx::query(
        "UPDATE job SET state = 1, generation = generation + 1, attempts = attempts + 1, lease_until = ?1
         WHERE message IN (SELECT message FROM job WHERE state = 0 AND due <= ?2 ORDER BY due LIMIT ?3)
         RETURNING message, generation, attempts",
    )
    .bind(now.plus(tx.config.lease).unix_millis())
    .bind(now.unix_millis())
    .bind(i64::try_from(op.limit).unwrap_or(i64::MAX))
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("claiming jobs"))?;
    let mut jobs = HashMap::with_capacity(claimed.len());
    for row in &claimed {
        let get = |error| Error::database("reading a claim")(error);
        let message: i64 = row.try_get(0).map_err(get)?;
        let (generation, attempts): (i64, i64) = (row.try_get(1).map_err(get)?, row.try_get(2).map_err(get)?);
        jobs.insert(message, (generation, attempts));
    }
    if jobs.len() < op.limit {
        let (next,): (Option<i64>,) = sqlx::query_as("SELECT min(due) FROM job WHERE state = 0")
            .fetch_one(&mut tx.connection)
            .await
            .map_err(Error::database("looking for the next job"))?;
        // Leases end by time too.
        let check = now.plus(LEASE_CHECK).unix_millis();
        op.next_due = Some(next.unwrap_or(i64::MAX).min(check));
    }
    let ids: Vec<i64> = jobs.keys().copied().collect();
    let rows = tx
        .many(&CLAIMED, &ids, |values, id| {
            values.add(*id);
        })
        .await?;
    let blobs = tx.blobs.clone();
    let mut works = Vec::with_capacity(rows.len());
    for row in &rows {
        match work_of(row, &jobs, &blobs, tx.config.max_attempts) {
            Ok(work) => works.push(work),
            // It stays running and visible; the others must not wait for it.
            Err(error) => {
                tracing::error!(event = "claimed_message_unreadable", error = &error as &dyn std::error::Error)
            }
        }
    }
    works.sort_unstable_by_key(|work| work.message);
    op.reply.outcome = Some(Ok(works));
    Ok(())
}

fn work_of(row: &SqliteRow, jobs: &HashMap<i64, (i64, i64)>, blobs: &Blobs, max_attempts: u32) -> Result<Work, Error> {
    let get = |error| Error::database("reading a claimed message")(error);
    let id: i64 = row.try_get(0).map_err(get)?;
    let (generation, attempts) = jobs.get(&id).copied().ok_or(Error::Damaged("a claimed message"))?;
    let receipt: &str = row.try_get(1).map_err(get)?;
    let receipt = Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?;
    let recipients = codec::list(row.try_get(5).map_err(get)?)?;
    let original = Content::from_row(row, 9, blobs)?.ok_or(Error::Damaged("a message without its original"))?;
    let attempt = codec::count(attempts);
    let key = WorkKey {
        generation,
        message: MessageId(id),
        attempt,
        receipt: receipt.clone(),
        upload: row.try_get::<i64, _>(2).map_err(get)? == OriginKind::Upload.code(),
        received: Timestamp::from_unix_millis(row.try_get(3).map_err(get)?),
        recipients: recipients.as_slice().into(),
    };
    let origin = if key.upload {
        let name: &str = row.try_get(8).map_err(get)?;
        let file_name = FileName::parse(name).map_err(|_| Error::Damaged("a file name"))?;
        WorkOrigin::Upload { file_name, output: RetryPolicy::from_code(row.try_get(13).map_err(get)?)? }
    } else {
        WorkOrigin::Mail {
            envelope: Envelope {
                sender: row.try_get(4).map_err(get)?,
                recipients,
                smtputf8: row.try_get(6).map_err(get)?,
                body_8bit: row.try_get(7).map_err(get)?,
            },
        }
    };
    let received = key.received;
    Ok(Work {
        key,
        message: MessageId(id),
        receipt,
        origin,
        received,
        attempt,
        last: attempt >= max_attempts,
        exhausted: attempt > max_attempts,
        original: original.original(),
    })
}

/// The beginning of a text that came from elsewhere, for a column or the audit.
pub(crate) fn shortened(text: &str) -> &str {
    let end = (0..=500.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or("")
}

static CLAIMED: Many = Many {
    doing: "reading claimed messages",
    head: "SELECT m.id, m.receipt, m.origin, m.received, m.sender, m.recipients, m.smtputf8, m.body_8bit, m.file_name, \
           c.bytes, c.file, c.length, c.digest, m.wanted FROM message m LEFT JOIN content c ON c.id = m.original \
           WHERE m.id IN (VALUES ",
    columns: 1,
    tail: ")",
};

/// How long a job that failed once, twice, … waits.
const BACK_OFF: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(300)];
const LEASE_CHECK: Duration = Duration::from_secs(30);
