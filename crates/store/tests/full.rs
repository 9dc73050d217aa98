//! A full disk: the answer says "try again", nothing is half done, and all goes on once there is room.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "the tests fill a disk and start themselves")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use store::{Class, Error, Store};
use support::*;

/// Set in the child: the directory it fills.
const CHILD: &str = "MISOGI_STORE_TEST_FULL";

/// A small file system, unmounted at the end.
struct Small(PathBuf);

impl Small {
    fn mount(directory: &Path) -> Small {
        let path = directory.join("small");
        std::fs::create_dir(&path).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=6m", "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(&path).output().expect("this test needs mount(8)");
        assert!(
            mounted.status.success(),
            "this test fills a file system of its own, so it must run as a user who may mount a tmpfs (root): {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Small(path)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

async fn fill(store: &Store) -> (Vec<store::MessageId>, Error) {
    let mut accepted = Vec::new();
    loop {
        match accept_from(store, mail_to(&["a@x"]), &vec![b'x'; 60_000]).await {
            Ok(one) => accepted.push(one.message),
            Err(error) => return (accepted, error),
        }
        assert!(accepted.len() < 10_000, "the disk never became full");
    }
}

async fn nothing_is_half_done(store: &Store, accepted: &[store::MessageId]) {
    for id in accepted {
        assert_eq!(store.message_original(*id).await.unwrap().len(), 60_021);
    }
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    assert_eq!(store.counts().await.unwrap().accepted, u64::try_from(accepted.len()).unwrap());
}

#[tokio::test]
async fn a_full_disk_is_answered_with_full_and_nothing_is_half_done() {
    let directory = tempfile::tempdir().unwrap();
    let small = Small::mount(directory.path());
    let ballast = small.0.join("ballast");
    std::fs::write(&ballast, vec![0u8; 2 << 20]).unwrap();
    let hand = Hand::new();
    let inside = small.0.join("store");
    let store = Store::open(config(&inside, &hand)).await.unwrap();
    let (mut accepted, error) = fill(&store).await;
    assert!(!accepted.is_empty());
    assert_eq!(error.class(), Class::Retry, "{error:?}");
    assert!(error.is_full(), "{error:?}");

    let mut spool = store.spool();
    let large = match spool.write(&vec![b'y'; 3 << 20]).await {
        Ok(()) => spool.finish().await.map(drop).unwrap_err(),
        Err(error) => error,
    };
    assert!(large.is_full() && large.class() == Class::Retry, "{large:?}");
    assert_eq!(std::fs::read_dir(inside.join("incoming")).unwrap().count(), 0);
    nothing_is_half_done(&store, &accepted).await;

    std::fs::remove_file(ballast).unwrap();
    for n in 0..10u8 {
        accepted.push(accept_from(&store, mail_to(&["a@x"]), &vec![n; 60_000]).await.unwrap().message);
    }
    nothing_is_half_done(&store, &accepted).await;
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"out"), Vec::new())).await.unwrap();
    store.health().await.unwrap();
    store.close().await;
}

/// Not a test of its own: it is what the child runs under a file-size limit.
#[test]
fn child_meets_its_file_size_limit() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let hand = Hand::new();
        let store = Store::open(config(directory.as_ref(), &hand)).await.unwrap();
        let (accepted, error) = fill(&store).await;
        assert!(!accepted.is_empty());
        assert_eq!(error.class(), Class::Retry, "{error:?}");
        nothing_is_half_done(&store, &accepted).await;
    });
}

#[test]
fn a_file_size_limit_is_answered_with_retry_and_nothing_is_half_done() {
    let directory = tempfile::tempdir().unwrap();
    // Without the trap the limit kills; with it the write fails, as on a file system with a quota.
    let output = Command::new("sh")
        .args(["-c", r#"trap '' XFSZ; ulimit -f 4096; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_meets_its_file_size_limit", "--nocapture"])
        .env(CHILD, directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(config(directory.path(), &Hand::new())).await.unwrap();
        assert!(store.counts().await.unwrap().accepted > 0);
        accept(&store, b"room again").await;
        assert_eq!(store.audit_verify().await.unwrap().broken, None);
    });
}
