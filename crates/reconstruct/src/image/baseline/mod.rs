//! Baseline JPEG (ITU-T T.81): one scan with all components and with codes made for the picture.
//!
//! The crates that there are either write each component as a scan of its own when codes are made for the picture, which some
//! readers misread, or take twice as long.

mod entropy;
mod transform;

use entropy::{Bits, Symbols, Table};
use transform::{Block, CHROMINANCE, LUMINANCE, Lanes, Quantiser, frequencies};

/// What the samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Samples {
    /// One byte a pixel.
    Gray,
    /// Three bytes a pixel; colour at full density, or at half of it both ways.
    Rgb {
        /// Colour is kept for each pixel, not for each four.
        full: bool,
    },
}

/// Where a frequency goes that falls between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearer one.
    Nearest,
    /// To the one nearer to 0 unless the other is much nearer, below a quality of 90: noise of scanners is what costs most in a
    /// scan and shows least.
    Thrifty,
}

/// How a picture is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) samples: Samples,
    /// 1 to 100, as libjpeg counts.
    pub(crate) quality: u8,
    pub(crate) rounding: Rounding,
    /// Pixels per inch across and down, where known.
    pub(crate) density: Option<(u16, u16)>,
}

/// A picture as a file: JFIF, with no data but tables and one scan. Rows that are missing are black.
pub(crate) fn encode(pixels: &[u8], width: u16, height: u16, settings: &Settings) -> Vec<u8> {
    let mut encoder = Encoder::new(settings);
    let mut out = head(width, height, settings, &encoder.quantisers);
    let side = usize::from(width).max(1);
    let (channels, lines) = match settings.samples {
        Samples::Gray => (1, 8),
        Samples::Rgb { full: true } => (3, 8),
        Samples::Rgb { full: false } => (3, 16),
    };
    let mut planes = Planes::new(side, settings.samples);
    let stride = side.saturating_mul(channels);
    let mut tables: Option<[Table; 4]> = None;
    let mut bits = Bits::default();
    for strip in pixels.chunks(stride.saturating_mul(lines).max(1)) {
        planes.fill(strip, stride, settings.samples);
        encoder.strip(&planes, settings.samples);
        // Codes suit all of a picture of usual size; of a huge one, its beginning.
        if encoder.symbols.len() >= MOST_WAITING {
            let known = tables.get_or_insert_with(|| encoder.symbols.tables(true));
            encoder.symbols.write(known, &mut bits);
        }
    }
    let known = tables.get_or_insert_with(|| encoder.symbols.tables(false));
    encoder.symbols.write(known, &mut bits);
    scan_head(&mut out, settings.samples, known);
    out.extend(bits.finish());
    out.extend([0xFF, 0xD9]);
    out
}

struct Encoder {
    quantisers: [Quantiser; 2],
    symbols: Symbols,
    /// The first step of the last block of each component.
    before: [i32; 3],
}

impl Encoder {
    fn new(settings: &Settings) -> Encoder {
        let quantiser = |base| Quantiser::new(base, settings.quality, settings.rounding);
        Encoder {
            quantisers: [quantiser(&LUMINANCE), quantiser(&CHROMINANCE)],
            symbols: Symbols::default(),
            before: [0; 3],
        }
    }

    /// The blocks of a strip in the order of T.81, A.2.3: those of brightness, then one of each colour.
    fn strip(&mut self, planes: &Planes, samples: Samples) {
        let (wide, units): (&[(usize, usize)], usize) = match samples {
            Samples::Gray | Samples::Rgb { full: true } => (&[(0, 0)], 8),
            Samples::Rgb { full: false } => (&[(0, 0), (8, 0), (0, 8), (8, 8)], 16),
        };
        for at in (0..planes.wide).step_by(units) {
            for (right, down) in wide {
                self.block(&planes.block(0, at.saturating_add(*right), *down), 0);
            }
            if samples != Samples::Gray {
                let at = at / units * 8;
                self.block(&planes.block(1, at, 0), 1);
                self.block(&planes.block(2, at, 0), 2);
            }
        }
    }

    fn block(&mut self, block: &Block, component: usize) {
        let colour = component > 0;
        let [bright, other] = &self.quantisers;
        let quantiser = if colour { other } else { bright };
        let (steps, mask) = quantiser.quantised(&frequencies(block));
        if let Some(before) = self.before.get_mut(component) {
            self.symbols.block(&steps, mask, before, colour);
        }
    }
}

/// A row of blocks as brightness and two colours, around 0.
struct Planes {
    /// Samples of brightness in a line, whole blocks.
    wide: usize,
    /// Samples of colour in a line.
    narrow: usize,
    planes: [Vec<f32>; 3],
}

impl Planes {
    fn new(width: usize, samples: Samples) -> Planes {
        let (unit, halved) = match samples {
            Samples::Gray | Samples::Rgb { full: true } => (8, 1),
            Samples::Rgb { full: false } => (16, 2),
        };
        let wide = width.div_ceil(unit).saturating_mul(unit);
        let narrow = if samples == Samples::Gray { 0 } else { wide / halved };
        let plane = |side: usize, lines: usize| vec![0.0; side.saturating_mul(lines)];
        Planes { wide, narrow, planes: [plane(wide, unit), plane(narrow, 8), plane(narrow, 8)] }
    }

    /// Takes the lines of a strip; what is behind the last pixel or line is as that is.
    fn fill(&mut self, strip: &[u8], stride: usize, samples: Samples) {
        let lines = strip.chunks(stride);
        let [bright, blue, red] = &mut self.planes;
        let (wide, narrow) = (self.wide.max(1), self.narrow.max(1));
        match samples {
            Samples::Gray => {
                let count = lines.len();
                for (to, line) in bright.chunks_exact_mut(wide).zip(lines) {
                    for (to, sample) in to.iter_mut().zip(line) {
                        *to = f32::from(*sample) - 128.0;
                    }
                    repeat_last(to, line.len());
                }
                repeat_line(bright, wide, count);
            }
            Samples::Rgb { full } => {
                let (count, width) = (lines.len(), stride / 3);
                for (to, line) in bright.chunks_exact_mut(wide).zip(lines) {
                    for (to, pixel) in to.iter_mut().zip(line.as_chunks::<3>().0) {
                        *to = brightness(*pixel);
                    }
                    repeat_last(to, width);
                }
                repeat_line(bright, wide, count);
                let each = if full { 1 } else { 2 };
                let mut pairs = strip.chunks(stride.saturating_mul(each));
                let count = pairs.len();
                for (blue, red) in blue.chunks_exact_mut(narrow).zip(red.chunks_exact_mut(narrow)) {
                    let Some(pair) = pairs.next() else { break };
                    if full {
                        colours(pair.as_chunks::<3>().0, blue, red);
                    } else {
                        let (upper, lower) = pair.split_at_checked(stride).unwrap_or((pair, pair));
                        let lower = if lower.is_empty() { upper } else { lower };
                        mean_colours(upper, lower, blue, red);
                    }
                    repeat_last(blue, width.div_ceil(each));
                    repeat_last(red, width.div_ceil(each));
                }
                repeat_line(blue, narrow, count);
                repeat_line(red, narrow, count);
            }
        }
    }

    fn block(&self, plane: usize, across: usize, down: usize) -> Block {
        let side = if plane == 0 { self.wide } else { self.narrow };
        let mut block = [Lanes([0.0; 8]); 8];
        let Some(plane) = self.planes.get(plane) else { return block };
        let start = down.saturating_mul(side).saturating_add(across);
        for (lanes, line) in block.iter_mut().zip(plane.get(start..).unwrap_or_default().chunks(side.max(1))) {
            if let Some(samples) = line.first_chunk() {
                lanes.0 = *samples;
            }
        }
        block
    }
}

/// The weights of JFIF, in 65,536ths; 128 less.
#[inline]
fn brightness([r, g, b]: [u8; 3]) -> f32 {
    let sum = i32::from(r).wrapping_mul(19_595).wrapping_add(i32::from(g).wrapping_mul(38_470));
    let sum = sum.wrapping_add(i32::from(b).wrapping_mul(7_471)).wrapping_sub(128 << 16);
    whole(sum) * (1.0 / 65_536.0)
}

/// Blue and red less brightness, of sums of pixels.
#[inline]
fn colour(r: i32, g: i32, b: i32, share: f32) -> (f32, f32) {
    let blue = b.wrapping_mul(32_768).wrapping_sub(r.wrapping_mul(11_059)).wrapping_sub(g.wrapping_mul(21_709));
    let red = r.wrapping_mul(32_768).wrapping_sub(g.wrapping_mul(27_439)).wrapping_sub(b.wrapping_mul(5_329));
    (whole(blue) * share, whole(red) * share)
}

fn colours(pixels: &[[u8; 3]], blue: &mut [f32], red: &mut [f32]) {
    for ((pixel, blue), red) in pixels.iter().zip(blue).zip(red) {
        let [r, g, b] = pixel.map(i32::from);
        (*blue, *red) = colour(r, g, b, 1.0 / 65_536.0);
    }
}

/// Of four pixels each; at the end of an odd line the last counts twice.
fn mean_colours(upper: &[u8], lower: &[u8], blue: &mut [f32], red: &mut [f32]) {
    let pairs = upper.chunks(6).zip(lower.chunks(6));
    for (((upper, lower), blue), red) in pairs.zip(blue).zip(red) {
        let six = |line: &[u8]| match line {
            [a, b, c, d, e, f] => [*a, *b, *c, *d, *e, *f],
            [a, b, c, ..] => [*a, *b, *c, *a, *b, *c],
            _ => [0; 6],
        };
        let [a, b, c, d, e, f] = six(upper).map(i32::from);
        let [g, h, i, j, k, l] = six(lower).map(i32::from);
        let sum = |a: i32, b: i32, c: i32, d: i32| a.wrapping_add(b).wrapping_add(c).wrapping_add(d);
        (*blue, *red) = colour(sum(a, d, g, j), sum(b, e, h, k), sum(c, f, i, l), 0.25 / 65_536.0);
    }
}

/// Far below 2^31; what is beyond 24 bits rounds.
#[inline]
#[allow(clippy::cast_precision_loss, reason = "fractions of a sample round")]
fn whole(sum: i32) -> f32 {
    sum as f32
}

fn repeat_last(line: &mut [f32], known: usize) {
    if let Some((before, after)) = line.split_at_mut_checked(known)
        && let Some(last) = before.last()
    {
        after.fill(*last);
    }
}

/// Copies the last of the known lines into those after it.
fn repeat_line(plane: &mut [f32], side: usize, known: usize) {
    let known = known.saturating_mul(side);
    if let Some((before, after)) = plane.split_at_mut_checked(known)
        && let Some(last) = before.len().checked_sub(side).and_then(|start| before.get(start..))
    {
        after.chunks_exact_mut(side).for_each(|line| line.copy_from_slice(last));
    }
}

/// Everything before the codes: JFIF, tables of steps, the frame (B.2.2, B.2.4.1).
fn head(width: u16, height: u16, settings: &Settings, quantisers: &[Quantiser; 2]) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8];
    let (units, (across, down)) = match settings.density {
        Some(density) => (1, density),
        None => (0, (1, 1)),
    };
    let mut jfif = b"JFIF\0\x01\x02".to_vec();
    jfif.push(units);
    jfif.extend(across.to_be_bytes());
    jfif.extend(down.to_be_bytes());
    jfif.extend([0, 0]);
    segment(&mut out, 0xE0, &jfif);
    let components = components(settings.samples);
    let tables = if components.len() > 1 { 2 } else { 1 };
    for (number, quantiser) in (0..).zip(quantisers.iter().take(tables)) {
        segment(&mut out, 0xDB, &[&[number], quantiser.table.as_slice()].concat());
    }
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(u8::try_from(components.len()).unwrap_or(3));
    for (number, density, table) in components {
        frame.extend([*number, *density, *table]);
    }
    segment(&mut out, 0xC0, &frame);
    out
}

/// Tables of codes and the head of the scan (B.2.4.2, B.2.3).
fn scan_head(out: &mut Vec<u8>, samples: Samples, tables: &[Table; 4]) {
    let components = components(samples);
    let used = if components.len() > 1 { 4 } else { 2 };
    for (place, table) in [0x00, 0x10, 0x01, 0x11].into_iter().zip(tables.iter().take(used)) {
        segment(out, 0xC4, &[&[place], table.lengths.as_slice(), &table.symbols].concat());
    }
    let mut scan = vec![u8::try_from(components.len()).unwrap_or(3)];
    for (number, _, table) in components {
        scan.extend([*number, table << 4 | table]);
    }
    scan.extend([0, 63, 0]);
    segment(out, 0xDA, &scan);
}

/// The number of each component, its density, and its tables.
fn components(samples: Samples) -> &'static [(u8, u8, u8)] {
    match samples {
        Samples::Gray => &[(1, 0x11, 0)],
        Samples::Rgb { full: true } => &[(1, 0x11, 0), (2, 0x11, 1), (3, 0x11, 1)],
        Samples::Rgb { full: false } => &[(1, 0x22, 0), (2, 0x11, 1), (3, 0x11, 1)],
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, data: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend(u16::try_from(data.len().saturating_add(2)).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(data);
}

/// Symbols that wait for their codes: 32 MiB.
const MOST_WAITING: usize = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, RgbImage};

    use super::*;

    fn settings(samples: Samples, quality: u8) -> Settings {
        Settings { samples, quality, rounding: Rounding::Nearest, density: None }
    }

    /// Slow waves, so that colour at half density loses little.
    fn picture(width: u32, height: u32) -> RgbImage {
        let wave =
            |at: u32, length: u32| u8::try_from((at % (2 * length)).abs_diff(length) * 200 / length + 28).unwrap();
        RgbImage::from_fn(width, height, |x, y| image::Rgb([wave(x, 90), wave(y, 70), wave(x + y, 110)]))
    }

    fn decoded(file: &[u8]) -> DynamicImage {
        image::load_from_memory_with_format(file, image::ImageFormat::Jpeg).unwrap()
    }

    /// The largest difference, and the mean square of all.
    fn difference(a: &[u8], b: &[u8]) -> (u8, f64) {
        assert_eq!(a.len(), b.len());
        let each = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
        let squares: u64 = each.clone().map(|difference| u64::from(difference).pow(2)).sum();
        (each.max().unwrap(), squares as f64 / a.len() as f64)
    }

    #[test]
    fn another_decoder_finds_the_picture_at_every_size() {
        for (width, height) in [(1, 1), (2, 3), (7, 8), (8, 9), (15, 16), (16, 17), (17, 33), (100, 75), (641, 123)] {
            let source = picture(width, height);
            let (wide, high) = (u16::try_from(width).unwrap(), u16::try_from(height).unwrap());
            for samples in [Samples::Rgb { full: true }, Samples::Rgb { full: false }] {
                let file = encode(source.as_raw(), wide, high, &settings(samples, 95));
                let found = decoded(&file).into_rgb8();
                assert_eq!((found.width(), found.height()), (width, height));
                let (most, mean) = difference(found.as_raw(), source.as_raw());
                assert!(most < 24 && mean < 8.0, "{width} x {height} {samples:?}: {most} {mean}");
            }
            let gray: GrayImage = DynamicImage::ImageRgb8(source).into_luma8();
            let file = encode(gray.as_raw(), wide, high, &settings(Samples::Gray, 95));
            let DynamicImage::ImageLuma8(found) = decoded(&file) else { panic!("not grey") };
            let (most, mean) = difference(found.as_raw(), gray.as_raw());
            assert!(most < 10 && mean < 2.0, "{width} x {height} grey: {most} {mean}");
        }
    }

    #[test]
    fn noise_at_the_best_quality_is_kept() {
        let mut state = 1_u32;
        let noise = GrayImage::from_fn(64, 64, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Luma([state.to_be_bytes()[0]])
        });
        let file = encode(noise.as_raw(), 64, 64, &settings(Samples::Gray, 100));
        assert!(difference(decoded(&file).into_luma8().as_raw(), noise.as_raw()).0 <= 3);
    }

    #[test]
    fn codes_of_a_beginning_serve_for_the_rest() {
        // What no part of the picture had when the codes were made comes after: all codes there can be are there.
        let mut encoder = Encoder::new(&settings(Samples::Gray, 100));
        let tables = encoder.symbols.tables(true);
        for (table, others) in tables.iter().zip([false, true, false, true]) {
            let count = if others { 16 * 10 + 2 } else { 12 };
            assert_eq!(table.symbols.len(), count);
        }
    }

    #[test]
    fn thrift_saves_noise_and_not_at_the_best_qualities() {
        let mut state = 1_u32;
        let noisy = GrayImage::from_fn(256, 256, |x, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Luma([u8::try_from(x / 2 + 60).unwrap() + state.to_be_bytes()[0] / 16])
        });
        let size = |quality, rounding| {
            let settings = Settings { rounding, ..settings(Samples::Gray, quality) };
            encode(noisy.as_raw(), 256, 256, &settings).len()
        };
        assert!(size(75, Rounding::Thrifty) * 10 < size(75, Rounding::Nearest) * 8);
        assert_eq!(size(90, Rounding::Thrifty), size(90, Rounding::Nearest));
    }

    #[test]
    fn density_is_in_the_head() {
        let settings = Settings { density: Some((300, 200)), ..settings(Samples::Gray, 80) };
        let file = encode(&[0; 64], 8, 8, &settings);
        assert_eq!(file[..20], *b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x02\x01\x01\x2C\0\xC8\0\0");
    }
}
