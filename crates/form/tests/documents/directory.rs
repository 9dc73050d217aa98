//! A calendar and a card that use every field.

use form::calendar::*;
use form::card::{Anniversary, Card, PersonalName, PostalAddress, Use, Used, Uses};
use form::document::{CalendarDoc, CardDoc, Document};
use form::mail::Address;
use form::pages::Url;
use form::{DetectedType, Finding, Place, Reason};

use super::{line, text};

pub(crate) fn time(day: u8, hour: u8) -> DateTime {
    DateTime::new(Date::new(2026, 11, day).unwrap(), hour, 30, 0).unwrap()
}

pub(crate) fn rule() -> Rule {
    Rule {
        interval: 2,
        ends: Repetition::Until(When::Utc(time(30, 1))),
        weekdays: vec![(0, Weekday::Monday), (-1, Weekday::Friday)],
        months: vec![1, 12],
        positions: vec![-1],
        week_start: Some(Weekday::Sunday),
        ..Rule::new(Frequency::Monthly)
    }
}

pub(crate) fn calendar_header() -> CalendarHeader {
    let observance = |daylight: bool| Observance {
        daylight,
        start: time(1, 2),
        from: 32_400,
        to: -3_600,
        rule: daylight.then(rule),
        dates: vec![time(2, 3)],
        name: line("JST"),
    };
    CalendarHeader {
        method: Some(Method::Request),
        name: line("予定表"),
        zones: vec![
            Zone { name: line("Asia/Tokyo"), observances: vec![observance(false), observance(true)] },
            Zone { name: line("Mars"), observances: vec![] },
        ],
    }
}

pub(crate) fn entry() -> Entry {
    let address = |text: &str| Address::parse(text).unwrap();
    let person =
        Person { name: line("山田"), address: address("a@example.jp"), sent_by: Some(address("b@example.jp")) };
    let url = Url::rebuild("https://example.jp/").unwrap();
    let span = Span { negative: true, days: 1, seconds: 900 };
    Entry {
        sequence: 3,
        stamp: Some(time(1, 0)),
        created: Some(time(2, 0)),
        modified: Some(time(3, 0)),
        completed: Some(time(4, 0)),
        recurrence: Some(Recurrence { at: When::Floating(time(20, 10)), and_following: true }),
        start: Some(When::Zoned(time(20, 10), 1)),
        end: Some(End::At(When::Zoned(time(20, 11), 0))),
        rules: vec![rule()],
        dates: vec![When::Day(Date::new(2026, 1, 1).unwrap())],
        exceptions: vec![When::Utc(time(5, 5))],
        summary: line("会議"),
        location: text("本庁"),
        description: text("一行目\n二行目"),
        comments: vec![text("x")],
        contacts: vec![text("y")],
        categories: vec![line("仕事")],
        url: Some(url.clone()),
        conferences: vec![url],
        organizer: Some(person.clone()),
        attendees: vec![Attendee {
            person,
            role: Some(Role::Chair),
            answer: Some(Participation::Accepted),
            kind: Some(AttendeeKind::Room),
            rsvp: true,
        }],
        state: Some(EntryState::Tentative),
        confidentiality: Some(Confidentiality::Private),
        transparent: true,
        priority: 9,
        percent: Some(100),
        alarms: vec![
            Alarm { trigger: Trigger::Start(span) },
            Alarm { trigger: Trigger::End(span) },
            Alarm { trigger: Trigger::At(time(6, 6)) },
        ],
        ..Entry::new(EntryKind::Event, line("1@example.jp"))
    }
}

pub(crate) fn calendar_of(header: CalendarHeader, entries: Vec<Entry>) -> Document {
    let findings = vec![Finding::new(Reason::CalendarAlarms, Place::default())];
    Document::Calendar(CalendarDoc { detected: DetectedType::lossy("ics"), header, entries, findings })
}

pub(crate) fn calendar_doc() -> Document {
    let task = Entry {
        start: None,
        end: Some(End::After(Span { negative: false, days: 0, seconds: 60 })),
        ..Entry::new(EntryKind::Task, line("2"))
    };
    calendar_of(calendar_header(), vec![entry(), task])
}

pub(crate) fn card() -> Card {
    let mut uses = Uses::default();
    uses.add(Use::Work);
    uses.add(Use::Parcel);
    let day = Date::new(1604, 2, 29).unwrap();
    Card {
        formatted: line("山田 太郎"),
        name: PersonalName { family: line("山田"), given: line("太郎"), ..PersonalName::default() },
        phonetic_family: line("やまだ"),
        phonetic_given: line("たろう"),
        phonetic_organisation: line("しやくしょ"),
        nicknames: vec![line("やま")],
        organisation: vec![line("市役所"), line("総務課")],
        title: line("課長"),
        role: line("総務"),
        phones: vec![Used { uses, value: line("03-0000-0000") }],
        mails: vec![Used { uses, value: Address::parse("a@example.jp").unwrap() }],
        addresses: vec![Used { uses, value: PostalAddress { code: line("100-0001"), ..PostalAddress::default() } }],
        labels: vec![Used { uses, value: text("東京都\n千代田区") }],
        urls: vec![Used { uses, value: Url::rebuild("https://example.jp/").unwrap() }],
        birthday: Some(Anniversary::Yearly(day)),
        anniversary: Some(Anniversary::Since(day)),
        categories: vec![line("市")],
        note: text("メモ"),
        uid: line("3"),
        revised: Some(time(7, 7)),
    }
}

pub(crate) fn card_doc() -> Document {
    Document::Card(CardDoc {
        detected: DetectedType::lossy("vcf"),
        cards: vec![card(), Card::default()],
        findings: vec![],
    })
}
