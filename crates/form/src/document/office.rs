//! An Office document as a value: for tests. Real ones are read from a [`Decoder`](crate::codec::Decoder) piece by piece.

use std::fmt;
use std::io::Write;

use super::begin;
use crate::codec::{EncodeError, Event, Kind};
use crate::container::Child;
use crate::detected::DetectedType;
use crate::limits::Limits;
use crate::office::{Markup, OfficeHeader, PartHeader};
use crate::pages::PictureHeader;
use crate::reason::Finding;

/// An Office document.
#[derive(Clone, PartialEq)]
pub struct OfficeDoc {
    /// `Sheet`, `Flow` or `Slides`.
    pub kind: Kind,
    /// The true type of the file.
    pub detected: DetectedType,
    /// The header.
    pub header: OfficeHeader,
    /// The parts, the main one first.
    pub parts: Vec<PartHeader>,
    /// The pictures with all rows of their pixels.
    pub pictures: Vec<(PictureHeader, Vec<u8>)>,
    /// The markup of all parts, one after another.
    pub markup: Vec<Markup>,
    /// The files that were embedded in it, where they are taken out.
    pub children: Vec<Child>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

impl fmt::Debug for OfficeDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, pictures, markup) = (self.parts.len(), self.pictures.len(), self.markup.len());
        write!(f, "OfficeDoc({:?}, {parts} parts, {pictures} pictures, {markup} steps)", self.kind)
    }
}

impl OfficeDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, self.kind, self.detected, &self.findings, limits)?;
        encoder.office(&self.header)?;
        for part in &self.parts {
            encoder.part(part)?;
        }
        for (header, pixels) in &self.pictures {
            encoder.picture(header)?;
            encoder.pixels(pixels)?;
        }
        encoder.markup(&self.markup)?;
        for child in &self.children {
            encoder.child(child)?;
        }
        encoder.finish()
    }
}

/// What a stream has brought so far.
#[derive(Default)]
pub(super) struct Parts {
    header: Option<OfficeHeader>,
    parts: Vec<PartHeader>,
    pictures: Vec<(PictureHeader, Vec<u8>)>,
    markup: Vec<Markup>,
}

impl Parts {
    pub(super) fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Office(header) => self.header = Some(header),
            Event::Part(part) => self.parts.push(part),
            Event::Picture(header) => self.pictures.push((header, Vec::new())),
            Event::Pixels(rows) => {
                if let Some((_, pixels)) = self.pictures.last_mut() {
                    pixels.extend_from_slice(rows);
                }
            }
            Event::Markup(steps) => self.markup.extend(steps),
            _ => {}
        }
    }

    pub(super) fn finish(
        self,
        kind: Kind,
        detected: DetectedType,
        children: Vec<Child>,
        findings: Vec<Finding>,
    ) -> Option<OfficeDoc> {
        let Parts { header, parts, pictures, markup } = self;
        Some(OfficeDoc { kind, detected, header: header?, parts, pictures, markup, children, findings })
    }
}
