//! What the tests of locked files share: a gateway, archives that other programs locked, mails that bring them and tell passwords.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Gateway, python_reads, read_maildir, submit, wait_for};

pub const PATIENCE: Duration = Duration::from_secs(120);
pub const SENDER: &str = "sato@partner.example.co.jp";
pub const STAFF: &str = "staff@city.example.lg.jp";
pub const OTHER: &str = "other@city.example.lg.jp";

/// Runs a test's own gateway.
pub struct World {
    pub gateway: Gateway,
    directory: tempfile::TempDir,
}

impl World {
    pub fn start(extra: &str) -> World {
        let directory = tempfile::tempdir().expect("a directory");
        World { gateway: Gateway::start(directory.path(), extra), directory }
    }

    pub fn inbox(&self) -> PathBuf {
        self.gateway.directory.join("data/maildir/new")
    }

    /// A text file in an archive that Debian's `zip` encrypts.
    pub fn locked(&self, password: &str, text: &str) -> Vec<u8> {
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
    pub fn locked_with_aes(&self, password: &str, text: &str) -> Vec<u8> {
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

    pub fn send(&self, from: &str, to: &[&str], mail: &[u8]) {
        let (code, text) = submit(self.gateway.smtp, from, to, mail).expect("answers");
        assert_eq!(code, 250, "{text}");
    }

    pub fn wait_for(&self, count: usize) -> Vec<Vec<u8>> {
        wait_for(&self.inbox(), count, PATIENCE)
    }

    /// What lies in the inbox when all that was sent has had time to be turned into more.
    pub fn settled(&self, count: usize) -> Vec<Vec<u8>> {
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

    pub fn is_idle(&self) -> bool {
        self.gateway.command(&["queue"]).stdout.is_empty()
    }

    pub fn held(&self) -> Vec<serde_json::Value> {
        let output = self.gateway.command(&["quarantine", "ls", "--json"]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The number of the item of this name.
    pub fn item(&self, name: &str) -> String {
        let held = self.held();
        let row = held.iter().find(|row| row["name"] == name && row["state"] == "held");
        row.unwrap_or_else(|| panic!("no {name} in {held:?}"))["id"].to_string()
    }

    /// What the command says of a password, as text.
    pub fn answer(&self, id: &str, password: &str) -> String {
        String::from_utf8(self.unlock(id, password).stdout).expect("UTF-8")
    }

    pub fn unlock(&self, id: &str, password: &str) -> Output {
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

/// Texts, each with its name and its password where it has one, in one archive by Debian's `zip`.
pub fn archive(entries: &[(&str, &str, Option<&str>)]) -> Vec<u8> {
    let place = tempfile::tempdir().expect("a directory");
    for (name, text, password) in entries {
        std::fs::write(place.path().join(name), text).expect("written");
        zip(place.path(), name, *password);
    }
    std::fs::read(place.path().join("meibo.zip")).expect("read")
}

/// An archive in which a locked archive lies beside a text, locked too.
pub fn nested(outer: &str, inner: &str, beside: &str, inside: &str) -> Vec<u8> {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("inner.zip"), archive(&[("deep.txt", inside, Some(inner))])).expect("written");
    std::fs::write(place.path().join("beside.txt"), beside).expect("written");
    zip(place.path(), "inner.zip", Some(outer));
    zip(place.path(), "beside.txt", Some(outer));
    std::fs::read(place.path().join("meibo.zip")).expect("read")
}

/// An archive that holds nothing but a locked archive, and is locked itself.
pub fn around(outer: &str, inner: &str, inside: &str) -> Vec<u8> {
    let place = tempfile::tempdir().expect("a directory");
    std::fs::write(place.path().join("inner.zip"), archive(&[("deep.txt", inside, Some(inner))])).expect("written");
    zip(place.path(), "inner.zip", Some(outer));
    std::fs::read(place.path().join("meibo.zip")).expect("read")
}

fn zip(place: &Path, name: &str, password: Option<&str>) {
    let mut command = Command::new("zip");
    command.current_dir(place).arg("-q");
    if let Some(password) = password {
        command.args(["-P", password]);
    }
    assert!(command.args(["meibo.zip", name]).status().expect("zip is installed (./test)").success());
}

/// A mail with several files.
pub fn mail_with(id: &str, to: &str, files: &[(&str, Vec<u8>)], more: &str) -> Vec<u8> {
    mail_from(SENDER, id, to, files, more)
}

/// The same of another sender.
pub fn mail_from(from: &str, id: &str, to: &str, files: &[(&str, Vec<u8>)], more: &str) -> Vec<u8> {
    let mut mail = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: meibo\r\nMessage-ID: <{id}@partner.example.co.jp>\r\n{more}\
         Date: Sat, 21 Nov 2026 09:12:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe list is attached.\r\n"
    );
    for (name, bytes) in files {
        mail.push_str(&format!(
            "--b\r\nContent-Type: application/zip; name={name}\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename={name}\r\n\r\n{}\r\n",
            base64(bytes)
        ));
    }
    (mail + "--b--\r\n").into_bytes()
}

/// What the mails in a maildir brought to one recipient, in the order of the texts.
pub fn texts_for(mails: &[Vec<u8>], who: &str) -> Vec<String> {
    let to = format!("Delivered-To: {who}");
    let own = mails.iter().filter(|mail| String::from_utf8_lossy(mail).contains(&to));
    let own: Vec<Vec<u8>> = own.cloned().collect();
    let mut texts: Vec<String> = opened(&own).into_iter().flat_map(|(_, texts)| texts).collect();
    texts.sort();
    texts
}

/// What lies in a maildir: recipient, and the texts in the archives of each of its mails, all by one run of Python.
pub fn all_texts(inbox: &Path) -> Vec<(String, Vec<String>)> {
    const SCRIPT: &str = "import sys,io,json,email,email.policy,zipfile,pathlib\n\
        r=[]\n\
        for f in pathlib.Path(sys.argv[1]).iterdir():\n\
        \x20m=email.message_from_bytes(f.read_bytes(),policy=email.policy.default)\n\
        \x20z=[zipfile.ZipFile(io.BytesIO(p.get_payload(decode=True))) for p in m.iter_attachments()]\n\
        \x20r.append((m['Delivered-To'],[a.read(n).decode('utf-8-sig') for a in z for n in a.namelist()]))\n\
        print(json.dumps(r))";
    let output = Command::new("python3").args(["-c", SCRIPT]).arg(inbox).output().expect("python3");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

pub fn locked_mail(id: &str, to: &str, archive: &[u8]) -> Vec<u8> {
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

pub fn text_mail(from: &str, to: &str, subject: &str, text: &str, more: &str) -> Vec<u8> {
    // Base64, so that the words of the mail stand nowhere as they are but in what is made of them.
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: =?UTF-8?B?{}?=\r\nDate: Sat, 21 Nov 2026 09:15:00 +0900\r\n{more}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        base64(subject.as_bytes()).replace("\r\n", ""),
        base64(text.as_bytes())
    )
    .into_bytes()
}

pub fn base64(bytes: &[u8]) -> String {
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
pub fn opened(mails: &[Vec<u8>]) -> Vec<(serde_json::Value, Vec<String>)> {
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
pub fn members(mail: &[u8]) -> Vec<String> {
    const SCRIPT: &str = "import sys,io,json,email,email.policy,zipfile\n\
        def walk(b):\n\
        \x20a=zipfile.ZipFile(io.BytesIO(b))\n\
        \x20for n in a.namelist():\n\
        \x20\x20d=a.read(n)\n\
        \x20\x20yield from (walk(d) if n.endswith('.zip') else [d.decode('utf-8-sig')])\n\
        m=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\n\
        print(json.dumps([t for p in m.iter_attachments() for t in walk(p.get_payload(decode=True))]))";
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
pub fn holds(directory: &Path, needle: &[u8]) -> Vec<PathBuf> {
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
