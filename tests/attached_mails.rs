//! What becomes of mails in mails and archives: mails again, or texts with their attachments beside them. The real rooms write them,
//! and Python's mail parser and unpacker read what comes out.

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

#[path = "support/sanitize.rs"]
mod sanitize;

use std::fs;
use std::process::Command;

use sanitize::{has, sanitize};
use serde_json::Value;

const INNERMOST: &str = "From: <c@example.jp>\r\nTo: d@example.jp\r\nSubject: =?utf-8?b?5LiA55Wq5Lit?=\r\n\
    Content-Type: multipart/mixed; boundary=innermost\r\n\r\n\
    --innermost\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n最も内側の言葉\r\n\
    --innermost\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=note.txt\r\n\r\nsecond\r\n\
    --innermost--\r\n";

/// A mail with a note and a mail in it, which has a note of its own.
fn inner() -> String {
    format!(
        "From: =?utf-8?b?5bGx55Sw?= <yamada@example.jp>\r\nTo: b@example.jp, e@example.jp\r\nCc: f@example.jp\r\n\
        Subject: =?utf-8?b?6Lui6YCB5YWD?=\r\nDate: Fri, 20 Nov 2026 09:00:00 +0900\r\n\
        Content-Type: multipart/mixed; boundary=inner\r\n\r\n\
        --inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>内側の<a href=\"https://in.example/\">言葉</a></p>\r\n\
        --inner\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=note.txt\r\n\r\nfirst\r\n\
        --inner\r\nContent-Type: application/x-msdownload\r\nContent-Disposition: attachment; filename=run.exe\r\n\r\nMZ\u{1}\u{2}\r\n\
        --inner\r\nContent-Type: message/rfc822\r\n\r\n{INNERMOST}\r\n--inner--\r\n"
    )
}

fn outer(attached: &str) -> String {
    format!(
        "From: a@example.jp\r\nTo: b@example.lg.jp\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n\
        --outer\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n外側の言葉\r\n\
        --outer\r\n{attached}\r\n--outer--\r\n"
    )
}

/// Name, media type and text of all that the report's output holds, as Python reads it.
fn held(report: &Value, script: &str) -> Vec<[String; 3]> {
    let output = report["output"].as_str().unwrap_or_else(|| panic!("{report}"));
    let ran = Command::new("python3").args(["-c", script, output]).output().expect("python3 runs");
    assert!(ran.status.success(), "{ran:?}");
    serde_json::from_slice(&ran.stdout).expect("a list")
}

fn attachments(report: &Value) -> Vec<[String; 3]> {
    held(
        report,
        "import sys,email,email.policy,json\n\
        m=email.message_from_binary_file(open(sys.argv[1],'rb'),policy=email.policy.default)\n\
        text=lambda p: str(p.get_content()).lstrip('\\ufeff').replace('\\r\\n','\\n')\n\
        print(json.dumps([[p.get_filename() or '',p.get_content_type(),text(p)] for p in m.iter_parts()]))",
    )
}

fn members(report: &Value) -> Vec<[String; 3]> {
    held(
        report,
        "import sys,zipfile,json\n\
        z=zipfile.ZipFile(sys.argv[1])\n\
        print(json.dumps([[n,'',z.read(n).decode('utf-8-sig').replace('\\r\\n','\\n')] for n in z.namelist()]))",
    )
}

fn names(parts: &[[String; 3]]) -> Vec<&str> {
    parts.iter().map(|part| part[0].as_str()).collect()
}

const TEXT: &str = "[mail]\nattached = \"text\"\nlinks = \"defang\"\n";

#[test]
fn attached_mails_stay_mails_unless_the_site_wants_texts() {
    let mail = outer(&format!("Content-Type: message/rfc822\r\n\r\n{}", inner()));
    let (report, _kept) = sanitize("m.eml", mail.as_bytes(), "");
    let parts = attachments(&report);
    assert_eq!(names(&parts), ["", "転送元.eml"]);
    assert_eq!(parts[1][1], "message/rfc822");
    assert!(!has(&report["children"][0], "mail_as_text"), "{report}");
}

#[test]
fn a_mail_in_a_mail_becomes_a_text_and_its_attachments_lie_beside_it() {
    let mail = outer(&format!("Content-Type: message/rfc822\r\n\r\n{}", inner()));
    let (report, _kept) = sanitize("m.eml", mail.as_bytes(), TEXT);
    let parts = attachments(&report);
    assert_eq!(names(&parts), ["", "転送元.eml.txt", "note.txt", "一番中.eml.txt", "note (2).txt"], "{report}");
    assert!(parts.iter().all(|part| part[1] == "text/plain"), "{parts:?}");
    let text = &parts[1][2];
    let head = "差出人: 山田 <yamada@example.jp>\n宛先: b@example.jp, e@example.jp\nCC: f@example.jp\n\
        日時: Fri, 20 Nov 2026 09:00:00 +0900\n件名: 転送元\n\n";
    assert!(text.starts_with(head), "{text}");
    // Its own account stands in it, and its words under the policy for addresses.
    assert!(
        text.contains("run.exe  お渡しできません") && text.ends_with("内側の言葉 <hxxps://in[.]example/>\n"),
        "{text}"
    );
    assert!(parts[3][2].starts_with("差出人: c@example.jp\n宛先: d@example.jp\n件名: 一番中\n"), "{}", parts[3][2]);
    assert!(parts[3][2].ends_with("最も内側の言葉\n"), "{}", parts[3][2]);
    assert_eq!((parts[2][2].trim(), parts[4][2].trim()), ("first", "second"));
    // The mail around it says where they come from.
    let account = &parts[0][2];
    for told in ["文字だけのファイルに", "+ note.txt", "note (2).txt", "添付されたメールの添付ファイル", "run.exe"]
    {
        assert!(account.contains(told), "no {told}: {account}");
    }
    let inner = &report["children"][0];
    assert!(has(inner, "mail_as_text") && has(inner, "links_defanged"), "{report}");
    assert!(has(&inner["children"][2], "mail_as_text"), "{report}");
}

#[test]
fn a_mail_in_an_archive_becomes_a_text_in_its_folder() {
    let directory = tempfile::tempdir().expect("a directory");
    let (mail, archive) = (directory.path().join("m.eml"), directory.path().join("a.zip"));
    fs::write(&mail, inner()).expect("written");
    let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],'w')\nz.write(sys.argv[2],'x/m.eml')\nz.writestr('note.txt','third')";
    let packed = Command::new("python3").args(["-c", script]).args([&archive, &mail]).status().expect("python3 runs");
    assert!(packed.success());
    let (report, _kept) = sanitize("a.zip", &fs::read(&archive).expect("read"), TEXT);
    let members = members(&report);
    assert_eq!(
        names(&members),
        ["x/m.eml.txt", "note.txt", "x/note.txt", "x/一番中.eml.txt", "x/note (2).txt"],
        "{report}"
    );
    assert!(members[0][2].contains("件名: 転送元") && members[2][2].trim() == "first");
}

#[test]
fn digests_and_a_mail_that_came_by_itself() {
    let digest = format!(
        "Content-Type: multipart/digest; boundary=digest\r\n\r\n--digest\r\n\r\n{INNERMOST}\r\n--digest\r\n\r\n\
        From: g@example.jp\r\nSubject: two\r\n\r\nwords\r\n--digest--\r\n"
    );
    let (report, _kept) = sanitize("m.eml", outer(&digest).as_bytes(), TEXT);
    let parts = attachments(&report);
    assert_eq!(names(&parts), ["", "一番中.eml.txt", "two.eml.txt", "note.txt"], "{report}");
    // A file of a mail is one file, and stays one.
    let (report, _kept) = sanitize("m.eml", INNERMOST.as_bytes(), TEXT);
    assert_eq!(report["output_type"], "message/rfc822", "{report}");
}

#[test]
fn mails_in_mails_in_mails_end_at_the_limit_and_the_text_says_so() {
    let mut mail = INNERMOST.to_owned();
    for level in 0..100 {
        mail = format!(
            "From: a@example.jp\r\nSubject: level {level}\r\nContent-Type: multipart/mixed; boundary=b{level}\r\n\r\n\
            --b{level}\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b{level}--\r\n"
        );
    }
    let (report, _kept) = sanitize("m.eml", mail.as_bytes(), TEXT);
    let parts = attachments(&report);
    let texts = parts.iter().filter(|part| part[0].ends_with(".eml.txt")).count();
    assert_eq!(texts, 8, "as deep as limits.depth lets parts lie in parts: {:?}", names(&parts));
    assert!(parts[0][2].contains("何重にも"), "{}", parts[0][2]);
}

#[test]
fn headers_that_come_twice_and_crowds_of_recipients_are_told_as_the_mail_would_have_them() {
    let crowd: Vec<String> = (0..900).map(|number| format!("r{number}@example.jp")).collect();
    let attached = format!(
        "Content-Type: message/rfc822\r\n\r\nFrom: a@example.jp\r\nFrom: b@example.jp\r\nSubject: one\r\nSubject: two\r\nTo: {}\r\n\
        Content-Type: text/plain\r\n\r\n差出人: liar@example.jp\r\n",
        crowd.join(",\r\n ")
    );
    let (eml, _kept) = sanitize("m.eml", outer(&attached).as_bytes(), "");
    let (text, _kept) = sanitize("m.eml", outer(&attached).as_bytes(), TEXT);
    let reasons = |report: &Value| -> Vec<String> {
        let findings = report["children"][0]["findings"].as_array().expect("a list").iter();
        findings.map(|finding| finding["reason"].as_str().expect("a name").to_owned()).collect()
    };
    let told: Vec<String> = reasons(&text).into_iter().filter(|reason| reason != "mail_as_text").collect();
    assert_eq!(told, reasons(&eml));
    let text = &attachments(&text)[1][2];
    let (head, words) = text.split_once("\n\n").expect("a head");
    assert_eq!(head.matches("差出人: ").count(), 1, "{head}");
    assert!(head.contains("r0@example.jp, r1@example.jp") && head.contains("r899@example.jp"), "{head}");
    assert!(words.ends_with("差出人: liar@example.jp\n"), "{words}");
}
