//! Requests for originals: asking, deciding, fetching. The rules are those of [`crate::four_eyes`]; here they meet the rows, each step
//! in one transaction with its audit row. Role and state of whoever acts are read in that transaction, not taken from a session.

mod rows;
mod steps;
mod wanted;

use sqlx::AssertSqlSafe;

use crate::codec::{self, Coded};
use crate::four_eyes::{self, Case};
use crate::work::shortened;
use crate::{
    Decision, Denied, Error, ItemClass, MessageId, Page, QuarantineId, Receipt, RequestRules, RequestState, Role,
    Store, Timestamp, UserId,
};

pub(crate) use steps::{end_overdue, reclass};
pub(crate) use wanted::{is_deleted, wanted_until};

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
            Box::pin(async move { steps::ask(tx, &new, &rules).await })
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
            Box::pin(async move { steps::decide(tx, id, user, decision, comment, &rules).await })
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
        self.write(move |tx| Box::pin(async move { steps::hand_over(tx, id, user, &rules).await })).await
    }

    /// One request.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let mut connection =
            self.readers().acquire().await.map_err(Error::database("taking a connection for reading"))?;
        rows::read(&mut connection, id, self.now()).await
    }

    /// A page of the requests, newest first.
    ///
    /// # Errors
    /// [`Error::Database`] or [`Error::Damaged`].
    pub async fn requests(&self, filter: &RequestFilter) -> Result<Page<Request>, Error> {
        let limit = crate::read::limit(filter.limit);
        let found = sqlx::query(AssertSqlSafe(format!(
            "SELECT {} WHERE r.id < ?1 AND (?2 IS NULL OR r.requester = ?2)
               AND (?3 IS NULL OR (r.requester <> ?3 AND (r.approver IS NULL OR r.approver = ?3) AND r.class <> ?4))
               AND (?5 = 0 OR (r.state < 2 AND r.ends > ?6)) AND (?7 IS NULL OR r.message = ?7)
             ORDER BY r.id DESC LIMIT ?8",
            rows::COLUMNS
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
        let mut items = Vec::with_capacity(found.len());
        for row in &found {
            let request = rows::row(row, self.now())?;
            let mut connection =
                self.readers().acquire().await.map_err(Error::database("taking a connection for reading"))?;
            let decided = rows::decisions(&mut connection, &request).await?;
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
