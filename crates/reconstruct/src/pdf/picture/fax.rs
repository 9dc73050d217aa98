//! CCITT Group 4 (ITU-T T.6, ISO 32000-1, 7.4.6): black and white at a fiftieth of the size.
//!
//! The tables are those of the `fax` crate. Its encoder goes pixel by pixel; this one finds the places where the colour
//! changes eight bytes at a time, as most of a scan is white.

use fax::maps::{black, white};

/// Rows of bits, 1 for white, as a Group 4 stream; nothing when that would be longer than `most` bytes.
pub(super) fn encode(rows: &[u8], width: usize, most: usize) -> Option<Vec<u8>> {
    let mut out = Bits::default();
    let mut above = Changes::default();
    let mut row = Changes::default();
    for bytes in rows.chunks_exact(width.div_ceil(8).max(1)) {
        row.find(bytes, width);
        line(&mut out, &above.0, &row.0, width);
        std::mem::swap(&mut above, &mut row);
        if out.bytes.len() > most {
            return None;
        }
    }
    // End of facsimile block.
    out.put(1, 12);
    out.put(1, 12);
    Some(out.finish())
}

/// Where a row changes colour, beginning from white; the changes to black are those with even numbers.
#[derive(Default)]
struct Changes(Vec<usize>);

impl Changes {
    fn find(&mut self, row: &[u8], width: usize) {
        self.0.clear();
        // The pixel before the first is white.
        let mut carry = 1_u64;
        let mut start: usize = 0;
        for chunk in row.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            let word = u64::from_be_bytes(word);
            let mut changed = word ^ (word >> 1 | carry << 63);
            carry = word & 1;
            while changed != 0 {
                let zeros = changed.leading_zeros();
                let at = start.saturating_add(usize::try_from(zeros).unwrap_or(0));
                if at >= width {
                    return;
                }
                self.0.push(at);
                changed &= !(1 << (63 - zeros));
            }
            start = start.saturating_add(64);
        }
    }
}

/// One line, given where it and the line above change colour (T.6, 2.2).
fn line(out: &mut Bits, above: &[usize], row: &[usize], width: usize) {
    let change = |changes: &[usize], index: usize| changes.get(index).copied().unwrap_or(width);
    // The last changing element that was coded; `begun` is false while that is before the first pixel.
    let (mut a0, mut begun, mut is_black) = (0, false, false);
    let (mut next_above, mut next): (usize, usize) = (0, 0);
    while a0 < width {
        // b1: the first change above, right of a0, to the other colour than a0's.
        while next_above < above.len() && begun && change(above, next_above) <= a0 {
            next_above = next_above.saturating_add(1);
        }
        let parity = usize::from(is_black);
        let b = if next_above % 2 == parity { next_above } else { next_above.saturating_add(1) };
        let (b1, b2) = (change(above, b), change(above, b.saturating_add(1)));
        let a1 = change(row, next);
        if b2 < a1 {
            // Pass.
            out.put(0b0001, 4);
            a0 = b2;
            begun = true;
            continue;
        }
        if let Some((code, length)) = vertical(a1, b1) {
            out.put(code, length);
            a0 = a1;
            is_black = !is_black;
            next = next.saturating_add(1);
        } else {
            let a2 = change(row, next.saturating_add(1));
            out.put(0b001, 3);
            run(out, a1.saturating_sub(a0), is_black);
            run(out, a2.saturating_sub(a1), !is_black);
            a0 = a2;
            next = next.saturating_add(2);
        }
        begun = true;
    }
}

/// The code for a change that is at most three pixels from one above.
fn vertical(a1: usize, b1: usize) -> Option<(u16, u8)> {
    match (a1.checked_sub(b1), b1.saturating_sub(a1)) {
        (Some(0), _) => Some((0b1, 1)),
        (Some(1), _) => Some((0b011, 3)),
        (Some(2), _) => Some((0b00_0011, 6)),
        (Some(3), _) => Some((0b000_0011, 7)),
        (None, 1) => Some((0b010, 3)),
        (None, 2) => Some((0b00_0010, 6)),
        (None, 3) => Some((0b000_0010, 7)),
        _ => None,
    }
}

/// A run of one colour: make-up codes, then a terminating code (T.4, tables 2 and 3).
fn run(out: &mut Bits, mut length: usize, is_black: bool) {
    let table = if is_black { &black::ENTRIES } else { &white::ENTRIES };
    let mut put = |index: usize| {
        if let Some((_, code)) = table.get(index) {
            out.put(code.data, code.len);
        }
    };
    while length >= LONGEST {
        put(63 + LONGEST / 64);
        length = length.saturating_sub(LONGEST);
    }
    if length >= 64 {
        put((length / 64).saturating_add(63));
        length %= 64;
    }
    put(length);
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, code: u16, length: u8) {
        self.pending = self.pending << length | u64::from(code);
        self.count = self.count.saturating_add(u32::from(length));
        while self.count >= 8 {
            self.count = self.count.saturating_sub(8);
            self.bytes.push(u8::try_from(self.pending >> self.count & 0xFF).unwrap_or(0));
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, u8::try_from(8_u32.saturating_sub(self.count)).unwrap_or(0));
        }
        self.bytes
    }
}

const LONGEST: usize = 2560;

#[cfg(test)]
mod tests {
    use fax::Color;
    use fax::decoder::{decode_g4, pels};
    use proptest::prelude::*;

    use super::*;

    fn decoded(data: &[u8], width: usize, height: usize) -> Vec<u8> {
        let mut rows = Vec::new();
        let narrow = u16::try_from(width).unwrap();
        decode_g4(data.iter().copied(), narrow, Some(u16::try_from(height).unwrap()), |line| {
            let mut row = vec![0_u8; width.div_ceil(8)];
            for (at, color) in pels(line, narrow).enumerate() {
                if color == Color::White {
                    row[at / 8] |= 0x80 >> (at % 8);
                }
            }
            rows.extend(row);
        });
        rows
    }

    fn cleared(mut rows: Vec<u8>, width: usize) -> Vec<u8> {
        let stride = width.div_ceil(8);
        let spare = stride * 8 - width;
        for row in rows.chunks_exact_mut(stride) {
            *row.last_mut().unwrap() &= 0xFF << spare;
        }
        rows
    }

    #[test]
    fn white_rows_are_one_bit_each() {
        assert_eq!(encode(&[0xFF; 8], 8, 100).unwrap(), [0xFF, 0x00, 0x10, 0x01]);
    }

    #[test]
    fn what_grows_too_long_is_given_up() {
        let noise: Vec<u8> = (0_u32..4096).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        assert!(encode(&noise, 256, 100).is_none());
    }

    proptest! {
        #[test]
        fn another_decoder_reads_what_was_encoded(
            width in 1_usize..300,
            height in 1_usize..12,
            seed: u64,
            thick in 1_u32..12,
        ) {
            // Runs of random length, so that every mode occurs.
            let mut state = seed | 1;
            let mut value = 0_u8;
            let mut left = 0;
            let rows: Vec<u8> = (0..width.div_ceil(8) * height).map(|_| {
                (0..8).fold(0_u8, |byte, _| {
                    if left == 0 {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        left = 1 + u32::try_from(state >> 40).unwrap() % (1 << thick);
                        value ^= 1;
                    }
                    left -= 1;
                    byte << 1 | value
                })
            }).collect();
            let rows = cleared(rows, width);
            let data = encode(&rows, width, usize::MAX).unwrap();
            prop_assert_eq!(decoded(&data, width, height), rows);
        }
    }
}
