//! Passwords that a mail may tell for a file in another mail, read out of its subject and text.
//!
//! Senders announce them in a hundred ways, so the words are data ([`Wording`]) and the places are few: behind the announcement, in
//! quotes beside it, alone on a line below it, or the day of sending. A candidate that is none costs a try in a room and nothing
//! else: what opens is decided by the file, and who gets it by the envelopes.
//!
//! The text is a verified form. Lines, letters and candidates are bounded, and the time is linear in them.

mod line;
mod wording;

use form::job::{DirtyJob, Password};
use form::mail::MailDate;

use line::{Token, tokens};
pub use wording::Wording;

/// The most candidates of one mail: what one room tries.
pub const MAX_CANDIDATES: usize = DirtyJob::MAX_PASSWORDS as usize;

/// Lines of a mail that are looked at. Who tells a password does it early.
const MAX_LINES: usize = 2_000;

/// Letters of a line that are looked at.
const MAX_LINE_CHARS: usize = 1_000;

/// Letters of a mail that are looked at.
const MAX_CHARS: usize = 100_000;

/// Announcements of one line that are looked at.
const MAX_ANNOUNCEMENTS: usize = 4;

/// Lines below an announcement in which the password may stand, empty ones not counted.
const BELOW: usize = 6;

/// A mail with no more lines of text may be nothing but a password.
const BARE_LINES: usize = 3;

/// Candidates that are collected before the best are taken.
const MAX_COLLECTED: usize = 500;

/// Reads the candidates of a mail, the most likely ones first, at most [`MAX_CANDIDATES`].
pub(crate) fn of_mail(wording: &Wording, subject: &str, text: &str, date: Option<MailDate>) -> Vec<Password> {
    let mut found = Found::default();
    let mut left = MAX_CHARS;
    let bounded = text.lines().take(MAX_LINES).map(read).map_while(|line| {
        left = left.checked_sub(line.len())?;
        Some(line)
    });
    let lines: Vec<Vec<char>> = bounded.collect();
    let subject = read(subject);
    let announced_above = wording.announces(&subject);
    collect_line(wording, &subject, &mut found, date);
    let mut announced = announced_above;
    // How many lines of text have followed the last announcement.
    let mut below = if announced_above { Some(0) } else { None };
    for line in &lines {
        if line.iter().all(|c| c.is_whitespace()) {
            continue;
        }
        let here = wording.announces(line);
        if here {
            collect_line(wording, line, &mut found, date);
            (announced, below) = (true, Some(0));
        } else if let Some(after) = below.filter(|after| *after < BELOW) {
            collect_below(wording, line, after, &mut found, date);
            below = Some(after.saturating_add(1));
        }
    }
    let filled = lines.iter().filter(|line| !line.iter().all(|c| c.is_whitespace())).count();
    if announced || filled <= BARE_LINES {
        for line in &lines {
            collect_anywhere(wording, line, announced, &mut found);
        }
    }
    found.best()
}

/// A line as it is compared: without marks of quotation before it, half-width where there is a half-width form.
fn read(line: &str) -> Vec<char> {
    let line = line.trim_start_matches(['>', '|', ' ', '\t', '\u{3000}']).trim_end();
    line.chars().take(MAX_LINE_CHARS).collect()
}

/// The line of the announcement: what follows it, what stands in quotes, what stands before it.
fn collect_line(wording: &Wording, line: &[char], found: &mut Found, date: Option<MailDate>) {
    let spans = wording.announcements(line);
    let Some((start, _)) = spans.first().copied() else { return };
    collect_dates(wording, line, found, date);
    for (_, end) in spans.iter().take(MAX_ANNOUNCEMENTS) {
        let Some(rest) = line.get(*end..) else { continue };
        if let Some(told) = line::told(rest, wording) {
            found.add_all(wording, &told, 0);
        }
        for (index, after) in wording.separated(rest).into_iter().enumerate() {
            if let Some(told) = line::told(after, wording) {
                found.add_all(wording, &told, if index == 0 { 1 } else { 2 });
            }
        }
    }
    let before = line.get(..start).unwrap_or_default();
    for token in tokens(line) {
        let score = match (token.quoted, token.end <= before.len()) {
            (true, _) => 2,
            (false, true) => 5,
            (false, false) => 4,
        };
        found.add(wording, &token, score);
    }
}

/// A line below the announcement: alone on it, behind a label, or in quotes.
fn collect_below(wording: &Wording, line: &[char], after: usize, found: &mut Found, date: Option<MailDate>) {
    collect_dates(wording, line, found, date);
    if line::is_prose(line) {
        return;
    }
    let near = u32::try_from(after).unwrap_or(u32::MAX);
    if let Some(alone) = line::alone(line) {
        found.add_all(wording, &alone, near.saturating_add(1));
        return;
    }
    for separated in wording.separated(line) {
        if let Some(told) = line::told(separated, wording) {
            found.add_all(wording, &told, near.saturating_add(3));
        }
    }
    for token in tokens(line).into_iter().filter(|token| token.quoted || token.is_mixed()) {
        found.add(wording, &token, near.saturating_add(if token.quoted { 2 } else { 4 }));
    }
}

/// Anything in the mail that nobody writes as a word.
fn collect_anywhere(wording: &Wording, line: &[char], announced: bool, found: &mut Found) {
    if let Some(alone) = line::alone(line) {
        found.add_all(wording, &alone, if announced { 9 } else { 12 });
    }
    if announced {
        for token in tokens(line).into_iter().filter(Token::is_mixed) {
            found.add(wording, &token, 14);
        }
    }
}

fn collect_dates(wording: &Wording, line: &[char], found: &mut Found, date: Option<MailDate>) {
    if let Some(date) = date.filter(|_| wording.means_date(line)) {
        for (index, text) in line::dates(line, date).into_iter().enumerate() {
            found.put(text, u32::try_from(index).unwrap_or(u32::MAX).min(3));
        }
    }
}

/// What was found, with a figure that is the lower the likelier it is.
#[derive(Default)]
struct Found(Vec<(u32, String)>);

impl Found {
    fn add_all(&mut self, wording: &Wording, tokens: &[Token], score: u32) {
        for token in tokens {
            self.add(wording, token, score);
        }
    }

    fn add(&mut self, wording: &Wording, token: &Token, score: u32) {
        if wording.is_never(token) || line::is_contact(token) {
            return;
        }
        for (index, text) in token.readings().into_iter().enumerate() {
            let worse = if index == 0 { 0 } else { 3 };
            self.put(text, score.saturating_add(worse));
        }
    }

    fn put(&mut self, text: String, score: u32) {
        if self.0.len() < MAX_COLLECTED {
            self.0.push((score, text));
        }
    }

    fn best(mut self) -> Vec<Password> {
        // Stable: of two that are as likely, the one that was told first.
        self.0.sort_by_key(|(score, _)| *score);
        let mut best: Vec<Password> = Vec::new();
        for (_, text) in self.0 {
            if best.len() >= MAX_CANDIDATES {
                break;
            }
            if let Some(password) = Password::new(&text)
                && !best.contains(&password)
            {
                best.push(password);
            }
        }
        best
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]
mod tests;
