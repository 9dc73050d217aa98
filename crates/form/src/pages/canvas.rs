//! Drawings that are used as a whole: groups, soft masks, tiles.

use super::geometry::{Matrix, Rect, check_numbers, take_number};
use super::paint::Color;
use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// How a soft mask is made of its canvas (ISO 32000-1, 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskKind {
    /// By its opacity.
    Alpha,
    /// By its brightness, over a backdrop.
    Luminosity {
        /// The colour behind the canvas.
        backdrop: Color,
    },
}

/// What a canvas is used as.
#[derive(Clone, Debug, PartialEq)]
pub enum CanvasKind {
    /// Drawn once, then mixed with what is below as one thing.
    Group {
        /// Whether it is drawn onto nothing rather than onto what is below it.
        isolated: bool,
        /// Whether its things replace rather than cover one another.
        knockout: bool,
    },
    /// A soft mask.
    Mask {
        /// How it is made.
        kind: MaskKind,
        /// What becomes of each of the 256 values, where they change.
        transfer: Option<Box<[u8; 256]>>,
    },
    /// A tile that fills an area.
    Tile {
        /// From the tile's space to the page or canvas that is painted.
        matrix: Matrix,
        /// From tile to tile rightwards, at least [`CanvasKind::LEAST_STEP`] one way or the other.
        x_step: f32,
        /// From tile to tile upwards, the same.
        y_step: f32,
    },
}

impl CanvasKind {
    /// The least distance of tiles in their own space; less is no distance that a writer can tell from none.
    pub const LEAST_STEP: f32 = 0.000_001;
}

/// What is known of a canvas before its content.
#[derive(Clone, Debug, PartialEq)]
pub struct CanvasHeader {
    /// What it is used as.
    pub kind: CanvasKind,
    /// What it may paint on, in its own space; for groups and masks that is the space of the page.
    pub bounds: Rect,
}

impl CanvasHeader {
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        self.bounds.check()?;
        match &self.kind {
            CanvasKind::Group { .. } | CanvasKind::Mask { .. } => Ok(()),
            CanvasKind::Tile { matrix, x_step, y_step } => {
                matrix.check()?;
                check_numbers(&[*x_step, *y_step])?;
                if x_step.abs().min(y_step.abs()) < CanvasKind::LEAST_STEP {
                    Err(DecodeError::Malformed("tile"))
                } else {
                    Ok(())
                }
            }
        }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        match &self.kind {
            CanvasKind::Group { isolated, knockout } => {
                sink.u8(GROUP);
                sink.flag(*isolated);
                sink.flag(*knockout);
            }
            CanvasKind::Mask { kind, transfer } => {
                match kind {
                    MaskKind::Alpha => sink.u8(ALPHA_MASK),
                    MaskKind::Luminosity { backdrop } => {
                        sink.u8(LUMINOSITY_MASK);
                        backdrop.put(sink);
                    }
                }
                sink.option(transfer.as_ref(), |transfer, sink| sink.bytes(&transfer[..]));
            }
            CanvasKind::Tile { matrix, x_step, y_step } => {
                sink.u8(TILE);
                matrix.put(sink);
                sink.f32(*x_step);
                sink.f32(*y_step);
            }
        }
        self.bounds.put(sink);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<CanvasHeader, DecodeError> {
        let mask = |kind, cursor: &mut Cursor<'_>| -> Result<CanvasKind, DecodeError> {
            Ok(CanvasKind::Mask { kind, transfer: cursor.option(|cursor| cursor.array().map(Box::new))? })
        };
        let kind = match cursor.u8()? {
            GROUP => CanvasKind::Group { isolated: cursor.flag()?, knockout: cursor.flag()? },
            ALPHA_MASK => mask(MaskKind::Alpha, cursor)?,
            LUMINOSITY_MASK => {
                let backdrop = Color::take(cursor)?;
                mask(MaskKind::Luminosity { backdrop }, cursor)?
            }
            TILE => CanvasKind::Tile {
                matrix: Matrix::take(cursor)?,
                x_step: take_number(cursor)?,
                y_step: take_number(cursor)?,
            },
            _ => return Err(DecodeError::Malformed("canvas")),
        };
        let header = CanvasHeader { kind, bounds: Rect::take(cursor)? };
        header.check()?;
        Ok(header)
    }
}

const GROUP: u8 = 1;
const ALPHA_MASK: u8 = 2;
const LUMINOSITY_MASK: u8 = 3;
const TILE: u8 = 4;
