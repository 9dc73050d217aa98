//! Formulas of spreadsheets.

/// Whether a formula computes from its own document only.
pub fn formula(text: &str) -> bool {
    text.is_empty()
}
