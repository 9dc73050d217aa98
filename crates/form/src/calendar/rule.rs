//! Rules of repetition (RFC 5545 3.3.10).

use super::time::When;
use crate::codec::DecodeError;
use crate::reason::Reason;
use crate::wire::{Cursor, Sink, worded};

worded! {
    /// How often. Repetition by the minute or second is none: programs that list such an entry do not come back.
    pub enum Frequency {
        /// Every hour.
        Hourly = 1 "HOURLY",
        /// Every day.
        Daily = 2 "DAILY",
        /// Every week.
        Weekly = 3 "WEEKLY",
        /// Every month.
        Monthly = 4 "MONTHLY",
        /// Every year.
        Yearly = 5 "YEARLY",
    }
}

worded! {
    /// A day of the week.
    pub enum Weekday {
        /// Monday.
        Monday = 1 "MO",
        /// Tuesday.
        Tuesday = 2 "TU",
        /// Wednesday.
        Wednesday = 3 "WE",
        /// Thursday.
        Thursday = 4 "TH",
        /// Friday.
        Friday = 5 "FR",
        /// Saturday.
        Saturday = 6 "SA",
        /// Sunday.
        Sunday = 7 "SU",
    }
}

/// When a repetition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Never.
    Forever,
    /// After so many times, at least one.
    Times(u32),
    /// With the last time that is not after this; never [`When::Zoned`].
    Until(When),
}

/// A rule of repetition. Lists may be empty; no value stands in one twice its meaning: all are judged by [`Rule::is_sound`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How often.
    pub frequency: Frequency,
    /// Each so-and-so-manieth time, at least 1.
    pub interval: u16,
    /// When it ends.
    pub ends: Repetition,
    /// Minutes of the hour, 0 to 59.
    pub minutes: Vec<i16>,
    /// Hours of the day, 0 to 23.
    pub hours: Vec<i16>,
    /// Days of the week, with the number of that day in the month or year, negative from its end, 0 for all.
    pub weekdays: Vec<(i16, Weekday)>,
    /// Days of the month, 1 to 31 or -31 to -1.
    pub month_days: Vec<i16>,
    /// Days of the year, 1 to 366 or -366 to -1.
    pub year_days: Vec<i16>,
    /// Weeks of the year, 1 to 53 or -53 to -1.
    pub weeks: Vec<i16>,
    /// Months, 1 to 12.
    pub months: Vec<i16>,
    /// Which of the days that all this gives, 1 to 366 or -366 to -1.
    pub positions: Vec<i16>,
    /// The first day of the week, where it is not Monday.
    pub week_start: Option<Weekday>,
}

impl Rule {
    /// The most values of a list.
    pub const MAX_VALUES: u32 = 400;

    /// A rule of a frequency without conditions.
    pub const fn new(frequency: Frequency) -> Rule {
        Rule {
            frequency,
            interval: 1,
            ends: Repetition::Forever,
            minutes: Vec::new(),
            hours: Vec::new(),
            weekdays: Vec::new(),
            month_days: Vec::new(),
            year_days: Vec::new(),
            weeks: Vec::new(),
            months: Vec::new(),
            positions: Vec::new(),
            week_start: None,
        }
    }

    /// Whether every value is one that its list may have, and the rule ever comes true: a program that looks for the 30th of
    /// February looks for long.
    pub fn is_sound(&self) -> bool {
        let around = |list: &[i16], most: i16| list.iter().all(|value| *value != 0 && (-most..=most).contains(value));
        let within = |list: &[i16], least: i16, most: i16| list.iter().all(|value| (least..=most).contains(value));
        let lists =
            [&self.minutes, &self.hours, &self.month_days, &self.year_days, &self.weeks, &self.months, &self.positions];
        let short = |len: usize| u32::try_from(len).is_ok_and(|len| len <= Self::MAX_VALUES);
        let ends = match self.ends {
            Repetition::Forever => true,
            Repetition::Times(times) => times > 0,
            Repetition::Until(when) => !matches!(when, When::Zoned(..)),
        };
        self.interval > 0
            && ends
            && lists.iter().all(|list| short(list.len()))
            && short(self.weekdays.len())
            && within(&self.minutes, 0, 59)
            && within(&self.hours, 0, 23)
            && within(&self.months, 1, 12)
            && around(&self.month_days, 31)
            && around(&self.year_days, 366)
            && around(&self.weeks, 53)
            && around(&self.positions, 366)
            && self.weekdays.iter().all(|(number, _)| (-53..=53).contains(number))
            && self.has_days()
            && self.is_of_its_frequency()
            && self.has_positions()
    }

    /// Whether the rule ever comes true for an entry that begins then: every second hour from nine o'clock it is never ten, and a program
    /// that lists the entry looks for that until the end of time.
    pub fn is_met_from(&self, start: &When) -> bool {
        let (date, hour) = match start {
            When::Day(date) => (*date, 0),
            When::Utc(at) | When::Floating(at) | When::Zoned(at, _) => (at.date(), at.hour()),
        };
        let in_step = |first: u16, around: u16, wanted: &[i16]| {
            let step = shared(self.interval, around);
            let is_reached = |value: &i16| (i32::from(*value) - i32::from(first)).checked_rem(step.into()) == Some(0);
            wanted.is_empty() || wanted.iter().any(is_reached)
        };
        match self.frequency {
            Frequency::Hourly => in_step(hour.into(), 24, &self.hours),
            Frequency::Monthly => in_step(date.month().into(), 12, &self.months),
            Frequency::Yearly if self.is_of_leap_days() => in_step(date.year(), 4, &[0]),
            Frequency::Yearly | Frequency::Weekly | Frequency::Daily => true,
        }
    }

    /// Whether it names no other days than such as only leap years have.
    fn is_of_leap_days(&self) -> bool {
        let in_february = self.months == [2] && !self.month_days.is_empty();
        let days = in_february && self.month_days.iter().all(|day| matches!(day, 29.. | ..=-29));
        let ends = !self.year_days.is_empty() && self.year_days.iter().all(|day| day.abs() == 366);
        days || ends
    }

    /// Whether its lists go with how often it is and with one another.
    fn is_of_its_frequency(&self) -> bool {
        let yearly = self.frequency == Frequency::Yearly;
        let numbered = self.weekdays.iter().map(|(number, _)| number.abs()).max().unwrap_or(0);
        let most = match self.frequency {
            // Two conditions that each name days seldom name one together.
            _ if !self.month_days.is_empty() || !self.weeks.is_empty() => 0,
            Frequency::Yearly if self.months.is_empty() => 53,
            Frequency::Yearly | Frequency::Monthly => 5,
            Frequency::Weekly | Frequency::Daily | Frequency::Hourly => 0,
        };
        let of_year = [&self.year_days, &self.weeks].iter().filter(|list| !list.is_empty()).count();
        let alone = yearly && of_year == 1 && self.months.is_empty() && self.month_days.is_empty();
        numbered <= most && (of_year == 0 || alone)
    }

    /// Whether as many times come together as one of the positions counts.
    fn has_positions(&self) -> bool {
        let len = |len: usize| i32::try_from(len).unwrap_or(i32::MAX);
        let times = |len: usize| i32::try_from(len).unwrap_or(i32::MAX).max(1);
        let months = if self.months.is_empty() { 12 } else { len(self.months.len()) };
        let weekdays = len(self.weekdays.len());
        let days = match self.frequency {
            Frequency::Hourly | Frequency::Daily => 1,
            Frequency::Weekly => weekdays,
            Frequency::Monthly if !self.month_days.is_empty() => len(self.month_days.len()),
            Frequency::Monthly => weekdays.saturating_mul(5),
            Frequency::Yearly if !self.year_days.is_empty() => len(self.year_days.len()),
            Frequency::Yearly if !self.weeks.is_empty() => len(self.weeks.len()).saturating_mul(7),
            Frequency::Yearly if !self.month_days.is_empty() => len(self.month_days.len()).saturating_mul(months),
            Frequency::Yearly if weekdays > 0 => weekdays.saturating_mul(53),
            Frequency::Yearly => len(self.months.len()),
        };
        let hours = if self.frequency == Frequency::Hourly { 1 } else { times(self.hours.len()) };
        let together = days.max(1).saturating_mul(hours).saturating_mul(times(self.minutes.len()));
        let all = [&self.minutes, &self.hours, &self.month_days, &self.year_days, &self.weeks, &self.months];
        let is_chosen_from = !self.weekdays.is_empty() || all.iter().any(|list| !list.is_empty());
        let is_met = |position: &i16| i32::from(*position).abs() <= together;
        self.positions.is_empty() || (is_chosen_from && self.positions.iter().any(is_met))
    }

    /// Whether one of the months has one of the days of the month.
    fn has_days(&self) -> bool {
        if self.month_days.is_empty() {
            return true;
        }
        let all: Vec<i16> = (1..=12).collect();
        let months = if self.months.is_empty() { &all } else { &self.months };
        let longest = months.iter().map(|month| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        });
        let longest = longest.max().unwrap_or(31);
        self.month_days.iter().any(|day| day.abs() <= longest)
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(self.frequency.code());
        sink.u16(self.interval);
        match &self.ends {
            Repetition::Forever => sink.u8(1),
            Repetition::Times(times) => {
                sink.u8(2);
                sink.u32(*times);
            }
            Repetition::Until(when) => {
                sink.u8(3);
                when.put(sink);
            }
        }
        sink.list(&self.weekdays, |(number, day), sink| {
            sink.i16(*number);
            sink.u8(day.code());
        });
        for list in
            [&self.minutes, &self.hours, &self.month_days, &self.year_days, &self.weeks, &self.months, &self.positions]
        {
            sink.list(list, |value, sink| sink.i16(*value));
        }
        sink.option(self.week_start.as_ref(), |day, sink| sink.u8(day.code()));
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Rule, DecodeError> {
        let weekday = |cursor: &mut Cursor<'_>| cursor.coded(Weekday::from_code, "day of the week");
        let list = |cursor: &mut Cursor<'_>| cursor.list(Self::MAX_VALUES, Reason::LimitEntries, |cursor| cursor.i16());
        let rule = Rule {
            frequency: cursor.coded(Frequency::from_code, "frequency")?,
            interval: cursor.u16()?,
            ends: match cursor.u8()? {
                1 => Repetition::Forever,
                2 => Repetition::Times(cursor.u32()?),
                3 => Repetition::Until(When::take(cursor)?),
                _ => return Err(DecodeError::Malformed("end of a repetition")),
            },
            weekdays: cursor
                .list(Self::MAX_VALUES, Reason::LimitEntries, |cursor| Ok((cursor.i16()?, weekday(cursor)?)))?,
            minutes: list(cursor)?,
            hours: list(cursor)?,
            month_days: list(cursor)?,
            year_days: list(cursor)?,
            weeks: list(cursor)?,
            months: list(cursor)?,
            positions: list(cursor)?,
            week_start: cursor.option(weekday)?,
        };
        Ok(rule)
    }

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        if self.is_sound() { Ok(()) } else { Err(DecodeError::Malformed("rule of repetition")) }
    }
}

/// The greatest number that both are multiples of.
fn shared(mut one: u16, mut other: u16) -> u16 {
    while let Some(rest) = one.checked_rem(other) {
        (one, other) = (other, rest);
    }
    one.max(1)
}

#[cfg(test)]
mod tests {
    use super::super::time::{Date, DateTime};
    use super::*;

    #[test]
    fn a_rule_that_never_comes_true_or_has_values_of_no_calendar_is_not_sound() {
        let rule = || Rule::new(Frequency::Yearly);
        let every = || (1..=7).filter_map(Weekday::from_code).map(|day| (0, day)).collect::<Vec<_>>();
        assert!(rule().is_sound());
        for (bad, good) in [
            (
                Rule { months: vec![2], month_days: vec![30], ..rule() },
                Rule { months: vec![2], month_days: vec![29], ..rule() },
            ),
            (
                Rule { months: vec![4], month_days: vec![-31], ..rule() },
                Rule { months: vec![4, 5], month_days: vec![31], ..rule() },
            ),
            (Rule { month_days: vec![32], ..rule() }, Rule { month_days: vec![-31], ..rule() }),
            (Rule { month_days: vec![0], ..rule() }, Rule { month_days: vec![1], ..rule() }),
            (Rule { interval: 0, ..rule() }, Rule { interval: 1, ..rule() }),
            (Rule { ends: Repetition::Times(0), ..rule() }, Rule { ends: Repetition::Times(1), ..rule() }),
            (Rule { hours: vec![24], ..rule() }, Rule { hours: vec![0, 23], ..rule() }),
            (Rule { minutes: vec![-1], ..rule() }, Rule { minutes: vec![59], ..rule() }),
            (Rule { weeks: vec![54], ..rule() }, Rule { weeks: vec![-53], ..rule() }),
            (Rule { months: vec![13], ..rule() }, Rule { months: vec![12], ..rule() }),
            (
                Rule { positions: vec![367], weekdays: every(), ..rule() },
                Rule { positions: vec![-366], weekdays: every(), ..rule() },
            ),
            (
                Rule { weekdays: vec![(54, Weekday::Monday)], ..rule() },
                Rule { weekdays: vec![(-53, Weekday::Monday)], ..rule() },
            ),
            (
                Rule { positions: vec![1; 401], weekdays: every(), ..rule() },
                Rule { positions: vec![1; 400], weekdays: every(), ..rule() },
            ),
        ] {
            assert!(!bad.is_sound(), "{bad:?}");
            assert!(good.is_sound(), "{good:?}");
        }
    }

    #[test]
    fn a_rule_that_goes_past_its_own_days_for_ever_is_met_by_no_start() {
        let start = |year, month, day, hour| {
            When::Floating(DateTime::new(Date::new(year, month, day).unwrap(), hour, 0, 0).unwrap())
        };
        let hourly = |interval, hours: &[i16]| Rule { interval, hours: hours.to_vec(), ..Rule::new(Frequency::Hourly) };
        let monthly =
            |interval, months: &[i16]| Rule { interval, months: months.to_vec(), ..Rule::new(Frequency::Monthly) };
        let leap = |interval, days: &[i16]| Rule {
            interval,
            months: vec![2],
            month_days: days.to_vec(),
            ..Rule::new(Frequency::Yearly)
        };
        let nine = start(2026, 11, 21, 9);
        for (rule, at, is_met) in [
            (hourly(1, &[10]), nine, true),
            (hourly(2, &[10]), nine, false),
            (hourly(2, &[10, 13]), nine, true),
            (hourly(24, &[8]), nine, false),
            (hourly(24, &[9]), nine, true),
            // Seven hours go through all of the day.
            (hourly(7, &[10]), nine, true),
            (hourly(48, &[]), nine, true),
            (monthly(12, &[2]), nine, false),
            (monthly(12, &[11]), nine, true),
            (monthly(6, &[5]), nine, true),
            (monthly(5, &[2]), nine, true),
            (leap(4, &[29]), nine, false),
            (leap(2, &[29]), nine, true),
            (leap(2, &[29]), start(2025, 2, 1, 0), false),
            (leap(4, &[28, 29]), nine, true),
            (leap(4, &[29]), start(2028, 2, 29, 0), true),
            (leap(1, &[-29]), nine, true),
            (Rule { interval: 4, year_days: vec![366], ..Rule::new(Frequency::Yearly) }, nine, false),
            (
                Rule { interval: 65_535, ..Rule::new(Frequency::Yearly) },
                When::Day(Date::new(2026, 1, 1).unwrap()),
                true,
            ),
        ] {
            assert_eq!(rule.is_met_from(&at), is_met, "{rule:?}");
        }
    }
}
