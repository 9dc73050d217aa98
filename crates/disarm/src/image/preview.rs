//! One picture, small, to be looked at: for a thumbnail, or for a look at an original that nobody may open.
//!
//! The picture is read as it always is; only what comes out of that, its form, is made smaller. So a preview shows what the rebuilt
//! picture shows.

use std::io::Write;

use form::codec::{Decoder, Encoder, Event, Kind};
use form::image::{FrameHeader, ImageHeader, ImageSource, Repeat, Sampling};
use form::job::Preview;
use form::{DetectedType, Limits, Reason, Refusal};

use crate::error::Error;
use crate::room::Part;

/// Writes one frame of a picture with no more than the wanted pixels. Only the pages of a TIFF count as pages; of an animation the first
/// frame is shown.
pub(crate) fn preview(part: Part<'_>, source: ImageSource, wanted: Preview, form: &mut dyn Write) -> Result<(), Error> {
    preview_of(part, source, wanted, form, |part, whole| super::disarm(part, source, whole))
}

/// The same for a picture that `read` reads; `source` says whether its frames are pages.
pub(crate) fn preview_of(
    part: Part<'_>,
    source: ImageSource,
    wanted: Preview,
    form: &mut dyn Write,
    read: impl FnOnce(Part<'_>, &mut dyn Write) -> Result<(), Error>,
) -> Result<(), Error> {
    let (limits, detected) = (&part.job.limits, part.detected);
    let mut whole = Vec::new();
    read(part, &mut whole)?;
    let (header, pixels) = frame(&whole, source, wanted, limits)?;
    let small = Small::of(&header, &pixels, wanted.max_side);
    write(&small, detected, limits, form)
}

/// The wanted frame. One that is not there is refused with the number of those that are.
pub(super) fn frame(
    form: &[u8],
    source: ImageSource,
    wanted: Preview,
    limits: &Limits,
) -> Result<(ImageHeader, Vec<u8>), Error> {
    let read = |error: form::codec::DecodeError| Error::from(error.refusal());
    let mut decoder = Decoder::new(form, limits).map_err(read)?;
    let (mut header, mut pixels, mut frames) = (None, Vec::new(), 0_u32);
    loop {
        match decoder.next().map_err(read)? {
            Event::Image(image) => header = Some(image),
            Event::Frame(_) => frames = frames.saturating_add(1),
            Event::Pixels(rows) if frames == wanted.page.saturating_add(1) => pixels.extend_from_slice(rows),
            Event::End => break,
            _ => {}
        }
    }
    let pages = if source == ImageSource::Tiff { frames } else { frames.min(1) };
    match header {
        Some(header) if wanted.page < pages => Ok((header, pixels)),
        _ => Err(Refusal::limit(Reason::LimitPages, pages.into(), wanted.page.into()).into()),
    }
}

/// Whether descriptive data or a place was found in a picture.
pub(super) fn is_described(form: &[u8], limits: &Limits) -> bool {
    let Ok(mut decoder) = Decoder::new(form, limits) else { return false };
    loop {
        match decoder.next() {
            Ok(Event::Finding(finding)) if [Reason::Metadata, Reason::GpsPosition].contains(&finding.reason) => {
                return true;
            }
            Ok(Event::End) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// A picture of fewer pixels.
struct Small {
    header: ImageHeader,
    pixels: Vec<u8>,
}

impl Small {
    /// Each pixel is the mean of those that it stands for. A picture that is small enough stays as it is.
    fn of(from: &ImageHeader, pixels: &[u8], max_side: u16) -> Small {
        let (width, height) = fit(from.width, from.height, max_side.into());
        let channels = usize::from(from.format.channels());
        let row = usize::try_from(from.row_bytes()).unwrap_or(usize::MAX).max(1);
        let rows: Vec<&[u8]> = pixels.chunks_exact(row).collect();
        let mut small = Vec::new();
        for y in 0..height {
            let lines = rows.get(span(y, height, from.height)).unwrap_or_default();
            for x in 0..width {
                let columns = span(x, width, from.width);
                let bytes = columns.start.saturating_mul(channels)..columns.end.saturating_mul(channels);
                let (mut sums, mut count) = ([0_u64; 4], 0_u64);
                for line in lines {
                    for pixel in line.get(bytes.clone()).unwrap_or_default().chunks_exact(channels) {
                        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum = sum.saturating_add((*value).into()));
                        count = count.saturating_add(1);
                    }
                }
                let mean = |sum: &u64| u8::try_from(sum.checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX);
                small.extend(sums.iter().take(channels).map(mean));
            }
        }
        let header = ImageHeader {
            width,
            height,
            frames: 1,
            density: None,
            source: ImageSource::Png,
            quality: None,
            sampling: Sampling::Full,
            repeat: Repeat::Forever,
            ..*from
        };
        Small { header, pixels: small }
    }
}

/// The size with the longer side at most `most`.
fn fit(width: u32, height: u32, most: u32) -> (u32, u32) {
    let longer = width.max(height).max(1);
    if longer <= most {
        return (width, height);
    }
    let scaled = |side: u32| {
        let scaled = u64::from(side).saturating_mul(most.into()).checked_div(longer.into()).unwrap_or(0);
        u32::try_from(scaled).unwrap_or(most).max(1)
    };
    (scaled(width), scaled(height))
}

/// The pixels of `all` that number `at` of `count` stands for.
fn span(at: u32, count: u32, all: u32) -> std::ops::Range<usize> {
    let edge = |at: u32| {
        let edge = u64::from(at).saturating_mul(all.into()).checked_div(count.into()).unwrap_or(0);
        usize::try_from(edge).unwrap_or(usize::MAX)
    };
    edge(at)..edge(at.saturating_add(1))
}

fn write(small: &Small, detected: DetectedType, limits: &Limits, form: &mut dyn Write) -> Result<(), Error> {
    let mut out = Encoder::new(form, Kind::Image, detected, limits)?;
    out.image(&small.header)?;
    out.frame(&FrameHeader::default())?;
    let chunk = usize::try_from(small.header.chunk_bytes()).unwrap_or(usize::MAX).max(1);
    for rows in small.pixels.chunks(chunk) {
        out.pixels(rows)?;
    }
    out.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_becomes_the_wanted_one_and_small_pictures_stay() {
        assert_eq!(fit(4000, 3000, 1600), (1600, 1200));
        assert_eq!(fit(3000, 4000, 1600), (1200, 1600));
        assert_eq!(fit(100, 60, 1600), (100, 60));
        assert_eq!(fit(1600, 1, 1600), (1600, 1));
        assert_eq!(fit(65_535, 1, 320), (320, 1), "no side vanishes");
    }

    #[test]
    fn every_pixel_of_the_source_is_in_one_of_the_result() {
        for (count, all) in [(3, 10), (7, 7), (320, 1601), (1, 65_535)] {
            let mut next = 0;
            for at in 0..count {
                let span = span(at, count, all);
                assert_eq!(span.start, next);
                assert!(span.end > span.start);
                next = span.end;
            }
            assert_eq!(next, usize::try_from(all).unwrap());
        }
    }
}
