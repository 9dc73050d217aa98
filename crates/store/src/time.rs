//! Time as the store knows it: Unix milliseconds from a clock the caller provides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `millis` milliseconds after the Unix epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// This time plus `span`, or the last representable time.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Timestamp(self.0.saturating_add(millis(span)))
    }

    /// This time minus `span`, or the first representable time.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Timestamp(self.0.saturating_sub(millis(span)))
    }

    /// How long after `earlier` this is; zero when it is before it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment at which a clock at an offset from UTC shows this (year, month, day) and (hour, minute, second); `None` where no
    /// clock ever does. A leap second is the second before it.
    pub fn from_civil(
        (year, month, day): (i64, u32, u32),
        (hour, minute, second): (u32, u32, u32),
        offset_minutes: i32,
    ) -> Option<Timestamp> {
        if !(-9999..=9999).contains(&year) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let days = days(year, month, day);
        // A day that the month does not have comes back as another date.
        if civil(days) != (year, month, day) {
            return None;
        }
        let of_day = i64::from(hour * 3600 + minute * 60 + second.min(59));
        let seconds = days.saturating_mul(86_400).saturating_add(of_day);
        Some(Timestamp(seconds.saturating_sub(i64::from(offset_minutes).saturating_mul(60)).saturating_mul(1000)))
    }

    /// The civil date (year, month, day) at an offset from UTC.
    pub fn date(self, offset_minutes: i32) -> (i64, u32, u32) {
        let local = self.0.saturating_add(i64::from(offset_minutes).saturating_mul(60_000));
        civil(local.div_euclid(86_400_000))
    }
}

/// Where the store gets the time from. Only the composition root reads the real clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// (year, month, day) to days since the epoch, proleptic Gregorian (Hinnant's `days_from_civil`).
fn days(year: i64, month: u32, day: u32) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9).rem_euclid(12);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Days since the epoch to (year, month, day), proleptic Gregorian (Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, u32, u32) {
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era.saturating_mul(400) + i64::from(month <= 2);
    // Both are small by construction: day 1..=31, month 1..=12.
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_changes_at_midnight_in_japan() {
        // 2026-11-20T14:59:59.999Z is 23:59:59.999 in Tokyo.
        let before = Timestamp::from_unix_millis(1_795_186_799_999);
        assert_eq!(before.date(540), (2026, 11, 20));
        assert_eq!(before.plus(Duration::from_millis(1)).date(540), (2026, 11, 21));
        assert_eq!(before.plus(Duration::from_millis(1)).date(0), (2026, 11, 20));
    }

    #[test]
    fn leap_days_and_the_time_before_the_epoch_are_right() {
        assert_eq!(Timestamp::from_unix_millis(1_709_164_800_000).date(0), (2024, 2, 29));
        assert_eq!(Timestamp::from_unix_millis(-1).date(0), (1969, 12, 31));
        assert_eq!(Timestamp::from_unix_millis(951_782_400_000).date(0), (2000, 2, 29));
    }

    #[test]
    fn civil_time_agrees_with_gnu_date() {
        // TZ=Asia/Tokyo date -d '2026-11-21 09:12:03' +%s
        let at = |date, time| Timestamp::from_civil(date, time, 540).map(|at| at.unix_millis() / 1000);
        assert_eq!(at((2026, 11, 21), (9, 12, 3)), Some(1_795_219_923));
        assert_eq!(at((2000, 2, 29), (9, 0, 0)), Some(951_782_400));
        assert_eq!(at((1970, 1, 1), (8, 59, 59)), Some(-1));
        for wrong in [
            (2026, 2, 29),
            (2026, 13, 1),
            (2026, 0, 1),
            (2026, 1, 0),
            (2026, 4, 31),
            (99_999, 1, 1),
            (2026, u32::MAX, 1),
        ] {
            assert_eq!(at(wrong, (0, 0, 0)), None, "{wrong:?}");
        }
        assert_eq!(at((2026, 1, 1), (24, 0, 0)), None);
    }

    #[test]
    fn arithmetic_saturates() {
        let last = Timestamp::from_unix_millis(i64::MAX);
        assert_eq!(last.plus(Duration::from_secs(1)), last);
        assert_eq!(Timestamp::from_unix_millis(0).since(last), Duration::ZERO);
    }
}
