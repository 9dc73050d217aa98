//! Form controls of sheets as what a reader sees of them: check boxes with their mark, option buttons, buttons, labels and frames become
//! shapes with their text in the sheet's drawing. What they do does not cross.

use std::collections::HashMap;
use std::fmt::Write as _;

use form::{Findings, Reason};
use quick_xml::escape::escape;

use super::graph::{Graph, Node};
use super::previews::{self, corners};
use super::relationships::file_name;
use super::vml::{self, Shape};
use crate::zip::Package;

/// Adds shapes for the controls of all sheets to what is added to their drawings.
pub(super) fn add(
    package: &Package<'_>,
    graph: &Graph,
    additions: &mut HashMap<usize, String>,
    findings: &mut Findings,
) {
    let mut number = 0_u32;
    for node in graph.nodes.iter().filter(|node| node.controls > 0) {
        let place = || file_name(node.name.trim_end_matches(".xml"));
        let drawing = previews::drawing_of(package, graph, node);
        let mut drawn = 0_u32;
        for (shape, look, drawing) in looks(package, node).filter_map(|(shape, look)| Some((shape, look, drawing?))) {
            if shape.has_macro {
                findings.add(Reason::Macros, place());
            }
            let Some(anchor) = shape.anchor else { continue };
            (number, drawn) = (number.saturating_add(1), drawn.saturating_add(1));
            let _ = additions.entry(drawing).or_default().write_str(&sheet_shape(&shape, &look, anchor, number));
        }
        findings.add_many(Reason::ControlsDrawn, drawn, place());
        findings.add_many(Reason::Controls, node.controls.saturating_sub(drawn), place());
    }
}

/// How a control looks.
struct Look {
    mark: &'static str,
    has_border: bool,
    is_filled: bool,
    anchor: &'static str,
    align: &'static str,
}

/// The controls of a sheet that show words, with how they look.
fn looks(package: &Package<'_>, node: &Node) -> impl Iterator<Item = (Shape, Look)> {
    let shapes = node.vml.as_deref().map(|name| vml::shapes(package, name)).unwrap_or_default();
    shapes.into_iter().filter_map(|shape| {
        let plain = Look { mark: "", has_border: false, is_filled: false, anchor: "ctr", align: "l" };
        let look = match (shape.object.as_str(), shape.checked) {
            ("Checkbox", 0) => Look { mark: "☐ ", ..plain },
            ("Checkbox", 1) => Look { mark: "☑ ", ..plain },
            ("Checkbox", _) => Look { mark: "▣ ", ..plain },
            ("Radio", 0) => Look { mark: "○ ", ..plain },
            ("Radio", _) => Look { mark: "◉ ", ..plain },
            ("Label", _) => plain,
            ("GBox", _) => Look { has_border: true, anchor: "t", ..plain },
            ("Button", _) => Look { has_border: true, is_filled: true, align: "ctr", ..plain },
            _ => return None,
        };
        Some((shape, look))
    })
}

fn sheet_shape(shape: &Shape, look: &Look, anchor: [[i64; 4]; 2], number: u32) -> String {
    // VML counts pixels of 1/96 inch.
    let [from, to] = anchor
        .map(|[column, x, row, y]| [column, x.saturating_mul(EMU_PER_PIXEL), row, y.saturating_mul(EMU_PER_PIXEL)]);
    let fill = if look.is_filled { r#"<a:solidFill><a:srgbClr val="F0F0F0"/></a:solidFill>"# } else { "<a:noFill/>" };
    let line = if look.has_border { r#"<a:solidFill><a:srgbClr val="A0A0A0"/></a:solidFill>"# } else { "<a:noFill/>" };
    let id = FIRST_ID.saturating_add(number);
    format!(
        r#"<xdr:twoCellAnchor xmlns:xdr="{}" xmlns:a="{}">{}<xdr:sp><xdr:nvSpPr><xdr:cNvPr id="{id}" name="Control {number}"/><xdr:cNvSpPr txBox="1"/></xdr:nvSpPr><xdr:spPr><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>{fill}<a:ln w="9525">{line}</a:ln></xdr:spPr><xdr:txBody><a:bodyPr vertOverflow="overflow" horzOverflow="overflow" wrap="square" lIns="18288" tIns="0" rIns="0" bIns="0" anchor="{}"/><a:lstStyle/><a:p><a:pPr algn="{}"/><a:r><a:rPr lang="ja-JP" sz="900"/><a:t>{}{}</a:t></a:r></a:p></xdr:txBody></xdr:sp><xdr:clientData{}/></xdr:twoCellAnchor>"#,
        previews::XDR,
        previews::A,
        corners(&from, &to),
        look.anchor,
        look.align,
        look.mark,
        escape(shape.text.as_str()),
        if shape.is_not_printed { r#" fPrintsWithSheet="0""# } else { "" },
    )
}

const EMU_PER_PIXEL: i64 = 9_525;
/// Beyond the numbers of previews.
const FIRST_ID: u32 = 910_000;
