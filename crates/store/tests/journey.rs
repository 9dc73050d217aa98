//! A message from acceptance to delivery, and what each step promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "the tests look at the files of the store")]

mod support;

use std::time::Duration;

use form::reason::Reason;
use store::{
    BatchRow, Class, DeliveryState, Error, FailOutcome, GivenUp, MessageFilter, NewBatch, NewUser, Notice, Origin,
    OriginKind, OwnMail, QuarantineFilter, QuarantineState, Quarantined, QueueState, RecipientOutcome, RecipientResult,
    Role, Store, UserId, Verdict, WhenDone, WorkOrigin,
};
use support::*;

#[tokio::test]
async fn a_mail_goes_from_acceptance_to_delivery_and_every_step_is_in_the_audit() {
    let (_directory, _hand, store) = fresh().await;
    let accepted = accept_from(&store, mail_to(&["a@x.lg.jp", "b@x.lg.jp"]), b"Subject: hi\r\n\r\nbody").await.unwrap();
    assert_eq!(accepted.duplicate_of, None);

    let work = claim_one(&store).await;
    assert_eq!((work.message, work.attempt, work.exhausted), (accepted.message, 1, false));
    let WorkOrigin::Mail { envelope } = &work.origin else { panic!("a mail") };
    assert_eq!(envelope.sender.as_deref(), Some("yamada@example.jp"));
    assert_eq!(envelope.recipients, ["a@x.lg.jp", "b@x.lg.jp"]);
    let original = work.original.to_source().await.unwrap().data.to_vec(1000).unwrap();
    assert_eq!(original, b"Received: from test\r\nSubject: hi\r\n\r\nbody");

    let parts = vec![part("1", "body.txt"), withheld("2", "x.exe", Quarantined::Part(source(b"MZ")))];
    store.complete(&work.key, completed(Some(b"the clean mail"), parts)).await.unwrap();

    let mut tasks = store.due_deliveries(10).await.unwrap();
    assert_eq!(tasks.len(), 1);
    let task = tasks.remove(0);
    assert_eq!(task.sender.as_deref(), Some("yamada@example.jp"));
    assert_eq!(task.body.to_bytes(100).await.unwrap(), &b"the clean mail"[..]);
    assert_eq!(task.recipients.iter().map(|r| r.address.as_str()).collect::<Vec<_>>(), ["a@x.lg.jp", "b@x.lg.jp"]);
    let results = task
        .recipients
        .iter()
        .map(|r| RecipientResult {
            recipient_id: r.id,
            outcome: RecipientOutcome::Delivered { reply: "250 2.0.0 queued".to_owned() },
        })
        .collect();
    store.delivery_result(results).await.unwrap();
    assert!(store.due_deliveries(10).await.unwrap().is_empty());

    let detail = store.message(accepted.message).await.unwrap().unwrap();
    assert_eq!(detail.row.verdict, Some(Verdict::SanitisedWithWithheld));
    assert_eq!(detail.row.subject.as_deref(), Some("見積書の送付"));
    assert_eq!(detail.parts.len(), 2);
    assert_eq!(
        (detail.parts[1].reason, detail.parts[1].limit, detail.parts[1].value),
        (Some(Reason::LimitParts), 1000, 1001)
    );
    assert_eq!(detail.parts[0].findings[0].reason, Reason::Metadata);
    assert!(detail.deliveries.iter().all(|d| d.state == DeliveryState::Delivered && d.attempts == 1));
    assert_eq!(detail.quarantine[0].name, "x.exe");
    assert!(detail.job.is_none());
    let events: Vec<&str> = detail.timeline.iter().map(|r| r.event.as_str()).collect();
    assert_eq!(events, ["accepted", "completed", "delivery"]);
    let check = store.audit_verify().await.unwrap();
    assert_eq!((check.rows, check.broken), (3, None));
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.accepted, counts.sanitised_with_withheld, counts.delivered), (1, 1, 2));
    assert_eq!((counts.queued, counts.running, counts.deliveries_pending, counts.quarantined), (0, 0, 0, 1));
}

#[tokio::test]
async fn a_repeated_completion_answers_ok_and_changes_nothing() {
    let (_directory, _hand, store) = fresh().await;
    accept(&store, b"one").await;
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"out"), vec![part("1", "a.txt")])).await.unwrap();
    store.complete(&work.key, completed(Some(b"other"), vec![part("1", "b.txt")])).await.unwrap();
    let detail = store.message(work.message).await.unwrap().unwrap();
    assert_eq!(detail.parts.len(), 1);
    assert_eq!(detail.parts[0].name, "a.txt");
    assert_eq!(detail.deliveries.len(), 1);
    let tasks = store.due_deliveries(2).await.unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].body.to_bytes(10).await.unwrap(), &b"out"[..]);
}

#[tokio::test]
async fn a_key_of_an_earlier_generation_can_do_nothing() {
    let (_directory, hand, store) = fresh().await;
    accept(&store, b"one").await;
    let first = claim_one(&store).await;
    // Its lease ends, and somebody else gets the job.
    hand.advance(Duration::from_secs(16 * 60));
    let second = claim_one(&store).await;
    assert_eq!((second.message, second.attempt), (first.message, 2));
    let large = vec![7u8; 200_000];
    let late = store.complete(&first.key, completed(Some(&large), vec![part("1", "late.txt")])).await;
    assert!(matches!(late, Err(Error::Stale)), "{late:?}");
    assert!(matches!(store.defer(&first.key, "late", hand.clock().now()).await, Err(Error::Stale)));
    assert!(matches!(store.fail(&first.key, "late").await, Err(Error::Stale)));
    store.complete(&second.key, completed(Some(b"right"), vec![part("1", "right.txt")])).await.unwrap();
    let detail = store.message(first.message).await.unwrap().unwrap();
    assert_eq!(detail.parts[0].name, "right.txt");
    // The late worker's large output is not left behind either.
    assert_eq!(store.disk().await.unwrap().files, 0);
}

#[tokio::test]
async fn extended_leases_are_kept() {
    let (_directory, hand, store) = fresh().await;
    accept(&store, b"one").await;
    let work = claim_one(&store).await;
    hand.advance(Duration::from_secs(10 * 60));
    store.extend(std::slice::from_ref(&work.key)).await.unwrap();
    hand.advance(Duration::from_secs(10 * 60));
    assert!(store.claim(1).await.unwrap().is_empty());
    store.complete(&work.key, completed(Some(b"x"), Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_deferral_is_no_attempt_and_a_failure_is() {
    let (_directory, hand, store) = fresh().await;
    accept(&store, b"one").await;
    for _ in 0..10 {
        let work = claim_one(&store).await;
        assert_eq!(work.attempt, 1);
        let later = store.now().plus(Duration::from_secs(60));
        store.defer(&work.key, "the scanner does not answer", later).await.unwrap();
        assert!(store.claim(1).await.unwrap().is_empty());
        assert_eq!(store.queue(10).await.unwrap()[0].state, QueueState::Deferred);
        hand.advance(Duration::from_secs(61));
    }
    let mut waits = Vec::new();
    for attempt in 1..=3 {
        let work = claim_one(&store).await;
        assert_eq!((work.attempt, work.exhausted), (attempt, false));
        let FailOutcome::Again { at } = store.fail(&work.key, "room_unavailable").await.unwrap() else { panic!() };
        waits.push(at.since(store.now()).as_secs());
        hand.advance(at.since(store.now()));
    }
    assert_eq!(waits, [0, 10, 60]);
    let work = claim_one(&store).await;
    assert_eq!(store.fail(&work.key, "room_unavailable").await.unwrap(), FailOutcome::Exhausted);
    let given_up = GivenUp {
        name: form::name::FileName::rebuild("message.eml").0,
        reason: Reason::RoomUnavailable,
        why: "four times".to_owned(),
        notice: Some(made(b"notice")),
    };
    store.give_up(&work.key, given_up).await.unwrap();

    let detail = store.message(work.message).await.unwrap().unwrap();
    assert_eq!(detail.row.verdict, Some(Verdict::GivenUp));
    // One row says that it was deferred, not ten.
    let events: Vec<&str> = detail.timeline.iter().map(|r| r.event.as_str()).collect();
    assert_eq!(events, ["accepted", "deferred", "attempt_failed", "given_up"]);
    assert_eq!(store.due_deliveries(1).await.unwrap()[0].body.to_bytes(10).await.unwrap(), &b"notice"[..]);
    // The original has moved to quarantine; it was not copied.
    assert!(matches!(store.message_original(work.message).await, Err(Error::Expired)));
    let items = store.quarantine(&QuarantineFilter::default()).await.unwrap().items;
    assert_eq!((items[0].reason, items[0].state), (Some(Reason::RoomUnavailable), QuarantineState::Held));
    assert_eq!(items[0].name, "message.eml");
    let original = store.quarantine_original(items[0].id).await.unwrap();
    assert_eq!(original.to_bytes(100).await.unwrap(), &b"Received: from test\r\none"[..]);
}

/// Starts the gateway `times` times and lets it die each time with the job running.
async fn interrupt(directory: &std::path::Path, hand: &Hand, times: usize) {
    for _ in 0..times {
        let store = Store::open(config(directory, hand)).await.unwrap();
        assert!(!claim_one(&store).await.exhausted);
        store.close().await;
    }
}

#[tokio::test]
async fn restarts_do_not_use_up_the_attempts_of_a_mail() {
    let (directory, hand, store) = fresh().await;
    accept(&store, b"good").await;
    store.fail(&claim_one(&store).await.key, "room_unavailable").await.unwrap();
    store.close().await;
    interrupt(directory.path(), &hand, 5).await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    let work = claim_one(&store).await;
    // The failure before the restarts still counts.
    assert_eq!((work.attempt, work.exhausted), (2, false));
    store.complete(&work.key, completed(Some(b"x"), Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_mail_that_ends_the_gateway_each_time_is_given_up() {
    let (directory, hand, store) = fresh().await;
    accept(&store, b"poison").await;
    store.close().await;
    interrupt(directory.path(), &hand, 9).await;
    for attempt in 1..=5u32 {
        let store = Store::open(config(directory.path(), &hand)).await.unwrap();
        let work = claim_one(&store).await;
        assert_eq!((work.attempt, work.exhausted), (attempt, attempt == 5));
        store.close().await;
    }
}

#[tokio::test]
async fn a_restart_ends_deferrals_but_not_the_wait_after_a_failure() {
    let (directory, hand, store) = fresh().await;
    let failed = accept(&store, b"fails").await.message;
    store.fail(&claim_one(&store).await.key, "room_unavailable").await.unwrap();
    let FailOutcome::Again { at } = store.fail(&claim_one(&store).await.key, "room_unavailable").await.unwrap() else {
        panic!()
    };
    let deferred = accept(&store, b"deferred").await.message;
    let later = store.now().plus(Duration::from_secs(60));
    store.defer(&claim_one(&store).await.key, "no room", later).await.unwrap();
    assert!(store.claim(2).await.unwrap().is_empty());
    store.close().await;

    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    let work = claim_one(&store).await;
    assert_eq!((work.message, work.attempt), (deferred, 1));
    assert!(store.claim(1).await.unwrap().is_empty());
    hand.advance(at.since(store.now()));
    assert_eq!(claim_one(&store).await.message, failed);
}

#[tokio::test]
async fn a_mail_without_anything_to_deliver_cannot_be_completed() {
    let (_directory, _hand, store) = fresh().await;
    accept(&store, b"one").await;
    let work = claim_one(&store).await;
    assert!(matches!(store.complete(&work.key, completed(None, Vec::new())).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn recipients_retry_on_their_own_and_are_handed_out_once() {
    let (_directory, hand, store) = fresh().await;
    accept_from(&store, mail_to(&["a@x", "b@x", "c@x"]), b"one").await.unwrap();
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"out"), Vec::new())).await.unwrap();
    let task = store.due_deliveries(5).await.unwrap().remove(0);
    // In flight: not handed out again.
    assert!(store.due_deliveries(5).await.unwrap().is_empty());
    let [a, b, c] = task.recipients.as_slice() else { panic!("three recipients") };
    let retry =
        RecipientOutcome::Retry { at: store.now().plus(Duration::from_secs(300)), reply: "451 later".to_owned() };
    let delivered = RecipientOutcome::Delivered { reply: "250 ok".to_owned() };
    store
        .delivery_result(vec![
            RecipientResult { recipient_id: a.id, outcome: delivered.clone() },
            RecipientResult { recipient_id: b.id, outcome: retry },
        ])
        .await
        .unwrap();
    assert!(store.due_deliveries(5).await.unwrap().is_empty());
    store.delivery_release(&[c.id]).await.unwrap();
    let again = store.due_deliveries(5).await.unwrap().remove(0);
    assert_eq!(again.recipients.len(), 1);
    assert_eq!((again.recipients[0].address.as_str(), again.attempts), ("c@x", 0));
    hand.advance(Duration::from_secs(301));
    let later = store.due_deliveries(5).await.unwrap().remove(0);
    assert_eq!((later.recipients[0].address.as_str(), later.attempts), ("b@x", 1));
    // A delivered recipient stays delivered, whatever a confused caller says later.
    let failed = RecipientOutcome::Failed { reply: "550 no".to_owned() };
    store.delivery_result(vec![RecipientResult { recipient_id: a.id, outcome: failed }]).await.unwrap();
    let detail = store.message(work.message).await.unwrap().unwrap();
    assert_eq!(detail.deliveries[0].state, DeliveryState::Delivered);
    assert_eq!(detail.deliveries[1].reply.as_deref(), Some("451 later"));
    let is_done = |row: &&store::DeliveryRow| matches!(row.state, DeliveryState::Delivered | DeliveryState::Failed);
    assert_eq!(detail.deliveries.iter().filter(is_done).count(), 1);
}

#[tokio::test]
async fn what_was_in_flight_is_due_again_after_a_restart() {
    let (directory, hand, store) = fresh().await;
    accept(&store, b"one").await;
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"out"), Vec::new())).await.unwrap();
    assert_eq!(store.due_deliveries(5).await.unwrap().len(), 1);
    store.close().await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert_eq!(store.due_deliveries(5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_failed_recipient_and_the_notice_about_it_are_one_step() {
    let (_directory, _hand, store) = fresh().await;
    accept(&store, b"one").await;
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"out"), Vec::new())).await.unwrap();
    let task = store.due_deliveries(5).await.unwrap().remove(0);
    let failed = RecipientResult {
        recipient_id: task.recipients[0].id,
        outcome: RecipientOutcome::Failed { reply: "550 5.1.1 no such user".to_owned() },
    };
    let notice = Notice {
        receipt: store.new_receipt().unwrap(),
        recipient: "yamada@example.jp".to_owned(),
        smtputf8: false,
        about: task.message,
        subject: "配信できませんでした".to_owned(),
        body: made(b"dsn"),
    };
    let id = store.enqueue_notice(vec![failed], notice).await.unwrap();
    let due = store.due_deliveries(5).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!((due[0].message, due[0].sender.as_deref(), due[0].notice), (id, None, true));
    assert_eq!(due[0].recipients[0].address, "yamada@example.jp");
    let detail = store.message(id).await.unwrap().unwrap();
    assert_eq!(detail.row.about, Some(task.message));
    assert_eq!(store.counts().await.unwrap().delivery_failed, 1);
}

#[tokio::test]
async fn the_same_mail_twice_is_shown_as_a_duplicate_and_kept_twice() {
    let (directory, hand, store) = fresh().await;
    let first = accept(&store, b"same").await;
    let second = accept(&store, b"same").await;
    assert_eq!(second.duplicate_of, Some(first.message));
    let other_recipient = accept_from(&store, mail_to(&["b@x"]), b"same").await.unwrap();
    assert_eq!(other_recipient.duplicate_of, None);
    assert_eq!(store.claim(10).await.unwrap().len(), 3);
    // It is still known after a restart: the sender whose 250 was lost comes back then.
    store.close().await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert_eq!(accept(&store, b"same").await.duplicate_of, Some(second.message));
}

#[tokio::test]
async fn large_content_is_a_file_on_every_way() {
    let (directory, hand, store) = fresh().await;
    let large: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.to_le_bytes()).take(3_000_000).collect();
    accept(&store, &large).await;
    let work = claim_one(&store).await;
    assert_eq!(work.original.len(), 3_000_021);
    let back = work.original.to_source().await.unwrap().data.to_vec(u64::MAX).unwrap();
    assert_eq!(&back[21..], large.as_slice());
    let whole = jail::Source { offset: 21, len: 2_000_000, ..work.original.to_source().await.unwrap() };
    let parts = vec![withheld("1", "a.bin", Quarantined::Part(whole))];
    store.complete(&work.key, completed(Some(&large), parts)).await.unwrap();
    store.close().await;

    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    let task = store.due_deliveries(1).await.unwrap().remove(0);
    let mut chunks = task.body.chunks();
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    assert!(all == large);
    let item = store.quarantine(&QuarantineFilter::default()).await.unwrap().items.remove(0);
    let held = store.quarantine_original(item.id).await.unwrap().to_bytes(u64::MAX).await.unwrap();
    assert!(held == large[..2_000_000]);
    assert_eq!(store.disk().await.unwrap().files, 3_000_021 + 3_000_000 + 2_000_000);
}

#[tokio::test]
async fn one_file_exactly_at_the_inline_limit_stays_in_the_row() {
    let (directory, _hand, store) = fresh().await;
    let files = || {
        let all = std::fs::read_dir(directory.path().join("blobs")).unwrap();
        all.map(|d| std::fs::read_dir(d.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    accept(&store, &vec![b'x'; 64 * 1024 - 21]).await;
    assert_eq!(files(), 0);
    accept(&store, &vec![b'x'; 64 * 1024 - 20]).await;
    assert_eq!(files(), 1);
    // A spool that is given up leaves nothing.
    let mut spool = store.spool();
    spool.write(&vec![0; 1_000_000]).await.unwrap();
    drop(spool);
    let mut spool = store.spool();
    spool.write(&vec![0; 1_000_000]).await.unwrap();
    drop(spool.finish().await.unwrap());
    assert_eq!(files(), 1);
    assert_eq!(std::fs::read_dir(directory.path().join("incoming")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_goes_before_mail_that_came_a_little_earlier() {
    let (_directory, hand, store) = fresh().await;
    for n in 0..5u8 {
        accept(&store, &[n]).await;
    }
    hand.advance(Duration::from_secs(30));
    let batch = store
        .create_batch(NewBatch { user: None, owner: None, expires: store.now().plus(Duration::from_secs(3600)) })
        .await
        .unwrap();
    let uploaded = upload(&store, batch.id, "急ぎ.txt", b"x").await;
    assert_eq!(claim_one(&store).await.message, uploaded.message);
}

#[tokio::test]
async fn errors_say_whether_to_try_again() {
    let (directory, hand, store) = fresh().await;
    let in_use = Store::open(config(directory.path(), &hand)).await.unwrap_err();
    assert!(matches!(in_use, Error::InUse(_)));
    store.close().await;
    let closed = accept_from(&store, mail_to(&["a@x"]), b"x").await.unwrap_err();
    assert_eq!(closed.class(), Class::Retry);
    assert!(!closed.is_full());
    assert_eq!(Error::Stale.class(), Class::Refuse);
    let reading = Store::open_reading(config(directory.path(), &hand)).await.unwrap();
    assert!(matches!(
        reading
            .audit_append(store::AuditEntry {
                actor: "x".to_owned(),
                event: store::AuditEvent::Purged,
                message: None,
                detail: Vec::new()
            })
            .await,
        Err(Error::ReadOnly)
    ));
    assert_eq!(reading.counts().await.unwrap().accepted, 0);
}

#[tokio::test]
async fn less_than_the_reserve_free_refuses_new_mail_and_lets_the_old_finish() {
    let (directory, hand, store) = fresh().await;
    accept(&store, b"one").await;
    store.close().await;
    let scarce = store::StoreConfig { reserve_bytes: u64::MAX, ..config(directory.path(), &hand) };
    let store = Store::open(scarce).await.unwrap();
    let refused = accept_from(&store, mail_to(&["a@x"]), b"x").await.unwrap_err();
    assert!(refused.is_full() && refused.class() == Class::Retry);
    assert!(store.health().await.unwrap_err().is_full());
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"out"), Vec::new())).await.unwrap();
}

/// A batch of somebody with a mail address, for a day.
async fn batch_of(store: &Store, owner: UserId) -> BatchRow {
    let expires = store.now().plus(Duration::from_secs(86_400));
    store.create_batch(NewBatch { user: Some("suzuki".to_owned()), owner: Some(owner), expires }).await.unwrap()
}

async fn send(store: &Store, batch: &BatchRow, name: &str, when_done: WhenDone) -> store::MessageId {
    let mut message = new_upload(store, batch.id, name, name.as_bytes()).await;
    if let Origin::Upload { when_done: wanted, .. } = &mut message.origin {
        *wanted = when_done;
    }
    store.accept(message).await.unwrap().message
}

/// Converts what waits longest.
async fn convert(store: &Store, kept: Option<Quarantined>) {
    let work = claim_one(store).await;
    let completed = match kept {
        Some(kept) => {
            store::Completed { verdict: Verdict::NoticeOnly, ..completed(None, vec![withheld("", "x", kept)]) }
        }
        None => completed(None, vec![part("", "x")]),
    };
    store.complete(&work.key, completed).await.unwrap();
}

fn own_mail(store: &Store) -> OwnMail {
    let recipients = vec!["suzuki@city.example.lg.jp".to_owned()];
    OwnMail { receipt: store.new_receipt().unwrap(), recipients, subject: "done".to_owned(), body: made(b"done") }
}

#[tokio::test]
async fn an_upload_is_told_of_once_when_all_of_it_is_done() {
    let (directory, hand, store) = fresh().await;
    let new = NewUser { name: "suzuki".to_owned(), password_hash: "$argon2id$".to_owned(), role: Role::Staff };
    let address = "suzuki@city.example.lg.jp";
    let owner = store.invite_user(new, Some(address.to_owned()), "test").await.unwrap();
    let batch = batch_of(&store, owner).await;
    let first = send(&store, &batch, "a.txt", WhenDone::Tell).await;
    hand.advance(Duration::from_secs(30));
    send(&store, &batch, "b.txt", WhenDone::Tell).await;
    let quiet = batch_of(&store, owner).await;
    send(&store, &quiet, "c.txt", WhenDone::Nothing).await;
    assert!(store.is_awaited(batch.id).await.unwrap() && !store.is_awaited(quiet.id).await.unwrap());
    hand.advance(Duration::from_secs(40));
    convert(&store, None).await;
    assert!(store.done_batches(10).await.unwrap().is_empty(), "one of two");
    convert(&store, Some(Quarantined::Whole)).await;
    convert(&store, None).await;
    store.close().await;

    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    let done = store.done_batches(10).await.unwrap();
    assert_eq!(done.len(), 1, "nobody waits for the other");
    let receipt = store.message(first).await.unwrap().unwrap().row.receipt;
    assert_eq!((done[0].batch, done[0].receipt.as_ref()), (batch.id, Some(&receipt)));
    assert_eq!((done[0].files, done[0].withheld), (2, 1));
    assert_eq!((done[0].took, done[0].address.as_deref()), (Duration::from_secs(70), Some(address)));

    // What comes in between is waited for as well.
    let late = send(&store, &batch, "d.txt", WhenDone::Tell).await;
    assert!(!store.tell_of_batch(&done[0], own_mail(&store)).await.unwrap());
    assert!(store.done_batches(10).await.unwrap().is_empty());
    convert(&store, None).await;
    let done = store.done_batches(10).await.unwrap();
    assert_eq!(done[0].files, 3);
    assert!(store.tell_of_batch(&done[0], own_mail(&store)).await.unwrap());
    assert!(!store.tell_of_batch(&done[0], own_mail(&store)).await.unwrap(), "once");
    assert!(store.done_batches(10).await.unwrap().is_empty() && !store.is_awaited(batch.id).await.unwrap());
    let notices = MessageFilter { origin: Some(OriginKind::Notice), ..MessageFilter::default() };
    let notices = store.messages(&notices).await.unwrap().items;
    assert_eq!((notices.len(), notices[0].about), (1, Some(first)));
    let tasks = store.due_deliveries(10).await.unwrap();
    assert_eq!((tasks.len(), tasks[0].recipients[0].address.as_str()), (1, address));
    assert!(tasks[0].notice && tasks[0].sender.is_none());

    // One that is made again is waited for by itself.
    assert!(late > first);
    let again = send(&store, &batch, "e.txt", WhenDone::Tell).await;
    convert(&store, None).await;
    let done = store.done_batches(10).await.unwrap();
    assert_eq!((done[0].files, done[0].took), (1, Duration::ZERO));
    assert_eq!(done[0].receipt, Some(store.message(again).await.unwrap().unwrap().row.receipt));
    store.tell_nobody_of(&done).await.unwrap();
    assert!(store.done_batches(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_is_told_of_what_was_taken_back_or_is_over_or_without_an_address() {
    let (_directory, hand, store) = fresh().await;
    let new = NewUser { name: "suzuki".to_owned(), password_hash: "$argon2id$".to_owned(), role: Role::Staff };
    let owner = store.invite_user(new, None, "test").await.unwrap();
    let batch = batch_of(&store, owner).await;
    let taken_back = send(&store, &batch, "a.txt", WhenDone::Tell).await;
    assert!(store.cancel_upload(taken_back, "suzuki").await.unwrap());
    let done = store.done_batches(10).await.unwrap();
    assert_eq!((done[0].files, done[0].receipt.is_none(), done[0].address.is_none()), (0, true, true));
    store.tell_nobody_of(&done).await.unwrap();
    send(&store, &batch, "b.txt", WhenDone::Tell).await;
    convert(&store, None).await;
    let done = store.done_batches(10).await.unwrap();
    assert!(done[0].receipt.is_some() && done[0].address.is_none());
    hand.advance(Duration::from_secs(86_401));
    assert!(store.done_batches(10).await.unwrap()[0].receipt.is_none(), "the link works no more");
}
