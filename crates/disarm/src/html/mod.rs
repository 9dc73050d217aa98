//! HTML to plain text, in time linear in the input.
//!
//! Built on the tokenizer of `html5ever` and never on its tree: a tree of 16,000 nested `<div>` (80 KB) took a well-known
//! converter 52 s. What a reader would have seen is kept: paragraphs, lists, tables, quotes, preformatted text, alternative
//! texts and the real targets of links. What a reader would not have seen is dropped and counted.

mod build;
mod flow;
mod guard;
mod style;
mod table;

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

use build::Builder;

/// Plain text out of HTML, and what was left out of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The text; lines end in LF.
    pub text: String,
    /// Pieces of text that no reader would have seen.
    pub hidden: u32,
    /// Scripts, forms, embedded objects and script links.
    pub active: u32,
    /// Pictures that would have been fetched from the network.
    pub remote_images: u32,
    /// Hosts of some of those pictures.
    pub remote_hosts: Vec<String>,
    /// Links that are kept with their target.
    pub links: u32,
    /// Links whose text shows another address than their target, as `shown → target`.
    pub misleading: Vec<String>,
    /// Tables that were laid out in columns.
    pub tables: u32,
}

/// Where the picture of an `<img>` goes: given the `src`, the mark that stands for it in the text.
pub type Pictures<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// Converts a document or fragment.
pub fn to_text(html: &str, pictures: &mut Pictures<'_>) -> Converted {
    let sink = Sink { builder: RefCell::new(Builder::new(pictures)) };
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
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
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

#[cfg(test)]
mod tests;
