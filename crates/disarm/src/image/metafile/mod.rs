//! Windows metafiles, which Office files are full of, as pixels: WMF ([MS-WMF]) and EMF ([MS-EMF]).
//!
//! A metafile is a list of calls to a drawing library. [`wmf`] and [`emf`] read the records of each kind; [`player`]
//! keeps the state that the calls change and turns shapes, letters and pictures into filled outlines; [`raster`] finds out how
//! much of each pixel an outline covers and [`canvas`] mixes the colours. A record that makes no sense is left out, as the
//! system does; a list that breaks off is drawn up to there. Everything is paid for from a [`Budget`], so that no file, however
//! short, takes longer than another; what does not fit is drawn again on a smaller canvas before it is refused.
//!
//! EMF+ records ([MS-EMFPLUS]) are not read: what writes them writes the same drawing in EMF records beside them. A file without
//! those is told apart by [`Fault::PlusOnly`].

mod arc;
mod attached;
mod bytes;
mod canvas;
mod dib;
mod emf;
mod emf_objects;
mod emf_pictures;
mod face;
mod font;
mod header;
mod paint;
mod player;
mod raster;
mod state;
mod stroke;
mod text;
mod wmf;

use crate::fonts::Fonts;

pub(crate) use attached::{MOST_SIDE, disarm};
pub(crate) use face::from_file as letter_of;

/// A drawn metafile: straight RGBA, rows from the top without padding. Where nothing was drawn it is transparent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bitmap {
    /// Pixels across, at least 1.
    pub(crate) width: u32,
    /// Pixels down, at least 1.
    pub(crate) height: u32,
    /// Red, green, blue and opacity of each.
    pub(crate) rgba: Vec<u8>,
    /// The words that it writes, in the order in which it does: what pixels do not tell a search.
    pub(crate) words: String,
}

/// What a metafile may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Records.
    pub(crate) records: u64,
    /// Places in the object table.
    pub(crate) objects: u64,
    /// Points of one record.
    pub(crate) points: u64,
    /// Saved states.
    pub(crate) saved: u64,
    /// Bytes of the clip masks of all saved states.
    pub(crate) masks: u64,
    /// Effort: about a pixel filled with one colour each.
    pub(crate) work: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { records: 2_000_000, objects: 65_536, points: 1_000_000, saved: 256, masks: 1 << 27, work: 400_000_000 }
    }
}

/// Which limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// [`Limits::records`].
    Records,
    /// [`Limits::objects`].
    Objects,
    /// [`Limits::points`].
    Points,
    /// [`Limits::saved`].
    Saved,
    /// [`Limits::masks`].
    Masks,
    /// [`Limits::work`].
    Work,
    /// Pixels of a picture inside.
    PicturePixels,
}

/// Why a metafile was not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It does not begin like a metafile.
    #[error("no metafile")]
    NotMetafile,
    /// It has no size, and draws nothing from which one could be taken.
    #[error("nothing to draw")]
    Empty,
    /// It draws with EMF+ records only.
    #[error("EMF+ without EMF")]
    PlusOnly,
    /// It is larger than a limit allows.
    #[error("{bound:?}: {value} of at most {limit}")]
    Limit {
        /// Which limit.
        bound: Bound,
        /// What it allows.
        limit: u64,
        /// What was wanted, as far as it was counted.
        value: u64,
    },
}

impl Fault {
    fn limit(bound: Bound, limit: u64, value: u64) -> Fault {
        Fault::Limit { bound, limit, value }
    }
}

/// What is left of the effort.
#[derive(Debug)]
struct Budget {
    limits: Limits,
    spent: u64,
    records: u64,
}

impl Budget {
    fn new(limits: Limits) -> Budget {
        Budget { limits, spent: 0, records: 0 }
    }

    fn spend(&mut self, cost: u64) -> Result<(), Fault> {
        self.spent = self.spent.saturating_add(cost);
        within(Bound::Work, self.limits.work, self.spent)
    }

    /// Counts a record.
    fn record(&mut self) -> Result<(), Fault> {
        self.records = self.records.saturating_add(1);
        self.spend(RECORD_COST)?;
        within(Bound::Records, self.limits.records, self.records)
    }

    /// Pays for the points of a record.
    fn points(&mut self, count: usize) -> Result<(), Fault> {
        within(Bound::Points, self.limits.points, bytes::cost(count))?;
        self.spend(bytes::cost(count).saturating_mul(POINT_COST))
    }
}

fn within(bound: Bound, limit: u64, value: u64) -> Result<(), Fault> {
    if value > limit { Err(Fault::limit(bound, limit, value)) } else { Ok(()) }
}

/// The size of a metafile in points, where its header tells it or its first records do.
///
/// # Source
/// [MS-WMF] 2.3.2.3, [MS-EMF] 2.2.9.
#[allow(clippy::cast_possible_truncation, reason = "finite and no larger than the sides of a page can be")]
pub(crate) fn size(bytes: &[u8]) -> Option<(f32, f32)> {
    let header = header::read(bytes)?;
    let frame = header.frame?;
    Some((frame.points.width as f32, frame.points.height as f32))
}

/// Width and height of what a metafile covers, in whole numbers of the same unit.
pub(crate) fn shape(bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = size(bytes)?;
    let side = |points: f32| bytes::pixels(f64::from(points) * 20.0);
    Some((side(width), side(height)))
}

/// Draws a metafile at 192 pixels per inch, or as much less as `most_side` pixels on the longer side allow.
///
/// # Errors
/// [`Fault::NotMetafile`], [`Fault::Empty`], [`Fault::PlusOnly`], and [`Fault::Limit`] where it is too costly even on a canvas with sides of a quarter.
pub(crate) fn draw(bytes: &[u8], fonts: &Fonts, most_side: u32, limits: &Limits) -> Result<Bitmap, Fault> {
    let header = header::read(bytes).ok_or(Fault::NotMetafile)?;
    if let header::Kind::Wmf { first } = header.kind
        && let Some(inner) = wmf::embedded(bytes.get(first..).unwrap_or_default(), limits)
        && let Some(inner_header @ header::Header { kind: header::Kind::Emf, .. }) = header::read(&inner)
        && let Ok(bitmap) = draw_smaller(&inner, &inner_header, fonts, most_side, limits)
    {
        return Ok(bitmap);
    }
    draw_smaller(bytes, &header, fonts, most_side, limits)
}

/// Draws at the full resolution, or on a smaller canvas where that is too costly.
fn draw_smaller(
    bytes: &[u8],
    header: &header::Header,
    fonts: &Fonts,
    most_side: u32,
    limits: &Limits,
) -> Result<Bitmap, Fault> {
    let mut last = Fault::Empty;
    for share in [1_u32, 2, 4] {
        let most = most_side.checked_div(share).unwrap_or(1).max(1);
        match draw_once(bytes, header, fonts, most, f64::from(share), limits) {
            Err(fault @ Fault::Limit { bound: Bound::Work, .. }) => last = fault,
            done => return done,
        }
    }
    Err(last)
}

fn draw_once(
    bytes: &[u8],
    header: &header::Header,
    fonts: &Fonts,
    most_side: u32,
    share: f64,
    limits: &Limits,
) -> Result<Bitmap, Fault> {
    let mut budget = Budget::new(*limits);
    let frame = match header.frame {
        Some(frame) => frame,
        None => {
            // Nothing tells the size: it is drawn once without pixels to see what it covers.
            let mut player = player::Player::measuring(fonts, &mut budget);
            play(bytes, header, &mut player)?;
            header::measured(player.canvas.seen()).ok_or(Fault::Empty)?
        }
    };
    let resolution = header::resolution(frame, most_side, share);
    let mut player = player::Player::new(frame, resolution, header.device, fonts, &mut budget);
    play(bytes, header, &mut player)?;
    let words = std::mem::take(&mut player.words);
    Ok(Bitmap { words, ..player.canvas.into_bitmap() })
}

fn play(bytes: &[u8], header: &header::Header, player: &mut player::Player<'_>) -> Result<(), Fault> {
    match header.kind {
        header::Kind::Wmf { first } => wmf::play(bytes.get(first..).unwrap_or_default(), player),
        header::Kind::Emf => emf::play(bytes, player),
    }
}

/// What a record costs beside what it draws.
const RECORD_COST: u64 = 32;
/// What a point costs beside what it draws.
const POINT_COST: u64 = 8;

#[cfg(test)]
mod tests;
