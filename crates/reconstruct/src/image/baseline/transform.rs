//! From samples to quantised frequencies (ITU-T T.81, A.3), eight lanes at a time.

use std::f32::consts::FRAC_1_SQRT_2;
use std::ops::{Add, Mul, Sub};

use super::Rounding;

/// Eight samples beside one another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lanes(pub(super) [f32; 8]);

pub(super) type Block = [Lanes; 8];

/// What frequencies of a component are divided by, and what is still worth a step.
pub(super) struct Quantiser {
    /// One step in units of what [`frequencies`] gives, inverted.
    scale: Block,
    /// How much nearer to 0 a frequency is taken before it is rounded.
    bias: Block,
    /// The table as a file has it, in zigzag order.
    pub(super) table: [u8; 64],
}

impl Quantiser {
    /// The table of T.81, Annex K, for a quality of 1 to 100, as the libjpeg of the Independent JPEG Group scales it.
    pub(super) fn new(base: &[u8; 64], quality: u8, rounding: Rounding) -> Quantiser {
        let quality = u32::from(quality.clamp(1, 100));
        let percent = if quality < 50 { 5000 / quality } else { 200_u32.saturating_sub(quality.saturating_mul(2)) };
        let step = |base: u8| u32::from(base).saturating_mul(percent).saturating_add(50) / 100;
        let natural = base.map(|base| u8::try_from(step(base).clamp(1, 255)).unwrap_or(255));
        let less = match rounding {
            Rounding::Thrifty if quality < FAITHFUL => LESS,
            Rounding::Thrifty | Rounding::Nearest => 0.0,
        };
        let mut quantiser = Quantiser { scale: [Lanes([0.0; 8]); 8], bias: [Lanes([0.0; 8]); 8], table: [0; 64] };
        for (to, from) in quantiser.table.iter_mut().zip(ZIGZAG) {
            let (across, down) = (usize::from(from) % 8, usize::from(from) / 8);
            let step = natural.get(usize::from(from)).copied().unwrap_or(1);
            *to = step;
            let factors = (SCALES.get(across).copied().unwrap_or(1.0), SCALES.get(down).copied().unwrap_or(1.0));
            let scale = 1.0 / (f32::from(step) * factors.0 * factors.1 * 8.0);
            // Transposed, as the transform leaves them.
            if let Some(lane) = quantiser.scale.get_mut(across).and_then(|lanes| lanes.0.get_mut(down)) {
                *lane = scale;
            }
            if let Some(lane) = quantiser.bias.get_mut(across).and_then(|lanes| lanes.0.get_mut(down)) {
                *lane = if across == 0 && down == 0 { 0.0 } else { less };
            }
        }
        quantiser
    }

    /// Whole steps in zigzag order, and which of them are not 0, the lowest bit for the first.
    pub(super) fn quantised(&self, block: &Block) -> ([i32; 64], u64) {
        let mut whole = [[0_i32; 8]; 8];
        for (((lanes, scale), bias), out) in block.iter().zip(&self.scale).zip(&self.bias).zip(&mut whole) {
            for (((value, scale), bias), out) in lanes.0.iter().zip(scale.0).zip(bias.0).zip(out) {
                let steps = *value * scale;
                // Added to a number whose last bit is a one, the fraction is rounded away, and the bits are the sum.
                let rounded = (steps - bias.copysign(steps) + ROUNDING).to_bits();
                *out = rounded.wrapping_sub(ROUNDING.to_bits()).cast_signed();
            }
        }
        let flat = whole.as_flattened();
        let (mut ordered, mut mask) = ([0; 64], 0_u64);
        for (at, (to, from)) in ordered.iter_mut().zip(TRANSPOSED).enumerate() {
            *to = flat.get(usize::from(from)).copied().unwrap_or(0);
            mask |= u64::from(*to != 0) << at;
        }
        (ordered, mask)
    }
}

/// The cosine transform of a block of samples around 0, transposed, each frequency too large by what [`SCALES`] says: the
/// method of Arai, Agui and Nakajima, which leaves most multiplications to the quantiser.
pub(super) fn frequencies(block: &Block) -> Block {
    lines(transposed(lines(*block)))
}

fn lines(samples: Block) -> Block {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = samples;
    let (sum0, sum1, sum2, sum3) = (s0 + s7, s1 + s6, s2 + s5, s3 + s4);
    let (difference0, difference1, difference2, difference3) = (s0 - s7, s1 - s6, s2 - s5, s3 - s4);
    let (outer, inner) = (sum0 + sum3, sum1 + sum2);
    let (outer_difference, inner_difference) = (sum0 - sum3, sum1 - sum2);
    let turned = (inner_difference + outer_difference) * FRAC_1_SQRT_2;
    let (first, middle, last) = (difference3 + difference2, difference2 + difference1, difference1 + difference0);
    let common = (first - last) * 0.382_683_43;
    let low = first * 0.541_196_1 + common;
    let high = last * 1.306_563 + common;
    let middle = middle * FRAC_1_SQRT_2;
    let (plus, minus) = (difference0 + middle, difference0 - middle);
    [
        outer + inner,
        plus + high,
        outer_difference + turned,
        minus - low,
        outer - inner,
        minus + low,
        outer_difference - turned,
        plus - high,
    ]
}

#[allow(clippy::indexing_slicing, reason = "eight lanes of eight")]
fn transposed(block: Block) -> Block {
    let mut out = block;
    for (at, lanes) in out.iter_mut().enumerate() {
        for (lane, from) in lanes.0.iter_mut().zip(&block) {
            *lane = from.0[at];
        }
    }
    out
}

impl Add for Lanes {
    type Output = Lanes;

    #[inline]
    fn add(mut self, other: Lanes) -> Lanes {
        self.0.iter_mut().zip(other.0).for_each(|(lane, other)| *lane += other);
        self
    }
}

impl Sub for Lanes {
    type Output = Lanes;

    #[inline]
    fn sub(mut self, other: Lanes) -> Lanes {
        self.0.iter_mut().zip(other.0).for_each(|(lane, other)| *lane -= other);
        self
    }
}

impl Mul<f32> for Lanes {
    type Output = Lanes;

    #[inline]
    fn mul(mut self, factor: f32) -> Lanes {
        self.0.iter_mut().for_each(|lane| *lane *= factor);
        self
    }
}

/// 1.5 times 2^23: there the last bit of a number is a one, for negative sums as well.
const ROUNDING: f32 = 12_582_912.0;

/// How much less a frequency counts when it is rounded thriftily: most are 0 or nearly so, and of those that are not, most
/// are nearer to 0 than to the middle of their step. Measured on scans of 200 dots an inch that had been written at quality 85:
/// at 75, files are a third smaller than without, and alike to 0.997 instead of 0.998 (SSIM) where there is something to see.
const LESS: f32 = 0.2;
/// From this quality on nothing is spared.
const FAITHFUL: u32 = 90;

/// The factor of each row and column of the transform: 1, then the square root of 2 times the cosine of n 16ths of a half turn.
const SCALES: [f32; 8] = [1.0, 1.387_039_8, 1.306_563, 1.175_875_6, 1.0, 0.785_694_96, 0.541_196_1, 0.275_899_38];

/// Figure A.6: the place of each coefficient of a file in its block, row by row.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// The same of a block whose rows are columns.
const TRANSPOSED: [u8; 64] = {
    let mut turned = [0; 64];
    let mut at = 0;
    #[allow(clippy::indexing_slicing, reason = "at compile time a wrong place does not compile")]
    while at < 64 {
        turned[at] = ZIGZAG[at] % 8 * 8 + ZIGZAG[at] / 8;
        at += 1;
    }
    turned
};

/// Table K.1.
pub(super) const LUMINANCE: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// Table K.2.
pub(super) const CHROMINANCE: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// T.81, A.3.3, as it stands there.
    fn by_the_book(samples: &[[f64; 8]; 8], across: usize, down: usize) -> f64 {
        use std::f64::consts::{FRAC_1_SQRT_2, PI};
        let factor = |at: usize| if at == 0 { FRAC_1_SQRT_2 } else { 1.0 };
        let wave = |at: usize, of: usize| ((2 * at + 1) as f64 * of as f64 * PI / 16.0).cos();
        let sum: f64 = (0..64).map(|at| samples[at / 8][at % 8] * wave(at % 8, across) * wave(at / 8, down)).sum();
        sum * factor(across) * factor(down) / 4.0
    }

    #[test]
    fn frequencies_are_those_of_the_standard() {
        let sample = |row: usize, column: usize| (row * 37 + column * column * 11 + row * column * 5) % 256;
        let whole: [[i16; 8]; 8] =
            std::array::from_fn(|row| std::array::from_fn(|column| i16::try_from(sample(row, column)).unwrap() - 128));
        let samples = whole.map(|row| row.map(f64::from));
        let block = whole.map(|row| Lanes(row.map(f32::from)));
        let quantiser = Quantiser::new(&[1; 64], 50, Rounding::Nearest);
        assert_eq!(quantiser.table, [1; 64]);
        let (steps, mask) = quantiser.quantised(&frequencies(&block));
        for (at, place) in ZIGZAG.iter().enumerate() {
            let exact = by_the_book(&samples, usize::from(place % 8), usize::from(place / 8));
            assert!((f64::from(steps[at]) - exact).abs() < 0.501, "{at}: {} {exact}", steps[at]);
            assert_eq!(mask >> at & 1 == 1, steps[at] != 0);
        }
    }

    #[test]
    fn tables_scale_as_those_of_others() {
        // The first steps of libjpeg's tables at 50, 75, 10 and 100.
        let table = |quality| Quantiser::new(&LUMINANCE, quality, Rounding::Nearest).table;
        assert_eq!(table(50)[..6], [16, 11, 12, 14, 12, 10]);
        assert_eq!(table(75)[..6], [8, 6, 6, 7, 6, 5]);
        assert_eq!(table(10)[..6], [80, 55, 60, 70, 60, 50]);
        assert_eq!(table(100), [1; 64]);
    }
}
