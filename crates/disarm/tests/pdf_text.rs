//! What the letters of a page say: clips of letters, texts that the file gives for them, damaged and missing fonts.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of tests fails where it fails, and reads fonts of the machine"
)]

mod pdf_kit;
mod rooms;

use std::sync::Arc;

use disarm::{FontFile, Fonts};
use form::Reason;
use form::pages::{Operation, TextMode};
use form::report::Letters;
use pdf_kit::{HELVETICA, file, job, page, stream, take, take_with};
use skrifa::raw::TableProvider;
use skrifa::{FontRef, MetadataProvider};

const NOTO: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";
const IPA: &str = "/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf";

fn found(content: &str) -> (String, u32) {
    let taken = take(&page(content, HELVETICA, &[])).unwrap();
    let hidden =
        taken.findings.iter().filter(|(reason, _)| *reason == Reason::HiddenText).map(|(_, count)| count).sum();
    (format!("{}{}", taken.text(TextMode::Fill), taken.text(TextMode::Invisible)), hidden)
}

#[test]
fn letters_that_something_is_painted_through_can_be_found() {
    let text = |mode: u8| format!("BT {mode} Tr /F 40 Tf 20 30 Td (cl) Tj 5 0 Td (ip) Tj ET ");
    let paint = "0 0 1 rg 0 0 200 100 re f";
    assert_eq!(found(&format!("{}{paint}", text(7))), ("clip".to_owned(), 0));
    // Nothing is painted; and letters that are not drawn and clip nothing.
    assert_eq!(found(&text(7)), (String::new(), 4));
    assert_eq!(found(&format!("{}{paint}", text(3))), (String::new(), 4));
    let elsewhere = "20 20 m 50 20 l 50 50 l 30 60 l h W n ";
    assert_eq!(found(&format!("{}{elsewhere}{paint}", text(3))), (String::new(), 4));
}

#[test]
fn a_stretch_says_what_its_actual_text_says() {
    let text = |letters: &str| format!("BT /F 12 Tf 20 40 Td {letters} ET");
    let said = |letters: &str| found(&text(letters)).0;
    assert_eq!(said("/Span<</ActualText(office)>>BDC (o) Tj (X) Tj (ce) Tj EMC (!) Tj"), "office\u{200B}\u{200B}!");
    assert_eq!(said("/Span<</ActualText<FEFF8449>>>BDC (X) Tj EMC"), "葉");
    // What says nothing leaves letters what they are: a soft hyphen, a tab, nothing.
    assert_eq!(said("(co) Tj /Span<</ActualText<FEFF00AD>>>BDC (-) Tj EMC (op) Tj"), "co-op");
    assert_eq!(said("/Span<</ActualText<FEFF0009>>>BDC (..) Tj EMC /Span<</ActualText()>>BDC (17) Tj EMC"), "..17");
    // What has nothing left to say goes with the letter before it.
    assert_eq!(said("/Span<</ActualText<FEFF2026>>>BDC (***) Tj EMC"), "\u{2026}\u{200B}\u{200B}");
    assert_eq!(said("/P<</MCID 1>>BDC (plain) Tj EMC"), "plain");
    // A text of the file says no control characters either.
    assert_eq!(said("/Span<</ActualText(a\\001\\nb)>>BDC (X) Tj EMC"), "ab");
}

/// The parts of a sign that stands for one character are letters that are meant, and no reader finds U+FFFD in the rebuilt file.
#[test]
fn letters_that_one_before_them_speaks_for_are_meant() {
    let content = "BT /F 12 Tf 20 40 Td (a) Tj /Span<</ActualText<FEFF2026>>>BDC (***) Tj EMC (b) Tj ET";
    let made = rooms::sanitise(&page(content, HELVETICA, &[]), "a.pdf").unwrap();
    let again = take(&made.bytes).unwrap();
    assert_eq!(again.text(TextMode::Fill), "a\u{2026}\u{200B}\u{200B}b");
    assert!(!again.has(Reason::TextUnmapped), "{:?}", again.findings);
    assert_eq!(made.report.letters, Letters { drawn: 5, meant: 5 });
}

/// A stretch that a form begins and never ends says nothing of the rest of the page.
#[test]
fn a_stretch_ends_with_the_form_that_it_began_in() {
    for inside in ["hello", "*"] {
        let look = format!("/Span<</ActualText(hello)>>BDC BT /F 12 Tf 20 70 Td ({inside}) Tj ET");
        let form = stream(&format!("/Subtype/Form/BBox[0 0 200 100]/Resources<<{HELVETICA}>>"), look.as_bytes());
        let content = "/X Do BT /F 12 Tf 20 40 Td (rest) Tj ET";
        let taken = take(&page(content, &format!("{HELVETICA}/XObject<</X 5 0 R>>"), &[form])).unwrap();
        assert_eq!(taken.text(TextMode::Fill), "hellorest", "{inside}");
    }
}

/// A font whose table of shapes ends before that of a letter.
fn damaged(font: &[u8], letter: char) -> Vec<u8> {
    let program = FontRef::new(font).unwrap();
    let glyph = usize::try_from(program.charmap().map(letter).unwrap().to_u32()).unwrap();
    let end = program.loca(None).unwrap().get_raw(glyph).unwrap() + 4;
    let records = program.table_directory().table_records();
    let record = records.iter().position(|record| record.tag() == skrifa::Tag::new(b"glyf")).unwrap();
    let mut bytes = font.to_vec();
    let length = 12 + record * 16 + 12;
    bytes[length..length + 4].copy_from_slice(&end.to_be_bytes());
    bytes
}

#[test]
fn letters_whose_shape_is_damaged_are_counted() {
    let font = std::fs::read(IPA).unwrap();
    let pdf = |program: &[u8]| {
        let descriptor = "<</Type/FontDescriptor/FontName/A/Flags 32/FontFile2 7 0 R>>";
        let dict = "<</Type/Font/Subtype/TrueType/BaseFont/A/Encoding/WinAnsiEncoding/FontDescriptor 6 0 R>>";
        let content = "BT /F 12 Tf 20 40 Td (a b a) Tj ET";
        let program = stream("", program);
        page(content, "/Font<</F 5 0 R>>", &[dict.as_bytes().to_vec(), descriptor.as_bytes().to_vec(), program])
    };
    let lost = |pdf: &[u8]| {
        let taken = take(pdf).unwrap();
        taken.findings.iter().filter(|(reason, _)| *reason == Reason::GlyphsLost).map(|(_, count)| *count).sum::<u32>()
    };
    assert_eq!(lost(&pdf(&font)), 0);
    // The letters of the alphabet stand in its order.
    assert_eq!(lost(&pdf(&damaged(&font, 'b'))), 1);
    assert_eq!(lost(&pdf(&damaged(&font, 'a'))), 3);
}

fn installed() -> Fonts {
    let read = |path: &str| FontFile { name: path.to_owned(), bytes: Arc::new(std::fs::read(path).unwrap()), index: 0 };
    Fonts::new(vec![read(IPA), read(NOTO)])
}

/// MS-Gothic without its program: a character that few fonts have, and Latin letters on half an em.
#[test]
fn a_missing_gothic_font_has_rare_characters_and_letters_of_half_an_em() {
    let font = "<</Type/Font/Subtype/Type0/BaseFont/MS-Gothic/Encoding/UniJIS-UTF16-H/DescendantFonts[6 0 R]>>";
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/MS-Gothic/DW 1000/W[1 [500]231 632 500]\
        /CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 6>>>>";
    let content = "BT /F 10 Tf 20 40 Td <D842DFB7> Tj <00690057> Tj ET";
    let pdf = page(content, "/Font<</F 5 0 R>>", &[font.as_bytes().to_vec(), descendant.as_bytes().to_vec()]);
    let taken = take_with(&pdf, &job(), &installed()).unwrap();
    assert_eq!(taken.text(TextMode::Fill), "𠮷iW");
    let runs: Vec<_> = taken.operations().iter().filter(|operation| matches!(operation, Operation::Text(..))).collect();
    // Nothing is stretched, so all letters are of one size and in one run.
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert!(!taken.has(Reason::TextUnmapped));
}

/// A field of which only the value is given, for one letter a cell.
#[test]
fn letters_of_a_comb_field_stand_in_the_middle_of_their_cells() {
    let field = "<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(1234)/Ff 16777216/MaxLen 8/Rect[20 20 180 40]/DA(/F 10 Tf 0 g)\
        /P 3 0 R>>";
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/NeedAppearances true>>>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<>>/Annots[5 0 R]>>".to_vec(),
        stream("", b"q Q"),
        field.as_bytes().to_vec(),
    ];
    let taken = take_with(&file(&objects), &job(), &installed()).unwrap();
    let places: Vec<f32> = taken
        .operations()
        .iter()
        .filter_map(|operation| match operation {
            Operation::Text(run, _) => Some(run.glyphs.iter().map(|placed| placed.x)),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(taken.text(TextMode::Fill), "1234");
    // Cells are 20 points wide; figures of Helvetica are 5.56 at a size of 10.
    let expected = [0.0_f32, 1.0, 2.0, 3.0].map(|cell| 20.0 + cell * 20.0 + (20.0 - 5.56) / 2.0);
    let near = places.iter().zip(expected).all(|(place, expected)| (place - expected).abs() < 0.1);
    assert!(near && places.len() == 4, "{places:?} {expected:?}");
}
