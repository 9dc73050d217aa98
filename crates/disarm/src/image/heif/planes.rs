//! A coded picture as its codec gives it: one plane of brightness, and two of colour or none.

/// The samples of a picture.
pub(super) struct Planes {
    /// Pixels of a row.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Samples of colour in a row.
    pub(super) chroma_width: u32,
    /// Row by row, brightness, then blue and red, which are empty where there is no colour.
    pub(super) samples: [Vec<u16>; 3],
    /// Bits of a sample of brightness and of colour.
    pub(super) depth: [u8; 2],
    pub(super) chroma: Chroma,
    /// What the coded picture says of its samples.
    pub(super) model: Model,
    /// What the coded picture says of its colours.
    pub(super) named: Named,
}

/// Colours by their numbers in ITU-T H.273, tables 2 and 3; 2 is said to be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) primaries: u16,
    pub(super) transfer: u16,
}

impl Named {
    pub(super) const UNKNOWN: Named = Named { primaries: 2, transfer: 2 };
}

/// How many samples of colour there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chroma {
    None,
    /// One for two pixels of a row in two rows (4:2:0).
    Quarter,
    /// One for two pixels of a row (4:2:2).
    Half,
    Full,
}

/// What the samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The number of the matrix (ITU-T H.273, table 4).
    pub(super) matrix: u16,
    /// Samples use all their values, not only those of video.
    pub(super) full_range: bool,
}

impl Planes {
    /// Whether each pixel has a colour of its own.
    pub(super) fn is_fine(&self) -> bool {
        self.chroma == Chroma::Full
    }
}
