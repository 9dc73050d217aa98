//! Characters of Japanese, Chinese and Korean fonts.
//!
//! A composite font that brings no `ToUnicode` map still says which collection its glyphs are numbered by, and Adobe's tables
//! lead from there to characters. With them, text of embedded fonts can be found and copied, and glyphs of fonts that are not in
//! the file are looked up by the right character: with vertical forms, a blank for a space, and never a glyph that only
//! happens to have the same number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hayro_cmap::{BfString, CMap, CMapName, CidFamily, WritingMode, load_embedded};
use lopdf::{Dictionary, Object, ObjectId, Stream};

use super::edits::Edits;
use super::tree::Tree;
use super::vertical::{VERTICAL_SUFFIX, turned_form, upright_form};

/// Gives composite fonts the maps that they lack; tells whether any asks for vertical forms.
pub(super) fn put_right(tree: &Tree<'_>, edits: &mut Edits) -> bool {
    let mut maps = Maps::default();
    let mut has_vertical = false;
    for (id, object) in &tree.document.objects {
        let Object::Dictionary(dict) = object else { continue };
        if tree.name(dict, "Subtype") == Some(b"Type0")
            && let Some(font) = Font::read(tree, *id, dict)
        {
            has_vertical |= font.put_right(tree, edits, &mut maps).unwrap_or(false);
        }
    }
    has_vertical
}

struct Font<'d> {
    id: ObjectId,
    dict: &'d Dictionary,
    descendant_id: Option<ObjectId>,
    descendant: &'d Dictionary,
    descriptor: Option<&'d Object>,
    is_embedded: bool,
    own_map: Option<&'d Object>,
}

impl<'d> Font<'d> {
    fn read(tree: &Tree<'d>, id: ObjectId, dict: &'d Dictionary) -> Option<Font<'d>> {
        let first = tree.array(dict, "DescendantFonts")?.first()?;
        let descendant = tree.resolve(first).as_dict().ok()?;
        let descriptor = descendant.get(b"FontDescriptor").ok();
        let is_embedded = descriptor.and_then(|object| tree.resolve(object).as_dict().ok()).is_some_and(|descriptor| {
            ["FontFile2", "FontFile3", "FontFile"]
                .iter()
                .any(|key| matches!(tree.get(descriptor, key), Some(Object::Stream(_))))
        });
        let own_map = tree.get(dict, "ToUnicode");
        Some(Font { id, dict, descendant_id: first.as_reference().ok(), descendant, descriptor, is_embedded, own_map })
    }

    /// Whether vertical forms are asked for; `None` when nothing was to be done.
    fn put_right(&self, tree: &Tree<'d>, edits: &mut Edits, maps: &mut Maps) -> Option<bool> {
        if self.is_embedded && self.own_map.is_some() {
            return None;
        }
        let encoding = tree.get(self.dict, "Encoding")?;
        let cmap = read_encoding(encoding)?;
        let family = self.family(tree, &cmap);
        let known = family.as_ref().is_some_and(|family| family.ucs2_cmap().is_some());
        if self.is_embedded && !known {
            return None;
        }
        // Maps of predefined encodings are made once; an encoding or a map of the file's own belongs to one font.
        let key = match (encoding, self.own_map) {
            (Object::Name(name), None) => Some((name.clone(), format!("{family:?}"), self.is_embedded)),
            _ => None,
        };
        let made = match key.as_ref().and_then(|key| maps.made.get(key)) {
            Some(made) => made.clone(),
            None => {
                let made = self.map(encoding, &cmap, family.as_ref(), maps).map(|map| Made {
                    has_vertical: map.has_vertical,
                    stream: edits.add_stream(Dictionary::new(), map.write()),
                });
                if let Some(key) = key {
                    maps.made.insert(key, made.clone());
                }
                made
            }
        };
        let has_vertical = made.as_ref().is_some_and(|made| made.has_vertical);
        if !self.is_embedded {
            self.forbid_numbers(tree, edits, maps);
        }
        let name = self.dict.get(b"BaseFont").or_else(|_| self.descendant.get(b"BaseFont")).ok();
        let name = name.and_then(|name| tree.resolve(name).as_name().ok()).map(<[u8]>::to_vec);
        let font = edits.dict_mut(tree.document, self.id)?;
        if let Some(made) = made {
            font.set("ToUnicode", made.stream);
        }
        if !self.is_embedded {
            // The interpreter looks for serifs and weight of a missing font here.
            if let Some(descriptor) = self.descriptor {
                font.set("FontDescriptor", descriptor.clone());
            }
            if let Some(mut name) = name.filter(|_| has_vertical) {
                name.extend_from_slice(VERTICAL_SUFFIX.as_bytes());
                font.set("BaseFont", Object::Name(name));
            }
        }
        Some(has_vertical)
    }

    /// The collection by which glyphs are numbered.
    fn family(&self, tree: &Tree<'d>, cmap: &CMap) -> Option<CidFamily> {
        let of_encoding = cmap.metadata().character_collection.as_ref().map(|collection| collection.family.clone());
        of_encoding.filter(|family| family.ucs2_cmap().is_some()).or_else(|| {
            let info = tree.dict(self.descendant, "CIDSystemInfo")?;
            let string = |key: &str| tree.get(info, key).and_then(|object| object.as_str().ok());
            Some(CidFamily::from_registry_ordering(string("Registry")?, string("Ordering")?))
        })
    }

    /// An empty table from number to glyph: without it the interpreter takes the number itself for a glyph of the fall-back font.
    fn forbid_numbers(&self, tree: &Tree<'d>, edits: &mut Edits, maps: &mut Maps) {
        let empty = maps.empty.get_or_insert_with(|| edits.add_stream(Dictionary::new(), Vec::new())).clone();
        match self.descendant_id {
            Some(id) => {
                if let Some(descendant) = edits.dict_mut(tree.document, id) {
                    descendant.set("CIDToGIDMap", empty);
                }
            }
            None => {
                let mut descendant = self.descendant.clone();
                descendant.set("CIDToGIDMap", empty);
                let descendant = edits.add(descendant);
                if let Some(font) = edits.dict_mut(tree.document, self.id) {
                    font.set("DescendantFonts", vec![descendant]);
                }
            }
        }
    }

    /// The characters of all codes, from the font's own map, from the codes themselves, or from the collection.
    fn map(&self, encoding: &Object, cmap: &CMap, family: Option<&CidFamily>, maps: &mut Maps) -> Option<Map> {
        let own = self.own_map.and_then(read_to_unicode);
        let name = encoding.as_name().unwrap_or_default();
        let is_unicode = name.starts_with(b"Uni");
        let collection = if own.is_none() && !is_unicode { Some(maps.collection(family?)?) } else { None };
        let is_vertical = cmap.metadata().writing_mode == Some(WritingMode::Vertical);
        // A predefined vertical encoding differs from the horizontal one only where a glyph has another form. It is asked what
        // the character is: for an arrow the vertical one names the glyph of another arrow.
        let level = name.strip_suffix(b"V").and_then(|stem| read_encoding(&Object::Name([stem, b"H"].concat())));
        let level = level.filter(|_| is_vertical && !name.starts_with(b"Identity"));
        let is_japanese = family == Some(&CidFamily::AdobeJapan1);
        let mut map = Map { characters: BTreeMap::new(), has_vertical: false };
        for (code, len) in codes(is_unicode) {
            let Some(cid) = cmap.lookup_cid_code(code, len) else { continue };
            if map.characters.contains_key(&code) {
                continue;
            }
            let level_cid = level.as_ref().and_then(|level| level.lookup_cid_code(code, len));
            let found = match (&own, collection) {
                (Some(own), _) => own.lookup_bf_string(code),
                (None, Some(collection)) => collection.lookup_bf_string(level_cid.unwrap_or(cid)),
                (None, None) => from_utf16(code).map(BfString::Char),
            };
            let Some(text) = found.map(tidied).filter(|text| !text.is_empty()) else { continue };
            let form = single(&text).filter(|_| !self.is_embedded).and_then(|c| {
                let is_upright = match level_cid {
                    Some(level_cid) => level_cid != cid,
                    None => is_vertical && !is_drawn(c) || is_japanese && is_upright(cid),
                };
                if is_japanese && TURNED.contains(&cid) {
                    turned_form(c)
                } else if is_upright {
                    upright_form(c)
                } else {
                    None
                }
            });
            map.has_vertical |= form.is_some();
            map.characters.insert(code, form.map_or(text, String::from));
        }
        (!map.characters.is_empty()).then_some(map)
    }
}

/// Maps of one document.
#[derive(Default)]
struct Maps {
    /// By encoding, collection and whether the font is embedded.
    made: BTreeMap<(Vec<u8>, String, bool), Option<Made>>,
    collections: Vec<(CidFamily, Option<CMap>)>,
    empty: Option<Object>,
}

#[derive(Clone)]
struct Made {
    stream: Object,
    has_vertical: bool,
}

impl Maps {
    /// From number to character.
    fn collection(&mut self, family: &CidFamily) -> Option<&CMap> {
        let at = match self.collections.iter().position(|(known, _)| known == family) {
            Some(at) => at,
            None => {
                let data = family.ucs2_cmap().and_then(load_embedded);
                self.collections.push((family.clone(), data.and_then(|data| CMap::parse(data, load_embedded))));
                self.collections.len().checked_sub(1)?
            }
        };
        self.collections.get(at)?.1.as_ref()
    }
}

/// Characters by code.
struct Map {
    characters: BTreeMap<u32, String>,
    has_vertical: bool,
}

impl Map {
    /// As a `ToUnicode` stream.
    fn write(&self) -> Vec<u8> {
        let mut text = String::from("begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n");
        let mut rest = self.characters.iter().peekable();
        while let Some((first, characters)) = rest.next() {
            let mut last = *first;
            if let Some(base) = single(characters).map(u32::from).filter(|c| *c < 0xD800) {
                // A range may not carry over into the higher byte, of code or character (ISO 32000-1, 9.10.3).
                while let Some((next, following)) = rest.peek()
                    && **next == last + 1
                    && single(following).map(u32::from) == Some(base + (**next - *first))
                    && (**next & 0xFF) != 0
                    && ((base + (**next - *first)) & 0xFF) != 0
                {
                    last = **next;
                    rest.next();
                }
            }
            let units = characters.encode_utf16().fold(String::new(), |hex, unit| format!("{hex}{unit:04X}"));
            let _ = writeln!(text, "1 beginbfrange <{first:04X}> <{last:04X}> <{units}> endbfrange");
        }
        text.push_str("endcmap\n");
        text.into_bytes()
    }
}

fn read_encoding(encoding: &Object) -> Option<CMap> {
    match encoding {
        Object::Name(name) => match CMapName::from_bytes(name) {
            CMapName::IdentityH => Some(CMap::identity_h()),
            CMapName::IdentityV => Some(CMap::identity_v()),
            name => CMap::parse(load_embedded(name)?, load_embedded),
        },
        Object::Stream(stream) => CMap::parse(&plain_content(stream)?, load_embedded),
        _ => None,
    }
}

fn read_to_unicode(object: &Object) -> Option<CMap> {
    match object {
        Object::Stream(stream) => CMap::parse(&plain_content(stream)?, load_embedded),
        _ => read_encoding(object),
    }
}

fn plain_content(stream: &Stream) -> Option<Vec<u8>> {
    stream.get_plain_content_with_limit(MAX_CMAP).ok()
}

/// All codes that an encoding may have, with their lengths; those of four bytes only where they are pairs of surrogates.
fn codes(is_unicode: bool) -> impl Iterator<Item = (u32, u8)> {
    let pairs = is_unicode
        .then_some((0xD840_u32..0xD86A).flat_map(|high| (0xDC00_u32..0xE000).map(move |low| (high << 16 | low, 4))));
    (0..0x100).map(|code| (code, 1)).chain((0..0x1_0000).map(|code| (code, 2))).chain(pairs.into_iter().flatten())
}

fn from_utf16(code: u32) -> Option<char> {
    let units = [u16::try_from(code >> 16).ok()?, u16::try_from(code & 0xFFFF).ok()?];
    let units = if code > 0xFFFF { units.as_slice() } else { units.get(1..)? };
    char::decode_utf16(units.iter().copied()).next()?.ok()
}

/// Text without variation selectors, which a glyph of another font does not have, and with plain spaces: fonts lack the
/// half-em and quarter-em ones that collections name.
fn tidied(text: BfString) -> String {
    let text = match text {
        BfString::Char(c) => String::from(c),
        BfString::String(text) => text,
    };
    let kept = text.chars().filter(|c| !matches!(u32::from(*c), 0xFE00..=0xFE0F | 0xE_0100..=0xE_01EF));
    kept.map(|c| if matches!(c, '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}') { ' ' } else { c })
        .collect()
}

fn single(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// Arrows and lines: where glyphs are named by their number, the one that is named is the one that is meant.
fn is_drawn(c: char) -> bool {
    matches!(u32::from(c), 0x2190..=0x21FF | 0x2500..=0x25FF)
}

/// Glyphs of Adobe-Japan1 for vertical text that have no other use: punctuation, small kana, squared words (the codes for which
/// the vertical encodings differ from the horizontal ones).
fn is_upright(cid: u32) -> bool {
    matches!(cid, 7887..=7957 | 8264..=8265 | 8268..=8283 | 16329..=16349)
}

/// Glyphs of Adobe-Japan1 that are letters on their side.
const TURNED: std::ops::RangeInclusive<u32> = 8720..=9353;
/// The most bytes of a character map.
const MAX_CMAP: usize = 8 * 1024 * 1024;
