//! Moments as people and machines read them.

use form::civil;
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

/// A moment of RFC 3339 section 5.6, to the millisecond. A leap second is the second after it.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let days = days(date)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("", rest),
    };
    if rest.starts_with('.') && fraction.is_empty() {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let ahead = match zone {
        "Z" | "z" => 0,
        _ => {
            let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ahead = hours * 60 + minutes;
            match zone.get(..1)? {
                "+" => ahead,
                "-" => -ahead,
                _ => return None,
            }
        }
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - ahead * 60;
    Some(Timestamp::from_unix_millis(seconds * 1000 + millis))
}

/// Midnight of a day, `2027-04-01`, or a minute of it, `2027-04-01T00:00`, by the site's own time.
pub(crate) fn parse_local(text: &str, offset_minutes: i32) -> Option<Timestamp> {
    let (date, time) = text.split_at_checked(10)?;
    let [hour, minute] = match time.strip_prefix(['T', ' ']) {
        Some(time) => numbers(time, ':', [2, 2])?,
        None if time.is_empty() => [0, 0],
        None => return None,
    };
    if hour > 23 || minute > 59 {
        return None;
    }
    let minutes = days(date)? * 1440 + hour * 60 + minute - i64::from(offset_minutes);
    Some(Timestamp::from_unix_millis(minutes * 60_000))
}

/// Days from 1970-01-01 to a date of the years 0000 to 9999.
fn days(date: &str) -> Option<i64> {
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    civil::is_date(year, month, day).then(|| civil::days(year, month, day))
}

/// Numbers of so many digits each with a separator between them, and nothing else.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut found = [0; N];
    let mut pieces = text.split(separator);
    for (slot, digits) in found.iter_mut().zip(digits) {
        let piece = pieces.next().filter(|piece| piece.len() == digits && piece.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = piece.parse().ok()?;
    }
    pieces.next().is_none().then_some(found)
}

/// The beginning of a day (`2026-11-21`) in the site's own time zone; `None` for anything else.
pub(crate) fn day(text: &str, offset_minutes: i32) -> Option<Timestamp> {
    (text.len() == 10).then(|| parse_local(text, offset_minutes)).flatten()
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
    fn days_agree_with_gnu_date_and_others_are_none() {
        // TZ=Asia/Tokyo date -d DAY +%s
        for (text, seconds) in [
            ("1970-01-02", 54_000),
            ("2000-02-29", 951_750_000),
            ("2026-11-21", 1_795_186_800),
            ("2100-03-01", 4_107_510_000),
        ] {
            assert_eq!(day(text, 540), Some(Timestamp::from_unix_millis(seconds * 1000)), "{text}");
        }
        for bad in ["", "2026-02-29", "2026-11-31", "2026-13-01", "2026-1-1", "2026-11-21-1", "20261121", "+026-11-21"]
        {
            assert_eq!(day(bad, 540), None, "{bad}");
        }
    }

    #[test]
    fn the_machine_form_is_utc_with_milliseconds() {
        assert_eq!(rfc3339(Timestamp::from_unix_millis(1_795_219_923_045)), "2026-11-21T00:12:03.045Z");
    }

    #[test]
    fn moments_are_read_as_gnu_date_reads_them() {
        // date -d TEXT '+%s%3N'
        for (text, millis) in [
            ("2026-11-21T09:12:03+09:00", 1_795_219_923_000),
            ("2026-11-21T00:12:03Z", 1_795_219_923_000),
            ("2026-11-20t17:12:03.0456-07:00", 1_795_219_923_045),
            ("2000-02-29 00:00:00Z", 951_782_400_000),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ] {
            assert_eq!(parse(text), Some(Timestamp::from_unix_millis(millis)), "{text}");
        }
        for bad in [
            "",
            "2026-11-21",
            "2026-11-21T09:12:03",
            "2026-11-21T09:12Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T09:12:03.Z",
            "2026-11-21T09:12:03+9:00",
            "2026-11-21T09:12:03+09:60",
            "２026-11-21T09:12:03Z",
            "+026-11-21T09:12:03Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse_local("2027-04-01", 540), parse("2027-03-31T15:00:00Z"));
        assert_eq!(parse_local("2027-04-01T08:30", 540), parse("2027-03-31T23:30:00Z"));
        assert!(parse_local("2027-04-01T8:30", 540).is_none() && parse_local("2027-04-01x", 540).is_none());
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        let _ = local(Timestamp::from_unix_millis(i64::MAX), 540);
        let _ = local(Timestamp::from_unix_millis(i64::MIN), -720);
    }
}
