//! Shapes and what they are painted with: colours, tiles, gradients, sampled shadings.

use form::pages::{
    BlendMode, CanvasKind, Color, FillRule, LineCap, LineJoin, Matrix, Operation, Paint, Path, StrokeStyle, TextMode,
    TextRun,
};
use hayro_interpret::pattern::{Pattern, ShadingPattern, TilingPattern};
use hayro_interpret::{CacheKey, SoftMask, StrokeProps};
use kurbo::{Affine, BezPath, Cap, Join, Rect};

use super::device::{Mode, Recorder, Trouble, blend_mode};
use super::document::{Canvas, Document};
use super::geometry;
use super::layer::{NOTHING, Summary, overlap};
use super::shading::{self, Native};

/// A shape on the page.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Fill(Path, FillRule),
    Stroke(Stroked),
    Text(TextRun, Lettering),
    Stencil { picture: u32, matrix: Matrix },
}

/// How letters are drawn.
#[derive(Clone, Debug)]
pub(super) enum Lettering {
    Fill,
    Stroke(StrokeStyle),
}

impl<'d, 'w> Recorder<'d, 'w> {
    /// Draws a shape that covers no more than `bounds`.
    pub(super) fn draw<'a>(
        &mut self,
        shape: Shape,
        bounds: Rect,
        paint: &hayro_interpret::Paint<'a>,
        blend: hayro_interpret::BlendMode,
        mask: Option<&SoftMask<'a>>,
    ) {
        let visible = overlap(self.layer().visible(), bounds);
        if visible == NOTHING {
            return;
        }
        let mask = mask.and_then(|mask| self.mask(mask));
        let blend = blend_mode(blend);
        match paint {
            hayro_interpret::Paint::Color(color) => {
                let [r, g, b, alpha] = color.to_rgba().to_rgba8();
                let color = Color { r, g, b };
                if alpha == 0 {
                    return;
                }
                if !is_white(color) {
                    self.note_painted(&shape, visible);
                }
                self.put(shape, Paint::Color { color, alpha }, blend, mask);
            }
            hayro_interpret::Paint::Pattern(pattern) => {
                self.note_painted(&shape, visible);
                match pattern.as_ref() {
                    Pattern::Tiling(tile) => {
                        let is_stroke = shape.is_stroke();
                        if let Some(canvas) = self.tiling(tile, visible, is_stroke) {
                            let paint = Paint::Tile { canvas: canvas.number, alpha: geometry::alpha(tile.opacity) };
                            if self.mode == Mode::Draw {
                                self.layer().note_canvas(canvas.summary);
                                self.put(shape, paint, blend, mask);
                            }
                        }
                    }
                    Pattern::Shading(pattern) => self.shade(shape, pattern, visible, blend, mask),
                }
            }
        }
    }

    fn note_painted(&mut self, shape: &Shape, visible: Rect) {
        // Letters are noted one by one, where it is known what each covers.
        if self.is_on_page() && !matches!(shape, Shape::Text(..)) {
            self.cover.add(visible);
        }
    }

    /// Adds a shape with a paint that the form has.
    fn put(&mut self, shape: Shape, paint: Paint, blend: BlendMode, mask: Option<Canvas>) {
        if self.mode != Mode::Draw {
            return;
        }
        let segments = match &shape {
            Shape::Text(run, _) => self.document.glyphs.segments(run),
            _ => 0,
        };
        let layer = self.layer();
        if let Some(mask) = mask {
            layer.note_canvas(mask.summary);
        }
        layer.set_mixing(blend, mask.map(|mask| mask.number));
        match shape {
            Shape::Fill(path, rule) => {
                layer.set_fill(paint);
                layer.paint(Operation::Fill(path, rule), Summary::default());
            }
            Shape::Stroke(Stroked { path, space, pen, .. }) => {
                layer.set_stroke(paint);
                layer.set_pen(pen);
                layer.paint(Operation::Stroke { path, space }, Summary::default());
            }
            Shape::Text(run, Lettering::Fill) => {
                layer.set_fill(paint);
                layer.text(run, TextMode::Fill, segments);
            }
            Shape::Text(run, Lettering::Stroke(pen)) => {
                if !layer.stroke_filled_text(&run, paint, &pen) {
                    layer.set_stroke(paint);
                    layer.set_pen(pen);
                    layer.text(run, TextMode::Stroke, segments);
                }
            }
            Shape::Stencil { picture, matrix } => {
                layer.set_fill(paint);
                layer.paint(Operation::Stencil { picture, matrix }, Summary::default());
            }
        }
    }

    fn tiling(&mut self, tile: &TilingPattern<'_>, visible: Rect, is_stroke: bool) -> Option<Canvas> {
        // The tile is drawn about as large as it is seen: some producers make tiles a million units wide.
        let scale = geometry::largest_scale(tile.matrix);
        let enlarge = Affine::scale(scale);
        let matrix = geometry::matrix(tile.matrix * enlarge.inverse()).filter(|_| geometry::is_usable(tile.matrix))?;
        let bounds = enlarge.transform_rect_bbox(tile.bbox.abs());
        // A step beyond every page is how producers say that there is one tile only.
        let most = f64::from(form::pages::MAX_COORDINATE);
        let step = |step: f32| {
            Some(geometry::single((f64::from(step) * scale).clamp(-most, most)))
                .filter(|step| step.abs() >= CanvasKind::LEAST_STEP)
        };
        let (Some(x_step), Some(y_step)) = (step(tile.x_step), step(tile.y_step)) else {
            self.give_up(Trouble::Unsupported);
            return None;
        };
        let tiles = visible.area() / (f64::from(x_step) * f64::from(y_step)).abs();
        if tiles.is_nan() || tiles > MAX_TILES {
            // A reader would draw each of them.
            self.give_up(Trouble::Unsupported);
            return None;
        }
        let kind = CanvasKind::Tile { matrix, x_step, y_step };
        let canvas = self.tile((tile.cache_key(), is_stroke), kind, bounds, |recorder| {
            tile.interpret(recorder, enlarge, is_stroke);
        });
        canvas.filter(|canvas| canvas.summary.paints > 0)
    }

    fn shade(&mut self, shape: Shape, pattern: &ShadingPattern, visible: Rect, blend: BlendMode, mask: Option<Canvas>) {
        if pattern.opacity <= 0.0 || self.mode != Mode::Draw {
            return;
        }
        let Document { gradients, out, .. } = &mut *self.document;
        let native = gradients.native(pattern, out);
        match self.must(native) {
            Some(native) => self.shade_natively(shape, native, blend, mask),
            None => self.shade_with_samples(shape, pattern, visible, blend, mask),
        }
    }

    fn shade_natively(&mut self, shape: Shape, native: Native, blend: BlendMode, mask: Option<Canvas>) {
        let Native { gradient, alpha, background, clip } = native;
        if let Some(color) = background {
            self.put(shape.clone(), Paint::Color { color, alpha }, blend, mask);
        }
        let is_clipped = clip.is_some();
        if let Some(clip) = clip {
            self.layer().clip(clip, FillRule::NonZero);
        }
        self.put(shape, Paint::Gradient { gradient, alpha }, blend, mask);
        if is_clipped {
            self.layer().unclip();
        }
    }

    /// Clips to the shape and draws a picture of the shading through it.
    fn shade_with_samples(
        &mut self,
        shape: Shape,
        pattern: &ShadingPattern,
        visible: Rect,
        blend: BlendMode,
        mask: Option<Canvas>,
    ) {
        let layer_bounds = self.layer().visible();
        let budget = shading_budget(self.document.traits.calculator_bytes).min(self.samples).max(LEAST_SAMPLES);
        let clip_path = match shape {
            Shape::Fill(path, rule) => Some((path, rule)),
            Shape::Stroke(stroked) => match stroked.outline() {
                Some(path) => Some((path, FillRule::NonZero)),
                None => return,
            },
            Shape::Text(run, Lettering::Fill) => {
                let segments = self.document.glyphs.segments(&run);
                self.layer().clip_text(run, visible, segments);
                None
            }
            Shape::Text(_, Lettering::Stroke(_)) | Shape::Stencil { .. } => {
                self.give_up(Trouble::Unsupported);
                return;
            }
        };
        if let Some((path, rule)) = clip_path {
            self.layer().clip(path, rule);
        }
        let bounded = match &pattern.shading.clip_path {
            Some(path) => {
                let path = geometry::path(path, Affine::IDENTITY).unwrap_or_default();
                self.layer().clip(path, FillRule::NonZero);
                true
            }
            None => false,
        };
        let area = overlap(self.layer().visible(), overlap(visible, layer_bounds));
        match shading::sample(pattern, area, budget) {
            Some(sampled) => {
                let count = u64::from(sampled.colors.width).saturating_mul(sampled.colors.height.into());
                self.samples = self.samples.saturating_sub(count);
                let out = &mut self.document.out;
                let alpha = match sampled.alpha {
                    Some(alpha) => alpha.write(None, out).map(Some),
                    None => Ok(None),
                };
                let number = alpha.and_then(|alpha| sampled.colors.write(alpha, out));
                let number = self.must(number);
                let Rect { x0, y0, .. } = sampled.area;
                let place = Affine::new([sampled.area.width(), 0.0, 0.0, sampled.area.height(), x0, y0]);
                if let Some(matrix) = geometry::matrix(place) {
                    let layer = self.layer();
                    if let Some(mask) = mask {
                        layer.note_canvas(mask.summary);
                    }
                    layer.set_mixing(blend, mask.map(|mask| mask.number));
                    layer.paint(Operation::Picture { picture: number, matrix, alpha: u8::MAX }, Summary::default());
                }
            }
            None if area == NOTHING || area.area() <= 0.0 => {}
            None => {
                self.hazard = true;
                self.tally.lost_pictures = self.tally.lost_pictures.saturating_add(1);
            }
        }
        if bounded {
            self.layer().unclip();
        }
        self.layer().unclip();
    }
}

impl Shape {
    fn is_stroke(&self) -> bool {
        matches!(self, Shape::Stroke(_) | Shape::Text(_, Lettering::Stroke(_)))
    }
}

/// A line with its pen.
#[derive(Clone, Debug)]
pub(super) struct Stroked {
    path: Path,
    space: Matrix,
    pen: StrokeStyle,
    affine: Affine,
}

impl Stroked {
    /// A line `path`, which is `seen` on the page. Where the pen is round on the page it is drawn there.
    pub(super) fn new(path: &BezPath, seen: Path, pen: &StrokeProps, transform: Affine) -> Option<Stroked> {
        match geometry::uniform_scale(transform) {
            Some(scale) => {
                let pen = style(pen, scale)?;
                Some(Stroked { path: seen, space: Matrix::IDENTITY, pen, affine: Affine::IDENTITY })
            }
            None => Some(Stroked {
                path: geometry::path(path, Affine::IDENTITY)?,
                space: geometry::matrix(transform).filter(|_| geometry::is_usable(transform))?,
                pen: style(pen, 1.0)?,
                affine: transform,
            }),
        }
    }

    /// How far it may reach beyond its path, on the page.
    pub(super) fn reach(&self) -> f64 {
        let corner = if self.pen.join == LineJoin::Miter { f64::from(self.pen.miter_limit) } else { 1.5 };
        (f64::from(self.pen.width) / 2.0 * corner.clamp(1.5, 20.0) * geometry::largest_scale(self.affine)).max(1.0)
    }

    /// The area that it paints.
    fn outline(&self) -> Option<Path> {
        let mut path = BezPath::new();
        let at = |point: &form::pages::Point| kurbo::Point::new(point.x.into(), point.y.into());
        for segment in &self.path.segments {
            match segment {
                form::pages::Segment::Move(to) => path.move_to(at(to)),
                form::pages::Segment::Line(to) => path.line_to(at(to)),
                form::pages::Segment::Cubic(first, second, to) => path.curve_to(at(first), at(second), at(to)),
                form::pages::Segment::Close => path.close_path(),
            }
        }
        // Dashes are left out: a shading in a dashed line is not worth what a million dashes would cost.
        let width = f64::from(self.pen.width).max(0.5 / geometry::largest_scale(self.affine).max(f64::MIN_POSITIVE));
        let (cap, join) = (
            match self.pen.cap {
                LineCap::Butt => Cap::Butt,
                LineCap::Round => Cap::Round,
                LineCap::Square => Cap::Square,
            },
            match self.pen.join {
                LineJoin::Miter => Join::Miter,
                LineJoin::Round => Join::Round,
                LineJoin::Bevel => Join::Bevel,
            },
        );
        let stroke =
            kurbo::Stroke::new(width).with_caps(cap).with_join(join).with_miter_limit(self.pen.miter_limit.into());
        let tolerance = 0.05 / geometry::largest_scale(self.affine).max(f64::MIN_POSITIVE);
        let outline = kurbo::stroke(path.iter(), &stroke, &kurbo::StrokeOpts::default(), tolerance);
        geometry::path(&outline, self.affine)
    }
}

/// A pen of the form, enlarged by `scale`; none when its numbers are no numbers.
pub(super) fn style(pen: &StrokeProps, scale: f64) -> Option<StrokeStyle> {
    let number = |number: f32| {
        let scaled = f64::from(number) * scale;
        (scaled.abs() <= f64::from(form::pages::MAX_COORDINATE)).then(|| geometry::single(scaled))
    };
    let width = number(pen.line_width.abs())?;
    let dashes: Option<Vec<f32>> =
        pen.dash_array.iter().take(StrokeStyle::MAX_DASHES).map(|dash| number(*dash)).collect();
    let dashes = dashes.filter(|dashes| {
        let period: f32 = dashes.iter().sum();
        dashes.iter().all(|dash| *dash >= 0.0) && period >= LEAST_PERIOD
    });
    Some(StrokeStyle {
        width,
        cap: match pen.line_cap {
            Cap::Butt => LineCap::Butt,
            Cap::Round => LineCap::Round,
            Cap::Square => LineCap::Square,
        },
        join: match pen.line_join {
            Join::Miter => LineJoin::Miter,
            Join::Round => LineJoin::Round,
            Join::Bevel => LineJoin::Bevel,
        },
        miter_limit: if pen.miter_limit >= 1.0 { pen.miter_limit.min(form::pages::MAX_COORDINATE) } else { 1.0 },
        dash_offset: match &dashes {
            Some(dashes) if !dashes.is_empty() => number(pen.dash_offset).unwrap_or(0.0),
            _ => 0.0,
        },
        dashes: dashes.unwrap_or_default(),
    })
}

/// Whether a paint cannot be told from paper.
pub(super) fn is_white_paint(paint: &hayro_interpret::Paint<'_>) -> bool {
    match paint {
        hayro_interpret::Paint::Color(color) => {
            let [r, g, b, _] = color.to_rgba().to_rgba8();
            is_white(Color { r, g, b })
        }
        hayro_interpret::Paint::Pattern(_) => false,
    }
}

/// Whether a colour cannot be told from paper.
pub(super) fn is_white(Color { r, g, b }: Color) -> bool {
    r >= WHITE && g >= WHITE && b >= WHITE
}

/// How many samples a shading may take when functions of that length may stand behind each.
fn shading_budget(calculator_bytes: u64) -> u64 {
    SHADING_SAMPLES.saturating_mul(USUAL_CALCULATOR) / calculator_bytes.max(USUAL_CALCULATOR)
}

const WHITE: u8 = 250;
/// The most tiles in an area; a page has some 500,000 square points.
const MAX_TILES: f64 = 200_000.0;
/// Samples of one shading.
const SHADING_SAMPLES: u64 = 1_000_000;
const LEAST_SAMPLES: u64 = 4_096;
/// Bytes of a PostScript calculator function that is no burden.
const USUAL_CALCULATOR: u64 = 512;
/// Dashes that repeat within less are a whole line, in units of the pen's space.
const LEAST_PERIOD: f32 = 0.001;
