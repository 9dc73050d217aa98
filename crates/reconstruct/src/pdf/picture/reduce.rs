//! Fewer pixels: each new one is the mean of the area that it covers.

use form::pages::{PictureHeader, PictureLayout};

/// The size that shows all that a page can show at `density` dots an inch, or nothing where the picture stays as it is.
/// A little more than that is left alone: it would cost sharpness and save nothing.
pub(super) fn fitting(header: &PictureHeader, extent: Option<[f64; 2]>, density: u16) -> Option<(u32, u32)> {
    let [width, height] = extent?;
    let dots = |points: f64| (points / 72.0 * f64::from(density)).max(1.0);
    let ratio = (f64::from(header.width) / dots(width)).min(f64::from(header.height) / dots(height));
    if ratio < WORTHWHILE || header.layout == PictureLayout::Bits {
        return None;
    }
    let side = |pixels: u32| {
        let fewer = super::super::syntax::whole(f64::from(pixels) / ratio);
        u32::try_from(fewer).unwrap_or(pixels).clamp(1, pixels)
    };
    Some((side(header.width), side(header.height)))
}

/// The pixels of a picture whose opacity has as many pixels, in another size, not larger than its own. A pixel counts as much
/// as it is seen: what is behind a cut-out must not darken its edge.
pub(super) fn reduced_through(
    pixels: Vec<u8>,
    opacity: &[u8],
    header: &PictureHeader,
    width: u32,
    height: u32,
) -> Vec<u8> {
    let channels = channels(header);
    let mut seen = pixels;
    for (pixel, opacity) in seen.chunks_exact_mut(channels).zip(opacity) {
        let weight = u16::from(*opacity);
        for value in pixel {
            *value = u8::try_from((u16::from(*value).saturating_mul(weight).saturating_add(127)) / 255).unwrap_or(255);
        }
    }
    let gray = PictureHeader { layout: PictureLayout::Gray8, ..*header };
    let weights = reduced(opacity, &gray, width, height);
    let mut fewer = reduced(&seen, header, width, height);
    for (pixel, weight) in fewer.chunks_exact_mut(channels).zip(weights) {
        let weight = u16::from(weight).max(1);
        for value in pixel {
            let whole = u16::from(*value).saturating_mul(255).saturating_add(weight / 2) / weight;
            *value = u8::try_from(whole).unwrap_or(255);
        }
    }
    fewer
}

/// The pixels of a picture in another size, not larger than its own.
pub(super) fn reduced(pixels: &[u8], header: &PictureHeader, width: u32, height: u32) -> Vec<u8> {
    let channels = channels(header);
    let stride = index(header.width).saturating_mul(channels);
    let mut out = Vec::with_capacity(index(width).saturating_mul(index(height)).saturating_mul(channels));
    let columns: Vec<Span> = (0..width).map(|at| Span::of(at, header.width, width)).collect();
    let mut sums = vec![0.0_f32; stride];
    for at in 0..height {
        // Down first: whole rows are added, which the compiler does many bytes at a time.
        sums.fill(0.0);
        let span = Span::of(at, header.height, height);
        for (offset, weight) in span.weights() {
            let start = span.first.saturating_add(offset).saturating_mul(stride);
            let row = pixels.get(start..start.saturating_add(stride)).unwrap_or_default();
            sums.iter_mut().zip(row).for_each(|(sum, byte)| *sum += f32::from(*byte) * weight);
        }
        for span in &columns {
            let mut mean = [0.0_f32; 3];
            for (offset, weight) in span.weights() {
                let start = span.first.saturating_add(offset).saturating_mul(channels);
                let pixel = sums.get(start..start.saturating_add(channels)).unwrap_or_default();
                mean.iter_mut().zip(pixel).for_each(|(mean, sum)| *mean += sum * weight);
            }
            let scale = 1.0 / (span.total * Span::of(at, header.height, height).total);
            out.extend(mean.iter().take(channels).map(|mean| byte(mean * scale)));
        }
    }
    out
}

fn channels(header: &PictureHeader) -> usize {
    match header.layout {
        PictureLayout::Rgb8 => 3,
        PictureLayout::Bits | PictureLayout::Gray8 => 1,
    }
}

/// The old pixels that a new one covers.
struct Span {
    first: usize,
    /// How much of the first is covered, of the last, and how many are whole between them.
    head: f32,
    tail: f32,
    whole: usize,
    total: f32,
}

impl Span {
    fn of(at: u32, old: u32, new: u32) -> Span {
        // In units of 1/new of an old pixel, so that everything is a whole number.
        let (at, old, new) = (u64::from(at), u64::from(old), u64::from(new).max(1));
        let (start, end) = (at.saturating_mul(old), at.saturating_add(1).saturating_mul(old));
        let (first, last) = (start / new, end / new);
        let head = new.saturating_sub(start % new).min(end.saturating_sub(start));
        let tail = if last > first { end % new } else { 0 };
        let part = |units: u64| ratio(units) / ratio(new);
        Span {
            first: usize::try_from(first).unwrap_or(0),
            head: part(head),
            tail: part(tail),
            whole: usize::try_from(last.saturating_sub(first).saturating_sub(1)).unwrap_or(0),
            total: part(end.saturating_sub(start)),
        }
    }

    /// The place of each pixel after the first, and how much of it counts.
    fn weights(&self) -> impl Iterator<Item = (usize, f32)> {
        let whole = (1..=self.whole).map(|at| (at, 1.0));
        let tail = (self.tail > 0.0).then_some((self.whole.saturating_add(1), self.tail));
        std::iter::once((0, self.head)).chain(whole).chain(tail)
    }
}

fn index(side: u32) -> usize {
    usize::try_from(side).unwrap_or(usize::MAX)
}

/// Sides of pictures are far below 2^24.
#[allow(clippy::cast_precision_loss, reason = "sides of pictures fit")]
fn ratio(units: u64) -> f32 {
    units as f32
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a mean of bytes is a byte, and `as` saturates"
)]
fn byte(mean: f32) -> u8 {
    (mean + 0.5) as u8
}

const WORTHWHILE: f64 = 1.2;

#[cfg(test)]
mod tests {
    use form::pages::PictureSource;

    use super::*;

    fn header(width: u32, height: u32, layout: PictureLayout) -> PictureHeader {
        PictureHeader { width, height, layout, source: PictureSource::Photo, interpolate: false, alpha: None }
    }

    #[test]
    fn a_page_shows_so_many_pixels_and_no_more() {
        let picture = header(1200, 600, PictureLayout::Rgb8);
        // One inch wide at 300: four times too many.
        assert_eq!(fitting(&picture, Some([72.0, 36.0]), 300), Some((300, 150)));
        assert_eq!(fitting(&picture, Some([72.0 * 4.0, 36.0 * 4.0]), 300), None);
        assert_eq!(fitting(&picture, Some([72.0 * 3.4, 36.0 * 3.4]), 300), None);
        assert_eq!(fitting(&picture, Some([0.0, 0.0]), 300), Some((2, 1)));
        assert_eq!(fitting(&picture, None, 300), None);
        assert_eq!(fitting(&header(1200, 600, PictureLayout::Bits), Some([72.0, 36.0]), 300), None);
    }

    #[test]
    fn new_pixels_are_means_of_the_old() {
        let picture = header(3, 2, PictureLayout::Gray8);
        assert_eq!(reduced(&[0, 30, 60, 0, 30, 60], &picture, 1, 1), [30]);
        // Each new one is one and a half old ones.
        assert_eq!(reduced(&[0, 30, 60, 0, 30, 60], &picture, 2, 2), [10, 50, 10, 50]);
        let colours = header(2, 1, PictureLayout::Rgb8);
        assert_eq!(reduced(&[10, 0, 0, 20, 100, 0], &colours, 1, 1), [15, 50, 0]);
        assert_eq!(reduced(&[1, 2, 3, 4, 5, 6], &colours, 2, 1), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_is_not_seen_does_not_colour_what_is() {
        let picture = header(2, 1, PictureLayout::Rgb8);
        // Rounding twice costs one step.
        assert_eq!(reduced_through(vec![200, 100, 0, 0, 0, 0], &[255, 0], &picture, 1, 1), [199, 100, 0]);
        assert_eq!(reduced_through(vec![100, 0, 0, 200, 0, 0], &[255, 255], &picture, 1, 1), [150, 0, 0]);
        assert_eq!(reduced_through(vec![9; 6], &[0, 0], &picture, 1, 1), [0, 0, 0]);
    }
}
