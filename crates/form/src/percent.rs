//! Percent-encoding: octets that a grammar has no room for, written as `%` and two hexadecimal digits (RFC 3986 2.1).
//!
//! Web addresses, parameters of header fields (RFC 2231, RFC 8187) and names inside packages use it, each with characters of
//! its own that need no escape.

/// The text in ASCII that means itself anywhere in an address: all but letters, digits and `-._~` (RFC 3986 2.3) is escaped. At most
/// three times as long.
pub fn encoded(text: &str) -> String {
    escaped(text, b"-._~")
}

/// The value of a parameter whose name ends with `*` (`ext-value` of RFC 8187 3.2): charset, no language, and the text, of which
/// all but letters, digits and the marks of `attr-char` is escaped. RFC 2231 takes the same.
pub fn extended(text: &str) -> String {
    format!("UTF-8''{}", escaped(text, b"!#$&+-.^_`|~"))
}

fn escaped(text: &str, marks: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || marks.contains(&byte) {
            out.push(char::from(byte));
        } else {
            escape(byte, &mut out);
        }
    }
    out
}

/// Appends the escape of one octet, with capital digits as RFC 3986 2.1 asks for.
pub fn escape(byte: u8, out: &mut String) {
    let digit = |value: u8| char::from_digit(value.into(), 16).map(|digit| digit.to_ascii_uppercase());
    out.push('%');
    out.extend([byte >> 4, byte & 15].into_iter().filter_map(digit));
}

/// The octets that are meant. A `%` without two hexadecimal digits behind it escapes nothing and stays, as all readers of addresses
/// and mails take it.
pub fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = leading_escape(rest).unwrap_or((*first, after));
        out.push(byte);
        rest = after;
    }
    out
}

/// The octets that are meant, where each `%` escapes one.
pub fn strictly_decoded(text: &str) -> Option<Vec<u8>> {
    is_whole(text).then(|| decoded(text))
}

/// True where each `%` of the text, if there is one, begins an escape.
pub fn is_whole(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut signs = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    signs.all(|(at, _)| bytes.get(at..).is_some_and(|from| leading_escape(from).is_some()))
}

/// The octet of the escape that the text begins with, and what follows it.
pub fn leading_escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(((digit(*high)? << 4) | digit(*low)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8187 3.2.3, and the characters that RFC 3986 2.3 and RFC 8187 3.2.1 set apart from all others of ASCII.
    #[test]
    fn texts_are_written_as_the_standards_say() {
        assert_eq!(extended("£ and € rates"), "UTF-8''%C2%A3%20and%20%E2%82%AC%20rates");
        let marks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
        let kept = |written: fn(&str) -> String| {
            marks.chars().filter(|mark| written(&mark.to_string()).ends_with(*mark)).collect::<String>()
        };
        assert_eq!(kept(encoded), "-._~");
        assert_eq!(kept(extended), "!#$&+-.^_`|~");
        assert_eq!(encoded("Az09 \r\n\0\u{7F}"), "Az09%20%0D%0A%00%7F");
    }

    #[test]
    fn escapes_are_read_in_either_case_and_what_is_none_stays() {
        let table = [
            ("%e2%82%AC%20rates", "€ rates"),
            ("100% of it, %4 and %zz and %+1 and %", "100% of it, %4 and %zz and %+1 and %"),
            ("%2525", "%25"),
            ("%%41", "%A"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(decoded(text), expected.as_bytes(), "{text}");
        }
        assert_eq!(strictly_decoded("a%e2%82%AC").as_deref(), Some("a€".as_bytes()));
        for broken in ["%", "%4", "%zz", "%%41", "%+1"] {
            assert_eq!(strictly_decoded(broken), None, "{broken}");
        }
    }
}
