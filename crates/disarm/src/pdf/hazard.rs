//! What drawing a page into pixels would cost, by a program that knows no bounds.

use hayro_interpret::{Image, StrokeProps};
use kurbo::{BezPath, PathEl};

use super::decodable;
use super::device::{Recorder, Trouble};

impl Recorder<'_, '_> {
    /// Counts the dashes of a line: drawing them into pixels takes each by itself.
    pub(super) fn count_dashes(&mut self, path: &BezPath, pen: &StrokeProps) {
        let period: f64 = pen.dash_array.iter().map(|dash| f64::from(*dash)).sum();
        if pen.dash_array.is_empty() || period <= 0.0 {
            return;
        }
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let each = pen.dash_array.len() as f64;
        self.dashes += reach_of(path) / period * each;
        if self.dashes.is_nan() || self.dashes > MAX_DASHES {
            self.hazard = true;
        }
    }

    /// Counts a clip that was opened.
    pub(super) fn check_clips(&mut self) {
        self.open_clips = self.open_clips.saturating_add(1);
        // Drawing into pixels holds a mask for each of them.
        self.hazard |= self.open_clips > MAX_CLIPS;
        let depth = self.layer().clip_depth();
        if u32::try_from(depth).map_or(true, |depth| depth > self.document.limits.clip_depth) {
            self.give_up(Trouble::TooMuch);
        }
    }

    /// Whether a decoder that knows no bounds may be given the picture.
    pub(super) fn is_decodable(&self, image: &Image<'_, '_>) -> bool {
        let stream = match image {
            Image::Raster(raster) => raster.stream(),
            Image::Stencil(stencil) => stencil.stream(),
        };
        decodable::picture(stream, self.document.limits.pixels)
    }
}

/// The length of a path, control points taken as its corners.
fn reach_of(path: &BezPath) -> f64 {
    let mut last = kurbo::Point::ZERO;
    let mut length = 0.0;
    for element in path.elements() {
        match *element {
            PathEl::MoveTo(to) => last = to,
            PathEl::LineTo(to) => {
                length += last.distance(to);
                last = to;
            }
            PathEl::QuadTo(control, to) => {
                length += last.distance(control) + control.distance(to);
                last = to;
            }
            PathEl::CurveTo(first, second, to) => {
                length += last.distance(first) + first.distance(second) + second.distance(to);
                last = to;
            }
            PathEl::ClosePath => {}
        }
    }
    length
}

/// Dashes that drawing a page into pixels may take.
const MAX_DASHES: f64 = 500_000.0;
/// Clips within one another that drawing a page into pixels may take.
const MAX_CLIPS: u32 = 1_000;
