//! Office documents made by hand, what is in their files, and what other programs make of these.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod office_files;
#[path = "../../form/tests/office_kit/mod.rs"]
mod office_kit;

use form::container::Child;
use form::document::OfficeDoc;
use form::name::FileName;
use form::office::{HeaderPicture, HeaderPlace, Markup, Producer, Relationship, Variant};
use form::pages::{PictureHeader, PictureLayout, PictureSource, Url};
use form::report::OutputType;
use form::text::Line;
use form::{Finding, Kind, Limits, Place, Reason, Refusal};
use office_files::grammar::{Grammar, Seen};
use office_files::*;
use office_kit::document;
use office_kit::named::{Writer, header};

fn link(address: &str) -> Relationship {
    Relationship::Link(Url::parse(address).unwrap())
}

fn picture(width: u32, height: u32, layout: PictureLayout, source: PictureSource) -> PictureHeader {
    PictureHeader { width, height, layout, source, interpolate: false, alpha: None }
}

/// Two paragraphs, one of them a link, with a picture, styles and a footer.
fn letter() -> OfficeDoc {
    let mut body = Writer::new("MainDocumentPart");
    body.open("w:document", &[]).open("w:body", &[]);
    body.open("w:p", &[]).open("w:pPr", &[]).empty("w:pStyle", &[("w:val", "見出し1")]).close();
    body.open("w:r", &[]).leaf("w:t", &[("xml:space", "preserve")], " 申請書 <甲> & 乙").close().close();
    body.open("w:p", &[])
        .open("w:hyperlink", &[("r:id", "rId2")])
        .nested(&["w:r", "w:t"], "窓口の案内")
        .close()
        .close();
    body.open("w:p", &[]).open("w:r", &[]).open("w:drawing", &[]);
    body.open("wp:inline", &[]).empty("wp:extent", &[("cx", "914400"), ("cy", "914400")]);
    body.empty("wp:docPr", &[("id", "1"), ("name", "図 1")]);
    body.open("a:graphic", &[]);
    body.open("a:graphicData", &[("uri", "http://schemas.openxmlformats.org/drawingml/2006/picture")]);
    body.open("pic:pic", &[]).open("pic:nvPicPr", &[]).empty("pic:cNvPr", &[("id", "1"), ("name", "図 1")]);
    body.empty("pic:cNvPicPr", &[]).close();
    body.open("pic:blipFill", &[]).empty("a:blip", &[("r:embed", "rId3")]).open("a:stretch", &[]);
    body.empty("a:fillRect", &[]).close().close();
    body.open("pic:spPr", &[]).open("a:xfrm", &[]).empty("a:off", &[("x", "0"), ("y", "0")]);
    body.empty("a:ext", &[("cx", "914400"), ("cy", "914400")]).close();
    body.open("a:prstGeom", &[("prst", "rect")]).empty("a:avLst", &[]).close().close();
    for _ in 0..7 {
        body.close();
    }
    body.open("w:sectPr", &[]).empty("w:footerReference", &[("w:type", "default"), ("r:id", "rId4")]);
    let mut styles = Writer::new("StyleDefinitionsPart");
    styles.open("w:styles", &[]).open("w:style", &[("w:type", "paragraph"), ("w:styleId", "見出し1")]);
    styles.empty("w:name", &[("w:val", "heading 1")]).open("w:rPr", &[]).empty("w:sz", &[("w:val", "36")]);
    let mut footer = Writer::new("FooterPart");
    footer.open("w:ftr", &[]).nested(&["w:p", "w:r", "w:t"], "下の余白");
    let relationships = vec![
        Relationship::Part(1),
        link("https://example.jp/?a=1&b=2"),
        Relationship::Picture(0),
        Relationship::Part(2),
    ];
    let parts = vec![
        header("MainDocumentPart", relationships),
        header("StyleDefinitionsPart", Vec::new()),
        header("FooterPart", Vec::new()),
    ];
    let markup = [body.finish(), styles.finish(), footer.finish()].concat();
    let mut letter = document(Kind::Flow, parts, markup);
    let red = [200, 0, 0].repeat(64);
    letter.pictures.push((picture(8, 8, PictureLayout::Rgb8, PictureSource::Drawing), red));
    letter
}

/// A sheet with words, a number, a formula, a note and a link.
fn book() -> OfficeDoc {
    let mut book = Writer::new("WorkbookPart");
    book.open("x:workbook", &[]).open("x:sheets", &[]);
    book.empty("x:sheet", &[("name", "表 1"), ("sheetId", "1"), ("r:id", "rId1")]);
    let mut sheet = Writer::new("WorksheetPart");
    sheet.open("x:worksheet", &[]).open("x:sheetData", &[]).open("x:row", &[("r", "1")]);
    sheet.open("x:c", &[("r", "A1"), ("t", "s")]).leaf("x:v", &[], "0").close();
    sheet.open("x:c", &[("r", "B1")]).leaf("x:v", &[], "1234.5").close();
    sheet.open("x:c", &[("r", "C1")]).leaf("x:f", &[], "B1*2").leaf("x:v", &[], "2469").close();
    sheet.open("x:c", &[("r", "D1"), ("t", "inlineStr")]).nested(&["x:is", "x:t"], "ここ").close().close().close();
    sheet.open("x:hyperlinks", &[]).empty("x:hyperlink", &[("ref", "A1"), ("r:id", "rId2")]).close();
    sheet.empty(
        "x:pageMargins",
        &[("left", "0.7"), ("right", "0.7"), ("top", "0.75"), ("bottom", "0.75"), ("header", "0.3"), ("footer", "0.3")],
    );
    sheet.open("x:tableParts", &[("count", "0")]);
    let mut strings = Writer::new("SharedStringTablePart");
    strings.open("x:sst", &[]).nested(&["x:si", "x:t"], "住所 & 氏名");
    let mut styles = Writer::new("WorkbookStylesPart");
    styles.open("x:styleSheet", &[]);
    let mut notes = Writer::new("WorksheetCommentsPart");
    notes.open("x:comments", &[]).open("x:authors", &[]).leaf("x:author", &[], "山田").close();
    notes.open("x:commentList", &[]).open("x:comment", &[("ref", "B1"), ("authorId", "0")]);
    notes.nested(&["x:text", "x:r", "x:t"], "要確認");
    let parts = vec![
        header("WorkbookPart", vec![Relationship::Part(1), Relationship::Part(2), Relationship::Part(3)]),
        header("WorksheetPart", vec![Relationship::Part(4), link("mailto:a@example.jp")]),
        header("SharedStringTablePart", Vec::new()),
        header("WorkbookStylesPart", Vec::new()),
        header("WorksheetCommentsPart", Vec::new()),
    ];
    let markup = [book.finish(), sheet.finish(), strings.finish(), styles.finish(), notes.finish()].concat();
    document(Kind::Sheet, parts, markup)
}

/// One slide with one box of text, on the least of layout, master and theme.
fn slides() -> OfficeDoc {
    let tree = |part: &mut Writer, text: &str| {
        part.open("p:cSld", &[]).open("p:spTree", &[]);
        part.open("p:nvGrpSpPr", &[]).empty("p:cNvPr", &[("id", "1"), ("name", "")]).empty("p:cNvGrpSpPr", &[]);
        part.empty("p:nvPr", &[]).close().empty("p:grpSpPr", &[]);
        if !text.is_empty() {
            part.open("p:sp", &[]).open("p:nvSpPr", &[]).empty("p:cNvPr", &[("id", "2"), ("name", "箱")]);
            part.empty("p:cNvSpPr", &[]).empty("p:nvPr", &[]).close();
            part.open("p:spPr", &[]).open("a:xfrm", &[]).empty("a:off", &[("x", "900000"), ("y", "900000")]);
            part.empty("a:ext", &[("cx", "5000000"), ("cy", "900000")]).close();
            part.open("a:prstGeom", &[("prst", "rect")]).empty("a:avLst", &[]).close().close();
            part.open("p:txBody", &[]).empty("a:bodyPr", &[]).open("a:p", &[]).nested(&["a:r", "a:t"], text);
            part.close().close().close();
        }
        part.close().close();
    };
    let mut main = Writer::new("PresentationPart");
    main.open("p:presentation", &[]).open("p:sldMasterIdLst", &[]);
    main.empty("p:sldMasterId", &[("id", "2147483648"), ("r:id", "rId1")]).close();
    main.open("p:sldIdLst", &[]).empty("p:sldId", &[("id", "256"), ("r:id", "rId2")]).close();
    main.empty("p:sldSz", &[("cx", "9144000"), ("cy", "6858000")]);
    main.empty("p:notesSz", &[("cx", "6858000"), ("cy", "9144000")]);
    let mut slide = Writer::new("SlidePart");
    slide.open("p:sld", &[]);
    tree(&mut slide, "説明会の資料");
    let mut layout = Writer::new("SlideLayoutPart");
    layout.open("p:sldLayout", &[]);
    tree(&mut layout, "");
    let mut master = Writer::new("SlideMasterPart");
    master.open("p:sldMaster", &[]);
    tree(&mut master, "");
    let colors = ["bg1", "tx1", "bg2", "tx2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6"];
    let mut map: Vec<(&str, &str)> = colors
        .iter()
        .zip(["lt1", "dk1", "lt2", "dk2"].iter().chain(&colors[4..]))
        .map(|(to, from)| (*to, *from))
        .collect();
    map.extend([("hlink", "hlink"), ("folHlink", "folHlink")]);
    master.empty("p:clrMap", &map).open("p:sldLayoutIdLst", &[]);
    master.empty("p:sldLayoutId", &[("id", "2147483649"), ("r:id", "rId1")]);
    let mut theme = Writer::new("ThemePart");
    theme.open("a:theme", &[("name", "主題")]).open("a:themeElements", &[]).open("a:clrScheme", &[("name", "色")]);
    let scheme = ["dk1", "lt1", "dk2", "lt2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6"];
    for name in scheme.iter().chain(&["hlink", "folHlink"]) {
        theme
            .open(&format!("a:{name}"), &[])
            .empty("a:srgbClr", &[("val", if name.starts_with("lt") { "FFFFFF" } else { "102030" })]);
        theme.close();
    }
    theme.close().open("a:fontScheme", &[("name", "字")]);
    for name in ["a:majorFont", "a:minorFont"] {
        theme.open(name, &[]);
        ["a:latin", "a:ea", "a:cs"].iter().for_each(|script| {
            theme.empty(script, &[("typeface", "IPAGothic")]);
        });
        theme.close();
    }
    theme.close().open("a:fmtScheme", &[("name", "形")]);
    let plain = |part: &mut Writer| {
        part.open("a:solidFill", &[]).empty("a:schemeClr", &[("val", "phClr")]).close();
    };
    for name in ["a:fillStyleLst", "a:lnStyleLst", "a:effectStyleLst", "a:bgFillStyleLst"] {
        theme.open(name, &[]);
        for _ in 0..3 {
            match name {
                "a:lnStyleLst" => {
                    theme.open("a:ln", &[("w", "9525")]);
                    plain(&mut theme);
                    theme.close();
                }
                "a:effectStyleLst" => {
                    theme.open("a:effectStyle", &[]).empty("a:effectLst", &[]).close();
                }
                _ => plain(&mut theme),
            }
        }
        theme.close();
    }
    let parts = vec![
        header("PresentationPart", vec![Relationship::Part(3), Relationship::Part(1), Relationship::Part(4)]),
        header("SlidePart", vec![Relationship::Part(2)]),
        header("SlideLayoutPart", vec![Relationship::Part(3)]),
        header("SlideMasterPart", vec![Relationship::Part(2), Relationship::Part(4)]),
        header("ThemePart", Vec::new()),
    ];
    let markup = [main.finish(), slide.finish(), layout.finish(), master.finish(), theme.finish()].concat();
    document(Kind::Slides, parts, markup)
}

#[test]
fn members_come_under_names_that_programs_expect() {
    let names = |document: &OfficeDoc| members(&file(document)).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let described = ["docProps/core.xml", "docProps/app.xml"];
    let first = ["[Content_Types].xml", "_rels/.rels"];
    let expected = [
        "word/media/image1.png",
        "word/_rels/document.xml.rels",
        "word/document.xml",
        "word/styles.xml",
        "word/footer1.xml",
    ];
    assert_eq!(names(&letter()), [&first[..], &expected, &described].concat());
    let expected = [
        "xl/_rels/workbook.xml.rels",
        "xl/workbook.xml",
        "xl/worksheets/_rels/sheet1.xml.rels",
        "xl/worksheets/sheet1.xml",
        "xl/sharedStrings.xml",
        "xl/styles.xml",
        "xl/comments1.xml",
        "xl/drawings/vmlDrawing1.vml",
    ];
    assert_eq!(names(&book()), [&first[..], &expected, &described].concat());
}

#[test]
fn what_a_part_refers_to_is_named_by_its_place() {
    assert_eq!(
        member(&file(&letter()), "word/_rels/document.xml.rels"),
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
         <Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
         <Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink\" \
         Target=\"https://example.jp/?a=1&amp;b=2\" TargetMode=\"External\"/>\
         <Relationship Id=\"rId3\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/image\" Target=\"media/image1.png\"/>\
         <Relationship Id=\"rId4\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/footer\" Target=\"footer1.xml\"/>\
         </Relationships>"
    );
}

#[test]
fn pictures_of_headers_are_in_a_drawing_of_their_own() {
    let mut book = book();
    book.pictures.push((picture(8, 8, PictureLayout::Rgb8, PictureSource::Drawing), [200, 0, 0].repeat(64)));
    let place = |name: &str| HeaderPlace::named(name).unwrap();
    for (name, width) in [("LH", 11_325), ("CFEVEN", 50)] {
        let header = HeaderPicture { place: place(name), picture: 0, width, height: 3_600 };
        book.parts[1].relationships.push(Relationship::Header(header));
    }
    let file = file(&book);
    // Right behind the boxes of notes (ECMA-376 part 1, section 18.3.1.99).
    let sheet = member(&file, "xl/worksheets/sheet1.xml");
    assert!(sheet.contains("<legacyDrawing r:id=\"rId4\"/><legacyDrawingHF r:id=\"rId3\"/><tableParts"), "{sheet}");
    let relationships = member(&file, "xl/worksheets/_rels/sheet1.xml.rels");
    assert!(relationships.contains("Id=\"rId3\"") && relationships.contains("Target=\"../drawings/vmlDrawing2.vml\""));
    let drawing = member(&file, "xl/drawings/vmlDrawing2.vml");
    assert!(drawing.contains("<v:shape id=\"LH\"") && drawing.contains("width:113.25pt;height:36.00pt"), "{drawing}");
    assert!(drawing.contains("<v:shape id=\"CFEVEN\"") && drawing.contains("width:0.50pt"), "{drawing}");
    let pictures = member(&file, "xl/drawings/_rels/vmlDrawing2.vml.rels");
    assert_eq!(pictures.matches("Target=\"../media/image1.png\"").count(), 2, "{pictures}");
}

#[test]
fn boxes_of_notes_are_named_where_the_content_model_has_their_place() {
    let file = file(&book());
    let sheet = member(&file, "xl/worksheets/sheet1.xml");
    // After margins, before tables (ECMA-376 part 1, section 18.3.1.99); without tables, at the end.
    assert!(
        sheet.contains("footer=\"0.3\"/><legacyDrawing r:id=\"rId3\"/><tableParts count=\"0\"/></worksheet>"),
        "{sheet}"
    );
    assert!(member(&file, "xl/worksheets/_rels/sheet1.xml.rels").contains("Target=\"../drawings/vmlDrawing1.vml\""));
    assert!(member(&file, "xl/drawings/vmlDrawing1.vml").contains("<x:Row>0</x:Row><x:Column>1</x:Column>"));
    let mut without = book();
    // The steps of the tables stand right before the end of the sheet.
    let end = ends(&without.markup)[1];
    without.markup.drain(end - 3..end);
    let sheet = member(&office_files::file(&without), "xl/worksheets/sheet1.xml");
    assert!(sheet.ends_with("footer=\"0.3\"/><legacyDrawing r:id=\"rId3\"/></worksheet>"), "{sheet}");
}

/// Where the roots of the parts end.
fn ends(steps: &[Markup]) -> Vec<usize> {
    let mut depth = 0;
    let mut ends = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Markup::Open(_) => depth += 1,
            Markup::Close => {
                depth -= 1;
                if depth == 0 {
                    ends.push(at);
                }
            }
            _ => {}
        }
    }
    ends
}

#[test]
fn a_choice_names_a_vocabulary_that_is_declared() {
    let with = |prefix: &str| {
        let mut part = Writer::new("MainDocumentPart");
        part.open("w:document", &[]).open("w:body", &[]).choice(prefix).empty("w:p", &[]).end_choice();
        document(Kind::Flow, vec![header("MainDocumentPart", Vec::new())], part.finish())
    };
    let own = member(&file(&with("w14")), "word/document.xml");
    let choice =
        "<w:body><mc:AlternateContent><mc:Choice Requires=\"w14\"><w:p/></mc:Choice></mc:AlternateContent></w:body>";
    assert!(own.contains(choice) && own.contains(" mc:Ignorable=\"w14\"><w:body>"), "{own}");
    // One that the part cannot use is declared where it is named.
    let mut styles = Writer::new("StyleDefinitionsPart");
    styles.open("w:styles", &[]).choice("wpc").empty("w:style", &[]).end_choice();
    let mut both = with("w14");
    both.parts.push(header("StyleDefinitionsPart", Vec::new()));
    both.header.parts = 2;
    both.markup.extend(styles.finish());
    let other = member(&file(&both), "word/styles.xml");
    let declared = "<mc:Choice xmlns:wpc=\"http://schemas.microsoft.com/office/word/2010/wordprocessingCanvas\" \
                    Requires=\"wpc\">";
    assert!(other.contains(declared), "{other}");
}

#[test]
fn the_sort_of_document_is_in_its_main_content_type() {
    for (document, variant, output, expected) in [
        (letter(), Variant::Document, OutputType::Docx, "wordprocessingml.document.main+xml"),
        (letter(), Variant::Template, OutputType::Dotx, "wordprocessingml.template.main+xml"),
        (book(), Variant::Document, OutputType::Xlsx, "spreadsheetml.sheet.main+xml"),
        (book(), Variant::Template, OutputType::Xltx, "spreadsheetml.template.main+xml"),
        (slides(), Variant::Document, OutputType::Pptx, "presentationml.presentation.main+xml"),
        (slides(), Variant::Template, OutputType::Potx, "presentationml.template.main+xml"),
        (slides(), Variant::Show, OutputType::Ppsx, "presentationml.slideshow.main+xml"),
    ] {
        let mut document = document;
        document.header.variant = variant;
        let (file, report) = written(&document, &job()).unwrap();
        let types = member(&file, "[Content_Types].xml");
        assert!(types.contains(expected), "{types}");
        assert_eq!(report.output, output);
    }
}

#[test]
fn descriptions_name_the_program_and_the_title_and_nothing_else() {
    let mut document = book();
    let app = |document: &OfficeDoc| member(&file(document), "docProps/app.xml");
    let of = |inner: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Properties \
             xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\"{inner}"
        )
    };
    let microsoft = "><Application>Microsoft Excel</Application><AppVersion>16.0300</AppVersion></Properties>";
    assert_eq!(app(&document), of(microsoft));
    document.header.version = (u16::MAX, 9_999);
    assert_eq!(app(&document), of(&microsoft.replace("16.0300", "99.9999")));
    document.header.producer = Producer::LibreOffice;
    document.header.version = (7, 4);
    let libreoffice = "><Application>LibreOffice/7.4</Application><AppVersion>15.0000</AppVersion></Properties>";
    assert_eq!(app(&document), of(libreoffice));
    document.header.producer = Producer::Other;
    assert_eq!(app(&document), of("/>"));
    let core = member(&file(&document), "docProps/core.xml");
    assert!(core.ends_with("\"><dc:title>見出し &amp; &lt;題&gt;</dc:title></cp:coreProperties>"), "{core}");
    document.header.title = Line::default();
    assert!(!member(&file(&document), "docProps/core.xml").contains("title"));
}

#[test]
fn equal_documents_are_equal_files() {
    for document in [letter(), book(), slides()] {
        assert_eq!(file(&document), file(&document));
    }
}

#[test]
fn reports_count_sheets_and_slides_and_pass_findings_and_children_on() {
    let mut document = book();
    let finding = Finding::new(Reason::Script, Place::new("表 1"));
    let child = Child {
        id: 1,
        name: FileName::rebuild("内訳.xlsx").0,
        declared_type: Line::default(),
        offset: 0,
        len: 10,
        inline: false,
        path: None,
        modified: None,
        withheld: None,
        is_mail: false,
    };
    document.findings.push(finding.clone());
    document.children.push(child.clone());
    let (_, report) = written(&document, &job()).unwrap();
    assert_eq!((report.kind, report.pages), (Kind::Sheet, 1));
    assert_eq!((report.findings, report.children), (vec![finding], vec![child]));
    assert_eq!(written(&slides(), &job()).unwrap().1.pages, 1);
    assert_eq!(written(&letter(), &job()).unwrap().1.pages, 0);
}

#[test]
fn a_file_past_its_limit_is_refused() {
    let whole = file(&letter()).len() as u64;
    let mut job = job();
    job.limits = Limits { output_bytes: whole, ..Limits::default() };
    assert!(written(&letter(), &job).is_ok());
    job.limits.output_bytes = whole - 1;
    assert_eq!(written(&letter(), &job).unwrap_err(), Refusal::limit(Reason::LimitOutputBytes, whole - 1, whole));
}

/// The letter with other pictures; the last one is shown.
fn with_pictures(pictures: Vec<(PictureHeader, Vec<u8>)>) -> OfficeDoc {
    let mut document = letter();
    document.parts[0].relationships[2] = Relationship::Picture(u32::try_from(pictures.len()).unwrap() - 1);
    document.pictures = pictures;
    document
}

/// Name, width, height, colour type and pixels of the only picture of a file.
fn decoded(document: &OfficeDoc) -> (String, u32, u32, png::ColorType, png::BitDepth, Vec<u8>) {
    let members = members(&file(document));
    let media: Vec<_> = members.iter().filter(|(name, _)| name.contains("/media/")).collect();
    assert_eq!(media.len(), 1, "what nothing names is not written");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&media[0].1)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(info.buffer_size());
    (media[0].0.clone(), info.width, info.height, info.color_type, info.bit_depth, pixels)
}

#[test]
fn drawings_are_png_of_as_few_bits_as_they_need() {
    let bits = picture(10, 2, PictureLayout::Bits, PictureSource::Drawing);
    let (_, width, height, color, depth, pixels) = decoded(&with_pictures(vec![(bits, vec![0xAA, 0x80, 0xFF, 0xC0])]));
    assert_eq!((width, height, color, depth), (10, 2, png::ColorType::Grayscale, png::BitDepth::One));
    assert_eq!(pixels, [0xAA, 0x80, 0xFF, 0xC0]);
    let gray = picture(4, 1, PictureLayout::Gray8, PictureSource::Drawing);
    let (.., color, depth, pixels) = decoded(&with_pictures(vec![(gray, vec![1, 2, 3, 77])]));
    assert_eq!((color, depth, &pixels[..]), (png::ColorType::Grayscale, png::BitDepth::Eight, &[1, 2, 3, 77][..]));
    let flat = picture(8, 8, PictureLayout::Rgb8, PictureSource::Drawing);
    let (.., color, depth, _) = decoded(&with_pictures(vec![(flat, [9, 8, 7].repeat(64))]));
    assert_eq!((color, depth), (png::ColorType::Indexed, png::BitDepth::One));
}

#[test]
fn opacity_is_merged_into_its_picture() {
    let many: Vec<u8> = (0..20 * 20 * 3).map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let opacity: Vec<u8> = (0..400).map(|n: u32| n.to_le_bytes()[0]).collect();
    let colors = PictureHeader { alpha: Some(0), ..picture(20, 20, PictureLayout::Rgb8, PictureSource::Photo) };
    let alpha = picture(20, 20, PictureLayout::Gray8, PictureSource::Drawing);
    let (name, .., color, _, pixels) = decoded(&with_pictures(vec![(alpha, opacity.clone()), (colors, many.clone())]));
    assert_eq!((name.as_str(), color), ("word/media/image1.png", png::ColorType::Rgba));
    let expected: Vec<u8> = many.chunks(3).zip(&opacity).flat_map(|(rgb, a)| [rgb[0], rgb[1], rgb[2], *a]).collect();
    assert_eq!(pixels, expected);
    // An opacity of bits and of another size: each pixel takes that of where it lies.
    let gray = PictureHeader { alpha: Some(0), ..picture(64, 64, PictureLayout::Rgb8, PictureSource::Drawing) };
    let noise: Vec<u8> = (0..64 * 64 * 3).map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let half = picture(2, 1, PictureLayout::Bits, PictureSource::Drawing);
    let (.., color, _, pixels) = decoded(&with_pictures(vec![(half, vec![0x40]), (gray, noise.clone())]));
    assert_eq!(color, png::ColorType::Rgba);
    for (row, colors) in pixels.chunks(64 * 4).zip(noise.chunks(64 * 3)) {
        for (x, (pixel, color)) in row.chunks(4).zip(colors.chunks(3)).enumerate() {
            assert_eq!((&pixel[..3], pixel[3]), (color, if x < 32 { 0 } else { 255 }));
        }
    }
}

#[test]
fn photographs_are_jpeg_and_stay_as_rough_as_they_were() {
    let noise = |seed: u32| -> Vec<u8> {
        (0..64 * 64 * 3_u32).map(|n| (n ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
    };
    let size = |source| {
        let header = picture(64, 64, PictureLayout::Rgb8, source);
        let members = members(&file(&with_pictures(vec![(header, noise(1))])));
        let (name, data) = members.into_iter().find(|(name, _)| name.contains("/media/")).unwrap();
        assert_eq!((name.as_str(), &data[..2]), ("word/media/image1.jpeg", &[0xFF, 0xD8][..]));
        data.len()
    };
    let sizes = [PictureSource::Photo, PictureSource::CoarsePhoto, PictureSource::RoughPhoto].map(size);
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
}

#[test]
fn a_large_part_is_the_same_however_it_is_written() {
    // Numbers that pack badly: sizes stand behind the data.
    let mut body = Writer::new("MainDocumentPart");
    body.open("w:document", &[]).open("w:body", &[]);
    let mut expected = String::new();
    for n in 0..40_000_u64 {
        let text =
            [1, 2, 3, 4].map(|by| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_mul(n + by))).concat();
        body.nested(&["w:p", "w:r", "w:t"], &text);
        expected.push_str(&format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"));
    }
    let large = document(Kind::Flow, vec![header("MainDocumentPart", Vec::new())], body.finish());
    let file = file(&large);
    assert!(member(&file, "word/document.xml").contains(&expected));
    let found = readers::python(std::slice::from_ref(&file));
    assert_eq!(found["complaints"], serde_json::json!([]));
    // The local header of a large member says that sizes follow; that of a small one has them.
    let flags = |name: &str| {
        let at = file.windows(name.len()).position(|window| window == name.as_bytes()).unwrap() - 30;
        (file[at + 6], u32::from_le_bytes(file[at + 22..at + 26].try_into().unwrap()) > 0)
    };
    assert_eq!((flags("word/document.xml"), flags("[Content_Types].xml")), ((8, false), (0, true)));
}

#[test]
fn files_hold_only_what_is_published_and_are_told_apart() {
    let grammar = Grammar::published();
    let mut seen = Seen::default();
    for (document, output) in [(letter(), OutputType::Docx), (book(), OutputType::Xlsx), (slides(), OutputType::Pptx)] {
        let file = file(&document);
        assert_eq!(grammar.check(&file, &mut seen), Ok(()));
        assert_eq!(readers::media_type(&file), output.media_type());
    }
}

#[test]
fn libreoffice_reads_what_was_written() {
    let (letter, book, slides) = (file(&letter()), file(&book()), file(&slides()));
    let texts = readers::converted(&[("letter.docx", &letter)], "txt:Text (encoded):UTF8");
    let text = String::from_utf8(texts[0].clone()).unwrap();
    assert!(text.contains(" 申請書 <甲> & 乙") && text.contains("窓口の案内"), "{text}");
    // Words, a number, what a formula gives, and words in the sheet itself.
    let cells = readers::converted(&[("book.xlsx", &book)], "csv:Text - txt - csv (StarCalc):44,34,76");
    assert_eq!(String::from_utf8(cells[0].clone()).unwrap().trim(), "住所 & 氏名,1234.5,2469,ここ");
    let pages = readers::converted(&[("slides.pptx", &slides), ("letter.docx", &letter)], "pdf");
    assert!(pages.iter().all(|page| page.starts_with(b"%PDF-")));
}
