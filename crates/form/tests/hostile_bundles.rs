//! Bundles, jobs and reports that no writer makes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod documents;

use documents::*;
use form::bundle::{Bundle, BundleWriter, ChildMeta};
use form::codec::{DecodeError, EncodeError};
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp, ImagePolicy};
use form::report::{CleanReport, Letters, OutputType, PageLevels};
use form::{DetectedType, Finding, Kind, Limits, Place, Reason};

const FORM: u8 = 1;
const ACCOUNT: u8 = 2;
const HEADER: u8 = 3;
const CHILD: u8 = 4;
const LIST: u8 = 5;
const END: u8 = 255;

fn payload(tag: u8) -> Vec<u8> {
    match tag {
        FORM => vec![0xFF; 3],
        ACCOUNT | LIST => "無害化しました。".into(),
        HEADER => b"\x03\0\0\0X-A\x01\0\0\0b".to_vec(),
        // Id, name, no path, no time, text, not inline, one byte.
        CHILD => b"\0\0\0\0\x01\0\0\0a\0\0\x01\0b".to_vec(),
        _ => vec![],
    }
}

fn bundle(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"MSGBNDL\x01".to_vec();
    for (tag, payload) in sections {
        bytes.push(*tag);
        bytes.extend(u64::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn in_order(tags: &[u8]) -> Vec<u8> {
    bundle(&tags.iter().map(|tag| (*tag, payload(*tag))).collect::<Vec<_>>())
}

fn decode(bytes: &[u8]) -> Result<Bundle<'_>, DecodeError> {
    Bundle::decode(bytes, &Limits::default())
}

#[test]
fn sections_come_in_their_order() {
    for tags in [
        &[FORM, ACCOUNT, END][..],
        &[FORM, ACCOUNT, HEADER, HEADER, END],
        &[FORM, ACCOUNT, LIST, HEADER, CHILD, END],
        &[FORM, ACCOUNT, CHILD, CHILD, END],
        &[FORM, ACCOUNT, HEADER, CHILD, END],
    ] {
        assert!(decode(&in_order(tags)).is_ok(), "{tags:?}: {:?}", decode(&in_order(tags)));
    }
    for tags in [
        &[END][..],
        &[FORM, END],
        &[ACCOUNT, END],
        &[ACCOUNT, FORM, END],
        &[FORM, FORM, ACCOUNT, END],
        &[FORM, ACCOUNT, ACCOUNT, END],
        &[FORM, HEADER, ACCOUNT, END],
        &[FORM, LIST, ACCOUNT, END],
        &[FORM, ACCOUNT, LIST, LIST, END],
        &[FORM, ACCOUNT, HEADER, LIST, END],
        &[FORM, CHILD, END],
        &[FORM, ACCOUNT, CHILD, HEADER, END],
        &[FORM, ACCOUNT, CHILD, FORM, END],
    ] {
        assert!(matches!(decode(&in_order(tags)), Err(DecodeError::Order(_))), "{tags:?}");
    }
    assert!(matches!(decode(&in_order(&[FORM, ACCOUNT, END, FORM])), Err(DecodeError::Trailing)));
    assert!(matches!(decode(&in_order(&[6])), Err(DecodeError::Tag(6))));
    assert!(matches!(decode(&in_order(&[0])), Err(DecodeError::Tag(0))));
}

#[test]
fn a_writer_keeps_the_order_and_the_promised_lengths() {
    let limits = Limits::default();
    let begun = || {
        let mut writer = BundleWriter::new(Vec::new(), &limits).unwrap();
        writer.form(2, &mut &b"ab"[..]).unwrap();
        writer
    };
    assert!(matches!(begun().form(2, &mut &b"ab"[..]), Err(EncodeError::Invalid(DecodeError::Order(_)))));
    assert!(matches!(begun().finish(), Err(EncodeError::Invalid(DecodeError::Order(_)))));
    let mut writer = BundleWriter::new(Vec::new(), &limits).unwrap();
    assert!(matches!(writer.form(3, &mut &b"ab"[..]), Err(EncodeError::Invalid(DecodeError::Truncated))));
    assert!(matches!(writer.account(&text("")), Err(EncodeError::Failed)));
    // What a reader has beyond its promised length stays out.
    let mut writer = BundleWriter::new(Vec::new(), &limits).unwrap();
    writer.form(1, &mut &b"ab"[..]).unwrap();
    writer.account(&text("")).unwrap();
    assert_eq!(decode(&writer.finish().unwrap()).unwrap().form, b"a");
}

#[test]
fn malformed_sections_are_refused() {
    let with = |tag: u8, bad: &[u8]| {
        let mut sections = vec![(FORM, payload(FORM)), (ACCOUNT, payload(ACCOUNT))];
        if tag == ACCOUNT {
            sections.pop();
        }
        sections.push((tag, bad.to_vec()));
        if tag != END {
            sections.push((END, vec![]));
        }
        bundle(&sections)
    };
    for (tag, bad) in [
        (ACCOUNT, &b"\xFF"[..]),
        (ACCOUNT, b"a\r\n"),
        (ACCOUNT, "\u{202E}".as_bytes()),
        (HEADER, b"\x07\0\0\0Subject\x01\0\0\0b"),
        (HEADER, b"\x03\0\0\0X-A\x03\0\0\0b\r\n"),
        // A bare line feed would begin another header.
        (HEADER, b"\x03\0\0\0X-A\x04\0\0\0b\nC:"),
        (CHILD, b"\0\0\0\0\x02\0\0\0..\0\0\x01\0b"),
        (CHILD, b"\0\0\0\0\x01\0\0\0a\0\0\x17\0b"),
        (CHILD, b"\0\0\0\0\x01\0\0\0a\0\0\x01\x02b"),
        // A path that ends in another name.
        (CHILD, b"\0\0\0\0\x01\0\0\0a\x01\x03\0\0\0d/b\0\x01\0b"),
        (END, b"\0"),
    ] {
        assert!(matches!(decode(&with(tag, bad)), Err(DecodeError::Malformed(_))), "{tag} {bad:?}");
    }
    assert!(matches!(decode(&with(HEADER, b"\x03\0\0\0X-A\x01\0\0\0bc")), Err(DecodeError::Trailing)));
    assert!(matches!(decode(&with(HEADER, b"\x03\0\0\0X-A\x09\0\0\0b")), Err(DecodeError::Truncated)));
}

#[test]
fn every_cut_and_every_surplus_byte_is_an_error() {
    let limits = Limits::default();
    let dirty = DirtyJob {
        declared_name: Some(name("a.zip")),
        declared_type: line("application/zip"),
        ..DirtyJob::new(DirtyOp::Auto, limits.clone())
    };
    let clean = CleanJob::new(CleanOp::Part, limits.clone(), [7; 16]);
    let report = CleanReport {
        kind: Kind::Text,
        detected_type: DetectedType::UNKNOWN,
        output: OutputType::Text,
        pages: 1,
        levels: PageLevels::default(),
        letters: Letters::default(),
        unmapped: Vec::new(),
        findings: vec![Finding::new(Reason::Metadata, Place::new("EXIF"))],
        opened: Default::default(),
        children: Vec::new(),
    };
    let whole = |bytes: &[u8]| {
        [
            DirtyJob::decode(bytes).is_ok(),
            CleanJob::decode(bytes).is_ok(),
            CleanReport::decode(bytes, &limits).is_ok(),
            decode(bytes).is_ok(),
        ]
    };
    let bundle = in_order(&[FORM, ACCOUNT, HEADER, CHILD, END]);
    for (at, bytes) in [dirty.encode(), clean.encode(), report.encode(), bundle].into_iter().enumerate() {
        // Each is read as what it is and as nothing else.
        assert!(whole(&bytes).into_iter().enumerate().all(|(kind, ok)| ok == (kind == at)), "{at}");
        assert_eq!(whole(&[&bytes[..], &[0]].concat()), [false; 4], "{at}");
        for len in 0..bytes.len() {
            assert_eq!(whole(&bytes[..len]), [false; 4], "{at} cut to {len}");
        }
    }
}

#[test]
fn a_quality_outside_1_to_100_or_upside_down_is_refused() {
    let job = |quality_min, quality_max| {
        let image = ImagePolicy { quality_min, quality_max, ..ImagePolicy::default() };
        CleanJob { image, ..CleanJob::new(CleanOp::Part, Limits::default(), [0; 16]) }
    };
    for (low, high, good) in [(1, 100, true), (80, 80, true), (0, 50, false), (50, 101, false), (81, 80, false)] {
        assert_eq!(CleanJob::decode(&job(low, high).encode()).is_ok(), good, "{low} {high}");
    }
}

#[test]
fn a_child_of_a_bundle_shows_its_length_only() {
    let limits = Limits::default();
    let mut writer = BundleWriter::new(Vec::new(), &limits).unwrap();
    writer.form(6, &mut &b"secret"[..]).unwrap();
    writer.account(&text("secret")).unwrap();
    let meta =
        ChildMeta { id: 0, name: name("a"), path: None, modified: None, output: OutputType::Text, inline: false };
    writer.child(&meta, 6, &mut &b"secret"[..]).unwrap();
    let bytes = writer.finish().unwrap();
    let shown = format!("{:?}", decode(&bytes).unwrap());
    assert!(!shown.contains("secret") && !shown.contains("115"), "{shown}");
}
