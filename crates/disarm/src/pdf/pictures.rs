//! Pictures: decoded once, brought to the layout and the number of pixels that they need, and written to the form at once, so
//! that no more than one is held.

use std::collections::{HashMap, HashSet};

use form::codec::Encoder;
use form::pages::{PictureHeader, PictureLayout, PictureSource};
use form::{Limits, Reason};
use hayro_interpret::{CacheKey, ImageData, LumaData, Paint, RasterImage, StencilImage};
use hayro_syntax::object::Stream;

use super::decodable::{self, Filter};
use super::geometry;
use crate::error::{Error, size};
use crate::image::jpeg;

/// The pictures of a document.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    known: HashMap<Key, Sent>,
    /// Numbers of pictures that nothing shows through.
    opaque: HashSet<u32>,
    /// Pictures of more pixels than the form has place for, of which fewer were sent, since this was last set to 0.
    pub(super) reduced: u32,
}

/// A picture that has been sent, and how finely it is wanted.
#[derive(Clone, Copy, Debug)]
struct Sent {
    known: Known,
    /// The page that is read.
    page: u32,
    /// How many of its pixels, along a side, are seen where it is drawn largest; whoever writes it need not keep more.
    share: f64,
}

impl Sent {
    /// Whether this picture will do on a page where so much is seen of it: it is written as finely as the page wants on which it
    /// comes first, and is not there any more for later ones.
    fn will_do(&mut self, page: u32, share: f64) -> bool {
        if page == self.page {
            self.share = self.share.max(share);
        }
        self.share >= 1.0 || share <= self.share * COARSER
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    picture: u128,
    stencil: bool,
    factor: u32,
}

/// What became of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    /// It is in the form.
    Picture {
        /// Its number.
        number: u32,
        /// What it covers of the space in which it is drawn: pixels as the file counts them.
        extent: (f64, f64),
        /// Whether all of it is opaque.
        opaque: bool,
    },
    /// It could not be decoded.
    Broken,
    /// Decoding it would cost too much.
    TooLarge,
}

impl Pictures {
    /// A picture that is drawn `drawn` points large.
    pub(super) fn raster(
        &mut self,
        image: &RasterImage<'_>,
        drawn: (f64, f64),
        page: u32,
        limits: &Limits,
        out: &mut Encoder<impl std::io::Write>,
    ) -> Result<Known, Error> {
        let size = (image.width(), image.height());
        let factor = factor(size, drawn, limits);
        let share = share(finest(image), drawn);
        let key = Key { picture: image.cache_key(), stencil: false, factor };
        if let Some(sent) = self.known.get_mut(&key)
            && sent.will_do(page, share)
        {
            return Ok(sent.known);
        }
        let least = decodable::reduction(image.stream(), limits.pixels).zip(reduction_of_masks(image, limits));
        let known = if let Some((least, of_masks)) = least {
            self.reduced = self.reduced.saturating_add(u32::from(least.max(of_masks) > 1));
            let factor = factor.max(least);
            let source = source(image);
            let wanted = (factor > 1).then(|| (image.width().div_ceil(factor), image.height().div_ceil(factor)));
            let mut decoded = None;
            image.with_rgba(|data, alpha| decoded = Some((data, alpha)), wanted);
            match decoded {
                Some((data, alpha)) => {
                    let target = (image.width().div_ceil(factor), image.height().div_ceil(factor));
                    write_raster(data, alpha, target, drawn, source, limits, out)?
                }
                None => Known::Broken,
            }
        } else {
            Known::TooLarge
        };
        if let Known::Picture { number, opaque: true, .. } = known {
            self.opaque.insert(number);
        }
        self.known.insert(key, Sent { known, page, share });
        Ok(known)
    }

    /// Whether nothing shows through a picture in the form.
    pub(super) fn is_opaque(&self, number: u32) -> bool {
        self.opaque.contains(&number)
    }

    /// A picture through which a paint is put, and that paint, of which the interpreter tells only together with the pixels;
    /// nothing where they may not be or cannot be decoded.
    pub(super) fn stencil<'a>(
        &mut self,
        image: &StencilImage<'a, '_>,
        limits: &Limits,
        out: &mut Encoder<impl std::io::Write>,
    ) -> Result<(Known, Option<Paint<'a>>), Error> {
        let Some(least) = decodable::reduction(image.stream(), limits.pixels) else {
            return Ok((Known::TooLarge, None));
        };
        let mut decoded = None;
        image.with_stencil(|data, paint| decoded = Some((data, paint.clone())), None);
        let Some((data, paint)) = decoded else { return Ok((Known::Broken, None)) };
        let key = Key { picture: image.cache_key(), stencil: true, factor: 1 };
        let known = match self.known.get(&key) {
            Some(sent) => sent.known,
            None => {
                self.reduced = self.reduced.saturating_add(u32::from(least > 1));
                let known = write_stencil(data, limits, out)?;
                self.known.insert(key, Sent { known, page: 0, share: 1.0 });
                known
            }
        };
        Ok((known, Some(paint)))
    }
}

/// What the pixels were compressed as. Of a JPEG that nothing else is around, the tables say how much was lost.
fn source(image: &RasterImage<'_>) -> PictureSource {
    let filters = decodable::filters(image.stream().dict());
    let quality = match filters.as_slice() {
        [Filter::Dct] => {
            let data = image.stream().raw_data();
            jpeg::estimated_quality(data.get(..JPEG_HEAD_BYTES).unwrap_or(&data))
        }
        _ => None,
    };
    match quality {
        Some(0..50) => PictureSource::RoughPhoto,
        Some(50..75) => PictureSource::CoarsePhoto,
        _ if filters.iter().any(|filter| matches!(filter, Filter::Dct | Filter::Jpx)) => PictureSource::Photo,
        _ => PictureSource::Drawing,
    }
}

/// Tables stand before the first scan; what editors put before them is seldom longer.
const JPEG_HEAD_BYTES: usize = 64 * 1024;

/// Plain pixels on their way into the form.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bytes of one pixel, 1 or 3.
    pub(super) channels: u8,
    pub(super) data: Vec<u8>,
    pub(super) source: PictureSource,
    pub(super) interpolate: bool,
}

impl Pixels {
    /// Writes them in the smallest layout that loses nothing, and gives the number.
    pub(super) fn write(mut self, alpha: Option<u32>, out: &mut Encoder<impl std::io::Write>) -> Result<u32, Error> {
        if self.channels == 3 && self.data.chunks_exact(3).all(|pixel| matches!(pixel, [r, g, b] if r == g && g == b)) {
            self.data = self.data.chunks_exact(3).filter_map(|pixel| pixel.first().copied()).collect();
            self.channels = 1;
        }
        let bilevel = self.channels == 1 && self.data.iter().all(|value| matches!(value, 0 | 0xFF));
        let layout = match (self.channels, bilevel) {
            (3, _) => PictureLayout::Rgb8,
            (_, true) => PictureLayout::Bits,
            (_, false) => PictureLayout::Gray8,
        };
        if bilevel {
            self.data = packed(&self.data, self.width);
        }
        let header = PictureHeader {
            width: self.width,
            height: self.height,
            layout,
            source: self.source,
            interpolate: self.interpolate,
            alpha,
        };
        let number = out.picture(&header)?;
        out.pixels(&self.data)?;
        Ok(number)
    }

    /// Averages squares of `factor` pixels into one.
    fn reduced(self, factor: u32) -> Pixels {
        if factor <= 1 {
            return self;
        }
        let (width, height) = (self.width.div_ceil(factor), self.height.div_ceil(factor));
        let channels = usize::from(self.channels);
        let step = usize::try_from(factor).unwrap_or(1);
        let row_bytes = usize::try_from(self.width).unwrap_or(0).saturating_mul(channels).max(1);
        let columns = usize::try_from(width).unwrap_or(0);
        let mut data = Vec::with_capacity(columns.saturating_mul(channels));
        let mut sums = vec![0_u32; columns.saturating_mul(channels)];
        let mut counts = vec![0_u32; columns];
        for band in self.data.chunks(row_bytes.saturating_mul(step)) {
            sums.fill(0);
            counts.fill(0);
            for row in band.chunks_exact(row_bytes) {
                let cells =
                    row.chunks(channels.saturating_mul(step)).zip(sums.chunks_exact_mut(channels)).zip(&mut counts);
                for ((pixels, sum), count) in cells {
                    for pixel in pixels.chunks_exact(channels) {
                        *count = count.saturating_add(1);
                        for (total, value) in sum.iter_mut().zip(pixel) {
                            *total = total.saturating_add(u32::from(*value));
                        }
                    }
                }
            }
            for (sum, count) in sums.chunks_exact(channels).zip(&counts) {
                let count = (*count).max(1);
                data.extend(sum.iter().map(|total| u8::try_from((total + count / 2) / count).unwrap_or(u8::MAX)));
            }
        }
        Pixels { width, height, data, ..self }
    }

    /// Makes one pixel of squares of `factor`, painted where one of them is: the thin lines of a plan must not go.
    fn thickened(self, factor: u32) -> Pixels {
        if factor <= 1 {
            return self;
        }
        let step = usize::try_from(factor).unwrap_or(1);
        let row = usize::try_from(self.width).unwrap_or(0).max(1);
        let (width, height) = (self.width.div_ceil(factor), self.height.div_ceil(factor));
        let mut data = Vec::with_capacity(self.data.len() / step / step);
        for band in self.data.chunks(row.saturating_mul(step)) {
            let mut darkest = vec![0_u8; usize::try_from(width).unwrap_or(0)];
            for line in band.chunks(row) {
                for (most, cell) in darkest.iter_mut().zip(line.chunks(step)) {
                    *most = cell.iter().copied().fold(*most, u8::max);
                }
            }
            data.extend(darkest);
        }
        Pixels { width, height, data, ..self }
    }

    /// How many pixels in a row must become one so that the form has place for them.
    fn needed(&self, limits: &Limits) -> u32 {
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        let fits = |by: &u32| {
            let (width, height) = (width.div_ceil((*by).into()), height.div_ceil((*by).into()));
            width.saturating_mul(height) <= limits.pixels && width.max(height) <= limits.dimension.into()
        };
        (1..=MAX_NEEDED).find(fits).unwrap_or(MAX_NEEDED)
    }

    fn is_bilevel(&self) -> bool {
        self.channels == 1 && self.data.iter().all(|value| matches!(value, 0 | 0xFF))
    }

    /// Whether there are as many pixels as the size says; a decoder that says otherwise is not believed.
    fn is_whole(&self) -> bool {
        let bytes = u64::from(self.width).saturating_mul(self.height.into()).saturating_mul(self.channels.into());
        bytes > 0 && bytes == size(self.data.len())
    }
}

fn write_raster(
    data: ImageData,
    alpha: Option<LumaData>,
    target: (u32, u32),
    drawn: (f64, f64),
    source: PictureSource,
    limits: &Limits,
    out: &mut Encoder<impl std::io::Write>,
) -> Result<Known, Error> {
    let (width, height) = (data.width(), data.height());
    let (scale_x, scale_y) = data.scale_factors();
    let extent = (f64::from(width) * f64::from(scale_x), f64::from(height) * f64::from(scale_y));
    let interpolate = data.interpolate();
    let (channels, data) = match data {
        ImageData::Rgb(rgb) => (3, rgb.data),
        ImageData::Luma(luma) => (1, luma.data),
    };
    let pixels = Pixels { width, height, channels, data, source, interpolate };
    if !pixels.is_whole() {
        return Ok(Known::Broken);
    }
    let alpha = alpha.filter(|alpha| alpha.data.iter().any(|value| *value != u8::MAX));
    let opaque = alpha.is_none();
    let alpha = match alpha {
        Some(alpha) => match write_alpha(alpha, drawn, limits, out)? {
            Some(number) => Some(number),
            None => return Ok(Known::Broken),
        },
        None => None,
    };
    let number = fitted(pixels, target, limits).write(alpha, out)?;
    Ok(Known::Picture { number, extent, opaque })
}

/// Writes a mask as finely as it is drawn, whatever the picture has: compact scans are letters cut out of a few pixels of ink, and the
/// shadows of office programs out of one.
fn write_alpha(
    alpha: LumaData,
    drawn: (f64, f64),
    limits: &Limits,
    out: &mut Encoder<impl std::io::Write>,
) -> Result<Option<u32>, Error> {
    let LumaData { data, width, height, interpolate, .. } = alpha;
    let pixels = Pixels { width, height, channels: 1, data, source: PictureSource::Drawing, interpolate };
    if !pixels.is_whole() {
        return Ok(None);
    }
    let factor = factor((width, height), drawn, limits);
    let target = (width.div_ceil(factor), height.div_ceil(factor));
    Ok(Some(fitted(pixels, target, limits).write(None, out)?))
}

fn write_stencil(data: LumaData, limits: &Limits, out: &mut Encoder<impl std::io::Write>) -> Result<Known, Error> {
    let extent = (
        f64::from(data.width) * f64::from(data.scale_factors.0),
        f64::from(data.height) * f64::from(data.scale_factors.1),
    );
    let LumaData { data, width, height, interpolate, .. } = data;
    let pixels = Pixels { width, height, channels: 1, data, source: PictureSource::Drawing, interpolate };
    if !pixels.is_whole() {
        return Ok(Known::Broken);
    }
    let factor = pixels.needed(limits);
    let pixels = pixels.thickened(factor);
    let header = PictureHeader {
        width: pixels.width,
        height: pixels.height,
        layout: PictureLayout::Bits,
        source: PictureSource::Drawing,
        interpolate,
        alpha: None,
    };
    let number = out.picture(&header)?;
    out.pixels(&packed(&pixels.data, pixels.width))?;
    Ok(Known::Picture { number, extent, opaque: true })
}

/// Black and white stays as it is where it may: averaged it would be grey and larger.
fn fitted(pixels: Pixels, target: (u32, u32), limits: &Limits) -> Pixels {
    // A decoder may have given fewer pixels than the file says.
    let factor = (pixels.width / target.0.max(1)).min(pixels.height / target.1.max(1));
    let needed = pixels.needed(limits);
    let factor = if pixels.is_bilevel() && factor < BILEVEL_FACTOR { needed } else { factor.max(needed) };
    pixels.reduced(factor)
}

/// Eight pixels a byte, the leftmost in the highest bit, rows padded with zeros.
fn packed(data: &[u8], width: u32) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut bits = Vec::with_capacity(data.len() / 8);
    for row in data.chunks(width) {
        for eight in row.chunks(8) {
            let byte = eight.iter().fold(0_u8, |byte, value| byte << 1 | u8::from(*value >= 0x80));
            let missing = 8_usize.saturating_sub(eight.len());
            bits.push(byte << u32::try_from(missing).unwrap_or(0));
        }
    }
    bits
}

/// By how much a picture may be reduced and still have [`DENSITY`] where it is drawn.
fn factor((width, height): (u32, u32), drawn: (f64, f64), limits: &Limits) -> u32 {
    let needed = width.max(height).div_ceil(limits.dimension.max(1));
    let area = u64::from(width).saturating_mul(height.into());
    if area < WORTHWHILE {
        return needed.max(1);
    }
    let density = |pixels: u32, points: f64| f64::from(pixels) / (points.abs() / 72.0).max(f64::MIN_POSITIVE);
    let least = density(width, drawn.0).min(density(height, drawn.1));
    // Whole factors only: nothing is blurred that the clean side would then reduce again.
    let spare = geometry::pixels((least / DENSITY).floor()).min(MAX_FACTOR);
    spare.max(needed).max(1)
}

/// How many of a picture's pixels, along a side, are seen at [`DENSITY`]: 1 when all are.
fn share((width, height): (u32, u32), drawn: (f64, f64)) -> f64 {
    let seen = |points: f64, pixels: u32| points.abs() / 72.0 * DENSITY / f64::from(pixels.max(1));
    let share = seen(drawn.0, width).max(seen(drawn.1, height));
    if share.is_nan() { 1.0 } else { share.min(1.0) }
}

/// The pixels across and down of a picture or, where one is finer, of its masks.
fn finest(image: &RasterImage<'_>) -> (u32, u32) {
    let masks =
        masks(image).filter_map(|mask| Some((mask.dict().get::<u32>("Width")?, mask.dict().get::<u32>("Height")?)));
    masks.fold((image.width(), image.height()), |(width, height), mask| (width.max(mask.0), height.max(mask.1)))
}

/// The masks that a picture brings.
fn masks<'i>(image: &'i RasterImage<'_>) -> impl Iterator<Item = Stream<'i>> {
    let dict = image.stream().dict();
    ["SMask", "Mask"].into_iter().filter_map(|key| dict.get::<Stream<'i>>(key))
}

/// By how much the masks that a picture brings are reduced, the largest of them, 1 without any; `None` where one may not be decoded. One
/// of more pixels than the form has place for is reduced: that of a scanned plan is many times finer than the colours that show through it.
fn reduction_of_masks(image: &RasterImage<'_>, limits: &Limits) -> Option<u32> {
    masks(image).try_fold(1, |most, mask| Some(decodable::reduction(&mask, limits.pixels)?.max(most)))
}

/// The density in dots per inch below which pictures are left alone.
const DENSITY: f64 = 300.0;
/// Pictures of fewer pixels are not reduced here.
const WORTHWHILE: u64 = 1_000_000;
/// How much more of a picture may be wanted than was before it is sent again. Each time costs a picture, and there are not more
/// than some thirty until all of it is wanted.
const COARSER: f64 = 1.25;
const MAX_FACTOR: u32 = 64;
/// More than a side of a picture that may be decoded.
const MAX_NEEDED: u32 = 65_536;
/// From this factor on even black and white is reduced.
const BILEVEL_FACTOR: u32 = 5;

/// The finding for a picture that is not shown.
pub(super) const LOST: Reason = Reason::PictureUndecodable;

#[cfg(test)]
mod tests {
    use form::Limits;
    use form::pages::PictureSource;

    use super::{Pixels, factor, packed};

    #[test]
    fn bits_are_packed_from_the_left_and_rows_are_padded() {
        assert_eq!(
            packed(&[255, 0, 255, 0, 0, 0, 0, 0, 255, 0, 255, 255, 0, 0, 0, 0, 0, 0], 9),
            [0xA0, 0x80, 0x60, 0x00]
        );
    }

    #[test]
    fn a_picture_is_reduced_by_whole_factors_to_no_less_than_its_density() {
        let limits = Limits::default();
        assert_eq!(factor((6_000, 6_000), (720.0, 720.0), &limits), 2);
        assert_eq!(factor((5_990, 5_990), (720.0, 720.0), &limits), 1);
        assert_eq!(factor((600, 600), (7.2, 7.2), &limits), 1);
        assert_eq!(factor((40_000, 1_000), (7_200.0, 180.0), &limits), 2);
    }

    #[test]
    fn a_reduced_picture_has_the_average_of_its_pixels() {
        let pixels = Pixels {
            width: 3,
            height: 2,
            channels: 1,
            data: vec![0, 100, 50, 100, 200, 150],
            source: PictureSource::Drawing,
            interpolate: false,
        };
        let reduced = pixels.reduced(2);
        assert_eq!((reduced.width, reduced.height, reduced.data), (2, 1, vec![100, 100]));
    }
}
