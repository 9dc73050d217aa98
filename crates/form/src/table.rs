//! Plain text and tables of plain text: cells, and how the source was written.

use crate::codec::DecodeError;
use crate::text::Text;
use crate::wire::{Cursor, Sink};

/// A character set that text was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// UTF-8, ASCII included.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Shift_JIS as Windows has it (CP932).
    ShiftJis,
    /// EUC-JP.
    EucJp,
    /// ISO-2022-JP.
    Iso2022Jp,
    /// Any other.
    Other,
}

/// How lines of the source ended, mostly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// CR LF.
    CrLf,
    /// LF.
    Lf,
    /// CR.
    Cr,
}

/// How a text file was written, as a hint for writing it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TextSource {
    /// The character set it was read from.
    pub charset: Charset,
    /// Whether it began with a byte order mark.
    pub bom: bool,
    /// How its lines ended.
    pub line_end: LineEnd,
}

impl TextSource {
    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(match self.charset {
            Charset::Utf8 => 1,
            Charset::Utf16Le => 2,
            Charset::Utf16Be => 3,
            Charset::ShiftJis => 4,
            Charset::EucJp => 5,
            Charset::Iso2022Jp => 6,
            Charset::Other => 7,
        });
        sink.flag(self.bom);
        sink.u8(match self.line_end {
            LineEnd::CrLf => 1,
            LineEnd::Lf => 2,
            LineEnd::Cr => 3,
        });
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<TextSource, DecodeError> {
        Ok(TextSource {
            charset: match cursor.u8()? {
                1 => Charset::Utf8,
                2 => Charset::Utf16Le,
                3 => Charset::Utf16Be,
                4 => Charset::ShiftJis,
                5 => Charset::EucJp,
                6 => Charset::Iso2022Jp,
                7 => Charset::Other,
                _ => return Err(DecodeError::Malformed("character set")),
            },
            bom: cursor.flag()?,
            line_end: match cursor.u8()? {
                1 => LineEnd::CrLf,
                2 => LineEnd::Lf,
                3 => LineEnd::Cr,
                _ => return Err(DecodeError::Malformed("line end")),
            },
        })
    }
}

/// What parts the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// Tab
    Tab,
    /// `;`
    Semicolon,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// The character.
    pub const fn as_char(self) -> char {
        match self {
            Delimiter::Comma => ',',
            Delimiter::Tab => '\t',
            Delimiter::Semicolon => ';',
            Delimiter::Pipe => '|',
        }
    }
}

/// What is known of a table before its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableHeader {
    /// What parted its cells.
    pub delimiter: Delimiter,
    /// How the file was written.
    pub source: TextSource,
}

impl TableHeader {
    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(match self.delimiter {
            Delimiter::Comma => 1,
            Delimiter::Tab => 2,
            Delimiter::Semicolon => 3,
            Delimiter::Pipe => 4,
        });
        self.source.put(sink);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<TableHeader, DecodeError> {
        let delimiter = match cursor.u8()? {
            1 => Delimiter::Comma,
            2 => Delimiter::Tab,
            3 => Delimiter::Semicolon,
            4 => Delimiter::Pipe,
            _ => return Err(DecodeError::Malformed("delimiter")),
        };
        Ok(TableHeader { delimiter, source: TextSource::take(cursor)? })
    }
}

/// One cell of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The text, which may hold line feeds.
    pub text: Text,
    /// Whether the text began like a formula and was changed so that no spreadsheet runs it.
    pub neutralised: bool,
}

impl Cell {
    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.flag(self.neutralised);
        sink.string(self.text.as_str());
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Cell, DecodeError> {
        let neutralised = cursor.flag()?;
        let text = Text::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("cell"))?;
        Ok(Cell { text, neutralised })
    }
}
