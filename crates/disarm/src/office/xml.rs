//! XML as packages may have it (ECMA-376 part 2, section 6.2.5): UTF-8 or UTF-16, no document type, no entities but the five.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Cursor, Read};

use encoding_rs::{UTF_16BE, UTF_16LE};
use form::{Reason, Refusal};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesRef, Event};

use crate::error::{Error, size, within};

/// Markup as it comes, of which one tag, text or comment may not be longer than [`EVENT_BYTES`].
pub(super) type Xml<'a> = Reader<Bounded<Box<dyn BufRead + 'a>>>;

/// Begins to read. UTF-16, which no office program writes, is held whole.
pub(super) fn open<'a>(bytes: impl Read + 'a) -> Result<Xml<'a>, Error> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, bytes);
    let head = reader.fill_buf().map_err(|_| Error::from(Reason::Malformed))?;
    let wide = match head {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => Some(UTF_16BE),
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => Some(UTF_16LE),
        _ => None,
    };
    let bytes: Box<dyn BufRead + 'a> = match wide {
        None => Box::new(reader),
        Some(encoding) => {
            let mut all = Vec::new();
            let most = WIDE_BYTES.saturating_add(1);
            reader.take(most).read_to_end(&mut all).map_err(|_| Error::from(Reason::Malformed))?;
            within(Reason::LimitTotalBytes, WIDE_BYTES, size(all.len()))?;
            let (text, _, has_errors) = encoding.decode(&all);
            if has_errors {
                return Err(Reason::Malformed.into());
            }
            Box::new(Cursor::new(text.into_owned().into_bytes()))
        }
    };
    let mut reader = Reader::from_reader(Bounded { bytes, left: EVENT_BYTES });
    let config = reader.config_mut();
    config.check_end_names = true;
    config.allow_unmatched_ends = false;
    config.allow_dangling_amp = false;
    Ok(reader)
}

/// The next piece, which may have [`EVENT_BYTES`].
pub(super) fn next<'b>(xml: &mut Xml<'_>, buffer: &'b mut Vec<u8>) -> Result<Event<'b>, Error> {
    buffer.clear();
    xml.get_mut().left = EVENT_BYTES;
    match xml.read_event_into(buffer) {
        Err(quick_xml::Error::Io(error)) if error.kind() == io::ErrorKind::FileTooLarge => {
            let limit = size(EVENT_BYTES);
            Err(Refusal::limit(Reason::LimitMarkup, limit, limit.saturating_add(1)).into())
        }
        // Entities can be made to grow without bound and to name files; no office program declares any.
        Ok(Event::DocType(_)) | Err(_) => Err(Reason::Malformed.into()),
        Ok(event) => Ok(event),
    }
}

/// The character that a reference in text stands for.
pub(super) fn character(reference: &BytesRef<'_>) -> Result<char, Error> {
    let malformed = Error::from(Reason::Malformed);
    match reference.resolve_char_ref() {
        Ok(Some(c)) => Ok(c),
        Ok(None) => match &**reference {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(malformed),
        },
        Err(_) => Err(malformed),
    }
}

/// The value of an attribute: line ends are spaces, references are what they stand for (XML 1.0, section 3.3.3).
pub(super) fn value(raw: &str) -> Result<Cow<'_, str>, Error> {
    if !raw.bytes().any(|byte| matches!(byte, b'&' | b'\n' | b'\t' | b'\r')) {
        return Ok(raw.into());
    }
    let plain = raw.replace("\r\n", " ").replace(['\n', '\t', '\r'], " ");
    match unescape(&plain) {
        Ok(value) => Ok(value.into_owned().into()),
        Err(_) => Err(Reason::Malformed.into()),
    }
}

/// A piece of a small document, names without their prefixes.
pub(super) enum Piece<'a> {
    /// An element begins, with its attributes.
    Begin(&'a str, &'a [(String, String)]),
    /// Text.
    Text(&'a str),
    /// An element ends.
    End,
}

/// Reads a small document whole: relationships, content types, properties.
pub(super) fn small(bytes: &[u8], mut take: impl FnMut(Piece<'_>)) -> Result<(), Error> {
    let mut xml = open(bytes)?;
    let (mut buffer, mut attributes) = (Vec::new(), Vec::new());
    loop {
        match next(&mut xml, &mut buffer)? {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                let is_empty = matches!(event, Event::Empty(_));
                let (Event::Start(tag) | Event::Empty(tag)) = event else { continue };
                attributes.clear();
                for attribute in tag.attributes().with_checks(true) {
                    let attribute = attribute.map_err(|_| Error::from(Reason::Malformed))?;
                    let key = attribute.key.local_name().as_ref().to_owned();
                    attributes.push((key, value(&attribute.value)?.into_owned()));
                }
                take(Piece::Begin(tag.local_name().as_ref(), &attributes));
                if is_empty {
                    take(Piece::End);
                }
            }
            Event::End(_) => take(Piece::End),
            Event::Text(text) => take(Piece::Text(&text)),
            Event::CData(text) => take(Piece::Text(&text)),
            Event::GeneralRef(reference) => {
                let mut one = [0; 4];
                take(Piece::Text(character(&reference)?.encode_utf8(&mut one)));
            }
            Event::Eof => return Ok(()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
        }
    }
}

/// Fails once more bytes were taken than one piece may have: the reader would hold them all.
pub(super) struct Bounded<R> {
    bytes: R,
    left: usize,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 { Err(io::ErrorKind::FileTooLarge.into()) } else { self.bytes.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.bytes.consume(amount);
    }
}

const BUFFER_BYTES: usize = 64 * 1024;
/// More than any tag or text that may cross, with room for references.
const EVENT_BYTES: usize = 16 * 1024 * 1024;
const WIDE_BYTES: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn words(document: &[u8]) -> Result<String, Error> {
        let mut words = String::new();
        small(document, |piece| match piece {
            Piece::Begin(name, attributes) => words.push_str(&format!("<{name}{}", attributes.len())),
            Piece::Text(text) => words.push_str(text),
            Piece::End => words.push('>'),
        })?;
        Ok(words)
    }

    #[test]
    fn entities_and_document_types_are_refused() {
        assert_eq!(words(b"<a x='1'>&lt;&#x3042;</a>").unwrap(), "<a1<\u{3042}>");
        for bad in [
            &b"<!DOCTYPE a><a/>"[..],
            b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            b"<a>&b;</a>",
            b"<a b='&c;'/>",
            b"<a></b>",
            b"<a b='1' b='2'/>",
            b"<a>\xFF</a>",
        ] {
            assert!(words(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn utf_16_is_read() {
        for little in [true, false] {
            let units = "\u{FEFF}<a>\u{65E5}</a>".encode_utf16();
            let bytes: Vec<u8> =
                units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect();
            assert_eq!(words(&bytes).unwrap(), "<a0\u{65E5}>");
        }
    }
}
