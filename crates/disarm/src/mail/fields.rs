//! A header block cut into fields: the lines as they came, nothing decoded.

use std::borrow::Cow;
use std::ops::Range;

use super::tally::Tally;
use crate::charset;

/// One header field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    /// What stands after the colon, folds included.
    pub(crate) value: &'a [u8],
}

impl Field<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value on one line, as Unicode: folds are undone and raw 8-bit or raw ISO-2022-JP text is decoded, so that
    /// everything after this is a matter of characters (a Shift_JIS 表 ends in a backslash, a JIS pair may be `"`).
    pub(crate) fn text(&self) -> Cow<'_, str> {
        self.decoded(None, &mut Tally::default())
    }

    /// As [`text`](Self::text), counting what had to be assumed of raw bytes. They have no label; programs that write them take the
    /// charset of their body, which is tried first.
    pub(crate) fn decoded(&self, body: Option<&str>, tally: &mut Tally) -> Cow<'_, str> {
        let value = self.value.trim_ascii();
        let plain = value.is_ascii() && !value.contains(&0x1B);
        if plain && !value.contains(&b'\n') {
            return String::from_utf8_lossy(value);
        }
        let mut unfolded = Vec::with_capacity(value.len());
        for line in value.split(|b| *b == b'\n') {
            unfolded.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        }
        if plain {
            return Cow::Owned(String::from_utf8_lossy(&unfolded).into_owned());
        }
        // What is UTF-8 is that, one letter of it too: a field is not written in the charset that a body happens to have.
        let body = body.filter(|_| std::str::from_utf8(&unfolded).is_err());
        let named = body.map(|label| charset::decode(&unfolded, Some(label)));
        let fits = named.is_some_and(|named| !named.mismatch && named.undecodable == 0);
        Cow::Owned(tally.decode(&unfolded, body.filter(|_| fits)))
    }
}

/// Whether a line, of which it is not known that it stands in a header, begins like a field (RFC 5322, 2.2).
pub(crate) fn is_field(line: &[u8]) -> bool {
    name_of(line).is_some()
}

/// A header block and where its body starts.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) body: usize,
    /// Lines that are no field and no continuation.
    pub(crate) stray: u32,
    /// The block is longer, or has more fields, than allowed; `fields` holds what came before.
    pub(crate) over: Option<Over>,
}

/// Which limit a header block passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) limit: u64,
    pub(crate) value: u64,
}

/// Cuts the header block that starts at `range.start`; `max_bytes` bounds what is kept, not what is skipped.
pub(crate) fn cut<'a>(input: &'a [u8], range: Range<usize>, max_bytes: usize) -> Block<'a> {
    let mut block = Block { fields: Vec::new(), body: range.end, stray: 0, over: None };
    let mut at = range.start;
    // Start of the field being read: (name, offset of its value).
    let mut open: Option<(&'a [u8], usize)> = None;
    while at < range.end {
        let line = line_at(input, at, range.end);
        let content = trim_line(line);
        let next = at.saturating_add(line.len());
        if content.is_empty() || (is_blank(content) && !goes_on_after_blanks(input, next, range.end)) {
            block.body = next;
            break;
        }
        let continues = matches!(content.first(), Some(b' ' | b'\t')) && open.is_some();
        if !continues {
            match name_of(content) {
                Some(name) => {
                    close(input, &mut block, open.take(), at, range.start, max_bytes);
                    open = Some((name, at.saturating_add(colon(content)).saturating_add(1)));
                }
                None if at == range.start && is_envelope(content) => {}
                // A fold that lost its indent (old web mailers) belongs to the field before; a line after which no field
                // follows is the body of a mail that forgot the empty line, and so is one that belongs to no field.
                None if (open.is_some() || !ends(input, next, range.end)) && header_goes_on(input, next, range.end) => {
                    block.stray = block.stray.saturating_add(1)
                }
                None => {
                    block.stray = block.stray.saturating_add(1);
                    block.body = at;
                    close(input, &mut block, open.take(), at, range.start, max_bytes);
                    return block;
                }
            }
        }
        at = next;
    }
    close(input, &mut block, open.take(), at.min(range.end), range.start, max_bytes);
    block
}

fn close<'a>(
    input: &'a [u8],
    block: &mut Block<'a>,
    open: Option<(&'a [u8], usize)>,
    end: usize,
    start: usize,
    max_bytes: usize,
) {
    let Some((name, from)) = open else { return };
    let length = end.saturating_sub(start);
    if length > max_bytes {
        block.over = Some(Over { limit: bytes(max_bytes), value: bytes(length) });
    } else if block.fields.len() >= MAX_FIELDS {
        block.over = Some(Over { limit: bytes(MAX_FIELDS), value: bytes(block.fields.len().saturating_add(1)) });
    } else {
        block.fields.push(Field { name, value: input.get(from..end).unwrap_or_default() });
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The line that starts at `at`, its line end included.
pub(crate) fn line_at(input: &[u8], at: usize, end: usize) -> &[u8] {
    let rest = input.get(at..end).unwrap_or_default();
    let length = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |n| n.saturating_add(1));
    rest.get(..length).unwrap_or(rest)
}

/// The line without its line end.
pub(crate) fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn colon(line: &[u8]) -> usize {
    line.iter().position(|b| *b == b':').unwrap_or(line.len())
}

/// The field name of a line: printable ASCII up to the colon, blanks before the colon allowed (RFC 5322 4.5).
fn name_of(line: &[u8]) -> Option<&[u8]> {
    let name = line.get(..line.iter().take(MAX_NAME).position(|b| *b == b':')?)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(|b| (0x21..=0x7E).contains(b))).then_some(name)
}

/// The line mbox files and some MTAs put before the first field.
fn is_envelope(line: &[u8]) -> bool {
    line.starts_with(b"From ") || line.starts_with(b">From ")
}

/// Whether the line at `at` is empty.
fn ends(input: &[u8], at: usize, end: usize) -> bool {
    trim_line(line_at(input, at, end)).is_empty()
}

/// True when the next line still belongs to a header: a field, a continuation or the empty line.
fn header_goes_on(input: &[u8], at: usize, end: usize) -> bool {
    if at >= end {
        return false;
    }
    let line = trim_line(line_at(input, at, end));
    line.is_empty() || matches!(line.first(), Some(b' ' | b'\t')) || name_of(line).is_some()
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b' ' | b'\t'))
}

/// Whether what follows a line of blanks still belongs to a header. Such a line is a fold, however empty (RFC 5322 4.2); where text
/// follows that is no field, it stands for the empty line.
fn goes_on_after_blanks(input: &[u8], mut at: usize, end: usize) -> bool {
    while at < end {
        let line = line_at(input, at, end);
        let content = trim_line(line);
        if content.is_empty() || !is_blank(content) {
            return content.is_empty() || matches!(content.first(), Some(b' ' | b'\t')) || name_of(content).is_some();
        }
        at = at.saturating_add(line.len());
    }
    true
}

/// The first field of that name.
pub(crate) fn first<'a>(fields: &[Field<'a>], name: &str) -> Option<Field<'a>> {
    fields.iter().copied().find(|field| field.is(name))
}

/// Longest field name looked at; RFC 5322 lines end at 998 and no registered name passes 50.
const MAX_NAME: usize = 128;

/// Most fields of one header: mails that went through many hops carry some 150.
const MAX_FIELDS: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(input: &[u8]) -> (Vec<String>, usize, u32) {
        let block = cut(input, 0..input.len(), 1000);
        let names = block.fields.iter().map(|f| format!("{}={}", String::from_utf8_lossy(f.name), f.text())).collect();
        (names, block.body, block.stray)
    }

    #[test]
    fn folds_envelope_lines_and_loose_colons_are_read() {
        let input = b"From x@y Mon\r\nSubject: a\r\n b\r\nTo : c\n\nbody";
        assert_eq!(names(input), (vec!["Subject=a b".into(), "To=c".into()], input.len() - 4, 0));
    }

    #[test]
    fn a_fold_that_lost_its_indent_stays_with_its_field() {
        let (names, _, stray) = names(b"Subject: a\r\nlost\r\nTo: c\r\n\r\nbody");
        assert_eq!((names, stray), (vec!["Subject=alost".into(), "To=c".into()], 1));
    }

    #[test]
    fn a_body_without_the_empty_line_is_still_a_body() {
        let (names, body, _) = names(b"Subject: a\nHello there\nsecond line\n");
        assert_eq!((names, body), (vec!["Subject=a".into()], 11));
    }

    #[test]
    fn text_without_a_header_is_a_body() {
        assert_eq!(names(b"Hello there\n\nsecond\n"), (vec![], 0, 1));
        assert_eq!(names(b"lost\nTo: c\n\nbody"), (vec!["To=c".into()], 12, 1));
    }

    /// As Python's `email` reads it.
    #[test]
    fn a_line_of_blanks_before_text_ends_the_header() {
        assert_eq!(names(b"Subject: a\n \nHello there\n \nsecond\n\nthird\n"), (vec!["Subject=a".into()], 13, 0));
        assert_eq!(
            names(b"Subject: a\r\n \r\n\t\r\nTo: c\r\n\r\nbody"),
            (vec!["Subject=a".into(), "To=c".into()], 27, 0)
        );
        assert_eq!(names(b"Subject: a\n \n b\n\nbody").0, ["Subject=a  b"]);
    }

    #[test]
    fn a_header_of_the_limit_passes_and_one_more_byte_does_not() {
        let input = format!("A: {}\n\n", "x".repeat(96));
        assert!(cut(input.as_bytes(), 0..input.len(), 100).over.is_none());
        assert_eq!(cut(input.as_bytes(), 0..input.len(), 99).over, Some(Over { limit: 99, value: 100 }));
        let many = "A: b\n".repeat(1001) + "\n";
        assert_eq!(cut(many.as_bytes(), 0..many.len(), 1 << 20).over, Some(Over { limit: 1000, value: 1001 }));
    }

    #[test]
    fn raw_text_in_a_header_is_decoded_before_it_is_cut() {
        let jis = cut(b"Subject: \x1B$BF|K\\\x1B(B\n\n", 0..20, 1000);
        assert_eq!(jis.fields[0].text(), "日本");
    }
}
