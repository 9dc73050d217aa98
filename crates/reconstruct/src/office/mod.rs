//! Office Open XML: packages whose parts, names, relationships and content types are all written anew.
//!
//! Not a byte of the original is here to be copied: names come from the [vocabulary](form::office::schema), values from their
//! types, pictures from pixels. What a file can hold is listed in `docs/office-grammar.md`. Order, required elements, values,
//! grammars and what names which relationship were verified by the decoder.
//!
//! Parts and pictures go out as they come; what is held is what parts refer to, one picture, and 56 bytes for each note of a
//! worksheet. Start at [`write`]; [`package`] is where members become a file, [`part`] where markup becomes XML.

mod archive;
mod headers;
mod names;
mod notes;
mod package;
mod part;
mod picture;
mod xml;

use form::codec::{Event, Kind};
use form::job::CleanJob;
use form::office::{OfficeHeader, PartHeader, Variant};
use form::report::{OutputType, PageLevels};
use form::{Finding, Reason};

use self::archive::Archive;
use self::package::Package;
use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Seen, Written};

/// Writes the parts of a form as one package.
pub(crate) fn write(
    form: &mut Form<'_>,
    job: &CleanJob,
    out: &mut Output<'_>,
    seen: &mut Seen,
) -> Result<Written, Error> {
    let kind = form.kind();
    let mut findings = Vec::new();
    let (header, parts) = described(form, &mut findings)?;
    let quality = job.pages.photo_quality;
    let mut package = Package::new(kind, &header, &parts, quality, Archive::new(out))?;
    loop {
        match form.next()? {
            Event::Finding(finding) => findings.push(finding),
            Event::Picture(header) => package.picture(header)?,
            Event::Pixels(rows) => package.pixels(rows)?,
            Event::Markup(steps) => package.markup(&steps)?,
            // Files that were embedded go their own ways; nothing of them is in the new file.
            Event::Child(child) => seen.children.push(child),
            Event::End => break,
            Event::Office(_)
            | Event::Part(_)
            | Event::Text(_)
            | Event::TextSource(_)
            | Event::MailHeader(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Pages(_)
            | Event::Glyph(_)
            | Event::Gradient(_)
            | Event::Canvas(_)
            | Event::Page(_)
            | Event::Operations(_)
            | Event::Link(_)
            | Event::OutlineItem(_)
            | Event::PageLabel(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_) => return Err(Reason::FormInvalid.into()),
        }
    }
    package.finish()?;
    let output = output_type(kind, header.variant);
    Ok(Written { output, pages: pages(&parts), levels: PageLevels::default(), findings })
}

/// The header and all parts: content types are the first that is written, and name every one of them.
fn described(form: &mut Form<'_>, findings: &mut Vec<Finding>) -> Result<(OfficeHeader, Vec<PartHeader>), Error> {
    let mut header: Option<OfficeHeader> = None;
    let mut parts = Vec::new();
    loop {
        match form.next()? {
            Event::Finding(finding) => findings.push(finding),
            Event::Office(office) => header = Some(office),
            Event::Part(part) => parts.push(part),
            _ => return Err(Reason::FormInvalid.into()),
        }
        match header {
            Some(header) if u32::try_from(parts.len()).is_ok_and(|count| count >= header.parts) => {
                return Ok((header, parts));
            }
            known => header = known,
        }
    }
}

/// Sheets or slides; running text has no pages of its own.
fn pages(parts: &[PartHeader]) -> u32 {
    let count =
        parts.iter().filter(|part| matches!(part.kind.name(), "WorksheetPart" | "ChartsheetPart" | "SlidePart"));
    u32::try_from(count.count()).unwrap_or(u32::MAX)
}

fn output_type(kind: Kind, variant: Variant) -> OutputType {
    match (kind, variant) {
        (Kind::Sheet, Variant::Template) => OutputType::Xltx,
        (Kind::Sheet, Variant::Document | Variant::Show) => OutputType::Xlsx,
        (Kind::Slides, Variant::Template) => OutputType::Potx,
        (Kind::Slides, Variant::Show) => OutputType::Ppsx,
        (Kind::Slides, Variant::Document) => OutputType::Pptx,
        (_, Variant::Template) => OutputType::Dotx,
        (_, Variant::Document | Variant::Show) => OutputType::Docx,
    }
}
