//! The drawing calls that all kinds of metafiles share.

use std::rc::Rc;

use kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape, Vec2};

use super::bytes::{self, cost};
use super::canvas::{Canvas, Clip, Combine, as_rect};
use super::face::Faces;
use super::header::{Frame, Resolution};
use super::paint::{self, Hatch, Ink, Paint, Picture, Sampler};
use super::raster::{Area, Rule};
use super::state::{Brush, Line, Mapping, Object, Pen, State};
use super::{Bound, Budget, Fault, stroke, within};
use crate::fonts::Fonts;

/// What of a shape is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// Its line, with the pen.
    Line,
    /// What it encloses, with the brush.
    Inside,
    /// Both.
    Both,
}

/// Draws.
#[derive(Debug)]
pub(super) struct Player<'a> {
    pub(super) canvas: Canvas,
    pub(super) budget: &'a mut Budget,
    pub(super) faces: Faces<'a>,
    pub(super) state: State,
    pub(super) saved: Vec<State>,
    pub(super) objects: Vec<Option<Object>>,
    /// Characters of text that EMF+ records told of and that EMF records are yet to draw.
    pub(super) told: Vec<char>,
    /// The words that were written.
    pub(super) words: String,
    /// Between the beginning and the end of a path: what was drawn, in pixels.
    pub(super) path: Option<BezPath>,
    /// A finished path.
    pub(super) done: BezPath,
    /// From the device to pixels.
    pub(super) base: Affine,
    /// Pixels for one at 96 dpi.
    pub(super) pixel: f64,
    /// The clip that nothing limits.
    pub(super) whole: Clip,
}

impl<'a> Player<'a> {
    /// Draws a frame on a canvas.
    pub(super) fn new(
        frame: Frame,
        resolution: Resolution,
        device: Point,
        fonts: &'a Fonts,
        budget: &'a mut Budget,
    ) -> Player<'a> {
        let canvas = Canvas::new(resolution.width, resolution.height);
        let (width, height) = (f64::from(resolution.width), f64::from(resolution.height));
        let is_wmf = device == Point::ZERO;
        let fit = Affine::scale_non_uniform(width / frame.rect.width(), height / frame.rect.height())
            * Affine::translate(-frame.rect.origin().to_vec2());
        let millimetre = Point::new(
            frame.rect.width() * 72.0 / 25.4 / frame.points.width.max(0.01),
            frame.rect.height() * 72.0 / 25.4 / frame.points.height.max(0.01),
        );
        let mut mapping = Mapping::pixels(if is_wmf { millimetre } else { device });
        let mut base = fit;
        if is_wmf && frame.is_viewport {
            mapping.viewport_origin = frame.rect.origin();
            mapping.viewport = frame.rect.size().to_vec2();
        } else if is_wmf {
            // What plays a metafile in a document fits its window into the place for the picture.
            base = Affine::IDENTITY;
            mapping.mode = 8;
            mapping.window_origin = frame.rect.origin();
            mapping.window = frame.rect.size().to_vec2();
            mapping.viewport = Vec2::new(width, height);
            mapping.device = Point::new(millimetre.x * width / frame.rect.width(), millimetre.y);
        }
        Player::on(canvas, mapping, base, resolution.pixel, fonts, budget)
    }

    /// Only finds out what the drawing covers, in units of the device.
    pub(super) fn measuring(fonts: &'a Fonts, budget: &'a mut Budget) -> Player<'a> {
        let mapping = Mapping::pixels(Point::new(96.0 / 25.4, 96.0 / 25.4));
        Player::on(Canvas::measuring(), mapping, Affine::IDENTITY, 1.0, fonts, budget)
    }

    fn on(
        canvas: Canvas,
        mapping: Mapping,
        base: Affine,
        pixel: f64,
        fonts: &'a Fonts,
        budget: &'a mut Budget,
    ) -> Player<'a> {
        let clip = Clip::all(&canvas);
        let state = State {
            mapping,
            world: Affine::IDENTITY,
            position: Point::ZERO,
            pen: Rc::new(Pen::plain(0, 0.0, [0; 3])),
            brush: Rc::new(Brush::Solid([255; 3])),
            font: Rc::default(),
            text_color: [0; 3],
            back_color: [255; 3],
            opaque: true,
            rop: 13,
            winding: false,
            halftone: false,
            align: 0,
            extra: 0.0,
            blank_extra: 0.0,
            clockwise: false,
            miter: 10.0,
            clip: clip.clone(),
            brush_origin: Point::ZERO,
        };
        Player {
            canvas,
            budget,
            faces: Faces::new(fonts),
            state,
            words: String::new(),
            saved: Vec::new(),
            objects: Vec::new(),
            told: Vec::new(),
            path: None,
            done: BezPath::new(),
            base,
            pixel,
            whole: clip,
        }
    }

    /// From logical units to pixels.
    pub(super) fn to_canvas(&self) -> Affine {
        self.base * self.state.mapping.page() * self.state.world
    }

    /// Pixels for a logical unit, as a mean of both directions.
    pub(super) fn scale(&self) -> f64 {
        self.to_canvas().determinant().abs().sqrt()
    }

    pub(super) fn save(&mut self) -> Result<(), Fault> {
        let limits = self.budget.limits;
        within(Bound::Saved, limits.saved, cost(self.saved.len()).saturating_add(1))?;
        let masks =
            self.saved.iter().map(|state| state.clip.size()).fold(self.state.clip.size(), usize::saturating_add);
        within(Bound::Masks, limits.masks, cost(masks))?;
        self.saved.push(self.state.clone());
        Ok(())
    }

    /// Goes back to a saved state: a negative number counts from the last, a positive one from the first.
    pub(super) fn restore(&mut self, number: i32) {
        let len = bytes::signed(self.saved.len());
        let keep = if number < 0 { len.saturating_add(number) } else { number.saturating_sub(1) };
        if keep >= 0 && keep < len {
            self.saved.truncate(bytes::place(keep).saturating_add(1));
            if let Some(state) = self.saved.pop() {
                self.state = state;
            }
        }
    }

    /// Puts an object at a place of the table.
    pub(super) fn set_object(&mut self, at: usize, object: Option<Object>) -> Result<(), Fault> {
        within(Bound::Objects, self.budget.limits.objects, cost(at).saturating_add(1))?;
        if at >= self.objects.len() {
            self.objects.resize(at.saturating_add(1), None);
        }
        if let Some(place) = self.objects.get_mut(at) {
            *place = object;
        }
        Ok(())
    }

    pub(super) fn select(&mut self, object: Option<Object>) {
        match object {
            Some(Object::Pen(pen)) => self.state.pen = pen,
            Some(Object::Brush(brush)) => self.state.brush = brush,
            Some(Object::Font(font)) => self.state.font = font,
            Some(Object::Region(_) | Object::Other) | None => {}
        }
    }

    fn rule(&self) -> Rule {
        if self.state.winding { Rule::Winding } else { Rule::EvenOdd }
    }

    /// Draws a shape in logical units with pen and brush, or adds it to the path.
    pub(super) fn shape(&mut self, shape: &BezPath, drawn: Drawn) -> Result<(), Fault> {
        let shape = self.to_canvas() * shape.clone();
        if let Some(path) = &mut self.path {
            self.budget.spend(cost(shape.elements().len()))?;
            join(path, &shape);
            return Ok(());
        }
        self.draw(&shape, drawn)
    }

    /// Draws a shape in pixels.
    pub(super) fn draw(&mut self, shape: &BezPath, drawn: Drawn) -> Result<(), Fault> {
        if drawn != Drawn::Line {
            let rop = paint::of_binary(self.state.rop);
            if let Some(paint) = self.brush_paint(&Rc::clone(&self.state.brush))? {
                self.fill(shape, self.rule(), &Ink { pattern: &paint, source: None, rop })?;
            }
        }
        if drawn != Drawn::Inside {
            self.stroke(shape)?;
        }
        Ok(())
    }

    /// Fills a shape in pixels; upright rectangles on whole pixels.
    pub(super) fn fill(&mut self, shape: &BezPath, rule: Rule, ink: &Ink<'_>) -> Result<(), Fault> {
        let clip = self.state.clip.clone();
        match as_rect(shape) {
            Some(rect) => self.canvas.fill_area(Area::snapped(rect), ink, &clip, self.budget),
            None => self.canvas.fill(shape, rule, ink, &clip, self.budget),
        }
    }

    pub(super) fn fill_paint(&mut self, shape: &BezPath, rule: Rule, paint: &Paint) -> Result<(), Fault> {
        self.fill(shape, rule, &Ink::copy(paint))
    }

    fn stroke(&mut self, shape: &BezPath) -> Result<(), Fault> {
        let pen = Rc::clone(&self.state.pen);
        if pen.line == Line::None {
            return Ok(());
        }
        let scale = self.scale();
        let width = (pen.width * scale).max(HAIRLINE);
        if self.canvas.measures() {
            let half = width / 2.0;
            self.canvas.see(shape.bounding_box().inflate(half, half));
            return Ok(());
        }
        let outline = stroke::outline(shape, &pen, width, scale, self.pixel, self.state.miter, self.budget)?;
        let paint = match &pen.fill {
            Some(brush) => self.brush_paint(brush)?,
            None => Some(Paint::Solid(pen.color)),
        };
        let Some(paint) = paint else { return Ok(()) };
        let ink = Ink { pattern: &paint, source: None, rop: paint::of_binary(self.state.rop) };
        let clip = self.state.clip.clone();
        self.canvas.fill(&outline, Rule::Winding, &ink, &clip, self.budget)
    }

    /// What a brush puts on the canvas; nothing for the brush that does nothing.
    pub(super) fn brush_paint(&mut self, brush: &Brush) -> Result<Option<Paint>, Fault> {
        let opaque = |[r, g, b]: [u8; 3]| [r, g, b, 255];
        Ok(match brush {
            Brush::None => None,
            Brush::Solid(color) => Some(Paint::opaque(*color)),
            Brush::Hatch(style, color) => Some(Paint::Hatch(Hatch {
                style: *style,
                color: opaque(*color),
                back: if self.state.opaque { opaque(self.state.back_color) } else { [0; 4] },
                period: 8.0 * self.pixel,
            })),
            Brush::Pattern { picture, two_colors } => {
                let picture = if *two_colors { self.recolored(picture)? } else { Rc::clone(picture) };
                let origin = self.base * self.state.brush_origin;
                let place = Affine::translate(origin.to_vec2()) * Affine::scale(self.pixel.max(1.0));
                Sampler::tiled(&picture, place).map(Paint::Picture)
            }
        })
    }

    /// A picture of two colours with those of text and background in their place.
    fn recolored(&mut self, picture: &Picture) -> Result<Rc<Picture>, Fault> {
        self.budget.spend(cost(picture.pixels.len()))?;
        let ([r, g, b], [r2, g2, b2]) = (self.state.text_color, self.state.back_color);
        let dark = |pixel: &[u8; 4]| matches!(*pixel, [0..=127, ..]);
        let color = |pixel: &[u8; 4]| if dark(pixel) { [r, g, b, 255] } else { [r2, g2, b2, 255] };
        let pixels = picture.pixels.iter().map(color).collect();
        Ok(Rc::new(Picture { width: picture.width, height: picture.height, pixels }))
    }

    /// A block transfer ([MS-EMF] 2.3.1): `place` in logical units gets `from` of the picture, in its pixels.
    pub(super) fn transfer(
        &mut self,
        place: Rect,
        rop: u8,
        picture: Option<(&Rc<Picture>, Rect)>,
        opacity: u8,
    ) -> Result<(), Fault> {
        let to_canvas = self.to_canvas();
        let source = match picture {
            Some((picture, from)) if paint::uses_source(rop) => {
                let stretch = Affine::translate(place.origin().to_vec2())
                    * Affine::scale_non_uniform(place.width() / from.width(), place.height() / from.height())
                    * Affine::translate(-from.origin().to_vec2());
                let exact = rop != paint::SOURCE_COPY;
                let lay = to_canvas * stretch;
                let [a, b, c, d, ..] = lay.as_coeffs();
                // Enlarged a little it is smoothed, as printers do; a chessboard of eight pixels stays one.
                let smooth = self.state.halftone || a.hypot(b).max(c.hypot(d)) < SMOOTH_UP_TO;
                let faded = self.faded(picture, opacity)?;
                match Sampler::new(&faded, lay, exact, smooth, self.budget)? {
                    Some(sampler) => Some(Paint::Picture(sampler)),
                    None => return Ok(()),
                }
            }
            None if paint::uses_source(rop) => return Ok(()),
            _ => None,
        };
        let pattern = self.brush_paint(&Rc::clone(&self.state.brush))?.unwrap_or(Paint::Solid([0; 4]));
        let ink = Ink { pattern: &pattern, source: source.as_ref(), rop };
        let shape = to_canvas * place.to_path(0.1);
        let clip = self.state.clip.clone();
        match as_rect(&shape) {
            Some(rect) => {
                let mut area = Area::snapped(rect);
                // A picture that is there is seen, however small.
                area.x1 = area.x1.max(area.x0.saturating_add(1));
                area.y1 = area.y1.max(area.y0.saturating_add(1));
                self.canvas.fill_area(area, &ink, &clip, self.budget)
            }
            None => self.canvas.fill(&shape, Rule::Winding, &ink, &clip, self.budget),
        }
    }

    fn faded(&mut self, picture: &Rc<Picture>, opacity: u8) -> Result<Rc<Picture>, Fault> {
        if opacity == 255 {
            return Ok(Rc::clone(picture));
        }
        self.budget.spend(cost(picture.pixels.len()))?;
        let fade = |[r, g, b, a]: &[u8; 4]| [*r, *g, *b, bytes::share(*a, opacity)];
        let pixels = picture.pixels.iter().map(fade).collect();
        Ok(Rc::new(Picture { width: picture.width, height: picture.height, pixels }))
    }

    /// Limits the clip by a shape in pixels.
    pub(super) fn clip(&mut self, shape: &BezPath, rule: Rule, how: Combine) -> Result<(), Fault> {
        if self.canvas.measures() {
            return Ok(());
        }
        let rect = as_rect(shape).map(|rect| rect.to_path(0.1));
        match (how, as_rect(shape)) {
            (Combine::And, Some(rect)) => {
                self.state.clip.and_area(Area::snapped(rect));
                Ok(())
            }
            (Combine::Copy, Some(rect)) => {
                self.state.clip = self.whole.clone();
                self.state.clip.and_area(Area::snapped(rect));
                Ok(())
            }
            _ => {
                let shape = rect.as_ref().unwrap_or(shape);
                self.state.clip.combine(shape, rule, how, self.canvas.area(), self.budget)
            }
        }
    }

    /// The pixels of a region of rectangles, which `lay` brings to the canvas.
    pub(super) fn region(&mut self, region: &[Rect], lay: Affine) -> Result<BezPath, Fault> {
        self.budget.points(region.len())?;
        let mut path = BezPath::new();
        for rect in region {
            let area = Area::snapped(lay.transform_rect_bbox(*rect));
            let whole = Rect::new(area.x0.into(), area.y0.into(), area.x1.into(), area.y1.into());
            path.extend(whole.path_elements(0.1));
        }
        Ok(path)
    }

    /// Adds to the clip, in logical units.
    pub(super) fn clip_rect(&mut self, rect: Rect, how: Combine) -> Result<(), Fault> {
        let shape = self.to_canvas() * rect.to_path(0.1);
        self.clip(&shape, Rule::Winding, how)
    }
}

/// Adds a shape to a path: a line that begins where the last one ended goes on with it.
fn join(path: &mut BezPath, shape: &BezPath) {
    let end = match path.elements().last() {
        Some(PathEl::MoveTo(p) | PathEl::LineTo(p) | PathEl::QuadTo(_, p) | PathEl::CurveTo(_, _, p)) => Some(*p),
        Some(PathEl::ClosePath) | None => None,
    };
    let goes_on = match (end, shape.elements().first()) {
        (Some(end), Some(PathEl::MoveTo(start))) => (end - *start).hypot() < 1.0e-6,
        _ => false,
    };
    path.extend(shape.elements().iter().skip(usize::from(goes_on)).copied());
}

/// As thin as a line is, in pixels.
pub(super) const HAIRLINE: f64 = 1.3;
/// Pictures are smoothed where they are enlarged by less than this.
const SMOOTH_UP_TO: f64 = 4.0;
