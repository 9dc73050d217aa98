//! A picture that HEVC codes (ITU-T H.265).

use form::{Limits, Reason};
use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_isobmff::{HeifFile, ItemId};

use super::planes::{Chroma, Model, Named, Planes};
use super::refusal_of_boxes;
use crate::error::Error;

/// Decodes an item.
pub(super) fn decode(file: &HeifFile<'_>, id: ItemId, limits: &Limits) -> Result<Planes, Error> {
    let stream = file.hevc_bitstream(id).map_err(|error| refusal_of_boxes(&error))?;
    let options = DecodeOptions { max_pixels: limits.pixels.max(1), ..DecodeOptions::default() };
    let frame = decode_picture(&stream, options).map_err(|error| refusal(&error))?;
    let [width, height] = [&frame.widths, &frame.heights].map(|sides| sides.first().copied().unwrap_or(0));
    let [_, chroma_width, _] = frame.widths;
    let chroma = match (frame.chroma_format, chroma_width) {
        (_, 0) => Chroma::None,
        (1, _) => Chroma::Quarter,
        (2, _) => Chroma::Half,
        _ => Chroma::Full,
    };
    let model = Model { matrix: frame.matrix_coeffs.into(), full_range: frame.full_range };
    let (samples, depth) = (frame.planes, frame.bit_depth);
    // The decoder gives no more than the matrix of what the sequence says.
    let named = Named::UNKNOWN;
    Ok(Planes { width, height, chroma_width, samples, depth, chroma, model, named })
}

fn refusal(error: &heifer_hevc_dec::Error) -> Error {
    match error {
        heifer_hevc_dec::Error::Unimplemented(_) => Reason::UnsupportedType.into(),
        heifer_hevc_dec::Error::UnexpectedEof
        | heifer_hevc_dec::Error::Invalid(_)
        | heifer_hevc_dec::Error::HashMismatch(_) => Reason::Malformed.into(),
    }
}
