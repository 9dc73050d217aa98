//! Pictures: any of eight formats to plain sRGB pixels.
//!
//! Each format has a walk of its own over the container, which finds what the decoder does not tell (density, quality,
//! descriptive data, bytes behind the end), and then a decoder that gives the pixels. Only pixels, size, density and timing
//! cross: no profile, no text, no thumbnail, no maker's notes.

mod bmp;
mod colour;
mod fax;
mod gif;
pub(crate) mod heif;
pub(crate) mod icon;
pub(crate) mod jp2;
pub(crate) mod jpeg;
mod marks;
pub(crate) mod metafile;
mod png;
pub(crate) mod preview;
pub(crate) mod psd;
mod raster;
pub(crate) mod svg;
mod tiff;
mod webp;

use std::io::Write;

use form::image::{Density, ImageHeader, ImageSource, Repeat, Sampling};
use form::job::Preview;

use crate::error::Error;
use crate::room::Part;
use raster::Raster;

pub use heif::PANIC_ON_DAMAGE;
pub(crate) use marks::first_directory;

pub(crate) fn disarm(mut part: Part<'_>, source: ImageSource, form: &mut dyn Write) -> Result<(), Error> {
    match (source, read(&mut part, source)?) {
        (_, Some((raster, facts))) => raster.write(source, facts, part, form),
        (ImageSource::Gif, None) => gif::disarm(part, form),
        (_, None) => tiff::disarm(part, form),
    }
}

/// The picture itself, or its first frame, for what it is part of.
pub(crate) fn pixels(mut part: Part<'_>, source: ImageSource) -> Result<(ImageHeader, Vec<u8>), Error> {
    if let Some((raster, facts)) = read(&mut part, source)? {
        return Ok(raster.into_pixels(source, facts));
    }
    let (limits, mut form) = (&part.job.limits, Vec::new());
    disarm(part, source, &mut form)?;
    preview::frame(&form, source, Preview { page: 0, max_side: u16::MAX }, limits)
}

/// Reads the picture, where its format has but one.
fn read(part: &mut Part<'_>, source: ImageSource) -> Result<Option<(Raster, Facts)>, Error> {
    match source {
        ImageSource::Jpeg => jpeg::read(part).map(Some),
        ImageSource::Png => png::read(part).map(Some),
        ImageSource::Bmp => bmp::read(part).map(Some),
        ImageSource::WebP => webp::read(part).map(Some),
        ImageSource::Gif | ImageSource::Tiff => Ok(None),
    }
}

/// What a walk finds beside the pixels.
#[derive(Clone, Debug, Default)]
struct Facts {
    density: Option<Density>,
    /// The estimated quality of lossy compression.
    quality: Option<u8>,
    /// How finely lossy compression keeps the colours, where it does so otherwise than brightness.
    sampling: Option<Sampling>,
    /// The Exif number of the turn and flip to apply, 1 to 8; 0 where none is noted.
    orientation: u32,
    /// A colour profile.
    profile: Option<Vec<u8>>,
    repeat: Option<Repeat>,
    /// Kinds of descriptive data that were seen, for the account.
    metadata: Vec<&'static str>,
    gps: bool,
    /// More frames follow that are not read.
    more_frames: u32,
    /// Bytes that belong to no part of the picture.
    surplus: bool,
    /// The data ends before the picture does.
    incomplete: bool,
    /// The samples had more than 8 bits.
    deep: bool,
    /// The colours were of another model (CMYK, Lab), which the decoder has converted.
    converted: bool,
}

impl Facts {
    fn add_metadata(&mut self, kind: &'static str) {
        if !self.metadata.contains(&kind) {
            self.metadata.push(kind);
        }
    }

    /// Takes what an Exif block says.
    fn add_exif(&mut self, exif: &[u8]) {
        self.add_metadata("Exif");
        let tags = first_directory(exif);
        self.gps |= tags.iter().any(|tag| tag.id == marks::GPS);
        if self.orientation == 0 {
            self.orientation = marks::orientation(&tags);
        }
        if self.density.is_none() {
            self.density = marks::density(&tags);
        }
    }
}
