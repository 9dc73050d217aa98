//! Pixels to the data of an image: whichever of JPEG, Group 4 and Flate suits them, in the fewest bits that lose nothing.

use form::image::PixelFormat;
use form::pages::{PictureHeader, PictureLayout, PictureSource};

use super::super::deflate::Deflater;
use super::super::file::Packing;
use super::super::grammar::{Key, Name};
use super::super::syntax::Syntax;
use super::{fax, jbig2, predict};
use crate::error::Error;
use crate::image::baseline::{self, Rounding, Samples, Settings};
use crate::image::palette::{self, Palette};

/// The data of an image and what a reader must know of it.
pub(super) struct Encoded {
    pub(super) packing: Packing,
    pub(super) data: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: u8,
    colors: Colors,
    predicted: bool,
}

enum Colors {
    Gray,
    Rgb,
    /// Red, green, blue of each.
    Indexed(Vec<u8>),
}

/// Black and white.
pub(super) fn bits(rows: &[u8], width: u32, height: u32, deflater: &mut Deflater) -> Result<Encoded, Error> {
    let encoded =
        |packing, data| Encoded { packing, data, width, height, bits: 1, colors: Colors::Gray, predicted: false };
    let side = usize::try_from(width).unwrap_or(usize::MAX);
    if u64::from(width).saturating_mul(u64::from(height)) >= SMALLEST_JBIG2
        && let Some(data) = jbig2::encode(rows, width, height, rows.len() / 8)
    {
        return Ok(encoded(Packing::Jbig2, data));
    }
    // Dithered pictures grow in Group 4, and then Flate knows better; scans are never near an eighth.
    match fax::encode(rows, side, rows.len()) {
        Some(data) if data.len() <= rows.len() / 8 => Ok(encoded(Packing::Fax, data)),
        fax => {
            let packed = deflater.pack(rows)?;
            match fax {
                Some(data) if data.len() <= packed.len() => Ok(encoded(Packing::Fax, data)),
                _ => Ok(encoded(Packing::Flate, packed)),
            }
        }
    }
}

/// Grey or colour.
pub(super) fn pixels(
    pixels: Vec<u8>,
    header: &PictureHeader,
    quality: u8,
    deflater: &mut Deflater,
) -> Result<Encoded, Error> {
    let (width, height) = (header.width, header.height);
    let pixels = match header.layout {
        PictureLayout::Bits => return bits(&pixels, width, height, deflater),
        PictureLayout::Gray8 => return gray(&pixels, header, quality, deflater),
        PictureLayout::Rgb8 => pixels,
    };
    if pixels.chunks_exact(3).all(|pixel| matches!(pixel, [r, g, b] if r == g && g == b)) {
        let samples: Vec<u8> = pixels.iter().step_by(3).copied().collect();
        return gray(&samples, header, quality, deflater);
    }
    let side = usize::try_from(width).unwrap_or(usize::MAX);
    let photo = is_photo(header);
    let palette = Palette::of(&pixels, PixelFormat::Rgb8, if photo { FEW_COLORS } else { 256 });
    if let Some(palette) = palette {
        let bits = palette::bits_for(palette.colours.len());
        let data = deflater.pack(&palette::packed(&palette.indices, side, bits))?;
        let colors = Colors::Indexed(palette.colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect());
        let bits = u8::try_from(bits).unwrap_or(8);
        return Ok(Encoded { packing: Packing::Flate, data, width, height, bits, colors, predicted: false });
    }
    if photo {
        let data = jpeg(&pixels, header, quality, Samples::Rgb { full: false });
        return Ok(Encoded {
            packing: Packing::Dct,
            data,
            width,
            height,
            bits: 8,
            colors: Colors::Rgb,
            predicted: false,
        });
    }
    let (data, predicted) = predict::pack(&pixels, side.saturating_mul(3), 3, deflater)?;
    Ok(Encoded { packing: Packing::Flate, data, width, height, bits: 8, colors: Colors::Rgb, predicted })
}

fn gray(samples: &[u8], header: &PictureHeader, quality: u8, deflater: &mut Deflater) -> Result<Encoded, Error> {
    let (width, height) = (header.width, header.height);
    let side = usize::try_from(width).unwrap_or(usize::MAX);
    let depth = palette::grey_bits(samples);
    let encoded = |packing, data, depth: usize, predicted| {
        let bits = u8::try_from(depth).unwrap_or(8);
        Encoded { packing, data, width, height, bits, colors: Colors::Gray, predicted }
    };
    match depth {
        1 => bits(&palette::packed_grey(samples, side, 1), width, height, deflater),
        2 | 4 => {
            let data = deflater.pack(&palette::packed_grey(samples, side, depth))?;
            Ok(encoded(Packing::Flate, data, depth, false))
        }
        _ if is_photo(header) => Ok(encoded(Packing::Dct, jpeg(samples, header, quality, Samples::Gray), 8, false)),
        _ => {
            let (data, predicted) = predict::pack(samples, side, 1, deflater)?;
            Ok(encoded(Packing::Flate, data, 8, predicted))
        }
    }
}

/// What had lost something already may lose a little more, unless that would save nothing.
fn is_photo(header: &PictureHeader) -> bool {
    let pixels = u64::from(header.width).saturating_mul(u64::from(header.height));
    header.source != PictureSource::Drawing
        && pixels >= SMALLEST_PHOTO
        && header.width.max(header.height) <= LONGEST_JPEG
}

/// Baseline JPEG (ISO 32000-1, 7.4.8), its colours at half the density as cameras and scanners have them.
fn jpeg(pixels: &[u8], header: &PictureHeader, quality: u8, samples: Samples) -> Vec<u8> {
    let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
    let settings =
        Settings { samples, quality: worth(header.source, quality), rounding: Rounding::Thrifty, density: None };
    baseline::encode(pixels, side(header.width), side(header.height), &settings)
}

/// The quality that is worth its bytes: what is lost already is not to be had back.
fn worth(source: PictureSource, quality: u8) -> u8 {
    match source {
        PictureSource::Photo | PictureSource::Drawing => quality,
        PictureSource::CoarsePhoto => quality.min(65),
        PictureSource::RoughPhoto => quality.min(45),
    }
}

impl Encoded {
    pub(super) fn color_space(&self, image: &mut Syntax) {
        image.key(Key::ColorSpace);
        match &self.colors {
            Colors::Gray => image.name(Name::DeviceGray),
            Colors::Rgb => image.name(Name::DeviceRgb),
            Colors::Indexed(colors) => image.array(|space| {
                space.name(Name::Indexed);
                space.name(Name::DeviceRgb);
                space.size((colors.len() / 3).saturating_sub(1));
                space.hexadecimal(colors);
            }),
        }
    }

    /// What the filter must know, where it must know something.
    pub(super) fn parameters(&self, image: &mut Syntax) {
        if self.packing == Packing::Fax {
            image.key(Key::DecodeParms).dictionary(|parameters| {
                parameters.key(Key::K).integer(-1);
                parameters.key(Key::Columns).integer(self.width);
                parameters.key(Key::Rows).integer(self.height);
            });
        } else if self.predicted {
            image.key(Key::DecodeParms).dictionary(|parameters| {
                parameters.key(Key::Predictor).integer(15);
                parameters.key(Key::Columns).integer(self.width);
                parameters.key(Key::Colors).integer(match self.colors {
                    Colors::Rgb => 3,
                    Colors::Gray | Colors::Indexed(_) => 1,
                });
            });
        }
    }
}

/// A photograph with so few colours is none.
const FEW_COLORS: usize = 16;
/// Below, the tables of a JPEG are larger than the pixels.
const SMALLEST_PHOTO: u64 = 1024;
const LONGEST_JPEG: u32 = 65_535;
/// Below, JBIG2 has learnt too little to be smaller than Group 4.
const SMALLEST_JBIG2: u64 = 65_536;
