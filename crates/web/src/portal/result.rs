//! What became of a batch, and the safe files. No content is ever shown but pictures of what a clean room wrote.

use std::time::Duration;

use askama::Template;
use axum::{
    Extension, Form, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use engine::{PagesDone, catalogue::Language};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use store::{BatchStatus, BatchToken, Output, PartRow, PartVerdict, RetryPolicy, UploadFile, UploadLock};

use super::{
    Portal, live,
    locked::{self, LockRow},
    output::{self, AgainRow},
};
use crate::{
    Conversions, disposition,
    fault::Fault,
    hygiene, moment,
    page::{Mark, Page, notice, render},
    people::{
        Visitor,
        sign_in::{bound, check_form},
    },
    requests::ask,
    role::Permission,
    shown,
    texts::{self, Texts, texts},
    unlock::News,
    view::{self, FileState},
};

/// The batch of a token; a wrong, unknown, expired or somebody else's one is all the same to the client.
pub(crate) async fn find(portal: &Portal, visitor: Option<&Visitor>, token: &str) -> Result<BatchStatus, Fault> {
    let token = BatchToken::parse(token).ok_or(Fault::NotFound)?;
    theirs(portal, visitor, portal.state.store.batch(&token).await?)
}

/// The same without what is in the files: how far they are.
pub(crate) async fn find_states(portal: &Portal, visitor: Option<&Visitor>, token: &str) -> Result<BatchStatus, Fault> {
    let token = BatchToken::parse(token).ok_or(Fault::NotFound)?;
    theirs(portal, visitor, portal.state.store.batch_states(&token).await?)
}

fn theirs(portal: &Portal, visitor: Option<&Visitor>, batch: Option<BatchStatus>) -> Result<BatchStatus, Fault> {
    let batch = batch.ok_or(Fault::NotFound)?;
    if batch.batch.expires <= portal.state.store.now() || !portal.owns(visitor, &batch.batch) {
        return Err(Fault::NotFound);
    }
    Ok(batch)
}

/// `GET /b/{token}`
pub(crate) async fn page(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    let t = texts(language);
    let visitor = visitor.as_ref();
    match find(&portal, visitor, &token).await {
        Ok(batch) => show(&portal, visitor, language, &headers, &batch).await,
        Err(Fault::NotFound) => {
            let page = portal.page(visitor, language, t.result_gone_title);
            Ok(notice(StatusCode::NOT_FOUND, page, t.result_gone.to_owned(), None))
        }
        Err(fault) => Err(fault),
    }
}

/// The page of a batch, with what came of passwords that were typed for its files.
async fn show(
    portal: &Portal,
    visitor: Option<&Visitor>,
    language: Language,
    headers: &HeaderMap,
    batch: &BatchStatus,
) -> Result<Response, Fault> {
    let t = texts(language);
    let href = format!("/b/{}", batch.batch.token.as_str());
    let around = Around {
        portal,
        href: &href,
        asks: visitor.is_some_and(|visitor| visitor.may(Permission::Requests).is_ok()),
        language,
        t,
    };
    let (form_token, set) = match visitor {
        Some(visitor) => (visitor.form_token(), None),
        None => {
            let (secret, set) = bound(&portal.people, headers)?;
            (secret.form_token(), set)
        }
    };
    let mut files = Vec::with_capacity(batch.files.len());
    for (number, file) in (1_usize..).zip(&batch.files) {
        let lock = locked::lock(portal, file).await?;
        let is_withheld = file.parts.iter().any(|part| part.verdict == PartVerdict::Withheld);
        let kept = !is_withheld || portal.state.store.keeps_withheld(file.message).await?;
        let news = locked::news(portal, &form_token, batch.batch.token.as_str(), number, language);
        files.push(FileRow { kept, news, ..FileRow::new(&around, file, number, lock.as_ref()) });
    }
    let progress = live::progress(portal, batch).await?;
    let several = batch.files.iter().filter(|file| file.parts.first().is_some_and(|root| root.has_result)).count() > 1;
    let mut receipts: Vec<&str> = batch.files.iter().map(|file| file.receipt.as_str()).collect();
    receipts.truncate(1);
    let others = batch.files.len().saturating_sub(1);
    let receipts = if others == 0 { receipts.concat() } else { format!("{} (+{others})", receipts.concat()) };
    let told = will_be_told(portal, visitor, batch).await?;
    let offset = portal.state.site.offset_minutes;
    let template = ResultPage {
        page: portal.page(visitor, language, t.result_title),
        receipts,
        subject: batch.files.iter().find_map(|file| file.subject.as_deref()).map(shown::visible),
        received: moment::local(batch.batch.created, offset),
        expires: moment::local(batch.batch.expires, offset),
        done: texts::files_done(language, progress.done, progress.total),
        pending: progress.pending,
        told: told.map(|(after, address)| texts::told_when_done(language, after, &shown::visible(&address))),
        state: progress.state,
        waiting: progress.ahead.filter(|ahead| *ahead > 0).map(|ahead| texts::ahead(language, ahead)),
        progress: format!("{href}/status"),
        events: format!("{href}/events"),
        all: (several && !progress.pending).then(|| format!("{href}/all")),
        form_token,
        href,
        files,
    };
    let mut response = render(StatusCode::OK, &template);
    if let Some(value) = set {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// After which time the visitor is told by mail that the batch is done, and where; `None` where no mail will tell.
async fn will_be_told(
    portal: &Portal,
    visitor: Option<&Visitor>,
    batch: &BatchStatus,
) -> Result<Option<(Duration, String)>, Fault> {
    let address = visitor.and_then(|visitor| visitor.user.address.clone());
    let Some(told) = portal.state.done_notice.zip(address) else { return Ok(None) };
    Ok(portal.state.store.is_awaited(batch.batch.id).await?.then_some(told))
}

/// `GET /b/{token}/status`: what the page's module asks for.
pub(crate) async fn status(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path(token): Path<String>,
) -> Result<Json<Progress>, Fault> {
    let batch = find_states(&portal, visitor.as_ref(), &token).await?;
    Ok(Json(live::progress(&portal, &batch).await?))
}

/// The form that takes a file back.
#[derive(Debug, Deserialize)]
pub(crate) struct Cancelling {
    #[serde(default)]
    form_token: String,
    /// Of the file that the page showed there.
    #[serde(default)]
    receipt: String,
}

/// `POST /b/{token}/files/{number}/cancel`: takes a file back that is not begun yet. One that is begun goes on. It keeps its number, and
/// so do the others: links and pictures of them stay right.
pub(crate) async fn cancel(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    Path((token, number)): Path<(String, usize)>,
    Form(cancelling): Form<Cancelling>,
) -> Result<Response, Fault> {
    match &visitor {
        Some(visitor) => visitor.proved(&cancelling.form_token)?,
        None => check_form(&portal.people, &headers, &cancelling.form_token)?,
    }
    let batch = find_states(&portal, visitor.as_ref(), &token).await?;
    let file = number.checked_sub(1).and_then(|index| batch.files.get(index)).ok_or(Fault::NotFound)?;
    let actor = visitor.as_ref().map_or("portal", |visitor| visitor.user.name.as_str());
    if file.receipt.as_str() == cancelling.receipt {
        portal.state.store.cancel_upload(file.message, actor).await?;
    }
    Ok(Redirect::to(&format!("/b/{token}")).into_response())
}

/// `GET /b/{token}/files/{number}`
pub(crate) async fn file(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((token, number)): Path<(String, usize)>,
) -> Result<Response, Fault> {
    let batch = find(&portal, visitor.as_ref(), &token).await?;
    let file = number.checked_sub(1).and_then(|index| batch.files.get(index)).ok_or(Fault::NotFound)?;
    download(&portal, file).await
}

/// The rebuilt file as an attachment that no browser will render.
pub(crate) async fn download(portal: &Portal, file: &UploadFile) -> Result<Response, Fault> {
    match FileState::of(file) {
        FileState::TakenBack => return Err(Fault::Cancelled),
        state if state.finished() => {}
        _ => return Err(Fault::Pending),
    }
    let root = file.parts.first().filter(|root| root.has_result).ok_or(Fault::Withheld)?;
    let output = portal.state.store.part_result(file.message, &root.path).await?;
    tracing::info!(event = "result_downloaded", receipt = file.receipt.as_str(), bytes = output.len());
    let name = root.output_name.as_deref().unwrap_or(&root.name);
    // What the clean room says it wrote; the header never repeats anything that came from outside.
    let kind = root.media_type.as_deref().and_then(|kind| HeaderValue::from_str(kind).ok());
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_LENGTH, HeaderValue::from(output.len())),
        (header::CONTENT_DISPOSITION, disposition::attachment(name)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(hygiene::DOWNLOAD_POLICY)),
    ];
    Ok((headers, body(&output)).into_response())
}

/// The bytes, one piece behind the store: that a file is what was written is known only after its last piece, and the
/// client must not be able to take a damaged one for complete.
pub(crate) fn body(output: &Output) -> Body {
    let start = (output.chunks(), None);
    Body::from_stream(stream::try_unfold(start, |(mut chunks, held)| async move {
        let mut held: Option<Bytes> = held;
        loop {
            let next = chunks.next().await?;
            match (held.take(), next) {
                (Some(ready), next) => return Ok::<_, store::Error>(Some((ready, (chunks, next)))),
                (None, Some(first)) => held = Some(first),
                (None, None) => return Ok(None),
            }
        }
    }))
}

/// How far a batch is, for the page's module.
#[derive(Debug, Serialize)]
pub(crate) struct Progress {
    pub(crate) pending: bool,
    done: usize,
    total: usize,
    /// Jobs before the first file that waits.
    pub(crate) ahead: Option<u32>,
    /// Of the files that have pages and are being worked on.
    pages: Vec<FilePages>,
    /// Changes whenever the page would look different.
    state: String,
}

impl Progress {
    pub(crate) fn of(batch: &BatchStatus, ahead: Option<u32>, conversions: &Conversions) -> Self {
        let states: Vec<FileState> = batch.files.iter().map(FileState::of).collect();
        let done = states.iter().filter(|state| state.finished()).count();
        let total = states.len();
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let pages =
            (1_usize..).zip(&batch.files).filter_map(|(file, of)| FilePages::of(file, of, conversions)).collect();
        Self { pending: done < total, done, total, ahead, pages, state: names.join(" ") }
    }
}

/// How far a file is that is being worked on.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct FilePages {
    /// Its number in the batch.
    file: usize,
    done: u32,
    of: u32,
}

impl FilePages {
    fn of(number: usize, file: &UploadFile, conversions: &Conversions) -> Option<Self> {
        view::pages(file, conversions).map(|PagesDone { done, of }| Self { file: number, done, of })
    }
}

#[derive(Debug, Template)]
#[template(path = "result.html")]
struct ResultPage {
    page: Page,
    receipts: String,
    /// What was said of the files: one thing for all of them.
    subject: Option<String>,
    received: String,
    expires: String,
    done: String,
    pending: bool,
    /// That a mail will tell, where one will.
    told: Option<String>,
    state: String,
    progress: String,
    events: String,
    waiting: Option<String>,
    all: Option<String>,
    form_token: String,
    href: String,
    files: Vec<FileRow>,
}

#[derive(Debug)]
struct FileRow {
    name: String,
    size: String,
    receipt: String,
    /// Its number in the batch.
    number: usize,
    state: Mark,
    /// Whether it is being worked on, and its pages where it has some.
    working: bool,
    pages: Option<FilePages>,
    /// Where it can be taken back, as long as it waits.
    cancel: Option<String>,
    output: Option<OutputRow>,
    expired: bool,
    refusal: Option<String>,
    /// Whether what was withheld of it is still there to be asked for.
    kept: bool,
    /// Where its password is typed.
    lock: Option<LockRow>,
    /// What came of one that was typed.
    news: Option<News>,
    findings: Vec<String>,
    /// How much its pages look like the original ones.
    fidelity: Option<String>,
    untouched: bool,
    members: Vec<MemberRow>,
    technical: Option<Technical>,
    /// Where its original is asked for.
    request: Option<String>,
    /// What whoever sent it chose for it.
    chosen: Option<&'static str>,
    /// Where it is made again.
    again: Option<AgainRow>,
}

#[derive(Debug)]
struct OutputRow {
    href: String,
    name: String,
    size: String,
    look: Option<Look>,
}

/// A first look at a rebuilt file, and the way to all its pages.
#[derive(Debug)]
struct Look {
    pages: String,
    thumbnail: String,
    alt: String,
}

#[derive(Debug)]
struct MemberRow {
    depth: usize,
    name: String,
    state: Mark,
    refusal: Option<String>,
    findings: Vec<String>,
}

#[derive(Debug)]
struct Technical {
    detected: String,
    sizes: String,
    time: String,
}

/// What the rows of a batch have in common.
struct Around<'a> {
    portal: &'a Portal,
    href: &'a str,
    /// Whether originals may be asked for.
    asks: bool,
    language: Language,
    t: &'static Texts,
}

impl FileRow {
    fn new(around: &Around<'_>, file: &UploadFile, number: usize, lock: Option<&UploadLock>) -> Self {
        let Around { portal, href, asks, language, t } = *around;
        let at = format!("{href}/files/{number}");
        let state = FileState::of(file);
        let root = file.parts.first();
        let output = root.filter(|root| root.has_result).map(|root| {
            let href = at.clone();
            let name = shown::visible(root.output_name.as_deref().unwrap_or(&root.name));
            let look = portal.state.previews.show(root).then(|| Look {
                pages: format!("{href}/pages/1"),
                thumbnail: format!("{href}/pages/1/image?size=small"),
                alt: texts::thumbnail(language, &name),
            });
            OutputRow { href, name, size: shown::bytes(root.bytes_out), look }
        });
        let findings = root.map(|root| view::findings(&root.findings, language)).unwrap_or_default();
        Self {
            name: shown::visible(&file.name),
            size: shown::bytes(file.bytes),
            receipt: file.receipt.to_string(),
            number,
            working: state == FileState::Working,
            pages: FilePages::of(number, file, &portal.state.conversions),
            cancel: (state == FileState::Queued).then(|| format!("{at}/cancel")),
            state: if lock.is_some() && state == FileState::Withheld {
                Mark::warn(t.mail_locked)
            } else {
                state.mark(t)
            },
            expired: state.finished() && output.is_none() && root.is_some_and(|root| root.output_name.is_some()),
            refusal: root.and_then(|root| view::refusal(root, language)),
            kept: true,
            chosen: (file.output != RetryPolicy::Same).then(|| output::word(file.output, t)),
            again: AgainRow::of(portal, file, &at, t),
            lock: lock.map(|lock| LockRow::of(lock, portal, &at, language)),
            news: None,
            untouched: state == FileState::Done && findings.is_empty(),
            output,
            findings,
            fidelity: root.and_then(|root| view::fidelity(root, language)),
            members: file.parts.iter().skip(1).map(|part| MemberRow::new(part, root, language, t)).collect(),
            technical: root.map(Technical::new),
            request: (asks && state.finished())
                .then(|| ask::href(&file.receipt, root.map_or("", |root| root.path.as_str()))),
        }
    }
}

impl MemberRow {
    fn new(part: &PartRow, root: Option<&PartRow>, language: Language, t: &'static Texts) -> Self {
        let depth = view::depth(&part.path, root.map_or("", |root| root.path.as_str()));
        Self {
            depth: depth.saturating_sub(1).min(3),
            name: shown::visible(&part.name),
            state: view::part_mark(part, t),
            refusal: view::refusal(part, language),
            findings: view::findings(&part.findings, language),
        }
    }
}

impl Technical {
    fn new(root: &PartRow) -> Self {
        Self {
            detected: shown::visible(&root.detected_type),
            sizes: match root.verdict {
                PartVerdict::Sanitised => format!("{} → {}", shown::bytes(root.bytes_in), shown::bytes(root.bytes_out)),
                PartVerdict::Withheld => shown::bytes(root.bytes_in),
            },
            time: format!("{} ms", root.millis),
        }
    }
}
