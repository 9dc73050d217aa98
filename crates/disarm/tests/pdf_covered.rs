//! Text under what is drawn over it: what was blackened must not come out of the new file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pdf_kit;
mod rooms;

use form::Reason;
use form::job::{DirtyJob, Extra, MostLevel, PagesPolicy};
use form::pages::TextMode;
use pdf_kit::{HELVETICA, job, page, stream, take, take_as};

/// What can be found of a page, and how many letters were taken out.
fn found(content: &str, resources: &str, objects: &[Vec<u8>], policy: PagesPolicy) -> (String, u32) {
    let pdf = page(content, &format!("{HELVETICA}{resources}"), objects);
    let taken = take_as(&pdf, &DirtyJob { pages: policy, ..job() }).unwrap();
    let hidden =
        taken.findings.iter().filter(|(reason, _)| *reason == Reason::HiddenText).map(|(_, count)| count).sum();
    (format!("{}{}", taken.text(TextMode::Fill), taken.text(TextMode::Invisible)), hidden)
}

const NAME: &str = "BT /F 12 Tf 20 40 Td (name) Tj ET ";
const RASTER: PagesPolicy = PagesPolicy {
    level: MostLevel::Raster,
    density: 72,
    raster_text: Extra::Keep,
    hidden_text: Extra::Drop,
    comments: Extra::Keep,
    embedded: form::job::Embedded::Withhold,
};

/// As it is drawn, and as an image with its text.
fn check(content: &str, expected: &str) {
    let hidden = if expected.contains("name") { 0 } else { 4 };
    for policy in [PagesPolicy::default(), RASTER] {
        assert_eq!(found(content, "", &[], policy), (expected.to_owned(), hidden), "{content} {policy:?}");
    }
}

#[test]
fn text_under_a_box_that_is_drawn_later_is_gone() {
    check(NAME, "name");
    check(&format!("{NAME}0 g 15 30 60 25 re f"), "");
    check(&format!("{NAME}1 g 15 30 60 25 re f"), "");
    // As programs write rectangles: by their corners, with a line around, in a state of their own.
    check(&format!("{NAME}q 1 0 0 1 5 5 cm 0 0 1 rg 10 25 m 70 25 l 70 50 l 10 50 l h B Q"), "");
    check(&format!("{NAME}0 g 15 30 60 25 re 100 30 60 25 re f"), "");
    check(&format!("{NAME}0 g 15 30 60 25 re f BT /F 12 Tf 0 g 20 70 Td (rest) Tj ET"), "rest");
}

#[test]
fn what_is_drawn_before_text_or_beside_it_hides_nothing() {
    check(&format!("0.9 g 15 30 60 25 re f 0 g {NAME}"), "name");
    check(&format!("{NAME}0 g 100 30 60 25 re f"), "name");
    // A frame, and a line below.
    check(&format!("{NAME}0 G 15 30 60 25 re S"), "name");
    check(&format!("{NAME}15 30 60 25 re 18 33 54 19 re f*"), "name");
    check(&format!("{NAME}0 g 15 36 60 1 re f"), "name");
    // Through a clip that is elsewhere, or round.
    check(&format!("{NAME}q 100 30 60 25 re W n 0 g 15 30 60 25 re f Q"), "name");
    check(&format!("{NAME}q 15 30 m 80 30 80 60 15 60 c h W n 0 g 15 30 60 25 re f Q"), "name");
}

#[test]
fn what_shines_through_hides_nothing_unless_it_is_a_black_marker() {
    let states = "/ExtGState<</H<</ca 0.5>>/M<</BM/Multiply>>>>";
    let check = |content: &str, expected: &str| {
        for policy in [PagesPolicy::default(), RASTER] {
            assert_eq!(found(&format!("{NAME}{content}"), states, &[], policy).0, expected, "{content}");
        }
    };
    check("q /H gs 0 g 15 30 60 25 re f Q", "name");
    check("q /M gs 1 1 0 rg 15 30 60 25 re f Q", "name");
    check("q /M gs 0 g 15 30 60 25 re f Q", "");
}

#[test]
fn a_thick_line_is_a_box_where_letters_are_drawn() {
    let content = format!("{NAME}0 G 20 w 15 44 m 75 44 l S");
    assert_eq!(found(&content, "", &[], PagesPolicy::default()), (String::new(), 4));
    assert_eq!(found(&content.replace("20 w", "2 w"), "", &[], PagesPolicy::default()).0, "name");
}

#[test]
fn a_picture_hides_what_is_below_unless_it_is_the_scan_of_the_page() {
    let picture = stream("/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", b"a");
    let masked = stream("/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/SMask 5 0 R", b"a");
    for policy in [PagesPolicy::default(), RASTER] {
        let check = |content: &str, expected: &str| {
            let objects = [picture.clone(), masked.clone()];
            let names = "/XObject<</P 5 0 R/M 6 0 R>>";
            assert_eq!(found(&format!("{NAME}{content}"), names, &objects, policy).0, expected, "{content}");
        };
        check("q 60 0 0 25 15 30 cm /P Do Q", "");
        check("q 60 0 0 25 15 30 cm /M Do Q", "name");
        check("q 200 0 0 100 0 0 cm /P Do Q", "name");
    }
}

/// A scan with the text that was recognised in it, and a box drawn over both: the usual way to blacken a scan.
#[test]
fn the_text_layer_of_a_scan_is_gone_where_a_box_lies_over_it() {
    let scan = "q 200 0 0 100 0 0 cm BI /W 2 /H 1 /BPC 8 /CS /G ID aB EI Q ";
    let layer = "BT 3 Tr /F 12 Tf 20 40 Td (name) Tj 0 30 Td (rest) Tj ET ";
    for policy in [PagesPolicy::default(), RASTER] {
        assert_eq!(found(&format!("{scan}{layer}"), "", &[], policy), ("namerest".to_owned(), 0));
        assert_eq!(found(&format!("{scan}{layer}0 g 15 30 60 25 re f"), "", &[], policy), ("rest".to_owned(), 4));
    }
}

/// Lines through words and rules of tables leave thin letters what they are; a box takes them.
#[test]
fn a_thin_letter_under_a_line_can_be_read() {
    let dash = "BT /F 24 Tf 20 40 Td (a-b-) Tj ET ";
    check_all(&format!("{dash}1 0 0 rg 15 45.4 80 2.4 re f"), "a-b-");
    check_all(&format!("{dash}0 g 15 30 80 35 re f"), "");
    let bar = "BT /F 14 Tf 20 40 Td (|) Tj ET ";
    check_all(&format!("{bar}21 30 1.7 30 re f"), "|");
    check_all(&format!("{bar}20 36 3.64 16 re f"), "");
    // A line that runs upwards with its text.
    let turned = "BT /F 24 Tf 0 1 -1 0 60 20 Tm (a-) Tj ET ";
    check_all(&format!("{turned}52.1 15 2.4 80 re f"), "a-");
    check_all(&format!("{turned}35 15 35 80 re f"), "");
}

fn check_all(content: &str, expected: &str) {
    for policy in [PagesPolicy::default(), RASTER] {
        assert_eq!(found(content, "", &[], policy).0, expected, "{content} {policy:?}");
    }
}

/// Programs that recognise text write it before the picture, and before the white ground of the page; but a box over the
/// picture hides what it says.
#[test]
fn the_text_layer_of_a_scan_may_come_before_all_that_is_painted() {
    let stencil = stream("/Subtype/Image/Width 8/Height 1/ImageMask true/BitsPerComponent 1", b"a");
    let picture = stream("/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", b"a");
    let layer = "BT 3 Tr /F 12 Tf 20 40 Td (name) Tj ET 1 g 0 0 200 100 re f 0 g ";
    for policy in [PagesPolicy::default(), RASTER] {
        let check = |painted: &str, expected: &str| {
            let objects = [picture.clone(), stencil.clone()];
            let found = found(&format!("{layer}{painted}"), "/XObject<</P 5 0 R/S 6 0 R>>", &objects, policy);
            assert_eq!(found.0, expected, "{painted}");
        };
        for shown in ["200 0 0 100 0 0 cm /P Do", "200 0 0 100 0 0 cm /S Do", "60 0 0 25 15 30 cm /P Do"] {
            check(&format!("q {shown} Q"), "name");
            check(&format!("q {shown} Q 0 g 15 30 60 25 re f"), "");
        }
        check("", "");
    }
}

#[test]
fn what_is_hidden_stays_where_the_policy_keeps_it() {
    for policy in [PagesPolicy::default(), RASTER] {
        let keep = PagesPolicy { hidden_text: Extra::Keep, ..policy };
        assert_eq!(found(&format!("{NAME}0 g 15 30 60 25 re f"), "", &[], keep), ("name".to_owned(), 0));
    }
}

/// A box that an annotation draws over the page.
#[test]
fn a_box_that_is_an_annotation_hides_what_is_below() {
    let square = "<</Type/Annot/Subtype/Square/Rect[15 30 75 55]/AP<</N 5 0 R>>>>";
    let look = stream("/Subtype/Form/BBox[0 0 60 25]/Resources<<>>", b"0 g 0 0 60 25 re f");
    let resources = format!("{HELVETICA}>>/Annots[{square}]/Y<<");
    assert_eq!(take(&page(NAME, &resources, &[look])).unwrap().text(TextMode::Fill), "");
}

#[test]
fn text_of_a_page_image_is_only_what_the_image_shows() {
    let text = |mode: &str| format!("BT /F 12 Tf {mode} 20 40 Td (name) Tj ET");
    assert_eq!(found(&text("0 g"), "", &[], RASTER), ("name".to_owned(), 0));
    assert_eq!(found(&text("1 g"), "", &[], RASTER), (String::new(), 4));
    assert_eq!(found(&text("3 Tr"), "", &[], RASTER), (String::new(), 4));
    assert_eq!(found(&format!("0 0 1 rg 0 0 200 100 re f {}", text("1 g")), "", &[], RASTER), ("name".to_owned(), 0));
}
