//! What other systems are told of (webhooks): written in the transaction that makes it true, handed out until it is taken.
//!
//! Who is told what is in [`StoreConfig::hooks`](crate::StoreConfig::hooks). An event names receipts and numbers, never people, subjects or
//! file names: whoever needs those asks with a key of their own.

use std::time::Duration;

use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::read::{self, time};
use crate::sql::Many;
use crate::writer::Tx;
use crate::{AuditEvent, Error, Page, Store, Timestamp};

/// Something that other systems may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A mail or an upload is finished.
    FileCompleted,
    /// Some of it went into quarantine.
    FileQuarantined,
    /// Somebody asks for an original.
    RequestCreated,
    /// That was decided.
    RequestDecided,
    /// A part of the gateway does not work as it should.
    SystemDegraded,
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 5] = [
        Event::FileCompleted,
        Event::FileQuarantined,
        Event::RequestCreated,
        Event::RequestDecided,
        Event::SystemDegraded,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Event::FileCompleted => "file.completed",
            Event::FileQuarantined => "file.quarantined",
            Event::RequestCreated => "request.created",
            Event::RequestDecided => "request.decided",
            Event::SystemDegraded => "system.degraded",
        }
    }

    /// The event of a stable name.
    pub fn from_name(name: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// Who is told of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Names it in lists and in the database.
    pub name: String,
    /// What it is told of.
    pub events: Vec<Event>,
}

/// One event on its way to one hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookDeliveryId(pub i64);

/// Whether an event has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookState {
    /// Not yet.
    Waiting,
    /// It has.
    Taken,
    /// It has not, and it is not tried again.
    GivenUp,
}

/// An event on its way.
#[derive(Debug, Clone)]
pub struct HookDelivery {
    /// Names it.
    pub id: HookDeliveryId,
    /// The hook.
    pub hook: String,
    /// The event's stable name.
    pub event: String,
    /// What there is to say, as a JSON object.
    pub data: String,
    /// When it happened.
    pub created: Timestamp,
    /// When it is tried next.
    pub due: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether it has arrived.
    pub state: HookState,
    /// HTTP status of the last try, when there was an answer.
    pub status: Option<u16>,
    /// What the last try failed of.
    pub note: Option<String>,
    /// When it was taken or given up.
    pub finished: Option<Timestamp>,
}

/// What came of one try.
#[derive(Debug, Clone)]
pub struct HookTried {
    /// Which.
    pub id: HookDeliveryId,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What it failed of.
    pub note: Option<String>,
    /// What follows.
    pub then: HookThen,
}

/// What follows a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookThen {
    /// It was taken.
    Taken,
    /// It is tried again after this time, unless its life ends before.
    Again(Duration),
    /// It is not tried again.
    GiveUp,
}

/// How one hook stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookFigures {
    /// Events that wait.
    pub waiting: u64,
    /// When it took the last one.
    pub last_taken: Option<Timestamp>,
}

impl Store {
    /// Notes an event that is no change of the store.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn tell(&self, event: Event, data: &serde_json::Value) -> Result<(), Error> {
        let data = data.clone();
        self.write(move |tx| {
            let data = data.clone();
            Box::pin(async move {
                tx.tell(event, &data);
                Ok(())
            })
        })
        .await
    }

    /// Events of a hook whose time has come, the longest waiting first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn hook_due(&self, hook: &str, limit: u32) -> Result<Vec<HookDelivery>, Error> {
        let rows = sqlx::query(
            "SELECT id, hook, event, data, created, due, attempts, state, status, note, finished FROM hook_delivery
             WHERE hook = ?1 AND state = 0 AND due <= ?2 ORDER BY due LIMIT ?3",
        )
        .bind(hook)
        .bind(self.now().unix_millis())
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("looking for events to tell"))?;
        rows.iter().map(row).collect()
    }

    /// Notes what came of tries.
    ///
    /// # Errors
    /// Any error of the writer.
    pub async fn hook_tried(&self, tried: Vec<HookTried>) -> Result<(), Error> {
        self.write(move |tx| {
            let tried = tried.clone();
            Box::pin(async move {
                for one in &tried {
                    note(tx, one).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// A page of a hook's events, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn hook_deliveries(
        &self,
        hook: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<HookDelivery>, Error> {
        let limit = read::limit(limit);
        let rows = sqlx::query(
            "SELECT id, hook, event, data, created, due, attempts, state, status, note, finished FROM hook_delivery
             WHERE hook = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
        )
        .bind(hook)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing events"))?;
        let items = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        Ok(read::page(items, limit, |row| row.id.0))
    }

    /// How a hook stands.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn hook_figures(&self, hook: &str) -> Result<HookFigures, Error> {
        let (waiting, last): (i64, Option<i64>) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM hook_delivery WHERE hook = ?1 AND state = 0),
                    (SELECT max(finished) FROM hook_delivery WHERE hook = ?1 AND state = 1)",
        )
        .bind(hook)
        .fetch_one(self.readers())
        .await
        .map_err(Error::database("counting events"))?;
        Ok(HookFigures { waiting: codec::unsigned(waiting), last_taken: time(last) })
    }

    /// Tells a hook an event again, or at once where it still waits; it lives for a whole day from now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the hook has no such event (any more); any error of the writer.
    pub async fn hook_again(&self, hook: &str, id: HookDeliveryId, actor: &str) -> Result<(), Error> {
        let (hook, actor) = (hook.to_owned(), actor.to_owned());
        self.write(move |tx| {
            let (hook, actor) = (hook.clone(), actor.clone());
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE hook_delivery SET state = 0, attempts = 0, due = ?3, give_up = ?4, finished = NULL
                     WHERE id = ?1 AND hook = ?2",
                )
                .bind(id.0)
                .bind(hook.as_str())
                .bind(tx.now.unix_millis())
                .bind(tx.now.plus(LIFE).unix_millis())
                .execute(&mut tx.connection)
                .await
                .map_err(Error::database("telling an event again"))?;
                if done.rows_affected() != 1 {
                    return Err(Error::NotFound("event"));
                }
                let detail = audit::detail_of(&[("hook", json!(hook)), ("event", json!(id.0))])?;
                tx.audit(Entry { actor: actor.into(), event: AuditEvent::WebhookAgain, message: None, detail });
                Ok(())
            })
        })
        .await
    }
}

async fn note(tx: &mut Tx, tried: &HookTried) -> Result<(), Error> {
    let now = tx.now;
    // One that an administrator sent again meanwhile counts anew; a try that was under way then still counts.
    let (state, due) = match tried.then {
        HookThen::Taken => (HookState::Taken, now),
        HookThen::Again(after) => (HookState::Waiting, now.plus(after)),
        HookThen::GiveUp => (HookState::GivenUp, now),
    };
    sqlx::query(
        "UPDATE hook_delivery SET attempts = attempts + 1, status = ?2, note = ?3, due = ?4,
                state = CASE WHEN ?5 = 0 AND ?4 >= give_up THEN 2 ELSE ?5 END,
                finished = CASE WHEN ?5 = 0 AND ?4 < give_up THEN NULL ELSE ?6 END
         WHERE id = ?1 AND state = 0",
    )
    .bind(tried.id.0)
    .bind(tried.status)
    .bind(tried.note.as_deref().map(crate::work::shortened))
    .bind(due.unix_millis())
    .bind(state.code())
    .bind(now.unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("noting a try"))?;
    Ok(())
}

/// Writes the events of a transaction for every hook that wants them.
pub(crate) async fn write(tx: &mut Tx, told: &[(Event, String)]) -> Result<(), Error> {
    let now = tx.now;
    let hooks = tx.config.clone();
    let mut rows: Vec<(&str, Event, &str)> = Vec::new();
    for hook in &hooks.hooks {
        let wanted = || told.iter().filter(|(event, _)| hook.events.contains(event));
        if wanted().next().is_none() {
            continue;
        }
        // Two looks into indices, however much there is: the newest number less the oldest that waits.
        let (span,): (i64,) = sqlx::query_as(
            "SELECT coalesce((SELECT max(id) FROM hook_delivery), 0)
                  - coalesce((SELECT min(id) FROM hook_delivery WHERE hook = ?1 AND state = 0),
                             (SELECT max(id) FROM hook_delivery), 0)",
        )
        .bind(hook.name.as_str())
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("measuring the events of a hook"))?;
        if span > MOST_WAITING {
            tracing::error!(event = "webhook_overflow", hook = hook.name, limit = MOST_WAITING);
            continue;
        }
        rows.extend(wanted().map(|(event, data)| (hook.name.as_str(), *event, data.as_str())));
    }
    tx.many(&INSERT, &rows, |values, (hook, event, data)| {
        values
            .add(*hook)
            .add(event.name())
            .add(*data)
            .add(now.unix_millis())
            .add(now.unix_millis())
            .add(now.plus(LIFE).unix_millis());
    })
    .await?;
    Ok(())
}

/// Ends what nobody tries any more (its hook is gone from the configuration) and forgets what was finished long ago.
pub(crate) async fn sweep(tx: &mut Tx) -> Result<(), Error> {
    sqlx::query("UPDATE hook_delivery SET state = 2, finished = ?1 WHERE state = 0 AND give_up <= ?1")
        .bind(tx.now.unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("giving up events"))?;
    sqlx::query("DELETE FROM hook_delivery WHERE state > 0 AND finished <= ?1")
        .bind(tx.now.minus(REMEMBERED).unix_millis())
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("forgetting events"))?;
    Ok(())
}

fn row(row: &SqliteRow) -> Result<HookDelivery, Error> {
    let get = |error| Error::database("reading an event")(error);
    let status: Option<i64> = row.try_get(8).map_err(get)?;
    Ok(HookDelivery {
        id: HookDeliveryId(row.try_get(0).map_err(get)?),
        hook: row.try_get(1).map_err(get)?,
        event: row.try_get(2).map_err(get)?,
        data: row.try_get(3).map_err(get)?,
        created: Timestamp::from_unix_millis(row.try_get(4).map_err(get)?),
        due: Timestamp::from_unix_millis(row.try_get(5).map_err(get)?),
        attempts: codec::count(row.try_get(6).map_err(get)?),
        state: HookState::from_code(row.try_get(7).map_err(get)?)?,
        status: status.and_then(|status| u16::try_from(status).ok()),
        note: row.try_get(9).map_err(get)?,
        finished: time(row.try_get(10).map_err(get)?),
    })
}

static INSERT: Many = Many {
    doing: "noting events",
    head: "INSERT INTO hook_delivery (hook, event, data, created, due, give_up) VALUES ",
    columns: 6,
    tail: "",
};

/// How long an event is tried.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is listed afterwards.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Events that may have come since the oldest one that a hook has not taken; further ones are dropped, and the log says so.
const MOST_WAITING: i64 = 1_000_000;
