//! The framed stream that carries one document of the form.
//!
//! A stream is the magic `MSGFORM` and a version byte, the [`Kind`], the detected type (length and token), then frames: tag,
//! payload length (32 bits, little-endian), payload. It ends with an `End` frame and nothing after it; the frame says
//! which passwords opened something, where any did.
//!
//! | kind      | frames in this order                                      |
//! |-----------|-----------------------------------------------------------|
//! | Text      | at most one `TextSource`, any `Text`                      |
//! | Mail      | one `MailHeader`, any `Text`, any `Child`                 |
//! | Image     | one `Image`, then one or more of `Frame` with its `Pixels` |
//! | Container | any `Child`                                               |
//! | Table     | one `Table`, any `Row`                                    |
//! | Pages     | one `Pages`; resources and `Page`s; any `OutlineItem`; any `PageLabel` |
//! | Calendar  | one `Calendar`, any `Entry`                               |
//! | Card      | one or more `Card`                                        |
//! | Sheet, Flow, Slides | one `Office`; its `Part`s; any `Picture` with its `Pixels`; `Markup` of each part; any `Child` |
//!
//! A resource of pages is a `Glyph`, a `Picture` with its `Pixels`, a `Gradient`, or a `Canvas` with its `Operations`. After a
//! `Page` come its `Operations` and `Link`s. A canvas or page ends where any frame comes that is not its own.
//!
//! `Finding` frames may stand between any others. What a frame may hold, what order frames come in and what they may add up
//! to is decided in one place, the verifier, which both [`Encoder`] and [`Decoder`] ask: a dirty room that is not hijacked
//! learns of its own mistake where it makes it, and the clean room takes nothing on trust.

mod decoder;
mod encoder;
mod frame;
mod verifier;

use std::io;

use crate::calendar::{CalendarHeader, Entry};
use crate::card::Card;
use crate::container::Child;
use crate::image::{FrameHeader, ImageHeader};
use crate::mail::MailHeader;
use crate::office::{Markup, OfficeHeader, PartHeader};
use crate::pages::{
    CanvasHeader, Glyph, Gradient, Link, Operation, OutlineItem, PageHeader, PageLabel, PagesHeader, PictureHeader,
};
use crate::reason::{Finding, Reason, Refusal};
use crate::table::{Cell, TableHeader, TextSource};
use crate::wire::coded;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub(crate) use frame::pixels_bytes;

coded! {
    /// What kind of document a stream carries.
    pub enum Kind {
        /// Plain text.
        Text = 1,
        /// A mail: header, text, children.
        Mail = 2,
        /// A picture or animation.
        Image = 3,
        /// An archive: children.
        Container = 4,
        /// Rows of cells.
        Table = 5,
        /// Pages as they look.
        Pages = 6,
        /// A workbook.
        Sheet = 7,
        /// A document of running text.
        Flow = 8,
        /// A presentation.
        Slides = 9,
        /// A calendar.
        Calendar = 10,
        /// Address cards.
        Card = 11,
    }
}

/// What a decoder found next. Text and pixels are borrowed from its buffer and last until the next call.
#[derive(Debug)]
pub enum Event<'a> {
    /// A finding.
    Finding(Finding),
    /// How a text file was written.
    TextSource(TextSource),
    /// The next piece of text, at most 64 KiB. A joiner of emoji may stand at either end of a piece, never of the whole.
    Text(&'a str),
    /// The header of a mail.
    MailHeader(Box<MailHeader>),
    /// A child of a mail or container.
    Child(Child),
    /// The header of a picture.
    Image(ImageHeader),
    /// The header of a frame.
    Frame(FrameHeader),
    /// The next whole rows of pixels, of a frame or of a picture on pages.
    Pixels(&'a [u8]),
    /// The header of a table.
    Table(TableHeader),
    /// The next row.
    Row(Vec<Cell>),
    /// The header of a document of pages.
    Pages(PagesHeader),
    /// The next glyph; this and the three that follow are each numbered from 0.
    Glyph(Glyph),
    /// The header of the next picture on pages.
    Picture(PictureHeader),
    /// The next gradient.
    Gradient(Gradient),
    /// The header of the next canvas.
    Canvas(CanvasHeader),
    /// The header of the next page.
    Page(PageHeader),
    /// The next steps of the canvas or page, at least one.
    Operations(Vec<Operation>),
    /// A link of the page.
    Link(Link),
    /// The next entry of the outline.
    OutlineItem(OutlineItem),
    /// The next page label.
    PageLabel(PageLabel),
    /// The header of an Office document.
    Office(OfficeHeader),
    /// The next part of the package, numbered from 0.
    Part(PartHeader),
    /// The next steps of the parts, at least one; a part ends with its root element.
    Markup(Vec<Markup>),
    /// The header of a calendar.
    Calendar(CalendarHeader),
    /// The next entry of the calendar.
    Entry(Box<Entry>),
    /// The next card.
    Card(Box<Card>),
    /// The document is complete and verified. Only now may what was made of it be used.
    End,
}

/// Why bytes are not a document of the form.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The input could not be read.
    #[error("reading the form")]
    Io(#[source] io::Error),
    /// The input ends too early.
    #[error("the form ends too early")]
    Truncated,
    /// The input does not begin as this version of the form does.
    #[error("not a form of this version")]
    Magic,
    /// The kind is unknown, or another than the caller asked for.
    #[error("kind {0} is not expected")]
    Kind(u8),
    /// The tag is unknown.
    #[error("frame tag {0} is unknown")]
    Tag(u8),
    /// The frame may not stand there.
    #[error("frame {0} may not stand there")]
    Order(&'static str),
    /// The named value is not what its type allows.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A limit was passed.
    #[error("a limit was passed")]
    Limit(#[source] Refusal),
    /// There are bytes after the end.
    #[error("bytes after the end")]
    Trailing,
    /// An earlier call failed.
    #[error("the decoder has failed before")]
    Failed,
}

impl DecodeError {
    /// The refusal to report: the limit that was passed, else [`Reason::FormInvalid`].
    pub fn refusal(&self) -> Refusal {
        match self {
            DecodeError::Limit(refusal) => *refusal,
            DecodeError::Io(_)
            | DecodeError::Truncated
            | DecodeError::Magic
            | DecodeError::Kind(_)
            | DecodeError::Tag(_)
            | DecodeError::Order(_)
            | DecodeError::Malformed(_)
            | DecodeError::Trailing
            | DecodeError::Failed => Refusal::plain(Reason::FormInvalid),
        }
    }
}

impl From<Refusal> for DecodeError {
    fn from(refusal: Refusal) -> DecodeError {
        DecodeError::Limit(refusal)
    }
}

impl From<io::Error> for DecodeError {
    fn from(error: io::Error) -> DecodeError {
        if error.kind() == io::ErrorKind::UnexpectedEof { DecodeError::Truncated } else { DecodeError::Io(error) }
    }
}

/// Why a document could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The output could not be written.
    #[error("writing the form")]
    Io(#[source] io::Error),
    /// A limit was passed.
    #[error("a limit was passed")]
    Limit(#[source] Refusal),
    /// A decoder would not take it.
    #[error("the value is not a valid form")]
    Invalid(#[source] DecodeError),
    /// An earlier call failed, so the stream lacks something and may not be finished.
    #[error("the encoder has failed before")]
    Failed,
}

impl EncodeError {
    /// The refusal to report: the limit that was passed, else [`Reason::FormInvalid`].
    pub fn refusal(&self) -> Refusal {
        match self {
            EncodeError::Limit(refusal) => *refusal,
            EncodeError::Io(_) | EncodeError::Invalid(_) | EncodeError::Failed => Refusal::plain(Reason::FormInvalid),
        }
    }
}

impl From<DecodeError> for EncodeError {
    fn from(error: DecodeError) -> EncodeError {
        match error {
            DecodeError::Limit(refusal) => EncodeError::Limit(refusal),
            DecodeError::Io(error) => EncodeError::Io(error),
            other => EncodeError::Invalid(other),
        }
    }
}

impl From<Refusal> for EncodeError {
    fn from(refusal: Refusal) -> EncodeError {
        EncodeError::Limit(refusal)
    }
}

impl From<io::Error> for EncodeError {
    fn from(error: io::Error) -> EncodeError {
        EncodeError::Io(error)
    }
}
