//! A metafile that comes as a file of its own leaves as a PNG.

use std::io::Write;

use form::image::{Density, ImageSource, PixelFormat};
use form::{Place, Reason, Refusal};

use super::{Bitmap, Bound, Fault, Limits, draw, size};
use crate::error::Error;
use crate::fonts::Fonts;
use crate::image::Facts;
use crate::image::raster::Raster;
use crate::room::Part;

/// Draws the file and writes it as a form, with its longer side at most `most_side` pixels.
pub(crate) fn disarm(mut part: Part<'_>, fonts: &Fonts, most_side: u32, form: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    // A square of this side has no more pixels than are allowed.
    let root = u32::try_from(limits.pixels.isqrt()).unwrap_or(u32::MAX);
    let most_side = most_side.min(limits.dimension).min(root).max(1);
    let Bitmap { width, height, rgba, .. } =
        draw(part.input, fonts, most_side, &Limits::default()).map_err(|fault| refusal(&fault))?;
    part.findings.add(Reason::MetafileDrawn, Place::default());
    let facts = Facts { density: density(part.input, width), ..Facts::default() };
    let raster = Raster { width, height, format: PixelFormat::Rgba8, pixels: rgba };
    raster.write(ImageSource::Png, facts, part, form)
}

fn density(bytes: &[u8], width: u32) -> Option<Density> {
    let (points, _) = size(bytes)?;
    let inches = super::bytes::whole(f64::from(width) * 72.0 / f64::from(points));
    let inches = u16::try_from(inches).ok().filter(|inches| *inches > 0)?;
    Some(Density { x: inches, y: inches })
}

fn refusal(fault: &Fault) -> Error {
    match *fault {
        Fault::NotMetafile | Fault::Empty => Reason::Malformed.into(),
        Fault::PlusOnly => Reason::UnsupportedType.into(),
        Fault::Limit { bound, limit, value } => {
            let reason = match bound {
                Bound::PicturePixels | Bound::Work => Reason::LimitPixels,
                Bound::Saved => Reason::LimitDepth,
                Bound::Records | Bound::Objects | Bound::Points | Bound::Masks => Reason::LimitResources,
            };
            Refusal::limit(reason, limit, value).into()
        }
    }
}

/// The longer side of the picture, in pixels.
pub(crate) const MOST_SIDE: u32 = 4_096;
