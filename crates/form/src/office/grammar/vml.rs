//! Styles and paths of VML shapes.

/// Whether it is a list of style properties that only place and size a shape.
pub fn style(text: &str) -> bool {
    text.is_empty()
}

/// Whether it is a path or formula of a shape.
pub fn path(text: &str) -> bool {
    text.is_empty()
}
