//! A document of pages as a value.

use std::fmt;
use std::io::Write;

use super::begin;
use crate::codec::{EncodeError, Event, Kind};
use crate::container::Child;
use crate::detected::DetectedType;
use crate::limits::Limits;
use crate::pages::{
    CanvasHeader, Glyph, Gradient, Link, Operation, OutlineItem, PageHeader, PageLabel, PagesHeader, PictureHeader,
};
use crate::reason::Finding;

/// A document of pages.
#[derive(Clone, Debug, PartialEq)]
pub struct PagesDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The header.
    pub header: PagesHeader,
    /// Resources and pages in their order, at least one page.
    pub items: Vec<PagesItem>,
    /// The outline from the top.
    pub outline: Vec<OutlineItem>,
    /// How pages are called.
    pub labels: Vec<PageLabel>,
    /// The files that were embedded in it, where they are taken out.
    pub children: Vec<Child>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

/// A resource or page. Each sort is numbered from 0 for itself.
#[derive(Clone, PartialEq)]
pub enum PagesItem {
    /// A letter.
    Glyph(Glyph),
    /// A picture with all rows of its pixels.
    Picture(PictureHeader, Vec<u8>),
    /// A gradient.
    Gradient(Gradient),
    /// A canvas with what is drawn on it.
    Canvas(CanvasHeader, Vec<Operation>),
    /// A page with what is drawn on it.
    Page(PageHeader, Vec<Operation>, Vec<Link>),
}

impl fmt::Debug for PagesItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PagesItem::Glyph(glyph) => glyph.fmt(f),
            PagesItem::Picture(header, pixels) => write!(f, "Picture({header:?}, {} bytes)", pixels.len()),
            PagesItem::Gradient(gradient) => gradient.fmt(f),
            PagesItem::Canvas(header, operations) => f.debug_tuple("Canvas").field(header).field(operations).finish(),
            PagesItem::Page(header, operations, links) => {
                f.debug_tuple("Page").field(header).field(operations).field(links).finish()
            }
        }
    }
}

impl PagesDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Pages, self.detected, &self.findings, limits)?;
        encoder.pages(&self.header)?;
        for item in &self.items {
            match item {
                PagesItem::Glyph(glyph) => {
                    encoder.glyph(glyph)?;
                }
                PagesItem::Picture(header, pixels) => {
                    encoder.picture(header)?;
                    encoder.pixels(pixels)?;
                }
                PagesItem::Gradient(gradient) => {
                    encoder.gradient(gradient)?;
                }
                PagesItem::Canvas(header, operations) => {
                    encoder.canvas(header)?;
                    encoder.operations(operations)?;
                }
                PagesItem::Page(header, operations, links) => {
                    encoder.page(header)?;
                    encoder.operations(operations)?;
                    links.iter().try_for_each(|link| encoder.link(link))?;
                }
            }
        }
        self.outline.iter().try_for_each(|item| encoder.outline_item(item))?;
        self.labels.iter().try_for_each(|label| encoder.page_label(label))?;
        self.children.iter().try_for_each(|child| encoder.child(child))?;
        encoder.finish()
    }
}

/// What a stream of pages has brought so far.
#[derive(Default)]
pub(super) struct Parts {
    header: Option<PagesHeader>,
    items: Vec<PagesItem>,
    outline: Vec<OutlineItem>,
    labels: Vec<PageLabel>,
}

impl Parts {
    /// Adds an event of this kind.
    pub(super) fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Pages(header) => self.header = Some(header),
            Event::Glyph(glyph) => self.items.push(PagesItem::Glyph(glyph)),
            Event::Picture(header) => self.items.push(PagesItem::Picture(header, Vec::new())),
            Event::Gradient(gradient) => self.items.push(PagesItem::Gradient(gradient)),
            Event::Canvas(header) => self.items.push(PagesItem::Canvas(header, Vec::new())),
            Event::Page(header) => self.items.push(PagesItem::Page(header, Vec::new(), Vec::new())),
            Event::Pixels(rows) => {
                if let Some(PagesItem::Picture(_, pixels)) = self.items.last_mut() {
                    pixels.extend_from_slice(rows);
                }
            }
            Event::Operations(more) => match self.items.last_mut() {
                Some(PagesItem::Canvas(_, operations) | PagesItem::Page(_, operations, _)) => operations.extend(more),
                // The verifier lets operations come after these only.
                Some(PagesItem::Glyph(_) | PagesItem::Picture(..) | PagesItem::Gradient(_)) | None => {}
            },
            Event::Link(link) => {
                if let Some(PagesItem::Page(_, _, links)) = self.items.last_mut() {
                    links.push(link);
                }
            }
            Event::OutlineItem(item) => self.outline.push(item),
            Event::PageLabel(label) => self.labels.push(label),
            Event::Finding(_)
            | Event::TextSource(_)
            | Event::Text(_)
            | Event::MailHeader(_)
            | Event::Child(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_)
            | Event::End => {}
        }
    }

    pub(super) fn finish(
        self,
        detected: DetectedType,
        children: Vec<Child>,
        findings: Vec<Finding>,
    ) -> Option<PagesDoc> {
        let Parts { header, items, outline, labels } = self;
        Some(PagesDoc { detected, header: header?, items, outline, labels, children, findings })
    }
}
