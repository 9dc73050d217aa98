//! Text objects (ISO 32000-1, 9.4): letters where the form has them, in as few operators as that takes.
//!
//! The reader moves the pen by the width of each letter; what is said is only where a letter stands elsewhere. The pen is
//! followed as the reader moves it, with the rounded widths of our fonts, so that nothing adds up along a line.

use form::pages::{PlacedGlyph, Point, TextMode, TextRun};

use super::content::Content;
use super::fonts::{Direction, Fonts, Place};
use super::geometry::Space;
use super::grammar::Operator;
use super::shared::Shared;
use super::syntax::{Resource, scaled, unscaled};

/// The text object that is open, and where its line begins.
pub(super) struct Line {
    /// `[a b c d]` of the text matrix, its size left to the font.
    linear: [f64; 4],
    /// Where the line begins, on the grid.
    origin: [i64; 2],
    /// How far the pen is from there, in text space.
    pen: [f64; 2],
    /// Letters are waiting in `pieces`.
    shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    /// One string.
    Letters,
    /// Strings and what is between them.
    Adjusted,
}

/// The letters of a run as the text matrix has them.
struct Setting {
    linear: [f64; 4],
    /// From where letters stand to text space, the origin of the line left out.
    inverse: [f64; 4],
    /// Size of the font, in steps of [`SIZE_DECIMALS`].
    size: i64,
    direction: Direction,
    decimals: u8,
}

impl Content {
    /// Takes a run: the letters of a column are gathered, others are written.
    pub(super) fn run(&mut self, run: TextRun, mode: TextMode, shared: &mut Shared) {
        if let Some(column) = &mut self.column
            && column.mode == mode
            && goes_on(&column.run, &run, &shared.fonts)
            && (run.glyphs.len() == 1 || direction(&run, &shared.fonts) == Direction::Vertical)
        {
            column.run.glyphs.extend(run.glyphs);
            return;
        }
        self.end_column(shared);
        if run.glyphs.len() == 1 || direction(&run, &shared.fonts) == Direction::Vertical {
            self.column = Some(Column { run, mode });
        } else {
            self.text(&run, mode, shared);
        }
    }

    /// Writes the column that is being gathered, before anything else is drawn or changes how it looks.
    pub(super) fn end_column(&mut self, shared: &mut Shared) {
        if let Some(Column { run, mode }) = self.column.take() {
            self.text(&run, mode, shared);
        }
    }

    /// Writes a run.
    fn text(&mut self, run: &TextRun, mode: TextMode, shared: &mut Shared) {
        let rendering = match mode {
            TextMode::Fill => 0,
            TextMode::Stroke => 1,
            TextMode::FillAndStroke => 2,
            TextMode::Invisible => UNPAINTED,
        };
        if matches!(mode, TextMode::Fill | TextMode::FillAndStroke) {
            self.fill_ink();
        }
        if matches!(mode, TextMode::Fill | TextMode::Invisible) {
            return self.letters(run, &Space::of(&run.space), rendering, shared);
        }
        self.stroke_ink();
        let space = Space::of(&run.space);
        match space.even() {
            Some(scale) => {
                self.pen(scale);
                self.letters(run, &space, rendering, shared);
            }
            None => self.within(&space, |content| {
                content.pen(1.0);
                content.letters(run, &Space::default(), rendering, shared);
            }),
        }
    }

    /// Clips to the letters of a run, unless none of them has an outline.
    pub(super) fn clip_text(&mut self, run: &TextRun, shared: &mut Shared) -> bool {
        let drawn = |glyph: u32| shared.fonts.place(glyph).is_some_and(|place| !place.blank);
        if !run.glyphs.iter().any(|placed| drawn(placed.glyph)) {
            return false;
        }
        self.letters(run, &Space::of(&run.space), CLIP, shared);
        true
    }

    /// Ends the text object, if one is open.
    pub(super) fn end_text(&mut self) {
        if self.line.is_some() {
            self.show();
            self.line = None;
            self.out.operator(Operator::EndText);
        }
    }

    /// Writes letters that are placed through `space`.
    fn letters(&mut self, run: &TextRun, space: &Space, rendering: u8, shared: &mut Shared) {
        if self.line.is_none() {
            self.out.operator(Operator::BeginText);
            self.line = Some(Line { linear: UPRIGHT, origin: [0; 2], pen: [0.0; 2], shown: Shown::Nothing });
        }
        if self.now.rendering != Some(rendering) {
            self.show();
            self.now.rendering = Some(rendering);
            self.out.integer(rendering);
            self.out.operator(Operator::TextRendering);
        }
        let direction = direction(run, &shared.fonts);
        let mut setting: Option<(u32, Setting)> = None;
        for placed in &run.glyphs {
            let Some(mut place) = shared.fonts.place(placed.glyph) else { continue };
            if rendering == UNPAINTED {
                place = place.unpainted();
            }
            shared.fonts.unmapped |= !place.mapped;
            let font = Fonts::resource(place.font, direction);
            if setting.as_ref().is_none_or(|(known, _)| *known != font) {
                let new = Setting::new(run, space, &place, direction, self);
                self.font(font, new.size);
                setting = Some((font, new));
            }
            let Some((_, setting)) = &setting else { continue };
            let at = space.apply(Point { x: placed.x, y: placed.y });
            self.letter(&place, at, setting);
        }
    }

    fn font(&mut self, font: u32, size: i64) {
        let resource = Resource::Font(font);
        if self.now.font != Some((font, size)) {
            self.show();
            self.now.font = Some((font, size));
            self.resources.insert(resource);
            self.out.resource(resource);
            self.out.scaled(size, SIZE_DECIMALS);
            self.out.operator(Operator::SetFont);
        }
    }

    fn letter(&mut self, place: &Place, at: [f64; 2], setting: &Setting) {
        let size = unscaled(setting.size, SIZE_DECIMALS);
        let width = f64::from(place.width) / 1000.0 * size;
        // A letter of a column hangs from the middle of its top (ISO 32000-1, 9.7.4.3).
        let hang = match setting.direction {
            Direction::Horizontal => [0.0, 0.0],
            Direction::Vertical => [width / 2.0, 0.88 * size],
        };
        let Some(line) = &mut self.line else { return };
        let origin = line.origin.map(|value| unscaled(value, setting.decimals));
        let [a, b, c, d] = setting.inverse;
        let [dx, dy] = [at[0] - origin[0], at[1] - origin[1]];
        let wanted = [a * dx + c * dy + hang[0], b * dx + d * dy + hang[1]];
        let (along, across) = match setting.direction {
            Direction::Horizontal => (wanted[0] - line.pen[0], wanted[1] - line.pen[1]),
            Direction::Vertical => (wanted[1] - line.pen[1], wanted[0] - line.pen[0]),
        };
        // What cannot be seen: a fiftieth of a point, or where letters are small, a five-hundredth of them.
        let slack = (UNSEEN / self.scale).min(0.002 * size);
        let near = across.abs() <= slack && (-2.0 * size..=12.0 * size).contains(&along) && size > 0.0;
        if line.linear != setting.linear || !(near && line.shown != Shown::Nothing) {
            self.start_line(at, hang, setting);
        } else if along.abs() > slack {
            let decimals = if size * self.scale > 20.0 { 1 } else { 0 };
            let adjustment = scaled(-along * 1000.0 / size, decimals);
            let moved = -unscaled(adjustment, decimals) / 1000.0 * size;
            match setting.direction {
                Direction::Horizontal => line.pen[0] += moved,
                Direction::Vertical => line.pen[1] += moved,
            }
            line.shown = Shown::Adjusted;
            self.pieces.end_string();
            self.pieces.scaled(adjustment, decimals);
            self.pieces.begin_string();
        }
        let Some(line) = &mut self.line else { return };
        self.pieces.string_bytes(&place.code.to_be_bytes());
        match setting.direction {
            Direction::Horizontal => line.pen[0] += width,
            Direction::Vertical => line.pen[1] -= size,
        }
    }

    /// Moves to where a letter stands, and begins a string there.
    fn start_line(&mut self, at: [f64; 2], hang: [f64; 2], setting: &Setting) {
        self.show();
        let Some(line) = &mut self.line else { return };
        let [a, b, c, d] = setting.linear;
        let at = [at[0] + a * hang[0] + c * hang[1], at[1] + b * hang[0] + d * hang[1]];
        let origin = at.map(|value| scaled(value, setting.decimals));
        if setting.linear == UPRIGHT && line.linear == UPRIGHT {
            // Letters may be drawn over others: then the pen has to come back although the line begins where the last one did.
            if origin != line.origin || line.pen != [0.0; 2] {
                let [x, y] = line.origin;
                self.out.scaled(origin[0].saturating_sub(x), setting.decimals);
                self.out.scaled(origin[1].saturating_sub(y), setting.decimals);
                self.out.operator(Operator::MoveText);
            }
        } else {
            setting.linear.into_iter().for_each(|value| self.out.real(value, LINEAR_DECIMALS));
            origin.into_iter().for_each(|value| self.out.scaled(value, setting.decimals));
            self.out.operator(Operator::TextMatrix);
        }
        line.linear = setting.linear;
        line.origin = origin;
        line.pen = [0.0; 2];
        line.shown = Shown::Letters;
        self.pieces.begin_string();
    }

    /// Writes the letters that are waiting, before anything that would change how they look.
    pub(super) fn show(&mut self) {
        let Some(line) = &mut self.line else { return };
        match line.shown {
            Shown::Nothing => return,
            Shown::Letters => {
                self.pieces.end_string();
                self.out.raw(self.pieces.bytes());
                self.out.operator(Operator::ShowText);
            }
            Shown::Adjusted => {
                self.pieces.end_string();
                self.out.array(|array| array.raw(self.pieces.bytes()));
                self.out.operator(Operator::ShowTextAdjusted);
            }
        }
        line.shown = Shown::Nothing;
        self.pieces.clear();
    }
}

impl Setting {
    fn new(run: &TextRun, space: &Space, place: &Place, direction: Direction, content: &Content) -> Setting {
        let [a, b, c, d, ..] = space.0;
        let [e, f, g, h] = run.em.map(|value| f64::from(value) * place.em);
        let em = [a * e + c * f, b * e + d * f, a * g + c * h, b * g + d * h];
        let height = em[2].hypot(em[3]);
        // Letters without a height are not to be seen; any size will do.
        let size = scaled(if height > 0.0 { height } else { 1.0 }, SIZE_DECIMALS).max(1);
        let unit = unscaled(size, SIZE_DECIMALS);
        let mut linear = em.map(|value| unscaled(scaled(value / unit, LINEAR_DECIMALS), LINEAR_DECIMALS));
        // Where widths are rounded, each letter is stretched a little to its own: more than that costs than it shows.
        if let [across, 0.0, 0.0, 1.0] = linear
            && (across - 1.0).abs() * unit * content.scale <= UNSEEN
            && (across - 1.0).abs() <= LEAST_STRETCH
        {
            linear = UPRIGHT;
        }
        let [a, b, c, d] = linear;
        let area = a * d - b * c;
        let inverse = if area.abs() < 1e-9 { [0.0; 4] } else { [d / area, -b / area, -c / area, a / area] };
        Setting { linear, inverse, size, direction, decimals: content.decimals }
    }
}

/// A run that may be the beginning of a column: it is kept until the next letter stands elsewhere.
pub(super) struct Column {
    run: TextRun,
    mode: TextMode,
}

/// Letters that hang under one another are a column. Readers of text need to know: in a column, letters of one line follow one
/// another downwards.
fn direction(run: &TextRun, fonts: &Fonts) -> Direction {
    let pair = |pair: &[PlacedGlyph]| match pair {
        [first, second] => hangs(run, first, second, fonts).is_some(),
        _ => false,
    };
    if run.glyphs.len() > 1 && run.glyphs.windows(2).all(pair) { Direction::Vertical } else { Direction::Horizontal }
}

/// How many ems a letter hangs below another, where it does.
fn hangs(run: &TextRun, first: &PlacedGlyph, second: &PlacedGlyph, fonts: &Fonts) -> Option<f64> {
    let [e, f, g, h] = run.em.map(f64::from);
    let area = e * h - f * g;
    // Where the middle of a letter stands, in ems.
    let middle = |placed: &PlacedGlyph| {
        let place = fonts.place(placed.glyph)?;
        let (x, y) = (f64::from(placed.x), f64::from(placed.y));
        let (across, up) = ((h * x - g * y) / area, (e * y - f * x) / area);
        Some([across + f64::from(place.width) * place.em / 2000.0, up])
    };
    let ([x0, y0], [x1, y1]) = (middle(first)?, middle(second)?);
    ((x1 - x0).abs() < 0.1 && (0.3..3.0).contains(&(y0 - y1))).then_some(y0 - y1)
}

/// Whether a run goes on with the column of another. Many producers place the letters of a column one by one. A list of
/// numbers under one another is none, nor are letters as far apart as lines.
fn goes_on(column: &TextRun, run: &TextRun, fonts: &Fonts) -> bool {
    let columnar = |placed: &PlacedGlyph| fonts.place(placed.glyph).is_some_and(|place| place.columnar);
    let (Some(last), Some(next)) = (column.glyphs.last(), run.glyphs.first()) else { return false };
    column.em == run.em
        && column.space == run.space
        && columnar(last)
        && columnar(next)
        && hangs(column, last, next, fonts).is_some_and(|ems| (0.5..1.5).contains(&ems))
}

/// A distance in points.
const UNSEEN: f64 = 0.02;
/// What is stretched more is meant to be.
const LEAST_STRETCH: f64 = 0.004;
/// Neither fills nor strokes.
const UNPAINTED: u8 = 3;
/// Clips and does not paint.
const CLIP: u8 = 7;
const UPRIGHT: [f64; 4] = [1.0, 0.0, 0.0, 1.0];
/// As fine as the other, so that a rounded size leaves upright text upright.
const SIZE_DECIMALS: u8 = 4;
const LINEAR_DECIMALS: u8 = 4;
