//! A policy that is tried, foreseen and published while the gateway runs: mails, proxies and the audit say under which one they were written.

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

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Gateway, free_ports, submit, wait_for};

const MAIL: &str = "From: a@partner.example\r\nTo: staff@city.example.lg.jp\r\nSubject: page\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=page.html\r\n\r\n<html><body><p>words</p></body></html>\r\n--b--\r\n";

/// Tries a draft on a fresh file, reads what the record says of it, publishes it.
const WALK: &str = r#"
import sys
from console_session import Console
console = Console(sys.argv[1])
console.get("/policy")
draft = '[mail]\nmarkup = "withhold"\n'
console.post("/policy/draft", draft=draft)
assert console.status == 200, console.text()
words = " ".join(console.text().split())
assert "mail.markup お渡しできなくなる 1 1" in words, words
assert "過去7日間のメールとアップロード 1件（ファイル 1個）" in words, words
console.post_file("/policy/try", [("draft", draft)], "頁.html", b"<html><body><p>words</p></body></html>")
assert console.status == 200, console.text()
words = " ".join(console.text().split())
assert "頁.html （違いあり） → 頁.html.txt" in words and "作り直せない形式" in words, words
console.post("/policy/publish", draft=draft, why="HTML を止める", version="0")
assert console.status == 200 and "（有効）" in console.text(), console.text()
console.get("/audit")
console.post("/audit/export", format="jsonl")
open(sys.argv[2], "wb").write(console.raw)
console.get("/system")
key = console.text().split("Ed25519）")[1].split()[0]
console.get("/audit?action=completed")
print(key + "\n" + console.text())
"#;

fn tag(icap: SocketAddr) -> String {
    let mut stream = TcpStream::connect(icap).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    write!(stream, "OPTIONS icap://{icap}/respmod ICAP/1.0\r\nHost: {icap}\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer.lines().find_map(|line| line.strip_prefix("ISTag: ")).expect("a tag").to_owned()
}

fn field(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail);
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}")).trim().to_owned()
}

/// Sends a mail, and gives what was delivered.
fn through(gateway: &Gateway, number: usize) -> Vec<u8> {
    let mail =
        MAIL.replace("Subject: page", &format!("Message-ID: <{number}@partner.example>\r\nSubject: page {number}"));
    let inbox = gateway.directory.join("data/maildir/new");
    let (code, _) =
        submit(gateway.smtp, "a@partner.example", &["staff@city.example.lg.jp"], mail.as_bytes()).expect("answers");
    assert_eq!(code, 250);
    let mails = wait_for(&inbox, number, Duration::from_secs(60));
    let subject = format!("Subject: page {number}");
    mails.into_iter().find(|mail| String::from_utf8_lossy(mail).contains(&subject)).expect("the mail")
}

fn walk(gateway: &Gateway, script: &str) -> String {
    let started = Instant::now();
    let link = loop {
        // The gateway greets when everything runs; mail goes through before.
        let log = gateway.log();
        let link =
            log.split("the link works once): ").nth(1).and_then(|rest| Some(rest.split_once('\n')?.0.to_owned()));
        match link {
            Some(link) => break link,
            None => assert!(started.elapsed() < Duration::from_secs(60), "no link: {log}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let tests = support::workspace::root().join("tests");
    let ran = Command::new("python3")
        .args(["-B", "-c", script, &link])
        .arg(gateway.directory.join("audit.jsonl"))
        .env("PYTHONPATH", tests)
        .output()
        .expect("python3 is installed (./test)");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// The exported log is checked without the store, and any other file or key is refused.
fn exported(gateway: &Gateway, key: &str) {
    let verify = |path: &Path, key: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_misogi"));
        // Somewhere without a store or a configuration.
        let ran = command.current_dir("/").args(["audit", "verify"]).arg(path).args(key).output().expect("runs");
        (ran.status.code(), String::from_utf8(ran.stdout).expect("UTF-8"))
    };
    let path = gateway.directory.join("audit.jsonl");
    let (code, said) = verify(&path, &["--key", key]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the chain holds") && said.contains(key), "{said}");
    let (code, said) = verify(&path, &[]);
    assert!(code == Some(0) && said.contains("Compare that with the key"), "{said}");
    assert_eq!(verify(&path, &["--key", &"0".repeat(64)]).0, Some(1));
    let changed = std::fs::read_to_string(&path).expect("read").replacen("policy_published", "policy_enforced!", 1);
    std::fs::write(&path, changed).expect("written");
    let (code, said) = verify(&path, &["--key", key]);
    assert!(code == Some(1) && said.contains("does not follow"), "{said}");
    assert_eq!(verify(Path::new("/no/such/file"), &[]).0, Some(2));
}

#[test]
fn what_is_published_is_tried_before_and_told_afterwards() {
    let directory = tempfile::tempdir().expect("a directory");
    let [icap] = free_ports();
    let mut gateway = Gateway::start(directory.path(), &format!("[icap]\nlisten = \"{icap}\"\n"));
    let first = through(&gateway, 1);
    let (name, before) = (field(&first, "X-Misogi-Policy:"), tag(icap));
    assert!(name.starts_with("0-") && name.len() == 10, "{name}");
    assert_eq!(field(&first, "X-Misogi-Verdict:"), "sanitised");

    let audit = walk(&gateway, WALK);
    assert!(audit.contains(&format!("policy: {name}")), "{audit}");
    exported(&gateway, audit.lines().next().expect("a key"));
    let after = tag(icap);
    assert_ne!(before, after, "proxies learn that what they keep is old");
    let second = through(&gateway, 2);
    let published = field(&second, "X-Misogi-Policy:");
    assert!(published.starts_with("1-") && published[2..] != name[2..], "{published} after {name}");
    assert_eq!(field(&second, "X-Misogi-Verdict:"), "partly-withheld");

    assert!(gateway.stop());
    gateway.restart();
    assert_eq!(tag(icap), after, "the same policy over a restart");
    assert_eq!(field(&through(&gateway, 3), "X-Misogi-Policy:"), published);
    assert!(gateway.stop());
}
