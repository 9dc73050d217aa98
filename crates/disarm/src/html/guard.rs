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
        if let Some(rest) = bytes.get(inner..).and_then(|rest| rest.strip_prefix(b"!--")) {
            // A comment may end with the dashes it began with.
            let Some(length) = comment_length(bytes.get(inner.saturating_add(1)..).unwrap_or(rest)) else {
                at = bytes.len();
                break;
            };
            at = inner.saturating_add(1).saturating_add(length);
            continue;
        }
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
        at = match raw_name(bytes.get(start..end).unwrap_or_default()) {
            Some(name) => raw_end(bytes, end, name),
            None => end,
        };
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

/// Bytes up to and including the end of a comment, from behind its `<!` on.
fn comment_length(comment: &[u8]) -> Option<usize> {
    let mut dashes = comment.windows(2).enumerate().filter(|(_, bytes)| *bytes == b"--").map(|(at, _)| at);
    dashes.find_map(|at| {
        let rest = comment.get(at.saturating_add(2)..)?;
        if rest.starts_with(b">") {
            return Some(at.saturating_add(3));
        }
        // These dashes are not those that it began with.
        (at >= 2 && rest.starts_with(b"!>")).then(|| at.saturating_add(4))
    })
}

/// The name of an element that the tag begins and whose content is no markup, as the tokenizer's sink tells it.
fn raw_name(tag: &[u8]) -> Option<&'static [u8]> {
    let inner = tag.get(1..)?;
    let end = inner.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'))?;
    let name = RAW.into_iter().find(|name| inner.get(..end).is_some_and(|own| own.eq_ignore_ascii_case(name)))?;
    // A long tag is written anew, without a slash at its end.
    (tag.len() > MAX_TAG || !is_empty(tag)).then_some(name)
}

/// Whether a tag closes itself: a slash before its end that is not the last letter of a value without quotes.
fn is_empty(tag: &[u8]) -> bool {
    let Some(inner) = tag.strip_suffix(b"/>") else { return false };
    let word = inner.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    !word.contains(&b'=') || word.ends_with(b"\"") || word.ends_with(b"'")
}

/// Where the end tag of an element without markup begins; the end of the document where there is none.
fn raw_end(bytes: &[u8], from: usize, name: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let ends = |at: &usize| {
        let tag = rest.get(at.saturating_add(2)..).unwrap_or_default();
        let (own, after) = tag.split_at_checked(name.len()).unwrap_or((tag, b""));
        own.eq_ignore_ascii_case(name)
            && after.first().is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'))
    };
    let mut tags = rest.windows(2).enumerate().filter(|(_, bytes)| *bytes == b"</").map(|(at, _)| at);
    tags.find(ends).map_or(bytes.len(), |at| from.saturating_add(at))
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

/// Elements whose content is no markup.
const RAW: [&[u8]; 8] = [b"script", b"style", b"textarea", b"title", b"xmp", b"iframe", b"noembed", b"noframes"];

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

#[cfg(test)]
mod tests {
    use super::pieces;

    fn joined(html: &str) -> String {
        let mut out = String::new();
        pieces(html, |piece| out.push_str(piece));
        out
    }

    #[test]
    fn comments_and_raw_text_are_no_tags() {
        let long = "x".repeat(5_000);
        for raw in [
            "<!-- <a href='b -->",
            "<!--><p>",
            "<!-- <a --!>",
            "<script>if (a<b && c == 'd) {}</script>",
            "<SCRIPT src=a/>a<b='</Script >",
            "<style><a ='</style\n>",
            "<textarea></textareas><a ='</textarea>",
            "<title/><title><a =\"</title>",
        ] {
            let html = format!("{raw}<p>{long}</p>");
            assert_eq!(joined(&html), html, "{raw}");
        }
        // What never ends is for the tokenizer to read, too.
        for open in ["<!-- <a ='", "<script>a<b='", "<xmp><a ='"] {
            let html = format!("{open}{long}");
            assert_eq!(joined(&html), html, "{open}");
        }
        // Tags stay cut where they are tags.
        assert!(joined(&format!("<!----><a x='{long}'>")).len() < 100);
        assert!(joined(&format!("<title/><a x='{long}'>")).len() < 100);
    }

    #[test]
    fn hostile_comments_and_raw_text_are_read_in_linear_time() {
        let begun = std::time::Instant::now();
        for piece in [
            "<!--",
            "<!-->",
            "<!---->",
            "<!--!>",
            "<!-- --!>",
            "<script>",
            "<script></scrip",
            "<xmp></xmp>",
            "</",
            "<title/>",
        ] {
            let _ = joined(&piece.repeat(1_000_000 / piece.len()));
        }
        assert!(begun.elapsed().as_secs() < 10);
    }
}
