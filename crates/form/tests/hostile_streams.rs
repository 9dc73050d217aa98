//! Streams that no encoder writes: each is refused with an error, never a panic, never a value.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod documents;

use std::io::{Read, repeat};

use documents::*;
use form::bundle::Bundle;
use form::codec::{DecodeError, Decoder, EncodeError, Encoder, Event, Kind};
use form::container::Child;
use form::document::Document;
use form::image::FrameHeader;
use form::job::{CleanJob, DirtyJob, Password};
use form::name::MemberPath;
use form::report::CleanReport;
use form::{DetectedType, Limits};
use proptest::collection::vec;
use proptest::prelude::*;

const FINDING: u8 = 1;
const SOURCE: u8 = 2;
const TEXT: u8 = 3;
const MAIL: u8 = 4;
const CHILD: u8 = 5;
const IMAGE: u8 = 6;
const FRAME: u8 = 7;
const PIXELS: u8 = 8;
const TABLE: u8 = 9;
const ROW: u8 = 10;
const END: u8 = 255;

fn head(kind: u8) -> Vec<u8> {
    let mut bytes = b"MSGFORM\x01".to_vec();
    bytes.extend([kind, 1, b'x']);
    bytes
}

fn stream(kind: u8, frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = head(kind);
    for (tag, payload) in frames {
        bytes.push(*tag);
        bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Result<Document, DecodeError> {
    Document::decode(bytes, &Limits::default())
}

/// A payload that is good for its tag; pixels are one row of a picture of 1 × 1 RGB.
fn payload(tag: u8) -> Vec<u8> {
    match tag {
        FINDING => [&[200, 0, 1, 0, 0, 0][..], &[0; 4]].concat(),
        SOURCE => vec![1, 0, 1],
        TEXT => b"text".to_vec(),
        MAIL => vec![0; 36],
        CHILD => {
            let mut bytes = vec![0, 0, 0, 0, 1, 0, 0, 0, b'a', 0, 0, 0, 0];
            bytes.extend([0; 16]);
            bytes.extend([0; 5]);
            bytes
        }
        IMAGE => [&[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3][..], &[0, 1, 0, 1, 0, 0]].concat(),
        FRAME => vec![0; 4],
        PIXELS => vec![0; 3],
        TABLE => vec![1, 1, 0, 1],
        ROW => vec![0; 4],
        _ => vec![],
    }
}

fn good(kind: u8, tags: &[u8]) -> Result<Document, DecodeError> {
    decode(&stream(kind, &tags.iter().map(|tag| (*tag, payload(*tag))).collect::<Vec<_>>()))
}

#[test]
fn frames_come_in_the_order_of_their_kind() {
    let accepted: &[(u8, &[u8])] = &[
        (1, &[END]),
        (1, &[SOURCE, TEXT, TEXT, FINDING, END]),
        (1, &[FINDING, SOURCE, FINDING, TEXT, END]),
        (2, &[MAIL, END]),
        (2, &[FINDING, MAIL, FINDING, TEXT, FINDING, CHILD, FINDING, END]),
        (3, &[IMAGE, FRAME, PIXELS, END]),
        (3, &[FINDING, IMAGE, FINDING, FRAME, FINDING, PIXELS, FINDING, END]),
        (4, &[END]),
        (5, &[TABLE, END]),
        (5, &[TABLE, ROW, ROW, END]),
    ];
    for (kind, tags) in accepted {
        assert!(good(*kind, tags).is_ok(), "{kind} {tags:?}: {:?}", good(*kind, tags));
    }
    let refused: &[(u8, &[u8])] = &[
        (1, &[TEXT, SOURCE, END]),
        (1, &[SOURCE, SOURCE, END]),
        (1, &[CHILD, END]),
        (1, &[MAIL, END]),
        (1, &[PIXELS, END]),
        (2, &[END]),
        (2, &[TEXT, MAIL, END]),
        (2, &[CHILD, MAIL, END]),
        (2, &[MAIL, MAIL, END]),
        (2, &[MAIL, CHILD, TEXT, END]),
        (2, &[MAIL, SOURCE, END]),
        (3, &[END]),
        (3, &[IMAGE, END]),
        (3, &[IMAGE, IMAGE, FRAME, PIXELS, END]),
        (3, &[FRAME, PIXELS, END]),
        (3, &[IMAGE, PIXELS, END]),
        (3, &[IMAGE, FRAME, END]),
        (3, &[IMAGE, FRAME, FRAME, END]),
        (3, &[IMAGE, FRAME, PIXELS, PIXELS, END]),
        (4, &[TEXT, END]),
        (4, &[MAIL, END]),
        (5, &[END]),
        (5, &[ROW, END]),
        (5, &[TABLE, TABLE, END]),
        (5, &[TABLE, TEXT, END]),
    ];
    for (kind, tags) in refused {
        assert!(matches!(good(*kind, tags), Err(DecodeError::Order(_))), "{kind} {tags:?}: {:?}", good(*kind, tags));
    }
    // One frame was announced.
    let two = good(3, &[IMAGE, FRAME, PIXELS, FRAME, PIXELS, END]);
    assert!(matches!(two, Err(DecodeError::Malformed("number of frames"))), "{two:?}");
}

#[test]
fn nothing_comes_after_the_end() {
    assert!(matches!(good(1, &[END, FINDING]), Err(DecodeError::Trailing)));
    assert!(matches!(good(1, &[END, END]), Err(DecodeError::Trailing)));
    let mut bytes = stream(1, &[(END, vec![])]);
    bytes.push(0);
    assert!(matches!(decode(&bytes), Err(DecodeError::Trailing)));
    assert!(matches!(decode(&stream(1, &[(END, vec![0])])), Err(DecodeError::Malformed("end"))));
}

#[test]
fn every_cut_of_a_stream_is_an_error() {
    for document in examples() {
        let bytes = document.encode(Vec::new(), &Limits::default()).unwrap();
        for len in 0..bytes.len() {
            assert!(matches!(decode(&bytes[..len]), Err(DecodeError::Truncated)), "{len} of {:?}", document.kind());
        }
    }
}

#[test]
fn wrong_heads_are_refused() {
    assert!(matches!(decode(b"MSGFORM\x02\x01\x01x"), Err(DecodeError::Magic)));
    assert!(matches!(decode(b"msgform\x01\x01\x01x"), Err(DecodeError::Magic)));
    assert!(matches!(decode(&head(0)), Err(DecodeError::Kind(0))));
    assert!(matches!(decode(&head(12)), Err(DecodeError::Kind(12))));
    assert!(matches!(decode(b"MSGFORM\x01\x01\x00"), Err(DecodeError::Malformed("detected type"))));
    assert!(matches!(decode(b"MSGFORM\x01\x01\x11aaaaaaaaaaaaaaaaa"), Err(DecodeError::Malformed("detected type"))));
    assert!(matches!(decode(b"MSGFORM\x01\x01\x03a b"), Err(DecodeError::Malformed("detected type"))));
    assert!(matches!(decode(&stream(1, &[(27, vec![])])), Err(DecodeError::Tag(27))));
    assert!(matches!(decode(&stream(1, &[(0, vec![])])), Err(DecodeError::Tag(0))));
}

#[test]
fn a_decoder_that_failed_stays_failed_and_one_that_ended_stays_ended() {
    let limits = Limits::default();
    let bytes = stream(1, &[(TEXT, b"\0".to_vec()), (TEXT, b"x".to_vec()), (END, vec![])]);
    let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
    assert!(matches!(decoder.next(), Err(DecodeError::Malformed("text"))));
    assert!(matches!(decoder.next(), Err(DecodeError::Failed)));
    let bytes = stream(1, &[(END, vec![])]);
    let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
    assert!(matches!(decoder.next(), Ok(Event::End)));
    assert!(matches!(decoder.next(), Ok(Event::End)));
}

#[test]
fn the_end_names_passwords_in_one_way_only() {
    let limits = Limits::default();
    for (payload, places) in
        [(vec![], Some(vec![])), (vec![0b101, 0], Some(vec![0, 2])), (vec![0, 0x80], Some(vec![15]))]
    {
        let bytes = stream(4, &[(END, payload.clone())]);
        let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
        assert!(matches!(decoder.next(), Ok(Event::End)), "{payload:?}");
        let passwords: Vec<Password> = (0..16).map(|number| Password::new(&number.to_string()).unwrap()).collect();
        let named: Vec<usize> =
            decoder.opened().of(&passwords).map(|password| password.reveal().parse().unwrap()).collect();
        assert_eq!(Some(named), places);
    }
    // None of them is said by saying nothing.
    for payload in [vec![0], vec![1], vec![0, 0], vec![1, 0, 0], vec![1, 0, 0, 0]] {
        assert!(decode(&stream(4, &[(END, payload.clone())])).is_err(), "{payload:?}");
    }
}

#[test]
fn an_encoder_that_failed_cannot_be_finished() {
    let limits = Limits::default();
    let mut encoder = Encoder::new(Vec::new(), Kind::Text, DetectedType::UNKNOWN, &limits).unwrap();
    assert!(matches!(encoder.text("a\0"), Err(EncodeError::Invalid(_))));
    assert!(matches!(
        encoder.finding(&form::Finding::new(form::Reason::Metadata, Default::default())),
        Err(EncodeError::Failed)
    ));
    assert!(matches!(encoder.finish(), Err(EncodeError::Failed)));
}

#[test]
fn text_that_policy_forbids_is_refused() {
    let bad: &[&[u8]] = &[
        b"",
        b"\xFF",
        b"\xE3\x81",
        b"\0",
        b"\r\n",
        "\u{202E}".as_bytes(),
        "\u{200B}".as_bytes(),
        "\u{FE0F}".as_bytes(),
        "👨\u{200D}x".as_bytes(),
        "\u{2028}".as_bytes(),
        &[b'a'; 65_537],
    ];
    for payload in bad {
        let bytes = stream(1, &[(TEXT, payload.to_vec()), (END, vec![])]);
        assert!(matches!(decode(&bytes), Err(DecodeError::Malformed("text"))), "{payload:?}");
    }
    // A joiner that is still open at the end; and one that the next chunk closes.
    let open = "👨\u{200D}".as_bytes().to_vec();
    assert!(decode(&stream(1, &[(TEXT, open.clone()), (END, vec![])])).is_err());
    assert!(decode(&stream(1, &[(TEXT, open.clone()), (TEXT, b"x".to_vec()), (END, vec![])])).is_err());
    assert!(decode(&stream(1, &[(TEXT, open), (TEXT, "👩".into()), (END, vec![])])).is_ok());
}

fn children(kind: Kind, children: &[Child]) -> Result<(), EncodeError> {
    let mut encoder = Encoder::new(Vec::new(), kind, DetectedType::UNKNOWN, &Limits::default())?;
    if kind == Kind::Mail {
        encoder.mail_header(&Default::default())?;
    }
    children.iter().try_for_each(|child| encoder.child(child))
}

#[test]
fn children_that_share_bytes_or_numbers_or_have_two_names_are_refused() {
    let part = child(3, "a.txt");
    let after = |change: fn(&mut Child)| {
        let mut next = child(4, "b.txt");
        change(&mut next);
        children(Kind::Mail, &[part.clone(), next])
    };
    assert!(after(|_| {}).is_ok());
    assert!(after(|next| next.offset = 400).is_ok());
    for refused in [
        after(|next| next.offset = 399),
        after(|next| next.offset = 0),
        after(|next| (next.offset, next.len) = (0, 0)),
        after(|next| next.id = 3),
        after(|next| next.id = 0),
        after(|next| next.len = u64::MAX),
        after(|next| next.path = Some(MemberPath::from(next.name.clone()))),
        after(|next| next.withheld = Some(form::Reason::Metadata.into())),
        children(Kind::Container, std::slice::from_ref(&part)),
        children(Kind::Container, &[Child { name: name("other.txt"), ..member(0, "d/a.txt") }]),
    ] {
        assert!(matches!(refused, Err(EncodeError::Invalid(DecodeError::Malformed(_)))), "{refused:?}");
    }
    let last = Child { id: u32::MAX, ..part.clone() };
    assert!(children(Kind::Mail, std::slice::from_ref(&last)).is_ok());
    assert!(children(Kind::Mail, &[last, child(5, "b")]).is_err());
}

#[test]
fn pixels_come_in_whole_rows_and_exactly_as_many_as_the_frame_has() {
    let write = |chunks: &[usize]| -> Result<(), EncodeError> {
        let limits = Limits::default();
        let mut encoder = Encoder::new(Vec::new(), Kind::Image, DetectedType::UNKNOWN, &limits)?;
        encoder.image(&image_header(5, 3, 1))?;
        encoder.frame(&FrameHeader::default())?;
        for len in chunks {
            encoder.pixels(&vec![0; *len])?;
        }
        encoder.finish().map(drop)
    };
    assert!(write(&[45]).is_ok());
    assert!(write(&[15, 30]).is_ok());
    for refused in [&[][..], &[30], &[44], &[46], &[60], &[45, 15], &[7, 8, 30]] {
        assert!(matches!(write(refused), Err(EncodeError::Invalid(_))), "{refused:?}");
    }
}

#[test]
fn impossible_picture_headers_are_refused() {
    let good = payload(IMAGE);
    let picture = |header: &[u8]| {
        decode(&stream(3, &[(IMAGE, header.to_vec()), (FRAME, vec![0; 4]), (PIXELS, vec![0; 3]), (END, vec![])]))
    };
    assert!(picture(&good).is_ok());
    // Width, height, frames of nothing; unknown format, source; a flag of 2; a quality of 101; unknown sampling.
    for (at, value) in
        [(0, 0), (4, 0), (8, 0), (12, 0), (12, 5), (13, 2), (14, 0), (14, 7), (15, 101), (16, 0), (16, 3)]
    {
        let mut header = good.clone();
        header[at] = value;
        assert!(matches!(picture(&header), Err(DecodeError::Malformed(_))), "{at} {value}");
    }
    // 4 billion by 4 billion by 4 billion pixels.
    let mut header = good.clone();
    header[..12].fill(0xFF);
    assert!(matches!(picture(&header), Err(DecodeError::Limit(_))));
    assert!(matches!(picture(&[&good[..], &[0]].concat()), Err(DecodeError::Trailing)));
}

#[test]
fn a_length_that_is_only_claimed_costs_no_memory() {
    let limits = Limits { header_bytes: u32::MAX, row_bytes: u32::MAX, form_bytes: u64::MAX, ..Limits::default() };
    for (kind, before, tag) in [(2, None, MAIL), (5, Some(TABLE), ROW)] {
        let mut bytes = head(kind);
        if let Some(before) = before {
            bytes = stream(kind, &[(before, payload(before))]);
        }
        bytes.push(tag);
        bytes.extend(u32::MAX.to_le_bytes());
        bytes.extend([0; 100]);
        assert!(matches!(Document::decode(&*bytes, &limits), Err(DecodeError::Truncated)));
    }
    // A list that claims four billion entries in a few bytes.
    let bytes = stream(5, &[(TABLE, payload(TABLE)), (ROW, vec![0xFF, 0xFF, 0x4B, 0x00, 0, 0, 0, 0, 0])]);
    assert!(matches!(decode(&bytes), Err(DecodeError::Truncated)));
}

#[test]
fn an_endless_stream_ends_at_the_limit_of_the_form() {
    let limits = Limits { form_bytes: 1_000_000, ..Limits::default() };
    let frame = [&[FINDING][..], &10_u32.to_le_bytes(), &payload(FINDING)].concat();
    let endless = head(1).into_iter().chain(frame.into_iter().cycle());
    struct Bytes<I>(I);
    impl<I: Iterator<Item = u8>> Read for Bytes<I> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let mut len = 0;
            for (slot, byte) in into.iter_mut().zip(&mut self.0) {
                *slot = byte;
                len += 1;
            }
            Ok(len)
        }
    }
    assert!(matches!(Document::decode(Bytes(endless), &limits), Err(DecodeError::Limit(_))));
    assert!(matches!(Document::decode(repeat(0), &limits), Err(DecodeError::Magic)));
}

fn everything(bytes: &[u8]) {
    let limits = Limits::default();
    let _ = Document::decode(bytes, &limits);
    let _ = DirtyJob::decode(bytes);
    let _ = CleanJob::decode(bytes);
    let _ = CleanReport::decode(bytes, &limits);
    let _ = Bundle::decode(bytes, &limits);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        everything(&bytes);
        for magic in [b"MSGFORM\x01", b"MSGDJOB\x01", b"MSGCJOB\x01", b"MSGREPT\x01", b"MSGBNDL\x01"] {
            everything(&[&magic[..], &bytes].concat());
        }
    }

    #[test]
    fn arbitrary_frames_are_a_value_or_an_error(
        kind in 1..=5_u8,
        frames in vec((prop_oneof![0..12_u8, Just(END)], any::<bool>(), vec(any::<u8>(), 0..80)), 0..8),
    ) {
        let frames: Vec<_> =
            frames.into_iter().map(|(tag, good, bytes)| (tag, if good { payload(tag) } else { bytes })).collect();
        if let Ok(document) = decode(&stream(kind, &frames)) {
            // What is accepted can be written again and comes back the same.
            let limits = Limits::default();
            let again = document.encode(Vec::new(), &limits).unwrap();
            prop_assert_eq!(Document::decode(&*again, &limits).unwrap(), document);
        }
    }

    #[test]
    fn damaged_streams_are_a_value_or_an_error(
        which in 0..6_usize, at in any::<proptest::sample::Index>(), value in any::<u8>(),
    ) {
        let mut bytes = examples()[which].encode(Vec::new(), &Limits::default()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = value;
        everything(&bytes);
    }
}
