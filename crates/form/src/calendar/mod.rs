//! Calendars: what takes place when, where and with whom (RFC 5545), and what an invitation asks for (RFC 5546).
//!
//! Every value is typed: dates exist, rules of repetition are fields that end, addresses are such as a mail may have, links lead
//! to the web. There is no place for a file, a sound, a program to run or a property that only one program knows.

mod entry;
mod rule;
mod time;
mod zone;

pub(crate) use entry::take_url;
pub use entry::{
    Alarm, Attendee, AttendeeKind, CalendarHeader, Confidentiality, End, Entry, EntryKind, EntryState, Method,
    Participation, Person, Recurrence, Role, Trigger,
};
pub use rule::{Frequency, Repetition, Rule, Weekday};
pub use time::{Date, DateTime, Span, When};
pub use zone::{Observance, Zone};
