//! Letters as outlines with what they mean.

use super::geometry::{Path, check_numbers, take_number};
use crate::codec::DecodeError;
use crate::reason::{Reason, Refusal};
use crate::text::{Text, TextError};
use crate::wire::{Cursor, Sink, size};

/// One letter of a synthetic font: 1,000 units to the em.
#[derive(Clone, Debug, PartialEq)]
pub struct Glyph {
    /// How far the next letter stands, in glyph units.
    pub advance: f32,
    /// Its outline, filled by the non-zero rule, at most [`Glyph::MAX_SEGMENTS`]; empty for a space.
    pub outline: Path,
    /// The characters it stands for, may be empty.
    pub text: GlyphText,
}

impl Glyph {
    /// The most segments of an outline: the most detailed letters of ornamental fonts have some thousands.
    pub const MAX_SEGMENTS: u32 = 20_000;

    /// More than a glyph of the most segments takes in a stream.
    pub(crate) const MAX_BYTES: u64 = 512 * 1024;

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        Refusal::check(Reason::LimitResources, Self::MAX_SEGMENTS.into(), size(self.outline.segments.len()))?;
        check_numbers(&[self.advance])?;
        self.outline.check()
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.f32(self.advance);
        sink.string(self.text.as_str());
        self.outline.put(sink);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Glyph, DecodeError> {
        let advance = take_number(cursor)?;
        let text = GlyphText::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("text of a glyph"))?;
        let outline = Path::take(cursor, Self::MAX_SEGMENTS.into(), Reason::LimitResources)?;
        Ok(Glyph { advance, outline, text })
    }
}

/// What a glyph stands for: what may stand in a [`Text`], but no line ends and tabs, at most [`GlyphText::MAX_CHARS`]; or
/// nothing that a letter before it has not said already ([`GlyphText::said`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GlyphText(String);

impl GlyphText {
    /// The most characters: the longest ligatures have four, ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM has eighteen.
    pub const MAX_CHARS: usize = 18;

    /// Makes any string fit: what may not stand there is dropped, the rest is cut.
    pub fn scrub(raw: &str) -> GlyphText {
        // Four times the length leaves room for what is dropped; a map that says more for one letter says nonsense.
        let raw: String = raw.chars().take(Self::MAX_CHARS.saturating_mul(4)).collect();
        let (clean, _) = Text::scrub(&raw);
        let kept: String = clean.as_str().chars().filter(|c| !is_layout(*c)).take(Self::MAX_CHARS).collect();
        // The cut may have left a joiner that joins nothing.
        let (kept, _) = Text::scrub(&kept);
        GlyphText(kept.into_string())
    }

    /// A letter that goes with one before it, which says what both stand for: a part of a ligature, a dot of a row that is
    /// one sign. It is no letter of which nobody knows what it stands for.
    ///
    /// Written as a zero width space, the one thing that readers show and copy as nothing: a letter without a character is
    /// taken for its code by some of them, and for a gap between words by others.
    pub fn said() -> GlyphText {
        GlyphText(SAID.to_owned())
    }

    /// Whether a letter before it says what it stands for.
    pub fn is_said(&self) -> bool {
        self.0 == SAID
    }

    /// Takes a string that must need no change.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_CHARS`](Self::MAX_CHARS), [`TextError::Forbidden`] or [`TextError::OpenJoiner`] for
    /// what is not clean.
    pub fn parse(raw: &str) -> Result<GlyphText, TextError> {
        if raw == SAID {
            return Ok(GlyphText::said());
        }
        if raw.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(TextError::TooLong { limit: Self::MAX_CHARS });
        }
        if let Some(c) = raw.chars().find(|c| is_layout(*c)) {
            return Err(TextError::Forbidden(c));
        }
        Ok(GlyphText(Text::parse(raw)?.into_string()))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the glyph says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const SAID: &str = "\u{200B}";

fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_glyph_says_18_characters_and_not_19() {
        assert!(GlyphText::parse(&"あ".repeat(18)).is_ok());
        assert_eq!(GlyphText::parse(&"あ".repeat(19)), Err(TextError::TooLong { limit: 18 }));
        assert_eq!(GlyphText::scrub(&"あ".repeat(19)).as_str(), "あ".repeat(18));
    }

    #[test]
    fn what_nobody_sees_is_dropped_and_what_varies_a_letter_stays() {
        for (raw, expected) in [
            ("葛\u{E0100}", "葛\u{E0100}"),
            ("\u{E000}", "\u{E000}"),
            ("ﬁ", "ﬁ"),
            ("👨\u{200D}👩", "👨\u{200D}👩"),
            ("\0a\u{202E}\r\n\tb\u{200B}\u{FFFE}\u{E0041}", "ab"),
            ("\u{E0100}", ""),
            ("", ""),
        ] {
            assert_eq!(GlyphText::scrub(raw).as_str(), expected, "{raw:?}");
        }
        for bad in ["\n", "a\tb", "\0", "\u{202E}", "\u{200D}", "\u{E0100}"] {
            assert!(GlyphText::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_was_said_before_is_told_apart_from_what_nobody_knows() {
        let said = GlyphText::said();
        assert!(said.is_said() && !said.is_empty() && !GlyphText::default().is_said());
        assert_eq!(GlyphText::parse(said.as_str()), Ok(said));
        // Only alone, and never by a text of a file.
        assert!(GlyphText::parse("a\u{200B}").is_err() && GlyphText::parse("\u{200B}\u{200B}").is_err());
        assert!(GlyphText::scrub("\u{200B}").is_empty());
    }

    proptest! {
        #[test]
        fn scrubbed_text_parses_and_is_a_fixed_point(raw in "[a\\n\\t\u{200D}\u{FE0F}\u{E0100}👨👩葛\u{202E}]{0,60}|.{0,60}") {
            let clean = GlyphText::scrub(&raw);
            prop_assert_eq!(GlyphText::parse(clean.as_str()), Ok(clean.clone()));
            prop_assert_eq!(GlyphText::scrub(clean.as_str()), clean);
        }
    }
}
