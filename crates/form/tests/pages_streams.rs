//! Streams of pages that no encoder writes: each is refused with an error, never a panic, never a value.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod documents;

use documents::*;
use form::codec::{DecodeError, Decoder, EncodeError, Encoder, Event, Kind};
use form::document::{Document, PagesDoc, PagesItem};
use form::pages::*;
use form::{DetectedType, Limits, Reason, Refusal};
use proptest::prelude::*;
use proptest::sample::Index;

const FINDING: u8 = 1;
const TEXT: u8 = 3;
const IMAGE: u8 = 6;
const PIXELS: u8 = 8;
const PAGES: u8 = 11;
const GLYPH: u8 = 12;
const PICTURE: u8 = 13;
const GRADIENT: u8 = 14;
const CANVAS: u8 = 15;
const PAGE: u8 = 16;
const OPERATIONS: u8 = 17;
const LINK: u8 = 18;
const OUTLINE: u8 = 19;
const LABEL: u8 = 20;
const END: u8 = 255;

fn stream(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"MSGFORM\x01\x06\x01x".to_vec();
    for (tag, payload) in frames {
        bytes.push(*tag);
        bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.extend(payload);
    }
    bytes
}

fn decode(frames: &[(u8, Vec<u8>)]) -> Result<Document, DecodeError> {
    Document::decode(&*stream(frames), &Limits::default())
}

fn numbers(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A payload that is good for its tag; pixels are one of RGB.
fn payload(tag: u8) -> Vec<u8> {
    match tag {
        FINDING => [&[200, 0, 1, 0, 0, 0][..], &[0; 4]].concat(),
        TEXT => b"text".to_vec(),
        PIXELS => vec![0; 3],
        PAGES => vec![0; 5],
        GLYPH => vec![0; 12],
        PICTURE => vec![1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0],
        GRADIENT => [
            &[1][..],
            &numbers(&[0.0, 0.0, 1.0, 0.0]),
            &numbers(&Matrix::IDENTITY.0),
            &[2, 0, 0, 0],
            &numbers(&[0.0]),
            &[0; 3],
            &numbers(&[1.0]),
            &[0; 5],
        ]
        .concat(),
        CANVAS => [vec![1, 0, 0], vec![0; 16]].concat(),
        PAGE => [numbers(&[100.0, 100.0]), vec![1]].concat(),
        OPERATIONS => vec![4, 1],
        LINK => [vec![0; 16], vec![2, 0, 0, 0, 0, 0]].concat(),
        OUTLINE => [&[0, 1, 0, 0, 0, b'a'][..], &[0; 5]].concat(),
        LABEL => vec![0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0],
        _ => vec![],
    }
}

fn good(tags: &[u8]) -> Result<Document, DecodeError> {
    decode(&tags.iter().map(|tag| (*tag, payload(*tag))).collect::<Vec<_>>())
}

#[test]
fn resources_and_pages_mix_and_what_names_pages_comes_last() {
    let accepted: &[&[u8]] = &[
        &[PAGES, PAGE, END],
        &[PAGES, GLYPH, PICTURE, PIXELS, GRADIENT, CANVAS, OPERATIONS, PAGE, OPERATIONS, END],
        &[PAGES, PAGE, GLYPH, PAGE, PICTURE, PIXELS, PAGE, CANVAS, END],
        &[PAGES, PAGE, LINK, OPERATIONS, LINK, OPERATIONS, END],
        &[PAGES, CANVAS, OPERATIONS, OPERATIONS, CANVAS, PAGE, END],
        &[PAGES, PAGE, OUTLINE, OUTLINE, LABEL, END],
        &[PAGES, PAGE, LABEL, END],
        &[
            FINDING, PAGES, FINDING, PICTURE, FINDING, PIXELS, PAGE, FINDING, LINK, FINDING, OPERATIONS, OUTLINE,
            FINDING, END,
        ],
    ];
    for tags in accepted {
        assert!(good(tags).is_ok(), "{tags:?}: {:?}", good(tags));
    }
    let refused: &[&[u8]] = &[
        &[END],
        &[PAGE, END],
        &[PAGES, END],
        &[PAGES, PAGES, PAGE, END],
        &[PAGES, GLYPH, END],
        &[PAGES, OUTLINE, PAGE, END],
        &[PAGES, LABEL, PAGE, END],
        &[PAGES, OPERATIONS, PAGE, END],
        &[PAGES, LINK, PAGE, END],
        &[PAGES, CANVAS, LINK, PAGE, END],
        &[PAGES, CANVAS, GLYPH, OPERATIONS, PAGE, END],
        &[PAGES, PAGE, GLYPH, OPERATIONS, END],
        &[PAGES, PAGE, GLYPH, LINK, END],
        &[PAGES, PAGE, OUTLINE, OPERATIONS, END],
        &[PAGES, PAGE, OUTLINE, LINK, END],
        &[PAGES, PAGE, OUTLINE, PAGE, END],
        &[PAGES, PAGE, OUTLINE, GLYPH, END],
        &[PAGES, PAGE, LABEL, OUTLINE, END],
        &[PAGES, PAGE, LABEL, CANVAS, END],
        &[PAGES, PIXELS, PAGE, END],
        &[PAGES, PICTURE, PAGE, END],
        &[PAGES, PICTURE, PICTURE, PIXELS, PAGE, END],
        &[PAGES, PICTURE, PIXELS, PIXELS, PAGE, END],
        &[PAGES, PAGE, PICTURE, END],
        &[PAGES, PAGE, TEXT, END],
        &[PAGES, PAGE, IMAGE, END],
    ];
    for tags in refused {
        assert!(matches!(good(tags), Err(DecodeError::Order(_))), "{tags:?}: {:?}", good(tags));
    }
}

/// Refused by the encoder, as a decoder would refuse it.
fn malformed(document: &PagesDoc, what: &str) {
    let refused = document.encode(Vec::new(), &Limits::default());
    let found = matches!(&refused, Err(EncodeError::Invalid(DecodeError::Malformed(found))) if *found == what);
    assert!(found, "{refused:?} is not {what}");
}

/// Encoder and decoder ask the same verifier what a step may name, so each is shown to the one that is easier to feed.
#[test]
fn a_step_names_only_what_has_come_and_is_of_its_sort() {
    let mask = PagesItem::Canvas(canvas(CanvasKind::Mask { kind: MaskKind::Alpha, transfer: None }), vec![]);
    let tile = CanvasKind::Tile { matrix: Matrix::IDENTITY, x_step: 1.0, y_step: 1.0 };
    let rgb = picture_item(picture(1, 1, PictureLayout::Rgb8));
    let bits = picture(1, 1, PictureLayout::Bits);
    let resources = vec![
        PagesItem::Glyph(glyph("あ")),
        PagesItem::Gradient(gradient()),
        group(vec![]),
        mask,
        PagesItem::Canvas(canvas(tile), vec![]),
        picture_item(bits),
        rgb,
        picture_item(PictureHeader { alpha: Some(0), ..bits }),
    ];
    let matrix = Matrix::IDENTITY;
    let tiled = |canvas| Operation::FillPaint(Paint::Tile { canvas, alpha: 255 });
    let shaded = |gradient| Operation::StrokePaint(Paint::Gradient { gradient, alpha: 255 });
    let draw = |canvas| Operation::Group { canvas, alpha: 255 };
    let shown = |picture| Operation::Picture { picture, matrix, alpha: 255 };
    let stencil = |picture| Operation::Stencil { picture, matrix };
    let text = |glyphs: &[u32]| Operation::Text(run(glyphs), TextMode::Invisible);
    let clipped = |glyphs: &[u32]| vec![Operation::ClipText(run(glyphs)), Operation::Unclip];
    let all = |steps: Vec<Operation>| pages_of([resources.clone(), vec![page(steps)]].concat());
    let steps = vec![
        draw(0),
        Operation::Mask(Some(1)),
        tiled(2),
        shaded(0),
        shown(0),
        shown(1),
        shown(2),
        stencil(0),
        text(&[0, 0]),
    ];
    assert!(all([steps, clipped(&[0])].concat()).encode(Vec::new(), &Limits::default()).is_ok());
    for wrong in [
        draw(1),
        draw(2),
        draw(3),
        draw(u32::MAX),
        tiled(0),
        tiled(1),
        tiled(3),
        Operation::Mask(Some(0)),
        Operation::Mask(Some(2)),
    ] {
        malformed(&all(vec![wrong]), "number of a canvas");
    }
    malformed(&all(vec![shaded(1)]), "number of a gradient");
    malformed(&all(vec![shown(3)]), "number of a picture");
    malformed(&all(vec![stencil(3)]), "number of a picture");
    malformed(&all(vec![stencil(1)]), "stencil");
    malformed(&all(vec![stencil(2)]), "stencil");
    malformed(&all(vec![text(&[0, 1])]), "number of a glyph");
    malformed(&all(clipped(&[1])), "number of a glyph");
    malformed(&all(vec![text(&[])]), "text run");
    // A canvas that draws itself or a later one.
    malformed(&pages_of(vec![group(vec![draw(0)]), page(vec![])]), "number of a canvas");
    malformed(&pages_of(vec![group(vec![draw(1)]), group(vec![]), page(vec![])]), "number of a canvas");
    // The opacity of a picture.
    let with_alpha = |alpha| picture_item(PictureHeader { alpha: Some(alpha), ..bits });
    let pictures = |more: PagesItem| pages_of([resources.clone(), vec![more, page(vec![])]].concat());
    assert!(pictures(with_alpha(0)).encode(Vec::new(), &Limits::default()).is_ok());
    malformed(&pictures(with_alpha(1)), "opacity of a picture");
    malformed(&pictures(with_alpha(2)), "opacity of a picture");
    malformed(&pictures(with_alpha(3)), "number of a picture");
}

#[test]
fn every_clip_ends_on_the_page_or_canvas_where_it_began() {
    let clip = || Operation::Clip(Path::default(), FillRule::NonZero);
    for (steps, what) in [
        (vec![clip()], "clip without end"),
        (vec![clip(), clip(), Operation::Unclip], "clip without end"),
        (vec![Operation::Unclip], "end without clip"),
        (vec![clip(), Operation::Unclip, Operation::Unclip, clip()], "end without clip"),
    ] {
        malformed(&pages_of(vec![page(steps.clone()), page(vec![])]), what);
        malformed(&pages_of(vec![page(steps.clone())]), what);
        malformed(&pages_of(vec![group(steps), page(vec![])]), what);
    }
    malformed(&pages_of(vec![page(vec![clip()]), page(vec![Operation::Unclip])]), "clip without end");
}

#[test]
fn what_leads_to_a_page_leads_to_one_that_is_there() {
    let limits = Limits::default();
    let linked = |to| PagesItem::Page(page_header(), vec![], vec![link(Target::Page { page: to, top: None })]);
    assert!(pages_of(vec![linked(1), page(vec![])]).encode(Vec::new(), &limits).is_ok());
    malformed(&pages_of(vec![linked(2), page(vec![])]), "page of a link");
    malformed(&pages_of(vec![linked(limits.pages - 1), linked(0)]), "page of a link");
    // A writer keeps a place for each page that is led to, so a page that no document may have is refused at once.
    for (to, value) in [(limits.pages, u64::from(limits.pages) + 1), (u32::MAX, u64::from(u32::MAX) + 1)] {
        let refused = pages_of(vec![linked(to), linked(0)]).encode(Vec::new(), &limits).unwrap_err().refusal();
        assert_eq!(refused, Refusal::limit(Reason::LimitPages, limits.pages.into(), value));
    }
    let outline = |items: &[(u8, u32)]| PagesDoc {
        outline: items.iter().map(|(level, page)| outline_item(*level, *page)).collect(),
        ..pages_of(vec![page(vec![])])
    };
    assert!(outline(&[(0, 0), (1, 0), (2, 0), (1, 0), (0, 0), (0, 0), (1, 0)]).encode(Vec::new(), &limits).is_ok());
    for bad in [&[(0, 1)][..], &[(1, 0)], &[(0, 0), (2, 0)], &[(0, 0), (1, 0), (0, 0), (2, 0)], &[(0, u32::MAX)]] {
        malformed(&outline(bad), "outline item");
    }
    let untitled = PagesDoc { outline: vec![OutlineItem { title: line(""), ..outline_item(0, 0) }], ..outline(&[]) };
    malformed(&untitled, "outline item");
    let labels = |pages: &[u32]| PagesDoc {
        labels: pages.iter().map(|page| page_label(*page)).collect(),
        ..pages_of(vec![page(vec![]); 3])
    };
    assert!(labels(&[0, 2]).encode(Vec::new(), &limits).is_ok());
    for bad in [&[3][..], &[1, 1], &[2, 0], &[u32::MAX]] {
        malformed(&labels(bad), "page label");
    }
    malformed(&PagesDoc { labels: vec![PageLabel { start: 0, ..page_label(0) }], ..labels(&[]) }, "page label");
}

#[test]
fn embedded_files_come_last_and_have_no_place_in_an_archive() {
    let limits = Limits::default();
    let with = |children: &[form::container::Child]| PagesDoc {
        children: children.to_vec(),
        labels: vec![page_label(0)],
        ..pages_of(vec![page(vec![])])
    };
    assert!(with(&[child(0, "a.csv"), child(1, "b.pdf")]).encode(Vec::new(), &limits).is_ok());
    malformed(&with(&[member(0, "a/b.csv")]), "path of a child");
    malformed(&with(&[child(1, "a.csv"), child(0, "b.csv")]), "id of a child");
    let mut encoder = Encoder::new(Vec::new(), Kind::Pages, DetectedType::lossy("pdf"), &limits).unwrap();
    encoder.pages(&pages_of(vec![]).header).unwrap();
    assert!(matches!(encoder.child(&child(0, "a.csv")), Err(EncodeError::Invalid(DecodeError::Order("child")))));
    let after = |write: fn(&mut Encoder<Vec<u8>>) -> Result<(), EncodeError>| {
        let mut encoder = Encoder::new(Vec::new(), Kind::Pages, DetectedType::lossy("pdf"), &limits).unwrap();
        encoder.pages(&pages_of(vec![]).header).unwrap();
        encoder.page(&page_header()).unwrap();
        encoder.child(&child(0, "a.csv")).unwrap();
        write(&mut encoder)
    };
    assert!(after(|encoder| encoder.child(&child(1, "b.csv"))).is_ok());
    assert!(after(|encoder| encoder.page(&page_header()).map(drop)).is_err());
    assert!(after(|encoder| encoder.glyph(&glyph("a")).map(drop)).is_err());
    assert!(after(|encoder| encoder.operations(&[Operation::Unclip])).is_err());
    assert!(after(|encoder| encoder.outline_item(&outline_item(0, 0))).is_err());
    assert!(after(|encoder| encoder.page_label(&page_label(0))).is_err());
}

/// A page with one step, as bytes.
fn step(bytes: &[u8]) -> Result<Document, DecodeError> {
    decode(&[
        (PAGES, payload(PAGES)),
        (GLYPH, payload(GLYPH)),
        (PAGE, payload(PAGE)),
        (OPERATIONS, bytes.to_vec()),
        (END, vec![]),
    ])
}

fn fill(segments: &[(u8, &[f32])]) -> Vec<u8> {
    let mut bytes = vec![9, 1];
    bytes.extend(u32::try_from(segments.len()).unwrap().to_le_bytes());
    for (tag, coordinates) in segments {
        bytes.push(*tag);
        bytes.extend(numbers(coordinates));
    }
    bytes
}

#[test]
fn a_path_is_judged_by_its_reader_and_its_writer() {
    let (to, curve) = ([1.0, 2.0], [0.0; 6]);
    let good: &[&[(u8, &[f32])]] = &[
        &[],
        &[(1, &to)],
        &[(1, &to), (4, &[])],
        &[(1, &to), (1, &to), (2, &to), (3, &curve), (4, &[]), (1, &to), (2, &to)],
    ];
    for segments in good {
        assert!(step(&fill(segments)).is_ok(), "{segments:?}");
    }
    let bad: &[&[(u8, &[f32])]] = &[
        &[(2, &to)],
        &[(3, &curve)],
        &[(4, &[])],
        &[(1, &to), (4, &[]), (4, &[])],
        &[(1, &to), (4, &[]), (2, &to)],
        &[(1, &to), (4, &[]), (3, &curve)],
    ];
    for segments in bad {
        assert!(matches!(step(&fill(segments)), Err(DecodeError::Malformed("path"))), "{segments:?}");
    }
    assert!(matches!(step(&fill(&[(0, &[])])), Err(DecodeError::Malformed("segment"))));
    assert!(matches!(step(&fill(&[(5, &to)])), Err(DecodeError::Malformed("segment"))));
    let path = |segments| pages_of(vec![page(vec![Operation::Fill(Path { segments }, FillRule::NonZero)])]);
    malformed(&path(vec![Segment::Line(point(0.0, 0.0))]), "path");
    malformed(&path(vec![Segment::Move(point(0.0, 0.0)), Segment::Close, Segment::Close]), "path");
}

#[test]
fn a_number_that_is_none_or_too_far_is_refused_wherever_it_stands() {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1_000_001.0, -1_000_001.0, f32::MAX];
    let matrix = |at: usize, value: f32| {
        let mut matrix = Matrix::IDENTITY;
        matrix.0[at] = value;
        matrix
    };
    for value in bad {
        for at in 0..6 {
            let mut coordinates = [0.0; 6];
            coordinates[at] = value;
            let curve = fill(&[(1, &[0.0, 0.0]), (3, &coordinates)]);
            assert!(matches!(step(&curve), Err(DecodeError::Malformed("number"))), "{value} {at}");
            let picture = [vec![12, 0, 0, 0, 0], numbers(&matrix(at, value).0), vec![255]].concat();
            assert!(matches!(step(&picture), Err(DecodeError::Malformed("number"))), "{value} {at}");
            let stroke = Operation::Stroke { path: square(), space: matrix(at, value) };
            malformed(&pages_of(vec![page(vec![stroke])]), "number");
        }
        assert!(step(&fill(&[(1, &[value, 0.0])])).is_err());
        assert!(step(&fill(&[(1, &[0.0, 0.0]), (2, &[0.0, value])])).is_err());
        let text = |em: [f32; 4], x: f32, y: f32| {
            step(&[vec![11, 1, 0], numbers(&em), vec![1, 0, 0, 0], vec![0; 4], numbers(&[x, y])].concat())
        };
        assert!(text([1.0; 4], 0.0, 0.0).is_ok());
        for refused in [text([1.0, value, 0.0, 1.0], 0.0, 0.0), text([1.0; 4], value, 0.0), text([1.0; 4], 0.0, value)]
        {
            assert!(matches!(refused, Err(DecodeError::Malformed("number"))), "{value}");
        }
        let pen = |width: f32, miter: f32, dash: f32, offset: f32| {
            step(
                &[
                    vec![3],
                    numbers(&[width]),
                    vec![1, 1],
                    numbers(&[miter]),
                    vec![1, 0, 0, 0],
                    numbers(&[dash, offset]),
                ]
                .concat(),
            )
        };
        assert!(pen(0.0, 1.0, 1.0, 0.0).is_ok());
        for refused in
            [pen(value, 1.0, 1.0, 0.0), pen(0.0, value, 1.0, 0.0), pen(0.0, 1.0, value, 0.0), pen(0.0, 1.0, 1.0, value)]
        {
            assert!(refused.is_err(), "{value}");
        }
        for (tag, at) in [
            (GLYPH, 0),
            (GRADIENT, 1),
            (GRADIENT, 5),
            (GRADIENT, 17),
            (GRADIENT, 37),
            (GRADIENT, 45),
            (GRADIENT, 52),
            (CANVAS, 3),
            (CANVAS, 15),
            (PAGE, 0),
            (PAGE, 4),
            (LINK, 0),
            (LINK, 12),
        ] {
            let mut bytes = payload(tag);
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let frames = [PAGES, PAGE, tag].map(|tag| (tag, payload(tag)));
            let [first, second, _] = frames;
            let refused = decode(&[first, second, (tag, bytes), (END, vec![])]);
            assert!(matches!(refused, Err(DecodeError::Malformed(_))), "{value} in {tag} at {at}: {refused:?}");
        }
        let top = [vec![0; 16], vec![2, 0, 0, 0, 0, 1], numbers(&[value])].concat();
        assert!(decode(&[(PAGES, payload(PAGES)), (PAGE, payload(PAGE)), (LINK, top), (END, vec![])]).is_err());
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let pen = |change: fn(&mut StrokeStyle)| {
        let mut pen = StrokeStyle::default();
        change(&mut pen);
        pages_of(vec![page(vec![Operation::Pen(pen)])])
    };
    malformed(&pen(|pen| pen.width = -1.0), "pen");
    malformed(&pen(|pen| pen.miter_limit = 0.5), "pen");
    malformed(&pen(|pen| pen.dashes = vec![0.0, 0.0]), "pen");
    malformed(&pen(|pen| pen.dashes = vec![1.0, -1.0]), "pen");
    let shade = |change: fn(&mut Gradient)| {
        let mut gradient = gradient();
        change(&mut gradient);
        pages_of(vec![PagesItem::Gradient(gradient), page(vec![])])
    };
    malformed(&shade(|gradient| gradient.stops.truncate(1)), "gradient");
    malformed(&shade(|gradient| gradient.stops.clear()), "gradient");
    malformed(&shade(|gradient| gradient.stops.reverse()), "gradient");
    malformed(&shade(|gradient| gradient.stops[0].offset = 0.1), "gradient");
    malformed(&shade(|gradient| gradient.stops[1].offset = 0.9), "gradient");
    malformed(&shade(|gradient| gradient.stops[1].offset = f32::NAN), "gradient");
    let inner = |offset| GradientStop { offset, color: Color::default() };
    let mut falling = gradient();
    falling.stops.splice(1..1, [inner(0.6), inner(0.4)]);
    malformed(&pages_of(vec![PagesItem::Gradient(falling.clone()), page(vec![])]), "gradient");
    falling.stops.splice(1..3, [inner(f32::NAN)]);
    malformed(&pages_of(vec![PagesItem::Gradient(falling), page(vec![])]), "gradient");
    for (start_radius, end_radius) in [(-1.0, 1.0), (1.0, -1.0)] {
        let at = point(0.0, 0.0);
        let shape = GradientShape::Radial { start: at, start_radius, end: at, end_radius };
        malformed(&pages_of(vec![PagesItem::Gradient(Gradient { shape, ..gradient() }), page(vec![])]), "gradient");
    }
    for (x_step, y_step) in [(0.0, 1.0), (1.0, 0.0), (-0.0, 1.0)] {
        let tile = canvas(CanvasKind::Tile { matrix: Matrix::IDENTITY, x_step, y_step });
        malformed(&pages_of(vec![PagesItem::Canvas(tile, vec![]), page(vec![])]), "tile");
    }
    let upside_down = Rect { x0: 0.0, y0: 1.0, x1: 1.0, y1: 0.0 };
    let mirrored = Rect { x0: 1.0, y0: 0.0, x1: 0.0, y1: 1.0 };
    for area in [upside_down, mirrored] {
        let links = vec![Link { area, ..link(Target::Page { page: 0, top: None }) }];
        malformed(&pages_of(vec![PagesItem::Page(page_header(), vec![], links)]), "rectangle");
    }
    for side in [0.0, -1.0, f32::NAN] {
        let header = PageHeader { height: side, ..page_header() };
        malformed(&pages_of(vec![PagesItem::Page(header, vec![], vec![])]), "size of a page");
    }
    for (width, height) in [(0, 1), (1, 0)] {
        let header = picture(width, height, PictureLayout::Gray8);
        malformed(&pages_of(vec![PagesItem::Picture(header, vec![]), page(vec![])]), "picture");
    }
}

#[test]
fn one_value_has_one_encoding() {
    // The identity is one byte, not 25; an unknown step, rule, mode, paint, blend mode; a flag of 2.
    let stroke = [vec![10, 1], numbers(&Matrix::IDENTITY.0), vec![0; 4]].concat();
    assert!(matches!(step(&stroke), Err(DecodeError::Malformed("matrix"))));
    assert!(step(&[10, 0, 0, 0, 0, 0]).is_ok());
    for bad in [&[0][..], &[15], &[9, 3, 0, 0, 0, 0], &[1, 4, 0, 0, 0, 0, 0], &[4, 0], &[4, 17], &[5, 2], &[10, 2]] {
        assert!(matches!(step(bad), Err(DecodeError::Malformed(_))), "{bad:?}");
    }
    for cut in [&[1][..], &[3, 0], &[5, 1, 0], &[9, 1, 1, 0, 0, 0], &[9, 1, 1, 0, 0, 0, 1, 0], &[12, 0], &[4, 1, 4]] {
        assert!(matches!(step(cut), Err(DecodeError::Truncated)), "{cut:?}");
    }
    assert!(matches!(step(&[]), Err(DecodeError::Truncated)));
}

#[test]
fn rows_of_bits_end_in_zeros() {
    let rows = |width: u32, pixels: Vec<u8>| {
        pages_of(vec![PagesItem::Picture(picture(width, 2, PictureLayout::Bits), pixels), page(vec![])])
    };
    let limits = Limits::default();
    for (width, pixels) in
        [(1, vec![0x80, 0x80]), (7, vec![0xFE; 2]), (8, vec![0xFF; 2]), (9, vec![0xFF, 0x80, 0xFF, 0x80])]
    {
        assert!(rows(width, pixels).encode(Vec::new(), &limits).is_ok(), "{width}");
    }
    for (width, pixels) in
        [(1, vec![0x80, 0xC0]), (7, vec![1, 0]), (9, vec![0xFF, 0x80, 0xFF, 0xC0]), (9, vec![0, 1, 0, 0])]
    {
        malformed(&rows(width, pixels), "padding of a row");
    }
    // Rows that are not whole, and more than there are.
    malformed(&rows(9, vec![0; 3]), "pixels");
    malformed(&rows(9, vec![0; 6]), "pixels");
}

#[test]
fn texts_and_addresses_are_parsed_again() {
    let text = |text: &str| {
        let mut bytes = vec![0; 4];
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend([0; 4]);
        decode(&[(PAGES, payload(PAGES)), (GLYPH, bytes), (PAGE, payload(PAGE)), (END, vec![])])
    };
    assert!(text("葛\u{E0100}").is_ok());
    // Alone it says that a letter before has said it already.
    assert!(text("\u{200B}").is_ok());
    for bad in ["\u{202E}", "\n", "\0", "a\u{200B}", &"a".repeat(19)] {
        assert!(matches!(text(bad), Err(DecodeError::Malformed("text of a glyph"))), "{bad:?}");
    }
    let address = |address: &str| {
        let mut bytes = vec![0; 16];
        bytes.push(1);
        bytes.extend(u32::try_from(address.len()).unwrap().to_le_bytes());
        bytes.extend(address.as_bytes());
        decode(&[(PAGES, payload(PAGES)), (PAGE, payload(PAGE)), (LINK, bytes), (END, vec![])])
    };
    assert!(address("https://example.jp/").is_ok());
    for bad in [
        "",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a@b/",
        "https://example.jp/)\n",
        "HTTPS://example.jp/",
    ] {
        assert!(matches!(address(bad), Err(DecodeError::Malformed("address of a link"))), "{bad:?}");
    }
    for (language, good) in [("ja-JP", true), ("ja JP", false), ("", false)] {
        let mut bytes = vec![1];
        bytes.extend(u32::try_from(language.len()).unwrap().to_le_bytes());
        bytes.extend(language.as_bytes());
        bytes.extend([0; 4]);
        assert_eq!(decode(&[(PAGES, bytes), (PAGE, payload(PAGE)), (END, vec![])]).is_ok(), good, "{language}");
    }
}

#[test]
fn counts_that_are_only_claimed_cost_no_memory() {
    let limits = Limits { page_operations: u64::MAX, operation_bytes: u32::MAX, ..Limits::default() };
    for claim in [
        &[9, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1][..],
        &[[11, 1, 0].as_slice(), &[0; 16], &[0xFF; 4]].concat(),
        &[[3].as_slice(), &[0, 0, 0, 0, 1, 1, 0, 0, 0x80, 0x3F], &[0xFF; 4]].concat(),
    ] {
        let bytes = stream(&[
            (PAGES, payload(PAGES)),
            (GLYPH, payload(GLYPH)),
            (PAGE, payload(PAGE)),
            (OPERATIONS, claim.to_vec()),
            (END, vec![]),
        ]);
        let refused = Document::decode(&*bytes, &limits);
        assert!(matches!(refused, Err(DecodeError::Truncated)), "{refused:?}");
    }
    // A frame of four billion bytes.
    let mut bytes = stream(&[(PAGES, payload(PAGES)), (PAGE, payload(PAGE))]);
    bytes.push(OPERATIONS);
    bytes.extend([0xFF; 4]);
    bytes.extend([4, 1]);
    assert!(matches!(Document::decode(&*bytes, &limits), Err(DecodeError::Truncated)));
}

#[test]
fn a_long_frame_carries_one_step() {
    // 2 bytes each become 72 in memory.
    let small = |count: usize| step(&[4, 1].repeat(count));
    assert!(small(32_768).is_ok());
    assert!(matches!(small(32_769), Err(DecodeError::Malformed("operations"))));
    let to = [1.0, 1.0];
    let mut segments = vec![(2, &to[..]); 8_000];
    segments[0].0 = 1;
    let long = fill(&segments);
    assert!(long.len() > 65_536);
    assert!(step(&long).is_ok());
    assert!(matches!(step(&[&long[..], &[4, 1]].concat()), Err(DecodeError::Malformed("operations"))));
}

#[test]
fn steps_are_cut_into_frames_and_come_back_in_their_order() {
    let limits = Limits::default();
    let step = |n: usize| {
        Operation::Fill(Path { segments: vec![Segment::Move(point(n as f32, 0.0)); n % 37] }, FillRule::NonZero)
    };
    let steps: Vec<Operation> = (0..10_000).map(step).collect();
    let document = Document::Pages(pages_of(vec![page(steps.clone())]));
    let bytes = document.encode(Vec::new(), &limits).unwrap();
    let mut decoder = Decoder::new(&*bytes, &limits).unwrap();
    let (mut back, mut frames) = (Vec::new(), 0);
    loop {
        match decoder.next().unwrap() {
            Event::Operations(steps) => {
                frames += 1;
                back.extend(steps);
            }
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(back, steps);
    // Frames are as full as they can be.
    assert_eq!(frames, bytes.len().div_ceil(65_536));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn damaged_documents_are_a_value_or_an_error(
        document in any_pages(), damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let limits = Limits::default();
        let mut bytes = document.encode(Vec::new(), &limits).unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(document) = Document::decode(&*bytes, &limits) {
            let again = document.encode(Vec::new(), &limits).unwrap();
            prop_assert_eq!(Document::decode(&*again, &limits).unwrap(), document);
        }
    }

    #[test]
    fn arbitrary_frames_are_a_value_or_an_error(
        frames in proptest::collection::vec((prop_oneof![0..22_u8, 11..21_u8, Just(END)], any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)), 0..12),
    ) {
        let begun = [(PAGES, payload(PAGES)), (PAGE, payload(PAGE))];
        let frames: Vec<_> = begun
            .into_iter()
            .chain(frames.into_iter().map(|(tag, good, bytes)| (tag, if good { payload(tag) } else { bytes })))
            .collect();
        if let Ok(document) = decode(&frames) {
            let limits = Limits::default();
            let again = document.encode(Vec::new(), &limits).unwrap();
            prop_assert_eq!(Document::decode(&*again, &limits).unwrap(), document);
        }
    }
}
