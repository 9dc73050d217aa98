//! What areas and lines are painted with.

use super::geometry::{Matrix, Point, check_numbers, take_number, take_numbers};
use crate::codec::DecodeError;
use crate::reason::Reason;
use crate::wire::{Cursor, Sink, coded};

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

impl Color {
    pub(crate) fn put(self, sink: &mut Sink) {
        sink.bytes(&[self.r, self.g, self.b]);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Color, DecodeError> {
        let [r, g, b] = cursor.array()?;
        Ok(Color { r, g, b })
    }
}

/// What an area or a line is painted with. `alpha` is its opacity, 255 for opaque.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint {
    /// One colour.
    Color {
        /// The colour.
        color: Color,
        /// Opacity.
        alpha: u8,
    },
    /// A gradient.
    Gradient {
        /// Its number.
        gradient: u32,
        /// Opacity.
        alpha: u8,
    },
    /// A canvas of [`CanvasKind::Tile`](super::CanvasKind::Tile), repeated.
    Tile {
        /// Its number.
        canvas: u32,
        /// Opacity.
        alpha: u8,
    },
}

impl Paint {
    pub(crate) fn put(&self, sink: &mut Sink) {
        match *self {
            Paint::Color { color, alpha } => {
                sink.u8(COLOR);
                color.put(sink);
                sink.u8(alpha);
            }
            Paint::Gradient { gradient, alpha } => {
                sink.u8(GRADIENT);
                sink.u32(gradient);
                sink.u8(alpha);
            }
            Paint::Tile { canvas, alpha } => {
                sink.u8(TILE);
                sink.u32(canvas);
                sink.u8(alpha);
            }
        }
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Paint, DecodeError> {
        Ok(match cursor.u8()? {
            COLOR => Paint::Color { color: Color::take(cursor)?, alpha: cursor.u8()? },
            GRADIENT => Paint::Gradient { gradient: cursor.u32()?, alpha: cursor.u8()? },
            TILE => Paint::Tile { canvas: cursor.u32()?, alpha: cursor.u8()? },
            _ => return Err(DecodeError::Malformed("paint")),
        })
    }
}

const COLOR: u8 = 1;
const GRADIENT: u8 = 2;
const TILE: u8 = 3;

coded! {
    /// How a colour mixes with what is below it (ISO 32000-1, 11.3.5).
    pub enum BlendMode {
        /// The colour itself.
        Normal = 1,
        /// Multiply.
        Multiply = 2,
        /// Screen.
        Screen = 3,
        /// Overlay.
        Overlay = 4,
        /// Darken.
        Darken = 5,
        /// Lighten.
        Lighten = 6,
        /// Colour dodge.
        ColorDodge = 7,
        /// Colour burn.
        ColorBurn = 8,
        /// Hard light.
        HardLight = 9,
        /// Soft light.
        SoftLight = 10,
        /// Difference.
        Difference = 11,
        /// Exclusion.
        Exclusion = 12,
        /// Hue.
        Hue = 13,
        /// Saturation.
        Saturation = 14,
        /// Colour.
        Color = 15,
        /// Luminosity.
        Luminosity = 16,
    }
}

coded! {
    /// The ends of a line.
    pub enum LineCap {
        /// Cut off.
        Butt = 1,
        /// Round.
        Round = 2,
        /// Square.
        Square = 3,
    }
}

coded! {
    /// The corners of a line.
    pub enum LineJoin {
        /// Pointed.
        Miter = 1,
        /// Round.
        Round = 2,
        /// Cut off.
        Bevel = 3,
    }
}

/// How lines are drawn, in units of the space in which the path stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StrokeStyle {
    /// Width, not negative; 0 is the thinnest line that can be shown.
    pub width: f32,
    /// Ends.
    pub cap: LineCap,
    /// Corners.
    pub join: LineJoin,
    /// Where a pointed corner is cut off, at least 1.
    pub miter_limit: f32,
    /// Lengths of dashes and gaps, empty for a whole line; none negative, their sum above 0, at most [`StrokeStyle::MAX_DASHES`].
    pub dashes: Vec<f32>,
    /// Where in the dashes a line begins.
    pub dash_offset: f32,
}

impl StrokeStyle {
    /// The most dashes and gaps.
    pub const MAX_DASHES: usize = 32;

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        check_numbers(&[self.width, self.miter_limit, self.dash_offset])?;
        check_numbers(&self.dashes)?;
        let dashes = self.dashes.iter().all(|dash| *dash >= 0.0)
            && (self.dashes.is_empty() || self.dashes.iter().any(|dash| *dash > 0.0))
            && self.dashes.len() <= Self::MAX_DASHES;
        if dashes && self.width >= 0.0 && self.miter_limit >= 1.0 { Ok(()) } else { Err(DecodeError::Malformed("pen")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.f32(self.width);
        sink.u8(self.cap.code());
        sink.u8(self.join.code());
        sink.f32(self.miter_limit);
        sink.list(&self.dashes, |dash, sink| sink.f32(*dash));
        sink.f32(self.dash_offset);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<StrokeStyle, DecodeError> {
        let style = StrokeStyle {
            width: take_number(cursor)?,
            cap: cursor.coded(LineCap::from_code, "line cap")?,
            join: cursor.coded(LineJoin::from_code, "line join")?,
            miter_limit: take_number(cursor)?,
            dashes: cursor.list(u32::MAX, Reason::FormInvalid, take_number)?,
            dash_offset: take_number(cursor)?,
        };
        style.check()?;
        Ok(style)
    }
}

impl Default for StrokeStyle {
    fn default() -> StrokeStyle {
        StrokeStyle {
            width: 1.0,
            cap: LineCap::Butt,
            join: LineJoin::Miter,
            miter_limit: 10.0,
            dashes: Vec::new(),
            dash_offset: 0.0,
        }
    }
}

/// The shape of a gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GradientShape {
    /// Along a line.
    Axial {
        /// Where it begins.
        start: Point,
        /// Where it ends.
        end: Point,
    },
    /// From one circle to another; radii are not negative.
    Radial {
        /// Centre of the first circle.
        start: Point,
        /// Radius of the first circle.
        start_radius: f32,
        /// Centre of the last circle.
        end: Point,
        /// Radius of the last circle.
        end_radius: f32,
    },
}

/// A colour at a place of a gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientStop {
    /// The place, 0 to 1.
    pub offset: f32,
    /// The colour.
    pub color: Color,
}

/// A gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// Its shape, in a space of its own.
    pub shape: GradientShape,
    /// From that space to the page or canvas that is painted.
    pub matrix: Matrix,
    /// Two to [`Gradient::MAX_STOPS`], offsets not falling, the first 0 and the last 1.
    pub stops: Vec<GradientStop>,
    /// Whether the first colour goes on before the start.
    pub extend_start: bool,
    /// Whether the last colour goes on after the end.
    pub extend_end: bool,
}

impl Gradient {
    /// The most stops.
    pub const MAX_STOPS: usize = 256;

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        match self.shape {
            GradientShape::Axial { start, end } => {
                start.check()?;
                end.check()?;
            }
            GradientShape::Radial { start, start_radius, end, end_radius } => {
                start.check()?;
                end.check()?;
                check_numbers(&[start_radius, end_radius])?;
                if start_radius < 0.0 || end_radius < 0.0 {
                    return Err(DecodeError::Malformed("gradient"));
                }
            }
        }
        self.matrix.check()?;
        let ends = match self.stops.as_slice() {
            // What does not fall from 0 to 1 lies between them, and is a number.
            [first, .., last] => first.offset == 0.0 && last.offset == 1.0,
            _ => false,
        };
        let rising = self.stops.is_sorted_by(|a, b| a.offset <= b.offset);
        let good = ends && rising && self.stops.len() <= Self::MAX_STOPS;
        if good { Ok(()) } else { Err(DecodeError::Malformed("gradient")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        match self.shape {
            GradientShape::Axial { start, end } => {
                sink.u8(AXIAL);
                start.put(sink);
                end.put(sink);
            }
            GradientShape::Radial { start, start_radius, end, end_radius } => {
                sink.u8(RADIAL);
                start.put(sink);
                sink.f32(start_radius);
                end.put(sink);
                sink.f32(end_radius);
            }
        }
        self.matrix.put(sink);
        sink.list(&self.stops, |stop, sink| {
            sink.f32(stop.offset);
            stop.color.put(sink);
        });
        sink.flag(self.extend_start);
        sink.flag(self.extend_end);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Gradient, DecodeError> {
        let shape = match cursor.u8()? {
            AXIAL => GradientShape::Axial { start: Point::take(cursor)?, end: Point::take(cursor)? },
            RADIAL => GradientShape::Radial {
                start: Point::take(cursor)?,
                start_radius: cursor.f32()?,
                end: Point::take(cursor)?,
                end_radius: cursor.f32()?,
            },
            _ => return Err(DecodeError::Malformed("gradient")),
        };
        let gradient = Gradient {
            shape,
            matrix: take_numbers(cursor).map(Matrix)?,
            stops: cursor.list(u32::MAX, Reason::FormInvalid, |cursor| {
                Ok(GradientStop { offset: cursor.f32()?, color: Color::take(cursor)? })
            })?,
            extend_start: cursor.flag()?,
            extend_end: cursor.flag()?,
        };
        gradient.check()?;
        Ok(gradient)
    }
}

const AXIAL: u8 = 1;
const RADIAL: u8 = 2;
