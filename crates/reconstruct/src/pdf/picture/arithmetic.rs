//! The arithmetic coder of JBIG2 (ITU-T T.88, Annex E): decisions to bytes, each learning from those in its context before it.

/// What is known of one context: the place in [`STATES`], and in the lowest bit what is more likely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Context(u8);

/// The coder of E.2; names in parentheses are those of its figures.
pub(super) struct Encoder {
    /// The bytes that are done; the first stands before the data and only takes no carry (B, BP).
    out: Vec<u8>,
    /// The size of the interval (A) and where it begins (C).
    interval: u32,
    code: u32,
    /// Shifts until a byte is complete (CT).
    shifts: u32,
}

impl Default for Encoder {
    /// INITENC.
    fn default() -> Encoder {
        Encoder { out: vec![0], interval: 0x8000, code: 0, shifts: 12 }
    }
}

impl Encoder {
    /// Codes one decision (ENCODE).
    #[inline]
    pub(super) fn encode(&mut self, decision: u8, context: &mut Context) {
        let state = context.state();
        let less_likely = u32::from(state.less_likely);
        self.interval = self.interval.wrapping_sub(less_likely);
        if decision == context.0 & 1 {
            // CODEMPS: as long as the interval is large, nothing needs to be learnt.
            if self.interval >= HALF {
                self.code = self.code.wrapping_add(less_likely);
                return;
            }
            if self.interval < less_likely {
                self.interval = less_likely;
            } else {
                self.code = self.code.wrapping_add(less_likely);
            }
            context.0 = state.after_likely;
        } else {
            // CODELPS.
            if self.interval < less_likely {
                self.code = self.code.wrapping_add(less_likely);
            } else {
                self.interval = less_likely;
            }
            context.0 = state.after_unlikely;
        }
        self.renormalise();
    }

    /// Codes so many zeros of one context, in few steps where zeros are likely.
    #[inline]
    pub(super) fn encode_zeros(&mut self, mut count: u32, context: &mut Context) {
        while count > 0 {
            let less_likely = u32::from(context.state().less_likely);
            let free = self.interval.wrapping_sub(HALF) / less_likely.max(1);
            if context.0 & 1 == 0 && free > 0 {
                let steps = count.min(free);
                let moved = steps.wrapping_mul(less_likely);
                self.interval = self.interval.wrapping_sub(moved);
                self.code = self.code.wrapping_add(moved);
                count = count.wrapping_sub(steps);
            } else {
                self.encode(0, context);
                count = count.wrapping_sub(1);
            }
        }
    }

    /// How many bytes are complete.
    pub(super) fn len(&self) -> usize {
        self.out.len().saturating_sub(1)
    }

    /// The bytes of all decisions, with the marker that ends them (FLUSH).
    pub(super) fn finish(mut self) -> Vec<u8> {
        // SETBITS: as many ones as the interval allows.
        let end = self.code.wrapping_add(self.interval);
        self.code |= 0xFFFF;
        if self.code >= end {
            self.code = self.code.wrapping_sub(HALF);
        }
        self.code = self.code.wrapping_shl(self.shifts);
        self.byte_out();
        self.code = self.code.wrapping_shl(self.shifts);
        self.byte_out();
        if self.out.last() != Some(&0xFF) {
            self.out.push(0xFF);
        }
        self.out.push(0xAC);
        self.out.remove(0);
        self.out
    }

    /// RENORME, all shifts up to the next byte at once.
    fn renormalise(&mut self) {
        let mut missing = self.interval.leading_zeros().wrapping_sub(HALF.leading_zeros());
        while missing > 0 {
            let shifts = missing.min(self.shifts);
            self.interval = self.interval.wrapping_shl(shifts);
            self.code = self.code.wrapping_shl(shifts);
            self.shifts = self.shifts.wrapping_sub(shifts);
            missing = missing.wrapping_sub(shifts);
            if self.shifts == 0 {
                self.byte_out();
            }
        }
    }

    /// BYTEOUT: after a byte of ones one bit is left free, so that no carry can run through it.
    fn byte_out(&mut self) {
        let carried = self.code >= CARRY;
        let before = match self.out.last_mut() {
            Some(last) if *last != 0xFF && carried => {
                *last = last.wrapping_add(1);
                self.code &= CARRY.wrapping_sub(1);
                *last
            }
            Some(last) => *last,
            None => 0,
        };
        let stuffed = before == 0xFF;
        let kept = if stuffed { 20 } else { 19 };
        self.out.push(u8::try_from(self.code >> kept & 0xFF).unwrap_or(0));
        self.code &= (1_u32 << kept).wrapping_sub(1);
        self.shifts = if stuffed { 7 } else { 8 };
    }
}

impl Context {
    #[inline]
    fn state(self) -> State {
        STATES.get(usize::from(self.0)).copied().unwrap_or(STATES[0])
    }
}

/// A row of table E.1, once for each value that can be the more likely one.
#[derive(Clone, Copy)]
struct State {
    less_likely: u16,
    after_likely: u8,
    after_unlikely: u8,
}

const HALF: u32 = 0x8000;
const CARRY: u32 = 0x0800_0000;

const STATES: [State; 94] = states();

#[allow(clippy::indexing_slicing, reason = "at compile time a wrong place does not compile")]
const fn states() -> [State; 94] {
    let mut states = [State { less_likely: 0, after_likely: 0, after_unlikely: 0 }; 94];
    let mut at: usize = 0;
    let mut number: u8 = 0;
    while number < 47 {
        let (less_likely, after_likely, after_unlikely, switch) = TABLE[at / 2];
        let mut likely = 0;
        while likely < 2 {
            let other = if switch { 1 - likely } else { likely };
            states[at] = State {
                less_likely,
                after_likely: after_likely * 2 + likely,
                after_unlikely: after_unlikely * 2 + other,
            };
            at += 1;
            likely += 1;
        }
        number += 1;
    }
    states
}

/// Table E.1: Qe, NMPS, NLPS, SWITCH.
const TABLE: [(u16, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0AC1, 31, 28, false),
    (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_the_standard_is_coded_as_the_standard_says() {
        // T.88, H.2.
        let decisions = [
            0x00, 0x02, 0x00, 0x51, 0x00, 0x00, 0x00, 0xC0, 0x03, 0x52, 0x87, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x82, 0xC0,
            0x20, 0x00, 0xFC, 0xD7, 0x9E, 0xF6, 0xBF, 0x7F, 0xED, 0x90, 0x4F, 0x46, 0xA3, 0xBF,
        ];
        let coded = [
            0x84, 0xC7, 0x3B, 0xFC, 0xE1, 0xA1, 0x43, 0x04, 0x02, 0x20, 0x00, 0x00, 0x41, 0x0D, 0xBB, 0x86, 0xF4, 0x31,
            0x7F, 0xFF, 0x88, 0xFF, 0x37, 0x47, 0x1A, 0xDB, 0x6A, 0xDF, 0xFF, 0xAC,
        ];
        let (mut encoder, mut context) = (Encoder::default(), Context::default());
        for byte in decisions {
            for bit in (0..8).rev() {
                encoder.encode(byte >> bit & 1, &mut context);
            }
        }
        assert_eq!(encoder.finish(), coded);
    }

    #[test]
    fn zeros_at_once_are_zeros_one_by_one() {
        let (mut one, mut one_context) = (Encoder::default(), Context::default());
        let (mut all, mut all_context) = (Encoder::default(), Context::default());
        for run in [1, 0, 7, 64, 3, 1000, 2, 100_000] {
            for _ in 0..run {
                one.encode(0, &mut one_context);
            }
            all.encode_zeros(run, &mut all_context);
            one.encode(1, &mut one_context);
            all.encode(1, &mut all_context);
            assert_eq!(one_context, all_context);
        }
        assert_eq!(one.finish(), all.finish());
    }
}
