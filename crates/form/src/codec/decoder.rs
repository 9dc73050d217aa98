//! Reads a stream, event by event, believing none of it.

use std::io::{BufReader, Read};

use super::frame::{MAGIC, MARKUP_BYTES, OPERATIONS_BYTES, Tag};
use super::verifier::Verifier;
use super::{DecodeError, Event, Kind};
use crate::calendar::{CalendarHeader, Entry};
use crate::card::Card;
use crate::container::Child;
use crate::detected::DetectedType;
use crate::image::{FrameHeader, ImageHeader};
use crate::job::Opened;
use crate::limits::Limits;
use crate::mail::MailHeader;
use crate::office::{Markup, OfficeHeader, PartHeader};
use crate::pages::{
    CanvasHeader, Glyph, Gradient, Link, Operation, OutlineItem, PageHeader, PageLabel, PagesHeader, PictureHeader,
};
use crate::reason::{Finding, Reason};
use crate::table::{Cell, TableHeader, TextSource};
use crate::wire::{Cursor, size};

/// Reads one document. Its memory is one frame; a frame's memory grows with the bytes that arrive, not with the length that
/// was announced. After an error every further call fails.
#[derive(Debug)]
pub struct Decoder<R: Read> {
    input: BufReader<R>,
    detected: DetectedType,
    verifier: Verifier,
    payload: Vec<u8>,
    opened: Opened,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

impl<R: Read> Decoder<R> {
    /// Reads the header of a stream.
    ///
    /// # Errors
    /// [`DecodeError::Magic`], [`DecodeError::Kind`] or [`DecodeError::Malformed`] for a header that is none,
    /// [`DecodeError::Limit`], [`DecodeError::Io`].
    pub fn new(input: R, limits: &Limits) -> Result<Decoder<R>, DecodeError> {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic)?;
        if magic != MAGIC {
            return Err(DecodeError::Magic);
        }
        let [kind, len] = read_array(&mut input)?;
        let kind = Kind::from_code(kind).ok_or(DecodeError::Kind(kind))?;
        let mut token = [0; DetectedType::MAX_BYTES];
        let token = token.get_mut(..usize::from(len)).ok_or(DecodeError::Malformed("detected type"))?;
        input.read_exact(token)?;
        let detected = std::str::from_utf8(token)
            .ok()
            .and_then(DetectedType::parse)
            .ok_or(DecodeError::Malformed("detected type"))?;
        let header_bytes = u64::from(len).saturating_add(10);
        let verifier = Verifier::new(kind, header_bytes, limits)?;
        Ok(Decoder { input, detected, verifier, payload: Vec::new(), opened: Opened::NONE, state: State::Open })
    }

    /// The kind of the document.
    pub fn kind(&self) -> Kind {
        self.verifier.kind
    }

    /// What the file was found to be that the document was made of.
    pub fn detected(&self) -> DetectedType {
        self.detected
    }

    /// Which passwords of the job opened something, by what the dirty room says; known at the end only.
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// The next event; [`Event::End`] again and again after the end. The end is reported only once the input has ended too,
    /// so over a pipe it waits until the writer has gone.
    ///
    /// # Errors
    /// Any [`DecodeError`] for a frame that may not stand there or is out of bounds; [`DecodeError::Failed`] after any of them.
    #[allow(clippy::should_implement_trait, reason = "events borrow from the decoder, which an iterator cannot say")]
    pub fn next(&mut self) -> Result<Event<'_>, DecodeError> {
        match self.state {
            State::Open => {}
            State::Ended => return Ok(Event::End),
            State::Failed => return Err(DecodeError::Failed),
        }
        self.state = State::Failed;
        let tag = self.read_frame()?;
        let verifier = &mut self.verifier;
        let mut cursor = Cursor::new(&self.payload);
        let event = match tag {
            Tag::Finding => {
                let finding = Finding::take(&mut cursor)?;
                verifier.finding()?;
                Event::Finding(finding)
            }
            Tag::TextSource => {
                let source = TextSource::take(&mut cursor)?;
                verifier.header();
                Event::TextSource(source)
            }
            Tag::Text => {
                let chunk = cursor.slice(self.payload.len())?;
                let chunk = std::str::from_utf8(chunk).map_err(|_| DecodeError::Malformed("text"))?;
                verifier.text(chunk)?;
                Event::Text(chunk)
            }
            Tag::MailHeader => {
                let header = MailHeader::take(&mut cursor, &verifier.limits)?;
                verifier.mail_header(&header)?;
                Event::MailHeader(Box::new(header))
            }
            Tag::Child => {
                let child = Child::take(&mut cursor)?;
                verifier.child(&child)?;
                Event::Child(child)
            }
            Tag::Image => {
                let header = ImageHeader::take(&mut cursor)?;
                verifier.image_header(&header)?;
                Event::Image(header)
            }
            Tag::Frame => {
                let header = FrameHeader { delay_ms: cursor.u32()? };
                verifier.frame()?;
                Event::Frame(header)
            }
            Tag::Pixels => {
                let rows = cursor.slice(self.payload.len())?;
                verifier.pixels(rows)?;
                Event::Pixels(rows)
            }
            Tag::Table => {
                let header = TableHeader::take(&mut cursor)?;
                verifier.header();
                Event::Table(header)
            }
            Tag::Row => {
                let most = u32::try_from(verifier.limits.cells).unwrap_or(u32::MAX);
                let cells = cursor.list(most, Reason::LimitCells, Cell::take)?;
                verifier.row(&cells)?;
                Event::Row(cells)
            }
            Tag::Pages => {
                let header = PagesHeader::take(&mut cursor, &verifier.limits)?;
                verifier.pages_header(&header)?;
                Event::Pages(header)
            }
            Tag::Glyph => {
                let glyph = Glyph::take(&mut cursor)?;
                verifier.glyph(&glyph)?;
                Event::Glyph(glyph)
            }
            Tag::Picture => {
                let header = PictureHeader::take(&mut cursor)?;
                header.check(&verifier.limits)?;
                verifier.picture(&header)?;
                Event::Picture(header)
            }
            Tag::Gradient => {
                let gradient = Gradient::take(&mut cursor)?;
                verifier.gradient()?;
                Event::Gradient(gradient)
            }
            Tag::Canvas => {
                let header = CanvasHeader::take(&mut cursor)?;
                verifier.canvas(&header)?;
                Event::Canvas(header)
            }
            Tag::Page => {
                let header = PageHeader::take(&mut cursor)?;
                verifier.page()?;
                Event::Page(header)
            }
            Tag::Operations => Event::Operations(operations(&mut cursor, self.payload.len(), verifier)?),
            Tag::Link => {
                let link = Link::take(&mut cursor)?;
                verifier.link(&link)?;
                Event::Link(link)
            }
            Tag::OutlineItem => {
                let item = OutlineItem::take(&mut cursor, &verifier.limits)?;
                verifier.outline_item(&item)?;
                Event::OutlineItem(item)
            }
            Tag::PageLabel => {
                let label = PageLabel::take(&mut cursor, &verifier.limits)?;
                verifier.page_label(&label)?;
                Event::PageLabel(label)
            }
            Tag::Office => {
                let header = OfficeHeader::take(&mut cursor)?;
                header.check(&verifier.limits)?;
                verifier.office_header(&header)?;
                Event::Office(header)
            }
            Tag::Part => {
                let part = PartHeader::take(&mut cursor, &verifier.limits)?;
                verifier.part(&part)?;
                Event::Part(part)
            }
            Tag::Markup => Event::Markup(markup(&mut cursor, self.payload.len(), verifier)?),
            Tag::Calendar => {
                let header = CalendarHeader::take(&mut cursor)?;
                verifier.calendar_header(&header)?;
                Event::Calendar(header)
            }
            Tag::Entry => {
                let entry = Entry::take(&mut cursor, &verifier.limits)?;
                verifier.entry(&entry)?;
                Event::Entry(Box::new(entry))
            }
            Tag::Card => {
                let card = Card::take(&mut cursor)?;
                verifier.card(&card)?;
                Event::Card(Box::new(card))
            }
            Tag::End => {
                if !cursor.is_empty() {
                    let bits = cursor.u16().ok().filter(|bits| *bits != 0);
                    self.opened = Opened::from_bits(bits.ok_or(DecodeError::Malformed("end"))?);
                }
                verifier.end()?;
                Event::End
            }
        };
        cursor.finish()?;
        self.state = if tag == Tag::End { State::Ended } else { State::Open };
        Ok(event)
    }

    /// Reads one frame into the payload buffer.
    fn read_frame(&mut self) -> Result<Tag, DecodeError> {
        let [tag, len @ ..] = read_array::<5>(&mut self.input)?;
        let tag = Tag::from_code(tag).ok_or(DecodeError::Tag(tag))?;
        let len = u64::from(u32::from_le_bytes(len));
        self.verifier.begin(tag, len)?;
        self.payload.clear();
        let read = (&mut self.input).take(len).read_to_end(&mut self.payload)?;
        if size(read) != len {
            return Err(DecodeError::Truncated);
        }
        if tag == Tag::End && (&mut self.input).take(1).read_to_end(&mut Vec::new())? != 0 {
            return Err(DecodeError::Trailing);
        }
        Ok(tag)
    }
}

/// Takes one step after another, each judged before the next costs memory. A step may be large or share its frame, not both:
/// some steps take fifty times their bytes.
fn operations(cursor: &mut Cursor<'_>, len: usize, verifier: &mut Verifier) -> Result<Vec<Operation>, DecodeError> {
    let mut operations = Vec::new();
    loop {
        let operation = Operation::take(cursor, &verifier.limits)?;
        verifier.operation(&operation)?;
        operations.push(operation);
        if cursor.is_empty() {
            return Ok(operations);
        }
        if len > OPERATIONS_BYTES {
            return Err(DecodeError::Malformed("operations"));
        }
    }
}

/// Takes one step of markup after another, each judged before the next costs memory.
fn markup(cursor: &mut Cursor<'_>, len: usize, verifier: &mut Verifier) -> Result<Vec<Markup>, DecodeError> {
    let mut steps = Vec::new();
    loop {
        let step = Markup::take(cursor)?;
        verifier.markup(&step)?;
        steps.push(step);
        if cursor.is_empty() {
            return Ok(steps);
        }
        if len > MARKUP_BYTES {
            return Err(DecodeError::Malformed("markup"));
        }
    }
}

fn read_array<const N: usize>(input: &mut impl Read) -> Result<[u8; N], DecodeError> {
    let mut array = [0; N];
    input.read_exact(&mut array)?;
    Ok(array)
}

/// One read for many small frames; chunks of pixels pass it by.
const BUFFER_BYTES: usize = 32 * 1024;
