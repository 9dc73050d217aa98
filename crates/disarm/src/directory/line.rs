//! Content lines: `GROUP.NAME;PARAM=value:value`, folded (RFC 5545 3.1, RFC 6350 3.2), with the quoted-printable of vCard 2.1.

use crate::charset;
use crate::mail::transfer;

/// One line, unfolded and decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In capitals, without a group.
    pub(super) name: String,
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
        let mut line = Line { name: String::new(), params: Vec::new(), value: String::with_capacity(self.value.len()) };
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

/// The lines of a file. `label` is the charset that it came with.
pub(super) fn lines(bytes: &[u8], label: Option<&str>) -> impl Iterator<Item = Line> {
    let wide = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let bytes = if wide { charset::decode(bytes, None).text.into_bytes() } else { bytes.to_vec() };
    // One charset for all that does not name its own: a single line may be too short to be told apart.
    let plain = charset::decode(&bytes, label);
    let name = plain.charset;
    let mut rest = 0_usize;
    std::iter::from_fn(move || {
        loop {
            let raw = unfolded(&bytes, &mut rest)?;
            if let Some(line) = parse(&raw, name) {
                return Some(line);
            }
        }
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
        if !first && !soft && !folded {
            return Some(out);
        }
        let ended = rest.get(line.len()..).unwrap_or_default();
        let step = if ended.starts_with(b"\r\n") { 2 } else { usize::from(!ended.is_empty()) };
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

fn parse(raw: &[u8], charset: &str) -> Option<Line> {
    let mut in_quotes = false;
    let colon = raw.iter().position(|byte| {
        in_quotes ^= *byte == b'"';
        *byte == b':' && !in_quotes
    })?;
    let (head, value) = raw.split_at_checked(colon)?;
    let value = value.get(1..)?;
    let head = charset::decode(head, Some(charset)).text;
    let mut pieces = split_quoted(&head, ';');
    let name = pieces.next()?;
    let name = name.rsplit('.').next().unwrap_or_default().trim().to_ascii_uppercase();
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
    let named = param("CHARSET").map(str::to_owned);
    let value = charset::decode(&bytes, Some(named.as_deref().unwrap_or(charset))).text;
    Some(Line { name, params, value })
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
}
