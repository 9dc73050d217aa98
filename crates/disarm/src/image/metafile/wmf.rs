//! The records of WMF ([MS-WMF] 2.3), whose arguments stand in reverse.

use std::rc::Rc;

use kurbo::{BezPath, Point, Rect, Shape, Vec2};

use super::arc::{self, Part};
use super::bytes::{Bytes, cost};
use super::canvas::Combine;
use super::font::Font;
use super::paint::{self, Ink, Paint, Picture};
use super::player::{Drawn, Player};
use super::raster::Rule;
use super::state::{Brush, Object, Pen};
use super::text::Line;
use super::{Fault, Limits, dib};

/// Plays records up to the end or to where they break off.
pub(super) fn play(bytes: &[u8], player: &mut Player<'_>) -> Result<(), Fault> {
    let bytes = Bytes(bytes);
    let mut at = 0_usize;
    while let (Some(words), Some(function)) = (bytes.at(at), bytes.u16(at.saturating_add(4))) {
        player.budget.record()?;
        let len = words.saturating_mul(2);
        if function == 0 || len < 6 {
            break;
        }
        let end = at.saturating_add(len).min(bytes.0.len());
        let data = bytes.0.get(at.saturating_add(6)..end).unwrap_or_default();
        // A record that lacks something is left out.
        if let Some(done) = record(function, Bytes(data), player) {
            done?;
        }
        at = end;
    }
    Ok(())
}

/// The EMF that many programs put into the comments of a WMF, piece by piece ([MS-WMF] 2.3.6.1): it is what was drawn, and the
/// records of 16 bits are for programs that cannot read it.
pub(super) fn embedded(bytes: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let bytes = Bytes(bytes);
    let (mut at, mut whole, mut total) = (0_usize, Vec::new(), None);
    for _ in 0..limits.records {
        let (words, function) = (bytes.at(at)?, bytes.u16(at.checked_add(4)?)?);
        let len = words.checked_mul(2)?;
        if function == 0 || len < 6 {
            break;
        }
        let record = bytes.from(at.checked_add(6)?)?;
        at = at.checked_add(len)?;
        let is_piece = function == 0x0626 && record.u32(4) == Some(COMMENT) && record.u32(8) == Some(1);
        if !is_piece {
            if total.is_some() {
                break;
            }
            continue;
        }
        let size = record.at(34)?;
        if *total.get_or_insert(size) != size {
            return None;
        }
        whole.extend_from_slice(record.slice(38, record.at(26)?.min(len))?);
        if whole.len() >= size {
            return Some(whole);
        }
    }
    None
}

/// Two numbers, y first.
fn point(data: Bytes<'_>, at: usize) -> Option<Point> {
    data.point16(at).map(|point| Point::new(point.y, point.x))
}

/// Bottom, right, top, left.
fn rect(data: Bytes<'_>, at: usize) -> Option<Rect> {
    Some(Rect::from_points(point(data, at.checked_add(4)?)?, point(data, at)?))
}

fn points(data: Bytes<'_>, at: usize, count: usize) -> Vec<Point> {
    data.from(at)
        .map_or(&[][..], |rest| rest.0)
        .chunks_exact(4)
        .take(count)
        .filter_map(|p| Bytes(p).point16(0))
        .collect()
}

fn record(function: u16, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let state = &mut player.state;
    let mapping = &mut state.mapping;
    match function {
        0x0103 => mapping.mode = data.u16(0)?.into(),
        0x020B => mapping.window_origin = point(data, 0)?,
        0x020C => mapping.window = point(data, 0)?.to_vec2(),
        0x020D => mapping.viewport_origin = point(data, 0)?,
        0x020E => mapping.viewport = point(data, 0)?.to_vec2(),
        0x020F => mapping.window_origin += point(data, 0)?.to_vec2(),
        0x0211 => mapping.viewport_origin += point(data, 0)?.to_vec2(),
        0x0410 => mapping.window = scaled(mapping.window, data)?,
        0x0412 => mapping.viewport = scaled(mapping.viewport, data)?,
        0x0102 => state.opaque = data.u16(0)? != 1,
        0x0104 => state.rop = data.u16(0)?.into(),
        0x0106 => state.winding = data.u16(0)? == 2,
        0x0107 => state.halftone = data.u16(0)? == 4,
        0x0108 => state.extra = data.i16(0)?.into(),
        0x012E => state.align = data.u16(0)?.into(),
        0x0201 => state.back_color = data.color(0)?,
        0x0209 => state.text_color = data.color(0)?,
        0x020A => {
            let count = f64::from(data.u16(0)?).max(1.0);
            state.blank_extra = f64::from(data.i16(2)?) / count;
        }
        0x0214 => state.position = point(data, 0)?,
        0x001E => return Some(player.save()),
        0x0127 => player.restore(data.i16(0)?.into()),
        0x02FA | 0x02FB | 0x02FC | 0x0142 | 0x01F9 | 0x00F7 | 0x06FF | 0x012D | 0x01F0 | 0x012C | 0x0228 | 0x0429
        | 0x012A | 0x012B => return object_record(function, data, player),
        0x0521 | 0x0A32 => return text(function, data, player),
        0x061D | 0x0922 | 0x0940 | 0x0B23 | 0x0B41 | 0x0F43 | 0x0D33 => return transfer(function, data, player),
        _ => return shape(function, data, player),
    }
    Some(Ok(()))
}

fn scaled(extent: Vec2, data: Bytes<'_>) -> Option<Vec2> {
    let number = |at: usize| data.i16(at).map(f64::from);
    let (y, x) = (number(2)? / number(0)?, number(6)? / number(4)?);
    let usable = x.is_finite() && y.is_finite() && x != 0.0 && y != 0.0;
    usable.then(|| Vec2::new(extent.x * x, extent.y * y))
}

fn shape(function: u16, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    Some(match function {
        0x0213 => {
            let to = point(data, 0)?;
            let line = arc::lines(&[player.state.position, to], false);
            player.state.position = to;
            player.shape(&line, Drawn::Line)
        }
        0x0324 | 0x0325 => {
            let count = data.u16(0)?.into();
            if let Err(fault) = player.budget.points(count) {
                return Some(Err(fault));
            }
            let closed = function == 0x0324;
            let drawn = if closed { Drawn::Both } else { Drawn::Line };
            player.shape(&arc::lines(&points(data, 2, count), closed), drawn)
        }
        0x0538 => poly_polygon(data, player),
        0x0418 => player.shape(&arc::ellipse(rect(data, 0)?), Drawn::Both),
        0x041B => player.shape(&rect(data, 0)?.to_path(0.1), Drawn::Both),
        0x061C => {
            let size = point(data, 0)?.to_vec2();
            player.shape(&arc::round_rect(rect(data, 4)?, size), Drawn::Both)
        }
        0x0817 | 0x081A | 0x0830 => {
            let part = match function {
                0x0817 => Part::Arc,
                0x081A => Part::Pie,
                _ => Part::Chord,
            };
            let path = player.arc(rect(data, 8)?, point(data, 4)?, point(data, 0)?, part);
            player.shape(&path, if part == Part::Arc { Drawn::Line } else { Drawn::Both })
        }
        0x041F => pixel(player, point(data, 4)?, data.color(0)?),
        0x0415 => player.clip_rect(rect(data, 0)?, Combine::Without),
        0x0416 => player.clip_rect(rect(data, 0)?, Combine::And),
        _ => Ok(()),
    })
}

/// One pixel of the device, which is a rectangle of the picture.
pub(super) fn pixel(player: &mut Player<'_>, at: Point, color: [u8; 3]) -> Result<(), Fault> {
    let shape = player.to_canvas() * Rect::new(at.x, at.y, at.x + 1.0, at.y + 1.0).to_path(0.1);
    player.fill_paint(&shape, Rule::Winding, &Paint::opaque(color))
}

fn poly_polygon(data: Bytes<'_>, player: &mut Player<'_>) -> Result<(), Fault> {
    let count = usize::from(data.u16(0).unwrap_or(0));
    player.budget.points(count)?;
    let mut path = BezPath::new();
    let mut at = 2_usize.saturating_add(count.saturating_mul(2));
    let mut sum = 0_usize;
    for number in 0..count {
        let Some(len) = data.u16(2_usize.saturating_add(number.saturating_mul(2))) else { break };
        let len = usize::from(len);
        sum = sum.saturating_add(len);
        player.budget.points(sum.min(data.0.len()))?;
        path.extend(arc::lines(&points(data, at, len), true).elements().iter().copied());
        at = at.saturating_add(len.saturating_mul(4));
    }
    player.shape(&path, Drawn::Both)
}

fn object_record(function: u16, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    Some(match function {
        0x02FA => {
            let pen = Pen::plain(data.u16(0)?.into(), data.i16(2)?.into(), data.color(6)?);
            create(player, Object::Pen(Rc::new(pen)))
        }
        0x02FB => create(player, Object::Font(Rc::new(Font::read16(data)?))),
        0x02FC => {
            let brush = match data.u16(0)? {
                0 => Brush::Solid(data.color(2)?),
                2 => Brush::Hatch(data.u16(6)?, data.color(2)?),
                _ => Brush::None,
            };
            create(player, Object::Brush(Rc::new(brush)))
        }
        0x0142 => {
            let usage = data.u16(2)?;
            match dib::packed(data.from(4)?, usage == 1, player.budget) {
                Ok(Some(picture)) => {
                    create(player, Object::Brush(Rc::new(Brush::Pattern { picture, two_colors: false })))
                }
                Ok(None) => create(player, Object::Other),
                Err(fault) => Err(fault),
            }
        }
        0x01F9 | 0x00F7 => create(player, Object::Other),
        0x06FF => create(player, Object::Region(Rc::new(region(data)))),
        0x012D => {
            let object = player.objects.get(usize::from(data.u16(0)?)).cloned().flatten();
            player.select(object);
            Ok(())
        }
        0x01F0 => player.set_object(data.u16(0)?.into(), None),
        0x012C => select_region(player, data.u16(0)?.into()),
        0x0228 | 0x012B => {
            let Some(Some(Object::Region(rects))) = player.objects.get(usize::from(data.u16(0)?)).cloned() else {
                return None;
            };
            let brush = match function {
                0x0228 => match player.objects.get(usize::from(data.u16(2)?)) {
                    Some(Some(Object::Brush(brush))) => Rc::clone(brush),
                    _ => return None,
                },
                _ => Rc::clone(&player.state.brush),
            };
            fill_region(player, &rects, &brush)
        }
        _ => Ok(()),
    })
}

fn fill_region(player: &mut Player<'_>, rects: &[Rect], brush: &Brush) -> Result<(), Fault> {
    let lay = player.to_canvas();
    let shape = player.region(rects, lay)?;
    let Some(paint) = player.brush_paint(brush)? else { return Ok(()) };
    let ink = Ink { pattern: &paint, source: None, rop: paint::of_binary(player.state.rop) };
    player.fill(&shape, Rule::Winding, &ink)
}

fn select_region(player: &mut Player<'_>, at: usize) -> Result<(), Fault> {
    match player.objects.get(at).cloned().flatten() {
        Some(Object::Region(rects)) => {
            // Meant in pixels of a device that nobody knows; what writes such files means its own units.
            let lay = player.to_canvas();
            let shape = player.region(&rects, lay)?;
            player.clip(&shape, Rule::Winding, Combine::Copy)
        }
        _ => {
            player.state.clip = player.whole.clone();
            Ok(())
        }
    }
}

/// Takes the first free place ([MS-WMF] 3.1.4.1).
fn create(player: &mut Player<'_>, object: Object) -> Result<(), Fault> {
    player.budget.spend(cost(player.objects.len()) >> 3)?;
    let free = player.objects.iter().position(Option::is_none).unwrap_or(player.objects.len());
    player.set_object(free, Some(object))
}

/// Rectangles of a region ([MS-WMF] 2.2.1.5).
fn region(data: Bytes<'_>) -> Vec<Rect> {
    let mut rects = Vec::new();
    let mut at = 22_usize;
    while let (Some(count), Some(top), Some(bottom)) =
        (data.u16(at), data.i16(at.saturating_add(2)), data.i16(at.saturating_add(4)))
    {
        at = at.saturating_add(6);
        for _ in 0..count >> 1 {
            let Some(span) = data.point16(at) else { return rects };
            rects.push(Rect::new(span.x, top.into(), span.y, bottom.into()));
            at = at.saturating_add(4);
        }
        // The count stands again behind the scan.
        at = at.saturating_add(2);
    }
    rects
}

fn text(function: u16, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let font = Rc::clone(&player.state.font);
    if function == 0x0521 {
        let len = usize::from(data.u16(0)?);
        let behind = 2_usize.checked_add(len.next_multiple_of(2))?;
        let letters: Vec<char> = font.letters(data.slice(2, len)?).into_iter().map(|(c, _)| c).collect();
        let at = point(data, behind)?;
        return Some(player.write(Line { at, letters: &letters, steps: None, rect: None, fills: false, clips: false }));
    }
    let at = point(data, 0)?;
    let len = usize::from(data.u16(4)?);
    let options = data.u16(6)?;
    let has_rect = options & 6 != 0;
    let rect = if has_rect { Some(Rect::from_points(data.point16(8)?, data.point16(12)?)) } else { None };
    let start = if has_rect { 16 } else { 8 };
    let bytes = data.slice(start, len)?;
    let steps_at = start.checked_add(len.next_multiple_of(2))?;
    let own_steps = data.from(steps_at).filter(|rest| rest.0.len() >= len.saturating_mul(2) && len > 0);
    let mut letters = Vec::new();
    let mut steps = Vec::new();
    let mut place = 0_usize;
    for (c, count) in font.letters(bytes) {
        letters.push(c);
        if let Some(own) = own_steps {
            let step = (place..place.saturating_add(count)).filter_map(|at| own.i16(at.saturating_mul(2)));
            steps.push(Vec2::new(step.map(f64::from).sum(), 0.0));
        }
        place = place.saturating_add(count);
    }
    let steps = own_steps.map(|_| steps);
    let line = Line { at, letters: &letters, steps, rect, fills: options & 2 != 0, clips: options & 4 != 0 };
    Some(player.write(line))
}

fn transfer(function: u16, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let sized = |at: Point, size: Point| Rect::new(at.x, at.y, at.x + size.x, at.y + size.y);
    let rop = paint::rop_of(data.u32(0)?);
    // Records without a picture have one word in its place and nothing behind.
    let (place, from, picture_at, rop, by_index, upward) = match function {
        0x061D => (sized(point(data, 8)?, point(data, 4)?), None, None, rop, false, false),
        0x0922 | 0x0940 if data.0.len() <= 18 => {
            (sized(point(data, 14)?, point(data, 10)?), None, None, rop, false, false)
        }
        0x0940 => {
            let size = point(data, 8)?;
            (sized(point(data, 12)?, size), Some(sized(point(data, 4)?, size)), Some(16), rop, false, false)
        }
        0x0B23 | 0x0B41 if data.0.len() <= 22 => {
            (sized(point(data, 18)?, point(data, 14)?), None, None, rop, false, false)
        }
        0x0B41 => {
            let from = sized(point(data, 8)?, point(data, 4)?);
            (sized(point(data, 16)?, point(data, 12)?), Some(from), Some(20), rop, false, false)
        }
        0x0F43 => {
            let from = sized(point(data, 10)?, point(data, 6)?);
            let place = sized(point(data, 18)?, point(data, 14)?);
            (place, Some(from), Some(22), rop, data.u16(4)? == 1, true)
        }
        0x0D33 => {
            let size = point(data, 10)?;
            let from = sized(point(data, 6)?, size);
            (sized(point(data, 14)?, size), Some(from), Some(18), paint::SOURCE_COPY, data.u16(0)? == 1, true)
        }
        _ => return None,
    };
    let (Some(from), Some(at)) = (from, picture_at) else { return Some(player.transfer(place, rop, None, 255)) };
    let bitmap = data.from(at)?;
    Some(match dib::packed(bitmap, by_index, player.budget) {
        Ok(Some(picture)) => {
            let from = if upward { dib::from_bottom(from, &picture, bitmap) } else { from };
            let from = inside(from, &picture);
            player.transfer(place, rop, Some((&picture, from)), 255)
        }
        Ok(None) => Ok(()),
        Err(fault) => Err(fault),
    })
}

/// The part of a picture that is shown; all of it where none is told.
pub(super) fn inside(from: Rect, picture: &Picture) -> Rect {
    let side = |len: usize| f64::from(super::bytes::signed(len));
    if from.width() == 0.0 || from.height() == 0.0 {
        return Rect::new(0.0, 0.0, side(picture.width), side(picture.height));
    }
    from
}

/// "WMFC".
const COMMENT: u32 = 0x4346_4D57;
