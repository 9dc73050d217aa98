//! An address card in version 3.0, which Outlook, phones and web mail all read.

use std::io::{self, Write};

use form::calendar::Date;
use form::card::{Anniversary, Card, Uses};
use form::text::Line as Words;

use super::line::Line;

pub(super) fn write(card: &Card, out: &mut dyn Write) -> io::Result<()> {
    Line::new("BEGIN").plain("VCARD", out)?;
    Line::new("VERSION").plain("3.0", out)?;
    let name = &card.name;
    let parts = [&name.family, &name.given, &name.additional, &name.prefix, &name.suffix].map(Words::as_str);
    // Both names must stand there, even empty.
    if parts.iter().all(|part| part.is_empty()) {
        Line::new("N").plain(";;;;", out)?;
    } else {
        Line::new("N").texts(parts, ";", out)?;
    }
    Line::new("FN").text(&shown(card), out)?;
    Line::new("X-PHONETIC-LAST-NAME").some(card.phonetic_family.as_str(), out)?;
    Line::new("X-PHONETIC-FIRST-NAME").some(card.phonetic_given.as_str(), out)?;
    Line::new("NICKNAME").texts(card.nicknames.iter().map(Words::as_str), ",", out)?;
    Line::new("ORG").texts(card.organisation.iter().map(Words::as_str), ";", out)?;
    Line::new("X-PHONETIC-ORG").some(card.phonetic_organisation.as_str(), out)?;
    Line::new("TITLE").some(card.title.as_str(), out)?;
    Line::new("ROLE").some(card.role.as_str(), out)?;
    for phone in &card.phones {
        of_type(Line::new("TEL"), phone.uses, &[]).some(phone.value.as_str(), out)?;
    }
    for mail in &card.mails {
        of_type(Line::new("EMAIL"), mail.uses, &["INTERNET"]).text(mail.value.as_str(), out)?;
    }
    for address in &card.addresses {
        of_type(Line::new("ADR"), address.uses, &[]).texts(address.value.parts().map(Words::as_str), ";", out)?;
    }
    for label in &card.labels {
        of_type(Line::new("LABEL"), label.uses, &[]).some(label.value.as_str(), out)?;
    }
    for url in &card.urls {
        of_type(Line::new("URL"), url.uses, &[]).plain(url.value.as_str(), out)?;
    }
    for (name, day) in [("BDAY", card.birthday), ("X-ANNIVERSARY", card.anniversary)] {
        if let Some(day) = day {
            Line::new(name).plain(&self::day(day), out)?;
        }
    }
    Line::new("CATEGORIES").texts(card.categories.iter().map(Words::as_str), ",", out)?;
    Line::new("NOTE").some(card.note.as_str(), out)?;
    Line::new("UID").some(card.uid.as_str(), out)?;
    if let Some(time) = card.revised {
        let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
        Line::new("REV").plain(&format!("{}T{clock}Z", date(time.date())), out)?;
    }
    Line::new("END").plain("VCARD", out)
}

/// The name to show: a list of contacts shows nothing else.
fn shown(card: &Card) -> String {
    if !card.formatted.is_empty() {
        return card.formatted.as_str().to_owned();
    }
    let name = &card.name;
    let parts = [&name.prefix, &name.family, &name.given, &name.additional, &name.suffix];
    let own = parts.into_iter().filter(|part| !part.is_empty()).map(Words::as_str).collect::<Vec<_>>().join(" ");
    let others = card.organisation.iter().map(Words::as_str).chain(card.mails.iter().map(|mail| mail.value.as_str()));
    [own.as_str()].into_iter().chain(others).find(|name| !name.is_empty()).unwrap_or_default().to_owned()
}

fn of_type(line: Line, uses: Uses, own: &[&str]) -> Line {
    let words: Vec<&str> = own.iter().copied().chain(uses.iter().map(|usage| usage.word())).collect();
    if words.is_empty() { line } else { line.word("TYPE", &words.join(",")) }
}

fn day(day: Anniversary) -> String {
    match day {
        Anniversary::Since(day) => date(day),
        // Version 3.0 has no such day; phones write that of version 4.0.
        Anniversary::Yearly(day) => format!("--{:02}{:02}", day.month(), day.day()),
    }
}

fn date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}
