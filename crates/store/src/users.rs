//! Accounts, sessions and the one-time setup token. Hashing passwords is the web's business.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::read::time;
use crate::time::millis;
use crate::writer::Tx;
use crate::{Error, Store, Timestamp, TokenHash};

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub i64);

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// 職員: uploads, own history, own requests.
    Staff,
    /// 承認者: decides requests.
    Approver,
    /// 運用担当: quarantine, retry.
    Operator,
    /// 監査: reads and exports.
    Auditor,
    /// テナント管理者: policy, users.
    TenantAdmin,
    /// 全体管理者: health, quotas, tenants; sees no content by default.
    PlatformAdmin,
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Yes.
    Active,
    /// No.
    Disabled,
}

/// A user to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The name to sign in with.
    pub name: String,
    /// The password's argon2id hash in PHC string form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
}

/// A user as stored.
#[derive(Clone)]
pub struct User {
    /// Names them.
    pub id: UserId,
    /// The name to sign in with.
    pub name: String,
    /// The password's argon2id hash in PHC string form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub state: UserState,
    /// Failed attempts since the last success.
    pub failed_sign_ins: u32,
    /// Until when sign-in is refused after too many failures.
    pub locked_until: Option<Timestamp>,
    /// Since when they exist.
    pub created: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Option<Timestamp>,
}

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
}

impl fmt::Debug for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewUser")
            .field("name", &self.name)
            .field("password_hash", &format_args!("{} bytes", self.password_hash.len()))
            .field("role", &self.role)
            .finish()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("password_hash", &format_args!("{} bytes", self.password_hash.len()))
            .field("role", &self.role)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a user.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name is taken; any error of the writer.
    pub async fn create_user(&self, user: NewUser, actor: &str) -> Result<UserId, Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (user, actor) = (user.clone(), actor.clone());
            Box::pin(async move { insert_user(tx, &user, actor).await })
        })
        .await
    }

    /// Every user, by name.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`], here and in the following.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u ORDER BY u.name")))
            .fetch_all(self.readers())
            .await
            .map_err(Error::database("listing users"))?;
        rows.iter().map(user_row).collect()
    }

    /// How many users there are; none means that set-up is not done.
    pub async fn user_count(&self) -> Result<u64, Error> {
        let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM users")
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("counting users"))?;
        Ok(codec::unsigned(count))
    }

    /// A user.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Error> {
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u WHERE u.id = ?1")))
            .bind(id.0)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("reading a user"))?;
        row.as_ref().map(user_row).transpose()
    }

    /// The user of this name.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, Error> {
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u WHERE u.name = ?1")))
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("reading a user"))?;
        row.as_ref().map(user_row).transpose()
    }

    /// Sets a user's password hash and ends their sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; any error of the writer. So in the following.
    pub async fn set_password_hash(&self, user: UserId, hash: String, actor: &str) -> Result<(), Error> {
        let sql = "UPDATE users SET password_hash = ?2, failed = 0, locked_until = NULL WHERE id = ?1";
        self.change_user(user, sql, Value::Text(hash), "user_password_set", json!(null), actor).await
    }

    /// Sets what a user may do and ends their sessions.
    pub async fn set_role(&self, user: UserId, role: Role, actor: &str) -> Result<(), Error> {
        let sql = "UPDATE users SET role = ?2 WHERE id = ?1";
        let to = json!(role_name(role));
        self.change_user(user, sql, Value::Number(role.code()), "user_role_set", to, actor).await
    }

    /// Sets whether a user may sign in and ends their sessions.
    pub async fn set_user_state(&self, user: UserId, state: UserState, actor: &str) -> Result<(), Error> {
        let sql = "UPDATE users SET state = ?2 WHERE id = ?1";
        let to = json!(match state {
            UserState::Active => "active",
            UserState::Disabled => "disabled",
        });
        self.change_user(user, sql, Value::Number(state.code()), "user_state_set", to, actor).await
    }

    /// Counts a failed sign-in, and locks the account when the caller's policy says so.
    pub async fn sign_in_failed(&self, user: UserId, locked_until: Option<Timestamp>) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE users SET failed = failed + 1, locked_until = coalesce(?2, locked_until) WHERE id = ?1",
                )
                .bind(user.0)
                .bind(locked_until.map(Timestamp::unix_millis))
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("counting a failed sign-in"))?;
                audit_user(tx, audit::GATEWAY.to_owned(), "sign_in_failed", user, json!(locked_until.is_some()));
                Ok(())
            })
        })
        .await
    }

    /// Notes a sign-in and forgets the failures before it.
    pub async fn sign_in_succeeded(&self, user: UserId) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE users SET failed = 0, locked_until = NULL, last_sign_in = ?2 WHERE id = ?1")
                    .bind(user.0)
                    .bind(tx.now.unix_millis())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("noting a sign-in"))?;
                audit_user(tx, audit::GATEWAY.to_owned(), "signed_in", user, json!(null));
                Ok(())
            })
        })
        .await
    }

    /// Opens a session.
    pub async fn open_session(&self, session: NewSession) -> Result<(), Error> {
        self.write(move |tx| {
            let session = session.clone();
            Box::pin(async move {
                let now = tx.now;
                sqlx::query(
                    "INSERT INTO session (token, user_id, site, created, seen, idle, expires)
                     VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)",
                )
                .bind(session.token.as_bytes())
                .bind(session.user.0)
                .bind(session.site.code())
                .bind(now.unix_millis())
                .bind(millis(session.idle))
                .bind(now.plus(session.absolute).unix_millis())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("opening a session"))?;
                Ok(())
            })
        })
        .await
    }

    /// The session of a token on a site, if it is still good and its user may sign in; its idle time begins anew.
    pub async fn session(&self, token: &TokenHash, site: Site) -> Result<Option<Session>, Error> {
        let now = self.now();
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS}, s.created, s.expires, s.seen FROM session s JOIN users u ON u.id = s.user_id
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
        let seen = Timestamp::from_unix_millis(row.try_get(11).map_err(get)?);
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
            created: Timestamp::from_unix_millis(row.try_get(9).map_err(get)?),
            expires: Timestamp::from_unix_millis(row.try_get(10).map_err(get)?),
        }))
    }

    /// Ends a session.
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
    pub async fn close_sessions_of(&self, user: UserId, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                end_sessions(tx, user).await?;
                audit_user(tx, actor, "sessions_closed", user, json!(null));
                Ok(())
            })
        })
        .await
    }

    /// Makes a setup token the only valid one.
    pub async fn create_setup_token(&self, token: TokenHash, expires: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("DELETE FROM setup_token")
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("replacing the setup token"))?;
                sqlx::query("INSERT INTO setup_token (token, created, expires) VALUES (?1, ?2, ?3)")
                    .bind(token.as_bytes())
                    .bind(tx.now.unix_millis())
                    .bind(expires.unix_millis())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("storing the setup token"))?;
                let detail = audit::detail_of(&[("expires", expires.unix_millis())])?;
                let event = "setup_token_created";
                tx.audit(Entry { actor: audit::GATEWAY.into(), event, message: None, detail });
                Ok(())
            })
        })
        .await
    }

    /// Whether a setup token could be used now.
    pub async fn setup_token_valid(&self, token: &TokenHash) -> Result<bool, Error> {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT 1 FROM setup_token WHERE token = ?1 AND used IS NULL AND expires > ?2")
                .bind(token.as_bytes())
                .bind(self.now().unix_millis())
                .fetch_optional(self.readers())
                .await
                .map_err(Error::database("reading the setup token"))?;
        Ok(row.is_some())
    }

    /// Uses the setup token to make a user. It works once.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the token is unknown, used or expired; [`Error::Exists`] when the name is taken (the
    /// token can then still be used).
    pub async fn use_setup_token(&self, token: &TokenHash, user: NewUser) -> Result<UserId, Error> {
        let token = *token;
        self.write(move |tx| {
            let user = user.clone();
            Box::pin(async move {
                let used =
                    sqlx::query("UPDATE setup_token SET used = ?2 WHERE token = ?1 AND used IS NULL AND expires > ?2")
                        .bind(token.as_bytes())
                        .bind(tx.now.unix_millis())
                        .execute(&mut tx.connection)
                        .await
                        .map_err(Error::database("using the setup token"))?;
                if used.rows_affected() != 1 {
                    return Err(Error::NotFound("setup token"));
                }
                insert_user(tx, &user, "setup".to_owned()).await
            })
        })
        .await
    }

    async fn change_user(
        &self,
        user: UserId,
        sql: &'static str,
        value: Value,
        event: &'static str,
        to: serde_json::Value,
        actor: &str,
    ) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (actor, value, to) = (actor.clone(), value.clone(), to.clone());
            Box::pin(async move {
                let query = sqlx::query(sql).bind(user.0);
                let query = match value {
                    Value::Text(text) => query.bind(text),
                    Value::Number(number) => query.bind(number),
                };
                let done = query.execute(&mut tx.connection).await.map_err(Error::database("changing a user"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("user"));
                }
                // Whoever is signed in with what was true before must sign in again.
                end_sessions(tx, user).await?;
                audit_user(tx, actor, event, user, to);
                Ok(())
            })
        })
        .await
    }
}

#[derive(Clone)]
enum Value {
    Text(String),
    Number(i64),
}

async fn insert_user(tx: &mut Tx, user: &NewUser, actor: String) -> Result<UserId, Error> {
    let inserted: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO users (name, password_hash, role, state, failed, created) VALUES (?1, ?2, ?3, 0, 0, ?4)
         ON CONFLICT (name) DO NOTHING RETURNING id",
    )
    .bind(user.name.as_str())
    .bind(user.password_hash.as_str())
    .bind(user.role.code())
    .bind(tx.now.unix_millis())
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("making a user"))?;
    let (id,) = inserted.ok_or(Error::Exists("user"))?;
    let detail =
        audit::detail_of(&[("user", json!(id)), ("name", json!(user.name)), ("role", json!(role_name(user.role)))])?;
    tx.audit(Entry { actor: actor.into(), event: "user_created", message: None, detail });
    Ok(UserId(id))
}

async fn end_sessions(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM session WHERE user_id = ?1")
        .bind(user.0)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("ending sessions"))?;
    Ok(())
}

fn audit_user(tx: &mut Tx, actor: String, event: &'static str, user: UserId, to: serde_json::Value) {
    let detail = json!({"user": user.0, "to": to}).to_string();
    tx.audit(Entry { actor: actor.into(), event, message: None, detail });
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Staff => "staff",
        Role::Approver => "approver",
        Role::Operator => "operator",
        Role::Auditor => "auditor",
        Role::TenantAdmin => "tenant_admin",
        Role::PlatformAdmin => "platform_admin",
    }
}

fn user_row(row: &SqliteRow) -> Result<User, Error> {
    let get = |error| Error::database("reading a user row")(error);
    Ok(User {
        id: UserId(row.try_get(0).map_err(get)?),
        name: row.try_get(1).map_err(get)?,
        password_hash: row.try_get(2).map_err(get)?,
        role: Role::from_code(row.try_get(3).map_err(get)?)?,
        state: UserState::from_code(row.try_get(4).map_err(get)?)?,
        failed_sign_ins: codec::count(row.try_get(5).map_err(get)?),
        locked_until: time(row.try_get(6).map_err(get)?),
        created: Timestamp::from_unix_millis(row.try_get(7).map_err(get)?),
        last_sign_in: time(row.try_get(8).map_err(get)?),
    })
}

const COLUMNS: &str =
    "u.id, u.name, u.password_hash, u.role, u.state, u.failed, u.locked_until, u.created, u.last_sign_in";
/// How stale the time of last use may be: a page with ten pictures must not be ten commits.
const SEEN_EVERY: Duration = Duration::from_secs(60);
