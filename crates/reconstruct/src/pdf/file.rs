//! The file: objects, object streams, the cross-reference stream and the trailer.
//!
//! What is complete goes out at once and is forgotten but for its place. Small objects are gathered into object streams
//! (ISO 32000-1, 7.5.7), which pack ten times smaller than objects that stand alone; the places of all are a cross-reference
//! stream at the end (7.5.8).

use std::io::Write;

use super::deflate::Deflater;
use super::grammar::{Key, Name};
use super::syntax::{Ref, Syntax};
use crate::error::Error;
use crate::output::Output;

/// A file in the making.
pub(super) struct File<'o, 'w> {
    out: &'o mut Output<'w>,
    at: u64,
    digest: Digest,
    /// Where each object is; the number of an object is its place here.
    entries: Vec<Entry>,
    small: Small,
    pub(super) deflater: Deflater,
    /// Head and tail of the stream that is written.
    scratch: Syntax,
}

#[derive(Clone, Copy)]
enum Entry {
    Free,
    At(u64),
    In { stream: Ref, index: u32 },
}

/// The object stream that is being filled.
#[derive(Default)]
struct Small {
    numbers: Vec<Ref>,
    offsets: Vec<usize>,
    body: Syntax,
}

/// What the data of a stream was put through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Flate,
    Dct,
    Fax,
    Jbig2,
}

impl<'o, 'w> File<'o, 'w> {
    pub(super) fn new(out: &'o mut Output<'w>) -> Result<File<'o, 'w>, Error> {
        let mut file = File {
            out,
            at: 0,
            digest: Digest::default(),
            entries: vec![Entry::Free],
            small: Small::default(),
            deflater: Deflater::default(),
            scratch: Syntax::default(),
        };
        file.put(HEADER)?;
        Ok(file)
    }

    /// A number for an object that will be written later. One that never is stays free.
    pub(super) fn reserve(&mut self) -> Ref {
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(Entry::Free);
        Ref(number)
    }

    /// Writes an object that is no stream.
    pub(super) fn object(&mut self, object: Ref, write: impl FnOnce(&mut Syntax)) -> Result<(), Error> {
        self.small.numbers.push(object);
        self.small.offsets.push(self.small.body.len());
        write(&mut self.small.body);
        self.small.body.raw(b"\n");
        if self.small.numbers.len() >= OBJECTS_TOGETHER || self.small.body.len() >= BYTES_TOGETHER {
            self.flush_small()?;
        }
        Ok(())
    }

    /// Writes an object that is no stream and returns its number.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Syntax)) -> Result<Ref, Error> {
        let object = self.reserve();
        self.object(object, write)?;
        Ok(object)
    }

    /// Writes a stream whose data is packed already; `write` adds its keys but for `/Filter` and `/Length`.
    pub(super) fn stream(
        &mut self,
        object: Ref,
        packing: Packing,
        data: &[u8],
        write: impl FnOnce(&mut Syntax),
    ) -> Result<(), Error> {
        self.place(object, Entry::At(self.at));
        let mut head = std::mem::take(&mut self.scratch);
        head.clear();
        head.integer(object.0);
        head.raw(b" 0 obj\n");
        head.dictionary(|stream| {
            write(stream);
            if let Some(filter) = packing.filter() {
                stream.key(Key::Filter).name(filter);
            }
            stream.key(Key::Length).size(data.len());
        });
        head.raw(b"\nstream\n");
        self.put(head.bytes())?;
        self.scratch = head;
        self.put(data)?;
        self.put(b"\nendstream\nendobj\n")
    }

    /// Packs data with Flate and writes it as a stream.
    pub(super) fn packed_stream(
        &mut self,
        object: Ref,
        data: &[u8],
        write: impl FnOnce(&mut Syntax),
    ) -> Result<(), Error> {
        let packed = self.deflater.pack(data)?;
        self.stream(object, Packing::Flate, &packed, write)?;
        self.deflater.recycle(packed);
        Ok(())
    }

    /// Writes what must come last. The identifier of the file (14.4) follows from its content, so that equal forms make
    /// equal files.
    pub(super) fn finish(mut self, root: Ref) -> Result<(), Error> {
        self.flush_small()?;
        let object = self.reserve();
        let start = self.at;
        self.place(object, Entry::At(start));
        let identifier = self.digest.finish();
        let rows = self.cross_reference();
        let count = self.entries.len();
        self.packed_stream(object, &rows, |stream| {
            stream.key(Key::Type).name(Name::XRef);
            stream.key(Key::Size).size(count);
            stream.key(Key::Root).reference(root);
            stream.key(Key::Id).array(|ids| {
                ids.hexadecimal(&identifier);
                ids.hexadecimal(&identifier);
            });
            stream.key(Key::W).array(|widths| [1, 5, 2].into_iter().for_each(|width| widths.integer(width)));
            stream.key(Key::DecodeParms).dictionary(|parameters| {
                parameters.key(Key::Columns).integer(8);
                parameters.key(Key::Predictor).integer(12);
            });
        })?;
        self.put(format!("startxref\n{start}\n%%EOF\n").as_bytes())
    }

    fn flush_small(&mut self) -> Result<(), Error> {
        if self.small.numbers.is_empty() {
            return Ok(());
        }
        let stream = self.reserve();
        let mut small = std::mem::take(&mut self.small);
        let mut data = Syntax::default();
        for (index, (object, offset)) in (0_u32..).zip(small.numbers.iter().zip(&small.offsets)) {
            data.integer(object.0);
            data.size(*offset);
            self.place(*object, Entry::In { stream, index });
        }
        data.raw(b"\n");
        let first = data.len();
        data.raw(small.body.bytes());
        self.packed_stream(stream, data.bytes(), |stream| {
            stream.key(Key::Type).name(Name::ObjStm);
            stream.key(Key::N).size(small.numbers.len());
            stream.key(Key::First).size(first);
        })?;
        small.numbers.clear();
        small.offsets.clear();
        small.body.clear();
        self.small = small;
        Ok(())
    }

    /// Rows of type (1 byte), place (5 bytes), index (2 bytes), each as its difference from the row above (PNG's `Up`).
    fn cross_reference(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(self.entries.len().saturating_mul(9));
        let mut above = [0_u8; 8];
        for entry in &self.entries {
            let (kind, place, index) = match entry {
                Entry::Free => (0_u8, 0, 0),
                Entry::At(offset) => (1, *offset, 0),
                Entry::In { stream, index } => (2, u64::from(stream.0), *index),
            };
            let mut row = [kind; 8];
            // The output's limit is far below 2^40, and an object stream holds fewer than 2^16.
            let [_, _, _, place @ ..] = place.to_be_bytes();
            let [_, _, index @ ..] = index.to_be_bytes();
            row.iter_mut().skip(1).zip(place.iter().chain(&index)).for_each(|(to, from)| *to = *from);
            rows.push(2);
            rows.extend(row.iter().zip(above).map(|(byte, above)| byte.wrapping_sub(above)));
            above = row;
        }
        rows
    }

    fn place(&mut self, object: Ref, entry: Entry) {
        if let Some(place) = usize::try_from(object.0).ok().and_then(|number| self.entries.get_mut(number)) {
            *place = entry;
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes)?;
        self.digest.update(bytes);
        self.at = self.at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

impl Packing {
    fn filter(self) -> Option<Name> {
        match self {
            Packing::None => None,
            Packing::Flate => Some(Name::FlateDecode),
            Packing::Dct => Some(Name::DctDecode),
            Packing::Fax => Some(Name::CcittFaxDecode),
            Packing::Jbig2 => Some(Name::Jbig2Decode),
        }
    }
}

/// A fingerprint that tells files apart. It proves nothing: nobody relies on the identifier of a file.
struct Digest([u64; 2]);

impl Default for Digest {
    fn default() -> Digest {
        Digest([0xCBF2_9CE4_8422_2325, 0x9E37_79B9_7F4A_7C15])
    }
}

impl Digest {
    fn update(&mut self, bytes: &[u8]) {
        let Digest([low, high]) = self;
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            let word = u64::from_le_bytes(word);
            *low = (*low ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29);
            *high = (high.rotate_left(23) ^ word).wrapping_mul(0x2545_F491_4F6C_DD1D);
        }
        *low ^= u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }

    fn finish(&self) -> [u8; 16] {
        let Digest([low, high]) = self;
        let mixed = u128::from(*low ^ (high >> 31)) << 64 | u128::from(*high ^ (low >> 29));
        mixed.to_be_bytes()
    }
}

/// The version, and a comment that shows that the file is not text (ISO 32000-1, 7.5.2).
const HEADER: &[u8] = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n";

/// Readers unpack a whole object stream to reach one object.
const OBJECTS_TOGETHER: usize = 200;
const BYTES_TOGETHER: usize = 64 * 1024;
