//! What whoever runs the gateway does with tenants while it runs.

use store::{AuditEntry, AuditEvent, Tenant, TenantKey, TenantSettings};
use web::{Site, TenantFault, TenantState, TenantsFuture};

use super::Tenancies;
use super::known::Parts;
use super::serving::{apart, is_vacant, unserved};
use crate::worker::chain;

impl Tenancies {
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

    /// A tenant as its row has it now.
    async fn row(&self, key: &TenantKey) -> Result<Tenant, TenantFault> {
        let tenants = self.own.store.tenants().await?;
        tenants.into_iter().find(|tenant| tenant.key == *key).ok_or(TenantFault::NotFound)
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
