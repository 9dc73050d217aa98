//! Documents of Photoshop (Adobe Photoshop File Formats Specification): the picture of all layers together, which programs that know no
//! layers show, leaves as PNG. Layers, paths and whatever else the file holds stay behind; layers and channels are told of.

use std::io::Write;

use form::image::{Density, ImageSource, PixelFormat};
use form::{Limits, Place, Reason};

use super::raster::{self, Raster};
use super::{Facts, colour, marks};
use crate::error::Error;
use crate::packbits::{self, Code128};
use crate::room::Part;

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let mut facts = Facts::default();
    let (raster, left_behind) = read(part.input, &part.job.limits, &mut facts)?;
    part.findings.add_many(Reason::Layers, left_behind, Place::default());
    part.findings.add(Reason::FormatConverted, Place::new("PNG"));
    raster.write(ImageSource::Png, facts, part, form)
}

/// The picture of all layers, and how many layers and further channels stay behind.
fn read(bytes: &[u8], limits: &Limits, facts: &mut Facts) -> Result<(Raster, u32), Error> {
    let mut reader = Reader { rest: bytes.get(4..).unwrap_or_default() };
    let is_large = match reader.u16()? {
        1 => false,
        2 => true,
        _ => return Err(Reason::UnsupportedType.into()),
    };
    reader.take(6)?;
    let channels = reader.u16()?;
    let (height, width) = (reader.u32()?, reader.u32()?);
    let (depth, mode) = (reader.u16()?, reader.u16()?);
    raster::check_size(width, height, 1, limits)?;
    let model = Model::of(mode, depth, channels)?;
    facts.deep = depth == 16;
    facts.converted = mode == DUOTONE;
    let palette = reader.block(Width::Four)?;
    let clear = resources(reader.block(Width::Four)?, facts)?;
    let palette = Palette { colours: palette, clear };
    let width_of_lengths = if is_large { Width::Eight } else { Width::Four };
    let layers = Layers::of(reader.block(width_of_lengths)?, width_of_lengths);
    let shape = Shape { columns: width, rows: height, depth, planes: model.planes(&layers, channels) };
    let further = channels.saturating_sub(shape.planes);
    let planes = shape.planes(&mut reader, channels, is_large)?;
    let (format, pixels) = model.pixels(planes, &shape, &palette, facts)?;
    Ok((Raster { width, height, format, pixels }, u32::from(layers.count).saturating_add(further.into())))
}

/// What is known of the layers (the specification's "Layer and Mask Information Section").
#[derive(Default)]
struct Layers {
    count: u16,
    /// Whether the first channel behind the colours says how much shows through.
    show_through: bool,
}

impl Layers {
    /// Documents of 16 bits have their layers in a block behind those of others.
    fn of(section: &[u8], width: Width) -> Layers {
        let mut reader = Reader { rest: section };
        let Ok(length) = reader.length(width) else { return Layers::default() };
        let mut layers = Layers::default();
        if length > 0 {
            layers.read_count(reader.rest);
            return layers;
        }
        // What applies to all layers.
        if reader.block(Width::Four).is_err() {
            return layers;
        }
        while let Ok((key, data)) = reader.tagged(width) {
            match key {
                b"Lr16" => layers.read_count(data),
                b"Mtrn" | b"Mt16" => layers.show_through = true,
                _ => {}
            }
        }
        layers
    }

    /// A number below zero says that something shows through.
    fn read_count(&mut self, info: &[u8]) {
        let count = info.first_chunk().map_or(0, |count| i16::from_be_bytes(*count));
        self.count = count.unsigned_abs();
        self.show_through |= count < 0;
    }
}

/// The colours of an indexed picture.
struct Palette<'a> {
    /// 256 reds, 256 greens, 256 blues.
    colours: &'a [u8],
    /// The one that is not painted.
    clear: Option<u16>,
}

/// What the channels are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Model {
    Bitmap,
    Gray,
    Indexed,
    Rgb,
    Cmyk,
}

impl Model {
    fn of(mode: u16, depth: u16, channels: u16) -> Result<Model, Error> {
        let model = match (mode, depth) {
            (0, 1) => Model::Bitmap,
            // Two inks are kept as how dark they are together.
            (1 | DUOTONE, 8 | 16) => Model::Gray,
            (2, 8) => Model::Indexed,
            (3, 8 | 16) => Model::Rgb,
            (4, 8 | 16) => Model::Cmyk,
            _ => return Err(Reason::UnsupportedType.into()),
        };
        if channels < model.colours() { Err(Reason::Malformed.into()) } else { Ok(model) }
    }

    fn colours(self) -> u16 {
        match self {
            Model::Bitmap | Model::Gray | Model::Indexed => 1,
            Model::Rgb => 3,
            Model::Cmyk => 4,
        }
    }

    /// The channels that are needed: those of the colours, and the next where it says what shows through; otherwise what follows are
    /// selections that somebody has saved.
    fn planes(self, layers: &Layers, channels: u16) -> u16 {
        let may = matches!(self, Model::Gray | Model::Rgb) && channels > self.colours();
        self.colours().saturating_add(u16::from(layers.show_through && may))
    }

    fn pixels(
        self,
        planes: Vec<Vec<u8>>,
        shape: &Shape,
        palette: &Palette<'_>,
        facts: &mut Facts,
    ) -> Result<(PixelFormat, Vec<u8>), Error> {
        let has_alpha = shape.planes > self.colours();
        let across = planes.len();
        let mut mixed = vec![0; planes.iter().map(Vec::len).fold(0, usize::saturating_add)];
        for (at, plane) in planes.into_iter().enumerate() {
            mixed.iter_mut().skip(at).step_by(across.max(1)).zip(plane).for_each(|(place, value)| *place = value);
        }
        Ok(match self {
            // A set bit is black; a row begins at a whole byte.
            Model::Bitmap => {
                let columns = usize::try_from(shape.columns).unwrap_or(usize::MAX);
                let bits = |row: &[u8]| -> Vec<u8> {
                    let bits = row.iter().flat_map(|byte| (0..8).map(move |bit| byte << bit & 0x80));
                    bits.take(columns).map(|bit| if bit == 0 { u8::MAX } else { 0 }).collect()
                };
                (PixelFormat::Gray8, mixed.chunks_exact(shape.row_bytes()).flat_map(bits).collect())
            }
            Model::Gray if has_alpha => {
                mixed.chunks_exact_mut(2).for_each(without_white);
                (PixelFormat::GrayA8, mixed)
            }
            Model::Gray => (PixelFormat::Gray8, mixed),
            Model::Indexed => {
                let colour =
                    |index: u8, table: usize| palette.colours.get(table.saturating_mul(256) + usize::from(index));
                let painted = |index: u8| [0, 1, 2].map(|table| colour(index, table).copied().unwrap_or(0));
                let with_opacity = |index: &u8| match painted(*index) {
                    _ if palette.clear == Some(u16::from(*index)) => [0; 4],
                    [red, green, blue] => [red, green, blue, u8::MAX],
                };
                (PixelFormat::Rgba8, mixed.iter().flat_map(with_opacity).collect())
            }
            Model::Rgb if has_alpha => {
                mixed.chunks_exact_mut(4).for_each(without_white);
                (PixelFormat::Rgba8, mixed)
            }
            Model::Rgb => (PixelFormat::Rgb8, mixed),
            // What is stored is what the inks leave of the light.
            Model::Cmyk => {
                facts.converted = true;
                mixed.iter_mut().for_each(|light| *light = !*light);
                (PixelFormat::Rgb8, mixed.chunks_exact(4).flat_map(colour::from_cmyk).collect())
            }
        })
    }
}

/// Undoes that colours are stored as they look on white paper.
fn without_white(pixel: &mut [u8]) {
    let Some((alpha, colours)) = pixel.split_last_mut() else { return };
    let alpha = i32::from(*alpha);
    for colour in colours.iter_mut().filter(|_| alpha > 0) {
        let plain = (i32::from(*colour).saturating_sub(255).saturating_mul(255) / alpha).saturating_add(255);
        *colour = u8::try_from(plain.clamp(0, 255)).unwrap_or(u8::MAX);
    }
}

/// How the picture of all layers is stored.
struct Shape {
    columns: u32,
    rows: u32,
    depth: u16,
    planes: u16,
}

impl Shape {
    /// Bytes of a row of one channel.
    fn row_bytes(&self) -> usize {
        let columns = usize::try_from(self.columns).unwrap_or(usize::MAX);
        match self.depth {
            1 => columns.div_ceil(8),
            depth => columns.saturating_mul(usize::from(depth / 8)),
        }
        .max(1)
    }

    /// The channels that are needed, one after the other, each sample a byte.
    fn planes(&self, reader: &mut Reader<'_>, channels: u16, is_large: bool) -> Result<Vec<Vec<u8>>, Error> {
        let packing = reader.u16()?;
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let plane_bytes = self.row_bytes().saturating_mul(rows);
        let packed = match packing {
            0 => None,
            1 => {
                let each = if is_large { 4 } else { 2 };
                let lengths = reader.take(rows.saturating_mul(channels.into()).saturating_mul(each))?;
                let length = |bytes: &[u8]| bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
                Some(lengths.chunks_exact(each).map(length).collect::<Vec<_>>())
            }
            // Photoshop packs only layers otherwise.
            _ => return Err(Reason::UnsupportedType.into()),
        };
        let mut lengths = packed.as_ref().map(|lengths| lengths.iter());
        let mut planes = Vec::with_capacity(self.planes.into());
        for _ in 0..self.planes {
            let plane = match &mut lengths {
                None => reader.take(plane_bytes)?.to_vec(),
                Some(lengths) => {
                    let mut plane = Vec::with_capacity(plane_bytes.min(MOST_AT_ONCE));
                    for length in lengths.by_ref().take(rows) {
                        let begin = plane.len();
                        packbits::unpack(reader.take(*length)?, Code128::Nothing, self.row_bytes(), &mut plane);
                        plane.resize(begin.saturating_add(self.row_bytes()), 0);
                    }
                    plane
                }
            };
            planes.push(if self.depth == 16 {
                plane.as_chunks().0.iter().map(|word| raster::round_word(u16::from_be_bytes(*word))).collect()
            } else {
                plane
            });
        }
        Ok(planes)
    }
}

/// Density, profile and what is told of, and which colour is not painted; refuses files without a picture of all layers.
fn resources(block: &[u8], facts: &mut Facts) -> Result<Option<u16>, Error> {
    let mut reader = Reader { rest: block };
    let mut clear = None;
    while reader.rest.iter().any(|byte| *byte != 0) {
        // Other programs of the maker sign otherwise.
        if !matches!(reader.take(4)?, b"8BIM" | b"MeSa" | b"AgHg" | b"PHUT" | b"DCSR") {
            return Err(Reason::Malformed.into());
        }
        let id = reader.u16()?;
        let name = reader.take(1)?.first().copied().unwrap_or(0);
        // Name and data are each filled up to an even length.
        reader.take(usize::from(name | 1))?;
        let data = reader.block(Width::Four)?;
        if data.len() % 2 == 1 && !reader.rest.is_empty() {
            reader.take(1)?;
        }
        match id {
            1005 => facts.density = density(data),
            1028 => facts.add_metadata("IPTC"),
            1047 => clear = data.first_chunk().map(|index| u16::from_be_bytes(*index)),
            1039 => facts.profile = Some(data.to_vec()),
            1058 | 1059 => facts.add_exif(data),
            1060 => facts.add_metadata("XMP"),
            // The fifth byte says whether there is one.
            1057 if data.get(4) == Some(&0) => return Err(Reason::UnsupportedType.into()),
            _ => {}
        }
    }
    Ok(clear)
}

/// Pixels per inch, whatever unit they are shown in.
fn density(data: &[u8]) -> Option<Density> {
    let side = |at: usize| Some(f64::from(u32::from_be_bytes(*data.get(at..)?.first_chunk()?)) / 65_536.0);
    marks::from_inches(side(0)?, side(8)?)
}

/// Numbers and blocks one after the other.
struct Reader<'a> {
    rest: &'a [u8],
}

/// Bytes of a length.
#[derive(Clone, Copy)]
enum Width {
    Four,
    Eight,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Reason::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.take(N)?;
        Ok(*bytes.first_chunk().ok_or(Reason::Malformed)?)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.number().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.number().map(u32::from_be_bytes)
    }

    fn length(&mut self, width: Width) -> Result<usize, Error> {
        let length = match width {
            Width::Four => self.u32()?.into(),
            Width::Eight => self.number().map(u64::from_be_bytes)?,
        };
        usize::try_from(length).map_err(|_| Reason::Malformed.into())
    }

    fn block(&mut self, width: Width) -> Result<&'a [u8], Error> {
        let length = self.length(width)?;
        self.take(length)
    }

    /// A block of additional information about layers, with its key. In large documents the lengths of some are wider.
    fn tagged(&mut self, width: Width) -> Result<(&'a [u8; 4], &'a [u8]), Error> {
        // Data is filled up to a length that can be divided by two or four.
        let fill = self.rest.iter().take(MOST_FILL).take_while(|byte| **byte == 0).count();
        self.take(fill)?;
        if !matches!(self.take(4)?, b"8BIM" | b"8B64") {
            return Err(Reason::Malformed.into());
        }
        let key = self.take(4)?.first_chunk().ok_or(Reason::Malformed)?;
        let width = if WIDE.contains(&key) { width } else { Width::Four };
        Ok((key, self.block(width)?))
    }
}

/// The number of the colour model of one, two or more inks.
const DUOTONE: u16 = 8;
/// Bytes that fill up a block.
const MOST_FILL: usize = 3;
/// Keys of blocks whose lengths are those of the document.
const WIDE: [&[u8; 4]; 13] = [
    b"LMsk", b"Lr16", b"Lr32", b"Layr", b"Mt16", b"Mt32", b"Mtrn", b"Alph", b"FMsk", b"lnk2", b"FEid", b"FXid", b"PxSD",
];
/// Memory that is taken for a channel before its rows are there.
const MOST_AT_ONCE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Two by one pixels with channels of one byte each, stored plain unless `packing` says otherwise.
    fn file(mode: u16, depth: u16, channels: u16, layers: &[u8], packing: u16, data: &[u8]) -> Vec<u8> {
        with_resources(mode, depth, channels, &[], layers, packing, data)
    }

    fn with_resources(
        mode: u16,
        depth: u16,
        channels: u16,
        resources: &[u8],
        layers: &[u8],
        packing: u16,
        data: &[u8],
    ) -> Vec<u8> {
        let mut file = b"8BPS\0\x01\0\0\0\0\0\0".to_vec();
        file.extend(channels.to_be_bytes());
        file.extend([0, 0, 0, 1, 0, 0, 0, 2]);
        file.extend(depth.to_be_bytes());
        file.extend(mode.to_be_bytes());
        let palette: Vec<u8> = (0..3_u8).flat_map(|table| (0..=255_u8).map(move |index| index ^ table)).collect();
        for block in [if mode == 2 { &palette[..] } else { &[] }, resources, layers] {
            file.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            file.extend(block);
        }
        file.extend(packing.to_be_bytes());
        file.extend(data);
        file
    }

    fn check(file: &[u8], format: PixelFormat, pixels: &[u8]) {
        let (raster, _) = read(file, &Limits::default(), &mut Facts::default()).unwrap();
        assert_eq!((raster.width, raster.height, raster.format, raster.pixels.as_slice()), (2, 1, format, pixels));
    }

    #[test]
    fn each_model_has_the_colours_that_the_specification_says() {
        check(&file(3, 8, 3, &[], 0, &[10, 20, 30, 40, 50, 60]), PixelFormat::Rgb8, &[10, 30, 50, 20, 40, 60]);
        check(&file(3, 16, 3, &[], 0, &[255; 12]), PixelFormat::Rgb8, &[255; 6]);
        check(&file(1, 8, 1, &[], 0, &[7, 9]), PixelFormat::Gray8, &[7, 9]);
        check(&file(2, 8, 1, &[], 0, &[4, 5]), PixelFormat::Rgba8, &[4, 5, 6, 255, 5, 4, 7, 255]);
        let clear = resource(b"8BIM", 1047, &[0, 5]);
        check(&with_resources(2, 8, 1, &clear, &[], 0, &[4, 5]), PixelFormat::Rgba8, &[4, 5, 6, 255, 0, 0, 0, 0]);
        for (mode, converted) in [(1, false), (8, true)] {
            let mut facts = Facts::default();
            read(&file(mode, 8, 1, &[], 0, &[7, 9]), &Limits::default(), &mut facts).unwrap();
            assert_eq!(facts.converted, converted, "{mode}");
        }
        check(&file(0, 1, 1, &[], 0, &[0x40]), PixelFormat::Gray8, &[255, 0]);
        // No ink is white, all of the black ink is black.
        check(
            &file(4, 8, 4, &[], 0, &[255, 255, 255, 255, 255, 255, 255, 0]),
            PixelFormat::Rgb8,
            &[255, 255, 255, 0, 0, 0],
        );
    }

    #[test]
    fn a_fourth_channel_is_opacity_only_where_the_number_of_layers_is_negative() {
        let data = [10, 255, 20, 255, 30, 255, 255, 0];
        check(&file(3, 8, 4, &[], 0, &data), PixelFormat::Rgb8, &[10, 20, 30, 255, 255, 255]);
        let layers = [0, 0, 0, 2, 0xFF, 0xFF];
        check(&file(3, 8, 4, &layers, 0, &data), PixelFormat::Rgba8, &[10, 20, 30, 255, 255, 255, 255, 0]);
        // Half of black on white is grey.
        let half = [127, 127, 127, 127, 127, 127, 128, 128];
        check(&file(3, 8, 4, &layers, 0, &half), PixelFormat::Rgba8, &[0, 0, 0, 128, 0, 0, 0, 128]);
    }

    /// A resource without a name.
    fn resource(signature: &[u8], id: u16, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [signature, &id.to_be_bytes(), &[0, 0], &length, data].concat()
    }

    /// A section without layers in it: nothing for all layers, then blocks of additional information.
    fn additional(blocks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut section = vec![0; 8];
        for (key, data) in blocks {
            section.extend([&b"8BIM"[..], *key, &u32::try_from(data.len()).unwrap().to_be_bytes(), data].concat());
            section.resize(section.len().next_multiple_of(4), 0);
        }
        section
    }

    #[test]
    fn documents_of_16_bits_say_in_another_block_that_something_shows_through() {
        let data = [[10, 10, 255, 255], [20, 20, 255, 255], [30, 30, 255, 255], [255, 255, 0, 0]].concat();
        let opaque = [10, 20, 30, 255, 255, 255];
        check(&file(3, 16, 4, &additional(&[(b"Lr16", &[0, 1])]), 0, &data), PixelFormat::Rgb8, &opaque);
        let through: [&[(&[u8; 4], &[u8])]; 2] =
            [&[(b"Patt", &[0; 3]), (b"Lr16", &[0xFF, 0xFF])], &[(b"Mt16", &[]), (b"Lr16", &[0, 1])]];
        for blocks in through {
            let file = file(3, 16, 4, &additional(blocks), 0, &data);
            check(&file, PixelFormat::Rgba8, &[10, 20, 30, 255, 255, 255, 255, 0]);
        }
    }

    #[test]
    fn layers_and_channels_that_stay_behind_are_counted() {
        let count = |file: &[u8]| read(file, &Limits::default(), &mut Facts::default()).unwrap().1;
        assert_eq!(count(&file(3, 8, 3, &[], 0, &[0; 6])), 0);
        assert_eq!(count(&file(3, 8, 3, &[0, 0, 0, 2, 0, 3], 0, &[0; 6])), 3);
        // Three colours, opacity, and a selection.
        assert_eq!(count(&file(3, 8, 5, &[0, 0, 0, 2, 0xFF, 0xFE], 0, &[0; 10])), 3);
        assert_eq!(count(&file(4, 8, 6, &[], 0, &[0; 12])), 2);
        assert_eq!(count(&file(3, 16, 3, &additional(&[(b"Lr16", &[0, 7])]), 0, &[0; 12])), 7);
    }

    /// ImageReady and others sign resources otherwise.
    #[test]
    fn resources_behind_those_of_other_programs_are_read() {
        let unmerged = resource(b"8BIM", 1057, &[0, 0, 0, 1, 0]);
        for signature in [b"MeSa", b"AgHg", b"PHUT", b"DCSR"] {
            let resources = [resource(signature, 7000, b"ab"), unmerged.clone()].concat();
            let file = with_resources(3, 8, 3, &resources, &[], 0, &[0; 6]);
            assert_eq!(refused(&file), Reason::UnsupportedType);
        }
        let unknown = resource(b"what", 7000, b"ab");
        assert_eq!(refused(&with_resources(3, 8, 3, &unknown, &[], 0, &[0; 6])), Reason::Malformed);
        check(&with_resources(3, 8, 3, &[0, 0], &[], 0, &[1; 6]), PixelFormat::Rgb8, &[1; 6]);
    }

    fn refused(file: &[u8]) -> Reason {
        match read(file, &Limits::default(), &mut Facts::default()) {
            Err(error) => error.refusal().reason,
            Ok(_) => panic!("read"),
        }
    }

    #[test]
    fn rows_are_unpacked_and_no_longer_than_they_are() {
        // Two equal bytes; two different ones; a hundred where two are wanted.
        let rows = [0, 2, 0, 3, 0, 2, 0xFF, 5, 1, 6, 7, 0x9D, 8];
        check(&file(3, 8, 3, &[], 1, &rows), PixelFormat::Rgb8, &[5, 6, 8, 5, 7, 8]);
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        let whole = file(3, 8, 3, &[], 0, &[0; 6]);
        for cut in 4..whole.len() {
            assert_eq!(refused(&whole[..cut]), Reason::Malformed, "{cut}");
        }
        assert_eq!(refused(&file(9, 8, 3, &[], 0, &[0; 6])), Reason::UnsupportedType);
        assert_eq!(refused(&file(3, 8, 2, &[], 0, &[0; 6])), Reason::Malformed);
    }
}
