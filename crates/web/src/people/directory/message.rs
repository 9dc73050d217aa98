//! The messages of LDAP (RFC 4511) that signing in takes.

use super::ber::{self, Malformed, Reader};

/// What the server said to one operation (4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// For the log: at most two hundred characters.
    pub(super) said: String,
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    pub(super) dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// What an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Bound(Outcome),
    Entry(Entry),
    /// Elsewhere is more (4.5.3). Nobody goes there.
    Reference,
    Done(Outcome),
    Extended(Outcome),
}

/// Where a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The entry itself.
    Base,
    /// It and everything below.
    Subtree,
}

impl Entry {
    /// The values of an attribute, whatever its capitals and options.
    pub(super) fn values(&self, attribute: &str) -> impl Iterator<Item = &[u8]> {
        let same = move |name: &str| name.split(';').next().is_some_and(|name| name.eq_ignore_ascii_case(attribute));
        self.attributes.iter().filter(move |(name, _)| same(name)).flat_map(|(_, values)| values).map(Vec::as_slice)
    }

    /// The first value of an attribute that is text.
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.values(attribute).find_map(|value| std::str::from_utf8(value).ok())
    }
}

/// Binds with a name and a password (4.2).
pub(super) fn bind(id: u32, dn: &str, password: &str) -> Vec<u8> {
    let mut content = ber::number(ber::INTEGER, VERSION);
    content.extend(ber::element(ber::OCTETS, dn.as_bytes()));
    content.extend(ber::element(SIMPLE, password.as_bytes()));
    message(id, &ber::element(BIND, &content))
}

/// Searches (4.5.1): no aliases followed, at most `most` entries, at most so many seconds.
pub(super) fn search(
    id: u32,
    base: &str,
    scope: Scope,
    filter: &[u8],
    attributes: &[&str],
    [most, seconds]: [u32; 2],
) -> Vec<u8> {
    let mut content = ber::element(ber::OCTETS, base.as_bytes());
    let scope = match scope {
        Scope::Base => 0,
        Scope::Subtree => 2,
    };
    content.extend(ber::number(ber::ENUMERATED, scope));
    content.extend(ber::number(ber::ENUMERATED, NEVER_DEREFERENCE));
    content.extend(ber::number(ber::INTEGER, most));
    content.extend(ber::number(ber::INTEGER, seconds));
    content.extend(ber::element(ber::BOOLEAN, &[0]));
    content.extend_from_slice(filter);
    let names: Vec<u8> = attributes.iter().flat_map(|name| ber::element(ber::OCTETS, name.as_bytes())).collect();
    content.extend(ber::element(ber::SEQUENCE, &names));
    message(id, &ber::element(SEARCH, &content))
}

/// Asks for TLS (4.14).
pub(super) fn start_tls(id: u32) -> Vec<u8> {
    message(id, &ber::element(EXTENDED, &ber::element(EXTENDED_NAME, START_TLS)))
}

/// Says goodbye (4.3).
pub(super) fn unbind(id: u32) -> Vec<u8> {
    message(id, &ber::element(UNBIND, &[]))
}

fn message(id: u32, operation: &[u8]) -> Vec<u8> {
    let mut content = ber::number(ber::INTEGER, id);
    content.extend_from_slice(operation);
    ber::element(ber::SEQUENCE, &content)
}

/// Reads the content of a message: the number of the request that it answers, and the answer.
pub(super) fn answer(content: &[u8]) -> Result<(u32, Answer), Malformed> {
    let mut reader = Reader::new(content);
    let id = reader.number(ber::INTEGER)?;
    let (tag, content) = reader.element()?;
    let answer = match tag {
        BIND_ANSWER => Answer::Bound(outcome(content)?),
        SEARCH_ENTRY => Answer::Entry(entry(content)?),
        SEARCH_REFERENCE => Answer::Reference,
        SEARCH_DONE => Answer::Done(outcome(content)?),
        EXTENDED_ANSWER => Answer::Extended(outcome(content)?),
        _ => return Err(Malformed),
    };
    Ok((id, answer))
}

fn outcome(content: &[u8]) -> Result<Outcome, Malformed> {
    let mut reader = Reader::new(content);
    let code = reader.number(ber::ENUMERATED)?;
    reader.expect(ber::OCTETS)?;
    let said = String::from_utf8_lossy(reader.expect(ber::OCTETS)?);
    let said = said.chars().filter(|character| !character.is_control()).take(SAID_CHARACTERS).collect();
    Ok(Outcome { code, said })
}

fn entry(content: &[u8]) -> Result<Entry, Malformed> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed);
    let mut reader = Reader::new(content);
    let dn = text(reader.expect(ber::OCTETS)?)?;
    let mut list = Reader::new(reader.expect(ber::SEQUENCE)?);
    let mut attributes = Vec::new();
    while !list.is_empty() {
        let mut attribute = Reader::new(list.expect(ber::SEQUENCE)?);
        let name = text(attribute.expect(ber::OCTETS)?)?;
        let mut set = Reader::new(attribute.expect(ber::SET)?);
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.expect(ber::OCTETS)?.to_vec());
        }
        attributes.push((name, values));
    }
    Ok(Entry { dn, attributes })
}

/// The result codes (4.1.9) that make a difference here.
pub(super) mod code {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const SIZE_LIMIT: u32 = 4;
    pub(crate) const REFERRAL: u32 = 10;
    pub(crate) const CONSTRAINT: u32 = 19;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(crate) const INVALID_CREDENTIALS: u32 = 49;
    pub(crate) const UNWILLING: u32 = 53;
}

const VERSION: u32 = 3;
const NEVER_DEREFERENCE: u32 = 0;
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
const SAID_CHARACTERS: usize = 200;

const BIND: u8 = 0x60;
const BIND_ANSWER: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED: u8 = 0x77;
const EXTENDED_ANSWER: u8 = 0x78;
const SIMPLE: u8 = 0x80;
const EXTENDED_NAME: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_cut_off_anywhere_are_refused_and_nothing_panics() {
        let mut value = ber::element(ber::OCTETS, b"uid=taro,dc=city");
        let values = ber::element(ber::SET, &ber::element(ber::OCTETS, b"taro"));
        let attribute = [ber::element(ber::OCTETS, b"uid"), values].concat();
        value.extend(ber::element(ber::SEQUENCE, &ber::element(ber::SEQUENCE, &attribute)));
        let whole = [ber::number(ber::INTEGER, 3), ber::element(SEARCH_ENTRY, &value)].concat();
        let (3, Answer::Entry(entry)) = answer(&whole).unwrap() else { panic!("an entry") };
        assert_eq!((entry.dn.as_str(), entry.text("UID")), ("uid=taro,dc=city", Some("taro")));
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end]), Err(Malformed), "{end}");
        }
        for place in 0..whole.len() {
            for byte in 0..=255 {
                let mut other = whole.clone();
                other[place] = byte;
                let _ = answer(&other);
            }
        }
    }

    #[test]
    fn a_bind_is_what_rfc_4511_has() {
        // LDAPMessage { 1, BindRequest { 3, "cn=a", simple "b" } }, by hand from 4.2.
        let expect = [0x30, 0x11, 2, 1, 1, 0x60, 0x0c, 2, 1, 3, 4, 4, b'c', b'n', b'=', b'a', 0x80, 1, b'b'];
        assert_eq!(bind(1, "cn=a", "b"), expect);
    }
}
