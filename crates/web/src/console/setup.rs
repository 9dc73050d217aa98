//! The first administrator: a link that is printed at the first start and works once.

use std::time::Duration;

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use serde::Deserialize;
use store::{NewUser, Role, Store};

use crate::{
    Site,
    fault::Fault,
    page::{Page, notice, render},
    people::{
        People,
        account::unfit,
        sign_in::{bound, check_form, valid_name},
    },
    secret::{NoRandomness, Secret},
    texts::{Texts, texts},
};

/// Why no set-up link was made.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The store could not be asked or written.
    #[error("preparing the set-up link")]
    Store(#[from] store::Error),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// The address under which the first administrator is created; `None` when there is an account already.
///
/// Only the hash of its token is stored. Every call makes a new link and voids the one before.
///
/// # Errors
/// [`InviteError`]: the store fails, or there is no randomness.
pub async fn invite(store: &Store, site: &Site) -> Result<Option<String>, InviteError> {
    if store.user_count().await? > 0 {
        return Ok(None);
    }
    let secret = Secret::random()?;
    store.create_setup_token(secret.hash(), store.now().plus(VALID)).await?;
    Ok(Some(format!("{}/setup/{}", site.admin_url.trim_end_matches('/'), secret.expose())))
}

/// The filled-in form.
#[derive(Deserialize)]
pub(crate) struct Filled {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

/// `GET /setup/{token}`: shows the form and uses nothing up, because mail scanners and previews follow links.
pub(crate) async fn form(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    match good(&people, &token).await? {
        Some(link) => show(&people, language, &headers, &link, StatusCode::OK, None, String::new()),
        None => Ok(gone(&people, language)),
    }
}

/// `POST /setup/{token}`
pub(crate) async fn submit(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    check_form(&people, &headers, &filled.form_token)?;
    let Some(link) = good(&people, &token).await? else { return Ok(gone(&people, language)) };
    let name = filled.name.trim().to_owned();
    if let Some(problem) = problem(&name, &filled, texts(language)) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&people, language, &headers, &link, status, Some(problem), name);
    }
    let password_hash = people.passwords.hash(filled.password).await.map_err(|error| {
        tracing::error!(event = "web_password_hash_failed", error = &error as &dyn std::error::Error);
        Fault::Internal
    })?;
    let user = NewUser { name, password_hash, role: Role::TenantAdmin };
    // One transaction: of two who press the button at once, one finds the token used.
    match people.store.use_setup_token(&link.hash(), user).await {
        Ok(_) => Ok(Redirect::to("/sign-in?from=setup").into_response()),
        Err(store::Error::NotFound(_)) => Ok(gone(&people, language)),
        Err(error) => Err(error.into()),
    }
}

async fn good(people: &People, token: &str) -> Result<Option<Secret>, Fault> {
    let Some(secret) = Secret::parse(token) else { return Ok(None) };
    let valid = people.store.setup_token_valid(&secret.hash()).await?;
    Ok(valid.then_some(secret))
}

fn problem(name: &str, filled: &Filled, t: &Texts) -> Option<&'static str> {
    if !valid_name(name) {
        return Some(t.user_name_bad);
    }
    if filled.password != filled.again {
        return Some(t.password_differs);
    }
    unfit(&filled.password, name, t)
}

fn show(
    people: &People,
    language: Language,
    headers: &HeaderMap,
    link: &Secret,
    status: StatusCode,
    problem: Option<&'static str>,
    name: String,
) -> Result<Response, Fault> {
    let (secret, set) = bound(people, headers)?;
    let page = Page::new(language, people.site.clone(), people.area, texts(language).setup_title);
    let action = format!("/setup/{}", link.expose());
    let mut response = render(status, &SetupPage { page, problem, action, form_token: secret.form_token(), name });
    if let Some(value) = set {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn gone(people: &People, language: Language) -> Response {
    let t = texts(language);
    let page = Page::new(language, people.site.clone(), people.area, t.setup_gone_title);
    notice(StatusCode::NOT_FOUND, page, t.setup_gone.to_owned(), None)
}

#[derive(Debug, Template)]
#[template(path = "setup.html")]
struct SetupPage {
    page: Page,
    problem: Option<&'static str>,
    action: String,
    form_token: String,
    name: String,
}

/// How long a set-up link works.
const VALID: Duration = Duration::from_secs(24 * 60 * 60);
