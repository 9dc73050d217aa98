//! Number formats.

/// Whether it is a number format.
pub fn number_format(text: &str) -> bool {
    text == "General"
}
