//! `multipart/form-data` (RFC 7578) as it comes in, chunk by chunk, without ever holding a file.
//!
//! Sans I/O: the caller feeds the chunks of a request body and takes steps out. The usual library reads ahead as far as
//! the peer is willing to send, and buffers a part's header without a bound; here what is held is one fed chunk, the
//! length of a delimiter, and a header of at most [`HEADER_BYTES`].

use bytes::{Buf, Bytes, BytesMut};
use form::percent;

/// What the body says next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing more can be said before another chunk is fed.
    Feed,
    /// A part begins.
    Part(PartHeader),
    /// Bytes of the part that began last.
    Data(Bytes),
    /// The part that began last is complete.
    PartEnd,
    /// The closing delimiter was read; whatever follows is ignored, as RFC 2046 5.1.1 says of an epilogue.
    End,
}

/// The only facts of a part's header that are used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PartHeader {
    /// Name of the form field.
    pub(crate) name: String,
    /// Name of the file as the client gave it: anything at all, to be rebuilt before use.
    pub(crate) file_name: Option<String>,
}

/// Why a body was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("no usable boundary in the content type")]
    Boundary,
    #[error("body does not begin with the boundary")]
    Preamble,
    #[error("header of a part is longer than {HEADER_BYTES} bytes")]
    HeaderTooLong,
    #[error("header of a part is not form-data with a name")]
    Header,
    #[error("delimiter line is not ended")]
    Delimiter,
    #[error("more than {PARTS} parts")]
    TooManyParts,
    #[error("body ended before the closing delimiter")]
    Truncated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    AfterDelimiter,
    Header,
    Data,
    End,
}

/// A body being read.
#[derive(Debug)]
pub(crate) struct Splitter {
    /// `CR LF - - boundary`.
    delimiter: Vec<u8>,
    held: BytesMut,
    at: At,
    parts: usize,
}

impl Splitter {
    /// Takes the boundary out of the request's `Content-Type`.
    pub(crate) fn new(content_type: &str) -> Result<Self, Malformed> {
        let boundary = boundary(content_type).ok_or(Malformed::Boundary)?;
        let mut delimiter = b"\r\n--".to_vec();
        delimiter.extend_from_slice(boundary.as_bytes());
        Ok(Self { delimiter, held: BytesMut::new(), at: At::Start, parts: 0 })
    }

    /// Adds a chunk of the body. Take steps until [`Step::Feed`] before feeding the next.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        if self.at != At::End {
            self.held.extend_from_slice(chunk);
        }
    }

    /// The next step that the bytes fed so far allow.
    pub(crate) fn step(&mut self) -> Result<Step, Malformed> {
        loop {
            match self.at {
                At::Start => {
                    // No client in use sends a preamble; one that does is not a browser and is told so.
                    let first = self.delimiter.get(2..).unwrap_or_default();
                    if self.held.len() < first.len() {
                        return if first.starts_with(&self.held) { Ok(Step::Feed) } else { Err(Malformed::Preamble) };
                    }
                    if !self.held.starts_with(first) {
                        return Err(Malformed::Preamble);
                    }
                    let length = first.len();
                    self.held.advance(length);
                    self.at = At::AfterDelimiter;
                }
                At::AfterDelimiter => {
                    if self.held.starts_with(b"--") {
                        self.held.clear();
                        self.at = At::End;
                        continue;
                    }
                    // RFC 2046 allows blanks between the boundary and its CR LF.
                    match self.held.iter().position(|byte| !matches!(byte, b' ' | b'\t')) {
                        Some(blanks) if blanks > PADDING => return Err(Malformed::Delimiter),
                        Some(blanks) => {
                            let rest = self.held.get(blanks..).unwrap_or_default();
                            if rest.starts_with(b"\r\n") {
                                self.held.advance(blanks.saturating_add(2));
                                self.parts = self.parts.saturating_add(1);
                                if self.parts > PARTS {
                                    return Err(Malformed::TooManyParts);
                                }
                                self.at = At::Header;
                            } else if rest.len() < 2 && (rest == b"\r" || (rest == b"-" && blanks == 0)) {
                                return Ok(Step::Feed);
                            } else {
                                return Err(Malformed::Delimiter);
                            }
                        }
                        None if self.held.len() > PADDING => return Err(Malformed::Delimiter),
                        None => return Ok(Step::Feed),
                    }
                }
                At::Header => match find(&self.held, b"\r\n\r\n") {
                    Some(end) if end > HEADER_BYTES => return Err(Malformed::HeaderTooLong),
                    Some(end) => {
                        let block = self.held.split_to(end);
                        self.held.advance(4);
                        self.at = At::Data;
                        return header(&block).map(Step::Part).ok_or(Malformed::Header);
                    }
                    None if self.held.len() > HEADER_BYTES.saturating_add(3) => return Err(Malformed::HeaderTooLong),
                    None => return Ok(Step::Feed),
                },
                At::Data => {
                    if let Some(end) = find(&self.held, &self.delimiter) {
                        if end > 0 {
                            return Ok(Step::Data(self.held.split_to(end).freeze()));
                        }
                        let length = self.delimiter.len();
                        self.held.advance(length);
                        self.at = At::AfterDelimiter;
                        return Ok(Step::PartEnd);
                    }
                    // The tail may be the first half of the delimiter.
                    let tail = self.delimiter.len().saturating_sub(1);
                    let ready = self.held.len().saturating_sub(tail);
                    if ready == 0 {
                        return Ok(Step::Feed);
                    }
                    return Ok(Step::Data(self.held.split_to(ready).freeze()));
                }
                At::End => return Ok(Step::End),
            }
        }
    }

    /// Says whether the body was allowed to end here.
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.at == At::End { Ok(()) } else { Err(Malformed::Truncated) }
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    })?;
    let value = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (!value.is_empty() && value.len() <= BOUNDARY_BYTES && value.bytes().all(allowed)).then(|| value.to_owned())
}

fn header(block: &[u8]) -> Option<PartHeader> {
    // Browsers send names in UTF-8 (HTML, "multipart/form-data encoding algorithm"); anything else becomes U+FFFD and
    // is only shown, never trusted.
    let block = String::from_utf8_lossy(block);
    let line = block.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then(|| value.trim())
    })?;
    let (kind, mut rest) = line.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut name = None;
    let mut file_name = None;
    let mut extended = None;
    while let Some((key, value, after)) = parameter(rest) {
        match key.to_ascii_lowercase().as_str() {
            "name" => name = Some(value),
            "filename" => file_name = Some(value),
            "filename*" => extended = extended_value(&value),
            _ => {}
        }
        rest = after;
    }
    Some(PartHeader { name: name?, file_name: file_name.or(extended) })
}

/// One `key=value` or `key="value"` and what follows it.
pub(crate) fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([';', ' ', '\t']);
    let (key, value) = text.split_once('=')?;
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, rest) = value.split_once(';').unwrap_or((value, ""));
        return Some((key.trim(), value.trim().to_owned(), rest));
    };
    // Only `\"` is an escape (curl writes it so); every other backslash is a path separator of an old client.
    let mut out = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let rest = quoted.get(at.saturating_add(1)..).unwrap_or_default();
                return Some((key.trim(), unescape(&out), rest));
            }
            '\\' if characters.peek().is_some_and(|(_, next)| *next == '"') => {
                out.push('"');
                characters.next();
            }
            other => out.push(other),
        }
    }
    None
}

/// Browsers write exactly these three as `%XX` and leave every other percent sign alone.
fn unescape(text: &str) -> String {
    text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// RFC 8187 value, which RFC 7578 forbids here and urllib3 before 2.0 sends for every name that is not ASCII.
pub(crate) fn extended_value(text: &str) -> Option<String> {
    let mut pieces = text.splitn(3, '\'');
    let charset = pieces.next()?;
    pieces.next()?;
    let encoded = pieces.next()?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    Some(String::from_utf8_lossy(&percent::strictly_decoded(encoded)?).into_owned())
}

/// Position of `needle`, looking only where its first byte stands.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0_usize;
    loop {
        let rest = haystack.get(from..)?;
        let at = from.checked_add(rest.iter().position(|byte| byte == first)?)?;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

/// Longest header of one part.
pub(crate) const HEADER_BYTES: usize = 8 * 1024;
/// Most parts of one body, form fields included.
pub(crate) const PARTS: usize = 256;
/// Longest boundary, RFC 2046 5.1.1.
const BOUNDARY_BYTES: usize = 70;
/// Most blanks after a boundary.
const PADDING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=----WebKitFormBoundaryAbc";

    fn read(content_type: &str, body: &[u8], chunk: usize) -> Result<Vec<(PartHeader, Vec<u8>)>, Malformed> {
        let mut splitter = Splitter::new(content_type)?;
        let mut parts = Vec::new();
        for piece in body.chunks(chunk) {
            splitter.feed(piece);
            loop {
                match splitter.step()? {
                    Step::Feed | Step::End => break,
                    Step::Part(header) => parts.push((header, Vec::new())),
                    Step::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(&data),
                    Step::PartEnd => {}
                }
            }
            assert!(splitter.held.len() <= HEADER_BYTES + chunk + 80, "held {}", splitter.held.len());
        }
        splitter.finish()?;
        Ok(parts)
    }

    fn body() -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(
            b"------WebKitFormBoundaryAbc\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nabc\r\n",
        );
        body.extend_from_slice("------WebKitFormBoundaryAbc\r\nContent-Disposition: form-data; name=\"file\"; filename=\"見積%22書.pdf\"\r\nContent-Type: application/pdf\r\n\r\n".as_bytes());
        body.extend_from_slice(b"one\r\n--\r\n------WebKitFormBoundaryAb\r\ntwo\r\n");
        body.extend_from_slice(b"------WebKitFormBoundaryAbc\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n------WebKitFormBoundaryAbc--\r\nepilogue");
        body
    }

    #[test]
    fn a_browser_s_body_is_read_the_same_whatever_the_chunks() {
        for chunk in [1, 2, 3, 7, 64, 10_000] {
            let parts = read(TYPE, &body(), chunk).unwrap();
            assert_eq!(parts.len(), 3, "chunk {chunk}");
            assert_eq!(parts[0], (PartHeader { name: "token".into(), file_name: None }, b"abc".to_vec()));
            assert_eq!(parts[1].0.file_name.as_deref(), Some("見積\"書.pdf"));
            assert_eq!(parts[1].1, b"one\r\n--\r\n------WebKitFormBoundaryAb\r\ntwo");
            assert_eq!(parts[2].0.file_name.as_deref(), Some(""));
            assert!(parts[2].1.is_empty());
        }
    }

    #[test]
    fn a_body_that_stops_early_is_truncated_at_every_length() {
        let whole = body();
        let end = find(&whole, b"Abc--").unwrap() + 5;
        for length in 1..end {
            assert!(read(TYPE, &whole[..length], 16).is_err(), "accepted {length} of {end}");
        }
        assert!(read(TYPE, &whole[..end], 16).is_ok());
    }

    #[test]
    fn a_header_of_a_part_has_a_length_limit() {
        let make = |fill: usize| {
            let start = "Content-Disposition: form-data; name=\"x\"\r\nX: ";
            let mut body = b"--b\r\n".to_vec();
            body.extend_from_slice(start.as_bytes());
            body.extend(std::iter::repeat_n(b'a', fill - start.len()));
            body.extend_from_slice(b"\r\n\r\nv\r\n--b--");
            body
        };
        let kind = "multipart/form-data; boundary=b";
        assert!(read(kind, &make(HEADER_BYTES), 100).is_ok());
        assert_eq!(read(kind, &make(HEADER_BYTES + 1), 100), Err(Malformed::HeaderTooLong));
    }

    #[test]
    fn the_number_of_parts_is_limited() {
        let make = |count: usize| {
            let mut body = Vec::new();
            for _ in 0..count {
                body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n");
            }
            body.extend_from_slice(b"--b--");
            body
        };
        let kind = "multipart/form-data; boundary=\"b\"";
        assert_eq!(read(kind, &make(PARTS), 999).unwrap().len(), PARTS);
        assert_eq!(read(kind, &make(PARTS + 1), 999), Err(Malformed::TooManyParts));
    }

    #[test]
    fn the_boundary_is_taken_only_from_form_data() {
        assert!(Splitter::new("multipart/mixed; boundary=b").is_err());
        assert!(Splitter::new("multipart/form-data").is_err());
        assert!(Splitter::new("multipart/form-data; boundary=").is_err());
        assert!(Splitter::new("multipart/form-data; boundary=\"a\r\nb\"").is_err());
        assert!(Splitter::new(&format!("multipart/form-data; boundary={}", "b".repeat(71))).is_err());
        assert!(Splitter::new(&format!("multipart/form-data; charset=utf-8; boundary={}", "b".repeat(70))).is_ok());
    }

    #[test]
    fn names_of_other_clients_are_read() {
        let check = |value: &str, expect: Option<&str>| {
            let block = format!("Content-Disposition: form-data; name=\"f\"; {value}");
            assert_eq!(header(block.as_bytes()).unwrap().file_name.as_deref(), expect, "{value}");
        };
        check(r#"filename="a\"b.txt""#, Some("a\"b.txt"));
        check(r#"filename="C:\dir\a.txt""#, Some(r"C:\dir\a.txt"));
        check("filename=plain.txt", Some("plain.txt"));
        check("filename*=utf-8''%E8%A6%8B.txt", Some("見.txt"));
        check("filename=\"100%25.txt\"", Some("100%25.txt"));
        check("other=1", None);
        assert_eq!(header(b"Content-Disposition: attachment; name=x"), None);
        assert_eq!(header(b"X-Other: form-data; name=x"), None);
    }
}
