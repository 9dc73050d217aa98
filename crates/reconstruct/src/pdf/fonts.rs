//! The glyphs of a document as new fonts: Type 0 fonts over CID-keyed font programs (ISO 32000-1, 9.7) whose character codes
//! are the glyphs' numbers.
//!
//! Glyphs go into fonts as they come, so a page finds its letters in one font or two. A full font is written at once and its
//! outlines are forgotten. Letters of unusual extent have fonts of their own: readers take the height of a selection from
//! the extent of the font.

use form::pages::{Glyph, GlyphText, Point, Segment};

use super::cff;
use super::charstring::{DEFAULT_WIDTH, MOST, charstring};
use super::file::File;
use super::grammar::{Key, Name};
use super::syntax::{Ref, Syntax, whole};
use crate::error::Error;

/// All glyphs of a document.
#[derive(Default)]
pub(super) struct Fonts {
    glyphs: Vec<Place>,
    fonts: Vec<Font>,
    /// The font that takes the next glyph of each class.
    open: [Option<u32>; 4],
    /// Letters were shown that stand for no character.
    pub(super) unmapped: bool,
}

/// Where a glyph is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) font: u32,
    /// Its number in the font, which is its character code.
    pub(super) code: u16,
    /// How far the pen goes, in thousandths of the font's em.
    pub(super) width: i16,
    /// The em of the font in ems of the form.
    pub(super) em: f64,
    pub(super) mapped: bool,
    pub(super) blank: bool,
    /// Where a box as large as the letter stands for it, when it shows nothing.
    stand_in: Option<(u32, u16)>,
    /// It is of a script that is written in columns, too.
    pub(super) columnar: bool,
}

/// Which direction the letters of a line follow one another in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Horizontal,
    Vertical,
}

struct Font {
    /// The Type 0 font for lines, and that for columns.
    across: Option<Ref>,
    down: Option<Ref>,
    descendant: Ref,
    to_unicode: Ref,
    content: Option<Content>,
}

/// What is kept of a font until it is written.
struct Content {
    charstrings: Vec<u8>,
    ends: Vec<u32>,
    widths: Vec<i16>,
    texts: Vec<GlyphText>,
    /// Glyphs that show nothing.
    blank: Vec<bool>,
    extent: Option<[i32; 4]>,
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Usual,
    /// Reaches far over the em.
    Outsize,
    /// Does not fit the numbers of a charstring as it is.
    Huge,
    /// Boxes that stand for letters that show nothing.
    StandIn,
}

impl Place {
    /// The letter for text that is not painted. Readers take what can be marked and found from the outlines: pdfium passes over
    /// a letter without one that is shown by itself, as recognised Japanese text is.
    pub(super) fn unpainted(self) -> Place {
        match self.stand_in {
            Some((font, code)) => Place { font, code, ..self },
            None => self,
        }
    }
}

impl Fonts {
    /// Takes the next glyph.
    pub(super) fn add(&mut self, glyph: Glyph, file: &mut File<'_, '_>) -> Result<(), Error> {
        let class = Class::of(&glyph);
        let em = class.em();
        let width = whole(f64::from(glyph.advance) / em).clamp(-i64::from(MOST), i64::from(MOST));
        let width = i16::try_from(width).unwrap_or(0);
        let drawn = charstring(&glyph.outline.segments, width.into(), em);
        let number = self.font_for(class, file)?;
        let (mapped, blank) = (!glyph.text.is_empty(), drawn.extent.is_none());
        let is_letter = glyph.text.as_str().chars().any(|c| !c.is_whitespace());
        let stand_in = match class {
            Class::Usual | Class::Outsize if blank && is_letter => Some(self.add_stand_in(width, &glyph.text, file)?),
            _ => None,
        };
        // From the radicals on: kana, ideographs, Hangul, full-width forms.
        let columnar = glyph.text.as_str().chars().next().is_some_and(|first| first >= '\u{2E80}');
        let mut code = 0;
        if let Some(content) = self.font_mut(number).and_then(|font| font.content.as_mut()) {
            code = u16::try_from(content.ends.len()).unwrap_or(0);
            content.add(&drawn.code, drawn.extent, width, glyph.text);
        }
        self.glyphs.push(Place { font: number, code, width, em, mapped, blank, stand_in, columnar });
        Ok(())
    }

    /// Takes the box for a letter of some width and meaning; its font is only written when it is used.
    fn add_stand_in(&mut self, width: i16, text: &GlyphText, file: &mut File<'_, '_>) -> Result<(u32, u16), Error> {
        let right = f32::from(width.max(STAND_IN_LEAST));
        let corner = |x, y| Point { x, y };
        let outline = [
            Segment::Move(corner(0.0, STAND_IN_BOTTOM)),
            Segment::Line(corner(right, STAND_IN_BOTTOM)),
            Segment::Line(corner(right, STAND_IN_TOP)),
            Segment::Line(corner(0.0, STAND_IN_TOP)),
            Segment::Close,
        ];
        let drawn = charstring(&outline, width.into(), 1.0);
        let number = self.font_for(Class::StandIn, file)?;
        let mut code = 0;
        if let Some(content) = self.font_mut(number).and_then(|font| font.content.as_mut()) {
            code = u16::try_from(content.ends.len()).unwrap_or(0);
            content.add(&drawn.code, drawn.extent, width, text.clone());
        }
        Ok((number, code))
    }

    pub(super) fn place(&self, glyph: u32) -> Option<Place> {
        self.glyphs.get(usize::try_from(glyph).ok()?).copied()
    }

    /// The number by which content names a font.
    pub(super) fn resource(font: u32, direction: Direction) -> u32 {
        font.saturating_mul(2).saturating_add(u32::from(direction == Direction::Vertical))
    }

    /// The object that a content stream means by such a number.
    pub(super) fn object(&mut self, resource: u32, file: &mut File<'_, '_>) -> Option<Ref> {
        let font = self.font_mut(resource / 2)?;
        let object = if resource.is_multiple_of(2) { &mut font.across } else { &mut font.down };
        Some(*object.get_or_insert_with(|| file.reserve()))
    }

    /// Writes all that has not been written.
    pub(super) fn finish(&mut self, file: &mut File<'_, '_>) -> Result<(), Error> {
        for number in 0..u32::try_from(self.fonts.len()).unwrap_or(u32::MAX) {
            self.write(number, file)?;
            let Some(font) = self.font_mut(number) else { continue };
            let (descendant, to_unicode) = (font.descendant, font.to_unicode);
            let fonts = [(font.across, Name::IdentityH), (font.down, Name::IdentityV)];
            for (object, encoding) in fonts {
                let Some(object) = object else { continue };
                file.object(object, |font| {
                    font.dictionary(|font| {
                        font.key(Key::Type).name(Name::Font);
                        font.key(Key::Subtype).name(Name::Type0);
                        font.key(Key::BaseFont).font_name(number);
                        font.key(Key::Encoding).name(encoding);
                        font.key(Key::DescendantFonts).references([descendant]);
                        font.key(Key::ToUnicode).reference(to_unicode);
                    });
                })?;
            }
        }
        Ok(())
    }

    fn font_mut(&mut self, number: u32) -> Option<&mut Font> {
        self.fonts.get_mut(usize::try_from(number).ok()?)
    }

    /// The font that takes a glyph of a class; a new one when the last is full.
    fn font_for(&mut self, class: Class, file: &mut File<'_, '_>) -> Result<u32, Error> {
        let slot = match class {
            Class::Usual => 0,
            Class::Outsize => 1,
            Class::Huge => 2,
            Class::StandIn => 3,
        };
        let open = self.open.get(slot).copied().flatten();
        if let Some(number) = open {
            let content = self.font_mut(number).and_then(|font| font.content.as_ref());
            if content.is_some_and(|content| content.ends.len() < MOST_GLYPHS && content.charstrings.len() < MOST_BYTES)
            {
                return Ok(number);
            }
            self.write(number, file)?;
        }
        let number = u32::try_from(self.fonts.len()).unwrap_or(u32::MAX);
        let (descendant, to_unicode) = (file.reserve(), file.reserve());
        self.fonts.push(Font { across: None, down: None, descendant, to_unicode, content: Some(Content::new()) });
        if let Some(open) = self.open.get_mut(slot) {
            *open = Some(number);
        }
        Ok(number)
    }

    /// Writes the program of a font and what describes it, and forgets its outlines.
    fn write(&mut self, number: u32, file: &mut File<'_, '_>) -> Result<(), Error> {
        let Some(font) = self.font_mut(number) else { return Ok(()) };
        let (descendant, to_unicode) = (font.descendant, font.to_unicode);
        let used = font.across.is_some() || font.down.is_some();
        let Some(content) = font.content.take() else { return Ok(()) };
        if !used && content.ends.len() < MOST_GLYPHS {
            return Ok(());
        }
        let program = file.reserve();
        let extent = content.extent.unwrap_or([0; 4]);
        file.packed_stream(program, &cff::program(&content.charstrings, &content.ends, extent), |stream| {
            stream.key(Key::Subtype).name(Name::CidFontType0C);
        })?;
        file.packed_stream(to_unicode, content.to_unicode().bytes(), |_| {})?;
        let [_, bottom, _, top] = extent;
        let descriptor = file.add(|descriptor| {
            descriptor.dictionary(|descriptor| {
                descriptor.key(Key::Type).name(Name::FontDescriptor);
                descriptor.key(Key::FontName).font_name(number);
                // Symbolic: the glyphs are of no standard set (ISO 32000-1, 9.8.2).
                descriptor.key(Key::Flags).integer(4);
                descriptor.key(Key::FontBBox).array(|sides| extent.into_iter().for_each(|side| sides.integer(side)));
                descriptor.key(Key::ItalicAngle).integer(0);
                descriptor.key(Key::Ascent).integer(top.clamp(700, 1000));
                descriptor.key(Key::Descent).integer(bottom.clamp(-350, -120));
                descriptor.key(Key::CapHeight).integer(700);
                descriptor.key(Key::StemV).integer(80);
                descriptor.key(Key::FontFile3).reference(program);
            });
        })?;
        file.object(descendant, |font| {
            font.dictionary(|font| {
                font.key(Key::Type).name(Name::Font);
                font.key(Key::Subtype).name(Name::CidFontType0);
                font.key(Key::BaseFont).font_name(number);
                font.key(Key::CidSystemInfo).dictionary(|system| {
                    system.key(Key::Registry).string(b"Adobe");
                    system.key(Key::Ordering).string(b"Identity");
                    system.key(Key::Supplement).integer(0);
                });
                font.key(Key::FontDescriptor).reference(descriptor);
                widths(font, &content.widths);
            });
        })
    }
}

impl Class {
    fn of(glyph: &Glyph) -> Class {
        let mut class = Class::Usual;
        let mut see = |x: f32, y: f32| {
            if x.abs() > FITTING || y.abs() > FITTING {
                class = Class::Huge;
            } else if (x.abs() > 3000.0 || !(-600.0..=1400.0).contains(&y)) && class == Class::Usual {
                class = Class::Outsize;
            }
        };
        see(glyph.advance, 0.0);
        for segment in &glyph.outline.segments {
            match segment {
                Segment::Move(to) | Segment::Line(to) => see(to.x, to.y),
                Segment::Cubic(first, second, to) => [first, second, to].into_iter().for_each(|at| see(at.x, at.y)),
                Segment::Close => {}
            }
        }
        class
    }

    /// The em of its fonts in ems of the form.
    fn em(self) -> f64 {
        match self {
            Class::Usual | Class::Outsize | Class::StandIn => 1.0,
            // The form ends at a million.
            Class::Huge => 64.0,
        }
    }
}

impl Content {
    /// Begins with `.notdef`, which no text shows.
    fn new() -> Content {
        let mut content = Content {
            charstrings: Vec::new(),
            ends: Vec::new(),
            widths: Vec::new(),
            texts: Vec::new(),
            blank: Vec::new(),
            extent: None,
        };
        let notdef = charstring(&[], DEFAULT_WIDTH, 1.0);
        content.add(&notdef.code, None, i16::try_from(DEFAULT_WIDTH).unwrap_or(0), GlyphText::default());
        content
    }

    fn add(&mut self, code: &[u8], extent: Option<[i32; 4]>, width: i16, text: GlyphText) {
        self.charstrings.extend_from_slice(code);
        self.ends.push(u32::try_from(self.charstrings.len()).unwrap_or(u32::MAX));
        self.widths.push(width);
        self.texts.push(text);
        self.blank.push(extent.is_none());
        self.extent = match (self.extent, extent) {
            (Some([a, b, c, d]), Some([e, f, g, h])) => Some([a.min(e), b.min(f), c.max(g), d.max(h)]),
            (known, new) => new.or(known),
        };
    }

    /// What the codes stand for (ISO 32000-1, 9.10.3): runs of single characters as ranges, the rest one by one.
    fn to_unicode(&self) -> Syntax {
        let mut runs: Vec<(u16, u16, &str)> = Vec::new();
        // `.notdef` is not shown.
        for (code, (text, blank)) in (0_u16..).zip(self.texts.iter().zip(&self.blank)).skip(1) {
            // Readers that find nothing here take the code for a character, and codes of small fonts are control characters.
            let text = match text.as_str() {
                "" if *blank => " ",
                "" => "\u{FFFD}",
                text => text,
            };
            match runs.last_mut() {
                Some((first, last, start)) if follows(*first, *last, start, code, text) => *last = code,
                _ => runs.push((code, code, text)),
            }
        }
        let (ranges, singles): (Vec<_>, Vec<_>) = runs.into_iter().partition(|(first, last, _)| first != last);
        let mut map = Syntax::default();
        map.raw(MAP_HEAD);
        for chunk in ranges.chunks(100) {
            map.size(chunk.len());
            map.raw(b" beginbfrange\n");
            for (first, last, text) in chunk {
                map.hexadecimal(&first.to_be_bytes());
                map.hexadecimal(&last.to_be_bytes());
                unicode(&mut map, text);
                map.raw(b"\n");
            }
            map.raw(b"endbfrange\n");
        }
        for chunk in singles.chunks(100) {
            map.size(chunk.len());
            map.raw(b" beginbfchar\n");
            for (code, _, text) in chunk {
                map.hexadecimal(&code.to_be_bytes());
                unicode(&mut map, text);
                map.raw(b"\n");
            }
            map.raw(b"endbfchar\n");
        }
        map.raw(MAP_TAIL);
        map
    }
}

/// Whether a code goes on with a range: the codes of a range share their first byte, and so do its characters.
fn follows(first: u16, last: u16, start: &str, code: u16, text: &str) -> bool {
    let single = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none()).map(u32::from).filter(|char| *char <= 0xFFFF)
    };
    let (Some(start), Some(char)) = (single(start), single(text)) else { return false };
    last.checked_add(1) == Some(code)
        && first >> 8 == code >> 8
        && start >> 8 == char >> 8
        && char.checked_sub(start) == Some(u32::from(code.saturating_sub(first)))
}

fn unicode(map: &mut Syntax, text: &str) {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    map.hexadecimal(&units);
}

/// The widths of a font: the most frequent one as the default, equal ones as ranges (ISO 32000-1, 9.7.4.3).
fn widths(font: &mut Syntax, widths: &[i16]) {
    let mut sorted = widths.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b);
    let usual = runs.max_by_key(|run| run.len()).and_then(|run| run.first()).copied().unwrap_or(0);
    font.key(Key::Dw).integer(usual);
    let mut listed = Syntax::default();
    let mut open = false;
    let mut next: usize = 0;
    for run in widths.chunk_by(|a, b| a == b) {
        let start = next;
        next = next.saturating_add(run.len());
        let Some(width) = run.first() else { continue };
        let end = next.saturating_sub(1);
        if open && (*width == usual || run.len() > 3) {
            listed.raw(b"]");
            open = false;
        }
        if *width == usual {
            continue;
        }
        if run.len() > 3 {
            listed.size(start);
            listed.size(end);
            listed.integer(*width);
        } else {
            if !open {
                listed.size(start);
                listed.raw(b"[");
                open = true;
            }
            run.iter().for_each(|width| listed.integer(*width));
        }
    }
    if open {
        listed.raw(b"]");
    }
    if listed.len() > 0 {
        font.key(Key::W).array(|array| array.raw(listed.bytes()));
    }
}

/// Enough for the letters of a Japanese book; more would only make readers hold more than a page needs.
const MOST_GLYPHS: usize = 8_000;
/// Honest letters take some hundred bytes; what is far beyond goes out before it fills the room.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// The height of a stand-in: that of a full-width letter.
const STAND_IN_BOTTOM: f32 = -120.0;
const STAND_IN_TOP: f32 = 880.0;
/// The least width of one.
const STAND_IN_LEAST: i16 = 10;
/// Twice this fits 16 bits.
const FITTING: f32 = 15_000.0;

const MAP_HEAD: &[u8] = b"/CIDInit/ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def
/CMapName/Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000><FFFF>
endcodespacerange
";
const MAP_TAIL: &[u8] = b"endcmap
CMapName currentdict/CMap defineresource pop
end
end
";
