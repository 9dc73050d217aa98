//! Changes of many accounts at once (人事異動), now or at a time to come: all of one list in one transaction.
//!
//! A list that takes effect later is applied to the accounts as they are then: what does not fit any more (a name that is taken, an account
//! that is gone, the role of one that comes from a directory, the last administrator, a platform administrator) is skipped, counted and named in the audit; the rest takes effect.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Row;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::read::time;
use crate::users::{audit_user, end_sessions, insert_user};
use crate::writer::Tx;
use crate::{AuditEvent, Error, NewUser, Role, Store, Timestamp, UserId, UserState, hands};

/// What becomes of one account.
#[derive(Debug, Clone)]
pub enum UserChange {
    /// It is made, with a password that has to be changed.
    Add {
        /// The account.
        user: NewUser,
        /// Where its mail goes.
        address: Option<String>,
    },
    /// It is changed; what is `None` stays.
    Set {
        /// Its name.
        name: String,
        /// What it may do.
        role: Option<Role>,
        /// Where its mail goes; the inner `None` is nowhere.
        address: Option<Option<String>>,
        /// Whether it may sign in.
        state: Option<UserState>,
    },
}

/// How many accounts a list adds, changes and stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// Made.
    pub added: u32,
    /// Changed.
    pub changed: u32,
    /// No longer signed in.
    pub stopped: u32,
    /// Left out, because it did not fit any more.
    pub skipped: u32,
}

/// A list of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChangeSetId(pub i64);

/// A list of changes in a list of them.
#[derive(Debug, Clone)]
pub struct ChangeSet {
    /// Names it.
    pub id: ChangeSetId,
    /// Who made it.
    pub actor: String,
    /// When.
    pub created: Timestamp,
    /// When it takes effect.
    pub effective: Timestamp,
    /// What became of it.
    pub state: ChangeState,
    /// When that was.
    pub finished: Option<Timestamp>,
    /// What it does.
    pub counts: ChangeCounts,
}

/// What became of a list of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeState {
    /// It waits for its time.
    Planned,
    /// It has taken effect.
    Done,
    /// It was withdrawn.
    Withdrawn,
}

impl ChangeCounts {
    /// Counts a list.
    pub fn of(changes: &[UserChange]) -> Self {
        let mut counts = Self::default();
        for change in changes {
            let slot = match change {
                UserChange::Add { .. } => &mut counts.added,
                UserChange::Set { state: Some(UserState::Disabled), .. } => &mut counts.stopped,
                UserChange::Set { .. } => &mut counts.changed,
            };
            *slot = slot.saturating_add(1);
        }
        counts
    }
}

impl Store {
    /// Keeps a list until its time; [`apply_due_changes`](Self::apply_due_changes) carries it out.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is longer than 10,000 rows; any error of the writer.
    pub async fn plan_changes(
        &self,
        changes: &[UserChange],
        effective: Timestamp,
        actor: &str,
    ) -> Result<ChangeSetId, Error> {
        let (rows, counts) = (rows_text(changes)?, ChangeCounts::of(changes));
        let actor = actor.to_owned();
        self.write(move |tx| {
            let (rows, actor) = (rows.clone(), actor.clone());
            Box::pin(async move {
                let (id,): (i64,) = sqlx::query_as(
                    "INSERT INTO change_set (actor, created, effective, added, changed, stopped, rows, actor_id)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT id FROM users WHERE name = ?1)) RETURNING id",
                )
                .bind(actor.as_str())
                .bind(tx.now.unix_millis())
                .bind(effective.unix_millis())
                .bind(counts.added)
                .bind(counts.changed)
                .bind(counts.stopped)
                .bind(rows)
                .fetch_one(&mut tx.connection)
                .await
                .map_err(Error::database("planning changes"))?;
                let detail = audit::detail_of(&[
                    ("set", json!(id)),
                    ("effective", json!(effective.unix_millis())),
                    ("added", json!(counts.added)),
                    ("changed", json!(counts.changed)),
                    ("stopped", json!(counts.stopped)),
                ])?;
                tx.audit(Entry { actor: actor.into(), event: AuditEvent::UserChangesPlanned, message: None, detail });
                Ok(ChangeSetId(id))
            })
        })
        .await
    }

    /// Carries out a list now.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is longer than 10,000 rows; any error of the writer.
    pub async fn change_users(&self, changes: &[UserChange], actor: &str) -> Result<ChangeCounts, Error> {
        let (rows, actor) = (rows(changes)?, actor.to_owned());
        self.write(move |tx| {
            let (rows, actor) = (rows.clone(), actor.clone());
            Box::pin(async move { apply(tx, &rows, &actor, None).await })
        })
        .await
    }

    /// Carries out the lists whose time has come; how many there were.
    ///
    /// # Errors
    /// Any error of the writer; what was carried out before stays so.
    pub async fn apply_due_changes(&self) -> Result<u32, Error> {
        let mut count = 0_u32;
        loop {
            let due: Option<(i64,)> = sqlx::query_as(
                "SELECT id FROM change_set WHERE state = 0 AND effective <= ?1 ORDER BY effective LIMIT 1",
            )
            .bind(self.now().unix_millis())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::database("looking for changes"))?;
            let Some((id,)) = due else { return Ok(count) };
            self.write(move |tx| Box::pin(apply_set(tx, id))).await?;
            count = count.saturating_add(1);
        }
    }

    /// Lists of changes, the newest first, at most a hundred.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn change_sets(&self) -> Result<Vec<ChangeSet>, Error> {
        let rows = sqlx::query(
            "SELECT id, actor, created, effective, state, finished, added, changed, stopped, skipped
             FROM change_set ORDER BY id DESC LIMIT 100",
        )
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing changes"))?;
        let get = |error| Error::database("reading changes")(error);
        rows.iter()
            .map(|row| {
                let counts = ChangeCounts {
                    added: codec::count(row.try_get(6).map_err(get)?),
                    changed: codec::count(row.try_get(7).map_err(get)?),
                    stopped: codec::count(row.try_get(8).map_err(get)?),
                    skipped: codec::count(row.try_get(9).map_err(get)?),
                };
                Ok(ChangeSet {
                    id: ChangeSetId(row.try_get(0).map_err(get)?),
                    actor: row.try_get(1).map_err(get)?,
                    created: Timestamp::from_unix_millis(row.try_get(2).map_err(get)?),
                    effective: Timestamp::from_unix_millis(row.try_get(3).map_err(get)?),
                    state: ChangeState::from_code(row.try_get(4).map_err(get)?)?,
                    finished: time(row.try_get(5).map_err(get)?),
                    counts,
                })
            })
            .collect()
    }

    /// How many lists of an account wait for their time. Once it is no active administrator any more, they come to nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn planned_by(&self, author: UserId) -> Result<u64, Error> {
        let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM change_set WHERE state = 0 AND actor_id = ?1")
            .bind(author.0)
            .fetch_one(self.readers())
            .await
            .map_err(Error::database("counting changes"))?;
        Ok(codec::unsigned(count))
    }

    /// Withdraws a list that has not taken effect.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none such (any more); any error of the writer.
    pub async fn withdraw_changes(&self, id: ChangeSetId, actor: &str) -> Result<(), Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                if withdraw(tx, id.0).await? != 1 {
                    return Err(Error::NotFound("changes"));
                }
                let detail = audit::detail_of(&[("set", id.0)])?;
                tx.audit(Entry { actor: actor.into(), event: AuditEvent::UserChangesWithdrawn, message: None, detail });
                Ok(())
            })
        })
        .await
    }
}

/// A change as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    name: String,
    /// Only of one that is added.
    password_hash: Option<String>,
    role: Option<i64>,
    /// Nowhere is an empty one.
    address: Option<String>,
    state: Option<i64>,
}

fn rows(changes: &[UserChange]) -> Result<Vec<Kept>, Error> {
    if changes.len() > MOST_ROWS {
        return Err(Error::Invalid("a list of more than 10,000 changes"));
    }
    let kept = changes.iter().cloned().map(|change| match change {
        UserChange::Add { user, address } => Kept {
            name: user.name,
            password_hash: Some(user.password_hash),
            role: Some(user.role.code()),
            address: Some(address.unwrap_or_default()),
            state: None,
        },
        UserChange::Set { name, role, address, state } => Kept {
            name,
            password_hash: None,
            role: role.map(Coded::code),
            address: address.map(Option::unwrap_or_default),
            state: state.map(Coded::code),
        },
    });
    Ok(kept.collect())
}

fn rows_text(changes: &[UserChange]) -> Result<String, Error> {
    serde_json::to_string(&rows(changes)?).map_err(|_| Error::Invalid("changes"))
}

/// How many lists that is: none where it has taken effect or was withdrawn before.
async fn withdraw(tx: &mut Tx, id: i64) -> Result<u64, Error> {
    let done = sqlx::query("UPDATE change_set SET state = 2, finished = ?2, rows = '[]' WHERE id = ?1 AND state = 0")
        .bind(id)
        .bind(tx.now.unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("withdrawing changes"))?;
    Ok(done.rows_affected())
}

async fn apply_set(tx: &mut Tx, id: i64) -> Result<(), Error> {
    let found: Option<(String, String, bool)> = sqlx::query_as(
        "SELECT c.actor, c.rows, EXISTS (SELECT 1 FROM users u WHERE u.id = c.actor_id AND u.role = ?2 AND u.state = 0
                                          AND (u.source = 0 OR u.confirmed IS NOT NULL))
         FROM change_set c WHERE c.id = ?1 AND c.state = 0",
    )
    .bind(id)
    .bind(Role::TenantAdmin.code())
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("reading changes"))?;
    let Some((actor, text, may)) = found else { return Ok(()) };
    if !may {
        // Whoever planned it may not make such changes any more: nobody answers for it.
        withdraw(tx, id).await?;
        let detail =
            audit::detail_of(&[("set", json!(id)), ("author", json!(actor)), ("why", json!("no_administrator"))])?;
        tx.audit(Entry {
            actor: audit::GATEWAY.into(),
            event: AuditEvent::UserChangesWithdrawn,
            message: None,
            detail,
        });
        return Ok(());
    }
    let rows: Vec<Kept> = serde_json::from_str(&text).map_err(|_| Error::Damaged("changes"))?;
    let counts = apply(tx, &rows, &actor, Some(id)).await?;
    sqlx::query(
        "UPDATE change_set SET state = 1, finished = ?2, rows = '[]', added = ?3, changed = ?4, stopped = ?5,
                skipped = ?6 WHERE id = ?1",
    )
    .bind(id)
    .bind(tx.now.unix_millis())
    .bind(counts.added)
    .bind(counts.changed)
    .bind(counts.stopped)
    .bind(counts.skipped)
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("ending changes"))?;
    Ok(())
}

async fn apply(tx: &mut Tx, rows: &[Kept], actor: &str, set: Option<i64>) -> Result<ChangeCounts, Error> {
    let mut counts = ChangeCounts::default();
    let mut skipped: Vec<&str> = Vec::new();
    // First whatever sets addresses free, so that one can go from one account to another in the same list.
    let mut before = HashMap::new();
    for row in rows.iter().filter(|row| row.password_hash.is_none() && row.address.is_some()) {
        let old: Option<(i64, Option<String>)> = sqlx::query_as("SELECT id, address FROM users WHERE name = ?1")
            .bind(row.name.as_str())
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("reading accounts"))?;
        if let Some((id, old)) = old {
            set_address(tx, UserId(id), None).await?;
            before.insert(row.name.as_str(), (UserId(id), old));
        }
    }
    for row in rows {
        let done = match &row.password_hash {
            Some(hash) => add(tx, row, hash, actor).await?.then_some(&mut counts.added),
            None => {
                let stops = row.state == Some(UserState::Disabled.code());
                let slot = if stops { &mut counts.stopped } else { &mut counts.changed };
                change(tx, row, actor).await?.then_some(slot)
            }
        };
        match done {
            Some(slot) => *slot = slot.saturating_add(1),
            None => {
                counts.skipped = counts.skipped.saturating_add(1);
                skipped.push(&row.name);
                if let Some((id, old)) = before.remove(row.name.as_str())
                    && !is_taken(tx, old.as_deref()).await?
                {
                    set_address(tx, id, old.as_deref()).await?;
                }
            }
        }
    }
    skipped.truncate(NAMED);
    let detail = audit::detail_of(&[
        ("set", json!(set)),
        ("added", json!(counts.added)),
        ("changed", json!(counts.changed)),
        ("stopped", json!(counts.stopped)),
        ("skipped", json!(counts.skipped)),
        ("skipped_names", json!(skipped)),
    ])?;
    tx.audit(Entry { actor: actor.to_owned().into(), event: AuditEvent::UserChangesDone, message: None, detail });
    Ok(counts)
}

/// Makes an account; false where its name or address is taken, or its role is not given by people who make lists.
async fn add(tx: &mut Tx, row: &Kept, hash: &str, actor: &str) -> Result<bool, Error> {
    let address = row.address.as_deref().filter(|address| !address.is_empty());
    if id_of(tx, &row.name).await?.is_some() || is_taken(tx, address).await? {
        return Ok(false);
    }
    let role = Role::from_code(row.role.unwrap_or_default())?;
    if role == Role::PlatformAdmin {
        return Ok(false);
    }
    let user = NewUser { name: row.name.clone(), password_hash: hash.to_owned(), role };
    let id = insert_user(tx, &user, actor.to_owned()).await?;
    sqlx::query("UPDATE users SET must_change = 1, address = ?2 WHERE id = ?1")
        .bind(id.0)
        .bind(address)
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("making accounts"))?;
    Ok(true)
}

/// Changes an account; false where it is gone, its new address is taken, its role is not given here, or it is the last that can make
/// accounts.
async fn change(tx: &mut Tx, row: &Kept, actor: &str) -> Result<bool, Error> {
    let Some(id) = id_of(tx, &row.name).await? else { return Ok(false) };
    // It may have become one of a directory since the list was made, whose groups say what it may do.
    let role = row.role.map(Role::from_code).transpose()?;
    if role.is_some() && !is_local(tx, id).await? {
        return Ok(false);
    }
    let state = row.state.map(UserState::from_code).transpose()?;
    if role == Some(Role::PlatformAdmin) {
        return Ok(false);
    }
    if is_platform_administrator(tx, id).await? {
        // One that is made elsewhere is stopped as anybody is who is made elsewhere.
        let stops = row.address.is_none() && role.is_none() && state == Some(UserState::Disabled);
        if !stops || is_local(tx, id).await? {
            return Ok(false);
        }
    }
    let loses = role.is_some_and(|role| role != Role::TenantAdmin) || state == Some(UserState::Disabled);
    if loses && is_last_administrator(tx, id).await? {
        return Ok(false);
    }
    if let Some(address) = row.address.as_deref() {
        let address = Some(address).filter(|address| !address.is_empty());
        if is_taken(tx, address).await? {
            return Ok(false);
        }
        set_address(tx, id, address).await?;
        audit_user(tx, actor.to_owned(), AuditEvent::UserAddressSet, id, json!(address));
    }
    if let Some(role) = role {
        set(tx, "UPDATE users SET role = ?2 WHERE id = ?1", id, role.code()).await?;
        audit_user(tx, actor.to_owned(), AuditEvent::UserRoleSet, id, json!(role.tag()));
    }
    if let Some(state) = state {
        set(tx, "UPDATE users SET state = ?2 WHERE id = ?1", id, state.code()).await?;
        let to = match state {
            UserState::Active => "active",
            UserState::Disabled => "disabled",
        };
        audit_user(tx, actor.to_owned(), AuditEvent::UserStateSet, id, json!(to));
    }
    if role.is_some() || state.is_some() {
        hands::note(tx, id, actor).await?;
        end_sessions(tx, id).await?;
    }
    Ok(true)
}

async fn set(tx: &mut Tx, sql: &'static str, id: UserId, value: i64) -> Result<(), Error> {
    let query = sqlx::query(sql).bind(id.0).bind(value);
    query.execute(&mut tx.connection).await.map_err(Error::database("changing accounts"))?;
    Ok(())
}

async fn set_address(tx: &mut Tx, id: UserId, address: Option<&str>) -> Result<(), Error> {
    let query = sqlx::query("UPDATE users SET address = ?2 WHERE id = ?1").bind(id.0).bind(address);
    query.execute(&mut tx.connection).await.map_err(Error::database("changing accounts"))?;
    Ok(())
}

async fn id_of(tx: &mut Tx, name: &str) -> Result<Option<UserId>, Error> {
    let found: Option<(i64,)> = sqlx::query_as("SELECT id FROM users WHERE name = ?1")
        .bind(name)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("looking for an account"))?;
    Ok(found.map(|(id,)| UserId(id)))
}

/// Whether the role of an account is given here: that of others follows from their groups.
async fn is_local(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    let (local,): (bool,) = sqlx::query_as("SELECT source = 0 FROM users WHERE id = ?1")
        .bind(id.0)
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("looking for an account"))?;
    Ok(local)
}

/// Whoever decides which organisations are served is made and ended on the machine, and not by an administrator of one of them.
async fn is_platform_administrator(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    let (is_one,): (bool,) = sqlx::query_as("SELECT role = ?2 FROM users WHERE id = ?1")
        .bind(id.0)
        .bind(Role::PlatformAdmin.code())
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("looking for an account"))?;
    Ok(is_one)
}

async fn is_taken(tx: &mut Tx, address: Option<&str>) -> Result<bool, Error> {
    let Some(address) = address else { return Ok(false) };
    let found: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM users WHERE address = ?1")
        .bind(address)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("looking for an address"))?;
    Ok(found.is_some())
}

async fn is_last_administrator(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    let (last,): (bool,) = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1 AND role = ?2 AND state = 0)
            AND NOT EXISTS (SELECT 1 FROM users WHERE id <> ?1 AND role = ?2 AND state = 0)",
    )
    .bind(id.0)
    .bind(Role::TenantAdmin.code())
    .fetch_one(&mut tx.connection)
    .await
    .map_err(Error::database("counting administrators"))?;
    Ok(last)
}

/// Rows of one list.
const MOST_ROWS: usize = 10_000;
/// Names of skipped rows in the audit.
const NAMED: usize = 50;
