//! The pixels that are drawn on, and what limits where.

use std::rc::Rc;

use kurbo::{BezPath, Rect};

use super::bytes::{cost, place, share, signed};
use super::paint::{Ink, cover, mix};
use super::raster::{self, Area, Rule};
use super::{Bitmap, Budget, Fault};

/// Straight alpha, transparent at the beginning.
#[derive(Debug)]
pub(super) struct Canvas {
    width: usize,
    area: Area,
    pixels: Vec<[u8; 4]>,
    /// What was drawn covers; only where the canvas has no pixels because its size is looked for.
    seen: Option<Rect>,
    measures: bool,
}

/// Where is drawn.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    pub(super) area: Area,
    /// Shares of 255 for each pixel of `area`, which is then that of the mask.
    pub(super) mask: Option<Rc<Mask>>,
}

/// Shares of 255.
#[derive(Debug)]
pub(super) struct Mask {
    area: Area,
    shares: Vec<u8>,
}

/// How a shape changes where is drawn ([MS-EMF] 2.1.29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Combine {
    And,
    Or,
    Xor,
    Without,
    Copy,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32) -> Canvas {
        let area =
            Area { x0: 0, y0: 0, x1: width.try_into().unwrap_or(i32::MAX), y1: height.try_into().unwrap_or(i32::MAX) };
        Canvas { width: area.width(), area, pixels: vec![[0; 4]; area.size()], seen: None, measures: false }
    }

    /// A canvas that only finds out what is covered.
    pub(super) fn measuring() -> Canvas {
        let far = 1 << 20;
        let area = Area { x0: -far, y0: -far, x1: far, y1: far };
        Canvas { width: 0, area, pixels: Vec::new(), seen: None, measures: true }
    }

    pub(super) fn measures(&self) -> bool {
        self.measures
    }

    pub(super) fn area(&self) -> Area {
        self.area
    }

    pub(super) fn seen(&self) -> Option<Rect> {
        self.seen
    }

    pub(super) fn see(&mut self, rect: Rect) {
        if rect.is_finite() {
            self.seen = Some(self.seen.map_or(rect, |seen| seen.union(rect)));
        }
    }

    pub(super) fn into_bitmap(self) -> Bitmap {
        let width = u32::try_from(self.area.width()).unwrap_or(u32::MAX);
        let height = u32::try_from(self.area.height()).unwrap_or(u32::MAX);
        Bitmap { width, height, rgba: self.pixels.into_flattened(), words: String::new() }
    }

    /// Fills a shape given in pixels.
    pub(super) fn fill(
        &mut self,
        path: &BezPath,
        rule: Rule,
        ink: &Ink<'_>,
        clip: &Clip,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        if self.measures {
            self.see(kurbo::Shape::bounding_box(path));
            return Ok(());
        }
        if ink.changes_nothing() {
            return Ok(());
        }
        let bounds = clip.area.and(self.area).and(around(path));
        raster::cover(path, rule, bounds, budget, |budget, y, x, shares| self.blend(y, x, shares, ink, clip, budget))
    }

    /// Fills whole pixels.
    pub(super) fn fill_area(
        &mut self,
        area: Area,
        ink: &Ink<'_>,
        clip: &Clip,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        if self.measures {
            self.see(Rect::new(area.x0.into(), area.y0.into(), area.x1.into(), area.y1.into()));
            return Ok(());
        }
        // Programs end their drawings with one over all of it.
        if ink.changes_nothing() {
            return Ok(());
        }
        let area = area.and(clip.area).and(self.area);
        let row = vec![255; area.width()];
        for y in area.y0..area.y1 {
            self.blend(y, area.x0, &row, ink, clip, budget)?;
        }
        Ok(())
    }

    /// Draws on pixels of a row, which lie inside the canvas and the area of the clip.
    fn blend(
        &mut self,
        y: i32,
        x: i32,
        shares: &[u8],
        ink: &Ink<'_>,
        clip: &Clip,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        budget.spend(cost(shares.len()).saturating_mul(ink.effort()))?;
        let start = place(y).saturating_mul(self.width).saturating_add(place(x));
        let row = self.pixels.get_mut(start..start.saturating_add(shares.len())).unwrap_or_default();
        let plain = ink.plain();
        let mask = clip.mask.as_deref().map(|mask| mask.row(x, y));
        let mut masked = [0_u8; RUN];
        let places = (0..row.len()).step_by(RUN);
        for ((at, pixels), shares) in places.zip(row.chunks_mut(RUN)).zip(shares.chunks(RUN)) {
            let shares = match mask.map(|mask| mask.get(at..).unwrap_or_default()) {
                None => shares,
                Some(shown) => {
                    let masked = masked.get_mut(..shares.len()).unwrap_or_default();
                    masked.copy_from_slice(shares);
                    limit(masked, shown);
                    &*masked
                }
            };
            // Inside a shape every pixel is covered, outside none.
            if shares.iter().all(|covered| *covered == 0) {
                continue;
            }
            match plain {
                Some(color @ [.., 255]) if shares.iter().all(|covered| *covered == 255) => pixels.fill(color),
                Some(color @ [.., 255]) if pixels.iter().fold(255, |all, [.., alpha]| all & alpha) == 255 => {
                    cover(pixels, color, shares);
                }
                Some(color) => {
                    pixels.iter_mut().zip(shares).for_each(|(pixel, covered)| *pixel = mix(*pixel, color, *covered));
                }
                None => ink.put(pixels, x.saturating_add(signed(at)), y, shares),
            }
        }
        Ok(())
    }
}

impl Clip {
    pub(super) fn all(canvas: &Canvas) -> Clip {
        Clip { area: canvas.area, mask: None }
    }

    /// The memory that it holds, in bytes.
    pub(super) fn size(&self) -> usize {
        self.mask.as_ref().map_or(0, |mask| mask.shares.len())
    }

    /// The clip and a rectangle.
    pub(super) fn and_area(&mut self, area: Area) {
        self.area = self.area.and(area);
    }

    fn share(&self, x: i32, y: i32) -> u8 {
        let inside = x >= self.area.x0 && x < self.area.x1 && y >= self.area.y0 && y < self.area.y1;
        match &self.mask {
            _ if !inside => 0,
            Some(mask) => mask.at(x, y),
            None => 255,
        }
    }

    /// Combines it with a shape in pixels; `whole` is the canvas.
    pub(super) fn combine(
        &mut self,
        path: &BezPath,
        rule: Rule,
        how: Combine,
        whole: Area,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let shape = around(path).and(whole);
        let area = match how {
            Combine::And => shape.and(self.area),
            Combine::Copy => shape,
            Combine::Without => self.area,
            Combine::Or | Combine::Xor => union(self.area, shape),
        };
        budget.spend(cost(area.size()).saturating_mul(2).saturating_add(MASK_COST))?;
        let width = area.width();
        let mut shares = vec![0_u8; area.size()];
        raster::cover(path, rule, area, budget, |_, y, x, row| {
            let start =
                place(y.saturating_sub(area.y0)).saturating_mul(width).saturating_add(place(x.saturating_sub(area.x0)));
            let out = shares.get_mut(start..start.saturating_add(row.len())).unwrap_or_default();
            out.copy_from_slice(row.get(..out.len()).unwrap_or_default());
            Ok(())
        })?;
        let rows = (area.y0..area.y1).zip(shares.chunks_exact_mut(width.max(1)));
        if how == Combine::And {
            // Paths on paths are what exported charts clip by, and every pixel of them comes by here.
            if let Some(mask) = &self.mask {
                rows.for_each(|(y, row)| limit(row, mask.row(area.x0, y)));
            }
        } else if how != Combine::Copy {
            for (y, row) in rows {
                for (x, value) in (area.x0..area.x1).zip(row) {
                    let old = self.share(x, y);
                    *value = match how {
                        Combine::And | Combine::Copy => share(old, *value),
                        Combine::Or => old.max(*value),
                        Combine::Xor => old.abs_diff(*value),
                        Combine::Without => share(old, 255_u8.saturating_sub(*value)),
                    };
                }
            }
        }
        *self = Clip { area, mask: Some(Rc::new(Mask { area, shares })) };
        Ok(())
    }
}

impl Mask {
    fn at(&self, x: i32, y: i32) -> u8 {
        self.row(x, y).first().copied().unwrap_or(0)
    }

    /// The shares of a row from `x` on; none outside of the mask.
    fn row(&self, x: i32, y: i32) -> &[u8] {
        let (x, y) = (x.saturating_sub(self.area.x0), y.saturating_sub(self.area.y0));
        let width = self.area.width();
        if x < 0 || y < 0 || x >= signed(width) {
            return &[];
        }
        let start = place(y).saturating_mul(width);
        self.shares.get(start.saturating_add(place(x))..start.saturating_add(width)).unwrap_or_default()
    }
}

/// Limits shares by those of a mask, outside of which is nothing.
fn limit(shares: &mut [u8], mask: &[u8]) {
    let (inside, outside) = shares.split_at_mut(mask.len().min(shares.len()));
    outside.fill(0);
    for (shares, mask) in inside.chunks_mut(RUN).zip(mask.chunks(RUN)) {
        if mask.iter().zip(&*shares).all(|(mask, _)| *mask == 255) {
            continue;
        }
        shares.iter_mut().zip(mask).for_each(|(value, mask)| *value = share(*mask, *value));
    }
}

/// The pixels that a path may touch.
pub(super) fn around(path: &BezPath) -> Area {
    let rect = path.control_box();
    let near = |value: f64| super::bytes::floor(value.clamp(-raster::FAR, raster::FAR));
    if !rect.is_finite() {
        return Area::EMPTY;
    }
    Area {
        x0: near(rect.x0),
        y0: near(rect.y0),
        x1: near(rect.x1).saturating_add(1),
        y1: near(rect.y1).saturating_add(1),
    }
}

fn union(a: Area, b: Area) -> Area {
    if a.is_empty() {
        return b;
    }
    if b.is_empty() {
        return a;
    }
    Area { x0: a.x0.min(b.x0), y0: a.y0.min(b.y0), x1: a.x1.max(b.x1), y1: a.y1.max(b.y1) }
}

/// The rectangle that a path is, where its sides are upright: such are drawn on whole pixels, so that two that touch leave no
/// seam.
pub(super) fn as_rect(path: &BezPath) -> Option<Rect> {
    use kurbo::PathEl::{ClosePath, LineTo, MoveTo};
    let (a, b, c, d) = match *path.elements() {
        [MoveTo(a), LineTo(b), LineTo(c), LineTo(d)] | [MoveTo(a), LineTo(b), LineTo(c), LineTo(d), ClosePath] => {
            (a, b, c, d)
        }
        [MoveTo(a), LineTo(b), LineTo(c), LineTo(d), LineTo(e)]
        | [MoveTo(a), LineTo(b), LineTo(c), LineTo(d), LineTo(e), ClosePath]
            if a == e =>
        {
            (a, b, c, d)
        }
        _ => return None,
    };
    let same = |a: f64, b: f64| (a - b).abs() < 1.0e-3;
    let lying = same(a.y, b.y) && same(b.x, c.x) && same(c.y, d.y) && same(d.x, a.x);
    let standing = same(a.x, b.x) && same(b.y, c.y) && same(c.x, d.x) && same(d.y, a.y);
    (lying || standing).then(|| Rect::from_points(a, c))
}

/// Pixels that are looked at together.
const RUN: usize = 32;
/// What making a mask costs beside its pixels.
const MASK_COST: u64 = 64;
