//! Address cards: a person or office with numbers and addresses (RFC 6350, and its older versions as programs write them).

use crate::calendar::{Date, DateTime};
use crate::codec::DecodeError;
use crate::container::{take_line, take_text};
use crate::limits::Limits;
use crate::mail::Address;
use crate::pages::Url;
use crate::reason::{Reason, Refusal};
use crate::text::{Line, Text};
use crate::wire::{Cursor, Sink, size, worded};

worded! {
    /// What a number or address is for.
    pub enum Use {
        /// At work.
        Work = 1 "WORK",
        /// At home.
        Home = 2 "HOME",
        /// The one that is liked best.
        Preferred = 3 "PREF",
        /// A mobile phone.
        Cell = 4 "CELL",
        /// Speech.
        Voice = 5 "VOICE",
        /// Fax.
        Fax = 6 "FAX",
        /// A pager.
        Pager = 7 "PAGER",
        /// Messages.
        Message = 8 "MSG",
        /// Moving pictures.
        Video = 9 "VIDEO",
        /// A phone in a car.
        Car = 10 "CAR",
        /// A postal address.
        Post = 11 "POSTAL",
        /// Where parcels go.
        Parcel = 12 "PARCEL",
    }
}

/// A set of uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Uses(u16);

impl Uses {
    /// Adds one.
    pub fn add(&mut self, usage: Use) {
        self.0 |= Uses::bit(usage);
    }

    /// Whether one is in it.
    pub fn has(self, usage: Use) -> bool {
        self.0 & Uses::bit(usage) != 0
    }

    /// Those that are in it.
    pub fn iter(self) -> impl Iterator<Item = Use> {
        Use::ALL.iter().copied().filter(move |usage| self.has(*usage))
    }

    fn bit(usage: Use) -> u16 {
        1_u16.checked_shl(usage.code().into()).unwrap_or(0)
    }

    fn put(self, sink: &mut Sink) {
        sink.u16(self.0);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Uses, DecodeError> {
        let bits = cursor.u16()?;
        let known = Use::ALL.iter().fold(0, |all, usage| all | Uses::bit(*usage));
        if bits & !known == 0 { Ok(Uses(bits)) } else { Err(DecodeError::Malformed("uses")) }
    }
}

/// A name and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used<T> {
    /// What it is for.
    pub uses: Uses,
    /// The value.
    pub value: T,
}

impl<T> Used<T> {
    fn put(&self, sink: &mut Sink, put: impl FnOnce(&T, &mut Sink)) {
        self.uses.put(sink);
        put(&self.value, sink);
    }

    fn take(
        cursor: &mut Cursor<'_>,
        take: impl FnOnce(&mut Cursor<'_>) -> Result<T, DecodeError>,
    ) -> Result<Used<T>, DecodeError> {
        Ok(Used { uses: Uses::take(cursor)?, value: take(cursor)? })
    }
}

/// The parts of a name; each may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonalName {
    /// Family name.
    pub family: Line,
    /// Given name.
    pub given: Line,
    /// Further names.
    pub additional: Line,
    /// Before the name.
    pub prefix: Line,
    /// After the name.
    pub suffix: Line,
}

/// The parts of a postal address; each may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostalAddress {
    /// Post-office box.
    pub post_box: Line,
    /// Building, room.
    pub extended: Line,
    /// Street and number.
    pub street: Line,
    /// Town.
    pub locality: Line,
    /// Prefecture.
    pub region: Line,
    /// Postal code.
    pub code: Line,
    /// Country.
    pub country: Line,
}

impl PostalAddress {
    /// Its parts in the order of the standard.
    pub fn parts(&self) -> [&Line; 7] {
        [&self.post_box, &self.extended, &self.street, &self.locality, &self.region, &self.code, &self.country]
    }
}

/// A day that comes every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anniversary {
    /// With its year.
    Since(Date),
    /// Month and day; the date holds a leap year that means nothing.
    Yearly(Date),
}

/// A card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// The name as it is shown.
    pub formatted: Line,
    /// Its parts.
    pub name: PersonalName,
    /// How the family name is read, may be empty.
    pub phonetic_family: Line,
    /// How the given name is read, may be empty.
    pub phonetic_given: Line,
    /// How the name of the organisation is read, may be empty.
    pub phonetic_organisation: Line,
    /// Other names.
    pub nicknames: Vec<Line>,
    /// The organisation and its units, from the largest on.
    pub organisation: Vec<Line>,
    /// Title.
    pub title: Line,
    /// What the person does.
    pub role: Line,
    /// Telephone numbers, each of at most [`Card::MAX_NUMBER_BYTES`].
    pub phones: Vec<Used<Line>>,
    /// Mail addresses.
    pub mails: Vec<Used<Address>>,
    /// Postal addresses.
    pub addresses: Vec<Used<PostalAddress>>,
    /// Postal addresses as they stand on a letter.
    pub labels: Vec<Used<Text>>,
    /// Pages of the web.
    pub urls: Vec<Used<Url>>,
    /// Birthday.
    pub birthday: Option<Anniversary>,
    /// Wedding day.
    pub anniversary: Option<Anniversary>,
    /// What the card belongs to.
    pub categories: Vec<Line>,
    /// Notes.
    pub note: Text,
    /// What the card is known by, may be empty.
    pub uid: Line,
    /// When it was last changed, in UTC.
    pub revised: Option<DateTime>,
}

impl Card {
    /// The most values of each list.
    pub const MAX_VALUES: u32 = 100;
    /// The most bytes of a telephone number.
    pub const MAX_NUMBER_BYTES: usize = 255;

    fn lines(&self) -> impl Iterator<Item = &Line> {
        let PersonalName { family, given, additional, prefix, suffix } = &self.name;
        let own = [
            &self.formatted,
            family,
            given,
            additional,
            prefix,
            suffix,
            &self.phonetic_family,
            &self.phonetic_given,
            &self.phonetic_organisation,
            &self.title,
            &self.role,
            &self.uid,
        ];
        let lists = self.nicknames.iter().chain(&self.organisation).chain(&self.categories);
        own.into_iter().chain(lists).chain(self.addresses.iter().flat_map(|address| address.value.parts()))
    }

    /// Bytes of its texts.
    pub(crate) fn text_bytes(&self) -> u64 {
        let lines = self.lines().map(Line::as_str);
        let texts = self.labels.iter().map(|label| label.value.as_str()).chain([self.note.as_str()]);
        lines.chain(texts).fold(0, |sum, text| sum.saturating_add(size(text.len())))
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        let lists = [
            self.nicknames.len(),
            self.organisation.len(),
            self.phones.len(),
            self.mails.len(),
            self.addresses.len(),
            self.labels.len(),
            self.urls.len(),
            self.categories.len(),
        ];
        for len in lists {
            Refusal::check(Reason::LimitEntries, Self::MAX_VALUES.into(), size(len))?;
        }
        for line in self.lines() {
            Refusal::check(Reason::LimitLineBytes, limits.line_bytes.into(), size(line.as_str().len()))?;
        }
        for phone in &self.phones {
            Refusal::check(Reason::LimitLineBytes, size(Self::MAX_NUMBER_BYTES), size(phone.value.as_str().len()))?;
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        let line = |line: &Line, sink: &mut Sink| sink.string(line.as_str());
        let PersonalName { family, given, additional, prefix, suffix } = &self.name;
        for value in [&self.formatted, family, given, additional, prefix, suffix] {
            line(value, sink);
        }
        for value in [&self.phonetic_family, &self.phonetic_given, &self.phonetic_organisation] {
            line(value, sink);
        }
        sink.list(&self.nicknames, line);
        sink.list(&self.organisation, line);
        line(&self.title, sink);
        line(&self.role, sink);
        sink.list(&self.phones, |phone, sink| phone.put(sink, line));
        sink.list(&self.mails, |mail, sink| mail.put(sink, |address, sink| sink.string(address.as_str())));
        sink.list(&self.addresses, |address, sink| {
            address.put(sink, |address, sink| address.parts().into_iter().for_each(|part| line(part, sink)));
        });
        sink.list(&self.labels, |label, sink| label.put(sink, |text, sink| sink.string(text.as_str())));
        sink.list(&self.urls, |url, sink| url.put(sink, |url, sink| sink.string(url.as_str())));
        sink.option(self.birthday.as_ref(), Anniversary::put);
        sink.option(self.anniversary.as_ref(), Anniversary::put);
        sink.list(&self.categories, line);
        sink.string(self.note.as_str());
        line(&self.uid, sink);
        sink.option(self.revised.as_ref(), DateTime::put);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Card, DecodeError> {
        fn line(cursor: &mut Cursor<'_>) -> Result<Line, DecodeError> {
            take_line(cursor, "line of a card")
        }
        fn list<T>(
            cursor: &mut Cursor<'_>,
            take: impl Fn(&mut Cursor<'_>) -> Result<T, DecodeError>,
        ) -> Result<Vec<T>, DecodeError> {
            cursor.list(Card::MAX_VALUES, Reason::LimitEntries, take)
        }
        Ok(Card {
            formatted: line(cursor)?,
            name: PersonalName {
                family: line(cursor)?,
                given: line(cursor)?,
                additional: line(cursor)?,
                prefix: line(cursor)?,
                suffix: line(cursor)?,
            },
            phonetic_family: line(cursor)?,
            phonetic_given: line(cursor)?,
            phonetic_organisation: line(cursor)?,
            nicknames: list(cursor, line)?,
            organisation: list(cursor, line)?,
            title: line(cursor)?,
            role: line(cursor)?,
            phones: list(cursor, |cursor| Used::take(cursor, line))?,
            mails: list(cursor, |cursor| {
                Used::take(cursor, |cursor| {
                    Address::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("address"))
                })
            })?,
            addresses: list(cursor, |cursor| Used::take(cursor, PostalAddress::take))?,
            labels: list(cursor, |cursor| Used::take(cursor, |cursor| take_text(cursor, "label")))?,
            urls: list(cursor, |cursor| Used::take(cursor, crate::calendar::take_url))?,
            birthday: cursor.option(Anniversary::take)?,
            anniversary: cursor.option(Anniversary::take)?,
            categories: list(cursor, line)?,
            note: take_text(cursor, "note")?,
            uid: line(cursor)?,
            revised: cursor.option(DateTime::take)?,
        })
    }
}

impl PostalAddress {
    fn take(cursor: &mut Cursor<'_>) -> Result<PostalAddress, DecodeError> {
        let mut part = || take_line(cursor, "postal address");
        Ok(PostalAddress {
            post_box: part()?,
            extended: part()?,
            street: part()?,
            locality: part()?,
            region: part()?,
            code: part()?,
            country: part()?,
        })
    }
}

impl Anniversary {
    fn put(&self, sink: &mut Sink) {
        let (yearly, date) = match self {
            Anniversary::Since(date) => (false, date),
            Anniversary::Yearly(date) => (true, date),
        };
        sink.flag(yearly);
        date.put(sink);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Anniversary, DecodeError> {
        let yearly = cursor.flag()?;
        let date = Date::take(cursor)?;
        Ok(if yearly { Anniversary::Yearly(date) } else { Anniversary::Since(date) })
    }
}
