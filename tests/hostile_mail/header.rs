//! Fields and names: their number, what hides in their values, and what they pretend to be.

use std::fmt::Write as _;

use crate::kit::{RECIPIENT, SENDER, Target, attached, base64, fields, mixed};
use crate::support::Client;

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
