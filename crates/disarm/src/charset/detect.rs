//! Which charset bytes are in when no label says so, or when the label cannot be true.
//!
//! Order: marks, escapes, UTF-8 validity (all three leave no practical doubt), then evidence of Japanese in the two
//! 8-bit Japanese forms, and only then `chardetng`, which knows the rest of the world.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8};

use super::{Charset, Guess, is_euc_jp, is_shift_jis, is_western};

/// Guesses the charset of unlabelled text.
#[must_use]
pub fn detect(bytes: &[u8]) -> Guess {
    if let Some(charset) = marked(bytes) {
        return Guess { charset, certain: true };
    }
    if let Some(charset) = unmarked_utf16(bytes) {
        return Guess { charset, certain: false };
    }
    if has_japanese_escape(bytes) && mostly_seven_bit(bytes) {
        return Guess { charset: Charset::Iso2022Jp, certain: true };
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Guess { charset: Charset::Utf8, certain: true };
    }
    eight_bit(bytes)
}

/// What else the bytes are, when they cannot be `named`.
pub(super) fn contradiction(bytes: &[u8], named: Charset) -> Option<Guess> {
    let certain = |charset| Some(Guess { charset, certain: true });
    match named {
        Charset::Utf8 => {
            if has_japanese_escape(bytes) && bytes.is_ascii() {
                return certain(Charset::Iso2022Jp);
            }
            if let Some(charset) = marked(bytes).filter(|c| *c != Charset::Utf8) {
                return certain(charset);
            }
            std::str::from_utf8(bytes).err()?;
            // Mostly sound UTF-8 with a few broken bytes is damaged UTF-8, not another charset. Two-byte sequences prove
            // nothing: half of all Shift_JIS hiragana pairs contain one.
            let mut long: usize = 0;
            let mut broken: usize = 0;
            for chunk in bytes.utf8_chunks() {
                long += chunk.valid().chars().filter(|c| c.len_utf8() > 2).count();
                broken += usize::from(!chunk.invalid().is_empty());
            }
            if long > broken.saturating_mul(2) {
                return None;
            }
            let guess = eight_bit(bytes);
            (guess.charset != Charset::Utf8).then_some(guess)
        }
        Charset::Iso2022Jp => {
            if bytes.is_ascii() || has_japanese_escape(bytes) {
                return None;
            }
            if std::str::from_utf8(bytes).is_ok() {
                return certain(Charset::Utf8);
            }
            let only_kana = bytes.iter().all(|b| b.is_ascii() || (0xA1..=0xDF).contains(b));
            let euc = Evidence::euc_jp(bytes);
            (!only_kana || (euc.valid && euc.kana > 0)).then(|| eight_bit(bytes))
        }
        Charset::Utf16Le | Charset::Utf16Be | Charset::Utf7 | Charset::Iso2022Kr | Charset::Hz => None,
        Charset::Legacy(_) => {
            if bytes.is_ascii() {
                return has_japanese_escape(bytes).then_some(Guess { charset: Charset::Iso2022Jp, certain: true });
            }
            // Legacy text that happens to be well-formed UTF-8 throughout is rarer than a wrong label by orders of
            // magnitude; two sequences keep a lone "Â " in Latin-1 what it is.
            if std::str::from_utf8(bytes).is_ok() && well_formed_sequences(bytes) >= 2 {
                return certain(Charset::Utf8);
            }
            let sjis = Evidence::shift_jis(bytes);
            let euc = Evidence::euc_jp(bytes);
            if is_shift_jis(named) {
                let wrong = euc.valid && euc.kana >= 2 && (!sjis.valid || sjis.half_width > sjis.kana);
                return wrong.then_some(Guess { charset: Charset::Legacy(EUC_JP), certain: false });
            }
            if is_euc_jp(named) {
                let wrong = !euc.valid && sjis.valid && sjis.kana >= 2;
                return wrong.then_some(Guess { charset: Charset::Legacy(SHIFT_JIS), certain: false });
            }
            if is_western(named) {
                let japanese = sjis.valid && sjis.kana >= 4 && sjis.kana.saturating_mul(5) >= sjis.pairs;
                return japanese.then_some(Guess { charset: Charset::Legacy(SHIFT_JIS), certain: false });
            }
            None
        }
    }
}

/// The byte order of text labelled just `utf-16` (RFC 2781: a mark decides, and without one big-endian; Windows senders
/// without a mark mean little-endian, which the zero and kana bytes show).
pub(super) fn settle(bytes: &[u8], named: Charset) -> Charset {
    match named {
        Charset::Utf16Be | Charset::Utf16Le => {
            marked(bytes).filter(|c| *c != Charset::Utf8).or_else(|| unmarked_utf16(bytes)).unwrap_or(named)
        }
        _ => named,
    }
}

/// Guesses among the 8-bit charsets.
pub(super) fn eight_bit(bytes: &[u8]) -> Guess {
    if std::str::from_utf8(bytes).is_ok() {
        return Guess { charset: Charset::Utf8, certain: true };
    }
    let guess = |encoding| Guess { charset: Charset::Legacy(encoding), certain: false };
    let sjis = Evidence::shift_jis(bytes);
    let euc = Evidence::euc_jp(bytes);
    match (sjis.japanese(), euc.japanese()) {
        (true, false) => return guess(SHIFT_JIS),
        (false, true) => return guess(EUC_JP),
        (true, true) => return guess(if sjis.score() > euc.score() { SHIFT_JIS } else { EUC_JP }),
        (false, false) => {}
    }
    // Kanji side by side and no kana: a name or a title. Windows-1252 quotes and apostrophes make such pairs too, but alone.
    if sjis.valid && sjis.run >= 2 && sjis.common_kanji.saturating_mul(2) >= sjis.pairs && sjis.half_width <= sjis.pairs
    {
        return guess(SHIFT_JIS);
    }
    // Mostly good Japanese with a few broken bytes (cut inside a character, one control byte): still Japanese.
    for (evidence, encoding) in [(sjis, SHIFT_JIS), (euc, EUC_JP)] {
        if evidence.kana >= 8
            && evidence.broken.saturating_mul(10) < evidence.pairs
            && evidence.half_width < evidence.kana
        {
            return guess(encoding);
        }
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let found: &'static Encoding = detector.guess(None, Utf8Detection::Allow);
    if found == UTF_8 || found == ISO_2022_JP {
        return Guess { charset: Charset::Utf8, certain: false };
    }
    // Short strings (names, subjects) give chardetng little to go on; this product's mail is Japanese first. Text with
    // more ASCII letters than 8-bit bytes is European and keeps its guess.
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let high = bytes.iter().filter(|b| !b.is_ascii()).count();
    if found.is_single_byte() && high > letters {
        if sjis.valid {
            return guess(SHIFT_JIS);
        }
        if euc.valid {
            return guess(EUC_JP);
        }
    }
    guess(found)
}

/// Byte order marks.
fn marked(bytes: &[u8]) -> Option<Charset> {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some(Charset::Utf8),
        [0xFF, 0xFE, ..] => Some(Charset::Utf16Le),
        [0xFE, 0xFF, ..] => Some(Charset::Utf16Be),
        _ => None,
    }
}

/// UTF-16 without a mark shows as NUL bytes on one side of every ASCII character.
fn unmarked_utf16(bytes: &[u8]) -> Option<Charset> {
    let sample = bytes.get(..bytes.len().min(4096) & !1).unwrap_or_default();
    if sample.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let (mut even, mut odd) = (0_usize, 0_usize);
    for pair in sample.chunks_exact(2) {
        if let [first, second] = pair {
            // A high byte of 00 (ASCII) or 30 (kana, ideographic punctuation) under a low byte that is not one itself.
            let zeroes = |high: u8, low: u8| high == 0 && low != 0;
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

/// Number of well-formed multi-byte UTF-8 sequences.
fn well_formed_sequences(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().filter(|c| !c.is_ascii()).count()).sum()
}

/// What speaks for and against one 8-bit Japanese charset.
#[derive(Clone, Copy)]
struct Evidence {
    valid: bool,
    pairs: usize,
    /// Most double-byte characters in a row.
    run: usize,
    kana: usize,
    common_kanji: usize,
    half_width: usize,
    odd: usize,
    broken: usize,
}

impl Evidence {
    const NONE: Self =
        Self { valid: true, pairs: 0, run: 0, kana: 0, common_kanji: 0, half_width: 0, odd: 0, broken: 0 };

    fn shift_jis(bytes: &[u8]) -> Self {
        let mut evidence = Self::NONE;
        let mut at = 0;
        let mut run = 0;
        while let Some(&lead) = bytes.get(at) {
            at += 1;
            run = if (0x81..=0x9F).contains(&lead) || lead >= 0xE0 { run + 1 } else { 0 };
            evidence.run = evidence.run.max(run);
            match lead {
                0x00..=0x7F => {}
                0xA1..=0xDF => evidence.half_width += 1,
                0x81..=0x9F | 0xE0..=0xFC => {
                    let Some(&trail) = bytes.get(at).filter(|b| matches!(**b, 0x40..=0x7E | 0x80..=0xFC)) else {
                        evidence.miss();
                        continue;
                    };
                    at += 1;
                    evidence.pairs += 1;
                    match (lead, trail) {
                        (0x82, 0x9F..=0xF1) | (0x83, 0x40..=0x96) | (0x81, 0x5B) => evidence.kana += 1,
                        (0x88..=0x97, _) => evidence.common_kanji += 1,
                        (0x81, _) | (0x82, 0x4F..=0x9A) => {}
                        (0x98..=0x9F | 0xE0..=0xEA, _) => evidence.odd += 1,
                        _ => evidence.odd += 2,
                    }
                }
                _ => evidence.miss(),
            }
        }
        evidence
    }

    fn euc_jp(bytes: &[u8]) -> Self {
        let mut evidence = Self::NONE;
        let mut at = 0;
        while let Some(&lead) = bytes.get(at) {
            at += 1;
            let trail = bytes.get(at).copied().unwrap_or(0);
            match lead {
                0x00..=0x7F => {}
                0x8E if (0xA1..=0xDF).contains(&trail) => {
                    at += 1;
                    evidence.half_width += 1;
                }
                0x8F if (0xA1..=0xFE).contains(&trail) => {
                    at += 2;
                    evidence.pairs += 1;
                    evidence.odd += 2;
                }
                0xA1..=0xFE if (0xA1..=0xFE).contains(&trail) => {
                    at += 1;
                    evidence.pairs += 1;
                    match (lead, trail) {
                        (0xA4, 0xA1..=0xF3) | (0xA5, 0xA1..=0xF6) | (0xA1, 0xBC) => evidence.kana += 1,
                        (0xB0..=0xCF, _) => evidence.common_kanji += 1,
                        (0xA1..=0xA3, _) => {}
                        (0xD0..=0xF4, _) => evidence.odd += 1,
                        _ => evidence.odd += 2,
                    }
                }
                _ => evidence.miss(),
            }
        }
        evidence
    }

    fn miss(&mut self) {
        self.valid = false;
        self.broken += 1;
    }

    /// True when the bytes read well as Japanese: no errors and enough kana for a Japanese sentence or word.
    fn japanese(&self) -> bool {
        self.valid
            && self.kana > 0
            && self.kana.saturating_mul(8) >= self.pairs
            && self.odd <= self.kana + self.common_kanji
    }

    fn score(&self) -> usize {
        (self.kana.saturating_mul(3) + self.common_kanji.saturating_mul(2))
            .saturating_sub(self.odd.saturating_mul(2) + self.half_width.saturating_mul(2))
    }
}
