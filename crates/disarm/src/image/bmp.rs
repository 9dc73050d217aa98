//! BMP: header, then pixels.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;

use super::raster::{self, Raster};
use super::{Facts, marks};
use crate::error::Error;
use crate::room::Part;

pub(super) fn read(part: &Part<'_>) -> Result<(Raster, Facts), Error> {
    let mut facts = Facts { density: density(part.input), ..Facts::default() };
    let decoder = BmpDecoder::new(Cursor::new(part.input)).map_err(|error| raster::decode_error(&error))?;
    let raster = Raster::read(decoder, &part.job.limits, &mut facts)?;
    Ok((raster, facts))
}

/// Pixels per metre, in every header but the oldest.
fn density(bytes: &[u8]) -> Option<form::image::Density> {
    let field = |at: usize| Some(i32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?));
    if field(14)? < 40 {
        return None;
    }
    marks::from_inches(f64::from(field(38)?) * 0.0254, f64::from(field(42)?) * 0.0254)
}
