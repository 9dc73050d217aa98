//! What was found in a document, where, and how often.

use std::collections::BTreeMap;
use std::fmt;

use super::Reason;
use crate::codec::DecodeError;
use crate::text::{Line, TextError};
use crate::wire::{Cursor, Sink};

/// Where in the content a finding was made: at most 200 characters for a person to read, may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(Line);

impl Place {
    /// The most characters a place holds.
    pub const MAX_CHARS: usize = 200;

    /// A place from any text: cleaned as a [`Line`] and cut to the length of a place.
    pub fn new(raw: &str) -> Place {
        // Four times the length leaves room for what is dropped, and keeps a hostile megabyte from being cleaned to be cut.
        let line = match raw.char_indices().nth(Self::MAX_CHARS.saturating_mul(4)) {
            None => Line::scrub(raw).0,
            Some((end, _)) => Line::scrub(&format!("{}…", raw.get(..end).unwrap_or_default())).0,
        };
        Place(line.shortened(Self::MAX_CHARS))
    }

    /// A place that must already be clean and short enough.
    ///
    /// # Errors
    /// [`TextError`]: not a clean line, or longer than [`MAX_CHARS`](Self::MAX_CHARS).
    pub fn parse(raw: &str) -> Result<Place, TextError> {
        let line = Line::parse(raw)?;
        if raw.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(TextError::TooLong { limit: Self::MAX_CHARS });
        }
        Ok(Place(line))
    }

    /// The text of the place.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether no place is given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&Line> for Place {
    fn from(line: &Line) -> Place {
        Place::new(line.as_str())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that was withheld, removed, changed or noted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What it is.
    pub reason: Reason,
    /// How often it was found, at least once.
    pub count: u32,
    /// Where it was found.
    pub place: Place,
}

impl Finding {
    /// A single finding.
    pub fn new(reason: Reason, place: Place) -> Finding {
        Finding { reason, count: 1, place }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u16(self.reason.code());
        sink.u32(self.count);
        sink.string(self.place.as_str());
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Finding, DecodeError> {
        let reason = cursor.reason()?;
        let count = cursor.u32()?;
        if count == 0 {
            return Err(DecodeError::Malformed("count of a finding"));
        }
        let place = Place::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("place of a finding"))?;
        Ok(Finding { reason, count, place })
    }
}

/// Collects findings while a document is read: equal ones are counted together, and a hostile document that provokes
/// more kinds than `limit` costs a place in the list, not memory.
#[derive(Clone, Debug)]
pub struct Findings {
    limit: u32,
    seen: BTreeMap<(Reason, Place), u32>,
    more: u32,
}

impl Findings {
    /// An empty collection that gives out at most `limit` findings.
    pub fn new(limit: u32) -> Findings {
        Findings { limit, seen: BTreeMap::new(), more: 0 }
    }

    /// Adds one finding.
    pub fn add(&mut self, reason: Reason, place: Place) {
        self.add_many(reason, 1, place);
    }

    /// Adds a finding made `count` times; none for zero.
    pub fn add_many(&mut self, reason: Reason, count: u32, place: Place) {
        if count == 0 {
            return;
        }
        // One place in the list is kept for "there were more".
        let room = usize::try_from(self.limit.saturating_sub(1)).unwrap_or(usize::MAX);
        let key = (reason, place);
        if let Some(known) = self.seen.get_mut(&key) {
            *known = known.saturating_add(count);
        } else if self.seen.len() < room {
            self.seen.insert(key, count);
        } else {
            self.more = self.more.saturating_add(count);
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.more == 0
    }

    /// The findings by code and place, with [`Reason::MoreFindings`] last where some did not fit.
    pub fn into_vec(self) -> Vec<Finding> {
        let listed = self.seen.into_iter().map(|((reason, place), count)| Finding { reason, count, place });
        let more = (self.more > 0 && self.limit > 0).then(|| Finding {
            reason: Reason::MoreFindings,
            count: self.more,
            place: Place::default(),
        });
        listed.chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_200_characters_and_not_201() {
        assert!(Place::parse(&"あ".repeat(200)).is_ok());
        assert_eq!(Place::parse(&"あ".repeat(201)), Err(TextError::TooLong { limit: 200 }));
        assert_eq!(Place::new(&"あ".repeat(200)).as_str(), "あ".repeat(200));
        assert_eq!(Place::new(&"あ".repeat(201)).as_str(), "あ".repeat(199) + "…");
        assert_eq!(Place::new(&"\u{200B}".repeat(5000)).as_str().chars().count(), 1);
    }

    #[test]
    fn findings_beyond_the_limit_are_counted_not_kept() {
        let mut findings = Findings::new(3);
        for n in 0..10 {
            findings.add(Reason::Metadata, Place::new(&format!("{n}")));
            findings.add(Reason::Metadata, Place::new("0"));
        }
        let list = findings.into_vec();
        assert_eq!(list.len(), 3);
        assert_eq!(list[0].count, 11);
        assert_eq!((list[2].reason, list[2].count), (Reason::MoreFindings, 8));
    }
}
