//! Which charset bytes are in when no label says so, or when the label cannot be true.
//!
//! Order: marks, escapes, UTF-8 validity (all three leave no practical doubt), then evidence of Japanese in the two
//! 8-bit Japanese forms, and only then `chardetng`, which knows the rest of the world.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8};

use super::japanese::Reading;
use super::{Charset, Guess, is_euc_jp, is_latin, is_shift_jis, is_single_byte};

/// Guesses the charset of unlabelled text.
#[must_use]
pub fn detect(bytes: &[u8]) -> Guess {
    if let Some(charset) = marked(bytes) {
        return Guess::certain(charset);
    }
    if let Some(charset) = unmarked_utf16(bytes, false) {
        return Guess::likely(charset);
    }
    if has_japanese_escape(bytes) && mostly_seven_bit(bytes) {
        return Guess::certain(Charset::Iso2022Jp);
    }
    eight_bit(bytes)
}

/// What the bytes say about their label.
pub(super) enum Label {
    Fits,
    /// They may as well be something else; too few of them to know.
    Doubtful,
    /// They are something else.
    Wrong(Guess),
}

/// Holds the bytes against what they are `named`.
pub(super) fn examine(bytes: &[u8], named: Charset) -> Label {
    let certain = |charset| Label::Wrong(Guess::certain(charset));
    let likely = |encoding| Label::Wrong(Guess::likely(Charset::Legacy(encoding)));
    match named {
        Charset::Utf8 => {
            if has_japanese_escape(bytes) && bytes.is_ascii() {
                return certain(Charset::Iso2022Jp);
            }
            if let Some(charset) = marked(bytes).filter(|c| *c != Charset::Utf8) {
                return certain(charset);
            }
            let sound = match std::str::from_utf8(bytes) {
                Ok(_) => return Label::Fits,
                Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or_default(),
                Err(_) => &[],
            };
            // Subjects are cut after so many bytes; all of them but the last character is UTF-8 then.
            if !sound.is_ascii() {
                return Label::Fits;
            }
            let guess = eight_bit(bytes);
            if guess.charset == Charset::Utf8 { Label::Fits } else { Label::Wrong(guess) }
        }
        Charset::Iso2022Jp => {
            if bytes.is_ascii() || has_japanese_escape(bytes) {
                return Label::Fits;
            }
            if std::str::from_utf8(bytes).is_ok() {
                return certain(Charset::Utf8);
            }
            // Half-width kana may come in eight bits under this label (JIS8), and most EUC-JP words of two kanji could be such.
            let only_kana = bytes.iter().all(|b| b.is_ascii() || (0xA1..=0xDF).contains(b));
            if !only_kana {
                return Label::Wrong(eight_bit(bytes));
            }
            match (Reading::shift_jis(bytes), Reading::euc_jp(bytes)) {
                (kana, euc) if euc.beats(&kana) => likely(EUC_JP),
                (kana, euc) if euc.is_whole() && euc.score > kana.score => Label::Doubtful,
                _ => Label::Fits,
            }
        }
        Charset::Utf16Le | Charset::Utf16Be | Charset::Utf7 | Charset::Iso2022Kr | Charset::Hz => Label::Fits,
        Charset::Legacy(_) => {
            if bytes.is_ascii() {
                let other = has_japanese_escape(bytes);
                return if other { certain(Charset::Iso2022Jp) } else { Label::Fits };
            }
            // Legacy text that happens to be well-formed UTF-8 throughout is rarer than a wrong label by orders of
            // magnitude; two sequences keep a lone "Â " in Latin-1 what it is.
            let is_utf8 = std::str::from_utf8(bytes).is_ok() && well_formed_sequences(bytes) >= 2;
            if is_utf8 || is_damaged_utf8(bytes) {
                return certain(Charset::Utf8);
            }
            let (sjis, euc) = (Reading::shift_jis(bytes), Reading::euc_jp(bytes));
            if is_shift_jis(named) || is_euc_jp(named) {
                let (ours, other, encoding) =
                    if is_shift_jis(named) { (sjis, euc, EUC_JP) } else { (euc, sjis, SHIFT_JIS) };
                return if other.beats(&ours) {
                    likely(encoding)
                } else if other.is_whole() && other.score > 0 && !ours.beats(&other) {
                    Label::Doubtful
                } else {
                    Label::Fits
                };
            }
            let (best, encoding) = if euc.score > sjis.score { (euc, EUC_JP) } else { (sjis, SHIFT_JIS) };
            if is_latin(named) {
                return if best.is_plainly_japanese() {
                    likely(encoding)
                } else if best.may_be_japanese() {
                    Label::Doubtful
                } else {
                    Label::Fits
                };
            }
            // Greek and Cyrillic letters stand side by side as kanji do: only kana tell.
            let kana = sjis.is_whole() && sjis.kana >= 4 && sjis.kana.saturating_mul(5) >= sjis.wide;
            if is_single_byte(named) && kana { likely(SHIFT_JIS) } else { Label::Fits }
        }
    }
}

/// The byte order of text labelled just `utf-16` (RFC 2781: a mark decides, and without one big-endian; Windows senders
/// without a mark mean little-endian, which the zero bytes show). A label that names an order is believed unless a mark denies it.
pub(super) fn settle(bytes: &[u8], named: Charset, label: &str) -> Charset {
    match named {
        Charset::Utf16Be | Charset::Utf16Le => {
            let mark = marked(bytes).filter(|c| *c != Charset::Utf8);
            let ordered = label.trim_end_matches(['"', ' ']).ends_with(['E', 'e']);
            mark.or_else(|| unmarked_utf16(bytes, true).filter(|_| !ordered)).unwrap_or(named)
        }
        _ => named,
    }
}

/// Guesses among the 8-bit charsets.
pub(super) fn eight_bit(bytes: &[u8]) -> Guess {
    if std::str::from_utf8(bytes).is_ok() || is_damaged_utf8(bytes) {
        return Guess::certain(Charset::Utf8);
    }
    let sjis = Reading::shift_jis(bytes);
    let euc = Reading::euc_jp(bytes);
    let (best, other, encoding) = if euc.score > sjis.score { (euc, sjis, EUC_JP) } else { (sjis, euc, SHIFT_JIS) };
    let japanese = Guess::likely(Charset::Legacy(encoding));
    if if encoding == EUC_JP { best.is_likely_euc() } else { best.is_likely_shift_jis() } {
        let rival = other.is_whole() && other.score > 0 && !best.beats(&other);
        return Guess { undecided: rival, ..japanese };
    }
    let high = bytes.iter().filter(|b| !b.is_ascii()).count();
    if sjis.is_half_width() {
        return Guess { undecided: high <= SHORT, ..Guess::likely(Charset::Legacy(SHIFT_JIS)) };
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let found: &'static Encoding = detector.guess(None, Utf8Detection::Allow);
    if found == UTF_8 || found == ISO_2022_JP {
        return Guess::likely(Charset::Utf8);
    }
    // Text with more ASCII letters than 8-bit bytes is European and has given chardetng something to go on. Of other short strings
    // (names, subjects) nothing says what they are; this product's mail is Japanese first.
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let open = high > letters || !found.is_single_byte();
    if found.is_single_byte() && open && high <= SHORT && best.is_whole() && best.score > 0 {
        return Guess { undecided: true, ..japanese };
    }
    Guess { undecided: open, ..Guess::likely(Charset::Legacy(found)) }
}

impl Guess {
    fn certain(charset: Charset) -> Self {
        Self { charset, certain: true, undecided: false }
    }

    fn likely(charset: Charset) -> Self {
        Self { charset, certain: false, undecided: false }
    }
}

/// Bytes of a text so short that nothing but the habits of this product's senders says what it is.
const SHORT: usize = 40;

/// Two-byte sequences for each broken byte that show a text to be UTF-8.
const SHORT_PER_BROKEN: usize = 8;

/// Byte order marks.
fn marked(bytes: &[u8]) -> Option<Charset> {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some(Charset::Utf8),
        [0xFF, 0xFE, ..] => Some(Charset::Utf16Le),
        [0xFE, 0xFF, ..] => Some(Charset::Utf16Be),
        _ => None,
    }
}

/// UTF-16 without a mark shows as NUL bytes on one side of every ASCII character, and as 30 on one side of kana.
fn unmarked_utf16(bytes: &[u8], declared: bool) -> Option<Charset> {
    let sample = bytes.get(..bytes.len().min(4096) & !1).unwrap_or_default();
    if sample.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let (mut even, mut odd) = (0_usize, 0_usize);
    for pair in sample.chunks_exact(2) {
        if let [first, second] = pair {
            // Punctuation does not count: a ruled line is U+2500 in one order and `%` in the other.
            // Kana do where the text is known to be UTF-16, so that their high byte is no digit.
            let zeroes = |high: u8, low: u8| {
                high == 0 && (low.is_ascii_alphanumeric() || low.is_ascii_whitespace())
                    || declared && high == 0x30 && !(0x03..=0x40).contains(&low)
            };
            even += usize::from(zeroes(*first, *second));
            odd += usize::from(zeroes(*second, *first));
        }
    }
    let units = sample.len() / 2;
    if even > units / 4 && odd <= units / 64 {
        Some(Charset::Utf16Be)
    } else if odd > units / 4 && even <= units / 64 {
        Some(Charset::Utf16Le)
    } else {
        None
    }
}

/// True when an escape sequence of the ISO-2022-JP family stands in the bytes.
pub(super) fn has_japanese_escape(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| *b == 0x1B) {
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        if let [b'$', b'B' | b'@' | b'(', ..] | [b'(', b'I' | b'J', ..] = rest {
            return true;
        }
    }
    false
}

fn mostly_seven_bit(bytes: &[u8]) -> bool {
    bytes.iter().filter(|b| !b.is_ascii()).count() <= bytes.len() / 16
}

/// Whether this is UTF-8 of which some bytes were lost or put in: a field of a database or a log that was cut after so many bytes, and so
/// in the middle of a character.
///
/// In no other charset do sound sequences of three bytes outnumber the broken ones. Those of two prove less, as half of all Shift_JIS
/// hiragana pairs contain one; but there as many are broken.
fn is_damaged_utf8(bytes: &[u8]) -> bool {
    let (mut long, mut short, mut broken) = (0_usize, 0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            long = long.saturating_add(usize::from(c.len_utf8() > 2));
            short = short.saturating_add(usize::from(c.len_utf8() == 2));
        }
        broken = broken.saturating_add(usize::from(!chunk.invalid().is_empty()));
    }
    broken > 0 && (long > broken.saturating_mul(2) || short >= broken.saturating_mul(SHORT_PER_BROKEN))
}

/// Number of well-formed multi-byte UTF-8 sequences.
fn well_formed_sequences(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().filter(|c| !c.is_ascii()).count()).sum()
}
