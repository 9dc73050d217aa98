//! The admin console: its own listener, its own cookie, a role for every route.

mod audit;
mod chart;
mod checks;
mod dashboard;
mod examined;
mod export;
mod import;
mod message;
mod pages;
pub(crate) mod platform;
mod policy;
mod quarantine;
mod roster;
mod setup;
mod system;
pub(crate) mod tenants;
mod tracking;
pub(crate) mod triage;
mod trial;
mod users;
mod webhooks;

pub(crate) use audit::{Filtered, event_text};
pub(crate) use export::{Format as AuditFormat, file as audit_file};
pub use setup::{InviteError, invite};

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{FromRef, State},
    http::header,
    middleware,
    response::{IntoResponse, Response},
};
use store::{Counts, Store};
use tokio::sync::Mutex;

use crate::{
    Examiner, Governor, Lockout, Metrics, Outlook, Previews, Readiness, Site, Tenants, Unlocker, Webhooks, api, assets,
    doors::{self, Door, delete, get, post, put},
    fault::{self, Dressing, Fault},
    health::{self, Health},
    hygiene::{self, Hosts},
    language,
    page::Area,
    people::{self, Need, People, PortalAccess, Shared, Sources, Unready},
    requests::{RequestSettings, ask, decide, fetch},
    role::Permission,
    tenants::Register,
    untold::Untold,
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
    /// What grows old or ends: certificates, the scanner's database.
    pub outlook: Outlook,
    /// What is in force, and changes it.
    pub governor: Arc<dyn Governor>,
    /// Looks the installation over.
    pub examiner: Arc<dyn Examiner>,
    /// Draws pages of originals and of what became of them.
    pub previews: Previews,
    /// Tries passwords that are typed here.
    pub unlocker: Arc<dyn Unlocker>,
    /// Failed sign-ins, counted over both sites.
    pub lockout: Lockout,
    /// How requests for originals are dealt with.
    pub requests: RequestSettings,
    /// Who vouches for users beside the gateway.
    pub sources: Sources,
    /// Systems that are told of events.
    pub hooks: Webhooks,
    /// The organisations that are served: on the console of whoever runs the gateway, and on no other.
    pub tenants: Option<Arc<dyn Tenants>>,
}

/// Why a site could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signing in could not be prepared")]
pub struct NoPasswords(#[from] Unready);

/// State of the handlers.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    pub(crate) state: AdminState,
    pub(crate) people: People,
    chain: Arc<Mutex<Option<audit::Chain>>>,
    examination: Arc<Mutex<Option<system::Examination>>>,
    trial: trial::Place,
    /// What came of passwords.
    untold: Untold,
}

impl FromRef<Console> for People {
    fn from_ref(console: &Console) -> Self {
        console.people.clone()
    }
}

impl FromRef<Console> for Health {
    fn from_ref(console: &Console) -> Self {
        Health { store: console.state.store.clone(), readiness: console.state.readiness.clone() }
    }
}

/// Every door of the console's listener.
pub(crate) fn doors() -> Vec<Door<Console>> {
    use Need::{Anyone, May};
    use Permission::{
        Approvals, Audit, Dashboard, Decide, HandOver, Originals, Policy, PolicyChange, Quarantine, System, Tracking,
        Triage, Unlock, Users, Webhooks,
    };
    let mut doors = vec![
        get("/", May(Dashboard), dashboard::page),
        get("/setup/{token}", Anyone, setup::form),
        post("/setup/{token}", Anyone, setup::submit),
        get("/messages", May(Tracking), tracking::messages),
        get("/refusals", May(Tracking), tracking::refusals),
        get("/messages/{id}", May(Tracking), message::detail),
        get("/messages/{id}/parts/{part}/pages/{page}", May(Originals), pages::part).in_rooms(),
        get("/messages/{id}/parts/{part}/pages/{page}/original", May(Originals), pages::part_original).in_rooms(),
        get("/messages/{id}/parts/{part}/pages/{page}/output", May(Originals), pages::part_output).in_rooms(),
        get("/quarantine", May(Quarantine), quarantine::list),
        get("/quarantine/export", May(Quarantine), triage::export).by_itself(),
        post("/quarantine/filters", May(Quarantine), triage::filters),
        post("/quarantine/act", May(Triage), triage::act),
        get("/quarantine/{id}", May(Quarantine), quarantine::item),
        get("/quarantine/{id}/pages/{page}", May(Originals), pages::withheld).in_rooms(),
        get("/quarantine/{id}/pages/{page}/original", May(Originals), pages::withheld_original).in_rooms(),
        get("/quarantine/{id}/pages/{page}/output", May(Originals), pages::withheld_output).in_rooms(),
        post("/quarantine/{id}/unlock", May(Unlock), quarantine::unlock).in_rooms(),
        post("/quarantine/{id}/request", May(Decide), ask::of_item),
        get("/approvals", May(Approvals), decide::list),
        get("/approvals/{id}", May(Approvals), decide::detail),
        post("/approvals/{id}", May(Decide), decide::submit),
        post("/approvals/{id}/original", May(HandOver), fetch::prepare),
        post("/approvals/{id}/original/file", May(HandOver), fetch::file).in_rooms(),
        get("/users", May(Users), users::list),
        post("/users", May(Users), users::create),
        get("/users/import", May(Users), import::form),
        post("/users/import", May(Users), import::submit).by_itself(),
        get("/users/{id}", May(Users), users::detail),
        post("/users/{id}", May(Users), users::change),
        get("/policy", May(Policy), policy::page),
        // Both convert a message where one is named.
        post("/policy/draft", May(PolicyChange), policy::draft).in_rooms(),
        post("/policy/try", May(PolicyChange), policy::try_file).by_itself(),
        post("/policy/publish", May(PolicyChange), policy::publish).in_rooms(),
        get("/system", May(System), system::page),
        post("/system", May(System), system::examine).in_rooms(),
        get("/system/licences", May(System), system::licences),
        get("/audit", May(Audit), audit::page),
        post("/audit/verify", May(Audit), audit::verify),
        post("/audit/export", May(Audit), export::export),
        get("/webhooks", May(Webhooks), webhooks::list),
        get("/webhooks/{name}", May(Webhooks), webhooks::detail),
        post("/webhooks/{name}", May(Webhooks), webhooks::again),
        get("/tenants", May(Permission::Tenants), tenants::list),
        post("/tenants", May(Permission::Tenants), tenants::create).in_rooms(),
        get("/tenants/{key}", May(Permission::Tenants), tenants::detail),
        // A tenant that starts anew finishes what it converts first.
        post("/tenants/{key}", May(Permission::Tenants), tenants::submit).in_rooms(),
        // For the monitoring server, which does not sign in: figures without a name in them.
        get("/metrics", Anyone, metrics),
        get("/api/v1/openapi.json", Anyone, api::openapi),
        get("/api/v1/docs", Anyone, api::docs::show),
        get("/api/v1/quarantine", May(Quarantine), api::quarantine::list),
        get("/api/v1/quarantine/{id}", May(Quarantine), api::quarantine::item),
        post("/api/v1/quarantine/{id}/unlock", May(Unlock), api::quarantine::unlock).in_rooms(),
        post("/api/v1/quarantine/act", May(Triage), api::quarantine::act),
        get("/api/v1/requests", May(Approvals), api::requests::list),
        get("/api/v1/requests/{id}", May(Approvals), api::requests::item),
        post("/api/v1/requests/{id}/approve", May(Decide), api::requests::approve),
        post("/api/v1/requests/{id}/return", May(Decide), api::requests::give_back),
        get("/api/v1/messages", May(Tracking), api::messages::list),
        get("/api/v1/messages/{id}", May(Tracking), api::messages::item),
        get("/api/v1/messages/{id}/timeline", May(Tracking), api::messages::timeline),
        get("/api/v1/audit", May(Audit), api::audit::list),
        get("/api/v1/audit/export", May(Audit), api::audit::export).by_itself(),
        post("/api/v1/audit/export", May(Audit), api::audit::signed).in_rooms(),
        get("/api/v1/stats", May(Dashboard), api::figures::show),
        get("/api/v1/users", May(Users), api::users::list),
        get("/api/v1/users/{id}", May(Users), api::users::item),
        get("/api/v1/users/{id}/sessions", May(Users), api::users::sessions),
        delete("/api/v1/users/{id}/sessions", May(Users), api::users::sign_out),
        get("/api/v1/tenants", May(Permission::Tenants), api::tenants::list),
        get("/api/v1/tenants/{key}", May(Permission::Tenants), api::tenants::item),
        put("/api/v1/tenants/{key}", May(Permission::Tenants), api::tenants::put).in_rooms(),
        delete("/api/v1/tenants/{key}", May(Permission::Tenants), api::tenants::remove).in_rooms(),
        get("/api/v1/webhooks", May(Webhooks), api::webhooks::list),
        get("/api/v1/webhooks/{name}/deliveries", May(Webhooks), api::webhooks::deliveries),
        post("/api/v1/webhooks/{name}/deliveries/{id}/redeliver", May(Webhooks), api::webhooks::redeliver),
    ];
    doors.extend(people::doors(Dashboard));
    doors.extend(assets::doors());
    doors.extend(health::doors());
    doors
}

/// All routes of the console's listener.
///
/// # Errors
/// [`NoPasswords`] when the hashing of passwords cannot be prepared.
pub fn admin(state: AdminState) -> Result<Router, NoPasswords> {
    let dressing = Dressing { site: Arc::clone(&state.site), area: Area::Console, accounts: true };
    let hosts = Hosts::of(&state.site.admin_url);
    let (store, site, metrics) = (state.store.clone(), state.site.clone(), state.metrics.clone());
    let (lockout, sources, tenants) = (state.lockout.clone(), state.sources.clone(), state.tenants.clone());
    let shared = Shared { lockout, sources, tenants };
    let people = People::new(store, site, Area::Console, PortalAccess::Accounts, metrics, shared)?;
    let console = Console {
        state,
        people: people.clone(),
        chain: Arc::default(),
        examination: Arc::default(),
        trial: Arc::default(),
        untold: Untold::default(),
    };
    Ok(doors::router(doors(), &people, FORM_BYTES, LONGEST)
        .with_state(console)
        .fallback(async || Fault::NotFound)
        .layer(middleware::from_fn_with_state(hosts, hygiene::guard))
        .layer(middleware::from_fn_with_state(dressing, fault::dress))
        .layer(middleware::from_fn(language::choose))
        .layer(middleware::from_fn_with_state(hygiene::ADMIN_POLICY, hygiene::headers)))
}

impl Console {
    /// The organisations that are served; to whoever does not run the gateway there is no such page.
    pub(crate) fn tenants(&self) -> Result<Register, Fault> {
        self.state.tenants.clone().map(Register::new).ok_or(Fault::NotFound)
    }
}

/// The counts of everybody whom the gateway serves, on the console of whoever runs it; elsewhere of the one organisation.
async fn all_counts(console: &Console) -> Result<Counts, store::Error> {
    let own = console.state.store.counts().await?;
    let Some(tenants) = &console.state.tenants else { return Ok(own) };
    let states = tenants.states().await.unwrap_or_default();
    let others = states.iter().filter(|state| state.key.is_some()).filter_map(|state| state.counts.as_ref());
    Ok(others.fold(own, Counts::and))
}

/// The figures of the gateway as a whole: on the console of whoever runs it, and on no tenant's.
async fn metrics(State(console): State<Console>) -> Result<Response, Fault> {
    if console.state.tenants.is_none() {
        return Err(Fault::NotFound);
    }
    let counts = all_counts(&console).await;
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
