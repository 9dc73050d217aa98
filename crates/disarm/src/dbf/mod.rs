//! dBASE tables (DBF), as geographic systems keep them beside their maps and old databases hand them out: to rows of clean cells.
//!
//! The layout is that of dBASE III to IV, with the types that FoxPro added ("Table File Structure", Visual FoxPro). Memos lie in a file of
//! their own and are told as missing. Records that are marked as deleted show in no program and are dropped.

mod field;

use std::io::Write;

use form::codec::{Encoder, Kind};
use form::table::{Cell, Delimiter, LineEnd, TableHeader, TextSource};
use form::text::{Scrubbed, Text};
use form::{Place, Reason, Refusal};

use crate::charset::{self, Charset};
use crate::error::{Error, size};
use crate::room::Part;
use crate::text::charset_of;
use field::{Field, Value};

/// Whether the bytes are a table: its head must describe its records without a gap.
pub(crate) fn is(bytes: &[u8]) -> bool {
    Layout::read(bytes).is_some()
}

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write) -> Result<(), Error> {
    let layout = Layout::read(part.input).ok_or(Reason::Malformed)?;
    let limits = &part.job.limits;
    let shown: Vec<&Field> = layout.fields.iter().filter(|field| field.is_shown()).collect();
    let rows = size(layout.records(part.input).count()).saturating_add(1);
    let cells = rows.saturating_mul(size(shown.len()).max(1));
    if cells > limits.cells {
        return Err(Refusal::limit(Reason::LimitCells, limits.cells, cells).into());
    }
    let mut letters = Letters::of(&mut part, &layout);
    let mut encoder = Encoder::new(form, Kind::Table, part.detected, limits)?;
    let source = TextSource { charset: charset_of(letters.charset.name()), bom: false, line_end: LineEnd::CrLf };
    encoder.table(&TableHeader { delimiter: Delimiter::Comma, source })?;
    let names: Vec<Cell> = shown.iter().map(|field| letters.cell(field.name)).collect();
    encoder.row(&names)?;
    let (mut deleted, mut memos) = (0_u32, 0_u32);
    for record in layout.records(part.input) {
        if record.first() == Some(&DELETED) {
            deleted = deleted.saturating_add(1);
            continue;
        }
        let mut row = Vec::with_capacity(shown.len());
        for field in &shown {
            row.push(match field.value(record) {
                Value::Letters(raw) => letters.cell(raw),
                Value::Text(text) => cell(&text, &mut letters.scrubbed),
                Value::Elsewhere => {
                    memos = memos.saturating_add(1);
                    cell("", &mut letters.scrubbed)
                }
            });
        }
        encoder.row(&row)?;
    }
    let Letters { scrubbed, undecodable, gaiji, .. } = letters;
    part.findings.add(Reason::FormatConverted, Place::new("dbf → csv"));
    part.findings.add_many(Reason::HiddenText, deleted, Place::default());
    part.findings.add_many(Reason::MemoMissing, memos, Place::default());
    part.findings.add_many(Reason::UndecodableBytes, undecodable, Place::default());
    part.findings.add_many(Reason::Gaiji, gaiji, Place::default());
    if layout.is_short(part.input) {
        part.findings.add(Reason::TableRepaired, Place::default());
    }
    part.add_scrubbed(scrubbed, &Place::default());
    for finding in part.findings.into_vec() {
        encoder.finding(&finding)?;
    }
    encoder.finish()?;
    Ok(())
}

fn cell(text: &str, scrubbed: &mut Scrubbed) -> Cell {
    let (text, removed) = Text::scrub(text);
    scrubbed.add(removed);
    Cell { text, neutralised: false }
}

/// What the head says of the records.
struct Layout<'a> {
    fields: Vec<Field<'a>>,
    /// Where the first record begins.
    start: usize,
    /// Bytes of one, its mark of deletion among them.
    width: usize,
    /// How many there are to be.
    count: usize,
    /// The charset by the number that dBASE gave it, where that is one that tells.
    label: Option<&'static str>,
}

impl<'a> Layout<'a> {
    fn read(bytes: &'a [u8]) -> Option<Layout<'a>> {
        let head = bytes.get(..HEAD_BYTES)?;
        let version = *head.first()?;
        let (month, day) = (*head.get(2)?, *head.get(3)?);
        if !VERSIONS.contains(&version) || month > 12 || day > 31 {
            return None;
        }
        let short =
            |at: usize| Some(usize::from(u16::from_le_bytes(head.get(at..at.checked_add(2)?)?.try_into().ok()?)));
        let count = u32::from_le_bytes(head.get(4..8)?.try_into().ok()?);
        let (start, width) = (short(8)?, short(10)?);
        let described = bytes.get(HEAD_BYTES..start)?;
        let mut fields = Vec::new();
        let mut at = 1_usize;
        for raw in described.chunks(field::BYTES) {
            if raw.first() == Some(&END_OF_FIELDS) {
                break;
            }
            let field = Field::read(raw, at, version)?;
            at = at.checked_add(field.len)?;
            fields.push(field);
        }
        let whole = !fields.is_empty() && fields.len() <= MAX_FIELDS && at == width;
        let label = charset_of_driver(*head.get(29)?);
        whole.then_some(Layout { fields, start, width, count: usize::try_from(count).ok()?, label })
    }

    /// The records that are there, also where the head promises more.
    fn records<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        bytes.get(self.start..).unwrap_or_default().chunks_exact(self.width.max(1)).take(self.count)
    }

    fn is_short(&self, bytes: &[u8]) -> bool {
        self.records(bytes).count() < self.count
    }
}

/// How the letters of a table are read: in one charset for all of them.
struct Letters {
    charset: Charset,
    scrubbed: Scrubbed,
    undecodable: u32,
    gaiji: u32,
}

impl Letters {
    /// The charset of the table, by its own word unless the letters plainly say otherwise.
    fn of(part: &mut Part<'_>, layout: &Layout<'_>) -> Letters {
        let mut sample = Vec::new();
        let texts = layout.records(part.input).flat_map(|record| {
            layout.fields.iter().filter_map(move |field| match field.value(record) {
                Value::Letters(raw) => Some(raw),
                Value::Text(_) | Value::Elsewhere => None,
            })
        });
        for raw in layout.fields.iter().map(|field| field.name).chain(texts).filter(|raw| !raw.is_ascii()) {
            sample.extend_from_slice(raw);
            sample.push(b'\n');
            if sample.len() > SAMPLE_BYTES {
                break;
            }
        }
        let seen = charset::decode(&sample, layout.label);
        if !sample.is_empty() {
            let place = Place::new(seen.charset);
            if seen.undecided {
                part.findings.add(Reason::CharsetUndecided, place.clone());
            }
            if seen.mismatch {
                part.findings.add(Reason::CharsetMismatch, place);
            } else if !seen.certain {
                part.findings.add(Reason::CharsetGuessed, place);
            }
        }
        let charset = Charset::named(seen.charset).unwrap_or(Charset::Utf8);
        Letters { charset, scrubbed: Scrubbed::default(), undecodable: 0, gaiji: 0 }
    }

    fn cell(&mut self, raw: &[u8]) -> Cell {
        let decoded = charset::decode_as(raw, self.charset);
        self.undecodable = self.undecodable.saturating_add(decoded.undecodable);
        self.gaiji = self.gaiji.saturating_add(decoded.gaiji);
        cell(decoded.text.trim_end(), &mut self.scrubbed)
    }
}

/// Charsets by the numbers of language drivers; those of DOS in the West are read by none here, and are told by their letters.
fn charset_of_driver(number: u8) -> Option<&'static str> {
    Some(match number {
        0x13 | 0x7B => "shift_jis",
        0x4D | 0x7A => "gbk",
        0x4E | 0x79 => "euc-kr",
        0x4F | 0x78 => "big5",
        0x03 | 0x57..=0x59 => "windows-1252",
        _ => return None,
    })
}

/// dBASE II has another layout; with memos, with an index, of FoxPro, of Visual FoxPro.
const VERSIONS: &[u8] = &[0x03, 0x04, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8E, 0xCB, 0xF5, 0xFB];
const HEAD_BYTES: usize = 32;
const END_OF_FIELDS: u8 = 0x0D;
const DELETED: u8 = b'*';
/// dBASE 7 has 1,024, all others fewer.
const MAX_FIELDS: usize = 1_024;
/// Letters that are looked at for the charset.
const SAMPLE_BYTES: usize = 64 * 1024;
