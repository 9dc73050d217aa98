//! Forms of pages as files, read back by poppler, MuPDF and qpdf.

#![allow(clippy::disallowed_methods, reason = "tests start other programs")]

mod pages;

use form::pages::*;
use pages::*;

/// Checks a colour at points of the first page, as both programs draw it.
fn check(file: &[u8], expected: &[(usize, usize, [u8; 3])]) {
    assert_eq!(readers::complaints(file), "");
    for (program, raster) in readers::drawn(file, 1) {
        for (x, y, color) in expected {
            assert!(raster.is(*x, *y, *color), "{program} at {x}, {y}: {:?}, not {color:?}", raster.at(*x, *y));
        }
    }
}

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];
const RED: [u8; 3] = [255, 0, 0];

#[test]
fn areas_lines_and_clips_are_where_the_form_has_them() {
    let file = page(&[
        fill(area(10.0, 10.0, 30.0, 30.0)),
        clip(area(40.0, 0.0, 50.0, 100.0)),
        paint(255, 0, 0),
        fill(area(30.0, 50.0, 90.0, 60.0)),
        Operation::Unclip,
        fill(area(60.0, 10.0, 70.0, 20.0)),
        Operation::Pen(StrokeStyle { width: 4.0, ..StrokeStyle::default() }),
        stroke(line(&[[100.0, 20.0], [180.0, 20.0]])),
        // A pen that is four times as wide upwards as sideways.
        Operation::Stroke {
            path: line(&[[100.0, 10.0], [180.0, 10.0]]),
            space: Matrix([1.0, 0.0, 0.0, 4.0, 0.0, 0.0]),
        },
    ]);
    check(
        &file,
        &[
            (20, 20, BLACK),
            (35, 20, WHITE),
            (45, 55, RED),
            (35, 55, WHITE),
            (60, 55, WHITE),
            (65, 15, RED),
            (140, 20, BLACK),
            (140, 24, WHITE),
            (140, 46, BLACK),
            (140, 50, WHITE),
        ],
    );
}

#[test]
fn text_is_found_where_it_is_drawn() {
    let said = "Hello World 日本語";
    let bytes = form(|form| {
        let letters = Alphabet::of(form, said);
        form.page(&sheet(200.0, 100.0)).unwrap();
        form.operations(&[Operation::Text(letters.set(said, 10.0, 50.0, 10.0), TextMode::Fill)]).unwrap();
    });
    let file = file(&bytes);
    assert_eq!(readers::text(&file).trim(), said);
    check(&file, &[(13, 53, BLACK), (10, 53, WHITE), (13, 60, WHITE)]);
}
