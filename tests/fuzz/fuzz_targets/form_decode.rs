//! Any bytes given to any decoder of `form` are a value or an error: no panic, no hang, no memory beyond the limits; and
//! what is accepted is written again and read back as the same value.
//!
//! Input that begins with `MSG` goes to the decoders as it is. Anything else is a script that is made into a stream whose
//! frame lengths are right, so that mutations reach what lies behind the framing.
#![no_main]

use form::Limits;
use form::bundle::{Bundle, BundleWriter};
use form::codec::{Decoder, Event};
use form::document::{Document, PagesItem};
use form::job::{CleanJob, DirtyJob};
use form::name::{FileName, MemberPath};
use form::pages::{GlyphText, Operation, Paint, Url};
use form::report::CleanReport;
use form::text::{Line, Text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"MSG") {
        decode(data);
    } else {
        decode(&assembled(data));
        policy(data);
    }
});

fn decode(bytes: &[u8]) {
    for limits in [Limits::default(), tight()] {
        stream(bytes, &limits);
        document(bytes, &limits);
        if let Ok(report) = CleanReport::decode(bytes, &limits) {
            assert_eq!(report.encode(), bytes);
        }
        if let Ok(bundle) = Bundle::decode(bytes, &limits) {
            assert_eq!(rewritten(&bundle, &limits), bytes);
        }
    }
    if let Ok(job) = DirtyJob::decode(bytes) {
        assert_eq!(job.encode(), bytes);
    }
    if let Ok(job) = CleanJob::decode(bytes) {
        assert_eq!(job.encode(), bytes);
    }
}

/// Small enough for a fuzzer's inputs to pass.
fn tight() -> Limits {
    Limits {
        form_bytes: 2000,
        spill_bytes: 5000,
        parts: 3,
        total_bytes: 100,
        pixels: 500,
        dimension: 50,
        frames: 3,
        text_bytes: 100,
        cells: 20,
        row_bytes: 200,
        line_bytes: 20,
        name_bytes: 20,
        path_bytes: 30,
        header_bytes: 300,
        addresses: 4,
        references: 3,
        findings: 4,
        pages: 3,
        pages_form_bytes: 2000,
        glyphs: 4,
        pictures: 4,
        gradients: 3,
        canvases: 4,
        canvas_depth: 2,
        clip_depth: 3,
        operation_bytes: 300,
        page_operations: 60,
        links: 3,
        outline_items: 3,
        ..Limits::default()
    }
}

fn stream(bytes: &[u8], limits: &Limits) {
    let Ok(mut decoder) = Decoder::new(bytes, limits) else { return };
    let (mut text, mut pixels, mut frames) = (0, 0, 0);
    let mut drawn = Drawn::default();
    // Every frame takes at least five bytes, so a decoder that goes on for longer is not moving.
    for _ in 0..=bytes.len() / 5 {
        match decoder.next() {
            Err(_) => {
                assert!(decoder.next().is_err(), "a failed decoder goes on");
                return;
            }
            Ok(Event::End) => {
                assert!(matches!(decoder.next(), Ok(Event::End)));
                // The pixels of pages are bounded picture by picture.
                let pictures = u64::from(drawn.pictures).max(1);
                assert!(text <= limits.text_bytes && pixels <= limits.pixels * 4 * pictures && frames <= limits.frames);
                drawn.check(limits);
                return;
            }
            Ok(Event::Text(chunk)) => text += chunk.len() as u64,
            Ok(Event::Pixels(rows)) => pixels += rows.len() as u64,
            Ok(Event::Frame(_)) => frames += 1,
            Ok(event) => drawn.add(&event, limits),
        }
    }
    panic!("the decoder does not end");
}

/// What of a document of pages can be counted without the verifier.
#[derive(Default)]
struct Drawn {
    pages: u32,
    glyphs: u32,
    pictures: u32,
    gradients: u32,
    canvases: u32,
    links: u32,
    outline_items: u32,
    /// Of the page or canvas at hand, without what is in the canvases that it names.
    cost: u64,
    clips: u32,
}

impl Drawn {
    fn add(&mut self, event: &Event<'_>, limits: &Limits) {
        match event {
            Event::Glyph(_) => self.glyphs += 1,
            Event::Picture(_) => self.pictures += 1,
            Event::Gradient(_) => self.gradients += 1,
            Event::Canvas(_) => self.canvases += 1,
            Event::Page(_) => self.pages += 1,
            Event::Link(_) => self.links += 1,
            Event::OutlineItem(_) => self.outline_items += 1,
            Event::Operations(operations) => operations.iter().for_each(|operation| self.operation(operation, limits)),
            _ => {}
        }
        if matches!(event, Event::Canvas(_) | Event::Page(_)) {
            self.cost = 0;
            assert_eq!(self.clips, 0, "a clip goes on");
        }
    }

    fn operation(&mut self, operation: &Operation, limits: &Limits) {
        self.cost += operation.own_cost();
        match operation {
            Operation::Clip(..) | Operation::ClipText(_) => self.clips += 1,
            Operation::Unclip => self.clips -= 1,
            Operation::FillPaint(Paint::Tile { canvas, .. }) => assert!(*canvas < self.canvases),
            Operation::Mask(Some(canvas)) | Operation::Group { canvas, .. } => assert!(*canvas < self.canvases),
            Operation::Picture { picture, .. } | Operation::Stencil { picture, .. } => {
                assert!(*picture < self.pictures)
            }
            Operation::Text(run, _) => assert!(run.glyphs.iter().all(|placed| placed.glyph < self.glyphs)),
            _ => {}
        }
        assert!(self.cost <= limits.page_operations && self.clips <= limits.clip_depth);
    }

    fn check(&self, limits: &Limits) {
        assert_eq!(self.clips, 0, "a clip goes on");
        for (count, limit) in [
            (self.pages, limits.pages),
            (self.glyphs, limits.glyphs),
            (self.pictures, limits.pictures),
            (self.gradients, limits.gradients),
            (self.canvases, limits.canvases),
            (self.links, limits.links),
            (self.outline_items, limits.outline_items),
        ] {
            assert!(count <= limit);
        }
    }
}

fn document(bytes: &[u8], limits: &Limits) {
    let Ok(document) = Document::decode(bytes, limits) else { return };
    match &document {
        Document::Text(doc) => assert_eq!(Text::parse(doc.text.as_str()).as_ref(), Ok(&doc.text)),
        Document::Mail(doc) => assert_eq!(Text::parse(doc.body.as_str()).as_ref(), Ok(&doc.body)),
        Document::Image(doc) => {
            assert!(doc.frames.iter().all(|frame| frame.pixels.len() as u64 == doc.header.frame_bytes()));
        }
        Document::Pages(doc) => {
            for item in &doc.items {
                if let PagesItem::Picture(header, pixels) = item {
                    assert_eq!(pixels.len() as u64, header.picture_bytes());
                }
            }
        }
        Document::Office(doc) => {
            assert!(doc.markup.len() as u64 <= limits.markup && doc.parts.len() as u64 <= limits.office_parts as u64)
        }
        // What bounds these is in the types of their values.
        Document::Container(_) | Document::Table(_) | Document::Calendar(_) | Document::Card(_) => {}
    }
    // Chunks may come back otherwise cut, so the streams need not be equal; the values must be.
    let wide = Limits { form_bytes: u64::MAX, pages_form_bytes: u64::MAX, ..limits.clone() };
    let again = document.encode(Vec::new(), &wide).expect("what was decoded can be encoded");
    let back = Document::decode(&*again, &wide).expect("what was encoded can be decoded");
    assert_eq!(back, document);
}

fn rewritten(bundle: &Bundle<'_>, limits: &Limits) -> Vec<u8> {
    let mut writer = BundleWriter::new(Vec::new(), limits).expect("memory");
    writer.form(bundle.form.len() as u64, &mut &*bundle.form).expect("form");
    writer.account(&bundle.account).expect("account");
    for header in &bundle.extra_headers {
        writer.extra_header(header).expect("header");
    }
    for child in &bundle.children {
        writer.child(&child.meta, child.bytes.len() as u64, &mut &*child.bytes).expect("child");
    }
    writer.finish().expect("end")
}

/// Kind, then frames of tag, 16-bit length and payload.
fn assembled(script: &[u8]) -> Vec<u8> {
    let mut bytes = b"MSGFORM\x01".to_vec();
    let Some((kind, mut rest)) = script.split_first() else { return bytes };
    bytes.extend([kind % 10, 1, b'x']);
    while let Some((head, more)) = rest.split_first_chunk::<3>() {
        let len = usize::from(u16::from_le_bytes([head[1], head[2]])).min(more.len());
        let (payload, more) = more.split_at(len);
        bytes.push(head[0]);
        bytes.extend((len as u32).to_le_bytes());
        bytes.extend(payload);
        rest = more;
    }
    bytes.extend([255, 0, 0, 0, 0]);
    bytes
}

/// What the dirty side makes of any string is what the clean side takes.
fn policy(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let (text, _) = Text::scrub(&raw);
    assert_eq!(Text::parse(text.as_str()), Ok(text));
    let (line, _) = Line::scrub(&raw);
    assert_eq!(Line::parse(line.as_str()), Ok(line));
    let glyph = GlyphText::scrub(&raw);
    assert_eq!(GlyphText::parse(glyph.as_str()), Ok(glyph));
    if let Some(url) = Url::rebuild(&raw) {
        assert_eq!(Url::parse(url.as_str()), Ok(url));
    }
    let (name, changes) = FileName::rebuild(&raw);
    assert_eq!(changes.is_clean(), name.as_str() == raw);
    for name in [name.numbered(7), name.with_extension(&raw), name.with_added_extension("png"), name] {
        assert_eq!(FileName::parse(name.as_str()), Ok(name));
    }
    if let Ok((path, _)) = MemberPath::rebuild(&raw) {
        assert_eq!(MemberPath::parse(&path.to_string()), Ok(path));
    }
}
