//! RTF: the text between its control words (Rich Text Format specification 1.9.1), in whatever character sets its fonts have.

use std::collections::HashMap;

use encoding_rs::Encoding;
use form::Reason;

use crate::error::{Error, size, within};

/// The words of the document. Tables become lines of cells parted by tabs; hidden text, fields' instructions and everything that is
/// no text is left out.
pub(super) fn words(input: &[u8], most: u64) -> Result<String, Error> {
    let mut reader = Reader { input, at: 0 };
    let mut document = Document::default();
    let mut groups: Vec<Group> = Vec::new();
    let mut group = Group::default();
    while let Some(token) = reader.next() {
        match token {
            Token::Open => {
                document.flush();
                within(Reason::LimitMarkup, MAX_GROUPS, size(groups.len()))?;
                groups.push(group.clone());
                group.is_first = true;
                continue;
            }
            Token::Close => {
                document.flush();
                match groups.pop() {
                    Some(outer) => group = outer,
                    // Programs stop at the end of the outermost group too.
                    None => break,
                }
                if groups.is_empty() {
                    break;
                }
            }
            Token::Ignorable => {
                group.is_skipped = true;
                continue;
            }
            Token::Word(word, number) => control(word, number, &mut group, &mut document, &mut reader),
            Token::Byte(byte) => document.byte(byte, &mut group),
        }
        group.is_first = false;
        within(Reason::LimitTextBytes, most, size(document.text.len().saturating_add(document.pending.len())))?;
    }
    document.flush();
    Ok(document.text)
}

/// What holds until the end of a group.
#[derive(Clone, Default)]
struct Group {
    is_skipped: bool,
    is_hidden: bool,
    /// Nothing stood in it so far.
    is_first: bool,
    is_font_table: bool,
    /// Bytes that stand for a character given as Unicode, for old programs.
    substitutes: Option<u16>,
    font: i32,
}

#[derive(Default)]
struct Document {
    text: String,
    /// Bytes of one character set that were not decoded yet.
    pending: Vec<u8>,
    encoding: Option<&'static Encoding>,
    of_document: Option<&'static Encoding>,
    fonts: HashMap<i32, &'static Encoding>,
    /// Bytes that still stand for a character that was given as Unicode.
    substitutes: u16,
    /// The first half of a pair.
    half: Option<u16>,
}

impl Document {
    fn byte(&mut self, byte: u8, group: &mut Group) {
        if self.substitutes > 0 {
            self.substitutes = self.substitutes.saturating_sub(1);
        } else if !group.is_skipped && !group.is_hidden && !group.is_font_table {
            let wanted = self.fonts.get(&group.font).copied().or(self.of_document);
            if wanted != self.encoding {
                self.flush();
                self.encoding = wanted;
            }
            self.pending.push(byte);
        }
    }

    fn flush(&mut self) {
        let encoding = self.encoding.unwrap_or(encoding_rs::WINDOWS_1252);
        self.text.push_str(&encoding.decode_without_bom_handling(&self.pending).0);
        self.pending.clear();
    }

    fn put(&mut self, text: &str, group: &Group) {
        if !group.is_skipped && !group.is_hidden && !group.is_font_table {
            self.flush();
            self.text.push_str(text);
        }
    }

    fn unicode(&mut self, number: i32, group: &Group) {
        let Ok(unit) = u16::try_from(number.rem_euclid(0x1_0000)) else { return };
        let half = self.half.take();
        match char::decode_utf16(half.into_iter().chain([unit])).next() {
            Some(Ok(c)) => self.put(c.encode_utf8(&mut [0; 4]), group),
            _ if (0xD800..0xDC00).contains(&unit) => self.half = Some(unit),
            _ => self.put("\u{FFFD}", group),
        }
        self.substitutes = group.substitutes.unwrap_or(1);
    }
}

fn control(word: &str, number: Option<i32>, group: &mut Group, document: &mut Document, reader: &mut Reader<'_>) {
    if group.is_first && SKIPPED.contains(&word) {
        group.is_skipped = true;
    }
    if !matches!(word, "'" | "u") {
        document.substitutes = 0;
    }
    let on = number != Some(0);
    match word {
        "'" => {
            if let Some(byte) = number.and_then(|number| u8::try_from(number).ok()) {
                document.byte(byte, group);
            }
        }
        "u" => document.unicode(number.unwrap_or_default(), group),
        "uc" => group.substitutes = Some(u16::try_from(number.unwrap_or(1)).unwrap_or(1).min(MAX_SUBSTITUTES)),
        // So many bytes follow that are no markup.
        "bin" => reader.skip(usize::try_from(number.unwrap_or_default()).unwrap_or_default()),
        "ansicpg" => document.of_document = number.and_then(of_code_page),
        "mac" => document.of_document = Some(encoding_rs::MACINTOSH),
        "fonttbl" => group.is_font_table = true,
        "f" => group.font = number.unwrap_or_default(),
        "deff" if document.fonts.is_empty() => group.font = number.unwrap_or_default(),
        "fcharset" if group.is_font_table => {
            if let Some(encoding) = number.and_then(of_charset).filter(|_| document.fonts.len() < MAX_FONTS) {
                document.fonts.insert(group.font, encoding);
            }
        }
        "v" => group.is_hidden = on,
        "plain" => group.is_hidden = false,
        "par" | "line" | "sect" | "page" | "row" | "nestrow" | "column" => document.put("\n", group),
        "tab" | "cell" | "nestcell" => document.put("\t", group),
        "~" => document.put("\u{A0}", group),
        "_" => document.put("-", group),
        "\\" | "{" | "}" => document.put(word, group),
        "emdash" => document.put("—", group),
        "endash" => document.put("–", group),
        "bullet" => document.put("•", group),
        "lquote" => document.put("‘", group),
        "rquote" => document.put("’", group),
        "ldblquote" => document.put("“", group),
        "rdblquote" => document.put("”", group),
        _ => {}
    }
}

fn of_code_page(number: i32) -> Option<&'static Encoding> {
    let label = match number {
        932 | 10001 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        874 => "windows-874",
        65001 => "utf-8",
        10000 => "macintosh",
        1250..=1258 => return Encoding::for_label(format!("windows-{number}").as_bytes()),
        _ => return None,
    };
    Encoding::for_label(label.as_bytes())
}

/// The set of a font, by the number that Windows gives it.
fn of_charset(number: i32) -> Option<&'static Encoding> {
    of_code_page(match number {
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        77 => 10000,
        _ => return None,
    })
}

enum Token<'a> {
    Open,
    Close,
    /// `\*`: who does not know what follows leaves the group out.
    Ignorable,
    /// A control word or symbol with its number; `'` is a byte in hexadecimal.
    Word(&'a str, Option<i32>),
    Byte(u8),
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.input.get(self.at)?;
            self.at = self.at.saturating_add(1);
            return Some(match byte {
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'\\' => return self.word(),
                // Lines of the file mean nothing.
                b'\r' | b'\n' | 0 => continue,
                byte => Token::Byte(byte),
            });
        }
    }

    fn word(&mut self) -> Option<Token<'a>> {
        let rest = self.input.get(self.at..)?;
        let letters = rest.iter().take(MAX_WORD).take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            return self.symbol();
        }
        let word = std::str::from_utf8(rest.get(..letters)?).ok()?;
        let mut end = letters;
        let digits =
            |from: usize| rest.iter().skip(from).take(MAX_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(rest.get(end) == Some(&b'-') && digits(end.saturating_add(1)) > 0);
        let from = end;
        end = end.saturating_add(sign);
        end = end.saturating_add(digits(end));
        let number = std::str::from_utf8(rest.get(from..end)?).ok()?.parse().ok();
        // One blank ends the word and is no text.
        end = end.saturating_add(usize::from(rest.get(end) == Some(&b' ')));
        self.at = self.at.saturating_add(end);
        Some(Token::Word(word, number))
    }

    fn symbol(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        let byte = *self.input.get(start)?;
        self.at = start.saturating_add(1);
        let word = self.input.get(start..self.at).and_then(|symbol| std::str::from_utf8(symbol).ok());
        Some(match byte {
            b'*' => Token::Ignorable,
            b'\'' => {
                let digits =
                    self.input.get(self.at..self.at.checked_add(2)?).and_then(|two| std::str::from_utf8(two).ok());
                let Some(value) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
                    return Some(Token::Word("'", None));
                };
                self.at = self.at.saturating_add(2);
                Token::Word("'", Some(value.into()))
            }
            b'\r' | b'\n' => Token::Word("par", None),
            _ => Token::Word(word.unwrap_or("-"), None),
        })
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.input.len());
    }
}

/// Groups that hold no text of the document.
const SKIPPED: &[&str] = &[
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "fldinst",
    "filetbl",
    "revtbl",
    "rsidtbl",
    "listtable",
    "listoverridetable",
    "generator",
    "xmlnstbl",
    "themedata",
    "colorschememapping",
    "datastore",
    "latentstyles",
    "mmathPr",
    "bkmkstart",
    "bkmkend",
    "pgdsctbl",
    "userprops",
    "docvar",
    "nonshppict",
    "objdata",
    "objclass",
    "falt",
    "panose",
    "tc",
    "xe",
];
const MAX_GROUPS: u64 = 10_000;
const MAX_FONTS: usize = 10_000;
const MAX_WORD: usize = 32;
const MAX_DIGITS: usize = 10;
const MAX_SUBSTITUTES: u16 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rtf: &[u8], expect: &str) {
        assert_eq!(words(rtf, 1_000_000).unwrap(), expect, "{}", String::from_utf8_lossy(rtf));
    }

    #[test]
    fn words_come_in_the_set_of_their_font_or_as_unicode() {
        check(br"{\rtf1\ansi\ansicpg932 \'93\'fa\'96\'7b plain\par}", "日本 plain\n");
        // The second half of the character is a letter of ASCII, and stands as one.
        check(b"{\\rtf1\\ansicpg932 \\'83e\\'83X\\'83g}", "テスト");
        check(
            br"{\rtf1\ansicpg1252{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset128 \'82l\'82r;}}\f0 caf\'e9 \f1\'88\'ea}",
            "café 一",
        );
        check(br"{\rtf1\uc1\u26085?\u26412?\u-10179?\u-8704?}", "日本\u{1F600}");
        check(br"{\rtf1\uc2\u26085\'93\'fa!}", "日!");
    }

    #[test]
    fn what_is_no_text_of_the_document_is_left_out() {
        check(br"{\rtf1{\*\generator x;}{\info{\title t}}{\pict\wmetafile8 0102}a{\v secret}b{\v0 c}\par d}", "abc\nd");
        check(br"{\rtf1{\field{\*\fldinst HYPERLINK http://x}{\fldrslt shown}}}", "shown");
        check(br"{\rtf1{\object\objemb{\*\objdata 0105}{\result seen}}x}", "x");
        check(b"{\\rtf1 a\\bin5 }{\\{}x b}", "ax b");
        check(br"{\rtf1\trowd a\cell b\cell\row c}", "a\tb\t\nc");
        check(br"{\rtf1 in} {out}", "in");
    }

    #[test]
    fn depth_and_length_have_limits() {
        let deep = [b"{\\rtf1".as_slice(), &b"{".repeat(20_000)].concat();
        assert!(words(&deep, 1_000).is_err());
        assert!(words(br"{\rtf1 12345678}", 7).is_err());
        assert!(words(br"{\rtf1 12345678}", 8).is_ok());
    }
}
