//! A calendar.

use std::io::{self, Write};

use form::calendar::{Alarm, Attendee, CalendarHeader, End, Entry, EntryKind, Observance, Person, Trigger, When, Zone};
use form::mail::Address;
use form::percent;

use super::line::Line;
use super::rule::{local, offset, rule, span, utc, when};

/// How every calendar of ours begins.
pub(super) const HEAD: &str =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Misogi//Misogi//JA\r\nCALSCALE:GREGORIAN\r\n";

pub(super) fn head(header: &CalendarHeader, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    if let Some(method) = header.method {
        Line::new("METHOD").plain(method.word(), out)?;
    }
    Line::new("X-WR-CALNAME").some(header.name.as_str(), out)?;
    header.zones.iter().filter(|zone| !zone.observances.is_empty()).try_for_each(|zone| self::zone(zone, out))
}

pub(super) fn end(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"END:VCALENDAR\r\n")
}

fn zone(zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    Line::new("BEGIN").plain("VTIMEZONE", out)?;
    Line::new("TZID").text(zone.name.as_str(), out)?;
    for observance in &zone.observances {
        let kind = if observance.daylight { "DAYLIGHT" } else { "STANDARD" };
        Line::new("BEGIN").plain(kind, out)?;
        let Observance { daylight: _, start, from, to, rule: rules, dates, name } = observance;
        Line::new("DTSTART").plain(&local(*start), out)?;
        Line::new("TZOFFSETFROM").plain(&offset(*from), out)?;
        Line::new("TZOFFSETTO").plain(&offset(*to), out)?;
        if let Some(rules) = rules {
            Line::new("RRULE").plain(&rule(rules), out)?;
        }
        for date in dates {
            Line::new("RDATE").plain(&local(*date), out)?;
        }
        Line::new("TZNAME").some(name.as_str(), out)?;
        Line::new("END").plain(kind, out)?;
    }
    Line::new("END").plain("VTIMEZONE", out)
}

pub(super) fn entry(entry: &Entry, zones: &[Zone], out: &mut dyn Write) -> io::Result<()> {
    let kind = match entry.kind {
        EntryKind::Event => "VEVENT",
        EntryKind::Task => "VTODO",
        EntryKind::Journal => "VJOURNAL",
    };
    let time = |name: &str, value: &When, out: &mut dyn Write| {
        let line = Line::new(name);
        let line = match value {
            When::Day(_) => line.word("VALUE", "DATE"),
            When::Utc(_) | When::Floating(_) => line,
            When::Zoned(_, number) => {
                let zone = zones.get(usize::from(*number)).map_or("", |zone| zone.name.as_str());
                if zone.contains([':', ';', ',']) { line.quoted("TZID", zone) } else { line.word("TZID", zone) }
            }
        };
        line.plain(&when(value), out)
    };
    Line::new("BEGIN").plain(kind, out)?;
    Line::new("UID").text(entry.uid.as_str(), out)?;
    // The standard asks for one; one that is older than all others replaces none of them.
    Line::new("DTSTAMP").plain(&entry.stamp.map_or_else(|| "19700101T000000Z".to_owned(), utc), out)?;
    if entry.sequence > 0 {
        Line::new("SEQUENCE").plain(&entry.sequence.to_string(), out)?;
    }
    if let Some(recurrence) = &entry.recurrence {
        let name = if recurrence.and_following { "RECURRENCE-ID;RANGE=THISANDFUTURE" } else { "RECURRENCE-ID" };
        time(name, &recurrence.at, out)?;
    }
    if let Some(start) = &entry.start {
        time("DTSTART", start, out)?;
    }
    match &entry.end {
        Some(End::At(end)) => time(if entry.kind == EntryKind::Task { "DUE" } else { "DTEND" }, end, out)?,
        Some(End::After(length)) => Line::new("DURATION").plain(&span(length), out)?,
        None => {}
    }
    for repeated in &entry.rules {
        Line::new("RRULE").plain(&rule(repeated), out)?;
    }
    for date in &entry.dates {
        time("RDATE", date, out)?;
    }
    for date in &entry.exceptions {
        time("EXDATE", date, out)?;
    }
    Line::new("SUMMARY").some(entry.summary.as_str(), out)?;
    Line::new("LOCATION").some(entry.location.as_str(), out)?;
    Line::new("DESCRIPTION").some(entry.description.as_str(), out)?;
    for comment in &entry.comments {
        Line::new("COMMENT").some(comment.as_str(), out)?;
    }
    for contact in &entry.contacts {
        Line::new("CONTACT").some(contact.as_str(), out)?;
    }
    Line::new("CATEGORIES").texts(entry.categories.iter().map(|line| line.as_str()), ",", out)?;
    if let Some(url) = &entry.url {
        Line::new("URL").plain(url.as_str(), out)?;
    }
    for conference in &entry.conferences {
        Line::new("CONFERENCE").word("VALUE", "URI").plain(conference.as_str(), out)?;
    }
    if let Some(organizer) = &entry.organizer {
        person(Line::new("ORGANIZER"), organizer, out)?;
    }
    for attendee in &entry.attendees {
        self::attendee(attendee, out)?;
    }
    status(entry, out)?;
    for (name, stamp) in [("COMPLETED", entry.completed), ("CREATED", entry.created), ("LAST-MODIFIED", entry.modified)]
    {
        if let Some(stamp) = stamp {
            Line::new(name).plain(&utc(stamp), out)?;
        }
    }
    for alarm in &entry.alarms {
        self::alarm(alarm, entry.summary.as_str(), out)?;
    }
    Line::new("END").plain(kind, out)
}

fn status(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    if let Some(state) = entry.state {
        Line::new("STATUS").plain(state.word(), out)?;
    }
    if let Some(confidentiality) = entry.confidentiality {
        Line::new("CLASS").plain(confidentiality.word(), out)?;
    }
    if entry.transparent {
        Line::new("TRANSP").plain("TRANSPARENT", out)?;
    }
    if entry.priority > 0 {
        Line::new("PRIORITY").plain(&entry.priority.to_string(), out)?;
    }
    if let Some(percent) = entry.percent {
        Line::new("PERCENT-COMPLETE").plain(&percent.to_string(), out)?;
    }
    Ok(())
}

fn attendee(attendee: &Attendee, out: &mut dyn Write) -> io::Result<()> {
    let words = [
        ("CUTYPE", attendee.kind.map(|kind| kind.word())),
        ("ROLE", attendee.role.map(|role| role.word())),
        ("PARTSTAT", attendee.answer.map(|answer| answer.word())),
        ("RSVP", attendee.rsvp.then_some("TRUE")),
    ];
    let line = words.into_iter().fold(Line::new("ATTENDEE"), |line, (name, word)| match word {
        Some(word) => line.word(name, word),
        None => line,
    });
    person(line, &attendee.person, out)
}

fn person(line: Line, person: &Person, out: &mut dyn Write) -> io::Result<()> {
    let line = if person.name.is_empty() { line } else { line.quoted("CN", person.name.as_str()) };
    let line = match &person.sent_by {
        Some(address) => line.quoted("SENT-BY", &mailto(address)),
        None => line,
    };
    line.plain(&mailto(&person.address), out)
}

/// RFC 6068: the quotes of an old address of a phone, and what would begin an escape, are escaped.
fn mailto(address: &Address) -> String {
    let mut out = String::from("mailto:");
    for c in address.as_str().chars() {
        match u8::try_from(c) {
            Ok(mark @ (b'"' | b'%' | b'?' | b'#')) => percent::escape(mark, &mut out),
            _ => out.push(c),
        }
    }
    out
}

fn alarm(alarm: &Alarm, summary: &str, out: &mut dyn Write) -> io::Result<()> {
    Line::new("BEGIN").plain("VALARM", out)?;
    Line::new("ACTION").plain("DISPLAY", out)?;
    Line::new("DESCRIPTION").text(if summary.is_empty() { "予定" } else { summary }, out)?;
    match &alarm.trigger {
        Trigger::Start(length) => Line::new("TRIGGER").plain(&span(length), out)?,
        Trigger::End(length) => Line::new("TRIGGER").word("RELATED", "END").plain(&span(length), out)?,
        Trigger::At(time) => Line::new("TRIGGER").word("VALUE", "DATE-TIME").plain(&utc(*time), out)?,
    }
    Line::new("END").plain("VALARM", out)
}
