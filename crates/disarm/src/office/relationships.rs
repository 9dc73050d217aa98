//! What the parts of a package refer to (ECMA-376 part 2, section 6.5).

use form::{Limits, Place, Reason};

use super::names::transitional;
use super::xml::{self, Piece};
use crate::error::{Error, size, within};
use crate::zip::{Package, part_name};

/// One relationship as it stands in the package.
pub(super) struct Relation {
    pub(super) id: String,
    /// Its type, transitional.
    pub(super) kind: String,
    pub(super) target: String,
    pub(super) is_external: bool,
}

impl Relation {
    /// The last word of its type.
    pub(super) fn tail(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }
}

/// The relationships of a part, or with an empty name of the package.
pub(super) fn of_part(package: &Package<'_>, part: &str, limits: &Limits) -> Result<Vec<Relation>, Error> {
    let (directory, file) = part.rsplit_once('/').unwrap_or(("", part));
    let slash = if directory.is_empty() { "" } else { "/" };
    let name = format!("{directory}{slash}_rels/{file}.rels");
    let Some(bytes) = package.read(&name, MAX_BYTES)? else { return Ok(Vec::new()) };
    let mut relations = Vec::new();
    xml::small(&bytes, |piece| {
        let Piece::Begin("Relationship", attributes) = piece else { return };
        let value = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        relations.push(Relation {
            id: value("Id").unwrap_or_default().to_owned(),
            kind: transitional(value("Type").unwrap_or_default()).into_owned(),
            target: value("Target").unwrap_or_default().to_owned(),
            is_external: value("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("External")),
        });
    })?;
    within(Reason::LimitResources, limits.relationships.into(), size(relations.len()))?;
    Ok(relations)
}

/// The name of the part that a relationship of `from` leads to.
pub(super) fn resolved(from: &str, target: &str) -> Option<String> {
    let target = target.split(['#', '?']).next().unwrap_or_default().replace('\\', "/");
    let mut segments: Vec<&str> = if target.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    segments.pop();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            // What leads out of the package is taken from its root, as the programs do.
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    part_name(&segments.join("/"))
}

/// A target for a person to read, which nothing turns into a link.
pub(super) fn defanged(target: &str) -> Place {
    let target = target.trim();
    let end = target.char_indices().nth(400).map_or(target.len(), |(end, _)| end);
    let target = target.get(..end).unwrap_or_default();
    let Some((scheme, rest)) = target.split_once(':') else {
        return Place::new(&target.replacen("\\\\", "[\\\\]", 1).replace('.', "[.]"));
    };
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => "hxxp".to_owned(),
        "https" => "hxxps".to_owned(),
        _ => scheme.to_owned(),
    };
    let slashes = rest.len().saturating_sub(rest.trim_start_matches('/').len());
    let (slashes, rest) = rest.split_at_checked(slashes).unwrap_or(("", rest));
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(host_end).unwrap_or((rest, ""));
    Place::new(&format!("{scheme}[:]{slashes}{}{path}", host.replace('.', "[.]")))
}

/// The last part of a path, for a person to read.
pub(super) fn file_name(target: &str) -> Place {
    Place::new(target.rsplit(['/', '\\']).next().unwrap_or_default())
}

/// What becomes of a relationship that leads to nothing which may cross: the reason that is told, if any.
pub(super) fn reason_for(relation: &Relation) -> Option<Reason> {
    let known = match relation.tail() {
        "vbaProject"
        | "wordVbaData"
        | "xlMacrosheet"
        | "xlIntlMacrosheet"
        | "dialogsheet"
        | "attachedToolbars"
        | "keyMapCustomizations" => Reason::Macros,
        "control" | "activeXControlBinary" => Reason::Controls,
        "oleObject" | "package" | "aFChunk" if !relation.is_external => Reason::EmbeddedObject,
        "audio" | "video" | "media" if !relation.is_external => Reason::Media,
        "font" => Reason::EmbeddedFonts,
        "slicer" | "slicerCache" | "timeline" | "timelineCache" => Reason::Slicers,
        "origin" | "signature" | "certificate" => Reason::Signature,
        "connections" | "queryTable" | "externalLink" | "externalLinkPath" | "subDocument" | "attachedTemplate" => {
            Reason::ExternalLink
        }
        "hyperlink" if relation.is_external => Reason::UnsafeLink,
        // Of no use to the rebuilt document, or written anew: nothing is lost that a person could miss.
        "calcChain"
        | "thumbnail"
        | "vmlDrawing"
        // Those that show something are drawn, and the others are told there.
        | "ctrlProp"
        | "webSettings"
        | "stylesWithEffects"
        | "hdphoto"
        | "legacyDiagramText"
        | "legacyDocTextInfo"
        | "commentsExtensible"
        | "hyperlink"
        | "core-properties"
        | "extended-properties"
        | "externalLinkLongPath" => {
            return None;
        }
        _ if relation.is_external => Reason::ExternalLink,
        _ => Reason::CustomData,
    };
    Some(known)
}

const MAX_BYTES: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_from_the_part_that_names_them() {
        let table = [
            ("word/document.xml", "media/Image1.png", "word/media/image1.png"),
            ("word/document.xml", "/word/styles.xml", "word/styles.xml"),
            ("ppt/slides/slide1.xml", "../slideLayouts/slideLayout1.xml", "ppt/slidelayouts/slidelayout1.xml"),
            ("", "xl/workbook.xml", "xl/workbook.xml"),
            ("a.xml", "..\\..\\b.xml", "b.xml"),
            ("xl/workbook.xml", "worksheets/sheet%201.xml", "xl/worksheets/sheet 1.xml"),
        ];
        for (from, target, expected) in table {
            assert_eq!(resolved(from, target).as_deref(), Some(expected), "{from} {target}");
        }
    }

    #[test]
    fn a_told_target_is_no_link() {
        let table = [
            ("http://evil.example/a.dotm", "hxxp[:]//evil[.]example/a.dotm"),
            ("file:///C:\\x.xls", "file[:]///C:\\x[.]xls"),
            ("\\\\server.example\\share\\a", "[\\\\]server[.]example\\share\\a"),
            ("javascript:alert(1)", "javascript[:]alert(1)"),
        ];
        for (target, expected) in table {
            assert_eq!(defanged(target).as_str(), expected);
        }
    }
}
