//! What is told of a calendar or card, and texts that are cleaned on the way.

use form::mail::Address;
use form::pages::Url;
use form::text::{Line as Words, Scrubbed, Text};
use form::{Place, Reason, percent};

use super::line::Unread;
use crate::mail::tally::Tally;
use crate::room::Part;

/// Counts of what was left out or changed.
#[derive(Default)]
pub(super) struct Told {
    pub(super) alarms: u32,
    pub(super) files: u32,
    pub(super) free: u32,
    pub(super) media: u32,
    pub(super) fields: u32,
    pub(super) links: u32,
    pub(super) repaired: u32,
    /// Rules of repetition that were left out, so that an entry takes place on other days than it says.
    pub(super) repetitions: u32,
    pub(super) lost: u32,
    pub(super) unknown_zones: u32,
    /// Changes of one time of a series that do not say of which.
    pub(super) unclear: u32,
    charset: Tally,
    addresses: u32,
    shortened: u32,
    scrubbed: Scrubbed,
}

impl Told {
    /// What could not be read of the file.
    pub(super) fn unread(&mut self, unread: Unread) {
        self.lost = self.lost.saturating_add(unread.lost);
        self.charset.add(&unread.charset);
    }

    pub(super) fn settle(self, part: &mut Part<'_>) {
        part.add_scrubbed(self.scrubbed, &Place::default());
        for (reason, count) in [
            (Reason::CalendarAlarms, self.alarms),
            (Reason::CalendarAttachments, self.files),
            (Reason::CalendarEntries, self.free),
            (Reason::CardMedia, self.media),
            (Reason::EntryFields, self.fields),
            (Reason::EntryLinks, self.links),
            (Reason::EntryRepaired, self.repaired),
            (Reason::RepetitionLost, self.repetitions),
            (Reason::MessageIncomplete, self.lost.saturating_add(self.unclear)),
            (Reason::CharsetGuessed, self.charset.guessed),
            (Reason::CharsetMismatch, self.charset.mismatched),
            (Reason::CharsetUndecided, self.charset.undecided),
            (Reason::UndecodableBytes, self.charset.undecodable),
            (Reason::Gaiji, self.charset.gaiji),
            (Reason::ZoneUnknown, self.unknown_zones),
            (Reason::AddressInvalid, self.addresses),
            (Reason::TextShortened, self.shortened),
        ] {
            part.findings.add_many(reason, count, Place::default());
        }
    }

    /// A line.
    pub(super) fn line(&mut self, raw: &str) -> Words {
        self.line_of(raw, MAX_LINE)
    }

    /// A line of at most so many bytes.
    pub(super) fn line_of(&mut self, raw: &str, most: usize) -> Words {
        // Cleaning makes nothing longer but by the mark for what is replaced, which is cut below.
        let raw = raw.trim();
        let cut = raw.get(..raw.floor_char_boundary(most)).unwrap_or_default();
        let (line, scrubbed) = Words::scrub(cut);
        self.scrubbed.add(scrubbed);
        self.shortened = self.shortened.saturating_add(u32::from(cut.len() < raw.len() || line.as_str().len() > most));
        line.cut(most)
    }

    /// A text of lines.
    pub(super) fn text(&mut self, raw: &str, most: usize) -> Text {
        let raw = raw.trim();
        let cut = raw.get(..raw.floor_char_boundary(most)).unwrap_or_default();
        let (text, scrubbed) = Text::scrub(cut);
        self.scrubbed.add(scrubbed);
        self.shortened = self.shortened.saturating_add(u32::from(cut.len() < raw.len()));
        text
    }

    /// A page of the web.
    pub(super) fn url(&mut self, raw: &str) -> Option<Url> {
        let url = Url::rebuild(raw).filter(|url| !url.as_str().starts_with("mailto:"));
        self.links = self.links.saturating_add(u32::from(url.is_none() && !raw.trim().is_empty()));
        url
    }

    /// A mail address, with or without `mailto:`.
    pub(super) fn address(&mut self, raw: &str) -> Option<Address> {
        let address = address(raw);
        self.addresses = self.addresses.saturating_add(u32::from(address.is_none()));
        address
    }

    /// Adds a value to a list that holds so many.
    pub(super) fn push<T>(&mut self, list: &mut Vec<T>, most: u32, value: T) {
        if u32::try_from(list.len()).is_ok_and(|len| len < most) {
            list.push(value);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

/// The address of a `mailto:` link or an address itself, also where quotes that belong to parameters stand around it.
pub(super) fn address(raw: &str) -> Option<Address> {
    let raw = raw.trim();
    let raw = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
    let rest = raw.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).and_then(|_| raw.get(7..));
    let plain = rest.unwrap_or(raw).trim();
    // `%22` is a quote. Most programs write none, some escape all that is not a letter.
    let meant = || String::from_utf8(percent::decoded(plain)).ok();
    Address::parse(plain).ok().filter(|_| !plain.contains('%')).or_else(|| Address::parse(&meant()?).ok())
}

/// Bytes of a line.
const MAX_LINE: usize = 8 * 1024;
/// Bytes of the text of an entry, and of the note of a card.
pub(super) const MAX_TEXT: usize = 1024 * 1024;
/// Bytes of a remark.
pub(super) const MAX_REMARK: usize = 32 * 1024;
