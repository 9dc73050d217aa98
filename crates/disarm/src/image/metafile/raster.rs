//! Which share of each pixel a shape covers.
//!
//! A row of pixels is cut into [`LINES`] lines; on each line the spans inside the shape are found from the edges that cross it,
//! and added up exactly across. The edges are taken in the order in which they begin, so that the effort is the number of
//! crossings and the width of what is covered, and both are paid for from the budget.

use kurbo::{BezPath, PathEl, Point};

use super::bytes::{cost, floor, place, signed};
use super::{Budget, Fault};

/// Which windings are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Odd crossings.
    EvenOdd,
    /// Any winding but none.
    Winding,
}

/// A rectangle of whole pixels; the ends are outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x0: i32,
    pub(super) y0: i32,
    pub(super) x1: i32,
    pub(super) y1: i32,
}

impl Area {
    pub(super) const EMPTY: Area = Area { x0: 0, y0: 0, x1: 0, y1: 0 };

    /// The pixels whose centres a rectangle covers, as the system draws them.
    pub(super) fn snapped(rect: kurbo::Rect) -> Area {
        let near = |value: f64| floor((value + 0.5).clamp(-FAR, FAR));
        Area { x0: near(rect.x0), y0: near(rect.y0), x1: near(rect.x1), y1: near(rect.y1) }
    }

    pub(super) fn and(self, other: Area) -> Area {
        let area = Area {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        };
        if area.x0 < area.x1 && area.y0 < area.y1 { area } else { Area::EMPTY }
    }

    pub(super) fn is_empty(self) -> bool {
        self.x0 >= self.x1 || self.y0 >= self.y1
    }

    pub(super) fn width(self) -> usize {
        place(self.x1.saturating_sub(self.x0))
    }

    pub(super) fn height(self) -> usize {
        place(self.y1.saturating_sub(self.y0))
    }

    pub(super) fn size(self) -> usize {
        self.width().saturating_mul(self.height())
    }
}

/// Part of an outline, from top to bottom.
#[derive(Clone, Copy, Debug)]
struct Edge {
    top: f64,
    bottom: f64,
    /// Where it crosses y = 0.
    x: f64,
    /// How much further right it is a pixel down.
    slope: f64,
    /// Where it crosses the line that was looked at last.
    crossing: f64,
    down: bool,
}

/// The covered share of pixels, row by row: `row` gets y, the first x and the shares of 255.
pub(super) fn cover(
    path: &BezPath,
    rule: Rule,
    bounds: Area,
    budget: &mut Budget,
    mut row: impl FnMut(&mut Budget, i32, i32, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut edges = edges(path, bounds, budget)?;
    if bounds.is_empty() || edges.is_empty() {
        return Ok(());
    }
    edges.sort_unstable_by(|a, b| a.top.total_cmp(&b.top));
    let tall =
        edges.iter().fold(f64::MIN, |most, edge| most.max(edge.bottom)) - edges.first().map_or(0.0, |edge| edge.top);
    let lines: i32 = if tall < SMALL { LINES_SMALL } else { LINES };
    let share = 255.0 / f64::from(lines);
    let first = edges.first().map_or(0, |edge| floor(edge.top.max(f64::from(bounds.y0)))).max(bounds.y0);
    let mut sums = vec![0.0_f64; bounds.width().saturating_add(2)];
    let mut shares = vec![0_u8; bounds.width()];
    let mut active: Vec<Edge> = Vec::new();
    let mut waiting = edges.iter().peekable();
    for y in first..bounds.y1 {
        if active.is_empty() && waiting.peek().is_none() {
            break;
        }
        let (mut left, mut right) = (usize::MAX, 0_usize);
        for line in 0..lines {
            let at = f64::from(y) + (f64::from(line) + 0.5) / f64::from(lines);
            while let Some(edge) = waiting.next_if(|edge| edge.top <= at) {
                active.push(*edge);
            }
            active.retain(|edge| edge.bottom > at);
            budget.spend(cost(active.len()).saturating_mul(CROSSING).saturating_add(1))?;
            active.iter_mut().for_each(|edge| edge.crossing = edge.x + edge.slope * at);
            // They stay in the order of the line before, which is nearly always that of this one.
            active.sort_by(|a, b| a.crossing.total_cmp(&b.crossing));
            let mut winding = 0_i32;
            let mut start = 0.0;
            for Edge { crossing: x, down, .. } in &active {
                let was_inside = winding != 0;
                winding = match rule {
                    Rule::EvenOdd => winding ^ 1,
                    Rule::Winding => winding.saturating_add(if *down { 1 } else { -1 }),
                };
                match (was_inside, winding != 0) {
                    (false, true) => start = *x,
                    (true, false) => {
                        let range = add_span(&mut sums, bounds, start, *x, share);
                        if let Some((from, to)) = range {
                            left = left.min(from);
                            right = right.max(to);
                        }
                    }
                    _ => {}
                }
            }
        }
        if left > right {
            continue;
        }
        let right = right.saturating_add(2).min(sums.len());
        budget.spend(cost(right.saturating_sub(left)))?;
        let (mut sum, mut last) = (0.0, 0_u8);
        let sums_here = sums.get_mut(left..right).unwrap_or_default();
        let covered = left..right.min(shares.len());
        let shares_here = shares.get_mut(covered.clone()).unwrap_or_default();
        for (values, places) in sums_here.chunks_mut(TOGETHER).zip(shares_here.chunks_mut(TOGETHER)) {
            // Between two edges nothing changes.
            if values.iter().fold(0, |bits, value| bits | value.to_bits()) == 0 {
                places.fill(last);
                continue;
            }
            for (value, place) in values.iter_mut().zip(places) {
                if *value != 0.0 {
                    sum += *value;
                    *value = 0.0;
                    last = super::bytes::channel(sum);
                }
                *place = last;
            }
        }
        // The two places behind the last pixel.
        sums.iter_mut().rev().take(2).for_each(|value| *value = 0.0);
        let shares = shares.get(covered).unwrap_or_default();
        row(budget, y, bounds.x0.saturating_add(signed(left)), shares)?;
    }
    Ok(())
}

/// Adds the share of each pixel of a line between two x, and says which places changed.
fn add_span(sums: &mut [f64], bounds: Area, from: f64, to: f64, share: f64) -> Option<(usize, usize)> {
    let (low, high) = (f64::from(bounds.x0), f64::from(bounds.x1));
    let (from, to) = (from.clamp(low, high) - low, to.clamp(low, high) - low);
    if to <= from {
        return None;
    }
    let mut step = |x: f64, share: f64| {
        let whole = floor(x);
        let part = x - f64::from(whole);
        let at = place(whole);
        if let Some(value) = sums.get_mut(at) {
            *value += share * (1.0 - part);
        }
        if let Some(value) = sums.get_mut(at.saturating_add(1)) {
            *value += share * part;
        }
        at
    };
    let first = step(from, share);
    let last = step(to, -share);
    Some((first, last))
}

/// The edges of a path that lie between top and bottom of `bounds`. Open contours are closed.
fn edges(path: &BezPath, bounds: Area, budget: &mut Budget) -> Result<Vec<Edge>, Fault> {
    let mut edges = Vec::new();
    let (top, bottom) = (f64::from(bounds.y0), f64::from(bounds.y1));
    let (mut start, mut last) = (Point::ZERO, Point::ZERO);
    let mut add = |a: Point, b: Point| {
        let (upper, lower, down) = if a.y <= b.y { (a, b, true) } else { (b, a, false) };
        let slope = (lower.x - upper.x) / (lower.y - upper.y);
        if lower.y > top && upper.y < bottom && slope.is_finite() {
            let x = upper.x - slope * upper.y;
            edges.push(Edge { top: upper.y, bottom: lower.y, x, slope, crossing: x, down });
        }
    };
    let mut count = 0_u64;
    flatten(path, |element| {
        count = count.saturating_add(1);
        match element {
            PathEl::MoveTo(to) => {
                add(last, start);
                (start, last) = (to, to);
            }
            PathEl::LineTo(to) => {
                add(last, to);
                last = to;
            }
            PathEl::ClosePath => {
                add(last, start);
                last = start;
            }
            PathEl::QuadTo(..) | PathEl::CurveTo(..) => {}
        }
    });
    add(last, start);
    budget.spend(count)?;
    Ok(edges)
}

/// A path as lines. One whose numbers no canvas can hold gives nothing.
pub(super) fn flatten(path: &BezPath, out: impl FnMut(PathEl)) {
    let is_near = |point: Point| point.x.abs() < FAR && point.y.abs() < FAR;
    let fits = path.elements().iter().all(|element| match *element {
        PathEl::MoveTo(a) | PathEl::LineTo(a) => is_near(a),
        PathEl::QuadTo(a, b) => is_near(a) && is_near(b),
        PathEl::CurveTo(a, b, c) => is_near(a) && is_near(b) && is_near(c),
        PathEl::ClosePath => true,
    });
    if fits {
        // A curve of a hundred thousand pixels is mostly outside; it need not be cut as finely as one that is seen.
        let bounds = path.control_box();
        let size = bounds.width().max(bounds.height());
        kurbo::flatten(path.iter(), TOLERANCE.max(size / 40_000.0), out);
    }
}

/// Lines in a row of pixels.
const LINES: i32 = 4;
/// The same for shapes as small as letters.
const LINES_SMALL: i32 = 8;
/// Shapes that are less tall are small.
const SMALL: f64 = 64.0;
/// Pixels of a row that are looked at together.
const TOGETHER: usize = 16;
/// What a crossing costs, in pixels.
const CROSSING: u64 = 4;
/// How far a line may be from the curve, in pixels.
const TOLERANCE: f64 = 0.1;
/// Coordinates beyond are not drawn.
pub(super) const FAR: f64 = 1.0e7;
