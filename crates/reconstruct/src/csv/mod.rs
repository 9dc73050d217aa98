//! Tables: RFC 4180 in UTF-8 with a byte order mark (without which Excel takes it for CP932) and CRLF between rows.
//!
//! Tables with tabs keep them, all others get commas: Excel in Japan splits a `.csv` at commas whatever it was written with.

mod formula;

use std::io::Write;

use form::codec::Event;
use form::report::{OutputType, PageLevels};
use form::table::{Cell, Delimiter};
use form::{Finding, Place, Reason};

use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};
use crate::text::BYTE_ORDER_MARK;

pub(crate) fn write(form: &mut Form<'_>, out: &mut Output<'_>) -> Result<Written, Error> {
    let mut findings = Vec::new();
    let mut table = Table {
        delimiter: Delimiter::Comma,
        row: 0,
        formulas: 0,
        places: Vec::new(),
        line: String::new(),
        marks: Vec::new(),
    };
    out.write_all(BYTE_ORDER_MARK.as_bytes())?;
    loop {
        match form.next()? {
            Event::Table(header) => match header.delimiter {
                Delimiter::Comma | Delimiter::Tab => table.delimiter = header.delimiter,
                other @ (Delimiter::Semicolon | Delimiter::Pipe) => {
                    let place = Place::new(&format!("{} → ,", other.as_char()));
                    findings.push(Finding::new(Reason::DelimiterChanged, place));
                }
            },
            Event::Row(cells) => out.write_all(table.line_of(&cells).as_bytes())?,
            Event::Finding(finding) => findings.push(finding),
            Event::End => break,
            Event::Text(_)
            | Event::TextSource(_)
            | Event::MailHeader(_)
            | Event::Child(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Pixels(_)
            | Event::Pages(_)
            | Event::Glyph(_)
            | Event::Picture(_)
            | Event::Gradient(_)
            | Event::Canvas(_)
            | Event::Page(_)
            | Event::Operations(_)
            | Event::Link(_)
            | Event::OutlineItem(_)
            | Event::PageLabel(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    if table.formulas > 0 {
        findings.push(Finding {
            reason: Reason::FormulaNeutralised,
            count: table.formulas,
            place: Place::new(&table.places_text()),
        });
    }
    let output = if table.delimiter == Delimiter::Tab { OutputType::Tsv } else { OutputType::Csv };
    Ok(Written { output, pages: 0, levels: PageLevels::default(), findings })
}

struct Table {
    delimiter: Delimiter,
    row: u64,
    formulas: u32,
    places: Vec<String>,
    line: String,
    /// Where the cell at hand gets the mark.
    marks: Vec<usize>,
}

impl Table {
    /// The row as a line; valid until the next.
    fn line_of(&mut self, cells: &[Cell]) -> &str {
        self.line.clear();
        let last_run = cells.iter().rposition(|cell| formula::can_run(cell.text.as_str()));
        // Whether a reader with another delimiter begins a cell with the next of ours.
        let mut opens = true;
        for (column, cell) in cells.iter().enumerate() {
            if column > 0 {
                self.line.push(self.delimiter.as_char());
            }
            let text = cell.text.as_str();
            // The flag is the dirty room's word; only the text counts.
            formula::marks(text, opens, last_run.is_some_and(|last| last > column), &mut self.marks);
            opens = self.delimiter == Delimiter::Tab && formula::opens_after(text, opens);
            if !self.marks.is_empty() {
                self.formulas = self.formulas.saturating_add(1);
                if self.places.len() < NAMED_PLACES {
                    self.places.push(formula::place(self.row, column));
                }
            }
            self.push(text);
        }
        self.line.push_str("\r\n");
        self.row = self.row.saturating_add(1);
        &self.line
    }

    fn push(&mut self, text: &str) {
        // Any delimiter is quoted, not only that of the table: a program may guess, or be set to, another one.
        let special = |c: char| matches!(c, '"' | '\n' | '\r' | ',' | ';' | '\t' | '|');
        let quoted = text.contains(special) || text.starts_with(' ') || text.ends_with(' ');
        if quoted {
            self.line.push('"');
        }
        let mut marks = self.marks.iter().copied().peekable();
        for (at, c) in text.char_indices() {
            if marks.next_if_eq(&at).is_some() {
                self.line.push(formula::MARK);
            }
            if c == '"' {
                self.line.push('"');
            }
            self.line.push(c);
        }
        if quoted {
            self.line.push('"');
        }
    }

    fn places_text(&self) -> String {
        let more = usize::try_from(self.formulas).is_ok_and(|formulas| formulas > self.places.len());
        format!("{}{}", self.places.join(", "), if more { ", …" } else { "" })
    }
}

const NAMED_PLACES: usize = 10;

#[cfg(test)]
mod tests;
