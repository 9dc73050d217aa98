//! What an element is to the text.

use html5ever::tokenizer::Tag;

use super::attribute;
use super::flow::Numbering;

/// What the start and end of an element mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Inline,
    Block,
    Paragraph,
    TightParagraph,
    Heading,
    List,
    Item,
    /// A block that is indented.
    Indented,
    Quote,
    Preformatted,
    Table,
    Row,
    Cell,
    /// Content that is not for readers.
    Skipped,
    /// A style sheet.
    Sheet,
    /// Ruby text, in brackets behind what it explains.
    Ruby,
    /// Raised text.
    Raised,
    /// Text that was struck out.
    Struck,
}

pub(super) fn role(name: &str, tag: &Tag) -> Role {
    match name {
        "p" => {
            // Word writes every line as a paragraph without space between.
            let tight = attribute(tag, "class").is_some_and(|class| class.to_ascii_lowercase().contains("mso"));
            if tight { Role::TightParagraph } else { Role::Paragraph }
        }
        "h1" | "h2" | "h3" => Role::Heading,
        "h4" | "h5" | "h6" => Role::Paragraph,
        "ul" | "ol" | "menu" | "dir" => Role::List,
        "li" => Role::Item,
        "dd" => Role::Indented,
        "blockquote" => Role::Quote,
        "pre" | "xmp" | "plaintext" | "listing" => Role::Preformatted,
        "table" => Role::Table,
        "tr" => Role::Row,
        "td" | "th" => Role::Cell,
        "rt" => Role::Ruby,
        "sup" => Role::Raised,
        "del" | "s" | "strike" => Role::Struck,
        "style" => Role::Sheet,
        // Brackets for readers without ruby; ours are written for `rt`.
        "rp" | "script" | "title" | "template" | "metadata" | "defs" | "desc" | "iframe" | "noembed" | "noframes"
        | "applet" | "canvas" | "datalist" => Role::Skipped,
        "div" | "address" | "article" | "aside" | "body" | "caption" | "center" | "details" | "dl" | "dt"
        | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "header" | "legend" | "main" | "nav"
        | "option" | "section" | "summary" | "hgroup" | "search" | "textarea" | "svg" => Role::Block,
        _ => Role::Inline,
    }
}

/// Elements without content.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "wbr"
            | "meta"
            | "link"
            | "base"
            | "col"
            | "area"
            | "embed"
            | "param"
            | "source"
            | "track"
            | "frame"
            | "keygen"
            | "bgsound"
            | "basefont"
            | "html"
    )
}

/// How a list is numbered, and from where.
pub(super) fn numbering(tag: &Tag) -> (Numbering, i32) {
    if &*tag.name != "ol" {
        return (Numbering::Bullet, 1);
    }
    let first = attribute(tag, "start").and_then(|n| n.trim().parse().ok()).unwrap_or(1);
    let numbering = match attribute(tag, "type").map(str::trim) {
        Some("a") => Numbering::Lower,
        Some("A") => Numbering::Upper,
        Some("i") => Numbering::LowerRoman,
        Some("I") => Numbering::UpperRoman,
        _ => Numbering::Decimal,
    };
    (numbering, first)
}

/// What a control of a form shows.
pub(super) fn control(tag: &Tag) -> Option<String> {
    let value = attribute(tag, "value").map(|value| value.split_whitespace().collect::<Vec<_>>().join(" "));
    let checked = if attribute(tag, "checked").is_some() { "[x]" } else { "[ ]" };
    match attribute(tag, "type").unwrap_or("text").trim().to_ascii_lowercase().as_str() {
        "checkbox" | "radio" => Some(checked.to_owned()),
        "hidden" | "password" | "file" | "color" | "range" => None,
        "image" => attribute(tag, "alt").filter(|alt| !alt.trim().is_empty()).map(|alt| format!("[{}]", alt.trim())),
        _ => value.filter(|value| !value.is_empty()).map(|value| format!("[{value}]")),
    }
}
