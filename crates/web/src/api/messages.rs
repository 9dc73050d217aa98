//! Tracking for programs: which mails and uploads came, and everything that is written down about one. Never content.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use engine::catalogue::{self, Language};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    AuditRow, DeliveryRow, DeliveryState, MessageDetail, MessageFilter, MessageId, MessageRow, OriginKind, PartRow,
    PartVerdict,
};
use utoipa::{IntoParams, ToSchema};

use super::{refused::NotSignedIn, schema};
use crate::{
    console::{Console, event_text},
    fault::{Fault, Problem},
    metrics::verdict_name,
    moment, texts,
};

/// A page of messages, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Messages {
    items: Vec<Message>,
    /// Pass it as `cursor` for the following page.
    next: Option<i64>,
}

/// A mail, an uploaded file, or a mail that the gateway made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    id: i64,
    receipt: String,
    /// `mail`, `upload`, `notice` or `unlocked`.
    kind: &'static str,
    /// RFC 3339.
    received: String,
    /// `sanitised`, `sanitised_with_withheld`, `notice_only`, `given_up` or `cancelled` (an upload that its sender took back); missing while
    /// it waits.
    verdict: Option<&'static str>,
    /// RFC 3339.
    completed: Option<String>,
    /// The reverse-path.
    sender: Option<String>,
    recipients: Vec<String>,
    /// Of a mail; of an upload, what its sender said of it.
    subject: Option<String>,
    file_name: Option<String>,
    /// Who uploaded it.
    user: Option<String>,
    original_bytes: u64,
    output_bytes: Option<u64>,
}

/// Everything that is known of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Whole {
    message: Message,
    /// The account as the recipient reads it.
    account: Option<String>,
    parts: Vec<Part>,
    deliveries: Vec<Recipient>,
    /// Ids of its parts in quarantine.
    quarantine: Vec<i64>,
}

/// A part of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    /// Its place in the tree; empty for the whole.
    path: String,
    name: String,
    output_name: Option<String>,
    detected_type: String,
    output_type: Option<String>,
    /// `sanitised` or `withheld`.
    verdict: &'static str,
    /// Why it was withheld: a stable name out of `docs/findings.md`.
    reason: Option<&'static str>,
    /// What was removed or changed, in the language of the request.
    findings: Vec<String>,
    bytes_in: u64,
    bytes_out: u64,
}

/// A recipient and how far the mail is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recipient {
    address: String,
    /// `pending`, `retry`, `delivered` or `failed`.
    state: &'static str,
    attempts: u32,
    /// What the next server said last.
    reply: Option<String>,
    /// RFC 3339.
    finished: Option<String>,
}

/// What happened to a message, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    items: Vec<Step>,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Step {
    /// RFC 3339.
    at: String,
    /// Who did it; `gateway` for what it did by itself.
    actor: String,
    /// Stable name.
    event: String,
    /// The event in the language of the request; empty for one without a sentence.
    text: &'static str,
    /// More, by event.
    #[schema(value_type = Object)]
    detail: Value,
}

/// How a message came into being.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Mail,
    Upload,
    Notice,
    Unlocked,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Sanitised,
    SanitisedWithWithheld,
    NoticeOnly,
    GivenUp,
}

/// Which messages to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Text in receipt, sender, recipients, From, subject or file name.
    q: Option<String>,
    /// Only of this kind.
    #[param(inline)]
    kind: Option<Kind>,
    /// Only with this verdict.
    #[param(inline)]
    verdict: Option<Verdict>,
    /// Received at or after (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<String>,
    /// Received before (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<String>,
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// Lists messages.
#[utoipa::path(
    get, path = "/api/v1/messages", operation_id = "listMessages", tag = "messages", params(Wanted),
    responses(
        (status = 200, description = "A page, newest first.", body = Messages),
        (status = 400, description = "A filter is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not track mails.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(
    State(console): State<Console>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Messages>, Fault> {
    let filter = MessageFilter {
        origin: wanted.kind.map(|kind| match kind {
            Kind::Mail => OriginKind::Mail,
            Kind::Upload => OriginKind::Upload,
            Kind::Notice => OriginKind::Notice,
            Kind::Unlocked => OriginKind::Unlocked,
        }),
        verdict: wanted.verdict.map(|verdict| match verdict {
            Verdict::Sanitised => store::Verdict::Sanitised,
            Verdict::SanitisedWithWithheld => store::Verdict::SanitisedWithWithheld,
            Verdict::NoticeOnly => store::Verdict::NoticeOnly,
            Verdict::GivenUp => store::Verdict::GivenUp,
        }),
        since: schema::moment(wanted.since.as_deref())?,
        until: schema::moment(wanted.until.as_deref())?,
        text: wanted.q.filter(|text| !text.trim().is_empty()),
        before: wanted.cursor,
        ..MessageFilter::default()
    };
    let page = console.state.store.messages(&filter).await?;
    Ok(Json(Messages { items: page.items.iter().map(Message::of).collect(), next: page.next }))
}

/// Shows one message.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}", operation_id = "message", tag = "messages", params(("id" = i64, Path, description = "Id of the message")),
    responses(
        (status = 200, description = "The message.", body = Whole),
        (status = 400, description = "The id is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not track mails.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such message.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn item(
    State(console): State<Console>,
    Extension(language): Extension<Language>,
    Path(id): Path<i64>,
) -> Result<Json<Whole>, Fault> {
    let detail = console.state.store.message(MessageId(id)).await?.ok_or(Fault::NotFound)?;
    Ok(Json(Whole::of(&detail, language)))
}

/// Says what happened to a message.
#[utoipa::path(
    get, path = "/api/v1/messages/{id}/timeline", operation_id = "messageTimeline", tag = "messages", params(("id" = i64, Path, description = "Id of the message")),
    responses(
        (status = 200, description = "Everything that happened, oldest first.", body = Timeline),
        (status = 400, description = "The id is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not track mails.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such message.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn timeline(
    State(console): State<Console>,
    Extension(language): Extension<Language>,
    Path(id): Path<i64>,
) -> Result<Json<Timeline>, Fault> {
    let detail = console.state.store.message(MessageId(id)).await?.ok_or(Fault::NotFound)?;
    Ok(Json(Timeline { items: detail.timeline.iter().map(|row| Step::of(row, language)).collect() }))
}

impl Message {
    fn of(row: &MessageRow) -> Self {
        Self {
            id: row.id.0,
            receipt: row.receipt.to_string(),
            kind: match row.origin {
                OriginKind::Mail => "mail",
                OriginKind::Upload => "upload",
                OriginKind::Notice => "notice",
                OriginKind::Unlocked => "unlocked",
            },
            received: moment::rfc3339(row.received),
            verdict: if row.taken_back { Some("cancelled") } else { row.verdict.map(verdict_name) },
            completed: row.completed.map(moment::rfc3339),
            sender: row.sender.clone(),
            recipients: row.recipients.clone(),
            subject: row.subject.clone(),
            file_name: row.file_name.clone(),
            user: row.user.clone(),
            original_bytes: row.original_bytes,
            output_bytes: row.output_bytes,
        }
    }
}

impl Whole {
    fn of(detail: &MessageDetail, language: Language) -> Self {
        Self {
            message: Message::of(&detail.row),
            account: detail.account.clone(),
            parts: detail.parts.iter().map(|part| Part::of(part, language)).collect(),
            deliveries: detail.deliveries.iter().map(Recipient::of).collect(),
            quarantine: detail.quarantine.iter().map(|item| item.id.0).collect(),
        }
    }
}

impl Part {
    fn of(part: &PartRow, language: Language) -> Self {
        Self {
            path: part.path.clone(),
            name: part.name.clone(),
            output_name: part.output_name.clone(),
            detected_type: part.detected_type.clone(),
            output_type: part.media_type.clone(),
            verdict: match part.verdict {
                PartVerdict::Sanitised => "sanitised",
                PartVerdict::Withheld => "withheld",
            },
            reason: part.reason.map(form::reason::Reason::name),
            findings: part.findings.iter().map(|finding| catalogue::describe(finding, language)).collect(),
            bytes_in: part.bytes_in,
            bytes_out: part.bytes_out,
        }
    }
}

impl Recipient {
    fn of(row: &DeliveryRow) -> Self {
        Self {
            address: row.address.clone(),
            state: match row.state {
                DeliveryState::Pending => "pending",
                DeliveryState::Retry => "retry",
                DeliveryState::Delivered => "delivered",
                DeliveryState::Failed => "failed",
            },
            attempts: row.attempts,
            reply: row.reply.clone(),
            finished: row.finished.map(moment::rfc3339),
        }
    }
}

impl Step {
    fn of(row: &AuditRow, language: Language) -> Self {
        Self {
            at: moment::rfc3339(row.at),
            actor: row.actor.clone(),
            event: row.event.clone(),
            text: event_text(&row.event, texts::texts(language)),
            detail: object(&row.detail),
        }
    }
}

/// The details of an entry, which are written as an object.
pub(super) fn object(detail: &str) -> Value {
    serde_json::from_str(detail).ok().filter(Value::is_object).unwrap_or_else(|| serde_json::json!({}))
}
