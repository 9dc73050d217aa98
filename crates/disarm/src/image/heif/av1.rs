//! A picture that AV1 codes (AV1 Image File Format 1.1).

use std::panic::{AssertUnwindSafe, catch_unwind};

use form::{Limits, Reason};
use heifer_isobmff::{HeifFile, ItemId};
use rusty_av1d::pixel::{ColorPrimaries, MatrixCoefficients, TransferCharacteristic, YUVRange};
use rusty_av1d::{Decoder, Picture, PixelLayout, PlanarImageComponent, Rav1dError, Settings};

use super::planes::{Chroma, Model, Named, Planes};
use super::refusal_of_boxes;
use crate::error::Error;

/// Words in the paths of sources that panic where what they read is damaged, and say it in no other way: the decoder of AV1, in which sums
/// of damaged numbers do not fit.
pub const PANIC_ON_DAMAGE: &[&str] = &["rusty_av1d"];

/// Decodes an item. Of one that is coded in layers the last is taken, which is the finest.
pub(super) fn decode(file: &HeifFile<'_>, id: ItemId, limits: &Limits) -> Result<Planes, Error> {
    let stream = file.item_data(id).map_err(|error| refusal_of_boxes(&error))?;
    // Where there is nothing the decoder does not fail, it waits for more; built with checks, it ends the process.
    if stream.is_empty() {
        return Err(Reason::Malformed.into());
    }
    // A room ends where the decoder panics, and says that the file is damaged; outside of one that is said here.
    let done = catch_unwind(AssertUnwindSafe(|| decoded(stream.into_owned().into_boxed_slice(), limits)));
    done.unwrap_or_else(|_| Err(Reason::Malformed.into()))
}

fn decoded(stream: Box<[u8]>, limits: &Limits) -> Result<Planes, Error> {
    let mut settings = Settings::new();
    // A room has one thread.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_frame_size_limit(u32::try_from(limits.pixels).unwrap_or(u32::MAX).max(1));
    let mut decoder = Decoder::with_settings(&settings).map_err(refusal)?;
    match decoder.send_data(stream, None, None, None) {
        // More of it is read when the picture has been taken; there is to be one only.
        Ok(()) | Err(Rav1dError::TryAgain) => {}
        Err(error) => return Err(refusal(error)),
    }
    // Asked a second time, the decoder gives what it holds back for a finer layer that does not come.
    let picture = match decoder.get_picture() {
        Err(Rav1dError::TryAgain) => decoder.get_picture(),
        answer => answer,
    };
    planes(&picture.map_err(refusal)?)
}

fn planes(picture: &Picture) -> Result<Planes, Error> {
    let (width, height) = (picture.width(), picture.height());
    let depth = u8::try_from(picture.bit_depth()).map_err(|_| Reason::Malformed)?;
    let chroma = match picture.pixel_layout() {
        PixelLayout::I400 => Chroma::None,
        PixelLayout::I420 => Chroma::Quarter,
        PixelLayout::I422 => Chroma::Half,
        PixelLayout::I444 => Chroma::Full,
    };
    let (chroma_width, chroma_height) = match chroma {
        Chroma::None => (0, 0),
        Chroma::Quarter => (width.div_ceil(2), height.div_ceil(2)),
        Chroma::Half => (width.div_ceil(2), height),
        Chroma::Full => (width, height),
    };
    let colour = |component| match chroma {
        Chroma::None => Ok(Vec::new()),
        _ => plane(picture, component, chroma_width, chroma_height),
    };
    let luma = plane(picture, PlanarImageComponent::Y, width, height)?;
    let samples = [luma, colour(PlanarImageComponent::U)?, colour(PlanarImageComponent::V)?];
    let model = Model { matrix: matrix(picture), full_range: matches!(picture.color_range(), YUVRange::Full) };
    let named = named(picture);
    Ok(Planes { width, height, chroma_width, samples, depth: [depth; 2], chroma, model, named })
}

/// The samples of a component, without what stands behind the end of each row.
fn plane(picture: &Picture, component: PlanarImageComponent, width: u32, height: u32) -> Result<Vec<u16>, Error> {
    let size = |side: u32| usize::try_from(side).map_err(|_| Error::from(Reason::LimitPixels));
    let (width, height) = (size(width)?, size(height)?);
    let stride = size(picture.stride(component))?.max(1);
    let rows = picture.plane(component).chunks(stride).take(height);
    let mut samples = Vec::with_capacity(width.saturating_mul(height));
    for row in rows {
        if picture.bit_depth() > 8 {
            let pairs = row.chunks_exact(2).filter_map(|pair| pair.first_chunk());
            samples.extend(pairs.map(|pair| u16::from_ne_bytes(*pair)).take(width));
        } else {
            samples.extend(row.iter().map(|sample| u16::from(*sample)).take(width));
        }
    }
    if samples.len() == width.saturating_mul(height) { Ok(samples) } else { Err(Reason::Malformed.into()) }
}

/// The number that a matrix has in ITU-T H.273, of those that are known here.
fn matrix(picture: &Picture) -> u16 {
    match picture.matrix_coefficients() {
        MatrixCoefficients::Identity => 0,
        MatrixCoefficients::BT709 => 1,
        MatrixCoefficients::Unspecified => 2,
        MatrixCoefficients::BT470M => 4,
        MatrixCoefficients::BT470BG | MatrixCoefficients::ST170M => 6,
        MatrixCoefficients::ST240M => 7,
        MatrixCoefficients::BT2020NonConstantLuminance => 9,
        _ => u16::MAX,
    }
}

/// The numbers of the colours, of those that are not shown as if they were those of sRGB.
fn named(picture: &Picture) -> Named {
    let primaries = match picture.color_primaries() {
        ColorPrimaries::BT2020 => 9,
        ColorPrimaries::P3Display => 12,
        _ => Named::UNKNOWN.primaries,
    };
    let transfer = match picture.transfer_characteristic() {
        TransferCharacteristic::Linear => 8,
        TransferCharacteristic::PerceptualQuantizer => 16,
        _ => Named::UNKNOWN.transfer,
    };
    Named { primaries, transfer }
}

fn refusal(error: Rav1dError) -> Error {
    match error {
        Rav1dError::OutOfRange => Reason::LimitPixels.into(),
        Rav1dError::OutOfMemory => Reason::RoomMemoryLimit.into(),
        Rav1dError::UnsupportedBitstream => Reason::UnsupportedType.into(),
        _ => Reason::Malformed.into(),
    }
}
