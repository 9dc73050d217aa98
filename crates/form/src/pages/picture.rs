//! Pictures on pages, as decoded pixels.

use crate::codec::{DecodeError, pixels_bytes};
use crate::limits::Limits;
use crate::reason::{Reason, Refusal};
use crate::wire::{Cursor, Sink, coded};

coded! {
    /// How pixels are laid out, rows from the top.
    pub enum PictureLayout {
        /// One bit per pixel, the leftmost in the highest bit, rows padded to whole bytes with zeros. 1 is white, or in a
        /// stencil or an alpha picture the painted part.
        Bits = 1,
        /// One grey byte.
        Gray8 = 2,
        /// Red, green, blue.
        Rgb8 = 3,
    }
}

coded! {
    /// What the pixels were compressed as, as a hint for what to write.
    pub enum PictureSource {
        /// With loss, as a photograph.
        Photo = 1,
        /// Without loss.
        Drawing = 2,
        /// With more loss than is usual: JPEG of a quality of about 50 to 74.
        CoarsePhoto = 3,
        /// With so much loss that it shows: JPEG of a quality below 50.
        RoughPhoto = 4,
    }
}

/// What is known of a picture before its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureHeader {
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
    /// How pixels are laid out.
    pub layout: PictureLayout,
    /// What it was compressed as.
    pub source: PictureSource,
    /// Whether a reader should smooth it when it is enlarged.
    pub interpolate: bool,
    /// The number of an earlier picture of [`PictureLayout::Bits`] or [`PictureLayout::Gray8`], without alpha of its own, that is
    /// its opacity.
    pub alpha: Option<u32>,
}

impl PictureHeader {
    /// Bytes of one row of pixels.
    pub fn row_bytes(&self) -> u64 {
        match self.layout {
            PictureLayout::Bits => u64::from(self.width).div_ceil(8),
            PictureLayout::Gray8 => self.width.into(),
            PictureLayout::Rgb8 => u64::from(self.width).saturating_mul(3),
        }
    }

    /// Bytes of all rows.
    pub fn picture_bytes(&self) -> u64 {
        self.row_bytes().saturating_mul(self.height.into())
    }

    /// The most bytes that one chunk of pixels may have: whole rows up to 64 KiB, or a single longer row.
    pub fn chunk_bytes(&self) -> u64 {
        pixels_bytes(self.row_bytes())
    }

    /// The bits of the last byte of a row that are no pixels.
    pub(crate) fn padding(&self) -> u8 {
        match (self.layout, self.width % 8) {
            (PictureLayout::Bits, used @ 1..) => 0xFF >> used,
            (PictureLayout::Bits | PictureLayout::Gray8 | PictureLayout::Rgb8, _) => 0,
        }
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        let side = self.width.max(self.height);
        Refusal::check(Reason::LimitDimension, limits.dimension.into(), side.into())?;
        let area = u64::from(self.width).saturating_mul(self.height.into());
        Refusal::check(Reason::LimitPixels, limits.pixels, area)?;
        if area > 0 { Ok(()) } else { Err(DecodeError::Malformed("picture")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u32(self.width);
        sink.u32(self.height);
        sink.u8(self.layout.code());
        sink.u8(self.source.code());
        sink.flag(self.interpolate);
        sink.option(self.alpha.as_ref(), |alpha, sink| sink.u32(*alpha));
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<PictureHeader, DecodeError> {
        Ok(PictureHeader {
            width: cursor.u32()?,
            height: cursor.u32()?,
            layout: cursor.coded(PictureLayout::from_code, "layout of a picture")?,
            source: cursor.coded(PictureSource::from_code, "source of a picture")?,
            interpolate: cursor.flag()?,
            alpha: cursor.option(Cursor::u32)?,
        })
    }
}
