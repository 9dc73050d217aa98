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

impl Place {
    /// A page, or several in their order: `page 3`, `pages 1–60`, `pages 2, 4–6`. Pages are counted from 1; those of one more than fit
    /// become `…`.
    pub fn of_pages(pages: impl IntoIterator<Item = u32>) -> Place {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for page in pages {
            match runs.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(page) => *last = page,
                _ => runs.push((page, page)),
            }
        }
        let mut text = match runs.as_slice() {
            [(first, last)] if first == last => return Place::new(&format!("{PAGE}{first}")),
            _ => String::from(PAGES),
        };
        for (number, (first, last)) in runs.into_iter().enumerate() {
            let between = if number == 0 { "" } else { ", " };
            let run = match last.saturating_sub(first) {
                0 => format!("{between}{first}"),
                1 => format!("{between}{first}, {last}"),
                _ => format!("{between}{first}–{last}"),
            };
            // Two runs of the longest numbers, so that what is cut is cut between numbers.
            if text.len().saturating_add(run.len()) > Self::MAX_CHARS.saturating_sub(MORE.len()) {
                text.push_str(MORE);
                break;
            }
            text.push_str(&run);
        }
        Place::new(&text)
    }

    /// The page that it begins with, 0 where it is not on a page.
    fn first_page(&self) -> u32 {
        let rest = self.as_str().strip_prefix(PAGE).or_else(|| self.as_str().strip_prefix(PAGES)).unwrap_or_default();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

/// How a place on one page begins.
const PAGE: &str = "page ";
/// How a place on several pages begins.
const PAGES: &str = "pages ";
/// What stands for pages that have no room in a place.
const MORE: &str = ", …";

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

    /// What was found once on each of some pages, which come in their order and are counted from 1; nothing without pages.
    pub fn on_pages(reason: Reason, pages: impl IntoIterator<Item = u32>) -> Option<Finding> {
        let pages: Vec<u32> = pages.into_iter().collect();
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        (count > 0).then(|| Finding { reason, count, place: Place::of_pages(pages) })
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
/// more kinds than `limit` costs a place in the list, not memory. Of what is told by page, each page costs a number: whoever tells it
/// bounds the pages.
#[derive(Clone, Debug)]
pub struct Findings {
    limit: u32,
    seen: BTreeMap<(Reason, Place), u32>,
    /// How often on which page, for what is told once for all pages.
    on_pages: BTreeMap<Reason, BTreeMap<u32, u32>>,
    more: u32,
}

impl Findings {
    /// An empty collection that gives out at most `limit` findings.
    pub fn new(limit: u32) -> Findings {
        Findings { limit, seen: BTreeMap::new(), on_pages: BTreeMap::new(), more: 0 }
    }

    /// Adds one finding.
    pub fn add(&mut self, reason: Reason, place: Place) {
        self.add_many(reason, 1, place);
    }

    /// Adds a finding made `count` times; none for zero. The place is a text, also where it reads like a page: names out of a file do.
    pub fn add_many(&mut self, reason: Reason, count: u32, place: Place) {
        if count == 0 {
            return;
        }
        let has_room = self.has_room();
        let key = (reason, place);
        if let Some(known) = self.seen.get_mut(&key) {
            *known = known.saturating_add(count);
        } else if has_room {
            self.seen.insert(key, count);
        } else {
            self.more = self.more.saturating_add(count);
        }
    }

    /// Adds a finding made `count` times on a page, the first being 1: what is found on sixty pages is one finding with the pages as
    /// its place.
    pub fn add_on_page(&mut self, reason: Reason, count: u32, page: u32) {
        if count == 0 {
            return;
        }
        let has_room = self.has_room();
        match self.on_pages.get_mut(&reason) {
            Some(pages) => {
                let known = pages.entry(page).or_default();
                *known = known.saturating_add(count);
            }
            None if has_room => {
                self.on_pages.insert(reason, BTreeMap::from([(page, count)]));
            }
            None => self.more = self.more.saturating_add(count),
        }
    }

    /// Adds all findings of another collection, pages to pages.
    pub fn append(&mut self, other: Findings) {
        for (reason, pages) in other.on_pages {
            for (page, count) in pages {
                self.add_on_page(reason, count, page);
            }
        }
        for ((reason, place), count) in other.seen {
            self.add_many(reason, count, place);
        }
        self.more = self.more.saturating_add(other.more);
    }

    /// One place in the list is kept for "there were more".
    fn has_room(&self) -> bool {
        let room = usize::try_from(self.limit.saturating_sub(1)).unwrap_or(usize::MAX);
        self.seen.len().saturating_add(self.on_pages.len()) < room
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.on_pages.is_empty() && self.more == 0
    }

    /// The findings by code, page and place, with [`Reason::MoreFindings`] last where some did not fit.
    pub fn into_vec(self) -> Vec<Finding> {
        let by_page = self.on_pages.into_iter().map(|(reason, pages)| Finding {
            reason,
            count: pages.values().fold(0, |sum, count| sum.saturating_add(*count)),
            place: Place::of_pages(pages.into_keys()),
        });
        let by_place = self.seen.into_iter().map(|((reason, place), count)| Finding { reason, count, place });
        let mut listed: Vec<Finding> = by_page.chain(by_place).collect();
        // As text page 10 would stand before page 2.
        listed.sort_by(|one, other| {
            let order = |finding: &Finding| (finding.reason, finding.place.first_page());
            order(one).cmp(&order(other)).then_with(|| one.place.cmp(&other.place))
        });
        let more = (self.more > 0 && self.limit > 0).then(|| Finding {
            reason: Reason::MoreFindings,
            count: self.more,
            place: Place::default(),
        });
        listed.extend(more);
        listed
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
    fn pages_are_told_as_a_person_would() {
        let check = |pages: &[u32], expected: &str| assert_eq!(Place::of_pages(pages.to_vec()).as_str(), expected);
        check(&[3], "page 3");
        check(&(1..=60).collect::<Vec<_>>(), "pages 1–60");
        check(&[2, 4, 5, 6, 9, 10], "pages 2, 4–6, 9, 10");
        let many = Place::of_pages((1..1_000).step_by(2));
        // 6 characters, 5 numbers of one digit and 44 of two with what is between them: one more would be cut.
        assert!(many.as_str().starts_with("pages 1, 3, 5, ") && many.as_str().ends_with(" 95, 97, …"), "{many}");
        assert!(Place::parse(many.as_str()).is_ok());
    }

    #[test]
    fn what_is_found_on_many_pages_is_one_finding_and_places_stand_by_page() {
        let mut findings = Findings::new(10);
        for page in (1..=60).rev() {
            findings.add_on_page(Reason::PageRasterised, 1, page);
        }
        findings.add_on_page(Reason::GlyphsLost, 7, 12);
        let mut others = Findings::new(10);
        others.add_on_page(Reason::GlyphsLost, 2, 3);
        others.add(Reason::UnsafeLink, Place::new("page 2: a"));
        findings.append(others);
        for place in ["page 10: b", "page 2: c", "a name"] {
            findings.add(Reason::UnsafeLink, Place::new(place));
        }
        let of = |reason: Reason| {
            let all = findings.clone().into_vec().into_iter().filter(move |finding| finding.reason == reason);
            all.map(|finding| (finding.count, finding.place.as_str().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(of(Reason::PageRasterised), [(60, "pages 1–60".to_owned())]);
        assert_eq!(of(Reason::GlyphsLost), [(9, "pages 3, 12".to_owned())]);
        let places: Vec<String> = of(Reason::UnsafeLink).into_iter().map(|(_, place)| place).collect();
        assert_eq!(places, ["a name", "page 2: a", "page 2: c", "page 10: b"]);
    }

    /// Sheets and layers may be called so.
    #[test]
    fn a_name_that_reads_like_a_page_is_a_name() {
        let mut findings = Findings::new(3);
        for name in ["page 1", "page 7", "page 8"] {
            findings.add(Reason::HiddenSheet, Place::new(name));
        }
        let told = findings.into_vec();
        let told: Vec<_> = told.iter().map(|finding| (finding.count, finding.place.as_str())).collect();
        assert_eq!(told, [(1, "page 1"), (1, "page 7"), (1, "")]);
    }

    #[test]
    fn reasons_on_pages_take_a_place_in_the_list_each() {
        let mut findings = Findings::new(2);
        findings.add_on_page(Reason::PageRasterised, 1, 1);
        findings.add_on_page(Reason::GlyphsLost, 4, 1);
        findings.add(Reason::Metadata, Place::default());
        let list = findings.into_vec();
        assert_eq!((list.len(), list[0].reason, list[1].count), (2, Reason::PageRasterised, 5));
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
