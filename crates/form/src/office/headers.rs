//! Pictures in the headers and footers of sheets (`&G` in ECMA-376 part 1, section 18.3.1.46): which picture stands where, and how large.
//!
//! Excel keeps them in a drawing of VML beside the sheet, whose shapes are called by their place. The drawing does not cross; the clean
//! room makes one of what is here.

use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// A picture in a header or footer of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderPicture {
    /// Where it stands.
    pub place: HeaderPlace,
    /// The number of the picture.
    pub picture: u32,
    /// Its width in hundredths of a point, 1 to [`HeaderPicture::MAX_SIDE`].
    pub width: u32,
    /// Its height, likewise.
    pub height: u32,
}

/// A place in a header or footer: left, centre or right, on all, first or even pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderPlace(u8);

impl HeaderPlace {
    /// The place of that name in a drawing, such as `LH` or `CFFIRST`.
    pub fn named(name: &str) -> Option<HeaderPlace> {
        let at = PLACES.iter().position(|known| *known == name)?;
        u8::try_from(at).ok().map(HeaderPlace)
    }

    /// Its name in a drawing.
    pub fn name(self) -> &'static str {
        PLACES.get(usize::from(self.0)).copied().unwrap_or_default()
    }
}

impl HeaderPicture {
    /// The longest side: 2,400 points, more than a sheet of A1 paper is long.
    pub const MAX_SIDE: u32 = 240_000;

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(self.place.0);
        sink.u32(self.picture);
        sink.u32(self.width);
        sink.u32(self.height);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<HeaderPicture, DecodeError> {
        let place = HeaderPlace(cursor.u8()?);
        Ok(HeaderPicture { place, picture: cursor.u32()?, width: cursor.u32()?, height: cursor.u32()? })
    }

    /// Its place is one, and its sides are within bounds.
    pub(crate) fn is_sound(&self) -> bool {
        let sides = 1..=Self::MAX_SIDE;
        !self.place.name().is_empty() && sides.contains(&self.width) && sides.contains(&self.height)
    }
}

const PLACES: [&str; 18] = [
    "LH", "CH", "RH", "LF", "CF", "RF", "LHFIRST", "CHFIRST", "RHFIRST", "LFFIRST", "CFFIRST", "RFFIRST", "LHEVEN",
    "CHEVEN", "RHEVEN", "LFEVEN", "CFEVEN", "RFEVEN",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known_by_their_names_alone() {
        for name in PLACES {
            assert_eq!(HeaderPlace::named(name).map(HeaderPlace::name), Some(name));
        }
        for name in ["", "LHODD", "lh", "LH ", "XH"] {
            assert_eq!(HeaderPlace::named(name), None, "{name}");
        }
        let sound = HeaderPicture { place: HeaderPlace(17), picture: 0, width: 1, height: HeaderPicture::MAX_SIDE };
        assert!(sound.is_sound());
        assert!(!HeaderPicture { place: HeaderPlace(18), ..sound }.is_sound());
        assert!(!HeaderPicture { width: 0, ..sound }.is_sound());
        assert!(!HeaderPicture { height: HeaderPicture::MAX_SIDE + 1, ..sound }.is_sound());
    }
}
