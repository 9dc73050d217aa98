//! The one judge of a stream: which frame may come next, and what all of them may add up to.

mod office;
mod pages;

use office::Office;
use pages::Pages;

use super::frame::{HEAD_BYTES, TEXT_BYTES, Tag, pixels_bytes};
use super::{DecodeError, Kind};
use crate::calendar::{CalendarHeader, Entry};
use crate::card::Card;
use crate::container::Child;
use crate::image::ImageHeader;
use crate::limits::Limits;
use crate::mail::MailHeader;
use crate::reason::{Reason, Refusal};
use crate::table::Cell;
use crate::text::{Checker, Profile};
use crate::wire::size;

/// How far a document has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Before the header of the kind.
    Start,
    /// After it.
    Body,
    /// After the first child of a mail: no text may follow.
    Children,
    /// After the end.
    Ended,
}

#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) kind: Kind,
    pub(super) limits: Limits,
    stage: Stage,
    form_bytes: u64,
    form_limit: u64,
    findings: u32,
    text: Checker,
    text_bytes: u64,
    children: u32,
    next_child: u64,
    spill_end: u64,
    image: Option<ImageHeader>,
    frames: u32,
    rows: Rows,
    cells: u64,
    entries: u64,
    zones: u16,
    pages: Pages,
    office: Office,
}

/// The rows of pixels of a frame or picture.
#[derive(Clone, Copy, Debug, Default)]
struct Rows {
    row_bytes: u64,
    /// Bits at the end of a row that are no pixels.
    padding: u8,
    /// Bytes that are still lacking.
    left: u64,
}

impl Verifier {
    /// A verifier at the first frame, after a stream header of `header_bytes`.
    pub(super) fn new(kind: Kind, header_bytes: u64, limits: &Limits) -> Result<Verifier, DecodeError> {
        let form_limit = match kind {
            Kind::Pages => limits.pages_form_bytes,
            Kind::Sheet | Kind::Flow | Kind::Slides => limits.office_form_bytes,
            Kind::Text | Kind::Mail | Kind::Image | Kind::Container | Kind::Table | Kind::Calendar | Kind::Card => {
                limits.form_bytes
            }
        };
        Refusal::check(Reason::LimitFormBytes, form_limit, header_bytes)?;
        Ok(Verifier {
            kind,
            limits: limits.clone(),
            stage: Stage::Start,
            form_bytes: header_bytes,
            form_limit,
            findings: 0,
            text: Checker::new(Profile::Text),
            text_bytes: 0,
            children: 0,
            next_child: 0,
            spill_end: 0,
            image: None,
            frames: 0,
            rows: Rows::default(),
            cells: 0,
            entries: 0,
            zones: 0,
            pages: Pages::default(),
            office: Office::new(kind),
        })
    }

    /// The most bytes that the next frame of pixels may have.
    pub(super) fn pixels_bytes(&self) -> u64 {
        pixels_bytes(self.rows.row_bytes)
    }

    /// Judges tag and length of a frame before its payload exists.
    pub(super) fn begin(&mut self, tag: Tag, len: u64) -> Result<(), DecodeError> {
        if !self.may_come(tag) {
            return Err(DecodeError::Order(tag.name()));
        }
        tag.check_len(len, &self.limits, self.rows.row_bytes)?;
        self.pages.leave(tag)?;
        self.form_bytes = self.form_bytes.saturating_add(HEAD_BYTES).saturating_add(len);
        Refusal::check(Reason::LimitFormBytes, self.form_limit, self.form_bytes)?;
        Ok(())
    }

    fn may_come(&self, tag: Tag) -> bool {
        let start = self.stage == Stage::Start;
        let body = self.stage == Stage::Body;
        let ended = self.stage == Stage::Ended;
        match (self.kind, tag) {
            (_, Tag::Finding) => !ended,
            (Kind::Text, Tag::TextSource) => start,
            (Kind::Text, Tag::Text | Tag::End) => !ended,
            (Kind::Mail, Tag::MailHeader) => start,
            (Kind::Mail, Tag::Text) => body,
            (Kind::Mail, Tag::Child | Tag::End) => body || self.stage == Stage::Children,
            (Kind::Container, Tag::Child | Tag::End) => !ended,
            (Kind::Image, Tag::Image) => start,
            (Kind::Image, Tag::Frame) => body && self.rows.left == 0,
            (Kind::Image, Tag::Pixels) => body && self.rows.left > 0,
            (Kind::Image, Tag::End) => body && self.rows.left == 0 && self.frames > 0,
            (Kind::Table, Tag::Table) => start,
            (Kind::Table, Tag::Row | Tag::End) => body,
            (Kind::Pages, Tag::Pages) => start,
            (Kind::Pages, Tag::Pixels) => self.rows.left > 0,
            (Kind::Pages, _) => body && self.rows.left == 0 && self.pages.may_come(tag),
            (Kind::Sheet | Kind::Flow | Kind::Slides, Tag::Office) => start,
            (Kind::Sheet | Kind::Flow | Kind::Slides, Tag::Pixels) => self.rows.left > 0,
            (Kind::Sheet | Kind::Flow | Kind::Slides, _) => body && self.rows.left == 0 && self.office.may_come(tag),
            (Kind::Calendar, Tag::Calendar) => start,
            (Kind::Calendar, Tag::Entry | Tag::End) => body,
            (Kind::Card, Tag::Card) => !ended,
            (Kind::Card, Tag::End) => body,
            (
                Kind::Text | Kind::Mail | Kind::Image | Kind::Container | Kind::Table | Kind::Calendar | Kind::Card,
                _,
            ) => false,
        }
    }

    pub(super) fn finding(&mut self) -> Result<(), DecodeError> {
        let findings = self.findings.saturating_add(1);
        Refusal::check(Reason::LimitFindings, self.limits.findings.into(), findings.into())?;
        self.findings = findings;
        Ok(())
    }

    pub(super) fn header(&mut self) {
        self.stage = Stage::Body;
    }

    pub(super) fn text(&mut self, chunk: &str) -> Result<(), DecodeError> {
        if chunk.is_empty() || chunk.len() > TEXT_BYTES {
            return Err(DecodeError::Malformed("text"));
        }
        self.count_text(chunk)?;
        self.text.feed(chunk).map_err(|_| DecodeError::Malformed("text"))?;
        self.stage = Stage::Body;
        Ok(())
    }

    fn count_text(&mut self, text: &str) -> Result<(), DecodeError> {
        self.text_bytes = self.text_bytes.saturating_add(size(text.len()));
        Refusal::check(Reason::LimitTextBytes, self.limits.text_bytes, self.text_bytes)?;
        Ok(())
    }

    pub(super) fn mail_header(&mut self, header: &MailHeader) -> Result<(), DecodeError> {
        header.check(&self.limits)?;
        self.stage = Stage::Body;
        Ok(())
    }

    pub(super) fn child(&mut self, child: &Child) -> Result<(), DecodeError> {
        let children = self.children.saturating_add(1);
        Refusal::check(Reason::LimitParts, self.limits.parts.into(), children.into())?;
        child.check(&self.limits)?;
        if child.path.is_some() != (self.kind == Kind::Container) {
            return Err(DecodeError::Malformed("path of a child"));
        }
        if u64::from(child.id) < self.next_child {
            return Err(DecodeError::Malformed("id of a child"));
        }
        // Ranges that share bytes would let a small spill feed any number of large children.
        let end = child.end().ok_or(DecodeError::Malformed("range of a child"))?;
        if child.offset < self.spill_end {
            return Err(DecodeError::Malformed("range of a child"));
        }
        Refusal::check(Reason::LimitSpillBytes, self.limits.spill_bytes, end)?;
        self.children = children;
        self.next_child = u64::from(child.id).saturating_add(1);
        self.spill_end = end;
        match self.kind {
            Kind::Pages => self.pages.child(),
            Kind::Sheet | Kind::Flow | Kind::Slides => self.office.child(),
            Kind::Text | Kind::Mail | Kind::Image | Kind::Container | Kind::Table | Kind::Calendar | Kind::Card => {
                self.stage = Stage::Children
            }
        }
        Ok(())
    }

    pub(super) fn image_header(&mut self, header: &ImageHeader) -> Result<(), DecodeError> {
        header.check(&self.limits)?;
        self.image = Some(*header);
        self.stage = Stage::Body;
        Ok(())
    }

    pub(super) fn frame(&mut self) -> Result<(), DecodeError> {
        let image = self.image.ok_or(DecodeError::Order("frame"))?;
        self.frames = self.frames.saturating_add(1);
        if self.frames > image.frames {
            return Err(DecodeError::Malformed("number of frames"));
        }
        self.rows = Rows { row_bytes: image.row_bytes(), padding: 0, left: image.frame_bytes() };
        Ok(())
    }

    pub(super) fn pixels(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let Rows { row_bytes, padding, left } = self.rows;
        let len = size(bytes.len());
        let whole_rows = len > 0 && len.checked_rem(row_bytes) == Some(0);
        let left = left.checked_sub(len).filter(|_| whole_rows);
        self.rows.left = left.ok_or(DecodeError::Malformed("pixels"))?;
        if padding != 0 {
            let row = usize::try_from(row_bytes).unwrap_or(usize::MAX).max(1);
            let clean = |row: &[u8]| row.last().is_none_or(|last| last & padding == 0);
            if !bytes.chunks(row).all(clean) {
                return Err(DecodeError::Malformed("padding of a row"));
            }
        }
        Ok(())
    }

    pub(super) fn row(&mut self, cells: &[Cell]) -> Result<(), DecodeError> {
        // An empty row counts too, or rows would have no bound of their own.
        let count = size(cells.len()).max(1);
        self.cells = self.cells.saturating_add(count);
        Refusal::check(Reason::LimitCells, self.limits.cells, self.cells)?;
        for cell in cells {
            self.count_text(cell.text.as_str())?;
        }
        Ok(())
    }

    pub(super) fn calendar_header(&mut self, header: &CalendarHeader) -> Result<(), DecodeError> {
        header.check(&self.limits)?;
        self.zones = header.zones();
        self.stage = Stage::Body;
        Ok(())
    }

    pub(super) fn entry(&mut self, entry: &Entry) -> Result<(), DecodeError> {
        entry.check(&self.limits, self.zones)?;
        self.count_entry(entry.text_bytes())
    }

    pub(super) fn card(&mut self, card: &Card) -> Result<(), DecodeError> {
        card.check(&self.limits)?;
        self.stage = Stage::Body;
        self.count_entry(card.text_bytes())
    }

    fn count_entry(&mut self, text: u64) -> Result<(), DecodeError> {
        self.entries = self.entries.saturating_add(1);
        Refusal::check(Reason::LimitEntries, Entry::MAX_ENTRIES, self.entries)?;
        self.text_bytes = self.text_bytes.saturating_add(text);
        Refusal::check(Reason::LimitTextBytes, self.limits.text_bytes, self.text_bytes)?;
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), DecodeError> {
        self.text.finish().map_err(|_| DecodeError::Malformed("text"))?;
        self.pages.end()?;
        self.office.end(self.pages.pictures())?;
        self.stage = Stage::Ended;
        Ok(())
    }
}
