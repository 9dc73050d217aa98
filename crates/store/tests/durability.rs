//! What was answered survives `kill -9`: a child process accepts, converts and delivers, is killed at a random moment,
//! and everything it had reported is there when the store is opened again.

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
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::{Quarantined, RecipientOutcome, RecipientResult, Store};
use support::*;

/// Set in the child: the directory it writes to.
const CHILD: &str = "MISOGI_STORE_TEST_CHILD";

/// Not a test of its own: it is what the child runs.
#[test]
fn child_writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let store = Store::open(config(directory.as_ref(), &Hand::new())).await.unwrap();
        say("open");
        let mut tasks = Vec::new();
        for writer in 0..8u32 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                for n in 0u32.. {
                    let size = if n % 7 == 0 { 100_000 } else { 500 };
                    let body = format!("{writer}/{n} {}", "x".repeat(size));
                    let accepted = accept_from(&store, mail_to(&["a@x", "b@x"]), body.as_bytes()).await.unwrap();
                    say(&format!("accepted {}", accepted.message.0));
                }
            }));
        }
        tasks.push(tokio::spawn({
            let store = store.clone();
            async move {
                loop {
                    for work in store.claim(16).await.unwrap() {
                        let parts = vec![withheld("1", "x.bin", Quarantined::Part(source(&[1; 70_000])))];
                        store.complete(&work.key, completed(Some(b"clean"), parts)).await.unwrap();
                        say(&format!("completed {}", work.message.0));
                    }
                    tokio::task::yield_now().await;
                }
            }
        }));
        tasks.push(tokio::spawn(async move {
            loop {
                for task in store.due_deliveries(16).await.unwrap() {
                    let outcome = RecipientOutcome::Delivered { reply: "250".to_owned() };
                    let result =
                        |r: &store::DueRecipient| RecipientResult { recipient_id: r.id, outcome: outcome.clone() };
                    store.delivery_result(task.recipients.iter().map(result).collect()).await.unwrap();
                    say(&format!("delivered {}", task.message.0));
                }
                tokio::task::yield_now().await;
            }
        }));
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// One line straight to the parent: past the test harness, which would keep it.
fn say(line: &str) {
    let mut error = std::io::stderr().lock();
    writeln!(error, "{line}").unwrap();
    error.flush().unwrap();
}

#[test]
fn everything_that_was_answered_survives_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut accepted, mut completed, mut delivered) = (HashSet::new(), HashSet::new(), HashSet::new());
    let rounds: u32 = std::env::var("MISOGI_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_writes_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let mut random = [0u8; 2];
        getrandom::fill(&mut random).unwrap();
        let patience = Duration::from_millis(u64::from(u16::from_le_bytes(random)) % 700);
        let mut lines = lines.lines();
        let first = lines.next().unwrap().unwrap();
        assert_eq!(first, "open", "round {round}");
        let killer = std::thread::spawn(move || {
            std::thread::sleep(patience);
            child.kill().unwrap();
            child.wait().unwrap();
        });
        for line in lines.map_while(Result::ok) {
            // The last line may be cut off in the middle of its number; a number without its end is not a promise.
            let Some((what, id)) = line.split_once(' ') else { continue };
            let Ok(id) = id.parse::<i64>() else { continue };
            match what {
                "accepted" => accepted.insert(id),
                "completed" => completed.insert(id),
                "delivered" => delivered.insert(id),
                _ => panic!("the child said {line}"),
            };
        }
        killer.join().unwrap();

        runtime.block_on(check(directory.path(), &accepted, &completed, &delivered));
    }
    assert!(!accepted.is_empty() && !completed.is_empty() && !delivered.is_empty());
}

async fn check(
    directory: &std::path::Path,
    accepted: &HashSet<i64>,
    completed: &HashSet<i64>,
    delivered: &HashSet<i64>,
) {
    let store = Store::open(config(directory, &Hand::new())).await.unwrap();
    let check = store.audit_verify().await.unwrap();
    assert_eq!(check.broken, None);
    for id in accepted {
        let id = store::MessageId(*id);
        let row = store.message(id).await.unwrap().expect("an accepted message");
        let waiting = row.job.is_some();
        assert!(waiting || row.row.verdict.is_some(), "message {id:?} has neither job nor verdict");
        let original = store.message_original(id).await.unwrap().to_bytes(u64::MAX).await.unwrap();
        assert!(original.ends_with(b"x"));
        if completed.contains(&id.0) {
            assert!(!waiting, "a completed message waits again");
            assert_eq!((row.parts.len(), row.deliveries.len(), row.quarantine.len()), (1, 2, 1));
            let held = store.quarantine_original(row.quarantine[0].id).await.unwrap();
            assert_eq!(held.to_bytes(u64::MAX).await.unwrap().len(), 70_000);
        }
        if delivered.contains(&id.0) {
            assert!(row.deliveries.iter().all(|d| d.state == store::DeliveryState::Delivered));
        }
    }
    store.close().await;
}
