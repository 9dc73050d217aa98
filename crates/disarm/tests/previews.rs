//! Looks at one page or picture: always a PNG, never larger than asked, and the right one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail where they fail"
)]

mod rooms;

use disarm::Fonts;
use form::job::{CleanOp, DirtyJob, DirtyOp, Preview};
use form::report::OutputType;
use form::{Limits, Reason, Refusal};
use image::{DynamicImage, GenericImageView};
use rooms::{clean, dirty_job, fixture};

fn look(name: &str, page: u32, max_side: u16) -> Result<DynamicImage, Refusal> {
    look_at(&fixture(name), name, page, max_side)
}

fn look_at(bytes: &[u8], name: &str, page: u32, max_side: u16) -> Result<DynamicImage, Refusal> {
    let limits = Limits::default();
    let preview = Some(Preview { page, max_side });
    let job = DirtyJob { op: DirtyOp::Preview, text: Default::default(), preview, ..dirty_job(name, &limits) };
    let mut form = Vec::new();
    disarm::run(&job.encode(), bytes, &Fonts::default(), &mut form, &mut Vec::new())
        .map_err(|refused| refused.refusal)?;
    let written = clean(CleanOp::Part, &form, &limits)?;
    assert_eq!(written.report.output, OutputType::Png, "{name}");
    Ok(image::load_from_memory(&written.bytes).unwrap())
}

#[test]
fn a_picture_of_every_format_is_a_png_of_the_size_that_was_asked_for() {
    for name in [
        "quarters.png",
        "quarters.jpg",
        "quarters.bmp",
        "quarters.webp",
        "moving.gif",
        "palette.tif",
        "cmyk.jpg",
        "half.png",
    ] {
        assert_eq!(look(name, 0, 32).unwrap().dimensions(), (32, 24), "{name} at its own size");
        assert_eq!(look(name, 0, 31).unwrap().dimensions(), (31, 23), "{name} one pixel smaller");
        let small = look(name, 0, 8).unwrap();
        assert_eq!(small.dimensions(), (8, 6), "{name}");
        let (red, white) = (small.get_pixel(1, 1).0, small.get_pixel(6, 4).0);
        assert!(
            red[0] > 200 && red[1] < 60 && white[..3].iter().all(|value| *value > 200),
            "{name}: {red:?} {white:?}"
        );
    }
}

#[test]
fn a_turned_picture_is_shown_upright() {
    assert_eq!(look("turned-6.jpg", 0, 8).unwrap().dimensions(), (6, 8), "a quarter turn changes the sides");
}

#[test]
fn the_pages_of_a_tiff_are_pages_and_one_past_the_last_is_refused_with_their_number() {
    let first = look("sizes.tif", 0, 64).unwrap();
    let second = look("sizes.tif", 1, 64).unwrap();
    assert_ne!(first.to_rgb8().as_raw(), second.to_rgb8().as_raw());
    for (name, pages) in [("fax.tif", 3), ("sizes.tif", 2), ("moving.gif", 1), ("quarters.jpg", 1)] {
        for past in [pages, u32::MAX] {
            let refusal = look(name, past, 64).unwrap_err();
            let expected = Refusal::limit(Reason::LimitPages, pages.into(), past.into());
            assert_eq!(refusal, expected, "{name}");
        }
    }
}

#[test]
fn what_has_no_pages_is_refused_and_never_written() {
    let text = look_at("ただの文字です。\r\n".as_bytes(), "memo.txt", 0, 64).unwrap_err();
    assert_eq!(text.reason, Reason::UnsupportedType);
    assert_eq!(look("utf8.zip", 0, 64).unwrap_err().reason, Reason::UnsupportedType);
    assert_eq!(
        look_at(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", "a.exe", 0, 64).unwrap_err().reason,
        Reason::UnsupportedType
    );
}
