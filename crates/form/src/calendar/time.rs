//! Dates and times that exist.

use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// A day of the Gregorian calendar of the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day, where there is one.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Date> {
        let exists = (1..=9_999).contains(&year) && (1..=days_in(year, month)).contains(&day);
        exists.then_some(Date { year, month, day })
    }

    /// The year.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u16(self.year);
        sink.u8(self.month);
        sink.u8(self.day);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Date, DecodeError> {
        Date::new(cursor.u16()?, cursor.u8()?, cursor.u8()?).ok_or(DecodeError::Malformed("date"))
    }
}

/// The days of a month, 0 where there is no such month.
fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// A second of a day, as a clock on a wall shows it. Leap seconds are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DateTime {
    date: Date,
    hour: u8,
    minute: u8,
    second: u8,
}

impl DateTime {
    /// A time, where there is one.
    pub fn new(date: Date, hour: u8, minute: u8, second: u8) -> Option<DateTime> {
        (hour < 24 && minute < 60 && second < 60).then_some(DateTime { date, hour, minute, second })
    }

    /// The day.
    pub const fn date(self) -> Date {
        self.date
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        self.second
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        self.date.put(sink);
        sink.u8(self.hour);
        sink.u8(self.minute);
        sink.u8(self.second);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<DateTime, DecodeError> {
        let date = Date::take(cursor)?;
        DateTime::new(date, cursor.u8()?, cursor.u8()?, cursor.u8()?).ok_or(DecodeError::Malformed("time"))
    }
}

/// When something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// A whole day, wherever one is.
    Day(Date),
    /// A moment.
    Utc(DateTime),
    /// What the clock shows, wherever one is.
    Floating(DateTime),
    /// What the clock shows in a [`Zone`](super::Zone) of the calendar, which are numbered from 0.
    Zoned(DateTime, u16),
}

impl When {
    /// Whether it is a whole day.
    pub const fn is_day(&self) -> bool {
        matches!(self, When::Day(_))
    }

    /// Refuses a zone that the calendar does not have.
    pub(crate) fn check(&self, zones: u16) -> Result<(), DecodeError> {
        match self {
            When::Zoned(_, zone) if *zone >= zones => Err(DecodeError::Malformed("number of a time zone")),
            When::Day(_) | When::Utc(_) | When::Floating(_) | When::Zoned(..) => Ok(()),
        }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        match self {
            When::Day(date) => {
                sink.u8(1);
                date.put(sink);
            }
            When::Utc(time) => {
                sink.u8(2);
                time.put(sink);
            }
            When::Floating(time) => {
                sink.u8(3);
                time.put(sink);
            }
            When::Zoned(time, zone) => {
                sink.u8(4);
                time.put(sink);
                sink.u16(*zone);
            }
        }
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<When, DecodeError> {
        Ok(match cursor.u8()? {
            1 => When::Day(Date::take(cursor)?),
            2 => When::Utc(DateTime::take(cursor)?),
            3 => When::Floating(DateTime::take(cursor)?),
            4 => When::Zoned(DateTime::take(cursor)?, cursor.u16()?),
            _ => return Err(DecodeError::Malformed("kind of a time")),
        })
    }
}

/// How long something is: days as the calendar counts them, which may have 23 or 25 hours, and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Whether it goes back in time.
    pub negative: bool,
    /// Whole days, at most [`Span::MAX_DAYS`].
    pub days: u32,
    /// Seconds beside them, at most [`Span::MAX_SECONDS`].
    pub seconds: u32,
}

impl Span {
    /// The most days: a hundred years.
    pub const MAX_DAYS: u32 = 36_525;
    /// The most seconds: a hundred years.
    pub const MAX_SECONDS: u32 = 3_155_760_000;

    /// Whether it is inside its bounds.
    pub const fn is_bounded(&self) -> bool {
        self.days <= Self::MAX_DAYS && self.seconds <= Self::MAX_SECONDS
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.flag(self.negative);
        sink.u32(self.days);
        sink.u32(self.seconds);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Span, DecodeError> {
        Ok(Span { negative: cursor.flag()?, days: cursor.u32()?, seconds: cursor.u32()? })
    }

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        if self.is_bounded() { Ok(()) } else { Err(DecodeError::Malformed("length of time")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_days() {
        for (year, month, day, good) in [
            (2024, 2, 29, true),
            (2023, 2, 29, false),
            (1900, 2, 29, false),
            (2000, 2, 29, true),
            (2026, 4, 31, false),
            (2026, 12, 31, true),
            (2026, 13, 1, false),
            (2026, 0, 1, false),
            (2026, 1, 0, false),
            (0, 1, 1, false),
            (1, 1, 1, true),
            (9999, 12, 31, true),
            (10_000, 1, 1, false),
        ] {
            assert_eq!(Date::new(year, month, day).is_some(), good, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn only_times_of_a_day_are_times() {
        let date = Date::new(2026, 1, 1).unwrap();
        for (hour, minute, second, good) in
            [(0, 0, 0, true), (23, 59, 59, true), (24, 0, 0, false), (0, 60, 0, false), (23, 59, 60, false)]
        {
            assert_eq!(DateTime::new(date, hour, minute, second).is_some(), good);
        }
    }
}
