//! TIFF: one page after the other, packed with Deflate; black and white pages take one bit per pixel.
//!
//! A page is compressed before its directory is written, so that the file is written forward only. The directory stands
//! before the data of its page.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use form::Reason;
use form::image::{Density, ImageHeader, PixelFormat};

use super::palette::{self, Palette};
use crate::error::Error;

/// A document in the making.
pub(super) struct Document<W: Write> {
    out: W,
    written: u64,
    /// A page whose directory does not yet know whether another follows.
    pending: Option<Page>,
}

impl<W: Write> Document<W> {
    pub(super) fn new(out: W) -> Document<W> {
        Document { out, written: 0, pending: None }
    }

    pub(super) fn page(&mut self, image: &ImageHeader, pixels: &[u8]) -> Result<(), Error> {
        if let Some(page) = self.pending.take() {
            self.write(&page, true)?;
        }
        self.pending = Some(Page::new(image, pixels)?);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Error> {
        match self.pending.take() {
            Some(page) => self.write(&page, false),
            None => Err(Reason::FormInvalid.into()),
        }
    }

    fn write(&mut self, page: &Page, more: bool) -> Result<(), Error> {
        if self.written == 0 {
            self.put(b"II*\0\x08\0\0\0")?;
        }
        let start = u32::try_from(self.written).map_err(|_| Reason::LimitOutputBytes)?;
        let block = page.block(start, more)?;
        self.put(&block)?;
        self.put(&page.data)?;
        if page.data.len() % 2 == 1 {
            self.put(&[0])?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes)?;
        self.written = self.written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// One page, compressed.
struct Page {
    width: u32,
    height: u32,
    density: Option<Density>,
    bits: u16,
    samples: u16,
    photometric: u16,
    colour_map: Vec<u16>,
    alpha: bool,
    /// Samples are stored as differences from the pixel before.
    differences: bool,
    data: Vec<u8>,
}

impl Page {
    fn new(image: &ImageHeader, pixels: &[u8]) -> Result<Page, Error> {
        let width = usize::try_from(image.width).unwrap_or(usize::MAX);
        let mut page = Page {
            width: image.width,
            height: image.height,
            density: image.density,
            bits: 8,
            samples: u16::from(image.format.channels()),
            photometric: BLACK_IS_ZERO,
            colour_map: Vec::new(),
            alpha: matches!(image.format, PixelFormat::GrayA8 | PixelFormat::Rgba8),
            differences: false,
            data: Vec::new(),
        };
        match image.format {
            PixelFormat::Gray8 => {
                // 2-bit grey is rare enough that old readers do not know it.
                let bits = match palette::grey_bits(pixels) {
                    2 => 4,
                    bits => bits,
                };
                if bits == 8 {
                    page.use_differences(pixels, width)?;
                } else {
                    page.bits = u16::try_from(bits).unwrap_or(8);
                    page.data = deflated(&palette::packed_grey(pixels, width, bits))?;
                }
            }
            PixelFormat::Rgb8 => {
                page.photometric = RGB;
                match Palette::of(pixels, image.format, 256) {
                    Some(palette) => page.use_palette(&palette, width)?,
                    None => page.use_differences(pixels, width)?,
                }
            }
            PixelFormat::GrayA8 => page.use_differences(pixels, width)?,
            PixelFormat::Rgba8 => {
                page.photometric = RGB;
                page.use_differences(pixels, width)?;
            }
        }
        Ok(page)
    }

    fn use_palette(&mut self, palette: &Palette, width: usize) -> Result<(), Error> {
        let bits = match palette::bits_for(palette.colours.len()) {
            8 => 8,
            _ => 4,
        };
        let entries = 1_usize << bits;
        let table = |channel: usize| {
            let colours = palette.colours.iter().map(move |colour| colour.get(channel).copied().unwrap_or(0));
            colours.map(|value| u16::from(value) * 257).chain(std::iter::repeat(0)).take(entries)
        };
        self.colour_map = (0..3).flat_map(table).collect();
        self.photometric = PALETTE;
        self.samples = 1;
        self.bits = u16::try_from(bits).unwrap_or(8);
        self.data = deflated(&palette::packed(&palette.indices, width, bits))?;
        Ok(())
    }

    /// Neighbours differ little, so their differences pack a fifth smaller (TIFF 6.0, section 14).
    fn use_differences(&mut self, pixels: &[u8], width: usize) -> Result<(), Error> {
        let samples = usize::from(self.samples);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        for row in pixels.chunks_exact(width.saturating_mul(samples).max(1)) {
            let before = std::iter::repeat_n(&0, samples).chain(row);
            let line: Vec<u8> = row.iter().zip(before).map(|(sample, before)| sample.wrapping_sub(*before)).collect();
            encoder.write_all(&line)?;
        }
        self.differences = true;
        self.data = encoder.finish()?;
        Ok(())
    }

    /// Directory and the values that do not fit into it, for a page that begins at `start`.
    fn block(&self, start: u32, more: bool) -> Result<Vec<u8>, Error> {
        let mut directory = Directory::default();
        directory.long(256, self.width);
        directory.long(257, self.height);
        directory.shorts(258, &vec![self.bits; usize::from(self.samples)]);
        directory.shorts(259, &[DEFLATE]);
        directory.shorts(262, &[self.photometric]);
        directory.data_offset(273);
        directory.shorts(277, &[self.samples]);
        directory.long(278, self.height);
        directory.long(279, u32::try_from(self.data.len()).map_err(|_| Reason::LimitOutputBytes)?);
        if let Some(density) = self.density {
            directory.ratio(282, density.x);
            directory.ratio(283, density.y);
            directory.shorts(296, &[INCH]);
        }
        if self.differences {
            directory.shorts(317, &[HORIZONTAL]);
        }
        if !self.colour_map.is_empty() {
            directory.shorts(320, &self.colour_map);
        }
        if self.alpha {
            directory.shorts(338, &[UNASSOCIATED]);
        }
        directory.finish(start, self.data.len(), more).ok_or_else(|| Reason::LimitOutputBytes.into())
    }
}

/// A directory being put together; entries are added by rising number.
#[derive(Default)]
struct Directory {
    entries: Vec<Entry>,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    value: Value,
}

enum Value {
    Bytes(Vec<u8>),
    DataOffset,
}

impl Directory {
    fn add(&mut self, tag: u16, kind: u16, count: usize, value: Value) {
        self.entries.push(Entry { tag, kind, count: u32::try_from(count).unwrap_or(u32::MAX), value });
    }

    fn long(&mut self, tag: u16, value: u32) {
        self.add(tag, LONG, 1, Value::Bytes(value.to_le_bytes().to_vec()));
    }

    fn shorts(&mut self, tag: u16, values: &[u16]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.add(tag, SHORT, values.len(), Value::Bytes(bytes));
    }

    fn ratio(&mut self, tag: u16, value: u16) {
        let bytes = [u32::from(value), 1].iter().flat_map(|part| part.to_le_bytes()).collect();
        self.add(tag, RATIONAL, 1, Value::Bytes(bytes));
    }

    fn data_offset(&mut self, tag: u16) {
        self.add(tag, LONG, 1, Value::DataOffset);
    }

    fn finish(&self, start: u32, data_len: usize, more: bool) -> Option<Vec<u8>> {
        let entries = u16::try_from(self.entries.len()).ok()?;
        let beside = start.checked_add(2)?.checked_add(u32::from(entries) * 12)?.checked_add(4)?;
        let mut tail = Vec::new();
        let long_values: u32 = self
            .entries
            .iter()
            .map(|entry| match &entry.value {
                Value::Bytes(bytes) if bytes.len() > 4 => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                Value::Bytes(_) | Value::DataOffset => 0,
            })
            .fold(0, u32::saturating_add);
        let data = beside.checked_add(long_values)?;
        let mut block = entries.to_le_bytes().to_vec();
        for entry in &self.entries {
            block.extend_from_slice(&entry.tag.to_le_bytes());
            block.extend_from_slice(&entry.kind.to_le_bytes());
            block.extend_from_slice(&entry.count.to_le_bytes());
            let field: [u8; 4] = match &entry.value {
                Value::DataOffset => data.to_le_bytes(),
                Value::Bytes(bytes) if bytes.len() <= 4 => {
                    let mut field = [0; 4];
                    field.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
                    field
                }
                Value::Bytes(bytes) => {
                    let at = beside.checked_add(u32::try_from(tail.len()).ok()?)?;
                    tail.extend_from_slice(bytes);
                    at.to_le_bytes()
                }
            };
            block.extend_from_slice(&field);
        }
        let end = data.checked_add(u32::try_from(data_len.checked_next_multiple_of(2)?).ok()?)?;
        block.extend_from_slice(&(if more { end } else { 0 }).to_le_bytes());
        block.extend_from_slice(&tail);
        Some(block)
    }
}

fn deflated(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
/// "Adobe" Deflate, which Windows, libtiff and every fax viewer in use know.
const DEFLATE: u16 = 8;
const INCH: u16 = 2;
const HORIZONTAL: u16 = 2;
const UNASSOCIATED: u16 = 2;
