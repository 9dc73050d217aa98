//! Calendars and cards that no reader makes, and limits at n and n+1.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "helpers of tests, and tables")]

mod documents;

use documents::*;
use form::calendar::*;
use form::card::Card;
use form::codec::{EncodeError, Encoder, Kind};
use form::document::{CalendarDoc, Document};
use form::{DetectedType, Limits, Reason};

fn encoded(document: &Document) -> Result<Vec<u8>, EncodeError> {
    document.encode(Vec::new(), &Limits::default())
}

fn with(change: impl Fn(&mut Entry)) -> Result<Vec<u8>, EncodeError> {
    let mut entry = entry();
    change(&mut entry);
    encoded(&calendar_of(calendar_header(), vec![entry]))
}

#[test]
fn what_is_written_is_what_is_read() {
    for document in [calendar_doc(), card_doc()] {
        let bytes = encoded(&document).unwrap();
        assert_eq!(Document::decode(&*bytes, &Limits::default()).unwrap(), document);
    }
}

#[test]
fn entries_that_contradict_themselves_are_refused() {
    let day = When::Day(Date::new(2026, 1, 1).unwrap());
    let long = Span { negative: false, days: Span::MAX_DAYS + 1, seconds: 0 };
    let bad: [(&str, &dyn Fn(&mut Entry)); 9] = [
        ("no id", &|entry| entry.uid = line("")),
        ("a long id", &|entry| entry.uid = line(&"x".repeat(1_025))),
        ("a day that ends at a time", &|entry| entry.start = Some(day)),
        ("a zone that is not there", &|entry| entry.exceptions = vec![When::Zoned(time(1, 1), 2)]),
        ("a note that ends", &|entry| entry.kind = EntryKind::Journal),
        ("a length beyond all", &|entry| entry.end = Some(End::After(long))),
        ("a rule that never comes true", &|entry| {
            entry.rules[0].months = vec![2];
            entry.rules[0].month_days = vec![30];
        }),
        ("a priority of ten", &|entry| entry.priority = 10),
        ("more than all of it", &|entry| entry.percent = Some(101)),
    ];
    for (what, change) in bad {
        assert!(matches!(with(change), Err(EncodeError::Invalid(_))), "{what}");
    }
}

#[test]
fn zones_have_names_of_their_own_without_quotes() {
    let header = |names: &[&str]| CalendarHeader {
        zones: names.iter().map(|name| Zone { name: line(name), observances: vec![] }).collect(),
        ..CalendarHeader::default()
    };
    for (names, good) in [(&["a", "b"][..], true), (&["a", "a"], false), (&[""], false), (&["a\"b"], false)] {
        assert_eq!(encoded(&calendar_of(header(names), vec![])).is_ok(), good, "{names:?}");
    }
}

#[test]
fn lists_end_at_their_limits() {
    let attendee = entry().attendees.remove(0);
    let date = When::Utc(time(1, 1));
    let cases: [(&dyn Fn(&mut Entry, usize), usize, Reason); 4] = [
        (&|entry, n| entry.dates = vec![date; n], 5_000, Reason::LimitEntries),
        (&|entry, n| entry.rules = vec![rule(); n], 8, Reason::LimitEntries),
        (&|entry, n| entry.comments = vec![text("x"); n], 50, Reason::LimitEntries),
        (&|entry, n| entry.attendees = vec![attendee.clone(); n], 2_000, Reason::LimitAddresses),
    ];
    for (set, most, reason) in cases {
        assert!(with(|entry| set(entry, most)).is_ok(), "{reason} {most}");
        let refused = with(|entry| set(entry, most + 1)).unwrap_err().refusal();
        assert_eq!((refused.reason, refused.limit), (reason, u64::try_from(most).unwrap()));
    }
}

#[test]
fn a_calendar_holds_ten_thousand_entries_and_a_book_as_many_cards() {
    let limits = Limits::default();
    let mut calendar = Encoder::new(Vec::new(), Kind::Calendar, DetectedType::UNKNOWN, &limits).unwrap();
    calendar.calendar(&CalendarHeader::default()).unwrap();
    let mut book = Encoder::new(Vec::new(), Kind::Card, DetectedType::UNKNOWN, &limits).unwrap();
    let entry = Entry::new(EntryKind::Event, line("1"));
    for _ in 0..10_000 {
        calendar.entry(&entry).unwrap();
        book.card(&Card::default()).unwrap();
    }
    assert_eq!(calendar.entry(&entry).unwrap_err().refusal().reason, Reason::LimitEntries);
    assert_eq!(book.card(&Card::default()).unwrap_err().refusal().reason, Reason::LimitEntries);
}

#[test]
fn text_is_counted_over_all_entries() {
    let entry = Entry { description: text(&"あ".repeat(100)), ..Entry::new(EntryKind::Event, line("1")) };
    let document = calendar_of(CalendarHeader::default(), vec![entry.clone(), entry]);
    exact(&document, 600, Reason::LimitTextBytes, |limits, n| limits.text_bytes = n);
}

#[test]
fn a_book_of_no_card_is_none() {
    let limits = Limits::default();
    let book = Encoder::new(Vec::new(), Kind::Card, DetectedType::UNKNOWN, &limits).unwrap();
    assert!(book.finish().is_err());
    let mut calendar = Encoder::new(Vec::new(), Kind::Calendar, DetectedType::UNKNOWN, &limits).unwrap();
    assert!(calendar.entry(&entry()).is_err(), "an entry before the header");
    let detected = DetectedType::UNKNOWN;
    let none = CalendarDoc { detected, header: CalendarHeader::default(), entries: vec![], findings: vec![] };
    assert!(encoded(&Document::Calendar(none)).is_ok());
}
