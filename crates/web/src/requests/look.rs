//! Pages of an original for whoever has to decide on it, where the site lets approvers look: pixels that name who was shown them, each a row
//! of the audit before the first of them is sent.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use store::Request;

use super::{Desk, Looking, decide, fetch, name, wording};
use crate::{
    compare::{ComparePage, Looker, Side},
    fault::Fault,
    page::render,
    pager::Pager,
    people::Visitor,
    preview::Document,
};

/// `GET /approvals/{id}/pages/{page}`
pub(crate) async fn page(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((id, number)): Path<(i64, u32)>,
) -> Result<Response, Fault> {
    let (request, document) = open(&desk, &visitor, id, number).await?;
    let t = visitor.texts();
    let (name, base) = (name(&request, t), format!("/approvals/{id}/pages"));
    let src = format!("{base}/{number}/original");
    let Side { shown, pages } = looker(&desk, &visitor).side(&document, number, &name, src).await?;
    if pages.is_some_and(|pages| number > pages) {
        return Err(Fault::NotFound);
    }
    // Of more than may be seen there is no way on, though it is said how much there is.
    let last = pages.filter(|_| desk.settings.looking == Looking::All).unwrap_or(1);
    let template = ComparePage {
        page: visitor.page(&desk.people, t.compare_title, desk.approvals()),
        name,
        back: format!("/approvals/{id}"),
        back_text: wording::number(request.id),
        original: shown,
        // What was rebuilt is its recipient's.
        output: None,
        pager: Pager::new(&base, number, last, pages, visitor.language),
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
    let mut detail = vec![("request", id.to_string()), ("path", request.path.clone())];
    detail.extend(request.item.map(|item| ("item", item.0.to_string())));
    looker(&desk, &visitor).original(&document, number, request.message, detail).await
}

fn looker<'a>(desk: &'a Desk, visitor: &'a Visitor) -> Looker<'a> {
    Looker { store: &desk.store, previews: &desk.previews, visitor }
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
