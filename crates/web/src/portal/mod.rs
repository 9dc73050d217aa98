//! The staff portal: files in, safe files out. A result is found by its unguessable address, and, where there are accounts, by who
//! uploaded it only.

mod archive;
mod help;
mod live;
mod locked;
mod mine;
mod output;
mod pages;
mod receive;
mod result;
mod resume;
mod upload;

#[cfg(test)]
pub(crate) use help::formats;
pub(crate) use locked::try_on;
pub(crate) use receive::{
    Before, Desk, Proof, Received, Refusal, RefusedFile, Sender, Wanted, client, digest, harmless, receive,
    receive_all, receive_one,
};
pub(crate) use result::{body, download, find, find_states};

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::FromRef, middleware};
use engine::catalogue::Language;
use store::{BatchRow, RetryPolicy, Store};
use tokio::sync::{Mutex, Semaphore};

use crate::{
    Conversions, Lockout, Metrics, NoPasswords, Previews, Readiness, Sending, Site, Unlocker, UploadLimits,
    api::{self, repeat::UnderWay},
    assets,
    clients::Clients,
    doors::{self, Door, delete, get, patch, post},
    fault::{self, Dressing, Fault},
    health::{self, Health},
    hygiene::{self, Hosts},
    language,
    page::{Area, NavItem, Page},
    people::{self, Here, Need, People, PortalAccess, Shared, Sources, Visitor},
    requests::{RequestSettings, ask, decide, look},
    role::Permission,
    untold::Untold,
};

/// What the portal works with.
#[derive(Debug, Clone)]
pub struct PortalState {
    /// Where uploads go and results come from.
    pub store: Store,
    /// What the pages say of the installation.
    pub site: Arc<Site>,
    /// Who may use it.
    pub access: PortalAccess,
    /// How much an upload may bring.
    pub limits: UploadLimits,
    /// How long the address of a result works.
    pub keep: Duration,
    /// What staff may have their files become instead of what the policy says; [`RetryPolicy::Same`] is always among the choices.
    pub outputs: Vec<RetryPolicy>,
    /// Counters.
    pub metrics: Metrics,
    /// Conditions for `/readyz`.
    pub readiness: Readiness,
    /// Draws pages of results.
    pub previews: Previews,
    /// How far the conversions under way are.
    pub conversions: Conversions,
    /// Tries passwords that are typed here.
    pub unlocker: Arc<dyn Unlocker>,
    /// Failed sign-ins, counted over both sites.
    pub lockout: Lockout,
    /// Who sends something that takes longer is told by mail when it is done, if they have an address; `None`: nobody is.
    pub done_notice: Option<Duration>,
    /// Batches that may get more files.
    pub sending: Sending,
    /// How requests for originals are dealt with.
    pub requests: RequestSettings,
    /// Who vouches for users beside the gateway.
    pub sources: Sources,
}

/// State of the handlers.
#[derive(Debug, Clone)]
pub(crate) struct Portal {
    pub(crate) state: PortalState,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) clients: Clients,
    /// Pieces of files that are being read.
    pub(crate) patches: Clients,
    /// Pages that are told of progress.
    pub(crate) watchers: Clients,
    pub(crate) under_way: UnderWay,
    pub(crate) people: People,
    pub(crate) streams: Arc<Semaphore>,
    /// What came of passwords.
    pub(crate) untold: Untold,
    pub(crate) pieces: resume::Uploads,
    /// Passwords that are being tried.
    pub(crate) tries: Arc<Semaphore>,
    /// The one file that is being sent once more.
    pub(crate) again: Arc<Mutex<()>>,
}

impl Portal {
    /// The frame of a page, with the navigation of whoever is signed in.
    pub(crate) fn page(&self, visitor: Option<&Visitor>, language: Language, title: &str) -> Page {
        self.page_at(visitor, language, title, Here::Behind(Permission::Upload))
    }

    /// The same for a page that stands elsewhere in the navigation.
    pub(crate) fn page_at(&self, visitor: Option<&Visitor>, language: Language, title: &str, here: Here) -> Page {
        if let Some(visitor) = visitor {
            return visitor.page(&self.people, title, here);
        }
        let mut page = Page::new(language, self.state.site.clone(), Area::Portal, title);
        let sending =
            NavItem { href: "/", text: page.t.upload_title, current: here == Here::Behind(Permission::Upload) };
        page.nav = vec![sending, NavItem::help(page.t, here)];
        page
    }

    /// Whether a batch is the visitor's: without accounts its address is the proof, with them it is who uploaded it.
    pub(crate) fn owns(&self, visitor: Option<&Visitor>, batch: &BatchRow) -> bool {
        let theirs = visitor.is_some_and(|visitor| batch.owner == Some(visitor.user.id));
        self.people.access == PortalAccess::Anybody || theirs
    }
}

impl FromRef<Portal> for People {
    fn from_ref(portal: &Portal) -> Self {
        portal.people.clone()
    }
}

impl FromRef<Portal> for Health {
    fn from_ref(portal: &Portal) -> Self {
        Health { store: portal.state.store.clone(), readiness: portal.state.readiness.clone() }
    }
}

/// Every door of the portal's listener.
pub(crate) fn doors() -> Vec<Door<Portal>> {
    use Need::{Anyone, May};
    use Permission::{Decide, History, Requests, Upload};
    let mut doors = vec![
        get("/", May(Upload), upload::form),
        post("/upload", May(Upload), upload::submit).by_itself(),
        post("/uploads", May(Upload), resume::announce),
        get("/uploads/{group}/{number}", May(Upload), resume::standing),
        patch("/uploads/{group}/{number}", May(Upload), resume::piece).by_itself(),
        delete("/uploads/{group}/{number}", May(Upload), resume::give_up),
        get("/b/{token}", May(Upload), result::page),
        get("/b/{token}/status", May(Upload), result::status),
        get("/b/{token}/events", May(Upload), live::events).by_itself(),
        get("/b/{token}/all", May(Upload), archive::all).by_itself(),
        post("/b/{token}/files/{number}/cancel", May(Upload), result::cancel),
        get("/b/{token}/files/{number}/password", May(Upload), locked::back),
        post("/b/{token}/files/{number}/password", May(Upload), locked::submit).in_rooms(),
        post("/b/{token}/files/{number}/again", May(Upload), output::again).in_rooms(),
        get("/help", May(Upload), help::help),
        get("/history", May(History), mine::history).of_accounts(),
        get("/r/{receipt}", May(History), mine::receipt).of_accounts(),
        get("/p/{receipt}", May(History), mine::locked).of_accounts(),
        post("/p/{receipt}", May(History), mine::unlock).of_accounts().in_rooms(),
        // No door here leads to an original: see `requests::fetch`.
        get("/requests", May(Requests), ask::list).of_accounts(),
        post("/requests", May(Requests), ask::submit).of_accounts(),
        get("/requests/new", May(Requests), ask::form).of_accounts(),
        get("/requests/{id}", May(Requests), ask::detail).of_accounts(),
        get("/approvals", May(Decide), decide::list).of_accounts(),
        get("/approvals/{id}", May(Decide), decide::detail).of_accounts(),
        post("/approvals/{id}", May(Decide), decide::submit).of_accounts(),
        get("/approvals/{id}/pages/{page}", May(Decide), look::page).in_rooms().of_accounts(),
        get("/approvals/{id}/pages/{page}/original", May(Decide), look::picture).in_rooms().of_accounts(),
        get("/b/{token}/files/{number}", May(Upload), result::file).by_itself(),
        get("/b/{token}/files/{number}/pages/{page}", May(Upload), pages::page).in_rooms(),
        get("/b/{token}/files/{number}/pages/{page}/image", May(Upload), pages::image).in_rooms(),
        get("/api/v1/openapi.json", Anyone, api::openapi),
        get("/api/v1/docs", Anyone, api::docs::show),
        post("/api/v1/files", May(Upload), api::files::post).by_itself(),
        get("/api/v1/files/{id}", May(Upload), api::files::state).in_rooms(),
        post("/api/v1/files/{id}/password", May(Upload), api::files::password).in_rooms(),
        get("/api/v1/files/{id}/report", May(Upload), api::files::report),
        get("/api/v1/files/{id}/result", May(Upload), api::files::result).by_itself(),
        get("/api/v1/history", May(History), api::history::list).of_accounts(),
        get("/api/v1/requests", May(Requests), api::requests::list).of_accounts(),
        post("/api/v1/requests", May(Requests), api::requests::post).of_accounts(),
        get("/api/v1/requests/{id}", May(Requests), api::requests::item).of_accounts(),
        post("/api/v1/batches", May(Upload), api::batches::post).by_itself(),
        get("/api/v1/batches/{id}", May(Upload), api::batches::state).in_rooms(),
        post("/api/v1/batches/{id}/files/{number}/password", May(Upload), api::batches::password).in_rooms(),
        get("/api/v1/batches/{id}/files/{number}/report", May(Upload), api::batches::report),
        get("/api/v1/batches/{id}/files/{number}/result", May(Upload), api::batches::result).by_itself(),
    ];
    doors.extend(people::doors(Upload));
    doors.extend(assets::doors());
    doors.extend(health::doors());
    doors
}

/// All routes of the portal's listener.
///
/// # Errors
/// As [`admin`](crate::admin).
pub fn portal(mut state: PortalState) -> Result<Router, NoPasswords> {
    // One file of the largest size must always fit.
    state.limits.total_bytes = state.limits.total_bytes.max(state.limits.file_bytes);
    let (store, site, metrics) = (state.store.clone(), state.site.clone(), state.metrics.clone());
    let shared = Shared { lockout: state.lockout.clone(), sources: state.sources.clone(), tenants: None };
    let people = People::new(store, site, Area::Portal, state.access, metrics, shared)?;
    let dressing = Dressing { site: Arc::clone(&state.site), area: Area::Portal, accounts: people.has_accounts() };
    let hosts = Hosts::of(&state.site.portal_url);
    let uploads = Arc::new(Semaphore::new(state.limits.at_once));
    let streams = Arc::new(Semaphore::new(live::STREAMS));
    let portal = Portal {
        uploads,
        clients: Clients::default(),
        patches: Clients::default(),
        watchers: Clients::default(),
        under_way: UnderWay::default(),
        people: people.clone(),
        streams,
        untold: Untold::default(),
        pieces: resume::Uploads::default(),
        tries: Arc::new(Semaphore::new(locked::TRIES)),
        again: Arc::default(),
        state,
    };
    Ok(doors::router(doors(), &people, FORM_BYTES, QUICK)
        .with_state(portal)
        .fallback(async || Fault::NotFound)
        .layer(middleware::from_fn_with_state(hosts, hygiene::guard))
        .layer(middleware::from_fn_with_state(dressing, fault::dress))
        .layer(middleware::from_fn(language::choose))
        .layer(middleware::from_fn_with_state(hygiene::PORTAL_POLICY, hygiene::headers)))
}

/// Longest body of a request that is no upload.
const FORM_BYTES: usize = 64 * 1024;
/// Longest time of a request that moves no file.
const QUICK: Duration = Duration::from_secs(30);
