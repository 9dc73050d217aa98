//! Letters of Type 3 fonts, which are drawings: those that are one filled shape, or one small bitmap, become letters like others.
//!
//! Bitmaps are what TeX and drivers of printers made of letters. Drawn as pictures, each letter of a page would be one.

use hayro_interpret::color::{AlphaColor, Color};
use hayro_interpret::font::{GlyphRun, Type3Glyph};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, FillRule, Image, ImageDrawProps, LumaData, Paint, SoftMask,
};
use kurbo::{Affine, BezPath};

use super::decodable;

/// The shape of a letter in thousandths of an em, when it is one filled shape in the colour of the text.
pub(super) fn shape(letter: &Type3Glyph<'_>) -> Option<BezPath> {
    let mut collector = Collector { shape: None, plain: true };
    letter.interpret(&mut collector, Affine::IDENTITY, Affine::IDENTITY, &Paint::Color(marked()));
    let Collector { shape, plain } = collector;
    shape.filter(|_| plain)
}

struct Collector {
    shape: Option<BezPath>,
    plain: bool,
}

impl<'a> Device<'a> for Collector {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        let plain = matches!(mode, DrawMode::Fill(FillRule::NonZero))
            && is_marked(&props.paint)
            && props.soft_mask.is_none()
            && props.blend_mode == BlendMode::Normal
            && self.shape.is_none()
            && path.elements().len() <= MAX_ELEMENTS;
        if plain {
            self.shape = Some(props.transform * path.clone());
        } else {
            self.plain = false;
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.plain = false;
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.plain = false;
    }

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {
        self.plain = false;
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        let plain = props.soft_mask.is_none() && props.blend_mode == BlendMode::Normal && self.shape.is_none();
        let shape = match &image {
            Image::Stencil(stencil) if plain && decodable::picture(stencil.stream(), MAX_PIXELS) => {
                let mut shape = None;
                stencil.with_stencil(|data, paint| shape = is_marked(paint).then(|| around(&data)), None);
                shape.filter(|shape| shape.elements().len() <= MAX_ELEMENTS)
            }
            _ => None,
        };
        self.plain &= shape.is_some();
        self.shape = shape.map(|shape| props.transform * shape).or(self.shape.take());
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

fn is_marked(paint: &Paint<'_>) -> bool {
    match paint {
        Paint::Color(color) => color.to_rgba().to_rgba8() == marked().to_rgba().to_rgba8(),
        Paint::Pattern(_) => false,
    }
}

/// The lines around what is painted of a bitmap: along the sides of its pixels, with what is painted on their right.
fn around(bitmap: &LumaData) -> BezPath {
    let number = |side: u32| usize::try_from(side).unwrap_or(0);
    let (width, height) = (number(bitmap.width), number(bitmap.height));
    let is_painted = |x: usize, y: usize| {
        x < width
            && y < height
            && bitmap.data.get(y.saturating_mul(width).saturating_add(x)).is_some_and(|value| *value >= 0x80)
    };
    // From each corner the directions in which a line leaves it, a bit each.
    let across = width.saturating_add(1);
    let corner = |x: usize, y: usize| y.saturating_mul(across).saturating_add(x);
    let mut leaving = vec![0_u8; across.saturating_mul(height.saturating_add(1))];
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).filter(|(y, x)| is_painted(*x, *y)) {
        let sides = [
            (corner(x, y), RIGHT, y == 0 || !is_painted(x, y.saturating_sub(1))),
            (corner(x + 1, y), DOWN, !is_painted(x + 1, y)),
            (corner(x + 1, y + 1), LEFT, !is_painted(x, y + 1)),
            (corner(x, y + 1), UP, x == 0 || !is_painted(x.saturating_sub(1), y)),
        ];
        for (corner, direction, is_side) in sides {
            if let Some(place) = leaving.get_mut(corner).filter(|_| is_side) {
                *place |= 1 << direction;
            }
        }
    }
    let (scale_x, scale_y) = (f64::from(bitmap.scale_factors.0), f64::from(bitmap.scale_factors.1));
    #[allow(clippy::cast_precision_loss, reason = "sides of a small bitmap")]
    let point = |corner: usize| ((corner % across) as f64 * scale_x, (corner / across) as f64 * scale_y);
    let mut path = BezPath::new();
    for start in 0..leaving.len() {
        let mut at = start;
        let mut heading: Option<u8> = None;
        // To the right first: pixels that only touch at a corner have lines of their own.
        while let Some(place) = leaving.get_mut(at)
            && let Some(next) = [1, 0, 3, 2]
                .map(|turn| (heading.unwrap_or(RIGHT) + turn) % 4)
                .into_iter()
                .find(|way| *place >> way & 1 == 1)
        {
            *place &= !(1 << next);
            match heading {
                None => path.move_to(point(at)),
                Some(before) if before != next => path.line_to(point(at)),
                Some(_) => {}
            }
            heading = Some(next);
            at = match next {
                RIGHT => at.saturating_add(1),
                DOWN => at.saturating_add(across),
                LEFT => at.saturating_sub(1),
                _ => at.saturating_sub(across),
            };
        }
        if heading.is_some() {
            path.close_path();
        }
    }
    path
}

/// Directions in the order in which a turn to the right leads from one to the next; rows go down.
const RIGHT: u8 = 0;
const DOWN: u8 = 1;
const LEFT: u8 = 2;
const UP: u8 = 3;
/// The most pixels of a bitmap that is a letter: one of 30 points at 600 dots per inch.
const MAX_PIXELS: u64 = 65_536;

/// A colour that no file paints with by chance: only what takes the colour of the text has it.
fn marked() -> Color {
    Color::from_rgba(AlphaColor::new([17.0 / 255.0, 101.0 / 255.0, 233.0 / 255.0, 1.0]))
}

/// A letter with more is drawn.
const MAX_ELEMENTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use kurbo::Shape as _;

    use super::*;

    /// The path around a bitmap of so many columns, in which `#` is painted.
    fn path(rows: &[&str]) -> BezPath {
        let data: Vec<u8> = rows.iter().flat_map(|row| row.bytes()).map(|c| if c == b'#' { 255 } else { 0 }).collect();
        let (width, height) = (u32::try_from(rows[0].len()).unwrap(), u32::try_from(rows.len()).unwrap());
        around(&LumaData { data, width, height, interpolate: false, scale_factors: (1.0, 1.0) })
    }

    #[test]
    fn what_is_painted_is_inside_and_nothing_else_is() {
        for rows in [
            &["#"][..],
            &["##.", "#..", "###"],
            &["####", "#..#", "#.##", "####"],
            &["#.#", ".#.", "#.#"],
            &["....", ".##.", "...."],
            &["#####", "#...#", "#.#.#", "#...#", "#####"],
        ] {
            let path = path(rows);
            for (y, row) in (0..).zip(rows) {
                for (x, c) in (0..).zip(row.bytes()) {
                    let middle = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                    assert_eq!(path.winding(middle.into()) != 0, c == b'#', "{rows:?} {x} {y}");
                }
            }
            let painted = rows.iter().flat_map(|row| row.bytes()).filter(|c| *c == b'#').count();
            assert_eq!(path.area().abs(), painted as f64, "{rows:?}");
        }
    }

    #[test]
    fn sides_in_a_row_are_one_line() {
        // Four corners: a start, three lines, an end.
        assert_eq!(path(&["###", "###"]).elements().len(), 5);
        assert_eq!(path(&[".", "."]).elements().len(), 0);
    }
}
