//! Frame tags and what a frame of each may weigh at most.

use super::DecodeError;
use crate::calendar::CalendarHeader;
use crate::limits::Limits;
use crate::office::{PartHeader, TextKind};
use crate::pages::{Glyph, Link};
use crate::reason::{Reason, Refusal};
use crate::wire::{coded, size};

/// Magic and version.
pub(super) const MAGIC: [u8; 8] = *b"MSGFORM\x01";

/// The most text that one frame carries.
pub(super) const TEXT_BYTES: usize = 64 * 1024;

/// Operations share a frame up to this many bytes; a longer frame carries one.
pub(super) const OPERATIONS_BYTES: usize = 64 * 1024;

/// Steps of markup share a frame up to this many bytes; a longer frame carries one.
pub(super) const MARKUP_BYTES: usize = 64 * 1024;

/// The most bytes of pixels that one frame carries: whole rows up to 64 KiB, or a single longer row.
pub(crate) fn pixels_bytes(row_bytes: u64) -> u64 {
    let row = row_bytes.max(1);
    (64 * 1024 / row).max(1).saturating_mul(row)
}

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
        Pages = 11,
        Glyph = 12,
        Picture = 13,
        Gradient = 14,
        Canvas = 15,
        Page = 16,
        Operations = 17,
        Link = 18,
        OutlineItem = 19,
        PageLabel = 20,
        Office = 21,
        Part = 22,
        Markup = 23,
        Calendar = 24,
        Entry = 25,
        Card = 26,
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
            Tag::Pages => "pages",
            Tag::Glyph => "glyph",
            Tag::Picture => "picture",
            Tag::Gradient => "gradient",
            Tag::Canvas => "canvas",
            Tag::Page => "page",
            Tag::Operations => "operations",
            Tag::Link => "link",
            Tag::OutlineItem => "outline item",
            Tag::PageLabel => "page label",
            Tag::Office => "office",
            Tag::Part => "part",
            Tag::Markup => "markup",
            Tag::Calendar => "calendar",
            Tag::Entry => "entry",
            Tag::Card => "card",
            Tag::End => "end",
        }
    }

    /// Refuses a payload that no good frame of this tag has, before a byte of it is read. Pixels have rows of `row_bytes`.
    pub(super) fn check_len(self, len: u64, limits: &Limits, row_bytes: u64) -> Result<(), DecodeError> {
        let most = match self {
            Tag::MailHeader => return Ok(Refusal::check(Reason::LimitHeaderBytes, limits.header_bytes.into(), len)?),
            Tag::Row | Tag::Entry | Tag::Card => {
                return Ok(Refusal::check(Reason::LimitRowBytes, limits.row_bytes.into(), len)?);
            }
            Tag::Operations => {
                return Ok(Refusal::check(Reason::LimitPageContent, limits.operation_bytes.into(), len)?);
            }
            Tag::Part => PartHeader::most_bytes(limits),
            // One step of text or the longest attribute, or many that share a frame.
            Tag::Markup => size(TextKind::MAX_BYTES).saturating_add(64),
            Tag::Calendar => CalendarHeader::MAX_BYTES.into(),
            Tag::Text => 64 * 1024,
            Tag::Pixels => pixels_bytes(row_bytes),
            // A place of 200 characters of four bytes.
            Tag::Finding => 1024,
            // Name, type, path and the fixed fields.
            Tag::Child => 2048,
            Tag::Glyph => Glyph::MAX_BYTES,
            Tag::Link => Link::MAX_BYTES,
            // A line, a language and the fixed fields.
            Tag::Pages | Tag::OutlineItem | Tag::PageLabel | Tag::Office => {
                u64::from(limits.line_bytes).saturating_add(64)
            }
            // 256 stops of an offset and a colour.
            Tag::Gradient => 2048,
            // A transfer table of 256 bytes.
            Tag::Canvas => 512,
            Tag::TextSource | Tag::Image | Tag::Frame | Tag::Table | Tag::Picture | Tag::Page => 64,
            // Which passwords opened something, where any did.
            Tag::End => 2,
        };
        if len > most { Err(DecodeError::Malformed(self.name())) } else { Ok(()) }
    }
}
