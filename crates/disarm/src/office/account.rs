//! What was left out of a document, gathered for its account.

use std::collections::BTreeMap;

use form::{Findings, Place, Reason};

/// Everything that was lost on the way through the parts.
pub(super) struct Account<'a> {
    pub(super) findings: &'a mut Findings,
    /// Elements and attributes outside the vocabulary, by name.
    unknown: BTreeMap<String, u32>,
    refused: BTreeMap<(Reason, String), (u32, Vec<String>)>,
    pub(super) bidi: u32,
    pub(super) controls: u32,
    pub(super) repaired: u32,
}

impl<'a> Account<'a> {
    pub(super) fn new(findings: &'a mut Findings) -> Account<'a> {
        Account { findings, unknown: BTreeMap::new(), refused: BTreeMap::new(), bidi: 0, controls: 0, repaired: 0 }
    }

    pub(super) fn add(&mut self, reason: Reason, place: Place) {
        self.findings.add(reason, place);
    }

    /// Something outside the vocabulary.
    pub(super) fn unknown(&mut self, name: String) {
        let room = self.unknown.len() < MAX_NAMES;
        let count = self.unknown.entry(if room { name } else { MORE.to_owned() }).or_default();
        *count = count.saturating_add(1);
    }

    /// Something that is counted for each part, with the first few places in it.
    pub(super) fn refused(&mut self, reason: Reason, part: &str, place: impl FnOnce() -> String) {
        let (count, places) = self.refused.entry((reason, part.to_owned())).or_default();
        *count = count.saturating_add(1);
        if places.len() < MAX_PLACES {
            let place = place();
            if !place.is_empty() && !places.contains(&place) {
                places.push(place);
            }
        }
    }

    /// Hands everything over to the findings.
    pub(super) fn finish(self) {
        for (name, count) in self.unknown {
            self.findings.add_many(Reason::UnknownContent, count, Place::new(&name));
        }
        for ((reason, part), (count, places)) in self.refused {
            let dots = if usize::try_from(count).is_ok_and(|count| count > places.len()) && !places.is_empty() {
                " …"
            } else {
                ""
            };
            let mark = if part.is_empty() || places.is_empty() { "" } else { "!" };
            let place = format!("{part}{mark}{}{dots}", places.join(", "));
            self.findings.add_many(reason, count, Place::new(&place));
        }
        self.findings.add_many(Reason::BidiControls, self.bidi, Place::default());
        self.findings.add_many(Reason::ControlCharacters, self.controls, Place::default());
        self.findings.add_many(Reason::StructureRepaired, self.repaired, Place::default());
    }
}

const MAX_NAMES: usize = 60;
const MAX_PLACES: usize = 5;
const MORE: &str = "…";
