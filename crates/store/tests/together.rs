//! Many callers, one writer: they share commits, and one that cannot be served does not harm the others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the tests look at and damage the files of the store, and start themselves"
)]

mod support;

use std::collections::HashSet;

use sqlx::{ConnectOptions, Connection, Executor};
use store::{Error, NewMessage, NewUser, Role, Store, StoreConfig};
use support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_at_once_are_all_served_and_all_counted() {
    let (_directory, _hand, store) = fresh().await;
    let mut tasks = Vec::new();
    for caller in 0..100u32 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut ids = Vec::new();
            for n in 0..5u32 {
                ids.push(accept(&store, format!("{caller}.{n}").as_bytes()).await.message);
            }
            ids
        }));
    }
    let mut ids = HashSet::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    assert_eq!(ids.len(), 500);
    assert_eq!(store.counts().await.unwrap().accepted, 500);
    assert_eq!(store.counts().await.unwrap().queued, 500);
    let check = store.audit_verify().await.unwrap();
    assert_eq!((check.rows, check.broken), (500, None));
    // Several claimers never get the same job.
    let mut claimers = Vec::new();
    for _ in 0..8 {
        let store = store.clone();
        claimers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let works = store.claim(7).await.unwrap();
                if works.is_empty() {
                    return mine;
                }
                mine.extend(works.into_iter().map(|w| w.message));
            }
        }));
    }
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.unwrap());
    }
    assert_eq!(claimed.len(), 500);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), ids);
}

#[tokio::test]
async fn an_operation_that_fails_leaves_the_others_of_its_transaction_alone() {
    let (_directory, _hand, store) = fresh().await;
    let taken = store.new_receipt().unwrap();
    let message = |receipt| {
        let store = store.clone();
        async move {
            let mut spool = store.spool();
            spool.write(b"body").await.unwrap();
            let original = spool.finish().await.unwrap();
            let origin = mail_to(&["a@x"]);
            store.accept(NewMessage { receipt, origin, received: store.now(), original }).await
        }
    };
    message(taken.clone()).await.unwrap();
    // One thread: all of these wait before the writer runs, so they share a transaction. The receipt of the third
    // violates a constraint.
    let user =
        |name: &str| NewUser { name: name.to_owned(), password_hash: "$argon2id$x".to_owned(), role: Role::Staff };
    let (a, b, poisoned, c, first, second) = tokio::join!(
        message(store.new_receipt().unwrap()),
        message(store.new_receipt().unwrap()),
        message(taken),
        message(store.new_receipt().unwrap()),
        store.create_user(user("suzuki"), "test"),
        store.create_user(user("suzuki"), "test"),
    );
    let ids = [a.unwrap().message, b.unwrap().message, c.unwrap().message];
    assert!(matches!(poisoned, Err(Error::Transaction(_))));
    first.unwrap();
    assert!(matches!(second, Err(Error::Exists("user"))));
    for id in ids {
        assert!(store.message(id).await.unwrap().is_some());
    }
    let check = store.audit_verify().await.unwrap();
    assert_eq!((check.rows, check.broken), (5, None));
    assert_eq!(store.counts().await.unwrap().accepted, 4);
}

#[tokio::test]
async fn opening_again_and_again_changes_nothing() {
    let (directory, hand, store) = fresh().await;
    let first = accept(&store, b"one").await;
    store.close().await;
    for _ in 0..3 {
        let store = Store::open(config(directory.path(), &hand)).await.unwrap();
        assert!(store.message(first.message).await.unwrap().is_some());
        store.close().await;
    }
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert!(accept(&store, b"two").await.message > first.message);
    store.health().await.unwrap();
}

#[tokio::test]
async fn a_store_that_was_never_made_is_told_from_one_that_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(directory.path(), &Hand::new());
    assert!(!Store::exists(&config).unwrap());
    Store::open(config.clone()).await.unwrap().close().await;
    assert!(Store::exists(&config).unwrap());

    let damaged = tempfile::tempdir().unwrap();
    std::fs::write(damaged.path().join("misogi.sqlite"), [b'?'; 8192]).unwrap();
    let config = StoreConfig { directory: damaged.path().to_owned(), ..config };
    assert!(Store::exists(&config).unwrap());
    assert!(matches!(Store::open(config).await, Err(Error::Database { .. })));
}

/// A connection beside the store's own, as somebody with access to the file would have.
async fn intruder(directory: &std::path::Path) -> sqlx::SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("misogi.sqlite")).connect().await.unwrap()
}

#[tokio::test]
async fn the_audit_refuses_changes_and_shows_those_made_around_it() {
    let (directory, hand, store) = fresh().await;
    for n in 0..20u8 {
        accept(&store, &[n]).await;
    }
    let whole = store.audit_verify().await.unwrap();
    store.close().await;
    let mut intruder = intruder(directory.path()).await;
    for refused in ["UPDATE audit SET detail = '{}' WHERE seq = 7", "DELETE FROM audit WHERE seq = 7"] {
        let error = intruder.execute(refused).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    for trigger in ["audit_is_never_updated", "audit_is_never_deleted"] {
        let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
        sqlx::query(drop).execute(&mut intruder).await.unwrap();
    }
    let broken_after = async |sql: &'static str| {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(directory.path().join("misogi.sqlite"), copy.path().join("misogi.sqlite")).unwrap();
        let mut other = self::intruder(copy.path()).await;
        other.execute(sql).await.unwrap();
        other.close().await.unwrap();
        let store = Store::open_reading(config(copy.path(), &hand)).await.unwrap();
        store.audit_verify().await.unwrap()
    };
    intruder.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    intruder.close().await.unwrap();
    for (sql, row) in [
        ("UPDATE audit SET detail = replace(detail, 'yamada', 'tanaka') WHERE seq = 7", 7),
        ("UPDATE audit SET at = at + 1 WHERE seq = 20", 20),
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 1", 1),
        ("UPDATE audit SET message = NULL WHERE seq = 3", 3),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", 5),
        ("DELETE FROM audit WHERE seq = 9", 9),
        ("INSERT INTO audit SELECT 21, at, actor, event, message, detail, hash FROM audit WHERE seq = 20", 21),
    ] {
        assert_eq!(broken_after(sql).await.broken, Some(row), "{sql}");
    }
    // Cutting off the end leaves a sound chain: only a head kept elsewhere tells.
    let cut = broken_after("DELETE FROM audit WHERE seq > 15").await;
    assert_eq!((cut.broken, cut.rows), (None, 15));
    assert_ne!(cut.head, whole.head);
}

#[tokio::test]
async fn audit_rows_can_be_listed_by_page_and_filter() {
    let (_directory, _hand, store) = fresh().await;
    for n in 0..7u8 {
        accept(&store, &[n]).await;
    }
    let entry = store::AuditEntry {
        actor: "suzuki".to_owned(),
        event: store::AuditEvent::OriginalViewed,
        message: None,
        detail: vec![("item", "3".to_owned())],
    };
    store.audit_append(entry).await.unwrap();
    let mut filter = store::AuditFilter { limit: 3, ..Default::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.audit(&filter).await.unwrap();
        seen.extend(page.items.iter().map(|r| r.seq));
        match page.next {
            Some(next) => filter.before = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
    let by_actor = store::AuditFilter { actor: Some("suzuki".to_owned()), ..Default::default() };
    assert_eq!(store.audit(&by_actor).await.unwrap().items[0].detail, r#"{"item":"3"}"#);
}
