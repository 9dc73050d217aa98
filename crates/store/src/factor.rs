//! Second factors: a shared secret for time-based codes (RFC 6238) and recovery codes that work once.
//!
//! Computing codes is the web's business; here is kept what must survive a restart: the secret, the newest step that was
//! taken, and the digests of the recovery codes.

use std::fmt;

use serde_json::json;
use sqlx::Row;

use crate::codec;
use crate::users::{audit_user, end_sessions};
use crate::{Error, Store, TokenHash, UserId, audit};

/// A user's second factor.
#[derive(Clone)]
pub struct SecondFactor {
    /// The shared secret.
    pub secret: Vec<u8>,
    /// Recovery codes that are not used yet.
    pub codes_left: u32,
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecondFactor({} bytes)", self.secret.len())
    }
}

impl Store {
    /// The second factor of a user.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, Error> {
        let row = sqlx::query(
            "SELECT secret,
                    (SELECT count(*) FROM recovery_code r WHERE r.user_id = f.user_id AND r.used IS NULL)
             FROM second_factor f WHERE user_id = ?1",
        )
        .bind(user.0)
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a second factor"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a second factor")(error);
        Ok(Some(SecondFactor {
            secret: row.try_get(0).map_err(get)?,
            codes_left: codec::count(row.try_get(1).map_err(get)?),
        }))
    }

    /// Keeps a secret of which a code was seen, with the step of that code, and the recovery codes that go with it. Every session of the
    /// user but `keep` ends.
    ///
    /// # Errors
    /// [`Error::Exists`] when the user has one already; any error of the writer.
    pub async fn enrol_second_factor(
        &self,
        user: UserId,
        secret: Vec<u8>,
        step: u64,
        codes: Vec<TokenHash>,
        keep: TokenHash,
    ) -> Result<(), Error> {
        self.write(move |tx| {
            let (secret, codes) = (secret.clone(), codes.clone());
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO second_factor (user_id, secret, created, last_step) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                )
                .bind(user.0)
                .bind(secret)
                .bind(tx.now.unix_millis())
                .bind(codec::signed(step))
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("enrolling a second factor"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::Exists("second factor"));
                }
                for code in &codes {
                    sqlx::query("INSERT INTO recovery_code (user_id, hash) VALUES (?1, ?2)")
                        .bind(user.0)
                        .bind(code.as_bytes())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("keeping recovery codes"))?;
                }
                // Whoever knew the password alone may be signed in elsewhere.
                sqlx::query("DELETE FROM session WHERE user_id = ?1 AND token <> ?2")
                    .bind(user.0)
                    .bind(keep.as_bytes().to_vec())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("ending sessions"))?;
                audit_user(tx, audit::GATEWAY.to_owned(), "second_factor_enrolled", user, json!(null));
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
                    audit_user(tx, audit::GATEWAY.to_owned(), "recovery_code_used", user, json!(null));
                }
                Ok(taken)
            })
        })
        .await
    }

    /// Removes a user's second factor with its recovery codes and passkeys, and ends their sessions: the next sign-in enrols anew.
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
                    "DELETE FROM api_key WHERE user_id = ?1",
                ] {
                    sqlx::query(sql)
                        .bind(user.0)
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("removing a second factor"))?;
                }
                end_sessions(tx, user).await?;
                audit_user(tx, actor, "second_factor_removed", user, json!(null));
                Ok(())
            })
        })
        .await
    }
}
