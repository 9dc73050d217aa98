//! Number formats (ECMA-376 part 1, section 18.8.31) of cells, pivot tables and charts.

use super::super::value::is_word_char;

/// The most characters of a format (Excel's own limit).
pub const FORMAT_CHARS: usize = 255;

/// The most sections: of positive and negative numbers, zero, and text.
const SECTIONS: usize = 4;

/// Whether it is a number format, which may be empty.
///
/// A format only says how a number looks, so this is about structure: what a program may fail on are texts and brackets without
/// an end. Which letters are dates depends on the language of the program that wrote it.
pub fn number_format(text: &str) -> bool {
    if text.len() > FORMAT_CHARS * 4 || text.chars().count() > FORMAT_CHARS || !text.chars().all(is_word_char) {
        return false;
    }
    let mut sections = 1_usize;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // `\x` as it is, `_x` a space as wide as it, `*x` filled with it. Writers that trim lose a last space.
            '\\' | '_' | '*' => {
                chars.next();
            }
            '"' if !chars.by_ref().any(|c| c == '"') => return false,
            '[' => {
                let rest = chars.as_str();
                let Some(inside) = rest.split(']').next().filter(|inside| inside.len() < rest.len()) else {
                    return false;
                };
                if !is_bracket(inside) {
                    return false;
                }
                chars = rest.get(inside.len().saturating_add(1)..).unwrap_or_default().chars();
            }
            ']' | '\n' | '\t' => return false,
            ';' => sections = sections.saturating_add(1),
            _ => {}
        }
    }
    sections <= SECTIONS
}

/// A colour, condition, elapsed time, currency with language, or way to write digits: `Red`, `<=0.5`, `hh`, `$¥-411`, `DBNum1`.
fn is_bracket(inside: &str) -> bool {
    match inside.chars().next() {
        Some('$') => !inside.contains(['[', '"']),
        Some('<' | '>' | '=') => {
            let number = inside.trim_start_matches(['<', '>', '=']).trim();
            !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b"+-.,eE%".contains(&b))
        }
        Some(c) if c.is_alphanumeric() || c == '~' => {
            inside.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | ',' | '~'))
        }
        _ => false,
    }
}
