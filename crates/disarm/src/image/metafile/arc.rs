//! Ellipses, parts of them, and polygons.

use kurbo::{Arc, BezPath, Ellipse, Point, Rect, Shape, Vec2};

use super::player::Player;

/// What a part of an ellipse is closed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing.
    Arc,
    /// Its chord.
    Chord,
    /// Lines to the centre.
    Pie,
}

pub(super) fn ellipse(rect: Rect) -> BezPath {
    Ellipse::from_rect(rect.abs()).to_path(PRECISION * rect.abs().size().max_side())
}

/// A rectangle with corners that are quarters of an ellipse of `size`.
pub(super) fn round_rect(rect: Rect, size: Vec2) -> BezPath {
    let rect = rect.abs();
    let (rx, ry) = ((size.x.abs() / 2.0).min(rect.width() / 2.0), (size.y.abs() / 2.0).min(rect.height() / 2.0));
    if rx <= 0.0 || ry <= 0.0 {
        return rect.to_path(0.1);
    }
    // The length of the handles of a quarter of a circle of 1.
    let k = 0.552_284_75;
    let (hx, hy) = (rx * (1.0 - k), ry * (1.0 - k));
    let Rect { x0, y0, x1, y1 } = rect;
    let mut path = BezPath::new();
    path.move_to((x0 + rx, y0));
    path.line_to((x1 - rx, y0));
    path.curve_to((x1 - hx, y0), (x1, y0 + hy), (x1, y0 + ry));
    path.line_to((x1, y1 - ry));
    path.curve_to((x1, y1 - hy), (x1 - hx, y1), (x1 - rx, y1));
    path.line_to((x0 + rx, y1));
    path.curve_to((x0 + hx, y1), (x0, y1 - hy), (x0, y1 - ry));
    path.line_to((x0, y0 + ry));
    path.curve_to((x0, y0 + hy), (x0 + hx, y0), (x0 + rx, y0));
    path.close_path();
    path
}

/// Lines through points, closed or not.
pub(super) fn lines(points: &[Point], closed: bool) -> BezPath {
    let mut path = BezPath::with_capacity(points.len().saturating_add(2));
    for (at, point) in points.iter().enumerate() {
        if at == 0 { path.move_to(*point) } else { path.line_to(*point) }
    }
    if closed && !points.is_empty() {
        path.close_path();
    }
    path
}

/// Curves from `start` through groups of three points.
pub(super) fn curves(start: Point, points: &[Point]) -> BezPath {
    let mut path = BezPath::with_capacity(points.len().saturating_add(1));
    path.move_to(start);
    for group in points.chunks_exact(3) {
        if let [a, b, c] = *group {
            path.curve_to(a, b, c);
        }
    }
    path
}

/// An arc of `sweep` radians, and where it ends.
pub(super) fn swept(rect: Rect, start: f64, sweep: f64, part: Part) -> BezPath {
    let rect = rect.abs();
    let radii = Vec2::new(rect.width() / 2.0, rect.height() / 2.0);
    let arc = Arc { center: rect.center(), radii, start_angle: start, sweep_angle: sweep, x_rotation: 0.0 };
    let mut path = arc.to_path(PRECISION * rect.size().max_side());
    match part {
        Part::Arc => {}
        Part::Chord => path.close_path(),
        Part::Pie => {
            path.line_to(rect.center());
            path.close_path();
        }
    }
    path
}

impl Player<'_> {
    /// Part of an ellipse between the rays through two points ([MS-EMF] 2.3.5.3).
    pub(super) fn arc(&self, rect: Rect, from: Point, to: Point, part: Part) -> BezPath {
        let rect = rect.abs();
        let centre = rect.center();
        let (rx, ry) = ((rect.width() / 2.0).max(1.0e-6), (rect.height() / 2.0).max(1.0e-6));
        let angle = |point: Point| ((point.y - centre.y) / ry).atan2((point.x - centre.x) / rx);
        let start = angle(from);
        let scale = self.state.mapping.scale();
        // "With the clock" is meant as it is seen.
        let mirrored = (scale.x < 0.0) != (scale.y < 0.0);
        let full = std::f64::consts::TAU;
        let sweep = (angle(to) - start).rem_euclid(full);
        let sweep = if self.state.clockwise != mirrored { sweep } else { sweep - full };
        let sweep = if sweep == 0.0 { full } else { sweep };
        swept(rect, start, sweep, part)
    }
}

/// The last point of a path.
pub(super) fn end(path: &BezPath) -> Option<Point> {
    use kurbo::PathEl::{ClosePath, CurveTo, LineTo, MoveTo, QuadTo};
    match path.elements().last()? {
        MoveTo(p) | LineTo(p) | QuadTo(_, p) | CurveTo(_, _, p) => Some(*p),
        ClosePath => None,
    }
}

/// How exact curves are, of their size.
const PRECISION: f64 = 1.0e-4;
