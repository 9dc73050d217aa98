//! Drawings in the old formats of Windows (EMF, WMF), which documents carry as pictures.

/// A drawing as pixels.
pub(crate) struct Bitmap {
    /// Pixels across.
    pub(crate) width: u32,
    /// Pixels down.
    pub(crate) height: u32,
    /// Red, green, blue and opacity of each, rows from the top.
    pub(crate) rgba: Vec<u8>,
}

/// Draws a metafile with its longer side at most `most_side` pixels; nothing where it cannot be drawn.
pub(crate) fn draw(_bytes: &[u8], _most_side: u32) -> Option<Bitmap> {
    None
}

/// Width and height of what the header of a metafile says that it covers, in its own units.
pub(crate) fn shape(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |low: i64, high: i64| u32::try_from(high.checked_sub(low)?.abs()).ok().filter(|side| *side > 0);
    // MS-EMF 2.2.9: record 1, bounds, then the frame in hundredths of a millimetre; "  EMF" at 40.
    if bytes.starts_with(&[1, 0, 0, 0]) && bytes.get(40..44) == Some(b" EMF") {
        let field =
            |at: usize| Some(i64::from(i32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?)));
        return Some((side(field(24)?, field(32)?)?, side(field(28)?, field(36)?)?));
    }
    // MS-WMF 2.3.2.3: key, handle, bounding box in 16 bits.
    if bytes.starts_with(&[0xD7, 0xCD, 0xC6, 0x9A]) {
        let field =
            |at: usize| Some(i64::from(i16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?)));
        return Some((side(field(6)?, field(10)?)?, side(field(8)?, field(12)?)?));
    }
    None
}
