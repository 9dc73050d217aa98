//! WebP: RIFF chunks, then pixels. Of an animation the first frame is kept, because no writer of ours makes another.

use std::io::Cursor;

use form::Reason;
use form::image::PixelFormat;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder};

use super::Facts;
use super::raster::{self, Raster};
use crate::error::Error;
use crate::room::Part;

pub(super) fn read(part: &Part<'_>) -> Result<(Raster, Facts), Error> {
    let mut facts = walk(part.input);
    let limits = &part.job.limits;
    let mut decoder = WebPDecoder::new(Cursor::new(part.input)).map_err(|error| raster::decode_error(&error))?;
    let (width, height) = decoder.dimensions();
    raster::check_size(width, height, 1, limits)?;
    facts.profile = decoder.icc_profile().ok().flatten();
    let raster = if decoder.has_animation() {
        let frame =
            decoder.into_frames().next().ok_or(Reason::Malformed)?.map_err(|error| raster::decode_error(&error))?;
        let pixels = frame.into_buffer().into_raw();
        Raster { width, height, format: PixelFormat::Rgba8, pixels }
    } else {
        Raster::read(decoder, limits, &mut facts)?
    };
    Ok((raster, facts))
}

fn walk(bytes: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let declared = bytes.get(4..8).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let end = usize::try_from(declared).unwrap_or(usize::MAX).saturating_add(8);
    facts.surplus = bytes.len() > end.saturating_add(end % 2);
    let mut frames = 0_u32;
    let mut rest = bytes.get(12..end.min(bytes.len())).unwrap_or_default();
    while let Some((kind, data, behind)) = chunk(rest) {
        rest = behind;
        match kind {
            // Some writers put JPEG's "Exif\0\0" before the block.
            b"EXIF" => facts.add_exif(data.strip_prefix(b"Exif\0\0").unwrap_or(data)),
            b"XMP " => facts.add_metadata("XMP"),
            b"ANMF" => frames = frames.saturating_add(1),
            _ => {}
        }
    }
    facts.more_frames = frames.saturating_sub(1);
    facts
}

fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (kind, rest) = bytes.split_at_checked(4)?;
    let (len, rest) = rest.split_at_checked(4)?;
    let len = usize::try_from(u32::from_le_bytes(len.try_into().ok()?)).ok()?;
    let (data, rest) = rest.split_at_checked(len)?;
    Some((kind, data, rest.get(len % 2..).unwrap_or_default()))
}
