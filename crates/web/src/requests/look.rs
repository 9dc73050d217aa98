//! Pages of an original for whoever has to decide on it, where the site lets approvers look: pixels that name who was shown them, each a row
//! of the audit before the first of them is sent.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use engine::catalogue;
use form::reason::Refusal;
use store::{AuditEntry, AuditEvent, Request};

use super::{Desk, Looking, decide, fetch, name, wording};
use crate::{
    fault::Fault,
    page::{Page, render},
    people::Visitor,
    preview::{self, Document, Shown, Size},
    texts,
};

/// `GET /approvals/{id}/pages/{page}`
pub(crate) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((id, number)): Path<(i64, u32)>,
) -> Result<Response, Fault> {
    let (request, document) = open(&desk, &visitor, id, number).await?;
    let (language, t) = (visitor.language, visitor.texts());
    let words =
        |refusal: &Refusal| Shown::Words(format!("{}{}", t.pages_none, catalogue::describe_refusal(refusal, language)));
    let (shown, pages) = match desk.previews.count(&desk.store, &document).await {
        Ok(Ok(pages)) if number > pages => return Err(Fault::NotFound),
        Ok(Ok(pages)) => {
            let shown = match desk.previews.page(&desk.store, &document, number, Size::Large).await? {
                Ok(drawn) => Shown::Picture {
                    src: format!("/approvals/{id}/pages/{number}/original"),
                    width: drawn.width,
                    height: drawn.height,
                    alt: texts::page_picture(language, &name(&request, t), number),
                },
                Err(refusal) => words(&refusal),
            };
            (shown, Some(pages))
        }
        Ok(Err(refusal)) => (words(&refusal), None),
        Err(Fault::NotFound) => (Shown::Words(t.compare_gone.to_owned()), None),
        Err(fault) => return Err(fault),
    };
    // Of more than may be seen there is no way on, though it is said how much there is.
    let last = pages.filter(|_| desk.settings.looking == Looking::All).unwrap_or(1);
    let template = LookPage {
        page: visitor.page(&desk.people, t.compare_title, desk.approvals()),
        name: name(&request, t),
        back: format!("/approvals/{id}"),
        back_text: wording::number(request.id),
        original: shown,
        output: None,
        previous: (number > 1).then(|| format!("/approvals/{id}/pages/{}", number.saturating_sub(1))),
        next: (number < last).then(|| format!("/approvals/{id}/pages/{}", number.saturating_add(1))),
        where_in: pages.map(|pages| texts::page_of(language, number, pages)),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /approvals/{id}/pages/{page}/original`
pub(crate) async fn picture(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((id, number)): Path<(i64, u32)>,
) -> Result<Response, Fault> {
    let (request, document) = open(&desk, &visitor, id, number).await?;
    let drawn = match desk.previews.page(&desk.store, &document, number, Size::Large).await {
        Ok(Ok(drawn)) => drawn,
        Ok(Err(_)) => return Ok(preview::words(None, visitor.texts())),
        Err(fault) => return Ok(preview::words(Some(fault), visitor.texts())),
    };
    let mut detail = vec![("request", id.to_string()), ("page", number.to_string())];
    detail.extend(request.item.map(|item| ("item", item.0.to_string())));
    detail.extend(Some(("path", request.path.clone())).filter(|(_, path)| !path.is_empty()));
    let (actor, message) = (visitor.user.name.clone(), Some(request.message));
    desk.store.audit_append(AuditEntry { actor, event: AuditEvent::OriginalViewed, message, detail }).await?;
    Ok(preview::picture(&drawn, HeaderValue::from_static("no-store")))
}

/// Whether the visitor may look at what this is about: who may approve now, of what the site shows.
async fn may_look(desk: &Desk, request: &Request, visitor: &Visitor) -> Result<bool, Fault> {
    Ok(desk.settings.looking != Looking::Off && decide::may_approve(desk, request, visitor).await?.is_ok())
}

/// The request and its original, of which this page may be seen; any other is not there.
async fn open(desk: &Desk, visitor: &Visitor, id: i64, number: u32) -> Result<(Request, Document), Fault> {
    let request = decide::visible(desk, visitor, id).await?;
    let within = match desk.settings.looking {
        Looking::Off => false,
        Looking::FirstPage => number == 1,
        Looking::All => number > 0,
    };
    if !within || !may_look(desk, &request, visitor).await? {
        return Err(Fault::NotFound);
    }
    let document = fetch::document(desk, &request).await?;
    let document = document.marked(&visitor.user.name, desk.store.now(), desk.site.offset_minutes);
    Ok((request, document))
}

#[derive(Debug, Template)]
#[template(path = "compare.html")]
struct LookPage {
    page: Page,
    name: String,
    original: Shown,
    /// Nothing beside it: what was rebuilt is its recipient's.
    output: Option<Shown>,
    previous: Option<String>,
    next: Option<String>,
    where_in: Option<String>,
    back: String,
    back_text: String,
}
