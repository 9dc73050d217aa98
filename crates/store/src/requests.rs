//! Requests for originals: asking, deciding, fetching. The rules are those of [`crate::four_eyes`]; here they meet the rows, each step
//! in one transaction with its audit row. Role and state of whoever acts are read in that transaction, not taken from a session.

use form::reason::Reason;
use serde_json::json;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

use crate::audit::{self, Entry};
use crate::codec::{self, Coded};
use crate::four_eyes::{self, Case};
use crate::hands::{self, Eyes};
use crate::work::shortened;
use crate::writer::{SET_COUNTER, Tx};
use crate::{
    AuditEvent, Decision, Denied, Error, Event, ItemClass, MessageId, Page, PartVerdict, QuarantineId, Receipt,
    RequestRules, RequestState, Role, Store, Timestamp, UserId, UserState,
};

/// A request; people read `R-` and the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub i64);

/// Why somebody wants an original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Its macros are used.
    Macro,
    /// The rebuilt file looks wrong.
    Look,
    /// Something that was removed is needed.
    Content,
    /// It was withheld altogether.
    Whole,
    /// The words say it.
    Other,
}

/// A request to be made.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// The message.
    pub message: MessageId,
    /// The part in it; empty for the whole.
    pub path: String,
    /// Who asks.
    pub requester: UserId,
    /// Why.
    pub need: Need,
    /// Why, in their own words; cut at 500 bytes.
    pub words: String,
    /// They have asked the sender whether it is theirs.
    pub confirmed: bool,
    /// Who shall decide, where they know.
    pub approver: Option<UserId>,
}

/// A request with everything that was decided.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names it.
    pub id: RequestId,
    /// The message.
    pub message: MessageId,
    /// That message's receipt.
    pub receipt: Receipt,
    /// Its subject.
    pub subject: Option<String>,
    /// Its reverse-path.
    pub sender: Option<String>,
    /// The part; empty for the whole.
    pub path: String,
    /// The item in quarantine, where it was withheld.
    pub item: Option<QuarantineId>,
    /// The part's name.
    pub name: String,
    /// Its class.
    pub class: ItemClass,
    /// Why.
    pub need: Need,
    /// Why, in words.
    pub words: String,
    /// The sender was asked.
    pub confirmed: bool,
    /// Who asks.
    pub requester: UserId,
    /// Their name.
    pub requester_name: String,
    /// Since when their account exists.
    pub requester_since: Timestamp,
    /// Whom they chose.
    pub approver: Option<UserId>,
    /// That approver's name.
    pub approver_name: Option<String>,
    /// Approvals that it takes.
    pub quorum: u32,
    /// Where it is now.
    pub state: RequestState,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it waits, or is good.
    pub ends: Timestamp,
    /// How often the original was fetched.
    pub downloads: u32,
    /// What was decided, the oldest first.
    pub decisions: Vec<DecisionRow>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// The role that they had then.
    pub role: Role,
    /// When.
    pub at: Timestamp,
    /// What.
    pub decision: Decision,
    /// Why, in their own words.
    pub comment: String,
    /// Since when the account exists.
    pub since: Timestamp,
    /// As whose decision it counts now; `None`: the account was stopped, or may not decide on this any more.
    pub counts: Option<Role>,
}

/// Which requests to list.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Only of this person.
    pub requester: Option<UserId>,
    /// Only what this approver may see: chosen or free, not their own, and no virus.
    pub approver: Option<UserId>,
    /// Only what is open or granted.
    pub waiting: bool,
    /// Only about this message.
    pub message: Option<MessageId>,
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Rows per page, at most 500; 0 means 50.
    pub limit: u32,
}

impl Request {
    /// The request as the rules see it; `approvals` is from [`approvals`](Self::approvals).
    pub fn case<'a>(&self, approvals: &'a [(UserId, Role)]) -> Case<'a> {
        Case {
            class: self.class,
            requester: self.requester,
            approver: self.approver,
            quorum: self.quorum,
            state: self.state,
            approvals,
        }
    }

    /// Whose approvals count.
    pub fn approvals(&self) -> Vec<(UserId, Role)> {
        let approving = self.decisions.iter().filter(|decision| decision.decision == Decision::Approve);
        approving.filter_map(|decision| Some((decision.user, decision.counts?))).collect()
    }

    /// With its decisions, and where that leaves it.
    fn decided(mut self, decisions: Vec<DecisionRow>) -> Self {
        self.decisions = decisions;
        let approvals = self.approvals();
        self.state = four_eyes::state_of(&self.case(&approvals));
        self
    }
}

impl Store {
    /// Makes a request.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such part (yet); any error of the writer. What the rules refuse is the inner error.
    pub async fn ask_for_original(
        &self,
        new: NewRequest,
        rules: RequestRules,
    ) -> Result<Result<RequestId, Denied>, Error> {
        self.write(move |tx| {
            let new = new.clone();
            Box::pin(async move { ask(tx, &new, &rules).await })
        })
        .await
    }

    /// Approves a request or gives it back. The answer is where it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such request; any error of the writer. What the rules refuse is the inner error.
    pub async fn decide_request(
        &self,
        id: RequestId,
        user: UserId,
        decision: Decision,
        comment: &str,
        rules: RequestRules,
    ) -> Result<Result<RequestState, Denied>, Error> {
        let comment = shortened(comment).to_owned();
        self.write(move |tx| {
            let comment = comment.clone();
            Box::pin(async move { decide(tx, id, user, decision, comment, &rules).await })
        })
        .await
    }

    /// Notes that an original is handed over, which spends one of the downloads that were granted. The bytes are given only after this.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such request; any error of the writer. What the rules refuse is the inner error.
    pub async fn hand_over_original(
        &self,
        id: RequestId,
        user: UserId,
        rules: RequestRules,
    ) -> Result<Result<(), Denied>, Error> {
        self.write(move |tx| Box::pin(async move { hand_over(tx, id, user, &rules).await })).await
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let mut connection =
            self.readers().acquire().await.map_err(Error::database("taking a connection for reading"))?;
        read(&mut connection, id, self.now()).await
    }

    /// A page of the requests, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn requests(&self, filter: &RequestFilter) -> Result<Page<Request>, Error> {
        let limit = crate::read::limit(filter.limit);
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} WHERE r.id < ?1 AND (?2 IS NULL OR r.requester = ?2)
               AND (?3 IS NULL OR (r.requester <> ?3 AND (r.approver IS NULL OR r.approver = ?3) AND r.class <> ?4))
               AND (?5 = 0 OR (r.state < 2 AND r.ends > ?6)) AND (?7 IS NULL OR r.message = ?7)
             ORDER BY r.id DESC LIMIT ?8"
        )))
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(filter.requester.map(|user| user.0))
        .bind(filter.approver.map(|user| user.0))
        .bind(ItemClass::Virus.code())
        .bind(filter.waiting)
        .bind(self.now().unix_millis())
        .bind(filter.message.map(|message| message.0))
        .bind(limit)
        .fetch_all(self.readers())
        .await
        .map_err(Error::database("listing requests"))?;
        let mut items = Vec::with_capacity(rows.len());
        for found in &rows {
            let request = row(found, self.now())?;
            let mut connection =
                self.readers().acquire().await.map_err(Error::database("taking a connection for reading"))?;
            let decided = decisions(&mut connection, &request).await?;
            items.push(request.decided(decided));
        }
        Ok(crate::read::page(items, limit, |request| request.id.0))
    }

    /// Whether a person deleted a part of a message, something in it or what it lies in: it is shown and handed out no more.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn is_deleted(&self, message: MessageId, path: &str) -> Result<bool, Error> {
        let mut connection =
            self.readers().acquire().await.map_err(Error::database("taking a connection for reading"))?;
        is_deleted(&mut connection, message, path).await
    }

    /// How many requests wait for a decision.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open_requests(&self) -> Result<(u64, Option<Timestamp>), Error> {
        let (count, oldest): (i64, Option<i64>) =
            sqlx::query_as("SELECT count(*), min(created) FROM request WHERE state = ?1 AND ends > ?2")
                .bind(RequestState::Open.code())
                .bind(self.now().unix_millis())
                .fetch_one(self.readers())
                .await
                .map_err(Error::database("counting requests"))?;
        Ok((codec::unsigned(count), oldest.map(Timestamp::from_unix_millis)))
    }
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

/// Until when an original of a message is asked for: as long it is kept.
pub(crate) async fn wanted_until(tx: &mut Tx, message: i64) -> Result<Timestamp, Error> {
    let (until,): (Option<i64>,) = sqlx::query_as("SELECT max(ends) FROM request WHERE message = ?1 AND state < 2")
        .bind(message)
        .fetch_one(&mut tx.connection)
        .await
        .map_err(Error::database("looking for requests"))?;
    Ok(Timestamp::from_unix_millis(until.unwrap_or(i64::MIN)))
}

/// Somebody who acts.
struct Person {
    name: String,
    role: Role,
}

async fn ask(tx: &mut Tx, new: &NewRequest, rules: &RequestRules) -> Result<Result<RequestId, Denied>, Error> {
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

/// What is asked for.
struct Wanted {
    name: String,
    class: ItemClass,
    item: Option<i64>,
    is_kept: bool,
}

/// What is known of it now: a class can become graver after somebody asked.
async fn wanted(tx: &mut Tx, message: MessageId, path: &str) -> Result<Wanted, Error> {
    let failed = Error::database("reading what is asked for");
    let kept: Option<(Option<i64>,)> =
        sqlx::query_as("SELECT original FROM message WHERE id = ?1 AND verdict IS NOT NULL")
            .bind(message.0)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(failed)?;
    let (original,) = kept.ok_or(Error::NotFound("message"))?;
    let item: Option<(i64, String, Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT id, name, reason, content FROM quarantine WHERE message = ?1 AND path = ?2 AND state < 2",
    )
    .bind(message.0)
    .bind(path)
    .fetch_optional(&mut tx.connection)
    .await
    .map_err(Error::database("reading what is asked for"))?;
    let part: Option<(String, i64, Option<i64>)> =
        sqlx::query_as("SELECT name, verdict, reason FROM part WHERE message = ?1 AND path = ?2")
            .bind(message.0)
            .bind(path)
            .fetch_optional(&mut tx.connection)
            .await
            .map_err(Error::database("reading what is asked for"))?;
    if item.is_none() && part.is_none() {
        return Err(Error::NotFound("part"));
    }
    // What lies in it leaves with it; and what it lies in was scanned as a whole.
    let around: Vec<(Option<i64>,)> = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT reason FROM part WHERE message = ?1 AND reason IS NOT NULL AND {AROUND}
         UNION SELECT reason FROM quarantine WHERE message = ?1 AND reason IS NOT NULL AND {AROUND}
         UNION SELECT reason FROM retry_held WHERE item IN (SELECT id FROM quarantine WHERE message = ?1) AND {AROUND}"
    )))
    .bind(message.0)
    .bind(path)
    .fetch_all(&mut tx.connection)
    .await
    .map_err(Error::database("reading what is asked for"))?;
    let around: Vec<Option<Reason>> =
        around.into_iter().map(|(code,)| codec::reason(code)).collect::<Result<_, _>>()?;
    let around: Vec<Reason> = around.into_iter().flatten().collect();
    let own = item.as_ref().and_then(|(_, _, reason, _)| *reason).or(part.as_ref().and_then(|(_, _, reason)| *reason));
    let is_withheld =
        item.is_some() || part.as_ref().is_some_and(|(_, verdict, _)| *verdict == PartVerdict::Withheld.code());
    let own_bytes = item.as_ref().is_some_and(|(_, _, _, content)| content.is_some());
    let name = item.as_ref().map(|(_, name, ..)| name.clone()).filter(|name| !name.is_empty());
    Ok(Wanted {
        name: name.or(part.map(|(name, ..)| name)).unwrap_or_default(),
        class: four_eyes::class_of(codec::reason(own)?, is_withheld, &around),
        item: item.map(|(id, ..)| id),
        is_kept: (original.is_some() || own_bytes) && !is_deleted(&mut tx.connection, message, path).await?,
    })
}

/// Whether a person deleted a part, something in it or what it lies in: none of them leaves with or without the others.
pub(crate) async fn is_deleted(
    connection: &mut SqliteConnection,
    message: MessageId,
    path: &str,
) -> Result<bool, Error> {
    let sql = format!("SELECT 1 FROM quarantine WHERE message = ?1 AND deleted = 1 AND {AROUND} LIMIT 1");
    let row: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(message.0)
        .bind(path)
        .fetch_optional(connection)
        .await
        .map_err(Error::database("looking for what was deleted"))?;
    Ok(row.is_some())
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

async fn decide(
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

async fn hand_over(
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

async fn read(connection: &mut SqliteConnection, id: RequestId, now: Timestamp) -> Result<Option<Request>, Error> {
    let found = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} WHERE r.id = ?1")))
        .bind(id.0)
        .fetch_optional(&mut *connection)
        .await
        .map_err(Error::database("reading a request"))?;
    let Some(found) = found else { return Ok(None) };
    let request = row(&found, now)?;
    let decided = decisions(connection, &request).await?;
    Ok(Some(request.decided(decided)))
}

async fn decisions(connection: &mut SqliteConnection, of: &Request) -> Result<Vec<DecisionRow>, Error> {
    let rows = sqlx::query(
        "SELECT d.user_id, u.name, d.role, d.at, d.approves, d.comment, u.created, u.role,
                u.state = ?2 AND (u.source = 0 OR u.confirmed IS NOT NULL)
         FROM decision d JOIN users u ON u.id = d.user_id WHERE d.request = ?1 ORDER BY d.number",
    )
    .bind(of.id.0)
    .bind(UserState::Active.code())
    .fetch_all(connection)
    .await
    .map_err(Error::database("reading decisions"))?;
    let get = |error| Error::database("reading decisions")(error);
    let is_over = !matches!(of.state, RequestState::Open | RequestState::Approved);
    rows.iter()
        .map(|row| {
            let role = Role::from_code(row.try_get(2).map_err(get)?)?;
            let signs_in: bool = row.try_get(8).map_err(get)?;
            let now = Role::from_code(row.try_get(7).map_err(get)?)?;
            let now = signs_in.then_some(now);
            Ok(DecisionRow {
                user: UserId(row.try_get(0).map_err(get)?),
                name: row.try_get(1).map_err(get)?,
                role,
                at: Timestamp::from_unix_millis(row.try_get(3).map_err(get)?),
                decision: if row.try_get(4).map_err(get)? { Decision::Approve } else { Decision::Return },
                comment: row.try_get(5).map_err(get)?,
                since: Timestamp::from_unix_millis(row.try_get(6).map_err(get)?),
                // What is over is told as it was.
                counts: if is_over { Some(role) } else { four_eyes::counts_as(role, now, of.class) },
            })
        })
        .collect()
}

fn row(row: &SqliteRow, now: Timestamp) -> Result<Request, Error> {
    let get = |error| Error::database("reading a request row")(error);
    let receipt: &str = row.try_get(2).map_err(get)?;
    let ends = Timestamp::from_unix_millis(row.try_get(19).map_err(get)?);
    let stored = RequestState::from_code(row.try_get(17).map_err(get)?)?;
    Ok(Request {
        id: RequestId(row.try_get(0).map_err(get)?),
        message: MessageId(row.try_get(1).map_err(get)?),
        receipt: Receipt::parse(receipt).ok_or(Error::Damaged("a receipt"))?,
        subject: row.try_get(3).map_err(get)?,
        sender: row.try_get(4).map_err(get)?,
        path: row.try_get(5).map_err(get)?,
        item: row.try_get::<Option<i64>, _>(6).map_err(get)?.map(QuarantineId),
        name: row.try_get(7).map_err(get)?,
        class: ItemClass::from_code(row.try_get(8).map_err(get)?)?,
        need: Need::from_code(row.try_get(9).map_err(get)?)?,
        words: row.try_get(10).map_err(get)?,
        confirmed: row.try_get(11).map_err(get)?,
        requester: UserId(row.try_get(12).map_err(get)?),
        requester_name: row.try_get::<Option<String>, _>(13).map_err(get)?.unwrap_or_default(),
        requester_since: Timestamp::from_unix_millis(
            row.try_get::<Option<i64>, _>(21).map_err(get)?.unwrap_or_default(),
        ),
        approver: row.try_get::<Option<i64>, _>(14).map_err(get)?.map(UserId),
        approver_name: row.try_get(15).map_err(get)?,
        quorum: codec::count(row.try_get(16).map_err(get)?),
        state: four_eyes::state_at(stored, ends, now),
        created: Timestamp::from_unix_millis(row.try_get(18).map_err(get)?),
        ends,
        downloads: codec::count(row.try_get(20).map_err(get)?),
        decisions: Vec::new(),
    })
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

const COLUMNS: &str = "r.id, r.message, m.receipt, coalesce(m.subject, m.file_name), m.sender, r.path, r.item, r.name, r.class, \
    r.need, r.words, r.confirmed, r.requester, u.name, r.approver, a.name, r.quorum, r.state, r.created, r.ends, r.downloads, u.created \
    FROM request r JOIN message m ON m.id = r.message LEFT JOIN users u ON u.id = r.requester \
    LEFT JOIN users a ON a.id = r.approver";
/// Rows of parts at `path` ?2, in it, or around it. Paths are numbers and dots; the whole has an empty one.
const AROUND: &str = "(?2 = '' OR path = '' OR path = ?2 OR path LIKE ?2 || '.%' OR ?2 LIKE path || '.%')";
/// Open requests of one person.
const MOST_OPEN: i64 = 50;
/// The counter of the highest number.
const LAST: &str = "last_request";
