//! The organisations that run on this machine: the gateway's own, and tenants that come and go while it runs.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fs::File;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use mail::intake::{Owner, Owners, Stores};
use store::{AuditEntry, AuditEvent, Store, Tenant, TenantKey, TenantSettings};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard, Notify, mpsc};
use tokio_util::sync::CancellationToken;
use web::{Condition, Proxies, Readiness, Site, Sites, TenantFault, TenantState, TenantsFuture};

use crate::config::{Config, TENANTS};
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
    /// The parts of a tenant have ended.
    over: Arc<Notify>,
}

/// The tenants beside the gateway's own organisation.
#[derive(Default)]
struct Known {
    tenants: BTreeMap<TenantKey, Listed>,
    /// Whose mail a domain's is.
    domains: HashMap<String, TenantKey>,
}

/// A tenant that stands in the list. It stays known while it is not served: its mail must not become another's, and waits with its senders.
struct Listed {
    tenant: Tenant,
    /// Its parts; `None` where they could not be started.
    parts: Option<Parts>,
}

impl Listed {
    /// Its parts, where all of them are at work.
    fn served(&self) -> Option<&Parts> {
        self.parts.as_ref().filter(|parts| !parts.shutdown.is_cancelled())
    }
}

/// What works for a tenant.
#[derive(Clone)]
struct Parts {
    store: Store,
    site: Arc<Site>,
    readiness: Readiness,
    /// Tells them to stop. They tell so themselves where one of them ends.
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

    /// Puts aside at once what has ended by itself, and tries from time to time to serve what is not served. A fault of one tenant is no other's.
    async fn look_after(self: Arc<Self>) -> Result<(), Infallible> {
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
    async fn serve_all(&self) {
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
    fn post(&self) {
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

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_known(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let claimed = known.tenants.values().flat_map(|listed| {
            let Tenant { key, settings, .. } = &listed.tenant;
            settings.domains.iter().map(|domain| (domain.as_str().to_owned(), key.clone()))
        });
        known.domains = claimed.collect();
    }

    fn served(&self, key: &TenantKey) -> Option<Parts> {
        self.known().tenants.get(key).and_then(Listed::served).cloned()
    }

    /// Notes what a tenant is, and serves it. Where that fails it is known all the same, and tried again later.
    async fn serve(&self, tenant: Tenant) -> Result<()> {
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
    async fn halt(&self, key: &TenantKey) {
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
        let _alone = self.alone().await?;
        self.check(settings)?;
        self.own.store.add_tenant(key, settings, actor).await?;
        if let Err(error) = self.serve(self.row(key).await?).await {
            let fault = unserved(key, &error);
            // Whoever adds it is told, and may add it again.
            self.own.store.remove_tenant(key, actor).await?;
            self.change_known(|known| drop(known.tenants.remove(key)));
            return Err(fault);
        }
        self.post();
        self.invited(key, actor).await
    }

    async fn changed(&self, key: &TenantKey, settings: &TenantSettings, actor: &str) -> Result<(), TenantFault> {
        let _alone = self.alone().await?;
        self.check(settings)?;
        self.own.store.change_tenant(key, settings, actor).await?;
        let tenant = self.row(key).await?;
        // What counts is what is served, not what was written before: that may have failed to take effect.
        let is_domains_alone = self.known().tenants.get(key).is_some_and(|listed| {
            let Tenant { settings: served, .. } = &listed.tenant;
            let with_these = TenantSettings { domains: tenant.settings.domains.clone(), ..served.clone() };
            listed.served().is_some() && with_these == tenant.settings
        });
        if is_domains_alone {
            self.change_known(|known| {
                if let Some(listed) = known.tenants.get_mut(key) {
                    listed.tenant = tenant;
                }
            });
            return Ok(());
        }
        // Its name stands in mails and its addresses in links and cookies: everything that has read them is made anew.
        self.halt(key).await;
        let served = self.serve(tenant).await.map_err(|error| unserved(key, &error));
        self.post();
        served
    }

    async fn removed(&self, key: &TenantKey, actor: &str) -> Result<(), TenantFault> {
        let _alone = self.alone().await?;
        let tenant = self.row(key).await?;
        let served = self.served(key);
        if let Some(Parts { store, .. }) = &served
            && !store.is_vacant().await?
        {
            return Err(TenantFault::NotVacant);
        }
        self.halt(key).await;
        // A mail may have come until a moment ago. From here on none can: its store is closed, and its sender will come back.
        let config = self.machine.config.of_tenant(&tenant);
        let fault = match apart(async move || is_vacant(&config).await).await {
            Ok(true) => None,
            Ok(false) => Some(TenantFault::NotVacant),
            Err(error) => Some(unserved(key, &error)),
        };
        if let Some(fault) = fault {
            if served.is_some()
                && let Err(error) = self.serve(tenant).await
            {
                unserved(key, &error);
            }
            self.post();
            return Err(fault);
        }
        self.own.store.remove_tenant(key, actor).await?;
        self.change_known(|known| drop(known.tenants.remove(key)));
        self.post();
        tracing::info!(event = "tenant_removed", tenant = key.as_str());
        Ok(())
    }

    async fn invited(&self, key: &TenantKey, actor: &str) -> Result<Option<String>, TenantFault> {
        if !self.known().tenants.contains_key(key) {
            return Err(TenantFault::NotFound);
        }
        let Parts { store, site, .. } = self.served(key).ok_or(TenantFault::Failed)?;
        let link = web::invite(&store, &site).await.map_err(|error| {
            tracing::error!(event = "tenant_not_invited", tenant = key.as_str(), error = chain(&error));
            TenantFault::Failed
        })?;
        if link.is_some() {
            // The audit of the tenant says that there is a link, and this one who has it.
            let detail = vec![("tenant", key.as_str().to_owned())];
            let (actor, event) = (actor.to_owned(), AuditEvent::TenantInvited);
            self.own.store.audit_append(AuditEntry { actor, event, message: None, detail }).await?;
        }
        Ok(link)
    }

    async fn seen(&self) -> Vec<TenantState> {
        let Site { name, portal_url, admin_url, .. } = Site::clone(&self.own.site);
        let counts = self.own.store.counts().await.ok();
        let mut states = vec![TenantState { key: None, name, domains: Vec::new(), portal_url, admin_url, counts }];
        let listed: Vec<(Tenant, Option<Parts>)> = {
            let known = self.known();
            known.tenants.values().map(|listed| (listed.tenant.clone(), listed.served().cloned())).collect()
        };
        for (Tenant { key, settings, .. }, parts) in listed {
            let counts = match parts {
                Some(Parts { store, .. }) => store.counts().await.ok(),
                None => None,
            };
            states.push(TenantState {
                key: Some(key),
                name: settings.name,
                domains: settings.domains.iter().map(|domain| domain.as_str().to_owned()).collect(),
                portal_url: settings.portal.as_str().to_owned(),
                admin_url: settings.admin.as_str().to_owned(),
                counts,
            });
        }
        states
    }
}

impl Listed {
    /// As it stands in the list.
    fn unserved(tenant: Tenant) -> (TenantKey, Self) {
        (tenant.key.clone(), Self { tenant, parts: None })
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

    fn invite<'a>(&'a self, key: &'a TenantKey, actor: &'a str) -> TenantsFuture<'a, Option<String>> {
        Box::pin(self.invited(key, actor))
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

/// Whether nothing is kept of a tenant whose store is closed; one that was never made holds nothing.
async fn is_vacant(config: &Config) -> Result<bool> {
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

/// How soon it is tried again to serve a tenant that could not be served.
const TRY_AGAIN: Duration = Duration::from_secs(15);
