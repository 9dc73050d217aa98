//! Uploads that survive a dropped connection: a file comes in pieces, each of which says where it begins.
//!
//! The shape is that of the tus protocol (1.0.0, core and termination): `POST` announces files, `HEAD` (or `GET`) tells how much of one is
//! here, `PATCH` brings the next piece, `DELETE` gives it up. What has come is in the store's spool and lives as long as this program; a
//! file is durable, and part of its batch, with its last byte. Without scripts the form sends everything at once instead.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use engine::catalogue::Language;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use store::{BatchRow, Spool};
use tokio::{
    sync::Mutex as Turn,
    time::{Instant, timeout, timeout_at},
};

use super::{Portal, Refusal, receive::keep, upload::sentence};
use crate::{
    clients::Place,
    fault::Fault,
    listen::Peer,
    people::{Visitor, sign_in::check_form},
    secret::Secret,
    texts::texts,
};

/// The uploads under way, by the unguessable name of their group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploads(Arc<Mutex<HashMap<String, Arc<Group>>>>);

/// Files that were announced together and become one batch.
#[derive(Debug)]
struct Group {
    owner: Option<String>,
    batch: Turn<Option<BatchRow>>,
    files: Vec<Arc<Turn<Piecewise>>>,
    /// When something of it last moved.
    moved: Mutex<Instant>,
    /// The client's place; given back when no file of it is open any more.
    place: Mutex<Option<Place>>,
    settled: AtomicBool,
    /// Nothing of it became durable: there is no result to ask for.
    given_up: AtomicBool,
}

/// One file on its way.
#[derive(Debug)]
struct Piecewise {
    name: String,
    size: u64,
    offset: u64,
    state: Reached,
}

#[derive(Debug)]
enum Reached {
    /// More is to come.
    Open(Box<Spool>),
    /// It is durable.
    Done,
    /// It was given up, by its sender or because it could not be stored.
    Ended,
}

/// What is announced.
#[derive(Debug, Deserialize)]
pub(crate) struct Announced {
    files: Vec<AnnouncedFile>,
}

#[derive(Debug, Deserialize)]
struct AnnouncedFile {
    name: String,
    size: u64,
}

/// Where each file is to be sent.
#[derive(Debug, Serialize)]
struct Accepted {
    files: Vec<AcceptedFile>,
}

#[derive(Debug, Serialize)]
struct AcceptedFile {
    /// Its address; none when it is not taken.
    href: Option<String>,
    /// Why it is not taken, for people.
    refused: Option<&'static str>,
}

/// How far a file is.
#[derive(Debug, Serialize)]
struct Standing {
    offset: u64,
    size: u64,
    /// The result of its batch, once it is durable.
    result: Option<String>,
}

/// `POST /uploads`
pub(crate) async fn announce(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    Json(announced): Json<Announced>,
) -> Result<Response, Fault> {
    let token = headers.get(&FORM_TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match &visitor {
        Some(visitor) => visitor.proved(token)?,
        None => check_form(&portal.people, &headers, token)?,
    }
    let limits = portal.state.limits;
    if announced.files.is_empty() || announced.files.len() > MOST_ANNOUNCED {
        return Err(Fault::BadRequest);
    }
    portal.pieces.forget();
    let place = match peer {
        Some(Extension(ConnectInfo(Peer(peer)))) => {
            let place = portal.clients.enter(peer.ip(), limits.at_once_per_client);
            Some(place.ok_or(Fault::TooMany)?)
        }
        None => None,
    };
    let mut total = 0_u64;
    let mut files = Vec::new();
    let mut answers = Vec::new();
    let name = Secret::random()?.expose().to_owned();
    for file in announced.files {
        let fits = total.saturating_add(file.size) <= limits.total_bytes;
        let refusal = match file.size {
            0 => Some(Refusal::Empty),
            size if size > limits.file_bytes => Some(Refusal::TooLarge),
            _ if files.len() >= limits.files => Some(Refusal::TooMany),
            _ if !fits => Some(Refusal::Total),
            _ => None,
        };
        if let Some(refusal) = refusal {
            answers.push(AcceptedFile { href: None, refused: Some(sentence(refusal, texts(language))) });
            continue;
        }
        total = total.saturating_add(file.size);
        let state = Reached::Open(Box::new(portal.state.store.spool()));
        files.push(Arc::new(Turn::new(Piecewise { name: file.name, size: file.size, offset: 0, state })));
        answers.push(AcceptedFile { href: Some(format!("/uploads/{name}/{}", files.len())), refused: None });
    }
    if !files.is_empty() {
        let owner = visitor.map(|visitor| visitor.user.name);
        let moved = Mutex::new(Instant::now());
        portal.pieces.insert(
            name,
            Group {
                owner,
                batch: Turn::new(None),
                files,
                moved,
                place: Mutex::new(place),
                settled: AtomicBool::new(false),
                given_up: AtomicBool::new(false),
            },
        )?;
    }
    Ok((StatusCode::CREATED, Json(Accepted { files: answers })).into_response())
}

/// `GET` and `HEAD /uploads/{group}/{number}`
pub(crate) async fn standing(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((group, number)): Path<(String, usize)>,
) -> Result<Response, Fault> {
    let (group, file) = portal.pieces.find(visitor.as_ref(), &group, number)?;
    tell(&group, &file, StatusCode::OK).await
}

/// `PATCH /uploads/{group}/{number}`
pub(crate) async fn piece(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((group, number)): Path<(String, usize)>,
    request: Request,
) -> Result<Response, Fault> {
    let (group, file) = portal.pieces.find(visitor.as_ref(), &group, number)?;
    let Ok(_place) = portal.uploads.try_acquire() else { return Err(Fault::Busy) };
    let taken = take(&portal, &group, &file, request).await;
    // Whatever came of it: a file that ended in an error holds no place either.
    group.settle().await;
    taken?;
    tell(&group, &file, StatusCode::OK).await
}

/// Reads a piece into its file, which is made durable with its last byte.
async fn take(portal: &Portal, group: &Arc<Group>, file: &Arc<Turn<Piecewise>>, request: Request) -> Result<(), Fault> {
    let offset = request.headers().get(&OFFSET).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut at = offset.ok_or(Fault::BadRequest)?;
    {
        // Known before anything is read: a piece that does not fit need not be sent.
        let file = file.lock().await;
        match file.state {
            Reached::Open(_) if file.offset != at => return Err(Fault::Pending),
            Reached::Open(_) => {}
            Reached::Done | Reached::Ended => return Err(Fault::Withheld),
        }
    }
    let limits = portal.state.limits;
    let end = Instant::now() + limits.duration;
    let mut body = request.into_body().into_data_stream();
    let mut held = BytesMut::new();
    loop {
        let next = timeout_at(end, timeout(limits.silence, body.next())).await;
        let (chunk, last) = match next {
            Ok(Ok(Some(Ok(chunk)))) => (chunk, false),
            Ok(Ok(None)) => (Bytes::new(), true),
            // What came before the connection broke counts: the sender asks how much that is.
            Ok(Ok(Some(Err(_))) | Err(_)) | Err(_) => (Bytes::new(), true),
        };
        held.extend_from_slice(&chunk);
        if !held.is_empty() && (last || held.len() >= WRITTEN_AT_ONCE) {
            group.touch();
            at = append(Arc::clone(file), at, held.split().freeze()).await?;
        }
        if last {
            break;
        }
    }
    finish(portal, Arc::clone(group), Arc::clone(file)).await
}

/// `DELETE /uploads/{group}/{number}`
pub(crate) async fn give_up(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((group, number)): Path<(String, usize)>,
) -> Result<StatusCode, Fault> {
    let (group, file) = portal.pieces.find(visitor.as_ref(), &group, number)?;
    {
        let mut file = file.lock().await;
        if matches!(file.state, Reached::Done) {
            return Err(Fault::Withheld);
        }
        file.state = Reached::Ended;
    }
    group.settle().await;
    Ok(StatusCode::NO_CONTENT)
}

impl Uploads {
    /// Lets go of what was abandoned, with its client's place and what had come of it.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, group| !group.is_over());
    }

    fn insert(&self, name: String, group: Group) -> Result<(), Fault> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, group| !group.is_over());
        if groups.len() >= GROUPS {
            return Err(Fault::Busy);
        }
        groups.insert(name, Arc::new(group));
        Ok(())
    }

    /// A file of a group, if it is the visitor's.
    fn find(
        &self,
        visitor: Option<&Visitor>,
        group: &str,
        number: usize,
    ) -> Result<(Arc<Group>, Arc<Turn<Piecewise>>), Fault> {
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.get(group).filter(|group| !group.is_over()).ok_or(Fault::NotFound)?;
        if group.owner.as_deref() != visitor.map(|visitor| visitor.user.name.as_str()) {
            return Err(Fault::NotFound);
        }
        let file = number.checked_sub(1).and_then(|index| group.files.get(index)).ok_or(Fault::NotFound)?;
        Ok((Arc::clone(group), Arc::clone(file)))
    }
}

impl Group {
    fn idle(&self) -> Duration {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn is_over(&self) -> bool {
        if self.settled.load(Ordering::Relaxed) && self.given_up.load(Ordering::Relaxed) {
            return true;
        }
        let longest = if self.settled.load(Ordering::Relaxed) { SETTLED_FOR } else { FORGOTTEN_AFTER };
        self.idle() >= longest
    }

    /// Gives the client's place back when nothing more can come.
    async fn settle(&self) {
        for file in &self.files {
            if matches!(file.lock().await.state, Reached::Open(_)) {
                return;
            }
        }
        self.given_up.store(self.batch.lock().await.is_none(), Ordering::Relaxed);
        self.settled.store(true, Ordering::Relaxed);
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn touch(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Writes a piece that begins at `at`, and says where the next begins.
///
/// A write of the spool that is cut off half-way makes it worthless, and a handler is dropped whenever its client goes away: so the
/// write is a task of its own, which ends with this one piece.
async fn append(file: Arc<Turn<Piecewise>>, at: u64, bytes: Bytes) -> Result<u64, Fault> {
    let task = tokio::spawn(async move {
        let mut file = file.lock_owned().await;
        let file = &mut *file;
        let after = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let Reached::Open(spool) = &mut file.state else { return Err(Fault::Withheld) };
        if file.offset != at {
            return Err(Fault::Pending);
        }
        if after > file.size {
            return Err(Fault::TooLarge);
        }
        if let Err(error) = spool.write(&bytes).await {
            file.state = Reached::Ended;
            return Err(Fault::from(error));
        }
        file.offset = after;
        Ok(after)
    });
    task.await.map_err(|_| Fault::Internal)?
}

/// Makes a file durable when all of it is here; as a task of its own for the same reason.
async fn finish(portal: &Portal, group: Arc<Group>, file: Arc<Turn<Piecewise>>) -> Result<(), Fault> {
    let portal = portal.clone();
    let task = tokio::spawn(async move {
        let mut file = file.lock_owned().await;
        if file.offset != file.size || !matches!(file.state, Reached::Open(_)) {
            return Ok(());
        }
        let Reached::Open(spool) = std::mem::replace(&mut file.state, Reached::Ended) else { return Ok(()) };
        // One batch, whichever file is first.
        let mut batch = group.batch.lock().await;
        keep(&portal, group.owner.as_deref(), &mut batch, &file.name, *spool, file.size).await?;
        file.state = Reached::Done;
        Ok(())
    });
    task.await.map_err(|_| Fault::Internal)?.map_err(|error: store::Error| {
        tracing::error!(event = "web_upload_not_stored", error = &error as &dyn std::error::Error);
        Fault::Busy
    })
}

async fn tell(group: &Group, file: &Turn<Piecewise>, status: StatusCode) -> Result<Response, Fault> {
    let (offset, size, done) = {
        let file = file.lock().await;
        match file.state {
            Reached::Open(_) => (file.offset, file.size, false),
            Reached::Done => (file.size, file.size, true),
            Reached::Ended => return Err(Fault::Withheld),
        }
    };
    let result = match (done, group.batch.lock().await.as_ref()) {
        (true, Some(batch)) => Some(format!("/b/{}", batch.token.as_str())),
        _ => None,
    };
    let headers = [(OFFSET, HeaderValue::from(offset)), (LENGTH, HeaderValue::from(size))];
    Ok((status, headers, Json(Standing { offset, size, result })).into_response())
}

const FORM_TOKEN: HeaderName = HeaderName::from_static("x-form-token");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
/// Groups at a time.
const GROUPS: usize = 512;
/// Files in one announcement, taken or not.
const MOST_ANNOUNCED: usize = 500;
/// A group of which nothing moves for this long is forgotten with what has come of it.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// A group of which everything has come or was given up is kept so long for a last question.
const SETTLED_FOR: Duration = Duration::from_secs(60);
/// Bytes that go to the spool at once.
const WRITTEN_AT_ONCE: usize = 1024 * 1024;
