//! Pages of Group 3 fax (ITU-T T.4, one-dimensional), the form in which fax machines and fax servers store what they
//! receive (TIFF-F, RFC 2301 profile S). The TIFF decoder knows Group 4 only.

use ::fax::Color;
use ::fax::decoder::{decode_g3, pels};
use ::tiff::tags::Tag;
use form::Reason;
use form::image::PixelFormat;

use super::Facts;
use super::raster::Raster;
use super::tiff::{Pages, refusal};
use crate::error::Error;

/// The number of this compression in a TIFF directory.
pub(super) const GROUP_3: u16 = 3;

pub(super) fn read(decoder: &mut Pages<'_>, width: u32, height: u32, facts: &mut Facts) -> Result<Raster, Error> {
    let mut number = |tag: Tag, unset: u32| decoder.find_tag_unsigned::<u32>(tag).ok().flatten().unwrap_or(unset);
    let options = number(Tag::Unknown(T4_OPTIONS), 0);
    let white_is_zero = number(Tag::PhotometricInterpretation, 0) == 0;
    let backwards = number(Tag::FillOrder, 1) == 2;
    let rows_per_strip = number(Tag::RowsPerStrip, height).clamp(1, height.max(1));
    let columns = u16::try_from(width).map_err(|_| Error::from(Reason::LimitDimension))?;
    // Two-dimensional coding is what Group 4 grew out of; machines that use it store Group 4.
    if options & TWO_DIMENSIONAL != 0 {
        return Err(Reason::UnsupportedType.into());
    }
    let offsets = decoder.get_tag_u64_vec(Tag::StripOffsets).map_err(|error| refusal(&error))?;
    let counts = decoder.get_tag_u64_vec(Tag::StripByteCounts).map_err(|error| refusal(&error))?;
    let file = decoder.inner().get_ref();
    let across = usize::from(columns);
    let whole = across.saturating_mul(usize::try_from(height).unwrap_or(usize::MAX));
    let mut pixels = Vec::with_capacity(whole);
    for (offset, count) in offsets.into_iter().zip(counts) {
        let end = offset.checked_add(count).and_then(|end| usize::try_from(end).ok());
        let strip = usize::try_from(offset).ok().zip(end).and_then(|(start, end)| file.get(start..end));
        let bytes =
            strip.ok_or(Reason::Malformed)?.iter().map(|byte| if backwards { byte.reverse_bits() } else { *byte });
        let rows = usize::try_from(rows_per_strip).unwrap_or(usize::MAX);
        let full = pixels.len().saturating_add(rows.saturating_mul(across)).min(whole);
        // What the decoder says of the end is not asked: fax lines are noisy, and rows that came through are rows.
        // The last row of a strip need not be closed, but the decoder gives out closed ones only.
        let _ = decode_g3(bytes.chain(END_OF_LINE), |changes| {
            if pixels.len() < full {
                pixels.extend(pels(changes, columns).map(|colour| match (colour, white_is_zero) {
                    (Color::White, true) | (Color::Black, false) => u8::MAX,
                    (Color::White, false) | (Color::Black, true) => 0,
                }));
            }
        });
    }
    if pixels.is_empty() {
        return Err(Reason::Malformed.into());
    }
    facts.incomplete |= pixels.len() < whole;
    pixels.resize(whole, u8::MAX);
    Ok(Raster { width, height, format: PixelFormat::Gray8, pixels })
}

const END_OF_LINE: [u8; 2] = [0x00, 0x01];
const T4_OPTIONS: u16 = 292;
const TWO_DIMENSIONAL: u32 = 1;
