//! Time as the store knows it: Unix milliseconds from a clock the caller provides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use form::civil;

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
        let (month, day) = (i64::from(month), i64::from(day));
        if !civil::is_date(year, month, day) {
            return None;
        }
        let days = civil::days(year, month, day);
        let of_day = i64::from(hour * 3600 + minute * 60 + second.min(59));
        let seconds = days.saturating_mul(86_400).saturating_add(of_day);
        Some(Timestamp(seconds.saturating_sub(i64::from(offset_minutes).saturating_mul(60)).saturating_mul(1000)))
    }

    /// The civil date (year, month, day) at an offset from UTC; the last of four digits where the calendar ends ([`civil::MAX_DAYS`]).
    pub fn date(self, offset_minutes: i32) -> (i64, u32, u32) {
        let local = self.0.saturating_add(i64::from(offset_minutes).saturating_mul(60_000));
        let (year, month, day) = civil::date(local.div_euclid(86_400_000)).unwrap_or((9999, 12, 31));
        // Both are small by construction: day 1..=31, month 1..=12.
        (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
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
