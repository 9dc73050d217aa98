//! RTF to text, for bodies of messages: characters, line ends and tabs; pictures, tables of fonts and all other destinations are left
//! out. Where the RTF only wraps HTML, the HTML comes out.

use crate::charset;

/// The text of an RTF.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) text: String,
    /// It is HTML.
    pub(super) html: bool,
}

/// Reads an RTF; anything that is none gives what can be made of it.
pub(super) fn read(rtf: &[u8], codepage: u16) -> Read {
    let mut reader = Reader {
        out: Read::default(),
        states: Vec::new(),
        state: State { skip: false, tag: false, fallback: 1, codepage },
        hidden: false,
        pending: 0,
        bytes: Vec::new(),
        fresh: false,
        fonts: Vec::new(),
        default: codepage,
        font: None,
        too_deep: 0,
        surrogate: None,
    };
    reader.run(rtf);
    reader.flush();
    let Read { text, html } = reader.out;
    Read { text: if html { text } else { text.trim_end().to_owned() }, html }
}

#[derive(Clone, Copy)]
struct State {
    /// In a destination that holds no text.
    skip: bool,
    /// In `\*\htmltag`, whose text is HTML.
    tag: bool,
    /// Characters that stand behind `\u` for readers without Unicode.
    fallback: u16,
    codepage: u16,
}

struct Reader {
    out: Read,
    states: Vec<State>,
    state: State,
    /// Between `\htmlrtf` and `\htmlrtf0`.
    hidden: bool,
    /// Characters still to be left out after `\u`.
    pending: u16,
    /// Bytes of the code page that are not decoded yet.
    bytes: Vec<u8>,
    /// A group has just begun.
    fresh: bool,
    fonts: Vec<(i32, u16)>,
    default: u16,
    /// The font that the table of fonts is describing.
    font: Option<i32>,
    too_deep: usize,
    surrogate: Option<u16>,
}

impl Reader {
    fn run(&mut self, rtf: &[u8]) {
        let mut rest = rtf;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match byte {
                b'{' => {
                    self.flush();
                    if self.states.len() < MAX_GROUPS {
                        self.states.push(self.state)
                    } else {
                        self.too_deep += 1
                    }
                    self.fresh = true;
                    continue;
                }
                b'}' => {
                    self.flush();
                    self.pending = 0;
                    if self.too_deep > 0 {
                        self.too_deep -= 1;
                    } else if let Some(state) = self.states.pop() {
                        self.state = state;
                    }
                }
                b'\\' => rest = self.escape(rest),
                b'\r' | b'\n' | 0 => {}
                _ => self.byte(byte),
            }
            self.fresh = false;
        }
    }

    /// What stands behind a backslash.
    fn escape<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let Some((&first, tail)) = rest.split_first() else { return rest };
        if first == b'\'' {
            let digit = |at: usize| tail.get(at).and_then(|byte| crate::mail::transfer::hex(*byte));
            if let (Some(high), Some(low)) = (digit(0), digit(1)) {
                self.byte(high << 4 | low);
                return tail.get(2..).unwrap_or_default();
            }
            return tail;
        }
        if !first.is_ascii_alphabetic() {
            match first {
                b'\\' | b'{' | b'}' => self.byte(first),
                b'~' => self.character('\u{A0}'),
                b'_' => self.character('-'),
                b'\r' | b'\n' => self.character('\n'),
                b'*' if self.fresh => {
                    // A destination that may be left out is, unless its name says more.
                    let name = tail.strip_prefix(b"\\").map(word_of).unwrap_or_default();
                    self.state.skip |= name != b"htmltag";
                }
                _ => {}
            }
            return tail;
        }
        let name = word_of(rest);
        let mut after = rest.get(name.len()..).unwrap_or_default();
        let negative = after.first() == Some(&b'-');
        let digits = after.get(usize::from(negative)..).unwrap_or_default();
        let digits =
            digits.get(..digits.iter().take(10).take_while(|b| b.is_ascii_digit()).count()).unwrap_or_default();
        let mut number = None;
        if !digits.is_empty() {
            let value = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            number = i32::try_from(if negative { -value } else { value }).ok();
            after = after.get(usize::from(negative) + digits.len()..).unwrap_or_default();
        }
        if after.first() == Some(&b' ') {
            after = after.get(1..).unwrap_or_default();
        }
        if name == b"bin" {
            let skip = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
            return after.get(skip.min(after.len())..).unwrap_or_default();
        }
        self.control(name, number);
        after
    }

    fn control(&mut self, name: &[u8], number: Option<i32>) {
        match name {
            b"fromhtml" => self.out.html = true,
            b"htmltag" => {
                self.flush();
                self.state.tag = true;
            }
            b"mhtmltag" => self.state.skip = true,
            b"htmlrtf" => {
                self.flush();
                self.hidden = number != Some(0);
            }
            b"par" | b"line" | b"sect" | b"page" | b"row" => {
                self.character('\n');
                self.pending = 0;
            }
            b"tab" | b"cell" => self.character('\t'),
            b"emdash" => self.character('—'),
            b"endash" => self.character('–'),
            b"bullet" => self.character('•'),
            b"lquote" => self.character('‘'),
            b"rquote" => self.character('’'),
            b"ldblquote" => self.character('“'),
            b"rdblquote" => self.character('”'),
            b"emspace" | b"enspace" | b"qmspace" => self.character(' '),
            b"objattph" => self.character(' '),
            b"ansicpg" => {
                if let Some(page) = number.and_then(|number| u16::try_from(number).ok()) {
                    (self.default, self.state.codepage) = (page, page);
                }
            }
            b"uc" => self.state.fallback = number.and_then(|number| u16::try_from(number).ok()).unwrap_or(1),
            b"u" => {
                self.flush();
                // Sixteen bits, written with a sign.
                if let Some(unit) = number.and_then(|number| u16::try_from(number & 0xFFFF).ok()) {
                    self.unit(unit);
                }
                self.pending = self.state.fallback;
            }
            b"f" => {
                self.flush();
                self.font = number;
                let known = self.fonts.iter().find(|(font, _)| Some(*font) == number);
                self.state.codepage = known.map_or(self.default, |(_, page)| *page);
            }
            b"fcharset" => {
                if let (Some(font), Some(page)) = (self.font, number.and_then(page_of))
                    && self.fonts.len() < MAX_FONTS
                {
                    self.fonts.push((font, page));
                }
            }
            b"plain" => {
                self.flush();
                self.state.codepage = self.default;
            }
            b"fonttbl" | b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"object" | b"header" | b"footer"
            | b"headerl" | b"headerr" | b"headerf" | b"footerl" | b"footerr" | b"footerf" | b"themedata"
            | b"listtable" | b"listoverridetable" | b"fldinst" | b"bkmkstart" | b"bkmkend" | b"xe" | b"tc" => {
                self.flush();
                self.state.skip = true;
            }
            _ => {}
        }
    }

    fn unit(&mut self, unit: u16) {
        match (self.surrogate.take(), unit) {
            (_, 0xD800..=0xDBFF) => self.surrogate = Some(unit),
            (Some(high), 0xDC00..=0xDFFF) => {
                for c in char::decode_utf16([high, unit]).flatten() {
                    self.push(c);
                }
            }
            _ => self.push(char::from_u32(u32::from(unit)).unwrap_or('\u{FFFD}')),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.pending > 0 {
            self.pending -= 1;
        } else if self.shows() {
            self.bytes.push(byte);
        }
    }

    fn character(&mut self, c: char) {
        self.flush();
        self.push(if c == '\n' && self.out.html { '\n' } else { c });
    }

    fn push(&mut self, c: char) {
        if self.shows() {
            self.out.text.push(c);
        }
    }

    fn shows(&self) -> bool {
        // Text of a tag stands whatever `\htmlrtf` says.
        !self.state.skip && (!self.hidden || self.state.tag)
    }

    /// Decodes the bytes that are waiting, all of one code page.
    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_ascii() {
            self.out.text.push_str(&String::from_utf8_lossy(&bytes));
        } else {
            let label = super::charset_of(self.state.codepage);
            self.out.text.push_str(&charset::decode(&bytes, label.as_deref()).text);
        }
    }
}

/// The letters of a control word.
fn word_of(rest: &[u8]) -> &[u8] {
    rest.get(..rest.iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_alphabetic()).count()).unwrap_or_default()
}

/// Code pages of the character sets of Windows fonts.
fn page_of(charset: i32) -> Option<u16> {
    Some(match charset {
        0 => 1_252,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1_253,
        162 => 1_254,
        177 => 1_255,
        178 => 1_256,
        186 => 1_257,
        204 => 1_251,
        222 => 874,
        238 => 1_250,
        _ => return None,
    })
}

/// Groups in groups that keep their own state.
const MAX_GROUPS: usize = 256;
const MAX_FONTS: usize = 1_000;
/// Letters of a control word (RTF specification 1.9.1).
const MAX_WORD: usize = 32;
