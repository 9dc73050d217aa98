//! Instructions of Word's fields (ECMA-376 part 1, section 17.16.5). The first word says what a field does; what follows are
//! words, quoted texts and switches.
//!
//! A field within another's instruction is run first, and what it gives becomes part of that instruction. So the first word must
//! stand in the text itself: else `QUOTE`, `SET` or `REF` could spell out `DDEAUTO` behind the back of whoever judges.

use super::super::value::is_word_char;
use super::FIELD_BYTES;
use crate::pages::Url;

/// Stands in an instruction where another field runs and gives its result: the object replacement character.
pub const NESTED: char = '\u{FFFC}';

/// Why a field may not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldRefused {
    /// It talks to another program.
    Dde,
    /// It takes in a file, a database or an object, or leads to an address that is not safe.
    External,
    /// It is not known to only show something of the document: a question, a macro, an add-in, a misspelling or none at all.
    Unknown,
}

/// Whether a field only shows something of its own document.
pub fn field(text: &str) -> bool {
    judge_field(text).is_ok()
}

/// Judges the whole instruction of a field, with [`NESTED`] where fields within it stand.
///
/// # Errors
///
/// Says why the field is refused.
pub fn judge_field(text: &str) -> Result<(), FieldRefused> {
    if text.len() > FIELD_BYTES || !text.chars().all(is_word_char) {
        return Err(FieldRefused::Unknown);
    }
    let text = text.trim_start();
    if text.starts_with('=') {
        return no_command(text);
    }
    let (word, arguments) = text.split_at(text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let word = word.to_ascii_uppercase();
    if DDE.contains(&word.as_str()) {
        return Err(FieldRefused::Dde);
    }
    if EXTERNAL.contains(&word.as_str()) {
        return Err(FieldRefused::External);
    }
    // `PAGE` and a field directly behind it would be another word.
    let ends = arguments.starts_with(|c: char| c.is_whitespace() || c == '\\' || is_quote(c)) || arguments.is_empty();
    if !ends || FIELDS.binary_search(&word.as_str()).is_err() {
        return Err(FieldRefused::Unknown);
    }
    match word.as_str() {
        "HYPERLINK" => link(arguments),
        // `QUOTE 68 68 69` gives the letters of those numbers.
        "QUOTE" if Arguments { rest: arguments }.any(|argument| argument.is_number()) => Err(FieldRefused::Dde),
        "COMPARE" | "IF" | "QUOTE" | "SET" => no_command(arguments),
        // Whatever may take the first word away from a program leaves it no command.
        _ => no_command(arguments),
    }
}

/// Refuses text that is to become part of other fields and holds the word of one that opens something.
fn no_command(text: &str) -> Result<(), FieldRefused> {
    for word in text.split(|c: char| !c.is_ascii_alphabetic()) {
        if DDE.iter().any(|dde| word.eq_ignore_ascii_case(dde)) {
            return Err(FieldRefused::Dde);
        }
        if word.eq_ignore_ascii_case("INCLUDETEXT") || word.eq_ignore_ascii_case("INCLUDEPICTURE") {
            return Err(FieldRefused::External);
        }
    }
    Ok(())
}

/// Section 17.16.5.25: a place of the document (`\l`), or one address.
fn link(text: &str) -> Result<(), FieldRefused> {
    // What a field within gives may have quotes of its own and be the address instead.
    if text.contains(NESTED) {
        return Err(FieldRefused::External);
    }
    let mut arguments = Arguments { rest: text };
    let mut target = false;
    while let Some(argument) = arguments.next() {
        match argument {
            Argument::Switch('l' | 'o' | 't' | '*', given) => {
                let value = if given.is_empty() { arguments.next() } else { Some(Argument::Text(given)) };
                if !matches!(value, Some(Argument::Text(_) | Argument::Quoted(_))) {
                    return Err(FieldRefused::Unknown);
                }
            }
            Argument::Switch('h' | 'm' | 'n' | 's', "") => {}
            Argument::Switch(..) => return Err(FieldRefused::Unknown),
            Argument::Text(_) | Argument::Quoted(_) if target => return Err(FieldRefused::External),
            Argument::Text(address) | Argument::Quoted(address) => {
                let inside = address.is_empty() || address.starts_with('#');
                if !inside && Url::rebuild(address).is_none() {
                    return Err(FieldRefused::External);
                }
                target = true;
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Argument<'a> {
    /// Up to a space.
    Text(&'a str),
    /// Between quotes, or from one to the end where the field is cut.
    Quoted(&'a str),
    /// A backslash, one character (in lower case) and what follows it without a space.
    Switch(char, &'a str),
}

impl Argument<'_> {
    fn is_number(&self) -> bool {
        matches!(self, Argument::Text(text) if text.starts_with(|c: char| c.is_ascii_digit()))
    }
}

struct Arguments<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Arguments<'a> {
    type Item = Argument<'a>;

    fn next(&mut self) -> Option<Argument<'a>> {
        let text = self.rest.trim_start();
        let first = text.chars().next()?;
        if is_quote(first) {
            let inside = text.get(first.len_utf8()..)?;
            let mut escaped = false;
            let end = inside.find(|c| {
                let ends = is_quote(c) && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let (quoted, rest) = inside.split_at(end.unwrap_or(inside.len()));
            self.rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..)?;
            return Some(Argument::Quoted(quoted));
        }
        let end = |c: char| c.is_whitespace() || is_quote(c);
        if let Some(switch) = text.strip_prefix('\\') {
            let name = switch.chars().next().unwrap_or(' ');
            let value = switch.get(name.len_utf8()..).unwrap_or_default();
            let (value, rest) = value.split_at(value.find(end).unwrap_or(value.len()));
            self.rest = rest;
            return Some(Argument::Switch(name.to_ascii_lowercase(), value));
        }
        let (word, rest) = text.split_at(text.find(end).unwrap_or(text.len()));
        self.rest = rest;
        Some(Argument::Text(word))
    }
}

/// Word takes typographic quotes for straight ones.
fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟')
}

const DDE: [&str; 2] = ["DDE", "DDEAUTO"];

/// Fields that take in what is not in the document.
const EXTERNAL: [&str; 11] = [
    "DATABASE",
    "EMBED",
    "HTMLCONTROL",
    "IMPORT",
    "INCLUDE",
    "INCLUDEPICTURE",
    "INCLUDETEXT",
    "LINK",
    "MERGEBARCODE",
    "OCX",
    "RD",
];

/// Fields that show, mark or compute something of the document, sorted: those of section 17.16.5 without the ones that open
/// files (`DATABASE`, `INCLUDETEXT`, `LINK`, `RD` …), ask the reader (`ASK`, `FILLIN`), start something (`GOTOBUTTON`,
/// `MACROBUTTON`, `PRINT`), step through data sources (`ADDRESSBLOCK`, `NEXT`, `SKIPIF` …) or take in text of templates
/// (`AUTOTEXT`); with `BIBLIOGRAPHY`, `CITATION`, `DISPLAYBARCODE` and `SHAPE` of later versions and `FTNREF` of earlier ones.
const FIELDS: [&str; 63] = [
    "ADVANCE",
    "AUTHOR",
    "AUTONUM",
    "AUTONUMLGL",
    "AUTONUMOUT",
    "BARCODE",
    "BIBLIOGRAPHY",
    "CITATION",
    "COMMENTS",
    "COMPARE",
    "CREATEDATE",
    "DATE",
    "DISPLAYBARCODE",
    "DOCPROPERTY",
    "DOCVARIABLE",
    "EDITTIME",
    "EQ",
    "FILENAME",
    "FILESIZE",
    "FORMCHECKBOX",
    "FORMDROPDOWN",
    "FORMTEXT",
    "FTNREF",
    "HYPERLINK",
    "IF",
    "INDEX",
    "INFO",
    "KEYWORDS",
    "LASTSAVEDBY",
    "LISTNUM",
    "MERGEFIELD",
    "MERGEREC",
    "MERGESEQ",
    "NOTEREF",
    "NUMCHARS",
    "NUMPAGES",
    "NUMWORDS",
    "PAGE",
    "PAGEREF",
    "PRINTDATE",
    "QUOTE",
    "REF",
    "REVNUM",
    "SAVEDATE",
    "SECTION",
    "SECTIONPAGES",
    "SEQ",
    "SET",
    "SHAPE",
    "STYLEREF",
    "SUBJECT",
    "SYMBOL",
    "TA",
    "TC",
    "TEMPLATE",
    "TIME",
    "TITLE",
    "TOA",
    "TOC",
    "USERADDRESS",
    "USERINITIALS",
    "USERNAME",
    "XE",
];
