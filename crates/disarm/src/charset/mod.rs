//! Bytes and a charset label to Unicode, for text as Japanese mail and files really carry it.
//!
//! `encoding_rs` does the tables. What it lacks is here: the label aliases of Outlook, Becky! and old webmail, the whole
//! ISO-2022-JP family with its usual damage ([`jis`]), wrong and missing labels ([`detect`]), and gaiji.
//!
//! A character that has no meaning outside the sender's machine (private use, 外字) becomes 〓 and is counted; a byte that
//! is no character at all becomes U+FFFD and is counted. Nothing disappears.

mod detect;
mod emoji;
mod japanese;
mod jis;
mod jisx0213;
mod label;
mod utf7;

use encoding_rs::{
    DecoderResult, EUC_JP, Encoding, ISO_8859_15, MACINTOSH, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252,
};

use detect::Label;
pub use detect::detect;
pub use emoji::{Carrier, Pictures};

/// Text out of bytes, with what had to be assumed or given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text; byte order marks are removed, line ends are as they came.
    pub text: String,
    /// Name of the charset that was used.
    pub charset: &'static str,
    /// False when the charset was guessed from the bytes with no label, mark or self-evident form to rely on.
    pub certain: bool,
    /// True when a label was given and the bytes plainly are something else.
    pub mismatch: bool,
    /// True when another charset is as good an explanation of the bytes, so that the text may be wrong.
    pub undecided: bool,
    /// Number of U+FFFD written for bytes that are no character.
    pub undecodable: u32,
    /// Number of 〓 written for private-use characters.
    pub gaiji: u32,
}

/// A charset this product reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, and ASCII with it.
    Utf8,
    /// Any of the ISO-2022-JP family, CP50220/1/2 included.
    Iso2022Jp,
    /// ISO-2022-KR (SO/SI over KS X 1001).
    Iso2022Kr,
    /// HZ (GB 2312 between `~{` and `~}`).
    Hz,
    /// UTF-7, read only where it is declared.
    Utf7,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// One of the WHATWG legacy encodings.
    Legacy(&'static Encoding),
}

impl Charset {
    /// The charset that a label names, if it names one.
    #[must_use]
    pub fn named(label: &str) -> Option<Self> {
        label::resolve(label)
    }

    /// The name shown to people and kept in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Iso2022Jp => "ISO-2022-JP",
            Self::Iso2022Kr => "ISO-2022-KR",
            Self::Hz => "HZ-GB-2312",
            Self::Utf7 => "UTF-7",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Legacy(encoding) => encoding.name(),
        }
    }
}

/// A guess about unlabelled bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// The charset that fits best.
    pub charset: Charset,
    /// True when a mark or the form of the bytes leaves no practical doubt (BOM, escape sequences, valid UTF-8).
    pub certain: bool,
    /// True when another charset is as good an explanation.
    pub undecided: bool,
}

/// Decodes `bytes`, believing `label` unless the bytes plainly say otherwise.
#[must_use]
pub fn decode(bytes: &[u8], label: Option<&str>) -> Decoded {
    decode_from(bytes, label, None)
}

/// Decodes `bytes` that came from a phone with these pictures.
#[must_use]
pub fn decode_from(bytes: &[u8], label: Option<&str>, pictures: Option<&Pictures>) -> Decoded {
    let named = label.and_then(label::resolve);
    let sure = |charset| Guess { charset, certain: true, undecided: false };
    let (guess, mismatch) = match named {
        None => (detect(bytes), false),
        Some(named) => match detect::examine(bytes, named) {
            Label::Fits => (sure(detect::settle(bytes, named, label.unwrap_or_default())), false),
            Label::Doubtful => (Guess { undecided: true, ..sure(named) }, false),
            Label::Wrong(guess) => (guess, true),
        },
    };
    Decoded {
        certain: guess.certain,
        undecided: guess.undecided,
        mismatch,
        ..decode_with(bytes, guess.charset, pictures)
    }
}

/// Decodes `bytes` in exactly this charset.
#[must_use]
pub fn decode_as(bytes: &[u8], charset: Charset) -> Decoded {
    decode_with(bytes, charset, None)
}

fn decode_with(bytes: &[u8], charset: Charset, pictures: Option<&Pictures>) -> Decoded {
    let text = String::with_capacity(bytes.len().saturating_add(bytes.len() / 2));
    let mut sink = Sink { text, undecodable: 0, rows: None, pictures };
    match charset {
        Charset::Utf8 => sink.around_jis(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes), Sink::utf_8),
        Charset::Iso2022Jp => jis::decode(bytes, &mut sink),
        Charset::Iso2022Kr => jis::decode_kr(bytes, &mut sink),
        Charset::Hz => jis::decode_hz(bytes, &mut sink),
        Charset::Utf7 => utf7::decode(bytes, &mut sink),
        Charset::Utf16Le => sink.run(UTF_16LE, bytes.strip_prefix(b"\xFF\xFE").unwrap_or(bytes)),
        Charset::Utf16Be => sink.run(UTF_16BE, bytes.strip_prefix(b"\xFE\xFF").unwrap_or(bytes)),
        Charset::Legacy(encoding) if encoding == EUC_JP => sink.around_jis(bytes, Sink::euc_jp),
        Charset::Legacy(encoding) if encoding == SHIFT_JIS => sink.around_jis(bytes, Sink::shift_jis),
        Charset::Legacy(encoding) => sink.run(encoding, bytes),
    }
    // In Shift_JIS and EUC-JP the same code points stand for gaiji.
    let unicode = matches!(charset, Charset::Utf8 | Charset::Utf16Le | Charset::Utf16Be);
    let gaiji = replace_private_use(&mut sink.text, pictures.filter(|_| unicode));
    Decoded {
        text: sink.text,
        charset: charset.name(),
        certain: true,
        mismatch: false,
        undecided: false,
        undecodable: sink.undecodable,
        gaiji,
    }
}

/// Where decoders write: the text so far and the count of what could not be read.
struct Sink<'p> {
    text: String,
    undecodable: u32,
    /// JIS X 0213, made when a text asks for it.
    rows: Option<jisx0213::Table>,
    /// What the private codes of the sender's phone are.
    pictures: Option<&'p Pictures>,
}

impl Sink<'_> {
    fn jisx0213(&mut self, plane: u8, lead: u8, trail: u8) -> jisx0213::Cell {
        self.rows.get_or_insert_with(jisx0213::Table::new).cell(plane, lead, trail)
    }

    fn bad(&mut self) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.undecodable = self.undecodable.saturating_add(1);
    }

    fn run(&mut self, encoding: &'static Encoding, bytes: &[u8]) {
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let mut rest = bytes;
        // Not straight into the text: `encoding_rs` goes over all of its spare capacity in each call, and mail of ISO-2022-JP
        // makes one call for each escape. 18 MB with two escapes in a line took 22 s.
        let mut piece = [0; PIECE];
        loop {
            let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut piece, true);
            self.text.push_str(&String::from_utf8_lossy(piece.get(..written).unwrap_or_default()));
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.bad(),
            }
        }
    }

    fn utf_8(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text.push_str(text),
            Err(_) => self.run(UTF_8, bytes),
        }
    }

    /// Text of another charset with ISO-2022-JP in it: the footers of mailing lists (fml), and quotations.
    fn around_jis(&mut self, bytes: &[u8], mut decode: impl FnMut(&mut Self, &[u8])) {
        let mut rest = bytes;
        while let Some(run) = jis::run(rest) {
            decode(self, rest.get(..run.start).unwrap_or_default());
            jis::decode(rest.get(run.clone()).unwrap_or_default(), self);
            rest = rest.get(run.end..).unwrap_or_default();
        }
        decode(self, rest);
    }

    /// Shift_JIS, also that of a phone.
    fn shift_jis(&mut self, bytes: &[u8]) {
        if self.pictures.is_none() {
            return self.run(SHIFT_JIS, bytes);
        }
        let mut start = 0;
        let mut at = 0;
        while let Some(&lead) = bytes.get(at) {
            let trail = bytes.get(at.saturating_add(1)).copied().unwrap_or(0);
            let picture = self.pictures.and_then(|pictures| pictures.shift_jis(lead, trail));
            let double = matches!(lead, 0x81..=0x9F | 0xE0..=0xFC) && trail >= 0x40;
            let end = at.saturating_add(if double { 2 } else { 1 }).min(bytes.len());
            if let Some(picture) = picture.filter(|_| double) {
                self.run(SHIFT_JIS, bytes.get(start..at).unwrap_or_default());
                self.text.push_str(picture);
                start = end;
            }
            at = end;
        }
        self.run(SHIFT_JIS, bytes.get(start..).unwrap_or_default());
    }

    /// EUC-JP with the user-defined rows F5–FE (eucJP-ms), which `encoding_rs` takes for errors, shown as gaiji.
    fn euc_jp(&mut self, bytes: &[u8]) {
        let mut start = 0;
        let mut at = 0;
        while let Some(&lead) = bytes.get(at) {
            let next = bytes.get(at.saturating_add(1)).copied().unwrap_or(0);
            let (length, user_defined) = match lead {
                0x8E => (2, false),
                0x8F => (3, (0xF3..=0xFE).contains(&next)),
                // Rows 89–92 (F9–FC) hold NEC's selection of the IBM extensions and are real characters.
                0xF5..=0xF8 | 0xFD | 0xFE => (2, (0xA1..=0xFE).contains(&next)),
                0xA1..=0xFF => (2, false),
                _ => (1, false),
            };
            let end = at.saturating_add(length).min(bytes.len());
            if user_defined {
                self.run(EUC_JP, bytes.get(start..at).unwrap_or_default());
                self.text.push(ibm_extension(bytes.get(at..end).unwrap_or_default()).unwrap_or(FIRST_PRIVATE_USE));
                start = end;
            }
            at = end;
        }
        self.run(EUC_JP, bytes.get(start..).unwrap_or_default());
    }
}

/// eucJP-ms keeps the IBM characters that JIS X 0212 lacks at 8F F3 F3 – 8F F4 FE, one after another.
fn ibm_extension(bytes: &[u8]) -> Option<char> {
    let [0x8F, row @ (0xF3 | 0xF4), cell @ 0xA1..=0xFE] = bytes else { return None };
    let place = (usize::from(*row) - 0xF3) * 94 + (usize::from(*cell) - 0xA1);
    IBM_EXTENSIONS.chars().nth(place.checked_sub(0xF3 - 0xA1)?)
}

/// Turns private-use characters into the pictures that they are, or into 〓, and says how many of these there were.
fn replace_private_use(text: &mut String, pictures: Option<&Pictures>) -> u32 {
    // Every code point U+E000–U+EFFF starts with EE in UTF-8, U+F000–U+F8FF with EF 80–A3.
    let suspicious = |window: &[u8]| matches!(window, [0xEE, _] | [0xEF, 0x80..=0xA3]);
    if !text.as_bytes().windows(2).any(suspicious) {
        return 0;
    }
    let mut count: u32 = 0;
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match (c, pictures.and_then(|pictures| pictures.private_use(c))) {
            (_, Some(picture)) => shown.push_str(picture),
            ('\u{E000}'..='\u{F8FF}', None) => {
                count = count.saturating_add(1);
                shown.push(GETA);
            }
            _ => shown.push(c),
        }
    }
    *text = shown;
    count
}

/// Bytes decoded at a time.
const PIECE: usize = 1024;
/// What Japanese printers set where a type is missing.
const GETA: char = '〓';
/// As glibc's EUC-JP-MS has them.
const IBM_EXTENSIONS: &str = "ⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩ＇＂㈱№℡炻仼僴凬匇匤﨎咊坙﨏塚增寬峵嵓﨑德悅愠敎昻晥晴朗栁﨓﨔橫櫢淸淲瀨凞猪甁皂皞益礰礼神祥福竧靖精綠緖羽荢﨟薰蘒﨡蠇諸譿賴赶﨣﨤逸郞都鄕﨧﨨閒隆﨩霻靍靑飯飼館馞髙魲鶴黑";
const FIRST_PRIVATE_USE: char = '\u{E000}';

/// Scripts of which each word has ASCII letters, so that 8-bit bytes stand alone.
fn is_latin(charset: Charset) -> bool {
    matches!(charset, Charset::Legacy(e) if [WINDOWS_1252, ISO_8859_15, MACINTOSH].contains(&e))
}

fn is_single_byte(charset: Charset) -> bool {
    matches!(charset, Charset::Legacy(e) if e.is_single_byte())
}

fn is_shift_jis(charset: Charset) -> bool {
    matches!(charset, Charset::Legacy(e) if e == SHIFT_JIS)
}

fn is_euc_jp(charset: Charset) -> bool {
    matches!(charset, Charset::Legacy(e) if e == EUC_JP)
}

#[cfg(test)]
mod golden;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], label: Option<&str>, text: &str, charset: &str) -> Decoded {
        let decoded = decode(bytes, label);
        assert_eq!((decoded.text.as_str(), decoded.charset), (text, charset));
        decoded
    }

    #[test]
    fn labels_outlook_and_old_webmail_send_are_known() {
        for label in ["cp932", "MS932", "windows-31j", "x-sjis", "SJIS", "\"Shift_JIS\"", "shift_jis; format=flowed"] {
            check(b"\x87\x40\xFB\xFC", Some(label), "①髙", "Shift_JIS");
        }
        for label in ["iso-2022-jp", "cp50220", "CP50221", "cp50222", "iso-2022-jp-ms", "ISO-2022-JP-3", "csISO2022JP"]
        {
            check(b"\x1B$B-!\x1B(B", Some(label), "①", "ISO-2022-JP");
        }
        for label in ["eucjp-ms", "cp51932", "euc-jp", "x-euc-jp", "ujis"] {
            check(b"\xAD\xA1", Some(label), "①", "EUC-JP");
        }
    }

    #[test]
    fn gaiji_become_a_geta_mark_and_are_counted() {
        assert_eq!(check(b"\xF0\x40\x83\x41", Some("shift_jis"), "〓ア", "Shift_JIS").gaiji, 1);
        assert_eq!(check(b"\xF5\xA1\xA5\xA2\xF5\xA2", Some("euc-jp"), "〓ア〓", "EUC-JP").gaiji, 2);
        assert_eq!(check(b"\x1B$B~!%\"\x1B(B", Some("iso-2022-jp"), "〓ア", "ISO-2022-JP").gaiji, 1);
    }

    #[test]
    fn pictures_of_phones_are_read_where_the_network_is_known() {
        let read = |bytes: &[u8], label, carrier| decode_from(bytes, Some(label), Some(&Pictures::of(carrier)));
        let docomo = Carrier::Docomo;
        assert_eq!(read(b"\x96\x7B\xF8\x9F\xFB\xFC", "shift_jis", docomo).text, "本☀髙");
        assert_eq!(read(b"\x1B$BK\\uAK\\\x1B(B", "iso-2022-jp", Carrier::Kddi).text, "本☀本");
        assert_eq!(read(b"\x1B$BuA\x1B(B", "iso-2022-jp", docomo).text, "〓");
        // A code that the network did not give out is a gaiji still.
        let unknown = read(b"\x96\x7B\xF0\x40", "shift_jis", docomo);
        assert_eq!((unknown.text.as_str(), unknown.gaiji), ("本〓", 1));
    }

    #[test]
    fn a_wrong_label_is_seen_and_told() {
        let utf8 = "日本語の本文です".as_bytes();
        assert!(check(utf8, Some("shift_jis"), "日本語の本文です", "UTF-8").mismatch);
        assert!(check(utf8, Some("iso-2022-jp"), "日本語の本文です", "UTF-8").mismatch);
        assert!(check(utf8, Some("iso-8859-1"), "日本語の本文です", "UTF-8").mismatch);
        let (sjis, _, _) = SHIFT_JIS.encode("お世話になっております。");
        assert!(check(&sjis, Some("utf-8"), "お世話になっております。", "Shift_JIS").mismatch);
        assert!(check(&sjis, Some("iso-2022-jp"), "お世話になっております。", "Shift_JIS").mismatch);
        assert!(check(&sjis, Some("euc-jp"), "お世話になっております。", "Shift_JIS").mismatch);
        let (euc, _, _) = EUC_JP.encode("お世話になっております。");
        assert!(check(&euc, Some("shift_jis"), "お世話になっております。", "EUC-JP").mismatch);
        assert!(check(b"\x1B$B$\"\x1B(B", Some("utf-8"), "あ", "ISO-2022-JP").mismatch);
    }

    #[test]
    fn unlabelled_text_is_recognised() {
        let sentence = "平素より大変お世話になっております。資料をお送りします。";
        let (sjis, _, _) = SHIFT_JIS.encode(sentence);
        assert!(!check(&sjis, None, sentence, "Shift_JIS").certain);
        let (euc, _, _) = EUC_JP.encode(sentence);
        check(&euc, None, sentence, "EUC-JP");
        assert!(check(sentence.as_bytes(), None, sentence, "UTF-8").certain);
        assert!(check(b"\x1B$B$\"$$\x1B(B", None, "あい", "ISO-2022-JP").certain);
        check(b"plain", None, "plain", "UTF-8");
        check(b"\xFF\xFEB0D0", None, "あい", "UTF-16LE");
        check(b"\xFE\xFF\x30\x42", None, "あ", "UTF-16BE");
        check(
            "Grüße aus Köln, schöne Tage für Sie"
                .to_owned()
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap())
                .collect::<Vec<_>>()
                .as_slice(),
            None,
            "Grüße aus Köln, schöne Tage für Sie",
            "windows-1252",
        );
    }

    #[test]
    fn a_byte_order_mark_never_reaches_the_text() {
        check(b"\xEF\xBB\xBFa", Some("utf-8"), "a", "UTF-8");
        check(b"\xEF\xBB\xBFa", None, "a", "UTF-8");
    }

    /// Python: "引用です".encode("iso2022_jp").
    #[test]
    fn seven_bit_japanese_inside_of_text_in_eight_bits_is_read() {
        let quoted = b"\x1B$B0zMQ$G$9\x1B(B";
        for (encoding, label) in [(SHIFT_JIS, "shift_jis"), (EUC_JP, "euc-jp"), (UTF_8, "utf-8")] {
            let (before, _, _) = encoding.encode("本文です。\n> ");
            let (after, _, _) = encoding.encode("\n以上、よろしくお願いします。\n");
            let text = "本文です。\n> 引用です\n以上、よろしくお願いします。\n";
            let bytes = [&before, &quoted[..], &after].concat();
            for label in [Some(label), None] {
                check(&bytes, label, text, encoding.name());
            }
            // A text about escapes has none that are followed by pairs and closed.
            let other = [&before, &b"\x1B$B x \x1B$B0zMQ\x1B[0m"[..]].concat();
            check(&other, Some(label), "本文です。\n> \u{1B}$B x \u{1B}$B0zMQ\u{1B}[0m", encoding.name());
        }
    }

    #[test]
    fn many_escapes_cost_no_more_than_their_length() {
        let begun = std::time::Instant::now();
        let escapes = b"a\x1B$B$\"\x1B(B".repeat(1_000_000);
        assert_eq!(decode_as(&escapes, Charset::Iso2022Jp).text.len(), 4_000_000);
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn a_text_longer_than_a_piece_is_whole() {
        let text = "日本語の長い文。".repeat(1000);
        let (sjis, _, _) = SHIFT_JIS.encode(&text);
        check(&sjis, Some("shift_jis"), &text, "Shift_JIS");
    }

    #[test]
    fn broken_bytes_are_marked_not_dropped() {
        let decoded = check(
            "日本\u{7}語\u{fffd}".as_bytes().strip_suffix(b"\xBD").unwrap(),
            Some("utf-8"),
            "日本\u{7}語\u{fffd}",
            "UTF-8",
        );
        assert_eq!(decoded.undecodable, 1);
    }

    /// Records of the Japanese Bankers Association's format (全銀協) have no other letters.
    #[test]
    fn half_width_kana_is_told_from_letters_of_other_scripts() {
        let record = "21234ﾐﾂﾎﾞｼ      001ｶｽﾐｶﾞｾｷ       11234567ﾔﾏﾀﾞ ﾀﾛｳ                      0000012000\r\n";
        let records = record.repeat(9);
        let (bytes, _, _) = SHIFT_JIS.encode(&records);
        assert!(!check(&bytes, None, &records, "Shift_JIS").undecided);
        let russian = "съешь ещё этих мягких французских булок, да выпей чаю. ".repeat(3);
        for encoding in [encoding_rs::KOI8_R, encoding_rs::ISO_8859_5, encoding_rs::WINDOWS_1251] {
            let (bytes, _, _) = encoding.encode(&russian);
            assert_ne!(decode(&bytes, None).charset, "Shift_JIS", "{}", encoding.name());
        }
        let greek = "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΓΑΖΙΕΣ ΚΑΙ ΜΥΡΤΙΕΣ. ".repeat(3);
        let (bytes, _, _) = encoding_rs::ISO_8859_7.encode(&greek);
        assert_ne!(decode(&bytes, None).charset, "Shift_JIS");
    }

    /// Texts of which a byte was cut off or put in, with the right label, a wrong one and none.
    #[test]
    fn damaged_utf8_is_still_utf8() {
        for text in ["本日の会議は三時から", "Здравствуйте", "Größe, Städte, ändert, über, größer, schön, Füße, Öl"]
        {
            for label in [Some("utf-8"), Some("shift_jis"), Some("windows-1251"), None] {
                let broken = [text.as_bytes(), b"\xAA, a"].concat();
                assert_eq!(check(&broken, label, &format!("{text}\u{fffd}, a"), "UTF-8").undecodable, 1, "{label:?}");
            }
        }
        let cut = check(b"\xE4\xBC\x9A\xE8\xAD", Some("utf-8"), "会\u{fffd}", "UTF-8");
        assert_eq!((cut.undecodable, cut.mismatch), (1, false));
        for (text, encoding) in [
            ("お世話になっております。", SHIFT_JIS),
            ("会議資料の確認をお願いします。", SHIFT_JIS),
            ("お世話になっております。", EUC_JP),
        ] {
            for cut in 0..3 {
                let (bytes, _, _) = encoding.encode(text);
                let bytes = bytes.strip_suffix(b"\x81\x42").unwrap_or(&bytes);
                let found = decode(&[bytes, &b"\xE3\x81"[..cut]].concat(), Some("utf-8"));
                assert_ne!(found.charset, "UTF-8", "{text} {cut}");
            }
        }
    }

    #[test]
    fn utf7_is_read_only_where_declared() {
        check(b"Hi +MEIwRA-!+-", Some("utf-7"), "Hi あい!+", "UTF-7");
        check(b"Hi +MEIwRA-", None, "Hi +MEIwRA-", "UTF-8");
    }

    #[test]
    fn korean_and_chinese_seven_bit_forms_are_read() {
        check(b"\x1B$)C\x0E0!\x0F a", Some("iso-2022-kr"), "가 a", "ISO-2022-KR");
        check(b"~{VPND~} ~~", Some("hz-gb-2312"), "中文 ~", "HZ-GB-2312");
    }
}
