//! Formulas of spreadsheets (ECMA-376 part 1, section 18.17) as the XML stores them: in cells, names, validations, conditional
//! formats and charts, and the cell ranges between spaces of `sqref`.
//!
//! A text passes if it reads as operands and operators throughout, refers to nothing but its own workbook and calls only
//! [functions](super::functions) that compute. So that no other program can read a second meaning into it, what does not read
//! is refused, not skipped.

use std::borrow::Cow;
use std::cell::Cell;

use super::super::value::is_word_char;
use super::functions;
use crate::pages::Url;

/// The most characters of a formula (Excel's own limit).
pub const FORMULA_CHARS: usize = 8_192;

/// The most parentheses, calls and arrays inside one another. Excel's limit is 64 calls; parentheses come on top.
const DEPTH: usize = 256;

/// Why a formula may not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It refers to another workbook, a file or an address.
    External,
    /// It talks to another program: `application|topic!item`.
    Dde,
    /// It calls a function that is not one of those which only compute, such as `WEBSERVICE` or one of a macro.
    Function,
    /// It is no formula, is too long or too deep.
    Malformed,
}

/// Whether a formula computes from its own document only.
pub fn formula(text: &str) -> bool {
    judge(text).is_ok()
}

/// Judges a formula; the empty one, of cells that share another's, is good.
///
/// # Errors
///
/// Says what is wrong with the first thing that is.
pub fn judge(text: &str) -> Result<(), Refused> {
    let too_long =
        text.len() > FORMULA_CHARS && (text.len() / 4 > FORMULA_CHARS || text.chars().count() > FORMULA_CHARS);
    let is_ascii = || text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let is_word = || is_ascii() || text.chars().all(|c| is_word_char(c) || c == '\r');
    if too_long || !is_word() || !escapes(text).all(is_plain_escape) {
        return Err(Refused::Malformed);
    }
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        return Ok(());
    }
    Reader::new(text, None).read()
}

/// Whether a formula refers to a sheet of which `is_sought` says so, by its own name or as the first or last of several
/// (`First:Last!A1`). Of what is no formula, nothing is said.
pub fn refers_to(text: &str, is_sought: &dyn Fn(&str) -> bool) -> bool {
    mentions(text, &|mention| matches!(mention, Mention::Sheet(sheet) if is_sought(sheet)))
}

/// Whether a formula calls a function or passes it on. `function` is in capitals and without the prefixes of later additions. Of what
/// is no formula, nothing is said.
pub fn calls(text: &str, function: &str) -> bool {
    mentions(text, &|mention| matches!(mention, Mention::Function(name) if name == function))
}

fn mentions(text: &str, is_sought: &dyn Fn(Mention<'_>) -> bool) -> bool {
    let found = Cell::new(false);
    let look = |mention: Mention<'_>| found.set(found.get() || is_sought(mention));
    let read = Reader::new(text.trim_matches(is_space), Some(&look)).read();
    read.is_ok() && found.get()
}

/// What an opening bracket belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// A parenthesis, maybe around a union of ranges.
    Group,
    /// The arguments of a function.
    Call,
    /// `{1,2;3,4}`: constants only.
    Array,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value.
    Operand,
    /// A value or, as a call may leave out arguments, nothing.
    Argument,
    /// An operator, behind a value.
    Operator,
    /// An operator or, behind a closing parenthesis, arguments for what it gave: `LAMBDA(x,x+1)(2)`.
    Call,
}

/// What a formula names.
#[derive(Clone, Copy)]
enum Mention<'a> {
    Sheet(&'a str),
    /// In capitals, without the prefixes of later additions.
    Function(&'a str),
}

struct Reader<'a, 'l> {
    rest: &'a str,
    open: Vec<Open>,
    state: State,
    /// Is told the name of each sheet and function.
    look: Option<&'l dyn Fn(Mention<'_>)>,
    /// A name that a colon follows, which may be the first of several sheets.
    first: &'a str,
}

impl<'a, 'l> Reader<'a, 'l> {
    fn new(text: &'a str, look: Option<&'l dyn Fn(Mention<'_>)>) -> Reader<'a, 'l> {
        let rest = text.strip_prefix('=').unwrap_or(text);
        Reader { rest, open: Vec::new(), state: State::Operand, look, first: "" }
    }

    /// Tells of a sheet as a formula names it without quotes, or between them.
    fn tell(&self, sheet: &str) {
        let Some(look) = self.look else { return };
        for name in sheet.split(':') {
            look(Mention::Sheet(&name.replace("''", "'")));
        }
    }

    fn read(mut self) -> Result<(), Refused> {
        loop {
            let trimmed = self.rest.trim_start_matches(is_space);
            // A space between two references is an operator: what both have in common.
            let spaced = trimmed.len() != self.rest.len() && self.open.last() != Some(&Open::Array);
            self.rest = trimmed;
            let behind_value = matches!(self.state, State::Operator | State::Call);
            let Some(c) = self.rest.chars().next() else {
                return if self.open.is_empty() && behind_value { Ok(()) } else { Err(Refused::Malformed) };
            };
            match c {
                '|' | '｜' => return Err(Refused::Dde),
                _ if behind_value && self.operator(c, spaced) => {}
                '(' if self.state == State::Call => self.enter(Open::Call)?,
                // `a!b!c` and `Table[x]!y` name something in something else than a sheet.
                '!' | '[' if behind_value && !spaced => return Err(Refused::External),
                _ if behind_value && !spaced => return Err(Refused::Malformed),
                '(' => self.enter(Open::Group)?,
                _ => self.operand(c)?,
            }
        }
    }

    /// Takes an operator, comma or closing bracket that may follow a value.
    fn operator(&mut self, c: char, spaced: bool) -> bool {
        let top = self.open.last().copied();
        let width = match c {
            _ if top == Some(Open::Array) && !matches!(c, ',' | ';' | '}') => return false,
            '<' if self.rest.starts_with("<>") || self.rest.starts_with("<=") => 2,
            '>' if self.rest.starts_with(">=") => 2,
            '+' | '-' | '*' | '/' | '^' | '&' | '=' | '<' | '>' | ':' | ',' => 1,
            ';' if top == Some(Open::Array) => 1,
            '%' => return self.skip(1),
            // The whole result that spills from a cell (`A1#`).
            '#' if !spaced => return self.skip(1),
            ')' if matches!(top, Some(Open::Group | Open::Call)) => return self.leave(State::Call),
            '}' if top == Some(Open::Array) => return self.leave(State::Operator),
            _ => return false,
        };
        self.state = if c == ',' && top == Some(Open::Call) { State::Argument } else { State::Operand };
        self.skip(width)
    }

    fn operand(&mut self, c: char) -> Result<(), Refused> {
        let constant = self.open.last() == Some(&Open::Array);
        match c {
            '+' | '-' => return self.sign(),
            '@' if !constant => return self.sign(),
            ',' if self.state == State::Argument => {
                self.skip(1);
                return Ok(());
            }
            ')' if self.state == State::Argument => {
                self.leave(State::Call);
                return Ok(());
            }
            '{' => return self.enter(Open::Array),
            // `http://…` and the like.
            '/' => return Err(Refused::External),
            '"' => {
                quoted(&mut self.rest, '"').ok_or(Refused::Malformed)?;
            }
            '#' => self.error()?,
            '\'' => {
                let sheet = quoted(&mut self.rest, '\'').ok_or(Refused::Malformed)?;
                let sheet = sheet.strip_prefix("[0]").unwrap_or(sheet);
                if sheet.contains(['|', '｜']) {
                    return Err(Refused::Dde);
                }
                if sheet.contains(['[', ']', '\\', '/', '?', '*']) || is_book(sheet) {
                    return Err(Refused::External);
                }
                if sheet.is_empty() || !self.rest.starts_with('!') {
                    return Err(Refused::Malformed);
                }
                self.tell(sheet);
                self.in_sheet()?;
            }
            '[' => self.bracket()?,
            '!' => self.in_sheet()?,
            c if is_name(c) => return self.word(constant),
            _ => return Err(Refused::Malformed),
        }
        self.state = State::Operator;
        Ok(())
    }

    /// A sign before a value, or the one that takes one value out of many (`@`).
    fn sign(&mut self) -> Result<(), Refused> {
        self.state = State::Operand;
        self.skip(1);
        Ok(())
    }

    /// A number, reference, name or function.
    fn word(&mut self, constant: bool) -> Result<(), Refused> {
        self.state = State::Operator;
        let word = self.take_while(is_name);
        let has_underscore = word.bytes().any(|byte| byte == b'_');
        if has_underscore && escapes(word).next().is_some() {
            return Err(Refused::Malformed);
        }
        if self.rest.starts_with('!') {
            if word.contains('\\') || is_book(word) || constant {
                return Err(Refused::External);
            }
            self.tell(self.first);
            self.tell(word);
            return self.in_sheet();
        }
        self.first = if self.rest.starts_with(':') { word } else { "" };
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number(word);
        }
        if constant {
            let truth = word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE");
            return if truth { Ok(()) } else { Err(Refused::Malformed) };
        }
        let behind = self.rest.trim_start_matches(is_space);
        // Nearly all words are references in capitals.
        let name = match word.bytes().any(|byte| byte.is_ascii_lowercase()) {
            true => Cow::Owned(word.to_ascii_uppercase()),
            false => Cow::Borrowed(word),
        };
        let is_passed = has_underscore && name.contains("_XLETA.");
        if let Some(look) = self.look.filter(|_| behind.starts_with('(') || is_passed) {
            look(Mention::Function(bare(&name)));
        }
        if let Some(argument) = behind.strip_prefix('(') {
            if !is_function(&name) {
                return Err(Refused::Function);
            }
            if bare(&name) == "HYPERLINK" && !is_link(argument.trim_start_matches(is_space)) {
                return Err(Refused::External);
            }
            self.rest = behind;
            return self.enter(Open::Call);
        }
        // A function may be passed on as a value: `MAP(A1:A9,_xleta.LEN)`.
        let passed = bare(&name);
        let is_impure = || !functions::is_pure(passed) || passed == "HYPERLINK";
        if UNCALLED.contains(&passed) || is_passed && is_impure() {
            return Err(Refused::Function);
        }
        if self.rest.starts_with('[') { self.columns() } else { Ok(()) }
    }

    /// The rest of a number: only its exponent can have a sign, at which the word ended.
    fn number(&mut self, word: &str) -> Result<(), Refused> {
        let (mantissa, exponent) = word.split_once(['e', 'E']).map_or((word, None), |(m, e)| (m, Some(e)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let good =
            (digits(whole) || digits(part)) && (whole.is_empty() || digits(whole)) && (part.is_empty() || digits(part));
        let scaled = match exponent {
            None => true,
            Some("") if self.rest.starts_with(['+', '-']) => {
                self.skip(1);
                digits(self.take_while(|c| c.is_ascii_digit()))
            }
            Some(exponent) => digits(exponent),
        };
        if good && scaled { Ok(()) } else { Err(Refused::Malformed) }
    }

    /// What follows a sheet's name: a reference, a name or a lost reference.
    fn in_sheet(&mut self) -> Result<(), Refused> {
        self.skip(1);
        if self.rest.starts_with('#') {
            return self.error();
        }
        let word = self.take_while(is_name);
        let behind = self.rest.trim_start_matches(is_space);
        match behind.chars().next() {
            _ if word.is_empty() => Err(Refused::Malformed),
            Some('(') => Err(Refused::Function),
            Some('!') => Err(Refused::External),
            Some('[') if self.rest.starts_with('[') => self.columns(),
            _ => Ok(()),
        }
    }

    /// An error such as `#N/A`. `#REF!` may stand for a lost sheet, cell or both.
    fn error(&mut self) -> Result<(), Refused> {
        const LOST: &str = "#REF!";
        if let Some(rest) = self.rest.strip_prefix(LOST) {
            self.rest = rest.strip_prefix(LOST).unwrap_or(rest);
            self.take_while(is_name);
            let called = self.rest.trim_start_matches(is_space).starts_with('(');
            return if called { Err(Refused::Function) } else { Ok(()) };
        }
        let error = ERRORS.iter().find(|error| self.rest.starts_with(**error)).ok_or(Refused::Malformed)?;
        self.skip(error.len());
        Ok(())
    }

    /// A bracket that no table's name precedes: the columns of the table it stands in, `[0]!name` for the own workbook, or the
    /// number or name of another.
    fn bracket(&mut self) -> Result<(), Refused> {
        if self.rest.starts_with("[0]!") {
            self.skip(3);
            return self.in_sheet();
        }
        let is_marked = ["[@", "[#", "[["].iter().any(|start| self.rest.starts_with(start));
        if let Err(refused) = self.columns() {
            return Err(if is_marked || refused == Refused::Dde { refused } else { Refused::External });
        }
        // `[列1]` alone, as Excel's templates of 2007 and generators have it, is a column of the table around; before anything that
        // could be a sheet or name in it, a book.
        let behind = self.rest.trim_start_matches(is_space);
        let is_book = !is_marked && behind.starts_with(|c: char| is_name(c) || matches!(c, '!' | '\'' | '[' | '#'));
        if is_book { Err(Refused::External) } else { Ok(()) }
    }

    /// The columns of a table (section 18.17.6): `[a]`, `[[#This Row],[a]:[b]]`. An apostrophe takes the next sign as it is.
    fn columns(&mut self) -> Result<(), Refused> {
        let mut depth = 0_u8;
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    chars.next();
                }
                '[' if depth == 2 => return Err(Refused::Malformed),
                // Legal in a column's name, but nothing here may look like DDE to any reader.
                '|' => return Err(Refused::Dde),
                '[' => depth = depth.saturating_add(1),
                ']' if depth == 1 => {
                    self.skip(at.saturating_add(1));
                    // `\\host\[book]sheet!a`
                    let book = self.rest.starts_with(|c: char| is_name(c) || c == '!');
                    return if book { Err(Refused::External) } else { Ok(()) };
                }
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Err(Refused::Malformed)
    }

    fn enter(&mut self, open: Open) -> Result<(), Refused> {
        if self.open.len() >= DEPTH || self.open.last() == Some(&Open::Array) {
            return Err(Refused::Malformed);
        }
        self.open.push(open);
        self.state = if open == Open::Call { State::Argument } else { State::Operand };
        self.skip(1);
        Ok(())
    }

    fn leave(&mut self, state: State) -> bool {
        self.open.pop();
        self.state = state;
        self.skip(1)
    }

    fn skip(&mut self, bytes: usize) -> bool {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        true
    }

    fn take_while(&mut self, good: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !good(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

/// The inside of a text between quotes, which are doubled inside it; none without an end.
fn quoted<'a>(rest: &mut &'a str, quote: char) -> Option<&'a str> {
    let inside = rest.strip_prefix(quote)?;
    let mut chars = inside.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            let (text, end) = inside.split_at(at);
            *rest = end.strip_prefix(quote)?;
            return Some(text);
        }
    }
    None
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The characters that are written by their number in the text, as `_x000D_` (section 22.9.2.19, `ST_Xstring`).
fn escapes(text: &str) -> impl Iterator<Item = u32> {
    text.match_indices('_').filter_map(|(at, _)| {
        let escape = text
            .get(at..at.checked_add(7)?)
            .filter(|escape| escape.get(1..2).is_some_and(|x| x.eq_ignore_ascii_case("x")))?;
        let digits = escape.get(2..6)?;
        let hexadecimal = escape.ends_with('_') && digits.bytes().all(|b| b.is_ascii_hexdigit());
        hexadecimal.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    })
}

/// Whether it cannot end a text or mean something outside one: a line end, a tab, or the underscore that keeps a text which
/// looks like an escape from being one. A `|` or `"` written so would be read by Excel and by nobody who judges.
fn is_plain_escape(number: u32) -> bool {
    matches!(number, 0x09 | 0x0A | 0x0D | 0x5F)
}

/// What names, references, numbers and unquoted sheets are made of. Beyond ASCII everything is: Excel keeps even full-width
/// parentheses in the names of `LET`.
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$' | '?' | '\\') || !c.is_ascii() && c != '｜'
}

/// Whether what stands before `!` is the file name of another workbook; Excel takes `Book.xlsx!name` as such.
fn is_book(sheet: &str) -> bool {
    let ending = sheet.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    ending.starts_with("xl") && ending.len() <= 4 || ending == "ods"
}

fn bare(mut name: &str) -> &str {
    // "Future functions" ([MS-XLSX] section 2.2.2): later than the format, on sheets only, unknown to who wrote it, passed on.
    const PREFIXES: [&str; 4] = ["_XLFN.", "_XLUDF.", "_XLWS.", "_XLETA."];
    if !name.starts_with('_') {
        return name;
    }
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

fn is_function(name: &str) -> bool {
    // A parameter of LET or LAMBDA may be a function of the same formula.
    name.starts_with("_XLPM.") || functions::is_pure(bare(name))
}

/// Whether a link of `HYPERLINK` leads to a place of the workbook or to a fixed safe address. `"#"&…` stays within, whatever
/// follows; `"https://host/?"&A1` would carry what the sheet holds to whoever made it.
fn is_link(argument: &str) -> bool {
    let mut rest = argument;
    let Some(text) = quoted(&mut rest, '"') else { return false };
    let whole = rest.trim_start_matches(is_space).starts_with([',', ')']);
    text.starts_with('#') || whole && Url::rebuild(text).is_some()
}

/// Functions that load something and so may not even be passed on; as names of cells they are rare enough.
const UNCALLED: [&str; 8] =
    ["COPILOT", "DETECTLANGUAGE", "IMAGE", "IMPORTCSV", "IMPORTTEXT", "STOCKHISTORY", "TRANSLATE", "WEBSERVICE"];

/// Errors as constants (section 18.17.2.3) and Excel's later ones; `#REF!` is read apart.
const ERRORS: [&str; 16] = [
    "#BLOCKED!",
    "#BUSY!",
    "#CALC!",
    "#CONNECT!",
    "#DIV/0!",
    "#EXTERNAL!",
    "#FIELD!",
    "#GETTING_DATA",
    "#N/A",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#PYTHON!",
    "#SPILL!",
    "#UNKNOWN!",
    "#VALUE!",
];
