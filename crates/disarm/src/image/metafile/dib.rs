//! Device-independent bitmaps ([MS-WMF] 2.2.2.9), from 1 to 32 bits, packed or not.

use std::io::Cursor;
use std::rc::Rc;

use image::{ImageFormat, ImageReader};

use super::bytes::{Bytes, index};
use super::paint::{self, Picture};
use super::{Budget, Fault};

/// How the colours of a bitmap are told.
#[derive(Debug)]
struct Header {
    width: u32,
    height: u32,
    /// Rows come from the bottom.
    upward: bool,
    bits: u16,
    compression: u32,
    /// Where the masks or the palette begin.
    end: usize,
    /// Colours of the palette.
    colors: usize,
    /// Bytes of a palette entry.
    entry: usize,
}

impl Header {
    fn read(bytes: Bytes<'_>) -> Option<Header> {
        let size = bytes.at(0)?;
        if size == 12 {
            let bits = bytes.u16(10)?;
            let colors = if bits <= 8 { 1_usize.checked_shl(bits.into())? } else { 0 };
            let (width, height) = (bytes.u16(4)?.into(), bytes.u16(6)?.into());
            return Some(Header { width, height, upward: true, bits, compression: 0, end: 12, colors, entry: 3 });
        }
        if !(40..=4_096).contains(&size) {
            return None;
        }
        let (width, height) = (bytes.i32(4)?, bytes.i32(8)?);
        let bits = bytes.u16(14)?;
        let compression = bytes.u32(16)?;
        let used = bytes.at(32)?;
        let colors = match bits {
            1..=8 if used == 0 || used > 256 => 1_usize.checked_shl(bits.into())?,
            1..=8 => used,
            _ if used <= 256 => used,
            _ => 0,
        };
        // The masks of later headers are part of them.
        let end = if compression == 3 && size == 40 { 52 } else { size };
        let width = u32::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Header {
            width,
            height: height.unsigned_abs(),
            upward: height > 0,
            bits,
            compression,
            end,
            colors,
            entry: 4,
        })
    }

    /// Where the pixels of a packed bitmap begin.
    fn pixels(&self, entry: usize) -> usize {
        self.end.saturating_add(self.colors.saturating_mul(entry))
    }

    fn stride(&self) -> usize {
        let bits = index(self.width).saturating_mul(usize::from(self.bits));
        bits.div_ceil(32).saturating_mul(4)
    }
}

/// A bitmap whose pixels follow its header. `by_index` is set where the palette numbers colours of the device ([MS-WMF]
/// 2.1.1.6), which nobody has.
pub(super) fn packed(bytes: Bytes<'_>, by_index: bool, budget: &mut Budget) -> Result<Option<Rc<Picture>>, Fault> {
    let Some(header) = Header::read(bytes) else { return Ok(None) };
    let start = header.pixels(if by_index { 2 } else { header.entry });
    match bytes.from(start) {
        Some(pixels) => read(bytes, pixels, by_index, false, budget),
        None => Ok(None),
    }
}

/// A bitmap with its header and pixels. With `alpha` the fourth byte of 32 bits is the opacity, and the colours are
/// multiplied with it.
pub(super) fn read(
    info: Bytes<'_>,
    pixels: Bytes<'_>,
    by_index: bool,
    alpha: bool,
    budget: &mut Budget,
) -> Result<Option<Rc<Picture>>, Fault> {
    let Some(header) = Header::read(info) else { return Ok(None) };
    match header.compression {
        4 => return encoded(pixels, ImageFormat::Jpeg, budget),
        5 => return encoded(pixels, ImageFormat::Png, budget),
        _ => {}
    }
    // Rows that are not in the file cost nothing and are not made: a few bytes may claim any height.
    let present = match header.compression {
        0 | 3 => pixels.0.len().checked_div(header.stride()).unwrap_or(0),
        _ => index(header.height),
    };
    if index(header.height) > present.saturating_mul(64).saturating_add(64) {
        return Ok(None);
    }
    paint::admit(header.width, header.height, budget)?;
    let palette = palette(&header, info, by_index);
    let decoded = match (header.compression, header.bits) {
        (0 | 3, 1 | 2 | 4 | 8) => rows(&header, pixels, |row, out| indexed(&header, &palette, row, out)),
        (0 | 3, 16 | 32) => {
            let masks = Masks::read(&header, info);
            rows(&header, pixels, |row, out| masks.read_row(header.bits, row, alpha, out))
        }
        (0, 24) => rows(&header, pixels, |row, out| {
            let (pixels, _) = row.as_chunks::<3>();
            pixels.iter().zip(out).for_each(|([b, g, r], pixel)| *pixel = [*r, *g, *b, 255]);
        }),
        (1 | 2, 4 | 8) => run_lengths(&header, &palette, pixels),
        _ => return Ok(None),
    };
    let (width, height) = (index(header.width), index(header.height));
    Ok((height > 0).then(|| Rc::new(Picture { width, height, pixels: decoded })))
}

/// A picture in a format of its own inside a record.
pub(super) fn encoded(
    bytes: Bytes<'_>,
    format: ImageFormat,
    budget: &mut Budget,
) -> Result<Option<Rc<Picture>>, Fault> {
    let reader = || ImageReader::with_format(Cursor::new(bytes.0), format);
    let Ok((width, height)) = reader().into_dimensions() else { return Ok(None) };
    paint::admit(width, height, budget)?;
    // Decoding takes some time for every pixel.
    budget.spend(u64::from(width).saturating_mul(height.into()).saturating_mul(4))?;
    let mut reader = reader();
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(u64::from(width).saturating_mul(height.into()).saturating_mul(16).saturating_add(1 << 20));
    reader.limits(limits);
    let Ok(decoded) = reader.decode() else { return Ok(None) };
    let pixels = decoded.to_rgba8().into_raw();
    let pixels = pixels.chunks_exact(4).filter_map(|pixel| pixel.try_into().ok()).collect();
    Ok(Some(Rc::new(Picture { width: index(width), height: index(height), pixels })))
}

/// The colours of a palette; numbers that it does not have are black.
fn palette(header: &Header, info: Bytes<'_>, by_index: bool) -> [[u8; 4]; 256] {
    let mut all = [BLACK; 256];
    all.iter_mut().zip(colors(header, info, by_index)).for_each(|(place, color)| *place = color);
    all
}

fn colors(header: &Header, info: Bytes<'_>, by_index: bool) -> Vec<[u8; 4]> {
    let count = header.colors.min(256);
    let start = info.from(header.end).filter(|rest| rest.0.len() >= header.entry);
    if by_index || start.is_none() {
        // Numbers of colours that only the device knows, or a palette left out: greys keep light and dark apart.
        let grey = |at: usize| u8::try_from(at.saturating_mul(255).checked_div(count.saturating_sub(1)).unwrap_or(0));
        return (0..count).map(|at| grey(at).map_or([255; 4], |grey| [grey, grey, grey, 255])).collect();
    }
    let entry = |at: usize| {
        let start = header.end.checked_add(at.checked_mul(header.entry)?)?;
        match *info.slice(start, 3)? {
            [b, g, r] => Some([r, g, b, 255]),
            _ => None,
        }
    };
    (0..count).map_while(entry).collect()
}

/// Rows of a fixed length, brought into order from the top. What is missing stays transparent.
fn rows(header: &Header, pixels: Bytes<'_>, mut row: impl FnMut(&[u8], &mut [[u8; 4]])) -> Vec<[u8; 4]> {
    let (width, height) = (index(header.width), index(header.height));
    let mut out = vec![[0; 4]; width.saturating_mul(height)];
    let stride = header.stride().max(1);
    for (number, bytes) in pixels.0.chunks(stride).take(height).enumerate() {
        let y = if header.upward { height.saturating_sub(number).saturating_sub(1) } else { number };
        let start = y.saturating_mul(width);
        if let Some(place) = out.get_mut(start..start.saturating_add(width)) {
            row(bytes, place);
        }
    }
    out
}

fn indexed(header: &Header, palette: &[[u8; 4]; 256], row: &[u8], out: &mut [[u8; 4]]) {
    match header.bits {
        1 => spread::<8>(palette, row, out),
        2 => spread::<4>(palette, row, out),
        4 => spread::<2>(palette, row, out),
        _ => row.iter().zip(out).for_each(|(byte, pixel)| *pixel = of(palette, *byte)),
    }
}

/// Pixels of which a byte has so many, the first in its highest bits.
fn spread<const EACH: usize>(palette: &[[u8; 4]; 256], row: &[u8], out: &mut [[u8; 4]]) {
    let bits = 8_usize.checked_div(EACH).unwrap_or(8);
    let mask = u8::MAX.checked_shr(u32::try_from(8_usize.saturating_sub(bits)).unwrap_or(0)).unwrap_or(u8::MAX);
    let number =
        |byte: u8, at: usize| byte >> (8_usize.saturating_sub(bits.saturating_mul(at.saturating_add(1))) & 7) & mask;
    let (groups, rest) = out.as_chunks_mut::<EACH>();
    let last = row.get(groups.len());
    for (byte, pixels) in row.iter().zip(groups) {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = of(palette, number(*byte, at));
        }
    }
    for (at, pixel) in rest.iter_mut().enumerate() {
        if let Some(byte) = last {
            *pixel = of(palette, number(*byte, at));
        }
    }
}

fn of(palette: &[[u8; 4]; 256], number: u8) -> [u8; 4] {
    palette.get(usize::from(number)).copied().unwrap_or(BLACK)
}

/// Where the bits of each channel are.
struct Masks {
    are_bytes: bool,
    channels: [Channel; 3],
}

impl Masks {
    fn read(header: &Header, info: Bytes<'_>) -> Masks {
        let own = || Some([info.u32(40)?, info.u32(44)?, info.u32(48)?]);
        let usual = if header.bits == 16 { [0x7C00, 0x03E0, 0x001F] } else { WHOLE_BYTES };
        let masks = if header.compression == 3 { own().unwrap_or(usual) } else { usual };
        Masks { are_bytes: header.bits == 32 && masks == WHOLE_BYTES, channels: masks.map(Channel::new) }
    }

    fn read_row(&self, bits: u16, row: &[u8], alpha: bool, out: &mut [[u8; 4]]) {
        if self.are_bytes {
            let (words, _) = row.as_chunks::<4>();
            for ([b, g, r, opacity], pixel) in words.iter().zip(out) {
                *pixel = if alpha && *opacity < 255 { divided([*r, *g, *b], *opacity) } else { [*r, *g, *b, 255] };
            }
            return;
        }
        let [red, green, blue] = &self.channels;
        let color = |word: u32| [red.value(word), green.value(word), blue.value(word)];
        if bits == 16 {
            let (words, _) = row.as_chunks::<2>();
            for (word, pixel) in words.iter().zip(out) {
                let [r, g, b] = color(u16::from_le_bytes(*word).into());
                *pixel = [r, g, b, 255];
            }
            return;
        }
        let (words, _) = row.as_chunks::<4>();
        for (word, pixel) in words.iter().zip(out) {
            let [.., opacity] = *word;
            *pixel = divided(color(u32::from_le_bytes(*word)), if alpha { opacity } else { 255 });
        }
    }
}

/// The bits of one channel.
struct Channel {
    mask: u32,
    shift: u32,
    /// What its values are in bytes, where they are few.
    bytes: Vec<u8>,
}

impl Channel {
    fn new(mask: u32) -> Channel {
        let mut channel = Channel { mask, shift: mask.trailing_zeros(), bytes: Vec::new() };
        // Three divisions for each pixel would be most of what a picture costs.
        let most = channel.most();
        if most < 256 {
            channel.bytes = (0..=most).map(|value| channel.scaled(value)).collect();
        }
        channel
    }

    fn most(&self) -> u32 {
        self.mask.checked_shr(self.shift).unwrap_or(0)
    }

    fn value(&self, word: u32) -> u8 {
        let value = (word & self.mask).checked_shr(self.shift).unwrap_or(0);
        self.bytes.get(index(value)).copied().unwrap_or_else(|| self.scaled(value))
    }

    fn scaled(&self, value: u32) -> u8 {
        let scaled = u64::from(value).saturating_mul(255).checked_div(self.most().into()).unwrap_or(0);
        u8::try_from(scaled).unwrap_or(u8::MAX)
    }
}

/// A colour that was multiplied with its opacity.
pub(super) fn divided(color: [u8; 3], opacity: u8) -> [u8; 4] {
    let [r, g, b] = color.map(|value| {
        let full = u32::from(value).saturating_mul(255).checked_div(opacity.into()).unwrap_or(0);
        u8::try_from(full).unwrap_or(u8::MAX)
    });
    [r, g, b, opacity]
}

/// Runs of equal pixels ([MS-WMF] 3.1.6). Pixels that are jumped over stay transparent.
fn run_lengths(header: &Header, palette: &[[u8; 4]; 256], pixels: Bytes<'_>) -> Vec<[u8; 4]> {
    let (width, height) = (index(header.width), index(header.height));
    let mut out = vec![[0; 4]; width.saturating_mul(height)];
    let half = header.bits == 4;
    let (mut x, mut y) = (0_usize, 0_usize);
    let mut put = |x: &mut usize, y: usize, number: u8| {
        let row = if header.upward { height.saturating_sub(y).saturating_sub(1) } else { y };
        if *x < width
            && y < height
            && let Some(pixel) = out.get_mut(row.saturating_mul(width).saturating_add(*x))
        {
            *pixel = of(palette, number);
        }
        *x = x.saturating_add(1);
    };
    let nibble = |byte: u8, at: usize| if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
    let mut at = 0_usize;
    while let (Some(count), Some(value)) = (pixels.u8(at), pixels.u8(at.saturating_add(1))) {
        at = at.saturating_add(2);
        match (count, value) {
            (0, 0) => (x, y) = (0, y.saturating_add(1)),
            (0, 1) => break,
            (0, 2) => {
                x = x.saturating_add(pixels.u8(at).unwrap_or(0).into());
                y = y.saturating_add(pixels.u8(at.saturating_add(1)).unwrap_or(0).into());
                at = at.saturating_add(2);
            }
            (0, many) => {
                let many = usize::from(many);
                let bytes = if half { many.div_ceil(2) } else { many };
                for number in 0..many {
                    let byte = pixels.u8(at.saturating_add(if half { number >> 1 } else { number })).unwrap_or(0);
                    put(&mut x, y, if half { nibble(byte, number) } else { byte });
                }
                at = at.saturating_add(bytes.next_multiple_of(2));
            }
            (count, value) => {
                for number in 0..usize::from(count) {
                    put(&mut x, y, if half { nibble(value, number) } else { value });
                }
            }
        }
    }
    out
}

/// A part of a bitmap whose rows are counted from the bottom where they are stored so.
pub(super) fn from_bottom(from: kurbo::Rect, picture: &Picture, info: Bytes<'_>) -> kurbo::Rect {
    if !Header::read(info).is_some_and(|header| header.upward) {
        return from;
    }
    let height = f64::from(super::bytes::signed(picture.height));
    kurbo::Rect::new(from.x0, height - from.y1, from.x1, height - from.y0)
}

const BLACK: [u8; 4] = [0, 0, 0, 255];
/// Where the channels are in pixels of 32 bits that say nothing else.
const WHOLE_BYTES: [u32; 3] = [0x00FF_0000, 0xFF00, 0xFF];
