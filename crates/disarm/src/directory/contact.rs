//! An address card as typed values.

use form::calendar::DateTime;
use form::card::{Anniversary, Card, PersonalName, PostalAddress, Use, Used, Uses};
use form::text::Line as Words;

use super::beyond::Facts;
use super::line::Line;
use super::time;
use super::told::{MAX_REMARK, MAX_TEXT, Told};

/// Reads one card.
pub(super) fn card(lines: &[Line], told: &mut Told) -> Card {
    let mut card = Card::default();
    // What is said again, or in a field of no other place.
    let (mut notes, mut more): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let facts = Facts::of(lines);
    for line in lines {
        let again = match line.name.as_str() {
            "ORG" if !card.organisation.is_empty() => Some("組織"),
            "TITLE" if !card.title.is_empty() => Some("役職"),
            "ROLE" if !card.role.is_empty() => Some("役割"),
            _ => None,
        };
        match again {
            None if line.name == "NOTE" => notes.push(line.text()),
            Some(label) => more.push(format!("{label}: {}", line.fields().join(" ").trim())),
            None if facts.tell(line) => {}
            None => read(line, &mut card, told),
        }
    }
    notes.extend(more);
    notes.extend(facts.all().map(|(label, value)| format!("{label}: {value}")));
    card.note = told.text(&notes.join("\n"), MAX_TEXT);
    card
}

fn read(line: &Line, card: &mut Card, told: &mut Told) {
    let uses = uses(line);
    match line.name.as_str() {
        "FN" => once(&mut card.formatted, line, told),
        "N" if card.name == PersonalName::default() => card.name = name(&line.names(), told),
        "SOUND" => {
            // What Japanese phones write: the reading, in the order of a name.
            let reading = name(&line.names(), told);
            (card.phonetic_family, card.phonetic_given) = (reading.family, reading.given);
        }
        "X-PHONETIC-LAST-NAME" => once(&mut card.phonetic_family, line, told),
        "X-PHONETIC-FIRST-NAME" => once(&mut card.phonetic_given, line, told),
        "X-PHONETIC-ORG" => once(&mut card.phonetic_organisation, line, told),
        "NICKNAME" => list(line.list(), &mut card.nicknames, told),
        "ORG" if card.organisation.is_empty() => list(line.fields(), &mut card.organisation, told),
        "TITLE" => once(&mut card.title, line, told),
        "ROLE" => once(&mut card.role, line, told),
        "TEL" => {
            let text = line.text();
            let value = told.line_of(text.strip_prefix("tel:").unwrap_or(&text), Card::MAX_NUMBER_BYTES);
            told.push(&mut card.phones, Card::MAX_VALUES, Used { uses, value });
        }
        "EMAIL" => {
            if let Some(value) = told.address(&line.text()) {
                told.push(&mut card.mails, Card::MAX_VALUES, Used { uses, value });
            }
        }
        "ADR" => {
            let value = address(&line.names(), told);
            told.push(&mut card.addresses, Card::MAX_VALUES, Used { uses, value });
        }
        "LABEL" => {
            let value = told.text(&line.text(), MAX_REMARK);
            told.push(&mut card.labels, Card::MAX_VALUES, Used { uses, value });
        }
        "URL" => {
            if let Some(value) = told.url(&line.text()) {
                told.push(&mut card.urls, Card::MAX_VALUES, Used { uses, value });
            }
        }
        "BDAY" => card.birthday = card.birthday.or_else(|| day(line, told)),
        "ANNIVERSARY" | "X-ANNIVERSARY" | "X-EVOLUTION-ANNIVERSARY" | "X-MS-ANNIVERSARY" => {
            card.anniversary = card.anniversary.or_else(|| day(line, told))
        }
        "CATEGORIES" => list(line.list(), &mut card.categories, told),
        "UID" => once(&mut card.uid, line, told),
        "REV" => card.revised = moment(&line.value),
        // Ours says which version and program it is of.
        "VERSION" | "PRODID" | "PROFILE" | "AGENT" => {}
        _ => told.fields = told.fields.saturating_add(1),
    }
}

/// The first of a name stands.
fn once(slot: &mut Words, line: &Line, told: &mut Told) {
    if slot.is_empty() {
        *slot = told.line(&line.text());
    } else {
        told.fields = told.fields.saturating_add(1);
    }
}

fn list(values: Vec<String>, list: &mut Vec<Words>, told: &mut Told) {
    for value in values {
        let value = told.line(&value);
        told.push(list, Card::MAX_VALUES, value);
    }
}

fn name(fields: &[String], told: &mut Told) -> PersonalName {
    let mut field = |at: usize| told.line(fields.get(at).map(String::as_str).unwrap_or_default());
    PersonalName { family: field(0), given: field(1), additional: field(2), prefix: field(3), suffix: field(4) }
}

fn address(fields: &[String], told: &mut Told) -> PostalAddress {
    let mut field = |at: usize| told.line(fields.get(at).map(String::as_str).unwrap_or_default());
    PostalAddress {
        post_box: field(0),
        extended: field(1),
        street: field(2),
        locality: field(3),
        region: field(4),
        code: field(5),
        country: field(6),
    }
}

fn uses(line: &Line) -> Uses {
    let mut uses = Uses::default();
    for word in line.params("TYPE").flat_map(|value| value.split(',')).map(str::trim) {
        let usage = match word.to_ascii_uppercase().as_str() {
            "TEXT" => Some(Use::Message),
            "MOBILE" | "IPHONE" => Some(Use::Cell),
            other => Use::from_word(other),
        };
        if let Some(usage) = usage {
            uses.add(usage);
        }
    }
    if line.param("PREF").is_some() {
        uses.add(Use::Preferred);
    }
    uses
}

fn day(line: &Line, told: &mut Told) -> Option<Anniversary> {
    let day = anniversary(line.value.trim(), line.param("X-APPLE-OMIT-YEAR"));
    told.repaired = told.repaired.saturating_add(u32::from(day.is_none()));
    day
}

/// `19850412`, `1985-04-12`, either with a time behind it, `--0412`, `--04-12`.
fn anniversary(value: &str, omitted: Option<&str>) -> Option<Anniversary> {
    let plain = value.split(['T', 't', ' ']).next().unwrap_or_default();
    if let Some(rest) = plain.strip_prefix("--") {
        return time::date(&format!("{LEAP}{}", rest.replace('-', ""))).map(Anniversary::Yearly);
    }
    let date = time::date(&plain.replace(['-', '/'], ""))?;
    let is_yearly = omitted.is_some_and(|year| year.trim().parse() == Ok(date.year()));
    Some(if is_yearly { Anniversary::Yearly(date) } else { Anniversary::Since(date) })
}

/// `2026-11-20T10:00:00Z`, `20261120T100000Z`.
fn moment(value: &str) -> Option<DateTime> {
    let digits = value.trim().trim_end_matches(['Z', 'z']).replace(['-', ':'], "");
    let digits = digits.split('.').next().unwrap_or_default();
    time::clock(digits).or_else(|| DateTime::new(time::date(digits)?, 0, 0, 0))
}

/// A leap year, so that the 29th of February is a day.
const LEAP: u16 = 1604;

#[cfg(test)]
mod tests {
    use form::calendar::Date;

    use super::*;

    #[test]
    fn days_are_read_in_all_their_spellings() {
        let date = Date::new(1985, 4, 12).unwrap();
        for text in ["19850412", "1985-04-12", "1985-04-12T00:00:00Z", "19850412T000000"] {
            assert_eq!(anniversary(text, None), Some(Anniversary::Since(date)), "{text}");
        }
        let leap = Some(Anniversary::Yearly(Date::new(LEAP, 2, 29).unwrap()));
        assert_eq!(anniversary("--0229", None), leap);
        assert_eq!(anniversary("--02-29", None), leap);
        assert_eq!(anniversary("1604-02-29", Some("1604")), leap);
        for bad in ["", "1985", "1985-02-30", "--", "someday"] {
            assert_eq!(anniversary(bad, None), None, "{bad}");
        }
    }
}
