//! Running text: white space collapsed, blocks apart, quotes and lists marked at the start of every line.

use unicode_width::UnicodeWidthChar;

/// Text being laid out: the document, or one table cell.
#[derive(Debug, Default)]
pub(super) struct Flow {
    out: String,
    /// Line ends to write before the next character.
    breaks: u8,
    /// Something stands on the current line.
    open_line: bool,
    /// White space waits for a next word: `Some(true)` when it held a line end.
    space: Option<bool>,
    last: Option<char>,
    pub(super) quotes: usize,
    lists: Vec<List>,
    /// The mark of an item whose text has not begun.
    bullet: Option<String>,
    /// Where the last line was begun, its end before it included, and where its text begins behind quote marks and bullet.
    line: (usize, usize),
    /// The last word is a mark of ours, behind which a full stop needs no blank.
    after_mark: bool,
}

/// A list, or another reason to indent.
#[derive(Debug, Clone, Copy)]
struct List {
    numbering: Numbering,
    next: i32,
    /// Columns that the lines of its items are indented by.
    indent: usize,
}

/// How the items of a list are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbering {
    /// A dot.
    Bullet,
    /// 1. 2. 3.
    Decimal,
    /// a. b. c.
    Lower,
    /// A. B. C.
    Upper,
    /// i. ii. iii.
    LowerRoman,
    /// I. II. III.
    UpperRoman,
    /// Nothing: what is inside is only indented.
    Indent,
}

impl Flow {
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// What was written since a position, without the marks of the line that began there.
    pub(super) fn since(&self, start: usize) -> &str {
        let (begun, text) = self.line;
        let start = if start == begun { text } else { start };
        self.out.get(start..).unwrap_or_default()
    }

    /// Puts a mark before what was written since a position, where letters or digits stand on both sides.
    pub(super) fn raise(&mut self, start: usize, mark: char) {
        let before = self.out.get(..start).and_then(|text| text.chars().next_back());
        let raised = self.out.get(start..).unwrap_or_default();
        let number = (1..=MAX_RAISED).contains(&raised.len())
            && raised.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '\u{2212}'));
        if number && before.is_some_and(|c| c.is_ascii_alphanumeric() || c == ')') {
            self.out.insert(start, mark);
        }
    }

    /// Text with HTML's white space rules, or exactly as it is.
    pub(super) fn text(&mut self, text: &str, preformatted: bool) {
        if preformatted {
            self.verbatim(text);
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.bytes().position(is_space).unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if !word.is_empty() {
                self.word(word);
            }
            let blank = after.bytes().position(|b| !is_space(b)).unwrap_or(after.len());
            let (blank, after) = after.split_at_checked(blank).unwrap_or((after, ""));
            if !blank.is_empty() && self.open_line {
                let line_end = blank.contains('\n');
                self.space = Some(self.space.map_or(line_end, |held| held || line_end));
            }
            rest = after;
        }
    }

    fn word(&mut self, word: &str) {
        let first = word.chars().next();
        let held = self.space.take();
        self.begin();
        let after_mark = std::mem::take(&mut self.after_mark);
        if let Some(line_end) = held
            // A source line broken inside Japanese text is no space to the reader.
            && !(line_end && self.last.is_some_and(is_wide) && first.is_some_and(is_wide))
            && !(after_mark && first.is_some_and(is_closing))
        {
            self.out.push(' ');
        }
        self.out.push_str(word);
        self.last = word.chars().next_back();
    }

    fn verbatim(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            let line = line.strip_suffix('\r').unwrap_or(line);
            if !line.is_empty() {
                self.begin();
                self.out.push_str(line);
                self.last = line.chars().next_back();
            }
        }
    }

    /// Writes what is due before the next character.
    fn begin(&mut self) {
        if self.open_line {
            return;
        }
        let begun = self.out.len();
        if !self.out.is_empty() {
            (0..self.breaks.max(1)).for_each(|n| {
                // A quote goes on over its blank lines.
                if n > 0 && self.quotes > 0 {
                    self.out.extend(std::iter::repeat_n("> ", self.quotes));
                }
                self.out.push('\n');
            });
        }
        self.breaks = 0;
        self.out.extend(std::iter::repeat_n("> ", self.quotes));
        let indent = self.lists.iter().fold(0, |sum: usize, list| sum.saturating_add(list.indent));
        match self.bullet.take() {
            Some(bullet) => {
                let own = self.lists.last().map_or(0, |list| list.indent);
                self.out.extend(std::iter::repeat_n(' ', indent.saturating_sub(own)));
                self.out.push_str(&bullet);
            }
            None => self.out.extend(std::iter::repeat_n(' ', indent)),
        }
        self.line = (begun, self.out.len());
        self.open_line = true;
        self.last = None;
        self.space = None;
    }

    /// `<br>`: ends the line, or leaves one empty.
    pub(super) fn line_break(&mut self) {
        if self.open_line {
            self.breaks = self.breaks.max(1);
        } else {
            self.breaks = self.breaks.saturating_add(1).min(MAX_BREAKS);
        }
        self.close_line();
    }

    /// The start or end of a block, with this many line ends at least.
    pub(super) fn block(&mut self, breaks: u8) {
        self.breaks = self.breaks.max(breaks);
        self.close_line();
    }

    fn close_line(&mut self) {
        self.open_line = false;
        self.space = None;
    }

    /// A mark or word of ours, set apart from its neighbours where they are letters.
    pub(super) fn mark(&mut self, text: &str) {
        if self.open_line && self.space.is_none() && self.last.is_some_and(|c| !c.is_whitespace()) {
            self.space = Some(false);
        }
        self.word(text);
        self.space = Some(false);
        self.after_mark = true;
    }

    /// Ends what began with a mark, or takes the mark back where nothing stands behind it.
    pub(super) fn close_mark(&mut self, mark: &str, end: char) {
        if self.out.ends_with(mark) {
            self.out.truncate(self.out.len().saturating_sub(mark.len()));
            self.last = self.out.chars().next_back();
            return;
        }
        self.space = None;
        self.begin();
        self.out.push(end);
        self.last = Some(end);
        self.space = Some(false);
    }

    /// Finished lines (a table) as a block of their own.
    pub(super) fn lines(&mut self, text: &str) {
        self.block(1);
        for line in text.split('\n') {
            if line.trim().is_empty() {
                self.line_break();
            } else {
                self.begin();
                self.out.push_str(line);
                self.block(1);
            }
        }
    }

    pub(super) fn list_start(&mut self, numbering: Numbering, first: i32) {
        // Deeper ones are counted, so that their ends match, and indent no more.
        let indent = match numbering {
            _ if self.lists.len() >= MAX_LISTS => 0,
            Numbering::Bullet | Numbering::Indent => 2,
            _ => 3,
        };
        self.lists.push(List { numbering, next: first, indent });
    }

    pub(super) fn list_end(&mut self) {
        self.lists.pop();
        self.bullet = None;
    }

    /// The start of an item, with a number of its own where it has one.
    pub(super) fn item(&mut self, value: Option<i32>) {
        let Some(list) = self.lists.last_mut() else {
            self.bullet = Some(BULLET.to_owned());
            return;
        };
        let number = value.unwrap_or(list.next);
        list.next = number.saturating_add(1);
        self.bullet = Some(match list.numbering {
            Numbering::Bullet | Numbering::Indent => BULLET.to_owned(),
            Numbering::Decimal => format!("{number}. "),
            Numbering::Lower => format!("{}. ", letters(number).to_ascii_lowercase()),
            Numbering::Upper => format!("{}. ", letters(number)),
            Numbering::LowerRoman => format!("{}. ", roman(number).to_ascii_lowercase()),
            Numbering::UpperRoman => format!("{}. ", roman(number)),
        });
    }

    /// An item that held no text leaves no mark.
    pub(super) fn item_end(&mut self) {
        self.bullet = None;
    }

    pub(super) fn heading(&mut self) {
        self.bullet = Some("■ ".to_owned());
    }

    /// The text without blanks at line ends and without more than two empty lines in a row.
    pub(super) fn finish(self) -> String {
        let mut tidy = String::with_capacity(self.out.len());
        let mut empty: u8 = 0;
        for line in self.out.split('\n') {
            let line = line.trim_end_matches(is_filler);
            if line.is_empty() {
                empty = empty.saturating_add(1);
                continue;
            }
            if !tidy.is_empty() {
                tidy.extend(std::iter::repeat_n('\n', usize::from(empty.min(MAX_BREAKS - 1)).saturating_add(1)));
            }
            empty = 0;
            if line.contains('\u{A0}') {
                tidy.extend(line.chars().map(|c| if c == '\u{A0}' { ' ' } else { c }));
            } else {
                tidy.push_str(line);
            }
        }
        tidy
    }
}

/// Characters newsletters pad their hidden first line with.
fn is_filler(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{AD}' | '\u{34F}' | '\u{200B}'..='\u{200D}' | '\u{2007}' | '\u{FEFF}')
}

/// Punctuation that stands directly behind a word.
fn is_closing(c: char) -> bool {
    matches!(
        c,
        '>' | '.'
            | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | ')'
            | ']'
            | '、'
            | '。'
            | '，'
            | '．'
            | '）'
            | '」'
            | '』'
            | '】'
            | '！'
            | '？'
    )
}

/// A, B, … Z, AA, AB.
fn letters(number: i32) -> String {
    let Some(mut rest) = u32::try_from(number).ok().filter(|number| *number > 0) else { return number.to_string() };
    let mut reversed = String::new();
    while rest > 0 {
        let digit = (rest - 1) % 26;
        reversed.extend(char::from_u32(u32::from(b'A').saturating_add(digit)));
        rest = (rest - 1) / 26;
    }
    reversed.chars().rev().collect()
}

fn roman(number: i32) -> String {
    let Some(mut rest) = u32::try_from(number).ok().filter(|number| (1..4_000).contains(number)) else {
        return number.to_string();
    };
    let mut out = String::new();
    for (value, digits) in ROMAN {
        while rest >= value {
            out.push_str(digits);
            rest = rest.saturating_sub(value);
        }
    }
    out
}

const ROMAN: [(u32, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

const BULLET: &str = "・";

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0C)
}

fn is_wide(c: char) -> bool {
    c.width() == Some(2)
}

const MAX_BREAKS: u8 = 3;
/// Bytes of an exponent.
const MAX_RAISED: usize = 12;
/// Indents written; lists nested deeper are flat from there.
const MAX_LISTS: usize = 12;
