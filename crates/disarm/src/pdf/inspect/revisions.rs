//! Earlier versions that a file still carries under its last one.

use lopdf::{Document, Object};

use super::open;

/// Whether an earlier version held other content. A version that only adds (a signature, a filled field's new appearance)
/// hides nothing; one that changes or drops content leaves the old content in the file for whoever looks.
pub(super) fn is_changed(input: &[u8], latest: &Document) -> bool {
    let revisions = latest.revision_count();
    if revisions < 2 || latest.was_encrypted() {
        // What is encrypted says at least that there is more than one.
        return revisions >= 2;
    }
    if input.len() > MAX_COMPARED_BYTES {
        return true;
    }
    let mut end = input.len();
    let mut tried = 0;
    while tried < MAX_REVISIONS
        && let Some(at) = input.get(..end).and_then(|part| rfind(part, b"%%EOF"))
    {
        end = at;
        // The last end is that of the latest version itself.
        let part = input.get(..at.saturating_add(b"%%EOF".len())).unwrap_or_default();
        if part.len().saturating_add(TAIL_BYTES) >= input.len() {
            continue;
        }
        tried += 1;
        if let Some(earlier) = open::load(part, None)
            && earlier.page_iter().next().is_some()
            && differs(&earlier, latest)
        {
            return true;
        }
    }
    false
}

fn differs(earlier: &Document, latest: &Document) -> bool {
    earlier.objects.iter().any(|(id, old)| is_content(old) && !latest.objects.get(id).is_some_and(|new| same(old, new)))
}

/// What is seen: streams that are not bookkeeping, pages, notes and filled fields.
fn is_content(object: &Object) -> bool {
    match object {
        Object::Stream(stream) => !BOOKKEEPING.iter().any(|kind| stream.dict.has_type(kind)),
        Object::Dictionary(dict) => dict.has_type(b"Page") || dict.has(b"Contents") || dict.has(b"V"),
        _ => false,
    }
}

fn same(old: &Object, new: &Object) -> bool {
    match (old, new) {
        (Object::Stream(old), Object::Stream(new)) => old.content == new.content,
        (Object::Dictionary(old), Object::Dictionary(new)) => {
            SEEN_KEYS.iter().all(|key| old.get(key).ok() == new.get(key).ok())
        }
        _ => false,
    }
}

fn rfind(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).rposition(|window| window == needle)
}

/// Streams that nobody sees.
const BOOKKEEPING: [&[u8]; 3] = [b"XRef", b"ObjStm", b"Metadata"];
/// The entries of pages, notes and fields that say what is seen.
const SEEN_KEYS: [&[u8]; 4] = [b"Contents", b"Resources", b"MediaBox", b"V"];
/// Above this a file of several versions is taken to have changed, as each version has to be read.
const MAX_COMPARED_BYTES: usize = 32 * 1024 * 1024;
/// The most earlier versions that are read.
const MAX_REVISIONS: u32 = 4;
/// What may stand behind the end of a file.
const TAIL_BYTES: usize = 64;
