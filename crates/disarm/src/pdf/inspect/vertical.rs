//! Upright and turned letter forms of fall-back fonts.
//!
//! The interpreter finds a glyph of a fall-back font by character, so a bracket comes out as it stands in horizontal text. A
//! copy of the font whose character map also has private-use characters for the vertical forms lets a `ToUnicode` map name
//! them, and nothing else of the interpreter has to know. U+F0000 plus a character is its form in vertical text, U+100000 plus
//! a character the letter turned to lie on its side.

use std::collections::BTreeMap;

use skrifa::raw::TableProvider;
use skrifa::raw::tables::gsub::{SingleSubst, SubstitutionSubtables};
use skrifa::{FontRef, GlyphId, MetadataProvider, Tag};

/// What the name of a font ends with when its glyphs are asked for by private-use characters.
pub(in crate::pdf) const VERTICAL_SUFFIX: &str = "-MisogiVertical";

/// A copy of a font file in which the face at `index` has the private-use characters; `None` when it cannot be made.
pub(in crate::pdf) fn with_vertical_forms(file: &[u8], index: u32) -> Option<Vec<u8>> {
    let font = FontRef::from_index(file, index).ok()?;
    let upright = substitutions(&font, &[b"vert", b"vrt2"]);
    let turned = substitutions(&font, &[b"vrt2", b"vert"]);
    let mut map: BTreeMap<u32, u32> = BTreeMap::new();
    for (c, glyph) in font.charmap().mappings() {
        let glyph = glyph.to_u32();
        map.insert(c, glyph);
        if let Some(c) = char::from_u32(c).filter(|c| turns(*c) || lies(*c)) {
            let of = |forms: &BTreeMap<u32, u32>| forms.get(&glyph).copied().unwrap_or(glyph);
            if let Some(private) = upright_form(c) {
                map.insert(private.into(), of(&upright));
            }
            if let Some(private) = turned_form(c) {
                map.insert(private.into(), of(&turned));
            }
        }
    }
    with_characters(file, index, &map)
}

/// A copy of a font file in which the Latin letters of the face at `index` are those of half an em that Japanese fonts keep for
/// columns (`hwid`); `None` when it has none or it cannot be made.
pub(in crate::pdf) fn with_half_width_forms(file: &[u8], index: u32) -> Option<Vec<u8>> {
    let font = FontRef::from_index(file, index).ok()?;
    let half_width = substitutions(&font, &[b"hwid"]);
    let mut found = false;
    let mut map: BTreeMap<u32, u32> = BTreeMap::new();
    for (c, glyph) in font.charmap().mappings() {
        let glyph = glyph.to_u32();
        let half = half_width.get(&glyph).filter(|_| (0x20..0x7F).contains(&c));
        found |= half.is_some();
        map.insert(c, half.copied().unwrap_or(glyph));
    }
    if found { with_characters(file, index, &map) } else { None }
}

/// A copy of a font file whose face at `index` finds its glyphs by another map.
fn with_characters(file: &[u8], index: u32, map: &BTreeMap<u32, u32>) -> Option<Vec<u8>> {
    let record = cmap_record(file, index)?;
    let table = cmap(map)?;
    let mut copy = Vec::with_capacity(file.len().checked_add(table.len())?.checked_add(4)?);
    copy.extend_from_slice(file);
    copy.resize(copy.len().next_multiple_of(4), 0);
    let (offset, len) = (u32::try_from(copy.len()).ok()?, u32::try_from(table.len()).ok()?);
    copy.extend_from_slice(&table);
    copy.get_mut(record.checked_add(8)?..record.checked_add(12)?)?.copy_from_slice(&offset.to_be_bytes());
    copy.get_mut(record.checked_add(12)?..record.checked_add(16)?)?.copy_from_slice(&len.to_be_bytes());
    Some(copy)
}

/// The character that a private-use character stands for, or the character itself.
pub(in crate::pdf) fn plain(c: char) -> char {
    match u32::from(c) {
        code @ 0xF_0000..=0xF_FFFF => char::from_u32(code - UPRIGHT).unwrap_or(c),
        code @ 0x10_0000..=0x10_FFFF => char::from_u32(code - TURNED).unwrap_or(c),
        _ => c,
    }
}

/// The private-use character for a character's form in vertical text, where it may have one.
pub(super) fn upright_form(c: char) -> Option<char> {
    if turns(c) { char::from_u32(u32::from(c).checked_add(UPRIGHT)?) } else { None }
}

/// The private-use character for a letter on its side, where it may lie.
pub(super) fn turned_form(c: char) -> Option<char> {
    if lies(c) { char::from_u32(u32::from(c).checked_add(TURNED)?) } else { None }
}

/// Whether fonts may have another form for vertical text: punctuation, small kana, squared words, arrows.
fn turns(c: char) -> bool {
    matches!(u32::from(c), 0xA7..=0xD7 | 0x2010..=0x203F | 0x2190..=0x21FF | 0x2225 | 0x22EE..=0x22EF | 0x2500..=0x25FF
        | 0x261C..=0x261F | 0x3000..=0x30FF | 0x31F0..=0x31FF | 0x3300..=0x33FF | 0xFF01..=0xFF5E | 0xFFE0..=0xFFEE)
}

/// Whether a letter is written on its side in vertical text: those of Western scripts, and half-width kana.
fn lies(c: char) -> bool {
    matches!(u32::from(c), 0x21..=0x7E | 0xA1..=0x17F | 0x2010..=0x2044 | 0x20AC | 0x2122 | 0x2202..=0x22FF | 0xFB00..=0xFB04
        | 0xFF61..=0xFF9F)
}

/// The glyphs that features put in the place of others, one for one; the first feature that has one counts.
fn substitutions(font: &FontRef<'_>, features: &[&[u8; 4]]) -> BTreeMap<u32, u32> {
    let mut found = BTreeMap::new();
    let Ok(table) = font.gsub() else { return found };
    let (Ok(list), Ok(lookups)) = (table.feature_list(), table.lookup_list()) else { return found };
    let lookups = lookups.lookups();
    for wanted in features {
        let records = list.feature_records().iter().filter(|record| record.feature_tag() == Tag::new(wanted));
        let indices =
            records.filter_map(|record| record.feature(list.offset_data()).ok()).flat_map(|f| f.lookup_list_indices());
        for index in indices {
            let Ok(lookup) = lookups.get(usize::from(index.get())) else { continue };
            let Ok(SubstitutionSubtables::Single(subtables)) = lookup.subtables() else { continue };
            for subtable in subtables.iter().flatten() {
                for (from, to) in pairs(&subtable) {
                    found.entry(from).or_insert(to);
                }
            }
        }
    }
    found
}

fn pairs(subtable: &SingleSubst<'_>) -> Vec<(u32, u32)> {
    let (coverage, delta, glyphs) = match subtable {
        SingleSubst::Format1(table) => (table.coverage(), table.delta_glyph_id(), None),
        SingleSubst::Format2(table) => (table.coverage(), 0, Some(table.substitute_glyph_ids())),
        // For fonts of more than 65,535 glyphs.
        SingleSubst::Format3(_) | SingleSubst::Format4(_) => return Vec::new(),
    };
    let Ok(coverage) = coverage else { return Vec::new() };
    let pair = |(at, from): (usize, GlyphId)| {
        let from = u16::try_from(from.to_u32()).ok()?;
        let to = match glyphs {
            Some(glyphs) => glyphs.get(at)?.get().to_u16(),
            None => from.wrapping_add_signed(delta),
        };
        Some((u32::from(from), u32::from(to)))
    };
    coverage.iter().enumerate().filter_map(pair).collect()
}

/// Where the directory of a face says where its character map is.
fn cmap_record(file: &[u8], index: u32) -> Option<usize> {
    let number = |at: usize, len: usize| -> Option<usize> {
        let bytes = file.get(at..at.checked_add(len)?)?;
        Some(bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    };
    let face = match file.get(..4)? {
        b"ttcf" => number(12_usize.checked_add(usize::try_from(index).ok()?.checked_mul(4)?)?, 4)?,
        _ => 0,
    };
    let tables = number(face.checked_add(4)?, 2)?;
    (0..tables)
        .filter_map(|table| face.checked_add(12)?.checked_add(table.checked_mul(16)?))
        .find(|record| record.checked_add(4).and_then(|end| file.get(*record..end)) == Some(b"cmap"))
}

/// A character map of one subtable of format 12.
fn cmap(map: &BTreeMap<u32, u32>) -> Option<Vec<u8>> {
    let mut groups: Vec<[u32; 3]> = Vec::new();
    for (c, glyph) in map {
        match groups.last_mut() {
            Some([first, last, start]) if *c == *last + 1 && *glyph == *start + (*c - *first) => *last = *c,
            _ => groups.push([*c, *c, *glyph]),
        }
    }
    let count = u32::try_from(groups.len()).ok()?;
    let len = count.checked_mul(12)?.checked_add(16)?;
    // Version 0, one record: Windows, all of Unicode, at byte 12.
    let mut table = vec![0, 0, 0, 1, 0, 3, 0, 10, 0, 0, 0, 12];
    table.extend_from_slice(&[0, 12, 0, 0]);
    for number in [len, 0, count].into_iter().chain(groups.into_iter().flatten()) {
        table.extend_from_slice(&number.to_be_bytes());
    }
    Some(table)
}

const UPRIGHT: u32 = 0xF_0000;
const TURNED: u32 = 0x10_0000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Any of the fonts that the tests install.
    #[allow(clippy::disallowed_methods, reason = "reads a font of the machine")]
    fn japanese() -> Vec<u8> {
        std::fs::read("/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf").unwrap()
    }

    #[test]
    fn the_copy_has_vertical_forms_and_all_that_the_font_had() {
        let file = japanese();
        let copy = with_vertical_forms(&file, 0).unwrap();
        let (before, after) = (FontRef::new(&file).unwrap(), FontRef::new(&copy).unwrap());
        let glyph = |font: &FontRef<'_>, c: char| font.charmap().map(c).unwrap();
        for c in "「」（）、。ー〜ぁッ…".chars() {
            assert_eq!(glyph(&after, c), glyph(&before, c), "{c}");
            let form = upright_form(c).unwrap();
            assert_ne!(glyph(&after, form), glyph(&before, c), "{c}");
            assert_eq!(plain(form), c);
        }
        // What has no other form is found all the same.
        assert_eq!(glyph(&after, upright_form('〒').unwrap()), glyph(&before, '〒'));
        assert_eq!(plain(turned_form('A').unwrap()), 'A');
        assert_eq!(upright_form('漢'), None);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "reads a font of the machine")]
    fn letters_of_half_an_em_stand_for_latin_ones() {
        let file = std::fs::read("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").unwrap();
        let copy = with_half_width_forms(&file, 0).unwrap();
        let font = FontRef::from_index(&copy, 0).unwrap();
        let advance = |c: char| {
            let metrics =
                font.glyph_metrics(skrifa::instance::Size::unscaled(), skrifa::instance::LocationRef::default());
            metrics.advance_width(font.charmap().map(c).unwrap()).unwrap()
        };
        for c in "iMW(1@".chars() {
            assert!((advance(c) - 500.0).abs() < 1.0, "{c} {}", advance(c));
        }
        assert!((advance('漢') - 1000.0).abs() < 1.0);
        assert_eq!(with_half_width_forms(b"no font", 0), None);
    }

    #[test]
    fn what_is_no_font_has_no_copy() {
        assert_eq!(with_vertical_forms(b"no font", 0), None);
        assert_eq!(with_vertical_forms(&japanese(), 7), None);
    }
}
