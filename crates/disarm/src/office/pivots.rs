//! Pivot tables whose data does not come along: drawn from another book, a database or a sheet that does not cross. Without what they draw
//! from, Excel takes them for damage, so they go with their cache; the values that they left in the cells stay.

use std::collections::HashSet;

use form::office::{AttributeKind, grammar};
use form::{Findings, Reason};
use quick_xml::events::Event;

use super::graph::{Graph, Target};
use super::workbook::Sheets;
use super::{relationships, xml};
use crate::error::Error;
use crate::zip::Package;

/// Takes pivot tables that cannot cross out of the graph. True where there were any.
pub(super) fn prune(package: &Package<'_>, graph: &mut Graph, sheets: &Sheets, findings: &mut Findings) -> bool {
    let of_kind = |graph: &Graph, kind: &str| -> Vec<usize> {
        let nodes = graph.nodes.iter().enumerate().filter(|(_, node)| node.kind.name() == kind);
        nodes.map(|(number, _)| number).collect()
    };
    let caches: HashSet<usize> = of_kind(graph, "PivotTableCacheDefinitionPart").into_iter().collect();
    let mut gone: HashSet<usize> = caches
        .iter()
        .copied()
        .filter(|cache| {
            let name = graph.nodes.get(*cache).map_or("", |node| node.name.as_str());
            // One that cannot be read is left out here and not where it is written.
            !is_own(package, name, sheets).unwrap_or(false)
        })
        .collect();
    for table in of_kind(graph, "PivotTablePart") {
        let Some(node) = graph.nodes.get(table) else { continue };
        let draws = node
            .links
            .iter()
            .any(|(_, target)| matches!(target, Target::Part(part) if caches.contains(part) && !gone.contains(part)));
        if !draws {
            findings.add(Reason::PivotData, relationships::file_name(node.name.trim_end_matches(".xml")));
            gone.insert(table);
        }
    }
    if gone.is_empty() {
        return false;
    }
    for node in &mut graph.nodes {
        node.links.retain(|(_, target)| !matches!(target, Target::Part(part) if gone.contains(part)));
    }
    let place = |number: &usize| graph.nodes.get(*number).map(|node| relationships::file_name(&node.name));
    if !gone.iter().any(|number| !caches.contains(number)) {
        let first = gone.iter().min().and_then(place).unwrap_or_default();
        findings.add(Reason::PivotData, first);
    }
    true
}

/// Whether a cache draws from sheets of its own workbook that cross (ECMA-376 part 1, sections 18.10.1.7, 18.10.1.78 and 18.10.1.95).
fn is_own(package: &Package<'_>, name: &str, sheets: &Sheets) -> Result<bool, Error> {
    let Some(part) = package.part(name)? else { return Ok(false) };
    let mut xml = xml::open(part)?;
    let mut buffer = Vec::new();
    let mut is_named = false;
    loop {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) | Event::Empty(tag) => {
                let element = tag.local_name().as_ref().to_owned();
                if !matches!(element.as_str(), "cacheSource" | "worksheetSource" | "rangeSet") {
                    continue;
                }
                for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
                    let value = xml::value(&attribute.value)?;
                    let is_outside = match attribute.key.local_name().as_ref() {
                        "id" => true,
                        "connectionId" => value != "0",
                        "type" if element == "cacheSource" => {
                            is_named = matches!(&*value, "worksheet" | "consolidation" | "scenario");
                            !is_named
                        }
                        // As they are judged when they are written: a source without its place is damage.
                        "sheet" => sheets.is_lost(&value) || !AttributeKind::Name.takes_text(&value),
                        "ref" => !AttributeKind::Name.takes_text(&value),
                        "name" => {
                            let is_sought = |name: &str| sheets.is_lost(name);
                            !grammar::formula(&value) || grammar::formula::refers_to(&value, &is_sought)
                        }
                        _ => false,
                    };
                    if is_outside {
                        return Ok(false);
                    }
                }
            }
            Event::End(tag) if tag.local_name().as_ref() == "cacheSource" => return Ok(is_named),
            Event::Eof => return Ok(is_named),
            _ => {}
        }
    }
}
