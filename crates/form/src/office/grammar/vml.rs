//! Styles, paths and equations of VML shapes (ECMA-376 part 4, section 19.1), as Word and Excel still write them for text
//! boxes, watermarks and comments.

/// The most bytes of a style.
pub const STYLE_BYTES: usize = 4 * 1024;

/// The most bytes of a path; those of drawings by hand are long.
pub const PATH_BYTES: usize = 64 * 1024;

/// Whether it is a list of style properties that only place, size and label a shape.
pub fn style(text: &str) -> bool {
    text.len() <= STYLE_BYTES && text.split(';').all(|part| part.trim().is_empty() || is_declaration(part))
}

/// Whether it is a path (section 19.1.2.14, `path`) or the equation of a formula (section 19.1.2.6, `eqn`).
pub fn path(text: &str) -> bool {
    text.len() <= PATH_BYTES && (is_path(text) || is_equation(text))
}

fn is_declaration(part: &str) -> bool {
    let Some((name, value)) = part.split_once(':') else { return false };
    let name = name.trim().to_ascii_lowercase();
    let value = value.trim();
    let found = PROPERTIES.binary_search_by_key(&name.as_str(), |(name, _)| name).ok();
    found.and_then(|at| PROPERTIES.get(at)).is_some_and(|(_, takes)| takes.takes(value))
}

/// What a property's value is made of. None of them has a parenthesis, colon, slash or backslash, without which CSS can name no
/// address, behaviour or expression.
#[derive(Clone, Copy)]
enum Takes {
    /// Numbers with or without a unit, or words such as `auto`, between spaces.
    Measure,
    /// Words between spaces.
    Words,
    /// Font names, quoted or not, with sizes and words before them in `font`.
    Fonts,
    /// Another shape's `#name`.
    Shape,
    /// A word or `#` and hexadecimal digits.
    Colour,
}

impl Takes {
    fn takes(self, value: &str) -> bool {
        match self {
            Takes::Measure => value.split_ascii_whitespace().all(|part| is_words(part) || is_measure(part)),
            Takes::Words => is_words(value),
            Takes::Fonts => is_fonts(value),
            Takes::Shape => value
                .strip_prefix('#')
                .is_some_and(|name| name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'))),
            Takes::Colour => is_words(value.strip_prefix('#').unwrap_or(value)),
        }
    }
}

fn is_words(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b' '))
}

fn is_measure(part: &str) -> bool {
    let unsigned = part.trim_start_matches(['-', '+']);
    let number = unsigned.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    // `3e-5mm`: the exponent's sign stands behind a letter.
    let mantissa = number.split_once(['e', 'E']).filter(|(_, exponent)| is_number(exponent)).map_or(number, |(m, _)| m);
    part.len() <= 32 && is_number(mantissa)
}

/// Digits with a sign or point, at least one of them.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1
}

fn is_fonts(value: &str) -> bool {
    let mut open = None;
    for c in value.chars() {
        match (open, c) {
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if c == quote => open = None,
            (_, '%' | '.' | ',' | '-' | '_' | ' ' | '&' | '@' | '+' | '・') => {}
            (_, c) if c.is_alphanumeric() => {}
            _ => return false,
        }
    }
    open.is_none()
}

/// Commands of one or two letters, and between them numbers, guides (`@0`) and adjustments (`#0`).
fn is_path(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = match first {
            b'a'..=b'z' => match rest {
                [b'a', b'e' | b'l' | b't' | b'r', more @ ..]
                | [b'w', b'a' | b'r', more @ ..]
                | [b'q', b'x' | b'y' | b'b', more @ ..]
                | [b'n', b'f' | b's', more @ ..]
                | [b'h', b'a'..=b'i', more @ ..]
                | [b'm' | b'l' | b'c' | b'x' | b'e' | b't' | b'r' | b'v', more @ ..] => more,
                _ => return false,
            },
            b'@' | b'#' if behind.first().is_some_and(u8::is_ascii_digit) => behind,
            b'-' | b'+' if behind.first().is_some_and(|b| b.is_ascii_digit() || *b == b'.') => behind,
            b'0'..=b'9' | b'.' | b',' | b' ' | b'\t' | b'\n' => behind,
            _ => return false,
        };
    }
    true
}

/// An operator and at most three values.
fn is_equation(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace();
    let operator = words.next().is_some_and(|word| OPERATORS.contains(&word));
    let mut count = 0_u8;
    operator
        && words.all(|word| {
            count = count.saturating_add(1);
            let reference = word.strip_prefix(['@', '#']);
            count <= 3
                && (reference.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
                    || is_number(word)
                    || GUIDES.iter().any(|guide| guide.eq_ignore_ascii_case(word)))
        })
}

const OPERATORS: [&str; 18] = [
    "val", "sum", "prod", "product", "mid", "abs", "min", "max", "if", "mod", "atan2", "sin", "cos", "cosatan2",
    "sinatan2", "sqrt", "sumangle", "ellipse",
];

/// Values of the shape itself that an equation may name.
const GUIDES: [&str; 17] = [
    "width",
    "height",
    "xcenter",
    "ycenter",
    "xlimo",
    "ylimo",
    "hasstroke",
    "hasfill",
    "linedrawn",
    "pixellinewidth",
    "pixelwidth",
    "pixelheight",
    "emuwidth",
    "emuheight",
    "emuwidth2",
    "emuheight2",
    "gradientshapeok",
];

/// Properties of `style` (section 19.1.2.19), sorted: position and size, how Word places and wraps, and the letters of text on
/// a path.
#[rustfmt::skip]
const PROPERTIES: &[(&str, Takes)] = &[
    ("background", Takes::Colour),
    ("border", Takes::Measure),
    ("bottom", Takes::Measure),
    ("color", Takes::Colour),
    ("direction", Takes::Words),
    ("display", Takes::Words),
    ("flip", Takes::Words),
    ("font", Takes::Fonts),
    ("font-family", Takes::Fonts),
    ("font-size", Takes::Measure),
    ("font-stretch", Takes::Words),
    ("font-style", Takes::Words),
    ("font-variant", Takes::Words),
    ("font-weight", Takes::Words),
    ("height", Takes::Measure),
    ("layout-flow", Takes::Words),
    ("left", Takes::Measure),
    ("line-height", Takes::Measure),
    ("margin", Takes::Measure),
    ("margin-bottom", Takes::Measure),
    ("margin-left", Takes::Measure),
    ("margin-right", Takes::Measure),
    ("margin-top", Takes::Measure),
    ("mso-char-indent-count", Takes::Measure),
    ("mso-column-margin", Takes::Measure),
    ("mso-columns", Takes::Measure),
    ("mso-direction-alt", Takes::Words),
    ("mso-element", Takes::Words),
    ("mso-fit-shape-to-text", Takes::Words),
    ("mso-fit-text-to-shape", Takes::Words),
    ("mso-height-percent", Takes::Measure),
    ("mso-height-relative", Takes::Words),
    ("mso-layout-flow-alt", Takes::Words),
    ("mso-left-percent", Takes::Measure),
    ("mso-next-textbox", Takes::Shape),
    ("mso-position-horizontal", Takes::Words),
    ("mso-position-horizontal-col-start", Takes::Measure),
    ("mso-position-horizontal-relative", Takes::Words),
    ("mso-position-vertical", Takes::Words),
    ("mso-position-vertical-relative", Takes::Words),
    ("mso-rotate", Takes::Measure),
    ("mso-text-scale", Takes::Measure),
    ("mso-text-shadow", Takes::Words),
    ("mso-top-percent", Takes::Measure),
    ("mso-width-alt", Takes::Measure),
    ("mso-width-col-span", Takes::Measure),
    ("mso-width-percent", Takes::Measure),
    ("mso-width-relative", Takes::Words),
    ("mso-wrap-distance-bottom", Takes::Measure),
    ("mso-wrap-distance-left", Takes::Measure),
    ("mso-wrap-distance-right", Takes::Measure),
    ("mso-wrap-distance-top", Takes::Measure),
    ("mso-wrap-edited", Takes::Words),
    ("mso-wrap-mode", Takes::Words),
    ("mso-wrap-style", Takes::Words),
    ("overflow", Takes::Words),
    ("padding", Takes::Measure),
    ("position", Takes::Words),
    ("right", Takes::Measure),
    ("rotation", Takes::Measure),
    ("text-align", Takes::Words),
    ("text-decoration", Takes::Words),
    ("text-indent", Takes::Measure),
    ("top", Takes::Measure),
    ("v-horizontal-anchor", Takes::Words),
    ("v-rotate-letters", Takes::Words),
    ("v-same-letter-heights", Takes::Words),
    ("v-text-align", Takes::Words),
    ("v-text-anchor", Takes::Words),
    ("v-text-kern", Takes::Words),
    ("v-text-reverse", Takes::Words),
    ("v-text-spacing", Takes::Measure),
    ("v-text-spacing-mode", Takes::Words),
    ("vertical-align", Takes::Words),
    ("visibility", Takes::Words),
    ("white-space", Takes::Words),
    ("width", Takes::Measure),
    ("writing-mode", Takes::Words),
    ("z-index", Takes::Measure),
];
