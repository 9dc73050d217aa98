//! Sessions: who is signed in where, until when. Only the digest of a cookie's token is stored.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Row};

use crate::codec::{self, Coded};
use crate::time::millis;
use crate::token;
use crate::users::{COLUMN_COUNT, COLUMNS, audit_user, end_sessions, user_row};
use crate::writer::Tx;
use crate::{AuditEvent, Error, Store, Timestamp, TokenHash, User, UserId, UserState};

/// Which site a session belongs to: portal and console never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// The staff portal.
    Portal,
    /// The admin console.
    Admin,
}

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Digest of the cookie's token.
    pub token: TokenHash,
    /// Whose.
    pub user: UserId,
    /// Where.
    pub site: Site,
    /// It ends when unused for this long.
    pub idle: Duration,
    /// It ends after this long in any case.
    pub absolute: Duration,
    /// How far the sign-in is.
    pub stage: Stage,
    /// Where it was opened from, for the list of sessions.
    pub peer: Option<IpAddr>,
    /// Whether a provider has asked for a second factor already, and its word counts.
    pub vouched: bool,
}

/// A session that is still good.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose.
    pub user: User,
    /// Since when.
    pub created: Timestamp,
    /// When it ends in any case.
    pub expires: Timestamp,
    /// How far the sign-in is.
    pub stage: Stage,
    /// Whether a provider has asked for a second factor already, and its word counts.
    pub vouched: bool,
}

/// How far a sign-in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Signed in.
    Full,
    /// The password was right; the second factor is still to come.
    Code,
}

/// Names a session in lists: the beginning of its token's digest, with which nobody can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// A name as it stands in a form; `None` for anything but 16 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| SessionId(text.to_owned()))
    }

    /// The name as it stands in a form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of a token's session.
    pub fn of(token: &TokenHash) -> Self {
        SessionId(token::hex(token.as_bytes()).chars().take(16).collect())
    }
}

/// A session in a list.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Names it.
    pub id: SessionId,
    /// Where.
    pub site: Site,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used, to the minute.
    pub seen: Timestamp,
    /// When it ends in any case.
    pub expires: Timestamp,
    /// Where it was opened from.
    pub peer: Option<IpAddr>,
}

impl Store {
    /// Opens a session on the ground of a password: `verified` is the hash that it fitted. The answer is whether that is still the
    /// user's, the user may still sign in, and, for a whole session that no provider vouches for, no second factor is asked for: all of it may have changed while
    /// the password was being checked.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn open_session(&self, session: NewSession, verified: &str) -> Result<bool, Error> {
        let verified = verified.to_owned();
        self.write(move |tx| {
            let (session, verified) = (session.clone(), verified.clone());
            Box::pin(async move {
                let good: Option<(i64,)> = sqlx::query_as(
                    "SELECT 1 FROM users u WHERE u.id = ?1 AND u.password_hash = ?2 AND u.state = ?3
                     AND (?4 <> ?5 OR ?6 OR NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.user_id = u.id))",
                )
                .bind(session.user.0)
                .bind(verified)
                .bind(UserState::Active.code())
                .bind(session.stage.code())
                .bind(Stage::Full.code())
                .bind(session.vouched)
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("opening a session"))?;
                if good.is_none() {
                    return Ok(false);
                }
                insert(tx, &session).await?;
                Ok(true)
            })
        })
        .await
    }

    /// The session of a token on a site, if it is still good and its user may sign in; its idle time begins anew.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Damaged`], or any error of the writer.
    pub async fn session(&self, token: &TokenHash, site: Site) -> Result<Option<Session>, Error> {
        let now = self.now();
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS}, s.created, s.expires, s.seen, s.stage, s.vouched
             FROM session s JOIN users u ON u.id = s.user_id
             WHERE s.token = ?1 AND s.site = ?2 AND s.expires > ?3 AND s.seen + s.idle > ?3 AND u.state = 0"
        )))
        .bind(token.as_bytes())
        .bind(site.code())
        .bind(now.unix_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(Error::database("reading a session"))?;
        let Some(row) = row else { return Ok(None) };
        let get = |error| Error::database("reading a session")(error);
        let seen = Timestamp::from_unix_millis(row.try_get(COLUMN_COUNT + 2).map_err(get)?);
        if now.since(seen) > SEEN_EVERY {
            let token = *token;
            self.write(move |tx| {
                Box::pin(async move {
                    sqlx::query("UPDATE session SET seen = ?2 WHERE token = ?1")
                        .bind(token.as_bytes())
                        .bind(tx.now.unix_millis())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("renewing a session"))?;
                    Ok(())
                })
            })
            .await?;
        }
        Ok(Some(Session {
            user: user_row(&row)?,
            created: Timestamp::from_unix_millis(row.try_get(COLUMN_COUNT).map_err(get)?),
            expires: Timestamp::from_unix_millis(row.try_get(COLUMN_COUNT + 1).map_err(get)?),
            stage: Stage::from_code(row.try_get(COLUMN_COUNT + 3).map_err(get)?)?,
            vouched: row.try_get(COLUMN_COUNT + 4).map_err(get)?,
        }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn close_session(&self, token: &TokenHash) -> Result<(), Error> {
        let token = *token;
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("DELETE FROM session WHERE token = ?1")
                    .bind(token.as_bytes())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("ending a session"))?;
                Ok(())
            })
        })
        .await
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn close_sessions_of(&self, user: UserId, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                end_sessions(tx, user).await?;
                audit_user(tx, actor, AuditEvent::SessionsClosed, user, json!(null));
                Ok(())
            })
        })
        .await
    }

    /// Ends a session and opens another in its place: what was known of the first is worth nothing afterwards.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the first is not there (any more); any error of the writer.
    pub async fn replace_session(&self, old: &TokenHash, session: NewSession) -> Result<(), Error> {
        let old = *old;
        self.write(move |tx| {
            let session = session.clone();
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM session WHERE token = ?1 AND user_id = ?2")
                    .bind(old.as_bytes())
                    .bind(session.user.0)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("ending a session"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("session"));
                }
                insert(tx, &session).await
            })
        })
        .await
    }

    /// The sessions of a user that are still good, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionRow>, Error> {
        let rows = sqlx::query(
            "SELECT token, site, created, seen, expires, peer FROM session
             WHERE user_id = ?1 AND expires > ?2 AND seen + idle > ?2 ORDER BY created DESC LIMIT ?3",
        )
        .bind(user.0)
        .bind(self.now().unix_millis())
        .bind(LISTED)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing sessions"))?;
        let get = |error| Error::database("reading a session")(error);
        let at = |millis: Result<i64, sqlx::Error>| millis.map(Timestamp::from_unix_millis).map_err(get);
        rows.iter()
            .map(|row| {
                let token: &[u8] = row.try_get(0).map_err(get)?;
                let peer: Option<&str> = row.try_get(5).map_err(get)?;
                Ok(SessionRow {
                    id: SessionId(token::hex(token).chars().take(16).collect()),
                    site: Site::from_code(row.try_get(1).map_err(get)?)?,
                    created: at(row.try_get(2))?,
                    seen: at(row.try_get(3))?,
                    expires: at(row.try_get(4))?,
                    peer: codec::peer(peer)?,
                })
            })
            .collect()
    }

    /// Ends one session of a user. One that has ended already is none.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn close_session_of(&self, user: UserId, id: &SessionId, actor: &str) -> Result<(), Error> {
        let (id, actor) = (id.clone(), actor.to_owned());
        self.write(move |tx| {
            let (id, actor) = (id.clone(), actor.clone());
            Box::pin(async move {
                let done =
                    sqlx::query("DELETE FROM session WHERE user_id = ?1 AND lower(hex(substr(token, 1, 8))) = ?2")
                        .bind(user.0)
                        .bind(id.as_str())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("ending a session"))?;
                if done.rows_affected() > 0 {
                    audit_user(tx, actor, AuditEvent::SessionClosed, user, json!(id.as_str()));
                }
                Ok(())
            })
        })
        .await
    }
}

/// Refuses what a session asks for that has ended meanwhile: whoever ended it must not find a key or a second factor of it afterwards.
pub(crate) async fn still_open(tx: &mut Tx, user: UserId, session: &TokenHash) -> Result<(), Error> {
    let found: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM session WHERE token = ?1 AND user_id = ?2 AND stage = ?3")
            .bind(session.as_bytes())
            .bind(user.0)
            .bind(Stage::Full.code())
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("looking for a session"))?;
    found.map(drop).ok_or(Error::NotFound("session"))
}

async fn insert(tx: &mut Tx, session: &NewSession) -> Result<(), Error> {
    let now = tx.now;
    sqlx::query(
        "INSERT INTO session (token, user_id, site, created, seen, idle, expires, stage, peer, vouched)
         VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .bind(session.token.as_bytes())
    .bind(session.user.0)
    .bind(session.site.code())
    .bind(now.unix_millis())
    .bind(millis(session.idle))
    .bind(now.plus(session.absolute).unix_millis())
    .bind(session.stage.code())
    .bind(session.peer.map(|peer| peer.to_string()))
    .bind(session.vouched)
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("opening a session"))?;
    Ok(())
}

/// How stale the time of last use may be: a page with ten pictures must not be ten commits. A session can end so much earlier than its
/// last use suggests.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Sessions listed of one user.
const LISTED: i64 = 100;
