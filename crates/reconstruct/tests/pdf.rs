//! Forms of pages as files, read back by poppler, MuPDF and qpdf.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

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

/// Bold letters of word processors are letters drawn twice in one place.
#[test]
fn letters_drawn_over_letters_stand_where_those_stand() {
    let bytes = form(|form| {
        let letters = Alphabet::of(form, "太字");
        let run = letters.set("太字", 10.0, 50.0, 10.0);
        form.page(&sheet(200.0, 100.0)).unwrap();
        form.operations(&[
            Operation::Text(run.clone(), TextMode::Fill),
            paint(255, 0, 0),
            Operation::Text(run, TextMode::Fill),
        ])
        .unwrap();
    });
    check(&file(&bytes), &[(13, 53, RED)]);
}

fn color(r: u8, g: u8, b: u8) -> Paint {
    Paint::Color { color: Color { r, g, b }, alpha: 255 }
}

fn stop(offset: f32, r: u8, g: u8, b: u8) -> GradientStop {
    GradientStop { offset, color: Color { r, g, b } }
}

fn group() -> CanvasKind {
    CanvasKind::Group { isolated: true, knockout: false }
}

fn canvas(kind: CanvasKind) -> CanvasHeader {
    CanvasHeader { kind, bounds: Rect { x0: 0.0, y0: 0.0, x1: 200.0, y1: 100.0 } }
}

/// A page of 200 by 100 points that needs resources first.
fn page_with(build: impl FnOnce(&mut Form) -> Vec<Operation>) -> Vec<u8> {
    file(&form(|form| {
        let operations = build(form);
        form.page(&sheet(200.0, 100.0)).unwrap();
        form.operations(&operations).unwrap();
    }))
}

#[test]
fn opacity_mixes_with_what_is_below() {
    let file = page(&[
        paint(255, 0, 0),
        fill(area(0.0, 0.0, 100.0, 100.0)),
        // 51 of 255 is a fifth: red and blue keep four fifths and get one fifth.
        paint_through(0, 0, 255, 51),
        fill(area(50.0, 0.0, 150.0, 50.0)),
        paint(0, 0, 0),
        fill(area(160.0, 0.0, 170.0, 10.0)),
        Operation::Blend(BlendMode::Multiply),
        paint(0, 255, 255),
        fill(area(20.0, 60.0, 30.0, 70.0)),
    ]);
    check(
        &file,
        &[(25, 25, RED), (75, 25, [204, 0, 51]), (125, 25, [204, 204, 255]), (165, 5, BLACK), (25, 65, BLACK)],
    );
}

#[test]
fn gradients_run_from_their_first_colour_to_their_last() {
    let file = page_with(|form| {
        let axial = form
            .gradient(&Gradient {
                shape: GradientShape::Axial { start: at(0.0, 0.0), end: at(1.0, 0.0) },
                matrix: Matrix([100.0, 0.0, 0.0, 100.0, 50.0, 0.0]),
                stops: vec![stop(0.0, 0, 0, 0), stop(0.5, 200, 0, 0), stop(0.5, 0, 200, 0), stop(1.0, 0, 0, 0)],
                extend_start: false,
                extend_end: true,
            })
            .unwrap();
        let radial = form
            .gradient(&Gradient {
                shape: GradientShape::Radial {
                    start: at(20.0, 20.0),
                    start_radius: 0.0,
                    end: at(20.0, 20.0),
                    end_radius: 20.0,
                },
                matrix: Matrix::IDENTITY,
                stops: vec![stop(0.0, 255, 255, 255), stop(1.0, 0, 0, 0)],
                extend_start: false,
                extend_end: false,
            })
            .unwrap();
        vec![
            Operation::FillPaint(Paint::Gradient { gradient: axial, alpha: 255 }),
            fill(area(0.0, 50.0, 200.0, 100.0)),
            Operation::FillPaint(Paint::Gradient { gradient: radial, alpha: 255 }),
            fill(area(0.0, 0.0, 50.0, 50.0)),
        ]
    });
    check(
        &file,
        &[
            (40, 75, WHITE),
            (75, 75, [102, 0, 0]),
            (125, 75, [0, 99, 0]),
            (180, 75, BLACK),
            (30, 20, [127, 127, 127]),
            (45, 45, WHITE),
        ],
    );
}

#[test]
fn tiles_repeat_from_their_origin() {
    let file = page_with(|form| {
        let kind = CanvasKind::Tile { matrix: Matrix([10.0, 0.0, 0.0, 10.0, 5.0, 0.0]), x_step: 2.0, y_step: 2.0 };
        let bounds = Rect { x0: 0.0, y0: 0.0, x1: 2.0, y1: 2.0 };
        let tile = form.canvas(&CanvasHeader { kind, bounds }).unwrap();
        form.operations(&[paint(255, 0, 0), fill(area(0.0, 0.0, 1.0, 1.0))]).unwrap();
        vec![Operation::FillPaint(Paint::Tile { canvas: tile, alpha: 255 }), fill(area(0.0, 0.0, 200.0, 100.0))]
    });
    check(&file, &[(10, 5, RED), (20, 5, WHITE), (30, 5, RED), (10, 15, WHITE), (150, 45, RED), (2, 5, WHITE)]);
}

#[test]
fn groups_are_mixed_as_one_thing() {
    let file = page_with(|form| {
        let both = form.canvas(&canvas(group())).unwrap();
        form.operations(&[
            paint(255, 0, 0),
            fill(area(10.0, 10.0, 60.0, 60.0)),
            paint(0, 0, 255),
            fill(area(40.0, 10.0, 90.0, 60.0)),
        ])
        .unwrap();
        // The state of the page does not reach into the group, nor that of the group out of it.
        vec![paint(9, 9, 9), Operation::Group { canvas: both, alpha: 51 }, fill(area(150.0, 10.0, 160.0, 20.0))]
    });
    check(
        &file,
        &[(20, 30, [255, 204, 204]), (50, 30, [204, 204, 255]), (80, 30, [204, 204, 255]), (155, 15, [9, 9, 9])],
    );
}

#[test]
fn a_group_begins_in_black_whatever_its_page_paints_with() {
    let file = page_with(|form| {
        let black = form.canvas(&canvas(group())).unwrap();
        form.operations(&[fill(area(10.0, 10.0, 60.0, 60.0)), stroke(line(&[[100.0, 50.0], [150.0, 50.0]]))]).unwrap();
        vec![
            paint(255, 0, 0),
            Operation::StrokePaint(color(255, 0, 0)),
            Operation::Pen(StrokeStyle { width: 40.0, ..StrokeStyle::default() }),
            fill(area(0.0, 0.0, 5.0, 5.0)),
            stroke(line(&[[0.0, 90.0], [5.0, 90.0]])),
            Operation::Group { canvas: black, alpha: 255 },
        ]
    });
    check(&file, &[(30, 30, BLACK), (125, 55, WHITE), (2, 2, RED)]);
}

#[test]
fn luminosity_masks_have_a_backdrop_and_a_transfer() {
    let masked = |transfer: Option<Box<[u8; 256]>>| {
        page_with(|form| {
            let kind = MaskKind::Luminosity { backdrop: Color { r: 51, g: 51, b: 51 } };
            let mask = form.canvas(&canvas(CanvasKind::Mask { kind, transfer })).unwrap();
            form.operations(&[paint(255, 255, 255), fill(area(0.0, 0.0, 100.0, 100.0))]).unwrap();
            vec![
                Operation::Mask(Some(mask)),
                fill(area(50.0, 20.0, 150.0, 80.0)),
                Operation::Mask(None),
                fill(area(160.0, 20.0, 170.0, 80.0)),
            ]
        })
    };
    check(&masked(None), &[(75, 50, BLACK), (125, 50, [204, 204, 204]), (165, 50, BLACK), (20, 50, WHITE)]);
    let mut inverted = Box::new([0; 256]);
    inverted.iter_mut().zip((0..=255).rev()).for_each(|(to, value)| *to = value);
    let file = masked(Some(inverted));
    assert_eq!(readers::complaints(&file), "");
    // The MuPDF of Debian 12 knows no transfer functions.
    let [(_, poppler), _] = readers::drawn(&file, 1);
    assert!(poppler.is(75, 50, WHITE) && poppler.is(125, 50, [51, 51, 51]));
}

#[test]
fn alpha_masks_let_through_what_they_cover() {
    let file = page_with(|form| {
        let mask = form.canvas(&canvas(CanvasKind::Mask { kind: MaskKind::Alpha, transfer: None })).unwrap();
        form.operations(&[paint_through(0, 0, 0, 128), fill(area(0.0, 0.0, 100.0, 100.0))]).unwrap();
        vec![Operation::Mask(Some(mask)), fill(area(50.0, 20.0, 150.0, 80.0))]
    });
    check(&file, &[(75, 50, [127, 127, 127]), (125, 50, WHITE)]);
}

/// Four pixels in two rows, shown at 10, 10 with 40 points each.
fn four(header: PictureHeader, pixels: &[u8]) -> Vec<u8> {
    page_with(|form| {
        let picture = picture(form, header, pixels);
        vec![Operation::Picture { picture, matrix: placed(10.0, 10.0, 80.0, 80.0), alpha: 255 }]
    })
}

#[test]
fn pictures_of_every_layout_have_their_first_row_at_the_top() {
    let corners = |a, b, c, d| [(30, 70, a), (70, 70, b), (30, 30, c), (70, 30, d), (95, 50, WHITE)];
    let header = |layout| picture_header(2, 2, layout, PictureSource::Drawing);
    let bits = four(header(PictureLayout::Bits), &[0b1000_0000, 0b0100_0000]);
    check(&bits, &corners(WHITE, BLACK, BLACK, WHITE));
    let gray = four(header(PictureLayout::Gray8), &[10, 100, 200, 255]);
    check(&gray, &corners([10; 3], [100; 3], [200; 3], WHITE));
    let rgb = four(header(PictureLayout::Rgb8), &[255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3]);
    check(&rgb, &corners(RED, [0, 255, 0], [0, 0, 255], [1, 2, 3]));
}

#[test]
fn the_opacity_of_a_picture_is_another_picture() {
    let file = page_with(|form| {
        let alpha = picture_header(2, 1, PictureLayout::Gray8, PictureSource::Drawing);
        let alpha = picture(form, alpha, &[255, 51]);
        let header = picture_header(1, 1, PictureLayout::Rgb8, PictureSource::Drawing);
        let red = picture(form, PictureHeader { alpha: Some(alpha), ..header }, &RED);
        vec![Operation::Picture { picture: red, matrix: placed(10.0, 10.0, 80.0, 80.0), alpha: 255 }]
    });
    check(&file, &[(30, 50, RED), (70, 50, [255, 204, 204])]);
}

#[test]
fn paint_goes_through_the_ones_of_a_stencil() {
    let file = page_with(|form| {
        let header = picture_header(2, 1, PictureLayout::Bits, PictureSource::Drawing);
        let stencil = picture(form, header, &[0b0100_0000]);
        vec![paint(255, 0, 0), Operation::Stencil { picture: stencil, matrix: placed(10.0, 10.0, 80.0, 80.0) }]
    });
    check(&file, &[(30, 50, WHITE), (70, 50, RED)]);
}

/// Waves in every channel: more than 256 colours, and soft as a photograph is.
/// Paper with a hole in it, and the same bits as ink.
#[test]
fn bits_are_a_picture_on_one_page_and_a_stencil_on_another() {
    let file = file(&form(|form| {
        let header = picture_header(2, 1, PictureLayout::Bits, PictureSource::Drawing);
        let picture = picture(form, header, &[0b0100_0000]);
        let matrix = placed(10.0, 10.0, 80.0, 80.0);
        let shown = Operation::Picture { picture, matrix, alpha: 255 };
        let through = Operation::Stencil { picture, matrix };
        for operation in [shown.clone(), through.clone(), shown, through] {
            form.page(&sheet(200.0, 100.0)).unwrap();
            form.operations(&[paint(255, 0, 0), fill(area(5.0, 5.0, 95.0, 95.0)), paint(0, 0, 255), operation])
                .unwrap();
        }
    }));
    assert_eq!(readers::complaints(&file), "");
    assert_eq!((count(&file, "/ImageMask true"), count(&file, "/Subtype/Image")), (1, 2));
    let blue = [0, 0, 255];
    for (page, left, right) in [(1, BLACK, WHITE), (2, RED, blue), (3, BLACK, WHITE), (4, RED, blue)] {
        for (program, raster) in readers::drawn(&file, page) {
            assert!(raster.is(30, 50, left) && raster.is(70, 50, right), "{program}, page {page}");
        }
    }
}

fn photo(width: u32, height: u32) -> Vec<u8> {
    let wave = |at: u32, of: u32| u8::try_from(at * 200 / of).unwrap();
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    pixels.flat_map(|(x, y)| [wave(x, width), wave(y, height), wave(x + y, width + height)]).collect()
}

fn count(file: &[u8], needle: &str) -> usize {
    file.windows(needle.len()).filter(|window| *window == needle.as_bytes()).count()
}

#[test]
fn photographs_are_jpeg_and_reduced_to_what_a_page_shows() {
    let header = picture_header(900, 600, PictureLayout::Rgb8, PictureSource::Photo);
    let shown = |points: f32| {
        let bytes = form(|form| {
            let picture = picture(form, header, &photo(900, 600));
            form.page(&sheet(200.0, 100.0)).unwrap();
            let matrix = placed(0.0, 0.0, points * 1.5, points);
            form.operations(&[Operation::Picture { picture, matrix, alpha: 255 }]).unwrap();
        });
        written(&bytes, &job()).unwrap()
    };
    // 600 rows on 72 points are twice what 300 dots an inch show.
    let (file, report) = shown(72.0);
    assert_eq!((count(&file, "/Width 450"), count(&file, "/Height 300"), count(&file, "/DCTDecode")), (1, 1, 1));
    let finding = &report.findings[0];
    assert_eq!((finding.reason, finding.count, finding.place.as_str()), (form::Reason::PictureReduced, 1, "page 1"));
    check(&file, &[(54, 36, [100, 100, 100]), (5, 70, [9, 5, 7])]);
    let (file, report) = shown(144.0);
    assert_eq!((count(&file, "/Width 900"), count(&file, "/Height 600")), (1, 1));
    assert!(report.findings.is_empty());
}

/// The tables of a JPEG say how it was made.
#[test]
fn a_photograph_is_not_written_better_than_it_came() {
    let quality = |source| {
        let file = page_with(|form| {
            let header = picture_header(200, 200, PictureLayout::Rgb8, source);
            let picture = picture(form, header, &photo(200, 200));
            vec![Operation::Picture { picture, matrix: placed(0.0, 0.0, 100.0, 100.0), alpha: 255 }]
        });
        // Marker, length, precision and number of the luminance table (T.81, B.2.4.1).
        let start = file.windows(5).position(|window| window == [0xFF, 0xDB, 0, 67, 0]).expect("a JPEG");
        file[start + 5]
    };
    // The first entry of the luminance table is 16, scaled by 200 % - 2·quality, or 5000 % / quality below 50 (T.81, K.1).
    assert_eq!(quality(PictureSource::Photo), 8);
    assert_eq!(quality(PictureSource::CoarsePhoto), 11);
    assert_eq!(quality(PictureSource::RoughPhoto), 18);
}

#[test]
fn a_picture_keeps_what_its_largest_use_on_a_page_shows() {
    let file = page_with(|form| {
        let header = picture_header(600, 600, PictureLayout::Rgb8, PictureSource::Photo);
        let picture = picture(form, header, &photo(600, 600));
        let used = |side| Operation::Picture { picture, matrix: placed(0.0, 0.0, side, side), alpha: 255 };
        vec![used(20.0), used(72.0), used(10.0)]
    });
    assert_eq!(count(&file, "/Width 300"), 1);
}

#[test]
fn drawings_lose_nothing_and_scans_are_group_4() {
    let pixels = photo(300, 200);
    let file = four(picture_header(300, 200, PictureLayout::Rgb8, PictureSource::Drawing), &pixels);
    assert_eq!((count(&file, "/Predictor 15"), count(&file, "/DCTDecode")), (1, 0));
    let objects = readers::objects(&file).to_string();
    assert!(objects.contains(&readers::base64(&pixels)), "the pixels are in the file as they were");
    let scan: Vec<u8> =
        (0..200 * 38).map(|byte| if byte / 38 % 20 == 0 && byte % 38 < 30 { 0x0F } else { 0xFF }).collect();
    let header = picture_header(300, 200, PictureLayout::Bits, PictureSource::Drawing);
    let mut rows = scan;
    rows.chunks_mut(38).for_each(|row| row[37] &= 0xF0);
    let file = four(header, &rows);
    assert_eq!(count(&file, "/CCITTFaxDecode"), 1);
}

#[test]
fn grey_and_few_colours_take_few_bits() {
    let stripes: Vec<u8> =
        (0..64 * 64_u32).flat_map(|at| [[255, 0, 0], [0, 0, 255], [9, 9, 9]][at as usize % 3]).collect();
    let file = four(picture_header(64, 64, PictureLayout::Rgb8, PictureSource::Drawing), &stripes);
    assert_eq!((count(&file, "/Indexed"), count(&file, "/BitsPerComponent 2")), (1, 1));
    let gray: Vec<u8> = photo(64, 64).chunks(3).flat_map(|pixel| [pixel[0]; 3]).collect();
    let file = four(picture_header(64, 64, PictureLayout::Rgb8, PictureSource::Photo), &gray);
    assert_eq!((count(&file, "/DeviceGray"), count(&file, "/DCTDecode")), (1, 1));
}

#[test]
fn words_stay_apart_by_spaces_and_by_distance() {
    let bytes = form(|form| {
        let letters = Alphabet::of(form, "abcdefg ");
        form.page(&sheet(200.0, 100.0)).unwrap();
        let text = |run| Operation::Text(run, TextMode::Fill);
        form.operations(&[
            text(letters.set("abc", 10.0, 80.0, 10.0)),
            text(letters.set("def", 34.0, 80.0, 10.0)),
            text(letters.set("ab cd", 10.0, 60.0, 10.0)),
            text(letters.set("efg", 10.0, 40.0, 10.0)),
        ])
        .unwrap();
    });
    assert_eq!(readers::text(&file(&bytes)).split_whitespace().collect::<Vec<_>>(), ["abc", "def", "ab", "cd", "efg"]);
}

#[test]
fn invisible_text_is_found_and_not_seen() {
    let bytes = form(|form| {
        let letters = Alphabet::of(form, "scan");
        form.page(&PageHeader { level: PageLevel::RasterText, ..sheet(200.0, 100.0) }).unwrap();
        form.operations(&[Operation::Text(letters.set("scan", 10.0, 50.0, 20.0), TextMode::Invisible)]).unwrap();
    });
    let (file, report) = written(&bytes, &job()).unwrap();
    assert_eq!(readers::text(&file).trim(), "scan");
    check(&file, &[(16, 55, WHITE)]);
    assert_eq!((report.pages, report.levels.raster_text, report.levels.vector), (1, 1, 0));
}

/// Text of a scan, letter by letter: readers that take what can be marked from the outlines pass over letters without one.
#[test]
fn letters_of_a_text_layer_have_an_extent_and_show_nothing() {
    let written = |mode: TextMode| {
        file(&form(|form| {
            let letters = ["議", "事", "録"].map(|char| letter(form, char, 900.0, 0.0));
            form.page(&PageHeader { level: PageLevel::RasterText, ..sheet(200.0, 100.0) }).unwrap();
            let runs = letters.into_iter().zip([10.0, 40.0, 70.0]).map(|(glyph, x)| {
                let glyphs = vec![PlacedGlyph { glyph, x, y: 50.0 }];
                Operation::Text(TextRun { space: Matrix::IDENTITY, em: [20.0, 0.0, 0.0, 20.0], glyphs }, mode)
            });
            form.operations(&runs.collect::<Vec<_>>()).unwrap();
        }))
    };
    let unpainted = written(TextMode::Invisible);
    assert_eq!(readers::text(&unpainted).split_whitespace().collect::<String>(), "議事録");
    check(&unpainted, &[(16, 55, WHITE), (46, 55, WHITE)]);
    let extents = |file: &[u8]| {
        let objects = readers::objects(file).to_string();
        let boxes = objects.split("\"/FontBBox\":").skip(1).filter_map(|rest| rest.split_inclusive(']').next());
        boxes.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(extents(&unpainted), ["[0,-120,900,880]"]);
    // The same letters painted are the blanks that the form says they are.
    let painted = written(TextMode::Fill);
    check(&painted, &[(16, 55, WHITE), (46, 55, WHITE)]);
    assert_eq!(extents(&painted), ["[0,0,0,0]"]);
}

#[test]
fn letters_are_outlined_and_clip_as_areas_do() {
    let file = page_with(|form| {
        let letters = Alphabet::of(form, "x ");
        // The letter is a box from 50 to 550 units, 700 high.
        vec![
            Operation::Pen(StrokeStyle { width: 4.0, ..StrokeStyle::default() }),
            Operation::Text(letters.set("x", 10.0, 10.0, 100.0), TextMode::Stroke),
            Operation::ClipText(letters.set("x", 100.0, 10.0, 100.0)),
            paint(255, 0, 0),
            fill(area(90.0, 0.0, 200.0, 50.0)),
            Operation::Unclip,
            Operation::ClipText(letters.set(" ", 100.0, 10.0, 100.0)),
            fill(area(0.0, 0.0, 200.0, 100.0)),
            Operation::Unclip,
        ]
    });
    check(
        &file,
        &[(15, 40, BLACK), (35, 40, WHITE), (130, 30, RED), (130, 60, WHITE), (102, 30, WHITE), (180, 90, WHITE)],
    );
}

#[test]
fn columns_of_letters_read_downwards() {
    let bytes = form(|form| {
        let mut glyph = |char: &str| letter(form, char, 1000.0, 700.0);
        let letters = ["縦", "書", "き", "右", "左"].map(|char| (char, glyph(char)));
        let column = |text: &[usize], x: f32| {
            let glyphs = text.iter().zip(0_u8..).map(|(at, row)| PlacedGlyph {
                glyph: letters[*at].1,
                x,
                y: 80.0 - f32::from(row) * 12.0,
            });
            let run = TextRun { space: Matrix::IDENTITY, em: [10.0, 0.0, 0.0, 10.0], glyphs: glyphs.collect() };
            Operation::Text(run, TextMode::Fill)
        };
        form.page(&sheet(200.0, 100.0)).unwrap();
        form.operations(&[column(&[0, 1, 2], 150.0), column(&[3, 4], 130.0)]).unwrap();
    });
    let file = file(&bytes);
    assert_eq!(readers::text(&file).split_whitespace().collect::<Vec<_>>(), ["縦書き", "右左"]);
    check(&file, &[(155, 83, BLACK), (155, 71, BLACK), (155, 59, BLACK), (155, 79, WHITE), (135, 83, BLACK)]);
}

#[test]
fn letters_of_a_column_that_come_one_by_one_are_a_column_and_numbers_of_a_list_are_none() {
    let bytes = form(|form| {
        let mut glyph = |char: &str| letter(form, char, 1000.0, 700.0);
        let letters = ["縦", "書", "1", "2"].map(&mut glyph);
        form.page(&sheet(200.0, 100.0)).unwrap();
        let single = |at: usize, x: f32, y: f32| {
            let glyphs = vec![PlacedGlyph { glyph: letters[at], x, y }];
            let run = TextRun { space: Matrix::IDENTITY, em: [10.0, 0.0, 0.0, 10.0], glyphs };
            Operation::Text(run, TextMode::Fill)
        };
        let edge = || clip(area(0.0, 0.0, 190.0, 100.0));
        let operations = [edge(), single(0, 150.0, 80.0), Operation::Unclip, edge(), single(1, 150.0, 70.0)];
        let numbers = [Operation::Unclip, single(2, 20.0, 80.0), single(3, 20.0, 70.0), paint(255, 0, 0)];
        form.operations(&[&operations[..], &numbers, &[single(0, 100.0, 80.0)]].concat()).unwrap();
    });
    let file = file(&bytes);
    let objects = readers::objects(&file);
    let fonts = |content: &str| content.matches(" Tf").count();
    // Columns in one font, lines in another, the red letter again in the first kind of line.
    assert_eq!(readers::contents(&objects).iter().map(|content| fonts(content)).collect::<Vec<_>>(), [2]);
    let text = readers::text(&file);
    assert!(text.contains("縦書") && !text.contains("12"), "{text}");
    check(&file, &[(155, 83, BLACK), (155, 73, BLACK), (25, 83, BLACK), (25, 73, BLACK), (105, 83, RED)]);
}

#[test]
fn letters_larger_than_a_font_can_say_are_drawn_all_the_same() {
    let file = page_with(|form| {
        let outline = area(0.0, 0.0, 400_000.0, 200_000.0);
        let glyph = form.glyph(&Glyph { advance: 400_000.0, outline, text: GlyphText::parse("W").unwrap() }).unwrap();
        let glyphs = vec![PlacedGlyph { glyph, x: 10.0, y: 10.0 }];
        vec![Operation::Text(TextRun { space: Matrix::IDENTITY, em: [0.2, 0.0, 0.0, 0.2], glyphs }, TextMode::Fill)]
    });
    check(&file, &[(15, 45, BLACK), (85, 15, BLACK), (95, 15, WHITE), (15, 55, WHITE)]);
}

#[test]
fn more_letters_than_a_font_holds_go_into_the_next() {
    let bytes = form(|form| {
        // Ideographs from U+4E00.
        let chars: Vec<char> = (0x4E00_u32..).filter_map(char::from_u32).take(8_100).collect();
        let letters: Vec<u32> = chars.iter().map(|char| letter(form, &char.to_string(), 1000.0, 500.0)).collect();
        form.page(&sheet(200.0, 100.0)).unwrap();
        let run = |numbers: &[usize], y: f32| {
            let glyphs = numbers.iter().zip(0_u8..).map(|(at, n)| PlacedGlyph {
                glyph: letters[*at],
                x: 10.0 + f32::from(n) * 10.0,
                y,
            });
            let run = TextRun { space: Matrix::IDENTITY, em: [10.0, 0.0, 0.0, 10.0], glyphs: glyphs.collect() };
            Operation::Text(run, TextMode::Fill)
        };
        form.operations(&[run(&[0, 8_099, 1], 50.0)]).unwrap();
    });
    let file = file(&bytes);
    let expected: String = [0x4E00, 0x4E00 + 8_099, 0x4E01].map(|code| char::from_u32(code).unwrap()).iter().collect();
    assert_eq!(readers::text(&file).trim(), expected);
    check(&file, &[(15, 52, BLACK), (25, 52, BLACK), (35, 52, BLACK), (45, 52, WHITE)]);
}

#[test]
fn links_outline_labels_language_and_title_are_in_the_file() {
    let header =
        PagesHeader { language: Some(LanguageTag::parse("ja-JP").unwrap()), title: words("議事録 <2026> & 他") };
    let bytes = form_of(&header, |form| {
        for number in 0..3_u8 {
            form.page(&sheet(200.0, 100.0)).unwrap();
            if number == 0 {
                let area = Rect { x0: 10.0, y0: 10.0, x1: 50.0, y1: 20.0 };
                let url = Url::parse("https://example.jp/a(b)?c=%20").unwrap();
                form.link(&Link { area, target: Target::Url(url) }).unwrap();
                form.link(&Link { area, target: Target::Page { page: 2, top: Some(80.5) } }).unwrap();
            }
        }
        for (level, title, page) in [(0, "第1章", 0), (1, "one", 1), (1, "two", 1), (0, "end (last)", 2)] {
            form.outline_item(&OutlineItem { level, title: words(title), page, top: None }).unwrap();
        }
        form.page_label(&PageLabel { page: 0, style: LabelStyle::LowerRoman, prefix: words(""), start: 1 }).unwrap();
        form.page_label(&PageLabel { page: 1, style: LabelStyle::Decimal, prefix: words("附-"), start: 5 }).unwrap();
    });
    let file = file(&bytes);
    assert_eq!(readers::complaints(&file), "");
    let structure = readers::structure(&file);
    let pages = structure["pages"].as_array().unwrap();
    assert_eq!(pages.iter().map(|page| page["label"].clone()).collect::<Vec<_>>().len(), 3);
    let outlines = structure["outlines"].as_array().unwrap();
    let titles = |items: &serde_json::Value| -> Vec<String> {
        items.as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&structure["outlines"]), ["第1章", "end (last)"]);
    assert_eq!(titles(&outlines[0]["kids"]), ["one", "two"]);
    assert_eq!(outlines[0]["kids"][1]["destpageposfrom1"], 2);
    let labels: Vec<String> =
        structure["pagelabels"].as_array().unwrap().iter().map(|l| l["label"].to_string()).collect();
    assert!(labels[0].contains("/r") && labels[1].contains("附-") && labels[1].contains('5'), "{labels:?}");
    let all = readers::objects(&file).to_string();
    for part in ["u:https://example.jp/a(b)?c=%20", "u:ja-JP", "80.5"] {
        assert!(all.contains(part), "{part}");
    }
    let whole = String::from_utf8_lossy(&file);
    assert!(whole.contains("<rdf:li xml:lang=\"x-default\">議事録 &lt;2026&gt; &amp; 他</rdf:li>"));
    assert!(whole.contains("<pdfaid:part>2</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>"));
}

#[test]
fn what_pdf_a_forbids_is_not_called_pdf_a() {
    let conformance = |build: &dyn Fn(&mut Form) -> Vec<Operation>| {
        let file = page_with(build);
        let whole = String::from_utf8_lossy(&file).into_owned();
        let start = whole.find("<pdfaid:conformance>").map(|at| at + 20);
        start.and_then(|at| whole.get(at..=at).map(str::to_owned))
    };
    let shown = |text: &'static str| {
        move |form: &mut Form| {
            let glyph = letter(form, text, 500.0, 500.0);
            let glyphs = vec![PlacedGlyph { glyph, x: 10.0, y: 10.0 }];
            let run = TextRun { space: Matrix::IDENTITY, em: [9.0, 0.0, 0.0, 9.0], glyphs };
            vec![Operation::Text(run, TextMode::Fill)]
        }
    };
    assert_eq!(conformance(&shown("x")).as_deref(), Some("U"));
    assert_eq!(conformance(&shown("")).as_deref(), Some("B"));
    let smoothed = |form: &mut Form| {
        let header = picture_header(1, 1, PictureLayout::Gray8, PictureSource::Drawing);
        let picture = picture(form, PictureHeader { interpolate: true, ..header }, &[9]);
        vec![Operation::Picture { picture, matrix: placed(0.0, 0.0, 9.0, 9.0), alpha: 255 }]
    };
    assert_eq!(conformance(&smoothed), None);
    let nested = |depth: u8| {
        move |_: &mut Form| {
            let clips = (0..depth).map(|at| clip(area(0.0, 0.0, 100.0 - f32::from(at), 50.0)));
            let ends = (0..depth).map(|_| Operation::Unclip);
            clips.chain([fill(area(0.0, 0.0, 9.0, 9.0))]).chain(ends).collect()
        }
    };
    assert_eq!(conformance(&nested(28)).as_deref(), Some("U"));
    assert_eq!(conformance(&nested(29)), None);
}

#[test]
fn equal_forms_make_equal_files_and_others_another_identifier() {
    let one = page(&[fill(area(0.0, 0.0, 10.0, 10.0))]);
    assert_eq!(one, page(&[fill(area(0.0, 0.0, 10.0, 10.0))]));
    let other = page(&[fill(area(0.0, 0.0, 10.0, 11.0))]);
    let identifier = |file: &[u8]| {
        let at = file.windows(3).rposition(|window| window == b"/ID").unwrap();
        file[at..at + 38].to_vec()
    };
    assert_ne!(identifier(&one), identifier(&other));
}

#[test]
fn an_output_over_its_limit_is_refused() {
    let bytes = form(|form| {
        form.page(&sheet(200.0, 100.0)).unwrap();
    });
    let (file, _) = written(&bytes, &job()).unwrap();
    let size = u64::try_from(file.len()).unwrap();
    let mut job = job();
    job.limits.output_bytes = size;
    assert!(written(&bytes, &job).is_ok());
    job.limits.output_bytes = size - 1;
    let refusal = written(&bytes, &job).unwrap_err();
    assert_eq!((refusal.reason, refusal.limit), (form::Reason::LimitOutputBytes, size - 1));
}

#[test]
fn many_pages_hang_from_a_tree_and_lead_to_one_another() {
    let bytes = form(|form| {
        for number in 0..200_u32 {
            form.page(&sheet(200.0, 100.0)).unwrap();
            let area = Rect { x0: 10.0, y0: 10.0, x1: 50.0, y1: 20.0 };
            form.link(&Link { area, target: Target::Page { page: 199 - number, top: None } }).unwrap();
        }
    });
    let file = file(&bytes);
    assert_eq!(readers::complaints(&file), "");
    let structure = readers::structure(&file);
    assert_eq!(structure["pages"].as_array().unwrap().len(), 200);
}

#[test]
fn the_same_clip_set_again_is_kept_and_an_idle_one_left_out() {
    let half = || clip(area(0.0, 0.0, 50.0, 100.0));
    let file = page(&[
        half(),
        fill(area(0.0, 0.0, 60.0, 10.0)),
        Operation::Unclip,
        half(),
        fill(area(0.0, 20.0, 60.0, 30.0)),
        clip(area(1.0, 1.0, 2.0, 2.0)),
        Operation::Unclip,
        Operation::Unclip,
        fill(area(0.0, 40.0, 60.0, 50.0)),
    ]);
    let objects = readers::objects(&file);
    let content = readers::contents(&objects);
    assert_eq!(content, ["q\n0 0 50 100 re\nW\nn\n0 0 60 10 re\nf\n0 20 60 10 re\nf\nQ\n0 40 60 10 re\nf\n"]);
    check(&file, &[(40, 5, BLACK), (55, 5, WHITE), (40, 25, BLACK), (55, 25, WHITE), (55, 45, BLACK)]);
}

#[test]
fn a_line_of_text_is_one_operator_whatever_runs_it_came_in() {
    let bytes = form(|form| {
        let letters = Alphabet::of(form, "abcd ");
        form.page(&sheet(200.0, 100.0)).unwrap();
        let text = |run| Operation::Text(run, TextMode::Fill);
        form.operations(&[
            text(letters.set("ab ", 10.0, 80.0, 10.0)),
            // Half a point nearer than the pen is: 50 thousandths of the size.
            text(letters.set("cd", 24.5, 80.0, 10.0)),
            text(letters.set("ab", 10.0, 68.0, 10.0)),
        ])
        .unwrap();
    });
    let objects = readers::objects(&file(&bytes));
    let content = readers::contents(&objects);
    let expected =
        "BT\n/F0 10 Tf\n10 80 Td\n[(\0\u{1}\0\u{2}\0\u{5})50(\0\u{3}\0\u{4})]TJ\n0 -12 Td\n(\0\u{1}\0\u{2})Tj\nET\n";
    assert_eq!(content, [expected]);
}
