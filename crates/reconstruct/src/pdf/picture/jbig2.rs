//! JBIG2 (ITU-T T.88) as PDF embeds it (ISO 32000-1, 7.4.7): black and white without loss, a third smaller than Group 4.
//!
//! One generic region covers the page, each pixel foretold by the sixteen around it (template 0). There are no symbols and no
//! text regions: what makes other encoders swap letters is not here.

use super::arithmetic::{Context, Encoder};

/// Rows of bits, 1 for white, as the segments of one page; nothing when that would be longer than `most` bytes.
pub(super) fn encode(rows: &[u8], width: u32, height: u32, most: usize) -> Option<Vec<u8>> {
    let data = region(rows, usize::try_from(width).ok()?, most)?;
    let mut out = Vec::with_capacity(data.len().saturating_add(HEADS));
    segment_head(&mut out, 0, PAGE_INFORMATION, PAGE_BYTES);
    numbers(&mut out, [width, height, 0, 0]);
    // In the end lossless, white where nothing is, not in stripes (7.4.8).
    out.extend([1, 0, 0]);
    segment_head(&mut out, 1, LOSSLESS_REGION, REGION_BYTES.saturating_add(u32::try_from(data.len()).ok()?));
    numbers(&mut out, [width, height, 0, 0]);
    // Laid over the page with OR; arithmetic, template 0, equal rows foretold (7.4.6).
    out.extend([0, 0b1000]);
    // The adaptive pixels where they stand in template 0, columns before rows.
    out.extend([3, -1, -3, -1, 2, -2, -2, -2].map(i8::cast_unsigned));
    out.extend(data);
    Some(out)
}

/// 7.2: the number of a segment, its kind, nothing that it refers to, the page, the length.
fn segment_head(out: &mut Vec<u8>, number: u32, kind: u8, length: u32) {
    out.extend(number.to_be_bytes());
    out.extend([kind, 0, 1]);
    out.extend(length.to_be_bytes());
}

fn numbers(out: &mut Vec<u8>, numbers: [u32; 4]) {
    numbers.into_iter().for_each(|number| out.extend(number.to_be_bytes()));
}

/// The coded rows (6.2.5).
fn region(rows: &[u8], width: usize, most: usize) -> Option<Vec<u8>> {
    let mut encoder = Encoder::default();
    let mut contexts = vec![Context::default(); 1 << 16];
    let words = width.div_ceil(64);
    // The row, the one above it and the one above that, 1 for black, with a word of white behind.
    let (mut row, mut above, mut higher) =
        (vec![0; words.saturating_add(1)], vec![0; words.saturating_add(1)], vec![0; words.saturating_add(1)]);
    let mut typical = false;
    for bytes in rows.chunks_exact(width.div_ceil(8).max(1)) {
        black(bytes, width, &mut row);
        let equal = row == above;
        encoder.encode(u8::from(equal != typical), contexts.get_mut(EQUAL_ROWS)?);
        typical = equal;
        if !equal {
            pixels(&mut encoder, &mut contexts, [&row, &above, &higher], width);
        }
        std::mem::swap(&mut higher, &mut above);
        std::mem::swap(&mut above, &mut row);
        if encoder.len() > most {
            return None;
        }
    }
    Some(encoder.finish())
}

/// A row of bits, 1 for white, as words, 1 for black; what is behind the last pixel is white.
fn black(bytes: &[u8], width: usize, row: &mut [u64]) {
    let mut left = width;
    for (word, chunk) in row.iter_mut().zip(bytes.chunks(8)) {
        let mut eight = [0xFF; 8];
        eight.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        *word = !u64::from_be_bytes(eight);
        if left < 64 {
            *word &= !(u64::MAX >> left);
        }
        left = left.saturating_sub(64);
    }
}

/// The pixels of one row. Their context is, from the highest bit: two rows above from two columns to the left to two to the
/// right, one row above three and three, and the four pixels before (figure 3).
fn pixels(encoder: &mut Encoder, contexts: &mut [Context], [row, above, higher]: [&[u64]; 3], width: usize) {
    let pairs = |words: &[u64], at: usize| {
        (words.get(at).copied().unwrap_or(0), words.get(at.saturating_add(1)).copied().unwrap_or(0))
    };
    let first = |words: &[u64]| words.first().copied().unwrap_or(0);
    // What stands to the right of the first pixel.
    let mut context = u16::try_from(first(above) >> 60 & 0b1111).unwrap_or(0) << 4
        | u16::try_from(first(higher) >> 61 & 0b111).unwrap_or(0) << 11;
    let mut left = width;
    for at in 0..width.div_ceil(64) {
        let (mut coming, _) = pairs(row, at);
        // The pixels that enter the context when it moves on: three and four columns ahead of the one that is coded.
        let (now, next) = pairs(above, at);
        let mut coming_above = now << 4 | next >> 60;
        let (now, next) = pairs(higher, at);
        let mut coming_higher = now << 3 | next >> 61;
        let mut count = u32::try_from(left.min(64)).unwrap_or(64);
        left = left.saturating_sub(64);
        while count > 0 {
            let white = (coming | coming_above | coming_higher).leading_zeros().min(count);
            if context == 0 && white > 0 {
                if let Some(nothing) = contexts.first_mut() {
                    encoder.encode_zeros(white, nothing);
                }
                coming = coming.unbounded_shl(white);
                coming_above = coming_above.unbounded_shl(white);
                coming_higher = coming_higher.unbounded_shl(white);
                count = count.wrapping_sub(white);
                continue;
            }
            let pixel = coming >> 63;
            if let Some(known) = contexts.get_mut(usize::from(context)) {
                encoder.encode(u8::from(pixel == 1), known);
            }
            let entering = pixel | coming_above >> 63 << 4 | coming_higher >> 63 << 11;
            context = context << 1 & KEPT | u16::try_from(entering).unwrap_or(0);
            coming <<= 1;
            coming_above <<= 1;
            coming_higher <<= 1;
            count = count.wrapping_sub(1);
        }
    }
}

/// Bits of the context that come from the one before.
const KEPT: u16 = 0b1111_0111_1110_1110;

/// The context of whether a row equals the one above it (figure 8).
const EQUAL_ROWS: usize = 0x9B25;

/// Kinds of segments (7.3) and how long they are before what is coded.
const PAGE_INFORMATION: u8 = 48;
const PAGE_BYTES: u32 = 19;
const LOSSLESS_REGION: u8 = 39;
const REGION_BYTES: u32 = 26;
/// All heads together.
const HEADS: usize = 67;
