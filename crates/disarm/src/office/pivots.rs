//! Pivot tables. What they show is in the cells, and beside it a workbook keeps a copy of all that they were made of (the cache), which can
//! hold more than anybody sees: rows that a filter hides, a table that was deleted since. Unless the job keeps them, tables go with their
//! caches and the values in the cells stay.
//!
//! Programs that only describe a table store no values, and leave them to whoever opens the document. Of such a table nothing would be left:
//! it stays as the description that it is, without the rows of its cache.
//!
//! Where the job keeps them, those go whose data does not come along: drawn from another book, a database or a sheet that does not cross.
//! Without what they draw from, Excel takes them for damage.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use form::job::Extra;
use form::office::{AttributeKind, grammar};
use form::{Findings, Reason};
use quick_xml::events::Event;

use super::cells::{self, Cell};
use super::graph::{Graph, Node, Target};
use super::workbook::Sheets;
use super::{relationships, xml};
use crate::error::Error;
use crate::zip::Package;

/// Takes pivot tables that do not cross out of the graph. True where there were any.
pub(super) fn prune(
    package: &Package<'_>,
    graph: &mut Graph,
    sheets: &Sheets,
    wanted: Extra,
    findings: &mut Findings,
) -> bool {
    let of_kind = |graph: &Graph, kind: &str| -> Vec<usize> {
        let nodes = graph.nodes.iter().enumerate().filter(|(_, node)| node.kind.name() == kind);
        nodes.map(|(number, _)| number).collect()
    };
    let caches: HashMap<usize, Cache> = of_kind(graph, "PivotTableCacheDefinitionPart")
        .into_iter()
        .map(|cache| {
            let name = graph.nodes.get(cache).map_or("", |node| node.name.as_str());
            // One that cannot be read is left out here and not where it is written.
            (cache, Cache::read(package, name, sheets).unwrap_or(Cache::Outside))
        })
        .collect();
    let reason = match wanted {
        Extra::Drop => Reason::PivotValues,
        Extra::Keep => Reason::PivotData,
    };
    let mut gone: HashSet<usize> = HashSet::new();
    let mut drawn: HashSet<usize> = HashSet::new();
    for table in of_kind(graph, "PivotTablePart") {
        let Some(node) = graph.nodes.get(table) else { continue };
        let of_table = node.links.iter().filter_map(|(_, target)| match target {
            Target::Part(part) => caches.get(part).map(|cache| (*part, *cache)),
            _ => None,
        });
        let of_table: Vec<(usize, Cache)> = of_table.filter(|(_, cache)| *cache != Cache::Outside).collect();
        let place = relationships::file_name(node.name.trim_end_matches(".xml"));
        let is_kept = wanted == Extra::Keep && !of_table.is_empty();
        let is_empty = !is_kept && is_empty(package, graph, table).unwrap_or(false);
        let is_filled = of_table.iter().any(|(_, cache)| *cache == Cache::FilledOnOpening);
        if is_kept || (wanted == Extra::Drop && is_empty && is_filled) {
            drawn.extend(of_table.iter().map(|(cache, _)| *cache));
            if is_empty {
                findings.add(Reason::PivotKept, place);
            }
        } else {
            findings.add(if is_empty { Reason::PivotEmpty } else { reason }, place);
            gone.insert(table);
        }
    }
    gone.extend(caches.iter().filter_map(|(number, cache)| {
        let stays = match wanted {
            Extra::Keep => *cache != Cache::Outside,
            Extra::Drop => drawn.contains(number),
        };
        (!stays).then_some(*number)
    }));
    if wanted == Extra::Drop {
        // The rows. A cache says that it has some by naming them, so that without them it has none.
        for cache in &drawn {
            graph.nodes.get_mut(*cache).into_iter().for_each(|node| node.links.clear());
        }
    }
    if gone.is_empty() {
        return false;
    }
    for node in &mut graph.nodes {
        node.links.retain(|(_, target)| !matches!(target, Target::Part(part) if gone.contains(part)));
    }
    let place = |number: &usize| graph.nodes.get(*number).map(|node| relationships::file_name(&node.name));
    if gone.iter().all(|number| caches.contains_key(number)) {
        let first = gone.iter().min().and_then(place).unwrap_or_default();
        findings.add(reason, first);
    }
    true
}

/// Whether no cell has a value where a table lies (ECMA-376 part 1, section 18.10.1.49): programs that only describe tables leave the
/// values to whoever opens them.
fn is_empty(package: &Package<'_>, graph: &Graph, table: usize) -> Result<bool, Error> {
    let Some(node) = graph.nodes.get(table) else { return Ok(false) };
    let leads_here = |node: &&Node| node.links.iter().any(|(_, target)| *target == Target::Part(table));
    let sheet = graph.nodes.iter().filter(|node| node.kind.name() == "WorksheetPart").find(leads_here);
    match (sheet, package.part(&node.name)?) {
        (Some(sheet), Some(part)) => match location(part)? {
            Some(place) => cells::is_empty(package, &sheet.name, place),
            None => Ok(false),
        },
        _ => Ok(false),
    }
}

/// The cells that a table says it lies in.
fn location(part: impl Read) -> Result<Option<(Cell, Cell)>, Error> {
    let mut xml = xml::open(part)?;
    let mut buffer = Vec::new();
    loop {
        match xml::next(&mut xml, &mut buffer)? {
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "location" => {
                return Ok(cells::attribute(&tag, "ref").and_then(|range| cells::range(&range)));
            }
            Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

/// Parts that are of no use without this one: of records their cache, of a cache the tables that draw from it.
pub(super) fn leaning_on(part: usize, graph: &Graph) -> Vec<usize> {
    let (mut found, mut waiting) = (Vec::new(), vec![part]);
    while let Some(next) = waiting.pop() {
        let leaning = match graph.nodes.get(next).map(|node| node.kind.name()) {
            Some("PivotTableCacheRecordsPart") => "PivotTableCacheDefinitionPart",
            Some("PivotTableCacheDefinitionPart") => "PivotTablePart",
            _ => continue,
        };
        let leans = |node: &Node| {
            node.kind.name() == leaning && node.links.iter().any(|(_, target)| *target == Target::Part(next))
        };
        let others = graph.nodes.iter().enumerate().filter(|(_, node)| leans(node)).map(|(number, _)| number);
        let others: Vec<usize> = others.collect();
        waiting.extend(&others);
        found.extend(others);
    }
    found
}

/// What the data behind tables is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cache {
    /// Another book, a database, or a sheet that does not cross.
    Outside,
    /// Sheets of its own workbook that cross.
    Own,
    /// Such sheets, and programs are asked to read them anew when they open the workbook.
    FilledOnOpening,
}

impl Cache {
    fn read(package: &Package<'_>, name: &str, sheets: &Sheets) -> Result<Cache, Error> {
        let Some(part) = package.part(name)? else { return Ok(Cache::Outside) };
        let mut xml = xml::open(part)?;
        let mut buffer = Vec::new();
        let mut own = Cache::Own;
        loop {
            match xml::next(&mut xml, &mut buffer)? {
                Event::Start(tag) if tag.local_name().as_ref() == "pivotCacheDefinition" => {
                    let is_refreshed = cells::attribute(&tag, "refreshOnLoad");
                    if is_refreshed.is_some_and(|value| matches!(value.trim(), "1" | "true")) {
                        own = Cache::FilledOnOpening;
                    }
                    break;
                }
                Event::Eof => return Ok(Cache::Outside),
                _ => {}
            }
        }
        Ok(if is_own(&mut xml, sheets)? { own } else { Cache::Outside })
    }
}

/// Whether a cache draws from sheets of its own workbook that cross (ECMA-376 part 1, sections 18.10.1.7, 18.10.1.78 and 18.10.1.95).
fn is_own(xml: &mut xml::Xml<'_>, sheets: &Sheets) -> Result<bool, Error> {
    let mut buffer = Vec::new();
    let mut is_named = false;
    loop {
        match xml::next(xml, &mut buffer)? {
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
