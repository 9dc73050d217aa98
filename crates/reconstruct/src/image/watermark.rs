//! Who looked, drawn into the pixels of a page before they are written: a picture that is saved says whose screen it was on.
//!
//! Letters are a grid of five by seven dots. The mark is laid over the page in staggered rows, each pixel halfway to grey, so that what is
//! below can be read and neither white nor black hides it.

use form::image::{ImageHeader, PixelFormat};
use form::job::Watermark;

/// Draws the mark over one frame; `pixels` are the whole of it.
pub(super) fn draw(image: &ImageHeader, pixels: &mut [u8], mark: &Watermark) {
    let channels: usize = match image.format {
        PixelFormat::Gray8 => 1,
        PixelFormat::GrayA8 => 2,
        PixelFormat::Rgb8 => 3,
        PixelFormat::Rgba8 => 4,
    };
    let colours = if channels < 3 { 1 } else { 3 };
    let (Ok(width), Ok(height)) = (usize::try_from(image.width), usize::try_from(image.height)) else { return };
    let scale = width.max(height).div_ceil(DOTS_ACROSS).max(1);
    let letters: Vec<[u8; ROWS]> = mark.as_str().bytes().map(glyph).collect();
    // One more column behind each letter, and some empty ones behind the last.
    let tile = letters.len().saturating_add(GAP).saturating_mul(COLUMNS + 1);
    let row_bytes = width.saturating_mul(channels);
    if tile == 0 || row_bytes == 0 {
        return;
    }
    for (y, row) in pixels.chunks_exact_mut(row_bytes).take(height).enumerate() {
        let dot_y = y / scale;
        let (line, inside) = (dot_y / LINE, dot_y % LINE);
        if inside >= ROWS {
            continue;
        }
        // Each line begins elsewhere, so that no strip of the page is without a mark.
        let shift = line.saturating_mul(tile / 3);
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let dot_x = (x / scale).saturating_add(shift) % tile;
            let (letter, column) = (dot_x / (COLUMNS + 1), dot_x % (COLUMNS + 1));
            let bits = letters.get(letter).and_then(|glyph| glyph.get(inside)).copied().unwrap_or(0);
            if column < COLUMNS && bits & (0b1_0000 >> column) != 0 {
                for value in pixel.iter_mut().take(colours) {
                    *value = *value / 2 + GREY / 2;
                }
                // What is transparent would hide it.
                if let (2 | 4, Some(alpha)) = (channels, pixel.last_mut()) {
                    *alpha = (*alpha).max(GREY);
                }
            }
        }
    }
}

/// The seven rows of a letter, its left column in the highest of five bits. Small letters look like capital ones.
fn glyph(letter: u8) -> [u8; ROWS] {
    match letter.to_ascii_lowercase() {
        b'a' => [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        b'b' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
        b'c' => [0b01111, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b01111],
        b'd' => [0b11110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b11110],
        b'e' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111],
        b'f' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
        b'g' => [0b01111, 0b10000, 0b10000, 0b10011, 0b10001, 0b10001, 0b01111],
        b'h' => [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        b'i' => [0b01110, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        b'j' => [0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100],
        b'k' => [0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001],
        b'l' => [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
        b'm' => [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001],
        b'n' => [0b10001, 0b11001, 0b11001, 0b10101, 0b10011, 0b10011, 0b10001],
        b'o' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        b'p' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
        b'q' => [0b01110, 0b10001, 0b10001, 0b10001, 0b10101, 0b10010, 0b01101],
        b'r' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
        b's' => [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
        b't' => [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        b'u' => [0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        b'v' => [0b10001, 0b10001, 0b10001, 0b10001, 0b01010, 0b01010, 0b00100],
        b'w' => [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001],
        b'x' => [0b10001, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b10001],
        b'y' => [0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100],
        b'z' => [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b10000, 0b11111],
        b'0' => [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        b'1' => [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        b'2' => [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        b'3' => [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
        b'4' => [0b10010, 0b10010, 0b10010, 0b11111, 0b00010, 0b00010, 0b00010],
        b'5' => [0b11111, 0b10000, 0b10000, 0b11110, 0b00001, 0b00001, 0b11110],
        b'6' => [0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        b'7' => [0b11111, 0b00001, 0b00010, 0b00010, 0b00100, 0b00100, 0b00100],
        b'8' => [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        b'9' => [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110],
        b'.' => [0, 0, 0, 0, 0, 0b01100, 0b01100],
        b':' => [0, 0b01100, 0b01100, 0, 0b01100, 0b01100, 0],
        b'-' => [0, 0, 0, 0b11111, 0, 0, 0],
        b'_' => [0, 0, 0, 0, 0, 0, 0b11111],
        b'@' => [0b01110, 0b10001, 0b10111, 0b10101, 0b10111, 0b10000, 0b01111],
        _ => [0; ROWS],
    }
}

const COLUMNS: usize = 5;
const ROWS: usize = 7;
/// Empty places of a letter between two marks.
const GAP: usize = 4;
/// Rows of dots from one line to the next.
const LINE: usize = 40;
/// Dots along the longer side of a page: a letter is then about a hundredth of it high.
const DOTS_ACROSS: usize = 700;
/// What marked pixels come nearer to.
const GREY: u8 = 128;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use form::image::{ImageSource, Repeat, Sampling};

    use super::*;

    fn image(width: u32, height: u32, format: PixelFormat) -> ImageHeader {
        ImageHeader {
            width,
            height,
            frames: 1,
            format,
            density: None,
            source: ImageSource::Png,
            quality: None,
            sampling: Sampling::Full,
            repeat: Repeat::Forever,
        }
    }

    fn marked(format: PixelFormat, channels: usize, background: u8) -> Vec<u8> {
        let image = image(300, 200, format);
        let mut pixels = vec![background; 300 * 200 * channels];
        draw(&image, &mut pixels, &Watermark::new("kanri01 2026-11-21 09:31").unwrap());
        pixels
    }

    #[test]
    fn every_format_is_marked_and_neither_white_nor_black_hides_it() {
        for (format, channels) in
            [(PixelFormat::Gray8, 1), (PixelFormat::GrayA8, 2), (PixelFormat::Rgb8, 3), (PixelFormat::Rgba8, 4)]
        {
            for background in [0, 255] {
                let pixels = marked(format, channels, background);
                let changed = pixels.chunks(channels).filter(|pixel| pixel[0].abs_diff(background) >= 60).count();
                let share = changed * 100 / (300 * 200);
                assert!((2..30).contains(&share), "{format:?} {background}: {share} %");
            }
        }
    }

    #[test]
    fn no_part_of_the_page_is_without_a_mark() {
        let pixels = marked(PixelFormat::Gray8, 1, 255);
        for (x, y) in (0..300 - 150).step_by(50).flat_map(|x| (0..200 - 80).step_by(40).map(move |y| (x, y))) {
            let any = (y..y + 80).any(|y| pixels[y * 300 + x..y * 300 + x + 150].iter().any(|pixel| *pixel != 255));
            assert!(any, "{x} {y}");
        }
    }

    #[test]
    fn the_letters_are_those_of_the_mark() {
        let image = image(40, 7, PixelFormat::Gray8);
        let mut pixels = vec![255; 40 * 7];
        draw(&image, &mut pixels, &Watermark::new("l-1").unwrap());
        let rows: Vec<String> = pixels
            .chunks(40)
            .map(|row| row[..18].iter().map(|pixel| if *pixel == 255 { '.' } else { '#' }).collect())
            .collect();
        let expect = [
            "#...............#.",
            "#..............##.",
            "#...............#.",
            "#.....#####.....#.",
            "#...............#.",
            "#...............#.",
            "#####..........###",
        ];
        // The 1 stands in the middle of its place.
        let shown: Vec<String> = rows.iter().map(|row| row.replace(' ', ".")).collect();
        for (found, wanted) in shown.iter().zip(expect) {
            assert_eq!(&found[..11], &wanted[..11]);
        }
        assert_eq!(shown.iter().map(|row| row[12..].matches('#').count()).sum::<usize>(), 10);
    }
}
