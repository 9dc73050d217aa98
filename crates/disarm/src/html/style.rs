//! What an inline style does to visibility.

/// How a style changes what a reader sees of an element's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing said.
    Same,
    /// Not shown, whatever is inside.
    Hidden,
    /// Letters without size; elements inside may set their own (MJML wraps every mail in `font-size:0px`).
    NoSize,
    /// A letter size of its own.
    Sized,
}

/// Reads the declarations that matter.
pub(super) fn look(style: &str) -> Look {
    let mut look = Look::Same;
    let mut clipped = false;
    let mut no_height = false;
    for declaration in style.split(';') {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        let value = value.trim();
        let value = value.get(..value.find('!').unwrap_or(value.len())).unwrap_or(value).trim();
        let is = |word: &str| value.eq_ignore_ascii_case(word);
        match name.trim().to_ascii_lowercase().as_str() {
            "display" if is("none") => return Look::Hidden,
            "visibility" if is("hidden") || is("collapse") => return Look::Hidden,
            "mso-hide" if is("all") => return Look::Hidden,
            "opacity" if is_zero(value) => return Look::Hidden,
            "font-size" => look = if is_zero(value) { Look::NoSize } else { Look::Sized },
            "max-height" | "height" => no_height |= is_zero(value),
            "overflow" => clipped |= is("hidden"),
            _ => {}
        }
    }
    if clipped && no_height { Look::Hidden } else { look }
}

/// `0`, `0px`, `0.0em`, `0%`.
fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    !number.is_empty() && number.bytes().all(|b| matches!(b, b'0' | b'.'))
}
