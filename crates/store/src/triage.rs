//! What people do with items of the quarantine: holding them, deleting them, having them converted again, releasing what came of that.
//!
//! What is released is never the original: it is what a clean room wrote of it when it was converted again ([`Store::retried`]).
//! Several items are one transaction, with an audit row for each.

use serde_json::json;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::Coded;
use crate::retry::{self, Left, policy_name};
use crate::work::shortened;
use crate::writer::Tx;
use crate::{
    AuditEvent, Error, MessageId, OriginKind, QuarantineId, QuarantineState, RetryPolicy, RetryState, Store, Timestamp,
    content, requests,
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

impl One<'_> {
    /// `Err` inside is what leaves this item alone; whatever else fails undoes all of them.
    async fn apply(&self, tx: &mut Tx, files: &mut Vec<String>) -> Result<Result<(), Untouched>, Error> {
        let Some(found) = self.found(tx).await? else { return Ok(Err(Untouched::Unknown)) };
        let left = retry::left(tx, self.item).await?;
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
                    content::remove(tx, content, files).await?;
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
                more = retry::release(tx, self.item, found.message, &left).await?;
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

    /// Removes what an earlier conversion left.
    async fn forget(&self, tx: &mut Tx, files: &mut Vec<String>) -> Result<(), Error> {
        for content in retry::forget(tx, self.item.0).await? {
            content::remove(tx, content, files).await?;
        }
        Ok(())
    }
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
        content::remove(tx, original, files).await?;
    }
    Ok(true)
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

async fn run(tx: &mut Tx, sql: &'static str, value: i64) -> Result<(), Error> {
    sqlx::query(sql).bind(value).execute(&mut tx.connection).await.map_err(Error::database("changing an item"))?;
    Ok(())
}

/// Items of one call.
pub const MOST_ITEMS: usize = 500;
