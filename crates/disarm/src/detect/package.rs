//! Which document a ZIP is, when it is one: such a file is never rebuilt as a mere archive, which would put macros,
//! scripts and external references back as they were.

use crate::zip;

/// The document or program that a ZIP is, or nothing for a plain archive.
pub(super) fn kind(bytes: &[u8]) -> Option<&'static str> {
    let names: Vec<String> = zip::names_for_detection(bytes, MAX_NAMES)
        .into_iter()
        // OPC compares part names without case, and Office opens packages with `\` in them.
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase().replace('\\', "/"))
        .collect();
    let has = |name: &str| names.iter().any(|found| found == name);
    let under = |directory: &str| names.iter().any(|found| found.starts_with(directory));
    let ends = |tail: &str| names.iter().any(|found| found.ends_with(tail));
    if has("mimetype") {
        let said = zip::small_text(bytes, b"mimetype", MAX_MIMETYPE).and_then(|media| by_media_type(&media));
        // Where it says nothing, a manifest beside it still makes a program open it as a document.
        if said.is_some() || under("meta-inf/") {
            return Some(said.unwrap_or("odf"));
        }
    }
    if has("[content_types].xml") {
        let macros = ends("vbaproject.bin");
        return Some(if has("xl/workbook.bin") {
            "xlsb"
        } else if under("word/") {
            if macros { "docm" } else { "docx" }
        } else if under("xl/") {
            if macros { "xlsm" } else { "xlsx" }
        } else if under("ppt/") {
            if macros { "pptm" } else { "pptx" }
        } else if under("visio/") {
            "vsdx"
        } else if ends(".fdseq") || ends(".fdoc") {
            "xps"
        } else if ends(".nuspec") {
            "nupkg"
        } else if has("appxmanifest.xml") {
            "appx"
        } else {
            "opc"
        });
    }
    if has("androidmanifest.xml") {
        Some("apk")
    } else if has("meta-inf/manifest.mf") || has("meta-inf/application.xml") {
        Some("jar")
    } else if has("meta-inf/manifest.xml") && has("content.xml") {
        // OpenDocument may go without `mimetype` (version 1.3 part 2, section 3.3): then the manifest says what it is.
        let manifest = zip::small_text(bytes, b"META-INF/manifest.xml", MAX_MANIFEST);
        let said = manifest.as_deref().and_then(media_type_of_root).and_then(by_media_type);
        Some(said.unwrap_or("odf"))
    } else if IWORK.iter().any(|name| has(name)) {
        Some("iwork")
    } else if names.iter().any(|name| name.starts_with("payload/") && name.contains(".app/")) {
        Some("ipa")
    } else if has("doc.kml") {
        Some("kmz")
    } else if has("manifest.json") && (has("_locales/") || under("_metadata/")) {
        Some("crx")
    } else {
        None
    }
}

/// The media type that a manifest gives the package itself, `full-path="/"`.
fn media_type_of_root(manifest: &str) -> Option<&str> {
    let entries = manifest.split('<').filter_map(|tag| tag.split_once('>').map(|(tag, _)| tag));
    let mut entries = entries.filter(|tag| tag.contains("file-entry"));
    let root = entries.find(|tag| attribute(tag, "full-path") == Some("/"))?;
    attribute(root, "media-type")
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(name)?;
    let quoted = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    quoted.get(1..)?.split(quote).next()
}

fn by_media_type(media: &str) -> Option<&'static str> {
    let media = media.trim();
    match media.strip_prefix("application/vnd.oasis.opendocument.") {
        Some(kind) if kind.starts_with("text") => Some("odt"),
        Some(kind) if kind.starts_with("spreadsheet") => Some("ods"),
        Some(kind) if kind.starts_with("presentation") => Some("odp"),
        Some(kind) if kind.starts_with("graphics") => Some("odg"),
        Some(_) => Some("odf"),
        None if media == "application/epub+zip" => Some("epub"),
        None if media == "application/hwp+zip" => Some("hwpx"),
        None if media.starts_with("application/vnd.sun.xml.") => Some("sxw"),
        None => None,
    }
}

/// Members that only Pages, Numbers and Keynote write, in the forms of several years.
const IWORK: &[&str] = &[
    "index/document.iwa",
    "index/presentation.iwa",
    "index.zip",
    "index.apxl",
    "buildversionhistory.plist",
    "metadata/buildversionhistory.plist",
];
const MAX_NAMES: usize = 20_000;
const MAX_MIMETYPE: usize = 256;
const MAX_MANIFEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::{by_media_type, media_type_of_root};

    #[test]
    fn a_manifest_says_what_the_package_is() {
        let entry = |path: &str, media: &str| {
            format!("<manifest:file-entry manifest:full-path=\"{path}\" manifest:media-type=\"{media}\"/>")
        };
        let sheet = "application/vnd.oasis.opendocument.spreadsheet";
        let of = |entries: &[String]| {
            let manifest =
                format!("<?xml version=\"1.0\"?><manifest:manifest>{}</manifest:manifest>", entries.concat());
            media_type_of_root(&manifest).and_then(by_media_type)
        };
        assert_eq!(of(&[entry("content.xml", "text/xml"), entry("/", sheet)]), Some("ods"));
        let swapped = format!("<file-entry media-type = '{sheet}' full-path='/'/>");
        assert_eq!(of(&[swapped]), Some("ods"));
        assert_eq!(of(&[entry("content.xml", sheet)]), None);
        assert_eq!(of(&[entry("/", "")]), None);
        assert_eq!(of(&[]), None);
    }
}
