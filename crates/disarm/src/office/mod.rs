//! Word, Excel and PowerPoint documents of Office Open XML (ECMA-376), transitional and strict.
//!
//! The package is opened once its directory has one reading only; parts are found by following relationships ([`graph`]), their
//! markup is brought into the vocabulary of the form part by part ([`lower`]), pictures become pixels ([`pictures`]). Optional
//! parts are read before anything is written, so that a broken one can be left out; large ones stream.

mod account;
mod carried;
mod cells;
mod controls;
pub(crate) mod crypt;
mod facts;
mod graph;
mod learnt;
mod lower;
mod names;
mod notes;
mod objects;
mod pictures;
mod pivots;
mod previews;
mod relationships;
mod vml;
mod workbook;
mod xml;

use std::collections::HashMap;
use std::io::Write;

use form::codec::{Encoder, Kind};
use form::office::{self, HeaderPicture, Markup, OfficeHeader, PartHeader, Relationship};
use form::{DetectedType, Finding, Findings, Place, Reason};

use crate::error::Error;
use crate::fonts::Fonts;
use crate::room::Part;
use crate::zip::Package;
use account::Account;
use facts::Facts;
use graph::{Graph, Node, Target};
use learnt::Learnt;
use lower::references::Known;
use lower::{Context, Fault, Told};
use names::Names;
use notes::NoteBox;
use pictures::Pictures;
use workbook::Sheets;

/// Reads a package as an Office document, and writes to `spill` the files in it where they are asked for.
pub(crate) fn disarm(
    mut part: Part<'_>,
    fonts: &Fonts,
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Error> {
    let limits = &part.job.limits;
    let package = Package::open(part.input, limits)?;
    if package.is_followed() {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    let mut findings = std::mem::replace(&mut part.findings, Findings::new(0));
    let relations = relationships::of_part(&package, "", limits)?;
    let main = main_part(&package, &relations)?;
    let family = family(&package, &main)?;
    let content_type = facts::content_type(&package, &main)?;
    for relation in relations.iter().filter(|relation| relation.tail() != "officeDocument") {
        if let Some(reason) = relationships::reason_for(relation) {
            findings.add(reason, Place::new(relation.tail()));
        }
    }
    let facts = Facts::read(&package, &relations, limits, &mut findings);
    let mut graph = Graph::walk(&package, main, family, limits, &mut findings)?;
    for name in &graph.macro_parts {
        findings.add(Reason::Macros, macro_modules(&package, name));
    }
    let sheets = Sheets::read(&package, &graph, family)?;
    let lost_pivots = pivots::prune(&package, &mut graph, &sheets, part.job.office.pivot_cache, &mut findings);
    let mut additions = previews::add(&package, &mut graph, limits)?;
    let drawn = controls::add(&package, &mut graph, &sheets, &mut additions, &mut findings);
    let note_boxes = notes::boxes(&package, &graph);
    previews::of_headers(&package, &mut graph, limits, &mut findings);
    let slide_previews = previews::of_slides(&package, &mut graph, limits);
    let carried = carried::markup(&part.job.names, &sheets, &mut findings);
    let mut document = Document {
        package: &package,
        graph,
        family,
        part: &part,
        names: Names::new(),
        additions,
        slide_previews,
        note_boxes,
        words: HashMap::new(),
        titles: HashMap::new(),
        sheets,
        lost_pivots,
        carried,
        known: Known::default(),
        learnt: HashMap::new(),
    };
    let mut account = Account::new(&mut findings);
    document.learn()?;
    let held = document.hold_optional(&mut account)?;
    for controls::Drawn { drawing, count, place } in drawn {
        let is_broken = matches!(held.get(&drawing), Some(Held::Broken));
        let reason = if is_broken { Reason::Controls } else { Reason::ControlsDrawn };
        account.findings.add_many(reason, count, place);
    }
    let order = document.reached(&held);
    let pictures = Pictures::number(&document.graph.pictures, &package);

    let mut out = Encoder::new(form, family, detected(family, &content_type), limits)?;
    out.office(&OfficeHeader {
        variant: facts::variant(&content_type),
        producer: facts.producer,
        version: facts.version,
        title: facts.title,
        parts: u32::try_from(order.len()).unwrap_or(u32::MAX),
    })?;
    for number in &order {
        if let Some(node) = document.graph.nodes.get(*number) {
            out.part(&document.header(node, &order, &pictures))?;
        }
    }
    document.words = pictures.write(&package, &part, fonts, account.findings, &mut out)?;
    let mut held = held;
    for number in &order {
        match held.remove(number) {
            Some(Held::Steps(steps)) => {
                let described = document.described(*number, &order)?;
                out.markup(described.as_ref().unwrap_or(&steps))?;
            }
            Some(Held::Broken) => {}
            None => document.stream(*number, &order, &mut account, &mut out)?,
        }
    }
    account.finish();
    let (embedded, objects) = (part.job.office.embedded, &document.graph.objects);
    objects::write(&package, objects, embedded, limits, &mut out, spill, &mut findings)?;
    for finding in findings.into_vec() {
        out.finding(&finding)?;
    }
    out.opened(part.opened);
    out.finish()?;
    Ok(())
}

/// The parts that are in no order: they do not cross.
fn gone(order: &[usize], graph: &Graph) -> HashMap<usize, Held> {
    (0..graph.nodes.len()).filter(|node| order.binary_search(node).is_err()).map(|node| (node, Held::Broken)).collect()
}

/// What became of an optional part.
enum Held {
    Steps(Vec<Markup>),
    Broken,
}

struct Document<'a> {
    package: &'a Package<'a>,
    graph: Graph,
    family: Kind,
    part: &'a Part<'a>,
    names: Names,
    /// Markup to be added to drawings, by their nodes.
    additions: HashMap<usize, String>,
    /// Relationships to pictures of objects, by slide and shape.
    slide_previews: HashMap<(usize, String), String>,
    /// The boxes of notes by their cells, by the part of the notes.
    note_boxes: HashMap<usize, HashMap<String, NoteBox>>,
    /// What drawings among the pictures say in words, by their numbers.
    words: HashMap<usize, String>,
    /// What a person calls a part, by its node.
    titles: HashMap<usize, String>,
    sheets: Sheets,
    lost_pivots: bool,
    /// Names of the workbook that its own markup lacks.
    carried: String,
    /// What parts give numbers to, for others to name.
    known: Known,
    /// Parts that were read for those numbers and need not be read again.
    learnt: HashMap<usize, Learnt>,
}

impl Document<'_> {
    /// Reads the parts that the document can do without. Where one of them is broken, those that name it are read again.
    fn hold_optional(&mut self, account: &mut Account<'_>) -> Result<HashMap<usize, Held>, Error> {
        let mut held: HashMap<usize, Held> = HashMap::new();
        let mut told: HashMap<usize, Vec<Finding>> = HashMap::new();
        let mut left = MAX_HELD_IN_ALL;
        let reached = self.reached(&held);
        let mut waiting: Vec<usize> = reached.into_iter().filter(|number| self.is_held(*number, &mut left)).collect();
        while let Some(number) = waiting.pop() {
            if matches!(held.get(&number), Some(Held::Broken)) {
                continue;
            }
            if let Some(Learnt { steps, findings, .. }) = self.learnt(number, &held) {
                held.insert(number, Held::Steps(steps));
                told.insert(number, findings);
                continue;
            }
            let mut own = Findings::new(self.part.job.limits.findings);
            let mut steps = Vec::new();
            let mut inner = Account::new(&mut own);
            let lowered = self.lower(number, &held, &mut inner, &mut |more| {
                steps.append(more);
                Ok(())
            });
            match lowered {
                Ok(_) => {
                    held.insert(number, Held::Steps(steps));
                    inner.finish();
                }
                Err(Fault::Broken) => {
                    held.insert(number, Held::Broken);
                    let name = self.graph.nodes.get(number).map_or("", |node| node.name.as_str());
                    account.add(Reason::UnknownContent, relationships::file_name(name));
                    // A pivot table beside broken data is damage to Excel.
                    for other in pivots::leaning_on(number, &self.graph) {
                        self.lost_pivots = true;
                        if held.insert(other, Held::Broken).is_none_or(|was| matches!(was, Held::Steps(_))) {
                            told.remove(&other);
                            let node = self.graph.nodes.get(other);
                            if let Some(node) = node.filter(|node| node.kind.name() == "PivotTablePart") {
                                let place = relationships::file_name(node.name.trim_end_matches(".xml"));
                                account.add(Reason::PivotData, place);
                            }
                        }
                    }
                    // Each part breaks at most once, so this comes to an end.
                    let names_it = |node: &Node| node.links.iter().any(|(_, target)| *target == Target::Part(number));
                    let again =
                        self.graph.nodes.iter().enumerate().filter(|(_, node)| names_it(node)).map(|(at, _)| at);
                    waiting.extend(again.filter(|at| matches!(held.get(at), Some(Held::Steps(_)))));
                }
                Err(Fault::Fatal(error)) => return Err(error),
            }
            told.insert(number, own.into_vec());
        }
        let mut told: Vec<(usize, Vec<Finding>)> = told.into_iter().collect();
        told.sort_unstable_by_key(|(number, _)| *number);
        for finding in told.into_iter().flat_map(|(_, findings)| findings) {
            account.findings.add_many(finding.reason, finding.count, finding.place);
        }
        Ok(held)
    }

    /// Whether a part is read beforehand, which takes of the bytes that are left for all of them.
    fn is_held(&self, number: usize, left: &mut u64) -> bool {
        let Some(node) = self.graph.nodes.get(number) else { return false };
        let bytes = self.package.part_bytes(&node.name);
        let is_held = !ESSENTIAL.contains(&node.kind.name()) && bytes <= MAX_HELD_BYTES.min(*left);
        if is_held {
            *left = left.saturating_sub(bytes);
        }
        is_held
    }

    /// The parts to which relationships lead that cross, in the order of their numbers in the form.
    fn reached(&self, held: &HashMap<usize, Held>) -> Vec<usize> {
        let mut reached = vec![false; self.graph.nodes.len()];
        let mut waiting = vec![0];
        while let Some(next) = waiting.pop() {
            match reached.get_mut(next) {
                Some(seen) if !*seen && !matches!(held.get(&next), Some(Held::Broken)) => *seen = true,
                _ => continue,
            }
            let links = self.graph.nodes.get(next).map(|node| node.links.as_slice()).unwrap_or_default();
            waiting.extend(links.iter().filter_map(|(_, target)| match target {
                Target::Part(number) => Some(*number),
                Target::Picture(_) | Target::Link(_) | Target::Location(_) => None,
            }));
        }
        reached.iter().enumerate().filter(|(_, seen)| **seen).map(|(number, _)| number).collect()
    }

    fn header(&self, node: &Node, order: &[usize], pictures: &Pictures) -> PartHeader {
        let number = |node: usize| order.binary_search(&node).ok().and_then(|at| u32::try_from(at).ok());
        let relationships = node.links.iter().filter_map(|(_, target)| {
            Some(match target {
                Target::Part(part) => Relationship::Part(number(*part)?),
                Target::Picture(picture) => Relationship::Picture(pictures.of(*picture)),
                Target::Link(url) => Relationship::Link(url.clone()),
                Target::Location(location) => Relationship::Location(location.clone()),
            })
        });
        // Those that no markup names come last.
        let headers = node.headers.iter().map(|header| {
            let picture = usize::try_from(header.picture).map_or(u32::MAX, |picture| pictures.of(picture));
            Relationship::Header(HeaderPicture { picture, ..*header })
        });
        PartHeader { kind: node.kind, relationships: relationships.chain(headers).collect() }
    }

    /// The steps of a part that was read before its pictures were drawn, with the words of those that have some; nothing where none
    /// has, or where the words do not fit.
    fn described(&mut self, number: usize, order: &[usize]) -> Result<Option<Vec<Markup>>, Error> {
        let links = self.graph.nodes.get(number).map(|node| node.links.as_slice()).unwrap_or_default();
        let has_words =
            |target: &Target| matches!(target, Target::Picture(picture) if self.words.contains_key(picture));
        if !links.iter().any(|(_, target)| has_words(target)) {
            return Ok(None);
        }
        // What it has to tell was told when it was read first.
        let mut own = Findings::new(0);
        let mut steps = Vec::new();
        let lowered = self.lower(number, &gone(order, &self.graph), &mut Account::new(&mut own), &mut |more| {
            steps.append(more);
            Ok(())
        });
        match lowered {
            Ok(_) => Ok(Some(steps)),
            Err(Fault::Broken) => Ok(None),
            Err(Fault::Fatal(error)) => Err(error),
        }
    }

    /// Reads an essential part into the form as it comes.
    fn stream<W: Write>(
        &mut self,
        number: usize,
        order: &[usize],
        account: &mut Account<'_>,
        out: &mut Encoder<W>,
    ) -> Result<(), Error> {
        let gone = gone(order, &self.graph);
        if let Some(Learnt { steps, findings, .. }) = self.learnt(number, &gone) {
            for finding in findings {
                account.findings.add_many(finding.reason, finding.count, finding.place);
            }
            return Ok(out.markup(&steps)?);
        }
        let lowered = self.lower(number, &gone, account, &mut |steps| Ok(out.markup(steps)?));
        lowered.map(drop).map_err(|fault| match fault {
            Fault::Broken => Reason::Malformed.into(),
            Fault::Fatal(error) => error,
        })
    }

    fn lower(
        &mut self,
        number: usize,
        held: &HashMap<usize, Held>,
        account: &mut Account<'_>,
        out: lower::Out<'_>,
    ) -> Result<Told, Fault> {
        let node = self.graph.nodes.get(number).ok_or(Fault::Broken)?;
        let is_gone =
            |target: &Target| matches!(target, Target::Part(part) if matches!(held.get(part), Some(Held::Broken)));
        let crossing = node.links.iter().filter(|(_, target)| !is_gone(target));
        let places =
            crossing.clone().enumerate().filter_map(|(at, (id, _))| Some((id.clone(), u32::try_from(at).ok()?)));
        let leads = |target: &Target| match target {
            Target::Part(part) => Some(office::Target::Part(self.graph.nodes.get(*part)?.kind)),
            Target::Picture(_) => Some(office::Target::Picture),
            Target::Link(_) => Some(office::Target::Link),
            Target::Location(_) => Some(office::Target::Location),
        };
        let words = crossing.clone().zip(0_u32..).filter_map(|((_, target), place)| match target {
            Target::Picture(picture) => Some((place, self.words.get(picture)?.as_str())),
            Target::Part(_) | Target::Link(_) | Target::Location(_) => None,
        });
        let leading: Option<Vec<office::Target>> = crossing.clone().map(|(_, target)| leads(target)).collect();
        let context = Context {
            family: self.family,
            kind: node.kind,
            places: &places.collect(),
            targets: &leading.unwrap_or_default(),
            words: &words.collect(),
            title: self.titles.get(&number).cloned().unwrap_or_else(|| title(node)),
            sheets: &self.sheets,
            lost_pivots: self.lost_pivots,
            carried: if number == 0 { &self.carried } else { "" },
            addition: self.additions.get(&number).map_or("", String::as_str),
            drawing: node.drawing.as_deref(),
            note_boxes: self.note_boxes.get(&number),
            has_header_pictures: !node.headers.is_empty(),
            known: &self.known,
            preview: &|shape| self.slide_previews.get(&(number, shape.to_owned())).cloned(),
            limits: &self.part.job.limits,
            names: &self.names,
        };
        let mut told = match self.package.part(&node.name)? {
            Some(bytes) => lower::lower(bytes, &context, account, out)?,
            None => {
                let own = previews::empty_drawing(&node.name).ok_or(Fault::Broken)?;
                lower::lower(own.as_bytes(), &context, account, out)?
            }
        };
        let targets: Vec<&Target> = crossing.map(|(_, target)| target).collect();
        for (place, name) in std::mem::take(&mut told.members) {
            let target = usize::try_from(place).ok().and_then(|place| targets.get(place));
            if let Some(Target::Part(part)) = target {
                self.titles.insert(*part, name);
            }
        }
        Ok(told)
    }
}

/// The modules of a project of macros: the streams of its file (MS-OVBA, section 2.2.1) that are not its own bookkeeping.
fn macro_modules(package: &Package<'_>, part: &str) -> Place {
    let bytes = package.read(part, MAX_PROJECT_BYTES).ok().flatten().unwrap_or_default();
    let is_own = |name: &str| {
        name.starts_with("__SRP_")
            || matches!(name, "Root Entry" | "VBA" | "dir" | "_VBA_PROJECT" | "PROJECT" | "PROJECTwm" | "PROJECTlk")
            || name.starts_with(|c: char| c.is_control())
    };
    let names = crate::detect::stream_names(&bytes);
    let mut modules: Vec<&str> = Vec::new();
    for name in names.iter().map(String::as_str).filter(|name| !is_own(name)) {
        if !modules.contains(&name) && modules.len() < MAX_MODULES {
            modules.push(name);
        }
    }
    if modules.is_empty() { relationships::file_name(part) } else { Place::new(&modules.join(", ")) }
}

/// What a person calls a part that has no name of its own.
fn title(node: &Node) -> String {
    if node.kind.name() == "MainDocumentPart" {
        return String::new();
    }
    let file = node.name.rsplit('/').next().unwrap_or_default();
    file.trim_end_matches(".xml").to_owned()
}

/// The part that the package opens with. Two of them would be two documents.
fn main_part(package: &Package<'_>, relations: &[relationships::Relation]) -> Result<String, Error> {
    let mut mains = relations.iter().filter(|relation| relation.tail() == "officeDocument" && !relation.is_external);
    let main = mains.next().ok_or(Reason::UnsupportedType)?;
    let name = relationships::resolved("", &main.target).ok_or(Reason::Malformed)?;
    if mains.any(|other| relationships::resolved("", &other.target).as_ref() != Some(&name)) {
        return Err(Reason::AmbiguousStructure.into());
    }
    if package.has(&name) { Ok(name) } else { Err(Reason::Malformed.into()) }
}

/// What sort of document it is, by the first element of its main part.
fn family(package: &Package<'_>, main: &str) -> Result<Kind, Error> {
    if main.ends_with(".bin") {
        return Err(Reason::UnsupportedType.into());
    }
    let part = package.part(main)?.ok_or(Reason::Malformed)?;
    let mut xml = xml::open(part)?;
    let mut buffer = Vec::new();
    loop {
        match xml::next(&mut xml, &mut buffer)? {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                return match tag.local_name().as_ref() {
                    "document" => Ok(Kind::Flow),
                    "workbook" => Ok(Kind::Sheet),
                    "presentation" => Ok(Kind::Slides),
                    _ => Err(Reason::UnsupportedType.into()),
                };
            }
            quick_xml::events::Event::Eof => return Err(Reason::Malformed.into()),
            _ => {}
        }
    }
}

fn detected(family: Kind, content_type: &str) -> DetectedType {
    let macros = content_type.contains("macroenabled");
    DetectedType::lossy(match (family, macros) {
        (Kind::Sheet, false) => "xlsx",
        (Kind::Sheet, true) => "xlsm",
        (Kind::Slides, false) => "pptx",
        (Kind::Slides, true) => "pptm",
        (_, false) => "docx",
        (_, true) => "docm",
    })
}

/// Parts without which a document is not the document that it was.
const ESSENTIAL: &[&str] = &[
    "MainDocumentPart",
    "StyleDefinitionsPart",
    "NumberingDefinitionsPart",
    "HeaderPart",
    "FooterPart",
    "FootnotesPart",
    "EndnotesPart",
    "WorkbookPart",
    "WorksheetPart",
    "ChartsheetPart",
    "SharedStringTablePart",
    "WorkbookStylesPart",
    "PresentationPart",
    "SlidePart",
    "SlideLayoutPart",
    "SlideMasterPart",
];
const MAX_PROJECT_BYTES: u64 = 64 * 1024 * 1024;
const MAX_MODULES: usize = 20;
/// Optional parts of more bytes stream as well.
const MAX_HELD_BYTES: u64 = 4 * 1024 * 1024;
/// All parts that are held together: their steps take some ten times as many bytes.
const MAX_HELD_IN_ALL: u64 = 16 * 1024 * 1024;
