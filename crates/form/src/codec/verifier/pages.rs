//! What the frames of a document of pages may name and add up to.

use super::{Rows, Stage, Verifier};
use crate::codec::DecodeError;
use crate::codec::frame::Tag;
use crate::limits::Limits;
use crate::pages::{
    CanvasHeader, CanvasKind, Glyph, LETTER_SEGMENTS, Link, Operation, OutlineItem, PageLabel, PagesHeader, Paint,
    PictureHeader, PictureLayout, Target, TextRun,
};
use crate::reason::{Reason, Refusal};

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Pages {
    part: Part,
    /// Of each glyph, how many segments its outline has.
    glyphs: Vec<u32>,
    gradients: u32,
    pictures: Vec<Picture>,
    canvases: Vec<Canvas>,
    pages: u32,
    links: u32,
    outline_items: u32,
    /// The deepest level that the next outline item may have.
    outline_level: u8,
    /// The first page that the next label may begin at.
    next_label: u32,
    /// The highest page that a link leads to; it may come later.
    linked_page: Option<u32>,
    /// The canvas or page that is being drawn.
    drawing: Option<Drawing>,
}

/// How far the document has come after its header. What is at the end can name any page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    #[default]
    Content,
    Outline,
    Labels,
    /// Files that were embedded, after which nothing else comes.
    Children,
}

/// What must be known of a picture to judge what names it.
#[derive(Clone, Copy, Debug)]
struct Picture {
    layout: PictureLayout,
    has_alpha: bool,
}

/// What must be known of a canvas to judge what names it.
#[derive(Clone, Copy, Debug)]
struct Canvas {
    sort: Sort,
    /// What drawing it costs, canvases in it included.
    cost: u64,
    /// Segments of the letters in it and in the canvases in it.
    lettering: u64,
    /// 1 and the most levels of canvases in it.
    depth: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Group,
    Mask,
    Tile,
}

#[derive(Clone, Copy, Debug)]
struct Drawing {
    /// What it will be when it is done; `None` for a page.
    canvas: Option<Sort>,
    clips: u32,
    cost: u64,
    lettering: u64,
    /// Levels of canvases in it.
    depth: u32,
}

impl Pages {
    pub(super) fn may_come(&self, tag: Tag) -> bool {
        match tag {
            Tag::Operations => self.drawing.is_some(),
            Tag::Link => self.drawing.is_some_and(|drawing| drawing.canvas.is_none()),
            Tag::Glyph | Tag::Picture | Tag::Gradient | Tag::Canvas | Tag::Page => self.part == Part::Content,
            // Readers refuse a document without pages.
            Tag::OutlineItem => self.part <= Part::Outline && self.pages > 0,
            Tag::PageLabel => self.part <= Part::Labels && self.pages > 0,
            Tag::Child | Tag::End => self.pages > 0,
            Tag::Finding
            | Tag::TextSource
            | Tag::Text
            | Tag::MailHeader
            | Tag::Image
            | Tag::Frame
            | Tag::Pixels
            | Tag::Table
            | Tag::Row
            | Tag::Pages
            | Tag::Office
            | Tag::Part
            | Tag::Markup
            | Tag::Calendar
            | Tag::Entry
            | Tag::Card => false,
        }
    }

    /// Ends the canvas or page that is being drawn when `tag` begins something else.
    pub(super) fn leave(&mut self, tag: Tag) -> Result<(), DecodeError> {
        if matches!(tag, Tag::Operations | Tag::Link | Tag::Finding) {
            return Ok(());
        }
        let Some(drawing) = self.drawing.take() else { return Ok(()) };
        if drawing.clips > 0 {
            return Err(DecodeError::Malformed("clip without end"));
        }
        if let Some(sort) = drawing.canvas {
            let Drawing { cost, lettering, depth, .. } = drawing;
            self.canvases.push(Canvas { sort, cost, lettering, depth: depth.saturating_add(1) });
        }
        Ok(())
    }

    /// Takes note of the first child: the document itself is told.
    pub(super) fn child(&mut self) {
        self.part = Part::Children;
    }

    /// How many pictures have come.
    pub(super) fn pictures(&self) -> u32 {
        u32::try_from(self.pictures.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn end(&self) -> Result<(), DecodeError> {
        match self.linked_page {
            Some(page) if page >= self.pages => Err(DecodeError::Malformed("page of a link")),
            _ => Ok(()),
        }
    }

    fn canvas(&self, number: u32, sort: Sort) -> Result<Canvas, DecodeError> {
        let canvas = nth(&self.canvases, number).filter(|canvas| canvas.sort == sort);
        canvas.ok_or(DecodeError::Malformed("number of a canvas"))
    }

    fn picture(&self, number: u32) -> Result<Picture, DecodeError> {
        nth(&self.pictures, number).ok_or(DecodeError::Malformed("number of a picture"))
    }

    /// The canvas that a step names, where it names one; whatever else it names is there.
    fn named(&self, operation: &Operation) -> Result<Option<Canvas>, DecodeError> {
        Ok(match operation {
            Operation::FillPaint(paint) | Operation::StrokePaint(paint) => match paint {
                Paint::Color { .. } => None,
                Paint::Gradient { gradient, .. } if *gradient < self.gradients => None,
                Paint::Gradient { .. } => return Err(DecodeError::Malformed("number of a gradient")),
                Paint::Tile { canvas, .. } => Some(self.canvas(*canvas, Sort::Tile)?),
            },
            Operation::Mask(Some(canvas)) => Some(self.canvas(*canvas, Sort::Mask)?),
            Operation::Group { canvas, .. } => Some(self.canvas(*canvas, Sort::Group)?),
            Operation::ClipText(run) | Operation::Text(run, _) => {
                self.letters(run)?;
                None
            }
            Operation::Picture { picture, .. } => {
                self.picture(*picture)?;
                None
            }
            Operation::Stencil { picture, .. } => {
                let Picture { layout, has_alpha } = self.picture(*picture)?;
                if layout != PictureLayout::Bits || has_alpha {
                    return Err(DecodeError::Malformed("stencil"));
                }
                None
            }
            Operation::Pen(_)
            | Operation::Blend(_)
            | Operation::Mask(None)
            | Operation::Clip(..)
            | Operation::Unclip
            | Operation::Fill(..)
            | Operation::Stroke { .. } => None,
        })
    }

    fn letters(&self, run: &TextRun) -> Result<(), DecodeError> {
        let known = run.glyphs.iter().all(|placed| nth(&self.glyphs, placed.glyph).is_some());
        if known { Ok(()) } else { Err(DecodeError::Malformed("number of a glyph")) }
    }

    fn cost(&self, operation: &Operation) -> Result<Cost, DecodeError> {
        let named = self.named(operation)?;
        let (cost, named_lettering, depth) =
            named.map_or((0, 0, 0), |canvas| (canvas.cost, canvas.lettering, canvas.depth));
        let mut lettering: u64 = named_lettering;
        if let Operation::ClipText(run) | Operation::Text(run, _) = operation {
            let outlines = run.glyphs.iter().filter_map(|placed| nth(&self.glyphs, placed.glyph));
            lettering = outlines.fold(lettering, |sum, segments| sum.saturating_add(segments.into()));
        }
        Ok(Cost { steps: operation.own_cost().saturating_add(cost), lettering, depth })
    }
}

/// What a step adds to a drawing, the canvas that it names included.
#[derive(Clone, Copy, Debug)]
struct Cost {
    steps: u64,
    lettering: u64,
    depth: u32,
}

impl Drawing {
    fn page() -> Drawing {
        Drawing { canvas: None, clips: 0, cost: 0, lettering: 0, depth: 0 }
    }

    fn add(&mut self, operation: &Operation, cost: Cost, limits: &Limits) -> Result<(), DecodeError> {
        let Cost { steps, lettering, depth } = cost;
        self.cost = self.cost.saturating_add(steps);
        Refusal::check(Reason::LimitPageContent, limits.page_operations, self.cost)?;
        // Readers draw a letter in one go, but one with a huge outline placed everywhere would keep them busy for hours.
        self.lettering = self.lettering.saturating_add(lettering);
        Refusal::check(Reason::LimitPageContent, limits.page_operations, self.lettering.div_ceil(LETTER_SEGMENTS))?;
        self.depth = self.depth.max(depth);
        // A canvas is itself a level of whatever draws it.
        let levels = self.depth.saturating_add(u32::from(self.canvas.is_some()));
        Refusal::check(Reason::LimitPageContent, limits.canvas_depth.into(), levels.into())?;
        match operation {
            Operation::Clip(..) | Operation::ClipText(_) => {
                self.clips = self.clips.saturating_add(1);
                Refusal::check(Reason::LimitPageContent, limits.clip_depth.into(), self.clips.into())?;
            }
            Operation::Unclip => {
                self.clips = self.clips.checked_sub(1).ok_or(DecodeError::Malformed("end without clip"))?;
            }
            Operation::FillPaint(_)
            | Operation::StrokePaint(_)
            | Operation::Pen(_)
            | Operation::Blend(_)
            | Operation::Mask(_)
            | Operation::Fill(..)
            | Operation::Stroke { .. }
            | Operation::Text(..)
            | Operation::Picture { .. }
            | Operation::Stencil { .. }
            | Operation::Group { .. } => {}
        }
        Ok(())
    }
}

/// Each takes what [`Verifier::begin`] has let come, and says its number where it has one.
impl Verifier {
    pub(in crate::codec) fn pages_header(&mut self, header: &PagesHeader) -> Result<(), DecodeError> {
        self.count_text(header.title.as_str())?;
        self.stage = Stage::Body;
        Ok(())
    }

    pub(in crate::codec) fn glyph(&mut self, glyph: &Glyph) -> Result<u32, DecodeError> {
        let mut count = u32::try_from(self.pages.glyphs.len()).unwrap_or(u32::MAX);
        let number = numbered(&mut count, self.limits.glyphs, Reason::LimitResources)?;
        self.pages.glyphs.push(u32::try_from(glyph.outline.segments.len()).unwrap_or(u32::MAX));
        Ok(number)
    }

    pub(in crate::codec) fn gradient(&mut self) -> Result<u32, DecodeError> {
        Ok(numbered(&mut self.pages.gradients, self.limits.gradients, Reason::LimitResources)?)
    }

    pub(in crate::codec) fn picture(&mut self, header: &PictureHeader) -> Result<u32, DecodeError> {
        if let Some(alpha) = header.alpha {
            let Picture { layout, has_alpha } = self.pages.picture(alpha)?;
            if layout == PictureLayout::Rgb8 || has_alpha {
                return Err(DecodeError::Malformed("opacity of a picture"));
            }
        }
        let mut count = u32::try_from(self.pages.pictures.len()).unwrap_or(u32::MAX);
        let number = numbered(&mut count, self.limits.pictures, Reason::LimitResources)?;
        self.pages.pictures.push(Picture { layout: header.layout, has_alpha: header.alpha.is_some() });
        self.rows = Rows { row_bytes: header.row_bytes(), padding: header.padding(), left: header.picture_bytes() };
        Ok(number)
    }

    pub(in crate::codec) fn canvas(&mut self, header: &CanvasHeader) -> Result<u32, DecodeError> {
        let mut count = u32::try_from(self.pages.canvases.len()).unwrap_or(u32::MAX);
        let number = numbered(&mut count, self.limits.canvases, Reason::LimitResources)?;
        let sort = match header.kind {
            CanvasKind::Group { .. } => Sort::Group,
            CanvasKind::Mask { .. } => Sort::Mask,
            CanvasKind::Tile { .. } => Sort::Tile,
        };
        self.pages.drawing = Some(Drawing { canvas: Some(sort), ..Drawing::page() });
        Ok(number)
    }

    pub(in crate::codec) fn page(&mut self) -> Result<u32, DecodeError> {
        let number = numbered(&mut self.pages.pages, self.limits.pages, Reason::LimitPages)?;
        self.pages.drawing = Some(Drawing::page());
        Ok(number)
    }

    pub(in crate::codec) fn operation(&mut self, operation: &Operation) -> Result<(), DecodeError> {
        let cost = self.pages.cost(operation)?;
        let drawing = self.pages.drawing.as_mut().ok_or(DecodeError::Order("operations"))?;
        drawing.add(operation, cost, &self.limits)
    }

    /// What drawing these steps would cost, with all that they name.
    pub(in crate::codec) fn cost(&self, operations: &[Operation]) -> Result<u64, DecodeError> {
        operations.iter().try_fold(0_u64, |sum, operation| Ok(sum.saturating_add(self.pages.cost(operation)?.steps)))
    }

    pub(in crate::codec) fn link(&mut self, link: &Link) -> Result<(), DecodeError> {
        numbered(&mut self.pages.links, self.limits.links, Reason::LimitResources)?;
        match &link.target {
            Target::Url(_) => {}
            Target::Page { page, .. } => {
                // Whether there is such a page shows at the end; until then a writer keeps a place for it.
                let pages = u64::from(*page).saturating_add(1);
                Refusal::check(Reason::LimitPages, self.limits.pages.into(), pages)?;
                self.pages.linked_page = self.pages.linked_page.max(Some(*page));
            }
        }
        Ok(())
    }

    pub(in crate::codec) fn outline_item(&mut self, item: &OutlineItem) -> Result<(), DecodeError> {
        let pages = &mut self.pages;
        numbered(&mut pages.outline_items, self.limits.outline_items, Reason::LimitResources)?;
        if item.level > pages.outline_level || item.page >= pages.pages {
            return Err(DecodeError::Malformed("outline item"));
        }
        pages.part = Part::Outline;
        pages.outline_level = item.level.saturating_add(1);
        self.count_text(item.title.as_str())
    }

    pub(in crate::codec) fn page_label(&mut self, label: &PageLabel) -> Result<(), DecodeError> {
        let pages = &mut self.pages;
        if label.page < pages.next_label || label.page >= pages.pages {
            return Err(DecodeError::Malformed("page label"));
        }
        pages.part = Part::Labels;
        pages.next_label = label.page.saturating_add(1);
        self.count_text(label.prefix.as_str())
    }
}

/// Counts one more, up to `limit`, and says its number.
fn numbered(count: &mut u32, limit: u32, reason: Reason) -> Result<u32, Refusal> {
    let number = *count;
    *count = number.saturating_add(1);
    Refusal::check(reason, limit.into(), (*count).into())?;
    Ok(number)
}

fn nth<T: Copy>(list: &[T], number: u32) -> Option<T> {
    list.get(usize::try_from(number).ok()?).copied()
}
