//! Dates, lengths and rules of repetition out of their words (RFC 5545 3.3).

use form::calendar::{Date, DateTime, Frequency, Repetition, Rule, Span, Weekday, When};

/// `20261120`.
pub(super) fn date(value: &str) -> Option<Date> {
    let value = value.trim();
    if value.len() != 8 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| value.get(from..to);
    Date::new(number(0, 4)?.parse().ok()?, number(4, 6)?.parse().ok()?, number(6, 8)?.parse().ok()?)
}

/// `20261120T100000`; a leap second is the one before it, as most clocks show it.
pub(super) fn clock(value: &str) -> Option<DateTime> {
    let (day, clock) = value.trim().split_once(['T', 't'])?;
    if clock.len() != 6 || !clock.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| clock.get(from..to)?.parse::<u8>().ok();
    let second = number(4, 6)?;
    let second = if second == 60 { 59 } else { second };
    DateTime::new(date(day)?, number(0, 2)?, number(2, 4)?, second)
}

/// `20261120T100000Z`.
pub(super) fn utc(value: &str) -> Option<DateTime> {
    clock(value.trim().strip_suffix(['Z', 'z'])?)
}

/// A day, a moment or a time without a zone.
pub(super) fn when(value: &str) -> Option<When> {
    date(value).map(When::Day).or_else(|| utc(value).map(When::Utc)).or_else(|| clock(value).map(When::Floating))
}

/// `-P1DT2H30M`.
pub(super) fn span(value: &str) -> Option<Span> {
    let value = value.trim();
    let negative = value.starts_with('-');
    let rest = value.trim_start_matches(['+', '-']).strip_prefix(['P', 'p'])?;
    let (days, seconds) = rest.split_once(['T', 't']).unwrap_or((rest, ""));
    let sum = |text: &str, units: &[(char, u32)]| {
        let (mut sum, mut number) = (0_u32, String::new());
        for c in text.chars() {
            if c.is_ascii_digit() && number.len() < 10 {
                number.push(c);
                continue;
            }
            let (_, each) = units.iter().find(|(unit, _)| c.eq_ignore_ascii_case(unit))?;
            sum = std::mem::take(&mut number).parse::<u32>().ok()?.checked_mul(*each)?.checked_add(sum)?;
        }
        number.is_empty().then_some(sum)
    };
    let span = Span {
        negative,
        days: sum(days, &[('W', 7), ('D', 1)])?,
        seconds: sum(seconds, &[('H', 3_600), ('M', 60), ('S', 1)])?,
    };
    (!rest.is_empty() && span.is_bounded()).then_some(span)
}

/// `+0900`, `-033000`, in seconds.
pub(super) fn offset(value: &str) -> Option<i32> {
    let value = value.trim();
    let (sign, digits) = match value.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => (1, value),
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize| digits.get(from..from.saturating_add(2)).unwrap_or("0").parse::<i32>().ok();
    let (hours, minutes, seconds) = (number(0)?, number(2)?, number(4)?);
    (hours < 24 && minutes < 60 && seconds < 60).then_some(sign * (hours * 3_600 + minutes * 60 + seconds))
}

/// A rule of repetition. A rule of which a part is not understood is none: without that part it would mean other days.
pub(super) fn rule(value: &str) -> Option<Rule> {
    let mut rule = None;
    let pieces = || value.trim().split(';').filter(|piece| !piece.trim().is_empty()).filter_map(|p| p.split_once('='));
    for (name, value) in pieces() {
        if name.trim().eq_ignore_ascii_case("FREQ") {
            rule = Some(Rule::new(Frequency::from_word(value.trim())?));
        }
    }
    let mut rule = rule?;
    for (name, value) in pieces() {
        let value = value.trim();
        match name.trim().to_ascii_uppercase().as_str() {
            "FREQ" => {}
            "INTERVAL" => rule.interval = value.parse().ok()?,
            "COUNT" => rule.ends = ending(rule.ends, Repetition::Times(value.parse().ok()?))?,
            "UNTIL" => rule.ends = ending(rule.ends, Repetition::Until(when(value)?))?,
            "BYMINUTE" => rule.minutes = numbers(value)?,
            "BYHOUR" => rule.hours = numbers(value)?,
            "BYDAY" => rule.weekdays = value.split(',').map(weekday).collect::<Option<_>>()?,
            "BYMONTHDAY" => rule.month_days = numbers(value)?,
            "BYYEARDAY" => rule.year_days = numbers(value)?,
            "BYWEEKNO" => rule.weeks = numbers(value)?,
            "BYMONTH" => rule.months = numbers(value)?,
            "BYSETPOS" => rule.positions = numbers(value)?,
            "WKST" => rule.week_start = Some(Weekday::from_word(value)?),
            // Some programs say the second that goes without saying.
            "BYSECOND" if value == "0" => {}
            _ => return None,
        }
    }
    rule.is_sound().then_some(rule)
}

fn ending(known: Repetition, more: Repetition) -> Option<Repetition> {
    (known == Repetition::Forever).then_some(more)
}

fn numbers(value: &str) -> Option<Vec<i16>> {
    value.split(',').map(|number| number.trim().trim_start_matches('+').parse().ok()).collect()
}

/// `2MO`, `-1FR`.
fn weekday(value: &str) -> Option<(i16, Weekday)> {
    let value = value.trim();
    let (number, day) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let number = if number.is_empty() { 0 } else { number.trim_start_matches('+').parse().ok().filter(|n| *n != 0)? };
    Some((number, Weekday::from_word(day)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_offsets_are_read() {
        let read = |text: &str| span(text).map(|span| (span.negative, span.days, span.seconds));
        assert_eq!(read("P1W"), Some((false, 7, 0)));
        assert_eq!(read("-PT15M"), Some((true, 0, 900)));
        assert_eq!(read("P1DT2H30M1S"), Some((false, 1, 9_001)));
        for bad in ["", "P", "1D", "P1X", "PT1D", "P1", "PT99999999999S", "P99999999D", "PT4294967295H"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(offset("+0900"), Some(32_400));
        assert_eq!(offset("-033000"), Some(-12_600));
        for bad in ["", "+9", "+2400", "+0960", "+09:00", "あ"] {
            assert_eq!(offset(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_rule_is_read_whole_or_not_at_all() {
        let read = rule("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR,+2MO;UNTIL=20270331T000000Z;WKST=SU").unwrap();
        assert_eq!((read.frequency, read.interval), (Frequency::Monthly, 2));
        assert_eq!(read.weekdays, [(-1, Weekday::Friday), (2, Weekday::Monday)]);
        assert!(matches!(read.ends, Repetition::Until(When::Utc(_))));
        for bad in [
            "",
            "COUNT=3",
            "FREQ=SECONDLY",
            "FREQ=MINUTELY;COUNT=3",
            "FREQ=DAILY;COUNT=3;UNTIL=20260101",
            "FREQ=DAILY;COUNT=0",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "RSCALE=CHINESE;FREQ=YEARLY",
            "FREQ=DAILY;BYDAY=XX",
            "FREQ=DAILY;BYDAY=0MO",
            "FREQ=DAILY;BYHOUR=24",
            "FREQ=DAILY;UNTIL=never",
            "D1 #10",
            "FREQ=HOURLY;BYMONTH=1;BYYEARDAY=366",
            "FREQ=DAILY;BYMONTH=2;BYYEARDAY=200",
            "FREQ=YEARLY;BYMONTH=2;BYWEEKNO=40",
            "FREQ=MONTHLY;BYWEEKNO=4",
            "FREQ=MONTHLY;BYDAY=53MO",
            "FREQ=MONTHLY;BYDAY=-6MO",
            "FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=31",
            "FREQ=YEARLY;BYMONTH=3;BYDAY=6SU",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=DAILY;BYSETPOS=2",
            "FREQ=DAILY;BYHOUR=9;BYSETPOS=2",
        ] {
            assert_eq!(rule(bad), None, "{bad}");
        }
        for good in [
            "FREQ=YEARLY;BYYEARDAY=366",
            "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
            "FREQ=YEARLY;BYDAY=-53MO",
            "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
            "FREQ=MONTHLY;BYDAY=5MO",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "FREQ=DAILY;BYHOUR=9,17;BYSETPOS=2",
        ] {
            assert!(rule(good).is_some(), "{good}");
        }
    }
}
