//! Handing over an original that was approved, on the console's listener alone and only where the site wants it.
//!
//! Two steps: the first shows the password, once; the second spends the grant and sends the archive. The audit row of the second is
//! durable before the first byte leaves. The password is stored nowhere: the second step derives it again from the session and a nonce.

use askama::Template;
use axum::{
    Form,
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::Source;
use form::name::FileName;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use store::{Eyes, OriginKind, Request};

use super::{Desk, Handover, decide, number, sealed_zip};
use crate::{
    disposition,
    fault::Fault,
    hygiene,
    page::{Page, render},
    people::{Visitor, derived},
    preview::{Document, Place},
    role::Permission,
    secret::Secret,
};

/// The form of either step.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Fetching {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    nonce: String,
}

/// `POST /approvals/{id}/original`: shows the password. Nothing has left yet, and nothing is spent.
pub(crate) async fn prepare(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(fetching): Form<Fetching>,
) -> Result<Response, Fault> {
    visitor.proved(&fetching.form_token)?;
    let request = granted(&desk, &visitor, id).await?;
    let t = visitor.texts();
    let nonce = Secret::random()?.expose().to_owned();
    let template = FetchPage {
        page: visitor.page(&desk.people, t.fetch_title, Permission::Approvals),
        number: number(request.id),
        name: super::name(&request, t),
        password: password(&desk, &visitor, &request, &nonce)?,
        action: format!("/approvals/{id}/original/file"),
        back: format!("/approvals/{id}"),
        nonce,
        form_token: visitor.form_token(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `POST /approvals/{id}/original/file`: the archive.
pub(crate) async fn file(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(fetching): Form<Fetching>,
) -> Result<Response, Fault> {
    visitor.proved(&fetching.form_token)?;
    let request = granted(&desk, &visitor, id).await?;
    let nonce = Secret::parse(&fetching.nonce).ok_or(Fault::BadRequest)?;
    let password = password(&desk, &visitor, &request, nonce.expose())?;
    let document = document(&desk, &request).await?;
    // A part is taken out of its mail by a room; what that room cannot read is not handed over.
    let source = desk.previews.source(&desk.store, &document).await?.map_err(|_| Fault::Withheld)?;
    let mut salt = [0_u8; sealed_zip::SALT];
    getrandom::fill(&mut salt).map_err(|_| Fault::Internal)?;
    let name = FileName::rebuild(&request.name).0;
    let opened = sealed_zip::open(name.as_str(), source.len, &password, salt).ok_or(Fault::TooLarge)?;
    desk.store.hand_over_original(request.id, visitor.user.id, desk.settings.rules).await?.map_err(Fault::Refused)?;
    tracing::info!(event = "original_handed_over", request = id, bytes = source.len);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_LENGTH, HeaderValue::from(opened.total)),
        (header::CONTENT_DISPOSITION, disposition::attachment(&format!("{}.zip", number(request.id)))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(hygiene::DOWNLOAD_POLICY)),
    ];
    let head = stream::iter([Ok(Bytes::from(opened.head))]);
    let rest = stream::unfold(Some((source, 0, opened.cipher)), piece);
    Ok((headers, Body::from_stream(head.chain(rest))).into_response())
}

/// The next piece of the archive, and what comes behind it.
type Left = Option<(Source, u64, sealed_zip::Cipher)>;

async fn piece(left: Left) -> Option<(Result<Bytes, std::io::Error>, Left)> {
    let (source, done, mut cipher) = left?;
    let more = usize::try_from(source.len.saturating_sub(done)).unwrap_or(usize::MAX).min(PIECE);
    if more == 0 {
        return Some((Ok(cipher.finish().into()), None));
    }
    let mut bytes = vec![0; more];
    let read = match source.data.read_at(&mut bytes, source.offset.saturating_add(done)) {
        Ok(0) => Err(std::io::ErrorKind::UnexpectedEof.into()),
        other => other,
    };
    match read {
        Ok(read) => {
            bytes.truncate(read);
            cipher.apply(&mut bytes);
            let done = done.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            Some((Ok(bytes.into()), Some((source, done, cipher))))
        }
        // The archive ends without its directory, which no reader takes for complete.
        Err(error) => Some((Err(error), None)),
    }
}

/// A request whose original may be handed over to the visitor now. Where the site hands nothing over, there is nothing.
async fn granted(desk: &Desk, visitor: &Visitor, id: i64) -> Result<Request, Fault> {
    if desk.settings.download != Handover::Admin {
        return Err(Fault::NotFound);
    }
    let request = decide::visible(desk, visitor, id).await?;
    store::may_fetch(request.state, visitor.user.role).map_err(Fault::Refused)?;
    decide::settled(desk, &request, visitor, Eyes::Fetching).await?.map_err(Fault::Refused)?;
    Ok(request)
}

fn password(desk: &Desk, visitor: &Visitor, request: &Request, nonce: &str) -> Result<String, Fault> {
    derived(&desk.people, visitor, &format!("original {}", request.id.0), nonce)
}

/// Where the original lies: in quarantine, or in the mail or upload that it came in.
pub(super) async fn document(desk: &Desk, request: &Request) -> Result<Document, Fault> {
    // What a person deleted meanwhile is neither shown nor given, also not from what it lay in.
    if desk.store.is_deleted(request.message, &request.path).await? {
        return Err(Fault::NotFound);
    }
    if let Some(item) = request.item {
        return Ok(Document::original(Place::Quarantined(item), request.name.clone()));
    }
    let detail = desk.store.message(request.message).await?.ok_or(Fault::NotFound)?;
    let file = match detail.row.origin {
        OriginKind::Upload => Some(detail.row.file_name.unwrap_or_default()),
        OriginKind::Mail => None,
        OriginKind::Notice | OriginKind::Unlocked => return Err(Fault::NotFound),
    };
    let place = Place::Original { message: request.message, file, path: request.path.clone() };
    Ok(Document::original(place, request.name.clone()))
}

#[derive(Debug, Template)]
#[template(path = "original_fetch.html")]
struct FetchPage {
    page: Page,
    number: String,
    name: String,
    password: String,
    action: String,
    back: String,
    nonce: String,
    form_token: String,
}

/// Bytes that are read and enciphered at a time.
const PIECE: usize = 256 * 1024;
