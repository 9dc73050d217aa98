//! PNG: chunks, then pixels. Of an animation (APNG) the picture that every reader shows is kept.

use std::io::Cursor;

use form::Reason;
use image::ImageDecoder;
use image::codecs::png::PngDecoder;

use super::raster::{self, Raster};
use super::{Facts, marks};
use crate::error::Error;
use crate::room::Part;

pub(super) fn read(part: &Part<'_>) -> Result<(Raster, Facts), Error> {
    let mut facts = walk(part.input);
    let limits = &part.job.limits;
    // Checked here first, because the decoder's own refusal does not say which limit was passed.
    let (width, height) = size(part.input).ok_or(Reason::Malformed)?;
    raster::check_size(width, height, 1, limits)?;
    let mut decoder = PngDecoder::with_limits(Cursor::new(part.input), raster::decoder_limits(limits))
        .map_err(|error| raster::decode_error(&error))?;
    facts.profile = decoder.icc_profile().ok().flatten();
    let raster = Raster::read(decoder, limits, &mut facts)?;
    Ok((raster, facts))
}

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
