//! Pictures through both rooms; expected pixels are those of the fixtures' README.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use form::report::OutputType;
use form::{Limits, Reason};
use image::{DynamicImage, GenericImageView};
use rooms::{Sanitised, fixture, refusal, sanitise, sanitise_within};

const RED: [u8; 3] = [255, 0, 0];
const LIME: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const WHITE: [u8; 3] = [255, 255, 255];

fn made(name: &str) -> (Sanitised, DynamicImage) {
    let done = sanitise(&fixture(name), name).unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
    let picture = image::load_from_memory(&done.bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    (done, picture)
}

/// The colours in the middles of the four quarters.
fn quarters(picture: &DynamicImage) -> [[u8; 3]; 4] {
    let (width, height) = picture.dimensions();
    let rgb = picture.to_rgb8();
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| rgb.get_pixel(width * x / 4, height * y / 4).0)
}

fn alike(found: [[u8; 3]; 4], expected: [[u8; 3]; 4], name: &str) {
    for (a, b) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!(a.abs_diff(*b) < 24, "{name}: {found:?} is not {expected:?}");
    }
}

#[test]
fn every_format_comes_out_as_itself_with_its_colours() {
    for (name, output) in [
        ("quarters.png", OutputType::Png),
        ("quarters.jpg", OutputType::Jpeg),
        ("progressive.jpg", OutputType::Jpeg),
        ("still.gif", OutputType::Gif),
        ("quarters.bmp", OutputType::Bmp),
        ("quarters.webp", OutputType::WebP),
        ("palette.tif", OutputType::Tiff),
        ("palette-msb.tif", OutputType::Tiff),
        ("planes.tif", OutputType::Tiff),
        ("cmyk.jpg", OutputType::Jpeg),
        ("cmyk.tif", OutputType::Tiff),
    ] {
        let done = sanitise(&fixture(name), name).unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
        assert_eq!((done.report.output, done.report.pages), (output, 1), "{name}");
        let picture = if output == OutputType::Tiff {
            first_page(&done.bytes)
        } else {
            image::load_from_memory(&done.bytes).unwrap()
        };
        assert_eq!(picture.dimensions(), (32, 24), "{name}");
        alike(quarters(&picture), [RED, LIME, BLUE, WHITE], name);
    }
}

/// The crate `image` does not read the palettes that we write; the dirty room does.
fn first_page(bytes: &[u8]) -> DynamicImage {
    let mut form = Vec::new();
    let job = rooms::dirty_job("a.tif", &Limits::default()).encode();
    disarm::run(&job, bytes, &disarm::Fonts::default(), &mut form, &mut Vec::new()).unwrap();
    let document = form::document::ImageDoc::decode(form.as_slice(), &Limits::default()).unwrap();
    let (width, height) = (document.header.width, document.header.height);
    let pixels = document.frames[0].pixels.clone();
    match document.header.format {
        form::image::PixelFormat::Gray8 => image::GrayImage::from_raw(width, height, pixels).unwrap().into(),
        form::image::PixelFormat::Rgb8 => image::RgbImage::from_raw(width, height, pixels).unwrap().into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_exif_turn_is_applied_as_the_standard_says() {
    // Exif 2.32, 4.6.4: where the row and column 0 of the stored picture are when it is shown.
    for (number, expected) in [
        (2, [LIME, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, LIME, RED]),
        (4, [BLUE, WHITE, RED, LIME]),
        (5, [RED, BLUE, LIME, WHITE]),
        (6, [BLUE, RED, WHITE, LIME]),
        (7, [WHITE, LIME, BLUE, RED]),
        (8, [LIME, WHITE, RED, BLUE]),
    ] {
        let name = format!("turned-{number}.jpg");
        let (done, picture) = made(&name);
        assert_eq!(picture.dimensions(), if number < 5 { (32, 24) } else { (24, 32) }, "{name}");
        alike(quarters(&picture), expected, &name);
        assert!(done.has(Reason::OrientationApplied), "{name}");
    }
    assert!(!made("quarters.jpg").0.has(Reason::OrientationApplied));
}

#[test]
fn position_and_descriptions_are_removed_and_told() {
    let (done, _) = made("position.jpg");
    assert!(done.has(Reason::GpsPosition));
    assert_eq!(done.place(Reason::Metadata).as_deref(), Some("Exif, XMP, comment"));
    let (png, _) = made("described.png");
    assert_eq!(png.place(Reason::Metadata).as_deref(), Some("text, XMP"));
    for done in [done, png] {
        for secret in [b"secret".as_slice(), b"Exif", b"Taro", b"ns.adobe.com"] {
            assert!(!done.bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

/// The sampling factors of the components, out of the frame header (ITU-T T.81, B.2.2).
fn factors(jpeg: &[u8]) -> Vec<u8> {
    let frame = jpeg.windows(4).position(|at| at[0] == 0xFF && matches!(at[1], 0xC0..=0xC2)).unwrap();
    jpeg[frame + 10..].chunks_exact(3).take(jpeg[frame + 9].into()).map(|component| component[1]).collect()
}

#[test]
fn colours_are_as_fine_as_they_were() {
    let picture = image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb(if (x / 2 + y / 2) % 2 == 0 { [250, 20, 30] } else { [20, 30, 250] })
    });
    let mut fine = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut fine, 80).encode_image(&picture).unwrap();
    assert_eq!(factors(&fine), [0x11; 3]);
    let done = sanitise(&fine, "a.jpg").unwrap();
    assert_eq!(factors(&done.bytes), [0x11; 3]);
    // Of colours that were halved, half is kept.
    let coarse = fixture("gradient.jpg");
    assert_eq!(factors(&coarse), [0x22, 0x11, 0x11]);
    assert_eq!(factors(&sanitise(&coarse, "a.jpg").unwrap().bytes), [0x22, 0x11, 0x11]);
}

/// Few programs show these formats.
#[test]
fn jpeg_2000_and_photoshop_become_what_every_program_shows() {
    let (done, picture) = made("quarters.jp2");
    assert_eq!((done.report.output, done.report.detected_type.as_str()), (OutputType::Jpeg, "jp2"));
    assert_eq!(picture.dimensions(), (32, 24));
    alike(quarters(&picture), [RED, LIME, BLUE, WHITE], "quarters.jp2");
    assert_eq!(done.place(Reason::FormatConverted).as_deref(), Some("JPEG"));
    let (clear, picture) = made("clear.jp2");
    assert_eq!((clear.report.output, picture.to_rgba8().get_pixel(16, 12).0[3]), (OutputType::Png, 0x80));
    // Two by one pixels, red and blue, channel after channel (Adobe Photoshop File Formats Specification).
    let mut psd = b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\x08\0\x03".to_vec();
    psd.extend([[0; 14].as_slice(), &[255, 0, 0, 0, 0, 255]].concat());
    let done = sanitise(&psd, "a.psd").unwrap();
    assert_eq!((done.report.output, done.report.detected_type.as_str()), (OutputType::Png, "psd"));
    assert_eq!(image::load_from_memory(&done.bytes).unwrap().to_rgb8().into_raw(), [255, 0, 0, 0, 0, 255]);
}

/// A box of JPEG 2000 (ISO/IEC 15444-1, I.4).
fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len() + 8).unwrap().to_be_bytes(), &kind[..], content].concat()
}

/// 15444-1, I.5.3.7: numerators, denominators and powers of ten of the points of a metre, down and across.
#[test]
fn jpeg_2000_keeps_its_density_and_tells_of_further_pictures() {
    let plain = fixture("quarters.jp2");
    let at = plain.windows(4).position(|kind| kind == b"jp2h").unwrap() - 4;
    let length = usize::try_from(u32::from_be_bytes(plain[at..at + 4].try_into().unwrap())).unwrap();
    let (header, behind) = (&plain[at + 8..at + length], &plain[at + length..]);
    let numbers = |down: u16, across: u16, power: u8| {
        [&down.to_be_bytes()[..], &[0, 10], &across.to_be_bytes(), &[0, 10], &[power, power]].concat()
    };
    let with = |resolution: &[u8]| {
        let header = [header, &boxed(b"res ", resolution)].concat();
        sanitise(&[&plain[..at], &boxed(b"jp2h", &header), behind].concat(), "a.jp2").unwrap()
    };
    // 300 and 150 dots per inch are 11,811 and 5,906 per metre.
    let scanned = boxed(b"resc", &numbers(11_811, 5_906, 1));
    let density = |done: &Sanitised| {
        let app0 = done.bytes.windows(5).position(|mark| mark == b"JFIF\0").unwrap() + 7;
        done.bytes[app0..app0 + 5].to_vec()
    };
    assert_eq!(density(&with(&scanned)), [1, 0, 150, 1, 44]);
    // 72 dots per inch are 2,835 per metre: where it is to be shown otherwise than it was scanned, that counts.
    let shown = boxed(b"resd", &numbers(28_350, 28_350, 0));
    assert_eq!(density(&with(&[scanned, shown].concat())), [1, 0, 72, 0, 72]);
    assert!(!sanitise(&plain, "a.jp2").unwrap().has(Reason::AnimationFrames));
    let (start, stream) = behind.split_at(behind.windows(4).position(|kind| kind == b"jp2c").unwrap() + 4);
    let whole = [&plain[..at + length], &start[..start.len() - 8], &boxed(b"jp2c", stream).repeat(3)].concat();
    let told = sanitise(&whole, "a.jpx").unwrap().report.findings;
    let told = told.iter().find(|finding| finding.reason == Reason::AnimationFrames);
    assert_eq!(told.map(|finding| finding.count), Some(2));
}

#[test]
fn density_is_kept() {
    let (jpeg, _) = made("quarters.jpg");
    // JFIF: unit 1 (inch), 300 x 300.
    assert_eq!(jpeg.bytes[13..18], [1, 1, 44, 1, 44]);
    let (png, _) = made("dense.png");
    // 300 per inch are 11811 per metre.
    let at = png.bytes.windows(4).position(|window| window == b"pHYs").unwrap() + 4;
    assert_eq!(png.bytes[at..at + 9], [0, 0, 0x2E, 0x23, 0, 0, 0x2E, 0x23, 1]);
    let fax = sanitise(&fixture("fax.tif"), "fax.tif").unwrap();
    let tag = |id: u16| fax.bytes.windows(4).position(|w| w[..2] == id.to_le_bytes() && w[2..] == [5, 0]).unwrap();
    let value =
        |at: usize| usize::try_from(u32::from_le_bytes(fax.bytes[at + 8..at + 12].try_into().unwrap())).unwrap();
    assert_eq!(fax.bytes[value(tag(282))..][..4], 204_u32.to_le_bytes());
    assert_eq!(fax.bytes[value(tag(283))..][..4], 196_u32.to_le_bytes());
}

#[test]
fn few_colours_make_a_palette_and_black_and_white_one_bit() {
    let colour_type = |png: &[u8]| (png[24], png[25]);
    assert_eq!(colour_type(&made("quarters.png").0.bytes), (2, 3));
    assert_eq!(colour_type(&made("colours.png").0.bytes).1, 2);
    assert_eq!(colour_type(&made("dense.png").0.bytes), (2, 3));
    let (half, picture) = made("half.png");
    assert_eq!(colour_type(&half.bytes), (2, 3));
    assert!(picture.to_rgba8().pixels().all(|pixel| pixel.0[3] == 128));
}

#[test]
fn sixteen_bits_become_eight_and_it_is_told() {
    let (deep, picture) = made("deep.png");
    assert!(deep.has(Reason::ColourDepthReduced));
    assert_eq!(picture.to_rgb8(), made("colours.png").1.to_rgb8());
}

#[test]
fn alpha_of_a_bitmap_stays() {
    let (done, picture) = made("half.bmp");
    assert_eq!(done.report.output, OutputType::Bmp);
    assert!(picture.to_rgba8().pixels().all(|pixel| pixel.0[3] == 128));
}

#[test]
fn an_animated_gif_keeps_frames_timing_and_repetition() {
    use image::AnimationDecoder;
    let (done, _) = made("moving.gif");
    assert_eq!((done.report.output, done.report.pages), (OutputType::Gif, 4));
    let frames = |bytes: &[u8]| {
        let decoder = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(bytes.to_vec())).unwrap();
        decoder.into_frames().collect_frames().unwrap()
    };
    let (before, after) = (frames(&fixture("moving.gif")), frames(&done.bytes));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.delay(), after.delay());
        for (a, b) in before.buffer().pixels().zip(after.buffer().pixels()) {
            assert!(a == b || (a.0[3] == 0 && b.0[3] == 0), "{a:?} {b:?}");
        }
    }
    let loops =
        |bytes: &[u8]| bytes.windows(11).position(|w| w == b"NETSCAPE2.0").map(|at| bytes[at + 13..at + 15].to_vec());
    assert_eq!(loops(&fixture("moving.gif")), loops(&done.bytes));
}

#[test]
fn of_an_animated_webp_the_first_frame_stays_and_it_is_told() {
    let (done, picture) = made("moving.webp");
    assert_eq!((done.report.output, done.report.pages), (OutputType::WebP, 1));
    assert!(done.has(Reason::AnimationFrames));
    alike(quarters(&picture), [RED, LIME, BLUE, WHITE], "moving.webp");
}

#[test]
fn every_page_of_a_fax_stays_and_takes_one_bit_per_pixel() {
    let done = sanitise(&fixture("fax.tif"), "fax.tif").unwrap();
    assert_eq!((done.report.output, done.report.pages), (OutputType::Tiff, 3));
    let again = sanitise(&done.bytes, "fax.tif").unwrap();
    assert_eq!(again.bytes, done.bytes);
    let bits = |id: u16| {
        done.bytes.windows(12).find(|w| w[..8] == [&id.to_le_bytes()[..], &[3, 0, 1, 0, 0, 0]].concat()).unwrap()[8]
    };
    assert_eq!(bits(258), 1);
}

#[test]
fn group_3_and_group_4_give_the_same_page() {
    let pixels = |name: &str| {
        let done = sanitise(&fixture(name), name).unwrap();
        assert!(!done.has(Reason::ImageIncomplete));
        first_page(&done.bytes).to_luma8()
    };
    assert_eq!(pixels("group3.tif"), pixels("fax.tif"));
}

#[test]
fn grey_stays_grey() {
    let (done, picture) = made("grey.jpg");
    assert_eq!(done.report.output, OutputType::Jpeg);
    assert_eq!(picture.color(), image::ColorType::L8);
}

#[test]
fn what_stands_behind_the_end_is_not_in_the_output() {
    for name in ["quarters.png", "quarters.jpg", "still.gif"] {
        let mut bytes = fixture(name);
        bytes.extend_from_slice(b"PK\x03\x04 <script>payload</script> PK\x05\x06");
        let done = sanitise(&bytes, name).unwrap();
        assert!(done.has(Reason::SurplusBytes), "{name}");
        assert!(!done.bytes.windows(7).any(|window| window == b"payload"), "{name}");
    }
}

#[test]
fn a_picture_under_another_name_is_told() {
    let done = sanitise(&fixture("quarters.jpg"), "scan.png").unwrap();
    assert_eq!(done.report.output, OutputType::Jpeg);
    assert_eq!(done.place(Reason::TypeMismatch).as_deref(), Some("png → jpeg"));
}

#[test]
fn cut_off_files_are_refused_or_told() {
    for name in ["quarters.bmp", "quarters.webp", "planes.tif", "still.gif"] {
        let bytes = fixture(name);
        let cut = &bytes[..bytes.len() * 2 / 3];
        assert_eq!(refusal(cut, name), Reason::Malformed, "{name}");
    }
    let bytes = fixture("gradient.jpg");
    let cut = sanitise(&bytes[..bytes.len() - 20], "gradient.jpg").unwrap();
    assert!(cut.has(Reason::ImageIncomplete));
    assert!(!sanitise(&bytes, "gradient.jpg").unwrap().has(Reason::ImageIncomplete));
}

#[test]
fn sides_may_have_the_limit_and_not_one_pixel_more() {
    for (name, long) in [
        ("quarters.png", 32),
        ("quarters.jpg", 32),
        ("still.gif", 32),
        ("quarters.bmp", 32),
        ("quarters.webp", 32),
        ("planes.tif", 32),
    ] {
        let limits = |dimension| Limits { dimension, ..Limits::default() };
        assert!(sanitise_within(&fixture(name), name, &limits(long)).is_ok(), "{name}");
        let refused = sanitise_within(&fixture(name), name, &limits(long - 1)).unwrap_err().refusal;
        assert_eq!((refused.reason, refused.value), (Reason::LimitDimension, 32), "{name}");
    }
}

#[test]
fn all_frames_together_may_have_the_pixels_of_the_limit_and_not_one_more() {
    for (name, pixels) in [("quarters.png", 768), ("quarters.jpg", 768), ("moving.gif", 4 * 768), ("fax.tif", 3 * 768)]
    {
        let limits = |pixels| Limits { pixels, ..Limits::default() };
        assert!(sanitise_within(&fixture(name), name, &limits(pixels)).is_ok(), "{name}");
        let refused = sanitise_within(&fixture(name), name, &limits(pixels - 1)).unwrap_err().refusal;
        assert_eq!((refused.reason, refused.value), (Reason::LimitPixels, pixels), "{name}");
    }
}

#[test]
fn there_may_be_the_frames_of_the_limit_and_not_one_more() {
    for (name, frames) in [("moving.gif", 4), ("fax.tif", 3)] {
        let limits = |frames| Limits { frames, ..Limits::default() };
        assert!(sanitise_within(&fixture(name), name, &limits(frames)).is_ok(), "{name}");
        let refused = sanitise_within(&fixture(name), name, &limits(frames - 1)).unwrap_err().refusal;
        assert_eq!(refused.reason, Reason::LimitFrames, "{name}");
    }
}

#[test]
fn a_png_that_claims_a_billion_pixels_costs_nothing() {
    let mut bytes = fixture("quarters.png");
    bytes[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    // The claim breaks the checksum of the header chunk; Python: zlib.crc32(header).
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    assert_eq!(refusal(&bytes, "a.png"), Reason::LimitPixels);
}

fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    }) ^ u32::MAX
}

#[test]
fn a_jpeg_whose_scans_the_decoder_would_mix_up_is_withheld() {
    // Frame header with 2x2 luminance, then two scans: only the markers matter.
    let mut bytes = b"\xff\xd8\xff\xc0\0\x11\x08\0\x08\0\x08\x03\x01\x22\0\x02\x11\x01\x03\x11\x01".to_vec();
    bytes.extend_from_slice(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xda\0\x08\x01\x02\0\0\x3f\0\xff\xd9");
    assert_eq!(refusal(&bytes, "a.jpg"), Reason::UnsupportedType);
}

#[test]
fn a_sanitised_picture_needs_no_further_change() {
    for name in ["quarters.bmp", "still.gif", "quarters.webp", "moving.gif", "palette.tif"] {
        let once = sanitise(&fixture(name), name).unwrap();
        let twice = sanitise(&once.bytes, name).unwrap();
        assert_eq!(once.bytes, twice.bytes, "{name}");
        assert!(twice.report.findings.is_empty(), "{name}: {:?}", twice.report.findings);
    }
}

#[test]
fn quality_follows_the_source_within_the_bounds_of_policy() {
    let tables = |jpeg: &[u8]| {
        let at = jpeg.windows(5).position(|window| window == [0xFF, 0xDB, 0, 67, 0]).unwrap();
        jpeg[at..at + 69].to_vec()
    };
    // ImageMagick scales the standard tables, as our writer does: the same quality is the same table.
    for name in ["quarters.jpg", "gradient.jpg", "grey.jpg", "progressive.jpg"] {
        assert_eq!(tables(&made(name).0.bytes), tables(&fixture(name)), "{name}");
    }
}

/// A PNG of rows of one colour each, red and lime in turn, without opacity.
fn striped(width: u32, height: u32) -> Vec<u8> {
    let rows = image::RgbImage::from_fn(width, height, |x, y| {
        let [r, g, b] = if y % 2 == 0 { RED } else { LIME };
        // Something that does not pack into nothing.
        image::Rgb([r, g, b.wrapping_add(u8::try_from((x * 7 + y * 13) % 251).unwrap())])
    });
    let mut bytes = Vec::new();
    DynamicImage::from(rows).write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// What was lost on the way, a download that broke off for instance: browsers show the rows that there are.
#[test]
fn the_rows_of_a_png_that_is_cut_or_changed_are_kept_and_the_rest_is_told() {
    let whole = striped(64, 64);
    let done = sanitise(&whole[..whole.len() / 2], "a.png").unwrap();
    assert!(done.has(Reason::ImageIncomplete), "{:?}", done.report.findings);
    let picture = image::load_from_memory(&done.bytes).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (64, 64));
    assert_eq!(picture.get_pixel(3, 0).0, [255, 0, 21]);
    assert_eq!(picture.get_pixel(63, 63).0, WHITE);
    // The checksum of the last chunk.
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert!(sanitise(&changed, "a.png").is_ok());
    assert_eq!(refusal(&whole[..40], "a.png"), Reason::Malformed);
    assert!(!sanitise(&whole, "a.png").unwrap().has(Reason::ImageIncomplete));
}

/// An icon of pictures, the sides of which are given.
fn icon(pictures: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 1, 0, u8::try_from(pictures.len()).unwrap(), 0];
    let mut at = 6 + 16 * u32::try_from(pictures.len()).unwrap();
    for (side, data) in pictures {
        let length = u32::try_from(data.len()).unwrap();
        bytes.extend_from_slice(&[*side, *side, 0, 0, 1, 0, 32, 0]);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&at.to_le_bytes());
        at += length;
    }
    pictures.iter().for_each(|(_, data)| bytes.extend_from_slice(data));
    bytes
}

/// A bitmap of 16 by 16 pixels as icons have them: twice as high as it is, rows from below, and a mask of what is not shown.
fn bitmap() -> Vec<u8> {
    let mut bytes = 40_u32.to_le_bytes().to_vec();
    bytes.extend(16_u32.to_le_bytes().into_iter().chain(32_u32.to_le_bytes()));
    bytes.extend([1, 0, 32, 0]);
    bytes.resize(40, 0);
    for row in (0..16).rev() {
        (0..16).for_each(|_| bytes.extend(if row < 8 { [255, 0, 0, 255] } else { [0, 255, 0, 255] }));
    }
    bytes.extend((0..16).flat_map(|row| if row == 0 { [0xFF, 0xFF, 0, 0] } else { [0; 4] }));
    bytes
}

#[test]
fn an_icon_is_its_largest_picture() {
    let done = sanitise(&icon(&[(16, bitmap()), (64, striped(64, 64))]), "a.ico").unwrap();
    assert_eq!((done.report.output, done.has(Reason::FormatConverted)), (OutputType::Png, true));
    let picture = image::load_from_memory(&done.bytes).unwrap();
    assert_eq!((picture.dimensions(), picture.to_rgb8().get_pixel(3, 0).0), ((64, 64), [255, 0, 21]));
    let done = sanitise(&icon(&[(16, bitmap())]), "a.ico").unwrap();
    let picture = image::load_from_memory(&done.bytes).unwrap().to_rgba8();
    let at = |x, y| picture.get_pixel(x, y).0;
    // Blue above, lime below; the mask hides the lowest row.
    assert_eq!([at(1, 1), at(1, 14)], [[0, 0, 255, 255], [0, 255, 0, 255]]);
    assert_eq!(at(1, 15)[3], 0);
    assert_eq!(refusal(&icon(&[]), "a.ico"), Reason::Malformed);
    assert!(sanitise(&icon(&[(16, vec![1; 10])]), "a.ico").is_err());
}

/// Coded arithmetically: no reader here knows it, and nothing is wrong with it.
#[test]
fn a_jpeg_of_a_rare_process_is_not_called_broken() {
    let mut jpeg = fixture("quarters.jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 1] = 0xC9;
    assert_eq!(refusal(&jpeg, "a.jpg"), Reason::UnsupportedType);
}
