//! Tags of bounded size.
//!
//! The tokenizer compares each attribute with all before it, so one tag of 889 KB with different attributes took 25 s.
//! Tags longer than the bound are written anew with the few attributes that are used.

/// Hands the document on in pieces, long tags cut down.
pub(super) fn pieces(html: &str, mut emit: impl FnMut(&str)) {
    let mut plain = 0;
    let mut at = 0;
    let bytes = html.as_bytes();
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'<')) {
        let start = at.saturating_add(found);
        let inner = start.saturating_add(1);
        if !bytes.get(inner).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/') {
            at = inner;
            continue;
        }
        let Some(length) = tag_length(bytes.get(start..).unwrap_or_default()) else {
            // An unclosed tag eats the rest in every reader; a quote that never closes usually means that `>` inside it is
            // the real end, which the tokenizer does not see either.
            break;
        };
        let end = start.saturating_add(length);
        if length > MAX_TAG {
            emit(html.get(plain..start).unwrap_or_default());
            emit(&shortened(html.get(start..end).unwrap_or_default()));
            plain = end;
        }
        at = end;
    }
    let rest = html.get(plain..).unwrap_or_default();
    // The unclosed tag at the end is cut as well; it yields nothing, but it must not cost quadratic time.
    let open = html.get(at..).and_then(|tail| tail.find('<')).map_or(html.len(), |found| at.saturating_add(found));
    if html.len().saturating_sub(open) > MAX_TAG && tag_length(bytes.get(open..).unwrap_or_default()).is_none() {
        emit(html.get(plain..open).unwrap_or_default());
        let is_tag = bytes.get(open.saturating_add(1)).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/');
        if is_tag {
            return;
        }
        emit(html.get(open..).unwrap_or_default());
        return;
    }
    emit(rest);
}

/// Bytes up to and including the `>` that ends a tag; quotes count only where a value starts.
fn tag_length(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut value = false;
    for (at, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if *byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return Some(at.saturating_add(1)),
            (None, b'"' | b'\'') if value => {
                quote = Some(*byte);
                value = false;
            }
            (None, b'=') => value = true,
            (None, byte) if byte.is_ascii_whitespace() => {}
            (None, _) => value = false,
        }
    }
    None
}

/// The tag with only the attributes that the converter looks at.
fn shortened(tag: &str) -> String {
    let name_end = tag.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(tag.len());
    let mut out = tag.get(..name_end.min(MAX_TAG)).unwrap_or("<x").to_owned();
    let mut rest = tag.get(name_end..).unwrap_or_default();
    let mut kept = [false; KEPT.len()];
    while let Some((attribute, after)) = attribute(rest) {
        rest = after;
        let Some(index) = KEPT.iter().position(|name| name.eq_ignore_ascii_case(attribute.name)) else { continue };
        let Some(seen) = kept.get_mut(index) else { continue };
        let room = if attribute.value.starts_with("data:image/") { MAX_DATA } else { MAX_VALUE };
        if *seen || attribute.value.len() > room {
            continue;
        }
        *seen = true;
        let quote = if attribute.value.contains('"') { '\'' } else { '"' };
        if !attribute.value.contains(quote) {
            out.extend([" ", attribute.name, "="]);
            out.push(quote);
            out.push_str(attribute.value);
            out.push(quote);
        }
    }
    out.push('>');
    out
}

struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
}

fn attribute(text: &str) -> Option<(Attribute<'_>, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))?;
    let (name, rest) = text.split_at_checked(end.max(usize::from(text.starts_with('='))))?;
    if name.is_empty() {
        return None;
    }
    let Some(value) = rest.trim_start().strip_prefix('=') else { return Some((Attribute { name, value: "" }, rest)) };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote)?;
            return Some((Attribute { name, value }, after));
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len());
    let (value, after) = value.split_at_checked(end)?;
    Some((Attribute { name, value }, after))
}

const KEPT: [&str; 24] = [
    "href",
    "src",
    "alt",
    "style",
    "hidden",
    "class",
    "width",
    "height",
    "colspan",
    "start",
    "type",
    "http-equiv",
    "id",
    "bgcolor",
    "background",
    "color",
    "text",
    "size",
    "rowspan",
    "border",
    "role",
    "rel",
    "value",
    "checked",
];

/// Longest tag that the tokenizer sees as it is: some 400 attributes at worst.
const MAX_TAG: usize = 2 * 1024;
const MAX_VALUE: usize = 8 * 1024;
/// Pictures written into the tag.
const MAX_DATA: usize = 16 * 1024 * 1024;
