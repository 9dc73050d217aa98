//! Shadings: along a line or between circles as gradients, all others as pictures.

use std::collections::HashMap;

use form::codec::Encoder;
use form::pages::{Color, Gradient, GradientShape, GradientStop, Path, PictureSource, Point};
use hayro_interpret::CacheKey;
use hayro_interpret::encode::EncodedShadingType;
use hayro_interpret::pattern::ShadingPattern;
use hayro_interpret::shading::{ShadingType, Triangle};
use kurbo::{Affine, Rect};
use std::sync::Arc;

use super::geometry;
use super::pictures::Pixels;
use crate::error::Error;

/// The gradients of a document.
#[derive(Debug, Default)]
pub(super) struct Gradients {
    known: HashMap<u128, Option<u32>>,
}

/// A shading that is a gradient.
#[derive(Debug)]
pub(super) struct Native {
    /// Its number.
    pub(super) gradient: u32,
    /// Its opacity.
    pub(super) alpha: u8,
    /// What is painted first, below what the gradient leaves out.
    pub(super) background: Option<Color>,
    /// To what it is clipped.
    pub(super) clip: Option<Path>,
}

impl Gradients {
    /// The gradient of a shading; none where it has to be sampled.
    pub(super) fn native(
        &mut self,
        pattern: &ShadingPattern,
        out: &mut Encoder<impl std::io::Write>,
    ) -> Result<Option<Native>, Error> {
        // The interpreter's key leaves the transfer function out.
        if pattern.transfer_function.is_some() {
            return Ok(None);
        }
        let key = pattern.cache_key();
        let number = match self.known.get(&key) {
            Some(known) => *known,
            None => {
                let number = match gradient(pattern) {
                    Some(gradient) => Some(out.gradient(&gradient)?),
                    None => None,
                };
                self.known.insert(key, number);
                number
            }
        };
        let Some(gradient) = number else { return Ok(None) };
        let clip = match &pattern.shading.clip_path {
            Some(clip) => match geometry::path(clip, Affine::IDENTITY) {
                Some(path) => Some(path),
                None => return Ok(None),
            },
            None => None,
        };
        let background = pattern.shading.background.as_ref().map(|components| {
            let [r, g, b, _] = pattern.shading.color_space.to_rgba(components, 1.0).to_rgba8();
            Color { r, g, b }
        });
        Ok(Some(Native { gradient, alpha: geometry::alpha(pattern.opacity), background, clip }))
    }
}

/// What sampling the shading of an area gave.
#[derive(Debug)]
pub(super) struct Sampled {
    pub(super) colors: Pixels,
    pub(super) alpha: Option<Pixels>,
    /// The area that they cover.
    pub(super) area: Rect,
}

/// Samples a shading with at most `budget` samples; none when even that would take too long.
pub(super) fn sample(pattern: &ShadingPattern, area: Rect, budget: u64) -> Option<Sampled> {
    if !(area.width() > 0.0 && area.height() > 0.0 && geometry::is_usable(pattern.matrix)) {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "a budget is no exact thing")]
    let budget = budget as f64;
    let mut scale = (budget / (area.width() * area.height())).sqrt().min(SAMPLES_PER_POINT);
    let mut placed = placed(pattern, area, scale);
    // Meshes are sampled triangle by triangle, whether one is seen or not.
    for _ in 0..MAX_HALVINGS {
        if mesh_cost(&placed) <= budget * MESH_FACTOR {
            break;
        }
        scale /= 2.0;
        placed = self::placed(pattern, area, scale);
    }
    let (width, height) = ((area.width() * scale).ceil(), (area.height() * scale).ceil());
    if mesh_cost(&placed) > budget * MESH_FACTOR || width > MAX_SIDE || height > MAX_SIDE {
        return None;
    }
    let texture = placed.encode().render_texture(Rect::new(0.0, 0.0, width.max(1.0), height.max(1.0)), 1.0);
    let pixels = |channels, data| Pixels {
        width: texture.width,
        height: texture.height,
        channels,
        data,
        source: PictureSource::Photo,
        interpolate: true,
    };
    // The first row sampled is the lowest: the page goes up, the picture down.
    let row_bytes = usize::try_from(texture.width).ok()?.checked_mul(4)?;
    let rows = || texture.data.chunks_exact(row_bytes.max(1)).rev();
    let colors = rows().flat_map(|row| row.chunks_exact(4).filter_map(|pixel| pixel.first_chunk::<3>()).flatten());
    let colors = pixels(3, colors.copied().collect());
    let alpha = texture.has_transparency.then(|| {
        let alpha = rows().flat_map(|row| row.chunks_exact(4).filter_map(|pixel| pixel.last().copied())).collect();
        Pixels { source: PictureSource::Drawing, ..pixels(1, alpha) }
    });
    let covered = Rect::new(area.x0, area.y0, area.x0 + width.max(1.0) / scale, area.y0 + height.max(1.0) / scale);
    Some(Sampled { colors, alpha, area: covered })
}

/// The shading as it lies when the lower left corner of an area is the origin and a unit a sample.
fn placed(pattern: &ShadingPattern, area: Rect, scale: f64) -> ShadingPattern {
    let matrix = Affine::scale(scale) * Affine::translate((-area.x0, -area.y0)) * pattern.matrix;
    ShadingPattern { matrix, ..pattern.clone() }
}

/// How many points the triangles of a mesh are asked for.
fn mesh_cost(pattern: &ShadingPattern) -> f64 {
    let matrix = pattern.matrix;
    let cost = |points: &mut dyn Iterator<Item = kurbo::Point>| {
        let mut bounds: Option<Rect> = None;
        for point in points {
            let point = matrix * point;
            bounds = Some(bounds.map_or(Rect::from_points(point, point), |bounds| bounds.union_pt(point)));
        }
        let bounds = bounds.unwrap_or_default();
        // Outside of what sixteen bits hold nothing is asked for.
        let side = |from: f64, to: f64| (to.clamp(0.0, 65_535.0) - from.clamp(0.0, 65_535.0)).max(1.0);
        side(bounds.x0, bounds.x1) * side(bounds.y0, bounds.y1)
    };
    let of_triangle =
        |triangle: &Triangle| cost(&mut [triangle.p0.point, triangle.p1.point, triangle.p2.point].into_iter());
    match pattern.shading.shading_type.as_ref() {
        ShadingType::TriangleMesh { triangles, .. } => triangles.iter().map(of_triangle).sum(),
        // A patch is cut into triangles that overlap little.
        ShadingType::CoonsPatchMesh { patches, .. } => {
            patches.iter().map(|patch| PATCH_COST + cost(&mut patch.control_points.iter().copied())).sum()
        }
        ShadingType::TensorProductPatchMesh { patches, .. } => {
            patches.iter().map(|patch| PATCH_COST + cost(&mut patch.control_points.iter().copied())).sum()
        }
        ShadingType::FunctionBased { .. } | ShadingType::RadialAxial { .. } | ShadingType::Dummy => 0.0,
    }
}

fn gradient(pattern: &ShadingPattern) -> Option<Gradient> {
    let ShadingType::RadialAxial { coords, domain, function, extend, axial } = pattern.shading.shading_type.as_ref()
    else {
        return None;
    };
    let [x0, y0, third, fourth, fifth, sixth] = *coords;
    let point = |x: f32, y: f32| Point { x, y };
    let shape = if *axial {
        GradientShape::Axial { start: point(x0, y0), end: point(third, fourth) }
    } else {
        let (start_radius, end_radius) = (third, sixth);
        if start_radius < 0.0 || end_radius < 0.0 {
            return None;
        }
        GradientShape::Radial { start: point(x0, y0), start_radius, end: point(fourth, fifth), end_radius }
    };
    if !coords.iter().all(|number| number.abs() <= form::pages::MAX_COORDINATE) {
        return None;
    }
    // The colours along a line from 0 to 1, whatever the shape is.
    let line = ShadingType::RadialAxial {
        coords: [0.0, 0.0, 1.0, 0.0, 0.0, 0.0],
        domain: *domain,
        function: function.clone(),
        extend: [true, true],
        axial: true,
    };
    let mut shading = pattern.shading.as_ref().clone();
    shading.shading_type = Arc::new(line);
    shading.background = None;
    shading.clip_path = None;
    let along =
        ShadingPattern { shading: Arc::new(shading), matrix: Affine::IDENTITY, opacity: 1.0, transfer_function: None };
    let encoded = along.encode();
    let EncodedShadingType::RadialAxial(colors) = &encoded.shading_type else { return None };
    let found = colors.as_svg_gradient(&encoded, Rect::ZERO, COLOR_TOLERANCE)?.stops;
    let stop = |offset: f32, color: [f32; 4]| {
        let [r, g, b, alpha] = color.map(geometry::alpha);
        (alpha == u8::MAX).then_some(GradientStop { offset, color: Color { r, g, b } })
    };
    let told = found.iter().map(|found| stop(found.offset.clamp(0.0, 1.0), found.color));
    let mut stops = needed(told.collect::<Option<Vec<_>>>()?);
    if stops.len() > Gradient::MAX_STOPS {
        let even = (0_u8..=u8::MAX).map(|step| {
            let offset = f32::from(step) / 255.0;
            stop(offset, encoded.sample(kurbo::Point::new(offset.into(), 0.0)))
        });
        stops = even.collect::<Option<Vec<_>>>()?;
    }
    stops.dedup();
    if let Some(first) = stops.first_mut() {
        first.offset = 0.0;
    }
    if let [_, .., last] = stops.as_mut_slice() {
        last.offset = 1.0;
    }
    if stops.len() < 2 || !stops.is_sorted_by(|one, other| one.offset <= other.offset) {
        return None;
    }
    let [extend_start, extend_end] = *extend;
    Some(Gradient { shape, matrix: geometry::matrix(pattern.matrix)?, stops, extend_start, extend_end })
}

/// Leaves out stops whose colour is what lies between their neighbours anyway: where a colour ends at once there are many.
fn needed(stops: Vec<GradientStop>) -> Vec<GradientStop> {
    let mut kept: Vec<GradientStop> = Vec::new();
    for (index, stop) in stops.iter().enumerate() {
        let neighbours = kept.last().zip(stops.get(index.saturating_add(1)));
        let is_between = neighbours.is_some_and(|(before, after)| {
            let share = (stop.offset - before.offset) / (after.offset - before.offset);
            let near = |one: u8, found: u8, other: u8| {
                let (one, other) = (f32::from(one), f32::from(other));
                (share.mul_add(other - one, one) - f32::from(found)).abs() <= 0.5
            };
            let (before, after, color) = (before.color, after.color, stop.color);
            near(before.r, color.r, after.r) && near(before.g, color.g, after.g) && near(before.b, color.b, after.b)
        });
        if !is_between {
            kept.push(*stop);
        }
    }
    kept
}

/// How far a colour may be off, of 1.
const COLOR_TOLERANCE: f32 = 0.01;
/// Samples along a point: 144 dots per inch; shadings are smooth.
const SAMPLES_PER_POINT: f64 = 2.0;
/// How often the resolution of a mesh is halved before it is given up.
const MAX_HALVINGS: u32 = 8;
/// How many points of a mesh may be asked for each sample of the budget.
const MESH_FACTOR: f64 = 8.0;
/// What cutting a patch into triangles costs beside them.
const PATCH_COST: f64 = 800.0;
const MAX_SIDE: f64 = 8_192.0;

#[cfg(test)]
mod tests {
    use form::pages::{Color, GradientStop};

    use super::needed;

    #[test]
    fn stops_between_their_neighbours_are_left_out() {
        let stop = |offset: f32, r: u8| GradientStop { offset, color: Color { r, g: 0, b: 0 } };
        let sharp = vec![stop(0.0, 9), stop(0.25, 9), stop(0.5, 9), stop(0.5, 90), stop(0.75, 90), stop(1.0, 90)];
        assert_eq!(needed(sharp), [stop(0.0, 9), stop(0.5, 9), stop(0.5, 90), stop(1.0, 90)]);
        let even = vec![stop(0.0, 0), stop(0.5, 50), stop(1.0, 100)];
        assert_eq!(needed(even), [stop(0.0, 0), stop(1.0, 100)]);
    }
}
