//! Pictures of the objects that sheets embed. The object does not cross; its picture is put into the sheet's drawing, at the cells
//! where it stood.

use std::collections::HashMap;
use std::fmt::Write as _;

use form::office::{HeaderPicture, HeaderPlace, PartKind};
use form::{Findings, Limits, Reason};
use quick_xml::events::Event;

use super::graph::{Graph, Node, Target};
use super::{cells, relationships, vml, xml};
use crate::error::Error;
use crate::zip::Package;

/// Where a picture goes: column, offset, row and offset of its first corner, then of its last.
type Corners = [[i64; 4]; 2];

/// What a sheet says of one of its objects.
struct Object {
    /// The number of its shape in the drawing of VML.
    shape: String,
    /// The relationship to its picture, and where that goes. Excel 2007 has both in the drawing only.
    preview: Option<(String, Corners)>,
}

/// A picture of an object.
struct Preview {
    picture: Target,
    corners: Corners,
    has_line: bool,
}

/// Gives the drawings of sheets with objects the relationships to their pictures, and what is to be added to the markup of each.
pub(super) fn add(package: &Package<'_>, graph: &mut Graph, limits: &Limits) -> Result<HashMap<usize, String>, Error> {
    let mut additions: HashMap<usize, String> = HashMap::new();
    let mut count = 0_u32;
    for sheet in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(sheet).filter(|node| node.has_objects) else { continue };
        // A sheet that cannot be read is refused where it is rebuilt.
        let objects = find(package, &node.name.clone()).unwrap_or_default();
        let previews = of_objects(package, graph, sheet, &objects, limits);
        if previews.is_empty() {
            continue;
        }
        let Some(drawing) = drawing_of(package, graph, sheet) else { continue };
        for preview in previews {
            count = count.saturating_add(1);
            let id = format!("misogi-preview-{count}");
            let _ = additions.entry(drawing).or_default().write_str(&anchor(&preview, &id, count));
            if let Some(node) = graph.nodes.get_mut(drawing) {
                node.links.push((id, preview.picture));
            }
        }
    }
    Ok(additions)
}

/// The pictures of the objects of a sheet.
fn of_objects(
    package: &Package<'_>,
    graph: &mut Graph,
    sheet: usize,
    objects: &[Object],
    limits: &Limits,
) -> Vec<Preview> {
    let Some(node) = graph.nodes.get(sheet).filter(|_| !objects.is_empty()) else { return Vec::new() };
    let (vml, links) = (node.vml.clone(), node.links.clone());
    let shapes: Vec<vml::Shape> = vml.iter().flat_map(|name| vml::shapes(package, name)).collect();
    let is_of = |shape: &vml::Shape, object: &Object| shape.number.strip_prefix(SHAPE) == Some(object.shape.as_str());
    let mut previews = Vec::new();
    for object in objects {
        let Some((relationship, corners)) = &object.preview else { continue };
        let has_line = shapes.iter().any(|shape| shape.has_line && is_of(shape, object));
        let picture = links.iter().find(|(id, target)| id == relationship && matches!(target, Target::Picture(_)));
        previews.extend(picture.map(|(_, target)| Preview { picture: target.clone(), corners: *corners, has_line }));
    }
    let bare: Vec<&Object> = objects.iter().filter(|object| object.preview.is_none()).collect();
    if bare.is_empty() {
        return previews;
    }
    for (shape, name) in vml.iter().flat_map(|drawing| pictured(package, drawing, limits)) {
        let is_shown = !shape.is_hidden && bare.iter().any(|object| is_of(&shape, object));
        if let Some(corners) = shape.anchor.filter(|_| is_shown && previews.len() < MAX_PREVIEWS) {
            let corners =
                corners.map(|[column, x, row, y]| [column, x.saturating_mul(PIXEL), row, y.saturating_mul(PIXEL)]);
            let picture = Target::Picture(number_of(graph, name));
            previews.push(Preview { picture, corners, has_line: shape.has_line });
        }
    }
    previews
}

/// The drawing of a sheet, to which more is added. One that has none but of VML gets one.
pub(super) fn drawing_of(package: &Package<'_>, graph: &mut Graph, sheet: usize) -> Option<usize> {
    let node = graph.nodes.get(sheet)?;
    let own = node.links.iter().find_map(|(_, target)| match target {
        Target::Part(part) => {
            Some(*part).filter(|part| graph.nodes.get(*part).is_some_and(|node| node.kind.name() == "DrawingsPart"))
        }
        Target::Picture(_) | Target::Link(_) | Target::Location(_) => None,
    });
    if own.is_some() {
        return own;
    }
    node.vml.first()?;
    let kind = PartKind::named("DrawingsPart").filter(|kind| node.kind.may_refer_to(*kind))?;
    let drawing = graph.nodes.len();
    let name = format!("{OWN_DRAWING}{drawing}.xml");
    if package.has(&name) {
        return None;
    }
    graph.nodes.push(Node::new(name, kind));
    let id = format!("misogi-drawing-{drawing}");
    let node = graph.nodes.get_mut(sheet)?;
    node.drawing = Some(id.clone());
    node.links.push((id, Target::Part(drawing)));
    Some(drawing)
}

/// What a drawing of ours has before anything is added to it.
pub(super) fn empty_drawing(name: &str) -> Option<String> {
    name.starts_with(OWN_DRAWING).then(|| format!(r#"<xdr:wsDr xmlns:xdr="{XDR}"/>"#))
}

/// How a worksheet names its drawing.
pub(super) fn sheet_drawing(id: &str) -> String {
    format!(r#"<drawing xmlns="{X}" xmlns:r="{R}" r:id="{id}"/>"#)
}

/// What a sheet says of its objects (ECMA-376 part 1, sections 18.3.1.59 `oleObject` and 18.3.1.60 `objectPr`).
fn find(package: &Package<'_>, sheet: &str) -> Result<Vec<Object>, Error> {
    let mut found: Vec<Object> = Vec::new();
    let Some(part) = package.part(sheet)? else { return Ok(found) };
    let mut xml = xml::open(part)?;
    let mut buffer = Vec::new();
    let (mut corner, mut field) = (0_usize, None::<usize>);
    loop {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) | Event::Empty(tag) => {
                field = None;
                match tag.local_name().as_ref() {
                    "oleObject" => {
                        let shape = cells::attribute(&tag, "shapeId").unwrap_or_default();
                        // It is said once more for programs that do not know the places of pictures.
                        if found.len() < MAX_PREVIEWS && !found.iter().any(|object| object.shape == shape) {
                            found.push(Object { shape, preview: None });
                        }
                    }
                    "objectPr" => {
                        let mut attributes = tag.attributes();
                        let mut ids = attributes.with_checks(false).filter_map(Result::ok);
                        let id = ids.find(|attribute| attribute.key.local_name().as_ref() == "id");
                        let relationship = id.map(|id| id.value.into_owned()).unwrap_or_default();
                        if let Some(object) = found.last_mut().filter(|object| object.preview.is_none()) {
                            object.preview = Some((relationship, [[0; 4]; 2]));
                        }
                    }
                    "from" => corner = 0,
                    "to" => corner = 1,
                    name => field = FIELDS.iter().position(|known| *known == name),
                }
            }
            Event::Text(text) => {
                let place = field.zip(found.last_mut().and_then(|object| object.preview.as_mut()));
                let place = place.and_then(|(field, (_, corners))| corners.get_mut(corner)?.get_mut(field));
                if let (Some(place), Ok(number)) = (place, text.trim().parse::<i32>()) {
                    *place = number.into();
                }
            }
            Event::End(_) => field = None,
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

fn anchor(preview: &Preview, id: &str, number: u32) -> String {
    let line = if preview.has_line {
        r#"<a:ln w="9525"><a:solidFill><a:srgbClr val="000000"/></a:solidFill></a:ln>"#
    } else {
        ""
    };
    let [from, to] = &preview.corners;
    let shape = FIRST_ID.saturating_add(number);
    format!(
        r#"<xdr:twoCellAnchor xmlns:xdr="{XDR}" xmlns:a="{A}" xmlns:r="{R}">{}<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="{shape}" name="Object {number}"/><xdr:cNvPicPr/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed="{id}"/><a:stretch><a:fillRect/></a:stretch></xdr:blipFill><xdr:spPr><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>{line}</xdr:spPr></xdr:pic><xdr:clientData/></xdr:twoCellAnchor>"#,
        corners(from, to),
    )
}

/// Where something stands in a sheet: column, offset, row and offset of its first corner, then of its last.
pub(super) fn corners(from: &[i64; 4], to: &[i64; 4]) -> String {
    let mut text = String::new();
    for (name, corner) in [("from", from), ("to", to)] {
        let _ = write!(text, "<xdr:{name}>");
        for (field, value) in FIELDS.iter().zip(corner) {
            let _ = write!(text, "<xdr:{field}>{value}</xdr:{field}>");
        }
        let _ = write!(text, "</xdr:{name}>");
    }
    text
}

/// Gives slides of Office 2007 the relationships to the pictures of their objects, which stand in a drawing beside them. The names of those
/// relationships by slide and shape.
pub(super) fn of_slides(package: &Package<'_>, graph: &mut Graph, limits: &Limits) -> HashMap<(usize, String), String> {
    let mut found = HashMap::new();
    for slide in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(slide).filter(|node| node.kind.name().starts_with("Slide")) else { continue };
        let Some(drawing) = node.vml.first().filter(|_| node.has_objects).cloned() else { continue };
        for (shape, name) in pictured(package, &drawing, limits) {
            if found.len() >= MAX_PREVIEWS {
                break;
            }
            let picture = number_of(graph, name);
            let id = format!("misogi-preview-{}", found.len());
            if let Some(node) = graph.nodes.get_mut(slide) {
                node.links.push((id.clone(), Target::Picture(picture)));
            }
            found.insert((slide, shape.number), id);
        }
    }
    found
}

/// The shapes of a drawing of VML that show pictures of the package, with the names of those.
fn pictured(package: &Package<'_>, drawing: &str, limits: &Limits) -> Vec<(vml::Shape, String)> {
    let relations = relationships::of_part(package, drawing, limits).unwrap_or_default();
    let name = |shape: &vml::Shape| {
        let relation = relations.iter().find(|relation| relation.id == shape.picture && relation.tail() == "image");
        let relation = relation.filter(|relation| !relation.is_external)?;
        relationships::resolved(drawing, &relation.target).filter(|name| package.has(name))
    };
    vml::shapes(package, drawing).into_iter().filter_map(|shape| name(&shape).map(|name| (shape, name))).collect()
}

/// The number of a picture of that name.
fn number_of(graph: &mut Graph, name: String) -> usize {
    graph.pictures.iter().position(|known| *known == name).unwrap_or_else(|| {
        graph.pictures.push(name);
        graph.pictures.len().saturating_sub(1)
    })
}

/// Gives sheets the pictures in their headers and footers, which stand in a drawing of VML beside them, by the names of their places.
/// Tells of those that do not cross beside others that do; where none does, that is told when the sheet is read.
pub(super) fn of_headers(package: &Package<'_>, graph: &mut Graph, limits: &Limits, findings: &mut Findings) {
    for sheet in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(sheet) else { continue };
        if !matches!(node.kind.name(), "WorksheetPart" | "ChartsheetPart") {
            continue;
        }
        let drawings = node.vml.clone();
        let named = drawings.iter().flat_map(|drawing| vml::shapes(package, drawing));
        let named = named.filter(|shape| HeaderPlace::named(&shape.id).is_some()).count();
        let mut headers: Vec<HeaderPicture> = Vec::new();
        for (shape, name) in drawings.iter().flat_map(|drawing| pictured(package, drawing, limits)) {
            let (Some(place), Some([width, height])) = (HeaderPlace::named(&shape.id), shape.size) else { continue };
            let sides = 1..=HeaderPicture::MAX_SIDE;
            let fits = sides.contains(&width) && sides.contains(&height);
            if fits && !headers.iter().any(|header| header.place == place) {
                let picture = u32::try_from(number_of(graph, name)).unwrap_or(u32::MAX);
                headers.push(HeaderPicture { place, picture, width, height });
            }
        }
        if let Some(node) = graph.nodes.get_mut(sheet) {
            if !headers.is_empty() {
                let lost = u32::try_from(named.saturating_sub(headers.len())).unwrap_or(u32::MAX);
                findings.add_many(
                    Reason::HeaderPictures,
                    lost,
                    relationships::file_name(node.name.trim_end_matches(".xml")),
                );
            }
            node.headers = headers;
        }
    }
}

/// The picture of an object on a slide, at the place of the frame that it stood in: left, top, width and height.
pub(super) fn slide_picture(id: &str, [x, y, cx, cy]: [i64; 4]) -> String {
    format!(
        r#"<p:pic xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{R}"><p:nvPicPr><p:cNvPr id="0" name=""/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed="{id}"/><a:stretch><a:fillRect/></a:stretch></p:blipFill><p:spPr><a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{cx}" cy="{cy}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>"#
    )
}

const FIELDS: [&str; 4] = ["col", "colOff", "row", "rowOff"];
pub(super) const XDR: &str = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing";
const X: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
pub(super) const A: &str = "http://schemas.openxmlformats.org/drawingml/2006/main";
const P: &str = "http://schemas.openxmlformats.org/presentationml/2006/main";
const R: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
/// Shapes of a drawing have numbers from 1 on; Excel counts objects from 1,025.
const FIRST_ID: u32 = 900_000;
/// Drawings of our own, which are in no package, are called so and have a number.
const OWN_DRAWING: &str = "xl/drawings/misogi-";
/// What the names of shapes of VML begin with, before their number; and a pixel of such a shape in the units of a drawing.
const SHAPE: &str = "_x0000_s";
const PIXEL: i64 = 9_525;
const MAX_PREVIEWS: usize = 1_000;
