//! The mail that tells somebody that an upload is done which took long, of a real gateway.

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
use std::process::Command;
use std::time::{Duration, Instant};

use support::{Gateway, python_reads, read_maildir, wait_for};

/// Registers somebody with a mail address, who signs in and sends two files; prints what the page of the result says.
const WALK: &str = r#"
import re, sys
from console_session import Browser, Console
admin, portal = Console(sys.argv[1]), Browser(sys.argv[2])
admin.get("/users")
admin.post("/users", name="shokuin-a", role="staff", address="a@city.example.lg.jp")
given = re.search(r'id="password">([^<]+)<', admin.page)[1]
portal.get("/sign-in")
portal.post("/sign-in", name="shokuin-a", password=given)
portal.get("/account/password")
new = "correct horse battery"
portal.post("/account/password", current=given, password=new, again=new)
portal.get("/sign-in")
portal.post("/sign-in", name="shokuin-a", password=new)
portal.get("/")
portal.post_file("/upload", [("subject", "入札の件")], "案.txt", "日本語\r\n".encode())
print(portal.text())
"#;

/// Another configuration, and the gateway started anew under it.
fn reconfigure(gateway: &mut Gateway, from: &str, to: &str) {
    assert!(gateway.stop());
    let text = fs::read_to_string(&gateway.config).expect("read");
    assert!(text.contains(from), "{text}");
    fs::write(&gateway.config, text.replace(from, to)).expect("written");
    gateway.restart();
}

fn last_link(gateway: &Gateway, number: usize) -> String {
    let started = Instant::now();
    loop {
        let log = gateway.log();
        if let Some((link, _)) = log.split("the link works once): ").nth(number).and_then(|rest| rest.split_once('\n'))
        {
            return link.to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no link: {log}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn whoever_waited_long_is_told_once_over_restarts() {
    let directory = tempfile::tempdir().expect("a directory");
    let outbox = directory.path().join("out");
    let nowhere = format!("[scanner]\nclamd = \"unix:{}\"\n", directory.path().join("no.sock").display());
    let extra =
        format!("[site]\nname = \"みそぎ市\"\n[delivery]\nnext_hop = \"maildir:{}\"\n{nowhere}", outbox.display());
    let mut gateway = Gateway::start(directory.path(), &extra);
    last_link(&gateway, 1);
    let accounts = "[portal]\naccess = \"accounts\"\ndone_notice_seconds = 3\n";
    reconfigure(&mut gateway, "[portal]\n", accounts);
    let ran = Command::new("python3")
        .args(["-B", "-c", WALK, &last_link(&gateway, 2), &format!("http://{}", gateway.portal)])
        .env("PYTHONPATH", support::workspace::root().join("tests"))
        .output()
        .expect("python3 is installed (./test)");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let page = String::from_utf8(ran.stdout).expect("UTF-8");
    let promise = "3秒より長くかかったときは、完了したらメールでお知らせします（宛先: a@city.example.lg.jp）。";
    assert!(page.contains(promise) && page.contains("入札の件"), "{page}");

    // Without its scanner nothing is done, and nobody is told that it is; with it, what took long is.
    std::thread::sleep(Duration::from_secs(8));
    assert!(read_maildir(&outbox.join("new")).is_empty(), "nothing is done yet");
    reconfigure(&mut gateway, &nowhere, "");
    let mails = wait_for(&outbox.join("new"), 1, Duration::from_secs(90));
    let raw = String::from_utf8_lossy(&mails[0]).into_owned();
    let head = raw.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    assert!(head.contains("auto-submitted: auto-"), "{head}");
    let mail = python_reads(&mails[0]);
    assert_eq!(mail["to"], "a@city.example.lg.jp");
    let (subject, text) = (mail["subject"].as_str().unwrap(), mail["text"].as_str().unwrap());
    assert!(subject.starts_with("みそぎ市 ファイル無害化: 処理が終わりました（20"), "{subject}");
    assert!(text.starts_with("送っていただいたファイル 1件の処理が終わりました。"), "{text}");
    assert_eq!(text.matches("http").count(), 1, "one link: {text}");
    let receipt = subject.split(['（', '）']).nth(1).unwrap();
    assert!(text.contains(&format!("http://{}/r/{receipt}", gateway.portal)), "{text}");
    assert!(!raw.contains("入札") && !text.contains("案.txt"), "nothing of what was sent: {text}");
    assert!(mail["attachments"].as_array().unwrap().is_empty());

    assert!(gateway.stop());
    gateway.restart();
    // Longer than is waited between two looks.
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(read_maildir(&outbox.join("new")).len(), 1, "once");
    assert!(gateway.stop());
}
