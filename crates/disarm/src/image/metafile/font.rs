//! The font of a drawing call, and what its bytes mean.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::bytes::Bytes;
use crate::fonts::{Script, Wish};

/// A logical font ([MS-WMF] 2.2.1.2, [MS-EMF] 2.2.13).
#[derive(Clone, Debug, Default)]
pub(super) struct Font {
    /// Negative: of the letters; positive: of the line.
    pub(super) height: f64,
    /// The mean width of a letter; 0 as the font has it.
    pub(super) width: f64,
    /// The turn of the line against the clock, in tenths of a degree.
    pub(super) escapement: f64,
    pub(super) italic: bool,
    pub(super) underlined: bool,
    pub(super) struck: bool,
    pub(super) bold: bool,
    pub(super) charset: u8,
    pub(super) family: Family,
    /// Letters lie on their side for lines from top to bottom.
    pub(super) vertical: bool,
    /// Letters in the order that the fonts of the system share, so that a letter's number tells what it is.
    pub(super) usual_order: bool,
    /// Height of the line and of what is above the baseline, for letters of 1.
    pub(super) line: f64,
    pub(super) ascent: f64,
    /// The name says that it is Japanese: so are bytes of no charset.
    pub(super) japanese: bool,
}

/// What a font looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Family {
    #[default]
    Sans,
    Serif,
    Fixed,
    /// Greek letters and signs in the places of Latin ones.
    Symbol,
    /// Pictures in the places of letters.
    Dingbats,
    /// A font for Chinese, Japanese or Korean.
    Cjk(Wish),
}

impl Font {
    /// A font of 16 bits.
    pub(super) fn read16(bytes: Bytes<'_>) -> Option<Font> {
        let name = bytes.from(18).map_or(&[][..], |rest| rest.0);
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = name.get(..32).unwrap_or(name);
        let charset = bytes.u8(13)?;
        let (name, _) = name_encoding(charset, name).decode_without_bom_handling(name);
        Some(Font::new(
            f64::from(bytes.i16(0)?),
            f64::from(bytes.i16(2)?),
            f64::from(bytes.i16(4)?),
            i32::from(bytes.i16(8)?),
            bytes.slice(10, 8)?,
            &name,
        ))
    }

    /// A font of 32 bits, whose name is UTF-16.
    pub(super) fn read32(bytes: Bytes<'_>) -> Option<Font> {
        let units = (0..32_usize).map_while(|at| bytes.u16(28_usize.checked_add(at.checked_mul(2)?)?));
        let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
        Some(Font::new(
            f64::from(bytes.i32(0)?),
            f64::from(bytes.i32(4)?),
            f64::from(bytes.i32(8)?),
            bytes.i32(16)?,
            bytes.slice(20, 8)?,
            &String::from_utf16_lossy(&units),
        ))
    }

    /// `flags` are the eight bytes from italic to pitch.
    fn new(height: f64, width: f64, escapement: f64, weight: i32, flags: &[u8], name: &str) -> Font {
        let flag = |at: usize| flags.get(at).copied().unwrap_or(0);
        let charset = flag(3);
        let bold = weight >= 600;
        let mut font = Font {
            height,
            width: width.abs(),
            escapement,
            italic: flag(0) != 0,
            underlined: flag(1) != 0,
            struck: flag(2) != 0,
            bold,
            charset,
            ..Font::named(name, charset, flag(7), bold)
        };
        if font.height == 0.0 {
            font.height = -12.0;
        }
        font
    }

    /// What the name of a font says of it. `pitch` is the byte of pitch and family ([MS-WMF] 2.2.2.14).
    pub(super) fn named(name: &str, charset: u8, pitch: u8, bold: bool) -> Font {
        let (name, vertical) = match name.strip_prefix('@') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let plain = name.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| plain.contains(part));
        let script = match charset {
            128 => Some(Script::Japanese),
            129 | 130 => Some(Script::Korean),
            134 => Some(Script::SimplifiedChinese),
            136 => Some(Script::TraditionalChinese),
            _ => None,
        };
        let western = has(&SERIF) || has(&SANS) || has(&FIXED);
        let wish = if western { Wish::of_name(&plain, None) } else { Wish::of_name(&plain, script) };
        let family = if has(&["wingdings", "webdings", "dingbats", "marlett"]) {
            Family::Dingbats
        } else if plain.starts_with("symbol") || plain == "mt extra" || (charset == 2 && !western) {
            Family::Symbol
        } else if let Some(wish) = wish {
            Family::Cjk(Wish { bold: wish.bold || bold, ..wish })
        } else if has(&FIXED) || (pitch & 3 == 1 && !western) {
            Family::Fixed
        } else if (has(&SERIF) || pitch & 0xF0 == 0x10) && !has(&SANS) {
            Family::Serif
        } else {
            Family::Sans
        };
        let (line, ascent) = match family {
            _ if has(&["calibri", "cambria", "candara", "carlito"]) => (1.22, 0.952),
            _ if has(&["meiryo", "メイリオ"]) => (1.5, 1.06),
            _ if has(&["segoe"]) => (1.33, 1.079),
            _ if has(&["tahoma", "verdana"]) => (1.21, 1.0),
            Family::Cjk(_) => (1.0, 0.859),
            Family::Serif => (1.107, 0.891),
            Family::Fixed => (1.133, 0.833),
            Family::Symbol | Family::Dingbats => (1.225, 1.005),
            Family::Sans => (1.117, 0.905),
        };
        Font {
            family,
            vertical,
            line,
            ascent,
            usual_order: has(&USUAL_ORDER),
            japanese: matches!(family, Family::Cjk(Wish { script: Script::Japanese, .. })),
            ..Font::default()
        }
    }

    /// The size of the letters, in logical units.
    pub(super) fn size(&self) -> f64 {
        if self.height < 0.0 { -self.height } else { self.height / self.line.max(1.0) }
    }

    /// The letters of bytes, and how many bytes each of them takes.
    pub(super) fn letters(&self, bytes: &[u8]) -> Vec<(char, usize)> {
        if matches!(self.family, Family::Symbol | Family::Dingbats) {
            return bytes.iter().map(|byte| (char::from(*byte), 1)).collect();
        }
        let encoding = self.encoding(bytes);
        let mut letters = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let wide = is_lead(encoding, *first) && rest.len() > 1;
            let (letter, behind) = rest.split_at(if wide { 2 } else { 1 });
            let (text, _): (Cow<'_, str>, bool) = encoding.decode_without_bom_handling(letter);
            letters.push((text.chars().next().unwrap_or('\u{FFFD}'), letter.len()));
            rest = behind;
        }
        letters
    }

    fn encoding(&self, bytes: &[u8]) -> &'static Encoding {
        match self.charset {
            0 if self.japanese => encoding_rs::SHIFT_JIS,
            // The charset of whoever wrote it: Japanese where it can be.
            1 | 255 if self.japanese || is_japanese(bytes) => encoding_rs::SHIFT_JIS,
            charset => of_charset(charset).unwrap_or(encoding_rs::WINDOWS_1252),
        }
    }
}

/// The encoding of a charset ([MS-WMF] 2.1.1.5).
fn of_charset(charset: u8) -> Option<&'static Encoding> {
    Some(match charset {
        77 => encoding_rs::MACINTOSH,
        128 => encoding_rs::SHIFT_JIS,
        129 | 130 => encoding_rs::EUC_KR,
        134 => encoding_rs::GBK,
        136 => encoding_rs::BIG5,
        161 => encoding_rs::WINDOWS_1253,
        162 => encoding_rs::WINDOWS_1254,
        163 => encoding_rs::WINDOWS_1258,
        177 => encoding_rs::WINDOWS_1255,
        178 => encoding_rs::WINDOWS_1256,
        186 => encoding_rs::WINDOWS_1257,
        204 => encoding_rs::WINDOWS_1251,
        222 => encoding_rs::WINDOWS_874,
        238 => encoding_rs::WINDOWS_1250,
        _ => return None,
    })
}

fn name_encoding(charset: u8, name: &[u8]) -> &'static Encoding {
    let own = of_charset(charset);
    own.unwrap_or(if is_japanese(name) { encoding_rs::SHIFT_JIS } else { encoding_rs::WINDOWS_1252 })
}

/// Whether bytes are Shift_JIS with some letter that is not Latin.
fn is_japanese(bytes: &[u8]) -> bool {
    let pairs = bytes.windows(2).any(|pair| matches!(pair, [0x81..=0x9F | 0xE0..=0xFC, 0x40..=0x7E | 0x80..=0xFC]));
    pairs && !encoding_rs::SHIFT_JIS.decode_without_bom_handling(bytes).1
}

fn is_lead(encoding: &'static Encoding, byte: u8) -> bool {
    if encoding == encoding_rs::SHIFT_JIS {
        matches!(byte, 0x81..=0x9F | 0xE0..=0xFC)
    } else if [encoding_rs::EUC_KR, encoding_rs::GBK, encoding_rs::BIG5].contains(&encoding) {
        byte >= 0x81 && byte != 0xFF
    } else {
        false
    }
}

/// Parts of the names of fonts for Latin letters.
const SERIF: [&str; 13] = [
    "times",
    "serif",
    "roman",
    "garamond",
    "georgia",
    "cambria",
    "century",
    "palatino",
    "bookman",
    "antiqua",
    "minion",
    "baskerville",
    "constantia",
];
const SANS: [&str; 14] = [
    "arial",
    "helvetica",
    "calibri",
    "tahoma",
    "verdana",
    "segoe",
    "trebuchet",
    "sans",
    "candara",
    "corbel",
    "futura",
    "swiss",
    "myriad",
    "lucida",
];
const FIXED: [&str; 6] = ["courier", "consolas", "mono", "terminal", "fixedsys", "typewriter"];
/// Fonts whose letters stand in the order of the first Macintosh fonts.
const USUAL_ORDER: [&str; 9] =
    ["arial", "times new roman", "courier new", "tahoma", "verdana", "georgia", "trebuchet", "comic sans", "symbol"];
