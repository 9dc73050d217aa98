//! Calendars and cards that come as files of a mail: their words in its text, once, and within bounds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

use form::job::{DirtyJob, DirtyOp};
use form::mail::MailDoc;
use form::{Limits, Reason};

fn read(mail: &str) -> MailDoc {
    let job = DirtyJob::new(DirtyOp::Mail, Limits::default());
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::mail::disarm(mail.as_bytes(), &job, &mut form, &mut spill).unwrap();
    MailDoc::decode(form.as_slice(), &job.limits).unwrap()
}

/// A mail with a text and further parts, each given with its header.
fn mail(text: &str, parts: &[String]) -> String {
    let mut mail = format!(
        "From: a@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    );
    for part in parts {
        mail.push_str(&format!("--b\r\n{part}\r\n"));
    }
    mail + "--b--\r\n"
}

fn file(kind: &str, name: &str, content: &str) -> String {
    format!("Content-Type: {kind}\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{content}")
}

fn event(number: usize) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{number}\r\nDTSTART;TZID=Asia/Tokyo:20261125T140000\r\nDTEND;TZID=Asia/Tokyo:20261125T150000\r\n\
        SUMMARY:防災会議その{number}\r\nLOCATION:第{number}会議室\r\nORGANIZER;CN=山田:mailto:yamada@example.jp\r\nEND:VEVENT\r\n"
    )
}

fn calendar(count: usize) -> String {
    let events: String = (1..=count).map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:PUBLISH\r\n{events}END:VCALENDAR\r\n")
}

const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:山田 太郎\r\nN:山田;太郎\r\nTEL:03-1234-5678\r\nEND:VCARD\r\n";

/// vCalendar 1.0, section 2.1.4: quoted-printable, in the set of the phone. Python: `quopri.encodestring("歓迎会".encode("cp932"))`.
#[test]
fn an_event_of_a_phone_says_when_and_where_too() {
    let event = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nDTSTART:20261125T100000\r\nDTEND:20261125T110000\r\n\
        SUMMARY;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8A=BD=8C}=89=EF\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    for (kind, name) in [("text/x-vcalendar", "a.vcs"), ("application/octet-stream", "a.VCS")] {
        let read = read(&mail("別添のとおりです。", &[file(kind, name, event)]));
        let text = read.body.as_str();
        assert!(text.ends_with("件名: 歓迎会\n日時: 2026年11月25日(水) 10:00 ～ 2026年11月25日(水) 11:00"), "{text}");
    }
}

#[test]
fn a_calendar_that_came_as_a_file_says_when_where_and_who_in_the_text() {
    for (kind, name) in [
        ("text/calendar; charset=utf-8", "kaigi.ics"),
        ("application/ics", "kaigi.ics"),
        ("application/octet-stream", "kaigi.ICS"),
    ] {
        let read = read(&mail("別添のとおりです。", &[file(kind, name, &calendar(1))]));
        let text = read.body.as_str();
        assert!(
            text.starts_with(&format!("別添のとおりです。\n\n[添付1: {name}]\n■ 予定\n件名: 防災会議その1\n")),
            "{text}"
        );
        for told in ["2026年11月25日", "14:00", "第1会議室", "山田"] {
            assert!(text.contains(told), "no {told}: {text}");
        }
        assert_eq!(read.children.len(), 1, "and the file is there all the same");
        assert!(read.findings.iter().any(|finding| finding.reason == Reason::ShownAsText));
    }
}

#[test]
fn a_card_that_came_as_a_file_says_who_it_is() {
    let read = read(&mail("名刺です。", &[file("application/octet-stream", "meishi.vcf", CARD)]));
    let text = read.body.as_str();
    assert!(
        text.contains("[添付1: meishi.vcf]") && text.contains("山田 太郎") && text.contains("03-1234-5678"),
        "{text}"
    );
}

#[test]
fn what_the_text_says_already_is_not_said_twice() {
    // As invitations really come: the calendar as itself, and once more as a file.
    let itself = format!("Content-Type: text/calendar; charset=utf-8; method=PUBLISH\r\n\r\n{}", calendar(1));
    let read_twice = read(&mail("招待です。", &[itself, file("application/ics", "invite.ics", &calendar(1))]));
    let text = read_twice.body.as_str();
    assert_eq!(text.matches("防災会議その1").count(), 1, "{text}");
    assert_eq!(read_twice.children.len(), 2);
    // Another day is another meeting.
    let itself = format!("Content-Type: text/calendar; charset=utf-8; method=PUBLISH\r\n\r\n{}", calendar(1));
    let other = calendar(1).replace("20261125", "20271125");
    let read_both = read(&mail("招待です。", &[itself, file("application/ics", "invite.ics", &other)]));
    let text = read_both.body.as_str();
    assert!(text.contains("2026年11月25日") && text.contains("2027年11月25日"), "{text}");
}

#[test]
fn of_many_entries_and_many_files_the_first_are_shown_and_the_others_counted() {
    let read_many = read(&mail("x", &[file("text/calendar", "all.ics", &calendar(5))]));
    assert!(!read_many.body.as_str().contains("ほか"), "{}", read_many.body.as_str());
    let read_many = read(&mail("x", &[file("text/calendar", "all.ics", &calendar(6))]));
    let text = read_many.body.as_str();
    assert!(text.contains("防災会議その5") && !text.contains("防災会議その6"), "{text}");
    assert!(text.ends_with("（ほか1件は添付ファイルにあります）"), "{text}");
    let files: Vec<String> = (1..=40)
        .map(|number| {
            file(
                "text/calendar",
                &format!("{number}.ics"),
                &calendar(1).replace("20261125", &format!("20{number:02}1125")),
            )
        })
        .collect();
    let read_files = read(&mail("x", &files));
    let text = read_files.body.as_str();
    assert!(text.contains("[添付4: 4.ics]") && !text.contains("添付5"), "{text}");
    assert_eq!(read_files.children.len(), 40);
}

#[test]
fn long_words_are_cut_and_what_is_no_calendar_says_nothing() {
    let long = calendar(1).replace("防災会議その1", &"あ".repeat(40_000));
    let read_long = read(&mail("x", &[file("text/calendar", "long.ics", &long)]));
    let text = read_long.body.as_str();
    assert!(text.len() < 10_000 && text.ends_with("…\n（続きは添付ファイルにあります）"), "{}", text.len());
    let huge = calendar(1).replace("防災会議その1", &"a".repeat(600_000));
    assert_eq!(read(&mail("x", &[file("text/calendar", "huge.ics", &huge)])).body.as_str().trim_end(), "x");
    for content in ["", "BEGIN:VCALENDAR\r\n", "\u{1}\u{2}\u{3}"] {
        let read_none = read(&mail("x", &[file("text/calendar", "none.ics", content)]));
        assert_eq!((read_none.body.as_str().trim_end(), read_none.children.len()), ("x", 1), "{content:?}");
    }
}
