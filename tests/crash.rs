//! A gateway that is killed at random moments loses no mail that it has answered with 250.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Client, Gateway, dot_stuffed, read_maildir};

const MAILS: usize = 2000;
const SENDERS: usize = 8;

/// What a mail of the test says: HTML with a script, so that an unsanitised copy would be told.
fn mail(number: usize) -> Vec<u8> {
    format!(
        "From: sender@example.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: crash-{number:05}\r\n\
         Message-ID: <crash-{number:05}@example.jp>\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
         <p>body {number}</p><script>alert({number})</script>\r\n--b\r\nContent-Type: text/csv; name=\"t.csv\"\r\n\
         Content-Disposition: attachment; filename=\"t.csv\"\r\n\r\na,b\r\n1,=cmd()\r\n--b--\r\n"
    )
    .into_bytes()
}

/// Sends until the gateway answers 250. True when an earlier try ended without an answer after its last byte.
fn send_until_accepted(gateway: std::net::SocketAddr, number: usize) -> bool {
    let mut unanswered = false;
    loop {
        let attempt = || -> std::io::Result<Result<u16, ()>> {
            let mut client = Client::connect(gateway)?;
            client.command("EHLO client.test")?;
            client.command("MAIL FROM:<sender@example.jp>")?;
            client.command("RCPT TO:<staff@city.example.lg.jp>")?;
            if client.command("DATA")?.0 != 354 {
                return Ok(Ok(0));
            }
            client.send(&dot_stuffed(&mail(number)))?;
            Ok(client.reply().map(|reply| reply.0).map_err(|_| ()))
        };
        match attempt() {
            Ok(Ok(250)) => return unanswered,
            Ok(Err(())) => unanswered = true,
            Ok(Ok(_)) | Err(_) => {}
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_mail_answered_with_250_arrives_though_the_gateway_is_killed_again_and_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut gateway = Gateway::start(directory.path(), "");
    let address = gateway.smtp;
    let (next, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let unanswered = Arc::new(Mutex::new(BTreeSet::new()));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (next, unanswered) = (next.clone(), unanswered.clone());
            std::thread::spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= MAILS {
                        return;
                    }
                    if send_until_accepted(address, number) {
                        unanswered.lock().expect("lock").insert(number);
                    }
                }
            })
        })
        .collect();
    let waiter = {
        let done = done.clone();
        std::thread::spawn(move || {
            for sender in senders {
                sender.join().expect("sender");
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let mut kills = 0;
    let mut random = std::process::id() as u64 | 1;
    while !done.load(Ordering::SeqCst) {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // After so many further mails, not after a time: a fast machine would be done with all of them before the fourth.
        let until = next.load(Ordering::SeqCst) + 50 + usize::try_from((random >> 33) % 300).expect("fits");
        while next.load(Ordering::SeqCst) < until && !done.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        gateway.kill();
        kills += 1;
        gateway.restart();
    }
    waiter.join().expect("senders are done");
    let maildir = directory.path().join("data/maildir/new");
    let unanswered = unanswered.lock().expect("lock").clone();
    let started = Instant::now();
    let arrived = loop {
        let arrived = arrivals(&maildir);
        if arrived.len() == MAILS || started.elapsed() > Duration::from_secs(120) {
            break arrived;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let missing: Vec<_> = (0..MAILS).filter(|number| !arrived.contains_key(number)).collect();
    let twice: Vec<_> = arrived.iter().filter(|(_, receipts)| receipts.len() > 1).map(|(number, _)| *number).collect();
    println!(
        "{MAILS} mails, {kills} kills, {} acknowledgement windows, {} mails twice, {} missing",
        unanswered.len(),
        twice.len(),
        missing.len()
    );
    assert!(kills > 3, "the gateway was killed only {kills} times");
    assert!(missing.is_empty(), "lost: {missing:?}");
    assert!(twice.iter().all(|number| unanswered.contains(number)), "twice without reason: {twice:?}");
    assert!(gateway.stop(), "ends on SIGTERM");
    let check = gateway.command(&["audit", "verify"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

/// The mail with its base64 parts decoded; its own lines stay as they are.
fn decoded(mail: &str) -> String {
    let value =
        |byte: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|b| *b == byte);
    let mut bytes = mail.as_bytes().to_vec();
    for block in mail.split("\r\n\r\n").chain(mail.split("\n\n")) {
        let block = block.split("\n--").next().unwrap_or_default();
        let (mut bits, mut count) = (0usize, 0);
        for sextet in block.bytes().filter_map(value) {
            bits = (bits << 6 | sextet) & 0xFFFF;
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push(u8::try_from(bits >> count & 0xFF).unwrap_or_default());
            }
        }
        bytes.push(b'\n');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Number of each mail, and the receipts it arrived under. Every one must be the gateway's own work.
fn arrivals(maildir: &std::path::Path) -> BTreeMap<usize, Vec<String>> {
    let mut arrived: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for bytes in read_maildir(maildir) {
        let text = String::from_utf8(bytes).expect("what arrives is text");
        let field = |name: &str| {
            let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.unwrap_or_else(|| panic!("no {name}: {text}"))[name.len()..].trim().to_owned()
        };
        let number = field("subject: crash-").parse().expect("a number");
        let receipt = field("x-misogi-receipt:");
        assert!(decoded(&text).contains(&format!("body {number}")), "{text}");
        let plain = decoded(&text);
        assert!(!plain.contains("<script") && !plain.contains("alert("), "unsanitised: {text}");
        let receipts = arrived.entry(number).or_default();
        assert!(!receipts.contains(&receipt), "{receipt} was delivered twice");
        receipts.push(receipt);
    }
    arrived
}
