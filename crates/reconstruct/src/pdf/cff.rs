//! Font programs: CID-keyed fonts in the Compact Font Format (Adobe Technical Note 5176), where the character identifier of a
//! glyph is its number.

use super::charstring::{DEFAULT_WIDTH, NOMINAL_WIDTH, number};

/// A font program of these charstrings, the first being `.notdef`. `extent` is left, bottom, right, top of all outlines.
pub(super) fn program(charstrings: &[u8], ends: &[u32], extent: [i32; 4]) -> Vec<u8> {
    let count = u16::try_from(ends.len()).unwrap_or(u16::MAX);
    let mut font = vec![1, 0, 4, 4];
    index(&mut font, NAME, &[length(NAME)]);
    // Offsets are written in five bytes each, so that the length of the dictionary does not depend on them.
    let dictionary_bytes = top_dictionary(count, extent, Offsets::default()).len();
    let head = font.len().saturating_add(3 + 2).saturating_add(dictionary_bytes);
    let mut fixed = Vec::new();
    index(&mut fixed, STRINGS, &[5, length(STRINGS)]);
    // No global subroutines.
    fixed.extend([0, 0]);
    let charset = head.saturating_add(fixed.len());
    if count > 1 {
        // Format 2: one range from 1.
        fixed.push(2);
        fixed.extend(1_u16.to_be_bytes());
        fixed.extend(count.saturating_sub(2).to_be_bytes());
    } else {
        fixed.push(0);
    }
    let select = head.saturating_add(fixed.len());
    // Format 3: one range from 0, all of the first font dictionary.
    fixed.extend([3, 0, 1, 0, 0, 0]);
    fixed.extend(count.to_be_bytes());
    let private = head.saturating_add(fixed.len());
    let private_start = fixed.len();
    number(&mut fixed, DEFAULT_WIDTH);
    fixed.push(20);
    number(&mut fixed, NOMINAL_WIDTH);
    fixed.push(21);
    let private_bytes = fixed.len().saturating_sub(private_start);
    let fonts = head.saturating_add(fixed.len());
    let mut dictionary = Vec::new();
    offset(&mut dictionary, private_bytes);
    offset(&mut dictionary, private);
    dictionary.push(18);
    index(&mut fixed, &dictionary, &[length(&dictionary)]);
    let glyphs = head.saturating_add(fixed.len());
    let top = top_dictionary(count, extent, Offsets { charset, select, glyphs, fonts });
    index(&mut font, &top, &[length(&top)]);
    font.append(&mut fixed);
    index(&mut font, charstrings, ends);
    font
}

#[derive(Clone, Copy, Default)]
struct Offsets {
    charset: usize,
    select: usize,
    glyphs: usize,
    fonts: usize,
}

fn top_dictionary(count: u16, extent: [i32; 4], offsets: Offsets) -> Vec<u8> {
    let mut top = Vec::new();
    // ROS: Adobe, Identity, 0. The first string of one's own has number 391.
    number(&mut top, 391);
    number(&mut top, 392);
    number(&mut top, 0);
    top.extend([12, 30]);
    extent.into_iter().for_each(|side| number(&mut top, side));
    top.push(5);
    offset(&mut top, usize::from(count));
    top.extend([12, 34]);
    offset(&mut top, offsets.charset);
    top.push(15);
    offset(&mut top, offsets.select);
    top.extend([12, 37]);
    offset(&mut top, offsets.glyphs);
    top.push(17);
    offset(&mut top, offsets.fonts);
    top.extend([12, 36]);
    top
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A number in five bytes, whatever its size.
fn offset(bytes: &mut Vec<u8>, value: usize) {
    bytes.push(29);
    bytes.extend(u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes());
}

/// A list of things, given by where each ends (Technical Note 5176, section 5).
fn index(font: &mut Vec<u8>, data: &[u8], ends: &[u32]) {
    font.extend(u16::try_from(ends.len()).unwrap_or(u16::MAX).to_be_bytes());
    let last = ends.last().copied().unwrap_or(0).saturating_add(1);
    let bytes: u8 = match last {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFF_FFFF => 3,
        _ => 4,
    };
    font.push(bytes);
    for end in std::iter::once(&0).chain(ends) {
        let place = end.saturating_add(1).to_be_bytes();
        font.extend(place.iter().skip(4_usize.saturating_sub(usize::from(bytes))));
    }
    font.extend_from_slice(data);
}

const NAME: &[u8] = b"Misogi";
const STRINGS: &[u8] = b"AdobeIdentity";
