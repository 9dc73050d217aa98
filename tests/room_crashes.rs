//! Rooms that die in the middle of a mail, and a gateway that is told to stop then: the mail is held and a notice arrives, or it
//! is converted again and arrives once. The gateway itself lives on and serves the next mail. And what rooms have in memory.

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

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Gateway, python_reads, read_maildir, signal, submit};

const PATIENCE: Duration = Duration::from_secs(60);
const SENDER: &str = "sender@example.jp";
const RECIPIENT: &str = "staff@city.example.lg.jp";

fn start() -> (Gateway, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    (Gateway::start(directory.path(), ""), directory)
}

/// Sends a mail that must be taken, and gives its receipt.
fn send(gateway: &Gateway, mail: &str) -> String {
    let (code, text) = submit(gateway.smtp, SENDER, &[RECIPIENT], mail.as_bytes()).expect("the gateway answers");
    assert_eq!(code, 250, "{text}");
    text.trim().rsplit(' ').next().expect("a receipt").to_owned()
}

fn fields(subject: &str) -> String {
    format!("From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n")
}

fn ordinary() -> String {
    format!("{}\r\nafter all that\r\n", fields("ordinary"))
}

/// A mail whose dirty room has work for a while.
fn slow(subject: &str) -> String {
    format!("{}Content-Type: text/html\r\n\r\nkeep-me{}", fields(subject), "<div><b>\r\n".repeat(2_000_000))
}

/// A mail with a picture of many pixels, whose room has work for a while.
fn with_large_picture(subject: &str) -> String {
    const PICTURE: &str = "import base64,struct,sys,zlib\nw=h=7000\n\
        chunk=lambda n,d: struct.pack('>I',len(d))+n+d+struct.pack('>I',zlib.crc32(n+d))\n\
        p=b'\\x89PNG\\r\\n\\x1a\\n'+chunk(b'IHDR',struct.pack('>IIBBBBB',w,h,8,2,0,0,0))\n\
        p+=chunk(b'IDAT',zlib.compress((b'\\0'+b'\\x10\\x80\\xf0'*w)*h,1))+chunk(b'IEND',b'')\n\
        print(base64.encodebytes(p).decode().replace('\\n','\\r\\n'))";
    let output = Command::new("python3").args(["-c", PICTURE]).output().expect("python3 is installed (./test)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let picture = String::from_utf8(output.stdout).expect("ASCII");
    format!(
        "{}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nkeep-me\r\n--b\r\n\
         Content-Type: image/png\r\nContent-Disposition: attachment; filename=\"large.png\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--b--\r\n",
        fields(subject)
    )
}

/// All mails in the maildir, by receipt.
fn arrived(gateway: &Gateway) -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mail in read_maildir(&gateway.directory.join("data/maildir/new")) {
        let read = python_reads(&mail);
        let receipt = read["receipt"].as_str().expect("a receipt").to_owned();
        all.entry(receipt).or_default().push(read);
    }
    all
}

/// Waits for the one mail under a receipt.
fn wait_for(gateway: &Gateway, receipt: &str) -> Value {
    let started = Instant::now();
    loop {
        if let Some(mails) = arrived(gateway).remove(receipt) {
            assert_eq!(mails.len(), 1, "{receipt} arrived more than once");
            return mails.into_iter().next().expect("one");
        }
        assert!(started.elapsed() < PATIENCE, "{receipt} did not arrive: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn text(mail: &Value) -> &str {
    mail["text"].as_str().unwrap_or_else(|| panic!("no text: {mail}"))
}

/// An ordinary mail passes, and it is still the same process that takes it.
fn serves(gateway: &Gateway, pid: u32) {
    let receipt = send(gateway, &ordinary());
    assert!(text(&wait_for(gateway, &receipt)).contains("after all that"));
    assert_eq!(gateway.pid(), pid);
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}

/// The quarantined originals of a mail: (name, reason).
fn held(gateway: &Gateway, receipt: &str) -> Vec<(String, String)> {
    let listing = gateway.command(&["quarantine", "ls", "--json"]).stdout;
    let rows = String::from_utf8(listing).expect("UTF-8");
    let rows = rows.lines().filter(|line| line.contains(receipt)).map(|line| serde_json::from_str(line).expect("JSON"));
    let field = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    rows.map(|row: Value| (field(&row, "name"), field(&row, "reason"))).collect()
}

fn wait_for_events(gateway: &Gateway, event: &str, count: usize) {
    let started = Instant::now();
    while events(gateway, event) < count {
        assert!(started.elapsed() < PATIENCE, "not {count} times {event}: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn events(gateway: &Gateway, event: &str) -> usize {
    gateway.log().lines().filter(|line| line.contains(event)).count()
}

/// Lets the waiting time of jobs that failed pass: another attempt may come up to a minute later.
fn let_the_pause_pass(gateway: &Gateway) {
    let database: PathBuf = gateway.directory.join("data/misogi.sqlite");
    const SCRIPT: &str = "import sqlite3,sys\nd=sqlite3.connect(sys.argv[1],timeout=30)\n\
        n=d.execute('UPDATE job SET due = 0 WHERE state = 0').rowcount\nd.commit()\nsys.exit(0 if n == 1 else 1)";
    let done = Command::new("python3").args(["-c", SCRIPT]).arg(database).status().expect("python3 runs");
    assert!(done.success(), "one job waits: {}", gateway.log());
}

/// The zygotes of the real executable, which alone is linked so that its pages can be moved, have put their program on other pages.
#[test]
fn no_memory_of_the_gateway_its_zygotes_and_rooms_is_writable_and_executable() {
    let (gateway, _directory) = start();
    serves(&gateway, gateway.pid());
    let mut looked = 0;
    for pid in gateway.family() {
        // A room may have ended since.
        let Ok(maps) = fs::read_to_string(format!("/proc/{pid}/maps")) else { continue };
        let rights = |line: &str| line.split(' ').nth(1).expect("rights").to_owned();
        let both: Vec<&str> =
            maps.lines().filter(|line| rights(line).starts_with("rwx") || rights(line).starts_with("-wx")).collect();
        assert!(both.is_empty(), "process {pid}: {both:?}");
        looked += usize::from(maps.lines().any(|line| rights(line).starts_with("r-x")));
    }
    assert!(looked >= 1 + 2 + 2, "a gateway, two zygotes, a room of each: {looked}");
}

#[test]
fn a_room_that_crashes_on_each_mail_brings_a_notice_each_time_and_the_next_mail_is_served() {
    let (gateway, _directory) = start();
    let pid = gateway.pid();
    for number in 0..4 {
        let receipt = send(&gateway, &slow(&format!("crash {number}")));
        signal(gateway.busy_room(), "ABRT");
        let mail = wait_for(&gateway, &receipt);
        for told in ["お渡しできません", "変換中に異常終了しました", SENDER, &receipt] {
            assert!(text(&mail).contains(told), "no {told}: {mail}");
        }
        assert!(!text(&mail).contains("keep-me"), "{mail}");
        assert_eq!(held(&gateway, &receipt), [("message.eml".to_owned(), "room_crash".to_owned())]);
        serves(&gateway, pid);
    }
}

#[test]
fn an_attachment_whose_room_crashes_is_withheld_and_the_text_arrives() {
    let (gateway, _directory) = start();
    let receipt = send(&gateway, &with_large_picture("picture"));
    signal(gateway.busy_room(), "ABRT");
    let mail = wait_for(&gateway, &receipt);
    for told in ["keep-me", "large.png", "変換中に異常終了しました"] {
        assert!(text(&mail).contains(told), "no {told}: {mail}");
    }
    assert_eq!((&mail["verdict"], &mail["attachments"]), (&"partly-withheld".into(), &Value::Array(Vec::new())));
    assert_eq!(held(&gateway, &receipt), [("large.png".to_owned(), "room_crash".to_owned())]);
    serves(&gateway, gateway.pid());
}

#[test]
fn an_attachment_whose_clean_room_crashes_is_withheld_in_the_first_attempt() {
    let (gateway, _directory) = start();
    let receipt = send(&gateway, &with_large_picture("picture"));
    signal(gateway.busy_clean_room(), "ABRT");
    let mail = wait_for(&gateway, &receipt);
    for told in ["keep-me", "large.png", "変換中に異常終了しました"] {
        assert!(text(&mail).contains(told), "no {told}: {mail}");
    }
    assert_eq!(held(&gateway, &receipt), [("large.png".to_owned(), "room_crash".to_owned())]);
    assert_eq!(events(&gateway, "conversion_retry"), 0);
    serves(&gateway, gateway.pid());
}

#[test]
fn an_attachment_whose_clean_room_is_killed_once_arrives_in_the_second_attempt() {
    let (gateway, _directory) = start();
    let receipt = send(&gateway, &with_large_picture("picture"));
    signal(gateway.busy_clean_room(), "KILL");
    let mail = wait_for(&gateway, &receipt);
    assert!(text(&mail).contains("keep-me"), "{mail}");
    assert_eq!(mail["attachments"].as_array().map(Vec::len), Some(1), "{mail}");
    assert_eq!((events(&gateway, "conversion_retry"), held(&gateway, &receipt).len()), (1, 0));
}

#[test]
fn a_mail_whose_room_is_killed_from_outside_each_time_is_held_after_four_attempts_and_a_notice_arrives() {
    let (gateway, _directory) = start();
    let pid = gateway.pid();
    let receipt = send(&gateway, &slow("killed"));
    let mut between = Vec::new();
    for attempt in 1..=4 {
        signal(gateway.busy_room(), "KILL");
        if attempt < 4 {
            wait_for_events(&gateway, "conversion_retry", attempt);
        }
        // The second attempt comes at once, the others after a pause, with the next claim.
        if matches!(attempt, 2 | 3) {
            assert!(!arrived(&gateway).contains_key(&receipt), "given up after {attempt} attempts");
            let_the_pause_pass(&gateway);
            between.push(send(&gateway, &ordinary()));
        }
    }
    for ordinary in between {
        assert!(text(&wait_for(&gateway, &ordinary)).contains("after all that"));
    }
    let mail = wait_for(&gateway, &receipt);
    for told in ["お渡しできません", "変換中に異常終了しました", SENDER, &receipt] {
        assert!(text(&mail).contains(told), "no {told}: {mail}");
    }
    assert_eq!(held(&gateway, &receipt), [("message.eml".to_owned(), "room_crash".to_owned())]);
    assert_eq!((events(&gateway, "conversion_retry"), events(&gateway, "conversion_given_up")), (3, 1));
    serves(&gateway, pid);
}

#[test]
fn an_attachment_whose_room_is_killed_each_time_is_withheld_and_the_text_arrives() {
    let (gateway, _directory) = start();
    let receipt = send(&gateway, &with_large_picture("picture"));
    for attempt in 1..=4 {
        signal(gateway.busy_room(), "KILL");
        if attempt < 4 {
            wait_for_events(&gateway, "conversion_retry", attempt);
        }
        if matches!(attempt, 2 | 3) {
            let_the_pause_pass(&gateway);
            send(&gateway, &ordinary());
        }
    }
    let mail = wait_for(&gateway, &receipt);
    for told in ["keep-me", "large.png", "変換が中断されました"] {
        assert!(text(&mail).contains(told), "no {told}: {mail}");
    }
    assert_eq!(held(&gateway, &receipt), [("large.png".to_owned(), "room_killed".to_owned())]);
    assert_eq!(events(&gateway, "conversion_given_up"), 0);
}

#[test]
fn a_mail_whose_room_was_killed_once_arrives_whole() {
    let (gateway, _directory) = start();
    let receipt = send(&gateway, &slow("killed once"));
    signal(gateway.busy_room(), "KILL");
    let mail = wait_for(&gateway, &receipt);
    assert!(text(&mail).contains("keep-me"), "{mail}");
    assert_eq!((events(&gateway, "conversion_retry"), held(&gateway, &receipt).len()), (1, 0));
    serves(&gateway, gateway.pid());
}

#[test]
fn sigterm_during_a_conversion_finishes_it_and_the_mail_arrives_once() {
    let (mut gateway, _directory) = start();
    let receipt = send(&gateway, &slow("stopping"));
    gateway.busy_room();
    assert!(gateway.stop(), "ends within its grace, without complaint");
    assert_eq!(events(&gateway, "conversions_left_for_next_start"), 0, "{}", gateway.log());
    arrives_once_after_restart(&mut gateway, &receipt);
}

#[test]
fn sigterm_during_a_conversion_that_does_not_end_leaves_it_to_the_next_start_and_the_mail_arrives_once() {
    let (mut gateway, _directory) = start();
    let receipt = send(&gateway, &slow("hanging"));
    let room = gateway.busy_room();
    signal(room, "STOP");
    let started = Instant::now();
    assert!(gateway.stop(), "ends within its grace, without complaint");
    assert!(started.elapsed() > Duration::from_secs(15), "it did not wait for the conversion");
    assert_eq!(events(&gateway, "conversions_left_for_next_start"), 1, "{}", gateway.log());
    // The kernel ends it with its zygote, which takes a moment where the processors are busy.
    let ended = Instant::now();
    while fs::exists(format!("/proc/{room}")).expect("asked") {
        assert!(ended.elapsed() < Duration::from_secs(5), "the room outlived the gateway");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(arrived(&gateway).is_empty());
    arrives_once_after_restart(&mut gateway, &receipt);
    assert_eq!(events(&gateway, "interrupted_jobs_taken_back"), 1, "{}", gateway.log());
}

fn arrives_once_after_restart(gateway: &mut Gateway, receipt: &str) {
    gateway.restart();
    assert!(text(&wait_for(gateway, receipt)).contains("keep-me"));
    serves(gateway, gateway.pid());
    assert!(gateway.stop(), "ends on SIGTERM");
    // All that was under way is done now, so a second one would be there.
    assert_eq!(arrived(gateway)[receipt].len(), 1);
    let check = gateway.command(&["audit", "verify"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
