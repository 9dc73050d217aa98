//! Deciding on requests: an approver on the portal, operators and administrators on the console.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{Decision, Denied, Eyes, Request, RequestFilter, RequestId, Role};

use super::{Desk, Handover, Line, Looking, Shown, denied, said, wording};
use crate::{
    fault::Fault,
    page::{Area, Page, render},
    people::Visitor,
    role::Permission,
};

/// Which requests to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) state: String,
    pub(crate) before: Option<i64>,
}

/// The form of a decision.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Deciding {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    decision: String,
    #[serde(default)]
    comment: String,
}

/// `GET /approvals`
pub(crate) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let all = wanted.state == "all";
    let filter = RequestFilter {
        approver: only_for(&visitor),
        waiting: !all,
        before: wanted.before,
        ..RequestFilter::default()
    };
    let found = desk.store.requests(&filter).await?;
    let keep = if all { "/approvals?state=all" } else { "/approvals?state=" };
    let template = ListPage {
        page: visitor.page(&desk.people, t.nav_approvals, desk.approvals()),
        promise: desk.promise(t),
        all,
        rows: found.items.iter().map(|row| Line::of(row, "/approvals", desk.site.offset_minutes, t)).collect(),
        older: found.next.map(|next| format!("{keep}&before={next}")),
        newest: wanted.before.map(|_| keep.to_owned()),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /approvals/{id}`
pub(crate) async fn detail(State(desk): State<Desk>, visitor: Visitor, Path(id): Path<i64>) -> Result<Response, Fault> {
    show(&desk, &visitor, id, StatusCode::OK, None).await
}

/// `POST /approvals/{id}`
pub(crate) async fn submit(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(deciding): Form<Deciding>,
) -> Result<Response, Fault> {
    visitor.proved(&deciding.form_token)?;
    let t = visitor.texts();
    visible(&desk, &visitor, id).await?;
    let decision = match deciding.decision.as_str() {
        "approve" => Decision::Approve,
        "return" => Decision::Return,
        _ => return Err(Fault::BadRequest),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let Some(comment) = said(&deciding.comment) else {
        return show(&desk, &visitor, id, status, Some(t.request_comment_missing)).await;
    };
    match desk.store.decide_request(RequestId(id), visitor.user.id, decision, &comment, desk.settings.rules).await? {
        Ok(_) => Ok(Redirect::to(&format!("/approvals/{id}")).into_response()),
        Err(refused) => show(&desk, &visitor, id, status, Some(denied(refused, t))).await,
    }
}

/// A request that the visitor may see to decide on; any other is not there.
pub(crate) async fn visible(desk: &Desk, visitor: &Visitor, id: i64) -> Result<Request, Fault> {
    let request = desk.store.request(RequestId(id)).await?.ok_or(Fault::NotFound)?;
    let may = store::may_see(&request.case(&[]), visitor.user.id, visitor.user.role);
    if may { Ok(request) } else { Err(Fault::NotFound) }
}

/// Whose list it is: an approver's is their own.
pub(crate) fn only_for(visitor: &Visitor) -> Option<store::UserId> {
    (visitor.user.role == Role::Approver).then_some(visitor.user.id)
}

/// Whether the visitor may approve now.
pub(super) async fn may_approve(
    desk: &Desk,
    request: &Request,
    visitor: &Visitor,
) -> Result<Result<(), Denied>, Fault> {
    if let Err(denied) = may(request, visitor, Decision::Approve) {
        return Ok(Err(denied));
    }
    settled(desk, request, visitor, Eyes::Approving).await
}

/// Whether the visitor's account is a pair of eyes of its own for this.
pub(super) async fn settled(
    desk: &Desk,
    request: &Request,
    visitor: &Visitor,
    eyes: Eyes,
) -> Result<Result<(), Denied>, Fault> {
    let is = desk.store.is_settled_for(request, visitor.user.id, eyes, desk.settings.rules).await?;
    Ok(if is { Ok(()) } else { Err(Denied::Unsettled) })
}

/// Whether the visitor may do this now, as far as role and state say.
fn may(request: &Request, visitor: &Visitor, decision: Decision) -> Result<(), Denied> {
    let approvals = request.approvals();
    store::may_decide(&request.case(&approvals), visitor.user.id, visitor.user.role, decision)
}

pub(super) async fn show(
    desk: &Desk,
    visitor: &Visitor,
    id: i64,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let request = visible(desk, visitor, id).await?;
    let (approve, give_back) = (may_approve(desk, &request, visitor).await?, may(&request, visitor, Decision::Return));
    let console = desk.people.area == Area::Console;
    let hand_over = console
        && desk.settings.download == Handover::Admin
        && visitor.may(Permission::HandOver).is_ok()
        && store::may_fetch(request.state, visitor.user.role).is_ok();
    let fetch = if hand_over { settled(desk, &request, visitor, Eyes::Fetching).await? } else { Ok(()) };
    let look = console && visitor.may(Permission::Originals).is_ok();
    let template = DetailPage {
        page: visitor.page(&desk.people, &wording::number(request.id), desk.approvals()),
        problem,
        promise: desk.promise(t),
        message: (console && visitor.may(Permission::Tracking).is_ok())
            .then(|| format!("/messages/{}", request.message.0)),
        look: if look {
            Some(look_at(&request))
        } else {
            (!console && desk.settings.looking != Looking::Off && approve.is_ok())
                .then(|| format!("/approvals/{id}/pages/1"))
        },
        may_approve: approve.is_ok(),
        may_return: give_back.is_ok(),
        // Why not, where there still is something to decide and it is not simply over.
        why_not: approve
            .err()
            .filter(|why| *why != Denied::Over && visitor.may(Permission::Decide).is_ok())
            .map(|why| denied(why, t)),
        action: format!("/approvals/{id}"),
        hand_over: (hand_over && fetch.is_ok()).then(|| format!("/approvals/{id}/original")),
        no_hand_over: fetch.err().map(|why| denied(why, t)),
        form_token: visitor.form_token(),
        longest: super::MOST_CHARACTERS,
        shown: Shown::of(&request, desk, "/approvals", visitor),
    };
    Ok(render(status, &template))
}

/// Where its pages are looked at as pixels.
fn look_at(request: &Request) -> String {
    match request.item {
        Some(item) => format!("/quarantine/{}/pages/1", item.0),
        None => {
            let path = if request.path.is_empty() { "0" } else { request.path.as_str() };
            format!("/messages/{}/parts/{path}/pages/1", request.message.0)
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "approvals.html")]
struct ListPage {
    page: Page,
    promise: &'static str,
    all: bool,
    rows: Vec<Line>,
    older: Option<String>,
    newest: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "approval.html")]
struct DetailPage {
    page: Page,
    problem: Option<&'static str>,
    promise: &'static str,
    message: Option<String>,
    look: Option<String>,
    may_approve: bool,
    may_return: bool,
    why_not: Option<&'static str>,
    action: String,
    hand_over: Option<String>,
    no_hand_over: Option<&'static str>,
    form_token: String,
    longest: usize,
    shown: Shown,
}
