//! Encoded-words and parameters as they are really sent, some 1,700 mails with three of them each (`mail_kit/words.py`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod python_kit;

use form::job::{DirtyJob, DirtyOp};
use form::mail::MailDoc;
use form::name::FileName;
use form::{Limits, Reason};
use python_kit::unescaped;

fn read(mail: &[u8]) -> MailDoc {
    let job = DirtyJob::new(DirtyOp::Mail, Limits::default());
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::mail::disarm(mail, &job, &mut form, &mut spill).unwrap();
    MailDoc::decode(form.as_slice(), &job.limits).unwrap()
}

#[test]
fn subjects_authors_and_names_are_read_in_every_form_they_are_sent_in() {
    let (mut count, mut wrong) = (0, Vec::new());
    for [hex, subject, author, name] in python_kit::lines("mail_kit/words.py") {
        let mail = python_kit::bytes(&hex);
        let doc = read(&mail);
        let found = (
            doc.header.subject.as_str().to_owned(),
            doc.header.from.as_ref().map_or("", |from| from.name.as_str()).to_owned(),
            doc.children.first().map_or("", |child| child.name.as_str()).to_owned(),
        );
        let rebuilt = FileName::rebuild(&unescaped(&name)).0.as_str().to_owned();
        let expected = (unescaped(&subject), unescaped(&author), rebuilt);
        let told = doc.findings.iter().any(|finding| finding.reason == Reason::CharsetUndecided);
        count += 1;
        if found != expected && !told {
            wrong.push(format!("{found:?}\n  for {expected:?}\n  in {}", mail.escape_ascii()));
        }
    }
    assert!(count > 1_500, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
