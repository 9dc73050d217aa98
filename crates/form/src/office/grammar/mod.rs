//! Text that a program reads as more than words, and what of it may cross. Both rooms ask here: the dirty one so that it leaves
//! out what would be refused, the clean one because it takes nothing on trust.

pub mod field;
pub mod formula;
mod functions;
pub mod number_format;
pub mod vml;

pub use field::field;
pub use formula::formula;
pub use number_format::number_format;

/// The most bytes of the instruction of one field, all its pieces together.
pub const FIELD_BYTES: usize = 8 * 1024;

/// Whether a click of a presentation (ECMA-376 part 1, section 21.1.2.3.5, `action`) only turns slides or does nothing. Others
/// start programs, macros and other presentations.
pub fn action(text: &str) -> bool {
    let jump = text.strip_prefix("ppaction://hlinkshowjump?jump=");
    matches!(text, "" | "ppaction://hlinksldjump" | "ppaction://noaction")
        || jump.is_some_and(|jump| {
            matches!(jump, "firstslide" | "lastslide" | "nextslide" | "previousslide" | "lastslideviewed" | "endshow")
        })
}
