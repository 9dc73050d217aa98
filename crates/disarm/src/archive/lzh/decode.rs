//! The methods of LZH: matches in a window, their codes in Huffman trees that come with each block (-lh4- to -lh7-), or plain
//! (-lzs-, -lz5-), or in a tree that changes as it goes (-lh1-). As "LHa for UNIX" (slide.c, huf.c, larc.c) reads them.

use std::io::{self, Read};

use super::dynamic::Dynamic;

/// A method that can be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    /// Blocks with trees; the bits of the window.
    Huffman {
        window: u32,
    },
    /// One tree that changes with each code, and one for the upper bits of positions that does not.
    Dynamic,
    /// LArc with positions and lengths as bits.
    Lzs,
    /// LArc with positions and lengths as bytes.
    Lz5,
}

impl Method {
    /// The method of a name such as `-lh5-`.
    pub(super) fn of(name: &[u8]) -> Option<Method> {
        Some(match name {
            b"-lh0-" | b"-lz4-" => Method::Stored,
            b"-lh1-" => Method::Dynamic,
            b"-lh4-" => Method::Huffman { window: 12 },
            b"-lh5-" => Method::Huffman { window: 13 },
            b"-lh6-" => Method::Huffman { window: 15 },
            b"-lh7-" => Method::Huffman { window: 16 },
            // Of UNLHA32.
            b"-lhx-" => Method::Huffman { window: 20 },
            b"-lzs-" => Method::Lzs,
            b"-lz5-" => Method::Lz5,
            _ => return None,
        })
    }

    fn window(self) -> usize {
        match self {
            Method::Stored => 0,
            Method::Huffman { window } => 1 << window,
            Method::Lzs => 1 << 11,
            Method::Lz5 | Method::Dynamic => 1 << 12,
        }
    }
}

/// What a member unpacks to; it has no end of its own and is read as far as its header says.
pub(super) struct Unpacked<'a> {
    method: Method,
    bits: Bits<'a>,
    window: Vec<u8>,
    at: usize,
    /// The match that is being copied: from where and how much of it is left.
    from: usize,
    left: usize,
    left_in_block: u32,
    codes: Tree,
    positions: Tree,
    changing: Option<Dynamic>,
    /// The kinds of the next eight steps of -lz5-.
    flags: (u8, u32),
    unpacked: u64,
}

impl<'a> Unpacked<'a> {
    pub(super) fn new(method: Method, packed: &'a [u8], unpacked: u64) -> Unpacked<'a> {
        let mut window = vec![b' '; method.window()];
        if method == Method::Lz5 {
            lz5_beginning(&mut window);
        }
        let is_dynamic = method == Method::Dynamic;
        Unpacked {
            method,
            bits: Bits { bytes: packed, buffer: 0, filled: 0 },
            window,
            at: 0,
            from: 0,
            left: 0,
            left_in_block: 0,
            codes: Tree::default(),
            positions: is_dynamic.then(upper_positions).flatten().unwrap_or_default(),
            changing: is_dynamic.then(Dynamic::new),
            flags: (0, 0),
            unpacked,
        }
    }

    /// The next byte of the member.
    fn byte(&mut self) -> Option<u8> {
        if self.left == 0 {
            match self.step()? {
                Step::Literal(byte) => return self.put(byte),
                Step::Match { from, len } => (self.from, self.left) = (from, len),
            }
        }
        let byte = *self.window.get(self.from)?;
        self.from = self.wrapped(self.from.checked_add(1)?);
        self.left = self.left.checked_sub(1)?;
        self.put(byte)
    }

    fn put(&mut self, byte: u8) -> Option<u8> {
        *self.window.get_mut(self.at)? = byte;
        self.at = self.wrapped(self.at.checked_add(1)?);
        Some(byte)
    }

    /// Windows are powers of two.
    fn wrapped(&self, place: usize) -> usize {
        place & self.window.len().saturating_sub(1)
    }

    fn step(&mut self) -> Option<Step> {
        match self.method {
            Method::Stored => None,
            Method::Huffman { window } => self.huffman(window),
            Method::Dynamic => self.dynamic(),
            Method::Lzs => Some(if self.bits.take(1)? == 1 {
                Step::Literal(u8::try_from(self.bits.take(8)?).ok()?)
            } else {
                let (place, len) = (self.bits.take(11)?, self.bits.take(4)?);
                let from = self.wrapped(usize::try_from(place).ok()?.checked_add(17)?);
                Step::Match { from, len: usize::try_from(len).ok()?.checked_add(2)? }
            }),
            Method::Lz5 => self.lz5(),
        }
    }

    fn lz5(&mut self) -> Option<Step> {
        if self.flags.1 == 0 {
            self.flags = (u8::try_from(self.bits.take(8)?).ok()?, 8);
        }
        let is_literal = self.flags.0 & 1 == 1;
        self.flags = (self.flags.0 >> 1, self.flags.1.checked_sub(1)?);
        let low = self.bits.take(8)?;
        if is_literal {
            return Some(Step::Literal(u8::try_from(low).ok()?));
        }
        let high = self.bits.take(8)?;
        let place = low | (high & 0xF0) << 4;
        let from = self.wrapped(usize::try_from(place).ok()?.checked_add(18)?);
        Some(Step::Match { from, len: usize::try_from(high & 0x0F).ok()?.checked_add(3)? })
    }

    fn dynamic(&mut self) -> Option<Step> {
        let code = self.changing.as_mut()?.decode(&mut self.bits)?;
        if let Ok(byte) = u8::try_from(code) {
            return Some(Step::Literal(byte));
        }
        let upper = usize::from(self.positions.decode(&mut self.bits)?);
        let lower = usize::try_from(self.bits.take(6)?).ok()?;
        let back = upper.checked_mul(64)?.checked_add(lower)?.checked_add(1)?;
        let from = self.wrapped(self.at.checked_add(self.window.len())?.checked_sub(back)?);
        Some(Step::Match { from, len: usize::from(code).checked_sub(256)?.checked_add(3)? })
    }

    fn huffman(&mut self, window: u32) -> Option<Step> {
        if self.left_in_block == 0 {
            self.block(window)?;
        }
        self.left_in_block = self.left_in_block.checked_sub(1)?;
        let code = self.codes.decode(&mut self.bits)?;
        if let Ok(byte) = u8::try_from(code) {
            return Some(Step::Literal(byte));
        }
        let bits = u32::from(self.positions.decode(&mut self.bits)?);
        let back = match bits.checked_sub(1) {
            None => 0,
            Some(more) => 1_u32.checked_shl(more)? | self.bits.take(more)?,
        };
        let back = usize::try_from(back).ok()?.checked_add(1)?;
        let from = self.wrapped(self.at.checked_add(self.window.len())?.checked_sub(back)?);
        Some(Step::Match { from, len: usize::from(code).checked_sub(256)?.checked_add(3)? })
    }

    /// The head of a block: how many codes it has, and the trees that they are written in.
    fn block(&mut self, window: u32) -> Option<()> {
        self.left_in_block = self.bits.take(16).filter(|count| *count > 0)?;
        let lengths = Tree::of_lengths(&mut self.bits, LENGTHS, 5, Some(3))?;
        self.codes = Tree::of_codes(&mut self.bits, &lengths)?;
        let (positions, bits) = match window {
            12 | 13 => (14, 4),
            15 => (16, 5),
            20 => (21, 5),
            _ => (17, 5),
        };
        self.positions = Tree::of_lengths(&mut self.bits, positions, bits, None)?;
        Some(())
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = usize::try_from(self.unpacked).unwrap_or(usize::MAX).min(buffer.len());
        let wanted = buffer.get_mut(..len).unwrap_or_default();
        if self.method == Method::Stored {
            self.bits.bytes.read_exact(wanted)?;
        } else {
            for place in wanted {
                *place = self.byte().ok_or(io::ErrorKind::InvalidData)?;
            }
        }
        self.unpacked = self.unpacked.saturating_sub(crate::error::size(len));
        Ok(len)
    }
}

enum Step {
    Literal(u8),
    Match { from: usize, len: usize },
}

/// Bits from the highest down.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    buffer: u64,
    filled: u32,
}

impl Bits<'_> {
    fn fill(&mut self, count: u32) -> Option<()> {
        while self.filled < count {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            self.buffer = self.buffer << 8 | u64::from(*byte);
            self.filled = self.filled.checked_add(8)?;
        }
        Some(())
    }

    /// The next bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        self.fill(count)?;
        self.filled = self.filled.checked_sub(count)?;
        let mask = 1_u64.checked_shl(count)?.checked_sub(1)?;
        u32::try_from(self.buffer.checked_shr(self.filled)? & mask).ok()
    }
}

/// A canonical Huffman tree: the shortest codes first, and among those of one length the smaller values.
#[derive(Default)]
struct Tree {
    /// How many codes there are of each length.
    counts: [u16; MOST_BITS + 1],
    /// Their values in the order of the codes.
    values: Vec<u16>,
    /// The one value of a tree without bits.
    only: Option<u16>,
}

impl Tree {
    fn new(lengths: &[u8]) -> Option<Tree> {
        let mut tree = Tree::default();
        let mut room = 1_u32 << MOST_BITS;
        for len in lengths.iter().filter(|len| **len > 0) {
            let count = tree.counts.get_mut(usize::from(*len))?;
            *count = count.checked_add(1)?;
            room =
                room.checked_sub(1_u32.checked_shl(u32::try_from(MOST_BITS).ok()?.checked_sub(u32::from(*len))?)?)?;
        }
        // Each code must mean something, or readers differ in what they make of it.
        if room != 0 {
            return None;
        }
        for wanted in 1..=MOST_BITS {
            let values = lengths.iter().enumerate().filter(|(_, len)| usize::from(**len) == wanted);
            tree.values.extend(values.filter_map(|(value, _)| u16::try_from(value).ok()));
        }
        Some(tree)
    }

    /// The lengths of a small tree: three bits each, more of them in ones; two bits of zeros to skip behind the `gap`th.
    fn of_lengths(bits: &mut Bits<'_>, most: usize, count_bits: u32, gap: Option<usize>) -> Option<Tree> {
        let count = usize::try_from(bits.take(count_bits)?).ok()?;
        if count == 0 {
            let only = u16::try_from(bits.take(count_bits)?).ok()?;
            return (usize::from(only) < most).then(|| Tree { only: Some(only), ..Tree::default() });
        }
        let mut lengths = Vec::new();
        while lengths.len() < count {
            let mut len = u8::try_from(bits.take(3)?).ok()?;
            while len >= 7 && bits.take(1)? == 1 {
                len = len.checked_add(1).filter(|len| usize::from(*len) <= MOST_BITS)?;
            }
            lengths.push(len);
            if gap == Some(lengths.len()) {
                let skipped = usize::try_from(bits.take(2)?).ok()?;
                lengths.resize(lengths.len().checked_add(skipped)?, 0);
            }
        }
        (lengths.len() <= most).then(|| Tree::new(&lengths)).flatten()
    }

    /// The lengths of the tree of codes, themselves codes: runs of zeros, or a length and two.
    fn of_codes(bits: &mut Bits<'_>, tree: &Tree) -> Option<Tree> {
        let count = usize::try_from(bits.take(9)?).ok()?;
        if count == 0 {
            let only = u16::try_from(bits.take(9)?).ok()?;
            return (usize::from(only) < CODES).then(|| Tree { only: Some(only), ..Tree::default() });
        }
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < count {
            let zeros = match tree.decode(bits)? {
                0 => 1,
                1 => bits.take(4)?.checked_add(3)?,
                2 => bits.take(9)?.checked_add(20)?,
                len => {
                    lengths.push(u8::try_from(len).ok()?.checked_sub(2)?);
                    continue;
                }
            };
            lengths.resize(lengths.len().checked_add(usize::try_from(zeros).ok()?)?, 0);
        }
        (lengths.len() <= CODES).then(|| Tree::new(&lengths)).flatten()
    }

    fn decode(&self, bits: &mut Bits<'_>) -> Option<u16> {
        if self.only.is_some() {
            return self.only;
        }
        // Codes of each length follow those of the length before; `first` is the first code of this one.
        let (mut code, mut first, mut before) = (0_u32, 0_u32, 0_u32);
        for count in self.counts.iter().skip(1).map(|count| u32::from(*count)) {
            code |= bits.take(1)?;
            if let Some(place) = code.checked_sub(first).filter(|place| *place < count) {
                return self.values.get(usize::try_from(before.checked_add(place)?).ok()?).copied();
            }
            before = before.checked_add(count)?;
            first = first.checked_add(count)?.checked_mul(2)?;
            code = code.checked_mul(2)?;
        }
        None
    }
}

/// The tree of the upper six bits of the positions of -lh1-: the nearer, the shorter.
fn upper_positions() -> Option<Tree> {
    let lengths: Vec<u8> = [(3, 1), (4, 3), (5, 8), (6, 12), (7, 24), (8, 16)]
        .into_iter()
        .flat_map(|(len, count)| std::iter::repeat_n(len, count))
        .collect();
    Tree::new(&lengths)
}

/// What -lz5- has in its window before the first byte.
fn lz5_beginning(window: &mut [u8]) {
    let runs = (0..=u8::MAX).flat_map(|byte| std::iter::repeat_n(byte, 13));
    let rest = (0..=u8::MAX).chain((0..=u8::MAX).rev()).chain(std::iter::repeat_n(0, 128));
    for (place, byte) in window.iter_mut().skip(18).zip(runs.chain(rest)) {
        *place = byte;
    }
}

const MOST_BITS: usize = 16;
/// Literals and lengths of matches: 256 bytes, and 3 to 256.
const CODES: usize = 510;
/// Lengths of codes with the three sorts of runs.
const LENGTHS: usize = 19;

#[cfg(test)]
mod tests {
    use super::*;

    /// One block of four codes, each the letter a, and no position: 16 bits, then twice 5 bits, twice 9, twice 5.
    #[test]
    fn a_block_without_trees_has_one_letter() {
        let packed = [0x00, 0x04, 0x00, 0x00, 0x06, 0x10, 0x00];
        for name in [b"-lh5-", b"-lh7-", b"-lhx-"] {
            let mut unpacked = String::new();
            Unpacked::new(Method::of(name).unwrap(), &packed, 4).read_to_string(&mut unpacked).unwrap();
            assert_eq!(unpacked, "aaaa");
        }
    }
}
