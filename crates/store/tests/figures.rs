//! The figures of the dashboard: counted as things happen, and gone again with what was rolled back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use std::time::Duration;

use form::reason::Reason;
use store::{
    Figures, GivenUp, Quarantined, RecipientOutcome, RecipientResult, Retried, RetryPolicy, Store, Triage, Verdict,
};
use support::*;

async fn convert(store: &Store, parts: Vec<store::PartRecord>) {
    accept(store, b"x").await;
    let work = claim_one(store).await;
    store.complete(&work.key, completed(Some(b"safe"), parts)).await.unwrap();
}

async fn deliver(store: &Store) {
    for task in store.due_deliveries(10).await.unwrap() {
        let outcome = RecipientOutcome::Delivered { reply: "250 ok".to_owned() };
        let results = task.recipients.iter().map(|r| RecipientResult { recipient_id: r.id, outcome: outcome.clone() });
        store.delivery_result(results.collect()).await.unwrap();
    }
}

#[tokio::test]
async fn what_happened_is_counted_by_time_verdict_reason_and_type() {
    let (_directory, hand, store) = fresh().await;
    convert(&store, vec![part("1", "a.txt"), part("2", "b.txt")]).await;
    deliver(&store).await;
    hand.advance(Duration::from_secs(3600));
    convert(&store, vec![withheld("1", "c.zip", Quarantined::Part(source(b"PK")))]).await;
    let figures = store.figures().await.unwrap();
    assert_eq!(figures.steps.len(), 48);
    assert_eq!(figures.steps.iter().map(|s| s.accepted).collect::<Vec<_>>()[45..], [1, 0, 1]);
    assert_eq!(figures.steps.iter().map(|s| s.delivered).collect::<Vec<_>>()[45..], [1, 0, 0]);
    assert_eq!(figures.steps.iter().map(|s| s.withheld).collect::<Vec<_>>()[45..], [0, 0, 1]);
    let of = |verdict| figures.verdicts.iter().find(|(v, _)| *v == verdict).unwrap().1;
    assert_eq!((of(Verdict::Sanitised), of(Verdict::SanitisedWithWithheld), of(Verdict::GivenUp)), (1, 1, 0));
    assert_eq!(figures.reasons, [(Reason::LimitParts, 1)]);
    assert_eq!(figures.kinds, [("text".to_owned(), 3)]);
    assert_eq!(figures.recently_finished, 0, "this minute is not over");
    assert_eq!(figures.p95, Some(Duration::from_millis(50)), "of the last hour");
    hand.advance(Duration::from_secs(60));
    assert_eq!(store.figures().await.unwrap().recently_finished, 1);
    hand.advance(Duration::from_secs(60 * Figures::RECENT_MINUTES));
    assert_eq!(store.figures().await.unwrap().recently_finished, 0);
    hand.advance(Duration::from_secs(25 * 3600));
    let later = store.figures().await.unwrap();
    assert!(later.steps.iter().all(|s| *s == store::StepFigures::default()) && later.kinds.is_empty(), "a day later");
}

#[tokio::test]
async fn the_time_in_the_queue_counts_and_what_is_given_up_is_withheld() {
    let (_directory, hand, store) = fresh().await;
    accept(&store, b"x").await;
    hand.advance(Duration::from_secs(9));
    let work = claim_one(&store).await;
    let name = form::name::FileName::parse("message.eml").unwrap();
    let given_up = GivenUp { name, reason: Reason::RoomCrash, why: "test".to_owned(), notice: Some(made(b"notice")) };
    store.give_up(&work.key, given_up).await.unwrap();
    let figures = store.figures().await.unwrap();
    assert_eq!(figures.p95, Some(Duration::from_secs(10)));
    assert_eq!(figures.reasons, [(Reason::RoomCrash, 1)]);
    assert_eq!(figures.verdicts.iter().find(|(v, _)| *v == Verdict::GivenUp).unwrap().1, 1);
}

#[tokio::test]
async fn a_step_done_twice_is_counted_once() {
    let (_directory, _hand, store) = fresh().await;
    accept(&store, b"x").await;
    let work = claim_one(&store).await;
    store.complete(&work.key, completed(Some(b"safe"), vec![part("1", "a.txt")])).await.unwrap();
    store.complete(&work.key, completed(Some(b"safe"), vec![part("1", "a.txt")])).await.unwrap();
    assert_eq!(store.figures().await.unwrap().kinds, [("text".to_owned(), 1)]);
}

#[tokio::test]
async fn the_number_held_follows_release_and_purge() {
    let (_directory, hand, store) = fresh().await;
    let held = || async { store.counts().await.unwrap().quarantined };
    convert(
        &store,
        vec![
            withheld("1", "a.zip", Quarantined::Part(source(b"PK"))),
            withheld("2", "b.zip", Quarantined::Part(source(b"PK"))),
            withheld("3", "c.zip", Quarantined::Part(source(b"PK"))),
        ],
    )
    .await;
    assert_eq!(held().await, 3);
    let item = store::QuarantineId(2);
    let act = async |what| store.triage(&[item], what, "kanri01", "asked for").await.unwrap().remove(0).1;
    act(Triage::Retry(RetryPolicy::Same)).await.unwrap();
    let mail = Some((store.new_receipt().unwrap(), "again".to_owned(), made(b"the second mail")));
    store.retried(item, Retried::Made { file: None, mail, still_held: Vec::new() }).await.unwrap();
    assert_eq!(held().await, 3);
    act(Triage::Release).await.unwrap();
    assert_eq!(held().await, 2);
    hand.advance(Duration::from_secs(31 * 86_400));
    store.purge().await.unwrap();
    assert_eq!(held().await, 0, "a released one is not taken away twice");
}

#[tokio::test]
async fn old_figures_go() {
    let (directory, hand, store) = fresh().await;
    convert(&store, vec![part("1", "a.txt")]).await;
    hand.advance(Duration::from_secs(49 * 3600));
    store.purge().await.unwrap();
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.path().join("misogi.sqlite"));
    let mut database = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let (rows,): (i64,) = sqlx::query_as("SELECT count(*) FROM figure").fetch_one(&mut database).await.unwrap();
    assert_eq!(rows, 0);
}
