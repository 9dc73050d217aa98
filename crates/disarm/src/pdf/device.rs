//! What the interpreter draws on: it turns each call into operations of the form.
//!
//! The interpreter cannot be told to stop. What costs too much is left by unwinding from inside a call, with an error kept here,
//! so that a file which draws without end costs no more than its page may.

use std::panic::resume_unwind;

use form::job::Extra;
use form::pages::{BlendMode, Color, Operation};
use form::{Reason, Refusal};
use hayro_interpret::font::GlyphRun;
use hayro_interpret::{ClipPath, Device, DrawMode, DrawProps, FillRule, Image, ImageDrawProps, SoftMask, StrokeProps};
use hayro_syntax::object::{self, Dict};
use kurbo::{Affine, BezPath, Rect, Shape as _};

use super::actual::Spans;
use super::canvases::Group;
use super::cover::Cover;
use super::covered::{self, Boxes};
use super::document::Document;
use super::geometry;
use super::ink::Shape;
use super::inspect;
use super::layer::{Layer, NOTHING, Summary, overlap};
use super::pictures::Known;
use super::text::Unseen;
use crate::error::Error;

/// Records one page.
pub(super) struct Recorder<'d, 'w> {
    pub(super) document: &'d mut Document<'w>,
    pub(super) mode: Mode,
    pub(super) layers: Vec<Layer>,
    groups: Vec<Option<Group>>,
    /// What a page or tile is, in its own space; the last is drawn on.
    pub(super) surfaces: Vec<Rect>,
    spent: u64,
    pub(super) tally: Tally,
    /// Why the page cannot be carried over as it is.
    pub(super) trouble: Option<Trouble>,
    /// Whether drawing the page into pixels would cost too much.
    pub(super) hazard: bool,
    pub(super) dashes: f64,
    /// Clips that are open, told or not.
    pub(super) open_clips: u32,
    failure: Option<Error>,
    /// Text that is not drawn, until it is known what lies where it stands.
    pub(super) unseen: Vec<Unseen>,
    pub(super) cover: Cover,
    /// What covers text that is not drawn, or is not drawn by us.
    pub(super) boxes: Boxes,
    /// What stretches of the page stand for.
    pub(super) spans: Spans,
    /// Runs of letters that were last not drawn: what their outlines cover, and the first of them in `unseen`.
    pub(super) not_drawn: Vec<(Rect, usize)>,
    /// Whether each open clip is a rectangle.
    pub(super) clip_shapes: Vec<bool>,
    /// Whether each open group lets what is in it cover what is below.
    pub(super) solid_groups: Vec<bool>,
    /// Samples of shadings that the page may still take.
    pub(super) samples: u64,
}

/// What becomes of what is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is recorded.
    Draw,
    /// Only what it says is.
    Text,
    /// Only what it would cost is counted.
    Count,
}

/// Why a page cannot be carried over as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It has more operations, or deeper ones, than a page of the form.
    TooMuch,
    /// It paints in a way that the form does not have.
    Unsupported,
}

/// What a page had that is told of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Letters and pictures wholly outside of what is seen.
    pub(super) off_page: u32,
    /// Letters that cannot be seen where they stand.
    pub(super) hidden: u32,
    /// Letters of which nobody knows what they stand for.
    pub(super) unmapped: u32,
    /// Letters whose shape is damaged, so that nothing is drawn.
    pub(super) damaged: u32,
    /// Pictures that are not shown.
    pub(super) lost_pictures: u32,
}

impl<'d, 'w> Recorder<'d, 'w> {
    pub(super) fn new(document: &'d mut Document<'w>, page: Rect, mode: Mode) -> Recorder<'d, 'w> {
        Recorder {
            document,
            mode,
            layers: vec![Layer::new(page)],
            groups: Vec::new(),
            surfaces: vec![page],
            spent: 0,
            tally: Tally::default(),
            trouble: None,
            hazard: false,
            dashes: 0.0,
            open_clips: 0,
            failure: None,
            unseen: Vec::new(),
            cover: Cover::new(page),
            boxes: Boxes::new(page),
            spans: Spans::default(),
            not_drawn: Vec::new(),
            clip_shapes: Vec::new(),
            solid_groups: Vec::new(),
            samples: PAGE_SAMPLES,
        }
    }

    /// The operations of the page and what they cost, when the interpreter is done.
    pub(super) fn finish(&mut self) -> (Vec<Operation>, Summary) {
        self.layers.truncate(1);
        let page = self.layers.pop().unwrap_or_else(|| Layer::new(NOTHING));
        let bounds = page.bounds();
        let mut finished = page.finish();
        if self.mode == Mode::Draw && self.document.policy.hidden_text == Extra::Drop {
            let Document { glyphs, pictures, .. } = &*self.document;
            let letter = |number| glyphs.area(number);
            let hidden = covered::uncover(&mut finished.0, bounds, letter, |number| pictures.is_opaque(number));
            self.tally.hidden = self.tally.hidden.saturating_add(hidden);
        }
        if self.mode == Mode::Draw && self.is_too_much(finished.1) {
            self.trouble = Some(Trouble::TooMuch);
        }
        finished
    }

    /// The error that the interpreter was left with.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// The surface that is drawn on.
    pub(super) fn layer(&mut self) -> &mut Layer {
        if self.layers.is_empty() {
            self.layers.push(Layer::new(NOTHING));
        }
        let last = self.layers.len().saturating_sub(1);
        #[allow(clippy::indexing_slicing, reason = "there is one: it was just made if there was none")]
        &mut self.layers[last]
    }

    /// The space of the page, not that of a tile.
    pub(super) fn is_on_page(&self) -> bool {
        self.surfaces.len() == 1
    }

    /// Leaves the interpreter.
    pub(super) fn stop(&mut self, error: Error) -> ! {
        self.failure = Some(error);
        // No panic: nothing is broken, and there is no other way out.
        resume_unwind(Box::new(Stopped))
    }

    pub(super) fn must<T>(&mut self, result: Result<T, Error>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => self.stop(error),
        }
    }

    /// Goes on only to count what the page would cost.
    pub(super) fn give_up(&mut self, trouble: Trouble) {
        if self.mode == Mode::Draw {
            self.mode = Mode::Count;
            self.trouble = Some(trouble);
        }
    }

    fn spend(&mut self, elements: usize) {
        let cost = u64::try_from(elements).unwrap_or(u64::MAX).saturating_add(1);
        self.spent = self.spent.saturating_add(cost);
        let most = self.document.limits.page_operations;
        let hard = most.saturating_mul(HARD_FACTOR);
        if self.spent > hard {
            self.stop(Refusal::limit(Reason::LimitPageContent, hard, self.spent).into());
        }
        if self.spent > most {
            self.give_up(Trouble::TooMuch);
        }
    }

    fn fill<'a>(&mut self, path: &BezPath, rule: FillRule, props: &DrawProps<'a>) {
        let Some(path) = geometry::path(path, props.transform) else { return };
        let Some(bounds) = geometry::bounds(&path) else { return };
        self.draw(Shape::Fill(path, fill_rule(rule)), bounds, &props.paint, props.blend_mode, props.soft_mask.as_ref());
    }

    fn stroke<'a>(&mut self, path: &BezPath, pen: &StrokeProps, props: &DrawProps<'a>) {
        let Some(seen) = geometry::path(path, props.transform) else { return };
        let Some(bounds) = geometry::bounds(&seen) else { return };
        let Some(stroked) = super::ink::Stroked::new(path, seen, pen, props.transform) else { return };
        let reach = stroked.reach();
        let bounds = bounds.inflate(reach, reach);
        self.draw(Shape::Stroke(stroked), bounds, &props.paint, props.blend_mode, props.soft_mask.as_ref());
    }

    fn picture(&mut self, image: &Image<'_, '_>, transform: Affine) -> Option<(Rect, (f64, f64))> {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        if !geometry::is_usable(transform) {
            return None;
        }
        let bounds = transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height));
        let visible = overlap(self.layer().visible(), bounds);
        if visible == NOTHING {
            self.tally.off_page = self.tally.off_page.saturating_add(1);
            return None;
        }
        let [a, b, c, d, ..] = transform.as_coeffs();
        Some((visible, (a.hypot(b) * width, c.hypot(d) * height)))
    }

    /// A box where a picture is that is not shown.
    fn placeholder(&mut self, image: &Image<'_, '_>, transform: Affine, why: Known) {
        self.tally.lost_pictures = self.tally.lost_pictures.saturating_add(1);
        if !matches!(why, Known::TooLarge) {
            // Other readers show nothing of a broken picture either.
            return;
        }
        self.hazard = true;
        // A box in the place of a picture that shows what lies below it would hide that as well.
        if !super::standing::is_opaque(image) {
            return;
        }
        let area = Rect::new(0.0, 0.0, image.width().into(), image.height().into()).to_path(0.1);
        let Some(path) = geometry::path(&area, transform) else { return };
        let layer = self.layer();
        layer.set_mixing(BlendMode::Normal, None);
        layer.set_fill(form::pages::Paint::Color { color: PLACEHOLDER, alpha: u8::MAX });
        layer.paint(Operation::Fill(path, form::pages::FillRule::NonZero), Summary::default());
    }
}

impl<'a> Device<'a> for Recorder<'_, '_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.spend(path.elements().len());
        if let DrawMode::Stroke(pen) | DrawMode::FillAndStroke(_, pen) = mode {
            self.count_dashes(path, pen);
        }
        if self.mode == Mode::Text && !matches!(mode, DrawMode::Invisible) {
            self.note_seen(path, &props);
        }
        if let (Mode::Draw | Mode::Text, DrawMode::Fill(rule) | DrawMode::FillAndStroke(rule, _)) = (self.mode, mode) {
            self.note_fill(path, *rule, &props);
        }
        if self.mode != Mode::Draw {
            return;
        }
        match mode {
            DrawMode::Fill(rule) => self.fill(path, *rule, &props),
            DrawMode::Stroke(pen) => self.stroke(path, pen, &props),
            DrawMode::FillAndStroke(rule, pen) => {
                self.fill(path, *rule, &props);
                self.stroke(path, pen, &props);
            }
            DrawMode::Invisible => {}
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.spend(clip.path.elements().len());
        match self.mode {
            Mode::Draw => match geometry::as_rectangle(&clip.path) {
                Some(rect) => self.layer().clip_rect(rect),
                None => {
                    let path = geometry::path(&clip.path, Affine::IDENTITY).unwrap_or_default();
                    self.layer().clip(path, fill_rule(clip.fill));
                }
            },
            Mode::Text => {
                let bounds = geometry::path(&clip.path, Affine::IDENTITY).as_ref().and_then(geometry::bounds);
                self.layer().clip_unseen(bounds.unwrap_or(NOTHING));
            }
            Mode::Count => {}
        }
        let is_rectangle = geometry::as_rectangle(&clip.path).is_some();
        self.clip_shapes.push(is_rectangle);
        if !is_rectangle
            && !self.not_drawn.is_empty()
            && let Some(bounds) = geometry::path(&clip.path, Affine::IDENTITY).as_ref().and_then(geometry::bounds)
        {
            self.note_clip(bounds);
        }
        self.check_clips();
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        self.spend(1);
        match self.mode {
            Mode::Draw => self.layer().clip_rect(*rect),
            Mode::Text => self.layer().clip_unseen(*rect),
            Mode::Count => {}
        }
        self.clip_shapes.push(true);
        self.check_clips();
    }

    fn pop_clip(&mut self) {
        self.clip_shapes.pop();
        self.open_clips = self.open_clips.saturating_sub(1);
        self.spans.unclip(self.open_clips);
        if self.mode != Mode::Count {
            self.layer().unclip();
        }
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend: hayro_interpret::BlendMode) {
        self.spend(1);
        let is_solid = opacity >= 1.0 && mask.is_none() && blend == hayro_interpret::BlendMode::Normal;
        self.solid_groups.push(is_solid);
        if self.groups.len() > MAX_GROUPS {
            self.hazard = true;
            self.give_up(Trouble::TooMuch);
        }
        if self.mode != Mode::Draw {
            self.groups.push(None);
            return;
        }
        let mask = mask.as_ref().and_then(|mask| self.mask(mask));
        let bounds = self.layer().visible();
        self.groups.push(Some(Group { alpha: geometry::alpha(opacity), mask, blend: blend_mode(blend) }));
        self.layers.push(Layer::new(bounds));
    }

    fn pop_transparency_group(&mut self) {
        self.solid_groups.pop();
        let Some(Some(group)) = self.groups.pop() else { return };
        if self.layers.len() < 2 {
            return;
        }
        let Some(layer) = self.layers.pop() else { return };
        if self.mode == Mode::Draw {
            self.end_group(&group, layer);
        }
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        let text = properties.and_then(|properties| properties.get::<object::String<'_>>("ActualText"));
        self.spans.begin(text.map(|text| inspect::text_of(text.as_bytes())), self.open_clips);
    }

    fn end_marked_content(&mut self) {
        self.spans.end();
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        self.spend(run.glyphs().len());
        self.letters(run, &props, mode);
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.spend(1);
        if self.mode != Mode::Count {
            self.note_picture(&image, &props);
        }
        if self.mode != Mode::Draw {
            if self.mode == Mode::Count && !self.is_decodable(&image) {
                self.hazard = true;
            }
            return;
        }
        let Some((visible, drawn)) = self.picture(&image, props.transform) else { return };
        let Document { pictures, limits, out, page, .. } = &mut *self.document;
        let (known, paint) = match &image {
            Image::Raster(raster) => {
                let known = pictures.raster(raster, drawn, *page, limits, out);
                (self.must(known), None)
            }
            Image::Stencil(stencil) => {
                let known = pictures.stencil(stencil, limits, out);
                self.must(known)
            }
        };
        let Known::Picture { number, extent, opaque } = known else {
            self.placeholder(&image, props.transform, known);
            return;
        };
        let square = Affine::new([extent.0, 0.0, 0.0, -extent.1, 0.0, extent.1]);
        let Some(matrix) = geometry::matrix(props.transform * square) else { return };
        let bounds = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, extent.0, extent.1));
        match paint {
            Some(paint) => {
                let shape = Shape::Stencil { picture: number, matrix };
                self.draw(shape, bounds, &paint, props.blend_mode, props.soft_mask.as_ref());
                self.cover.add_picture(visible, false, self.boxes.now());
            }
            None => {
                let mask = props.soft_mask.as_ref().and_then(|mask| self.mask(mask));
                if self.mode != Mode::Draw {
                    return;
                }
                let layer = self.layer();
                if let Some(mask) = mask {
                    layer.note_canvas(mask.summary);
                }
                layer.set_mixing(blend_mode(props.blend_mode), mask.map(|mask| mask.number));
                layer.paint(Operation::Picture { picture: number, matrix, alpha: u8::MAX }, Summary::default());
                if self.is_on_page() {
                    self.cover.add_picture(visible, opaque, self.boxes.now());
                }
            }
        }
    }
}

/// What is thrown to leave the interpreter.
struct Stopped;

pub(super) fn fill_rule(rule: FillRule) -> form::pages::FillRule {
    match rule {
        FillRule::NonZero => form::pages::FillRule::NonZero,
        FillRule::EvenOdd => form::pages::FillRule::EvenOdd,
    }
}

pub(super) fn blend_mode(mode: hayro_interpret::BlendMode) -> BlendMode {
    use hayro_interpret::BlendMode as Found;
    match mode {
        Found::Normal => BlendMode::Normal,
        Found::Multiply => BlendMode::Multiply,
        Found::Screen => BlendMode::Screen,
        Found::Overlay => BlendMode::Overlay,
        Found::Darken => BlendMode::Darken,
        Found::Lighten => BlendMode::Lighten,
        Found::ColorDodge => BlendMode::ColorDodge,
        Found::ColorBurn => BlendMode::ColorBurn,
        Found::HardLight => BlendMode::HardLight,
        Found::SoftLight => BlendMode::SoftLight,
        Found::Difference => BlendMode::Difference,
        Found::Exclusion => BlendMode::Exclusion,
        Found::Hue => BlendMode::Hue,
        Found::Saturation => BlendMode::Saturation,
        Found::Color => BlendMode::Color,
        Found::Luminosity => BlendMode::Luminosity,
    }
}

const PLACEHOLDER: Color = Color { r: 0xE0, g: 0xE0, b: 0xE0 };
/// How many times the operations of a page are counted on before the file is refused.
const HARD_FACTOR: u64 = 4;
/// Samples of shadings that one page may take.
const PAGE_SAMPLES: u64 = 8_000_000;
/// Groups within one another that the interpreter may open.
const MAX_GROUPS: usize = 200;
