//! Calendars (RFC 5545) and address cards (RFC 6350, and 2.1 and 3.0 as phones write them) as text that a person can read: when,
//! where and who. Both are made of the same lines.

mod calendar;
mod card;
mod line;

use std::io::Write;

use form::codec::{Encoder, Kind};
use form::text::Text;
use form::{Place, Reason, Refusal};

use crate::error::{Error, size, within};
use crate::room::Part;

pub(crate) use calendar::calendar;

/// What of such a file is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// One block of lines for each entry, an empty line between them.
    pub(crate) text: String,
    /// What was left out.
    pub(crate) told: Vec<(Reason, u32)>,
}

/// The text as it grows.
struct Growing {
    text: String,
    /// Bytes it may have.
    most: u64,
}

impl Growing {
    fn new(most: u64) -> Growing {
        Growing { text: String::new(), most }
    }

    fn push(&mut self, text: &str) -> Result<(), Error> {
        let len = size(self.text.len()).saturating_add(size(text.len()));
        within(Reason::LimitTextBytes, self.most, len)?;
        self.text.push_str(text);
        Ok(())
    }

    /// Begins a new entry, the `number`th of the file.
    fn entry(&mut self, number: u64) -> Result<(), Error> {
        if number > MAX_ENTRIES {
            return Err(Refusal::limit(Reason::LimitEntries, MAX_ENTRIES, number).into());
        }
        if self.text.is_empty() { Ok(()) } else { self.push("\n") }
    }

    /// A value behind its label, where there is one.
    fn put(&mut self, label: &str, value: &str) -> Result<(), Error> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        self.push(label)?;
        self.push(": ")?;
        for (number, line) in value.split('\n').enumerate() {
            self.push(if number > 0 { "\n  " } else { "" })?;
            self.push(line)?;
        }
        self.push("\n")
    }
}

/// Reads a calendar as a file of text.
pub(crate) fn disarm_calendar(part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    written(part, calendar, form)
}

/// Reads address cards as a file of text.
pub(crate) fn disarm_card(part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    written(part, card::cards, form)
}

fn written(
    mut part: Part<'_>,
    read: impl Fn(&[u8], Option<&str>, u64) -> Result<Shown, Error>,
    form: &mut dyn Write,
) -> Result<(), Error> {
    let shown = read(part.input, None, part.job.limits.text_bytes)?;
    let (text, scrubbed) = Text::scrub(&shown.text);
    part.add_scrubbed(scrubbed, &Place::default());
    part.findings.add(Reason::ShownAsText, Place::default());
    for (reason, count) in shown.told {
        part.findings.add_many(reason, count, Place::default());
    }
    let mut encoder = Encoder::new(form, Kind::Text, part.detected, &part.job.limits)?;
    encoder.text(text.as_str())?;
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// Entries of one file.
const MAX_ENTRIES: u64 = 10_000;
