//! Enrolling a second factor: a secret as picture and text, proved with its first code, and recovery codes shown once. New ones are
//! given against a code.

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use store::TokenHash;

use super::{People, Visitor, picture, sign_in, totp};
use crate::{
    fault::Fault,
    page::{Page, render},
    secret::NoRandomness,
    texts,
};

/// The filled-in form.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    code: String,
}

/// `GET /account/second-factor`. It keeps nothing: the secret follows from the session, so that the page may be loaded twice.
pub(crate) async fn form(State(people): State<People>, visitor: Visitor) -> Result<Response, Fault> {
    if visitor.user.second_factor {
        return Ok(Redirect::to("/account").into_response());
    }
    show(&people, &visitor, StatusCode::OK, None)
}

/// `POST /account/second-factor`
pub(crate) async fn submit(
    State(people): State<People>,
    visitor: Visitor,
    Form(typed): Form<Typed>,
) -> Result<Response, Fault> {
    visitor.proved(&typed.form_token)?;
    let t = visitor.texts();
    if visitor.user.second_factor {
        return Ok(Redirect::to("/account").into_response());
    }
    let secret = offered(&people, &visitor).ok_or(Fault::Internal)?;
    let Some(step) = totp::step_of(&secret, &typed.code, people.store.now()) else {
        return show(&people, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(t.factor_code_wrong));
    };
    let codes = recovery_codes()?;
    let hashes: Vec<TokenHash> = codes.iter().filter_map(|code| sign_in::recovery_hash(code)).collect();
    match people.store.enrol_second_factor(visitor.user.id, secret, step, hashes, visitor.secret()?.hash()).await {
        Ok(()) => {}
        // The other of two answers came first, and showed the codes that count.
        Err(store::Error::Exists(_)) => return Ok(Redirect::to("/account").into_response()),
        Err(store::Error::NotFound(_)) => return Err(Fault::Unauthorised),
        Err(error) => return Err(error.into()),
    }
    let page = visitor.own_page(&people, t.recovery_title);
    Ok(render(StatusCode::OK, &RecoveryPage { page, lead: t.recovery_lead, codes }))
}

/// `GET /account/recovery-codes`
pub(crate) async fn renewal_form(State(people): State<People>, visitor: Visitor) -> Response {
    if !visitor.user.second_factor {
        return Redirect::to("/account").into_response();
    }
    ask(&people, &visitor, StatusCode::OK, None)
}

/// `POST /account/recovery-codes`: new codes against one that is good now, so that an open session alone does not make them. Without
/// them the only administrator who lost the app would be shut out for good.
pub(crate) async fn renew(
    State(people): State<People>,
    visitor: Visitor,
    Form(typed): Form<Typed>,
) -> Result<Response, Fault> {
    visitor.proved(&typed.form_token)?;
    let t = visitor.texts();
    let user = &visitor.user;
    if !user.second_factor {
        return Ok(Redirect::to("/account").into_response());
    }
    if let Some(left) = sign_in::code_wait(&people, user) {
        let seconds = left.as_secs().saturating_add(1);
        let problem = format!("{} {}", t.sign_in_wait, texts::try_again_in(visitor.language, seconds));
        let mut response = ask(&people, &visitor, StatusCode::TOO_MANY_REQUESTS, Some(problem));
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    if !sign_in::takes(&people, user, &typed.code).await? {
        people.store.sign_in_failed(user.id, None, sign_in::at(&people, None)).await?;
        return Ok(ask(&people, &visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(t.code_wrong.to_owned())));
    }
    let codes = recovery_codes()?;
    let hashes: Vec<TokenHash> = codes.iter().filter_map(|code| sign_in::recovery_hash(code)).collect();
    match people.store.renew_recovery_codes(user.id, hashes, visitor.secret()?.hash()).await {
        Ok(()) => {}
        Err(store::Error::NotFound(_)) => return Err(Fault::Unauthorised),
        Err(error) => return Err(error.into()),
    }
    let page = visitor.own_page(&people, t.recovery_title);
    Ok(render(StatusCode::OK, &RecoveryPage { page, lead: t.recovery_renewed, codes }))
}

fn ask(people: &People, visitor: &Visitor, status: StatusCode, problem: Option<String>) -> Response {
    let page = visitor.own_page(people, visitor.texts().recovery_new_title);
    render(status, &RenewalPage { page, problem, form_token: visitor.form_token() })
}

fn show(
    people: &People,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let t = visitor.texts();
    let secret = offered(people, visitor).ok_or(Fault::Internal)?;
    let issuer = if people.site.name.is_empty() { "Misogi" } else { &people.site.name };
    let address = totp::address(issuer, &visitor.user.name, &secret);
    let template = FactorPage {
        page: visitor.own_page(people, t.factor_title),
        problem,
        picture: picture::qr(&address, t.factor_picture),
        secret: in_groups(&totp::base32(&secret), " "),
        form_token: visitor.form_token(),
    };
    Ok(render(status, &template))
}

/// The secret that is offered to this session. It cannot be computed from the cookie alone, nor after a restart.
fn offered(people: &People, visitor: &Visitor) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(people.pepper.expose().as_bytes()).ok()?;
    mac.update(b"second factor\0");
    mac.update(visitor.secret().ok()?.expose().as_bytes());
    mac.finalize().into_bytes().get(..totp::SECRET_BYTES).map(<[u8]>::to_vec)
}

/// 120 bits as six groups of four characters, which depend on the session, on this start of the gateway, on what they are for and on `nonce`:
/// whoever knows only the nonce cannot compute them.
pub(crate) fn derived(people: &People, visitor: &Visitor, purpose: &str, nonce: &str) -> Result<String, Fault> {
    let key = people.pepper.expose().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Fault::Internal)?;
    for text in [purpose, nonce, visitor.secret()?.expose()] {
        mac.update(text.as_bytes());
        mac.update(b"\0");
    }
    let bytes = mac.finalize().into_bytes();
    Ok(in_groups(&totp::base32(bytes.get(..15).ok_or(Fault::Internal)?), "-"))
}

fn recovery_codes() -> Result<Vec<String>, NoRandomness> {
    (0..RECOVERY_CODES).map(|_| readable()).collect()
}

/// 80 random bits in four groups of four characters: a recovery code, or a password for the first sign-in.
pub(crate) fn readable() -> Result<String, NoRandomness> {
    let mut bytes = [0_u8; 10];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(in_groups(&totp::base32(&bytes), "-"))
}

fn in_groups(text: &str, between: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(between)
}

#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
struct FactorPage {
    page: Page,
    problem: Option<&'static str>,
    picture: Option<String>,
    secret: String,
    form_token: String,
}

#[derive(Debug, Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryPage {
    page: Page,
    lead: &'static str,
    codes: Vec<String>,
}

#[derive(Debug, Template)]
#[template(path = "recovery_new.html")]
struct RenewalPage {
    page: Page,
    problem: Option<String>,
    form_token: String,
}

/// Recovery codes of one enrolment.
const RECOVERY_CODES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_all_different_and_can_be_kept() {
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let different: std::collections::HashSet<_> = codes.iter().collect();
        assert_eq!(different.len(), RECOVERY_CODES);
        for code in codes {
            assert_eq!(code.len(), sign_in::RECOVERY_CHARACTERS + 3, "{code}");
            assert!(sign_in::recovery_hash(&code).is_some(), "{code}");
        }
    }
}
