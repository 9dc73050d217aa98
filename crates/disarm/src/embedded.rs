//! What files that are embedded in a document are called, once they are taken out of it.

use form::container::Child;
use form::name::{FileName, TakenNames};
use form::text::Line;
use form::{Findings, Place, Reason};
use unicode_normalization::UnicodeNormalization;

/// A media type as a child has it: nothing where it is longer than any.
pub(crate) fn declared(given: &str) -> Line {
    let line = Line::scrub(&given.trim().to_lowercase()).0;
    if line.as_str().len() <= Child::MAX_TYPE_BYTES { line } else { Line::default() }
}

/// Names that are given.
#[derive(Default)]
pub(crate) struct Names {
    taken: TakenNames,
    unnamed: u32,
}

impl Names {
    /// A clean name that no other file of the document has.
    pub(crate) fn take(&mut self, given: &str, findings: &mut Findings) -> FileName {
        // Scrub, compose, rebuild: the order that keeps a name composed.
        let (line, scrubbed) = Line::scrub(given);
        let composed: String = line.as_str().nfc().collect();
        let wanted = if composed.trim().is_empty() {
            self.unnamed = self.unnamed.saturating_add(1);
            FileName::rebuild(&format!("添付ファイル{}.bin", self.unnamed)).0
        } else {
            let (name, changes) = FileName::rebuild(&composed);
            let place = Place::new(name.as_str());
            findings.add_many(Reason::BidiControls, scrubbed.bidi, place.clone());
            if !scrubbed.is_clean() || !changes.is_clean() {
                findings.add(Reason::NameChanged, place);
            }
            name
        };
        let name = self.taken.free(&wanted);
        if name != wanted {
            findings.add(Reason::DuplicateName, Place::new(name.as_str()));
        }
        name
    }
}
