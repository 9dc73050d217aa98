//! Frame tags and what a frame of each may weigh at most.

use super::DecodeError;
use crate::image::ImageHeader;
use crate::limits::Limits;
use crate::reason::{Reason, Refusal};

/// Magic and version.
pub(super) const MAGIC: [u8; 8] = *b"MSGFORM\x01";

/// The most text that one frame carries.
pub(super) const TEXT_BYTES: usize = 64 * 1024;

/// Tag and length before a payload.
pub(super) const HEAD_BYTES: u64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Finding,
    TextSource,
    Text,
    MailHeader,
    Child,
    Image,
    Frame,
    Pixels,
    Table,
    Row,
    End,
}

impl Tag {
    pub(super) const fn code(self) -> u8 {
        match self {
            Tag::Finding => 1,
            Tag::TextSource => 2,
            Tag::Text => 3,
            Tag::MailHeader => 4,
            Tag::Child => 5,
            Tag::Image => 6,
            Tag::Frame => 7,
            Tag::Pixels => 8,
            Tag::Table => 9,
            Tag::Row => 10,
            Tag::End => 255,
        }
    }

    pub(super) const fn from_code(code: u8) -> Result<Tag, DecodeError> {
        Ok(match code {
            1 => Tag::Finding,
            2 => Tag::TextSource,
            3 => Tag::Text,
            4 => Tag::MailHeader,
            5 => Tag::Child,
            6 => Tag::Image,
            7 => Tag::Frame,
            8 => Tag::Pixels,
            9 => Tag::Table,
            10 => Tag::Row,
            255 => Tag::End,
            unknown => return Err(DecodeError::Tag(unknown)),
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Tag::Finding => "finding",
            Tag::TextSource => "text source",
            Tag::Text => "text",
            Tag::MailHeader => "mail header",
            Tag::Child => "child",
            Tag::Image => "image",
            Tag::Frame => "frame",
            Tag::Pixels => "pixels",
            Tag::Table => "table",
            Tag::Row => "row",
            Tag::End => "end",
        }
    }

    /// Refuses a payload that no good frame of this tag has, before a byte of it is read.
    pub(super) fn check_len(self, len: u64, limits: &Limits, image: Option<&ImageHeader>) -> Result<(), DecodeError> {
        let most = match self {
            Tag::MailHeader => {
                Refusal::check(Reason::LimitHeaderBytes, limits.header_bytes.into(), len)?;
                return Ok(());
            }
            Tag::Row => {
                Refusal::check(Reason::LimitRowBytes, limits.row_bytes.into(), len)?;
                return Ok(());
            }
            Tag::Text => 64 * 1024,
            Tag::Pixels => image.map_or(0, ImageHeader::chunk_bytes),
            // A place of 200 characters of four bytes.
            Tag::Finding => 1024,
            // Name, type, path and the fixed fields.
            Tag::Child => 2048,
            Tag::TextSource | Tag::Image | Tag::Frame | Tag::Table => 64,
            Tag::End => 0,
        };
        if len > most { Err(DecodeError::Malformed(self.name())) } else { Ok(()) }
    }
}
