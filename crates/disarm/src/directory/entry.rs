//! An entry of a calendar as typed values.

use form::Limits;
use form::calendar::{
    Alarm, Attendee, AttendeeKind, Confidentiality, DateTime, End, Entry, EntryKind, EntryState, Participation, Person,
    Recurrence, Role, Trigger, When,
};
use form::text::Text;
use sha2::{Digest, Sha256};

use super::line::Line;
use super::time;
use super::told::{MAX_REMARK, MAX_TEXT, Told, address};
use super::walk::Component;
use super::zones::Zones;

/// Reads one entry.
pub(super) fn entry(component: &Component, zones: &Zones, limits: &Limits, told: &mut Told) -> Entry {
    let kind = match component.kind.as_str() {
        "VTODO" => EntryKind::Task,
        "VJOURNAL" => EntryKind::Journal,
        _ => EntryKind::Event,
    };
    let uid = component.first("UID").map(|line| line.text()).filter(|uid| !uid.trim().is_empty());
    let uid = match uid {
        Some(uid) => told.line_of(&uid, Entry::MAX_UID_BYTES),
        None => {
            told.repaired = told.repaired.saturating_add(1);
            told.line(&own_uid(component))
        }
    };
    let mut reader = Reader { entry: Entry::new(kind, uid), zones, limits, told, seen: Vec::new() };
    for line in &component.lines {
        reader.line(line);
    }
    reader.settle();
    for alarm in &component.inner {
        reader.alarm(alarm);
    }
    reader.entry
}

/// Whether this changes one time of a series and does not say which: without that it would be a series of its own, or the whole.
pub(super) fn is_of_no_day(component: &Component, zones: &Zones) -> bool {
    component.first("RECURRENCE-ID").is_some_and(|line| zones.when(&line.value, line).is_none())
}

struct Reader<'a> {
    entry: Entry,
    zones: &'a Zones,
    limits: &'a Limits,
    told: &'a mut Told,
    /// Names of lines that may stand there once and have stood there.
    seen: Vec<String>,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line) {
        let name = line.name.as_str();
        if ONCE.contains(&name) {
            if self.seen.iter().any(|seen| seen == name) {
                return self.repaired();
            }
            self.seen.push(name.to_owned());
        }
        // HTML that programs show in place of the text.
        let alternatives = line.params("ALTREP").count();
        self.told.fields = self.told.fields.saturating_add(u32::try_from(alternatives).unwrap_or(u32::MAX));
        let word = line.value.trim();
        match name {
            "UID" => {}
            "SUMMARY" => self.entry.summary = self.told.line(&line.text()),
            "LOCATION" => self.entry.location = self.told.text(&line.text(), MAX_REMARK),
            "DESCRIPTION" => self.entry.description = self.told.text(&line.text(), MAX_TEXT),
            "COMMENT" => self.remark(line, |entry| &mut entry.comments),
            "CONTACT" => self.remark(line, |entry| &mut entry.contacts),
            "CATEGORIES" => {
                for value in line.list() {
                    let category = self.told.line(&value);
                    self.told.push(&mut self.entry.categories, Entry::MAX_TEXTS, category);
                }
            }
            "DTSTART" => self.entry.start = self.when(line),
            "DTEND" | "DUE" => {
                if let Some(when) = self.when(line) {
                    self.end(End::At(when));
                }
            }
            "DURATION" => match time::span(word) {
                Some(span) => self.end(End::After(span)),
                None => self.repaired(),
            },
            "RECURRENCE-ID" => {
                let and_following =
                    line.param("RANGE").is_some_and(|range| range.eq_ignore_ascii_case("THISANDFUTURE"));
                self.entry.recurrence = self.when(line).map(|at| Recurrence { at, and_following });
            }
            "RRULE" => match time::rule(word) {
                Some(rule) => self.told.push(&mut self.entry.rules, Entry::MAX_RULES, rule),
                None => self.told.repetitions = self.told.repetitions.saturating_add(1),
            },
            "RDATE" => self.dates(line, |entry| &mut entry.dates),
            "EXDATE" => self.dates(line, |entry| &mut entry.exceptions),
            "DTSTAMP" => self.entry.stamp = self.stamp(word),
            "CREATED" => self.entry.created = self.stamp(word),
            "LAST-MODIFIED" => self.entry.modified = self.stamp(word),
            "COMPLETED" => self.entry.completed = self.stamp(word),
            "SEQUENCE" => self.entry.sequence = self.number(word),
            "PRIORITY" => self.entry.priority = self.number::<u8>(word).min(9),
            "PERCENT-COMPLETE" => self.entry.percent = Some(self.number::<u8>(word).min(100)),
            "STATUS" => self.entry.state = self.known(EntryState::from_word(word)),
            "CLASS" => self.entry.confidentiality = self.known(Confidentiality::from_word(word)),
            "TRANSP" => self.entry.transparent = word.eq_ignore_ascii_case("TRANSPARENT"),
            "URL" => self.entry.url = self.told.url(word),
            "RESOURCES" => self.say("備品・部屋", &line.list().join(", ")),
            // Numbers to be dialled are no link that a program is to open.
            "CONFERENCE" if word.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("tel:")) => {
                self.say("会議の電話番号", word.get(4..).unwrap_or_default());
            }
            "CONFERENCE" | "X-GOOGLE-CONFERENCE" => {
                if let Some(url) = self.told.url(word) {
                    self.told.push(&mut self.entry.conferences, Entry::MAX_TEXTS, url);
                }
            }
            "ORGANIZER" => self.entry.organizer = self.person(line),
            "ATTENDEE" => self.attendee(line),
            "ATTACH" => self.told.files = self.told.files.saturating_add(1),
            // Days that do not take place by a rule, which no program writes any more.
            "EXRULE" => self.told.repetitions = self.told.repetitions.saturating_add(1),
            _ => self.told.fields = self.told.fields.saturating_add(1),
        }
    }

    /// Adds a remark of what has no field of its own.
    fn say(&mut self, label: &str, value: &str) {
        if !value.trim().is_empty() {
            let remark = self.told.text(&format!("{label}: {value}"), MAX_REMARK);
            self.told.push(&mut self.entry.comments, Entry::MAX_TEXTS, remark);
        }
    }

    fn repaired(&mut self) {
        self.told.repaired = self.told.repaired.saturating_add(1);
    }

    fn known<T>(&mut self, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.repaired();
        }
        value
    }

    fn number<T: std::str::FromStr + Default>(&mut self, word: &str) -> T {
        self.known(word.parse().ok()).unwrap_or_default()
    }

    fn when(&mut self, line: &Line) -> Option<When> {
        let when = self.zones.when(&line.value, line);
        self.known(when)
    }

    /// Stamps are in UTC, whether they say so or not.
    fn stamp(&mut self, word: &str) -> Option<DateTime> {
        let time = time::clock(word.trim_end_matches(['Z', 'z']));
        self.known(time)
    }

    fn end(&mut self, end: End) {
        if self.entry.end.is_some() || self.entry.kind == EntryKind::Journal {
            return self.repaired();
        }
        self.entry.end = Some(end);
    }

    fn dates(&mut self, line: &Line, list: impl Fn(&mut Entry) -> &mut Vec<When>) {
        for value in line.value.split(',').map(str::trim).filter(|value| !value.is_empty()) {
            let (start, is_period) = match value.split_once('/') {
                Some((start, _)) => (start, true),
                None => (value, false),
            };
            // Of a period the beginning is kept: it lasts as long as the entry does.
            if is_period {
                self.repaired();
            }
            let when = self.zones.when(start, line);
            if let Some(when) = self.known(when) {
                self.told.push(list(&mut self.entry), Entry::MAX_DATES, when);
            }
        }
    }

    fn remark(&mut self, line: &Line, list: impl Fn(&mut Entry) -> &mut Vec<Text>) {
        let text = self.told.text(&line.text(), MAX_REMARK);
        if !text.is_empty() {
            self.told.push(list(&mut self.entry), Entry::MAX_TEXTS, text);
        }
    }

    fn person(&mut self, line: &Line) -> Option<Person> {
        // Apple names people by number and gives the address beside it.
        let value =
            if address(&line.value).is_some() { &line.value } else { line.param("EMAIL").unwrap_or(&line.value) };
        let address = self.told.address(value)?;
        let sent_by = line.param("SENT-BY").and_then(|sender| self.told.address(sender));
        Some(Person { name: self.told.line(line.param("CN").unwrap_or_default()), address, sent_by })
    }

    fn attendee(&mut self, line: &Line) {
        let Some(person) = self.person(line) else { return };
        let word = |name: &str| line.param(name).map(str::trim).unwrap_or_default();
        let attendee = Attendee {
            person,
            role: Role::from_word(word("ROLE")),
            answer: Participation::from_word(word("PARTSTAT")),
            kind: AttendeeKind::from_word(word("CUTYPE")),
            rsvp: word("RSVP").eq_ignore_ascii_case("TRUE"),
        };
        self.told.push(&mut self.entry.attendees, self.limits.addresses, attendee);
    }

    /// A day and a time are no beginning and end of one thing.
    fn settle(&mut self) {
        let differs = match (self.entry.start, self.entry.end) {
            (Some(start), Some(End::At(end))) => start.is_day() != end.is_day(),
            _ => false,
        };
        if differs {
            self.entry.end = None;
            self.repaired();
        }
        if let Some(start) = self.entry.start {
            let before = self.entry.rules.len();
            self.entry.rules.retain(|rule| rule.is_met_from(&start));
            let lost = before.saturating_sub(self.entry.rules.len());
            self.told.repetitions = self.told.repetitions.saturating_add(u32::try_from(lost).unwrap_or(u32::MAX));
        }
    }

    /// One that shows something stays; one that sounds, writes mails or runs a program goes.
    fn alarm(&mut self, component: &Component) {
        let shows = component.first("ACTION").is_some_and(|line| line.value.trim().eq_ignore_ascii_case("DISPLAY"));
        let trigger = component.first("TRIGGER").filter(|_| shows && component.kind == "VALARM").and_then(trigger);
        let most = usize::try_from(Entry::MAX_ALARMS).unwrap_or(0);
        match trigger {
            Some(trigger) if self.entry.alarms.len() < most => self.entry.alarms.push(Alarm { trigger }),
            Some(_) | None => self.told.alarms = self.told.alarms.saturating_add(1),
        }
    }
}

fn trigger(line: &Line) -> Option<Trigger> {
    if let Some(span) = time::span(&line.value) {
        let from_end = line.param("RELATED").is_some_and(|related| related.eq_ignore_ascii_case("END"));
        return Some(if from_end { Trigger::End(span) } else { Trigger::Start(span) });
    }
    time::utc(&line.value).map(Trigger::At)
}

/// The same for the same entry, so that a second import is none of its own.
fn own_uid(component: &Component) -> String {
    let mut hash = Sha256::new();
    for line in &component.lines {
        hash.update(line.name.as_bytes());
        hash.update(b":");
        hash.update(line.value.as_bytes());
        hash.update(b"\n");
    }
    let digest = hash.finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What an entry may say once.
const ONCE: [&str; 23] = [
    "UID",
    "SUMMARY",
    "LOCATION",
    "DESCRIPTION",
    "DTSTART",
    "DTEND",
    "DUE",
    "DURATION",
    "RECURRENCE-ID",
    "DTSTAMP",
    "CREATED",
    "LAST-MODIFIED",
    "COMPLETED",
    "SEQUENCE",
    "PRIORITY",
    "PERCENT-COMPLETE",
    "STATUS",
    "CLASS",
    "TRANSP",
    "URL",
    "ORGANIZER",
    "EXRULE",
    "GEO",
];
