//! Asking the provider again about somebody who is signed in, in passing: the browser goes there and back on its way to a page
//! (`prompt=none`), and whoever the provider no longer vouches for is signed out.
//!
//! It is the session that goes on, and no longer than it would anyhow: what is renewed is how long the provider is believed.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use store::{Session, SessionId, Source, Stage, Timestamp, UserId};

use super::{
    People,
    by_provider::{self, Leaving},
    provider::{Asking, Identity, Provider, ProviderError},
    sign_in::{self, Came},
};
use crate::{fault::Fault, texts::texts};

/// A session that goes on if the provider says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Renewal {
    pub(super) user: UserId,
    pub(super) session: SessionId,
    /// Whether the session is past a second factor on the provider's word alone.
    pub(super) vouched: bool,
}

impl Renewal {
    /// As it stands in the cookie of whoever is on the way.
    pub(super) fn written(&self) -> String {
        format!("{}.{}.{}", self.user.0, self.session.as_str(), u8::from(self.vouched))
    }

    /// What was written.
    pub(super) fn read(user: &str, session: &str, vouched: &str) -> Option<Self> {
        let vouched = match vouched {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        Some(Self { user: UserId(user.parse().ok()?), session: SessionId::parse(session)?, vouched })
    }
}

/// Sessions about which the provider was asked lately: where it does not answer, a browser is not sent there again and again.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<VecDeque<(SessionId, Timestamp)>>);

impl Asked {
    fn lately(&self, session: &SessionId, now: Timestamp, pause: Duration) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|(other, at)| other == session && now.since(*at) < pause)
    }

    /// Notes that it is asked about a session now; whether that was not done lately. Of two windows that go at once one goes by the
    /// provider, because both have the one cookie for the way.
    fn first(&self, session: &SessionId, now: Timestamp, pause: Duration) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.iter().any(|(other, at)| other == session && now.since(*at) < pause) {
            return false;
        }
        asked.retain(|(other, _)| other != session);
        if asked.len() >= REMEMBERED {
            asked.pop_front();
        }
        asked.push_back((session.clone(), now));
        true
    }
}

/// Where a browser is going that asks for one of the pages by which people come all the time: what is downloaded or filled in there is
/// not interrupted.
pub(super) fn destination(request: &Request) -> Option<String> {
    let says = |name: &str, value: &str| request.headers().get(name).is_some_and(|given| given == value);
    let goes = *request.method() == Method::GET
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && PAGES.contains(&request.uri().path());
    let to = request.uri().path_and_query().filter(|_| goes)?;
    sign_in::local(to.as_str()).map(str::to_owned)
}

/// The way by the provider to `destination`, when it is time to ask about whoever goes there.
pub(super) async fn due(people: &People, headers: &HeaderMap, destination: &str) -> Result<Option<String>, Fault> {
    let Some(provider) = renewing(people) else { return Ok(None) };
    let Some((session, id)) = session(people, headers).await? else { return Ok(None) };
    let now = people.store.now();
    let old = session.user.confirmed.is_some_and(|confirmed| now.since(confirmed) >= provider.session() / 2);
    let is_due = old && !people.asked.lately(&id, now, pause(provider));
    Ok(is_due.then(|| sign_in::with_next("/sign-in/organisation/again", destination)))
}

/// `GET /sign-in/organisation/again`
pub(crate) async fn again(
    State(people): State<People>,
    Query(came): Query<Came>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let provider = renewing(&people).ok_or(Fault::NotFound)?;
    let next = sign_in::local(&came.next).unwrap_or_default();
    let Some((Session { user, vouched, .. }, session)) = session(&people, &headers).await? else {
        return Ok(Redirect::to(&sign_in::with_next("/sign-in", next)).into_response());
    };
    let onward = || Redirect::to(if next.is_empty() { "/" } else { next }).into_response();
    if !people.asked.first(&session, people.store.now(), pause(provider)) {
        return Ok(onward());
    }
    let renewal = Renewal { user: user.id, session, vouched };
    let leaving = Leaving { next, asking: Asking::Silently(&user.name), renewal: Some(&renewal) };
    // A browser that is sent to a provider that is away stays at an error of its own.
    let way = match provider.is_there().await {
        Ok(()) => by_provider::set_out(&people, provider, leaving).await?,
        Err(error) => Err(error),
    };
    match way {
        Ok(response) => Ok(response),
        Err(error) => {
            tracing::warn!(event = "provider_unavailable", error = &error as &dyn std::error::Error);
            Ok(onward())
        }
    }
}

/// The end of such a way: the session goes on, or is over.
pub(super) async fn back(
    people: &People,
    language: Language,
    headers: &HeaderMap,
    renewal: &Renewal,
    next: &str,
    learnt: Result<Option<Identity>, ProviderError>,
) -> Result<Response, Fault> {
    let t = texts(language);
    let over = match learnt {
        // What it said last counts as long as it does.
        Err(error) if !error.is_bad_answer() => {
            tracing::warn!(event = "provider_unavailable", error = &error as &dyn std::error::Error);
            None
        }
        Err(error) => {
            tracing::warn!(event = "provider_token_refused", error = &error as &dyn std::error::Error);
            Some(t.sign_in_over)
        }
        Ok(None) => Some(t.sign_in_over),
        Ok(Some(identity)) => match still(people, renewal, identity).await? {
            Standing::Known => None,
            Standing::WithoutRole => Some(t.sign_in_no_role),
            Standing::Unknown => Some(t.sign_in_over),
        },
    };
    let Some(problem) = over else { return Ok(by_provider::onward(people, language, next)) };
    people.store.close_session_of(renewal.user, &renewal.session, GATEWAY).await?;
    let mut response =
        sign_in::with_problem(people, language, headers, StatusCode::UNAUTHORIZED, problem, next).await?;
    if let Some(value) = people.transport().expired(people.session_cookie()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// What a provider says of somebody it is asked about again.
enum Standing {
    Known,
    /// Their groups give no role any more.
    WithoutRole,
    /// It is somebody else who is signed in there, or no second factor was asked for.
    Unknown,
}

async fn still(people: &People, renewal: &Renewal, identity: Identity) -> Result<Standing, Fault> {
    let known = people.store.external_account(Source::Provider, &identity.subject).await?;
    if known != Some(renewal.user) || (renewal.vouched && !identity.second_factor) {
        return Ok(Standing::Unknown);
    }
    let Some(who) = identity.who else {
        people.store.external_gone(renewal.user).await?;
        return Ok(Standing::WithoutRole);
    };
    match people.store.external_sign_in(who).await {
        Ok(_) => Ok(Standing::Known),
        // Renamed to the name of a local account.
        Err(store::Error::Exists(_)) => {
            people.store.external_gone(renewal.user).await?;
            Ok(Standing::Unknown)
        }
        Err(error) => Err(error.into()),
    }
}

/// How long after asking it is not asked again about the same session.
fn pause(provider: &Provider) -> Duration {
    (provider.session() / 8).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// The provider of this site, where it is asked again in passing.
fn renewing(people: &People) -> Option<&Provider> {
    people.sources.provider.as_ref().filter(|provider| provider.renews() && provider.serves(people.area))
}

/// The session of somebody of whom the provider has said that they may sign in, whether or not it is still believed.
async fn session(people: &People, headers: &HeaderMap) -> Result<Option<(Session, SessionId)>, Fault> {
    let Some(secret) = people.session_secret(headers) else { return Ok(None) };
    let session = people.store.session(&secret.hash(), people.session_site()).await?;
    let of_provider = |session: &Session| {
        session.stage == Stage::Full && session.user.source == Source::Provider && session.user.confirmed.is_some()
    };
    Ok(session.filter(of_provider).map(|session| (session, SessionId::of(&secret.hash()))))
}

/// The pages of the navigation and one's own account: none of them is a download.
const PAGES: [&str; 9] =
    ["/", "/history", "/requests", "/approvals", "/messages", "/quarantine", "/users", "/audit", "/account"];
const GATEWAY: &str = "gateway";
/// Sessions that are remembered.
const REMEMBERED: usize = 10_000;
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> SessionId {
        SessionId::parse(&format!("{number:016x}")).unwrap()
    }

    #[test]
    fn what_is_on_the_way_is_read_as_it_was_written() {
        for vouched in [true, false] {
            let renewal = Renewal { user: UserId(7), session: id(5), vouched };
            let written = renewal.written();
            let parts: Vec<&str> = written.split('.').collect();
            assert_eq!(Renewal::read(parts[0], parts[1], parts[2]), Some(renewal));
        }
        assert_eq!(Renewal::read("7", "5", "1"), None);
        assert_eq!(Renewal::read("7", "0000000000000005", "2"), None);
        assert_eq!(Renewal::read("", "0000000000000005", "1"), None);
    }

    #[test]
    fn who_was_asked_about_is_remembered_for_a_while_and_not_without_end() {
        let asked = Asked::default();
        let (begin, pause) = (Timestamp::from_unix_millis(1_000), Duration::from_secs(5));
        assert!(asked.first(&id(0), begin, pause));
        assert!(!asked.first(&id(0), begin.plus(Duration::from_secs(4)), pause));
        assert!(asked.lately(&id(0), begin.plus(Duration::from_secs(4)), pause));
        assert!(!asked.lately(&id(0), begin.plus(Duration::from_secs(5)), pause));
        assert!(!asked.lately(&id(1), begin, pause));
        for number in 0..=REMEMBERED {
            asked.first(&id(number), begin, pause);
        }
        assert_eq!(asked.0.lock().unwrap().len(), REMEMBERED);
        assert!(!asked.lately(&id(0), begin, pause) && asked.lately(&id(REMEMBERED), begin, pause));
    }

    #[test]
    fn every_page_on_the_way_to_which_somebody_is_asked_about_is_a_route() {
        let routes = crate::routes();
        for page in PAGES {
            assert!(routes.iter().any(|route| route.method == "GET" && route.path == page), "{page}");
        }
    }
}
