//! A connection whose thread dies.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::{AuditEntry, Class, Clock, Store, StoreConfig, Timestamp};

use super::*;

/// Lets the thread of a connection die at one of the commands it is given: it enters the caller's span for each.
struct Deadly {
    at: usize,
    commands: Arc<AtomicUsize>,
}

impl<S: Subscriber> Layer<S> for Deadly {
    fn on_enter(&self, _: &tracing::span::Id, _: Context<'_, S>) {
        if std::thread::current().name() == Some(crate::open::WRITER) {
            assert_ne!(self.commands.fetch_add(1, Ordering::SeqCst) + 1, self.at, "the test wants it so");
        }
    }
}

/// Appends one row. Answers how, and how many commands the connection was given.
async fn append(store: &Store, dies_at: usize) -> (Result<(), Error>, usize) {
    let commands = Arc::new(AtomicUsize::new(0));
    let layer = Deadly { at: dies_at, commands: commands.clone() };
    // The runtime has one thread, so the writer runs under both as well.
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let _span = tracing::error_span!("deadly").entered();
    let row = AuditEntry {
        actor: "test".to_owned(),
        event: crate::AuditEvent::SystemExamined,
        message: None,
        detail: Vec::new(),
    };
    let outcome = store.audit_append(row).await;
    (outcome, commands.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_connection_that_dies_at_any_command_is_replaced_and_what_was_answered_ok_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(|| Timestamp::from_unix_millis(1_795_186_800_000));
    let config = StoreConfig {
        reserve_bytes: 0,
        transaction_limit: Duration::from_secs(2),
        ..StoreConfig::new(directory.path(), clock)
    };
    let store = Store::open(config).await.unwrap();
    let (outcome, commands) = append(&store, usize::MAX).await;
    outcome.unwrap();
    assert!(commands > 3, "{commands}");
    for dies_at in 1..=commands {
        let before = store.audit_verify().await.unwrap().rows;
        let (outcome, _) = append(&store, dies_at).await;
        assert_eq!(outcome.unwrap_err().class(), Class::Retry, "command {dies_at}");
        let after = store.audit_verify().await.unwrap().rows;
        // It may have died between the commit and the answer.
        assert!(after == before || (after == before + 1 && dies_at == commands), "command {dies_at}");

        append(&store, usize::MAX).await.0.unwrap();
        let check = store.audit_verify().await.unwrap();
        assert_eq!((check.rows, check.broken), (after + 1, None), "command {dies_at}");
        store.health().await.unwrap();
    }
    store.close().await;
}
