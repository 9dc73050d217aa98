//! What a package says of itself: what sort of document it is, which program wrote it, and its title.

use form::office::{Producer, Variant};
use form::text::Line;
use form::{Findings, Limits, Place, Reason};

use super::relationships::{Relation, resolved};
use super::xml::{self, Piece};
use crate::error::Error;
use crate::zip::{Package, part_name};

/// The facts that the header of the form has.
pub(super) struct Facts {
    pub(super) producer: Producer,
    pub(super) version: (u16, u16),
    pub(super) title: Line,
}

impl Facts {
    /// Reads the properties that the relationships of the package lead to. Broken ones say nothing.
    pub(super) fn read(
        package: &Package<'_>,
        relations: &[Relation],
        limits: &Limits,
        findings: &mut Findings,
    ) -> Facts {
        let part = |tail: &str| {
            let relation = relations.iter().find(|relation| relation.tail() == tail && !relation.is_external)?;
            package.read(&resolved("", &relation.target)?, MAX_BYTES).ok().flatten()
        };
        let program = part("extended-properties").map(|bytes| properties(&bytes)).unwrap_or_default();
        let core = part("core-properties").map(|bytes| properties(&bytes)).unwrap_or_default();
        let value = |all: &[(String, String)], name: &str| {
            all.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let personal: Vec<&str> = PERSONAL
            .iter()
            .filter(|name| !value(&core, name).is_empty() || !value(&program, name).is_empty())
            .copied()
            .collect();
        if !personal.is_empty() {
            findings.add(Reason::Metadata, Place::new(&personal.join(", ")));
        }
        let application = value(&program, "Application");
        let producer = if application.starts_with("Microsoft") {
            Producer::Microsoft
        } else if application.starts_with("LibreOffice") {
            Producer::LibreOffice
        } else {
            Producer::Other
        };
        let (title, _) = Line::scrub(&value(&core, "title"));
        let most = usize::try_from(limits.line_bytes).unwrap_or(usize::MAX).min(MAX_TITLE_BYTES) / 4;
        Facts { producer, version: version(&value(&program, "AppVersion")), title: title.shortened(most) }
    }
}

/// What sort of document the content type of the main part says that it is.
pub(super) fn variant(content_type: &str) -> Variant {
    if content_type.contains(".template.") {
        Variant::Template
    } else if content_type.contains(".slideshow.") {
        Variant::Show
    } else {
        Variant::Document
    }
}

/// The content type of a part; empty where the package says none.
pub(super) fn content_type(package: &Package<'_>, part: &str) -> Result<String, Error> {
    let Some(bytes) = package.read("[content_types].xml", MAX_BYTES)? else { return Ok(String::new()) };
    let extension = part.rsplit('.').next().unwrap_or_default();
    let (mut own, mut default) = (None, None);
    xml::small(&bytes, |piece| {
        let Piece::Begin(name, attributes) = piece else { return };
        let value = |name: &str| {
            attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let of_part = || part_name(value("PartName").trim_start_matches(['/', '\\'])).is_some_and(|name| name == part);
        match name {
            "Override" if of_part() => own = Some(value("ContentType").to_ascii_lowercase()),
            "Default" if value("Extension").eq_ignore_ascii_case(extension) => {
                default = Some(value("ContentType").to_ascii_lowercase());
            }
            _ => {}
        }
    })?;
    Ok(own.or(default).unwrap_or_default())
}

/// The names and texts of all leaves.
fn properties(bytes: &[u8]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    let read = xml::small(bytes, |piece| match piece {
        Piece::Begin(name, _) if found.len() < MAX_PROPERTIES => {
            found.push((name.to_owned(), String::new()));
            is_open = true;
        }
        Piece::Begin(..) | Piece::End => is_open = false,
        Piece::Text(text) if is_open => {
            if let Some((_, value)) = found.last_mut() {
                value.push_str(text);
            }
        }
        Piece::Text(_) => {}
    });
    if read.is_ok() { found } else { Vec::new() }
}

fn version(text: &str) -> (u16, u16) {
    let (major, minor) = text.split_once('.').unwrap_or((text, ""));
    let minor: String = minor.chars().take_while(char::is_ascii_digit).take(4).collect();
    (major.parse().unwrap_or(0), minor.parse().unwrap_or(0))
}

/// Properties that say who made a document, and where.
const PERSONAL: &[&str] =
    &["creator", "lastModifiedBy", "Company", "Manager", "keywords", "subject", "description", "category"];
const MAX_BYTES: u64 = 8 * 1024 * 1024;
const MAX_PROPERTIES: usize = 1_000;
const MAX_TITLE_BYTES: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_two_numbers_whatever_stands_there() {
        let table =
            [("16.0300", (16, 300)), ("12.0000", (12, 0)), ("7.4.7", (7, 4)), ("x", (0, 0)), ("1.99999", (1, 9999))];
        for (text, expected) in table {
            assert_eq!(version(text), expected, "{text}");
        }
    }
}
