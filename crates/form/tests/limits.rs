//! Every limit at n and at n + 1, on the writing and on the reading side.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod documents;

use documents::*;
use form::bundle::{Bundle, BundleWriter, ChildMeta, ExtraHeader, HeaderName};
use form::codec::EncodeError;
use form::document::Document;
use form::job::{DirtyJob, DirtyOp, Password};
use form::mail::{MailDoc, MessageId};
use form::report::{CleanReport, Letters, OutputType, PageLevels};
use form::text::{Line, Text};
use form::{DetectedType, Finding, Kind, Limits, Place, Reason, Refusal};

fn mail(change: impl FnOnce(&mut MailDoc)) -> Document {
    let mut doc = mail_doc();
    change(&mut doc);
    Document::Mail(doc)
}

#[test]
fn form_bytes() {
    for document in examples() {
        let bytes = document.encode(Vec::new(), &Limits::default()).unwrap();
        let pages = document.kind() == Kind::Pages;
        exact(&document, bytes.len() as u64, Reason::LimitFormBytes, |limits, n| {
            // Each has the limit of its kind and no other.
            let (own, other) = if pages { (n, 0) } else { (0, n) };
            (limits.pages_form_bytes, limits.form_bytes) = (own, other);
        });
    }
}

#[test]
fn parts() {
    exact(&mail(|_| {}), 2, Reason::LimitParts, |limits, n| limits.parts = short(n));
    exact(&container_doc(), 2, Reason::LimitParts, |limits, n| limits.parts = short(n));
}

#[test]
fn spill_bytes() {
    exact(&container_doc(), 200, Reason::LimitSpillBytes, |limits, n| limits.spill_bytes = n);
}

#[test]
fn pixels_of_all_frames() {
    exact(&image_doc(5, 3, 2), 30, Reason::LimitPixels, |limits, n| limits.pixels = n);
}

#[test]
fn dimension() {
    exact(&image_doc(5, 3, 1), 5, Reason::LimitDimension, |limits, n| limits.dimension = short(n));
    exact(&image_doc(3, 5, 1), 5, Reason::LimitDimension, |limits, n| limits.dimension = short(n));
}

#[test]
fn frames() {
    exact(&image_doc(1, 1, 7), 7, Reason::LimitFrames, |limits, n| limits.frames = short(n));
}

#[test]
fn text_bytes_of_texts_mails_and_tables() {
    exact(&text_doc("あいう"), 9, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n);
    exact(&mail(|doc| doc.body = text("abc")), 3, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n);
    exact(&table_doc(&[&["a", "bc"], &["d"]]), 4, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n);
}

#[test]
fn cells_where_an_empty_row_counts_as_one() {
    exact(&table_doc(&[&["a", "b"], &[], &["c"]]), 4, Reason::LimitCells, |limits, n| limits.cells = n);
}

#[test]
fn row_bytes() {
    exact(&table_doc(&[&["abc"]]), 4 + 1 + 4 + 3, Reason::LimitRowBytes, |limits, n| limits.row_bytes = short(n));
}

#[test]
fn line_bytes_of_subject_name_and_type() {
    let set = |limits: &mut Limits, n| limits.line_bytes = short(n);
    let long = Line::parse(&"a".repeat(100)).unwrap();
    exact(&mail(|doc| doc.header.subject = long.clone()), 100, Reason::LimitLineBytes, set);
    exact(&mail(|doc| doc.header.to[0].name = long.clone()), 100, Reason::LimitLineBytes, set);
    exact(&mail(|doc| doc.header.list_id = Some(long.clone())), 100, Reason::LimitLineBytes, set);
    exact(&mail(|doc| doc.header.auto_submitted = Some(long.clone())), 100, Reason::LimitLineBytes, set);
    exact(&mail(|doc| doc.children[0].declared_type = long.clone()), 100, Reason::LimitLineBytes, set);
}

#[test]
fn a_declared_type_holds_255_bytes_whatever_the_limit() {
    let with = |len: usize| mail(|doc| doc.children[0].declared_type = Line::parse(&"a".repeat(len)).unwrap());
    assert!(with(255).encode(Vec::new(), &Limits::default()).is_ok());
    let refused = with(256).encode(Vec::new(), &Limits::default());
    assert!(matches!(refused, Err(EncodeError::Limit(Refusal { limit: 255, value: 256, .. }))));
}

#[test]
fn name_bytes() {
    let document = mail(|doc| doc.children[0].name = name(&"a".repeat(100)));
    exact(&document, 100, Reason::LimitNameBytes, |limits, n| limits.name_bytes = short(n));
}

#[test]
fn path_bytes() {
    exact(&container_doc(), "資料/第1章.docx".len() as u64, Reason::LimitNameBytes, |limits, n| {
        limits.path_bytes = short(n);
    });
}

#[test]
fn header_bytes() {
    let bytes = |change: usize| {
        let doc = mail(|doc| {
            doc.children.clear();
            doc.findings.clear();
            doc.body = Text::default();
            doc.header = Default::default();
            doc.header.subject = Line::parse(&"a".repeat(change)).unwrap();
        });
        // Two empty fields of a flag, three empty lists, the subject, two flags, two lists, two flags, a list, the hops.
        exact(&doc, (2 + 12 + 4 + change + 2 + 8 + 2 + 4 + 2) as u64, Reason::LimitHeaderBytes, |limits, n| {
            limits.header_bytes = short(n);
        });
    };
    bytes(0);
    bytes(1000);
}

#[test]
fn addresses_of_all_fields() {
    let document = mail(|doc| {
        doc.header.sender = Some(mailbox("s@example.jp"));
        doc.header.cc = vec![mailbox("c@example.jp")];
        doc.header.reply_to = vec![mailbox("r@example.jp")];
    });
    exact(&document, 6, Reason::LimitAddresses, |limits, n| limits.addresses = short(n));
}

#[test]
fn references_of_both_fields() {
    let document = mail(|doc| doc.header.in_reply_to = vec![MessageId::parse("r@example.jp").unwrap(); 3]);
    exact(&document, 4, Reason::LimitReferences, |limits, n| limits.references = short(n));
}

#[test]
fn findings() {
    let document = mail(|doc| doc.findings = vec![Finding::new(Reason::Metadata, Place::new("EXIF")); 5]);
    exact(&document, 5, Reason::LimitFindings, |limits, n| limits.findings = short(n));
}

#[test]
fn findings_of_a_report_twice_the_limit_of_a_room() {
    let report = CleanReport {
        kind: Kind::Text,
        detected_type: DetectedType::UNKNOWN,
        output: OutputType::Text,
        pages: 0,
        levels: PageLevels::default(),
        letters: Letters::default(),
        unmapped: Vec::new(),
        findings: vec![Finding::new(Reason::Metadata, Place::default()); 6],
        opened: Default::default(),
        children: Vec::new(),
    };
    let limits = |findings| Limits { findings, ..Limits::default() };
    assert!(CleanReport::decode(&report.encode(), &limits(3)).is_ok());
    let refused = CleanReport::decode(&report.encode(), &limits(2)).unwrap_err();
    assert_eq!(refused.refusal(), Refusal { reason: Reason::LimitFindings, limit: 4, value: 6 });
}

#[test]
fn passwords_of_a_job_16_of_1024_bytes() {
    assert!(Password::new(&"p".repeat(1024)).is_some());
    assert!(Password::new(&"p".repeat(1025)).is_none());
    let job = |count| DirtyJob {
        passwords: vec![Password::new(&"p".repeat(1024)).unwrap(); count],
        ..DirtyJob::new(DirtyOp::Auto, Limits::default())
    };
    assert!(DirtyJob::decode(&job(16).encode()).is_ok());
    assert!(DirtyJob::decode(&job(17).encode()).is_err());
}

/// Writes and reads a bundle with a form of 10 bytes, an account of 5, headers of 20 and two children of 7 bytes.
fn bundle(writing: &Limits, reading: &Limits) -> (Result<(), Refusal>, Result<(), Refusal>) {
    let write = |limits: &Limits| -> Result<Vec<u8>, EncodeError> {
        let mut writer = BundleWriter::new(Vec::new(), limits)?;
        writer.form(10, &mut &[0; 10][..])?;
        writer.account(&text("abcde"))?;
        // 8 for the two lengths, 4 and 8 bytes.
        let header = ExtraHeader { name: HeaderName::parse("X-Ab").unwrap(), value: line("12345678") };
        writer.extra_header(&header)?;
        for id in 0..2 {
            let meta =
                ChildMeta { id, name: name("a"), path: None, modified: None, output: OutputType::Text, inline: false };
            writer.child(&meta, 7, &mut &[0; 7][..])?;
        }
        writer.finish()
    };
    let bytes = write(&Limits::default()).unwrap();
    let read = Bundle::decode(&bytes, reading).map(drop).map_err(|error| error.refusal());
    (write(writing).map(drop).map_err(|error| error.refusal()), read)
}

#[test]
fn every_part_of_a_bundle() {
    type Set = fn(&mut Limits, u64);
    let table: [(u64, Reason, Set); 6] = [
        (10, Reason::LimitFormBytes, |limits, n| limits.form_bytes = n),
        (5, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n),
        (8, Reason::LimitLineBytes, |limits, n| limits.line_bytes = short(n)),
        (20, Reason::LimitHeaderBytes, |limits, n| limits.header_bytes = short(n)),
        (2, Reason::LimitParts, |limits, n| limits.parts = short(n)),
        (14, Reason::LimitTotalBytes, |limits, n| limits.total_bytes = n),
    ];
    for (n, reason, set) in table {
        let limits = |value| {
            let mut limits = Limits::default();
            set(&mut limits, value);
            limits
        };
        assert_eq!(bundle(&limits(n), &limits(n)), (Ok(()), Ok(())), "{reason}");
        let refusal = Err(Refusal { reason, limit: n - 1, value: n });
        assert_eq!(bundle(&limits(n - 1), &limits(n - 1)), (refusal, refusal), "{reason}");
    }
}

#[test]
fn a_header_name_holds_64_bytes_and_begins_with_x() {
    assert!(HeaderName::parse(&format!("X-{}", "a".repeat(62))).is_ok());
    assert!(HeaderName::parse(&format!("X-{}", "a".repeat(63))).is_err());
    for bad in ["", "X-", "Subject", "X-A:", "X-A b", "X-A\r\nB", "x-é"] {
        assert!(HeaderName::parse(bad).is_err(), "{bad:?}");
    }
}
