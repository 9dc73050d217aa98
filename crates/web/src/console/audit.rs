//! The audit log, and whether its chain holds.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;
use store::{AuditCheck, AuditFilter};
use tokio::time::Instant;

use super::{Console, Visitor};
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    role::Permission,
    shown, texts,
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
    visitor.may(Permission::Audit)?;
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
            message: row.message.map(|message| format!("/messages/{}", message.0)),
            detail: shown::visible(&detail(&row.detail)),
        })
        .collect();
    let template = AuditPage {
        page: visitor.page(&console, t.nav_audit, Permission::Audit),
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

/// The JSON object of an entry as `name: value` pairs.
pub(super) fn detail(json: &str) -> String {
    let Ok(serde_json::Value::Object(pairs)) = serde_json::from_str(json) else { return json.to_owned() };
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| match value {
            serde_json::Value::String(text) => format!("{name}: {text}"),
            other => format!("{name}: {other}"),
        })
        .collect();
    pairs.join(", ")
}

#[derive(Debug)]
struct Row {
    number: i64,
    time: String,
    actor: String,
    action: String,
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
