//! The admin console: its own listener, its own cookie, a role for every route.

mod audit;
mod dashboard;
mod message;
mod pages;
mod quarantine;
mod setup;
mod sign_in;
mod visitor;

pub use setup::{InviteError, invite};
pub(crate) use visitor::Visitor;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use store::Store;
use tokio::sync::Mutex;
use tower_http::timeout::TimeoutLayer;

use crate::{
    Metrics, Previews, Readiness, Site, Unlocker, api, assets,
    fault::{self, Dressing, Fault},
    health,
    hygiene::{self, Hosts},
    language,
    lockout::Lockout,
    page::Area,
    password::Passwords,
};

/// What the console works with.
#[derive(Debug, Clone)]
pub struct AdminState {
    /// Where everything shown comes from.
    pub store: Store,
    /// What the pages say of the installation.
    pub site: Arc<Site>,
    /// Counters.
    pub metrics: Metrics,
    /// Conditions for `/readyz` and the dashboard.
    pub readiness: Readiness,
    /// Draws pages of originals and of what became of them.
    pub previews: Previews,
    /// Tries passwords that are typed here.
    pub unlocker: Arc<dyn Unlocker>,
}

/// Why the console could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("argon2id could not be computed")]
pub struct NoPasswords;

/// State of the handlers.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    pub(crate) state: AdminState,
    passwords: Passwords,
    lockout: Arc<Lockout>,
    chain: Arc<Mutex<Option<audit::Chain>>>,
}

/// All routes of the console's listener.
pub fn admin(state: AdminState) -> Result<Router, NoPasswords> {
    let dressing = Dressing { site: Arc::clone(&state.site), area: Area::Console };
    let hosts = Hosts::of(&state.site.admin_url);
    let health = health::routes(state.store.clone(), state.readiness.clone());
    let passwords = Passwords::new().map_err(|_| NoPasswords)?;
    let console = Console { state, passwords, lockout: Arc::default(), chain: Arc::default() };
    // These are bounded by what a room may take instead.
    let drawn = Router::new()
        .route("/quarantine/{id}/pages/{page}", get(pages::withheld))
        .route("/quarantine/{id}/pages/{page}/original", get(pages::withheld_original))
        .route("/messages/{id}/parts/{part}/pages/{page}", get(pages::part))
        .route("/messages/{id}/parts/{part}/pages/{page}/original", get(pages::part_original))
        .route("/messages/{id}/parts/{part}/pages/{page}/output", get(pages::part_output))
        .with_state(console.clone());
    let opened = Router::new()
        .route("/quarantine/{id}/unlock", post(quarantine::unlock))
        .route("/api/v1/quarantine/{id}/unlock", post(api::quarantine::unlock))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .with_state(console.clone());
    Ok(Router::new()
        .route("/", get(dashboard::page))
        .route("/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/setup/{token}", get(setup::form).post(setup::submit))
        .route("/messages", get(message::list))
        .route("/messages/{id}", get(message::detail))
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/{id}", get(quarantine::item))
        .route("/audit", get(audit::page))
        .route("/metrics", get(metrics))
        .route("/api/v1/openapi.json", get(api::openapi))
        .route("/api/v1/quarantine", get(api::quarantine::list))
        .route("/api/v1/quarantine/{id}", get(api::quarantine::item))
        .merge(assets::routes())
        .with_state(console)
        .merge(health)
        .fallback(async || Fault::NotFound)
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST))
        .merge(drawn)
        .merge(opened)
        .layer(middleware::from_fn_with_state(hosts, hygiene::guard))
        .layer(middleware::from_fn_with_state(dressing, fault::dress))
        .layer(middleware::from_fn(language::choose))
        .layer(middleware::from_fn_with_state(hygiene::ADMIN_POLICY, hygiene::headers)))
}

async fn metrics(State(console): State<Console>) -> Result<Response, Fault> {
    let counts = console.state.store.counts().await;
    if let Err(error) = &counts {
        tracing::error!(event = "web_counts_failed", error = error as &dyn std::error::Error);
    }
    let free = console.state.store.disk().await.ok().map(|disk| disk.free);
    let now = console.state.store.now();
    let text = console
        .state
        .metrics
        .text(counts.ok().as_ref(), now, free, &console.state.readiness)
        .map_err(|_| Fault::Internal)?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Longest body of a form.
const FORM_BYTES: usize = 16 * 1024;
/// Longest time of a request; checking a long audit chain is the slowest.
const LONGEST: Duration = Duration::from_secs(60);
