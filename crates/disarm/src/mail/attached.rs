//! Calendars and cards that came as files: what they say stands in the text too, so that a reader knows when, where and who without
//! opening them. The files are children all the same.

use super::facts::Facts;
use super::similar::overlap;
use super::structure::Part;
use super::tally::Tally;
use crate::directory::{self, Words};

/// Files of one mail whose words are shown.
pub(super) const MAX_FILES: usize = 4;

/// Bytes of a file, as it lies in the mail, that is read for it.
pub(super) const MAX_FILE_BYTES: usize = 512 * 1024;

/// Bytes of its words, of which the first are shown.
pub(super) const MAX_WORDS_BYTES: u64 = 1024 * 1024;

/// Events or people of one file that are shown.
const MAX_ENTRIES: usize = 5;

/// Bytes of them.
const MAX_SHOWN_BYTES: usize = 8 * 1024;

/// What reads the words of a part, by its type or, since many mailers know neither, by its name.
pub(super) fn reader(part: &Part<'_>) -> Option<(Words, &'static str)> {
    let calendar: (Words, _) = (directory::calendar, "text/calendar");
    let cards: (Words, _) = (directory::cards, "text/vcard");
    match part.media.value.as_str() {
        "text/calendar" | "text/x-vcalendar" | "application/ics" => return Some(calendar),
        "text/vcard" | "text/x-vcard" | "text/directory" => return Some(cards),
        _ => {}
    }
    let mut tally = Tally::default();
    let name = part.disposition.decoded("filename", &mut tally).or_else(|| part.media.decoded("name", &mut tally))?;
    let (_, extension) = name.trim().rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "ics" | "vcs" => Some(calendar),
        "vcf" => Some(cards),
        _ => None,
    }
}

/// The first entries of a file's words, and how many more there are. Entries are parted by empty lines.
pub(super) fn first(words: &str) -> String {
    let entries: Vec<&str> = words.trim_end().split("\n\n").collect();
    let mut text = entries.get(..MAX_ENTRIES).unwrap_or(&entries).join("\n\n");
    if text.len() > MAX_SHOWN_BYTES {
        text.truncate(text.floor_char_boundary(MAX_SHOWN_BYTES));
        text.push_str("…\n（続きは添付ファイルにあります）");
    }
    let more = entries.len().saturating_sub(MAX_ENTRIES);
    if more > 0 {
        text.push_str(&format!("\n\n（ほか{more}件は添付ファイルにあります）"));
    }
    text
}

/// Whether the text of the mail says it already, as beside an invitation that it shows itself.
pub(super) fn is_said(text: &str, words: &str) -> bool {
    overlap(text, words).second_in_first >= super::body::SAME && Facts::of(words).stand_in(&Facts::of(text))
}
