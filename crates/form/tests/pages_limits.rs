//! Every limit of documents of pages at n and at n + 1, on the writing and on the reading side.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod documents;

use documents::*;
use form::codec::{DecodeError, EncodeError, Encoder, Kind};
use form::document::{Document, PagesDoc, PagesItem};
use form::pages::*;
use form::text::Line;
use form::{DetectedType, Limits, Reason, Refusal};

fn doc(items: Vec<PagesItem>) -> Document {
    Document::Pages(pages_of(items))
}

fn with(change: impl FnOnce(&mut PagesDoc)) -> Document {
    let mut doc = pages_of(vec![page(vec![])]);
    change(&mut doc);
    Document::Pages(doc)
}

/// Whether both sides take a document: the encoder for itself, the decoder what an encoder that asks nothing would write is
/// told by the tests of hostile streams.
fn accepted(document: &Document) -> bool {
    let limits = Limits::default();
    document.encode(Vec::new(), &limits).is_ok_and(|bytes| Document::decode(&*bytes, &limits).unwrap() == *document)
}

#[test]
fn pages() {
    exact(&doc(vec![page(vec![]); 3]), 3, Reason::LimitPages, |limits, n| limits.pages = short(n));
}

#[test]
fn glyphs_pictures_gradients_and_canvases() {
    let three = |item: PagesItem| doc([vec![item; 3], vec![page(vec![])]].concat());
    let resources = Reason::LimitResources;
    exact(&three(PagesItem::Glyph(glyph("あ"))), 3, resources, |limits, n| limits.glyphs = short(n));
    exact(&three(picture_item(picture(1, 1, PictureLayout::Gray8))), 3, resources, |limits, n| {
        limits.pictures = short(n);
    });
    exact(&three(PagesItem::Gradient(gradient())), 3, resources, |limits, n| limits.gradients = short(n));
    exact(&three(group(vec![])), 3, resources, |limits, n| limits.canvases = short(n));
}

#[test]
fn links_of_all_pages_and_outline_items() {
    let links = |count| PagesItem::Page(page_header(), vec![], vec![link(Target::Page { page: 0, top: None }); count]);
    exact(&doc(vec![links(2), links(3)]), 5, Reason::LimitResources, |limits, n| limits.links = short(n));
    let outline = with(|doc| doc.outline = vec![outline_item(0, 0); 4]);
    exact(&outline, 4, Reason::LimitResources, |limits, n| limits.outline_items = short(n));
}

#[test]
fn pixels_and_dimension_of_each_picture() {
    let pictures = [(5, 3), (3, 5)].map(|(width, height)| picture_item(picture(width, height, PictureLayout::Bits)));
    let document = doc([pictures.to_vec(), vec![page(vec![])]].concat());
    exact(&document, 15, Reason::LimitPixels, |limits, n| limits.pixels = n);
    exact(&document, 5, Reason::LimitDimension, |limits, n| limits.dimension = short(n));
}

#[test]
fn line_bytes_of_titles_and_prefixes() {
    let long = Line::parse(&"a".repeat(100)).unwrap();
    let set = |limits: &mut Limits, n| limits.line_bytes = short(n);
    exact(&with(|doc| doc.header.title = long.clone()), 100, Reason::LimitLineBytes, set);
    let item = OutlineItem { title: long.clone(), ..outline_item(0, 0) };
    exact(&with(|doc| doc.outline = vec![item]), 100, Reason::LimitLineBytes, set);
    let label = PageLabel { prefix: long.clone(), ..page_label(0) };
    exact(&with(|doc| doc.labels = vec![label]), 100, Reason::LimitLineBytes, set);
}

#[test]
fn text_bytes_of_all_titles_and_prefixes() {
    let document = with(|doc| {
        doc.header.title = line("12345");
        doc.outline = vec![OutlineItem { title: line("123"), ..outline_item(0, 0) }; 2];
        doc.labels = vec![PageLabel { prefix: line("12"), ..page_label(0) }];
    });
    exact(&document, 13, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n);
}

fn fill() -> Operation {
    // One, and five segments.
    Operation::Fill(square(), FillRule::NonZero)
}

fn draw(canvas: u32) -> Operation {
    Operation::Group { canvas, alpha: 255 }
}

fn clip() -> Operation {
    Operation::Clip(Path::default(), FillRule::NonZero)
}

fn page_cost(items: Vec<PagesItem>, cost: u64) {
    exact(&doc(items), cost, Reason::LimitPageContent, |limits, n| limits.page_operations = n);
}

#[test]
fn what_a_page_costs_is_its_steps_segments_and_letters() {
    let pen = Operation::Pen(StrokeStyle::default());
    page_cost(vec![page(vec![pen.clone(), pen.clone(), pen.clone()])], 3);
    page_cost(vec![page(vec![fill(), pen.clone()])], 7);
    let text = Operation::Text(run(&[0, 0, 0]), TextMode::Fill);
    page_cost(vec![PagesItem::Glyph(glyph("あ")), page(vec![text, pen.clone()])], 5);
    page_cost(
        vec![page(vec![clip(), Operation::Clip(square(), FillRule::EvenOdd), Operation::Unclip, Operation::Unclip])],
        9,
    );
    let stroke = Operation::Stroke { path: square(), space: Matrix::IDENTITY };
    page_cost(vec![page(vec![stroke, pen.clone()])], 7);
    // Each page has the whole limit, and so has a canvas that nothing draws.
    let busy = vec![fill(), pen.clone()];
    page_cost(vec![group(busy.clone()), page(busy.clone()), page(busy)], 7);
}

/// A letter of 48 segments; each time that one is placed, that is three steps' worth.
fn ornate() -> PagesItem {
    let segments = [vec![Segment::Move(Point { x: 0.0, y: 0.0 })], vec![Segment::Line(Point { x: 9.0, y: 9.0 }); 47]];
    PagesItem::Glyph(Glyph { outline: Path { segments: segments.concat() }, ..glyph("あ") })
}

#[test]
fn letters_with_huge_outlines_cost_more_than_others() {
    let text = |count: usize| Operation::Text(run(&vec![0; count]), TextMode::Fill);
    page_cost(vec![ornate(), page(vec![text(4)])], 12);
    page_cost(vec![ornate(), page(vec![text(2), text(1), Operation::ClipText(run(&[0])), Operation::Unclip])], 12);
    // Through canvases as well: twice two.
    page_cost(vec![ornate(), group(vec![text(2)]), page(vec![draw(0), draw(0)])], 12);
}

#[test]
fn what_a_canvas_costs_is_counted_each_time_that_it_is_named() {
    let pen = Operation::Pen(StrokeStyle::default());
    // 6, then 2 × 7, then 3 × 15 and the pen.
    page_cost(
        vec![group(vec![fill()]), group(vec![draw(0), draw(0)]), page(vec![draw(1), draw(1), draw(1), pen.clone()])],
        46,
    );
    let tile = CanvasKind::Tile { matrix: Matrix::IDENTITY, x_step: 1.0, y_step: 1.0 };
    let paint = Paint::Tile { canvas: 0, alpha: 255 };
    let steps = vec![Operation::FillPaint(paint), Operation::StrokePaint(paint), pen.clone()];
    page_cost(vec![PagesItem::Canvas(canvas(tile), vec![fill()]), page(steps)], 15);
    let mask = CanvasKind::Mask { kind: MaskKind::Alpha, transfer: None };
    let steps = vec![Operation::Mask(Some(0)), Operation::Mask(None), Operation::Mask(Some(0)), pen];
    page_cost(vec![PagesItem::Canvas(canvas(mask), vec![fill()]), page(steps)], 16);
}

#[test]
fn a_tower_of_canvases_that_doubles_with_each_level_is_refused_where_it_passes_the_limit() {
    let mut items = vec![group(vec![fill()])];
    items.extend((0..23).map(|below| group(vec![draw(below), draw(below)])));
    let refusal = doc([items, vec![page(vec![draw(23)])]].concat()).encode(Vec::new(), &Limits::default());
    // 8 × 2ⁿ - 2 after n levels, told at the first step that passes the limit.
    let passed = |found: &Refusal| found.reason == Reason::LimitPageContent && found.value == 8 * (1 << 18) - 2;
    assert!(matches!(&refusal, Err(EncodeError::Limit(found)) if passed(found)), "{refusal:?}");
}

#[test]
fn an_encoder_says_what_steps_would_cost_before_it_takes_them() {
    let limits = Limits { page_operations: 10, ..Limits::default() };
    let mut encoder = Encoder::new(Vec::new(), Kind::Pages, DetectedType::UNKNOWN, &limits).unwrap();
    encoder.pages(&PagesHeader::default()).unwrap();
    let PagesItem::Canvas(header, steps) = group(vec![fill()]) else { unreachable!() };
    let number = encoder.canvas(&header).unwrap();
    encoder.operations(&steps).unwrap();
    encoder.page(&page_header()).unwrap();
    assert_eq!(encoder.cost(&[draw(number), fill(), Operation::Unclip]).unwrap(), 14);
    assert!(matches!(encoder.cost(&[draw(1)]), Err(EncodeError::Invalid(_))));
    // Asking changes nothing.
    encoder.operations(&[draw(number)]).unwrap();
    encoder.finish().unwrap();
}

#[test]
fn canvas_depth() {
    let set = |limits: &mut Limits, n| limits.canvas_depth = short(n);
    let tower = vec![group(vec![fill()]), group(vec![draw(0)]), group(vec![draw(1)]), page(vec![draw(2)])];
    exact(&doc(tower), 3, Reason::LimitPageContent, set);
    // A mask in a tile in a group.
    let mask = CanvasKind::Mask { kind: MaskKind::Alpha, transfer: None };
    let tile = CanvasKind::Tile { matrix: Matrix::IDENTITY, x_step: 1.0, y_step: 1.0 };
    let mixed = vec![
        PagesItem::Canvas(canvas(mask), vec![fill()]),
        PagesItem::Canvas(canvas(tile), vec![Operation::Mask(Some(0))]),
        group(vec![Operation::StrokePaint(Paint::Tile { canvas: 1, alpha: 0 })]),
        page(vec![draw(2)]),
    ];
    exact(&doc(mixed), 3, Reason::LimitPageContent, set);
    // Side by side they are no tower.
    exact(
        &doc(vec![group(vec![fill()]), group(vec![fill()]), page(vec![draw(0), draw(1)])]),
        1,
        Reason::LimitPageContent,
        set,
    );
}

#[test]
fn clip_depth() {
    let set = |limits: &mut Limits, n| limits.clip_depth = short(n);
    let nested = |count| [vec![clip(); count], vec![Operation::Unclip; count]].concat();
    exact(&doc(vec![page([nested(3), nested(4), nested(2)].concat())]), 4, Reason::LimitPageContent, set);
    exact(&doc(vec![group(nested(4)), page(nested(1))]), 4, Reason::LimitPageContent, set);
    let text = [vec![Operation::ClipText(run(&[0])); 2], vec![Operation::Unclip; 2]].concat();
    exact(&doc(vec![PagesItem::Glyph(glyph("あ")), page(text)]), 2, Reason::LimitPageContent, set);
}

#[test]
fn operation_bytes() {
    let set = |limits: &mut Limits, n| limits.operation_bytes = short(n);
    // Tag, rule, count, four segments of nine bytes and one of one.
    exact(&doc(vec![page(vec![fill(), fill()])]), 2 + 4 + 4 * 9 + 1, Reason::LimitPageContent, set);
    let long = Path {
        segments: [vec![Segment::Move(point(0.0, 0.0))], vec![Segment::Line(point(1.0, 1.0)); 20_000]].concat(),
    };
    let document = doc(vec![page(vec![fill(), Operation::Fill(long, FillRule::NonZero), fill()])]);
    exact(&document, 2 + 4 + 20_001 * 9, Reason::LimitPageContent, set);
}

#[test]
fn a_glyph_has_20000_segments_and_not_20001() {
    let curve = Segment::Cubic(point(1.0, 1.0), point(2.0, 2.0), point(3.0, 3.0));
    let segments = |count: usize| [vec![Segment::Move(point(0.0, 0.0))], vec![curve; count - 1]].concat();
    let with = |count| {
        PagesItem::Glyph(Glyph { outline: Path { segments: segments(count) }, ..glyph(&"\u{1F468}".repeat(18)) })
    };
    assert!(accepted(&doc(vec![with(20_000), page(vec![])])));
    let refused = doc(vec![with(20_001), page(vec![])]).encode(Vec::new(), &Limits::default());
    let refusal = Refusal { reason: Reason::LimitResources, limit: 20_000, value: 20_001 };
    assert!(matches!(&refused, Err(EncodeError::Limit(found)) if *found == refusal), "{refused:?}");
}

#[test]
fn counts_that_no_setting_changes() {
    let pen = |dashes| {
        doc(vec![page(vec![Operation::Pen(StrokeStyle { dashes: vec![1.0; dashes], ..StrokeStyle::default() })])])
    };
    let stops = |count: usize| {
        let mut gradient = gradient();
        let inner = GradientStop { offset: 0.5, color: Color::default() };
        gradient.stops.splice(1..1, vec![inner; count - 2]);
        doc(vec![PagesItem::Gradient(gradient), page(vec![])])
    };
    let outline = |deepest| with(|doc| doc.outline = (0..=deepest).map(|level| outline_item(level, 0)).collect());
    let side = |side| doc(vec![PagesItem::Page(PageHeader { width: side, ..page_header() }, vec![], vec![])]);
    let far = |x| {
        doc(vec![page(vec![Operation::Fill(Path { segments: vec![Segment::Move(point(x, 0.0))] }, FillRule::NonZero)])])
    };
    for (good, bad) in [
        (pen(32), pen(33)),
        (stops(256), stops(257)),
        (outline(15), outline(16)),
        (side(14_400.0), side(14_400.001)),
        (far(1_000_000.0), far(1_000_000.1)),
        (far(-1_000_000.0), far(-1_000_000.1)),
    ] {
        assert!(accepted(&good), "{good:?}");
        let refused = bad.encode(Vec::new(), &Limits::default());
        assert!(matches!(refused, Err(EncodeError::Invalid(DecodeError::Malformed(_)))), "{bad:?}");
    }
}
