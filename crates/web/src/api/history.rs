//! What one sent oneself, for programs: how the ids of files are found again.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use store::{HistoryFilter, Receipt, SentFile};
use utoipa::{IntoParams, ToSchema};

use super::{refused::NotSignedIn, schema};
use crate::{
    fault::{Fault, Problem},
    moment,
    people::Visitor,
    portal::Portal,
    requests,
    view::FileState,
};

/// A page of what one sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sent {
    items: Vec<SentItem>,
    /// Pass it as `cursor` for the following page. A page with a next one may have few items, or none.
    next: Option<String>,
}

/// A file that was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentItem {
    receipt: String,
    /// Name of the file, made safe.
    name: String,
    /// What its sender said of it.
    subject: Option<String>,
    /// Size of the original in bytes.
    bytes: u64,
    /// RFC 3339.
    received: String,
    /// `queued`, `working`, `retrying`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// RFC 3339; after this the file and its result are gone, and it is not listed any more.
    expires: String,
    /// Id of the batch it came in, and its number in there. A file that was sent alone is number 1, and the id is that of the file.
    batch: String,
    number: u32,
    /// The newest request for an original of it.
    request: Option<SentRequest>,
}

/// A request beside what it asks for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentRequest {
    id: i64,
    /// `open`, `approved`, `returned`, `ended` or `fetched`.
    state: &'static str,
}

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Text in the name of the file or of one in it, receipt or subject, in whatever width and case.
    q: Option<String>,
    /// Only received at or after; RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Only received before; RFC 3339.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// `next` of the page before.
    #[param(pattern = "^[0-9]{8}-[0-9A-HJKMNP-TV-Z]{5,8}$")]
    cursor: Option<String>,
}

/// Lists the files that one sent, newest first.
#[utoipa::path(
    get, path = "/api/v1/history", operation_id = "listSent", tag = "files", params(Wanted),
    responses(
        (status = 200, description = "A page, newest first.", body = Sent),
        (status = 400, description = "A time or the cursor is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The key may not list files.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The portal has no accounts, so nobody has a history.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(
    State(portal): State<Portal>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Sent>, Fault> {
    // A number as a person types it is no cursor.
    let read = |text: &str| Receipt::parse(text).filter(|receipt| receipt.as_str() == text).ok_or(Fault::BadRequest);
    let after = wanted.cursor.as_deref().map(read).transpose()?;
    let filter = HistoryFilter {
        text: wanted.q,
        since: schema::moment(wanted.since.as_deref())?,
        until: schema::moment(wanted.until.as_deref())?,
        after,
        limit: 0,
    };
    let found = portal.state.store.sent_by(visitor.user.id, &filter).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for row in &found.items {
        let request = match row.request {
            Some(id) => portal.state.store.request(id).await?,
            None => None,
        };
        let request =
            request.map(|request| SentRequest { id: request.id.0, state: requests::state_name(request.state) });
        items.push(SentItem { request, ..SentItem::of(row) });
    }
    Ok(Json(Sent { items, next: found.next.map(|receipt| receipt.to_string()) }))
}

impl SentItem {
    fn of(row: &SentFile) -> Self {
        let SentFile { batch, file, number, .. } = row;
        Self {
            receipt: file.receipt.to_string(),
            name: file.name.clone(),
            subject: file.subject.clone(),
            bytes: file.bytes,
            received: moment::rfc3339(file.received),
            state: FileState::of(file).name(),
            expires: moment::rfc3339(batch.expires),
            batch: batch.token.as_str().to_owned(),
            number: *number,
            request: None,
        }
    }
}
