//! Signing in with an account of the organisation: to its provider and back.
//!
//! What is to be remembered on the way is in one short-lived cookie of the browser; state, nonce and the secret of PKCE follow from it and
//! from a secret of this process, so that nothing is kept here for people who never come back.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use askama::Template;
use axum::{
    Extension,
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use store::{AuditEntry, AuditEvent, Timestamp, UserState, hex};
use subtle::ConstantTimeEq;

use super::{
    People,
    provider::{Asking, Errand, Identity, Provider, ProviderError},
    renewal::{self, Renewal},
    sign_in::{self, Came, Vouched},
    webauthn,
};
use crate::{
    cookie,
    fault::Fault,
    listen::Peer,
    lockout::Wait,
    metrics::SignIn,
    page::{Area, Page, render},
    role,
    secret::Secret,
    texts::texts,
};

/// What the provider sends the browser back with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Brought {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    iss: Option<String>,
    error: Option<String>,
}

/// Errands that were brought to an end, so that none is twice.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<VecDeque<String>>);

impl Ended {
    /// Notes an end; whether it is the first.
    fn first(&self, state: &str) -> bool {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.iter().any(|other| other == state) {
            return false;
        }
        if ended.len() >= ENDED {
            ended.pop_front();
        }
        ended.push_back(state.to_owned());
        true
    }
}

/// A browser on its way.
struct Traveller {
    errand: Errand,
    next: String,
    /// Where somebody is signed in already.
    renewal: Option<Renewal>,
}

/// How somebody leaves.
pub(super) struct Leaving<'a> {
    /// Where they want to go afterwards.
    pub(super) next: &'a str,
    pub(super) asking: Asking<'a>,
    /// Where they are signed in already.
    pub(super) renewal: Option<&'a Renewal>,
}

/// `GET /sign-in/organisation`. A link, not a form: browsers do not follow a form to another site where the page's policy forbids it.
pub(crate) async fn leave(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    Query(came): Query<Came>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let provider = provider(&people)?;
    let next = sign_in::local(&came.next).unwrap_or_default();
    let leaving = Leaving { next, asking: Asking::Openly, renewal: None };
    match set_out(&people, provider, leaving).await? {
        Ok(response) => Ok(response),
        Err(error) => {
            tracing::error!(event = "provider_unavailable", error = &error as &dyn std::error::Error);
            people.metrics.sign_in(SignIn::Unavailable);
            let (status, problem) = (StatusCode::SERVICE_UNAVAILABLE, texts(language).sign_in_provider_down);
            sign_in::with_problem(&people, language, &headers, status, problem, next).await
        }
    }
}

/// Sends a browser to the provider, with what is to be remembered on the way.
pub(super) async fn set_out(
    people: &People,
    provider: &Provider,
    leaving: Leaving<'_>,
) -> Result<Result<Response, ProviderError>, Fault> {
    let (secret, since) = (Secret::random()?, people.store.now());
    let mut travels = format!("{}.{}.{}", secret.expose(), since.unix_millis(), hex(leaving.next.as_bytes()));
    if let Some(renewal) = leaving.renewal {
        travels = format!("{travels}.{}", renewal.written());
    }
    let traveller = traveller(people, &travels, since).ok_or(Fault::Internal)?;
    let address = match provider.address(&traveller.errand, leaving.asking).await {
        Ok(address) => address,
        Err(error) => return Ok(Err(error)),
    };
    let mut response = Redirect::to(&address).into_response();
    // Sent along when the provider leads back here, which a strict one is not.
    if let Some(value) = people.transport().lax(people.travel_cookie(), &travels, LASTS) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(Ok(response))
}

/// `GET /sign-in/organisation/callback`
pub(crate) async fn come_back(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Query(brought): Query<Brought>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let provider = provider(&people)?;
    let t = texts(language);
    let peer = peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip());
    let say = async |status: StatusCode, problem: &'static str, next: &str| {
        let response = sign_in::with_problem(&people, language, &headers, status, problem, next).await?;
        Ok::<Response, Fault>(arrived(&people, response))
    };
    let travels = cookie::value(&headers, &people.transport().name(people.travel_cookie()));
    let traveller = travels.and_then(|travels| traveller(&people, travels, people.store.now()));
    // Somebody who did not leave from here, or long ago, or with another errand; or who is back already.
    let same = |traveller: &Traveller| bool::from(traveller.errand.state.as_bytes().ct_eq(brought.state.as_bytes()));
    let first = |_: &Traveller| people.ended.first(&brought.state);
    let Some(Traveller { errand, next, renewal }) = traveller.filter(same).filter(first) else {
        // The cookie may be that of another window, which is still on its way.
        let (status, problem) = (StatusCode::BAD_REQUEST, t.sign_in_provider_expired);
        return sign_in::with_problem(&people, language, &headers, status, problem, "").await;
    };
    if let Some(renewal) = renewal {
        let learnt = learn(provider, &brought, &errand, people.store.now()).await;
        let response = renewal::back(&people, language, &headers, &renewal, &next, learnt).await?;
        return Ok(arrived(&people, response));
    }
    // Who it is is not known yet: it is the address that tries.
    let counted = match people.lockout.begin("", peer) {
        Ok(counted) => counted,
        Err(wait) => {
            people.metrics.sign_in(SignIn::Delayed);
            let why = if matches!(wait, Wait::Crowd(_)) { t.sign_in_crowd } else { t.sign_in_wait };
            return say(StatusCode::TOO_MANY_REQUESTS, why, &next).await;
        }
    };
    let identity = match learn(provider, &brought, &errand, people.store.now()).await {
        Ok(Some(identity)) => identity,
        Ok(None) => {
            refused(&people, "answer").await?;
            return say(StatusCode::UNAUTHORIZED, t.sign_in_provider_refused, &next).await;
        }
        Err(error) if error.is_bad_answer() => {
            tracing::warn!(event = "provider_token_refused", error = &error as &dyn std::error::Error);
            refused(&people, "token").await?;
            return say(StatusCode::UNAUTHORIZED, t.sign_in_provider_refused, &next).await;
        }
        Err(error) => {
            tracing::error!(event = "provider_unavailable", error = &error as &dyn std::error::Error);
            counted.not_compared();
            people.metrics.sign_in(SignIn::Unavailable);
            return say(StatusCode::SERVICE_UNAVAILABLE, t.sign_in_provider_down, &next).await;
        }
    };
    // Nobody was guessing, whatever becomes of it.
    counted.not_compared();
    let Some(who) = identity.who else {
        refused(&people, "role").await?;
        return say(StatusCode::UNAUTHORIZED, t.sign_in_no_role, &next).await;
    };
    let user = match people.store.external_sign_in(who).await {
        Ok(user) => user,
        Err(store::Error::Exists(_)) => {
            refused(&people, "name").await?;
            return say(StatusCode::UNAUTHORIZED, t.sign_in_taken, &next).await;
        }
        Err(error) => return Err(error.into()),
    };
    if user.state != UserState::Active || !role::allows(user.role, people.entrance()) {
        refused(&people, "role").await?;
        return say(StatusCode::UNAUTHORIZED, t.sign_in_no_role, &next).await;
    }
    let vouched = if identity.second_factor { Vouched::Yes } else { Vouched::No };
    let Some((secret, to)) = sign_in::opened(&people, &user, peer, &next, vouched).await? else {
        return say(StatusCode::UNAUTHORIZED, t.sign_in_provider_expired, &next).await;
    };
    let mut response = onward(&people, language, &to);
    let transport = people.transport();
    let values = [transport.strict(people.session_cookie(), secret.expose()), transport.expired(people.form_cookie())];
    for value in values.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(arrived(&people, response))
}

/// Who it is, as the provider says; nobody where it refuses.
async fn learn(
    provider: &Provider,
    brought: &Brought,
    errand: &Errand,
    now: Timestamp,
) -> Result<Option<Identity>, ProviderError> {
    // Two providers, one of which pretends to be the other, are told apart before the code is given to either (RFC 9207).
    if !provider.is_from_here(brought.iss.as_deref()).await? {
        return Ok(None);
    }
    match &brought.error {
        Some(error) => {
            let error: String = error.chars().filter(|c| !c.is_control()).take(64).collect();
            if UNABLE.contains(&error.as_str()) {
                return Err(ProviderError::Unable);
            }
            tracing::info!(event = "provider_refused", error);
            Ok(None)
        }
        None if brought.code.is_empty() || brought.code.len() > CODE_BYTES => Ok(None),
        None => provider.redeem(&brought.code, errand, now).await.map(Some),
    }
}

/// The page that leads on: the browser comes from another site, and takes no strict cookie along to where a redirect leads.
pub(super) fn onward(people: &People, language: Language, next: &str) -> Response {
    let page = Page::new(language, people.site.clone(), people.area, texts(language).sign_in_provider_done);
    let to = if next.is_empty() { "/" } else { next }.to_owned();
    render(StatusCode::OK, &SignedInPage { page, to })
}

/// The errand is over.
fn arrived(people: &People, mut response: Response) -> Response {
    if let Some(value) = people.transport().lax(people.travel_cookie(), "", Duration::ZERO) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// `GET /sign-in/organisation/out`: ends the session at the provider, which asks by itself.
pub(crate) async fn out(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let provider = provider(&people)?;
    let t = texts(language);
    match provider.goodbye(&format!("{}/sign-in", own_address(&people))).await {
        Ok(Some(address)) => Ok(Redirect::to(&address).into_response()),
        Ok(None) => Err(Fault::NotFound),
        Err(error) => {
            tracing::error!(event = "provider_unavailable", error = &error as &dyn std::error::Error);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            sign_in::with_problem(&people, language, &headers, status, t.sign_in_provider_down, "").await
        }
    }
}

/// The provider of this site.
fn provider(people: &People) -> Result<&Provider, Fault> {
    people.sources.provider.as_ref().filter(|provider| provider.serves(people.area)).ok_or(Fault::NotFound)
}

/// Address of this site, to which the provider sends browsers back.
fn own_address(people: &People) -> &str {
    let url = match people.area {
        Area::Portal => &people.site.portal_url,
        Area::Console => &people.site.admin_url,
    };
    url.trim_end_matches('/')
}

/// What a cookie of ours says that is not older than ten minutes.
fn traveller(people: &People, travels: &str, now: Timestamp) -> Option<Traveller> {
    let mut parts = travels.split('.');
    let (secret, since, next) = (parts.next()?, parts.next()?, parts.next()?);
    Secret::parse(secret)?;
    let since = Timestamp::from_unix_millis(since.parse().ok()?);
    let next = String::from_utf8(webauthn::bytes(next)?).ok()?;
    let next = sign_in::local(&next).unwrap_or_default().to_owned();
    let late = now.since(since) > LASTS || since.since(now) > Duration::ZERO;
    let renewal = match parts.next() {
        None => None,
        Some(user) => Some(Renewal::read(user, parts.next()?, parts.next()?)?),
    };
    if parts.next().is_some() || late {
        return None;
    }
    let of = |what: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(people.pepper.expose().as_bytes()).ok()?;
        mac.update(what);
        mac.update(travels.as_bytes());
        Some(hex(&mac.finalize().into_bytes()))
    };
    let errand = Errand {
        state: of(b"state\0")?,
        nonce: of(b"nonce\0")?,
        verifier: of(b"verifier\0")?,
        back: format!("{}/sign-in/organisation/callback", own_address(people)),
    };
    Some(Traveller { errand, next, renewal })
}

async fn refused(people: &People, why: &'static str) -> Result<(), Fault> {
    people.metrics.sign_in(SignIn::Failure);
    let detail = vec![("provider", why.to_owned())];
    let entry = AuditEntry { actor: "gateway".to_owned(), event: AuditEvent::SignInFailed, message: None, detail };
    Ok(people.store.audit_append(entry).await?)
}

#[derive(Debug, Template)]
#[template(path = "signed_in.html")]
struct SignedInPage {
    page: Page,
    to: String,
}

/// How long one may be on the way.
const LASTS: Duration = Duration::from_secs(600);
/// What a provider says that can do nothing just now (RFC 6749 4.1.2.1); it is no word about anybody.
const UNABLE: [&str; 2] = ["server_error", "temporarily_unavailable"];
/// Longest code.
const CODE_BYTES: usize = 2048;
/// Errands that are remembered after their end.
const ENDED: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_ends_once_and_what_is_remembered_is_bounded() {
        let ended = Ended::default();
        assert!(ended.first("a"));
        assert!(!ended.first("a"));
        for number in 0..ENDED {
            assert!(ended.first(&number.to_string()));
        }
        assert_eq!(ended.0.lock().unwrap().len(), ENDED);
    }
}
