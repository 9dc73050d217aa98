//! `misogi serve`: all roles on one machine.

use std::future::Future;
use std::io::IsTerminal;
use std::path::Path;
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
use web::{Metrics, Outlook, Readiness, Site, UploadLimits};

use crate::commands::PASSED;
use crate::commands::doctor::Doctor;
use crate::config::{self, Config, LogFormat};
use crate::digest::Digest;
use crate::gateway::{self, NextHop};
use crate::governor::Governor;
use crate::pairing::{Keys, Pairing, Told, Turns};
use crate::retrying::Retrying;
use crate::worker::Worker;
use crate::{ConfigArgument, clock, control, dsn, sources, watch};

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
    let pool = gateway::pool(&config, arguments.accept_unsandboxed)?;
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
    let hostname = gateway::hostname(config);
    let postmaster = format!("postmaster@{hostname}");
    let [smtp, portal, admin] = [
        ("smtp.listen", config.smtp.listen),
        ("portal.listen", config.portal.listen),
        ("admin.listen", config.admin.listen),
    ]
    .map(|(key, address)| async move {
        TcpListener::bind(address).await.with_context(|| format!("{key}: {address} cannot be listened on"))
    });
    let (smtp, portal, admin) = (smtp.await?, portal.await?, admin.await?);
    let icap = match config.icap.listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.with_context(|| format!("icap.listen: {address} cannot be listened on"))?)
        }
        None => None,
    };

    let site = Arc::new(Site {
        name: config.site.name.clone(),
        portal_url: config.site.portal_url.clone().unwrap_or_else(|| format!("http://{}", config.portal.listen)),
        admin_url: config.site.admin_url.clone().unwrap_or_else(|| format!("http://{}", config.admin.listen)),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        offset_minutes: config.site.utc_offset_minutes.into(),
    });
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    let readiness = Readiness::expecting(&watch::PARTS);
    let outlook = Outlook::default();
    let contained = format!("{} x {}", pool.level(), gateway::slots(config));
    outlook.note(|seen| seen.rooms = Some(contained));
    let figures = Arc::new(watch::MailFigures::new(metrics.clone(), readiness.clone()));
    let shutdown = CancellationToken::new();
    let mut roles = Roles { tasks: JoinSet::new(), shutdown: shutdown.clone() };

    let slots = gateway::slots(config);
    roles.start("rooms", watch::rooms(pool, slots, readiness.clone(), metrics.clone(), shutdown.clone()));
    let board = watch::ScannerBoard { outlook: outlook.clone(), offset_minutes: config.site.utc_offset_minutes.into() };
    roles.start("scanner", watch::scanner(gateway::scanner(config)?, readiness.clone(), board, shutdown.clone()));
    roles.start("certificates", watch::certificates(gateway::certificates(config), outlook.clone(), shutdown.clone()));
    roles.start("office", office(engine.clone(), shutdown.clone()));
    let intake = IntakeConfig { observer: figures.clone(), ..gateway::intake(config, &hostname)? };
    roles.start("intake", mail::intake::serve(smtp, intake, store.clone(), shutdown.clone()));
    let composer = Arc::new(dsn::Composer::new(engine.clone(), store.clone(), config, postmaster.clone()));
    let delivery = DeliveryConfig { observer: figures, ..gateway::delivery(config, &hostname)? };
    // Each site has places of its own: a busy portal keeps nobody from looking at an original.
    let previews = || web::Previews::new(engine.clone(), slots, PREVIEWS_WAITING);
    let (portal_previews, admin_previews) = (previews(), previews());
    roles.start("delivery", mail::delivery::run(delivery, store.clone(), composer, shutdown.clone()));
    let pairing = Arc::new(Pairing {
        turns: Turns::default(),
        store: store.clone(),
        engine: engine.clone(),
        clock: clock::system(),
        settings: config.passwords.clone(),
        postmaster: postmaster.clone(),
        utc_offset_minutes: config.site.utc_offset_minutes,
        told: Told::default(),
        keys: Keys::default(),
    });
    let digest = Digest::new(store.clone(), engine.clone(), config, postmaster.clone(), &site);
    roles.start("digest", digest.run(shutdown.clone()));
    roles.start("control", control::serve(config.data.clone(), pairing.clone(), shutdown.clone()));
    let governor = Arc::new(Governor::new(
        config,
        file.map(Path::to_owned),
        engine.clone(),
        store.clone(),
        clock::system(),
        postmaster.clone(),
    ));
    governor.resume().await?;
    let retrying = Retrying {
        store: store.clone(),
        engine: engine.clone(),
        clock: clock::system(),
        postmaster: postmaster.clone(),
        utc_offset_minutes: config.site.utc_offset_minutes,
        shutdown: shutdown.clone(),
    };
    roles.start("retrying", retrying.run());
    let worker = Worker {
        store: store.clone(),
        engine,
        clock: clock::system(),
        postmaster,
        utc_offset_minutes: config.site.utc_offset_minutes,
        parallel: slots.saturating_mul(MAILS_PER_SLOT),
        metrics: metrics.clone(),
        pairing: pairing.clone(),
        shutdown: shutdown.clone(),
    };
    roles.start("worker", worker.run());
    let lockout = web::Lockout::default();
    let sources = sources::sources(config)?;
    let portal_state = web::PortalState {
        store: store.clone(),
        site: site.clone(),
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
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        previews: portal_previews,
        unlocker: pairing.clone(),
        lockout: lockout.clone(),
        requests: config.requests.settings(),
        sources: sources.clone(),
    };
    if let Some(listener) = icap {
        let state = icap_state(config, &portal_state, governor.clone())?;
        roles.start("icap", web::icap(listener, state, shutdown.clone()));
    }
    roles.start(
        "portal",
        web::serve(
            portal,
            web::portal(portal_state)?,
            gateway::trusted_proxies(config),
            shutdown.clone().cancelled_owned(),
        ),
    );
    let hooks = gateway::webhooks(config)?;
    roles.start("webhooks", hooks.clone().deliver(store.clone(), shutdown.clone()));
    roles.start("watch", web::watch_for_hooks(store.clone(), readiness.clone(), shutdown.clone()));
    let admin_state = web::AdminState {
        store: store.clone(),
        site: site.clone(),
        metrics,
        readiness,
        outlook,
        governor,
        examiner: Arc::new(Doctor { config: config.clone(), file: file.map(Path::to_owned) }),
        previews: admin_previews,
        unlocker: pairing,
        lockout,
        requests: config.requests.settings(),
        sources: sources.clone(),
        hooks,
    };
    roles.start(
        "admin",
        web::serve(
            admin,
            web::admin(admin_state)?,
            gateway::trusted_proxies(config),
            shutdown.clone().cancelled_owned(),
        ),
    );
    roles.start("directory", web::follow(store.clone(), sources, shutdown.clone().cancelled_owned()));
    roles.start("janitor", janitor(store.clone(), shutdown.clone()));
    roles.start("personnel", personnel(store.clone(), shutdown.clone()));

    welcome(config, &store, &site).await?;
    let ended = roles.until_stopped(signals).await;
    store.close().await;
    ended
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
