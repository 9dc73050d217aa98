//! What is drawn on a page or canvas, in order.

use super::geometry::{Matrix, Path, check_numbers, is_number, take_numbers};
use super::paint::{BlendMode, Paint, StrokeStyle};
use crate::codec::DecodeError;
use crate::limits::Limits;
use crate::reason::{Reason, Refusal};
use crate::wire::{Cursor, Sink, coded, size};

coded! {
    /// Which points are inside a path.
    pub enum FillRule {
        /// Those that it winds around.
        NonZero = 1,
        /// Those that it surrounds an odd number of times.
        EvenOdd = 2,
    }
}

coded! {
    /// How text is drawn.
    pub enum TextMode {
        /// Filled.
        Fill = 1,
        /// Outlined.
        Stroke = 2,
        /// Filled, then outlined.
        FillAndStroke = 3,
        /// Not at all: to be found and copied only.
        Invisible = 4,
    }
}

/// A letter in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedGlyph {
    /// The number of its glyph.
    pub glyph: u32,
    /// Its origin.
    pub x: f32,
    /// Its origin.
    pub y: f32,
}

/// Letters of one size and direction, in reading order.
#[derive(Clone, Debug, PartialEq)]
pub struct TextRun {
    /// The space in which the letters and the pen stand. Other than identity only where the pen needs it.
    pub space: Matrix,
    /// `[a b c d]` from one em to that space.
    pub em: [f32; 4],
    /// At least one.
    pub glyphs: Vec<PlacedGlyph>,
}

/// One step of drawing. Paints, pen, blend mode and soft mask hold until they are set again or the canvas ends; a clip does not
/// bound them. A canvas begins with opaque black, [`StrokeStyle::default`], normal blending and no mask.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Sets what areas are painted with.
    FillPaint(Paint),
    /// Sets what lines are painted with.
    StrokePaint(Paint),
    /// Sets how lines are drawn.
    Pen(StrokeStyle),
    /// Sets how colours mix.
    Blend(BlendMode),
    /// Sets the soft mask: the number of a canvas of [`CanvasKind::Mask`](super::CanvasKind::Mask).
    Mask(Option<u32>),
    /// Paints only inside a path until the matching [`Operation::Unclip`]. An empty path leaves nothing.
    Clip(Path, FillRule),
    /// Paints only inside letters until the matching [`Operation::Unclip`].
    ClipText(TextRun),
    /// Ends the last clip that has not ended. Every clip ends.
    Unclip,
    /// Fills an area.
    Fill(Path, FillRule),
    /// Draws a line.
    Stroke {
        /// The line, in its space.
        path: Path,
        /// From that space, in which the pen is round, to the page.
        space: Matrix,
    },
    /// Draws letters.
    Text(TextRun, TextMode),
    /// Draws a picture. The matrix takes the unit square, its top at y = 1, to the page.
    Picture {
        /// Its number.
        picture: u32,
        /// Its place.
        matrix: Matrix,
        /// Opacity.
        alpha: u8,
    },
    /// Paints with the fill paint through a picture of [`PictureLayout::Bits`](super::PictureLayout::Bits) without alpha.
    Stencil {
        /// Its number.
        picture: u32,
        /// Its place.
        matrix: Matrix,
    },
    /// Draws a canvas of [`CanvasKind::Group`](super::CanvasKind::Group).
    Group {
        /// Its number.
        canvas: u32,
        /// Opacity.
        alpha: u8,
    },
}

coded! {
    /// What stands before the fields of a step.
    enum Step {
        FillPaint = 1,
        StrokePaint = 2,
        Pen = 3,
        Blend = 4,
        Mask = 5,
        Clip = 6,
        ClipText = 7,
        Unclip = 8,
        Fill = 9,
        Stroke = 10,
        Text = 11,
        Picture = 12,
        Stencil = 13,
        Group = 14,
    }
}

impl Operation {
    /// What drawing this step costs by itself: one, and one for each segment of its path or letter. The canvas that it names
    /// comes to that.
    pub fn own_cost(&self) -> u64 {
        let parts = match self {
            Operation::Clip(path, _) | Operation::Fill(path, _) | Operation::Stroke { path, .. } => path.cost(),
            Operation::ClipText(run) | Operation::Text(run, _) => size(run.glyphs.len()),
            Operation::FillPaint(_)
            | Operation::StrokePaint(_)
            | Operation::Pen(_)
            | Operation::Blend(_)
            | Operation::Mask(_)
            | Operation::Unclip
            | Operation::Picture { .. }
            | Operation::Stencil { .. }
            | Operation::Group { .. } => 0,
        };
        parts.saturating_add(1)
    }

    /// The rules that need no look at other steps.
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        match self {
            Operation::FillPaint(_)
            | Operation::StrokePaint(_)
            | Operation::Blend(_)
            | Operation::Mask(_)
            | Operation::Unclip
            | Operation::Group { .. } => Ok(()),
            Operation::Pen(style) => style.check(),
            Operation::Clip(path, _) | Operation::Fill(path, _) => path.check(),
            Operation::Stroke { path, space } => {
                space.check()?;
                path.check()
            }
            Operation::ClipText(run) | Operation::Text(run, _) => run.check(),
            Operation::Picture { matrix, .. } | Operation::Stencil { matrix, .. } => matrix.check(),
        }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        match self {
            Operation::FillPaint(paint) => {
                sink.u8(Step::FillPaint.code());
                paint.put(sink);
            }
            Operation::StrokePaint(paint) => {
                sink.u8(Step::StrokePaint.code());
                paint.put(sink);
            }
            Operation::Pen(style) => {
                sink.u8(Step::Pen.code());
                style.put(sink);
            }
            Operation::Blend(mode) => {
                sink.u8(Step::Blend.code());
                sink.u8(mode.code());
            }
            Operation::Mask(canvas) => {
                sink.u8(Step::Mask.code());
                sink.option(canvas.as_ref(), |canvas, sink| sink.u32(*canvas));
            }
            Operation::Clip(path, rule) => {
                sink.u8(Step::Clip.code());
                sink.u8(rule.code());
                path.put(sink);
            }
            Operation::ClipText(run) => {
                sink.u8(Step::ClipText.code());
                run.put(sink);
            }
            Operation::Unclip => sink.u8(Step::Unclip.code()),
            Operation::Fill(path, rule) => {
                sink.u8(Step::Fill.code());
                sink.u8(rule.code());
                path.put(sink);
            }
            Operation::Stroke { path, space } => {
                sink.u8(Step::Stroke.code());
                space.put_short(sink);
                path.put(sink);
            }
            Operation::Text(run, mode) => {
                sink.u8(Step::Text.code());
                sink.u8(mode.code());
                run.put(sink);
            }
            Operation::Picture { picture, matrix, alpha } => {
                sink.u8(Step::Picture.code());
                sink.u32(*picture);
                matrix.put(sink);
                sink.u8(*alpha);
            }
            Operation::Stencil { picture, matrix } => {
                sink.u8(Step::Stencil.code());
                sink.u32(*picture);
                matrix.put(sink);
            }
            Operation::Group { canvas, alpha } => {
                sink.u8(Step::Group.code());
                sink.u32(*canvas);
                sink.u8(*alpha);
            }
        }
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Operation, DecodeError> {
        let most = limits.page_operations;
        let path = |cursor: &mut Cursor<'_>| Path::take(cursor, most, Reason::LimitPageContent);
        Ok(match cursor.coded(Step::from_code, "operation")? {
            Step::FillPaint => Operation::FillPaint(Paint::take(cursor)?),
            Step::StrokePaint => Operation::StrokePaint(Paint::take(cursor)?),
            Step::Pen => Operation::Pen(StrokeStyle::take(cursor)?),
            Step::Blend => Operation::Blend(cursor.coded(BlendMode::from_code, "blend mode")?),
            Step::Mask => Operation::Mask(cursor.option(Cursor::u32)?),
            Step::Clip => {
                let rule = cursor.coded(FillRule::from_code, "fill rule")?;
                Operation::Clip(path(cursor)?, rule)
            }
            Step::ClipText => Operation::ClipText(TextRun::take(cursor, most)?),
            Step::Unclip => Operation::Unclip,
            Step::Fill => {
                let rule = cursor.coded(FillRule::from_code, "fill rule")?;
                Operation::Fill(path(cursor)?, rule)
            }
            Step::Stroke => {
                let space = Matrix::take_short(cursor)?;
                Operation::Stroke { path: path(cursor)?, space }
            }
            Step::Text => {
                let mode = cursor.coded(TextMode::from_code, "text mode")?;
                Operation::Text(TextRun::take(cursor, most)?, mode)
            }
            Step::Picture => {
                Operation::Picture { picture: cursor.u32()?, matrix: Matrix::take(cursor)?, alpha: cursor.u8()? }
            }
            Step::Stencil => Operation::Stencil { picture: cursor.u32()?, matrix: Matrix::take(cursor)? },
            Step::Group => Operation::Group { canvas: cursor.u32()?, alpha: cursor.u8()? },
        })
    }
}

impl TextRun {
    fn check(&self) -> Result<(), DecodeError> {
        self.space.check()?;
        check_numbers(&self.em)?;
        if self.glyphs.is_empty() {
            return Err(DecodeError::Malformed("text run"));
        }
        self.glyphs.iter().try_for_each(PlacedGlyph::check)
    }

    fn put(&self, sink: &mut Sink) {
        self.space.put_short(sink);
        self.em.iter().for_each(|number| sink.f32(*number));
        sink.list(&self.glyphs, |placed, sink| {
            sink.u32(placed.glyph);
            sink.f32(placed.x);
            sink.f32(placed.y);
        });
    }

    fn take(cursor: &mut Cursor<'_>, most: u64) -> Result<TextRun, DecodeError> {
        let space = Matrix::take_short(cursor)?;
        let em = take_numbers(cursor)?;
        let count = cursor.u32()?;
        Refusal::check(Reason::LimitPageContent, most, count.into())?;
        if count == 0 {
            return Err(DecodeError::Malformed("text run"));
        }
        let mut glyphs = cursor.room_for(count, PLACED_GLYPH_BYTES);
        for _ in 0..count {
            let placed = PlacedGlyph { glyph: cursor.u32()?, x: cursor.f32()?, y: cursor.f32()? };
            placed.check()?;
            glyphs.push(placed);
        }
        Ok(TextRun { space, em, glyphs })
    }
}

impl PlacedGlyph {
    fn check(&self) -> Result<(), DecodeError> {
        if is_number(self.x) && is_number(self.y) { Ok(()) } else { Err(DecodeError::Malformed("number")) }
    }
}

const PLACED_GLYPH_BYTES: usize = 12;
