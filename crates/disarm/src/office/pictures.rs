//! Pictures of a document: decoded once each and written as plain pixels.
//!
//! Parts name pictures by number before any is decoded. So each has its numbers beforehand: a JPEG one, any other two, the first
//! for its opacity, which is a single dot where nothing of it is clear.

use std::collections::HashMap;

use form::codec::Encoder;
use form::image::{ImageSource, PixelFormat};
use form::job::Opened;
use form::pages::{PictureHeader, PictureLayout, PictureSource};
use form::{DetectedType, Findings, Limits, Place, Reason};

use crate::detect::picture_source;
use crate::error::Error;
use crate::fonts::Fonts;
use crate::image::{self, metafile};
use crate::room::Part;
use crate::zip::{Package, Packed};

/// The pictures of a document with their numbers.
pub(super) struct Pictures {
    known: Vec<Known>,
}

struct Known {
    name: String,
    source: Source,
    number: u32,
    /// One before it has the same bytes, and the number is of that one.
    is_copy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Photo,
    Other,
}

impl Pictures {
    /// Gives numbers to the pictures of these names.
    pub(super) fn number(names: &[String], package: &Package<'_>) -> Pictures {
        let mut next = 0_u32;
        // Programs write a picture once for each form of the content that shows it.
        let mut before: HashMap<Packed<'_>, (Source, u32)> = HashMap::new();
        let known = names.iter().map(|name| {
            let content = package.as_packed(name);
            if let Some((source, number)) = content.and_then(|content| before.get(&content)) {
                return Known { name: name.clone(), source: *source, number: *number, is_copy: true };
            }
            let mut head = [0; 3];
            let read =
                package.part(name).ok().flatten().map(|mut part| std::io::Read::read_exact(&mut part, &mut head));
            let is_photo = matches!(read, Some(Ok(()))) && head == [0xFF, 0xD8, 0xFF];
            let (source, taken) = if is_photo { (Source::Photo, 1) } else { (Source::Other, 2) };
            let number = next.saturating_add(taken).saturating_sub(1);
            next = next.saturating_add(taken);
            before.extend(content.map(|content| (content, (source, number))));
            Known { name: name.clone(), source, number, is_copy: false }
        });
        Pictures { known: known.collect() }
    }

    /// The number of a picture in the form.
    pub(super) fn of(&self, picture: usize) -> u32 {
        self.known.get(picture).map_or(u32::MAX, |known| known.number)
    }

    /// Decodes and writes them all. Gives the words that drawings among them write, by their places in the list.
    pub(super) fn write<W: std::io::Write>(
        &self,
        package: &Package<'_>,
        part: &Part<'_>,
        fonts: &Fonts,
        findings: &mut Findings,
        out: &mut Encoder<W>,
    ) -> Result<HashMap<usize, String>, Error> {
        let (mut words, mut said) = (HashMap::new(), HashMap::new());
        let limits = Limits { pixels: part.job.limits.pixels.min(MAX_PIXELS), ..part.job.limits.clone() };
        let mut pixels = 0_u64;
        for (index, Known { name, source, number, is_copy }) in self.known.iter().enumerate() {
            if *is_copy {
                if let Some(same) = said.get(number).filter(|_| words.len() < MAX_DESCRIBED) {
                    words.insert(index, String::clone(same));
                }
                continue;
            }
            let bytes = package.read(name, limits.input_bytes)?.unwrap_or_default();
            let place = Place::new(name.rsplit('/').next().unwrap_or_default());
            let decoded =
                if pixels < MAX_ALL_PIXELS { decode(&bytes, part, fonts, &limits, findings, &place) } else { None };
            let picture = decoded.unwrap_or_else(|| {
                findings.add(Reason::PictureUndecodable, place.clone());
                Picture::placeholder(&bytes)
            });
            pixels = pixels.saturating_add(u64::from(picture.width).saturating_mul(picture.height.into()));
            if !picture.words.trim().is_empty() && words.len() < MAX_DESCRIBED {
                said.insert(*number, picture.words.trim().to_owned());
                words.insert(index, picture.words.trim().to_owned());
            }
            picture.write(*source, out)?;
        }
        Ok(words)
    }
}

/// Pixels of 8 bits per channel.
struct Picture {
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: Vec<u8>,
    source: PictureSource,
    words: String,
}

impl Picture {
    /// A grey box of the shape that the file says it has.
    fn placeholder(bytes: &[u8]) -> Picture {
        let (width, height) = metafile::shape(bytes).unwrap_or((4, 3));
        let longer = width.max(height).max(1);
        let side = |side: u32| {
            let scaled = u64::from(side).saturating_mul(PLACEHOLDER_SIDE).checked_div(longer.into()).unwrap_or(1);
            u32::try_from(scaled).unwrap_or(1).max(1)
        };
        let (width, height) = (side(width), side(height));
        let count = usize::try_from(u64::from(width).saturating_mul(height.into())).unwrap_or(1);
        let pixels = vec![PLACEHOLDER_GREY; count];
        Picture {
            width,
            height,
            format: PixelFormat::Gray8,
            pixels,
            source: PictureSource::Drawing,
            words: String::new(),
        }
    }

    fn write<W: std::io::Write>(self, source: Source, out: &mut Encoder<W>) -> Result<(), Error> {
        let (width, height) = (self.width, self.height);
        let layout = match self.format {
            PixelFormat::Gray8 | PixelFormat::GrayA8 => PictureLayout::Gray8,
            PixelFormat::Rgb8 | PixelFormat::Rgba8 => PictureLayout::Rgb8,
        };
        let header = PictureHeader { width, height, layout, source: self.source, interpolate: false, alpha: None };
        let mask = PictureHeader { layout: PictureLayout::Gray8, source: PictureSource::Drawing, ..header };
        let alpha = match (source, self.format) {
            (Source::Photo, _) => None,
            (Source::Other, PixelFormat::GrayA8) if is_clear::<2>(&self.pixels) => {
                let number = out.picture(&mask)?;
                self.put(|[_, alpha]: [u8; 2]| [alpha], out)?;
                Some(number)
            }
            (Source::Other, PixelFormat::Rgba8) if is_clear::<4>(&self.pixels) => {
                let number = out.picture(&mask)?;
                self.put(|[.., alpha]: [u8; 4]| [alpha], out)?;
                Some(number)
            }
            (Source::Other, _) => {
                let layout = PictureLayout::Bits;
                out.picture(&PictureHeader { width: 1, height: 1, layout, ..mask })?;
                out.pixels(&[0x80])?;
                None
            }
        };
        out.picture(&PictureHeader { alpha, ..header })?;
        match self.format {
            PixelFormat::Gray8 | PixelFormat::Rgb8 => Ok(out.pixels(&self.pixels)?),
            PixelFormat::GrayA8 => self.put(|[grey, _]: [u8; 2]| [grey], out),
            PixelFormat::Rgba8 => self.put(|[r, g, b, _]: [u8; 4]| [r, g, b], out),
        }
    }

    /// Writes a part of every pixel, some rows at a time.
    fn put<const ALL: usize, const PART: usize, W: std::io::Write>(
        &self,
        part: impl Fn([u8; ALL]) -> [u8; PART],
        out: &mut Encoder<W>,
    ) -> Result<(), Error> {
        let width = usize::try_from(self.width).unwrap_or(usize::MAX).max(1);
        let some = ROWS_PIXELS.div_ceil(width).saturating_mul(width);
        let (pixels, _) = self.pixels.as_chunks::<ALL>();
        let mut parts = Vec::with_capacity(some.min(pixels.len()));
        for rows in pixels.chunks(some) {
            parts.clear();
            parts.extend(rows.iter().map(|pixel| part(*pixel)));
            out.pixels(parts.as_flattened())?;
        }
        Ok(())
    }
}

/// Whether anything can be seen through pixels of `N` bytes, the last being the opacity.
fn is_clear<const N: usize>(pixels: &[u8]) -> bool {
    let (pixels, _) = pixels.as_chunks::<N>();
    pixels.iter().any(|pixel| pixel.last().is_some_and(|alpha| *alpha < u8::MAX))
}

fn decode(
    bytes: &[u8],
    part: &Part<'_>,
    fonts: &Fonts,
    limits: &Limits,
    findings: &mut Findings,
    place: &Place,
) -> Option<Picture> {
    if let Some(source) = picture_source(bytes) {
        return photo(bytes, source, part, limits);
    }
    let drawn = metafile::draw(bytes, fonts, METAFILE_SIDE, &metafile::Limits::default()).ok()?;
    findings.add(Reason::MetafileDrawn, place.clone());
    let metafile::Bitmap { width, height, rgba, words } = drawn;
    Some(Picture { width, height, format: PixelFormat::Rgba8, pixels: rgba, source: PictureSource::Drawing, words })
}

/// The first frame, read as a picture that comes alone would be.
fn photo(bytes: &[u8], source: ImageSource, part: &Part<'_>, limits: &Limits) -> Option<Picture> {
    let job = form::job::DirtyJob { limits: limits.clone(), ..part.job.clone() };
    let alone = Part {
        input: bytes,
        job: &job,
        detected: DetectedType::UNKNOWN,
        findings: Findings::new(limits.findings),
        opened: Opened::NONE,
    };
    let (header, pixels) = image::pixels(alone, source).ok()?;
    let source = match (source, header.quality) {
        (ImageSource::Jpeg, Some(0..50)) => PictureSource::RoughPhoto,
        (ImageSource::Jpeg, Some(50..75)) => PictureSource::CoarsePhoto,
        (ImageSource::Jpeg, _) => PictureSource::Photo,
        _ => PictureSource::Drawing,
    };
    Some(Picture {
        width: header.width,
        height: header.height,
        format: header.format,
        pixels,
        source,
        words: String::new(),
    })
}

/// Pixels of one picture, which are held twice while it is decoded, and of all together.
const MAX_PIXELS: u64 = 50_000_000;
const MAX_ALL_PIXELS: u64 = 1_000_000_000;
/// The longer side of drawings that are made into pixels: 300 dpi on the width of a page.
const METAFILE_SIDE: u32 = 2_000;
/// Pixels that are written at once, whole rows of them.
const ROWS_PIXELS: usize = 16 * 1024;
/// Drawings whose words are kept.
const MAX_DESCRIBED: usize = 1_000;
const PLACEHOLDER_SIDE: u64 = 64;
const PLACEHOLDER_GREY: u8 = 224;
