//! Locked parts: who is found, how often passwords are tried, and that nobody is given anything twice or by mistake.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods, reason = "tests")]

mod support;

use std::time::Duration;

use store::{
    Event, Hook, LockedMail, LockedSearch, MAX_OTHERS, MessageId, OpenedBy, Origin, OriginKind, QuarantineState,
    Quarantined, Release, Released, StillHeld, Store, StoreConfig, Tries, TryOf,
};
use support::*;

const A: &str = "a@x.lg.jp";
const B: &str = "b@x.lg.jp";

async fn locked(store: &Store) -> LockedMail {
    let accepted = accept_from(store, mail_to(&[A, B]), b"Subject: hi\r\n\r\nbody").await.unwrap();
    let work = claim_one(store).await;
    let parts = vec![
        withheld("1", "meibo.zip", Quarantined::Locked(source(b"PK"))),
        withheld("2", "x.exe", Quarantined::Part(source(b"MZ"))),
    ];
    let mut done = completed(Some(b"the clean mail"), parts);
    done.message_id = Some("one@example.jp".to_owned());
    done.header_from = Some("yamada@example.jp".to_owned());
    store.complete(&work.key, done).await.unwrap();
    store.locked_mail(accepted.message).await.unwrap().unwrap()
}

fn release(store: &Store, mail: &LockedMail, recipients: &[&str]) -> Release {
    Release {
        receipt: store.new_receipt().unwrap(),
        about: mail.message,
        items: mail.items.iter().map(|item| item.id).collect(),
        still_held: Vec::new(),
        recipients: recipients.iter().map(|address| (*address).to_owned()).collect(),
        subject: "opened".to_owned(),
        body: made(b"the second mail"),
        actor: "test".to_owned(),
        by: OpenedBy::Pairing,
        password_mail: None,
    }
}

fn count(released: &Released) -> (bool, usize) {
    (released.message.is_some(), released.recipients.len())
}

async fn state(store: &Store, message: MessageId) -> Vec<QuarantineState> {
    store.message(message).await.unwrap().unwrap().quarantine.iter().map(|row| row.state).collect()
}

#[tokio::test]
async fn a_locked_mail_is_found_by_sender_and_thread_and_only_while_it_is_recent() {
    let (_directory, hand, store) = fresh().await;
    let mail = locked(&store).await;
    assert_eq!(mail.items.len(), 1, "what no password opens is no item");
    let since = store.now().minus(Duration::from_secs(3600));
    let own = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    let find = async |senders: &[&str], ids: &[&str]| {
        let recipients = own(&["stranger@x.lg.jp", "A@X.lg.jp"]);
        let search = LockedSearch { since, senders: own(senders), message_ids: own(ids), limit: 10, recipients };
        store.locked_mails(&search).await.unwrap().len()
    };
    assert_eq!(find(&["YAMADA@example.jp"], &[]).await, 1);
    assert_eq!(find(&[], &["one@example.jp"]).await, 1);
    let strangers = LockedSearch {
        since,
        senders: own(&["yamada@example.jp"]),
        limit: 10,
        recipients: own(&["stranger@x.lg.jp"]),
        ..LockedSearch::default()
    };
    assert!(store.locked_mails(&strangers).await.unwrap().is_empty(), "it went to none of those who got the password");
    assert_eq!(find(&["", "tanaka@example.jp", "amada@example.jp"], &["two@example.jp", ""]).await, 0);
    hand.advance(Duration::from_secs(7200));
    let search = LockedSearch {
        since: store.now().minus(Duration::from_secs(3600)),
        senders: vec!["yamada@example.jp".to_owned()],
        limit: 10,
        recipients: own(&[A]),
        ..LockedSearch::default()
    };
    assert!(store.locked_mails(&search).await.unwrap().is_empty());
    store.close().await;
}

#[tokio::test]
async fn what_is_opened_goes_once_to_each_recipient_and_to_nobody_else() {
    let (_directory, _hand, store) = fresh().await;
    let mail = locked(&store).await;
    let stranger = store.release_unlocked(release(&store, &mail, &["c@x.lg.jp"])).await.unwrap();
    assert_eq!(count(&stranger), (false, 0));
    let first = store.release_unlocked(release(&store, &mail, &["A@x.lg.jp", "c@x.lg.jp"])).await.unwrap();
    assert_eq!((count(&first), first.recipients[0].as_str()), ((true, 1), A));
    assert_eq!(state(&store, mail.message).await, [QuarantineState::Held, QuarantineState::Held]);
    let again = store.release_unlocked(release(&store, &mail, &[A])).await.unwrap();
    assert_eq!(count(&again), (false, 0));
    let served = store.locked_mail(mail.message).await.unwrap().unwrap().items[0].served.clone();
    assert_eq!(served, [A]);
    let rest = store.release_unlocked(release(&store, &mail, &[A, B])).await.unwrap();
    assert_eq!((count(&rest), rest.recipients[0].as_str()), ((true, 1), B));
    assert_eq!(state(&store, mail.message).await, [QuarantineState::Released, QuarantineState::Held]);
    assert!(store.locked_mail(mail.message).await.unwrap().is_none());

    let second = store.message(first.message.unwrap()).await.unwrap().unwrap();
    assert_eq!((second.row.origin, second.row.about), (OriginKind::Unlocked, Some(mail.message)));
    assert_eq!(second.row.sender.as_deref(), Some("yamada@example.jp"), "whoever sent it hears when it bounces");
    let tasks = store.due_deliveries(10).await.unwrap();
    let opened: Vec<_> = tasks.iter().filter(|task| task.message != mail.message).collect();
    assert_eq!(opened.len(), 2);
    for task in opened {
        assert_eq!((task.recipients.len(), task.notice), (1, false));
        assert_eq!(task.body.to_bytes(100).await.unwrap(), &b"the second mail"[..]);
    }
    assert_eq!(store.audit_verify().await.unwrap().broken, None);
    store.close().await;
}

#[tokio::test]
async fn tries_are_counted_apart_and_end_at_their_limit_also_after_a_restart() {
    let (directory, hand, store) = fresh().await;
    let id = locked(&store).await.items[0].id;
    let own = TryOf::Pairing { sender: "yamada@example.jp yamada@example.jp", own: true };
    assert_eq!(store.count_try(id, TryOf::Typing, "test", 2).await.unwrap(), Tries::Left(1));
    assert_eq!(store.count_try(id, own, "test", 1).await.unwrap(), Tries::Left(0));
    store.close().await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert_eq!(store.count_try(id, TryOf::Typing, "test", 2).await.unwrap(), Tries::Left(0));
    assert_eq!(store.count_try(id, TryOf::Typing, "test", 2).await.unwrap(), Tries::Exhausted);
    assert_eq!(store.count_try(id, own, "test", 1).await.unwrap(), Tries::Exhausted);
    // One that was no wrong password is given back, once for each that was counted.
    store.return_try(id, TryOf::Typing, "test").await.unwrap();
    assert_eq!(store.count_try(id, TryOf::Typing, "test", 2).await.unwrap(), Tries::Left(0));
    for _ in 0..5 {
        store.return_try(id, own, "test").await.unwrap();
    }
    assert_eq!(store.count_try(id, own, "test", 1).await.unwrap(), Tries::Left(0));
    assert_eq!(store.count_try(id, own, "test", 1).await.unwrap(), Tries::Exhausted);
    store.close().await;
}

#[tokio::test]
async fn tries_of_strangers_end_one_by_one_and_together_and_leave_those_of_the_sender_alone() {
    let (_directory, _hand, store) = fresh().await;
    let id = locked(&store).await.items[0].id;
    let limit = 3;
    let mut made = 0;
    for number in 0..2 * MAX_OTHERS {
        let sender = format!("forger{number}@example.com yamada@example.jp");
        let of = TryOf::Pairing { sender: &sender, own: false };
        let mut own = 0;
        while store.count_try(id, of, "test", limit).await.unwrap() != Tries::Exhausted {
            own += 1;
        }
        assert!(own <= limit, "{own}");
        made += own;
    }
    assert_eq!(made, limit * MAX_OTHERS);
    let own = TryOf::Pairing { sender: "yamada@example.jp yamada@example.jp", own: true };
    for left in (0..limit).rev() {
        assert_eq!(store.count_try(id, own, "test", limit).await.unwrap(), Tries::Left(left));
    }
    assert_eq!(store.count_try(id, TryOf::Typing, "test", limit).await.unwrap(), Tries::Left(limit - 1));
    store.close().await;
}

#[tokio::test]
async fn what_stays_locked_inside_is_held_as_an_item_of_its_own() {
    let (directory, hand, store) = fresh().await;
    store.close().await;
    let hooks = vec![Hook { name: "itsm".to_owned(), events: vec![Event::FileQuarantined] }];
    let store = Store::open(StoreConfig { hooks, ..config(directory.path(), &hand) }).await.unwrap();
    let mail = locked(&store).await;
    let part = |path: &str| StillHeld {
        inside: mail.items[0].id,
        path: path.to_owned(),
        name: form::name::FileName::rebuild("inner.zip").0,
        detected_type: "zip".to_owned(),
        reason: form::reason::Reason::WrongPassword,
        is_locked: path != "1.4",
        original: source(b"PK inner"),
    };
    let with = |paths: &[&str], recipients: &[&str]| Release {
        still_held: paths.iter().map(|path| part(path)).collect(),
        items: vec![mail.items[0].id],
        ..release(&store, &mail, recipients)
    };
    store.release_unlocked(with(&["1.2", "1.4"], &[A])).await.unwrap();
    store.release_unlocked(with(&["1.2", "1.4"], &[B])).await.unwrap();
    let now = store.locked_mail(mail.message).await.unwrap().unwrap();
    let shown: Vec<_> = now.items.iter().map(|item| (item.path.as_str(), item.served.len())).collect();
    assert_eq!((shown, now.open.as_slice()), (vec![("1.2", 0)], &["1".to_owned()][..]));
    let row = store.quarantine_item(now.items[0].id).await.unwrap().unwrap();
    let before = store.quarantine_item(mail.items[0].id).await.unwrap().unwrap();
    assert!(row.locked && row.created == before.created && row.expires == before.expires && row.name == "inner.zip");
    assert_eq!(store.quarantine_original(row.id).await.unwrap().to_bytes(100).await.unwrap(), &b"PK inner"[..]);
    // What no password opens is held as well, and once, but not as locked.
    let held = store.quarantine(&store::QuarantineFilter::default()).await.unwrap();
    assert_eq!(held.items.iter().filter(|row| !row.locked && row.name == "inner.zip").count(), 1);
    // Said again, it is not held twice; when everybody has everything, nothing is held at all.
    store.release_unlocked(with(&["1.2", "1.3"], &[A, B])).await.unwrap();
    assert_eq!(store.locked_mail(mail.message).await.unwrap().unwrap().items.len(), 1);
    let rest = store.release_unlocked(release(&store, &now, &[A, B])).await.unwrap();
    assert_eq!(count(&rest), (true, 2));
    assert!(store.locked_mail(mail.message).await.unwrap().is_none());
    // What went to quarantine is told, then and later, under the receipt of the first mail.
    let told = store.hook_due("itsm", 10).await.unwrap();
    let receipt = store.message(mail.message).await.unwrap().unwrap().row.receipt;
    assert_eq!(told.len(), 2, "{told:?}");
    for event in told {
        assert_eq!(event.event, "file.quarantined");
        assert!(event.data.contains("\"item_count\":2") && event.data.contains(receipt.as_str()), "{}", event.data);
    }
    store.close().await;
}

#[tokio::test]
async fn mails_of_the_very_same_sender_are_found_before_newer_ones_that_only_say_so() {
    let (_directory, _hand, store) = fresh().await;
    let real = locked(&store).await;
    let mut forged = Vec::new();
    for _ in 0..3 {
        let mut origin = mail_to(&[A, B]);
        if let Origin::Mail { envelope, .. } = &mut origin {
            envelope.sender = Some("forger@example.com".to_owned());
        }
        let accepted = accept_from(&store, origin, b"Subject: hi\r\n\r\nbody").await.unwrap();
        let work = claim_one(&store).await;
        let parts = vec![withheld("1", "meibo.zip", Quarantined::Locked(source(b"PK")))];
        let mut done = completed(Some(b"the clean mail"), parts);
        done.header_from = Some("yamada@example.jp".to_owned());
        store.complete(&work.key, done).await.unwrap();
        forged.push(accepted.message);
    }
    let search = LockedSearch {
        senders: vec!["yamada@example.jp".to_owned()],
        limit: 2,
        recipients: vec![A.to_owned()],
        ..LockedSearch::default()
    };
    let found: Vec<_> = store.locked_mails(&search).await.unwrap().iter().map(|mail| mail.message).collect();
    assert_eq!(found, [real.message, forged[2]]);
    store.close().await;
}

#[tokio::test]
async fn the_original_of_a_locked_mail_stays_as_long_as_its_part_in_quarantine() {
    let (_directory, hand, store) = fresh().await;
    let mail = locked(&store).await;
    let retention = store::Retention::default();
    hand.advance(retention.originals + Duration::from_secs(1));
    store.purge().await.unwrap();
    assert!(store.locked_mail(mail.message).await.unwrap().is_some());
    hand.advance(retention.quarantine);
    store.purge().await.unwrap();
    store.purge().await.unwrap();
    assert!(store.message_original(mail.message).await.is_err());
    store.close().await;
}
