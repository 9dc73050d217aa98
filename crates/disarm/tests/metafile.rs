//! Metafiles that are made record by record, through both rooms; expected pixels follow from the records ([MS-WMF], [MS-EMF]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use form::Reason;
use form::report::OutputType;
use image::{Rgba, RgbaImage};
use rooms::{refusal, sanitise};

const RED: Rgba<u8> = Rgba([255, 0, 0, 255]);
const BLUE: Rgba<u8> = Rgba([0, 0, 255, 255]);
const LIME: Rgba<u8> = Rgba([0, 255, 0, 255]);
const NOTHING: Rgba<u8> = Rgba([0, 0, 0, 0]);

/// An EMF of 100 by 100 device pixels, four for a millimetre, which is 189 pixels of the result for each 100.
fn emf(records: &[(u32, Vec<u32>)]) -> Vec<u8> {
    let mut words: Vec<u32> = vec![1, 100, 0, 0, 99, 99, 0, 0, 2_500, 2_500, 0x464D_4520, 0x1_0000, 0, 0, 0, 0, 0, 0];
    words.extend([1_000, 1_000, 250, 250, 0, 0, 0]);
    for (kind, data) in records.iter().chain(&[(14, vec![0, 16, 20])]) {
        words.extend([*kind, u32::try_from(data.len() * 4 + 8).unwrap()]);
        words.extend(data);
    }
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// A solid brush at a place of the table, selected; no pen.
fn brush(at: u32, color: u32) -> Vec<(u32, Vec<u32>)> {
    vec![(39, vec![at, 0, color, 0]), (37, vec![at]), (37, vec![0x8000_0008])]
}

fn drawn(bytes: &[u8], name: &str) -> RgbaImage {
    let done = sanitise(bytes, name).unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
    assert_eq!(done.report.output, OutputType::Png);
    assert!(done.has(Reason::MetafileDrawn));
    image::load_from_memory(&done.bytes).unwrap().to_rgba8()
}

/// The colour at hundredths of the sides.
fn at(picture: &RgbaImage, x: u32, y: u32) -> Rgba<u8> {
    *picture.get_pixel(picture.width() * x / 100, picture.height() * y / 100)
}

#[test]
fn a_rectangle_is_filled_and_the_rest_is_clear() {
    let mut records = brush(1, 0x0000_00FF);
    records.push((43, vec![25, 25, 75, 75]));
    let picture = drawn(&emf(&records), "a.emf");
    assert_eq!((picture.width(), picture.height()), (189, 189), "25 mm at 192 dpi");
    assert_eq!(at(&picture, 50, 50), RED);
    assert_eq!(at(&picture, 28, 72), RED);
    assert_eq!(at(&picture, 20, 50), NOTHING);
    assert_eq!(at(&picture, 50, 80), NOTHING);
}

#[test]
fn rectangles_that_touch_leave_no_seam() {
    let mut records = brush(1, 0x0000_00FF);
    records.extend((0..100).map(|y| (43, vec![0, y, 100, y + 1])));
    let picture = drawn(&emf(&records), "a.emf");
    assert!(picture.pixels().all(|pixel| *pixel == RED));
}

#[test]
fn a_path_with_a_hole_is_filled_by_the_mode_that_was_set() {
    // Two squares in one path, both with the clock: a hole by odd and even, none by winding.
    let square =
        |a: u32, b: u32| [(27, vec![a, a]), (54, vec![b, a]), (54, vec![b, b]), (54, vec![a, b]), (61, vec![])];
    for (mode, middle) in [(1, NOTHING), (2, BLUE)] {
        let mut records = brush(1, 0x00FF_0000);
        records.push((19, vec![mode]));
        records.push((59, vec![]));
        records.extend(square(10, 90));
        records.extend(square(40, 60));
        records.extend([(60, vec![]), (62, vec![0, 0, 0, 0])]);
        let picture = drawn(&emf(&records), "a.emf");
        assert_eq!(at(&picture, 20, 20), BLUE);
        assert_eq!(at(&picture, 50, 50), middle, "mode {mode}");
    }
}

#[test]
fn a_clip_limits_until_its_state_is_restored() {
    let mut records = brush(1, 0x0000_FF00);
    records.extend([(33, vec![]), (30, vec![0, 0, 50, 100]), (43, vec![0, 0, 100, 50]), (34, vec![u32::MAX])]);
    records.push((43, vec![0, 50, 100, 100]));
    let picture = drawn(&emf(&records), "a.emf");
    assert_eq!(at(&picture, 25, 25), LIME);
    assert_eq!(at(&picture, 75, 25), NOTHING);
    assert_eq!(at(&picture, 75, 75), LIME);
}

#[test]
fn the_world_may_be_turned() {
    // A quarter turn: x becomes y.
    let mut records = brush(1, 0x0000_00FF);
    let turn = [0.0_f32, 1.0, -1.0, 0.0, 100.0, 0.0].map(f32::to_bits).to_vec();
    records.extend([(35, turn), (43, vec![0, 0, 100, 25])]);
    let picture = drawn(&emf(&records), "a.emf");
    assert_eq!(at(&picture, 90, 50), RED);
    assert_eq!(at(&picture, 50, 10), NOTHING);
}

#[test]
fn a_bitmap_is_stretched_with_its_first_row_at_the_bottom() {
    // StretchDIBits of two by two pixels of 24 bits: red and blue below, green and red above.
    let mut record = vec![0, 0, 99, 99, 0, 0, 0, 0, 2, 2, 80, 40, 120, 16, 0, 0x00CC_0020, 100, 100];
    record.extend([40, 2, 2, 0x0018_0001, 0, 16, 0, 0, 0, 0]);
    record.extend([0xFFFF_0000, 0, 0x0000_FF00, 0x0000_FF00]);
    let picture = drawn(&emf(&[(81, record)]), "a.emf");
    assert_eq!([at(&picture, 25, 75), at(&picture, 75, 75)], [RED, BLUE]);
    assert_eq!([at(&picture, 25, 25), at(&picture, 75, 25)], [LIME, RED]);
}

#[test]
fn text_is_drawn_in_its_colour_inside_its_place() {
    // A font of 40 units, then "HHH" at the upper left, transparent.
    let mut font = vec![1, (-40_i32).cast_unsigned(), 0, 0, 0, 400, 0, 0];
    let name: Vec<u32> = "Arial".encode_utf16().map(u32::from).collect();
    let pairs = name.chunks(2).map(|pair| pair[0] | pair.get(1).unwrap_or(&0) << 16);
    font.extend(pairs);
    font.resize(81, 0);
    let mut records = vec![(82, font), (37, vec![1]), (18, vec![1]), (24, vec![0x0000_00FF])];
    let text = vec![0, 0, 0, 0, 1, 0x3F80_0000, 0x3F80_0000, 0, 0, 3, 76, 0, 0, 0, 0, 0, 0, 0x0048_0048, 0x0048];
    records.push((84, text));
    let picture = drawn(&emf(&records), "a.emf");
    let red = picture.enumerate_pixels().filter(|(_, _, pixel)| **pixel == RED);
    let (count, low) = red.fold((0, 0), |(count, low), (_, y, _)| (count + 1, low.max(y)));
    assert!(count > 500, "{count} red pixels");
    // The baseline is 0.905 of 40 units below the top.
    assert!((65..72).contains(&low), "the lowest is {low}");
}

#[test]
fn a_wmf_of_sixteen_bits_is_drawn() {
    let mut words: Vec<u16> = vec![1, 9, 0x0300, 0, 0, 8, 0, 0, 0];
    let records: [(u16, &[u16]); 6] = [
        (0x020B, &[0, 0]),
        (0x020C, &[100, 100]),
        (0x02FC, &[0, 0x00FF, 0, 0]),
        (0x012D, &[0]),
        (0x041B, &[100, 50, 0, 0]),
        (0, &[]),
    ];
    for (function, data) in records {
        words.extend([u16::try_from(data.len() + 3).unwrap(), 0, function]);
        words.extend(data);
    }
    let bytes: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
    let picture = drawn(&bytes, "a.wmf");
    assert_eq!(at(&picture, 25, 50), RED);
    assert_eq!(at(&picture, 75, 50), NOTHING);
}

#[test]
fn raster_operations_join_bits_and_leave_paper_clear() {
    // Inverting white paper gives black; doing so again gives white.
    let patch = |rop: u32| (76, vec![0, 0, 99, 99, 0, 0, 50, 100, rop, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let once = drawn(&emf(&[patch(0x0055_0009)]), "a.emf");
    assert_eq!(at(&once, 25, 50), Rgba([0, 0, 0, 255]));
    assert_eq!(at(&once, 75, 50), NOTHING);
    let twice = drawn(&emf(&[patch(0x0055_0009), patch(0x0055_0009)]), "a.emf");
    assert_eq!(at(&twice, 25, 50), Rgba([255, 255, 255, 255]));
    let kept = drawn(&emf(&[patch(0x00AA_0029)]), "a.emf");
    assert_eq!(at(&kept, 25, 50), NOTHING, "an operation that changes nothing covers nothing");
}

#[test]
fn drawings_in_the_newer_records_only_are_refused() {
    let plus = (70, vec![16, 0x2B46_4D45, 0x0001_4001, 12, 0]);
    assert_eq!(refusal(&emf(&[plus]), "a.emf"), Reason::UnsupportedType);
}
