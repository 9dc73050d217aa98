//! The words that announce a password, as data.

use super::line::{Token, folded};

/// The words of all sites; see the file itself.
const WORDS: &str = include_str!("../../data/passwords.txt");

/// Words that a site may add.
const MAX_ADDED: usize = 200;

/// Letters of one word.
const MAX_WORD_CHARS: usize = 64;

/// The words by which passwords are found in a mail.
#[derive(Debug, Clone)]
pub struct Wording {
    keywords: Vec<Vec<char>>,
    separators: Vec<Vec<char>>,
    dates: Vec<Vec<char>>,
    never: Vec<String>,
}

impl Default for Wording {
    fn default() -> Self {
        Self::with(&[])
    }
}

impl Wording {
    /// The words of all sites, and announcements that a site adds. Of those the first 200 are taken, 64 letters of each.
    pub fn with(added: &[String]) -> Self {
        let mut wording = Self { keywords: Vec::new(), separators: Vec::new(), dates: Vec::new(), never: Vec::new() };
        let mut section = "";
        for line in WORDS.lines() {
            let entry = line.split('#').next().unwrap_or_default();
            // A blank at the end belongs to the word (`pw `), blanks before a comment do not.
            let entry = if entry.len() < line.len() { entry.trim() } else { entry };
            match entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(name) => section = name,
                None if entry.is_empty() => {}
                None => wording.put(section, entry),
            }
        }
        for word in added.iter().filter(|word| !word.trim().is_empty()).take(MAX_ADDED) {
            wording.put("keyword", word.trim());
        }
        wording
    }

    fn put(&mut self, section: &str, entry: &str) {
        let word: Vec<char> = folded(&entry.chars().take(MAX_WORD_CHARS).collect::<Vec<_>>());
        match section {
            "keyword" => self.keywords.push(word),
            "separator" => self.separators.push(word),
            "date" => self.dates.push(word),
            "never" => self.never.push(word.into_iter().collect()),
            _ => {}
        }
    }

    /// Whether a password is announced in the line.
    pub(super) fn announces(&self, line: &[char]) -> bool {
        !self.announcements(line).is_empty()
    }

    /// From where to where in the line a password is announced.
    pub(super) fn announcements(&self, line: &[char]) -> Vec<(usize, usize)> {
        let line = folded(line);
        let mut spans = Vec::new();
        let mut at = 0;
        while at < line.len() {
            match self.longest(&self.keywords, &line, at) {
                Some(length) => {
                    spans.push((at, at.saturating_add(length)));
                    at = at.saturating_add(length);
                }
                None => at = at.saturating_add(1),
            }
        }
        spans
    }

    /// What follows each separator of the line.
    pub(super) fn separated<'a>(&self, line: &'a [char]) -> Vec<&'a [char]> {
        let compared = folded(line);
        let mut rests = Vec::new();
        let mut at = 0;
        while at < compared.len() && rests.len() < MAX_SEPARATED {
            match self.longest(&self.separators, &compared, at) {
                Some(length) => {
                    at = at.saturating_add(length);
                    rests.extend(line.get(at..).filter(|rest| !rest.is_empty()));
                }
                None => at = at.saturating_add(1),
            }
        }
        rests
    }

    /// Whether the line says that the day of sending is the password.
    pub(super) fn means_date(&self, line: &[char]) -> bool {
        let line = folded(line);
        (0..line.len()).any(|at| self.longest(&self.dates, &line, at).is_some())
    }

    /// Whether this is a word that stands in such mails and is no password.
    pub(super) fn is_never(&self, token: &Token) -> bool {
        let text: String = folded(&token.text.chars().collect::<Vec<_>>()).into_iter().collect();
        let text = text.trim_matches(|c: char| c.is_ascii_punctuation());
        text.is_empty() || self.never.iter().any(|never| never.trim() == text)
    }

    /// How long the longest of the words is that begins at a place of the line. A word of letters must be a whole one there.
    fn longest(&self, words: &[Vec<char>], line: &[char], at: usize) -> Option<usize> {
        let rest = line.get(at..)?;
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        let inside = |c: Option<&char>| c.is_some_and(char::is_ascii_alphabetic);
        words
            .iter()
            .filter(|word| rest.starts_with(word))
            .filter(|word| {
                !(inside(word.first()) && inside(before) || inside(word.last()) && inside(rest.get(word.len())))
            })
            .map(Vec::len)
            .max()
    }
}

/// Separators of one line behind which a password is looked for.
const MAX_SEPARATED: usize = 8;
