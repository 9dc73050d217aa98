//! A gateway to be attacked, mails as they are written on the wire, and what must hold of all that leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Gateway, python_reads, submit};

pub const PATIENCE: Duration = Duration::from_secs(120);
pub const SENDER: &str = "sender@example.jp";
pub const RECIPIENT: &str = "staff@city.example.lg.jp";

/// A gateway whose next hop is a maildir, and what must hold of all that it writes there.
pub struct Target {
    pub gateway: Gateway,
    directory: tempfile::TempDir,
    pid: u32,
    /// Receipt of each mail in the maildir that was looked at, with its place.
    known: Mutex<BTreeMap<String, PathBuf>>,
}

/// One mail in the maildir.
pub struct Arrived {
    pub raw: String,
    pub read: Value,
}

impl Target {
    pub fn start(extra: &str) -> Target {
        let directory = tempfile::tempdir().expect("a directory");
        let gateway = Gateway::start(directory.path(), extra);
        let pid = gateway.pid();
        Target { gateway, directory, pid, known: Mutex::default() }
    }

    pub fn maildir(&self) -> PathBuf {
        self.directory.path().join("data/maildir/new")
    }

    /// Sends a mail that must be taken, and gives what arrives under its receipt.
    pub fn pass(&self, mail: &[u8]) -> Arrived {
        let receipt = self.accepted(mail);
        self.arrived(&receipt)
    }

    /// Sends a mail that must be taken, and gives its receipt.
    pub fn accepted(&self, mail: &[u8]) -> String {
        let (code, text) = submit(self.gateway.smtp, SENDER, &[RECIPIENT], mail).expect("the gateway answers");
        assert_eq!(code, 250, "{text}");
        text.trim().rsplit(' ').next().expect("a receipt").to_owned()
    }

    pub fn arrived(&self, receipt: &str) -> Arrived {
        checked(self.wait_for(receipt))
    }

    pub fn wait_for(&self, receipt: &str) -> Vec<u8> {
        let started = Instant::now();
        loop {
            if let Some(mail) = self.find(receipt) {
                return mail;
            }
            assert!(started.elapsed() < PATIENCE, "{receipt} did not arrive");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The mail under a receipt; each file of the maildir is looked at once.
    fn find(&self, receipt: &str) -> Option<Vec<u8>> {
        let mut known = self.known.lock().expect("lock");
        if !known.contains_key(receipt) {
            let seen: BTreeSet<PathBuf> = known.values().cloned().collect();
            let listing = fs::read_dir(self.maildir()).into_iter().flatten();
            for path in listing.map(|entry| entry.expect("entry").path()).filter(|path| !seen.contains(path)) {
                let mail = fs::read(&path).expect("read");
                let field =
                    head(&mail).lines().find_map(|line| line.strip_prefix("X-Misogi-Receipt: ").map(str::to_owned));
                let field = field.unwrap_or_else(|| panic!("no receipt: {}", String::from_utf8_lossy(&mail)));
                assert!(known.insert(field.clone(), path).is_none(), "{field} arrived twice");
            }
        }
        known.get(receipt).map(|path| fs::read(path).expect("read"))
    }

    /// The same process still serves, and nothing inside it panicked.
    pub fn still_serves(&self) {
        let ordinary = text_mail("ordinary", "after all that");
        let arrived = self.pass(ordinary.as_bytes());
        assert_eq!(arrived.read["subject"], "ordinary");
        assert!(arrived.text().contains("after all that"), "{}", arrived.raw);
        assert_eq!(self.gateway.pid(), self.pid);
        let log = self.gateway.log();
        assert!(!log.contains("panicked"), "{log}");
    }

    pub fn quarantine(&self) -> String {
        String::from_utf8_lossy(&self.gateway.command(&["quarantine", "ls", "--json"]).stdout).into_owned()
    }
}

impl Arrived {
    pub fn text(&self) -> &str {
        self.read["text"].as_str().unwrap_or_else(|| panic!("no text: {}", self.raw))
    }

    pub fn names(&self) -> Vec<&str> {
        let attachments = self.read["attachments"].as_array().expect("a list");
        attachments.iter().map(|attachment| attachment["name"].as_str().unwrap_or_default()).collect()
    }

    pub fn is_notice(&self) -> bool {
        self.text().contains("安全に作り直せなかったため、お渡しできません")
    }

    /// The words arrive, or word that they do not and why.
    pub fn says_or_gives_notice(&self, words: &str) {
        let text = self.text();
        assert!(
            text.contains(words) || self.is_notice() && text.contains("上限"),
            "neither `{words}` nor a notice: {text}"
        );
    }

    /// The words arrive.
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.text().contains(words), "no `{words}` in {}", self.text());
        self
    }
}

fn head(mail: &[u8]) -> String {
    let text = String::from_utf8_lossy(mail);
    text.split_once("\n\n").map_or(text.as_ref(), |(head, _)| head).to_owned()
}

/// What must hold of every mail that leaves, whatever came in.
fn checked(mail: Vec<u8>) -> Arrived {
    let read = python_reads(&mail);
    let raw = String::from_utf8(mail).expect("what leaves is UTF-8");
    // A maildir has the line ends of the system: a CR in it would be a bare one.
    let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    assert!(raw.chars().all(allowed), "control characters: {raw:?}");
    assert!(raw.lines().all(|line| line.len() <= 998), "lines beyond RFC 5322");
    assert_eq!(read["defects"], serde_json::json!([]), "{raw}");
    let head = head(raw.as_bytes());
    let mut seen = BTreeSet::new();
    for line in head.lines().filter(|line| !line.starts_with([' ', '\t'])) {
        let (name, _) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line}"));
        assert!(FIELDS.contains(&name.to_ascii_lowercase().as_str()), "a field that is not ours: {line}");
        // One for each part of the mail.
        assert!(seen.insert(name.to_ascii_lowercase()) || name == "X-Misogi-Part", "twice: {line}");
    }
    Arrived { raw, read }
}

/// All that the header of a mail may hold that a clean room wrote.
const FIELDS: [&str; 31] = [
    "from",
    "sender",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "auto-submitted",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "x-misogi-receipt",
    "x-misogi-verdict",
    "x-misogi-policy",
    "x-misogi-hops",
    "x-misogi-changes",
    "x-misogi-parts",
    "x-misogi-part",
    "received",
    "return-path",
    "delivered-to",
];

pub fn fields(subject: &str) -> String {
    format!(
        "From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\n\
         Message-ID: <hostile@example.jp>\r\nMIME-Version: 1.0\r\n"
    )
}

pub fn text_mail(subject: &str, text: &str) -> String {
    format!("{}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n", fields(subject))
}

/// A mail with a text part, and `parts` as they are between its boundaries.
pub fn mixed(text: &str, parts: &[String]) -> String {
    let mut mail = format!(
        "{}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n",
        fields("mixed")
    );
    for part in parts {
        write!(mail, "--b\r\n{part}\r\n").expect("written");
    }
    mail.push_str("--b--\r\n");
    mail
}

/// A small text file; `name` as it stands in the field, quotes included where it wants them.
pub fn attached(name: &str, content: &str) -> String {
    format!("Content-Type: text/plain\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{content}")
}

pub fn attached_bytes(name: &str, bytes: &[u8]) -> String {
    format!(
        "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}",
        base64(bytes)
    )
}

pub fn base64(bytes: &[u8]) -> String {
    pipe(Command::new("base64"), bytes).replace('\n', "\r\n").trim_end().to_owned()
}

fn pipe(mut command: Command, input: &[u8]) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is installed");
    let mut stdin = child.stdin.take().expect("stdin");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&input).expect("written"));
    let output = child.wait_with_output().expect("ends");
    writer.join().expect("written");
    String::from_utf8(output.stdout).expect("ASCII")
}

/// A file that a Python script writes to its standard output.
pub fn python_makes(script: &str) -> Vec<u8> {
    let output = Command::new("python3").args(["-c", script]).output().expect("python3 is installed (./test)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
