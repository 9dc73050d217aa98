//! The parts of a document that can cross, found by following relationships from its main part.

use std::collections::{HashMap, HashSet};

use form::codec::Kind;
use form::office::{HeaderPicture, Location, PartKind, fits, main_part};
use form::pages::Url;
use form::{Findings, Limits, Place, Reason};

use super::relationships::{self, Relation, defanged, file_name, resolved};
use crate::error::{Error, size, within};
use crate::zip::Package;

/// A part and what it refers to.
pub(super) struct Node {
    /// Its name in the package.
    pub(super) name: String,
    pub(super) kind: PartKind,
    /// Its relationships that lead somewhere, by id.
    pub(super) links: Vec<(String, Target)>,
    /// It has embedded or linked objects of other programs.
    pub(super) has_objects: bool,
    /// The drawings of VML that lie beside it: a sheet can have one for what is on it and one for its headers.
    pub(super) vml: Vec<String>,
    /// Pictures in its headers and footers, whose numbers are those of [`Graph::pictures`].
    pub(super) headers: Vec<HeaderPicture>,
    /// How many form controls it has.
    pub(super) controls: u32,
    /// The relationship to a drawing that its author did not give it.
    pub(super) drawing: Option<String>,
}

impl Node {
    pub(super) fn new(name: String, kind: PartKind) -> Node {
        Node {
            name,
            kind,
            links: Vec::new(),
            has_objects: false,
            vml: Vec::new(),
            headers: Vec::new(),
            controls: 0,
            drawing: None,
        }
    }
}

/// Where a relationship leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// To a node.
    Part(usize),
    /// To a picture.
    Picture(usize),
    /// Outside.
    Link(Url),
    /// To a place in the same workbook.
    Location(Location),
}

/// All parts, the main one first, and the names of the pictures.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) pictures: Vec<String>,
    /// Parts with macro programs.
    pub(super) macro_parts: Vec<String>,
    /// Parts that are embedded files, or objects of other programs that may hold one.
    pub(super) objects: Vec<String>,
}

impl Graph {
    /// Follows the relationships breadth first, so that parts are numbered as a reader meets them.
    pub(super) fn walk(
        package: &Package<'_>,
        main: String,
        family: Kind,
        limits: &Limits,
        findings: &mut Findings,
    ) -> Result<Graph, Error> {
        let main_kind = main_part(family).ok_or(Reason::UnsupportedType)?;
        let kinds = kinds(family, main_kind);
        let mut by_name: HashMap<String, usize> = HashMap::from([(main.clone(), 0)]);
        let mut pictures: HashMap<String, usize> = HashMap::new();
        let mut objects: HashSet<String> = HashSet::new();
        let mut graph = Graph {
            nodes: vec![Node::new(main, main_kind)],
            pictures: Vec::new(),
            macro_parts: Vec::new(),
            objects: Vec::new(),
        };
        let mut next = 0;
        while let Some(node) = graph.nodes.get(next) {
            let (from, from_kind) = (node.name.clone(), node.kind);
            let relations = match relationships::of_part(package, &from, limits) {
                Ok(relations) => relations,
                // Without relationships the part stands alone; its own content decides whether it is of use.
                Err(error) if next > 0 && error.refusal().reason == Reason::Malformed => Vec::new(),
                Err(error) => return Err(error),
            };
            let mut links = Vec::new();
            let has = |tail: &str| relations.iter().any(|relation| relation.tail() == tail);
            // Objects that are linked through the workbook leave only their picture with the sheet.
            let has_objects = has("oleObject") || has("package") || (has("image") && has("vmlDrawing"));
            let vml = relations.iter().filter(|relation| relation.tail() == "vmlDrawing" && !relation.is_external);
            let vml = vml.filter_map(|relation| resolved(&from, &relation.target)).filter(|name| package.has(name));
            let vml: Vec<String> = vml.take(MAX_VML).collect();
            let controls = relations.iter().filter(|relation| relation.tail() == "ctrlProp").count();
            for relation in relations {
                // Excel puts the place that a shape leads to into the relationship itself.
                if from_kind.name() == "DrawingsPart"
                    && relation.tail() == "hyperlink"
                    && let Some(place) = relation.target.strip_prefix('#')
                {
                    match Location::parse(place) {
                        Some(location) => links.push((relation.id, Target::Location(location))),
                        None => findings.add(Reason::UnsafeLink, defanged(&relation.target)),
                    }
                    continue;
                }
                if relation.is_external {
                    match Url::rebuild(&relation.target).filter(|_| relation.tail() == "hyperlink") {
                        Some(url) => links.push((relation.id, Target::Link(url))),
                        None => lost(&relation, package, limits, findings),
                    }
                    continue;
                }
                let name = resolved(&from, &relation.target).filter(|name| package.has(name));
                let kind = kinds.get(relation.kind.as_str()).copied();
                match (name, kind) {
                    (Some(name), _) if relation.tail() == "image" && from_kind.may_have_pictures() => {
                        let number = *pictures.entry(name.clone()).or_insert_with(|| {
                            graph.pictures.push(name);
                            graph.pictures.len().saturating_sub(1)
                        });
                        links.push((relation.id, Target::Picture(number)));
                    }
                    (Some(name), Some(kind)) if from_kind.may_refer_to(kind) => {
                        let number = *by_name.entry(name.clone()).or_insert_with(|| {
                            graph.nodes.push(Node::new(name, kind));
                            graph.nodes.len().saturating_sub(1)
                        });
                        if number > 0 && graph.nodes.get(number).is_some_and(|node| node.kind == kind) {
                            links.push((relation.id, Target::Part(number)));
                        }
                    }
                    // PowerPoint writes `NULL` for a picture that it had lost already: there is nothing to be told of.
                    (None, _) if relationships::reason_for(&relation) == Some(Reason::CustomData) => {}
                    (name, _) => {
                        // The data behind a chart is in the chart.
                        let is_object = matches!(relation.tail(), "oleObject" | "package" | "aFChunk")
                            && from_kind.name() != "ChartPart";
                        if relation.tail() == "vbaProject" {
                            graph.macro_parts.extend(name);
                        } else if let Some(name) = name.filter(|_| is_object) {
                            if objects.insert(name.clone()) {
                                graph.objects.push(name);
                            }
                        } else {
                            lost(&relation, package, limits, findings);
                        }
                    }
                }
                within(Reason::LimitParts, limits.office_parts.into(), size(graph.nodes.len()))?;
            }
            if let Some(node) = graph.nodes.get_mut(next) {
                (node.links, node.has_objects, node.vml) = (links, has_objects, vml);
                node.controls = u32::try_from(controls).unwrap_or(u32::MAX);
            }
            next = next.saturating_add(1);
        }
        Ok(graph)
    }
}

/// Kinds of parts by the type of the relationships that lead to them; styles and comments share theirs between families.
fn kinds(family: Kind, main: PartKind) -> HashMap<&'static str, PartKind> {
    PartKind::all()
        .filter(|kind| *kind != main && fits(*kind, family))
        .map(|kind| (kind.relationship_type(), kind))
        .collect()
}

fn lost(relation: &Relation, package: &Package<'_>, limits: &Limits, findings: &mut Findings) {
    // Google writes one without a target behind each pivot table: there is nothing that it could load.
    if relation.is_external && relation.target.trim().is_empty() {
        return;
    }
    let Some(reason) = relationships::reason_for(relation) else { return };
    let place = match reason {
        _ if relation.is_external => defanged(&relation.target),
        Reason::EmbeddedObject | Reason::Media => file_name(&relation.target),
        Reason::ExternalLink if relation.tail() == "externalLink" => {
            return external_book(relation, package, limits, findings);
        }
        _ => Place::new(relation.tail()),
    };
    findings.add(reason, place);
}

/// A link to another book, which says itself where it leads: by its own relationship, or to a program (DDE).
fn external_book(relation: &Relation, package: &Package<'_>, limits: &Limits, findings: &mut Findings) {
    let name = resolved("xl/workbook.xml", &relation.target).unwrap_or_default();
    let bytes = package.read(&name, MAX_LINK_BYTES).ok().flatten().unwrap_or_default();
    let mut service = None;
    let read = super::xml::small(&bytes, |piece| {
        if let super::xml::Piece::Begin("ddeLink", attributes) = piece {
            let value = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            service =
                Some(format!("{} {}", value("ddeService").unwrap_or_default(), value("ddeTopic").unwrap_or_default()));
        }
    });
    if let (Ok(()), Some(service)) = (read, service) {
        findings.add(Reason::DdeLink, Place::new(service.trim()));
        return;
    }
    let target = relationships::of_part(package, &name, limits).ok().and_then(|all| all.into_iter().next());
    let place = target.map_or_else(|| file_name(&relation.target), |target| defanged(&target.target));
    findings.add(Reason::ExternalLink, place);
}

/// Drawings of VML of one part that are looked at: Excel writes two at most.
const MAX_VML: usize = 4;
const MAX_LINK_BYTES: u64 = 32 * 1024 * 1024;
