//! PowerPoint: the texts of slides and notes ([MS-PPT]), in the order of the show and in the latest of the versions that a file holds.

use std::collections::HashMap;

use form::Reason;

use super::{at, wide};
use crate::compound::Compound;
use crate::error::{Error, size, within};

/// The texts of all slides, then those of the notes.
pub(super) fn words(file: &Compound<'_>, most: u64) -> Result<String, Error> {
    let stream = |name: &str| file.root_stream(name, MAX_STREAM_BYTES);
    let user = stream("Current User")?.ok_or(Reason::Malformed)?;
    if at::u32(&user, 12) == Some(ENCRYPTED) {
        return Err(Reason::Encrypted.into());
    }
    let bytes = stream("PowerPoint Document")?.ok_or(Reason::Malformed)?;
    let newest = at::u32(&user, 16).ok_or(Reason::Malformed)?;
    let (places, document) = directory(&bytes, newest).ok_or(Reason::Malformed)?;
    let document = record(&bytes, *places.get(&document).ok_or(Reason::Malformed)?).ok_or(Reason::Malformed)?;
    let mut text = String::new();
    for instance in [SLIDES, NOTES] {
        let list = children(document.body).find(|record| record.kind == SLIDE_LIST && record.instance == instance);
        for record in list.into_iter().flat_map(|list| children(list.body)) {
            if record.kind == SLIDE_PLACE {
                let slide = at::u32(record.body, 0).and_then(|id| self::record(&bytes, *places.get(&id)?));
                text.push('\n');
                if let Some(slide) = slide {
                    gather(slide.body, most, &mut text)?;
                }
            } else {
                add(&record, most, &mut text)?;
            }
        }
    }
    Ok(text.trim_start_matches('\n').to_owned())
}

/// A record with its header read ([MS-PPT] 2.3.1).
struct Record<'a> {
    instance: u16,
    kind: u16,
    is_container: bool,
    body: &'a [u8],
}

fn record(bytes: &[u8], place: u32) -> Option<Record<'_>> {
    let start = usize::try_from(place).ok()?;
    let (head, kind) = (at::u16(bytes, start)?, at::u16(bytes, start.checked_add(2)?)?);
    let len = usize::try_from(at::u32(bytes, start.checked_add(4)?)?).ok()?;
    let body = start.checked_add(8)?;
    let body = bytes.get(body..body.checked_add(len)?)?;
    Some(Record { instance: head >> 4, kind, is_container: head & 0xF == 0xF, body })
}

/// The records in a container; a broken one ends them.
fn children(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut place = 0_u32;
    std::iter::from_fn(move || {
        let found = record(bytes, place)?;
        place = place.checked_add(u32::try_from(found.body.len()).ok()?)?.checked_add(8)?;
        Some(found)
    })
}

/// Where the newest version of each part stands, and the number of the document: saving quickly appends a version, with a list of the
/// parts that it changes ([MS-PPT] 2.1.2).
fn directory(bytes: &[u8], newest: u32) -> Option<(HashMap<u32, u32>, u32)> {
    let mut places = HashMap::new();
    let mut document = None;
    let mut edit = newest;
    for _ in 0..MAX_VERSIONS {
        let version = record(bytes, edit).filter(|record| record.kind == USER_EDIT)?.body;
        document = document.or(at::u32(version, 16));
        let list = record(bytes, at::u32(version, 12)?).filter(|record| record.kind == PERSIST_DIRECTORY)?.body;
        let mut at = 0_usize;
        while let Some(head) = at::u32(list, at) {
            let (first, count) = (head & 0x000F_FFFF, head >> 20);
            for number in 0..count {
                at = at.checked_add(4)?;
                let place = at::u32(list, at)?;
                places.entry(first.checked_add(number)?).or_insert(place);
            }
            at = at.checked_add(4)?;
        }
        edit = at::u32(version, 8)?;
        if edit == 0 {
            return Some((places, document?));
        }
    }
    None
}

/// The texts in a container, however deep they stand.
fn gather(bytes: &[u8], most: u64, text: &mut String) -> Result<(), Error> {
    let mut open = vec![bytes];
    while let Some(rest) = open.pop() {
        let Some(found) = record(rest, 0) else { continue };
        open.push(rest.get(found.body.len().saturating_add(8)..).unwrap_or_default());
        if found.is_container {
            open.push(found.body);
            within(Reason::LimitMarkup, MAX_DEPTH, size(open.len()))?;
        } else {
            add(&found, most, text)?;
        }
    }
    Ok(())
}

/// Adds a text on lines of its own.
fn add(record: &Record<'_>, most: u64, text: &mut String) -> Result<(), Error> {
    let words = match record.kind {
        TEXT_WIDE => wide(record.body),
        // The lower halves of UTF-16.
        TEXT_NARROW => record.body.iter().map(|byte| char::from(*byte)).collect(),
        _ => return Ok(()),
    };
    within(Reason::LimitTextBytes, most, size(text.len().saturating_add(words.len())))?;
    text.push_str(&words.replace(['\r', '\u{B}'], "\n"));
    text.push('\n');
    Ok(())
}

const MAX_STREAM_BYTES: u64 = 512 * 1024 * 1024;
const ENCRYPTED: u32 = 0xF3D1_C4DF;
const MAX_VERSIONS: usize = 10_000;
const MAX_DEPTH: u64 = 256;
const SLIDES: u16 = 0;
const NOTES: u16 = 2;
const SLIDE_LIST: u16 = 0x0FF0;
const SLIDE_PLACE: u16 = 0x03F3;
const USER_EDIT: u16 = 0x0FF5;
const PERSIST_DIRECTORY: u16 = 0x1772;
const TEXT_WIDE: u16 = 0x0FA0;
const TEXT_NARROW: u16 = 0x0FA8;
