//! Forms of pages made by hand, the files that are made of them, and what other programs read there.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where it fails"
)]

pub mod grammar;
pub mod random;
pub mod readers;

use form::codec::{Encoder, Kind};
use form::job::{CleanJob, CleanOp};
use form::pages::*;
use form::report::CleanReport;
use form::text::Line;
use form::{DetectedType, Limits, Refusal};
use reconstruct::Input;

pub type Form = Encoder<Vec<u8>>;

/// A form as bytes.
pub fn form(build: impl FnOnce(&mut Form)) -> Vec<u8> {
    form_of(&PagesHeader::default(), build)
}

pub fn form_of(header: &PagesHeader, build: impl FnOnce(&mut Form)) -> Vec<u8> {
    let mut form = Encoder::new(Vec::new(), Kind::Pages, DetectedType::lossy("pdf"), &Limits::default()).unwrap();
    form.pages(header).unwrap();
    build(&mut form);
    form.finish().unwrap()
}

pub fn job() -> CleanJob {
    CleanJob::new(CleanOp::Part, Limits::default(), [7; 16])
}

/// The file of a form.
pub fn file(form: &[u8]) -> Vec<u8> {
    written(form, &job()).unwrap().0
}

/// The file of a form that has one page of 200 by 100 points with these operations.
pub fn page(operations: &[Operation]) -> Vec<u8> {
    file(&form(|form| {
        form.page(&sheet(200.0, 100.0)).unwrap();
        form.operations(operations).unwrap();
    }))
}

pub fn written(form: &[u8], job: &CleanJob) -> Result<(Vec<u8>, CleanReport), Refusal> {
    let (mut file, mut report) = (Vec::new(), Vec::new());
    reconstruct::run(&job.encode(), Input::Mapped(form), &mut file, &mut report)?;
    Ok((file, CleanReport::decode(&report, &job.limits).unwrap()))
}

pub fn sheet(width: f32, height: f32) -> PageHeader {
    PageHeader { width, height, level: PageLevel::Vector }
}

pub fn at(x: f32, y: f32) -> Point {
    Point { x, y }
}

pub fn area(x0: f32, y0: f32, x1: f32, y1: f32) -> Path {
    Path::rect(Rect { x0, y0, x1, y1 })
}

pub fn line(points: &[[f32; 2]]) -> Path {
    let mut segments = Vec::new();
    for [x, y] in points {
        segments.push(if segments.is_empty() { Segment::Move(at(*x, *y)) } else { Segment::Line(at(*x, *y)) });
    }
    Path { segments }
}

pub fn fill(path: Path) -> Operation {
    Operation::Fill(path, FillRule::NonZero)
}

pub fn clip(path: Path) -> Operation {
    Operation::Clip(path, FillRule::NonZero)
}

pub fn stroke(path: Path) -> Operation {
    Operation::Stroke { path, space: Matrix::IDENTITY }
}

pub fn paint(r: u8, g: u8, b: u8) -> Operation {
    paint_through(r, g, b, 255)
}

pub fn paint_through(r: u8, g: u8, b: u8, alpha: u8) -> Operation {
    Operation::FillPaint(Paint::Color { color: Color { r, g, b }, alpha })
}

pub fn placed(x: f32, y: f32, width: f32, height: f32) -> Matrix {
    Matrix([width, 0.0, 0.0, height, x, y])
}

/// A letter that is a box of its width, `height` units high.
pub fn letter(form: &mut Form, text: &str, advance: f32, height: f32) -> u32 {
    let outline = if height > 0.0 { area(50.0, 0.0, advance - 50.0, height) } else { Path::default() };
    form.glyph(&Glyph { advance, outline, text: GlyphText::parse(text).unwrap() }).unwrap()
}

/// A font of the characters of a text: letters of 600 units, spaces of 300.
pub struct Alphabet(Vec<(char, u32, f32)>);

impl Alphabet {
    pub fn of(form: &mut Form, text: &str) -> Alphabet {
        let mut letters: Vec<(char, u32, f32)> = Vec::new();
        for char in text.chars() {
            if letters.iter().all(|(known, ..)| *known != char) {
                let (advance, height) = if char == ' ' { (300.0, 0.0) } else { (600.0, 700.0) };
                letters.push((char, letter(form, &char.to_string(), advance, height), advance));
            }
        }
        Alphabet(letters)
    }

    /// A line of text from a point, letters as wide as they say.
    pub fn set(&self, text: &str, x: f32, y: f32, size: f32) -> TextRun {
        let mut pen = x;
        let glyphs = text.chars().map(|char| {
            let (_, glyph, advance) = self.0.iter().find(|(known, ..)| *known == char).unwrap();
            let placed = PlacedGlyph { glyph: *glyph, x: pen, y };
            pen += advance / 1000.0 * size;
            placed
        });
        TextRun { space: Matrix::IDENTITY, em: [size, 0.0, 0.0, size], glyphs: glyphs.collect() }
    }
}

pub fn picture(form: &mut Form, header: PictureHeader, pixels: &[u8]) -> u32 {
    let number = form.picture(&header).unwrap();
    form.pixels(pixels).unwrap();
    number
}

pub fn picture_header(width: u32, height: u32, layout: PictureLayout, source: PictureSource) -> PictureHeader {
    PictureHeader { width, height, layout, source, interpolate: false, alpha: None }
}

pub fn words(text: &str) -> Line {
    Line::scrub(text).0
}
