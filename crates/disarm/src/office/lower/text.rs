//! The text of elements, as what their types take it for.

use form::office::{Markup, TextKind, Value, grammar, is_word_char};
use form::{Place, Reason};

use super::Lowerer;
use super::frames::{Element, Frame, Role};
use super::rules::Special;
use crate::office::account::Account;

impl Lowerer<'_, '_, '_> {
    /// More text of the innermost element.
    pub(super) fn add_text(&mut self, text: &str) {
        let room = MAX_GATHERED.saturating_sub(self.text.len());
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }

    /// Puts the text of an element that ends on the tape. False where the element cannot stay with it.
    pub(super) fn close_text(&mut self, element: &Element) -> bool {
        let kind = element.of.text();
        if kind == TextKind::None {
            return true;
        }
        if self.text.is_empty() {
            // LibreOffice writes a name without a formula where it could not read the one of an xlsb; Excel calls that damage.
            if element.special == Special::DefinedName {
                // Told, or added.
                let is_known = !self.context.carried.is_empty();
                self.account.repaired = self.account.repaired.saturating_add(u32::from(!is_known));
                return false;
            }
            return !self.lacks_first(element);
        }
        let mut text = std::mem::take(&mut self.text);
        let is_kept = match kind {
            TextKind::None => true,
            TextKind::Plain => {
                self.clean(&mut text, kind);
                true
            }
            TextKind::Field => {
                self.clean(&mut text, kind);
                kind.takes(&text)
            }
            TextKind::Token => {
                let trimmed = text.trim().to_owned();
                text = trimmed;
                kind.takes(&text) || self.lost_text(element)
            }
            TextKind::NumberFormat => kind.takes(&text) || self.lost_text(element),
            TextKind::Formula => {
                self.clean_controls(&mut text);
                self.takes_formula(&text) || self.refused_formula(element, &mut text)
            }
        };
        if is_kept && !text.is_empty() {
            self.tape.push(Markup::Text(text.as_str().into()));
        }
        text.clear();
        self.text = text;
        is_kept
    }

    /// Whether a formula computes from the document itself, and from sheets and pivot tables of it that cross.
    pub(super) fn takes_formula(&self, text: &str) -> bool {
        let sheets = self.context.sheets;
        TextKind::Formula.takes(text)
            && !(self.context.lost_pivots && grammar::formula::calls(text, OF_PIVOTS))
            && (sheets.are_whole() || !grammar::formula::refers_to(text, &|name| sheets.is_lost(name)))
    }

    fn lost_text(&mut self, element: &Element) -> bool {
        self.account.unknown(format!("{}:{}", element.of.namespace().prefix(), element.of.name()));
        false
    }

    /// Leaves out what is no word, and what is too long.
    fn clean(&mut self, text: &mut String, kind: TextKind) {
        if kind.takes(text) {
            return;
        }
        self.clean_controls(text);
        if text.len() > TextKind::MAX_BYTES {
            text.truncate(text.floor_char_boundary(TextKind::MAX_BYTES));
            self.account.add(Reason::TextShortened, Place::new(&self.context.title));
        }
    }

    fn clean_controls(&mut self, text: &mut String) {
        if text.chars().all(is_word_char) {
            return;
        }
        let mut clean = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\r' if chars.peek() == Some(&'\n') => {}
                '\r' => clean.push('\n'),
                c if is_word_char(c) => clean.push(c),
                '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                    self.account.bidi = self.account.bidi.saturating_add(1)
                }
                _ => self.account.controls = self.account.controls.saturating_add(1),
            }
        }
        *text = clean;
    }

    /// Whether a formula is one of several that share the first one's, and that was refused.
    fn lacks_first(&self, element: &Element) -> bool {
        element.special == Special::CellFormula
            && !self.refused_shared.is_empty()
            && matches!(self.value_of(element, "si"), Some(Value::Integer(number)) if self.refused_shared.contains(number))
    }

    /// Tells of a formula that is refused, and says whether what is put in its place stays.
    fn refused_formula(&mut self, element: &Element, text: &mut String) -> bool {
        let place = match element.special {
            Special::CellFormula => {
                if let Some(Value::Integer(number)) = self.value_of(element, "si") {
                    self.refused_shared.insert(*number);
                }
                let cell = self.frames.iter().rev().find_map(|Frame { role, .. }| match role {
                    Role::Element(cell) => self.value_of(cell, "r"),
                    _ => None,
                });
                if let Some(Value::Text(cell)) = cell { cell.to_string() } else { String::new() }
            }
            Special::DefinedName => match self.value_of(element, "name") {
                Some(Value::Text(name)) => name.to_string(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let title = self.context.title.clone();
        self.account.refused(Reason::UnsafeFormula, &title, || place);
        match element.special {
            Special::Reference => {
                NO_REFERENCE.clone_into(text);
                grammar::formula(text)
            }
            Special::Condition => {
                self.doom(Special::Conditioned);
                false
            }
            _ => false,
        }
    }
}

/// Tells of a field that is refused.
pub(super) fn note_field(account: &mut Account<'_>, part: &str, instruction: &str) {
    let word: String = instruction.split_whitespace().next().unwrap_or_default().chars().take(40).collect();
    let word = word.to_ascii_uppercase();
    let reason = match word.as_str() {
        "DDE" | "DDEAUTO" => Reason::DdeLink,
        "HYPERLINK" => Reason::UnsafeLink,
        _ => Reason::UnsafeField,
    };
    account.refused(reason, part, || word);
}

/// What Excel writes for a reference to what is not there.
const NO_REFERENCE: &str = "#REF!";
/// The function that reads a pivot table: without that it would show an error from the next calculation on.
const OF_PIVOTS: &str = "GETPIVOTDATA";
/// Text that is gathered before it is looked at.
const MAX_GATHERED: usize = 4 * 1024 * 1024;
