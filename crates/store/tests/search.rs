//! Searching messages and the quarantine, and the log of refusals.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use store::{
    HistoryFilter, MOST_WAITING, MessageFilter, NewBatch, NewUser, OriginKind, QuarantineFilter, QuarantineState,
    Quarantined, RecipientOutcome, RecipientResult, RefusalFilter, Refused, Role, Store, UserId, Verdict,
};
use support::*;

async fn convert(store: &Store, subject: &str, message_id: &str, parts: Vec<store::PartRecord>) -> i64 {
    let accepted = accept(store, b"x").await;
    let work = claim_one(store).await;
    let completed = store::Completed {
        subject: Some(subject.to_owned()),
        message_id: Some(message_id.to_owned()),
        ..completed(Some(b"safe"), parts)
    };
    store.complete(&work.key, completed).await.unwrap();
    accepted.message.0
}

async fn found(store: &Store, filter: MessageFilter) -> Vec<i64> {
    store.messages(&filter).await.unwrap().items.into_iter().map(|row| row.id.0).collect()
}

fn text(text: &str) -> MessageFilter {
    MessageFilter { text: Some(text.to_owned()), ..MessageFilter::default() }
}

#[tokio::test]
async fn everything_a_caller_may_say_finds_the_mail() {
    let (_directory, hand, store) = fresh().await;
    let first = convert(&store, "見積書の送付", "m1@mx.example.jp", vec![part("1", "ＡＢＣ会議資料.xlsx")]).await;
    hand.advance(Duration::from_secs(3600));
    let second =
        convert(&store, "議事録", "m2@mx.example.jp", vec![withheld("1", "ﾒｲﾎﾞ.zip", Quarantined::Part(source(b"PK")))])
            .await;
    let receipt = store.messages(&MessageFilter::default()).await.unwrap().items[0].receipt.to_string();
    for (words, expect) in [
        ("見積", vec![first]),
        ("積書の", vec![first]),
        ("録", vec![second]),
        ("yamada", vec![second, first]),
        ("AMADA@EXAMPLE", vec![second, first]),
        ("suzuki@city", vec![second, first]),
        ("abc会議", vec![first]),
        ("xl", vec![first]),
        ("メイボ", vec![second]),
        (&receipt, vec![second]),
        (&receipt[9..], vec![second]),
        ("見録", vec![]),
        ("%", vec![]),
        ("\" OR \"", vec![]),
        ("subject:見積", vec![]),
        ("見積*", vec![]),
    ] {
        assert_eq!(found(&store, text(words)).await, expect, "{words}");
    }
    let default = MessageFilter::default;
    let some = |text: &str| Some(text.to_owned());
    for (filter, expect) in [
        (MessageFilter { subject: some("見積"), ..default() }, vec![first]),
        (MessageFilter { subject: some("会議"), ..default() }, vec![]),
        (MessageFilter { file: some("会議"), ..default() }, vec![first]),
        (MessageFilter { sender: some("yamada"), file: some("メイボ"), ..default() }, vec![second]),
        (MessageFilter { sender: some("suzuki"), ..default() }, vec![]),
        (MessageFilter { recipient: some("suzuki"), ..default() }, vec![second, first]),
        (MessageFilter { identifier: some("<m2@mx.example.jp>"), ..default() }, vec![second]),
        (MessageFilter { identifier: some("m2@mx.example"), ..default() }, vec![]),
        (MessageFilter { identifier: some(&receipt[9..]), ..default() }, vec![second]),
        (MessageFilter { verdict: Some(Verdict::Sanitised), ..text("yamada") }, vec![first]),
        (MessageFilter { origin: Some(OriginKind::Upload), ..text("yamada") }, vec![]),
        (
            MessageFilter {
                origin: Some(OriginKind::Mail),
                verdict: Some(Verdict::SanitisedWithWithheld),
                ..default()
            },
            vec![second],
        ),
        (MessageFilter { since: Some(store.now()), ..text("yamada") }, vec![second]),
        (MessageFilter { until: Some(store.now()), ..text("yamada") }, vec![first]),
        (MessageFilter { since: Some(store.now().plus(Duration::from_millis(1))), ..default() }, vec![]),
    ] {
        assert_eq!(found(&store, filter.clone()).await, expect, "{filter:?}");
    }
}

#[tokio::test]
async fn what_waits_is_found_by_its_envelope_and_pages_follow_each_other() {
    let (_directory, _hand, store) = fresh().await;
    for number in 0..5 {
        convert(&store, &format!("報告 {number}"), "m@x", vec![part("1", "a.txt")]).await;
    }
    accept_from(&store, mail_to(&["waiting@city.example.lg.jp"]), b"x").await.unwrap();
    assert_eq!(found(&store, text("waiting")).await, [6]);
    assert_eq!(
        found(&store, MessageFilter { recipient: Some("waiting".into()), ..MessageFilter::default() }).await,
        [6]
    );
    assert_eq!(found(&store, text("yamada")).await, [6, 5, 4, 3, 2, 1]);
    let mut filter = MessageFilter { limit: 4, ..text("yamada") };
    let page = store.messages(&filter).await.unwrap();
    assert_eq!(page.items.iter().map(|row| row.id.0).collect::<Vec<_>>(), [6, 5, 4, 3]);
    filter.before = page.next;
    let page = store.messages(&filter).await.unwrap();
    assert_eq!((page.items.iter().map(|row| row.id.0).collect::<Vec<_>>(), page.next), (vec![2, 1], None));
}

#[tokio::test]
async fn the_quarantine_is_searched_the_same_way_and_forgets_with_its_rows() {
    let (_directory, hand, store) = fresh().await;
    let parts = vec![
        withheld("1", "名簿.zip", Quarantined::Part(source(b"PK"))),
        withheld("2", "setup.exe", Quarantined::Part(source(b"MZ"))),
    ];
    convert(&store, "申請", "m@x", parts).await;
    let items = async |filter: QuarantineFilter| {
        store.quarantine(&filter).await.unwrap().items.into_iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    let text = |text: &str| QuarantineFilter { text: Some(text.to_owned()), ..QuarantineFilter::default() };
    assert_eq!(items(text("名簿")).await, [1]);
    assert_eq!(items(text("申請")).await, [2, 1]);
    assert_eq!(items(text("SETUP")).await, [2]);
    assert_eq!(items(text("se")).await, [2], "two letters are looked for without the index");
    assert_eq!(
        items(QuarantineFilter { state: Some(QuarantineState::Released), ..text("setup") }).await,
        Vec::<i64>::new()
    );
    assert_eq!(items(QuarantineFilter { limit: 1, before: Some(2), ..text("yamada") }).await, [1]);
    let task = store.due_deliveries(1).await.unwrap().remove(0);
    let delivered = RecipientOutcome::Delivered { reply: "250".to_owned() };
    let results = task.recipients.iter().map(|to| RecipientResult { recipient_id: to.id, outcome: delivered.clone() });
    store.delivery_result(results.collect()).await.unwrap();
    hand.advance(Duration::from_secs(400 * 86_400));
    for _ in 0..4 {
        store.purge().await.unwrap();
        hand.advance(Duration::from_secs(2 * 3600));
    }
    assert_eq!(items(text("名簿")).await, Vec::<i64>::new());
    assert_eq!(found(&store, self::text("申請")).await, Vec::<i64>::new());
}

#[tokio::test]
async fn rows_from_before_the_index_are_found_once_they_are_in_it() {
    let (directory, hand, store) = fresh().await;
    for number in 0..3 {
        convert(
            &store,
            &format!("報告 {number}"),
            "m@x",
            vec![withheld("1", "名簿.zip", Quarantined::Part(source(b"PK")))],
        )
        .await;
    }
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.path().join("misogi.sqlite"));
    let mut database = sqlx::ConnectOptions::connect(&options).await.unwrap();
    for sql in [
        "DELETE FROM message_words",
        "DELETE FROM item_words",
        "UPDATE counter SET value = 3 WHERE name IN ('messages_to_index', 'items_to_index')",
    ] {
        sqlx::query(sql).execute(&mut database).await.unwrap();
    }
    drop(database);
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert_eq!(found(&store, text("報告")).await, Vec::<i64>::new());
    assert_eq!(store.index_words().await.unwrap(), 6);
    assert_eq!(found(&store, text("報告")).await, [3, 2, 1]);
    let filter = QuarantineFilter { text: Some("名簿".to_owned()), ..QuarantineFilter::default() };
    assert_eq!(store.quarantine(&filter).await.unwrap().items.len(), 3);
    assert_eq!(store.index_words().await.unwrap(), 0, "once is enough");
}

fn refused(number: usize) -> Refused {
    Refused {
        peer: "192.0.2.9".parse().unwrap(),
        helo: Some("mx.example.net".to_owned()),
        sender: Some("k@example.net".to_owned()),
        recipient: Some(format!("nobody{number}@city.example.lg.jp")),
        code: 550,
        text: "550 5.7.1 not a recipient here".to_owned(),
    }
}

#[tokio::test]
async fn a_refusal_is_written_beside_other_work_or_soon_and_found_by_who_and_when() {
    let (_directory, hand, store) = fresh().await;
    store.log_refusal(refused(1));
    store.health().await.unwrap();
    let list = async |filter: RefusalFilter| store.refusals(&filter).await.unwrap().items;
    assert_eq!(list(RefusalFilter::default()).await.len(), 1, "the next transaction took it along");
    hand.advance(Duration::from_secs(60));
    store.log_refusal(refused(2));
    for _ in 0..100 {
        if list(RefusalFilter::default()).await.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = list(RefusalFilter::default()).await;
    assert_eq!(all.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 1], "without other work it makes a transaction");
    assert_eq!((all[0].at, all[0].code, all[0].helo.as_deref()), (store.now(), 550, Some("mx.example.net")));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(list(RefusalFilter { recipient: some("NOBODY1@"), ..RefusalFilter::default() }).await.len(), 1);
    assert_eq!(list(RefusalFilter { sender: some("nobody"), ..RefusalFilter::default() }).await.len(), 0);
    assert_eq!(list(RefusalFilter { text: some("192.0.2.9"), ..RefusalFilter::default() }).await.len(), 2);
    assert_eq!(list(RefusalFilter { since: Some(store.now()), ..RefusalFilter::default() }).await.len(), 1);
    assert_eq!(list(RefusalFilter { limit: 1, before: Some(2), ..RefusalFilter::default() }).await[0].id, 1);
    assert_eq!(store.counts().await.unwrap().refused, 2);
    assert_eq!(store.figures().await.unwrap().refused, [(550, 2)]);
}

#[tokio::test]
async fn a_flood_of_refusals_is_bounded_and_counted_and_the_last_words_before_closing_are_kept() {
    let (directory, hand, store) = fresh().await;
    for number in 0..MOST_WAITING + 7 {
        store.log_refusal(refused(number));
    }
    store.close().await;
    let store = Store::open(config(directory.path(), &hand)).await.unwrap();
    assert_eq!(store.counts().await.unwrap().refused, MOST_WAITING as u64 + 7);
    let mut filter = RefusalFilter { limit: 500, ..RefusalFilter::default() };
    let mut rows = 0;
    loop {
        let page = store.refusals(&filter).await.unwrap();
        rows += page.items.len();
        filter.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(rows, MOST_WAITING);
}

async fn staff(store: &Store, name: &str) -> UserId {
    let user = NewUser { name: name.to_owned(), password_hash: "$argon2id$".to_owned(), role: Role::Staff };
    store.create_user(user, "test").await.unwrap()
}

/// One batch of somebody, with these files by name and subject.
async fn send(store: &Store, owner: UserId, files: &[(&str, &str)]) {
    let expires = store.now().plus(Duration::from_secs(7 * 86_400));
    let new = NewBatch { user: Some("suzuki".to_owned()), owner: Some(owner), expires };
    let batch = store.create_batch(new).await.unwrap();
    for (name, subject) in files {
        store.accept(new_upload_about(store, batch.id, name, subject, name.as_bytes()).await).await.unwrap();
    }
}

async fn sent(store: &Store, owner: UserId, filter: HistoryFilter) -> Vec<String> {
    store.sent_by(owner, &filter).await.unwrap().items.into_iter().map(|sent| sent.file.name).collect()
}

fn looked_for(text: &str) -> HistoryFilter {
    HistoryFilter { text: Some(text.to_owned()), ..HistoryFilter::default() }
}

#[tokio::test]
async fn somebody_finds_what_they_sent_by_name_subject_receipt_and_time_and_nothing_of_others() {
    let (_directory, hand, store) = fresh().await;
    let (own, other) = (staff(&store, "suzuki").await, staff(&store, "tanaka").await);
    send(&store, own, &[("見積書_100%.xlsx", "契約第3号"), ("図面.pdf", "契約第3号")]).await;
    send(&store, other, &[("見積書.xlsx", "契約第3号")]).await;
    hand.advance(Duration::from_secs(86_400));
    let later = store.now();
    send(&store, own, &[("ﾒｲﾎﾞ.zip", "")]).await;
    // What was inside is known once it was taken apart.
    let works = store.claim(10).await.unwrap();
    let last = works.iter().max_by_key(|work| work.message).unwrap();
    let parts = vec![part("", "ﾒｲﾎﾞ.zip"), part("1", "職員名簿.csv")];
    store.complete(&last.key, store::Completed { subject: None, ..completed(None, parts) }).await.unwrap();

    let all = HistoryFilter::default;
    assert_eq!(sent(&store, own, all()).await, ["ﾒｲﾎﾞ.zip", "図面.pdf", "見積書_100%.xlsx"]);
    assert_eq!(sent(&store, other, all()).await, ["見積書.xlsx"]);
    for (text, expect) in [
        ("見積", vec!["見積書_100%.xlsx"]),
        ("契約第３号", vec!["図面.pdf", "見積書_100%.xlsx"]),
        ("メイボ", vec!["ﾒｲﾎﾞ.zip"]),
        ("職員名簿", vec!["ﾒｲﾎﾞ.zip"]),
        ("PDF", vec!["図面.pdf"]),
        ("図", vec!["図面.pdf"]),
        // What stands for anything elsewhere is itself.
        ("%", vec!["見積書_100%.xlsx"]),
        ("_", vec!["見積書_100%.xlsx"]),
        ("見%書", vec![]),
        ("\\", vec![]),
        ("' OR 1 --", vec![]),
        ("  ", vec!["ﾒｲﾎﾞ.zip", "図面.pdf", "見積書_100%.xlsx"]),
    ] {
        assert_eq!(sent(&store, own, looked_for(text)).await, expect, "{text}");
    }
    let page = store.sent_by(own, &all()).await.unwrap();
    let receipt = page.items[1].file.receipt.clone();
    assert_eq!(sent(&store, own, looked_for(receipt.as_str())).await, ["図面.pdf"]);
    assert!(sent(&store, other, looked_for(receipt.as_str())).await.is_empty());
    assert_eq!(page.items.iter().map(|sent| sent.number).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(sent(&store, own, HistoryFilter { since: Some(later), ..all() }).await, ["ﾒｲﾎﾞ.zip"]);
    assert_eq!(
        sent(&store, own, HistoryFilter { until: Some(later), ..all() }).await,
        ["図面.pdf", "見積書_100%.xlsx"]
    );
    // A row of somebody else is no place in one's own.
    let foreign = store.sent_by(other, &all()).await.unwrap().items[0].file.receipt.clone();
    assert!(sent(&store, own, HistoryFilter { after: Some(foreign), ..all() }).await.is_empty());
    hand.advance(Duration::from_secs(6 * 86_400));
    assert_eq!(sent(&store, own, all()).await, ["ﾒｲﾎﾞ.zip"], "the others' links are over");
}

#[tokio::test]
async fn the_pages_of_a_history_have_every_row_once() {
    let (_directory, _hand, store) = fresh().await;
    let own = staff(&store, "suzuki").await;
    let names: Vec<String> = (0..23).map(|number| format!("案{number}.txt")).collect();
    for some in names.chunks(4) {
        let files: Vec<(&str, &str)> = some.iter().map(|name| (name.as_str(), "")).collect();
        send(&store, own, &files).await;
    }
    for (text, expect) in [("", 23), ("案1", 11)] {
        let mut filter = HistoryFilter { limit: 5, ..looked_for(text) };
        let mut found = Vec::new();
        loop {
            let page = store.sent_by(own, &filter).await.unwrap();
            assert!(page.items.len() <= 5);
            found.extend(page.items.into_iter().map(|sent| sent.file.name));
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        let mut wanted: Vec<String> = names.iter().filter(|name| name.contains(text)).cloned().collect();
        wanted.reverse();
        assert_eq!((found.len(), found), (expect, wanted));
    }
}

#[tokio::test]
async fn what_a_sender_says_of_an_upload_stays_with_it_and_is_found_by_administrators() {
    let (_directory, _hand, store) = fresh().await;
    let own = staff(&store, "suzuki").await;
    send(&store, own, &[("図面.pdf", "入札の件")]).await;
    let by_subject = MessageFilter { subject: Some("入札".to_owned()), ..MessageFilter::default() };
    assert_eq!(found(&store, by_subject.clone()).await.len(), 1, "while it waits");
    let work = claim_one(&store).await;
    let detail = store.message(work.message).await.unwrap().unwrap();
    let accepted: serde_json::Value = serde_json::from_str(&detail.timeline[0].detail).unwrap();
    assert_eq!(accepted["subject"], "入札の件");
    let held = vec![withheld("", "図面.pdf", Quarantined::Whole)];
    // What a file says of itself does not take its place.
    let completed = store::Completed { subject: Some("別の件".to_owned()), ..completed(None, held) };
    store.complete(&work.key, completed).await.unwrap();
    let row = store.message(work.message).await.unwrap().unwrap().row;
    assert_eq!(row.subject.as_deref(), Some("入札の件"));
    assert_eq!(found(&store, by_subject).await, [work.message.0]);
    let items =
        store.quarantine(&QuarantineFilter { text: Some("入札".to_owned()), ..Default::default() }).await.unwrap();
    assert_eq!(items.items[0].subject.as_deref(), Some("入札の件"));
}

#[tokio::test]
async fn somebody_finds_the_mails_they_were_sent_and_none_of_others() {
    let (_directory, hand, store) = fresh().await;
    let own = staff(&store, "suzuki").await;
    let other = accept_from(&store, mail_to(&["tanaka@city.example.lg.jp"]), b"x").await.unwrap();
    claim_one(&store).await;
    let first = convert(&store, "見積書の送付", "m1@mx.example.jp", vec![part("1", "ＡＢＣ資料.xlsx")]).await;
    hand.advance(Duration::from_secs(3600));
    let second = convert(&store, "工程表", "m2@mx.example.jp", vec![part("1", "工程表.pdf")]).await;
    let mails = async |address: &str, filter: HistoryFilter| -> Vec<i64> {
        let page = store.mails_to(address, own, &filter).await.unwrap();
        page.items.into_iter().map(|received| received.mail.id.0).collect()
    };
    let address = "Suzuki@city.example.lg.jp";
    assert_eq!(mails(address, HistoryFilter::default()).await, [second, first]);
    assert_eq!(mails(address, looked_for("見積")).await, [first]);
    assert_eq!(mails(address, looked_for("abc")).await, [first]);
    assert_eq!(mails(address, looked_for("yamada@")).await, [second, first]);
    assert_eq!(mails(address, HistoryFilter { until: Some(store.now()), ..HistoryFilter::default() }).await, [first]);
    assert!(mails("tanaka@city.example.lg.jp", looked_for("見積")).await.is_empty());
    let one = store.mails_to(address, own, &HistoryFilter { limit: 1, ..HistoryFilter::default() }).await.unwrap();
    assert_eq!(mails(address, HistoryFilter { after: one.next.clone(), ..HistoryFilter::default() }).await, [first]);
    // Somebody else learns nothing from its number.
    let tanaka = "tanaka@city.example.lg.jp";
    assert_eq!(mails(tanaka, HistoryFilter::default()).await, [other.message.0]);
    let foreign = HistoryFilter { after: one.next, ..HistoryFilter::default() };
    assert!(mails(tanaka, foreign).await.is_empty());
}
