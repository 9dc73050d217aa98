//! PDF files written object by object, and the form that comes of one, taken apart.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

use disarm::{Fonts, run};
use form::codec::{Decoder, Event};
use form::container::Child;
use form::job::DirtyJob;
use form::pages::{CanvasKind, Link, Operation, PageHeader, Path, PictureHeader, TextMode};
use form::{Limits, Reason};

use crate::rooms::dirty_job;

/// A form of pages, taken apart.
#[derive(Debug, Default)]
pub struct Taken {
    pub pages: Vec<(PageHeader, Vec<Operation>)>,
    pub glyph_texts: Vec<String>,
    pub glyph_outlines: Vec<Path>,
    pub pictures: Vec<PictureHeader>,
    pub canvases: Vec<(CanvasKind, Vec<Operation>)>,
    pub gradients: usize,
    pub links: Vec<Link>,
    pub children: Vec<Child>,
    pub spill: Vec<u8>,
    pub findings: Vec<(Reason, u32)>,
}

impl Taken {
    pub fn operations(&self) -> &[Operation] {
        &self.pages[0].1
    }

    pub fn has(&self, reason: Reason) -> bool {
        self.findings.iter().any(|(found, _)| *found == reason)
    }

    /// What the letters of a mode say, in order.
    pub fn text(&self, mode: TextMode) -> String {
        let runs = self.operations().iter().filter_map(|operation| match operation {
            Operation::Text(run, found) if *found == mode => Some(run),
            _ => None,
        });
        let glyphs = runs.flat_map(|run| &run.glyphs);
        glyphs.map(|placed| self.glyph_texts[usize::try_from(placed.glyph).unwrap()].as_str()).collect()
    }

    pub fn count(&self, kind: fn(&Operation) -> bool) -> usize {
        self.operations().iter().filter(|operation| kind(operation)).count()
    }
}

pub fn job() -> DirtyJob {
    dirty_job("a.pdf", &Limits::default())
}

pub fn take(pdf: &[u8]) -> Result<Taken, Reason> {
    take_as(pdf, &job())
}

pub fn take_as(pdf: &[u8], job: &DirtyJob) -> Result<Taken, Reason> {
    take_with(pdf, job, &Fonts::default())
}

pub fn take_with(pdf: &[u8], job: &DirtyJob, fonts: &Fonts) -> Result<Taken, Reason> {
    let mut form = Vec::new();
    let mut taken = Taken::default();
    run(&job.encode(), pdf, fonts, &mut form, &mut taken.spill).map_err(|refused| refused.refusal.reason)?;
    let mut on_page = false;
    let mut decoder = Decoder::new(form.as_slice(), &job.limits).unwrap();
    loop {
        match decoder.next().unwrap() {
            Event::Finding(finding) => taken.findings.push((finding.reason, finding.count)),
            Event::Glyph(glyph) => {
                taken.glyph_texts.push(glyph.text.as_str().to_owned());
                taken.glyph_outlines.push(glyph.outline);
            }
            Event::Picture(header) => taken.pictures.push(header),
            Event::Gradient(_) => taken.gradients += 1,
            Event::Canvas(header) => {
                taken.canvases.push((header.kind, Vec::new()));
                on_page = false;
            }
            Event::Page(header) => {
                taken.pages.push((header, Vec::new()));
                on_page = true;
            }
            Event::Operations(operations) if on_page => taken.pages.last_mut().unwrap().1.extend(operations),
            Event::Operations(operations) => taken.canvases.last_mut().unwrap().1.extend(operations),
            Event::Link(link) => taken.links.push(link),
            Event::Child(child) => taken.children.push(child),
            Event::End => return Ok(taken),
            _ => {}
        }
    }
}

/// A file of numbered objects, the first of which is the catalogue.
pub fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(bytes.len());
        bytes.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        bytes.extend_from_slice(object);
        bytes.extend_from_slice(b"\nendobj\n");
    }
    let table = bytes.len();
    bytes.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        bytes.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let size = objects.len() + 1;
    bytes.extend_from_slice(format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    bytes
}

pub fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut object = format!("<<{dictionary}/Length {}>>stream\n", data.len()).into_bytes();
    object.extend_from_slice(data);
    object.extend_from_slice(b"\nendstream");
    object
}

/// One page of 200 by 100 points; further objects are numbered from 5.
pub fn page(content: &str, resources: &str, further: &[Vec<u8>]) -> Vec<u8> {
    let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<{resources}>>>>");
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        page.into_bytes(),
        stream("", content.as_bytes()),
    ];
    objects.extend_from_slice(further);
    file(&objects)
}

pub const HELVETICA: &str = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
