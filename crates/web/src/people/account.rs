//! One's own account: password, second factor, sessions.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{SessionId, SessionRow, Source};

use super::{People, Visitor, sign_in};
use crate::{
    fault::Fault,
    moment,
    page::{Page, render},
    password::{self, Unfit},
    role,
    texts::Texts,
};

/// The form that ends a session.
#[derive(Deserialize)]
pub(crate) struct Ending {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    session: String,
}

/// The form of a new password.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    current: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

/// `GET /account`
pub(crate) async fn page(State(people): State<People>, visitor: Visitor) -> Result<Response, Fault> {
    let t = visitor.texts();
    let factor = people.store.second_factor(visitor.user.id).await?;
    let sessions = people.store.sessions_of(visitor.user.id).await?;
    let here = visitor.session_id()?;
    let offset = people.site.offset_minutes;
    let template = AccountPage {
        page: visitor.own_page(&people, t.account_title),
        name: visitor.user.name.clone(),
        role: role::name(visitor.user.role, t),
        local: visitor.user.source == Source::Local,
        source: source_name(visitor.user.source, t),
        address: visitor.user.address.clone().unwrap_or_default(),
        factor: factor.is_some(),
        codes_left: factor.map_or(0, |factor| factor.codes_left),
        sessions: sessions.into_iter().map(|row| SessionLine::of(row, &here, offset, t)).collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `POST /account/sessions`
pub(crate) async fn end_session(
    State(people): State<People>,
    visitor: Visitor,
    Form(ending): Form<Ending>,
) -> Result<Response, Fault> {
    visitor.proved(&ending.form_token)?;
    let id = SessionId::parse(&ending.session).ok_or(Fault::BadRequest)?;
    people.store.close_session_of(visitor.user.id, &id, &visitor.user.name).await?;
    Ok(Redirect::to("/account").into_response())
}

/// `GET /account/password`
pub(crate) async fn password_form(State(people): State<People>, visitor: Visitor) -> Response {
    if visitor.user.source != Source::Local {
        return Redirect::to("/account").into_response();
    }
    ask_password(&people, &visitor, StatusCode::OK, None)
}

/// `POST /account/password`. All sessions end, this one too, and all keys: whoever knew the old password is out.
pub(crate) async fn password_submit(
    State(people): State<People>,
    visitor: Visitor,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Fault> {
    visitor.proved(&chosen.form_token)?;
    let t = visitor.texts();
    let user = &visitor.user;
    if user.source != Source::Local {
        return Ok(Redirect::to("/account").into_response());
    }
    let counted = match people.lockout.begin(&user.name, None) {
        Ok(counted) => counted,
        Err(wait) => {
            let seconds = wait.left().as_secs().saturating_add(1);
            let problem = format!("{} {}", t.sign_in_wait, crate::texts::try_again_in(visitor.language, seconds));
            return Ok(ask_password(&people, &visitor, StatusCode::TOO_MANY_REQUESTS, Some(problem)));
        }
    };
    let given = Some(chosen.current.clone()).filter(|given| given.len() <= password::LONGEST).unwrap_or_default();
    let right = people.passwords.verify(given, Some(user.password_hash.clone())).await.map_err(hash_failed)?;
    let problem = if right { problem(&chosen, &user.name, t) } else { Some(t.password_current_wrong) };
    if let Some(problem) = problem {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(ask_password(&people, &visitor, status, Some(problem.to_owned())));
    }
    counted.succeeded();
    let hash = people.passwords.hash(chosen.password).await.map_err(hash_failed)?;
    match people.store.set_password_hash(user.id, &user.password_hash, hash).await {
        Ok(()) => {}
        // Somebody else set another one meanwhile, and ended this session.
        Err(store::Error::NotFound(_)) => return Err(Fault::Unauthorised),
        Err(error) => return Err(error.into()),
    }
    Ok(sign_in::left(&people, "/sign-in?from=password"))
}

fn hash_failed(error: password::Error) -> Fault {
    tracing::error!(event = "web_password_check_failed", error = &error as &dyn std::error::Error);
    Fault::Internal
}

fn problem(chosen: &Chosen, name: &str, t: &Texts) -> Option<&'static str> {
    if chosen.password != chosen.again {
        return Some(t.password_differs);
    }
    if chosen.password == chosen.current {
        return Some(t.password_same);
    }
    unfit(&chosen.password, name, t)
}

/// Where an account comes from, for people.
pub(crate) fn source_name(source: Source, t: &Texts) -> &'static str {
    match source {
        Source::Local => t.source_local,
        Source::Directory => t.source_directory,
        Source::Provider => t.source_provider,
    }
}

/// Why a password is not taken, for people.
pub(crate) fn unfit(password: &str, name: &str, t: &Texts) -> Option<&'static str> {
    match password::fit(password, name) {
        Ok(()) => None,
        Err(Unfit::Short) => Some(t.password_short),
        Err(Unfit::Long) => Some(t.password_long),
        Err(Unfit::Guessable) => Some(t.password_guessable),
    }
}

fn ask_password(people: &People, visitor: &Visitor, status: StatusCode, problem: Option<String>) -> Response {
    let template = PasswordPage {
        page: visitor.own_page(people, visitor.texts().password_title),
        problem,
        must: visitor.user.must_change,
        name: visitor.user.name.clone(),
        form_token: visitor.form_token(),
    };
    render(status, &template)
}

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct AccountPage {
    page: Page,
    name: String,
    role: &'static str,
    local: bool,
    source: &'static str,
    address: String,
    factor: bool,
    codes_left: u32,
    sessions: Vec<SessionLine>,
    form_token: String,
}

/// A session in a list.
#[derive(Debug)]
pub(crate) struct SessionLine {
    pub(crate) id: String,
    pub(crate) site: &'static str,
    pub(crate) created: String,
    pub(crate) seen: String,
    pub(crate) peer: String,
    pub(crate) here: bool,
}

impl SessionLine {
    /// `here` is the session that asks.
    pub(crate) fn of(row: SessionRow, here: &SessionId, offset: i32, t: &Texts) -> Self {
        Self {
            here: row.id == *here,
            id: row.id.as_str().to_owned(),
            site: match row.site {
                store::Site::Portal => t.portal,
                store::Site::Admin => t.console,
            },
            created: moment::local(row.created, offset),
            seen: moment::local(row.seen, offset),
            peer: row.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "password.html")]
struct PasswordPage {
    page: Page,
    problem: Option<String>,
    must: bool,
    name: String,
    form_token: String,
}
