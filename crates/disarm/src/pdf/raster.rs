//! Pages as pixels.

use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_interpret::InterpreterSettings;
use hayro_syntax::page::Page;

use form::pages::PictureSource;

use super::geometry;
use super::pictures::Pixels;

/// Draws a page with `scale` pixels to the point on white paper, fewer where that would be too many.
pub(super) fn draw<'a>(
    page: &'a Page<'a>,
    scale: f64,
    cache: &RenderCache<'a>,
    settings: &InterpreterSettings,
) -> Pixels {
    let (width, height) = page.render_dimensions();
    let (width, height) = (f64::from(width.max(1.0)), f64::from(height.max(1.0)));
    let area = width * height * scale * scale;
    let scale = if area > MAX_PIXELS { scale * (MAX_PIXELS / area).sqrt() } else { scale };
    let longest = width.max(height) * scale;
    let scale = if longest > MAX_SIDE { scale * MAX_SIDE / longest } else { scale };
    // A page may be so narrow that its shorter side would have no pixel at all.
    let (x, y) = (scale.max(1.001 / width), scale.max(1.001 / height));
    let pixmap = PixmapSettings { x_scale: geometry::single(x), y_scale: geometry::single(y), bg_color: WHITE };
    // Hinting fits letters to the pixels of one size with the font's own program: it would make original and rebuilt page, whose
    // fonts have no programs, look less alike than they are on paper.
    let settings_of_looks = RenderSettings { hinting: false, ..RenderSettings::default() };
    let drawn = hayro::render(page, cache, settings, &settings_of_looks, &pixmap);
    let data = drawn.data().iter().flat_map(|pixel| [pixel.r, pixel.g, pixel.b]).collect();
    Pixels {
        width: drawn.width().into(),
        height: drawn.height().into(),
        channels: 3,
        data,
        source: PictureSource::Photo,
        interpolate: false,
    }
}

/// The most pixels of a page image: A3 at 400 dots per inch.
const MAX_PIXELS: f64 = 32_000_000.0;
const MAX_SIDE: f64 = 16_000.0;
