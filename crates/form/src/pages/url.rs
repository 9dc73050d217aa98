//! Addresses outside a document.

use crate::percent;
use crate::text::TextError;

/// An address that is safe to offer: `http`, `https` or `mailto`, printable ASCII, at most [`Url::MAX_BYTES`].
///
/// An address of the web has a host and no user name: `https://bank.example@evil.example/` shows one site and opens another.
/// Of a mail only recipients, subject and text may be preset: mail programs have taken `attach` from a link and attached the
/// reader's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// The most bytes.
    pub const MAX_BYTES: usize = 2_048;

    /// Makes an address of what a document says, where it is a safe one: space around it is cut off, the scheme becomes lower
    /// case, and what may not stand in an address (RFC 3986) is percent-encoded.
    pub fn rebuild(raw: &str) -> Option<Url> {
        let raw = raw.trim_matches(|c: char| c.is_ascii_whitespace() || c.is_ascii_control());
        let (scheme, rest) = raw.split_once(':')?;
        let scheme = scheme.to_ascii_lowercase();
        let web = match scheme.as_str() {
            "http" | "https" => Some(rest.strip_prefix("//")?),
            "mailto" => None,
            _ => return None,
        };
        let safe = match web {
            Some(rest) => is_authority(rest.split(['/', '?', '#']).next().unwrap_or_default()),
            None => is_letter(rest),
        };
        let url = format!("{scheme}:{}", encoded(rest)?);
        (safe && url.len() <= Self::MAX_BYTES).then_some(Url(url))
    }

    /// Takes an address that must need no change.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_BYTES`](Self::MAX_BYTES), [`TextError::Shape`] for what rebuilding would change.
    pub fn parse(raw: &str) -> Result<Url, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        // One definition of a good address: the one that rebuilding leaves alone.
        Url::rebuild(raw).filter(|url| url.0 == raw).ok_or(TextError::Shape)
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Host and port. A host in letters of other scripts is written with Punycode (RFC 3492) or not at all: percent-encoded it
/// would be read differently by different programs.
fn is_authority(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':');
    !host.is_empty() && authority.bytes().all(good)
}

/// Recipients, then fields that fill in what the sender of a mail sees.
fn is_letter(rest: &str) -> bool {
    let (recipients, fields) = rest.split_once('?').unwrap_or((rest, ""));
    let known = |field: &str| {
        let name = field.split('=').next().unwrap_or_default().to_ascii_lowercase();
        matches!(name.as_str(), "" | "to" | "cc" | "subject" | "body")
    };
    !recipients.starts_with('/') && fields.split('&').all(known)
}

fn encoded(rest: &str) -> Option<String> {
    let mut clean = String::with_capacity(rest.len());
    let mut bytes = rest.as_bytes();
    while let Some((byte, more)) = bytes.split_first() {
        let escape = percent::leading_escape(bytes).is_some();
        match char::from(*byte) {
            '\0'..='\x1F' | '\x7F' => return None,
            c if escape || is_plain(c) => clean.push(c),
            _ => percent::escape(*byte, &mut clean),
        }
        bytes = more;
    }
    Some(clean)
}

/// Unreserved and reserved characters of RFC 3986.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_come_out_as_expected() {
        let table = [
            ("https://www.example.jp/", Some("https://www.example.jp/")),
            (" HTTP://example.jp:8080/a?b=c#d\n", Some("http://example.jp:8080/a?b=c#d")),
            ("https://[2001:db8::1]/", Some("https://[2001:db8::1]/")),
            (
                "https://example.jp/資料 1.pdf?x={y}|%zz%20",
                Some("https://example.jp/%E8%B3%87%E6%96%99%201.pdf?x=%7By%7D%7C%25zz%20"),
            ),
            ("https://example.jp?mail=a@b", Some("https://example.jp?mail=a@b")),
            (
                "mailto:soumu@example.jp?subject=%E4%BB%B6&body=a%0D%0Ab",
                Some("mailto:soumu@example.jp?subject=%E4%BB%B6&body=a%0D%0Ab"),
            ),
            ("mailto:a@example.jp?attach=/etc/passwd", None),
            ("mailto:a@example.jp?subject=a&%61ttach=/etc/passwd", None),
            ("mailto://a@example.jp", None),
            ("https://bank.example@evil.example/", None),
            ("https://bank.example\\@evil.example/", None),
            ("https://example.jp\\@evil.example", None),
            ("https://bank.example%40evil.example/", None),
            ("https://例え.jp/", None),
            ("https://", None),
            ("https:///path", None),
            ("https://:80/", None),
            ("https:example.jp", None),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("https://example.jp/\r\nX: y", None),
            ("file:///etc/passwd", None),
            ("\\\\server\\share", None),
            ("data:text/html,x", None),
            ("ms-word:ofe|u|https://example.jp/a.docx", None),
            ("www.example.jp", None),
            ("", None),
        ];
        for (raw, expected) in table {
            assert_eq!(Url::rebuild(raw).as_ref().map(Url::as_str), expected, "{raw:?}");
        }
    }

    #[test]
    fn an_address_holds_2048_bytes_and_not_2049() {
        let address = |len: usize| format!("https://example.jp/{}", "a".repeat(len - 19));
        assert_eq!(Url::parse(&address(2_048)).unwrap().as_str().len(), 2_048);
        assert_eq!(Url::parse(&address(2_049)), Err(TextError::TooLong { limit: 2_048 }));
        assert_eq!(Url::rebuild(&address(2_049)), None);
        for bad in ["HTTPS://example.jp/", "https://example.jp/ ", "https://example.jp/あ", "https://example.jp/%"] {
            assert_eq!(Url::parse(bad), Err(TextError::Shape), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_rebuilt_address_parses_and_is_a_fixed_point(raw in "(https?|mailto|HTTP):(//)?[a-z.:@\\[\\]]{0,9}[/?#\\\\]?\\PC{0,30}") {
            if let Some(url) = Url::rebuild(&raw) {
                prop_assert!(url.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(Url::parse(url.as_str()), Ok(url));
            }
        }
    }
}
