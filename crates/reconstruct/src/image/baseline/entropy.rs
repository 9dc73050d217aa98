//! Steps as codes (ITU-T T.81, F.1.2), with the codes that suit the picture (K.2).

/// Which table a code is of: the first of a block or the others, of brightness or of colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    First = 0,
    Others = 1,
}

/// Codes to come, and how often each occurs.
pub(super) struct Symbols {
    /// The number of the table, the symbol, and the bits that follow its code: 8, 8 and 16 bits.
    waiting: Vec<u32>,
    counts: [[u32; 256]; 4],
}

impl Default for Symbols {
    fn default() -> Symbols {
        Symbols { waiting: Vec::new(), counts: [[0; 256]; 4] }
    }
}

impl Symbols {
    /// Takes a block; `before` is the first step of the block before it in the same component.
    pub(super) fn block(&mut self, steps: &[i32; 64], mask: u64, before: &mut i32, colour: bool) {
        let [first, ..] = steps;
        let (size, bits) = amplitude(first.wrapping_sub(*before));
        *before = *first;
        let table = u8::from(colour).wrapping_mul(2);
        self.push(table, size, bits);
        let table = table.wrapping_add(1);
        let mut left = mask & !1;
        let mut last: u32 = 0;
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            let mut zeros = at.wrapping_sub(last).wrapping_sub(1);
            last = at;
            while zeros >= 16 {
                self.push(table, SIXTEEN_ZEROS, 0);
                zeros = zeros.wrapping_sub(16);
            }
            let step = usize::try_from(at).ok().and_then(|at| steps.get(at)).copied().unwrap_or(0);
            let (size, bits) = amplitude(step);
            self.push(table, u8::try_from(zeros).unwrap_or(0) << 4 | size, bits);
        }
        if last < 63 {
            self.push(table, END_OF_BLOCK, 0);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The four tables that suit what was taken, and any other symbol a baseline file can have if `all` is wanted.
    pub(super) fn tables(&mut self, all: bool) -> [Table; 4] {
        let mut number: u8 = 0;
        self.counts.map(|mut counts| {
            let class = if number.is_multiple_of(2) { Class::First } else { Class::Others };
            number = number.wrapping_add(1);
            if all {
                counts.iter_mut().enumerate().for_each(|(symbol, count)| *count += u32::from(possible(class, symbol)));
            }
            Table::new(&counts)
        })
    }

    /// Writes what was taken and forgets it.
    pub(super) fn write(&mut self, tables: &[Table; 4], out: &mut Bits) {
        for word in self.waiting.drain(..) {
            let [table, symbol, high, low] = word.to_be_bytes();
            let Some(table) = tables.get(usize::from(table & 3)) else { continue };
            let (code, length) = table.codes.get(usize::from(symbol)).copied().unwrap_or((0, 0));
            let size = u32::from(symbol & 15);
            out.put(
                u64::from(code) << size | u64::from(u16::from_be_bytes([high, low])),
                u32::from(length).wrapping_add(size),
            );
        }
    }

    #[inline]
    fn push(&mut self, table: u8, symbol: u8, bits: u16) {
        let [high, low] = bits.to_be_bytes();
        self.waiting.push(u32::from_be_bytes([table, symbol, high, low]));
        if let Some(count) =
            self.counts.get_mut(usize::from(table)).and_then(|counts| counts.get_mut(usize::from(symbol)))
        {
            *count = count.wrapping_add(1);
        }
    }
}

/// The size of a step in bits, and those bits (table F.1): negative ones are less by one.
#[inline]
fn amplitude(step: i32) -> (u8, u16) {
    let size = 32_u32.wrapping_sub(step.unsigned_abs().leading_zeros());
    let bits = step.wrapping_add(step >> 31) & (1_i32 << size).wrapping_sub(1);
    (u8::try_from(size).unwrap_or(0), u16::try_from(bits & 0xFFFF).unwrap_or(0))
}

/// Symbols of baseline: steps of up to 11 bits at the beginning of a block, of up to 10 with up to 15 zeros before them.
fn possible(class: Class, symbol: usize) -> bool {
    match class {
        Class::First => symbol <= 11,
        Class::Others => matches!(symbol % 16, 1..=10) || symbol == 0 || symbol == usize::from(SIXTEEN_ZEROS),
    }
}

/// Codes of symbols.
pub(super) struct Table {
    /// How many codes of 1 to 16 bits there are.
    pub(super) lengths: [u8; 16],
    /// The symbols, those of short codes first.
    pub(super) symbols: Vec<u8>,
    codes: [(u16, u8); 256],
}

impl Table {
    /// K.2: symbols that are seldom get long codes, none longer than 16 bits, and none of ones only.
    fn new(counts: &[u32; 256]) -> Table {
        let mut symbols: Vec<(u32, u8)> =
            (0_u8..=255).zip(counts).filter(|(_, count)| **count > 0).map(|(symbol, count)| (*count, symbol)).collect();
        // The most frequent first; equal ones by number, so that equal pictures make equal files.
        symbols.sort_by_key(|(count, symbol)| (std::cmp::Reverse(*count), *symbol));
        let lengths = lengths(symbols.iter().map(|(count, _)| u64::from(*count)));
        let mut codes = [(0, 0); 256];
        let mut code: u16 = 0;
        let mut ordered = symbols.iter();
        for (length, count) in (1_u8..).zip(lengths) {
            for (_, symbol) in ordered.by_ref().take(usize::from(count)) {
                if let Some(known) = codes.get_mut(usize::from(*symbol)) {
                    *known = (code, length);
                }
                code = code.wrapping_add(1);
            }
            code <<= 1;
        }
        Table { lengths, symbols: symbols.into_iter().map(|(_, symbol)| symbol).collect(), codes }
    }
}

/// How many codes of each length there are for symbols that occur so often (figures K.1 and K.3).
fn lengths(counts: impl Iterator<Item = u64>) -> [u8; 16] {
    // One that occurs once at most takes the code of ones only.
    let mut trees: Vec<(u64, Vec<usize>)> = counts
        .map(|count| count.saturating_mul(2))
        .chain([1])
        .enumerate()
        .map(|(at, count)| (count, vec![at]))
        .collect();
    let mut depths = vec![0_usize; trees.len()];
    while trees.len() > 1 {
        // The two least are at the end.
        trees.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.len().cmp(&b.1.len())));
        let (Some(one), Some(other)) = (trees.pop(), trees.pop()) else { break };
        let joined: Vec<usize> = one.1.into_iter().chain(other.1).collect();
        for at in &joined {
            if let Some(depth) = depths.get_mut(*at) {
                *depth = depth.saturating_add(1);
            }
        }
        trees.push((one.0.saturating_add(other.0), joined));
    }
    let mut numbers = vec![0_usize; depths.iter().copied().max().unwrap_or(0).max(16).saturating_add(1)];
    for depth in &depths {
        if let Some(number) = numbers.get_mut(*depth) {
            *number = number.saturating_add(1);
        }
    }
    shortened(&mut numbers);
    // The code of ones only is one of the longest.
    if let Some(longest) = numbers.iter_mut().rev().find(|number| **number > 0) {
        *longest = longest.saturating_sub(1);
    }
    let mut lengths = [0; 16];
    for (length, number) in lengths.iter_mut().zip(numbers.iter().skip(1)) {
        *length = u8::try_from(*number).unwrap_or(u8::MAX);
    }
    lengths
}

/// Two codes that are too long become one shorter one, for which a shorter one makes room (figure K.3).
fn shortened(numbers: &mut [usize]) {
    let mut longest = numbers.len().saturating_sub(1);
    while longest > 16 {
        if numbers.get(longest).copied().unwrap_or(0) == 0 {
            longest = longest.saturating_sub(1);
            continue;
        }
        let room =
            (1..longest.saturating_sub(1)).rev().find(|at| numbers.get(*at).copied().unwrap_or(0) > 0).unwrap_or(0);
        let mut change = |at: usize, by: isize| {
            if let Some(number) = numbers.get_mut(at) {
                *number = number.saturating_add_signed(by);
            }
        };
        change(longest, -2);
        change(longest.saturating_sub(1), 1);
        change(room.saturating_add(1), 2);
        change(room, -1);
    }
}

/// Bits as the bytes of a scan, a zero after each byte of ones.
#[derive(Default)]
pub(super) struct Bits {
    pub(super) bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    /// At most 32 bits.
    #[inline]
    fn put(&mut self, bits: u64, length: u32) {
        self.pending = self.pending << length | bits;
        self.count = self.count.wrapping_add(length);
        if self.count >= 32 {
            self.count = self.count.wrapping_sub(32);
            let word = u32::try_from(self.pending >> self.count & 0xFFFF_FFFF).unwrap_or(0);
            // Whether any byte has ones only: it would be zero when turned over.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.bytes.extend(word.to_be_bytes());
            } else {
                word.to_be_bytes().into_iter().for_each(|byte| self.byte(byte));
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
        if byte == 0xFF {
            self.bytes.push(0);
        }
    }

    /// Fills the last byte with ones.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let spare = 8_u32.wrapping_sub(self.count % 8) % 8;
        let mut left = self.count.wrapping_add(spare);
        let bits = self.pending << spare | (1_u64 << spare).wrapping_sub(1);
        while left > 0 {
            left = left.wrapping_sub(8);
            self.byte(u8::try_from(bits >> left & 0xFF).unwrap_or(0));
        }
        self.bytes
    }
}

const END_OF_BLOCK: u8 = 0x00;
const SIXTEEN_ZEROS: u8 = 0xF0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_the_bits_of_the_standard() {
        // Table F.1 and F.1.2.1.1.
        assert_eq!(amplitude(0), (0, 0));
        assert_eq!(amplitude(1), (1, 1));
        assert_eq!(amplitude(-1), (1, 0));
        assert_eq!(amplitude(5), (3, 0b101));
        assert_eq!(amplitude(-5), (3, 0b010));
        assert_eq!(amplitude(-2047), (11, 0));
    }

    #[test]
    fn no_code_is_longer_than_sixteen_bits_or_of_ones_only() {
        // Counts that grow like this make the longest codes there are.
        let mut counts = [0_u32; 256];
        let (mut a, mut b) = (1_u32, 1_u32);
        for count in counts.iter_mut().take(40) {
            *count = a;
            (a, b) = (b, a + b);
        }
        let table = Table::new(&counts);
        assert_eq!(table.symbols.len(), 40);
        assert_eq!(table.lengths.iter().map(|number| usize::from(*number)).sum::<usize>(), 40);
        // Kraft's sum, with room for the code of ones only.
        let sum: u32 = (0..).zip(table.lengths).map(|(at, number)| u32::from(number) << (15 - at)).sum();
        assert!(sum < 1 << 16, "{sum}");
        assert!(table.codes.iter().all(|(code, length)| *length == 0 || u32::from(*code) + 1 < 1 << length));
        // The most frequent has the shortest.
        assert_eq!(table.codes[39].1, 1);
    }

    #[test]
    fn one_symbol_alone_has_a_code_of_one_bit() {
        let mut counts = [0; 256];
        counts[7] = 3;
        let table = Table::new(&counts);
        assert_eq!((table.lengths[0], table.codes[7]), (1, (0, 1)));
    }

    #[test]
    fn a_zero_follows_ones_and_the_last_byte_is_filled_with_ones() {
        let mut bits = Bits::default();
        bits.put(0xFFFF_0000, 32);
        bits.put(0b0, 1);
        assert_eq!(bits.finish(), [0xFF, 0, 0xFF, 0, 0, 0, 0x7F]);
    }
}
