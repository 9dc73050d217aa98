//! Letters: where they stand, what they mean, and whether they can be seen.

use std::rc::Rc;

use form::job::Extra;
use form::pages::{GlyphText, Matrix, PlacedGlyph, TextMode, TextRun};
use hayro_interpret::font::{Glyph, GlyphRun, OutlineGlyph, Type3Glyph};
use hayro_interpret::hayro_cmap::WritingMode;
use hayro_interpret::{CacheKey, DrawMode, DrawProps, StrokeProps};
use kurbo::{Affine, BezPath, Rect};

use super::covered::{self, Moment};
use super::device::{Mode, Recorder};
use super::document::Document;
use super::geometry;
use super::glyphs::{self, Key, UNSTRETCHED};
use super::ink::{self, Lettering, Shape};
use super::inspect;
use super::lacking::Lack;
use super::type3;

/// Letters that are not drawn, and where they stand.
#[derive(Debug)]
pub(super) struct Unseen {
    run: TextRun,
    bounds: Rect,
    /// When it came: what covers it comes later.
    since: Moment,
    /// Whether the page itself shows it, of which an image is made.
    shown: bool,
    /// Whether it is a clip: what is painted through it has its shape.
    clips: bool,
}

/// Of text that is only to be found and copied, or nobody knows yet what for.
#[derive(Clone, Copy, Debug)]
struct Invisible {
    /// Whether the page shows it, of which an image is made.
    shown: bool,
}

/// A letter in its place.
struct Letter<'g> {
    key: Key,
    source: Source<'g>,
    /// From thousandths of an em to the space of the run.
    place: Affine,
}

enum Source<'g> {
    Outline(&'g OutlineGlyph),
    /// A letter of a Type 3 font that is one filled shape.
    Shape(Rc<BezPath>),
    Blank,
}

impl Source<'_> {
    fn outline(&self) -> BezPath {
        match self {
            Source::Outline(glyph) => glyph.outline(),
            Source::Shape(path) => path.as_ref().clone(),
            Source::Blank => BezPath::new(),
        }
    }
}

impl<'d, 'w> Recorder<'d, 'w> {
    pub(super) fn letters<'a>(&mut self, run: &GlyphRun<'_, 'a>, props: &DrawProps<'a>, mode: &DrawMode) {
        if self.mode == Mode::Count {
            for glyph in run.glyphs() {
                if let (Glyph::Type3(letter), false) = (&**glyph, matches!(mode, DrawMode::Invisible)) {
                    letter.interpret(self, props.transform, glyph.transform(), &props.paint);
                }
            }
            return;
        }
        let invisible = self.mode == Mode::Text || matches!(mode, DrawMode::Invisible) || is_transparent(&props.paint);
        let pen = match mode {
            DrawMode::Stroke(pen) | DrawMode::FillAndStroke(_, pen) if !invisible => Some(pen),
            _ => None,
        };
        let space = Space::new(pen, props.transform);
        let vertical = run.writing_mode() == WritingMode::Vertical;
        let mut seen = Vec::with_capacity(run.glyphs().len());
        let mut blank = Vec::new();
        for glyph in run.glyphs() {
            let place = space.base * glyph.transform();
            if !place.as_coeffs().iter().all(|number| number.is_finite()) {
                continue;
            }
            let text = self.meaning(glyph);
            match &**glyph {
                Glyph::Outline(outline) => {
                    let advance = if vertical { EM } else { outline.advance_width().unwrap_or(EM / 2.0) };
                    if invisible {
                        blank.push(Letter { key: Key::blank(text, advance), source: Source::Blank, place });
                    } else {
                        seen.push(self.outlined(outline, text, advance, place));
                    }
                }
                Glyph::Type3(letter) => {
                    let advance = letter.advance_width().unwrap_or(EM / 2.0);
                    let shape = if invisible { None } else { self.shape_of(letter) };
                    match shape {
                        Some(shape) => {
                            let key = Key::new(letter.cache_key(), text, advance);
                            seen.push(Letter { key, source: Source::Shape(shape), place });
                        }
                        None => {
                            if !text.as_str().is_empty() {
                                blank.push(Letter { key: Key::blank(text, advance), source: Source::Blank, place });
                            }
                            if !invisible {
                                letter.interpret(self, props.transform, glyph.transform(), &props.paint);
                            }
                        }
                    }
                }
            }
        }
        if self.mode == Mode::Count {
            return;
        }
        self.place_seen(&seen, &space, props);
        if matches!(mode, DrawMode::Invisible) && self.is_on_page() {
            self.note_not_drawn(run, props.transform);
        }
        let drawn = self.mode == Mode::Text && !matches!(mode, DrawMode::Invisible) && !is_transparent(&props.paint);
        let invisible = invisible.then(|| Invisible { shown: drawn && self.is_shown(&blank, &space, props) });
        self.place_blank(blank, &space, invisible);
    }

    /// A letter that is drawn: of its font, or of another where that one only stands in and lacks it.
    fn outlined<'g>(&mut self, outline: &'g OutlineGlyph, text: GlyphText, advance: f32, place: Affine) -> Letter<'g> {
        match self.document.spares.look(outline, text.as_str()) {
            Lack::Spare(spare) => {
                // Letters of fonts without an OpenType program, which are not stretched to the width that is told, are made as wide as
                // that.
                let stretch = match f64::from(advance) / spare.advance {
                    stretch if outline.font_data().is_none() && (0.4..2.5).contains(&stretch) => stretch,
                    _ => 1.0,
                };
                let place = place * Affine::scale_non_uniform(stretch, 1.0);
                let key = Key::new(spare.key, text, advance);
                return Letter { key, source: Source::Shape(Rc::clone(&spare.outline)), place };
            }
            Lack::Lost => self.tally.damaged = self.tally.damaged.saturating_add(1),
            Lack::Nothing => {}
        }
        let key = Key::new(outline.identifier().cache_key(), text, advance);
        Letter { key, source: Source::Outline(outline), place }
    }

    fn meaning(&mut self, glyph: &Glyph<'_>) -> GlyphText {
        let plain = if self.document.vertical_forms { inspect::plain } else { |c| c };
        let mut text = glyphs::meaning(glyph.as_unicode(), plain);
        if text.as_str().is_empty() && is_simple(glyph) {
            // Fonts without names for their letters: the codes of most of them are Latin letters, and other readers guess so.
            let is_letter = |c: &char| matches!(c, ' '..='~' | '\u{A1}'..='\u{FF}');
            if let Some(c) = u8::try_from(glyph.char_code()).ok().map(char::from).filter(is_letter) {
                text = GlyphText::scrub(c.encode_utf8(&mut [0; 4]));
            }
        }
        let text = self.spans.meaning(text);
        if text.is_empty() {
            self.tally.unmapped = self.tally.unmapped.saturating_add(1);
        }
        text
    }

    /// Takes note of letters that are not drawn: they may be the clip that comes next. The interpreter does not tell the two apart.
    fn note_not_drawn(&mut self, run: &GlyphRun<'_, '_>, transform: Affine) {
        let mut bounds: Option<Rect> = None;
        for glyph in run.glyphs() {
            let Glyph::Outline(outline) = &**glyph else { continue };
            let key = Key::new(outline.identifier().cache_key(), GlyphText::default(), 0.0);
            let Some(area) = self.document.glyphs.look(&key, || outline.outline()).bounds else { continue };
            let area = (transform * glyph.transform()).transform_rect_bbox(area);
            bounds = Some(bounds.map_or(area, |bounds| bounds.union(area)));
        }
        if self.not_drawn.len() >= MAX_NOT_DRAWN {
            self.not_drawn.remove(0);
        }
        self.not_drawn.extend(bounds.map(|bounds| (bounds, self.unseen.len())));
    }

    /// Takes note of a clip: of letters, when it covers just what the last ones do that were not drawn.
    pub(super) fn note_clip(&mut self, clip: Rect) {
        let near = |one: f64, other: f64| (one - other).abs() <= CLOSE;
        let mut all: Option<Rect> = None;
        for (bounds, first) in self.not_drawn.iter().rev() {
            let union = all.map_or(*bounds, |all| all.union(*bounds));
            all = Some(union);
            let same = near(union.x0, clip.x0) && near(union.y0, clip.y0) && near(union.x1, clip.x1);
            if same && near(union.y1, clip.y1) {
                self.unseen.iter_mut().skip(*first).for_each(|unseen| unseen.clips = true);
                break;
            }
        }
        self.not_drawn.clear();
    }

    /// Whether letters are seen on a page of which an image is made; takes note of where they are.
    fn is_shown(&mut self, letters: &[Letter<'_>], space: &Space, props: &DrawProps<'_>) -> bool {
        let areas = letters.iter().map(|letter| space.to_page(letter.place, Some(SEEN)));
        if ink::is_white_paint(&props.paint) {
            return !areas.into_iter().all(|area| self.cover.is_blank(area));
        }
        areas.for_each(|area| self.cover.add(area));
        true
    }

    fn shape_of(&mut self, letter: &Type3Glyph<'_>) -> Option<Rc<BezPath>> {
        let key = letter.cache_key();
        if let Some(known) = self.document.shapes.get(&key) {
            return known.clone();
        }
        let shape = type3::shape(letter).map(Rc::new);
        self.document.shapes.insert(key, shape.clone());
        shape
    }

    /// Draws letters, as runs of one size and direction.
    fn place_seen<'a>(&mut self, letters: &[Letter<'_>], space: &Space, props: &DrawProps<'a>) {
        let Some(first) = letters.first() else { return };
        let uniform = letters.iter().all(|letter| same_size(linear(letter.place), linear(first.place)));
        let white = ink::is_white_paint(&props.paint);
        let mut gathered: Option<Gathered> = None;
        let mut told = Vec::new();
        let reach = space.reach();
        let drops = white && self.is_on_page() && self.document.policy.hidden_text == Extra::Drop;
        let unseen = drops && self.are_on_blank(letters, space);
        for letter in letters {
            let (em, stretch) = if uniform { (linear(letter.place), UNSTRETCHED) } else { unstretched(letter.place) };
            let key = Key { stretch, ..letter.key.clone() };
            let known = self.document.glyphs.look(&key, || letter.source.outline());
            if known.bounds.is_none() && self.is_damaged(letter) {
                self.tally.damaged = self.tally.damaged.saturating_add(1);
            }
            let place = with_linear(em, letter.place);
            let bounds = space.to_page(place, known.bounds);
            if !geometry::meet(self.layer().visible(), bounds) {
                self.tally.off_page = self.tally.off_page.saturating_add(1);
                continue;
            }
            if unseen {
                self.tally.hidden = self.tally.hidden.saturating_add(1);
                continue;
            }
            if !white && self.is_on_page() && known.bounds.is_some() {
                self.cover.add(bounds.inflate(reach, reach));
            }
            if !known.fits {
                self.place_as_path(letter, space, props);
                let key = Key { outline: 0, stretch: UNSTRETCHED, ..letter.key.clone() };
                told.push(Letter { key, source: Source::Blank, place: letter.place });
                continue;
            }
            let Document { glyphs, out, .. } = &mut *self.document;
            let number = glyphs.number(&key, || letter.source.outline(), out);
            let number = self.must(number);
            let Some((em, glyph)) = placed(em, place, number) else { continue };
            match &mut gathered {
                Some(run) if same_size(run.linear, linear(place)) => run.add(glyph, bounds),
                _ => {
                    if let Some(run) = gathered.take() {
                        self.draw_run(run, space, props);
                    }
                    gathered = Some(Gathered::new(linear(place), em, space.matrix, glyph, bounds));
                }
            }
        }
        if let Some(run) = gathered {
            self.draw_run(run, space, props);
        }
        self.place_blank(told, space, None);
    }

    /// Whether a letter that draws nothing should draw something.
    fn is_damaged(&mut self, letter: &Letter<'_>) -> bool {
        let Source::Outline(glyph) = letter.source else { return false };
        let text = letter.key.text.as_str();
        // What letters of a missing font are said to be of which nobody can tell more.
        if text == "\u{FFFD}" {
            return true;
        }
        let is_space = !text.is_empty() && text.chars().all(char::is_whitespace);
        let found = || glyphs::is_damaged(glyph);
        !is_space && *self.document.damaged.entry(letter.key.outline).or_insert_with(found)
    }

    /// Whether nothing was painted where any of the letters stands.
    fn are_on_blank(&mut self, letters: &[Letter<'_>], space: &Space) -> bool {
        letters.iter().all(|letter| {
            let known = self.document.glyphs.look(&letter.key, || letter.source.outline());
            known.bounds.is_none_or(|bounds| self.cover.is_blank(space.to_page(letter.place, Some(bounds))))
        })
    }

    fn draw_run<'a>(&mut self, run: Gathered, space: &Space, props: &DrawProps<'a>) {
        let lettering = match &space.pen {
            Some(pen) => Lettering::Stroke(pen.clone()),
            None => Lettering::Fill,
        };
        let reach = space.reach();
        let bounds = run.bounds.inflate(reach, reach);
        let blend = props.blend_mode;
        self.draw(Shape::Text(run.run, lettering), bounds, &props.paint, blend, props.soft_mask.as_ref());
    }

    /// Draws a letter that no glyph can hold, filled whatever the pen is.
    fn place_as_path<'a>(&mut self, letter: &Letter<'_>, space: &Space, props: &DrawProps<'a>) {
        let Some(path) = geometry::path(&letter.source.outline(), space.affine * letter.place) else { return };
        let Some(bounds) = geometry::bounds(&path) else { return };
        let shape = Shape::Fill(path, form::pages::FillRule::NonZero);
        self.draw(shape, bounds, &props.paint, props.blend_mode, props.soft_mask.as_ref());
    }

    /// Places letters that are only to be found and copied.
    fn place_blank(&mut self, letters: Vec<Letter<'_>>, space: &Space, invisible: Option<Invisible>) {
        if !self.is_on_page() {
            return;
        }
        let mut gathered: Option<Gathered> = None;
        for letter in letters {
            let bounds = space.to_page(letter.place, None);
            if !geometry::meet(self.layer().visible(), bounds) {
                self.tally.off_page = self.tally.off_page.saturating_add(1);
                continue;
            }
            if letter.key.text.is_empty() || letter.key.text.is_said() {
                continue;
            }
            let Document { glyphs, out, .. } = &mut *self.document;
            let number = glyphs.number(&letter.key, BezPath::new, out);
            let number = self.must(number);
            let Some((em, glyph)) = placed(linear(letter.place), letter.place, number) else { continue };
            match &mut gathered {
                Some(run) if same_size(run.linear, linear(letter.place)) => run.add(glyph, bounds),
                _ => {
                    if let Some(run) = gathered.take() {
                        self.keep_blank(run, invisible);
                    }
                    gathered = Some(Gathered::new(linear(letter.place), em, space.matrix, glyph, bounds));
                }
            }
        }
        if let Some(run) = gathered {
            self.keep_blank(run, invisible);
        }
    }

    fn keep_blank(&mut self, run: Gathered, invisible: Option<Invisible>) {
        match invisible {
            Some(Invisible { shown }) => {
                let since = self.boxes.now();
                self.unseen.push(Unseen { run: run.run, bounds: run.bounds, since, shown, clips: false });
            }
            // What a Type 3 letter says.
            None => self.layer().text(run.run, TextMode::Invisible, 0),
        }
    }

    /// Settles what becomes of text that is not drawn, when all of the page is known: over a picture it is the text layer of a
    /// scan and stays; elsewhere nobody sees it.
    pub(super) fn settle_unseen(&mut self) {
        let keep_all = self.document.policy.hidden_text == Extra::Keep;
        for Unseen { mut run, bounds, since, shown, clips } in std::mem::take(&mut self.unseen) {
            let painted = clips && !self.cover.is_blank(bounds);
            let seen = shown || painted;
            let picture = if seen { None } else { self.cover.last_picture(bounds) };
            if keep_all || seen || picture.is_some() {
                if !keep_all {
                    let since = picture.map_or(since, |picture| since.on_picture(picture));
                    let glyphs = &self.document.glyphs;
                    let covered =
                        covered::without_covered(&mut run, since, &mut self.boxes, &|number| glyphs.area(number));
                    self.tally.hidden = self.tally.hidden.saturating_add(covered);
                }
                if !run.glyphs.is_empty() {
                    self.layer().text(run, TextMode::Invisible, 0);
                }
            } else {
                let count = u32::try_from(run.glyphs.len()).unwrap_or(u32::MAX);
                self.tally.hidden = self.tally.hidden.saturating_add(count);
            }
        }
    }
}

/// The space in which letters and pen stand.
struct Space {
    /// From the interpreter's text space to it.
    base: Affine,
    /// From it to the page.
    affine: Affine,
    matrix: Matrix,
    pen: Option<form::pages::StrokeStyle>,
}

impl Space {
    /// That of the page, unless a pen is only round elsewhere.
    fn new(pen: Option<&StrokeProps>, transform: Affine) -> Space {
        let page = |pen| Space { base: transform, affine: Affine::IDENTITY, matrix: Matrix::IDENTITY, pen };
        let Some(found) = pen else { return page(None) };
        match (geometry::uniform_scale(transform), geometry::matrix(transform)) {
            (None, Some(matrix)) if geometry::is_usable(transform) => {
                Space { base: Affine::IDENTITY, affine: transform, matrix, pen: ink::style(found, 1.0) }
            }
            (scale, _) => page(ink::style(found, scale.unwrap_or(1.0))),
        }
    }

    /// How far the pen reaches beyond letters on the page.
    fn reach(&self) -> f64 {
        self.pen.as_ref().map_or(0.0, |pen| f64::from(pen.width) * geometry::largest_scale(self.affine))
    }

    /// What a letter covers on the page: its outline, and at least the place where it stands.
    fn to_page(&self, place: Affine, outline: Option<Rect>) -> Rect {
        let em = outline.unwrap_or(Rect::new(0.0, -f64::from(EM) / 5.0, f64::from(EM), f64::from(EM)));
        (self.affine * place).transform_rect_bbox(em)
    }
}

/// Letters of one size and direction that follow one another.
struct Gathered {
    linear: [f64; 4],
    run: TextRun,
    bounds: Rect,
}

impl Gathered {
    fn new(linear: [f64; 4], em: [f32; 4], space: Matrix, glyph: PlacedGlyph, bounds: Rect) -> Gathered {
        Gathered { linear, run: TextRun { space, em, glyphs: vec![glyph] }, bounds }
    }

    fn add(&mut self, glyph: PlacedGlyph, bounds: Rect) {
        self.run.glyphs.push(glyph);
        self.bounds = self.bounds.union(bounds);
    }
}

fn placed(linear: [f64; 4], place: Affine, glyph: u32) -> Option<([f32; 4], PlacedGlyph)> {
    let [.., x, y] = place.as_coeffs();
    let most = f64::from(form::pages::MAX_COORDINATE);
    let em = linear.map(|number| number * f64::from(EM));
    let fits = em.iter().chain([&x, &y]).all(|number| number.abs() <= most);
    fits.then(|| (em.map(geometry::single), PlacedGlyph { glyph, x: geometry::single(x), y: geometry::single(y) }))
}

fn linear(affine: Affine) -> [f64; 4] {
    let [a, b, c, d, ..] = affine.as_coeffs();
    [a, b, c, d]
}

fn with_linear([a, b, c, d]: [f64; 4], place: Affine) -> Affine {
    let [.., e, f] = place.as_coeffs();
    Affine::new([a, b, c, d, e, f])
}

/// Takes the stretch along the line out of a letter's place: letters of a font that stands in for another are each as wide as
/// that other font's, and would each need a size of their own.
fn unstretched(place: Affine) -> ([f64; 4], u32) {
    let [a, b, c, d] = linear(place);
    let (across, up) = (a.hypot(b), c.hypot(d));
    let stretch = across / up * f64::from(UNSTRETCHED);
    if !(100.0..=10_000.0).contains(&stretch) {
        return ([a, b, c, d], UNSTRETCHED);
    }
    let stretch = geometry::pixels(stretch.round());
    let back = f64::from(UNSTRETCHED) / f64::from(stretch);
    ([a * back, b * back, c, d], stretch)
}

fn same_size(one: [f64; 4], other: [f64; 4]) -> bool {
    let size = one.iter().fold(0.0_f64, |size, number| size.max(number.abs()));
    one.iter().zip(other).all(|(one, other)| (one - other).abs() <= size * SAME)
}

/// Whether a letter is of a font with codes of one byte, as far as can be told.
fn is_simple(glyph: &Glyph<'_>) -> bool {
    match glyph {
        Glyph::Type3(_) => true,
        // The interpreter only hides the programs of Type 1 fonts.
        Glyph::Outline(glyph) => glyph.font_data().is_none(),
    }
}

fn is_transparent(paint: &hayro_interpret::Paint<'_>) -> bool {
    match paint {
        hayro_interpret::Paint::Color(color) => {
            let [.., alpha] = color.to_rgba().to_rgba8();
            alpha == 0
        }
        hayro_interpret::Paint::Pattern(_) => false,
    }
}

/// About what a letter covers, in glyph units, where nothing is known of its outline.
const SEEN: Rect = Rect::new(0.0, 0.0, 500.0, 700.0);
/// Runs of letters that are not drawn which may be one clip together.
const MAX_NOT_DRAWN: usize = 64;
/// By how much, in points, a clip may differ from the letters that it is made of.
const CLOSE: f64 = 0.02;
/// Glyph units of an em.
const EM: f32 = 1_000.0;
/// The share of a size that two may differ by and be one.
const SAME: f64 = 1e-5;
