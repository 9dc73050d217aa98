//! Bakes the vocabulary of Office documents into static tables, so that a room finds them in the executable's read-only pages.
//!
//! `schema/ooxml.tsv` is ours and fixed; whatever is wrong with it stops the build.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a build script over our own file: a failure is a failed build"
)]

#[path = "schema/content_model.rs"]
mod content_model;
#[path = "schema/key.rs"]
mod key;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use content_model::{Automaton, Particle};

fn main() {
    println!("cargo::rerun-if-changed=schema/ooxml.tsv");
    println!("cargo::rerun-if-changed=schema/content_model.rs");
    println!("cargo::rerun-if-changed=schema/key.rs");
    let source = fs::read_to_string("schema/ooxml.tsv").expect("schema/ooxml.tsv");
    let out = env::var("OUT_DIR").expect("OUT_DIR");
    fs::write(Path::new(&out).join("schema.rs"), Tables::of(&source).rust()).expect("schema.rs");
}

/// Everything as numbers into one string and a few arrays: no pointers, so nothing to relocate at start.
#[derive(Default)]
struct Tables {
    strings: String,
    known_strings: HashMap<String, (usize, usize)>,
    namespaces: Vec<String>,
    types: Vec<String>,
    children: Vec<usize>,
    children_by_name: Vec<usize>,
    child_keys: Vec<u64>,
    attributes: Vec<String>,
    attributes_by_name: Vec<usize>,
    attribute_keys: Vec<u64>,
    values: Vec<String>,
    known_values: HashMap<Vec<String>, (usize, usize)>,
    transitions: Vec<u8>,
    accepting: Vec<u8>,
    known_models: HashMap<(String, Vec<usize>), (usize, usize, usize)>,
    parts: Vec<String>,
}

impl Tables {
    fn of(source: &str) -> Tables {
        let mut tables = Tables::default();
        let lines: Vec<Vec<&str>> = source.lines().map(|line| line.split('\t').collect()).collect();
        let names: Vec<(&str, &str)> = lines
            .iter()
            .filter(|line| line[0] == "T")
            .map(|line| line[1].split_once('/').unwrap().1.split_once(':').unwrap())
            .collect();
        let namespaces: HashMap<&str, usize> =
            lines.iter().filter(|line| line[0] == "N").enumerate().map(|(index, line)| (line[1], index)).collect();
        let mut edges: Vec<Vec<usize>> = Vec::new();
        let mut own: Vec<Vec<usize>> = Vec::new();
        for line in lines.iter().filter(|line| line[0] == "T") {
            let (children, used) = tables.add_type(line, &names, &namespaces);
            edges.push(children);
            own.push(used);
        }
        let parts: Vec<&str> = lines.iter().filter(|line| line[0] == "P").map(|line| line[1]).collect();
        assert!(parts.len() <= 128, "more parts than a set of 128 bits holds");
        for line in &lines {
            match line[0] {
                "N" => {
                    let (prefix, uri) = (tables.string(line[1]), tables.string(line[2]));
                    tables.namespaces.push(format!("NamespaceRow {{ prefix: {prefix}, uri: {uri} }}"));
                }
                "T" => {}
                "P" => tables.add_part(line, &edges, &own, &parts),
                other => panic!("unknown line {other}"),
            }
        }
        tables
    }

    fn string(&mut self, text: &str) -> String {
        let (start, len) = match self.known_strings.get(text) {
            Some(place) => *place,
            None => {
                let place = (self.strings.len(), text.len());
                self.strings.push_str(text);
                self.known_strings.insert(text.to_owned(), place);
                place
            }
        };
        format!("({start}, {len})")
    }

    fn add_type(
        &mut self,
        line: &[&str],
        names: &[(&str, &str)],
        namespaces: &HashMap<&str, usize>,
    ) -> (Vec<usize>, Vec<usize>) {
        let (prefix, local) = names[self.types.len()];
        let particle = Particle::parse(line[3]);
        let children = particle.as_ref().map(Particle::types).unwrap_or_default();
        let (model, accept, states) = match self.known_models.get(&(line[3].to_owned(), children.clone())) {
            Some(place) => *place,
            None => {
                let automaton = Automaton::of(particle.as_ref(), &children);
                let place = (self.transitions.len(), self.accepting.len(), automaton.accepting.len());
                self.transitions.extend(automaton.transitions);
                self.accepting.extend(automaton.accepting.iter().map(|accepts| u8::from(*accepts)));
                self.known_models.insert((line[3].to_owned(), children.clone()), place);
                place
            }
        };
        let mut by_name: Vec<usize> = (0..children.len()).collect();
        by_name.sort_by_key(|child| {
            let (prefix, local) = names[children[*child]];
            (namespaces[prefix], local.as_bytes().to_vec(), *child)
        });
        let first_child = self.children.len();
        self.children.extend(&children);
        self.child_keys.extend(by_name.iter().map(|child| {
            let (prefix, local) = names[children[*child]];
            key::of(u8::try_from(namespaces[prefix]).expect("a vocabulary of one byte"), local)
        }));
        self.children_by_name.extend(by_name);

        let mut used = vec![namespaces[prefix]];
        let first_attribute = self.attributes.len();
        let mut keys = Vec::new();
        for attribute in line[4].split(';').filter(|attribute| !attribute.is_empty()) {
            let fields: Vec<&str> = attribute.splitn(4, ',').collect();
            let (prefix, local) = fields[0].split_once(':').unwrap();
            used.push(namespaces[prefix]);
            let key = key::of(u8::try_from(namespaces[prefix]).expect("a vocabulary of one byte"), local);
            keys.push((key, local.as_bytes().to_vec(), keys.len()));
            let kind = self.attribute_kind(fields[1], fields[3]);
            let name = self.string(local);
            self.attributes.push(format!(
                "AttributeRow {{ name: {name}, namespace: {}, required: {}, kind: {kind} }}",
                namespaces[prefix],
                fields[2] == "1",
            ));
        }
        assert!(keys.len() <= 128, "{} has more attributes than a set of 128 bits holds", line[1]);
        keys.sort();
        self.attribute_keys.extend(keys.iter().map(|key| key.0));
        self.attributes_by_name.extend(keys.iter().map(|key| key.2));
        let text = match line[2] {
            "-" => "None",
            "T" => "Plain",
            "K" => "Token",
            "X" => "Formula",
            "G" => "Field",
            "C" => "NumberFormat",
            other => panic!("unknown kind of text {other}"),
        };
        let name = self.string(local);
        self.types.push(format!(
            "TypeRow {{ name: {name}, namespace: {}, text: TextKind::{text}, children: ({first_child}, {}), attributes: \
             ({first_attribute}, {}), model: {model}, accept: {accept}, states: {states} }}",
            namespaces[prefix],
            children.len(),
            keys.len(),
        ));
        (children, used)
    }

    fn attribute_kind(&mut self, kind: &str, argument: &str) -> String {
        match kind {
            "B" => "AttributeKind::Boolean".to_owned(),
            "V" => "AttributeKind::VmlBoolean".to_owned(),
            "I" => {
                let (low, high) = argument.split_once("..").unwrap();
                format!("AttributeKind::Integer {{ low: {low}, high: {high} }}")
            }
            "F" => "AttributeKind::Decimal".to_owned(),
            "E" => {
                let all: Vec<String> = argument.split('|').map(str::to_owned).collect();
                let (first, len) = match self.known_values.get(&all) {
                    Some(place) => *place,
                    None => {
                        let first = self.values.len();
                        for value in &all {
                            let value = self.string(value);
                            self.values.push(value);
                        }
                        self.known_values.insert(all.clone(), (first, all.len()));
                        (first, all.len())
                    }
                };
                format!("AttributeKind::Enumeration {{ first: {first}, len: {len} }}")
            }
            "H" => "AttributeKind::Hexadecimal".to_owned(),
            "D" => "AttributeKind::DateTime".to_owned(),
            "L" => "AttributeKind::List".to_owned(),
            "M" => "AttributeKind::Measure".to_owned(),
            "R" => "AttributeKind::Relationship".to_owned(),
            "K" => format!("AttributeKind::Token {{ longest: {argument} }}"),
            "S" => format!("AttributeKind::Words {{ longest: {argument} }}"),
            "W" => "AttributeKind::Formula".to_owned(),
            "J" => "AttributeKind::Name".to_owned(),
            "A" => "AttributeKind::Action".to_owned(),
            "G" => "AttributeKind::Field".to_owned(),
            "C" => "AttributeKind::NumberFormat".to_owned(),
            "Y" => "AttributeKind::VmlStyle".to_owned(),
            "Q" => "AttributeKind::VmlPath".to_owned(),
            other => panic!("unknown kind of attribute {other}"),
        }
    }

    fn add_part(&mut self, line: &[&str], edges: &[Vec<usize>], own: &[Vec<usize>], parts: &[&str]) {
        let root: usize = line[6].parse().unwrap();
        let (mut reached, mut waiting) = (vec![false; edges.len()], vec![root]);
        let mut namespaces = 0_u128;
        while let Some(next) = waiting.pop() {
            if !std::mem::replace(&mut reached[next], true) {
                waiting.extend(&edges[next]);
                namespaces |= own[next].iter().map(|namespace| 1_u128 << namespace).fold(0, |all, one| all | one);
            }
        }
        let (pictures, others): (Vec<&str>, Vec<&str>) =
            line[7].split(' ').filter(|name| !name.is_empty()).partition(|name| *name == "ImagePart");
        let refers = others.iter().map(|name| 1_u128 << parts.iter().position(|part| part == name).expect("a part"));
        let refers = refers.fold(0, |all, one| all | one);
        let fields: Vec<String> = [1, 2, 3, 4, 5].iter().map(|field| self.string(line[*field])).collect();
        self.parts.push(format!(
            "PartRow {{ name: {}, relationship: {}, content_type: {}, directory: {}, stem: {}, root: {root}, namespaces: \
             {namespaces}, refers: {refers}, pictures: {} }}",
            fields[0],
            fields[1],
            fields[2],
            fields[3],
            fields[4],
            !pictures.is_empty(),
        ));
    }

    fn rust(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "static STRINGS: &str = {:?};", self.strings);
        table(&mut out, "NAMESPACES", "NamespaceRow", &self.namespaces);
        table(&mut out, "TYPES", "TypeRow", &self.types);
        table(&mut out, "CHILDREN", "u16", &self.children);
        table(&mut out, "CHILDREN_BY_NAME", "u16", &self.children_by_name);
        table(&mut out, "CHILD_KEYS", "u64", &self.child_keys);
        table(&mut out, "ATTRIBUTES", "AttributeRow", &self.attributes);
        table(&mut out, "ATTRIBUTES_BY_NAME", "u8", &self.attributes_by_name);
        table(&mut out, "ATTRIBUTE_KEYS", "u64", &self.attribute_keys);
        table(&mut out, "VALUES", "(u32, u16)", &self.values);
        table(&mut out, "TRANSITIONS", "u8", &self.transitions);
        table(&mut out, "ACCEPTING", "u8", &self.accepting);
        table(&mut out, "PARTS", "PartRow", &self.parts);
        out
    }
}

fn table(out: &mut String, name: &str, of: &str, rows: &[impl std::fmt::Display]) {
    let _ = write!(out, "static {name}: [{of}; {}] = [", rows.len());
    for row in rows {
        let _ = write!(out, "{row},");
    }
    out.push_str("];\n");
}
