//! Public keys of authenticators: what WebAuthn needs to survive a restart. Checking signatures is the web's business.

use serde_json::json;
use sqlx::Row;

use crate::codec;
use crate::sessions::still_open;
use crate::users::audit_user;
use crate::{AuditEvent, Error, Store, Timestamp, TokenHash, UserId};

/// An authenticator's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PasskeyId(pub i64);

/// A key to be kept.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    /// Whose.
    pub user: UserId,
    /// How the authenticator names it.
    pub credential: Vec<u8>,
    /// A point of P-256, uncompressed: 65 bytes.
    pub public_key: Vec<u8>,
    /// The authenticator's counter of signatures.
    pub counter: u32,
    /// What its owner calls it.
    pub name: String,
    /// The session that asks for it.
    pub session: TokenHash,
}

/// A key as kept.
#[derive(Debug, Clone)]
pub struct Passkey {
    /// Names it.
    pub id: PasskeyId,
    /// How the authenticator names it.
    pub credential: Vec<u8>,
    /// A point of P-256, uncompressed.
    pub public_key: Vec<u8>,
    /// The newest counter that was seen.
    pub counter: u32,
    /// What its owner calls it.
    pub name: String,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

impl Store {
    /// Keeps a key.
    ///
    /// # Errors
    /// [`Error::Exists`] when the authenticator is registered already or the user has twenty; [`Error::NotFound`] when the session has
    /// ended; any error of the writer.
    pub async fn add_passkey(&self, key: NewPasskey, actor: &str) -> Result<PasskeyId, Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (key, actor) = (key.clone(), actor.clone());
            Box::pin(async move {
                still_open(tx, key.user, &key.session).await?;
                let inserted: Option<(i64,)> = sqlx::query_as(
                    "INSERT INTO passkey (user_id, credential, public_key, counter, name, created)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM passkey WHERE user_id = ?1) < ?7
                     ON CONFLICT DO NOTHING RETURNING id",
                )
                .bind(key.user.0)
                .bind(key.credential.as_slice())
                .bind(key.public_key.as_slice())
                .bind(key.counter)
                .bind(key.name.as_str())
                .bind(tx.now.unix_millis())
                .bind(MOST_PASSKEYS)
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("keeping a passkey"))?;
                let (id,) = inserted.ok_or(Error::Exists("passkey"))?;
                audit_user(tx, actor, AuditEvent::PasskeyAdded, key.user, json!({"passkey": id, "name": key.name}));
                Ok(PasskeyId(id))
            })
        })
        .await
    }

    /// The keys of a user, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn passkeys_of(&self, user: UserId) -> Result<Vec<Passkey>, Error> {
        let rows = sqlx::query(
            "SELECT id, credential, public_key, counter, name, created, last_used FROM passkey WHERE user_id = ?1 ORDER BY id",
        )
        .bind(user.0)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing passkeys"))?;
        let get = |error| Error::database("reading a passkey")(error);
        rows.iter()
            .map(|row| {
                let last_used: Option<i64> = row.try_get(6).map_err(get)?;
                Ok(Passkey {
                    id: PasskeyId(row.try_get(0).map_err(get)?),
                    credential: row.try_get(1).map_err(get)?,
                    public_key: row.try_get(2).map_err(get)?,
                    counter: codec::count(row.try_get(3).map_err(get)?),
                    name: row.try_get(4).map_err(get)?,
                    created: Timestamp::from_unix_millis(row.try_get(5).map_err(get)?),
                    last_used: last_used.map(Timestamp::from_unix_millis),
                })
            })
            .collect()
    }

    /// Notes the counter of a signature that was right: whether it is newer than the one before. An authenticator without a counter always
    /// says 0; one whose counter goes back has been copied (WebAuthn 7.2, step 22).
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn use_passkey(&self, id: PasskeyId, counter: u32) -> Result<bool, Error> {
        self.write(move |tx| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE passkey SET counter = ?2, last_used = ?3
                     WHERE id = ?1 AND (counter < ?2 OR (counter = 0 AND ?2 = 0))",
                )
                .bind(id.0)
                .bind(counter)
                .bind(tx.now.unix_millis())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("using a passkey"))?;
                Ok(done.rows_affected() == 1)
            })
        })
        .await
    }

    /// Removes a key of a user.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the user has no such key; any error of the writer.
    pub async fn remove_passkey(&self, user: UserId, id: PasskeyId, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM passkey WHERE id = ?1 AND user_id = ?2")
                    .bind(id.0)
                    .bind(user.0)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("removing a passkey"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("passkey"));
                }
                audit_user(tx, actor, AuditEvent::PasskeyRemoved, user, json!({"passkey": id.0}));
                Ok(())
            })
        })
        .await
    }
}

/// Keys of one user.
const MOST_PASSKEYS: i64 = 20;
