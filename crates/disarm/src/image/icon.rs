//! Icons of Windows (ICO): the same picture in several sizes, each a PNG or a bitmap with a mask. The largest leaves as PNG.

use std::io::{Cursor, Write};

use form::image::ImageSource;
use form::{Place, Reason};
use image::codecs::ico::IcoDecoder;

use super::Facts;
use super::png;
use super::raster::{self, Raster};
use crate::error::Error;
use crate::room::Part;

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let entry = largest(part.input).ok_or(Reason::Malformed)?;
    let limits = &part.job.limits;
    let (raster, facts) = if entry.data.starts_with(png::SIGNATURE) {
        png::read_bytes(entry.data, limits)?
    } else {
        let mut facts = Facts::default();
        let file = entry.alone();
        let decoder = IcoDecoder::new(Cursor::new(&file)).map_err(|error| raster::decode_error(&error))?;
        (Raster::read(decoder, limits, &mut facts)?, facts)
    };
    part.findings.add(Reason::FormatConverted, Place::new("PNG"));
    raster.write(ImageSource::Png, facts, part, form)
}

/// One picture of an icon.
struct Entry<'i> {
    /// What the directory says of it: sides, colours, planes, depth.
    facts: [u8; 8],
    data: &'i [u8],
}

impl Entry<'_> {
    /// An icon with this picture only.
    fn alone(&self) -> Vec<u8> {
        let mut file = vec![0, 0, 1, 0, 1, 0];
        file.extend_from_slice(&self.facts);
        file.extend_from_slice(&u32::try_from(self.data.len()).unwrap_or(u32::MAX).to_le_bytes());
        file.extend_from_slice(&ALONE.to_le_bytes());
        file.extend_from_slice(self.data);
        file
    }

    /// Pixels, then depth.
    fn rank(&self) -> (u32, u16) {
        let [width, height, _, _, _, _, low, high] = self.facts;
        // 0 is 256.
        let side = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
        (side(width).saturating_mul(side(height)), u16::from_le_bytes([low, high]))
    }
}

/// The largest picture of those that are in the file.
fn largest(bytes: &[u8]) -> Option<Entry<'_>> {
    let count = u16::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    let entries = bytes.get(6..)?.chunks_exact(16).take(count.into()).filter_map(|entry| {
        let number = |at: usize| usize::try_from(u32::from_le_bytes(*entry.get(at..)?.first_chunk()?)).ok();
        let (length, offset) = (number(8)?, number(12)?);
        let data = bytes.get(offset..offset.checked_add(length)?.min(bytes.len())).filter(|data| !data.is_empty())?;
        Some(Entry { facts: *entry.first_chunk()?, data })
    });
    entries.max_by_key(Entry::rank)
}

/// Where the data of the only picture begins.
const ALONE: u32 = 22;
