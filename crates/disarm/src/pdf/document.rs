//! What the pages of a document share: the form that is written, letters, pictures, gradients, canvases, and what was found.

use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;

use form::codec::Encoder;
use form::job::PagesPolicy;
use form::pages::{CanvasHeader, Operation};
use form::{Findings, Limits, Reason};
use kurbo::BezPath;

use super::glyphs::Glyphs;
use super::lacking::Spares;
use super::layer::Summary;
use super::pictures::Pictures;
use super::shading::Gradients;
use crate::error::Error;

/// A document on its way into the form.
pub(super) struct Document<'w> {
    pub(super) out: Encoder<&'w mut dyn Write>,
    pub(super) limits: &'w Limits,
    pub(super) policy: &'w PagesPolicy,
    pub(super) findings: Findings,
    pub(super) glyphs: Glyphs,
    pub(super) pictures: Pictures,
    pub(super) gradients: Gradients,
    /// Canvases by the interpreter's key of a mask or pattern; for a pattern also whether it is stroked with.
    pub(super) canvases: HashMap<(u128, bool), Canvas>,
    /// Letters of Type 3 fonts that are one filled shape, by the interpreter's key; nothing for others.
    pub(super) shapes: HashMap<u128, Option<Rc<BezPath>>>,
    /// Whether the program of a letter's font holds a shape for it that cannot be read, by the interpreter's key.
    pub(super) damaged: HashMap<u128, bool>,
    /// What letters are drawn with that stand-ins lack.
    pub(super) spares: Spares,
    /// Whether private characters stand for vertical forms.
    pub(super) vertical_forms: bool,
    pub(super) traits: Traits,
    /// The page that is read, counted from 1.
    pub(super) page: u32,
}

/// A canvas in the form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    pub(super) number: u32,
    pub(super) summary: Summary,
}

/// What is known of all objects of a document before its pages are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits {
    /// Whether a transparency group says that it is isolated. The interpreter does not tell of which it speaks.
    pub(super) isolated: bool,
    /// Whether one says that it is a knockout group.
    pub(super) knockout: bool,
    /// Bytes of the longest PostScript calculator function, which an image or shading may ask for every pixel.
    pub(super) calculator_bytes: u64,
}

impl Document<'_> {
    /// Writes a canvas whose operations are complete.
    pub(super) fn canvas(
        &mut self,
        header: &CanvasHeader,
        operations: &[Operation],
        summary: Summary,
    ) -> Result<Canvas, Error> {
        let number = self.out.canvas(header)?;
        self.out.operations(operations)?;
        Ok(Canvas { number, summary: Summary { depth: summary.depth.saturating_add(1), ..summary } })
    }

    /// Adds a finding that stands on the page which is read.
    pub(super) fn note(&mut self, reason: Reason, count: u32) {
        self.findings.add_on_page(reason, count, self.page);
    }
}
