//! Plain text and tables of plain text: cells, and how the source was written.

use crate::codec::DecodeError;
use crate::text::Text;
use crate::wire::{Cursor, Sink, coded};

coded! {
    /// A character set that text was read from.
    pub enum Charset {
        /// UTF-8, ASCII included.
        Utf8 = 1,
        /// UTF-16, low byte first.
        Utf16Le = 2,
        /// UTF-16, high byte first.
        Utf16Be = 3,
        /// Shift_JIS as Windows has it (CP932).
        ShiftJis = 4,
        /// EUC-JP.
        EucJp = 5,
        /// ISO-2022-JP.
        Iso2022Jp = 6,
        /// Any other.
        Other = 7,
    }
}

coded! {
    /// How lines of the source ended, mostly.
    pub enum LineEnd {
        /// CR LF.
        CrLf = 1,
        /// LF.
        Lf = 2,
        /// CR.
        Cr = 3,
    }
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
        sink.u8(self.charset.code());
        sink.flag(self.bom);
        sink.u8(self.line_end.code());
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<TextSource, DecodeError> {
        Ok(TextSource {
            charset: cursor.coded(Charset::from_code, "character set")?,
            bom: cursor.flag()?,
            line_end: cursor.coded(LineEnd::from_code, "line end")?,
        })
    }
}

coded! {
    /// What parts the cells of a row.
    pub enum Delimiter {
        /// `,`
        Comma = 1,
        /// Tab
        Tab = 2,
        /// `;`
        Semicolon = 3,
        /// `|`
        Pipe = 4,
    }
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
        sink.u8(self.delimiter.code());
        self.source.put(sink);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<TableHeader, DecodeError> {
        Ok(TableHeader {
            delimiter: cursor.coded(Delimiter::from_code, "delimiter")?,
            source: TextSource::take(cursor)?,
        })
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
