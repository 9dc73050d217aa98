//! What went wrong once in PDF files: each test is the smallest file that shows it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper of tests fails where it fails")]

mod pdf_kit;
mod rooms;

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use form::pages::{CanvasKind, Operation, PageLevel, Paint, TextMode};
use form::{Limits, Reason};
use pdf_kit::{HELVETICA, file, page, stream, take, take_as};
use rooms::{dirty_job, sanitise};

fn deflated(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// ISO 32000-1, 7.4.3.
fn ascii85(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for four in bytes.chunks(4) {
        let mut padded = [0; 4];
        padded[..four.len()].copy_from_slice(four);
        let mut group = u32::from_be_bytes(padded);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = b'!' + u8::try_from(group % 85).unwrap();
            group /= 85;
        }
        if four.len() == 4 && group == 0 && digits == *b"!!!!!" {
            text.push(b'z');
        } else {
            text.extend_from_slice(&digits[..=four.len()]);
        }
    }
    text.extend_from_slice(b"~>");
    text
}

/// Bytes that no filter makes smaller (Marsaglia, "Xorshift RNGs").
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// Three fills, the first and last through the same clip, with a group that brings a clip of its own between them.
#[test]
fn a_clip_set_again_after_a_group_is_its_own() {
    let group = stream("/Subtype/Form/BBox[100 10 130 30]/Group<</S/Transparency>>/Resources<<>>", b"0 0 200 100 re f");
    let clipped = "q 10 10 20 20 re W n 0 0 50 50 re f Q ";
    let taken = take(&page(&format!("{clipped}/G Do {clipped}"), "/XObject<</G 5 0 R>>", &[group])).unwrap();
    let seen: Vec<&str> = taken
        .operations()
        .iter()
        .filter_map(|operation| match operation {
            Operation::Clip(..) => Some("clip"),
            Operation::Unclip => Some("unclip"),
            Operation::Fill(..) => Some("fill"),
            _ => None,
        })
        .collect();
    assert_eq!(seen, ["clip", "fill", "unclip"].repeat(3));
}

/// What stands under ASCII85 is unpacked to see how large it is, not guessed at.
#[test]
fn a_stream_is_measured_through_ascii85() {
    // As a comment, so that it is much to read and nothing to draw. A guess by the length of the letters would be too much.
    let mut content = b"0 0 9 9 re f %".to_vec();
    content.extend(noise(700_000).into_iter().map(|byte| b'a' + byte % 26));
    let data = ascii85(&deflated(&content, Compression::none()));
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<>>>>".to_vec(),
        stream("/Filter[/ASCII85Decode/FlateDecode]", &data),
    ];
    assert_eq!(take(&file(&objects)).unwrap().count(|operation| matches!(operation, Operation::Fill(..))), 1);
    // And what is too much is too much in letters, too.
    let bomb = deflated(&vec![b' '; 130 * 1024 * 1024], Compression::best());
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<>>>>".to_vec(),
        stream("/Filter[/ASCII85Decode/FlateDecode]", &ascii85(&bomb)),
    ];
    assert_eq!(take(&file(&objects)).unwrap_err(), Reason::LimitPageContent);
}

/// Codes of single bytes only, the table emptied before their width would change (ISO 32000-1, 7.4.4).
fn lzw(bytes: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    for chunk in bytes.chunks(250) {
        codes.push(256);
        codes.extend(chunk.iter().map(|byte| u16::from(*byte)));
    }
    codes.push(257);
    let bits: Vec<u8> =
        codes.iter().flat_map(|code| (0..9).rev().map(move |bit| u8::from(code >> bit & 1 == 1))).collect();
    bits.chunks(8).map(|eight| eight.iter().enumerate().fold(0, |byte, (at, bit)| byte | bit << (7 - at))).collect()
}

#[test]
fn a_stream_is_measured_through_lzw() {
    let mut content = b"% ".to_vec();
    content.extend(noise(400_000).into_iter().map(|byte| b'a' + byte % 26));
    content.extend_from_slice(b"\n0 0 9 9 re f");
    let objects = [
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<<>>>>".to_vec(),
        stream("/Filter/LZWDecode", &lzw(&content)),
    ];
    assert_eq!(take(&file(&objects)).unwrap().count(|operation| matches!(operation, Operation::Fill(..))), 1);
}

/// A stencil that the page has drawn already must not make room for the pictures that come after it.
#[test]
fn a_stencil_stays_when_large_pictures_follow() {
    let stencil = stream("/Subtype/Image/Width 8/Height 8/ImageMask true/BitsPerComponent 1", &[0xAA; 8]);
    let row: Vec<u8> = noise(3_000 * 3);
    let data = deflated(&row.repeat(3_000), Compression::fast());
    let head = "/Subtype/Image/Width 3000/Height 3000/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode";
    // Six times 27 million bytes, more than a clean room holds.
    let mut objects = vec![stencil];
    objects.extend((0..6).map(|_| stream(head, &data)));
    let names: String = (0..6).map(|at| format!("/I{at} {} 0 R", at + 6)).collect();
    let mut content = "q 0 0 1 rg 50 0 0 50 5 5 cm /S Do Q ".to_owned();
    content.extend((0..6).map(|at| format!("q 900 0 0 900 {} 20 cm /I{at} Do Q ", at * 9)));
    let pdf = page(&content, &format!("/XObject<</S 5 0 R{names}>>"), &objects);
    let made = sanitise(&pdf, "a.pdf").unwrap();
    // The rebuilt file is read again: the stencil is painted in it.
    let again = take(&made.bytes).unwrap();
    assert_eq!(again.count(|operation| matches!(operation, Operation::Stencil { .. })), 1);
    assert_eq!(again.count(|operation| matches!(operation, Operation::Picture { .. })), 6);
}

#[test]
fn a_tile_whose_step_is_beyond_every_page_is_drawn_once() {
    let head = "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 100 100]/XStep 2000000/YStep 2000000/Resources<<>>";
    let tile = stream(head, b"0 1 0 rg 0 0 60 60 re f");
    let taken = take(&page("/Pattern cs /P scn 0 0 200 100 re f", "/Pattern<</P 5 0 R>>", &[tile])).unwrap();
    assert_eq!(taken.pages[0].0.level, PageLevel::Vector);
    assert_eq!(taken.count(|operation| matches!(operation, Operation::FillPaint(Paint::Tile { .. }))), 1);
    let CanvasKind::Tile { x_step, y_step, .. } = taken.canvases[0].0 else { panic!("{:?}", taken.canvases) };
    assert!(x_step > 10_000.0 && y_step > 10_000.0, "{x_step} {y_step}");
}

/// The group of the page says that it is isolated; the group on it, in which something multiplies, does not.
#[test]
fn the_group_of_a_page_says_nothing_of_the_groups_on_it() {
    let group = |isolated: &str| {
        let mixing = "/Resources<</ExtGState<</M<</BM/Multiply>>>>>>";
        let head = format!("/Subtype/Form/BBox[0 0 200 100]/Group<</S/Transparency{isolated}>>{mixing}");
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</XObject<</G 5 0 R>>>>\
            /Group<</S/Transparency/I true>>>>";
        file(&[
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
            page.as_bytes().to_vec(),
            stream("", b"1 0 0 rg 0 0 200 100 re f /G Do"),
            stream(&head, b"/M gs 0 1 0 rg 20 20 50 50 re f"),
        ])
    };
    assert!(take(&group("")).unwrap().canvases.is_empty());
    let isolated = take(&group("/I true")).unwrap();
    assert!(matches!(isolated.canvases[0].0, CanvasKind::Group { isolated: true, .. }), "{:?}", isolated.canvases);
}

/// A page that draws too much is left by unwinding; what comes of it is a reason, and the next file is read in the same process.
#[test]
fn a_page_that_draws_too_much_is_refused_for_that() {
    let limit = usize::try_from(Limits::default().page_operations).unwrap();
    let content = "0 0 9 9 re f\n".repeat(limit);
    assert_eq!(take(&page(&content, "", &[])).unwrap_err(), Reason::LimitPageContent);
    let next = take(&page("BT /F 12 Tf 20 20 Td (next) Tj ET", HELVETICA, &[])).unwrap();
    assert_eq!(next.text(TextMode::Fill), "next");
}

#[test]
fn a_page_whose_content_cannot_be_read_is_told_of() {
    let check = |contents: &str, objects: &[Vec<u8>], expected: u32| {
        let page = format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Resources<<>>{contents}>>");
        let mut all = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec()];
        all.push(page.into_bytes());
        all.extend_from_slice(objects);
        let taken = take(&file(&all)).unwrap();
        let told = taken.findings.iter().filter(|(reason, _)| *reason == Reason::PageUnreadable);
        assert_eq!(told.map(|(_, count)| count).sum::<u32>(), expected, "{contents}");
    };
    let flate = |data: &[u8]| stream("/Filter/FlateDecode", data);
    let drawn = b"0 0 9 9 re f".as_slice();
    check("", &[], 0);
    check("/Contents 4 0 R", &[stream("", drawn)], 0);
    check("/Contents 4 0 R", &[stream("", b"")], 0);
    check("/Contents 4 0 R", &[flate(&deflated(b"", Compression::best()))], 0);
    check("/Contents 4 0 R", &[flate(&deflated(&b"\n".repeat(99), Compression::none()))], 0);
    check("/Contents[]", &[], 0);
    check("/Contents 4 0 R", &[flate(&[0xFF; 500])], 1);
    check("/Contents[4 0 R]", &[flate(&[0xFF; 500])], 1);
    check("/Contents[4 0 R 5 0 R]", &[flate(&[0xFF; 500]), stream("", drawn)], 0);
    check("/Contents 9 0 R", &[], 1);
    check("/Contents[9 0 R]", &[], 1);
}

/// A clean room writes a picture as finely as the page wants on which it comes first.
#[test]
fn a_picture_that_is_small_first_and_large_later_is_sharp_where_it_is_large() {
    let picture =
        stream("/Subtype/Image/Width 300/Height 300/ColorSpace/DeviceGray/BitsPerComponent 8", &noise(90_000));
    let pages = |sizes: &[u32]| {
        let kids: String = (0..sizes.len()).map(|at| format!("{} 0 R ", 4 + at * 2)).collect();
        let mut objects = vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            format!("<</Type/Pages/Count {}/Kids[{kids}]>>", sizes.len()).into_bytes(),
            picture.clone(),
        ];
        for (at, size) in sizes.iter().enumerate() {
            let contents = 5 + at * 2;
            let resources = "/Resources<</XObject<</P 3 0 R>>>>";
            objects.push(
                format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents {contents} 0 R{resources}>>")
                    .into_bytes(),
            );
            objects.push(stream("", format!("q {size} 0 0 {size} 0 0 cm /P Do Q").as_bytes()));
        }
        file(&objects)
    };
    // At 18 points 75 of its 300 pixels are seen, at 144 points all.
    let check = |sizes: &[u32], pictures: usize, largest: u32| {
        let pdf = pages(sizes);
        assert_eq!(take(&pdf).unwrap().pictures.len(), pictures, "{sizes:?}");
        let again = take(&sanitise(&pdf, "a.pdf").unwrap().bytes).unwrap();
        assert_eq!(again.pictures.iter().map(|picture| picture.width).max(), Some(largest), "{sizes:?}");
    };
    check(&[18, 18], 1, 75);
    check(&[18, 144], 2, 300);
    check(&[144, 18], 1, 300);
    check(&[18, 20, 144, 150], 2, 300);
}

/// Scans of large plans in black and white have more pixels than the form has place for, and can be decoded all the same.
#[test]
fn a_picture_of_more_pixels_than_the_form_has_place_for_is_reduced() {
    let head = "/Subtype/Image/Width 40/Height 20/BitsPerComponent 1";
    // One line in 40, which a mean would lose.
    let line = [0x80, 0, 0, 0, 0].repeat(20);
    let bits = stream(&format!("{head}/ColorSpace/DeviceGray"), &line);
    let stencil = stream(&format!("{head}/ImageMask true/Decode[1 0]"), &line);
    let content = "q 50 0 0 50 0 0 cm /B Do Q q 50 0 0 50 60 0 cm /S Do Q";
    let pdf = page(content, "/XObject<</B 5 0 R/S 6 0 R>>", &[bits, stencil]);
    let check = |pixels: u64, size: (u32, u32), reduced: bool| {
        let taken = take_as(&pdf, &dirty_job("a.pdf", &Limits { pixels, ..Limits::default() })).unwrap();
        let sizes: Vec<_> = taken.pictures.iter().map(|picture| (picture.width, picture.height)).collect();
        assert_eq!(sizes, [size, size], "{pixels}");
        assert_eq!(taken.has(Reason::PictureReduced), reduced);
        assert_eq!(taken.count(|operation| matches!(operation, Operation::Stencil { .. })), 1);
        assert_eq!(taken.pages[0].0.level, PageLevel::Vector);
        assert!(!taken.has(Reason::PictureUndecodable));
    };
    check(800, (40, 20), false);
    check(799, (20, 10), true);
    check(100, (14, 7), true);
}

/// A letter of 3,000 segments, a hundred times: few operations, but more than the form lets letters have. The page is drawn as
/// an image, and the document is not refused.
#[test]
fn a_page_of_huge_letters_is_an_image() {
    let shape: String = (0..3_000).map(|at| format!("{} {} l ", at % 7 * 100, at % 11 * 50)).collect();
    let letter = stream("", format!("600 0 0 0 600 600 d1 0 0 m {shape} f").as_bytes());
    let font = "/Type/Font/Subtype/Type3/FontBBox[0 0 600 600]/FontMatrix[0.001 0 0 0.001 0 0]/Resources<<>>";
    let codes = "/FirstChar 97/LastChar 97/Widths[600]/Encoding<</Differences[97/a]>>/CharProcs<</a 5 0 R>>";
    let content = format!("BT /F 10 Tf 1 0 0 1 5 50 Tm ({}) Tj ET", "a".repeat(30));
    let pdf = page(&content, &format!("/Font<</F<<{font}{codes}>>>>"), &[letter]);
    let level = |page_operations: u64| {
        let limits = Limits { page_operations, ..Limits::default() };
        take_as(&pdf, &dirty_job("a.pdf", &limits)).map(|taken| taken.pages[0].0.level)
    };
    // 30 times about 3,000 segments, 16 to an operation.
    assert_eq!(level(6_000), Ok(PageLevel::Vector));
    assert_eq!(level(5_000), Ok(PageLevel::RasterText));
}

/// A picture of three colours by three, and its mask.
fn masked(mask: &[u8]) -> Vec<u8> {
    let picture =
        stream("/Subtype/Image/Width 3/Height 3/BitsPerComponent 8/ColorSpace/DeviceRGB/SMask 6 0 R", &[90; 27]);
    page("q 90 0 0 90 5 5 cm /I Do Q", "/XObject<</I 5 0 R>>", &[picture, mask.to_vec()])
}

/// Scanned plans have masks that are many times finer than the colours that show through them.
#[test]
fn a_mask_of_more_pixels_than_the_form_has_place_for_is_reduced() {
    let bits = deflated(&[0xAA_u8; 25 * 200], Compression::best());
    let shape = "/Subtype/Image/Width 200/Height 200/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode";
    for (pixels, side, reduced) in [(40_000, 200, 0), (10_000, 100, 1)] {
        let limits = Limits { pixels, ..Limits::default() };
        let taken = take_as(&masked(&stream(shape, &bits)), &dirty_job("a.pdf", &limits)).unwrap();
        assert!(!taken.has(Reason::PictureUndecodable), "{:?}", taken.findings);
        assert_eq!(taken.count(|operation| matches!(operation, Operation::Picture { .. })), 1);
        let sizes: Vec<_> = taken.pictures.iter().map(|picture| (picture.width, picture.height)).collect();
        assert_eq!(sizes, [(side, side), (3, 3)]);
        let told: Vec<u32> = taken
            .findings
            .iter()
            .filter(|(reason, _)| *reason == Reason::PictureReduced)
            .map(|(_, count)| *count)
            .collect();
        assert_eq!(told.iter().sum::<u32>(), reduced);
    }
}

/// What lies below a picture that lets it show through is seen when the picture cannot be.
#[test]
fn no_box_stands_for_a_picture_through_which_something_shows() {
    // The marker segment of sizes of JPEG 2000 (ISO 15444-1, A.5.1): 100,000 by 100,000 pixels.
    let mut sizes = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 47, 0, 0];
    [100_000_u32, 100_000, 0, 0].into_iter().for_each(|number| sizes.extend(number.to_be_bytes()));
    let shape = "/Subtype/Image/Width 9/Height 9/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/JPXDecode";
    let taken = take(&masked(&stream(shape, &sizes))).unwrap();
    assert!(taken.has(Reason::PictureUndecodable), "{:?}", taken.findings);
    assert_eq!(taken.operations(), []);
}

/// TeX and drivers of printers make each letter a bitmap.
#[test]
fn letters_that_are_bitmaps_are_letters() {
    // An L of three by four pixels; 0 is painted (ISO 32000-1, 8.9.6.2).
    let letter =
        b"500 0 0 0 300 400 d1 300 0 0 400 0 0 cm BI /W 3 /H 4 /IM true /BPC 1 ID \x7F\x7F\x7F\x1F EI".to_vec();
    let font = "/Type/Font/Subtype/Type3/FontBBox[0 0 300 400]/FontMatrix[0.001 0 0 0.001 0 0]/Resources<<>>/FirstChar 76\
        /LastChar 76/Widths[500]/Encoding<</Differences[76/L]>>/CharProcs<</L 6 0 R>>";
    let objects = [format!("<<{font}>>").into_bytes(), stream("", &letter)];
    let taken = take(&page("BT /F 20 Tf 20 50 Td (LL) Tj ET", "/Font<</F 5 0 R>>", &objects)).unwrap();
    assert_eq!(taken.text(TextMode::Fill), "LL");
    assert_eq!((taken.pictures.len(), taken.glyph_texts.len()), (0, 1));
    assert_eq!(taken.text(TextMode::Invisible), "");
}

/// Copiers cut letters out of a few pixels of ink, and office programs shadows out of one.
#[test]
fn a_mask_is_as_fine_as_it_was_however_few_pixels_it_is_put_through() {
    let gray = "/Subtype/Image/Width 200/Height 200/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/FlateDecode";
    let bits = "/Subtype/Image/Width 200/Height 200/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode";
    for (shape, data) in [(gray, noise(40_000)), (bits, noise(5_000))] {
        let mask = stream(shape, &deflated(&data, Compression::fast()));
        let taken = take(&masked(&mask)).unwrap();
        let sizes: Vec<_> = taken.pictures.iter().map(|picture| (picture.width, picture.height)).collect();
        assert_eq!(sizes, [(200, 200), (3, 3)]);
    }
    // And so it is written.
    let made = sanitise(&masked(&stream(gray, &deflated(&noise(40_000), Compression::fast()))), "a.pdf").unwrap();
    assert!(made.bytes.windows(10).any(|key| key == b"/Width 200"), "the mask");
}
