//! HTML to plain text, in time linear in the input.
//!
//! Built on the tokenizer of `html5ever` and never on its tree: a tree of 16,000 nested `<div>` (80 KB) took a well-known
//! converter 52 s. What a reader would have seen is kept: paragraphs, lists, tables, quotes, preformatted text, alternative
//! texts and the real targets of links. What a reader would not have seen is dropped and counted.

mod build;
mod flow;
mod guard;
mod link;
mod outside;
mod role;
mod sheet;
mod style;
pub(crate) mod symbols;
mod table;

use std::cell::RefCell;

use form::job::Extra;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use build::Builder;

/// Plain text out of HTML, and what was left out of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The text; lines end in LF.
    pub text: String,
    /// Pieces of text that no reader would have seen: without size, in the colour of their background, out of the page.
    pub hidden: u32,
    /// Scripts, forms, embedded objects and script links.
    pub active: u32,
    /// Pictures, style sheets and media that would have been fetched from the network.
    pub remote_images: u32,
    /// Hosts of some of them.
    pub remote_hosts: Vec<String>,
    /// Pictures that nobody would have seen, and that tell their sender that the mail was opened.
    pub trackers: u32,
    /// Hosts of some of them.
    pub tracker_hosts: Vec<String>,
    /// Links that would have opened a file or a program of the reader's machine; their targets are not shown.
    pub unsafe_links: u32,
    /// Links that are kept with their target.
    pub links: u32,
    /// Links whose text shows another address than their target, as `shown → real`, hosts or mail addresses.
    pub misleading: Vec<String>,
    /// Tables that were laid out in columns.
    pub tables: u32,
}

/// Where the picture of an `<img>` goes: given the `src`, the mark that stands for it in the text.
pub type Pictures<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// Converts a document or fragment. Text that no reader would have seen is dropped, or kept behind a mark; either way it counts.
pub fn to_text(html: &str, hidden_text: Extra, pictures: &mut Pictures<'_>) -> Converted {
    let sink = Sink { builder: RefCell::new(Builder::new(hidden_text, pictures)) };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let queue = BufferQueue::default();
    guard::pieces(html, |piece| {
        queue.push_back(StrTendril::from_slice(piece));
        while !queue.is_empty() {
            // The sink asks for no script and no other charset, so every call consumes the queue.
            let _ = tokenizer.feed(&queue);
        }
    });
    tokenizer.end();
    tokenizer.sink.builder.into_inner().finish()
}

struct Sink<'a, 'b> {
    builder: RefCell<Builder<'a, 'b>>,
}

impl TokenSink for Sink<'_, '_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut builder = self.builder.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let raw = raw_kind(&tag);
                match tag.kind {
                    TagKind::StartTag => builder.start(&tag),
                    TagKind::EndTag => builder.end(&tag.name),
                }
                if let Some(kind) = raw {
                    return TokenSinkResult::RawData(kind);
                }
            }
            Token::CharacterTokens(text) => builder.text(&text),
            Token::DoctypeToken(_) => builder.doctype(),
            Token::CommentToken(_) | Token::NullCharacterToken | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

/// Elements whose content is no markup; the tree builder would tell the tokenizer, and there is none.
fn raw_kind(tag: &Tag) -> Option<RawKind> {
    if tag.kind != TagKind::StartTag || tag.self_closing {
        return None;
    }
    match &*tag.name {
        "script" => Some(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
        "title" | "textarea" => Some(RawKind::Rcdata),
        _ => None,
    }
}

/// The character set that a document names in a `<meta>`, for where nothing outside of it names one.
pub(crate) fn named_charset(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(2048))?.to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")?;
    let value = head.get(at.saturating_add(8)..)?;
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end = value.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'_')).unwrap_or(value.len());
    String::from_utf8(value.get(..end)?.to_vec()).ok().filter(|label| !label.starts_with("utf-16"))
}

/// The value of an attribute.
fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

#[cfg(test)]
mod tests;
