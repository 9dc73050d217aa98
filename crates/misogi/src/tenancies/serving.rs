//! Beginning and ending of what works for a tenant.

use std::convert::Infallible;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use store::{Tenant, TenantKey};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use web::{Condition, Readiness, TenantFault};

use super::Tenancies;
use super::known::{Listed, Parts};
use crate::config::{Config, TENANTS};
use crate::gateway;
use crate::roles::{Roles, TenantRoles};
use crate::tenancy::Tenancy;
use crate::worker::chain;

/// How soon it is tried again to serve a tenant that could not be served.
const TRY_AGAIN: Duration = Duration::from_secs(15);

impl Tenancies {
    /// Puts aside at once what has ended by itself, and tries from time to time to serve what is not served. A fault of one tenant is no other's.
    pub(super) async fn look_after(self: Arc<Self>) -> Result<(), Infallible> {
        let shutdown = self.machine.shutdown.clone();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = self.over.notified() => self.put_aside().await,
                () = tokio::time::sleep(TRY_AGAIN) => self.serve_all().await,
            }
        }
    }

    async fn put_aside(&self) {
        let Ok(_alone) = self.alone().await else { return };
        let is_over = |listed: &Listed| listed.parts.is_some() && listed.served().is_none();
        let over: Vec<TenantKey> = {
            let known = self.known();
            known.tenants.iter().filter(|(_, listed)| is_over(listed)).map(|(key, _)| key.clone()).collect()
        };
        for key in over {
            self.halt(&key).await;
        }
        self.post();
    }

    /// Serves every tenant of the list that is not served.
    pub(super) async fn serve_all(&self) {
        let Ok(_alone) = self.alone().await else { return };
        match self.own.store.tenants().await {
            Ok(tenants) => {
                for tenant in tenants {
                    let key = tenant.key.clone();
                    if self.served(&key).is_some() {
                        continue;
                    }
                    self.halt(&key).await;
                    if let Err(error) = self.serve(tenant).await {
                        unserved(&key, &error);
                    }
                }
            }
            Err(error) => tracing::error!(event = "tenants_store_failed", error = chain(&error)),
        }
        self.post();
    }

    /// Posts on the board of whoever runs the gateway whether every tenant is served and its mail leaves. Where there is none, nothing is said of them.
    pub(super) fn post(&self) {
        let (all, missing) = {
            let known = self.known();
            let is_well = |listed: &&Listed| listed.served().is_some_and(|parts| parts.readiness.is_well());
            let well = known.tenants.values().filter(is_well).count();
            (known.tenants.len(), known.tenants.len().saturating_sub(well))
        };
        let readiness = &self.own.readiness;
        match (all, missing) {
            (0, _) => readiness.withdraw(Readiness::TENANTS),
            (_, 0) => readiness.report(Readiness::TENANTS, Condition::Good),
            _ => {
                let detail = format!("{missing} of {all} are not served, or cannot deliver");
                readiness.report(Readiness::TENANTS, Condition::Degraded(detail));
            }
        }
    }

    /// Notes what a tenant is, and serves it. Where that fails it is known all the same, and tried again later.
    pub(super) async fn serve(&self, tenant: Tenant) -> Result<()> {
        let key = tenant.key.clone();
        self.change_known(|known| drop(known.tenants.insert(key.clone(), Listed::unserved(tenant.clone()).1)));
        let parts = self.begun(&tenant).await?;
        self.change_known(|known| {
            if let Some(listed) = known.tenants.get_mut(&key) {
                listed.parts = Some(parts);
            }
        });
        tracing::info!(event = "tenant_served", tenant = key.as_str());
        Ok(())
    }

    /// Opens a tenant's store and starts its parts.
    async fn begun(&self, tenant: &Tenant) -> Result<Parts> {
        let config = self.machine.config.of_tenant(tenant);
        gateway::check(&config)?;
        let store = {
            let config = config.clone();
            apart(async move || gateway::store(&config).await).await?
        };
        let shutdown = self.machine.shutdown.child_token();
        let started = async {
            // The store's own directory is durable; that it is there is written in those above it.
            for directory in [self.machine.config.data.join(TENANTS), self.machine.config.data.clone()] {
                let synced = File::open(&directory).and_then(|opened| opened.sync_all());
                synced.with_context(|| format!("syncing {}", directory.display()))?;
            }
            let hidden = self.machine.config.hidden_from(&tenant.key);
            let tenancy = Tenancy::new(&self.machine, config, store.clone(), hidden, shutdown.clone()).await?;
            let mut roles = Roles::new(shutdown.clone());
            let pages = tenancy.start(&self.machine, None, self.count(), &mut roles)?;
            let icap = tenancy.config.icap.listen.map(|_| tenancy.icap(&self.machine)).transpose()?;
            anyhow::Ok(((tenancy.site.clone(), tenancy.readiness.clone()), pages, icap, roles))
        };
        let ((site, readiness), pages, icap, roles) = match started.await {
            Ok(started) => started,
            Err(error) => {
                shutdown.cancel();
                store.close().await;
                return Err(error);
            }
        };
        let ended = CancellationToken::new();
        // Nobody takes them where the gateway is stopping, and then they end with this.
        let (key, over) = (tenant.key.clone(), self.over.clone());
        let taken = self.coming.send(TenantRoles { key, roles, ended: ended.clone().drop_guard(), over });
        if taken.is_err() {
            store.close().await;
            bail!("the gateway is stopping");
        }
        self.portal.set(tenant.settings.portal.host(), pages.portal);
        self.admin.set(tenant.settings.admin.host(), pages.admin);
        if let Some(icap) = icap {
            self.proxies.set(tenant.key.as_str(), icap, shutdown.clone());
        }
        Ok(Parts { store, site, readiness, shutdown, ended })
    }

    /// Stops a tenant's parts, where it has any, and closes its store.
    pub(super) async fn halt(&self, key: &TenantKey) {
        let found = self.known().tenants.get(key).and_then(|listed| {
            let settings = listed.tenant.settings.clone();
            listed.parts.clone().map(|parts| (settings, parts))
        });
        let Some((settings, Parts { store, shutdown, ended, .. })) = found else { return };
        self.portal.remove(settings.portal.host());
        self.admin.remove(settings.admin.host());
        self.proxies.remove(key.as_str());
        shutdown.cancel();
        ended.cancelled().await;
        store.close().await;
        self.change_known(|known| {
            if let Some(listed) = known.tenants.get_mut(key) {
                listed.parts = None;
            }
        });
    }
}

pub(super) fn unserved(key: &TenantKey, error: &anyhow::Error) -> TenantFault {
    tracing::error!(event = "tenant_not_served", tenant = key.as_str(), error = format!("{error:#}"));
    TenantFault::Failed
}

/// Whether nothing is kept of a tenant whose store is closed; one that was never made holds nothing.
pub(super) async fn is_vacant(config: &Config) -> Result<bool> {
    if !gateway::store_exists(config)? {
        return Ok(true);
    }
    let store = gateway::reader(config).await?;
    let vacant = store.is_vacant().await;
    store.close().await;
    Ok(vacant?)
}

/// Runs what opens a database on a thread of its own: bringing it to the current schema may take a while after an update, and what sqlx makes of
/// it cannot be moved between threads.
pub(super) async fn apart<T, W>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: AsyncFnOnce() -> Result<T> + Send + 'static,
{
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work())).await.context("opening a store")?
}
