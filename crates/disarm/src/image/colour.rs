//! Colour profiles: pixels are brought to sRGB here, because a profile is a program of a kind and does not cross.

use form::image::PixelFormat;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::raster::Raster;

/// Converts the pixels in place; whether they changed. A profile that cannot be read, or is sRGB under another name, or
/// belongs to other channels than the pixels have, changes nothing: what is shown is then what a viewer without colour
/// management shows.
pub(super) fn to_srgb(profile: &[u8], raster: &mut Raster) -> bool {
    if profile.len() > MAX_PROFILE_BYTES || says_srgb(profile) {
        return false;
    }
    let layout = match raster.format {
        PixelFormat::Rgb8 => Layout::Rgb,
        PixelFormat::Rgba8 => Layout::Rgba,
        PixelFormat::Gray8 | PixelFormat::GrayA8 => return false,
    };
    let Ok(source) = ColorProfile::new_from_slice(profile) else { return false };
    if source.color_space != DataColorSpace::Rgb {
        return false;
    }
    let target = ColorProfile::new_srgb();
    let Ok(transform) = source.create_transform_8bit(layout, &target, layout, TransformOptions::default()) else {
        return false;
    };
    let Ok(row_bytes) = usize::try_from(u64::from(raster.width).saturating_mul(raster.format.channels().into())) else {
        return false;
    };
    let mut row = vec![0; row_bytes];
    let mut changed = false;
    for pixels in raster.pixels.chunks_exact_mut(row_bytes.max(1)) {
        if transform.transform(pixels, &mut row).is_err() {
            return changed;
        }
        changed |= pixels != row.as_slice();
        pixels.copy_from_slice(&row);
    }
    changed
}

/// The colour of a pixel whose first four samples are shares of cyan, magenta, yellow and black ink.
pub(super) fn from_cmyk(pixel: &[u8]) -> [u8; 3] {
    let [c, m, y, k] = match pixel {
        [c, m, y, k, ..] => [*c, *m, *y, *k].map(u32::from),
        _ => [0; 4],
    };
    [c, m, y].map(|ink| u8::try_from((255 - ink) * (255 - k) / 255).unwrap_or(u8::MAX))
}

/// The usual profiles name themselves; converting from sRGB to sRGB would only add rounding. One with the colours of sRGB and without its
/// curve says so, too ("GIMP built-in Linear sRGB").
fn says_srgb(profile: &[u8]) -> bool {
    let head = profile.get(..1024).unwrap_or(profile);
    let says = |word: &str| {
        let wide: Vec<u8> = word.bytes().flat_map(|b| [0, b]).collect();
        head.windows(word.len()).any(|window| window == word.as_bytes())
            || head.windows(wide.len()).any(|window| window == wide)
    };
    says("sRGB") && !says("Linear") && !says("linear")
}

/// The largest profiles in use (printing) have 2 MB.
const MAX_PROFILE_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The curve of sRGB (IEC 61966-2-1, 5.2) makes 188 of half the light.
    #[test]
    fn a_profile_with_the_colours_of_srgb_and_no_curve_is_not_taken_for_srgb() {
        let mut linear = ColorProfile::new_srgb();
        let straight = moxcms::ToneReprCurve::Lut(Vec::new());
        linear.red_trc = Some(straight.clone());
        linear.green_trc = Some(straight.clone());
        linear.blue_trc = Some(straight);
        linear.cicp = None;
        let wide: Vec<u8> = "GIMP built-in Linear sRGB".bytes().flat_map(|b| [0, b]).collect();
        let mut profile = linear.encode().unwrap();
        profile.extend(wide);
        assert!(!says_srgb(&profile));
        let mut raster = Raster { width: 1, height: 1, format: PixelFormat::Rgb8, pixels: vec![128; 3] };
        assert!(to_srgb(&profile, &mut raster));
        assert!(raster.pixels.iter().all(|value| value.abs_diff(188) <= 1), "{:?}", raster.pixels);
    }
}
