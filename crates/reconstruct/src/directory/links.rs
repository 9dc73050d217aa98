//! Web addresses in calendars and cards, by policy.
//!
//! What is a link by its type goes unless addresses stay; programs open it whatever its letters are. In words they are treated as
//! in any text. Identifiers and mail addresses stay: they are shown nowhere as text, and answers need them.

use form::calendar::{CalendarHeader, Entry, Person};
use form::card::Card;
use form::job::Links;
use form::link::treated;
use form::text::{Line, Text};

/// The policy, and how many addresses it met.
pub(super) struct Treatment {
    links: Links,
    count: u32,
}

impl Treatment {
    pub(super) fn new(links: Links) -> Treatment {
        Treatment { links, count: 0 }
    }

    /// How many addresses were changed or taken out.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn header(&mut self, header: &mut CalendarHeader) {
        self.line(&mut header.name);
        for observance in header.zones.iter_mut().flat_map(|zone| &mut zone.observances) {
            self.line(&mut observance.name);
        }
    }

    pub(super) fn entry(&mut self, entry: &mut Entry) {
        self.line(&mut entry.summary);
        entry.categories.iter_mut().for_each(|line| self.line(line));
        let texts = [&mut entry.location, &mut entry.description].into_iter();
        texts.chain(&mut entry.comments).chain(&mut entry.contacts).for_each(|text| self.text(text));
        let people = entry.organizer.iter_mut().chain(entry.attendees.iter_mut().map(|attendee| &mut attendee.person));
        people.for_each(|Person { name, .. }| self.line(name));
        if self.links != Links::Keep {
            self.add(usize::from(entry.url.take().is_some()));
            self.add(std::mem::take(&mut entry.conferences).len());
        }
    }

    pub(super) fn card(&mut self, card: &mut Card) {
        let name = &mut card.name;
        let lines = [
            &mut name.family,
            &mut name.given,
            &mut name.additional,
            &mut name.prefix,
            &mut name.suffix,
            &mut card.formatted,
            &mut card.phonetic_family,
            &mut card.phonetic_given,
            &mut card.phonetic_organisation,
            &mut card.title,
            &mut card.role,
        ];
        lines.into_iter().for_each(|line| self.line(line));
        let lists = [&mut card.nicknames, &mut card.organisation, &mut card.categories];
        lists.into_iter().flatten().for_each(|line| self.line(line));
        card.phones.iter_mut().for_each(|phone| self.line(&mut phone.value));
        for address in &mut card.addresses {
            let address = &mut address.value;
            let parts = [
                &mut address.post_box,
                &mut address.extended,
                &mut address.street,
                &mut address.locality,
                &mut address.region,
                &mut address.code,
                &mut address.country,
            ];
            parts.into_iter().for_each(|line| self.line(line));
        }
        card.labels.iter_mut().for_each(|label| self.text(&mut label.value));
        self.text(&mut card.note);
        if self.links != Links::Keep {
            self.add(std::mem::take(&mut card.urls).len());
        }
    }

    fn line(&mut self, line: &mut Line) {
        let (safe, count) = treated(line.as_str(), self.links);
        if count > 0 {
            self.count = self.count.saturating_add(count);
            *line = Line::scrub(&safe).0;
        }
    }

    fn text(&mut self, text: &mut Text) {
        let (safe, count) = treated(text.as_str(), self.links);
        if count > 0 {
            self.count = self.count.saturating_add(count);
            *text = Text::scrub(&safe).0;
        }
    }

    fn add(&mut self, count: usize) {
        self.count = self.count.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use form::calendar::EntryKind;
    use form::card::{Used, Uses};
    use form::codec::{Encoder, Kind};
    use form::job::{CleanJob, CleanOp};
    use form::pages::Url;
    use form::report::CleanReport;
    use form::{DetectedType, Limits, Reason};

    use super::*;

    fn url() -> Url {
        Url::parse("https://evil.example/x").unwrap()
    }

    fn line(text: &str) -> Line {
        Line::scrub(text).0
    }

    fn text(text: &str) -> Text {
        Text::scrub(text).0
    }

    fn written(form: &[u8], links: Links) -> (String, Vec<form::Finding>) {
        let job = CleanJob { links, ..CleanJob::new(CleanOp::Part, Limits::default(), [7; 16]) };
        let (mut out, mut report) = (Vec::new(), Vec::new());
        crate::room::run(&job.encode(), crate::room::Input::Mapped(form), &mut out, &mut report).unwrap();
        let report = CleanReport::decode(&report, &job.limits).unwrap();
        (String::from_utf8(out).unwrap().replace("\r\n ", ""), report.findings)
    }

    #[test]
    fn no_address_of_a_calendar_or_card_passes_the_policy() {
        let entry = Entry {
            summary: line("a https://evil.example/1"),
            location: text("www.evil.example"),
            description: text("b https://evil.example/2\nc"),
            comments: vec![text("https://evil.example/3")],
            contacts: vec![text("https://evil.example/4")],
            categories: vec![line("https://evil.example/5")],
            url: Some(url()),
            conferences: vec![url()],
            ..Entry::new(EntryKind::Event, line("1"))
        };
        let header = CalendarHeader { name: line("https://evil.example/6"), ..CalendarHeader::default() };
        let card = Card {
            formatted: line("https://evil.example/1"),
            note: text("https://evil.example/2"),
            urls: vec![Used { uses: Uses::default(), value: url() }],
            ..Card::default()
        };
        let limits = Limits::default();
        let detected = |name| DetectedType::parse(name).unwrap();
        let mut calendar = Encoder::new(Vec::new(), Kind::Calendar, detected("ics"), &limits).unwrap();
        calendar.calendar(&header).unwrap();
        calendar.entry(&entry).unwrap();
        let calendar = calendar.finish().unwrap();
        let mut cards = Encoder::new(Vec::new(), Kind::Card, detected("vcf"), &limits).unwrap();
        cards.card(&card).unwrap();
        let cards = cards.finish().unwrap();
        for (form, count) in [(calendar, 9), (cards, 3)] {
            for (links, reason) in [(Links::Defang, Reason::LinksDefanged), (Links::Remove, Reason::LinksRemoved)] {
                let (out, findings) = written(&form, links);
                assert!(!out.contains("evil.example") && !out.contains("\r\nURL"), "{out}");
                assert_eq!(findings.iter().map(|it| (it.reason, it.count)).collect::<Vec<_>>(), [(reason, count)]);
            }
            let (out, findings) = written(&form, Links::Keep);
            assert!(out.contains("\r\nURL:https://evil.example/x\r\n") && findings.is_empty());
        }
    }
}
