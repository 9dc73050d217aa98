//! Writes a stream, frame by frame.

mod office;
mod pages;

use std::io::{BufWriter, Write};

use super::frame::{MAGIC, TEXT_BYTES, Tag};
use super::verifier::Verifier;
use super::{DecodeError, EncodeError, Kind};
use crate::calendar::{CalendarHeader, Entry};
use crate::card::Card;
use crate::container::Child;
use crate::detected::DetectedType;
use crate::image::{FrameHeader, ImageHeader};
use crate::job::Opened;
use crate::limits::Limits;
use crate::mail::MailHeader;
use crate::reason::Finding;
use crate::table::{Cell, TableHeader, TextSource};
use crate::wire::{Sink, size};

/// Writes one document. After an error every further call fails, so that a stream which lacks something is never finished.
#[derive(Debug)]
pub struct Encoder<W: Write> {
    out: BufWriter<W>,
    verifier: Verifier,
    scratch: Sink,
    opened: Opened,
    failed: bool,
}

impl<W: Write> Encoder<W> {
    /// Begins a document of `kind`, made of a file that was found to be `detected`.
    ///
    /// # Errors
    /// [`EncodeError::Limit`] when not even the header fits, [`EncodeError::Io`].
    pub fn new(out: W, kind: Kind, detected: DetectedType, limits: &Limits) -> Result<Encoder<W>, EncodeError> {
        let mut scratch = Sink::default();
        scratch.bytes(&MAGIC);
        scratch.u8(kind.code());
        let token = detected.as_str();
        scratch.u8(u8::try_from(token.len()).unwrap_or(u8::MAX));
        scratch.bytes(token.as_bytes());
        let verifier = Verifier::new(kind, size(scratch.as_slice().len()), limits)?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
        out.write_all(scratch.as_slice())?;
        Ok(Encoder { out, verifier, scratch, opened: Opened::NONE, failed: false })
    }

    /// Writes a finding; findings may stand between any others.
    ///
    /// # Errors
    /// [`EncodeError::Invalid`] for what may not stand there or is out of bounds, [`EncodeError::Limit`], [`EncodeError::Io`],
    /// and [`EncodeError::Failed`]
    /// after any of them.
    pub fn finding(&mut self, finding: &Finding) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            if finding.count == 0 {
                return Err(DecodeError::Malformed("count of a finding").into());
            }
            encoder.verifier.finding()?;
            encoder.frame_of(Tag::Finding, |sink| finding.put(sink))
        })
    }

    /// Writes how a text file was written, before its text.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn text_source(&mut self, source: &TextSource) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::TextSource, |sink| source.put(sink))?;
            encoder.verifier.header();
            Ok(())
        })
    }

    /// Writes more text, which must be clean as the next part of a [`Text`](crate::text::Text).
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            let mut rest = text;
            while !rest.is_empty() {
                let (chunk, more) = rest.split_at_checked(rest.floor_char_boundary(TEXT_BYTES)).unwrap_or((rest, ""));
                encoder.begin(Tag::Text, chunk.len())?;
                encoder.verifier.text(chunk)?;
                encoder.out.write_all(chunk.as_bytes())?;
                rest = more;
            }
            Ok(())
        })
    }

    /// Writes the header of a mail.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn mail_header(&mut self, header: &MailHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::MailHeader, |sink| header.put(sink))?;
            Ok(encoder.verifier.mail_header(header)?)
        })
    }

    /// Writes a child of a mail or container, or a file that a document of pages has embedded, after all else of it.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn child(&mut self, child: &Child) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Child, |sink| child.put(sink))?;
            Ok(encoder.verifier.child(child)?)
        })
    }

    /// Writes the header of a picture.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn image(&mut self, header: &ImageHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Image, |sink| header.put(sink))?;
            Ok(encoder.verifier.image_header(header)?)
        })
    }

    /// Writes the header of a frame; its pixels follow.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn frame(&mut self, header: &FrameHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Frame, |sink| sink.u32(header.delay_ms))?;
            Ok(encoder.verifier.frame()?)
        })
    }

    /// Writes more pixels of the frame or picture: any number of whole rows, cut into chunks here.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn pixels(&mut self, rows: &[u8]) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            let most = encoder.verifier.pixels_bytes();
            for chunk in rows.chunks(usize::try_from(most).unwrap_or(usize::MAX).max(1)) {
                encoder.begin(Tag::Pixels, chunk.len())?;
                encoder.verifier.pixels(chunk)?;
                encoder.out.write_all(chunk)?;
            }
            Ok(())
        })
    }

    /// Writes the header of a table.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn table(&mut self, header: &TableHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Table, |sink| header.put(sink))?;
            encoder.verifier.header();
            Ok(())
        })
    }

    /// Writes the next row of a table.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn row(&mut self, cells: &[Cell]) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Row, |sink| sink.list(cells, Cell::put))?;
            Ok(encoder.verifier.row(cells)?)
        })
    }

    /// Writes the header of a calendar.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn calendar(&mut self, header: &CalendarHeader) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Calendar, |sink| header.put(sink))?;
            Ok(encoder.verifier.calendar_header(header)?)
        })
    }

    /// Writes the next entry of a calendar.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn entry(&mut self, entry: &Entry) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Entry, |sink| entry.put(sink))?;
            Ok(encoder.verifier.entry(entry)?)
        })
    }

    /// Writes the next card.
    ///
    /// # Errors
    /// As [`finding`](Self::finding).
    pub fn card(&mut self, card: &Card) -> Result<(), EncodeError> {
        self.guarded(|encoder| {
            encoder.frame_of(Tag::Card, |sink| card.put(sink))?;
            Ok(encoder.verifier.card(card)?)
        })
    }

    /// Notes which passwords of the job opened something, for the end of the document.
    pub fn opened(&mut self, opened: Opened) {
        self.opened.merge(opened);
    }

    /// Ends the document and gives the output back, flushed. Fails when the document is not complete.
    ///
    /// # Errors
    /// As [`finding`](Self::finding); [`EncodeError::Invalid`] when the document is not complete.
    pub fn finish(mut self) -> Result<W, EncodeError> {
        self.guarded(|encoder| {
            let opened = encoder.opened;
            encoder.frame_of(Tag::End, |sink| {
                if !opened.is_empty() {
                    sink.u16(opened.bits());
                }
            })?;
            Ok(encoder.verifier.end()?)
        })?;
        let mut out = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        out.flush()?;
        Ok(out)
    }

    fn guarded<T>(&mut self, write: impl FnOnce(&mut Encoder<W>) -> Result<T, EncodeError>) -> Result<T, EncodeError> {
        if self.failed {
            return Err(EncodeError::Failed);
        }
        self.failed = true;
        let given = write(self)?;
        self.failed = false;
        Ok(given)
    }

    fn frame_of(&mut self, tag: Tag, put: impl FnOnce(&mut Sink)) -> Result<(), EncodeError> {
        self.scratch.clear();
        put(&mut self.scratch);
        self.begin(tag, self.scratch.as_slice().len())?;
        self.out.write_all(self.scratch.as_slice())?;
        Ok(())
    }

    /// Judges and writes the head of a frame.
    fn begin(&mut self, tag: Tag, len: usize) -> Result<(), EncodeError> {
        self.verifier.begin(tag, size(len))?;
        let len = u32::try_from(len).map_err(|_| DecodeError::Malformed(tag.name()))?;
        self.out.write_all(&[tag.code()])?;
        self.out.write_all(&len.to_le_bytes())?;
        Ok(())
    }
}

/// One write for many small frames; chunks of pixels pass it by.
const BUFFER_BYTES: usize = 32 * 1024;
