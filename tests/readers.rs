//! What other mail programs show of the mails that leave: mutt, and Dovecot over the maildir.

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

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{Gateway, submit, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

/// Subject, name and text of the mail that goes through, none of them in the charset it leaves in.
const SUBJECT: &str = "会議のお知らせ（再送）：長い件名は何行にも分かれます、そしてもっと長くなります";
const NAME: &str = "総務課　山田太郎";
const TEXT: &str = "お世話になっております。\n> 引用です\nABC ~ \\ 〜\n.\n以上";

fn mail(text: &str) -> Vec<u8> {
    let word = |text: &str| format!("=?UTF-8?Q?{}?=", text.bytes().map(|b| format!("={b:02X}")).collect::<String>());
    let head = format!(
        "From: {} <a@example.jp>\r\nTo: staff@city.example.lg.jp\r\nSubject: {}\r\n\
         Date: Sat, 21 Nov 2026 09:12:00 +0900\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        word(NAME),
        word(SUBJECT)
    );
    [head.as_bytes(), text.replace('\n', "\r\n").as_bytes(), b"\r\n"].concat()
}

/// The mail as it lies in the gateway's maildir, made readable for programs that are not root.
fn delivered(directory: &Path, charset: &str, text: &str) -> Vec<u8> {
    let gateway = Gateway::start(directory, &format!("[policy]\ncharset = \"{charset}\""));
    let reply = submit(gateway.smtp, "a@example.jp", &["staff@city.example.lg.jp"], &mail(text)).expect("submitted");
    assert_eq!(reply.0, 250, "{}", reply.1);
    let mail = wait_for(&directory.join("data/maildir/new"), 1, PATIENCE).pop().expect("a mail");
    let opened = Command::new("chmod").args(["-R", "a+rwX"]).arg(directory).status().expect("chmod");
    assert!(opened.success());
    mail
}

/// mutt's own view of the only mail, as it pipes it on.
fn mutt_shows(directory: &Path) -> String {
    let script = directory.join("take.sh");
    let taken = directory.join("shown.txt");
    std::fs::write(&script, format!("#!/bin/sh\ncat > {}\n", taken.display())).expect("written");
    let runnable = Command::new("chmod").arg("a+x").arg(&script).status().expect("chmod");
    assert!(runnable.success());
    let settings = format!(
        "set charset=utf-8\nset pipe_decode=yes\nset wait_key=no\nset sleep_time=0\nset folder=/nonexistent\n\
         push \"<pipe-message>{}<enter><quit>y\"\n",
        script.display()
    );
    let file = directory.join("muttrc");
    std::fs::write(&file, settings).expect("written");
    // mutt wants a terminal; `script` is one, as long as its input stays open. Keys that mutt is given are gone when the terminal's size
    // is settled only after it has begun to read them, as happens on a busy machine: then it waits for a person.
    let command = format!("mutt -n -F {} -R -f {}", file.display(), directory.join("data/maildir").display());
    let mut screen = String::new();
    for _ in 0..3 {
        let mut child = Command::new("timeout")
            .args(["30", "script", "-qec", &command, "/dev/null"])
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script and mutt are installed (./test)");
        let input = child.stdin.take();
        let output = child.wait_with_output().expect("ends");
        drop(input);
        if let Ok(shown) = std::fs::read_to_string(&taken) {
            return shown;
        }
        screen = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    panic!("mutt showed nothing: {screen}")
}

/// What Dovecot gives of the only mail: subject and author, decoded, and the text in UTF-8.
fn dovecot_gives(directory: &Path) -> String {
    let settings = format!(
        "mail_location = maildir:{}\nlog_path = /dev/stderr\nmail_uid = nobody\nmail_gid = nogroup\nfirst_valid_uid = 0\nfirst_valid_gid = 0\n",
        directory.join("data/maildir").display()
    );
    let file = directory.join("dovecot.conf");
    std::fs::write(&file, settings).expect("written");
    let output = Command::new("timeout")
        .args(["30", "doveadm", "-c"])
        .arg(&file)
        .args(["fetch", "hdr.subject.utf8 hdr.from.utf8 text.utf8", "all"])
        .env("USER", "nobody")
        .env("HOME", directory)
        .output()
        .expect("dovecot is installed (./test)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "")
}

#[test]
fn mutt_and_dovecot_show_the_words_of_the_sender_in_either_charset() {
    for (wanted, text, label) in [
        ("utf-8", TEXT, "charset=utf-8"),
        ("iso-2022-jp", TEXT, "charset=iso-2022-jp"),
        // What ISO-2022-JP lacks is not replaced.
        ("iso-2022-jp", "①㈱髙島屋 ｶﾅ 😊", "charset=utf-8"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let raw = String::from_utf8(delivered(directory.path(), wanted, text)).expect("ASCII");
        assert!(raw.is_ascii() && raw.contains(label) && !raw.contains("flowed"), "{raw}");
        assert_eq!(raw.contains("=?ISO-2022-JP?B?"), wanted == "iso-2022-jp", "{raw}");
        // Python's and glibc's ISO-2022-JP have the wave dash where Microsoft has the fullwidth tilde.
        let same = |shown: &str| shown.replace('～', "〜");
        let seen = mutt_shows(directory.path());
        let body = seen.split_once("\n\n").expect("a body").1;
        assert!(seen.contains(&format!("Subject: {SUBJECT}\n")), "{seen}");
        assert!(seen.contains(&format!("From: {NAME} <a@example.jp>\n")), "{seen}");
        assert_eq!(same(body).trim_end(), text, "{seen}");
        let given = dovecot_gives(directory.path());
        assert!(given.contains(&format!("hdr.subject.utf8: {SUBJECT}\n")), "{given}");
        assert!(given.contains(&format!("hdr.from.utf8: {NAME} <a@example.jp>\n")), "{given}");
        assert!(same(&given).contains(&format!("\n\n{text}\n")), "{given}");
    }
}
