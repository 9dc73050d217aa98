//! Counts and conditions for programs.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::refused::NotSignedIn;
use crate::{
    Condition,
    console::Console,
    fault::{Fault, Problem},
    moment,
    people::Visitor,
};

/// Totals since the store was made, what waits now, and how each part works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Figures {
    mails: u64,
    uploads: u64,
    sanitised: u64,
    sanitised_with_withheld: u64,
    notice_only: u64,
    given_up: u64,
    /// Recipients that have their mail.
    delivered: u64,
    delivery_failed: u64,
    /// SMTP commands refused.
    refused: u64,
    /// Mails and uploads that wait to be rebuilt.
    queued: u64,
    /// Mails and uploads being rebuilt.
    running: u64,
    /// RFC 3339: when the oldest of them came.
    oldest: Option<String>,
    /// Recipients that wait for their mail.
    deliveries_waiting: u64,
    /// Originals in quarantine.
    quarantined: u64,
    checks: Vec<Check>,
}

/// How one part of the gateway works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    name: &'static str,
    /// `ok`, `off`, `degraded` or `refusing`.
    state: &'static str,
    detail: String,
}

/// Says how much there is and how everything works.
#[utoipa::path(
    get, path = "/api/v1/stats", operation_id = "stats", tag = "system",
    responses(
        (status = 200, description = "Counts and conditions.", body = Figures),
        NotSignedIn,
        (status = 403, description = "The key is not good for this.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be read; see Retry-After.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Json<Figures>, Fault> {
    let store = &console.state.store;
    let counts = store.counts().await?;
    let checks = console.state.readiness.checks_for(visitor.user.role, store).await;
    let checks = checks.into_iter().map(|(name, condition)| {
        let (state, detail) = match condition {
            Condition::Good => ("ok", String::new()),
            Condition::Off(detail) => ("off", detail),
            Condition::Degraded(detail) => ("degraded", detail),
            Condition::Refusing(detail) => ("refusing", detail),
        };
        Check { name, state, detail }
    });
    Ok(Json(Figures {
        mails: counts.accepted,
        uploads: counts.uploaded,
        sanitised: counts.sanitised,
        sanitised_with_withheld: counts.sanitised_with_withheld,
        notice_only: counts.notice_only,
        given_up: counts.given_up,
        delivered: counts.delivered,
        delivery_failed: counts.delivery_failed,
        refused: counts.refused,
        queued: counts.queued,
        running: counts.running,
        oldest: counts.oldest.map(moment::rfc3339),
        deliveries_waiting: counts.deliveries_pending.saturating_add(counts.deliveries_retrying),
        quarantined: counts.quarantined,
        checks: checks.collect(),
    }))
}
