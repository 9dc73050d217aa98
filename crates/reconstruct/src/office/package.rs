//! The members of a package in the order in which they are written.
//!
//! Content types come first, where programs look that tell files apart; then the pictures, as they come; then each part, what
//! it refers to before it; descriptions of the document last.

use std::collections::BTreeSet;

use form::office::{Markup, OfficeHeader, PartHeader, Producer, Relationship, main_part};
use form::pages::PictureHeader;
use form::{Kind, Reason};

use super::archive::Archive;
use super::headers;
use super::names::{self, Relationships};
use super::notes::Notes;
use super::part::Part;
use super::picture::{Medium, Pictures};
use super::xml::{self, DECLARATION};
use crate::error::Error;

/// A package all of whose parts are known.
pub(super) struct Package<'p, 'o, 'w> {
    kind: Kind,
    header: &'p OfficeHeader,
    parts: &'p [PartHeader],
    names: Vec<String>,
    archive: Archive<'o, 'w>,
    pictures: Pictures,
    /// Number and name of each picture that is written, in order.
    media: Vec<(u32, String)>,
    /// Parts of comments whose boxes a worksheet shows, with the name of the drawing.
    boxes: Vec<(usize, String)>,
    /// How many drawings there are so far of pictures in headers.
    header_drawings: usize,
    /// The first thousand of shapes that no drawing of boxes or headers has used.
    cluster: u32,
    /// How many parts are complete.
    complete: usize,
    part: Option<Part<'p>>,
    /// XML that has not gone into the archive.
    xml: Vec<u8>,
}

impl<'p, 'o, 'w> Package<'p, 'o, 'w> {
    pub(super) fn new(
        kind: Kind,
        header: &'p OfficeHeader,
        parts: &'p [PartHeader],
        quality: u8,
        archive: Archive<'o, 'w>,
    ) -> Result<Package<'p, 'o, 'w>, Error> {
        let names = names::of_parts(kind, parts);
        let named: BTreeSet<u32> = parts
            .iter()
            .flat_map(|part| &part.relationships)
            .filter_map(|relationship| match relationship {
                Relationship::Picture(number) => Some(*number),
                Relationship::Header(header) => Some(header.picture),
                Relationship::Part(_) | Relationship::Link(_) | Relationship::Location(_) => None,
            })
            .collect();
        let shown: BTreeSet<usize> = parts.iter().filter_map(|part| names::comments_of(part, parts)).collect();
        let boxes = shown.into_iter().zip(1_u32..);
        let boxes = boxes.map(|(part, number)| (part, format!("xl/drawings/vmlDrawing{number}.vml"))).collect();
        let mut package = Package {
            kind,
            header,
            parts,
            names,
            archive,
            pictures: Pictures::new(named, quality),
            media: Vec::new(),
            boxes,
            header_drawings: 0,
            cluster: 1,
            complete: 0,
            part: None,
            xml: Vec::with_capacity(XML_BYTES.saturating_mul(2)),
        };
        package.begin()?;
        Ok(package)
    }

    /// Takes the next picture, whose pixels follow.
    pub(super) fn picture(&mut self, header: PictureHeader) -> Result<(), Error> {
        self.pictures.begin(header)
    }

    /// Takes more rows of the picture.
    pub(super) fn pixels(&mut self, rows: &[u8]) -> Result<(), Error> {
        if let Some(Medium { number, extension, data }) = self.pictures.pixels(rows)? {
            let place = self.media.len().saturating_add(1);
            let name = format!("{}/media/image{place}.{extension}", names::family(self.kind));
            self.archive.stored(&name, &data)?;
            self.media.push((number, name));
        }
        Ok(())
    }

    /// Takes more steps of the parts.
    pub(super) fn markup(&mut self, steps: &[Markup]) -> Result<(), Error> {
        let mut steps = steps.iter();
        while !steps.as_slice().is_empty() {
            let mut part = match self.part.take() {
                Some(part) => part,
                None => self.begin_part()?,
            };
            let mut is_over = false;
            for step in steps.by_ref() {
                is_over = part.step(step, &mut self.xml)?;
                if is_over {
                    break;
                }
                if self.xml.len() >= XML_BYTES {
                    part.declare(false, &mut self.xml);
                    self.flush()?;
                }
            }
            if is_over {
                self.end_part(part)?;
            } else {
                self.part = Some(part);
            }
        }
        Ok(())
    }

    /// Writes what describes the document, and the end of the file.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.archive.text("docProps/core.xml", &core(self.header))?;
        self.archive.text("docProps/app.xml", &app(self.kind, self.header))?;
        self.archive.finish()
    }

    fn begin(&mut self) -> Result<(), Error> {
        let main = main_part(self.kind).ok_or(Reason::FormInvalid)?;
        let name = self.names.first().ok_or(Reason::FormInvalid)?;
        let types = names::content_types(self.kind, self.header.variant, self.parts.iter().zip(&self.names));
        let mut relationships = Relationships::new();
        relationships.inside(main.relationship_type(), name);
        relationships.inside(names::CORE, "docProps/core.xml");
        relationships.inside(names::APP, "docProps/app.xml");
        self.archive.text("[Content_Types].xml", &types)?;
        self.archive.text("_rels/.rels", &relationships.finish())
    }

    fn begin_part(&mut self) -> Result<Part<'p>, Error> {
        let header = self.parts.get(self.complete).ok_or(Reason::FormInvalid)?;
        let name = &self.names.get(self.complete).ok_or(Reason::FormInvalid)?.clone();
        let (mut relationships, mut pictured) = (Relationships::new(), Vec::new());
        for relationship in &header.relationships {
            match relationship {
                Relationship::Part(number) => {
                    let number = usize::try_from(*number).unwrap_or(usize::MAX);
                    let (target, named) =
                        self.parts.get(number).zip(self.names.get(number)).ok_or(Reason::FormInvalid)?;
                    relationships.inside(target.kind.relationship_type(), &names::relative(name, named));
                }
                Relationship::Picture(number) => {
                    let medium = self.medium(*number)?;
                    relationships.inside(names::IMAGE, &names::relative(name, medium));
                }
                Relationship::Link(url) => relationships.outside(url.as_str()),
                Relationship::Location(location) => relationships.location(location.as_str()),
                // They come last, and all of them are in one drawing.
                Relationship::Header(header) => pictured.push(*header),
            }
        }
        let header_drawing = if pictured.is_empty() {
            None
        } else {
            self.header_drawings = self.header_drawings.saturating_add(1);
            // Behind those of notes.
            let number = self.boxes.len().saturating_add(self.header_drawings);
            let drawing = format!("xl/drawings/vmlDrawing{number}.vml");
            let mut pictures = Relationships::new();
            for header in &pictured {
                pictures.inside(names::IMAGE, &names::relative(&drawing, self.medium(header.picture)?));
            }
            let shapes = headers::drawing(&pictured, &mut self.cluster);
            self.archive.text(&names::of_relationships(&drawing), &pictures.finish())?;
            self.archive.text(&drawing, &shapes)?;
            Some(relationships.inside(names::VML_DRAWING, &names::relative(name, &drawing)))
        };
        let comments = names::comments_of(header, self.parts);
        let boxes = self.boxes.iter().find(|(part, _)| Some(*part) == comments);
        let boxes = boxes.map(|(_, drawing)| relationships.inside(names::VML_DRAWING, &names::relative(name, drawing)));
        if boxes.is_some() || !header.relationships.is_empty() {
            self.archive.text(&names::of_relationships(name), &relationships.finish())?;
        }
        let is_shown = self.boxes.iter().any(|(part, _)| *part == self.complete);
        self.archive.begin(name.clone());
        Ok(Part::new(header, boxes, header_drawing, is_shown.then(Notes::default)))
    }

    /// The name of the member that is the picture of that number.
    fn medium(&self, number: u32) -> Result<&str, Error> {
        let found = self.media.binary_search_by_key(&number, |(number, _)| *number);
        let (_, medium) = found.ok().and_then(|at| self.media.get(at)).ok_or(Reason::FormInvalid)?;
        Ok(medium)
    }

    fn end_part(&mut self, mut part: Part<'p>) -> Result<(), Error> {
        part.declare(true, &mut self.xml);
        self.flush()?;
        self.archive.end()?;
        if let Some(notes) = part.into_notes()
            && let Some((_, name)) = self.boxes.iter().find(|(part, _)| *part == self.complete)
        {
            self.archive.text(name, &notes.drawing(&mut self.cluster))?;
        }
        self.complete = self.complete.saturating_add(1);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.archive.push(&self.xml)?;
        self.xml.clear();
        Ok(())
    }
}

/// `docProps/app.xml`: LibreOffice lays out by the name of the program.
fn app(kind: Kind, header: &OfficeHeader) -> String {
    let (major, minor) = header.version;
    // Two digits and four, no more (AppVersion in ECMA-376 part 1, section 22.2).
    let office = format!("{}.{minor:04}", major.min(99));
    let (name, version) = match (header.producer, kind) {
        (Producer::Microsoft, Kind::Sheet) => ("Microsoft Excel".to_owned(), office),
        (Producer::Microsoft, Kind::Slides) => ("Microsoft Office PowerPoint".to_owned(), office),
        (Producer::Microsoft, _) => ("Microsoft Office Word".to_owned(), office),
        // LibreOffice has its own version in its name and that of Office as whose peer it writes in the other place.
        (Producer::LibreOffice, _) => (format!("LibreOffice/{major}.{minor}"), "15.0000".to_owned()),
        (Producer::Other, _) => return format!("{DECLARATION}<Properties xmlns=\"{EXTENDED}\"/>"),
    };
    format!(
        "{DECLARATION}<Properties xmlns=\"{EXTENDED}\"><Application>{name}</Application>\
         <AppVersion>{version}</AppVersion></Properties>"
    )
}

/// `docProps/core.xml`: the title. Who made the document and when does not cross.
fn core(header: &OfficeHeader) -> String {
    let mut title = Vec::new();
    xml::text(&mut title, header.title.as_str());
    let title = String::from_utf8_lossy(&title);
    let title = if title.is_empty() { String::new() } else { format!("<dc:title>{title}</dc:title>") };
    format!(
        "{DECLARATION}<cp:coreProperties \
         xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\">{title}</cp:coreProperties>"
    )
}

const EXTENDED: &str = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties";
/// XML that waits for the archive, more or less.
const XML_BYTES: usize = 64 * 1024;
