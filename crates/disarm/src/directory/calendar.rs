//! A calendar as lines of text.

use form::{Reason, civil};

use super::line::Line;
use super::walk::{Component, Met, walk};
use super::zones::is_japan;
use super::{Growing, Shown};
use crate::error::Error;
use crate::mapi::compose::japanese_time;

/// The events and tasks of a calendar, in at most `most` bytes. `label` is the charset that it came with.
pub(crate) fn calendar(bytes: &[u8], label: Option<&str>, most: u64) -> Result<Shown, Error> {
    let (mut alarms, mut files, mut others) = (0_u32, 0_u32, 0_u32);
    let mut method = String::new();
    let mut entries: u64 = 0;
    let mut out = Growing::new(most);
    let unread = walk(bytes, label, |met| {
        match met {
            Met::Property(line) if line.name == "METHOD" => method = line.value.trim().to_ascii_uppercase(),
            Met::Component(component) if component.is_entry() => {
                entries = entries.saturating_add(1);
                out.entry(entries)?;
                let rings = component.inner.iter().filter(|inner| inner.kind == "VALARM").count();
                alarms = alarms.saturating_add(u32::try_from(rings).unwrap_or(u32::MAX));
                let hidden = component.all("ATTACH").filter(|line| !is_shown(line)).count();
                files = files.saturating_add(u32::try_from(hidden).unwrap_or(u32::MAX));
                Entry(component).write(&method, &mut out)?;
            }
            Met::Component(component) if component.kind == "VFREEBUSY" => others = others.saturating_add(1),
            Met::Property(_) | Met::Component(_) => {}
        }
        Ok(())
    })?;
    if entries == 0 {
        return Err(Reason::Malformed.into());
    }
    let told = [
        (Reason::CalendarAlarms, alarms),
        (Reason::CalendarAttachments, files),
        (Reason::CalendarEntries, others),
        (Reason::MessageIncomplete, unread.lost),
    ];
    Ok(Shown { text: out.text, told: told.into_iter().filter(|(_, count)| *count > 0).collect() })
}

/// Whether an attachment is a link that can be told.
fn is_shown(line: &Line) -> bool {
    let binary = line.param("VALUE").is_some_and(|value| value.eq_ignore_ascii_case("BINARY"));
    !binary && line.value.starts_with("http")
}

/// What of an entry is shown.
struct Entry(Component);

impl Entry {
    fn first(&self, name: &str) -> Option<&Line> {
        self.0.first(name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.0.all(name)
    }

    fn write(&self, method: &str, out: &mut Growing) -> Result<(), Error> {
        let title = match (self.0.kind.as_str(), method) {
            ("VTODO", _) => "■ タスク",
            ("VJOURNAL", _) => "■ 記録",
            (_, "REQUEST") => "■ 予定（会議の招待）",
            (_, "CANCEL") => "■ 予定（会議の取消し）",
            (_, "REPLY") => "■ 予定（招待への返事）",
            (_, "COUNTER") => "■ 予定（別の日時の提案）",
            _ => "■ 予定",
        };
        out.push(title)?;
        out.push("\n")?;
        let text = |name: &str| self.first(name).map(Line::text).unwrap_or_default();
        out.put("件名", &text("SUMMARY"))?;
        out.put("日時", &self.when())?;
        for rule in self.all("RRULE") {
            out.put("繰り返し", &repeated(&rule.value))?;
        }
        for (label, name) in
            [("追加の日", "RDATE"), ("除外する日", "EXDATE"), ("対象の回", "RECURRENCE-ID"), ("期限", "DUE")]
        {
            self.dates(label, name, out)?;
        }
        out.put("場所", &text("LOCATION"))?;
        out.put("主催者", &self.all("ORGANIZER").map(person).collect::<Vec<_>>().join("、"))?;
        let attendees: Vec<String> = self.all("ATTENDEE").map(attendee).collect();
        let more = attendees.len().saturating_sub(MAX_SHOWN);
        let mut names = attendees.into_iter().take(MAX_SHOWN).collect::<Vec<_>>().join("、");
        if more > 0 {
            names.push_str(&format!("、ほか{more}名"));
        }
        out.put("出席者", &names)?;
        out.put("状態", state(text("STATUS").to_ascii_uppercase().as_str()))?;
        out.put(
            "添付",
            &self
                .all("ATTACH")
                .filter(|line| is_shown(line))
                .map(|line| line.value.clone())
                .collect::<Vec<_>>()
                .join("\n"),
        )?;
        out.put("URL", &text("URL"))?;
        out.put("内容", &text("DESCRIPTION"))?;
        out.put("コメント", &self.all("COMMENT").map(Line::text).collect::<Vec<_>>().join("\n"))?;
        for line in
            self.0.lines.iter().filter(|line| matches!(line.name.as_str(), "CONFERENCE" | "X-GOOGLE-CONFERENCE"))
        {
            out.put("オンライン会議", &line.text())?;
        }
        out.put("備品・部屋", &self.all("RESOURCES").map(Line::text).collect::<Vec<_>>().join("\n"))?;
        out.put("問い合わせ先", &self.all("CONTACT").map(Line::text).collect::<Vec<_>>().join("\n"))?;
        Ok(())
    }

    /// All dates of a name. A short line may hold thousands, each of which is told with its zone.
    fn dates(&self, label: &str, name: &str, out: &mut Growing) -> Result<(), Error> {
        let mut is_first = true;
        for line in self.all(name) {
            for value in line.value.split(',').filter(|value| !value.trim().is_empty()) {
                if is_first {
                    out.push(label)?;
                }
                out.push(if is_first { ": " } else { "、" })?;
                out.push(&time(value, line.param("TZID")))?;
                is_first = false;
            }
        }
        if is_first { Ok(()) } else { out.push("\n") }
    }

    fn when(&self) -> String {
        let Some(start) = self.first("DTSTART") else { return String::new() };
        let zone = start.param("TZID");
        let begins = time(&start.value, zone);
        if let Some(end) = self.first("DTEND") {
            let all_day = start.value.trim().len() == 8;
            // The last day of an event of whole days is the one before its end (RFC 5545 3.6.1).
            let last = if all_day { day_before(&end.value) } else { None };
            return match (all_day, last) {
                (true, Some(last)) if time(&last, None) == begins => format!("{begins}（終日）"),
                (true, Some(last)) => format!("{begins} ～ {}（終日）", time(&last, None)),
                _ => format!("{begins} ～ {}", time(&end.value, end.param("TZID"))),
            };
        }
        match self.first("DURATION") {
            Some(duration) => format!("{begins}（長さ {}）", lasting(&duration.value)),
            None => begins,
        }
    }
}

/// `20261120T100000Z` in Japanese; what is no time stays as it is.
fn time(value: &str, zone: Option<&str>) -> String {
    let value = value.trim();
    let Some(parts) = digits(value) else { return value.to_owned() };
    let [year, month, day, hour, minute, second] = parts;
    if value.len() == 8 {
        let text = japanese_time(civil::days(year, month, day).saturating_mul(86_400));
        return text.rsplit_once(' ').map_or(text.clone(), |(date, _)| date.to_owned());
    }
    let seconds = civil::days(year, month, day).saturating_mul(86_400) + hour * 3_600 + minute * 60 + second;
    if value.ends_with('Z') {
        return format!("{}（日本時間）", japanese_time(seconds.saturating_add(9 * 3_600)));
    }
    match zone.map(str::trim) {
        Some(zone) if is_japan(zone) => format!("{}（日本時間）", japanese_time(seconds)),
        Some(zone) => {
            let zone: String = zone.chars().take(MAX_ZONE).collect();
            format!("{}（{zone}）", japanese_time(seconds))
        }
        None => japanese_time(seconds),
    }
}

/// Year, month, day, hour, minute, second of a date or time that exists.
fn digits(value: &str) -> Option<[i64; 6]> {
    let plain = value.strip_suffix('Z').unwrap_or(value);
    let (date, clock) = plain.split_once('T').unwrap_or((plain, "000000"));
    if date.len() != 8 || clock.len() != 6 || !date.bytes().chain(clock.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |text: &str, from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let parts = [
        number(date, 0, 4)?,
        number(date, 4, 6)?,
        number(date, 6, 8)?,
        number(clock, 0, 2)?,
        number(clock, 2, 4)?,
        number(clock, 4, 6)?,
    ];
    let [_, month, day, hour, minute, second] = parts;
    let good = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    good.then_some(parts)
}

/// The day before a date, as a date.
fn day_before(value: &str) -> Option<String> {
    let [year, month, day, ..] = digits(value.trim()).filter(|_| value.trim().len() == 8)?;
    if day > 1 {
        return Some(format!("{year:04}{month:02}{:02}", day - 1));
    }
    let (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    let next = if month == 12 { civil::days(year + 1, 1, 1) } else { civil::days(year, month + 1, 1) };
    Some(format!("{year:04}{month:02}{:02}", next - civil::days(year, month, 1)))
}

/// `P1DT2H30M` in Japanese.
fn lasting(value: &str) -> String {
    let value = value.trim();
    let Some(rest) = value.trim_start_matches(['+', '-']).strip_prefix('P') else { return value.to_owned() };
    let mut out = String::new();
    let mut number = String::new();
    let mut clock = false;
    for c in rest.chars() {
        match (c, clock) {
            ('0'..='9', _) => number.push(c),
            ('T', _) => clock = true,
            (unit, _) => {
                let unit = match (unit, clock) {
                    ('W', _) => "週間",
                    ('D', _) => "日",
                    ('H', true) => "時間",
                    ('M', true) => "分",
                    ('S', true) => "秒",
                    _ => return value.to_owned(),
                };
                out.push_str(&std::mem::take(&mut number));
                out.push_str(unit);
            }
        }
    }
    if out.is_empty() { value.to_owned() } else { out }
}

/// A rule of repetition in Japanese; conditions without a common word stay as they are written.
fn repeated(rule: &str) -> String {
    let mut unit = "";
    let mut interval = "1";
    let (mut rest, mut end) = (Vec::new(), String::new());
    let mut on = String::new();
    for piece in rule.trim().split(';') {
        let Some((name, value)) = piece.split_once('=') else { continue };
        match name.trim().to_ascii_uppercase().as_str() {
            "FREQ" => {
                unit = match value.to_ascii_uppercase().as_str() {
                    "DAILY" => "日",
                    "WEEKLY" => "週",
                    "MONTHLY" => "月",
                    "YEARLY" => "年",
                    "HOURLY" => "時間",
                    _ => return rule.trim().to_owned(),
                }
            }
            "INTERVAL" => interval = value.trim(),
            "COUNT" => end = format!("、{}回", value.trim()),
            "UNTIL" => end = format!("、{}まで", time(value, None)),
            "WKST" => {}
            "BYDAY" => on.push_str(&format!("、{}", value.split(',').map(weekday).collect::<Vec<_>>().join("・"))),
            "BYMONTHDAY" => on.push_str(&format!("、{}日", value.trim())),
            "BYMONTH" => on.push_str(&format!("、{}月", value.trim())),
            _ => rest.push(piece.trim()),
        }
    }
    let every = match (interval, unit) {
        (_, "") => return rule.trim().to_owned(),
        ("1", unit) => format!("毎{unit}"),
        (many, "月") => format!("{many}か月ごと"),
        (many, "週") => format!("{many}週間ごと"),
        (many, unit) => format!("{many}{unit}ごと"),
    };
    let rest = if rest.is_empty() { String::new() } else { format!("（{}）", rest.join(";")) };
    format!("{every}{on}{end}{rest}")
}

/// `2MO` is 第2月曜, `-1FR` 最終金曜.
fn weekday(value: &str) -> String {
    let value = value.trim();
    let (number, day) = value.split_at_checked(value.len().saturating_sub(2)).unwrap_or(("", value));
    let name = match day {
        "MO" => "月曜",
        "TU" => "火曜",
        "WE" => "水曜",
        "TH" => "木曜",
        "FR" => "金曜",
        "SA" => "土曜",
        "SU" => "日曜",
        _ => return value.to_owned(),
    };
    match number {
        "" => name.to_owned(),
        "-1" => format!("最終{name}"),
        number => format!("第{}{name}", number.trim_start_matches('+')),
    }
}

fn person(line: &Line) -> String {
    let value = line.value.trim();
    let address = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).and_then(|_| value.get(7..));
    let address = address.unwrap_or(value);
    match line.param("CN").map(str::trim).filter(|name| !name.is_empty() && *name != address) {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_owned(),
    }
}

fn attendee(line: &Line) -> String {
    let answer = match line.param("PARTSTAT").unwrap_or_default().to_ascii_uppercase().as_str() {
        "ACCEPTED" => "（出席）",
        "DECLINED" => "（欠席）",
        "TENTATIVE" => "（仮）",
        "DELEGATED" => "（代理）",
        _ => "",
    };
    let role = line.param("ROLE").unwrap_or_default();
    let optional = if role.eq_ignore_ascii_case("OPT-PARTICIPANT") { "（任意）" } else { "" };
    format!("{}{answer}{optional}", person(line))
}

fn state(status: &str) -> &str {
    match status {
        "TENTATIVE" => "仮の予定",
        "CANCELLED" => "取り消されました",
        "COMPLETED" => "完了",
        "CONFIRMED" | "NEEDS-ACTION" => "",
        other => other,
    }
}

/// Characters of a zone that are told; the longest name of the usual lists has half as many.
const MAX_ZONE: usize = 100;
/// Attendees told by name.
const MAX_SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use form::Refusal;

    use super::super::walk::MAX_LINES;
    use super::*;

    const MOST: u64 = 1 << 20;

    fn shown(text: &str) -> Shown {
        calendar(text.as_bytes(), Some("utf-8"), MOST).unwrap()
    }

    #[test]
    fn an_invitation_says_when_where_and_who() {
        let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Tokyo Standard Time\r\nBEGIN:STANDARD\r\n\
            DTSTART:16010101T000000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nSUMMARY:定例会議\\, 第3回\r\n\
            DTSTART;TZID=\"Tokyo Standard Time\":20261120T100000\r\nDTEND;TZID=\"Tokyo Standard Time\":20261120T113000\r\n\
            RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,-1FR;COUNT=5\r\nLOCATION:本庁 3階\r\nORGANIZER;CN=課長:mailto:a@example.jp\r\n\
            ATTENDEE;PARTSTAT=ACCEPTED;CN=\"山田; 太郎\":MAILTO:b@example.jp\r\nATTENDEE:mailto:c@example.jp\r\n\
            BEGIN:VALARM\r\nDESCRIPTION:鳴る\r\nEND:VALARM\r\nDESCRIPTION:一行目\\n二行目\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let shown = shown(text);
        assert_eq!(
            shown.text,
            "■ 予定（会議の招待）\n件名: 定例会議, 第3回\n\
             日時: 2026年11月20日(金) 10:00（日本時間） ～ 2026年11月20日(金) 11:30（日本時間）\n\
             繰り返し: 2週間ごと、月曜・最終金曜、5回\n場所: 本庁 3階\n主催者: 課長 <a@example.jp>\n\
             出席者: 山田; 太郎 <b@example.jp>（出席）、c@example.jp\n内容: 一行目\n  二行目\n"
        );
        assert_eq!(shown.told, [(Reason::CalendarAlarms, 1)]);
    }

    #[test]
    fn times_are_told_as_clocks_in_japan_show_them_and_whole_days_end_on_their_last_day() {
        let event = |lines: &str| shown(&format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n")).text;
        // Expected values from `TZ=Asia/Tokyo date -d`.
        assert!(event("DTSTART:20261231T200000Z").contains("日時: 2027年1月1日(金) 5:00（日本時間）\n"));
        assert!(
            event("DTSTART;VALUE=DATE:20240228\nDTEND;VALUE=DATE:20240301")
                .contains("2024年2月28日(水) ～ 2024年2月29日(木)（終日）")
        );
        assert!(
            event("DTSTART;VALUE=DATE:20250101\nDTEND;VALUE=DATE:20250102").contains("日時: 2025年1月1日(水)（終日）")
        );
        assert!(event("DTSTART:20260101T090000\nDURATION:PT1H30M").contains("9:00（長さ 1時間30分）"));
        for zone in ["Asia/Tokyo", "\"(UTC+09:00) 大阪、札幌、東京\"", "東京 (標準時)"] {
            assert!(event(&format!("DTSTART;TZID={zone}:20260101T090000")).contains("9:00（日本時間）\n"), "{zone}");
        }
        assert!(event("DTSTART;TZID=Europe/Paris:20260101T090000").contains("9:00（Europe/Paris）\n"));
        assert!(event("DTSTART:tomorrow").contains("日時: tomorrow\n"));
    }

    #[test]
    fn entries_end_at_their_limit_and_a_calendar_of_none_is_malformed() {
        let one = "BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n";
        assert!(calendar(one.repeat(10_000).as_bytes(), None, MOST).is_ok());
        let error = calendar(one.repeat(10_001).as_bytes(), None, MOST).unwrap_err();
        assert_eq!(error.refusal(), Refusal::limit(Reason::LimitEntries, 10_000, 10_001));
        assert_eq!(calendar(b"BEGIN:VCALENDAR\n", None, MOST).unwrap_err().refusal().reason, Reason::Malformed);
    }

    #[test]
    fn a_zone_is_told_in_short_and_dates_end_where_the_text_does() {
        let event = |dates: usize| {
            let zone = "z".repeat(100_000);
            format!("BEGIN:VEVENT\nRDATE;TZID={zone}:{}\nEND:VEVENT\n", ["20260101T090000"; 6_400][..dates].join(","))
        };
        let one = format!("追加の日: 2026年1月1日(木) 9:00（{}）\n", "z".repeat(100));
        assert!(shown(&event(1)).text.ends_with(&one));
        let refusal = calendar(event(6_400).as_bytes(), None, 100_000).unwrap_err().refusal();
        assert_eq!((refusal.reason, refusal.limit), (Reason::LimitTextBytes, 100_000));
        assert!(refusal.value < 101_000, "{refusal:?}");
    }

    #[test]
    fn entries_whose_end_is_missing_and_lines_over_the_limit_are_told() {
        let shown = shown(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:一\nBEGIN:VEVENT\nSUMMARY:二\nEND:VEVENT\nBEGIN:VTODO\nSUMMARY:三\n\
             CONFERENCE;VALUE=URI:https://meet.example.jp/a\nCONTACT:総務課\n",
        );
        assert_eq!(
            shown.text,
            "■ 予定\n件名: 一\n\n■ 予定\n件名: 二\n\n■ タスク\n件名: 三\nオンライン会議: https://meet.example.jp/a\n問い合わせ先: 総務課\n"
        );
        assert_eq!(shown.told, [(Reason::MessageIncomplete, 2)]);
        let long = format!("BEGIN:VEVENT\n{}END:VEVENT\n", "COMMENT:x\n".repeat(MAX_LINES + 3));
        assert_eq!(calendar(long.as_bytes(), None, MOST).unwrap().told, [(Reason::MessageIncomplete, 3)]);
    }
}
