//! Uploads that a password opens: the second outcome takes the place of the first, under the same receipt and link, durable as one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod support;

use std::time::Duration;

use store::{
    AuditFilter, BatchStatus, BatchToken, Error, MessageId, NewBatch, OpenedBy, PartRecord, PartVerdict, QuarantineId,
    QuarantineState, Quarantined, Store, Triage, Tries, TryOf, UnlockedUpload, Untouched, Verdict,
};
use support::*;

const DAY: Duration = Duration::from_secs(86_400);

/// An upload of a locked archive with these parts.
async fn locked(store: &Store, bytes: &[u8], parts: Vec<PartRecord>) -> (BatchToken, MessageId) {
    let expires = store.now().plus(DAY);
    let batch = store.create_batch(NewBatch { user: Some("suzuki".to_owned()), owner: None, expires }).await.unwrap();
    let message = upload(store, batch.id, "meibo.zip", bytes).await.message;
    let work = claim_one(store).await;
    store.complete(&work.key, completed(None, parts)).await.unwrap();
    (batch.token, message)
}

fn whole(result: &[u8]) -> PartRecord {
    PartRecord { result: Some(made(result)), ..part("", "meibo.zip") }
}

async fn open(store: &Store, message: MessageId, parts: Vec<PartRecord>) -> Result<(), Error> {
    let verdict = if parts.len() > 1 { Verdict::SanitisedWithWithheld } else { Verdict::Sanitised };
    let rows = store.message(message).await?.map(|detail| detail.quarantine).unwrap_or_default();
    let held = rows.iter().find(|row| row.locked && row.state == QuarantineState::Held);
    let item = held.map_or(QuarantineId(0), |row| row.id);
    store.open_upload(UnlockedUpload { message, item, verdict, parts, actor: "suzuki".to_owned() }).await
}

async fn batch(store: &Store, token: &BatchToken) -> BatchStatus {
    store.batch(token).await.unwrap().expect("its link works")
}

async fn items(store: &Store, message: MessageId) -> Vec<(String, bool, QuarantineState)> {
    let rows = store.message(message).await.unwrap().unwrap().quarantine;
    rows.into_iter().map(|row| (row.path, row.locked, row.state)).collect()
}

#[tokio::test]
async fn what_a_password_opens_is_fetched_where_it_was_missing() {
    let (_directory, hand, store) = fresh().await;
    let bytes = vec![7; 100_000];
    let (token, message) = locked(&store, &bytes, vec![withheld("", "meibo.zip", Quarantined::LockedWhole)]).await;
    let lock = store.upload_lock(message, 3).await.unwrap().unwrap();
    assert_eq!(lock.tried, 0);
    assert_eq!(store.count_try(lock.item, TryOf::Typing, "suzuki", 3).await.unwrap(), Tries::Left(2));
    assert_eq!(store.upload_lock(message, 3).await.unwrap().unwrap().tried, 1);
    let upload = store.locked_upload(message).await.unwrap().unwrap();
    assert_eq!((upload.name.as_str(), &upload.items[..], upload.passed.len()), ("meibo.zip", &[lock.item][..], 0));
    assert!(upload.original.to_bytes(200_000).await.unwrap() == bytes, "the original is the one that was sent");
    hand.advance(DAY - Duration::from_secs(60));
    open(&store, message, vec![whole(b"safe")]).await.unwrap();
    hand.advance(DAY);
    let file = batch(&store, &token).await.files.remove(0);
    assert_eq!((file.verdict, file.parts.len(), file.parts[0].has_result), (Some(Verdict::Sanitised), 1, true));
    assert_eq!(store.part_result(message, "").await.unwrap().to_bytes(100).await.unwrap(), &b"safe"[..]);
    assert_eq!(items(&store, message).await, [(String::new(), true, QuarantineState::Released)]);
    assert!(
        store.upload_lock(message, 3).await.unwrap().is_none() && store.locked_upload(message).await.unwrap().is_none()
    );
    let audit = store.audit(&AuditFilter::default()).await.unwrap().items;
    let row = audit.iter().find(|row| row.event == "upload_unlocked").unwrap();
    assert_eq!((row.actor.as_str(), row.message), ("suzuki", Some(message)));
    store.close().await;
}

#[tokio::test]
async fn what_is_locked_inside_stays_an_item_and_the_next_outcome_leaves_no_file_of_the_one_before() {
    let (directory, _hand, store) = fresh().await;
    let (_, message) = locked(&store, b"PK", vec![withheld("", "meibo.zip", Quarantined::LockedWhole)]).await;
    let inner = |kept| withheld("1", "inner.zip", kept);
    let first = vec![whole(&vec![1; 100_000]), inner(Quarantined::Locked(source(b"inner")))];
    open(&store, message, first).await.unwrap();
    let held = [(String::new(), true, QuarantineState::Released), ("1".to_owned(), true, QuarantineState::Held)];
    assert_eq!(items(&store, message).await, held);
    let upload = store.locked_upload(message).await.unwrap().unwrap();
    assert_eq!(upload.passed, [""], "and its original is found where it was moved to");
    assert_eq!(upload.original.to_bytes(10).await.unwrap(), &b"PK"[..]);
    // The same once more makes no second item of what is held.
    let again = vec![whole(&vec![2; 100_000]), inner(Quarantined::Locked(source(b"inner")))];
    open(&store, message, again).await.unwrap();
    assert_eq!(items(&store, message).await, held);
    open(&store, message, vec![whole(&vec![3; 100_000]), part("1", "inner.zip")]).await.unwrap();
    let now: Vec<_> = items(&store, message).await.into_iter().map(|(_, _, state)| state).collect();
    assert_eq!(now, [QuarantineState::Released, QuarantineState::Released]);
    let results: Vec<_> = std::fs::read_dir(directory.path().join("blobs"))
        .unwrap()
        .flatten()
        .flat_map(|directory| std::fs::read_dir(directory.path()).unwrap().flatten())
        .filter(|file| file.metadata().unwrap().len() == 100_000)
        .collect();
    assert_eq!(results.len(), 1, "two of three results are gone from the disk");
    assert_eq!(store.part_result(message, "").await.unwrap().to_bytes(200_000).await.unwrap()[0], 3);
    store.close().await;
}

#[tokio::test]
async fn the_original_of_a_partly_locked_upload_is_kept_as_long_as_its_lock() {
    let (_directory, hand, store) = fresh().await;
    let parts = vec![whole(b"half"), withheld("2", "b.txt", Quarantined::Locked(source(b"b")))];
    let (_, message) = locked(&store, b"PK", parts).await;
    assert_eq!(store.locked_upload(message).await.unwrap().unwrap().passed, [""]);
    hand.advance(20 * DAY);
    store.purge().await.unwrap();
    let upload = store.locked_upload(message).await.unwrap().unwrap();
    assert_eq!(upload.original.to_bytes(10).await.unwrap(), &b"PK"[..]);
    hand.advance(40 * DAY);
    store.purge().await.unwrap();
    assert!(!matches!(store.locked_upload(message).await, Ok(Some(_))));
    store.close().await;
}

#[tokio::test]
async fn mails_and_outcomes_without_a_result_are_refused() {
    let (_directory, _hand, store) = fresh().await;
    let (_, message) = locked(&store, b"PK", vec![withheld("", "meibo.zip", Quarantined::LockedWhole)]).await;
    assert!(matches!(open(&store, message, Vec::new()).await, Err(Error::Invalid(_))));
    assert!(matches!(open(&store, message, vec![part("", "x.txt")]).await, Err(Error::Invalid(_))));
    assert!(matches!(open(&store, MessageId(999), vec![whole(b"safe")]).await, Err(Error::NotFound(_))));
    let mail = accept(&store, b"Subject: hi\r\n\r\nbody").await.message;
    let work = claim_one(&store).await;
    let parts = vec![withheld("1", "meibo.zip", Quarantined::Locked(source(b"PK")))];
    store.complete(&work.key, completed(Some(b"clean"), parts)).await.unwrap();
    assert!(store.upload_lock(mail, 3).await.unwrap().is_none() && store.locked_upload(mail).await.unwrap().is_none());
    assert!(matches!(open(&store, mail, vec![whole(b"safe")]).await, Err(Error::NotFound(_))));
    assert_eq!(store.message(message).await.unwrap().unwrap().parts[0].verdict, PartVerdict::Withheld);
    store.close().await;
}

async fn act(store: &Store, item: QuarantineId, what: Triage) -> Result<(), Untouched> {
    store.triage(&[item], what, "operator", "確認済み").await.unwrap().remove(0).1
}

#[tokio::test]
async fn what_is_held_back_stays_so_when_a_password_opens_it_and_can_be_given_free() {
    let (_directory, hand, store) = fresh().await;
    let (_, message) = locked(&store, b"PK", vec![withheld("", "meibo.zip", Quarantined::LockedWhole)]).await;
    let item = store.upload_lock(message, 3).await.unwrap().unwrap().item;
    act(&store, item, Triage::Hold).await.unwrap();
    open(&store, message, vec![whole(b"safe")]).await.unwrap();
    let row = store.quarantine_item(item).await.unwrap().unwrap();
    assert_eq!((row.state, row.on_hold), (QuarantineState::Released, true), "whoever types a password ends no hold");
    assert_eq!(act(&store, item, Triage::Delete).await, Err(Untouched::OnHold));
    hand.advance(100 * DAY);
    store.purge().await.unwrap();
    assert!(store.quarantine_original(item).await.is_ok());
    act(&store, item, Triage::Unhold).await.unwrap();
    act(&store, item, Triage::Delete).await.unwrap();
    assert!(store.quarantine_original(item).await.is_err());
    store.close().await;
}

#[tokio::test]
async fn what_a_person_deleted_is_not_opened_and_does_not_come_back() {
    let (_directory, _hand, store) = fresh().await;
    let parts = || {
        vec![
            whole(b"half"),
            withheld("1", "a.txt", Quarantined::Locked(source(b"a"))),
            withheld("2", "tool.exe", Quarantined::Part(source(b"MZ"))),
        ]
    };
    let (_, message) = locked(&store, b"PK", parts()).await;
    let item = store.upload_lock(message, 3).await.unwrap().unwrap().item;
    let rows = store.message(message).await.unwrap().unwrap().quarantine;
    let tool = rows.iter().find(|row| row.path == "2").unwrap().id;
    // Deleted while somebody's password is being tried.
    act(&store, tool, Triage::Delete).await.unwrap();
    let opened = vec![whole(b"more"), part("1", "a.txt"), withheld("2", "tool.exe", Quarantined::Part(source(b"MZ")))];
    assert!(matches!(open(&store, message, opened).await, Err(Error::NotFound(_))));
    assert_eq!(store.part_result(message, "").await.unwrap().to_bytes(100).await.unwrap(), &b"half"[..]);
    assert_eq!(store.message(message).await.unwrap().unwrap().quarantine.len(), 2, "it is no item anew");
    assert!(store.locked_upload(message).await.unwrap().is_none());
    // And where the locked item itself is not held any more.
    let (_, other) = locked(&store, b"PK", parts()).await;
    let unlocked = UnlockedUpload {
        message: other,
        item,
        verdict: Verdict::Sanitised,
        parts: vec![whole(b"more")],
        actor: "suzuki".to_owned(),
    };
    assert!(matches!(store.open_upload(unlocked).await, Err(Error::NotFound(_))), "an item of another upload");
    store.close().await;
}

#[tokio::test]
async fn what_a_virus_was_found_in_is_not_given_out_to_be_made_again() {
    let (_directory, _hand, store) = fresh().await;
    let (_, message) = locked(&store, b"bytes", vec![withheld("", "meibo.zip", Quarantined::LockedWhole)]).await;
    assert!(store.upload_original(message).await.is_ok());
    let item = store.upload_lock(message, 3).await.unwrap().unwrap().item;
    store.virus_found(&[item], OpenedBy::Typing, "suzuki").await.unwrap();
    assert!(matches!(store.upload_original(message).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_part_without_tries_does_not_close_the_others_and_what_is_inside_lasts_as_long_as_the_whole() {
    let (_directory, hand, store) = fresh().await;
    let parts = vec![
        whole(b"half"),
        withheld("1", "a.txt", Quarantined::Locked(source(b"a"))),
        withheld("2", "b.txt", Quarantined::Locked(source(b"b"))),
    ];
    let (_, message) = locked(&store, b"PK", parts).await;
    let first = store.upload_lock(message, 1).await.unwrap().unwrap().item;
    assert_eq!(store.count_try(first, TryOf::Typing, "suzuki", 1).await.unwrap(), Tries::Left(0));
    let second = store.upload_lock(message, 1).await.unwrap().unwrap();
    assert!(second.item != first && second.tried == 0);

    let (_, message) = locked(&store, b"PK", vec![withheld("", "meibo.zip", Quarantined::LockedWhole)]).await;
    let until = store.upload_lock(message, 3).await.unwrap().unwrap().expires;
    hand.advance(10 * DAY);
    open(&store, message, vec![whole(b"half"), withheld("1", "inner.zip", Quarantined::Locked(source(b"in")))])
        .await
        .unwrap();
    assert_eq!(store.upload_lock(message, 3).await.unwrap().unwrap().expires, until);
    store.close().await;
}
