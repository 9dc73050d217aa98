//! Letters of Type 3 fonts, which are drawings: those that are one filled shape become letters like others.

use hayro_interpret::color::{AlphaColor, Color};
use hayro_interpret::font::{GlyphRun, Type3Glyph};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, FillRule, Image, ImageDrawProps, Paint, SoftMask,
};
use kurbo::{Affine, BezPath};

/// The shape of a letter in thousandths of an em, when it is one filled shape in the colour of the text.
pub(super) fn shape(letter: &Type3Glyph<'_>) -> Option<BezPath> {
    let mut collector = Collector { shape: None, plain: true };
    letter.interpret(&mut collector, Affine::IDENTITY, Affine::IDENTITY, &Paint::Color(marked()));
    let Collector { shape, plain } = collector;
    shape.filter(|_| plain)
}

struct Collector {
    shape: Option<BezPath>,
    plain: bool,
}

impl<'a> Device<'a> for Collector {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        let in_text_color = match &props.paint {
            Paint::Color(color) => color.to_rgba().to_rgba8() == marked().to_rgba().to_rgba8(),
            Paint::Pattern(_) => false,
        };
        let plain = matches!(mode, DrawMode::Fill(FillRule::NonZero))
            && in_text_color
            && props.soft_mask.is_none()
            && props.blend_mode == BlendMode::Normal
            && self.shape.is_none()
            && path.elements().len() <= MAX_ELEMENTS;
        if plain {
            self.shape = Some(props.transform * path.clone());
        } else {
            self.plain = false;
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {
        self.plain = false;
    }

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.plain = false;
    }

    fn draw_glyph_run(&mut self, _: &GlyphRun<'_, 'a>, _: DrawProps<'a>, _: &DrawMode) {
        self.plain = false;
    }

    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {
        self.plain = false;
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

/// A colour that no file paints with by chance: only what takes the colour of the text has it.
fn marked() -> Color {
    Color::from_rgba(AlphaColor::new([17.0 / 255.0, 101.0 / 255.0, 233.0 / 255.0, 1.0]))
}

/// A letter with more is drawn.
const MAX_ELEMENTS: usize = 10_000;
