//! A store of blocks (`SsmgV.01`) and the text in it. All numbers are big-endian.
//!
//! Behind its head stand blocks of one size, then for each sub-stream its length and the numbers of its blocks. The first sub-stream is
//! the text itself (`TextV.01`) or, of long documents, the list of those that hold its pieces (`QLSTV.01`).

use std::collections::HashMap;

/// The units of the text; `None` where the store does not keep to its form.
pub(super) fn units(stream: &[u8]) -> Option<Vec<u16>> {
    let store = Store::read(stream)?;
    let first = store.sub_stream(0)?;
    if let Some(text) = first.strip_prefix(TEXT) {
        return text_of(text.get(4..)?, number(text, 0)?);
    }
    let list = first.strip_prefix(PIECES)?;
    let count = number(list, 0)?;
    let mut units = Vec::new();
    // No piece is told of twice, so together they are no longer than the stream.
    let mut seen = std::collections::BTreeSet::new();
    for piece in list.get(4..)?.chunks_exact(8).take(usize::try_from(count).ok()?) {
        let (len, at) = (number(piece, 0)?, number(piece, 4)?);
        if !seen.insert(at) {
            return None;
        }
        units.extend(text_of(&store.sub_stream(at)?, len)?);
    }
    (seen.len() == usize::try_from(count).ok()?).then_some(units)
}

fn text_of(bytes: &[u8], units: u32) -> Option<Vec<u16>> {
    let bytes = bytes.get(..usize::try_from(units).ok()?.checked_mul(2)?)?;
    Some(bytes.chunks_exact(2).filter_map(|two| two.try_into().ok()).map(u16::from_be_bytes).collect())
}

struct Store<'a> {
    blocks: &'a [u8],
    block_bytes: usize,
    /// Length and blocks of each sub-stream.
    sub_streams: HashMap<u32, (usize, Vec<u32>)>,
}

impl<'a> Store<'a> {
    fn read(stream: &'a [u8]) -> Option<Store<'a>> {
        let head = stream.strip_prefix(STORE)?;
        let (sub_streams, block_bytes, blocks) = (number(head, 0)?, number(head, 4)?, number(head, 8)?);
        let block_bytes = usize::try_from(block_bytes).ok().filter(|bytes| BLOCK_BYTES.contains(bytes))?;
        let all = block_bytes.checked_mul(usize::try_from(blocks).ok()?)?;
        let (blocks, mut directory) = head.get(12..)?.split_at_checked(all)?;
        let mut store = Store { blocks, block_bytes, sub_streams: HashMap::new() };
        // Blocks that are named twice would make a short file a long text.
        let mut left = blocks.len() / block_bytes;
        for _ in 0..sub_streams {
            let (index, len, count) = (number(directory, 0)?, number(directory, 8)?, number(directory, 12)?);
            let count = usize::try_from(count).ok()?;
            left = left.checked_sub(count)?;
            let (numbers, rest) = directory.get(20..)?.split_at_checked(count.checked_mul(4)?)?;
            directory = rest;
            let numbers: Vec<u32> = numbers.chunks_exact(4).filter_map(|four| number(four, 0)).collect();
            let len = usize::try_from(len).ok().filter(|len| *len <= count.saturating_mul(block_bytes))?;
            if store.sub_streams.insert(index, (len, numbers)).is_some() {
                return None;
            }
        }
        Some(store)
    }

    fn sub_stream(&self, index: u32) -> Option<Vec<u8>> {
        let (len, numbers) = self.sub_streams.get(&index)?;
        let mut bytes = Vec::with_capacity(*len);
        for number in numbers {
            let start = usize::try_from(*number).ok()?.checked_mul(self.block_bytes)?;
            bytes.extend_from_slice(self.blocks.get(start..start.checked_add(self.block_bytes)?)?);
        }
        bytes.truncate(*len);
        Some(bytes)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

const STORE: &[u8] = b"SsmgV.01";
const TEXT: &[u8] = b"TextV.01";
const PIECES: &[u8] = b"QLSTV.01";
/// 256 in every file that was seen.
const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 16..=65_536;

#[cfg(test)]
mod tests {
    use super::*;

    /// A store of sub-streams in blocks of 256 bytes, the blocks of all in reverse order.
    fn store(sub_streams: &[Vec<u8>]) -> Vec<u8> {
        let mut blocks: Vec<Vec<u8>> = Vec::new();
        let mut directory = Vec::new();
        let total: usize = sub_streams.iter().map(|bytes| bytes.len().div_ceil(256)).sum();
        for (index, bytes) in sub_streams.iter().enumerate() {
            let count = bytes.len().div_ceil(256);
            for word in [index, 0, bytes.len(), count, count] {
                directory.extend(u32::try_from(word).unwrap().to_be_bytes());
            }
            for chunk in bytes.chunks(256) {
                directory.extend(u32::try_from(total - 1 - blocks.len()).unwrap().to_be_bytes());
                let mut block = chunk.to_vec();
                block.resize(256, 0);
                blocks.push(block);
            }
        }
        blocks.reverse();
        let mut out = STORE.to_vec();
        for word in [sub_streams.len(), 256, total] {
            out.extend(u32::try_from(word).unwrap().to_be_bytes());
        }
        [out, blocks.concat(), directory, vec![0; 4]].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn a_text_of_several_blocks_is_put_together() {
        let text = "日本語".repeat(200);
        let stream = store(&[[TEXT, &600_u32.to_be_bytes(), &wide(&text)].concat()]);
        assert_eq!(String::from_utf16(&units(&stream).unwrap()).unwrap(), text);
        for end in [8, 19, 20, 300, stream.len() - 5] {
            assert_eq!(units(&stream[..end]), None, "{end}");
        }
    }

    #[test]
    fn pieces_come_in_the_order_of_their_list_and_only_once() {
        let list = |pieces: &[(u32, u32)]| {
            let words =
                std::iter::once(u32::try_from(pieces.len()).unwrap()).chain(pieces.iter().flat_map(|(a, b)| [*a, *b]));
            [PIECES.to_vec(), words.flat_map(u32::to_be_bytes).collect()].concat()
        };
        let stream = store(&[list(&[(2, 2), (3, 1)]), wide("あいう…"), wide("前後")]);
        assert_eq!(String::from_utf16(&units(&stream).unwrap()).unwrap(), "前後あいう");
        assert_eq!(units(&store(&[list(&[(2, 1), (2, 1)]), wide("ab")])), None);
        assert_eq!(units(&store(&[list(&[(3, 1)]), wide("ab")])), None, "longer than the piece");
    }
}
