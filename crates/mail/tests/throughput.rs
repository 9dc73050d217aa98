//! Figures, not checks: `cargo test -p mail --release --test throughput -- --ignored --nocapture`.

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

use std::process::Command;
use std::time::Instant;

use gateway::{Delivery, Intake, Sink, queue_mail, smtp, store, until};
use mail::delivery::NextHop;
use mail::intake::data::DataDecoder;

fn cpu_seconds() -> f64 {
    // utime and stime of this process, in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[test]
#[ignore = "a measurement"]
fn data_decoder_octets_per_second() {
    let line = format!("{}\r\n", "x".repeat(74));
    let chunk: Vec<u8> = line.repeat(850).into_bytes();
    let mut decoder = DataDecoder::new(1 << 20);
    let mut out = Vec::with_capacity(chunk.len());
    let start = Instant::now();
    let mut octets = 0u64;
    while start.elapsed().as_millis() < 1000 {
        out.clear();
        decoder.push(&chunk, &mut out);
        octets += chunk.len() as u64;
    }
    println!("DATA decoding: {:.0} MB/s", octets as f64 / 1e6 / start.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn accepted_mails_per_second_from_smtp_source() {
    for (sessions, keep, size) in [(50, true, 2048), (50, false, 2048), (10, true, 2048), (50, true, 100_000)] {
        let intake = Intake::start(|config| config.max_per_peer = 1000).await;
        let count = if size > 10_000 { 1000 } else { 10_000 };
        let address = format!("inet:{}", intake.address);
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let status = tokio::task::spawn_blocking(move || {
            let mut command = Command::new("/usr/sbin/smtp-source");
            command.args(["-s", &sessions.to_string(), "-m", &count.to_string(), "-l", &size.to_string()]);
            if keep {
                command.arg("-d");
            }
            command.args(["-f", "a@client.example", "-t", "b@example.jp", &address]).status().unwrap()
        });
        assert!(status.await.unwrap().success());
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        println!(
            "intake, {sessions} sessions{}, {size} octets: {:.0} mails/s, {:.3} ms CPU each",
            if keep { " kept open" } else { ", one connection each" },
            f64::from(count) / seconds,
            cpu * 1000.0 / f64::from(count)
        );
        intake.shutdown.cancel();
        intake.task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn delivered_mails_per_second_to_smtp_sink() {
    let (store, _directory) = store().await;
    let body = format!("Subject: x\r\n\r\n{}", format!("{}\r\n", "x".repeat(74)).repeat(26));
    let count: u32 = 10_000;
    let queue = |n: u32| {
        let (store, body) = (store.clone(), body.clone());
        async move { queue_mail(&store, Some("a@client.example"), &[&format!("r{n}@example.jp")], &body).await }
    };
    let start = Instant::now();
    for base in (0..count).step_by(100) {
        let batch: Vec<_> = (base..base + 100).map(|n| tokio::spawn(queue(n))).collect();
        for one in batch {
            one.await.unwrap();
        }
    }
    println!("queued in {:.1} s", start.elapsed().as_secs_f64());
    let sink = Sink::start(&[]).await;
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let delivery = Delivery::start(&store, NextHop::Smtp(smtp(sink.address)), |_| {});
    until("delivery", || async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        store.counts().await.unwrap().deliveries_pending == 0
    })
    .await;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "delivery: {:.0} mails/s, {:.3} ms CPU each (store included)",
        f64::from(count) / seconds,
        cpu * 1000.0 / f64::from(count)
    );
    delivery.stop().await;
}
