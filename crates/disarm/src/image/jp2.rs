//! JPEG 2000 (ISO/IEC 15444-1), which archives and scanners of plans write. Few programs show it, so it leaves as JPEG, or as PNG where
//! it has opacity.

use std::io::Write;

use form::image::{ImageSource, PixelFormat};
use form::{Place, Reason};
use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

use super::raster::{self, Raster};
use super::{Facts, colour};
use crate::error::Error;
use crate::room::Part;

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let mut facts = walk(part.input);
    let image = Image::new(part.input, &DecodeSettings::default()).map_err(|_| Error::from(Reason::Malformed))?;
    let (width, height) = (image.width(), image.height());
    raster::check_size(width, height, 1, limits)?;
    facts.deep = image.original_bit_depth() > 8;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|_| Error::from(Reason::Malformed))?;
    let has_alpha = image.has_alpha();
    let channels = match image.color_space() {
        ColorSpace::Gray => 1,
        ColorSpace::RGB => 3,
        ColorSpace::CMYK => 4,
        ColorSpace::Unknown { num_channels } => *num_channels,
        ColorSpace::Icc { profile, num_channels } => {
            facts.profile = Some(profile.clone());
            *num_channels
        }
    };
    let samples = decoded.data_u8();
    let (format, pixels) = match (channels, has_alpha) {
        (1, false) => (PixelFormat::Gray8, samples),
        (1, true) => (PixelFormat::GrayA8, samples),
        (3, false) => (PixelFormat::Rgb8, samples),
        (3, true) => (PixelFormat::Rgba8, samples),
        (4, false) => {
            facts.converted = true;
            (PixelFormat::Rgb8, samples.chunks_exact(4).flat_map(colour::from_cmyk).collect())
        }
        _ => return Err(Reason::UnsupportedType.into()),
    };
    let whole = u64::from(width).saturating_mul(height.into()).saturating_mul(format.channels().into());
    if u64::try_from(pixels.len()).ok() != Some(whole) {
        return Err(Reason::Malformed.into());
    }
    let is_opaque =
        !has_alpha || pixels.chunks_exact(format.channels().into()).all(|pixel| pixel.ends_with(&[u8::MAX]));
    let (source, name) = if is_opaque { (ImageSource::Jpeg, "JPEG") } else { (ImageSource::Png, "PNG") };
    part.findings.add(Reason::FormatConverted, Place::new(name));
    part.findings.add(Reason::ReEncoded, Place::default());
    Raster { width, height, format, pixels }.write(source, facts, part, form)
}

/// What stands in boxes beside the picture (15444-1, I.7). A codestream alone has none.
fn walk(bytes: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let mut rest = bytes;
    while let Some((kind, data, behind)) = split_box(rest) {
        rest = behind;
        match kind {
            b"xml " => facts.add_metadata("XML"),
            b"uuid" if data.starts_with(&XMP) => facts.add_metadata("XMP"),
            b"uuid" => match data.strip_prefix(&EXIF) {
                Some(exif) => facts.add_exif(exif),
                None => facts.add_metadata("application data"),
            },
            b"uinf" => facts.add_metadata("application data"),
            _ => {}
        }
    }
    facts
}

/// The first box: its kind, what is in it, and what follows.
fn split_box(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?);
    let kind = bytes.get(4..)?.first_chunk()?;
    let (head, length) = match length {
        // To the end of the file.
        0 => (8, bytes.len()),
        1 => (16, usize::try_from(u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)).ok()?),
        _ => (8, usize::try_from(length).ok()?),
    };
    let (whole, behind) = bytes.split_at_checked(length)?;
    Some((kind, whole.get(head..)?, behind))
}

/// The boxes of XMP (ISO 16684-3) and of Exif as cameras and converters write it.
const XMP: [u8; 16] = [0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC];
const EXIF: [u8; 16] = *b"JpgTiffExif->JP2";
