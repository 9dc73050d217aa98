//! Scans in black and white: other programs find the very bits that the form had.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pages;

use form::pages::*;
use pages::grammar::{Grammar, Seen};
use pages::random::Chance;
use pages::*;

/// Rows that mostly equal the one above, some white, some black, others with spans turned over; 1 for white, what is behind
/// the last pixel 0.
fn scan(width: usize, height: usize, spans: u32, seed: u64) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let stride = width.div_ceil(8);
    let mut rows = vec![0xFF; stride];
    for _ in 1..height {
        let mut row = rows[rows.len() - stride..].to_vec();
        match chance.below(24) {
            0 => row.fill(0xFF),
            1 => row.fill(0),
            2..8 => {
                for _ in 0..spans {
                    let start = chance.below(width);
                    let end = width.min(start + 1 + chance.below(90));
                    (start..end).for_each(|at| row[at / 8] ^= 0x80 >> (at % 8));
                }
            }
            _ => {}
        }
        rows.extend(row);
    }
    let spare = 0xFF << (stride * 8 - width);
    rows.iter_mut().skip(stride - 1).step_by(stride).for_each(|byte| *byte &= spare);
    rows
}

fn count(file: &[u8], needle: &str) -> usize {
    file.windows(needle.len()).filter(|window| *window == needle.as_bytes()).count()
}

/// A picture to each page, one point to each pixel.
fn pictures(scans: &[(usize, usize, Vec<u8>)]) -> Vec<u8> {
    file(&form(|form| {
        for (width, height, rows) in scans {
            let (width, height) = (u32::try_from(*width).unwrap(), u32::try_from(*height).unwrap());
            let header = picture_header(width, height, PictureLayout::Bits, PictureSource::Drawing);
            let picture = form.picture(&header).unwrap();
            rows.chunks(rows.len() / height as usize).for_each(|row| form.pixels(row).unwrap());
            let (width, height) = (width as f32, height as f32);
            form.page(&sheet(width, height)).unwrap();
            let matrix = placed(0.0, 0.0, width, height);
            form.operations(&[Operation::Picture { picture, matrix, alpha: 255 }]).unwrap();
        }
    }))
}

#[test]
fn poppler_and_mupdf_read_every_bit_of_jbig2() {
    let mut scans = Vec::new();
    for (seed, width) in (1..).zip([63, 64, 65, 66, 67, 68, 127, 128, 129, 300, 1654]) {
        let height = 65_536_usize.div_ceil(width);
        scans.push((width, height, scan(width, height, 1, seed)));
        scans.push((width, height, scan(width, height, 1 + u32::try_from(width).unwrap() / 100, seed + 100)));
    }
    // Nothing but white, and black in one corner only.
    scans.push((256, 256, vec![0xFF; 256 * 32]));
    let mut corner = vec![0xFF; 256 * 32];
    *corner.last_mut().unwrap() = 0xFE;
    scans.push((256, 256, corner));
    let file = pictures(&scans);
    assert_eq!(readers::complaints(&file), "");
    assert_eq!(Grammar::published().check(&file, &mut Seen::default()), Ok(()));
    assert_eq!(count(&file, "/JBIG2Decode"), scans.len());
    for (program, read) in [("poppler", readers::bitmaps(&file)), ("mupdf", readers::drawn_bitmaps(&file))] {
        assert_eq!(read.len(), scans.len());
        for ((width, height, rows), (read_width, read_height, read)) in scans.iter().zip(read) {
            assert_eq!((read_width, read_height), (*width, *height));
            let spare = 0xFF << (width.div_ceil(8) * 8 - width);
            let stride = width.div_ceil(8);
            for (at, (row, read)) in rows.chunks(stride).zip(read.chunks(stride)).enumerate() {
                let mut read: Vec<u8> = read.iter().map(|byte| !byte).collect();
                *read.last_mut().unwrap() &= spare;
                assert_eq!(row, read, "{program}, {width} x {height}, row {at}");
            }
        }
    }
}

#[test]
fn what_is_small_or_noise_is_no_jbig2() {
    let small = pictures(&[(64, 64, scan(64, 64, 1, 1))]);
    assert_eq!((count(&small, "/JBIG2Decode"), count(&small, "/CCITTFaxDecode")), (0, 1));
    let mut chance = Chance::new(2);
    let noise = (0..256 * 32).map(|_| u8::try_from(chance.below(256)).unwrap()).collect();
    let noise = pictures(&[(256, 256, noise)]);
    assert_eq!((count(&noise, "/JBIG2Decode"), count(&noise, "/FlateDecode") > 0), (0, true));
}
