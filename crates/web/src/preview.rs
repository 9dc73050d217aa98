//! Pages as pixels: drawn in rooms, a few at a time, and kept for the moment in which the browser comes for them.
//!
//! A page of HTML asks first, because only then can it say in words why there is nothing to see; the picture in it asks again a
//! moment later and is answered from memory.

use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{Defer, Drawn, Engine, Source, Whole};
use form::{
    job::{Preview, Watermark},
    name::FileName,
    reason::{Reason, Refusal},
};
use serde::Deserialize;
use store::{MessageId, PartRow, QuarantineId, Store, Timestamp};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::{fault::Fault, hygiene, moment, texts::Texts, view};

/// Who draws: the engine, and in tests somebody who needs no rooms.
pub trait Painter: Send + Sync {
    /// How many pages a document has.
    fn count(&self, document: Source, name: FileName) -> Painting<'_, u32>;
    /// One page of it, with a mark over its pixels.
    fn draw(&self, document: Source, name: FileName, wanted: Preview, mark: Option<Watermark>) -> Painting<'_, Drawn>;
    /// Whether rebuilt Office documents can be printed.
    fn prints(&self) -> bool;
    /// The pages of a rebuilt Office document, as a document that [`draw`](Self::draw) takes.
    fn print(&self, rebuilt: Source, name: FileName) -> Painting<'_, Source>;
    /// The original of one part of a mail or archive.
    fn find(&self, whole: Source, kind: Whole, path: String) -> Painting<'_, Source>;
}

/// What a [`Painter`] will give.
pub type Painting<'a, T> = Pin<Box<dyn Future<Output = Result<Result<T, Refusal>, Defer>> + Send + 'a>>;

impl Painter for Engine {
    fn count(&self, document: Source, name: FileName) -> Painting<'_, u32> {
        Box::pin(async move { self.current().count_pages(document, name).await })
    }

    fn draw(&self, document: Source, name: FileName, wanted: Preview, mark: Option<Watermark>) -> Painting<'_, Drawn> {
        Box::pin(async move { self.current().preview(document, name, wanted, mark).await })
    }

    fn prints(&self) -> bool {
        Engine::prints(self)
    }

    fn print(&self, rebuilt: Source, name: FileName) -> Painting<'_, Source> {
        Box::pin(async move { Engine::print(&self.current(), rebuilt, name).await })
    }

    fn find(&self, whole: Source, kind: Whole, path: String) -> Painting<'_, Source> {
        Box::pin(async move { self.current().find_part(whole, &kind, &path).await })
    }
}

/// Draws pages for one listener.
#[derive(Clone)]
pub struct Previews(Arc<Inner>);

struct Inner {
    painter: Box<dyn Painter>,
    /// Pages being drawn.
    places: Arc<Semaphore>,
    /// Pages being drawn or waiting for it.
    asked: Arc<Semaphore>,
    recent: Mutex<Recent>,
}

impl fmt::Debug for Previews {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Previews").field("places", &self.0.places).finish_non_exhaustive()
    }
}

impl Previews {
    /// Draws `at_once` pages at a time, and lets `waiting` more wait; a further one is asked to come again.
    pub fn new(painter: impl Painter + 'static, at_once: usize, waiting: usize) -> Self {
        Self(Arc::new(Inner {
            painter: Box::new(painter),
            places: Arc::new(Semaphore::new(at_once)),
            asked: Arc::new(Semaphore::new(at_once.saturating_add(waiting))),
            recent: Mutex::default(),
        }))
    }

    /// Whether a rebuilt file is something to look at: a document of pages, a picture, or an Office document where those are printed.
    pub(crate) fn show(&self, part: &PartRow) -> bool {
        self.shows(part.media_type.as_deref().unwrap_or_default())
    }

    /// Whether files of a media type can be shown.
    pub(crate) fn shows(&self, kind: &str) -> bool {
        view::has_pages(kind) || (view::is_office(kind) && self.0.painter.prints())
    }

    /// How many pages a document has.
    pub(crate) async fn count(&self, store: &Store, document: &Document) -> Result<Result<u32, Refusal>, Fault> {
        let found = self.drawn(store, document, Wanted::Count).await?;
        Ok(found.map(|kept| match kept {
            Kept::Count(pages) => pages,
            Kept::Page(_) | Kept::Printed(_) => 1,
        }))
    }

    /// One page of a document, the first being 1. [`Fault::NotFound`] where there is no such page, or the document is gone.
    pub(crate) async fn page(
        &self,
        store: &Store,
        document: &Document,
        page: u32,
        size: Size,
    ) -> Result<Result<Drawn, Refusal>, Fault> {
        let page = page.checked_sub(1).ok_or(Fault::NotFound)?;
        match self.drawn(store, document, Wanted::Page(page, size)).await? {
            Ok(Kept::Page(drawn)) => Ok(Ok(drawn)),
            Ok(Kept::Count(_) | Kept::Printed(_)) => Err(Fault::NotFound),
            Err(Refusal { reason: Reason::LimitPages, value, .. }) if value == u64::from(page) => Err(Fault::NotFound),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The hostile bytes of a document, for a room or for whoever was granted exactly them.
    pub(crate) async fn source(&self, store: &Store, document: &Document) -> Result<Result<Source, Refusal>, Fault> {
        let _places = self.place().await?;
        document.source(self, store).await
    }

    async fn drawn(&self, store: &Store, document: &Document, wanted: Wanted) -> Result<Result<Kept, Refusal>, Fault> {
        let key = (document.clone(), wanted);
        if let Some(kept) = self.recent().find(&key) {
            return Ok(kept);
        }
        let places = self.place().await?;
        let (previews, store) = (self.clone(), store.clone());
        // A room that was asked draws to its end whoever goes away meanwhile, so it is that work which holds the places, not the
        // request: a client that asks and hangs up again and again must not fill the rooms.
        let work = tokio::spawn(async move {
            let drawn = previews.draw(&store, key, wanted).await;
            drop(places);
            drawn
        });
        work.await.unwrap_or(Err(Fault::Busy))
    }

    async fn draw(
        &self,
        store: &Store,
        key: (Document, Wanted),
        wanted: Wanted,
    ) -> Result<Result<Kept, Refusal>, Fault> {
        let source = match key.0.source(self, store).await? {
            Ok(source) => source,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let name = FileName::rebuild(&key.0.name).0;
        let mark = key.0.mark.clone();
        let source = match self.printed(&key.0, source, &name).await? {
            Ok(source) => source,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let drawn = match wanted {
            Wanted::Printed => Ok(Ok(Kept::Printed(source))),
            Wanted::Count => self.0.painter.count(source, name).await.map(|count| count.map(Kept::Count)),
            Wanted::Page(page, size) => {
                let wanted = Preview { page, max_side: size.pixels() };
                self.0.painter.draw(source, name, wanted, mark).await.map(|drawn| drawn.map(Kept::Page))
            }
        };
        let drawn = drawn.map_err(deferred)?;
        self.recent().keep(key, drawn.clone());
        Ok(drawn)
    }

    /// What there is to draw of a document: an Office document that a clean room wrote is printed first, and its pages are kept for a while,
    /// because whoever looks at one will turn to the next.
    async fn printed(
        &self,
        document: &Document,
        source: Source,
        name: &FileName,
    ) -> Result<Result<Source, Refusal>, Fault> {
        if !document.is_printed {
            return Ok(Ok(source));
        }
        let key = (document.clone(), Wanted::Printed);
        let known = self.recent().find(&key);
        match known {
            Some(Ok(Kept::Printed(pages))) => return Ok(Ok(pages)),
            Some(Err(refusal)) => return Ok(Err(refusal)),
            _ => {}
        }
        let pages = self.0.painter.print(source, name.clone()).await.map_err(deferred)?;
        self.recent().keep(key, pages.clone().map(Kept::Printed));
        Ok(pages)
    }

    /// A place to draw in, after a short wait.
    async fn place(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Fault> {
        let asked = Arc::clone(&self.0.asked).try_acquire_owned().map_err(|_| Fault::Busy)?;
        match timeout(PATIENCE, Arc::clone(&self.0.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok((asked, place)),
            Ok(Err(_)) | Err(_) => Err(Fault::Busy),
        }
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        // Whoever panicked while holding it left a list that is still a list.
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deferred(error: Defer) -> Fault {
    tracing::warn!(event = "preview_deferred", error = &error as &dyn std::error::Error);
    Fault::Busy
}

/// Something with pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) place: Place,
    /// Its name, a hint about its type.
    pub(crate) name: String,
    /// It is a rebuilt Office document, whose pages have to be printed before there is anything to see.
    pub(crate) is_printed: bool,
    /// What its pages say of who looks at them.
    pub(crate) mark: Option<Watermark>,
}

/// Where a document lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// What a clean room wrote of a part of a message.
    Output(MessageId, String),
    /// The original of a part of a message, which is a mail or the file of this name.
    Original { message: MessageId, file: Option<String>, path: String },
    /// A withheld original.
    Quarantined(QuarantineId),
    /// What a clean room wrote of a withheld original when it was converted again.
    Retried(QuarantineId),
}

impl Document {
    /// What a clean room wrote of a part.
    pub(crate) fn output(message: MessageId, part: &PartRow) -> Self {
        Self {
            place: Place::Output(message, part.path.clone()),
            name: part.output_name.as_ref().unwrap_or(&part.name).clone(),
            is_printed: view::is_office(part.media_type.as_deref().unwrap_or_default()),
            mark: None,
        }
    }

    /// What came of converting a withheld original again.
    pub(crate) fn retried(item: QuarantineId, name: String, media_type: &str) -> Self {
        Self { place: Place::Retried(item), name, is_printed: view::is_office(media_type), mark: None }
    }

    /// An original, which is never printed.
    pub(crate) fn original(place: Place, name: String) -> Self {
        Self { place, name, is_printed: false, mark: None }
    }

    /// The same document, whose pages say who looked at them and when, to the minute.
    pub(crate) fn marked(self, actor: &str, now: Timestamp, offset_minutes: i32) -> Self {
        let minute: String = moment::local(now, offset_minutes).chars().take(16).collect();
        Self { mark: Watermark::new(&format!("{actor} {minute}")).or_else(|| Watermark::new(&minute)), ..self }
    }

    async fn source(&self, previews: &Previews, store: &Store) -> Result<Result<Source, Refusal>, Fault> {
        match &self.place {
            Place::Output(message, path) => Ok(Ok(store.part_result(*message, path).await?.to_source().await?)),
            Place::Retried(item) => Ok(Ok(store.retried_file(*item).await?.to_source().await?)),
            Place::Quarantined(item) => Ok(Ok(store.quarantine_original(*item).await?.to_source().await?)),
            Place::Original { message, file, path } => {
                let whole = store.message_original(*message).await?.to_source().await?;
                let kind = file.as_deref().map_or(Whole::Mail, |name| Whole::File(FileName::rebuild(name).0));
                if path.is_empty() {
                    return Ok(Ok(whole));
                }
                previews.0.painter.find(whole, kind, path.clone()).await.map_err(deferred)
            }
        }
    }
}

/// How large a page is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Size {
    /// For a list.
    Small,
    /// To be read.
    #[default]
    Large,
}

impl Size {
    /// Pixels of the longer side.
    fn pixels(self) -> u16 {
        match self {
            // Twice the pixels of the style sheet, for screens with two of them to one.
            Self::Small => 320,
            Self::Large => 1600,
        }
    }
}

/// The `size` of an address.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SizeWanted {
    #[serde(default)]
    pub(crate) size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The document that the others are drawn from.
    Printed,
    Count,
    Page(u32, Size),
}

#[derive(Debug, Clone)]
enum Kept {
    Count(u32),
    Page(Drawn),
    Printed(Source),
}

impl Kept {
    fn bytes(&self) -> u64 {
        match self {
            Self::Count(_) => 0,
            Self::Page(drawn) => drawn.png.len(),
            Self::Printed(pages) => pages.len,
        }
    }
}

type Key = (Document, Wanted);

/// What was drawn last, oldest first.
#[derive(Debug, Default)]
struct Recent(VecDeque<(Key, Result<Kept, Refusal>, Instant)>);

impl Recent {
    fn find(&mut self, key: &Key) -> Option<Result<Kept, Refusal>> {
        self.tidy();
        self.0.iter().find(|(known, ..)| known == key).map(|(_, kept, _)| kept.clone())
    }

    fn keep(&mut self, key: Key, kept: Result<Kept, Refusal>) {
        self.0.retain(|(known, ..)| *known != key);
        self.0.push_back((key, kept, Instant::now()));
        self.tidy();
    }

    fn tidy(&mut self) {
        let bytes = |all: &VecDeque<(Key, Result<Kept, Refusal>, Instant)>| {
            all.iter().map(|(_, kept, _)| kept.as_ref().map_or(0, Kept::bytes)).fold(0, u64::saturating_add)
        };
        self.0
            .retain(|((_, wanted), _, at)| at.elapsed() < if *wanted == Wanted::Printed { PRINTED_KEPT } else { KEPT });
        while self.0.len() > KEPT_PAGES || bytes(&self.0) > KEPT_BYTES {
            self.0.pop_front();
        }
    }
}

/// What stands in one place of a page: a drawn page, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A picture at an address.
    Picture { src: String, width: u32, height: u32, alt: String },
    /// Words.
    Words(String),
}

/// The answer with a drawn page. What is shown to a browser as a picture can be nothing else.
pub(crate) fn picture(drawn: &Drawn, cache: HeaderValue) -> Response {
    match drawn.png.sealed().to_vec(PNG_BYTES) {
        Ok(png) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("image/png")),
                (header::CACHE_CONTROL, cache),
                (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(hygiene::DOWNLOAD_POLICY)),
            ];
            (headers, png).into_response()
        }
        Err(error) => {
            tracing::error!(event = "preview_unreadable", error = &error as &dyn std::error::Error);
            Fault::Internal.into_response()
        }
    }
}

/// In place of a picture, words in a picture: a browser shows the body of a refusal too, where it is one.
pub(crate) fn words(fault: Option<Fault>, t: &Texts) -> Response {
    let (status, text) = match fault {
        Some(Fault::Busy) => (StatusCode::SERVICE_UNAVAILABLE, t.preview_busy),
        Some(fault) => return fault.into_response(),
        None => (StatusCode::UNPROCESSABLE_ENTITY, t.preview_none),
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"320\" height=\"320\"><rect width=\"320\" height=\"320\" fill=\"#f2f2f2\"/>\
         <text x=\"160\" y=\"168\" font-family=\"sans-serif\" font-size=\"28\" text-anchor=\"middle\" fill=\"#1a1a1a\">{text}</text></svg>"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(hygiene::DOWNLOAD_POLICY)),
    ];
    let mut response = (status, headers, svg).into_response();
    if fault.is_some() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a page is kept for the request that follows.
const KEPT: Duration = Duration::from_secs(60);
/// How long the pages of an Office document are kept, which cost a second to print.
const PRINTED_KEPT: Duration = Duration::from_secs(600);
/// The most pages that are kept.
const KEPT_PAGES: usize = 64;
/// The most bytes of them together.
const KEPT_BYTES: u64 = 64 << 20;
/// More than any page of the larger size has.
const PNG_BYTES: u64 = 32 << 20;
