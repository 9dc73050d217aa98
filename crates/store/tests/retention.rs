//! What goes when, and that nothing goes early.

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

use std::time::Duration;

use store::{
    Error, QuarantineFilter, QuarantineState, Quarantined, RecipientOutcome, RecipientResult, RetryPolicy, Store,
    Triage, Untouched,
};
use support::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn everything_of_a_mail_goes_in_its_own_time() {
    let (directory, hand, store) = fresh().await;
    accept(&store, &vec![b'o'; 100_000]).await;
    let work = claim_one(&store).await;
    let id = work.message;
    let parts = vec![withheld("1", "x.bin", Quarantined::Part(source(&[1; 80_000])))];
    store.complete(&work.key, completed(Some(&vec![b's'; 90_000]), parts)).await.unwrap();
    assert_eq!(store.disk().await.unwrap().files, 100_021 + 80_000 + 90_000);

    // Not delivered: the output stays however long it takes, here two days.
    hand.advance(2 * DAY);
    assert_eq!(store.purge().await.unwrap(), store::Purged::default());
    let task = store.due_deliveries(1).await.unwrap().remove(0);
    let outcome = RecipientOutcome::Delivered { reply: "250".to_owned() };
    store.delivery_result(vec![RecipientResult { recipient_id: task.recipients[0].id, outcome }]).await.unwrap();
    hand.advance(2 * HOUR);
    let purged = store.purge().await.unwrap();
    assert_eq!((purged.outputs, purged.originals, purged.bytes), (1, 0, 90_000));
    assert_eq!(store.disk().await.unwrap().files, 100_021 + 80_000);

    hand.advance(6 * DAY);
    let purged = store.purge().await.unwrap();
    assert_eq!((purged.outputs, purged.originals, purged.bytes), (0, 1, 100_021));
    assert!(matches!(store.message_original(id).await, Err(Error::Expired)));

    hand.advance(23 * DAY);
    assert_eq!(store.purge().await.unwrap().quarantined, 1);
    let item = store.quarantine(&QuarantineFilter::default()).await.unwrap().items.remove(0);
    assert_eq!(item.state, QuarantineState::Purged);
    assert!(matches!(store.quarantine_original(item.id).await, Err(Error::Expired)));
    let late = store.triage(&[item.id], Triage::Retry(RetryPolicy::Same), "suzuki", "late").await.unwrap();
    assert_eq!(late, [(item.id, Err(Untouched::Gone))]);
    assert_eq!(store.disk().await.unwrap().files, 0);
    assert!(store.message(id).await.unwrap().is_some());

    hand.advance(340 * DAY);
    assert_eq!(store.purge().await.unwrap().messages, 1);
    assert!(store.message(id).await.unwrap().is_none());
    // The audit stays, and so does the count: no number is given twice.
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    let runs =
        store.audit(&store::AuditFilter { event: Some("purged".to_owned()), ..Default::default() }).await.unwrap();
    assert_eq!(runs.items.len(), 5);
    store.close().await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert!(accept(&store, b"next").await.message > id);
}

#[tokio::test]
async fn a_message_that_waits_is_never_purged() {
    let (_directory, hand, store) = fresh().await;
    accept(&store, b"waiting for the scanner").await;
    hand.advance(1000 * DAY);
    assert_eq!(store.purge().await.unwrap(), store::Purged::default());
    assert_eq!(claim_one(&store).await.original.len(), 44);
}

#[tokio::test]
async fn a_whole_original_in_quarantine_is_one_copy_and_lives_as_long_as_quarantine() {
    let (_directory, hand, store) = fresh().await;
    let batch = store
        .create_batch(store::NewBatch { user: None, owner: None, expires: store.now().plus(7 * DAY) })
        .await
        .unwrap();
    upload(&store, batch.id, "virus.exe", &vec![9; 70_000]).await;
    let work = claim_one(&store).await;
    let parts = vec![withheld("1", "virus.exe", Quarantined::Whole)];
    store.complete(&work.key, completed(None, parts)).await.unwrap();
    assert_eq!(store.disk().await.unwrap().files, 70_000);
    hand.advance(20 * DAY);
    assert_eq!(store.purge().await.unwrap().bytes, 0);
    let item = store.quarantine(&QuarantineFilter::default()).await.unwrap().items.remove(0);
    assert_eq!(item.bytes, 70_000);
    assert_eq!(store.quarantine_original(item.id).await.unwrap().len(), 70_000);
    hand.advance(11 * DAY);
    assert_eq!(store.purge().await.unwrap().bytes, 70_000);
}

#[tokio::test]
async fn many_messages_are_purged_in_steps() {
    let (_directory, hand, store) = fresh().await;
    for n in 0..250u32 {
        accept(&store, &n.to_le_bytes()).await;
    }
    for work in store.claim(300).await.unwrap() {
        store.complete(&work.key, completed(Some(b"x"), Vec::new())).await.unwrap();
    }
    hand.advance(8 * DAY);
    assert_eq!(store.purge().await.unwrap().originals, 250);
}

#[tokio::test]
async fn a_file_that_no_row_names_is_removed_when_it_is_old() {
    let (directory, hand, store) = fresh().await;
    store.close().await;
    let orphan = directory.path().join("blobs/ab/abababababababababababababababab");
    let half = directory.path().join("incoming/cdcdcdcd");
    std::fs::write(&orphan, b"left by a crash").unwrap();
    std::fs::write(&half, b"half").unwrap();
    let written = std::time::UNIX_EPOCH + Duration::from_millis(u64::try_from(START).unwrap());
    std::fs::File::options().write(true).open(&orphan).unwrap().set_modified(written).unwrap();
    hand.advance(HOUR - Duration::from_secs(1));
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert!(!half.exists());
    assert!(orphan.exists());
    store.close().await;
    hand.advance(Duration::from_secs(1));
    drop(Store::open(config(directory.path(), &hand)).await.unwrap());
    assert!(!orphan.exists());
}
