//! Pictures as pixels.

use crate::codec::{DecodeError, pixels_bytes};
use crate::limits::Limits;
use crate::reason::{Reason, Refusal};
use crate::wire::{Cursor, Sink, coded};

coded! {
    /// How a pixel is laid out: 8 bits per channel, sRGB, alpha not premultiplied, rows from the top without padding.
    pub enum PixelFormat {
        /// One grey byte.
        Gray8 = 1,
        /// Grey, alpha.
        GrayA8 = 2,
        /// Red, green, blue.
        Rgb8 = 3,
        /// Red, green, blue, alpha.
        Rgba8 = 4,
    }
}

impl PixelFormat {
    /// Bytes of one pixel.
    pub const fn channels(self) -> u8 {
        // The numbers in the stream were chosen so.
        self.code()
    }
}

/// Pixels per inch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Density {
    /// Across, at least 1.
    pub x: u16,
    /// Down, at least 1.
    pub y: u16,
}

coded! {
    /// What the picture was read from, as a hint for what to write.
    pub enum ImageSource {
        /// JPEG.
        Jpeg = 1,
        /// PNG.
        Png = 2,
        /// GIF.
        Gif = 3,
        /// BMP.
        Bmp = 4,
        /// TIFF.
        Tiff = 5,
        /// WebP.
        WebP = 6,
    }
}

coded! {
    /// How finely a picture that was compressed with loss knows its colours.
    pub enum Sampling {
        /// At each pixel, as brightness; so does every picture without loss.
        Full = 1,
        /// At some of them: every second across, or across and down.
        Reduced = 2,
    }
}

/// How often an animation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Without end.
    Forever,
    /// This many times, at least once.
    Times(u16),
}

/// What is known of a picture before its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageHeader {
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
    /// The most frames that follow. At least one does; fewer come when a broken animation ends early. Every frame fills
    /// the whole picture.
    pub frames: u32,
    /// Layout of every frame.
    pub format: PixelFormat,
    /// Pixels per inch, where the source said.
    pub density: Option<Density>,
    /// What the picture was read from.
    pub source: ImageSource,
    /// The estimated quality, 1 to 100, of a source that was compressed with loss.
    pub quality: Option<u8>,
    /// How finely the source knew its colours.
    pub sampling: Sampling,
    /// How often an animation runs.
    pub repeat: Repeat,
}

impl ImageHeader {
    /// Bytes of one row of pixels.
    pub fn row_bytes(&self) -> u64 {
        u64::from(self.width).saturating_mul(u64::from(self.format.channels()))
    }

    /// Bytes of one frame of pixels.
    pub fn frame_bytes(&self) -> u64 {
        self.row_bytes().saturating_mul(u64::from(self.height))
    }

    /// The most bytes that one chunk of pixels may have: whole rows up to 64 KiB, or a single longer row.
    pub fn chunk_bytes(&self) -> u64 {
        pixels_bytes(self.row_bytes())
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        let side = self.width.max(self.height);
        Refusal::check(Reason::LimitDimension, limits.dimension.into(), side.into())?;
        Refusal::check(Reason::LimitFrames, limits.frames.into(), self.frames.into())?;
        let area = u64::from(self.width).saturating_mul(u64::from(self.height));
        Refusal::check(Reason::LimitPixels, limits.pixels, area.saturating_mul(u64::from(self.frames)))?;
        let positive = area > 0 && self.frames > 0 && self.repeat != Repeat::Times(0);
        let density = self.density.is_none_or(|density| density.x > 0 && density.y > 0);
        let quality = self.quality.is_none_or(|quality| (1..=100).contains(&quality));
        if positive && density && quality { Ok(()) } else { Err(DecodeError::Malformed("image header")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u32(self.width);
        sink.u32(self.height);
        sink.u32(self.frames);
        sink.u8(self.format.code());
        sink.option(self.density.as_ref(), |density, sink| {
            sink.u16(density.x);
            sink.u16(density.y);
        });
        sink.u8(self.source.code());
        sink.u8(self.quality.unwrap_or(0));
        sink.u8(self.sampling.code());
        sink.u16(match self.repeat {
            Repeat::Forever => 0,
            Repeat::Times(times) => times,
        });
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<ImageHeader, DecodeError> {
        Ok(ImageHeader {
            width: cursor.u32()?,
            height: cursor.u32()?,
            frames: cursor.u32()?,
            format: cursor.coded(PixelFormat::from_code, "pixel format")?,
            density: cursor.option(|cursor| Ok(Density { x: cursor.u16()?, y: cursor.u16()? }))?,
            source: cursor.coded(ImageSource::from_code, "image source")?,
            quality: match cursor.u8()? {
                0 => None,
                quality => Some(quality),
            },
            sampling: cursor.coded(Sampling::from_code, "sampling")?,
            repeat: match cursor.u16()? {
                0 => Repeat::Forever,
                times => Repeat::Times(times),
            },
        })
    }
}

/// What is known of one frame before its pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameHeader {
    /// How long an animation shows the frame, in milliseconds.
    pub delay_ms: u32,
}
