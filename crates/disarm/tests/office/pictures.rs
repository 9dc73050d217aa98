//! Pictures and drawings, and the words in them.

use form::Reason;

use crate::kit::{png, rebuilt};
use crate::package_kit::Package;
use crate::rooms::fixture;

#[test]
fn pictures_are_made_anew_and_broken_ones_are_told() {
    let inline = |id: &str| {
        format!(
            r#"<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"><wp:extent cx="9" cy="9"/><wp:docPr id="1" name="p"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:nvPicPr><pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="{id}"/></pic:blipFill><pic:spPr/></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"#
        )
    };
    let mut surplus = png();
    surplus.extend_from_slice(b"PK\x03\x04 hidden");
    let package = Package::document(&format!("{}{}{}", inline("a"), inline("b"), inline("none")))
        .relation("word/document.xml", "a", "image", "media/a.png")
        .relation("word/document.xml", "b", "image", "media/b.wmf")
        .bytes("word/media/a.png", &surplus)
        .bytes("word/media/b.wmf", b"no picture at all");
    let (done, parts) = rebuilt(&package, "a.docx");
    assert_eq!(done.place(Reason::PictureUndecodable).as_deref(), Some("b.wmf"));
    assert!(!parts.has("hidden"));
    let media: Vec<&Vec<u8>> =
        parts.0.iter().filter(|(name, _)| name.contains("media/")).map(|(_, bytes)| bytes).collect();
    assert_eq!(media.len(), 2, "{:?}", parts.names());
    assert!(media.iter().all(|bytes| bytes.starts_with(b"\x89PNG")));
    assert_eq!(parts.text("document.xml").matches("r:embed").count(), 2);
}

/// A drawing of Windows that writes 申, 請書 and Form 7.
fn emf() -> Vec<u8> {
    let text = |words: &str| {
        let units: Vec<u16> = words.encode_utf16().collect();
        let mut data = vec![0, 0, 99, 99, 1, 0, 0, 10, 10, u32::try_from(units.len()).unwrap(), 76, 0, 0, 0, 99, 99, 0];
        data.extend(units.chunks(2).map(|two| u32::from(two[0]) | u32::from(two.get(1).copied().unwrap_or(0)) << 16));
        (84_u32, data)
    };
    let mut emf: Vec<u32> = vec![1, 100, 0, 0, 99, 99, 0, 0, 2_500, 2_500, 0x464D_4520, 0x1_0000, 0, 0, 0, 0, 0, 0];
    emf.extend([1_000, 1_000, 250, 250, 0, 0, 0]);
    for (kind, data) in [text("申"), text("請書"), text("Form 7"), (14, vec![0, 16, 20])] {
        emf.extend([kind, u32::try_from(data.len() * 4 + 8).unwrap()]);
        emf.extend(data);
    }
    emf.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// A metafile becomes pixels, which no search reads.
#[test]
fn the_words_of_a_drawing_are_what_its_picture_says() {
    let emf = emf();
    let inline = |description: &str| {
        format!(
            r#"<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"><wp:extent cx="9" cy="9"/><wp:docPr id="1" name="p" {description}/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:nvPicPr><pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="e"/></pic:blipFill><pic:spPr/></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"#
        )
    };
    let package = Package::document(&format!("{}{}", inline(""), inline(r#"descr="図1""#)))
        .relation("word/document.xml", "e", "image", "media/a.emf")
        .bytes("word/media/a.emf", &emf);
    let (done, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("document.xml");
    assert!(done.has(Reason::MetafileDrawn), "{:?}", done.report.findings);
    assert_eq!(text.matches(r#"descr="申請書 Form 7""#).count(), 3, "{text}");
    assert_eq!(text.matches(r#"descr="図1""#).count(), 1, "what the author said stays: {text}");
}

/// Parts that are read before pictures are drawn, and pictures in VML, say the words too.
#[test]
fn words_of_drawings_are_said_in_sheets_and_in_vml() {
    let anchor = r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><xdr:absoluteAnchor><xdr:pos x="0" y="0"/><xdr:ext cx="9" cy="9"/><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="図"/><xdr:cNvPicPr/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed="e"/></xdr:blipFill><xdr:spPr/></xdr:pic><xdr:clientData/></xdr:absoluteAnchor></xdr:wsDr>"#;
    let package = Package::workbook(r#"<sheetData/><drawing r:id="d"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .part("xl/drawings/drawing1.xml", anchor)
        .relation("xl/drawings/drawing1.xml", "e", "image", "../media/a.emf")
        .bytes("xl/media/a.emf", &emf());
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/drawing");
    assert!(drawing.contains(r#"descr="申請書 Form 7""#) && done.has(Reason::MetafileDrawn), "{drawing}");
    let picture = r#"<w:p><w:r><w:pict xmlns:v="urn:schemas-microsoft-com:vml"><v:shape id="s" style="width:9pt;height:9pt"><v:imagedata r:id="e"/></v:shape></w:pict></w:r></w:p>"#;
    let package = Package::document(picture)
        .relation("word/document.xml", "e", "image", "media/a.emf")
        .bytes("word/media/a.emf", &emf());
    let (_, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("document.xml");
    assert!(text.contains(r#"alt="申請書 Form 7""#), "{text}");
}

/// Excel puts a picture of cells into a choice (MS-ODRAWXML 2.3.2.2 `cameraTool`), which other programs pass over (ECMA-376 part 3,
/// section 7.5). Which cells it shows stays behind, so that everyone can read what is left.
#[test]
fn a_picture_of_cells_is_a_picture_for_every_program() {
    let shape = |inside: &str| {
        format!(
            r#"<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice xmlns:a14="http://schemas.microsoft.com/office/drawing/2010/main" Requires="a14"><xdr:absoluteAnchor><xdr:pos x="0" y="0"/><xdr:ext cx="9" cy="9"/>{inside}<xdr:clientData/></xdr:absoluteAnchor></mc:Choice><mc:Fallback/></mc:AlternateContent>"#
        )
    };
    let picture = r#"<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="2" name="図"/><xdr:cNvPicPr><a:picLocks noChangeAspect="1"/><a:extLst><a:ext uri="{84589F7E-364E-4C9E-8A38-B11213B215E9}"><a14:cameraTool cellRange="$A$1:$B$2" spid="_x0000_s1025"/></a:ext></a:extLst></xdr:cNvPicPr></xdr:nvPicPr><xdr:blipFill><a:blip r:embed="e"/></xdr:blipFill><xdr:spPr><a:solidFill><a:srgbClr val="FFFFFF" a14:legacySpreadsheetColorIndex="9"/></a:solidFill></xdr:spPr></xdr:pic>"#;
    let formula = r#"<xdr:sp><xdr:nvSpPr><xdr:cNvPr id="3" name="式"/><xdr:cNvSpPr/></xdr:nvSpPr><xdr:spPr/><xdr:txBody><a:bodyPr/><a:p><a14:m><m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>x</m:t></m:r></m:oMath></a14:m></a:p></xdr:txBody></xdr:sp>"#;
    let drawing = format!(
        r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">{}{}</xdr:wsDr>"#,
        shape(picture),
        shape(formula)
    );
    let package = Package::workbook(r#"<sheetData/><drawing r:id="d"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .part("xl/drawings/drawing1.xml", &drawing)
        .relation("xl/drawings/drawing1.xml", "e", "image", "../media/a.png")
        .bytes("xl/media/a.png", &png());
    let (done, parts) = rebuilt(&package, "a.xlsx");
    assert!(done.has(Reason::PictureStill) && !done.has(Reason::UnknownContent), "{:?}", done.report.findings);
    let drawing = parts.text("drawings/drawing");
    let (before, choice) = drawing.split_once("<mc:AlternateContent>").expect("the formula needs its vocabulary");
    assert!(before.contains("<xdr:pic>") && before.contains("r:embed") && !before.contains("cameraTool"), "{drawing}");
    assert!(before.ends_with("</xdr:absoluteAnchor>") && choice.contains(r#"Requires="a14""#), "{drawing}");
    assert!(choice.contains("<m:oMath>") && !choice.contains("<xdr:pic>"), "{drawing}");
}

#[test]
fn a_picture_that_is_there_twice_is_written_once() {
    let picture = |id: &str| {
        format!(
            r#"<w:p><w:r><w:pict xmlns:v="urn:schemas-microsoft-com:vml"><v:shape style="width:1pt;height:1pt"><v:imagedata r:id="{id}"/></v:shape></w:pict></w:r></w:p>"#
        )
    };
    let package = Package::document(&["a", "b", "c"].map(picture).concat())
        .relation("word/document.xml", "a", "image", "media/image1.png")
        .relation("word/document.xml", "b", "image", "media/image2.png")
        .relation("word/document.xml", "c", "image", "media/image3.png")
        .bytes("word/media/image1.png", &png())
        .bytes("word/media/image2.png", &png())
        .bytes("word/media/image3.png", &fixture("colours.png"));
    let (_, parts) = rebuilt(&package, "a.docx");
    let media = parts.names().into_iter().filter(|name| name.contains("media/")).count();
    let text = parts.text("document.xml");
    assert_eq!((media, text.matches("<v:imagedata").count()), (2, 3), "{:?}", parts.names());
    let relations = parts.0.iter().find(|(name, _)| name == "word/_rels/document.xml.rels").unwrap();
    let relations = String::from_utf8(relations.1.clone()).unwrap();
    assert_eq!(relations.matches("/image\"").count(), 3, "{relations}");
}
