//! What a file says that a stretch of a page stands for (`ActualText`, ISO 32000-1, 14.9.4): letters of ligatures, words that a
//! hyphen parts, signs drawn as pictures.

use form::pages::GlyphText;
use form::text::Text;
use unicode_normalization::UnicodeNormalization;

/// Stretches that are open, and what the letters of the outermost one with a text have not said yet of it.
#[derive(Debug, Default)]
pub(super) struct Spans {
    depth: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    depth: u64,
    /// How many clips were open where it begins.
    clips: u32,
    rest: String,
    /// Whether a letter said something else than what it is: then others may have nothing left to say.
    stands_in: bool,
    /// Letters that had nothing left to say.
    silent: usize,
}

impl Spans {
    /// A stretch begins within `clips` clips; `text` is what it stands for, where the file says so. A text of which nothing
    /// can be seen, such as a soft hyphen, leaves letters what they are.
    pub(super) fn begin(&mut self, text: Option<String>, clips: u32) {
        self.depth = self.depth.saturating_add(1);
        if self.open.is_some() {
            return;
        }
        let raw: String = text.unwrap_or_default().chars().take(MAX_CHARS).collect();
        let (clean, _) = Text::scrub(&raw);
        let rest: String = clean.as_str().chars().filter(|c| !matches!(c, '\n' | '\t')).collect();
        if !rest.is_empty() {
            self.open = Some(Open { depth: self.depth, clips, rest, stands_in: false, silent: 0 });
        }
    }

    pub(super) fn end(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.depth == self.depth) {
            self.open = None;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// A clip ends and leaves `clips` open: what began in it ends with it. Forms are clips, too.
    pub(super) fn unclip(&mut self, clips: u32) {
        if self.open.as_ref().is_some_and(|open| open.clips > clips) {
            self.open = None;
        }
    }

    /// Whether letters stand for something else than what they are.
    #[cfg(test)]
    fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What the next letter stands for, which by itself would be `own`: that, as long as the text goes on with it; else what is
    /// left of the text, as much of it as a letter can say; and where nothing is left, what a letter before it has said.
    pub(super) fn meaning(&mut self, own: GlyphText) -> GlyphText {
        let Some(open) = &mut self.open else { return own };
        if open.rest.is_empty() {
            open.silent = open.silent.saturating_add(1);
            // What goes on behind its text was never ended.
            if !open.stands_in || open.silent > MAX_SILENT {
                self.open = None;
                return own;
            }
            return GlyphText::said();
        }
        if let Some(told) = open.go_on(own.as_str()) {
            return told;
        }
        open.stands_in = true;
        let end = open.rest.char_indices().nth(GlyphText::MAX_CHARS).map_or(open.rest.len(), |(at, _)| at);
        let said: String = open.rest.drain(..end).collect();
        match GlyphText::scrub(&said) {
            // Half of a sign, cut off, is none.
            said if said.is_empty() => GlyphText::said(),
            said => said,
        }
    }
}

impl Open {
    /// What a letter says with which the text goes on, as the text spells it: letters of ligatures are one by one in some
    /// texts, and signs of several letters one letter in others.
    fn go_on(&mut self, own: &str) -> Option<GlyphText> {
        if own.is_empty() {
            return None;
        }
        if self.rest.starts_with(own) {
            self.rest.drain(..own.len());
            return Some(GlyphText::scrub(own));
        }
        let plain: String = own.nfkc().collect();
        if plain.is_empty() {
            return None;
        }
        if !self.rest.starts_with(&plain) {
            let first = self.rest.chars().next()?;
            let parts: String = std::iter::once(first).nfkc().collect();
            if !parts.starts_with(&plain) {
                return None;
            }
            self.rest.replace_range(..first.len_utf8(), &parts);
        }
        self.rest.drain(..plain.len());
        Some(GlyphText::scrub(&plain)).filter(|told| !told.is_empty())
    }
}

/// The most characters of one stretch: a page of text.
const MAX_CHARS: usize = 10_000;
/// The most letters that have nothing left to say: a row of dots that is one sign.
const MAX_SILENT: usize = 100;

#[cfg(test)]
mod tests {
    use form::pages::GlyphText;

    use super::Spans;

    fn say(spans: &mut Spans, letters: &[&str]) -> Vec<String> {
        letters.iter().map(|own| spans.meaning(GlyphText::scrub(own)).as_str().to_owned()).collect()
    }

    fn begin(text: &str) -> Spans {
        let mut spans = Spans::default();
        spans.begin(Some(text.to_owned()), 0);
        spans
    }

    const SAID: &str = "\u{200B}";

    #[test]
    fn letters_say_what_they_are_until_the_text_says_something_else() {
        let mut spans = begin("office");
        assert_eq!(say(&mut spans, &["o", "", "x"]), ["o", "ffice", SAID]);
        spans.end();
        assert_eq!(say(&mut spans, &["x"]), ["x"]);
        spans.begin(None, 0);
        spans.begin(Some("ab".to_owned()), 0);
        spans.begin(Some("inner".to_owned()), 0);
        assert_eq!(say(&mut spans, &["a"]), ["a"]);
        spans.end();
        assert_eq!(say(&mut spans, &["b"]), ["b"]);
        spans.end();
        assert!(!spans.is_open());
        spans.end();
    }

    #[test]
    fn a_long_text_is_said_by_several_letters() {
        let mut spans = begin(&"0123456789".repeat(2));
        assert_eq!(say(&mut spans, &["", "", ""]), ["012345678901234567", "89", SAID]);
    }

    #[test]
    fn a_text_of_which_nothing_is_seen_leaves_letters_what_they_are() {
        for text in ["", "\u{AD}", "\t", "\u{200B}"] {
            assert_eq!(say(&mut begin(text), &["-", "x"]), ["-", "x"], "{text:?}");
        }
    }

    #[test]
    fn ligatures_go_on_with_their_letters() {
        assert_eq!(say(&mut begin("office"), &["o", "\u{FB03}", "c", "e"]), ["o", "ffi", "c", "e"]);
        assert_eq!(say(&mut begin("o\u{FB03}ce"), &["o", "f", "f", "i", "ce"]), ["o", "f", "f", "i", "ce"]);
        assert_eq!(say(&mut begin("\u{2026}"), &[".", ".", "."]), [".", ".", "."]);
        assert_eq!(say(&mut begin("\u{2026}"), &["\u{B7}", "\u{B7}"]), ["\u{2026}", SAID]);
    }

    #[test]
    fn a_stretch_that_is_not_ended_says_no_more_than_its_text() {
        assert_eq!(say(&mut begin("ab"), &["a", "b", "c", "d"]), ["a", "b", "c", "d"]);
        let mut spans = Spans::default();
        spans.begin(Some("hello".to_owned()), 2);
        assert_eq!(say(&mut spans, &["", "x"]), ["hello", SAID]);
        spans.unclip(2);
        assert!(spans.is_open());
        spans.unclip(1);
        assert_eq!(say(&mut spans, &["x"]), ["x"]);
        let said = say(&mut begin("hello"), &["x"; 200]);
        assert_eq!((said[0].as_str(), said[1].as_str(), said[199].as_str()), ("hello", SAID, "x"));
    }
}
