//! The running parts of the gateway, and how they end.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use store::TenantKey;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The running roles of the machine or of one tenant. When one ends by itself, all are told to stop and waited for.
pub(crate) struct Roles {
    tasks: JoinSet<(&'static str, Result<()>)>,
    shutdown: CancellationToken,
}

impl Roles {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self { tasks: JoinSet::new(), shutdown }
    }

    /// Starts a role, which ends when it is told to.
    pub(crate) fn start<E>(&mut self, name: &'static str, role: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<anyhow::Error>,
    {
        self.tasks.spawn(async move { (name, role.await.map_err(Into::into)) });
    }

    /// Runs until SIGTERM or SIGINT, or until a role ends by itself. A tenant comes in its time, and may go again.
    pub(crate) async fn until_stopped(
        mut self,
        mut signals: Signals,
        mut tenants: mpsc::UnboundedReceiver<TenantRoles>,
    ) -> Result<()> {
        let mut of_tenants = JoinSet::new();
        let mut result = loop {
            tokio::select! {
                _ = signals.terminate.recv() => {
                    tracing::info!(event = "stopping", signal = "SIGTERM");
                    break Ok(());
                }
                _ = signals.interrupt.recv() => {
                    tracing::info!(event = "stopping", signal = "SIGINT");
                    break Ok(());
                }
                Some(ended) = self.tasks.join_next() => break judged(ended),
                Some(tenant) = tenants.recv() => drop(of_tenants.spawn(tenant.until_told())),
                // Told to, or not: whatever becomes of a tenant is no other's end.
                Some(_) = of_tenants.join_next() => {}
            }
        };
        self.shutdown.cancel();
        // Whoever waits for a tenant that came too late waits no longer.
        drop(tenants);
        while let Some(ended) = self.tasks.join_next().await {
            result = result.and(judged(ended));
        }
        while of_tenants.join_next().await.is_some() {}
        result
    }

    async fn until_told(mut self) -> Result<()> {
        let mut result = Ok(());
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            Some(ended) = self.tasks.join_next() => {
                let told = self.shutdown.is_cancelled();
                result = judged(ended).and_then(|()| if told { Ok(()) } else { bail!("a role ended by itself") });
            }
        }
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            result = result.and(judged(ended));
        }
        result
    }
}

/// The roles of one tenant.
pub(crate) struct TenantRoles {
    pub(crate) key: TenantKey,
    pub(crate) roles: Roles,
    /// Tells that all of them have ended, or never ran because the gateway was stopping.
    pub(crate) ended: DropGuard,
    /// Is told so too.
    pub(crate) over: Arc<Notify>,
}

impl TenantRoles {
    /// Runs until the tenant is told to stop. Where one of its roles ends by itself the others are stopped as well, and the tenant is served anew
    /// later.
    async fn until_told(self) {
        let Self { key, roles, ended, over } = self;
        if let Err(error) = roles.until_told().await {
            tracing::error!(event = "tenant_failed", tenant = key.as_str(), error = format!("{error:#}"));
        }
        drop(ended);
        over.notify_one();
    }
}

/// What ends the gateway in order.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on these signals end nothing by themselves.
    pub(crate) fn heard() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

fn judged(ended: Result<(&'static str, Result<()>), JoinError>) -> Result<()> {
    let (name, result) = ended.context("a role ended unexpectedly")?;
    result.with_context(|| format!("{name} ended"))
}
