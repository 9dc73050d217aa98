//! Pictures of a document as media parts: photographs as JPEG, all else as PNG, opacity merged into the picture it belongs to.
//!
//! One picture is held while it comes in, and the opacities that may still be asked for.

use std::collections::{BTreeSet, VecDeque};

use ::png::{BitDepth, ColorType, Encoder, Filter};
use form::Reason;
use form::image::{ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use form::pages::{PictureHeader, PictureLayout, PictureSource};

use crate::error::Error;
use crate::image::baseline::{self, Samples, Settings};
use crate::image::palette::Palette;
use crate::image::png;

/// The pictures of a document.
pub(super) struct Pictures {
    /// Numbers of those that a part names; the others are only opacities.
    named: BTreeSet<u32>,
    quality: u8,
    next: u32,
    coming: Option<Coming>,
    opacities: VecDeque<Opacity>,
    /// Bytes of the opacities.
    held: usize,
}

/// A picture as a file.
pub(super) struct Medium {
    pub(super) number: u32,
    pub(super) extension: &'static str,
    pub(super) data: Vec<u8>,
}

/// A picture of which rows still come, with its opacity merged in.
struct Coming {
    number: u32,
    header: PictureHeader,
    layout: Layout,
    /// Bytes of pixels that came.
    taken: u64,
    pixels: Vec<u8>,
}

/// How the pixels are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Bits,
    Bytes(PixelFormat),
}

struct Opacity {
    number: u32,
    header: PictureHeader,
    pixels: Vec<u8>,
}

impl Pictures {
    pub(super) fn new(named: BTreeSet<u32>, quality: u8) -> Pictures {
        Pictures { named, quality, next: 0, coming: None, opacities: VecDeque::new(), held: 0 }
    }

    /// Takes the next picture, whose pixels follow.
    pub(super) fn begin(&mut self, header: PictureHeader) -> Result<(), Error> {
        let layout = match (header.layout, header.alpha) {
            (PictureLayout::Bits, None) => Layout::Bits,
            (PictureLayout::Gray8, None) => Layout::Bytes(PixelFormat::Gray8),
            (PictureLayout::Rgb8, None) => Layout::Bytes(PixelFormat::Rgb8),
            (PictureLayout::Bits | PictureLayout::Gray8, Some(_)) => Layout::Bytes(PixelFormat::GrayA8),
            (PictureLayout::Rgb8, Some(_)) => Layout::Bytes(PixelFormat::Rgba8),
        };
        // A dirty room sends an opacity right before the picture that asks for it.
        if header.alpha.is_some() && self.opacity(&header).is_none() {
            return Err(Reason::FormInvalid.into());
        }
        let bytes = match layout {
            Layout::Bits => header.picture_bytes(),
            Layout::Bytes(format) => {
                let channels = u64::from(header.width).saturating_mul(format.channels().into());
                channels.saturating_mul(header.height.into())
            }
        };
        // The verifier has bounded the size; pages of memory are taken only as pixels arrive.
        let pixels = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        self.coming = Some(Coming { number: self.next, header, layout, taken: 0, pixels });
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    /// Takes more rows, and gives the picture when they were the last and a part names it.
    pub(super) fn pixels(&mut self, rows: &[u8]) -> Result<Option<Medium>, Error> {
        let Some(mut coming) = self.coming.take() else { return Err(Reason::FormInvalid.into()) };
        match self.opacity(&coming.header) {
            Some(opacity) => coming.merge(rows, opacity),
            None => coming.pixels.extend_from_slice(rows),
        }
        coming.taken = coming.taken.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        if coming.taken < coming.header.picture_bytes() {
            self.coming = Some(coming);
            return Ok(None);
        }
        let medium = match self.named.contains(&coming.number) {
            true => Some(coming.medium(self.quality)?),
            false => None,
        };
        if coming.header.alpha.is_none() && coming.header.layout != PictureLayout::Rgb8 {
            self.hold(coming);
        }
        Ok(medium)
    }

    fn hold(&mut self, Coming { number, header, pixels, .. }: Coming) {
        self.held = self.held.saturating_add(pixels.len());
        self.opacities.push_back(Opacity { number, header, pixels });
        while self.held > MOST_HELD && self.opacities.len() > 1 {
            let gone = self.opacities.pop_front().map_or(0, |opacity| opacity.pixels.len());
            self.held = self.held.saturating_sub(gone);
        }
    }

    fn opacity(&self, header: &PictureHeader) -> Option<&Opacity> {
        let number = header.alpha?;
        self.opacities.iter().rev().find(|opacity| opacity.number == number)
    }
}

impl Coming {
    /// Adds rows with the opacity of each pixel.
    fn merge(&mut self, rows: &[u8], opacity: &Opacity) {
        let header = self.header;
        let row_bytes = header.row_bytes().max(1);
        let first = self.taken / row_bytes;
        // As a dirty room sends it: one byte of opacity for each pixel.
        let is_even = opacity.header.layout == PictureLayout::Gray8
            && (opacity.header.width, opacity.header.height) == (header.width, header.height);
        let pixel_bytes = if header.layout == PictureLayout::Rgb8 { 3 } else { 1 };
        let behind = usize::try_from(self.taken / pixel_bytes).ok().and_then(|taken| opacity.pixels.get(taken..));
        match (header.layout, behind) {
            (PictureLayout::Rgb8, Some(alphas)) if is_even => {
                return self.interleave(rows, alphas, |[r, g, b]: [u8; 3], alpha| [r, g, b, alpha]);
            }
            (PictureLayout::Gray8, Some(alphas)) if is_even => {
                return self.interleave(rows, alphas, |[grey]: [u8; 1], alpha| [grey, alpha]);
            }
            _ => {}
        }
        for (row, y) in rows.chunks_exact(usize::try_from(row_bytes).unwrap_or(usize::MAX)).zip(first..) {
            let alpha = opacity.row(y, header.height);
            let alphas = (0..header.width).map(|x| alpha(x, header.width));
            match header.layout {
                PictureLayout::Rgb8 => {
                    for (pixel, alpha) in row.chunks_exact(3).zip(alphas) {
                        self.pixels.extend_from_slice(pixel);
                        self.pixels.push(alpha);
                    }
                }
                PictureLayout::Gray8 => self.pixels.extend(row.iter().zip(alphas).flat_map(|(gray, a)| [*gray, a])),
                PictureLayout::Bits => {
                    let grays = (0..header.width).map(|x| bit(row, x));
                    self.pixels.extend(grays.zip(alphas).flat_map(|(gray, alpha)| [gray, alpha]));
                }
            }
        }
    }

    /// Adds pixels, each with its opacity behind it.
    fn interleave<const COLOUR: usize, const ALL: usize>(
        &mut self,
        rows: &[u8],
        alphas: &[u8],
        join: impl Fn([u8; COLOUR], u8) -> [u8; ALL],
    ) {
        let (colours, _) = rows.as_chunks::<COLOUR>();
        let start = self.pixels.len();
        self.pixels.resize(start.saturating_add(colours.len().saturating_mul(ALL)), 0);
        let (places, _) = self.pixels.get_mut(start..).unwrap_or_default().as_chunks_mut::<ALL>();
        for ((place, colour), alpha) in places.iter_mut().zip(colours).zip(alphas) {
            *place = join(*colour, *alpha);
        }
    }

    fn medium(&self, quality: u8) -> Result<Medium, Error> {
        let number = self.number;
        if self.is_photo() {
            let quality = worth(self.header.source, quality);
            let samples = match self.header.layout {
                PictureLayout::Rgb8 => Samples::Rgb { full: false },
                PictureLayout::Gray8 | PictureLayout::Bits => Samples::Gray,
            };
            let side = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
            let settings = Settings { samples, quality, rounding: baseline::Rounding::Thrifty, density: None };
            let data = baseline::encode(&self.pixels, side(self.header.width), side(self.header.height), &settings);
            return Ok(Medium { number, extension: JPEG, data });
        }
        let mut data = Vec::new();
        match self.layout {
            Layout::Bits => self.bits(&mut data)?,
            Layout::Bytes(format) => {
                let image = ImageHeader {
                    width: self.header.width,
                    height: self.header.height,
                    frames: 1,
                    format,
                    density: None,
                    source: ImageSource::Png,
                    quality: None,
                    sampling: Sampling::Full,
                    repeat: Repeat::Forever,
                };
                png::write(&image, &self.pixels, &mut data)?;
            }
        }
        Ok(Medium { number, extension: PNG, data })
    }

    /// What had lost something already may lose a little more, unless it has no colours to lose or is too small to save any.
    fn is_photo(&self) -> bool {
        let format = match self.layout {
            Layout::Bytes(format @ (PixelFormat::Gray8 | PixelFormat::Rgb8)) => format,
            Layout::Bytes(PixelFormat::GrayA8 | PixelFormat::Rgba8) | Layout::Bits => return false,
        };
        let area = u64::from(self.header.width).saturating_mul(self.header.height.into());
        self.header.source != PictureSource::Drawing
            && area >= SMALLEST_PHOTO
            && self.header.width.max(self.header.height) <= LONGEST_JPEG
            && Palette::of(&self.pixels, format, FEW_COLORS).is_none()
    }

    /// Black and white, one bit a pixel as it came.
    fn bits(&self, data: &mut Vec<u8>) -> Result<(), Error> {
        let mut encoder = Encoder::new(data, self.header.width, self.header.height);
        encoder.set_deflate_compression(png::PACKING);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::One);
        encoder.set_filter(Filter::NoFilter);
        let write_error = |error| Error::Write(std::io::Error::other(error));
        let mut writer = encoder.write_header().map_err(write_error)?;
        writer.write_image_data(&self.pixels).map_err(write_error)?;
        writer.finish().map_err(write_error)
    }
}

impl Opacity {
    /// The opacities of the row that lies where row `y` of `height` lies: how opaque pixel `x` of `width` is.
    fn row(&self, y: u64, height: u32) -> impl Fn(u32, u32) -> u8 {
        let header = self.header;
        let at = y.saturating_mul(header.height.into()) / u64::from(height.max(1));
        let row_bytes = usize::try_from(header.row_bytes()).unwrap_or(usize::MAX);
        let start = usize::try_from(at).unwrap_or(usize::MAX).saturating_mul(row_bytes);
        let row = self.pixels.get(start..start.saturating_add(row_bytes)).unwrap_or_default();
        move |x, width| {
            let x = u64::from(x).saturating_mul(header.width.into()) / u64::from(width.max(1));
            let x = u32::try_from(x).unwrap_or(u32::MAX);
            match header.layout {
                PictureLayout::Bits => bit(row, x),
                PictureLayout::Gray8 | PictureLayout::Rgb8 => {
                    usize::try_from(x).ok().and_then(|x| row.get(x)).copied().unwrap_or(255)
                }
            }
        }
    }
}

/// A pixel of a row of bits as a byte.
fn bit(row: &[u8], x: u32) -> u8 {
    let byte = usize::try_from(x / 8).ok().and_then(|at| row.get(at)).copied().unwrap_or(0);
    if byte & (0x80 >> (x % 8)) == 0 { 0 } else { 255 }
}

/// The quality that is worth its bytes: what is lost already is not to be had back.
fn worth(source: PictureSource, quality: u8) -> u8 {
    match source {
        PictureSource::Photo | PictureSource::Drawing => quality,
        PictureSource::CoarsePhoto => quality.min(65),
        PictureSource::RoughPhoto => quality.min(45),
    }
}

const JPEG: &str = "jpeg";
const PNG: &str = "png";
/// Opacities that wait for the pictures that ask for them; the last one whatever its size.
const MOST_HELD: usize = 64 * 1024 * 1024;
/// A photograph with so few colours is none.
const FEW_COLORS: usize = 16;
/// Below, the tables of a JPEG are larger than the pixels.
const SMALLEST_PHOTO: u64 = 1024;
const LONGEST_JPEG: u32 = 65_535;
