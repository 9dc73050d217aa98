//! What crosses, what is put in order, and what is left out because the vocabulary does not know it.

use form::Reason;
use form::report::OutputType;

use crate::kit::{body, rebuilt, sheet, slide};
use crate::package_kit::{MC, Package, R, W, X};

#[test]
fn words_and_cells_cross() {
    let (done, text) = body("<w:p><w:r><w:t>申請書 &amp; 添付</w:t></w:r></w:p>");
    assert_eq!(done.report.output, OutputType::Docx);
    assert!(text.contains("申請書 &amp; 添付"), "{text}");
    let (done, cells) = sheet(r#"<sheetData><row r="1"><c r="A1"><f>SUM(B1:C1)</f><v>3</v></c></row></sheetData>"#);
    assert_eq!(done.report.output, OutputType::Xlsx);
    assert!(cells.contains("SUM(B1:C1)") && cells.contains(">3<"), "{cells}");
}

#[test]
fn what_stands_in_the_wrong_order_is_put_right() {
    let (done, text) = body(
        "<w:p><w:r><w:t>一</w:t><w:rPr><w:b/></w:rPr></w:r><w:pPr><w:ind w:left=\"1\"/><w:keepNext/></w:pPr><w:r><w:t>二</w:t></w:r></w:p>",
    );
    assert!(done.has(Reason::StructureRepaired));
    let order: Vec<usize> = ["<w:pPr", "<w:keepNext", "<w:ind", "<w:b/>", "一", "二"]
        .iter()
        .map(|word| text.find(word).expect(word))
        .collect();
    assert!(order.is_sorted(), "{text}");
}

#[test]
fn a_cell_of_a_table_without_a_paragraph_gets_one() {
    let (_, text) =
        body("<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid><w:tr><w:tc><w:tcPr/></w:tc></w:tr></w:tbl><w:p/>");
    assert!(text.contains("<w:tc>") && text.contains("<w:p/></w:tc>"), "{text}");
}

/// As LibreOffice 7.4 writes the shapes of groups, and the shapes of objects of other programs.
#[test]
fn what_libreoffice_calls_otherwise_is_known_and_not_told() {
    let names = r#"xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office""#;
    let shape = r#"<w:drawing><wp:inline><wp:extent cx="1" cy="1"/><wp:docPr id="1" name="s"/><a:graphic><a:graphicData uri="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"><wps:wsp><wps:nvSpPr><wps:cNvPr id="7" name="形"/><wps:cNvSpPr txBox="1"/></wps:nvSpPr><wps:spPr/><wps:bodyPr/></wps:wsp></a:graphicData></a:graphic></wp:inline></w:drawing>"#;
    let object = r#"<w:pict><v:shapetype id="_x0000_tole_rId1" coordsize="1,1" o:spt="ole_rId1"/></w:pict>"#;
    let (done, text) = body(&format!("<w:p {names}><w:r>{shape}</w:r><w:r>{object}</w:r></w:p>"));
    let order = ["<wps:wsp>", r#"<wps:cNvPr id="7" name="形"/>"#, r#"<wps:cNvSpPr txBox="1"/>"#, "<wps:spPr/>"];
    let order = order.map(|word| text.find(word).unwrap_or_else(|| panic!("{word} in {text}")));
    assert!(order.is_sorted() && text.contains("<v:shapetype") && !text.contains("spt="), "{text}");
    assert!(!done.has(Reason::UnknownContent) && !done.has(Reason::StructureRepaired), "{:?}", done.report.findings);
}

#[test]
fn tables_keep_their_rows_whatever_their_makers_left_out() {
    let row = |word: &str| format!("<w:tr><w:tc><w:p><w:r><w:t>{word}</w:t></w:r></w:p></w:tc></w:tr>");
    let (properties, grid) =
        ("<w:tblPr><w:jc w:val=\"center\"/></w:tblPr>", "<w:tblGrid><w:gridCol w:w=\"500\"/></w:tblGrid>");
    for start in ["", properties, grid] {
        let (done, text) = body(&format!("<w:tbl>{start}{}{}</w:tbl><w:p/>", row("甲"), row("乙")));
        let order = ["<w:tblPr", "<w:tblGrid", "甲", "乙", "</w:tbl>"].map(|word| text.find(word).expect(word));
        assert!(order.is_sorted() && text.matches("<w:tr>").count() == 2, "{start}: {text}");
        assert!(done.has(Reason::StructureRepaired) && !done.has(Reason::UnknownContent), "{start}");
    }
    // The properties behind the rows that wait for a grid, which is nowhere.
    let (done, text) = body(&format!("<w:tbl>{}{}{properties}</w:tbl><w:p/>", row("甲"), row("乙")));
    let order = ["<w:tblPr", "<w:jc", "<w:tblGrid", "甲", "乙", "</w:tbl>"].map(|word| text.find(word).expect(word));
    assert!(order.is_sorted() && done.has(Reason::StructureRepaired), "{text}");
    // One of which only the beginning is at hand when its rows are written.
    let many: String = (0..9_000).map(|number| row(&format!("第{number}行"))).collect();
    let (_, text) = body(&format!("<w:tbl>{many}</w:tbl><w:p/>"));
    assert_eq!(text.matches("<w:tr>").count(), 9_000);
    assert!(text.find("第8998行").unwrap() < text.find("第8999行").unwrap());
}

/// PowerPoint numbers rows and columns of tables for those who write at once ([MS-ODRAWXML] section 2.23.3): nothing is told of them.
#[test]
fn rows_and_columns_of_tables_on_slides_keep_their_numbers() {
    let number = |name: &str, number: u32| {
        format!(
            r#"<a:extLst><a:ext uri="{{9D8B030D-6E8A-4147-A177-3AD203B41FA5}}"><a16:{name} xmlns:a16="http://schemas.microsoft.com/office/drawing/2014/main" val="{number}"/></a:ext></a:extLst>"#
        )
    };
    let table = format!(
        r#"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="表"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="0" y="0"/><a:ext cx="9" cy="9"/></p:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/table"><a:tbl><a:tblPr/><a:tblGrid><a:gridCol w="9">{}</a:gridCol></a:tblGrid><a:tr h="9"><a:tc><a:txBody><a:bodyPr/><a:p><a:r><a:t>甲</a:t></a:r></a:p></a:txBody></a:tc>{}</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>"#,
        number("colId", 4_294_552_125),
        number("rowId", 7)
    );
    let (done, text) = slide(&table, |package| package);
    assert!(text.contains(r#"<a16:colId val="4294552125"/>"#) && text.contains(r#"<a16:rowId val="7"/>"#), "{text}");
    assert!(!done.has(Reason::UnknownContent));
}

/// PowerPoint 2010 and later: ECMA-376 part 1, section 22.1, with the letters of drawings (section 21.1.2.3.9).
#[test]
fn equations_on_slides_cross() {
    let letters = r#"<a:rPr lang="en-US" i="1"><a:latin typeface="Cambria Math"/></a:rPr>"#;
    let equation = format!(
        r#"<m:oMathPara><m:oMathParaPr><m:jc m:val="centerGroup"/></m:oMathParaPr><m:oMath><m:rad><m:radPr><m:degHide m:val="on"/><m:ctrlPr>{letters}</m:ctrlPr></m:radPr><m:deg/><m:e><m:r>{letters}<m:t>𝑥+1</m:t></m:r></m:e></m:rad></m:oMath></m:oMathPara>"#
    );
    let shape = |content: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="2" name="e"/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p>{content}</a:p></p:txBody></p:sp>"#
        )
    };
    let math = "http://schemas.openxmlformats.org/officeDocument/2006/math";
    let drawn = "http://schemas.microsoft.com/office/drawing/2010/main";
    let (done, text) = slide(
        &format!(
            r#"<mc:AlternateContent xmlns:a14="{drawn}"><mc:Choice Requires="a14">{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent>"#,
            shape(&format!(r#"<a14:m xmlns:m="{math}">{equation}</a14:m>"#)),
            shape("<a:r><a:t>picture</a:t></a:r>")
        ),
        |package| package,
    );
    assert!(!done.has(Reason::UnknownContent) && !done.has(Reason::StructureRepaired));
    let start = text.find("<m:oMathPara>").expect("an equation");
    let end = text.find("</a14:m>").expect("its end");
    assert_eq!(text.get(start..end), Some(equation.as_str()));
    let plain = shape(&format!(
        r#"<a14:m xmlns:a14="{drawn}" xmlns:m="{math}"><m:oMath><m:r><m:t>y</m:t></m:r></m:oMath></a14:m>"#
    ));
    assert!(slide(&plain, |package| package).1.contains("<m:t>y</m:t>"));
}

/// [MS-ODRAWXML] 2.8: a canvas and a group place their shapes in the same units; what fills a canvas and the line around it are shapes of a
/// group. Debian's LibreOffice shows groups only.
#[test]
fn a_canvas_of_drawings_becomes_a_group() {
    let names = r#"xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:wpc="http://schemas.microsoft.com/office/word/2010/wordprocessingCanvas" xmlns:wpg="http://schemas.microsoft.com/office/word/2010/wordprocessingGroup" xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape""#;
    let place = r#"<a:xfrm><a:off x="5" y="6"/><a:ext cx="7" cy="8"/></a:xfrm>"#;
    let shape = format!(
        r#"<wps:wsp><wps:cNvPr id="4" name="箱"/><wps:cNvSpPr txBox="1"/><wps:spPr>{place}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></wps:spPr><wps:txbx><w:txbxContent><w:p><w:r><w:t>申請</w:t></w:r></w:p></w:txbxContent></wps:txbx><wps:bodyPr/></wps:wsp>"#
    );
    let nested = format!(r#"<wpg:wgp><wpg:cNvGrpSpPr/><wpg:grpSpPr>{place}</wpg:grpSpPr>{shape}</wpg:wgp>"#);
    let canvas = |behind: &str| {
        format!(
            r#"<w:p {names}><w:r><mc:AlternateContent {MC}><mc:Choice Requires="wpc"><w:drawing><wp:inline><wp:extent cx="900" cy="300"/><wp:docPr id="1" name="キャンバス 1"/><a:graphic><a:graphicData uri="http://schemas.microsoft.com/office/word/2010/wordprocessingCanvas"><wpc:wpc>{behind}{shape}{nested}</wpc:wpc></a:graphicData></a:graphic></wp:inline></w:drawing></mc:Choice><mc:Fallback><w:t>old</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>"#
        )
    };
    let (done, text) = body(&canvas(
        r#"<wpc:bg><a:noFill/></wpc:bg><wpc:whole><a:ln w="9525"><a:solidFill><a:srgbClr val="548DD4"/></a:solidFill></a:ln></wpc:whole>"#,
    ));
    let group = r#"<a:graphicData uri="http://schemas.microsoft.com/office/word/2010/wordprocessingGroup"><wpg:wgp><wpg:cNvGrpSpPr/><wpg:grpSpPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900" cy="300"/><a:chOff x="0" y="0"/><a:chExt cx="900" cy="300"/></a:xfrm></wpg:grpSpPr>"#;
    let line = r#"<wps:wsp><wps:cNvPr id="0" name="Canvas"/><wps:cNvSpPr/><wps:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900" cy="300"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:ln w="9525"><a:solidFill><a:srgbClr val="548DD4"/></a:solidFill></a:ln></wps:spPr><wps:bodyPr/></wps:wsp>"#;
    let nested = nested.replace("wpg:wgp>", "wpg:grpSp>");
    assert!(text.contains(&format!("{group}{line}{shape}{nested}</wpg:wgp></a:graphicData>")), "{text}");
    assert!(text.contains(r#"Requires="wpg""#) && !text.contains("wpc") && !text.contains("old"), "{text}");
    assert!(!done.has(Reason::UnknownContent) && !done.has(Reason::StructureRepaired), "{:?}", done.report.findings);
    for behind in
        ["", "<wpc:bg/><wpc:whole/>", "<wpc:bg><a:noFill/></wpc:bg><wpc:whole><a:ln><a:noFill/></a:ln></wpc:whole>"]
    {
        let text = body(&canvas(behind)).1;
        assert!(text.contains(&format!("{group}{shape}{nested}")), "{behind}: {text}");
    }
    let text = body(&canvas(r#"<wpc:bg><a:solidFill><a:srgbClr val="FFFF00"/></a:solidFill></wpc:bg><wpc:whole/>"#)).1;
    let filled = r#"<a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:solidFill><a:srgbClr val="FFFF00"/></a:solidFill></wps:spPr><wps:bodyPr/></wps:wsp><wps:wsp><wps:cNvPr id="4""#;
    assert!(text.contains(filled), "{text}");
}

#[test]
fn elements_of_no_vocabulary_are_left_out_with_all_in_them() {
    let (done, text) = body("<w:p><w:evil><w:r><w:t>in</w:t></w:r></w:evil><w:r><w:t>out</w:t></w:r></w:p>");
    assert!(!text.contains("evil") && !text.contains(">in<") && text.contains(">out<"), "{text}");
    assert_eq!(done.place(Reason::UnknownContent).as_deref(), Some("w:evil"));
}

#[test]
fn smart_tags_leave_their_words() {
    let (_, text) =
        body(r#"<w:p><w:smartTag w:element="place"><w:smartTagPr/><w:r><w:t>京都</w:t></w:r></w:smartTag></w:p>"#);
    assert!(text.contains("京都") && !text.contains("smartTag"), "{text}");
}

#[test]
fn of_alternatives_the_first_known_one_crosses() {
    let wps = r#"xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:no="urn:no""#;
    let alternatives = |requires: &str, choice: &str| {
        body(&format!(
            r#"<w:p {wps}><w:r><mc:AlternateContent><mc:Choice Requires="{requires}">{choice}</mc:Choice><mc:Fallback><w:t>old</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>"#
        ))
        .1
    };
    let known = alternatives("wps", "<w:t>new</w:t>");
    assert!(known.contains(">new<") && !known.contains(">old<"), "{known}");
    let unknown = alternatives("wps no", "<w:t>new</w:t>");
    assert!(unknown.contains(">old<") && !unknown.contains(">new<"), "{unknown}");
    let empty = alternatives("wps", "<w:control/>");
    assert!(empty.contains(">old<"), "a choice of which nothing crosses is none: {empty}");
}

/// Without anything to give way to, the place that only Word knows is the only one.
#[test]
fn places_in_per_cent_stay_where_there_is_no_other() {
    let position = |axis: &str, fallback: &str| {
        format!(
            r#"<wp:position{axis} relativeFrom="page"><mc:AlternateContent><mc:Choice xmlns:wp14="http://schemas.microsoft.com/office/word/2010/wordprocessingDrawing" Requires="wp14"><wp14:pctPos{axis}Offset>5000</wp14:pctPos{axis}Offset></mc:Choice>{fallback}</mc:AlternateContent></wp:position{axis}>"#
        )
    };
    let (_, text) = body(&format!(
        r#"<w:p><w:r><w:drawing><wp:anchor xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" simplePos="0" relativeHeight="1" behindDoc="0" locked="0" layoutInCell="1" allowOverlap="1"><wp:simplePos x="0" y="0"/>{}{}<wp:extent cx="9" cy="9"/><wp:wrapNone/><wp:docPr id="1" name="p"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/lockedCanvas"><lc:lockedCanvas xmlns:lc="http://schemas.openxmlformats.org/drawingml/2006/lockedCanvas"><a:nvGrpSpPr><a:cNvPr id="1" name="x"/><a:cNvGrpSpPr/></a:nvGrpSpPr><a:grpSpPr/></lc:lockedCanvas></a:graphicData></a:graphic></wp:anchor></w:drawing></w:r></w:p>"#,
        position("H", ""),
        position("V", "<mc:Fallback><wp:posOffset>914400</wp:posOffset></mc:Fallback>"),
    ));
    assert!(text.contains("<wp14:pctPosHOffset>5000</wp14:pctPosHOffset>"), "{text}");
    assert!(text.contains("<wp:posOffset>914400</wp:posOffset>") && !text.contains("pctPosV"), "{text}");
}

#[test]
fn places_in_per_cent_give_way_to_those_that_every_program_reads() {
    let position = |axis: &str| {
        format!(
            r#"<mc:AlternateContent><mc:Choice xmlns:wp14="http://schemas.microsoft.com/office/word/2010/wordprocessingDrawing" Requires="wp14"><wp:position{axis} relativeFrom="page"><wp14:pctPos{axis}Offset>5000</wp14:pctPos{axis}Offset></wp:position{axis}></mc:Choice><mc:Fallback><wp:position{axis} relativeFrom="page"><wp:posOffset>914400</wp:posOffset></wp:position{axis}></mc:Fallback></mc:AlternateContent>"#
        )
    };
    let (_, text) = body(&format!(
        r#"<w:p><w:r><w:drawing><wp:anchor xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" simplePos="0" relativeHeight="1" behindDoc="0" locked="0" layoutInCell="1" allowOverlap="1"><wp:simplePos x="0" y="0"/>{}{}<wp:extent cx="9" cy="9"/><wp:wrapNone/><wp:docPr id="1" name="p"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/lockedCanvas"><lc:lockedCanvas xmlns:lc="http://schemas.openxmlformats.org/drawingml/2006/lockedCanvas"><a:nvGrpSpPr><a:cNvPr id="1" name="x"/><a:cNvGrpSpPr/></a:nvGrpSpPr><a:grpSpPr/></lc:lockedCanvas></a:graphicData></a:graphic></wp:anchor></w:drawing></w:r></w:p>"#,
        position("H"),
        position("V"),
    ));
    assert_eq!(text.matches("<wp:posOffset>914400</wp:posOffset>").count(), 2, "{text}");
    assert!(!text.contains("pctPos"), "{text}");
}

#[test]
fn what_programs_note_for_themselves_is_not_told() {
    let book = format!(
        r#"<workbook {X} {R} {MC}><mc:AlternateContent><mc:Choice Requires="x15"><x15ac:absPath xmlns:x15ac="http://schemas.microsoft.com/office/spreadsheetml/2010/11/ac" url="C:\Users\taro\"/></mc:Choice></mc:AlternateContent><sheets><sheet name="表" sheetId="1" r:id="s1"/></sheets></workbook>"#
    );
    let (done, parts) = rebuilt(&Package::workbook("<sheetData/>").part("xl/workbook.xml", &book), "a.xlsx");
    assert!(!parts.has("taro") && !done.has(Reason::UnknownContent), "{:?}", done.report.findings);
    let document = Package::document("<w:p/>")
        .relation("word/document.xml", "st", "styles", "styles.xml")
        .part(
            "word/styles.xml",
            &format!(r#"<w:styles {W}><w:style w:type="paragraph" w:styleId="a"><w:name w:val="a"/><w:rPr><w:b/><w:rtl w:val="0"/></w:rPr></w:style></w:styles>"#),
        )
        .relation("word/document.xml", "se", "settings", "settings.xml")
        .part("word/settings.xml", &format!("<w:settings {W}><w:doNotEmbedSmartTags/></w:settings>"));
    let (done, parts) = rebuilt(&document, "a.docx");
    assert!(
        parts.text("styles.xml").contains("<w:b/>") && !done.has(Reason::UnknownContent),
        "{:?}",
        done.report.findings
    );
}

#[test]
fn a_large_sheet_streams_and_keeps_every_cell() {
    let mut rows = String::new();
    for row in 1..=20_000 {
        rows.push_str(&format!(
            r#"<row r="{row}"><c r="A{row}"><v>{row}</v></c><c r="B{row}" t="str"><f>A{row}</f><v>b</v></c></row>"#
        ));
    }
    let late = r#"<sheetFormatPr defaultRowHeight="15"/>"#;
    let (done, cells) =
        sheet(&format!("<sheetData>{rows}</sheetData>{late}<mergeCells><mergeCell ref=\"A1:B1\"/></mergeCells>"));
    assert_eq!(cells.matches("<c ").count(), 40_000);
    assert!(cells.contains("<v>20000</v>") && cells.contains("A1:B1"), "the end of the sheet");
    assert!(done.has(Reason::StructureRepaired), "what comes too late for its place is told");
}
