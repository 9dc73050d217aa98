//! PDF: pages drawn anew, with fonts, images, patterns and structure of our own making.
//!
//! Not a byte of the original is here to be copied. Everything is written from numbers, outlines, pixels and characters, with
//! the keys, names and operators of [`grammar`] and no others. Pages, pictures and canvases go out as soon as they are
//! complete; what is held is one page, the pictures that wait for it, and the outlines of the fonts that are not full.
//!
//! Start at [`write`]; [`content`] is where a page is drawn, [`file`] where objects become a file.

mod cff;
mod charstring;
mod content;
mod deflate;
mod document;
mod file;
mod fonts;
mod geometry;
mod grammar;
mod metadata;
mod navigation;
mod paint;
mod path;
mod picture;
mod shared;
mod state;
mod syntax;
mod text;

use form::codec::Event;
use form::job::CleanJob;
use form::{Findings, Reason};

use self::document::Document;
use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};

/// Writes the pages of a form as one file.
pub(crate) fn write(form: &mut Form<'_>, job: &CleanJob, out: &mut Output<'_>) -> Result<Written, Error> {
    let mut findings = Vec::new();
    let mut own = Findings::new(job.limits.findings);
    let mut document = Document::new(job.pages, out)?;
    loop {
        match form.next()? {
            Event::Finding(finding) => findings.push(finding),
            Event::Pages(header) => document.header(header),
            Event::Glyph(glyph) => document.glyph(glyph, &mut own)?,
            Event::Picture(header) => document.picture(header, &mut own)?,
            Event::Pixels(rows) => document.pixels(rows, &mut own)?,
            Event::Gradient(gradient) => document.gradient(&gradient, &mut own)?,
            Event::Canvas(header) => document.canvas(header, &mut own)?,
            Event::Page(header) => document.page(header, &mut own)?,
            Event::Operations(operations) => document.operations(operations)?,
            Event::Link(link) => document.link(link)?,
            Event::OutlineItem(item) => document.outline_item(item),
            Event::PageLabel(label) => document.page_label(label),
            // Files that were embedded go their own ways; nothing of them is in the new file.
            Event::Child(_) => {}
            Event::End => break,
            Event::Text(_)
            | Event::TextSource(_)
            | Event::MailHeader(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Table(_)
            | Event::Row(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    let (pages, levels) = document.finish(&mut own)?;
    findings.extend(own.into_vec());
    Ok(Written { output: form::report::OutputType::Pdf, pages, levels, findings })
}
