//! The steps of a request: made, decided on, handed over, ended. Each is one transaction with its audit row.

use serde_json::json;

use crate::audit::{self, Entry};
use crate::codec::Coded;
use crate::four_eyes;
use crate::hands::{self, Eyes};
use crate::requests::rows::read;
use crate::requests::wanted::{Wanted, wanted};
use crate::requests::{Need, NewRequest, Request, RequestId};
use crate::work::shortened;
use crate::writer::{SET_COUNTER, Tx};
use crate::{
    AuditEvent, Decision, Denied, Error, Event, ItemClass, RequestRules, RequestState, Role, Timestamp, UserId,
    UserState,
};

/// Makes a request.
pub(super) async fn ask(
    tx: &mut Tx,
    new: &NewRequest,
    rules: &RequestRules,
) -> Result<Result<RequestId, Denied>, Error> {
    let Some(person) = person(tx, new.requester).await? else { return Ok(Err(Denied::Role)) };
    let wanted = wanted(tx, new.message, &new.path).await?;
    if let Err(denied) = four_eyes::may_ask(person.role, wanted.class) {
        return Ok(Err(denied));
    }
    if !wanted.is_kept {
        return Ok(Err(Denied::Gone));
    }
    let (same, open): (i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(message = ?2 AND path = ?3), 0), count(*) FROM request
         WHERE requester = ?1 AND state < 2 AND ends > ?4",
    )
    .bind(new.requester.0)
    .bind(new.message.0)
    .bind(new.path.as_str())
    .bind(tx.now.unix_millis())
    .fetch_one(&mut tx.connection)
    .await
    .map_err(Error::database("counting requests"))?;
    if same > 0 {
        return Ok(Err(Denied::AskedAlready));
    }
    if open >= MOST_OPEN {
        return Ok(Err(Denied::TooMany));
    }
    if let Some(chosen) = new.approver {
        // Whoever is chosen must be able to decide; nobody chooses themselves.
        let may = self::person(tx, chosen).await?.is_some_and(|chosen| chosen.role == Role::Approver);
        if !may || chosen == new.requester {
            return Ok(Err(Denied::NoApprover));
        }
    }
    let id = next_number(tx).await?;
    let quorum = rules.quorum(wanted.class);
    sqlx::query(
        "INSERT INTO request (id, message, path, item, name, class, need, words, confirmed, requester, approver, quorum, state,
                              created, ends)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )
    .bind(id.0)
    .bind(new.message.0)
    .bind(new.path.as_str())
    .bind(wanted.item)
    .bind(wanted.name.as_str())
    .bind(wanted.class.code())
    .bind(new.need.code())
    .bind(shortened(&new.words))
    .bind(new.confirmed)
    .bind(new.requester.0)
    .bind(new.approver.map(|user| user.0))
    .bind(i64::from(quorum))
    .bind(RequestState::Open.code())
    .bind(tx.now.unix_millis())
    .bind(tx.now.plus(rules.open).unix_millis())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("making a request"))?;
    let detail = audit::detail_of(&[
        ("request", json!(number(id))),
        ("path", json!(new.path)),
        ("class", json!(class_name(wanted.class))),
        ("need", json!(need_name(new.need))),
        ("words", json!(shortened(&new.words))),
        ("confirmed", json!(new.confirmed)),
        ("quorum", json!(quorum)),
    ])?;
    let message = Some(new.message.0);
    let told =
        json!({"request": number(id), "message": new.message.0, "class": class_name(wanted.class), "quorum": quorum});
    tx.tell(Event::RequestCreated, &told);
    tx.audit(Entry { actor: person.name.into(), event: AuditEvent::RequestMade, message, detail });
    Ok(Ok(id))
}

/// A request as it is now, with what it asks for as that is known now. A graver class is written down at once: then it takes more
/// approvals, and the approver who was chosen may be none any more.
async fn current(tx: &mut Tx, id: RequestId, least: impl Fn(ItemClass) -> u32) -> Result<(Request, bool), Error> {
    let now = tx.now;
    let request = read(&mut tx.connection, id, now).await?.ok_or(Error::NotFound("request"))?;
    if !matches!(request.state, RequestState::Open | RequestState::Approved) {
        return Ok((request, true));
    }
    let Wanted { class, is_kept, .. } = wanted(tx, request.message, &request.path).await?;
    let class = class.max(request.class);
    let is_grave = class > request.class || class == ItemClass::Virus;
    let quorum = request.quorum.max(if is_grave { least(class) } else { 0 });
    if (class, quorum) == (request.class, request.quorum) {
        return Ok((request, is_kept));
    }
    let chosen = if class == ItemClass::Virus { None } else { request.approver };
    sqlx::query("UPDATE request SET class = ?2, quorum = ?3, approver = ?4 WHERE id = ?1")
        .bind(id.0)
        .bind(class.code())
        .bind(i64::from(quorum))
        .bind(chosen.map(|user| user.0))
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("changing a request"))?;
    let detail = audit::detail_of(&[
        ("request", json!(number(id))),
        ("was", json!(class_name(request.class))),
        ("class", json!(class_name(class))),
        ("quorum", json!(quorum)),
    ])?;
    let message = Some(request.message.0);
    tx.audit(Entry { actor: audit::GATEWAY.into(), event: AuditEvent::RequestReclassed, message, detail });
    let request = read(&mut tx.connection, id, now).await?.ok_or(Error::NotFound("request"))?;
    Ok((request, is_kept))
}

/// What was asked for of a message, when something new is known of it.
pub(crate) async fn reclass(tx: &mut Tx, message: i64) -> Result<(), Error> {
    let rows: Vec<(i64,)> = sqlx::query_as("SELECT id FROM request WHERE message = ?1 AND state < 2 AND ends > ?2")
        .bind(message)
        .bind(tx.now.unix_millis())
        .fetch_all(&mut tx.connection)
        .await
        .map_err(Error::database("looking for requests"))?;
    for (id,) in rows {
        // Whoever decides next knows how many approvals the site wants; two it always takes.
        current(tx, RequestId(id), |class| if class == ItemClass::Virus { 2 } else { 1 }).await?;
    }
    Ok(())
}

/// Whether whoever asked may ask for such an original as it is known now.
async fn asker_may(tx: &mut Tx, request: &Request) -> Result<Result<(), Denied>, Error> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT role FROM users WHERE id = ?1")
        .bind(request.requester.0)
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a user"))?;
    let role = row.map_or(Ok(Role::Staff), |(role,)| Role::from_code(role))?;
    Ok(four_eyes::may_ask(role, request.class))
}

/// Approves or gives back.
pub(super) async fn decide(
    tx: &mut Tx,
    id: RequestId,
    user: UserId,
    decision: Decision,
    comment: String,
    rules: &RequestRules,
) -> Result<Result<RequestState, Denied>, Error> {
    let now = tx.now;
    let (request, _) = current(tx, id, |class| rules.quorum(class)).await?;
    let Some(person) = person(tx, user).await? else { return Ok(Err(Denied::NoApprover)) };
    let approvals = request.approvals();
    let case = request.case(&approvals);
    if let Err(denied) = four_eyes::may_decide(&case, user, person.role, decision) {
        return Ok(Err(denied));
    }
    if decision == Decision::Approve {
        if let Err(denied) = asker_may(tx, &request).await? {
            return Ok(Err(denied));
        }
        if !hands::is_settled(&mut tx.connection, &request, user, Eyes::Approving, now, rules.settled).await? {
            return Ok(Err(Denied::Unsettled));
        }
    }
    let state = four_eyes::after(&case, decision);
    let ends = (state == RequestState::Approved).then(|| now.plus(rules.grant));
    let count = i64::try_from(request.decisions.len()).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO decision (request, number, user_id, role, at, approves, comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(id.0)
    .bind(count.saturating_add(1))
    .bind(user.0)
    .bind(person.role.code())
    .bind(now.unix_millis())
    .bind(decision == Decision::Approve)
    .bind(comment.as_str())
    .execute(&mut tx.connection)
    .await
    .map_err(Error::database("deciding on a request"))?;
    set_state(tx, id, state, ends).await?;
    let given = approvals.len().saturating_add(usize::from(decision == Decision::Approve));
    let detail = audit::detail_of(&[
        ("request", json!(number(id))),
        ("comment", json!(comment)),
        ("approvals", json!(format!("{given}/{}", request.quorum))),
        ("expires", json!(ends.map(Timestamp::unix_millis))),
    ])?;
    let event = match decision {
        Decision::Approve => AuditEvent::RequestApproved,
        Decision::Return => AuditEvent::RequestReturned,
    };
    // What the rules still wait for is no decision yet.
    if state != RequestState::Open {
        let outcome = if state == RequestState::Approved { "approved" } else { "returned" };
        let told = json!({"request": number(id), "message": request.message.0, "outcome": outcome});
        tx.tell(Event::RequestDecided, &told);
    }
    tx.audit(Entry { actor: person.name.into(), event, message: Some(request.message.0), detail });
    Ok(Ok(state))
}

/// Spends one of the downloads.
pub(super) async fn hand_over(
    tx: &mut Tx,
    id: RequestId,
    user: UserId,
    rules: &RequestRules,
) -> Result<Result<(), Denied>, Error> {
    let (request, is_kept) = current(tx, id, |class| rules.quorum(class)).await?;
    let Some(person) = person(tx, user).await? else { return Ok(Err(Denied::Role)) };
    if let Err(denied) = four_eyes::may_fetch(request.state, person.role) {
        return Ok(Err(denied));
    }
    if let Err(denied) = asker_may(tx, &request).await? {
        return Ok(Err(denied));
    }
    let now = tx.now;
    if !hands::is_settled(&mut tx.connection, &request, user, Eyes::Fetching, now, rules.settled).await? {
        return Ok(Err(Denied::Unsettled));
    }
    if !is_kept {
        return Ok(Err(Denied::Gone));
    }
    let downloads = request.downloads.saturating_add(1);
    sqlx::query("UPDATE request SET downloads = ?2 WHERE id = ?1")
        .bind(id.0)
        .bind(i64::from(downloads))
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("noting a download"))?;
    if downloads >= rules.downloads.max(1) {
        set_state(tx, id, RequestState::Fetched, None).await?;
    }
    let count = format!("{downloads}/{}", rules.downloads.max(1));
    let detail = audit::detail_of(&[
        ("request", json!(number(id))),
        ("path", json!(request.path)),
        ("downloads", json!(count)),
    ])?;
    tx.audit(Entry {
        actor: person.name.into(),
        event: AuditEvent::OriginalHandedOver,
        message: Some(request.message.0),
        detail,
    });
    Ok(Ok(()))
}

/// Ends what has waited too long, so that the audit says when, and the original need not be kept for it. The answer is how many.
pub(crate) async fn end_overdue(tx: &mut Tx) -> Result<u64, Error> {
    let rows: Vec<(i64, i64, i64)> =
        sqlx::query_as("SELECT id, message, state FROM request WHERE state < 2 AND ends <= ?1 ORDER BY id LIMIT 1000")
            .bind(tx.now.unix_millis())
            .fetch_all(&mut tx.connection)
            .await
            .map_err(Error::database("looking for overdue requests"))?;
    for (id, message, state) in &rows {
        set_state(tx, RequestId(*id), RequestState::Ended, None).await?;
        let was = if *state == RequestState::Open.code() { "open" } else { "approved" };
        let detail = audit::detail_of(&[("request", json!(number(RequestId(*id)))), ("was", json!(was))])?;
        tx.audit(Entry {
            actor: audit::GATEWAY.into(),
            event: AuditEvent::RequestEnded,
            message: Some(*message),
            detail,
        });
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}

/// Somebody who acts.
struct Person {
    name: String,
    role: Role,
}

/// Somebody with an account that may be used now.
async fn person(tx: &mut Tx, user: UserId) -> Result<Option<Person>, Error> {
    let row: Option<(String, i64)> = sqlx::query_as("SELECT name, role FROM users WHERE id = ?1 AND state = ?2")
        .bind(user.0)
        .bind(UserState::Active.code())
        .fetch_optional(&mut tx.connection)
        .await
        .map_err(Error::database("reading a user"))?;
    row.map(|(name, role)| Ok(Person { name, role: Role::from_code(role)? })).transpose()
}

/// A number that no request ever had, also when those before it were purged.
async fn next_number(tx: &mut Tx) -> Result<RequestId, Error> {
    let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(value), 0) FROM counter WHERE name = ?1")
        .bind(LAST)
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("numbering a request"))?;
    let next = last.saturating_add(1);
    tx.many(&SET_COUNTER, &[(LAST, next)], |values, (name, value)| {
        values.add(*name).add(*value);
    })
    .await?;
    Ok(RequestId(next))
}

async fn set_state(tx: &mut Tx, id: RequestId, state: RequestState, ends: Option<Timestamp>) -> Result<(), Error> {
    sqlx::query("UPDATE request SET state = ?2, ends = coalesce(?3, ends) WHERE id = ?1")
        .bind(id.0)
        .bind(state.code())
        .bind(ends.map(Timestamp::unix_millis))
        .execute(&mut tx.connection)
        .await
        .map_err(Error::database("changing a request"))?;
    Ok(())
}

/// How a request is called.
fn number(id: RequestId) -> String {
    format!("R-{}", id.0)
}

fn class_name(class: ItemClass) -> &'static str {
    match class {
        ItemClass::Rebuilt => "rebuilt",
        ItemClass::Withheld => "withheld",
        ItemClass::Virus => "virus",
    }
}

fn need_name(need: Need) -> &'static str {
    match need {
        Need::Macro => "macro",
        Need::Look => "look",
        Need::Content => "content",
        Need::Whole => "whole",
        Need::Other => "other",
    }
}

/// Open requests of one person.
const MOST_OPEN: i64 = 50;
/// The counter of the highest number.
const LAST: &str = "last_request";
