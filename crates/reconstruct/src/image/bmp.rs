//! BMP: 1, 4 or 8 bits with a palette, 24 bits, or 32 bits with alpha; rows from the bottom, as old programs expect.

use std::io::Write;

use form::Reason;
use form::image::{ImageHeader, PixelFormat};

use super::palette::{self, Palette};
use crate::error::Error;
use crate::output::Output;

pub(super) fn write(image: &ImageHeader, pixels: &[u8], out: &mut Output<'_>) -> Result<(), Error> {
    let alpha = matches!(image.format, PixelFormat::GrayA8 | PixelFormat::Rgba8);
    let palette = if alpha { None } else { Palette::of(pixels, image.format, 256) };
    let width = usize::try_from(image.width).unwrap_or(usize::MAX);
    match palette {
        Some(palette) => {
            let bits = match palette::bits_for(palette.colours.len()) {
                2 => 4,
                bits => bits,
            };
            let colours: Vec<u8> = palette.colours.iter().flat_map(|[r, g, b, _]| [*b, *g, *r, 0]).collect();
            header(image, bits, palette.colours.len(), &colours, out)?;
            rows(&palette.indices, width, out, |row, line| line.extend(palette::packed(row, width, bits)))
        }
        None => {
            let channels = usize::from(image.format.channels());
            header(image, if alpha { 32 } else { 24 }, 0, if alpha { MASKS } else { &[] }, out)?;
            rows(pixels, width.saturating_mul(channels), out, |row, line| {
                for pixel in row.chunks_exact(channels) {
                    match *pixel {
                        [grey] => line.extend([grey; 3]),
                        [grey, alpha] => line.extend([grey, grey, grey, alpha]),
                        [r, g, b] => line.extend([b, g, r]),
                        [r, g, b, alpha] => line.extend([b, g, r, alpha]),
                        _ => {}
                    }
                }
            })
        }
    }
}

/// File header and BITMAPINFOHEADER, or BITMAPV4HEADER where there is alpha; then palette or masks.
fn header(image: &ImageHeader, bits: usize, colours: usize, tail: &[u8], out: &mut Output<'_>) -> Result<(), Error> {
    let with_alpha = bits == 32;
    let info_bytes: u32 = if with_alpha { 108 } else { 40 };
    let tail_bytes = if with_alpha { 0 } else { u32::try_from(tail.len()).unwrap_or(u32::MAX) };
    let row_bytes = (u64::from(image.width) * u64::try_from(bits).unwrap_or(32)).div_ceil(32) * 4;
    let data_bytes = row_bytes.saturating_mul(image.height.into());
    let offset = 14 + info_bytes + tail_bytes;
    let file_bytes = u32::try_from(data_bytes.saturating_add(offset.into())).map_err(|_| Reason::LimitOutputBytes)?;
    let (x, y) = image.density.map_or((0, 0), |density| (per_metre(density.x), per_metre(density.y)));
    let mut head = Vec::new();
    head.extend_from_slice(b"BM");
    for field in [file_bytes, 0, offset, info_bytes, image.width, image.height] {
        head.extend_from_slice(&field.to_le_bytes());
    }
    head.extend_from_slice(&1_u16.to_le_bytes());
    head.extend_from_slice(&u16::try_from(bits).unwrap_or(24).to_le_bytes());
    let compression = if with_alpha { BITFIELDS } else { 0 };
    let colours = u32::try_from(colours).unwrap_or(0);
    for field in [compression, u32::try_from(data_bytes).unwrap_or(0), x, y, colours, 0] {
        head.extend_from_slice(&field.to_le_bytes());
    }
    head.extend_from_slice(tail);
    head.resize(usize::try_from(offset).unwrap_or(0), 0);
    Ok(out.write_all(&head)?)
}

/// Rows from the bottom, each filled up to four bytes.
fn rows(
    values: &[u8],
    row_len: usize,
    out: &mut Output<'_>,
    encode: impl Fn(&[u8], &mut Vec<u8>),
) -> Result<(), Error> {
    let mut line = Vec::new();
    for row in values.rchunks_exact(row_len.max(1)) {
        line.clear();
        encode(row, &mut line);
        line.resize(line.len().next_multiple_of(4), 0);
        out.write_all(&line)?;
    }
    Ok(())
}

fn per_metre(per_inch: u16) -> u32 {
    (u32::from(per_inch) * 10_000 + 127) / 254
}

const BITFIELDS: u32 = 3;
/// Red, green, blue, alpha, and "sRGB" as the colour space, backwards as Windows writes it.
const MASKS: &[u8] = b"\0\0\xff\0\0\xff\0\0\xff\0\0\0\0\0\0\xffBGRs";
