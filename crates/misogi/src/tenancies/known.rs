//! Which tenants there are, which of them are served, and whose mail is whose.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLockReadGuard};

use mail::intake::{Owner, Owners, Stores};
use store::{Store, Tenant, TenantKey};
use tokio_util::sync::CancellationToken;
use web::{Readiness, Site};

use super::Tenancies;

/// The tenants beside the gateway's own organisation.
#[derive(Default)]
pub(super) struct Known {
    pub(super) tenants: BTreeMap<TenantKey, Listed>,
    /// Whose mail a domain's is.
    pub(super) domains: HashMap<String, TenantKey>,
}

/// A tenant that stands in the list. It stays known while it is not served: its mail must not become another's, and waits with its senders.
pub(super) struct Listed {
    pub(super) tenant: Tenant,
    /// Its parts; `None` where they could not be started.
    pub(super) parts: Option<Parts>,
}

impl Listed {
    /// As it stands in the list.
    pub(super) fn unserved(tenant: Tenant) -> (TenantKey, Self) {
        (tenant.key.clone(), Self { tenant, parts: None })
    }

    /// Its parts, where all of them are at work.
    pub(super) fn served(&self) -> Option<&Parts> {
        self.parts.as_ref().filter(|parts| !parts.shutdown.is_cancelled())
    }
}

/// What works for a tenant.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) site: Arc<Site>,
    pub(super) readiness: Readiness,
    /// Tells them to stop. They tell so themselves where one of them ends.
    pub(super) shutdown: CancellationToken,
    /// They have.
    pub(super) ended: CancellationToken,
}

impl Tenancies {
    pub(super) fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change_known(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let claimed = known.tenants.values().flat_map(|listed| {
            let Tenant { key, settings, .. } = &listed.tenant;
            settings.domains.iter().map(|domain| (domain.as_str().to_owned(), key.clone()))
        });
        known.domains = claimed.collect();
    }

    pub(super) fn served(&self, key: &TenantKey) -> Option<Parts> {
        self.known().tenants.get(key).and_then(Listed::served).cloned()
    }
}

/// Whose mail it is, by the domains of its recipients. What nobody claims is the gateway's own organisation's.
#[derive(Debug)]
pub(crate) struct Recipients(pub(crate) Arc<Tenancies>);

impl Owners for Recipients {
    fn owner(&self, domain: &str) -> Owner {
        let known = self.0.known();
        known.domains.get(domain).map_or(Owner::Own, |key| Owner::Tenant(key.as_str().into()))
    }
}

impl Stores for Recipients {
    fn store(&self, owner: &Owner) -> Option<Store> {
        match owner {
            Owner::Own => Some(self.0.own.store.clone()),
            Owner::Tenant(key) => self.0.served(&TenantKey::parse(key)?).map(|parts| parts.store),
        }
    }
}
