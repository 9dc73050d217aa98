//! What a mail is called where it is a file: its subject.

use form::text::Line;
use unicode_normalization::UnicodeNormalization;

use super::tally::Tally;
use super::{fields, word};

/// The subject of a mail as the stem of a file name, at most 60 characters; `message` where it has none.
pub(crate) fn stem(mail: &[u8], tally: &mut Tally) -> String {
    let block = fields::cut(mail, 0..mail.len().min(MAX_PEEK), MAX_PEEK);
    let subject = fields::first(&block.fields, "Subject").map(|field| word::decode(&field.text(), tally));
    let subject = Line::scrub(subject.unwrap_or_default().trim()).0.shortened(60);
    let stem: String = subject.as_str().chars().map(|c| if matches!(c, '/' | '\\' | '.') { '_' } else { c }).collect();
    if stem.trim().is_empty() { "message".to_owned() } else { stem.nfc().collect() }
}

/// How far into a mail its subject is looked for.
const MAX_PEEK: usize = 64 * 1024;
