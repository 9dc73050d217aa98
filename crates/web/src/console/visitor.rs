//! Who is asking: the session behind the cookie, found anew for every request.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use engine::catalogue::Language;
use store::{Session, Site};

use super::Console;
use crate::{
    cookie::{self, Transport},
    fault::Fault,
    page::{Area, NavItem, Page, SignedIn},
    role::{self, Permission},
    secret::Secret,
    texts::{Texts, texts},
};

/// A signed-in administrator and the page's language. A handler that takes one is refused to everybody else, and says
/// with [`Visitor::may`] what it needs.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) session: Session,
    pub(crate) secret: Secret,
    pub(crate) language: Language,
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Fault> {
        let secret = session_secret(console, &parts.headers).ok_or(Fault::Unauthorised)?;
        let session = console.state.store.session(&secret.hash(), Site::Admin).await?.ok_or(Fault::Unauthorised)?;
        let language = parts.extensions.get::<Language>().copied().unwrap_or_default();
        Ok(Self { session, secret, language })
    }
}

impl Visitor {
    /// Refuses when the role lacks the permission.
    pub(crate) fn may(&self, permission: Permission) -> Result<(), Fault> {
        if role::allows(self.session.user.role, permission) { Ok(()) } else { Err(Fault::Forbidden) }
    }

    /// Texts in the visitor's language.
    pub(crate) fn texts(&self) -> &'static Texts {
        texts(self.language)
    }

    /// The frame with the navigation that the role allows.
    pub(crate) fn page(&self, console: &Console, title: &str, here: Permission) -> Page {
        let t = self.texts();
        let role = self.session.user.role;
        let mut page = Page::new(self.language, console.state.site.clone(), Area::Console, title);
        page.nav = [
            ("/", t.nav_dashboard, Permission::Dashboard),
            ("/messages", t.nav_messages, Permission::Tracking),
            ("/quarantine", t.nav_quarantine, Permission::Quarantine),
            ("/audit", t.nav_audit, Permission::Audit),
        ]
        .into_iter()
        .filter(|(_, _, permission)| role::allows(role, *permission))
        .map(|(href, text, permission)| NavItem { href, text, current: permission == here })
        .collect();
        page.user = Some(SignedIn {
            name: self.session.user.name.clone(),
            role: role::name(role, t),
            form_token: self.secret.form_token(),
        });
        page
    }
}

/// The secret in the session cookie, whether or not there is such a session.
fn session_secret(console: &Console, headers: &HeaderMap) -> Option<Secret> {
    cookie::value(headers, &transport(console).name(SESSION)).and_then(Secret::parse)
}

/// How the console's cookies travel.
pub(super) fn transport(console: &Console) -> Transport {
    Transport::of(&console.state.site.admin_url)
}

/// Base name of the session cookie.
pub(super) const SESSION: &str = "misogi_admin";
/// Base name of the cookie that a form is bound to before anybody has signed in.
pub(super) const FORM: &str = "misogi_admin_form";
