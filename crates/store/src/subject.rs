//! What whoever uploads files says of them.

use std::fmt;

use form::text::Line;
use unicode_normalization::UnicodeNormalization;

/// The reason for an upload, or the subject it is about, in its sender's own words: one clean line ([`Line`]) in Unicode's form C, without
/// space around it, of at most [`MOST_CHARACTERS`](Self::MOST_CHARACTERS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSubject(String);

/// The text is longer than is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject of {characters} characters; at most {} are kept", UploadSubject::MOST_CHARACTERS)]
pub struct SubjectTooLong {
    /// Its length, in characters.
    pub characters: usize,
}

impl UploadSubject {
    /// Most characters of a subject.
    pub const MOST_CHARACTERS: usize = 200;

    /// Reads what was typed; `None` when nothing was. Line ends and tabs, which come with what is copied from a table, become spaces, and
    /// controls and what nobody sees are left out.
    ///
    /// # Errors
    /// [`SubjectTooLong`]: a text that is cut would be another one than its sender's.
    pub fn parse(raw: &str) -> Result<Option<Self>, SubjectTooLong> {
        // The form comes first: what it makes longer or shorter is counted as it is kept.
        let composed: String = raw.nfc().collect();
        let (line, _) = Line::scrub(&composed);
        let text = line.as_str().trim();
        match text.chars().count() {
            0 => Ok(None),
            characters if characters > Self::MOST_CHARACTERS => Err(SubjectTooLong { characters }),
            _ => Ok(Some(Self(text.to_owned()))),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(raw: &str) -> Option<String> {
        UploadSubject::parse(raw).unwrap().map(|subject| subject.to_string())
    }

    #[test]
    fn what_is_kept_is_one_clean_composed_line() {
        for (raw, expect) in [
            ("見積の件", Some("見積の件")),
            ("  見積の件\r\n", Some("見積の件")),
            // Unicode, UAX #15: KA and a combining mark are GA in form C.
            ("か\u{3099}くし", Some("がくし")),
            ("契約\t第3号", Some("契約 第3号")),
            ("a\u{0}b\u{7}\u{202E}c", Some("abc")),
            ("葛\u{E0100}城市", Some("葛\u{E0100}城市")),
            ("", None),
            (" \u{3000}\t\r\n", None),
            ("\u{0}\u{200B}", None),
        ] {
            assert_eq!(kept(raw).as_deref(), expect, "{raw:?}");
        }
    }

    #[test]
    fn the_most_characters_are_kept_and_one_more_is_refused() {
        let most = UploadSubject::MOST_CHARACTERS;
        assert_eq!(kept(&"件".repeat(most)).unwrap().chars().count(), most);
        let long = UploadSubject::parse(&"件".repeat(most + 1));
        assert_eq!(long, Err(SubjectTooLong { characters: most + 1 }));
        // Two characters each as they were typed, one each as they are kept.
        assert_eq!(kept(&"か\u{3099}".repeat(most)).unwrap().chars().count(), most);
    }
}
