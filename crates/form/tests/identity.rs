//! What is encoded is what is decoded, for every kind and every blob.

#![allow(clippy::indexing_slicing, reason = "helpers of tests")]

mod documents;

use std::io::Read;
use std::time::Duration;

use documents::*;
use form::book_names::{BookName, BookNames};
use form::bundle::{Bundle, BundleChild, BundleWriter, ChildMeta, ExtraHeader, HeaderName};
use form::codec::{Decoder, Encoder, Event, Kind};
use form::document::Document;
use form::job::{
    AccountPlace, Animation, CleanJob, CleanOp, DirtyJob, DirtyOp, Embedded, Extra, ImagePolicy, Legacy, Links,
    MailCharset, Markup, MostLevel, OfficePolicy, PagesOutput, PagesPolicy, Password, Preview, TextPolicy, Watermark,
};
use form::name::MemberPath;
use form::report::{CleanReport, Letters, OutputType, PageLetters, PageLevels};
use form::{DetectedType, Limits};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Gives one byte per read, as a slow pipe may.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let len = into.len().min(1);
        self.0.read(&mut into[..len])
    }
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (vec(any::<u64>(), 14), vec(any::<u32>(), 26)).prop_map(|(long, short)| Limits {
        input_bytes: long[0],
        output_bytes: long[1],
        form_bytes: long[2],
        spill_bytes: long[3],
        parts: short[0],
        depth: short[1],
        total_bytes: long[4],
        ratio: short[2],
        time: Duration::from_millis(long[5]),
        pixels: long[6],
        dimension: short[3],
        frames: short[4],
        text_bytes: long[7],
        cells: long[8],
        row_bytes: short[5],
        line_bytes: short[6],
        name_bytes: short[7],
        path_bytes: short[8],
        header_bytes: short[9],
        addresses: short[10],
        references: short[11],
        findings: short[12],
        pages: short[13],
        pages_form_bytes: long[9],
        glyphs: short[14],
        pictures: short[15],
        gradients: short[16],
        canvases: short[17],
        canvas_depth: short[18],
        clip_depth: short[19],
        operation_bytes: short[20],
        page_operations: long[10],
        links: short[21],
        outline_items: short[22],
        office_parts: short[23],
        relationships: short[24],
        markup_depth: short[25],
        markup: long[11],
        office_form_bytes: long[12],
        window_bytes: long[13],
    })
}

fn any_pages_policy() -> impl Strategy<Value = PagesPolicy> {
    let extras = [(); 3].map(|()| select(Extra::ALL));
    (select(MostLevel::ALL), 36..=1200_u16, extras, select(Embedded::ALL)).prop_map(
        |(level, density, [raster_text, hidden_text, comments], embedded)| PagesPolicy {
            level,
            density,
            raster_text,
            hidden_text,
            comments,
            embedded,
        },
    )
}

proptest! {
    #[test]
    fn a_document_of_any_kind_comes_back(document in any_document()) {
        let limits = Limits::default();
        let bytes = document.encode(Vec::new(), &limits).unwrap();
        prop_assert_eq!(Document::decode(&*bytes, &limits).unwrap(), document);
    }

    #[test]
    fn a_dirty_job_comes_back(
        op in select(DirtyOp::ALL),
        declared_name in option::of(any_name()),
        declared_type in any_line(),
        limits in any_limits(),
        passwords in vec(any::<String>(), 0..4),
        pages in any_pages_policy(),
        office in (select(Embedded::ALL), select(Legacy::ALL), select(Extra::ALL)),
        look in (any::<u32>(), 1..=u16::MAX),
        text in (select(Extra::ALL), select(Markup::ALL)),
        listed in vec((any_line(), option::of(any_line()), any_line()), 0..4),
    ) {
        let mut names = BookNames::default();
        for (name, sheet, formula) in listed {
            names.push(BookName { name, sheet, formula });
        }
        let office = OfficePolicy { embedded: office.0, legacy: office.1, pivot_cache: office.2 };
        let preview = (op == DirtyOp::Preview).then_some(Preview { page: look.0, max_side: look.1 });
        let passwords = passwords.iter().map(|raw| Password::new(raw).unwrap()).collect();
        let job = DirtyJob { op, declared_name, declared_type, limits, passwords, pages, office, text: TextPolicy { hidden: text.0, markup: text.1 }, preview, names };
        prop_assert_eq!(DirtyJob::decode(&job.encode()).unwrap(), job);
    }

    #[test]
    fn a_clean_job_comes_back(
        op in select(vec![CleanOp::Part, CleanOp::AssembleMail, CleanOp::AssembleZip, CleanOp::AssembleReport]),
        limits in any_limits(),
        animation in select(vec![Animation::Keep, Animation::FirstFrame]),
        quality in (1..=100_u8, 1..=100_u8),
        pages in (36..=1200_u16, 1..=100_u8),
        boundary_seed in any::<[u8; 16]>(),
        links in select(Links::ALL),
        account in prop_oneof![Just(AccountPlace::Top), Just(AccountPlace::Bottom)],
        charset in prop_oneof![Just(MailCharset::Utf8), Just(MailCharset::Iso2022Jp)],
        password in option::of("[ -~あ-ん]{0,40}"),
        watermark in prop_oneof![Just(None), Just(Watermark::new("kanri01 2026-11-21 09:31"))],
    ) {
        let password = password.filter(|_| op == CleanOp::AssembleZip);
        let password = password.map(|raw| Password::new(&raw).unwrap());
        let image = ImagePolicy {
            animation,
            quality_min: quality.0.min(quality.1),
            quality_max: quality.0.max(quality.1),
        };
        let job = CleanJob { op, limits, image, pages: PagesOutput { density: pages.0, photo_quality: pages.1 }, links, boundary_seed, account, charset, password, watermark };
        prop_assert_eq!(CleanJob::decode(&job.encode()).unwrap(), job);
    }

    #[test]
    fn a_report_comes_back(
        kind in select(Kind::ALL),
        detected_type in any_detected(),
        output in select(OutputType::ALL),
        pages in any::<u32>(),
        levels in any::<[u32; 3]>(),
        letters in vec((any::<u32>(), any::<u32>(), any::<u32>()), 1..4),
        findings in vec(any_finding(), 0..5),
        children in any_children(Kind::Pages),
        opened in any_opened(),
    ) {
        let [vector, raster_text, raster] = levels;
        let levels = PageLevels { vector, raster_text, raster };
        let some = |(a, b): (u32, u32)| Letters { drawn: a.max(b).into(), meant: a.min(b).into() };
        let unmapped: Vec<PageLetters> =
            letters.iter().map(|(page, a, b)| PageLetters { page: *page, letters: some((*a, *b)) }).collect();
        let letters = some((letters[0].1, letters[0].2));
        let report = CleanReport {
            kind,
            detected_type,
            output,
            pages,
            levels,
            letters,
            unmapped,
            findings,
            opened,
            children,
        };
        prop_assert_eq!(CleanReport::decode(&report.encode(), &Limits::default()).unwrap(), report);
    }

    #[test]
    fn a_bundle_comes_back(
        form in vec(any::<u8>(), 0..200),
        account in any_text(),
        list in any_text(),
        headers in vec(any_line(), 0..3),
        children in vec((any::<u32>(), any_name(), any::<bool>(), select(OutputType::ALL), vec(any::<u8>(), 0..100)), 0..4),
    ) {
        let limits = Limits::default();
        let headers: Vec<ExtraHeader> = headers
            .into_iter()
            .map(|value| ExtraHeader { name: HeaderName::parse("X-Misogi-Receipt").unwrap(), value })
            .collect();
        let children: Vec<(ChildMeta, Vec<u8>)> = children
            .into_iter()
            .map(|(id, name, inline, output, bytes)| {
                let path = inline.then(|| MemberPath::from(name.clone()));
                (ChildMeta { id, name, path, modified: Some(i64::from(id)), output, inline }, bytes)
            })
            .collect();
        let mut writer = BundleWriter::new(Vec::new(), &limits).unwrap();
        writer.form(form.len() as u64, &mut &*form).unwrap();
        writer.account(&account).unwrap();
        writer.list(&list).unwrap();
        for header in &headers {
            writer.extra_header(header).unwrap();
        }
        for (meta, bytes) in &children {
            writer.child(meta, bytes.len() as u64, &mut &**bytes).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let expected = Bundle {
            form: &form,
            account,
            list,
            extra_headers: headers,
            children: children.iter().map(|(meta, bytes)| BundleChild { meta: meta.clone(), bytes }).collect(),
        };
        prop_assert_eq!(Bundle::decode(&bytes, &limits).unwrap(), expected);
    }
}

#[test]
fn a_pipe_that_gives_single_bytes_changes_nothing() {
    let limits = Limits::default();
    for document in examples() {
        let bytes = document.encode(Vec::new(), &limits).unwrap();
        assert_eq!(Document::decode(Trickle(&bytes), &limits).unwrap(), document);
    }
}

#[test]
fn the_stream_begins_as_documented() {
    let bytes = text_doc("あ").encode(Vec::new(), &Limits::default()).unwrap();
    assert_eq!(&bytes[..10], b"MSGFORM\x01\x01\x04");
    assert_eq!(&bytes[10..14], b"text");
    let end = bytes.len() - 5;
    assert_eq!(&bytes[end - 8..end], b"\x03\x03\x00\x00\x00\xE3\x81\x82");
    assert_eq!(&bytes[end..], b"\xFF\x00\x00\x00\x00");
}

#[test]
fn long_text_is_cut_between_characters_and_a_joiner_may_stand_at_the_cut() {
    let limits = Limits::default();
    // 65,535 bytes and then a character of three: the chunk ends before it.
    let chunks = |content: &str| {
        let bytes = text_doc(content).encode(Vec::new(), &limits).unwrap();
        let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
        let mut chunks = Vec::new();
        loop {
            match decoder.next().unwrap() {
                Event::Text(chunk) => chunks.push(chunk.to_owned()),
                Event::End => break chunks,
                _ => {}
            }
        }
    };
    let plain = "a".repeat(65_535) + "あい";
    assert_eq!(chunks(&plain).iter().map(String::len).collect::<Vec<_>>(), [65_535, 6]);
    assert_eq!(chunks(&plain).concat(), plain);
    for before in 65_525..65_536 {
        let family = "a".repeat(before) + "👨\u{200D}👩\u{200D}👧葛\u{E0100}";
        assert_eq!(chunks(&family).concat(), family, "{before}");
    }
}

#[test]
fn a_large_picture_streams_through_a_decoder_that_keeps_one_chunk() {
    let limits = Limits::default();
    let header = image_header(4000, 1000, 2);
    let row = vec![9; 12_000];
    let mut encoder = Encoder::new(Vec::new(), Kind::Image, DetectedType::lossy("png"), &limits).unwrap();
    encoder.image(&header).unwrap();
    for _ in 0..2 {
        encoder.frame(&Default::default()).unwrap();
        for _ in 0..1000 {
            encoder.pixels(&row).unwrap();
        }
    }
    let bytes = encoder.finish().unwrap();
    let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
    let (mut total, mut longest) = (0, 0);
    loop {
        match decoder.next().unwrap() {
            Event::Pixels(rows) => {
                assert_eq!(rows.len() % 12_000, 0);
                total += rows.len();
                longest = longest.max(rows.len());
            }
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(total, 24_000_000);
    assert!(longest <= 64 * 1024);
}

#[test]
fn a_row_of_pixels_longer_than_a_chunk_is_one_chunk() {
    let limits = Limits::default();
    let document = image_doc(30_000, 3, 1);
    let bytes = document.encode(Vec::new(), &limits).unwrap();
    assert_eq!(Document::decode(&*bytes, &limits).unwrap(), document);
}
