//! Letters that are drawn as other signs: Outlook writes the dots of its lists, arrows and the face that it makes of `:)` as letters in the
//! font Wingdings, and only the font says what they are.

/// Whether the first family of a `font-family`, `font` or `face` is that font.
pub(super) fn is_named(families: &str) -> bool {
    let first = families.split(',').next().unwrap_or_default().trim().trim_end_matches(['"', '\'']);
    first.len().checked_sub(FONT.len()).and_then(|at| first.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(FONT))
}

/// The sign that the font shows for a letter. Those without a sign that text has stay what they are, and so do all letters that the font
/// lacks, which are drawn from another.
pub(super) fn shown(letter: char) -> char {
    // Word writes symbols into the private use area, too, each at its place in the font.
    let place = match u32::from(letter) {
        private @ 0xF020..=0xF0FF => private - 0xF000,
        place => place,
    };
    SIGNS.iter().find(|(of, _)| u32::from(*of) == place).map_or(letter, |(_, sign)| *sign)
}

/// Whether a word is nothing but such a letter: what Outlook leaves of a sign in the plain text of a mail.
pub(crate) fn is_letter_for_sign(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|letter| shown(letter) != letter) && letters.next().is_none()
}

const FONT: &str = "wingdings";

/// The usual ones, as Unicode 7 took them over from the font; of an arrow, a telephone and an envelope the plain form, which fonts have.
const SIGNS: &[(char, char)] = &[
    ('(', '☎'),
    ('*', '✉'),
    ('E', '☜'),
    ('F', '☞'),
    ('J', '☺'),
    ('K', '😐'),
    ('L', '☹'),
    ('l', '●'),
    ('m', '❍'),
    ('n', '■'),
    ('o', '□'),
    ('q', '❑'),
    ('r', '❒'),
    ('s', '⬧'),
    ('t', '⧫'),
    ('u', '◆'),
    ('v', '❖'),
    ('w', '⬥'),
    ('¡', '○'),
    ('¤', '◉'),
    ('§', '▪'),
    ('¨', '◻'),
    ('«', '★'),
    ('Ø', '➢'),
    ('ß', '←'),
    ('à', '→'),
    ('á', '↑'),
    ('â', '↓'),
    ('è', '➔'),
    ('û', '✘'),
    ('ü', '✔'),
    ('ý', '☒'),
    ('þ', '☑'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_family_counts_and_only_this_font() {
        for families in ["Wingdings", "\"WINGDINGS\",serif", "7.0pt 'Wingdings'", " wingdings "] {
            assert!(is_named(families), "{families}");
        }
        for families in ["", "Symbol", "\"Wingdings 2\"", "serif, Wingdings", "ゴシック", "7.0pt \"Times New Roman\""]
        {
            assert!(!is_named(families), "{families}");
        }
    }

    #[test]
    fn letters_are_the_signs_of_the_font() {
        for (letter, sign) in [('l', '●'), ('Ø', '➢'), ('\u{F0FC}', '✔'), ('J', '☺'), ('項', '項'), (' ', ' ')]
        {
            assert_eq!(shown(letter), sign);
        }
        assert!(is_letter_for_sign("l") && is_letter_for_sign("Ø"));
        assert!(!is_letter_for_sign("ll") && !is_letter_for_sign("a") && !is_letter_for_sign(""));
    }
}
