//! What stands where on a page: what covers the text below it, and where a page that is drawn as an image is not blank.

use form::pages::Color;
use hayro_interpret::{DrawProps, FillRule, Image, ImageDrawProps};
use kurbo::{BezPath, Rect};

use super::covered;
use super::device::{Mode, Recorder, blend_mode, fill_rule};
use super::geometry;
use super::layer::{NOTHING, overlap};

impl Recorder<'_, '_> {
    /// Takes note of what is filled: text below it is not seen.
    pub(super) fn note_fill(&mut self, path: &BezPath, rule: FillRule, props: &DrawProps<'_>) {
        let is_solid = self.is_on_page() && self.shows_whole() && props.soft_mask.is_none();
        // Only what is short can be a few rectangles.
        if !is_solid || path.elements().len() > MAX_BOX_ELEMENTS {
            return;
        }
        let hayro_interpret::Paint::Color(color) = &props.paint else { return };
        let [r, g, b, alpha] = color.to_rgba().to_rgba8();
        if alpha != u8::MAX || !covered::covers(Color { r, g, b }, blend_mode(props.blend_mode)) {
            return;
        }
        let Some(path) = geometry::path(path, props.transform) else { return };
        let visible = self.layer().visible();
        for area in covered::rectangles(&path, fill_rule(rule)) {
            self.boxes.add(overlap(visible, area));
        }
    }

    /// Takes note of where a page that is drawn as an image is not blank.
    pub(super) fn note_seen(&mut self, path: &BezPath, props: &DrawProps<'_>) {
        if !self.is_on_page() || super::ink::is_white_paint(&props.paint) {
            return;
        }
        let bounds = geometry::path(path, props.transform).as_ref().and_then(geometry::bounds);
        let visible = bounds.map_or(NOTHING, |bounds| overlap(self.layer().visible(), bounds));
        if visible != NOTHING {
            self.cover.add(visible);
        }
    }

    /// Takes note of a picture, of which only the file's words are known.
    pub(super) fn note_picture(&mut self, image: &Image<'_, '_>, props: &ImageDrawProps<'_>) {
        let is_opaque = is_opaque(image);
        let area = Rect::new(0.0, 0.0, image.width().into(), image.height().into());
        let bounds = props.transform.transform_rect_bbox(area);
        let visible = overlap(self.layer().visible(), bounds);
        if !self.is_on_page() || visible == NOTHING {
            return;
        }
        if self.mode == Mode::Text {
            self.cover.add_picture(visible, is_opaque, self.boxes.now());
        }
        let is_solid =
            self.shows_whole() && props.soft_mask.is_none() && props.blend_mode == hayro_interpret::BlendMode::Normal;
        if is_solid && is_opaque && covered::upright(props.transform, area).is_some() {
            self.boxes.add_picture(visible);
        }
    }

    /// Whether what is drawn now is seen as it is, within a rectangle: no open group lets what is below through, and no clip is of
    /// another shape.
    fn shows_whole(&self) -> bool {
        self.solid_groups.iter().all(|solid| *solid) && self.clip_shapes.iter().all(|rectangular| *rectangular)
    }
}

/// Whether nothing shows through a picture, of which only the file's words are known.
pub(super) fn is_opaque(image: &Image<'_, '_>) -> bool {
    match image {
        Image::Raster(raster) => {
            let dict = raster.stream().dict();
            !["SMask", "Mask", "SMaskInData"].into_iter().any(|key| dict.contains_key(key))
        }
        Image::Stencil(_) => false,
    }
}

/// Elements of a path that may be rectangles that cover something: a hundred of them.
const MAX_BOX_ELEMENTS: usize = 600;
