//! `misogi serve`: all roles on one machine.

use std::future::Future;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use mail::delivery::DeliveryConfig;
use mail::intake::IntakeConfig;
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use web::{Conversions, Metrics, Outlook, Readiness, Site, UploadLimits};

use crate::commands::PASSED;
use crate::commands::doctor::Doctor;
use crate::config::{self, Config, LogFormat};
use crate::digest::Digest;
use crate::gateway::{self, NextHop};
use crate::governor::Governor;
use crate::letterhead::Letterhead;
use crate::pairing::{Keys, Pairing, Told, Turns};
use crate::retrying::Retrying;
use crate::worker::Worker;
use crate::{ConfigArgument, control, dsn, sources, watch};

/// How often what has outlived its retention is removed.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

/// How often is looked for changes of accounts whose time has come.
const CHANGES_EVERY: Duration = Duration::from_secs(10);

/// Mails in conversion per slot: rooms never wait for the store, and memory stays bounded.
const MAILS_PER_SLOT: usize = 16;

/// Pages that may wait to be drawn, beside those that are: a result of twenty files asks for as many at once.
const PREVIEWS_WAITING: usize = 32;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Start although rooms cannot be contained here. Only for trying out.
    #[arg(long)]
    accept_unsandboxed: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.config.as_deref())?;
    gateway::check(&config)?;
    start_log(&config)?;
    let pool = gateway::pool(&config, arguments.accept_unsandboxed.into())?;
    tracing::info!(event = "rooms_ready", level = %pool.level(), slots = gateway::slots(&config));
    let engine = gateway::engine(&config, pool.clone())?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(gateway_roles(&config, arguments.config.config.as_deref(), pool, engine))?;
    tracing::info!(event = "stopped");
    Ok(ExitCode::from(PASSED))
}

fn start_log(config: &Config) -> Result<()> {
    let filter = gateway::log_filter(config)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

async fn gateway_roles(
    config: &Config,
    file: Option<&Path>,
    pool: Arc<jail::Pool>,
    engine: engine::Engine,
) -> Result<()> {
    // Before the first mail can be accepted: who stops the gateway a moment later finds it ready to finish what it has.
    let signals = Signals::heard().context("listening for signals")?;
    let store = gateway::store(config).await?;
    let listeners = Listeners::bound(config).await?;
    let level = pool.level();
    let gateway = Gateway::new(config, file, store, engine).await?;
    gateway.outlook.note(|seen| seen.rooms = Some(format!("{level} x {}", gateway.slots)));
    let mut roles = Roles { tasks: JoinSet::new(), shutdown: gateway.shutdown.clone() };
    gateway.watch(&mut roles, pool)?;
    gateway.carry_mail(&mut roles, listeners.smtp)?;
    gateway.convert(&mut roles);
    gateway.show_pages(&mut roles, listeners.portal, listeners.admin, listeners.icap)?;
    gateway.keep_house(&mut roles);
    welcome(config, &gateway.store, &gateway.site).await?;
    let ended = roles.until_stopped(signals).await;
    gateway.store.close().await;
    ended
}

/// Where the gateway can be reached.
struct Listeners {
    smtp: TcpListener,
    portal: TcpListener,
    admin: TcpListener,
    icap: Option<TcpListener>,
}

impl Listeners {
    async fn bound(config: &Config) -> Result<Self> {
        let bound = |key: &'static str, address: SocketAddr| async move {
            TcpListener::bind(address).await.with_context(|| format!("{key}: {address} cannot be listened on"))
        };
        Ok(Self {
            smtp: bound("smtp.listen", config.smtp.listen).await?,
            portal: bound("portal.listen", config.portal.listen).await?,
            admin: bound("admin.listen", config.admin.listen).await?,
            icap: match config.icap.listen {
                Some(address) => Some(bound("icap.listen", address).await?),
                None => None,
            },
        })
    }
}

/// What the roles have in common.
struct Gateway<'c> {
    config: &'c Config,
    file: Option<PathBuf>,
    hostname: String,
    letterhead: Letterhead,
    slots: usize,
    store: Store,
    engine: engine::Engine,
    site: Arc<Site>,
    metrics: Metrics,
    conversions: Conversions,
    readiness: Readiness,
    outlook: Outlook,
    pairing: Arc<Pairing>,
    governor: Arc<Governor>,
    shutdown: CancellationToken,
}

impl<'c> Gateway<'c> {
    /// Makes them, with the policy that was published last in force.
    async fn new(config: &'c Config, file: Option<&Path>, store: Store, engine: engine::Engine) -> Result<Self> {
        let hostname = gateway::hostname(config);
        let letterhead = Letterhead::of(config);
        let file = file.map(Path::to_owned);
        let governor = Governor::new(config, file.clone(), engine.clone(), store.clone(), letterhead.clone());
        governor.resume().await?;
        let pairing = Pairing {
            turns: Turns::default(),
            store: store.clone(),
            engine: engine.clone(),
            letterhead: letterhead.clone(),
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
            file,
            hostname,
            letterhead,
            slots: gateway::slots(config),
            store,
            engine,
            site: Arc::new(site),
            metrics: Metrics::new(env!("CARGO_PKG_VERSION")),
            conversions: Conversions::default(),
            readiness: Readiness::expecting(&watch::PARTS),
            outlook: Outlook::default(),
            pairing: Arc::new(pairing),
            governor: Arc::new(governor),
            shutdown: CancellationToken::new(),
        })
    }

    /// What tells whether everything that a conversion needs is there.
    fn watch(&self, roles: &mut Roles, pool: Arc<jail::Pool>) -> Result<()> {
        let (readiness, outlook, shutdown) = (&self.readiness, &self.outlook, &self.shutdown);
        let rooms = watch::rooms(pool, self.slots, readiness.clone(), self.metrics.clone(), shutdown.clone());
        roles.start("rooms", rooms);
        let offset_minutes = self.config.site.utc_offset_minutes.into();
        let board = watch::ScannerBoard { outlook: outlook.clone(), offset_minutes };
        let scanner = gateway::scanner(self.config)?;
        roles.start("scanner", watch::scanner(scanner, readiness.clone(), board, shutdown.clone()));
        let certificates = gateway::certificates(self.config);
        roles.start("certificates", watch::certificates(certificates, outlook.clone(), shutdown.clone()));
        roles.start("office", office(self.engine.clone(), shutdown.clone()));
        Ok(())
    }

    /// Mails in and out.
    fn carry_mail(&self, roles: &mut Roles, smtp: TcpListener) -> Result<()> {
        let figures = Arc::new(watch::MailFigures::new(self.metrics.clone(), self.readiness.clone()));
        let intake = IntakeConfig { observer: figures.clone(), ..gateway::intake(self.config, &self.hostname)? };
        roles.start("intake", mail::intake::serve(smtp, intake, self.store.clone(), self.shutdown.clone()));
        let (engine, store) = (self.engine.clone(), self.store.clone());
        let composer = dsn::Composer::new(engine.clone(), store.clone(), self.config, self.letterhead.clone());
        let delivery = DeliveryConfig { observer: figures, ..gateway::delivery(self.config, &self.hostname)? };
        roles
            .start("delivery", mail::delivery::run(delivery, store.clone(), Arc::new(composer), self.shutdown.clone()));
        let digest = Digest::new(store, engine, self.config, self.letterhead.clone(), &self.site);
        roles.start("digest", digest.run(self.shutdown.clone()));
        Ok(())
    }

    /// What is done with mails and files: rebuilt, opened with a password, rebuilt again.
    fn convert(&self, roles: &mut Roles) {
        let control = control::serve(self.config.data.clone(), self.pairing.clone(), self.shutdown.clone());
        roles.start("control", control);
        let retrying = Retrying {
            store: self.store.clone(),
            engine: self.engine.clone(),
            letterhead: self.letterhead.clone(),
            shutdown: self.shutdown.clone(),
        };
        roles.start("retrying", retrying.run());
        let worker = Worker {
            store: self.store.clone(),
            engine: self.engine.clone(),
            letterhead: self.letterhead.clone(),
            parallel: self.slots.saturating_mul(MAILS_PER_SLOT),
            metrics: self.metrics.clone(),
            conversions: self.conversions.clone(),
            pairing: self.pairing.clone(),
            shutdown: self.shutdown.clone(),
        };
        roles.start("worker", worker.run());
    }

    /// What people and proxies see, and what is told to other systems.
    fn show_pages(
        &self,
        roles: &mut Roles,
        portal: TcpListener,
        admin: TcpListener,
        icap: Option<TcpListener>,
    ) -> Result<()> {
        let config = self.config;
        let (lockout, sources) = (web::Lockout::default(), sources::sources(config)?);
        // Each site has places of its own: a busy portal keeps nobody from looking at an original.
        let previews = || web::Previews::new(self.engine.clone(), self.slots, PREVIEWS_WAITING);
        let stopped = || self.shutdown.clone().cancelled_owned();
        let portal_state = web::PortalState {
            store: self.store.clone(),
            site: self.site.clone(),
            access: match config.portal.access {
                config::PortalAccess::Anybody => web::PortalAccess::Anybody,
                config::PortalAccess::Accounts => web::PortalAccess::Accounts,
            },
            limits: UploadLimits {
                file_bytes: config.portal.max_file_bytes,
                total_bytes: config.portal.max_total_bytes,
                files: config.portal.max_files,
                ..UploadLimits::default()
            },
            keep: Duration::from_secs(86_400).saturating_mul(config.retention.results_days),
            outputs: config.portal.outputs.iter().map(|output| output.policy()).collect(),
            metrics: self.metrics.clone(),
            readiness: self.readiness.clone(),
            previews: previews(),
            conversions: self.conversions.clone(),
            unlocker: self.pairing.clone(),
            lockout: lockout.clone(),
            requests: config.requests.settings(),
            sources: sources.clone(),
        };
        if let Some(listener) = icap {
            let state = icap_state(config, &portal_state, self.governor.clone())?;
            roles.start("icap", web::icap(listener, state, self.shutdown.clone()));
        }
        let pages = web::portal(portal_state)?;
        roles.start("portal", web::serve(portal, pages, gateway::trusted_proxies(config), stopped()));
        let hooks = gateway::webhooks(config)?;
        roles.start("webhooks", hooks.clone().deliver(self.store.clone(), self.shutdown.clone()));
        let admin_state = web::AdminState {
            store: self.store.clone(),
            site: self.site.clone(),
            metrics: self.metrics.clone(),
            readiness: self.readiness.clone(),
            outlook: self.outlook.clone(),
            governor: self.governor.clone(),
            examiner: Arc::new(Doctor { config: config.clone(), file: self.file.clone() }),
            previews: previews(),
            unlocker: self.pairing.clone(),
            lockout,
            requests: config.requests.settings(),
            sources: sources.clone(),
            hooks,
        };
        let pages = web::admin(admin_state)?;
        roles.start("admin", web::serve(admin, pages, gateway::trusted_proxies(config), stopped()));
        roles.start("directory", web::follow(self.store.clone(), sources, stopped()));
        Ok(())
    }

    /// What nobody waits for.
    fn keep_house(&self, roles: &mut Roles) {
        let (store, shutdown) = (&self.store, &self.shutdown);
        roles.start("watch", web::watch_for_hooks(store.clone(), self.readiness.clone(), shutdown.clone()));
        roles.start("janitor", janitor(store.clone(), shutdown.clone()));
        roles.start("personnel", personnel(store.clone(), shutdown.clone()));
    }
}

/// The service for proxies, which takes files in as the portal does.
fn icap_state(config: &Config, portal: &web::PortalState, governor: Arc<Governor>) -> Result<web::IcapState> {
    let settings = &config.icap;
    Ok(web::IcapState {
        store: portal.store.clone(),
        site: portal.site.clone(),
        access: portal.access,
        keep: portal.keep,
        metrics: portal.metrics.clone(),
        clients: gateway::proxies(config),
        scope: match settings.scope {
            config::Scope::Files => web::Scope::Files,
            config::Scope::All => web::Scope::All,
        },
        tls: gateway::icap_tls(config)?,
        limits: web::IcapLimits {
            body_bytes: settings.max_body_bytes,
            files: portal.limits.files,
            connections: settings.max_connections,
            patience: settings.patience_seconds,
            ..web::IcapLimits::default()
        },
        edition: gateway::edition(config)?,
        governor,
        user_field: settings.user_header.clone(),
        address_field: settings.address_header.clone(),
    })
}

/// Has LibreOffice ready before the first document that needs it comes.
async fn office(engine: engine::Engine, shutdown: CancellationToken) -> std::io::Result<()> {
    engine.warm_up().await;
    shutdown.cancelled().await;
    Ok(())
}

/// What people read at the start: where things are and what to do next.
async fn welcome(config: &Config, store: &Store, site: &Site) -> Result<()> {
    println!("Misogi {} is running.", site.version);
    println!("  SMTP     {}", config.smtp.listen);
    println!("  portal   {}", site.portal_url);
    println!("  console  {}", site.admin_url);
    if let Some(address) = config.icap.listen {
        let scheme = if config.icap.tls_certificate.is_some() { "icaps" } else { "icap" };
        println!("  ICAP     {scheme}://{address}/respmod and {scheme}://{address}/reqmod");
    }
    match gateway::next_hop(config)? {
        NextHop::Maildir(path) => println!("  results  {} (no next hop is set)", path.join("new").display()),
        NextHop::Smtp { host, port } => println!("  results  to {host}:{port}"),
    }
    if config.scanner.clamd.is_none() {
        println!("  No virus scanner is set (scanner.clamd): files are rebuilt, but not scanned.");
    }
    if let Some(link) = web::invite(store, site).await? {
        println!("Create the first administrator (the link works once): {link}");
    }
    println!("Try it: swaks --server {} --to staff@city.example.lg.jp --attach photo.jpg", config.smtp.listen);
    Ok(())
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

/// The running roles. When one ends by itself, or on SIGTERM or SIGINT, all are told to stop and waited for.
struct Roles {
    tasks: JoinSet<(&'static str, Result<()>)>,
    shutdown: CancellationToken,
}

impl Roles {
    fn start<E>(&mut self, name: &'static str, role: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<anyhow::Error>,
    {
        self.tasks.spawn(async move { (name, role.await.map_err(Into::into)) });
    }

    async fn until_stopped(mut self, mut signals: Signals) -> Result<()> {
        let mut result = Ok(());
        tokio::select! {
            _ = signals.terminate.recv() => tracing::info!(event = "stopping", signal = "SIGTERM"),
            _ = signals.interrupt.recv() => tracing::info!(event = "stopping", signal = "SIGINT"),
            Some(ended) = self.tasks.join_next() => result = judged(ended),
        }
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            let ended = judged(ended);
            result = result.and(ended);
        }
        result
    }
}

/// What ends the gateway in order.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on these signals end nothing by themselves.
    fn heard() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

fn judged(ended: Result<(&'static str, Result<()>), tokio::task::JoinError>) -> Result<()> {
    let (name, result) = ended.context("a role ended unexpectedly")?;
    result.with_context(|| format!("{name} ended"))
}
