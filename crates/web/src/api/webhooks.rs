//! Webhooks for programs: what other systems were told, and telling it again.

#![allow(unused_qualifications, reason = "written by utoipa's macro for `params`")]

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use store::{HookDelivery, HookDeliveryId, HookState};
use utoipa::{IntoParams, ToSchema};

use super::refused::NotSignedIn;
use crate::{
    console::Console,
    fault::{Fault, Problem},
    moment,
    people::Visitor,
};

/// Every system that is told of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hooks {
    items: Vec<HookItem>,
}

/// A system that is told of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookItem {
    name: String,
    /// The server; its whole address stands in the configuration.
    host: String,
    /// `file.completed`, `file.quarantined`, `request.created`, `request.decided` or `system.degraded`.
    events: Vec<&'static str>,
    /// Events that it has not taken yet.
    waiting: u64,
    /// RFC 3339.
    last_taken: Option<String>,
}

/// A page of events, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deliveries {
    items: Vec<Delivery>,
    /// Pass it as `cursor` for the following page.
    next: Option<i64>,
}

/// One event for one system.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    id: i64,
    event: String,
    /// RFC 3339.
    created: String,
    /// `waiting`, `taken` or `given_up`.
    state: &'static str,
    /// How often it was sent.
    attempts: u32,
    /// RFC 3339; only while it waits.
    due: Option<String>,
    /// HTTP status of the last answer.
    status: Option<u16>,
    /// What the last try failed of, when there was no answer.
    note: Option<String>,
}

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `next` of the page before.
    cursor: Option<i64>,
}

/// Lists the systems.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses(
        (status = 200, description = "All of them.", body = Hooks),
        NotSignedIn,
        (status = 403, description = "The role may not see webhooks.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(console): State<Console>) -> Result<Json<Hooks>, Fault> {
    let mut items = Vec::new();
    for hook in console.state.hooks.iter() {
        let figures = console.state.store.hook_figures(&hook.name).await?;
        items.push(HookItem {
            name: hook.name.clone(),
            host: hook.target.host().to_owned(),
            events: hook.events.iter().map(|event| event.name()).collect(),
            waiting: figures.waiting,
            last_taken: figures.last_taken.map(moment::rfc3339),
        });
    }
    Ok(Json(Hooks { items }))
}

/// Lists what a system was or will be told.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{name}/deliveries", operation_id = "webhookDeliveries", tag = "webhooks",
    params(("name" = String, Path, description = "Name of the system"), Wanted),
    responses(
        (status = 200, description = "A page, newest first.", body = Deliveries),
        (status = 400, description = "The cursor is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see webhooks.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such system.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn deliveries(
    State(console): State<Console>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Deliveries>, Fault> {
    let hook = console.state.hooks.named(&name).ok_or(Fault::NotFound)?;
    let page = console.state.store.hook_deliveries(&hook.name, wanted.cursor, 0).await?;
    Ok(Json(Deliveries { items: page.items.iter().map(Delivery::of).collect(), next: page.next }))
}

/// Tells a system an event again, or at once where it still waits.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{name}/deliveries/{id}/redeliver", operation_id = "redeliverWebhook", tag = "webhooks",
    params(("name" = String, Path, description = "Name of the system"), ("id" = i64, Path, description = "Id of the event")),
    responses(
        (status = 202, description = "It will be sent within seconds."),
        (status = 400, description = "The id is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see webhooks.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such system or event.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn redeliver(
    State(console): State<Console>,
    visitor: Visitor,
    Path((name, id)): Path<(String, i64)>,
) -> Result<StatusCode, Fault> {
    let hook = console.state.hooks.named(&name).ok_or(Fault::NotFound)?;
    console.state.store.hook_again(&hook.name, HookDeliveryId(id), &visitor.user.name).await?;
    Ok(StatusCode::ACCEPTED)
}

impl Delivery {
    fn of(row: &HookDelivery) -> Self {
        Self {
            id: row.id.0,
            event: row.event.clone(),
            created: moment::rfc3339(row.created),
            state: match row.state {
                HookState::Waiting => "waiting",
                HookState::Taken => "taken",
                HookState::GivenUp => "given_up",
            },
            attempts: row.attempts,
            due: (row.state == HookState::Waiting).then(|| moment::rfc3339(row.due)),
            status: row.status,
            note: row.note.clone(),
        }
    }
}
