//! HEIC and AVIF through both rooms; expected pixels are those of the fixtures' README, which heif-convert and avifdec show as well.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod answer_kit;
mod rooms;

use form::report::OutputType;
use form::{Limits, Reason};
use image::RgbaImage;
use rooms::{fixture, refusal, sanitise, sanitise_within};

fn made(name: &str, output: OutputType) -> RgbaImage {
    let done = sanitise(&fixture(name), name).unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
    assert_eq!(done.report.output, output, "{name}");
    assert!(done.has(Reason::FormatConverted), "{name}");
    image::load_from_memory(&done.bytes).unwrap().to_rgba8()
}

fn check(picture: &RgbaImage, expected: [[u8; 4]; 4]) {
    let (width, height) = picture.dimensions();
    let found = [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| picture.get_pixel(width * x / 4, height * y / 4).0);
    for (a, b) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!(a.abs_diff(*b) < 8, "{found:?} is not {expected:?}");
    }
}

const RED: [u8; 4] = [255, 0, 0, 255];
const LIME: [u8; 4] = [0, 255, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];
const WHITE: [u8; 4] = [255, 255, 255, 255];

#[test]
fn a_photograph_becomes_a_jpeg_with_its_colours() {
    let picture = made("quarters.heic", OutputType::Jpeg);
    assert_eq!(picture.dimensions(), (64, 64));
    check(&picture, [RED, LIME, BLUE, WHITE]);
}

#[test]
fn opacity_makes_it_a_png() {
    let picture = made("transparent.heic", OutputType::Png);
    // What nobody sees has no colour.
    check(&picture, [RED, LIME, [0, 0, 0, 0], [255, 255, 255, 128]]);
}

#[test]
fn tiles_are_put_together_cut_and_turned() {
    let picture = made("grid.heic", OutputType::Jpeg);
    assert_eq!(picture.dimensions(), (90, 100));
    let found = [(13, 13), (76, 13), (13, 83), (76, 83)].map(|(x, y)| picture.get_pixel(x, y).0);
    for (a, b) in found.iter().flatten().zip([BLUE, RED, WHITE, LIME].iter().flatten()) {
        assert!(a.abs_diff(*b) < 8, "{found:?}");
    }
    assert!(sanitise(&fixture("grid.heic"), "a.heic").unwrap().has(Reason::OrientationApplied));
}

#[test]
fn a_picture_of_the_web_has_its_colours_however_they_are_coded() {
    for name in ["quarters.avif", "deep.avif", "lossless.avif"] {
        let picture = made(name, OutputType::Jpeg);
        assert_eq!(picture.dimensions(), (64, 64), "{name}");
        check(&picture, [RED, LIME, BLUE, WHITE]);
    }
    assert!(sanitise(&fixture("deep.avif"), "a.avif").unwrap().has(Reason::ColourDepthReduced));
    let grey = made("grey.avif", OutputType::Jpeg);
    // BT.601, as avifenc takes it: 0.299, 0.587 and 0.114 of 255.
    check(&grey, [76, 150, 29, 255].map(|grey| [grey, grey, grey, 255]));
    for name in ["transparent.avif", "premultiplied.avif"] {
        check(&made(name, OutputType::Png), [RED, LIME, [0, 0, 0, 0], [255, 255, 255, 128]]);
    }
    assert!(sanitise(&fixture("moving.avif"), "a.avif").unwrap().has(Reason::AnimationFrames));
}

#[test]
fn tiles_of_av1_are_put_together_cut_and_turned() {
    let picture = made("grid.avif", OutputType::Jpeg);
    assert_eq!(picture.dimensions(), (90, 100));
    check(&picture, [BLUE, RED, WHITE, LIME]);
}

#[test]
fn more_pixels_than_allowed_are_refused_before_they_are_decoded() {
    let limits = |pixels| Limits { pixels, ..Limits::default() };
    for name in ["quarters.heic", "quarters.avif"] {
        assert!(sanitise_within(&fixture(name), name, &limits(64 * 64)).is_ok());
        let refused = sanitise_within(&fixture(name), name, &limits(64 * 64 - 1)).unwrap_err();
        assert_eq!(refused.refusal.reason, Reason::LimitPixels);
    }
    // The boxes say that it is small; what is coded is not.
    let mut lies = fixture("quarters.avif");
    let at = lies.windows(4).position(|window| window == b"ispe").unwrap();
    lies[at + 8..at + 16].copy_from_slice(&[0, 0, 0, 8, 0, 0, 0, 8]);
    let refused = sanitise_within(&lies, "a.avif", &limits(64 * 64 - 1)).unwrap_err();
    assert_eq!(refused.refusal.reason, Reason::LimitPixels);
    let side = Limits { dimension: 99, ..Limits::default() };
    let refused = sanitise_within(&fixture("grid.heic"), "a.heic", &side).unwrap_err();
    assert_eq!(refused.refusal.reason, Reason::LimitDimension);
}

#[test]
fn what_has_no_picture_of_this_codec_is_not_supported() {
    let film = b"\0\0\0\x14ftypheic\0\0\0\0heic\0\0\0\x08mdat";
    assert_eq!(refusal(film, "a.heic"), Reason::UnsupportedType);
    let renamed = |kind: &[u8; 4]| {
        let mut other = fixture("quarters.heic");
        let at = other.windows(4).position(|window| window == b"hvc1").unwrap();
        other[at..at + 4].copy_from_slice(kind);
        other
    };
    assert_eq!(refusal(&renamed(b"avc1"), "a.heic"), Reason::UnsupportedType);
    // HEVC where AV1 is to be.
    assert_eq!(refusal(&renamed(b"av01"), "a.heic"), Reason::Malformed);
}

/// Of one that is cut, some of what codes the picture lies outside the file, which ISO/IEC 14496-12 does not allow (section 8.11.3).
#[test]
fn a_photograph_that_is_changed_anywhere_is_rebuilt_or_refused() {
    let limits = Limits::default();
    for name in ["grid.heic", "transparent.heic", "grid.avif", "transparent.avif"] {
        let whole = fixture(name);
        for at in 8..whole.len() {
            for value in [0, 0xFF, whole[at] ^ 1] {
                let mut changed = whole.clone();
                changed[at] = value;
                answer_kit::check(&sanitise(&changed, name), &limits, &format!("{name} with {value} at {at}"));
            }
            let reason = refusal(&whole[..at], name);
            answer_kit::lies_in_the_file(reason, &format!("{name} cut at {at}"));
        }
    }
}

/// The numbers for Display P3 in the place of those for sRGB (ITU-T H.273, table 2). The red that it has and sRGB lacks is all red.
#[test]
fn colours_that_numbers_name_are_brought_to_those_that_all_show() {
    let mut wide = fixture("deep.avif");
    let numbers = wide.windows(4).position(|name| name == b"nclx").unwrap() + 4;
    assert_eq!(wide[numbers..numbers + 4], [0, 1, 0, 13]);
    assert!(!sanitise(&wide, "a.avif").unwrap().has(Reason::ColourConverted));
    wide[numbers + 1] = 12;
    let done = sanitise(&wide, "a.avif").unwrap();
    assert!(done.has(Reason::ColourConverted));
    check(&image::load_from_memory(&done.bytes).unwrap().to_rgba8(), [RED, LIME, BLUE, WHITE]);
}

/// Without a box of colours the numbers of the coded picture hold (ISO/IEC 23000-22, 7.3.6.4): the same three, in the sequence header
/// (AV1 specification, 5.5.2).
#[test]
fn colours_that_only_the_coded_picture_names_are_brought_to_those_that_all_show() {
    let mut wide = fixture("deep.avif");
    let boxed = wide.windows(4).position(|name| name == b"colr").unwrap();
    wide[boxed..boxed + 4].copy_from_slice(b"skip");
    let media = wide.windows(4).position(|name| name == b"mdat").unwrap();
    let numbers = media + wide[media..].windows(3).position(|numbers| numbers == [1, 13, 1]).unwrap();
    assert!(!sanitise(&wide, "a.avif").unwrap().has(Reason::ColourConverted));
    wide[numbers] = 12;
    let done = sanitise(&wide, "a.avif").unwrap();
    assert!(done.has(Reason::ColourConverted));
    check(&image::load_from_memory(&done.bytes).unwrap().to_rgba8(), [RED, LIME, BLUE, WHITE]);
    // A box that says otherwise is believed.
    wide[boxed..boxed + 4].copy_from_slice(b"colr");
    assert!(!sanitise(&wide, "a.avif").unwrap().has(Reason::ColourConverted));
}
