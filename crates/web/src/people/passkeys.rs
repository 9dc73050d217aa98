//! Passkeys and security keys: registered on one's own account beside the codes, and used in place of a code at sign-in.

use askama::Template;
use axum::{
    Extension, Form,
    extract::{ConnectInfo, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use store::{NewPasskey, Passkey, PasskeyId, Stage, User, hex};

use super::{
    People, Visitor, sign_in,
    webauthn::{self, Asked, Ceremony},
};
use crate::{
    fault::Fault,
    listen::Peer,
    metrics::SignIn,
    moment,
    page::{Area, Page, render},
    shown,
};

/// The form of a new key; the page's module fills it in, in hexadecimal.
#[derive(Debug, Deserialize)]
pub(crate) struct Created {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    client_data: String,
    #[serde(default)]
    authenticator_data: String,
    #[serde(default)]
    public_key: String,
}

/// The form that removes a key.
#[derive(Debug, Deserialize)]
pub(crate) struct Removing {
    #[serde(default)]
    form_token: String,
    passkey: i64,
}

/// The form of a sign-in; the page's module fills it in, in hexadecimal.
#[derive(Debug, Deserialize)]
pub(crate) struct Signed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    next: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    client_data: String,
    #[serde(default)]
    authenticator_data: String,
    #[serde(default)]
    signature: String,
}

/// What the page's module asks the browser for.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) challenge: String,
    pub(super) site: String,
    /// The credentials there are, with spaces between them.
    pub(super) known: String,
}

/// `GET /account/passkeys`
pub(crate) async fn page(State(people): State<People>, visitor: Visitor) -> Result<Response, Fault> {
    show(&people, &visitor, StatusCode::OK, None).await
}

/// `POST /account/passkeys`
pub(crate) async fn create(
    State(people): State<People>,
    visitor: Visitor,
    Form(created): Form<Created>,
) -> Result<Response, Fault> {
    visitor.proved(&created.form_token)?;
    let t = visitor.texts();
    let name: String = created.name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS).collect();
    let name = if name.is_empty() { t.passkey_unnamed.to_owned() } else { name };
    let key = fresh(&people, &visitor, &created, name);
    let problem = match key {
        None => t.passkey_bad,
        Some(key) => match people.store.add_passkey(key, &visitor.user.name).await {
            Ok(_) => return Ok(Redirect::to("/account/passkeys").into_response()),
            Err(store::Error::Exists(_)) => t.passkey_exists,
            Err(store::Error::NotFound(_)) => return Err(Fault::Unauthorised),
            Err(error) => return Err(error.into()),
        },
    };
    show(&people, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(problem)).await
}

fn fresh(people: &People, visitor: &Visitor, created: &Created, name: String) -> Option<NewPasskey> {
    let challenge = challenge(people, visitor, Ceremony::Create)?;
    let (origin, site) = place(people);
    let asked = Asked { ceremony: Ceremony::Create, challenge: &challenge, origin, site };
    let data = (webauthn::bytes(&created.client_data)?, webauthn::bytes(&created.authenticator_data)?);
    let counter = asked.counter(&data.0, &data.1)?;
    let credential =
        webauthn::bytes(&created.credential).filter(|credential| (1..=1023).contains(&credential.len()))?;
    let public_key = webauthn::point(&webauthn::bytes(&created.public_key)?)?.to_vec();
    let session = visitor.secret().ok()?.hash();
    Some(NewPasskey { user: visitor.user.id, credential, public_key, counter, name, session })
}

/// `POST /account/passkeys/remove`
pub(crate) async fn remove(
    State(people): State<People>,
    visitor: Visitor,
    Form(removing): Form<Removing>,
) -> Result<Response, Fault> {
    visitor.proved(&removing.form_token)?;
    people.store.remove_passkey(visitor.user.id, PasskeyId(removing.passkey), &visitor.user.name).await?;
    Ok(Redirect::to("/account/passkeys").into_response())
}

/// `POST /sign-in/passkey`: in place of a code.
pub(crate) async fn sign(
    State(people): State<People>,
    visitor: Visitor,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Form(signed): Form<Signed>,
) -> Result<Response, Fault> {
    visitor.proved(&signed.form_token)?;
    if visitor.stage == Stage::Full {
        return Ok(Redirect::to("/").into_response());
    }
    let next = sign_in::local(&signed.next).unwrap_or_default();
    let peer = peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip());
    if sign_in::code_wait(&people, &visitor.user).is_none() && right(&people, &visitor, &signed).await? {
        return sign_in::enter(&people, &visitor, peer, next).await;
    }
    people.metrics.sign_in(SignIn::Failure);
    people.store.sign_in_failed(visitor.user.id, None, sign_in::at(&people, peer)).await?;
    sign_in::ask_code(&people, &visitor, StatusCode::UNAUTHORIZED, Some(visitor.texts().passkey_wrong.to_owned()), next)
        .await
}

async fn right(people: &People, visitor: &Visitor, signed: &Signed) -> Result<bool, Fault> {
    sign_in::count_code(people, &visitor.user);
    let keys = people.store.passkeys_of(visitor.user.id).await?;
    let Some((key, counter)) = matching(people, visitor, signed, &keys) else { return Ok(false) };
    if !people.store.use_passkey(key, counter).await? {
        return Ok(false);
    }
    sign_in::forget_codes(people, &visitor.user);
    Ok(true)
}

fn matching(people: &People, visitor: &Visitor, signed: &Signed, keys: &[Passkey]) -> Option<(PasskeyId, u32)> {
    let challenge = challenge(people, visitor, Ceremony::Get)?;
    let (origin, site) = place(people);
    let asked = Asked { ceremony: Ceremony::Get, challenge: &challenge, origin, site };
    let credential = webauthn::bytes(&signed.credential)?;
    let key = keys.iter().find(|key| key.credential == credential)?;
    let (client, data) = (webauthn::bytes(&signed.client_data)?, webauthn::bytes(&signed.authenticator_data)?);
    let counter = asked.signed(&key.public_key, &client, &data, &webauthn::bytes(&signed.signature)?)?;
    Some((key.id, counter))
}

/// What is asked at sign-in; `None` when the user has no key.
pub(super) async fn question(people: &People, visitor: &Visitor) -> Result<Option<Question>, Fault> {
    let keys = people.store.passkeys_of(visitor.user.id).await?;
    if keys.is_empty() {
        return Ok(None);
    }
    Ok(asked(people, visitor, Ceremony::Get, &keys))
}

fn asked(people: &People, visitor: &Visitor, ceremony: Ceremony, keys: &[Passkey]) -> Option<Question> {
    Some(Question {
        challenge: hex(&challenge(people, visitor, ceremony)?),
        site: place(people).1.to_owned(),
        known: keys.iter().map(|key| hex(&key.credential)).collect::<Vec<_>>().join(" "),
    })
}

/// The challenge of this session: every sign-in begins a new one, so that a signature is good for one sign-in only.
fn challenge(people: &People, visitor: &Visitor, ceremony: Ceremony) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(people.pepper.expose().as_bytes()).ok()?;
    mac.update(match ceremony {
        Ceremony::Create => b"passkey create\0",
        Ceremony::Get => b"passkey get\0",
    });
    mac.update(visitor.secret().ok()?.expose().as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

/// Origin and host of the site.
fn place(people: &People) -> (&str, &str) {
    let url = match people.area {
        Area::Portal => people.site.portal_url.as_str(),
        Area::Console => people.site.admin_url.as_str(),
    };
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let end = url.get(start..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| start.saturating_add(at));
    let authority = url.get(start..end).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    (url.get(..end).unwrap_or_default(), host)
}

async fn show(
    people: &People,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let offset = people.site.offset_minutes;
    let keys = people.store.passkeys_of(visitor.user.id).await?;
    let template = PasskeysPage {
        page: visitor.own_page(people, t.passkeys_title),
        problem,
        question: asked(people, visitor, Ceremony::Create, &keys).ok_or(Fault::Internal)?,
        person: person(&visitor.user),
        name: visitor.user.name.clone(),
        keys: keys.iter().map(|key| Line::of(key, offset)).collect(),
        form_token: visitor.form_token(),
    };
    Ok(render(status, &template))
}

/// What the authenticator keeps to tell accounts of one site apart; it names nobody.
fn person(user: &User) -> String {
    hex(&user.id.0.to_be_bytes())
}

#[derive(Debug)]
struct Line {
    id: i64,
    name: String,
    created: String,
    used: String,
}

impl Line {
    fn of(key: &Passkey, offset: i32) -> Self {
        Self {
            id: key.id.0,
            name: shown::visible(&key.name),
            created: moment::local(key.created, offset),
            used: key.last_used.map(|used| moment::local(used, offset)).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "passkeys.html")]
struct PasskeysPage {
    page: Page,
    problem: Option<&'static str>,
    question: Question,
    person: String,
    name: String,
    keys: Vec<Line>,
    form_token: String,
}

/// Longest name of a key.
const NAME_CHARACTERS: usize = 60;
