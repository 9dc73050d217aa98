//! SVG, drawn: what comes out is a PNG, for markup that can hold scripts and load files has no place in a rebuilt file.
//!
//! [`guard`] goes through the markup first: it bounds it, refuses what could grow, and finds what a picture of it loses; [`chains`]
//! bounds how far parts lead to parts. Then a library draws it. It gets the fonts of the room, pictures that this crate has read itself ([`pictures`]), and nothing else.

mod chains;
mod fonts;
mod guard;
mod pictures;

use std::borrow::Cow;
use std::io::Write;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use form::image::{Density, ImageSource, PixelFormat};
use form::{Place, Reason, Refusal};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Node, Tree};

use super::Facts;
use super::raster::{self, Raster};
use crate::error::{Error, size, within};
use crate::fonts::Fonts;
use crate::room::Part;

/// Draws the file and writes it as a form, with its longer side at most `most_side` pixels.
pub(crate) fn disarm(mut part: Part<'_>, fonts: &Fonts, most_side: u32, form: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    within(Reason::LimitInputBytes, MAX_BYTES, size(part.input.len()))?;
    let text = decoded(part.input)?;
    let found = guard::check(&text, limits)?;
    let pictures = pictures::Pictures::new(part.job);
    let chosen = if found.has_text { fonts::Chosen::new(fonts) } else { fonts::Chosen::none() };
    let options = usvg::Options {
        resources_dir: None,
        languages: vec!["ja".to_owned(), "en".to_owned()],
        image_href_resolver: pictures.resolver(),
        font_resolver: chosen.resolver(),
        fontdb: chosen.database(),
        ..usvg::Options::default()
    };
    let tree = Tree::from_str(&text, &options).map_err(|error| refusal(&error))?;
    drop(options);
    let layers = layers(&tree)?;
    let root = u32::try_from(limits.pixels.isqrt()).unwrap_or(u32::MAX);
    let most_side = most_side.min(limits.dimension).min(root).max(1);
    let canvas = Canvas::of(tree.size(), most_side, layers).ok_or(Reason::LimitPageContent)?;
    raster::check_size(canvas.width, canvas.height, 1, limits)?;
    let mut pixmap = Pixmap::new(canvas.width, canvas.height).ok_or(Reason::LimitPixels)?;
    resvg::render(&tree, Transform::from_scale(canvas.scale_x, canvas.scale_y), &mut pixmap.as_mut());
    drop(tree);
    part.findings.add(Reason::VectorDrawn, Place::default());
    found.note(&mut part, chosen.is_empty());
    pictures.note(&mut part);
    let facts = Facts { density: canvas.density(), metadata: found.metadata, ..Facts::default() };
    let pixels = pixmap.pixels().iter().flat_map(|pixel| {
        let pixel = pixel.demultiply();
        [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
    });
    let pixels = pixels.collect();
    let raster = Raster { width: canvas.width, height: canvas.height, format: PixelFormat::Rgba8, pixels };
    raster.write(ImageSource::Png, facts, part, form)
}

/// The markup as text: by its mark, by what it says of itself, else UTF-8.
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let head = bytes.get(..DECLARATION_BYTES).unwrap_or(bytes);
    let encoding = match head {
        [0xFE, 0xFF, ..] | [0, b'<', ..] => UTF_16BE,
        [0xFF, 0xFE, ..] | [b'<', 0, ..] => UTF_16LE,
        _ => declared(head).unwrap_or(UTF_8),
    };
    let (text, _, has_errors) = encoding.decode(bytes);
    if has_errors { Err(Reason::Malformed.into()) } else { Ok(text) }
}

/// `<?xml version="1.0" encoding="Shift_JIS"?>`
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let text: String = head.iter().map(|byte| char::from(*byte)).collect();
    let declaration = text.trim_start().strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Encoding::for_label(value.split(quote).nth(1)?.as_bytes())
}

/// How many layers of the canvas the drawing takes, one after the other: groups that are mixed as a whole, masks, clips, filters
/// and patterns. More parts than are allowed are refused.
fn layers(tree: &Tree) -> Result<u64, Error> {
    let (mut nodes, mut layers) = (0_u64, 1_u64);
    let mut open = vec![(tree.root(), 0_u64)];
    while let Some((group, depth)) = open.pop() {
        within(Reason::LimitMarkup, MAX_DEPTH, depth)?;
        let primitives = group.filters().iter().map(|filter| size(filter.primitives().len()));
        let filters = primitives.fold(0_u64, u64::saturating_add).saturating_mul(FILTER_LAYERS);
        layers = layers.saturating_add(filters).saturating_add(u64::from(group.should_isolate()));
        let below = depth.saturating_add(1);
        let mut further: Vec<&usvg::Group> = Vec::new();
        further.extend(group.mask().map(|mask| mask.root()));
        further.extend(group.clip_path().map(|clip| clip.root()));
        for node in group.children() {
            nodes = nodes.saturating_add(1);
            match node {
                Node::Group(group) => further.push(group),
                Node::Path(path) => {
                    let paints = [path.fill().map(|fill| fill.paint()), path.stroke().map(|stroke| stroke.paint())];
                    for paint in paints.into_iter().flatten() {
                        if let usvg::Paint::Pattern(pattern) = paint {
                            layers = layers.saturating_add(1);
                            further.push(pattern.root());
                        }
                    }
                }
                Node::Image(_) => layers = layers.saturating_add(1),
                Node::Text(text) => further.push(text.flattened()),
            }
        }
        within(Reason::LimitMarkup, MAX_NODES, nodes)?;
        open.extend(further.into_iter().map(|group| (group, below)));
    }
    Ok(layers)
}

/// The size in pixels and the scale.
struct Canvas {
    width: u32,
    height: u32,
    scale_x: f32,
    scale_y: f32,
}

impl Canvas {
    /// Two pixels for one of CSS, as many screens have; icons larger, posters smaller, and smaller what takes many layers.
    fn of(size: usvg::Size, most_side: u32, layers: u64) -> Option<Canvas> {
        let (width, height) = (f64::from(size.width()), f64::from(size.height()));
        let longer = width.max(height);
        let affordable = (MAX_WORK / layers.max(1)).isqrt();
        let affordable = f64::from(u32::try_from(affordable).unwrap_or(u32::MAX));
        let wanted = (longer * 2.0).max(ICON_SIDE).min(most_side.into()).min(affordable);
        if !(wanted >= 1.0 && (affordable >= LEAST_SIDE || affordable >= longer)) {
            return None;
        }
        let side = |length: f64| u32::try_from(whole(length * wanted / longer)).ok().map(|side| side.max(1));
        let (pixels_x, pixels_y) = (side(width)?, side(height)?);
        let scale = |pixels: u32, length: f64| single(f64::from(pixels) / length);
        Some(Canvas {
            width: pixels_x,
            height: pixels_y,
            scale_x: scale(pixels_x, width),
            scale_y: scale(pixels_y, height),
        })
    }

    /// A pixel of CSS is the 96th part of an inch.
    fn density(&self) -> Option<Density> {
        let inches = u16::try_from(whole(f64::from(self.scale_x) * 96.0)).ok()?;
        (inches > 0).then_some(Density { x: inches, y: inches })
    }
}

/// The nearest whole number; what is no number becomes 0.
#[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN becomes 0")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[allow(clippy::cast_possible_truncation, reason = "a scale needs no more digits")]
fn single(value: f64) -> f32 {
    value as f32
}

fn refusal(error: &usvg::Error) -> Error {
    match error {
        usvg::Error::ElementsLimitReached | usvg::Error::ParsingFailed(usvg::roxmltree::Error::NodesLimitReached) => {
            Refusal::limit(Reason::LimitMarkup, MAX_NODES, MAX_NODES.saturating_add(1)).into()
        }
        usvg::Error::NotAnUtf8Str
        | usvg::Error::MalformedGZip
        | usvg::Error::InvalidSize
        | usvg::Error::ParsingFailed(_)
        | usvg::Error::SvgzFeatureNotEnabled => Reason::Malformed.into(),
    }
}

/// Bytes of markup, embedded pictures with it.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
const DECLARATION_BYTES: usize = 256;
/// Parts of the drawing, when every use of another has been put in its place.
const MAX_NODES: u64 = 300_000;
/// Levels of groups in groups, with masks, clips and patterns.
const MAX_DEPTH: u64 = 200;
/// A step of a filter costs about as much as this many layers: it reads and writes the whole canvas several times, in linear light.
const FILTER_LAYERS: u64 = 20;
/// Pixels of all layers together.
const MAX_WORK: u64 = 4_000_000_000;
/// The longer side of what is small.
const ICON_SIDE: f64 = 512.0;
/// A drawing that could only be afforded smaller than this is refused.
const LEAST_SIDE: f64 = 256.0;
