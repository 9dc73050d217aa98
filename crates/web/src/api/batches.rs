//! Several files at once for programs: each stands for itself, and one that is refused holds back no other.

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Path, Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::catalogue::Language;
use serde::Serialize;
use store::{BatchStatus, TokenHash, UploadFile};
use utoipa::ToSchema;

use super::{
    files::{self, FileStatus, Report},
    quarantine::{self, Unlock, UnlockReply},
    refused::{NoGoodKey, NoSuchFile, NotFinished, NotTakenNow},
    repeat,
    schema::{File, SomeFiles},
    waiting::{Waiting, settled},
};
use crate::{
    fault::{Fault, Problem},
    listen::Peer,
    moment,
    people::Visitor,
    portal::{Before, Portal, Proof, Received, Refusal, RefusedFile, download, find, receive, receive_all, try_on},
    view::FileState,
};

/// What a client gets back for files that were taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Batch {
    /// Unguessable name of the batch; whoever knows it may see the results.
    id: String,
    /// Receipts of the files that were taken, in their order.
    receipts: Vec<String>,
    refused: Vec<NotTaken>,
}

/// A file that was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedFile)]
pub(crate) struct NotTaken {
    name: String,
    /// `too_large`, `too_many`, `total`, `empty`, `broken`, `not_stored` or, without a name, `rest`: what followed could not be read.
    reason_code: &'static str,
}

/// Where the files of a batch are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchState {
    id: String,
    /// Whether every file has a verdict.
    done: bool,
    /// RFC 3339; after this the files and their results are gone.
    expires: String,
    files: Vec<FileStatus>,
}

/// Sends several files.
#[utoipa::path(
    post, path = "/api/v1/batches", operation_id = "sendBatch", tag = "files",
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!#-~]{16,128}$", description = "16 to 128 visible characters. The same request with the same key is answered alike and its files taken once.")),
    request_body(content = SomeFiles, content_type = "multipart/form-data", description = "Parts with file names."),
    responses(
        (status = 202, description = "These files are durable and will be rebuilt.", body = Batch),
        (status = 400, description = "No file could be taken, or the body is unreadable.", body = Problem, content_type = "application/problem+json"),
        NoGoodKey,
        NotTakenNow,
        (status = 422, description = "The Idempotency-Key was used with other files, or there is no such output (`invalid_value`), or the subject is too long (`subject_too_long`).", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn post(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    request: Request,
) -> Result<Response, Fault> {
    let Some(key) = repeat::key(request.headers(), visitor.as_ref())? else {
        let most = portal.state.limits.files;
        let received = receive(&portal, visitor.as_ref(), request, Proof::None, most).await?;
        return taken(&portal, received).await;
    };
    // As with a single file: what has a key goes on to its answer, whether or not its client waits.
    let task = tokio::spawn(async move { answer(&portal, visitor.as_ref(), request, key).await });
    task.await.map_err(|_| Fault::Internal)?
}

/// The answer to a request with a key: the first one, whichever request gets it.
async fn answer(
    portal: &Portal,
    visitor: Option<&Visitor>,
    request: Request,
    key: TokenHash,
) -> Result<Response, Fault> {
    let _only = portal.under_way.enter(key).ok_or(Fault::Pending)?;
    let before = match portal.state.store.answered(&key).await? {
        Some((sent, token)) => {
            let found = find(portal, visitor, token.as_str()).await?;
            Some(Before { sent, taken: as_sent(&found).count(), batch: found.batch })
        }
        None => None,
    };
    let received = receive_all(portal, visitor, request, key, before).await?;
    // Of a request that broke off nothing was kept, and nobody hears its answer.
    if received.refused.iter().any(|file| matches!(file.why, Refusal::Broken | Refusal::Rest)) {
        return Err(Fault::BadRequest);
    }
    taken(portal, received).await
}

async fn taken(portal: &Portal, received: Received) -> Result<Response, Fault> {
    let refused = received.refused.iter();
    let refused: Vec<NotTaken> =
        refused.map(|file| NotTaken { name: file.name.clone(), reason_code: why(file.why) }).collect();
    // A batch is made before its first file is durable.
    let Some(batch) = received.batch.filter(|_| received.taken > 0) else { return Err(none_taken(&received.refused)) };
    let id = batch.token.as_str().to_owned();
    let location = format!("/api/v1/batches/{id}");
    let stored = portal.state.store.batch(&batch.token).await?.ok_or(Fault::Internal)?;
    let receipts = as_sent(&stored).map(|file| file.receipt.to_string()).collect();
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(Batch { id, receipts, refused })).into_response())
}

/// The files that came with the request. What is made again of one stands behind them in the batch, and always becomes something else than
/// they do: a request has one output for all its files.
fn as_sent(batch: &BatchStatus) -> impl Iterator<Item = &UploadFile> {
    let output = batch.files.first().map(|first| first.output);
    batch.files.iter().filter(move |file| Some(file.output) == output)
}

/// Why no file was taken.
fn none_taken(refused: &[RefusedFile]) -> Fault {
    if refused.iter().any(|file| file.why == Refusal::NotStored) {
        Fault::Busy
    } else if refused.iter().any(|file| matches!(file.why, Refusal::TooLarge | Refusal::Total)) {
        Fault::TooLarge
    } else {
        Fault::BadRequest
    }
}

/// Says where the files of a batch are.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}", operation_id = "batchState", tag = "files", params(("id" = String, Path, description = "Id of the batch"), Waiting),
    responses(
        (status = 200, description = "State of each file.", body = BatchState),
        (status = 400, description = "The wait is none.", body = Problem, content_type = "application/problem+json"),
        NoGoodKey,
        NoSuchFile
    )
)]
pub(crate) async fn state(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Path(id): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Json<BatchState>, Fault> {
    let client = peer.map(|Extension(ConnectInfo(Peer(peer)))| peer.ip());
    let batch = settled(&portal, visitor.as_ref(), client, &id, waiting.time()?).await?;
    let status =
        |(number, file)| FileStatus::of(&portal, file, &batch, &format!("/api/v1/batches/{id}/files/{number}"));
    Ok(Json(BatchState {
        done: batch.files.iter().all(|file| FileState::of(file).finished()),
        expires: moment::rfc3339(batch.batch.expires),
        files: (1_usize..).zip(&batch.files).map(status).collect(),
        id: id.clone(),
    }))
}

/// Tries a password on a file of the batch that is withheld because it is locked. What opens is rebuilt and takes its place.
#[utoipa::path(
    post, path = "/api/v1/batches/{id}/files/{number}/password", operation_id = "batchFilePassword", tag = "files",
    params(("id" = String, Path, description = "Id of the batch"), ("number" = u32, Path, description = "Number of the file, from 1", minimum = 1)),
    request_body = Unlock,
    responses(
        (status = 200, description = "It is open; the result can be fetched.", body = UnlockReply),
        (status = 400, description = "The body is none, or the number.", body = Problem, content_type = "application/problem+json"),
        NoGoodKey,
        NoSuchFile,
        (status = 409, description = "There is nothing to open (any more), or the file is not finished yet.", body = UnlockReply),
        (status = 422, description = "The password is wrong, or what is inside does not pass.", body = UnlockReply),
        (status = 429, description = "No try is left.", body = UnlockReply),
        (status = 503, description = "Not just now; see Retry-After.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn password(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((id, number)): Path<(String, u32)>,
    Json(unlock): Json<Unlock>,
) -> Result<(StatusCode, Json<UnlockReply>), Fault> {
    let password = unlock.password()?;
    let batch = find(&portal, visitor.as_ref(), &id).await?;
    quarantine::reply(try_on(&portal, visitor.as_ref(), one(&batch, number)?, password).await?)
}

/// Lists what was removed, changed or withheld of one file.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}/files/{number}/report", operation_id = "batchFileReport", tag = "files",
    params(("id" = String, Path, description = "Id of the batch"), ("number" = u32, Path, description = "Number of the file, from 1", minimum = 1)),
    responses(
        (status = 200, description = "What was done.", body = Report),
        (status = 400, description = "The number is none.", body = Problem, content_type = "application/problem+json"),
        NoGoodKey,
        NoSuchFile,
        NotFinished,
        (status = 410, description = "Its sender took it back.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn report(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Json<Report>, Fault> {
    let batch = find(&portal, visitor.as_ref(), &id).await?;
    let file = one(&batch, number)?;
    match FileState::of(file) {
        FileState::TakenBack => Err(Fault::Cancelled),
        state if state.finished() => Ok(Json(files::tree(file, language))),
        _ => Err(Fault::Pending),
    }
}

/// Gives the safe version of one file.
#[utoipa::path(
    get, path = "/api/v1/batches/{id}/files/{number}/result", operation_id = "batchFileResult", tag = "files",
    params(("id" = String, Path, description = "Id of the batch"), ("number" = u32, Path, description = "Number of the file, from 1", minimum = 1)),
    responses(
        (status = 200, description = "The safe version, always as an attachment.", body = File, content_type = "*/*"),
        (status = 400, description = "The number is none.", body = Problem, content_type = "application/problem+json"),
        NoGoodKey,
        NoSuchFile,
        NotFinished,
        (status = 410, description = "Withheld, or no longer kept; the report says why.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn result(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Fault> {
    let batch = find(&portal, visitor.as_ref(), &id).await?;
    download(&portal, one(&batch, number)?).await
}

fn one(batch: &BatchStatus, number: u32) -> Result<&UploadFile, Fault> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    index.and_then(|index| batch.files.get(index)).ok_or(Fault::NotFound)
}

fn why(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooLarge => "too_large",
        Refusal::TooMany => "too_many",
        Refusal::Total => "total",
        Refusal::Empty => "empty",
        Refusal::Broken => "broken",
        Refusal::Rest => "rest",
        Refusal::NotStored => "not_stored",
    }
}
