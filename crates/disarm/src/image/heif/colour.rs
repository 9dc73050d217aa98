//! Luma and chroma to red, green and blue (ITU-T H.273).

use form::Reason;

use super::planes::{Chroma, Model, Planes};
use crate::error::Error;
use crate::image::raster;

/// The pixels of the upper left part of a coded picture, opaque.
pub(super) fn rgba(planes: &Planes, model: Model, width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let (width, height) = (usize_of(width), usize_of(height));
    let [luma_depth, chroma_depth] = planes.depth;
    let [luma, cb, cr] = &planes.samples;
    let (across, chroma_across) = (usize_of(planes.width), usize_of(planes.chroma_width));
    let mut pixels = Vec::with_capacity(width.saturating_mul(height).saturating_mul(4));
    let luma_scale = Scale::luma(luma_depth, model.full_range);
    if chroma_across == 0 {
        for row in luma.chunks_exact(across.max(1)).take(height) {
            let greys = row.iter().take(width).map(|sample| raster::round_float(luma_scale.of(*sample)));
            pixels.extend(greys.flat_map(|grey| [grey, grey, grey, u8::MAX]));
        }
        return Ok(pixels);
    }
    // Without a matrix the planes are green, blue and red (H.273, equations 39 to 41).
    let identity = model.matrix == 0;
    let (red, blue) = match model.matrix {
        0 => (0.0, 0.0),
        1 => (0.2126, 0.0722),
        4 => (0.30, 0.11),
        7 => (0.212, 0.087),
        9 => (0.2627, 0.0593),
        // Not said: what cameras and JPEG have.
        2 | 5 | 6 => (0.299, 0.114),
        _ => return Err(Reason::UnsupportedType.into()),
    };
    let green = 1.0 - red - blue;
    let chroma_scale = if identity {
        Scale::luma(chroma_depth, model.full_range)
    } else {
        Scale::chroma(chroma_depth, model.full_range)
    };
    let thinned = (planes.chroma != Chroma::Full, planes.chroma == Chroma::Quarter);
    let (mut cb_row, mut cr_row) = (vec![0.0; width], vec![0.0; width]);
    for (y, row) in luma.chunks_exact(across.max(1)).take(height).enumerate() {
        chroma_line(cb, chroma_across, y, thinned, &chroma_scale, &mut cb_row);
        chroma_line(cr, chroma_across, y, thinned, &chroma_scale, &mut cr_row);
        for ((sample, cb), cr) in row.iter().take(width).zip(&cb_row).zip(&cr_row) {
            let y = luma_scale.of(*sample);
            let (r, g, b) = if identity {
                (*cr, y, *cb)
            } else {
                let r = y + 2.0 * (1.0 - red) * cr;
                let b = y + 2.0 * (1.0 - blue) * cb;
                (r, (y - red * r - blue * b) / green, b)
            };
            pixels.extend([raster::round_float(r), raster::round_float(g), raster::round_float(b), u8::MAX]);
        }
    }
    Ok(pixels)
}

/// One line of chroma, as wide as the picture. Where it is thinned out, samples lie on even columns and between each two rows,
/// and what is between them is mixed of the nearest.
fn chroma_line(plane: &[u16], across: usize, y: usize, thinned: (bool, bool), scale: &Scale, out: &mut [f32]) {
    let rows = plane.len().checked_div(across).unwrap_or(0);
    let line = |row: usize| {
        let start = row.min(rows.saturating_sub(1)).saturating_mul(across);
        plane.get(start..start.saturating_add(across)).unwrap_or_default()
    };
    let (near, far) = if thinned.1 {
        let near = y / 2;
        (near, if y.is_multiple_of(2) { near.saturating_sub(1) } else { near.saturating_add(1) })
    } else {
        (y, y)
    };
    let (near, far) = (line(near), line(far));
    let last = across.saturating_sub(1);
    let at = |column: usize| {
        let column = column.min(last);
        let [near, far] = [near, far].map(|line| scale.of(line.get(column).copied().unwrap_or(0)));
        near * 0.75 + far * 0.25
    };
    for (x, value) in out.iter_mut().enumerate() {
        *value = match thinned.0 {
            true if x.is_multiple_of(2) => at(x / 2),
            true => (at(x / 2) + at(x / 2 + 1)) / 2.0,
            false => at(x),
        };
    }
}

/// Samples to numbers: 0 to 1 for luma, around 0 for chroma.
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    fn luma(depth: u8, full_range: bool) -> Scale {
        let unit = unit(depth);
        if full_range {
            Scale { zero: 0.0, factor: 1.0 / (256.0 * unit - 1.0) }
        } else {
            Scale { zero: 16.0 * unit, factor: 1.0 / (219.0 * unit) }
        }
    }

    fn chroma(depth: u8, full_range: bool) -> Scale {
        let unit = unit(depth);
        let span = if full_range { 256.0 * unit - 1.0 } else { 224.0 * unit };
        Scale { zero: 128.0 * unit, factor: 1.0 / span }
    }

    fn of(&self, sample: u16) -> f32 {
        (f32::from(sample) - self.zero) * self.factor
    }
}

/// How many steps of this depth are one of eight bits.
fn unit(depth: u8) -> f32 {
    f32::from(1_u16.checked_shl(u32::from(depth.saturating_sub(8))).unwrap_or(1))
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
