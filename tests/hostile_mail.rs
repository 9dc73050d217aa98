//! Mails built to hurt, sent to a real gateway: each arrives as text with an account, or as a notice, or is refused at SMTP with the
//! right code. Nothing crashes, nothing is dropped silently, and an ordinary mail passes afterwards.

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
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Client, Gateway, dot_stuffed, fixture, python_reads, read_maildir, submit};

const PATIENCE: Duration = Duration::from_secs(120);
const SENDER: &str = "sender@example.jp";
const RECIPIENT: &str = "staff@city.example.lg.jp";

/// Connections that one peer may have by default (`smtp.max_connections_per_peer`).
const PER_PEER: usize = 50;

/// A gateway whose next hop is a maildir, and what must hold of all that it writes there.
struct Target {
    gateway: Gateway,
    directory: tempfile::TempDir,
    pid: u32,
    /// Receipt of each mail in the maildir that was looked at, with its place.
    known: Mutex<BTreeMap<String, PathBuf>>,
}

/// One mail in the maildir.
struct Arrived {
    raw: String,
    read: Value,
}

impl Target {
    fn start(extra: &str) -> Target {
        let directory = tempfile::tempdir().expect("a directory");
        let gateway = Gateway::start(directory.path(), extra);
        let pid = gateway.pid();
        Target { gateway, directory, pid, known: Mutex::default() }
    }

    fn maildir(&self) -> PathBuf {
        self.directory.path().join("data/maildir/new")
    }

    /// Sends a mail that must be taken, and gives what arrives under its receipt.
    fn pass(&self, mail: &[u8]) -> Arrived {
        let receipt = self.accepted(mail);
        self.arrived(&receipt)
    }

    /// Sends a mail that must be taken, and gives its receipt.
    fn accepted(&self, mail: &[u8]) -> String {
        let (code, text) = submit(self.gateway.smtp, SENDER, &[RECIPIENT], mail).expect("the gateway answers");
        assert_eq!(code, 250, "{text}");
        text.trim().rsplit(' ').next().expect("a receipt").to_owned()
    }

    fn arrived(&self, receipt: &str) -> Arrived {
        checked(self.wait_for(receipt))
    }

    fn wait_for(&self, receipt: &str) -> Vec<u8> {
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
    fn still_serves(&self) {
        let ordinary = text_mail("ordinary", "after all that");
        let arrived = self.pass(ordinary.as_bytes());
        assert_eq!(arrived.read["subject"], "ordinary");
        assert!(arrived.text().contains("after all that"), "{}", arrived.raw);
        assert_eq!(self.gateway.pid(), self.pid);
        let log = self.gateway.log();
        assert!(!log.contains("panicked"), "{log}");
    }

    fn quarantine(&self) -> String {
        String::from_utf8_lossy(&self.gateway.command(&["quarantine", "ls", "--json"]).stdout).into_owned()
    }
}

impl Arrived {
    fn text(&self) -> &str {
        self.read["text"].as_str().unwrap_or_else(|| panic!("no text: {}", self.raw))
    }

    fn names(&self) -> Vec<&str> {
        let attachments = self.read["attachments"].as_array().expect("a list");
        attachments.iter().map(|attachment| attachment["name"].as_str().unwrap_or_default()).collect()
    }

    fn is_notice(&self) -> bool {
        self.text().contains("安全に作り直せなかったため、お渡しできません")
    }

    /// The words arrive, or word that they do not and why.
    fn says_or_gives_notice(&self, words: &str) {
        let text = self.text();
        assert!(
            text.contains(words) || self.is_notice() && text.contains("上限"),
            "neither `{words}` nor a notice: {text}"
        );
    }

    /// The words arrive.
    fn says(&self, words: &str) -> &Self {
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

fn fields(subject: &str) -> String {
    format!(
        "From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\n\
         Message-ID: <hostile@example.jp>\r\nMIME-Version: 1.0\r\n"
    )
}

fn text_mail(subject: &str, text: &str) -> String {
    format!("{}Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n", fields(subject))
}

/// A mail with a text part, and `parts` as they are between its boundaries.
fn mixed(text: &str, parts: &[String]) -> String {
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
fn attached(name: &str, content: &str) -> String {
    format!("Content-Type: text/plain\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{content}")
}

fn attached_bytes(name: &str, bytes: &[u8]) -> String {
    format!(
        "Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}",
        base64(bytes)
    )
}

fn base64(bytes: &[u8]) -> String {
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
fn python_makes(script: &str) -> Vec<u8> {
    let output = Command::new("python3").args(["-c", script]).output().expect("python3 is installed (./test)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn malformed_mime_arrives_as_text_or_as_a_notice() {
    let target = Target::start("");
    let with = |head: &str, body: &str| format!("{}{head}\r\n\r\n{body}\r\n", fields("malformed"));
    let broken = [
        ("no closing boundary", with("Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\nkeep-me")),
        ("no boundary parameter", with("Content-Type: multipart/mixed", "keep-me")),
        ("a boundary that never comes", with("Content-Type: multipart/mixed; boundary=zz", "keep-me")),
        ("no type at all", with("Content-Type:", "keep-me")),
        ("rubbish as type", with("Content-Type: ;;;=;\"((", "keep-me")),
        ("a quote that never ends", with("Content-Type: text/plain; charset=\"utf-8", "keep-me")),
        ("an unknown charset", with("Content-Type: text/plain; charset=x-no-such", "keep-me")),
        ("an unknown encoding", with("Content-Transfer-Encoding: x-rot13", "keep-me")),
        ("base64 that is none", with("Content-Transfer-Encoding: base64", "keep-me is not base64, is it?")),
        ("escapes that are none", with("Content-Transfer-Encoding: quoted-printable", "keep-me =ZZ =\r\n=4")),
        ("lines that are no fields", with("no colon here\r\n: no name here", "keep-me")),
        (
            "a part that is only a header",
            with("Content-Type: multipart/mixed; boundary=b", "--b\r\nX: y\r\n--b\r\n\r\nkeep-me\r\n--b--"),
        ),
        (
            "text around the parts",
            with("Content-Type: multipart/mixed; boundary=b", "before\r\n--b\r\n\r\nkeep-me\r\n--b--\r\nafter"),
        ),
        (
            "closed twice",
            with("Content-Type: multipart/mixed; boundary=b", "--b\r\n\r\nkeep-me\r\n--b--\r\n--b--\r\n--b--"),
        ),
        ("comments in comments", with(&format!("Content-Type: text/plain {}", "(".repeat(5000)), "keep-me")),
        ("no header", "\r\nkeep-me\r\n".to_owned()),
        ("no empty line", format!("{}keep-me\r\n", fields("malformed"))),
    ];
    for (what, mail) in &broken {
        let arrived = target.pass(mail.as_bytes());
        assert!(arrived.text().contains("keep-me"), "{what}: {}", arrived.raw);
    }
    // Nothing in it that could arrive, and it arrives all the same.
    for empty in ["", "\r\n", "Subject: only\r\n"] {
        target.pass(empty.as_bytes());
    }
    let mut binary = fields("binary").into_bytes();
    binary.extend_from_slice(b"Content-Type: text/plain\r\n\r\nkeep-me ");
    binary.extend((0..=255).filter(|byte| !b"\r\n".contains(byte)).cycle().take(20_000));
    binary.extend_from_slice(b"\r\n");
    target.pass(&binary);
    target.still_serves();
}

#[test]
fn an_endless_header_costs_fields_and_never_the_text() {
    let target = Target::start("");
    let many: String = (0..200_000).fold(String::new(), |mut all, n| {
        write!(all, "X-Field-{n}: {n}\r\n").expect("written");
        all
    });
    let folded = format!("X-Long: a\r\n{}", " more of the same field\r\n".repeat(200_000));
    let addresses = format!("Cc: {}x@example.jp\r\n", "someone@example.jp,\r\n ".repeat(100_000));
    let references = format!("References: {}\r\n", "<id@example.jp>\r\n ".repeat(100_000).trim_end());
    let one_line = format!("X-Line: {}\r\n", "a".repeat(1_000_000));
    let groups = format!("Reply-To: {}\r\n", "g:a@example.jp;,\r\n ".repeat(50_000).trim_end());
    for block in [many, folded, addresses, references, one_line, groups] {
        let mail = format!("{block}{}\r\nkeep-me\r\n", fields("endless"));
        target.pass(mail.as_bytes()).says_or_gives_notice("keep-me");
        let mail = format!("{}{block}\r\nkeep-me\r\n", fields("endless"));
        target.pass(mail.as_bytes()).says_or_gives_notice("keep-me");
    }
    target.still_serves();
}

#[test]
fn of_ten_thousand_parts_the_first_arrive_and_the_rest_is_told() {
    let target = Target::start("");
    let parts: Vec<String> = (0..10_000).map(|n| attached(&format!("f{n}.txt"), "x")).collect();
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("数が多すぎます");
    assert!(arrived.names().len() >= 900, "{}", arrived.names().len());
    // As texts without a name, as empty parts, and as boundaries with nothing between.
    for part in ["\r\nmore", "", "Content-Type: image/png\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n"] {
        let arrived = target.pass(mixed("keep-me", &vec![part.to_owned(); 10_000]).as_bytes());
        arrived.says("keep-me").says("数が多すぎます");
    }
    target.still_serves();
}

#[test]
fn a_thousand_attachments_arrive_and_one_that_does_not_is_named() {
    let target = Target::start("");
    let mut parts: Vec<String> = (1..=990).map(|n| attached(&format!("f{n}.txt"), &format!("content {n}"))).collect();
    parts[500] = attached_bytes("bad.exe", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00");
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("bad.exe").says("安全に作り直せない形式");
    let names = arrived.names();
    assert_eq!(names.len(), 989, "all but one");
    assert_eq!((names[0], names[988]), ("f1.txt", "f990.txt"));
    // Ten more than a mail may have.
    let parts: Vec<String> = (1..=1009).map(|n| attached(&format!("f{n}.txt"), "x")).collect();
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("数が多すぎます");
    assert!(arrived.names().len() >= 990, "{}", arrived.names().len());
    target.still_serves();
}

#[test]
fn pdf_objects_nested_without_end_and_tables_in_circles_cost_that_file_and_nothing_else() {
    let pdf = |first: &str, trailer: &str| {
        let mut file = format!("%PDF-1.7\n1 0 obj\n{first}\nendobj\n");
        let table = file.len();
        write!(
            file,
            "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<</Size 2/Root 1 0 R{}>>\nstartxref\n{table}\n%%EOF\n",
            trailer.replace("TABLE", &table.to_string())
        )
        .expect("written");
        file.into_bytes()
    };
    let deep = |open: &str, close: &str| {
        format!("<</Type/Catalog/Pages 2 0 R/X {}{}>>", open.repeat(20_000), close.repeat(20_000))
    };
    let target = Target::start("");
    let parts = [
        attached_bytes("arrays.pdf", &pdf(&deep("[", "]"), "")),
        attached_bytes("dictionaries.pdf", &pdf(&deep("<</A", ">>"), "")),
        attached_bytes("circle.pdf", &pdf("<</Type/Catalog/Pages 2 0 R>>", "/Prev TABLE")),
        attached_bytes("itself.pdf", &pdf("<</Type/Catalog/Pages 1 0 R/Kids[1 0 R]>>", "/Prev TABLE/XRefStm TABLE")),
        attached("good.txt", "fine"),
    ];
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("arrays.pdf").says("dictionaries.pdf").says("circle.pdf").says("itself.pdf");
    assert_eq!(arrived.names(), ["good.txt"]);
    target.still_serves();
}

#[test]
fn two_hundred_levels_of_nesting_end_at_the_limit_and_are_told() {
    let target = Target::start("");
    let mut nested = fields("nested");
    nested.push_str("Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\n\r\nkeep-me\r\n--b0\r\n");
    for level in 1..=200 {
        write!(nested, "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n").expect("written");
    }
    nested.push_str("\r\ndeepest\r\n");
    for level in (0..=200).rev() {
        write!(nested, "--b{level}--\r\n").expect("written");
    }
    let arrived = target.pass(nested.as_bytes());
    arrived.says("keep-me").says("ファイルが何重にもまとめられています");
    assert_eq!(arrived.read["verdict"], "partly-withheld");

    // Attached mails, each with words of its own, one in the other.
    let mut mail = text_mail("innermost", "deepest");
    for level in (0..200).rev() {
        mail = format!(
            "{}Content-Type: multipart/mixed; boundary=m{level}\r\n\r\n--m{level}\r\n\r\nlevel-{level}-words\r\n--m{level}\r\n\
             Content-Type: message/rfc822\r\n\r\n{mail}\r\n--m{level}--\r\n",
            fields(&format!("level {level}"))
        );
    }
    let arrived = target.pass(mail.as_bytes());
    arrived.says("level-0-words").says("ファイルが何重にもまとめられています");
    let inner = arrived.read["texts"].to_string();
    assert!(inner.contains("level-7-words") && !inner.contains("level-9-words"), "{inner}");
    assert_eq!(arrived.read["verdict"], "partly-withheld");

    // Nothing but nesting, without any text: two bytes short of nothing at each level.
    let bare = format!("{}{}", fields("bare"), "Content-Type: message/rfc822\r\n\r\n".repeat(200));
    target.pass(bare.as_bytes()).says("ファイルが何重にもまとめられています");
    let bare = format!("{}{}", fields("bare"), "Content-Type: message/rfc822\r\n\r\n".repeat(100_000));
    target.pass(bare.as_bytes());
    target.still_serves();
}

#[test]
fn nul_bytes_are_removed_and_told() {
    let target = Target::start("");
    let mail = "From: a\0b <sender@example.jp>\r\nTo: staff@city.example.lg.jp\r\nSubject: nu\0l\0\r\nX\0Y: z\r\n\
        Content-Type: text/plain; charset=\"utf-8\0\"\r\n\r\nkeep\0-me\0\0\r\n\0\r\n.\0\r\n";
    let arrived = target.pass(mail.as_bytes());
    arrived.says("keep-me").says("制御文字");
    assert!(arrived.read["subject"].as_str().is_some_and(|subject| subject.starts_with("nul")), "{}", arrived.read);
    let parts = [attached("\"na\0me.txt\"", "inside"), attached("\"a.txt\0.exe\"", "x")];
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("ファイル名を直しました").says("拡張子が二重でした");
    assert_eq!(arrived.names(), ["name.txt", "a.txt.exe.txt"]);
    // No text has a NUL, so an attachment with one is something else under the name of a text.
    let parts = [attached("\"data.txt\"", "in\0side"), attached("\"good.txt\"", "fine")];
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me").says("data.txt").says("安全に作り直せない形式");
    assert_eq!(arrived.names(), ["good.txt"]);
    // A type that C programs read in another way than others is not taken for the one they read.
    let mail = format!("{}Content-Type: text/pla\0in\r\n\r\nkeep-me\r\n", fields("type"));
    assert_eq!(target.pass(mail.as_bytes()).says("作り直しました").names(), ["添付ファイル1.txt"]);
    // As a command they are no SMTP.
    let mut client = Client::connect(target.gateway.smtp).expect("connected");
    assert_eq!(client.command("EHLO a\0b").expect("a reply").0, 500);
    target.still_serves();
}

#[test]
fn line_ends_smuggled_into_header_values_make_no_field() {
    let target = Target::start("");
    let evil = "x\r\nBcc: victim@example.jp\r\nX-Injected: 1\r\n\r\n<script>body</script>";
    let base64 = base64(evil.as_bytes()).replace("\r\n", "");
    let quoted = "x=0D=0ABcc:_victim@example.jp=0D=0AX-Injected:_1=0D=0A=0D=0Abody";
    let percent = "x%0D%0ABcc:%20victim@example.jp%0D%0AX-Injected:%201%0D%0A%0D%0Abody.txt";
    let words = [
        format!("=?utf-8?B?{base64}?="),
        format!("=?utf-8?Q?{quoted}?="),
        format!("=?utf-8?Q?{quoted}?=\r\n =?utf-8?B?{base64}?="),
    ];
    for word in &words {
        let mail = format!(
            "From: {word} <{SENDER}>\r\nSender: {word}\r\nTo: {word} <{RECIPIENT}>, \"{word}\"@example.jp\r\n\
             Cc: {word}: {word} <cc@example.jp>;\r\nReply-To: \"{word}\" <{word}@example.jp>\r\nSubject: {word}\r\n\
             Message-ID: <{word}@example.jp>\r\nIn-Reply-To: <a@{word}>\r\nReferences: {word}\r\nList-Id: {word} <l.example.jp>\r\n\
             Auto-Submitted: auto-replied; {word}\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900 {word}\r\n\
             Authentication-Results: gateway.test; dkim=pass\r\nX-Misogi-Verdict: sanitised\r\nX-Misogi-Receipt: 20260101-AAAAA\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Type: text/plain\r\n\r\nkeep-me\r\n--b\r\nContent-Type: text/plain; name*=utf-8''{percent}\r\n\
             Content-Disposition: attachment; filename*=utf-8''{percent}\r\n\r\none\r\n--b\r\n\
             Content-Type: text/plain; name=\"{word}\"\r\nContent-ID: <{word}>\r\nContent-Disposition: attachment; filename=\"{word}\"\r\n\r\ntwo\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: {word}\r\nFrom: {word} <a@example.jp>\r\n\r\ninner\r\n--b--\r\n"
        );
        // `checked` has looked at each field; what is left is that no part got one either.
        let arrived = target.pass(mail.as_bytes());
        arrived.says("keep-me");
        assert!(
            !arrived.raw.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("X-Injected")),
            "{}",
            arrived.raw
        );
        assert!(!arrived.raw.contains("dkim=pass") && !arrived.raw.contains("20260101-AAAAA"), "{}", arrived.raw);
        assert_eq!(arrived.names().len(), 3, "{}", arrived.raw);
    }
    for address in ["a\rb@example.jp", "<a@example.jp>\nRCPT TO:<b@example.jp", "a@example.jp> SIZE=1\n"] {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        client.command("EHLO client.test").expect("a reply");
        let reply = client.command(&format!("MAIL FROM:<{address}>")).expect("a reply");
        assert_eq!(reply.0 / 100, 5, "{address:?}: {}", reply.1);
    }
    target.still_serves();
}

#[test]
fn a_line_of_a_hundred_megabytes_is_refused_at_smtp() {
    let target = Target::start("");
    let offer = |parameter: &str| {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        client.command("EHLO client.test").expect("a reply");
        let reply = client.command(&format!("MAIL FROM:<{SENDER}>{parameter}")).expect("a reply");
        (client, reply)
    };
    // Announced: refused before a byte of it is sent.
    let (_, reply) = offer(" SIZE=104857600");
    assert_eq!(reply.0, 552, "{}", reply.1);
    // Not announced: refused at the end of the data, or the connection is closed with that answer.
    let (mut client, _) = offer("");
    client.command(&format!("RCPT TO:<{RECIPIENT}>")).expect("a reply");
    assert_eq!(client.command("DATA").expect("a reply").0, 354);
    client.send(fields("long").as_bytes()).expect("sent");
    client.send(b"\r\n").expect("sent");
    let megabyte = vec![b'a'; 1 << 20];
    let sent = (0..100).try_for_each(|_| client.send(&megabyte)).and_then(|()| client.send(b"\r\n.\r\n"));
    match client.reply() {
        Ok(reply) => assert!(matches!(reply.0, 552 | 554), "{}", reply.1),
        Err(error) => assert!(sent.is_err(), "closed without a word: {error}"),
    }
    // Within the size of a message, and still no line of text.
    let long = format!("{}\r\n{}\r\n", fields("long"), "a".repeat(20 << 20));
    let reply = submit(target.gateway.smtp, SENDER, &[RECIPIENT], long.as_bytes()).expect("a reply");
    assert_eq!(reply.0, 554, "{}", reply.1);
    // As long as a line may be: it arrives, and what leaves has lines that every server takes.
    let long = format!("{}\r\nkeep-me {}\r\n", fields("long"), "a".repeat((1 << 20) - 100));
    let arrived = target.pass(long.as_bytes());
    assert!(arrived.text().contains("keep-me") && arrived.text().len() > (1 << 20) - 100, "{}", arrived.text().len());
    assert!(read_maildir(&target.maildir()).len() == 1, "of what was refused nothing arrives");
    target.still_serves();
}

#[test]
fn names_that_lie_are_made_plain_and_told() {
    let target = Target::start("");
    let long = "あ".repeat(1000);
    // What is sent, and what may be left of it.
    let names = [
        ("\"report\u{202e}txt.csv\"", "reporttxt.csv"),
        ("\"inv\u{200b}oice\u{feff}.txt\"", "invoice.txt"),
        ("\"be\u{7}ll\u{1b}[31m.txt\"", "bell[31m.txt"),
        ("\"tab\tname.txt\"", "tab name.txt"),
        ("\"a.txt:stream\"", ""),
        ("\"../../etc/passwd.txt\"", ""),
        ("\"C:\\\\Windows\\\\win.txt\"", ""),
        ("\"a<b>|c?.txt\"", ""),
        ("\"trailing.txt. . .\"", "trailing.txt"),
        ("\".\"", ""),
        ("\"..\"", ""),
        ("\"...\"", ""),
        ("\" \"", ""),
        ("\"\"", ""),
        ("CON", "_CON.txt"),
        ("\"nul.txt\"", "_nul.txt"),
        ("\"COM1.tar.txt\"", "_COM1.tar.txt"),
        ("\"report.pdf.exe\"", ""),
        (&format!("\"{long}.txt\""), ""),
        (&format!("\"{}\"", "a".repeat(1000)), ""),
        (&format!("\"{}.txt\"", "../".repeat(300)), ""),
    ];
    for (given, wanted) in names {
        let mail = mixed("keep-me", &[attached(given, "harmless words")]);
        let arrived = target.pass(mail.as_bytes());
        arrived.says("keep-me");
        let names = arrived.names();
        assert_eq!(names.len(), 1, "{given:?}: {}", arrived.raw);
        let name = names[0];
        assert!(wanted.is_empty() || name == wanted, "{given:?} became {name:?}");
        assert!(!name.is_empty() && name.len() <= 255, "{given:?} became {name:?}");
        assert!(!name.contains(['/', '\\', ':', '<', '>', '|', '?', '"', '*', '\u{202e}', '\u{200b}']), "{name:?}");
        assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']), "{given:?} became {name:?}");
        assert!(name.ends_with(".txt") || name.ends_with(".csv"), "the type decides the ending: {name:?}");
        let account = arrived.text();
        let given_plainly = given.trim_matches('"') == name;
        assert!(given_plainly || account.contains(name), "{given:?} became {name:?}, untold: {account}");
    }
    target.still_serves();
}

#[test]
fn boundaries_that_conflict_bring_a_notice_and_the_original_into_quarantine() {
    let target = Target::start("");
    let two_readings = "--a\r\n\r\none\r\n--a--\r\n--c\r\n\r\ntwo\r\n--c--";
    let heads = [
        "Content-Type: multipart/mixed; boundary=a; boundary=c",
        "Content-Type: multipart/mixed; boundary=a\r\nContent-Type: multipart/mixed; boundary=c",
        "Content-Type: multipart/mixed; boundary=\"\"",
        "Content-Type: multipart/mixed; boundary=a\r\nContent-Type: text/plain",
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64",
        "Content-Type: multipart/mixed; boundary*0=a; boundary=c",
    ];
    for (number, head) in heads.iter().enumerate() {
        let mail = format!("{}{head}\r\n\r\n{two_readings}\r\n", fields(&format!("conflict {number}")));
        let receipt = target.accepted(mail.as_bytes());
        let arrived = target.arrived(&receipt);
        assert!(arrived.is_notice(), "{head}: {}", arrived.raw);
        arrived.says("読み方が一つに決まらず").says(SENDER).says(&format!("conflict {number}")).says(&receipt);
        assert!(arrived.names().is_empty());
        let row = target.quarantine().lines().find(|line| line.contains(&receipt)).map(str::to_owned);
        let row: Value = serde_json::from_str(&row.unwrap_or_else(|| panic!("{receipt} is not kept"))).expect("JSON");
        assert_eq!((&row["reason"], &row["name"]), (&"ambiguous_structure".into(), &"message.eml".into()));
        assert!(row["bytes"].as_u64() >= Some(mail.len() as u64), "the whole original is kept: {row}");
    }
    // An inner part that reads two ways costs itself, not the mail.
    let part = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--x\r\n\r\ninner".to_owned();
    target.pass(mixed("keep-me", &[part]).as_bytes()).says("keep-me");
    target.still_serves();
}

#[test]
fn a_bomb_in_an_archive_is_withheld_and_the_mail_arrives() {
    let target = Target::start("");
    let bomb = python_makes(
        "import io,sys,zipfile\nout=io.BytesIO()\nz=zipfile.ZipFile(out,'w',zipfile.ZIP_DEFLATED)\n\
         z.writestr('zeros.txt',b'0'*(200<<20))\nz.close()\nsys.stdout.buffer.write(out.getvalue())",
    );
    // A ratio that passes at each level, and a terabyte at the bottom.
    let tower = python_makes(
        "import io,sys,zipfile\ndata=b'0'*(1<<20)\nfor level in range(6):\n out=io.BytesIO()\n \
         z=zipfile.ZipFile(out,'w',zipfile.ZIP_DEFLATED)\n \
         [z.writestr(f'{n}.{\"zip\" if level else \"txt\"}',data) for n in range(12)]\n z.close()\n data=out.getvalue()\n\
         sys.stdout.buffer.write(data)",
    );
    let shaft = python_makes(
        "import io,sys,zipfile\ndata=b'deepest'\nname='a.txt'\nfor level in range(40):\n out=io.BytesIO()\n \
         z=zipfile.ZipFile(out,'w',zipfile.ZIP_DEFLATED)\n z.writestr(name,data)\n z.close()\n data=out.getvalue()\n name='a.zip'\n\
         sys.stdout.buffer.write(data)",
    );
    for (name, bytes, told) in [
        ("bomb.zip", &bomb, "圧縮率が高すぎます"),
        ("kept.zip", &fixture("files/bomb.zip"), "圧縮率が高すぎます"),
        ("tower.zip", &tower, "すぎます"),
        ("shaft.zip", &shaft, "ファイルが何重にもまとめられています"),
        ("slip.zip", &fixture("files/slip.zip"), "外を指すファイル名"),
    ] {
        let parts = [attached_bytes(name, bytes), attached("good.txt", "fine")];
        let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
        arrived.says("keep-me").says(name).says(told);
        assert!(arrived.names().contains(&"good.txt"), "{name}: {:?}", arrived.names());
        assert!(arrived.raw.len() < 8 << 20, "{name}: {} bytes", arrived.raw.len());
        assert!(target.quarantine().contains(name), "{name} is kept");
    }
    // An honest archive in an archive arrives.
    let nested = attached_bytes("nested.zip", &fixture("files/nested.zip"));
    assert_eq!(target.pass(mixed("keep-me", &[nested]).as_bytes()).names(), ["nested.zip"]);
    target.still_serves();
}

#[test]
fn formats_that_are_not_rebuilt_are_withheld_whatever_they_hold() {
    let target = Target::start("");
    let files: [(&str, &[u8]); 2] = [
        ("document.docx", &fixture("files/docx.zip")),
        ("old.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00\x00\x00\x00\x00\x00\x00"),
    ];
    let mut parts: Vec<String> = files.iter().map(|(name, bytes)| attached_bytes(name, bytes)).collect();
    parts.push(attached("good.txt", "fine"));
    let arrived = target.pass(mixed("keep-me", &parts).as_bytes());
    arrived.says("keep-me");
    assert_eq!(arrived.names(), ["good.txt"], "{}", arrived.text());
    let quarantine = target.quarantine();
    for (name, _) in files {
        let line = arrived.text().lines().find(|line| line.contains(name));
        assert!(line.is_some_and(|line| line.contains("安全に作り直せない形式")), "{name}: {}", arrived.text());
        assert!(quarantine.contains(name), "{name} is kept");
    }
    target.still_serves();
}

#[test]
fn when_every_room_runs_out_of_memory_each_mail_becomes_a_notice_and_the_gateway_goes_on() {
    // The least that the configuration takes: a room starts and can write a notice, and cannot hold what these mails need.
    let target = Target::start("[rooms]\nmemory_bytes = 16777216");
    for number in 0..6 {
        let mail = text_mail(&format!("heavy {number}"), &"あいうえおかきくけこ\r\n".repeat(400_000));
        let receipt = target.accepted(mail.as_bytes());
        let arrived = target.arrived(&receipt);
        assert!(arrived.is_notice(), "{}", &arrived.raw[..arrived.raw.len().min(2000)]);
        arrived.says("メモリの上限").says(SENDER).says(&receipt);
        assert!(target.quarantine().lines().any(|line| line.contains(&receipt) && line.contains("message.eml")));
    }
    target.still_serves();
}

#[test]
fn a_flood_of_hostile_mails_at_once_leaves_every_ordinary_one_its_way() {
    let target = Target::start("");
    let hostile: Vec<Vec<u8>> = vec![
        mixed("keep-me", &vec![attached("a.txt", "x"); 100]).into_bytes(),
        format!("{}{}", fields("bare"), "Content-Type: message/rfc822\r\n\r\n".repeat(5000)).into_bytes(),
        format!("{}Content-Type: text/html\r\n\r\n{}", fields("html"), "<div><b>\r\n".repeat(200_000)).into_bytes(),
        mixed(
            "keep-me",
            &[attached_bytes("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0")],
        )
        .into_bytes(),
    ];
    let (smtp, mut sent) = (target.gateway.smtp, Vec::new());
    let submitted = |mail: &[u8]| {
        let reply = submit(smtp, SENDER, &[RECIPIENT], mail).expect("a reply");
        assert_eq!(reply.0, 250, "{}", reply.1);
        reply.1.trim().rsplit(' ').next().expect("a receipt").to_owned()
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (hostile, submitted) = (&hostile, &submitted);
                scope.spawn(move || -> Vec<(String, Option<String>)> {
                    let mut sent = Vec::new();
                    for round in 0..3 {
                        for (kind, mail) in hostile.iter().enumerate() {
                            sent.push((submitted(mail), None));
                            let words = format!("words {sender} {round} {kind}");
                            sent.push((submitted(text_mail("between", &words).as_bytes()), Some(words)));
                        }
                    }
                    sent
                })
            })
            .collect();
        for sender in senders {
            sent.extend(sender.join().expect("sender"));
        }
    });
    assert_eq!(sent.len(), 96);
    for (receipt, words) in &sent {
        let mail = String::from_utf8(target.wait_for(receipt)).expect("what leaves is UTF-8");
        assert!(words.as_ref().is_none_or(|words| mail.contains(words)), "{mail}");
    }
    // One of each kind, looked at in full.
    for (receipt, _) in sent.iter().take(2 * hostile.len()) {
        target.arrived(receipt);
    }
    target.still_serves();
}

#[test]
fn a_flood_of_connections_is_answered_with_421_and_leaves_those_inside_their_way() {
    let target = Target::start("");
    // As many as one peer may have; most say nothing, some stop in the middle of a message.
    let mut inside: Vec<Client> = Vec::new();
    while inside.len() < PER_PEER {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        if inside.len().is_multiple_of(4) {
            begin_data(&mut client);
            client.send(b"Subject: never finished\r\n\r\nhalf a li").expect("sent");
        }
        inside.push(client);
    }
    for _ in 0..200 {
        let mut refused = Client::unread(target.gateway.smtp).expect("connected");
        assert_eq!(refused.reply().expect("a reply").0, 421);
    }
    // Who came in before the flood is served in it.
    let client = &mut inside[1];
    begin_data(client);
    client.send(&dot_stuffed(text_mail("inside", "keep-me").as_bytes())).expect("sent");
    let (code, text) = client.reply().expect("a reply");
    assert_eq!(code, 250, "{text}");
    target.arrived(text.trim().rsplit(' ').next().expect("a receipt")).says("keep-me");
    // When they go, others come in, and nothing half-sent is left.
    drop(inside);
    let started = Instant::now();
    while Client::connect(target.gateway.smtp)
        .and_then(|mut client| client.command("EHLO client.test"))
        .ok()
        .map(|r| r.0)
        != Some(250)
    {
        assert!(started.elapsed() < PATIENCE, "nobody is let in any more");
        std::thread::sleep(Duration::from_millis(10));
    }
    target.still_serves();
    assert_eq!(read_maildir(&target.maildir()).len(), 2, "of what was not finished nothing arrives");
}

/// Says hello, names sender and recipient, and begins a message.
fn begin_data(client: &mut Client) {
    client.command("EHLO client.test").expect("a reply");
    client.command(&format!("MAIL FROM:<{SENDER}>")).expect("a reply");
    client.command(&format!("RCPT TO:<{RECIPIENT}>")).expect("a reply");
    assert_eq!(client.command("DATA").expect("a reply").0, 354);
}

#[test]
fn data_sent_with_every_false_end_is_refused_and_leaves_no_second_mail() {
    let target = Target::start("");
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\n.\r", "\r.\r\n", "\r.\n", "\r\r\n.\r\r\n"] {
        let mut client = Client::connect(target.gateway.smtp).expect("connected");
        begin_data(&mut client);
        let smuggled = format!(
            "Subject: outer\r\n\r\none{end}MAIL FROM:<evil@example.jp>\r\nRCPT TO:<{RECIPIENT}>\r\nDATA\r\nSubject: inner\r\n\r\ntwo"
        );
        client.send(smuggled.as_bytes()).expect("sent");
        client.send(&dot_stuffed(b"\r\n")).expect("sent");
        let reply = client.reply().expect("a reply");
        assert_eq!(reply.0, 554, "{end:?}: {}", reply.1);
    }
    assert!(read_maildir(&target.maildir()).is_empty());
    target.still_serves();
}
