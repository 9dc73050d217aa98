//! A real clamd with signatures of the tests' own: infected parts are withheld, and a scanner that is away makes mail wait.

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

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Gateway, python_reads, read_maildir, submit, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

/// What the tests' signature matches.
const MARKER: &str = "MISOGI-TEST-VIRUS";

/// The EICAR test file, in two halves so that this source is not one.
const EICAR: [&str; 2] = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"];

/// Debian's clamd on a socket of its own.
struct Clamd {
    directory: PathBuf,
    child: Option<Child>,
}

impl Clamd {
    fn new(directory: &Path) -> Clamd {
        let database = directory.join("database");
        fs::create_dir_all(&database).expect("made");
        let marker: String = MARKER.bytes().map(|byte| format!("{byte:02x}")).collect();
        fs::write(database.join("own.ndb"), format!("Misogi.Test.Marker:0:*:{marker}\n")).expect("written");
        // MD5 and size of the EICAR file are published with it.
        fs::write(database.join("own.hdb"), "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n").expect("written");
        let configuration = format!(
            "Foreground yes\nLocalSocket {0}/clamd.sock\nDatabaseDirectory {0}/database\nLogFile {0}/clamd.log\n\
             PidFile {0}/clamd.pid\nStreamMaxLength 20M\n",
            directory.display()
        );
        fs::write(directory.join("clamd.conf"), configuration).expect("written");
        Clamd { directory: directory.to_owned(), child: None }
    }

    fn start(&mut self) {
        let child = Command::new("clamd")
            .arg("-c")
            .arg(self.directory.join("clamd.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("clamd is installed (./test)");
        self.child = Some(child);
        let started = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            let log = fs::read_to_string(self.directory.join("clamd.log")).unwrap_or_default();
            assert!(started.elapsed() < PATIENCE, "clamd: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("clamd.sock")
    }

    fn setting(&self) -> String {
        format!("[scanner]\nclamd = \"unix:{}\"\n", self.socket().display())
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn mail_with(subject: &str, name: &str, content: &str) -> Vec<u8> {
    format!(
        "From: a@example.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nwords of {subject}\r\n\
         --b\r\nContent-Type: text/plain; name={name}\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{content}\r\n\
         --b\r\nContent-Type: text/plain; name=good.txt\r\nContent-Disposition: attachment; filename=good.txt\r\n\r\nfine\r\n--b--\r\n"
    )
    .into_bytes()
}

fn send(gateway: &Gateway, mail: &[u8]) {
    let reply = submit(gateway.smtp, "a@example.jp", &["staff@city.example.lg.jp"], mail).expect("submitted");
    assert_eq!(reply.0, 250, "{}", reply.1);
}

#[test]
fn an_infected_attachment_is_withheld_and_named_and_the_rest_arrives() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut clamd = Clamd::new(directory.path());
    clamd.start();
    let gateway = Gateway::start(directory.path(), &clamd.setting());
    send(&gateway, &mail_with("first", "bad.txt", MARKER));
    let eicar = EICAR.concat();
    send(&gateway, &mail_with("second", "eicar.com.txt", &eicar));
    let mails = wait_for(&gateway.directory.join("data/maildir/new"), 2, PATIENCE);
    for (subject, signature) in [("first", "Misogi.Test.Marker"), ("second", "Eicar-Test")] {
        let read = mails.iter().map(|mail| python_reads(mail)).find(|read| read["subject"] == subject);
        let read = read.expect("both mails arrive");
        let text = read["text"].as_str().expect("text");
        assert!(text.contains(&format!("words of {subject}")), "{text}");
        assert!(text.contains("ウイルス") && text.contains(signature), "{text}");
        let attachments = read["attachments"].as_array().expect("a list");
        assert_eq!(attachments.len(), 1, "{read}");
        assert_eq!(attachments[0]["name"], "good.txt");
    }
}

#[test]
fn mail_waits_while_the_scanner_is_away_and_arrives_when_it_is_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut clamd = Clamd::new(directory.path());
    let gateway = Gateway::start(directory.path(), &clamd.setting());
    send(&gateway, &mail_with("patience", "notes.txt", "harmless"));
    let maildir = gateway.directory.join("data/maildir/new");
    std::thread::sleep(Duration::from_secs(3));
    assert!(read_maildir(&maildir).is_empty(), "nothing passes unscanned");
    let queue = String::from_utf8_lossy(&gateway.command(&["queue"]).stdout).into_owned();
    assert!(queue.contains("scanner"), "the queue says what it waits for: {queue}");
    let (status, ready) = support::get(gateway.admin, "/readyz");
    assert_eq!(status, 200, "mail is still taken: {ready}");
    assert!(ready.contains(r#"{"name":"scanner","status":"degraded""#), "and people are told: {ready}");
    clamd.start();
    let mails = wait_for(&maildir, 1, PATIENCE);
    assert_eq!(python_reads(&mails[0])["attachments"].as_array().expect("a list").len(), 2);
}
