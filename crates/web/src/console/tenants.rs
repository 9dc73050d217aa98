//! The organisations that the gateway serves, for whoever runs it: adding one, its name, domains and addresses, and how much waits for each.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{Counts, MailDomain, SiteAddress, TenantKey, TenantSettings};

use super::Console;
use crate::{
    TenantFault, TenantState,
    fault::Fault,
    page::{Page, render},
    people::Visitor,
    role::Permission,
    tenants,
    texts::{self, Texts},
};

/// The form of a tenant, new or not; `what` says what is to be done with one that is there.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    name: String,
    /// One on each line.
    #[serde(default)]
    domains: String,
    #[serde(default)]
    portal: String,
    #[serde(default)]
    admin: String,
}

/// `GET /tenants`
pub(crate) async fn list(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    show_list(&console, &visitor, StatusCode::OK, None, Filled::default()).await
}

/// `POST /tenants`
pub(crate) async fn create(
    State(console): State<Console>,
    visitor: Visitor,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    visitor.proved(&filled.form_token)?;
    let t = visitor.texts();
    let Some(key) = TenantKey::parse(filled.key.trim()) else {
        return show_list(&console, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(t.tenant_key_bad), filled).await;
    };
    let settings = match filled.settings(t) {
        Ok(settings) => settings,
        Err(problem) => {
            return show_list(&console, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(problem), filled).await;
        }
    };
    match console.tenants()?.add(&key, &settings, &visitor.user.name).await {
        Ok(link) => Ok(invited(&console, &visitor, &key, settings.name, link)),
        Err(fault) => {
            let (status, problem) = mendable(fault, t)?;
            show_list(&console, &visitor, status, Some(problem), filled).await
        }
    }
}

/// `GET /tenants/{key}`
pub(crate) async fn detail(
    State(console): State<Console>,
    visitor: Visitor,
    Path(key): Path<String>,
) -> Result<Response, Fault> {
    let (key, state) = found(&console, &key).await?;
    Ok(show(&console, &visitor, &key, StatusCode::OK, None, Filled::of(&state)))
}

/// `POST /tenants/{key}`
pub(crate) async fn submit(
    State(console): State<Console>,
    visitor: Visitor,
    Path(key): Path<String>,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    visitor.proved(&filled.form_token)?;
    let t = visitor.texts();
    let (key, state) = found(&console, &key).await?;
    let (tenants, actor) = (console.tenants()?, visitor.user.name.as_str());
    let done = match filled.what.as_str() {
        "change" => match filled.settings(t) {
            Ok(settings) => tenants.change(&key, &settings, actor).await,
            Err(problem) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(show(&console, &visitor, &key, status, Some(problem), filled));
            }
        },
        "remove" => tenants.remove(&key, actor).await,
        "invite" => {
            let link = tenants.invite(&key, actor).await?;
            return Ok(invited(&console, &visitor, &key, state.name, link));
        }
        _ => return Err(Fault::BadRequest),
    };
    let filled = if filled.what == "change" { filled } else { Filled::of(&state) };
    match done {
        Ok(()) => Ok(Redirect::to("/tenants").into_response()),
        Err(fault) => {
            let (status, problem) = mendable(fault, t)?;
            Ok(show(&console, &visitor, &key, status, Some(problem), filled))
        }
    }
}

/// What stands against it, where whoever filled in the form can do something about that.
fn mendable(fault: TenantFault, t: &'static Texts) -> Result<(StatusCode, &'static str), Fault> {
    let status = match fault {
        TenantFault::NotFound | TenantFault::Failed => return Err(fault.into()),
        TenantFault::Value => StatusCode::UNPROCESSABLE_ENTITY,
        TenantFault::KeyTaken
        | TenantFault::DomainTaken
        | TenantFault::AddressTaken
        | TenantFault::TooMany
        | TenantFault::NotVacant => StatusCode::CONFLICT,
    };
    Ok((status, tenants::words(fault, t)))
}

async fn found(console: &Console, key: &str) -> Result<(TenantKey, TenantState), Fault> {
    let key = TenantKey::parse(key).ok_or(Fault::NotFound)?;
    let states = console.tenants()?.states().await?;
    let state = states.into_iter().find(|state| state.key.as_ref() == Some(&key)).ok_or(Fault::NotFound)?;
    Ok((key, state))
}

async fn show_list(
    console: &Console,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<&'static str>,
    filled: Filled,
) -> Result<Response, Fault> {
    let tenants = rows(console, visitor).await?;
    let page = visitor.page(&console.people, visitor.texts().nav_tenants, Permission::Tenants);
    let template = ListPage { page, tenants, problem, filled, form_token: visitor.form_token() };
    Ok(render(status, &template))
}

/// Every organisation with what waits for it, for the list and for the dashboard.
pub(super) async fn rows(console: &Console, visitor: &Visitor) -> Result<Vec<Row>, Fault> {
    let states = console.tenants()?.states().await?;
    Ok(states.iter().map(|state| Row::of(state, console, visitor)).collect())
}

fn show(
    console: &Console,
    visitor: &Visitor,
    key: &TenantKey,
    status: StatusCode,
    problem: Option<&'static str>,
    filled: Filled,
) -> Response {
    let page = visitor.page(&console.people, visitor.texts().tenant_title, Permission::Tenants);
    let key = key.as_str().to_owned();
    render(status, &TenantPage { page, key, problem, filled, form_token: visitor.form_token() })
}

fn invited(console: &Console, visitor: &Visitor, key: &TenantKey, name: String, link: Option<String>) -> Response {
    let page = visitor.page(&console.people, visitor.texts().tenant_title, Permission::Tenants);
    render(StatusCode::OK, &InvitedPage { page, back: format!("/tenants/{}", key.as_str()), name, link })
}

impl Filled {
    fn of(state: &TenantState) -> Self {
        Self {
            name: state.name.clone(),
            domains: state.domains.join("\n"),
            portal: state.portal_url.clone(),
            admin: state.admin_url.clone(),
            ..Self::default()
        }
    }

    fn settings(&self, t: &Texts) -> Result<TenantSettings, &'static str> {
        let domains = self.domains.split_whitespace().map(MailDomain::parse).collect::<Option<Vec<_>>>();
        let address = |text: &str| SiteAddress::parse(text.trim()).ok_or(t.tenant_address_bad);
        Ok(TenantSettings {
            name: self.name.trim().to_owned(),
            domains: domains.ok_or(t.tenant_domain_bad)?,
            portal: address(&self.portal)?,
            admin: address(&self.admin)?,
        })
    }
}

/// An organisation in a list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) href: Option<String>,
    pub(super) name: String,
    pub(super) domains: String,
    pub(super) portal: String,
    /// Waiting, converting, the oldest, to be delivered.
    pub(super) figures: Option<[String; 4]>,
}

impl Row {
    fn of(state: &TenantState, console: &Console, visitor: &Visitor) -> Self {
        let t = visitor.texts();
        let now = console.state.store.now();
        let figures = |counts: &Counts| {
            let oldest = counts.oldest.map(|oldest| texts::span(visitor.language, now.since(oldest).as_secs()));
            [
                counts.queued.to_string(),
                counts.running.to_string(),
                oldest.unwrap_or_else(|| t.dashboard_oldest_none.to_owned()),
                counts.deliveries().to_string(),
            ]
        };
        Self {
            href: state.key.as_ref().map(|key| format!("/tenants/{}", key.as_str())),
            name: if state.name.is_empty() { t.tenants_own.to_owned() } else { state.name.clone() },
            domains: match &state.key {
                None => t.tenants_own_domains.to_owned(),
                Some(_) => state.domains.join(" "),
            },
            portal: state.portal_url.clone(),
            figures: state.counts.as_ref().map(figures),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "tenants.html")]
struct ListPage {
    page: Page,
    tenants: Vec<Row>,
    problem: Option<&'static str>,
    filled: Filled,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "tenant.html")]
struct TenantPage {
    page: Page,
    key: String,
    problem: Option<&'static str>,
    filled: Filled,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "tenant_invited.html")]
struct InvitedPage {
    page: Page,
    back: String,
    name: String,
    link: Option<String>,
}
