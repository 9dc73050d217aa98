//! Operations of a page or canvas as they gather: state is told only when it changes, clips only when something is drawn.

use form::pages::{BlendMode, FillRule, Operation, Paint, Path, StrokeStyle, TextMode, TextRun};
use kurbo::Rect;

use super::geometry;

/// What is drawn on one surface.
///
/// A layer knows nothing of the state that it is drawn in: what it needs it sets. So the operations of a group that turns out
/// to need no canvas can be put into the layer below as they are.
#[derive(Debug)]
pub(super) struct Layer {
    operations: Vec<Operation>,
    state: State,
    clips: Vec<Clip>,
    /// The index of the clip that the last operation, an [`Operation::Unclip`], has ended.
    closed: Option<usize>,
    bounds: Rect,
    summary: Summary,
}

/// What is known of the operations of a layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    /// What drawing them costs: segments, letters and operations, canvases each time that they are drawn.
    pub(super) weight: u64,
    /// Segments of the outlines of their letters.
    pub(super) lettering: u64,
    /// How many canvases are within one another at most.
    pub(super) depth: u32,
    /// How many of them paint.
    pub(super) paints: u64,
    /// Whether one mixes other than normally, or through a soft mask.
    pub(super) mixes: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    fill: Option<Paint>,
    stroke: Option<Paint>,
    pen: Option<StrokeStyle>,
    blend: Option<BlendMode>,
    mask: Option<Option<u32>>,
}

#[derive(Clone, Copy, Debug)]
struct Clip {
    /// Where its operation stands; none when it takes nothing away.
    index: Option<usize>,
    bounds: Rect,
}

impl Layer {
    /// An empty layer on which only `bounds` can be seen.
    pub(super) fn new(bounds: Rect) -> Layer {
        Layer {
            operations: Vec::new(),
            state: State::default(),
            clips: Vec::new(),
            closed: None,
            bounds,
            summary: Summary::default(),
        }
    }

    /// The rectangle within which anything can be seen now.
    pub(super) fn visible(&self) -> Rect {
        self.clips.last().map_or(self.bounds, |clip| clip.bounds)
    }

    /// The rectangle within which anything of it can be seen at all.
    pub(super) fn bounds(&self) -> Rect {
        self.bounds
    }

    pub(super) fn summary(&self) -> Summary {
        self.summary
    }

    /// The operations, all clips ended.
    pub(super) fn finish(mut self) -> (Vec<Operation>, Summary) {
        while !self.clips.is_empty() {
            self.unclip();
        }
        (self.operations, self.summary)
    }

    pub(super) fn clip_depth(&self) -> usize {
        self.clips.iter().filter(|clip| clip.index.is_some()).count()
    }

    /// Clips to a rectangle; says so only when it takes something away.
    pub(super) fn clip_rect(&mut self, rect: Rect) {
        let visible = self.visible();
        if rect.inflate(SLACK, SLACK).contains_rect(visible) {
            self.clips.push(Clip { index: None, bounds: visible });
        } else {
            self.clip(geometry::rectangle(rect), FillRule::NonZero);
        }
    }

    /// Takes note of a clip that is not told, because what is not seen is left out by itself.
    pub(super) fn clip_unseen(&mut self, rect: Rect) {
        let bounds = overlap(self.visible(), rect);
        self.clips.push(Clip { index: None, bounds });
    }

    pub(super) fn clip(&mut self, path: Path, rule: FillRule) {
        let visible = self.visible();
        let bounds = geometry::bounds(&path).map_or(NOTHING, |bounds| overlap(visible, bounds));
        if let Some(index) = self.closed.filter(|_| matches!(self.operations.last(), Some(Operation::Unclip)))
            && self.operations.get(index) == Some(&Operation::Clip(path.clone(), rule))
        {
            // The same clip as the one before: producers of tables and text lines set theirs anew for each.
            self.operations.pop();
            self.closed = None;
            self.clips.push(Clip { index: Some(index), bounds });
            return;
        }
        self.push_clip(Operation::Clip(path, rule), bounds);
    }

    /// Clips to letters whose outlines have so many segments.
    pub(super) fn clip_text(&mut self, run: TextRun, bounds: Rect, segments: u64) {
        self.summary.lettering = self.summary.lettering.saturating_add(segments);
        let bounds = overlap(self.visible(), bounds);
        self.push_clip(Operation::ClipText(run), bounds);
    }

    fn push_clip(&mut self, operation: Operation, bounds: Rect) {
        self.clips.push(Clip { index: Some(self.operations.len()), bounds });
        self.summary.weight = self.summary.weight.saturating_add(operation.own_cost());
        self.operations.push(operation);
    }

    pub(super) fn unclip(&mut self) {
        let Some(Clip { index: Some(index), .. }) = self.clips.pop() else { return };
        if index.saturating_add(1) == self.operations.len() {
            // Nothing was drawn in it.
            self.operations.pop();
        } else {
            self.operations.push(Operation::Unclip);
            self.closed = Some(index);
        }
    }

    pub(super) fn set_fill(&mut self, paint: Paint) {
        set(&mut self.state.fill, paint, &mut self.operations, Operation::FillPaint);
    }

    pub(super) fn set_stroke(&mut self, paint: Paint) {
        set(&mut self.state.stroke, paint, &mut self.operations, Operation::StrokePaint);
    }

    pub(super) fn set_pen(&mut self, pen: StrokeStyle) {
        set(&mut self.state.pen, pen, &mut self.operations, Operation::Pen);
    }

    pub(super) fn set_mixing(&mut self, blend: BlendMode, mask: Option<u32>) {
        self.summary.mixes |= blend != BlendMode::Normal || mask.is_some();
        set(&mut self.state.blend, blend, &mut self.operations, Operation::Blend);
        set(&mut self.state.mask, mask, &mut self.operations, Operation::Mask);
    }

    /// Adds an operation that paints. `inner` is what is known of the canvas that it draws.
    pub(super) fn paint(&mut self, operation: Operation, inner: Summary) {
        self.summary.weight = self.summary.weight.saturating_add(operation.own_cost()).saturating_add(inner.weight);
        self.summary.lettering = self.summary.lettering.saturating_add(inner.lettering);
        self.summary.depth = self.summary.depth.max(inner.depth);
        self.summary.paints = self.summary.paints.saturating_add(1);
        self.operations.push(operation);
    }

    /// Notes that a paint or mask that was set draws a canvas.
    pub(super) fn note_canvas(&mut self, inner: Summary) {
        self.summary.weight = self.summary.weight.saturating_add(inner.weight);
        self.summary.lettering = self.summary.lettering.saturating_add(inner.lettering);
        self.summary.depth = self.summary.depth.max(inner.depth);
    }

    /// Adds letters whose outlines have so many segments, to the last run where they go on in it.
    pub(super) fn text(&mut self, run: TextRun, mode: TextMode, segments: u64) {
        self.summary.lettering = self.summary.lettering.saturating_add(segments);
        if let Some(Operation::Text(last, last_mode)) = self.operations.last_mut()
            && *last_mode == mode
            && mode != TextMode::FillAndStroke
            && last.space == run.space
            && last.em == run.em
            && last.glyphs.len().saturating_add(run.glyphs.len()) <= MAX_RUN
        {
            self.summary.weight =
                self.summary.weight.saturating_add(u64::try_from(run.glyphs.len()).unwrap_or(u64::MAX));
            last.glyphs.extend(run.glyphs);
            return;
        }
        self.paint(Operation::Text(run, mode), Summary::default());
    }

    /// Makes the last operation fill and stroke when it is the same letters filled; says whether it was.
    pub(super) fn stroke_filled_text(&mut self, run: &TextRun, paint: Paint, pen: &StrokeStyle) -> bool {
        match self.operations.last() {
            Some(Operation::Text(last, TextMode::Fill)) if last == run => {}
            _ => return false,
        }
        let last = self.operations.pop();
        self.set_pen(pen.clone());
        self.set_stroke(paint);
        if let Some(Operation::Text(run, _)) = last {
            self.operations.push(Operation::Text(run, TextMode::FillAndStroke));
        }
        true
    }

    /// Puts the operations of a group here that changes nothing as a group.
    pub(super) fn append(&mut self, (operations, summary): (Vec<Operation>, Summary), state_of: Trace) {
        self.summary.weight = self.summary.weight.saturating_add(summary.weight);
        self.summary.lettering = self.summary.lettering.saturating_add(summary.lettering);
        self.summary.depth = self.summary.depth.max(summary.depth);
        self.summary.paints = self.summary.paints.saturating_add(summary.paints);
        self.summary.mixes |= summary.mixes;
        if !operations.is_empty() {
            // What ended last is a clip of the group, whose end is not that of an earlier one.
            self.closed = None;
        }
        self.operations.extend(operations);
        let State { fill, stroke, pen, blend, mask } = state_of.0;
        self.state.fill = fill.or(self.state.fill.take());
        self.state.stroke = stroke.or(self.state.stroke.take());
        self.state.pen = pen.or(self.state.pen.take());
        self.state.blend = blend.or(self.state.blend);
        self.state.mask = mask.or(self.state.mask);
    }

    /// The state at the end, for [`Layer::append`].
    pub(super) fn trace(&self) -> Trace {
        Trace(self.state.clone())
    }

    /// Makes a group of one thing that thing: its opacity goes over to it, and mixing is left to the layer below. Says whether
    /// it could.
    pub(super) fn fold(&mut self, alpha: u8) -> bool {
        if self.summary.paints != 1 || self.summary.mixes {
            return false;
        }
        let paints_twice =
            self.operations.iter().any(|operation| matches!(operation, Operation::Text(_, TextMode::FillAndStroke)));
        if paints_twice {
            return false;
        }
        self.operations.retain(|operation| !matches!(operation, Operation::Blend(_) | Operation::Mask(_)));
        self.state.blend = None;
        self.state.mask = None;
        // Indices of clips are of no use any more; a fold is followed by an end.
        self.closed = None;
        if alpha < u8::MAX {
            for operation in &mut self.operations {
                match operation {
                    Operation::FillPaint(paint) | Operation::StrokePaint(paint) => *paint = faded(*paint, alpha),
                    Operation::Picture { alpha: own, .. } | Operation::Group { alpha: own, .. } => {
                        *own = product(*own, alpha)
                    }
                    _ => {}
                }
            }
            self.state.fill = self.state.fill.map(|paint| faded(paint, alpha));
            self.state.stroke = self.state.stroke.map(|paint| faded(paint, alpha));
        }
        true
    }
}

/// The state at the end of a layer.
#[derive(Debug)]
pub(super) struct Trace(State);

/// The part that two rectangles share; nothing where they share none.
pub(super) fn overlap(one: Rect, other: Rect) -> Rect {
    if geometry::meet(one, other) { one.intersect(other) } else { NOTHING }
}

/// A rectangle that meets no other: nothing is seen through it.
pub(super) const NOTHING: Rect = Rect { x0: f64::MAX, y0: f64::MAX, x1: f64::MAX, y1: f64::MAX };

fn set<T: Clone + PartialEq>(
    slot: &mut Option<T>,
    value: T,
    operations: &mut Vec<Operation>,
    operation: impl FnOnce(T) -> Operation,
) {
    if slot.as_ref() != Some(&value) {
        *slot = Some(value.clone());
        operations.push(operation(value));
    }
}

fn faded(paint: Paint, by: u8) -> Paint {
    match paint {
        Paint::Color { color, alpha } => Paint::Color { color, alpha: product(alpha, by) },
        Paint::Gradient { gradient, alpha } => Paint::Gradient { gradient, alpha: product(alpha, by) },
        Paint::Tile { canvas, alpha } => Paint::Tile { canvas, alpha: product(alpha, by) },
    }
}

fn product(one: u8, other: u8) -> u8 {
    u8::try_from((u32::from(one) * u32::from(other) + 127) / 255).unwrap_or(u8::MAX)
}

/// How far a clip may miss the edge of what is seen and still count as covering it, in points.
const SLACK: f64 = 0.01;
/// The most letters of one run.
const MAX_RUN: usize = 4_096;

#[cfg(test)]
mod tests {
    use form::pages::{BlendMode, Color, FillRule, Operation, Paint};
    use kurbo::Rect;

    use super::super::geometry::rectangle;
    use super::{Layer, Summary};

    const PAGE: Rect = Rect::new(0.0, 0.0, 100.0, 100.0);

    fn fill(layer: &mut Layer, rect: Rect) {
        layer.set_mixing(BlendMode::Normal, None);
        layer.set_fill(Paint::Color { color: Color::default(), alpha: 255 });
        layer.paint(Operation::Fill(rectangle(rect), FillRule::NonZero), Summary::default());
    }

    fn count(operations: &[Operation], kind: fn(&Operation) -> bool) -> usize {
        operations.iter().filter(|operation| kind(operation)).count()
    }

    #[test]
    fn a_state_is_set_once_until_it_changes() {
        let mut layer = Layer::new(PAGE);
        fill(&mut layer, Rect::new(0.0, 0.0, 1.0, 1.0));
        fill(&mut layer, Rect::new(1.0, 0.0, 2.0, 1.0));
        let (operations, _) = layer.finish();
        assert_eq!(count(&operations, |operation| matches!(operation, Operation::FillPaint(_))), 1);
        assert_eq!(operations.len(), 5);
    }

    #[test]
    fn a_clip_around_nothing_is_not_told_and_the_same_clip_twice_is_one() {
        let mut layer = Layer::new(PAGE);
        layer.clip_rect(Rect::new(10.0, 10.0, 20.0, 20.0));
        layer.unclip();
        for _ in 0..2 {
            layer.clip_rect(Rect::new(10.0, 10.0, 20.0, 20.0));
            fill(&mut layer, Rect::new(0.0, 0.0, 50.0, 50.0));
            layer.unclip();
        }
        let (operations, _) = layer.finish();
        assert_eq!(count(&operations, |operation| matches!(operation, Operation::Clip(..))), 1);
        assert_eq!(count(&operations, |operation| matches!(operation, Operation::Unclip)), 1);
        assert_eq!(count(&operations, |operation| matches!(operation, Operation::Fill(..))), 2);
    }

    #[test]
    fn a_group_of_one_thing_hands_its_opacity_to_it() {
        let mut group = Layer::new(PAGE);
        fill(&mut group, Rect::new(0.0, 0.0, 1.0, 1.0));
        assert!(group.fold(128));
        let (operations, _) = group.finish();
        assert!(operations.contains(&Operation::FillPaint(Paint::Color { color: Color::default(), alpha: 128 })));
        assert_eq!(count(&operations, |operation| matches!(operation, Operation::Blend(_) | Operation::Mask(_))), 0);
    }
}
