//! The audit log: filtered, and whether its chain holds.

use std::time::Duration;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use form::percent;
use serde::Deserialize;
use serde_json::Value;
use store::{AuditCheck, AuditEvent, AuditFilter, MessageId, Receipt, Timestamp};
use tokio::time::Instant;

use super::{Console, message::QUERY_CHARACTERS, tracking::field_time};
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
pub(crate) struct Filtered {
    pub(crate) filter: AuditFilter,
    pub(crate) named: Vec<(&'static str, String)>,
}

impl Filtered {
    pub(crate) fn of(filter: AuditFilter) -> Self {
        let named = [
            ("actor", filter.actor.clone()),
            ("event", filter.event.clone()),
            ("message", filter.message.map(|message| message.0.to_string())),
            ("since", filter.since.map(moment::rfc3339)),
            ("until", filter.until.map(moment::rfc3339)),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Self { filter, named }
    }
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
        Ok(Filtered::of(filter))
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
    let keep: String = pairs.map(|(name, value)| format!("{name}={}&", percent::encoded(value))).collect();
    let template = AuditPage {
        page: visitor.page(&console.people, t.nav_audit, Permission::Audit),
        head: chain.map(|chain| chain.check.head).unwrap_or_default(),
        chain: mark,
        chain_detail,
        form_token: visitor.form_token(),
        actions: AuditEvent::ALL
            .iter()
            .filter(|event| !is_of_tenants(**event) || console.people.tells_of_tenants())
            .map(|event| Action {
                event: event.name(),
                text: sentence(*event, t),
                chosen: event.name() == wanted.asked.action,
            })
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

/// Whether an event is written down only where several organisations are served.
fn is_of_tenants(event: AuditEvent) -> bool {
    matches!(
        event,
        AuditEvent::TenantAdded | AuditEvent::TenantChanged | AuditEvent::TenantRemoved | AuditEvent::TenantInvited
    )
}

/// An event of the audit log in words. One of another version of the program is shown by its stable name alone.
pub(crate) fn event_text(event: &str, t: &Texts) -> &'static str {
    AuditEvent::from_name(event).map_or("", |event| sentence(event, t))
}

fn sentence(event: AuditEvent, t: &Texts) -> &'static str {
    match event {
        AuditEvent::Accepted => t.event_accepted,
        AuditEvent::UploadNameChanged => t.event_name_changed,
        AuditEvent::Completed => t.event_completed,
        AuditEvent::AttemptFailed => t.event_attempt_failed,
        AuditEvent::Deferred => t.event_deferred,
        AuditEvent::GivenUp => t.event_given_up,
        AuditEvent::Delivery => t.event_delivery,
        AuditEvent::NoticeQueued => t.event_notice_queued,
        AuditEvent::OriginalViewed => t.event_original_viewed,
        AuditEvent::QuarantineReleased => t.event_released,
        AuditEvent::PasswordTried => t.event_password_tried,
        AuditEvent::PasswordTryReturned => t.event_try_returned,
        AuditEvent::UploadUnlocked => t.event_upload_unlocked,
        AuditEvent::Unlocked => t.event_unlocked,
        AuditEvent::QuarantineHeld => t.event_triage_held,
        AuditEvent::QuarantineUnheld => t.event_triage_unheld,
        AuditEvent::QuarantineDeleted => t.event_triage_deleted,
        AuditEvent::QuarantineRetried => t.event_triage_retried,
        AuditEvent::QuarantineConverted => t.event_triage_converted,
        AuditEvent::QuarantineVirusFound => t.event_virus_found,
        AuditEvent::RequestReclassed => t.event_reclassed,
        AuditEvent::QuarantineExported => t.event_triage_exported,
        AuditEvent::RequestMade => t.event_request_made,
        AuditEvent::RequestApproved => t.event_request_approved,
        AuditEvent::RequestReturned => t.event_request_returned,
        AuditEvent::RequestEnded => t.event_request_ended,
        AuditEvent::OriginalHandedOver => t.event_handed_over,
        AuditEvent::Purged => t.event_purged,
        AuditEvent::AuditExported => t.event_audit_exported,
        AuditEvent::SystemExamined => t.event_system_examined,
        AuditEvent::PolicyPublished => t.event_policy_published,
        AuditEvent::PolicyTried => t.event_policy_tried,
        AuditEvent::SetupTokenCreated => t.event_setup_token,
        AuditEvent::UserCreated => t.event_user_created,
        AuditEvent::ExternalUserGone => t.event_external_gone,
        AuditEvent::ExternalUserPutAside => t.event_put_aside,
        AuditEvent::SignedIn => t.event_signed_in,
        AuditEvent::SignInFailed => t.event_sign_in_failed,
        AuditEvent::SessionClosed => t.event_session_closed,
        AuditEvent::SessionsClosed => t.event_sessions_closed,
        AuditEvent::SecondFactorEnrolled => t.event_second_factor,
        AuditEvent::SecondFactorRemoved => t.event_second_factor_removed,
        AuditEvent::IcapReceived => t.event_icap_received,
        AuditEvent::UploadCancelled => t.event_upload_cancelled,
        AuditEvent::PasskeyAdded => t.event_passkey_added,
        AuditEvent::PasskeyRemoved => t.event_passkey_removed,
        AuditEvent::ApiKeyCreated => t.event_key_made,
        AuditEvent::ApiKeyRevoked => t.event_key_ended,
        AuditEvent::UserChangesPlanned => t.event_changes_planned,
        AuditEvent::UserChangesWithdrawn => t.event_changes_withdrawn,
        AuditEvent::UserChangesDone => t.event_changes_done,
        AuditEvent::WebhookAgain => t.event_webhook_again,
        AuditEvent::RecoveryCodeUsed => t.event_recovery_code,
        AuditEvent::RecoveryCodesRenewed => t.event_recovery_codes_renewed,
        AuditEvent::UserPasswordSet => t.event_password_set,
        AuditEvent::UserPasswordReset => t.event_password_reset,
        AuditEvent::UserRoleSet => t.event_role_set,
        AuditEvent::UserStateSet => t.event_state_set,
        AuditEvent::UserAddressSet => t.event_address_set,
        AuditEvent::UserRenamed => t.event_renamed,
        AuditEvent::TenantAdded => t.event_tenant_added,
        AuditEvent::TenantChanged => t.event_tenant_changed,
        AuditEvent::TenantRemoved => t.event_tenant_removed,
        AuditEvent::TenantInvited => t.event_tenant_invited,
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
