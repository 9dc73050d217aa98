//! HEIF (ISO/IEC 23008-12) with HEVC inside, which telephones store photographs as (HEIC), or with AV1, as pictures of the web are (AVIF):
//! one coded picture, or a grid of tiles that are coded each for itself, with turns and flips that are applied here. It leaves as JPEG,
//! or as PNG where it is transparent.
//!
//! The boxes and the coded pictures are read by libraries; what is put together of them, and in which colours, is here.

mod av1;
mod colour;
mod hevc;
mod planes;
mod primaries;

use std::cell::Cell;
use std::io::Write;

use form::image::{ImageSource, PixelFormat, Sampling};
use form::{Limits, Place, Reason};
use heifer_isobmff::boxes::{ColorInfo, Property};
use heifer_isobmff::{FourCC, HeifFile, ItemId};
use planes::{Model, Named, Planes};

pub use av1::PANIC_ON_DAMAGE;

use super::Facts;
use super::raster::{self, Raster};
use crate::error::{Error, within};
use crate::room::Part;

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let file = HeifFile::parse(part.input).map_err(|error| refusal_of_boxes(&error))?;
    let limits = &part.job.limits;
    let picture = Heif {
        file: &file,
        limits,
        decoded: Cell::new(0),
        deep: Cell::new(false),
        fine: Cell::new(false),
        named: Cell::new(None),
    };
    let primary = file.primary_id;
    let canvas = picture.item(primary, 0)?;
    let mut facts = facts(&file, primary, picture.named.get().unwrap_or(Named::UNKNOWN));
    facts.deep = picture.deep.get();
    facts.sampling = Some(if picture.fine.get() { Sampling::Full } else { Sampling::Reduced });
    facts.orientation = canvas.turn.number();
    let opaque = canvas.pixels.chunks_exact(4).all(|pixel| matches!(pixel, [.., u8::MAX]));
    let (source, name) = if opaque { (ImageSource::Jpeg, "JPEG") } else { (ImageSource::Png, "PNG") };
    part.findings.add(Reason::FormatConverted, Place::new(name));
    part.findings.add(Reason::ReEncoded, Place::default());
    let Canvas { width, height, pixels, .. } = canvas;
    Raster { width, height, format: PixelFormat::Rgba8, pixels }.write(source, facts, part, form)
}

/// What the file holds beside the picture. The turn that Exif notes is not read: here the boxes say it (23008-12, 6.5.10).
fn facts(file: &HeifFile<'_>, primary: ItemId, coded: Named) -> Facts {
    let mut facts = Facts::default();
    if let Ok(Some(exif)) = file.exif(primary) {
        facts.add_exif(&exif);
    }
    if matches!(file.xmp(primary), Ok(Some(_))) {
        facts.add_metadata("XMP");
    }
    let others = file.top_level_image_ids().len().saturating_sub(1);
    // How many pictures a sequence has stands elsewhere; there is one at least beside the first.
    let others = others.saturating_add(usize::from(file.file_type.has_brand(b"avis")));
    facts.more_frames = u32::try_from(others).unwrap_or(u32::MAX);
    let first_tile = file.referenced_items(primary, b"dimg").first().copied();
    let items = [Some(primary), first_tile].into_iter().flatten();
    let colours: Vec<&ColorInfo> = items
        .filter_map(|item| file.item_properties(item).ok())
        .flatten()
        .filter_map(|property| match property {
            Property::Color(colours) => Some(colours),
            _ => None,
        })
        .collect();
    // A profile says more than the numbers beside it.
    let profile = colours.iter().find_map(|colours| match colours {
        ColorInfo::Icc(profile) if !profile.is_empty() => Some(profile.clone()),
        _ => None,
    });
    let noted = colours.iter().find_map(|colours| match colours {
        ColorInfo::Nclx { primaries, transfer, .. } => Some(Named { primaries: *primaries, transfer: *transfer }),
        _ => None,
    });
    facts.profile = profile.or_else(|| {
        // Where no box says it, the coded picture does (ISO/IEC 23000-22, 7.3.6.4).
        let Named { primaries, transfer } = noted.unwrap_or(coded);
        primaries::profile(primaries, transfer)
    });
    facts
}

/// Red, green, blue and opacity, with the turn that is still to be applied.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    turn: Turns,
}

struct Heif<'a> {
    file: &'a HeifFile<'a>,
    limits: &'a Limits,
    /// Pixels that were decoded, all items together.
    decoded: Cell<u64>,
    /// Whether samples had more than eight bits.
    deep: Cell<bool>,
    /// Whether each pixel had a colour of its own.
    fine: Cell<bool>,
    /// The colours of the first picture that was decoded; opacity comes behind it.
    named: Cell<Option<Named>>,
}

impl Heif<'_> {
    fn item(&self, id: ItemId, depth: u32) -> Result<Canvas, Error> {
        let kind = self.file.item(id).map_err(|error| refusal_of_boxes(&error))?.item_type;
        let mut canvas = match &kind.0 {
            _ if is_coded(kind) => self.coded(id)?,
            b"grid" => self.grid(id)?,
            b"iden" if depth < MAX_DERIVATIONS => match *self.file.referenced_items(id, b"dimg") {
                [source] => self.item(source, depth.saturating_add(1))?,
                _ => return Err(Reason::Malformed.into()),
            },
            // Overlays of several pictures, and other codecs in the same boxes.
            _ => return Err(Reason::UnsupportedType.into()),
        };
        if let Some(mask) = self.mask_of(id) {
            let is_darkened = !self.file.referenced_items(id, b"prem").is_empty();
            let mask = match self.file.item(mask).map_err(|error| refusal_of_boxes(&error))?.item_type.0 {
                kind if kind == *b"grid" => self.grid(mask)?,
                _ => self.coded(mask)?,
            };
            if (mask.width, mask.height) != (canvas.width, canvas.height) {
                return Err(Reason::UnsupportedType.into());
            }
            for (pixel, opacity) in canvas.pixels.chunks_exact_mut(4).zip(mask.pixels.chunks_exact(4)) {
                if let ([colours @ .., alpha], [grey, ..]) = (pixel, opacity) {
                    *alpha = *grey;
                    if is_darkened {
                        colours.iter_mut().for_each(|colour| *colour = lightened(*colour, *grey));
                    }
                }
            }
        }
        for property in self.properties(id)? {
            match *property {
                Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                    // Writers put it before the turns; after one it would mean other sides.
                    if canvas.turn != Turns::default() {
                        return Err(Reason::UnsupportedType.into());
                    }
                    canvas.crop(width, height, horiz_offset, vert_offset)?;
                }
                Property::Rotation(quarters) => canvas.turn.rotate(quarters),
                Property::Mirror(top_and_bottom) => canvas.turn.mirror(top_and_bottom),
                _ => {}
            }
        }
        Ok(canvas)
    }

    fn properties(&self, id: ItemId) -> Result<impl Iterator<Item = &Property>, Error> {
        self.file.item_properties(id).map_err(|error| refusal_of_boxes(&error))
    }

    /// The item whose grey is the opacity of another.
    fn mask_of(&self, id: ItemId) -> Option<ItemId> {
        self.file.referencing_items(id, b"auxl").into_iter().find(|auxiliary| {
            self.properties(*auxiliary).is_ok_and(|mut properties| {
                properties
                    .any(|property| matches!(property, Property::AuxiliaryType(kind) if OPACITY.contains(&&**kind)))
            })
        })
    }

    /// One coded picture, cut to the size that its item has.
    fn coded(&self, id: ItemId) -> Result<Canvas, Error> {
        let stated = self.file.image_size(id).map_err(|error| refusal_of_boxes(&error))?;
        if let Some((width, height)) = stated {
            raster::check_size(width, height, 1, self.limits)?;
        }
        let kind = self.file.item(id).map_err(|error| refusal_of_boxes(&error))?.item_type;
        let planes = if is_hevc(kind) {
            hevc::decode(self.file, id, self.limits)?
        } else {
            av1::decode(self.file, id, self.limits)?
        };
        let (width, height) = (planes.width, planes.height);
        raster::check_size(width, height, 1, self.limits)?;
        let decoded = self.decoded.get().saturating_add(u64::from(width).saturating_mul(height.into()));
        // The tiles of a grid reach beyond its edges, and opacity is decoded beside the colours.
        within(Reason::LimitPixels, self.limits.pixels.saturating_mul(3), decoded)?;
        self.decoded.set(decoded);
        self.deep.set(self.deep.get() || planes.depth.iter().any(|depth| *depth > 8));
        self.fine.set(self.fine.get() || planes.is_fine());
        self.named.set(self.named.get().or(Some(planes.named)));
        let (width, height) = stated.map_or((width, height), |(w, h)| (w.min(width), h.min(height)));
        let pixels = colour::rgba(&planes, self.model(id, &planes)?, width, height)?;
        Ok(Canvas { width, height, pixels, turn: Turns::default() })
    }

    /// How the samples mean colours: the item says it, or else the coded picture.
    fn model(&self, id: ItemId, planes: &Planes) -> Result<Model, Error> {
        let noted = self.properties(id)?.find_map(|property| match property {
            Property::Color(ColorInfo::Nclx { matrix, full_range, .. }) => {
                Some(Model { matrix: *matrix, full_range: *full_range })
            }
            _ => None,
        });
        Ok(noted.unwrap_or(planes.model))
    }

    fn grid(&self, id: ItemId) -> Result<Canvas, Error> {
        let grid = self.file.grid(id).map_err(|error| refusal_of_boxes(&error))?;
        let (width, height) = (grid.output_width, grid.output_height);
        raster::check_size(width, height, 1, self.limits)?;
        let (rows, columns) = (u32::from(grid.rows), u32::from(grid.columns));
        let tiles = self.file.referenced_items(id, b"dimg");
        if u32::try_from(tiles.len()).ok() != rows.checked_mul(columns) {
            return Err(Reason::Malformed.into());
        }
        let row_bytes = bytes_of(width, 1)?;
        let mut pixels = vec![u8::MAX; bytes_of(width, height)?];
        let mut first = None;
        for (at, tile) in (0_u32..).zip(tiles) {
            let kind = self.file.item(*tile).map_err(|error| refusal_of_boxes(&error))?.item_type;
            if !is_coded(kind) {
                return Err(Reason::UnsupportedType.into());
            }
            let tile = self.coded(*tile)?;
            let sides = *first.get_or_insert((tile.width, tile.height));
            // Tiles are of one size, and together cover the picture (23008-12, 6.6.2.3).
            let covers = u64::from(sides.0).saturating_mul(columns.into()) >= width.into()
                && u64::from(sides.1).saturating_mul(rows.into()) >= height.into();
            if sides != (tile.width, tile.height) || !covers {
                return Err(Reason::Malformed.into());
            }
            let (row, column) = (at.checked_div(columns).unwrap_or(0), at.checked_rem(columns).unwrap_or(0));
            let (left, top) = (column.saturating_mul(sides.0), row.saturating_mul(sides.1));
            let seen = bytes_of(sides.0.min(width.saturating_sub(left)), 1)?;
            let below = usize::try_from(top).unwrap_or(usize::MAX);
            let start = bytes_of(left.min(width), 1)?;
            let lines = tile.pixels.chunks_exact(bytes_of(sides.0, 1)?.max(1));
            for (into, from) in pixels.chunks_exact_mut(row_bytes).skip(below).zip(lines) {
                if let (Some(into), Some(from)) = (into.get_mut(start..start.saturating_add(seen)), from.get(..seen)) {
                    into.copy_from_slice(from);
                }
            }
        }
        Ok(Canvas { width, height, pixels, turn: Turns::default() })
    }
}

impl Canvas {
    /// Keeps the clean aperture (ISO/IEC 14496-12, 12.1.4): a size, and how far its middle is from the picture's.
    fn crop(&mut self, width: (u32, u32), height: (u32, u32), x: (i32, u32), y: (i32, u32)) -> Result<(), Error> {
        let (left, width) = aperture(self.width, width, x).ok_or(Reason::Malformed)?;
        let (top, height) = aperture(self.height, height, y).ok_or(Reason::Malformed)?;
        let (row, start, kept) = (bytes_of(self.width, 1)?, bytes_of(left, 1)?, bytes_of(width, 1)?);
        let rows = self.pixels.chunks_exact(row.max(1));
        let rows = rows.skip(usize::try_from(top).unwrap_or(usize::MAX));
        let rows = rows.take(usize::try_from(height).unwrap_or(0));
        let cut: Vec<u8> =
            rows.filter_map(|row| row.get(start..start.saturating_add(kept))).flatten().copied().collect();
        *self = Canvas { width, height, pixels: cut, turn: self.turn };
        Ok(())
    }
}

/// A colour that was multiplied by its opacity (23008-12, 6.10.1.2), as it was before.
fn lightened(colour: u8, opacity: u8) -> u8 {
    let (colour, opacity) = (u32::from(colour), u32::from(opacity));
    // What nobody sees has no colour. Half is added, so that the nearest is taken.
    let before = colour.saturating_mul(255).saturating_add(opacity / 2).checked_div(opacity).unwrap_or(0);
    u8::try_from(before).unwrap_or(u8::MAX)
}

/// Where an aperture begins and how long it is, on one axis, in whole pixels.
fn aperture(side: u32, length: (u32, u32), offset: (i32, u32)) -> Option<(u32, u32)> {
    let length_pixels = length.0.checked_div(length.1)?;
    let side = i64::from(side);
    let length = i64::from(length_pixels);
    // Twice the middle, so that halves stay whole.
    let shift = i64::from(offset.0).checked_mul(2)?.checked_div(offset.1.into())?;
    let begin = side.checked_sub(length)?.checked_add(shift)?.checked_div(2)?;
    let fits = length > 0 && begin >= 0 && begin.checked_add(length)? <= side;
    if fits { Some((u32::try_from(begin).ok()?, length_pixels)) } else { None }
}

fn bytes_of(width: u32, height: u32) -> Result<usize, Error> {
    let bytes = u64::from(width).saturating_mul(height.into()).saturating_mul(4);
    usize::try_from(bytes).map_err(|_| Reason::LimitPixels.into())
}

/// Turns and flips one after the other: quarters against the clock, then perhaps a flip of left and right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turns {
    quarters: u8,
    mirrored: bool,
}

impl Turns {
    fn rotate(&mut self, quarters: u8) {
        // Behind a flip, a turn goes the other way round.
        let quarters = if self.mirrored { 4_u8.saturating_sub(quarters % 4) } else { quarters % 4 };
        self.quarters = self.quarters.saturating_add(quarters) % 4;
    }

    fn mirror(&mut self, top_and_bottom: bool) {
        // Top and bottom change places where left and right do and then all is turned by half.
        if top_and_bottom {
            self.rotate(2);
        }
        self.mirrored = !self.mirrored;
    }

    /// The same as a number of Exif.
    fn number(self) -> u32 {
        match (self.quarters % 4, self.mirrored) {
            (0, false) => 1,
            (0, true) => 2,
            (1, false) => 8,
            (1, true) => 7,
            (2, false) => 3,
            (2, true) => 4,
            (_, false) => 6,
            (_, true) => 5,
        }
    }
}

fn refusal_of_boxes(error: &heifer_isobmff::Error) -> Error {
    match error {
        // A sequence of pictures or a film, which has no picture of its own.
        heifer_isobmff::Error::MissingBox(_) | heifer_isobmff::Error::Unimplemented(_) => {
            Reason::UnsupportedType.into()
        }
        heifer_isobmff::Error::UnexpectedEof
        | heifer_isobmff::Error::InvalidBoxSize { .. }
        | heifer_isobmff::Error::InvalidBox { .. }
        | heifer_isobmff::Error::UnknownItem(_) => Reason::Malformed.into(),
    }
}

fn is_hevc(kind: FourCC) -> bool {
    matches!(&kind.0, b"hvc1" | b"hev1")
}

/// Whether an item is a picture of a codec that is read here.
fn is_coded(kind: FourCC) -> bool {
    is_hevc(kind) || kind.0 == *b"av01"
}

/// What says that an auxiliary picture is opacity.
const OPACITY: &[&str] = &["urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];
/// Pictures that are nothing but another picture.
const MAX_DERIVATIONS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(steps: &[(u8, Option<bool>)]) -> u32 {
        let mut turns = Turns::default();
        for (quarters, mirror) in steps {
            turns.rotate(*quarters);
            if let Some(top_and_bottom) = mirror {
                turns.mirror(*top_and_bottom);
            }
        }
        turns.number()
    }

    /// 23008-12, 6.10.1.2: what is stored is the colour times its opacity.
    #[test]
    fn a_colour_is_what_it_was_before_it_was_darkened() {
        for (stored, opacity, colour) in
            [(128, 128, 255), (64, 128, 128), (255, 255, 255), (7, 255, 7), (0, 128, 0), (0, 0, 0), (9, 0, 0)]
        {
            assert_eq!(lightened(stored, opacity), colour, "{stored} {opacity}");
        }
        // None is brighter than its opacity.
        assert_eq!(lightened(200, 100), 255);
    }

    #[test]
    fn turns_and_flips_are_the_numbers_that_exif_has_for_them() {
        assert_eq!(number(&[(0, None)]), 1);
        assert_eq!(number(&[(1, None)]), 8);
        assert_eq!(number(&[(3, None)]), 6);
        assert_eq!(number(&[(0, Some(false))]), 2);
        assert_eq!(number(&[(0, Some(true))]), 4);
        assert_eq!(number(&[(3, Some(false))]), 5, "a quarter with the clock, then left and right");
        assert_eq!(number(&[(1, Some(false))]), 7);
        assert_eq!(number(&[(1, Some(true))]), 5);
        assert_eq!(number(&[(0, Some(false)), (1, None)]), 5, "left and right, then a quarter against the clock");
        assert_eq!(number(&[(0, Some(true)), (0, Some(true))]), 1);
    }

    #[test]
    fn an_aperture_lies_around_the_middle_and_inside() {
        assert_eq!(aperture(10, (6, 1), (0, 1)), Some((2, 6)));
        assert_eq!(aperture(10, (6, 1), (2, 1)), Some((4, 6)));
        assert_eq!(aperture(9, (6, 1), (-1, 2)), Some((1, 6)));
        assert_eq!(aperture(10, (6, 1), (3, 1)), None);
        assert_eq!(aperture(10, (12, 1), (0, 1)), None);
        assert_eq!(aperture(10, (6, 0), (0, 1)), None);
        assert_eq!(aperture(10, (0, 1), (0, 1)), None);
    }
}
