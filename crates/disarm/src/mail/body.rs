//! The text of a mail: which parts are text, which of two alternatives, and in what order.

use std::borrow::Cow;
use std::rc::Rc;

use form::job::Extra;
use form::{Findings, Limits, Place, Reason, Refusal};

use super::children::{Children, is_mail};
use super::facts::Facts;
use super::similar::overlap;
use super::structure::{Part, Transfer, Tree};
use super::tally::Tally;
use super::unwrap::UNWRAPPED;
use super::{attached, enriched, flowed, report, transfer};
use crate::charset::{self, Pictures};
use crate::error::size;
use crate::html::{self, Converted};
use crate::{detect, directory, markup, smime};

/// Reads the text; every part that is not in it becomes a child or a finding.
pub(crate) fn text(
    input: &[u8],
    tree: &Tree<'_>,
    limits: &Limits,
    hidden: Extra,
    children: &mut Children<'_>,
    findings: &mut Findings,
    tally: &mut Tally,
) -> String {
    let mut reader = Reader {
        input,
        tree,
        children,
        findings,
        hidden,
        most: usize::try_from(limits.text_bytes).unwrap_or(usize::MAX),
        pictures: tally.pictures.clone(),
        events: Vec::new(),
        attached: Vec::new(),
    };
    let mut read = reader.part(0, true);
    for event in std::mem::take(&mut reader.events) {
        read.append(event);
    }
    for (index, words) in std::mem::take(&mut reader.attached) {
        if !attached::is_said(&read.text, &words.text) {
            let title = format!("{}\n{}", mark(index), words.text);
            read.append(Read { text: title, ..words });
        }
    }
    read.settle(hidden, reader.findings, tally);
    with_marks(&read.text, reader.children, tally)
}

struct Reader<'a, 'b> {
    input: &'a [u8],
    tree: &'a Tree<'a>,
    children: &'a mut Children<'b>,
    findings: &'a mut Findings,
    /// What becomes of text that no reader sees.
    hidden: Extra,
    most: usize,
    pictures: Option<Rc<Pictures>>,
    /// What calendars and cards say, for the end of the text: beside the other versions of an invitation they are none of them.
    events: Vec<Read>,
    /// And what those say that came as files, with their parts.
    attached: Vec<(usize, Read)>,
}

/// Text of one part or subtree, with what is told of it if it is used.
#[derive(Default)]
struct Read {
    text: String,
    html: Option<Converted>,
    tally: Tally,
    notes: Vec<(Reason, &'static str)>,
}

impl Read {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Appends the text of a later part.
    fn append(&mut self, other: Read) {
        if !other.is_blank() {
            if !self.is_blank() {
                self.text.truncate(self.text.trim_end().len());
                self.text.push_str("\n\n");
            }
            self.text.push_str(&other.text);
        }
        self.html = match (self.html.take(), other.html) {
            (Some(mut mine), Some(other)) => {
                mine.hidden = mine.hidden.saturating_add(other.hidden);
                mine.active = mine.active.saturating_add(other.active);
                mine.remote_images = mine.remote_images.saturating_add(other.remote_images);
                mine.remote_hosts.extend(other.remote_hosts);
                mine.trackers = mine.trackers.saturating_add(other.trackers);
                mine.tracker_hosts.extend(other.tracker_hosts);
                mine.unsafe_links = mine.unsafe_links.saturating_add(other.unsafe_links);
                mine.links = mine.links.saturating_add(other.links);
                mine.misleading.extend(other.misleading);
                mine.tables = mine.tables.saturating_add(other.tables);
                Some(mine)
            }
            (mine, other) => mine.or(other),
        };
        self.tally.add(&other.tally);
        self.notes.extend(other.notes);
    }

    /// Appends the text of a wrapper unless it says what stands there already; of two that say the same the longer one stays.
    fn append_once(&mut self, mut other: Read) {
        if self.is_blank() || other.is_blank() {
            return self.append(other);
        }
        let overlap = overlap(&self.text, &other.text);
        let (mine, others) = (Facts::of(&self.text), Facts::of(&other.text));
        if overlap.second_in_first >= SAME && others.stand_in(&mine) {
            other.text.clear();
        } else if overlap.first_in_second >= SAME && mine.stand_in(&others) {
            self.text.clear();
        }
        self.append(other);
    }

    /// Tells what the text that is used has lost.
    fn settle(&self, hidden: Extra, findings: &mut Findings, tally: &mut Tally) {
        tally.add(&self.tally);
        for (reason, place) in &self.notes {
            findings.add(*reason, Place::new(place));
        }
        let Some(html) = &self.html else { return };
        for (reason, count, place) in markup::told(html, hidden) {
            findings.add_many(reason, count, place);
        }
    }
}

impl<'a> Reader<'a, '_> {
    /// Reads a part and what is below it. The depth is bounded by `structure`, which opens 20 levels at most.
    fn part(&mut self, index: usize, first: bool) -> Read {
        let tree = self.tree;
        let Some(part) = tree.parts.get(index) else { return Read::default() };
        if let Some(refusal) = part.refused {
            self.children.withhold(index, refusal);
            return Read::default();
        }
        let mut read = Read::default();
        if part.repaired {
            read.notes.push((Reason::EncodingRepaired, "MIME"));
        }
        if part.surplus > 0 {
            read.notes.push((Reason::SurplusBytes, "MIME"));
        }
        if !part.is_multipart() {
            read.append(self.leaf(index, part, first));
            return read;
        }
        match part.media.value.as_str() {
            "multipart/alternative" => read.append(self.alternative(part, first)),
            "multipart/related" => read.append(self.related(part, first)),
            "multipart/encrypted" => self.children.withhold(index, Refusal::plain(Reason::EncryptedForRecipient)),
            _ => {
                for &sub in &part.parts {
                    let Some(child) = tree.parts.get(sub) else { continue };
                    if SIGNATURES.contains(&child.media.value.as_str()) && child.refused.is_none() {
                        read.notes.push((Reason::Signature, ""));
                        continue;
                    }
                    // The Macintosh half of an AppleDouble: icon, window place, creator.
                    if part.is_type("multipart/appledouble") && child.is_type("application/applefile") {
                        read.notes.push((Reason::Metadata, "AppleDouble"));
                        continue;
                    }
                    let more = self.part(sub, first && read.is_blank());
                    if child.media.value.strip_prefix("multipart/") == Some(UNWRAPPED) {
                        read.append_once(more);
                    } else {
                        read.append(more);
                    }
                }
            }
        }
        read
    }

    fn leaf(&mut self, index: usize, part: &Part<'_>, first: bool) -> Read {
        let kind = part.media.value.as_str();
        match kind {
            "message/partial" => self.children.withhold(index, Refusal::plain(Reason::MessagePartial)),
            "message/external-body" => self.children.withhold(index, Refusal::plain(Reason::ExternalBody)),
            // A closing boundary and nothing before it.
            _ if kind.starts_with("multipart/") => {
                return Read { notes: vec![(Reason::EncodingRepaired, "MIME")], ..Read::default() };
            }
            _ if kind.ends_with("pkcs7-mime") && self.is_enveloped(part) => {
                self.children.withhold(index, Refusal::plain(Reason::EncryptedForRecipient));
            }
            "application/pgp-encrypted" => self.children.withhold(index, Refusal::plain(Reason::EncryptedForRecipient)),
            // Beside what it says in words, the file itself, from which a reader can accept.
            "text/calendar" if part.disposition.value != "attachment" => {
                self.directory(part, directory::calendar, "text/calendar");
                self.children.add(index, true);
            }
            "text/vcard" | "text/x-vcard" | "text/directory" if part.disposition.value != "attachment" => {
                self.directory(part, directory::cards, "text/vcard");
                self.children.add(index, false);
            }
            _ if is_mail(part) || !is_text(kind) || is_attachment(part, index, first) => {
                let inline = part.disposition.value == "inline" && kind.starts_with("image/");
                self.children.add(index, inline);
                if inline {
                    return Read { text: mark(index), ..Read::default() };
                }
                self.attached(index, part);
            }
            _ => return self.text_of(index, part),
        }
        Read::default()
    }

    /// Keeps what a calendar or card says. What was left out of it, or why it cannot be read, is told of the file.
    fn directory(&mut self, part: &Part<'_>, words: directory::Words, kind: &'static str) {
        if let Some(read) = self.words(part, words, kind, size(self.most)) {
            self.events.push(read);
        }
    }

    /// Keeps what a calendar or card says that came as a file.
    fn attached(&mut self, index: usize, part: &Part<'_>) {
        if self.attached.len() >= attached::MAX_FILES || part.body.len() > attached::MAX_FILE_BYTES {
            return;
        }
        let Some((words, kind)) = attached::reader(part) else { return };
        if let Some(read) = self.words(part, words, kind, attached::MAX_WORDS_BYTES) {
            self.attached.push((index, Read { text: attached::first(&read.text), ..read }));
        }
    }

    fn words(&self, part: &Part<'_>, words: directory::Words, kind: &'static str, most: u64) -> Option<Read> {
        let mut read = Read::default();
        let bytes = self.bytes(part, &mut read);
        let label = part.media.decoded("charset", &mut Tally::default());
        read.text = words(&bytes, label.as_deref(), most).ok()?.text;
        read.notes.push((Reason::ShownAsText, kind));
        Some(read)
    }

    /// S/MIME that hides its content; signed content is readable. What it is called counts for less than what it is.
    fn is_enveloped(&self, part: &Part<'_>) -> bool {
        let enveloped = ["enveloped-data", "authenveloped-data"];
        let called = part.media.plain("smime-type");
        called.is_some_and(|kind| enveloped.iter().any(|name| kind.eq_ignore_ascii_case(name)))
            || smime::read(&self.bytes(part, &mut Read::default())) == smime::Cms::Encrypted
    }

    /// The text of a text part.
    fn text_of(&mut self, index: usize, part: &Part<'_>) -> Read {
        let mut read = Read::default();
        let bytes = self.bytes(part, &mut read);
        if let Some(token) = detect::binary(&bytes) {
            // Whatever it is called, no reader shows it as text. What it is, its own room finds out.
            let place = format!("{} → {}", part.media.value, token.as_str());
            self.findings.add(Reason::TypeMismatch, Place::new(&place));
            self.children.add_file(index);
            return Read::default();
        }
        let bytes = if bytes.len() > self.most {
            read.notes.push((Reason::TextShortened, ""));
            Cow::Owned(bytes.get(..self.most).unwrap_or_default().to_vec())
        } else {
            bytes
        };
        let is_html = matches!(part.media.value.as_str(), "text/html" | "application/xhtml+xml");
        let label = part
            .media
            .decoded("charset", &mut Tally::default())
            .or_else(|| is_html.then(|| html::named_charset(&bytes)).flatten())
            .or_else(|| self.charset_around(index));
        let decoded = charset::decode_from(&bytes, label.as_deref(), self.pictures.as_deref());
        read.tally.count(&decoded);
        match part.media.value.as_str() {
            _ if is_html => {
                let (children, hidden) = (&mut *self.children, self.hidden);
                let mut converted = html::to_text(&decoded.text, hidden, &mut |source| {
                    let picture = children.by_content_id(source)?;
                    children.add(picture, true);
                    Some(mark(picture))
                });
                read.text = std::mem::take(&mut converted.text);
                read.html = Some(converted);
            }
            kind if is_report(kind) => read.text = report::to_text(&decoded.text, &mut read.tally),
            "text/enriched" | "text/richtext" => read.text = enriched::to_text(&decoded.text),
            _ if part.media.plain("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed")) => {
                let delsp = part.media.plain("delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
                read.text = self.placed(flowed::unflow(&decoded.text, delsp), index);
            }
            _ => read.text = self.placed(decoded.text, index),
        }
        read
    }

    /// The charset that a multipart names for the parts in it. It has no meaning there (RFC 2046 5.1.1); programs that sign a mail after
    /// it was written leave it nowhere else.
    fn charset_around(&self, index: usize) -> Option<String> {
        let mut inner = index;
        while let Some((outer, part)) =
            self.tree.parts.iter().enumerate().take(inner).find(|(_, part)| part.parts.contains(&inner))
        {
            if let Some(charset) = part.media.decoded("charset", &mut Tally::default()) {
                return Some(charset);
            }
            inner = outer;
        }
        None
    }

    /// Outlook writes `[cid:image001.png@…]` into its plain text where a picture stands.
    fn placed(&mut self, text: String, index: usize) -> String {
        if !text.contains("[cid:") {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("[cid:") {
            out.push_str(before);
            let picture = after.split_once(']').filter(|(id, _)| id.len() < 256).and_then(|(id, after)| {
                self.children.by_content_id(id).filter(|picture| *picture != index).map(|picture| (picture, after))
            });
            match picture {
                Some((picture, after)) => {
                    let is_picture =
                        self.tree.parts.get(picture).is_some_and(|part| part.media.value.starts_with("image/"));
                    self.children.add(picture, is_picture);
                    out.push_str(&mark(picture));
                    rest = after;
                }
                None => {
                    out.push_str("[cid:");
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// The decoded bytes of a text part.
    fn bytes(&self, part: &Part<'_>, read: &mut Read) -> Cow<'a, [u8]> {
        let body = self.input.get(part.body.clone()).unwrap_or_default();
        let mut out = Vec::new();
        let keep = |piece: &[u8]| {
            out.extend_from_slice(piece);
            Ok::<_, std::convert::Infallible>(())
        };
        let deviation = match part.transfer {
            Transfer::Identity => return Cow::Borrowed(body),
            Transfer::Base64 if !transfer::is_not_base64(body) => transfer::base64(body, keep),
            Transfer::QuotedPrintable => transfer::quoted_printable(body, keep),
            Transfer::Base64 | Transfer::Unknown => {
                read.notes.push((Reason::EncodingRepaired, ""));
                return Cow::Borrowed(body);
            }
        };
        let Ok(deviation) = deviation;
        if let Some(tail) = deviation.tail {
            // A list footer in plain text behind the encoded body: readers show noise there, we show the footer.
            out.extend_from_slice(b"\n");
            out.extend_from_slice(body.get(tail..).unwrap_or_default());
        }
        if !deviation.is_clean() {
            read.notes.push((Reason::EncodingRepaired, ""));
        }
        Cow::Owned(out)
    }

    /// `multipart/related`: the root is the text, the rest are its pictures.
    fn related(&mut self, part: &Part<'_>, first: bool) -> Read {
        let start = part.media.plain("start").and_then(|id| self.children.by_content_id(id));
        let root = start.filter(|root| part.parts.contains(root)).or_else(|| part.parts.first().copied());
        let mut read = Read::default();
        for &sub in &part.parts {
            if Some(sub) == root {
                let more = self.part(sub, first);
                read.append(more);
                continue;
            }
            let Some(child) = self.tree.parts.get(sub) else { continue };
            if child.media.value.starts_with("image/") && child.refused.is_none() {
                self.children.add(sub, child.disposition.value != "attachment");
            } else {
                let more = self.part(sub, false);
                read.append(more);
            }
        }
        read
    }

    /// `multipart/alternative`: one of the texts, and a finding when another says something else.
    fn alternative(&mut self, part: &Part<'_>, first: bool) -> Read {
        let mut plain: Option<Read> = None;
        let mut rich: Option<Read> = None;
        for &sub in &part.parts {
            let read = self.part(sub, first);
            let slot = if read.html.is_some() { &mut rich } else { &mut plain };
            match slot {
                // Two of one kind are no alternatives: where they differ, both are read.
                Some(_) if read.is_blank() => {}
                Some(held) if !held.is_blank() => {
                    if overlap(&read.text, &held.text).first_in_second < SAME
                        || !Facts::of(&read.text).stand_in(&Facts::of(&held.text))
                    {
                        held.append(read);
                    }
                }
                _ => *slot = Some(read),
            }
        }
        match (plain, rich) {
            (Some(plain), Some(rich)) if !plain.is_blank() && !rich.is_blank() => choose(plain, rich),
            (Some(plain), Some(rich)) => {
                if rich.is_blank() {
                    plain
                } else {
                    rich
                }
            }
            (one, other) => one.or(other).unwrap_or_default(),
        }
    }
}

/// The plain text, unless the HTML plainly has more: the text a stub, or its end, the links or the columns of a table missing from it.
fn choose(mut plain: Read, mut rich: Read) -> Read {
    let overlap = overlap(&plain.text, &rich.text);
    let (in_plain, in_rich) = (Facts::of(&plain.text), Facts::of(&rich.text));
    let converted = rich.html.clone().unwrap_or_default();
    let has_links = plain.text.contains("://") || plain.text.contains("www.");
    let all_there = overlap.first_in_second >= SAME;
    // Some mailers end their plain text early, before a signature or what was pasted in.
    let goes_on = overlap.second_in_first < SAME && in_plain.stand_in(&in_rich);
    let lacks_links = converted.links > 0 && !has_links;
    let lacks_columns = converted.tables > 0 && overlap.second_in_first >= SAME;
    let times = if points_to_html(&plain.text) { LONGER } else { FAR_LONGER };
    let richer = (all_there && (lacks_links || lacks_columns || goes_on))
        || (overlap.second_in_first < MOST && overlap.second_to_first > times);
    if richer {
        // The links that the plain text lacks are why the HTML was taken, and nothing that was removed.
        if overlap.first_in_second < SAME || !in_plain.stand_in(&in_rich) || !in_plain.count_alike(&in_rich) {
            rich.notes.push((Reason::AlternativeText, "text/plain"));
        }
        return rich;
    }
    if overlap.second_in_first < SAME || in_plain != in_rich {
        plain.notes.push((Reason::AlternativeText, "text/html"));
    }
    // What the unused half would have loaded or run is gone with it and worth no line in the account.
    plain
}

/// Whether a text says no more than where the real one is.
fn points_to_html(plain: &str) -> bool {
    let (start, rest) = plain.split_at_checked(plain.floor_char_boundary(STUB_BYTES)).unwrap_or((plain, ""));
    let mut words = start.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, 'Ａ'..='Ｚ'));
    rest.trim().is_empty() && words.any(|word| word.eq_ignore_ascii_case("html") || word == "ＨＴＭＬ")
}

/// Types that are read as text of the mail.
fn is_text(kind: &str) -> bool {
    matches!(kind, "text/plain" | "text/html" | "application/xhtml+xml" | "text/enriched" | "text/richtext")
        || is_report(kind)
}

/// Types of nothing but fields: what a server or a reader reports of a mail.
fn is_report(kind: &str) -> bool {
    matches!(
        kind,
        "text/rfc822-headers"
            | "message/delivery-status"
            | "message/global-delivery-status"
            | "message/disposition-notification"
            | "message/feedback-report"
    )
}

/// A text part that is a file: called an attachment, or named and not the first text. (Some mailers name their body.)
fn is_attachment(part: &Part<'_>, index: usize, first: bool) -> bool {
    let named = |structured: &super::param::Structured, name| structured.decoded(name, &mut Tally::default()).is_some();
    let file = named(&part.disposition, "filename");
    part.disposition.value == "attachment" || (index != 0 && (file || (!first && named(&part.media, "name"))))
}

/// Stands for a picture until the text is chosen. Noncharacters: no decoder makes them of text that means something, and a
/// mail that contains them itself gains at most the mark of its own picture.
fn mark(part: usize) -> String {
    format!("{OPEN}{part}{CLOSE}")
}

/// Puts the numbered marks of pictures in place, in the order of the text.
fn with_marks(text: &str, children: &mut Children<'_>, tally: &mut Tally) -> String {
    if !text.contains(OPEN) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut numbers: Vec<usize> = Vec::new();
    let mut pieces = text.split(OPEN);
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let marked = piece.split_once(CLOSE).and_then(|(part, after)| Some((part.parse::<usize>().ok()?, after)));
        let Some((part, after)) = marked.filter(|(part, _)| children.has(*part)) else {
            out.push_str(piece);
            continue;
        };
        let number = match numbers.iter().position(|known| *known == part) {
            Some(at) => at,
            None => {
                numbers.push(part);
                numbers.len().saturating_sub(1)
            }
        };
        let name = children.name(part, tally);
        let kind = if children.is_picture(part) { "画像" } else { "添付" };
        out.push_str(&format!("[{kind}{}: {}]", number.saturating_add(1), name.as_str()));
        out.push_str(after);
    }
    out
}

pub(super) const OPEN: char = '\u{FDD0}';
pub(super) const CLOSE: char = '\u{FDD1}';

const SIGNATURES: [&str; 4] = [
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/x-pgp-signature",
];

/// Percent of one text that must stand in the other to count as there.
pub(super) const SAME: usize = 85;
/// Less than this of the HTML in a plain text, which is far shorter, makes the plain text a stub.
const MOST: usize = 40;
/// Percent of the plain text's length.
const FAR_LONGER: usize = 250;
/// The same where the plain text speaks of the HTML.
const LONGER: usize = 100;
/// Bytes of the longest text that may say nothing else: two or three sentences.
const STUB_BYTES: usize = 600;
