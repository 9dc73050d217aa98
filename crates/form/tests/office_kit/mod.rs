//! Office documents for tests: written by names, and by chance out of the whole vocabulary.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

pub mod chance;
pub mod named;

use form::document::OfficeDoc;
use form::office::Markup;
use form::office::{OfficeHeader, PartHeader, Producer, Variant};
use form::text::Line;
use form::{DetectedType, Kind};

/// A document without pictures.
pub fn document(kind: Kind, parts: Vec<PartHeader>, markup: Vec<Markup>) -> OfficeDoc {
    OfficeDoc {
        kind,
        detected: DetectedType::lossy("docx"),
        header: OfficeHeader {
            variant: Variant::Document,
            producer: Producer::Microsoft,
            version: (16, 300),
            title: Line::scrub("見出し & <題>").0,
            parts: u32::try_from(parts.len()).unwrap(),
        },
        parts,
        pictures: Vec::new(),
        markup,
        children: Vec::new(),
        findings: Vec::new(),
    }
}
