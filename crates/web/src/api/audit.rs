//! The audit log for programs: pages of it, and the whole of it as lines, each with the hash that chains it to the one before.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{AuditFilter, AuditRow, Store};
use utoipa::{IntoParams, ToSchema};

use super::{messages::object, refused::NotSignedIn, schema};
use crate::{
    console::{AuditFormat, Console, Filtered, audit_file},
    fault::{Fault, Problem},
    moment,
    people::Visitor,
};

/// A page of the audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entries {
    items: Vec<Entry>,
    /// Pass it as `cursor` for the following page.
    next: Option<i64>,
}

/// One entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Its number; there are no gaps.
    seq: i64,
    /// RFC 3339.
    at: String,
    /// Who; `gateway` for what it did by itself.
    actor: String,
    /// What: a stable name.
    event: String,
    /// On which message.
    message: Option<i64>,
    /// More, by event.
    #[schema(value_type = Object)]
    detail: Value,
    /// SHA-256 over the hash before it and the entry, in hexadecimal.
    hash: String,
}

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only with this event.
    event: Option<String>,
    /// Only by this actor.
    actor: Option<String>,
    /// At or after (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Before (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// Where an export begins.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct From {
    /// Only entries behind this number: the last one of an earlier export.
    after: Option<i64>,
}

/// Lists the audit log.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "listAudit", tag = "audit", params(Wanted),
    responses(
        (status = 200, description = "A page, newest first.", body = Entries),
        (status = 400, description = "A filter is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not read the audit log.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Result<Json<Entries>, Fault> {
    let filter = AuditFilter {
        since: schema::moment(wanted.since.as_deref())?,
        until: schema::moment(wanted.until.as_deref())?,
        event: wanted.event,
        actor: wanted.actor,
        before: wanted.cursor,
        ..AuditFilter::default()
    };
    let page = console.state.store.audit(&filter).await?;
    Ok(Json(Entries { items: page.items.iter().map(Entry::of).collect(), next: page.next }))
}

/// Gives the audit log as lines of JSON, oldest first, as it was when each line was written. `detail` is the text that the hash was made
/// over. That the chain holds is what `misogi audit verify` says; the last hash, kept elsewhere, shows later that nothing was cut off.
#[utoipa::path(
    get, path = "/api/v1/audit/export", operation_id = "exportAudit", tag = "audit", params(From),
    responses(
        (status = 200, description = "One object per line: seq, at (Unix milliseconds), actor, event, message, detail, hash.", body = String, content_type = "application/x-ndjson"),
        (status = 400, description = "The number is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not read the audit log.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn export(State(console): State<Console>, Query(from): Query<From>) -> Result<Response, Fault> {
    let store = console.state.store.clone();
    let lines = stream::try_unfold((store, from.after.unwrap_or(0)), |(store, after)| async move {
        let Some((text, last)) = piece(&store, after).await? else { return Ok::<_, store::Error>(None) };
        Ok(Some((text, (store, last))))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"audit.jsonl\"")),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// What a signed export holds.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct SignedExport {
    /// `jsonl` unless said otherwise. Of a CSV the signature can be checked, and not the chain.
    #[serde(default)]
    format: AuditFormat,
    /// Only with this event.
    event: Option<String>,
    /// Only by this actor.
    actor: Option<String>,
    /// At or after (RFC 3339).
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Before (RFC 3339).
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Gives the audit log as a file that the site signs, as the console does: what it holds first, then the entries, oldest first, then the
/// signature over both. `misogi audit verify` checks it without the gateway. That it was made is itself an entry.
#[utoipa::path(
    post, path = "/api/v1/audit/export", operation_id = "exportSignedAudit", tag = "audit", request_body = SignedExport,
    responses(
        (status = 200, description = "The file: lines of JSON, or a table.", content((String = "application/x-ndjson"), (String = "text/csv"))),
        (status = 400, description = "The body is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not read the audit log.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A time is none.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn signed(
    State(console): State<Console>,
    visitor: Visitor,
    Json(wanted): Json<SignedExport>,
) -> Result<Response, Fault> {
    let filter = AuditFilter {
        since: schema::moment(wanted.since.as_deref()).map_err(|_| Fault::Value)?,
        until: schema::moment(wanted.until.as_deref()).map_err(|_| Fault::Value)?,
        event: wanted.event,
        actor: wanted.actor,
        ..AuditFilter::default()
    };
    audit_file(&console.state.store, &visitor.user.name, Filtered::of(filter), wanted.format).await
}

async fn piece(store: &Store, after: i64) -> Result<Option<(Bytes, i64)>, store::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        seq: i64,
        at: i64,
        actor: &'a str,
        event: &'a str,
        message: Option<i64>,
        detail: &'a str,
        hash: &'a str,
    }
    let rows = store.audit_after(&AuditFilter::default(), after, i64::MAX).await?;
    let Some(last) = rows.last().map(|row| row.seq) else { return Ok(None) };
    let mut text = String::new();
    for row in &rows {
        let (seq, at, message) = (row.seq, row.at.unix_millis(), row.message.map(|message| message.0));
        let AuditRow { actor, event, detail, hash, .. } = row;
        let line = Line { seq, at, actor, event, message, detail, hash };
        let line = serde_json::to_string(&line).map_err(|_| store::Error::Damaged("an audit row"))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(Some((text.into(), last)))
}

impl Entry {
    fn of(row: &AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: moment::rfc3339(row.at),
            actor: row.actor.clone(),
            event: row.event.clone(),
            message: row.message.map(|message| message.0),
            detail: object(&row.detail),
            hash: row.hash.clone(),
        }
    }
}
