//! How often passwords were tried on what is locked: by people, and by mails of each sender.

use serde_json::json;

use crate::audit::{self, Entry};
use crate::codec;
use crate::unlock::OpenedBy;
use crate::writer::Tx;
use crate::{AuditEvent, Error, QuarantineId, Store};

/// Whose try it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryOf<'a> {
    /// Of whoever types.
    Typing,
    /// Of a mail with passwords.
    Pairing {
        /// Who sent it, as one text that no other sender has.
        sender: &'a str,
        /// That is who sent the item too: tries of others leave these untouched.
        own: bool,
    },
}

/// Whether one more try is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// It is, and counted now; so many are left after it.
    Left(u32),
    /// The limit is reached.
    Exhausted,
}

/// How many senders' tries mails of strangers to an item may make together.
pub const MAX_OTHERS: u32 = 10;

impl Store {
    /// Counts one try on an item before it is made, unless `limit` tries were made: by people, or by mails of one sender. Mails of
    /// senders other than the item's own have [`MAX_OTHERS`] times as many together.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such item; any error of the writer.
    pub async fn count_try(&self, id: QuarantineId, of: TryOf<'_>, actor: &str, limit: u32) -> Result<Tries, Error> {
        let (actor, by) = (actor.to_owned(), of.by());
        let sender = of.sender();
        self.write(move |tx| {
            let (actor, sender) = (actor.clone(), sender.clone());
            Box::pin(async move {
                let counted = counted(tx, id, sender.as_ref()).await?;
                let mut left = limit.saturating_sub(counted.own);
                if sender.as_ref().is_some_and(|(_, own)| !own) {
                    left = left.min(limit.saturating_mul(MAX_OTHERS).saturating_sub(counted.others));
                }
                if left == 0 {
                    return Ok(Tries::Exhausted);
                }
                add_tries(tx, id, sender.as_ref(), 1).await?;
                let left = left.saturating_sub(1);
                let detail =
                    audit::detail_of(&[("item", json!(id.0)), ("by", json!(by.name())), ("left", json!(left))])?;
                let event = AuditEvent::PasswordTried;
                tx.audit(Entry { actor: actor.into(), event, message: Some(counted.message), detail });
                Ok(Tries::Left(left))
            })
        })
        .await
    }

    /// Takes a counted try back: it was no wrong password, or could not be made.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such item; any error of the writer.
    pub async fn return_try(&self, id: QuarantineId, of: TryOf<'_>, actor: &str) -> Result<(), Error> {
        let (actor, by) = (actor.to_owned(), of.by());
        let sender = of.sender();
        self.write(move |tx| {
            let (actor, sender) = (actor.clone(), sender.clone());
            Box::pin(async move {
                let message = counted(tx, id, sender.as_ref()).await?.message;
                add_tries(tx, id, sender.as_ref(), -1).await?;
                let detail = audit::detail_of(&[("item", json!(id.0)), ("by", json!(by.name()))])?;
                let event = AuditEvent::PasswordTryReturned;
                tx.audit(Entry { actor: actor.into(), event, message: Some(message), detail });
                Ok(())
            })
        })
        .await
    }
}

/// Who a try is counted for; `None` for people. The flag says that it is the item's own sender.
type Sender = Option<(String, bool)>;

impl TryOf<'_> {
    fn by(self) -> OpenedBy {
        match self {
            TryOf::Typing => OpenedBy::Typing,
            TryOf::Pairing { .. } => OpenedBy::Pairing,
        }
    }

    fn sender(self) -> Sender {
        match self {
            TryOf::Typing => None,
            TryOf::Pairing { sender, own } => Some((sender.to_owned(), own)),
        }
    }
}

struct Counted {
    message: i64,
    /// By the one that it is about.
    own: u32,
    /// By mails of all strangers.
    others: u32,
}

async fn counted(tx: &mut Tx, id: QuarantineId, sender: Option<&(String, bool)>) -> Result<Counted, Error> {
    let failed = "reading tries";
    let found: Option<(i64, i64, i64)> = sqlx::query_as("SELECT message, typed, paired FROM quarantine WHERE id = ?1")
        .bind(id.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database(failed))?;
    let (message, typed, paired) = found.ok_or(Error::NotFound("quarantined original"))?;
    let own = match sender {
        None => Some(typed),
        Some((sender, _)) => sqlx::query_scalar("SELECT tries FROM tried WHERE item = ?1 AND sender = ?2")
            .bind(id.0)
            .bind(sender.as_str())
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database(failed))?,
    };
    Ok(Counted { message, own: codec::count(own.unwrap_or(0)), others: codec::count(paired) })
}

async fn add_tries(tx: &mut Tx, id: QuarantineId, sender: Option<&(String, bool)>, more: i64) -> Result<(), Error> {
    let failed = "counting a try";
    let column = match sender {
        None => Some("UPDATE quarantine SET typed = max(typed + ?2, 0) WHERE id = ?1"),
        Some((_, false)) => Some("UPDATE quarantine SET paired = max(paired + ?2, 0) WHERE id = ?1"),
        Some((_, true)) => None,
    };
    if let Some(sql) = column {
        sqlx::query(sql).bind(id.0).bind(more).execute(&mut tx.connection).await.map_err(Error::database(failed))?;
    }
    if let Some((sender, _)) = sender {
        sqlx::query(
            "INSERT INTO tried (item, sender, tries) VALUES (?1, ?2, max(?3, 0))
             ON CONFLICT (item, sender) DO UPDATE SET tries = max(tries + ?3, 0)",
        )
        .bind(id.0)
        .bind(sender.as_str())
        .bind(more)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database(failed))?;
    }
    Ok(())
}
