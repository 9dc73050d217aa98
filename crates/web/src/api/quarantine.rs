//! The quarantine for programs: facts about withheld originals, never their content.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use form::job::Password;
use form::reason::Reason;
use serde::{Deserialize, Serialize};
use store::{MOST_ITEMS, QuarantineFilter, QuarantineId, QuarantineRow, QuarantineState, RetryState};
use utoipa::{IntoParams, ToSchema};

use super::{refused::NotSignedIn, schema::ReasonName};
use crate::{
    Unlocking,
    console::{Console, triage},
    fault::{Fault, Problem},
    moment,
    people::Visitor,
    requests::said,
};

/// A page of the quarantine, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Items {
    items: Vec<Item>,
    /// Pass it as `cursor` for the following page.
    next: Option<i64>,
}

/// One withheld original.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) receipt: String,
    /// Place of the part in its message; empty for the whole message.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) detected_type: String,
    /// Stable name out of `docs/findings.md`.
    pub(crate) reason: Option<&'static str>,
    pub(crate) bytes: u64,
    /// `held`, `released` or `purged`.
    pub(crate) state: &'static str,
    /// RFC 3339.
    pub(crate) created: String,
    /// RFC 3339.
    expires: String,
    pub(crate) sender: Option<String>,
    /// Of a mail; of an upload, what its sender said of it.
    pub(crate) subject: Option<String>,
    /// Somebody holds it back from deletion.
    on_hold: bool,
    /// Somebody asks for the original.
    requested: bool,
    /// What came of converting it again: `waiting`, `made` (it can be released) or `withheld`.
    retry: Option<&'static str>,
}

/// State of a withheld original.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ItemState {
    Held,
    Released,
    Purged,
}

/// Which items to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only in this state.
    #[param(inline)]
    state: Option<ItemState>,
    /// Only withheld for this reason.
    #[param(inline)]
    reason: Option<ReasonName>,
    /// Only of this true type, such as `pdf`.
    kind: Option<String>,
    /// Text in receipt, name, sender or subject.
    q: Option<String>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// Lists the quarantine.
#[utoipa::path(
    get, path = "/api/v1/quarantine", operation_id = "listQuarantine", tag = "quarantine", params(Wanted),
    responses(
        (status = 200, description = "A page, newest first.", body = Items),
        (status = 400, description = "Unknown state or reason.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see the quarantine.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Result<Json<Items>, Fault> {
    let filter = QuarantineFilter {
        state: wanted.state.map(|state| match state {
            ItemState::Held => QuarantineState::Held,
            ItemState::Released => QuarantineState::Released,
            ItemState::Purged => QuarantineState::Purged,
        }),
        reason: wanted.reason.map(|ReasonName(reason)| reason),
        kind: wanted.kind.filter(|kind| !kind.is_empty()),
        text: wanted.q.filter(|text| !text.trim().is_empty()),
        before: wanted.cursor,
        ..QuarantineFilter::default()
    };
    let page = console.state.store.quarantine(&filter).await?;
    Ok(Json(Items { items: page.items.iter().map(Item::of).collect(), next: page.next }))
}

/// Shows one item.
#[utoipa::path(
    get, path = "/api/v1/quarantine/{id}", operation_id = "quarantineItem", tag = "quarantine", params(("id" = i64, Path, description = "Id of the item")),
    responses(
        (status = 200, description = "The item.", body = Item),
        (status = 400, description = "The id or the body is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see the quarantine.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such item.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn item(State(console): State<Console>, Path(id): Path<i64>) -> Result<Json<Item>, Fault> {
    let row = console.state.store.quarantine_item(QuarantineId(id)).await?.ok_or(Fault::NotFound)?;
    Ok(Json(Item::of(&row)))
}

/// The password to try.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Unlock {
    /// It is neither stored nor logged; at most 1024 bytes of UTF-8.
    #[schema(min_length = 1, max_length = 256)]
    password: String,
}

impl Unlock {
    pub(super) fn password(&self) -> Result<Password, Fault> {
        Password::new(&self.password).filter(|_| !self.password.is_empty()).ok_or(Fault::BadRequest)
    }
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnlockReply {
    /// `opened`, `opened_others` (files of the same mail, and not this one), `wrong_password`, `exhausted`, `another_needed` (an upload: the password
    /// is right, and another one is to be tried next), `withheld` (the password
    /// is right), `unknown` (whether it is right is not known) or `not_locked`.
    outcome: &'static str,
    /// Tries left after a wrong one.
    left: Option<u32>,
    /// Names of the rebuilt files.
    files: Vec<String>,
    /// Recipients that they were sent to.
    recipients: usize,
    /// Why what is inside does not pass.
    reason: Option<&'static str>,
    /// Parts inside of what was opened that need another password.
    still_locked: usize,
}

/// Tries a password on a locked original. What opens is rebuilt and sent to the recipients of its mail.
#[utoipa::path(
    post, path = "/api/v1/quarantine/{id}/unlock", operation_id = "unlockQuarantineItem", tag = "quarantine", params(("id" = i64, Path, description = "Id of the item")),
    request_body = Unlock,
    responses(
        (status = 200, description = "It, or another file of the mail, is open; the rebuilt files are on their way.", body = UnlockReply),
        (status = 400, description = "The id or the body is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not open originals.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such item.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is nothing to open (any more).", body = UnlockReply),
        (status = 422, description = "The password is wrong, or what is inside does not pass.", body = UnlockReply),
        (status = 429, description = "No try is left.", body = UnlockReply),
        (status = 503, description = "Not just now; see Retry-After.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn unlock(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Json(unlock): Json<Unlock>,
) -> Result<(StatusCode, Json<UnlockReply>), Fault> {
    let password = unlock.password()?;
    let actor = visitor.user.name.as_str();
    reply(crate::unlock::unlock(&console.state.unlocker, QuarantineId(id), password, actor, None).await?)
}

/// What came of a password, for programs.
pub(super) fn reply(unlocking: Unlocking) -> Result<(StatusCode, Json<UnlockReply>), Fault> {
    let mut reply = UnlockReply {
        outcome: "not_locked",
        left: None,
        files: Vec::new(),
        recipients: 0,
        reason: None,
        still_locked: 0,
    };
    let status = match unlocking {
        Unlocking::Opened { files, recipients, still_locked } => {
            (reply.outcome, reply.files, reply.recipients) = ("opened", files, recipients);
            reply.still_locked = still_locked;
            StatusCode::OK
        }
        Unlocking::OpenedUpload { file, still_locked } => {
            (reply.outcome, reply.files, reply.still_locked) = ("opened", vec![file], still_locked);
            StatusCode::OK
        }
        Unlocking::OpenedOthers { files, recipients } => {
            (reply.outcome, reply.files, reply.recipients) = ("opened_others", files, recipients);
            StatusCode::OK
        }
        Unlocking::Unknown { reason, left } => {
            (reply.outcome, reply.reason, reply.left) = ("unknown", Some(reason.name()), Some(left));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unlocking::AnotherNeeded { left } => {
            (reply.outcome, reply.left) = ("another_needed", Some(left));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unlocking::Wrong { left } => {
            (reply.outcome, reply.left) = ("wrong_password", Some(left));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unlocking::Withheld { reason } => {
            (reply.outcome, reply.reason) = ("withheld", Some(reason.name()));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unlocking::Exhausted => {
            reply.outcome = "exhausted";
            StatusCode::TOO_MANY_REQUESTS
        }
        Unlocking::NotLocked => {
            reply.outcome = "not_locked";
            StatusCode::CONFLICT
        }
        Unlocking::Busy => return Err(Fault::Busy),
    };
    Ok((status, Json(reply)))
}

/// One thing to be done with several items.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Act {
    /// Ids of at most 500 items.
    items: Vec<i64>,
    /// `hold`, `unhold`, `delete`, `retry` or `release`: what is released is what a retry rebuilt, never the original.
    action: String,
    /// How a retry converts: `same`, `raster`, `pages` or `text`.
    #[serde(default)]
    policy: String,
    /// Why; it stands in the audit.
    reason: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActReply {
    items: Vec<Acted>,
}

/// What was done with one item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Acted {
    id: i64,
    /// `done`, or why not: `unknown`, `gone`, `released_already`, `requested`, `nothing_to_release`, `locked`, `part_of_upload`,
    /// `under_way` or `on_hold`.
    outcome: &'static str,
}

/// Holds, deletes, converts again or releases items. Only a person who is signed in may, never a key.
#[utoipa::path(
    post, path = "/api/v1/quarantine/act", operation_id = "actOnQuarantine", tag = "quarantine", request_body = Act,
    responses(
        (status = 200, description = "What was done with each.", body = ActReply),
        (status = 400, description = "No item or too many, no reason, an unknown action or policy.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not act on items, or it is a key.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn act(
    State(console): State<Console>,
    visitor: Visitor,
    Json(act): Json<Act>,
) -> Result<Json<ActReply>, Fault> {
    let what = triage::parse(&act.action, &act.policy).ok_or(Fault::BadRequest)?;
    let why = said(&act.reason).ok_or(Fault::BadRequest)?;
    if act.items.is_empty() || act.items.len() > MOST_ITEMS {
        return Err(Fault::BadRequest);
    }
    let items: Vec<QuarantineId> = act.items.into_iter().map(QuarantineId).collect();
    let results = console.state.store.triage(&items, what, &visitor.user.name, &why).await?;
    let items = results
        .into_iter()
        .map(|(item, result)| Acted { id: item.0, outcome: result.err().map_or("done", triage::untouched_name) });
    Ok(Json(ActReply { items: items.collect() }))
}

impl Item {
    pub(crate) fn of(row: &QuarantineRow) -> Self {
        Self {
            id: row.id.0,
            receipt: row.receipt.to_string(),
            path: row.path.clone(),
            name: row.name.clone(),
            detected_type: row.detected_type.clone(),
            reason: row.reason.map(Reason::name),
            bytes: row.bytes,
            state: state_name(row.state),
            created: moment::rfc3339(row.created),
            expires: moment::rfc3339(row.expires),
            sender: row.sender.clone(),
            subject: row.subject.clone(),
            on_hold: row.on_hold,
            requested: row.requested,
            retry: row.retry.map(|state| match state {
                RetryState::Waiting => "waiting",
                RetryState::Made => "made",
                RetryState::Withheld => "withheld",
            }),
        }
    }
}

/// Stable name of a state.
pub(crate) fn state_name(state: QuarantineState) -> &'static str {
    match state {
        QuarantineState::Held => "held",
        QuarantineState::Released => "released",
        QuarantineState::Purged => "purged",
    }
}

/// The state of a stable name.
pub(crate) fn parse_state(name: &str) -> Option<QuarantineState> {
    [QuarantineState::Held, QuarantineState::Released, QuarantineState::Purged]
        .into_iter()
        .find(|state| state_name(*state) == name)
}
