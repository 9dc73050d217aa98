//! Accounts that a directory or a provider vouches for: made and changed when they sign in, never mixed up with local ones.

use serde_json::json;
use sqlx::{AssertSqlSafe, Row};

use crate::audit::{self, Entry};
use crate::codec::Coded;
use crate::users::{COLUMNS, address_is_free, audit_user, end_sessions, user_row};
use crate::writer::Tx;
use crate::{AuditEvent, Error, Role, Store, Timestamp, User, UserId, UserState};

/// Who checks a user's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// This gateway.
    Local,
    /// A directory (LDAP).
    Directory,
    /// A provider (OpenID Connect).
    Provider,
}

/// Somebody of whom the source says that they may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Who says so.
    pub source: Source,
    /// Who they are there, by a name that is never given to anybody else.
    pub subject: String,
    /// The name to show and to sign in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where their mail goes, in lower case; `None` leaves what is known.
    pub address: Option<String>,
}

/// An external account that is in use and that the source should be asked about again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// Names it.
    pub id: UserId,
    /// Who they are at the source.
    pub subject: String,
    /// The name to sign in with.
    pub name: String,
}

impl Store {
    /// Makes the account of somebody whom the source lets in, or brings the one there is up to date. A new role ends the sessions.
    ///
    /// An account is found by source and subject alone. Where the name is that of another account of the same source (an earlier person of
    /// that name), the other is put aside under a name that nobody can have; a local account is never touched.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is that of an account of another source; any error of the writer.
    pub async fn external_sign_in(&self, who: External) -> Result<User, Error> {
        self.write(move |tx| {
            let who = who.clone();
            Box::pin(async move {
                let known = of_subject(tx, &who).await?;
                let id = match &known {
                    Some(user) => {
                        rename(tx, user, &who).await?;
                        change(tx, user, &who).await?;
                        user.id
                    }
                    None => make(tx, &who).await?,
                };
                let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u WHERE u.id = ?1")))
                    .bind(id.0)
                    .fetch_one(&mut tx.connection)
                    .await
                    .map_err(Error::database("reading a user"))?;
                user_row(&row)
            })
        })
        .await
    }

    /// The account that a source knows by this name, if there is one.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn external_account(&self, source: Source, subject: &str) -> Result<Option<UserId>, Error> {
        let found: Option<(i64,)> =
            sqlx::query_as("SELECT id FROM users WHERE source = ?1 AND subject = ?2 AND source <> 0")
                .bind(source.code())
                .bind(subject)
                .fetch_optional(self.readers())
                .await
                .map_err(Error::database("looking for an external account"))?;
        Ok(found.map(|(id,)| UserId(id)))
    }

    /// The accounts of a source that have a session or a key and were last confirmed before `before`, the longest ago first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn unconfirmed(&self, source: Source, before: Timestamp) -> Result<Vec<Unconfirmed>, Error> {
        let rows = sqlx::query(
            "SELECT u.id, u.subject, u.name FROM users u
             WHERE u.source = ?1 AND u.state = 0 AND u.subject IS NOT NULL AND u.confirmed < ?2 AND
             (EXISTS (SELECT 1 FROM session s WHERE s.user_id = u.id AND s.expires > ?3 AND s.seen + s.idle > ?3) OR
              EXISTS (SELECT 1 FROM api_key k WHERE k.user_id = u.id AND k.revoked IS NULL AND k.expires > ?3))
             ORDER BY u.confirmed LIMIT ?4",
        )
        .bind(source.code())
        .bind(before.unix_millis())
        .bind(self.now().unix_millis())
        .bind(AT_A_TIME)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing external accounts"))?;
        let get = |error| Error::database("reading an external account")(error);
        rows.iter()
            .map(|row| {
                Ok(Unconfirmed {
                    id: UserId(row.try_get(0).map_err(get)?),
                    subject: row.try_get(1).map_err(get)?,
                    name: row.try_get(2).map_err(get)?,
                })
            })
            .collect()
    }

    /// Notes that the source does not let a user in any more: their sessions end, and their keys are good for nothing until it does again.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn external_gone(&self, user: UserId) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE users SET confirmed = NULL WHERE id = ?1 AND source <> 0")
                    .bind(user.0)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("changing a user"))?;
                end_sessions(tx, user).await?;
                audit_user(tx, audit::GATEWAY.to_owned(), AuditEvent::ExternalUserGone, user, json!(null));
                Ok(())
            })
        })
        .await
    }
}

async fn of_subject(tx: &mut Tx, who: &External) -> Result<Option<User>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.source = ?1 AND u.subject = ?2 AND u.source <> 0");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(who.source.code())
        .bind(who.subject.as_str())
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a user"))?;
    row.as_ref().map(user_row).transpose()
}

/// Makes the name free for whoever has it at the source now.
async fn free_name(tx: &mut Tx, who: &External) -> Result<(), Error> {
    let taken: Option<(i64, i64)> = sqlx::query_as("SELECT id, source FROM users WHERE name = ?1")
        .bind(who.name.as_str())
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("looking for a name"))?;
    let Some((id, source)) = taken else { return Ok(()) };
    if source != who.source.code() || who.source == Source::Local {
        return Err(Error::Exists("user"));
    }
    // No name that is signed in with has a tilde in it. The address goes to whoever has it now.
    sqlx::query("UPDATE users SET name = name || '~' || id, address = NULL, confirmed = NULL WHERE id = ?1")
        .bind(id)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("changing a user"))?;
    end_sessions(tx, UserId(id)).await?;
    audit_user(tx, audit::GATEWAY.to_owned(), AuditEvent::ExternalUserPutAside, UserId(id), json!(null));
    Ok(())
}

async fn rename(tx: &mut Tx, user: &User, who: &External) -> Result<(), Error> {
    if user.name == who.name {
        return Ok(());
    }
    free_name(tx, who).await?;
    sqlx::query("UPDATE users SET name = ?2 WHERE id = ?1")
        .bind(user.id.0)
        .bind(who.name.as_str())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("changing a user"))?;
    audit_user(tx, audit::GATEWAY.to_owned(), AuditEvent::UserRenamed, user.id, json!(who.name));
    Ok(())
}

async fn change(tx: &mut Tx, user: &User, who: &External) -> Result<(), Error> {
    if user.role != who.role {
        // Whoever is signed in with what was true before must sign in again.
        end_sessions(tx, user.id).await?;
        audit_user(tx, audit::GATEWAY.to_owned(), AuditEvent::UserRoleSet, user.id, json!(who.role.tag()));
    }
    sqlx::query("UPDATE users SET role = ?2, confirmed = ?3 WHERE id = ?1")
        .bind(user.id.0)
        .bind(who.role.code())
        .bind(tx.now.unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("changing a user"))?;
    if who.address != user.address {
        set_address(tx, user.id, who).await?;
    }
    Ok(())
}

async fn make(tx: &mut Tx, who: &External) -> Result<UserId, Error> {
    if who.source == Source::Local {
        return Err(Error::Invalid("source of an external account"));
    }
    free_name(tx, who).await?;
    let (id,): (i64,) = sqlx::query_as(
        "INSERT INTO users (name, password_hash, role, state, failed, created, source, subject, confirmed)
         VALUES (?1, '', ?2, ?6, 0, ?3, ?4, ?5, ?3) RETURNING id",
    )
    .bind(who.name.as_str())
    .bind(who.role.code())
    .bind(tx.now.unix_millis())
    .bind(who.source.code())
    .bind(who.subject.as_str())
    .bind(UserState::Active.code())
    .fetch_one(&mut tx.connection)
    .await
    .map_err(Error::database("making a user"))?;
    let detail = audit::detail_of(&[
        ("user", json!(id)),
        ("name", json!(who.name)),
        ("role", json!(who.role.tag())),
        ("subject", json!(who.subject)),
    ])?;
    tx.audit(Entry { actor: audit::GATEWAY.into(), event: AuditEvent::UserCreated, message: None, detail });
    set_address(tx, UserId(id), who).await?;
    Ok(UserId(id))
}

/// Where the mail goes as the source says, unless that is somebody else's address: then it is left as it was.
async fn set_address(tx: &mut Tx, user: UserId, who: &External) -> Result<(), Error> {
    let Some(address) = &who.address else { return Ok(()) };
    match address_is_free(tx, Some(address), Some(user)).await {
        Ok(()) => {}
        Err(Error::Exists(_)) => return Ok(()),
        Err(error) => return Err(error),
    }
    sqlx::query("UPDATE users SET address = ?2 WHERE id = ?1")
        .bind(user.0)
        .bind(address.as_str())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("changing a user"))?;
    audit_user(tx, audit::GATEWAY.to_owned(), AuditEvent::UserAddressSet, user, json!(address));
    Ok(())
}

/// External accounts that are asked about in one go.
const AT_A_TIME: i64 = 1_000;
