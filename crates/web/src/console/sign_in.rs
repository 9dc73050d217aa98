//! Signing in and out.

use std::{net::IpAddr, time::Duration};

use askama::Template;
use axum::{
    Extension, Form,
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use serde::Deserialize;
use store::{AuditEntry, NewSession, Site, UserId, UserState};

use super::{
    Console, Visitor,
    visitor::{FORM, SESSION, transport},
};
use crate::{
    cookie,
    fault::Fault,
    listen::Peer,
    metrics::SignIn,
    page::{Area, Page, render},
    password,
    role::{self, Permission},
    secret::Secret,
    texts::{self, texts},
};

/// What the address may say about how one came here.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Came {
    #[serde(default)]
    from: String,
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
}

/// The form of signing out.
#[derive(Debug, Deserialize)]
pub(crate) struct Leaving {
    #[serde(default)]
    form_token: String,
}

/// `GET /sign-in`
pub(crate) async fn form(
    State(console): State<Console>,
    Extension(language): Extension<Language>,
    Query(came): Query<Came>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let t = texts(language);
    let news = match came.from.as_str() {
        "setup" => Some(t.setup_done),
        "sign-out" => Some(t.signed_out),
        _ => None,
    };
    show(&console, language, &headers, StatusCode::OK, Shown { news, ..Shown::default() }).await
}

/// `POST /sign-in`
pub(crate) async fn submit(
    State(console): State<Console>,
    Extension(language): Extension<Language>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    let t = texts(language);
    check_form(&console, &headers, &filled.form_token)?;
    let name = filled.name.trim().to_lowercase();
    let peer = peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip());
    let metrics = &console.state.metrics;
    if let Some(left) = console.lockout.wait(&name, peer) {
        metrics.sign_in(SignIn::Delayed);
        return delayed(&console, language, &headers, name, left).await;
    }
    // Counted before the password is looked at, so that attempts made at the same time are all counted.
    console.lockout.failed(&name, peer);
    let store = &console.state.store;
    let user = if valid_name(&name) { store.user_by_name(&name).await? } else { None };
    let now = store.now();
    // The lock of the store outlives a restart.
    if let Some(until) = user.as_ref().and_then(|user| user.locked_until).filter(|until| *until > now) {
        metrics.sign_in(SignIn::Delayed);
        return delayed(&console, language, &headers, name, until.since(now)).await;
    }
    let known = user.as_ref().map(|user| user.id);
    let usable = user.filter(|user| user.state == UserState::Active && role::allows(user.role, Permission::Dashboard));
    let too_long = filled.password.len() > password::LONGEST;
    let given = if too_long { String::new() } else { filled.password };
    let hash = usable.as_ref().map(|user| user.password_hash.clone());
    let right = console.passwords.verify(given, hash).await.map_err(|error| {
        tracing::error!(event = "web_password_check_failed", error = &error as &dyn std::error::Error);
        Fault::Internal
    })?;
    let Some(user) = usable.filter(|_| right) else {
        metrics.sign_in(SignIn::Failure);
        note_failure(&console, known, &name, peer).await?;
        let shown = Shown { problem: Some(t.sign_in_wrong.to_owned()), name, ..Shown::default() };
        return show(&console, language, &headers, StatusCode::UNAUTHORIZED, shown).await;
    };
    console.lockout.succeeded(&name, peer);
    store.sign_in_succeeded(user.id).await?;
    metrics.sign_in(SignIn::Success);
    // A new secret at every sign-in: a cookie planted before it is worth nothing (session fixation).
    let secret = Secret::random()?;
    store
        .open_session(NewSession {
            token: secret.hash(),
            user: user.id,
            site: Site::Admin,
            idle: IDLE,
            absolute: ABSOLUTE,
        })
        .await?;
    let mut response = Redirect::to("/").into_response();
    let transport = transport(&console);
    for value in [transport.strict(SESSION, secret.expose()), transport.expired(FORM)].into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// `POST /sign-out`
pub(crate) async fn sign_out(
    State(console): State<Console>,
    visitor: Visitor,
    Form(leaving): Form<Leaving>,
) -> Result<Response, Fault> {
    if !visitor.secret.form_token_is(&leaving.form_token) {
        return Err(Fault::FormToken);
    }
    console.state.store.close_session(&visitor.secret.hash()).await?;
    let mut response = Redirect::to("/sign-in?from=sign-out").into_response();
    if let Some(value) = transport(&console).expired(SESSION) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

async fn note_failure(console: &Console, known: Option<UserId>, name: &str, peer: Option<IpAddr>) -> Result<(), Fault> {
    let store = &console.state.store;
    let Some(user) = known else {
        let mut detail = vec![("name", name.chars().take(64).collect())];
        detail.extend(peer.map(|peer| ("peer", peer.to_string())));
        let entry = AuditEntry { actor: "gateway".to_owned(), event: "sign_in_failed", message: None, detail };
        return Ok(store.audit_append(entry).await?);
    };
    let lock = console.lockout.wait(name, None).map(|left| store.now().plus(left));
    Ok(store.sign_in_failed(user, lock).await?)
}

/// The names an account may have.
pub(super) fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    (3..=64).contains(&name.len())
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

/// The form must carry the token that belongs to this browser's cookie.
pub(super) fn check_form(console: &Console, headers: &HeaderMap, given: &str) -> Result<(), Fault> {
    let secret = form_secret(console, headers).ok_or(Fault::FormToken)?;
    if secret.form_token_is(given) { Ok(()) } else { Err(Fault::FormToken) }
}

/// The browser's form secret, and the cookie to set when it has none yet.
pub(super) fn bound(console: &Console, headers: &HeaderMap) -> Result<(Secret, Option<HeaderValue>), Fault> {
    match form_secret(console, headers) {
        Some(secret) => Ok((secret, None)),
        None => {
            let secret = Secret::random()?;
            let value = transport(console).strict(FORM, secret.expose());
            Ok((secret, value))
        }
    }
}

fn form_secret(console: &Console, headers: &HeaderMap) -> Option<Secret> {
    cookie::value(headers, &transport(console).name(FORM)).and_then(Secret::parse)
}

#[derive(Debug, Default)]
struct Shown {
    problem: Option<String>,
    news: Option<&'static str>,
    name: String,
}

async fn show(
    console: &Console,
    language: Language,
    headers: &HeaderMap,
    status: StatusCode,
    shown: Shown,
) -> Result<Response, Fault> {
    let (secret, set) = bound(console, headers)?;
    let page = Page::new(language, console.state.site.clone(), Area::Console, texts(language).sign_in);
    let no_account = console.state.store.user_count().await? == 0;
    let Shown { problem, news, name } = shown;
    let template = SignInPage { page, problem, news, no_account, form_token: secret.form_token(), name };
    let mut response = render(status, &template);
    if let Some(value) = set {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

async fn delayed(
    console: &Console,
    language: Language,
    headers: &HeaderMap,
    name: String,
    left: Duration,
) -> Result<Response, Fault> {
    let seconds = left.as_secs().saturating_add(1);
    let problem = format!("{} {}", texts(language).sign_in_wait, texts::try_again_in(language, seconds));
    let shown = Shown { problem: Some(problem), name, ..Shown::default() };
    let mut response = show(console, language, headers, StatusCode::TOO_MANY_REQUESTS, shown).await?;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    Ok(response)
}

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    problem: Option<String>,
    news: Option<&'static str>,
    no_account: bool,
    form_token: String,
    name: String,
}

/// A session ends when unused for this long (NIST SP 800-63B 2.2.3: at most an hour), …
const IDLE: Duration = Duration::from_secs(30 * 60);
/// … and after a working day in any case.
const ABSOLUTE: Duration = Duration::from_secs(10 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_plain() {
        for good in ["abc", "kanri01", "a.b-c_d", &format!("a{}", "b".repeat(63))] {
            assert!(valid_name(good), "{good}");
        }
        for bad in ["", "ab", "1abc", "Abc", "a b", "管理者", "a<b", &"a".repeat(65)] {
            assert!(!valid_name(bad), "{bad}");
        }
    }
}
