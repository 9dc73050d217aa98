//! The object graph, read with a step at a time and no belief in it.

use std::collections::{BTreeMap, BTreeSet};

use encoding_rs::{EUC_JP, SHIFT_JIS};
use lopdf::{Dictionary, Document, Object, ObjectId};

use crate::charset::{self, Charset};

/// A document with its pages in the order in which the interpreter sees them.
pub(super) struct Tree<'d> {
    pub(super) document: &'d Document,
    pub(super) pages: Vec<Page<'d>>,
    numbers: BTreeMap<ObjectId, u32>,
}

/// A page with what it inherits.
#[derive(Clone, Copy)]
pub(super) struct Page<'d> {
    /// Its object, where it is one of its own.
    pub(super) id: Option<ObjectId>,
    pub(super) dict: &'d Dictionary,
    pub(super) media_box: Option<&'d Object>,
    pub(super) crop_box: Option<&'d Object>,
}

impl<'d> Tree<'d> {
    /// Reads the page tree, at most `limit` pages of it.
    pub(super) fn new(document: &'d Document, limit: u32) -> Tree<'d> {
        let mut tree = Tree { document, pages: Vec::new(), numbers: BTreeMap::new() };
        let root = tree.catalog().and_then(|catalog| tree.dict(catalog, "Pages"));
        if let Some(root) = root {
            tree.read_pages(root, limit);
        }
        tree
    }

    /// As the interpreter does it: depth first, each indirect node once, anything that is no node of the tree a page.
    fn read_pages(&mut self, root: &'d Dictionary, limit: u32) {
        let mut seen = BTreeSet::new();
        let node = |tree: &Tree<'d>, dict: &'d Dictionary, above: Inherited<'d>| {
            let kids = tree.array(dict, "Kids")?;
            Some((kids.iter(), above.with(tree, dict)))
        };
        let mut stack: Vec<_> = node(self, root, Inherited::default()).into_iter().collect();
        while let Some((kids, inherited)) = stack.last_mut() {
            let Some(kid) = kids.next() else {
                stack.pop();
                continue;
            };
            let inherited = *inherited;
            let id = kid.as_reference().ok();
            if id.is_some_and(|id| !seen.insert(id)) {
                continue;
            }
            let Ok(dict) = self.resolve(kid).as_dict() else { continue };
            if self.name(dict, "Type") == Some(b"Pages") {
                stack.extend(node(self, dict, inherited));
                continue;
            }
            if self.pages.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                return;
            }
            if let (Some(id), Ok(number)) = (id, u32::try_from(self.pages.len())) {
                self.numbers.insert(id, number);
            }
            let own = inherited.with(self, dict);
            self.pages.push(Page { id, dict, media_box: own.media_box, crop_box: own.crop_box });
        }
    }

    /// The number of a page by its object, the first being 0.
    pub(super) fn number(&self, id: ObjectId) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    /// The pages with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u32, &Page<'d>)> {
        (0..).zip(self.pages.iter())
    }

    /// The catalog.
    pub(super) fn catalog(&self) -> Option<&'d Dictionary> {
        self.dict(&self.document.trailer, "Root")
    }

    /// The form that fields belong to.
    pub(super) fn form(&self) -> Option<&'d Dictionary> {
        self.dict(self.catalog()?, "AcroForm")
    }

    /// The annotations of a page with the object of each, where it is one of its own.
    pub(super) fn annotations(&self, page: &Page<'d>) -> impl Iterator<Item = (Option<ObjectId>, &'d Dictionary)> {
        let list = self.array(page.dict, "Annots").unwrap_or_default();
        list.iter()
            .take(MAX_ANNOTATIONS)
            .filter_map(|item| Some((item.as_reference().ok(), self.resolve(item).as_dict().ok()?)))
    }

    /// What a reference leads to, or the object itself. A reference that leads nowhere or in a circle is null.
    pub(super) fn resolve(&self, object: &'d Object) -> &'d Object {
        let mut object = object;
        for _ in 0..MAX_REFERENCES {
            match object {
                Object::Reference(id) => object = self.document.objects.get(id).unwrap_or(&Object::Null),
                _ => return object,
            }
        }
        &Object::Null
    }

    /// An entry of a dictionary, resolved; `None` when it is null.
    pub(super) fn get(&self, dict: &'d Dictionary, key: &str) -> Option<&'d Object> {
        dict.get(key.as_bytes()).ok().map(|object| self.resolve(object)).filter(|object| !object.is_null())
    }

    /// A dictionary, or that of a stream.
    pub(super) fn dict(&self, dict: &'d Dictionary, key: &str) -> Option<&'d Dictionary> {
        as_dict(self.get(dict, key)?)
    }

    pub(super) fn array(&self, dict: &'d Dictionary, key: &str) -> Option<&'d [Object]> {
        self.get(dict, key)?.as_array().ok().map(Vec::as_slice)
    }

    pub(super) fn name(&self, dict: &'d Dictionary, key: &str) -> Option<&'d [u8]> {
        self.get(dict, key)?.as_name().ok()
    }

    pub(super) fn integer(&self, dict: &'d Dictionary, key: &str) -> Option<i64> {
        match self.get(dict, key)? {
            Object::Integer(number) => Some(*number),
            #[allow(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
            Object::Real(number) => Some(*number as i64),
            _ => None,
        }
    }

    pub(super) fn number_at(&self, dict: &'d Dictionary, key: &str) -> Option<f32> {
        number(self.get(dict, key)?)
    }

    pub(super) fn is_true(&self, dict: &'d Dictionary, key: &str) -> bool {
        matches!(self.get(dict, key), Some(Object::Boolean(true)))
    }

    /// A text, from a string or, as some writers have it, a name or stream.
    pub(super) fn text(&self, dict: &'d Dictionary, key: &str) -> Option<String> {
        text(self.get(dict, key)?)
    }

    /// The numbers of an array; `None` when one of them is none.
    pub(super) fn numbers(&self, dict: &'d Dictionary, key: &str) -> Option<Vec<f32>> {
        self.numbers_of(self.get(dict, key)?)
    }

    pub(super) fn numbers_of(&self, object: &'d Object) -> Option<Vec<f32>> {
        let list = self.resolve(object).as_array().ok()?;
        list.iter().take(MAX_NUMBERS).map(|item| number(self.resolve(item))).collect()
    }

    /// A rectangle with its corners in order.
    pub(super) fn rect(&self, dict: &'d Dictionary, key: &str) -> Option<[f32; 4]> {
        self.rect_of(self.get(dict, key)?)
    }

    pub(super) fn rect_of(&self, object: &'d Object) -> Option<[f32; 4]> {
        let [x0, y0, x1, y1] = self.numbers_of(object)?.get(..4)?.try_into().ok()?;
        Some([f32::min(x0, x1), f32::min(y0, y1), f32::max(x0, x1), f32::max(y0, y1)])
    }

    /// The pairs of a name or number tree, at most `limit` of them.
    pub(super) fn pairs(&self, root: &'d Dictionary, leaves: &str, limit: usize) -> Vec<(&'d Object, &'d Object)> {
        let mut pairs = Vec::new();
        let mut stack = vec![root];
        // By address: a node that comes back, directly or not, is the same dictionary in memory.
        let mut seen: BTreeSet<*const Dictionary> = BTreeSet::new();
        while let Some(node) = stack.pop() {
            if !seen.insert(std::ptr::from_ref(node)) || pairs.len() >= limit {
                continue;
            }
            for pair in self.array(node, leaves).unwrap_or_default().chunks_exact(2) {
                if let [key, value] = pair {
                    pairs.push((self.resolve(key), value));
                }
            }
            let kids = self.array(node, "Kids").unwrap_or_default();
            stack.extend(kids.iter().rev().filter_map(|kid| self.resolve(kid).as_dict().ok()));
        }
        pairs.truncate(limit);
        pairs
    }
}

/// What a node of the page tree hands down.
#[derive(Clone, Copy, Default)]
struct Inherited<'d> {
    media_box: Option<&'d Object>,
    crop_box: Option<&'d Object>,
}

impl<'d> Inherited<'d> {
    fn with(self, tree: &Tree<'d>, dict: &'d Dictionary) -> Inherited<'d> {
        Inherited {
            media_box: tree.get(dict, "MediaBox").or(self.media_box),
            crop_box: tree.get(dict, "CropBox").or(self.crop_box),
        }
    }
}

/// A dictionary, or that of a stream.
pub(super) fn as_dict(object: &Object) -> Option<&Dictionary> {
    match object {
        Object::Dictionary(dict) => Some(dict),
        Object::Stream(stream) => Some(&stream.dict),
        _ => None,
    }
}

/// A number that a page can use.
pub(super) fn number(object: &Object) -> Option<f32> {
    object.as_float().ok().filter(|number| number.is_finite())
}

/// The text of a string (ISO 32000-2, 7.9.2.2), a name, or a stream of text.
pub(super) fn text(object: &Object) -> Option<String> {
    match object {
        Object::String(bytes, _) => Some(decode(bytes)),
        Object::Name(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Object::Stream(stream) => stream.get_plain_content_with_limit(MAX_TEXT).ok().map(|bytes| decode(&bytes)),
        _ => None,
    }
}

/// The text of the bytes of a string.
pub(in crate::pdf) fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    let mut text = match bytes {
        [0xFE, 0xFF, ..] => charset::decode_as(bytes, Charset::Utf16Be).text,
        [0xFF, 0xFE, ..] => charset::decode_as(bytes, Charset::Utf16Le).text,
        [0xEF, 0xBB, 0xBF, ..] => charset::decode_as(bytes, Charset::Utf8).text,
        _ if bytes.is_ascii() => String::from_utf8_lossy(bytes).into_owned(),
        // Japanese writers of the nineties put their own character set where only PDFDocEncoding may stand.
        _ => match charset::detect(bytes).charset {
            found @ Charset::Utf8 => charset::decode_as(bytes, found).text,
            found @ Charset::Legacy(encoding) if encoding == SHIFT_JIS || encoding == EUC_JP => {
                let decoded = charset::decode_as(bytes, found);
                let is_japanese = decoded.text.chars().filter(|c| !c.is_ascii()).count() >= 2;
                if decoded.undecodable == 0 && is_japanese { decoded.text } else { document_encoding(bytes) }
            }
            _ => document_encoding(bytes),
        },
    };
    strip_language(&mut text);
    text
}

fn document_encoding(bytes: &[u8]) -> String {
    let string = Object::String(bytes.to_vec(), lopdf::StringFormat::Literal);
    lopdf::decode_text_string(&string).unwrap_or_else(|_| bytes.iter().copied().map(char::from).collect())
}

/// A text may name its language between two escapes (ISO 32000-1, 14.9.2.2).
fn strip_language(text: &mut String) {
    while let Some(start) = text.find('\u{1B}')
        && let Some(len) = text.get(start + 1..).and_then(|rest| rest.find('\u{1B}')).filter(|len| *len <= 5)
    {
        text.replace_range(start..start.saturating_add(len).saturating_add(2), "");
    }
}

/// References that lead to references.
const MAX_REFERENCES: usize = 32;
/// The most annotations of a page that are looked at.
pub(super) const MAX_ANNOTATIONS: usize = 20_000;
/// The most numbers of an array: an ink line may have many.
const MAX_NUMBERS: usize = 100_000;
/// The most bytes of a text.
const MAX_TEXT: usize = 1024 * 1024;
