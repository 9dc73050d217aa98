//! PNG: chunks, then pixels. Of an animation (APNG) the picture that every reader shows is kept.

use std::io::Cursor;

use form::image::PixelFormat;
use form::{Limits, Reason};
use image::ImageDecoder;
use image::codecs::png::PngDecoder;
use png::{BitDepth, ColorType, DecodeOptions, Decoder, Transformations};

use super::raster::{self, Raster};
use super::{Facts, marks};
use crate::error::Error;
use crate::room::Part;

pub(super) fn read(part: &Part<'_>) -> Result<(Raster, Facts), Error> {
    read_bytes(part.input, &part.job.limits)
}

/// Reads a picture that may stand in another file.
pub(super) fn read_bytes(bytes: &[u8], limits: &Limits) -> Result<(Raster, Facts), Error> {
    let mut facts = walk(bytes);
    // Checked here first, because the decoder's own refusal does not say which limit was passed.
    let (width, height) = size(bytes).ok_or(Reason::Malformed)?;
    raster::check_size(width, height, 1, limits)?;
    let whole = PngDecoder::with_limits(Cursor::new(bytes), raster::decoder_limits(limits))
        .map_err(|error| raster::decode_error(&error))
        .and_then(|mut decoder| {
            facts.profile = decoder.icc_profile().ok().flatten();
            Raster::read(decoder, limits, &mut facts)
        });
    match whole {
        Err(error) if error.refusal().reason == Reason::Malformed => {
            let raster = beginning(bytes, limits).ok_or(error)?;
            facts.incomplete = true;
            Ok((raster, facts))
        }
        done => Ok((done?, facts)),
    }
}

/// The rows of a damaged picture, as browsers show them: checksums tell nothing then, and what is missing is transparent or white.
/// Nothing where not even one row can be read, nor where rows do not come one after the other.
fn beginning(bytes: &[u8], limits: &Limits) -> Option<Raster> {
    let bytes_allowed = usize::try_from(limits.pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    let mut options = DecodeOptions::default();
    options.set_ignore_checksums(true);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(png::Limits { bytes: bytes_allowed });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height, is_interlaced) = (reader.info().width, reader.info().height, reader.info().interlaced);
    let (format, missing) = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => (PixelFormat::Gray8, u8::MAX),
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => (PixelFormat::GrayA8, 0),
        (ColorType::Rgb, BitDepth::Eight) => (PixelFormat::Rgb8, u8::MAX),
        (ColorType::Rgba, BitDepth::Eight) => (PixelFormat::Rgba8, 0),
        _ => return None,
    };
    if is_interlaced {
        return None;
    }
    let channels = usize::from(format.channels());
    let whole = usize::try_from(width).ok()?.checked_mul(usize::try_from(height).ok()?)?.checked_mul(channels)?;
    let mut pixels = Vec::new();
    while let Ok(Some(row)) = reader.next_row() {
        pixels.extend_from_slice(row.data());
    }
    if pixels.is_empty() {
        return None;
    }
    pixels.resize(whole, missing);
    Some(Raster { width, height, format, pixels })
}

/// How a file begins.
pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The sides that the header chunk gives, which stands first.
fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    Some((side(16)?, side(20)?))
}

fn walk(bytes: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((kind, data, behind)) = chunk(rest) {
        rest = behind;
        match kind {
            b"pHYs" => facts.density = density(data),
            b"eXIf" => facts.add_exif(data),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                let xmp = data.starts_with(b"XML:com.adobe.xmp");
                facts.add_metadata(if xmp { "XMP" } else { "text" });
            }
            b"tIME" => facts.add_metadata("time"),
            b"acTL" => {
                let frames = data.get(..4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
                facts.more_frames = frames.saturating_sub(1);
            }
            b"IEND" => {
                facts.surplus = !rest.is_empty();
                break;
            }
            _ => {}
        }
    }
    facts
}

fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let len = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
    let (kind, rest) = bytes.get(4..)?.split_at_checked(4)?;
    let (data, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    Some((kind, data, rest.get(4..)?))
}

fn density(data: &[u8]) -> Option<form::image::Density> {
    let side = |at: usize| Some(f64::from(u32::from_be_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?)));
    // Unit 1 is the metre; 0 gives only the shape of a pixel.
    if data.get(8) != Some(&1) {
        return None;
    }
    marks::from_inches(side(0)? * 0.0254, side(4)? * 0.0254)
}
