//! TIFF: every page, in all the sample layouts that scanners, fax servers and drawing programs write.
//!
//! The decoder under `image` reads only the first page and no palettes, so the pages are read with its own crate here.

use std::borrow::Cow;
use std::io::{Cursor, Write};

use ::tiff::decoder::{Decoder, DecodingResult, Limits as TiffLimits};
use ::tiff::tags::{ExtraSamples, Tag};
use ::tiff::{ColorType, TiffError};
use form::codec::{Encoder, Kind};
use form::image::{FrameHeader, ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use form::{Limits, Reason};

use super::raster::{self, Raster};
use super::{Facts, colour, fax, marks};
use crate::error::Error;
use crate::room::Part;

pub(super) type Pages<'a> = Decoder<Cursor<Cow<'a, [u8]>>>;

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let mut facts = facts_of(part.input);
    let (bytes, palettes) = without_palettes(part.input);
    let mut decoder =
        Decoder::new(Cursor::new(bytes)).map_err(|error| refusal(&error))?.with_limits(tiff_limits(limits));
    let pages = pages(&mut decoder, limits)?;
    facts.profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    if let [only] = pages.as_slice() {
        let raster = read_page(&mut decoder, *only, &palettes, &mut facts)?;
        return raster.write(ImageSource::Tiff, facts, part, form);
    }
    let width = pages.iter().map(|page| page.width).max().unwrap_or(0);
    let height = pages.iter().map(|page| page.height).max().unwrap_or(0);
    let frames = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    raster::check_size(width, height, frames, limits)?;
    let header = ImageHeader {
        width,
        height,
        frames,
        format: if pages.iter().all(|page| page.is_grey && !palettes.contains(&page.index)) {
            PixelFormat::Gray8
        } else {
            PixelFormat::Rgb8
        },
        density: facts.density,
        source: ImageSource::Tiff,
        quality: None,
        sampling: Sampling::Full,
        repeat: Repeat::Forever,
    };
    let mut encoder = Encoder::new(form, Kind::Image, part.detected, limits)?;
    encoder.image(&header)?;
    for page in pages {
        let mut raster = match read_page(&mut decoder, page, &palettes, &mut facts) {
            Ok(raster) => raster,
            // What could be read before is worth more than nothing, and the account says that there was more.
            Err(_) if page.index > 0 => {
                facts.incomplete = true;
                break;
            }
            Err(error) => return Err(error),
        };
        if let Some(profile) = &facts.profile {
            facts.converted |= colour::to_srgb(profile, &mut raster);
        }
        encoder.frame(&FrameHeader::default())?;
        encoder.pixels(&on_sheet(&raster, &header))?;
    }
    raster::note(&facts, &mut part, false);
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// One page that is a picture of its own, not a smaller copy or mask of another.
#[derive(Clone, Copy)]
struct Page {
    index: usize,
    width: u32,
    height: u32,
    is_grey: bool,
}

fn pages(decoder: &mut Pages<'_>, limits: &Limits) -> Result<Vec<Page>, Error> {
    let mut pages = Vec::new();
    let mut index = 0_usize;
    loop {
        let (width, height) = decoder.dimensions().map_err(|error| refusal(&error))?;
        raster::check_size(width, height, 1, limits)?;
        let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten().unwrap_or(0);
        let colour = decoder.colortype().map_err(|error| refusal(&error));
        // Bit 0: a smaller copy. Bit 2: a transparency mask. The first page counts whatever it says.
        if index == 0 || kind & 0b101 == 0 {
            let is_grey = matches!(colour?, ColorType::Gray(_) | ColorType::GrayA(_));
            pages.push(Page { index, width, height, is_grey });
        }
        if !decoder.more_images() || raster::too_many(index, limits) {
            break;
        }
        // A broken chain of pages ends the document where it breaks.
        if decoder.next_image().is_err() {
            break;
        }
        index = index.saturating_add(1);
    }
    Ok(pages)
}

fn read_page(decoder: &mut Pages<'_>, page: Page, palettes: &[usize], facts: &mut Facts) -> Result<Raster, Error> {
    decoder.seek_to_image(page.index).map_err(|error| refusal(&error))?;
    let colour = decoder.colortype().map_err(|error| refusal(&error))?;
    let map = if palettes.contains(&page.index) {
        Some(decoder.get_tag_u16_vec(Tag::ColorMap).map_err(|error| refusal(&error))?)
    } else {
        None
    };
    if decoder.find_tag_unsigned::<u16>(Tag::Compression).ok().flatten() == Some(fax::GROUP_3) {
        return fax::read(decoder, page.width, page.height, facts);
    }
    let alpha = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
    let alpha = alpha.and_then(|extra| extra.first().copied()).and_then(ExtraSamples::from_u16);
    let mut result = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut result).map_err(|error| refusal(&error))?;
    if result.as_buffer(0).byte_len() < layout.complete_len {
        return Err(Reason::LimitPixels.into());
    }
    let depth = colour.bit_depth();
    facts.deep |= depth > 8;
    let samples =
        if depth < 8 { unpacked(result, page, &colour, map.is_some())? } else { Samples::of(result, map.is_some()) };
    let samples = if layout.planes > 1 { samples.interleaved(layout.planes) } else { samples };
    Assembler { page, colour, map, alpha }.raster(samples, facts)
}

/// One value per channel and pixel: 8-bit colour values, or indices into a palette.
enum Samples {
    Bytes(Vec<u8>),
    Indices(Vec<u16>),
}

impl Samples {
    fn of(result: DecodingResult, indexed: bool) -> Samples {
        let shifted = |bits: u32| move |value: u64| u8::try_from(value >> bits).unwrap_or(u8::MAX);
        match result {
            DecodingResult::U8(v) if indexed => Samples::Indices(v.into_iter().map(u16::from).collect()),
            DecodingResult::U16(v) if indexed => Samples::Indices(v),
            DecodingResult::U8(v) => Samples::Bytes(v),
            DecodingResult::U16(v) => Samples::Bytes(v.into_iter().map(raster::round_word).collect()),
            DecodingResult::U32(v) => Samples::Bytes(v.into_iter().map(u64::from).map(shifted(24)).collect()),
            DecodingResult::U64(v) => Samples::Bytes(v.into_iter().map(shifted(56)).collect()),
            DecodingResult::I8(v) => Samples::Bytes(v.into_iter().map(|s| s.cast_unsigned() ^ 0x80).collect()),
            DecodingResult::I16(v) => {
                Samples::Bytes(v.into_iter().map(|s| raster::round_word(s.cast_unsigned() ^ 0x8000)).collect())
            }
            DecodingResult::I32(v) => Samples::Bytes(
                v.into_iter().map(|s| u64::from(s.cast_unsigned() ^ 0x8000_0000)).map(shifted(24)).collect(),
            ),
            DecodingResult::I64(v) => {
                let signed = v.into_iter().map(|s| s.cast_unsigned() ^ 0x8000_0000_0000_0000);
                Samples::Bytes(signed.map(shifted(56)).collect())
            }
            DecodingResult::F16(v) => Samples::Bytes(v.into_iter().map(|s| raster::round_float(s.to_f32())).collect()),
            DecodingResult::F32(v) => Samples::Bytes(v.into_iter().map(raster::round_float).collect()),
            #[allow(clippy::cast_possible_truncation, reason = "the nearest 32-bit float has more than 8 bits")]
            DecodingResult::F64(v) => Samples::Bytes(v.into_iter().map(|s| raster::round_float(s as f32)).collect()),
        }
    }

    /// Planes one after the other to channels side by side.
    fn interleaved(self, planes: usize) -> Samples {
        fn mix<T: Copy>(v: &[T], planes: usize) -> Vec<T> {
            let area = v.len() / planes.max(1);
            (0..area).flat_map(|at| (0..planes).filter_map(move |plane| v.get(plane * area + at).copied())).collect()
        }
        match self {
            Samples::Bytes(v) => Samples::Bytes(mix(&v, planes)),
            Samples::Indices(v) => Samples::Indices(mix(&v, planes)),
        }
    }
}

/// Samples of 1, 2 or 4 bits, whose rows begin at whole bytes.
fn unpacked(result: DecodingResult, page: Page, colour: &ColorType, indexed: bool) -> Result<Samples, Error> {
    let DecodingResult::U8(packed) = result else { return Err(Reason::UnsupportedType.into()) };
    let depth = usize::from(colour.bit_depth());
    if !matches!(depth, 1 | 2 | 4) {
        return Err(Reason::UnsupportedType.into());
    }
    let across = usize::try_from(page.width).unwrap_or(0).saturating_mul(usize::from(colour.num_samples()));
    let row_bytes = across.saturating_mul(depth).div_ceil(8).max(1);
    let most = (1_u16 << depth) - 1;
    let values = packed.chunks_exact(row_bytes).flat_map(|row| {
        (0..across).map(move |x| {
            let bit = x.saturating_mul(depth);
            let byte = row.get(bit / 8).copied().unwrap_or(0);
            (u16::from(byte) >> (8 - depth - bit % 8)) & most
        })
    });
    Ok(if indexed {
        Samples::Indices(values.collect())
    } else {
        Samples::Bytes(values.map(|value| u8::try_from(value * 255 / most).unwrap_or(u8::MAX)).collect())
    })
}

/// Makes grey, colour and alpha of the samples of one page.
struct Assembler {
    page: Page,
    colour: ColorType,
    map: Option<Vec<u16>>,
    alpha: Option<ExtraSamples>,
}

impl Assembler {
    fn raster(self, samples: Samples, facts: &mut Facts) -> Result<Raster, Error> {
        let (format, pixels) = match (samples, &self.map) {
            (Samples::Indices(indices), Some(map)) => (PixelFormat::Rgb8, looked_up(&indices, map)),
            (Samples::Bytes(bytes), None) => self.by_model(bytes, facts)?,
            _ => return Err(Reason::Malformed.into()),
        };
        let Page { width, height, .. } = self.page;
        let expected = u64::from(width).saturating_mul(height.into()).saturating_mul(format.channels().into());
        if u64::try_from(pixels.len()).ok() != Some(expected) {
            return Err(Reason::Malformed.into());
        }
        Ok(Raster { width, height, format, pixels })
    }

    fn by_model(&self, bytes: Vec<u8>, facts: &mut Facts) -> Result<(PixelFormat, Vec<u8>), Error> {
        Ok(match self.colour {
            ColorType::Gray(_) => (PixelFormat::Gray8, bytes),
            ColorType::RGB(_) => (PixelFormat::Rgb8, bytes),
            ColorType::GrayA(_) | ColorType::Multiband { num_samples: 2, .. } => {
                (PixelFormat::GrayA8, self.with_alpha::<2>(bytes))
            }
            ColorType::RGBA(_) => (PixelFormat::Rgba8, self.with_alpha::<4>(bytes)),
            ColorType::CMYK(_) => {
                facts.converted = true;
                (PixelFormat::Rgb8, bytes.chunks_exact(4).flat_map(colour::from_cmyk).collect())
            }
            ColorType::CMYKA(_) => {
                facts.converted = true;
                (PixelFormat::Rgb8, bytes.chunks_exact(5).flat_map(colour::from_cmyk).collect())
            }
            ColorType::YCbCr(_) => (PixelFormat::Rgb8, bytes.chunks_exact(3).flat_map(from_ycbcr).collect()),
            _ => return Err(Reason::UnsupportedType.into()),
        })
    }

    /// Colours that were multiplied by their alpha are divided by it again; a fourth channel that is no alpha is dropped.
    fn with_alpha<const N: usize>(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for pixel in bytes.chunks_exact_mut(N) {
            let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
            match self.alpha {
                Some(ExtraSamples::AssociatedAlpha) if *alpha > 0 => {
                    for colour in colours {
                        let divided = u32::from(*colour).saturating_mul(255) / u32::from(*alpha);
                        *colour = u8::try_from(divided).unwrap_or(u8::MAX);
                    }
                }
                Some(ExtraSamples::AssociatedAlpha | ExtraSamples::UnassociatedAlpha) => {}
                _ => *alpha = u8::MAX,
            }
        }
        bytes
    }
}

/// The three tables of a colour map stand one after the other, 16 bits each.
fn looked_up(indices: &[u16], map: &[u16]) -> Vec<u8> {
    let len = map.len() / 3;
    let colour = |index: u16, table: usize| {
        map.get(table.saturating_mul(len).saturating_add(usize::from(index)))
            .map_or(0, |word| raster::round_word(*word))
    };
    indices.iter().flat_map(|index| [0, 1, 2].map(|table| colour(*index, table))).collect()
}

/// ITU-R BT.601 over the full range, as TIFF 6.0 section 21 gives it where no other coefficients are noted.
fn from_ycbcr(pixel: &[u8]) -> [u8; 3] {
    let [y, cb, cr] = match pixel {
        [y, cb, cr] => [*y, *cb, *cr].map(f32::from),
        _ => [0.0; 3],
    };
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
        .map(|value| raster::round_float(value / 255.0))
}

/// The pixels of a page in the layout of the document, on white paper of the size of the largest page.
fn on_sheet<'a>(raster: &'a Raster, header: &ImageHeader) -> Cow<'a, [u8]> {
    if raster.format == header.format && raster.width == header.width && raster.height == header.height {
        return Cow::Borrowed(&raster.pixels);
    }
    let channels = usize::from(raster.format.channels());
    let row_bytes = usize::try_from(raster.width).unwrap_or(0).saturating_mul(channels).max(1);
    let sheet_row = usize::try_from(header.row_bytes()).unwrap_or(0);
    let mut sheet = Vec::with_capacity(usize::try_from(header.frame_bytes()).unwrap_or(0));
    for row in raster.pixels.chunks_exact(row_bytes) {
        let begin = sheet.len();
        for pixel in row.chunks_exact(channels) {
            raster::append_opaque(pixel, header.format, &mut sheet);
        }
        sheet.resize(begin.saturating_add(sheet_row), u8::MAX);
    }
    sheet.resize(usize::try_from(header.frame_bytes()).unwrap_or(0), u8::MAX);
    Cow::Owned(sheet)
}

fn facts_of(bytes: &[u8]) -> Facts {
    let tags = marks::first_directory(bytes);
    let mut facts =
        Facts { orientation: marks::orientation(&tags), density: marks::density(&tags), ..Facts::default() };
    facts.gps = tags.iter().any(|tag| tag.id == marks::GPS);
    for (id, kind) in METADATA {
        if tags.iter().any(|tag| tag.id == *id) {
            facts.add_metadata(kind);
        }
    }
    facts
}

/// A copy in which pages with a palette say that they are grey, so that the decoder gives their indices, and which pages
/// those are. Without such pages nothing is copied.
fn without_palettes(bytes: &[u8]) -> (Cow<'_, [u8]>, Vec<usize>) {
    let mut patched = Cow::Borrowed(bytes);
    let mut pages = Vec::new();
    let walk = marks::directories(bytes, MAX_DIRECTORIES);
    for (index, entries) in walk.iter().enumerate() {
        let palette = entries.iter().find(|tag| tag.id == PHOTOMETRIC && tag.first == Some(PALETTE));
        if let Some(place) = palette.and_then(|tag| tag.value_at) {
            let low = if bytes.starts_with(b"MM") { place.saturating_add(1) } else { place };
            if let Some(byte) = patched.to_mut().get_mut(low) {
                *byte = BLACK_IS_ZERO;
                pages.push(index);
            }
        }
    }
    (patched, pages)
}

fn tiff_limits(limits: &Limits) -> TiffLimits {
    let own = raster::decoder_limits(limits);
    let most = own.max_alloc.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
    let mut tiff = TiffLimits::default();
    tiff.decoding_buffer_size = most;
    tiff.intermediate_buffer_size = most;
    tiff.ifd_value_size = 16 * 1024 * 1024;
    tiff
}

pub(super) fn refusal(error: &TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(_) => Reason::UnsupportedType.into(),
        TiffError::LimitsExceeded => Reason::LimitPixels.into(),
        _ => Reason::Malformed.into(),
    }
}

const PHOTOMETRIC: u16 = 262;
const PALETTE: u32 = 3;
const BLACK_IS_ZERO: u8 = 1;
const MAX_DIRECTORIES: usize = 4096;

/// Tags of the first directory that describe and do not show.
const METADATA: &[(u16, &str)] = &[
    (270, "description"),
    (271, "camera"),
    (272, "camera"),
    (305, "software"),
    (306, "time"),
    (315, "author"),
    (33432, "copyright"),
    (700, "XMP"),
    (33723, "IPTC"),
    (34377, "application data"),
    (34665, "Exif"),
];
