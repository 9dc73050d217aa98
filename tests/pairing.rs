//! Locked files and their passwords in two mails, through a real gateway: what opens by itself, for whom, and what people type.

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

#[path = "support/password_mails.rs"]
mod password_mails;
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{Gateway, python_reads, read_maildir, submit, wait_for};

const PATIENCE: Duration = Duration::from_secs(120);
const SENDER: &str = "sato@partner.example.co.jp";
const STAFF: &str = "staff@city.example.lg.jp";
const OTHER: &str = "other@city.example.lg.jp";

/// Runs a test's own gateway.
struct World {
    gateway: Gateway,
    directory: tempfile::TempDir,
}

impl World {
    fn start(extra: &str) -> World {
        let directory = tempfile::tempdir().expect("a directory");
        World { gateway: Gateway::start(directory.path(), extra), directory }
    }

    fn inbox(&self) -> PathBuf {
        self.gateway.directory.join("data/maildir/new")
    }

    /// A text file in an archive that Debian's `zip` encrypts.
    fn locked(&self, password: &str, text: &str) -> Vec<u8> {
        let place = tempfile::tempdir_in(self.directory.path()).expect("a directory");
        std::fs::write(place.path().join("meibo.txt"), text).expect("written");
        let archive = place.path().join("meibo.zip");
        let status = Command::new("zip")
            .current_dir(place.path())
            .args(["-q", "-P", password, "meibo.zip", "meibo.txt"])
            .status()
            .expect("zip is installed (./test)");
        assert!(status.success());
        std::fs::read(archive).expect("read")
    }

    /// The same with AES, by 7-Zip's own implementation.
    fn locked_with_aes(&self, password: &str, text: &str) -> Vec<u8> {
        let place = tempfile::tempdir_in(self.directory.path()).expect("a directory");
        std::fs::write(place.path().join("meibo.txt"), text).expect("written");
        let output = Command::new("7z")
            .current_dir(place.path())
            .args(["a", "-tzip", "-mem=AES256", &format!("-p{password}"), "meibo.zip", "meibo.txt"])
            .output()
            .expect("7z is installed (./test)");
        assert!(output.status.success(), "{output:?}");
        std::fs::read(place.path().join("meibo.zip")).expect("read")
    }

    fn send(&self, from: &str, to: &[&str], mail: &[u8]) {
        let (code, text) = submit(self.gateway.smtp, from, to, mail).expect("answers");
        assert_eq!(code, 250, "{text}");
    }

    fn wait_for(&self, count: usize) -> Vec<Vec<u8>> {
        wait_for(&self.inbox(), count, PATIENCE)
    }

    /// What lies in the inbox when all that was sent has had time to be turned into more.
    fn settled(&self, count: usize) -> Vec<Vec<u8>> {
        self.wait_for(count);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) || !self.is_idle() {
            assert!(started.elapsed() < PATIENCE, "never idle: {}", self.gateway.log());
            std::thread::sleep(Duration::from_millis(200));
        }
        let mails = read_maildir(&self.inbox());
        assert_eq!(mails.len(), count, "{}", self.gateway.log());
        mails
    }

    fn is_idle(&self) -> bool {
        self.gateway.command(&["queue"]).stdout.is_empty()
    }

    fn held(&self) -> Vec<serde_json::Value> {
        let output = self.gateway.command(&["quarantine", "ls", "--json"]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn unlock(&self, id: &str, password: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_misogi"))
            .args(["quarantine", "unlock", id, "--password-stdin", "--config"])
            .arg(&self.gateway.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("command runs");
        child.stdin.take().expect("piped").write_all(format!("{password}\n").as_bytes()).expect("written");
        child.wait_with_output().expect("ends")
    }
}

fn locked_mail(id: &str, to: &str, archive: &[u8]) -> Vec<u8> {
    let body = base64(archive);
    format!(
        "From: Sato <{SENDER}>\r\nTo: {to}\r\nSubject: meibo\r\nMessage-ID: <{id}@partner.example.co.jp>\r\n\
         Date: Sat, 21 Nov 2026 09:12:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe list is attached.\r\n--b\r\n\
         Content-Type: application/zip; name=meibo.zip\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=meibo.zip\r\n\r\n{body}\r\n--b--\r\n"
    )
    .into_bytes()
}

fn text_mail(from: &str, to: &str, subject: &str, text: &str, more: &str) -> Vec<u8> {
    // Base64, so that the words of the mail stand nowhere as they are but in what is made of them.
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: =?UTF-8?B?{}?=\r\nDate: Sat, 21 Nov 2026 09:15:00 +0900\r\n{more}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(subject.as_bytes()).replace("\r\n", ""),
        base64(text.as_bytes())
    )
    .into_bytes()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (index, group) in bytes.chunks(3).enumerate() {
        if index > 0 && index % 18 == 0 {
            text.push_str("\r\n");
        }
        let number = group.iter().fold(0u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = usize::try_from(number >> (18 - 6 * place) & 63).expect("six bits");
            text.push(if place <= group.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    text
}

/// The mail with the rebuilt archive, and what Python says is in it.
fn opened(mails: &[Vec<u8>]) -> Vec<(serde_json::Value, Vec<String>)> {
    mails
        .iter()
        .filter_map(|mail| {
            let read = python_reads(mail);
            let has_file = read["attachments"].as_array().is_some_and(|files| !files.is_empty());
            has_file.then(|| (read, members(mail)))
        })
        .collect()
}

/// The texts of the archive's members, by Python's `zipfile`.
fn members(mail: &[u8]) -> Vec<String> {
    const SCRIPT: &str = "import sys,io,json,email,email.policy,zipfile\n\
        m=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\n\
        z=[zipfile.ZipFile(io.BytesIO(p.get_payload(decode=True))) for p in m.iter_attachments()]\n\
        print(json.dumps([a.read(n).decode('utf-8-sig') for a in z for n in a.namelist()]))";
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    child.stdin.take().expect("piped").write_all(mail).expect("written");
    let output = child.wait_with_output().expect("ends");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Every file under a directory, and whether it holds these bytes.
fn holds(directory: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).expect("listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if std::fs::read(&path).unwrap_or_default().windows(needle.len()).any(|bytes| bytes == needle) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_password_mail_opens_the_mail_before_it_and_the_file_arrives_in_its_thread() {
    let world = World::start("");
    let password = "Kx7#pQ2m-9Zr";
    world.send(SENDER, &[STAFF], &locked_mail("one", STAFF, &world.locked(password, "secret list\n")));
    let first = world.wait_for(1);
    let read = python_reads(&first[0]);
    let text = read["text"].as_str().expect("a text");
    assert!(text.contains("パスワードのメールが届くと自動で開き"), "{text}");
    assert_eq!(world.held().len(), 1);

    let told = text_mail(
        SENDER,
        STAFF,
        "パスワードのお知らせ",
        &format!("先ほどのファイルのパスワードです。\r\n\r\n{password}\r\n"),
        "",
    );
    world.send(SENDER, &[STAFF], &told);
    let mails = world.settled(3);
    let opened = opened(&mails);
    assert_eq!(opened.len(), 1);
    let (read, members) = &opened[0];
    assert_eq!(members, &["secret list\r\n"], "{read}");
    assert_eq!(read["subject"], "[開封済み] meibo");
    assert_eq!(read["defects"], serde_json::json!([]));
    assert_eq!(read["verdict"], "sanitised");
    let mail = mails.iter().find(|mail| String::from_utf8_lossy(mail).contains(".opened@")).expect("the second mail");
    let mail = String::from_utf8_lossy(mail);
    assert!(mail.contains("In-Reply-To: <one@partner.example.co.jp>"), "{mail}");
    assert!(mail.contains("References: <one@partner.example.co.jp>"), "{mail}");
    assert_eq!(world.held()[0]["state"], "released");
    // The password stands in what was made of the mail that told it, and nowhere in the log.
    assert!(!world.gateway.log().contains(password), "{}", world.gateway.log());

    // The same password again opens nothing a second time.
    world.send(SENDER, &[STAFF], &told);
    world.settled(4);
}

#[test]
fn a_password_that_came_first_opens_the_mail_at_once() {
    let world = World::start("");
    let told = text_mail(SENDER, STAFF, "password", "Password: Zaisei@412\r\n", "");
    world.send(SENDER, &[STAFF], &told);
    world.wait_for(1);
    world.send(SENDER, &[STAFF], &locked_mail("two", STAFF, &world.locked_with_aes("Zaisei@412", "aes\n")));
    let mails = world.settled(2);
    let opened = opened(&mails);
    assert_eq!(opened.len(), 1);
    assert_eq!((&opened[0].0["subject"], &opened[0].1), (&"meibo".into(), &vec!["aes\r\n".to_owned()]));
    assert!(world.held().is_empty());
}

#[test]
fn passwords_reach_only_those_whom_both_mails_went_to() {
    let world = World::start("");
    let third = "third@city.example.lg.jp";
    // To two people. A maildir holds one copy for each recipient.
    world.send(SENDER, &[STAFF, OTHER], &locked_mail("three", STAFF, &world.locked("Tk-9186-aa", "for some\n")));
    world.settled(2);
    let told = text_mail(SENDER, STAFF, "PW", "パスワード：Tk-9186-aa", "");
    // Nobody in common: nothing is tried.
    world.send(SENDER, &[third], &told);
    world.settled(3);
    assert_eq!(world.held()[0]["state"], "held");
    // One in common: only that one gets it.
    world.send(SENDER, &[STAFF, third], &told);
    let mails = world.settled(6);
    assert_eq!(opened(&mails).len(), 1);
    assert_eq!(world.held()[0]["state"], "held", "one recipient lacks it still");
    // The other one has the password at last.
    world.send(SENDER, &[STAFF, OTHER], &told);
    let mails = world.settled(9);
    assert_eq!(opened(&mails).len(), 2);
    assert_eq!(world.held()[0]["state"], "released");
    for who in [STAFF, OTHER] {
        let copies = mails.iter().filter(|mail| {
            let mail = String::from_utf8_lossy(mail);
            mail.contains(".opened@") && mail.contains(&format!("Delivered-To: {who}"))
        });
        assert_eq!(copies.count(), 1, "{who}");
    }
}

#[test]
fn a_mail_in_the_same_thread_may_come_from_somebody_else() {
    let world = World::start("");
    let clerk = "clerk@elsewhere.example";
    world.send(SENDER, &[STAFF], &locked_mail("four", STAFF, &world.locked("Zz-7711-bb", "thread\n")));
    world.settled(1);
    let text = "パスワード：Zz-7711-bb";
    world.send(clerk, &[STAFF], &text_mail(clerk, STAFF, "PW", text, ""));
    assert!(opened(&world.settled(2)).is_empty());
    let thread = "In-Reply-To: <four@partner.example.co.jp>\r\n";
    world.send(clerk, &[STAFF], &text_mail(clerk, STAFF, "Re: meibo", text, thread));
    assert_eq!(opened(&world.settled(4)).len(), 1);
}

#[test]
fn talk_of_passwords_opens_nothing_and_costs_no_mail() {
    let world = World::start("");
    world.send(SENDER, &[STAFF], &locked_mail("five", STAFF, &world.locked("Wq81-zzTop", "x\n")));
    world.wait_for(1);
    let talk = [
        (
            "パスワード再設定のご案内",
            "パスワードの有効期限が近づいています。次のページから再設定してください。\r\nhttps://portal.example.jp/reset?token=8f7d6s\r\n",
        ),
        ("情報セキュリティ研修", "パスワードは12文字以上とし、使い回しをしないでください。例: Abcd1234!\r\n"),
        ("パスワードについて", "パスワードは後ほど電話でお知らせいたします。\r\n"),
        ("password policy", "Your password will expire in 14 days. Please choose a new one.\r\n"),
    ];
    for (subject, text) in talk {
        world.send(SENDER, &[STAFF], &text_mail(SENDER, STAFF, subject, text, ""));
    }
    let mails = world.settled(1 + talk.len());
    assert!(opened(&mails).is_empty());
    assert_eq!(world.held()[0]["state"], "held");
}

#[test]
fn a_typed_password_opens_it_a_wrong_one_is_counted_and_none_is_written_down() {
    let mut world = World::start("[passwords]\ntyped_tries = 3\n");
    let (right, wrong) = ("right-Horse-7", "wrong-Horse-8");
    world.send(SENDER, &[STAFF, OTHER], &locked_mail("six", STAFF, &world.locked(right, "typed\n")));
    world.settled(2);
    let id = world.held()[0]["id"].to_string();
    let socket = world.gateway.directory.join("data/control.sock");
    assert_eq!(std::fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777, 0o600);
    let output = world.unlock(&id, wrong);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("wrong password (2 tries left)"), "{output:?}");

    // The count outlives a restart; a killed gateway leaves its socket behind.
    world.gateway.kill();
    assert!(socket.exists());
    let nobody = world.unlock(&id, right);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no gateway is running"), "{nobody:?}");
    world.gateway.restart();
    let output = world.unlock(&id, wrong);
    assert!(String::from_utf8_lossy(&output.stdout).contains("(1 tries left)"), "{output:?}");
    let output = world.unlock(&id, right);
    assert_eq!(output.status.code(), Some(0), "{output:?} {}", world.gateway.log());
    assert!(String::from_utf8_lossy(&output.stdout).contains("sent to 2"), "{output:?}");
    let mails = world.settled(4);
    assert!(opened(&mails).iter().all(|(_, members)| members == &["typed\r\n"]));
    assert_eq!(world.held()[0]["state"], "released");
    let again = world.unlock(&id, right);
    assert!(String::from_utf8_lossy(&again.stdout).contains("open already"), "{again:?}");
    for password in [right, wrong] {
        assert_eq!(holds(&world.gateway.directory, password.as_bytes()), Vec::<PathBuf>::new());
    }
    let absent = world.unlock("4711", right);
    assert!(String::from_utf8_lossy(&absent.stdout).contains("no such item"), "{absent:?}");

    // At the limit even the right one is not tried.
    world.send(SENDER, &[STAFF], &locked_mail("seven", STAFF, &world.locked(right, "late\n")));
    let count = 5;
    world.wait_for(count);
    let id = world.held()[0]["id"].to_string();
    for _ in 0..3 {
        assert_eq!(world.unlock(&id, wrong).status.code(), Some(1));
    }
    let output = world.unlock(&id, right);
    assert!(String::from_utf8_lossy(&output.stdout).contains("no tries are left"), "{output:?}");
    world.settled(count);
}

#[test]
fn a_password_agreed_on_with_a_partner_opens_at_once_and_stands_in_the_configuration_only() {
    let partner = "[[passwords.partner]]\nsender = \"*@partner.example.co.jp\"\npasswords = [\"older-one\", \"agreed-2026-xyz\"]\n";
    let world = World::start(partner);
    world.send(SENDER, &[STAFF], &locked_mail("eight", STAFF, &world.locked("agreed-2026-xyz", "agreed\n")));
    let mails = world.settled(1);
    assert_eq!(opened(&mails)[0].1, ["agreed\r\n"]);
    assert_eq!(holds(&world.gateway.directory, b"agreed-2026-xyz"), std::slice::from_ref(&world.gateway.config));
}

/// Fifty pairs of the generated set through rooms, each pair of another sender, mixed; the extraction of all 500 is tested in `engine`.
#[test]
fn generated_pairs_are_opened_without_a_human_and_for_their_own_recipients_only() {
    const PAIRS: usize = 50;
    let world = World::start("");
    let pairs = password_mails::generate(PAIRS, 4_711);
    let sender = |number: usize| format!("s{number}@p{number}.example.jp");
    let staff = |number: usize| format!("staff{number}@city.example.lg.jp");
    for (number, pair) in pairs.iter().enumerate() {
        let content = format!("content {number}\n");
        let archive = if number % 2 == 0 {
            world.locked(&pair.password, &content)
        } else {
            world.locked_with_aes(&pair.password, &content)
        };
        world.send(
            &sender(number),
            &[&staff(number)],
            &locked_mail(&format!("pair{number}"), &staff(number), &archive),
        );
    }
    world.wait_for(PAIRS);
    for (number, pair) in pairs.iter().enumerate() {
        world.send(
            &sender(number),
            &[&staff(number)],
            &text_mail(&sender(number), &staff(number), &pair.subject, &pair.text, ""),
        );
    }
    let started = Instant::now();
    while read_maildir(&world.inbox()).len() < 2 * PAIRS || !world.is_idle() {
        assert!(started.elapsed() < PATIENCE, "{}", world.gateway.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_secs(2));
    let mut by_recipient: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (read, members) in opened(&read_maildir(&world.inbox())) {
        by_recipient.entry(read["to"].as_str().expect("to").to_owned()).or_default().extend(members);
    }
    let wrong = by_recipient.iter().filter(|(to, members)| {
        let number = to.trim_start_matches("staff").split('@').next().expect("a number");
        members.as_slice() != [format!("content {number}\r\n")]
    });
    assert_eq!(wrong.count(), 0, "{by_recipient:?}");
    println!("{} of {PAIRS} opened", by_recipient.len());
    assert!(by_recipient.len() * 10 >= PAIRS * 9, "{} of {PAIRS}: {}", by_recipient.len(), world.gateway.log());
    for pair in pairs.iter().filter(|pair| pair.password.len() > 8) {
        assert!(!world.gateway.log().contains(&pair.password));
    }
}
