//! Macros and passwords against editing go; protection, and what is hidden, stays and is told.

use form::Reason;
use form::report::OutputType;

use crate::kit::{rebuilt, sheet, slide};
use crate::package_kit::{Package, R, W, X};

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
fn a_macro_sheet_goes_and_names_keep_their_sheets() {
    let book = format!(
        r#"<workbook {X} {R}><bookViews><workbookView activeTab="2"/></bookViews><sheets><sheet name="M" sheetId="1" r:id="m"/><sheet name="B" sheetId="2" r:id="b"/><sheet name="C" sheetId="3" state="hidden" r:id="c"/></sheets><definedNames><definedName name="_xlnm.Auto_Open" localSheetId="0">M!$A$1</definedName><definedName name="_xlnm.Print_Area" localSheetId="2">'C'!$A$1:$B$2</definedName></definedNames></workbook>"#
    );
    let sheet = format!("<worksheet {}><sheetData/></worksheet>", X);
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
fn a_password_against_editing_goes_and_the_protection_stays() {
    let (done, cells) = sheet(
        r#"<sheetData/><sheetProtection algorithmName="SHA-512" hashValue="AAAA" saltValue="BBBB" spinCount="100000" sheet="1" objects="1"/>"#,
    );
    assert!(cells.contains("<sheetProtection") && cells.contains(r#"sheet="1""#), "{cells}");
    assert!(!cells.contains("AAAA") && !cells.contains("hashValue"), "{cells}");
    assert!(done.has(Reason::ProtectionPassword));
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
