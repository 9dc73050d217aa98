//! PNG: palette, grey or true colour, whichever is smallest without loss; size and density and nothing else.

use std::io::Write;

use ::png::{BitDepth, ColorType, DeflateCompression, Encoder, Filter, PixelDimensions, Unit};
use form::image::{ImageHeader, PixelFormat};

use super::palette::{self, Palette};
use crate::error::Error;

pub(crate) fn write(image: &ImageHeader, pixels: &[u8], out: impl Write) -> Result<(), Error> {
    let mut encoder = Encoder::new(out, image.width, image.height);
    encoder.set_deflate_compression(PACKING);
    encoder.set_pixel_dims(image.density.map(|density| PixelDimensions {
        xppu: per_metre(density.x),
        yppu: per_metre(density.y),
        unit: Unit::Meter,
    }));
    let width = usize::try_from(image.width).unwrap_or(usize::MAX);
    let grey = (image.format == PixelFormat::Gray8).then(|| palette::grey_bits(pixels));
    if let Some(bits) = grey.filter(|bits| *bits < 8) {
        encoder.set_color(ColorType::Grayscale);
        return finish(encoder, bits, Filter::NoFilter, &palette::packed_grey(pixels, width, bits));
    }
    // Grey is as small as a palette; colour and alpha are not.
    if grey.is_none()
        && let Some(palette) = Palette::of(pixels, image.format, 256)
    {
        let bits = palette::bits_for(palette.colours.len());
        encoder.set_color(ColorType::Indexed);
        encoder.set_palette(palette.colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect::<Vec<u8>>());
        let alphas: Vec<u8> =
            palette.colours.iter().map(|[.., alpha]| *alpha).take_while(|alpha| *alpha < 255).collect();
        if !alphas.is_empty() {
            encoder.set_trns(alphas);
        }
        return finish(encoder, bits, Filter::NoFilter, &palette::packed(&palette.indices, width, bits));
    }
    encoder.set_color(match image.format {
        PixelFormat::Gray8 => ColorType::Grayscale,
        PixelFormat::GrayA8 => ColorType::GrayscaleAlpha,
        PixelFormat::Rgb8 => ColorType::Rgb,
        PixelFormat::Rgba8 => ColorType::Rgba,
    });
    let filter = filter_for(pixels, width.saturating_mul(image.format.channels().into()));
    finish(encoder, 8, filter, pixels)
}

/// One filter for all rows (PNG, 9.2). Trying four on each row costs more than packing what comes out, and on drawings, screenshots and
/// photographs of office files it is only 1 to 2 % smaller.
fn filter_for(pixels: &[u8], row_bytes: usize) -> Filter {
    let (mut sum, mut count) = (0_u64, 0_u64);
    for pair in pixels.chunks_exact(row_bytes.saturating_mul(2).max(1)).step_by(SAMPLED) {
        let (above, row) = pair.split_at(row_bytes.min(pair.len()));
        let differences = above.iter().zip(row).map(|(above, value)| above.abs_diff(*value));
        sum = sum.saturating_add(differences.map(u64::from).sum());
        count = count.saturating_add(u64::try_from(row.len()).unwrap_or(u64::MAX));
    }
    if sum > count.saturating_mul(SMOOTH) { Filter::Paeth } else { Filter::Up }
}

/// Of so many pairs of rows one is looked at.
const SAMPLED: usize = 8;
/// By so much a sample differs from the one above it, at most, where the difference to that is as good as any guess.
const SMOOTH: u64 = 3;

fn finish<W: Write>(mut encoder: Encoder<'_, W>, bits: usize, filter: Filter, data: &[u8]) -> Result<(), Error> {
    encoder.set_depth(match bits {
        1 => BitDepth::One,
        2 => BitDepth::Two,
        4 => BitDepth::Four,
        _ => BitDepth::Eight,
    });
    encoder.set_filter(filter);
    let mut writer = encoder.write_header().map_err(write_error)?;
    writer.write_image_data(data).map_err(write_error)?;
    writer.finish().map_err(write_error)
}

/// On two dozen drawings and screenshots of office files level 6 is 1 to 9 % smaller at two to four times the cost, and the fastest
/// packing 15 to 60 % larger.
pub(crate) const PACKING: DeflateCompression = DeflateCompression::Level(3);

fn per_metre(per_inch: u16) -> u32 {
    // An inch is 0.0254 m.
    (u32::from(per_inch) * 10_000 + 127) / 254
}

fn write_error(error: ::png::EncodingError) -> Error {
    match error {
        ::png::EncodingError::IoError(error) => Error::Write(error),
        other => Error::Write(std::io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use form::image::{ImageSource, Repeat, Sampling};

    use super::*;

    /// The first filter byte of a row that is not the first, as another decompressor finds it, and the pixels.
    fn written(pixels: &[u8], width: u32, height: u32) -> (u8, Vec<u8>) {
        let (format, source, repeat) = (PixelFormat::Rgb8, ImageSource::Png, Repeat::Forever);
        let sampling = Sampling::Full;
        let image =
            ImageHeader { width, height, frames: 1, format, density: None, source, quality: None, sampling, repeat };
        let mut file = Vec::new();
        write(&image, pixels, &mut file).unwrap();
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut back = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut back).unwrap();
        let data = file.windows(4).position(|at| at == b"IDAT").unwrap() + 4;
        let mut rows = Vec::new();
        let mut inflate = flate2::read::ZlibDecoder::new(&file[data..]);
        std::io::Read::read_to_end(&mut inflate, &mut rows).unwrap();
        (rows[usize::try_from(width).unwrap() * 3 + 1], back)
    }

    #[test]
    fn drawings_and_photographs_have_filters_of_their_own_and_the_same_pixels() {
        // More colours than a palette holds, the same in all rows: nothing is left of them but the first.
        let row: Vec<u8> = (0..300_u32).flat_map(|n| [n.to_le_bytes()[0], n.to_le_bytes()[1], 9]).collect();
        let drawing = row.repeat(40);
        assert_eq!(written(&drawing, 300, 40), (2, drawing));
        let mut chance = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            chance.to_be_bytes()[0]
        })
        .take(300 * 40 * 3)
        .collect();
        assert_eq!(written(&noise, 300, 40), (4, noise));
    }
}
