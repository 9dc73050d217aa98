//! PDF pages in the form: what crosses, what is left out and told of, and what is refused. The files are written here, object
//! by object.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pdf_kit;
mod rooms;

use disarm::{Fonts, run};
use form::codec::{Decoder, Event};
use form::job::{DirtyJob, Extra, MostLevel, PagesPolicy, Preview};
use form::pages::{CanvasKind, Operation, PageHeader, PageLevel, Paint, PictureLayout, Segment, TextMode};
use form::{Kind, Limits, Reason};
use pdf_kit::{HELVETICA, file, job, page, stream, take, take_as};
use rooms::dirty_job;

#[test]
fn a_page_is_paths_and_letters() {
    let taken = take(&page("0 0 10 10 re f BT /F 12 Tf 20 20 Td (Hello) Tj ET", HELVETICA, &[])).unwrap();
    let (header, operations) = &taken.pages[0];
    assert_eq!((header.width, header.height, header.level), (200.0, 100.0, PageLevel::Vector));
    assert_eq!(taken.text(TextMode::Fill), "Hello");
    assert!(
        operations.iter().any(|operation| matches!(operation, Operation::Fill(path, _) if path.segments.len() == 5))
    );
    // The same letter is one glyph.
    assert_eq!(taken.glyph_texts.iter().filter(|text| *text == "l").count(), 1);
    assert!(taken.findings.is_empty(), "{:?}", taken.findings);
}

#[test]
fn a_turned_page_is_upright_in_the_form() {
    let pdf = page("0 0 10 10 re f", "/X 1>>/Rotate 90/Y<<", &[]);
    let (header, operations) = &take(&pdf).unwrap().pages[0];
    assert_eq!((header.width, header.height), (100.0, 200.0));
    let filled = operations.iter().find_map(|operation| match operation {
        Operation::Fill(path, _) => Some(path.clone()),
        _ => None,
    });
    // The lower left corner of the file's page is the upper left one of the page as it is seen.
    let corner = format!("{:?}", filled.unwrap().segments[0]);
    assert!(corner.contains("y: 200.0") || corner.contains("y: 190.0"), "{corner}");
}

#[test]
fn a_page_is_as_large_as_its_unit_says() {
    let in_units = |unit: &str| page("1 0 0 1 10 10 cm 0 0 20 20 re f", &format!("/X 1>>/UserUnit {unit}/Y<<"), &[]);
    let check = |unit: &str, size: (f32, f32), reach: f32| {
        let taken = take(&in_units(unit)).unwrap();
        let (header, operations) = &taken.pages[0];
        assert_eq!((header.width, header.height), size, "{unit}");
        let filled = operations.iter().find_map(|operation| match operation {
            Operation::Fill(path, _) => path
                .segments
                .iter()
                .map(|segment| match segment {
                    Segment::Move(to) | Segment::Line(to) => to.x,
                    _ => 0.0,
                })
                .reduce(f32::max),
            _ => None,
        });
        assert_eq!(filled, Some(reach), "{unit}");
    };
    check("1", (200.0, 100.0), 30.0);
    check("2.5", (500.0, 250.0), 75.0);
    // No unit, and one with which the page would be larger than readers show.
    check("-3", (200.0, 100.0), 30.0);
    check("0", (200.0, 100.0), 30.0);
    check("1000", (PageHeader::MAX_SIDE, PageHeader::MAX_SIDE / 2.0), PageHeader::MAX_SIDE * 0.15);
    // As an image, too.
    let policy = PagesPolicy { level: MostLevel::Raster, density: 72, ..PagesPolicy::default() };
    let taken = take_as(&in_units("2"), &DirtyJob { pages: policy, ..job() }).unwrap();
    assert_eq!((taken.pages[0].0.width, taken.pictures[0].width, taken.pictures[0].height), (400.0, 400, 200));
}

#[test]
fn white_letters_on_white_paper_and_letters_off_the_page_are_left_out() {
    let content = "BT /F 12 Tf 1 g 20 20 Td (secret) Tj ET BT 0 g 20 60 Td (seen) Tj ET BT 500 60 Td (far) Tj ET";
    let taken = take(&page(content, HELVETICA, &[])).unwrap();
    assert_eq!(taken.text(TextMode::Fill), "seen");
    assert!(taken.has(Reason::HiddenText) && taken.has(Reason::OffPageContent));
    let keep = DirtyJob { pages: PagesPolicy { hidden_text: Extra::Keep, ..PagesPolicy::default() }, ..job() };
    assert_eq!(take_as(&page(content, HELVETICA, &[]), &keep).unwrap().text(TextMode::Fill), "secretseen");
    let dark = "0 g 0 0 200 50 re f BT /F 12 Tf 1 g 20 20 Td (heading) Tj ET";
    assert_eq!(take(&page(dark, HELVETICA, &[])).unwrap().text(TextMode::Fill), "heading");
    // White letters on their own shadow (pdf.js issue20513).
    let shadow = "BT /F 12 Tf 0 g 20 20 Td (logo) Tj 1 g 1 1 Td (LOGO) Tj ET";
    assert_eq!(take(&page(shadow, HELVETICA, &[])).unwrap().text(TextMode::Fill), "logoLOGO");
}

#[test]
fn the_text_layer_of_a_scan_stays_and_other_unseen_text_goes() {
    let text = "BT 3 Tr /F 12 Tf 20 20 Td (layer) Tj ET";
    let scan = "q 200 0 0 100 0 0 cm BI /W 2 /H 1 /BPC 8 /CS /G ID aB EI Q ";
    let taken = take(&page(&format!("{scan}{text}"), HELVETICA, &[])).unwrap();
    assert_eq!(taken.text(TextMode::Invisible), "layer");
    let taken = take(&page(text, HELVETICA, &[])).unwrap();
    assert_eq!(taken.text(TextMode::Invisible), "");
    assert!(taken.has(Reason::HiddenText));
}

#[test]
fn pictures_are_written_once_in_the_layout_that_they_need() {
    let bits = stream("/Subtype/Image/Width 8/Height 2/ColorSpace/DeviceGray/BitsPerComponent 1", &[0xAA, 0x55]);
    let color = stream("/Subtype/Image/Width 1/Height 2/ColorSpace/DeviceRGB/BitsPerComponent 8", &[9, 8, 7, 1, 2, 3]);
    let content = "q 50 0 0 50 0 0 cm /B Do Q q 9 0 0 9 60 0 cm /B Do Q q 50 0 0 50 90 0 cm /C Do Q";
    let taken = take(&page(content, "/XObject<</B 5 0 R/C 6 0 R>>", &[bits, color])).unwrap();
    let layouts: Vec<_> = taken.pictures.iter().map(|picture| picture.layout).collect();
    assert_eq!(layouts, [PictureLayout::Bits, PictureLayout::Rgb8]);
    assert_eq!(taken.count(|operation| matches!(operation, Operation::Picture { .. })), 3);
}

#[test]
fn a_picture_beyond_the_limits_is_a_grey_box_and_one_with_holes_is_not_there_and_both_are_told() {
    let huge = stream("/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8", b"x");
    let columns =
        "/Subtype/Image/Width 9/Height 60000/ImageMask true/Filter/CCITTFaxDecode/DecodeParms<</Columns 60000>>";
    let content = "q 50 0 0 50 0 0 cm /H Do Q q 50 0 0 50 60 0 cm /C Do Q";
    let taken = take(&page(content, "/XObject<</H 5 0 R/C 6 0 R>>", &[huge, stream(columns, b"x")])).unwrap();
    assert!(taken.pictures.is_empty());
    assert!(taken.findings.contains(&(Reason::PictureUndecodable, 2)), "{:?}", taken.findings);
    assert_eq!(taken.count(|operation| matches!(operation, Operation::Fill(..))), 1);
}

#[test]
fn tiles_gradients_masks_and_groups_are_what_they_were() {
    let tile =
        stream("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources<<>>", b"0 0 4 4 re f");
    let function = "<</FunctionType 2/Domain[0 1]/C0[1 0 0]/C1[0 0 1]/N 1>>";
    let shading =
        format!("<</ShadingType 2/ColorSpace/DeviceRGB/Coords[0 0 200 0]/Function {function}/Extend[true true]>>");
    let form = "/Subtype/Form/BBox[0 0 200 100]/Group<</S/Transparency/CS/DeviceGray>>/Resources<<>>";
    let mask = b"<</SMask<</S/Luminosity/G 7 0 R>>>>".to_vec();
    let objects = [
        tile,
        format!("<</PatternType 2/Shading {shading}>>").into_bytes(),
        stream(form, b"1 g 0 0 100 100 re f"),
        mask,
        stream(form, b"0 0 60 60 re f 30 30 60 60 re f"),
        b"<</ca 0.5>>".to_vec(),
    ];
    let resources = "/Pattern<</T 5 0 R/S 6 0 R>>/ExtGState<</M 8 0 R/H 10 0 R>>/XObject<</G 9 0 R>>";
    let content = "/Pattern cs /T scn 0 0 50 50 re f /S scn 50 0 50 50 re f q /M gs 0 g 0 0 9 9 re f Q q /H gs /G Do Q";
    let taken = take(&page(content, resources, &objects)).unwrap();
    assert_eq!(taken.pages[0].0.level, PageLevel::Vector);
    assert_eq!(taken.gradients, 1);
    let kinds: Vec<_> = taken.canvases.iter().map(|(kind, _)| kind).collect();
    assert!(
        matches!(kinds.as_slice(), [CanvasKind::Tile { .. }, CanvasKind::Mask { .. }, CanvasKind::Group { .. }]),
        "{kinds:?}"
    );
    assert!(taken.count(|operation| matches!(operation, Operation::FillPaint(Paint::Tile { .. }))) == 1);
    assert!(taken.operations().iter().any(|operation| matches!(operation, Operation::Group { alpha: 128, .. })));
}

#[test]
fn a_letter_of_a_type_3_font_is_a_glyph_when_it_is_one_shape() {
    let font = "<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 65/LastChar 65/Widths[10]\
        /Encoding<</Differences[65/A]>>/CharProcs<</A 6 0 R>>/Resources<<>>>>";
    let letter = stream("", b"10 0 0 0 9 9 d1 0 0 9 9 re f");
    let objects = [font.as_bytes().to_vec(), letter];
    let taken = take(&page("BT /T 12 Tf 20 20 Td (AA) Tj ET", "/Font<</T 5 0 R>>", &objects)).unwrap();
    assert_eq!(taken.text(TextMode::Fill), "AA");
    assert_eq!(taken.glyph_texts.len(), 1);
}

#[test]
fn by_policy_every_page_is_an_image_with_its_text() {
    let raster = PagesPolicy { level: MostLevel::Raster, density: 72, ..PagesPolicy::default() };
    let pdf = page("BT /F 12 Tf 20 20 Td (Hello) Tj ET", HELVETICA, &[]);
    let taken = take_as(&pdf, &DirtyJob { pages: raster, ..job() }).unwrap();
    assert_eq!(taken.pages[0].0.level, PageLevel::RasterText);
    assert_eq!((taken.pictures[0].width, taken.pictures[0].height), (200, 100));
    assert_eq!(taken.text(TextMode::Invisible), "Hello");
    let bare = PagesPolicy { raster_text: Extra::Drop, ..raster };
    let taken = take_as(&pdf, &DirtyJob { pages: bare, ..job() }).unwrap();
    assert_eq!((taken.pages[0].0.level, taken.pages[0].1.len()), (PageLevel::Raster, 1));
}

#[test]
fn a_page_of_more_operations_than_allowed_becomes_an_image() {
    let limits = Limits { page_operations: 100, ..Limits::default() };
    let check = |count: usize, level: PageLevel| {
        let taken = take_as(&page(&"0 0 9 9 re f ".repeat(count), "", &[]), &dirty_job("a.pdf", &limits)).unwrap();
        assert_eq!(taken.pages[0].0.level, level, "{count}");
        assert_eq!(taken.has(Reason::PageRasterised), level != PageLevel::Vector);
    };
    check(10, PageLevel::Vector);
    check(40, PageLevel::RasterText);
    let refused = take_as(&page(&"0 0 9 9 re f ".repeat(400), "", &[]), &dirty_job("a.pdf", &limits));
    assert_eq!(refused.unwrap_err(), Reason::LimitPageContent);
}

#[test]
fn drawing_without_end_is_left() {
    // Ten forms, each of which draws the next ten times.
    let forms: Vec<Vec<u8>> = (0..12)
        .map(|index| {
            let head = format!("/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N {} 0 R>>>>", index + 6);
            stream(&head, if index < 11 { "/N Do ".repeat(10) } else { "0 0 9 9 re f".to_owned() }.as_bytes())
        })
        .collect();
    let limits = Limits { page_operations: 10_000, ..Limits::default() };
    let refused = take_as(&page("/N Do", "/XObject<</N 5 0 R>>", &forms), &dirty_job("a.pdf", &limits));
    assert_eq!(refused.unwrap_err(), Reason::LimitPageContent);
}

#[test]
fn widths_for_more_codes_than_there_are_and_streams_that_unpack_without_end_are_refused() {
    let font = b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]>>".to_vec();
    let descendant = b"<</Type/Font/Subtype/CIDFontType2/BaseFont/A/W[0 4294967295 500]>>".to_vec();
    let text = "BT /F 12 Tf 20 20 Td <0041> Tj ET";
    assert_eq!(take(&page(text, "/Font<</F 5 0 R>>", &[font, descendant])).unwrap_err(), Reason::LimitPageContent);

    let mut data = vec![b' '; 256 * 1024 * 1024];
    for _ in 0..2 {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &data).unwrap();
        data = encoder.finish().unwrap();
    }
    let form = stream("/Subtype/Form/BBox[0 0 9 9]/Filter[/FlateDecode/FlateDecode]", &data);
    assert_eq!(take(&page("/N Do", "/XObject<</N 5 0 R>>", &[form])).unwrap_err(), Reason::LimitPageContent);
}

#[test]
fn a_document_of_more_pages_than_allowed_is_refused() {
    let check = |pages: u32, expected: Result<usize, Reason>| {
        let limits = Limits { pages, ..Limits::default() };
        let page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>".to_vec();
        let objects = [
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]>>".to_vec(),
            page.clone(),
            page,
        ];
        let taken = take_as(&file(&objects), &dirty_job("a.pdf", &limits));
        assert_eq!(taken.map(|taken| taken.pages.len()), expected);
    };
    check(2, Ok(2));
    check(1, Err(Reason::LimitPages));
}

#[test]
fn a_page_can_be_looked_at_as_a_picture() {
    let wanted = Preview { page: 0, max_side: 50 };
    let job = DirtyJob { op: form::job::DirtyOp::Preview, text: Default::default(), preview: Some(wanted), ..job() };
    let mut form = Vec::new();
    let pdf = page("0 0 200 100 re f", "", &[]);
    run(&job.encode(), &pdf, &Fonts::default(), &mut form, &mut Vec::new()).unwrap();
    let mut decoder = Decoder::new(form.as_slice(), &job.limits).unwrap();
    assert_eq!(decoder.kind(), Kind::Image);
    let size = loop {
        if let Event::Image(header) = decoder.next().unwrap() {
            break (header.width, header.height);
        }
    };
    assert_eq!(size, (50, 25));
    let absent = DirtyJob { text: Default::default(), preview: Some(Preview { page: 1, ..wanted }), ..job };
    assert!(run(&absent.encode(), &pdf, &Fonts::default(), &mut Vec::new(), &mut Vec::new()).is_err());
}
