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
const NOTO_BOLD: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc";
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
    // So much is missing that no letter is left: another font stands in, as it does for readers.
    let cut = take(&pdf(&font[..8_192])).unwrap();
    assert!(cut.has(Reason::FontSubstituted) && !cut.has(Reason::GlyphsLost), "{:?}", cut.findings);
    // The letters of the alphabet stand in its order.
    assert_eq!(lost(&pdf(&damaged(&font, 'b'))), 1);
    assert_eq!(lost(&pdf(&damaged(&font, 'a'))), 3);
}

/// Two simple fonts with one program, of which so much is cut off that no letter is left.
fn cut(encoding: &str, flags: u32) -> Vec<u8> {
    let program = std::fs::read(IPA).unwrap()[..8_192].to_vec();
    let font = |name: &str, descriptor: u32| {
        format!("<</Type/Font/Subtype/TrueType/BaseFont/{name}{encoding}/FontDescriptor {descriptor} 0 R>>")
            .into_bytes()
    };
    let descriptor =
        |name: &str| format!("<</Type/FontDescriptor/FontName/{name}/Flags {flags}/FontFile2 9 0 R>>").into_bytes();
    let objects = [font("A", 7), font("B", 8), descriptor("A"), descriptor("B"), stream("", &program)];
    page("BT /F 12 Tf 20 40 Td (a1) Tj /G 12 Tf (b2) Tj ET", "/Font<</F 5 0 R/G 6 0 R>>", &objects)
}

/// Where codes are numbers of the letters that the program has, a font that stands in shows others (ISO 32000-1, 9.6.6.4).
#[test]
fn another_font_stands_in_for_a_cut_one_only_where_letters_have_names() {
    let lost = |pdf: &[u8]| {
        let taken = take(pdf).unwrap();
        let count =
            |of: Reason| taken.findings.iter().filter(|(reason, _)| *reason == of).map(|(_, count)| count).sum::<u32>();
        (count(Reason::FontSubstituted), count(Reason::GlyphsLost))
    };
    let base = "/Encoding<</BaseEncoding/MacRomanEncoding/Differences[49/a]>>";
    for encoding in ["/Encoding/WinAnsiEncoding", base] {
        assert_eq!(lost(&cut(encoding, 4)), (2, 0), "{encoding}");
    }
    // Other codes than those that differ are the program's own, unless it says that it has Latin letters.
    let differences = "/Encoding<</Differences[49/a]>>";
    assert_eq!(lost(&cut(differences, 32)), (2, 0));
    for encoding in ["", differences, "/Encoding/Identity-H"] {
        assert_eq!(lost(&cut(encoding, 4)), (0, 4), "{encoding}");
    }
}

/// Where a table of a font program stands in it.
fn table(font: &[u8], tag: &[u8; 4]) -> usize {
    let program = FontRef::new(font).unwrap();
    let records = program.table_directory().table_records();
    let record = records.iter().find(|record| record.tag() == skrifa::Tag::new(tag)).unwrap();
    usize::try_from(record.offset()).unwrap()
}

/// Writers that give the width of the places of shapes as a number that there is not, and such as do not keep shapes in order.
#[test]
fn shapes_are_found_whatever_order_they_stand_in() {
    let font = std::fs::read(IPA).unwrap();
    let pdf = |program: &[u8]| {
        let font = "<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]>>";
        let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDToGIDMap/Identity/FontDescriptor 7 0 R\
            /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>";
        let descriptor = "<</Type/FontDescriptor/FontName/A/Flags 4/FontFile2 8 0 R>>";
        let glyph = FontRef::new(program).unwrap().charmap().map('a').unwrap().to_u32();
        let content = format!("BT /F 12 Tf 20 40 Td <{glyph:04x}> Tj ET");
        let objects = [font, descendant, descriptor].map(|object| object.as_bytes().to_vec());
        page(&content, "/Font<</F 5 0 R>>", &[&objects[..], &[stream("", program)]].concat())
    };
    let lost = |program: &[u8]| take(&pdf(program)).unwrap().has(Reason::GlyphsLost);
    assert!(!lost(&font));
    let glyph = usize::try_from(FontRef::new(&font).unwrap().charmap().map('a').unwrap().to_u32()).unwrap();
    let mut unknown_width = font.clone();
    let format = table(&font, b"head") + 50;
    assert_eq!(unknown_width[format..format + 2], [0, 1]);
    unknown_width[format..format + 2].copy_from_slice(&[1, 0]);
    assert!(!lost(&unknown_width));
    let mut disordered = font.clone();
    let next = table(&font, b"loca") + (glyph + 1) * 4;
    disordered[next..next + 4].copy_from_slice(&[0, 0, 0, 0]);
    assert!(!lost(&disordered));
}

/// Numbers of glyphs of a font that is not in the file: those of fonts that are on every machine can be told, others are lost.
#[test]
fn glyph_numbers_of_a_missing_font_are_told_where_they_can_be() {
    let pdf_of = |name: &str, codes: &str| {
        let font = format!("<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[6 0 R]>>");
        let descendant = format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/DW 500\
             /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>"
        );
        let content = format!("BT /F 10 Tf 20 40 Td <{codes}> Tj ET");
        page(&content, "/Font<</F 5 0 R>>", &[font.into_bytes(), descendant.into_bytes()])
    };
    let pdf = |name: &str| pdf_of(name, "00b300240025002600030044006200b4");
    let arial = take(&pdf("ABCDEF+Arial,Bold")).unwrap();
    assert_eq!(arial.text(TextMode::Fill), "“ABC aÄ”");
    assert!(!arial.has(Reason::GlyphsLost) && !arial.has(Reason::TextUnmapped), "{:?}", arial.findings);
    let other = take(&pdf("NoSuchFace")).unwrap();
    assert!(other.has(Reason::GlyphsLost) && !other.has(Reason::TextUnmapped), "{:?}", other.findings);
    // Behind the letters of the Macintosh.
    let rare = take(&pdf_of("Arial", "002400cf00fd")).unwrap();
    assert_eq!(rare.text(TextMode::Fill), "AÓČ");
}

/// Letters that are numbered by their characters, over a program that does not say which it has.
#[test]
fn letters_numbered_by_characters_can_be_found() {
    let font = std::fs::read(IPA).unwrap();
    let glyph = |c: char| u16::try_from(FontRef::new(&font).unwrap().charmap().map(c).unwrap().to_u32()).unwrap();
    let mut numbers = vec![0; 0x2_0000];
    for c in ['a', '庁'] {
        let at = usize::try_from(u32::from(c)).unwrap() * 2;
        numbers[at..at + 2].copy_from_slice(&glyph(c).to_be_bytes());
    }
    let mut without = font.clone();
    // The table of characters by another name.
    let directory = without.windows(4).position(|tag| tag == b"cmap").unwrap();
    without[directory..directory + 4].copy_from_slice(b"cmaq");
    let dict = "<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]>>";
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDToGIDMap 9 0 R/FontDescriptor 7 0 R\
        /CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>";
    let descriptor = "<</Type/FontDescriptor/FontName/A/Flags 4/FontFile2 8 0 R>>";
    let objects = [dict, descendant, descriptor].map(|object| object.as_bytes().to_vec());
    let objects = [&objects[..], &[stream("", &without), stream("", &numbers)]].concat();
    let pdf = page("BT /F 12 Tf 20 40 Td <00615E81> Tj ET", "/Font<</F 5 0 R>>", &objects);
    let taken = take(&pdf).unwrap();
    assert_eq!(taken.text(TextMode::Fill), "a庁");
    assert!(!taken.has(Reason::TextUnmapped) && !taken.has(Reason::GlyphsLost), "{:?}", taken.findings);
}

fn installed() -> Fonts {
    Fonts::new(vec![read(IPA), read(NOTO)])
}

fn read(path: &str) -> FontFile {
    FontFile { name: path.to_owned(), bytes: Arc::new(std::fs::read(path).unwrap()), index: 0 }
}

/// The fourteen standard fonts of the interpreter have no "ě" (U+011B), and no Japanese font has simplified Chinese.
#[test]
fn letters_that_a_stand_in_lacks_are_drawn_from_another_font_or_told() {
    let western = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[1/ecaron/e]>>>>>>";
    let czech = page("BT /F 20 Tf 20 50 Td <0201> Tj ET", western, &[]);
    let without = take(&czech).unwrap();
    assert_eq!(without.text(TextMode::Fill), "eě");
    assert!(without.findings.contains(&(Reason::GlyphsLost, 1)), "{:?}", without.findings);
    let with = take_with(&czech, &job(), &installed()).unwrap();
    assert_eq!(with.text(TextMode::Fill), "eě");
    assert!(!with.has(Reason::GlyphsLost), "{:?}", with.findings);
    let font = "<</Type/Font/Subtype/Type0/BaseFont/SimSun/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>";
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/SimSun/DW 1000\
        /CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>";
    let objects = [font.as_bytes().to_vec(), descendant.as_bytes().to_vec()];
    let chinese = page("BT /F 20 Tf 20 50 Td <4E2D8BED> Tj ET", "/Font<</F 5 0 R>>", &objects);
    let japanese = Fonts::new(vec![read(IPA)]);
    let taken = take_with(&chinese, &job(), &japanese).unwrap();
    assert_eq!(taken.text(TextMode::Fill), "中语");
    assert!(taken.findings.contains(&(Reason::GlyphsLost, 1)), "{:?}", taken.findings);
    assert!(!take_with(&chinese, &job(), &installed()).unwrap().has(Reason::GlyphsLost));
}

/// "ě", which no standard font has, is as bold as the letters beside it, whichever font was handed in first.
#[test]
fn a_letter_that_is_lacking_comes_from_the_font_most_like_the_one_that_lacks_it() {
    let shapes = |name: &str, fonts: &[&str]| {
        let font =
            format!("/Font<</F<</Type/Font/Subtype/Type1/BaseFont/{name}/Encoding<</Differences[1/ecaron]>>>>>>");
        let pdf = page("BT /F 20 Tf 20 50 Td <01> Tj ET", &font, &[]);
        let fonts = Fonts::new(fonts.iter().map(|path| read(path)).collect());
        take_with(&pdf, &job(), &fonts).unwrap().glyph_outlines
    };
    let (plain, bold) = (shapes("Helvetica", &[NOTO]), shapes("Helvetica", &[NOTO_BOLD]));
    assert_ne!(plain, bold);
    for fonts in [[NOTO, NOTO_BOLD], [NOTO_BOLD, NOTO]] {
        assert_eq!(shapes("Helvetica", &fonts), plain, "{fonts:?}");
        assert_eq!(shapes("Helvetica-Bold", &fonts), bold, "{fonts:?}");
    }
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
