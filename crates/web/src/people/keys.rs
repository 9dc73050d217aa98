//! Keys of programs: made and ended by their owner, shown once.

use std::time::Duration;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{ApiKeyId, ApiKeyRow, NewApiKey, Role, Scope};

use super::{People, Visitor};
use crate::{
    fault::Fault,
    moment,
    page::{Page, render},
    role::{self, Permission},
    secret::Secret,
    texts::Texts,
};

/// The form of a new key.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    days: u32,
    files: Option<String>,
    quarantine: Option<String>,
    unlock: Option<String>,
    tracking: Option<String>,
    figures: Option<String>,
    audit: Option<String>,
    users: Option<String>,
    webhooks: Option<String>,
    requests: Option<String>,
    history: Option<String>,
}

/// The form that ends a key.
#[derive(Debug, Deserialize)]
pub(crate) struct Ending {
    #[serde(default)]
    form_token: String,
    key: i64,
}

/// What a scope allows.
pub(super) fn permissions(scope: Scope) -> &'static [Permission] {
    match scope {
        Scope::Files => &[Permission::Upload],
        Scope::Quarantine => &[Permission::Quarantine],
        Scope::Unlock => &[Permission::Unlock],
        Scope::Tracking => &[Permission::Tracking],
        Scope::Figures => &[Permission::Dashboard],
        Scope::Audit => &[Permission::Audit],
        Scope::Users => &[Permission::Users],
        Scope::Webhooks => &[Permission::Webhooks],
        // One's own on the portal, all on the console. Deciding is for a person who is signed in.
        Scope::Requests => &[Permission::Requests, Permission::Approvals],
        Scope::History => &[Permission::History],
    }
}

/// Whether a role has anything of a scope.
fn is_for(scope: Scope, role: Role) -> bool {
    permissions(scope).iter().any(|permission| role::allows(role, *permission))
}

/// The key in the `Authorization` header (RFC 6750 2.1), when there is such a header: `Some(None)` is none of ours.
pub(super) fn given(headers: &HeaderMap) -> Option<Option<Secret>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let text = value.to_str().ok().and_then(|text| text.split_once(' '));
    let key = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    Some(key.and_then(|key| key.strip_prefix(PREFIX)).and_then(Secret::parse))
}

/// `GET /account/keys`
pub(crate) async fn page(State(people): State<People>, visitor: Visitor) -> Result<Response, Fault> {
    show(&people, &visitor, StatusCode::OK, None, "").await
}

/// `POST /account/keys`: the key is on this answer and nowhere again.
pub(crate) async fn create(
    State(people): State<People>,
    visitor: Visitor,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Fault> {
    visitor.proved(&wanted.form_token)?;
    let t = visitor.texts();
    let name: String = wanted.name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS).collect();
    let ticked = [
        (Scope::Files, wanted.files.is_some()),
        (Scope::Quarantine, wanted.quarantine.is_some()),
        (Scope::Unlock, wanted.unlock.is_some()),
        (Scope::Tracking, wanted.tracking.is_some()),
        (Scope::Figures, wanted.figures.is_some()),
        (Scope::Audit, wanted.audit.is_some()),
        (Scope::Users, wanted.users.is_some()),
        (Scope::Webhooks, wanted.webhooks.is_some()),
        (Scope::Requests, wanted.requests.is_some()),
        (Scope::History, wanted.history.is_some()),
    ];
    let scopes: Vec<Scope> = ticked
        .into_iter()
        .filter(|(scope, ticked)| *ticked && is_for(*scope, visitor.user.role))
        .map(|(scope, _)| scope)
        .collect();
    if name.is_empty() || scopes.is_empty() || !DAYS.contains(&wanted.days) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&people, &visitor, status, Some(t.keys_incomplete), &name).await;
    }
    let secret = Secret::random()?;
    let life = Duration::from_secs(86_400).saturating_mul(wanted.days);
    let expires = people.store.now().plus(life);
    let key = NewApiKey {
        hash: secret.hash(),
        user: visitor.user.id,
        name: name.clone(),
        scopes,
        expires,
        session: visitor.secret()?.hash(),
    };
    match people.store.create_api_key(key, &visitor.user.name).await {
        Ok(_) => {}
        Err(store::Error::Exists(_)) => {
            return show(&people, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(t.keys_too_many), &name).await;
        }
        Err(store::Error::NotFound(_)) => return Err(Fault::Unauthorised),
        Err(error) => return Err(error.into()),
    }
    let page = visitor.own_page(&people, t.keys_made_title);
    Ok(render(StatusCode::OK, &MadePage { page, name, key: format!("{PREFIX}{}", secret.expose()) }))
}

/// `POST /account/keys/end`
pub(crate) async fn end(
    State(people): State<People>,
    visitor: Visitor,
    Form(ending): Form<Ending>,
) -> Result<Response, Fault> {
    visitor.proved(&ending.form_token)?;
    people.store.revoke_api_key(visitor.user.id, ApiKeyId(ending.key), &visitor.user.name).await?;
    Ok(Redirect::to("/account/keys").into_response())
}

async fn show(
    people: &People,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<&'static str>,
    name: &str,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let offset = people.site.offset_minutes;
    let keys = people.store.api_keys_of(visitor.user.id).await?;
    let template = KeysPage {
        page: visitor.own_page(people, t.keys_title),
        problem,
        name: name.to_owned(),
        scopes: Scope::ALL
            .into_iter()
            .filter(|scope| is_for(*scope, visitor.user.role))
            .map(|scope| (tag(scope), word(scope, t)))
            .collect(),
        days: DAYS,
        keys: keys.iter().map(|key| KeyLine::of(key, offset, t)).collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(status, &template))
}

fn tag(scope: Scope) -> &'static str {
    match scope {
        Scope::Files => "files",
        Scope::Quarantine => "quarantine",
        Scope::Unlock => "unlock",
        Scope::Tracking => "tracking",
        Scope::Figures => "figures",
        Scope::Audit => "audit",
        Scope::Users => "users",
        Scope::Webhooks => "webhooks",
        Scope::Requests => "requests",
        Scope::History => "history",
    }
}

fn word(scope: Scope, t: &Texts) -> &'static str {
    match scope {
        Scope::Files => t.scope_files,
        Scope::Quarantine => t.scope_quarantine,
        Scope::Unlock => t.scope_unlock,
        Scope::Tracking => t.scope_tracking,
        Scope::Figures => t.scope_figures,
        Scope::Audit => t.scope_audit,
        Scope::Users => t.scope_users,
        Scope::Webhooks => t.scope_webhooks,
        Scope::Requests => t.scope_requests,
        Scope::History => t.scope_history,
    }
}

/// A key in a list.
#[derive(Debug)]
pub(crate) struct KeyLine {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) scopes: String,
    pub(crate) created: String,
    pub(crate) expires: String,
    pub(crate) used: String,
}

impl KeyLine {
    pub(crate) fn of(key: &ApiKeyRow, offset: i32, t: &Texts) -> Self {
        Self {
            id: key.id.0,
            name: crate::shown::visible(&key.name),
            scopes: key.scopes.iter().map(|scope| word(*scope, t)).collect::<Vec<_>>().join(" / "),
            created: moment::local(key.created, offset),
            expires: moment::local(key.expires, offset),
            used: key.last_used.map(|used| moment::local(used, offset)).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "keys.html")]
struct KeysPage {
    page: Page,
    problem: Option<&'static str>,
    name: String,
    scopes: Vec<(&'static str, &'static str)>,
    days: [u32; 3],
    keys: Vec<KeyLine>,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "key_made.html")]
struct MadePage {
    page: Page,
    name: String,
    key: String,
}

/// What every key begins with, so that one that got into a wrong place is recognised.
const PREFIX: &str = "misogi_";
/// How long a key may be good for.
const DAYS: [u32; 3] = [30, 90, 365];
/// Longest name of a key.
const NAME_CHARACTERS: usize = 60;
