//! The interpreter's numbers as the form's: finite, bounded, in single precision.

use form::pages::{MAX_COORDINATE, Matrix, Path, Point, Rect, Segment};
use kurbo::{Affine, BezPath, PathEl};

/// A matrix, unless a number of it is none or too large.
pub(super) fn matrix(affine: Affine) -> Option<Matrix> {
    let numbers = affine.as_coeffs();
    let fits = numbers.iter().all(|number| number.abs() <= f64::from(MAX_COORDINATE));
    fits.then(|| Matrix(numbers.map(single)))
}

/// A path after a transform, unless a number of it is none. What lies too far out is brought to the edge of what can be told:
/// nothing of it is seen.
pub(super) fn path(source: &BezPath, transform: Affine) -> Option<Path> {
    let mut segments = Vec::with_capacity(source.elements().len());
    let [a, b, c, d, e, f] = transform.as_coeffs();
    let bounded = |x: f64, y: f64| {
        let (x, y) = (x.mul_add(a, y.mul_add(c, e)), x.mul_add(b, y.mul_add(d, f)));
        (x.is_finite() && y.is_finite()).then(|| (clamped(x), clamped(y)))
    };
    let (mut start, mut last) = ((0.0, 0.0), (0.0, 0.0));
    let mut open = false;
    for element in source.elements() {
        if !open && !matches!(element, PathEl::MoveTo(_) | PathEl::ClosePath) {
            // The interpreter goes on from where the last subpath began.
            segments.push(Segment::Move(point(start.0, start.1)));
            last = start;
            open = true;
        }
        match *element {
            PathEl::MoveTo(to) => {
                start = bounded(to.x, to.y)?;
                last = start;
                if let Some(Segment::Move(_)) = segments.last() {
                    segments.pop();
                }
                segments.push(Segment::Move(point(start.0, start.1)));
                open = true;
            }
            PathEl::LineTo(to) => {
                last = bounded(to.x, to.y)?;
                segments.push(Segment::Line(point(last.0, last.1)));
            }
            PathEl::QuadTo(control, to) => {
                let (control, to) = (bounded(control.x, control.y)?, bounded(to.x, to.y)?);
                let towards = |from: (f64, f64)| {
                    point(from.0 + (control.0 - from.0) * 2.0 / 3.0, from.1 + (control.1 - from.1) * 2.0 / 3.0)
                };
                segments.push(Segment::Cubic(towards(last), towards(to), point(to.0, to.1)));
                last = to;
            }
            PathEl::CurveTo(first, second, to) => {
                let (first, second) = (bounded(first.x, first.y)?, bounded(second.x, second.y)?);
                last = bounded(to.x, to.y)?;
                segments.push(Segment::Cubic(
                    point(first.0, first.1),
                    point(second.0, second.1),
                    point(last.0, last.1),
                ));
            }
            PathEl::ClosePath => {
                if open {
                    segments.push(Segment::Close);
                    last = start;
                    open = false;
                }
            }
        }
    }
    if let Some(Segment::Move(_)) = segments.last() {
        segments.pop();
    }
    Some(Path { segments })
}

/// The upright rectangle around all points of a path, control points included.
pub(super) fn bounds(path: &Path) -> Option<kurbo::Rect> {
    let mut bounds: Option<kurbo::Rect> = None;
    let mut add = |point: &Point| {
        let point = kurbo::Point::new(point.x.into(), point.y.into());
        bounds = Some(bounds.map_or(kurbo::Rect::from_points(point, point), |bounds| bounds.union_pt(point)));
    };
    for segment in &path.segments {
        match segment {
            Segment::Move(to) | Segment::Line(to) => add(to),
            Segment::Cubic(first, second, to) => [first, second, to].into_iter().for_each(&mut add),
            Segment::Close => {}
        }
    }
    bounds
}

/// The rectangle that a path is, upright and nothing else.
pub(super) fn as_rectangle(path: &BezPath) -> Option<kurbo::Rect> {
    let (corners, closed) = match path.elements() {
        [PathEl::MoveTo(a), PathEl::LineTo(b), PathEl::LineTo(c), PathEl::LineTo(d), rest @ ..] => {
            ([*a, *b, *c, *d], rest)
        }
        _ => return None,
    };
    let [a, b, c, d] = corners;
    let ends = match closed {
        [] | [PathEl::ClosePath] => true,
        [PathEl::LineTo(last)] | [PathEl::LineTo(last), PathEl::ClosePath] => *last == a,
        _ => false,
    };
    let first_up = a.x == b.x && b.y == c.y && c.x == d.x && d.y == a.y;
    let first_across = a.y == b.y && b.x == c.x && c.y == d.y && d.x == a.x;
    let finite = corners.iter().all(|corner| corner.is_finite());
    (ends && finite && (first_up || first_across)).then(|| kurbo::Rect::from_points(a, c))
}

/// The path of a rectangle.
pub(super) fn rectangle(area: kurbo::Rect) -> Path {
    Path::rect(rect(area))
}

/// A rectangle of the form.
pub(super) fn rect(rect: kurbo::Rect) -> Rect {
    let rect = rect.abs();
    let [x0, y0, x1, y1] = [rect.x0, rect.y0, rect.x1, rect.y1].map(|number| single(clamped(number)));
    Rect { x0, y0, x1, y1 }
}

/// The scale of a transform that keeps angles and proportions, and so may be applied to a line together with its pen.
pub(super) fn uniform_scale(affine: Affine) -> Option<f64> {
    let [a, b, c, d, ..] = affine.as_coeffs();
    let (across, up) = (a.hypot(b), c.hypot(d));
    let right_angle = (a * c + b * d).abs() <= across * up * TOLERANCE;
    let same = (across - up).abs() <= across.max(up) * TOLERANCE;
    (right_angle && same && across > 0.0).then_some(across)
}

/// How much a transform enlarges at most, along either axis.
pub(super) fn largest_scale(affine: Affine) -> f64 {
    let [a, b, c, d, ..] = affine.as_coeffs();
    a.hypot(b).max(c.hypot(d))
}

/// Whether two rectangles share more than an edge; a line has no area and still counts.
pub(super) fn meet(one: kurbo::Rect, other: kurbo::Rect) -> bool {
    one.x0 <= other.x1 && other.x0 <= one.x1 && one.y0 <= other.y1 && other.y0 <= one.y1
}

/// Whether a matrix has only numbers and can be undone.
pub(super) fn is_usable(affine: Affine) -> bool {
    affine.as_coeffs().iter().all(|number| number.is_finite()) && affine.determinant().abs() > f64::MIN_POSITIVE
}

/// A number in single precision.
#[allow(clippy::cast_possible_truncation, reason = "precision is given up on purpose; callers bound the range")]
pub(super) fn single(number: f64) -> f32 {
    number as f32
}

/// A number of pixels, at least 1; anything that is none counts as 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped; NaN becomes 0 and then 1")]
pub(super) fn pixels(number: f64) -> u32 {
    (number.clamp(1.0, f64::from(u32::MAX)) as u32).max(1)
}

/// An opacity of 0 to 1 as a byte.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255; NaN becomes 0")]
pub(super) fn alpha(opacity: f32) -> u8 {
    (opacity.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn clamped(number: f64) -> f64 {
    number.clamp(-f64::from(MAX_COORDINATE), f64::from(MAX_COORDINATE))
}

fn point(x: f64, y: f64) -> Point {
    Point { x: single(x), y: single(y) }
}

/// Numbers that differ by less are the same: files have four to six digits.
const TOLERANCE: f64 = 1e-4;
