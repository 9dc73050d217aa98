//! The audit log, and whether its chain holds.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;
use store::{AuditCheck, AuditFilter, Timestamp};
use tokio::time::Instant;

use super::Console;
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

/// Which entries to list.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    before: Option<i64>,
}

/// `GET /audit`
pub(crate) async fn page(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let check = checked(&console).await?;
    let filter = AuditFilter { before: wanted.before, ..AuditFilter::default() };
    let found = console.state.store.audit(&filter).await?;
    let offset = console.state.site.offset_minutes;
    let chain = if check.broken.is_none() { Mark::ok(t.audit_intact) } else { Mark::stop(t.audit_broken) };
    let mut chain_detail = texts::audit_length(visitor.language, check.rows);
    if let Some(broken) = check.broken {
        chain_detail.push_str(&format!(" {} {broken}", t.column_number));
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
    let template = AuditPage {
        page: visitor.page(&console.people, t.nav_audit, Permission::Audit),
        chain,
        chain_detail,
        rows,
        older: found.next.map(|next| format!("/audit?before={next}")),
        newest: wanted.before.map(|_| "/audit".to_owned()),
    };
    Ok(render(StatusCode::OK, &template))
}

async fn checked(console: &Console) -> Result<AuditCheck, Fault> {
    // One walk at a time; whoever waits for the lock reads what the one before found.
    let mut last = console.chain.lock().await;
    if let Some(chain) = last.as_ref().filter(|chain| chain.at.elapsed() < FRESH) {
        return Ok(chain.check.clone());
    }
    let check = console.state.store.audit_verify().await?;
    if let Some(broken) = check.broken {
        tracing::error!(event = "audit_chain_broken", row = broken);
    }
    *last = Some(Chain { check: check.clone(), at: Instant::now() });
    Ok(check)
}

/// An event of the audit log in words. One without a sentence is shown by its stable name alone.
pub(super) fn event_text(event: &str, t: &Texts) -> &'static str {
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
        "unlocked" => t.event_unlocked,
        "request_made" => t.event_request_made,
        "request_approved" => t.event_request_approved,
        "request_returned" => t.event_request_returned,
        "request_ended" => t.event_request_ended,
        "original_handed_over" => t.event_handed_over,
        "purged" => t.event_purged,
        "setup_token_created" => t.event_setup_token,
        "user_created" => t.event_user_created,
        "external_user_gone" => t.event_external_gone,
        "external_user_put_aside" => t.event_put_aside,
        "signed_in" => t.event_signed_in,
        "sign_in_failed" => t.event_sign_in_failed,
        "session_closed" | "sessions_closed" => t.event_session_closed,
        "second_factor_enrolled" => t.event_second_factor,
        "second_factor_removed" => t.event_second_factor_removed,
        "upload_cancelled" => t.event_upload_cancelled,
        "passkey_added" => t.event_passkey_added,
        "passkey_removed" => t.event_passkey_removed,
        "api_key_created" => t.event_key_made,
        "api_key_revoked" => t.event_key_ended,
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

#[derive(Debug, Template)]
#[template(path = "audit.html")]
struct AuditPage {
    page: Page,
    chain: Mark,
    chain_detail: String,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
}

/// How long the outcome of a chain check is shown again.
const FRESH: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

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
