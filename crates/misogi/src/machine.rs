//! What belongs to the machine: every tenant's parts work with it, and nothing in it is of a tenant.

use std::path::{Path, PathBuf};

use engine::Engine;
use tokio_util::sync::CancellationToken;
use web::{Metrics, Outlook, Readiness};

use crate::config::Config;
use crate::letterhead::Letterhead;
use crate::{gateway, watch};

/// Rooms, scanner and LibreOffice, the names the gateway goes by, and what is counted and reported of it as a whole.
pub(crate) struct Machine {
    /// The configuration of the gateway's own organisation.
    pub(crate) config: Config,
    pub(crate) file: Option<PathBuf>,
    pub(crate) hostname: String,
    pub(crate) letterhead: Letterhead,
    pub(crate) slots: usize,
    /// With the rooms. Each tenant has its own policy over them.
    pub(crate) engine: Engine,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    pub(crate) outlook: Outlook,
    pub(crate) shutdown: CancellationToken,
}

impl Machine {
    pub(crate) fn new(config: &Config, file: Option<&Path>, engine: Engine) -> Self {
        let hostname = gateway::hostname(config);
        Self {
            config: config.clone(),
            file: file.map(Path::to_owned),
            letterhead: Letterhead::of(config),
            hostname,
            slots: gateway::slots(config),
            engine,
            metrics: Metrics::new(env!("CARGO_PKG_VERSION")),
            readiness: Readiness::expecting(&watch::MACHINE_PARTS),
            outlook: Outlook::default(),
            shutdown: CancellationToken::new(),
        }
    }
}
