//! Packages: what refuses a document as a whole, and what is read although few programs write it.

use form::{Limits, Reason};

use crate::kit::rebuilt;
use crate::package_kit::{Package, W};
use crate::rooms::{refusal, sanitise, sanitise_within};

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
fn two_main_parts_are_two_documents() {
    let two = Package::document("<w:p/>")
        .relation("", "rId2", "officeDocument", "word/other.xml")
        .part("word/other.xml", "<a/>");
    assert_eq!(refusal(&two.zip(), "a.docx"), Reason::AmbiguousStructure);
}

#[test]
fn attributes_that_are_there_twice_refuse_the_part() {
    let twice = format!(
        r#"<w:document {W} xmlns:q="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:pPr><w:ind w:left="1" q:left="2"/></w:pPr></w:p></w:body></w:document>"#
    );
    assert_eq!(refusal(&Package::document("").part("word/document.xml", &twice).zip(), "a.docx"), Reason::Malformed);
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
fn limits_hold_at_one_more_and_not_before() {
    let within = |package: &Package, change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        sanitise_within(&package.zip(), "a.docx", &limits).map_err(|refused| refused.refusal.reason).map(|_| ())
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

/// Strict workbooks call the sides of a cell by the direction of reading (ISO/IEC 29500-1, section 18.8.4); what is not Excel looks for
/// `left` and `right` (ECMA-376 first edition, `CT_Border`).
#[test]
fn the_sides_of_cells_are_those_that_every_program_knows() {
    let border = r#"<border><start style="thin"><color rgb="FF112233"/></start><end style="double"/><top/><bottom/><diagonal/></border>"#;
    let styles = format!(
        r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><borders count="1">{border}</borders></styleSheet>"#
    );
    let package = Package::workbook("<sheetData/>")
        .relation("xl/workbook.xml", "st", "styles", "styles.xml")
        .part("xl/styles.xml", &styles);
    let (done, parts) = rebuilt(&package, "a.xlsx");
    let text = parts.text("styles.xml");
    assert!(
        text.contains(r#"<left style="thin"><color rgb="FF112233"/></left><right style="double"/><top/>"#),
        "{text}"
    );
    assert!(!text.contains("<start") && !done.has(Reason::UnknownContent));
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
