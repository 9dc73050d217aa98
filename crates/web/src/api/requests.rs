//! Requests for originals, for programs: one's own on the portal's listener, all of them on the console's. A decision takes a person:
//! it is refused to keys, whatever they are good for.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use store::{Decision, NewRequest, RequestFilter, RequestId, UserId};
use utoipa::{IntoParams, ToSchema};

use super::refused::NotSignedIn;
use crate::{
    fault::{Fault, Problem},
    moment,
    page::Area,
    people::Visitor,
    requests::{Desk, ask, class_name, decide, need_name, need_of, number, said, state_name},
};

/// A page of requests, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Requests {
    items: Vec<RequestItem>,
    /// Pass it as `cursor` for the following page.
    next: Option<i64>,
}

/// A request for an original.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestItem {
    id: i64,
    /// As people call it: `R-7`.
    number: String,
    receipt: String,
    /// Place of the part in its message; empty for the whole.
    part: String,
    name: String,
    /// `rebuilt`, `withheld` or `virus`.
    class: &'static str,
    /// `macro`, `look`, `content`, `whole` or `other`.
    need: &'static str,
    words: String,
    /// The sender was asked whether it is theirs.
    confirmed: bool,
    requester: String,
    approver: Option<String>,
    /// Approvals that it takes.
    quorum: u32,
    /// `open`, `approved`, `returned`, `ended` or `fetched`.
    state: &'static str,
    /// RFC 3339.
    created: String,
    /// RFC 3339: until when it waits, or the approval is good.
    ends: String,
    downloads: u32,
    decisions: Vec<DecisionItem>,
}

/// A decision on a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionItem {
    user: String,
    role: &'static str,
    /// RFC 3339.
    at: String,
    /// `approve` or `return`.
    decision: &'static str,
    comment: String,
}

/// Which requests to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `waiting` for what is open or approved; nothing for all.
    state: Option<String>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// What is asked for, and why.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Asking {
    receipt: String,
    /// Place of the part in its message; empty for the whole.
    part: String,
    /// `macro`, `look`, `content`, `whole` or `other`.
    need: String,
    words: String,
    /// The sender was asked whether it is theirs.
    #[serde(default)]
    confirmed: bool,
    /// Number of the account that shall decide, where it is known.
    approver: Option<i64>,
}

/// Why it is decided like this.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Comment {
    comment: String,
}

/// Lists requests: on the portal one's own, on the console all.
#[utoipa::path(
    get, path = "/api/v1/requests", operation_id = "listRequests", tag = "requests", params(Wanted),
    responses(
        (status = 200, description = "A page, newest first.", body = Requests),
        (status = 400, description = "Not a query of this kind.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see requests.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Unknown state.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Requests>, Fault> {
    let waiting = match wanted.state.as_deref() {
        None | Some("") => false,
        Some("waiting") => true,
        Some(_) => return Err(Fault::Value),
    };
    let requester = (desk.people.area == Area::Portal).then_some(visitor.user.id);
    let filter = RequestFilter { requester, waiting, before: wanted.cursor, ..RequestFilter::default() };
    let found = desk.store.requests(&filter).await?;
    Ok(Json(Requests { items: found.items.iter().map(RequestItem::of).collect(), next: found.next }))
}

/// Shows one request.
#[utoipa::path(
    get, path = "/api/v1/requests/{id}", operation_id = "request", tag = "requests", params(("id" = i64, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "The request.", body = RequestItem),
        (status = 400, description = "Not a number of this kind.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see requests.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such request, or somebody else's.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn item(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<Json<RequestItem>, Fault> {
    show(&desk, &visitor, id).await
}

/// Asks for an original.
#[utoipa::path(
    post, path = "/api/v1/requests", operation_id = "askForOriginal", tag = "requests", request_body = Asking,
    responses(
        (status = 201, description = "It waits for approvals.", body = RequestItem),
        (status = 400, description = "Not a body of this kind.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not ask.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such part, or somebody else's.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Reason or words are missing (`invalid_value`), or the rules are against it; `reason_code` says which.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn post(
    State(desk): State<Desk>,
    visitor: Visitor,
    Json(asking): Json<Asking>,
) -> Result<(StatusCode, Json<RequestItem>), Fault> {
    let detail = ask::own(&desk, &visitor, &asking.receipt).await?;
    let new = NewRequest {
        message: detail.row.id,
        path: asking.part,
        requester: visitor.user.id,
        need: need_of(&asking.need).ok_or(Fault::Value)?,
        words: said(&asking.words).ok_or(Fault::Value)?,
        confirmed: asking.confirmed,
        approver: asking.approver.map(UserId),
    };
    let made = desk.store.ask_for_original(new, desk.settings.rules).await?.map_err(Fault::Refused)?;
    Ok((StatusCode::CREATED, show(&desk, &visitor, made.0).await?))
}

/// Approves a request. Only a person who is signed in may, never a key.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/approve", operation_id = "approveRequest", tag = "requests", request_body = Comment,
    params(("id" = i64, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "The request as it is now.", body = RequestItem),
        (status = 400, description = "The comment is missing.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role decides nothing, or it is a key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such request.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The rules are against it; `reason_code` says which.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn approve(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Json(comment): Json<Comment>,
) -> Result<Json<RequestItem>, Fault> {
    decided(&desk, &visitor, id, Decision::Approve, &comment).await
}

/// Gives a request back. Only a person who is signed in may, never a key.
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/return", operation_id = "returnRequest", tag = "requests", request_body = Comment,
    params(("id" = i64, Path, description = "Id of the request")),
    responses(
        (status = 200, description = "The request as it is now.", body = RequestItem),
        (status = 400, description = "The comment is missing.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role decides nothing, or it is a key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such request.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The rules are against it; `reason_code` says which.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn give_back(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Json(comment): Json<Comment>,
) -> Result<Json<RequestItem>, Fault> {
    decided(&desk, &visitor, id, Decision::Return, &comment).await
}

async fn decided(
    desk: &Desk,
    visitor: &Visitor,
    id: i64,
    decision: Decision,
    comment: &Comment,
) -> Result<Json<RequestItem>, Fault> {
    decide::visible(desk, visitor, id).await?;
    let comment = said(&comment.comment).ok_or(Fault::Value)?;
    let (user, rules) = (visitor.user.id, desk.settings.rules);
    desk.store.decide_request(RequestId(id), user, decision, &comment, rules).await?.map_err(Fault::Refused)?;
    show(desk, visitor, id).await
}

async fn show(desk: &Desk, visitor: &Visitor, id: i64) -> Result<Json<RequestItem>, Fault> {
    let request = match desk.people.area {
        Area::Console => decide::visible(desk, visitor, id).await?,
        Area::Portal => {
            let request = desk.store.request(RequestId(id)).await?.ok_or(Fault::NotFound)?;
            if request.requester != visitor.user.id {
                return Err(Fault::NotFound);
            }
            request
        }
    };
    Ok(Json(RequestItem::of(&request)))
}

impl RequestItem {
    fn of(request: &store::Request) -> Self {
        let decisions = request.decisions.iter().map(|decision| DecisionItem {
            user: decision.name.clone(),
            role: decision.role.tag(),
            at: moment::rfc3339(decision.at),
            decision: match decision.decision {
                Decision::Approve => "approve",
                Decision::Return => "return",
            },
            comment: decision.comment.clone(),
        });
        Self {
            id: request.id.0,
            number: number(request.id),
            receipt: request.receipt.to_string(),
            part: request.path.clone(),
            name: request.name.clone(),
            class: class_name(request.class),
            need: need_name(request.need),
            words: request.words.clone(),
            confirmed: request.confirmed,
            requester: request.requester_name.clone(),
            approver: request.approver_name.clone(),
            quorum: request.quorum,
            state: state_name(request.state),
            created: moment::rfc3339(request.created),
            ends: moment::rfc3339(request.ends),
            downloads: request.downloads,
            decisions: decisions.collect(),
        }
    }
}
