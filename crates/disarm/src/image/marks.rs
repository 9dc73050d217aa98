//! The TIFF directory, which is also the directory of Exif: turn, density and whether a position is noted.

use std::collections::BTreeSet;

use form::image::Density;

/// One entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    /// Its number.
    pub(crate) id: u16,
    /// Its first value as an integer, where it is one.
    pub(crate) first: Option<u32>,
    /// Its first value as a fraction, where it is one.
    fraction: Option<(u32, u32)>,
    /// Where a short integer value stands in the file.
    pub(super) value_at: Option<usize>,
}

/// The entries of the first directory of a TIFF or Exif block; an unreadable one ends the list.
pub(crate) fn first_directory(bytes: &[u8]) -> Vec<Tag> {
    directories(bytes, 1).pop().unwrap_or_default()
}

/// The entries of the main directories, one list for each page; a broken chain ends the list.
pub(super) fn directories(bytes: &[u8], at_most: usize) -> Vec<Vec<Tag>> {
    let mut all = Vec::new();
    let Some(reader) = Reader::new(bytes) else { return all };
    let mut next = reader.u32(4);
    let mut seen = BTreeSet::new();
    while all.len() < at_most
        // A chain that comes back to itself, or a directory of thousands of entries, is no page more.
        && next.is_none_or(|start| seen.insert(start))
        && let Some(start) = next.filter(|start| *start != 0).and_then(|at| usize::try_from(at).ok())
        && let Some(count) = reader.u16(start)
        && count <= MAX_TAGS
    {
        let at = |index: u16| start.checked_add(2)?.checked_add(usize::from(index).checked_mul(12)?);
        all.push((0..count).map_while(|index| reader.tag(at(index)?)).collect());
        next = at(count).and_then(|end| reader.u32(end));
    }
    all
}

/// The Exif number of turn and flip, 0 where none is noted.
pub(super) fn orientation(tags: &[Tag]) -> u32 {
    value(tags, 0x0112).filter(|number| (1..=8).contains(number)).unwrap_or(0)
}

/// The density that resolution tags give.
pub(super) fn density(tags: &[Tag]) -> Option<Density> {
    let per_inch = match value(tags, 0x0128).unwrap_or(2) {
        2 => 1.0,
        3 => 2.54,
        _ => return None,
    };
    let side = |id: u16| {
        let (above, below) = tags.iter().find(|tag| tag.id == id)?.fraction?;
        (below > 0).then(|| f64::from(above) / f64::from(below) * per_inch)
    };
    from_inches(side(0x011A)?, side(0x011B)?)
}

/// Pixels per inch, where both are numbers that a density can have.
pub(super) fn from_inches(x: f64, y: f64) -> Option<Density> {
    Some(Density { x: whole(x)?, y: whole(y)? })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn whole(inches: f64) -> Option<u16> {
    let rounded = inches.round();
    (1.0..=f64::from(u16::MAX)).contains(&rounded).then_some(rounded as u16)
}

fn value(tags: &[Tag], id: u16) -> Option<u32> {
    tags.iter().find(|tag| tag.id == id)?.first
}

/// More than any writer puts into one directory.
const MAX_TAGS: u16 = 1024;

/// The pointer to the position, in the main directory.
pub(super) const GPS: u16 = 0x8825;

struct Reader<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Reader<'a>> {
        let big = match bytes.get(..4)? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        Some(Reader { bytes, big })
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    }

    fn tag(&self, at: usize) -> Option<Tag> {
        let (id, kind, count) = (self.u16(at)?, self.u16(at.checked_add(2)?)?, self.u32(at.checked_add(4)?)?);
        let value = at.checked_add(8)?;
        let inline = |most: u32| count <= most;
        let pointed = || self.u32(value).and_then(|at| usize::try_from(at).ok());
        let first = match kind {
            1 | 7 => self.bytes.get(if inline(4) { value } else { pointed()? }).map(|byte| u32::from(*byte)),
            3 => self.u16(if inline(2) { value } else { pointed()? }).map(u32::from),
            4 | 13 => self.u32(if inline(1) { value } else { pointed()? }),
            _ => None,
        };
        let fraction = (kind == 5)
            .then(|| pointed().and_then(|at| Some((self.u32(at)?, self.u32(at.checked_add(4)?)?))))
            .flatten();
        let value_at = (kind == 3 && inline(2)).then_some(value);
        Some(Tag { id, first, fraction, value_at })
    }
}
