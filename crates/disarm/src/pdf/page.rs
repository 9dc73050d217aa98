//! Pages one by one: as they are, or as an image with their text, or as an image.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use form::job::{Extra, MostLevel};
use form::pages::{Link, Operation, PageHeader, PageLevel, Rect as FormRect, Target};
use form::{Reason, Refusal};
use hayro::RenderCache;
use hayro_interpret::util::TransformExt;
use hayro_interpret::{Context, InterpreterCache, interpret_page};
use hayro_syntax::object::{Object, Stream};
use hayro_syntax::page::Page;
use kurbo::{Affine, Rect};

use super::device::{Mode, Recorder, Trouble};
use super::document::Document;
use super::geometry;
use super::open::File;
use super::pictures::LOST;
use super::raster;
use crate::error::Error;

/// Reads the pages of a file.
pub(super) struct Reader<'a> {
    file: &'a File,
    interpreter: InterpreterCache<'a>,
    renderer: RenderCache<'a>,
}

/// A page and where it lies.
struct Sheet<'a> {
    page: &'a Page<'a>,
    /// From the file's space to the form's: the page as it is seen, its lower left corner the origin.
    transform: Affine,
    area: Rect,
}

/// What one pass over a page gave.
struct Pass {
    operations: Vec<Operation>,
    weight: u64,
    trouble: Option<Trouble>,
    hazard: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a File) -> Reader<'a> {
        Reader { file, interpreter: InterpreterCache::new(), renderer: RenderCache::new() }
    }

    /// Writes a page to the form.
    pub(super) fn page(
        &mut self,
        page: &'a Page<'a>,
        links: &[Link],
        document: &mut Document<'_>,
    ) -> Result<(), Error> {
        let sheet = Sheet::new(page);
        let raster_only = document.policy.level == MostLevel::Raster;
        let mode = if raster_only { Mode::Count } else { Mode::Draw };
        let pass = self.pass(&sheet, mode, document)?;
        document.note(Reason::PageUnreadable, is_unreadable(page).into());
        if !raster_only && pass.trouble.is_none() {
            return write(&sheet, PageLevel::Vector, &pass.operations, links, document);
        }
        if pass.hazard {
            return Err(Refusal::plain(Reason::LimitPageContent).into());
        }
        document.note(Reason::PageRasterised, 1);
        let with_text = document.policy.raster_text == Extra::Keep;
        let mut operations = vec![self.image(&sheet, document)?];
        let mut level = PageLevel::Raster;
        if with_text {
            let text = self.pass(&sheet, Mode::Text, document)?;
            if text.weight < document.limits.page_operations {
                level = PageLevel::RasterText;
                operations.extend(text.operations);
            }
        }
        write(&sheet, level, &operations, links, document)
    }

    fn pass(&mut self, sheet: &Sheet<'a>, mode: Mode, document: &mut Document<'_>) -> Result<Pass, Error> {
        let mut recorder = Recorder::new(document, sheet.area, mode);
        let xref = sheet.page.xref();
        let settings = self.file.settings.clone();
        let mut context = Context::new(sheet.transform, sheet.area, &self.interpreter, xref, settings);
        let done = catch_unwind(AssertUnwindSafe(|| interpret_page(sheet.page, &mut context, &mut recorder)));
        if let Some(error) = recorder.take_failure() {
            return Err(error);
        }
        if done.is_err() {
            // The interpreter has failed in a way of its own: what drew the page so far is worth nothing.
            return Err(Reason::Malformed.into());
        }
        recorder.settle_unseen();
        let (operations, summary) = recorder.finish();
        let (trouble, hazard, tally) = (recorder.trouble, recorder.hazard, recorder.tally);
        if mode == Mode::Draw && trouble.is_none() || mode == Mode::Text {
            document.note(Reason::OffPageContent, tally.off_page);
            document.note(Reason::HiddenText, tally.hidden);
            document.note(Reason::TextUnmapped, tally.unmapped);
            document.note(Reason::GlyphsLost, tally.damaged);
            document.note(LOST, tally.lost_pictures);
            let reduced = std::mem::take(&mut document.pictures.reduced);
            document.note(Reason::PictureReduced, reduced);
        }
        Ok(Pass { operations, weight: summary.weight, trouble, hazard })
    }

    fn image(&mut self, sheet: &Sheet<'a>, document: &mut Document<'_>) -> Result<Operation, Error> {
        let scale = f64::from(document.policy.density) / 72.0 * sheet.unit();
        let drawn =
            catch_unwind(AssertUnwindSafe(|| raster::draw(sheet.page, scale, &self.renderer, &self.file.settings)));
        let pixels = drawn.map_err(|_| Error::from(Reason::Malformed))?;
        let picture = pixels.write(None, &mut document.out)?;
        let place = Affine::scale_non_uniform(sheet.area.width(), sheet.area.height());
        let matrix = geometry::matrix(place).ok_or(Error::from(Reason::Malformed))?;
        Ok(Operation::Picture { picture, matrix, alpha: u8::MAX })
    }

    /// Whether drawing a page into pixels costs no more than it may.
    pub(super) fn is_drawable(&mut self, page: &'a Page<'a>, document: &mut Document<'_>) -> Result<bool, Error> {
        let pass = self.pass(&Sheet::new(page), Mode::Count, document)?;
        Ok(!pass.hazard)
    }
}

impl<'a> Sheet<'a> {
    fn new(page: &'a Page<'a>) -> Sheet<'a> {
        let (transform, area) = place(page);
        Sheet { page, transform, area }
    }

    /// How long a unit of the file's page is on that of the form.
    fn unit(&self) -> f64 {
        let (width, height) = self.page.render_dimensions();
        self.area.width().max(self.area.height()) / f64::from(width.max(height).max(1.0))
    }
}

/// Whether a page has content of which nothing can be read: other readers may show something where ours shows none.
fn is_unreadable(page: &Page<'_>) -> bool {
    let says_nothing = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' '));
    if !page.raw().contains_key("Contents") || page.page_stream().is_some_and(|bytes| !says_nothing(bytes)) {
        return false;
    }
    let is_packed = |stream: Stream<'_>| {
        let bytes = stream.raw_data();
        bytes.len() > MOST_OF_NOTHING && !says_nothing(&bytes)
    };
    match page.raw().get::<Object<'_>>("Contents") {
        Some(Object::Stream(stream)) => is_packed(stream) && !unpacks_to_blanks(page),
        Some(Object::Array(list)) => {
            let streams: Vec<Stream<'_>> = list.iter::<Stream<'_>>().collect();
            let named = list.raw_iter().count();
            streams.len() < named || streams.into_iter().any(is_packed) && !unpacks_to_blanks(page)
        }
        Some(Object::Null(_)) => false,
        // A reference that leads nowhere, or something that is no stream.
        _ => true,
    }
}

/// Whether the content of a page was unpacked and is blank: a blank page.
fn unpacks_to_blanks(page: &Page<'_>) -> bool {
    page.page_stream().is_some_and(|bytes| bytes.iter().any(|byte| *byte != b' '))
}

fn write(
    sheet: &Sheet<'_>,
    level: PageLevel,
    operations: &[Operation],
    links: &[Link],
    document: &mut Document<'_>,
) -> Result<(), Error> {
    let header = PageHeader {
        width: geometry::single(sheet.area.width()),
        height: geometry::single(sheet.area.height()),
        level,
    };
    document.out.page(&header)?;
    document.out.operations(operations)?;
    for link in links {
        document.out.link(link)?;
    }
    Ok(())
}

/// From a page's own space to the page as it is seen, and how large that is. A page beyond what readers can show is made
/// smaller with all that is on it.
fn place(page: &Page<'_>) -> (Affine, Rect) {
    let (width, height) = page.render_dimensions();
    let longest = f64::from(width.max(height).max(1.0));
    let most = f64::from(PageHeader::MAX_SIDE);
    let scale = user_unit(page).min(most / longest);
    let side = |side: f32| (f64::from(side) * scale).clamp(LEAST_SIDE, most);
    let transform = Affine::scale(scale) * page.initial_transform(false).to_kurbo();
    (transform, Rect::new(0.0, 0.0, side(width), side(height)))
}

/// Points that a unit of a page's own space is (ISO 32000-1, 7.7.3.3): plans of large buildings have more than one.
fn user_unit(page: &Page<'_>) -> f64 {
    let told = page.raw().get::<f32>("UserUnit").map_or(1.0, f64::from);
    if told.is_finite() && told >= LEAST_UNIT { told } else { 1.0 }
}

/// Links in the space of the pages as they are seen, by page; what lies outside or leads nowhere is left out.
pub(super) fn place_links(links: Vec<(u32, Link)>, pages: &[Page<'_>]) -> HashMap<usize, Vec<Link>> {
    let mut placed: HashMap<usize, Vec<Link>> = HashMap::new();
    for (index, link) in links {
        let Some((index, page)) = usize::try_from(index).ok().and_then(|index| Some((index, pages.get(index)?))) else {
            continue;
        };
        let (transform, area) = place(page);
        let FormRect { x0, y0, x1, y1 } = link.area;
        let bounds = transform.transform_rect_bbox(Rect::new(x0.into(), y0.into(), x1.into(), y1.into()));
        if !geometry::meet(bounds, area) || !bounds.is_finite() {
            continue;
        }
        let target = placed_target(link.target, pages);
        if let Target::Page { page, .. } = target
            && usize::try_from(page).map_or(true, |page| page >= pages.len())
        {
            continue;
        }
        let area = geometry::rect(bounds.intersect(area));
        placed.entry(index).or_default().push(Link { area, target });
    }
    placed
}

/// A target whose height is that on the page as it is seen.
pub(super) fn placed_target(target: Target, pages: &[Page<'_>]) -> Target {
    match target {
        Target::Url(url) => Target::Url(url),
        Target::Page { page, top } => {
            let found = usize::try_from(page).ok().and_then(|page| pages.get(page));
            let top = found.zip(top).map(|(page, top)| {
                let (transform, area) = place(page);
                let point = transform * kurbo::Point::new(page.intersected_crop_box().x0, top.into());
                geometry::single(point.y.clamp(0.0, area.height()))
            });
            Target::Page { page, top: top.filter(|top| top.is_finite()) }
        }
    }
}

/// Bytes that packed nothing may have: head, an empty block and a checksum, twice.
const MOST_OF_NOTHING: usize = 32;
/// A unit that is shorter leaves nothing to see.
const LEAST_UNIT: f64 = 0.001;
/// The shortest side of a page in points.
const LEAST_SIDE: f64 = 1.0;
