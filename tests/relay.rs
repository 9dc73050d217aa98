//! Real mails through real servers: Postfix → Misogi → Postfix → maildir.

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

use std::time::Duration;

use support::{Gateway, Postfix, Role, fixture, python_reads, submit};

const PATIENCE: Duration = Duration::from_secs(60);

/// Postfix in front, Misogi in the middle, Postfix behind.
struct Line {
    front: Postfix,
    gateway: Gateway,
    behind: Postfix,
    _directory: tempfile::TempDir,
}

impl Line {
    fn start(extra: &str) -> Line {
        let directory = tempfile::tempdir().expect("a directory");
        let part = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir(&path).expect("made");
            path
        };
        let behind = Postfix::start(&part("behind"), &Role::Keep);
        let gateway =
            Gateway::start(&part("gateway"), &format!("[delivery]\nnext_hop = \"smtp://{}\"\n{extra}", behind.smtp));
        let front = Postfix::start(&part("front"), &Role::RelayTo(gateway.smtp));
        Line { front, gateway, behind, _directory: directory }
    }

    /// Sends one mail in at the front and gives what comes out behind.
    fn pass(&self, mail: &[u8]) -> Vec<u8> {
        let before = self.behind.mails().len();
        let reply =
            submit(self.front.smtp, "sender@example.jp", &["staff@city.example.lg.jp"], mail).expect("submitted");
        assert_eq!(reply.0, 250, "{}", reply.1);
        self.behind.wait_for(before + 1, PATIENCE).pop().expect("a mail")
    }
}

#[test]
fn a_plain_mail_arrives_with_its_words_and_its_thread() {
    let line = Line::start("");
    let mail = "From: =?UTF-8?B?5bGx55Sw?= <yamada@example.jp>\r\nTo: staff@city.example.lg.jp\r\n\
        Subject: =?ISO-2022-JP?B?GyRCMnE1RCRON28bKEI=?=\r\nDate: Sat, 21 Nov 2026 09:12:00 +0900\r\n\
        Message-ID: <m1@example.jp>\r\nIn-Reply-To: <m0@example.jp>\r\nReferences: <r@example.jp> <m0@example.jp>\r\n\
        X-Evil: 1\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\
        \u{1b}$B$3$s$K$A$O\u{1b}(B\r\n.\r\n..\r\n";
    let arrived = line.pass(mail.as_bytes());
    let read = python_reads(&arrived);
    assert_eq!(read["subject"], "会議の件");
    assert_eq!(read["message_id"], "<m1@example.jp>");
    let text = read["text"].as_str().expect("text").replace("\r\n", "\n");
    assert!(text.contains("こんにちは\n.\n..\n"), "{text}");
    assert_eq!(read["types"], serde_json::json!(["text/plain"]));
    let raw = String::from_utf8(arrived).expect("ASCII or UTF-8");
    assert!(raw.contains("In-Reply-To: <m0@example.jp>") && raw.contains("<r@example.jp>"), "{raw}");
    assert!(!raw.contains("X-Evil"), "{raw}");
    let receipt = read["receipt"].as_str().expect("a receipt");
    assert!(receipt.starts_with("202") && receipt.len() >= 14, "{receipt}");
}

#[test]
fn addresses_of_old_mobile_phones_pass_both_legs() {
    let line = Line::start("");
    let mail = "From: =?ISO-2022-JP?B?GyRCQkBPOhsoQg==?= <.taro..x.@docomo.ne.jp>\r\n\
        To: <hanako..@city.example.lg.jp>, \"jiro.\"@ezweb.ne.jp\r\nCc: <\"saburo..a.\"@docomo.ne.jp>\r\n\
        Reply-To: taro.@docomo.ne.jp\r\nSubject: keitai\r\nDate: Sat, 21 Nov 2026 09:12:00 +0900\r\n\r\nhello\r\n";
    let sender = ".taro..x.@docomo.ne.jp";
    // Straight to the gateway as it came from the phone's network, and through a server that quotes it.
    for (count, server) in [(1, line.gateway.smtp), (2, line.front.smtp)] {
        let reply = submit(server, sender, &["hanako..@city.example.lg.jp"], mail.as_bytes()).expect("submitted");
        assert_eq!(reply.0, 250, "{}", reply.1);
        let arrived = String::from_utf8(line.behind.wait_for(count, PATIENCE).pop().expect("a mail")).expect("ASCII");
        let header = arrived.replace('\r', "").replace("\n ", " ");
        // Postfix quotes in fields too, as the standard wants it.
        for field in [
            "Return-Path: <\".taro..x.\"@docomo.ne.jp>",
            "From: =?UTF-8?B?5aSq6YOO?= <\".taro..x.\"@docomo.ne.jp>",
            "To: \"hanako..\"@city.example.lg.jp, \"jiro.\"@ezweb.ne.jp",
            "Cc: \"saburo..a.\"@docomo.ne.jp",
            "Reply-To: \"taro.\"@docomo.ne.jp",
        ] {
            assert!(header.contains(&format!("{field}\n")), "{field} in {header}");
        }
        assert!(header.contains("Delivered-To: \"hanako..\"@city.example.lg.jp\n"), "{header}");
        assert!(arrived.contains("hello"), "{arrived}");
    }
}

#[test]
fn the_header_is_the_gateways_and_a_mail_in_circles_ends() {
    let line = Line::start("[policy]\nsubject_prefix = \"[外部] \"");
    let mail = "Received: from a.example by b.example; Sat, 21 Nov 2026 09:00:00 +0900\r\n\
        Authentication-Results: city.example.lg.jp; dkim=pass\r\nX-Misogi-Hops: 7\r\nX-Misogi-Verdict: forged\r\n\
        From: a@example.jp, b@example.jp\r\nSender: c@example.jp\r\nTo: staff@city.example.lg.jp\r\n\
        Subject: Re: =?UTF-8?B?W+WklumDqF0g44GK55+l44KJ44Gb?=\r\nDate: Sat, 21 Nov 2026 09:12:00 +0900\r\n\
        Message-ID: <m1@example.jp>\r\nList-Id: <list.example.jp>\r\nList-Unsubscribe: <mailto:leave@example.jp>\r\n\
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nAuto-Submitted: auto-generated\r\nBcc: x@example.jp\r\n\
        DKIM-Signature: v=1\r\nReturn-Receipt-To: a@example.jp\r\n\r\nhello\r\n";
    let arrived = String::from_utf8(line.pass(mail.as_bytes())).expect("ASCII");
    let header = arrived.split("\n\n").next().expect("a header");
    let names: Vec<&str> = header
        .lines()
        .filter(|field| !field.starts_with([' ', '\t']))
        .filter_map(|field| field.split_once(':').map(|(name, _)| name))
        .skip_while(|name| !name.eq_ignore_ascii_case("Received"))
        .collect();
    assert_eq!(
        names,
        [
            "Received", // Postfix behind the gateway
            "Received",
            "From",
            "Sender",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "List-Id",
            "List-Unsubscribe",
            "X-Misogi-Hops",
            "X-Misogi-Verdict",
            "X-Misogi-Receipt",
            "X-Misogi-Policy",
            "X-Misogi-Changes",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding"
        ],
        "{header}"
    );
    assert!(header.contains("by gateway.test (Misogi) id 20"), "{header}");
    // The sender's own, that of the server in front, ours, and the seven that another gateway had taken off.
    assert!(header.contains("X-Misogi-Hops: 10\n"), "{header}");
    assert!(header.contains("X-Misogi-Verdict: sanitised"), "{header}");
    let read = python_reads(arrived.as_bytes());
    assert_eq!(read["subject"], "[外部] Re: お知らせ");
    let text = read["text"].as_str().expect("a text");
    assert!(text.contains("b@example.jp"), "the other author is told: {text}");
    let circling = mail.replace("X-Misogi-Hops: 7", "X-Misogi-Hops: 50");
    let reply = submit(line.gateway.smtp, "a@example.jp", &["staff@city.example.lg.jp"], circling.as_bytes());
    assert_eq!(reply.expect("submitted").0 / 100, 5);
}

#[test]
fn attachments_are_rebuilt_and_what_cannot_be_is_accounted_for() {
    let line = Line::start("");
    let png = fixture("files/position.jpg");
    let mail = format!(
        "From: sender@example.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: files\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsee files\r\n\
         --b\r\nContent-Type: image/jpeg\r\nContent-Disposition: attachment; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename=setup.exe\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        base64(&png),
        base64(b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00")
    );
    let arrived = line.pass(mail.as_bytes());
    let read = python_reads(&arrived);
    let attachments = read["attachments"].as_array().expect("a list");
    assert_eq!(attachments.len(), 1, "{read}");
    assert_eq!(attachments[0]["name"], "写真.jpg");
    assert!(attachments[0]["magic"].as_str().expect("hex").starts_with("ffd8ff"), "a JPEG");
    let text = read["text"].as_str().expect("text");
    assert!(text.contains("see files"), "{text}");
    assert!(text.contains("setup.exe") && text.contains("安全に作り直せない形式"), "{text}");
    assert!(text.contains("位置情報を取り除きました"), "{text}");
    assert_eq!(read["verdict"], "partly-withheld");
    let listed = line.gateway.command(&["quarantine", "ls"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("setup.exe") && listed.contains("unsupported_type"), "{listed}");
}

#[test]
fn the_next_hop_may_be_down_for_a_while() {
    let directory = tempfile::tempdir().expect("a directory");
    let [closed] = support::free_ports();
    let gateway = Gateway::start(
        directory.path(),
        &format!("[delivery]\nnext_hop = \"smtp://{closed}\"\nretry_min_seconds = 1\nretry_max_seconds = 2"),
    );
    let mail = b"From: a@example.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: wait\r\n\r\nlater\r\n";
    let reply = submit(gateway.smtp, "a@example.jp", &["staff@city.example.lg.jp"], mail).expect("submitted");
    assert_eq!(reply.0, 250, "the gateway takes mail while the next hop is away: {}", reply.1);
    std::thread::sleep(Duration::from_secs(2));
    let read = python_reads(Sink::listen(closed).wait_for_mail(PATIENCE).as_bytes());
    assert_eq!(read["subject"], "wait");
    assert!(read["text"].as_str().is_some_and(|text| text.contains("later")), "{read}");
}

#[test]
fn a_refused_recipient_is_reported_to_the_sender_and_the_others_get_the_mail() {
    let line = Line::start("");
    let mail = b"From: sender@city.example.lg.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: two\r\n\r\nhello\r\n";
    let recipients = ["staff@city.example.lg.jp", "nobody@elsewhere.example"];
    let reply = submit(line.gateway.smtp, "sender@city.example.lg.jp", &recipients, mail).expect("submitted");
    assert_eq!(reply.0, 250, "{}", reply.1);
    let mails = line.behind.wait_for(2, PATIENCE);
    let subjects: Vec<String> =
        mails.iter().map(|mail| python_reads(mail)["subject"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(subjects.iter().any(|subject| subject == "two"), "{subjects:?}");
    let report = mails.iter().find(|mail| String::from_utf8_lossy(mail).contains("nobody@elsewhere.example"));
    assert!(report.is_some(), "a report names the refused recipient: {subjects:?}");
}

/// A server that takes one mail and remembers it.
struct Sink(std::net::TcpListener);

impl Sink {
    fn listen(address: std::net::SocketAddr) -> Sink {
        Sink(std::net::TcpListener::bind(address).expect("the port is free again"))
    }

    fn wait_for_mail(self, patience: Duration) -> String {
        use std::io::{BufRead, BufReader, Write};
        let (stream, _) = self.0.accept().expect("a connection");
        stream.set_read_timeout(Some(patience)).expect("set");
        let mut lines = BufReader::new(stream.try_clone().expect("cloned"));
        let mut out = stream;
        let (mut mail, mut in_data) = (String::new(), false);
        out.write_all(b"220 sink\r\n").expect("written");
        loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).expect("read") > 0, "closed before the mail was whole: {mail}");
            match (in_data, line.trim_end()) {
                (true, ".") => {
                    out.write_all(b"250 ok\r\n").expect("written");
                    return mail;
                }
                (true, _) => mail.push_str(&line),
                (false, "DATA") => {
                    in_data = true;
                    out.write_all(b"354 go\r\n").expect("written");
                }
                (false, _) => out.write_all(b"250 ok\r\n").expect("written"),
            }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child =
        Command::new("base64").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("base64 is there");
    child.stdin.take().expect("stdin").write_all(bytes).expect("written");
    let output = child.wait_with_output().expect("ends");
    String::from_utf8(output.stdout).expect("ASCII").replace('\n', "\r\n")
}
