//! Documents of pages: a fixed one that has everything in it, and any.

use form::DetectedType;
use form::codec::Kind;
use form::document::{Document, PagesDoc, PagesItem};
use form::pages::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{any_children, any_detected, any_finding, any_line, child, line};

pub(crate) fn point(x: f32, y: f32) -> Point {
    Point { x, y }
}

pub(crate) fn square() -> Path {
    Path::rect(Rect { x0: 0.0, y0: 0.0, x1: 500.0, y1: 500.0 })
}

pub(crate) fn glyph(text: &str) -> Glyph {
    Glyph { advance: 500.0, outline: square(), text: GlyphText::parse(text).unwrap() }
}

pub(crate) fn picture(width: u32, height: u32, layout: PictureLayout) -> PictureHeader {
    PictureHeader { width, height, layout, source: PictureSource::Photo, interpolate: false, alpha: None }
}

pub(crate) fn picture_item(header: PictureHeader) -> PagesItem {
    PagesItem::Picture(header, vec![0; usize::try_from(header.picture_bytes()).unwrap()])
}

pub(crate) fn gradient() -> Gradient {
    let stop = |offset| GradientStop { offset, color: Color { r: 1, g: 2, b: 3 } };
    Gradient {
        shape: GradientShape::Axial { start: point(0.0, 0.0), end: point(1.0, 0.0) },
        matrix: Matrix::IDENTITY,
        stops: vec![stop(0.0), stop(1.0)],
        extend_start: true,
        extend_end: false,
    }
}

pub(crate) fn group(operations: Vec<Operation>) -> PagesItem {
    PagesItem::Canvas(canvas(CanvasKind::Group { isolated: true, knockout: false }), operations)
}

pub(crate) fn canvas(kind: CanvasKind) -> CanvasHeader {
    CanvasHeader { kind, bounds: Rect { x0: 0.0, y0: 0.0, x1: 100.0, y1: 100.0 } }
}

pub(crate) fn page_header() -> PageHeader {
    PageHeader { width: 595.0, height: 842.0, level: PageLevel::Vector }
}

pub(crate) fn page(operations: Vec<Operation>) -> PagesItem {
    PagesItem::Page(page_header(), operations, vec![])
}

pub(crate) fn run(glyphs: &[u32]) -> TextRun {
    let place = |glyph: &u32| PlacedGlyph { glyph: *glyph, x: 10.0, y: 20.0 };
    TextRun { space: Matrix::IDENTITY, em: [12.0, 0.0, 0.0, 12.0], glyphs: glyphs.iter().map(place).collect() }
}

pub(crate) fn link(target: Target) -> Link {
    Link { area: Rect { x0: 1.0, y0: 2.0, x1: 3.0, y1: 4.0 }, target }
}

pub(crate) fn outline_item(level: u8, page: u32) -> OutlineItem {
    OutlineItem { level, title: line("第1章"), page, top: Some(800.0) }
}

pub(crate) fn page_label(page: u32) -> PageLabel {
    PageLabel { page, style: LabelStyle::Decimal, prefix: line("付"), start: 1 }
}

pub(crate) fn pages_of(items: Vec<PagesItem>) -> PagesDoc {
    PagesDoc {
        detected: DetectedType::lossy("pdf"),
        header: PagesHeader { language: LanguageTag::parse("ja-JP").ok(), title: line("予算書") },
        items,
        outline: vec![],
        labels: vec![],
        children: vec![],
        findings: vec![],
    }
}

/// Every sort of thing at least once.
pub(crate) fn pages_doc() -> Document {
    let matrix = Matrix([100.0, 0.0, 0.0, 100.0, 50.0, 50.0]);
    let curve = Path {
        segments: vec![
            Segment::Move(point(0.0, 0.0)),
            Segment::Line(point(1.0, 0.0)),
            Segment::Cubic(point(1.0, 1.0), point(2.0, 2.0), point(3.0, 0.5)),
            Segment::Move(point(-5.0, -5.5)),
            Segment::Close,
        ],
    };
    let pen = StrokeStyle { dashes: vec![3.0, 0.0, 1.5], dash_offset: 1.0, ..StrokeStyle::default() };
    let operations = vec![
        Operation::Clip(square(), FillRule::NonZero),
        Operation::ClipText(run(&[0])),
        Operation::FillPaint(Paint::Color { color: Color { r: 255, g: 0, b: 0 }, alpha: 128 }),
        Operation::Fill(curve.clone(), FillRule::EvenOdd),
        Operation::FillPaint(Paint::Gradient { gradient: 0, alpha: 255 }),
        Operation::Unclip,
        Operation::Unclip,
        Operation::FillPaint(Paint::Tile { canvas: 2, alpha: 255 }),
        Operation::StrokePaint(Paint::Color { color: Color::default(), alpha: 255 }),
        Operation::Pen(pen),
        Operation::Stroke { path: curve, space: Matrix([2.0, 0.0, 0.0, 1.0, 0.0, 0.0]) },
        Operation::Blend(BlendMode::Multiply),
        Operation::Mask(Some(1)),
        Operation::Text(run(&[0, 1, 0]), TextMode::Fill),
        Operation::Mask(None),
        Operation::Picture { picture: 1, matrix, alpha: 255 },
        Operation::Stencil { picture: 0, matrix },
        Operation::Group { canvas: 0, alpha: 200 },
    ];
    let mask = CanvasKind::Mask {
        kind: MaskKind::Luminosity { backdrop: Color::default() },
        transfer: Some(Box::new(std::array::from_fn(|at| 255 - u8::try_from(at).unwrap()))),
    };
    let tile = CanvasKind::Tile { matrix: Matrix::IDENTITY, x_step: 10.0, y_step: -10.0 };
    let fill = vec![Operation::Fill(square(), FillRule::NonZero)];
    let links = vec![
        link(Target::Url(Url::parse("https://www.example.jp/").unwrap())),
        link(Target::Page { page: 1, top: Some(700.0) }),
    ];
    Document::Pages(PagesDoc {
        outline: vec![outline_item(0, 0), outline_item(1, 1), outline_item(0, 1)],
        labels: vec![page_label(0), PageLabel { style: LabelStyle::LowerRoman, ..page_label(1) }],
        children: vec![child(0, "附票.xlsx"), child(1, "mail.eml")],
        findings: vec![form::Finding::new(form::Reason::Script, form::Place::default())],
        ..pages_of(vec![
            PagesItem::Glyph(glyph("葛\u{E0100}")),
            PagesItem::Glyph(Glyph { outline: Path::default(), ..glyph("") }),
            picture_item(picture(9, 2, PictureLayout::Bits)),
            picture_item(PictureHeader { alpha: Some(0), interpolate: true, ..picture(2, 3, PictureLayout::Rgb8) }),
            PagesItem::Gradient(gradient()),
            group(fill.clone()),
            PagesItem::Canvas(canvas(mask), fill.clone()),
            PagesItem::Canvas(canvas(tile), fill),
            PagesItem::Page(page_header(), operations, links),
            page(vec![]),
        ])
    })
}

// Strategies.

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -MAX_COORDINATE..=MAX_COORDINATE,
        2 => -1.0..=1.0_f32,
        1 => select(vec![0.0, -0.0, 1.0, MAX_COORDINATE, -MAX_COORDINATE, f32::MIN_POSITIVE, f32::EPSILON]),
    ]
}

fn any_point() -> impl Strategy<Value = Point> {
    (number(), number()).prop_map(|(x, y)| point(x, y))
}

fn any_matrix() -> impl Strategy<Value = Matrix> {
    prop_oneof![Just(Matrix::IDENTITY), [(); 6].map(|()| number()).prop_map(Matrix)]
}

fn any_rect() -> impl Strategy<Value = Rect> {
    (any_point(), any_point()).prop_map(|(a, b)| Rect {
        x0: a.x.min(b.x),
        y0: a.y.min(b.y),
        x1: a.x.max(b.x),
        y1: a.y.max(b.y),
    })
}

fn any_path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        any_point().prop_map(Segment::Line),
        (any_point(), any_point(), any_point()).prop_map(|(a, b, c)| Segment::Cubic(a, b, c)),
    ];
    let subpath = (any_point(), vec(step, 0..5), any::<bool>()).prop_map(|(start, steps, close)| {
        let close = close.then_some(Segment::Close);
        std::iter::once(Segment::Move(start)).chain(steps).chain(close).collect::<Vec<_>>()
    });
    vec(subpath, 0..3).prop_map(|subpaths| Path { segments: subpaths.concat() })
}

fn any_color() -> impl Strategy<Value = Color> {
    any::<[u8; 3]>().prop_map(|[r, g, b]| Color { r, g, b })
}

fn any_paint() -> impl Strategy<Value = Paint> {
    prop_oneof![
        (any_color(), any::<u8>()).prop_map(|(color, alpha)| Paint::Color { color, alpha }),
        (any::<u32>(), any::<u8>()).prop_map(|(gradient, alpha)| Paint::Gradient { gradient, alpha }),
        (any::<u32>(), any::<u8>()).prop_map(|(canvas, alpha)| Paint::Tile { canvas, alpha }),
    ]
}

fn any_pen() -> impl Strategy<Value = StrokeStyle> {
    let dashes =
        vec(0.0..=100.0_f32, 0..6).prop_map(|dashes| if dashes.iter().sum::<f32>() > 0.0 { dashes } else { vec![] });
    (0.0..=100.0_f32, select(LineCap::ALL), select(LineJoin::ALL), 1.0..=100.0_f32, dashes, number()).prop_map(
        |(width, cap, join, miter_limit, dashes, dash_offset)| StrokeStyle {
            width,
            cap,
            join,
            miter_limit,
            dashes,
            dash_offset,
        },
    )
}

fn any_run() -> impl Strategy<Value = TextRun> {
    let placed = (any::<u32>(), number(), number()).prop_map(|(glyph, x, y)| PlacedGlyph { glyph, x, y });
    (any_matrix(), [(); 4].map(|()| number()), vec(placed, 1..6)).prop_map(|(space, em, glyphs)| TextRun {
        space,
        em,
        glyphs,
    })
}

/// Steps that name anything; [`Builder::fit`] makes them name what is there.
fn any_operation() -> impl Strategy<Value = Operation> {
    let rule = || select(FillRule::ALL);
    prop_oneof![
        any_paint().prop_map(Operation::FillPaint),
        any_paint().prop_map(Operation::StrokePaint),
        any_pen().prop_map(Operation::Pen),
        select(BlendMode::ALL).prop_map(Operation::Blend),
        option::of(any::<u32>()).prop_map(Operation::Mask),
        (any_path(), rule()).prop_map(|(path, rule)| Operation::Clip(path, rule)),
        any_run().prop_map(Operation::ClipText),
        Just(Operation::Unclip),
        (any_path(), rule()).prop_map(|(path, rule)| Operation::Fill(path, rule)),
        (any_path(), any_matrix()).prop_map(|(path, space)| Operation::Stroke { path, space }),
        (any_run(), select(TextMode::ALL)).prop_map(|(run, mode)| Operation::Text(run, mode)),
        (any::<u32>(), any_matrix(), any::<u8>()).prop_map(|(picture, matrix, alpha)| Operation::Picture {
            picture,
            matrix,
            alpha
        }),
        (any::<u32>(), any_matrix()).prop_map(|(picture, matrix)| Operation::Stencil { picture, matrix }),
        (any::<u32>(), any::<u8>()).prop_map(|(canvas, alpha)| Operation::Group { canvas, alpha }),
    ]
}

fn any_glyph() -> impl Strategy<Value = Glyph> {
    (number(), any_path(), any::<String>()).prop_map(|(advance, outline, text)| Glyph {
        advance,
        outline,
        text: GlyphText::scrub(&text),
    })
}

fn any_gradient() -> impl Strategy<Value = Gradient> {
    let radius = || 0.0..=MAX_COORDINATE;
    let shape = prop_oneof![
        (any_point(), any_point()).prop_map(|(start, end)| GradientShape::Axial { start, end }),
        (any_point(), radius(), any_point(), radius()).prop_map(|(start, start_radius, end, end_radius)| {
            GradientShape::Radial { start, start_radius, end, end_radius }
        }),
    ];
    let stops =
        (any_color(), vec((0.0..=1.0_f32, any_color()), 0..4), any_color()).prop_map(|(first, mut inner, last)| {
            inner.sort_by(|a, b| a.0.total_cmp(&b.0));
            let all = std::iter::once((0.0, first)).chain(inner).chain([(1.0, last)]);
            all.map(|(offset, color)| GradientStop { offset, color }).collect()
        });
    (shape, any_matrix(), stops, any::<bool>(), any::<bool>()).prop_map(
        |(shape, matrix, stops, extend_start, extend_end)| Gradient { shape, matrix, stops, extend_start, extend_end },
    )
}

fn any_canvas() -> impl Strategy<Value = CanvasHeader> {
    let mask = prop_oneof![Just(MaskKind::Alpha), any_color().prop_map(|backdrop| MaskKind::Luminosity { backdrop }),];
    let transfer = option::of(
        any::<u8>().prop_map(|seed| Box::new(std::array::from_fn::<u8, 256, _>(|at| u8::try_from(at).unwrap() ^ seed))),
    );
    let step = || number().prop_map(|step| if step.abs() < CanvasKind::LEAST_STEP { 1.0 } else { step });
    let kind = prop_oneof![
        any::<[bool; 2]>().prop_map(|[isolated, knockout]| CanvasKind::Group { isolated, knockout }),
        (mask, transfer).prop_map(|(kind, transfer)| CanvasKind::Mask { kind, transfer }),
        (any_matrix(), step(), step()).prop_map(|(matrix, x_step, y_step)| CanvasKind::Tile { matrix, x_step, y_step }),
    ];
    (kind, any_rect()).prop_map(|(kind, bounds)| CanvasHeader { kind, bounds })
}

fn any_page() -> impl Strategy<Value = PageHeader> {
    let side = || f32::MIN_POSITIVE..=PageHeader::MAX_SIDE;
    (side(), side(), select(PageLevel::ALL)).prop_map(|(width, height, level)| PageHeader { width, height, level })
}

fn any_url() -> impl Strategy<Value = Url> {
    "(https?://[a-z0-9-]{1,20}(:[0-9]{1,4})?/\\PC{0,20}|mailto:[a-z]{1,8}@[a-z]{1,8}\\?subject=\\PC{0,9})"
        .prop_filter_map("not an address", |raw| Url::rebuild(&raw))
}

fn any_link() -> impl Strategy<Value = Link> {
    let target = prop_oneof![
        any_url().prop_map(Target::Url),
        (any::<u32>(), option::of(number())).prop_map(|(page, top)| Target::Page { page, top }),
    ];
    (any_rect(), target).prop_map(|(area, target)| Link { area, target })
}

fn any_item() -> impl Strategy<Value = PagesItem> {
    let operations = || vec(any_operation(), 0..12);
    let picture = (1..40_u32, 1..20_u32, select(PictureLayout::ALL), select(PictureSource::ALL), any::<bool>());
    let picture =
        (picture, option::of(any::<u32>())).prop_map(|((width, height, layout, source, interpolate), alpha)| {
            PictureHeader { width, height, layout, source, interpolate, alpha }
        });
    prop_oneof![
        any_glyph().prop_map(PagesItem::Glyph),
        (picture, any::<u8>()).prop_map(|(header, seed)| PagesItem::Picture(header, pixels(&header, seed))),
        any_gradient().prop_map(PagesItem::Gradient),
        (any_canvas(), operations()).prop_map(|(header, operations)| PagesItem::Canvas(header, operations)),
        (any_page(), operations(), vec(any_link(), 0..3))
            .prop_map(|(header, operations, links)| PagesItem::Page(header, operations, links)),
    ]
}

fn pixels(header: &PictureHeader, seed: u8) -> Vec<u8> {
    let row = usize::try_from(header.row_bytes()).unwrap();
    let unused =
        if header.layout == PictureLayout::Bits { row * 8 - usize::try_from(header.width).unwrap() } else { 0 };
    let byte = |at: usize| {
        let byte = u8::try_from(at % 251).unwrap() ^ seed;
        if (at + 1).is_multiple_of(row) { byte >> unused << unused } else { byte }
    };
    (0..row * usize::try_from(header.height).unwrap()).map(byte).collect()
}

/// What can be named so far.
#[derive(Default)]
struct Builder {
    glyphs: u32,
    gradients: u32,
    pictures: Vec<(u32, PictureHeader)>,
    canvases: Vec<(u32, CanvasKind)>,
}

impl Builder {
    fn picture(&self, raw: u32, fits: impl Fn(&PictureHeader) -> bool) -> Option<u32> {
        pick(raw, &self.pictures, fits)
    }

    fn canvas(&self, raw: u32, fits: impl Fn(&CanvasKind) -> bool) -> Option<u32> {
        pick(raw, &self.canvases, fits)
    }

    fn paint(&self, paint: Paint) -> Option<Paint> {
        Some(match paint {
            Paint::Color { .. } => paint,
            Paint::Gradient { gradient, alpha } => {
                Paint::Gradient { gradient: gradient.checked_rem(self.gradients)?, alpha }
            }
            Paint::Tile { canvas, alpha } => {
                Paint::Tile { canvas: self.canvas(canvas, |kind| matches!(kind, CanvasKind::Tile { .. }))?, alpha }
            }
        })
    }

    fn run(&self, mut run: TextRun) -> Option<TextRun> {
        for placed in &mut run.glyphs {
            placed.glyph = placed.glyph.checked_rem(self.glyphs)?;
        }
        Some(run)
    }

    /// The step naming something that is there, where something of its sort is.
    fn fit(&self, operation: Operation) -> Option<Operation> {
        Some(match operation {
            Operation::FillPaint(paint) => Operation::FillPaint(self.paint(paint)?),
            Operation::StrokePaint(paint) => Operation::StrokePaint(self.paint(paint)?),
            Operation::Mask(Some(canvas)) => {
                Operation::Mask(Some(self.canvas(canvas, |kind| matches!(kind, CanvasKind::Mask { .. }))?))
            }
            Operation::ClipText(run) => Operation::ClipText(self.run(run)?),
            Operation::Text(run, mode) => Operation::Text(self.run(run)?, mode),
            Operation::Picture { picture, matrix, alpha } => {
                Operation::Picture { picture: self.picture(picture, |_| true)?, matrix, alpha }
            }
            Operation::Stencil { picture, matrix } => {
                let fits = |header: &PictureHeader| header.layout == PictureLayout::Bits && header.alpha.is_none();
                Operation::Stencil { picture: self.picture(picture, fits)?, matrix }
            }
            Operation::Group { canvas, alpha } => Operation::Group {
                canvas: self.canvas(canvas, |kind| matches!(kind, CanvasKind::Group { .. }))?,
                alpha,
            },
            other => other,
        })
    }

    fn drawing(&self, operations: Vec<Operation>) -> Vec<Operation> {
        let mut clips = 0_usize;
        let mut fitted = Vec::new();
        for operation in operations.into_iter().filter_map(|operation| self.fit(operation)) {
            match operation {
                Operation::Clip(..) | Operation::ClipText(_) => clips += 1,
                Operation::Unclip if clips == 0 => continue,
                Operation::Unclip => clips -= 1,
                _ => {}
            }
            fitted.push(operation);
        }
        fitted.extend(vec![Operation::Unclip; clips]);
        fitted
    }

    fn item(&mut self, item: PagesItem) -> PagesItem {
        match item {
            PagesItem::Glyph(_) => self.glyphs += 1,
            PagesItem::Gradient(_) => self.gradients += 1,
            PagesItem::Picture(mut header, pixels) => {
                let fits = |other: &PictureHeader| other.layout != PictureLayout::Rgb8 && other.alpha.is_none();
                header.alpha = header.alpha.and_then(|raw| self.picture(raw, fits));
                self.pictures.push((u32::try_from(self.pictures.len()).unwrap(), header));
                return PagesItem::Picture(header, pixels);
            }
            PagesItem::Canvas(header, operations) => {
                let operations = self.drawing(operations);
                self.canvases.push((u32::try_from(self.canvases.len()).unwrap(), header.kind.clone()));
                return PagesItem::Canvas(header, operations);
            }
            PagesItem::Page(header, operations, links) => {
                return PagesItem::Page(header, self.drawing(operations), links);
            }
        }
        item
    }
}

fn pick<T>(raw: u32, list: &[(u32, T)], fits: impl Fn(&T) -> bool) -> Option<u32> {
    let fitting: Vec<u32> = list.iter().filter(|(_, value)| fits(value)).map(|(number, _)| *number).collect();
    let at = usize::try_from(raw).unwrap().checked_rem(fitting.len())?;
    fitting.get(at).copied()
}

pub(crate) fn any_pages() -> impl Strategy<Value = PagesDoc> {
    let header = (option::of("[a-z]{1,8}(-[A-Za-z0-9]{1,8}){0,2}"), any_line())
        .prop_map(|(tag, title)| PagesHeader { language: tag.map(|tag| LanguageTag::parse(&tag).unwrap()), title });
    let title = any_line().prop_map(|title| if title.is_empty() { line("x") } else { title });
    let outline = (0..=15_u8, title, any::<u32>(), option::of(number()))
        .prop_map(|(level, title, page, top)| OutlineItem { level, title, page, top });
    let label = (any::<bool>(), select(LabelStyle::ALL), any_line(), 1..=u32::MAX);
    let content = (vec(any_item(), 0..16), any_page(), vec(outline, 0..5), vec(label, 0..4));
    let rest = (any_children(Kind::Pages), vec(any_finding(), 0..3));
    (any_detected(), header, content, rest).prop_map(|(detected, header, content, (children, findings))| {
        let (items, last, mut outline, labels) = content;
        let mut builder = Builder::default();
        let mut items: Vec<PagesItem> = items.into_iter().map(|item| builder.item(item)).collect();
        items.push(PagesItem::Page(last, vec![], vec![]));
        let pages = u32::try_from(items.iter().filter(|item| matches!(item, PagesItem::Page(..))).count()).unwrap();
        for item in &mut items {
            if let PagesItem::Page(_, _, links) = item {
                for link in links {
                    if let Target::Page { page, .. } = &mut link.target {
                        *page %= pages;
                    }
                }
            }
        }
        let mut deepest = 0;
        for item in &mut outline {
            (item.level, item.page) = (item.level.min(deepest), item.page % pages);
            deepest = item.level + 1;
        }
        let labels = labels.into_iter().zip(0..pages).filter(|((kept, ..), _)| *kept);
        let labels = labels.map(|((_, style, prefix, start), page)| PageLabel { page, style, prefix, start }).collect();
        PagesDoc { detected, header, items, outline, labels, children, findings }
    })
}
