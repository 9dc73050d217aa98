//! What decoding a stream would cost, found before it is decoded: the decoders have no limits of their own.

use std::io::Read;
use std::ops::Range;

use flate2::read::{DeflateDecoder, ZlibDecoder};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use crate::error::size;
use crate::packbits::{self, Code128};

/// Whether the picture of a stream may be decoded and kept: not too many pixels, whatever of the dictionary and the data says
/// so, and not too many bytes on the way.
pub(super) fn picture(stream: &Stream<'_>, pixels: u64) -> bool {
    reduction(stream, pixels) == Some(1)
}

/// How many pixels in a row must become one so that no more than `pixels` are left: 1 when there are not more. `None` when the
/// picture may not be decoded at all.
pub(super) fn reduction(stream: &Stream<'_>, pixels: u64) -> Option<u32> {
    let dict = stream.dict();
    let number = |short: &str, long: &str| dict.get::<u32>(short).or_else(|| dict.get::<u32>(long)).unwrap_or(0);
    let (width, height) = (u64::from(number("W", "Width")), u64::from(number("H", "Height")));
    let bits = dict.get::<u8>("BPC").or_else(|| dict.get::<u8>("BitsPerComponent")).unwrap_or(8);
    let stencil = dict.get::<bool>("IM").or_else(|| dict.get::<bool>("ImageMask")).unwrap_or(false);
    let area = width.saturating_mul(height);
    let data = stream.raw_data();
    let filters = filters(dict);
    // One byte for each pixel of one bit or plain grey, four for others: three colours and opacity, or cyan, magenta, yellow and
    // black. The decoders of JPEG and JPEG 2000 hold more than what they give.
    let gray = dict.get::<Name<'_>>("CS").or_else(|| dict.get::<Name<'_>>("ColorSpace"));
    let gray = gray.is_some_and(|name| matches!(name.as_ref(), b"DeviceGray" | b"G" | b"CalGray"));
    let plain = gray && !filters.iter().any(|filter| matches!(filter, Filter::Dct | Filter::Jpx));
    let each = if bits == 1 || stencil || plain { 1 } else { 4 };
    let columns = params(dict).iter().filter_map(|params| params.get::<u32>("Columns")).max().map_or(0, u64::from);
    let told = area.max(columns.saturating_mul(height));
    if let [Filter::Jpx] = filters.as_slice()
        && jpx_area(&data).is_some_and(|area| area > pixels)
    {
        return None;
    }
    let inside = match filters.as_slice() {
        [Filter::Jbig2] => jbig2_area(&data).unwrap_or(0),
        _ => 0,
    };
    let told = told.max(inside);
    if told.saturating_mul(each) > PICTURE_BYTES || !decoded_fits(&data, &filters, PICTURE_BYTES) {
        return None;
    }
    let by = told.div_ceil(pixels.max(1)).isqrt();
    let by = if by.saturating_mul(by).saturating_mul(pixels) < told { by.saturating_add(1) } else { by };
    u32::try_from(by.max(1)).ok()
}

/// Whether the bytes of a stream stay within `limit` after each of its filters. Counts only where the data could be more:
/// no filter makes more than a known multiple of what it reads.
pub(super) fn fits(stream: &Stream<'_>, limit: u64) -> bool {
    decoded_fits(&stream.raw_data(), &filters(stream.dict()), limit)
}

fn decoded_fits(data: &[u8], filters: &[Filter], limit: u64) -> bool {
    let most = filters.iter().fold(size(data.len()), |most, filter| most.saturating_mul(growth(*filter)));
    if most <= limit {
        return true;
    }
    let mut current = None;
    for filter in filters {
        let input: &[u8] = current.as_deref().unwrap_or(data);
        if size(input.len()).saturating_mul(growth(*filter)) <= limit && filters.len() == 1 {
            return true;
        }
        match filter {
            Filter::Flate => match inflated(input, limit) {
                Unpacked::Whole(bytes) => current = Some(bytes),
                Unpacked::TooLarge => return false,
            },
            Filter::Lzw => match unpacked_lzw(input, limit) {
                Unpacked::Whole(bytes) => current = Some(bytes),
                Unpacked::TooLarge => return false,
            },
            Filter::RunLength => match run_length(input, limit) {
                Some(bytes) => current = Some(bytes),
                None => return false,
            },
            Filter::Ascii85 => current = Some(ascii85(input)),
            Filter::AsciiHex => current = Some(hexadecimal(input)),
            // The others do not end in bytes that a further filter would enlarge, in files that are not made to hurt; what is
            // left of the chain is judged by how much it may grow.
            _ => {
                let rest = filters.iter().skip_while(|other| *other != filter);
                let most = rest.fold(size(input.len()), |most, filter| most.saturating_mul(growth(*filter)));
                return most <= limit.saturating_mul(SMALL_GROWTH);
            }
        }
    }
    true
}

enum Unpacked {
    Whole(Vec<u8>),
    TooLarge,
}

fn inflated(data: &[u8], limit: u64) -> Unpacked {
    let read = |reader: &mut dyn Read| {
        let mut bytes = Vec::new();
        // An error is the end of what can be read; what stands before it is used as the interpreter does.
        let _ = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        bytes
    };
    let mut bytes = read(&mut ZlibDecoder::new(data));
    if bytes.is_empty() {
        bytes = read(&mut DeflateDecoder::new(data));
    }
    if size(bytes.len()) > limit { Unpacked::TooLarge } else { Unpacked::Whole(bytes) }
}

/// Undoes ISO 32000-1, 7.4.4.2. Which of the two widths of codes a file has is in its parameters; the reading that gives more
/// counts, so that no parameter can make it look smaller than it is.
fn unpacked_lzw(data: &[u8], limit: u64) -> Unpacked {
    match (lzw(data, limit, 1), lzw(data, limit, 0)) {
        (Some(early), Some(late)) => Unpacked::Whole(if early.len() >= late.len() { early } else { late }),
        _ => Unpacked::TooLarge,
    }
}

/// `early` is by how many codes the width changes too early; nothing when there are more than `limit` bytes. Damage is the end.
fn lzw(data: &[u8], limit: u64, early: usize) -> Option<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    // Where each string behind the single bytes stands in what is unpacked: it is the one before it and a byte, as they came.
    let mut strings: Vec<Range<usize>> = Vec::with_capacity(LZW_STRINGS);
    let mut last: Option<Range<usize>> = None;
    let (mut held, mut bits) = (0_u32, 0_u32);
    let mut input = data.iter();
    loop {
        let known = strings.len().saturating_add(LZW_FIRST).saturating_add(early);
        let width = match known {
            ..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
        while bits < width {
            let Some(byte) = input.next() else { return Some(bytes) };
            held = (held << 8 | u32::from(*byte)) & 0xFF_FFFF;
            bits += 8;
        }
        bits -= width;
        let code = usize::try_from(held >> bits & ((1 << width) - 1)).unwrap_or(usize::MAX);
        let start = bytes.len();
        match (code, &last) {
            (LZW_CLEAR, _) => {
                strings.clear();
                last = None;
                continue;
            }
            (LZW_END, _) => return Some(bytes),
            (0..=0xFF, _) => bytes.push(u8::try_from(code).unwrap_or(0)),
            (_, last) => match (strings.get(code.saturating_sub(LZW_FIRST)).cloned(), last) {
                (Some(string), _) => bytes.extend_from_within(string),
                (None, Some(last)) if code == strings.len().saturating_add(LZW_FIRST) => {
                    // The string that is only being made: the last one and its own first byte.
                    let first = bytes.get(last.start).copied();
                    bytes.extend_from_within(last.clone());
                    bytes.extend(first);
                }
                _ => return Some(bytes),
            },
        }
        if size(bytes.len()) > limit {
            return None;
        }
        if let Some(last) = last.filter(|_| strings.len() < LZW_STRINGS) {
            strings.push(last.start..last.end.saturating_add(1));
        }
        last = Some(start..bytes.len());
    }
}

/// Undoes ISO 32000-1, 7.4.5; nothing when there are more than `limit` bytes.
fn run_length(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    packbits::unpack(data, Code128::End, most, &mut bytes);
    (size(bytes.len()) <= limit).then_some(bytes)
}

/// Undoes ISO 32000-1, 7.4.3, only to see how large what stands in it is: damage is passed over.
fn ascii85(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut group, mut count) = (0_u32, 0_usize);
    for byte in data {
        match byte {
            b'~' => break,
            b'z' if count == 0 => bytes.extend([0; 4]),
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(byte.wrapping_sub(b'!')));
                count = count.saturating_add(1);
                if count == 5 {
                    bytes.extend(group.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            _ => {}
        }
    }
    if count > 1 {
        // A short group is read as if it went on with the last letter of the alphabet.
        let whole = (count..5).fold(group, |group, _| group.wrapping_mul(85).wrapping_add(84));
        bytes.extend(whole.to_be_bytes().into_iter().take(count.saturating_sub(1)));
    }
    bytes
}

/// Undoes ISO 32000-1, 7.4.2, for the same purpose.
fn hexadecimal(data: &[u8]) -> Vec<u8> {
    let digits = data.iter().take_while(|byte| **byte != b'>').filter_map(|byte| char::from(*byte).to_digit(16));
    let digits: Vec<u8> = digits.filter_map(|digit| u8::try_from(digit).ok()).collect();
    let pair = |pair: &[u8]| match pair {
        [high, low] => high << 4 | low,
        [high] => high << 4,
        _ => 0,
    };
    digits.chunks(2).map(pair).collect()
}

/// How many bytes one byte can become.
fn growth(filter: Filter) -> u64 {
    match filter {
        Filter::Flate => 1_032,
        // Codes of 9 to 12 bits for strings of up to 4,096 bytes.
        Filter::Lzw => 2_731,
        Filter::RunLength => 64,
        // Four zeros may be written as one letter.
        Filter::Ascii85 => 4,
        Filter::AsciiHex | Filter::Other => 1,
        // Their sizes are told by the picture itself.
        Filter::CcittFax | Filter::Jbig2 | Filter::Dct | Filter::Jpx => 1,
    }
}

/// The filters of a stream, in the order in which they are undone.
pub(super) fn filters(dict: &Dict<'_>) -> Vec<Filter> {
    let object = dict.get::<Object<'_>>("F").or_else(|| dict.get::<Object<'_>>("Filter"));
    match object {
        Some(Object::Name(name)) => vec![Filter::of(&name)],
        Some(Object::Array(list)) => list.iter::<Name<'_>>().take(MAX_FILTERS).map(|name| Filter::of(&name)).collect(),
        _ => Vec::new(),
    }
}

/// A filter, as far as it matters what becomes of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Flate,
    Lzw,
    RunLength,
    CcittFax,
    Jbig2,
    Dct,
    Jpx,
    Ascii85,
    AsciiHex,
    /// Makes less of what it reads, or as much.
    Other,
}

impl Filter {
    fn of(name: &Name<'_>) -> Filter {
        match name.as_ref() {
            b"FlateDecode" | b"Fl" => Filter::Flate,
            b"LZWDecode" | b"LZW" => Filter::Lzw,
            b"RunLengthDecode" | b"RL" => Filter::RunLength,
            b"CCITTFaxDecode" | b"CCF" => Filter::CcittFax,
            b"JBIG2Decode" => Filter::Jbig2,
            b"DCTDecode" | b"DCT" => Filter::Dct,
            b"JPXDecode" => Filter::Jpx,
            b"ASCII85Decode" | b"A85" => Filter::Ascii85,
            b"ASCIIHexDecode" | b"AHx" => Filter::AsciiHex,
            _ => Filter::Other,
        }
    }
}

fn params<'a>(dict: &Dict<'a>) -> Vec<Dict<'a>> {
    let object = dict.get::<Object<'_>>("DP").or_else(|| dict.get::<Object<'_>>("DecodeParms"));
    match object {
        Some(Object::Dict(params)) => vec![params],
        Some(Object::Array(list)) => dictionaries(&list),
        _ => Vec::new(),
    }
}

fn dictionaries<'a>(list: &Array<'a>) -> Vec<Dict<'a>> {
    list.iter::<Object<'_>>().filter_map(Object::into_dict).take(MAX_FILTERS).collect()
}

/// The pixels of a JPEG 2000 picture by its SIZ marker segment (ISO 15444-1, A.5.1), the first after the start of the codestream.
fn jpx_area(data: &[u8]) -> Option<u64> {
    let start = data.windows(4).position(|four| four == [0xFF, 0x4F, 0xFF, 0x51])?;
    let word = |at: usize| -> Option<u64> {
        let at = start.checked_add(at)?;
        let bytes: [u8; 4] = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(u32::from_be_bytes(bytes).into())
    };
    let (width, height) = (word(8)?.saturating_sub(word(16)?), word(12)?.saturating_sub(word(20)?));
    Some(width.saturating_mul(height))
}

/// The pixels of an embedded JBIG2 picture by its page information segment (ISO 14492, 7.2 and 7.4.8).
fn jbig2_area(data: &[u8]) -> Option<u64> {
    let mut at = 0_usize;
    for _ in 0..MAX_SEGMENTS {
        let word = |at: usize| -> Option<u32> {
            let bytes: [u8; 4] = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes))
        };
        let (number, flags, referred) = (word(at)?, *data.get(at.checked_add(4)?)?, *data.get(at.checked_add(5)?)?);
        let count = usize::from(referred >> 5);
        let (count, listed) = if count == 7 {
            let count = usize::try_from(word(at.checked_add(5)?)? & 0x1FFF_FFFF).ok()?;
            (count, 4_usize.checked_add(count.checked_add(8)? / 8)?)
        } else {
            (count, 1)
        };
        let each = match number {
            0..=256 => 1,
            257..=65_536 => 2,
            _ => 4,
        };
        let page = if flags & 0x40 == 0 { 1 } else { 4 };
        let length_at =
            at.checked_add(5)?.checked_add(listed)?.checked_add(count.checked_mul(each)?)?.checked_add(page)?;
        let (length, body) = (word(length_at)?, length_at.checked_add(4)?);
        if flags & 0x3F == PAGE_INFORMATION {
            let height = word(body.checked_add(4)?)?;
            // An unknown height is told later by stripes, and they by the data.
            let height = if height == u32::MAX { 0 } else { height };
            return Some(u64::from(word(body)?).saturating_mul(height.into()));
        }
        at = body.checked_add(usize::try_from(length).ok()?)?;
    }
    None
}

/// The most bytes of a decoded picture, so that a picture and a copy of it fit a room.
const PICTURE_BYTES: u64 = 320 * 1024 * 1024;
/// How much more a chain may seem to grow that cannot be measured.
const SMALL_GROWTH: u64 = 4;
const MAX_FILTERS: usize = 16;
const LZW_CLEAR: usize = 256;
const LZW_END: usize = 257;
/// The first code of a string of more than one byte.
const LZW_FIRST: usize = 258;
/// Strings that codes of 12 bits can name.
const LZW_STRINGS: usize = 4_096 - LZW_FIRST;
const MAX_SEGMENTS: usize = 4_096;
const PAGE_INFORMATION: u8 = 48;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::{Filter, decoded_fits, jbig2_area, jpx_area, lzw, run_length};

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_stream_is_held_to_its_size_after_every_filter() {
        let limit = 1_000_000;
        let fits = deflated(&vec![b' '; 1_000_000]);
        assert!(decoded_fits(&fits, &[Filter::Flate], limit));
        let larger = deflated(&vec![b' '; 1_000_001]);
        assert!(!decoded_fits(&larger, &[Filter::Flate], limit));
        let thrice = deflated(&deflated(&larger));
        assert!(!decoded_fits(&thrice, &[Filter::Flate; 3], limit));
    }

    /// Codes, the width of which grows one code too early as most writers have it.
    fn codes(codes: &[u32]) -> Vec<u8> {
        let (mut bits, mut strings, mut fresh) = (Vec::new(), 0, true);
        for code in codes {
            let width = match strings + 259 {
                ..512 => 9,
                512..1024 => 10,
                1024..2048 => 11,
                _ => 12,
            };
            bits.extend((0..width).rev().map(|bit| (code >> bit & 1) as u8));
            if *code == 256 {
                (strings, fresh) = (0, true);
            } else {
                strings += u32::from(!fresh);
                fresh = false;
            }
        }
        bits.chunks(8).map(|eight| eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at))).collect()
    }

    /// Spaces: one, two, three and so on, each a code, from an empty table each time.
    fn spaces(rounds: usize, longest: u32) -> Vec<u8> {
        let round: Vec<u32> = [256, 32].into_iter().chain(258..257 + longest).collect();
        codes(&round.repeat(rounds).into_iter().chain([257]).collect::<Vec<_>>())
    }

    #[test]
    fn lzw_is_measured_by_what_it_unpacks_to() {
        // The example of ISO 32000-1, 7.4.4.2.
        let example = [0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01];
        assert_eq!(codes(&[256, 45, 258, 258, 65, 259, 66, 257]), example);
        assert_eq!(lzw(&example, 10, 1).unwrap(), b"-----A---B");
        assert_eq!(lzw(&example, 9, 1), None);
        // 1 + 2 + … + 1,000, four times.
        let data = spaces(4, 1_000);
        assert_eq!(lzw(&data, 2_002_000, 1).unwrap().len(), 2_002_000);
        assert!(decoded_fits(&data, &[Filter::Lzw], 2_002_000));
        assert!(!decoded_fits(&data, &[Filter::Lzw], 2_001_999));
        assert!(!decoded_fits(&deflated(&data), &[Filter::Flate, Filter::Lzw], 2_001_999));
    }

    #[test]
    fn run_lengths_are_measured_by_what_they_unpack_to() {
        // Three bytes as they are, then one twice, then the end.
        assert_eq!(run_length(&[2, 7, 8, 9, 255, 5, 128, 1], 5).unwrap(), [7, 8, 9, 5, 5]);
        assert_eq!(run_length(&[2, 7, 8, 9, 255, 5, 128, 1], 4), None);
        // Eight after one another, of which the first has one byte: by guesses it would be 64 to the power of eight.
        let little = [0, 0];
        assert!(decoded_fits(&little, &[Filter::RunLength; 8], 1_000_000));
        let much = [129, 0].repeat(10_000);
        assert!(!decoded_fits(&much, &[Filter::RunLength; 2], 1_000_000));
    }

    #[test]
    fn pictures_tell_their_size() {
        let mut jpx = vec![0, 0, 0xFF, 0x4F, 0xFF, 0x51, 0, 47, 0, 0];
        for number in [1_000_u32, 2_000, 0, 0] {
            jpx.extend_from_slice(&number.to_be_bytes());
        }
        assert_eq!(jpx_area(&jpx), Some(2_000_000));
        let mut jbig2 = vec![0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19];
        for number in [300_u32, 400, 0, 0] {
            jbig2.extend_from_slice(&number.to_be_bytes());
        }
        assert_eq!(jbig2_area(&jbig2), Some(120_000));
    }
}
