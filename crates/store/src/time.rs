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
    fn arithmetic_saturates() {
        let last = Timestamp::from_unix_millis(i64::MAX);
        assert_eq!(last.plus(Duration::from_secs(1)), last);
        assert_eq!(Timestamp::from_unix_millis(0).since(last), Duration::ZERO);
    }
}
