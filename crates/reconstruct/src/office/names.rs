//! Names of parts, and the small members that say what is where: content types and relationships (ECMA-376 part 2, sections 8
//! and 9).

use std::collections::BTreeMap;

use form::Kind;
use form::office::{PartHeader, PartKind, Relationship, Variant};

use super::xml::{self, DECLARATION};

/// The directory of all parts but descriptions of the package.
pub(super) fn family(kind: Kind) -> &'static str {
    match kind {
        Kind::Sheet => "xl",
        Kind::Slides => "ppt",
        Kind::Flow
        | Kind::Text
        | Kind::Mail
        | Kind::Image
        | Kind::Container
        | Kind::Table
        | Kind::Pages
        | Kind::Calendar
        | Kind::Card => "word",
    }
}

/// The names of parts in their order: what programs expect, with numbers where there can be several.
pub(super) fn of_parts(kind: Kind, parts: &[PartHeader]) -> Vec<String> {
    let mut numbers: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut names = Vec::with_capacity(parts.len());
    for part in parts {
        let (directory, stem) = (part.kind.directory(), part.kind.stem());
        let number = numbers.entry((directory, stem)).or_default();
        *number = number.saturating_add(1);
        let slash = if directory.is_empty() { "" } else { "/" };
        // openpyxl finds the styles of a workbook by their name alone.
        let number = if *number == 1 && is_single(part.kind) { String::new() } else { number.to_string() };
        names.push(format!("{}/{directory}{slash}{stem}{number}.xml", family(kind)));
    }
    names
}

/// Whether a document has at most one of these.
fn is_single(kind: PartKind) -> bool {
    kind.directory().is_empty() && !matches!(kind.name(), "HeaderPart" | "FooterPart" | "WorksheetCommentsPart")
}

/// The name of the member that says what a part refers to.
pub(super) fn of_relationships(part: &str) -> String {
    let (directory, name) = part.rsplit_once('/').unwrap_or(("", part));
    format!("{directory}/_rels/{name}.rels")
}

/// `[Content_Types].xml`.
pub(super) fn content_types<'p>(
    kind: Kind,
    variant: Variant,
    parts: impl Iterator<Item = (&'p PartHeader, &'p String)>,
) -> String {
    let mut out =
        format!("{DECLARATION}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">");
    for (extension, content_type) in DEFAULTS {
        out.push_str(&format!("<Default Extension=\"{extension}\" ContentType=\"{content_type}\"/>"));
    }
    for (number, (part, name)) in parts.enumerate() {
        let content_type = if number == 0 { main_type(kind, variant) } else { part.kind.content_type() };
        out.push_str(&over(name, content_type));
    }
    out.push_str(&over("docProps/core.xml", CORE_TYPE));
    out.push_str(&over("docProps/app.xml", APP_TYPE));
    out.push_str("</Types>");
    out
}

fn over(name: &str, content_type: &str) -> String {
    format!("<Override PartName=\"/{name}\" ContentType=\"{content_type}\"/>")
}

/// Word and Excel know no show; there it is a document.
fn main_type(kind: Kind, variant: Variant) -> &'static str {
    match (kind, variant) {
        (Kind::Sheet, Variant::Template) => {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml"
        }
        (Kind::Sheet, Variant::Document | Variant::Show) => {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
        }
        (Kind::Slides, Variant::Template) => {
            "application/vnd.openxmlformats-officedocument.presentationml.template.main+xml"
        }
        (Kind::Slides, Variant::Show) => {
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml"
        }
        (Kind::Slides, Variant::Document) => {
            "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
        }
        (_, Variant::Template) => "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
        (_, Variant::Document | Variant::Show) => {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
        }
    }
}

/// The relationships of a part or of the package, which are named by their place.
pub(super) struct Relationships {
    out: String,
    count: u32,
}

impl Relationships {
    pub(super) fn new() -> Relationships {
        let out = format!(
            "{DECLARATION}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
        );
        Relationships { out, count: 0 }
    }

    /// Adds the next, to a member of the package. Gives its name.
    pub(super) fn inside(&mut self, type_name: &str, target: &str) -> String {
        self.add(type_name, target, "")
    }

    /// Adds the next, to a page of the web or an address of mail.
    pub(super) fn outside(&mut self, target: &str) {
        let mut escaped = Vec::new();
        xml::value(&mut escaped, target);
        let target = String::from_utf8_lossy(&escaped);
        self.add(HYPERLINK, &target, " TargetMode=\"External\"");
    }

    /// Adds the next, to a place in the same workbook.
    pub(super) fn location(&mut self, place: &str) {
        let mut escaped = b"#".to_vec();
        xml::value(&mut escaped, place);
        self.add(HYPERLINK, &String::from_utf8_lossy(&escaped), "");
    }

    fn add(&mut self, type_name: &str, target: &str, mode: &str) -> String {
        self.count = self.count.saturating_add(1);
        let id = format!("rId{}", self.count);
        self.out.push_str(&format!("<Relationship Id=\"{id}\" Type=\"{type_name}\" Target=\"{target}\"{mode}/>"));
        id
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push_str("</Relationships>");
        self.out
    }
}

/// A member as seen from a part; both lie in the directory of the family, the part at most one below.
pub(super) fn relative(part: &str, target: &str) -> String {
    let (family, rest) = part.split_once('/').unwrap_or(("", part));
    let target = target.strip_prefix(family).and_then(|target| target.strip_prefix('/')).unwrap_or(target);
    if rest.contains('/') { format!("../{target}") } else { target.to_owned() }
}

/// Whether the part of comments is the first that a worksheet refers to, whose boxes it shows.
pub(super) fn comments_of(part: &PartHeader, parts: &[PartHeader]) -> Option<usize> {
    if part.kind.name() != "WorksheetPart" {
        return None;
    }
    part.relationships.iter().find_map(|relationship| match relationship {
        Relationship::Part(number) => {
            let number = usize::try_from(*number).ok()?;
            (parts.get(number)?.kind.name() == "WorksheetCommentsPart").then_some(number)
        }
        Relationship::Picture(_) | Relationship::Link(_) | Relationship::Location(_) | Relationship::Header(_) => None,
    })
}

pub(super) const IMAGE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image";
pub(super) const VML_DRAWING: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/vmlDrawing";
pub(super) const APP: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/extended-properties";
pub(super) const CORE: &str = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties";
const HYPERLINK: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink";
const APP_TYPE: &str = "application/vnd.openxmlformats-officedocument.extended-properties+xml";
const CORE_TYPE: &str = "application/vnd.openxmlformats-package.core-properties+xml";
const DEFAULTS: [(&str, &str); 5] = [
    ("rels", "application/vnd.openxmlformats-package.relationships+xml"),
    ("xml", "application/xml"),
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("vml", "application/vnd.openxmlformats-officedocument.vmlDrawing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_seen_from_their_part() {
        for (part, target, expected) in [
            ("word/document.xml", "word/theme/theme1.xml", "theme/theme1.xml"),
            ("xl/worksheets/sheet1.xml", "xl/drawings/drawing1.xml", "../drawings/drawing1.xml"),
            ("xl/charts/chart1.xml", "xl/charts/style1.xml", "../charts/style1.xml"),
            ("ppt/slides/slide1.xml", "ppt/media/image1.png", "../media/image1.png"),
            ("xl/worksheets/sheet1.xml", "xl/comments1.xml", "../comments1.xml"),
        ] {
            assert_eq!(relative(part, target), expected);
        }
    }

    #[test]
    fn no_two_parts_have_one_name() {
        for kind in [Kind::Flow, Kind::Sheet, Kind::Slides] {
            let twice = PartKind::all().chain(PartKind::all());
            let parts: Vec<PartHeader> = twice.map(|kind| PartHeader { kind, relationships: Vec::new() }).collect();
            let mut names: Vec<String> = of_parts(kind, &parts).iter().map(|name| name.to_lowercase()).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), parts.len());
        }
    }
}
