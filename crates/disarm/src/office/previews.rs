//! Pictures of the objects that sheets embed. The object does not cross; its picture is put into the sheet's drawing, at the cells
//! where it stood.

use std::collections::HashMap;
use std::fmt::Write as _;

use quick_xml::events::Event;

use super::graph::{Graph, Target};
use super::xml;
use crate::error::Error;
use crate::zip::Package;

/// Where a picture goes: column, offset, row and offset of its first corner, then of its last.
struct Preview {
    relationship: String,
    corners: [[i64; 4]; 2],
}

/// Gives the drawings of sheets with objects the relationships to their pictures, and what is to be added to the markup of each.
pub(super) fn add(package: &Package<'_>, graph: &mut Graph) -> Result<HashMap<usize, String>, Error> {
    let mut additions: HashMap<usize, String> = HashMap::new();
    let mut count = 0_u32;
    for sheet in 0..graph.nodes.len() {
        let Some(node) = graph.nodes.get(sheet).filter(|node| node.has_objects) else { continue };
        let drawing = node.links.iter().find_map(|(_, target)| match target {
            Target::Part(part) => Some(*part).filter(|part| {
                graph.nodes.get(*part).is_some_and(|node| {
                    node.kind.name() == "DrawingsPart" && package.part_bytes(&node.name) <= super::MAX_HELD_BYTES
                })
            }),
            Target::Picture(_) | Target::Link(_) => None,
        });
        let Some(drawing) = drawing else { continue };
        // A sheet that cannot be read is refused where it is rebuilt.
        for preview in find(package, &node.name.clone()).unwrap_or_default() {
            let links = graph.nodes.get(sheet).map(|node| node.links.as_slice()).unwrap_or_default();
            let picture =
                links.iter().find(|(id, target)| *id == preview.relationship && matches!(target, Target::Picture(_)));
            let Some(target) = picture.map(|(_, target)| target.clone()) else { continue };
            count = count.saturating_add(1);
            let id = format!("misogi-preview-{count}");
            let _ = additions.entry(drawing).or_default().write_str(&anchor(&preview, &id, count));
            if let Some(node) = graph.nodes.get_mut(drawing) {
                node.links.push((id, target));
            }
        }
    }
    Ok(additions)
}

/// The markup of a drawing with more before its end.
pub(super) fn with(mut drawing: Vec<u8>, addition: &str) -> Vec<u8> {
    if let Some(end) = drawing.windows(2).rposition(|window| window == b"</") {
        drawing.splice(end..end, addition.bytes());
    }
    drawing
}

/// What a sheet says of the pictures of its objects (ECMA-376 part 1, section 18.3.1.60 `objectPr`).
fn find(package: &Package<'_>, sheet: &str) -> Result<Vec<Preview>, Error> {
    let mut found = Vec::new();
    let Some(part) = package.part(sheet)? else { return Ok(found) };
    let mut xml = xml::open(part)?;
    let mut buffer = Vec::new();
    let (mut current, mut corner, mut field) = (None::<Preview>, 0_usize, None::<usize>);
    loop {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) => {
                field = None;
                match tag.local_name().as_ref() {
                    "objectPr" if found.len() < MAX_PREVIEWS => {
                        let mut attributes = tag.attributes();
                        let mut ids = attributes.with_checks(false).filter_map(Result::ok);
                        let id = ids.find(|attribute| attribute.key.local_name().as_ref() == "id");
                        let relationship = id.map(|id| id.value.into_owned()).unwrap_or_default();
                        current = Some(Preview { relationship, corners: [[0; 4]; 2] });
                    }
                    "from" => corner = 0,
                    "to" => corner = 1,
                    name => field = FIELDS.iter().position(|known| *known == name),
                }
            }
            Event::Text(text) => {
                let place = field.zip(current.as_mut());
                let place = place.and_then(|(field, preview)| preview.corners.get_mut(corner)?.get_mut(field));
                if let (Some(place), Ok(number)) = (place, text.trim().parse::<i32>()) {
                    *place = number.into();
                }
            }
            Event::End(tag) => {
                field = None;
                if tag.local_name().as_ref() == "objectPr" {
                    found.extend(current.take());
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

fn anchor(preview: &Preview, id: &str, number: u32) -> String {
    let corner = |name: &str, corner: &[i64; 4]| {
        let mut text = format!("<xdr:{name}>");
        for (field, value) in FIELDS.iter().zip(corner) {
            let _ = write!(text, "<xdr:{field}>{value}</xdr:{field}>");
        }
        let _ = write!(text, "</xdr:{name}>");
        text
    };
    let [from, to] = &preview.corners;
    let shape = FIRST_ID.saturating_add(number);
    format!(
        r#"<xdr:twoCellAnchor xmlns:xdr="{XDR}" xmlns:a="{A}" xmlns:r="{R}">{}{}<xdr:pic><xdr:nvPicPr><xdr:cNvPr id="{shape}" name="Object {number}"/><xdr:cNvPicPr/></xdr:nvPicPr><xdr:blipFill><a:blip r:embed="{id}"/><a:stretch><a:fillRect/></a:stretch></xdr:blipFill><xdr:spPr><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></xdr:spPr></xdr:pic><xdr:clientData/></xdr:twoCellAnchor>"#,
        corner("from", from),
        corner("to", to),
    )
}

const FIELDS: [&str; 4] = ["col", "colOff", "row", "rowOff"];
const XDR: &str = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing";
const A: &str = "http://schemas.openxmlformats.org/drawingml/2006/main";
const R: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
/// Shapes of a drawing have numbers from 1 on; Excel counts objects from 1,025.
const FIRST_ID: u32 = 900_000;
const MAX_PREVIEWS: usize = 1_000;
