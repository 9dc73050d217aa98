//! The header of a mail as typed values: an allowlist, each value parsed and written anew.

use form::mail::{Address, ListField, ListLink, MailDate, MailHeader, Mailbox, MessageId};
use form::pages::Url;
use form::text::Line;
use form::{Findings, Limits, Place, Reason};
use mail_parser::DateTime;

use super::address;
use super::fields::{Field, first};
use super::tally::Tally;
use super::word;

/// Reads the fields that are passed on and tells what was wrong with them.
///
/// `body` is the charset label of the text: what raw 8-bit fields are written in, too.
pub(crate) fn read(
    fields: &[Field<'_>],
    body: Option<&str>,
    limits: &Limits,
    findings: &mut Findings,
    tally: &mut Tally,
) -> MailHeader {
    let addresses = usize::try_from(limits.addresses).unwrap_or(usize::MAX);
    let mut reader = Reader { fields, body, limits, findings, tally, addresses };
    let from = reader.from();
    let sender = reader.mailboxes("Sender").into_iter().next();
    MailHeader {
        sender: sender.filter(|sender| from.as_ref().is_none_or(|from| from.address != sender.address)),
        from,
        to: reader.recipients("To"),
        cc: reader.recipients("Cc"),
        reply_to: reader.mailboxes("Reply-To"),
        subject: reader.line("Subject").unwrap_or_default(),
        date: reader.date(),
        message_id: reader.ids("Message-ID", 1).into_iter().next(),
        in_reply_to: reader.ids("In-Reply-To", MAX_IN_REPLY_TO),
        references: reader.references(),
        auto_submitted: reader.line("Auto-Submitted"),
        list_id: reader.line("List-Id"),
        list: reader.list(),
        hops: reader.hops(),
    }
}

/// Where the author's address is.
pub(crate) fn domain(fields: &[Field<'_>]) -> Option<String> {
    let from = address::parse(&first(fields, "From")?.text(), 1, &mut Tally::default()).mailboxes.pop()?;
    Some(from.address.domain().to_owned())
}

struct Reader<'a, 'b> {
    fields: &'a [Field<'b>],
    body: Option<&'a str>,
    limits: &'a Limits,
    findings: &'a mut Findings,
    tally: &'a mut Tally,
    /// How many more addresses the form takes.
    addresses: usize,
}

impl Reader<'_, '_> {
    /// One canonical author. Mails with several (CVE-2023-27043 and its kin live on readers that pick different ones) keep
    /// the first and tell the rest.
    fn from(&mut self) -> Option<Mailbox> {
        let (mailboxes, unaddressed) = self.people("From");
        let mut mailboxes = mailboxes.into_iter();
        let Some(from) = mailboxes.next() else { return unaddressed.into_iter().next() };
        // In one finding: the account has one line for a reason, and all of them belong into it.
        let others: Vec<String> = mailboxes
            .filter(|other| other.address != from.address)
            .map(|other| format!("{} <{}>", other.name, other.address).trim().to_owned())
            .collect();
        let count = u32::try_from(others.len()).unwrap_or(u32::MAX);
        self.findings.add_many(Reason::SenderAmbiguous, count, Place::new(&others.join(", ")));
        // A display name that is itself an address is what phone readers show instead of the real one.
        // 山田@総務課 is how people in Japan say where they sit, and no address.
        let poses = |word: &&str| word.rsplit_once('@').is_some_and(|(_, domain)| domain.contains(DOTS));
        let shown = from.name.as_str().split([' ', '\u{3000}', '<', '>', '"']).find(poses);
        if let Some(shown) = shown.filter(|shown| !shown.eq_ignore_ascii_case(from.address.as_str())) {
            self.findings.add(Reason::SenderAmbiguous, Place::new(&format!("{shown} <{}>", from.address)));
        }
        Some(from)
    }

    fn mailboxes(&mut self, name: &str) -> Vec<Mailbox> {
        self.people(name).0
    }

    /// As many as can be answered, and then those of whom only a name is known: exports of mail stores name people without addresses,
    /// and who else has the mail must be seen.
    fn recipients(&mut self, name: &str) -> Vec<Mailbox> {
        let (mut all, unaddressed) = self.people(name);
        all.extend(unaddressed);
        all
    }

    /// The mailboxes of a field, and those of its names that have no address.
    fn people(&mut self, name: &str) -> (Vec<Mailbox>, Vec<Mailbox>) {
        let mut all = Vec::new();
        let mut unaddressed = Vec::new();
        for field in self.fields.iter().filter(|field| field.is(name)) {
            let text = field.decoded(self.body, self.tally);
            let read = address::parse(&text, self.addresses, self.tally);
            self.addresses = self.addresses.saturating_sub(read.mailboxes.len());
            for invalid in read.invalid {
                self.findings.add(Reason::AddressInvalid, Place::new(&format!("{name}: {invalid}")));
            }
            all.extend(read.mailboxes);
            let room = self.addresses;
            let known = unaddressed.len();
            unaddressed.extend(read.unaddressed.into_iter().take(room).filter_map(stand_in));
            self.addresses = room.saturating_sub(unaddressed.len().saturating_sub(known));
        }
        if self.addresses == 0 {
            self.findings.add(Reason::LimitAddresses, Place::new(name));
        }
        let most = usize::try_from(self.limits.line_bytes).unwrap_or(usize::MAX);
        for mailbox in all.iter_mut().chain(&mut unaddressed) {
            mailbox.name = mailbox.name.cut(most);
        }
        (all, unaddressed)
    }

    /// A field of free text; of several only the first counts.
    fn line(&mut self, name: &str) -> Option<Line> {
        let mut found = self.fields.iter().filter(|field| field.is(name));
        let field = found.next()?;
        let surplus = u32::try_from(found.count()).unwrap_or(u32::MAX);
        self.findings.add_many(Reason::DuplicateHeader, surplus, Place::new(name));
        let text = field.decoded(self.body, self.tally);
        let text = word::decode(&text, self.tally);
        let (line, scrubbed) = Line::scrub(text.trim());
        let place = Place::new(name);
        self.findings.add_many(Reason::ControlCharacters, scrubbed.controls, place.clone());
        self.findings.add_many(Reason::BidiControls, scrubbed.bidi, place.clone());
        self.findings.add_many(Reason::ZeroWidthCharacters, scrubbed.zero_width, place);
        Some(line.cut(usize::try_from(self.limits.line_bytes).unwrap_or(usize::MAX)))
    }

    /// What a mailing list offers (RFC 2369). `List-Unsubscribe-Post` stays behind: it has mail programs send a request without
    /// asking, and asks for a signature of the sender that this mail no longer has (RFC 8058).
    fn list(&mut self) -> Vec<ListLink> {
        let mut list = Vec::new();
        let most = usize::try_from(MailHeader::MAX_LIST_LINKS).unwrap_or(usize::MAX);
        for kind in ListField::ALL {
            for field in self.fields.iter().filter(|field| field.is(kind.name())) {
                let text = field.text();
                let mut rest: &str = &text;
                while let Some((url, after)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
                    rest = after;
                    // A fold may stand in the address; white space there means nothing.
                    let url: String = url.chars().filter(|c| !c.is_whitespace()).collect();
                    match Url::rebuild(&url).and_then(|url| ListLink::new(*kind, url)) {
                        Some(link) if list.len() < most => list.push(link),
                        Some(_) => {}
                        None => self.findings.add(Reason::HeaderFields, Place::new(kind.name())),
                    }
                }
            }
        }
        list
    }

    /// Servers that a mail has passed: those that say so, and those whose traces a gateway like this one has taken off.
    fn hops(&mut self) -> u16 {
        let named = self.fields.iter().filter(|field| field.is("Received")).count();
        let counted = first(self.fields, "X-Misogi-Hops").and_then(|field| field.text().trim().parse::<u16>().ok());
        u16::try_from(named).unwrap_or(u16::MAX).saturating_add(counted.unwrap_or(0))
    }

    fn date(&mut self) -> Option<MailDate> {
        let date = first(self.fields, "Date").and_then(|field| parse_date(&field.text()));
        if date.is_none() {
            self.findings.add(Reason::DateMissing, Place::default());
        }
        date
    }

    fn ids(&mut self, name: &str, most: usize) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for field in self.fields.iter().filter(|field| field.is(name)) {
            let text = field.text();
            let mut rest: &str = &text;
            while let Some((_, after)) = rest.split_once('<') {
                let Some((id, after)) = after.split_once('>') else { break };
                rest = after;
                let id: String = id.chars().filter(|c| !c.is_whitespace()).collect();
                if let Ok(id) = MessageId::parse(&id)
                    && ids.len() < most
                {
                    ids.push(id);
                }
            }
            // Some programs forget the brackets.
            if ids.is_empty()
                && let Ok(id) = MessageId::parse(text.trim())
            {
                ids.push(id);
            }
        }
        ids
    }

    /// The newest references: those that lead to the thread in every reader.
    fn references(&mut self) -> Vec<MessageId> {
        let room = usize::try_from(self.limits.references).unwrap_or(usize::MAX).saturating_sub(MAX_IN_REPLY_TO);
        let mut ids = self.ids("References", usize::MAX);
        if ids.len() > room {
            ids.drain(..ids.len().saturating_sub(room));
        }
        ids
    }
}

/// A mailbox for a name that has no address.
fn stand_in(name: Line) -> Option<Mailbox> {
    Some(Mailbox { name, address: Address::parse(address::UNKNOWN).ok()? })
}

/// An RFC 5322 date with what senders make of it. `mail-parser` knows two-digit years, and the named zones in capitals and after
/// seconds, which RFC 822 5.1 lets senders leave out.
fn parse_date(text: &str) -> Option<MailDate> {
    let is_time =
        |word: &str| word.split_once(':').is_some_and(|(_, minutes)| minutes.bytes().all(|b| b.is_ascii_digit()));
    let words = text.split_ascii_whitespace().map(|word| {
        let seconds = if is_time(word) { ":00" } else { "" };
        format!("{}{seconds}", word.to_ascii_uppercase())
    });
    let date = DateTime::parse_rfc822(&words.collect::<Vec<_>>().join(" ")).filter(DateTime::is_valid)?;
    let offset = i16::from(date.tz_hour) * 60 + i16::from(date.tz_minute);
    MailDate::new(date.to_timestamp(), if date.tz_before_gmt { -offset } else { offset })
}

/// What parts the labels of a domain, or is taken for it (RFC 3490, section 3.1).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];
/// Messages one mail can answer.
const MAX_IN_REPLY_TO: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::fields;

    fn header(input: &str) -> (MailHeader, Vec<(Reason, String)>) {
        let block = fields::cut(input.as_bytes(), 0..input.len(), 1 << 20);
        let mut findings = Findings::new(100);
        let header = read(&block.fields, None, &Limits::default(), &mut findings, &mut Tally::default());
        let findings = findings.into_vec().into_iter().map(|f| (f.reason, f.place.as_str().to_owned())).collect();
        (header, findings)
    }

    #[test]
    fn an_ordinary_header_is_read_without_findings() {
        let (header, findings) = header(
            "From: =?UTF-8?B?5bGx55Sw?= <yamada@example.jp>\nTo: a@example.jp\nTo: b@example.jp\nSubject: =?UTF-8?B?5Lya6K2w?=\n \
             =?UTF-8?B?44Gu?=\nDate: Fri, 20 Nov 2026 10:00:00 +0900\nMessage-ID: <x@y>\nReferences: <a@b>\n <c@d>\n\n",
        );
        assert_eq!(header.from.unwrap().name.as_str(), "山田");
        assert_eq!(header.to.len(), 2);
        assert_eq!(header.subject.as_str(), "会議の");
        let date = header.date.unwrap();
        assert_eq!((date.unix_seconds(), date.offset_minutes()), (1_795_136_400, 540));
        assert_eq!(header.message_id.unwrap().as_str(), "x@y");
        assert_eq!(header.references.len(), 2);
        assert!(findings.is_empty());
    }

    /// Python: `email.utils.parsedate_tz` of each.
    #[test]
    fn dates_of_rfc_822_are_read_without_seconds_and_with_zones_in_small_letters() {
        for (text, seconds, offset) in [
            ("Sun, 7 Jun 92 14:02 CDT", 707_943_720, -300),
            ("Tue, 28 May 1996 12:24:23 cst", 833_307_863, -360),
            ("26 Dec 1991 20:45 (Thursday)", 693_780_300, 0),
            ("Fri, 20 Nov 2026 10:00 +0900", 1_795_136_400, 540),
        ] {
            let date = header(&format!("Date: {text}\n\n")).0.date.unwrap();
            assert_eq!((date.unix_seconds(), date.offset_minutes()), (seconds, offset), "{text}");
        }
    }

    #[test]
    fn people_without_an_address_keep_their_names() {
        let (header, findings) = header(
            "Date: Fri, 20 Nov 2026 10:00:00 +0900\nFrom: Taro Yamada <taro>\nTo: \"Jiro\", a@b.jp\nReply-To: Saburo\n\n",
        );
        let shown = |m: &Mailbox| format!("{} <{}>", m.name, m.address);
        assert_eq!(shown(&header.from.unwrap()), "Taro Yamada <unknown@sender.invalid>");
        assert_eq!(header.to.iter().map(shown).collect::<Vec<_>>(), [" <a@b.jp>", "Jiro <unknown@sender.invalid>"]);
        // Nobody can be answered there.
        assert!(header.reply_to.is_empty());
        let told = ["From: Taro Yamada <taro>", "Reply-To: Saburo", "To: Jiro"];
        assert_eq!(findings, told.map(|place| (Reason::AddressInvalid, place.to_owned())));
    }

    #[test]
    fn two_authors_leave_one_and_the_other_is_told() {
        let (header, findings) = header(
            "Date: Fri, 20 Nov 2026 10:00:00 +0900\nFrom: a@example.jp, \"C\" <c@example.jp>\nFrom: b@example.jp\n\n",
        );
        assert_eq!(header.from.unwrap().address.as_str(), "a@example.jp");
        assert_eq!(findings, [(Reason::SenderAmbiguous, "C <c@example.jp>, <b@example.jp>".to_owned())]);
    }

    #[test]
    fn a_name_that_poses_as_an_address_is_told() {
        let (_, findings) =
            header("Date: Fri, 20 Nov 2026 10:00:00 +0900\nFrom: \"boss@city.example.jp\" <x@evil.example>\n\n");
        assert_eq!(findings, [(Reason::SenderAmbiguous, "boss@city.example.jp <x@evil.example>".to_owned())]);
        let told = |name: &str| {
            let (_, findings) =
                header(&format!("Date: Fri, 20 Nov 2026 10:00:00 +0900\nFrom: \"{name}\" <x@evil.example>\n\n"));
            !findings.is_empty()
        };
        assert!(told("市長　boss@city。example。jp") && told("boss@city.example.jp"));
        assert!(!told("山田@総務課") && !told("山田 @総務課 (内線 1234)"));
    }

    #[test]
    fn lists_keep_what_they_offer_and_nothing_that_acts_by_itself() {
        let (read, findings) = header(
            "Date: Fri, 20 Nov 2026 10:00:00 +0900\nList-Id: Soumu <soumu.example.jp>\nList-Unsubscribe: \
             <mailto:leave@example.jp?subject=leave>,\n <https://example.jp/leave?a=\n b> (web)\n\
             List-Unsubscribe-Post: List-Unsubscribe=One-Click\nList-Post: NO\nList-Help: <javascript:alert(1)>\n\n",
        );
        let list: Vec<_> = read.list.iter().map(|link| (link.field.name(), link.url.as_str())).collect();
        assert_eq!(
            list,
            [
                ("List-Unsubscribe", "mailto:leave@example.jp?subject=leave"),
                ("List-Unsubscribe", "https://example.jp/leave?a=b")
            ]
        );
        assert_eq!(findings, [(Reason::HeaderFields, "List-Help".to_owned())]);
        assert_eq!(header(&"List-Post: <mailto:a@b.jp>\n".repeat(21)).0.list.len(), 20);
    }

    #[test]
    fn servers_passed_are_counted_over_gateways() {
        assert_eq!(header("Received: a\nReceived: b\nX-Misogi-Hops: 7\n\n").0.hops, 9);
        assert_eq!(header("X-Misogi-Hops: 70000\nReceived: a\n\n").0.hops, 1);
    }

    #[test]
    fn line_ends_in_encoded_words_cannot_make_a_field() {
        let (header, _) = header("Subject: =?utf-8?Q?a=0D=0ABcc:_x@y?=\n\n");
        assert_eq!(header.subject.as_str().lines().count(), 1);
    }
}
