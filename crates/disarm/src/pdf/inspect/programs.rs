//! TrueType programs whose table of places (`loca`) is not as it should be (OpenType 1.9, "loca", "head").
//!
//! And programs of which so much is cut off that no letter is left: readers let another font stand in for them.
//!
//! Some writers give the width of its entries as a number that there is not, or put the shapes into the file in another order than
//! that of their numbers, so that one seems to end before it begins. Readers draw such fonts all the same; the interpreter leaves
//! the letters out. It gets a copy in which the shapes stand in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flate2::read::ZlibDecoder;
use form::{Findings, Place, Reason};
use lopdf::{DecompressError, Dictionary, Object, ObjectId, Stream, dictionary};

use super::edits::Edits;
use super::tree::Tree;

/// Puts the programs of the file right that need it.
pub(super) fn put_right(tree: &Tree<'_>, edits: &mut Edits, findings: &mut Findings) {
    // A regular font and a bold one that is made of it may share a program.
    let mut known: BTreeMap<ObjectId, State> = BTreeMap::new();
    let mut room = MAX_BYTES;
    let named = of_named_letters(tree);
    for (descriptor_id, object) in &tree.document.objects {
        let Ok(descriptor) = object.as_dict() else { continue };
        let Ok(Object::Reference(id)) = descriptor.get(b"FontFile2") else { continue };
        let state = match known.get(id) {
            Some(state) => *state,
            None => {
                let state = look(tree, *id, &mut room, edits);
                known.insert(*id, state);
                state
            }
        };
        if state == State::Cut
            && let Some(name) = named.get(descriptor_id)
            && let Some(descriptor) = edits.dict_mut(tree.document, *descriptor_id)
        {
            descriptor.remove(b"FontFile2");
            findings.add(Reason::FontSubstituted, Place::new(name));
        }
    }
}

/// What a program is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has letters, or nobody has looked.
    Usable,
    /// So much is cut off that it has no letter.
    Cut,
}

/// Looks at a program and puts its shapes in order where that is needed.
fn look(tree: &Tree<'_>, id: ObjectId, room: &mut usize, edits: &mut Edits) -> State {
    let Some(Object::Stream(stream)) = tree.document.objects.get(&id) else { return State::Usable };
    let Some(program) = unpacked(stream, *room) else { return State::Usable };
    *room = room.saturating_sub(program.len());
    if is_cut(&program) {
        return State::Cut;
    }
    if let Some(program) = in_order(&program) {
        let length = i64::try_from(program.len()).unwrap_or(i64::MAX);
        edits.set(id, Stream::new(dictionary! { "Length1" => length }, program));
    }
    State::Usable
}

/// The descriptors of TrueType fonts that name the letters of their codes, and the names of the fonts. A font that stands in for one of
/// these finds its letters by what they are; where codes are only numbers of the program's own letters it would show others.
fn of_named_letters<'d>(tree: &Tree<'d>) -> BTreeMap<ObjectId, &'d str> {
    let fonts = tree.document.objects.values().filter_map(|object| object.as_dict().ok());
    let fonts = fonts.filter(|font| tree.name(font, "Subtype") == Some(b"TrueType") && names_letters(tree, font));
    let of_font = |font: &'d Dictionary| {
        let name = tree.name(font, "BaseFont").and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        Some((font.get(b"FontDescriptor").ok()?.as_reference().ok()?, name))
    };
    fonts.filter_map(of_font).collect()
}

/// Whether a font says which letters its codes are (ISO 32000-1, 9.6.6): all of them, that is. Differences from the encoding of a symbolic
/// program leave the other codes to the program.
fn names_letters<'d>(tree: &Tree<'d>, font: &'d Dictionary) -> bool {
    match tree.get(font, "Encoding") {
        Some(Object::Name(name)) => is_of_letters(name),
        Some(Object::Dictionary(encoding)) => match tree.name(encoding, "BaseEncoding") {
            Some(name) => is_of_letters(name),
            None => {
                let flags = tree.dict(font, "FontDescriptor").and_then(|descriptor| tree.integer(descriptor, "Flags"));
                flags.is_some_and(|flags| flags & SYMBOLIC == 0)
            }
        },
        _ => false,
    }
}

fn is_of_letters(encoding: &[u8]) -> bool {
    matches!(encoding, b"WinAnsiEncoding" | b"MacRomanEncoding" | b"MacExpertEncoding" | b"StandardEncoding")
}

/// A program, or as much of it as can be unpacked; nothing where it is larger than `room`.
fn unpacked(stream: &Stream, room: usize) -> Option<Vec<u8>> {
    match stream.get_plain_content_with_limit(room) {
        Ok(program) => return Some(program),
        Err(lopdf::Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => return None,
        Err(_) => {}
    }
    if stream.filters().unwrap_or_default() != [b"FlateDecode"] {
        return None;
    }
    let mut program = Vec::new();
    let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    // An error is the end of what can be read, as it is for the interpreter.
    let _ = ZlibDecoder::new(stream.content.as_slice()).take(most).read_to_end(&mut program);
    (!program.is_empty() && program.len() <= room).then_some(program)
}

/// Whether a table without which no letter can be drawn lies wholly behind the end.
fn is_cut(program: &[u8]) -> bool {
    let count = usize::from(word(program, 4).unwrap_or(0));
    let records = program.get(HEADER..).unwrap_or_default().chunks_exact(RECORD).take(count);
    let offset = |record: &[u8]| record.get(8..12).and_then(long).unwrap_or(0);
    let mut needed =
        records.filter(|record| [b"head", b"maxp", b"loca", b"glyf"].iter().any(|tag| record.starts_with(*tag)));
    needed.any(|record| offset(record) >= program.len())
}

/// The program with its shapes in the order of their numbers; nothing where they are, or where it cannot be told what was meant.
fn in_order(program: &[u8]) -> Option<Vec<u8>> {
    let tables = tables(program)?;
    let find = |tag: &[u8; 4]| tables.iter().find(|table| table.tag == tag).map(|table| table.content);
    let (head, loca, glyf) = (find(b"head")?, find(b"loca")?, find(b"glyf")?);
    let glyphs = usize::from(word(find(b"maxp")?, 4)?);
    let places = glyphs.checked_add(1)?;
    let (is_long, is_known) = match word(head, FORMAT)? {
        0 => (false, true),
        1 => (true, true),
        _ => (loca.len() >= places.checked_mul(4)?, false),
    };
    let offsets: Vec<usize> = match is_long {
        true => loca.chunks_exact(4).take(places).filter_map(long).collect(),
        false => loca.chunks_exact(2).take(places).filter_map(|pair| Some(usize::from(word(pair, 0)?) * 2)).collect(),
    };
    let is_ordered = offsets.is_sorted();
    if offsets.len() < places || is_known && is_ordered {
        return None;
    }
    let ends: BTreeSet<usize> = offsets.iter().copied().chain([glyf.len()]).collect();
    let (mut new_glyf, mut new_loca) = (Vec::new(), 0_u32.to_be_bytes().to_vec());
    for pair in offsets.windows(2) {
        let [start, end] = *pair else { continue };
        // Where a shape seems to end before it begins, it ends where the next one in the file begins.
        let end =
            if end >= start { end } else { ends.range(start.saturating_add(1)..).next().copied().unwrap_or(start) };
        new_glyf.extend_from_slice(glyf.get(start..end.min(glyf.len())).unwrap_or_default());
        new_glyf.resize(new_glyf.len().next_multiple_of(4), 0);
        if new_glyf.len() > MAX_BYTES {
            return None;
        }
        new_loca.extend_from_slice(&u32::try_from(new_glyf.len()).ok()?.to_be_bytes());
    }
    let mut new_head = head.to_vec();
    new_head.get_mut(FORMAT..FORMAT + 2)?.copy_from_slice(&1_u16.to_be_bytes());
    let replaced = tables.iter().map(|table| match table.tag {
        b"head" => (table.tag, new_head.as_slice()),
        b"loca" => (table.tag, new_loca.as_slice()),
        b"glyf" => (table.tag, new_glyf.as_slice()),
        tag => (tag, table.content),
    });
    written(program.get(..4)?, &replaced.collect::<Vec<_>>())
}

struct Table<'p> {
    tag: &'p [u8; 4],
    content: &'p [u8],
}

fn tables(program: &[u8]) -> Option<Vec<Table<'_>>> {
    let count = usize::from(word(program, 4)?);
    let records = program.get(HEADER..)?.chunks_exact(RECORD).take(count);
    let tables = records.map(|record| {
        let (offset, length) = (long(record.get(8..12)?)?, long(record.get(12..16)?)?);
        // A last table that is cut short still has its beginning.
        let content = program.get(offset..offset.saturating_add(length).min(program.len()))?;
        Some(Table { tag: record.first_chunk()?, content })
    });
    tables.collect()
}

/// Tables as a file (OpenType 1.9, "Table Directory"). Readers do not look at the sums.
fn written(version: &[u8], tables: &[(&[u8; 4], &[u8])]) -> Option<Vec<u8>> {
    let count = u16::try_from(tables.len()).ok()?;
    let mut at = HEADER.checked_add(tables.len().checked_mul(RECORD)?)?;
    let mut bytes = version.to_vec();
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(&[0; 6]);
    for (tag, content) in tables {
        bytes.extend_from_slice(*tag);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&u32::try_from(at).ok()?.to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(content.len()).ok()?.to_be_bytes());
        at = at.checked_add(content.len())?.next_multiple_of(4);
        // Tables may lie over one another.
        if at > 2 * MAX_BYTES {
            return None;
        }
    }
    for (_, content) in tables {
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    Some(bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn long(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()
}

/// The bit of a descriptor that says that the letters are not those of the Latin alphabet (ISO 32000-1, table 123).
const SYMBOLIC: i64 = 1 << 2;
/// Where `head` says how wide the entries of `loca` are.
const FORMAT: usize = 50;
/// Bytes before the records of the directory, and of a record.
const HEADER: usize = 12;
const RECORD: usize = 16;
/// The most bytes of the programs of a file that are looked at, and of one that is put right.
const MAX_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    /// What is not damaged is left alone where it has no room, instead of being cut by that.
    #[test]
    fn a_program_larger_than_the_room_for_it_is_not_read() {
        let whole: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&whole).unwrap();
        let packed = packed.finish().unwrap();
        let (length, head) = (packed.len(), whole.len() / 3);
        let stream = |content: &[u8]| Stream::new(dictionary! { "Filter" => "FlateDecode" }, content.to_vec());
        assert_eq!(unpacked(&stream(&packed), whole.len()).map(|program| program.len()), Some(whole.len()));
        assert_eq!(unpacked(&stream(&packed), head), None);
        // Of one that breaks off, what is there is read.
        let cut = stream(&packed[..length / 2]);
        let found = unpacked(&cut, whole.len()).unwrap();
        assert!(whole.starts_with(&found) && found.len() > head, "{}", found.len());
        assert_eq!(unpacked(&cut, head), None);
    }
}
