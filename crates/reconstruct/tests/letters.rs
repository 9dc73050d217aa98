//! Letters that other programs read: what stands for nothing, and what is stretched a little.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pages;

use form::pages::*;
use pages::*;

#[test]
fn a_letter_that_stands_for_nothing_is_no_control_character() {
    let file = file(&form(|form| {
        let known = letter(form, "A", 600.0, 700.0);
        let unknown: Vec<u32> = (0..40).map(|_| letter(form, "", 600.0, 700.0)).collect();
        let blank = letter(form, "", 300.0, 0.0);
        form.page(&sheet(300.0, 100.0)).unwrap();
        let all = [known].into_iter().chain(unknown).chain([blank, known]);
        let glyphs = (0_u8..).zip(all).map(|(at, glyph)| PlacedGlyph { glyph, x: 6.0 * f32::from(at), y: 50.0 });
        let run = TextRun { space: Matrix::IDENTITY, em: [10.0, 0.0, 0.0, 10.0], glyphs: glyphs.collect() };
        form.operations(&[Operation::Text(run, TextMode::Fill)]).unwrap();
    }));
    let read = readers::text(&file);
    let line = read.lines().next().unwrap();
    assert!(line.starts_with('A') && line.ends_with('A'), "{line:?}");
    assert_eq!(line.matches('\u{FFFD}').count(), 40, "{line:?}");
    assert!(!line.contains(char::is_control), "{line:?}");
    // What nobody can read is not claimed to be readable (ISO 19005-2, 6.2.11.7).
    let claims = |level: &str| file.windows(level.len()).any(|window| window == level.as_bytes());
    assert!(claims("conformance>B<") && !claims("conformance>U<"));
}

/// A line each letter of which has a size of its own, wider by `stretch`.
fn stretched(stretch: f32) -> String {
    let file = file(&form(|form| {
        let letters = Alphabet::of(form, "abc");
        let TextRun { glyphs, space, .. } = letters.set("abcabcabc", 10.0, 50.0, 10.0);
        form.page(&sheet(200.0, 100.0)).unwrap();
        let runs = glyphs.into_iter().enumerate().map(|(at, glyph)| {
            let width = if at.is_multiple_of(2) { 10.0 } else { 10.0 * stretch };
            let run = TextRun { space, em: [width, 0.0, 0.0, 10.0], glyphs: vec![glyph] };
            Operation::Text(run, TextMode::Fill)
        });
        form.operations(&runs.collect::<Vec<_>>()).unwrap();
    }));
    assert_eq!(readers::text(&file).trim(), "abcabcabc");
    readers::contents(&readers::objects(&file)).concat()
}

#[test]
fn a_stretch_that_nobody_sees_is_not_written() {
    let content = stretched(1.0016);
    assert_eq!((content.matches("Tm").count(), content.matches("Tj").count()), (0, 1), "{content}");
    // A fiftieth of a point is to be seen.
    let content = stretched(1.0025);
    assert!(content.matches("Tm").count() > 4, "{content}");
}
