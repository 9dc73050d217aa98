//! Calendars (RFC 5545) and address cards (RFC 6350, and 2.1 and 3.0 as phones write them) as typed values, and as
//! text that a person can read: when, where and who. Both are made of the same lines.

mod beyond;
mod calendar;
mod card;
mod contact;
mod entry;
mod line;
mod time;
mod told;
mod walk;
mod zones;

use std::io::Write;

use form::calendar::{CalendarHeader, Entry, Method};
use form::codec::{Encoder, Kind};
use form::{Reason, Refusal};

use card::each_card;
use line::Line;
use told::Told;
use walk::{Met, walk};
use zones::Zones;

use crate::error::{Error, size, within};
use crate::room::Part;
use crate::text::charset_parameter;

pub(crate) use calendar::calendar;
pub(crate) use card::cards;

/// What makes a text of such a file: its bytes, the charset that it came with, and the most bytes of the text.
pub(crate) type Words = fn(&[u8], Option<&str>, u64) -> Result<Shown, Error>;

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

/// Reads a calendar.
pub(crate) fn disarm_calendar(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let mut told = Told::default();
    let mut zones = Zones::default();
    let mut header = CalendarHeader::default();
    let mut entries = 0_u64;
    // Zones may be described after the entries that name them.
    let declared = part.job.declared_type.as_str();
    let label = charset_parameter(declared);
    let unread = walk(part.input, label, |met| {
        match met {
            Met::Property(line) => property(&line, &mut header, &mut told),
            Met::Component(component) if component.is_entry() => {
                entries = entries.saturating_add(1);
                component.lines.iter().for_each(|line| zones.name(line));
            }
            Met::Component(component) if component.kind == "VTIMEZONE" => zones.describe(&component),
            Met::Component(_) => told.free = told.free.saturating_add(1),
        }
        within(Reason::LimitEntries, Entry::MAX_ENTRIES, entries)
    })?;
    let is_read = unread.lost == 0;
    told.unread(unread);
    if entries == 0 {
        // Free time, zones, or no entry yet: nothing of it is broken.
        return Err(if is_read { Reason::NothingLeft } else { Reason::Malformed }.into());
    }
    told.unknown_zones = zones.settle();
    told.repaired = told.repaired.saturating_add(zones.repaired);
    header.zones = zones.list().to_vec();
    let limits = &part.job.limits;
    let mut encoder = Encoder::new(form, Kind::Calendar, part.detected, limits)?;
    encoder.calendar(&header)?;
    walk(part.input, label, |met| {
        if let Met::Component(component) = met
            && component.is_entry()
        {
            if entry::is_of_no_day(&component, &zones) {
                told.unclear = told.unclear.saturating_add(1);
                return Ok(());
            }
            encoder.entry(&entry::entry(&component, &zones, limits, &mut told))?;
        }
        Ok(())
    })?;
    told.settle(&mut part);
    finish(encoder, part)
}

fn property(line: &Line, header: &mut CalendarHeader, told: &mut Told) {
    match line.name.as_str() {
        "METHOD" if header.method.is_none() => {
            header.method = Method::from_word(line.value.trim());
            told.repaired = told.repaired.saturating_add(u32::from(header.method.is_none()));
        }
        "X-WR-CALNAME" | "NAME" if header.name.is_empty() => header.name = told.line(&line.text()),
        // Ours says which version and program it is of.
        "VERSION" | "PRODID" | "CALSCALE" | "X-WR-CALNAME" | "NAME" => {}
        _ => told.fields = told.fields.saturating_add(1),
    }
}

/// Reads address cards.
pub(crate) fn disarm_card(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let mut told = Told::default();
    let mut encoder = Encoder::new(form, Kind::Card, part.detected, &part.job.limits)?;
    let label = charset_parameter(part.job.declared_type.as_str());
    let (media, unread) = each_card(part.input, label, |lines| Ok(encoder.card(&contact::card(lines, &mut told))?))?;
    told.media = media;
    told.unread(unread);
    told.settle(&mut part);
    finish(encoder, part)
}

fn finish(mut encoder: Encoder<&mut dyn Write>, part: Part<'_>) -> Result<(), Error> {
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// Entries of one file.
const MAX_ENTRIES: u64 = Entry::MAX_ENTRIES;
