//! JPEG: markers, then pixels.

use std::io::Cursor;

use form::Reason;
use form::image::Sampling;
use image::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;

use super::raster::{self, Raster};
use super::{Facts, marks};
use crate::error::Error;
use crate::room::Part;

pub(super) fn read(part: &mut Part<'_>) -> Result<(Raster, Facts), Error> {
    let Walk { mut facts, frame } = walk(part.input);
    facts.sampling = frame.is_reduced.then_some(Sampling::Reduced);
    // The decoder takes the rows of such scans in the wrong order and says nothing (zune-jpeg 0.5.15); a wrong picture is
    // worse than none. Cameras and scanners write all components in one scan.
    // Arithmetic coding, pictures without loss and those of several layers are whole; no decoder here knows them.
    if frame.rare {
        return Err(Reason::UnsupportedType.into());
    }
    if !frame.progressive && frame.scans > 1 && frame.halved_rows {
        return Err(Reason::UnsupportedType.into());
    }
    let limits = &part.job.limits;
    let mut decoder = JpegDecoder::new(Cursor::new(part.input)).map_err(|error| raster::decode_error(&error))?;
    facts.profile = decoder.icc_profile().ok().flatten();
    let raster = Raster::read(decoder, limits, &mut facts)?;
    part.findings.add(Reason::ReEncoded, form::Place::default());
    Ok((raster, facts))
}

struct Walk {
    facts: Facts,
    frame: FrameFacts,
}

#[derive(Default)]
struct FrameFacts {
    progressive: bool,
    /// Of a process that is neither sequential nor progressive with Huffman codes (T.81, B.1.1.3).
    rare: bool,
    scans: u32,
    /// Some component has fewer rows than another.
    halved_rows: bool,
    /// Some component has fewer samples than another.
    is_reduced: bool,
}

/// The estimated quality, 1 to 100, of a file whose beginning is given.
pub(crate) fn estimated_quality(beginning: &[u8]) -> Option<u8> {
    walk(beginning).facts.quality
}

fn walk(bytes: &[u8]) -> Walk {
    let mut facts = Facts { incomplete: true, ..Facts::default() };
    let mut frame = FrameFacts::default();
    let mut at = 2;
    while let Some((marker, start)) = next_marker(bytes, at) {
        match marker {
            EOI => {
                facts.incomplete = false;
                // Cameras fill up with zeros; anything else behind the end (a second picture, an archive) is surplus.
                facts.surplus = bytes.get(start..).unwrap_or_default().iter().any(|b| *b != 0);
                break;
            }
            0x01 | SOI | 0xD0..=0xD7 => at = start,
            _ => {
                let Some(data) = segment(bytes, start) else { break };
                read_segment(marker, data, &mut facts);
                read_frame(marker, data, &mut frame);
                at = start.saturating_add(2).saturating_add(data.len());
            }
        }
    }
    Walk { facts, frame }
}

/// The next marker and where what follows it begins. Before it may stand fill bytes and, after a scan header, coded data.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        let rest = bytes.get(at..)?;
        let here = rest.iter().position(|b| *b == 0xFF)?;
        at = at.checked_add(here)?.checked_add(1)?;
        match *bytes.get(at)? {
            // 0xFF00 is a coded 0xFF, 0xFFFF fills.
            0x00 => at = at.checked_add(1)?,
            0xFF => {}
            marker => return Some((marker, at.checked_add(1)?)),
        }
    }
}

fn segment(bytes: &[u8], start: usize) -> Option<&[u8]> {
    let len = usize::from(u16::from_be_bytes(bytes.get(start..start.checked_add(2)?)?.try_into().ok()?));
    bytes.get(start.checked_add(2)?..start.checked_add(len)?)
}

fn read_segment(marker: u8, data: &[u8], facts: &mut Facts) {
    match marker {
        0xE0 if data.starts_with(b"JFIF\0") => facts.density = jfif_density(data).or(facts.density),
        0xE1 => match data.strip_prefix(b"Exif\0\0") {
            Some(exif) => facts.add_exif(exif),
            None if data.starts_with(b"http://ns.adobe.com/") => facts.add_metadata("XMP"),
            None => facts.add_metadata("application data"),
        },
        0xED => facts.add_metadata("IPTC"),
        // 0xE2 carries the colour profile and the index of further pictures, 0xEE the colour model.
        0xE3..=0xEC | 0xEF => facts.add_metadata("application data"),
        0xFE => facts.add_metadata("comment"),
        0xDB => facts.quality = quality(data).or(facts.quality),
        // A frame header with four components is CMYK or YCCK.
        0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => facts.converted |= data.get(5) == Some(&4),
        _ => {}
    }
}

fn read_frame(marker: u8, data: &[u8], frame: &mut FrameFacts) {
    match marker {
        0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
            frame.progressive = matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
            frame.rare = !matches!(marker, 0xC0..=0xC2);
            let components = data.get(6..).unwrap_or_default().chunks_exact(3);
            let factors: Vec<u8> = components.filter_map(|component| component.get(1).copied()).collect();
            frame.halved_rows = factors.iter().any(|factors| factors & 0x0F > 1);
            frame.is_reduced = factors.windows(2).any(|pair| matches!(pair, [one, other] if one != other));
        }
        0xDA => frame.scans = frame.scans.saturating_add(1),
        _ => {}
    }
}

fn jfif_density(data: &[u8]) -> Option<form::image::Density> {
    let field = |at: usize| Some(f64::from(u16::from_be_bytes(data.get(at..at.checked_add(2)?)?.try_into().ok()?)));
    let per_inch = match *data.get(7)? {
        1 => 1.0,
        2 => 2.54,
        _ => return None,
    };
    marks::from_inches(field(8)? * per_inch, field(10)? * per_inch)
}

/// The quality whose scaled standard table (ITU-T T.81, K.1) lies nearest to table 0 of a definition.
fn quality(data: &[u8]) -> Option<u8> {
    let table: Vec<u32> = match *data.first()? {
        0x00 => data.get(1..65)?.iter().map(|value| u32::from(*value)).collect(),
        0x10 => data
            .get(1..129)?
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok())
            .map(|pair| u32::from(u16::from_be_bytes(pair)))
            .collect(),
        _ => return None,
    };
    (1..=100_u8).min_by_key(|quality| {
        let scale = if *quality < 50 { 5000 / u32::from(*quality) } else { 200 - 2 * u32::from(*quality) };
        let scaled = STANDARD.iter().map(|value| ((u32::from(*value) * scale + 50) / 100).clamp(1, 255));
        scaled.zip(&table).map(|(ours, theirs)| u64::from(ours.abs_diff(*theirs))).sum::<u64>()
    })
}

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;

/// The luminance table of T.81, K.1, in the zigzag order in which files store it.
const STANDARD: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61,
    60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113,
    121, 112, 100, 120, 92, 101, 103, 99,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quality_of_the_standard_table_is_50() {
        let mut segment = vec![0];
        segment.extend_from_slice(&STANDARD);
        assert_eq!(quality(&segment), Some(50));
    }

    #[test]
    fn a_flat_table_is_the_highest_quality() {
        let mut segment = vec![0];
        segment.extend_from_slice(&[1; 64]);
        assert_eq!(quality(&segment), Some(100));
    }
}
