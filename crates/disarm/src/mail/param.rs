//! Structured fields with parameters: Content-Type and Content-Disposition, RFC 2231 and what senders make of it.
//!
//! `mail-parser` decodes RFC 2231 segments one by one, so a character cut between two segments is lost, and takes
//! `filename` although `filename*` stands beside it and readers show that one.

use form::percent;

use super::tally::Tally;
use super::word;

/// A value with its parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Structured {
    /// The value before the first semicolon, lower case, without comments.
    pub(crate) value: String,
    params: Vec<Param>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Param {
    /// Name in lower case, without its RFC 2231 marks.
    name: String,
    /// Segment number (`name*1`).
    segment: Option<u32>,
    /// Percent-encoded (`name*`, `name*1*`).
    extended: bool,
    value: String,
}

impl Structured {
    /// Reads a field text; never fails, at worst the value is empty.
    pub(crate) fn parse(text: &str) -> Self {
        let mut pieces = split(text);
        let mut first = pieces.next().unwrap_or(Piece { text: String::new(), quoted: false });
        let unparted = unparted(&mut first);
        let value = first.text.trim().to_ascii_lowercase();
        let params = unparted.into_iter().chain(pieces.filter_map(|piece| Param::parse(&piece)));
        let params = params.take(MAX_PARAMS).collect();
        Self { value: value.chars().filter(|c| !c.is_whitespace()).take(200).collect(), params }
    }

    /// A parameter's plain value, as first given.
    pub(crate) fn plain(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|p| p.name == name && !p.extended && p.segment.is_none()).map(|p| p.value.as_str())
    }

    /// True when a parameter is given more than once in the same form with values that differ.
    pub(crate) fn conflicts(&self, name: &str) -> bool {
        [false, true].into_iter().any(|extended| {
            let of_form = |p: &&Param| p.name == name && p.segment.is_none() && p.extended == extended;
            let mut values = self.params.iter().filter(of_form).map(|p| &p.value);
            let first = values.next();
            values.any(|value| Some(value) != first)
        })
    }

    /// True when the segments of a parameter are not numbered 0, 1, 2 … once each, as RFC 2231 section 3 asks: readers take the first
    /// or the last of two with one number, and stop at a gap or do not. Nor may one without a number stand beside them.
    pub(crate) fn is_disordered(&self, name: &str) -> bool {
        let named = || self.params.iter().filter(|p| p.name == name);
        let mut numbers: Vec<u32> = named().filter_map(|p| p.segment).collect();
        numbers.sort_unstable();
        let is_mixed = !numbers.is_empty() && named().any(|p| p.segment.is_none());
        is_mixed || (0..).zip(numbers).any(|(expected, number)| expected != number)
    }

    /// A parameter decoded: RFC 2231 form first (readers show that one), else the plain form with its encoded-words.
    pub(crate) fn decoded(&self, name: &str, tally: &mut Tally) -> Option<String> {
        self.extended(name, tally)
            .or_else(|| self.plain(name).map(|value| loose(value, tally)))
            .filter(|v| !v.is_empty())
    }

    /// True when the parameter has a plain and an RFC 2231 form that name different things.
    pub(crate) fn two_faced(&self, name: &str) -> bool {
        let mut tally = Tally::default();
        match (self.extended(name, &mut tally), self.plain(name)) {
            (Some(extended), Some(plain)) => {
                let plain = loose(plain, &mut tally);
                // An all-ASCII fallback of a Japanese name is what RFC 6266 advises: only the extension must agree.
                extension(&extended) != extension(&plain) || (!plain.is_ascii() && extended != plain)
            }
            _ => false,
        }
    }

    /// True when the parameter has an RFC 2231 form.
    pub(crate) fn is_extended(&self, name: &str) -> bool {
        self.params.iter().any(|p| p.name == name && (p.extended || p.segment.is_some()))
    }

    fn extended(&self, name: &str, tally: &mut Tally) -> Option<String> {
        let mut segments: Vec<&Param> =
            self.params.iter().filter(|p| p.name == name && (p.extended || p.segment.is_some())).collect();
        segments.sort_by_key(|p| p.segment.unwrap_or(0));
        let first = segments.first()?;
        // RFC 2231 puts charset'language' into the first segment; it is for all of them.
        let (label, start) = match (first.extended, first.value.split_once('\'')) {
            (true, Some((label, rest))) => (Some(label), rest.split_once('\'').map_or(rest, |(_, text)| text)),
            _ => (None, first.value.as_str()),
        };
        let mut bytes = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            let value = if index == 0 { start } else { segment.value.as_str() };
            // Senders forget the second mark (`filename*1=%E6…`) where the first segment has it.
            if segment.extended || (first.extended && (value.contains('%') && percent::is_whole(value))) {
                bytes.extend(percent::decoded(value));
            } else {
                bytes.extend_from_slice(value.as_bytes());
            }
        }
        let decoded = tally.decode(&bytes, label.filter(|l| !l.is_empty()));
        // Encoded-words inside segments occur (old Becky!, webmail).
        Some(word::decode(&decoded, tally))
    }
}

/// A plain parameter value: encoded-words are not allowed in it and are in it; some senders percent-encode UTF-8.
fn loose(value: &str, tally: &mut Tally) -> String {
    let text = word::decode(value, tally);
    if text.is_ascii() && text.contains('%') {
        let bytes = percent::decoded(&text);
        if !bytes.is_ascii()
            && let Ok(decoded) = String::from_utf8(bytes)
        {
            return decoded;
        }
    }
    text
}

fn extension(name: &str) -> String {
    name.trim().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

impl Param {
    fn parse(piece: &Piece) -> Option<Self> {
        let (name, value) = piece.text.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let (name, extended) = match name.strip_suffix('*') {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let (name, segment) = match name.rsplit_once('*') {
            Some((name, number)) => (name, Some(number.parse::<u32>().ok().filter(|n| *n < MAX_SEGMENT)?)),
            None => (name, None),
        };
        let value = if piece.quoted { value } else { value.trim() };
        Some(Self { name: name.to_owned(), segment, extended, value: value.to_owned() })
    }
}

/// The parameter of a text that no semicolon parts from its type, as scripts write it that put the field together by hand. Nothing
/// depends on it but the letters; where a boundary stands so, readers differ in whether there are parts.
fn unparted(first: &mut Piece) -> Option<Param> {
    let (value, param) = first.text.trim_start().split_once(char::is_whitespace)?;
    if !value.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/")) {
        return None;
    }
    let param = Param::parse(&Piece { text: param.to_owned(), quoted: first.quoted })?;
    first.text = value.to_owned();
    Some(param)
}

/// What stands between two semicolons, quotes resolved.
struct Piece {
    text: String,
    quoted: bool,
}

/// Splits at semicolons outside quotes and comments.
fn split(text: &str) -> impl Iterator<Item = Piece> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        chars.peek()?;
        let mut piece = Piece { text: String::new(), quoted: false };
        let mut in_value = false;
        while let Some(c) = chars.next() {
            match c {
                ';' => return Some(piece),
                '=' if !in_value => {
                    in_value = true;
                    piece.text.push(c);
                    while chars.next_if(|c| c.is_whitespace()).is_some() {}
                    if chars.next_if_eq(&'"').is_some() {
                        piece.quoted = true;
                        while let Some(c) = chars.next() {
                            match c {
                                '"' => break,
                                // Windows senders write paths with single backslashes; RFC 5322 quotes only these two.
                                '\\' => match chars.next_if(|c| matches!(c, '"' | '\\')) {
                                    Some(quoted) => piece.text.push(quoted),
                                    None => piece.text.push(c),
                                },
                                _ => piece.text.push(c),
                            }
                        }
                        // Nothing but blanks and comments belongs between the closing quote and the semicolon. A second
                        // quoted word happens when a fold cut the name in two.
                        while let Some(c) = chars.next_if(|c| *c != ';') {
                            if c.is_whitespace() || c == '"' {
                                continue;
                            }
                            if c == '(' {
                                skip_comment(&mut chars);
                            }
                        }
                    }
                }
                '(' if !in_value => skip_comment(&mut chars),
                _ => piece.text.push(c),
            }
        }
        Some(piece)
    })
}

fn skip_comment(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut depth: u32 = 1;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '(' => depth = depth.saturating_add(1),
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
            }
            _ => {}
        }
    }
}

/// Parameters looked at; real fields have at most a dozen, long RFC 2231 names some twenty segments.
const MAX_PARAMS: usize = 200;
const MAX_SEGMENT: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn name(field: &str, expect: &str) {
        let structured = Structured::parse(field);
        assert_eq!(structured.decoded("filename", &mut Tally::default()).as_deref(), Some(expect));
    }

    #[test]
    fn values_quotes_and_comments_are_read() {
        let field = Structured::parse("Text/Plain (a; comment); charset = \"utf-8\" ; format=flowed; x=\"a;b\\\"c\"");
        assert_eq!(field.value, "text/plain");
        assert_eq!(field.plain("charset"), Some("utf-8"));
        assert_eq!(field.plain("format"), Some("flowed"));
        assert_eq!(field.plain("x"), Some("a;b\"c"));
    }

    #[test]
    fn rfc_2231_segments_are_one_text_in_the_first_ones_charset() {
        name("attachment; filename*0*=iso-2022-jp''%1B%24BF%7C; filename*1*=K%5C%1B%28B.pdf", "日本.pdf");
        name("attachment; filename*0*=utf-8'ja'%E6%97; filename*1*=%A5; filename*2=\".pdf\"", "日.pdf");
        name("attachment; filename*1=b.pdf; filename*0=a", "ab.pdf");
        name("attachment; filename*=UTF-8''%E8%B3%87%E6%96%99.xlsx", "資料.xlsx");
        name("attachment; filename*0*=shift_jis''%8E%91; filename*1*=%97%BF.xls", "資料.xls");
    }

    #[test]
    fn exim_cve_2024_39929_mix_reads_as_one_name() {
        name("attachment; filename*0*=iso-8859-1''x; filename*1=x.pdf", "xx.pdf");
    }

    #[test]
    fn the_name_that_readers_show_wins_and_the_lie_is_seen() {
        let field = Structured::parse("attachment; filename=safe.txt; filename*=utf-8''evil.exe");
        assert_eq!(field.decoded("filename", &mut Tally::default()).as_deref(), Some("evil.exe"));
        assert!(field.two_faced("filename"));
        assert!(!Structured::parse("a; filename=a.pdf; filename*=utf-8''%E8.pdf").two_faced("filename"));
    }

    #[test]
    fn encoded_words_and_bare_utf8_in_parameters_decode() {
        name("attachment; filename=\"=?ISO-2022-JP?B?GyRCRnwbKEI=?=.txt\"", "日.txt");
        name("attachment; filename=\"=?UTF-8?B?5pel?= =?UTF-8?B?5pys?=.txt\"", "日本.txt");
        name("attachment; filename=資料 一.pdf; size=3", "資料 一.pdf");
        name("attachment; filename=\"%E8%B3%87%E6%96%99.pdf\"", "資料.pdf");
        name("attachment; filename=\"50%off.txt\"", "50%off.txt");
    }

    #[test]
    fn conflicting_parameters_are_seen() {
        assert!(Structured::parse("multipart/mixed; boundary=a; boundary=b").conflicts("boundary"));
        assert!(!Structured::parse("multipart/mixed; boundary=a; boundary=a").conflicts("boundary"));
        assert!(Structured::parse("a/b; n*=utf-8''a; n*=utf-8''b").conflicts("n"));
    }

    #[test]
    fn a_fallback_for_old_readers_is_no_second_name() {
        let is_told = |plain: &str| {
            let field = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''%E8%B3%87%E6%96%99.txt");
            let field = Structured::parse(&field);
            field.two_faced("filename") || field.conflicts("filename")
        };
        // RFC 6266 4.3 and its appendix D; the second is 資料.txt, the third 別紙.txt.
        assert!(!is_told("__.txt"));
        assert!(!is_told("=?UTF-8?B?6LOH5paZLnR4dA==?="));
        assert!(is_told("=?UTF-8?B?5Yil57SZLnR4dA==?="));
        assert!(is_told("__.exe"));
    }

    #[test]
    fn a_charset_that_no_semicolon_parts_from_its_type_is_read() {
        let field = Structured::parse("Text/Plain charset=\"ISO-2022-JP\"; format=flowed");
        assert_eq!((field.value.as_str(), field.plain("charset")), ("text/plain", Some("ISO-2022-JP")));
        assert_eq!(field.plain("format"), Some("flowed"));
        assert_eq!(Structured::parse("text/plain (a) ; charset=x").plain("charset"), Some("x"));
        // Whether there are parts is in doubt here.
        assert_eq!(Structured::parse("multipart/mixed boundary=a").plain("boundary"), None);
    }

    #[test]
    fn segments_are_numbered_from_0_once_each() {
        let disordered =
            |params: &str| Structured::parse(&format!("multipart/mixed; {params}")).is_disordered("boundary");
        for params in ["boundary=a", "boundary*=a", "boundary*0=a; boundary*1=b", "boundary*1*=b; boundary*0*=a"] {
            assert!(!disordered(params), "{params}");
        }
        for params in ["*0=a; boundary*0=b", "*0=a; boundary*2=b", "*1=a", "*0=a; boundary*0*=a", "*=a; boundary*0=b"] {
            let params = &format!("boundary{params}");
            assert!(disordered(params), "{params}");
        }
    }
}
