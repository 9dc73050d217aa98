//! Filters as people write them (RFC 4515), with places for a name. What is put there is a value and never a part of the filter, because
//! the filter has been taken apart before.

use super::ber;

/// A filter from the configuration, with `{name}` and `{dn}` as places to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Present(String),
    /// The tag of the comparison (RFC 4511 4.5.1.7), attribute and value.
    Compare(u8, String, Value),
    /// Attribute; what the value begins with, holds in order, and ends with. Nothing is at most the first and the last.
    Substrings(String, Vec<Value>),
    Extensible {
        rule: String,
        attribute: String,
        value: Value,
        dn: bool,
    },
}

/// Text with places in it.
pub(super) type Value = Vec<Piece>;

/// A piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    Name,
    Dn,
}

/// What the places are filled with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filling<'a> {
    pub(super) name: &'a str,
    pub(super) dn: &'a str,
}

impl Filter {
    /// Takes a filter apart; `None` is not of RFC 4515, or deeper than sixteen levels.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let filter = filter(&mut rest, DEEPEST)?;
        rest.is_empty().then_some(filter)
    }

    /// Whether the name has a place in it.
    pub(super) fn takes(&self, wanted: &Piece) -> bool {
        match self {
            Filter::And(all) | Filter::Or(all) => all.iter().any(|one| one.takes(wanted)),
            Filter::Not(one) => one.takes(wanted),
            Filter::Present(_) => false,
            Filter::Compare(_, _, value) | Filter::Extensible { value, .. } => value.contains(wanted),
            Filter::Substrings(_, values) => values.iter().any(|value| value.contains(wanted)),
        }
    }

    /// The same filter for somebody of any name: what the name decides is true.
    pub(super) fn whoever(&self) -> Self {
        let all = |list: &[Filter]| list.iter().map(Filter::whoever).collect();
        match self {
            Filter::And(list) => Filter::And(all(list)),
            Filter::Or(list) => Filter::Or(all(list)),
            Filter::Not(one) if !one.takes(&Piece::Name) => self.clone(),
            Filter::Present(_) => self.clone(),
            Filter::Compare(..) | Filter::Substrings(..) | Filter::Extensible { .. } if !self.takes(&Piece::Name) => {
                self.clone()
            }
            Filter::Not(_) | Filter::Compare(..) | Filter::Substrings(..) | Filter::Extensible { .. } => {
                Filter::Present("objectClass".to_owned())
            }
        }
    }

    /// Compares an attribute with bytes.
    pub(super) fn equal(attribute: &str, value: Vec<u8>) -> Self {
        Filter::Compare(EQUAL, attribute.to_owned(), vec![Piece::Bytes(value)])
    }

    /// The filter as a server reads it (RFC 4511 4.5.1).
    pub(super) fn encode(&self, filling: Filling<'_>) -> Vec<u8> {
        let all = |list: &[Filter]| list.iter().flat_map(|one| one.encode(filling)).collect::<Vec<u8>>();
        match self {
            Filter::And(list) => ber::element(AND, &all(list)),
            Filter::Or(list) => ber::element(OR, &all(list)),
            Filter::Not(one) => ber::element(NOT, &one.encode(filling)),
            Filter::Present(attribute) => ber::element(PRESENT, attribute.as_bytes()),
            Filter::Compare(tag, attribute, value) => {
                let mut content = ber::element(ber::OCTETS, attribute.as_bytes());
                content.extend(ber::element(ber::OCTETS, &filled(value, filling)));
                ber::element(*tag, &content)
            }
            Filter::Substrings(attribute, values) => {
                let last = values.len().saturating_sub(1);
                let mut pieces = Vec::new();
                for (place, value) in values.iter().enumerate() {
                    let tag = match place {
                        0 => INITIAL,
                        place if place == last => FINAL,
                        _ => ANY,
                    };
                    if !value.is_empty() {
                        pieces.extend(ber::element(tag, &filled(value, filling)));
                    }
                }
                let mut content = ber::element(ber::OCTETS, attribute.as_bytes());
                content.extend(ber::element(ber::SEQUENCE, &pieces));
                ber::element(SUBSTRINGS, &content)
            }
            Filter::Extensible { rule, attribute, value, dn } => {
                let mut content = Vec::new();
                if !rule.is_empty() {
                    content.extend(ber::element(RULE, rule.as_bytes()));
                }
                if !attribute.is_empty() {
                    content.extend(ber::element(TYPE, attribute.as_bytes()));
                }
                content.extend(ber::element(MATCHED, &filled(value, filling)));
                if *dn {
                    content.extend(ber::element(DN_TOO, &[0xff]));
                }
                ber::element(EXTENSIBLE, &content)
            }
        }
    }
}

fn filled(value: &[Piece], filling: Filling<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in value {
        out.extend_from_slice(match piece {
            Piece::Bytes(bytes) => bytes,
            Piece::Name => filling.name.as_bytes(),
            Piece::Dn => filling.dn.as_bytes(),
        });
    }
    out
}

fn filter(rest: &mut &str, deepest: usize) -> Option<Filter> {
    let deeper = deepest.checked_sub(1)?;
    *rest = rest.strip_prefix('(')?;
    let parsed = match rest.chars().next()? {
        '&' => Filter::And(list(rest, deeper)?),
        '|' => Filter::Or(list(rest, deeper)?),
        '!' => {
            *rest = rest.get(1..)?.trim_start();
            Filter::Not(Box::new(filter(rest, deeper)?))
        }
        _ => item(rest)?,
    };
    *rest = rest.trim_start().strip_prefix(')')?;
    Some(parsed)
}

fn list(rest: &mut &str, deeper: usize) -> Option<Vec<Filter>> {
    *rest = rest.get(1..)?.trim_start();
    let mut all = Vec::new();
    while rest.starts_with('(') {
        all.push(filter(rest, deeper)?);
        *rest = rest.trim_start();
    }
    (!all.is_empty()).then_some(all)
}

fn item(rest: &mut &str) -> Option<Filter> {
    let end = rest.find(')')?;
    let (text, after) = rest.split_at_checked(end)?;
    *rest = after;
    let (left, right) = text.split_once('=')?;
    if let Some(left) = left.strip_suffix(':') {
        return extensible(left, right);
    }
    let (tag, attribute) = match left.chars().last()? {
        '~' => (APPROXIMATE, left.strip_suffix('~')?),
        '>' => (AT_LEAST, left.strip_suffix('>')?),
        '<' => (AT_MOST, left.strip_suffix('<')?),
        _ => (EQUAL, left),
    };
    let attribute = described(attribute)?;
    let mut values: Vec<Value> = right.split('*').map(value).collect::<Option<_>>()?;
    match (tag, values.len()) {
        (_, 1) => Some(Filter::Compare(tag, attribute, values.pop()?)),
        (EQUAL, 2) if values.iter().all(Vec::is_empty) => Some(Filter::Present(attribute)),
        (EQUAL, count) if values.get(1..count - 1)?.iter().all(|value| !value.is_empty()) => {
            Some(Filter::Substrings(attribute, values))
        }
        _ => None,
    }
}

/// `attr[:dn][:rule]` or `[:dn]:rule`, without the last colon.
fn extensible(left: &str, right: &str) -> Option<Filter> {
    let mut parts = left.split(':');
    let attribute = match parts.next()? {
        "" => String::new(),
        name => described(name)?,
    };
    let mut parts = parts.peekable();
    let dn = parts.next_if(|part| part.eq_ignore_ascii_case("dn")).is_some();
    let rule = match parts.next() {
        Some(rule) => described(rule)?,
        None => String::new(),
    };
    let one_is_there = !(attribute.is_empty() && rule.is_empty());
    let value = value(right).filter(|_| !right.contains('*'))?;
    (parts.next().is_none() && one_is_there).then_some(Filter::Extensible { rule, attribute, value, dn })
}

/// An attribute, an identifier in numbers, with options.
fn described(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte));
    (!text.is_empty() && plain).then(|| text.to_owned())
}

/// A value with `\xx` for bytes and `{name}` and `{dn}` for places.
fn value(text: &str) -> Option<Value> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let place = [("{name}", Piece::Name), ("{dn}", Piece::Dn)]
            .into_iter()
            .find_map(|(mark, piece)| Some((rest.strip_prefix(mark)?, piece)));
        if let Some((after, piece)) = place {
            if !plain.is_empty() {
                pieces.push(Piece::Bytes(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = after;
        } else if next == '\\' {
            let digits = rest.get(1..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            plain.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(3..)?;
        } else if matches!(next, '(' | '{' | '}' | '\0') {
            return None;
        } else {
            let (character, after) = rest.split_at_checked(next.len_utf8())?;
            plain.extend_from_slice(character.as_bytes());
            rest = after;
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Bytes(plain));
    }
    Some(pieces)
}

const DEEPEST: usize = 16;

const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUAL: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const AT_LEAST: u8 = 0xa5;
const AT_MOST: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xa8;
const EXTENSIBLE: u8 = 0xa9;
const INITIAL: u8 = 0x80;
const ANY: u8 = 0x81;
const FINAL: u8 = 0x82;
const RULE: u8 = 0x81;
const TYPE: u8 = 0x82;
const MATCHED: u8 = 0x83;
const DN_TOO: u8 = 0x84;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_place_stays_a_value() {
        let filter = Filter::parse("(&(objectClass=person)(uid={name}))").unwrap();
        let hostile = "x)(|(uid=*\\2a\0";
        let written = filter.encode(Filling { name: hostile, dn: "" });
        // One comparison, whose value is the very bytes.
        let mut value = vec![0x04, u8::try_from(hostile.len()).unwrap()];
        value.extend_from_slice(hostile.as_bytes());
        assert!(written.ends_with(&value), "{written:?}");
        assert_eq!(filter.encode(Filling { name: "", dn: "" }).len() + hostile.len(), written.len());
    }

    #[test]
    fn filters_that_are_none_are_refused() {
        for bad in [
            "",
            "uid=x",
            "(uid=x",
            "(uid=x))",
            "()",
            "(&)",
            "(!)",
            "(=x)",
            "(u id=x)",
            "(uid=a**b)",
            "(uid>=a*)",
            "(uid=\\4)",
            "(uid=\\zz)",
            "(uid={user})",
            "(uid=a(b)",
            "(:=x)",
            "(a:dn:1.2:3:=x)",
            &format!("{}(a=b){}", "(!".repeat(16), ")".repeat(16)),
        ] {
            assert_eq!(Filter::parse(bad), None, "{bad}");
        }
        assert!(Filter::parse(&format!("{}(a=b){}", "(!".repeat(15), ")".repeat(15))).is_some());
    }

    #[test]
    fn a_filter_says_whether_the_name_has_a_place_in_it() {
        for (text, takes) in [
            ("(uid={name})", true),
            ("(|(mail=*{name})(a=b))", true),
            ("(!(a:1.2:={name}))", true),
            ("(uid={dn})", false),
            ("(uid=*)", false),
        ] {
            assert_eq!(Filter::parse(text).unwrap().takes(&Piece::Name), takes, "{text}");
        }
    }

    /// The filter of the search that Debian's ldapsearch sends.
    #[allow(clippy::disallowed_methods, reason = "the other program is started by the test")]
    fn as_ldapsearch_writes(text: &str) -> Vec<u8> {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let mut program = std::process::Command::new("ldapsearch")
            .args(["-x", "-H", &url, "-b", "dc=x", text])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("ldapsearch (ldap-utils) is installed");
        let (mut stream, _) = listener.accept().unwrap();
        let mut part = [0; 4096];
        assert_ne!(stream.read(&mut part).unwrap(), 0, "a bind");
        // BindResponse 1: success.
        stream.write_all(&[0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0]).unwrap();
        let count = stream.read(&mut part).unwrap();
        let bytes = part[..count].to_vec();
        drop(stream);
        program.wait().unwrap();
        let mut message = ber::Reader::new(ber::Reader::new(&bytes).expect(ber::SEQUENCE).unwrap());
        message.number(ber::INTEGER).unwrap();
        let mut search = ber::Reader::new(message.element().unwrap().1);
        for _ in 0..6 {
            search.element().unwrap();
        }
        let (tag, content) = search.element().unwrap();
        ber::element(tag, content)
    }

    #[test]
    fn filters_are_written_as_openldap_writes_them() {
        for text in [
            "(uid=taro)",
            "(&(objectClass=person)(|(uid=taro)(mail=taro@city.example))(!(nsAccountLock=TRUE)))",
            "(cn=山田 太郎)",
            "(cn=a\\2a\\28\\29\\5cb)",
            "(cn=*)",
            "(cn=a*)",
            "(cn=*b)",
            "(cn=a*b*c)",
            "(cn=*a*)",
            "(age>=20)",
            "(age<=20)",
            "(cn~=yamada)",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            "(member:1.2.840.113556.1.4.1941:=cn=a,dc=city,dc=local)",
            "(ou:dn:=people)",
            "(ou:dn:caseExactMatch:=people)",
            "(:caseExactMatch:=people)",
            "(cn;lang-ja=x)",
        ] {
            let ours = Filter::parse(text).unwrap_or_else(|| panic!("{text}")).encode(Filling::default());
            assert_eq!(ours, as_ldapsearch_writes(text), "{text}");
        }
    }
}
