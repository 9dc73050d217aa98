//! A reader of the XML that we write: strict, and nothing that our writer does not need.

/// What stands next.
#[derive(Debug, PartialEq)]
pub enum Event<'x> {
    /// A start tag: its name and its attributes with their values.
    Open(&'x str, Vec<(&'x str, String)>),
    Text(String),
    Close(&'x str),
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// The steps of a document, every start tag with its end tag.
pub fn events(data: &[u8]) -> Result<Vec<Event<'_>>, String> {
    let text = std::str::from_utf8(data).map_err(|error| error.to_string())?;
    let mut rest = text.strip_prefix(DECLARATION).unwrap_or(text);
    let (mut events, mut open) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        if let Some(tag) = rest.strip_prefix('<') {
            let end = tag_end(tag).ok_or("an open tag")?;
            let (tag, more) = (&tag[..end], &tag[end + 1..]);
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop() != Some(name) {
                    return Err(format!("</{name}> ends nothing"));
                }
                events.push(Event::Close(name));
            } else {
                let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
                let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
                if !is_name(name) || (open.is_empty() && !events.is_empty()) {
                    return Err(format!("<{name}>"));
                }
                events.push(Event::Open(name, pairs(attributes)?));
                if empty { events.push(Event::Close(name)) } else { open.push(name) }
            }
            rest = more;
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            if open.is_empty() {
                return Err("text outside of the root".to_owned());
            }
            events.push(Event::Text(plain(&rest[..end], "")?));
            rest = &rest[end..];
        }
    }
    if open.is_empty() && !events.is_empty() { Ok(events) } else { Err("no end".to_owned()) }
}

/// Where the tag ends: not in a value.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quoted = false;
    tag.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    })
}

fn is_name(name: &str) -> bool {
    let letters = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match name.split_once(':') {
        Some((prefix, local)) => letters(prefix) && letters(local),
        None => letters(name),
    }
}

fn pairs(mut rest: &str) -> Result<Vec<(&str, String)>, String> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").ok_or("an attribute")?;
        let (value, more) = value.split_once('"').ok_or("a value")?;
        if !is_name(name) || pairs.iter().any(|(known, _)| *known == name) {
            return Err(format!("attribute {name}"));
        }
        pairs.push((name, plain(value, "\t\n")?));
        rest = match more.strip_prefix(' ') {
            Some(more) if !more.is_empty() => more,
            Some(_) => return Err("a space too much".to_owned()),
            None if more.is_empty() => more,
            None => return Err("no space".to_owned()),
        };
    }
    Ok(pairs)
}

/// Text without its references; `never` may not stand there unless as one.
fn plain(text: &str, never: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if c == '&' {
            let end = rest.find(';').ok_or("a reference")?;
            out.push(match &rest[..=end] {
                "&amp;" => '&',
                "&lt;" => '<',
                "&gt;" => '>',
                "&quot;" => '"',
                "&#9;" => '\t',
                "&#10;" => '\n',
                other => return Err(format!("reference {other}")),
            });
            end + 1
        } else {
            let good = match c {
                '\t' | '\n' => !never.contains(c),
                '<' | '>' | '\u{FFFE}' | '\u{FFFF}' | '\u{7F}'..='\u{9F}' => false,
                c => c >= ' ',
            };
            if !good {
                return Err(format!("{c:?}"));
            }
            out.push(c);
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    Ok(out)
}
