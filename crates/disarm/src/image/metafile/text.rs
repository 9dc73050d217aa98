//! Lines of text.

use std::rc::Rc;

use kurbo::{Affine, BezPath, Point, Rect, Shape, Vec2};

use super::face::Letter;
use super::font::Font;
use super::paint::{Ink, Paint};
use super::player::Player;
use super::raster::Rule;
use super::{Fault, bytes};

/// A line to write.
#[derive(Debug)]
pub(super) struct Line<'t> {
    /// Its reference point, in logical units.
    pub(super) at: Point,
    pub(super) letters: &'t [char],
    /// How far it is from each letter to the next, across and down; nothing where the font says.
    pub(super) steps: Option<Vec<Vec2>>,
    /// What is filled or limits the line.
    pub(super) rect: Option<Rect>,
    /// Fills `rect` with the background.
    pub(super) fills: bool,
    /// Draws inside `rect` only.
    pub(super) clips: bool,
}

impl Player<'_> {
    /// Writes a line ([MS-EMF] 2.3.5.8).
    pub(super) fn write(&mut self, line: Line<'_>) -> Result<(), Fault> {
        self.budget.points(line.letters.len())?;
        self.note(line.letters);
        if let Some(rect) = line.rect.filter(|_| line.fills) {
            let shape = self.to_canvas() * rect.to_path(0.1);
            let paint = Paint::opaque(self.state.back_color);
            self.fill_paint(&shape, Rule::Winding, &paint)?;
        }
        let outer = self.state.clip.clone();
        if let Some(rect) = line.rect.filter(|_| line.clips) {
            self.clip_rect(rect, super::canvas::Combine::And)?;
        }
        let done = self.write_letters(&line);
        self.state.clip = outer;
        done
    }

    /// Remembers what is written. Letters of words that need no spaces between them often come one by one.
    fn note(&mut self, letters: &[char]) {
        let is_wide = |c: &char| u32::from(*c) >= 0x2E80;
        let joins =
            self.words.chars().next_back().is_some_and(|last| is_wide(&last)) && letters.first().is_some_and(is_wide);
        if !joins && !self.words.is_empty() && !self.words.ends_with(' ') {
            self.words.push(' ');
        }
        let room = MAX_WORDS_BYTES.saturating_sub(self.words.len()) / 4;
        let is_letter = |c: &&char| !c.is_control() && **c != char::REPLACEMENT_CHARACTER;
        self.words.extend(letters.iter().filter(is_letter).take(room));
    }

    fn write_letters(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let font = Rc::clone(&self.state.font);
        let size = font.size();
        let mut letters = Vec::with_capacity(line.letters.len());
        for c in line.letters {
            letters.push((self.faces.letter(&font, *c, self.budget)?, *c));
        }
        let (steps, squeeze) = self.steps(line, &font, &letters);
        let whole: Vec2 = steps.iter().fold(Vec2::ZERO, |sum, step| sum + *step);
        // The line turns about its reference point; it does not turn over where the page does.
        let scale = self.state.mapping.scale();
        let upright = Affine::scale_non_uniform(1.0_f64.copysign(scale.x), 1.0_f64.copysign(scale.y));
        let turn = Affine::rotate(-(font.escapement / 10.0).to_radians());
        let update = self.state.align & 1 != 0;
        let at = if update { self.state.position } else { line.at };
        let shift = match self.state.align & 6 {
            2 => -whole.x,
            6 => -whole.x / 2.0,
            _ => 0.0,
        };
        let (above, below) = (font.ascent * size, (font.line - font.ascent) * size);
        let drop = match self.state.align & 24 {
            24 => 0.0,
            8 => -below,
            _ => above,
        };
        let place = Affine::translate(at.to_vec2()) * upright * turn * Affine::translate((shift, drop));
        if update {
            let end = upright * turn * Point::new(whole.x, 0.0);
            self.state.position = at + end.to_vec2();
        }
        let to_canvas = self.to_canvas() * place;
        if self.state.opaque && !line.fills && self.path.is_none() {
            let back = Rect::new(0.0, -above, whole.x, below).abs();
            let paint = Paint::opaque(self.state.back_color);
            self.fill_paint(&(to_canvas * back.to_path(0.1)), Rule::Winding, &paint)?;
        }
        let mut path = BezPath::new();
        let mut pen = Vec2::ZERO;
        for ((letter, c), step) in letters.iter().zip(&steps) {
            let lying = if font.vertical && u32::from(*c) >= 0x2E80 { SIDEWAYS } else { Affine::IDENTITY };
            let glyph = Affine::translate(pen) * Affine::scale_non_uniform(size * squeeze, -size) * lying;
            self.budget.spend(bytes::cost(letter.outline.elements().len()))?;
            path.extend((to_canvas * glyph * letter.outline.clone()).elements().iter().copied());
            pen += *step;
        }
        for (is_there, height) in [(font.underlined, 0.1), (font.struck, -0.27)] {
            if is_there && whole.x != 0.0 {
                let line = Rect::new(0.0, height * size, whole.x, (height + 0.06) * size).abs();
                path.extend((to_canvas * line.to_path(0.1)).elements().iter().copied());
            }
        }
        if let Some(recorded) = &mut self.path {
            recorded.extend(path.elements().iter().copied());
            return Ok(());
        }
        let paint = Paint::opaque(self.state.text_color);
        let ink = Ink::copy(&paint);
        let clip = self.state.clip.clone();
        self.canvas.fill(&path, Rule::Winding, &ink, &clip, self.budget)
    }

    /// The way from each letter to the next, and by how much the letters are made narrower to fit it.
    fn steps(&self, line: &Line<'_>, font: &Font, letters: &[(Rc<Letter>, char)]) -> (Vec<Vec2>, f64) {
        let size = font.size();
        // A font's mean width is near that of its digits.
        let wanted = if font.width > 0.0 { (font.width / (size * MEAN_WIDTH)).clamp(0.2, 5.0) } else { 1.0 };
        let own = |letter: &Letter| letter.advance * size * wanted;
        match &line.steps {
            Some(steps) => {
                let natural: f64 = letters.iter().map(|(letter, _)| own(letter)).sum();
                let given: f64 = steps.iter().map(|step| step.x).sum();
                // Steps for a font that is narrower than the one at hand.
                let fit = if natural > 0.0 && given > 0.0 && letters.len() > 1 {
                    (given / natural).clamp(0.7, 1.0)
                } else {
                    1.0
                };
                (steps.clone(), wanted * fit)
            }
            None => {
                let step = |(letter, c): &(Rc<Letter>, char)| {
                    let blank = if *c == ' ' { self.state.blank_extra } else { 0.0 };
                    Vec2::new(own(letter) + self.state.extra + blank, 0.0)
                };
                (letters.iter().map(step).collect(), wanted)
            }
        }
    }
}

/// Words that are remembered of one metafile.
const MAX_WORDS_BYTES: usize = 8 * 1024;
/// A letter turned against the clock, in its square.
const SIDEWAYS: Affine = Affine::new([0.0, 1.0, -1.0, 0.0, 0.88, -0.12]);
/// The mean width of Latin letters, of their size.
const MEAN_WIDTH: f64 = 0.45;
