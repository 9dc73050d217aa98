//! The calendar and its entries.

use std::collections::BTreeSet;

use super::rule::Rule;
use super::time::{DateTime, Span, When};
use super::zone::Zone;
use crate::codec::DecodeError;
use crate::container::{take_line, take_text};
use crate::limits::Limits;
use crate::mail::Address;
use crate::pages::Url;
use crate::reason::{Reason, Refusal};
use crate::text::{Line, Text};
use crate::wire::{Cursor, Sink, coded, size, worded};

worded! {
    /// What is asked of the reader (RFC 5546).
    pub enum Method {
        /// Nothing.
        Publish = 1 "PUBLISH",
        /// To come.
        Request = 2 "REQUEST",
        /// Nothing: somebody answers.
        Reply = 3 "REPLY",
        /// To add times to an entry.
        Add = 4 "ADD",
        /// To strike an entry.
        Cancel = 5 "CANCEL",
        /// To send the newest version.
        Refresh = 6 "REFRESH",
        /// To accept another time.
        Counter = 7 "COUNTER",
        /// Nothing: another time is not accepted.
        DeclineCounter = 8 "DECLINECOUNTER",
    }
}

/// What is known of a calendar before its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarHeader {
    /// What is asked of the reader.
    pub method: Option<Method>,
    /// What the calendar is called, may be empty.
    pub name: Line,
    /// Its time zones, at most [`Zone::MAX_ZONES`].
    pub zones: Vec<Zone>,
}

impl CalendarHeader {
    /// The most bytes of the header as it stands in a stream.
    pub const MAX_BYTES: u32 = 4 * 1024 * 1024;

    /// How many zones there are.
    pub(crate) fn zones(&self) -> u16 {
        u16::try_from(self.zones.len()).unwrap_or(0)
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        Refusal::check(Reason::LimitLineBytes, limits.line_bytes.into(), size(self.name.as_str().len()))?;
        Refusal::check(Reason::LimitEntries, Zone::MAX_ZONES.into(), size(self.zones.len()))?;
        let mut names = BTreeSet::new();
        for zone in &self.zones {
            zone.check()?;
            if !names.insert(&zone.name) {
                return Err(DecodeError::Malformed("name of a time zone"));
            }
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.option(self.method.as_ref(), |method, sink| sink.u8(method.code()));
        sink.string(self.name.as_str());
        sink.list(&self.zones, Zone::put);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<CalendarHeader, DecodeError> {
        Ok(CalendarHeader {
            method: cursor.option(|cursor| cursor.coded(Method::from_code, "method"))?,
            name: take_line(cursor, "name of a calendar")?,
            zones: cursor.list(Zone::MAX_ZONES, Reason::LimitEntries, Zone::take)?,
        })
    }
}

coded! {
    /// What an entry is.
    pub enum EntryKind {
        /// An event.
        Event = 1,
        /// Something to do.
        Task = 2,
        /// A note of a day.
        Journal = 3,
    }
}

worded! {
    /// How far an entry has come.
    pub enum EntryState {
        /// Perhaps.
        Tentative = 1 "TENTATIVE",
        /// Certain.
        Confirmed = 2 "CONFIRMED",
        /// Struck.
        Cancelled = 3 "CANCELLED",
        /// To be done.
        NeedsAction = 4 "NEEDS-ACTION",
        /// Done.
        Completed = 5 "COMPLETED",
        /// Being done.
        InProcess = 6 "IN-PROCESS",
        /// A draft of a note.
        Draft = 7 "DRAFT",
        /// A note that is complete.
        Final = 8 "FINAL",
    }
}

worded! {
    /// Who may see an entry.
    pub enum Confidentiality {
        /// Everybody.
        Public = 1 "PUBLIC",
        /// Its owner.
        Private = 2 "PRIVATE",
        /// Some.
        Confidential = 3 "CONFIDENTIAL",
    }
}

worded! {
    /// What somebody is there for.
    pub enum Role {
        /// Leads.
        Chair = 1 "CHAIR",
        /// Has to come.
        Required = 2 "REQ-PARTICIPANT",
        /// May come.
        Optional = 3 "OPT-PARTICIPANT",
        /// Is told of it.
        Informed = 4 "NON-PARTICIPANT",
    }
}

worded! {
    /// What somebody has answered.
    pub enum Participation {
        /// Nothing yet.
        NeedsAction = 1 "NEEDS-ACTION",
        /// Comes.
        Accepted = 2 "ACCEPTED",
        /// Does not come.
        Declined = 3 "DECLINED",
        /// Perhaps comes.
        Tentative = 4 "TENTATIVE",
        /// Another comes.
        Delegated = 5 "DELEGATED",
        /// Has done it.
        Completed = 6 "COMPLETED",
        /// Is at it.
        InProcess = 7 "IN-PROCESS",
    }
}

worded! {
    /// What an attendee is.
    pub enum AttendeeKind {
        /// A person.
        Individual = 1 "INDIVIDUAL",
        /// Several.
        Group = 2 "GROUP",
        /// A thing.
        Resource = 3 "RESOURCE",
        /// A room.
        Room = 4 "ROOM",
        /// Not known.
        Unknown = 5 "UNKNOWN",
    }
}

/// Somebody with a mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name shown, may be empty.
    pub name: Line,
    /// The address.
    pub address: Address,
    /// Who acts for them.
    pub sent_by: Option<Address>,
}

/// Somebody who is asked to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attendee {
    /// Who.
    pub person: Person,
    /// What for.
    pub role: Option<Role>,
    /// What they have answered.
    pub answer: Option<Participation>,
    /// What they are.
    pub kind: Option<AttendeeKind>,
    /// Whether an answer is asked for.
    pub rsvp: bool,
}

/// When an entry ends; for a task, when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Then.
    At(When),
    /// So long after its start.
    After(Span),
}

/// Which time of an entry that repeats an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// The time that it had.
    pub at: When,
    /// Whether it stands for all later ones too.
    pub and_following: bool,
}

/// When an alarm is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// So long after the start, mostly a negative length.
    Start(Span),
    /// So long after the end.
    End(Span),
    /// At this moment of UTC.
    At(DateTime),
}

/// An alarm that shows the summary of its entry and does nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// When.
    pub trigger: Trigger,
}

/// An event, task or note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// What it is known by, the same in all versions of it: 1 to [`Entry::MAX_UID_BYTES`] bytes.
    pub uid: Line,
    /// Which version it is.
    pub sequence: u32,
    /// When this version was written, in UTC.
    pub stamp: Option<DateTime>,
    /// When it was made, in UTC.
    pub created: Option<DateTime>,
    /// When it was last changed, in UTC.
    pub modified: Option<DateTime>,
    /// When a task was done, in UTC.
    pub completed: Option<DateTime>,
    /// Which time of an entry that repeats it stands for.
    pub recurrence: Option<Recurrence>,
    /// When it begins.
    pub start: Option<When>,
    /// When it ends: a day where it begins on one. A note has none.
    pub end: Option<End>,
    /// How it repeats, at most [`Entry::MAX_RULES`].
    pub rules: Vec<Rule>,
    /// Further times, at most [`Entry::MAX_DATES`].
    pub dates: Vec<When>,
    /// Times at which it does not take place, at most [`Entry::MAX_DATES`].
    pub exceptions: Vec<When>,
    /// What it is called.
    pub summary: Line,
    /// Where it is.
    pub location: Text,
    /// What it is about.
    pub description: Text,
    /// Remarks, at most [`Entry::MAX_TEXTS`].
    pub comments: Vec<Text>,
    /// Whom to ask, at most [`Entry::MAX_TEXTS`].
    pub contacts: Vec<Text>,
    /// What it belongs to, at most [`Entry::MAX_TEXTS`].
    pub categories: Vec<Line>,
    /// Where more of it is, a page of the web.
    pub url: Option<Url>,
    /// Where one meets on the web, at most [`Entry::MAX_TEXTS`].
    pub conferences: Vec<Url>,
    /// Who invites.
    pub organizer: Option<Person>,
    /// Who is invited, at most [`Limits::addresses`].
    pub attendees: Vec<Attendee>,
    /// How far it has come.
    pub state: Option<EntryState>,
    /// Who may see it.
    pub confidentiality: Option<Confidentiality>,
    /// Whether one can be booked at that time all the same.
    pub transparent: bool,
    /// 1 the highest to 9, 0 none.
    pub priority: u8,
    /// Percent of a task that are done, at most 100.
    pub percent: Option<u8>,
    /// Alarms, at most [`Entry::MAX_ALARMS`].
    pub alarms: Vec<Alarm>,
}

impl Entry {
    /// The most entries of a calendar, and cards of a book.
    pub const MAX_ENTRIES: u64 = 10_000;
    /// The most bytes of an id.
    pub const MAX_UID_BYTES: usize = 1_024;
    /// The most rules.
    pub const MAX_RULES: u32 = 8;
    /// The most further times, and of exceptions.
    pub const MAX_DATES: u32 = 5_000;
    /// The most remarks, contacts, categories and conferences, of each.
    pub const MAX_TEXTS: u32 = 50;
    /// The most alarms.
    pub const MAX_ALARMS: u32 = 10;

    /// An entry of nothing but its kind and id.
    pub fn new(kind: EntryKind, uid: Line) -> Entry {
        Entry {
            kind,
            uid,
            sequence: 0,
            stamp: None,
            created: None,
            modified: None,
            completed: None,
            recurrence: None,
            start: None,
            end: None,
            rules: Vec::new(),
            dates: Vec::new(),
            exceptions: Vec::new(),
            summary: Line::default(),
            location: Text::default(),
            description: Text::default(),
            comments: Vec::new(),
            contacts: Vec::new(),
            categories: Vec::new(),
            url: None,
            conferences: Vec::new(),
            organizer: None,
            attendees: Vec::new(),
            state: None,
            confidentiality: None,
            transparent: false,
            priority: 0,
            percent: None,
            alarms: Vec::new(),
        }
    }

    /// Bytes of its texts.
    pub(crate) fn text_bytes(&self) -> u64 {
        let texts = [&self.location, &self.description].into_iter().chain(&self.comments).chain(&self.contacts);
        texts.fold(size(self.summary.as_str().len()), |sum, text| sum.saturating_add(size(text.as_str().len())))
    }

    /// Judges an entry of a calendar with so many zones.
    pub(crate) fn check(&self, limits: &Limits, zones: u16) -> Result<(), DecodeError> {
        let most = |most: u32, len: usize| Refusal::check(Reason::LimitEntries, most.into(), size(len));
        most(Self::MAX_RULES, self.rules.len())?;
        most(Self::MAX_DATES, self.dates.len())?;
        most(Self::MAX_DATES, self.exceptions.len())?;
        most(Self::MAX_ALARMS, self.alarms.len())?;
        for len in [self.comments.len(), self.contacts.len(), self.categories.len(), self.conferences.len()] {
            most(Self::MAX_TEXTS, len)?;
        }
        Refusal::check(Reason::LimitAddresses, limits.addresses.into(), size(self.attendees.len()))?;
        if self.uid.is_empty() || self.uid.as_str().len() > Self::MAX_UID_BYTES {
            return Err(DecodeError::Malformed("id of an entry"));
        }
        let names = self.organizer.iter().chain(self.attendees.iter().map(|attendee| &attendee.person));
        for line in names.map(|person| &person.name).chain([&self.summary]).chain(&self.categories) {
            Refusal::check(Reason::LimitLineBytes, limits.line_bytes.into(), size(line.as_str().len()))?;
        }
        self.rules.iter().try_for_each(Rule::check)?;
        if self.start.is_some_and(|start| !self.rules.iter().all(|rule| rule.is_met_from(&start))) {
            return Err(DecodeError::Malformed("rule of repetition"));
        }
        for when in self.start.iter().chain(&self.dates).chain(&self.exceptions) {
            when.check(zones)?;
        }
        if let Some(recurrence) = &self.recurrence {
            recurrence.at.check(zones)?;
        }
        match &self.end {
            None => {}
            Some(_) if self.kind == EntryKind::Journal => return Err(DecodeError::Malformed("end of a note")),
            Some(End::After(span)) => span.check()?,
            Some(End::At(when)) => {
                when.check(zones)?;
                if self.start.is_some_and(|start| start.is_day() != when.is_day()) {
                    return Err(DecodeError::Malformed("end of an entry"));
                }
            }
        }
        for alarm in &self.alarms {
            match &alarm.trigger {
                Trigger::Start(span) | Trigger::End(span) => span.check()?,
                Trigger::At(_) => {}
            }
        }
        if self.priority > 9 || self.percent.is_some_and(|percent| percent > 100) {
            return Err(DecodeError::Malformed("number of an entry"));
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(self.kind.code());
        sink.string(self.uid.as_str());
        sink.u32(self.sequence);
        for time in [&self.stamp, &self.created, &self.modified, &self.completed] {
            sink.option(time.as_ref(), DateTime::put);
        }
        sink.option(self.recurrence.as_ref(), |recurrence, sink| {
            recurrence.at.put(sink);
            sink.flag(recurrence.and_following);
        });
        sink.option(self.start.as_ref(), When::put);
        sink.option(self.end.as_ref(), End::put);
        sink.list(&self.rules, Rule::put);
        sink.list(&self.dates, When::put);
        sink.list(&self.exceptions, When::put);
        sink.string(self.summary.as_str());
        sink.string(self.location.as_str());
        sink.string(self.description.as_str());
        sink.list(&self.comments, |text, sink| sink.string(text.as_str()));
        sink.list(&self.contacts, |text, sink| sink.string(text.as_str()));
        sink.list(&self.categories, |line, sink| sink.string(line.as_str()));
        sink.option(self.url.as_ref(), |url, sink| sink.string(url.as_str()));
        sink.list(&self.conferences, |url, sink| sink.string(url.as_str()));
        sink.option(self.organizer.as_ref(), Person::put);
        sink.list(&self.attendees, Attendee::put);
        sink.option(self.state.as_ref(), |state, sink| sink.u8(state.code()));
        sink.option(self.confidentiality.as_ref(), |value, sink| sink.u8(value.code()));
        sink.flag(self.transparent);
        sink.u8(self.priority);
        sink.option(self.percent.as_ref(), |percent, sink| sink.u8(*percent));
        sink.list(&self.alarms, |alarm, sink| alarm.trigger.put(sink));
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<Entry, DecodeError> {
        let times = |cursor: &mut Cursor<'_>| cursor.list(Self::MAX_DATES, Reason::LimitEntries, When::take);
        let texts = |cursor: &mut Cursor<'_>| {
            cursor.list(Self::MAX_TEXTS, Reason::LimitEntries, |c| take_text(c, "text of an entry"))
        };
        Ok(Entry {
            kind: cursor.coded(EntryKind::from_code, "kind of an entry")?,
            uid: take_line(cursor, "id of an entry")?,
            sequence: cursor.u32()?,
            stamp: cursor.option(DateTime::take)?,
            created: cursor.option(DateTime::take)?,
            modified: cursor.option(DateTime::take)?,
            completed: cursor.option(DateTime::take)?,
            recurrence: cursor
                .option(|cursor| Ok(Recurrence { at: When::take(cursor)?, and_following: cursor.flag()? }))?,
            start: cursor.option(When::take)?,
            end: cursor.option(End::take)?,
            rules: cursor.list(Self::MAX_RULES, Reason::LimitEntries, Rule::take)?,
            dates: times(cursor)?,
            exceptions: times(cursor)?,
            summary: take_line(cursor, "summary")?,
            location: take_text(cursor, "location")?,
            description: take_text(cursor, "description")?,
            comments: texts(cursor)?,
            contacts: texts(cursor)?,
            categories: cursor.list(Self::MAX_TEXTS, Reason::LimitEntries, |cursor| take_line(cursor, "category"))?,
            url: cursor.option(take_url)?,
            conferences: cursor.list(Self::MAX_TEXTS, Reason::LimitEntries, take_url)?,
            organizer: cursor.option(Person::take)?,
            attendees: cursor.list(limits.addresses, Reason::LimitAddresses, Attendee::take)?,
            state: cursor.option(|cursor| cursor.coded(EntryState::from_code, "state of an entry"))?,
            confidentiality: cursor.option(|cursor| cursor.coded(Confidentiality::from_code, "confidentiality"))?,
            transparent: cursor.flag()?,
            priority: cursor.u8()?,
            percent: cursor.option(Cursor::u8)?,
            alarms: cursor
                .list(Self::MAX_ALARMS, Reason::LimitEntries, |cursor| Ok(Alarm { trigger: Trigger::take(cursor)? }))?,
        })
    }
}

pub(crate) fn take_url(cursor: &mut Cursor<'_>) -> Result<Url, DecodeError> {
    let url = Url::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("link"))?;
    if url.as_str().starts_with("mailto:") { Err(DecodeError::Malformed("link")) } else { Ok(url) }
}

fn take_address(cursor: &mut Cursor<'_>) -> Result<Address, DecodeError> {
    Address::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("address"))
}

impl End {
    fn put(&self, sink: &mut Sink) {
        match self {
            End::At(when) => {
                sink.u8(1);
                when.put(sink);
            }
            End::After(span) => {
                sink.u8(2);
                span.put(sink);
            }
        }
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<End, DecodeError> {
        Ok(match cursor.u8()? {
            1 => End::At(When::take(cursor)?),
            2 => End::After(Span::take(cursor)?),
            _ => return Err(DecodeError::Malformed("end of an entry")),
        })
    }
}

impl Trigger {
    fn put(&self, sink: &mut Sink) {
        match self {
            Trigger::Start(span) => {
                sink.u8(1);
                span.put(sink);
            }
            Trigger::End(span) => {
                sink.u8(2);
                span.put(sink);
            }
            Trigger::At(time) => {
                sink.u8(3);
                time.put(sink);
            }
        }
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Trigger, DecodeError> {
        Ok(match cursor.u8()? {
            1 => Trigger::Start(Span::take(cursor)?),
            2 => Trigger::End(Span::take(cursor)?),
            3 => Trigger::At(DateTime::take(cursor)?),
            _ => return Err(DecodeError::Malformed("time of an alarm")),
        })
    }
}

impl Person {
    fn put(&self, sink: &mut Sink) {
        sink.string(self.name.as_str());
        sink.string(self.address.as_str());
        sink.option(self.sent_by.as_ref(), |address, sink| sink.string(address.as_str()));
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Person, DecodeError> {
        Ok(Person {
            name: take_line(cursor, "name of a person")?,
            address: take_address(cursor)?,
            sent_by: cursor.option(take_address)?,
        })
    }
}

impl Attendee {
    fn put(&self, sink: &mut Sink) {
        self.person.put(sink);
        sink.option(self.role.as_ref(), |role, sink| sink.u8(role.code()));
        sink.option(self.answer.as_ref(), |answer, sink| sink.u8(answer.code()));
        sink.option(self.kind.as_ref(), |kind, sink| sink.u8(kind.code()));
        sink.flag(self.rsvp);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Attendee, DecodeError> {
        Ok(Attendee {
            person: Person::take(cursor)?,
            role: cursor.option(|cursor| cursor.coded(Role::from_code, "role"))?,
            answer: cursor.option(|cursor| cursor.coded(Participation::from_code, "answer"))?,
            kind: cursor.option(|cursor| cursor.coded(AttendeeKind::from_code, "kind of an attendee"))?,
            rsvp: cursor.flag()?,
        })
    }
}
