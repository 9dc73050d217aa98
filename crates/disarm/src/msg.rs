//! Outlook's `.msg` ([MS-OXMSG]): a compound file with one stream for each property, and a storage for each recipient and attachment.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use cfb::CompoundFile;
use form::{Limits, Reason};

use crate::error::{Error, size, within};
use crate::mapi::{
    APPOINTMENT, Attachment, Content, MAX_ATTACHMENTS, MAX_DEPTH, MAX_RECIPIENTS, Message, Properties, Value, id,
    named, object,
};
use crate::tnef::wide;

/// A message read from a compound file.
#[derive(Debug)]
pub(crate) struct Msg {
    pub(crate) message: Message,
    /// Some of it could not be read.
    pub(crate) damaged: bool,
}

/// Reads a file.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Msg, Error> {
    let file = CompoundFile::open(Cursor::new(bytes)).map_err(|_| Error::from(Reason::Malformed))?;
    let mut reader = Reader { file, budget: limits.spill_bytes, damaged: false, names: BTreeMap::new() };
    reader.names = reader.named_properties();
    let message = reader.message("", 32, 0)?;
    if message.properties.is_empty() && message.attachments.is_empty() {
        return Err(Reason::Malformed.into());
    }
    Ok(Msg { message, damaged: reader.damaged })
}

struct Reader<'a> {
    file: CompoundFile<Cursor<&'a [u8]>>,
    /// Bytes that may still be read: two streams may name the same sectors.
    budget: u64,
    damaged: bool,
    /// Which numbers of this file are the named properties that we know.
    /// What the numbers of this file stand for.
    names: BTreeMap<u16, u16>,
}

impl Reader<'_> {
    /// The message in a storage, whose property stream has a head of `head` bytes.
    fn message(&mut self, storage: &str, head: usize, depth: usize) -> Result<Message, Error> {
        let properties = self.properties(storage, head)?;
        let codepage = |number: u16| match properties.get(&number) {
            Some(Value::Number(page)) => u16::try_from(*page).ok().filter(|page| *page > 0),
            _ => None,
        };
        let codepage = codepage(id::MESSAGE_CODEPAGE).or_else(|| codepage(id::INTERNET_CODEPAGE)).unwrap_or(0);
        let mut message = Message { properties, codepage, ..Message::default() };
        for name in self.storages(storage) {
            let path = format!("{storage}/{name}");
            if name.starts_with(RECIPIENT) {
                if message.recipients.len() >= MAX_RECIPIENTS {
                    self.damaged = true;
                    continue;
                }
                message.recipients.push(self.properties(&path, 8)?);
            } else if name.starts_with(ATTACHMENT) {
                if message.attachments.len() >= MAX_ATTACHMENTS {
                    self.damaged = true;
                    continue;
                }
                let attachment = self.attachment(&path, depth)?;
                message.attachments.push(attachment);
            }
        }
        Ok(message)
    }

    fn attachment(&mut self, path: &str, depth: usize) -> Result<Attachment, Error> {
        let mut properties = self.properties(path, 8)?;
        let data = properties.remove(&id::ATTACH_DATA);
        let mut attachment = Attachment { properties, content: Content::Nothing };
        if let Some(Value::Bytes(bytes)) = data {
            attachment.content = Content::File(bytes);
            return Ok(attachment);
        }
        let inner = format!("{path}/__substg1.0_3701000D");
        let deeper = depth.saturating_add(1);
        match attachment.properties.get(&id::ATTACH_METHOD) {
            Some(Value::Number(EMBEDDED_MESSAGE)) if self.file.is_storage(&inner) && deeper < MAX_DEPTH => {
                attachment.content = Content::Message(Box::new(self.message(&inner, 24, deeper)?));
            }
            Some(Value::Number(OLE)) if self.file.is_storage(&inner) => match self.object(&inner)? {
                Some(object) => object::attach(&mut attachment, &object),
                None => self.damaged = true,
            },
            _ => self.damaged = true,
        }
        Ok(attachment)
    }

    /// A storage as a compound file of its own; `None` where it cannot be one, which costs the mail no more than this attachment.
    fn object(&mut self, storage: &str) -> Result<Option<Vec<u8>>, Error> {
        let Ok(entries) = self.file.walk_storage(storage) else { return Ok(None) };
        let entries = entries.skip(1).take(MAX_ENTRIES.saturating_add(1));
        let entries: Vec<_> = entries.map(|entry| (entry.path().to_owned(), entry.is_stream())).collect();
        // What is left of one that is too large would be taken for all of it.
        if entries.len() > MAX_ENTRIES {
            return Ok(None);
        }
        let Ok(mut out) = CompoundFile::create(Cursor::new(Vec::new())) else { return Ok(None) };
        for (path, is_stream) in entries {
            let Some(inner) = path.strip_prefix(storage).ok().zip(path.to_str()) else { continue };
            let (inner, path) = inner;
            let written = if !is_stream {
                out.create_storage(inner)
            } else if let Some(bytes) = self.stream(path)? {
                out.create_stream(inner).and_then(|mut stream| stream.write_all(&bytes))
            } else {
                Ok(())
            };
            if written.is_err() {
                return Ok(None);
            }
        }
        Ok(out.flush().is_ok().then(|| out.into_inner().into_inner()))
    }

    /// The properties of a storage: numbers stand in one stream, all else in streams of their own.
    fn properties(&mut self, storage: &str, head: usize) -> Result<Properties, Error> {
        let mut properties = Properties::new();
        let fixed = self.stream(&format!("{storage}/__properties_version1.0"))?.unwrap_or_default();
        for entry in fixed.get(head..).unwrap_or_default().chunks_exact(16).take(MAX_PROPERTIES) {
            let Some((kind, number, value)) = fixed_property(entry) else { continue };
            let value = match kind {
                0x02 | 0x0B => Value::Number(value & 0xFFFF),
                0x03 | 0x04 | 0x0A => Value::Number(value & 0xFFFF_FFFF),
                0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Value::Number(value),
                _ => continue,
            };
            self.put(&mut properties, number, value);
        }
        for (kind, number) in self.stream_properties(storage) {
            let Some(bytes) = self.stream(&format!("{storage}/__substg1.0_{number:04X}{kind:04X}"))? else { continue };
            let value = match kind {
                0x1E => Value::Narrow(bytes),
                0x1F => Value::Text(wide(&bytes)),
                _ => Value::Bytes(bytes),
            };
            self.put(&mut properties, number, value);
        }
        Ok(properties)
    }

    fn put(&self, properties: &mut Properties, number: u16, value: Value) {
        let number = match self.names.get(&number) {
            Some(known) => *known,
            None if number >= 0x8000 => return,
            None => number,
        };
        properties.insert(number, value);
    }

    /// Type and number of the properties that have a stream in a storage.
    fn stream_properties(&self, storage: &str) -> Vec<(u16, u16)> {
        let Ok(entries) = self.file.read_storage(root(storage)) else { return Vec::new() };
        let tag = |name: &str| {
            let tag = u32::from_str_radix(name.strip_prefix("__substg1.0_")?, 16).ok()?;
            let (kind, number) = (u16::try_from(tag & 0xFFFF).ok()?, u16::try_from(tag >> 16).ok()?);
            matches!(kind, 0x1E | 0x1F | 0x102).then_some((kind, number))
        };
        entries
            .take(MAX_ENTRIES)
            .filter(cfb::Entry::is_stream)
            .filter_map(|entry| tag(entry.name()))
            .take(MAX_PROPERTIES)
            .collect()
    }

    fn storages(&self, storage: &str) -> Vec<String> {
        let Ok(entries) = self.file.read_storage(root(storage)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .take(MAX_ENTRIES)
            .filter(cfb::Entry::is_storage)
            .map(|entry| entry.name().to_owned())
            .filter(|name| name.starts_with(RECIPIENT) || name.starts_with(ATTACHMENT))
            .collect();
        names.sort();
        names
    }

    /// A whole stream; `None` where there is none.
    fn stream(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        if !self.file.is_stream(path) {
            return Ok(None);
        }
        let Ok(stream) = self.file.open_stream(path) else {
            self.damaged = true;
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let most = self.budget.saturating_add(1);
        if stream.take(most).read_to_end(&mut bytes).is_err() {
            self.damaged = true;
        }
        within(Reason::LimitSpillBytes, self.budget, size(bytes.len()))?;
        self.budget = self.budget.saturating_sub(size(bytes.len()));
        Ok(Some(bytes))
    }

    /// [MS-OXMSG] 2.2.3: which numbers from 0x8000 on stand for which named properties.
    fn named_properties(&mut self) -> BTreeMap<u16, u16> {
        let stream = |reader: &mut Self, name: &str| {
            reader.stream(&format!("/__nameid_version1.0/{name}")).ok().flatten().unwrap_or_default()
        };
        let (sets, entries) = (stream(self, "__substg1.0_00020102"), stream(self, "__substg1.0_00030102"));
        let known = |entry: &[u8]| {
            let lid = u32::from_le_bytes(entry.get(..4)?.try_into().ok()?);
            let (set, index) = (
                u16::from_le_bytes(entry.get(4..6)?.try_into().ok()?),
                u16::from_le_bytes(entry.get(6..8)?.try_into().ok()?),
            );
            // The last bit says that the property goes by a string.
            let set = usize::from(set >> 1).checked_sub(3).filter(|_| set & 1 == 0)?;
            let of = sets.get(set.checked_mul(16)?..set.checked_add(1)?.checked_mul(16)?)?;
            let number = named(lid).filter(|_| of == APPOINTMENT)?;
            Some((0x8000_u16.checked_add(index)?, number))
        };
        // Of two with one number the first counts.
        entries.chunks_exact(8).take(MAX_PROPERTIES).filter_map(known).rev().collect()
    }
}

/// Type, number and value of an entry of a property stream.
fn fixed_property(entry: &[u8]) -> Option<(u16, u16, u64)> {
    Some((
        u16::from_le_bytes(entry.get(..2)?.try_into().ok()?),
        u16::from_le_bytes(entry.get(2..4)?.try_into().ok()?),
        u64::from_le_bytes(entry.get(8..16)?.try_into().ok()?),
    ))
}

fn root(storage: &str) -> &str {
    if storage.is_empty() { "/" } else { storage }
}

const RECIPIENT: &str = "__recip_version1.0_";
const ATTACHMENT: &str = "__attach_version1.0_";
/// PidTagAttachMethod ([MS-OXCMSG] 2.2.2.9).
const EMBEDDED_MESSAGE: u64 = 5;
const OLE: u64 = 6;
const MAX_PROPERTIES: usize = 10_000;
/// Streams and storages of one storage that are looked at.
const MAX_ENTRIES: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "/__attach_version1.0_#00000000/__substg1.0_3701000D";

    /// A message with one attachment that is an object, of which more may be written into [`DATA`].
    fn with_object() -> CompoundFile<Cursor<Vec<u8>>> {
        let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        file.create_storage_all(DATA).unwrap();
        // PidTagAttachMethod of the type PtypInteger32 is 6.
        let method = [&[0; 8][..], &[0x03, 0x00, 0x05, 0x37, 6, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]].concat();
        for (name, content) in [
            ("/__properties_version1.0", &[0; 32][..]),
            ("/__substg1.0_0037001F", b"s\0"),
            ("/__attach_version1.0_#00000000/__properties_version1.0", &method),
        ] {
            file.create_stream(name).unwrap().write_all(content).unwrap();
        }
        file
    }

    #[test]
    fn a_file_that_lies_in_a_text_is_an_attachment() {
        let mut file = with_object();
        // Label, path, flags, a path for unpacking, the file.
        let inner = [
            &2_u16.to_le_bytes()[..],
            b"a.txt\0C:\\a.txt\0",
            &[0, 0, 3, 0],
            &2_u32.to_le_bytes(),
            b"x\0",
            &7_u32.to_le_bytes(),
            b"content",
        ]
        .concat();
        let native = [&u32::try_from(inner.len()).unwrap().to_le_bytes()[..], &inner].concat();
        file.create_stream(format!("{DATA}/\u{1}Ole10Native")).unwrap().write_all(&native).unwrap();
        let msg = read(&file.into_inner().into_inner(), &Limits::default()).unwrap();
        assert!(!msg.damaged);
        let attachment = msg.message.attachments.first().unwrap();
        assert!(matches!(&attachment.content, Content::File(bytes) if bytes == b"content"), "{attachment:?}");
        assert_eq!(attachment.properties.get(&id::ATTACH_LONG_FILENAME), Some(&Value::Text("a.txt".to_owned())));
    }

    #[test]
    fn an_object_of_more_entries_than_are_looked_at_is_not_passed_on_short() {
        let with = |more: usize| {
            let mut file = with_object();
            let outer = (0..100 + more).map(|outer| format!("{DATA}/{outer:03}"));
            let inner = (0..100).flat_map(|outer| (0..199).map(move |inner| format!("{DATA}/{outer:03}/{inner:03}")));
            outer.chain(inner).for_each(|path| file.create_storage(path).unwrap());
            read(&file.into_inner().into_inner(), &Limits::default()).unwrap()
        };
        let content = |msg: &Msg| matches!(msg.message.attachments.first().unwrap().content, Content::File(_));
        let most = with(0);
        assert!(!most.damaged && content(&most));
        let more = with(1);
        assert!(more.damaged && !content(&more));
    }

    #[test]
    fn an_object_that_cannot_be_read_leaves_the_rest_of_its_mail() {
        let mut file = with_object();
        file.create_storage(format!("{DATA}/%%")).unwrap();
        let mut bytes = file.into_inner().into_inner();
        let name = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let at = bytes.windows(6).position(|window| window == name("%%\0")).unwrap();
        // No path leads to a storage that is called so.
        bytes.splice(at..at + 6, name("..\0"));
        let msg = read(&bytes, &Limits::default()).unwrap();
        assert!(msg.damaged);
        assert!(matches!(msg.message.attachments.first().unwrap().content, Content::Nothing));
        assert_eq!(msg.message.properties.get(&0x0037), Some(&Value::Text("s".to_owned())));
    }
}
