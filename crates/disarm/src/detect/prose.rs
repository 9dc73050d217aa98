//! What kind of text a text is.

use encoding_rs::SHIFT_JIS;
use form::Reason;

use super::{Content, Detected};
use crate::mail::is_field;

/// Whether bytes are text in some character set: they begin with a byte order mark, or hold no byte that only binary
/// formats use.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    if MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return true;
    }
    if is_unmarked_utf16(bytes) {
        return true;
    }
    // A stray control in a long log does not make it binary, a NUL does: no text in an 8-bit set has one. A terminal
    // capture is full of ESC, and Windows' old editors end a file with ^Z.
    let controls = bytes.iter().filter(|b| matches!(b, 1..=8 | 0x0E..=0x19 | 0x1C..=0x1F | 0x7F)).count();
    !bytes.contains(&0) && controls <= bytes.len() / 500 + usize::from(bytes.len() < 500 && bytes.len() > 32)
}

/// Text that Windows programs wrote as "Unicode" without a mark: every second byte of the ASCII in it is zero, and no
/// zero stands elsewhere.
fn is_unmarked_utf16(bytes: &[u8]) -> bool {
    let head = bytes.get(..4096).unwrap_or(bytes);
    if !bytes.len().is_multiple_of(2) || head.len() < 4 {
        return false;
    }
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let enough = head.len() / 2 * 3 / 5;
    (even == 0 && odd >= enough) || (odd == 0 && even >= enough)
}

/// The reader for a text: what it begins with, where its name does not say that it is just text.
pub(super) fn kind(bytes: &[u8], extension: &str, declared_type: &str) -> Detected {
    let media = declared_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if TABLE_EXTENSIONS.contains(&extension) {
        return table(extension == "tsv" || extension == "tab");
    }
    // The header of a mail that was not delivered is read for what its fields say, all of them.
    if TEXT_EXTENSIONS.contains(&extension) || (media == "text/rfc822-headers" && extension != "eml") {
        return Detected::new(Content::Text, "text");
    }
    let head = ascii_head(bytes);
    if head.starts_with("From ") && head.lines().nth(1).is_some_and(|line| is_field(line.as_bytes())) {
        return mailbox(bytes);
    }
    // Pages often begin with words, or with an element that could be of any XML; a browser would take them for pages all the same.
    let is_page =
        PAGE_EXTENSIONS.contains(&extension) || (extension.is_empty() && PAGE_TYPES.contains(&media.as_str()));
    match by_start(&head) {
        Some(found) if is_garbled(found.token.as_str(), bytes) => {
            return Detected::new(Content::Withheld(Reason::ForeignDocument), found.token.as_str());
        }
        Some(found) if !(is_page && found.content == Content::Xml) => return found,
        _ if is_page => return Detected::new(Content::Html, "html"),
        _ => {}
    }
    if extension == "eml" || media == "message/rfc822" || is_mail(&head) {
        return Detected::new(Content::Mail, "mail");
    }
    match media.as_str() {
        "text/csv" | "text/comma-separated-values" | "application/csv" => return table(false),
        "text/tab-separated-values" => return table(true),
        _ => {}
    }
    // Systems that "export to Excel" often write a table of text under the extension of a workbook.
    if matches!(extension, "xls" | "xlsx") {
        return table(false);
    }
    Detected::new(Content::Text, "text")
}

fn table(tabs: bool) -> Detected {
    Detected::new(Content::Table, if tabs { "tsv" } else { "csv" })
}

/// One message saved with its envelope line is a mail; several have no single text to show.
fn mailbox(bytes: &[u8]) -> Detected {
    if crate::archive::is_mbox(bytes) { Detected::by_token("mbox") } else { Detected::new(Content::Mail, "mail") }
}

/// Whether LibreOffice would read other words than stand there: neither format says its character set. SYLK it takes for that of its own
/// system, DIF for the one that it is told, which is Windows' of Japan. UTF-16 is neither, with or without a byte order mark.
fn is_garbled(token: &str, bytes: &[u8]) -> bool {
    let is_plain = bytes.is_ascii() && !bytes.contains(&0);
    match token {
        "slk" => !is_plain,
        "dif" => {
            let is_other = || bytes.contains(&0) || std::str::from_utf8(bytes).is_ok();
            !is_plain && (is_other() || SHIFT_JIS.decode_without_bom_handling(bytes).1)
        }
        _ => false,
    }
}

/// Formats that are text and say in their first line what they are.
fn by_start(head: &str) -> Option<Detected> {
    let start = head.trim_start();
    let lower = start.to_ascii_lowercase();
    if start.starts_with("#!") {
        return Some(Detected::by_token("script"));
    }
    // Excel opens whatever begins so as SYLK, which has formulas and macros.
    if start.starts_with("ID;P") {
        return Some(Detected::by_token("slk"));
    }
    let mut lines = start.lines().map(str::trim_end);
    if (lines.next(), lines.next()) == (Some("TABLE"), Some("0,1")) {
        return Some(Detected::by_token("dif"));
    }
    // Netscape sets blanks between the colon and the word.
    let begun = lower.strip_prefix("begin:").map(str::trim_start);
    if begun.is_some_and(|begun| begun.starts_with("vcalendar")) {
        return Some(Detected::new(Content::Calendar, "ics"));
    }
    if begun.is_some_and(|begun| begun.starts_with("vcard")) {
        return Some(Detected::new(Content::Card, "vcf"));
    }
    if lower.starts_with('<') {
        return markup(&lower).map(|token| match token {
            "html" => Detected::new(Content::Html, token),
            "xml" => Detected::new(Content::Xml, token),
            other => Detected::by_token(other),
        });
    }
    None
}

/// Markup by the first elements that stand in it. `lower` begins with `<`.
fn markup(lower: &str) -> Option<&'static str> {
    let has = |element: &str| lower.contains(element);
    if root(lower) == Some("html") {
        // Word and Excel save pages with settings of their own in comments.
        Some("html")
    } else if let Some((_, token)) = DOCUMENTS.iter().find(|(mark, _)| has(mark)) {
        // One XML file that is a whole document, opened by its program whatever it is called.
        Some(token)
    } else if root(lower).is_some_and(|name| name == "svg" || name.ends_with(":svg")) {
        Some("svg")
    } else if lower.starts_with("<!doctype html") || HTML.iter().any(|element| lower.starts_with(element)) {
        Some("html")
    } else if lower.starts_with("<?xml") || lower.starts_with("<!doctype") || lower.starts_with("<!entity") {
        Some(if has("<html") { "html" } else { "xml" })
    } else if HTML.iter().any(|element| has(element)) {
        Some("html")
    } else {
        // `<name>...</name>` and nothing that a browser would take for a page: an XML fragment, if its first element closes.
        let name: String =
            lower.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == ':' || *c == '-').collect();
        (!name.is_empty() && has(&format!("</{name}>"))).then_some("xml")
    }
}

/// The name of the first element, behind declarations, comments and a document type, which may have a list in brackets.
fn root(lower: &str) -> Option<&str> {
    let mut rest = lower;
    loop {
        rest = rest.trim_start();
        let (opening, closing) = if rest.starts_with("<?") {
            ("<?", "?>")
        } else if rest.starts_with("<!--") {
            ("<!--", "-->")
        } else if rest.starts_with("<!doctype") {
            let is_list = rest.find('[').is_some_and(|list| rest.find('>').is_none_or(|end| list < end));
            ("<!doctype", if is_list { "]" } else { ">" })
        } else if rest.starts_with([']', '>']) {
            // What is left of a document type behind its list.
            rest = rest.get(1..)?;
            continue;
        } else {
            let name = rest.strip_prefix('<')?;
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != ':').unwrap_or(name.len());
            return name.get(..end);
        };
        rest = rest.get(opening.len()..)?.split_once(closing)?.1;
    }
}

/// What bytes are that are no text and begin with the header of a mail. Without the line that mail programs put before each mail that they
/// store, only the name says so for certain.
pub(super) fn stored(bytes: &[u8], is_named_mail: bool) -> Option<Detected> {
    let head = ascii_head(bytes);
    let behind = head.strip_prefix("From ").and_then(|envelope| envelope.split_once('\n')).map(|(_, behind)| behind);
    match behind {
        Some(behind) => is_mail(behind).then(|| mailbox(bytes)),
        None => (is_named_mail && is_mail(&head)).then(|| Detected::new(Content::Mail, "mail")),
    }
}

/// A mail has no signature: it begins with header fields, and among them are some that only mail has.
fn is_mail(head: &str) -> bool {
    let lines: Vec<&str> = head.lines().take(60).take_while(|line| !line.is_empty()).collect();
    let well_formed = lines.iter().all(|line| is_field(line.as_bytes()) || line.starts_with([' ', '\t']));
    if !well_formed || !lines.first().is_some_and(|line| is_field(line.as_bytes())) {
        return false;
    }
    let names: Vec<String> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_ascii_lowercase())
        .collect();
    let count = |of: &[&str]| of.iter().filter(|name| names.iter().any(|found| found == *name)).count();
    let own = count(&["received", "message-id", "mime-version", "return-path", "delivered-to", "x-mailer"]);
    let shared = count(&["from", "to", "subject", "date", "cc", "reply-to", "content-type"]);
    (own >= 1 && own.saturating_add(shared) >= 2) || shared >= 3
}

/// The first bytes as text in which only ASCII matters, UTF-16 brought to one byte.
fn ascii_head(bytes: &[u8]) -> String {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let wide = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || is_unmarked_utf16(head);
    let kept = head.iter().copied().filter(|b| !wide || (*b != 0 && *b != 0xff && *b != 0xfe));
    let text: String = kept.map(|b| if b.is_ascii() { char::from(b) } else { '\u{FFFD}' }).collect();
    let text = text.trim_start_matches('\u{FFFD}');
    // Old Macs end lines so.
    if text.contains('\n') { text.to_owned() } else { text.replace('\r', "\n") }
}

/// Names that say "just text": such a file is opened by an editor, whatever stands in it.
const TEXT_EXTENSIONS: &[&str] = &["txt", "text", "log", "md"];
const PAGE_EXTENSIONS: &[&str] = &["html", "htm", "xhtml", "shtml"];
const PAGE_TYPES: &[&str] = &["text/html", "application/xhtml+xml"];
const TABLE_EXTENSIONS: &[&str] = &["csv", "tsv", "tab"];
const HTML: &[&str] = &["<html", "<head", "<body", "<script", "<table", "<iframe", "<meta", "<!--", "<div", "<a href"];
/// What stands in the first lines of documents that are one XML file: the program, or the type of what it holds.
const DOCUMENTS: &[(&str, &str)] = &[
    ("progid=\"word.document\"", "wordml"),
    ("progid=\"excel.sheet\"", "xmlss"),
    ("<w:worddocument", "wordml"),
    ("urn:schemas-microsoft-com:office:spreadsheet\"", "xmlss"),
    ("application/vnd.oasis.opendocument.text\"", "fodt"),
    ("application/vnd.oasis.opendocument.spreadsheet\"", "fods"),
    ("application/vnd.oasis.opendocument.presentation\"", "fodp"),
];
const MARKS: &[&[u8]] = &[b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
const HEAD_BYTES: usize = 8192;
