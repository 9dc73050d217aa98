//! Whatever the store hands out: what leaves is canonical, and the receiver reads the very message that was composed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod gateway;
mod peer;

use gateway::{Delivery, queue_mail, smtp, store, until};
use mail::delivery::NextHop;
use mail::line_ends;
use peer::{Manners, Peer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Pieces that make every confusion of line ends and dots likely.
fn body() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", ".", "..", "a", "\r\n.\r\n", "\r", "\n", "\0"]);
    let clean = prop::sample::select(vec!["\r\n", ".", "..", "a", "\r\n.\r\n", "\r\n..", "日本"]);
    prop_oneof![prop::collection::vec(piece, 0..12), prop::collection::vec(clean, 0..16)].prop_map(|all| all.concat())
}

/// What a receiver makes of the octets (RFC 5321 section 4.5.2).
fn unstuffed(wire: &[u8]) -> String {
    let text = String::from_utf8(wire.to_vec()).unwrap();
    let lines = text.strip_suffix("\r\n").unwrap().split("\r\n");
    let mut lines: Vec<&str> = lines.map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
    assert_eq!(lines.pop(), Some(""));
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

#[test]
fn nothing_but_canonical_lines_leaves_and_they_say_what_was_composed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 10, max_shrink_iters: 50, ..Config::default() });
    let result = runner.run(&prop::collection::vec(body(), 40), |bodies| {
        runtime.block_on(async {
            let (store, _directory) = store().await;
            let hop = Peer::start(Manners::default()).await;
            // At once, so that the store commits them together.
            let queue = |(n, body): (usize, &String)| {
                let (store, body) = (store.clone(), body.clone());
                tokio::spawn(async move { queue_mail(&store, None, &[&format!("r{n}@example.jp")], body).await })
            };
            let queued: Vec<_> = bodies.iter().enumerate().map(queue).collect();
            for one in queued {
                one.await.unwrap();
            }
            let mut next = smtp(hop.address);
            next.max_connections = 1;
            let delivery = Delivery::start(&store, NextHop::Smtp(next), |_| {});
            until("all results", || async {
                let counts = store.counts().await.unwrap();
                counts.deliveries_pending + counts.deliveries_retrying == 0
            })
            .await;
            delivery.stop().await;
            let mut arrived: Vec<String> = Vec::new();
            for data in hop.data() {
                prop_assert!(line_ends::canonical(&data));
                arrived.push(unstuffed(&data));
            }
            let whole = |body: &String| if body.ends_with("\r\n") { body.clone() } else { format!("{body}\r\n") };
            let mut composed: Vec<String> =
                bodies.iter().filter(|b| line_ends::canonical(b.as_bytes())).map(whole).collect();
            arrived.sort();
            composed.sort();
            prop_assert_eq!(arrived, composed);
            Ok(())
        })
    });
    result.unwrap();
}
