//! The doors of both listeners: the only way to make a route, and none is made without saying what it needs.
//!
//! The table of routes is what the routers are built from, so that it cannot be out of date: [`routes`] lists it.

use std::{collections::HashSet, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::StatusCode,
    middleware,
    routing::{self, MethodRouter},
};
use tower_http::timeout::TimeoutLayer;

use crate::{
    people::{Gate, Need, People, Reload, gate},
    role::{self, Permission},
};

/// One method of one path, what it needs, and what it does.
#[derive(Debug)]
pub(crate) struct Door<S> {
    method: &'static str,
    path: &'static str,
    need: Need,
    bound: Bound,
    accounts: bool,
    handler: MethodRouter<S>,
}

/// What bounds a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// The listener's longest body of a form and its longest time.
    Form,
    /// The longest body of a form; the time is that of the rooms it waits for, or that of its handler.
    Rooms,
    /// Its own handler: it moves files.
    Own,
}

/// `GET` (and `HEAD`).
pub(crate) fn get<S, H, T>(path: &'static str, need: Need, handler: H) -> Door<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Door::new("GET", path, need, routing::get(handler))
}

/// `POST`.
pub(crate) fn post<S, H, T>(path: &'static str, need: Need, handler: H) -> Door<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Door::new("POST", path, need, routing::post(handler))
}

/// `PUT`.
pub(crate) fn put<S, H, T>(path: &'static str, need: Need, handler: H) -> Door<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Door::new("PUT", path, need, routing::put(handler))
}

/// `PATCH`.
pub(crate) fn patch<S, H, T>(path: &'static str, need: Need, handler: H) -> Door<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Door::new("PATCH", path, need, routing::patch(handler))
}

/// `DELETE`.
pub(crate) fn delete<S, H, T>(path: &'static str, need: Need, handler: H) -> Door<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Door::new("DELETE", path, need, routing::delete(handler))
}

impl<S: Clone + Send + Sync + 'static> Door<S> {
    pub(crate) fn new(method: &'static str, path: &'static str, need: Need, handler: MethodRouter<S>) -> Self {
        Self { method, path, need, bound: Bound::Form, accounts: false, handler }
    }

    /// Bounded by what a room may take.
    pub(crate) fn in_rooms(mut self) -> Self {
        self.bound = Bound::Rooms;
        self
    }

    /// Bounded by its handler.
    pub(crate) fn by_itself(mut self) -> Self {
        self.bound = Bound::Own;
        self
    }

    /// There only where there are accounts.
    pub(crate) fn of_accounts(mut self) -> Self {
        self.accounts = true;
        self
    }
}

/// The router of one listener's doors. A form's body may have `form_bytes`, and its request take `longest`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(
    doors: Vec<Door<S>>,
    people: &People,
    form_bytes: usize,
    longest: Duration,
) -> Router<S> {
    let (mut forms, mut rooms, mut own) = (Router::new(), Router::new(), Router::new());
    let pages: HashSet<&'static str> = doors.iter().filter(|door| door.method == "GET").map(|door| door.path).collect();
    for door in doors.into_iter().filter(|door| people.has_accounts() || !door.accounts) {
        let reload = if pages.contains(door.path) { Reload::Here } else { Reload::Front };
        let gate_of = Gate { people: people.clone(), need: door.need, reload };
        let handler = door.handler.route_layer(middleware::from_fn_with_state(gate_of, gate));
        match door.bound {
            Bound::Form => forms = forms.route(door.path, handler),
            Bound::Rooms => rooms = rooms.route(door.path, handler),
            Bound::Own => own = own.route(door.path, handler),
        }
    }
    let forms = forms
        .layer(DefaultBodyLimit::max(form_bytes))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, longest));
    let rooms = rooms.layer(DefaultBodyLimit::max(form_bytes));
    let own = own.layer(DefaultBodyLimit::disable());
    forms.merge(rooms).merge(own)
}

/// Which listener a route is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listener {
    /// The staff portal's.
    Portal,
    /// The admin console's.
    Admin,
}

/// A route and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The listener.
    pub listener: Listener,
    /// `GET` or another method.
    pub method: &'static str,
    /// The path with its `{…}` parameters.
    pub path: &'static str,
    need: Need,
}

impl Route {
    /// Whether a role may use it after a finished sign-in with nothing left to do; `None` is nobody. On the portal this is said of
    /// [`PortalAccess::Accounts`](crate::PortalAccess::Accounts).
    pub fn open_to(&self, role: Option<store::Role>) -> bool {
        match (self.need, role) {
            (Need::Anyone, _) => true,
            (_, None) => false,
            (Need::Begun | Need::Own, Some(role)) => role::allows(role, self.entrance()),
            (Need::May(permission), Some(role)) => {
                role::allows(role, self.entrance()) && role::allows(role, permission)
            }
        }
    }

    fn entrance(&self) -> Permission {
        match self.listener {
            Listener::Portal => Permission::Upload,
            Listener::Admin => Permission::Dashboard,
        }
    }
}

/// Every route of both listeners.
pub fn routes() -> Vec<Route> {
    let portal = crate::portal::doors();
    let admin = crate::console::doors();
    let of = |listener, method, path, need| Route { listener, method, path, need };
    let portal = portal.iter().map(|door| of(Listener::Portal, door.method, door.path, door.need));
    portal.chain(admin.iter().map(|door| of(Listener::Admin, door.method, door.path, door.need))).collect()
}
