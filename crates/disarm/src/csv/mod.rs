//! Tables of plain text: RFC 4180 rows with whatever delimiter and character set, to rows of clean cells.
//!
//! Cells that a spreadsheet would run are handed on as they are: the clean room judges them, because this room is not to be
//! believed about what is harmless.

mod reader;

use std::io::Write;

use form::codec::{Encoder, Kind};
use form::table::{Cell, Delimiter, TableHeader};
use form::text::{Scrubbed, Text};
use form::{Place, Reason, Refusal};

use crate::error::{Error, size};
use crate::room::Part;
use crate::text;
use reader::Reader;

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let (text, source) = text::decode(&mut part)?;
    let (delimiter, text) = match reader::announced(&text) {
        Some(announced) => announced,
        None => (reader::sniff(&text).unwrap_or(fallback(&part)), text.as_str()),
    };
    if let Some(place) = renamed(&part, delimiter) {
        part.findings.add(Reason::NameChanged, place);
    }
    let mut encoder = Encoder::new(form, Kind::Table, part.detected, &part.job.limits)?;
    encoder.table(&TableHeader { delimiter: named(delimiter), source })?;
    let limits = &part.job.limits;
    let mut reader = Reader::new(text, delimiter);
    let mut left = limits.cells;
    let mut repaired = 0_u32;
    let mut scrubbed = Scrubbed::default();
    while let Some(row) = reader.next_row(left) {
        let cells = size(row.cells.len());
        left = left.checked_sub(cells).ok_or_else(|| {
            let used = limits.cells.saturating_sub(left).saturating_add(cells);
            Refusal::limit(Reason::LimitCells, limits.cells, used)
        })?;
        repaired = repaired.saturating_add(u32::from(row.repaired));
        let clean: Vec<Cell> = row
            .cells
            .iter()
            .map(|cell| {
                let (text, removed) = Text::scrub(cell);
                scrubbed.add(removed);
                Cell { text, neutralised: false }
            })
            .collect();
        encoder.row(&clean)?;
    }
    part.findings.add_many(Reason::TableRepaired, repaired, Place::default());
    part.add_scrubbed(scrubbed, &Place::default());
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

/// The delimiter of a table whose rows have one cell.
fn fallback(part: &Part<'_>) -> u8 {
    if part.detected.as_str() == "tsv" { b'\t' } else { b',' }
}

/// The finding's place when a table leaves with tabs under the extension of one without, or the other way round.
fn renamed(part: &Part<'_>, delimiter: u8) -> Option<Place> {
    let extension = part.job.declared_name.as_ref()?.extension()?.to_ascii_lowercase();
    match (extension.as_str(), delimiter) {
        ("csv", b'\t') => Some(Place::new("csv → tsv")),
        ("tsv" | "tab", b',' | b';' | b'|') => Some(Place::new(&format!("{extension} → csv"))),
        _ => None,
    }
}

fn named(delimiter: u8) -> Delimiter {
    match delimiter {
        b'\t' => Delimiter::Tab,
        b';' => Delimiter::Semicolon,
        b'|' => Delimiter::Pipe,
        _ => Delimiter::Comma,
    }
}
