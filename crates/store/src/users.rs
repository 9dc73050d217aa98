//! Accounts and the one-time setup token. Hashing passwords is the web's business.

use std::fmt;
use std::net::IpAddr;

use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row};

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::read::time;
use crate::writer::Tx;
use crate::{AuditEvent, Error, Site, Source, Store, Timestamp, TokenHash, hands};

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

impl Role {
    /// Every role, in the order of lists.
    pub const ALL: [Role; 6] =
        [Role::Staff, Role::Approver, Role::Operator, Role::Auditor, Role::TenantAdmin, Role::PlatformAdmin];

    /// Its name in forms, to programs and in the audit log; stable.
    pub fn tag(self) -> &'static str {
        match self {
            Role::Staff => "staff",
            Role::Approver => "approver",
            Role::Operator => "operator",
            Role::Auditor => "auditor",
            Role::TenantAdmin => "tenant_admin",
            Role::PlatformAdmin => "platform_admin",
        }
    }

    /// The role of a [`tag`](Self::tag).
    pub fn tagged(tag: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.tag() == tag)
    }
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Yes.
    Active,
    /// No.
    Disabled,
}

/// Names that no account may have: in the audit they stand for what nobody did in person.
pub const RESERVED_NAMES: [&str; 4] = ["gateway", "icap", "portal", "setup"];

/// Where somebody tried to sign in, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInAt {
    /// The site.
    pub site: Site,
    /// The client's address, where it is known.
    pub peer: Option<IpAddr>,
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
    /// Whether the password was chosen by somebody else and has to be changed.
    pub must_change: bool,
    /// Where their mail goes, in lower case.
    pub address: Option<String>,
    /// Whether a second factor is enrolled.
    pub second_factor: bool,
    /// Who checks their password.
    pub source: Source,
    /// When the source last said that they may sign in; `None` where it said that they may not, and of local accounts.
    pub confirmed: Option<Timestamp>,
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

    /// How many users there are whose passwords are kept here; none means that set-up is not done.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn user_count(&self) -> Result<u64, Error> {
        let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM users WHERE source = 0")
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("counting users"))?;
        Ok(codec::unsigned(count))
    }

    /// A user.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Error> {
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u WHERE u.id = ?1")))
            .bind(id.0)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("reading a user"))?;
        row.as_ref().map(user_row).transpose()
    }

    /// The user of this name.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, Error> {
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM users u WHERE u.name = ?1")))
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("reading a user"))?;
        row.as_ref().map(user_row).transpose()
    }

    /// Makes a user whose password was chosen by `actor`: it has to be changed at the first sign-in.
    ///
    /// # Errors
    /// [`Error::Exists`] when the name or the address is taken; any error of the writer.
    pub async fn invite_user(&self, user: NewUser, address: Option<String>, actor: &str) -> Result<UserId, Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (user, address, actor) = (user.clone(), address.clone(), actor.clone());
            Box::pin(async move {
                address_is_free(tx, address.as_deref(), None).await?;
                let id = insert_user(tx, &user, actor).await?;
                sqlx::query("UPDATE users SET must_change = 1, address = ?2 WHERE id = ?1")
                    .bind(id.0)
                    .bind(address)
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("making a user"))?;
                Ok(id)
            })
        })
        .await
    }

    /// Sets where a user's mail goes.
    ///
    /// # Errors
    /// [`Error::Exists`] when it is somebody else's; [`Error::NotFound`]; any error of the writer.
    pub async fn set_address(&self, user: UserId, address: Option<String>, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (address, actor) = (address.clone(), actor.clone());
            Box::pin(async move {
                address_is_free(tx, address.as_deref(), Some(user)).await?;
                let done = sqlx::query("UPDATE users SET address = ?2 WHERE id = ?1")
                    .bind(user.0)
                    .bind(address.as_deref())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("changing a user"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("user"));
                }
                audit_user(tx, actor, AuditEvent::UserAddressSet, user, json!(address));
                Ok(())
            })
        })
        .await
    }

    /// Sets a password hash that `actor` chose for the user, ends their sessions, their keys and any lock; it has to be changed at the next sign-in.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such local user; any error of the writer.
    pub async fn set_temporary_password(&self, user: UserId, hash: String, actor: &str) -> Result<(), Error> {
        let sql = "UPDATE users SET password_hash = ?2, must_change = 1, failed = 0, locked_until = NULL
                   WHERE id = ?1 AND source = 0";
        self.change_user(user, sql, Value::Text(hash), AuditEvent::UserPasswordReset, json!(null), actor).await
    }

    /// Sets a password hash that the user chose, in place of the one that was verified, and ends their sessions and keys.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such local user or the password is another one by now; any error of the writer.
    pub async fn set_password_hash(&self, user: UserId, verified: &str, hash: String) -> Result<(), Error> {
        let verified = verified.to_owned();
        self.write(move |tx| {
            let (verified, hash) = (verified.clone(), hash.clone());
            Box::pin(async move {
                let done: Option<(String,)> = sqlx::query_as(
                    "UPDATE users SET password_hash = ?3, must_change = 0, failed = 0, locked_until = NULL
                     WHERE id = ?1 AND password_hash = ?2 AND source = 0 RETURNING name",
                )
                .bind(user.0)
                .bind(verified)
                .bind(hash)
                .fetch_optional(&mut tx.connection)
                .await
                .map_err(Error::database("changing a password"))?;
                let (name,) = done.ok_or(Error::NotFound("user"))?;
                end_sessions(tx, user).await?;
                end_keys(tx, user).await?;
                audit_user(tx, name, AuditEvent::UserPasswordSet, user, json!(null));
                Ok(())
            })
        })
        .await
    }

    /// Sets what a local user may do and ends their sessions; that of others follows from their groups. No group gives the role of a platform
    /// administrator, so that it can be taken wherever the account is from.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; [`Error::LastAdministrator`] when no active tenant administrator would be
    /// left; any error of the writer. So in the following.
    pub async fn set_role(&self, user: UserId, role: Role, actor: &str) -> Result<(), Error> {
        let sql = "UPDATE users SET role = ?2 WHERE id = ?1 AND (source = 0 OR role = 5)";
        let to = json!(role.tag());
        self.change_user(user, sql, Value::Number(role.code()), AuditEvent::UserRoleSet, to, actor).await
    }

    /// Sets whether a user may sign in and ends their sessions.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such user; any error of the writer. So in the following.
    pub async fn set_user_state(&self, user: UserId, state: UserState, actor: &str) -> Result<(), Error> {
        let sql = "UPDATE users SET state = ?2 WHERE id = ?1";
        let to = json!(match state {
            UserState::Active => "active",
            UserState::Disabled => "disabled",
        });
        self.change_user(user, sql, Value::Number(state.code()), AuditEvent::UserStateSet, to, actor).await
    }

    /// Counts a failed sign-in, and locks the account when the caller's policy says so.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn sign_in_failed(
        &self,
        user: UserId,
        locked_until: Option<Timestamp>,
        tried: SignInAt,
    ) -> Result<(), Error> {
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
                tried.audit(tx, AuditEvent::SignInFailed, user, json!(locked_until.is_some())).await?;
                Ok(())
            })
        })
        .await
    }

    /// Notes a sign-in and forgets the failures before it.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn sign_in_succeeded(&self, user: UserId, tried: SignInAt) -> Result<(), Error> {
        self.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE users SET failed = 0, locked_until = NULL, last_sign_in = ?2 WHERE id = ?1")
                    .bind(user.0)
                    .bind(tx.now.unix_millis())
                    .execute(&mut tx.connection)
                    .await
                    .map_err(Error::database("noting a sign-in"))?;
                tried.audit(tx, AuditEvent::SignedIn, user, json!(null)).await?;
                Ok(())
            })
        })
        .await
    }

    /// Makes a setup token the only valid one.
    ///
    /// # Errors
    /// Any error of the writer.
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
                let event = AuditEvent::SetupTokenCreated;
                tx.audit(Entry { actor: audit::GATEWAY.into(), event, message: None, detail });
                Ok(())
            })
        })
        .await
    }

    /// Whether a setup token could be used now.
    ///
    /// # Errors
    /// [`Error::Database`].
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
        event: AuditEvent,
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
                let before = administrators(tx).await?;
                let done = query.execute(&mut tx.connection).await.map_err(Error::database("changing a user"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("user"));
                }
                // Asked here and nowhere before: two administrators may take each other's role away at the same time.
                if before > 0 && administrators(tx).await? == 0 {
                    return Err(Error::LastAdministrator);
                }
                // Whoever is signed in with what was true before must sign in again.
                end_sessions(tx, user).await?;
                if event == AuditEvent::UserPasswordReset {
                    // Somebody else may have had the account; what they made ends with it.
                    end_keys(tx, user).await?;
                }
                hands::note(tx, user, &actor).await?;
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

/// A mail must be one person's: two accounts of one address would each see the other's.
pub(crate) async fn address_is_free(tx: &mut Tx, address: Option<&str>, but: Option<UserId>) -> Result<(), Error> {
    let taken: Option<(i64,)> = sqlx::query_as("SELECT id FROM users WHERE address = ?1 AND id <> ?2")
        .bind(address)
        .bind(but.map_or(0, |user| user.0))
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("looking for an address"))?;
    if taken.is_some() { Err(Error::Exists("address")) } else { Ok(()) }
}

pub(crate) async fn insert_user(tx: &mut Tx, user: &NewUser, actor: String) -> Result<UserId, Error> {
    let inserted: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO users (name, password_hash, role, state, failed, created) VALUES (?1, ?2, ?3, ?5, 0, ?4)
         ON CONFLICT (name) DO NOTHING RETURNING id",
    )
    .bind(user.name.as_str())
    .bind(user.password_hash.as_str())
    .bind(user.role.code())
    .bind(tx.now.unix_millis())
    .bind(UserState::Active.code())
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("making a user"))?;
    let (id,) = inserted.ok_or(Error::Exists("user"))?;
    let detail =
        audit::detail_of(&[("user", json!(id)), ("name", json!(user.name)), ("role", json!(user.role.tag()))])?;
    hands::note(tx, UserId(id), &actor).await?;
    tx.audit(Entry { actor: actor.into(), event: AuditEvent::UserCreated, message: None, detail });
    Ok(UserId(id))
}

pub(crate) async fn end_sessions(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM session WHERE user_id = ?1")
        .bind(user.0)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("ending sessions"))?;
    Ok(())
}

/// What was made with the account ends with what it was made with.
pub(crate) async fn end_keys(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    sqlx::query("DELETE FROM api_key WHERE user_id = ?1")
        .bind(user.0)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("ending keys"))?;
    Ok(())
}

/// Tenant administrators who may sign in whatever becomes of a directory or provider.
async fn administrators(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM users WHERE role = ?1 AND state = ?2 AND source = ?3")
        .bind(Role::TenantAdmin.code())
        .bind(UserState::Active.code())
        .bind(Source::Local.code())
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("counting administrators"))?;
    Ok(count)
}

impl SignInAt {
    /// A row of the audit by the person themselves.
    async fn audit(self, tx: &mut Tx, event: AuditEvent, user: UserId, to: serde_json::Value) -> Result<(), Error> {
        let actor = name_of(tx, user).await?;
        let site = match self.site {
            Site::Portal => "portal",
            Site::Admin => "console",
        };
        let peer = self.peer.map(|peer| peer.to_string());
        let detail = json!({"user": user.0, "to": to, "site": site, "peer": peer}).to_string();
        tx.audit(Entry { actor: actor.into(), event, message: None, detail });
        Ok(())
    }
}

/// The name of an account, for what its owner does.
pub(crate) async fn name_of(tx: &mut Tx, user: UserId) -> Result<String, Error> {
    sqlx::query_scalar("SELECT name FROM users WHERE id = ?1")
        .bind(user.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a user"))?
        .ok_or(Error::NotFound("user"))
}

pub(crate) fn audit_user(tx: &mut Tx, actor: String, event: AuditEvent, user: UserId, to: serde_json::Value) {
    let detail = json!({"user": user.0, "to": to}).to_string();
    tx.audit(Entry { actor: actor.into(), event, message: None, detail });
}

pub(crate) fn user_row(row: &SqliteRow) -> Result<User, Error> {
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
        must_change: row.try_get(9).map_err(get)?,
        address: row.try_get(10).map_err(get)?,
        second_factor: row.try_get(11).map_err(get)?,
        source: Source::from_code(row.try_get(12).map_err(get)?)?,
        confirmed: time(row.try_get(13).map_err(get)?),
    })
}

pub(crate) const COLUMNS: &str =
    "u.id, u.name, u.password_hash, u.role, u.state, u.failed, u.locked_until, u.created, u.last_sign_in,
     u.must_change, u.address,
     EXISTS (SELECT 1 FROM second_factor f WHERE f.user_id = u.id), u.source, u.confirmed";
/// How many [`COLUMNS`] there are: what a query adds stands behind them.
pub(crate) const COLUMN_COUNT: usize = 14;
