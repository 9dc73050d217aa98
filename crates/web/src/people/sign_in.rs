//! Signing in and out: a password, then a code where a second factor is enrolled.

use std::{net::IpAddr, time::Duration};

use askama::Template;
use axum::{
    Extension, Form,
    extract::{ConnectInfo, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use form::percent;
use serde::Deserialize;
use store::{
    AuditEntry, AuditEvent, NewSession, RESERVED_NAMES, SignInAt, Source, Stage, TokenHash, User, UserId, UserState,
};
use tokio::time::{Instant, sleep_until};

use super::{People, Visitor, by_directory, passkeys, totp};
use crate::{
    cookie,
    fault::Fault,
    listen::Peer,
    lockout::Wait,
    metrics::SignIn,
    page::{Area, Page, render},
    password, role,
    secret::Secret,
    texts::{self, texts},
};

/// What the address may say about how one came here, and where one wanted to go.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Came {
    #[serde(default)]
    from: String,
    #[serde(default)]
    pub(super) next: String,
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
    next: String,
}

/// The form of the code.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// The form of signing out.
#[derive(Debug, Deserialize)]
pub(crate) struct Leaving {
    #[serde(default)]
    form_token: String,
}

/// `GET /sign-in`
pub(crate) async fn form(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    Query(came): Query<Came>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let t = texts(language);
    let news = match came.from.as_str() {
        "setup" => Some(t.setup_done),
        "sign-out" => Some(t.signed_out),
        "organisation" => Some(t.signed_out_here),
        "password" => Some(t.password_changed),
        _ => None,
    };
    let next = local(&came.next).unwrap_or_default().to_owned();
    let from_provider = came.from == "organisation";
    show(&people, language, &headers, StatusCode::OK, Shown { news, next, from_provider, ..Shown::default() }).await
}

/// `POST /sign-in`
pub(crate) async fn submit(
    State(people): State<People>,
    Extension(language): Extension<Language>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Result<Response, Fault> {
    let t = texts(language);
    check_form(&people, &headers, &filled.form_token)?;
    let name = filled.name.trim().to_lowercase();
    let next = local(&filled.next).unwrap_or_default().to_owned();
    let peer = peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip());
    let started = Instant::now();
    let attempt = Attempt { people: &people, language, headers: &headers, name, next, peer, started };
    let (name, metrics) = (attempt.name.as_str(), &people.metrics);
    let counted = match people.lockout.begin(name, peer) {
        Ok(counted) => counted,
        Err(wait) => {
            metrics.sign_in(SignIn::Delayed);
            return attempt.delayed(wait).await;
        }
    };
    let store = &people.store;
    let user = if name.len() <= LONGEST_NAME { store.user_by_name(name).await? } else { None };
    let now = store.now();
    // The lock of the store outlives a restart.
    if let Some(until) = user.as_ref().and_then(|user| user.locked_until).filter(|until| *until > now) {
        metrics.sign_in(SignIn::Delayed);
        return attempt.delayed(Wait::Failures(until.since(now))).await;
    }
    // A local account is nobody else's, and its password is shown to no directory.
    if let Some(directory) = &people.sources.directory
        && user.as_ref().is_none_or(|user| user.source == Source::Directory)
    {
        return by_directory::submit(&attempt, counted, directory, &filled.password, user.as_ref()).await;
    }
    let known = user.as_ref().map(|user| user.id);
    let usable = user.filter(|user| {
        user.source == Source::Local && user.state == UserState::Active && role::allows(user.role, people.entrance())
    });
    let too_long = filled.password.len() > password::LONGEST;
    let given = if too_long { String::new() } else { filled.password };
    let hash = usable.as_ref().map(|user| user.password_hash.clone());
    let right = people.passwords.verify(given, hash).await.map_err(|error| {
        tracing::error!(event = "web_password_check_failed", error = &error as &dyn std::error::Error);
        Fault::Internal
    })?;
    let Some(user) = usable.filter(|_| right) else {
        metrics.sign_in(SignIn::Failure);
        counted.failed();
        note_failure(&people, known, name, peer).await?;
        return attempt.again(StatusCode::UNAUTHORIZED, Some(t.sign_in_wrong.to_owned())).await;
    };
    counted.succeeded();
    attempt.succeeded(&user).await
}

/// One try of a name and a password.
pub(super) struct Attempt<'a> {
    pub(super) people: &'a People,
    pub(super) language: Language,
    pub(super) headers: &'a HeaderMap,
    /// In lower case.
    pub(super) name: String,
    pub(super) next: String,
    pub(super) peer: Option<IpAddr>,
    pub(super) started: Instant,
}

impl Attempt<'_> {
    /// The form once more, with what went wrong.
    pub(super) async fn again(&self, status: StatusCode, problem: Option<String>) -> Result<Response, Fault> {
        // A directory answers at once that there is no such entry, and later that a password is wrong; who waits learns neither.
        if self.people.sources.directory.is_some() {
            sleep_until(self.started + FAILURE_TAKES).await;
        }
        let shown = Shown { problem, name: self.name.clone(), next: self.next.clone(), ..Shown::default() };
        show(self.people, self.language, self.headers, status, shown).await
    }

    /// Asks for the second factor where there is one, or lets in.
    pub(super) async fn succeeded(&self, user: &User) -> Result<Response, Fault> {
        match opened(self.people, user, self.peer, &self.next, Vouched::No).await? {
            Some((secret, to)) => Ok(entered(self.people, &secret, &to)),
            // The account changed while the password was being checked; what is true now is found at the next try.
            None => self.again(StatusCode::UNAUTHORIZED, Some(texts(self.language).sign_in_wrong.to_owned())).await,
        }
    }

    pub(super) async fn delayed(&self, wait: Wait) -> Result<Response, Fault> {
        let seconds = wait.left().as_secs().saturating_add(1);
        let why = match wait {
            Wait::Failures(_) => texts(self.language).sign_in_wait,
            Wait::Crowd(_) => texts(self.language).sign_in_crowd,
        };
        let problem = format!("{why} {}", texts::try_again_in(self.language, seconds));
        let mut response = self.again(StatusCode::TOO_MANY_REQUESTS, Some(problem)).await?;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        Ok(response)
    }
}

/// Whether a provider has asked for a second factor already, and its word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouched {
    Yes,
    No,
}

/// Opens the session of somebody who has shown who they are, and says where they go; nothing where the account has changed meanwhile.
pub(super) async fn opened(
    people: &People,
    user: &User,
    peer: Option<IpAddr>,
    next: &str,
    vouched: Vouched,
) -> Result<Option<(Secret, String)>, Fault> {
    // A new secret at every step: a cookie planted before it is worth nothing (session fixation).
    let secret = Secret::random()?;
    let stage = if user.second_factor && vouched == Vouched::No { Stage::Code } else { Stage::Full };
    let opening = NewSession { vouched: vouched == Vouched::Yes, ..session(people, &secret, user, stage, peer) };
    if !people.store.open_session(opening, &user.password_hash).await? {
        return Ok(None);
    }
    if stage == Stage::Code {
        return Ok(Some((secret, with_next("/sign-in/code", next))));
    }
    people.store.sign_in_succeeded(user.id, at(people, peer)).await?;
    people.metrics.sign_in(SignIn::Success);
    Ok(Some((secret, if next.is_empty() { "/".to_owned() } else { next.to_owned() })))
}

/// `GET /sign-in/code`
pub(crate) async fn code_form(
    State(people): State<People>,
    visitor: Visitor,
    Query(came): Query<Came>,
) -> Result<Response, Fault> {
    if visitor.stage == Stage::Full {
        return Ok(Redirect::to("/").into_response());
    }
    ask_code(&people, &visitor, StatusCode::OK, None, local(&came.next).unwrap_or_default()).await
}

/// `POST /sign-in/code`
pub(crate) async fn code_submit(
    State(people): State<People>,
    visitor: Visitor,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    Form(typed): Form<Typed>,
) -> Result<Response, Fault> {
    visitor.proved(&typed.form_token)?;
    if visitor.stage == Stage::Full {
        return Ok(Redirect::to("/").into_response());
    }
    let t = visitor.texts();
    let next = local(&typed.next).unwrap_or_default();
    let user = &visitor.user;
    if let Some(left) = code_wait(&people, user) {
        people.metrics.sign_in(SignIn::Delayed);
        let seconds = left.as_secs().saturating_add(1);
        let problem = format!("{} {}", t.sign_in_wait, texts::try_again_in(visitor.language, seconds));
        let mut response = ask_code(&people, &visitor, StatusCode::TOO_MANY_REQUESTS, Some(problem), next).await?;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let peer = peer.map(|Extension(ConnectInfo(Peer(address)))| address.ip());
    if !takes(&people, user, &typed.code).await? {
        people.metrics.sign_in(SignIn::Failure);
        people.store.sign_in_failed(user.id, None, at(&people, peer)).await?;
        return ask_code(&people, &visitor, StatusCode::UNAUTHORIZED, Some(t.code_wrong.to_owned()), next).await;
    }
    enter(&people, &visitor, peer, next).await
}

/// Turns the half-way session into one that counts.
pub(super) async fn enter(
    people: &People,
    visitor: &Visitor,
    peer: Option<IpAddr>,
    next: &str,
) -> Result<Response, Fault> {
    let user = &visitor.user;
    let secret = Secret::random()?;
    let full = session(people, &secret, user, Stage::Full, peer);
    match people.store.replace_session(&visitor.secret()?.hash(), full).await {
        Ok(()) => {}
        // It ended meanwhile: somebody closed it, or the other of two answers came first.
        Err(store::Error::NotFound(_)) => return Err(Fault::Unauthorised),
        Err(error) => return Err(error.into()),
    }
    people.store.sign_in_succeeded(user.id, at(people, peer)).await?;
    people.metrics.sign_in(SignIn::Success);
    Ok(entered(people, &secret, if next.is_empty() { "/" } else { next }))
}

/// How long until a code of the user is looked at again. The counter is not that of passwords: who knows the password must not
/// be able to forget the wrong codes with it.
pub(super) fn code_wait(people: &People, user: &User) -> Option<Duration> {
    people.lockout.wait(&code_counter(user), None)
}

/// Whether a code or a recovery code of the user is right and was not taken before; wrong ones are counted.
pub(super) async fn takes(people: &People, user: &User, code: &str) -> Result<bool, Fault> {
    count_code(people, user);
    let store = &people.store;
    let Some(factor) = store.second_factor(user.id).await? else { return Ok(false) };
    let step = factor.secret.as_deref().and_then(|secret| totp::step_of(secret, code, store.now()));
    let taken = match step {
        Some(step) => store.take_step(user.id, step).await?,
        None => match recovery_hash(code) {
            Some(hash) => store.take_recovery_code(user.id, &hash).await?,
            None => false,
        },
    };
    if taken {
        forget_codes(people, user);
    }
    Ok(taken)
}

/// Counts a try before it is looked at.
pub(super) fn count_code(people: &People, user: &User) {
    people.lockout.failed(&code_counter(user), None);
}

/// Forgets the tries of whoever is in.
pub(super) fn forget_codes(people: &People, user: &User) {
    people.lockout.succeeded(&code_counter(user));
}

/// No account has a name with a space in it.
fn code_counter(user: &User) -> String {
    format!("code {}", user.name)
}

/// What is kept of a recovery code: capitals and digits without what people put between them.
pub(super) fn recovery_hash(code: &str) -> Option<TokenHash> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    (plain.len() == RECOVERY_CHARACTERS).then(|| TokenHash::of(plain.as_bytes()))
}

/// `POST /sign-out`
pub(crate) async fn sign_out(
    State(people): State<People>,
    visitor: Visitor,
    Form(leaving): Form<Leaving>,
) -> Result<Response, Fault> {
    visitor.proved(&leaving.form_token)?;
    people.store.close_session(&visitor.secret()?.hash()).await?;
    let to = match visitor.user.source {
        Source::Local | Source::Directory => "/sign-in?from=sign-out",
        Source::Provider => "/sign-in?from=organisation",
    };
    Ok(left(&people, to))
}

/// Leads elsewhere and takes the session's cookie away.
pub(super) fn left(people: &People, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    if let Some(value) = people.transport().expired(people.session_cookie()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn session(people: &People, secret: &Secret, user: &User, stage: Stage, peer: Option<IpAddr>) -> NewSession {
    let (idle, absolute) = match stage {
        Stage::Full => (IDLE, ABSOLUTE),
        Stage::Code => (HALF_WAY, HALF_WAY),
    };
    NewSession {
        token: secret.hash(),
        user: user.id,
        site: people.session_site(),
        idle,
        absolute,
        stage,
        peer,
        vouched: false,
    }
}

pub(super) fn entered(people: &People, secret: &Secret, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    let transport = people.transport();
    let values = [transport.strict(people.session_cookie(), secret.expose()), transport.expired(people.form_cookie())];
    for value in values.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// A path of this site and nothing that a browser could take for another.
pub(crate) fn local(next: &str) -> Option<&str> {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let mut bytes = next.bytes();
    let one_slash = bytes.next() == Some(b'/') && bytes.next() != Some(b'/');
    (plain && one_slash && next.len() <= NEXT_BYTES).then_some(next)
}

pub(super) fn with_next(to: &str, next: &str) -> String {
    if next.is_empty() { to.to_owned() } else { format!("{to}?next={}", percent::encoded(next)) }
}

pub(super) async fn note_failure(
    people: &People,
    known: Option<UserId>,
    name: &str,
    peer: Option<IpAddr>,
) -> Result<(), Fault> {
    let store = &people.store;
    let Some(user) = known else {
        let mut detail = vec![("name", name.chars().take(64).collect())];
        detail.push(("site", if people.area == Area::Portal { "portal" } else { "console" }.to_owned()));
        detail.extend(peer.map(|peer| ("peer", peer.to_string())));
        let entry = AuditEntry { actor: "gateway".to_owned(), event: AuditEvent::SignInFailed, message: None, detail };
        return Ok(store.audit_append(entry).await?);
    };
    let lock = people.lockout.wait(name, None).map(|left| store.now().plus(left));
    Ok(store.sign_in_failed(user, lock, at(people, peer)).await?)
}

/// What the audit says of a try.
pub(super) fn at(people: &People, peer: Option<IpAddr>) -> SignInAt {
    SignInAt { site: people.session_site(), peer }
}

/// The names an account may have.
pub(crate) fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    (3..=64).contains(&name.len())
        && !RESERVED_NAMES.contains(&name)
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

/// The form must carry the token that belongs to this browser's cookie.
pub(crate) fn check_form(people: &People, headers: &HeaderMap, given: &str) -> Result<(), Fault> {
    let secret = form_secret(people, headers).ok_or(Fault::FormToken)?;
    if secret.form_token_is(given) { Ok(()) } else { Err(Fault::FormToken) }
}

/// The browser's form secret, and the cookie to set when it has none yet.
pub(crate) fn bound(people: &People, headers: &HeaderMap) -> Result<(Secret, Option<HeaderValue>), Fault> {
    match form_secret(people, headers) {
        Some(secret) => Ok((secret, None)),
        None => {
            let secret = Secret::random()?;
            let value = people.transport().strict(people.form_cookie(), secret.expose());
            Ok((secret, value))
        }
    }
}

/// The secret of the browser's form cookie.
pub(crate) fn form_secret(people: &People, headers: &HeaderMap) -> Option<Secret> {
    cookie::value(headers, &people.transport().name(people.form_cookie())).and_then(Secret::parse)
}

#[derive(Debug, Default)]
struct Shown {
    problem: Option<String>,
    news: Option<&'static str>,
    name: String,
    next: String,
    /// Whether somebody with an account of the provider has just left.
    from_provider: bool,
}

/// The page of signing in, with what went wrong on the way.
pub(super) async fn with_problem(
    people: &People,
    language: Language,
    headers: &HeaderMap,
    status: StatusCode,
    problem: &str,
    next: &str,
) -> Result<Response, Fault> {
    let shown = Shown { problem: Some(problem.to_owned()), next: next.to_owned(), ..Shown::default() };
    show(people, language, headers, status, shown).await
}

async fn show(
    people: &People,
    language: Language,
    headers: &HeaderMap,
    status: StatusCode,
    shown: Shown,
) -> Result<Response, Fault> {
    let (secret, set) = bound(people, headers)?;
    let mut page = Page::new(language, people.site.clone(), people.area, texts(language).sign_in);
    let no_account = people.area == Area::Console && people.store.user_count().await? == 0;
    let Shown { problem, news, name, next, from_provider } = shown;
    // After a try, and back from a provider, the address is another than that of the form.
    page.reload = if next.is_empty() { "/sign-in?".to_owned() } else { with_next("/sign-in", &next) + "&" };
    let provider = people.sources.provider.as_ref().is_some_and(|provider| provider.serves(people.area));
    let provider = provider.then(|| with_next("/sign-in/organisation", &next));
    let directory = people.sources.directory.is_some();
    let form_token = secret.form_token();
    let template =
        SignInPage { page, problem, news, no_account, directory, provider, from_provider, form_token, name, next };
    let mut response = render(status, &template);
    if let Some(value) = set {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// The page that asks for a code, or for a passkey where there is one.
pub(super) async fn ask_code(
    people: &People,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<String>,
    next: &str,
) -> Result<Response, Fault> {
    let page = visitor.own_page(people, visitor.texts().code_title);
    let passkey = passkeys::question(people, visitor).await?;
    Ok(render(status, &CodePage { page, problem, passkey, form_token: visitor.form_token(), next: next.to_owned() }))
}

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    problem: Option<String>,
    news: Option<&'static str>,
    no_account: bool,
    directory: bool,
    /// The way to the provider.
    provider: Option<String>,
    from_provider: bool,
    form_token: String,
    name: String,
    next: String,
}

#[derive(Debug, Template)]
#[template(path = "sign_in_code.html")]
struct CodePage {
    page: Page,
    problem: Option<String>,
    passkey: Option<passkeys::Question>,
    form_token: String,
    next: String,
}

/// Length of a recovery code in base 32: 80 random bits, which cannot be tried out.
pub(super) const RECOVERY_CHARACTERS: usize = 16;
/// A session ends when unused for this long (NIST SP 800-63B 2.2.3: at most an hour), …
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// … and after a working day in any case.
const ABSOLUTE: Duration = Duration::from_secs(10 * 60 * 60);
/// Between password and code.
const HALF_WAY: Duration = Duration::from_secs(5 * 60);
/// Longest name that is looked for.
const LONGEST_NAME: usize = 256;
/// How long a failed try takes at least where a directory is asked.
const FAILURE_TAKES: Duration = Duration::from_millis(400);
/// Longest address that one is led to after signing in.
const NEXT_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names_are_plain() {
        for good in ["abc", "kanri01", "a.b-c_d", &format!("a{}", "b".repeat(63))] {
            assert!(valid_name(good), "{good}");
        }
        for bad in ["", "ab", "1abc", "Abc", "a b", "管理者", "a<b", "gateway", "setup", "icap", &"a".repeat(65)] {
            assert!(!valid_name(bad), "{bad}");
        }
    }

    #[test]
    fn one_is_led_to_this_site_only() {
        for good in ["/", "/r/20261121-8F3K2", "/messages?q=a&b=%2F%2Fx"] {
            assert_eq!(local(good), Some(good));
        }
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/\n", "x", "/\u{7f}"] {
            assert_eq!(local(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        let hash = recovery_hash("ABCD-EFGH-IJKL-MN23").unwrap();
        assert_eq!(recovery_hash(" abcd efgh ijkl mn23"), Some(hash));
        assert_ne!(recovery_hash("ABCD-EFGH-IJKL-MN24"), Some(hash));
        assert_eq!(recovery_hash("ABCD-EFGH-IJKL"), None);
    }
}
