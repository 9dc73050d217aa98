//! A gateway whose disk fills up: it says so to who sends, loses nothing that it has taken, and goes on by itself once there is room.
//!
//! The data directory is a small file system of its own, which takes the right to mount.

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

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::http::{upload, visit};
use support::{Client, Gateway, dot_stuffed, get, read_maildir, signal, submit};

const PATIENCE: Duration = Duration::from_secs(120);
const SENDER: &str = "sender@example.jp";
const RECIPIENT: &str = "staff@city.example.lg.jp";

/// Larger than the space that the store keeps free before it takes mail (256 MiB), and not by much.
const DISK_MIB: u64 = 320;

/// A file system in memory, gone with the value.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn mount(path: PathBuf) -> Disk {
        fs::create_dir(&path).expect("made");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={DISK_MIB}m,mode=700"), "tmpfs"])
            .arg(&path)
            .output()
            .expect("mount is installed");
        assert!(
            output.status.success(),
            "this test mounts a tmpfs and has to run as root with CAP_SYS_ADMIN: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Disk { path }
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Fills the disk until only `left` bytes are free.
    fn fill(&self, left: u64) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.ballast()).expect("opened");
        // The gateway writes meanwhile, so what is free is asked again and again.
        loop {
            let missing = free(&self.path).saturating_sub(left);
            if missing == 0 {
                return;
            }
            let chunk = vec![0; usize::try_from(missing.min(16 << 20)).expect("16 MiB")];
            if let Err(error) = file.write_all(&chunk) {
                assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
                return;
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that a test that failed with open files leaves no mount behind.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn free(path: &Path) -> u64 {
    let output = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(path).output().expect("stat runs");
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().expect("a number"));
    numbers.next().expect("blocks") * numbers.next().expect("bytes")
}

/// A gateway in a directory of its own, its data on the small disk. Fields are dropped in this order.
struct Small {
    gateway: Gateway,
    disk: Disk,
    next: PathBuf,
    _directory: tempfile::TempDir,
}

impl Small {
    fn start(extra: &str) -> Small {
        let directory = tempfile::tempdir().expect("a directory");
        // The next hop has its own disk: what is tried here is ours.
        let next = directory.path().join("next");
        let disk = Disk::mount(directory.path().join("data"));
        let gateway = Gateway::start(
            directory.path(),
            &format!("[delivery]\nnext_hop = \"maildir:{}\"\n{extra}", next.display()),
        );
        Small { gateway, disk, next: next.join("new"), _directory: directory }
    }

    fn send(&self, subject: &str, bytes: usize) -> std::io::Result<u16> {
        let line = "words that take space on the disk of the gateway\r\n";
        let body = line.repeat(bytes / line.len() + 1);
        let mail = format!("From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: {subject}\r\n\r\n{body}");
        submit(self.gateway.smtp, SENDER, &[RECIPIENT], mail.as_bytes()).map(|reply| reply.0)
    }

    fn subjects(&self) -> Vec<String> {
        let mails = read_maildir(&self.next);
        let subject = |mail: Vec<u8>| {
            let text = String::from_utf8(mail).expect("text");
            text.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned)).expect("a subject")
        };
        mails.into_iter().map(subject).collect()
    }

    /// Waits for exactly these mails, and a little longer for one too many.
    fn wait_for_all(&self, expected: &BTreeSet<String>) {
        let started = Instant::now();
        loop {
            let arrived: BTreeSet<String> = self.subjects().into_iter().collect();
            if arrived.is_superset(expected) {
                break;
            }
            let missing: Vec<_> = expected.difference(&arrived).collect();
            assert!(started.elapsed() < PATIENCE, "lost: {missing:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        std::thread::sleep(Duration::from_secs(1));
        let mut arrived = self.subjects();
        arrived.sort();
        assert_eq!(arrived, expected.iter().cloned().collect::<Vec<_>>(), "once each, and nothing that was refused");
    }

    /// Sends until it is taken again: the gateway must find out by itself.
    fn takes_mail_again(&self, subject: &str) {
        let started = Instant::now();
        while self.send(subject, 100).ok() != Some(250) {
            assert!(started.elapsed() < PATIENCE, "no mail is taken though there is room");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// There is room again: new mail is taken, and all that was taken before arrives with it.
    fn goes_on_after(self, mut taken: BTreeSet<String>) {
        self.takes_mail_again("after");
        taken.insert("after".to_owned());
        self.wait_for_all(&taken);
        self.ends_soundly();
    }

    /// No half-written file, a whole audit, and an end without complaint.
    fn ends_soundly(mut self) {
        let incoming = fs::read_dir(self.disk.path.join("incoming")).expect("listed");
        let begun: Vec<PathBuf> = incoming.map(|entry| entry.expect("entry").path()).collect();
        assert!(begun.is_empty(), "left over: {begun:?}");
        assert!(self.gateway.stop(), "ends on SIGTERM");
        let check = self.gateway.command(&["audit", "verify"]);
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
        assert!(!self.gateway.log().contains("panicked"), "{}", self.gateway.log());
    }
}

#[test]
fn below_the_reserve_new_mail_is_refused_with_452_and_what_was_taken_arrives() {
    let small = Small::start("");
    let mut taken = BTreeSet::new();
    for number in 0..5 {
        assert_eq!(small.send(&format!("before-{number}"), 200_000).expect("a reply"), 250);
        taken.insert(format!("before-{number}"));
    }
    small.disk.fill(100 << 20);
    for bytes in [100, 200_000, 5_000_000] {
        assert_eq!(small.send("refused", bytes).expect("a reply"), 452);
    }
    let (status, _) = get(small.gateway.admin, "/readyz");
    assert_eq!(status, 503, "a gateway that takes no mail is not ready");
    small.disk.make_room();
    small.goes_on_after(taken);
}

#[test]
fn below_the_reserve_uploads_are_told_when_to_come_again_and_pass_once_there_is_room() {
    let small = Small::start("");
    let portal = small.gateway.portal;
    let (cookie, token) = visit(portal, "/");
    let by_page =
        |bytes: usize| upload(portal, "/upload", &cookie, &[("form_token", &token)], ("plan.txt", &vec![b'a'; bytes]));
    let by_interface = |bytes: usize| upload(portal, "/api/v1/files", "", &[], ("plan.txt", &vec![b'a'; bytes]));
    assert_eq!(by_page(100).status, 303, "there is room, and the page leads on to the result");
    small.disk.fill(100 << 20);
    for bytes in [100, 200_000, 5_000_000] {
        for answer in [by_page(bytes), by_interface(bytes)] {
            assert_eq!(answer.status, 503, "{bytes}: {}", answer.text());
            // RFC 9110 10.2.3
            let later = answer.field("retry-after").and_then(|later| later.parse::<u32>().ok());
            assert!(later.is_some_and(|seconds| seconds > 0), "{}", answer.head);
        }
    }
    assert_eq!(by_interface(100).json()["reason_code"], "busy");
    small.disk.make_room();
    let started = Instant::now();
    while by_interface(100).status != 202 {
        assert!(started.elapsed() < PATIENCE, "no file is taken though there is room");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(by_page(5_000_000).status, 303);
    small.ends_soundly();
}

#[test]
fn a_disk_without_a_free_byte_answers_45x_and_loses_no_mail_that_was_taken() {
    // Without an answer of the scanner, mails stay where they are: taken, and still to be converted when the disk is full.
    let small = Small::start("[scanner]\nclamd = \"unix:/nonexistent/clamd.sock\"");
    let mut taken = BTreeSet::new();
    for number in 0..20 {
        // Some lie in the database, some in files of their own.
        let bytes = if number % 2 == 0 { 500 } else { 200_000 };
        assert_eq!(small.send(&format!("waits-{number}"), bytes).expect("a reply"), 250);
        taken.insert(format!("waits-{number}"));
    }
    small.disk.fill(0);
    for bytes in [100, 60_000, 200_000, 5_000_000] {
        let code = small.send("refused", bytes).expect("a reply");
        assert!(matches!(code, 451 | 452), "{code}");
    }
    // Killed with a full disk, and started with a full disk: what lies there must still be there afterwards.
    let Small { mut gateway, disk, next, _directory } = small;
    gateway.kill();
    disk.make_room();
    let config = fs::read_to_string(&gateway.config).expect("read");
    let config = config.split("[scanner]").next().expect("the rest").to_owned();
    fs::write(&gateway.config, config).expect("written");
    gateway.restart();
    let small = Small { gateway, disk, next, _directory };
    small.goes_on_after(taken);
}

#[test]
fn a_disk_that_fills_while_mails_are_converted_delays_them_and_loses_none() {
    let small = Small::start("");
    let mut taken = BTreeSet::new();
    // Mails keep coming while the disk goes from room enough to none.
    std::thread::scope(|scope| {
        let filling = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            small.disk.fill(0);
        });
        let mut number = 0;
        let started = Instant::now();
        while !filling.is_finished() || started.elapsed() < Duration::from_secs(2) {
            let subject = format!("during-{number}");
            number += 1;
            match small.send(&subject, if number % 3 == 0 { 300_000 } else { 2000 }).expect("a reply") {
                250 => drop(taken.insert(subject)),
                code => assert!(matches!(code, 451 | 452), "{code}"),
            }
        }
        filling.join().expect("filled");
    });
    assert!(!taken.is_empty());
    std::thread::sleep(Duration::from_secs(1));
    small.disk.make_room();
    small.goes_on_after(taken);
}

#[test]
fn a_result_that_finds_no_space_is_made_again_and_the_mail_arrives_once() {
    let small = Small::start("");
    let body = "<p>words <a href='http://a.example/'>and a link</a>\r\n".repeat(200_000);
    let mail = format!("From: {SENDER}\r\nSubject: large\r\nContent-Type: text/html\r\n\r\n{body}");
    let reply = submit(small.gateway.smtp, SENDER, &[RECIPIENT], mail.as_bytes()).expect("a reply");
    assert_eq!(reply.0, 250, "{}", reply.1);
    // The room is held until there is no space for what it makes.
    let room = small.gateway.busy_room();
    signal(room, "STOP");
    small.disk.fill(0);
    signal(room, "CONT");
    let started = Instant::now();
    while !small.gateway.log().contains("outcome_not_recorded") {
        assert!(started.elapsed() < PATIENCE, "the outcome was recorded on a full disk");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Long enough for the job not to be given back either.
    std::thread::sleep(Duration::from_secs(1));
    small.disk.make_room();
    small.wait_for_all(&BTreeSet::from(["large".to_owned()]));
    small.ends_soundly();
}

#[test]
fn a_disk_that_fills_in_the_middle_of_a_message_answers_45x_at_its_end() {
    let small = Small::start("");
    let mut client = Client::connect(small.gateway.smtp).expect("connected");
    client.command("EHLO client.test").expect("a reply");
    client.command(&format!("MAIL FROM:<{SENDER}>")).expect("a reply");
    client.command(&format!("RCPT TO:<{RECIPIENT}>")).expect("a reply");
    assert_eq!(client.command("DATA").expect("a reply").0, 354);
    client.send(b"Subject: half\r\n\r\n").expect("sent");
    let chunk = "more words of the same mail\r\n".repeat(10_000);
    client.send(chunk.as_bytes()).expect("sent");
    small.disk.fill(0);
    for _ in 0..20 {
        client.send(chunk.as_bytes()).expect("sent");
    }
    client.send(&dot_stuffed(b"end\r\n")).expect("sent");
    let reply = client.reply().expect("a reply");
    assert!(matches!(reply.0, 451 | 452), "{}", reply.1);
    small.disk.make_room();
    // The same connection goes on.
    client.command(&format!("MAIL FROM:<{SENDER}>")).expect("a reply");
    client.command(&format!("RCPT TO:<{RECIPIENT}>")).expect("a reply");
    client.command("DATA").expect("a reply");
    client.send(&dot_stuffed(b"Subject: again\r\n\r\nwords\r\n")).expect("sent");
    let reply = client.reply().expect("a reply");
    assert_eq!(reply.0, 250, "{}", reply.1);
    small.wait_for_all(&BTreeSet::from(["again".to_owned()]));
    small.ends_soundly();
}
