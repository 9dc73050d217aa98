//! Points, matrices and paths.

use crate::codec::DecodeError;
use crate::reason::Reason;
use crate::reason::Refusal;
use crate::wire::{Cursor, Sink, size};

/// The largest distance of a coordinate from zero.
pub const MAX_COORDINATE: f32 = 1_000_000.0;

/// A point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Rightwards.
    pub x: f32,
    /// Upwards.
    pub y: f32,
}

/// The matrix `[a b c d e f]` of ISO 32000-1, 8.3.4: x' = a·x + c·y + e, y' = b·x + d·y + f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix(pub [f32; 6]);

impl Matrix {
    /// Leaves every point where it is.
    pub const IDENTITY: Matrix = Matrix([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

/// An upright rectangle; `x0 <= x1` and `y0 <= y1`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left.
    pub x0: f32,
    /// Bottom.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Top.
    pub y1: f32,
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segment {
    /// Begins a subpath.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A cubic Bézier curve: two control points, then the end.
    Cubic(Point, Point, Point),
    /// Closes the subpath.
    Close,
}

/// A path. It is empty or begins with [`Segment::Move`], and after [`Segment::Close`] only a move may come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path {
    /// Its steps.
    pub segments: Vec<Segment>,
}

impl Path {
    /// The outline of a rectangle, closed.
    pub fn rect(rect: Rect) -> Path {
        let Rect { x0, y0, x1, y1 } = rect;
        let corner = |x, y| Segment::Line(Point { x, y });
        let first = Segment::Move(Point { x: x0, y: y0 });
        Path { segments: vec![first, corner(x1, y0), corner(x1, y1), corner(x0, y1), Segment::Close] }
    }

    /// Whether it has no segments.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        let mut at = Subpath::Closed;
        for segment in &self.segments {
            at = at.then(segment)?;
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.count(self.segments.len());
        for segment in &self.segments {
            match segment {
                Segment::Move(to) => {
                    sink.u8(MOVE);
                    to.put(sink);
                }
                Segment::Line(to) => {
                    sink.u8(LINE);
                    to.put(sink);
                }
                Segment::Cubic(first, second, to) => {
                    sink.u8(CUBIC);
                    first.put(sink);
                    second.put(sink);
                    to.put(sink);
                }
                Segment::Close => sink.u8(CLOSE),
            }
        }
    }

    /// Judged segment by segment, so that a bad path costs no more memory than its good beginning.
    pub(crate) fn take(cursor: &mut Cursor<'_>, most: u64, too_many: Reason) -> Result<Path, DecodeError> {
        let count = cursor.u32()?;
        Refusal::check(too_many, most, count.into())?;
        let mut segments = cursor.room_for(count, LINE_BYTES);
        let mut at = Subpath::Closed;
        for _ in 0..count {
            let segment = match cursor.u8()? {
                LINE => Segment::Line(Point::take(cursor)?),
                CUBIC => Segment::Cubic(Point::take(cursor)?, Point::take(cursor)?, Point::take(cursor)?),
                MOVE => Segment::Move(Point::take(cursor)?),
                CLOSE => Segment::Close,
                _ => return Err(DecodeError::Malformed("segment")),
            };
            at = at.then(&segment)?;
            segments.push(segment);
        }
        Ok(Path { segments })
    }

    /// Its segments as costs are counted.
    pub(crate) fn cost(&self) -> u64 {
        size(self.segments.len())
    }
}

impl Point {
    fn is_good(self) -> bool {
        is_number(self.x) && is_number(self.y)
    }

    pub(crate) fn check(self) -> Result<(), DecodeError> {
        if self.is_good() { Ok(()) } else { Err(NOT_A_NUMBER) }
    }

    pub(crate) fn put(self, sink: &mut Sink) {
        sink.f32(self.x);
        sink.f32(self.y);
    }

    /// Its numbers are not judged yet.
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Point, DecodeError> {
        let [x0, x1, x2, x3, y @ ..] = cursor.array::<8>()?;
        Ok(Point { x: f32::from_le_bytes([x0, x1, x2, x3]), y: f32::from_le_bytes(y) })
    }
}

impl Matrix {
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        check_numbers(&self.0)
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        self.0.iter().for_each(|number| sink.f32(*number));
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Matrix, DecodeError> {
        take_numbers(cursor).map(Matrix)
    }

    /// The identity, which is nearly always what stands there, in one byte.
    pub(crate) fn put_short(&self, sink: &mut Sink) {
        let other = *self != Matrix::IDENTITY;
        sink.flag(other);
        if other {
            self.put(sink);
        }
    }

    pub(crate) fn take_short(cursor: &mut Cursor<'_>) -> Result<Matrix, DecodeError> {
        match cursor.option(Matrix::take)? {
            None => Ok(Matrix::IDENTITY),
            Some(Matrix::IDENTITY) => Err(DecodeError::Malformed("matrix")),
            Some(matrix) => Ok(matrix),
        }
    }
}

impl Rect {
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        check_numbers(&[self.x0, self.y0, self.x1, self.y1])?;
        if self.x0 <= self.x1 && self.y0 <= self.y1 { Ok(()) } else { Err(DecodeError::Malformed("rectangle")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        [self.x0, self.y0, self.x1, self.y1].into_iter().for_each(|number| sink.f32(number));
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Rect, DecodeError> {
        let [x0, y0, x1, y1] = take_numbers(cursor)?;
        let rect = Rect { x0, y0, x1, y1 };
        rect.check()?;
        Ok(rect)
    }
}

/// Whether a subpath is open.
#[derive(Clone, Copy)]
enum Subpath {
    Open,
    Closed,
}

impl Subpath {
    #[inline]
    fn then(self, segment: &Segment) -> Result<Subpath, DecodeError> {
        let (good, after) = match (self, segment) {
            (_, Segment::Move(to)) => (to.is_good(), Subpath::Open),
            (Subpath::Open, Segment::Line(to)) => (to.is_good(), Subpath::Open),
            (Subpath::Open, Segment::Cubic(first, second, to)) => {
                (first.is_good() && second.is_good() && to.is_good(), Subpath::Open)
            }
            (Subpath::Open, Segment::Close) => (true, Subpath::Closed),
            (Subpath::Closed, _) => return Err(DecodeError::Malformed("path")),
        };
        if good { Ok(after) } else { Err(NOT_A_NUMBER) }
    }
}

/// Finite and not too far from zero; NaN is neither.
#[inline]
pub(crate) fn is_number(value: f32) -> bool {
    value.abs() <= MAX_COORDINATE
}

pub(crate) fn check_numbers(values: &[f32]) -> Result<(), DecodeError> {
    if values.iter().all(|value| is_number(*value)) { Ok(()) } else { Err(NOT_A_NUMBER) }
}

/// Numbers that may stand in the form.
pub(crate) fn take_numbers<const N: usize>(cursor: &mut Cursor<'_>) -> Result<[f32; N], DecodeError> {
    let mut numbers = [0.0; N];
    for number in &mut numbers {
        *number = cursor.f32()?;
    }
    check_numbers(&numbers)?;
    Ok(numbers)
}

pub(crate) fn take_number(cursor: &mut Cursor<'_>) -> Result<f32, DecodeError> {
    take_numbers::<1>(cursor).map(|[number]| number)
}

const NOT_A_NUMBER: DecodeError = DecodeError::Malformed("number");

const MOVE: u8 = 1;
const LINE: u8 = 2;
const CUBIC: u8 = 3;
const CLOSE: u8 = 4;

/// What most segments take: tag and point.
const LINE_BYTES: usize = 9;
