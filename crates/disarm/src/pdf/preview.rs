//! One page as a picture, to be looked at.

use std::collections::HashMap;
use std::io::Write;

use form::codec::Encoder;
use form::image::{FrameHeader, ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use form::job::Preview;
use form::{Findings, Kind, Reason, Refusal};

use super::document::Document;
use super::{glyphs, guard, inspect, open, page, pictures, raster, shading};
use crate::error::{Error, size};
use crate::fonts::Fonts;
use crate::room::Part;

/// Draws one page of a PDF.
pub(crate) fn preview(part: Part<'_>, wanted: Preview, fonts: &Fonts, form: &mut dyn Write) -> Result<(), Error> {
    let Part { input, job, detected, .. } = part;
    let mut prepared = inspect::prepare(input, job)?;
    let file = open::File::open(&mut prepared, input, fonts)?;
    let traits = guard::inspect(&file.pdf)?;
    let pages = file.pdf.pages();
    let index = usize::try_from(wanted.page).unwrap_or(usize::MAX);
    let Some(page) = pages.get(index) else {
        return Err(Refusal::limit(Reason::LimitPages, size(pages.len()), wanted.page.into()).into());
    };
    // The pass that counts needs a document to count for; what it writes goes nowhere.
    let mut nowhere = std::io::sink();
    let mut document = Document {
        out: Encoder::new(&mut nowhere as &mut dyn Write, Kind::Pages, detected, &job.limits)?,
        limits: &job.limits,
        policy: &job.pages,
        findings: Findings::new(job.limits.findings),
        glyphs: glyphs::Glyphs::default(),
        pictures: pictures::Pictures::default(),
        gradients: shading::Gradients::default(),
        canvases: HashMap::new(),
        shapes: HashMap::new(),
        damaged: HashMap::new(),
        spares: super::lacking::Spares::default(),
        vertical_forms: prepared.vertical_forms,
        traits,
        page: wanted.page.saturating_add(1),
    };
    if !page::Reader::new(&file).is_drawable(page, &mut document)? {
        return Err(Refusal::plain(Reason::LimitPageContent).into());
    }
    let (width, height) = page.render_dimensions();
    let scale = f64::from(wanted.max_side) / f64::from(width.max(height).max(1.0));
    let cache = hayro::RenderCache::new();
    let pixels = raster::draw(page, scale, &cache, &file.settings);
    let header = ImageHeader {
        width: pixels.width,
        height: pixels.height,
        frames: 1,
        format: PixelFormat::Rgb8,
        density: None,
        source: ImageSource::Png,
        quality: None,
        sampling: Sampling::Full,
        repeat: Repeat::Forever,
    };
    let mut out = Encoder::new(form, Kind::Image, detected, &job.limits)?;
    out.image(&header)?;
    out.frame(&FrameHeader::default())?;
    out.pixels(&pixels.data)?;
    out.finish()?;
    Ok(())
}
