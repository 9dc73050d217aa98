//! Outlines of letters, from the machine's fonts and from those that every PDF reader has.

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use hayro_interpret::font::{FontData, StandardFont};
use kurbo::{Affine, BezPath, Shape};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::DrawSettings;
use skrifa::raw::model::glyph::outline::PathSink;
use skrifa::raw::ps::UnicodeCharmap;
use skrifa::raw::ps::cff::CffFontRef;
use skrifa::{FontRef, MetadataProvider};

use super::font::{Family, Font};
use super::{Budget, Fault, bytes};
use crate::fonts::{FontFile, Fonts, Script, Wish};

/// A letter of a font of size 1, y upward.
#[derive(Debug)]
pub(crate) struct Letter {
    /// What it looks like.
    pub(crate) outline: BezPath,
    /// How far it is to the next letter.
    pub(crate) advance: f64,
}

/// The fonts that there are, and the letters that were looked for.
pub(super) struct Faces<'a> {
    fonts: &'a Fonts,
    standard: Vec<(StandardFont, Rc<Standard>)>,
    letters: HashMap<Key, Rc<Letter>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    family: Family,
    bold: bool,
    italic: bool,
    letter: char,
}

impl fmt::Debug for Faces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faces").field("letters", &self.letters.len()).finish_non_exhaustive()
    }
}

impl<'a> Faces<'a> {
    pub(super) fn new(fonts: &'a Fonts) -> Faces<'a> {
        Faces { fonts, standard: Vec::new(), letters: HashMap::new() }
    }

    /// The outline of a character; an empty frame where no font has it.
    pub(super) fn letter(&mut self, font: &Font, c: char, budget: &mut Budget) -> Result<Rc<Letter>, Fault> {
        let key = Key { family: font.family, bold: font.bold, italic: font.italic, letter: c };
        if let Some(letter) = self.letters.get(&key) {
            return Ok(Rc::clone(letter));
        }
        budget.spend(LETTER_COST)?;
        let letter = Rc::new(self.find(key).unwrap_or_else(|| missing(c)));
        budget.spend(bytes::cost(letter.outline.elements().len()))?;
        self.letters.insert(key, Rc::clone(&letter));
        Ok(letter)
    }

    fn find(&mut self, key: Key) -> Option<Letter> {
        let Key { family, bold, italic, letter: c } = key;
        match family {
            Family::Symbol => {
                let code = u32::from(c) & 0xFF;
                let own = self.symbol(code);
                own.or_else(|| self.western(Family::Serif, bold, italic, c))
            }
            Family::Dingbats => match pictures(u32::from(c) & 0xFF) {
                Some(c) => self.any(c, bold, italic, Family::Sans),
                None => Some(framed()),
            },
            Family::Cjk(wish) => {
                let own = self.fonts.pick(&wish).and_then(|file| from_file(file, c, italic));
                let own = own.map(|letter| if wish.proportional { letter } else { fixed_width(letter, c) });
                own.or_else(|| self.any(c, bold, italic, if wish.serif { Family::Serif } else { Family::Sans }))
            }
            Family::Sans | Family::Serif | Family::Fixed => self.any(c, bold, italic, family),
        }
    }

    /// A character from whatever font has it.
    fn any(&mut self, c: char, bold: bool, italic: bool, family: Family) -> Option<Letter> {
        self.western(family, bold, italic, c)
            .or_else(|| {
                let serif = family == Family::Serif;
                [Script::Japanese, Script::SimplifiedChinese, Script::TraditionalChinese, Script::Korean]
                    .into_iter()
                    .filter_map(|script| self.fonts.pick(&Wish { script, serif, bold, proportional: true }))
                    .find_map(|file| from_file(file, c, italic))
            })
            .or_else(|| self.of_standard(StandardFont::Symbol, c))
            .or_else(|| self.of_standard(StandardFont::ZapfDingBats, c))
    }

    fn western(&mut self, family: Family, bold: bool, italic: bool, c: char) -> Option<Letter> {
        let font = match (family, bold, italic) {
            (Family::Serif, false, false) => StandardFont::TimesRoman,
            (Family::Serif, false, true) => StandardFont::TimesItalic,
            (Family::Serif, true, false) => StandardFont::TimesBold,
            (Family::Serif, true, true) => StandardFont::TimesBoldItalic,
            (Family::Fixed, false, false) => StandardFont::Courier,
            (Family::Fixed, false, true) => StandardFont::CourierOblique,
            (Family::Fixed, true, false) => StandardFont::CourierBold,
            (Family::Fixed, true, true) => StandardFont::CourierBoldOblique,
            (_, false, false) => StandardFont::Helvetica,
            (_, false, true) => StandardFont::HelveticaOblique,
            (_, true, false) => StandardFont::HelveticaBold,
            (_, true, true) => StandardFont::HelveticaBoldOblique,
        };
        self.of_standard(font, usual(c))
    }

    fn of_standard(&mut self, font: StandardFont, c: char) -> Option<Letter> {
        let font = self.load(font);
        let glyph = font.letters.map(c)?;
        font.letter(glyph)
    }

    /// A letter of the symbol font by its code.
    fn symbol(&mut self, code: u32) -> Option<Letter> {
        let font = self.load(StandardFont::Symbol);
        let glyph = font.cff()?.encoding()?.map(u8::try_from(code).ok()?)?;
        font.letter(glyph).filter(|letter| letter.advance > 0.0)
    }

    fn load(&mut self, wanted: StandardFont) -> Rc<Standard> {
        if let Some((_, font)) =
            self.standard.iter().find(|(font, _)| font.postscript_name() == wanted.postscript_name())
        {
            return Rc::clone(font);
        }
        let font = Rc::new(Standard::new(wanted.get_font_data().0));
        self.standard.push((wanted, Rc::clone(&font)));
        font
    }
}

/// One of the fourteen fonts that every PDF reader has, as a bare CFF table.
struct Standard {
    data: FontData,
    letters: UnicodeCharmap,
}

impl Standard {
    fn new(data: FontData) -> Standard {
        let letters = CffFontRef::new_cff((*data).as_ref(), 0, None).ok().and_then(|font| {
            let charset = font.charset()?;
            let name = |(glyph, sid)| Some((glyph, std::str::from_utf8(font.string(sid)?).ok()?));
            Some(UnicodeCharmap::from_glyph_names(charset.iter().filter_map(name)))
        });
        Standard { data, letters: letters.unwrap_or_default() }
    }

    fn cff(&self) -> Option<CffFontRef<'_>> {
        CffFontRef::new_cff((*self.data).as_ref(), 0, None).ok()
    }

    fn letter(&self, glyph: skrifa::GlyphId) -> Option<Letter> {
        let font = self.cff()?;
        let part = font.subfont(0, &[]).ok()?;
        let mut pen = Pen::default();
        let em = f64::from(font.upem().max(1));
        let advance = font.draw(&part, glyph, &[], None, &mut pen).ok()?;
        Some(Letter { outline: Affine::scale(1.0 / em) * pen.0, advance: f64::from(advance.unwrap_or(0.0)) / em })
    }
}

/// Takes an outline.
#[derive(Default)]
struct Pen(BezPath);

impl Pen {
    fn started(&self) -> bool {
        !self.0.elements().is_empty()
    }
}

impl PathSink for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to((f64::from(x), f64::from(y)));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        if self.started() {
            self.0.line_to((f64::from(x), f64::from(y)));
        }
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        if self.started() {
            self.0.quad_to((f64::from(cx), f64::from(cy)), (f64::from(x), f64::from(y)));
        }
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        if self.started() {
            let (a, b) = ((f64::from(ax), f64::from(ay)), (f64::from(bx), f64::from(by)));
            self.0.curve_to(a, b, (f64::from(x), f64::from(y)));
        }
    }

    fn close(&mut self) {
        if self.started() {
            self.0.close_path();
        }
    }
}

/// A character of a font file; nothing where that lacks it.
pub(crate) fn from_file(file: &FontFile, c: char, italic: bool) -> Option<Letter> {
    let font = FontRef::from_index((*file.bytes).as_ref(), file.index).ok()?;
    let glyph = font.charmap().map(c)?;
    let em = f64::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em.max(1));
    let advance = font.glyph_metrics(Size::unscaled(), LocationRef::default()).advance_width(glyph)?;
    let mut pen = Pen::default();
    if let Some(outline) = font.outline_glyphs().get(glyph) {
        outline.draw(DrawSettings::unhinted(Size::unscaled(), LocationRef::default()), &mut pen).ok()?;
    }
    // Fonts for kanji have no slanted letters.
    let slant = if italic { Affine::new([1.0, 0.0, 0.2, 1.0, 0.0, 0.0]) } else { Affine::IDENTITY };
    Some(Letter { outline: slant * Affine::scale(1.0 / em) * pen.0, advance: f64::from(advance) / em })
}

/// A letter as wide as fonts of one width make it: half a square for Latin, a square for the rest.
fn fixed_width(letter: Letter, c: char) -> Letter {
    let is_narrow = matches!(c, ' '..='\u{7E}' | '\u{FF61}'..='\u{FF9F}');
    let advance = if is_narrow { 0.5 } else { 1.0 };
    if letter.advance <= 0.0 || (letter.advance - advance).abs() < 0.01 {
        return letter;
    }
    let stretch = (advance / letter.advance).min(1.0);
    let shift = (advance - letter.advance * stretch) / 2.0;
    let outline = Affine::translate((shift, 0.0)) * Affine::scale_non_uniform(stretch, 1.0) * letter.outline;
    Letter { outline, advance }
}

fn missing(c: char) -> Letter {
    let blank = c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{FE00}'..='\u{FE0F}');
    if blank { Letter { outline: BezPath::new(), advance: if c.is_control() { 0.0 } else { 0.3 } } } else { framed() }
}

/// The empty frame that stands for a letter that no font has.
fn framed() -> Letter {
    let mut outline = kurbo::Rect::new(0.08, 0.0, 0.52, 0.7).to_path(0.01);
    outline
        .extend(kurbo::Rect::new(0.13, 0.05, 0.47, 0.65).to_path(0.01).reverse_subpaths().elements().iter().copied());
    Letter { outline, advance: 0.6 }
}

/// The character that looks the same and that Latin fonts have.
fn usual(c: char) -> char {
    match c {
        '\u{A0}' => ' ',
        '\u{2010}' | '\u{2011}' | '\u{AD}' => '-',
        '\u{2126}' => '\u{3A9}',
        '\u{B5}' => '\u{3BC}',
        c => c,
    }
}

/// What the letters of the most used picture font show, as characters.
fn pictures(code: u32) -> Option<char> {
    let found = PICTURES.iter().find(|(known, _)| *known == code).map(|(_, c)| *c);
    found.or_else(|| (code == 0x20).then_some(' '))
}

const PICTURES: [(u32, char); 36] = [
    (0x22, '✂'),
    (0x28, '☎'),
    (0x2A, '✉'),
    (0x4A, '☺'),
    (0x6C, '●'),
    (0x6E, '■'),
    (0x6F, '□'),
    (0x70, '❐'),
    (0x71, '❑'),
    (0x72, '❒'),
    (0x74, '◆'),
    (0x75, '◆'),
    (0x76, '❖'),
    (0x77, '◆'),
    (0x9F, '•'),
    (0xA0, '▪'),
    (0xA1, '○'),
    (0xA7, '▪'),
    (0xA8, '□'),
    (0xAB, '★'),
    (0xD8, '➢'),
    (0xDF, '←'),
    (0xE0, '→'),
    (0xE1, '↑'),
    (0xE2, '↓'),
    (0xE8, '➔'),
    (0xEF, '⇐'),
    (0xF0, '⇒'),
    (0xF1, '⇑'),
    (0xF2, '⇓'),
    (0xFB, '✗'),
    (0xFC, '✓'),
    (0xFD, '☒'),
    (0xFE, '☑'),
    (0x6D, '❍'),
    (0x73, '⬧'),
];
/// What finding a letter costs.
const LETTER_COST: u64 = 2_000;
