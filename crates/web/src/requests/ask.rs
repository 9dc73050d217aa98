//! Asking for an original: the form of a part, one's own requests, and what became of them.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use form::percent;
use serde::Deserialize;
use store::{
    MessageDetail, MessageId, OriginKind, QuarantineId, QuarantineState, Receipt, RequestFilter, RequestId, UserId,
};

use super::{Desk, Line, Shown, approvers, denied, need_of, need_word, said, wording};
use crate::{
    fault::Fault,
    page::{Page, render},
    people::Visitor,
    role::Permission,
    shown,
};

/// Which part is asked for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct About {
    #[serde(default)]
    receipt: String,
    /// The part's path; empty for the whole.
    #[serde(default)]
    part: String,
}

/// The form of a request.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asking {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    receipt: String,
    #[serde(default)]
    part: String,
    #[serde(default)]
    need: String,
    #[serde(default)]
    words: String,
    confirmed: Option<String>,
    #[serde(default)]
    approver: String,
}

/// `GET /requests`: one's own, newest first.
pub(crate) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(wanted): Query<super::decide::Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let filter = RequestFilter { requester: Some(visitor.user.id), before: wanted.before, ..RequestFilter::default() };
    let found = desk.store.requests(&filter).await?;
    let template = ListPage {
        page: visitor.page(&desk.people, t.nav_requests, Permission::Requests),
        promise: desk.promise(t),
        rows: found.items.iter().map(|row| Line::of(row, "/requests", desk.site.offset_minutes, t)).collect(),
        older: found.next.map(|next| format!("/requests?before={next}")),
        newest: wanted.before.map(|_| "/requests".to_owned()),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /requests/new`: nothing is asked for by a link alone.
pub(crate) async fn form(
    State(desk): State<Desk>,
    visitor: Visitor,
    Query(about): Query<About>,
) -> Result<Response, Fault> {
    let detail = own(&desk, &visitor, &about.receipt).await?;
    let asking = Asking { receipt: about.receipt, part: about.part, ..Asking::default() };
    show(&desk, &visitor, &detail, &asking, StatusCode::OK, None).await
}

/// `POST /requests`
pub(crate) async fn submit(
    State(desk): State<Desk>,
    visitor: Visitor,
    Form(asking): Form<Asking>,
) -> Result<Response, Fault> {
    visitor.proved(&asking.form_token)?;
    let t = visitor.texts();
    let detail = own(&desk, &visitor, &asking.receipt).await?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let (Some(need), Some(words)) = (need_of(&asking.need), said(&asking.words)) else {
        return show(&desk, &visitor, &detail, &asking, status, Some(t.request_incomplete)).await;
    };
    let approver = match asking.approver.as_str() {
        "" => None,
        id => Some(UserId(id.parse().map_err(|_| Fault::BadRequest)?)),
    };
    let new = store::NewRequest {
        message: detail.row.id,
        path: asking.part.clone(),
        requester: visitor.user.id,
        need,
        words,
        confirmed: asking.confirmed.is_some(),
        approver,
    };
    match desk.store.ask_for_original(new, desk.settings.rules).await? {
        Ok(id) => Ok(Redirect::to(&format!("/requests/{}", id.0)).into_response()),
        Err(refused) => show(&desk, &visitor, &detail, &asking, status, Some(denied(refused, t))).await,
    }
}

/// `GET /requests/{id}`: whoever asked, and nobody else, whatever they are.
pub(crate) async fn detail(State(desk): State<Desk>, visitor: Visitor, Path(id): Path<i64>) -> Result<Response, Fault> {
    let t = visitor.texts();
    let request = desk.store.request(RequestId(id)).await?.ok_or(Fault::NotFound)?;
    if request.requester != visitor.user.id {
        return Err(Fault::NotFound);
    }
    let template = DetailPage {
        page: visitor.page(&desk.people, &wording::number(request.id), Permission::Requests),
        shown: Shown::of(&request, &desk, "/requests", &visitor),
        promise: desk.promise(t),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `POST /quarantine/{id}/request` on the console: an operator asks for an item of the quarantine.
pub(crate) async fn of_item(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(asking): Form<Asking>,
) -> Result<Response, Fault> {
    visitor.proved(&asking.form_token)?;
    let row = desk.store.quarantine_item(QuarantineId(id)).await?.ok_or(Fault::NotFound)?;
    let (Some(need), Some(words)) = (need_of(&asking.need), said(&asking.words)) else { return Err(Fault::BadRequest) };
    let new = store::NewRequest {
        message: row.message,
        path: row.path,
        requester: visitor.user.id,
        need,
        words,
        confirmed: asking.confirmed.is_some(),
        approver: None,
    };
    match desk.store.ask_for_original(new, desk.settings.rules).await? {
        Ok(id) => Ok(Redirect::to(&format!("/approvals/{}", id.0)).into_response()),
        Err(refused) => Err(Fault::Refused(refused)),
    }
}

/// The message of a receipt, if it is the visitor's own: uploaded by them, or a mail to their address.
pub(crate) async fn own(desk: &Desk, visitor: &Visitor, receipt: &str) -> Result<MessageDetail, Fault> {
    let receipt = Receipt::parse(receipt).ok_or(Fault::NotFound)?;
    let id = desk.store.message_by_receipt(&receipt).await?.ok_or(Fault::NotFound)?;
    let detail = desk.store.message(id).await?.ok_or(Fault::NotFound)?;
    if is_theirs(visitor, &detail) { Ok(detail) } else { Err(Fault::NotFound) }
}

/// Whether a message is somebody's: uploaded by them, or a mail to their address.
pub(crate) fn is_theirs(visitor: &Visitor, detail: &MessageDetail) -> bool {
    let row = &detail.row;
    match row.origin {
        OriginKind::Upload => row.owner == Some(visitor.user.id),
        OriginKind::Mail => visitor
            .user
            .address
            .as_ref()
            .is_some_and(|address| row.recipients.iter().any(|recipient| recipient.eq_ignore_ascii_case(address))),
        OriginKind::Notice | OriginKind::Unlocked => false,
    }
}

/// Where a part's original is asked for.
pub(crate) fn href(receipt: &Receipt, path: &str) -> String {
    format!("/requests/new?receipt={receipt}&part={}", percent::encoded(path))
}

/// The last request of this person for each part of a message.
pub(crate) async fn made(desk: &Desk, visitor: &Visitor, message: MessageId) -> Result<Vec<store::Request>, Fault> {
    let filter = RequestFilter {
        requester: Some(visitor.user.id),
        message: Some(message),
        limit: 500,
        ..RequestFilter::default()
    };
    Ok(desk.store.requests(&filter).await?.items)
}

async fn show(
    desk: &Desk,
    visitor: &Visitor,
    detail: &MessageDetail,
    asking: &Asking,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let part = detail.parts.iter().find(|part| part.path == asking.part);
    let kept = detail.quarantine.iter().find(|row| row.path == asking.part && row.state != QuarantineState::Purged);
    let name = match (part, kept) {
        (Some(part), _) if !part.name.is_empty() => shown::visible(&part.name),
        (None, None) => return Err(Fault::NotFound),
        (Some(_) | None, _) => t.quarantine_whole.to_owned(),
    };
    let withheld = kept.is_some() || part.is_some_and(|part| part.verdict == store::PartVerdict::Withheld);
    let chosen = need_of(&asking.need).unwrap_or(if withheld { store::Need::Whole } else { store::Need::Content });
    let asked = made(desk, visitor, detail.row.id).await?.into_iter().find(|request| request.path == asking.part);
    let template = FormPage {
        page: visitor.page(&desk.people, t.request_title, Permission::Requests),
        problem,
        name,
        receipt: detail.row.receipt.to_string(),
        part: asking.part.clone(),
        received: crate::moment::local(detail.row.received, desk.site.offset_minutes),
        sender: detail.row.sender.as_deref().map(shown::visible).unwrap_or_default(),
        is_mail: detail.row.origin == OriginKind::Mail,
        needs: wording::NEEDS
            .into_iter()
            .map(|need| NeedChoice {
                value: wording::need_name(need),
                text: need_word(need, t),
                chosen: need == chosen,
            })
            .collect(),
        words: asking.words.clone(),
        confirmed: asking.confirmed.is_some(),
        approvers: approvers(desk, visitor)
            .await?
            .into_iter()
            .map(|(id, name)| ApproverChoice { chosen: asking.approver == id.to_string(), id, name })
            .collect(),
        asked: asked.map(|request| Line::of(&request, "/requests", desk.site.offset_minutes, t)),
        promise: desk.promise(t),
        form_token: visitor.form_token(),
        longest: super::MOST_CHARACTERS,
    };
    Ok(render(status, &template))
}

/// One reason of the form.
#[derive(Debug)]
pub(crate) struct NeedChoice {
    pub(crate) value: &'static str,
    pub(crate) text: &'static str,
    pub(crate) chosen: bool,
}

#[derive(Debug)]
struct ApproverChoice {
    id: i64,
    name: String,
    chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "request_form.html")]
struct FormPage {
    page: Page,
    problem: Option<&'static str>,
    name: String,
    receipt: String,
    part: String,
    received: String,
    sender: String,
    is_mail: bool,
    needs: Vec<NeedChoice>,
    words: String,
    confirmed: bool,
    approvers: Vec<ApproverChoice>,
    asked: Option<Line>,
    promise: &'static str,
    form_token: String,
    longest: usize,
}

#[derive(Debug, Template)]
#[template(path = "requests.html")]
struct ListPage {
    page: Page,
    promise: &'static str,
    rows: Vec<Line>,
    older: Option<String>,
    newest: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "request.html")]
struct DetailPage {
    page: Page,
    shown: Shown,
    promise: &'static str,
}
