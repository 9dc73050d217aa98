//! Objects to add to a copy of the file, and the writing of that copy.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream, Writer};

/// Objects that replace or join those of a document.
pub(super) struct Edits {
    changed: BTreeMap<ObjectId, Object>,
    next: u32,
}

impl Edits {
    pub(super) fn new(document: &Document) -> Edits {
        let highest = document.objects.keys().map(|(number, _)| *number).max().unwrap_or(0);
        Edits { changed: BTreeMap::new(), next: highest.max(document.max_id).saturating_add(1) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// A number for an object that is [set](Edits::set) later.
    pub(super) fn reserve(&mut self) -> ObjectId {
        let id = (self.next, 0);
        self.next = self.next.saturating_add(1);
        id
    }

    /// Gives an object its content.
    pub(super) fn set(&mut self, id: ObjectId, object: impl Into<Object>) {
        self.changed.insert(id, object.into());
    }

    /// Adds an object and gives its reference.
    pub(super) fn add(&mut self, object: impl Into<Object>) -> Object {
        let id = self.reserve();
        self.set(id, object);
        Object::Reference(id)
    }

    /// Adds a stream and gives its reference.
    pub(super) fn add_stream(&mut self, dict: Dictionary, content: Vec<u8>) -> Object {
        self.add(Stream::new(dict, content))
    }

    /// The dictionary of an object as it is now, to be changed; `None` when it is no dictionary.
    pub(super) fn dict_mut(&mut self, document: &Document, id: ObjectId) -> Option<&mut Dictionary> {
        let object = match self.changed.entry(id) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let object = document.objects.get(&id)?;
                object.as_dict().ok()?;
                entry.insert(object.clone())
            }
        };
        object.as_dict_mut().ok()
    }

    /// Copies of the file with these objects, the best first. An update behind the end of the file leaves all else as it is,
    /// what lopdf could not read included; a file whose table is damaged gets one without a table, so that the interpreter
    /// looks for the objects themselves as it did before. What is encrypted is written anew.
    pub(super) fn write(&self, input: &[u8], document: &Document, is_encrypted: bool) -> impl Iterator<Item = Vec<u8>> {
        let begins_at_once = input.starts_with(b"%PDF-");
        let is_sound = document.xref_recovery.is_none() && document.xref_start != 0 && begins_at_once;
        let update = (!is_encrypted).then(move || self.update(input, document, is_sound)).flatten();
        update.into_iter().chain(std::iter::once_with(|| self.anew(document)).flatten())
    }

    fn anew(&self, document: &Document) -> Option<Vec<u8>> {
        let mut document = document.clone();
        document.objects.extend(self.changed.iter().map(|(id, object)| (*id, object.clone())));
        document.max_id = self.next;
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).ok()?;
        Some(bytes)
    }

    fn update(&self, input: &[u8], document: &Document, has_table: bool) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(input.len().saturating_add(64 * 1024));
        bytes.extend_from_slice(input);
        bytes.push(b'\n');
        let mut table = Vec::new();
        for (id, object) in &self.changed {
            table.extend_from_slice(format!("{} 1\n{:010} {:05} n \n", id.0, bytes.len(), id.1).as_bytes());
            bytes.extend_from_slice(format!("{} {} obj\n", id.0, id.1).as_bytes());
            Writer::write_object(&mut bytes, object).ok()?;
            bytes.extend_from_slice(b"\nendobj\n");
        }
        let start = bytes.len();
        bytes.extend_from_slice(b"xref\n");
        bytes.extend_from_slice(&table);
        let mut trailer = Dictionary::new();
        for key in ["Root", "Info", "ID"] {
            if let Ok(value) = document.trailer.get(key.as_bytes()) {
                trailer.set(key, value.clone());
            }
        }
        trailer.set("Size", i64::from(self.next));
        if has_table {
            trailer.set("Prev", i64::try_from(document.xref_start).ok()?);
        }
        let start = if has_table { start } else { 0 };
        bytes.extend_from_slice(b"trailer\n");
        Writer::write_object(&mut bytes, &Object::Dictionary(trailer)).ok()?;
        bytes.extend_from_slice(format!("\nstartxref\n{start}\n%%EOF\n").as_bytes());
        Some(bytes)
    }
}
