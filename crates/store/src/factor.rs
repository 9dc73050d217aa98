//! Second factors: a shared secret for time-based codes (RFC 6238) and recovery codes that work once.
//!
//! Computing codes is the web's business; here is kept what must survive a restart: the secret, the newest step that was
//! taken, and the digests of the recovery codes. The secret is sealed with a key that is not in the database ([`Secrets`]).

use std::fmt;

use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::codec;
use crate::key_file::Origin;
use crate::secrets::Secrets;
use crate::sessions::still_open;
use crate::users::{audit_user, end_keys, end_sessions, name_of};
use crate::writer::Tx;
use crate::{AuditEvent, Error, Store, TokenHash, UserId, hands};

/// A user's second factor.
#[derive(Clone)]
pub struct SecondFactor {
    /// The shared secret; `None` when it was sealed with a key that is lost. Recovery codes work all the same.
    pub secret: Option<Vec<u8>>,
    /// Recovery codes that are not used yet.
    pub codes_left: u32,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecondFactor({} bytes)", self.secret.as_ref().map_or(0, Vec::len))
    }
}

impl Store {
    /// The second factor of a user.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, Error> {
        let row = sqlx::query(
            "SELECT secret, sealed,
                    (SELECT count(*) FROM recovery_code r WHERE r.user_id = f.user_id AND r.used IS NULL)
             FROM second_factor f WHERE user_id = ?1",
        )
        .bind(user.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a second factor"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a second factor")(error);
        let secret: Vec<u8> = row.try_get(0).map_err(get)?;
        let secret = match (row.try_get(1).map_err(get)?, self.secrets()) {
            (false, _) => Some(secret),
            (true, Some(secrets)) => secrets.unseal(user, &secret),
            (true, None) => None,
        };
        Ok(Some(SecondFactor { secret, codes_left: codec::count(row.try_get(2).map_err(get)?) }))
    }

    /// Keeps a secret of which a code was seen, sealed, with the step of that code, and the recovery codes that go with it. Every session
    /// of the user but `keep`, which asks, ends.
    ///
    /// # Errors
    /// [`Error::Exists`] when the user has one already; [`Error::NotFound`] when `keep` has ended; any error of the writer.
    pub async fn enrol_second_factor(
        &self,
        user: UserId,
        secret: Vec<u8>,
        step: u64,
        codes: Vec<TokenHash>,
        keep: TokenHash,
    ) -> Result<(), Error> {
        let sealed = self.secrets().ok_or(Error::ReadOnly)?.seal(user, &secret)?;
        self.write(move |tx| {
            let (sealed, codes) = (sealed.clone(), codes.clone());
            Box::pin(async move {
                still_open(tx, user, &keep).await?;
                let done = sqlx::query(
                    "INSERT INTO second_factor (user_id, secret, created, last_step, sealed) VALUES (?1, ?2, ?3, ?4, 1)
                     ON CONFLICT DO NOTHING",
                )
                .bind(user.0)
                .bind(sealed)
                .bind(tx.now.unix_millis())
                .bind(codec::signed(step))
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("enrolling a second factor"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::Exists("second factor"));
                }
                keep_codes(tx, user, &codes).await?;
                // Whoever knew the password alone may be signed in elsewhere.
                sqlx::query("DELETE FROM session WHERE user_id = ?1 AND token <> ?2")
                    .bind(user.0)
                    .bind(keep.as_bytes().to_vec())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("ending sessions"))?;
                let owner = name_of(tx, user).await?;
                audit_user(tx, owner, AuditEvent::SecondFactorEnrolled, user, json!(null));
                Ok(())
            })
        })
        .await
    }

    /// Puts new recovery codes in the place of all former ones, used or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the user has no second factor or the session that asks has ended; any error of the writer.
    pub async fn renew_recovery_codes(
        &self,
        user: UserId,
        codes: Vec<TokenHash>,
        session: TokenHash,
    ) -> Result<(), Error> {
        self.write(move |tx| {
            let codes = codes.clone();
            Box::pin(async move {
                still_open(tx, user, &session).await?;
                let there: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM second_factor WHERE user_id = ?1")
                    .bind(user.0)
                    .fetch_optional(&mut tx.connection)
                    .await
                    .map_err(Error::database("reading a second factor"))?;
                there.ok_or(Error::NotFound("second factor"))?;
                sqlx::query("DELETE FROM recovery_code WHERE user_id = ?1")
                    .bind(user.0)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("replacing recovery codes"))?;
                keep_codes(tx, user, &codes).await?;
                let owner = name_of(tx, user).await?;
                audit_user(tx, owner, AuditEvent::RecoveryCodesRenewed, user, json!(null));
                Ok(())
            })
        })
        .await
    }

    /// Takes the code of a step, once: whether neither it nor a newer one was taken before.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn take_step(&self, user: UserId, step: u64) -> Result<bool, Error> {
        self.write(move |tx| {
            Box::pin(async move {
                let done = sqlx::query("UPDATE second_factor SET last_step = ?2 WHERE user_id = ?1 AND last_step < ?2")
                    .bind(user.0)
                    .bind(codec::signed(step))
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("taking a code"))?;
                Ok(done.rows_affected() == 1)
            })
        })
        .await
    }

    /// Takes a recovery code, once: whether it was there and unused.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn take_recovery_code(&self, user: UserId, code: &TokenHash) -> Result<bool, Error> {
        let code = *code;
        self.write(move |tx| {
            Box::pin(async move {
                let done =
                    sqlx::query("UPDATE recovery_code SET used = ?3 WHERE user_id = ?1 AND hash = ?2 AND used IS NULL")
                        .bind(user.0)
                        .bind(code.as_bytes())
                        .bind(tx.now.unix_millis())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("taking a recovery code"))?;
                let taken = done.rows_affected() == 1;
                if taken {
                    let owner = name_of(tx, user).await?;
                    audit_user(tx, owner, AuditEvent::RecoveryCodeUsed, user, json!(null));
                }
                Ok(taken)
            })
        })
        .await
    }

    /// Removes a user's second factor with its recovery codes and passkeys, and ends their sessions and keys: the next sign-in enrols anew.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn remove_second_factor(&self, user: UserId, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                for sql in [
                    "DELETE FROM second_factor WHERE user_id = ?1",
                    "DELETE FROM recovery_code WHERE user_id = ?1",
                    "DELETE FROM passkey WHERE user_id = ?1",
                ] {
                    sqlx::query(sql)
                        .bind(user.0)
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("removing a second factor"))?;
                }
                end_keys(tx, user).await?;
                end_sessions(tx, user).await?;
                hands::note(tx, user, &actor).await?;
                audit_user(tx, actor, AuditEvent::SecondFactorRemoved, user, json!(null));
                Ok(())
            })
        })
        .await
    }
}

async fn keep_codes(tx: &mut Tx, user: UserId, codes: &[TokenHash]) -> Result<(), Error> {
    for code in codes {
        sqlx::query("INSERT INTO recovery_code (user_id, hash) VALUES (?1, ?2)")
            .bind(user.0)
            .bind(code.as_bytes())
            .execute(&mut tx.connection)
            .await
            .map_err(Error::database("keeping recovery codes"))?;
    }
    Ok(())
}

/// Seals what was kept before there was a key, when the store is opened, and says so when a lost key leaves sealed rows behind.
pub(crate) async fn seal_all(connection: &mut SqliteConnection, secrets: &Secrets) -> Result<(), Error> {
    let bad = || Error::database("sealing second factors");
    if secrets.origin == Origin::Made {
        let (lost,): (i64,) = sqlx::query_as("SELECT count(*) FROM second_factor WHERE sealed = 1")
            .fetch_one(&mut *connection)
            .await
            .map_err(bad())?;
        if lost > 0 {
            tracing::error!(event = "second_factor_key_lost", rows = lost);
        }
    }
    let plain: Vec<(i64, Vec<u8>)> = sqlx::query_as("SELECT user_id, secret FROM second_factor WHERE sealed = 0")
        .fetch_all(&mut *connection)
        .await
        .map_err(bad())?;
    for (user, secret) in &plain {
        sqlx::query("UPDATE second_factor SET secret = ?2, sealed = 1 WHERE user_id = ?1 AND sealed = 0")
            .bind(user)
            .bind(secrets.seal(UserId(*user), secret)?)
            .execute(&mut *connection)
            .await
            .map_err(bad())?;
    }
    if !plain.is_empty() {
        // What stood there must not stay readable in the log.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await.map_err(bad())?;
    }
    Ok(())
}
