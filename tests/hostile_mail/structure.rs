//! How a mail is put together: its parts, their number, their depth, and where two readers would read two mails.

use std::fmt::Write as _;

use serde_json::Value;

use crate::kit::{SENDER, Target, attached, attached_bytes, fields, mixed, text_mail};

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
