//! Forms of pages by chance: every operation, every resource, numbers up to their bounds.

use form::pages::*;

use super::{Form, picture_header, words};

#[path = "../../../form/tests/chance_kit/mod.rs"]
mod chance_kit;

pub use chance_kit::Chance;

impl Chance {
    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn often(&mut self) -> bool {
        self.below(4) > 0
    }

    fn seldom(&mut self) -> bool {
        self.below(8) == 0
    }

    /// Mostly on a page, now and then at the bounds of what a form can say.
    fn number(&mut self) -> f32 {
        let unit = f32::from(u16::try_from(self.below(65_536)).unwrap()) / 65_536.0;
        match self.below(12) {
            0 => self.one(&[0.0, -0.0, 1.0, -1.0, MAX_COORDINATE, -MAX_COORDINATE, 1e-7, -1e-30, f32::MIN_POSITIVE]),
            1 => (unit - 0.5) * 2.0 * MAX_COORDINATE,
            2 => (unit * 100.0).round(),
            3 => unit / 100.0,
            _ => unit * 240.0 - 20.0,
        }
    }

    fn least(&mut self, least: f32) -> f32 {
        self.number().abs().max(least)
    }

    fn point(&mut self) -> Point {
        Point { x: self.number(), y: self.number() }
    }

    fn matrix(&mut self) -> Matrix {
        match self.below(4) {
            0 => Matrix::IDENTITY,
            1 => {
                let size = self.number();
                Matrix([size, 0.0, 0.0, size, self.number(), self.number()])
            }
            2 => Matrix([0.0, 1.0, -1.0, 0.0, self.number(), self.number()]),
            _ => Matrix([(); 6].map(|()| self.number())),
        }
    }

    fn rect(&mut self) -> Rect {
        let (a, b) = (self.point(), self.point());
        Rect { x0: a.x.min(b.x), y0: a.y.min(b.y), x1: a.x.max(b.x), y1: a.y.max(b.y) }
    }

    fn path(&mut self) -> Path {
        if self.below(3) == 0 {
            return Path::rect(self.rect());
        }
        let mut segments = Vec::new();
        for _ in 0..self.below(4) {
            segments.push(Segment::Move(self.point()));
            for _ in 0..self.below(6) {
                segments.push(match self.below(3) {
                    0 => Segment::Cubic(self.point(), self.point(), self.point()),
                    _ => Segment::Line(self.point()),
                });
            }
            if self.often() {
                segments.push(Segment::Close);
            }
        }
        Path { segments }
    }

    fn rule(&mut self) -> FillRule {
        self.one(FillRule::ALL)
    }

    fn color(&mut self) -> Color {
        let gray = self.byte();
        if self.often() {
            Color { r: gray, g: gray, b: gray }
        } else {
            Color { r: self.byte(), g: gray, b: self.byte() }
        }
    }

    fn alpha(&mut self) -> u8 {
        if self.often() { 255 } else { self.byte() }
    }

    fn pen(&mut self) -> StrokeStyle {
        let dashes = (0..self.below(4)).map(|_| self.least(0.0)).collect::<Vec<f32>>();
        let dashes = if dashes.iter().sum::<f32>() > 0.0 { dashes } else { Vec::new() };
        StrokeStyle {
            width: self.least(0.0),
            cap: self.one(LineCap::ALL),
            join: self.one(LineJoin::ALL),
            miter_limit: self.least(1.0),
            dashes,
            dash_offset: self.number(),
        }
    }

    fn text(&mut self) -> String {
        let chars = ['a', ' ', '(', ')', '\\', '/', '<', '>', '%', '[', '&', 'é', '漢', '𠮷', '"', '\'', '0', '~'];
        (0..self.below(8)).map(|_| self.one(&chars)).collect()
    }

    fn gradient(&mut self) -> Gradient {
        let shape = if self.below(2) == 0 {
            GradientShape::Axial { start: self.point(), end: self.point() }
        } else {
            GradientShape::Radial {
                start: self.point(),
                start_radius: self.least(0.0),
                end: self.point(),
                end_radius: self.least(0.0),
            }
        };
        let count = 2 + self.below(5);
        let mut offsets: Vec<f32> = (0..count).map(|_| f32::from(self.byte()) / 255.0).collect();
        offsets.sort_by(f32::total_cmp);
        offsets[0] = 0.0;
        *offsets.last_mut().unwrap() = 1.0;
        let stops = offsets.into_iter().map(|offset| GradientStop { offset, color: self.color() }).collect();
        let (extend_start, extend_end) = (self.often(), self.often());
        Gradient { shape, matrix: self.matrix(), stops, extend_start, extend_end }
    }
}

/// What a form has so far.
#[derive(Default)]
struct Known {
    glyphs: u32,
    /// Layout, and whether there is an alpha.
    pictures: Vec<(PictureLayout, bool)>,
    gradients: u32,
    canvases: Vec<CanvasKind>,
}

/// The header of a document.
pub fn header(chance: &mut Chance) -> PagesHeader {
    let language = chance.one(&[None, Some("ja"), Some("en-US"), Some("zh-Hant-TW")]);
    PagesHeader { language: language.map(|tag| LanguageTag::parse(tag).unwrap()), title: words(&chance.text()) }
}

/// A document of one to three pages.
pub fn document(chance: &mut Chance, form: &mut Form) {
    let mut known = Known::default();
    let pages = 1 + chance.below(3);
    for _ in 0..pages {
        for _ in 0..chance.below(6) {
            resource(chance, form, &mut known);
        }
        let sides = [chance.least(0.01).min(14_400.0), chance.least(0.01).min(14_400.0)];
        let level = chance.one(PageLevel::ALL);
        form.page(&PageHeader { width: sides[0], height: sides[1], level }).unwrap();
        draw(chance, form, &known);
        for _ in 0..chance.below(3) {
            let target = if chance.below(2) == 0 {
                let url = chance.one(&["https://example.jp/(a)?b=%5C", "mailto:a@example.jp", "http://example.com/"]);
                Target::Url(Url::parse(url).unwrap())
            } else {
                let top = chance.often().then(|| chance.number());
                Target::Page { page: chance.below(pages), top }
            };
            form.link(&Link { area: chance.rect(), target }).unwrap();
        }
    }
    let mut level = 0;
    for at in 0..chance.below(5) {
        level = if at == 0 { 0 } else { u8::try_from(chance.below(u32::from(level) + 2)).unwrap() };
        let title = words(&format!("t{}", chance.text()));
        let top = chance.often().then(|| chance.number());
        form.outline_item(&OutlineItem { level, title, page: chance.below(pages), top }).unwrap();
    }
    for page in 0..pages {
        if chance.seldom() {
            let (style, prefix) = (chance.one(LabelStyle::ALL), words(&chance.text()));
            form.page_label(&PageLabel { page, style, prefix, start: 1 + chance.below(99) }).unwrap();
        }
    }
}

fn resource(chance: &mut Chance, form: &mut Form, known: &mut Known) {
    match chance.below(5) {
        0 | 1 => {
            for _ in 0..=chance.below(4) {
                let mut outline = chance.path();
                if chance.seldom() {
                    outline = Path::default();
                }
                let text = GlyphText::scrub(&chance.text());
                form.glyph(&Glyph { advance: chance.number() * 5.0 % MAX_COORDINATE, outline, text }).unwrap();
                known.glyphs += 1;
            }
        }
        2 => picture(chance, form, known),
        3 => {
            form.gradient(&chance.gradient()).unwrap();
            known.gradients += 1;
        }
        _ => canvas(chance, form, known),
    }
}

fn picture(chance: &mut Chance, form: &mut Form, known: &mut Known) {
    let (layout, source) = (chance.one(PictureLayout::ALL), chance.one(PictureSource::ALL));
    let side = if chance.seldom() { 60 } else { 9 };
    let (width, height) = (1 + chance.below(side), 1 + chance.below(side));
    let alpha = (0..).zip(&known.pictures).filter(|(_, (layout, alpha))| *layout != PictureLayout::Rgb8 && !alpha);
    let alphas: Vec<u32> = alpha.map(|(number, _)| number).collect();
    let alpha = if alphas.is_empty() || chance.often() { None } else { Some(chance.one(&alphas)) };
    let header = PictureHeader { alpha, interpolate: chance.seldom(), ..picture_header(width, height, layout, source) };
    let values = if chance.often() { 255 } else { 3 };
    let row = usize::try_from(header.row_bytes()).unwrap();
    let mut pixels = Vec::new();
    for _ in 0..height {
        pixels.extend((0..row).map(|_| chance.byte() % values));
        let padding = row * 8 - usize::try_from(width).unwrap().min(row * 8);
        if layout == PictureLayout::Bits
            && let Some(last) = pixels.last_mut()
        {
            *last &= 0xFF_u8 << padding;
        }
    }
    super::picture(form, header, &pixels);
    known.pictures.push((layout, alpha.is_some()));
}

fn canvas(chance: &mut Chance, form: &mut Form, known: &mut Known) {
    let kind = match chance.below(3) {
        0 => CanvasKind::Group { isolated: chance.often(), knockout: chance.seldom() },
        1 => {
            let kind =
                if chance.below(2) == 0 { MaskKind::Alpha } else { MaskKind::Luminosity { backdrop: chance.color() } };
            let transfer = chance.seldom().then(|| Box::new([(); 256].map(|()| chance.byte())));
            CanvasKind::Mask { kind, transfer }
        }
        _ => CanvasKind::Tile { matrix: chance.matrix(), x_step: chance.least(0.001), y_step: -chance.least(0.001) },
    };
    let header = CanvasHeader { kind: kind.clone(), bounds: chance.rect() };
    form.canvas(&header).unwrap();
    draw(chance, form, known);
    known.canvases.push(kind);
}

/// Operations of a page or canvas, in one piece or two.
fn draw(chance: &mut Chance, form: &mut Form, known: &Known) {
    let mut open: u32 = 0;
    let mut operations = Vec::new();
    let mut before: Option<Operation> = None;
    for _ in 0..chance.below(24) {
        let next = match (&before, chance.below(20)) {
            // The same once more: what the writer need not repeat.
            (Some(before), 0..3) => before.clone(),
            (_, 3..6) if open > 0 => Operation::Unclip,
            _ => operation(chance, known),
        };
        match &next {
            Operation::Clip(..) | Operation::ClipText(_) => open += 1,
            Operation::Unclip if open == 0 => continue,
            Operation::Unclip => open -= 1,
            _ => {}
        }
        before = Some(next.clone());
        operations.push(next);
    }
    operations.extend((0..open).map(|_| Operation::Unclip));
    let cut = usize::try_from(chance.below(30)).unwrap().min(operations.len());
    for piece in [&operations[..cut], &operations[cut..]] {
        if !piece.is_empty() {
            form.operations(piece).unwrap();
        }
    }
}

fn operation(chance: &mut Chance, known: &Known) -> Operation {
    let canvases = |wanted: fn(&CanvasKind) -> bool| -> Vec<u32> {
        (0..).zip(&known.canvases).filter(|(_, kind)| wanted(kind)).map(|(number, _)| number).collect()
    };
    let stencils: Vec<u32> = (0..)
        .zip(&known.pictures)
        .filter(|(_, (layout, alpha))| *layout == PictureLayout::Bits && !alpha)
        .map(|(number, _)| number)
        .collect();
    match chance.below(16) {
        0 => Operation::FillPaint(paint(chance, known)),
        1 => Operation::StrokePaint(paint(chance, known)),
        2 => Operation::Pen(chance.pen()),
        3 => Operation::Blend(chance.one(BlendMode::ALL)),
        4 => {
            let masks = canvases(|kind| matches!(kind, CanvasKind::Mask { .. }));
            Operation::Mask((!masks.is_empty() && chance.often()).then(|| chance.one(&masks)))
        }
        5 | 6 => Operation::Clip(chance.path(), chance.rule()),
        7 if known.glyphs > 0 => Operation::ClipText(run(chance, known)),
        8 | 9 if known.glyphs > 0 => Operation::Text(run(chance, known), chance.one(TextMode::ALL)),
        10 if !known.pictures.is_empty() => {
            let picture = chance.below(u32::try_from(known.pictures.len()).unwrap());
            Operation::Picture { picture, matrix: chance.matrix(), alpha: chance.alpha() }
        }
        11 if !stencils.is_empty() => Operation::Stencil { picture: chance.one(&stencils), matrix: chance.matrix() },
        12 => {
            let groups = canvases(|kind| matches!(kind, CanvasKind::Group { .. }));
            match groups.is_empty() {
                true => Operation::Unclip,
                false => Operation::Group { canvas: chance.one(&groups), alpha: chance.alpha() },
            }
        }
        13 => Operation::Stroke { path: chance.path(), space: chance.matrix() },
        _ => Operation::Fill(chance.path(), chance.rule()),
    }
}

fn paint(chance: &mut Chance, known: &Known) -> Paint {
    let alpha = chance.alpha();
    let tiles: Vec<u32> = (0..)
        .zip(&known.canvases)
        .filter(|(_, kind)| matches!(kind, CanvasKind::Tile { .. }))
        .map(|(number, _)| number)
        .collect();
    match chance.below(4) {
        0 if known.gradients > 0 => Paint::Gradient { gradient: chance.below(known.gradients), alpha },
        1 if !tiles.is_empty() => Paint::Tile { canvas: chance.one(&tiles), alpha },
        _ => Paint::Color { color: chance.color(), alpha },
    }
}

fn run(chance: &mut Chance, known: &Known) -> TextRun {
    let size = chance.number();
    let em = match chance.below(3) {
        0 => [(); 4].map(|()| chance.number()),
        1 => [0.0, size, -size, 0.0],
        _ => [size, 0.0, 0.0, size],
    };
    let (mut x, mut y) = (chance.number(), chance.number());
    let down = chance.seldom();
    let glyphs = (0..=chance.below(12))
        .map(|_| {
            let placed = PlacedGlyph { glyph: chance.below(known.glyphs), x, y };
            if chance.seldom() {
                (x, y) = (chance.number(), chance.number());
            } else if down {
                y = (y - size).clamp(-MAX_COORDINATE, MAX_COORDINATE);
            } else {
                x = (x + size).clamp(-MAX_COORDINATE, MAX_COORDINATE);
            }
            placed
        })
        .collect();
    TextRun { space: chance.matrix(), em, glyphs }
}
