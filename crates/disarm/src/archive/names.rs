//! Which character set the names of an archive are written in, decided once for the whole archive.
//!
//! Old formats say nothing of it. A ZIP says only "UTF-8" (flag 11) or nothing. Windows in Japan writes CP932 and says nothing, macOS writes decomposed
//! UTF-8 and says nothing, old European tools write code page 437. A single short name cannot be told apart, and a
//! different answer per name would give a different directory tree; so all unlabelled names are judged together.

use std::borrow::Cow;

use encoding_rs::{EUC_JP, Encoding, IBM866, SHIFT_JIS};

/// The name of a member as the archive has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// Bytes of a character set that the archive does not name.
    Raw(Cow<'a, [u8]>),
    /// Characters.
    Known(Cow<'a, str>),
}

impl<'a> Name<'a> {
    /// A name that is said to be UTF-8, and is taken at its word where that can be.
    pub(crate) fn labelled_utf8(raw: &'a [u8]) -> Name<'a> {
        std::str::from_utf8(raw).map_or(Name::Raw(Cow::Borrowed(raw)), |name| Name::Known(Cow::Borrowed(name)))
    }
}

/// The character set of the unlabelled names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameCharset {
    /// ASCII or UTF-8: nothing had to be guessed.
    Utf8,
    /// A multi-byte set found by statistics.
    Found(&'static Encoding),
    /// The set that the ZIP specification names where nothing else fits.
    Cp437,
}

impl NameCharset {
    /// Decides for all names that do not say themselves what they are.
    pub(crate) fn of<'n, 'a: 'n>(names: impl Iterator<Item = &'n Name<'a>>) -> NameCharset {
        let raw = |name: &'n Name<'a>| if let Name::Raw(raw) = name { Some(raw.as_ref()) } else { None };
        judge(&names.filter_map(raw).collect::<Vec<_>>())
    }

    /// The name of this set for a person.
    pub(crate) fn label(self) -> &'static str {
        match self {
            NameCharset::Utf8 => "UTF-8",
            NameCharset::Found(encoding) => encoding.name(),
            NameCharset::Cp437 => "CP437",
        }
    }

    /// The name of one member, and whether this set was needed for it.
    pub(crate) fn decode<'n>(self, name: &'n Name<'_>) -> (Cow<'n, str>, bool) {
        let raw = match name {
            Name::Known(name) => return (Cow::Borrowed(name.as_ref()), false),
            Name::Raw(raw) if raw.is_ascii() => return (String::from_utf8_lossy(raw), false),
            Name::Raw(raw) => raw.as_ref(),
        };
        match self {
            NameCharset::Utf8 => (String::from_utf8_lossy(raw), false),
            NameCharset::Found(encoding) => (encoding.decode_without_bom_handling(raw).0, true),
            NameCharset::Cp437 => (Cow::Owned(raw.iter().map(|byte| cp437(*byte)).collect()), true),
        }
    }
}

/// Whether a Unicode name beside the raw one names another file, which readers that do not know the field believe. A
/// header in an old character set cannot be compared; one in ASCII must be the name, but for the marks that makers put in the
/// place of characters that they cannot write.
pub(crate) fn contradicts(raw_name: &[u8], unicode_name: &str) -> bool {
    let stands_for = |(byte, c): (&u8, char)| char::from(*byte) == c || (!c.is_ascii() && matches!(byte, b'?' | b'_'));
    raw_name.is_ascii()
        && (raw_name.len() != unicode_name.chars().count()
            || !raw_name.iter().zip(unicode_name.chars()).all(stands_for))
}

fn judge(names: &[&[u8]]) -> NameCharset {
    if names.iter().all(|name| std::str::from_utf8(name).is_ok()) {
        return NameCharset::Utf8;
    }
    let japanese = [SHIFT_JIS, EUC_JP]
        .into_iter()
        .filter_map(|encoding| Some((score(names, encoding)?, encoding)))
        .max_by_key(|(score, encoding)| (*score, *encoding == SHIFT_JIS));
    match japanese {
        Some((score, encoding)) if score >= 0 => NameCharset::Found(encoding),
        _ => other(names),
    }
}

/// How much like Japanese file names these are in one set; nothing when they are not valid in it.
fn score(names: &[&[u8]], encoding: &'static Encoding) -> Option<i64> {
    let mut score = 0_i64;
    for name in names {
        let text = encoding.decode_without_bom_handling_and_without_replacement(name)?;
        let mut neighbour = false;
        for c in text.chars() {
            let (points, is_half_kana) = match c {
                '\0'..='\u{7F}' => (0, false),
                'ぁ'..='ヿ' | '０'..='ｚ' | '、'..='〕' => (3, false),
                // A run of half-width kana is a name of the eighties; single ones are the second bytes of another set.
                '｡'..='ﾟ' => (if neighbour { 1 } else { -3 }, true),
                // Kanji in the first level are the common ones; encoding them again tells the level.
                '一'..='龥' => (if is_first_level(c) { 3 } else { -2 }, false),
                '\u{E000}'..='\u{F8FF}' => (-3, false),
                _ => (0, false),
            };
            neighbour = is_half_kana;
            score = score.saturating_add(points);
        }
    }
    Some(score)
}

/// JIS level 1 ends at row 47 (0x989F in Shift_JIS begins level 2).
fn is_first_level(c: char) -> bool {
    let mut buffer = [0; 4];
    let (bytes, _, unmappable) = SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
    !unmappable && matches!(*bytes, [lead, trail] if (lead, trail) < (0x98, 0x9F))
}

/// Whether these are words of Cyrillic letters in the code page of Russian DOS. In that of Western DOS the same bytes are letters with
/// marks, which stand one or two together among ASCII letters, and Greek ones of formulas. Russian has words of one letter, but these
/// stand alone.
fn is_cyrillic(names: &[&[u8]]) -> bool {
    let is_letter = |byte: &u8| matches!(byte, 0x80..=0xAF | 0xE0..=0xF1);
    let mut longest = 0;
    for part in names.iter().flat_map(|name| name.split(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic())) {
        for word in part.split(u8::is_ascii).filter(|word| !word.is_empty()) {
            let stands_alone = word.len() == part.len();
            if !word.iter().all(is_letter) || word.len() < LEAST_WORD && !stands_alone {
                return false;
            }
            longest = longest.max(word.len());
        }
    }
    longest >= LEAST_WORD
}

/// Not Japanese: Russian, or what the detector of the browsers finds, taken only where it is another East Asian set.
fn other(names: &[&[u8]]) -> NameCharset {
    if is_cyrillic(names) {
        return NameCharset::Found(IBM866);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    for name in names {
        detector.feed(name, false);
        detector.feed(b"\n", false);
    }
    detector.feed(b"", true);
    let guess = detector.guess(None, chardetng::Utf8Detection::Deny);
    let valid = names.iter().all(|name| guess.decode_without_bom_handling_and_without_replacement(name).is_some());
    if valid && !guess.is_single_byte() { NameCharset::Found(guess) } else { NameCharset::Cp437 }
}

fn cp437(byte: u8) -> char {
    byte.checked_sub(0x80).map_or(char::from(byte), |upper| CP437.chars().nth(usize::from(upper)).unwrap_or('\u{FFFD}'))
}

/// Letters of a word of which a character set is read.
const LEAST_WORD: usize = 3;

/// The upper half of code page 437 (Unicode's mapping table VENDORS/MICSFT/PC/CP437.TXT).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}";

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(raw: &'a [&'a [u8]]) -> NameCharset {
        judge(raw)
    }

    #[test]
    fn the_upper_half_of_code_page_437_has_128_characters() {
        assert_eq!(CP437.chars().count(), 128);
        // Python: bytes([0x82, 0xE1]).decode("cp437")
        assert_eq!([0x82, 0xE1].map(cp437), ['é', 'ß']);
    }

    #[test]
    fn windows_names_are_shift_jis_also_with_a_backslash_as_second_byte() {
        // Python: "能力表.txt".encode("cp932"), "資料①.docx".encode("cp932")
        let raw: &[&[u8]] = &[b"\x94\x5c\x97\xcd\x95\x5c.txt", b"\x8e\x91\x97\xbf\x87\x40.docx"];
        assert_eq!(names(raw), NameCharset::Found(SHIFT_JIS));
    }

    #[test]
    fn words_of_russian_dos_are_cyrillic_and_single_letters_are_not() {
        // Python: "тест.txt".encode("cp866")
        assert_eq!(names(&[b"\xe2\xa5\xe1\xe2.txt"]), NameCharset::Found(IBM866));
        // Python: "Приказ о приёме.doc".encode("cp866"), "В работе.doc".encode("cp866")
        assert_eq!(names(&[b"\x8f\xe0\xa8\xaa\xa0\xa7 \xae \xaf\xe0\xa8\xf1\xac\xa5.doc"]), NameCharset::Found(IBM866));
        assert_eq!(names(&[b"\x82 \xe0\xa0\xa1\xae\xe2\xa5.doc"]), NameCharset::Found(IBM866));
        // Python: "Lettre à Zoé.txt".encode("cp437"), "Ü.txt".encode("cp437")
        assert_eq!(names(&[b"Lettre \x85 Zo\x82.txt", b"\x9a.txt"]), NameCharset::Cp437);
        // Python: "café.txt".encode("cp437")
        assert_eq!(names(&[b"caf\x82.txt"]), NameCharset::Cp437);
        assert_eq!(names(&[b"\xe2\xa5\xe1\xe2.txt", b"caf\x82.txt"]), NameCharset::Cp437);
    }

    #[test]
    fn names_in_euc_are_not_taken_for_half_width_kana() {
        // Python: "日本語の文書.txt".encode("euc_jp")
        let raw: &[&[u8]] = &[b"\xc6\xfc\xcb\xdc\xb8\xec\xa4\xce\xca\xb8\xbd\xf1.txt"];
        assert_eq!(names(raw), NameCharset::Found(EUC_JP));
    }

    #[test]
    fn half_width_kana_in_shift_jis_stay_kana() {
        // Python: "ｼﾘｮｳ.txt".encode("cp932")
        assert_eq!(names(&[b"\xbc\xd8\xae\xb3.txt"]), NameCharset::Found(SHIFT_JIS));
    }

    #[test]
    fn one_western_name_is_code_page_437() {
        // Python: "café.txt".encode("cp437"), "Überblick.pdf".encode("cp437")
        assert_eq!(names(&[b"caf\x82.txt", b"\x9aberblick.pdf"]), NameCharset::Cp437);
    }

    #[test]
    fn one_undecodable_name_does_not_split_the_archive() {
        // The second name is no UTF-8, so the first is not read as UTF-8 either: one set for all.
        let raw: &[&[u8]] = &["資料.txt".as_bytes(), b"\x8e\x91\x97\xbf\x82\xcc\x88\xea\x97\x97.txt"];
        assert_ne!(names(raw), NameCharset::Utf8);
    }
}
