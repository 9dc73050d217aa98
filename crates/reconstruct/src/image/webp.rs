//! WebP, lossless.

use form::image::{ImageHeader, PixelFormat};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageError};

use crate::error::Error;
use crate::output::Output;

pub(super) fn write(header: &ImageHeader, pixels: &[u8], out: &mut Output<'_>) -> Result<(), Error> {
    let colour = match header.format {
        PixelFormat::Gray8 => ExtendedColorType::L8,
        PixelFormat::GrayA8 => ExtendedColorType::La8,
        PixelFormat::Rgb8 => ExtendedColorType::Rgb8,
        PixelFormat::Rgba8 => ExtendedColorType::Rgba8,
    };
    WebPEncoder::new_lossless(out).encode(pixels, header.width, header.height, colour).map_err(|error| match error {
        ImageError::IoError(error) => Error::Write(error),
        other => Error::Write(std::io::Error::other(other)),
    })
}
