//! The organisations that run on this machine: the gateway's own, and tenants that come and go while it runs.

mod changes;
mod known;
mod serving;

use std::sync::{Arc, RwLock};

use anyhow::Result;
use axum::Router;
use tokio::sync::{Mutex, MutexGuard, Notify, mpsc};
use web::{Proxies, Sites, TenantFault};

use crate::machine::Machine;
use crate::roles::{Roles, TenantRoles};
use crate::tenancy::Tenancy;

pub(crate) use known::Recipients;
use known::{Known, Listed, Parts};

/// All of them. What a request or a mail is for is decided by a name: a tenant's parts are reached through [`Sites`], [`Proxies`] and [`Recipients`], and
/// through nothing else.
pub(crate) struct Tenancies {
    machine: Machine,
    own: Tenancy,
    portal: Sites,
    admin: Sites,
    proxies: Proxies,
    known: RwLock<Known>,
    /// One change at a time.
    changing: Mutex<()>,
    coming: mpsc::UnboundedSender<TenantRoles>,
    /// The parts of a tenant have ended.
    over: Arc<Notify>,
}

impl Tenancies {
    /// Starts the gateway's own organisation and every tenant that stands in its store.
    pub(crate) async fn begin(
        machine: Machine,
        own: Tenancy,
        roles: &mut Roles,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<TenantRoles>)> {
        let (coming, receiver) = mpsc::unbounded_channel();
        let tenants = own.store.tenants().await?;
        let proxies = Proxies::of(machine.config.proxies_of_tenants());
        let all = Arc::new(Self {
            machine,
            own,
            portal: Sites::default(),
            admin: Sites::default(),
            proxies,
            known: RwLock::default(),
            changing: Mutex::default(),
            coming,
            over: Arc::default(),
        });
        all.change_known(|known| known.tenants = tenants.into_iter().map(Listed::unserved).collect());
        let pages = all.own.start(&all.machine, Some(all.clone()), all.count(), roles)?;
        all.portal.set_own(pages.portal);
        all.admin.set_own(pages.admin);
        for key in all.machine.config.tenants.keys() {
            if !all.known().tenants.keys().any(|known| known.as_str() == key) {
                tracing::warn!(event = "tenant_sections_unused", tenant = key);
            }
        }
        all.serve_all().await;
        roles.start("tenants", all.clone().look_after());
        Ok((all, receiver))
    }

    /// Holds back every other change; fails once the gateway is stopping.
    async fn alone(&self) -> Result<MutexGuard<'_, ()>, TenantFault> {
        let alone = self.changing.lock().await;
        if self.machine.shutdown.is_cancelled() { Err(TenantFault::Failed) } else { Ok(alone) }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn own(&self) -> &Tenancy {
        &self.own
    }

    /// Portal and console, each with the sites of all.
    pub(crate) fn sites(&self) -> (Router, Router) {
        (self.portal.router(), self.admin.router())
    }

    /// Whose proxies speak for which tenant.
    pub(crate) fn proxies(&self) -> Proxies {
        self.proxies.clone()
    }

    /// Closes every store, once nothing works with them any more and no change is on its way.
    pub(crate) async fn close(&self) {
        let _alone = self.changing.lock().await;
        let parts: Vec<Parts> = self.known().tenants.values().filter_map(|listed| listed.parts.clone()).collect();
        for Parts { store, .. } in parts {
            store.close().await;
        }
        self.own.store.close().await;
    }

    fn count(&self) -> usize {
        self.known().tenants.len().saturating_add(1)
    }
}

impl std::fmt::Debug for Tenancies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tenancies({})", self.count())
    }
}
