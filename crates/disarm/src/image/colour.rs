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

/// The usual profiles name themselves; converting from sRGB to sRGB would only add rounding.
fn says_srgb(profile: &[u8]) -> bool {
    let head = profile.get(..1024).unwrap_or(profile);
    let wide: Vec<u8> = "sRGB".bytes().flat_map(|b| [0, b]).collect();
    head.windows(4).any(|window| window == b"sRGB") || head.windows(wide.len()).any(|window| window == wide)
}

/// The largest profiles in use (printing) have 2 MB.
const MAX_PROFILE_BYTES: usize = 4 * 1024 * 1024;
