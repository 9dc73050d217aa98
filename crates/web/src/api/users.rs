//! Accounts for programs: who there is, where they are signed in, and ending that.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use store::{Site, User, UserId, UserState};
use utoipa::ToSchema;

use super::refused::NotSignedIn;
use crate::{
    console::Console,
    fault::{Fault, Problem},
    moment,
    people::Visitor,
};

/// Every account, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accounts {
    items: Vec<Account>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Account {
    id: i64,
    name: String,
    /// `staff`, `approver`, `operator`, `auditor`, `tenant_admin` or `platform_admin`.
    role: &'static str,
    /// `active` or `disabled`.
    state: &'static str,
    /// Where their mail goes.
    address: Option<String>,
    second_factor: bool,
    /// RFC 3339.
    created: String,
    /// RFC 3339.
    last_sign_in: Option<String>,
}

/// Where somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    items: Vec<Session>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// `portal` or `console`.
    site: &'static str,
    /// RFC 3339.
    created: String,
    /// RFC 3339, to the minute.
    seen: String,
    /// The address it was opened from.
    peer: Option<String>,
}

/// Lists the accounts.
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "listUsers", tag = "users",
    responses(
        (status = 200, description = "All of them.", body = Accounts),
        NotSignedIn,
        (status = 403, description = "The role may not see accounts.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(console): State<Console>) -> Result<Json<Accounts>, Fault> {
    let users = console.state.store.users().await?;
    Ok(Json(Accounts { items: users.iter().map(Account::of).collect() }))
}

/// Shows an account.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", operation_id = "user", tag = "users", params(("id" = i64, Path, description = "Id of the account")),
    responses(
        (status = 200, description = "The account.", body = Account),
        (status = 400, description = "The id is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see accounts.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such account.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn item(State(console): State<Console>, Path(id): Path<i64>) -> Result<Json<Account>, Fault> {
    let user = console.state.store.user(UserId(id)).await?.ok_or(Fault::NotFound)?;
    Ok(Json(Account::of(&user)))
}

/// Lists where somebody is signed in.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/sessions", operation_id = "userSessions", tag = "users", params(("id" = i64, Path, description = "Id of the account")),
    responses(
        (status = 200, description = "Sessions that are good, newest first.", body = Sessions),
        (status = 400, description = "The id is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not see accounts.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such account.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn sessions(State(console): State<Console>, Path(id): Path<i64>) -> Result<Json<Sessions>, Fault> {
    let user = console.state.store.user(UserId(id)).await?.ok_or(Fault::NotFound)?;
    let sessions = console.state.store.sessions_of(user.id).await?;
    let items = sessions.into_iter().map(|row| Session {
        site: match row.site {
            Site::Portal => "portal",
            Site::Admin => "console",
        },
        created: moment::rfc3339(row.created),
        seen: moment::rfc3339(row.seen),
        peer: row.peer.map(|peer| peer.to_string()),
    });
    Ok(Json(Sessions { items: items.collect() }))
}

/// Signs somebody out everywhere.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}/sessions", operation_id = "signUserOut", tag = "users", params(("id" = i64, Path, description = "Id of the account")),
    responses(
        (status = 204, description = "No session of theirs is good any more."),
        (status = 400, description = "The id is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not end sessions.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such account.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn sign_out(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<StatusCode, Fault> {
    let user = console.state.store.user(UserId(id)).await?.ok_or(Fault::NotFound)?;
    console.state.store.close_sessions_of(user.id, &visitor.user.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Account {
    fn of(user: &User) -> Self {
        Self {
            id: user.id.0,
            name: user.name.clone(),
            role: user.role.tag(),
            state: match user.state {
                UserState::Active => "active",
                UserState::Disabled => "disabled",
            },
            address: user.address.clone(),
            second_factor: user.second_factor,
            created: moment::rfc3339(user.created),
            last_sign_in: user.last_sign_in.map(moment::rfc3339),
        }
    }
}
