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
use skrifa::{FontRef, MetadataProvider};

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
    /// The program of the font, when it is in the file.
    program: Option<&'d Stream>,
    own_map: Option<&'d Object>,
}

impl<'d> Font<'d> {
    fn read(tree: &Tree<'d>, id: ObjectId, dict: &'d Dictionary) -> Option<Font<'d>> {
        let first = tree.array(dict, "DescendantFonts")?.first()?;
        let descendant = tree.resolve(first).as_dict().ok()?;
        let descriptor = descendant.get(b"FontDescriptor").ok();
        let dictionary = descriptor.and_then(|object| tree.resolve(object).as_dict().ok());
        let program = dictionary.and_then(|descriptor| {
            let file = |key: &&str| tree.get(descriptor, key).and_then(|object| object.as_stream().ok());
            ["FontFile2", "FontFile3", "FontFile"].iter().find_map(file)
        });
        let own_map = tree.get(dict, "ToUnicode");
        Some(Font { id, dict, descendant_id: first.as_reference().ok(), descendant, descriptor, program, own_map })
    }

    /// Whether vertical forms are asked for; `None` when nothing was to be done.
    fn put_right(&self, tree: &Tree<'d>, edits: &mut Edits, maps: &mut Maps) -> Option<bool> {
        if self.program.is_some() && matches!(self.own_map, Some(Object::Stream(_))) && !self.has_gaps(tree) {
            return None;
        }
        let encoding = tree.get(self.dict, "Encoding")?;
        let cmap = read_encoding(encoding)?;
        let family = self.family(tree, &cmap);
        let known = family.as_ref().is_some_and(|family| family.ucs2_cmap().is_some());
        let is_embedded = self.program.is_some();
        // Maps of predefined encodings are made once; an encoding, a map or a program of the file's own belongs to one font.
        let key = match (encoding, self.own_map) {
            (Object::Name(name), None) if known => Some((name.clone(), format!("{family:?}"), is_embedded)),
            (Object::Name(name), None) if !is_embedded => {
                let order = if self.is_usual(tree) { "usual" } else { "unknown" };
                Some((name.clone(), order.to_owned(), false))
            }
            _ => None,
        };
        let made = match key.as_ref().and_then(|key| maps.made.get(key)) {
            Some(made) => made.clone(),
            None => {
                let made = self.map(tree, encoding, &cmap, family.as_ref().filter(|_| known), maps).map(|map| Made {
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
        if is_embedded && made.is_none() {
            return None;
        }
        if !is_embedded {
            self.forbid_numbers(tree, edits, maps);
        }
        let name = self.dict.get(b"BaseFont").or_else(|_| self.descendant.get(b"BaseFont")).ok();
        let name = name.and_then(|name| tree.resolve(name).as_name().ok()).map(<[u8]>::to_vec);
        let font = edits.dict_mut(tree.document, self.id)?;
        if let Some(made) = made {
            font.set("ToUnicode", made.stream);
        }
        if !is_embedded {
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

    /// Whether the font's own map leaves out letters whose widths the file gives, and their numbers say what they are.
    fn has_gaps(&self, tree: &Tree<'d>) -> bool {
        let is_numbered = tree.dict(self.descendant, "CIDSystemInfo").is_some_and(|info| {
            tree.get(info, "Ordering").and_then(|name| name.as_str().ok()).is_some_and(|name| name != b"Identity")
        });
        if !is_numbered || !matches!(tree.name(self.dict, "Encoding"), Some(b"Identity-H" | b"Identity-V")) {
            return false;
        }
        let Some(own) = self.own_map.and_then(read_to_unicode) else { return false };
        let widths = tree.array(self.descendant, "W").unwrap_or_default().iter().take(MAX_WIDTHS);
        let mut first = None;
        for object in widths.map(|object| tree.resolve(object)) {
            match (first, object) {
                (Some(first), Object::Array(list)) => {
                    let count = u32::try_from(list.len().min(MAX_WIDTHS)).unwrap_or(0);
                    let codes = (0..count).filter_map(|at| u32::checked_add(first, at));
                    // Number 0 is the glyph for what is missing.
                    if codes.filter(|code| *code > 0).any(|code| said(&own, code).is_none()) {
                        return true;
                    }
                }
                _ => first = object.as_i64().ok().and_then(|number| u32::try_from(number).ok()),
            }
        }
        false
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

    /// The characters of all codes, from the font's own map, from the codes themselves, from the collection, or from the program
    /// of the font.
    fn map(
        &self,
        tree: &Tree<'d>,
        encoding: &Object,
        cmap: &CMap,
        family: Option<&CidFamily>,
        maps: &mut Maps,
    ) -> Option<Map> {
        let own = self.own_map.and_then(read_to_unicode);
        let name = encoding.as_name().unwrap_or_default();
        let is_unicode = name.starts_with(b"Uni");
        let source = match (own, family) {
            (Some(own), family) => Source::Own(Box::new(own), family.and_then(|family| maps.collection(family))),
            (None, _) if is_unicode => Source::Codes,
            (None, Some(family)) => Source::Collection(maps.collection(family)?),
            (None, None) if self.program.is_some() => Source::Program(self.characters_of_program(tree)?),
            (None, None) if name.starts_with(b"Identity") => Source::Program(usual_characters(self.is_usual(tree))),
            (None, None) => return None,
        };
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
            let found = match &source {
                Source::Own(own, collection) => said(own, code)
                    .or_else(|| own.lookup_cid_code(code, len).and_then(character))
                    .or_else(|| (*collection)?.lookup_bf_string(cid)),
                Source::Codes => from_utf16(code).map(BfString::Char),
                Source::Collection(collection) => collection.lookup_bf_string(level_cid.unwrap_or(cid)),
                Source::Program(characters) => characters.get(&cid).copied().map(BfString::Char),
            };
            let Some(text) = found.map(tidied).filter(|text| !text.is_empty()) else { continue };
            let form = single(&text).filter(|_| is_vertical && self.program.is_none()).and_then(|c| {
                let is_upright = match level_cid {
                    Some(level_cid) => level_cid != cid,
                    None => !is_drawn(c) || is_japanese && is_upright(cid),
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

    /// The characters by which a TrueType program finds its glyphs, read backwards: writers of office software put such fonts
    /// in whole and forget the map.
    fn characters_of_program(&self, tree: &Tree<'d>) -> Option<BTreeMap<u32, char>> {
        let bytes = self.program?.get_plain_content_with_limit(MAX_PROGRAM).ok()?;
        let font = FontRef::new(&bytes).ok()?;
        let mut characters = BTreeMap::new();
        for (c, glyph) in font.charmap().mappings().take(MAX_GLYPHS) {
            // The first of several is the plain one.
            if let Some(c) = telling(c) {
                characters.entry(glyph.to_u32()).or_insert(c);
            }
        }
        let Some(Object::Stream(numbers)) = tree.get(self.descendant, "CIDToGIDMap") else { return Some(characters) };
        let numbers = plain_content(numbers)?;
        let glyph = |pair: &[u8]| pair.first_chunk().map(|pair| u32::from(u16::from_be_bytes(*pair)));
        let glyphs = (0_u32..).zip(numbers.chunks_exact(2).filter_map(glyph)).filter(|(_, glyph)| *glyph > 0);
        if characters.is_empty() && glyphs.clone().any(|(cid, glyph)| cid != glyph) {
            // Writers of pages out of programs (TCPDF) number letters by their characters and leave the program without any.
            return Some(glyphs.filter_map(|(cid, _)| Some((cid, telling(cid)?))).collect());
        }
        Some(glyphs.filter_map(|(cid, glyph)| Some((cid, *characters.get(&glyph)?))).collect())
    }

    /// Whether the first glyphs of a font that is not in the file are known by its name.
    fn is_usual(&self, tree: &Tree<'d>) -> bool {
        let name = self.dict.get(b"BaseFont").or_else(|_| self.descendant.get(b"BaseFont")).ok();
        let name = name.and_then(|name| tree.resolve(name).as_name().ok()).unwrap_or_default();
        let plain = name.iter().position(|byte| *byte == b'+').and_then(|at| name.get(at.checked_add(1)?..));
        let plain: Vec<u8> = plain.unwrap_or(name).iter().copied().filter(|byte| *byte != b' ').collect();
        USUAL_FONTS.iter().any(|usual| plain.starts_with(usual.as_bytes()))
    }
}

/// The characters of a font that is not in the file and whose letters are numbers of glyphs. The fonts of Windows that are missing
/// so often have their first glyphs in one order; of others nobody can tell, and the letters are said to be lost.
fn usual_characters(is_usual: bool) -> BTreeMap<u32, char> {
    let known = USUAL_ORDER.chars().filter(|_| is_usual);
    // Glyphs 0 to 2 show nothing in any of them.
    (FIRST_USUAL..MAX_LOST).zip(known.chain(std::iter::repeat(char::REPLACEMENT_CHARACTER))).collect()
}

/// Where characters are known from.
enum Source<'m> {
    /// The font's own map, and the collection for what it leaves out.
    Own(Box<CMap>, Option<&'m CMap>),
    /// The codes, which are UTF-16.
    Codes,
    /// The collection that glyphs are numbered by.
    Collection(&'m CMap),
    /// The program of the font, by number.
    Program(BTreeMap<u32, char>),
}

/// Maps of one document.
#[derive(Default)]
struct Maps {
    /// By encoding, collection or order of glyphs, and whether the font is embedded.
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
        let (mut ranges, mut singles) = (Block::new("bfrange"), Block::new("bfchar"));
        let mut rest = self.characters.iter().peekable();
        while let Some((first, characters)) = rest.next() {
            let mut last = *first;
            if let Some(base) = single(characters).map(u32::from).filter(|c| *c < 0xD800) {
                // A range may not carry over into the higher byte, of code or character (ISO 32000-1, 9.10.3).
                while let Some((next, following)) = rest.peek()
                    && **next == last.saturating_add(1)
                    && single(following).map(u32::from) == base.checked_add(**next - *first)
                    && (**next & 0xFF) != 0
                    && single(following).is_some_and(|c| u32::from(c) & 0xFF != 0)
                {
                    last = **next;
                    rest.next();
                }
            }
            let units = characters.encode_utf16().fold(String::new(), |hex, unit| format!("{hex}{unit:04X}"));
            if last > *first {
                ranges.push(&format!("<{first:04X}><{last:04X}><{units}>\n"));
            } else {
                singles.push(&format!("<{first:04X}><{units}>\n"));
            }
        }
        let (ranges, singles) = (ranges.finish(), singles.finish());
        format!("begincmap\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n{ranges}{singles}endcmap\n")
            .into_bytes()
    }
}

/// Entries of a map, at most 100 together (Adobe Technical Note #5014).
struct Block {
    kind: &'static str,
    text: String,
    open: String,
    count: u32,
}

impl Block {
    fn new(kind: &'static str) -> Block {
        Block { kind, text: String::new(), open: String::new(), count: 0 }
    }

    fn push(&mut self, entry: &str) {
        self.open.push_str(entry);
        self.count += 1;
        if self.count == 100 {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.count > 0 {
            let Block { kind, open, count, .. } = self;
            let _ = write!(self.text, "{count} begin{kind}\n{open}end{kind}\n");
            self.open.clear();
            self.count = 0;
        }
    }

    fn finish(mut self) -> String {
        self.close();
        self.text
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

/// What a font's own map says of a code; a control character is a slip of the writer, and says nothing.
fn said(own: &CMap, code: u32) -> Option<BfString> {
    own.lookup_bf_string(code).filter(|text| !matches!(text, BfString::Char(c) if c.is_control()))
}

/// The character of a number; those for symbols and private use say nothing.
fn telling(code: u32) -> Option<char> {
    char::from_u32(code).filter(|c| !matches!(u32::from(*c), 0..0x20 | 0xE000..0xF900))
}

fn character(code: u32) -> Option<BfString> {
    char::from_u32(code).filter(|c| !c.is_control()).map(BfString::Char)
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
/// Fonts of Windows whose first glyphs are in [`USUAL_ORDER`], as their names begin.
const USUAL_FONTS: &[&str] =
    &["Arial", "TimesNewRoman", "CourierNew", "Helvetica", "Verdana", "Tahoma", "Georgia", "TrebuchetMS", "Impact"];
/// The characters of their glyphs from [`FIRST_USUAL`] on: ASCII, then as in the standard order of
/// the Macintosh ("post" of OpenType) without its wide space and its apple.
const USUAL_ORDER: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\
    ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…ÀÃÕŒœ–—“”‘’\
    ÷◊ÿŸ⁄¤‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇŁłŠšŽž¦ÐðÝýÞþ−×¹²³½¼¾₣ĞğİŞşĆćČčđ";
const FIRST_USUAL: u32 = 3;
/// The numbers of glyphs that are told to be lost.
const MAX_LOST: u32 = 8_192;
/// The most widths of a font that are looked at.
const MAX_WIDTHS: usize = 4_000;
/// The most bytes of a font program.
const MAX_PROGRAM: usize = 64 * 1024 * 1024;
/// The most characters of a font program.
const MAX_GLYPHS: usize = 100_000;
/// The most bytes of a character map.
const MAX_CMAP: usize = 8 * 1024 * 1024;
