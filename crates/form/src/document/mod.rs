//! Whole documents as values: for small kinds and for tests. Pictures and tables are better read from a
//! [`Decoder`] piece by piece.

mod office;
mod pages;

use std::fmt;
use std::io::{Read, Write};

use crate::calendar::{CalendarHeader, Entry};
use crate::card::Card;
use crate::codec::{DecodeError, Decoder, EncodeError, Encoder, Event, Kind};
use crate::container::Child;
use crate::detected::DetectedType;
use crate::image::{FrameHeader, ImageHeader};
use crate::job::Opened;
use crate::limits::Limits;
use crate::mail::MailHeader;
use crate::reason::Finding;
use crate::table::{Cell, TableHeader, TextSource};
use crate::text::Text;

pub use office::OfficeDoc;
pub use pages::{PagesDoc, PagesItem};

/// A document of any kind.
#[allow(clippy::large_enum_variant, reason = "documents are held one at a time")]
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// Plain text.
    Text(TextDoc),
    /// A mail.
    Mail(MailDoc),
    /// A picture.
    Image(ImageDoc),
    /// An archive.
    Container(ContainerDoc),
    /// A table.
    Table(TableDoc),
    /// Pages.
    Pages(PagesDoc),
    /// A workbook, document or presentation.
    Office(OfficeDoc),
    /// A calendar.
    Calendar(CalendarDoc),
    /// Address cards.
    Card(CardDoc),
}

/// Plain text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// How the file was written, where known.
    pub source: Option<TextSource>,
    /// The text.
    pub text: Text,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

/// A mail.
#[derive(Clone, Debug, PartialEq)]
pub struct MailDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The header.
    pub header: MailHeader,
    /// The text.
    pub body: Text,
    /// Attachments and inline parts in their order.
    pub children: Vec<Child>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The header.
    pub header: ImageHeader,
    /// The frames, at least one.
    pub frames: Vec<ImageFrame>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

/// One frame of a picture with its pixels.
#[derive(Clone, PartialEq)]
pub struct ImageFrame {
    /// The header.
    pub header: FrameHeader,
    /// All rows.
    pub pixels: Vec<u8>,
}

impl fmt::Debug for ImageFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageFrame({:?}, {} bytes)", self.header, self.pixels.len())
    }
}

/// An archive.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The members in their order.
    pub children: Vec<Child>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
    /// Which passwords of the job opened it.
    pub opened: Opened,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The header.
    pub header: TableHeader,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

/// A calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct CalendarDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The header.
    pub header: CalendarHeader,
    /// The entries.
    pub entries: Vec<Entry>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

/// Address cards.
#[derive(Clone, Debug, PartialEq)]
pub struct CardDoc {
    /// The true type of the file.
    pub detected: DetectedType,
    /// The cards, at least one.
    pub cards: Vec<Card>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
}

impl Document {
    /// The kind of the document.
    pub fn kind(&self) -> Kind {
        match self {
            Document::Text(_) => Kind::Text,
            Document::Mail(_) => Kind::Mail,
            Document::Image(_) => Kind::Image,
            Document::Container(_) => Kind::Container,
            Document::Table(_) => Kind::Table,
            Document::Pages(_) => Kind::Pages,
            Document::Office(doc) => doc.kind,
            Document::Calendar(_) => Kind::Calendar,
            Document::Card(_) => Kind::Card,
        }
    }

    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        match self {
            Document::Text(doc) => doc.encode(out, limits),
            Document::Mail(doc) => doc.encode(out, limits),
            Document::Image(doc) => doc.encode(out, limits),
            Document::Container(doc) => doc.encode(out, limits),
            Document::Table(doc) => doc.encode(out, limits),
            Document::Pages(doc) => doc.encode(out, limits),
            Document::Office(doc) => doc.encode(out, limits),
            Document::Calendar(doc) => doc.encode(out, limits),
            Document::Card(doc) => doc.encode(out, limits),
        }
    }

    /// Reads a document of any kind.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`DecodeError::Failed`]: it is no form of this version, is not whole, or passes a limit.
    pub fn decode(input: impl Read, limits: &Limits) -> Result<Document, DecodeError> {
        Document::collect(Decoder::new(input, limits)?)
    }

    /// Reads a document that must be of one kind; another is refused before its content is read.
    fn decode_kind(input: impl Read, limits: &Limits, kind: Kind) -> Result<Document, DecodeError> {
        let decoder = Decoder::new(input, limits)?;
        if decoder.kind() != kind {
            return Err(DecodeError::Kind(decoder.kind().code()));
        }
        Document::collect(decoder)
    }

    fn collect(mut decoder: Decoder<impl Read>) -> Result<Document, DecodeError> {
        let (kind, detected) = (decoder.kind(), decoder.detected());
        let mut parts = Parts::default();
        loop {
            match decoder.next()? {
                Event::Finding(finding) => parts.findings.push(finding),
                Event::TextSource(source) => parts.source = Some(source),
                Event::Text(chunk) => parts.text.push_str(chunk),
                Event::MailHeader(header) => parts.mail = Some(*header),
                Event::Child(child) => parts.children.push(child),
                Event::Image(header) => parts.image = Some(header),
                Event::Frame(header) => parts.frames.push(ImageFrame { header, pixels: Vec::new() }),
                Event::Pixels(rows) if kind == Kind::Image => {
                    if let Some(frame) = parts.frames.last_mut() {
                        frame.pixels.extend_from_slice(rows);
                    }
                }
                Event::Table(header) => parts.table = Some(header),
                Event::Row(cells) => parts.rows.push(cells),
                Event::Calendar(header) => parts.calendar = Some(header),
                Event::Entry(entry) => parts.entries.push(*entry),
                Event::Card(card) => parts.cards.push(*card),
                event @ (Event::Office(_) | Event::Part(_) | Event::Markup(_)) => parts.office.add(event),
                event @ (Event::Picture(_) | Event::Pixels(_)) if kind != Kind::Pages => parts.office.add(event),
                event @ (Event::Pages(_)
                | Event::Glyph(_)
                | Event::Picture(_)
                | Event::Pixels(_)
                | Event::Gradient(_)
                | Event::Canvas(_)
                | Event::Page(_)
                | Event::Operations(_)
                | Event::Link(_)
                | Event::OutlineItem(_)
                | Event::PageLabel(_)) => parts.pages.add(event),
                Event::End => break,
            }
        }
        let Parts {
            findings,
            source,
            text,
            mail,
            children,
            image,
            frames,
            table,
            rows,
            calendar,
            entries,
            cards,
            pages,
            office,
        } = parts;
        // The verifier lets no stream end without the header of its kind.
        let missing = DecodeError::Order("end");
        Ok(match kind {
            Kind::Text => Document::Text(TextDoc { detected, source, text: Text::from_verified(text), findings }),
            Kind::Mail => Document::Mail(MailDoc {
                detected,
                header: mail.ok_or(missing)?,
                body: Text::from_verified(text),
                children,
                findings,
            }),
            Kind::Image => Document::Image(ImageDoc { detected, header: image.ok_or(missing)?, frames, findings }),
            Kind::Container => {
                Document::Container(ContainerDoc { detected, children, findings, opened: decoder.opened() })
            }
            Kind::Table => Document::Table(TableDoc { detected, header: table.ok_or(missing)?, rows, findings }),
            Kind::Calendar => {
                Document::Calendar(CalendarDoc { detected, header: calendar.ok_or(missing)?, entries, findings })
            }
            Kind::Card => Document::Card(CardDoc { detected, cards, findings }),
            kind @ (Kind::Sheet | Kind::Flow | Kind::Slides) => {
                Document::Office(office.finish(kind, detected, children, findings).ok_or(missing)?)
            }
            Kind::Pages => Document::Pages(pages.finish(detected, children, findings).ok_or(missing)?),
        })
    }
}

/// What a stream has brought so far.
#[derive(Default)]
struct Parts {
    findings: Vec<Finding>,
    source: Option<TextSource>,
    text: String,
    mail: Option<MailHeader>,
    children: Vec<Child>,
    image: Option<ImageHeader>,
    frames: Vec<ImageFrame>,
    table: Option<TableHeader>,
    rows: Vec<Vec<Cell>>,
    calendar: Option<CalendarHeader>,
    entries: Vec<Entry>,
    cards: Vec<Card>,
    pages: pages::Parts,
    office: office::Parts,
}

impl TextDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Text, self.detected, &self.findings, limits)?;
        if let Some(source) = &self.source {
            encoder.text_source(source)?;
        }
        encoder.text(self.text.as_str())?;
        encoder.finish()
    }
}

impl MailDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Mail, self.detected, &self.findings, limits)?;
        encoder.mail_header(&self.header)?;
        encoder.text(self.body.as_str())?;
        for child in &self.children {
            encoder.child(child)?;
        }
        encoder.finish()
    }
}

impl ImageDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Image, self.detected, &self.findings, limits)?;
        encoder.image(&self.header)?;
        for frame in &self.frames {
            encoder.frame(&frame.header)?;
            encoder.pixels(&frame.pixels)?;
        }
        encoder.finish()
    }
}

impl ContainerDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Container, self.detected, &self.findings, limits)?;
        for child in &self.children {
            encoder.child(child)?;
        }
        encoder.opened(self.opened);
        encoder.finish()
    }
}

impl TableDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Table, self.detected, &self.findings, limits)?;
        encoder.table(&self.header)?;
        for row in &self.rows {
            encoder.row(row)?;
        }
        encoder.finish()
    }
}

impl CalendarDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Calendar, self.detected, &self.findings, limits)?;
        encoder.calendar(&self.header)?;
        for entry in &self.entries {
            encoder.entry(entry)?;
        }
        encoder.finish()
    }
}

impl CardDoc {
    /// Writes the document as a stream.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] or [`EncodeError::Limit`] for what no decoder would take, [`EncodeError::Io`] when it cannot be
    /// written.
    pub fn encode<W: Write>(&self, out: W, limits: &Limits) -> Result<W, EncodeError> {
        let mut encoder = begin(out, Kind::Card, self.detected, &self.findings, limits)?;
        for card in &self.cards {
            encoder.card(card)?;
        }
        encoder.finish()
    }
}

macro_rules! decode {
    ($( $doc:ident $kind:ident )*) => { $(
        impl $doc {
            /// Reads a document of this kind; another is refused before its content is read.
            ///
            /// # Errors
            /// As [`Document::decode`]; [`DecodeError::Kind`] for a document of another kind.
            pub fn decode(input: impl Read, limits: &Limits) -> Result<$doc, DecodeError> {
                match Document::decode_kind(input, limits, Kind::$kind)? {
                    Document::$kind(doc) => Ok(doc),
                    other => Err(DecodeError::Kind(other.kind().code())),
                }
            }
        }
    )* };
}

decode! { TextDoc Text MailDoc Mail ImageDoc Image ContainerDoc Container TableDoc Table PagesDoc Pages CalendarDoc Calendar CardDoc Card }

fn begin<W: Write>(
    out: W,
    kind: Kind,
    detected: DetectedType,
    findings: &[Finding],
    limits: &Limits,
) -> Result<Encoder<W>, EncodeError> {
    let mut encoder = Encoder::new(out, kind, detected, limits)?;
    for finding in findings {
        encoder.finding(finding)?;
    }
    Ok(encoder)
}
