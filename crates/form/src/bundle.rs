//! The input of a clean room that assembles: a verified form, the account, and children that other clean rooms have written.
//!
//! A bundle is the magic `MSGBNDL` and a version byte, then sections: tag, length (64 bits, little-endian), bytes. They come
//! in the order form, account, at most one list, any headers, any children, end. The reader borrows all large things from the mapped bundle.

use std::fmt;
use std::io::{self, Read, Write};

use crate::codec::{DecodeError, EncodeError};
use crate::container::{take_line, take_name, take_path};
use crate::limits::Limits;
use crate::name::{FileName, MemberPath};
use crate::reason::{Reason, Refusal};
use crate::report::OutputType;
use crate::text::{Line, Text, TextError};
use crate::wire::{Cursor, Sink, size};

/// The name of a header field that the gateway adds: `X-` and letters, digits and hyphens, at most 64 bytes, or `Received`. It can be
/// no field that has a meaning to a mail program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// The most bytes of a name.
    pub const MAX_BYTES: usize = 64;
    /// The field by which a server says that it had a mail (RFC 5321 section 4.4).
    pub const TRACE: &'static str = "Received";

    /// Takes a name.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_BYTES`](Self::MAX_BYTES), [`TextError::Shape`] for what is neither `Received` nor
    /// `X-` and letters, digits and hyphens.
    pub fn parse(raw: &str) -> Result<HeaderName, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        if raw == Self::TRACE {
            return Ok(HeaderName(raw.to_owned()));
        }
        let rest = raw.strip_prefix("X-").ok_or(TextError::Shape)?;
        let clean = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if clean { Ok(HeaderName(raw.to_owned())) } else { Err(TextError::Shape) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A header field that the gateway adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraHeader {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: Line,
}

/// What is said of a child beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildMeta {
    /// The number it has in the form.
    pub id: u32,
    /// The name it is delivered under.
    pub name: FileName,
    /// Its place in an archive, ending in `name`.
    pub path: Option<MemberPath>,
    /// When it was last changed, in Unix seconds, where known.
    pub modified: Option<i64>,
    /// What it is.
    pub output: OutputType,
    /// Whether the mail shows it in its text.
    pub inline: bool,
}

/// A bundle whose large parts lie where the bundle lies.
#[derive(PartialEq, Eq)]
pub struct Bundle<'a> {
    /// The form stream of the mail or container, to be decoded.
    pub form: &'a [u8],
    /// What the recipient is told.
    pub account: Text,
    /// What was too long for the account; it stands at the end of the text.
    pub list: Text,
    /// Header fields that the gateway adds.
    pub extra_headers: Vec<ExtraHeader>,
    /// The children in their order.
    pub children: Vec<BundleChild<'a>>,
}

impl fmt::Debug for Bundle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("form", &self.form.len())
            .field("account", &self.account)
            .field("list", &self.list)
            .field("extra_headers", &self.extra_headers)
            .field("children", &self.children)
            .finish()
    }
}

/// A child with its bytes.
#[derive(PartialEq, Eq)]
pub struct BundleChild<'a> {
    /// What is said of it.
    pub meta: ChildMeta,
    /// The file that a clean room has written.
    pub bytes: &'a [u8],
}

impl fmt::Debug for BundleChild<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundleChild").field("meta", &self.meta).field("bytes", &self.bytes.len()).finish()
    }
}

/// Writes a bundle, section by section, in order.
#[derive(Debug)]
pub struct BundleWriter<W: Write> {
    out: W,
    limits: Limits,
    stage: Stage,
    counts: Counts,
    failed: bool,
}

/// The last section that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Start,
    Form,
    Account,
    List,
    Headers,
    Children,
    End,
}

impl<W: Write> BundleWriter<W> {
    /// Begins a bundle.
    ///
    /// # Errors
    /// [`EncodeError::Io`] when its first bytes cannot be written.
    pub fn new(mut out: W, limits: &Limits) -> Result<BundleWriter<W>, EncodeError> {
        out.write_all(&MAGIC)?;
        Ok(BundleWriter { out, limits: limits.clone(), stage: Stage::Start, counts: Counts::default(), failed: false })
    }

    /// Writes the form stream, exactly `len` bytes of `form`.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] out of its order or when `form` ends early, [`EncodeError::Limit`], [`EncodeError::Io`], and
    /// [`EncodeError::Failed`] after any of
    /// them.
    pub fn form(&mut self, len: u64, form: &mut dyn Read) -> Result<(), EncodeError> {
        self.guarded(|writer| {
            writer.advance(Stage::Form)?;
            Refusal::check(Reason::LimitFormBytes, writer.limits.form_bytes, len)?;
            writer.section(Stage::Form, len)?;
            writer.copy(len, form)
        })
    }

    /// Writes the account.
    ///
    /// # Errors
    /// As [`form`](Self::form).
    pub fn account(&mut self, account: &Text) -> Result<(), EncodeError> {
        self.guarded(|writer| {
            writer.advance(Stage::Account)?;
            let len = size(account.as_str().len());
            Refusal::check(Reason::LimitTextBytes, writer.limits.text_bytes, len)?;
            writer.section(Stage::Account, len)?;
            Ok(writer.out.write_all(account.as_str().as_bytes())?)
        })
    }

    /// Writes what was too long for the account.
    ///
    /// # Errors
    /// As [`form`](Self::form).
    pub fn list(&mut self, list: &Text) -> Result<(), EncodeError> {
        self.guarded(|writer| {
            writer.advance(Stage::List)?;
            let len = size(list.as_str().len());
            Refusal::check(Reason::LimitTextBytes, writer.limits.text_bytes, len)?;
            writer.section(Stage::List, len)?;
            Ok(writer.out.write_all(list.as_str().as_bytes())?)
        })
    }

    /// Writes one more header field.
    ///
    /// # Errors
    /// As [`form`](Self::form).
    pub fn extra_header(&mut self, header: &ExtraHeader) -> Result<(), EncodeError> {
        self.guarded(|writer| {
            writer.advance(Stage::Headers)?;
            writer.counts.header(header, &writer.limits)?;
            let mut sink = Sink::default();
            sink.string(header.name.as_str());
            sink.string(header.value.as_str());
            writer.section(Stage::Headers, size(sink.as_slice().len()))?;
            Ok(writer.out.write_all(sink.as_slice())?)
        })
    }

    /// Writes one more child, exactly `len` bytes of `bytes`.
    ///
    /// # Errors
    /// As [`form`](Self::form).
    pub fn child(&mut self, meta: &ChildMeta, len: u64, bytes: &mut dyn Read) -> Result<(), EncodeError> {
        self.guarded(|writer| {
            writer.advance(Stage::Children)?;
            writer.counts.child(meta, len, &writer.limits)?;
            let mut sink = Sink::default();
            meta.put(&mut sink);
            writer.section(Stage::Children, size(sink.as_slice().len()).saturating_add(len))?;
            writer.out.write_all(sink.as_slice())?;
            writer.copy(len, bytes)
        })
    }

    /// Ends the bundle and gives the output back, flushed.
    ///
    /// # Errors
    /// As [`form`](Self::form); [`EncodeError::Invalid`] where a section that must be there is missing.
    pub fn finish(mut self) -> Result<W, EncodeError> {
        self.guarded(|writer| {
            writer.advance(Stage::End)?;
            writer.section(Stage::End, 0)
        })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn guarded(
        &mut self,
        write: impl FnOnce(&mut BundleWriter<W>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.failed {
            return Err(EncodeError::Failed);
        }
        self.failed = true;
        write(self)?;
        self.failed = false;
        Ok(())
    }

    fn advance(&mut self, next: Stage) -> Result<(), DecodeError> {
        self.stage = self.stage.then(next)?;
        Ok(())
    }

    fn section(&mut self, stage: Stage, len: u64) -> Result<(), EncodeError> {
        self.out.write_all(&[stage.tag()])?;
        Ok(self.out.write_all(&len.to_le_bytes())?)
    }

    fn copy(&mut self, len: u64, from: &mut dyn Read) -> Result<(), EncodeError> {
        let copied = io::copy(&mut from.take(len), &mut self.out)?;
        if copied == len { Ok(()) } else { Err(DecodeError::Truncated.into()) }
    }
}

impl<'a> Bundle<'a> {
    /// Reads a bundle that lies in memory.
    ///
    /// # Errors
    /// Any [`DecodeError`] but [`DecodeError::Failed`]: it is no bundle of this version, is not whole, or passes a limit.
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<Bundle<'a>, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array()? != MAGIC {
            return Err(DecodeError::Magic);
        }
        let mut bundle = Bundle {
            form: &[],
            account: Text::default(),
            list: Text::default(),
            extra_headers: Vec::new(),
            children: Vec::new(),
        };
        let mut stage = Stage::Start;
        let mut counts = Counts::default();
        while stage != Stage::End {
            stage = stage.then(Stage::from_tag(cursor.u8()?)?)?;
            let len = cursor.u64()?;
            let section = cursor.slice(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)?;
            match stage {
                Stage::Start => return Err(DecodeError::Order("section")),
                Stage::Form => {
                    Refusal::check(Reason::LimitFormBytes, limits.form_bytes, len)?;
                    bundle.form = section;
                }
                Stage::Account => bundle.account = told(section, "account", limits)?,
                Stage::List => bundle.list = told(section, "list", limits)?,
                Stage::Headers => {
                    let mut fields = Cursor::new(section);
                    let name =
                        HeaderName::parse(fields.string()?).map_err(|_| DecodeError::Malformed("header name"))?;
                    let header = ExtraHeader { name, value: take_line(&mut fields, "header value")? };
                    fields.finish()?;
                    counts.header(&header, limits)?;
                    bundle.extra_headers.push(header);
                }
                Stage::Children => {
                    let mut fields = Cursor::new(section);
                    let meta = ChildMeta::take(&mut fields)?;
                    let bytes = fields.rest();
                    counts.child(&meta, size(bytes.len()), limits)?;
                    bundle.children.push(BundleChild { meta, bytes });
                }
                Stage::End if len == 0 => {}
                Stage::End => return Err(DecodeError::Malformed("end")),
            }
        }
        cursor.finish()?;
        Ok(bundle)
    }
}

fn told(section: &[u8], what: &'static str, limits: &Limits) -> Result<Text, DecodeError> {
    Refusal::check(Reason::LimitTextBytes, limits.text_bytes, size(section.len()))?;
    let text = std::str::from_utf8(section).map_err(|_| DecodeError::Malformed(what))?;
    Text::parse(text).map_err(|_| DecodeError::Malformed(what))
}

impl ChildMeta {
    fn put(&self, sink: &mut Sink) {
        sink.u32(self.id);
        sink.string(self.name.as_str());
        sink.option(self.path.as_ref(), |path, sink| sink.string(&path.to_string()));
        sink.option(self.modified.as_ref(), |modified, sink| sink.i64(*modified));
        sink.u8(self.output.code());
        sink.flag(self.inline);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<ChildMeta, DecodeError> {
        Ok(ChildMeta {
            id: cursor.u32()?,
            name: take_name(cursor)?,
            path: cursor.option(take_path)?,
            modified: cursor.option(Cursor::i64)?,
            output: cursor.coded(OutputType::from_code, "output type")?,
            inline: cursor.flag()?,
        })
    }
}

impl Stage {
    /// The section after this one, where it may follow: each stage once, headers and children any number of times.
    fn then(self, next: Stage) -> Result<Stage, DecodeError> {
        let may = match next {
            Stage::Start => false,
            Stage::Form => self == Stage::Start,
            Stage::Account => self == Stage::Form,
            Stage::List => self == Stage::Account,
            Stage::Headers => matches!(self, Stage::Account | Stage::List | Stage::Headers),
            Stage::Children | Stage::End => (Stage::Account..=Stage::Children).contains(&self),
        };
        if may { Ok(next) } else { Err(DecodeError::Order("section")) }
    }

    const fn tag(self) -> u8 {
        match self {
            Stage::Start => 0,
            Stage::Form => 1,
            Stage::Account => 2,
            Stage::Headers => 3,
            Stage::Children => 4,
            Stage::List => 5,
            Stage::End => 255,
        }
    }

    const fn from_tag(tag: u8) -> Result<Stage, DecodeError> {
        Ok(match tag {
            1 => Stage::Form,
            2 => Stage::Account,
            3 => Stage::Headers,
            4 => Stage::Children,
            5 => Stage::List,
            255 => Stage::End,
            unknown => return Err(DecodeError::Tag(unknown)),
        })
    }
}

/// What sections have added up to, judged alike for writer and reader.
#[derive(Debug, Default)]
struct Counts {
    headers: u64,
    children: u32,
    child_bytes: u64,
}

impl Counts {
    fn header(&mut self, header: &ExtraHeader, limits: &Limits) -> Result<(), DecodeError> {
        let value = size(header.value.as_str().len());
        Refusal::check(Reason::LimitLineBytes, limits.line_bytes.into(), value)?;
        let len = value.saturating_add(size(header.name.as_str().len())).saturating_add(8);
        self.headers = self.headers.saturating_add(len);
        Refusal::check(Reason::LimitHeaderBytes, limits.header_bytes.into(), self.headers)?;
        Ok(())
    }

    fn child(&mut self, meta: &ChildMeta, len: u64, limits: &Limits) -> Result<(), DecodeError> {
        self.children = self.children.saturating_add(1);
        Refusal::check(Reason::LimitParts, limits.parts.into(), self.children.into())?;
        self.child_bytes = self.child_bytes.saturating_add(len);
        Refusal::check(Reason::LimitTotalBytes, limits.total_bytes, self.child_bytes)?;
        if meta.path.as_ref().is_some_and(|path| path.file_name() != &meta.name) {
            return Err(DecodeError::Malformed("path of a child"));
        }
        Ok(())
    }
}

const MAGIC: [u8; 8] = *b"MSGBNDL\x01";
