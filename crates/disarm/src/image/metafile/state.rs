//! What the calls of a metafile change, and what they draw with.

use std::rc::Rc;

use kurbo::{Affine, Point, Vec2};

use super::canvas::Clip;
use super::font::Font;
use super::paint::Picture;

/// What a drawing call draws with: the device context.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) mapping: Mapping,
    /// From the world to the page ([MS-EMF] 2.3.12).
    pub(super) world: Affine,
    pub(super) position: Point,
    pub(super) pen: Rc<Pen>,
    pub(super) brush: Rc<Brush>,
    pub(super) font: Rc<Font>,
    pub(super) text_color: [u8; 3],
    pub(super) back_color: [u8; 3],
    /// Whether the gaps of hatches, dashes and text are filled.
    pub(super) opaque: bool,
    /// The binary raster operation, 1 to 16.
    pub(super) rop: u32,
    /// Filled by winding, not by odd and even.
    pub(super) winding: bool,
    /// Pictures that are enlarged are smoothed.
    pub(super) halftone: bool,
    pub(super) align: u32,
    /// Added behind each letter, in logical units.
    pub(super) extra: f64,
    /// Added behind each blank.
    pub(super) blank_extra: f64,
    /// Arcs run with the clock.
    pub(super) clockwise: bool,
    pub(super) miter: f64,
    pub(super) clip: Clip,
    pub(super) brush_origin: Point,
}

/// From logical units to those of the device ([MS-EMF] 3.1.1.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapping {
    /// 1 pixels, 2 to 6 lengths, 7 both axes alike, 8 any.
    pub(super) mode: u32,
    pub(super) window_origin: Point,
    pub(super) window: Vec2,
    pub(super) viewport_origin: Point,
    pub(super) viewport: Vec2,
    /// Pixels of the device per millimetre.
    pub(super) device: Point,
}

#[derive(Clone, Debug)]
pub(super) struct Pen {
    pub(super) line: Line,
    /// In logical units; 0 is as thin as can be.
    pub(super) width: f64,
    pub(super) color: [u8; 4],
    pub(super) cap: kurbo::Cap,
    pub(super) join: kurbo::Join,
    pub(super) fill: Option<Rc<Brush>>,
}

/// How a line runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    None,
    Solid,
    /// Marks and gaps, in widths of the pen.
    Dashed(Vec<f64>),
    /// Marks and gaps, in logical units.
    Measured(Vec<f64>),
}

#[derive(Clone, Debug)]
pub(super) enum Brush {
    None,
    Solid([u8; 3]),
    Hatch(u16, [u8; 3]),
    /// A picture that repeats. Where it has two colours only they are those of text and background.
    Pattern {
        picture: Rc<Picture>,
        two_colors: bool,
    },
}

impl Mapping {
    /// Pixels, from the origin.
    pub(super) fn pixels(device: Point) -> Mapping {
        Mapping {
            mode: 1,
            window_origin: Point::ZERO,
            window: Vec2::new(1.0, 1.0),
            viewport_origin: Point::ZERO,
            viewport: Vec2::new(1.0, 1.0),
            device,
        }
    }

    /// Units of the device for one logical unit. Negative where an axis is turned.
    pub(super) fn scale(&self) -> Vec2 {
        let ratio = |viewport: f64, window: f64| {
            let ratio = viewport / window;
            if ratio.is_finite() && ratio != 0.0 { ratio } else { 1.0 }
        };
        let free = Vec2::new(ratio(self.viewport.x, self.window.x), ratio(self.viewport.y, self.window.y));
        let millimetres = |unit: f64| Vec2::new(self.device.x * unit, -self.device.y * unit);
        match self.mode {
            2 => millimetres(0.1),
            3 => millimetres(0.01),
            4 => millimetres(0.254),
            5 => millimetres(0.0254),
            6 => millimetres(25.4 / 1_440.0),
            7 => {
                let least = free.x.abs().min(free.y.abs());
                Vec2::new(least.copysign(free.x), least.copysign(free.y))
            }
            8 => free,
            _ => Vec2::new(1.0, 1.0),
        }
    }

    /// From the page to the device.
    pub(super) fn page(&self) -> Affine {
        let scale = self.scale();
        Affine::translate(self.viewport_origin.to_vec2())
            * Affine::scale_non_uniform(scale.x, scale.y)
            * Affine::translate(-self.window_origin.to_vec2())
    }
}

impl Pen {
    /// The pen of a LOGPEN ([MS-WMF] 2.2.1.4): its ends and corners are round.
    pub(super) fn plain(style: u32, width: f64, [r, g, b]: [u8; 3]) -> Pen {
        Pen {
            line: Line::of_style(style & 15),
            width: width.abs(),
            color: [r, g, b, 255],
            cap: cap(style),
            join: join(style),
            fill: None,
        }
    }
}

impl Line {
    fn of_style(style: u32) -> Line {
        match style {
            1 => Line::Dashed(vec![3.0, 1.0]),
            2 => Line::Dashed(vec![1.0, 1.0]),
            3 => Line::Dashed(vec![3.0, 1.0, 1.0, 1.0]),
            4 => Line::Dashed(vec![3.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
            5 => Line::None,
            _ => Line::Solid,
        }
    }
}

/// The ends of lines ([MS-EMF] 2.1.25).
fn cap(style: u32) -> kurbo::Cap {
    match style & 0xF00 {
        0x100 => kurbo::Cap::Square,
        0x200 => kurbo::Cap::Butt,
        _ => kurbo::Cap::Round,
    }
}

/// The corners of lines.
fn join(style: u32) -> kurbo::Join {
    match style & 0xF000 {
        0x1000 => kurbo::Join::Bevel,
        0x2000 => kurbo::Join::Miter,
        _ => kurbo::Join::Round,
    }
}

/// Objects that every device has ([MS-EMF] 2.1.31).
pub(super) fn stock(number: u32) -> Option<Object> {
    let brush = |grey: u8| Some(Object::Brush(Rc::new(Brush::Solid([grey; 3]))));
    let pen = |style: u32, grey: u8| Some(Object::Pen(Rc::new(Pen::plain(style, 0.0, [grey; 3]))));
    match number {
        0 => brush(255),
        1 => brush(192),
        2 => brush(128),
        3 => brush(64),
        4 => brush(0),
        5 => Some(Object::Brush(Rc::new(Brush::None))),
        6 => pen(0, 255),
        7 => pen(0, 0),
        8 => pen(5, 0),
        18 => brush(255),
        19 => pen(0, 0),
        10..=14 | 16 | 17 => Some(Object::Font(Rc::new(Font::default()))),
        _ => None,
    }
}

/// An entry of the object table.
#[derive(Clone, Debug)]
pub(super) enum Object {
    Pen(Rc<Pen>),
    Brush(Rc<Brush>),
    Font(Rc<Font>),
    /// Rectangles in units of the device.
    Region(Rc<Vec<kurbo::Rect>>),
    /// A palette and the like: holds a number and does nothing.
    Other,
}
