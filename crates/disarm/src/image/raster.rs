//! Decoded pixels on their way into the form: held once, brought to 8 bits, reduced to the channels they use, turned.

use std::io::Write;
use std::ops::Range;

use form::codec::{Encoder, Kind};
use form::image::{FrameHeader, ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use form::{Limits, Place, Reason};
use image::{ColorType, ImageDecoder, ImageError};

use super::{Facts, colour};
use crate::error::{Error, within};
use crate::room::Part;

/// Pixels of 8 bits per channel, rows from the top.
pub(super) struct Raster {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
    pub(super) pixels: Vec<u8>,
}

/// Refuses a size before memory is taken for it.
pub(super) fn check_size(width: u32, height: u32, frames: u32, limits: &Limits) -> Result<(), Error> {
    within(Reason::LimitDimension, limits.dimension.into(), width.max(height).into())?;
    within(Reason::LimitFrames, limits.frames.into(), frames.into())?;
    let pixels = u64::from(width).saturating_mul(height.into()).saturating_mul(frames.into());
    within(Reason::LimitPixels, limits.pixels, pixels)?;
    if width == 0 || height == 0 { Err(Reason::Malformed.into()) } else { Ok(()) }
}

/// Limits for the decoders, some of which keep their own buffers: what the pixels need, and as much again.
pub(super) fn decoder_limits(limits: &Limits) -> image::Limits {
    let mut own = image::Limits::no_limits();
    own.max_image_width = Some(limits.dimension);
    own.max_image_height = Some(limits.dimension);
    own.max_alloc = Some(limits.pixels.saturating_mul(8).saturating_add(DECODER_BYTES));
    own
}

/// The refusal of a decoder's error. A format feature that no decoder knows is no fault of the file.
pub(super) fn decode_error(error: &ImageError) -> Error {
    match error {
        ImageError::Unsupported(_) => Reason::UnsupportedType.into(),
        ImageError::Limits(_) => Reason::LimitPixels.into(),
        ImageError::Decoding(_) | ImageError::Encoding(_) | ImageError::Parameter(_) | ImageError::IoError(_) => {
            Reason::Malformed.into()
        }
    }
}

impl Raster {
    /// Reads the picture of a decoder.
    pub(super) fn read(mut decoder: impl ImageDecoder, limits: &Limits, facts: &mut Facts) -> Result<Raster, Error> {
        let (width, height) = decoder.dimensions();
        check_size(width, height, 1, limits)?;
        decoder.set_limits(decoder_limits(limits)).map_err(|error| decode_error(&error))?;
        let colour = decoder.color_type();
        let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| Error::from(Reason::LimitPixels))?;
        let mut pixels = vec![0; bytes];
        decoder.read_image(&mut pixels).map_err(|error| decode_error(&error))?;
        let (format, depth) = match colour {
            ColorType::L8 => (PixelFormat::Gray8, Depth::Byte),
            ColorType::La8 => (PixelFormat::GrayA8, Depth::Byte),
            ColorType::Rgb8 => (PixelFormat::Rgb8, Depth::Byte),
            ColorType::Rgba8 => (PixelFormat::Rgba8, Depth::Byte),
            ColorType::L16 => (PixelFormat::Gray8, Depth::Word),
            ColorType::La16 => (PixelFormat::GrayA8, Depth::Word),
            ColorType::Rgb16 => (PixelFormat::Rgb8, Depth::Word),
            ColorType::Rgba16 => (PixelFormat::Rgba8, Depth::Word),
            ColorType::Rgb32F => (PixelFormat::Rgb8, Depth::Float),
            ColorType::Rgba32F => (PixelFormat::Rgba8, Depth::Float),
            _ => return Err(Reason::UnsupportedType.into()),
        };
        match depth {
            Depth::Byte => {}
            Depth::Word => narrow::<2>(&mut pixels, |word| round_word(u16::from_ne_bytes(word))),
            Depth::Float => narrow::<4>(&mut pixels, |float| round_float(f32::from_ne_bytes(float))),
        }
        facts.deep |= !matches!(depth, Depth::Byte);
        Ok(Raster { width, height, format, pixels })
    }

    /// Writes the picture as a form of one frame, with the findings of the part.
    pub(super) fn write(
        mut self,
        source: ImageSource,
        mut facts: Facts,
        mut part: Part<'_>,
        form: &mut dyn Write,
    ) -> Result<(), Error> {
        let (header, turn) = self.settle(source, &mut facts);
        let mut encoder = Encoder::new(form, Kind::Image, part.detected, &part.job.limits)?;
        encoder.image(&header)?;
        encoder.frame(&FrameHeader::default())?;
        if turn.is_none() && header.format == self.format {
            encoder.pixels(&self.pixels)?;
        } else {
            let rows = u32::try_from(header.chunk_bytes() / header.row_bytes().max(1)).unwrap_or(u32::MAX).max(1);
            let mut chunk = Vec::new();
            let mut y = 0;
            while y < turn.height {
                chunk.clear();
                let end = y.saturating_add(rows).min(turn.height);
                self.append_rows(y..end, &turn, header.format, &mut chunk);
                encoder.pixels(&chunk)?;
                y = end;
            }
        }
        note(&facts, &mut part, !turn.is_none());
        for finding in part.findings.into_vec() {
            encoder.finding(&finding)?;
        }
        encoder.finish()?;
        Ok(())
    }

    /// The picture as it would be written.
    pub(super) fn into_pixels(mut self, source: ImageSource, mut facts: Facts) -> (ImageHeader, Vec<u8>) {
        let (header, turn) = self.settle(source, &mut facts);
        if turn.is_none() && header.format == self.format {
            return (header, self.pixels);
        }
        let mut pixels = Vec::new();
        self.append_rows(0..turn.height, &turn, header.format, &mut pixels);
        (header, pixels)
    }

    /// Brings the colours to sRGB, and says what is left to be done.
    fn settle(&mut self, source: ImageSource, facts: &mut Facts) -> (ImageHeader, Turn) {
        if let Some(profile) = facts.profile.take() {
            facts.converted |= colour::to_srgb(&profile, self);
        }
        let turn = Turn::new(facts.orientation, self.width, self.height);
        let header = ImageHeader {
            width: turn.width,
            height: turn.height,
            frames: 1,
            format: self.channels_in_use(),
            // A quarter turn changes across and down.
            density: facts.density.map(|density| turn.density(density)),
            source,
            quality: facts.quality,
            sampling: facts.sampling.unwrap_or(Sampling::Full),
            repeat: Repeat::Forever,
        };
        (header, turn)
    }

    /// The smallest layout that loses nothing: no alpha where all is opaque, grey where all channels agree.
    fn channels_in_use(&self) -> PixelFormat {
        let opaque = match self.format {
            PixelFormat::Gray8 | PixelFormat::Rgb8 => true,
            PixelFormat::GrayA8 => self.pixels.chunks_exact(2).all(|p| matches!(p, [_, 255])),
            PixelFormat::Rgba8 => self.pixels.chunks_exact(4).all(|p| matches!(p, [.., 255])),
        };
        let grey = match self.format {
            PixelFormat::Gray8 | PixelFormat::GrayA8 => true,
            PixelFormat::Rgb8 => self.pixels.chunks_exact(3).all(is_grey),
            PixelFormat::Rgba8 => self.pixels.chunks_exact(4).all(is_grey),
        };
        match (grey, opaque) {
            (true, true) => PixelFormat::Gray8,
            (true, false) => PixelFormat::GrayA8,
            (false, true) => PixelFormat::Rgb8,
            (false, false) => PixelFormat::Rgba8,
        }
    }

    fn append_rows(&self, rows: Range<u32>, turn: &Turn, kept: PixelFormat, out: &mut Vec<u8>) {
        let channels = usize::from(self.format.channels());
        let place = |x: u32, y: u32| {
            let at = u64::from(y).saturating_mul(self.width.into()).saturating_add(x.into());
            usize::try_from(at).unwrap_or(usize::MAX).saturating_mul(channels)
        };
        // A size that passed the check has all its pixels; the empty slices are never taken.
        if turn.is_none() {
            let pixels = self.pixels.get(place(0, rows.start)..place(0, rows.end)).unwrap_or_default();
            return append_all(pixels, self.format, kept, out);
        }
        for y in rows {
            for x in 0..turn.width {
                let (from_x, from_y) = turn.source(x, y);
                let at = place(from_x, from_y);
                let pixel = self.pixels.get(at..at.saturating_add(channels)).unwrap_or_default();
                append_kept(pixel, self.format, kept, out);
            }
        }
    }
}

/// Appends the channels of `kept` out of many pixels of `format`, which has them all.
fn append_all(pixels: &[u8], format: PixelFormat, kept: PixelFormat, out: &mut Vec<u8>) {
    match (format, kept) {
        (PixelFormat::Rgba8, PixelFormat::Rgb8) => append_each(pixels, out, |[r, g, b, _]: [u8; 4]| [r, g, b]),
        (PixelFormat::Rgba8, PixelFormat::GrayA8) => append_each(pixels, out, |[r, _, _, a]: [u8; 4]| [r, a]),
        (PixelFormat::Rgba8, PixelFormat::Gray8) => append_each(pixels, out, |[r, ..]: [u8; 4]| [r]),
        (PixelFormat::Rgb8, PixelFormat::Gray8) => append_each(pixels, out, |[r, ..]: [u8; 3]| [r]),
        (PixelFormat::GrayA8, PixelFormat::Gray8) => append_each(pixels, out, |[grey, _]: [u8; 2]| [grey]),
        _ => out.extend_from_slice(pixels),
    }
}

fn append_each<const FROM: usize, const TO: usize>(
    pixels: &[u8],
    out: &mut Vec<u8>,
    pick: impl Fn([u8; FROM]) -> [u8; TO],
) {
    let (pixels, _) = pixels.as_chunks::<FROM>();
    let start = out.len();
    out.resize(start.saturating_add(pixels.len().saturating_mul(TO)), 0);
    let (places, _) = out.get_mut(start..).unwrap_or_default().as_chunks_mut::<TO>();
    places.iter_mut().zip(pixels).for_each(|(place, pixel)| *place = pick(*pixel));
}

/// Appends the channels of `kept` out of one pixel of `format`, which has them all.
pub(super) fn append_kept(pixel: &[u8], format: PixelFormat, kept: PixelFormat, out: &mut Vec<u8>) {
    let has_alpha = matches!(format, PixelFormat::GrayA8 | PixelFormat::Rgba8);
    let (colour, alpha) = if has_alpha { pixel.split_at(pixel.len().saturating_sub(1)) } else { (pixel, &[][..]) };
    match kept {
        PixelFormat::Gray8 => out.extend_from_slice(colour.get(..1).unwrap_or_default()),
        PixelFormat::GrayA8 => {
            out.extend_from_slice(colour.get(..1).unwrap_or_default());
            out.extend_from_slice(alpha);
        }
        PixelFormat::Rgb8 => out.extend_from_slice(colour),
        PixelFormat::Rgba8 => out.extend_from_slice(pixel),
    }
}

/// Appends one pixel of grey or colour without alpha; transparent ones lie on white paper.
pub(super) fn append_opaque(pixel: &[u8], kept: PixelFormat, out: &mut Vec<u8>) {
    let over_white = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        u8::try_from((value * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
    };
    let colour = match *pixel {
        [grey] => [grey; 3],
        [grey, alpha] => [over_white(grey, alpha); 3],
        [r, g, b] => [r, g, b],
        [r, g, b, alpha] => [r, g, b].map(|value| over_white(value, alpha)),
        _ => [u8::MAX; 3],
    };
    match kept {
        PixelFormat::Gray8 => out.extend(colour.first()),
        PixelFormat::Rgb8 => out.extend_from_slice(&colour),
        PixelFormat::GrayA8 => out.extend(colour.first().into_iter().chain(&[u8::MAX])),
        PixelFormat::Rgba8 => out.extend(colour.iter().chain(&[u8::MAX])),
    }
}

/// Whether a further frame after this index would pass the limit.
pub(super) fn too_many(index: usize, limits: &Limits) -> bool {
    u32::try_from(index).map_or(true, |index| index >= limits.frames)
}

/// The findings that facts about a picture give.
pub(super) fn note(facts: &Facts, part: &mut Part<'_>, turned: bool) {
    let mut add = |when: bool, reason: Reason| {
        if when {
            part.findings.add(reason, Place::default());
        }
    };
    add(facts.gps, Reason::GpsPosition);
    add(turned, Reason::OrientationApplied);
    add(facts.converted, Reason::ColourConverted);
    add(facts.deep, Reason::ColourDepthReduced);
    add(facts.incomplete, Reason::ImageIncomplete);
    add(facts.surplus, Reason::SurplusBytes);
    part.findings.add_many(Reason::AnimationFrames, facts.more_frames, Place::default());
    if !facts.metadata.is_empty() {
        part.findings.add(Reason::Metadata, Place::new(&facts.metadata.join(", ")));
    }
}

/// Where each pixel of the turned picture comes from.
struct Turn {
    number: u32,
    width: u32,
    height: u32,
    last_x: u32,
    last_y: u32,
}

impl Turn {
    /// The turn and flip of an Exif number (Exif 2.32, 4.6.4 "Orientation"); anything but 2 to 8 is none.
    fn new(number: u32, width: u32, height: u32) -> Turn {
        let (last_x, last_y) = (width.saturating_sub(1), height.saturating_sub(1));
        let (width, height) = if (5..=8).contains(&number) { (height, width) } else { (width, height) };
        Turn { number, width, height, last_x, last_y }
    }

    fn is_none(&self) -> bool {
        !(2..=8).contains(&self.number)
    }

    fn density(&self, density: form::image::Density) -> form::image::Density {
        if (5..=8).contains(&self.number) { form::image::Density { x: density.y, y: density.x } } else { density }
    }

    fn source(&self, x: u32, y: u32) -> (u32, u32) {
        let flip_x = |x: u32| self.last_x.saturating_sub(x);
        let flip_y = |y: u32| self.last_y.saturating_sub(y);
        match self.number {
            2 => (flip_x(x), y),
            3 => (flip_x(x), flip_y(y)),
            4 => (x, flip_y(y)),
            5 => (y, x),
            6 => (y, flip_y(x)),
            7 => (flip_x(y), flip_y(x)),
            8 => (flip_x(y), x),
            _ => (x, y),
        }
    }
}

enum Depth {
    Byte,
    Word,
    Float,
}

/// Turns samples of `N` bytes into bytes, in place.
fn narrow<const N: usize>(pixels: &mut Vec<u8>, to_byte: impl Fn([u8; N]) -> u8) {
    let samples = pixels.len() / N;
    for index in 0..samples {
        let at = index.saturating_mul(N);
        let Some(sample) = pixels.get(at..at.saturating_add(N)).and_then(|bytes| bytes.try_into().ok()) else { break };
        let byte = to_byte(sample);
        if let Some(place) = pixels.get_mut(index) {
            *place = byte;
        }
    }
    pixels.truncate(samples);
}

pub(super) fn round_word(word: u16) -> u8 {
    u8::try_from(u32::from(word).saturating_add(128) / 257).unwrap_or(u8::MAX)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255; NaN becomes 0")]
pub(super) fn round_float(float: f32) -> u8 {
    (float.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn is_grey(pixel: &[u8]) -> bool {
    matches!(pixel, [r, g, b, ..] if r == g && g == b)
}

/// Tables and line buffers of a decoder beside the pixels.
const DECODER_BYTES: u64 = 64 * 1024 * 1024;
