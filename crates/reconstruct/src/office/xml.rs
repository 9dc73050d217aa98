//! Text and numbers as XML 1.0 has them.

use std::io::Write;

/// What every part begins with.
pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// Puts text between tags.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    escaped(out, text, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#13;"),
        _ => None,
    });
}

/// Puts the value of an attribute, without its quotes. A reader makes spaces of line ends and tabs that are not escaped.
pub(super) fn value(out: &mut Vec<u8>, text: &str) {
    escaped(out, text, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#9;"),
        b'\n' => Some(b"&#10;"),
        b'\r' => Some(b"&#13;"),
        _ => None,
    });
}

fn escaped(out: &mut Vec<u8>, text: &str, escape: impl Fn(u8) -> Option<&'static [u8]>) {
    let mut rest = text.as_bytes();
    while let Some((at, escape)) = rest.iter().enumerate().find_map(|(at, byte)| Some((at, escape(*byte)?))) {
        let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        out.extend_from_slice(escape);
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Puts a whole number.
pub(super) fn integer(out: &mut Vec<u8>, number: i64) {
    // Writing to memory does not fail.
    let _ = write!(out, "{number}");
}

/// Puts an `xsd:double`: the fewest digits that are read back as the same number.
pub(super) fn decimal(out: &mut Vec<u8>, number: f64) {
    let size = number.abs();
    if number.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if size.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"INF" } else { b"-INF" });
    } else if size == 0.0 || (1e-5..1e16).contains(&size) {
        let _ = write!(out, "{number}");
    } else {
        let _ = write!(out, "{number:E}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn markup_in_text_is_only_text() {
        assert_eq!(put(|out| text(out, "a<b>&\"c\"\n\tあ]]>")), "a&lt;b&gt;&amp;\"c\"\n\tあ]]&gt;");
        assert_eq!(put(|out| value(out, "\"<a>\" &\n\tい")), "&quot;&lt;a&gt;&quot; &amp;&#10;&#9;い");
    }

    #[test]
    fn numbers_are_those_of_xml_schema() {
        for (number, expected) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e300, "1E300"),
            (-2.5e-9, "-2.5E-9"),
            (f64::INFINITY, "INF"),
            (f64::NEG_INFINITY, "-INF"),
            (f64::NAN, "NaN"),
            (9_007_199_254_740_993.0, "9007199254740992"),
        ] {
            assert_eq!(put(|out| decimal(out, number)), expected);
        }
        assert_eq!(put(|out| integer(out, i64::MIN)), "-9223372036854775808");
    }
}
