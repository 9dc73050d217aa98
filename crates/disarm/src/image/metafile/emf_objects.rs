//! Pens, brushes and fonts of EMF ([MS-EMF] 2.3.7).

use std::rc::Rc;

use super::bytes::Bytes;
use super::font::Font;
use super::player::Player;
use super::state::{Brush, Line, Object, Pen, stock};
use super::{Fault, dib};

pub(super) fn play(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let number = data.u32(8)?;
    let at = data.at(8)?;
    Some(match kind {
        37 => {
            let object = object(player, number);
            player.select(object);
            Ok(())
        }
        40 => match player.objects.get_mut(at) {
            Some(place) => {
                *place = None;
                Ok(())
            }
            None => Ok(()),
        },
        38 => {
            let pen = Pen::plain(data.u32(12)?, data.i32(16)?.into(), data.color(24)?);
            player.set_object(at, Some(Object::Pen(Rc::new(pen))))
        }
        39 => {
            let brush = plain_brush(data.u32(12)?, data.color(16)?, data.u32(20)?);
            player.set_object(at, Some(Object::Brush(Rc::new(brush))))
        }
        82 => player.set_object(at, Some(Object::Font(Rc::new(Font::read32(data.from(12)?)?)))),
        93 | 94 => match picture(data, 16, data.u32(12)? == 1, player) {
            Ok(Some(picture)) => {
                let brush = Brush::Pattern { picture, two_colors: kind == 93 };
                player.set_object(at, Some(Object::Brush(Rc::new(brush))))
            }
            Ok(None) => player.set_object(at, Some(Object::Other)),
            Err(fault) => Err(fault),
        },
        95 => match pen(data, player)? {
            Ok(pen) => player.set_object(at, Some(Object::Pen(Rc::new(pen)))),
            Err(fault) => Err(fault),
        },
        49 => player.set_object(at, Some(Object::Other)),
        _ => Ok(()),
    })
}

/// The bitmap whose header and pixels stand where four numbers from `at` on say.
fn picture(
    data: Bytes<'_>,
    at: usize,
    by_index: bool,
    player: &mut Player<'_>,
) -> Result<Option<Rc<super::paint::Picture>>, Fault> {
    let parts = || {
        let header = data.slice(data.at(at)?, data.at(at.checked_add(4)?)?)?;
        let pixels = data.slice(data.at(at.checked_add(8)?)?, data.at(at.checked_add(12)?)?)?;
        Some((Bytes(header), Bytes(pixels)))
    };
    match parts() {
        Some((header, pixels)) => dib::read(header, pixels, by_index, false, player.budget),
        None => Ok(None),
    }
}

fn object(player: &Player<'_>, number: u32) -> Option<Object> {
    if number & STOCK != 0 {
        return stock(number & !STOCK);
    }
    player.objects.get(super::bytes::index(number)).cloned().flatten()
}

/// A brush of the table, or one that every device has.
pub(super) fn brush(player: &Player<'_>, number: u32) -> Option<Rc<Brush>> {
    match object(player, number)? {
        Object::Brush(brush) => Some(brush),
        Object::Pen(_) | Object::Font(_) | Object::Region(_) | Object::Other => None,
    }
}

fn plain_brush(style: u32, color: [u8; 3], hatch: u32) -> Brush {
    match style {
        0 => Brush::Solid(color),
        2 => Brush::Hatch(u16::try_from(hatch).unwrap_or(5), color),
        _ => Brush::None,
    }
}

/// An extended pen ([MS-EMF] 2.2.20).
fn pen(data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<Pen, Fault>> {
    let style = data.u32(28)?;
    let geometric = style & 0x1_0000 != 0;
    let width = if geometric { f64::from(data.u32(32)?) } else { 0.0 };
    let mut pen = Pen::plain(style, width, data.color(40)?);
    match style & 15 {
        7 => {
            let count = data.at(48)?.min(16);
            let part = |at: usize| data.u32(52_usize.checked_add(at.checked_mul(4)?)?).map(f64::from);
            let mut parts: Vec<f64> = (0..count).map_while(part).collect();
            // Cosmetic pens count pixels of the device.
            let unit = if geometric { 1.0 } else { player.pixel / player.scale().max(1.0e-9) };
            parts.iter_mut().for_each(|part| *part *= unit);
            pen.line = if parts.is_empty() { Line::Solid } else { Line::Measured(parts) };
        }
        8 => pen.line = Line::Dashed(vec![1.0, 1.0]),
        _ => {}
    }
    match data.u32(36)? {
        0 => {}
        1 => pen.line = Line::None,
        2 => pen.fill = Some(Rc::new(plain_brush(2, data.color(40)?, data.u32(44)?))),
        _ => match picture(data, 12, false, player) {
            Ok(Some(picture)) => pen.fill = Some(Rc::new(Brush::Pattern { picture, two_colors: false })),
            Ok(None) => {}
            Err(fault) => return Some(Err(fault)),
        },
    }
    Some(Ok(pen))
}

/// The bit of numbers that do not stand in the table.
const STOCK: u32 = 0x8000_0000;
