//! Packages of Office documents made part by part, and what both rooms make of them.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

pub const W: &str = r#"xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main""#;
pub const X: &str = r#"xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main""#;
pub const P: &str = r#"xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main""#;
pub const A: &str = r#"xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main""#;
pub const R: &str = r#"xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;
pub const MC: &str = r#"xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006""#;
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A package in the making.
#[derive(Clone, Default)]
pub struct Package {
    parts: Vec<(String, Vec<u8>)>,
    relations: Vec<(String, String, String, String)>,
    main: (String, String),
}

impl Package {
    /// A document with this content of its body.
    pub fn document(body: &str) -> Package {
        Package::with_main("word/document.xml", DOCUMENT)
            .part("word/document.xml", &format!("<w:document {W} {R} {MC} {A}><w:body>{body}</w:body></w:document>"))
    }

    /// A workbook of one sheet, named 表, with this content.
    pub fn workbook(sheet: &str) -> Package {
        Package::with_main("xl/workbook.xml", WORKBOOK)
            .part(
                "xl/workbook.xml",
                &format!(r#"<workbook {X} {R}><sheets><sheet name="表" sheetId="1" r:id="s1"/></sheets></workbook>"#),
            )
            .relation("xl/workbook.xml", "s1", "worksheet", "worksheets/sheet1.xml")
            .part("xl/worksheets/sheet1.xml", &format!("<worksheet {X} {R} {MC}>{sheet}</worksheet>"))
    }

    pub fn with_main(name: &str, content_type: &str) -> Package {
        Package { main: (name.to_owned(), content_type.to_owned()), ..Package::default() }.relation(
            "",
            "rId1",
            "officeDocument",
            name,
        )
    }

    /// Adds a part, in place of one of that name.
    pub fn part(self, name: &str, content: &str) -> Package {
        self.bytes(name, content.as_bytes())
    }

    pub fn bytes(mut self, name: &str, content: &[u8]) -> Package {
        self.parts.retain(|(known, _)| known != name);
        self.parts.push((name.to_owned(), content.to_vec()));
        self
    }

    /// What a part has.
    pub fn part_text(&self, name: &str) -> String {
        let found = self.parts.iter().find(|(known, _)| known == name).unwrap();
        String::from_utf8(found.1.clone()).unwrap()
    }

    /// Adds a relationship of a part to another.
    pub fn relation(mut self, from: &str, id: &str, kind: &str, target: &str) -> Package {
        let kind = if kind.contains(':') { kind.to_owned() } else { format!("{OFFICE}/{kind}") };
        self.relations.push((
            from.to_owned(),
            id.to_owned(),
            kind,
            format!(r#"Target="{}""#, target.replace('&', "&amp;")),
        ));
        self
    }

    /// Adds a relationship that leads out of the package.
    pub fn external(self, from: &str, id: &str, kind: &str, target: &str) -> Package {
        let mut package = self.relation(from, id, kind, target);
        package.relations.last_mut().unwrap().3.push_str(r#" TargetMode="External""#);
        package
    }

    pub fn zip(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut put = |name: &str, content: &[u8]| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        };
        let (main, content_type) = &self.main;
        let types = "http://schemas.openxmlformats.org/package/2006/content-types";
        let types = format!(
            r#"<Types xmlns="{types}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/{main}" ContentType="{content_type}"/></Types>"#
        );
        put("[Content_Types].xml", types.as_bytes());
        let mut from: Vec<&str> = self.relations.iter().map(|relation| relation.0.as_str()).collect();
        from.sort_unstable();
        from.dedup();
        for part in from {
            let (directory, file) = part.rsplit_once('/').unwrap_or(("", part));
            let slash = if directory.is_empty() { "" } else { "/" };
            let mut rels =
                r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">"#.to_owned();
            for (_, id, kind, target) in self.relations.iter().filter(|relation| relation.0 == part) {
                rels.push_str(&format!(r#"<Relationship Id="{id}" Type="{kind}" {target}/>"#));
            }
            rels.push_str("</Relationships>");
            put(&format!("{directory}{slash}_rels/{file}.rels"), rels.as_bytes());
        }
        for (name, content) in &self.parts {
            put(name, content);
        }
        zip.finish().unwrap().into_inner()
    }
}

/// The parts of a rebuilt package.
pub struct Rebuilt(pub Vec<(String, Vec<u8>)>);

impl Rebuilt {
    pub fn open(bytes: &[u8]) -> Rebuilt {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        let parts = (0..archive.len()).map(|index| {
            let mut part = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            part.read_to_end(&mut content).unwrap();
            (part.name().unwrap().to_string(), content)
        });
        Rebuilt(parts.collect())
    }

    /// The only part whose name has this in it.
    pub fn text(&self, name: &str) -> String {
        let mut found = self.0.iter().filter(|(known, _)| known.contains(name) && !known.contains("_rels"));
        let (_, content) = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.names()));
        String::from_utf8(content.clone()).unwrap()
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether these bytes stand in any part or name.
    pub fn has(&self, needle: &str) -> bool {
        let within = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
        self.0.iter().any(|(name, content)| name.contains(needle) || within(content))
    }
}

pub const DOCUMENT: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
pub const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
pub const PRESENTATION: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml";
