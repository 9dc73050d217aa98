//! Counting letters: how many a reader sees, and how many of them can be searched and copied.

use form::Limits;
use form::pages::{Glyph, Operation, TextRun};
use form::report::{Letters, PageLetters};

/// The letters of a document, as its form comes in.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// What each glyph is, by its number.
    sorts: Vec<Sort>,
    /// The page that is being drawn, or the next one while canvases come.
    page: u32,
    is_page_open: bool,
    of_page: Letters,
    of_all: Letters,
    unmapped: Vec<PageLetters>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// A space, or a shape without ink that says nothing.
    Blank,
    /// It says nothing.
    Drawn,
    /// It stands for characters.
    Meant,
}

impl Count {
    pub(super) fn glyph(&mut self, glyph: &Glyph) {
        let text = glyph.text.as_str();
        self.sorts.push(match (text.is_empty(), text.chars().all(char::is_whitespace)) {
            (false, false) => Sort::Meant,
            (true, _) if !glyph.outline.segments.is_empty() => Sort::Drawn,
            _ => Sort::Blank,
        });
    }

    /// A page begins.
    pub(super) fn page(&mut self, limits: &Limits) {
        self.end_page(limits);
        self.is_page_open = true;
    }

    /// A canvas begins: what the page before it draws is complete.
    pub(super) fn canvas(&mut self, limits: &Limits) {
        self.end_page(limits);
    }

    pub(super) fn operations(&mut self, operations: &[Operation]) {
        for operation in operations {
            if let Operation::Text(run, _) = operation {
                self.run(run);
            }
        }
    }

    fn run(&mut self, run: &TextRun) {
        for placed in &run.glyphs {
            let sort = usize::try_from(placed.glyph).ok().and_then(|number| self.sorts.get(number));
            match sort {
                Some(Sort::Meant) => {
                    self.of_page.drawn = self.of_page.drawn.saturating_add(1);
                    self.of_page.meant = self.of_page.meant.saturating_add(1);
                }
                Some(Sort::Drawn) => self.of_page.drawn = self.of_page.drawn.saturating_add(1),
                Some(Sort::Blank) | None => {}
            }
        }
    }

    fn end_page(&mut self, limits: &Limits) {
        if !self.is_page_open {
            return;
        }
        self.is_page_open = false;
        let letters = std::mem::take(&mut self.of_page);
        self.of_all.drawn = self.of_all.drawn.saturating_add(letters.drawn);
        self.of_all.meant = self.of_all.meant.saturating_add(letters.meant);
        let most = usize::try_from(limits.pages).unwrap_or(usize::MAX);
        if letters.meant < letters.drawn && self.unmapped.len() < most {
            self.unmapped.push(PageLetters { page: self.page, letters });
        }
        self.page = self.page.saturating_add(1);
    }

    /// All letters, and the pages on which some stand for nothing.
    pub(super) fn finish(mut self, limits: &Limits) -> (Letters, Vec<PageLetters>) {
        self.end_page(limits);
        (self.of_all, self.unmapped)
    }
}

#[cfg(test)]
mod tests {
    use form::pages::{GlyphText, Matrix, Path, PlacedGlyph, Point, Segment, TextMode};

    use super::*;

    fn glyph(text: &str, has_ink: bool) -> Glyph {
        let segments = if has_ink { vec![Segment::Move(Point { x: 0.0, y: 0.0 })] } else { Vec::new() };
        Glyph { advance: 500.0, outline: Path { segments }, text: GlyphText::scrub(text) }
    }

    fn text(glyphs: &[u32], mode: TextMode) -> Operation {
        let glyphs = glyphs.iter().map(|glyph| PlacedGlyph { glyph: *glyph, x: 0.0, y: 0.0 }).collect();
        Operation::Text(TextRun { space: Matrix::IDENTITY, em: [10.0, 0.0, 0.0, 10.0], glyphs }, mode)
    }

    #[test]
    fn letters_are_counted_where_they_are_drawn_and_spaces_are_not() {
        let limits = Limits::default();
        let mut count = Count::default();
        for (text, has_ink) in [("あ", true), ("", true), (" ", false), ("検", false), ("", false)] {
            count.glyph(&glyph(text, has_ink));
        }
        count.page(&limits);
        count.operations(&[text(&[0, 2, 0], TextMode::Fill)]);
        // A canvas of the second page, which draws it later.
        count.canvas(&limits);
        count.operations(&[text(&[1], TextMode::Fill)]);
        count.page(&limits);
        // The text layer of a scan has no ink; a glyph without ink and meaning is no letter, nor is one that nobody sent.
        count.operations(&[text(&[3, 4, 9], TextMode::Invisible), text(&[1, 0], TextMode::Stroke)]);
        count.page(&limits);
        let (all, unmapped) = count.finish(&limits);
        assert_eq!(all, Letters { drawn: 6, meant: 4 });
        assert_eq!(unmapped, [PageLetters { page: 1, letters: Letters { drawn: 4, meant: 2 } }]);
    }
}
