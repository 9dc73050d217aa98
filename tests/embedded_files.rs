//! Files that are embedded in PDF files: left behind, or rebuilt and laid beside the document where the site wants that.

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
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{Gateway, python_reads, read_maildir, submit};

const EXTRACT: &str = "[pages]\nembedded = \"extract\"\n";

/// A PDF file of one empty page with these files in its name tree (ISO 32000-1, 7.11.4).
fn pdf(files: &[(&str, &[u8])]) -> Vec<u8> {
    let count = files.len();
    let list = |first: usize| (0..count).map(|at| format!("({}) {} 0 R", files[at].0, first + at)).collect::<String>();
    let mut objects: Vec<Vec<u8>> = vec![
        format!("<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[{}]>>>>>>", list(4)).into_bytes(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<<>>>>".to_vec(),
    ];
    for (at, (name, _)) in files.iter().enumerate() {
        objects.push(format!("<</Type/Filespec/F({name})/UF({name})/EF<</F {} 0 R>>>>", 4 + count + at).into_bytes());
    }
    for (_, bytes) in files {
        let head = format!("<</Type/EmbeddedFile/Length {}>>stream\n", bytes.len());
        objects.push([head.as_bytes(), bytes, b"\nendstream"].concat());
    }
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(out.len());
        out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let table = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).as_bytes(),
    );
    out
}

fn sanitize(directory: &Path, bytes: &[u8], config: &str) -> (Output, Value) {
    let (input, policy, output) =
        (directory.join("annex.pdf"), directory.join("misogi.toml"), directory.join("out").display().to_string());
    fs::write(&input, bytes).expect("written");
    fs::write(&policy, config).expect("written");
    let ran = Command::new(env!("CARGO_BIN_EXE_misogi"))
        .args(["sanitize", "--json", "-o", &output, "--policy"])
        .args([&policy, &input])
        .output()
        .expect("runs");
    let report = serde_json::from_slice(&ran.stdout).expect("one report");
    (ran, report)
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("listed")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

#[test]
fn embedded_files_stay_behind_and_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let (ran, report) = sanitize(directory.path(), &pdf(&[("list.csv", b"a,b\r\n1,2\r\n")]), "");
    assert_eq!(ran.status.code(), Some(0), "{report}");
    assert!(report["findings"].to_string().contains("\"embedded_file\""), "{report}");
    assert_eq!(names(&directory.path().join("out")), ["annex.pdf"]);
}

#[test]
fn embedded_files_are_rebuilt_and_lie_beside_the_document_where_the_site_wants_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = pdf(&[("list.csv", b"deep,er\r\n3,4\r\n")]);
    let files: [(&str, &[u8]); 4] = [
        ("list.csv", b"a,b\r\n1,=cmd()\r\n"),
        ("annex.pdf", &inner),
        ("tool.exe", b"MZ\x90\x00\x03\x00"),
        ("note.txt", b"note"),
    ];
    let (ran, report) = sanitize(directory.path(), &pdf(&files), EXTRACT);
    assert_eq!(ran.status.code(), Some(1), "the program is withheld: {report}");
    assert!(!report["findings"].to_string().contains("\"embedded_file\""), "{report}");
    let out = directory.path().join("out");
    assert_eq!(names(&out), ["annex (2).pdf", "annex.pdf", "list (2).csv", "list.csv", "note.txt"]);
    let children = report["children"].as_array().expect("a list");
    let verdicts: Vec<&str> = children.iter().map(|child| child["verdict"].as_str().expect("a verdict")).collect();
    assert_eq!(verdicts, ["sanitised", "sanitised", "withheld", "sanitised"]);
    assert_eq!(children[0]["output"].as_str(), Some(out.join("list.csv").to_str().expect("UTF-8")));
    assert_eq!(children[2]["findings"][0]["reason"], "unsupported_type");
    let table = fs::read_to_string(out.join("list.csv")).expect("read");
    assert!(table.contains("'=cmd()"), "rebuilt like any other: {table}");
    assert!(fs::read_to_string(out.join("list (2).csv")).expect("read").contains("deep"));
}

#[test]
fn more_embedded_files_than_one_mail_may_bring_leave_the_document() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = pdf(&[("b.txt", b"b"), ("c.txt", b"c")]);
    let bytes = pdf(&[("inner.pdf", &inner), ("a.txt", b"a")]);
    let (ran, report) = sanitize(directory.path(), &bytes, &format!("{EXTRACT}[limits]\nparts = 3\n"));
    assert_eq!(ran.status.code(), Some(1), "{report}");
    // Two of three places are taken by the outer document's files, so the inner document passes without its own.
    assert_eq!(names(&directory.path().join("out")), ["a.txt", "annex.pdf", "inner.pdf"]);
    let reasons: Vec<&Value> = report["children"][0]["children"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|child| &child["findings"][0]["reason"])
        .collect();
    assert_eq!(reasons, ["limit_parts", "limit_parts"]);
}

#[test]
fn in_a_mail_they_are_further_attachments_and_the_account_tells_where_they_were() {
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start(directory.path(), EXTRACT);
    let document = pdf(&[("list.csv", b"a,b\r\n1,2\r\n"), ("tool.exe", b"MZ\x90\x00\x03\x00")]);
    let encoded = Command::new("python3")
        .args([
            "-c",
            "import base64,sys;print(base64.encodebytes(bytes.fromhex(sys.argv[1])).decode().replace('\\n','\\r\\n'))",
        ])
        .arg(document.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        .output()
        .expect("python3 runs");
    let mail = format!(
        "From: a@example.jp\r\nTo: staff@city.example.lg.jp\r\nSubject: annex\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nkeep-me\r\n--b\r\n\
         Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"annex.pdf\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        String::from_utf8(encoded.stdout).expect("ASCII")
    );
    let (code, text) =
        submit(gateway.smtp, "a@example.jp", &["staff@city.example.lg.jp"], mail.as_bytes()).expect("answers");
    assert_eq!(code, 250, "{text}");
    let started = std::time::Instant::now();
    let mail = loop {
        if let Some(mail) = read_maildir(&gateway.directory.join("data/maildir/new")).first() {
            break python_reads(mail);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "{}", gateway.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    let names: Vec<&str> =
        mail["attachments"].as_array().expect("a list").iter().filter_map(|file| file["name"].as_str()).collect();
    assert_eq!(names, ["annex.pdf", "list.csv"], "{mail}");
    let text = mail["text"].as_str().expect("a text");
    for told in ["list.csv  作り直しました（文書に埋め込まれていたファイル）", "tool.exe  お渡しできません"]
    {
        assert!(text.contains(told), "no {told}: {text}");
    }
    assert_eq!(mail["verdict"], "partly-withheld");
}
