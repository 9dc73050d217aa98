//! Who is asking: accounts, signing in on either site, second factors, and the one place where a request is admitted.
//!
//! Portal and console have this code and the counter of failures in common and nothing else: each has its own cookies, its own
//! sessions, and its own doors.

pub(crate) mod account;
mod by_directory;
mod by_provider;
mod directory;
pub(crate) mod external;
mod factor;
mod gate;
pub(crate) mod keys;
mod passkeys;
mod picture;
mod provider;
mod renewal;
pub(crate) mod sign_in;
mod totp;
mod trust;
mod visitor;
mod webauthn;

use std::sync::Arc;

use axum::{extract::FromRef, http::HeaderMap};
use store::Store;

pub use directory::{BadSetting, Directory, DirectoryError, DirectorySettings, Groups};
pub use external::{Sources, follow};
pub(crate) use factor::{derived, readable};
pub(crate) use gate::{Gate, Need, Reload, gate};
pub use provider::{BadToken, Provider, ProviderError, ProviderSettings, ProviderSites, Renewal};
pub use trust::{Credential, Tls};
pub(crate) use visitor::{Here, Visitor};

use crate::{
    Metrics, Site, Tenants,
    cookie::{self, Transport},
    doors::{self, Door},
    lockout::Lockout,
    page::Area,
    password::{self, Passwords},
    role::Permission,
    secret::{NoRandomness, Secret},
};

/// Who may use the staff portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PortalAccess {
    /// Everybody who reaches it; a result is found by its unguessable address alone.
    #[default]
    Anybody,
    /// Whoever has an account; a result is found by whoever uploaded it.
    Accounts,
}

/// What signing in on one site works with.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) store: Store,
    pub(crate) site: Arc<Site>,
    pub(crate) area: Area,
    pub(crate) access: PortalAccess,
    pub(crate) metrics: Metrics,
    pub(crate) passwords: Passwords,
    sources: Sources,
    lockout: Lockout,
    /// On the console of whoever runs the gateway.
    tenants: Option<Arc<dyn Tenants>>,
    ended: Arc<by_provider::Ended>,
    asked: Arc<renewal::Asked>,
    /// Secrets that are offered for enrolment depend on it, so that a stolen cookie does not give them away later.
    pepper: Arc<Secret>,
}

/// What both sites have in common.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// Failed sign-ins.
    pub(crate) lockout: Lockout,
    /// Who vouches for users beside the gateway.
    pub(crate) sources: Sources,
    /// The organisations that are served, for whoever runs the gateway.
    pub(crate) tenants: Option<Arc<dyn Tenants>>,
}

/// Why a site could not be made ready for sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unready {
    #[error("argon2id could not be computed")]
    Passwords(#[from] password::Error),
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl People {
    pub(crate) fn new(
        store: Store,
        site: Arc<Site>,
        area: Area,
        access: PortalAccess,
        metrics: Metrics,
        shared: Shared,
    ) -> Result<Self, Unready> {
        let (passwords, pepper) = (Passwords::new()?, Arc::new(Secret::random()?));
        let Shared { lockout, sources, tenants } = shared;
        let (ended, asked) = (Arc::default(), Arc::default());
        Ok(Self { store, site, area, access, metrics, passwords, sources, lockout, tenants, ended, asked, pepper })
    }

    /// Whether there is anything to sign in to.
    pub(crate) fn has_accounts(&self) -> bool {
        self.area == Area::Console || self.access == PortalAccess::Accounts
    }

    /// Whether there is a word to be said of tenants here.
    pub(crate) fn tells_of_tenants(&self) -> bool {
        self.tenants.as_ref().is_some_and(|tenants| tenants.are_several())
    }

    /// What a role needs to come in at all.
    pub(crate) fn entrance(&self) -> Permission {
        match self.area {
            Area::Portal => Permission::Upload,
            Area::Console => Permission::Dashboard,
        }
    }

    /// Which sessions count here.
    pub(crate) fn session_site(&self) -> store::Site {
        match self.area {
            Area::Portal => store::Site::Portal,
            Area::Console => store::Site::Admin,
        }
    }

    /// How the site's cookies travel.
    pub(crate) fn transport(&self) -> Transport {
        Transport::of(match self.area {
            Area::Portal => &self.site.portal_url,
            Area::Console => &self.site.admin_url,
        })
    }

    /// Base name of the session cookie.
    pub(crate) fn session_cookie(&self) -> &'static str {
        match self.area {
            Area::Portal => "misogi_staff",
            Area::Console => "misogi_admin",
        }
    }

    /// Base name of the cookie that a form is bound to before anybody has signed in.
    pub(crate) fn form_cookie(&self) -> &'static str {
        match self.area {
            Area::Portal => "misogi_form",
            Area::Console => "misogi_admin_form",
        }
    }

    /// Base name of the cookie of whoever is on the way to a provider and back.
    fn travel_cookie(&self) -> &'static str {
        match self.area {
            Area::Portal => "misogi_travel",
            Area::Console => "misogi_admin_travel",
        }
    }

    /// The secret in the session cookie, whether or not there is such a session.
    pub(crate) fn session_secret(&self, headers: &HeaderMap) -> Option<Secret> {
        cookie::value(headers, &self.transport().name(self.session_cookie())).and_then(Secret::parse)
    }
}

/// The doors of signing in and of one's own account, which both sites have; `entrance` is what a role needs to come in at all.
pub(crate) fn doors<S>(entrance: Permission) -> Vec<Door<S>>
where
    S: Clone + Send + Sync + 'static,
    People: FromRef<S>,
{
    use Need::{Anyone, Begun, May, Own};
    vec![
        doors::get("/sign-in", Anyone, sign_in::form).of_accounts(),
        doors::post("/sign-in", Anyone, sign_in::submit).of_accounts(),
        doors::get("/sign-in/organisation", Anyone, by_provider::leave).of_accounts(),
        doors::get("/sign-in/organisation/again", Anyone, renewal::again).of_accounts(),
        doors::get("/sign-in/organisation/callback", Anyone, by_provider::come_back).of_accounts(),
        doors::get("/sign-in/organisation/out", Anyone, by_provider::out).of_accounts(),
        doors::get("/sign-in/code", Begun, sign_in::code_form).of_accounts(),
        doors::post("/sign-in/code", Begun, sign_in::code_submit).of_accounts(),
        doors::post("/sign-in/passkey", Begun, passkeys::sign).of_accounts(),
        doors::post("/sign-out", Begun, sign_in::sign_out).of_accounts(),
        doors::get("/account", Own, account::page).of_accounts(),
        doors::post("/account/sessions", Own, account::end_session).of_accounts(),
        doors::get("/account/password", Own, account::password_form).of_accounts(),
        doors::post("/account/password", Own, account::password_submit).of_accounts(),
        doors::get("/account/second-factor", Own, factor::form).of_accounts(),
        doors::post("/account/second-factor", Own, factor::submit).of_accounts(),
        doors::get("/account/recovery-codes", Own, factor::renewal_form).of_accounts(),
        doors::post("/account/recovery-codes", Own, factor::renew).of_accounts(),
        doors::get("/account/passkeys", May(entrance), passkeys::page).of_accounts(),
        doors::post("/account/passkeys", May(entrance), passkeys::create).of_accounts(),
        doors::post("/account/passkeys/remove", May(entrance), passkeys::remove).of_accounts(),
        doors::get("/account/keys", May(entrance), keys::page).of_accounts(),
        doors::post("/account/keys", May(entrance), keys::create).of_accounts(),
        doors::post("/account/keys/end", May(entrance), keys::end).of_accounts(),
    ]
}
