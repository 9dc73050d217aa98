//! Messages of Outlook and Exchange, whatever they lie in: properties by number ([MS-OXPROPS]) become an ordinary mail.
//!
//! Two containers hold such messages: TNEF (`winmail.dat`, [`tnef`](crate::tnef)) and compound files (`.msg`, [`msg`](crate::msg)).
//! Both give [`Message`]s, [`compose`] writes those as MIME, and the reader of mails takes it from there: charsets, HTML, names and
//! limits are decided in one place.

pub(crate) mod compose;
pub(crate) mod object;
mod rtf;
mod rtf_text;

use std::collections::BTreeMap;

use crate::charset;

/// One value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Unicode text.
    Text(String),
    /// Text in the charset of the message.
    Narrow(Vec<u8>),
    /// Anything else that has bytes.
    Bytes(Vec<u8>),
    /// A number, flag or time (100 ns since 1601).
    Number(u64),
}

/// Properties by their number; the type is in the value.
pub(crate) type Properties = BTreeMap<u16, Value>;

/// A message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) properties: Properties,
    pub(crate) recipients: Vec<Properties>,
    pub(crate) attachments: Vec<Attachment>,
    /// Code page that narrow text is in, 0 where none is named.
    pub(crate) codepage: u16,
}

/// A file or message attached to a message.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) properties: Properties,
    pub(crate) content: Content,
}

/// What an attachment is.
#[derive(Debug)]
pub(crate) enum Content {
    File(Vec<u8>),
    Message(Box<Message>),
    /// There is nothing that could be handed on (a link, an OLE object without its data, a message nested too deeply).
    Nothing,
}

impl Message {
    /// A property as text.
    pub(crate) fn text(&self, id: u16) -> Option<String> {
        text(&self.properties, id, self.codepage)
    }

    pub(crate) fn number(&self, id: u16) -> Option<u64> {
        match self.properties.get(&id) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// A property as text, trimmed; `None` where it is missing or empty.
pub(crate) fn text(properties: &Properties, id: u16, codepage: u16) -> Option<String> {
    let found = match properties.get(&id)? {
        Value::Text(text) => text.clone(),
        Value::Narrow(bytes) => narrow(bytes, codepage),
        Value::Bytes(_) | Value::Number(_) => return None,
    };
    let trimmed = found.trim_matches(['\0', ' ', '\r', '\n']);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// Text in a code page of Windows.
pub(crate) fn narrow(bytes: &[u8], codepage: u16) -> String {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    charset::decode(bytes, charset_of(codepage).as_deref()).text
}

/// The charset label of a code page; `None` for "none named", so that it is found by content.
pub(crate) fn charset_of(codepage: u16) -> Option<String> {
    Some(match codepage {
        0 | 20_127 => return None,
        932 => "cp932".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        1_200 => "utf-16le".to_owned(),
        20_932 | 51_932 => "euc-jp".to_owned(),
        50_220..=50_222 => "iso-2022-jp".to_owned(),
        65_000 => "utf-7".to_owned(),
        65_001 => "utf-8".to_owned(),
        // 28591 is ISO 8859-1, and so on.
        28_591..=28_605 => format!("iso-8859-{}", codepage.saturating_sub(28_590)),
        other => format!("windows-{other}"),
    })
}

/// Property numbers, by the names of [MS-OXPROPS] without their prefix.
pub(crate) mod id {
    pub(crate) const MESSAGE_CLASS: u16 = 0x001A;
    pub(crate) const SUBJECT: u16 = 0x0037;
    pub(crate) const CLIENT_SUBMIT_TIME: u16 = 0x0039;
    pub(crate) const SENT_REPRESENTING_NAME: u16 = 0x0042;
    pub(crate) const START_DATE: u16 = 0x0060;
    pub(crate) const END_DATE: u16 = 0x0061;
    pub(crate) const SENT_REPRESENTING_ADDRESS: u16 = 0x0065;
    pub(crate) const TRANSPORT_HEADERS: u16 = 0x007D;
    pub(crate) const RECIPIENT_TYPE: u16 = 0x0C15;
    pub(crate) const SENDER_NAME: u16 = 0x0C1A;
    pub(crate) const SENDER_ADDRESS: u16 = 0x0C1F;
    pub(crate) const DELIVERY_TIME: u16 = 0x0E06;
    pub(crate) const BODY: u16 = 0x1000;
    pub(crate) const RTF_COMPRESSED: u16 = 0x1009;
    pub(crate) const HTML: u16 = 0x1013;
    pub(crate) const MESSAGE_ID: u16 = 0x1035;
    pub(crate) const REFERENCES: u16 = 0x1039;
    pub(crate) const IN_REPLY_TO: u16 = 0x1042;
    pub(crate) const DISPLAY_NAME: u16 = 0x3001;
    pub(crate) const EMAIL_ADDRESS: u16 = 0x3003;
    pub(crate) const ATTACH_DATA: u16 = 0x3701;
    pub(crate) const ATTACH_EXTENSION: u16 = 0x3703;
    pub(crate) const ATTACH_FILENAME: u16 = 0x3704;
    pub(crate) const ATTACH_METHOD: u16 = 0x3705;
    pub(crate) const ATTACH_LONG_FILENAME: u16 = 0x3707;
    pub(crate) const ATTACH_MIME_TAG: u16 = 0x370E;
    pub(crate) const ATTACH_CONTENT_ID: u16 = 0x3712;
    pub(crate) const SMTP_ADDRESS: u16 = 0x39FE;
    pub(crate) const INTERNET_CODEPAGE: u16 = 0x3FDE;
    pub(crate) const MESSAGE_CODEPAGE: u16 = 0x3FFD;
    pub(crate) const SENDER_SMTP_ADDRESS: u16 = 0x5D01;
    pub(crate) const SENT_REPRESENTING_SMTP_ADDRESS: u16 = 0x5D02;
    /// Not a number of the standard but where the readers put the named properties of appointments ([MS-OXOCAL] 2.2.1).
    pub(crate) const NAMED_LOCATION: u16 = 0xFF08;
    pub(crate) const NAMED_START: u16 = 0xFF0D;
    pub(crate) const NAMED_END: u16 = 0xFF0E;
}

/// Where a named property goes by its LID in PSETID_Appointment.
pub(crate) fn named(lid: u32) -> Option<u16> {
    match lid {
        0x8208 => Some(id::NAMED_LOCATION),
        0x820D => Some(id::NAMED_START),
        0x820E => Some(id::NAMED_END),
        _ => None,
    }
}

/// PSETID_Appointment {00062002-0000-0000-C000-000000000046} as it lies in files.
pub(crate) const APPOINTMENT: [u8; 16] =
    [0x02, 0x20, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46];

/// Messages in messages that one reader goes down; the rooms of the children go on from there.
pub(crate) const MAX_DEPTH: usize = 6;
/// Attachments of one message.
pub(crate) const MAX_ATTACHMENTS: usize = 1_000;
/// Recipients of one message.
pub(crate) const MAX_RECIPIENTS: usize = 5_000;
