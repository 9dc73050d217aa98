//! Keys of programs, and the requests that a program may repeat without doing a thing twice.

use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Row};

use crate::sessions::still_open;
use crate::users::{COLUMN_COUNT, COLUMNS, audit_user, user_row};
use crate::writer::Tx;
use crate::{AuditEvent, BatchToken, Error, Store, Timestamp, TokenHash, User, UserId};

/// What a key is good for. It never allows more than its owner's role does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Sending files and fetching results.
    Files,
    /// Reading facts about withheld originals.
    Quarantine,
    /// Typing passwords of locked originals.
    Unlock,
    /// Reading which mails and uploads came and what became of them.
    Tracking,
    /// Reading counts and conditions.
    Figures,
    /// Reading the audit log.
    Audit,
    /// Reading accounts and ending sessions.
    Users,
    /// Reading what other systems were told of, and telling it again.
    Webhooks,
    /// Asking for originals of one's own, and reading requests.
    Requests,
    /// Reading what one sent oneself, with the ids by which results are fetched.
    History,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 10] = [
        Scope::Files,
        Scope::Quarantine,
        Scope::Unlock,
        Scope::Tracking,
        Scope::Figures,
        Scope::Audit,
        Scope::Users,
        Scope::Webhooks,
        Scope::Requests,
        Scope::History,
    ];

    fn bit(self) -> i64 {
        match self {
            Scope::Files => 1,
            Scope::Quarantine => 2,
            Scope::Unlock => 4,
            Scope::Tracking => 8,
            Scope::Figures => 16,
            Scope::Audit => 32,
            Scope::Users => 64,
            Scope::Webhooks => 128,
            Scope::Requests => 256,
            Scope::History => 512,
        }
    }
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId(pub i64);

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Digest of the key.
    pub hash: TokenHash,
    /// Whose.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Until when.
    pub expires: Timestamp,
    /// The session that asks for it.
    pub session: TokenHash,
}

/// A key in a list.
#[derive(Debug, Clone)]
pub struct ApiKeyRow {
    /// Names it.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Since when.
    pub created: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// When it was last used, to the minute.
    pub last_used: Option<Timestamp>,
}

/// A key that is good now.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Names it.
    pub id: ApiKeyId,
    /// Whose.
    pub user: User,
    /// What it is good for.
    pub scopes: Vec<Scope>,
}

/// Under what a request is found again when it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeatable {
    /// Digest of the key that its sender gave it, with whose it is.
    pub key: TokenHash,
    /// Digest of what it sent.
    pub request: TokenHash,
    /// Until when.
    pub expires: Timestamp,
}

impl Store {
    /// Makes a key.
    ///
    /// # Errors
    /// [`Error::Exists`] when the user has fifty already; [`Error::NotFound`] when the session has ended; any error of the writer.
    pub async fn create_api_key(&self, key: NewApiKey, actor: &str) -> Result<ApiKeyId, Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (key, actor) = (key.clone(), actor.clone());
            Box::pin(async move {
                still_open(tx, key.user, &key.session).await?;
                let inserted: Option<(i64,)> = sqlx::query_as(
                    "INSERT INTO api_key (hash, user_id, name, scopes, created, expires)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE
                     (SELECT count(*) FROM api_key WHERE user_id = ?2 AND revoked IS NULL AND expires > ?5) < ?7
                     RETURNING id",
                )
                .bind(key.hash.as_bytes())
                .bind(key.user.0)
                .bind(key.name.as_str())
                .bind(key.scopes.iter().fold(0, |bits, scope| bits | scope.bit()))
                .bind(tx.now.unix_millis())
                .bind(key.expires.unix_millis())
                .bind(MOST_KEYS)
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("making a key"))?;
                let (id,) = inserted.ok_or(Error::Exists("key"))?;
                audit_user(tx, actor, AuditEvent::ApiKeyCreated, key.user, json!({"key": id, "name": key.name}));
                Ok(ApiKeyId(id))
            })
        })
        .await
    }

    /// The keys of a user that are still good, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn api_keys_of(&self, user: UserId) -> Result<Vec<ApiKeyRow>, Error> {
        let rows = sqlx::query(
            "SELECT id, name, scopes, created, expires, last_used FROM api_key
             WHERE user_id = ?1 AND revoked IS NULL AND expires > ?2 ORDER BY id DESC",
        )
        .bind(user.0)
        .bind(self.now().unix_millis())
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing keys"))?;
        let get = |error| Error::database("reading a key")(error);
        rows.iter()
            .map(|row| {
                let last_used: Option<i64> = row.try_get(5).map_err(get)?;
                Ok(ApiKeyRow {
                    id: ApiKeyId(row.try_get(0).map_err(get)?),
                    name: row.try_get(1).map_err(get)?,
                    scopes: scopes(row.try_get(2).map_err(get)?),
                    created: Timestamp::from_unix_millis(row.try_get(3).map_err(get)?),
                    expires: Timestamp::from_unix_millis(row.try_get(4).map_err(get)?),
                    last_used: last_used.map(Timestamp::from_unix_millis),
                })
            })
            .collect()
    }

    /// Ends a key of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the user has no such key; any error of the writer.
    pub async fn revoke_api_key(&self, user: UserId, id: ApiKeyId, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let done =
                    sqlx::query("UPDATE api_key SET revoked = ?3 WHERE id = ?1 AND user_id = ?2 AND revoked IS NULL")
                        .bind(id.0)
                        .bind(user.0)
                        .bind(tx.now.unix_millis())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("ending a key"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("key"));
                }
                audit_user(tx, actor, AuditEvent::ApiKeyRevoked, user, json!({"key": id.0}));
                Ok(())
            })
        })
        .await
    }

    /// The key of a digest, if it is good and its owner may sign in.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Damaged`], or any error of the writer.
    pub async fn api_key(&self, hash: &TokenHash) -> Result<Option<ApiKey>, Error> {
        let now = self.now();
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS}, k.id, k.scopes, k.last_used FROM api_key k JOIN users u ON u.id = k.user_id
             WHERE k.hash = ?1 AND k.revoked IS NULL AND k.expires > ?2 AND u.state = 0"
        )))
        .bind(hash.as_bytes())
        .bind(now.unix_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a key"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a key")(error);
        let id: i64 = row.try_get(COLUMN_COUNT).map_err(get)?;
        let last: Option<i64> = row.try_get(COLUMN_COUNT + 2).map_err(get)?;
        if last.is_none_or(|last| now.since(Timestamp::from_unix_millis(last)) > USED_EVERY) {
            self.write(move |tx| {
                Box::pin(async move {
                    sqlx::query("UPDATE api_key SET last_used = ?2 WHERE id = ?1")
                        .bind(id)
                        .bind(tx.now.unix_millis())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("noting the use of a key"))?;
                    Ok(())
                })
            })
            .await?;
        }
        let bits = row.try_get(COLUMN_COUNT + 1).map_err(get)?;
        Ok(Some(ApiKey { id: ApiKeyId(id), user: user_row(&row)?, scopes: scopes(bits) }))
    }

    /// What a request under this key sent, and the batch that came of it; `None` when there was none, or it has expired.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn answered(&self, key: &TokenHash) -> Result<Option<(TokenHash, BatchToken)>, Error> {
        let found: Option<(Vec<u8>, String)> = sqlx::query_as(
            "SELECT i.request, b.token FROM idempotency i JOIN batch b ON b.id = i.batch WHERE i.key = ?1 AND i.expires > ?2",
        )
        .bind(key.as_bytes())
        .bind(self.now().unix_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a request"))?;
        let Some((request, batch)) = found else { return Ok(None) };
        let request = TokenHash::from_bytes(&request).ok_or(Error::Damaged("a request"))?;
        let batch = BatchToken::parse(&batch).ok_or(Error::Damaged("a batch token"))?;
        Ok(Some((request, batch)))
    }
}

/// Keeps under what a request is found again, with the message that it brought: both are there or neither.
pub(crate) async fn note(tx: &mut Tx, request: &Repeatable, batch: i64) -> Result<(), Error> {
    sqlx::query("DELETE FROM idempotency WHERE expires <= ?1")
        .bind(tx.now.unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("forgetting requests"))?;
    sqlx::query(
        "INSERT INTO idempotency (key, request, batch, expires) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET request = ?2, batch = ?3, expires = ?4",
    )
    .bind(request.key.as_bytes())
    .bind(request.request.as_bytes())
    .bind(batch)
    .bind(request.expires.unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("noting a request"))?;
    Ok(())
}

fn scopes(bits: i64) -> Vec<Scope> {
    Scope::ALL.into_iter().filter(|scope| bits & scope.bit() != 0).collect()
}

/// Keys of one user at a time.
const MOST_KEYS: i64 = 50;
/// How stale the time of last use may be.
const USED_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_bits_that_stay_apart() {
        for bits in 0..256 {
            let back = scopes(bits).iter().fold(0, |bits, scope| bits | scope.bit());
            assert_eq!(back, bits);
        }
    }
}
