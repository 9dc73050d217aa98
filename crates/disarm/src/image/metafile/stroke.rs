//! Lines as outlines.

use kurbo::{BezPath, Cap, Join, PathEl, Point, Stroke, StrokeOpts};

use super::raster::flatten;
use super::state::{Line, Pen};
use super::{Budget, Fault, bytes};

/// The outline of a line along a path of pixels, `width` pixels wide. `unit` is what a logical unit of dashes is in pixels.
pub(super) fn outline(
    path: &BezPath,
    pen: &Pen,
    width: f64,
    unit: f64,
    pixel: f64,
    miter: f64,
    budget: &mut Budget,
) -> Result<BezPath, Fault> {
    let mut lines = BezPath::new();
    let mut length = 0.0;
    let mut last = Point::ZERO;
    let mut dots = Vec::new();
    flatten(path, |element| {
        if let PathEl::LineTo(to) = element {
            length += (to - last).hypot();
            last = to;
        } else if let PathEl::MoveTo(to) = element {
            last = to;
        }
        lines.push(element);
    });
    // A line that ends where it begins is a dot, for which the outline of a line has no direction.
    let elements = lines.elements();
    for pair in elements.windows(2) {
        if let [PathEl::MoveTo(a), PathEl::LineTo(b)] = pair
            && (*a - *b).hypot() < 1.0e-6
        {
            dots.push(*a);
        }
    }
    budget.spend(bytes::cost(elements.len()).saturating_mul(LINE_COST))?;
    let dashes: Vec<f64> = match &pen.line {
        Line::None => return Ok(BezPath::new()),
        Line::Solid => Vec::new(),
        Line::Dashed(widths) => widths.iter().map(|part| part * width.max(pixel * 3.0)).collect(),
        Line::Measured(units) => units.iter().map(|part| part * unit).collect(),
    };
    let period: f64 = dashes.iter().sum();
    let usable = period > 0.5 && dashes.iter().all(|part| part.is_finite() && *part >= 0.0);
    let dashes = if usable && length / period < MAX_DASHES { dashes } else { Vec::new() };
    if !dashes.is_empty() {
        let count = bytes::place(bytes::floor(length / period));
        budget.spend(bytes::cost(count).saturating_mul(bytes::cost(dashes.len())).saturating_mul(LINE_COST))?;
    }
    // Between the lines of a curve, and of what is thin, no corner is seen.
    let thin = width < 1.6;
    let style = Stroke {
        width,
        join: if thin { Join::Bevel } else { pen.join },
        miter_limit: if miter.is_finite() { miter.clamp(1.0, 100.0) } else { 10.0 },
        start_cap: if thin { Cap::Butt } else { pen.cap },
        end_cap: if thin { Cap::Butt } else { pen.cap },
        dash_pattern: dashes.into_iter().collect(),
        dash_offset: 0.0,
    };
    let mut outline = kurbo::stroke(lines, &style, &StrokeOpts::default(), 0.1);
    for dot in dots {
        let half = width.max(1.0) / 2.0;
        outline.extend(kurbo::Shape::path_elements(
            &kurbo::Rect::new(dot.x - half, dot.y - half, dot.x + half, dot.y + half),
            0.1,
        ));
    }
    Ok(outline)
}

/// The most dashes of a line; one with more is drawn without gaps.
const MAX_DASHES: f64 = 20_000.0;
/// What a piece of a line costs.
const LINE_COST: u64 = 40;
