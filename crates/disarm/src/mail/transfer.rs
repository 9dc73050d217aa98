//! Content-Transfer-Encoding: base64 and quoted-printable, with every deviation counted.
//!
//! `mail-parser` drops the bytes behind missing padding and joins what stands after inner padding without a word; two
//! readers of the same mail then see two files. Here nothing is lost and nothing is silent.

/// What was not as RFC 2045 says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deviation {
    /// Characters outside the alphabet that were skipped, or `=` sequences that encode nothing and were kept as text.
    pub(crate) junk: u32,
    /// The last group was not filled up with `=`.
    pub(crate) unpadded: bool,
    /// Base64 went on after its padding: other readers stop there.
    pub(crate) after_padding: bool,
    /// Where plain text begins that somebody appended after the padding (mailing-list footers).
    pub(crate) tail: Option<usize>,
}

impl Deviation {
    pub(crate) fn is_clean(self) -> bool {
        self == Self::default()
    }
}

/// Decodes base64 in pieces of bounded size.
pub(crate) fn base64<E>(input: &[u8], mut emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Deviation, E> {
    let mut deviation = Deviation::default();
    let mut out = Vec::with_capacity(PIECE.min(input.len()).saturating_add(4));
    let mut rest = input;
    let mut bits: u32 = 0;
    let mut held: u8 = 0;
    let mut padded = false;
    while let Some((&byte, tail)) = rest.split_first() {
        // Whole groups of four are the rule and everything else the exception.
        if held == 0
            && !padded
            && let [a, b, c, d, after @ ..] = rest
            && let (Some(a), Some(b), Some(c), Some(d)) = (sextet(*a), sextet(*b), sextet(*c), sextet(*d))
        {
            let group = (a << 18) | (b << 12) | (c << 6) | d;
            let [_, x, y, z] = group.to_be_bytes();
            out.extend_from_slice(&[x, y, z]);
            rest = after;
            if out.len() >= PIECE {
                emit(&out)?;
                out.clear();
            }
            continue;
        }
        if let Some(value) = sextet(byte) {
            if padded {
                let at = input.len().saturating_sub(rest.len());
                if is_footer(rest) {
                    deviation.tail = Some(at);
                    break;
                }
                deviation.after_padding = true;
                padded = false;
            }
            bits = (bits << 6) | value;
            held += 1;
            if held == 4 {
                let [_, x, y, z] = bits.to_be_bytes();
                out.extend_from_slice(&[x, y, z]);
                (bits, held) = (0, 0);
            }
        } else if byte == b'=' {
            flush(&mut out, bits, held);
            if held == 1 {
                deviation.junk = deviation.junk.saturating_add(1);
            }
            (bits, held) = (0, 0);
            padded = true;
        } else if !byte.is_ascii_whitespace() {
            let at = input.len().saturating_sub(rest.len());
            if (padded && is_footer(rest)) || (held == 0 && is_ruled_off(input, at)) {
                deviation.tail = Some(at);
                break;
            }
            deviation.junk = deviation.junk.saturating_add(1);
        }
        rest = tail;
    }
    if held > 0 {
        flush(&mut out, bits, held);
        deviation.unpadded = true;
        if held == 1 {
            deviation.junk = deviation.junk.saturating_add(1);
        }
    }
    emit(&out)?;
    Ok(deviation)
}

/// The whole bytes of an incomplete group.
fn flush(out: &mut Vec<u8>, bits: u32, held: u8) {
    match held {
        2 => out.extend(u8::try_from((bits >> 4) & 0xFF)),
        3 => {
            let [_, _, x, y] = (bits >> 2).to_be_bytes();
            out.extend_from_slice(&[x, y]);
        }
        _ => {}
    }
}

/// True when what follows the padding is plain text: its first line has something base64 cannot have.
fn is_footer(rest: &[u8]) -> bool {
    let mut lines = rest.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.next().is_some_and(|line| line.iter().any(|b| sextet(*b).is_none() && *b != b'='))
}

/// True when the line at `at` is one that parts a text from what a mailing list puts below it. Where the last group needed no padding,
/// nothing else says that the text has ended.
fn is_ruled_off(input: &[u8], at: usize) -> bool {
    let (before, rest) = input.split_at_checked(at).unwrap_or((input, &[]));
    before.ends_with(b"\n") && [b"--", b"__"].iter().any(|rule| rest.starts_with(*rule))
}

/// True when bytes under a base64 label are not base64 at all (some senders label everything so).
pub(crate) fn is_not_base64(input: &[u8]) -> bool {
    let head = input.get(..input.len().min(4096)).unwrap_or_default();
    let (mut good, mut bad) = (0_usize, 0_usize);
    for byte in head.iter().filter(|b| !b.is_ascii_whitespace()) {
        if sextet(*byte).is_some() || *byte == b'=' {
            good += 1;
        } else {
            bad += 1;
        }
    }
    // Words between spaces also show: real base64 has no spaces inside its lines.
    let spaces = head.trim_ascii().iter().filter(|b| **b == b' ').count();
    (bad > 0 || spaces > 3) && (bad + spaces).saturating_mul(12) > good && !begins_encoded(head)
}

/// True when the first paragraph is base64 whatever follows: below a short text, what a mailing list adds is longer.
fn begins_encoded(head: &[u8]) -> bool {
    let is_encoded = |line: &[u8]| line.iter().all(|byte| sextet(*byte).is_some() || *byte == b'=');
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).skip_while(|line| line.is_empty());
    let lines = lines.take_while(|line| !line.is_empty() && is_encoded(line));
    let block = lines.collect::<Vec<_>>().concat();
    let mut decoded = Vec::new();
    let keep = |piece: &[u8]| {
        decoded.extend_from_slice(piece);
        Ok::<_, std::convert::Infallible>(())
    };
    let Ok(deviation) = base64(&block, keep);
    let is_text = || {
        let is_plain = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n' | '\u{1B}');
        std::str::from_utf8(&decoded).is_ok_and(|text| text.chars().all(is_plain))
    };
    let (is_long, is_padded) = (block.len() >= MORE_THAN_A_WORD, block.ends_with(b"="));
    // A word can have the letters of base64, and a number of them that is a multiple of four.
    deviation.is_clean() && ((is_long && is_padded) || ((is_long || is_padded) && is_text()))
}

/// Decodes quoted-printable in pieces of bounded size.
pub(crate) fn quoted_printable<E>(input: &[u8], mut emit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<Deviation, E> {
    let mut deviation = Deviation::default();
    let mut out = Vec::with_capacity(PIECE.min(input.len()));
    for line in input.split_inclusive(|b| *b == b'\n') {
        let content = line.trim_ascii_end();
        let end = line.get(content.len()..).unwrap_or_default();
        // Blanks before a line end are transport padding (RFC 2045 6.7 rule 3); a form feed or a lone CR is content.
        let (mut rest, soft) = match content.strip_suffix(b"=") {
            Some(content) => (content, true),
            None => (content, false),
        };
        while let Some(at) = rest.iter().position(|b| *b == b'=') {
            let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            out.extend_from_slice(plain);
            if let [_, high, low, after @ ..] = escape
                && let (Some(high), Some(low)) = (hex(*high), hex(*low))
            {
                out.push((high << 4) | low);
                rest = after;
            } else {
                out.push(b'=');
                deviation.junk = deviation.junk.saturating_add(1);
                rest = escape.get(1..).unwrap_or_default();
            }
        }
        out.extend_from_slice(rest);
        if !soft && line.ends_with(b"\n") {
            out.extend_from_slice(if end.ends_with(b"\r\n") { b"\r\n" } else { b"\n" });
        }
        if out.len() >= PIECE {
            emit(&out)?;
            out.clear();
        }
    }
    emit(&out)?;
    Ok(deviation)
}

/// The value of a hexadecimal digit; lower case occurs although RFC 2045 forbids it.
pub(crate) fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn sextet(byte: u8) -> Option<u32> {
    match SEXTETS.get(usize::from(byte)) {
        Some(&value) if value < 64 => Some(u32::from(value)),
        _ => None,
    }
}

/// Letters of base64 in a row that no word has, and no two words with nothing between them.
const MORE_THAN_A_WORD: usize = 16;

/// Decoded bytes handed on at a time.
const PIECE: usize = 48 * 1024;

const SEXTETS: [u8; 256] = {
    let alphabet = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [0xFF; 256];
    let mut value: u8 = 0;
    while value < 64 {
        // Constant evaluation: an index out of range would not compile.
        #[allow(clippy::indexing_slicing, reason = "checked when the constant is evaluated")]
        {
            table[alphabet[value as usize] as usize] = value;
        }
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn from_base64(input: &[u8]) -> (Vec<u8>, Deviation) {
        let mut out = Vec::new();
        let deviation = base64(input, |piece| {
            out.extend_from_slice(piece);
            Ok::<_, Infallible>(())
        });
        (out, deviation.unwrap())
    }

    fn from_quoted(input: &[u8]) -> (Vec<u8>, Deviation) {
        let mut out = Vec::new();
        let deviation = quoted_printable(input, |piece| {
            out.extend_from_slice(piece);
            Ok::<_, Infallible>(())
        });
        (out, deviation.unwrap())
    }

    #[test]
    fn sound_base64_has_no_deviation() {
        assert_eq!(from_base64(b"aGVs\r\nbG8=\r\n"), (b"hello".to_vec(), Deviation::default()));
        assert_eq!(from_base64(b"aGVsbG8h"), (b"hello!".to_vec(), Deviation::default()));
        assert_eq!(from_base64(b""), (Vec::new(), Deviation::default()));
    }

    #[test]
    fn missing_padding_loses_no_byte_and_is_told() {
        let (out, deviation) = from_base64(b"aGVsbG8");
        assert_eq!(out, b"hello");
        assert!(deviation.unpadded);
    }

    #[test]
    fn data_after_padding_is_told() {
        let (out, deviation) = from_base64(b"aGk=\r\naGk=\r\n");
        assert_eq!(out, b"hihi");
        assert!(deviation.after_padding);
    }

    #[test]
    fn junk_is_skipped_and_counted() {
        let (out, deviation) = from_base64(b"aG!Vs\xFFbG8=");
        assert_eq!((out.as_slice(), deviation.junk), (&b"hello"[..], 2));
    }

    #[test]
    fn a_list_footer_after_the_padding_is_text() {
        let input = b"aGVsbG8=\n_______________\nlist mailing list\n";
        let (out, deviation) = from_base64(input);
        assert_eq!(out, b"hello");
        assert_eq!(deviation.tail, Some(9));
    }

    /// Python: `base64.b64encode("会議は十時です。\n".encode())`, and of "短い\n" and "三時です。\n".
    #[test]
    fn a_list_footer_below_a_short_text_is_text() {
        let footer = "_______________________________________________\nmembers mailing list\nmembers@example.jp\n";
        for (encoded, text) in [
            ("5Lya6K2w44Gv5Y2B5pmC44Gn44GZ44CCCg==", "会議は十時です。\n"),
            ("55+t44GECg==", "短い\n"),
            ("5LiJ5pmC44Gn44GZ44CCCiAK", "三時です。\n \n"),
        ] {
            let input = format!("{encoded}\r\n\r\n{footer}");
            assert!(!is_not_base64(input.as_bytes()), "{encoded}");
            let (out, deviation) = from_base64(input.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), text);
            assert_eq!(deviation.tail.and_then(|tail| input.get(tail..)), Some(footer));
        }
    }

    #[test]
    fn text_under_a_base64_label_is_recognised() {
        assert!(is_not_base64(b"Hello, this is not base64. Really!"));
        assert!(!is_not_base64(b"aGVsbG8gd29ybGQ="));
        for word in ["Test", "key=", "Dear", "Announcements123"] {
            assert!(is_not_base64(format!("{word}\n\nThis is not base64. Really!").as_bytes()), "{word}");
        }
    }

    #[test]
    fn quoted_printable_follows_rfc_2045() {
        assert_eq!(from_quoted(b"a=3Db=\r\nc  \r\n=E3=81=82"), ("a=bc\r\nあ".into(), Deviation::default()));
        assert_eq!(from_quoted(b"a= \r\nb\n").0, b"ab\n");
    }

    #[test]
    fn an_escape_that_is_none_is_kept_and_counted() {
        let (out, deviation) = from_quoted(b"1=zz 2==41");
        assert_eq!((out.as_slice(), deviation.junk), (&b"1=zz 2=A"[..], 2));
    }
}
