//! The pages of a rebuilt file as pictures. Found by the token of its batch, like the file itself.

use askama::Template;
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use engine::catalogue::{self, Language};
use store::BatchStatus;

use super::{Portal, find};
use crate::{
    fault::Fault,
    page::{Page, render},
    pager::Pager,
    people::Visitor,
    preview::{self, Document, Shown, Size, SizeWanted},
    shown,
    texts::{self, texts},
    view::FileState,
};

/// `GET /b/{token}/files/{number}/pages/{page}`
pub(crate) async fn page(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    Path((token, number, page)): Path<(String, usize, u32)>,
) -> Result<Response, Fault> {
    let t = texts(language);
    let document = document(&portal, &find(&portal, visitor.as_ref(), &token).await?, number)?;
    let name = shown::visible(&document.name);
    let (store, previews) = (&portal.state.store, &portal.state.previews);
    let drawn = previews.page(store, &document, page, Size::Large).await?;
    let href = format!("/b/{token}/files/{number}");
    let shown = match drawn {
        Ok(drawn) => Shown::Picture {
            src: format!("{href}/pages/{page}/image?size=large"),
            width: drawn.width,
            height: drawn.height,
            alt: texts::page_picture(language, &name, page),
        },
        Err(refusal) => Shown::Words(format!("{}{}", t.pages_none, catalogue::describe_refusal(&refusal, language))),
    };
    // One page that cannot be drawn is no reason not to turn to the next.
    let known = previews.count(store, &document).await?.ok();
    let template = PageView {
        page: portal.page(visitor.as_ref(), language, t.pages_title),
        pager: Pager::new(&format!("{href}/pages"), page, known.unwrap_or(1), known, language),
        back: format!("/b/{token}"),
        download: href,
        name,
        shown,
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /b/{token}/files/{number}/pages/{page}/image?size=small|large`
pub(crate) async fn image(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    Path((token, number, page)): Path<(String, usize, u32)>,
    Query(wanted): Query<SizeWanted>,
) -> Result<Response, Fault> {
    let batch = find(&portal, visitor.as_ref(), &token).await?;
    let document = document(&portal, &batch, number)?;
    Ok(match portal.state.previews.page(&portal.state.store, &document, page, wanted.size).await {
        Ok(Ok(drawn)) => preview::picture(&drawn, cache(&portal, &batch)),
        Ok(Err(_)) => preview::words(None, texts(language)),
        Err(fault) => preview::words(Some(fault), texts(language)),
    })
}

/// A rebuilt file that has pages.
fn document(portal: &Portal, batch: &BatchStatus, number: usize) -> Result<Document, Fault> {
    let file = number.checked_sub(1).and_then(|index| batch.files.get(index)).ok_or(Fault::NotFound)?;
    if !FileState::of(file).finished() {
        return Err(Fault::Pending);
    }
    let root = file.parts.first().filter(|root| root.has_result).ok_or(Fault::Withheld)?;
    if portal.state.previews.show(root) { Ok(Document::output(file.message, root)) } else { Err(Fault::NotFound) }
}

/// A finished result never changes; its address stops working when the batch expires.
fn cache(portal: &Portal, batch: &BatchStatus) -> HeaderValue {
    let left = batch.batch.expires.since(portal.state.store.now()).as_secs().min(CACHED_SECONDS);
    HeaderValue::try_from(format!("private, max-age={left}")).unwrap_or(HeaderValue::from_static("no-store"))
}

#[derive(Debug, Template)]
#[template(path = "page.html")]
struct PageView {
    page: Page,
    name: String,
    shown: Shown,
    pager: Pager,
    back: String,
    download: String,
}

/// Longest time that a browser keeps a page of a result.
const CACHED_SECONDS: u64 = 3600;
