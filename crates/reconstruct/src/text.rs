//! Plain text: UTF-8 with a byte order mark and CRLF line ends.
//!
//! Recipients open `.txt` with the Windows editor, old versions of which take UTF-8 without a mark for CP932 and show a file
//! with bare LF as one line. Every editor in use knows the mark.

use std::io::Write;

use form::Reason;
use form::codec::Event;
use form::report::{OutputType, PageLevels};

use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};

pub(crate) fn write(form: &mut Form<'_>, out: &mut Output<'_>) -> Result<Written, Error> {
    let mut findings = Vec::new();
    out.write_all(BYTE_ORDER_MARK.as_bytes())?;
    let mut lines = String::new();
    loop {
        match form.next()? {
            Event::Text(text) => {
                lines.clear();
                for (index, line) in text.split('\n').enumerate() {
                    if index > 0 {
                        lines.push_str("\r\n");
                    }
                    lines.push_str(line);
                }
                out.write_all(lines.as_bytes())?;
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
    Ok(Written { output: OutputType::Text, pages: 0, levels: PageLevels::default(), findings })
}

/// U+FEFF.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{FEFF}";
