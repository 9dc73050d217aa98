//! Time zones as a calendar brings them.

use super::rule::Rule;
use super::time::DateTime;
use crate::codec::DecodeError;
use crate::container::take_line;
use crate::reason::{Reason, Refusal};
use crate::text::Line;
use crate::wire::{Cursor, Sink, size};

/// A time zone. One without observances is known by its name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name, unique in the calendar, 1 to [`Zone::MAX_NAME_BYTES`] bytes without quotes.
    pub name: Line,
    /// Since when its clocks show what, at most [`Zone::MAX_OBSERVANCES`].
    pub observances: Vec<Observance>,
}

/// From a time on, clocks show this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observance {
    /// Whether it is summer time.
    pub daylight: bool,
    /// Since when, as the clocks showed until then.
    pub start: DateTime,
    /// Seconds that clocks were ahead of UTC until then, less than a day.
    pub from: i32,
    /// Seconds that they are ahead since.
    pub to: i32,
    /// When this comes again.
    pub rule: Option<Rule>,
    /// Further times at which it begins, at most [`Zone::MAX_DATES`].
    pub dates: Vec<DateTime>,
    /// What it is called, may be empty.
    pub name: Line,
}

impl Zone {
    /// The most zones of a calendar.
    pub const MAX_ZONES: u32 = 200;
    /// The most observances of a zone: the history of one since 1900 has fewer.
    pub const MAX_OBSERVANCES: u32 = 500;
    /// The most further dates of an observance.
    pub const MAX_DATES: u32 = 500;
    /// The most bytes of a name, and of the name of an observance.
    pub const MAX_NAME_BYTES: usize = 255;

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        let name = self.name.as_str();
        if name.is_empty() || name.len() > Self::MAX_NAME_BYTES || name.contains('"') {
            return Err(DecodeError::Malformed("name of a time zone"));
        }
        Refusal::check(Reason::LimitEntries, Self::MAX_OBSERVANCES.into(), size(self.observances.len()))?;
        self.observances.iter().try_for_each(Observance::check)
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.string(self.name.as_str());
        sink.list(&self.observances, Observance::put);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Zone, DecodeError> {
        Ok(Zone {
            name: take_line(cursor, "name of a time zone")?,
            observances: cursor.list(Self::MAX_OBSERVANCES, Reason::LimitEntries, Observance::take)?,
        })
    }
}

impl Observance {
    fn check(&self) -> Result<(), DecodeError> {
        let offset = |seconds: i32| (-86_399..=86_399).contains(&seconds);
        if !offset(self.from) || !offset(self.to) || self.name.as_str().len() > Zone::MAX_NAME_BYTES {
            return Err(DecodeError::Malformed("observance of a time zone"));
        }
        Refusal::check(Reason::LimitEntries, Zone::MAX_DATES.into(), size(self.dates.len()))?;
        self.rule.as_ref().map_or(Ok(()), Rule::check)
    }

    fn put(&self, sink: &mut Sink) {
        sink.flag(self.daylight);
        self.start.put(sink);
        sink.i32(self.from);
        sink.i32(self.to);
        sink.option(self.rule.as_ref(), Rule::put);
        sink.list(&self.dates, DateTime::put);
        sink.string(self.name.as_str());
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Observance, DecodeError> {
        Ok(Observance {
            daylight: cursor.flag()?,
            start: DateTime::take(cursor)?,
            from: cursor.i32()?,
            to: cursor.i32()?,
            rule: cursor.option(Rule::take)?,
            dates: cursor.list(Zone::MAX_DATES, Reason::LimitEntries, DateTime::take)?,
            name: take_line(cursor, "name of an observance")?,
        })
    }
}
