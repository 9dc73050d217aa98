//! Everything that is not body text: named, decoded into the spill, announced in the form.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use form::codec::Encoder;
use form::mail::Child;
use form::name::{FileName, TakenNames};
use form::text::Line;
use form::{Findings, Limits, Place, Reason, Refusal, percent};
use unicode_normalization::UnicodeNormalization;

use super::structure::{Part, Transfer, Tree};
use super::tally::Tally;
use super::{attached, called, fields, transfer};
use crate::error::{Error, size};

/// The children of one mail, collected while its text is read.
pub(crate) struct Children<'a> {
    input: &'a [u8],
    tree: &'a Tree<'a>,
    limits: &'a Limits,
    /// By index of the part, which is the order of the mail.
    chosen: BTreeMap<usize, Chosen>,
    names: BTreeMap<usize, FileName>,
    taken: TakenNames,
    unnamed: u32,
    by_content_id: BTreeMap<String, usize>,
    /// Parts that are not what their type says.
    misnamed: BTreeSet<usize>,
    /// What happened to names, told when the names are needed.
    notes: Vec<(Reason, String)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Chosen {
    inline: bool,
    withheld: Option<Refusal>,
}

impl<'a> Children<'a> {
    pub(crate) fn new(input: &'a [u8], tree: &'a Tree<'a>, limits: &'a Limits) -> Self {
        let mut by_content_id = BTreeMap::new();
        for (index, part) in tree.parts.iter().enumerate() {
            if let Some(field) = fields::first(&part.fields, "Content-ID") {
                by_content_id.entry(content_id(&field.text())).or_insert(index);
            }
        }
        Self {
            input,
            tree,
            limits,
            chosen: BTreeMap::new(),
            names: BTreeMap::new(),
            taken: TakenNames::default(),
            unnamed: 0,
            by_content_id,
            misnamed: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    /// Makes a part a child.
    pub(crate) fn add(&mut self, index: usize, inline: bool) {
        let chosen = self.chosen.entry(index).or_default();
        chosen.inline |= inline;
    }

    /// Makes a part a child that is not of the type that it is called: its name promises none.
    pub(crate) fn add_file(&mut self, index: usize) {
        self.add(index, false);
        self.misnamed.insert(index);
    }

    /// Makes a part a child that is not handed on.
    pub(crate) fn withhold(&mut self, index: usize, refusal: Refusal) {
        self.chosen.entry(index).or_default().withheld = Some(refusal);
    }

    /// True for a part that is a child.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.chosen.contains_key(&index)
    }

    /// False for a part that is called a file; what HTML shows as a picture is one under any label.
    pub(crate) fn is_picture(&self, index: usize) -> bool {
        let part = self.tree.parts.get(index);
        let is_file =
            |part: &Part<'_>| part.media.value.starts_with("application/") && part.disposition.value == "attachment";
        part.is_some_and(|part| !is_file(part) && attached::reader(part).is_none())
    }

    /// The part that a `cid:` link or a `[cid:…]` text means.
    pub(crate) fn by_content_id(&self, id: &str) -> Option<usize> {
        self.by_content_id.get(&content_id(id)).copied()
    }

    /// The name of a part, the same each time it is asked for and different from every other.
    pub(crate) fn name(&mut self, index: usize, tally: &mut Tally) -> FileName {
        if let Some(name) = self.names.get(&index) {
            return name.clone();
        }
        let Some(part) = self.tree.parts.get(index) else { return FileName::rebuild("").0 };
        // Only a mail that cannot be taken apart is a child of itself under no name of its own.
        if index == 0 && part.refused.is_some() {
            return FileName::rebuild("message.eml").0;
        }
        let given = part.disposition.decoded("filename", tally).or_else(|| part.media.decoded("name", tally));
        let wanted = match given {
            Some(given) => self.rebuilt(&given),
            None => self.invented(index, part, tally),
        };
        if part.disposition.two_faced("filename") || part.disposition.conflicts("filename") {
            self.notes.push((Reason::NameChanged, wanted.as_str().to_owned()));
        }
        let name = self.taken.free(&wanted);
        if name != wanted {
            self.notes.push((Reason::DuplicateName, name.as_str().to_owned()));
        }
        self.names.insert(index, name.clone());
        name
    }

    /// A clean name of what the sender gave.
    fn rebuilt(&mut self, given: &str) -> FileName {
        // Scrub, compose, rebuild: the order that keeps a name composed (Mac senders decompose が).
        let (line, scrubbed) = Line::scrub(given);
        let (name, changes) = FileName::rebuild(&line.as_str().nfc().collect::<String>());
        let place = name.as_str().to_owned();
        if scrubbed.bidi > 0 {
            self.notes.push((Reason::BidiControls, place.clone()));
        }
        if !scrubbed.is_clean() || !changes.is_clean() {
            self.notes.push((Reason::NameChanged, place.clone()));
        }
        if double_extension(&name) {
            self.notes.push((Reason::DoubleExtension, place));
        }
        name
    }

    /// A name for a part that has none: an attached mail goes by its subject.
    fn invented(&mut self, index: usize, part: &Part<'_>, tally: &mut Tally) -> FileName {
        if is_mail(part) {
            let bytes = self.input.get(part.body.clone()).unwrap_or_default();
            return FileName::rebuild(&format!("{}.eml", called::stem(bytes, tally))).0;
        }
        self.unnamed = self.unnamed.saturating_add(1);
        let fallback = if part.media.value.starts_with("text/") { "txt" } else { "bin" };
        let named = EXTENSIONS.iter().find(|(kind, _)| part.is_type(kind));
        let extension = match named.map_or(fallback, |(_, extension)| extension) {
            _ if self.misnamed.contains(&index) => "bin",
            extension => extension,
        };
        FileName::rebuild(&format!("添付ファイル{}.{extension}", self.unnamed)).0
    }

    /// Decodes every child into the spill and writes it to the form.
    pub(crate) fn write(
        mut self,
        encoder: &mut Encoder<&mut dyn Write>,
        spill: &mut dyn Write,
        findings: &mut Findings,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let mut spill = Spill { out: spill, at: 0, most: self.limits.spill_bytes };
        let mut id: u32 = 0;
        for (index, chosen) in std::mem::take(&mut self.chosen) {
            let Some(part) = self.tree.parts.get(index) else { continue };
            let name = self.name(index, tally);
            let offset = spill.at;
            let mut withheld = chosen.withheld;
            // The bytes of a withheld part are kept too, but for a multipart, whose bytes are its parts.
            let complete = if part.media.value.starts_with("multipart/") {
                spill.write(self.input.get(part.body.clone()).unwrap_or_default())
            } else {
                self.decode(part, &name, &mut spill, findings, &mut withheld)
            };
            let len = match complete {
                Ok(()) => spill.at.saturating_sub(offset),
                Err(Full::Limit) => {
                    withheld.get_or_insert(Refusal::limit(Reason::LimitSpillBytes, spill.most, spill.wanted(part)));
                    0
                }
                Err(Full::Io(error)) => return Err(Error::Spill(error)),
            };
            encoder.child(&Child {
                id,
                name,
                declared_type: declared_type(part),
                offset: if len == 0 { spill.at } else { offset },
                len,
                inline: chosen.inline,
                path: None,
                modified: None,
                withheld,
                is_mail: is_mail(part),
            })?;
            id = id.saturating_add(1);
        }
        if let Some(refusal) = self.tree.cut_off {
            encoder.child(&Child {
                id,
                name: FileName::rebuild("以降の添付ファイル").0,
                declared_type: Line::default(),
                offset: spill.at,
                len: 0,
                inline: false,
                path: None,
                modified: None,
                withheld: Some(refusal),
                is_mail: false,
            })?;
        }
        for (reason, place) in self.notes {
            findings.add(reason, Place::new(&place));
        }
        Ok(())
    }

    fn decode(
        &self,
        part: &Part<'_>,
        name: &FileName,
        spill: &mut Spill<'_>,
        findings: &mut Findings,
        withheld: &mut Option<Refusal>,
    ) -> Result<(), Full> {
        let body = self.input.get(part.body.clone()).unwrap_or_default();
        let place = || Place::new(name.as_str());
        let deviation = match part.transfer {
            Transfer::Base64 if !transfer::is_not_base64(body) => transfer::base64(body, |piece| spill.write(piece))?,
            Transfer::QuotedPrintable => transfer::quoted_printable(body, |piece| spill.write(piece))?,
            Transfer::Identity => {
                spill.write(body)?;
                transfer::Deviation::default()
            }
            Transfer::Base64 | Transfer::Unknown => {
                spill.write(body)?;
                findings.add(Reason::EncodingRepaired, place());
                transfer::Deviation::default()
            }
        };
        if deviation.after_padding {
            // One reader stops at the padding and another goes on: two different files (CVE-2024-28054 and its kin).
            withheld.get_or_insert(Refusal::plain(Reason::AmbiguousStructure));
        }
        if deviation.tail.is_some() {
            findings.add(Reason::SurplusBytes, place());
        }
        if deviation.junk > 0 || deviation.unpadded {
            findings.add(Reason::EncodingRepaired, place());
        }
        Ok(())
    }
}

/// The media type as the room of the part is told it: with the charset, which nothing else of the part says.
fn declared_type(part: &Part<'_>) -> Line {
    let kind = Line::scrub(&part.media.value).0.cut(Child::MAX_TYPE_BYTES);
    let is_token = |text: &str| {
        let special = |byte: u8| b"()<>@,;:\\\"/[]?=".contains(&byte);
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && !special(byte))
    };
    let charset = part.media.plain("charset").map(str::trim).filter(|charset| is_token(charset));
    let Some(charset) = charset.filter(|_| !kind.as_str().is_empty()) else { return kind };
    let both = format!("{}; charset={charset}", kind.as_str());
    // A charset cut short would be another one.
    if both.len() > Child::MAX_TYPE_BYTES { kind } else { Line::scrub(&both).0 }
}

/// The spill with its place and limit.
struct Spill<'a> {
    out: &'a mut dyn Write,
    at: u64,
    most: u64,
}

enum Full {
    Limit,
    Io(std::io::Error),
}

impl Spill<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let after = self.at.saturating_add(size(bytes.len()));
        if after > self.most {
            return Err(Full::Limit);
        }
        self.out.write_all(bytes).map_err(Full::Io)?;
        self.at = after;
        Ok(())
    }

    fn wanted(&self, part: &Part<'_>) -> u64 {
        self.at.saturating_add(size(part.body.len())).max(self.most.saturating_add(1))
    }
}

/// True for a part that is a mail of its own.
pub(crate) fn is_mail(part: &Part<'_>) -> bool {
    matches!(part.media.value.as_str(), "message/rfc822" | "message/global" | "message/news")
}

/// A Content-ID or `cid:` link in one form: no brackets, no scheme, no percent-encoding.
fn content_id(raw: &str) -> String {
    let raw = raw.trim().trim_start_matches('<').trim_end_matches('>');
    let raw =
        raw.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("cid:")).map_or(raw, |_| raw.get(4..).unwrap_or(raw));
    String::from_utf8_lossy(&percent::decoded(raw)).into_owned()
}

/// `報告.pdf.exe`: a document's extension before one that Windows runs.
fn double_extension(name: &FileName) -> bool {
    let last = name.extension().unwrap_or_default().to_ascii_lowercase();
    let before = name
        .stem()
        .trim_end()
        .rsplit_once('.')
        .map(|(_, before)| before.trim().to_ascii_lowercase())
        .unwrap_or_default();
    RUNNABLE.contains(&last.as_str()) && DOCUMENTS.contains(&before.as_str())
}

const RUNNABLE: [&str; 20] = [
    "exe", "scr", "com", "bat", "cmd", "pif", "js", "jse", "vbs", "vbe", "wsf", "wsh", "hta", "lnk", "ps1", "msi",
    "jar", "cpl", "reg", "url",
];
const DOCUMENTS: [&str; 20] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "jpg", "jpeg", "png", "gif", "bmp", "tif", "tiff", "txt",
    "csv", "zip", "rtf", "jtd", "htm",
];

/// Extensions for parts without a name.
const EXTENSIONS: [(&str, &str); 23] = [
    ("text/plain", "txt"),
    ("text/html", "html"),
    ("text/csv", "csv"),
    ("text/calendar", "ics"),
    ("text/x-vcalendar", "vcs"),
    ("application/ics", "ics"),
    ("text/vcard", "vcf"),
    ("text/x-vcard", "vcf"),
    ("text/directory", "vcf"),
    ("text/xml", "xml"),
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/pjpeg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/bmp", "bmp"),
    ("image/tiff", "tiff"),
    ("image/webp", "webp"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("application/ms-tnef", "dat"),
    ("application/pkcs7-mime", "p7m"),
    ("application/x-pkcs7-mime", "p7m"),
];
