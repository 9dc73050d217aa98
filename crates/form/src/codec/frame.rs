//! Frame tags and what a frame of each may weigh at most.

use super::DecodeError;
use crate::image::ImageHeader;
use crate::limits::Limits;
use crate::reason::{Reason, Refusal};
use crate::wire::coded;

/// Magic and version.
pub(super) const MAGIC: [u8; 8] = *b"MSGFORM\x01";

/// The most text that one frame carries.
pub(super) const TEXT_BYTES: usize = 64 * 1024;

/// Tag and length before a payload.
pub(super) const HEAD_BYTES: u64 = 5;

coded! {
    pub(super) enum Tag {
        Finding = 1,
        TextSource = 2,
        Text = 3,
        MailHeader = 4,
        Child = 5,
        Image = 6,
        Frame = 7,
        Pixels = 8,
        Table = 9,
        Row = 10,
        End = 255,
    }
}

impl Tag {
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
            Tag::MailHeader => return Ok(Refusal::check(Reason::LimitHeaderBytes, limits.header_bytes.into(), len)?),
            Tag::Row => return Ok(Refusal::check(Reason::LimitRowBytes, limits.row_bytes.into(), len)?),
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
