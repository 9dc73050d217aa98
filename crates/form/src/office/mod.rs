//! Documents of Office Open XML (ECMA-376): packages of parts whose elements and attributes are numbers into a fixed
//! [vocabulary](schema), with typed values.
//!
//! A stream of kind `Sheet`, `Flow` or `Slides` brings the [`OfficeHeader`], then every [`PartHeader`] with what it refers to,
//! then pictures as pixels, then the [`Markup`] of each part in the same order. A part ends with its root element. What a
//! program would run, load or open by itself has no number in the vocabulary; text that a program reads as more than words has
//! a [grammar] of its own.

pub mod fields;
pub mod grammar;
pub mod headers;
pub mod markup;
pub mod schema;
pub mod targets;
pub mod value;

use crate::codec::DecodeError;
use crate::codec::Kind;
use crate::limits::Limits;
use crate::pages::Url;
use crate::reason::Reason;
use crate::text::Line;
use crate::wire::{Cursor, Sink, coded};

pub use fields::Fields;
pub use headers::{HeaderPicture, HeaderPlace};
pub use markup::Markup;
pub use schema::{Attribute, Namespace, PartKind, State, TextKind, Type};
pub use targets::Target;
pub use value::{AttributeKind, Value, is_word_char};

coded! {
    /// What sort of document of its kind it is.
    pub enum Variant {
        /// A document, workbook or presentation.
        Document = 1,
        /// A template.
        Template = 2,
        /// A presentation that opens as a show.
        Show = 3,
    }
}

coded! {
    /// Which program wrote the original. Readers lay out by it: without a name, LibreOffice takes other row heights.
    pub enum Producer {
        /// Microsoft Office.
        Microsoft = 1,
        /// LibreOffice.
        LibreOffice = 2,
        /// Another, or it does not say.
        Other = 3,
    }
}

/// What a document says of itself before its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeHeader {
    /// What sort of document it is.
    pub variant: Variant,
    /// Which program wrote it.
    pub producer: Producer,
    /// Major and minor version of that program; the minor number below 10,000.
    pub version: (u16, u16),
    /// Its title; may be empty.
    pub title: Line,
    /// How many parts follow, at least 1; the first is the main one.
    pub parts: u32,
}

/// A part of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHeader {
    /// What sort of part it is.
    pub kind: PartKind,
    /// What it refers to; markup names these by their place.
    pub relationships: Vec<Relationship>,
}

/// What a part refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relationship {
    /// Another part of the package by its number.
    Part(u32),
    /// A picture by its number.
    Picture(u32),
    /// An address outside.
    Link(Url),
    /// A place in the same workbook, to which a shape of a sheet leads.
    Location(Location),
    /// A picture in a header or footer of a worksheet or chart sheet, which no markup names. These come last, one for each place.
    Header(HeaderPicture),
}

/// A place in a workbook as a formula names it, without the number sign: `'Sheet 1'!A1`, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(Box<str>);

impl Location {
    /// The most bytes of one: a sheet's name has 31 characters.
    pub const MAX_BYTES: usize = 512;

    /// Takes what leads nowhere outside, by the same grammar as the links of cells; nothing for anything else.
    pub fn parse(text: &str) -> Option<Location> {
        let is_sound = !text.is_empty() && text.len() <= Self::MAX_BYTES && grammar::formula(text);
        is_sound.then(|| Location(text.into()))
    }

    /// The place.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The main part of a kind, none for kinds that are no packages.
pub fn main_part(kind: Kind) -> Option<PartKind> {
    let name = match kind {
        Kind::Flow => "MainDocumentPart",
        Kind::Sheet => "WorkbookPart",
        Kind::Slides => "PresentationPart",
        Kind::Text
        | Kind::Mail
        | Kind::Image
        | Kind::Container
        | Kind::Table
        | Kind::Pages
        | Kind::Calendar
        | Kind::Card => return None,
    };
    PartKind::named(name)
}

/// Whether a part may stand in a document of that kind.
pub fn fits(part: PartKind, kind: Kind) -> bool {
    let content_type = part.content_type();
    let belongs = |vocabulary: &str, to: Kind| !content_type.contains(vocabulary) || kind == to;
    belongs("wordprocessingml", Kind::Flow)
        && belongs("spreadsheetml", Kind::Sheet)
        && belongs("presentationml", Kind::Slides)
}

/// Whether a choice in a document of that kind may ask for a program that knows the vocabulary: one that Office itself asks for in
/// such documents. By any other, what one program shows another would not.
pub fn may_require(namespace: Namespace, kind: Kind) -> bool {
    let own: &[&str] = match kind {
        Kind::Flow => &["w14", "w15", "wp14", "wpc", "wpg", "wps"],
        Kind::Sheet => &["x14", "x15"],
        Kind::Slides => &["p14", "p15"],
        Kind::Text
        | Kind::Mail
        | Kind::Image
        | Kind::Container
        | Kind::Table
        | Kind::Pages
        | Kind::Calendar
        | Kind::Card => return false,
    };
    let shared = ["a14", "a15", "a16", "c14", "cx", "v"];
    shared.contains(&namespace.prefix()) || own.contains(&namespace.prefix())
}

impl OfficeHeader {
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        crate::Refusal::check(Reason::LimitParts, limits.office_parts.into(), self.parts.into())?;
        let title = self.title.as_str().len();
        let line = u64::from(limits.line_bytes);
        crate::Refusal::check(Reason::LimitLineBytes, line, crate::wire::size(title))?;
        if self.parts == 0 || self.version.1 > 9_999 {
            return Err(DecodeError::Malformed("header of an Office document"));
        }
        Ok(())
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(self.variant.code());
        sink.u8(self.producer.code());
        sink.u16(self.version.0);
        sink.u16(self.version.1);
        sink.string(self.title.as_str());
        sink.u32(self.parts);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<OfficeHeader, DecodeError> {
        Ok(OfficeHeader {
            variant: cursor.coded(Variant::from_code, "variant of an Office document")?,
            producer: cursor.coded(Producer::from_code, "producer of an Office document")?,
            version: (cursor.u16()?, cursor.u16()?),
            title: Line::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("title"))?,
            parts: cursor.u32()?,
        })
    }
}

impl PartHeader {
    /// The most bytes of a header, for one with as many relationships as the limit lets pass.
    pub(crate) fn most_bytes(limits: &Limits) -> u64 {
        let link = u64::try_from(Url::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(5);
        u64::from(limits.relationships).saturating_mul(link).saturating_add(16)
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(self.kind.code());
        sink.list(&self.relationships, |relationship, sink| match relationship {
            Relationship::Part(number) => {
                sink.u8(1);
                sink.u32(*number);
            }
            Relationship::Picture(number) => {
                sink.u8(2);
                sink.u32(*number);
            }
            Relationship::Link(url) => {
                sink.u8(3);
                sink.string(url.as_str());
            }
            Relationship::Header(header) => {
                sink.u8(4);
                header.put(sink);
            }
            Relationship::Location(location) => {
                sink.u8(5);
                sink.string(location.as_str());
            }
        });
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<PartHeader, DecodeError> {
        let kind = cursor.coded(PartKind::from_code, "kind of a part")?;
        let relationships =
            cursor.list(limits.relationships, Reason::LimitResources, |cursor| match cursor.u8()? {
                1 => Ok(Relationship::Part(cursor.u32()?)),
                2 => Ok(Relationship::Picture(cursor.u32()?)),
                3 => {
                    let url = Url::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("address"))?;
                    Ok(Relationship::Link(url))
                }
                4 => Ok(Relationship::Header(HeaderPicture::take(cursor)?)),
                5 => {
                    let location = Location::parse(cursor.string()?).ok_or(DecodeError::Malformed("location"))?;
                    Ok(Relationship::Location(location))
                }
                _ => Err(DecodeError::Malformed("relationship")),
            })?;
        Ok(PartHeader { kind, relationships })
    }
}
