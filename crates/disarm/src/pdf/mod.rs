//! PDF: each page is drawn, not copied. What the page's own programs paint is taken down as paths, letters, pictures and paints;
//! no object of the file goes into the form.
//!
//! `inspect` looks at the objects beside the pages (passwords, active content, links, outline) and puts right what the
//! interpreter would lose; `guard` refuses what would cost too much; `page` goes through the pages, `device` takes down what one
//! draws, and `raster` is for pages that the form cannot hold as they are.

mod actual;
mod canvases;
mod cover;
mod covered;
mod decodable;
mod device;
mod document;
mod geometry;
mod glyphs;
mod guard;
mod hazard;
mod ink;
mod inspect;
mod lacking;
mod layer;
mod open;
mod page;
mod pictures;
mod preview;
mod raster;
mod shading;
mod standing;
mod text;
mod type3;

use std::collections::HashMap;
use std::io::Write;

use form::codec::Encoder;
use form::pages::{Link, OutlineItem, Target};
use form::{Kind, Place, Reason};

use crate::error::{Error, size, within};
use crate::fonts::Fonts;
use crate::room::{PagesDone, Part};
use document::Document;
use inspect::Prepared;

pub(crate) use preview::preview;

/// Reads a PDF and writes its pages to `form`, and to `spill` the files in it where they are asked for. Says before each page how many
/// are done.
pub(crate) fn disarm(
    part: Part<'_>,
    fonts: &Fonts,
    mut form: &mut dyn Write,
    spill: &mut dyn Write,
    tell: &mut dyn FnMut(PagesDone),
) -> Result<(), Error> {
    let Part { input, job, detected, findings, opened: _ } = part;
    let mut prepared = inspect::prepare(input, job)?;
    let file = open::File::open(&mut prepared, input, fonts)?;
    let traits = guard::inspect(&file.pdf)?;
    let pages = file.pdf.pages();
    let count = size(pages.len());
    within(Reason::LimitPages, job.limits.pages.into(), count)?;
    if count == 0 {
        return Err(Reason::Malformed.into());
    }
    let Prepared {
        header, outline, labels, links, findings: inspected, page_count, files, vertical_forms, opened, ..
    } = prepared;

    let mut document = Document {
        out: Encoder::new(&mut form as &mut dyn Write, Kind::Pages, detected, &job.limits)?,
        limits: &job.limits,
        policy: &job.pages,
        findings,
        glyphs: glyphs::Glyphs::default(),
        pictures: pictures::Pictures::default(),
        gradients: shading::Gradients::default(),
        canvases: HashMap::new(),
        shapes: HashMap::new(),
        damaged: HashMap::new(),
        spares: lacking::Spares::new(fonts.clone(), file.stand_ins.clone()),
        vertical_forms,
        traits,
        page: 0,
    };
    document.out.pages(&header)?;
    let navigates = page_count.is_none_or(|seen| u64::from(seen) == count);
    let links = if navigates { page::place_links(links, pages) } else { HashMap::new() };
    let mut reader = page::Reader::new(&file);
    let of = u32::try_from(count).unwrap_or(u32::MAX);
    for (index, page) in pages.iter().enumerate() {
        tell(PagesDone { done: document.page, of });
        document.page = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        let links: &[Link] = links.get(&index).map_or(&[], Vec::as_slice);
        reader.page(page, links, &mut document)?;
    }
    let Document { mut out, mut findings, .. } = document;
    if navigates {
        for item in outline {
            out.outline_item(&placed(item, pages))?;
        }
        for label in labels {
            out.page_label(&label)?;
        }
    }
    files.write(&job.limits, &mut out, spill, &mut findings)?;
    for name in file.substituted() {
        findings.add(Reason::FontSubstituted, Place::new(&name));
    }
    findings.append(inspected);
    for finding in findings.into_vec() {
        out.finding(&finding)?;
    }
    out.opened(opened);
    out.finish()?;
    Ok(())
}

/// An entry of the outline with its height on the page as it is seen.
fn placed(item: OutlineItem, pages: &[hayro_syntax::page::Page<'_>]) -> OutlineItem {
    let target = page::placed_target(Target::Page { page: item.page, top: item.top }, pages);
    let top = match target {
        Target::Page { top, .. } => top,
        Target::Url(_) => None,
    };
    OutlineItem { top, ..item }
}
