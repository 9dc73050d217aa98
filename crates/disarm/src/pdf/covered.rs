//! What is covered by something that is drawn later: text under a black or white box, which nobody sees and anybody could copy.
//!
//! Only the plain case is judged: an opaque upright rectangle, line or picture that lies over a letter. What is drawn *before* a
//! letter, such as the ground of a table's cell, hides nothing.

use form::pages::{
    BlendMode, Color, FillRule, Matrix, Operation, Paint, Path, PlacedGlyph, Point, Segment, StrokeStyle, TextRun,
};
use kurbo::{Affine, Rect, Size};

use super::geometry;
use super::layer::{NOTHING, overlap};

/// Boxes in the order in which they are drawn on a page.
#[derive(Debug)]
pub(super) struct Boxes {
    page: Rect,
    areas: Areas,
    /// Pictures count apart: where they make up much of a page they are a scan, and text under it is what was recognised in it.
    pictures: Areas,
    picture_area: f64,
}

/// How far drawing has come: only boxes behind this cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    areas: usize,
    pictures: usize,
}

impl Moment {
    /// That of text which says what a picture shows, wherever it stands in the file: only boxes that come after both cover it,
    /// and no pictures.
    pub(super) fn on_picture(self, picture: Moment) -> Moment {
        Moment { areas: self.areas.max(picture.areas), pictures: usize::MAX }
    }
}

impl Boxes {
    pub(super) fn new(page: Rect) -> Boxes {
        Boxes { page, areas: Areas::default(), pictures: Areas::default(), picture_area: 0.0 }
    }

    pub(super) fn now(&self) -> Moment {
        Moment { areas: self.areas.list.len(), pictures: self.pictures.list.len() }
    }

    pub(super) fn add(&mut self, area: Rect) {
        self.areas.add(area, self.page);
    }

    pub(super) fn add_picture(&mut self, area: Rect) {
        self.picture_area += overlap(area, self.page).area();
        self.pictures.add(area, self.page);
    }

    /// Whether something that was drawn after a moment lies over an area and is no narrower or lower than `least`.
    pub(super) fn cover(&mut self, since: Moment, area: Rect, least: Size) -> bool {
        let is_scan = self.picture_area > self.page.area() * SCAN_SHARE;
        self.areas.cover(since.areas, area, least, self.page)
            || !is_scan && self.pictures.cover(since.pictures, area, least, self.page)
    }
}

/// Rectangles, found by the cells of a grid over the page.
#[derive(Debug, Default)]
struct Areas {
    list: Vec<Rect>,
    cells: Vec<Vec<u32>>,
    entries: usize,
    looked: usize,
}

impl Areas {
    fn add(&mut self, area: Rect, page: Rect) {
        let area = overlap(area, page);
        // NaN is no size either.
        let has_size = area.width() >= LEAST_SIDE && area.height() >= LEAST_SIDE;
        if area == NOTHING || !has_size || self.entries > MAX_ENTRIES {
            return;
        }
        self.cells.resize(GRID * GRID, Vec::new());
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(area);
        let (left, low) = cell(area.x0, area.y0, page);
        let (right, high) = cell(area.x1, area.y1, page);
        for row in low..=high {
            for column in left..=right {
                if let Some(cell) = self.cells.get_mut(row.saturating_mul(GRID).saturating_add(column)) {
                    cell.push(number);
                    self.entries = self.entries.saturating_add(1);
                }
            }
        }
    }

    fn cover(&mut self, since: usize, area: Rect, least: Size, page: Rect) -> bool {
        let middle = area.center();
        let (column, row) = cell(middle.x, middle.y, page);
        let Some(near) = self.cells.get(row.saturating_mul(GRID).saturating_add(column)) else { return false };
        for number in near.iter().rev() {
            let Ok(number) = usize::try_from(*number) else { return false };
            if number < since || self.looked > MAX_LOOKS {
                return false;
            }
            self.looked = self.looked.saturating_add(1);
            if self.list.get(number).is_some_and(|over| is_over(*over, area, least)) {
                return true;
            }
        }
        false
    }
}

/// Whether so much of an area is covered that nobody can read what is there.
fn is_over(over: Rect, area: Rect, least: Size) -> bool {
    // A line through a word covers a hyphen in it wholly, and everybody can read both.
    if over.width() < least.width || over.height() < least.height {
        return false;
    }
    if over.inflate(SLACK, SLACK).contains_rect(area) {
        return true;
    }
    geometry::meet(over, area) && over.intersect(area).area() >= area.area() * COVERED && area.area() > 0.0
}

/// Takes letters out that something covers which is drawn later, and says how many. `letter` is what a glyph covers in glyph
/// units, `is_opaque` whether nothing shows through a picture.
pub(super) fn uncover(
    operations: &mut Vec<Operation>,
    page: Rect,
    letter: impl Fn(u32) -> Option<Rect>,
    is_opaque: impl Fn(u32) -> bool,
) -> u32 {
    let mut boxes = Boxes::new(page);
    let mut moments = Vec::new();
    let mut state = State::new(page);
    for operation in operations.iter() {
        if let Operation::Text(..) = operation {
            moments.push(boxes.now());
        }
        state.see(operation, &mut boxes, &is_opaque);
    }
    let mut moments = moments.into_iter();
    let mut hidden = 0_u32;
    operations.retain_mut(|operation| {
        let Operation::Text(run, _) = operation else { return true };
        let Some(since) = moments.next() else { return true };
        hidden = hidden.saturating_add(without_covered(run, since, &mut boxes, &letter));
        !run.glyphs.is_empty()
    });
    hidden
}

/// Takes the letters of a run out that are covered, and says how many.
pub(super) fn without_covered(
    run: &mut TextRun,
    since: Moment,
    boxes: &mut Boxes,
    letter: &impl Fn(u32) -> Option<Rect>,
) -> u32 {
    let before = run.glyphs.len();
    let (em, space) = (run.em, run.space);
    let least = least_box(em, space);
    run.glyphs.retain(|placed| {
        let mut covered = |bounds| boxes.cover(since, on_page(em, space, placed, bounds), least);
        letter(placed.glyph).is_none_or(|bounds| !covered(bounds))
    });
    u32::try_from(before.saturating_sub(run.glyphs.len())).unwrap_or(u32::MAX)
}

/// How large a box is at least that covers letters of a size: higher than a line through them, wider than a rule of a table.
fn least_box(em: [f32; 4], space: Matrix) -> Size {
    let [a, b, c, d] = em.map(f64::from);
    let [a, b, c, d, ..] = (Affine::new(space.0.map(f64::from)) * Affine::new([a, b, c, d, 0.0, 0.0])).as_coeffs();
    let (along, up) = (a.hypot(b) * LEAST_WIDTH, c.hypot(d) * LEAST_HEIGHT);
    // Which of the two runs across the page.
    if a.abs() >= b.abs() { Size::new(along, up) } else { Size::new(up, along) }
}

fn on_page(em: [f32; 4], space: Matrix, placed: &PlacedGlyph, bounds: Rect) -> Rect {
    let [a, b, c, d] = em.map(|number| f64::from(number) / EM);
    let place = Affine::new([a, b, c, d, placed.x.into(), placed.y.into()]);
    (Affine::new(space.0.map(f64::from)) * place).transform_rect_bbox(bounds)
}

/// What must be known of what came before to tell whether something covers.
struct State {
    fill: Option<Paint>,
    stroke: Option<Paint>,
    pen: StrokeStyle,
    blend: BlendMode,
    is_masked: bool,
    /// What can be seen; nothing where that is no rectangle.
    clips: Vec<Option<Rect>>,
}

impl State {
    fn new(page: Rect) -> State {
        let (pen, blend) = (StrokeStyle::default(), BlendMode::Normal);
        State { fill: None, stroke: None, pen, blend, is_masked: false, clips: vec![Some(page)] }
    }

    fn see(&mut self, operation: &Operation, boxes: &mut Boxes, is_opaque: &impl Fn(u32) -> bool) {
        match operation {
            Operation::FillPaint(paint) => self.fill = Some(*paint),
            Operation::StrokePaint(paint) => self.stroke = Some(*paint),
            Operation::Pen(pen) => self.pen = pen.clone(),
            Operation::Blend(blend) => self.blend = *blend,
            Operation::Mask(mask) => self.is_masked = mask.is_some(),
            Operation::Clip(path, rule) => {
                let clip = match rectangles(path, *rule).as_slice() {
                    [only] => self.visible().map(|visible| overlap(visible, *only)),
                    _ => None,
                };
                self.clips.push(clip);
            }
            Operation::ClipText(_) => self.clips.push(None),
            Operation::Unclip => {
                self.clips.pop();
            }
            Operation::Fill(path, rule) if self.covers(self.fill) => {
                if let Some(visible) = self.visible() {
                    rectangles(path, *rule).into_iter().for_each(|area| boxes.add(overlap(visible, area)));
                }
            }
            Operation::Stroke { path, space } if *space == Matrix::IDENTITY && self.covers(self.stroke) => {
                if let (Some(visible), Some(area)) = (self.visible(), bar(path, &self.pen)) {
                    boxes.add(overlap(visible, area));
                }
            }
            Operation::Picture { picture, matrix, alpha: u8::MAX } => {
                let is_plain = self.blend == BlendMode::Normal && !self.is_masked;
                let area = upright(Affine::new(matrix.0.map(f64::from)), Rect::new(0.0, 0.0, 1.0, 1.0));
                if let (true, Some(visible), Some(area)) = (is_plain && is_opaque(*picture), self.visible(), area) {
                    boxes.add_picture(overlap(visible, area));
                }
            }
            Operation::Fill(..)
            | Operation::Stroke { .. }
            | Operation::Text(..)
            | Operation::Picture { .. }
            | Operation::Stencil { .. }
            | Operation::Group { .. } => {}
        }
    }

    fn visible(&self) -> Option<Rect> {
        self.clips.last().copied().flatten()
    }

    fn covers(&self, paint: Option<Paint>) -> bool {
        match paint {
            Some(Paint::Color { color, alpha: u8::MAX }) => !self.is_masked && covers(color, self.blend),
            _ => false,
        }
    }
}

/// Whether nothing shows through an opaque colour.
pub(super) fn covers(Color { r, g, b }: Color, blend: BlendMode) -> bool {
    match blend {
        BlendMode::Normal => true,
        // A pen that marks mixes so; in black it is none.
        BlendMode::Multiply | BlendMode::Darken => r.max(g).max(b) <= DARK,
        _ => false,
    }
}

/// The upright rectangles that a path is, when it is nothing else and they do not cancel each other.
pub(super) fn rectangles(path: &Path, rule: FillRule) -> Vec<Rect> {
    let mut found: Vec<Rect> = Vec::new();
    let mut turns = 0_i32;
    let mut corners: Vec<Point> = Vec::new();
    let mut take = |corners: &mut Vec<Point>| {
        if corners.last() == corners.first() && corners.len() == 5 {
            corners.pop();
        }
        let taken = match corners.as_slice() {
            [] | [_] => true,
            [a, b, c, d] => {
                let first_up = a.x == b.x && b.y == c.y && c.x == d.x && d.y == a.y;
                let first_across = a.y == b.y && b.x == c.x && c.y == d.y && d.x == a.x;
                let area = (f64::from(c.x) - f64::from(a.x)) * (f64::from(c.y) - f64::from(a.y));
                // Which way round it goes, by the direction of its first side.
                let turn = if (area > 0.0) == first_across { 1 } else { -1 };
                found.push(Rect::new(a.x.into(), a.y.into(), c.x.into(), c.y.into()).abs());
                let same = turns == 0 || turns == turn;
                turns = turn;
                (first_up || first_across) && same && found.len() <= MAX_RECTANGLES
            }
            _ => false,
        };
        corners.clear();
        taken
    };
    for segment in &path.segments {
        let is_good = match segment {
            Segment::Move(to) => {
                let taken = take(&mut corners);
                corners.push(*to);
                taken
            }
            Segment::Line(to) => {
                corners.push(*to);
                corners.len() <= 5
            }
            Segment::Close => take(&mut corners),
            Segment::Cubic(..) => false,
        };
        if !is_good {
            return Vec::new();
        }
    }
    if !take(&mut corners) || rule == FillRule::EvenOdd && found.len() > 1 {
        return Vec::new();
    }
    found
}

/// The area of an upright line that is as thick as text is high.
fn bar(path: &Path, pen: &StrokeStyle) -> Option<Rect> {
    let [Segment::Move(from), Segment::Line(to)] = path.segments.as_slice() else { return None };
    let half = f64::from(pen.width) / 2.0;
    if pen.width < LEAST_BAR || !pen.dashes.is_empty() {
        return None;
    }
    let line = Rect::new(from.x.into(), from.y.into(), to.x.into(), to.y.into()).abs();
    match (line.width() == 0.0, line.height() == 0.0) {
        (false, true) => Some(line.inflate(0.0, half)),
        (true, false) => Some(line.inflate(half, 0.0)),
        _ => None,
    }
}

/// Where a rectangle lies that is upright there, too.
pub(super) fn upright(place: Affine, area: Rect) -> Option<Rect> {
    let [a, b, c, d, ..] = place.as_coeffs();
    let size = a.abs().max(b.abs()).max(c.abs()).max(d.abs());
    let none = |number: f64| number.abs() <= size * STRAIGHT;
    ((none(b) && none(c)) || (none(a) && none(d))).then(|| place.transform_rect_bbox(area))
}

/// The cell of a point; what lies outside counts for the cell at the edge.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped; NaN is 0"
)]
fn cell(x: f64, y: f64, page: Rect) -> (usize, usize) {
    let along = |place: f64| (place * GRID as f64).clamp(0.0, (GRID - 1) as f64) as usize;
    (along((x - page.x0) / page.width()), along((y - page.y0) / page.height()))
}

/// Glyph units of an em.
const EM: f64 = 1_000.0;
/// The share of a letter's box from which on it cannot be read.
const COVERED: f64 = 0.9;
/// How far a letter may reach beyond what covers it, in points.
const SLACK: f64 = 0.3;
/// A box that is smaller covers no letter, in points.
const LEAST_SIDE: f64 = 1.0;
/// The height of a box that covers letters, in ems: lines through words and below them are a tenth.
const LEAST_HEIGHT: f64 = 0.4;
/// Its width: what lies over a single l or I is no wider than that, and rules between columns are a tenth.
const LEAST_WIDTH: f64 = 0.2;
/// The width of a line that may be a box, in points.
const LEAST_BAR: f32 = 4.0;
/// Colours that leave nothing to see when they are multiplied with white.
const DARK: u8 = 48;
/// The share of a page from which on pictures are a scan of it.
const SCAN_SHARE: f64 = 0.25;
/// The share of a matrix that is no slant.
const STRAIGHT: f64 = 1e-4;
/// Cells along a side.
const GRID: usize = 32;
/// Rectangles of one path; one with more is a pattern.
const MAX_RECTANGLES: usize = 10_000;
/// Cells of all boxes together; boxes beyond cover nothing.
const MAX_ENTRIES: usize = 2_000_000;
/// Boxes that are looked at for all letters of a page; letters beyond stay.
const MAX_LOOKS: usize = 50_000_000;

#[cfg(test)]
mod tests {
    use form::pages::{FillRule, Path, Segment};
    use kurbo::{Rect, Size};

    use super::super::geometry::rectangle;
    use super::{Boxes, rectangles};

    const PAGE: Rect = Rect::new(0.0, 0.0, 600.0, 800.0);

    #[test]
    fn only_what_is_drawn_later_covers() {
        let mut boxes = Boxes::new(PAGE);
        let letter = Rect::new(100.0, 100.0, 106.0, 108.0);
        let before = boxes.now();
        boxes.add(Rect::new(90.0, 90.0, 200.0, 120.0));
        let after = boxes.now();
        assert!(boxes.cover(before, letter, Size::ZERO) && !boxes.cover(after, letter, Size::ZERO));
        // What is less than the size of letters covers none.
        assert!(
            !boxes.cover(before, letter, Size::new(1.0, 31.0)) && !boxes.cover(before, letter, Size::new(111.0, 1.0))
        );
        // Half of a letter can be read.
        assert!(!boxes.cover(before, Rect::new(197.0, 100.0, 203.0, 108.0), Size::ZERO));
    }

    #[test]
    fn what_a_picture_shows_is_covered_by_boxes_after_it() {
        let mut boxes = Boxes::new(PAGE);
        let letter = Rect::new(100.0, 100.0, 106.0, 108.0);
        let text = boxes.now();
        boxes.add(PAGE);
        boxes.add_picture(Rect::new(90.0, 90.0, 200.0, 120.0));
        let shown = text.on_picture(boxes.now());
        assert!(boxes.cover(text, letter, Size::ZERO) && !boxes.cover(shown, letter, Size::ZERO));
        boxes.add(Rect::new(90.0, 90.0, 200.0, 120.0));
        assert!(boxes.cover(shown, letter, Size::ZERO));
    }

    #[test]
    fn pictures_cover_unless_they_are_a_scan() {
        let mut boxes = Boxes::new(PAGE);
        let letter = Rect::new(100.0, 100.0, 106.0, 108.0);
        let before = boxes.now();
        boxes.add_picture(Rect::new(90.0, 90.0, 200.0, 120.0));
        assert!(boxes.cover(before, letter, Size::ZERO));
        // The rest of a page in strips.
        (0..10).for_each(|at| boxes.add_picture(Rect::new(0.0, f64::from(at) * 80.0, 600.0, f64::from(at + 1) * 80.0)));
        assert!(!boxes.cover(before, letter, Size::ZERO));
    }

    #[test]
    fn rectangles_that_go_the_same_way_round_are_boxes() {
        let join = |one: Rect, other: Rect| Path {
            segments: rectangle(one).segments.into_iter().chain(rectangle(other).segments).collect(),
        };
        let (one, other) = (Rect::new(0.0, 0.0, 50.0, 50.0), Rect::new(10.0, 10.0, 20.0, 20.0));
        assert_eq!(rectangles(&join(one, other), FillRule::NonZero), [one, other]);
        assert!(rectangles(&join(one, other), FillRule::EvenOdd).is_empty());
        // A frame: the inner one goes the other way round.
        let mut frame = join(one, other);
        let inner: Vec<Segment> = frame.segments.split_off(5);
        let back = [0, 3, 2, 1].map(|at| inner[at]);
        let mut points = back.into_iter().map(|segment| match segment {
            Segment::Move(to) | Segment::Line(to) => to,
            other => panic!("{other:?}"),
        });
        frame.segments.extend(points.next().map(Segment::Move));
        frame.segments.extend(points.map(Segment::Line));
        assert!(rectangles(&frame, FillRule::NonZero).is_empty());
    }
}
