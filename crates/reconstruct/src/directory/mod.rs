//! Calendars (RFC 5545) and address cards (vCard 3.0, RFC 2426) from typed values.

mod calendar;
mod card;
mod line;
mod links;
mod rule;

use std::io::{BufWriter, Write};

use form::Reason;
use form::calendar::Method;
use form::codec::Event;
use form::job::Links;
use form::report::{OutputType, PageLevels};

use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};
use crate::text::told;
use links::Treatment;

/// Writes a calendar.
pub(crate) fn write_calendar(form: &mut Form<'_>, links: Links, out: &mut Output<'_>) -> Result<Written, Error> {
    write(form, links, out, OutputType::Calendar)
}

/// Writes address cards.
pub(crate) fn write_cards(form: &mut Form<'_>, links: Links, out: &mut Output<'_>) -> Result<Written, Error> {
    write(form, links, out, OutputType::Card)
}

/// What a calendar of ours asks of its reader: the line that [`write_calendar`] writes for it stands in its head or nowhere.
pub(crate) fn method(calendar: &[u8]) -> Option<Method> {
    let head = calendar.strip_prefix(calendar::HEAD.as_bytes())?.strip_prefix(b"METHOD:")?;
    let end = head.windows(2).take(MAX_WORD).position(|pair| pair == b"\r\n")?;
    Method::from_word(std::str::from_utf8(head.get(..end)?).ok()?)
}

fn write(form: &mut Form<'_>, links: Links, out: &mut Output<'_>, output: OutputType) -> Result<Written, Error> {
    let mut treatment = Treatment::new(links);
    let mut findings = Vec::new();
    let mut zones = Vec::new();
    let mut out = BufWriter::with_capacity(BUFFER, out);
    loop {
        match form.next()? {
            Event::Calendar(mut header) => {
                treatment.header(&mut header);
                calendar::head(&header, &mut out)?;
                zones = header.zones;
            }
            Event::Entry(mut entry) => {
                treatment.entry(&mut entry);
                calendar::entry(&entry, &zones, &mut out)?;
            }
            Event::Card(mut card) => {
                treatment.card(&mut card);
                card::write(&card, &mut out)?;
            }
            Event::Finding(finding) => findings.push(finding),
            Event::End => break,
            Event::Text(_)
            | Event::TextSource(_)
            | Event::MailHeader(_)
            | Event::Child(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Pixels(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Pages(_)
            | Event::Glyph(_)
            | Event::Picture(_)
            | Event::Gradient(_)
            | Event::Canvas(_)
            | Event::Page(_)
            | Event::Operations(_)
            | Event::Link(_)
            | Event::OutlineItem(_)
            | Event::PageLabel(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    if output == OutputType::Calendar {
        calendar::end(&mut out)?;
    }
    out.flush()?;
    drop(out);
    findings.extend(told(links, treatment.count()));
    Ok(Written { output, pages: 0, levels: PageLevels::default(), findings })
}

const BUFFER: usize = 64 * 1024;
/// Letters of the longest word of a method, and more.
const MAX_WORD: usize = 32;
