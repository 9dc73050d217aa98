//! JPEG 2000 (ISO/IEC 15444-1), which archives and scanners of plans write. Few programs show it, so it leaves as JPEG, or as PNG where
//! it has opacity.

use std::io::Write;

use form::image::{Density, ImageSource, PixelFormat};
use form::{Place, Reason};
use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

use super::raster::{self, Raster};
use super::{Facts, colour, marks};
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

/// What stands in boxes beside the picture (15444-1, I.7), and how many pictures there are beside the first (15444-2, annex M). A
/// codestream alone has no boxes.
fn walk(bytes: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let mut pictures = 0_u32;
    let mut density = None;
    for (kind, data) in boxes(bytes) {
        match kind {
            b"jp2c" => pictures = pictures.saturating_add(1),
            b"jp2h" => density = density_of(data),
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
    facts.more_frames = pictures.saturating_sub(1);
    facts.density = density.or(facts.density);
    facts
}

/// The density in a header (15444-1, I.5.3.7): that at which it is to be shown, or else that at which it was scanned.
fn density_of(header: &[u8]) -> Option<Density> {
    let (_, both) = boxes(header).find(|(kind, _)| *kind == b"res ")?;
    let of = |wanted: &[u8; 4]| {
        let (_, numbers) = boxes(both).find(|(kind, _)| *kind == wanted)?;
        let number = |at: usize| Some(f64::from(u16::from_be_bytes(*numbers.get(at..)?.first_chunk()?)));
        let power = |at: usize| Some(10_f64.powi(i8::from_be_bytes(*numbers.get(at..)?.first_chunk()?).into()));
        // Points of a metre, down and then across.
        let down = number(0)? / number(2)? * power(8)?;
        let across = number(4)? / number(6)? * power(9)?;
        marks::from_inches(across * INCH, down * INCH)
    };
    of(b"resd").or_else(|| of(b"resc"))
}

/// The boxes that stand one after the other, each with its kind and what is in it.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, data, behind) = split_box(rest)?;
        rest = behind;
        Some((kind, data))
    })
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

/// Metres of an inch.
const INCH: f64 = 0.0254;
/// The boxes of XMP (ISO 16684-3) and of Exif as cameras and converters write it.
const XMP: [u8; 16] = [0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC];
const EXIF: [u8; 16] = *b"JpgTiffExif->JP2";
