//! Envelope addresses: parsed once, kept as a value, written again with the quoting that SMTP asks for.
//!
//! An address that came from the wire is never copied back to a wire. It is taken apart into its local part (without
//! quoting) and its domain, and [`Address::wire`] quotes it anew; so a `>` or a space inside a quoted local part cannot
//! end the path of the next command (Terada, "SMTP injection via recipient email addresses", 2015).

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A mailbox of the SMTP envelope: `local@domain`, `local@[address literal]`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    local: String,
    domain: String,
}

/// Whether the text may hold characters outside ASCII, which RFC 6531 allows only where SMTPUTF8 was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// ASCII only (RFC 5321).
    Ascii,
    /// UTF-8 in local part and domain (RFC 6531).
    Utf8,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The local part is missing, or holds a character that must be quoted.
    #[error("the local part is malformed")]
    Local,
    /// The domain is missing or malformed.
    #[error("the domain is malformed")]
    Domain,
    /// The address literal is neither `[IPv4]` nor `[IPv6:…]`.
    #[error("the address literal is malformed")]
    Literal,
    /// The address is longer than [`ADDRESS_MAX`] octets.
    #[error("the address is longer than {ADDRESS_MAX} octets")]
    TooLong,
    /// The address holds characters outside ASCII where they are not allowed.
    #[error("the address is not ASCII")]
    NotAscii,
    /// Something follows the address.
    #[error("the address is followed by something else")]
    Trailing,
}

impl Address {
    /// Parses a whole text as one address.
    ///
    /// # Errors
    /// [`AddressError::Trailing`] when something follows; else as [`parse_prefix`](Self::parse_prefix).
    pub fn parse(text: &str, charset: Charset) -> Result<Self, AddressError> {
        let (address, rest) = Self::parse_prefix(text, charset)?;
        if rest.is_empty() { Ok(address) } else { Err(AddressError::Trailing) }
    }

    /// Parses an address at the start of a text and returns what follows it.
    ///
    /// Local parts of dots and atoms in any order are accepted unquoted (`.taro..x.@docomo.ne.jp`): docomo and au gave
    /// out such addresses until 2009 and they are still held.
    ///
    /// # Errors
    /// [`AddressError`]: which part of it is not well-formed, or that it is too long.
    pub fn parse_prefix(text: &str, charset: Charset) -> Result<(Self, &str), AddressError> {
        let (local, rest) =
            if text.starts_with('"') { quoted_local(text, charset)? } else { bare_local(text, charset)? };
        let rest = rest.strip_prefix('@').ok_or(AddressError::Local)?;
        let (domain, rest) = if rest.starts_with('[') { literal(rest)? } else { domain_name(rest, charset)? };
        // Atom text to the RFC, an encoded-word to readers that decode wherever they can: two addresses ("Splitting the email atom").
        if local.contains("=?") {
            return Err(AddressError::Local);
        }
        let address = Self { local, domain };
        if address.wire().len() > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok((address, rest))
    }

    /// The `postmaster` of a host, which RFC 5321 section 4.5.1 wants accepted without a domain.
    ///
    /// # Errors
    /// [`AddressError::Domain`] for what is no host name.
    pub fn postmaster(host: &str) -> Result<Self, AddressError> {
        let (domain, rest) = domain_name(host, Charset::Utf8)?;
        if rest.is_empty() { Ok(Self { local: "postmaster".to_owned(), domain }) } else { Err(AddressError::Domain) }
    }

    /// The local part without quoting; may hold any printable character.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain in lower case, or the address literal with its brackets.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The domain as domains are compared: in lower case, its U-labels written as A-labels (RFC 5890 2.3.2.1).
    pub fn ascii_domain(&self) -> Cow<'_, str> {
        ascii_domain(&self.domain)
    }

    /// Whether the address can be given to a server that does not offer SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }

    /// The address as RFC 5321 wants it between `<` and `>`: quoted unless the local part is a `Dot-string`.
    ///
    /// The docomo forms leave quoted (`"taro."@docomo.ne.jp`), as Postfix does, because stricter servers refuse them bare.
    pub fn wire(&self) -> String {
        self.render(is_dot_string(&self.local))
    }

    fn render(&self, bare: bool) -> String {
        let mut out = String::with_capacity(self.local.len().saturating_add(self.domain.len()).saturating_add(3));
        if bare {
            out.push_str(&self.local);
        } else {
            out.push('"');
            for c in self.local.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
        }
        out.push('@');
        out.push_str(&self.domain);
        out
    }
}

/// The address as people know it: the docomo forms stand unquoted. [`Address::parse`] reads it back to the same value.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(self.local.chars().all(is_bare)))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// A domain as domains are compared. What no A-label can be made of stays as it is, and is like nothing that is written in ASCII.
pub(crate) fn ascii_domain(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() && !domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Borrowed(domain);
    }
    if domain.is_ascii() {
        return Cow::Owned(domain.to_ascii_lowercase());
    }
    idna::domain_to_ascii(domain).map_or(Cow::Borrowed(domain), Cow::Owned)
}

fn bare_local(text: &str, charset: Charset) -> Result<(String, &str), AddressError> {
    let end = text.find(|c| !is_bare(c)).unwrap_or(text.len());
    let (local, rest) = text.split_at(end);
    if local.is_empty() {
        return Err(AddressError::Local);
    }
    ascii_where_required(local, charset)?;
    Ok((local.to_owned(), rest))
}

fn quoted_local(text: &str, charset: Charset) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            // RFC 5321 quoted-pairSMTP: only printable ASCII may follow the backslash.
            if !(' '..='~').contains(&c) {
                return Err(AddressError::Local);
            }
            local.push(c);
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' => {
                ascii_where_required(&local, charset)?;
                // An empty quoted local part is grammatical, and nobody has one.
                if local.is_empty() {
                    return Err(AddressError::Local);
                }
                return Ok((local, text.get(at.saturating_add(1)..).unwrap_or_default()));
            }
            ' '..='~' => local.push(c),
            _ if is_wide(c) => local.push(c),
            _ => return Err(AddressError::Local),
        }
    }
    Err(AddressError::Local)
}

fn domain_name(text: &str, charset: Charset) -> Result<(String, &str), AddressError> {
    let end = text.find(|c: char| !(is_label(c) || c == '.')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    ascii_where_required(name, charset)?;
    if name.is_empty() || name.len() > DOMAIN_MAX || !name.split('.').all(label_is_sound) {
        return Err(AddressError::Domain);
    }
    Ok((name.to_ascii_lowercase(), rest))
}

fn literal(text: &str) -> Result<(String, &str), AddressError> {
    let (inner, rest) = text.strip_prefix('[').and_then(|t| t.split_once(']')).ok_or(AddressError::Literal)?;
    let address = match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
            let address: Ipv6Addr = inner.get(5..).unwrap_or_default().parse().map_err(|_| AddressError::Literal)?;
            format!("[IPv6:{address}]")
        }
        _ => format!("[{}]", inner.parse::<Ipv4Addr>().map_err(|_| AddressError::Literal)?),
    };
    Ok((address, rest))
}

fn ascii_where_required(text: &str, charset: Charset) -> Result<(), AddressError> {
    match charset {
        Charset::Ascii if !text.is_ascii() => Err(AddressError::NotAscii),
        Charset::Ascii | Charset::Utf8 => Ok(()),
    }
}

/// RFC 5321 `Dot-string` with RFC 6531's wider atoms.
fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_bare(c: char) -> bool {
    c == '.' || is_atext(c)
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_wide(c)
}

/// Characters outside ASCII that a local part may hold: none that breaks a line, is invisible or turns the reading order.
fn is_wide(c: char) -> bool {
    !c.is_ascii()
        && !c.is_control()
        && !c.is_whitespace()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Underscores are in no standard for mail domains, but host names of older Japanese networks have them.
fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || is_wide_label(c)
}

/// Letters and digits of any script, except those that normalise to ASCII (full width, letterlike, enclosed, mathematical):
/// two programs would read two different domains ("Splitting the email atom", 2024).
fn is_wide_label(c: char) -> bool {
    is_wide(c)
        && (c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}' | '\u{30fb}'))
        && !matches!(c,
            '\u{aa}' | '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{ba}' | '\u{bc}'..='\u{be}' | '\u{1d00}'..='\u{1dbf}'
            | '\u{2070}'..='\u{209f}' | '\u{2100}'..='\u{218f}' | '\u{2460}'..='\u{24ff}' | '\u{3200}'..='\u{33ff}'
            | '\u{fb00}'..='\u{fb4f}' | '\u{ff00}'..='\u{ffef}' | '\u{1d400}'..='\u{1d7ff}' | '\u{1f100}'..='\u{1f2ff}')
}

fn label_is_sound(label: &str) -> bool {
    !label.is_empty() && label.len() <= LABEL_MAX && !label.starts_with('-') && !label.ends_with('-')
}

/// Longest address in octets: RFC 5321 section 4.5.3.1.3 gives a path 256 octets with its angle brackets. The local part has
/// no limit of its own: bounce addresses of large senders (VERP, SRS, BATV) are longer than the 64 octets of the RFC.
pub const ADDRESS_MAX: usize = 254;

const DOMAIN_MAX: usize = 253;
const LABEL_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, local: &str, domain: &str, wire: &str) {
        let address = Address::parse(text, Charset::Utf8).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((address.local(), address.domain()), (local, domain), "{text}");
        assert_eq!(address.wire(), wire);
        assert_eq!(Address::parse(&address.wire(), Charset::Utf8).as_ref(), Ok(&address));
        assert_eq!(Address::parse(&address.to_string(), Charset::Utf8).as_ref(), Ok(&address));
    }

    #[test]
    fn ordinary_and_quoted_addresses_are_taken_apart() {
        check("taro@example.jp", "taro", "example.jp", "taro@example.jp");
        check("Taro+x@EXAMPLE.jp", "Taro+x", "example.jp", "Taro+x@example.jp");
        check(r#""taro"@example.jp"#, "taro", "example.jp", "taro@example.jp");
        check(r#""a>b"@example.jp"#, "a>b", "example.jp", r#""a>b"@example.jp"#);
        check(r#""a\"\\b c"@example.jp"#, r#"a"\b c"#, "example.jp", r#""a\"\\b c"@example.jp"#);
        check("a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]");
        check("a@[ipv6:2001:DB8::1]", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]");
        check("x@foo_bar.example.jp", "x", "foo_bar.example.jp", "x@foo_bar.example.jp");
        check("太郎@例え.jp", "太郎", "例え.jp", "太郎@例え.jp");
    }

    #[test]
    fn old_docomo_forms_are_read_bare_and_written_quoted() {
        check("taro.@docomo.ne.jp", "taro.", "docomo.ne.jp", r#""taro."@docomo.ne.jp"#);
        check(".taro..x.@docomo.ne.jp", ".taro..x.", "docomo.ne.jp", r#"".taro..x."@docomo.ne.jp"#);
        let address = Address::parse(r#""taro."@docomo.ne.jp"#, Charset::Ascii).unwrap();
        assert_eq!(address.to_string(), "taro.@docomo.ne.jp");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use AddressError::*;
        for (text, error) in [
            ("", Local),
            ("@example.jp", Local),
            ("taro", Local),
            ("ta ro@example.jp", Local),
            ("a@b@c", Trailing),
            ("<a@b>", Local),
            (r#""taro@example.jp"#, Local),
            (r#"""@example.jp"#, Local),
            ("\"a\r\nb\"@example.jp", Local),
            ("\"a\\\r\"@example.jp", Local),
            ("a\u{0}b@example.jp", Local),
            ("a\u{7f}@example.jp", Local),
            ("a@", Domain),
            ("a@.example.jp", Domain),
            ("a@example..jp", Domain),
            ("a@example.jp.", Domain),
            ("a@-x.jp", Domain),
            ("a@x-.jp", Domain),
            ("a@exa mple.jp", Trailing),
            ("a@example.jp\r\n", Trailing),
            ("a@[192.0.2.1", Literal),
            ("a@[192.0.2.256]", Literal),
            ("a@[192.0.02.1]", Literal),
            ("a@[2001:db8::1]", Literal),
            ("a@[IPv6:192.0.2.1]", Literal),
            ("a@[x:y]", Literal),
            // Full width letters, the full width at sign and ideographic full stop normalise to ASCII.
            ("a@ｅxample.jp", Domain),
            ("a@example。jp", Trailing),
            ("a＠example.jp", Local),
            ("a\u{202e}b@example.jp", Local),
            ("=?utf-8?Q?b=40evil.example?=@example.jp", Local),
            ("\"=?utf-8?Q?b=0D=0A?=\"@example.jp", Local),
            ("a@exam\u{200b}ple.jp", Trailing),
        ] {
            assert_eq!(Address::parse(text, Charset::Utf8), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_domain_is_compared_by_its_a_labels() {
        // python3 -c 'print("例え.jp".encode("idna"), "日本語.JP".encode("idna"))'
        for (text, expect) in [
            ("a@例え.jp", "xn--r8jz45g.jp"),
            ("a@日本語.JP", "xn--wgv71a119e.jp"),
            ("a@XN--R8JZ45G.jp", "xn--r8jz45g.jp"),
            ("a@foo_bar.example.jp", "foo_bar.example.jp"),
            ("a@[192.0.2.1]", "[192.0.2.1]"),
        ] {
            assert_eq!(Address::parse(text, Charset::Utf8).unwrap().ascii_domain(), expect, "{text}");
        }
    }

    #[test]
    fn utf8_needs_smtputf8() {
        assert_eq!(Address::parse("太郎@example.jp", Charset::Ascii), Err(AddressError::NotAscii));
        assert_eq!(Address::parse("\"太郎\"@example.jp", Charset::Ascii), Err(AddressError::NotAscii));
        assert_eq!(Address::parse("taro@例え.jp", Charset::Ascii), Err(AddressError::NotAscii));
    }

    #[test]
    fn lengths_hold_at_the_limit_and_fail_one_beyond() {
        let domain = "@example.jp";
        let local = "x".repeat(ADDRESS_MAX - domain.len());
        assert!(Address::parse(&format!("{local}{domain}"), Charset::Ascii).is_ok());
        assert_eq!(Address::parse(&format!("x{local}{domain}"), Charset::Ascii), Err(AddressError::TooLong));
        let label = "x".repeat(LABEL_MAX);
        assert!(Address::parse(&format!("a@{label}.jp"), Charset::Ascii).is_ok());
        assert_eq!(Address::parse(&format!("a@x{label}.jp"), Charset::Ascii), Err(AddressError::Domain));
    }
}
