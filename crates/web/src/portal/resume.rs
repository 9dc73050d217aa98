//! Uploads that survive a dropped connection: a file comes in pieces, each of which says where it begins.
//!
//! The shape is that of the tus protocol (1.0.0, core and termination): `POST` announces files, `HEAD` (or `GET`) tells how much of one is
//! here, `PATCH` brings the next piece, `DELETE` gives it up. What has come is in the store's spool and lives as long as this program; a
//! file is durable, and part of its batch, with its last byte. Between two pieces a file holds neither memory nor a descriptor. Without
//! scripts the form sends everything at once instead.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
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
use engine::catalogue::Language;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use store::{BatchRow, RetryPolicy, Spool, UploadSubject, WhenDone};
use tokio::{
    sync::Mutex as Turn,
    task::AbortHandle,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Portal, Refusal, Sender, output,
    receive::{Wanted, client, keep, places, when_done},
    upload::sentence,
};
use crate::{
    clients::Place,
    fault::Fault,
    listen::Peer,
    people::{Visitor, sign_in::check_form},
    secret::Secret,
    sending::StillSent,
    texts::texts,
};

/// The uploads under way, by the unguessable name of their group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploads(Arc<Groups>);

type Groups = Mutex<HashMap<String, Arc<Group>>>;

/// Files that were announced together and become one batch.
#[derive(Debug)]
struct Group {
    owner: Option<Sender>,
    output: RetryPolicy,
    subject: Option<UploadSubject>,
    when_done: WhenDone,
    /// As long as a file of it is open, its batch is not complete.
    sending: Mutex<Option<StillSent>>,
    batch: Turn<Option<BatchRow>>,
    files: Vec<Arc<Sent>>,
    /// When something of it last moved.
    moved: Mutex<Instant>,
    /// The client's places; given back when no file of it is open any more.
    places: Mutex<Vec<Place>>,
    /// Something of it has come.
    begun: AtomicBool,
    settled: AtomicBool,
    /// Nothing of it became durable: there is no result to ask for.
    given_up: AtomicBool,
    /// Lets go of it when its time is over.
    watch: Mutex<Option<AbortHandle>>,
}

/// A file that was announced.
#[derive(Debug)]
struct Sent {
    /// Held while a piece of it is read: there is one at a time.
    piece: Arc<Turn<()>>,
    file: Turn<Piecewise>,
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
    /// What they are to become.
    #[serde(default)]
    output: String,
    /// What is said of them.
    #[serde(default)]
    subject: String,
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
    let output = output::parse(&portal, &announced.output)?;
    let subject = UploadSubject::parse(&announced.subject)?;
    if announced.files.is_empty() || announced.files.len() > MOST_ANNOUNCED {
        return Err(Fault::BadRequest);
    }
    portal.pieces.forget();
    let address = peer.map(|Extension(ConnectInfo(Peer(peer)))| peer.ip());
    let own = places(&portal.clients, &portal, visitor.as_ref(), address)?;
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
        let file = Turn::new(Piecewise { name: file.name, size: file.size, offset: 0, state });
        files.push(Arc::new(Sent { piece: Arc::default(), file }));
        answers.push(AcceptedFile { href: Some(format!("/uploads/{name}/{}", files.len())), refused: None });
    }
    if !portal.state.store.has_room_for(total)? {
        return Err(Fault::Busy);
    }
    if !files.is_empty() {
        let owner = visitor.as_ref().map(Sender::of);
        let moved = Mutex::new(Instant::now());
        portal.pieces.insert(
            name,
            Group {
                owner,
                output,
                subject,
                when_done: when_done(&portal, visitor.as_ref()),
                sending: Mutex::default(),
                batch: Turn::new(None),
                files,
                moved,
                places: Mutex::new(own),
                begun: AtomicBool::new(false),
                settled: AtomicBool::new(false),
                given_up: AtomicBool::new(false),
                watch: Mutex::default(),
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
    let (group, sent) = portal.pieces.find(visitor.as_ref(), &group, number)?;
    tell(&group, &sent, StatusCode::OK).await
}

/// `PATCH /uploads/{group}/{number}`
pub(crate) async fn piece(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((group, number)): Path<(String, usize)>,
    request: Request,
) -> Result<Response, Fault> {
    let (group, sent) = portal.pieces.find(visitor.as_ref(), &group, number)?;
    // Another piece of the file is being read, perhaps over a connection that broke without a word.
    let piece = Arc::clone(&sent.piece).try_lock_owned().map_err(|_| Fault::Pending)?;
    let own = places(&portal.patches, &portal, visitor.as_ref(), client(&request))?;
    let place = Arc::clone(&portal.uploads).try_acquire_owned().map_err(|_| Fault::Busy)?;
    // A handler is dropped when its client goes away, and a write that is cut off half-way makes the spool worthless: so the piece is
    // read by a task of its own, which ends with the body, with silence, or with the longest time of a request.
    let task = tokio::spawn({
        let (group, sent) = (Arc::clone(&group), Arc::clone(&sent));
        async move {
            let taken = take(&portal, &group, &sent, request).await;
            // Whatever came of it: a file that ended in an error holds no place either.
            group.settle().await;
            drop((piece, own, place));
            taken
        }
    });
    task.await.map_err(|_| Fault::Internal)??;
    tell(&group, &sent, StatusCode::OK).await
}

/// Reads a piece into its file, which is made durable with its last byte and else put to rest.
async fn take(portal: &Portal, group: &Group, sent: &Sent, request: Request) -> Result<(), Fault> {
    let offset = request.headers().get(&OFFSET).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut at = offset.ok_or(Fault::BadRequest)?;
    {
        // Known before anything is read: a piece that does not fit need not be sent.
        let file = sent.file.lock().await;
        match file.state {
            Reached::Open(_) if file.offset != at => return Err(Fault::Pending),
            Reached::Open(_) => {}
            Reached::Done | Reached::Ended => return Err(Fault::Withheld),
        }
        if !portal.state.store.has_room_for(file.size.saturating_sub(at))? {
            return Err(Fault::Busy);
        }
    }
    let limits = portal.state.limits;
    let end = Instant::now() + limits.duration;
    let mut body = request.into_body().into_data_stream();
    let came = loop {
        // What came before the connection broke or fell silent counts: the sender asks how much that is.
        let Ok(Ok(Some(Ok(chunk)))) = timeout_at(end, timeout(limits.silence, body.next())).await else { break Ok(()) };
        group.touch();
        match append(sent, at, &chunk).await {
            Ok(after) => at = after,
            Err(fault) => break Err(fault),
        }
    };
    finish(portal, group, sent).await?;
    came
}

/// `DELETE /uploads/{group}/{number}`
pub(crate) async fn give_up(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((group, number)): Path<(String, usize)>,
) -> Result<StatusCode, Fault> {
    let (group, sent) = portal.pieces.find(visitor.as_ref(), &group, number)?;
    {
        let mut file = sent.file.lock().await;
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
        let files: usize = groups.values().map(|group| group.files.len()).sum();
        if groups.len() >= GROUPS || files.saturating_add(group.files.len()) > FILES {
            return Err(Fault::Busy);
        }
        let group = Arc::new(group);
        let watch = tokio::spawn(watch(Arc::downgrade(&self.0), name.clone())).abort_handle();
        *group.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        groups.insert(name, group);
        Ok(())
    }

    /// A file of a group, if it is the visitor's.
    fn find(&self, visitor: Option<&Visitor>, group: &str, number: usize) -> Result<(Arc<Group>, Arc<Sent>), Fault> {
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.get(group).filter(|group| !group.is_over()).ok_or(Fault::NotFound)?;
        if group.owner.as_ref().and_then(|sender| sender.owner) != visitor.map(|visitor| visitor.user.id) {
            return Err(Fault::NotFound);
        }
        let file = number.checked_sub(1).and_then(|index| group.files.get(index)).ok_or(Fault::NotFound)?;
        Ok((Arc::clone(group), Arc::clone(file)))
    }
}

/// Lets go of a group as soon as it is over, whether or not anybody comes again: what had come of it goes from the disk. It ends with
/// the group.
async fn watch(groups: Weak<Groups>, name: String) {
    loop {
        let left = {
            let Some(groups) = groups.upgrade() else { return };
            let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(group) = groups.get(&name) else { return };
            if group.is_over() {
                let over = groups.remove(&name);
                drop(groups);
                // With the last holder its spools go, and their files with them.
                drop(over);
                return;
            }
            group.left()
        };
        sleep(left).await;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let watch = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner);
        watch.take().inspect(AbortHandle::abort);
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
        self.idle() >= self.longest()
    }

    /// How long nothing of it may move.
    fn longest(&self) -> Duration {
        match (self.settled.load(Ordering::Relaxed), self.begun.load(Ordering::Relaxed)) {
            (true, _) => SETTLED_FOR,
            (false, true) => FORGOTTEN_AFTER,
            (false, false) => ANNOUNCED_FOR,
        }
    }

    /// When to look whether it is over: it may settle meanwhile.
    fn left(&self) -> Duration {
        self.longest().saturating_sub(self.idle()).clamp(LOOK_MIN, SETTLED_FOR)
    }

    /// Gives the client's place back when nothing more can come.
    async fn settle(&self) {
        for sent in &self.files {
            if matches!(sent.file.lock().await.state, Reached::Open(_)) {
                return;
            }
        }
        self.given_up.store(self.batch.lock().await.is_none(), Ordering::Relaxed);
        self.settled.store(true, Ordering::Relaxed);
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.sending.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn touch(&self) {
        self.begun.store(true, Ordering::Relaxed);
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Writes bytes that belong at `at`, and says where the next ones do. The spool gathers them to what it writes at once.
async fn append(sent: &Sent, at: u64, bytes: &[u8]) -> Result<u64, Fault> {
    let mut file = sent.file.lock().await;
    let file = &mut *file;
    let after = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    // Given up meanwhile.
    let Reached::Open(spool) = &mut file.state else { return Err(Fault::Withheld) };
    if file.offset != at {
        return Err(Fault::Pending);
    }
    if after > file.size {
        return Err(Fault::TooLarge);
    }
    if let Err(error) = spool.write(bytes).await {
        file.state = Reached::Ended;
        return Err(Fault::from(error));
    }
    file.offset = after;
    Ok(after)
}

/// Makes a file durable when all of it is here, and lets go of memory and descriptor when not.
async fn finish(portal: &Portal, group: &Group, sent: &Sent) -> Result<(), Fault> {
    let mut file = sent.file.lock().await;
    let file = &mut *file;
    let Reached::Open(spool) = &mut file.state else { return Ok(()) };
    let ended = if file.offset == file.size {
        let Reached::Open(spool) = std::mem::replace(&mut file.state, Reached::Ended) else { return Ok(()) };
        // One batch, whichever file is first.
        let mut batch = group.batch.lock().await;
        let (output, subject) = (group.output, group.subject.clone());
        let wanted = Wanted { output, subject, when_done: group.when_done, again: None };
        let kept = keep(portal, group.owner.as_ref(), &mut batch, &file.name, *spool, file.size, wanted).await;
        if let Some(batch) = batch.as_ref() {
            let mut sending = group.sending.lock().unwrap_or_else(PoisonError::into_inner);
            sending.get_or_insert_with(|| portal.state.sending.begin(batch.id));
        }
        kept.map(|_| file.state = Reached::Done)
    } else {
        spool.rest().await.inspect_err(|_| file.state = Reached::Ended)
    };
    ended.map_err(|error| {
        tracing::error!(event = "web_upload_not_stored", error = &error as &dyn std::error::Error);
        Fault::Busy
    })
}

async fn tell(group: &Group, sent: &Sent, status: StatusCode) -> Result<Response, Fault> {
    let (offset, size, done) = {
        let file = sent.file.lock().await;
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
/// Files in all groups.
const FILES: usize = 4096;
/// Files in one announcement, taken or not.
const MOST_ANNOUNCED: usize = 500;
/// A group of which nothing moves for this long is forgotten with what has come of it.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// One of which nothing has come is forgotten sooner: it costs nothing to announce.
const ANNOUNCED_FOR: Duration = Duration::from_secs(60);
/// A group of which everything has come or was given up is kept so long for a last question.
const SETTLED_FOR: Duration = Duration::from_secs(60);
/// Between two looks at a group.
const LOOK_MIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Clients;

    /// A group of which something has come.
    fn group(place: Option<Place>) -> Group {
        Group {
            owner: None,
            output: RetryPolicy::Same,
            subject: None,
            when_done: WhenDone::Nothing,
            sending: Mutex::default(),
            batch: Turn::new(None),
            files: Vec::new(),
            moved: Mutex::new(Instant::now()),
            places: Mutex::new(place.into_iter().collect()),
            begun: AtomicBool::new(true),
            settled: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            watch: Mutex::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_abandoned_gives_its_client_the_place_back() {
        let (uploads, clients) = (Uploads::default(), Clients::default());
        let client: std::net::IpAddr = "192.0.2.1".parse().unwrap();
        uploads.insert("a".to_owned(), group(clients.enter(client, 1))).unwrap();
        assert!(clients.enter(client, 1).is_none());
        tokio::time::advance(FORGOTTEN_AFTER.saturating_sub(Duration::from_secs(1))).await;
        uploads.forget();
        assert!(clients.enter(client, 1).is_none(), "it may still go on");
        // What moves is not abandoned.
        uploads.0.lock().unwrap()["a"].touch();
        tokio::time::advance(Duration::from_secs(2)).await;
        uploads.forget();
        assert!(clients.enter(client, 1).is_none());
        tokio::time::advance(FORGOTTEN_AFTER).await;
        uploads.forget();
        assert!(clients.enter(client, 1).is_some());
        assert!(uploads.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_abandoned_goes_by_itself_and_what_moves_stays() {
        let uploads = Uploads::default();
        uploads.insert("left".to_owned(), group(None)).unwrap();
        uploads.insert("moves".to_owned(), group(None)).unwrap();
        let left = Arc::downgrade(&uploads.0.lock().unwrap()["left"]);
        sleep(FORGOTTEN_AFTER - Duration::from_secs(10)).await;
        uploads.0.lock().unwrap()["moves"].touch();
        assert!(left.upgrade().is_some(), "it may still go on");
        sleep(SETTLED_FOR + Duration::from_secs(20)).await;
        // Nobody came to announce, to ask or to send.
        assert!(left.upgrade().is_none(), "its spools are gone, and what they had on the disk");
        let names: Vec<String> = uploads.0.lock().unwrap().keys().cloned().collect();
        assert_eq!(names, ["moves"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_announced_and_never_begun_goes_after_a_minute() {
        let uploads = Uploads::default();
        let clients = Clients::default();
        let who = crate::clients::Client::Account("staff".to_owned());
        let announced = group(clients.enter(who.clone(), 1));
        announced.begun.store(false, Ordering::Relaxed);
        uploads.insert("announced".to_owned(), announced).unwrap();
        sleep(ANNOUNCED_FOR - Duration::from_secs(2)).await;
        assert!(clients.enter(who.clone(), 1).is_none());
        sleep(Duration::from_secs(4)).await;
        assert!(clients.enter(who, 1).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_up_counts_no_more_and_what_has_come_is_kept_for_a_last_question() {
        let uploads = Uploads::default();
        uploads.insert("given up".to_owned(), group(None)).unwrap();
        let given_up = uploads.0.lock().unwrap()["given up"].clone();
        given_up.settle().await;
        assert!(matches!(uploads.find(None, "given up", 1), Err(Fault::NotFound)));
        let done = group(None);
        done.settled.store(true, Ordering::Relaxed);
        uploads.insert("done".to_owned(), done).unwrap();
        assert_eq!(uploads.0.lock().unwrap().len(), 1, "the first one went with the second");
        tokio::time::advance(SETTLED_FOR).await;
        uploads.forget();
        assert!(uploads.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_number_of_groups_is_bounded() {
        let uploads = Uploads::default();
        for number in 0..GROUPS {
            uploads.insert(number.to_string(), group(None)).unwrap();
        }
        assert!(matches!(uploads.insert("more".to_owned(), group(None)), Err(Fault::Busy)));
    }
}
