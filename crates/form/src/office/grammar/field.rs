//! Instructions of Word's fields.

/// Whether a field only shows something of its own document.
pub fn field(text: &str) -> bool {
    text.trim().is_empty()
}
