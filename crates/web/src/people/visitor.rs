//! The signed-in person behind a request, found anew for every one.

use std::time::Duration;

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, request::Parts},
};
use engine::catalogue::Language;
use store::{Scope, SessionId, Source, Stage, User};

use super::{People, external::By, keys, sign_in};
use crate::{
    fault::Fault,
    page::{Area, NavItem, Page, SessionEnds, SignedIn},
    role::{self, Permission},
    secret::Secret,
    texts::{Texts, texts},
};

/// Somebody signed in, and the page's language. The gate has made sure of what the route needs.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) user: User,
    pub(crate) stage: Stage,
    /// Whether a provider has asked for a second factor, and its word counts.
    pub(super) vouched: bool,
    pub(crate) language: Language,
    /// The same page in another language: its address up to the language.
    pub(super) reload: String,
    credential: Credential,
}

/// What showed who it is.
#[derive(Debug, Clone)]
enum Credential {
    /// The session's secret, and how much longer it can go on.
    Session(Secret, Duration),
    /// A program's key, which allows no more than these.
    Key(Vec<Scope>),
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Fault;

    /// A handler that takes a visitor behind a gate that lets everybody in is refused to everybody.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Fault> {
        parts.extensions.get::<Visitor>().cloned().ok_or(Fault::Unauthorised)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Fault> {
        Ok(parts.extensions.get::<Visitor>().cloned())
    }
}

impl Visitor {
    /// The session behind the cookie, if it is still good.
    pub(super) async fn find(
        people: &People,
        headers: &HeaderMap,
        language: Language,
    ) -> Result<Option<Visitor>, Fault> {
        let Some(secret) = people.session_secret(headers) else { return Ok(None) };
        let Some(session) = people.store.session(&secret.hash(), people.session_site()).await? else { return Ok(None) };
        if !people.sources.believe(&session.user, By::Session, people.store.now()) {
            return Ok(None);
        }
        let left = people.sources.left(&session, people.store.now());
        let credential = Credential::Session(secret, left);
        let store::Session { user, stage, vouched, .. } = session;
        Ok(Some(Visitor { user, stage, vouched, language, reload: String::new(), credential }))
    }

    /// The owner of a key, if it is still good.
    pub(super) async fn of_key(
        people: &People,
        key: Option<Secret>,
        language: Language,
    ) -> Result<Option<Visitor>, Fault> {
        let Some(key) = key else { return Ok(None) };
        let Some(key) = people.store.api_key(&key.hash()).await? else { return Ok(None) };
        if !people.sources.believe(&key.user, By::Key, people.store.now()) {
            return Ok(None);
        }
        let credential = Credential::Key(key.scopes);
        // Whoever made the key was past the second factor, with the provider or here.
        let vouched = key.user.source == Source::Provider;
        Ok(Some(Visitor { user: key.user, stage: Stage::Full, vouched, language, reload: String::new(), credential }))
    }

    /// Refuses when the role lacks the permission.
    pub(crate) fn may(&self, permission: Permission) -> Result<(), Fault> {
        let within = match &self.credential {
            Credential::Session(..) => true,
            Credential::Key(scopes) => scopes.iter().any(|scope| keys::permissions(*scope).contains(&permission)),
        };
        if within && role::allows(self.user.role, permission) { Ok(()) } else { Err(Fault::Forbidden) }
    }

    /// The token that a form of this session carries; a program has no forms.
    pub(crate) fn form_token(&self) -> String {
        self.secret().map(Secret::form_token).unwrap_or_default()
    }

    /// Refuses a form that does not carry the session's token.
    pub(crate) fn proved(&self, given: &str) -> Result<(), Fault> {
        if self.secret()?.form_token_is(given) { Ok(()) } else { Err(Fault::FormToken) }
    }

    /// The session's secret, for what depends on it. A program has none.
    pub(super) fn secret(&self) -> Result<&Secret, Fault> {
        match &self.credential {
            Credential::Session(secret, _) => Ok(secret),
            Credential::Key(_) => Err(Fault::Forbidden),
        }
    }

    /// The session's name in lists.
    pub(crate) fn session_id(&self) -> Result<SessionId, Fault> {
        self.secret().map(|secret| SessionId::of(&secret.hash()))
    }

    /// Texts in the visitor's language.
    pub(crate) fn texts(&self) -> &'static Texts {
        texts(self.language)
    }

    /// The frame with the navigation that the role allows.
    pub(crate) fn page(&self, people: &People, title: &str, here: impl Into<Here>) -> Page {
        let t = self.texts();
        let role = self.user.role;
        let here = here.into();
        let mut page = Page::new(self.language, people.site.clone(), people.area, title);
        let entries: &[(&str, &str, Permission)] = match people.area {
            Area::Portal => &[
                ("/", t.upload_title, Permission::Upload),
                ("/history", t.nav_history, Permission::History),
                ("/requests", t.nav_requests, Permission::Requests),
                ("/approvals", t.nav_approvals, Permission::Decide),
            ],
            Area::Console => &[
                ("/", t.nav_dashboard, Permission::Dashboard),
                ("/messages", t.nav_messages, Permission::Tracking),
                ("/quarantine", t.nav_quarantine, Permission::Quarantine),
                ("/approvals", t.nav_requests_all, Permission::Approvals),
                ("/users", t.nav_users, Permission::Users),
                ("/policy", t.nav_policy, Permission::Policy),
                ("/audit", t.nav_audit, Permission::Audit),
                ("/system", t.nav_system, Permission::System),
                ("/webhooks", t.nav_webhooks, Permission::Webhooks),
                ("/tenants", t.nav_tenants, Permission::Tenants),
            ],
        };
        page.nav = entries
            .iter()
            .filter(|(_, _, permission)| role::allows(role, *permission))
            .filter(|(_, _, permission)| *permission != Permission::Tenants || people.tells_of_tenants())
            .map(|(href, text, permission)| NavItem { href, text, current: here == Here::Behind(*permission) })
            .collect();
        if people.area == Area::Portal && role::allows(role, Permission::Upload) {
            page.nav.push(NavItem::help(t, here));
        }
        // Half-way there is nothing to lose yet.
        let left = match &self.credential {
            Credential::Session(_, left) if self.stage == Stage::Full => *left,
            Credential::Session(..) | Credential::Key(_) => Duration::ZERO,
        };
        page.user = Some(SignedIn {
            name: self.user.name.clone(),
            role: role::name(role, t),
            form_token: self.form_token(),
            // This very request may have left the time of last use as it was.
            session: SessionEnds { idle: sign_in::IDLE.saturating_sub(store::SEEN_EVERY), left },
        });
        page.reload = self.reload.clone();
        page
    }

    /// The frame of a page of one's own account: no navigation while the sign-in is not finished.
    pub(super) fn own_page(&self, people: &People, title: &str) -> Page {
        let mut page = self.page(people, title, Here::Account);
        if self.stage != Stage::Full || super::gate::due(self).is_some() {
            page.nav.clear();
        }
        page
    }
}

/// Where a page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    /// At the entry of that permission.
    Behind(Permission),
    /// In one's own account.
    Account,
    /// At the help of the portal.
    Help,
}

impl From<Permission> for Here {
    fn from(permission: Permission) -> Self {
        Here::Behind(permission)
    }
}
