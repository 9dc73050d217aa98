//! Text of our own: lines, their widths, and the font that they are drawn with.
//!
//! The font is not in the file; the interpreter draws it with a fall-back font. Its codes are UTF-16, so that any character
//! can be written; those beyond the first plane get codes of surrogates, which are no characters.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lopdf::{Dictionary, Object, ObjectId, dictionary};

use super::edits::Edits;

/// The name of the font, by which a sans-serif Japanese one is chosen.
pub(in crate::pdf) const OWN_FONT: &str = "MisogiPlain-IPAGothic";

/// The name of the font in resources.
pub(super) const FONT_KEY: &str = "MisogiF";

/// Text that is written into one document.
#[derive(Default)]
pub(super) struct Writing {
    font: Option<ObjectId>,
    beyond: BTreeMap<char, u16>,
}

impl Writing {
    /// Resources with the font.
    pub(super) fn resources(&mut self, edits: &mut Edits) -> Dictionary {
        let font = *self.font.get_or_insert_with(|| edits.reserve());
        dictionary! { "Font" => dictionary! { FONT_KEY => Object::Reference(font) } }
    }

    /// A line as the operand of `Tj`.
    pub(super) fn encode(&mut self, line: &str) -> String {
        let mut hex = String::from("<");
        for c in line.chars() {
            let code = u16::try_from(u32::from(c)).ok().or_else(|| self.code_beyond(c)).unwrap_or(GETA);
            let _ = write!(hex, "{code:04X}");
        }
        hex.push('>');
        hex
    }

    fn code_beyond(&mut self, c: char) -> Option<u16> {
        let next = u16::try_from(self.beyond.len()).ok()?.checked_add(FIRST_SURROGATE)?;
        if let Some(code) = self.beyond.get(&c) {
            return Some(*code);
        }
        (next <= LAST_SURROGATE).then(|| *self.beyond.entry(c).or_insert(next))
    }

    /// Adds the font, if anything was written.
    pub(super) fn finish(self, edits: &mut Edits) {
        let Some(id) = self.font else { return };
        let mut map = String::from("begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n");
        map.push_str("2 beginbfrange <0020> <D7FF> <0020> <E000> <FFFD> <E000> endbfrange\n");
        for (c, code) in &self.beyond {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter().fold(String::new(), |hex, unit| format!("{hex}{unit:04X}"));
            let _ = writeln!(map, "1 beginbfchar <{code:04X}> <{units}> endbfchar");
        }
        map.push_str("endcmap\n");
        let to_unicode = edits.add_stream(Dictionary::new(), map.into_bytes());
        let no_glyphs = edits.add_stream(Dictionary::new(), Vec::new());
        let mut widths: Vec<Object> =
            vec![0x20.into(), Object::Array(LATIN.iter().map(|width| i64::from(*width).into()).collect())];
        for (first, last, width) in RANGES {
            widths.extend([first.into(), last.into(), i64::from(width).into()]);
        }
        let descriptor = dictionary! {
            "Type" => "FontDescriptor", "FontName" => OWN_FONT, "Flags" => 4, "ItalicAngle" => 0, "Ascent" => 880,
            "Descent" => -120, "CapHeight" => 740, "StemV" => 80, "FontBBox" => vec![0.into(), (-120).into(), 1000.into(), 880.into()],
        };
        let descendant = dictionary! {
            "Type" => "Font", "Subtype" => "CIDFontType2", "BaseFont" => OWN_FONT, "DW" => 1000, "W" => widths,
            "CIDSystemInfo" => dictionary! {
                "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("Identity"), "Supplement" => 0,
            },
            "CIDToGIDMap" => no_glyphs, "FontDescriptor" => descriptor,
        };
        let descendant = edits.add(descendant);
        edits.set(
            id,
            dictionary! {
                "Type" => "Font", "Subtype" => "Type0", "BaseFont" => OWN_FONT, "Encoding" => "Identity-H",
                "DescendantFonts" => vec![descendant], "ToUnicode" => to_unicode,
            },
        );
    }
}

/// The width of a line in points.
pub(super) fn width(line: &str, size: f32) -> f32 {
    line.chars().map(|c| f32::from(advance(c))).sum::<f32>() * size / 1000.0
}

/// Lines that fit into a width; a word stays whole where it can.
pub(super) fn wrap(text: &str, size: f32, most: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.replace("\r\n", "\n").split(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let mut line = String::new();
        let mut used = 0.0;
        // Where the line may be cut: behind a space, or between two characters of which one is wide.
        let mut cut = None;
        for c in paragraph.chars().filter(|c| !c.is_control() || *c == '\t') {
            let c = if c == '\t' { ' ' } else { c };
            let own = f32::from(advance(c)) * size / 1000.0;
            let is_wide = |c: char| advance(c) == WIDE && !STICKS_TO_THE_LEFT.contains(c);
            if c != ' '
                && (line.ends_with(' ')
                    || is_wide(c)
                    || line.chars().next_back().is_some_and(is_wide) && !STICKS_TO_THE_LEFT.contains(c))
            {
                cut = Some(line.len());
            }
            if used + own > most && !line.is_empty() && c != ' ' {
                let rest = line.split_off(cut.filter(|cut| *cut > 0).unwrap_or(line.len()));
                line.truncate(line.trim_end().len());
                lines.push(std::mem::replace(&mut line, rest));
                used = width(&line, size);
                cut = None;
            }
            line.push(c);
            used += own;
            if lines.len() >= MAX_LINES {
                return lines;
            }
        }
        lines.push(line);
    }
    lines
}

/// How far the next character stands.
fn advance(c: char) -> u16 {
    let code = u32::from(c);
    let latin = code.checked_sub(0x20).and_then(|at| LATIN.get(usize::try_from(at).ok()?));
    let in_range = || {
        let found =
            RANGES.iter().find(|(first, last, _)| (i64::from(*first)..=i64::from(*last)).contains(&i64::from(code)));
        found.map(|(.., width)| *width)
    };
    latin.copied().or_else(in_range).unwrap_or(WIDE)
}

/// Characters that may not begin a line (JIS X 4051).
const STICKS_TO_THE_LEFT: &str = "、。，．・：；？！ー」』）〕］｝〉》】ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々";
const WIDE: u16 = 1000;
/// Helvetica's widths, U+0020 to U+007E.
const LATIN: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];
/// Other narrow letters: Latin with marks, Greek and Cyrillic, half-width forms.
const RANGES: [(i32, i32, u16); 4] =
    [(0xA0, 0xBF, 400), (0xC0, 0x24F, 560), (0x370, 0x52F, 600), (0xFF61, 0xFF9F, 500)];
const FIRST_SURROGATE: u16 = 0xD800;
const LAST_SURROGATE: u16 = 0xDFFF;
/// 〓, which printers put where a letter is missing.
const GETA: u16 = 0x3013;
/// The most lines that a text is broken into.
const MAX_LINES: usize = 2_000;
