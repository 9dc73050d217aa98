//! Moments as archives write them.

use form::civil;

/// The moment of a DOS date and time, in Unix seconds. DOS time has no zone; the archives that reach this product are made in
/// Japan.
pub(crate) fn from_dos(date: u16, time: u16) -> Option<i64> {
    let (date, time) = (i64::from(date), i64::from(time));
    let (year, month, day) = ((date >> 9) + 1980, (date >> 5) & 15, date & 31);
    let (hour, minute, second) = (time >> 11, (time >> 5) & 63, (time & 31) * 2);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let days = civil::days(year, month, day);
    valid.then(|| days * 86_400 + hour * 3_600 + minute * 60 + second - JST_SECONDS)
}

/// The moment of a Windows file time, 100 nanoseconds since 1601, in Unix seconds.
pub(crate) fn from_windows(ticks: u64) -> Option<i64> {
    let seconds = i64::try_from(ticks / 10_000_000).ok()?;
    (ticks != 0).then(|| seconds.saturating_sub(SECONDS_1601_TO_1970))
}

const JST_SECONDS: i64 = 9 * 3_600;
const SECONDS_1601_TO_1970: i64 = 11_644_473_600;
