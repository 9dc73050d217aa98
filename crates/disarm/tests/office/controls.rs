//! What Excel describes in drawings of VML alone: form controls, places of notes, pictures of headers.

use form::Reason;

use crate::kit::{count, png, rebuilt};
use crate::package_kit::{Package, R, X};

/// A sheet with form controls, which Excel describes in a drawing of VML.
#[test]
fn form_controls_become_shapes_with_their_text() {
    let control = |kind: &str, text: &str, more: &str| {
        format!(
            r#"<v:shape id="_x0000_s{}" type="t"><v:textbox><div><font face="x">{text}</font><br></div></v:textbox><x:ClientData ObjectType="{kind}"><x:Anchor>
    4, 6, 6, 1, 8, 16, 7, 0</x:Anchor>{more}</x:ClientData></v:shape>"#,
            text.len()
        )
    };
    let vml = format!(
        r#"<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:x="urn:schemas-microsoft-com:office:excel">{}{}{}{}{}</xml>"#,
        control("Checkbox", "同意&amp;する", "<x:Checked>1</x:Checked>"),
        control("Checkbox", "しない", ""),
        control("Radio", "男 性", "<x:Checked>1</x:Checked>"),
        control("Button", "送信", "<x:FmlaMacro>[0]!evil</x:FmlaMacro><x:PrintObject>False</x:PrintObject>"),
        control("Spin", "", ""),
    );
    let drawing =
        r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"></xdr:wsDr>"#;
    let mut package = Package::workbook(r#"<sheetData/><drawing r:id="d"/><legacyDrawing r:id="v"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .part("xl/drawings/drawing1.xml", drawing)
        .part("xl/drawings/vmlDrawing1.vml", &vml);
    for number in 1..=5 {
        let target = format!("../ctrlProps/ctrlProp{number}.xml");
        package = package.relation("xl/worksheets/sheet1.xml", &format!("c{number}"), "ctrlProp", &target);
    }
    let (done, parts) = rebuilt(&package, "a.xlsm");
    let drawing = parts.text("drawings/drawing");
    for text in ["☑ 同意&amp;する", "☐ しない", "◉ 男 性", "送信"] {
        assert!(drawing.contains(&format!("<a:t>{text}</a:t>")), "{text}: {drawing}");
    }
    assert!(drawing.contains("<xdr:col>4</xdr:col><xdr:colOff>57150</xdr:colOff>"), "{drawing}");
    assert_eq!(drawing.matches(r#"fPrintsWithSheet="0""#).count(), 1, "{drawing}");
    assert!(!parts.has("evil") && done.has(Reason::Macros));
    assert_eq!((count(&done, Reason::ControlsDrawn), count(&done, Reason::Controls)), (4, 1));
}

/// A drawing of VML with these shapes: their sort, style, text and what else is said of them.
fn vml(shapes: &[(&str, &str, &str, &str)]) -> String {
    let shape = |(number, (kind, style, text, more)): (usize, &(&str, &str, &str, &str))| {
        format!(
            r#"<v:shape id="_x0000_s{number}" type="t" style="position:absolute;{style}"><v:textbox><div>{text}</div></v:textbox><x:ClientData ObjectType="{kind}"><x:Anchor>1, 0, 2, 0, 3, 0, 4, 0</x:Anchor>{more}</x:ClientData></v:shape>"#
        )
    };
    let shapes: String = shapes.iter().enumerate().map(shape).collect();
    format!(
        r#"<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:x="urn:schemas-microsoft-com:office:excel">{shapes}</xml>"#
    )
}

/// Excel 2007 has no part for a control, and where a sheet has nothing else that is drawn, no drawing but the one of VML.
#[test]
fn controls_of_2007_become_shapes_and_hidden_ones_stay_hidden() {
    let shapes = vml(&[
        ("Checkbox", "", "同意する", "<x:Checked>1</x:Checked>"),
        ("Checkbox", "Visibility : Hidden", "見えない", ""),
        ("Note", "visibility:hidden", "メモ", ""),
        ("Scroll", "", "", ""),
    ]);
    let package = Package::workbook(r#"<sheetData/><pageMargins left="1" right="1" top="1" bottom="1" header="1" footer="1"/><legacyDrawing r:id="v"/>"#)
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .part("xl/drawings/vmlDrawing1.vml", &shapes);
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/drawing");
    assert!(drawing.contains("<a:t>☑ 同意する</a:t>") && drawing.matches("<xdr:sp>").count() == 1, "{drawing}");
    let sheet = parts.text("worksheets/sheet1");
    assert!(sheet.contains(r#"footer="1"/><drawing r:id="rId1"/></worksheet>"#), "{sheet}");
    assert_eq!((count(&done, Reason::ControlsDrawn), count(&done, Reason::Controls)), (1, 2));
    assert!(!parts.has("見えない"));
}

/// What is chosen stands in the cells that the list takes its entries from.
#[test]
fn lists_show_what_is_chosen() {
    let shapes = vml(&[
        ("Drop", "", "", "<x:FmlaRange>'一 覧'!$B$2:$B$4</x:FmlaRange><x:Sel>2</x:Sel>"),
        ("Drop", "", "", "<x:FmlaRange>$A$1:$A$2</x:FmlaRange><x:Sel>1</x:Sel>"),
        ("List", "", "", "<x:FmlaRange>$A$1:$A$3</x:FmlaRange><x:Sel>0</x:Sel><x:MultiSel>1, 3</x:MultiSel>"),
        ("Drop", "", "", "<x:FmlaRange>名前</x:FmlaRange><x:Sel>1</x:Sel>"),
        ("Drop", "", "", "<x:FmlaRange>List</x:FmlaRange><x:Sel>2</x:Sel>"),
        ("Drop", "", "", "<x:FmlaRange>各々</x:FmlaRange><x:Sel>1</x:Sel>"),
        ("Drop", "", "", "<x:FmlaRange>$A$1:$A$2</x:FmlaRange><x:Sel>3</x:Sel>"),
        ("Drop", "", "", "<x:FmlaRange>$A$1:$A$2</x:FmlaRange><x:Sel>0</x:Sel>"),
    ]);
    let book = format!(
        r#"<workbook {X} {R}><sheets><sheet name="表" sheetId="1" r:id="s1"/><sheet name="一 覧" sheetId="2" r:id="s2"/></sheets><definedNames><definedName name="LIST">'一 覧'!$B$2:$B$4</definedName><definedName name="各々" localSheetId="1">'一 覧'!$B$2:$B$4</definedName></definedNames></workbook>"#
    );
    let list = format!(
        r#"<worksheet {X}><sheetData><row r="2"><c r="B2" t="s"><v>0</v></c></row><row r="3"><c r="B3" t="s"><v>1</v></c></row></sheetData></worksheet>"#
    );
    let strings = format!(
        r#"<sst {X}><si><t>東京</t></si><si><r><t>神奈</t></r><r><t>川 &amp; 県</t></r><rPh sb="0" eb="1"><t>カナ</t></rPh></si></sst>"#
    );
    let cells = r#"<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>甲</t></is></c></row><row r="2"><c r="A2"><v>12.5</v></c></row><row r="3"><c r="A3" t="str"><f>A1</f><v>乙</v></c></row></sheetData><drawing r:id="d"/><legacyDrawing r:id="v"/>"#;
    // A drawing that has no end of its own.
    let drawing = r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"/>"#;
    let package = Package::workbook(cells)
        .part("xl/workbook.xml", &book)
        .relation("xl/workbook.xml", "s2", "worksheet", "worksheets/sheet2.xml")
        .part("xl/worksheets/sheet2.xml", &list)
        .relation("xl/workbook.xml", "ss", "sharedStrings", "sharedStrings.xml")
        .part("xl/sharedStrings.xml", &strings)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .part("xl/drawings/drawing1.xml", drawing)
        .part("xl/drawings/vmlDrawing1.vml", &shapes);
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/drawing");
    let texts: Vec<&str> =
        drawing.split("<a:t").skip(1).filter_map(|rest| rest.split_once('>')?.1.split('<').next()).collect();
    assert_eq!(
        texts,
        ["神奈川 &amp; 県 ▾", "甲 ▾", "甲", "乙", " ▾", "神奈川 &amp; 県 ▾", " ▾", " ▾", " ▾"],
        "{drawing}"
    );
    // Three say that something is chosen that is not to be found; of the last, nothing is.
    assert_eq!((count(&done, Reason::ControlsDrawn), count(&done, Reason::Controls)), (5, 3));
}

/// Beside a drawing of what is on the sheet there is one for its headers.
#[test]
fn pictures_of_headers_cross() {
    let shape = |id: &str, size: &str| {
        format!(
            r#"<v:shape id="{id}" style="position:absolute;{size}"><v:imagedata o:relid="p" o:title="ロゴ"/></v:shape>"#
        )
    };
    let headers = format!(
        r#"<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">{}{}{}{}</xml>"#,
        shape("LH", "width:113.25pt;height:0.5in"),
        // The width of A3 paper.
        shape("RFFIRST", "width:1190.6pt;height:20pt"),
        shape("CH", "width:10pt"),
        shape("_x0000_s1025", "width:10pt;height:20pt"),
    );
    let content = r#"<sheetData/><headerFooter><oddHeader>&amp;L&amp;G</oddHeader></headerFooter><legacyDrawing r:id="v"/><legacyDrawingHF r:id="h"/>"#;
    let package = Package::workbook(content)
        .relation("xl/worksheets/sheet1.xml", "h", "vmlDrawing", "../drawings/vmlDrawing2.vml")
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .part("xl/drawings/vmlDrawing1.vml", &vml(&[("Checkbox", "", "同意", "")]))
        .part("xl/drawings/vmlDrawing2.vml", &headers)
        .relation("xl/drawings/vmlDrawing2.vml", "p", "image", "../media/image1.png")
        .bytes("xl/media/image1.png", &png());
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/vmlDrawing");
    assert_eq!(drawing.matches("<v:shape ").count(), 2, "{drawing}");
    assert!(drawing.contains("id=\"LH\"") && drawing.contains("width:113.25pt;height:36.00pt"), "{drawing}");
    assert!(drawing.contains("id=\"RFFIRST\"") && !drawing.contains("ロゴ"), "{drawing}");
    let sheet = parts.text("worksheets/sheet1");
    assert!(sheet.contains("<legacyDrawingHF r:id=\"rId2\"/></worksheet>") && sheet.contains("<drawing "), "{sheet}");
    assert!(sheet.contains("&amp;L&amp;G"), "{sheet}");
    assert_eq!(count(&done, Reason::HeaderPictures), 1, "one has no height");
    assert!(parts.names().iter().any(|name| name.contains("media/image1.png")));
    assert_eq!((count(&done, Reason::ControlsDrawn), count(&done, Reason::Controls)), (1, 0));
}

/// Some notes are seen all the time, and all have a place: only the drawing of VML says so.
#[test]
fn notes_that_are_seen_stay_so_and_where_they_were() {
    let notes = format!(
        r#"<comments {X}><authors><author>a</author></authors><commentList><comment ref="B2" authorId="0" shapeId="7"><text><t>見える</t></text></comment><comment ref="C3" authorId="0" shapeId="0"><text><t>隠れた</t></text></comment></commentList></comments>"#
    );
    let shapes = vml(&[
        ("Note", "visibility:visible", "", "<x:Row>1</x:Row><x:Column>1</x:Column><x:Visible/>"),
        ("Note", "visibility:hidden", "", "<x:Row>2</x:Row><x:Column>2</x:Column>"),
    ]);
    let package = Package::workbook(r#"<sheetData/><legacyDrawing r:id="v"/>"#)
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .relation("xl/worksheets/sheet1.xml", "c", "comments", "../comments1.xml")
        .part("xl/comments1.xml", &notes)
        .part("xl/drawings/vmlDrawing1.vml", &shapes);
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let boxes = parts.text("vmlDrawing1.vml");
    let seen =
        |row: &str| boxes.split("</v:shape>").find(|shape| shape.contains(row)).unwrap().contains("<x:Visible/>");
    assert!(seen("<x:Row>1</x:Row>") && !seen("<x:Row>2</x:Row>"), "{boxes}");
    assert_eq!(boxes.matches("<x:Anchor>1, 0, 2, 0, 3, 0, 4, 0</x:Anchor>").count(), 2, "{boxes}");
    // Neither is said where the file of Excel has no place for it.
    let comments = parts.text("comments1.xml");
    assert!(
        !comments.contains("shapeId") && !comments.contains("commentPr") && comments.contains("見える"),
        "{comments}"
    );
    assert_eq!((count(&done, Reason::ControlsDrawn), count(&done, Reason::Controls)), (0, 0));
}

/// A drawing that is broken takes with it what was added to it, and that is not told as shown.
#[test]
fn controls_in_a_broken_drawing_are_not_told_as_shown() {
    let package = Package::workbook(r#"<sheetData/><drawing r:id="d"/><legacyDrawing r:id="v"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .relation("xl/worksheets/sheet1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
        .part("xl/drawings/drawing1.xml", "<xdr:wsDr")
        .part("xl/drawings/vmlDrawing1.vml", &vml(&[("Checkbox", "", "a", "")]));
    let (done, parts) = rebuilt(&package, "a.xlsx");
    assert!(!parts.names().iter().any(|name| name.contains("drawing")), "{:?}", parts.names());
    assert_eq!((count(&done, Reason::ControlsDrawn), count(&done, Reason::Controls)), (0, 1));
}
