//! Header fields: folded, encoded, and never more than one.

use std::io::{self, Write};

use form::job::MailCharset;
use form::mail::{Mailbox, MessageId};
use form::percent;

use super::charset::Charset;
use super::encode::base64_into;

/// Writes fields. Every value comes from a type that holds no line end, and every value is encoded again all the same.
pub(super) struct Fields<'w, W: Write> {
    out: &'w mut W,
    charset: MailCharset,
}

impl<'w, W: Write> Fields<'w, W> {
    pub(super) fn new(out: &'w mut W, charset: MailCharset) -> Self {
        Self { out, charset }
    }

    /// A field of a value that is printable ASCII by its making.
    pub(super) fn ascii(&mut self, name: &str, value: &str) -> io::Result<()> {
        debug_assert!(value.bytes().all(|b| (0x20..=0x7E).contains(&b)));
        write!(self.out, "{name}: {value}\r\n")
    }

    /// A field of free text.
    pub(super) fn text(&mut self, name: &str, value: &str) -> io::Result<()> {
        write!(self.out, "{name}: ")?;
        if is_plain(value) {
            self.folded(value, name.len().saturating_add(2))?;
        } else {
            self.words(value, name.len().saturating_add(2))?;
        }
        self.out.write_all(b"\r\n")
    }

    /// A field of addresses, one to a line; none for an empty list.
    pub(super) fn mailboxes(&mut self, name: &str, mailboxes: &[Mailbox]) -> io::Result<()> {
        for (index, mailbox) in mailboxes.iter().enumerate() {
            if index == 0 {
                write!(self.out, "{name}: ")?;
            } else {
                self.out.write_all(b",\r\n ")?;
            }
            let shown = mailbox.name.as_str();
            if shown.is_empty() {
                self.out.write_all(mailbox.address.as_str().as_bytes())?;
                continue;
            }
            if is_plain(shown) && shown.len() <= MAX_QUOTED {
                self.out.write_all(b"\"")?;
                for byte in shown.bytes() {
                    if matches!(byte, b'"' | b'\\') {
                        self.out.write_all(b"\\")?;
                    }
                    self.out.write_all(&[byte])?;
                }
                self.out.write_all(b"\"")?;
            } else {
                self.words(shown, if index == 0 { name.len().saturating_add(2) } else { 1 })?;
            }
            // The longest address makes a line of its own.
            write!(self.out, "\r\n <{}>", mailbox.address)?;
        }
        if !mailboxes.is_empty() {
            self.out.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// A field of message ids, one to a line; none for an empty list.
    pub(super) fn ids(&mut self, name: &str, ids: &[MessageId]) -> io::Result<()> {
        for (index, id) in ids.iter().enumerate() {
            if index == 0 {
                write!(self.out, "{name}: <{id}>")?;
            } else {
                write!(self.out, "\r\n <{id}>")?;
            }
        }
        if !ids.is_empty() {
            self.out.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// A field of addresses in angle brackets, one to a line (RFC 2369); none for an empty list.
    pub(super) fn links<'u>(&mut self, name: &str, urls: impl Iterator<Item = &'u str>) -> io::Result<()> {
        let mut urls = urls.peekable();
        let Some(first) = urls.next() else { return Ok(()) };
        write!(self.out, "{name}: <{first}>")?;
        for url in urls {
            write!(self.out, ",\r\n <{url}>")?;
        }
        self.out.write_all(b"\r\n")
    }

    /// `Content-Type` with the name for readers that do not know RFC 2231.
    pub(super) fn named_type(&mut self, media: &str, name: &str) -> io::Result<()> {
        write!(self.out, "Content-Type: {media};\r\n name=\"")?;
        if is_plain(name) && name.len() <= MAX_QUOTED {
            // A file name holds neither quotes nor backslashes; were it to, they would end the parameter.
            let safe: String = name.chars().map(|c| if matches!(c, '"' | '\\') { '_' } else { c }).collect();
            self.out.write_all(safe.as_bytes())?;
        } else {
            self.words(name, 7)?;
        }
        self.out.write_all(b"\"\r\n")
    }

    /// `Content-Disposition` with the file name, as one parameter: several mail programs do not join the continuations of
    /// RFC 2231 section 3. The longest name of 255 octets stays within a line of 998.
    pub(super) fn attachment(&mut self, name: &str) -> io::Result<()> {
        self.out.write_all(b"Content-Disposition: attachment;\r\n ")?;
        let quotable = |byte: u8| (0x20..=0x7E).contains(&byte) && !matches!(byte, b'"' | b'\\');
        if name.bytes().all(quotable) && is_plain(name) {
            return write!(self.out, "filename=\"{name}\"\r\n");
        }
        // The characters of RFC 8187 are a subset of RFC 2231's.
        write!(self.out, "filename*={}\r\n", percent::extended(name))
    }

    /// ASCII text folded at blanks; [`is_plain`] has seen to it that no word is too long.
    fn folded(&mut self, value: &str, column: usize) -> io::Result<()> {
        let mut column = column;
        for (index, word) in value.split(' ').enumerate() {
            if index > 0 {
                // A line of nothing but blanks would end the header in the eyes of some readers.
                let fold = column.saturating_add(word.len()) >= FOLD && !word.is_empty();
                self.out.write_all(if fold { b"\r\n " } else { b" " })?;
                column = if fold { 1 } else { column.saturating_add(1) };
            }
            self.out.write_all(word.as_bytes())?;
            column = column.saturating_add(word.len());
        }
        Ok(())
    }

    /// Encoded-words of 75 characters at most, cut between characters (RFC 2047 5).
    fn words(&mut self, value: &str, column: usize) -> io::Result<()> {
        let charset = Charset::of(self.charset, &[value]);
        let word = match charset {
            Charset::Utf8 => WORD_BYTES,
            Charset::Iso2022Jp => WORD_BYTES_JIS,
        };
        let mut rest = value;
        let mut room = word.saturating_sub(column.min(24).div_ceil(4) * 3);
        let mut encoded = Vec::with_capacity(80);
        let mut first = true;
        while !rest.is_empty() {
            let (piece, after) = match charset {
                Charset::Utf8 => cut_bytes(rest, room),
                Charset::Iso2022Jp => cut_encoded(rest, room, charset),
            };
            if !first {
                self.out.write_all(b"\r\n ")?;
            }
            encoded.clear();
            base64_into(&charset.encode(piece), &mut encoded);
            self.out.write_all(charset.word().as_bytes())?;
            self.out.write_all(&encoded)?;
            self.out.write_all(b"?=")?;
            rest = after;
            room = word;
            first = false;
        }
        Ok(())
    }
}

/// At most `room` bytes, and at least one character.
fn cut_bytes(text: &str, room: usize) -> (&str, &str) {
    let end = match text.floor_char_boundary(room.min(text.len())) {
        0 => text.chars().next().map_or(text.len(), char::len_utf8),
        end => end,
    };
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// As many characters as `room` bytes hold once they are encoded, and at least one.
fn cut_encoded(text: &str, room: usize, charset: Charset) -> (&str, &str) {
    let ends = || text.char_indices().map(|(at, c)| at.saturating_add(c.len_utf8()));
    let fits = |end: &usize| text.get(..*end).is_some_and(|piece| charset.encode(piece).len() <= room);
    let end = ends().take_while(fits).last().or_else(|| ends().next()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// True for text that reads the same undecoded: printable ASCII, nothing that looks like an encoded-word, no blank at an end,
/// and no word that folding cannot keep short.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|b| (0x20..=0x7E).contains(&b))
        && !value.contains("=?")
        && !value.starts_with(' ')
        && !value.ends_with(' ')
        && !value.contains("  ")
        && value.split(' ').all(|word| word.len() <= MAX_WORD)
}

/// Lines are folded before this column (RFC 5322 2.1.1 recommends 78).
const FOLD: usize = 76;
/// Bytes of text in one encoded-word: 60 characters of base64 and 12 around them.
const WORD_BYTES: usize = 45;
/// The same for ISO-2022-JP, whose name is six characters longer: 56 characters of base64.
const WORD_BYTES_JIS: usize = 42;
/// An unbroken word this long still leaves a line far below 998.
const MAX_WORD: usize = 400;
const MAX_QUOTED: usize = 200;
