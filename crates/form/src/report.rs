//! What a clean room says of the file it has written.

use crate::codec::{DecodeError, Kind};
use crate::job::Opened;
use crate::limits::Limits;
use crate::mail::Child;
use crate::pages::PageLevel;
use crate::reason::{Finding, Reason, Refusal};
use crate::wire::{Cursor, Sink, coded, size};

pub use crate::detected::DetectedType;

coded! {
    /// A type of file that clean rooms write. Extension and media type follow from it, so that neither can be chosen from
    /// outside.
    pub enum OutputType {
        /// Plain text in UTF-8.
        Text = 1,
        /// Cells parted by commas or semicolons.
        Csv = 2,
        /// Cells parted by tabs.
        Tsv = 3,
        /// JPEG.
        Jpeg = 4,
        /// PNG.
        Png = 5,
        /// GIF.
        Gif = 6,
        /// BMP.
        Bmp = 7,
        /// TIFF.
        Tiff = 8,
        /// WebP.
        WebP = 9,
        /// ZIP archive.
        Zip = 10,
        /// A mail.
        Mail = 11,
        /// A verified form stream, for the gateway.
        Form = 12,
        /// PDF.
        Pdf = 13,
        /// A Word document.
        Docx = 14,
        /// A Word template.
        Dotx = 15,
        /// An Excel workbook.
        Xlsx = 16,
        /// An Excel template.
        Xltx = 17,
        /// A PowerPoint presentation.
        Pptx = 18,
        /// A PowerPoint template.
        Potx = 19,
        /// A PowerPoint show.
        Ppsx = 20,
        /// A calendar.
        Calendar = 21,
        /// Address cards.
        Card = 22,
    }
}

impl OutputType {
    /// The extension of its file names.
    pub const fn extension(self) -> &'static str {
        match self {
            OutputType::Text => "txt",
            OutputType::Csv => "csv",
            OutputType::Tsv => "tsv",
            OutputType::Jpeg => "jpg",
            OutputType::Png => "png",
            OutputType::Gif => "gif",
            OutputType::Bmp => "bmp",
            OutputType::Tiff => "tiff",
            OutputType::WebP => "webp",
            OutputType::Zip => "zip",
            OutputType::Mail => "eml",
            OutputType::Form => "form",
            OutputType::Pdf => "pdf",
            OutputType::Docx => "docx",
            OutputType::Dotx => "dotx",
            OutputType::Xlsx => "xlsx",
            OutputType::Xltx => "xltx",
            OutputType::Pptx => "pptx",
            OutputType::Potx => "potx",
            OutputType::Ppsx => "ppsx",
            OutputType::Calendar => "ics",
            OutputType::Card => "vcf",
        }
    }

    /// Its media type, without parameters.
    pub const fn media_type(self) -> &'static str {
        match self {
            OutputType::Text => "text/plain",
            OutputType::Csv => "text/csv",
            OutputType::Tsv => "text/tab-separated-values",
            OutputType::Jpeg => "image/jpeg",
            OutputType::Png => "image/png",
            OutputType::Gif => "image/gif",
            OutputType::Bmp => "image/bmp",
            OutputType::Tiff => "image/tiff",
            OutputType::WebP => "image/webp",
            OutputType::Zip => "application/zip",
            OutputType::Mail => "message/rfc822",
            OutputType::Form => "application/octet-stream",
            OutputType::Pdf => "application/pdf",
            OutputType::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            OutputType::Dotx => "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
            OutputType::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            OutputType::Xltx => "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
            OutputType::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            OutputType::Potx => "application/vnd.openxmlformats-officedocument.presentationml.template",
            OutputType::Ppsx => "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
            OutputType::Calendar => "text/calendar",
            OutputType::Card => "text/vcard",
        }
    }
}

/// How many pages were carried over in which way (see [`PageLevel`](crate::pages::PageLevel)); all 0 for other kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageLevels {
    /// As paths, glyphs and pictures.
    pub vector: u32,
    /// As one image, with text invisible over it.
    pub raster_text: u32,
    /// As one image.
    pub raster: u32,
}

impl PageLevels {
    /// Counts one more page.
    pub fn add(&mut self, level: PageLevel) {
        let count = match level {
            PageLevel::Vector => &mut self.vector,
            PageLevel::RasterText => &mut self.raster_text,
            PageLevel::Raster => &mut self.raster,
        };
        *count = count.saturating_add(1);
    }
}

/// Letters on pages. Spaces are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Letters that were drawn, or stand invisible over a picture.
    pub drawn: u64,
    /// Those of them that stand for characters: they can be searched and copied. Not more than were drawn.
    pub meant: u64,
}

/// The letters of one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLetters {
    /// The page, the first being 0.
    pub page: u32,
    /// Its letters, with those of the canvases that came before it and after the page before it.
    pub letters: Letters,
}

impl Letters {
    fn put(&self, sink: &mut Sink) {
        sink.u64(self.drawn);
        sink.u64(self.meant);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Letters, DecodeError> {
        let letters = Letters { drawn: cursor.u64()?, meant: cursor.u64()? };
        if letters.meant > letters.drawn { Err(DecodeError::Malformed("letters")) } else { Ok(letters) }
    }
}

impl PageLetters {
    fn put(&self, sink: &mut Sink) {
        sink.u32(self.page);
        self.letters.put(sink);
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<PageLetters, DecodeError> {
        Ok(PageLetters { page: cursor.u32()?, letters: Letters::take(cursor)? })
    }
}

/// The report on one written file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanReport {
    /// The kind of the form that it was written from.
    pub kind: Kind,
    /// What the dirty room found the original to be.
    pub detected_type: DetectedType,
    /// What was written.
    pub output: OutputType,
    /// Pages, frames or sheets, as its kind has them; 0 where it has none.
    pub pages: u32,
    /// How many of the pages were carried over in which way.
    pub levels: PageLevels,
    /// The letters of all pages together; none for other kinds.
    pub letters: Letters,
    /// The pages on which not every letter stands for characters, at most [`Limits::pages`].
    pub unmapped: Vec<PageLetters>,
    /// The findings of both rooms.
    pub findings: Vec<Finding>,
    /// Which passwords of the dirty room's job opened the file.
    pub opened: Opened,
    /// The files that were embedded in a document and are taken out of it, as the form has them; nothing of them is in what was written.
    /// Always empty for mails and archives, whose children are in the form.
    pub children: Vec<Child>,
}

impl CleanReport {
    /// The report as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut sink = Sink::default();
        sink.bytes(&MAGIC);
        sink.u8(self.kind.code());
        sink.bytes(&self.detected_type.to_detail());
        sink.u8(self.output.code());
        sink.u32(self.pages);
        sink.u32(self.levels.vector);
        sink.u32(self.levels.raster_text);
        sink.u32(self.levels.raster);
        self.letters.put(&mut sink);
        sink.list(&self.unmapped, PageLetters::put);
        sink.list(&self.findings, Finding::put);
        sink.u16(self.opened.bits());
        sink.list(&self.children, Child::put);
        sink.into_vec()
    }

    /// The report of bytes. Both rooms may have used up their findings.
    ///
    /// # Errors
    /// Any [`DecodeError`] of a value: cut off, unknown, out of bounds, or followed by something.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<CleanReport, DecodeError> {
        let findings = limits.findings.saturating_mul(2);
        let lists = [(findings, FINDING_BYTES), (limits.pages, PAGE_BYTES), (limits.parts, CHILD_BYTES)];
        let most = lists
            .into_iter()
            .map(|(count, bytes)| u64::from(count).saturating_mul(bytes))
            .fold(FIXED_BYTES, u64::saturating_add);
        Refusal::check(Reason::LimitFindings, most, size(bytes.len()))?;
        let mut cursor = Cursor::new(bytes);
        if cursor.array()? != MAGIC {
            return Err(DecodeError::Magic);
        }
        let kind = cursor.u8()?;
        let report = CleanReport {
            kind: Kind::from_code(kind).ok_or(DecodeError::Kind(kind))?,
            detected_type: DetectedType::from_detail(cursor.array()?).ok_or(DecodeError::Malformed("detected type"))?,
            output: cursor.coded(OutputType::from_code, "output type")?,
            pages: cursor.u32()?,
            levels: PageLevels { vector: cursor.u32()?, raster_text: cursor.u32()?, raster: cursor.u32()? },
            letters: Letters::take(&mut cursor)?,
            unmapped: cursor.list(limits.pages, Reason::LimitPages, PageLetters::take)?,
            findings: cursor.list(findings, Reason::LimitFindings, Finding::take)?,
            opened: Opened::from_bits(cursor.u16()?),
            children: cursor.list(limits.parts, Reason::LimitParts, Child::take)?,
        };
        cursor.finish()?;
        report.children.iter().try_for_each(|child| child.check(limits))?;
        Ok(report)
    }
}

const MAGIC: [u8; 8] = *b"MSGREPT\x03";
const FIXED_BYTES: u64 = 76;
/// Reason, count, length, 200 characters.
const FINDING_BYTES: u64 = 2 + 4 + 4 + 800;
/// Number, drawn, meant.
const PAGE_BYTES: u64 = 4 + 8 + 8;
/// As a frame of a form has it.
const CHILD_BYTES: u64 = 2048;
