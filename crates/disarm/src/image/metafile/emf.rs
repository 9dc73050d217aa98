//! The records of EMF ([MS-EMF] 2.3). All places are counted from the beginning of a record.

use std::rc::Rc;

use kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape, Vec2};

use super::arc::{self, Part};
use super::bytes::Bytes;
use super::canvas::Combine;
use super::emf_objects;
use super::emf_pictures;
use super::font::Family;
use super::header::PLUS_SIGNATURE;
use super::paint::{self, Ink};
use super::player::{Drawn, Player};
use super::raster::Rule;
use super::state::Brush;
use super::text::Line;
use super::{Fault, wmf};

/// Plays records up to the end or to where they break off.
pub(super) fn play(bytes: &[u8], player: &mut Player<'_>) -> Result<(), Fault> {
    let bytes = Bytes(bytes);
    let (mut plus, mut draws) = (false, false);
    let mut at = 0_usize;
    while let (Some(kind), Some(size)) = (bytes.u32(at), bytes.at(at.saturating_add(4))) {
        player.budget.record()?;
        if kind == 14 || size < 8 {
            break;
        }
        let end = at.saturating_add(size).min(bytes.0.len());
        let record = Bytes(bytes.0.get(at..end).unwrap_or_default());
        if kind == 70 && record.u32(12) == Some(PLUS_SIGNATURE) {
            plus = true;
            tell(record, player);
        }
        draws |= matches!(kind, 2..=8 | 15 | 41..=47 | 53..=56 | 62..=64 | 71..=74 | 76..=81 | 83..=92 | 96 | 97 | 108..=118);
        // A record that lacks something is left out.
        if let Some(done) = play_record(kind, record, player) {
            done?;
        }
        at = end;
    }
    if plus && !draws { Err(Fault::PlusOnly) } else { Ok(()) }
}

/// Left, top, right, bottom.
pub(super) fn rect(data: Bytes<'_>, at: usize) -> Option<Rect> {
    Some(Rect::from_points(data.point32(at)?, data.point32(at.checked_add(8)?)?))
}

pub(super) fn transform(data: Bytes<'_>, at: usize) -> Option<Affine> {
    let mut all = [0.0; 6];
    for (number, value) in all.iter_mut().enumerate() {
        *value = data.f32(at.checked_add(number.checked_mul(4)?)?)?;
    }
    Some(Affine::new(all))
}

fn play_record(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let state = &mut player.state;
    let mapping = &mut state.mapping;
    match kind {
        9 => mapping.window = data.point32(8)?.to_vec2(),
        10 => mapping.window_origin = data.point32(8)?,
        11 => mapping.viewport = data.point32(8)?.to_vec2(),
        12 => mapping.viewport_origin = data.point32(8)?,
        13 => state.brush_origin = data.point32(8)?,
        17 => mapping.mode = data.u32(8)?,
        18 => state.opaque = data.u32(8)? != 1,
        19 => state.winding = data.u32(8)? == 2,
        20 => state.rop = data.u32(8)?,
        21 => state.halftone = data.u32(8)? == 4,
        22 => state.align = data.u32(8)?,
        24 => state.text_color = data.color(8)?,
        25 => state.back_color = data.color(8)?,
        27 => state.position = data.point32(8)?,
        31 => mapping.viewport = scaled(mapping.viewport, data)?,
        32 => mapping.window = scaled(mapping.window, data)?,
        33 => return Some(player.save()),
        34 => player.restore(data.i32(8)?),
        35 => state.world = transform(data, 8)?,
        36 => {
            let change = transform(data, 8);
            state.world = match data.u32(32)? {
                1 => Affine::IDENTITY,
                2 => state.world * change?,
                3 => change? * state.world,
                _ => change?,
            };
            if !state.world.is_finite() {
                state.world = Affine::IDENTITY;
            }
        }
        57 => state.clockwise = data.u32(8)? == 2,
        58 => state.miter = data.u32(8).map(f64::from)?,
        120 => state.blank_extra = f64::from(data.i32(8)?) / f64::from(data.i32(12)?.max(1)),
        2..=8 | 41..=47 | 54..=56 | 85..=92 => return shape(kind, data, player),
        59..=68 => return path(kind, data, player),
        26 | 29 | 30 | 71..=75 => return region(kind, data, player),
        37..=40 | 48 | 49 | 82 | 93..=95 => return emf_objects::play(kind, data, player),
        76..=81 | 114 | 116 | 118 => return emf_pictures::play(kind, data, player),
        83 | 84 | 96 | 97 | 108 => return text(kind, data, player),
        15 => return Some(wmf::pixel(player, data.point32(8)?, data.color(16)?)),
        _ => {}
    }
    Some(Ok(()))
}

fn scaled(extent: Vec2, data: Bytes<'_>) -> Option<Vec2> {
    let number = |at: usize| data.i32(at).map(f64::from);
    let (x, y) = (number(8)? / number(12)?, number(16)? / number(20)?);
    let usable = x.is_finite() && y.is_finite() && x != 0.0 && y != 0.0;
    usable.then(|| Vec2::new(extent.x * x, extent.y * y))
}

/// Points of 16 or 32 bits.
fn points(data: Bytes<'_>, at: usize, count: usize, narrow: bool) -> Vec<Point> {
    let rest = data.from(at).map_or(&[][..], |rest| rest.0);
    let read = |bytes: &[u8]| if narrow { Bytes(bytes).point16(0) } else { Bytes(bytes).point32(0) };
    rest.chunks_exact(if narrow { 4 } else { 8 }).take(count).filter_map(read).collect()
}

fn shape(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let position = player.state.position;
    let (path, drawn) = match kind {
        42 => (arc::ellipse(rect(data, 8)?), Drawn::Both),
        43 => (rect(data, 8)?.to_path(0.1), Drawn::Both),
        44 => (arc::round_rect(rect(data, 8)?, data.point32(24)?.to_vec2()), Drawn::Both),
        45 => (player.arc(rect(data, 8)?, data.point32(24)?, data.point32(32)?, Part::Arc), Drawn::Line),
        46 => (player.arc(rect(data, 8)?, data.point32(24)?, data.point32(32)?, Part::Chord), Drawn::Both),
        47 => (player.arc(rect(data, 8)?, data.point32(24)?, data.point32(32)?, Part::Pie), Drawn::Both),
        41 | 54 | 55 => {
            let mut path = arc::lines(&[position], false);
            let more = match kind {
                54 => arc::lines(&[data.point32(8)?], false),
                55 => player.arc(rect(data, 8)?, data.point32(24)?, data.point32(32)?, Part::Arc),
                _ => {
                    let around = Rect::from_center_size(data.point32(8)?, (0.0, 0.0))
                        .inflate(f64::from(data.u32(16)?), f64::from(data.u32(16)?));
                    // Against the clock, as it is seen.
                    let (start, sweep) = (-data.f32(20)?, -data.f32(24)?.clamp(-360.0, 360.0));
                    arc::swept(around, start.rem_euclid(360.0).to_radians(), sweep.to_radians(), Part::Arc)
                }
            };
            let go_on = |element: &PathEl| if let PathEl::MoveTo(p) = *element { PathEl::LineTo(p) } else { *element };
            path.extend(more.elements().iter().map(go_on));
            player.state.position = arc::end(&path).unwrap_or(position);
            (path, Drawn::Line)
        }
        _ => return polygons(kind, data, player),
    };
    Some(player.shape(&path, drawn))
}

fn polygons(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let position = player.state.position;
    let narrow = kind >= 85;
    let count = data.at(24)?;
    // A record cannot hold more than this; what it claims beyond is not there.
    let count = count.min(data.0.len());
    if let Err(fault) = player.budget.points(count) {
        return Some(Err(fault));
    }
    let found = || points(data, 28, count, narrow);
    let from_position = |mut points: Vec<Point>| {
        points.insert(0, position);
        points
    };
    let (path, drawn) = match kind {
        2 | 85 => {
            let points = found();
            let (first, rest) = points.split_first()?;
            (arc::curves(*first, rest), Drawn::Line)
        }
        3 | 86 => (arc::lines(&found(), true), Drawn::Both),
        4 | 87 => (arc::lines(&found(), false), Drawn::Line),
        5 | 88 => (arc::curves(position, &found()), Drawn::Line),
        6 | 89 => (arc::lines(&from_position(found()), false), Drawn::Line),
        7 | 90 => (many(data, narrow, false, player)?, Drawn::Line),
        8 | 91 => (many(data, narrow, true, player)?, Drawn::Both),
        56 | 92 => (drawn(data, count, narrow, position)?, Drawn::Line),
        _ => return None,
    };
    if matches!(kind, 5 | 6 | 88 | 89 | 56 | 92) {
        player.state.position = arc::end(&path).unwrap_or(position);
    }
    Some(player.shape(&path, drawn))
}

/// Several polygons or lines.
fn many(data: Bytes<'_>, narrow: bool, closed: bool, player: &mut Player<'_>) -> Option<BezPath> {
    let (shapes, total) = (data.at(24)?, data.at(28)?.min(data.0.len()));
    player.budget.points(total).ok()?;
    let start = 32_usize.checked_add(shapes.checked_mul(4)?)?;
    let points = points(data, start, total, narrow);
    let mut rest = points.as_slice();
    let mut path = BezPath::with_capacity(points.len());
    for number in 0..shapes.min(data.0.len()) {
        let len = data.at(32_usize.checked_add(number.checked_mul(4)?)?)?;
        let Some((own, behind)) = rest.split_at_checked(len) else { break };
        path.extend(arc::lines(own, closed).elements().iter().copied());
        rest = behind;
    }
    Some(path)
}

/// Lines and curves as a byte for each point says ([MS-EMF] 2.1.26).
fn drawn(data: Bytes<'_>, count: usize, narrow: bool, position: Point) -> Option<BezPath> {
    let points = points(data, 28, count, narrow);
    let kinds = data.from(28_usize.checked_add(count.checked_mul(if narrow { 4 } else { 8 })?)?)?;
    let mut path = BezPath::new();
    path.move_to(position);
    let mut handles: Vec<Point> = Vec::new();
    for (point, kind) in points.iter().zip(kinds.0) {
        match kind & 6 {
            6 => path.move_to(*point),
            2 => path.line_to(*point),
            4 => {
                handles.push(*point);
                if let [a, b, c] = *handles.as_slice() {
                    path.curve_to(a, b, c);
                    handles.clear();
                }
            }
            _ => {}
        }
        if kind & 1 == 1 && handles.is_empty() {
            path.close_path();
            path.move_to(*point);
        }
    }
    Some(path)
}

fn path(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    match kind {
        59 => player.path = Some(BezPath::new()),
        60 => player.done = player.path.take().unwrap_or_default(),
        61 => {
            if let Some(path) = player.path.as_mut().filter(|path| !path.elements().is_empty()) {
                path.close_path();
            }
        }
        62..=64 => {
            let path = std::mem::take(&mut player.done);
            let drawn = match kind {
                62 => Drawn::Inside,
                63 => Drawn::Both,
                _ => Drawn::Line,
            };
            return Some(player.draw(&path, drawn));
        }
        67 => {
            let path = std::mem::take(&mut player.done);
            let rule = if player.state.winding { Rule::Winding } else { Rule::EvenOdd };
            return Some(player.clip(&path, rule, combine(data.u32(8)?)?));
        }
        68 => {
            player.path = None;
            player.done = BezPath::new();
        }
        _ => {}
    }
    Some(Ok(()))
}

fn combine(mode: u32) -> Option<Combine> {
    Some(match mode {
        1 => Combine::And,
        2 => Combine::Or,
        3 => Combine::Xor,
        4 => Combine::Without,
        5 => Combine::Copy,
        _ => return None,
    })
}

/// The rectangles of a region ([MS-EMF] 2.2.24), in units of the device.
fn rects(data: Bytes<'_>, at: usize) -> Option<Vec<Rect>> {
    let count = data.at(at.checked_add(8)?)?;
    let start = at.checked_add(data.at(at)?)?;
    let rest = data.from(start)?.0;
    Some(rest.chunks_exact(16).take(count).filter_map(|bytes| rect(Bytes(bytes), 0)).collect())
}

fn region(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let base = player.base;
    let lay = |player: &mut Player<'_>, at: usize| rects(data, at).map(|rects| player.region(&rects, base));
    Some(match kind {
        29 => player.clip_rect(rect(data, 8)?, Combine::Without),
        30 => player.clip_rect(rect(data, 8)?, Combine::And),
        75 => {
            let how = combine(data.u32(12)?)?;
            if data.u32(8)? == 0 {
                if how == Combine::Copy {
                    player.state.clip = player.whole.clone();
                }
                return Some(Ok(()));
            }
            lay(player, 16)?.and_then(|shape| player.clip(&shape, Rule::Winding, how))
        }
        71 | 73 | 74 => {
            let shape = match lay(player, if kind == 71 { 32 } else { 28 })? {
                Ok(shape) => shape,
                Err(fault) => return Some(Err(fault)),
            };
            let brush = match kind {
                71 => emf_objects::brush(player, data.u32(28)?)?,
                73 => Rc::new(Brush::Solid([255; 3])),
                _ => Rc::clone(&player.state.brush),
            };
            let rop = if kind == 73 { INVERT } else { paint::of_binary(player.state.rop) };
            match player.brush_paint(&brush) {
                Ok(Some(paint)) => player.fill(&shape, Rule::Winding, &Ink { pattern: &paint, source: None, rop }),
                Ok(None) => Ok(()),
                Err(fault) => Err(fault),
            }
        }
        _ => Ok(()),
    })
}

fn text(kind: u32, data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    match kind {
        108 => Some(small_text(data, player)?),
        96 | 97 => {
            let count = data.at(36)?.min(data.0.len() / 40);
            for number in 0..count {
                let at = 40_usize.checked_add(number.checked_mul(40)?)?;
                if let Some(Err(fault)) = text_at(data, at, kind == 97, player) {
                    return Some(Err(fault));
                }
            }
            Some(Ok(()))
        }
        _ => text_at(data, 36, kind == 84, player),
    }
}

/// A line of text ([MS-EMF] 2.2.5).
fn text_at(data: Bytes<'_>, at: usize, wide: bool, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let place = |offset: usize| at.checked_add(offset);
    let reference = data.point32(at)?;
    let count = data.at(place(8)?)?;
    let start = data.at(place(12)?)?;
    let options = data.u32(place(16)?)?;
    let has_rect = options & 6 != 0;
    let rect = if has_rect { Some(rect(data, place(20)?)?) } else { None };
    let steps_at = data.at(place(36)?)?;
    let units = letters(data, start, count, options, wide, player)?;
    let own = data.from(steps_at).filter(|_| steps_at > 0);
    let both = options & 0x2000 != 0;
    let step = |unit: usize| {
        let own = own?;
        if both {
            let at = unit.checked_mul(8)?;
            Some(Vec2::new(own.i32(at)?.into(), -f64::from(own.i32(at.checked_add(4)?)?)))
        } else {
            Some(Vec2::new(own.i32(unit.checked_mul(4)?)?.into(), 0.0))
        }
    };
    let mut steps = Vec::with_capacity(units.len());
    let mut unit = 0_usize;
    for (_, taken) in &units {
        let sum: Option<Vec2> =
            (unit..unit.saturating_add(*taken)).map(step).try_fold(Vec2::ZERO, |sum, step| Some(sum + step?));
        let Some(sum) = sum else { break };
        steps.push(sum);
        unit = unit.saturating_add(*taken);
    }
    let chars: Vec<char> = units.iter().map(|(c, _)| *c).collect();
    // All steps of nothing are none, as some writers leave them.
    let told = steps.len() == chars.len() && (chars.len() < 2 || steps.iter().any(|step| *step != Vec2::ZERO));
    let line = Line {
        at: reference,
        letters: &chars,
        steps: told.then_some(steps),
        rect,
        fills: options & 2 != 0,
        clips: options & 4 != 0,
    };
    Some(player.write(line))
}

/// Characters, and how many units each of them takes.
fn letters(
    data: Bytes<'_>,
    start: usize,
    count: usize,
    options: u32,
    wide: bool,
    player: &mut Player<'_>,
) -> Option<Vec<(char, usize)>> {
    let font = Rc::clone(&player.state.font);
    if !wide {
        return Some(font.letters(data.slice(start, count)?));
    }
    let bytes = data.slice(start, count.checked_mul(2)?)?;
    let units = bytes.chunks_exact(2).filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?)));
    if options & 0x10 != 0 {
        // Numbers of glyphs in a font that is not here. The same text may stand in EMF+ records as characters.
        if player.told.len() >= count {
            return Some(player.told.drain(..count).map(|c| (c, 1)).collect());
        }
        // Where all fonts have the same order, the letters are known.
        let letter = |glyph: u16| match glyph {
            3..=97 if font.usual_order => char::from_u32(u32::from(glyph) + 29).unwrap_or('\u{FFFD}'),
            _ => '\u{FFFD}',
        };
        return Some(units.map(|glyph| (letter(glyph), 1)).collect());
    }
    let pictorial = matches!(font.family, Family::Symbol | Family::Dingbats);
    let letter = |c: char| match u32::from(c) {
        code @ 0xF020..=0xF0FF if !pictorial => char::from_u32(code - 0xF000).unwrap_or(c),
        _ => c,
    };
    let letters: Vec<char> = char::decode_utf16(units).map(|c| letter(c.unwrap_or('\u{FFFD}'))).collect();
    if player.told.starts_with(&letters) {
        player.told.drain(..letters.len());
    }
    Some(letters.into_iter().map(|c| (c, c.len_utf16())).collect())
}

/// Remembers the text of EMF+ records ([MS-EMFPLUS] 2.3.4.6, 2.3.4.14), which stand before the EMF records that draw the same.
fn tell(comment: Bytes<'_>, player: &mut Player<'_>) {
    let mut at = 16_usize;
    while let (Some(kind), Some(size)) = (comment.u16(at), comment.at(at.saturating_add(4)).filter(|size| *size >= 12))
    {
        let data = at.saturating_add(12);
        let place = |offset: usize| data.saturating_add(offset);
        let (count, start) = match kind {
            DRAW_STRING => (comment.at(place(8)), place(28)),
            // Glyphs are characters where the first option says so.
            DRAW_DRIVER_STRING if comment.u32(place(4)).is_some_and(|options| options & 1 == 1) => {
                (comment.at(place(12)), place(16))
            }
            _ => (None, 0),
        };
        let bytes = count.and_then(|count| comment.slice(start, count.checked_mul(2)?)).unwrap_or_default();
        if player.told.len().saturating_add(bytes.len()) > MAX_TOLD {
            player.told.clear();
        }
        if bytes.len() <= MAX_TOLD {
            let units = bytes.chunks_exact(2).filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?)));
            player.told.extend(units.map(|unit| char::from_u32(unit.into()).unwrap_or('\u{FFFD}')));
        }
        at = at.saturating_add(size);
    }
}

fn small_text(data: Bytes<'_>, player: &mut Player<'_>) -> Option<Result<(), Fault>> {
    let count = data.at(16)?;
    let options = data.u32(20)?;
    let (rect, start) = if options & 0x100 != 0 { (None, 36) } else { (Some(rect(data, 36)?), 52) };
    let units = if options & 0x200 != 0 {
        data.slice(start, count)?.iter().map(|byte| (char::from(*byte), 1)).collect()
    } else {
        letters(data, start, count, options, true, player)?
    };
    let chars: Vec<char> = units.into_iter().map(|(c, _)| c).collect();
    let line = Line {
        at: data.point32(8)?,
        letters: &chars,
        steps: None,
        rect,
        fills: options & 2 != 0,
        clips: options & 4 != 0,
    };
    Some(player.write(line))
}

/// The most characters that are remembered.
const MAX_TOLD: usize = 8_192;
const DRAW_STRING: u16 = 0x401C;
const DRAW_DRIVER_STRING: u16 = 0x4036;
/// The operation that turns colours into their opposite.
const INVERT: u8 = 0x55;
