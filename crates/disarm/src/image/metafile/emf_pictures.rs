//! Pictures and colour gradients of EMF ([MS-EMF] 2.3.1, 2.3.5.12).

use std::rc::Rc;

use kurbo::{Affine, BezPath, Point, Rect, Shape};

use super::bytes::{Bytes, cost};
use super::paint::{self, Gradient, Paint, Picture, Triangle};
use super::player::Player;
use super::raster::Rule;
use super::{Fault, arc, dib, wmf};

pub(super) fn play(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    if kind == 118 {
        return gradients(data, player);
    }
    let sized = |at: Point, size: Point| Rect::new(at.x, at.y, at.x + size.x, at.y + size.y);
    let (place, from, bitmap_at, usage, rop) = match kind {
        76 | 78 => {
            let size = data.point32(32)?;
            (sized(data.point32(24)?, size), sized(data.point32(44)?, size), 84, 80, data.u32(40)?)
        }
        77 | 114 | 116 => {
            let from = sized(data.point32(44)?, data.point32(100)?);
            let rop = if kind == 77 { data.u32(40)? } else { SOURCE_COPY };
            (sized(data.point32(24)?, data.point32(32)?), from, 84, 80, rop)
        }
        80 => {
            let size = data.point32(40)?;
            (sized(data.point32(24)?, size), sized(data.point32(32)?, size), 48, 64, SOURCE_COPY)
        }
        81 => {
            let from = sized(data.point32(32)?, data.point32(40)?);
            (sized(data.point32(24)?, data.point32(72)?), from, 48, 64, data.u32(68)?)
        }
        _ => return None,
    };
    let rop = paint::rop_of(rop);
    let parts = || {
        let header = data.slice(data.at(bitmap_at)?, data.at(bitmap_at.checked_add(4)?)?)?;
        let start = data.at(bitmap_at.checked_add(8)?)?;
        // What breaks off is drawn as far as it is there.
        let pixels = data.from(start)?.0;
        let len = data.at(bitmap_at.checked_add(12)?)?;
        (!header.is_empty() && len > 0).then(|| (Bytes(header), Bytes(pixels.get(..len).unwrap_or(pixels))))
    };
    let Some((header, pixels)) = parts() else {
        return Some(player.transfer(place, rop, None, 255));
    };
    let blend = if kind == 114 { data.u32(40)? } else { 0x00FF_0000 };
    let opacity = u8::try_from(blend >> 16 & 0xFF).unwrap_or(255);
    let with_alpha = kind == 114 && blend >> 24 & 1 == 1;
    let read = dib::read(header, pixels, data.u32(usage)? == 1, with_alpha, player.budget);
    Some(match read {
        Ok(Some(picture)) => {
            let upward = matches!(kind, 80 | 81);
            let from = if upward { dib::from_bottom(from, &picture, header) } else { from };
            let from = wmf::inside(from, &picture);
            let picture = match kind {
                116 => without(&picture, data.color(40)?, player),
                _ => Ok(picture),
            };
            picture.and_then(|picture| player.transfer(place, rop, Some((&picture, from)), opacity))
        }
        Ok(None) => Ok(()),
        Err(fault) => Err(fault),
    })
}

/// A picture in which one colour is transparent.
fn without(picture: &Picture, [r, g, b]: [u8; 3], player: &mut Player<'_>) -> Result<Rc<Picture>, Fault> {
    player.budget.spend(cost(picture.pixels.len()))?;
    let seen = |pixel: &[u8; 4]| if *pixel == [r, g, b, 255] { [0; 4] } else { *pixel };
    let pixels = picture.pixels.iter().map(seen).collect();
    Ok(Rc::new(Picture { width: picture.width, height: picture.height, pixels }))
}

/// Rectangles or triangles between whose corners colours change.
fn gradients(data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let (corners, shapes, mode) = (data.at(24)?, data.at(28)?, data.u32(32)?);
    let each = if mode == 2 { 3 } else { 2 };
    let table = 36_usize.checked_add(corners.checked_mul(16)?)?;
    let shapes = shapes.min(data.0.len());
    if let Err(fault) = player.budget.points(corners.min(data.0.len()).saturating_add(shapes)) {
        return Some(Err(fault));
    }
    let corner = |shape: usize, number: usize| {
        let at = shape.checked_mul(each)?.checked_add(number)?.checked_mul(4)?;
        let index = data.at(table.checked_add(at)?)?;
        if index >= corners {
            return None;
        }
        let at = 36_usize.checked_add(index.checked_mul(16)?)?;
        let channel = |offset: usize| data.u8(at.checked_add(offset)?);
        // The upper bytes of numbers of 16 bits; what stands for opacity is not used here.
        Some((data.point32(at)?, [channel(9)?, channel(11)?, channel(13)?, 255]))
    };
    let to_canvas = player.to_canvas();
    for shape in 0..shapes {
        let ((a, first), (b, second)) = (corner(shape, 0)?, corner(shape, 1)?);
        let (path, paint) = if mode == 2 {
            let (c, third) = corner(shape, 2)?;
            let sides = to_canvas * Affine::new([b.x - a.x, b.y - a.y, c.x - a.x, c.y - a.y, a.x, a.y]);
            let paint = Paint::Triangle(Triangle { back: sides.inverse(), colors: [first, second, third] });
            (arc::lines(&[a, b, c], true), paint)
        } else {
            let (along, turn) = if mode == 0 { (b.x - a.x, 0.0) } else { (b.y - a.y, 90.0_f64) };
            let axis = Affine::translate(a.to_vec2()) * Affine::rotate(turn.to_radians()) * Affine::scale(along);
            let stops = vec![(0.0, first), (1.0, second)];
            let back = (to_canvas * axis).inverse();
            (
                Rect::from_points(a, b).to_path(0.1),
                Paint::Gradient(Gradient { back, stops, repeats: false, mirrors: false }),
            )
        };
        let path: BezPath = to_canvas * path;
        if let Err(fault) = player.fill_paint(&path, Rule::Winding, &paint) {
            return Some(Err(fault));
        }
    }
    Some(Ok(()))
}

const SOURCE_COPY: u32 = 0x00CC_0020;
