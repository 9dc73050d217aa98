//! Which vocabularies prefixes stand for at one place of a part.

use std::cell::Cell;

use form::office::Namespace;
use form::{Reason, Refusal};

use crate::error::Error;
use crate::office::names::Names;

/// The declarations that are in force, the innermost last.
#[derive(Default)]
pub(super) struct Scope {
    declared: Vec<Declared>,
    /// Where prefixes were found last, by [`slot`]: Word declares thirty at the root, and asks for one of them at every name.
    found: [Cell<u16>; SLOTS],
    /// Elements of unknown vocabularies whose content counts as if it stood around them (ECMA-376 part 3, section 7.4).
    processed: Vec<(String, String)>,
}

struct Declared {
    prefix: Box<str>,
    uri: Box<str>,
    namespace: Option<Namespace>,
}

/// How much is in force at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    declared: usize,
    processed: usize,
}

impl Scope {
    pub(super) fn mark(&self) -> Mark {
        Mark { declared: self.declared.len(), processed: self.processed.len() }
    }

    /// Ends what was declared since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        // What was found stays the innermost of its prefix when others end; what ended is not there any more.
        self.declared.truncate(mark.declared);
        self.processed.truncate(mark.processed);
    }

    pub(super) fn declare(&mut self, prefix: &str, uri: &str, names: &Names) -> Result<(), Error> {
        if self.declared.len() >= MAX_DECLARED {
            return Err(Refusal::limit(Reason::LimitMarkup, MAX_DECLARED as u64, MAX_DECLARED as u64 + 1).into());
        }
        self.found.iter().for_each(|place| place.set(u16::MAX));
        self.declared.push(Declared { prefix: prefix.into(), uri: uri.into(), namespace: names.namespace(uri) });
        Ok(())
    }

    /// Takes note of elements to be looked through: `prefix:name` or `prefix:*`, between spaces.
    pub(super) fn process(&mut self, list: &str) {
        for word in list.split_ascii_whitespace().take(MAX_PROCESSED) {
            let Some((prefix, name)) = word.split_once(':') else { continue };
            if let Some(declared) = self.find(prefix)
                && self.processed.len() < MAX_PROCESSED
            {
                self.processed.push((declared.uri.to_string(), name.to_owned()));
            }
        }
    }

    pub(super) fn is_processed(&self, prefix: &str, name: &str) -> bool {
        !self.processed.is_empty()
            && self.find(prefix).is_some_and(|declared| {
                self.processed.iter().any(|(uri, known)| **uri == *declared.uri && (known == name || known == "*"))
            })
    }

    /// The vocabulary of a prefix; nothing for those that are unknown or not declared.
    pub(super) fn namespace(&self, prefix: &str, names: &Names) -> Option<Namespace> {
        match self.find(prefix) {
            Some(declared) => declared.namespace,
            None if prefix == "xml" => Some(names.xml),
            None => None,
        }
    }

    /// The name of the vocabulary of a prefix, known or not.
    pub(super) fn uri(&self, prefix: &str) -> &str {
        self.find(prefix).map_or("", |declared| &declared.uri)
    }

    fn find(&self, prefix: &str) -> Option<&Declared> {
        let place = self.found.get(slot(prefix))?;
        // An empty prefix stands nowhere in memory, and looking there costs the processor more than all else here.
        let is_it = |declared: &&Declared| {
            declared.prefix.len() == prefix.len() && (prefix.is_empty() || *declared.prefix == *prefix)
        };
        if let Some(declared) = self.declared.get(usize::from(place.get())).filter(is_it) {
            return Some(declared);
        }
        let at = self.declared.iter().rposition(|declared| is_it(&declared))?;
        place.set(u16::try_from(at).unwrap_or(u16::MAX));
        self.declared.get(at)
    }
}

/// The prefix of a name and the rest of it; nothing where it has none. Names are short: to look at each letter costs less than to begin
/// a search.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let at = name.bytes().position(|byte| byte == b':')?;
    Some((name.get(..at)?, name.get(at.saturating_add(1)..)?))
}

/// A slot for a prefix, which it shares with others.
fn slot(prefix: &str) -> usize {
    let first = prefix.bytes().next().map_or(0, usize::from);
    first.wrapping_add(prefix.len()) % SLOTS
}

const SLOTS: usize = 16;
const MAX_DECLARED: usize = 1_024;
const MAX_PROCESSED: usize = 256;
