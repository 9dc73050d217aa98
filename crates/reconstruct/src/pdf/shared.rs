//! What all pages and canvases of a document draw on.

use super::fonts::Fonts;
use super::picture::Pictures;

/// Glyphs and pictures.
pub(super) struct Shared {
    pub(super) fonts: Fonts,
    pub(super) pictures: Pictures,
}
