//! Tenants for programs: which organisations the gateway serves, and how much waits for each.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use store::{Counts, MailDomain, SiteAddress, TenantKey, TenantSettings};
use utoipa::ToSchema;

use super::refused::NotSignedIn;
use crate::{
    TenantFault, TenantState,
    console::Console,
    fault::{Fault, Problem},
    moment,
    people::Visitor,
};

/// Every organisation, the gateway's own first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Served {
    items: Vec<Organisation>,
}

/// An organisation. Nothing of what it holds is said, but how much.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Organisation {
    /// Not there: the gateway's own.
    key: Option<String>,
    name: String,
    /// Domains whose mail is theirs; the gateway's own has what nobody claims.
    domains: Vec<String>,
    portal_url: String,
    admin_url: String,
    /// Messages that wait for conversion; not there while the store of the organisation does not answer, like all that follow.
    waiting: Option<u64>,
    /// Messages in conversion.
    running: Option<u64>,
    /// RFC 3339: since when the oldest of them is there.
    oldest: Option<String>,
    /// Recipients that are to be delivered to.
    to_deliver: Option<u64>,
}

/// What may be set of an organisation.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Settings {
    /// Shown in mails and on pages.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[serde(default)]
    domains: Vec<String>,
    /// `https://` and a host name, by which a request is known to be for this organisation.
    portal_url: String,
    /// The same for the console.
    admin_url: String,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Put {
    /// The link by which the first administrator is made, of an organisation that is new: it works once.
    invitation: Option<String>,
}

/// Lists the organisations.
#[utoipa::path(
    get, path = "/api/v1/tenants", operation_id = "listTenants", tag = "tenants",
    responses(
        (status = 200, description = "All of them.", body = Served),
        NotSignedIn,
        (status = 403, description = "The role may not see tenants, or it is a key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "It is not the console of whoever runs the gateway.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn list(State(console): State<Console>) -> Result<Json<Served>, Fault> {
    let states = console.tenants()?.states().await?;
    Ok(Json(Served { items: states.into_iter().map(Organisation::of).collect() }))
}

/// Shows an organisation.
#[utoipa::path(
    get, path = "/api/v1/tenants/{key}", operation_id = "tenant", tag = "tenants", params(("key" = String, Path, description = "Key of the tenant")),
    responses(
        (status = 200, description = "The organisation.", body = Organisation),
        NotSignedIn,
        (status = 403, description = "The role may not see tenants, or it is a key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such tenant.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn item(State(console): State<Console>, Path(key): Path<String>) -> Result<Json<Organisation>, Fault> {
    let key = TenantKey::parse(&key).ok_or(Fault::NotFound)?;
    let states = console.tenants()?.states().await?;
    let state = states.into_iter().find(|state| state.key.as_ref() == Some(&key)).ok_or(Fault::NotFound)?;
    Ok(Json(Organisation::of(state)))
}

/// Adds an organisation, or puts these settings in the place of those of one that is there. Doing it again changes nothing.
#[utoipa::path(
    put, path = "/api/v1/tenants/{key}", operation_id = "putTenant", tag = "tenants", params(("key" = String, Path, description = "1 to 32 lower-case letters, digits and hyphens, of which the first is a letter")),
    request_body = Settings,
    responses(
        (status = 200, description = "It was there, and has these settings.", body = Put),
        (status = 201, description = "It is served from now on.", body = Put),
        (status = 400, description = "The body is none.", body = Problem, content_type = "application/problem+json"),
        NotSignedIn,
        (status = 403, description = "The role may not change tenants, or it is a key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "It is not the console of whoever runs the gateway.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A domain or a name is another's, or no more are served.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A value is none of those that are taken.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn put(
    State(console): State<Console>,
    visitor: Visitor,
    Path(key): Path<String>,
    Json(settings): Json<Settings>,
) -> Result<(StatusCode, Json<Put>), Fault> {
    let tenants = console.tenants()?;
    let key = TenantKey::parse(&key).ok_or(Fault::Value)?;
    let settings = settings.read().ok_or(Fault::Value)?;
    let actor = visitor.user.name.as_str();
    match tenants.change(&key, &settings, actor).await {
        Ok(()) => Ok((StatusCode::OK, Json(Put { invitation: None }))),
        Err(TenantFault::NotFound) => {
            let invitation = tenants.add(&key, &settings, actor).await?;
            Ok((StatusCode::CREATED, Json(Put { invitation })))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Serves an organisation no more.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{key}", operation_id = "removeTenant", tag = "tenants", params(("key" = String, Path, description = "Key of the tenant")),
    responses(
        (status = 204, description = "It is served no more. Its audit stays on disk."),
        NotSignedIn,
        (status = 403, description = "The role may not change tenants, or it is a key.", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such tenant.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It still has mails, files or withheld originals.", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove(
    State(console): State<Console>,
    visitor: Visitor,
    Path(key): Path<String>,
) -> Result<StatusCode, Fault> {
    let tenants = console.tenants()?;
    let key = TenantKey::parse(&key).ok_or(Fault::NotFound)?;
    tenants.remove(&key, &visitor.user.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Settings {
    fn read(&self) -> Option<TenantSettings> {
        Some(TenantSettings {
            name: self.name.trim().to_owned(),
            domains: self.domains.iter().map(|domain| MailDomain::parse(domain)).collect::<Option<_>>()?,
            portal: SiteAddress::parse(&self.portal_url)?,
            admin: SiteAddress::parse(&self.admin_url)?,
        })
    }
}

impl Organisation {
    fn of(state: TenantState) -> Self {
        let TenantState { key, name, domains, portal_url, admin_url, counts } = state;
        Self {
            key: key.map(|key| key.as_str().to_owned()),
            name,
            domains,
            portal_url,
            admin_url,
            waiting: counts.as_ref().map(|counts| counts.queued),
            running: counts.as_ref().map(|counts| counts.running),
            oldest: counts.as_ref().and_then(|counts| counts.oldest).map(moment::rfc3339),
            to_deliver: counts.as_ref().map(Counts::deliveries),
        }
    }
}
