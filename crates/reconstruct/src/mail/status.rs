//! The part of a delivery report that programs read: `message/delivery-status` (RFC 3464, 2).
//!
//! The gateway gives the facts as header fields of the bundle, named `X-Report-…`; they are taken apart into values of their own
//! types here, and what is written is made of those. A fact that is none of them, or of another shape, refuses the whole report.

use form::Reason;
use form::bundle::ExtraHeader;
use form::mail::{Address, MailDate};

use crate::error::Error;

/// What a report says of a mail and of each recipient that did not get it.
#[derive(Debug, Default)]
pub(super) struct Status {
    reporting: Option<Host>,
    arrival: Option<MailDate>,
    recipients: Vec<Recipient>,
}

#[derive(Debug)]
struct Recipient {
    address: Address,
    status: Option<Code>,
    remote: Option<Host>,
    diagnostic: Option<String>,
    last_attempt: Option<MailDate>,
}

/// A host name or address literal, at most 255 bytes, with nothing that could end the field or begin another value in it.
#[derive(Debug)]
struct Host(String);

/// An enhanced status code (RFC 3463): three numbers of at most three digits.
#[derive(Debug)]
struct Code(String);

impl Status {
    /// Takes the facts out of the fields; gives the fields that are none of them.
    pub(super) fn parse(fields: &[ExtraHeader]) -> Result<(Status, Vec<&ExtraHeader>), Error> {
        let (mut status, mut others) = (Status::default(), Vec::new());
        for field in fields {
            let value = field.value.as_str();
            match field.name.as_str().strip_prefix(PREFIX) {
                Some(fact) => status.add(fact, value).ok_or(Error::from(Reason::FormInvalid))?,
                None => others.push(field),
            }
        }
        let complete = status.reporting.is_some()
            && !status.recipients.is_empty()
            && status.recipients.iter().all(|recipient| recipient.status.is_some());
        if complete { Ok((status, others)) } else { Err(Reason::FormInvalid.into()) }
    }

    fn add(&mut self, fact: &str, value: &str) -> Option<()> {
        match fact {
            "MTA" => self.reporting = Some(Host::parse(value)?),
            "Arrival" => self.arrival = Some(moment(value)?),
            "Recipient" => self.recipients.push(Recipient {
                address: Address::parse(value).ok()?,
                status: None,
                remote: None,
                diagnostic: None,
                last_attempt: None,
            }),
            // All others are about the recipient before them.
            "Status" => self.recipients.last_mut()?.status = Some(Code::parse(value)?),
            "Remote" => self.recipients.last_mut()?.remote = Some(Host::parse(value)?),
            "Diagnostic" => self.recipients.last_mut()?.diagnostic = Some(printable(value)),
            "Attempt" => self.recipients.last_mut()?.last_attempt = Some(moment(value)?),
            _ => return None,
        }
        Some(())
    }

    /// The fields, each on one line of ASCII, groups parted by an empty line.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        };
        if let Some(Host(host)) = &self.reporting {
            line("Reporting-MTA", &format!("dns; {host}"));
        }
        if let Some(arrival) = self.arrival {
            line("Arrival-Date", &arrival.to_string());
        }
        for recipient in &self.recipients {
            let address = recipient.address.as_str();
            let (kind, address) =
                if address.is_ascii() { ("rfc822", address.to_owned()) } else { ("utf-8", spelt_out(address)) };
            line("\r\nFinal-Recipient", &format!("{kind}; {address}"));
            line("Action", "failed");
            if let Some(Code(code)) = &recipient.status {
                line("Status", code);
            }
            if let Some(Host(host)) = &recipient.remote {
                line("Remote-MTA", &format!("dns; {host}"));
            }
            if let Some(diagnostic) = &recipient.diagnostic {
                line("Diagnostic-Code", &format!("smtp; {diagnostic}"));
            }
            if let Some(attempt) = recipient.last_attempt {
                line("Last-Attempt-Date", &attempt.to_string());
            }
        }
        text
    }
}

impl Host {
    fn parse(raw: &str) -> Option<Host> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        ((1..=255).contains(&raw.len()) && raw.bytes().all(fits)).then(|| Host(raw.to_owned()))
    }
}

impl Code {
    fn parse(raw: &str) -> Option<Code> {
        let numbers: Vec<&str> = raw.split('.').collect();
        let fits = |number: &&str| (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        (numbers.len() == 3 && numbers.iter().all(fits)).then(|| Code(raw.to_owned()))
    }
}

/// Unix seconds, in UTC.
fn moment(raw: &str) -> Option<MailDate> {
    MailDate::new(raw.parse().ok()?, 0)
}

/// The reply of a server as one line of printable ASCII.
fn printable(raw: &str) -> String {
    let ascii = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    raw.chars().take(DIAGNOSTIC_CHARS).map(ascii).collect()
}

/// `utf-8-addr-xtext` (RFC 6533, 3): what is not ASCII as `\x{…}`, and so are the signs that would be read as such.
fn spelt_out(address: &str) -> String {
    let mut text = String::new();
    for c in address.chars() {
        if c.is_ascii_graphic() && !matches!(c, '\\' | '+' | '=') {
            text.push(c);
        } else {
            text.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        }
    }
    text
}

/// What the gateway's fields of a report begin with.
const PREFIX: &str = "X-Report-";
/// A line has at most 998 octets (RFC 5322, 2.1.1).
const DIAGNOSTIC_CHARS: usize = 900;

#[cfg(test)]
mod tests {
    use form::bundle::HeaderName;
    use form::text::Line;

    use super::*;

    fn fields(facts: &[(&str, &str)]) -> Vec<ExtraHeader> {
        let field = |(name, value): &(&str, &str)| ExtraHeader {
            name: HeaderName::parse(name).unwrap(),
            value: Line::scrub(value).0,
        };
        facts.iter().map(field).collect()
    }

    const WHOLE: [(&str, &str); 8] = [
        ("X-Report-MTA", "gateway.example.lg.jp"),
        ("X-Report-Arrival", "1795136400"),
        ("X-Misogi-Receipt", "r"),
        ("X-Report-Recipient", "a@example.jp"),
        ("X-Report-Status", "5.1.1"),
        ("X-Report-Remote", "[192.0.2.1]:25"),
        ("X-Report-Diagnostic", "550 5.1.1 宛先不明 no such user"),
        ("X-Report-Attempt", "1795136401"),
    ];

    #[test]
    fn the_facts_become_the_fields_of_rfc_3464() {
        let fields =
            fields(&[&WHOLE[..], &[("X-Report-Recipient", "山田@例え.jp"), ("X-Report-Status", "5.0.0")]].concat());
        let (status, others) = Status::parse(&fields).unwrap();
        assert_eq!(others.len(), 1, "what is no fact stays a header field");
        assert_eq!(
            status.text(),
            "Reporting-MTA: dns; gateway.example.lg.jp\r\n\
             Arrival-Date: Fri, 20 Nov 2026 01:00:00 +0000\r\n\
             \r\n\
             Final-Recipient: rfc822; a@example.jp\r\n\
             Action: failed\r\n\
             Status: 5.1.1\r\n\
             Remote-MTA: dns; [192.0.2.1]:25\r\n\
             Diagnostic-Code: smtp; 550 5.1.1 ???? no such user\r\n\
             Last-Attempt-Date: Fri, 20 Nov 2026 01:00:01 +0000\r\n\
             \r\n\
             Final-Recipient: utf-8; \\x{5C71}\\x{7530}@\\x{4F8B}\\x{3048}.jp\r\n\
             Action: failed\r\n\
             Status: 5.0.0\r\n"
        );
    }

    #[test]
    fn a_fact_of_another_shape_refuses_the_report() {
        assert!(Status::parse(&fields(&WHOLE)).is_ok());
        for (place, wrong) in [
            (0, "gateway.example.jp; x"),
            (0, ""),
            (1, "yesterday"),
            (3, "no address"),
            (4, "5.1"),
            (4, "5.1.1000"),
            (5, "host name"),
            (7, ""),
        ] {
            let mut facts = WHOLE;
            facts[place].1 = wrong;
            assert!(Status::parse(&fields(&facts)).is_err(), "{wrong:?} as {}", facts[place].0);
        }
        for (place, name) in [(0, "X-Report-Unknown"), (3, "X-Report-Status"), (4, "X-Report-Remote")] {
            let mut facts = WHOLE;
            facts[place].0 = name;
            assert!(Status::parse(&fields(&facts)).is_err(), "{name} in the place {place}");
        }
    }
}
