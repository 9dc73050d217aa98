//! Delivery on the LGWAN leg: what the clean rooms wrote goes to the next mail server, recipient by recipient.
//!
//! Reading order: [`run`] (the loop), `courier` (one message), `transaction` (one SMTP transaction), `hop` and `wire` (the
//! connection), [`RetryPolicy`] and [`DsnFacts`] (what happens to refusals), `maildir` (before a next hop is configured).
//!
//! It must never send an octet that a clean room did not write (the store hands out nothing else), never a bare CR or LF, and
//! never forget a recipient: each ends as delivered, or as failed together with its notice.

mod courier;
mod dsn;
mod hop;
mod maildir;
mod retry;
mod transaction;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::courier::Courier;
pub use self::dsn::{ComposeDsn, ComposeError, ComposeFuture, DsnFacts, FailedRecipient, status};
pub use self::hop::{HopError, HopTimeouts, SmtpHop, TlsMode};
pub use self::retry::RetryPolicy;
use crate::observer::{Observer, Unobserved};

/// How delivery behaves.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// Where mail goes.
    pub next_hop: NextHop,
    /// The name we greet with.
    pub hostname: String,
    /// When to try again.
    pub retry: RetryPolicy,
    /// Most octets of messages held in memory at a time; a longer message goes alone.
    pub memory_bytes: u64,
    /// How long messages on their way may take once delivery is told to stop.
    pub drain: Duration,
    /// Who is told how deliveries end.
    pub observer: Arc<dyn Observer>,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum NextHop {
    /// To a mail server.
    Smtp(SmtpHop),
    /// Into a Maildir.
    Maildir(PathBuf),
}

impl DeliveryConfig {
    /// The defaults for a next hop.
    pub fn new(next_hop: NextHop, hostname: impl Into<String>) -> Self {
        Self {
            next_hop,
            hostname: hostname.into(),
            retry: RetryPolicy::default(),
            memory_bytes: 128 << 20,
            drain: Duration::from_secs(20),
            observer: Arc::new(Unobserved),
        }
    }
}

/// Why delivery could not start.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The settings of the next hop are unusable.
    #[error("setting up the next hop")]
    Hop(#[source] HopError),
    /// The Maildir cannot be made.
    #[error("setting up the Maildir")]
    Maildir(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Delivers what becomes due until `shutdown`; returns when what was on its way has arrived or was given up for now.
///
/// Cancel safety: not to be used in `select!`; cancel the token instead.
///
/// # Errors
/// [`DeliveryError`] at once when the settings of the next hop cannot be used; never later.
pub async fn run(
    config: DeliveryConfig,
    store: Store,
    composer: Arc<dyn ComposeDsn>,
    shutdown: CancellationToken,
) -> Result<(), DeliveryError> {
    let drain = config.drain;
    let courier = Arc::new(Courier::new(config, store.clone(), composer, shutdown.clone()).await?);
    let most = courier.most_in_flight();
    let mut tasks = JoinSet::new();
    while !shutdown.is_cancelled() {
        while tasks.try_join_next().is_some() {}
        // Asking for work goes through the store's writer, so it is asked for in batches.
        let (pause, room) = match courier.pause() {
            Some(pause) => (pause, 0),
            None if tasks.len() > most / 2 => (IDLE, 0),
            // After a failure one message goes first, to see whether the hop is back.
            None if courier.is_doubtful() => (IDLE, usize::from(tasks.is_empty())),
            None => (IDLE, most.saturating_sub(tasks.len())),
        };
        let due = if room == 0 { Ok(Vec::new()) } else { store.due_deliveries(room).await };
        let due = due.unwrap_or_else(|error| {
            tracing::error!(event = "delivery_queue_failed", error = &error as &dyn std::error::Error);
            Vec::new()
        });
        if due.is_empty() {
            tokio::select! {
                () = shutdown.cancelled() => {}
                _ = tasks.join_next(), if !tasks.is_empty() => {}
                () = store.delivery_ready(), if room > 0 => {}
                () = sleep(pause) => courier.prune().await,
            }
        }
        for task in due {
            tasks.spawn(Arc::clone(&courier).deliver(task));
        }
    }
    let rest = async { while tasks.join_next().await.is_some() {} };
    if timeout(drain, rest).await.is_err() {
        tasks.shutdown().await;
    }
    courier.close().await;
    Ok(())
}

/// Retries become due by time, which nothing announces.
const IDLE: Duration = Duration::from_secs(1);
