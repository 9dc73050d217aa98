//! `docs/office-grammar.md` and the vocabulary as rules for files, read by themselves: nothing here knows the writer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::members;
use super::xml::{Event, events};

const PAGE: &str = include_str!("../../../../docs/office-grammar.md");
const VOCABULARY: &str = include_str!("../../../form/schema/ooxml.tsv");
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const OF_PARTS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const COMPATIBILITY: &str = "http://schemas.openxmlformats.org/markup-compatibility/2006";
const SHEET: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// A part as the page lists it.
pub struct Part {
    pub pattern: String,
    root: String,
    pub content_type: String,
    pub relationship: String,
}

pub struct Grammar {
    pub parts: Vec<Part>,
    pub content_types: BTreeSet<String>,
    pub relationships: BTreeSet<String>,
    /// Prefix of each namespace.
    pub namespaces: BTreeMap<String, String>,
    /// Of each family what choices may ask for.
    required: HashMap<String, String>,
    types: Vec<Type>,
}

struct Type {
    /// `prefix:name`.
    name: String,
    children: Vec<usize>,
    attributes: HashMap<String, (char, String)>,
    has_text: bool,
}

/// What the files that were checked had.
#[derive(Default, Debug)]
pub struct Seen {
    pub types: BTreeSet<usize>,
    pub content_types: BTreeSet<String>,
    pub relationships: BTreeSet<String>,
    pub outside: usize,
    pub boxes: usize,
    pub choices: usize,
}

type Checked<T = ()> = Result<T, String>;

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect()
}

/// The rows of the table with that head.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(&format!("\n{head}\n")).unwrap_or_else(|| panic!("no table {head}"));
    rest.lines().skip(1).take_while(|line| line.starts_with('|')).map(cells).collect()
}

impl Grammar {
    pub fn published() -> Grammar {
        let parts: Vec<Part> = table("| part | root | content type | relationship |")
            .into_iter()
            .map(|row| Part {
                pattern: row[0].to_owned(),
                root: row[1].to_owned(),
                content_type: row[2].to_owned(),
                relationship: row[3].to_owned(),
            })
            .collect();
        let mut content_types: BTreeSet<String> = parts.iter().map(|part| part.content_type.clone()).collect();
        content_types.extend(table("| content type |").iter().map(|row| row[0].to_owned()));
        content_types.extend(table("| content type | of |").iter().map(|row| row[0].to_owned()));
        let mut relationships: BTreeSet<String> = parts.iter().map(|part| part.relationship.clone()).collect();
        relationships.extend(table("| relationship | leads to |").iter().map(|row| row[0].to_owned()));
        let namespaces =
            table("| prefix | namespace |").iter().map(|row| (row[1].to_owned(), row[0].to_owned())).collect();
        let required = table("| in | `Requires` |").iter().map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
        Grammar { parts, content_types, relationships, namespaces, required, types: types() }
    }

    /// Whether a file holds only what is listed.
    pub fn check(&self, file: &[u8], seen: &mut Seen) -> Checked {
        let members = members(file);
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        if names.first() != Some(&"[Content_Types].xml") || names.get(1) != Some(&"_rels/.rels") {
            return Err(format!("the file begins with {:?}", &names[..2]));
        }
        let mut lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        lower.sort();
        lower.dedup();
        if lower.len() != names.len() {
            return Err("a name that stands twice".to_owned());
        }
        let types = self.content_types(&members[0].1, &names, seen)?;
        for (name, data) in &members {
            self.member(name, data, &members, &types, seen).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// The content type of each member that has one of its own.
    fn content_types(&self, data: &[u8], names: &[&str], seen: &mut Seen) -> Checked<HashMap<String, String>> {
        let mut own = HashMap::new();
        for event in events(data)? {
            let Event::Open(name, attributes) = event else { continue };
            let value = |key: &str| attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone());
            match (name, value("Extension"), value("PartName"), value("ContentType")) {
                ("Types", None, None, None) => {}
                ("Default", Some(_), None, Some(listed)) | ("Override", None, Some(_), Some(listed)) => {
                    if !self.content_types.contains(&listed) {
                        return Err(format!("content type {listed}"));
                    }
                    seen.content_types.insert(listed.clone());
                    if let Some(part) = value("PartName") {
                        let part = part.strip_prefix('/').ok_or("a name without a slash")?.to_owned();
                        if !names.contains(&part.as_str()) {
                            return Err(format!("a type for {part}, which is not there"));
                        }
                        own.insert(part, listed);
                    }
                }
                other => return Err(format!("{other:?} among content types")),
            }
        }
        Ok(own)
    }

    fn member(
        &self,
        name: &str,
        data: &[u8],
        members: &[(String, Vec<u8>)],
        types: &HashMap<String, String>,
        seen: &mut Seen,
    ) -> Checked {
        if name == "[Content_Types].xml" {
            return Ok(());
        }
        if let Some(of) = name.strip_suffix(".rels") {
            let (directory, of) = of.split_once("_rels/").ok_or("a place for relationships")?;
            let there = of.is_empty() || members.iter().any(|(known, _)| *known == format!("{directory}{of}"));
            return if there {
                self.relationships(directory, data, members, seen).map(drop)
            } else {
                Err("of nothing".into())
            };
        }
        if name.contains("/media/image") {
            return picture(name, data);
        }
        if name.starts_with("xl/drawings/vmlDrawing") {
            seen.boxes += 1;
            return boxes(data);
        }
        if name.starts_with("docProps/") {
            return description(data);
        }
        let own = types.get(name).ok_or("no content type")?;
        let main = own.contains("main+xml");
        let fits = |part: &&Part| {
            matches(&part.pattern, name)
                && (part.content_type == *own || (main && part.content_type.contains("main+xml")))
        };
        let part = self.parts.iter().find(fits).ok_or(format!("no such part: {own}"))?;
        let (directory, file) = name.rsplit_once('/').ok_or("no directory")?;
        let rels = format!("{directory}/_rels/{file}.rels");
        let outside = match members.iter().find(|(known, _)| *known == rels) {
            Some((_, rels)) => self.relationships(&format!("{directory}/"), rels, members, seen)?,
            None => Vec::new(),
        };
        let required = self.required.get(family(name)).ok_or("a family")?;
        self.markup(part, data, required, &outside, seen)
    }

    /// For each relationship whether it leads outside.
    fn relationships(
        &self,
        directory: &str,
        data: &[u8],
        members: &[(String, Vec<u8>)],
        seen: &mut Seen,
    ) -> Checked<Vec<bool>> {
        let mut outside = Vec::new();
        for event in events(data)? {
            let Event::Open(name, attributes) = event else { continue };
            if name == "Relationships" {
                if attributes != [("xmlns", RELATIONSHIPS.to_owned())] {
                    return Err("another namespace".to_owned());
                }
                continue;
            }
            let keys: Vec<&str> = attributes.iter().map(|(key, _)| *key).collect();
            let values: Vec<&str> = attributes.iter().map(|(_, value)| value.as_str()).collect();
            let id = format!("rId{}", outside.len() + 1);
            match (name, &keys[..], &values[..]) {
                ("Relationship", ["Id", "Type", "Target"], [known, kind, target])
                    if *known == id && target.starts_with('#') =>
                {
                    if *kind != format!("{OF_PARTS}/hyperlink") || !directory.ends_with("/drawings/") {
                        return Err(format!("{kind} to a place"));
                    }
                    seen.relationships.insert((*kind).to_owned());
                    // Named by what a reader clicks, as what leads outside is.
                    outside.push(true);
                }
                ("Relationship", ["Id", "Type", "Target"], [known, kind, target]) if *known == id => {
                    let mut path: Vec<&str> = directory.split_terminator('/').collect();
                    for step in target.split('/') {
                        if step == ".." {
                            path.pop().ok_or("a target outside of the package")?;
                        } else {
                            path.push(step);
                        }
                    }
                    let path = path.join("/");
                    if !members.iter().any(|(name, _)| *name == path) {
                        return Err(format!("{target} is not there"));
                    }
                    self.listed_relationship(kind, &path)?;
                    seen.relationships.insert((*kind).to_owned());
                    outside.push(false);
                }
                ("Relationship", ["Id", "Type", "Target", "TargetMode"], [known, kind, target, "External"])
                    if *known == id =>
                {
                    if *kind != format!("{OF_PARTS}/hyperlink") {
                        return Err(format!("{kind} leads outside"));
                    }
                    if !["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
                        return Err(format!("address {target}"));
                    }
                    seen.relationships.insert((*kind).to_owned());
                    seen.outside += 1;
                    outside.push(true);
                }
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(outside)
    }

    /// The type of a relationship is one that is listed for what it leads to.
    fn listed_relationship(&self, kind: &str, target: &str) -> Checked {
        let own = match kind.rsplit_once('/').map(|(_, last)| last) {
            Some("image") => target.contains("/media/image"),
            Some("vmlDrawing") => target.starts_with("xl/drawings/vmlDrawing"),
            Some("core-properties") => target == "docProps/core.xml",
            Some("extended-properties") => target == "docProps/app.xml",
            Some("hyperlink") => false,
            _ => self.parts.iter().any(|part| part.relationship == kind && matches(&part.pattern, target)),
        };
        if own && self.relationships.contains(kind) { Ok(()) } else { Err(format!("{kind} to {target}")) }
    }

    /// A part against the vocabulary. Names have several types where their place tells them apart: all are followed.
    fn markup(&self, part: &Part, data: &[u8], required: &str, outside: &[bool], seen: &mut Seen) -> Checked {
        let mut prefixes: HashMap<String, String> = HashMap::new();
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let mut choices = 0_usize;
        for event in events(data)? {
            match event {
                Event::Open(name @ ("mc:AlternateContent" | "mc:Choice"), attributes) => {
                    for (key, value) in &attributes {
                        match (name, key.strip_prefix("xmlns:")) {
                            ("mc:Choice", Some(prefix)) => {
                                self.declared(prefix, value)?;
                                prefixes.insert(prefix.to_owned(), value.clone());
                            }
                            ("mc:Choice", None)
                                if *key == "Requires"
                                    && prefixes.contains_key(value)
                                    && required.split(' ').any(|known| known == value) => {}
                            _ => return Err(format!("{key} of a choice")),
                        }
                    }
                    choices += 1;
                    seen.choices += 1;
                }
                Event::Close("mc:AlternateContent" | "mc:Choice") => choices -= 1,
                Event::Open(name, attributes) => {
                    if levels.is_empty() {
                        for (key, value) in &attributes {
                            if let Some(prefix) = key.strip_prefix("xmlns") {
                                let prefix = prefix.trim_start_matches(':');
                                self.declared(if prefix.is_empty() { "x" } else { prefix }, value)?;
                                prefixes.insert(prefix.to_owned(), value.clone());
                            }
                        }
                    }
                    let name = self.resolved(name, &prefixes, true)?;
                    let candidates: Vec<usize> = match levels.last() {
                        None => (0..self.types.len())
                            .filter(|at| self.types[*at].name == name && name == part.root)
                            .collect(),
                        Some(parents) => {
                            let all = parents.iter().flat_map(|parent| &self.types[*parent].children);
                            all.copied().filter(|child| self.types[*child].name == name).collect()
                        }
                    };
                    let own: Vec<(String, String)> = attributes
                        .into_iter()
                        .filter(|(key, _)| !key.starts_with("xmlns"))
                        .map(|(key, value)| Ok((self.resolved(key, &prefixes, false)?, value)))
                        .collect::<Checked<_>>()?;
                    let is_boxes = name == "x:legacyDrawing" && part.root == "x:worksheet";
                    let is_header =
                        name == "x:legacyDrawingHF" && ["x:worksheet", "x:chartsheet"].contains(&part.root.as_str());
                    if levels.len() == 1 && (is_boxes || is_header) {
                        levels.push(Vec::new());
                        continue;
                    }
                    let mut fitting = candidates;
                    fitting.retain(|at| own.iter().all(|(key, value)| self.takes(*at, key, value, levels.is_empty())));
                    if fitting.is_empty() {
                        return Err(format!("<{name}> with {own:?}"));
                    }
                    let links = own.iter().filter(|(key, _)| key.starts_with("r:"));
                    for (_, value) in links.filter(|(_, value)| !value.is_empty()) {
                        let place: usize =
                            value.strip_prefix("rId").and_then(|n| n.parse().ok()).ok_or("a relationship")?;
                        let leads_out = *outside.get(place - 1).ok_or("a relationship that is not there")?;
                        let clicked = ["w:hyperlink", "x:hyperlink", "a:hlinkClick"];
                        if leads_out && !clicked.contains(&name.as_str()) {
                            return Err(format!("<{name}> leads outside"));
                        }
                    }
                    seen.types.extend(&fitting);
                    levels.push(fitting);
                }
                Event::Text(_) => {
                    if !levels.last().is_some_and(|types| types.iter().any(|at| self.types[*at].has_text)) {
                        return Err("text where none may be".to_owned());
                    }
                }
                Event::Close(_) => {
                    levels.pop();
                }
            }
        }
        if choices == 0 { Ok(()) } else { Err("a choice without an end".to_owned()) }
    }

    fn declared(&self, prefix: &str, uri: &str) -> Checked {
        let known = if uri == COMPATIBILITY { Some("mc") } else { self.namespaces.get(uri).map(String::as_str) };
        if known == Some(prefix) { Ok(()) } else { Err(format!("xmlns:{prefix}={uri}")) }
    }

    /// A name with the published prefix of its namespace.
    fn resolved(&self, name: &str, prefixes: &HashMap<String, String>, element: bool) -> Checked<String> {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if prefix == "xml" || (prefix.is_empty() && !element) {
            return Ok(name.to_owned());
        }
        let uri = prefixes.get(prefix).ok_or(format!("prefix of {name}"))?;
        let published = if uri == COMPATIBILITY { "mc" } else { &self.namespaces[uri] };
        if prefix.is_empty() && uri != SHEET {
            return Err("another default namespace".to_owned());
        }
        Ok(format!("{published}:{local}"))
    }

    fn takes(&self, of: usize, key: &str, value: &str, root: bool) -> bool {
        if root && key == "mc:Ignorable" {
            let known = |prefix: &str| {
                self.namespaces
                    .iter()
                    .any(|(uri, known)| known == prefix && uri.starts_with("http://schemas.microsoft.com/office/"))
            };
            return value.split(' ').all(known);
        }
        let Some((kind, argument)) = self.types[of].attributes.get(key) else { return false };
        let ascii = |most: usize, also: &str| {
            value.len() <= most && value.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        };
        match kind {
            'B' => matches!(value, "0" | "1"),
            'V' => matches!(value, "t" | "f"),
            'I' => {
                let (low, high) = argument.split_once("..").unwrap();
                let number: Option<i128> = value.parse().ok();
                number.is_some_and(|n| low.parse::<i128>().unwrap() <= n && n <= high.parse::<i128>().unwrap())
            }
            'F' => matches!(value, "INF" | "-INF" | "NaN") || (value.parse::<f64>().is_ok() && ascii(40, "+-.")),
            'E' => argument.split('|').any(|word| word == value),
            'H' => value.len() <= 128 && value.bytes().all(|b| b.is_ascii_hexdigit()),
            'D' => ascii(40, ":+-."),
            'L' => ascii(64 * 1024, " .:$_-,#*%()'!\t\n{}"),
            'M' => ascii(24, ".-+%"),
            'K' => ascii(argument.parse().unwrap(), "._#%+-{}:"),
            'S' => value.chars().count() <= argument.parse().unwrap(),
            'R' => value.is_empty() || value.strip_prefix("rId").is_some_and(|n| n.parse::<u32>().is_ok_and(|n| n > 0)),
            'A' => value.is_empty() || value.starts_with("ppaction://hlinks") || value == "ppaction://noaction",
            // Their grammars have tests of their own; a writer could only break the bounds.
            'J' => !value.contains(['\\', '/', '[', ']', '|', '!', '<', '>', '"']) && value.chars().count() <= 255,
            'G' | 'C' | 'Y' | 'Q' | 'W' => value.len() <= 64 * 1024,
            _ => false,
        }
    }
}

/// The directory of the family that a member belongs to.
fn family(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

fn types() -> Vec<Type> {
    let rows = VOCABULARY.lines().map(|line| line.split('\t').collect::<Vec<_>>()).filter(|row| row[0] == "T");
    rows.map(|row| {
        let mut children = Vec::new();
        // Numbers in braces say how often.
        for piece in
            row[3].split('{').flat_map(|piece| piece.split_once('}').map_or(Some(piece), |(_, after)| Some(after)))
        {
            children.extend(piece.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<usize>().ok()));
        }
        let attributes = row[4].split(';').filter(|each| !each.is_empty()).map(|each| {
            let mut fields = each.splitn(4, ',');
            let name = fields.next().unwrap();
            let kind = fields.next().unwrap().chars().next().unwrap();
            let argument = fields.nth(1).unwrap_or_default();
            (name.trim_start_matches(':').to_owned(), (kind, argument.to_owned()))
        });
        Type {
            name: row[1].split_once('/').unwrap().1.to_owned(),
            children,
            attributes: attributes.collect(),
            has_text: row[2] != "-",
        }
    })
    .collect()
}

/// Whether a name is of the pattern: `*` a family, `#` a number, `[#]` none or one from 2.
fn matches(pattern: &str, name: &str) -> bool {
    let (family, rest) = pattern.split_once('/').unwrap();
    let Some((own, name)) = name.split_once('/') else { return false };
    let (stem, optional) = match rest.strip_suffix("[#].xml") {
        Some(stem) => (stem, true),
        None => (rest.strip_suffix("#.xml").unwrap(), false),
    };
    let Some(number) = name.strip_suffix(".xml").and_then(|name| name.strip_prefix(stem)) else { return false };
    let counted = !number.starts_with('0') && number.parse::<u32>().is_ok_and(|number| !optional || number > 1);
    (family == own || (family == "*" && ["word", "xl", "ppt"].contains(&own)))
        && (counted || (optional && number.is_empty()))
}

fn picture(name: &str, data: &[u8]) -> Checked {
    if name.ends_with(".png") {
        let mut rest = data.strip_prefix(b"\x89PNG\r\n\x1a\n").ok_or("no PNG")?;
        while let [a, b, c, d, kind @ ..] = rest {
            let len = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap();
            if ![b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"].iter().any(|known| kind.starts_with(*known)) {
                return Err("another chunk".to_owned());
            }
            rest = &rest[len + 12..];
        }
        return Ok(());
    }
    let sound = data.starts_with(b"\xFF\xD8") && data.ends_with(b"\xFF\xD9") && name.ends_with(".jpeg");
    if sound { Ok(()) } else { Err("no picture".to_owned()) }
}

fn boxes(data: &[u8]) -> Checked {
    const KNOWN: [&str; 21] = [
        "xml",
        "o:shapelayout",
        "o:idmap",
        "v:shapetype",
        "v:stroke",
        "v:path",
        "v:shape",
        "v:fill",
        "v:shadow",
        "v:textbox",
        "div",
        "x:ClientData",
        "x:MoveWithCells",
        "x:SizeWithCells",
        "x:Anchor",
        "x:AutoFill",
        "x:Row",
        "x:Column",
        "x:Visible",
        "v:imagedata",
        "o:lock",
    ];
    for event in events(data)? {
        match event {
            Event::Open(name, _) if !KNOWN.contains(&name) => return Err(format!("<{name}>")),
            Event::Text(text) if !text.chars().all(|c| c.is_ascii_digit() || ", ".contains(c)) && text != "False" => {
                return Err(text);
            }
            _ => {}
        }
    }
    Ok(())
}

fn description(data: &[u8]) -> Checked {
    for event in events(data)? {
        if let Event::Open(name, _) = event
            && !["cp:coreProperties", "dc:title", "Properties", "Application", "AppVersion"].contains(&name)
        {
            return Err(format!("<{name}>"));
        }
    }
    Ok(())
}
