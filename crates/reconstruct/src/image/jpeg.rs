//! JPEG: baseline, at the quality of the source within the bounds of policy.

use std::io::Write;

use form::image::{ImageHeader, PixelFormat, Sampling};
use form::job::ImagePolicy;

use super::baseline::{self, Rounding, Samples, Settings};
use super::narrow;
use crate::error::Error;
use crate::output::Output;

pub(super) fn write(
    image: &ImageHeader,
    pixels: &[u8],
    policy: &ImagePolicy,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let quality = image.quality.unwrap_or(DEFAULT_QUALITY).clamp(policy.quality_min, policy.quality_max);
    let (width, height) = (narrow(image.width)?, narrow(image.height)?);
    let samples = match image.format {
        PixelFormat::Gray8 | PixelFormat::GrayA8 => Samples::Gray,
        // Cameras and scanners halve the colour below their best settings; more would only enlarge what is not there. Screenshots are
        // often saved with all of it, and thin coloured letters are what would suffer.
        PixelFormat::Rgb8 | PixelFormat::Rgba8 => {
            Samples::Rgb { full: image.sampling == Sampling::Full || quality >= FULL_COLOUR_QUALITY }
        }
    };
    let density = image.density.map(|density| (density.x, density.y));
    let settings = Settings { samples, quality, rounding: Rounding::Nearest, density };
    Ok(out.write_all(&baseline::encode(pixels, width, height, &settings))?)
}

const DEFAULT_QUALITY: u8 = 85;
const FULL_COLOUR_QUALITY: u8 = 93;
