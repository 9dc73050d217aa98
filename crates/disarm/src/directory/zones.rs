//! The time zones of a calendar, numbered as they are met.

use std::collections::{BTreeMap, BTreeSet};

use form::calendar::{Date, DateTime, Observance, When, Zone};
use form::text::Line as Words;

use super::line::Line;
use super::time;
use super::walk::Component;

/// The zones that a calendar describes or names.
#[derive(Default)]
pub(super) struct Zones {
    zones: Vec<Zone>,
    numbers: BTreeMap<String, u16>,
    /// Descriptions that were left out because they cannot be read, or came a second time.
    pub(super) repaired: u32,
    named: BTreeSet<String>,
}

impl Zones {
    /// Takes a description.
    pub(super) fn describe(&mut self, component: &Component) {
        let Some(name) = component.first("TZID").and_then(|line| name_of(&line.text())) else {
            self.repaired = self.repaired.saturating_add(1);
            return;
        };
        let most = usize::try_from(Zone::MAX_OBSERVANCES).unwrap_or(0);
        // With one observance missing the others hold in its months too: then the name alone says more.
        let read: Option<Vec<Observance>> = component.inner.iter().map(observance).collect();
        let read = read.filter(|observances| observances.len() <= most);
        let is_whole = read.is_some();
        let mut observances = read.unwrap_or_default();
        // Readers (Python's icalendar) give up on a zone of nothing but summer time. What its clocks show is the same.
        if observances.iter().all(|observance| observance.daylight) {
            observances.iter_mut().for_each(|observance| observance.daylight = false);
        }
        let known = self.numbers.get(&name).and_then(|number| self.zones.get(usize::from(*number)));
        if !is_whole || known.is_some() {
            self.repaired = self.repaired.saturating_add(1);
        }
        if known.is_none() && !observances.is_empty() {
            self.add(name, observances);
        }
    }

    /// Takes note of the zone that a line names.
    pub(super) fn name(&mut self, line: &Line) {
        if let Some(name) = line.param("TZID").and_then(name_of)
            && !is_utc(&name)
            && self.named.len() < MAX_NAMED
        {
            self.named.insert(name);
        }
    }

    /// All names are known: a zone that none described is the one of Japan, or known by its name alone. Those are told.
    pub(super) fn settle(&mut self) -> u32 {
        let mut unknown = 0_u32;
        for name in std::mem::take(&mut self.named) {
            if self.numbers.contains_key(&name) {
                continue;
            }
            let japan = is_japan(&name).then(japan).flatten();
            if japan.is_none() {
                unknown = unknown.saturating_add(1);
            }
            self.add(name, japan.into_iter().collect());
        }
        unknown
    }

    fn add(&mut self, name: String, observances: Vec<Observance>) {
        let most = usize::try_from(Zone::MAX_ZONES).unwrap_or(0);
        let Some(number) = u16::try_from(self.zones.len()).ok().filter(|_| self.zones.len() < most) else {
            self.repaired = self.repaired.saturating_add(1);
            return;
        };
        self.zones.push(Zone { name: Words::scrub(&name).0, observances });
        self.numbers.insert(name, number);
    }

    pub(super) fn list(&self) -> &[Zone] {
        &self.zones
    }

    /// When a value of a line is. A time in a zone beyond the last one that is kept is nothing.
    pub(super) fn when(&self, value: &str, line: &Line) -> Option<When> {
        match (time::when(value)?, line.param("TZID").and_then(name_of)) {
            (When::Floating(time), Some(zone)) => match self.numbers.get(&zone) {
                Some(number) => Some(When::Zoned(time, *number)),
                None => is_utc(&zone).then_some(When::Utc(time)),
            },
            (when, _) => Some(when),
        }
    }
}

/// A name as it can be written again.
fn name_of(raw: &str) -> Option<String> {
    let name = Words::scrub(&raw.replace('"', "")).0;
    let name = Words::scrub(name.as_str().trim()).0.cut(Zone::MAX_NAME_BYTES);
    (!name.is_empty()).then(|| name.as_str().to_owned())
}

fn is_utc(name: &str) -> bool {
    ["UTC", "GMT", "Etc/UTC", "Etc/GMT", "Z"].iter().any(|utc| name.eq_ignore_ascii_case(utc))
}

fn observance(component: &Component) -> Option<Observance> {
    let daylight = match component.kind.as_str() {
        "DAYLIGHT" => true,
        "STANDARD" => false,
        _ => return None,
    };
    let value = |name: &str| component.first(name).map(|line| line.value.as_str());
    let dates = component.all("RDATE").flat_map(|line| line.value.split(','));
    let dates = dates.map(|date| time::clock(date.trim().trim_end_matches(['Z', 'z']))).collect::<Option<Vec<_>>>()?;
    if dates.len() > usize::try_from(Zone::MAX_DATES).unwrap_or(0) || component.all("RRULE").count() > 1 {
        return None;
    }
    let name = component.first("TZNAME").map(Line::text).unwrap_or_default();
    Some(Observance {
        daylight,
        start: time::clock(value("DTSTART")?.trim_end_matches(['Z', 'z']))?,
        from: time::offset(value("TZOFFSETFROM")?)?,
        to: time::offset(value("TZOFFSETTO")?)?,
        // An observance without its rule would hold for ever.
        rule: match value("RRULE") {
            Some(rule) => Some(time::rule(rule)?),
            None => None,
        },
        dates,
        name: Words::scrub(&name).0.cut(Zone::MAX_NAME_BYTES),
    })
}

/// Whether programs call the zone of Japan so; Outlook in full words, with the distance to Greenwich before them.
pub(super) fn is_japan(name: &str) -> bool {
    JAPAN.contains(&name) || CITIES.iter().any(|cities| name.ends_with(cities))
}

/// Japan has had no summer time since 1951.
fn japan() -> Option<Observance> {
    let start = DateTime::new(Date::new(1970, 1, 1)?, 0, 0, 0)?;
    let name = Words::scrub("JST").0;
    Some(Observance { daylight: false, start, from: JST, to: JST, rule: None, dates: Vec::new(), name })
}

const JST: i32 = 9 * 3_600;
/// What programs call the zone of Japan.
const JAPAN: [&str; 5] = ["Asia/Tokyo", "Japan", "JST", "Tokyo Standard Time", "東京 (標準時)"];
const CITIES: [&str; 2] = ["大阪、札幌、東京", "Osaka, Sapporo, Tokyo"];
/// Names of zones that are looked at; more than a calendar keeps.
const MAX_NAMED: usize = 1_000;
