//! Times, lengths and rules of repetition as RFC 5545 writes them.

use form::calendar::{Date, DateTime, Repetition, Rule, Span, When};

pub(super) fn date(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

pub(super) fn local(time: DateTime) -> String {
    format!("{}T{:02}{:02}{:02}", date(time.date()), time.hour(), time.minute(), time.second())
}

pub(super) fn utc(time: DateTime) -> String {
    local(time) + "Z"
}

/// Without the zone, which is a parameter.
pub(super) fn when(when: &When) -> String {
    match *when {
        When::Day(day) => date(day),
        When::Utc(time) => utc(time),
        When::Floating(time) | When::Zoned(time, _) => local(time),
    }
}

/// `-P1DT2H30M`; nothing at all is `PT0S`.
pub(super) fn span(span: &Span) -> String {
    let mut out = String::from(if span.negative { "-P" } else { "P" });
    if span.days > 0 {
        out.push_str(&format!("{}D", span.days));
    }
    let (hours, minutes, seconds) = (span.seconds / 3_600, span.seconds / 60 % 60, span.seconds % 60);
    if span.seconds > 0 || span.days == 0 {
        out.push('T');
    }
    for (number, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if number > 0 || (unit == 'S' && out.ends_with('T')) {
            out.push_str(&format!("{number}{unit}"));
        }
    }
    out
}

/// `+0900`.
pub(super) fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { format!("{sign}{hours:02}{minutes:02}") } else { format!("{sign}{hours:02}{minutes:02}{rest:02}") }
}

pub(super) fn rule(rule: &Rule) -> String {
    let mut out = format!("FREQ={}", rule.frequency.word());
    match &rule.ends {
        Repetition::Forever => {}
        Repetition::Times(times) => out.push_str(&format!(";COUNT={times}")),
        Repetition::Until(until) => out.push_str(&format!(";UNTIL={}", when(until))),
    }
    if rule.interval > 1 {
        out.push_str(&format!(";INTERVAL={}", rule.interval));
    }
    let weekdays = rule.weekdays.iter().map(|(number, day)| match number {
        0 => day.word().to_owned(),
        number => format!("{number}{}", day.word()),
    });
    let numbers = |list: &[i16]| list.iter().map(i16::to_string).collect::<Vec<_>>();
    for (name, values) in [
        ("BYMONTH", numbers(&rule.months)),
        ("BYWEEKNO", numbers(&rule.weeks)),
        ("BYYEARDAY", numbers(&rule.year_days)),
        ("BYMONTHDAY", numbers(&rule.month_days)),
        ("BYDAY", weekdays.collect()),
        ("BYHOUR", numbers(&rule.hours)),
        ("BYMINUTE", numbers(&rule.minutes)),
        ("BYSETPOS", numbers(&rule.positions)),
    ] {
        if !values.is_empty() {
            out.push_str(&format!(";{name}={}", values.join(",")));
        }
    }
    if let Some(day) = rule.week_start {
        out.push_str(&format!(";WKST={}", day.word()));
    }
    out
}

#[cfg(test)]
mod tests {
    use form::calendar::{Frequency, Weekday};

    use super::*;

    #[test]
    fn lengths_are_written_as_the_standard_has_them() {
        for (negative, days, seconds, expected) in [
            (false, 0, 0, "PT0S"),
            (true, 0, 900, "-PT15M"),
            (false, 1, 0, "P1D"),
            (false, 1, 9_000, "P1DT2H30M"),
            (false, 0, 3_601, "PT1H1S"),
            (false, 0, 90_000, "PT25H"),
        ] {
            assert_eq!(span(&Span { negative, days, seconds }), expected);
        }
        assert_eq!(
            [offset(32_400), offset(-12_600), offset(33_539), offset(0)],
            ["+0900", "-0330", "+091859", "+0000"]
        );
    }

    #[test]
    fn a_rule_names_what_it_holds() {
        let last_friday = Rule {
            interval: 2,
            ends: Repetition::Until(When::Day(Date::new(2027, 3, 31).unwrap())),
            weekdays: vec![(-1, Weekday::Friday), (0, Weekday::Monday)],
            months: vec![1, 3],
            positions: vec![-1],
            week_start: Some(Weekday::Sunday),
            ..Rule::new(Frequency::Monthly)
        };
        assert_eq!(
            rule(&last_friday),
            "FREQ=MONTHLY;UNTIL=20270331;INTERVAL=2;BYMONTH=1,3;BYDAY=-1FR,MO;BYSETPOS=-1;WKST=SU"
        );
    }
}
