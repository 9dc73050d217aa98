//! Originals as pixels, beside what became of them: which document an address of the console means, and what is beside it.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode},
    response::Response,
};
use store::{MessageDetail, MessageId, OriginKind, PartRow, PartVerdict, QuarantineId, QuarantineRow, QuarantineState};

use super::{Console, quarantine};
use crate::{
    compare::{ComparePage, Looker, Side},
    fault::Fault,
    page::render,
    pager::Pager,
    people::Visitor,
    preview::{self, Document, Place, Shown, Size},
    role::Permission,
    shown, view,
};

/// Where the pages of a part are shown; `None` where there is nothing to see.
pub(super) fn href(console: &Console, part: &PartRow, detail: &MessageDetail) -> Option<String> {
    if part.verdict == PartVerdict::Withheld {
        let item =
            detail.quarantine.iter().find(|item| item.path == part.path && item.state != QuarantineState::Purged);
        if let Some(item) = item.filter(|item| view::may_have_pages(&item.detected_type)) {
            return Some(format!("/quarantine/{}/pages/1", item.id.0));
        }
    }
    let mail_itself = part.path.is_empty() && detail.row.origin != OriginKind::Upload;
    let before = !part.detected_type.is_empty() && view::may_have_pages(&part.detected_type) && !mail_itself;
    let after = part.has_result && console.state.previews.show(part);
    (before || after).then(|| format!("/messages/{}/parts/{}/pages/1", detail.row.id.0, number(&part.path)))
}

/// `GET /quarantine/{id}/pages/{page}`
pub(crate) async fn withheld(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, page)): Path<(i64, u32)>,
) -> Result<Response, Fault> {
    let row = item(&console, id).await?;
    let href = format!("/quarantine/{id}");
    let view = View {
        original: view::may_have_pages(&row.detected_type).then(|| marked(&console, &visitor, of_item(&row))),
        output: retried(&console, id).await?,
        name: quarantine::name(&row, visitor.texts()),
        base: href.clone(),
        back: href,
        back_text: visitor.texts().quarantine_item_back,
        page,
    };
    view.render(&console, &visitor).await
}

/// `GET /quarantine/{id}/pages/{page}/output`: what came of converting it again.
pub(crate) async fn withheld_output(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, page)): Path<(i64, u32)>,
) -> Result<Response, Fault> {
    item(&console, id).await?;
    let output = retried(&console, id).await?.ok_or(Fault::NotFound)?;
    drawn_output(&console, &visitor, &output, page).await
}

/// What came of converting an item again, where that can be looked at.
async fn retried(console: &Console, id: i64) -> Result<Option<Document>, Fault> {
    let retry = console.state.store.retry_of(QuarantineId(id)).await?.filter(|retry| retry.has_file);
    let kind = retry.as_ref().and_then(|retry| retry.media_type.clone()).unwrap_or_default();
    let name = retry.and_then(|retry| retry.name).filter(|_| console.state.previews.shows(&kind));
    Ok(name.map(|name| Document::retried(QuarantineId(id), name, &kind)))
}

/// `GET /quarantine/{id}/pages/{page}/original`
pub(crate) async fn withheld_original(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, page)): Path<(i64, u32)>,
) -> Result<Response, Fault> {
    let row = item(&console, id).await?;
    let detail = vec![("item", id.to_string()), ("path", row.path.clone())];
    let document = marked(&console, &visitor, of_item(&row));
    looker(&console, &visitor).original(&document, page, row.message, detail).await
}

/// `GET /messages/{id}/parts/{part}/pages/{page}`
pub(crate) async fn part(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, path, page)): Path<(i64, String, u32)>,
) -> Result<Response, Fault> {
    let part = Part::find(&console, id, &path).await?;
    let view = View {
        original: part.original().map(|document| marked(&console, &visitor, document)),
        output: part.output(&console),
        name: shown::visible(&part.row.name),
        base: format!("/messages/{id}/parts/{path}"),
        back: format!("/messages/{id}"),
        back_text: visitor.texts().quarantine_message,
        page,
    };
    view.render(&console, &visitor).await
}

/// `GET /messages/{id}/parts/{part}/pages/{page}/original`
pub(crate) async fn part_original(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, path, page)): Path<(i64, String, u32)>,
) -> Result<Response, Fault> {
    let part = Part::find(&console, id, &path).await?;
    let detail = vec![("path", part.row.path.clone())];
    let document = marked(&console, &visitor, part.original().ok_or(Fault::NotFound)?);
    looker(&console, &visitor).original(&document, page, part.message, detail).await
}

/// `GET /messages/{id}/parts/{part}/pages/{page}/output`
pub(crate) async fn part_output(
    State(console): State<Console>,
    visitor: Visitor,
    Path((id, path, page)): Path<(i64, String, u32)>,
) -> Result<Response, Fault> {
    let output = Part::find(&console, id, &path).await?.output(&console).ok_or(Fault::NotFound)?;
    drawn_output(&console, &visitor, &output, page).await
}

async fn drawn_output(console: &Console, visitor: &Visitor, output: &Document, page: u32) -> Result<Response, Fault> {
    Ok(match console.state.previews.page(&console.state.store, output, page, Size::Large).await {
        Ok(Ok(drawn)) => preview::picture(&drawn, HeaderValue::from_static(OUTPUT_CACHE)),
        Ok(Err(_)) => preview::words(None, visitor.texts()),
        Err(fault) => preview::words(Some(fault), visitor.texts()),
    })
}

fn looker<'a>(console: &'a Console, visitor: &'a Visitor) -> Looker<'a> {
    Looker { store: &console.state.store, previews: &console.state.previews, visitor }
}

async fn item(console: &Console, id: i64) -> Result<QuarantineRow, Fault> {
    let row = console.state.store.quarantine_item(QuarantineId(id)).await?.ok_or(Fault::NotFound)?;
    if row.state == QuarantineState::Purged { Err(Fault::NotFound) } else { Ok(row) }
}

/// Pages of an original say on their own pixels who was shown them, so that a saved picture still does.
fn marked(console: &Console, visitor: &Visitor, document: Document) -> Document {
    document.marked(&visitor.user.name, console.state.store.now(), console.state.site.offset_minutes)
}

fn of_item(row: &QuarantineRow) -> Document {
    Document::original(Place::Quarantined(row.id), row.name.clone())
}

/// A part of a message, with what its documents need.
struct Part {
    message: MessageId,
    /// The name of an uploaded file.
    file: Option<String>,
    row: PartRow,
    /// A person deleted it: its original is shown no more.
    is_deleted: bool,
}

impl Part {
    async fn find(console: &Console, id: i64, number: &str) -> Result<Self, Fault> {
        let path = if number == WHOLE { "" } else { number };
        let detail = console.state.store.message(MessageId(id)).await?.ok_or(Fault::NotFound)?;
        let row = detail.parts.into_iter().find(|part| part.path == path).ok_or(Fault::NotFound)?;
        let file = match detail.row.origin {
            OriginKind::Upload => Some(detail.row.file_name.unwrap_or_default()),
            OriginKind::Mail => None,
            OriginKind::Notice | OriginKind::Unlocked => return Err(Fault::NotFound),
        };
        let is_deleted = console.state.store.is_deleted(detail.row.id, path).await?;
        Ok(Self { message: detail.row.id, file, row, is_deleted })
    }

    /// Only what is pages or a picture already; everything else is seen once it was rebuilt.
    fn original(&self) -> Option<Document> {
        if self.is_deleted || !view::may_have_pages(&self.row.detected_type) {
            return None;
        }
        let place = Place::Original { message: self.message, file: self.file.clone(), path: self.row.path.clone() };
        Some(Document::original(place, self.row.name.clone()))
    }

    /// Of the parts of a mail or archive the rebuilt ones lie inside what was delivered.
    fn output(&self, console: &Console) -> Option<Document> {
        let shown = self.row.has_result && console.state.previews.show(&self.row);
        shown.then(|| Document::output(self.message, &self.row))
    }
}

/// The page that shows one page, before it is known what there is to see.
struct View {
    /// `None` for what is shown only once it was rebuilt.
    original: Option<Document>,
    output: Option<Document>,
    name: String,
    base: String,
    back: String,
    back_text: &'static str,
    page: u32,
}

impl View {
    async fn render(self, console: &Console, visitor: &Visitor) -> Result<Response, Fault> {
        let t = visitor.texts();
        let original = match &self.original {
            Some(original) => self.side(console, visitor, original, "original").await?,
            None => Side { shown: Shown::Words(t.compare_not_drawn.to_owned()), pages: None },
        };
        let output = match &self.output {
            Some(output) => Some(self.side(console, visitor, output, "output").await?),
            None => None,
        };
        let sides = [Some(&original), output.as_ref()];
        // A document that says how long it is has no page beyond that; one that says nothing has a first page, with the reason.
        let known = sides.iter().filter_map(|side| side.and_then(|side| side.pages)).max();
        let pages = known.unwrap_or(1);
        if self.page > pages {
            return Err(Fault::NotFound);
        }
        let template = ComparePage {
            page: visitor.page(&console.people, t.compare_title, Permission::Quarantine),
            pager: Pager::new(&format!("{}/pages", self.base), self.page, pages, known, visitor.language),
            original: original.shown,
            output: output.map(|output| output.shown),
            name: self.name,
            back: self.back,
            back_text: self.back_text.to_owned(),
        };
        Ok(render(StatusCode::OK, &template))
    }

    async fn side(
        &self,
        console: &Console,
        visitor: &Visitor,
        document: &Document,
        which: &'static str,
    ) -> Result<Side, Fault> {
        if self.page == 0 {
            return Err(Fault::NotFound);
        }
        let src = format!("{}/pages/{}/{which}", self.base, self.page);
        looker(console, visitor).side(document, self.page, &self.name, src).await
    }
}

/// A path as it stands in an address, where it must not be empty.
fn number(path: &str) -> &str {
    if path.is_empty() { WHOLE } else { path }
}

/// Stands for the whole in an address. Parts are counted from 1.
const WHOLE: &str = "0";
/// A result never changes, but whoever signs out leaves nothing behind for long.
const OUTPUT_CACHE: &str = "private, max-age=300";
