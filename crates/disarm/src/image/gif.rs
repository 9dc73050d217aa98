//! GIF: blocks, then frames, each composed to the full picture so that no order of disposal crosses.

use std::io::{Cursor, Write};

use form::Reason;
use form::codec::{Encoder, Kind};
use form::image::{FrameHeader, ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, ImageDecoder};

use super::Facts;
use super::raster::{self, Raster};
use crate::error::Error;
use crate::room::Part;

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let (mut facts, frames) = walk(part.input);
    let limits = &part.job.limits;
    let mut decoder = GifDecoder::new(Cursor::new(part.input)).map_err(|error| raster::decode_error(&error))?;
    let (width, height) = decoder.dimensions();
    raster::check_size(width, height, frames.max(1), limits)?;
    decoder.set_limits(raster::decoder_limits(limits)).map_err(|error| raster::decode_error(&error))?;
    let mut images = decoder.into_frames();
    let first = images.next().ok_or(Reason::Malformed)?.map_err(|error| raster::decode_error(&error))?;
    if frames <= 1 {
        let pixels = first.into_buffer().into_raw();
        return Raster { width, height, format: PixelFormat::Rgba8, pixels }.write(ImageSource::Gif, facts, part, form);
    }
    let header = ImageHeader {
        width,
        height,
        frames,
        format: PixelFormat::Rgba8,
        density: None,
        source: ImageSource::Gif,
        quality: None,
        sampling: Sampling::Full,
        repeat: facts.repeat.unwrap_or(Repeat::Times(1)),
    };
    let mut encoder = Encoder::new(form, Kind::Image, part.detected, limits)?;
    encoder.image(&header)?;
    let mut next = Some(Ok(first));
    let mut written = 0_u32;
    while let Some(frame) = next {
        let Ok(frame) = frame else {
            facts.incomplete = true;
            break;
        };
        let (above, below) = frame.delay().numer_denom_ms();
        encoder.frame(&FrameHeader { delay_ms: above.checked_div(below).unwrap_or(0) })?;
        encoder.pixels(frame.buffer().as_raw())?;
        written = written.saturating_add(1);
        // The decoder may see a frame where the walk has lost its way; the header's number is the most.
        next = if written < frames { images.next() } else { None };
    }
    raster::note(&facts, &mut part, false);
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// What the blocks say, and how many frames there are.
fn walk(bytes: &[u8]) -> (Facts, u32) {
    let mut facts = Facts::default();
    let mut frames = 0_u32;
    let mut rest = bytes.get(13..).unwrap_or_default();
    rest = rest.get(table_bytes(bytes.get(10).copied().unwrap_or(0))..).unwrap_or_default();
    while let Some((introducer, behind)) = rest.split_first() {
        let next = match introducer {
            0x21 => extension(behind, &mut facts),
            0x2C => {
                frames = frames.saturating_add(1);
                behind.get(8).and_then(|flags| {
                    let data = behind.get(9usize.checked_add(table_bytes(*flags))?..)?.get(1..)?;
                    sub_blocks(data).map(|(_, rest)| rest)
                })
            }
            0x3B => {
                facts.surplus = behind.iter().any(|b| *b != 0);
                None
            }
            _ => None,
        };
        match next {
            Some(next) => rest = next,
            None => break,
        }
    }
    (facts, frames)
}

fn extension<'a>(behind: &'a [u8], facts: &mut Facts) -> Option<&'a [u8]> {
    let (label, data) = behind.split_first()?;
    let (first, rest) = sub_blocks(data)?;
    match label {
        0xFE => facts.add_metadata("comment"),
        0xFF if first.starts_with(b"NETSCAPE2.0") || first.starts_with(b"ANIMEXTS1.0") => {
            // Length 11, name, length 3, sub-block 1, times to repeat after the first showing (0: without end).
            let times = data.get(14..16).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes);
            facts.repeat = Some(if times == 0 { Repeat::Forever } else { Repeat::Times(times.saturating_add(1)) });
        }
        0xFF if first.starts_with(b"XMP Data") => facts.add_metadata("XMP"),
        0xFF => facts.add_metadata("application data"),
        _ => {}
    }
    Some(rest)
}

/// The first sub-block and what follows the last.
fn sub_blocks(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = data;
    let mut first = None;
    loop {
        let (len, behind) = rest.split_first()?;
        let (block, behind) = behind.split_at_checked(usize::from(*len))?;
        rest = behind;
        if *len == 0 {
            return Some((first.unwrap_or_default(), rest));
        }
        first.get_or_insert(block);
    }
}

fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
