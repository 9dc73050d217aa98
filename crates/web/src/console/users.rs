//! Accounts: making them, changing what they may do, ending their sessions.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use store::{ApiKeyId, NewUser, Role, SessionId, Source, User, UserId, UserState};

use super::{Console, platform::Reach};
use crate::{
    fault::Fault,
    moment,
    page::{Mark, Page, render},
    people::{
        Visitor,
        account::{SessionLine, source_name},
        external,
        keys::KeyLine,
        readable,
        sign_in::valid_name,
    },
    role::{self, Permission},
    texts::Texts,
};

/// The form of a new account.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    address: String,
}

/// The form of a change: `what` says which.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    value: String,
}

/// `GET /users`
pub(crate) async fn list(State(console): State<Console>, visitor: Visitor) -> Result<Response, Fault> {
    show_list(&console, &visitor, StatusCode::OK, None, &Wanted::default()).await
}

/// `POST /users`: the password is shown on this answer and nowhere again.
pub(crate) async fn create(
    State(console): State<Console>,
    visitor: Visitor,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Fault> {
    visitor.proved(&wanted.form_token)?;
    let t = visitor.texts();
    let refuse = async |problem| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        show_list(&console, &visitor, status, Some(problem), &wanted).await
    };
    let name = wanted.name.trim().to_owned();
    if !valid_name(&name) {
        return refuse(t.user_name_bad).await;
    }
    let Some(role) = Role::tagged(&wanted.role) else { return Err(Fault::BadRequest) };
    if role == Role::PlatformAdmin {
        return refuse(t.user_platform).await;
    }
    let address = match address(&wanted.address) {
        Ok(address) => address,
        Err(NoAddress) => return refuse(t.user_address_bad).await,
    };
    let (password, password_hash) = password(&console).await?;
    let user = NewUser { name: name.clone(), password_hash, role };
    match console.state.store.invite_user(user, address, &visitor.user.name).await {
        Ok(id) => Ok(given(&console, &visitor, id, name, password)),
        Err(store::Error::Exists("address")) => refuse(t.user_address_taken).await,
        Err(store::Error::Exists(_)) => refuse(t.user_name_taken).await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /users/{id}`
pub(crate) async fn detail(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    show(&console, &visitor, UserId(id), StatusCode::OK, None).await
}

/// `POST /users/{id}`
pub(crate) async fn change(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<i64>,
    Form(change): Form<Change>,
) -> Result<Response, Fault> {
    visitor.proved(&change.form_token)?;
    let t = visitor.texts();
    let (store, actor, id) = (&console.state.store, visitor.user.name.as_str(), UserId(id));
    let user = store.user(id).await?.ok_or(Fault::NotFound)?;
    // Whoever decides whose mail is whose is made, let in and ended on the machine: an administrator of one organisation must not become one.
    let is_given = change.what == "role" && Role::tagged(&change.value) == Some(Role::PlatformAdmin);
    let reach = Reach::to(&user, console.state.tenants.as_ref());
    let is_within = match (change.what.as_str(), change.value.as_str()) {
        ("session" | "sessions" | "key", _) => true,
        ("state", "disabled") => reach.stops(),
        ("role", _) => reach.takes(),
        _ => reach == Reach::All,
    };
    if is_given || !is_within {
        return show(&console, &visitor, id, StatusCode::UNPROCESSABLE_ENTITY, Some(t.user_platform)).await;
    }
    // Nobody takes away their own rights by mistake. That an administrator is left is the store's to see: two may act at once.
    let own = id == visitor.user.id;
    match change.what.as_str() {
        "role" | "state" | "password" | "second_factor" if own => {
            return show(&console, &visitor, id, StatusCode::UNPROCESSABLE_ENTITY, Some(t.user_not_oneself)).await;
        }
        "role" | "password" if user.source != Source::Local => {
            return show(&console, &visitor, id, StatusCode::UNPROCESSABLE_ENTITY, Some(t.user_elsewhere)).await;
        }
        "role" => {
            let role = Role::tagged(&change.value).ok_or(Fault::BadRequest)?;
            if let Some(refused) = left(&console, &visitor, id, store.set_role(id, role, actor).await).await? {
                return Ok(refused);
            }
        }
        "state" => {
            let state = match change.value.as_str() {
                "active" => UserState::Active,
                "disabled" => UserState::Disabled,
                _ => return Err(Fault::BadRequest),
            };
            if let Some(refused) = left(&console, &visitor, id, store.set_user_state(id, state, actor).await).await? {
                return Ok(refused);
            }
        }
        "address" => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let Ok(address) = address(&change.value) else {
                return show(&console, &visitor, id, status, Some(t.user_address_bad)).await;
            };
            match store.set_address(id, address, actor).await {
                Err(store::Error::Exists(_)) => {
                    return show(&console, &visitor, id, status, Some(t.user_address_taken)).await;
                }
                done => done?,
            }
        }
        "password" => {
            let (password, hash) = password(&console).await?;
            store.set_temporary_password(id, hash, actor).await?;
            return Ok(given(&console, &visitor, id, user.name, password));
        }
        "second_factor" => store.remove_second_factor(id, actor).await?,
        "sessions" => store.close_sessions_of(id, actor).await?,
        "session" => {
            let session = SessionId::parse(&change.value).ok_or(Fault::BadRequest)?;
            store.close_session_of(id, &session, actor).await?;
        }
        "key" => {
            let key = change.value.parse().map_err(|_| Fault::BadRequest)?;
            match store.revoke_api_key(id, ApiKeyId(key), actor).await {
                // It ended by itself or by its owner meanwhile.
                Err(store::Error::NotFound(_)) => {}
                done => done?,
            }
        }
        _ => return Err(Fault::BadRequest),
    }
    Ok(Redirect::to(&format!("/users/{}", id.0)).into_response())
}

/// The page that says why, when a change would leave nobody to administer the gateway.
async fn left(
    console: &Console,
    visitor: &Visitor,
    id: UserId,
    done: Result<(), store::Error>,
) -> Result<Option<Response>, Fault> {
    match done {
        Ok(()) => Ok(None),
        Err(store::Error::LastAdministrator) => {
            let problem = Some(visitor.texts().user_last_admin);
            show(console, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, problem).await.map(Some)
        }
        Err(error) => Err(error.into()),
    }
}

/// What was given is no mail address.
#[derive(Debug)]
pub(super) struct NoAddress;

/// A mail address in lower case; nothing is none.
pub(super) fn address(text: &str) -> Result<Option<String>, NoAddress> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    external::address(text).map(Some).ok_or(NoAddress)
}

/// A password for the first sign-in, and its hash.
pub(super) async fn password(console: &Console) -> Result<(String, String), Fault> {
    let password = readable()?;
    let hash = console.people.passwords.hash(password.clone()).await.map_err(|error| {
        tracing::error!(event = "web_password_hash_failed", error = &error as &dyn std::error::Error);
        Fault::Internal
    })?;
    Ok((password, hash))
}

fn given(console: &Console, visitor: &Visitor, id: UserId, name: String, password: String) -> Response {
    let page = visitor.page(&console.people, visitor.texts().user_given_title, Permission::Users);
    render(StatusCode::OK, &GivenPage { page, name, password, back: format!("/users/{}", id.0) })
}

async fn show_list(
    console: &Console,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<&'static str>,
    wanted: &Wanted,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let offset = console.state.site.offset_minutes;
    let users = console.state.store.users().await?;
    let template = ListPage {
        page: visitor.page(&console.people, t.nav_users, Permission::Users),
        problem,
        name: wanted.name.clone(),
        address: wanted.address.clone(),
        roles: choices(Role::tagged(&wanted.role).unwrap_or(Role::Staff), t),
        users: users.iter().map(|user| Row::of(user, offset, t)).collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(status, &template))
}

async fn show(
    console: &Console,
    visitor: &Visitor,
    id: UserId,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let store = &console.state.store;
    let offset = console.state.site.offset_minutes;
    let user = store.user(id).await?.ok_or(Fault::NotFound)?;
    // The session that asks may be among them, but is ended on one's own page.
    let nowhere = visitor.session_id()?;
    let sessions = store.sessions_of(id).await?;
    let keys = store.api_keys_of(id).await?;
    let template = UserPage {
        page: visitor.page(&console.people, t.user_title, Permission::Users),
        problem,
        href: format!("/users/{}", id.0),
        own: id == visitor.user.id,
        reach: Reach::to(&user, console.state.tenants.as_ref()),
        local: user.source == Source::Local,
        active: user.state == UserState::Active,
        address: user.address.clone().unwrap_or_default(),
        factor: user.second_factor,
        planned: store.planned_by(id).await?,
        roles: choices(user.role, t),
        user: Row::of(&user, offset, t),
        sessions: sessions.into_iter().map(|row| SessionLine::of(row, &nowhere, offset, t)).collect(),
        keys: keys.iter().map(|key| KeyLine::of(key, offset, t)).collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(status, &template))
}

fn choices(chosen: Role, t: &Texts) -> Vec<RoleChoice> {
    // That of whoever runs the gateway as a whole is not given here.
    let given = Role::ALL.into_iter().filter(|role| *role != Role::PlatformAdmin);
    given.map(|role| RoleChoice { value: role.tag(), text: role::name(role, t), chosen: role == chosen }).collect()
}

#[derive(Debug)]
struct RoleChoice {
    value: &'static str,
    text: &'static str,
    chosen: bool,
}

#[derive(Debug)]
struct Row {
    href: String,
    name: String,
    role: &'static str,
    source: &'static str,
    address: String,
    state: Mark,
    factor: &'static str,
    created: String,
    last: String,
}

impl Row {
    fn of(user: &User, offset: i32, t: &Texts) -> Self {
        Self {
            href: format!("/users/{}", user.id.0),
            name: user.name.clone(),
            role: role::name(user.role, t),
            source: source_name(user.source, t),
            address: user.address.clone().unwrap_or_default(),
            state: match user.state {
                UserState::Disabled => Mark::stop(t.user_disabled),
                UserState::Active if user.must_change => Mark::warn(t.user_waiting),
                // A provider may ask for the second factor itself.
                UserState::Active if user.source == Source::Provider => Mark::ok(t.user_active),
                UserState::Active if role::needs_second_factor(user.role) && !user.second_factor => {
                    Mark::warn(t.user_waiting)
                }
                UserState::Active => Mark::ok(t.user_active),
            },
            factor: if user.second_factor { t.factor_on } else { t.factor_off },
            created: moment::local(user.created, offset),
            last: user.last_sign_in.map(|last| moment::local(last, offset)).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "users.html")]
struct ListPage {
    page: Page,
    problem: Option<&'static str>,
    name: String,
    address: String,
    roles: Vec<RoleChoice>,
    users: Vec<Row>,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "user.html")]
struct UserPage {
    page: Page,
    problem: Option<&'static str>,
    href: String,
    own: bool,
    reach: Reach,
    local: bool,
    active: bool,
    address: String,
    factor: bool,
    /// Lists of changes of theirs that wait for their time.
    planned: u64,
    roles: Vec<RoleChoice>,
    user: Row,
    sessions: Vec<SessionLine>,
    keys: Vec<KeyLine>,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "user_given.html")]
struct GivenPage {
    page: Page,
    name: String,
    password: String,
    back: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_sign_and_is_kept_in_lower_case() {
        assert_eq!(address(" Suzuki@City.Example.JP ").unwrap().unwrap(), "suzuki@city.example.jp");
        assert!(address("  ").unwrap().is_none());
        for bad in ["suzuki", "@x", "x@", "a@b@c", "a b@c", "鈴木@example.jp", &format!("{}@x", "a".repeat(254))] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
