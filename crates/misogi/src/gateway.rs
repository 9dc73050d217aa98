//! From configuration to running parts: the composition root.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use engine::catalogue::Language;
use engine::policy::AccountPlace;
use engine::scan::Endpoint;
use engine::{Engine, Policy, Scanner};
use jail::{Level, Pool, PoolConfig};
use store::{Retention, Store, StoreConfig};

use crate::clock;
use crate::config::{self, Config, MinimumLevel};
use crate::pool::ROOM_ARGUMENT;

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Documents converted at the same time.
pub(crate) fn slots(config: &Config) -> usize {
    match config.rooms.slots {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        slots => slots,
    }
}

/// Starts the rooms; refuses where containment is weaker than the configuration asks for.
pub(crate) fn pool(config: &Config, accept_unsandboxed: bool) -> Result<Arc<Pool>> {
    let minimum = match config.rooms.minimum_level {
        MinimumLevel::A => Level::A,
        MinimumLevel::B => Level::B,
    };
    let pool = Pool::start(PoolConfig {
        slots: slots(config),
        spares: config.rooms.spares,
        restart_after: config.rooms.restart_after,
        data_bytes: config.rooms.memory_bytes,
        cpu: config.rooms.cpu_seconds,
        minimum,
        accept_unsandboxed,
        ..PoolConfig::new(executable()?, vec![ROOM_ARGUMENT.into()])
    })
    .context("the rooms cannot be started; `misogi doctor` says what is missing")?;
    Ok(Arc::new(pool))
}

pub(crate) fn executable() -> Result<PathBuf> {
    std::env::current_exe().context("finding this program's own file")
}

/// The engine over a pool, with the scanner if one is set.
pub(crate) fn engine(config: &Config, pool: Arc<Pool>) -> Result<Engine> {
    Ok(Engine::new(pool, policy(config), scanner(config)?))
}

pub(crate) fn scanner(config: &Config) -> Result<Option<Scanner>> {
    let Some(text) = &config.scanner.clamd else { return Ok(None) };
    match Endpoint::parse(text) {
        Some(endpoint) => Ok(Some(Scanner::new(endpoint, config.scanner.timeout_seconds))),
        None => bail!("scanner.clamd: `{text}` is neither unix:PATH nor tcp:HOST:PORT"),
    }
}

pub(crate) fn language(config: &Config) -> Language {
    match config.site.language {
        config::Language::Ja => Language::Ja,
        config::Language::En => Language::En,
    }
}

fn policy(config: &Config) -> Policy {
    let mut policy = Policy {
        max_depth: config.limits.depth,
        max_parts: config.limits.parts,
        max_total_bytes: config.limits.total_bytes,
        max_time: config.limits.seconds,
        parallel_parts: slots(config).saturating_mul(2),
        language: language(config),
        account: match config.policy.account {
            config::AccountPlace::Top => AccountPlace::Top,
            config::AccountPlace::Bottom => AccountPlace::Bottom,
        },
        account_always: config.policy.account_always,
        subject_prefix: config.policy.subject_prefix.clone(),
        site_name: config.site.name.clone(),
        ..Policy::default()
    };
    policy.limits.parts = config.limits.parts;
    policy.limits.total_bytes = config.limits.total_bytes;
    policy.limits.pixels = config.limits.pixels;
    policy
}

/// Opens the store under the data directory.
pub(crate) async fn store(config: &Config) -> Result<Store> {
    let days = |count: u32| DAY.saturating_mul(count);
    let settings = StoreConfig {
        retention: Retention {
            originals: days(config.retention.originals_days),
            quarantine: days(config.retention.quarantine_days),
            upload_outputs: days(config.retention.results_days),
            ..Retention::default()
        },
        receipt_offset_minutes: config.site.utc_offset_minutes.into(),
        ..StoreConfig::new(&config.data, clock::system())
    };
    Store::open(settings).await.with_context(|| format!("the store in {} cannot be opened", config.data.display()))
}
