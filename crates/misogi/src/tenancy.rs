//! The parts of one organisation: its store, and everything that works with that store and no other.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use engine::{Engine, Wording};
use mail::delivery::DeliveryConfig;
use store::Store;
use tokio_util::sync::CancellationToken;
use web::{Conversions, Readiness, Sending, SettingSection, Site, Tenants, UploadLimits};

use crate::commands::doctor::Doctor;
use crate::config::{self, Config};
use crate::control::{self, Accounts, Desk};
use crate::digest::Digest;
use crate::done::Teller;
use crate::governor::Governor;
use crate::machine::Machine;
use crate::pairing::{Keys, Pairing, Told, Turns};
use crate::retrying::Retrying;
use crate::roles::Roles;
use crate::watch::{self, DeliveryFigures};
use crate::worker::Worker;
use crate::{dsn, gateway, sources};

/// How often what has outlived its retention is removed.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// How often is looked for changes of accounts whose time has come.
const CHANGES_EVERY: Duration = Duration::from_secs(10);

/// Mails in conversion per slot: rooms never wait for the store, and memory stays bounded.
const MAILS_PER_SLOT: usize = 16;

/// Pages that may wait to be drawn, beside those that are: a result of twenty files asks for as many at once.
const PREVIEWS_WAITING: usize = 32;

/// One organisation's parts, which are made anew when its name or an address changes.
pub(crate) struct Tenancy {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) site: Arc<Site>,
    /// How its own parts are, over those of the machine.
    pub(crate) readiness: Readiness,
    pub(crate) governor: Arc<Governor>,
    engine: Engine,
    conversions: Conversions,
    sending: Sending,
    pairing: Arc<Pairing>,
    /// Sections that are not shown to its people.
    hidden: Vec<SettingSection>,
    shutdown: CancellationToken,
}

/// What an organisation shows to people, to be put on the listeners.
pub(crate) struct Pages {
    pub(crate) portal: Router,
    pub(crate) admin: Router,
}

impl Tenancy {
    /// Makes them, with the policy that was published last in force. The sections in `hidden` are not shown to its people.
    pub(crate) async fn new(
        machine: &Machine,
        config: Config,
        store: Store,
        hidden: Vec<SettingSection>,
        shutdown: CancellationToken,
    ) -> Result<Self> {
        let letterhead = machine.letterhead.clone();
        let wording = Wording::with(&config.passwords.words);
        let engine = machine.engine.under(gateway::policy(&config)).with_wording(wording);
        let file = machine.file.clone();
        let governor = Governor::new(&config, file, engine.clone(), store.clone(), letterhead.clone(), hidden.clone());
        governor.resume().await?;
        let pairing = Pairing {
            turns: Turns::default(),
            store: store.clone(),
            engine: engine.clone(),
            letterhead,
            settings: config.passwords.clone(),
            told: Told::default(),
            keys: Keys::default(),
        };
        let site = Site {
            name: config.site.name.clone(),
            portal_url: config.site.portal_url.clone().unwrap_or_else(|| format!("http://{}", config.portal.listen)),
            admin_url: config.site.admin_url.clone().unwrap_or_else(|| format!("http://{}", config.admin.listen)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            offset_minutes: config.site.utc_offset_minutes.into(),
        };
        Ok(Self {
            config,
            store,
            site: Arc::new(site),
            readiness: machine.readiness.over(&watch::PARTS),
            governor: Arc::new(governor),
            engine,
            conversions: Conversions::default(),
            sending: Sending::default(),
            pairing: Arc::new(pairing),
            hidden,
            shutdown,
        })
    }

    /// Starts everything that works with the store. `tenants` is given to the gateway's own organisation alone; it is one of `count`.
    pub(crate) fn start(
        &self,
        machine: &Machine,
        tenants: Option<Arc<dyn Tenants>>,
        count: usize,
        roles: &mut Roles,
    ) -> Result<Pages> {
        self.carry_mail(machine, roles)?;
        self.convert(machine, tenants.clone(), count, roles);
        let pages = self.show_pages(machine, tenants, roles)?;
        self.keep_house(roles);
        Ok(pages)
    }

    /// Mails out.
    fn carry_mail(&self, machine: &Machine, roles: &mut Roles) -> Result<()> {
        let figures = Arc::new(DeliveryFigures::new(machine.metrics.clone(), self.readiness.clone()));
        let (engine, store) = (self.engine.clone(), self.store.clone());
        let composer = dsn::Composer::new(engine.clone(), store.clone(), &self.config, machine.letterhead.clone());
        let delivery = DeliveryConfig { observer: figures, ..gateway::delivery(&self.config, &machine.hostname)? };
        roles
            .start("delivery", mail::delivery::run(delivery, store.clone(), Arc::new(composer), self.shutdown.clone()));
        let teller = Teller {
            store: store.clone(),
            engine: engine.clone(),
            letterhead: machine.letterhead.clone(),
            site: self.site.clone(),
            language: gateway::language(&self.config),
            after: gateway::done_notice(&self.config),
            sending: self.sending.clone(),
        };
        roles.start("uploads_done", teller.run(self.shutdown.clone()));
        let digest = Digest::new(store, engine, &self.config, machine.letterhead.clone(), &self.site);
        roles.start("digest", digest.run(self.shutdown.clone()));
        Ok(())
    }

    /// What is done with mails and files: rebuilt, opened with a password, rebuilt again.
    ///
    /// Each organisation has a worker of its own, which brings only so many mails to the rooms at a time; there each waits its turn. So one
    /// that has a hundred thousand mails to convert holds another's up by no more than the few that are in the rooms before them.
    fn convert(&self, machine: &Machine, tenants: Option<Arc<dyn Tenants>>, count: usize, roles: &mut Roles) {
        let accounts = match &tenants {
            Some(_) => Accounts::Own(self.store.clone()),
            None => Accounts::Tenant(self.store.clone()),
        };
        let desk = Desk { unlocker: self.pairing.clone(), tenants, accounts };
        roles.start("control", control::serve(self.config.data.clone(), desk, self.shutdown.clone()));
        let retrying = Retrying {
            store: self.store.clone(),
            engine: self.engine.clone(),
            letterhead: machine.letterhead.clone(),
            shutdown: self.shutdown.clone(),
        };
        roles.start("retrying", retrying.run());
        let all = machine.slots.saturating_mul(MAILS_PER_SLOT);
        let worker = Worker {
            store: self.store.clone(),
            engine: self.engine.clone(),
            letterhead: machine.letterhead.clone(),
            parallel: all.div_ceil(count.max(1)).max(machine.slots),
            metrics: machine.metrics.clone(),
            conversions: self.conversions.clone(),
            pairing: self.pairing.clone(),
            shutdown: self.shutdown.clone(),
        };
        roles.start("worker", worker.run());
    }

    /// What people see, and what is told to other systems.
    fn show_pages(&self, machine: &Machine, tenants: Option<Arc<dyn Tenants>>, roles: &mut Roles) -> Result<Pages> {
        let config = &self.config;
        let (lockout, sources) = (web::Lockout::default(), sources::sources(config)?);
        // Each site has places of its own: a busy portal keeps nobody from looking at an original.
        let previews = || web::Previews::new(self.engine.clone(), machine.slots, PREVIEWS_WAITING);
        let portal = web::portal(web::PortalState {
            store: self.store.clone(),
            site: self.site.clone(),
            access: gateway::access(config),
            limits: UploadLimits {
                file_bytes: config.portal.max_file_bytes,
                total_bytes: config.portal.max_total_bytes,
                files: config.portal.max_files,
                ..UploadLimits::default()
            },
            keep: gateway::keep(config),
            outputs: config.portal.outputs.iter().map(|output| output.policy()).collect(),
            metrics: machine.metrics.clone(),
            readiness: self.readiness.clone(),
            previews: previews(),
            conversions: self.conversions.clone(),
            unlocker: self.pairing.clone(),
            done_notice: gateway::done_notice(config),
            sending: self.sending.clone(),
            lockout: lockout.clone(),
            requests: config.requests.settings(),
            sources: sources.clone(),
        })?;
        let hooks = gateway::webhooks(config)?;
        roles.start("webhooks", hooks.clone().deliver(self.store.clone(), self.shutdown.clone()));
        let admin = web::admin(web::AdminState {
            store: self.store.clone(),
            site: self.site.clone(),
            metrics: machine.metrics.clone(),
            readiness: self.readiness.clone(),
            outlook: machine.outlook.clone(),
            governor: self.governor.clone(),
            examiner: Arc::new(Doctor {
                config: config.clone(),
                file: machine.file.clone(),
                hidden: self.hidden.clone(),
            }),
            previews: previews(),
            unlocker: self.pairing.clone(),
            lockout,
            requests: config.requests.settings(),
            sources: sources.clone(),
            hooks,
            tenants,
        })?;
        roles.start("directory", web::follow(self.store.clone(), sources, self.shutdown.clone().cancelled_owned()));
        Ok(Pages { portal, admin })
    }

    /// What nobody waits for.
    fn keep_house(&self, roles: &mut Roles) {
        let (store, shutdown) = (&self.store, &self.shutdown);
        roles.start("watch", web::watch_for_hooks(store.clone(), self.readiness.clone(), shutdown.clone()));
        roles.start("janitor", janitor(store.clone(), shutdown.clone()));
        roles.start("personnel", personnel(store.clone(), shutdown.clone()));
    }

    /// The service for proxies, which takes files in as the portal does.
    pub(crate) fn icap(&self, machine: &Machine) -> Result<web::IcapState> {
        let (config, settings) = (&self.config, &self.config.icap);
        // Each has a share of its own, so that the proxies of one do not take the places of all.
        let sharing = machine.config.tenants.values().filter(|sections| !sections.icap_clients.is_empty()).count();
        Ok(web::IcapState {
            store: self.store.clone(),
            site: self.site.clone(),
            access: gateway::access(config),
            keep: gateway::keep(config),
            metrics: machine.metrics.clone(),
            clients: gateway::proxies(config),
            scope: match settings.scope {
                config::Scope::Files => web::Scope::Files,
                config::Scope::All => web::Scope::All,
            },
            tls: gateway::icap_tls(config)?,
            limits: web::IcapLimits {
                body_bytes: settings.max_body_bytes,
                files: config.portal.max_files,
                connections: settings.max_connections.div_ceil(sharing.saturating_add(1)),
                patience: settings.patience_seconds,
                ..web::IcapLimits::default()
            },
            edition: gateway::edition(config)?,
            governor: self.governor.clone(),
            user_field: settings.user_header.clone(),
            address_field: settings.address_header.clone(),
        })
    }
}

/// Removes what has outlived its retention.
async fn janitor(store: Store, shutdown: CancellationToken) -> Result<(), store::Error> {
    // After an update: what was stored before is to be found as well.
    tokio::select! {
        () = shutdown.cancelled() => return Ok(()),
        indexed = store.index_words() => match indexed {
            Ok(0) => {}
            Ok(rows) => tracing::info!(event = "words_indexed", rows),
            Err(error) => tracing::error!(event = "indexing_failed", error = crate::worker::chain(&error)),
        }
    }
    loop {
        match store.purge().await {
            Ok(purged) => tracing::debug!(event = "purged", ?purged),
            Err(error) => tracing::error!(event = "purge_failed", error = crate::worker::chain(&error)),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(PURGE_EVERY) => {}
        }
    }
}

/// Carries out changes of accounts whose time has come.
async fn personnel(store: Store, shutdown: CancellationToken) -> Result<(), store::Error> {
    loop {
        match store.apply_due_changes().await {
            Ok(0) => {}
            Ok(sets) => tracing::info!(event = "user_changes_done", sets),
            Err(error) => tracing::error!(event = "user_changes_failed", error = crate::worker::chain(&error)),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(CHANGES_EVERY) => {}
        }
    }
}
