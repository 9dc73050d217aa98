//! Days and dates of the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").

/// Days from 1970-01-01 to a date. A day that its month does not have counts on into the next month; months are 1 to 12.
/// A year beyond all calendars ([`MAX_DAYS`]) gives the last day that is counted.
#[must_use]
pub const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month.rem_euclid(12) + 9).rem_euclid(12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era.saturating_mul(146_097).saturating_add(day_of_era - 719_469).saturating_add(day);
    if days > MAX_DAYS {
        MAX_DAYS
    } else if days < -MAX_DAYS {
        -MAX_DAYS
    } else {
        days
    }
}

/// Year, month and day of a number of days from 1970-01-01; `None` more than [`MAX_DAYS`] from it.
#[must_use]
pub const fn date(days: i64) -> Option<(i64, i64, i64)> {
    if days > MAX_DAYS || days < -MAX_DAYS {
        return None;
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    Some((year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day))
}

/// Whether the calendar has this date.
#[must_use]
pub fn is_date(year: i64, month: i64, day: i64) -> bool {
    (1..=12).contains(&month) && date(days(year, month, day)) == Some((year, month, day))
}

/// How far days are counted from 1970-01-01: some 270,000 years.
pub const MAX_DAYS: i64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Days by Python: `(datetime.date(year, month, day) - datetime.date(1970, 1, 1)).days`.
    const KNOWN: [((i64, i64, i64), i64); 10] = [
        ((1970, 1, 1), 0),
        ((1969, 12, 31), -1),
        ((1, 1, 1), -719_162),
        ((1600, 2, 29), -135_081),
        ((1900, 3, 1), -25_508),
        ((2000, 2, 29), 11_016),
        ((2000, 12, 31), 11_322),
        ((2026, 11, 21), 20_778),
        ((2100, 3, 1), 47_541),
        ((9999, 12, 31), 2_932_896),
    ];

    #[test]
    fn days_and_dates_are_those_of_python() {
        for ((year, month, day), known) in KNOWN {
            assert_eq!(days(year, month, day), known, "{year}-{month}-{day}");
            assert_eq!(date(known), Some((year, month, day)));
            assert!(is_date(year, month, day));
        }
    }

    #[test]
    fn every_day_of_two_eras_comes_back_and_follows_the_one_before() {
        let mut before = date(-146_098);
        for number in -146_097..146_097 {
            let found = date(number);
            assert!(found > before, "{number}");
            assert_eq!(found.map(|(year, month, day)| days(year, month, day)), Some(number));
            before = found;
        }
    }

    #[test]
    fn what_no_calendar_has_is_no_date() {
        for (year, month, day) in
            [(1900, 2, 29), (2026, 2, 30), (2026, 4, 31), (2026, 0, 1), (2026, 13, 1), (2026, 1, 0)]
        {
            assert!(!is_date(year, month, day), "{year}-{month}-{day}");
        }
        assert_eq!(days(2026, 2, 30), days(2026, 3, 2));
        for number in [MAX_DAYS + 1, -MAX_DAYS - 1, i64::MAX, i64::MIN] {
            assert_eq!(date(number), None);
        }
        assert_eq!(days(i64::MAX, 1, 1), MAX_DAYS);
        assert_eq!(days(i64::MIN, 12, i64::MIN), -MAX_DAYS);
    }
}
