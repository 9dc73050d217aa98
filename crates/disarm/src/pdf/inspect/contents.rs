//! Page contents that neither reader finds because their length is none.
//!
//! Templates and hand-edited files have a length that is missing or no number. Other readers look for the word that ends the
//! stream, so an empty page would be a page that everybody else can read.

use lopdf::{Dictionary, Object, ObjectId, dictionary};

use super::edits::Edits;
use super::tree::Tree;

/// Adds the contents of pages that could not be read, as far as they are found in the file.
pub(super) fn put_right(tree: &Tree<'_>, input: &[u8], edits: &mut Edits) {
    let mut left = MAX_SEARCHES;
    for page in &tree.pages {
        let Ok(contents) = page.dict.get(b"Contents") else { continue };
        let list = match tree.resolve(contents) {
            Object::Array(list) => list.as_slice(),
            _ => std::slice::from_ref(contents),
        };
        for id in list.iter().filter_map(|object| object.as_reference().ok()) {
            if left == 0 {
                return;
            }
            if tree.document.objects.contains_key(&id) {
                continue;
            }
            left -= 1;
            if let Some((dict, content)) = find(input, id) {
                edits.set(id, lopdf::Stream::new(dict, content.to_vec()));
            }
        }
    }
}

/// A stream by the words around it; the last of several, which is the newest.
fn find(input: &[u8], (number, generation): ObjectId) -> Option<(Dictionary, &[u8])> {
    let head = format!("{number} {generation} obj");
    let starts_word = |at: &usize| at.checked_sub(1).and_then(|at| input.get(at)).is_none_or(u8::is_ascii_whitespace);
    let mut at =
        input.windows(head.len()).enumerate().filter(|(_, window)| *window == head.as_bytes()).map(|(at, _)| at);
    let object = input.get(at.rfind(starts_word)?.checked_add(head.len())?..)?;
    let object = object.get(..position(object, b"endstream")?)?;
    let (dict, content) = object.split_at_checked(position(object, b"stream")?)?;
    let content = content.get(b"stream".len()..)?;
    let content = content.strip_prefix(b"\r\n").or_else(|| content.strip_prefix(b"\n")).unwrap_or(content);
    let words: String = String::from_utf8_lossy(dict).split_ascii_whitespace().collect();
    let dict = match words.split_once("/Filter") {
        None => Dictionary::new(),
        Some((_, filter)) if filter.starts_with("/FlateDecode") || filter.starts_with("[/FlateDecode]") => {
            dictionary! { "Filter" => "FlateDecode" }
        }
        Some(_) => return None,
    };
    Some((dict, content))
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The most contents that are searched for; each search reads the file once.
const MAX_SEARCHES: u32 = 20;
