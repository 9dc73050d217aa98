//! Plain text: UTF-8 with a byte order mark and CRLF line ends.
//!
//! Recipients open `.txt` with the Windows editor, old versions of which take UTF-8 without a mark for CP932 and show a file
//! with bare LF as one line. Every editor in use knows the mark.

use std::io::Write;

use form::codec::Event;
use form::job::Links;
use form::link::Treatment;
use form::report::{OutputType, PageLevels};
use form::{Finding, Place, Reason};

use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};

pub(crate) fn write(form: &mut Form<'_>, links: Links, out: &mut Output<'_>) -> Result<Written, Error> {
    let mut findings = Vec::new();
    out.write_all(BYTE_ORDER_MARK.as_bytes())?;
    let mut treatment = Treatment::new(links);
    let (mut words, mut lines) = (String::new(), String::new());
    loop {
        match form.next()? {
            Event::Text(text) => {
                words.clear();
                treatment.feed(text, &mut words);
                put(&words, &mut lines, out)?;
            }
            Event::Finding(finding) => findings.push(finding),
            Event::TextSource(_) => {}
            Event::End => break,
            Event::MailHeader(_)
            | Event::Child(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Pixels(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Pages(_)
            | Event::Glyph(_)
            | Event::Picture(_)
            | Event::Gradient(_)
            | Event::Canvas(_)
            | Event::Page(_)
            | Event::Operations(_)
            | Event::Link(_)
            | Event::OutlineItem(_)
            | Event::PageLabel(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    words.clear();
    let treated = treatment.finish(&mut words);
    put(&words, &mut lines, out)?;
    findings.extend(told(links, treated));
    Ok(Written { output: OutputType::Text, pages: 0, levels: PageLevels::default(), findings })
}

/// Writes words with the line ends of Windows; `lines` is room to work in.
fn put(words: &str, lines: &mut String, out: &mut Output<'_>) -> Result<(), Error> {
    lines.clear();
    for (index, line) in words.split('\n').enumerate() {
        if index > 0 {
            lines.push_str("\r\n");
        }
        lines.push_str(line);
    }
    out.write_all(lines.as_bytes())?;
    Ok(())
}

/// What is told of web addresses that were treated by policy.
pub(crate) fn told(links: Links, count: u32) -> Option<Finding> {
    let reason = match links {
        Links::Keep => return None,
        Links::Defang => Reason::LinksDefanged,
        Links::Remove => Reason::LinksRemoved,
    };
    (count > 0).then(|| Finding { reason, count, place: Place::default() })
}

/// U+FEFF.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{FEFF}";
