//! Dates as RFC 5322 writes them.

use form::mail::MailDate;

/// `Fri, 20 Nov 2026 10:00:00 +0900`.
pub(super) fn format(date: MailDate) -> String {
    let offset = i64::from(date.offset_minutes());
    let local = date.unix_seconds().saturating_add(offset.saturating_mul(60));
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    // 1970-01-01 was a Thursday.
    let weekday = name(&WEEKDAYS, days.saturating_add(4).rem_euclid(7));
    let sign = if offset < 0 { '-' } else { '+' };
    let offset = offset.abs();
    format!(
        "{weekday}, {day:02} {} {year:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        name(&MONTHS, month - 1),
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        offset / 60,
        offset % 60,
    )
}

/// Year, month and day of a day counted from 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). The type
/// of the date keeps the year within four digits, so nothing here can overflow.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_date_1() {
        // Expected values from `date -R -d @N` with TZ set.
        for (seconds, offset, text) in [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (1_795_136_400, 540, "Fri, 20 Nov 2026 10:00:00 +0900"),
            (951_782_400, -480, "Mon, 28 Feb 2000 16:00:00 -0800"),
            (1_709_164_800, 330, "Thu, 29 Feb 2024 05:30:00 +0530"),
            (-1, -210, "Wed, 31 Dec 1969 20:29:59 -0330"),
        ] {
            assert_eq!(format(MailDate::new(seconds, offset).unwrap()), text);
        }
    }
}
