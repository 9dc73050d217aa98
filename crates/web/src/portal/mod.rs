//! The staff portal: files in, safe files out. No sign-in: a result is found only by its unguessable address.

mod pages;
mod receive;
mod result;
mod upload;

pub(crate) use receive::{Proof, Received, Refusal, receive};
pub(crate) use result::{download, find};

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use store::Store;
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutLayer;

use crate::{
    Metrics, Previews, Readiness, Site, UploadLimits, api, assets,
    clients::Clients,
    fault::{self, Dressing, Fault},
    health,
    hygiene::{self, Hosts},
    language,
    page::Area,
};

/// What the portal works with.
#[derive(Debug, Clone)]
pub struct PortalState {
    /// Where uploads go and results come from.
    pub store: Store,
    /// What the pages say of the installation.
    pub site: Arc<Site>,
    /// How much an upload may bring.
    pub limits: UploadLimits,
    /// How long the address of a result works.
    pub keep: Duration,
    /// Counters.
    pub metrics: Metrics,
    /// Conditions for `/readyz`.
    pub readiness: Readiness,
    /// Draws pages of results.
    pub previews: Previews,
}

/// State of the handlers.
#[derive(Debug, Clone)]
pub(crate) struct Portal {
    pub(crate) state: PortalState,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) clients: Clients,
}

/// All routes of the portal's listener.
pub fn portal(mut state: PortalState) -> Router {
    // One file of the largest size must always fit.
    state.limits.total_bytes = state.limits.total_bytes.max(state.limits.file_bytes);
    let dressing = Dressing { site: Arc::clone(&state.site), area: Area::Portal };
    let hosts = Hosts::of(&state.site.portal_url);
    let health = health::routes(state.store.clone(), state.readiness.clone());
    let portal = Portal { uploads: Arc::new(Semaphore::new(state.limits.at_once)), clients: Clients::default(), state };
    let quick = Router::new()
        .route("/", get(upload::form))
        .route("/b/{token}", get(result::page))
        .route("/b/{token}/status", get(result::status))
        .route("/api/v1/openapi.json", get(api::openapi))
        .route("/api/v1/files/{id}", get(api::files::state))
        .route("/api/v1/files/{id}/report", get(api::files::report))
        .merge(assets::routes())
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, QUICK));
    // These move files or draw pages and are bounded by bytes, by silence, or by what a room may take instead.
    let long = Router::new()
        .route("/upload", post(upload::submit))
        .route("/b/{token}/files/{number}", get(result::file))
        .route("/b/{token}/files/{number}/pages/{page}", get(pages::page))
        .route("/b/{token}/files/{number}/pages/{page}/image", get(pages::image))
        .route("/api/v1/files", post(api::files::post))
        .route("/api/v1/files/{id}/result", get(api::files::result))
        .layer(DefaultBodyLimit::disable());
    Router::new()
        .merge(quick)
        .merge(long)
        .with_state(portal)
        .merge(health)
        .fallback(async || Fault::NotFound)
        .layer(middleware::from_fn_with_state(hosts, hygiene::guard))
        .layer(middleware::from_fn_with_state(dressing, fault::dress))
        .layer(middleware::from_fn(language::choose))
        .layer(middleware::from_fn_with_state(hygiene::PORTAL_POLICY, hygiene::headers))
}

/// Longest body of a request that is no upload.
const FORM_BYTES: usize = 64 * 1024;
/// Longest time of a request that moves no file.
const QUICK: Duration = Duration::from_secs(30);
