//! Transfer encodings: everything written as lines of at most 76 characters, or as it is where that is canonical.

use std::io::{self, Write};

use super::charset::Charset;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    SevenBit,
    EightBit,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    pub(super) fn name(self) -> &'static str {
        match self {
            Encoding::SevenBit => "7bit",
            Encoding::EightBit => "8bit",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Base64 => "base64",
        }
    }
}

/// Text of several pieces, an empty line between them, with the encoding that suits it.
pub(super) struct TextBody<'a> {
    pieces: &'a [&'a str],
    charset: Charset,
    encoding: Encoding,
}

impl<'a> TextBody<'a> {
    pub(super) fn new(pieces: &'a [&'a str], charset: Charset) -> Self {
        let bytes = pieces.iter().fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
        let high: usize = pieces.iter().map(|piece| piece.bytes().filter(|b| !b.is_ascii()).count()).sum();
        let fits = |line: &str| line.len() <= MAX_PLAIN_LINE && charset.encode(line).len() <= MAX_PLAIN_LINE;
        let short = || pieces.iter().flat_map(|piece| piece.split('\n')).all(fits);
        let encoding = if (high == 0 || charset == Charset::Iso2022Jp) && short() {
            Encoding::SevenBit
        } else if high.saturating_mul(6) <= bytes && charset == Charset::Utf8 {
            // Mostly ASCII stays readable in a pager; Japanese would become three times as long.
            Encoding::QuotedPrintable
        } else {
            Encoding::Base64
        };
        Self { pieces, charset, encoding }
    }

    pub(super) fn charset(&self) -> Charset {
        self.charset
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(super) fn write<W: Write>(&self, out: &mut W) -> io::Result<()> {
        let mut base64 = Base64::new();
        self.lines(|line| match self.encoding {
            Encoding::SevenBit | Encoding::EightBit => {
                out.write_all(&self.charset.encode(line))?;
                out.write_all(b"\r\n")
            }
            Encoding::QuotedPrintable => quoted_printable_line(line, out),
            Encoding::Base64 => {
                base64.push(&self.charset.encode(line), out)?;
                base64.push(b"\r\n", out)
            }
        })?;
        if self.encoding == Encoding::Base64 {
            base64.finish(out)?;
        }
        Ok(())
    }

    fn lines(&self, mut emit: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        for (index, piece) in self.pieces.iter().enumerate() {
            if index > 0 {
                emit("")?;
            }
            for line in piece.trim_end_matches('\n').split('\n') {
                emit(line)?;
            }
        }
        Ok(())
    }
}

/// One line of text in quoted-printable (RFC 2045 6.7).
fn quoted_printable_line<W: Write>(line: &str, out: &mut W) -> io::Result<()> {
    let mut column = 0_usize;
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let last = bytes.peek().is_none();
        let plain = match byte {
            b'=' => false,
            // Blanks at a line end are lost on the way.
            b' ' | b'\t' => !last,
            0x21..=0x7E => true,
            _ => false,
        };
        let width = if plain { 1 } else { 3 };
        // A soft break takes the last column.
        if column.saturating_add(width) > if last { LINE } else { LINE - 1 } {
            out.write_all(b"=\r\n")?;
            column = 0;
        }
        if plain {
            out.write_all(&[byte])?;
        } else {
            out.write_all(&[b'=', hex(byte >> 4), hex(byte & 15)])?;
        }
        column = column.saturating_add(width);
    }
    out.write_all(b"\r\n")
}

fn hex(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + (nibble & 15) - 10,
    }
}

/// Bytes as base64 lines, streamed: what is held is one block of lines.
pub(super) fn base64_lines<W: Write>(bytes: &[u8], out: &mut W) -> io::Result<()> {
    let mut block = Vec::with_capacity(BLOCK_LINES * (LINE + 2));
    for lines in bytes.chunks(BLOCK_LINES * LINE_BYTES) {
        block.clear();
        for line in lines.chunks(LINE_BYTES) {
            base64_into(line, &mut block);
            block.extend_from_slice(b"\r\n");
        }
        out.write_all(&block)?;
    }
    Ok(())
}

/// Appends the base64 of `bytes`.
pub(super) fn base64_into(bytes: &[u8], out: &mut Vec<u8>) {
    let mut groups = bytes.chunks_exact(3);
    for group in &mut groups {
        if let [a, b, c] = group {
            let bits = (u32::from(*a) << 16) | (u32::from(*b) << 8) | u32::from(*c);
            out.extend_from_slice(&[digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)]);
        }
    }
    match groups.remainder() {
        [a] => {
            let bits = u32::from(*a) << 16;
            out.extend_from_slice(&[digit(bits >> 18), digit(bits >> 12), b'=', b'=']);
        }
        [a, b] => {
            let bits = (u32::from(*a) << 16) | (u32::from(*b) << 8);
            out.extend_from_slice(&[digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), b'=']);
        }
        _ => {}
    }
}

fn digit(bits: u32) -> u8 {
    // Six bits index 64 letters.
    usize::try_from(bits & 63).ok().and_then(|index| ALPHABET.get(index)).copied().unwrap_or(b'A')
}

/// Base64 lines of bytes that come in pieces.
struct Base64 {
    held: Vec<u8>,
}

impl Base64 {
    fn new() -> Self {
        Self { held: Vec::with_capacity(HELD) }
    }

    fn push<W: Write>(&mut self, bytes: &[u8], out: &mut W) -> io::Result<()> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= HELD {
            let whole = self.held.len() / LINE_BYTES * LINE_BYTES;
            base64_lines(self.held.get(..whole).unwrap_or_default(), out)?;
            self.held.drain(..whole);
        }
        Ok(())
    }

    fn finish<W: Write>(&mut self, out: &mut W) -> io::Result<()> {
        base64_lines(&self.held, out)
    }
}

/// True for bytes that can stand in a mail as they are: CRLF line ends only, no NUL, no line above 998.
pub(super) fn is_canonical(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let content = match (line.strip_suffix(b"\r"), lines.peek().is_some()) {
            (Some(content), true) => content,
            (None, false) => line,
            // A bare LF, or a CR at the very end.
            _ => return false,
        };
        if content.len() > MAX_LINE || content.iter().any(|b| matches!(b, b'\r' | 0)) {
            return false;
        }
    }
    true
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters of an encoded line, and the bytes that make it.
const LINE: usize = 76;
const LINE_BYTES: usize = 57;
const BLOCK_LINES: usize = 512;
const HELD: usize = 16 * 1024;
/// RFC 5322 2.1.1.
const MAX_LINE: usize = 998;
/// Readers fold lines of plain text that are longer badly or cut them.
const MAX_PLAIN_LINE: usize = 900;
