//! What a file says that a stretch of a page stands for (`ActualText`, ISO 32000-1, 14.9.4): letters of ligatures, words that a
//! hyphen parts, signs drawn as pictures.

use form::pages::GlyphText;

/// Stretches that are open, and what the letters of the outermost one with a text have not said yet of it.
#[derive(Debug, Default)]
pub(super) struct Spans {
    depth: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    depth: u64,
    rest: String,
}

impl Spans {
    /// A stretch begins; `text` is what it stands for, where the file says so.
    pub(super) fn begin(&mut self, text: Option<String>) {
        self.depth = self.depth.saturating_add(1);
        if let (None, Some(rest)) = (&self.open, text) {
            self.open = Some(Open { depth: self.depth, rest: rest.chars().take(MAX_CHARS).collect() });
        }
    }

    pub(super) fn end(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.depth == self.depth) {
            self.open = None;
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether letters stand for something else than what they are.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What the next letter stands for, which by itself would be `own`: that, as long as the text goes on with it; else what is
    /// left of the text, as much of it as a letter can say.
    pub(super) fn meaning(&mut self, own: GlyphText) -> GlyphText {
        let Some(Open { rest, .. }) = &mut self.open else { return own };
        let len = own.as_str().len();
        if len > 0 && rest.starts_with(own.as_str()) {
            rest.drain(..len);
            return own;
        }
        let end = rest.char_indices().nth(GlyphText::MAX_CHARS).map_or(rest.len(), |(at, _)| at);
        let said: String = rest.drain(..end).collect();
        GlyphText::scrub(&said)
    }
}

/// The most characters of one stretch: a page of text.
const MAX_CHARS: usize = 10_000;

#[cfg(test)]
mod tests {
    use form::pages::GlyphText;

    use super::Spans;

    fn say(spans: &mut Spans, letters: &[&str]) -> Vec<String> {
        letters.iter().map(|own| spans.meaning(GlyphText::scrub(own)).as_str().to_owned()).collect()
    }

    #[test]
    fn letters_say_what_they_are_until_the_text_says_something_else() {
        let mut spans = Spans::default();
        spans.begin(Some("office".to_owned()));
        assert_eq!(say(&mut spans, &["o", "", "x"]), ["o", "ffice", ""]);
        spans.end();
        assert_eq!(say(&mut spans, &["x"]), ["x"]);
        spans.begin(None);
        spans.begin(Some("ab".to_owned()));
        spans.begin(Some("inner".to_owned()));
        assert_eq!(say(&mut spans, &["a"]), ["a"]);
        spans.end();
        assert_eq!(say(&mut spans, &["b"]), ["b"]);
        spans.end();
        assert!(!spans.is_open());
        spans.end();
    }

    #[test]
    fn a_long_text_is_said_by_several_letters() {
        let mut spans = Spans::default();
        spans.begin(Some("0123456789".repeat(2)));
        assert_eq!(say(&mut spans, &["", "", ""]), ["012345678901234567", "89", ""]);
    }
}
