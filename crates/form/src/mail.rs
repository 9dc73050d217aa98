//! The typed header of a mail: what is kept of it, and nothing else.

use std::fmt;

use crate::civil;
use crate::codec::DecodeError;
use crate::container::take_line;
use crate::limits::Limits;
use crate::pages::Url;
use crate::reason::{Reason, Refusal};
use crate::text::{Line, TextError};
use crate::wire::{Cursor, Sink, coded, size};

pub use crate::container::Child;
pub use crate::document::MailDoc;

/// `local@domain`, at most 320 bytes, that can stand between `<` and `>` and in an SMTP command without being read in any
/// other way: no space, control, quote pair, comment or separator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// The most bytes an address holds: 64 and 255 and the sign between (RFC 3696 erratum 1690).
    pub const MAX_BYTES: usize = 320;

    /// Takes an address.
    ///
    /// Dots may stand anywhere before the `@`, repeated too: NTT docomo and au gave out `a..b.@docomo.ne.jp` until 2009 and
    /// they are still in use. Some programs quote such local parts, so a quoted one is taken if the quotes hold nothing that
    /// would need them for another reason. Non-ASCII letters are taken on both sides (SMTPUTF8).
    ///
    /// # Errors
    /// [`TextError`]: longer than [`MAX_BYTES`](Self::MAX_BYTES), not clean, or not an address.
    pub fn parse(raw: &str) -> Result<Address, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        Line::parse(raw)?;
        let (local, domain) = raw.rsplit_once('@').ok_or(TextError::Shape)?;
        let bare = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(local);
        if bare.is_empty() || !bare.chars().all(is_local) || !is_domain(domain) || looks_encoded(bare) {
            return Err(TextError::Shape);
        }
        Ok(Address(raw.to_owned()))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address with the name shown for it, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The name shown.
    pub name: Line,
    /// The address.
    pub address: Address,
}

impl Mailbox {
    fn put(&self, sink: &mut Sink) {
        sink.string(self.name.as_str());
        sink.string(self.address.as_str());
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Mailbox, DecodeError> {
        let name = take_line(cursor, "display name")?;
        let address = Address::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("address"))?;
        Ok(Mailbox { name, address })
    }
}

/// A message id without its angle brackets: printable ASCII that needs no quoting, at most 512 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(String);

impl MessageId {
    /// The most bytes an id holds; longer ones could not be folded into a header line of 998.
    pub const MAX_BYTES: usize = 512;

    /// Takes an id without its brackets. An `@` is not asked for: many programs leave it out, and a reply must still
    /// lead to the message it answers.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_BYTES`](Self::MAX_BYTES), [`TextError::Shape`] for what is empty, not visible ASCII,
    /// or looks like an encoded word.
    pub fn parse(raw: &str) -> Result<MessageId, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        let clean = raw.bytes().all(|b| b.is_ascii_graphic() && !b"<>()\",;\\".contains(&b));
        if raw.is_empty() || !clean || looks_encoded(raw) {
            return Err(TextError::Shape);
        }
        Ok(MessageId(raw.to_owned()))
    }

    /// The id without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn put(&self, sink: &mut Sink) {
        sink.string(&self.0);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<MessageId, DecodeError> {
        MessageId::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("message id"))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a mail was written, with the writer's offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailDate {
    unix_seconds: i64,
    offset_minutes: i16,
}

impl MailDate {
    /// A date of the years 1900 to 9999 (RFC 5322 has four digits and nothing before) with an offset of less than a day.
    pub fn new(unix_seconds: i64, offset_minutes: i16) -> Option<MailDate> {
        // A day inside the range, so that the local date is inside it too.
        let fits =
            (YEAR_1900 + DAY..YEAR_10000 - DAY).contains(&unix_seconds) && (-1439..=1439).contains(&offset_minutes);
        fits.then_some(MailDate { unix_seconds, offset_minutes })
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// Minutes that the writer's clock was ahead of UTC.
    pub const fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }
}

/// As RFC 5322 section 3.3 writes it: `Fri, 20 Nov 2026 10:00:00 +0900`.
impl fmt::Display for MailDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = i64::from(self.offset_minutes);
        let local = self.unix_seconds.saturating_add(offset.saturating_mul(60));
        let (days, seconds) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        // The type keeps the year within four digits.
        let (year, month, day) = civil::date(days).unwrap_or((1970, 1, 1));
        // 1970-01-01 was a Thursday.
        let weekday = entry(&WEEKDAYS, days.saturating_add(4).rem_euclid(7));
        let month = entry(&MONTHS, month.saturating_sub(1));
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
        write!(
            f,
            "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} {sign}{hours:02}{minutes:02}"
        )
    }
}

fn entry(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

coded! {
    /// A field by which a mailing list says what its readers can do (RFC 2369).
    pub enum ListField {
        /// How to get help.
        Help = 1,
        /// How to leave.
        Unsubscribe = 2,
        /// How to join.
        Subscribe = 3,
        /// How to write to it.
        Post = 4,
        /// Who runs it.
        Owner = 5,
        /// Where its mails are kept.
        Archive = 6,
    }
}

impl ListField {
    /// The name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            ListField::Help => "List-Help",
            ListField::Unsubscribe => "List-Unsubscribe",
            ListField::Subscribe => "List-Subscribe",
            ListField::Post => "List-Post",
            ListField::Owner => "List-Owner",
            ListField::Archive => "List-Archive",
        }
    }
}

/// One way to do it. A field with several of them lists the preferred first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListLink {
    /// What it is for.
    pub field: ListField,
    /// Where it leads.
    pub url: Url,
}

impl ListLink {
    /// The most bytes of an address: it cannot be folded, and a line of a header has no more than 998.
    pub const MAX_BYTES: usize = 900;

    /// A link, `None` where the address is too long for a line.
    pub fn new(field: ListField, url: Url) -> Option<ListLink> {
        (url.as_str().len() <= Self::MAX_BYTES).then_some(ListLink { field, url })
    }

    fn put(&self, sink: &mut Sink) {
        sink.u8(self.field.code());
        sink.string(self.url.as_str());
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<ListLink, DecodeError> {
        let field = cursor.coded(ListField::from_code, "list field")?;
        let url = Url::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("list address"))?;
        ListLink::new(field, url).ok_or(DecodeError::Malformed("list address"))
    }
}

/// The header of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailHeader {
    /// Who wrote it.
    pub from: Option<Mailbox>,
    /// Who sent it for the writer.
    pub sender: Option<Mailbox>,
    /// To whom it was written.
    pub to: Vec<Mailbox>,
    /// Who got a copy.
    pub cc: Vec<Mailbox>,
    /// Where answers go.
    pub reply_to: Vec<Mailbox>,
    /// What it is about.
    pub subject: Line,
    /// When it was written.
    pub date: Option<MailDate>,
    /// Its own id.
    pub message_id: Option<MessageId>,
    /// What it answers.
    pub in_reply_to: Vec<MessageId>,
    /// The conversation before it.
    pub references: Vec<MessageId>,
    /// Whether a program sent it (RFC 3834).
    pub auto_submitted: Option<Line>,
    /// The list it came through.
    pub list_id: Option<Line>,
    /// What the list offers its readers, at most [`MailHeader::MAX_LIST_LINKS`].
    pub list: Vec<ListLink>,
    /// How many servers it has passed, for whoever has to notice that it goes round in circles.
    pub hops: u16,
}

impl MailHeader {
    /// The most addresses of a mailing list.
    pub const MAX_LIST_LINKS: u32 = 20;

    /// Addresses of all fields together.
    pub fn address_count(&self) -> usize {
        let lists = [self.to.len(), self.cc.len(), self.reply_to.len()];
        let single = usize::from(self.from.is_some()).saturating_add(usize::from(self.sender.is_some()));
        lists.into_iter().fold(single, usize::saturating_add)
    }

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        Refusal::check(Reason::LimitAddresses, limits.addresses.into(), size(self.address_count()))?;
        Refusal::check(Reason::FormInvalid, Self::MAX_LIST_LINKS.into(), size(self.list.len()))?;
        let references = self.in_reply_to.len().saturating_add(self.references.len());
        Refusal::check(Reason::LimitReferences, limits.references.into(), size(references))?;
        let mailboxes = self.from.iter().chain(&self.sender).chain(&self.to).chain(&self.cc).chain(&self.reply_to);
        let names = mailboxes.map(|mailbox| &mailbox.name);
        for line in names.chain([&self.subject]).chain(&self.auto_submitted).chain(&self.list_id) {
            Refusal::check(Reason::LimitLineBytes, limits.line_bytes.into(), size(line.as_str().len()))?;
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.option(self.from.as_ref(), Mailbox::put);
        sink.option(self.sender.as_ref(), Mailbox::put);
        sink.list(&self.to, Mailbox::put);
        sink.list(&self.cc, Mailbox::put);
        sink.list(&self.reply_to, Mailbox::put);
        sink.string(self.subject.as_str());
        sink.option(self.date.as_ref(), |date, sink| {
            sink.i64(date.unix_seconds);
            sink.i16(date.offset_minutes);
        });
        sink.option(self.message_id.as_ref(), MessageId::put);
        sink.list(&self.in_reply_to, MessageId::put);
        sink.list(&self.references, MessageId::put);
        sink.option(self.auto_submitted.as_ref(), |line, sink| sink.string(line.as_str()));
        sink.option(self.list_id.as_ref(), |line, sink| sink.string(line.as_str()));
        sink.list(&self.list, ListLink::put);
        sink.u16(self.hops);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<MailHeader, DecodeError> {
        let mailboxes = |cursor: &mut Cursor<'_>| cursor.list(limits.addresses, Reason::LimitAddresses, Mailbox::take);
        let ids = |cursor: &mut Cursor<'_>| cursor.list(limits.references, Reason::LimitReferences, MessageId::take);
        Ok(MailHeader {
            from: cursor.option(Mailbox::take)?,
            sender: cursor.option(Mailbox::take)?,
            to: mailboxes(cursor)?,
            cc: mailboxes(cursor)?,
            reply_to: mailboxes(cursor)?,
            subject: take_line(cursor, "subject")?,
            date: cursor
                .option(|cursor| MailDate::new(cursor.i64()?, cursor.i16()?).ok_or(DecodeError::Malformed("date")))?,
            message_id: cursor.option(MessageId::take)?,
            in_reply_to: ids(cursor)?,
            references: ids(cursor)?,
            auto_submitted: cursor.option(|cursor| take_line(cursor, "auto-submitted"))?,
            list_id: cursor.option(|cursor| take_line(cursor, "list id"))?,
            list: cursor.list(Self::MAX_LIST_LINKS, Reason::FormInvalid, ListLink::take)?,
            hops: cursor.u16()?,
        })
    }
}

/// An encoded-word is plain atom text to RFC 2047 here, and lenient readers (Python's `email` among them) decode it all the same:
/// into line ends and further fields, or into another address ("Splitting the email atom", 2024).
fn looks_encoded(text: &str) -> bool {
    text.contains("=?")
}

fn is_local(c: char) -> bool {
    match c {
        ' ' | '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"' => false,
        _ => !c.is_whitespace(),
    }
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return !literal.is_empty() && literal.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b':');
    }
    domain.len() <= 255 && domain.split('.').all(|label| (1..=63).contains(&label.len()) && label.chars().all(is_label))
}

/// Underscores stand in the host names of some Windows domains. Fullwidth forms and the ideographic full stop turn into
/// ASCII letters and dots when a resolver maps the name, so they would name another domain than they show.
fn is_label(c: char) -> bool {
    match c {
        '-' | '_' => true,
        '\u{FF00}'..='\u{FFEF}' => false,
        '・' => true,
        _ => c.is_alphanumeric(),
    }
}

const DAY: i64 = 86_400;
/// 1900-01-01T00:00:00Z.
const YEAR_1900: i64 = -2_208_988_800;
/// 10000-01-01T00:00:00Z.
const YEAR_10000: i64 = 253_402_300_800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_use_are_taken() {
        for good in [
            "a@example.jp",
            "abc..def.@docomo.ne.jp",
            ".a@ezweb.ne.jp",
            "\"abc..def.\"@docomo.ne.jp",
            "o'brien+tag=x/y@example.co.uk",
            "root@localhost",
            "a@[192.0.2.1]",
            "a@[IPv6:2001:db8::1]",
            "用户@例え.jp",
            "a@host_1.example",
        ] {
            assert_eq!(Address::parse(good).map(|a| a.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn addresses_that_could_be_read_in_another_way_are_refused() {
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b c",
            "a@b\r\nBcc: x@y",
            "<a@b>",
            "a@b>",
            "a@b@c",
            "a,b@c",
            "\"a b\"@c",
            "\"a\\\"b\"@c",
            "\"\"@c",
            "\"a@c",
            "a(x)@b",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a@ｅxample.jp",
            "a@example。jp",
            "a\u{202E}@b",
            "a@b\u{200B}",
            "a\u{3000}@b",
            "a@[]",
            "a@[x y]",
            "=?utf-8?Q?a=0D=0ABcc:_b=40c?=@example.jp",
            "\"=?utf-8?B?YQ==?=\"@example.jp",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_holds_320_bytes_and_not_321() {
        let domain = format!("{0}.{0}.{0}.{1}", "d".repeat(63), "e".repeat(62));
        assert_eq!(domain.len(), 254);
        let address = format!("{}@{domain}", "a".repeat(65));
        assert_eq!(address.len(), 320);
        assert!(Address::parse(&address).is_ok());
        assert_eq!(Address::parse(&format!("a{address}")), Err(TextError::TooLong { limit: 320 }));
        assert!(Address::parse(&format!("a@{}", "d".repeat(63))).is_ok());
        assert!(Address::parse(&format!("a@{}", "d".repeat(64))).is_err());
    }

    #[test]
    fn a_message_id_holds_512_bytes_of_plain_ascii() {
        assert!(MessageId::parse("20240101.abc$def@example.jp").is_ok());
        assert!(MessageId::parse("no-at-sign").is_ok());
        assert!(MessageId::parse(&"a".repeat(512)).is_ok());
        assert!(MessageId::parse(&"a".repeat(513)).is_err());
        for bad in ["", "a b", "a>b", "<a@b>", "a\r\nb", "a@é", "\"a\"@b", "a(b)", "a@=?utf-8?Q?b=0D=0Ac?="] {
            assert!(MessageId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn dates_are_those_of_date_1() {
        // Expected values from `date -R -d @N` with TZ set.
        for (seconds, offset, text) in [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (1_795_136_400, 540, "Fri, 20 Nov 2026 10:00:00 +0900"),
            (951_782_400, -480, "Mon, 28 Feb 2000 16:00:00 -0800"),
            (1_709_164_800, 330, "Thu, 29 Feb 2024 05:30:00 +0530"),
            (-1, -210, "Wed, 31 Dec 1969 20:29:59 -0330"),
        ] {
            assert_eq!(MailDate::new(seconds, offset).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_address_of_a_list_holds_900_bytes_and_not_901() {
        let url = |len: usize| Url::rebuild(&format!("https://example.jp/{}", "a".repeat(len - 19))).unwrap();
        assert!(ListLink::new(ListField::Help, url(900)).is_some());
        assert!(ListLink::new(ListField::Help, url(901)).is_none());
    }

    #[test]
    fn dates_stay_inside_the_four_digit_years() {
        assert!(MailDate::new(0, 540).is_some());
        assert!(MailDate::new(0, 1439).is_some());
        assert!(MailDate::new(0, 1440).is_none());
        assert!(MailDate::new(0, -1440).is_none());
        assert!(MailDate::new(YEAR_1900 + DAY, 0).is_some());
        assert!(MailDate::new(YEAR_1900 + DAY - 1, 0).is_none());
        assert!(MailDate::new(YEAR_10000 - DAY - 1, 0).is_some());
        assert!(MailDate::new(YEAR_10000 - DAY, 0).is_none());
        assert!(MailDate::new(i64::MIN, i16::MIN).is_none());
    }
}
