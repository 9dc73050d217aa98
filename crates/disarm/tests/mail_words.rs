//! Encoded-words and parameters as they are really sent, some 1,700 mails with three of them each (`mail_kit/words.py`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test says what went wrong by failing, and asks another program"
)]

use std::process::Command;

use form::job::{DirtyJob, DirtyOp};
use form::mail::MailDoc;
use form::name::FileName;
use form::{Limits, Reason};

fn read(mail: &[u8]) -> MailDoc {
    let job = DirtyJob::new(DirtyOp::Mail, Limits::default());
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::mail::disarm(mail, &job, &mut form, &mut spill).unwrap();
    MailDoc::decode(form.as_slice(), &job.limits).unwrap()
}

/// Python's `unicode_escape` as far as these texts need it.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let digits = match (c, c == '\\') {
            (_, false) => {
                out.push(c);
                continue;
            }
            _ => match chars.next().unwrap() {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                other => panic!("\\{other}"),
            },
        };
        let code: String = chars.by_ref().take(digits).collect();
        out.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
    }
    out
}

#[test]
fn subjects_authors_and_names_are_read_in_every_form_they_are_sent_in() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail_kit/words.py");
    let output = Command::new("python3").arg(script).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut count, mut wrong) = (0, Vec::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [hex, subject, author, name] = fields[..] else { panic!("{line}") };
        let mail: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect();
        let doc = read(&mail);
        let found = (
            doc.header.subject.as_str().to_owned(),
            doc.header.from.as_ref().map_or("", |from| from.name.as_str()).to_owned(),
            doc.children.first().map_or("", |child| child.name.as_str()).to_owned(),
        );
        let rebuilt = FileName::rebuild(&unescape(name)).0.as_str().to_owned();
        let expected = (unescape(subject), unescape(author), rebuilt);
        let told = doc.findings.iter().any(|finding| finding.reason == Reason::CharsetUndecided);
        count += 1;
        if found != expected && !told {
            wrong.push(format!("{found:?}\n  for {expected:?}\n  in {}", mail.escape_ascii()));
        }
    }
    assert!(count > 1_500, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
