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
mod letters;
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
use crate::room::{Form, Seen, Written};

/// Writes the pages of a form as one file.
pub(crate) fn write(
    form: &mut Form<'_>,
    job: &CleanJob,
    out: &mut Output<'_>,
    seen: &mut Seen,
) -> Result<Written, Error> {
    let mut letters = letters::Count::default();
    let mut findings = Vec::new();
    let mut own = Findings::new(job.limits.findings);
    let mut document = Document::new(job.pages, out)?;
    loop {
        match form.next()? {
            Event::Finding(finding) => findings.push(finding),
            Event::Pages(header) => document.header(header),
            Event::Glyph(glyph) => {
                letters.glyph(&glyph);
                document.glyph(glyph, &mut own)?;
            }
            Event::Picture(header) => document.picture(header, &mut own)?,
            Event::Pixels(rows) => document.pixels(rows, &mut own)?,
            Event::Gradient(gradient) => document.gradient(&gradient, &mut own)?,
            Event::Canvas(header) => {
                letters.canvas(&job.limits);
                document.canvas(header, &mut own)?;
            }
            Event::Page(header) => {
                letters.page(&job.limits);
                document.page(header, &mut own)?;
            }
            Event::Operations(operations) => {
                letters.operations(&operations);
                document.operations(operations)?;
            }
            Event::Link(link) => document.link(link)?,
            Event::OutlineItem(item) => document.outline_item(item),
            Event::PageLabel(label) => document.page_label(label),
            // Files that were embedded go their own ways; nothing of them is in the new file.
            Event::Child(child) => seen.children.push(child),
            Event::End => break,
            Event::Text(_)
            | Event::TextSource(_)
            | Event::MailHeader(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    let (pages, levels) = document.finish(&mut own)?;
    findings.extend(own.into_vec());
    (seen.letters, seen.unmapped) = letters.finish(&job.limits);
    Ok(Written { output: form::report::OutputType::Pdf, pages, levels, findings })
}
