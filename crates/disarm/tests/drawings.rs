//! SVG through both rooms; expected pixels follow from the shapes.
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
use image::{Rgba, RgbaImage};
use rooms::{Sanitised, refusal, sanitise, sanitise_within};

const RED: Rgba<u8> = Rgba([255, 0, 0, 255]);
const BLUE: Rgba<u8> = Rgba([0, 0, 255, 255]);
const NOTHING: Rgba<u8> = Rgba([0, 0, 0, 0]);
/// One red pixel, a PNG of ImageMagick.
const RED_PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC";

fn svg(inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
         width=\"400\" height=\"200\" viewBox=\"0 0 4 2\">{inside}</svg>"
    )
}

fn drawn(svg: &str) -> (Sanitised, RgbaImage) {
    let done = sanitise(svg.as_bytes(), "a.svg").unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(done.report.output, OutputType::Png);
    assert!(done.has(Reason::VectorDrawn));
    let picture = image::load_from_memory(&done.bytes).unwrap().to_rgba8();
    (done, picture)
}

/// The colour at hundredths of the sides.
fn at(picture: &RgbaImage, x: u32, y: u32) -> Rgba<u8> {
    *picture.get_pixel(picture.width() * x / 100, picture.height() * y / 100)
}

#[test]
fn shapes_are_drawn_at_twice_their_size_and_the_rest_is_clear() {
    let (_, picture) =
        drawn(&svg("<rect width=\"1\" height=\"2\" fill=\"red\"/><circle cx=\"3\" cy=\"1\" r=\".9\" fill=\"#00f\"/>"));
    assert_eq!(picture.dimensions(), (800, 400));
    assert_eq!(at(&picture, 12, 50), RED);
    assert_eq!(at(&picture, 24, 99), RED);
    assert_eq!(at(&picture, 26, 50), NOTHING);
    assert_eq!(at(&picture, 75, 50), BLUE);
    assert_eq!(at(&picture, 54, 10), NOTHING);
}

#[test]
fn utf_16_shift_jis_and_plain_entities_are_read() {
    let text = svg("<rect width=\"4\" height=\"2\" fill=\"blue\"/><desc>説明</desc>");
    let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let done = sanitise(&utf16, "a.svg").unwrap();
    assert_eq!(at(&image::load_from_memory(&done.bytes).unwrap().to_rgba8(), 50, 50), BLUE);
    let declared = text.replace("?>", " encoding=\"Shift_JIS\"?>");
    let sjis = encoding(&declared);
    assert!(sanitise(&sjis, "a.svg").is_ok());
    let entities = "<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY ns \"http://www.w3.org/2000/svg\">]>\
                    <svg xmlns=\"&ns;\" width=\"10\" height=\"10\"><rect width=\"10\" height=\"10\" fill=\"red\"/></svg>";
    assert_eq!(at(&drawn(entities).1, 50, 50), RED);
}

/// 説明 in Shift_JIS, as Python encodes it.
fn encoding(text: &str) -> Vec<u8> {
    let (before, after) = text.split_once("説明").unwrap();
    [before.as_bytes(), b"\x90\xe0\x96\xbe", after.as_bytes()].concat()
}

#[test]
fn pictures_inside_are_read_by_our_own_readers() {
    let image = |href: &str| svg(&format!("<image width=\"2\" height=\"2\" xlink:href=\"{href}\"/>"));
    let (done, picture) = drawn(&image(&format!("data:image/png;base64,{RED_PNG}")));
    assert_eq!(at(&picture, 10, 50), RED);
    assert_eq!(at(&picture, 75, 50), NOTHING);
    assert!(!done.has(Reason::PictureUndecodable));
    let inner = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E";
    assert!(drawn(&image(inner)).0.has(Reason::PictureUndecodable), "no drawing in a drawing");
    let (done, picture) = drawn(&image("file:///etc/passwd"));
    assert!(done.has(Reason::RemoteImage));
    assert_eq!(at(&picture, 10, 50), NOTHING);
}

#[test]
fn scripts_movement_and_outside_files_are_told_and_not_in_the_picture() {
    let (done, picture) =
        drawn(&svg("<script>alert(1)</script><rect onload=\"alert(1)\" width=\"1\" height=\"2\" fill=\"red\">\
         <animate attributeName=\"width\" to=\"4\" dur=\"1s\"/></rect>\
         <foreignObject width=\"4\" height=\"2\"><p xmlns=\"http://www.w3.org/1999/xhtml\">hi</p></foreignObject>\
         <image href=\"https://a.example/x.png\"/><use href=\"https://a.example/x.svg#a\"/>\
         <style>@import url(https://a.example/x.css);</style><a href=\"javascript:alert(1)\"><g/></a>"));
    let count =
        |reason| done.report.findings.iter().filter(|finding| finding.reason == reason).map(|f| f.count).sum::<u32>();
    assert_eq!(count(Reason::Script), 3);
    assert_eq!(count(Reason::DrawingMotion), 1);
    assert_eq!(count(Reason::ActiveContent), 1);
    assert_eq!(count(Reason::RemoteImage), 1);
    assert!(count(Reason::ExternalLink) >= 2);
    assert_eq!(at(&picture, 12, 50), RED);
    assert_eq!(at(&picture, 60, 50), NOTHING);
}

#[test]
fn words_without_fonts_are_told() {
    assert!(drawn(&svg("<text y=\"1\">文字</text>")).0.has(Reason::DrawingTextLost));
}

#[test]
fn what_grows_out_of_little_is_refused() {
    let bomb = "<!DOCTYPE svg [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><svg xmlns=\"http://www.w3.org/2000/svg\">&b;</svg>";
    assert_eq!(refusal(bomb.as_bytes(), "a.svg"), Reason::AmbiguousStructure);
    let file =
        "<!DOCTYPE svg [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><svg xmlns=\"http://www.w3.org/2000/svg\">&b;</svg>";
    assert_eq!(refusal(file.as_bytes(), "a.svg"), Reason::AmbiguousStructure);
    let nested = svg(&format!("{}{}", "<g>".repeat(300), "</g>".repeat(300)));
    assert_eq!(refusal(nested.as_bytes(), "a.svg"), Reason::LimitMarkup);
    // Ten uses of ten uses of ten ..., nine times.
    let mut uses = "<defs><rect id=\"u0\" width=\"1\" height=\"1\"/>".to_owned();
    for level in 1..10 {
        let inner = format!("<use xlink:href=\"#u{}\"/>", level - 1).repeat(10);
        uses += &format!("<g id=\"u{level}\">{inner}</g>");
    }
    uses += "</defs><use xlink:href=\"#u9\"/>";
    assert_eq!(refusal(svg(&uses).as_bytes(), "a.svg"), Reason::LimitMarkup);
    // A chain of uses is as deep as it is long.
    let mut chain = "<defs><g id=\"c0\"><rect width=\"1\" height=\"1\"/></g>".to_owned();
    for link in 1..3_000 {
        chain += &format!("<g id=\"c{link}\" opacity=\".9\"><use xlink:href=\"#c{}\"/></g>", link - 1);
    }
    chain += "</defs><use xlink:href=\"#c2999\"/>";
    // Rooms have a stack of this size.
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    let refused = thread.spawn(move || refusal(svg(&chain).as_bytes(), "a.svg")).unwrap().join().unwrap();
    assert_eq!(refused, Reason::LimitMarkup);
    // A use of itself is left out, as by browsers.
    let circle = svg("<g id=\"a\"><use xlink:href=\"#a\"/></g><rect width=\"4\" height=\"2\" fill=\"red\"/>");
    assert_eq!(at(&drawn(&circle).1, 50, 50), RED);
}

#[test]
fn huge_sizes_become_pictures_of_bounded_size() {
    let huge = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1e6\" height=\"5e5\"><rect width=\"1e6\" height=\"5e5\" fill=\"red\"/></svg>";
    assert_eq!(drawn(huge).1.dimensions(), (4096, 2048));
    let few = Limits { pixels: 10_000, ..Limits::default() };
    let done = sanitise_within(huge.as_bytes(), "a.svg", &few).unwrap();
    let picture = image::load_from_memory(&done.bytes).unwrap();
    assert_eq!((picture.width(), picture.height()), (100, 50));
}
