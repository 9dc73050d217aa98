//! RFC 4180 rows out of decoded text, with the deviations that real programs write.

use std::borrow::Cow;

/// The rows of a table, read in one pass; cost is linear in the text whatever the quotes do.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    delimiter: u8,
    /// A quote was never closed: from here on a quoted cell ends with its line.
    one_line_quotes: bool,
}

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// The cells, without their quotes.
    pub(super) cells: Vec<Cow<'a, str>>,
    /// A quote was missing or stood in the wrong place.
    pub(super) repaired: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, delimiter: u8) -> Reader<'a> {
        Reader { text, at: 0, delimiter, one_line_quotes: false }
    }

    /// The next row, or nothing at the end. A line end after the last row begins no further one. A row that passes
    /// `max_cells` is cut there: the caller refuses it, and a line of nothing but delimiters costs no more than that.
    pub(super) fn next_row(&mut self, max_cells: u64) -> Option<Row<'a>> {
        if self.at >= self.text.len() {
            return None;
        }
        let mut row = Row { cells: Vec::new(), repaired: false };
        let mut quotes_count = true;
        loop {
            row.cells.push(self.cell(&mut quotes_count, &mut row.repaired));
            if u64::try_from(row.cells.len()).is_ok_and(|cells| cells > max_cells) {
                return Some(row);
            }
            match self.peek() {
                Some(byte) if byte == self.delimiter => self.at = self.at.saturating_add(1),
                Some(b'\r') => {
                    self.at = self.at.saturating_add(1);
                    if self.peek() == Some(b'\n') {
                        self.at = self.at.saturating_add(1);
                    }
                    return Some(row);
                }
                Some(_) => {
                    self.at = self.at.saturating_add(1);
                    return Some(row);
                }
                None => return Some(row),
            }
        }
    }

    fn cell(&mut self, quotes_count: &mut bool, repaired: &mut bool) -> Cow<'a, str> {
        if self.peek() != Some(b'"') || !*quotes_count {
            return Cow::Borrowed(self.plain());
        }
        let start = self.at;
        if let Some(cell) = self.quoted(repaired) {
            return cell;
        }
        // The quote is never closed. Reading it as a plain character costs one line; every further quote of this line is
        // read so too, and later lines are not searched again to the end of the file.
        self.at = start;
        self.one_line_quotes = true;
        *quotes_count = false;
        *repaired = true;
        Cow::Borrowed(self.plain())
    }

    /// Up to the next delimiter or line end.
    fn plain(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.bytes().position(|b| b == self.delimiter || b == b'\r' || b == b'\n').unwrap_or(rest.len());
        self.at = self.at.saturating_add(len);
        rest.get(..len).unwrap_or_default()
    }

    fn quoted(&mut self, repaired: &mut bool) -> Option<Cow<'a, str>> {
        self.at = self.at.saturating_add(1);
        let mut cell = Cow::Borrowed("");
        loop {
            let rest = self.text.get(self.at..)?;
            let len = rest.bytes().position(|b| b == b'"' || (self.one_line_quotes && (b == b'\r' || b == b'\n')))?;
            append(&mut cell, rest.get(..len)?);
            if rest.as_bytes().get(len) != Some(&b'"') {
                return None;
            }
            self.at = self.at.checked_add(len)?.checked_add(1)?;
            match self.peek() {
                Some(b'"') => {
                    append(&mut cell, "\"");
                    self.at = self.at.saturating_add(1);
                }
                None | Some(b'\r' | b'\n') => return Some(cell),
                Some(byte) if byte == self.delimiter => return Some(cell),
                // "12"" monitor: text goes on behind the closing quote.
                Some(_) => {
                    *repaired = true;
                    append(&mut cell, "\"");
                    let tail = self.plain();
                    append(&mut cell, tail);
                    return Some(cell);
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn append<'a>(cell: &mut Cow<'a, str>, more: &'a str) {
    if cell.is_empty() {
        *cell = Cow::Borrowed(more);
    } else if !more.is_empty() {
        cell.to_mut().push_str(more);
    }
}

/// The delimiter under which the first rows have the steadiest number of cells, or nothing when none parts them at all.
pub(super) fn sniff(text: &str) -> Option<u8> {
    let head = head_of(text);
    DELIMITERS
        .into_iter()
        .filter_map(|delimiter| Some((steadiness(head, delimiter)?, delimiter)))
        // On a tie the first of the list wins, which `max_by_key` over the reversed order gives.
        .rev()
        .max_by_key(|(steadiness, _)| *steadiness)
        .map(|(_, delimiter)| delimiter)
}

/// The delimiter that Excel's own first line announces, and the text behind that line.
pub(super) fn announced(text: &str) -> Option<(u8, &str)> {
    let rest = text.strip_prefix("sep=")?;
    let (delimiter, rest) = rest.split_at_checked(1)?;
    let delimiter = *delimiter.as_bytes().first()?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).or_else(|| rest.strip_prefix('\r'))?;
    DELIMITERS.contains(&delimiter).then_some((delimiter, rest))
}

/// Rows with the commonest number of cells (in thousandths of all), then that number.
fn steadiness(head: &str, delimiter: u8) -> Option<(usize, usize)> {
    let mut reader = Reader::new(head, delimiter);
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    let mut rows = 0_usize;
    while rows < SNIFFED_ROWS
        && let Some(row) = reader.next_row(MAX_SNIFFED_CELLS)
    {
        if row.cells.len() == 1 && row.cells.first().is_some_and(|cell| cell.trim().is_empty()) {
            continue;
        }
        rows = rows.saturating_add(1);
        *counts.entry(row.cells.len()).or_default() += 1;
    }
    let (cells, often) =
        counts.into_iter().filter(|(cells, _)| *cells > 1).max_by_key(|(cells, often)| (*often, *cells))?;
    Some((often.saturating_mul(1000).checked_div(rows)?, cells))
}

/// Whole lines from the beginning, enough to judge by.
fn head_of(text: &str) -> &str {
    let mut end = SNIFFED_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let head = text.get(..end).unwrap_or_default();
    if end == text.len() {
        return head;
    }
    head.rfind('\n').and_then(|at| head.get(..=at)).unwrap_or(head)
}

/// The delimiters that spreadsheets write, the likeliest first.
pub(super) const DELIMITERS: [u8; 3] = [b',', b'\t', b';'];
const SNIFFED_BYTES: usize = 64 * 1024;
const SNIFFED_ROWS: usize = 200;
const MAX_SNIFFED_CELLS: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        let mut reader = Reader::new(text, b',');
        std::iter::from_fn(|| reader.next_row(u64::MAX))
            .map(|row| row.cells.iter().map(ToString::to_string).collect())
            .collect()
    }

    fn check(text: &str, expect: &[&[&str]]) {
        assert_eq!(rows(text), expect, "{text:?}");
    }

    #[test]
    fn the_examples_of_rfc_4180_are_read_as_it_says() {
        check("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", &[&["aaa", "bbb", "ccc"], &["zzz", "yyy", "xxx"]]);
        check("aaa,bbb,ccc\r\nzzz,yyy,xxx", &[&["aaa", "bbb", "ccc"], &["zzz", "yyy", "xxx"]]);
        check("\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx", &[&["aaa", "b \r\nbb", "ccc"], &["zzz", "yyy", "xxx"]]);
        check("\"aaa\",\"b\"\"bb\",\"ccc\"", &[&["aaa", "b\"bb", "ccc"]]);
    }

    #[test]
    fn empty_cells_and_lines_stay() {
        check("a,,\n\n,b\n", &[&["a", "", ""], &[""], &["", "b"]]);
        check("\"\",\"\"\"\"\n", &[&["", "\""]]);
        check("a\rb\r", &[&["a"], &["b"]]);
        check("", &[]);
    }

    #[test]
    fn broken_quotes_lose_no_text_and_say_so() {
        check("\"open,b\nc,d\n", &[&["\"open", "b"], &["c", "d"]]);
        check("\"12\" monitor,x\n", &[&["12\" monitor", "x"]]);
        check("a \"b\" c,d\n", &[&["a \"b\" c", "d"]]);
        let mut reader = Reader::new("\"open", b',');
        assert!(reader.next_row(u64::MAX).unwrap().repaired);
    }

    #[test]
    fn half_a_million_misplaced_quotes_are_read_in_linear_time() {
        let text = "\"a,".repeat(500_000) + "\n" + &"\"x,y\n".repeat(100_000);
        let begun = std::time::Instant::now();
        assert!(rows(&text).len() > 1);
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn delimiters_are_found_by_steady_rows() {
        assert_eq!(sniff("a,b\n1,2\n"), Some(b','));
        assert_eq!(sniff("氏名\t住所\n山田\t東京都,千代田区\n佐藤\t大阪府\n"), Some(b'\t'));
        assert_eq!(sniff("a;b;c\n1,5;2,5;3\n2,0;1,1;4\n"), Some(b';'));
        assert_eq!(sniff("\"a;b\",c\n\"d;e;f\",g\n"), Some(b','));
        assert_eq!(sniff("one\ntwo\n"), None);
        assert_eq!(announced("sep=;\r\na;b"), Some((b';', "a;b")));
        assert_eq!(announced("sep=|\r\na|b"), None);
    }
}
