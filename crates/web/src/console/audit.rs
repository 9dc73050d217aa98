//! The audit log: filtered, and whether its chain holds.

use std::time::Duration;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;
use store::{AuditCheck, AuditFilter, MessageId, Receipt, Timestamp};
use tokio::time::Instant;

use super::{
    Console,
    message::{QUERY_CHARACTERS, encode},
    tracking::field_time,
};
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::Visitor,
    role::Permission,
    shown,
    texts::{self, Texts},
};

/// The last chain check. Walking a long chain takes seconds, so its outcome is shared for a while.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    check: AuditCheck,
    at: Instant,
}

/// What the list is filtered by.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    actor: String,
    #[serde(default)]
    action: String,
    /// A receipt, or the number of a message.
    #[serde(default)]
    object: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
}

/// The filter, and its parts by name for whoever reads the file.
pub(super) struct Filtered {
    pub(super) filter: AuditFilter,
    pub(super) named: Vec<(&'static str, String)>,
}

impl Asked {
    pub(super) async fn filter(&self, console: &Console) -> Result<Filtered, Fault> {
        let text =
            |text: &str| Some(text.trim().chars().take(QUERY_CHARACTERS).collect::<String>()).filter(|t| !t.is_empty());
        let offset = console.state.site.offset_minutes;
        let (since, until) = (field_time(&self.since, offset)?, field_time(&self.until, offset)?);
        let filter = AuditFilter {
            event: text(&self.action),
            actor: text(&self.actor),
            message: match text(&self.object) {
                Some(object) => Some(message_of(console, &object).await?),
                None => None,
            },
            since,
            until,
            ..AuditFilter::default()
        };
        let named = [
            ("actor", filter.actor.clone()),
            ("event", filter.event.clone()),
            ("message", filter.message.map(|message| message.0.to_string())),
            ("since", since.map(moment::rfc3339)),
            ("until", until.map(moment::rfc3339)),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Ok(Filtered { filter, named })
    }

    fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }
}

/// The message that is meant. One that is nowhere has no rows, which is what its list then says.
async fn message_of(console: &Console, object: &str) -> Result<MessageId, Fault> {
    let none = MessageId(0);
    if let Some(receipt) = Receipt::parse(object) {
        return Ok(console.state.store.message_by_receipt(&receipt).await?.unwrap_or(none));
    }
    Ok(object.trim_start_matches('#').parse().map_or(none, MessageId))
}

/// Which entries to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    before: Option<i64>,
    #[serde(flatten)]
    asked: Asked,
}

/// `GET /audit`
pub(crate) async fn page(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let chain = checked(&console).await?;
    let Filtered { mut filter, .. } = wanted.asked.filter(&console).await?;
    filter.before = wanted.before;
    let found = console.state.store.audit(&filter).await?;
    let offset = console.state.site.offset_minutes;
    let (mark, mut chain_detail) = match &chain {
        None => (Mark::wait(t.audit_unchecked), String::new()),
        Some(Chain { check, .. }) if check.broken.is_none() => {
            (Mark::ok(t.audit_intact), texts::audit_length(visitor.language, check.rows))
        }
        Some(Chain { check, .. }) => (Mark::stop(t.audit_broken), texts::audit_length(visitor.language, check.rows)),
    };
    if let Some(Chain { check, at }) = &chain {
        if let Some(broken) = check.broken {
            chain_detail.push_str(&format!(" {} {broken}", t.column_number));
        }
        chain_detail.push_str(&format!(" ({})", texts::ago(visitor.language, at.elapsed().as_secs())));
    }
    let rows = found
        .items
        .iter()
        .map(|row| Row {
            number: row.seq,
            time: moment::local(row.at, offset),
            actor: shown::visible(&row.actor),
            action: shown::visible(&row.event),
            sentence: event_text(&row.event, t),
            message: row.message.map(|message| format!("/messages/{}", message.0)),
            detail: shown::visible(&detail(&row.detail, offset)),
        })
        .collect();
    let pairs = wanted.asked.fields().into_iter().filter(|(_, value)| !value.is_empty());
    let keep: String = pairs.map(|(name, value)| format!("{name}={}&", encode(value))).collect();
    let template = AuditPage {
        page: visitor.page(&console.people, t.nav_audit, Permission::Audit),
        head: chain.map(|chain| chain.check.head).unwrap_or_default(),
        chain: mark,
        chain_detail,
        form_token: visitor.form_token(),
        actions: EVENTS
            .iter()
            .map(|event| Action { event, text: event_text(event, t), chosen: *event == wanted.asked.action })
            .collect(),
        rows,
        older: found.next.map(|next| format!("/audit?{keep}before={next}")),
        newest: wanted.before.map(|_| format!("/audit?{keep}")),
        asked: wanted.asked,
    };
    Ok(render(StatusCode::OK, &template))
}

/// The form of [`verify`].
#[derive(Debug, Deserialize)]
pub(crate) struct Verify {
    #[serde(default)]
    form_token: String,
}

/// `POST /audit/verify`: walks the whole chain now.
pub(crate) async fn verify(
    State(console): State<Console>,
    visitor: Visitor,
    Form(form): Form<Verify>,
) -> Result<Response, Fault> {
    visitor.proved(&form.form_token)?;
    let mut last = console.chain.lock().await;
    if last.as_ref().is_none_or(|chain| chain.at.elapsed() >= AGAIN) {
        *last = Some(walk(&console).await?);
    }
    Ok(Redirect::to("/audit").into_response())
}

/// The outcome of the last check. A log that is walked in a moment is checked at each look, a long one when it is asked for.
async fn checked(console: &Console) -> Result<Option<Chain>, Fault> {
    // One walk at a time; whoever waits for the lock reads what the one before found.
    let mut last = console.chain.lock().await;
    let fresh = last.as_ref().is_some_and(|chain| chain.at.elapsed() < FRESH);
    if !fresh && console.state.store.audit_range(&AuditFilter::default()).await?.to <= SHORT {
        *last = Some(walk(console).await?);
    }
    Ok(last.clone())
}

async fn walk(console: &Console) -> Result<Chain, Fault> {
    let check = console.state.store.audit_verify().await?;
    if let Some(broken) = check.broken {
        tracing::error!(event = "audit_chain_broken", row = broken);
    }
    Ok(Chain { check, at: Instant::now() })
}

/// An event of the audit log in words. One without a sentence is shown by its stable name alone.
pub(crate) fn event_text(event: &str, t: &Texts) -> &'static str {
    match event {
        "accepted" => t.event_accepted,
        "upload_name_changed" => t.event_name_changed,
        "completed" => t.event_completed,
        "attempt_failed" => t.event_attempt_failed,
        "deferred" => t.event_deferred,
        "given_up" => t.event_given_up,
        "delivery" => t.event_delivery,
        "notice_queued" => t.event_notice_queued,
        "original_viewed" => t.event_original_viewed,
        "quarantine_released" => t.event_released,
        "password_tried" => t.event_password_tried,
        "password_try_returned" => t.event_try_returned,
        "upload_unlocked" => t.event_upload_unlocked,
        "unlocked" => t.event_unlocked,
        "quarantine_held" => t.event_triage_held,
        "quarantine_unheld" => t.event_triage_unheld,
        "quarantine_deleted" => t.event_triage_deleted,
        "quarantine_retried" => t.event_triage_retried,
        "quarantine_converted" => t.event_triage_converted,
        "quarantine_exported" => t.event_triage_exported,
        "request_made" => t.event_request_made,
        "request_approved" => t.event_request_approved,
        "request_returned" => t.event_request_returned,
        "request_ended" => t.event_request_ended,
        "original_handed_over" => t.event_handed_over,
        "purged" => t.event_purged,
        "audit_exported" => t.event_audit_exported,
        "system_examined" => t.event_system_examined,
        "policy_published" => t.event_policy_published,
        "setup_token_created" => t.event_setup_token,
        "user_created" => t.event_user_created,
        "external_user_gone" => t.event_external_gone,
        "external_user_put_aside" => t.event_put_aside,
        "signed_in" => t.event_signed_in,
        "sign_in_failed" => t.event_sign_in_failed,
        "session_closed" | "sessions_closed" => t.event_session_closed,
        "second_factor_enrolled" => t.event_second_factor,
        "second_factor_removed" => t.event_second_factor_removed,
        "icap_received" => t.event_icap_received,
        "upload_cancelled" => t.event_upload_cancelled,
        "passkey_added" => t.event_passkey_added,
        "passkey_removed" => t.event_passkey_removed,
        "api_key_created" => t.event_key_made,
        "api_key_revoked" => t.event_key_ended,
        "user_changes_planned" => t.event_changes_planned,
        "user_changes_withdrawn" => t.event_changes_withdrawn,
        "user_changes_done" => t.event_changes_done,
        "webhook_again" => t.event_webhook_again,
        "recovery_code_used" => t.event_recovery_code,
        "recovery_codes_renewed" => t.event_recovery_codes_renewed,
        "user_password_set"
        | "user_password_reset"
        | "user_role_set"
        | "user_state_set"
        | "user_address_set"
        | "user_renamed" => t.event_user_changed,
        _ => "",
    }
}

/// The JSON object of an entry as `name: value` pairs; lists and objects inside it are written out, nothing is left away
/// but what is null.
pub(super) fn detail(json: &str, offset: i32) -> String {
    let Ok(Value::Object(pairs)) = serde_json::from_str(json) else { return json.to_owned() };
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match (name.as_str(), value.as_i64()) {
            ("expires", Some(millis)) => {
                format!("{name}: {}", moment::local(Timestamp::from_unix_millis(millis), offset))
            }
            _ => format!("{name}: {}", plain(value)),
        })
        .collect();
    pairs.join(", ")
}

/// Two levels are all that the store writes; what lies deeper stays JSON.
fn plain(value: &Value) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            items.join(" ")
        }
        other => other.to_string(),
    };
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| match item {
                    Value::Object(pairs) => pairs
                        .iter()
                        .map(|(name, value)| format!("{name}: {}", word(value)))
                        .collect::<Vec<_>>()
                        .join(", "),
                    other => word(other),
                })
                .collect();
            items.join("; ")
        }
        other => word(other),
    }
}

#[derive(Debug)]
struct Row {
    number: i64,
    time: String,
    actor: String,
    action: String,
    /// The action in words; empty for one without a sentence.
    sentence: &'static str,
    message: Option<String>,
    detail: String,
}

/// A choice of the filter.
#[derive(Debug)]
struct Action {
    event: &'static str,
    text: &'static str,
    chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "audit.html")]
struct AuditPage {
    page: Page,
    chain: Mark,
    chain_detail: String,
    /// The hash of the last row that was checked, to be noted elsewhere.
    head: String,
    form_token: String,
    asked: Asked,
    actions: Vec<Action>,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
}

/// How long the outcome of a chain check is shown again.
const FRESH: Duration = Duration::from_secs(30);
/// A check that was asked for is not made twice within this.
const AGAIN: Duration = Duration::from_secs(2);
/// Rows that are walked at each look: some 100 milliseconds.
const SHORT: i64 = 20_000;

/// What the list can be filtered by.
const EVENTS: &[&str] = &[
    "accepted",
    "completed",
    "attempt_failed",
    "deferred",
    "given_up",
    "delivery",
    "notice_queued",
    "original_viewed",
    "quarantine_released",
    "password_tried",
    "password_try_returned",
    "upload_unlocked",
    "unlocked",
    "upload_cancelled",
    "upload_name_changed",
    "purged",
    "signed_in",
    "sign_in_failed",
    "session_closed",
    "second_factor_enrolled",
    "second_factor_removed",
    "recovery_code_used",
    "passkey_added",
    "passkey_removed",
    "api_key_created",
    "api_key_revoked",
    "setup_token_created",
    "user_created",
    "user_password_set",
    "user_password_reset",
    "user_role_set",
    "user_state_set",
    "user_address_set",
    "audit_exported",
    "system_examined",
    "policy_published",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_has_a_sentence() {
        let t = texts::texts(engine::catalogue::Language::Ja);
        for event in EVENTS {
            assert!(!event_text(event, t).is_empty(), "{event}");
        }
    }

    #[test]
    fn what_the_store_writes_is_told_without_brackets() {
        let check = |json, expect: &str| assert_eq!(detail(json, 540), expect);
        check(r#"{"user":1,"to":null}"#, "user: 1");
        check(r#"{"recipients":["a@b.jp","c@d.jp"],"bytes":5}"#, "bytes: 5, recipients: a@b.jp c@d.jp");
        check(
            r#"{"outcomes":[{"outcome":"delivered","reply":"250 ok"},{"outcome":"retry","recipients":["a@b.jp"]}]}"#,
            "outcomes: outcome: delivered, reply: 250 ok; outcome: retry, recipients: a@b.jp",
        );
        check(r#"{"expires":0}"#, "expires: 1970-01-01 09:00:00");
        check("not JSON", "not JSON");
    }
}
