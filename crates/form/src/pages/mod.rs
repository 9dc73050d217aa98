//! Pages: what a page looks like and says, as numbers, outlines and pixels.
//!
//! A stream of this kind carries a [`PagesHeader`], then resources and pages in any order as long as a thing comes before
//! what names it, then [`OutlineItem`]s and [`PageLabel`]s. Resources are numbered from 0 in the order in which they come,
//! each sort for itself: [`Glyph`], [`PictureHeader`], [`Gradient`], [`CanvasHeader`]. As a canvas names only earlier ones, there are no
//! cycles, and the verifier can count what drawing a page costs with all that it names.
//!
//! Coordinates are points (1/72 inch) from the lower left corner of the page as it is seen, y upwards; page rotation and crop
//! boxes are already applied. Every number is finite and at most [`MAX_COORDINATE`] from zero.

mod canvas;
mod geometry;
mod glyph;
mod navigation;
mod operation;
mod paint;
mod picture;
mod url;

pub use canvas::{CanvasHeader, CanvasKind, MaskKind};
pub use geometry::{MAX_COORDINATE, Matrix, Path, Point, Rect, Segment};
pub use glyph::{Glyph, GlyphText};
pub use navigation::{LabelStyle, LanguageTag, Link, OutlineItem, PageLabel, Target};
pub use operation::{FillRule, Operation, PlacedGlyph, TextMode, TextRun};
pub use paint::{BlendMode, Color, Gradient, GradientShape, GradientStop, LineCap, LineJoin, Paint, StrokeStyle};
pub use picture::{PictureHeader, PictureLayout, PictureSource};
pub use url::Url;

use crate::codec::DecodeError;
use crate::container::take_line;
use crate::limits::Limits;
use crate::reason::{Reason, Refusal};
use crate::wire::{Cursor, Sink, coded, size};

/// Segments of the outlines of placed letters that weigh as much as one step in `page_operations` of the [`Limits`]; a usual
/// letter has 10 to 60.
pub const LETTER_SEGMENTS: u64 = 16;

/// What is known of a document before its pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PagesHeader {
    /// The language of the text.
    pub language: Option<LanguageTag>,
    /// Title of the document, may be empty.
    pub title: crate::text::Line,
}

impl PagesHeader {
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        check_line(&self.title, limits)
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.option(self.language.as_ref(), |language, sink| sink.string(language.as_str()));
        sink.string(self.title.as_str());
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<PagesHeader, DecodeError> {
        let header = PagesHeader {
            language: cursor.option(|cursor| {
                LanguageTag::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("language"))
            })?,
            title: take_line(cursor, "title")?,
        };
        header.check(limits)?;
        Ok(header)
    }
}

coded! {
    /// How a page was carried over.
    pub enum PageLevel {
        /// As paths, glyphs and pictures.
        Vector = 1,
        /// As one image, with its text invisible over it.
        RasterText = 2,
        /// As one image.
        Raster = 3,
    }
}

/// What is known of a page before its content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageHeader {
    /// Width in points, above 0 and at most [`PageHeader::MAX_SIDE`].
    pub width: f32,
    /// Height in points, above 0 and at most [`PageHeader::MAX_SIDE`].
    pub height: f32,
    /// How it was carried over.
    pub level: PageLevel,
}

impl PageHeader {
    /// The longest side in points: 200 inches, what readers without user units can show (ISO 32000-1, Annex C).
    pub const MAX_SIDE: f32 = 14_400.0;

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        let good = |side: f32| side > 0.0 && side <= Self::MAX_SIDE;
        if good(self.width) && good(self.height) { Ok(()) } else { Err(DecodeError::Malformed("size of a page")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.f32(self.width);
        sink.f32(self.height);
        sink.u8(self.level.code());
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<PageHeader, DecodeError> {
        let header = PageHeader {
            width: cursor.f32()?,
            height: cursor.f32()?,
            level: cursor.coded(PageLevel::from_code, "level of a page")?,
        };
        header.check()?;
        Ok(header)
    }
}

/// A title or prefix.
fn check_line(line: &crate::text::Line, limits: &Limits) -> Result<(), DecodeError> {
    Ok(Refusal::check(Reason::LimitLineBytes, limits.line_bytes.into(), size(line.as_str().len()))?)
}
