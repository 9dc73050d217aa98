//! What is drawn apart and laid over the page as one: groups, soft masks, tiles.

use form::pages::{BlendMode, CanvasHeader, CanvasKind, Color, LETTER_SEGMENTS, MaskKind, Operation};
use hayro_interpret::{CacheKey, MaskType, SoftMask};
use kurbo::Rect;

use super::device::{Mode, Recorder, Trouble};
use super::document::Canvas;
use super::geometry;
use super::layer::{Layer, NOTHING, Summary};

/// A group that is open: how it is laid over what is below it.
pub(super) struct Group {
    pub(super) alpha: u8,
    pub(super) mask: Option<Canvas>,
    pub(super) blend: BlendMode,
}

impl Recorder<'_, '_> {
    /// The canvas of a soft mask.
    pub(super) fn mask(&mut self, mask: &SoftMask<'_>) -> Option<Canvas>
    where
        Self: Sized,
    {
        let key = (mask.cache_key(), false);
        if let Some(known) = self.document.canvases.get(&key) {
            return Some(*known);
        }
        let bounds = self.surfaces.last().copied().unwrap_or(NOTHING);
        self.layers.push(Layer::new(bounds));
        mask.interpret(self);
        let layer = self.layers.pop()?;
        let kind = match mask.mask_type() {
            MaskType::Alpha => MaskKind::Alpha,
            MaskType::Luminosity => {
                let [r, g, b, _] = mask.background_color().to_rgba().to_rgba8();
                MaskKind::Luminosity { backdrop: Color { r, g, b } }
            }
        };
        let transfer = mask.transfer_function().map(|function| {
            let mut values = Box::new([0_u8; 256]);
            for (value, place) in (0_u8..=u8::MAX).zip(values.iter_mut()) {
                *place = value;
            }
            function.apply_to(values.as_mut_slice());
            values
        });
        let canvas = self.canvas(CanvasKind::Mask { kind, transfer }, bounds, layer)?;
        self.document.canvases.insert(key, canvas);
        Some(canvas)
    }

    /// The canvas of a tile, drawn by `draw` in its own space.
    pub(super) fn tile(
        &mut self,
        key: (u128, bool),
        kind: CanvasKind,
        bounds: Rect,
        draw: impl FnOnce(&mut Self),
    ) -> Option<Canvas> {
        if let Some(known) = self.document.canvases.get(&key) {
            return Some(*known);
        }
        self.layers.push(Layer::new(bounds));
        self.surfaces.push(bounds);
        draw(self);
        self.surfaces.pop();
        let layer = self.layers.pop()?;
        let canvas = self.canvas(kind, bounds, layer)?;
        self.document.canvases.insert(key, canvas);
        Some(canvas)
    }

    /// Puts a group into the layer below: as it is where being a group changes nothing, as its only thing where it has one,
    /// else as a canvas.
    pub(super) fn end_group(&mut self, group: &Group, mut layer: Layer) {
        let summary = layer.summary();
        if summary.paints == 0 || group.alpha == 0 {
            return;
        }
        let traits = self.document.traits;
        let is_plain = group.alpha == u8::MAX && group.mask.is_none() && group.blend == BlendMode::Normal;
        let mixing_matters = summary.mixes && (traits.isolated || traits.knockout);
        if is_plain && !mixing_matters {
            let trace = layer.trace();
            self.layer().append(layer.finish(), trace);
            return;
        }
        let mask = group.mask.map(|mask| mask.number);
        if !is_plain && layer.fold(group.alpha) {
            let trace = layer.trace();
            let below = self.layer();
            if let Some(mask) = group.mask {
                below.note_canvas(mask.summary);
            }
            below.set_mixing(group.blend, mask);
            below.append(layer.finish(), trace);
            return;
        }
        let bounds = layer.bounds();
        let kind = CanvasKind::Group { isolated: traits.isolated || !summary.mixes, knockout: traits.knockout };
        let Some(canvas) = self.canvas(kind, bounds, layer) else { return };
        let below = self.layer();
        if let Some(mask) = group.mask {
            below.note_canvas(mask.summary);
        }
        below.set_mixing(group.blend, mask);
        below.paint(Operation::Group { canvas: canvas.number, alpha: group.alpha }, canvas.summary);
    }

    /// A layer's operations as a canvas; counting on when they are too many.
    fn canvas(&mut self, kind: CanvasKind, bounds: Rect, layer: Layer) -> Option<Canvas> {
        let (operations, summary) = layer.finish();
        if self.mode != Mode::Draw {
            return None;
        }
        if self.is_too_much(summary) {
            self.give_up(Trouble::TooMuch);
            return None;
        }
        let header = CanvasHeader { kind, bounds: geometry::rect(bounds) };
        let canvas = self.document.canvas(&header, &operations, summary);
        Some(self.must(canvas))
    }

    pub(super) fn is_too_much(&self, summary: Summary) -> bool {
        let limits = self.document.limits;
        summary.weight > limits.page_operations
            || summary.lettering.div_ceil(LETTER_SEGMENTS) > limits.page_operations
            || summary.depth >= limits.canvas_depth
    }
}
