//! `misogi serve`: all roles on one machine.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use mail::intake::IntakeConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::commands::PASSED;
use crate::config::{Config, LogFormat};
use crate::gateway::{self, NextHop};
use crate::machine::Machine;
use crate::roles::{Roles, Signals};
use crate::tenancies::{Recipients, Tenancies};
use crate::tenancy::Tenancy;
use crate::{ConfigArgument, watch};

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
    let machine = Machine::new(config, file, engine);
    machine.outlook.note(|seen| seen.rooms = Some(format!("{level} x {}", machine.slots)));
    let (mut roles, shutdown) = (Roles::new(machine.shutdown.clone()), machine.shutdown.clone());
    let own = Tenancy::new(&machine, config.clone(), store, Vec::new(), shutdown).await?;
    let (tenancies, coming) = Tenancies::begin(machine, own, &mut roles).await?;
    let mut gateway = Gateway { tenancies: tenancies.clone(), roles };
    gateway.watch(pool)?;
    gateway.open(listeners)?;
    welcome(config, tenancies.own()).await?;
    let ended = gateway.roles.until_stopped(signals, coming).await;
    tenancies.close().await;
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

/// What the machine does for whoever it serves.
struct Gateway {
    tenancies: Arc<Tenancies>,
    roles: Roles,
}

impl Gateway {
    /// What tells whether everything that a conversion needs is there.
    fn watch(&mut self, pool: Arc<jail::Pool>) -> Result<()> {
        let machine = self.tenancies.machine();
        let Machine { readiness, outlook, shutdown, config, .. } = machine;
        let rooms = watch::rooms(pool, machine.slots, readiness.clone(), machine.metrics.clone(), shutdown.clone());
        self.roles.start("rooms", rooms);
        let offset_minutes = config.site.utc_offset_minutes.into();
        let board = watch::ScannerBoard { outlook: outlook.clone(), offset_minutes };
        let scanner = gateway::scanner(config)?;
        self.roles.start("scanner", watch::scanner(scanner, readiness.clone(), board, shutdown.clone()));
        let certificates = gateway::certificates(config);
        self.roles.start("certificates", watch::certificates(certificates, outlook.clone(), shutdown.clone()));
        self.roles.start("office", office(machine.engine.clone(), shutdown.clone()));
        Ok(())
    }

    /// Mails, people and proxies come in.
    fn open(&mut self, listeners: Listeners) -> Result<()> {
        let (tenancies, machine) = (&self.tenancies, self.tenancies.machine());
        let Machine { config, shutdown, .. } = machine;
        let figures = Arc::new(watch::IntakeFigures(machine.metrics.clone()));
        let intake = IntakeConfig { observer: figures, ..gateway::intake(config, &machine.hostname)? };
        let stores = Recipients(tenancies.clone());
        self.roles.start("intake", mail::intake::serve(listeners.smtp, intake, stores, shutdown.clone()));
        if let Some(listener) = listeners.icap {
            let state = tenancies.own().icap(machine)?;
            self.roles.start("icap", web::icap(listener, state, tenancies.proxies(), shutdown.clone()));
        }
        let (portal, admin) = tenancies.sites();
        let (proxies, stopped) = (gateway::trusted_proxies(config), || shutdown.clone().cancelled_owned());
        self.roles.start("portal", web::serve(listeners.portal, portal, proxies.clone(), stopped()));
        self.roles.start("admin", web::serve(listeners.admin, admin, proxies, stopped()));
        Ok(())
    }
}

/// Has LibreOffice ready before the first document that needs it comes.
async fn office(engine: engine::Engine, shutdown: CancellationToken) -> std::io::Result<()> {
    engine.warm_up().await;
    shutdown.cancelled().await;
    Ok(())
}

/// What people read at the start: where things are and what to do next.
async fn welcome(config: &Config, own: &Tenancy) -> Result<()> {
    let (store, site) = (&own.store, &own.site);
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
