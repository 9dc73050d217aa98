//! Files for programs: send one, ask for its state, read its report, fetch the safe version.

use axum::{
    Extension, Json,
    extract::{ConnectInfo, Path, Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::catalogue::{self, Language};
use form::reason::Refusal as PartRefusal;
use serde::Serialize;
use store::{BatchStatus, BatchToken, PartRow, PartVerdict, Receipt, TokenHash, UploadFile};
use utoipa::ToSchema;

use super::{
    quarantine::{self, Unlock, UnlockReply},
    refused::{NoGoodKey, NoSuchFile, NotFinished, NotTakenNow},
    repeat,
    schema::{File, OneFile},
    waiting::{Waiting, settled},
};
use crate::{
    fault::{Fault, Problem},
    listen::Peer,
    moment,
    people::Visitor,
    portal::{Portal, client, digest, download, find, receive_one, try_on},
    shown,
    view::{self, FileState},
};

/// What a client gets back for a file that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Filed {
    /// Unguessable name of the file; whoever knows it may see the result.
    id: String,
    /// The number for people, such as `20261121-8F3K2`.
    receipt: String,
}

/// Where a file is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileStatus {
    /// Of the file, or of the batch it came in.
    id: String,
    receipt: String,
    /// Name of the file, made safe.
    name: String,
    /// What its sender said of it.
    subject: Option<String>,
    /// Size of the original in bytes.
    bytes: u64,
    /// RFC 3339.
    received: String,
    /// `queued`, `working`, `retrying`, `done`, `failed`, or `cancelled` when its sender took it back.
    state: &'static str,
    /// While it is worked on: how far that is. Of files that have pages, after a moment.
    pages: Option<PagesDone>,
    /// `sanitised` or `withheld` once there is a verdict.
    verdict: Option<&'static str>,
    /// RFC 3339; after this the file and its result are gone.
    expires: String,
    links: Links,
}

/// How far a file is. An archive has the pages of all documents in it that are known by now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PagesDone {
    done: u32,
    /// All of them, as far as is known.
    of: u32,
}

/// Addresses of the file's other documents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Links {
    report: String,
    /// Only while there is a safe version.
    result: Option<String>,
}

/// What was done to a file, much as `misogi sanitize --json` prints it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// Name of the file as it came.
    input: String,
    /// Type found by content.
    detected_type: String,
    /// `sanitised` or `withheld`.
    verdict: &'static str,
    /// Name of the safe version.
    output: Option<String>,
    /// Media type of the safe version.
    output_type: Option<String>,
    findings: Vec<ReportFinding>,
    /// How much rebuilt pages look like the original ones, where some were compared.
    fidelity: Option<ReportFidelity>,
    /// Time in the rooms.
    millis: u64,
    /// What was inside, for archives and mails.
    #[schema(no_recursion)]
    children: Vec<Report>,
}

/// How much rebuilt pages look like the original ones.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportFidelity {
    /// Structural similarity of the least similar page that was compared, to four decimals: 1 is the same.
    similarity: f64,
    /// Pages that were compared.
    pages: u32,
}

/// One thing that was removed, changed or withheld.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportFinding {
    /// Stable name out of `docs/findings.md`.
    reason: &'static str,
    count: u32,
    /// Where in the file; may be empty.
    #[serde(rename = "where")]
    #[schema(rename = "where")]
    place: String,
    /// The sentence people read, in the language of the request.
    text: String,
}

/// Sends one file.
#[utoipa::path(
    post, path = "/api/v1/files", operation_id = "sendFile", tag = "files",
    request_body(content = OneFile, content_type = "multipart/form-data", description = "One part with a file name."),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!#-~]{16,128}$", description = "16 to 128 visible characters. The same request with the same key is answered alike and its file taken once."), Waiting),
    responses(
        (status = 200, description = "With a wait: the file has its verdict already.", body = FileStatus),
        (status = 202, description = "The file is durable and will be rebuilt.", body = Filed),
        (status = 400, description = "No file, more than one, or an unreadable body.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key, or one that is not good.", body = Problem, content_type = "application/problem+json"),
        NotTakenNow,
        (status = 422, description = "The Idempotency-Key was used with another file, or there is no such output (`invalid_value`), or the subject is too long (`subject_too_long`).", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn post(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Query(waiting): Query<Waiting>,
    request: Request,
) -> Result<Response, Fault> {
    let (time, client) = (waiting.time()?, client(&request));
    let (id, receipt) = match repeat::key(request.headers(), visitor.as_ref())? {
        None => {
            let (batch, receipt) = receive_one(&portal, visitor.as_ref(), request, None).await?;
            (batch.token, receipt)
        }
        // A handler ends with its client's connection. What has a key goes on to its answer, which the client then asks for again; it
        // is bounded like every upload.
        Some(key) => {
            let (portal, visitor) = (portal.clone(), visitor.clone());
            let task = tokio::spawn(async move { answer(&portal, visitor.as_ref(), request, key).await });
            task.await.map_err(|_| Fault::Internal)??
        }
    };
    let at = format!("/api/v1/files/{}", id.as_str());
    if time.is_some() {
        let batch = settled(&portal, visitor.as_ref(), client, id.as_str(), time).await?;
        let file = only(&batch)?;
        if FileState::of(file).finished() {
            let status = FileStatus::of(&portal, file, &batch, &at);
            return Ok((StatusCode::OK, [(header::LOCATION, at)], Json(status)).into_response());
        }
    }
    let body = Json(Filed { id: id.as_str().to_owned(), receipt: receipt.to_string() });
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, at)], body).into_response())
}

/// The answer to a request with a key: the first one, whichever request gets it.
async fn answer(
    portal: &Portal,
    visitor: Option<&Visitor>,
    request: Request,
    key: TokenHash,
) -> Result<(BatchToken, Receipt), Fault> {
    let _only = portal.under_way.enter(key).ok_or(Fault::Pending)?;
    let Some((sent, batch)) = portal.state.store.answered(&key).await? else {
        let (batch, receipt) = receive_one(portal, visitor, request, Some(key)).await?;
        return Ok((batch.token, receipt));
    };
    if digest(portal, visitor, request).await? != sent {
        return Err(Fault::OtherRequest);
    }
    let found = find(portal, visitor, batch.as_str()).await?;
    let receipt = only(&found)?.receipt.clone();
    Ok((batch, receipt))
}

/// Says where a file is.
#[utoipa::path(
    get, path = "/api/v1/files/{id}", operation_id = "fileState", tag = "files", params(("id" = String, Path, description = "Id of the file"), Waiting),
    responses(
        (status = 200, description = "State of the file.", body = FileStatus),
        (status = 400, description = "The wait is none.", body = Problem, content_type = "application/problem+json"),
        NoSuchFile
    )
)]
pub(crate) async fn state(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Path(id): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Json<FileStatus>, Fault> {
    let client = peer.map(|Extension(ConnectInfo(Peer(peer)))| peer.ip());
    let batch = settled(&portal, visitor.as_ref(), client, &id, waiting.time()?).await?;
    let at = format!("/api/v1/files/{id}");
    Ok(Json(FileStatus::of(&portal, only(&batch)?, &batch, &at)))
}

impl FileStatus {
    /// Of a file of a batch whose documents are found below `at`.
    pub(super) fn of(portal: &Portal, file: &UploadFile, batch: &BatchStatus, at: &str) -> Self {
        let root = file.parts.first();
        let state = FileState::of(file);
        Self {
            id: batch.batch.token.as_str().to_owned(),
            receipt: file.receipt.to_string(),
            name: file.name.clone(),
            subject: file.subject.clone(),
            bytes: file.bytes,
            received: moment::rfc3339(file.received),
            state: state.name(),
            pages: view::pages(file, &portal.state.conversions)
                .map(|pages| PagesDone { done: pages.done, of: pages.of }),
            verdict: (state.finished() && state != FileState::TakenBack)
                .then(|| root.map_or(WITHHELD, |root| verdict(root.verdict))),
            expires: moment::rfc3339(batch.batch.expires),
            links: Links {
                report: format!("{at}/report"),
                result: root.is_some_and(|root| root.has_result).then(|| format!("{at}/result")),
            },
        }
    }
}

/// Tries a password on a file that is withheld because it is locked. What opens is rebuilt and takes its place.
#[utoipa::path(
    post, path = "/api/v1/files/{id}/password", operation_id = "filePassword", tag = "files", params(("id" = String, Path, description = "Id of the file")),
    request_body = Unlock,
    responses(
        (status = 200, description = "It is open; the result can be fetched.", body = UnlockReply),
        (status = 400, description = "The body is none.", body = Problem, content_type = "application/problem+json"),
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
    Path(id): Path<String>,
    Json(unlock): Json<Unlock>,
) -> Result<(StatusCode, Json<UnlockReply>), Fault> {
    let password = unlock.password()?;
    let batch = find(&portal, visitor.as_ref(), &id).await?;
    quarantine::reply(try_on(&portal, visitor.as_ref(), only(&batch)?, password).await?)
}

/// Lists what was removed, changed or withheld.
#[utoipa::path(
    get, path = "/api/v1/files/{id}/report", operation_id = "fileReport", tag = "files", params(("id" = String, Path, description = "Id of the file")),
    responses(
        (status = 200, description = "What was done.", body = Report),
        NoSuchFile,
        NotFinished,
        (status = 410, description = "Its sender took it back.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn report(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    Path(id): Path<String>,
) -> Result<Json<Report>, Fault> {
    let batch = find(&portal, visitor.as_ref(), &id).await?;
    let file = only(&batch)?;
    match FileState::of(file) {
        FileState::TakenBack => Err(Fault::Cancelled),
        state if state.finished() => Ok(Json(tree(file, language))),
        _ => Err(Fault::Pending),
    }
}

/// Gives the safe version.
#[utoipa::path(
    get, path = "/api/v1/files/{id}/result", operation_id = "fileResult", tag = "files", params(("id" = String, Path, description = "Id of the file")),
    responses(
        (status = 200, description = "The safe version, always as an attachment.", body = File, content_type = "*/*"),
        NoSuchFile,
        NotFinished,
        (status = 410, description = "Withheld, or no longer kept; the report says why.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn result(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let batch = find(&portal, visitor.as_ref(), &id).await?;
    download(&portal, only(&batch)?).await
}

/// The first file of the batch: what this interface sends is a batch of one.
fn only(batch: &BatchStatus) -> Result<&UploadFile, Fault> {
    batch.files.first().ok_or(Fault::NotFound)
}

fn verdict(verdict: PartVerdict) -> &'static str {
    match verdict {
        PartVerdict::Sanitised => "sanitised",
        PartVerdict::Withheld => WITHHELD,
    }
}

/// Builds the tree from the flat list, in which parents stand before their children. Each open branch waits until a
/// part that is not below it comes; nothing here recurses.
pub(super) fn tree(file: &UploadFile, language: Language) -> Report {
    let mut open: Vec<(usize, Report)> = Vec::new();
    let root_path = file.parts.first().map_or("", |root| root.path.as_str());
    for part in &file.parts {
        let depth = view::depth(&part.path, root_path);
        while open.len() > 1 && open.last().is_some_and(|(last, _)| *last >= depth) {
            close(&mut open);
        }
        open.push((depth, report_of(part, language)));
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().map_or_else(|| bare(file), |(_, report)| report)
}

fn close(open: &mut Vec<(usize, Report)>) {
    if let Some((_, report)) = open.pop()
        && let Some((_, parent)) = open.last_mut()
    {
        parent.children.push(report);
    }
}

/// A job that was given up has no parts.
fn bare(file: &UploadFile) -> Report {
    Report {
        input: shown::visible(&file.name),
        detected_type: String::new(),
        verdict: WITHHELD,
        output: None,
        output_type: None,
        findings: Vec::new(),
        fidelity: None,
        millis: 0,
        children: Vec::new(),
    }
}

fn report_of(part: &PartRow, language: Language) -> Report {
    let withheld = part.reason.filter(|_| part.verdict == PartVerdict::Withheld).map(|reason| ReportFinding {
        reason: reason.name(),
        count: 1,
        place: String::new(),
        text: catalogue::describe_refusal(&PartRefusal { reason, limit: part.limit, value: part.value }, language),
    });
    let others = part.findings.iter().map(|finding| ReportFinding {
        reason: finding.reason.name(),
        count: finding.count,
        place: finding.place.as_str().to_owned(),
        text: catalogue::describe(finding, language),
    });
    Report {
        input: part.name.clone(),
        detected_type: part.detected_type.clone(),
        verdict: verdict(part.verdict),
        output: part.output_name.clone(),
        output_type: part.media_type.clone(),
        findings: withheld.into_iter().chain(others).collect(),
        fidelity: part.fidelity.filter(|_| part.verdict == PartVerdict::Sanitised).map(|fidelity| ReportFidelity {
            similarity: f64::from(fidelity.similarity) / 10_000.0,
            pages: fidelity.compared,
        }),
        millis: part.millis,
        children: Vec::new(),
    }
}

const WITHHELD: &str = "withheld";
