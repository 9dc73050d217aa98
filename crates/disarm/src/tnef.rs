//! TNEF ([MS-OXTNEF]): the `winmail.dat` in which Outlook and Exchange hide text, files and meetings from all other programs.

use form::Reason;

use crate::error::Error;
use crate::mapi::{
    APPOINTMENT, Attachment, Content, MAX_ATTACHMENTS, MAX_DEPTH, MAX_RECIPIENTS, Message, Properties, Value, id,
    named, object,
};

/// A message read from TNEF.
#[derive(Debug)]
pub(crate) struct Tnef {
    pub(crate) message: Message,
    /// It ended early or some of it could not be read.
    pub(crate) damaged: bool,
}

/// Whether bytes are TNEF.
pub(crate) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Reads a stream. What is damaged gives what came before; what holds nothing is malformed.
pub(crate) fn read(bytes: &[u8]) -> Result<Tnef, Error> {
    level(bytes, 0).filter(|tnef| !is_empty(&tnef.message)).ok_or_else(|| Reason::Malformed.into())
}

fn is_empty(message: &Message) -> bool {
    message.properties.is_empty() && message.attachments.is_empty()
}

/// One message; those in it are `depth` levels further down.
fn level(bytes: &[u8], depth: usize) -> Option<Tnef> {
    // The signature, then a key that nothing is done with.
    let mut cursor = Cursor { rest: bytes.strip_prefix(&SIGNATURE)?.get(2..)? };
    let mut message = Message::default();
    let mut damaged = false;
    while !cursor.rest.is_empty() {
        let Some((attribute, data)) = attribute(&mut cursor) else {
            // Some programs append padding; a level is 1 or 2.
            damaged |= matches!(cursor.rest.first(), Some(1 | 2));
            break;
        };
        damaged |= !take(&mut message, attribute, data, depth);
    }
    Some(Tnef { message, damaged })
}

/// The next attribute; its checksum is not looked at, because the programs that write wrong ones are read by all others.
fn attribute<'a>(cursor: &mut Cursor<'a>) -> Option<(u32, &'a [u8])> {
    let mut ahead = Cursor { rest: cursor.rest };
    if !matches!(ahead.bytes(1)?, [1 | 2]) {
        return None;
    }
    let (attribute, len) = (ahead.u32()?, ahead.u32()?);
    let data = ahead.bytes(usize::try_from(len).ok()?)?;
    ahead.bytes(2)?;
    *cursor = ahead;
    Some((attribute, data))
}

/// Takes what an attribute says; false where it cannot be read.
fn take(message: &mut Message, attribute: u32, data: &[u8], depth: usize) -> bool {
    let narrow = |data: &[u8]| Value::Narrow(data.strip_suffix(b"\0").unwrap_or(data).to_vec());
    match attribute {
        OEM_CODEPAGE => {
            let page = Cursor { rest: data }.u32().and_then(|page| u16::try_from(page).ok());
            message.codepage = page.unwrap_or(message.codepage);
        }
        // The properties of MAPI, which come later, say the same with more precision.
        SUBJECT => drop(message.properties.insert(id::SUBJECT, narrow(data))),
        BODY => drop(message.properties.insert(id::BODY, narrow(data))),
        MESSAGE_CLASS => drop(message.properties.insert(id::MESSAGE_CLASS, narrow(data))),
        MSG_PROPS => {
            let (properties, whole) = properties(&mut Cursor { rest: data });
            if let Some(page) = codepage(&properties) {
                message.codepage = page;
            }
            message
                .properties
                .extend(properties.into_iter().filter_map(|(number, value)| Some((number, value.plain()?))));
            return whole;
        }
        RECIPIENTS => {
            let mut cursor = Cursor { rest: data };
            let rows = cursor.u32().unwrap_or(0);
            for _ in 0..rows {
                let (row, whole) = properties(&mut cursor);
                if !whole || message.recipients.len() >= MAX_RECIPIENTS {
                    return false;
                }
                let plain = row.into_iter().filter_map(|(number, value)| Some((number, value.plain()?)));
                message.recipients.push(plain.collect());
            }
        }
        ATTACH_RENDDATA => {
            if message.attachments.len() >= MAX_ATTACHMENTS {
                return false;
            }
            message.attachments.push(Attachment { properties: Properties::new(), content: Content::Nothing });
        }
        ATTACH_TITLE | ATTACH_DATA | ATTACHMENT => {
            if message.attachments.is_empty() {
                message.attachments.push(Attachment { properties: Properties::new(), content: Content::Nothing });
            }
            let Some(attachment) = message.attachments.last_mut() else { return false };
            return attached(attachment, attribute, data, depth);
        }
        _ => {}
    }
    true
}

fn attached(attachment: &mut Attachment, attribute: u32, data: &[u8], depth: usize) -> bool {
    match attribute {
        ATTACH_TITLE => {
            let title = Value::Narrow(data.strip_suffix(b"\0").unwrap_or(data).to_vec());
            attachment.properties.entry(id::ATTACH_FILENAME).or_insert(title);
        }
        ATTACH_DATA => {
            // A message that is embedded lies in the properties; here stands an empty stand-in or an OLE object.
            if !matches!(attachment.content, Content::Message(_)) {
                attachment.content = Content::File(data.to_vec());
            }
        }
        _ => {
            let (properties, mut whole) = properties(&mut Cursor { rest: data });
            for (number, value) in properties {
                match value {
                    Raw::Object(object) if number == id::ATTACH_DATA => {
                        // The interface that the object has, then the object.
                        if let Some(storage) = object.strip_prefix(&STORAGE_INTERFACE) {
                            object::attach(attachment, storage);
                            continue;
                        }
                        let inner = object.strip_prefix(&MESSAGE_INTERFACE).unwrap_or_default();
                        let message = if depth.saturating_add(1) < MAX_DEPTH {
                            level(inner, depth.saturating_add(1))
                        } else {
                            None
                        };
                        match message {
                            Some(inner) => {
                                whole &= !inner.damaged;
                                attachment.content = Content::Message(Box::new(inner.message));
                            }
                            None => whole = false,
                        }
                    }
                    Raw::Plain(Value::Bytes(bytes)) if number == id::ATTACH_DATA => {
                        if matches!(attachment.content, Content::Nothing) {
                            attachment.content = Content::File(bytes);
                        }
                    }
                    other => drop(other.plain().map(|value| attachment.properties.insert(number, value))),
                }
            }
            return whole;
        }
    }
    true
}

fn codepage(properties: &[(u16, Raw<'_>)]) -> Option<u16> {
    let number = |wanted: u16| {
        properties.iter().find_map(|(number, value)| match value {
            Raw::Plain(Value::Number(page)) if *number == wanted => u16::try_from(*page).ok(),
            _ => None,
        })
    };
    number(id::MESSAGE_CODEPAGE)
}

/// A property as it stands in the stream.
enum Raw<'a> {
    Plain(Value),
    Object(&'a [u8]),
}

impl Raw<'_> {
    fn plain(self) -> Option<Value> {
        match self {
            Raw::Plain(value) => Some(value),
            Raw::Object(_) => None,
        }
    }
}

/// A list of properties, and whether it was read to its end.
fn properties<'a>(cursor: &mut Cursor<'a>) -> (Vec<(u16, Raw<'a>)>, bool) {
    let mut list = Vec::new();
    let Some(count) = cursor.u32() else { return (list, false) };
    for _ in 0..count {
        if list.len() >= MAX_PROPERTIES {
            return (list, false);
        }
        match property(cursor) {
            Some((Some(number), Some(value))) => list.push((number, value)),
            Some(_) => {}
            None => return (list, false),
        }
    }
    (list, true)
}

/// One property: its number where it is one that is known by number, and the first of its values.
fn property<'a>(cursor: &mut Cursor<'a>) -> Option<(Option<u16>, Option<Raw<'a>>)> {
    let (kind, number) = (cursor.u16()?, cursor.u16()?);
    let mut number = Some(number);
    if number.is_some_and(|number| number >= 0x8000) {
        let set = cursor.bytes(16)?;
        if cursor.u32()? == 0 {
            let lid = cursor.u32()?;
            number = named(lid).filter(|_| set == APPOINTMENT);
        } else {
            let len = usize::try_from(cursor.u32()?).ok()?;
            cursor.padded(len)?;
            number = None;
        }
    }
    let single = kind & 0x0FFF;
    let variable = matches!(single, 0x1E | 0x1F | 0x102 | 0x0D);
    let count = if kind & 0x1000 != 0 || variable { cursor.u32()? } else { 1 };
    let mut first = None;
    for _ in 0..count {
        let value = match single {
            0x02 | 0x0B => Raw::Plain(Value::Number(u64::from(cursor.u32()? & 0xFFFF))),
            0x03 | 0x04 | 0x0A => Raw::Plain(Value::Number(cursor.u32()?.into())),
            0x05 | 0x06 | 0x07 | 0x14 | 0x40 => Raw::Plain(Value::Number(cursor.u64()?)),
            0x48 => Raw::Plain(Value::Bytes(cursor.bytes(16)?.to_vec())),
            0x1E | 0x1F | 0x102 | 0x0D => {
                let len = usize::try_from(cursor.u32()?).ok()?;
                let data = cursor.padded(len)?;
                if first.is_some() {
                    continue;
                }
                match single {
                    0x1E => Raw::Plain(Value::Narrow(data.to_vec())),
                    0x1F => Raw::Plain(Value::Text(wide(data))),
                    0x102 => Raw::Plain(Value::Bytes(data.to_vec())),
                    _ => Raw::Object(data),
                }
            }
            // A type of unknown length: what follows cannot be found.
            _ => return None,
        };
        first.get_or_insert(value);
    }
    Some((number, first))
}

/// UTF-16 up to its end.
pub(crate) fn wide(data: &[u8]) -> String {
    let units = data.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_le_bytes);
    char::decode_utf16(units.take_while(|unit| *unit != 0)).map(|c| c.unwrap_or('\u{FFFD}')).collect()
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    /// Bytes that are filled up to a multiple of four.
    fn padded(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes(len)?;
        let fill = len.wrapping_neg() & 3;
        self.rest = self.rest.get(fill.min(self.rest.len())..).unwrap_or_default();
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }
}

const SIGNATURE: [u8; 4] = [0x78, 0x9F, 0x3E, 0x22];
const OEM_CODEPAGE: u32 = 0x0006_9007;
const SUBJECT: u32 = 0x0001_8004;
const BODY: u32 = 0x0002_800C;
const MESSAGE_CLASS: u32 = 0x0007_8008;
const MSG_PROPS: u32 = 0x0006_9003;
const RECIPIENTS: u32 = 0x0006_9004;
const ATTACH_RENDDATA: u32 = 0x0006_9002;
const ATTACH_TITLE: u32 = 0x0001_8010;
const ATTACH_DATA: u32 = 0x0006_800F;
const ATTACHMENT: u32 = 0x0006_9005;
/// IID_IMessage {00020307-0000-0000-C000-000000000046}.
const MESSAGE_INTERFACE: [u8; 16] =
    [0x07, 0x03, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46];
/// IID_IStorage {0000000B-0000-0000-C000-000000000046}.
const STORAGE_INTERFACE: [u8; 16] =
    [0x0B, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46];
/// Outlook writes some two hundred.
const MAX_PROPERTIES: usize = 10_000;
