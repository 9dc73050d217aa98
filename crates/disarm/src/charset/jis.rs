//! The ISO-2022 family: Japanese mail's own charset, with the damage it usually has.
//!
//! `encoding_rs` stops at what browsers need: no JIS X 0212, no SO/SI kana, and `ESC ( B ESC $ B` with nothing between is
//! an error there although every fold between two encoded-words makes one. Here the escapes are read by us and each run
//! of one character set is handed to the table that knows it.

use std::ops::Range;

use encoding_rs::{EUC_KR, GBK, WINDOWS_1252};

use super::jisx0213::Cell;
use super::{Sink, detect};

/// What the bytes between two escapes mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    /// JIS X 0201 Roman: ASCII but for ¥ and ‾.
    Roman,
    /// JIS X 0201 Katakana in seven bits (`ESC ( I` or SO).
    Kana,
    /// JIS X 0208 with the extensions of NEC and IBM.
    Kanji,
    /// JIS X 0212.
    Supplementary,
    /// GB 2312 and KS X 1001, from ISO-2022-JP-2.
    Chinese,
    Korean,
    /// JIS X 0213, plane 1 or 2.
    Plane(u8),
}

pub(super) fn decode(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut set = Set::Ascii;
    // SO/SI shift kana in and out over whatever set is designated (RFC 1468's predecessors, old NEC and Fujitsu hosts).
    let mut shifted = false;
    // ISO-2022-JP-2's G2 set: Latin-1's upper half, called one character at a time by ESC N.
    let mut rest = bytes;
    while let Some(&first) = rest.first() {
        match first {
            ESC => {
                let (next, length) = escape(rest);
                match next {
                    Escape::Set(next) => set = next,
                    Escape::Ignore => {}
                    Escape::Single(byte) => sink.run(WINDOWS_1252, &[byte | 0x80]),
                    Escape::Stray => sink.bad(),
                }
                rest = rest.get(length..).unwrap_or_default();
            }
            SO | SI => {
                shifted = first == SO;
                rest = rest.get(1..).unwrap_or_default();
            }
            _ => {
                let length = rest.iter().position(|b| matches!(*b, ESC | SO | SI)).unwrap_or(rest.len());
                let (run, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                set = decode_run(run, if shifted { Set::Kana } else { set }, set, after, sink);
                if run.contains(&b'\n') {
                    // RFC 1468: a line starts in ASCII; a forgotten SI does not spoil the lines after it.
                    shifted = shifted && !after.is_empty() && after.first() == Some(&SI);
                }
                rest = after;
            }
        }
    }
}

/// Where the first kanji in seven bits stand among other bytes, with the escapes around them. None of the other charsets has escapes, and
/// in a text that shows them they are not followed by pairs alone up to where ASCII is called back.
pub(super) fn run(bytes: &[u8]) -> Option<Range<usize>> {
    let mut from = 0_usize;
    loop {
        let rest = bytes.get(from..)?;
        let start = from.saturating_add(rest.iter().position(|byte| *byte == ESC)?);
        let begun = bytes.get(start..).unwrap_or_default();
        from = start.saturating_add(1);
        if !matches!(begun, [ESC, b'$', b'B' | b'@', ..]) {
            continue;
        }
        let pairs = begun.iter().skip(3).position(|byte| !(0x21..=0x7E).contains(byte)).unwrap_or(0);
        let end = pairs.saturating_add(3);
        let is_closed = matches!(begun.get(end..), Some([ESC, b'(', b'B' | b'J', ..]));
        if pairs > 0 && pairs.is_multiple_of(2) && is_closed {
            return Some(start..start.saturating_add(end).saturating_add(3));
        }
    }
}

/// Decodes one run and says which set holds after it: a line end closes a double-byte run that nobody closed.
fn decode_run(run: &[u8], set: Set, designated: Set, after: &[u8], sink: &mut Sink<'_>) -> Set {
    match set {
        Set::Ascii => eight_bit_or_ascii(run, sink),
        Set::Roman => roman(run, sink),
        Set::Kana => kana(run, sink),
        Set::Kanji | Set::Supplementary | Set::Chinese | Set::Korean | Set::Plane(_) => {
            return double_byte(run, set, after, sink);
        }
    }
    designated
}

fn double_byte(run: &[u8], set: Set, after: &[u8], sink: &mut Sink<'_>) -> Set {
    let mut set = set;
    let mut lines = run.split_inclusive(|b| *b == b'\n').peekable();
    let mut first = true;
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none();
        // A sender that folds in the middle of a kanji run goes on in kanji and closes it later; one that forgot the final
        // escape goes on in ASCII. Only the first kind has an even number of graphic bytes up to a closing `ESC (`.
        if !first && set != Set::Ascii {
            let closes = last && after.starts_with(b"\x1B(");
            let graphic = line.len() % 2 == 0 && line.iter().all(|b| (0x21..=0x7E).contains(b));
            if !(closes && graphic) {
                set = Set::Ascii;
            }
        }
        first = false;
        if set == Set::Ascii {
            eight_bit_or_ascii(line, sink);
        } else {
            pairs(line, set, sink);
        }
    }
    set
}

/// Double-byte characters, with the spaces and line ends that stand between them in real mail.
fn pairs(line: &[u8], set: Set, sink: &mut Sink<'_>) {
    let mut euc = Vec::with_capacity(line.len().saturating_add(line.len() / 2));
    let mut at = 0;
    while let Some(&lead) = line.get(at) {
        if !(0x21..=0x7E).contains(&lead) {
            if lead.is_ascii() {
                // Control, space or DEL: itself.
                euc.push(lead);
                at += 1;
                continue;
            }
            // A Shift_JIS or EUC sender under an ISO-2022-JP gateway: read the 8-bit stretch for what it is.
            let length = line.iter().skip(at).position(u8::is_ascii).unwrap_or(line.len().saturating_sub(at)).max(1);
            flush(&mut euc, set, sink);
            let end = at.saturating_add(length);
            eight_bit_or_ascii(line.get(at..end).unwrap_or_default(), sink);
            at = end;
            continue;
        }
        match line.get(at.saturating_add(1)) {
            Some(&trail) if (0x21..=0x7E).contains(&trail) => {
                match set {
                    Set::Supplementary => euc.extend_from_slice(&[0x8F, lead | 0x80, trail | 0x80]),
                    Set::Plane(plane) => match sink.jisx0213(plane, lead, trail) {
                        Cell::AsBefore => euc.extend_from_slice(&[lead | 0x80, trail | 0x80]),
                        Cell::Text(text) => {
                            flush(&mut euc, set, sink);
                            sink.text.push_str(text);
                        }
                        Cell::Empty => {
                            flush(&mut euc, set, sink);
                            sink.bad();
                        }
                    },
                    _ => match sink.pictures.and_then(|pictures| pictures.iso_2022_jp(lead, trail)) {
                        Some(picture) if set == Set::Kanji => {
                            flush(&mut euc, set, sink);
                            sink.text.push_str(picture);
                        }
                        _ => euc.extend_from_slice(&[lead | 0x80, trail | 0x80]),
                    },
                }
                at += 2;
            }
            _ => {
                flush(&mut euc, set, sink);
                sink.bad();
                at += 1;
            }
        }
    }
    flush(&mut euc, set, sink);
}

fn flush(euc: &mut Vec<u8>, set: Set, sink: &mut Sink<'_>) {
    match set {
        Set::Chinese => sink.run(GBK, euc),
        Set::Korean => sink.run(EUC_KR, euc),
        _ => sink.euc_jp(euc),
    }
    euc.clear();
}

/// ASCII, or the 8-bit bytes that a sender let through: half-width kana of 8-bit JIS, or a whole other charset.
fn eight_bit_or_ascii(run: &[u8], sink: &mut Sink<'_>) {
    if run.is_ascii() {
        sink.text.extend(std::str::from_utf8(run).ok());
        return;
    }
    let only_kana = run.iter().all(|b| b.is_ascii() || (0xA1..=0xDF).contains(b));
    if only_kana {
        kana(run, sink);
        return;
    }
    let decoded = super::decode_as(run, detect::eight_bit(run).charset);
    sink.text.push_str(&decoded.text);
    sink.undecodable = sink.undecodable.saturating_add(decoded.undecodable);
}

/// Half-width kana, in seven or eight bits; other ASCII only where it cannot be kana.
fn kana(run: &[u8], sink: &mut Sink<'_>) {
    let seven_bit = run.is_ascii();
    for &byte in run {
        match byte {
            0x21..=0x5F if seven_bit => sink.text.push(half_width(byte)),
            0xA1..=0xDF => sink.text.push(half_width(byte & 0x7F)),
            _ if byte.is_ascii() => sink.text.push(char::from(byte)),
            _ => sink.bad(),
        }
    }
}

/// JIS X 0201 katakana 21–5F are U+FF61–U+FF9F in the same order.
fn half_width(byte: u8) -> char {
    char::from_u32(0xFF61 + u32::from(byte) - 0x21).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Encoders that know JIS X 0201 escape to it only for ¥ and ‾; mailers that use `ESC ( J` as their ASCII mean `\` and `~`
/// (and their URLs break otherwise). The run tells which of the two it is.
fn roman(run: &[u8], sink: &mut Sink<'_>) {
    let only_special = run.iter().all(|b| matches!(b, b'\\' | b'~'));
    if !only_special {
        eight_bit_or_ascii(run, sink);
        return;
    }
    sink.text.extend(run.iter().map(|b| if *b == b'\\' { '¥' } else { '‾' }));
}

enum Escape {
    Set(Set),
    /// A designation that changes nothing for us.
    Ignore,
    /// ESC N and one character of the upper half of ISO 8859-1.
    Single(u8),
    /// ESC with nothing known after it.
    Stray,
}

fn escape(bytes: &[u8]) -> (Escape, usize) {
    let set = |set| Escape::Set(set);
    match bytes {
        [ESC, b'$', b'(' | b')', b'D', ..] => (set(Set::Supplementary), 4),
        [ESC, b'$', b'(', b'@' | b'B', ..] => (set(Set::Kanji), 4),
        [ESC, b'$', b'(', b'O' | b'Q', ..] => (set(Set::Plane(1)), 4),
        [ESC, b'$', b'(', b'P', ..] => (set(Set::Plane(2)), 4),
        [ESC, b'$', b'(' | b')', b'C', ..] => (set(Set::Korean), 4),
        [ESC, b'$', b'(' | b')', b'A', ..] => (set(Set::Chinese), 4),
        [ESC, b'$', b'B' | b'@', ..] => (set(Set::Kanji), 3),
        [ESC, b'$', b'A', ..] => (set(Set::Chinese), 3),
        [ESC, b'(', b'I', ..] => (set(Set::Kana), 3),
        // `ESC ( H` is Swedish by the book and JIS Roman in the mailers that send it.
        [ESC, b'(', b'J' | b'H', ..] => (set(Set::Roman), 3),
        [ESC, b'(', b'B', ..] => (set(Set::Ascii), 3),
        // JIS X 0208-1990 announces itself with ESC & @ before ESC $ B; ESC ) I designates G1 for SO.
        [ESC, b'&', b'@', ..] | [ESC, b')', _, ..] | [ESC, b'.', _, ..] => (Escape::Ignore, 3),
        [ESC, b'N', byte, ..] => (Escape::Single(*byte), 3),
        _ => (Escape::Stray, 1),
    }
}

/// ISO-2022-KR: `ESC $ ) C` once, then SO … SI around KS X 1001.
pub(super) fn decode_kr(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut euc = Vec::with_capacity(bytes.len());
    let mut shifted = false;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match rest {
            [ESC, b'$', b')', b'C', after @ ..] => after,
            _ => tail,
        };
        match byte {
            ESC => {}
            SO | SI => shifted = byte == SO,
            b'\n' => {
                shifted = false;
                euc.push(byte);
            }
            0x21..=0x7E if shifted => euc.push(byte | 0x80),
            _ => euc.push(byte),
        }
    }
    sink.run(EUC_KR, &euc);
}

/// HZ (RFC 1843): `~{` … `~}` around GB 2312, `~~` a tilde, `~` at a line end a soft break.
pub(super) fn decode_hz(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut euc = Vec::with_capacity(bytes.len());
    let mut chinese = false;
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail.first()) {
            (b'~', Some(&next @ (b'{' | b'}'))) => chinese = next == b'{',
            (b'~', Some(b'~')) if !chinese => euc.push(b'~'),
            (b'~', Some(b'\n')) if !chinese => {}
            (b'\n', _) => {
                chinese = false;
                euc.push(byte);
                continue;
            }
            (0x21..=0x7E, _) if chinese => {
                euc.push(byte | 0x80);
                continue;
            }
            _ => {
                euc.push(byte);
                continue;
            }
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    sink.run(GBK, &euc);
}

const ESC: u8 = 0x1B;
const SO: u8 = 0x0E;
const SI: u8 = 0x0F;

#[cfg(test)]
mod tests {
    use crate::charset::{Charset, decode_as};

    #[track_caller]
    fn check(bytes: &[u8], text: &str) {
        let decoded = decode_as(bytes, Charset::Iso2022Jp);
        assert_eq!((decoded.text.as_str(), decoded.undecodable), (text, 0));
    }

    #[test]
    fn an_empty_escape_run_is_nothing() {
        check(b"\x1B$BF|\x1B(B\x1B$BK\\\x1B(B", "日本");
        check(b"\x1B$B\x1B(B\x1B$B\x1B(Ba", "a");
    }

    #[test]
    fn a_missing_final_escape_loses_nothing() {
        check(b"\x1B$BF|K\\\nabc\n", "日本\nabc\n");
        check(b"\x1B$BF|K\\", "日本");
    }

    #[test]
    fn a_kanji_run_folded_without_escapes_goes_on() {
        check(b"\x1B$BF|\nK\\\x1B(B", "日\n本");
    }

    #[test]
    fn half_width_kana_come_by_escape_by_shift_and_in_eight_bits() {
        check(b"\x1B(I123\x1B(B", "ｱｲｳ");
        check(b"\x0E123\x0F abc", "ｱｲｳ abc");
        check(b"\xB1\xB2\xB3 abc", "ｱｲｳ abc");
    }

    #[test]
    fn jis_x_0212_and_the_extensions_are_read() {
        // JIS X 0212 30-21 is U+4E02; NEC row 13 2D-21 is ①; NEC-selected IBM 7C-62 is 髙.
        check(b"\x1B$(D0!\x1B(B", "丂");
        check(b"\x1B$B-!-j|b\x1B(B", "①㈱髙");
    }

    #[test]
    fn jis_x_0213_is_read_in_both_planes() {
        check(b"\x1B$(Q.!0!$w\x1B$(P!!\x1B$(O.!\x1B(B", "俱亜か\u{309A}𠂉俱");
    }

    #[test]
    fn yen_and_overline_are_told_from_backslash_and_tilde() {
        check(b"\x1B(J\\\x1B(B1000", "¥1000");
        check(b"\x1B$BF|\x1B(Jhttp://a/~b\x1B(B", "日http://a/~b");
    }
}
