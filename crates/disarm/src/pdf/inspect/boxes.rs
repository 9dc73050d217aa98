//! Pages whose boxes leave nothing to show.

use lopdf::Object;

use super::edits::Edits;
use super::tree::{Page, Tree};

/// Gives each page without a usable box one.
pub(super) fn put_right(tree: &Tree<'_>, edits: &mut Edits) {
    for page in &tree.pages {
        let Some(id) = page.id else { continue };
        let media = page.media_box.and_then(|object| tree.rect_of(object)).filter(is_usable);
        let crop = page.crop_box.and_then(|object| tree.rect_of(object)).filter(is_usable);
        let shown = match (media, crop) {
            (Some(media), Some(crop)) => is_usable(&intersection(media, crop)),
            (Some(_), None) => page.crop_box.is_none(),
            (None, _) => false,
        };
        if shown {
            continue;
        }
        let Some(dict) = edits.dict_mut(tree.document, id) else { continue };
        let seen = media.or(crop).unwrap_or(LETTER);
        dict.set("MediaBox", rectangle(seen));
        dict.set("CropBox", rectangle(seen));
    }
}

/// The visible box of a page after [`put_right`].
pub(super) fn visible(tree: &Tree<'_>, page: &Page<'_>) -> [f32; 4] {
    let media = page.media_box.and_then(|object| tree.rect_of(object)).filter(is_usable);
    let crop = page.crop_box.and_then(|object| tree.rect_of(object)).filter(is_usable);
    match (media, crop) {
        (Some(media), Some(crop)) => Some(intersection(media, crop)).filter(is_usable).unwrap_or(media),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => LETTER,
    }
}

/// A rectangle as an object.
pub(super) fn rectangle([x0, y0, x1, y1]: [f32; 4]) -> Object {
    Object::Array(vec![x0.into(), y0.into(), x1.into(), y1.into()])
}

fn intersection(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    let ([ax0, ay0, ax1, ay1], [bx0, by0, bx1, by1]) = (a, b);
    [ax0.max(bx0), ay0.max(by0), ax1.min(bx1), ay1.min(by1)]
}

fn is_usable([x0, y0, x1, y1]: &[f32; 4]) -> bool {
    x1 - x0 >= 1.0 && y1 - y0 >= 1.0
}

/// What poppler, pdfium and mupdf take where a page has no size.
const LETTER: [f32; 4] = [0.0, 0.0, 612.0, 792.0];
