//! Charts: what their makers leave out, and what newer programs add.

use form::Reason;

use crate::kit::rebuilt;
use crate::package_kit::Package;
use crate::rooms::Sanitised;

/// A workbook with a chart on its sheet, and what is left of that chart.
fn chart(content: &str) -> (Sanitised, String) {
    let chart = format!(
        r#"<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart>{content}</c:chart></c:chartSpace>"#
    );
    let drawing = r#"<xdr:wsDr xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><xdr:absoluteAnchor><xdr:pos x="0" y="0"/><xdr:ext cx="1" cy="1"/><xdr:graphicFrame><xdr:nvGraphicFramePr><xdr:cNvPr id="2" name="c"/><xdr:cNvGraphicFramePr/></xdr:nvGraphicFramePr><xdr:xfrm><a:off x="0" y="0"/><a:ext cx="1" cy="1"/></xdr:xfrm><a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" r:id="c1"/></a:graphicData></a:graphic></xdr:graphicFrame><xdr:clientData/></xdr:absoluteAnchor></xdr:wsDr>"#;
    let package = Package::workbook(r#"<sheetData/><drawing r:id="d1"/>"#)
        .relation("xl/worksheets/sheet1.xml", "d1", "drawing", "../drawings/drawing1.xml")
        .part("xl/drawings/drawing1.xml", drawing)
        .relation("xl/drawings/drawing1.xml", "c1", "chart", "../charts/chart1.xml")
        .part("xl/charts/chart1.xml", &chart);
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let text = parts.text("charts/chart");
    (done, text)
}

#[test]
fn a_chart_of_lines_that_does_not_say_how_they_are_grouped_keeps_them() {
    let (_, text) = chart(
        r#"<c:plotArea><c:lineChart><c:ser><c:idx val="0"/><c:order val="0"/><c:val><c:numRef><c:f>Sheet1!$B$2:$B$10</c:f></c:numRef></c:val></c:ser><c:axId val="1"/><c:axId val="2"/></c:lineChart><c:catAx><c:axId val="1"/><c:crosses val="autoZero"/><c:crossAx val="2"/><c:axPos val="b"/><c:delete val="0"/><c:scaling/></c:catAx><c:valAx><c:axId val="2"/><c:scaling/><c:axPos val="l"/><c:crossAx val="1"/></c:valAx></c:plotArea>"#,
    );
    let words =
        ["<c:lineChart>", "<c:grouping/>", "<c:ser>", "$B$2", "<c:catAx>", "<c:scaling/>", "<c:delete", "<c:axPos"];
    let order = words.map(|word| text.find(word).unwrap_or_else(|| panic!("{word} in {text}")));
    assert!(order.is_sorted(), "{text}");
}

/// As LibreOffice 7.4 writes charts of OpenDocument.
#[test]
fn nothing_is_told_of_a_unit_of_numbers_on_an_axis_of_words() {
    let (done, text) = chart(
        r#"<c:plotArea><c:barChart><c:barDir val="col"/><c:axId val="1"/><c:axId val="2"/></c:barChart><c:catAx><c:axId val="1"/><c:scaling/><c:axPos val="b"/><c:crossAx val="2"/><c:majorUnit val="1"/></c:catAx><c:valAx><c:axId val="2"/><c:scaling/><c:axPos val="l"/><c:crossAx val="1"/><c:majorUnit val="5"/></c:valAx></c:plotArea>"#,
    );
    assert!(!done.has(Reason::UnknownContent) && !text.contains(r#"<c:majorUnit val="1"/>"#), "{text}");
    assert!(text.contains(r#"<c:majorUnit val="5"/>"#), "{text}");
}

/// Excel puts some of the prices of a stock on an axis of their own: two charts with fewer series than the schema asks of one.
#[test]
fn a_chart_of_stocks_with_two_axes_keeps_its_prices() {
    let prices = |first: u32| -> String {
        let one = |number: u32| {
            format!(
                r#"<c:ser><c:idx val="{number}"/><c:order val="{number}"/><c:val><c:numRef><c:f>Sheet1!$B${number}:$F${number}</c:f></c:numRef></c:val></c:ser>"#
            )
        };
        let axes = format!(r#"<c:axId val="{}"/><c:axId val="{}"/>"#, first + 10, first + 11);
        format!("<c:stockChart>{}{}<c:hiLowLines/>{axes}</c:stockChart>", one(first), one(first + 1))
    };
    let axis = |number: u32, other: u32, kind: &str| {
        format!(
            r#"<c:{kind}><c:axId val="{number}"/><c:scaling/><c:axPos val="b"/><c:crossAx val="{other}"/></c:{kind}>"#
        )
    };
    let axes = [axis(11, 12, "dateAx"), axis(12, 11, "valAx"), axis(13, 14, "dateAx"), axis(14, 13, "valAx")].concat();
    let (done, text) = chart(&format!("<c:plotArea>{}{}{axes}</c:plotArea>", prices(1), prices(3)));
    assert!(!done.has(Reason::UnknownContent) && !done.has(Reason::StructureRepaired), "{text}");
    assert_eq!((text.matches("<c:stockChart>").count(), text.matches("<c:ser>").count()), (2, 4), "{text}");
}

/// [MS-ODRAWXML] section 2.24.3.77: whether cells of `#N/A` are gaps. Excel writes it into every chart since 2018.
#[test]
fn that_missing_numbers_are_gaps_of_a_chart_is_kept() {
    let (done, text) = chart(
        r#"<c:plotArea><c:pieChart><c:varyColors val="1"/></c:pieChart></c:plotArea><c:extLst><c:ext uri="{56B9EC1D-385E-4148-901F-78D8002777C0}" xmlns:c16r3="http://schemas.microsoft.com/office/drawing/2017/03/chart"><c16r3:dataDisplayOptions16><c16r3:dispNaAsBlank val="1"/></c16r3:dataDisplayOptions16></c:ext></c:extLst>"#,
    );
    assert!(text.contains(r#"<c16r3:dispNaAsBlank val="1"/>"#) && !done.has(Reason::UnknownContent), "{text}");
}
