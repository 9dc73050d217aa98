//! Where relationships may lead: which parts a sort of part may refer to, and which attribute may name what.
//!
//! A program follows what an attribute names in its own way: it clicks a link, fetches a picture, reads a slide. So an attribute
//! names one sort of target only, and what stands in no table here names nothing. Both rooms ask.

use super::schema::{Attribute, PartKind, Type};

/// Where a relationship leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a part of that sort.
    Part(PartKind),
    /// To a picture.
    Picture,
    /// Outside.
    Link,
    /// To a place in the same workbook.
    Location,
}

impl Target {
    /// Whether a part of that sort may have a relationship to it, by Microsoft's list of parts. Addresses outside are judged by
    /// what names them ([`may_be_named`](Target::may_be_named)).
    pub fn may_be_referred_to(self, from: PartKind) -> bool {
        match self {
            Target::Part(kind) => from.may_refer_to(kind),
            Target::Picture => from.may_have_pictures(),
            Target::Link => true,
            // Links of cells name the place themselves.
            Target::Location => from.name() == "DrawingsPart",
        }
    }

    /// Whether the attribute of an element of that type may name it.
    pub fn may_be_named(self, of: Type, attribute: Attribute) -> bool {
        let (prefix, name, attribute) = (of.namespace().prefix(), of.name(), attribute.name());
        match self {
            Target::Link => attribute == "id" && CLICKED.contains(&(prefix, name)),
            Target::Location => (prefix, name, attribute) == ("a", "hlinkClick", "id"),
            Target::Picture => PICTURES.contains(&(prefix, name, attribute)),
            Target::Part(kind) => {
                let fits = |(element, known, kinds): &(_, _, &[&str])| {
                    *element == (prefix, name) && *known == attribute && kinds.contains(&kind.name())
                };
                PARTS.iter().any(fits)
            }
        }
    }
}

/// What leads a reader somewhere when it is clicked: programs load nothing for it by themselves. What acts when the pointer merely
/// passes over it (`a:hlinkHover`, `a:hlinkMouseOver`) may lead to a slide and not outside.
const CLICKED: &[(&str, &str)] = &[("w", "hyperlink"), ("x", "hyperlink"), ("a", "hlinkClick")];

const PICTURES: &[(&str, &str, &str)] = &[
    ("a", "blip", "embed"),
    ("dgm", "shape", "blip"),
    ("v", "fill", "id"),
    ("v", "imagedata", "id"),
    ("v", "stroke", "id"),
    ("x", "picture", "id"),
];

type Named = (&'static str, &'static str);

const PARTS: &[(Named, &str, &[&str])] = &[
    (("a", "hlinkClick"), "id", &["SlidePart"]),
    (("a", "hlinkHover"), "id", &["SlidePart"]),
    (("a", "hlinkMouseOver"), "id", &["SlidePart"]),
    (("c", "chart"), "id", &["ChartPart"]),
    (("c", "userShapes"), "id", &["ChartDrawingPart"]),
    (("dgm", "relIds"), "cs", &["DiagramColorsPart"]),
    (("dgm", "relIds"), "dm", &["DiagramDataPart"]),
    (("dgm", "relIds"), "lo", &["DiagramLayoutDefinitionPart"]),
    (("dgm", "relIds"), "qs", &["DiagramStylePart"]),
    (("p", "handoutMasterId"), "id", &["HandoutMasterPart"]),
    (("p", "notesMasterId"), "id", &["NotesMasterPart"]),
    (("p", "sld"), "id", &["SlidePart"]),
    (("p", "sldId"), "id", &["SlidePart"]),
    (("p", "sldLayoutId"), "id", &["SlideLayoutPart"]),
    (("p", "sldMasterId"), "id", &["SlideMasterPart"]),
    (("p188", "commentRel"), "id", &["PowerPointCommentPart"]),
    (("w", "footerReference"), "id", &["FooterPart"]),
    (("w", "headerReference"), "id", &["HeaderPart"]),
    (("x", "drawing"), "id", &["DrawingsPart"]),
    (("x", "pivotCache"), "id", &["PivotTableCacheDefinitionPart"]),
    (("x", "pivotCacheDefinition"), "id", &["PivotTableCacheRecordsPart"]),
    (("x", "pivotSelection"), "id", &["PivotTablePart"]),
    (("x", "sheet"), "id", &["WorksheetPart", "ChartsheetPart"]),
    (("x", "tablePart"), "id", &["TableDefinitionPart"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::AttributeKind;

    /// Every type that some part can hold.
    fn types() -> Vec<Type> {
        let mut known: Vec<Type> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut waiting: Vec<Type> = PartKind::all().map(PartKind::root).collect();
        while let Some(of) = waiting.pop() {
            if seen.insert(of) {
                known.push(of);
                waiting.extend((0..of.child_count()).filter_map(|child| of.child(child)));
            }
        }
        known
    }

    #[test]
    fn every_attribute_that_names_a_relationship_may_name_something() {
        let targets: Vec<Target> =
            PartKind::all().map(Target::Part).chain([Target::Picture, Target::Link, Target::Location]).collect();
        for of in types() {
            for attribute in of.all_attributes().filter(|each| each.kind() == AttributeKind::Relationship) {
                let named = targets.iter().filter(|target| target.may_be_named(of, attribute)).count();
                assert!(named > 0, "{}:{}@{}", of.namespace().prefix(), of.name(), attribute.name());
            }
        }
    }

    #[test]
    fn every_row_is_about_something_that_is_there() {
        let names: Vec<&str> = PartKind::all().map(PartKind::name).collect();
        assert!(PARTS.iter().flat_map(|(_, _, kinds)| *kinds).all(|kind| names.contains(kind)));
        let types = types();
        let has = |prefix: &str, name: &str, attribute: &str| {
            types.iter().filter(|of| of.is(prefix, name)).any(|of| {
                of.all_attributes().any(|each| each.kind() == AttributeKind::Relationship && each.name() == attribute)
            })
        };
        for ((prefix, name), attribute, _) in PARTS {
            assert!(has(prefix, name, attribute), "{prefix}:{name}@{attribute}");
        }
        for (prefix, name, attribute) in PICTURES {
            assert!(has(prefix, name, attribute), "{prefix}:{name}@{attribute}");
        }
        for (prefix, name) in CLICKED {
            assert!(has(prefix, name, "id"), "{prefix}:{name}");
        }
    }
}
