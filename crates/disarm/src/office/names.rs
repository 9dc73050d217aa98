//! Names of vocabularies and relationships: what the strict and the transitional form of a document call the same thing.

use std::borrow::Cow;
use std::collections::HashMap;

use form::office::Namespace;

/// The vocabularies by name, and those that rules are about.
pub(super) struct Names {
    by_uri: HashMap<&'static str, Namespace>,
    pub(super) compatibility: Namespace,
    pub(super) xml: Namespace,
}

impl Names {
    pub(super) fn new() -> Names {
        let by_uri: HashMap<_, _> =
            Namespace::all().filter(|namespace| !namespace.uri().is_empty()).map(|each| (each.uri(), each)).collect();
        let named = |uri: &str| by_uri.get(uri).copied().unwrap_or(Namespace::NONE);
        Names { compatibility: named(COMPATIBILITY), xml: named(XML), by_uri }
    }

    /// The vocabulary of a name as it stands in a document.
    pub(super) fn namespace(&self, uri: &str) -> Option<Namespace> {
        self.by_uri.get(uri).or_else(|| self.by_uri.get(transitional(uri).as_ref())).copied()
    }
}

/// The transitional name of what a strict document (ECMA-376 part 1) names; other names stay.
pub(super) fn transitional(uri: &str) -> Cow<'_, str> {
    let Some((area, rest)) = uri.strip_prefix("http://purl.oclc.org/ooxml/").and_then(|rest| rest.split_once('/'))
    else {
        return uri.into();
    };
    let rest = match rest {
        "extendedProperties" => "extended-properties",
        "customProperties" => "custom-properties",
        "relationships/extendedProperties" => "relationships/extended-properties",
        "relationships/customProperties" => "relationships/custom-properties",
        "relationships/metadata/coreProperties" => "relationships/metadata/core-properties",
        rest => rest,
    };
    format!("http://schemas.openxmlformats.org/{area}/2006/{rest}").into()
}

const COMPATIBILITY: &str = "http://schemas.openxmlformats.org/markup-compatibility/2006";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_names_lead_to_the_same_vocabulary() {
        let names = Names::new();
        let table = [
            ("http://purl.oclc.org/ooxml/wordprocessingml/main", "w"),
            ("http://schemas.openxmlformats.org/wordprocessingml/2006/main", "w"),
            ("http://purl.oclc.org/ooxml/drawingml/chart", "c"),
            ("http://purl.oclc.org/ooxml/officeDocument/relationships", "r"),
            ("http://purl.oclc.org/ooxml/officeDocument/math", "m"),
            ("http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing", "xdr"),
        ];
        for (uri, prefix) in table {
            assert_eq!(names.namespace(uri).map(Namespace::prefix), Some(prefix), "{uri}");
        }
        assert!(names.namespace("urn:unknown").is_none());
        assert_eq!(names.compatibility.prefix(), "mc");
        assert_eq!(names.xml.prefix(), "xml");
    }
}
