//! Content streams: operations of the form as operators of ISO 32000-1, 8 and 9.
//!
//! The form says what paints, pen, blending and mask are wanted; a stream says them only when something is drawn with them
//! and the reader does not have them already, across the saving and restoring of state that clips need. A clip that ends is
//! kept until something else is drawn, as many producers set the same clip again for each line of text.

use std::collections::BTreeSet;
use std::rc::Rc;

use form::pages::{BlendMode, Color, FillRule, Matrix, Operation, Paint, Path, Rect, StrokeStyle, TextRun};

use super::geometry::Space;
use super::grammar::{Name, Operator};
use super::path::{self, End, Use};
use super::picture::Role;
use super::shared::Shared;
use super::state::{Dash, Ink, Start, State, StateChange};
use super::syntax::{PAGE_DECIMALS, Resource, Syntax, decimals_for};
use super::text::{Column, Line};

/// One content stream in the making, or the next piece of it.
pub(super) struct Content {
    pub(super) out: Syntax,
    pub(super) resources: BTreeSet<Resource>,
    /// Something is drawn that mixes with what is below it.
    pub(super) transparent: bool,
    /// The most states that were saved at once.
    pub(super) deepest: usize,
    bounds: Rect,
    /// Length of a unit here on the page.
    pub(super) scale: f64,
    pub(super) decimals: u8,
    pub(super) now: State,
    /// Clips that the stream has set, with the states that end with them.
    clips: Vec<SetClip>,
    /// How many of them the form has open.
    open: usize,
    wanted: Wanted,
    /// The text object that is open.
    pub(super) line: Option<Line>,
    pub(super) pieces: Syntax,
    pub(super) column: Option<Column>,
}

struct Wanted {
    fill: Paint,
    stroke: Paint,
    pen: StrokeStyle,
    blend: BlendMode,
    mask: Option<u32>,
}

struct SetClip {
    clip: Clip,
    /// What holds again when it ends; nothing for a clip that clips nothing away, which is not written.
    before: Option<State>,
    /// Where the stream was before it and after it, while that is still in memory.
    span: Option<[usize; 2]>,
}

#[derive(PartialEq)]
enum Clip {
    Path(Path, FillRule),
    Text(TextRun),
}

impl Content {
    /// Content within bounds, a unit of which is `scale` long on the page.
    pub(super) fn new(start: Start, bounds: Rect, scale: f64) -> Content {
        let black = Paint::Color { color: Color::default(), alpha: 255 };
        Content {
            out: Syntax::default(),
            resources: BTreeSet::new(),
            transparent: false,
            deepest: 0,
            bounds,
            scale,
            decimals: decimals_at(scale),
            now: State::new(start),
            clips: Vec::new(),
            open: 0,
            wanted: Wanted {
                fill: black,
                stroke: black,
                pen: StrokeStyle::default(),
                blend: BlendMode::Normal,
                mask: None,
            },
            line: None,
            pieces: Syntax::default(),
            column: None,
        }
    }

    /// Writes an operation.
    pub(super) fn operation(&mut self, operation: Operation, shared: &mut Shared) {
        let wanted = &self.wanted;
        let idle = match &operation {
            // Said again and again by many producers.
            Operation::FillPaint(paint) => wanted.fill == *paint,
            Operation::StrokePaint(paint) => wanted.stroke == *paint,
            Operation::Pen(pen) => wanted.pen == *pen,
            Operation::Blend(blend) => wanted.blend == *blend,
            Operation::Mask(mask) => wanted.mask == *mask,
            // These see for themselves.
            Operation::Clip(..) | Operation::ClipText(_) | Operation::Unclip | Operation::Text(..) => true,
            Operation::Fill(..)
            | Operation::Stroke { .. }
            | Operation::Picture { .. }
            | Operation::Stencil { .. }
            | Operation::Group { .. } => false,
        };
        if !idle {
            self.end_column(shared);
        }
        match operation {
            Operation::FillPaint(paint) => self.wanted.fill = paint,
            Operation::StrokePaint(paint) => self.wanted.stroke = paint,
            Operation::Pen(pen) => self.wanted.pen = pen,
            Operation::Blend(blend) => self.wanted.blend = blend,
            Operation::Mask(mask) => self.wanted.mask = mask,
            Operation::Clip(path, rule) => self.clip(Clip::Path(path, rule), shared),
            Operation::ClipText(run) => self.clip(Clip::Text(run), shared),
            Operation::Unclip => self.open = self.open.saturating_sub(1),
            Operation::Fill(path, rule) => self.fill(&path, rule, shared),
            Operation::Stroke { path, space } => self.stroke(&path, &space, shared),
            Operation::Text(run, mode) => {
                self.begin_drawing(shared);
                self.run(run, mode, shared);
            }
            Operation::Picture { picture, matrix, alpha } => {
                self.begin_drawing(shared);
                self.fill_alpha(alpha);
                self.transparent |= shared.pictures.is_transparent(picture);
                if shared.pictures.used(picture, Role::Picture, self.extent(&matrix)) {
                    self.placed(Resource::Picture(picture), &matrix);
                }
            }
            Operation::Stencil { picture, matrix } => {
                self.begin_drawing(shared);
                self.fill_ink();
                if shared.pictures.used(picture, Role::Stencil, self.extent(&matrix)) {
                    self.placed(Resource::Stencil(picture), &matrix);
                }
            }
            Operation::Group { canvas, alpha } => {
                self.begin_drawing(shared);
                self.fill_alpha(alpha);
                self.end_text();
                self.transparent = true;
                self.resources.insert(Resource::Canvas(canvas));
                self.out.resource(Resource::Canvas(canvas));
                self.out.operator(Operator::DrawObject);
            }
        }
    }

    /// Ends what is open, after the last operation.
    pub(super) fn finish(&mut self, shared: &mut Shared) {
        self.open = 0;
        self.end_clips(shared);
        self.end_column(shared);
        self.end_text();
    }

    /// What was written so far has been taken away.
    pub(super) fn taken(&mut self) {
        self.out.clear();
        self.clips.iter_mut().for_each(|clip| clip.span = None);
    }

    /// Blending and mask hold for all that is drawn.
    fn begin_drawing(&mut self, shared: &mut Shared) {
        self.end_clips(shared);
        let (blend, mask) = (self.wanted.blend, self.wanted.mask);
        if self.now.blend != blend {
            self.now.blend = blend;
            self.state(StateChange::Blend(blend));
        }
        if self.now.mask != mask {
            self.now.mask = mask;
            self.state(StateChange::Mask(mask));
        }
    }

    fn state(&mut self, change: StateChange) {
        self.show();
        self.transparent = true;
        let resource = Resource::State(change.number());
        self.resources.insert(resource);
        self.out.resource(resource);
        self.out.operator(Operator::State);
    }

    pub(super) fn fill_alpha(&mut self, alpha: u8) {
        if self.now.fill_alpha != alpha {
            self.now.fill_alpha = alpha;
            self.state(StateChange::FillAlpha(alpha));
        }
    }

    fn stroke_alpha(&mut self, alpha: u8) {
        if self.now.stroke_alpha != alpha {
            self.now.stroke_alpha = alpha;
            self.state(StateChange::StrokeAlpha(alpha));
        }
    }

    /// Makes the fill paint what is wanted.
    pub(super) fn fill_ink(&mut self) {
        let (ink, alpha) = Ink::of(self.wanted.fill);
        self.fill_alpha(alpha);
        if self.now.fill == Some(ink) {
            return;
        }
        let patterned = self.now.fill.is_some_and(Ink::is_pattern);
        self.now.fill = Some(ink);
        self.ink(
            ink,
            patterned,
            [Operator::FillGray, Operator::FillRgb, Operator::FillColorSpace, Operator::FillPattern],
        );
    }

    /// Makes the stroke paint what is wanted.
    pub(super) fn stroke_ink(&mut self) {
        let (ink, alpha) = Ink::of(self.wanted.stroke);
        self.stroke_alpha(alpha);
        if self.now.stroke == Some(ink) {
            return;
        }
        let patterned = self.now.stroke.is_some_and(Ink::is_pattern);
        self.now.stroke = Some(ink);
        self.ink(
            ink,
            patterned,
            [Operator::StrokeGray, Operator::StrokeRgb, Operator::StrokeColorSpace, Operator::StrokePattern],
        );
    }

    fn ink(&mut self, ink: Ink, patterned: bool, [gray, rgb, space, pattern]: [Operator; 4]) {
        self.show();
        let resource = match ink {
            Ink::Color(Color { r, g, b }) if r == g && g == b => {
                component(&mut self.out, r);
                return self.out.operator(gray);
            }
            Ink::Color(Color { r, g, b }) => {
                [r, g, b].into_iter().for_each(|value| component(&mut self.out, value));
                return self.out.operator(rgb);
            }
            Ink::Gradient(number) => Resource::Gradient(number),
            Ink::Tile(number) => Resource::Tile(number),
        };
        if !patterned {
            self.out.name(Name::Pattern);
            self.out.operator(space);
        }
        self.resources.insert(resource);
        self.out.resource(resource);
        self.out.operator(pattern);
    }

    /// Makes the pen what is wanted, in a space that is `scale` times as large as the pen's.
    pub(super) fn pen(&mut self, scale: f64) {
        self.show();
        let pen = &self.wanted.pen;
        let width = f64::from(pen.width) * scale;
        if self.now.width != Some(width) {
            self.now.width = Some(width);
            self.out.significant(width, 5);
            self.out.operator(Operator::LineWidth);
        }
        let cap = pen.cap.code().saturating_sub(1);
        if self.now.cap != Some(cap) {
            self.now.cap = Some(cap);
            self.out.integer(cap);
            self.out.operator(Operator::LineCap);
        }
        let join = pen.join.code().saturating_sub(1);
        if self.now.join != Some(join) {
            self.now.join = Some(join);
            self.out.integer(join);
            self.out.operator(Operator::LineJoin);
        }
        let miter = f64::from(pen.miter_limit);
        if join == 0 && self.now.miter != Some(miter) {
            self.now.miter = Some(miter);
            self.out.significant(miter, 5);
            self.out.operator(Operator::MiterLimit);
        }
        let lengths = || pen.dashes.iter().map(|length| f64::from(*length) * scale);
        let offset = if pen.dashes.is_empty() { 0.0 } else { f64::from(pen.dash_offset) * scale };
        let same = |dash: &Rc<Dash>| dash.offset == offset && dash.lengths.iter().copied().eq(lengths());
        if !self.now.dash.as_ref().is_some_and(same) {
            let dash = Dash { lengths: lengths().collect(), offset };
            self.out.array(|array| dash.lengths.iter().for_each(|length| array.significant(*length, 5)));
            self.out.significant(dash.offset, 5);
            self.out.operator(Operator::Dash);
            self.now.dash = Some(Rc::new(dash));
        }
    }

    fn clip(&mut self, clip: Clip, shared: &mut Shared) {
        if self.clips.get(self.open).is_some_and(|set| set.clip == clip) {
            self.open = self.open.saturating_add(1);
            return;
        }
        self.end_clips(shared);
        self.end_column(shared);
        self.open = self.open.saturating_add(1);
        if matches!(&clip, Clip::Path(path, _) if path::covers(path, &self.bounds)) {
            return self.clips.push(SetClip { clip, before: None, span: None });
        }
        self.end_text();
        let start = self.out.len();
        let before = self.now.clone();
        self.save();
        match &clip {
            Clip::Path(path, rule) => {
                if path::write(&mut self.out, path, Use::Clip, &Space::default(), self.decimals).is_none() {
                    self.nowhere();
                }
                self.out.operator(match rule {
                    FillRule::NonZero => Operator::Clip,
                    FillRule::EvenOdd => Operator::ClipEvenOdd,
                });
                self.out.operator(Operator::EndPath);
            }
            Clip::Text(run) => {
                if self.clip_text(run, shared) {
                    self.end_text();
                } else {
                    self.nowhere();
                    self.out.operator(Operator::Clip);
                    self.out.operator(Operator::EndPath);
                }
            }
        }
        let span = Some([start, self.out.len()]);
        self.clips.push(SetClip { clip, before: Some(before), span });
    }

    /// A path that nothing is inside of.
    fn nowhere(&mut self) {
        for value in [f64::from(self.bounds.x0) - 9.0, f64::from(self.bounds.y0) - 9.0, 0.0, 0.0] {
            self.out.real(value, self.decimals);
        }
        self.out.operator(Operator::Rectangle);
    }

    /// Ends the clips that the form has ended.
    fn end_clips(&mut self, shared: &mut Shared) {
        if self.clips.len() > self.open {
            self.end_column(shared);
        }
        while self.clips.len() > self.open {
            let Some(SetClip { before: Some(before), span, .. }) = self.clips.pop() else { continue };
            self.end_text();
            match span {
                // Nothing was drawn in it.
                Some([start, end]) if end == self.out.len() => self.out.truncate(start),
                _ => self.out.operator(Operator::Restore),
            }
            self.now = before;
        }
    }

    fn fill(&mut self, path: &Path, rule: FillRule, shared: &mut Shared) {
        if path.is_empty() {
            return;
        }
        self.begin_drawing(shared);
        self.end_text();
        self.fill_ink();
        if path::write(&mut self.out, path, Use::Fill, &Space::default(), self.decimals).is_some() {
            self.out.operator(match rule {
                FillRule::NonZero => Operator::Fill,
                FillRule::EvenOdd => Operator::FillEvenOdd,
            });
        }
    }

    fn stroke(&mut self, path: &Path, space: &Matrix, shared: &mut Shared) {
        if path.is_empty() {
            return;
        }
        self.begin_drawing(shared);
        self.end_text();
        self.stroke_ink();
        let space = Space::of(space);
        match space.even() {
            Some(scale) => {
                self.pen(scale);
                self.draw_line(path, &space, self.decimals);
            }
            None => self.within(&space, |content| {
                content.pen(1.0);
                content.draw_line(path, &Space::default(), decimals_at(content.scale * space.size()));
            }),
        }
    }

    fn draw_line(&mut self, path: &Path, space: &Space, decimals: u8) {
        let purpose = if self.wanted.pen.dashes.is_empty() { Use::Stroke } else { Use::Dashes };
        match path::write(&mut self.out, path, purpose, space, decimals) {
            Some(End::Drawn) => self.out.operator(Operator::Stroke),
            Some(End::Unclosed) => self.out.operator(Operator::CloseStroke),
            None => {}
        }
    }

    /// Draws in another space.
    pub(super) fn within(&mut self, space: &Space, draw: impl FnOnce(&mut Content)) {
        self.end_text();
        let before = self.now.clone();
        self.save();
        self.concat(space);
        draw(self);
        self.end_text();
        self.out.operator(Operator::Restore);
        self.now = before;
    }

    fn save(&mut self) {
        self.deepest = self.deepest.max(self.clips.len().saturating_add(1));
        self.out.operator(Operator::Save);
    }

    fn concat(&mut self, space: &Space) {
        let [a, b, c, d, x, y] = space.0;
        let most = [a, b, c, d].into_iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        let decimals = decimals_for(most, MATRIX_FIGURES);
        [a, b, c, d].into_iter().for_each(|value| self.out.real(value, decimals));
        [x, y].into_iter().for_each(|value| self.out.real(value, self.decimals));
        self.out.operator(Operator::Concat);
    }

    /// How wide and high the unit square becomes on the page.
    fn extent(&self, matrix: &Matrix) -> [f64; 2] {
        let [a, b, c, d, ..] = matrix.0.map(f64::from);
        [a.hypot(b) * self.scale, c.hypot(d) * self.scale]
    }

    fn placed(&mut self, resource: Resource, matrix: &Matrix) {
        self.end_text();
        self.resources.insert(resource);
        self.save();
        self.concat(&Space::of(matrix));
        self.out.resource(resource);
        self.out.operator(Operator::DrawObject);
        self.out.operator(Operator::Restore);
    }
}

/// Three decimals of 255ths are nearer to their own value than to the next.
fn component(out: &mut Syntax, value: u8) {
    out.scaled((i64::from(value).saturating_mul(1000).saturating_add(127)) / 255, 3);
}

/// How many decimals a space needs, a unit of which is so long on the page.
pub(super) fn decimals_at(scale: f64) -> u8 {
    let mut decimals = PAGE_DECIMALS;
    let mut unit = scale;
    while unit > 1.0 && decimals < 9 {
        unit /= 10.0;
        decimals = decimals.saturating_add(1);
    }
    decimals
}

/// Enough for a picture of 10,000 points to end within a hundredth of one.
const MATRIX_FIGURES: u8 = 6;
