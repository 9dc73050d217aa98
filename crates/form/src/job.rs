//! What a room is asked to do: a small blob of parameters beside its input.

use std::fmt;

use crate::book_names::BookNames;
use crate::codec::DecodeError;
use crate::container::{take_line, take_name};
use crate::limits::Limits;
use crate::name::FileName;
use crate::reason::{Reason, Refusal};
use crate::text::Line;
use crate::wire::{Cursor, Sink, coded, size};

coded! {
    /// How a dirty room reads its input.
    pub enum DirtyOp {
        /// As a mail, whatever it looks like.
        Mail = 1,
        /// As what its content shows it to be.
        Auto = 2,
        /// For a look at one page or picture: the form is that of a picture of one frame.
        Preview = 3,
    }
}

coded! {
    /// The most that a page is carried over as.
    pub enum MostLevel {
        /// Paths, glyphs and pictures.
        Vector = 1,
        /// One image.
        Raster = 2,
    }
}

coded! {
    /// What becomes of something that a document can do without.
    pub enum Extra {
        /// It stays, in a harmless form.
        Keep = 1,
        /// It goes.
        Drop = 2,
    }
}

coded! {
    /// What becomes of files that are embedded in a document.
    pub enum Embedded {
        /// They are not passed on.
        Withhold = 1,
        /// They are taken out as children.
        Extract = 2,
    }
}

/// How documents of pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagesPolicy {
    /// The most that a page is carried over as.
    pub level: MostLevel,
    /// Pixels per inch of pages that become images, [`PagesPolicy::MIN_DENSITY`] to [`PagesPolicy::MAX_DENSITY`].
    pub density: u16,
    /// What becomes of the text of pages that become images; kept, it lies invisible over them, to be found and copied.
    pub raster_text: Extra,
    /// What becomes of text that no reader sees. The recognised text of scans is always kept.
    pub hidden_text: Extra,
    /// What becomes of comments; kept, they are a list at the end.
    pub comments: Extra,
    /// What becomes of embedded files.
    pub embedded: Embedded,
}

impl PagesPolicy {
    /// The fewest pixels per inch.
    pub const MIN_DENSITY: u16 = 36;
    /// The most pixels per inch.
    pub const MAX_DENSITY: u16 = 1_200;

    fn put(&self, sink: &mut Sink) {
        sink.u8(self.level.code());
        sink.u16(self.density);
        sink.u8(self.raster_text.code());
        sink.u8(self.hidden_text.code());
        sink.u8(self.comments.code());
        sink.u8(self.embedded.code());
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<PagesPolicy, DecodeError> {
        Ok(PagesPolicy {
            level: cursor.coded(MostLevel::from_code, "level of pages")?,
            density: take_density(cursor)?,
            raster_text: cursor.coded(Extra::from_code, "text of page images")?,
            hidden_text: cursor.coded(Extra::from_code, "hidden text")?,
            comments: cursor.coded(Extra::from_code, "comments")?,
            embedded: cursor.coded(Embedded::from_code, "embedded files")?,
        })
    }
}

impl Default for PagesPolicy {
    /// As near to the source as can be; page images that read well on paper.
    fn default() -> PagesPolicy {
        PagesPolicy {
            level: MostLevel::Vector,
            density: 200,
            raster_text: Extra::Keep,
            hidden_text: Extra::Drop,
            comments: Extra::Keep,
            embedded: Embedded::Withhold,
        }
    }
}

coded! {
    /// What becomes of a document of a format that is not rebuilt.
    pub enum Legacy {
        /// It is refused, for the gateway to have it converted.
        Convert = 1,
        /// Its words are taken.
        Words = 2,
        /// A workbook is given back with values in place of the formulas that the converter does not understand, as the first member of a
        /// container, and as a second one the [names](crate::book_names) that it does not read. All else is refused as for
        /// [`Legacy::Convert`].
        Values = 3,
    }
}

/// How Office documents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficePolicy {
    /// What becomes of embedded files.
    pub embedded: Embedded,
    /// What becomes of doc, xls, ppt and rtf.
    pub legacy: Legacy,
    /// What becomes of pivot tables and of the copy of their data that workbooks keep. Where they go, the values stay that they show.
    pub pivot_cache: Extra,
}

impl OfficePolicy {
    fn put(&self, sink: &mut Sink) {
        sink.u8(self.embedded.code());
        sink.u8(self.legacy.code());
        sink.u8(self.pivot_cache.code());
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<OfficePolicy, DecodeError> {
        Ok(OfficePolicy {
            embedded: cursor.coded(Embedded::from_code, "files in Office documents")?,
            legacy: cursor.coded(Legacy::from_code, "legacy documents")?,
            pivot_cache: cursor.coded(Extra::from_code, "pivot tables")?,
        })
    }
}

impl Default for OfficePolicy {
    /// Nothing but the document itself.
    fn default() -> OfficePolicy {
        OfficePolicy { embedded: Embedded::Withhold, legacy: Legacy::Convert, pivot_cache: Extra::Drop }
    }
}

coded! {
    /// What becomes of files of markup or data for programs: HTML, XML.
    pub enum Markup {
        /// What they say is passed on as a text.
        Text = 1,
        /// They are not passed on.
        Withhold = 2,
    }
}

/// How text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextPolicy {
    /// What becomes of text in HTML that no reader sees; kept, it is marked.
    pub hidden: Extra,
    /// What becomes of files of markup.
    pub markup: Markup,
}

impl TextPolicy {
    fn put(&self, sink: &mut Sink) {
        sink.u8(self.hidden.code());
        sink.u8(self.markup.code());
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<TextPolicy, DecodeError> {
        Ok(TextPolicy {
            hidden: cursor.coded(Extra::from_code, "hidden text of HTML")?,
            markup: cursor.coded(Markup::from_code, "markup")?,
        })
    }
}

impl Default for TextPolicy {
    /// What a reader would have seen, of everything.
    fn default() -> TextPolicy {
        TextPolicy { hidden: Extra::Drop, markup: Markup::Text }
    }
}

coded! {
    /// What becomes of web addresses in text.
    pub enum Links {
        /// They stay.
        Keep = 1,
        /// They stay to be read, in a form that no program takes for an address.
        Defang = 2,
        /// They go.
        Remove = 3,
    }
}

/// Which page is looked at, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The page, the first being 0.
    pub page: u32,
    /// The most pixels of its longer side, at least 1.
    pub max_side: u16,
}

/// The job of a dirty room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirtyJob {
    /// How to read the input.
    pub op: DirtyOp,
    /// The name that the file came with.
    pub declared_name: Option<FileName>,
    /// The media type that the file came with, may be empty.
    pub declared_type: Line,
    /// What the job may cost.
    pub limits: Limits,
    /// Passwords to try, in this order.
    pub passwords: Vec<Password>,
    /// How documents of pages are read.
    pub pages: PagesPolicy,
    /// How Office documents are read.
    pub office: OfficePolicy,
    /// How text is read.
    pub text: TextPolicy,
    /// What to look at; given for [`DirtyOp::Preview`] and for nothing else.
    pub preview: Option<Preview>,
    /// Names of the workbook that the converter which wrote it did not read.
    pub names: BookNames,
}

impl DirtyJob {
    /// The most passwords that one job tries.
    pub const MAX_PASSWORDS: u32 = 16;

    /// A job on a file of which nothing is declared, without passwords, read as a site reads that has no wishes of its own.
    pub fn new(op: DirtyOp, limits: Limits) -> DirtyJob {
        DirtyJob {
            op,
            declared_name: None,
            declared_type: Line::default(),
            limits,
            passwords: Vec::new(),
            pages: PagesPolicy::default(),
            office: OfficePolicy::default(),
            text: TextPolicy::default(),
            preview: None,
            names: BookNames::default(),
        }
    }

    /// The job as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut sink = Sink::default();
        sink.bytes(&DIRTY);
        sink.u8(self.op.code());
        sink.option(self.declared_name.as_ref(), |name, sink| sink.string(name.as_str()));
        sink.string(self.declared_type.as_str());
        self.limits.put(&mut sink);
        sink.list(&self.passwords, |password, sink| sink.string(&password.0));
        self.pages.put(&mut sink);
        self.office.put(&mut sink);
        self.text.put(&mut sink);
        sink.option(self.preview.as_ref(), |preview, sink| {
            sink.u32(preview.page);
            sink.u16(preview.max_side);
        });
        self.names.put(&mut sink);
        sink.into_vec()
    }

    /// The job of bytes.
    ///
    /// # Errors
    /// Any [`DecodeError`] of a value: cut off, unknown, out of bounds, or followed by something.
    pub fn decode(bytes: &[u8]) -> Result<DirtyJob, DecodeError> {
        let mut cursor = begin(bytes, DIRTY)?;
        let job = DirtyJob {
            op: cursor.coded(DirtyOp::from_code, "operation")?,
            declared_name: cursor.option(take_name)?,
            declared_type: take_line(&mut cursor, "declared type")?,
            limits: Limits::take(&mut cursor)?,
            passwords: cursor.list(Self::MAX_PASSWORDS, Reason::FormInvalid, take_password)?,
            pages: PagesPolicy::take(&mut cursor)?,
            office: OfficePolicy::take(&mut cursor)?,
            text: TextPolicy::take(&mut cursor)?,
            preview: cursor.option(|cursor| Ok(Preview { page: cursor.u32()?, max_side: cursor.u16()? }))?,
            names: BookNames::take(&mut cursor)?,
        };
        cursor.finish()?;
        let sized = job.preview.is_none_or(|preview| preview.max_side > 0);
        if job.preview.is_some() != (job.op == DirtyOp::Preview) || !sized {
            return Err(DecodeError::Malformed("preview"));
        }
        Ok(job)
    }
}

/// A password of an encrypted file. It is never shown in logs and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The most bytes of a password.
    pub const MAX_BYTES: usize = 1024;

    /// A password of any characters; `None` when it is too long.
    pub fn new(password: &str) -> Option<Password> {
        (password.len() <= Self::MAX_BYTES).then(|| Password(password.to_owned()))
    }

    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Which of the passwords of a job opened something: a bit for each, by its place in [`DirtyJob::passwords`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened(u16);

impl Opened {
    /// None of them.
    pub const NONE: Opened = Opened(0);

    /// Notes the password at `index`, the first being 0; one beyond [`DirtyJob::MAX_PASSWORDS`] is none of a job.
    pub fn add(&mut self, index: usize) {
        let bit = u32::try_from(index).ok().and_then(|index| 1_u16.checked_shl(index));
        self.0 |= bit.unwrap_or_default();
    }

    /// Those of `other` too.
    pub fn merge(&mut self, other: Opened) {
        self.0 |= other.0;
    }

    /// Whether it is none of them.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of `passwords`, the list that the job had, that opened something.
    pub fn of(self, passwords: &[Password]) -> impl Iterator<Item = &Password> {
        passwords.iter().enumerate().filter_map(move |(index, password)| {
            let mut one = Opened::NONE;
            one.add(index);
            (self.0 & one.0 != 0).then_some(password)
        })
    }

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u16) -> Opened {
        Opened(bits)
    }
}

coded! {
    /// What a clean room does with its input.
    pub enum CleanOp {
        /// Takes a form stream and writes one file. Of a mail or container it writes the verified stream again, for the gateway
        /// to read.
        Part = 1,
        /// Takes a [bundle](crate::bundle) and writes a mail.
        AssembleMail = 2,
        /// Takes a [bundle](crate::bundle) and writes a ZIP archive.
        AssembleZip = 3,
        /// Takes a [bundle](crate::bundle) without children and writes a delivery report (RFC 3464): its header fields named `X-Report-…` are
        /// the facts of the part that programs read.
        AssembleReport = 4,
    }
}

coded! {
    /// What becomes of an animation.
    pub enum Animation {
        /// It stays one where the written format can.
        Keep = 1,
        /// Only its first frame stays.
        FirstFrame = 2,
    }
}

/// How pictures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImagePolicy {
    /// What becomes of animations.
    pub animation: Animation,
    /// The lowest quality that JPEG is written with, 1 to 100.
    pub quality_min: u8,
    /// The highest quality that JPEG is written with, 1 to 100, not below the lowest.
    pub quality_max: u8,
}

impl Default for ImagePolicy {
    /// Near the source, yet neither ruined by a source of quality 5 nor blown up by one of 100.
    fn default() -> ImagePolicy {
        ImagePolicy { animation: Animation::Keep, quality_min: 60, quality_max: 95 }
    }
}

/// How documents of pages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagesOutput {
    /// Pixels per inch that pictures are reduced to where they have more, [`PagesPolicy::MIN_DENSITY`] to
    /// [`PagesPolicy::MAX_DENSITY`].
    pub density: u16,
    /// The quality that photographs are written with, 1 to 100.
    pub photo_quality: u8,
}

impl Default for PagesOutput {
    /// What print needs, and what the eye does not tell from the source.
    fn default() -> PagesOutput {
        PagesOutput { density: 300, photo_quality: 75 }
    }
}

/// The job of a clean room. Its output is the same for the same input and job, but for the salts of an archive that it encrypts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanJob {
    /// What to do.
    pub op: CleanOp,
    /// What the job may cost.
    pub limits: Limits,
    /// How pictures are written.
    pub image: ImagePolicy,
    /// How documents of pages are written.
    pub pages: PagesOutput,
    /// What becomes of web addresses in texts and mails.
    pub links: Links,
    /// What MIME boundaries are derived from, so that no sender can foresee them.
    pub boundary_seed: [u8; 16],
    /// Where an assembled mail has its account.
    pub account: AccountPlace,
    /// What the words of an assembled mail are written in.
    pub charset: MailCharset,
    /// What an assembled archive is encrypted with; given for [`CleanOp::AssembleZip`] only.
    pub password: Option<Password>,
    /// What is drawn over a picture, so that it says who was shown it.
    pub watermark: Option<Watermark>,
}

coded! {
    /// What the words of a mail are written in.
    #[derive(Default)]
    pub enum MailCharset {
        /// UTF-8.
        #[default]
        Utf8 = 1,
        /// ISO-2022-JP (RFC 1468) where it has all characters of a text, else UTF-8.
        Iso2022Jp = 2,
    }
}

/// Where the account stands in the text of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountPlace {
    /// Before the sender's words.
    #[default]
    Top,
    /// After them.
    Bottom,
}

/// Who is shown a picture and when: letters, digits, spaces and `.:-_@`, 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watermark(String);

impl Watermark {
    /// The text, when it is of the allowed form.
    pub fn new(text: &str) -> Option<Watermark> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" .:-_@".contains(&byte);
        ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| Watermark(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CleanJob {
    /// A job that writes as a site does that has no wishes of its own, and encrypts and marks nothing.
    pub fn new(op: CleanOp, limits: Limits, boundary_seed: [u8; 16]) -> CleanJob {
        CleanJob {
            op,
            limits,
            image: ImagePolicy::default(),
            pages: PagesOutput::default(),
            links: Links::Keep,
            boundary_seed,
            account: AccountPlace::default(),
            charset: MailCharset::default(),
            password: None,
            watermark: None,
        }
    }

    /// The job as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut sink = Sink::default();
        sink.bytes(&CLEAN);
        sink.u8(self.op.code());
        self.limits.put(&mut sink);
        sink.u8(self.image.animation.code());
        sink.u8(self.image.quality_min);
        sink.u8(self.image.quality_max);
        sink.u16(self.pages.density);
        sink.u8(self.pages.photo_quality);
        sink.u8(self.links.code());
        sink.bytes(&self.boundary_seed);
        sink.u8(match self.account {
            AccountPlace::Top => 1,
            AccountPlace::Bottom => 2,
        });
        sink.u8(self.charset.code());
        sink.option(self.password.as_ref(), |password, sink| sink.string(&password.0));
        sink.string(self.watermark.as_ref().map_or("", Watermark::as_str));
        sink.into_vec()
    }

    /// The job of bytes.
    ///
    /// # Errors
    /// Any [`DecodeError`] of a value: cut off, unknown, out of bounds, or followed by something.
    pub fn decode(bytes: &[u8]) -> Result<CleanJob, DecodeError> {
        let mut cursor = begin(bytes, CLEAN)?;
        let job = CleanJob {
            op: cursor.coded(CleanOp::from_code, "operation")?,
            limits: Limits::take(&mut cursor)?,
            image: ImagePolicy {
                animation: cursor.coded(Animation::from_code, "animation policy")?,
                quality_min: cursor.u8()?,
                quality_max: cursor.u8()?,
            },
            pages: PagesOutput { density: take_density(&mut cursor)?, photo_quality: cursor.u8()? },
            links: cursor.coded(Links::from_code, "links")?,
            boundary_seed: cursor.array()?,
            account: match cursor.u8()? {
                1 => AccountPlace::Top,
                2 => AccountPlace::Bottom,
                _ => return Err(DecodeError::Malformed("place of the account")),
            },
            charset: cursor.coded(MailCharset::from_code, "charset of mails")?,
            password: cursor.option(take_password)?,
            watermark: match cursor.string()? {
                "" => None,
                text => Some(Watermark::new(text).ok_or(DecodeError::Malformed("watermark"))?),
            },
        };
        cursor.finish()?;
        let ImagePolicy { quality_min: low, quality_max: high, .. } = job.image;
        let photo = (1..=100).contains(&job.pages.photo_quality);
        if low == 0 || high > 100 || low > high || !photo {
            return Err(DecodeError::Malformed("quality"));
        }
        if job.password.is_some() && job.op != CleanOp::AssembleZip {
            return Err(DecodeError::Malformed("password"));
        }
        Ok(job)
    }
}

fn take_password(cursor: &mut Cursor<'_>) -> Result<Password, DecodeError> {
    Password::new(cursor.string()?).ok_or(DecodeError::Malformed("password"))
}

fn take_density(cursor: &mut Cursor<'_>) -> Result<u16, DecodeError> {
    let density = cursor.u16()?;
    let good = (PagesPolicy::MIN_DENSITY..=PagesPolicy::MAX_DENSITY).contains(&density);
    if good { Ok(density) } else { Err(DecodeError::Malformed("density")) }
}

fn begin(bytes: &[u8], magic: [u8; 8]) -> Result<Cursor<'_>, DecodeError> {
    let len = size(bytes.len());
    Refusal::check(Reason::FormInvalid, MAX_BYTES, len)?;
    let mut cursor = Cursor::new(bytes);
    if cursor.array()? != magic { Err(DecodeError::Magic) } else { Ok(cursor) }
}

const DIRTY: [u8; 8] = *b"MSGDJOB\x01";
const CLEAN: [u8; 8] = *b"MSGCJOB\x01";

/// More than the longest job: limits, a name, a type, 16 passwords and the names of a workbook.
const MAX_BYTES: u64 = 64 * 1024;
