//! What a metafile is, how large, and where on its plane the picture lies.

use kurbo::{Point, Rect, Size};

use super::bytes::{Bytes, pixels};

/// A kind of metafile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Records of 16 bits, from this byte on.
    Wmf { first: usize },
    /// Records of 32 bits.
    Emf,
}

/// What stands before the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Nothing where the drawing itself must tell.
    pub(super) frame: Option<Frame>,
    /// Pixels per millimetre of the device that an EMF was recorded for.
    pub(super) device: Point,
}

/// The part of the plane that is the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// In pixels of the device for an EMF, in logical units for a WMF. Not empty.
    pub(super) rect: Rect,
    /// In points.
    pub(super) points: Size,
    /// Whether the frame of a WMF is the viewport that it sets, not its window.
    pub(super) is_viewport: bool,
}

/// What stands before the drawing; nothing where bytes do not begin like a metafile.
pub(super) fn read(bytes: &[u8]) -> Option<Header> {
    let bytes = Bytes(bytes);
    if bytes.u32(0)? == 1 && bytes.u32(40)? == EMF_SIGNATURE {
        return emf(bytes);
    }
    if bytes.u32(0)? == PLACEABLE {
        // The header behind the placeable one may be short or broken; its size is that of the standard.
        let rect = Rect::from_points(bytes.point16(6)?, bytes.point16(10)?);
        let inch = f64::from(bytes.u16(14)?);
        let inch = if inch > 0.0 { inch } else { 1_440.0 };
        let first = 22_usize.saturating_add(standard(bytes.from(22)?).unwrap_or(18));
        let size = Size::new(rect.width() * 72.0 / inch, rect.height() * 72.0 / inch);
        let frame = if rect.area() > 0.0 { Some(frame(rect, size, false)) } else { None };
        let window = first_window(bytes.from(first)?);
        // The window that the records set is what fills the picture; the bounding box only tells its size.
        let frame = match (frame, window) {
            (Some(frame), Some(window)) => Some(Frame { rect: window.rect, is_viewport: window.is_viewport, ..frame }),
            (None, window) => window,
            (frame, None) => frame,
        };
        return Some(Header { kind: Kind::Wmf { first }, frame, device: Point::ZERO });
    }
    let first = standard(bytes)?;
    Some(Header { kind: Kind::Wmf { first }, frame: first_window(bytes.from(first)?), device: Point::ZERO })
}

/// Where the records begin behind a standard WMF header ([MS-WMF] 2.3.2.2).
fn standard(bytes: Bytes<'_>) -> Option<usize> {
    let is_header = matches!(bytes.u16(0)?, 1 | 2) && bytes.u16(2)? == 9 && matches!(bytes.u16(4)?, 0x0100 | 0x0300);
    is_header.then_some(18)
}

/// The window, or viewport, that a WMF sets before it draws.
fn first_window(records: Bytes<'_>) -> Option<Frame> {
    let (mut at, mut left) = (0_usize, 4_000_u32);
    let (mut origin, mut extent, mut viewport, mut viewport_origin) = (None, None, None, None);
    while let (Some(words), Some(function)) = (records.at(at), records.u16(at.saturating_add(4))) {
        let data = at.saturating_add(6);
        let flipped = |at: usize| records.point16(at).map(|point| Point::new(point.y, point.x));
        match function {
            0x020B if origin.is_none() => origin = flipped(data),
            0x020C if extent.is_none() => extent = flipped(data),
            0x020D if viewport_origin.is_none() => viewport_origin = flipped(data),
            0x020E if viewport.is_none() => viewport = flipped(data),
            0 => break,
            _ => {}
        }
        left = left.saturating_sub(1);
        if left == 0 || words < 3 {
            break;
        }
        at = at.saturating_add(words.saturating_mul(2));
    }
    let area = |origin: Option<Point>, extent: Option<Point>| {
        let origin = origin.unwrap_or(Point::ZERO);
        let rect = Rect::from_points(origin, origin + extent?.to_vec2());
        (rect.area() > 0.0).then_some(rect)
    };
    if let Some(rect) = area(viewport_origin, viewport) {
        return Some(frame(rect, unknown(rect.size()), true));
    }
    area(origin, extent).map(|rect| frame(rect, unknown(rect.size()), false))
}

/// Points for units that no header explains: such of a screen while they are few, else such of a printer.
fn unknown(size: Size) -> Size {
    let longest = size.width.max(size.height);
    let unit = if longest <= 2_000.0 { 0.75 } else { (1_500.0 / longest).min(0.05) };
    Size::new(size.width * unit, size.height * unit)
}

fn frame(rect: Rect, points: Size, is_viewport: bool) -> Frame {
    Frame { rect, points, is_viewport }
}

/// The frame around what was drawn.
pub(super) fn measured(seen: Option<Rect>) -> Option<Frame> {
    let rect = seen?;
    let rect = Rect::new(rect.x0, rect.y0, rect.x1.max(rect.x0 + 1.0), rect.y1.max(rect.y0 + 1.0));
    Some(frame(rect, unknown(rect.size()), false))
}

fn emf(bytes: Bytes<'_>) -> Option<Header> {
    let bounds = Rect::from_points(bytes.point32(8)?, bytes.point32(16)?);
    let (left_top, right_bottom) = (bytes.point32(24)?, bytes.point32(32)?);
    let device = bytes.point32(72)?;
    let millimetres = bytes.point32(80)?;
    let positive = |value: f64| value > 0.0 && value.is_finite();
    // Micrometres are exact, where the header is long enough to have them ([MS-EMF] 2.2.9, extension 2).
    let exact = bytes.point32(100).filter(|_| bytes.at(4).is_some_and(|size| size >= 108));
    let per = |pixels: f64, whole: f64, micrometres: Option<f64>| match micrometres {
        // Some writers put other things there: it must be near what the millimetres say.
        Some(exact) if positive(exact) && (exact / 1_000.0 - whole).abs() <= 1.0 => pixels * 1_000.0 / exact,
        _ if positive(whole) && positive(pixels) => pixels / whole,
        _ => 96.0 / 25.4,
    };
    let device = Point::new(
        per(device.x, millimetres.x, exact.map(|exact| exact.x)),
        per(device.y, millimetres.y, exact.map(|exact| exact.y)),
    );
    let millimetre = 72.0 / 25.4;
    // The frame is in hundredths of a millimetre; one that is inside out is none.
    let is_frame = right_bottom.x > left_top.x && right_bottom.y > left_top.y;
    let framed = Rect::from_points(left_top, right_bottom);
    let frame = if is_frame {
        let rect = Rect::new(
            framed.x0 / 100.0 * device.x,
            framed.y0 / 100.0 * device.y,
            framed.x1 / 100.0 * device.x,
            framed.y1 / 100.0 * device.y,
        );
        Some(frame(rect, Size::new(framed.width() / 100.0 * millimetre, framed.height() / 100.0 * millimetre), false))
    } else if bounds.area() > 0.0 {
        let size = Size::new(bounds.width() / device.x * millimetre, bounds.height() / device.y * millimetre);
        Some(frame(bounds, size, false))
    } else {
        None
    };
    Some(Header { kind: Kind::Emf, frame, device })
}

/// The canvas for a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolution {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pixels for one at 96 dpi.
    pub(super) pixel: f64,
}

/// 192 pixels per inch divided by `share`, or fewer where the longer side would pass `most_side`.
pub(super) fn resolution(frame: Frame, most_side: u32, share: f64) -> Resolution {
    let longest = frame.points.width.max(frame.points.height).max(0.01);
    let wanted = DPI / 72.0 / share;
    // Tiny frames are enlarged: a picture of a few points is shown larger than it says.
    let wanted = if longest * wanted < SMALLEST / share { SMALLEST / share / longest } else { wanted };
    let scale = wanted.min(f64::from(most_side) / longest);
    let side = |length: f64| pixels(length * scale).min(most_side.max(1));
    Resolution {
        width: side(frame.points.width),
        height: side(frame.points.height),
        pixel: (scale * 72.0 / 96.0).clamp(0.25, 4.0),
    }
}

/// Pixels per inch.
const DPI: f64 = 192.0;
/// The longer side that a canvas has at least, in pixels.
const SMALLEST: f64 = 64.0;
const PLACEABLE: u32 = 0x9AC6_CDD7;
const EMF_SIGNATURE: u32 = 0x464D_4520;
/// "EMF+", which begins the comments with records of that kind ([MS-EMF] 2.3.3.2).
pub(super) const PLUS_SIGNATURE: u32 = 0x2B46_4D45;
