//! Moments as people and machines read them.

use store::Timestamp;

/// Date and time in the site's own time zone, `2026-11-21 09:12:03`.
pub(crate) fn local(moment: Timestamp, offset_minutes: i32) -> String {
    let (year, month, day) = moment.date(offset_minutes);
    let shifted = moment.unix_millis().saturating_add(i64::from(offset_minutes).saturating_mul(60_000));
    let of_day = shifted.div_euclid(1000).rem_euclid(86_400);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        of_day.div_euclid(3600),
        of_day.rem_euclid(3600).div_euclid(60),
        of_day.rem_euclid(60)
    )
}

/// The time of day alone, `09:12`.
pub(crate) fn clock(moment: Timestamp, offset_minutes: i32) -> String {
    local(moment, offset_minutes).chars().skip(11).take(5).collect()
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    format!("{}.{:03}Z", local(moment, 0).replace(' ', "T"), moment.unix_millis().rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_agree_with_gnu_date() {
        // TZ=Asia/Tokyo date -d @N '+%F %T'
        let check = |seconds: i64, expect: &str| {
            assert_eq!(local(Timestamp::from_unix_millis(seconds * 1000), 540), expect);
        };
        check(0, "1970-01-01 09:00:00");
        check(1_795_219_923, "2026-11-21 09:12:03");
        check(951_782_400, "2000-02-29 09:00:00");
        check(4_107_542_400, "2100-03-01 09:00:00");
        check(-1, "1970-01-01 08:59:59");
    }

    #[test]
    fn the_machine_form_is_utc_with_milliseconds() {
        assert_eq!(rfc3339(Timestamp::from_unix_millis(1_795_219_923_045)), "2026-11-21T00:12:03.045Z");
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        let _ = local(Timestamp::from_unix_millis(i64::MAX), 540);
        let _ = local(Timestamp::from_unix_millis(i64::MIN), -720);
    }
}
