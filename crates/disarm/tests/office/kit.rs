//! Small documents through both rooms.

use form::Reason;

use crate::package_kit::{A, MC, P, PRESENTATION, Package, R, Rebuilt};
use crate::rooms::{Sanitised, fixture, sanitise};

pub fn rebuilt(package: &Package, name: &str) -> (Sanitised, Rebuilt) {
    let done = sanitise(&package.zip(), name).unwrap_or_else(|refused| panic!("{:?}", refused.refusal));
    let parts = Rebuilt::open(&done.bytes);
    (done, parts)
}

/// What is left of the body of a document, from its first paragraph on.
pub fn body(content: &str) -> (Sanitised, String) {
    let (done, parts) = rebuilt(&Package::document(content), "a.docx");
    let text = parts.text("document.xml");
    let start = text.find("<w:body").expect("a body");
    (done, text[start..].to_owned())
}

pub fn sheet(content: &str) -> (Sanitised, String) {
    let (done, parts) = rebuilt(&Package::workbook(content), "a.xlsx");
    let text = parts.text("worksheets/");
    let start = text.find("<sheetData").expect("cells");
    (done, text[start..].to_owned())
}

/// A presentation of one slide with this in its tree of shapes.
pub fn slide(shapes: &str, more: impl Fn(Package) -> Package) -> (Sanitised, String) {
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

pub fn count(done: &Sanitised, reason: Reason) -> u32 {
    done.report.findings.iter().filter(|finding| finding.reason == reason).map(|finding| finding.count).sum()
}

/// A picture that is partly clear.
pub fn png() -> Vec<u8> {
    fixture("half.png")
}
