//! A look over all objects before any page is read: what would cost the interpreter more than it is worth is refused, because
//! it cannot be stopped while it reads a font or unpacks a stream.

use form::{Reason, Refusal};
use hayro_syntax::Pdf;
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use super::decodable;
use super::document::Traits;
use crate::error::{Error, size};

/// Looks at every object once.
pub(super) fn inspect(pdf: &Pdf) -> Result<Traits, Error> {
    let mut traits = Traits::default();
    for object in pdf.objects() {
        match object {
            Object::Stream(stream) => {
                dictionary(stream.dict(), &mut traits)?;
                self::stream(&stream, &mut traits)?;
            }
            Object::Dict(dict) => dictionary(&dict, &mut traits)?,
            Object::Array(_)
            | Object::Null(_)
            | Object::Boolean(_)
            | Object::Number(_)
            | Object::String(_)
            | Object::Name(_) => {}
        }
    }
    Ok(traits)
}

fn stream(stream: &Stream<'_>, traits: &mut Traits) -> Result<(), Error> {
    let dict = stream.dict();
    let is_picture = dict.contains_key("Width") && dict.contains_key("Height");
    let limit = if is_picture { PICTURE_BYTES } else { STREAM_BYTES };
    // Pictures are looked at again when they are drawn; one that is too large is left out, not the file.
    if !is_picture && !decodable::fits(stream, limit) {
        return Err(Refusal::limit(Reason::LimitPageContent, limit, limit.saturating_add(1)).into());
    }
    if dict.get::<u8>("FunctionType") == Some(CALCULATOR) {
        let bytes = stream.decoded_data().map_or(0, |bytes| size(bytes.len()));
        traits.calculator_bytes = traits.calculator_bytes.max(bytes);
    }
    Ok(())
}

fn dictionary(dict: &Dict<'_>, traits: &mut Traits) -> Result<(), Error> {
    // The group of a page is always isolated and says nothing of the groups on it (ISO 32000-1, 11.4.7).
    let is_page = dict.get::<Name<'_>>("Type").is_some_and(|name| name.as_ref() == b"Page");
    if let Some(group) = dict.get::<Dict<'_>>("Group").filter(|_| !is_page) {
        traits.isolated |= group.get::<bool>("I").unwrap_or(false);
        traits.knockout |= group.get::<bool>("K").unwrap_or(false);
    }
    font(dict)?;
    if let Some(fonts) = dict.get::<Dict<'_>>("Resources").and_then(|resources| resources.get::<Dict<'_>>("Font")) {
        for name in fonts.keys().take(MAX_FONTS) {
            if let Some(inner) = fonts.get::<Dict<'_>>(name) {
                font(&inner)?;
            }
        }
    }
    Ok(())
}

/// A composite font whose widths are told for more codes than there are: the interpreter writes each down.
fn font(dict: &Dict<'_>) -> Result<(), Error> {
    let is_composite = dict.get::<Name<'_>>("Subtype").is_some_and(|name| name.as_ref() == b"Type0");
    if is_composite && let Some(descendants) = dict.get::<Array<'_>>("DescendantFonts") {
        for descendant in descendants.iter::<Dict<'_>>().take(2) {
            widths(&descendant)?;
        }
    }
    widths(dict)
}

fn widths(dict: &Dict<'_>) -> Result<(), Error> {
    for (key, numbers) in [("W", 3), ("W2", 5)] {
        let Some(list) = dict.get::<Array<'_>>(key) else { continue };
        let codes = codes(&list, numbers);
        if codes > MAX_CODES {
            return Err(Refusal::limit(Reason::LimitPageContent, MAX_CODES, codes).into());
        }
    }
    Ok(())
}

/// For how many codes a list of widths tells one: `first [w w …]` or `first last w`.
fn codes(list: &Array<'_>, range_len: usize) -> u64 {
    let mut codes = 0_u64;
    let mut pending = Vec::with_capacity(range_len);
    for item in list.iter::<Object<'_>>() {
        match item {
            Object::Array(widths) => {
                codes = codes.saturating_add(size(widths.data().len()));
                pending.clear();
            }
            Object::Number(number) => {
                pending.push(number.as_f64());
                if pending.len() == range_len
                    && let [first, last, ..] = pending.as_slice()
                {
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
                    let range = (last - first).clamp(0.0, f64::from(u32::MAX)) as u64;
                    codes = codes.saturating_add(range.saturating_add(1));
                    pending.clear();
                }
            }
            _ => pending.clear(),
        }
    }
    codes
}

/// Bytes of one stream that is no picture: the content of a page, a font, a map of characters.
const STREAM_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of one picture, unpacked.
const PICTURE_BYTES: u64 = 320 * 1024 * 1024;
/// A hundred times the characters of the largest collection.
const MAX_CODES: u64 = 2_000_000;
/// Fonts of one dictionary of resources that are looked at.
const MAX_FONTS: usize = 1_000;
/// PostScript calculator functions (ISO 32000-1, 7.10.5).
const CALCULATOR: u8 = 4;
