//! How fast the store is: durable accepts with one and with many callers, and the CPU of a mail's whole way through it.
//!
//! `cargo run --release -p store --example speed [DIRECTORY]` prints a table. Run it on the disk that will be used.

#![allow(clippy::disallowed_methods, reason = "a measuring tool: it reads the process's own CPU time and the clock")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool stops at the first surprise")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jail::{Fresh, Sealed};
use store::{
    Clock, Completed, Envelope, NewMessage, Origin, PartRecord, PartVerdict, RecipientOutcome, RecipientResult, Store,
    StoreConfig, Timestamp, Verdict,
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let base = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(base).unwrap();
    let clock = Clock::new(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(now.as_millis()).unwrap_or(0))
    });
    println!("{:<44} {:>9} {:>14} {:>12}", "step (2 KB mails)", "mails", "mails/s", "ms CPU/mail");
    for (callers, mails) in [(1u32, 2_000u64), (8, 8_000), (64, 30_000)] {
        let store =
            Store::open(StoreConfig::new(directory.path().join(callers.to_string()), clock.clone())).await.unwrap();
        let name = format!("accept, durable, {callers} callers at once");
        measure(&name, mails, accept_all(&store, callers, mails)).await;
        if callers == 64 {
            measure("claim (32) + complete (each its own call)", mails, convert_all(&store, mails)).await;
            measure("due (32) + delivered (one call each)", mails, deliver_all(&store, mails)).await;
        }
        store.close().await;
    }
    let store = Store::open(StoreConfig::new(directory.path().join("all"), clock)).await.unwrap();
    let all = async {
        tokio::join!(accept_all(&store, 64, 30_000), convert_all(&store, 30_000), deliver_all(&store, 30_000));
    };
    measure("all of it at once, 64 callers", 30_000, all).await;
    let check = Instant::now();
    let rows = store.audit_verify().await.unwrap().rows;
    println!("audit_verify: {rows} rows in {:?}; disk: {:?}", check.elapsed(), store.disk().await.unwrap());
    store.close().await;
}

async fn measure(name: &str, mails: u64, work: impl Future<Output = ()>) {
    let (wall, cpu) = (Instant::now(), cpu());
    work.await;
    let (wall, cpu) = (wall.elapsed(), self::cpu().saturating_sub(cpu));
    #[allow(clippy::cast_precision_loss, reason = "a figure to be read")]
    let count = mails as f64;
    println!("{name:<44} {mails:>9} {:>14.0} {:>12.3}", count / wall.as_secs_f64(), cpu.as_secs_f64() * 1e3 / count);
}

/// User and system time of this process, in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

async fn accept_all(store: &Store, callers: u32, mails: u64) {
    let left = Arc::new(AtomicU64::new(mails));
    let body = Arc::new(vec![b'x'; 2_000]);
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (store, left, body) = (store.clone(), left.clone(), body.clone());
        tasks.push(tokio::spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                let mut spool = store.spool();
                spool.write_trace(b"Received: from mx.example.jp (192.0.2.1) by gateway\r\n");
                spool.write(&body).await.unwrap();
                let origin = Origin::Mail {
                    envelope: Envelope {
                        sender: Some("yamada@example.jp".to_owned()),
                        recipients: vec!["suzuki@city.example.lg.jp".to_owned()],
                        smtputf8: false,
                        body_8bit: true,
                    },
                    peer: "192.0.2.1".parse().unwrap(),
                    helo: "mx.example.jp".to_owned(),
                    tls: None,
                };
                let original = spool.finish().await.unwrap();
                let receipt = store.new_receipt().unwrap();
                store.accept(NewMessage { receipt, origin, received: store.now(), original }).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn convert_all(store: &Store, mails: u64) {
    // One output for all: making sealed files is not what is measured.
    let fresh = Fresh::forged(Sealed::from_bytes(&[b'y'; 1_800]).unwrap());
    let mut done = 0;
    while done < mails {
        let works = store.claim(32).await.unwrap();
        if works.is_empty() {
            store.work_ready().await;
        }
        let mut tasks = Vec::new();
        for work in works {
            done += 1;
            let (store, fresh) = (store.clone(), fresh.clone());
            tasks.push(tokio::spawn(async move {
                let part = PartRecord {
                    path: "1".to_owned(),
                    name: form::name::FileName::parse("body.txt").unwrap(),
                    output_name: None,
                    detected_type: "text".to_owned(),
                    media_type: Some("text/plain".to_owned()),
                    verdict: PartVerdict::Sanitised,
                    reason: None,
                    findings: Vec::new(),
                    bytes_in: 2_000,
                    bytes_out: 1_800,
                    millis: 1,
                    fidelity: None,
                    result: None,
                    quarantined_original: None,
                };
                let completed = Completed {
                    subject: Some("見積書の送付について".to_owned()),
                    header_from: Some("yamada@example.jp".to_owned()),
                    message_id: None,
                    verdict: Verdict::Sanitised,
                    parts: vec![part],
                    findings: Vec::new(),
                    output: Some(fresh),
                    account: None,
                    policy: String::new(),
                };
                store.complete(&work.key, completed).await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}

async fn deliver_all(store: &Store, mails: u64) {
    let mut done = 0;
    while done < mails {
        let due = store.due_deliveries(32).await.unwrap();
        if due.is_empty() {
            store.delivery_ready().await;
        }
        let mut tasks = Vec::new();
        for task in due {
            done += 1;
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let outcome = RecipientOutcome::Delivered { reply: "250 2.0.0 Ok: queued as 4F3K2".to_owned() };
                let result = |id| RecipientResult { recipient_id: id, outcome: outcome.clone() };
                store.delivery_result(task.recipients.iter().map(|r| result(r.id)).collect()).await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
}
