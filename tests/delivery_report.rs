//! A mail that the next hop refuses: its sender gets a report that people and programs can read (RFC 3464).

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

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use support::{Gateway, submit};

/// A next hop that knows nobody but the sender, and gives what it is sent.
fn next_hop(mails: Sender<String>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mails = mails.clone();
            std::thread::spawn(move || converse(stream, &mails));
        }
    });
    port
}

fn converse(mut stream: TcpStream, mails: &Sender<String>) {
    let mut lines = BufReader::new(stream.try_clone().expect("cloned")).lines().map_while(Result::ok);
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    say("220 next.example.lg.jp ESMTP");
    while let Some(line) = lines.next() {
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            say("250-next.example.lg.jp\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES");
        } else if upper.starts_with("RCPT") && !line.contains("sender@example.jp") {
            say("550 5.1.1 no such user");
        } else if upper.starts_with("DATA") {
            say("354 go on");
            let mail: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
            let _ = mails.send(mail.join("\r\n"));
            say("250 2.0.0 taken");
        } else if upper.starts_with("QUIT") {
            say("221 2.0.0 bye");
            return;
        } else {
            say("250 2.0.0 ok");
        }
    }
}

/// What Python's `email` package makes of the report, which takes `message/delivery-status` apart into groups of fields.
const READ: &str = r#"
import sys, json, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(m.iter_parts())
print(json.dumps({"type": m.get_content_type(), "report": m.get_param("report-type"), "auto": m["auto-submitted"],
  "defects": [repr(d) for p in m.walk() for d in p.defects], "types": [p.get_content_type() for p in parts],
  "text": parts[0].get_content(), "groups": [dict(g.items()) for g in parts[1].get_payload()]}))
"#;

#[test]
fn the_sender_of_a_refused_mail_gets_a_report_that_programs_can_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sender, mails) = channel();
    let port = next_hop(sender);
    let gateway = Gateway::start(directory.path(), &format!("[delivery]\nnext_hop = \"smtp://127.0.0.1:{port}\"\n"));
    let mail =
        b"From: sender@example.jp\r\nTo: nobody@city.example.lg.jp\r\nSubject: secret plan\r\n\r\nsecret words\r\n";
    let (code, text) =
        submit(gateway.smtp, "sender@example.jp", &["nobody@city.example.lg.jp"], mail).expect("answers");
    assert_eq!(code, 250, "{text}");
    let receipt = text.trim().rsplit(' ').next().expect("a receipt").to_owned();
    let report = mails.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("no report: {}", gateway.log()));
    assert!(!report.contains("secret"), "nothing of the mail comes back: {report}");

    let mut python = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed (./test)");
    python.stdin.take().expect("piped").write_all(report.as_bytes()).expect("written");
    let read = python.wait_with_output().expect("ran");
    let read: serde_json::Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!((&read["type"], &read["report"]), (&"multipart/report".into(), &"delivery-status".into()), "{read}");
    assert_eq!(read["types"], serde_json::json!(["text/plain", "message/delivery-status"]));
    assert_eq!((&read["auto"], &read["defects"]), (&"auto-replied".into(), &serde_json::json!([])), "{read}");
    let text = read["text"].as_str().expect("a text");
    assert!(text.contains(&receipt) && text.contains("nobody@city.example.lg.jp"), "{text}");
    let [message, recipient] = [&read["groups"][0], &read["groups"][1]];
    assert_eq!(message["Reporting-MTA"], "dns; gateway.test", "{read}");
    for (field, value) in [
        ("Final-Recipient", "rfc822; nobody@city.example.lg.jp"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 no such user"),
    ] {
        assert_eq!(recipient[field], value, "{read}");
    }
}
