//! What a shape is filled with, and how it meets what is there.

use std::rc::Rc;

use kurbo::{Affine, Point};

use super::bytes::{channel, cost, floor, index, place, share, signed};
use super::{Budget, Fault};

/// A picture in memory, straight alpha, rows from the top.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<[u8; 4]>,
}

/// A colour for every pixel of the canvas.
#[derive(Clone, Debug)]
pub(super) enum Paint {
    Solid([u8; 4]),
    Hatch(Hatch),
    Picture(Sampler),
    Gradient(Gradient),
    Triangle(Triangle),
}

/// Lines at equal distances ([MS-WMF] 2.1.1.12).
#[derive(Clone, Copy, Debug)]
pub(super) struct Hatch {
    /// 0 horizontal, 1 vertical, 2 falling, 3 rising, 4 crossed, 5 crossed and turned.
    pub(super) style: u16,
    pub(super) color: [u8; 4],
    pub(super) back: [u8; 4],
    /// Pixels from a line to the next.
    pub(super) period: f64,
}

/// A picture that is laid on the canvas.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    picture: Rc<Picture>,
    /// From the canvas to the picture.
    back: Affine,
    repeats: bool,
    smooth: bool,
}

/// Colours along a line.
#[derive(Clone, Debug)]
pub(super) struct Gradient {
    /// From the canvas to where 0 is the beginning of the line and 1 its end.
    pub(super) back: Affine,
    /// Colours by place, which rises.
    pub(super) stops: Vec<(f64, [u8; 4])>,
    /// Begins again behind the end; where it mirrors every second time is backwards.
    pub(super) repeats: bool,
    pub(super) mirrors: bool,
}

/// Colours between three corners.
#[derive(Clone, Copy, Debug)]
pub(super) struct Triangle {
    /// From the canvas to the shares of the second and third corner.
    pub(super) back: Affine,
    pub(super) colors: [[u8; 4]; 3],
}

/// Paints and the operation that joins them with what is there.
#[derive(Debug)]
pub(super) struct Ink<'a> {
    /// The brush or pen.
    pub(super) pattern: &'a Paint,
    /// The picture of a block transfer.
    pub(super) source: Option<&'a Paint>,
    /// The third byte of a ternary raster operation ([MS-WMF] 2.1.1.31): a result for each combination of three bits.
    pub(super) rop: u8,
}

impl Picture {
    fn get(&self, x: i32, y: i32) -> [u8; 4] {
        let (x, y) = (place(x), place(y));
        if x >= self.width { [0; 4] } else { self.row(y).get(x).copied().unwrap_or([0; 4]) }
    }

    fn row(&self, y: usize) -> &[[u8; 4]] {
        let start = y.saturating_mul(self.width);
        self.pixels.get(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// Each pixel the mean of `across` times `down`.
    fn reduced(&self, across: usize, down: usize) -> Picture {
        let (across, down) = (across.max(1), down.max(1));
        let (width, height) = (self.width.div_ceil(across), self.height.div_ceil(down));
        let mut pixels = Vec::with_capacity(width.saturating_mul(height));
        for top in (0..self.height).step_by(down) {
            for left in (0..self.width).step_by(across) {
                let mut sums = [0_u64; 4];
                let mut count = 0_u64;
                for y in top..top.saturating_add(down).min(self.height) {
                    let row = self.row(y);
                    for [r, g, b, a] in row.iter().skip(left).take(across) {
                        count = count.saturating_add(1);
                        for (sum, value) in sums.iter_mut().zip([*r, *g, *b]) {
                            *sum = sum.saturating_add(u64::from(value).saturating_mul((*a).into()));
                        }
                        if let Some(sum) = sums.last_mut() {
                            *sum = sum.saturating_add((*a).into());
                        }
                    }
                }
                let [r, g, b, a] = sums;
                let mean = |sum: u64, count: u64| u8::try_from(sum.checked_div(count).unwrap_or(0)).unwrap_or(255);
                pixels.push([mean(r, a), mean(g, a), mean(b, a), mean(a, count)]);
            }
        }
        Picture { width, height, pixels }
    }
}

impl Sampler {
    /// Lays a picture on the canvas: `place` leads from its pixels to those of the canvas. Where it becomes smaller its pixels
    /// are averaged, unless every bit matters because of a raster operation.
    pub(super) fn new(
        picture: &Rc<Picture>,
        place: Affine,
        exact: bool,
        smooth: bool,
        budget: &mut Budget,
    ) -> Result<Option<Sampler>, Fault> {
        let [a, b, c, d, ..] = place.as_coeffs();
        let back = place.inverse();
        if !back.as_coeffs().iter().all(|value| value.is_finite()) || picture.width == 0 || picture.height == 0 {
            return Ok(None);
        }
        let steps = |scale: f64, most: usize| {
            let steps = if scale > 0.0 { (1.0 / scale).min(4_096.0) } else { 1.0 };
            super::bytes::place(floor(steps)).clamp(1, most)
        };
        let (across, down) = (steps(a.hypot(b), picture.width), steps(c.hypot(d), picture.height));
        if exact || (across == 1 && down == 1) {
            return Ok(Some(Sampler { picture: Rc::clone(picture), back, repeats: false, smooth: smooth && !exact }));
        }
        budget.spend(cost(picture.pixels.len()))?;
        let reduced = Rc::new(picture.reduced(across, down));
        let shrink = Affine::scale_non_uniform(1.0 / f64::from(signed(across)), 1.0 / f64::from(signed(down)));
        Ok(Some(Sampler { picture: reduced, back: shrink * back, repeats: false, smooth: true }))
    }

    /// A picture that repeats in both directions.
    pub(super) fn tiled(picture: &Rc<Picture>, place: Affine) -> Option<Sampler> {
        let back = place.inverse();
        let usable = back.as_coeffs().iter().all(|value| value.is_finite()) && picture.width > 0 && picture.height > 0;
        usable.then(|| Sampler { picture: Rc::clone(picture), back, repeats: true, smooth: false })
    }

    fn at(&self, x: i32, y: i32) -> [u8; 4] {
        let point = self.back * centre(x, y);
        let (width, height) = (signed(self.picture.width), signed(self.picture.height));
        if self.repeats {
            let (x, y) = (floor(point.x).rem_euclid(width.max(1)), floor(point.y).rem_euclid(height.max(1)));
            return self.picture.get(x, y);
        }
        let inside = |value: i32, end: i32| value.clamp(0, end.saturating_sub(1));
        if !self.smooth {
            return self.picture.get(inside(floor(point.x), width), inside(floor(point.y), height));
        }
        self.smoothed(point.x - 0.5, self.lines(point.y - 0.5))
    }

    /// A row of the canvas. Where the picture is neither turned nor repeated, it lies on one row of it or between two.
    fn row(&self, x: i32, y: i32) -> Row<'_> {
        let [a, b, c, _, e, _] = self.back.as_coeffs();
        if self.repeats || b != 0.0 || c != 0.0 {
            return Row::Turned(self, y);
        }
        let down = (self.back * centre(x, y)).y;
        if self.smooth {
            return Row::Smooth(SampledRow { sampler: self, lines: self.lines(down - 0.5), scale: a, shift: e });
        }
        let last = signed(self.picture.height).saturating_sub(1);
        Row::Plain(PlainRow { line: self.picture.row(place(floor(down).clamp(0, last))), scale: a, shift: e })
    }

    /// The rows above and below a place, and the share of the lower one.
    fn lines(&self, y: f64) -> Lines<'_> {
        let (top, last) = (floor(y), signed(self.picture.height).saturating_sub(1));
        let line = |y: i32| self.picture.row(place(y.clamp(0, last)));
        Lines { upper: line(top), lower: line(top.saturating_add(1)), share: y - f64::from(top) }
    }

    fn smoothed(&self, x: f64, lines: Lines<'_>) -> [u8; 4] {
        let (left, last) = (floor(x), signed(self.picture.width).saturating_sub(1));
        let columns = [left, left.saturating_add(1)].map(|x| place(x.clamp(0, last)));
        let pair = |line: &[[u8; 4]]| columns.map(|x| line.get(x).copied().unwrap_or([0; 4]));
        let ([a, b], [c, d]) = (pair(lines.upper), pair(lines.lower));
        // Charts and screenshots are mostly of one colour.
        if a == b && a == c && a == d {
            return if a[3] == 0 { [0; 4] } else { a };
        }
        let share = x - f64::from(left);
        between(between(a, b, share), between(c, d, share), lines.share)
    }
}

/// Two rows of a picture.
#[derive(Clone, Copy)]
struct Lines<'p> {
    upper: &'p [[u8; 4]],
    lower: &'p [[u8; 4]],
    share: f64,
}

/// A row of the canvas on which a picture lies upright.
struct SampledRow<'p> {
    sampler: &'p Sampler,
    lines: Lines<'p>,
    scale: f64,
    shift: f64,
}

impl SampledRow<'_> {
    fn at(&self, x: i32) -> [u8; 4] {
        self.sampler.smoothed(self.scale * (f64::from(x) + 0.5) + self.shift - 0.5, self.lines)
    }
}

/// A row of the canvas on which a picture lies upright, dot by dot.
struct PlainRow<'p> {
    line: &'p [[u8; 4]],
    scale: f64,
    shift: f64,
}

impl PlainRow<'_> {
    fn at(&self, x: i32) -> [u8; 4] {
        let across = floor(self.scale * (f64::from(x) + 0.5) + self.shift);
        let at = place(across).min(self.line.len().saturating_sub(1));
        self.line.get(at).copied().unwrap_or([0; 4])
    }
}

impl Gradient {
    fn at(&self, x: i32, y: i32) -> [u8; 4] {
        let along = (self.back * centre(x, y)).x;
        let along = if self.mirrors {
            let twice = along.rem_euclid(2.0);
            if twice > 1.0 { 2.0 - twice } else { twice }
        } else if self.repeats {
            along.rem_euclid(1.0)
        } else {
            along.clamp(0.0, 1.0)
        };
        let mut last: Option<(f64, [u8; 4])> = None;
        for (place, color) in &self.stops {
            if *place >= along {
                return match last {
                    Some((from, first)) if *place > from => between(first, *color, (along - from) / (*place - from)),
                    _ => *color,
                };
            }
            last = Some((*place, *color));
        }
        last.map_or([0; 4], |(_, color)| color)
    }
}

impl Hatch {
    fn at(&self, x: i32, y: i32) -> [u8; 4] {
        let period = self.period.max(2.0);
        let thick = (period / 8.0).max(1.0);
        let (x, y) = (f64::from(x), f64::from(y));
        let on = |value: f64, thick: f64| value.rem_euclid(period) < thick;
        // A slanted line is as wide across as an upright one.
        let slanted = thick * std::f64::consts::SQRT_2;
        let inked = match self.style {
            0 => on(y, thick),
            1 => on(x, thick),
            2 => on(x - y, slanted),
            3 => on(x + y, slanted),
            4 => on(x, thick) || on(y, thick),
            _ => on(x - y, slanted) || on(x + y, slanted),
        };
        if inked { self.color } else { self.back }
    }
}

impl Triangle {
    fn at(&self, x: i32, y: i32) -> [u8; 4] {
        let point = self.back * centre(x, y);
        let (second, third) = (point.x.clamp(0.0, 1.0), point.y.clamp(0.0, 1.0));
        let [a, b, c] = self.colors;
        let both = (second + third).min(1.0);
        let far = if both > 0.0 { between(b, c, third / (second + third)) } else { a };
        between(a, far, both)
    }
}

impl Paint {
    pub(super) fn opaque([r, g, b]: [u8; 3]) -> Paint {
        Paint::Solid([r, g, b, 255])
    }

    /// Its colours along a row of the canvas.
    fn row(&self, x: i32, y: i32) -> Row<'_> {
        match self {
            Paint::Solid(color) => Row::Solid(*color),
            Paint::Picture(sampler) => sampler.row(x, y),
            Paint::Hatch(_) | Paint::Gradient(_) | Paint::Triangle(_) => Row::Other(self, y),
        }
    }

    fn at(&self, x: i32, y: i32) -> [u8; 4] {
        match self {
            Paint::Solid(color) => *color,
            Paint::Hatch(hatch) => hatch.at(x, y),
            Paint::Picture(sampler) => sampler.at(x, y),
            Paint::Gradient(gradient) => gradient.at(x, y),
            Paint::Triangle(triangle) => triangle.at(x, y),
        }
    }
}

/// A row of a paint, with all worked out that is the same for each of its pixels.
enum Row<'p> {
    Solid([u8; 4]),
    /// A picture that lies upright and is smoothed.
    Smooth(SampledRow<'p>),
    /// One that lies upright and is not.
    Plain(PlainRow<'p>),
    Turned(&'p Sampler, i32),
    Other(&'p Paint, i32),
}

impl Row<'_> {
    fn at(&self, x: i32) -> [u8; 4] {
        match self {
            Row::Solid(color) => *color,
            Row::Smooth(row) => row.at(x),
            Row::Plain(row) => row.at(x),
            Row::Turned(sampler, y) => sampler.at(x, *y),
            Row::Other(paint, y) => paint.at(x, *y),
        }
    }

    /// Lays it on pixels with their shares.
    fn lay<'p>(&self, pixels: impl Iterator<Item = (i32, &'p mut [u8; 4], u8)>) {
        let mix = |pixel: &mut [u8; 4], color, covered| *pixel = mix(*pixel, color, covered);
        match self {
            Row::Smooth(row) => pixels.for_each(|(x, pixel, covered)| mix(pixel, row.at(x), covered)),
            Row::Plain(row) => pixels.for_each(|(x, pixel, covered)| mix(pixel, row.at(x), covered)),
            Row::Solid(_) | Row::Turned(..) | Row::Other(..) => {
                pixels.for_each(|(x, pixel, covered)| mix(pixel, self.at(x), covered));
            }
        }
    }
}

impl<'a> Ink<'a> {
    /// A paint that replaces what is there.
    pub(super) fn copy(pattern: &'a Paint) -> Ink<'a> {
        Ink { pattern, source: None, rop: PATTERN_COPY }
    }

    /// The colour, where there is but one.
    pub(super) fn plain(&self) -> Option<[u8; 4]> {
        match (self.rop, self.pattern) {
            (PATTERN_COPY, Paint::Solid(color)) => Some(*color),
            (BLACKNESS, _) => Some([0, 0, 0, 255]),
            (WHITENESS, _) => Some([255; 4]),
            _ => None,
        }
    }

    /// What a pixel costs.
    pub(super) fn effort(&self) -> u64 {
        match (self.plain(), self.pattern, self.source) {
            (Some(_), ..) => 1,
            (None, _, None) => 8,
            (None, _, Some(_)) => 12,
        }
    }

    /// Nothing that it is drawn on changes.
    pub(super) fn changes_nothing(&self) -> bool {
        self.rop == NOTHING || (self.rop == SOURCE_COPY && self.source.is_none())
    }

    /// Draws on pixels of a row.
    pub(super) fn put(&self, pixels: &mut [[u8; 4]], x: i32, y: i32, shares: &[u8]) {
        let pixels = (x..).zip(pixels.iter_mut().zip(shares)).filter(|(_, (_, covered))| **covered > 0);
        let pixels = pixels.map(|(x, (pixel, covered))| (x, pixel, *covered));
        match (self.rop, self.source) {
            (PATTERN_COPY, _) => self.pattern.row(x, y).lay(pixels),
            (SOURCE_COPY, Some(source)) => source.row(x, y).lay(pixels),
            (SOURCE_COPY, None) | (NOTHING, _) => {}
            (rop, source) => {
                let source = source.map(|source| source.row(x, y));
                let pattern = uses_pattern(rop).then(|| self.pattern.row(x, y));
                for (x, pixel, covered) in pixels {
                    let source = source.as_ref().map_or([255; 4], |source| source.at(x));
                    let pattern = pattern.as_ref().map_or([255; 4], |pattern| pattern.at(x));
                    join(rop, pixel, source, pattern, covered);
                }
            }
        }
    }
}

/// Joins a pixel with those of a picture and a brush. Both may have holes, where nothing is drawn.
fn join(rop: u8, pixel: &mut [u8; 4], source: [u8; 4], pattern: [u8; 4], covered: u8) {
    if source[3] == 0 || pattern[3] == 0 {
        return;
    }
    // Where a picture with holes has one, its first half is white and its second black.
    if matches!((rop, source), (SOURCE_AND, [255, 255, 255, _]) | (SOURCE_OR, [0, 0, 0, _])) {
        return;
    }
    let paper = mix([255; 4], *pixel, 255);
    let bits = |[r, g, b, _]: [u8; 4]| u32::from_le_bytes([r, g, b, 0]);
    let result = combine(rop, bits(pattern), bits(source), bits(paper)) & 0x00FF_FFFF;
    // What stays as it looks stays as transparent as it is.
    if result != bits(paper) {
        let [r, g, b, _] = result.to_le_bytes();
        *pixel = mix(*pixel, [r, g, b, 255], covered);
    }
}

/// The ternary operation of a binary one ([MS-WMF] 2.1.1.2), which knows no source.
pub(super) fn of_binary(rop: u32) -> u8 {
    // The result for pen and canvas bits 00, 01, 10, 11, in this order from the lowest bit.
    let table = match u8::try_from(rop.saturating_sub(1)) {
        Ok(table) if table < 16 => table,
        _ => 12,
    };
    let low = table & 3;
    let high = table >> 2;
    low | (low << 2) | (high << 4) | (high << 6)
}

fn uses_pattern(rop: u8) -> bool {
    rop >> 4 != rop & 15
}

/// Joins bits as the operation's table says.
fn combine(rop: u8, pattern: u32, source: u32, canvas: u32) -> u32 {
    match rop {
        // Pictures with holes are drawn by these two, one after the other, and whole pages of them are.
        SOURCE_AND => return source & canvas,
        SOURCE_OR => return source | canvas,
        _ => {}
    }
    let either = |value: u32, is_set: bool| if is_set { value } else { !value };
    (0..8_u8).filter(|case| rop >> case & 1 == 1).fold(0, |result, case| {
        result | either(pattern, case & 4 != 0) & either(source, case & 2 != 0) & either(canvas, case & 1 != 0)
    })
}

/// The colour of a pixel on which a colour lies with a share of 255.
#[inline]
pub(super) fn mix(below: [u8; 4], color: [u8; 4], covered: u8) -> [u8; 4] {
    let [r, g, b, a] = color;
    let alpha = share(a, covered);
    let [dr, dg, db, da] = below;
    if alpha == 0 {
        return below;
    }
    if alpha == u8::MAX {
        return color;
    }
    if da == 0 {
        return [r, g, b, alpha];
    }
    if da == u8::MAX {
        // The two shares make 255, by which dividing is a multiplication. Most of what is drawn on is paper.
        let left = u8::MAX.saturating_sub(alpha);
        let blend = |new: u8, old: u8| {
            let both =
                u32::from(new).saturating_mul(alpha.into()).saturating_add(u32::from(old).saturating_mul(left.into()));
            u8::try_from(both.saturating_add(127).checked_div(255).unwrap_or(0)).unwrap_or(u8::MAX)
        };
        return [blend(r, dr), blend(g, dg), blend(b, db), u8::MAX];
    }
    let left = share(da, 255_u8.saturating_sub(alpha));
    let sum = u32::from(alpha).saturating_add(left.into());
    let blend = |new: u8, old: u8| {
        let both =
            u32::from(new).saturating_mul(alpha.into()).saturating_add(u32::from(old).saturating_mul(left.into()));
        let mean = both.saturating_add(sum >> 1).checked_div(sum).unwrap_or(0);
        u8::try_from(mean).unwrap_or(u8::MAX)
    };
    [blend(r, dr), blend(g, dg), blend(b, db), alpha.saturating_add(left)]
}

/// Lays an opaque colour on pixels that are opaque, as [`mix`] does, without asking of each what it is.
pub(super) fn cover(pixels: &mut [[u8; 4]], color: [u8; 4], shares: &[u8]) {
    for (pixel, covered) in pixels.iter_mut().zip(shares) {
        let (new, old) = (u16::from(*covered), u16::from(u8::MAX.saturating_sub(*covered)));
        for (value, color) in pixel.iter_mut().zip(color) {
            // At most 255 * 255 + 127, which 16 bits hold and for which the high byte below is a division by 255.
            let both = u16::from(color).wrapping_mul(new).wrapping_add(u16::from(*value).wrapping_mul(old));
            let both = both.wrapping_add(127);
            let [_, mean] = both.wrapping_add(1).wrapping_add(both >> 8).to_le_bytes();
            *value = mean;
        }
    }
}

/// A colour on the way from one to the other.
pub(super) fn between(from: [u8; 4], to: [u8; 4], part: f64) -> [u8; 4] {
    // An upright or level edge of a picture changes in one direction only.
    if from == to {
        return if from[3] == 0 { [0; 4] } else { from };
    }
    let [r, g, b, a] = from;
    let [r2, g2, b2, a2] = to;
    let blend = |from: u8, to: u8| channel(f64::from(from) + (f64::from(to) - f64::from(from)) * part);
    // A transparent end has no colour of its own.
    match (a, a2) {
        (0, 0) => [0; 4],
        (0, _) => [r2, g2, b2, blend(a, a2)],
        (_, 0) => [r, g, b, blend(a, a2)],
        (255, 255) => [blend(r, r2), blend(g, g2), blend(b, b2), 255],
        _ => [blend(r, r2), blend(g, g2), blend(b, b2), blend(a, a2)],
    }
}

fn centre(x: i32, y: i32) -> Point {
    Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5)
}

/// The byte of an operation's code that tells what it does.
pub(super) fn rop_of(code: u32) -> u8 {
    u8::try_from(code >> 16 & 0xFF).unwrap_or(SOURCE_COPY)
}

/// Whether an operation needs a picture.
pub(super) fn uses_source(rop: u8) -> bool {
    (rop >> 2 & 0x33) != (rop & 0x33)
}

pub(super) const PATTERN_COPY: u8 = 0xF0;
pub(super) const SOURCE_COPY: u8 = 0xCC;
const BLACKNESS: u8 = 0x00;
const WHITENESS: u8 = 0xFF;
const NOTHING: u8 = 0xAA;
const SOURCE_AND: u8 = 0x88;
const SOURCE_OR: u8 = 0xEE;

/// The most pixels of a picture.
pub(super) const MAX_PICTURE: usize = 1 << 25;

/// Checks a picture's size before memory is taken for it, and pays for it.
pub(super) fn admit(width: u32, height: u32, budget: &mut Budget) -> Result<(), Fault> {
    let size = index(width).saturating_mul(index(height));
    if size > MAX_PICTURE {
        return Err(Fault::limit(super::Bound::PicturePixels, cost(MAX_PICTURE), cost(size)));
    }
    budget.spend(cost(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_lie_on_opaque_pixels_as_they_do_on_any() {
        let shares: Vec<u8> = (0..=255).collect();
        for new in [0, 1, 100, 127, 128, 254, 255] {
            for old in 0..=255 {
                let color = [new, 255_u8.saturating_sub(new), old, 255];
                let below = [old, new, 255_u8.saturating_sub(old), 255];
                let expected: Vec<[u8; 4]> = shares.iter().map(|covered| mix(below, color, *covered)).collect();
                let mut pixels = vec![below; 256];
                cover(&mut pixels, color, &shares);
                assert_eq!(pixels, expected, "{color:?} on {below:?}");
            }
        }
    }

    #[test]
    fn between_two_colours_that_are_the_same_is_no_other() {
        for part in [0.0, 0.25, 0.999] {
            assert_eq!(between([9, 8, 7, 6], [9, 8, 7, 6], part), [9, 8, 7, 6]);
            assert_eq!(between([9, 8, 7, 0], [9, 8, 7, 0], part), [0; 4]);
        }
    }
}
