//! A document: what has been drawn so far, and the page or canvas that is being drawn.

use std::collections::{BTreeMap, BTreeSet};

use form::Findings;
use form::job::PagesOutput;
use form::pages::{
    CanvasHeader, CanvasKind, Glyph, Gradient, Link, Operation, OutlineItem, PageHeader, PageLabel, PageLevel,
    PagesHeader, PictureHeader, Rect, Target,
};
use form::report::PageLevels;

use super::content::Content;
use super::deflate::Deflater;
use super::file::{File, Packing};
use super::fonts::Fonts;
use super::geometry::Space;
use super::grammar::{Key, Name};
use super::metadata::{self, Conformance};
use super::navigation;
use super::paint::{self, Mask};
use super::picture::{Pictures, Role};
use super::shared::Shared;
use super::state::{Start, StateChange};
use super::syntax::{PAGE_DECIMALS, Ref, Resource, Syntax};
use crate::error::Error;
use crate::output::Output;

/// A document in the making.
pub(super) struct Document<'o, 'w> {
    file: File<'o, 'w>,
    shared: Shared,
    header: PagesHeader,
    gradients: Vec<Ref>,
    canvases: Vec<Canvas>,
    states: BTreeMap<u32, Ref>,
    drawing: Option<Drawing>,
    /// Packs what is drawn, piece by piece, while the file packs other things.
    packing: Deflater,
    pages: Pages,
    outline: Vec<OutlineItem>,
    labels: Vec<PageLabel>,
    /// Something was drawn that PDF/A does not allow.
    forbidden: bool,
}

/// What is drawn just now.
struct Drawing {
    what: What,
    content: Content,
}

enum What {
    Page { header: PageHeader, links: Vec<Ref> },
    Canvas(CanvasHeader),
}

/// A canvas that has been written.
struct Canvas {
    object: Ref,
    mask: Option<Mask>,
    /// The transfer function of a mask that nothing has used yet.
    transfer: Option<Box<[u8; 256]>>,
}

/// The pages and the nodes of their tree.
#[derive(Default)]
struct Pages {
    /// Objects of pages, of those that links name ahead as well.
    objects: Vec<Ref>,
    /// Each node and how many pages it has.
    nodes: Vec<(Ref, u32)>,
    drawn: u32,
    levels: PageLevels,
}

impl<'o, 'w> Document<'o, 'w> {
    pub(super) fn new(policy: PagesOutput, out: &'o mut Output<'w>) -> Result<Document<'o, 'w>, Error> {
        Ok(Document {
            file: File::new(out)?,
            shared: Shared { fonts: Fonts::default(), pictures: Pictures::new(policy) },
            header: PagesHeader::default(),
            gradients: Vec::new(),
            canvases: Vec::new(),
            states: BTreeMap::new(),
            drawing: None,
            packing: Deflater::default(),
            pages: Pages::default(),
            outline: Vec::new(),
            labels: Vec::new(),
            forbidden: false,
        })
    }

    pub(super) fn header(&mut self, header: PagesHeader) {
        self.header = header;
    }

    pub(super) fn glyph(&mut self, glyph: Glyph, findings: &mut Findings) -> Result<(), Error> {
        self.end_drawing(findings)?;
        self.shared.fonts.add(glyph, &mut self.file)
    }

    pub(super) fn picture(&mut self, header: PictureHeader, findings: &mut Findings) -> Result<(), Error> {
        self.end_drawing(findings)?;
        self.shared.pictures.begin(header);
        Ok(())
    }

    pub(super) fn pixels(&mut self, rows: &[u8], findings: &mut Findings) -> Result<(), Error> {
        self.shared.pictures.pixels(rows, &mut self.file, findings)
    }

    pub(super) fn gradient(&mut self, gradient: &Gradient, findings: &mut Findings) -> Result<(), Error> {
        self.end_drawing(findings)?;
        self.gradients.push(paint::gradient(gradient, &mut self.file)?);
        Ok(())
    }

    pub(super) fn canvas(&mut self, header: CanvasHeader, findings: &mut Findings) -> Result<(), Error> {
        self.end_drawing(findings)?;
        let scale = match &header.kind {
            CanvasKind::Tile { matrix, .. } => Space::of(matrix).size(),
            CanvasKind::Group { .. } | CanvasKind::Mask { .. } => 1.0,
        };
        let content = Content::new(Start::Canvas, header.bounds, scale);
        self.begin_drawing(What::Canvas(header), content);
        Ok(())
    }

    pub(super) fn page(&mut self, header: PageHeader, findings: &mut Findings) -> Result<(), Error> {
        self.end_drawing(findings)?;
        let bounds = Rect { x0: 0.0, y0: 0.0, x1: header.width, y1: header.height };
        let content = Content::new(Start::Page, bounds, 1.0);
        self.begin_drawing(What::Page { header, links: Vec::new() }, content);
        Ok(())
    }

    pub(super) fn operations(&mut self, operations: Vec<Operation>) -> Result<(), Error> {
        let Some(Drawing { content, .. }) = &mut self.drawing else { return Ok(()) };
        for operation in operations {
            content.operation(operation, &mut self.shared);
            if content.out.len() >= PIECE_BYTES {
                self.packing.push(content.out.bytes())?;
                content.taken();
            }
        }
        Ok(())
    }

    pub(super) fn link(&mut self, link: Link) -> Result<(), Error> {
        let page = match &link.target {
            Target::Url(_) => None,
            Target::Page { page, .. } => Some(self.pages.object(*page, &mut self.file)),
        };
        if let Some(Drawing { what: What::Page { links, .. }, .. }) = &mut self.drawing {
            links.push(navigation::link(&link, page, &mut self.file)?);
        }
        Ok(())
    }

    pub(super) fn outline_item(&mut self, item: OutlineItem) {
        self.outline.push(item);
    }

    pub(super) fn page_label(&mut self, label: PageLabel) {
        self.labels.push(label);
    }

    /// Writes what comes last; returns how many pages there are and how they were carried over.
    pub(super) fn finish(mut self, findings: &mut Findings) -> Result<(u32, PageLevels), Error> {
        self.end_drawing(findings)?;
        self.shared.pictures.write_used(&mut self.file, findings, None)?;
        self.shared.fonts.finish(&mut self.file)?;
        let file = &mut self.file;
        let pages = self.pages.write_tree(file)?;
        let objects = &self.pages.objects;
        let page = |number: u32| objects.get(usize::try_from(number).ok()?).copied();
        let outlines = navigation::outline(&self.outline, page, file)?;
        let conformance = if self.forbidden || self.shared.pictures.smoothed {
            Conformance::None
        } else if self.shared.fonts.unmapped {
            Conformance::Basic
        } else {
            Conformance::Unicode
        };
        let metadata = match metadata::packet(&self.header.title, conformance) {
            None => None,
            Some(packet) => {
                let object = file.reserve();
                // Not packed, so that programs find it that know nothing of PDF (ISO 32000-1, 14.3.2).
                file.stream(object, Packing::None, packet.as_bytes(), |stream| {
                    stream.key(Key::Type).name(Name::Metadata);
                    stream.key(Key::Subtype).name(Name::Xml);
                })?;
                Some(object)
            }
        };
        let profile = match conformance {
            Conformance::None => None,
            Conformance::Basic | Conformance::Unicode => {
                let object = file.reserve();
                file.packed_stream(object, &metadata::profile(), |stream| stream.key(Key::N).integer(3))?;
                Some(object)
            }
        };
        let (header, labels) = (&self.header, &self.labels);
        let root = file.add(|catalog| {
            catalog.dictionary(|catalog| {
                catalog.key(Key::Type).name(Name::Catalog);
                catalog.key(Key::Pages).reference(pages);
                if let Some(language) = &header.language {
                    catalog.key(Key::Lang).string(language.as_str().as_bytes());
                }
                if let Some(outlines) = outlines {
                    catalog.key(Key::Outlines).reference(outlines);
                }
                if !labels.is_empty() {
                    navigation::labels(catalog.key(Key::PageLabels), labels);
                }
                if let Some(metadata) = metadata {
                    catalog.key(Key::Metadata).reference(metadata);
                }
                if let Some(profile) = profile {
                    catalog.key(Key::OutputIntents).array(|intents| output_intent(intents, profile));
                }
            });
        })?;
        self.file.finish(root)?;
        Ok((self.pages.drawn, self.pages.levels))
    }

    fn begin_drawing(&mut self, what: What, content: Content) {
        self.packing.begin();
        self.drawing = Some(Drawing { what, content });
    }

    /// Writes the page or canvas that is being drawn, if there is one.
    fn end_drawing(&mut self, findings: &mut Findings) -> Result<(), Error> {
        let Some(Drawing { what, mut content }) = self.drawing.take() else { return Ok(()) };
        content.finish(&mut self.shared);
        let data = self.packing.end(content.out.bytes())?;
        self.forbidden |= content.deepest > MOST_SAVED;
        let resources = self.resources(&content.resources)?;
        match what {
            What::Page { header, links } => {
                self.end_page(&header, &links, &data, &resources, content.transparent)?;
                self.shared.pictures.write_used(&mut self.file, findings, Some(self.pages.drawn))?;
            }
            What::Canvas(header) => self.end_canvas(header, &data, &resources)?,
        }
        self.packing.recycle(data);
        Ok(())
    }

    fn end_page(
        &mut self,
        header: &PageHeader,
        links: &[Ref],
        data: &[u8],
        resources: &Syntax,
        transparent: bool,
    ) -> Result<(), Error> {
        let contents = self.file.reserve();
        self.file.stream(contents, Packing::Flate, data, |_| {})?;
        let (object, parent) = self.pages.begin(header.level, &mut self.file);
        self.forbidden |= header.width < LEAST_SIDE || header.height < LEAST_SIDE;
        self.file.object(object, |page| {
            page.dictionary(|page| {
                page.key(Key::Type).name(Name::Page);
                page.key(Key::Parent).reference(parent);
                page.key(Key::MediaBox).array(|sides| {
                    [0.0, 0.0, header.width, header.height]
                        .into_iter()
                        .for_each(|side| sides.real(side.into(), PAGE_DECIMALS));
                });
                page.key(Key::Resources).raw(resources.bytes());
                page.key(Key::Contents).reference(contents);
                if transparent {
                    page.key(Key::Group).dictionary(|group| transparency(group, true, false));
                }
                if !links.is_empty() {
                    page.key(Key::Annots).references(links.iter().copied());
                }
            });
        })
    }

    fn end_canvas(&mut self, header: CanvasHeader, data: &[u8], resources: &Syntax) -> Result<(), Error> {
        let object = self.file.reserve();
        let Rect { x0, y0, x1, y1 } = header.bounds;
        let bounds = |form: &mut Syntax, key: Key| {
            let decimals = super::content::decimals_at(match &header.kind {
                CanvasKind::Tile { matrix, .. } => Space::of(matrix).size(),
                CanvasKind::Group { .. } | CanvasKind::Mask { .. } => 1.0,
            });
            form.key(key)
                .array(|sides| [x0, y0, x1, y1].into_iter().for_each(|side| sides.real(side.into(), decimals)));
        };
        let (mut mask, mut function) = (None, None);
        match &header.kind {
            CanvasKind::Tile { matrix, x_step, y_step } => {
                self.file.stream(object, Packing::Flate, data, |pattern| {
                    pattern.key(Key::Type).name(Name::Pattern);
                    pattern.key(Key::PatternType).integer(1);
                    pattern.key(Key::PaintType).integer(1);
                    // Evenly spaced, distorted as little as that takes (ISO 32000-1, 8.7.3.1).
                    pattern.key(Key::TilingType).integer(1);
                    bounds(pattern, Key::BBox);
                    pattern.key(Key::XStep).significant((*x_step).into(), STEP_FIGURES);
                    pattern.key(Key::YStep).significant((*y_step).into(), STEP_FIGURES);
                    paint::matrix(pattern, matrix);
                    pattern.key(Key::Resources).raw(resources.bytes());
                })?;
            }
            CanvasKind::Group { .. } | CanvasKind::Mask { .. } => {
                let (isolated, knockout) = match header.kind {
                    CanvasKind::Group { isolated, knockout } => (isolated, knockout),
                    CanvasKind::Mask { .. } | CanvasKind::Tile { .. } => (true, false),
                };
                if let CanvasKind::Mask { kind, transfer } = &header.kind {
                    mask = Some(Mask { group: object, kind: *kind, transfer: None });
                    function.clone_from(transfer);
                }
                self.file.stream(object, Packing::Flate, data, |form| {
                    form.key(Key::Type).name(Name::XObject);
                    form.key(Key::Subtype).name(Name::Form);
                    bounds(form, Key::BBox);
                    form.key(Key::Group).dictionary(|group| transparency(group, isolated, knockout));
                    form.key(Key::Resources).raw(resources.bytes());
                })?;
            }
        }
        self.canvases.push(Canvas { object, mask, transfer: function });
        Ok(())
    }

    /// The resource dictionary of a content stream (7.8.3).
    fn resources(&mut self, used: &BTreeSet<Resource>) -> Result<Syntax, Error> {
        let mut kinds: [(Key, Syntax); 4] = [
            (Key::Font, Syntax::default()),
            (Key::XObject, Syntax::default()),
            (Key::ExtGState, Syntax::default()),
            (Key::Pattern, Syntax::default()),
        ];
        for resource in used {
            let (kind, object) = match *resource {
                Resource::Font(number) => (0, self.shared.fonts.object(number, &mut self.file)),
                Resource::Picture(number) => (1, self.shared.pictures.object(number, Role::Picture, &mut self.file)),
                Resource::Stencil(number) => (1, self.shared.pictures.object(number, Role::Stencil, &mut self.file)),
                Resource::Canvas(number) => (1, self.canvas_at(number).map(|canvas| canvas.object)),
                Resource::State(number) => (2, self.state(number)?),
                Resource::Gradient(number) => {
                    (3, usize::try_from(number).ok().and_then(|at| self.gradients.get(at)).copied())
                }
                Resource::Tile(number) => (3, self.canvas_at(number).map(|canvas| canvas.object)),
            };
            if let (Some((_, list)), Some(object)) = (kinds.get_mut::<usize>(kind), object) {
                list.resource(*resource);
                list.reference(object);
            }
        }
        let mut all = Syntax::default();
        all.dictionary(|all| {
            for (key, list) in kinds.iter().filter(|(_, list)| list.len() > 0) {
                all.key(*key).dictionary(|kind| kind.raw(list.bytes()));
            }
        });
        Ok(all)
    }

    fn canvas_at(&self, number: u32) -> Option<&Canvas> {
        self.canvases.get(usize::try_from(number).ok()?)
    }

    fn state(&mut self, number: u32) -> Result<Option<Ref>, Error> {
        if let Some(known) = self.states.get(&number) {
            return Ok(Some(*known));
        }
        let Some(change) = StateChange::from_number(number) else { return Ok(None) };
        let mask = match change {
            StateChange::Mask(Some(canvas)) => self.mask(canvas)?,
            StateChange::Mask(None)
            | StateChange::FillAlpha(_)
            | StateChange::StrokeAlpha(_)
            | StateChange::Blend(_) => None,
        };
        let object = paint::state(change, mask, &mut self.file)?;
        self.states.insert(number, object);
        Ok(Some(object))
    }

    /// A mask with its transfer function, which is written when it is first needed.
    fn mask(&mut self, canvas: u32) -> Result<Option<Mask>, Error> {
        let at = usize::try_from(canvas).unwrap_or(usize::MAX);
        let Some(Canvas { mask: Some(mask), transfer, .. }) = self.canvases.get_mut(at) else { return Ok(None) };
        if let Some(values) = transfer.take() {
            mask.transfer = Some(paint::transfer(&values, &mut self.file)?);
        }
        Ok(Some(*mask))
    }
}

impl Pages {
    /// The object of a page, whether it has been drawn or will be.
    fn object(&mut self, page: u32, file: &mut File<'_, '_>) -> Ref {
        let at = usize::try_from(page).unwrap_or(usize::MAX);
        while self.objects.len() <= at {
            self.objects.push(file.reserve());
        }
        self.objects.get(at).copied().unwrap_or(Ref(0))
    }

    /// The object of the next page and the node above it.
    fn begin(&mut self, level: PageLevel, file: &mut File<'_, '_>) -> (Ref, Ref) {
        let object = self.object(self.drawn, file);
        self.drawn = self.drawn.saturating_add(1);
        let count = match level {
            PageLevel::Vector => &mut self.levels.vector,
            PageLevel::RasterText => &mut self.levels.raster_text,
            PageLevel::Raster => &mut self.levels.raster,
        };
        *count = count.saturating_add(1);
        match self.nodes.last_mut() {
            Some((node, count)) if *count < PAGES_TOGETHER => {
                *count = count.saturating_add(1);
                (object, *node)
            }
            _ => {
                let node = file.reserve();
                self.nodes.push((node, 1));
                (object, node)
            }
        }
    }

    /// Writes the tree (7.7.3) and returns its root: the only node, or one above all nodes.
    fn write_tree(&self, file: &mut File<'_, '_>) -> Result<Ref, Error> {
        let root = match self.nodes.as_slice() {
            [(only, _)] => *only,
            _ => file.reserve(),
        };
        let mut kids = self.objects.iter().copied();
        for (node, count) in &self.nodes {
            let kids: Vec<Ref> = kids.by_ref().take(usize::try_from(*count).unwrap_or(0)).collect();
            file.object(*node, |pages| {
                pages.dictionary(|pages| {
                    pages.key(Key::Type).name(Name::Pages);
                    if *node != root {
                        pages.key(Key::Parent).reference(root);
                    }
                    pages.key(Key::Count).integer(*count);
                    pages.key(Key::Kids).references(kids);
                });
            })?;
        }
        if self.nodes.len() != 1 {
            file.object(root, |pages| {
                pages.dictionary(|pages| {
                    pages.key(Key::Type).name(Name::Pages);
                    pages.key(Key::Count).integer(self.drawn);
                    pages.key(Key::Kids).references(self.nodes.iter().map(|(node, _)| *node));
                });
            })?;
        }
        Ok(root)
    }
}

/// ISO 32000-1, 11.6.6.
fn transparency(group: &mut Syntax, isolated: bool, knockout: bool) {
    group.key(Key::S).name(Name::Transparency);
    group.key(Key::Cs).name(Name::DeviceRgb);
    if isolated {
        group.key(Key::I).boolean(true);
    }
    if knockout {
        group.key(Key::K).boolean(true);
    }
}

/// ISO 32000-1, 14.11.5.
fn output_intent(intents: &mut Syntax, profile: Ref) {
    intents.dictionary(|intent| {
        intent.key(Key::Type).name(Name::OutputIntent);
        intent.key(Key::S).name(Name::GtsPdfA1);
        intent.key(Key::OutputConditionIdentifier).string(b"sRGB");
        intent.key(Key::Info).string(b"sRGB");
        intent.key(Key::DestOutputProfile).reference(profile);
    });
}

/// Content is packed in pieces, so that a page's memory is what it packs to.
const PIECE_BYTES: usize = 64 * 1024;
const PAGES_TOGETHER: u32 = 64;
const STEP_FIGURES: u8 = 7;
/// What PDF/A allows (ISO 19005-2, 6.1.13).
const LEAST_SIDE: f32 = 3.0;
const MOST_SAVED: usize = 28;
