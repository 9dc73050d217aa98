//! Letters: each outline with a meaning and an advance once in a document.

use std::collections::HashMap;

use form::codec::Encoder;
use form::pages::{Glyph, GlyphText, Path, TextRun};
use hayro_interpret::font::OutlineGlyph;
use hayro_interpret::hayro_cmap::BfString;
use kurbo::{Affine, BezPath, Rect};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::TableProvider;
use skrifa::{FontRef, GlyphId, MetadataProvider, Tag};

use super::geometry;
use crate::error::{Error, size};

/// The letters of a document.
#[derive(Debug, Default)]
pub(super) struct Glyphs {
    known: HashMap<Key, Known>,
    /// What each letter in the form covers, by number; for a blank about what a letter would.
    areas: Vec<Rect>,
    /// How many segments the outline of each letter in the form has, by number.
    segments: Vec<usize>,
}

/// What a letter is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The interpreter's key of its outline; 0 for a blank.
    pub(super) outline: u128,
    /// By how many thousandths it is stretched along the line.
    pub(super) stretch: u32,
    /// Its advance in tenths of a glyph unit.
    pub(super) advance: i32,
    /// What it stands for.
    pub(super) text: GlyphText,
}

/// A letter that has been seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Its number, once it is in the form.
    number: Option<u32>,
    /// What its outline covers, in glyph units; nothing for a blank.
    pub(super) bounds: Option<Rect>,
    /// Whether a glyph of the form can hold it.
    pub(super) fits: bool,
}

impl Key {
    /// A letter that is only to be found and copied.
    pub(super) fn blank(text: GlyphText, advance: f32) -> Key {
        Key { outline: 0, stretch: UNSTRETCHED, advance: tenths(advance), text }
    }

    pub(super) fn new(outline: u128, text: GlyphText, advance: f32) -> Key {
        Key { outline, stretch: UNSTRETCHED, advance: tenths(advance), text }
    }
}

impl Glyphs {
    /// What is known of a letter; its outline is only asked for the first time.
    pub(super) fn look(&mut self, key: &Key, outline: impl FnOnce() -> BezPath) -> Known {
        if let Some(known) = self.known.get(key) {
            return *known;
        }
        let outline = outline_of(key, outline);
        let known = Known {
            number: None,
            bounds: outline.as_ref().and_then(geometry::bounds),
            fits: outline.as_ref().is_some_and(is_drawable),
        };
        self.known.insert(key.clone(), known);
        known
    }

    /// The number of a letter that fits, which is put into the form when it is not there.
    pub(super) fn number(
        &mut self,
        key: &Key,
        outline: impl FnOnce() -> BezPath,
        out: &mut Encoder<impl std::io::Write>,
    ) -> Result<u32, Error> {
        if let Some(Known { number: Some(number), .. }) = self.known.get(key) {
            return Ok(*number);
        }
        let outline = outline_of(key, outline).unwrap_or_default();
        let (bounds, segments) = (geometry::bounds(&outline), outline.segments.len());
        #[allow(clippy::cast_precision_loss, reason = "at most thirty thousand units")]
        let advance = key.advance as f32 / 10.0;
        let number = out.glyph(&Glyph { advance, outline, text: key.text.clone() })?;
        self.known.insert(key.clone(), Known { number: Some(number), bounds, fits: true });
        let blank = Rect::new(0.0, 0.0, advance.into(), LETTER_HEIGHT).abs();
        self.areas.push(bounds.unwrap_or(blank));
        self.segments.push(segments);
        Ok(number)
    }

    /// How many segments the outlines of a run's letters have.
    pub(super) fn segments(&self, run: &TextRun) -> u64 {
        let of = |glyph: u32| usize::try_from(glyph).ok().and_then(|number| self.segments.get(number)).copied();
        run.glyphs.iter().fold(0_u64, |sum, placed| sum.saturating_add(size(of(placed.glyph).unwrap_or(0))))
    }

    /// What a letter in the form covers, in glyph units.
    pub(super) fn area(&self, number: u32) -> Option<Rect> {
        self.areas.get(usize::try_from(number).ok()?).copied()
    }
}

/// What characters the interpreter found for a letter, as they are of use to readers: an en space is what the character
/// collections call a half-width space, and variation selectors say nothing that the outline does not show.
pub(super) fn meaning(found: Option<BfString>, plain: impl Fn(char) -> char) -> GlyphText {
    let usual = |c: char| match plain(c) {
        '\u{2002}' => ' ',
        other => other,
    };
    let is_kept = |c: &char| !matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}');
    let text: String = match found {
        Some(BfString::Char(c)) => std::iter::once(usual(c)).filter(is_kept).collect(),
        Some(BfString::String(text)) => text.chars().map(usual).filter(is_kept).collect(),
        None => String::new(),
    };
    // A file that was rebuilt before says so of letters that go with the one before them.
    if text == GlyphText::said().as_str() { GlyphText::said() } else { GlyphText::scrub(&text) }
}

/// Whether the program of a font should hold a shape for a letter and it cannot be read: a table that ends too early, for instance.
pub(super) fn is_damaged(glyph: &OutlineGlyph) -> bool {
    let Some(font) = glyph.font_data() else { return false };
    // Programs that are no OpenType font are judged by nobody here.
    let Ok(program) = FontRef::from_index((*font.data).as_ref(), 0) else { return false };
    let outlines = program.outline_glyphs();
    if outlines.format().is_none() {
        // It says that it has shapes, but so much is cut off that none is left.
        let tables = program.table_directory().table_records();
        return tables.iter().any(|record| record.tag() == Tag::new(b"glyf"));
    }
    let number = GlyphId::new(glyph.glyph_id().to_u32());
    let count = program.maxp().map_or(0, |table| table.num_glyphs());
    match outlines.get(number) {
        Some(outline) => {
            let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
            outline.draw(settings, &mut Nowhere).is_err()
        }
        None => number.to_u32() > 0 && number.to_u32() < u32::from(count),
    }
}

/// A pen that draws nothing.
struct Nowhere;

impl OutlinePen for Nowhere {
    fn move_to(&mut self, _: f32, _: f32) {}
    fn line_to(&mut self, _: f32, _: f32) {}
    fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {}
    fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {}
    fn close(&mut self) {}
}

fn outline_of(key: &Key, outline: impl FnOnce() -> BezPath) -> Option<Path> {
    if key.outline == 0 {
        return Some(Path::default());
    }
    let stretch = f64::from(key.stretch) / f64::from(UNSTRETCHED);
    geometry::path(&outline(), Affine::scale_non_uniform(stretch, 1.0))
}

fn is_drawable(outline: &Path) -> bool {
    let near = |bounds: Rect| bounds.x0 >= -MOST && bounds.y0 >= -MOST && bounds.x1 <= MOST && bounds.y1 <= MOST;
    outline.segments.len() <= usize::try_from(Glyph::MAX_SEGMENTS).unwrap_or(usize::MAX)
        && geometry::bounds(outline).is_none_or(near)
}

#[allow(clippy::cast_possible_truncation, reason = "clamped; NaN becomes 0")]
fn tenths(advance: f32) -> i32 {
    (advance.clamp(-30_000.0, 30_000.0) * 10.0).round() as i32
}

pub(super) const UNSTRETCHED: u32 = 1_000;
/// About how high letters are, in glyph units.
const LETTER_HEIGHT: f64 = 700.0;
/// The most units from the origin of a letter, as font programs can tell it.
const MOST: f64 = 30_000.0;

#[cfg(test)]
mod tests {
    use hayro_interpret::hayro_cmap::BfString;

    use super::meaning;

    fn check(found: &str, expected: &str) {
        assert_eq!(meaning(Some(BfString::String(found.to_owned())), |c| c).as_str(), expected);
    }

    #[test]
    fn spaces_are_spaces_and_selectors_are_dropped() {
        check("\u{2002}", " ");
        check("葛\u{E0100}", "葛");
        check("☺\u{FE0F}", "☺");
        check("a\u{202E}b", "ab");
        assert!(meaning(Some(BfString::Char('\u{200B}')), |c| c).is_said());
        assert_eq!(meaning(None, |c| c).as_str(), "");
    }
}
