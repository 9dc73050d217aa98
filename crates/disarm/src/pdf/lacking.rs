//! Letters that the font lacks which stands in for a missing one: they are drawn from whatever font of the machine has them.
//!
//! A font of the file that has no shape for a letter is left alone: every reader shows nothing there.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use hayro_font::{FontCache, FontGlyph};
use hayro_interpret::font::{FontData, FontQuery, GlyphId, OutlineGlyph, StandardFont};
use kurbo::{Affine, BezPath};

use crate::fonts::Fonts;
use crate::image::metafile::letter_of;

/// The fonts that stand in for others, by where their bytes are.
#[derive(Clone, Debug, Default)]
pub(super) struct StandIns(Arc<Mutex<BTreeSet<usize>>>);

impl StandIns {
    pub(super) fn add(&self, font: &FontData) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place_of(font));
    }

    fn has(&self, font: &FontData) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&place_of(font))
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
    /// The interpreter's keys of letters that the fourteen standard fonts lack.
    standard: Option<BTreeSet<u128>>,
    known: HashMap<char, Option<Rc<Spare>>>,
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
        if glyph.glyph_id() != GlyphId::NOTDEF || shows_nothing || !self.stands_in(glyph) {
            return Lack::Nothing;
        }
        let Spares { fonts, known, .. } = self;
        let spare = known.entry(c).or_insert_with(|| {
            let letter = fonts.files().find_map(|file| letter_of(file, c, false))?;
            let outline = Affine::scale(EM) * letter.outline;
            let key = SPARE_KEYS | u128::from(u32::from(c));
            Some(Rc::new(Spare { key, outline: Rc::new(outline), advance: letter.advance * EM }))
        });
        spare.clone().map_or(Lack::Lost, Lack::Spare)
    }

    fn stands_in(&mut self, glyph: &OutlineGlyph) -> bool {
        match glyph.font_data() {
            Some(font) => self.stand_ins.has(&font.data),
            None => self.standard.get_or_insert_with(lacking_in_standard).contains(&glyph.identifier().cache_key()),
        }
    }
}

fn lacking_in_standard() -> BTreeSet<u128> {
    let resolver: hayro_font::FontResolverFn = Arc::new(|query: &FontQuery| match query {
        FontQuery::Standard(font) => Some(font.get_font_data()),
        FontQuery::Fallback(_) => None,
    });
    let cache = FontCache::new();
    let fonts = STANDARD.into_iter().filter_map(|font| cache.standard_font(font, &resolver));
    let glyphs = fonts.filter_map(|font| match font.glyph(GlyphId::NOTDEF, 0) {
        FontGlyph::Outline(glyph) => Some(glyph.identifier().cache_key()),
        FontGlyph::Type3(_) => None,
    });
    glyphs.collect()
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
