//! The colours of a picture, where there are few: most letters, charts, stamps and screenshots have fewer than 256, and a
//! palette makes their files three to six times smaller.

use form::image::PixelFormat;

/// Up to 256 colours and the number of each pixel's.
pub(crate) struct Palette {
    /// Red, green, blue, alpha of each; the ones that are not opaque first.
    pub(crate) colours: Vec<[u8; 4]>,
    /// One number for each pixel.
    pub(crate) indices: Vec<u8>,
}

impl Palette {
    /// The palette of a picture, or nothing when it has more than `most` colours (at most 256).
    pub(crate) fn of(pixels: &[u8], format: PixelFormat, most: usize) -> Option<Palette> {
        let mut table = Table::new(most);
        let mut indices = match format {
            PixelFormat::Gray8 => table.numbers(pixels, |[grey]| [grey, grey, grey, 255]),
            PixelFormat::GrayA8 => table.numbers(pixels, |[grey, alpha]| [grey, grey, grey, alpha]),
            PixelFormat::Rgb8 => table.numbers(pixels, |[r, g, b]| [r, g, b, 255]),
            PixelFormat::Rgba8 => table.numbers(pixels, |rgba| rgba),
        }?;
        // Opaque ones last keeps PNG's transparency table short; sorting makes equal pictures equal files.
        let mut order: Vec<(u32, usize)> = table.keys.iter().copied().zip(0..).collect();
        order.sort_unstable_by_key(|(key, _)| (key & 0xFF == 0xFF, *key));
        let mut places = [0_u8; 256];
        for (place, (_, number)) in (0..=u8::MAX).zip(&order) {
            *places.get_mut(*number)? = place;
        }
        for index in &mut indices {
            *index = places.get(usize::from(*index)).copied()?;
        }
        Some(Palette { colours: order.into_iter().map(|(key, _)| key.to_be_bytes()).collect(), indices })
    }
}

/// Numbers colours in the order in which they come. Open addressing over four times as many slots as there are colours, so
/// that a photograph is given up after a few hundred steps and a drawing costs one step per pixel.
struct Table {
    slots: Vec<u16>,
    keys: Vec<u32>,
    most: usize,
    last: Option<(u32, u8)>,
}

impl Table {
    fn new(most: usize) -> Table {
        Table { slots: vec![EMPTY; SLOTS], keys: Vec::new(), most: most.min(256), last: None }
    }

    /// A number for each pixel, or nothing when there are too many colours.
    fn numbers<const N: usize>(&mut self, pixels: &[u8], rgba: impl Fn([u8; N]) -> [u8; 4]) -> Option<Vec<u8>> {
        let (pixels, _) = pixels.as_chunks::<N>();
        let mut numbers = Vec::with_capacity(pixels.len());
        for pixel in pixels {
            // What is wholly transparent has no colour, whatever bytes stand there.
            let key = match rgba(*pixel) {
                [.., 0] => 0,
                rgba => u32::from_be_bytes(rgba),
            };
            numbers.push(self.insert(key)?);
        }
        Some(numbers)
    }

    fn insert(&mut self, key: u32) -> Option<u8> {
        if let Some((known, number)) = self.last
            && known == key
        {
            return Some(number);
        }
        let mut at = usize::try_from(key.wrapping_mul(0x9E37_79B1) >> 22).ok()?;
        let number = loop {
            let slot = self.slots.get_mut(at % SLOTS)?;
            if *slot == EMPTY {
                if self.keys.len() >= self.most {
                    return None;
                }
                let number = u8::try_from(self.keys.len()).ok()?;
                *slot = u16::from(number);
                self.keys.push(key);
                break number;
            }
            if self.keys.get(usize::from(*slot)) == Some(&key) {
                break u8::try_from(*slot).ok()?;
            }
            at = at.wrapping_add(1);
        };
        self.last = Some((key, number));
        Some(number)
    }
}

/// Packs numbers or samples of `bits` bits, rows beginning at whole bytes.
pub(crate) fn packed(values: &[u8], width: usize, bits: usize) -> Vec<u8> {
    let row_bytes = width.saturating_mul(bits).div_ceil(8);
    let mut packed = Vec::with_capacity(row_bytes.saturating_mul(values.len() / width.max(1)));
    for row in values.chunks_exact(width.max(1)) {
        match bits {
            1 => pack::<8>(row, &mut packed),
            2 => pack::<4>(row, &mut packed),
            4 => pack::<2>(row, &mut packed),
            _ => packed.extend_from_slice(row),
        }
    }
    packed
}

/// Packs a row, `EACH` values to a byte.
fn pack<const EACH: usize>(row: &[u8], packed: &mut Vec<u8>) {
    let byte = |group: &[u8; EACH]| group.iter().fold(0_u8, |byte, value| byte << (8 / EACH) | value);
    let (groups, rest) = row.as_chunks::<EACH>();
    packed.extend(groups.iter().map(byte));
    if !rest.is_empty() {
        let mut last = [0; EACH];
        last.iter_mut().zip(rest).for_each(|(place, value)| *place = *value);
        packed.push(byte(&last));
    }
}

/// The fewest bits of 1, 2, 4, 8 that number this many colours.
pub(crate) fn bits_for(colours: usize) -> usize {
    match colours {
        0..=2 => 1,
        3..=4 => 2,
        5..=16 => 4,
        _ => 8,
    }
}

/// The fewest bits that hold grey samples without loss: 1 for black and white, 2 and 4 for the even steps between.
pub(crate) fn grey_bits(samples: &[u8]) -> usize {
    let mut bits = 1;
    for sample in samples {
        let needed = match sample {
            0 | 255 => 1,
            85 | 170 => 2,
            sample if sample % 17 == 0 => 4,
            _ => return 8,
        };
        bits = bits.max(needed);
    }
    bits
}

/// Grey samples as packed numbers of `bits` bits.
pub(crate) fn packed_grey(samples: &[u8], width: usize, bits: usize) -> Vec<u8> {
    let step = match bits {
        1 => 255,
        2 => 85,
        4 => 17,
        _ => return samples.to_vec(),
    };
    let numbers: Vec<u8> = samples.iter().map(|sample| sample / step).collect();
    packed(&numbers, width, bits)
}

const SLOTS: usize = 1024;
const EMPTY: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn shades(count: u32) -> Vec<u8> {
        (0..count).flat_map(|n| [n.to_be_bytes()[2], n.to_be_bytes()[3], 7]).collect()
    }

    #[test]
    fn a_palette_holds_256_colours_and_not_257() {
        assert_eq!(Palette::of(&shades(256), PixelFormat::Rgb8, 256).unwrap().colours.len(), 256);
        assert!(Palette::of(&shades(257), PixelFormat::Rgb8, 256).is_none());
    }

    #[test]
    fn a_palette_leads_back_to_its_pixels() {
        let pixels = [9, 8, 7, 255, 1, 2, 3, 128, 5, 5, 5, 0, 9, 8, 7, 255];
        let palette = Palette::of(&pixels, PixelFormat::Rgba8, 256).unwrap();
        let back: Vec<[u8; 4]> = palette.indices.iter().map(|i| palette.colours[usize::from(*i)]).collect();
        assert_eq!(back, [[9, 8, 7, 255], [1, 2, 3, 128], [0, 0, 0, 0], [9, 8, 7, 255]]);
        assert!(palette.colours.iter().is_sorted_by_key(|c| c[3] == 255));
    }

    #[test]
    fn bits_are_packed_from_the_left_with_rows_at_whole_bytes() {
        assert_eq!(packed(&[1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 0], 6, 1), [0b1011_1100, 0b0010_1000]);
        assert_eq!(packed(&[1, 2, 3], 3, 4), [0x12, 0x30]);
        assert_eq!(packed_grey(&[0, 255, 255], 3, 1), [0b0110_0000]);
        assert_eq!(grey_bits(&[0, 255]), 1);
        assert_eq!(grey_bits(&[0, 85, 255]), 2);
        assert_eq!(grey_bits(&[0, 17]), 4);
        assert_eq!(grey_bits(&[0, 1]), 8);
    }
}
