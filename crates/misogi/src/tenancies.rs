//! The organisations that run on this machine: the gateway's own, and tenants that come and go while it runs.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use anyhow::{Context, Result};
use axum::Router;
use mail::intake::{Owner, Owners, Stores};
use store::{Store, Tenant, TenantKey, TenantSettings};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use web::{Proxies, Site, Sites, TenantFault, TenantState, TenantsFuture};

use crate::config::TENANTS;
use crate::gateway;
use crate::machine::Machine;
use crate::roles::{Roles, TenantRoles};
use crate::tenancy::Tenancy;
use crate::worker::chain;

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
}

/// The tenants beside the gateway's own organisation.
#[derive(Default)]
struct Known {
    tenants: BTreeMap<TenantKey, Served>,
    /// Whose mail a domain's is.
    domains: HashMap<String, TenantKey>,
}

/// A tenant that is served. While its parts are made anew its store is closed: what comes for it then is told to come back.
struct Served {
    tenant: Tenant,
    store: Store,
    site: Arc<Site>,
    /// Tells its parts to stop.
    shutdown: CancellationToken,
    /// They have.
    ended: CancellationToken,
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
        let all = Arc::new(Self {
            machine,
            own,
            portal: Sites::default(),
            admin: Sites::default(),
            proxies: Proxies::default(),
            known: RwLock::default(),
            changing: Mutex::default(),
            coming,
        });
        let count = tenants.len().saturating_add(1);
        let pages = all.own.start(&all.machine, Some(all.clone()), count, roles)?;
        all.portal.set_own(pages.portal);
        all.admin.set_own(pages.admin);
        for key in all.machine.config.tenants.keys() {
            if !tenants.iter().any(|tenant| tenant.key.as_str() == key) {
                tracing::warn!(event = "tenant_sections_unused", tenant = key);
            }
        }
        for tenant in tenants {
            let key = tenant.key.clone();
            all.serve(tenant, count).await.with_context(|| format!("the tenant {}", key.as_str()))?;
        }
        Ok((all, receiver))
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

    /// Closes every store, once nothing works with them any more.
    pub(crate) async fn close(&self) {
        let others: Vec<Store> = self.known().tenants.values().map(|served| served.store.clone()).collect();
        for store in others {
            store.close().await;
        }
        self.own.store.close().await;
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_known(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let claimed = known.tenants.values().flat_map(|served| {
            let Tenant { key, settings, .. } = &served.tenant;
            settings.domains.iter().map(|domain| (domain.as_str().to_owned(), key.clone()))
        });
        known.domains = claimed.collect();
    }

    /// Opens a tenant's store and starts its parts; it is one of `count` organisations.
    async fn serve(&self, tenant: Tenant, count: usize) -> Result<()> {
        let config = self.machine.config.of_tenant(&tenant);
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
            let tenancy = Tenancy::new(&self.machine, config, store.clone(), shutdown.clone()).await?;
            let mut roles = Roles::new(shutdown.clone());
            let pages = tenancy.start(&self.machine, None, count, &mut roles)?;
            let icap = tenancy.config.icap.listen.map(|_| tenancy.icap(&self.machine)).transpose()?;
            anyhow::Ok((tenancy.site.clone(), pages, icap, roles))
        };
        let (site, pages, icap, roles) = match started.await {
            Ok(started) => started,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let ended = CancellationToken::new();
        // Nobody takes it where the gateway is stopping, and then its parts end with this.
        let taken = self.coming.send(TenantRoles { roles, ended: ended.clone().drop_guard() }).is_ok();
        anyhow::ensure!(taken, "the gateway is stopping");
        self.portal.set(tenant.settings.portal.host(), pages.portal);
        self.admin.set(tenant.settings.admin.host(), pages.admin);
        if let Some(icap) = icap {
            self.proxies.set(tenant.key.as_str(), icap);
        }
        let key = tenant.key.clone();
        tracing::info!(event = "tenant_served", tenant = key.as_str());
        let served = Served { tenant, store, site, shutdown, ended };
        self.change_known(|known| drop(known.tenants.insert(key, served)));
        Ok(())
    }

    /// Stops a tenant's parts and closes its store. It stays known: its mail must not become another's.
    async fn halt(&self, key: &TenantKey) -> Result<Tenant, TenantFault> {
        let (tenant, store, shutdown, ended) = {
            let known = self.known();
            let served = known.tenants.get(key).ok_or(TenantFault::NotFound)?;
            (served.tenant.clone(), served.store.clone(), served.shutdown.clone(), served.ended.clone())
        };
        self.portal.remove(tenant.settings.portal.host());
        self.admin.remove(tenant.settings.admin.host());
        self.proxies.remove(key.as_str());
        shutdown.cancel();
        ended.cancelled().await;
        store.close().await;
        Ok(tenant)
    }

    /// A tenant as its row has it now.
    async fn row(&self, key: &TenantKey) -> Result<Tenant, TenantFault> {
        let tenants = self.own.store.tenants().await?;
        tenants.into_iter().find(|tenant| tenant.key == *key).ok_or(TenantFault::NotFound)
    }

    fn count(&self) -> usize {
        self.known().tenants.len().saturating_add(1)
    }

    /// The names of the gateway's own sites are nobody else's.
    fn check(&self, settings: &TenantSettings) -> Result<(), TenantFault> {
        let clashes = |own: &str, theirs: &store::SiteAddress| {
            store::SiteAddress::parse(own).is_some_and(|own| own.host() == theirs.host())
        };
        let Site { portal_url, admin_url, .. } = &*self.own.site;
        match clashes(portal_url, &settings.portal) || clashes(admin_url, &settings.admin) {
            true => Err(TenantFault::AddressTaken),
            false => Ok(()),
        }
    }

    async fn added(
        &self,
        key: &TenantKey,
        settings: &TenantSettings,
        actor: &str,
    ) -> Result<Option<String>, TenantFault> {
        let _alone = self.changing.lock().await;
        self.check(settings)?;
        self.own.store.add_tenant(key, settings, actor).await?;
        let tenant = self.row(key).await?;
        if let Err(error) = self.serve(tenant, self.count().saturating_add(1)).await {
            unserved(key, &error);
            // What cannot be served must not stop the next start.
            self.own.store.remove_tenant(key, actor).await?;
            return Err(TenantFault::Failed);
        }
        self.invited(key).await
    }

    async fn changed(&self, key: &TenantKey, settings: &TenantSettings, actor: &str) -> Result<(), TenantFault> {
        let _alone = self.changing.lock().await;
        self.check(settings)?;
        let before = self.row(key).await?.settings;
        self.own.store.change_tenant(key, settings, actor).await?;
        let tenant = self.row(key).await?;
        let domains_alone = TenantSettings { domains: before.domains.clone(), ..tenant.settings.clone() } == before;
        if domains_alone {
            self.change_known(|known| {
                if let Some(served) = known.tenants.get_mut(key) {
                    served.tenant = tenant;
                }
            });
            return Ok(());
        }
        // Its name stands in mails and its addresses in links and cookies: everything that has read them is made anew.
        self.halt(key).await?;
        self.serve(tenant, self.count()).await.map_err(|error| unserved(key, &error))
    }

    async fn removed(&self, key: &TenantKey, actor: &str) -> Result<(), TenantFault> {
        let _alone = self.changing.lock().await;
        let store = self.known().tenants.get(key).map(|served| served.store.clone()).ok_or(TenantFault::NotFound)?;
        if !store.is_vacant().await? {
            return Err(TenantFault::NotVacant);
        }
        let tenant = self.halt(key).await?;
        // A mail may have come until a moment ago. From here on none can: its store is closed, and its sender will come back.
        let config = self.machine.config.of_tenant(&tenant);
        let vacant = apart(async move || Ok(gateway::reader(&config).await?.is_vacant().await?)).await;
        if !vacant.as_ref().is_ok_and(|vacant| *vacant) {
            self.serve(tenant, self.count()).await.map_err(|error| unserved(key, &error))?;
            return Err(vacant.map_or_else(|error| unserved(key, &error), |_| TenantFault::NotVacant));
        }
        self.own.store.remove_tenant(key, actor).await?;
        self.change_known(|known| drop(known.tenants.remove(key)));
        tracing::info!(event = "tenant_removed", tenant = key.as_str());
        Ok(())
    }

    async fn invited(&self, key: &TenantKey) -> Result<Option<String>, TenantFault> {
        let (store, site) = {
            let known = self.known();
            let served = known.tenants.get(key).ok_or(TenantFault::NotFound)?;
            (served.store.clone(), served.site.clone())
        };
        web::invite(&store, &site).await.map_err(|error| {
            tracing::error!(event = "tenant_not_invited", tenant = key.as_str(), error = chain(&error));
            TenantFault::Failed
        })
    }

    async fn seen(&self) -> Vec<TenantState> {
        let mut stores = vec![(None, self.own.store.clone(), self.own.site.clone(), Vec::new())];
        for (key, Served { tenant, store, site, .. }) in &self.known().tenants {
            let domains = tenant.settings.domains.iter().map(|domain| domain.as_str().to_owned()).collect();
            stores.push((Some(key.clone()), store.clone(), site.clone(), domains));
        }
        let mut states = Vec::with_capacity(stores.len());
        for (key, store, site, domains) in stores {
            let Site { name, portal_url, admin_url, .. } = Site::clone(&site);
            let counts = store.counts().await.ok();
            states.push(TenantState { key, name, domains, portal_url, admin_url, counts });
        }
        states
    }
}

impl std::fmt::Debug for Tenancies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tenancies({})", self.count())
    }
}

impl web::Tenants for Tenancies {
    fn are_several(&self) -> bool {
        !self.known().tenants.is_empty()
    }

    fn states(&self) -> TenantsFuture<'_, Vec<TenantState>> {
        Box::pin(async { Ok(self.seen().await) })
    }

    fn add<'a>(
        &'a self,
        key: &'a TenantKey,
        settings: &'a TenantSettings,
        actor: &'a str,
    ) -> TenantsFuture<'a, Option<String>> {
        Box::pin(self.added(key, settings, actor))
    }

    fn change<'a>(&'a self, key: &'a TenantKey, settings: &'a TenantSettings, actor: &'a str) -> TenantsFuture<'a, ()> {
        Box::pin(self.changed(key, settings, actor))
    }

    fn remove<'a>(&'a self, key: &'a TenantKey, actor: &'a str) -> TenantsFuture<'a, ()> {
        Box::pin(self.removed(key, actor))
    }

    fn invite<'a>(&'a self, key: &'a TenantKey) -> TenantsFuture<'a, Option<String>> {
        Box::pin(self.invited(key))
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
            Owner::Tenant(key) => {
                let known = self.0.known();
                TenantKey::parse(key).and_then(|key| known.tenants.get(&key)).map(|served| served.store.clone())
            }
        }
    }
}

/// Runs what opens a database on a thread of its own: bringing it to the current schema may take a while after an update, and what sqlx makes of
/// it cannot be moved between threads.
async fn apart<T, W>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: AsyncFnOnce() -> Result<T> + Send + 'static,
{
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work())).await.context("opening a store")?
}

fn unserved(key: &TenantKey, error: &anyhow::Error) -> TenantFault {
    tracing::error!(event = "tenant_not_served", tenant = key.as_str(), error = format!("{error:#}"));
    TenantFault::Failed
}
