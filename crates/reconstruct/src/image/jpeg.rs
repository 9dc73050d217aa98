//! JPEG: baseline, at the quality of the source within the bounds of policy.

use form::image::{ImageHeader, PixelFormat};
use form::job::ImagePolicy;
use jpeg_encoder::{ColorType, Encoder, EncodingError, PixelDensity, PixelDensityUnit, SamplingFactor};

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
    let colour = match image.format {
        PixelFormat::Gray8 | PixelFormat::GrayA8 => ColorType::Luma,
        PixelFormat::Rgb8 | PixelFormat::Rgba8 => ColorType::Rgb,
    };
    let mut encoder = Encoder::new(out, quality);
    // Cameras and scanners halve the colour below their best settings; more would only enlarge what is not there.
    let full = quality >= FULL_COLOUR_QUALITY;
    encoder.set_sampling_factor(if full { SamplingFactor::F_1_1 } else { SamplingFactor::F_2_2 });
    // Tables of its own would save a twentieth, but this encoder then writes each component as a scan of its own, which is
    // correct and yet misread by decoders that expect what cameras write (zune-jpeg among them).
    encoder.set_optimized_huffman_tables(false);
    if let Some(density) = image.density {
        encoder.set_density(PixelDensity { density: (density.x, density.y), unit: PixelDensityUnit::Inches });
    }
    encoder.encode(pixels, width, height, colour).map_err(|error| match error {
        EncodingError::IoError(error) => Error::Write(error),
        other => Error::Write(std::io::Error::other(other)),
    })
}

const DEFAULT_QUALITY: u8 = 85;
const FULL_COLOUR_QUALITY: u8 = 93;
