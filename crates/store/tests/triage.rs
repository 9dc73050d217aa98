//! What people do with items of the quarantine: each with a reason and a row of the audit, and never the original goes out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod support;

use std::time::Duration;

use form::name::FileName;
use form::reason::Reason;
use store::{
    AuditFilter, Error, MOST_ITEMS, MessageFilter, MessageId, Need, NewBatch, NewRequest, NewUser, OriginKind,
    PartVerdict, QuarantineFilter, QuarantineId, QuarantineState, Quarantined, RequestRules, Retried, RetriedFile,
    RetryPolicy, RetryState, Role, StillHeld, Store, Triage, Untouched, Verdict,
};
use support::*;

const DAY: Duration = Duration::from_secs(86_400);
const A: &str = "a@x.lg.jp";
const B: &str = "b@x.lg.jp";

/// A mail to two with parts 1 (withheld) and 2 (locked).
async fn mail(store: &Store) -> (MessageId, Vec<QuarantineId>) {
    let accepted = accept_from(store, mail_to(&[A, B]), b"Subject: hi\r\n\r\nbody").await.unwrap();
    let work = claim_one(store).await;
    let parts = vec![
        withheld("1", "x.pdf", Quarantined::Part(source(&vec![7; 100_000]))),
        withheld("2", "meibo.zip", Quarantined::Locked(source(b"PK"))),
    ];
    store.complete(&work.key, completed(Some(b"the clean mail"), parts)).await.unwrap();
    let detail = store.message(accepted.message).await.unwrap().unwrap();
    (accepted.message, detail.quarantine.iter().map(|row| row.id).collect())
}

async fn act(store: &Store, item: QuarantineId, what: Triage) -> Result<(), Untouched> {
    store.triage(&[item], what, "operator", "確認済み").await.unwrap().remove(0).1
}

fn file(bytes: &[u8]) -> RetriedFile {
    RetriedFile {
        name: "x.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        findings: Vec::new(),
        fresh: made(bytes),
    }
}

async fn row(store: &Store, item: QuarantineId) -> store::QuarantineRow {
    store.quarantine_item(item).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_was_rebuilt_goes_to_all_recipients_and_the_original_to_nobody() {
    let (directory, hand, store) = fresh().await;
    let (message, items) = mail(&store).await;
    assert_eq!(act(&store, items[0], Triage::Release).await, Err(Untouched::NothingToRelease));
    assert_eq!(act(&store, items[1], Triage::Retry(RetryPolicy::Same)).await, Err(Untouched::Locked));
    assert_eq!(act(&store, items[0], Triage::Retry(RetryPolicy::Raster)).await, Ok(()));
    assert_eq!(act(&store, items[0], Triage::Retry(RetryPolicy::Raster)).await, Err(Untouched::UnderWay));
    // It waits across a restart.
    store.close().await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    let task = store.retries(10).await.unwrap().remove(0);
    assert_eq!((task.item, task.policy, task.origin), (items[0], RetryPolicy::Raster, OriginKind::Mail));
    assert_eq!((task.path.as_str(), task.recipients.len()), ("1", 2));
    assert!(task.original.to_bytes(1000).await.unwrap().ends_with(b"body"), "the whole mail, to be dissected again");

    let receipt = store.new_receipt().unwrap();
    let mail = Some((receipt.clone(), "[再処理] hi".to_owned(), made(b"the second mail")));
    store
        .retried(items[0], Retried::Made { file: Some(file(&vec![8; 90_000])), mail, still_held: Vec::new() })
        .await
        .unwrap();
    assert!(store.retries(10).await.unwrap().is_empty());
    assert_eq!(row(&store, items[0]).await.retry, Some(RetryState::Made));
    assert_eq!(store.retried_file(items[0]).await.unwrap().len(), 90_000);
    assert_eq!(act(&store, items[0], Triage::Release).await, Ok(()));
    assert_eq!(act(&store, items[0], Triage::Release).await, Err(Untouched::Released), "once");
    assert_eq!(row(&store, items[0]).await.state, QuarantineState::Released);
    let tasks = store.due_deliveries(10).await.unwrap();
    let sent: Vec<_> = tasks.iter().filter(|task| task.message != message).collect();
    assert_eq!(sent.iter().map(|task| task.recipients.len()).sum::<usize>(), 2);
    for task in sent {
        assert_eq!(task.body.to_bytes(100).await.unwrap(), &b"the second mail"[..]);
        let second = store.message(task.message).await.unwrap().unwrap().row;
        assert_eq!(
            (second.origin, second.about, second.recipients),
            (OriginKind::Unlocked, Some(message), vec![A.to_owned(), B.to_owned()])
        );
        assert_eq!(second.subject.as_deref(), Some("[再処理] hi"));
    }
    let events: Vec<String> = store
        .audit(&AuditFilter { message: Some(message), ..AuditFilter::default() })
        .await
        .unwrap()
        .items
        .iter()
        .rev()
        .filter(|row| row.event.starts_with("quarantine_"))
        .map(|row| format!("{} {}", row.actor, row.event))
        .collect();
    assert_eq!(events, ["operator quarantine_retried", "gateway quarantine_converted", "operator quarantine_released"]);
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    store.close().await;
}

#[tokio::test]
async fn a_released_upload_takes_the_place_of_the_missing_result() {
    let (_directory, hand, store) = fresh().await;
    let batch = store
        .create_batch(NewBatch { user: Some("suzuki".to_owned()), owner: None, expires: store.now().plus(DAY) })
        .await
        .unwrap();
    upload(&store, batch.id, "見積.pdf", b"%PDF").await;
    let work = claim_one(&store).await;
    let whole = store::PartRecord { detected_type: "pdf".to_owned(), ..withheld("", "見積.pdf", Quarantined::Whole) };
    store.complete(&work.key, completed(None, vec![whole])).await.unwrap();
    let item = store.quarantine(&QuarantineFilter::default()).await.unwrap().items[0].id;
    act(&store, item, Triage::Retry(RetryPolicy::Same)).await.unwrap();
    let task = store.retries(1).await.unwrap().remove(0);
    assert_eq!(task.original.to_bytes(100).await.unwrap(), &b"%PDF"[..]);
    store.retried(item, Retried::Made { file: Some(file(b"safe")), mail: None, still_held: Vec::new() }).await.unwrap();
    hand.advance(DAY - Duration::from_secs(60));
    act(&store, item, Triage::Release).await.unwrap();
    hand.advance(DAY);
    let batch = store.batch(&batch.token).await.unwrap().expect("its link works anew");
    let part = &batch.files[0].parts[0];
    assert_eq!(
        (part.verdict, part.has_result, batch.files[0].verdict),
        (PartVerdict::Sanitised, true, Some(Verdict::Sanitised))
    );
    let output = store.part_result(batch.files[0].message, "").await.unwrap();
    assert_eq!(output.to_bytes(100).await.unwrap(), &b"safe"[..]);
    hand.advance(40 * DAY);
    store.purge().await.unwrap();
    assert!(store.part_result(batch.files[0].message, "").await.is_err());
    store.close().await;
}

#[tokio::test]
async fn what_still_does_not_pass_says_why_and_can_be_tried_again() {
    let (_directory, _hand, store) = fresh().await;
    let (_, items) = mail(&store).await;
    act(&store, items[0], Triage::Retry(RetryPolicy::Same)).await.unwrap();
    store.retried(items[0], Retried::Withheld(Reason::Malformed)).await.unwrap();
    let retry = store.retry_of(items[0]).await.unwrap().unwrap();
    assert_eq!((retry.state, retry.reason, retry.has_file), (RetryState::Withheld, Some(Reason::Malformed), false));
    assert_eq!(act(&store, items[0], Triage::Release).await, Err(Untouched::NothingToRelease));
    assert_eq!(act(&store, items[0], Triage::Retry(RetryPolicy::Text)).await, Ok(()));
    // What nobody waits for any more is not kept.
    store.triage(&[items[0]], Triage::Delete, "operator", "x").await.unwrap();
    store
        .retried(items[0], Retried::Made { file: Some(file(b"late")), mail: None, still_held: Vec::new() })
        .await
        .unwrap();
    assert!(store.retry_of(items[0]).await.unwrap().is_none());
    store.close().await;
}

#[tokio::test]
async fn a_hold_keeps_until_it_is_ended_and_nothing_held_is_deleted() {
    let (directory, hand, store) = fresh().await;
    let (_, items) = mail(&store).await;
    hand.advance(20 * DAY);
    assert_eq!(act(&store, items[0], Triage::Hold).await, Ok(()));
    let held = row(&store, items[0]).await;
    assert_eq!((held.on_hold, held.note.as_deref()), (true, Some("確認済み")));
    // Longer than any retention of a store.
    hand.advance(4000 * DAY);
    store.purge().await.unwrap();
    assert!(store.quarantine_original(items[0]).await.is_ok(), "as long as it is held");
    assert!(matches!(store.quarantine_original(items[1]).await, Err(Error::Expired)));
    assert_eq!(act(&store, items[1], Triage::Hold).await, Err(Untouched::Gone));
    let files = || {
        std::fs::read_dir(directory.path().join("blobs"))
            .map_or(0, |all| all.flatten().flat_map(|dir| std::fs::read_dir(dir.path()).into_iter().flatten()).count())
    };
    let before = files();
    assert_eq!(act(&store, items[0], Triage::Delete).await, Err(Untouched::OnHold));
    assert!(store.quarantine_original(items[0]).await.is_ok());
    assert_eq!(act(&store, items[0], Triage::Unhold).await, Ok(()));
    assert_eq!(act(&store, items[0], Triage::Delete).await, Ok(()));
    assert!(matches!(store.quarantine_original(items[0]).await, Err(Error::Expired)));
    assert!(before == 0 || files() < before, "{before} {}", files());
    let gone = row(&store, items[0]).await;
    assert!(gone.state == QuarantineState::Purged && !gone.on_hold);
    store.close().await;
}

#[tokio::test]
async fn what_is_asked_for_is_not_deleted_and_many_items_are_one_transaction() {
    let (_directory, _hand, store) = fresh().await;
    let (message, items) = mail(&store).await;
    let user = NewUser { name: "staff".to_owned(), password_hash: "x".to_owned(), role: Role::Staff };
    let requester = store.create_user(user, "test").await.unwrap();
    let new = NewRequest {
        message,
        path: "1".to_owned(),
        requester,
        need: Need::Whole,
        words: "x".to_owned(),
        confirmed: false,
        approver: None,
    };
    store.ask_for_original(new, RequestRules::default()).await.unwrap().unwrap();
    let asked = QuarantineFilter { requested: true, ..QuarantineFilter::default() };
    let listed = store.quarantine(&asked).await.unwrap().items;
    assert_eq!((listed.len(), listed[0].id, listed[0].requested), (1, items[0], true));
    let all = [items[0], items[1], QuarantineId(99)];
    let done = store.triage(&all, Triage::Delete, "operator", "x").await.unwrap();
    let outcomes: Vec<_> = done.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [Err(Untouched::Requested), Ok(()), Err(Untouched::Unknown)]);
    let many = vec![items[0]; MOST_ITEMS + 1];
    assert!(matches!(store.triage(&many, Triage::Hold, "operator", "x").await, Err(Error::Invalid(_))));
    store.close().await;
}

#[tokio::test]
async fn lists_are_filtered_by_reason_type_period_and_text_and_filters_are_kept() {
    let (_directory, hand, store) = fresh().await;
    let (_, items) = mail(&store).await;
    hand.advance(2 * DAY);
    let from = store.now();
    mail(&store).await;
    let count = async |filter: QuarantineFilter| store.quarantine(&filter).await.unwrap().items.len();
    let base = QuarantineFilter::default;
    assert_eq!(count(base()).await, 4);
    assert_eq!(count(QuarantineFilter { since: Some(from), ..base() }).await, 2);
    assert_eq!(count(QuarantineFilter { until: Some(from), ..base() }).await, 2);
    assert_eq!(count(QuarantineFilter { reason: Some(Reason::LimitParts), ..base() }).await, 4);
    assert_eq!(count(QuarantineFilter { reason: Some(Reason::Infected), ..base() }).await, 0);
    assert_eq!(count(QuarantineFilter { kind: Some("text".to_owned()), ..base() }).await, 4);
    assert_eq!(count(QuarantineFilter { kind: Some("pdf".to_owned()), ..base() }).await, 0);
    assert_eq!(count(QuarantineFilter { text: Some("meibo".to_owned()), ..base() }).await, 2);
    act(&store, items[0], Triage::Hold).await.unwrap();
    assert_eq!(count(QuarantineFilter { on_hold: true, ..base() }).await, 1);
    assert_eq!(store.quarantine_kinds().await.unwrap(), (vec![Reason::LimitParts], vec!["text".to_owned()]));

    let user = NewUser { name: "operator".to_owned(), password_hash: "x".to_owned(), role: Role::Operator };
    let user = store.create_user(user, "test").await.unwrap();
    for number in 0..20 {
        store.save_filter(user, &format!("f{number:02}"), "state=held").await.unwrap();
    }
    assert!(matches!(store.save_filter(user, "one more", "q=a").await, Err(Error::Exists(_))));
    store.save_filter(user, "f00", "q=b").await.unwrap();
    store.forget_filter(user, "f19").await.unwrap();
    let saved = store.saved_filters(user).await.unwrap();
    assert_eq!((saved.len(), &saved[0]), (19, &("f00".to_owned(), "q=b".to_owned())));
    store.close().await;
}

/// A program that lies at `path` in an item that was converted again.
fn program(inside: QuarantineId, path: &str) -> StillHeld {
    StillHeld {
        inside,
        path: path.to_owned(),
        name: FileName::parse("tool.bin").unwrap(),
        detected_type: "executable".to_owned(),
        reason: Reason::UnsupportedType,
        is_locked: false,
        original: source(b"\x7fELF"),
    }
}

#[tokio::test]
async fn the_mail_of_a_release_is_known_everywhere_by_the_receipt_that_it_carries() {
    let (_directory, _hand, store) = fresh().await;
    let (message, items) = mail(&store).await;
    act(&store, items[0], Triage::Retry(RetryPolicy::Same)).await.unwrap();
    let receipt = store.new_receipt().unwrap();
    let mail = Some((receipt.clone(), "[再処理] 見積書の送付".to_owned(), made(b"the second mail")));
    store.retried(items[0], Retried::Made { file: None, mail, still_held: Vec::new() }).await.unwrap();
    act(&store, items[0], Triage::Release).await.unwrap();
    let second = store.message_by_receipt(&receipt).await.unwrap().expect("the number that stands in the mail");
    assert_eq!(store.message(second).await.unwrap().unwrap().row.about, Some(message));
    let told = AuditFilter { event: Some("quarantine_released".to_owned()), ..AuditFilter::default() };
    let row = store.audit(&told).await.unwrap().items.remove(0);
    assert!(row.detail.contains(receipt.as_str()), "{}", row.detail);
    for text in [receipt.as_str(), "再処理"] {
        let filter = MessageFilter { text: Some(text.to_owned()), ..MessageFilter::default() };
        let found = store.messages(&filter).await.unwrap().items;
        assert!(found.iter().any(|row| row.id == second), "{text}");
    }
    store.close().await;
}

#[tokio::test]
async fn what_is_withheld_in_a_release_is_told_and_becomes_an_item_of_its_own() {
    let (_directory, hand, store) = fresh().await;
    let (message, items) = mail(&store).await;
    hand.advance(DAY);
    act(&store, items[0], Triage::Retry(RetryPolicy::Same)).await.unwrap();
    let receipt = store.new_receipt().unwrap();
    let mail = Some((receipt.clone(), "[再処理] hi".to_owned(), made(b"the second mail")));
    let still_held = vec![program(items[0], "1.2")];
    store.retried(items[0], Retried::Made { file: None, mail, still_held }).await.unwrap();
    let count = store.message(message).await.unwrap().unwrap().quarantine.len();
    assert_eq!(count, 2, "nothing is released yet");
    act(&store, items[0], Triage::Release).await.unwrap();
    let second = store.message_by_receipt(&receipt).await.unwrap().unwrap();
    assert_eq!(store.message(second).await.unwrap().unwrap().row.verdict, Some(Verdict::SanitisedWithWithheld));
    let rows = store.message(message).await.unwrap().unwrap().quarantine;
    let new = rows.iter().find(|row| row.path == "1.2").expect("an item of its own");
    assert_eq!(
        (new.name.as_str(), new.reason, new.state, new.expires),
        ("tool.bin", Some(Reason::UnsupportedType), QuarantineState::Held, rows[0].expires)
    );
    assert_eq!(store.quarantine_original(new.id).await.unwrap().to_bytes(10).await.unwrap(), &b"\x7fELF"[..]);
    store.close().await;
}

#[tokio::test]
async fn a_released_upload_says_what_is_missing_in_it() {
    let (_directory, _hand, store) = fresh().await;
    let new = NewBatch { user: None, owner: None, expires: store.now().plus(DAY) };
    let batch = store.create_batch(new).await.unwrap();
    upload(&store, batch.id, "一式.zip", b"PK").await;
    let work = claim_one(&store).await;
    let whole = store::PartRecord { detected_type: "zip".to_owned(), ..withheld("", "一式.zip", Quarantined::Whole) };
    store
        .complete(&work.key, completed(None, vec![whole, withheld("2", "tool.bin", Quarantined::Part(source(b"x")))]))
        .await
        .unwrap();
    let rows = store.quarantine(&QuarantineFilter::default()).await.unwrap().items;
    let item = rows.iter().find(|row| row.path.is_empty()).unwrap().id;
    act(&store, item, Triage::Retry(RetryPolicy::Same)).await.unwrap();
    let still_held = vec![program(item, "2"), program(item, "3")];
    store.retried(item, Retried::Made { file: Some(file(b"safe")), mail: None, still_held }).await.unwrap();
    act(&store, item, Triage::Release).await.unwrap();
    let uploaded = store.batch(&batch.token).await.unwrap().unwrap().files.remove(0);
    assert_eq!(uploaded.verdict, Some(Verdict::SanitisedWithWithheld));
    let told: Vec<_> = uploaded.parts.iter().map(|part| (part.path.as_str(), part.verdict)).collect();
    assert_eq!(told, [("", PartVerdict::Sanitised), ("2", PartVerdict::Withheld), ("3", PartVerdict::Withheld)]);
    let rows = store.message(uploaded.message).await.unwrap().unwrap().quarantine;
    let held: Vec<_> =
        rows.iter().filter(|row| row.state == QuarantineState::Held).map(|row| row.path.as_str()).collect();
    assert_eq!(held, ["2", "3"], "each once");
    store.close().await;
}

#[tokio::test]
async fn what_a_person_deleted_is_gone_from_what_it_lay_in_too() {
    let (_directory, _hand, store) = fresh().await;
    let (message, items) = mail(&store).await;
    let user = NewUser { name: "staff".to_owned(), password_hash: "x".to_owned(), role: Role::Staff };
    let requester = store.create_user(user, "test").await.unwrap();
    let ask = async |path: &str| {
        let (path, words) = (path.to_owned(), "x".to_owned());
        let new = NewRequest { message, path, requester, need: Need::Whole, words, confirmed: false, approver: None };
        store.ask_for_original(new, RequestRules::default()).await.unwrap()
    };
    act(&store, items[0], Triage::Delete).await.unwrap();
    assert!(store.message_original(message).await.is_ok(), "the locked part is opened from it");
    assert_eq!(ask("1").await, Err(store::Denied::Gone));
    assert!(store.is_deleted(message, "1").await.unwrap() && !store.is_deleted(message, "2").await.unwrap());
    let locked = store.locked_mail(message).await.unwrap().unwrap();
    assert_eq!(locked.open, ["1"], "a password for the other does not bring it");
    act(&store, items[1], Triage::Delete).await.unwrap();
    assert!(matches!(store.message_original(message).await, Err(Error::Expired)), "its bytes lay in the whole");
    let told = AuditFilter { event: Some("quarantine_deleted".to_owned()), ..AuditFilter::default() };
    let details: Vec<String> = store.audit(&told).await.unwrap().items.into_iter().map(|row| row.detail).collect();
    assert!(details[0].contains(r#""whole_original":"deleted""#), "{details:?}");
    assert!(details[1].contains(r#""whole_original":"kept""#), "{details:?}");
    store.close().await;
}
