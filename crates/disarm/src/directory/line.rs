//! Content lines: `GROUP.NAME;PARAM=value:value`, folded (RFC 5545 3.1, RFC 6350 3.2), with the quoted-printable of vCard 2.1.

use crate::charset::{self, Charset, Decoded};
use crate::mail::tally::Tally;
use crate::mail::transfer;

/// One line, unfolded and decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In capitals, without a group.
    pub(super) name: String,
    /// In capitals, may be empty: lines of one group say something of each other.
    pub(super) group: String,
    params: Vec<(String, String)>,
    /// As it stands there, escapes included.
    pub(super) value: String,
}

impl Line {
    /// The values of a parameter; those without a name are types, as in vCard 2.1 (`TEL;CELL:`).
    pub(super) fn params<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.params.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the line is of this type.
    pub(super) fn is_of(&self, kind: &str) -> bool {
        self.params("TYPE").flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(kind))
    }

    /// The value as text.
    pub(super) fn text(&self) -> String {
        unescape(&self.value)
    }

    /// The values between semicolons that are not escaped.
    pub(super) fn fields(&self) -> Vec<String> {
        self.split(';')
    }

    /// The same where each may be several, with commas between them: those become one with blanks.
    pub(super) fn names(&self) -> Vec<String> {
        let mut line = Line {
            name: String::new(),
            group: String::new(),
            params: Vec::new(),
            value: String::with_capacity(self.value.len()),
        };
        let mut escaped = false;
        for c in self.value.chars() {
            line.value.push(if c == ',' && !escaped { ' ' } else { c });
            escaped = c == '\\' && !escaped;
        }
        line.fields()
    }

    /// The values between commas that are not escaped.
    pub(super) fn list(&self) -> Vec<String> {
        self.split(',').into_iter().filter(|value| !value.is_empty()).collect()
    }

    fn split(&self, between: char) -> Vec<String> {
        let mut fields = vec![String::new()];
        let mut escaped = false;
        for c in self.value.chars() {
            if c == between && !escaped && fields.len() < MAX_FIELDS {
                fields.push(String::new());
            } else if let Some(field) = fields.last_mut() {
                field.push(c);
            }
            escaped = c == '\\' && !escaped;
        }
        fields.iter().map(|field| unescape(field).trim().to_owned()).collect()
    }
}

/// What of a file could not be read.
#[derive(Default)]
pub(super) struct Unread {
    /// Lines that are none, and what else was skipped.
    pub(super) lost: u32,
    /// What had to be assumed of its charset or given up.
    pub(super) charset: Tally,
}

impl Unread {
    pub(super) fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }
}

/// The lines of a file, and what could not be read on the way.
pub(super) struct Lines {
    bytes: Vec<u8>,
    at: usize,
    charset: Charset,
    /// How the charset was found, until a line depends on it; without its text and counts.
    found: Option<Decoded>,
    pub(super) unread: Unread,
}

/// The lines of a file. `label` is the charset that it came with.
pub(super) fn lines(bytes: &[u8], label: Option<&str>) -> Lines {
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    // One charset for all that does not name its own: a single line may be too short to be told apart.
    let mut found = charset::decode(bytes, label.filter(|_| !wide));
    let charset = Charset::named(found.charset).unwrap_or(Charset::Utf8);
    let mut unread = Unread::default();
    let text = std::mem::take(&mut found.text);
    let (bytes, charset) = if matches!(charset, Charset::Utf16Le | Charset::Utf16Be) {
        unread.charset.count(&found);
        (text.into_bytes(), Charset::Utf8)
    } else {
        (bytes.to_vec(), charset)
    };
    (found.undecodable, found.gaiji) = (0, 0);
    Lines { bytes, at: 0, charset, found: Some(found).filter(|_| unread.charset.is_clean()), unread }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            let raw = unfolded(&self.bytes, &mut self.at)?;
            let line = self.parse(&raw);
            // A mark of the end (0x1A) is no line.
            if line.is_none() && !raw.iter().all(|byte| byte.is_ascii_control() || *byte == b' ') {
                self.unread.lose();
                if let Some(name) = MEANT.iter().find(|name| begins_with(&raw, name)) {
                    let group = String::new();
                    return Some(Line { name: (*name).to_owned(), group, params: Vec::new(), value: String::new() });
                }
            }
            if line.is_some() {
                return line;
            }
        }
    }
}

fn begins_with(raw: &[u8], name: &str) -> bool {
    raw.split_at_checked(name.len()).is_some_and(|(head, rest)| {
        head.eq_ignore_ascii_case(name.as_bytes()) && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
    })
}

/// The next line with its continuations: those that begin with a blank, or that follow a soft break of quoted-printable.
fn unfolded(bytes: &[u8], at: &mut usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut quoted = None;
    loop {
        let rest = bytes.get(*at..).filter(|rest| !rest.is_empty());
        let Some(rest) = rest else { return (!out.is_empty()).then_some(out) };
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let first = out.is_empty();
        let soft = quoted == Some(true) && out.ends_with(b"=");
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        let ended = rest.get(line.len()..).unwrap_or_default();
        let step = if ended.starts_with(b"\r\n") { 2 } else { usize::from(!ended.is_empty()) };
        // Files that have gone through several systems have an empty line before each continuation.
        if !first && !soft && line.is_empty() && is_continuation(ended.get(step..).unwrap_or_default()) {
            *at = at.saturating_add(step);
            continue;
        }
        if !first && !soft && !folded {
            return Some(out);
        }
        *at = at.saturating_add(line.len()).saturating_add(step);
        if first && line.trim_ascii().is_empty() {
            continue;
        }
        if soft {
            out.pop();
            out.extend_from_slice(line);
        } else {
            out.extend_from_slice(if first { line } else { line.get(1..).unwrap_or_default() });
        }
        if quoted.is_none() {
            let head = line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_uppercase();
            quoted = Some(head.windows(16).any(|window| window == b"QUOTED-PRINTABLE"));
        }
    }
}

/// Whether the line that begins here is a continuation with something in it.
fn is_continuation(rest: &[u8]) -> bool {
    let mut line = rest.iter().take_while(|byte| !matches!(byte, b'\n' | b'\r'));
    matches!(rest.first(), Some(b' ' | b'\t')) && line.any(|byte| !matches!(byte, b' ' | b'\t'))
}

impl Lines {
    fn parse(&mut self, raw: &[u8]) -> Option<Line> {
        let mut in_quotes = false;
        let colon = raw.iter().position(|byte| {
            in_quotes ^= *byte == b'"';
            *byte == b':' && !in_quotes
        })?;
        let (head, value) = raw.split_at_checked(colon)?;
        let value = value.get(1..)?;
        let head = self.decode(head, None);
        let mut pieces = split_quoted(&head, ';');
        let name = pieces.next()?;
        let (group, name) = name.rsplit_once('.').unwrap_or(("", name));
        let (group, name) = (group.trim().to_ascii_uppercase(), name.trim().to_ascii_uppercase());
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return None;
        }
        let params: Vec<(String, String)> = pieces
            .take(MAX_FIELDS)
            .map(|piece| match piece.split_once('=') {
                Some((name, value)) => (name.trim().to_ascii_uppercase(), value.replace('"', "")),
                None => ("TYPE".to_owned(), piece.trim().to_owned()),
            })
            .collect();
        let param = |wanted: &str| params.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let is_quoted = param("ENCODING").is_some_and(|encoding| encoding.eq_ignore_ascii_case("quoted-printable"))
            || params.iter().any(|(name, value)| name == "TYPE" && value.eq_ignore_ascii_case("quoted-printable"));
        let mut bytes = Vec::new();
        if is_quoted {
            let keep = |piece: &[u8]| {
                bytes.extend_from_slice(piece);
                Ok::<_, std::convert::Infallible>(())
            };
            let Ok(_) = transfer::quoted_printable(value, keep);
        } else {
            bytes.extend_from_slice(value);
        }
        let value = self.decode(&bytes, param("CHARSET"));
        Some(Line { name, group, params, value })
    }

    /// In the charset of the line, else in that of the file. A line is too short to be judged anew while all of it is text.
    fn decode(&mut self, bytes: &[u8], label: Option<&str>) -> String {
        let is_plain = bytes.is_ascii() && !bytes.contains(&ESCAPE);
        // Lines are of ASCII, whatever one says of itself.
        let named = label.and_then(Charset::named).filter(|c| !matches!(c, Charset::Utf16Le | Charset::Utf16Be));
        if named.is_none()
            && !is_plain
            && let Some(found) = self.found.take()
        {
            self.unread.charset.count(&found);
        }
        let charset = named.unwrap_or(self.charset);
        let mut decoded = charset::decode_as(bytes, charset);
        if decoded.undecodable > 0 || (charset != Charset::Utf8 && is_long_utf8(bytes)) {
            let guessed = charset::decode(bytes, Some(charset.name()));
            decoded = if guessed.undecodable <= decoded.undecodable { guessed } else { decoded };
        }
        self.unread.charset.count(&decoded);
        decoded.text
    }
}

/// Whether text has characters of UTF-8 that hardly come about by chance. Programs change charsets and forget their names.
fn is_long_utf8(bytes: &[u8]) -> bool {
    !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().any(|c| c.len_utf8() > 2))
}

/// The pieces between separators that are not in quotes, each found when it is asked for.
fn split_quoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut in_quotes = false;
    text.split(move |c| {
        in_quotes ^= c == '"';
        c == separator && !in_quotes
    })
}

/// RFC 5545 3.3.11.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(c @ ('\\' | ';' | ',' | ':' | '"')) => out.push(c),
                // Japanese phones write ¥ and paths as they are.
                Some(c) => {
                    out.push('\\');
                    out.push(c);
                }
                None => out.push('\\'),
            },
            _ => out.push(c),
        }
    }
    out.replace("\r\n", "\n")
}

const MAX_FIELDS: usize = 64;
const ESCAPE: u8 = 0x1B;
/// Lines without which the others mean other days: one that cannot be read stands there without a value.
const MEANT: [&str; 3] = ["RECURRENCE-ID", "RRULE", "RDATE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_quotes_and_charsets_are_undone() {
        let found: Vec<Line> = lines(
            b"ITEM1.TEL;CELL;X=\"a;b:c\":090\r\nNOTE:a\\nb\\, c\r\n  d\r\nN;CHARSET=Shift_JIS;ENCODING=QUOTED-PRINTABLE:=8ER=93c;=\r\n=91=BE=98Y\r\nno line\r\n",
            None,
        )
        .collect();
        assert_eq!(found.len(), 3);
        assert!(found[0].is_of("cell") && found[0].name == "TEL" && found[0].param("X") == Some("a;b:c"));
        assert_eq!(found[1].text(), "a\nb, c d");
        assert_eq!(found[2].fields(), ["山田", "太郎"]);
        let listed: Vec<Line> = lines(b"N:a;b,c;d\\,e\nCATEGORIES:a,b\\,c;d,", None).collect();
        assert_eq!(listed[0].names(), ["a", "b c", "d,e"]);
        assert_eq!(listed[1].list(), ["a", "b,c;d"]);
    }

    /// Python: "松田".encode("cp932") and "ﾏﾂﾀﾞ".encode("cp932"); the second is two kanji in EUC-JP.
    #[test]
    fn short_lines_are_read_in_the_charset_of_their_file_or_their_own() {
        let read = |bytes: &[u8], label| {
            let mut all = lines(bytes, label);
            let found: Vec<String> = all.by_ref().map(|line| line.value).collect();
            (found, all.unread.charset)
        };
        let (found, tally) = read(b"N:\x8f\xbc\x93c\nSOUND:\xcf\xc2\xc0\xde\n", Some("shift_jis"));
        assert_eq!(found, ["松田", "ﾏﾂﾀﾞ"]);
        assert!(tally.is_clean());
        let (found, tally) = read(b"SOUND;CHARSET=SHIFT_JIS:\xcf\xc2\xc0\xde\n", None);
        assert_eq!(found, ["ﾏﾂﾀﾞ"]);
        assert!(tally.is_clean(), "the line says what it is: {tally:?}");
        let (found, tally) = read(b"N;CHARSET=UTF-8:\x82\xa8\x90\xa2\x98\x62\x82\xc9\x82\xc8\x82\xc1\x82\xc4\x82\xa8\x82\xe8\x82\xdc\x82\xb7\x81\x42\nX:a\n", None);
        assert_eq!((found[0].as_str(), tally.mismatched), ("お世話になっております。", 1));
        let (found, tally) = read("N;CHARSET=SHIFT_JIS:山田太郎\n".as_bytes(), None);
        assert_eq!((found[0].as_str(), tally.mismatched), ("山田太郎", 1));
        // Python: "髙\ue000".encode("cp932") has F0 40; FF is no byte of either charset.
        let (found, tally) = read(b"N;CHARSET=SHIFT_JIS:\xfb\xfc\xf0\x40\nN;CHARSET=SHIFT_JIS:\x8f\xbc\xff\n", None);
        assert_eq!((found[0].as_str(), tally.gaiji), ("髙〓", 1));
        assert_eq!((found[1].as_str(), tally.undecodable), ("松\u{FFFD}", 1));
    }

    #[test]
    fn an_empty_line_before_a_continuation_is_none() {
        let read = |bytes: &[u8]| lines(bytes, None).map(|line| line.name + "=" + &line.value).collect::<Vec<_>>();
        assert_eq!(read(b"SUMMARY\n\n :a\n\n b\nUID:1\n"), ["SUMMARY=ab", "UID=1"]);
        assert_eq!(read(b"SUMMARY:a\r\n\r\nUID:1\r\n \r\n\r\n"), ["SUMMARY=a", "UID=1"]);
    }

    #[test]
    fn lines_that_are_none_are_counted_and_those_that_change_others_keep_their_name() {
        let mut all = lines(b"no line\nX;Y=\"a:b\nRECURRENCE-ID;TZID=\"Tokyo:20261120T100000\nRRULER\nN:a\n\x1a", None);
        let names: Vec<String> = all.by_ref().map(|line| line.name + &line.value).collect();
        assert_eq!((names, all.unread.lost), (vec!["RECURRENCE-ID".to_owned(), "Na".to_owned()], 4));
    }
}
