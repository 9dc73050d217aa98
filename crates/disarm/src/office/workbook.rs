//! What must be known of a workbook before its sheets are read: which of them cross.

use std::collections::{HashMap, HashSet};

use form::codec::Kind;
use quick_xml::events::Event;

use super::graph::{Graph, Target};
use super::xml;
use crate::error::Error;
use crate::zip::Package;

/// The sheets that a workbook lists.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    /// How many there are, with those that do not cross.
    pub(super) count: u64,
    /// Names of those that do not cross, as [`folded`] gives them.
    lost: HashSet<String>,
    /// The parts of those that cross, and their places among all, by their names as [`folded`] gives them.
    parts: HashMap<String, (usize, u64)>,
    /// What becomes of each, in their order; the first [`MAX_LISTED`].
    listed: Vec<Listed>,
    /// No sheet that crosses would be seen: Excel takes such a workbook for damaged.
    pub(super) all_hidden: bool,
}

/// What becomes of a sheet of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    /// It crosses and is seen.
    Seen,
    /// It crosses and is hidden.
    Hidden,
    Lost,
}

impl Sheets {
    /// Reads the list of a workbook; of other documents there is none.
    pub(super) fn read(package: &Package<'_>, graph: &Graph, family: Kind) -> Result<Sheets, Error> {
        let mut sheets = Sheets::default();
        let Some(main) = graph.nodes.first().filter(|_| family == Kind::Sheet) else { return Ok(sheets) };
        let Some(part) = package.part(&main.name)? else { return Ok(sheets) };
        let mut leads: HashMap<&str, usize> = HashMap::new();
        for (id, target) in &main.links {
            if let Target::Part(part) = target
                && graph.nodes.get(*part).is_some_and(|node| is_sheet(node.kind.name()))
            {
                leads.entry(id).or_insert(*part);
            }
        }
        let (mut crossing, mut seen) = (HashSet::new(), 0_u64);
        let mut xml = xml::open(part)?;
        let mut buffer = Vec::new();
        loop {
            match xml::next(&mut xml, &mut buffer)? {
                Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "sheet" => {
                    let mut values: HashMap<String, String> = HashMap::new();
                    for attribute in tag.attributes().with_checks(false).filter_map(Result::ok) {
                        let value = xml::value(&attribute.value)?.into_owned();
                        values.insert(attribute.key.local_name().as_ref().to_owned(), value);
                    }
                    let value = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
                    let place = sheets.count;
                    sheets.count = sheets.count.saturating_add(1);
                    let part = leads.get(value("id")).copied();
                    let listed = match value("state") {
                        _ if part.is_none() => Listed::Lost,
                        "" | "visible" => Listed::Seen,
                        _ => Listed::Hidden,
                    };
                    if sheets.listed.len() < MAX_LISTED {
                        sheets.listed.push(listed);
                    }
                    if let Some(part) = part {
                        sheets.parts.insert(folded(value("name")), (part, place));
                        crossing.insert(folded(value("name")));
                        seen = seen.saturating_add(u64::from(listed == Listed::Seen));
                    } else if sheets.lost.len() < MAX_LISTED {
                        sheets.lost.insert(folded(value("name")));
                    }
                }
                Event::End(tag) if tag.local_name().as_ref() == "sheets" => break,
                Event::Eof => break,
                _ => {}
            }
        }
        sheets.lost.retain(|name| !crossing.contains(name));
        sheets.all_hidden = seen == 0;
        Ok(sheets)
    }

    /// Whether a sheet does not cross.
    pub(super) fn is_lost(&self, name: &str) -> bool {
        !self.lost.is_empty() && self.lost.contains(&folded(name))
    }

    /// The part of a sheet that crosses.
    pub(super) fn part(&self, name: &str) -> Option<usize> {
        self.parts.get(&folded(name)).map(|(part, _)| *part)
    }

    /// The place of a sheet that crosses among all, from 0.
    pub(super) fn place(&self, name: &str) -> Option<u64> {
        self.parts.get(&folded(name)).map(|(_, place)| *place)
    }

    /// The place, among those that cross, of the sheet that stood in front at `place` of all. Where that one is not seen it is the first
    /// that is; nothing where there is none, or where it is the first of all, as it is without being said.
    pub(super) fn in_front(&self, place: u64) -> Option<u64> {
        if self.are_whole() {
            return Some(place).filter(|place| *place < self.count);
        }
        let place = usize::try_from(place).ok();
        let is_seen = |place: &usize| self.listed.get(*place) == Some(&Listed::Seen);
        let place = place.filter(is_seen).or_else(|| self.listed.iter().position(|listed| *listed == Listed::Seen))?;
        let before = self.listed.iter().take(place).filter(|listed| **listed != Listed::Lost).count();
        u64::try_from(before).ok().filter(|before| *before > 0)
    }

    /// Whether all sheets cross.
    pub(super) fn are_whole(&self) -> bool {
        self.lost.is_empty()
    }
}

/// What names of a workbook stand for (ECMA-376 part 1, section 18.2.5), by the names as [`folded`] gives them. Those that also, or only,
/// mean something on single sheets are left out, and what cannot be read is not there.
pub(super) fn names(package: &Package<'_>, graph: &Graph, wanted: &HashSet<String>) -> HashMap<String, String> {
    let mut found: HashMap<String, Option<String>> = HashMap::new();
    let part = graph.nodes.first().and_then(|main| package.part(&main.name).ok().flatten());
    let Some(mut xml) = part.and_then(|part| xml::open(part).ok()) else { return HashMap::new() };
    let (mut buffer, mut current) = (Vec::new(), None::<(String, bool, String)>);
    while let Ok(event) = xml::next(&mut xml, &mut buffer) {
        match event {
            Event::Start(tag) if tag.local_name().as_ref() == "definedName" => {
                let value = |name: &str| {
                    let mut attributes = tag.attributes();
                    let mut all = attributes.with_checks(false).filter_map(Result::ok);
                    let own = all.find(|attribute| attribute.key.as_ref() == name)?;
                    xml::value(&own.value).ok().map(|value| value.into_owned())
                };
                let name = folded(&value("name").unwrap_or_default());
                current = wanted.contains(&name).then(|| (name, value("localSheetId").is_some(), String::new()));
            }
            Event::Text(more) => {
                if let Some((.., text)) = current.as_mut().filter(|(.., text)| text.len() < MAX_NAME_BYTES) {
                    text.push_str(&more);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((.., text)) = &mut current {
                    text.push(xml::character(&reference).unwrap_or(' '));
                }
            }
            Event::End(_) => {
                if let Some((name, is_local, text)) = current.take() {
                    let is_first = !found.contains_key(&name);
                    found.insert(name, Some(text).filter(|_| is_first && !is_local));
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    found.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

fn is_sheet(kind: &str) -> bool {
    matches!(kind, "WorksheetPart" | "ChartsheetPart")
}

/// Excel takes names of sheets for the same that differ only in small and capital letters.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Bytes of what a name stands for from which on no more are read.
const MAX_NAME_BYTES: usize = 1_024;
/// Sheets of which it is known what becomes of them; Excel itself has room for some thousand.
const MAX_LISTED: usize = 10_000;
