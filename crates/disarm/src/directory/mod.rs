//! Calendars (RFC 5545) and address cards (RFC 6350, and 2.1 and 3.0 as phones write them) as text that a person can read: when,
//! where and who. Both are made of the same lines.

mod calendar;
mod card;
mod line;

use std::io::Write;

use form::codec::{Encoder, Kind};
use form::text::Text;
use form::{Place, Reason};

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
    read: impl Fn(&[u8], Option<&str>) -> Result<Shown, Error>,
    form: &mut dyn Write,
) -> Result<(), Error> {
    let shown = read(part.input, None)?;
    within(Reason::LimitTextBytes, part.job.limits.text_bytes, size(shown.text.len()))?;
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
