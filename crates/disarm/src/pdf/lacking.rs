//! Letters that the font lacks which stands in for a missing one: they are drawn from the font of the machine that has them and is most
//! like it.
//!
//! A font of the file that has no shape for a letter is left alone: every reader shows nothing there.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use hayro_font::{FontCache, FontGlyph};
use hayro_interpret::font::{FontData, FontQuery, GlyphId, OutlineGlyph, StandardFont};
use kurbo::{Affine, BezPath};

use crate::error::size;
use crate::fonts::{Fonts, Script, Wish};
use crate::image::metafile::letter_of;

/// The fonts that stand in for others, by where their bytes are, and what was wished for.
#[derive(Clone, Debug, Default)]
pub(super) struct StandIns(Arc<Mutex<BTreeMap<usize, Wish>>>);

impl StandIns {
    /// Takes note of a font; of several wishes that it stands for the first counts.
    pub(super) fn add(&self, font: &FontData, wish: Wish) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(place_of(font)).or_insert(wish);
    }

    fn wish(&self, font: &FontData) -> Option<Wish> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place_of(font)).copied()
    }
}

fn place_of(font: &FontData) -> usize {
    (**font).as_ref().as_ptr().addr()
}

/// What lacking letters are drawn with.
#[derive(Default)]
pub(super) struct Spares {
    fonts: Fonts,
    stand_ins: StandIns,
    /// The interpreter's keys of letters that the fourteen standard fonts lack, and what is like each font.
    standard: Option<BTreeMap<u128, Wish>>,
    known: HashMap<(Wish, char), Option<Rc<Spare>>>,
}

/// A letter of another font.
#[derive(Debug)]
pub(super) struct Spare {
    /// A key for its outline that no letter of a font has.
    pub(super) key: u128,
    /// Its outline, in glyph units.
    pub(super) outline: Rc<BezPath>,
    /// Its advance, in glyph units.
    pub(super) advance: f64,
}

/// What becomes of a letter.
pub(super) enum Lack {
    /// Its font has it, or is the file's own.
    Nothing,
    /// Another font has it.
    Spare(Rc<Spare>),
    /// No font has it.
    Lost,
}

impl Spares {
    pub(super) fn new(fonts: Fonts, stand_ins: StandIns) -> Spares {
        Spares { fonts, stand_ins, ..Spares::default() }
    }

    /// Whether the font of a letter that stands for `text` lacks it.
    pub(super) fn look(&mut self, glyph: &OutlineGlyph, text: &str) -> Lack {
        let mut characters = text.chars();
        let (Some(c), None) = (characters.next(), characters.next()) else { return Lack::Nothing };
        // What fonts have no shape for, and what nobody can tell.
        let shows_nothing = c.is_whitespace() || c.is_control() || matches!(c, '\u{AD}' | '\u{FFFD}' | '\u{FEFF}');
        if glyph.glyph_id() != GlyphId::NOTDEF || shows_nothing {
            return Lack::Nothing;
        }
        let Some(wish) = self.wish(glyph) else { return Lack::Nothing };
        let Spares { fonts, known, .. } = self;
        let number = size(known.len());
        let spare = known.entry((wish, c)).or_insert_with(|| {
            let letter = fonts.nearest_first(&wish).find_map(|file| letter_of(file, c, false))?;
            let outline = Affine::scale(EM) * letter.outline;
            let key = SPARE_KEYS | u128::from(number);
            Some(Rc::new(Spare { key, outline: Rc::new(outline), advance: letter.advance * EM }))
        });
        spare.clone().map_or(Lack::Lost, Lack::Spare)
    }

    /// What the font of a letter stands in for; nothing where it is the file's own.
    fn wish(&mut self, glyph: &OutlineGlyph) -> Option<Wish> {
        match glyph.font_data() {
            Some(font) => self.stand_ins.wish(&font.data),
            None => {
                let standard = self.standard.get_or_insert_with(lacking_in_standard);
                standard.get(&glyph.identifier().cache_key()).copied()
            }
        }
    }
}

fn lacking_in_standard() -> BTreeMap<u128, Wish> {
    let resolver: hayro_font::FontResolverFn = Arc::new(|query: &FontQuery| match query {
        FontQuery::Standard(font) => Some(font.get_font_data()),
        FontQuery::Fallback(_) => None,
    });
    let cache = FontCache::new();
    let fonts = STANDARD.into_iter().filter_map(|font| Some((font, cache.standard_font(font, &resolver)?)));
    let glyphs = fonts.filter_map(|(standard, font)| match font.glyph(GlyphId::NOTDEF, 0) {
        FontGlyph::Outline(glyph) => Some((glyph.identifier().cache_key(), like(standard))),
        FontGlyph::Type3(_) => None,
    });
    glyphs.collect()
}

/// What a font of the machine should be to stand beside a standard one. The script is that of most texts here.
fn like(font: StandardFont) -> Wish {
    let (serif, bold) = match font {
        StandardFont::TimesBold | StandardFont::TimesBoldItalic => (true, true),
        StandardFont::TimesRoman | StandardFont::TimesItalic => (true, false),
        StandardFont::HelveticaBold
        | StandardFont::HelveticaBoldOblique
        | StandardFont::CourierBold
        | StandardFont::CourierBoldOblique => (false, true),
        StandardFont::Helvetica
        | StandardFont::HelveticaOblique
        | StandardFont::Courier
        | StandardFont::CourierOblique
        | StandardFont::ZapfDingBats
        | StandardFont::Symbol => (false, false),
    };
    Wish { script: Script::Japanese, serif, bold, proportional: true }
}

const STANDARD: [StandardFont; 14] = [
    StandardFont::Helvetica,
    StandardFont::HelveticaBold,
    StandardFont::HelveticaOblique,
    StandardFont::HelveticaBoldOblique,
    StandardFont::Courier,
    StandardFont::CourierBold,
    StandardFont::CourierOblique,
    StandardFont::CourierBoldOblique,
    StandardFont::TimesRoman,
    StandardFont::TimesBold,
    StandardFont::TimesItalic,
    StandardFont::TimesBoldItalic,
    StandardFont::ZapfDingBats,
    StandardFont::Symbol,
];
/// Glyph units of an em.
const EM: f64 = 1_000.0;
/// The interpreter's keys are hashes, which all but never begin so.
const SPARE_KEYS: u128 = 0x4C41_434B_494E_4700 << 64;
