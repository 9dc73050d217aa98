//! mbox (RFC 4155): the mails of a folder, each behind a line that begins with `From `.
//!
//! Programs write four dialects of it and none says which. A line begins a mail here where nothing or an empty line stands before it
//! and a field of a header behind it, and where it has a date if the first of them has one, as RFC 4155 asks; any other is text that begins
//! with the word. A reader of another dialect cuts at other places, but what stands in the file is in one mail or the other. `>From ` stays
//! as it is: some dialects added the mark and some did not.

use std::borrow::Cow;
use std::io::Write;

use form::{Place, Reason};

use super::members::{Listed, Node, members};
use super::names::Name;
use super::output::Output;
use crate::error::{Error, size, within};
use crate::mail::tally::Tally;
use crate::mail::{called, is_field, line_at, line_ends};
use crate::room::Part;

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let most = usize::try_from(limits.parts).unwrap_or(usize::MAX);
    let lines = line_ends(part.input);
    if let Cow::Owned(_) = lines {
        part.findings.add(Reason::EncodingRepaired, Place::new("CR"));
    }
    let mails: Vec<&[u8]> = Mails::of(&lines).take(most.saturating_add(1)).collect();
    within(Reason::LimitParts, limits.parts.into(), size(mails.len()))?;
    let mut tally = Tally::default();
    // The number keeps the order of the folder, and mails of one subject apart.
    let digits = mails.len().to_string().len();
    let called = |(index, mail): (usize, &&[u8])| {
        format!("{:0digits$} {}.eml", index.saturating_add(1), called::stem(mail, &mut tally))
    };
    let names: Vec<String> = mails.iter().enumerate().map(called).collect();
    let listed = |name| Listed { name: Name::Known(name), node: Node::File, has_data: true };
    let listed: Vec<Listed<'_>> = names.iter().map(|name| listed(name.into())).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    part.findings.add(Reason::FormatConverted, Place::new("mbox → eml"));
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for member in named {
        let spill = output.spill();
        spill.begin();
        spill.write(mails.get(member.index).copied().unwrap_or_default())?;
        output.member(member.path, None, None)?;
    }
    output.finish(part.findings)
}

/// Whether bytes that begin with a mail of such a folder hold another one.
pub(crate) fn holds_several(input: &[u8]) -> bool {
    Mails::of(&line_ends(input)).nth(1).is_some()
}

/// The mails of a folder one after the other, without the lines that part them.
struct Mails<'a> {
    rest: &'a [u8],
    separators: Separators,
}

/// The lines that part the mails of a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separators {
    /// They say when the mail came.
    Dated,
    /// Nothing is known of what stands in them.
    Plain,
}

impl<'a> Mails<'a> {
    fn of(input: &'a [u8]) -> Mails<'a> {
        let is_dated = Separators::Dated.parts(input);
        Mails { rest: input, separators: if is_dated { Separators::Dated } else { Separators::Plain } }
    }
}

impl<'a> Iterator for Mails<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = if self.separators.parts(self.rest) { line(self.rest).len() } else { 0 };
        let mail = self.rest.get(start..).filter(|mail| !mail.is_empty())?;
        let mut at = 0;
        let mut after_blank = false;
        while let Some(rest) = mail.get(at..).filter(|rest| !rest.is_empty()) {
            if after_blank && self.separators.parts(rest) {
                self.rest = rest;
                return mail.get(..at);
            }
            let line = line(rest);
            after_blank = matches!(line, b"\n" | b"\r\n");
            at = at.saturating_add(line.len());
        }
        self.rest = &[];
        Some(mail)
    }
}

impl Separators {
    /// Whether a line that parts mails stands here, with a header behind it.
    fn parts(self, rest: &[u8]) -> bool {
        if !rest.starts_with(b"From ") {
            return false;
        }
        let separator = line(rest);
        let behind = rest.get(separator.len()..).unwrap_or_default();
        (self == Separators::Plain || is_dated(separator)) && is_field(line(behind))
    }
}

/// The first line, its end included.
fn line(rest: &[u8]) -> &[u8] {
    line_at(rest, 0, rest.len())
}

/// Whether a time of day and a year stand in a line. Programs write the zone before the year, behind it or not at all.
fn is_dated(line: &[u8]) -> bool {
    let words = || line.split(u8::is_ascii_whitespace);
    let is_number = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let is_time = |word: &[u8]| {
        word.contains(&b':') && word.split(|byte| *byte == b':').all(|part| is_number(part) && part.len() <= 2)
    };
    let is_year = |word: &[u8]| word.len() == 4 && is_number(word);
    words().any(is_time) && words().any(is_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(input: &str) -> Vec<&str> {
        Mails::of(input.as_bytes()).map(|mail| std::str::from_utf8(mail).unwrap()).collect()
    }

    #[test]
    fn a_folder_is_cut_where_a_header_follows_an_empty_line() {
        let first = "Subject: a\n\nFrom the first line on\n\n";
        let second = "X-Mozilla-Status: 0001\r\nSubject: b\r\n\r\n\r\nFrom now on\r\n>From x\r\n";
        let folder =
            format!("From a@b.jp Fri Nov 20 10:00:00 2026\n{first}From - Fri Nov 20 10:00:01 2026\r\n{second}");
        assert_eq!(mails(&folder), [first, second]);
        assert!(holds_several(folder.as_bytes()));
        assert_eq!(mails("From a@b.jp Fri\nSubject: a\nFrom x\nTo: b\n"), ["Subject: a\nFrom x\nTo: b\n"]);
        assert_eq!(mails(""), [""; 0]);
    }

    /// RFC 4155, appendix A: a separator has a sender and a timestamp.
    #[test]
    fn a_paragraph_about_some_day_parts_no_mails_that_are_parted_by_dates() {
        let dates = [
            "Fri Nov 20 10:00:00 2026",
            "Fri Nov 20 10:00 2026",
            "Fri Nov 20 10:00:00 2026 +0900",
            "Fri Nov 20 10:00:00 JST 2026",
        ];
        let mail = "Subject: a\n\nFrom Monday on we are closed\nhttps://example.jp/closed\n\n";
        for date in dates {
            let head = format!("From a@b.jp {date}\n");
            assert_eq!(mails(&[&head, mail].concat()), [mail], "{date}");
            assert_eq!(mails(&[&head, mail, &head, mail].concat()), [mail, mail], "{date}");
        }
        // Where none has a date, nothing tells them apart.
        assert_eq!(mails(&["From a\n", mail].concat()).len(), 2);
    }

    #[test]
    fn a_line_that_parts_and_has_nothing_behind_it_is_text() {
        assert_eq!(mails("From a\nSubject: a\n\nFrom b"), ["Subject: a\n\nFrom b"]);
        assert_eq!(mails("From a\nSubject: a\n\nFrom b\n"), ["Subject: a\n\nFrom b\n"]);
    }
}
