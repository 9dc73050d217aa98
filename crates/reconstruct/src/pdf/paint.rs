//! Gradients, graphics states and transfer functions as objects.

use form::pages::{BlendMode, Gradient, GradientShape, GradientStop, MaskKind, Matrix};

use super::file::File;
use super::geometry::Space;
use super::grammar::{Key, Name};
use super::state::StateChange;
use super::syntax::{PAGE_DECIMALS, Ref, Syntax, decimals_for};
use crate::error::Error;

/// Writes a gradient as a shading pattern (ISO 32000-1, 8.7.4).
pub(super) fn gradient(gradient: &Gradient, file: &mut File<'_, '_>) -> Result<Ref, Error> {
    let stops = fewer(&gradient.stops);
    let gray = stops.iter().all(|stop| stop.color.r == stop.color.g && stop.color.g == stop.color.b);
    file.add(|pattern| {
        pattern.dictionary(|pattern| {
            pattern.key(Key::Type).name(Name::Pattern);
            pattern.key(Key::PatternType).integer(2);
            matrix(pattern, &gradient.matrix);
            pattern.key(Key::Shading).dictionary(|shading| {
                let (kind, coordinates) = match gradient.shape {
                    GradientShape::Axial { start, end } => (2, vec![start.x, start.y, end.x, end.y]),
                    GradientShape::Radial { start, start_radius, end, end_radius } => {
                        (3, vec![start.x, start.y, start_radius, end.x, end.y, end_radius])
                    }
                };
                shading.key(Key::ShadingType).integer(kind);
                shading.key(Key::ColorSpace).name(if gray { Name::DeviceGray } else { Name::DeviceRgb });
                shading.key(Key::Coords).array(|array| {
                    coordinates.into_iter().for_each(|value| array.significant(value.into(), COORDINATE_FIGURES));
                });
                if gradient.extend_start || gradient.extend_end {
                    shading.key(Key::Extend).array(|array| {
                        array.boolean(gradient.extend_start);
                        array.boolean(gradient.extend_end);
                    });
                }
                shading.key(Key::Function);
                function(shading, &stops, gray);
            });
        });
    })
}

/// Writes what a graphics state sets (8.4.5); `mask` is the soft mask, where it is one.
pub(super) fn state(change: StateChange, mask: Option<Mask>, file: &mut File<'_, '_>) -> Result<Ref, Error> {
    file.add(|state| {
        state.dictionary(|state| {
            state.key(Key::Type).name(Name::ExtGState);
            match (change, mask) {
                (StateChange::FillAlpha(alpha), _) => opacity(state.key(Key::FillAlpha), alpha),
                (StateChange::StrokeAlpha(alpha), _) => opacity(state.key(Key::StrokeAlpha), alpha),
                (StateChange::Blend(mode), _) => state.key(Key::Bm).name(blend(mode)),
                (StateChange::Mask(Some(_)), Some(mask)) => soft_mask(state.key(Key::SMask), &mask),
                (StateChange::Mask(_), _) => state.key(Key::SMask).name(Name::None),
            }
        });
    })
}

/// A soft mask as it was written.
#[derive(Clone, Copy)]
pub(super) struct Mask {
    pub(super) group: Ref,
    pub(super) kind: MaskKind,
    pub(super) transfer: Option<Ref>,
}

/// ISO 32000-1, 11.6.5.2.
fn soft_mask(state: &mut Syntax, mask: &Mask) {
    state.dictionary(|soft| {
        soft.key(Key::S).name(match mask.kind {
            MaskKind::Alpha => Name::Alpha,
            MaskKind::Luminosity { .. } => Name::Luminosity,
        });
        soft.key(Key::G).reference(mask.group);
        if let MaskKind::Luminosity { backdrop } = mask.kind {
            let color = [backdrop.r, backdrop.g, backdrop.b];
            if color != [0; 3] {
                soft.key(Key::Bc).array(|array| color.into_iter().for_each(|value| opacity(array, value)));
            }
        }
        if let Some(transfer) = mask.transfer {
            soft.key(Key::Tr).reference(transfer);
        }
    });
}

/// Writes a transfer function as 256 samples (7.10.2).
pub(super) fn transfer(values: &[u8; 256], file: &mut File<'_, '_>) -> Result<Ref, Error> {
    let object = file.reserve();
    file.packed_stream(object, values, |function| {
        function.key(Key::FunctionType).integer(0);
        function.key(Key::Domain).array(unit);
        function.key(Key::Range).array(unit);
        function.key(Key::Size).array(|size| size.integer(256));
        function.key(Key::BitsPerSample).integer(8);
    })?;
    Ok(object)
}

/// The matrix of a pattern, where it does something.
pub(super) fn matrix(pattern: &mut Syntax, matrix: &Matrix) {
    if *matrix == Matrix::IDENTITY {
        return;
    }
    let [a, b, c, d, x, y] = Space::of(matrix).0;
    let most = [a, b, c, d].into_iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let decimals = decimals_for(most, COORDINATE_FIGURES);
    pattern.key(Key::Matrix).array(|array| {
        [a, b, c, d].into_iter().for_each(|value| array.real(value, decimals));
        [x, y].into_iter().for_each(|value| array.real(value, PAGE_DECIMALS));
    });
}

fn unit(array: &mut Syntax) {
    array.integer(0);
    array.integer(1);
}

fn opacity(out: &mut Syntax, value: u8) {
    out.real(f64::from(value) / 255.0, 4);
}

/// The colours between stops: one linear function, or several stitched together (7.10.3 and 7.10.4).
fn function(shading: &mut Syntax, stops: &[GradientStop], gray: bool) {
    // Where two stops share a place the colour jumps, which needs no function of its own.
    let parts = || {
        stops.windows(2).filter_map(|pair| match pair {
            [from, to] if to.offset > from.offset => Some((from, to)),
            _ => None,
        })
    };
    let linear = |out: &mut Syntax, (from, to): (&GradientStop, &GradientStop)| {
        out.dictionary(|function| {
            function.key(Key::FunctionType).integer(2);
            function.key(Key::Domain).array(unit);
            for (key, stop) in [(Key::C0, from), (Key::C1, to)] {
                let color = [stop.color.r, stop.color.g, stop.color.b];
                let shown = if gray { 1 } else { 3 };
                function.key(key).array(|array| color.into_iter().take(shown).for_each(|value| opacity(array, value)));
            }
            function.key(Key::N).integer(1);
        });
    };
    let count = parts().count();
    if count == 1
        && let Some(only) = parts().next()
    {
        return linear(shading, only);
    }
    shading.dictionary(|function| {
        function.key(Key::FunctionType).integer(3);
        function.key(Key::Domain).array(unit);
        function.key(Key::Functions).array(|array| parts().for_each(|part| linear(array, part)));
        function.key(Key::Bounds).array(|array| {
            parts().skip(1).for_each(|(from, _)| array.real(from.offset.into(), OFFSET_DECIMALS));
        });
        function.key(Key::Encode).array(|array| (0..count).for_each(|_| unit(array)));
    });
}

/// The stops that matter: those that a straight line between their neighbours does not meet anyway. Jumps at either end
/// are moved inside by as little as can be written, so that the colour beyond the end is the last one.
fn fewer(stops: &[GradientStop]) -> Vec<GradientStop> {
    let mut spread = stops.to_vec();
    for (at, stop) in spread.iter_mut().enumerate() {
        let offset = if at == 0 { 0.0 } else { stop.offset.clamp(STEP, 1.0 - STEP) };
        stop.offset = if at.saturating_add(1) == stops.len() { 1.0 } else { offset };
    }
    let mut kept: Vec<GradientStop> = Vec::new();
    let mut rest = spread.as_slice();
    while let [first, others @ ..] = rest {
        kept.push(*first);
        // The furthest stop to which a line runs along all between.
        let runs = |count: &usize| {
            let Some((last, between)) = others.get(..*count).and_then(<[_]>::split_last) else { return false };
            between.iter().all(|stop| on_line(first, last, stop))
        };
        let skipped = (1..=others.len()).take_while(runs).last().unwrap_or(1);
        rest = others.get(skipped.saturating_sub(1)..).unwrap_or_default();
    }
    kept
}

fn on_line(first: &GradientStop, last: &GradientStop, stop: &GradientStop) -> bool {
    let length = last.offset - first.offset;
    if length <= 0.0 {
        return first.color == stop.color && stop.color == last.color;
    }
    let share = (stop.offset - first.offset) / length;
    let near = |from: u8, to: u8, value: u8| {
        let (from, to, value) = (f32::from(from), f32::from(to), f32::from(value));
        (from + (to - from) * share - value).abs() <= 0.75
    };
    near(first.color.r, last.color.r, stop.color.r)
        && near(first.color.g, last.color.g, stop.color.g)
        && near(first.color.b, last.color.b, stop.color.b)
}

fn blend(mode: BlendMode) -> Name {
    match mode {
        BlendMode::Normal => Name::Normal,
        BlendMode::Multiply => Name::Multiply,
        BlendMode::Screen => Name::Screen,
        BlendMode::Overlay => Name::Overlay,
        BlendMode::Darken => Name::Darken,
        BlendMode::Lighten => Name::Lighten,
        BlendMode::ColorDodge => Name::ColorDodge,
        BlendMode::ColorBurn => Name::ColorBurn,
        BlendMode::HardLight => Name::HardLight,
        BlendMode::SoftLight => Name::SoftLight,
        BlendMode::Difference => Name::Difference,
        BlendMode::Exclusion => Name::Exclusion,
        BlendMode::Hue => Name::Hue,
        BlendMode::Saturation => Name::Saturation,
        BlendMode::Color => Name::Color,
        BlendMode::Luminosity => Name::Luminosity,
    }
}

const COORDINATE_FIGURES: u8 = 7;
const OFFSET_DECIMALS: u8 = 5;
/// The least that offsets differ by when written.
const STEP: f32 = 0.000_02;

#[cfg(test)]
mod tests {
    use form::pages::Color;

    use super::*;

    fn stop(offset: f32, value: u8) -> GradientStop {
        GradientStop { offset, color: Color { r: value, g: 0, b: 255 - value } }
    }

    fn offsets(stops: &[GradientStop]) -> Vec<f32> {
        fewer(stops).iter().map(|stop| stop.offset).collect()
    }

    #[test]
    fn stops_on_a_line_are_left_out() {
        let even: Vec<GradientStop> = (0..=255_u8).map(|n| stop(f32::from(n) / 255.0, n)).collect();
        assert_eq!(offsets(&even), [0.0, 1.0]);
        assert_eq!(offsets(&[stop(0.0, 0), stop(0.5, 200), stop(1.0, 255)]), [0.0, 0.5, 1.0]);
        assert_eq!(offsets(&[stop(0.0, 9), stop(0.5, 9), stop(0.7, 9), stop(1.0, 9)]), [0.0, 1.0]);
    }

    #[test]
    fn jumps_stay_jumps() {
        assert_eq!(offsets(&[stop(0.0, 0), stop(0.5, 0), stop(0.5, 255), stop(1.0, 255)]), [0.0, 0.5, 0.5, 1.0]);
        // Beyond the end the reader goes on with the last colour.
        assert_eq!(offsets(&[stop(0.0, 0), stop(1.0, 0), stop(1.0, 255)]), [0.0, 1.0 - STEP, 1.0]);
    }
}
