//! One column: its type, and what a record has in it.

use form::civil;

/// A column as the head describes it.
pub(super) struct Field<'a> {
    /// Its name, in the charset of the table.
    pub(super) name: &'a [u8],
    kind: u8,
    /// Where it begins in a record.
    at: usize,
    /// Bytes of it.
    pub(super) len: usize,
    /// Of Visual FoxPro, where some letters mean other types.
    is_visual: bool,
    /// It holds what only programs read: which values are missing.
    is_internal: bool,
}

/// What a record has in a column.
pub(super) enum Value<'a> {
    /// Letters, without the spaces that fill the column.
    Letters(&'a [u8]),
    /// What was read of numbers and dates.
    Text(String),
    /// Something that lies in another file.
    Elsewhere,
}

/// Bytes of a description.
pub(super) const BYTES: usize = 32;

impl<'a> Field<'a> {
    /// Reads a description; nothing where it is none.
    pub(super) fn read(raw: &'a [u8], at: usize, version: u8) -> Option<Field<'a>> {
        let raw = raw.get(..BYTES)?;
        let name = raw.get(..11)?;
        let name = name.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
        let kind = raw.get(11)?.to_ascii_uppercase();
        let (len, decimals) = (usize::from(*raw.get(16)?), usize::from(*raw.get(17)?));
        // Clipper and FoxPro write long texts with the high byte of the length where others have the decimals.
        let len = if kind == b'C' { len.checked_add(decimals.checked_mul(256)?)? } else { len };
        let is_visual = (0x30..=0x32).contains(&version);
        let is_internal = kind == b'0' || (is_visual && raw.get(18)? & 1 == 1);
        let known = KINDS.contains(&kind) && len > 0 && !name.iter().any(|byte| *byte < b' ');
        known.then_some(Field { name, kind, at, len, is_visual, is_internal })
    }

    pub(super) fn is_shown(&self) -> bool {
        !self.is_internal
    }

    pub(super) fn value<'r>(&self, record: &'r [u8]) -> Value<'r> {
        let end = self.at.saturating_add(self.len);
        let raw = record.get(self.at..end).unwrap_or_default();
        let filled = trimmed(raw);
        match self.kind {
            b'C' => Value::Letters(filled),
            b'D' => Value::Text(date(filled)),
            b'I' | b'+' if raw.len() == 4 => Value::Text(self.integer(raw)),
            b'Y' if raw.len() == 8 => Value::Text(currency(raw)),
            b'B' if self.is_visual && raw.len() == 8 => Value::Text(double(raw)),
            b'T' if raw.len() == 8 => Value::Text(moment(raw)),
            // The number of the place where the text lies, or nothing.
            b'M' | b'G' | b'P' | b'B' | b'W' if filled.iter().all(|byte| *byte == 0 || *byte == b'0') => {
                Value::Text(String::new())
            }
            b'M' | b'G' | b'P' | b'B' | b'W' => Value::Elsewhere,
            _ => Value::Text(filled.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_graphic).collect()),
        }
    }

    fn integer(&self, raw: &[u8]) -> String {
        let Ok(bytes) = <[u8; 4]>::try_from(raw) else { return String::new() };
        // dBASE 7 counts from the high byte, with the sign turned over; FoxPro as the machine does.
        let value = if self.is_visual { i32::from_le_bytes(bytes) } else { i32::from_be_bytes(bytes) ^ i32::MIN };
        value.to_string()
    }
}

/// Without the spaces and zeros that fill a column.
fn trimmed(raw: &[u8]) -> &[u8] {
    let end = raw.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last.saturating_add(1));
    let raw = raw.get(..end).unwrap_or_default();
    let start = raw.iter().position(|byte| *byte != b' ').unwrap_or(raw.len());
    raw.get(start..).unwrap_or_default()
}

/// `20261121` as a spreadsheet takes it for a date.
fn date(raw: &[u8]) -> String {
    let text: String = raw.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_graphic).collect();
    match (text.get(..4), text.get(4..6), text.get(6..8), text.len()) {
        (Some(year), Some(month), Some(day), 8) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{year}-{month}-{day}")
        }
        _ => text,
    }
}

/// Ten-thousandths.
fn currency(raw: &[u8]) -> String {
    let Ok(bytes) = raw.try_into() else { return String::new() };
    let value = i64::from_le_bytes(bytes);
    let (whole, rest) = (value.unsigned_abs() / 10_000, value.unsigned_abs() % 10_000);
    format!("{}{whole}.{rest:04}", if value < 0 { "-" } else { "" })
}

fn double(raw: &[u8]) -> String {
    let Ok(bytes) = raw.try_into() else { return String::new() };
    let value = f64::from_le_bytes(bytes);
    if value.is_finite() { value.to_string() } else { String::new() }
}

/// A day by its Julian number, and thousandths of a second since midnight.
fn moment(raw: &[u8]) -> String {
    let (day, time) = raw.split_at_checked(4).unwrap_or_default();
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, |bytes| i64::from(u32::from_le_bytes(bytes)));
    let (day, seconds) = (number(day), number(time).saturating_add(500) / 1_000);
    if day == 0 {
        return String::new();
    }
    let Some((year, month, day)) = civil::date(day.saturating_sub(JULIAN_DAY_OF_1970)) else {
        return String::new();
    };
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

const JULIAN_DAY_OF_1970: i64 = 2_440_588;
const KINDS: &[u8] = b"CNFDLMGPBIYTOW@+V0Q";
