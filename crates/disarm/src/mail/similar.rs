//! How much of one text stands in another: the question between the two bodies of a `multipart/alternative`.

use super::body::{CLOSE, OPEN};
use crate::html::symbols::is_letter_for_sign;

/// Shares of shingles that two texts have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlap {
    /// Percent of the first text that stands in the second.
    pub(crate) first_in_second: usize,
    /// Percent of the second text that stands in the first.
    pub(crate) second_in_first: usize,
    /// How many times as long as the first text the second one is, in percent.
    pub(crate) second_to_first: usize,
}

/// Compares letters and digits in runs of four; layout, links and marks make no difference.
pub(crate) fn overlap(first: &str, second: &str) -> Overlap {
    let (first_length, second_length) = (letters(first).count(), letters(second).count());
    let longer = second_length.saturating_mul(100).checked_div(first_length).unwrap_or(usize::MAX);
    let (first, second) = (shingles(first), shingles(second));
    let common = common(&first, &second);
    // What one text has behind the letters that are looked at, and behind the end of the other, does not stand in that.
    let tail = |own: usize, other: usize| own.saturating_sub(other.max(MAX_LETTERS));
    let percent =
        |all: usize, tail: usize| common.saturating_mul(100).checked_div(all.saturating_add(tail)).unwrap_or(100);
    Overlap {
        first_in_second: percent(first.len(), tail(first_length, second_length)),
        second_in_first: percent(second.len(), tail(second_length, first_length)),
        second_to_first: longer,
    }
}

fn letters(text: &str) -> impl Iterator<Item = char> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
    // Marks of ours, which only HTML has: of links, and of pictures between noncharacters.
    let words = words.filter(|word| !word.contains("://") && !word.starts_with("[リンク"));
    let words = words.filter(|word| !is_letter_for_sign(word));
    let mut in_mark = false;
    words.flat_map(str::chars).filter(move |c| {
        in_mark = *c == OPEN || (in_mark && *c != CLOSE);
        !in_mark && c.is_alphanumeric()
    })
}

/// Sorted, each once.
fn shingles(text: &str) -> Vec<[char; 4]> {
    let mut window = ['\0'; 4];
    let mut all: Vec<[char; 4]> = letters(text)
        .take(MAX_LETTERS)
        .map(|c| {
            let [_, second, third, fourth] = window;
            window = [second, third, fourth, c];
            window
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// How many members two sorted lists share.
fn common(first: &[[char; 4]], second: &[[char; 4]]) -> usize {
    let mut second = second.iter().peekable();
    let mut count: usize = 0;
    for shingle in first {
        while second.next_if(|other| *other < shingle).is_some() {}
        count = count.saturating_add(usize::from(second.next_if_eq(&shingle).is_some()));
    }
    count
}

/// Letters compared: enough to tell, and bounded.
const MAX_LETTERS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn layout_and_links_make_no_difference() {
        let same = overlap("お世話に\nなっております。", "お世話になっております。<https://a.example/>");
        assert_eq!((same.first_in_second, same.second_in_first), (100, 100));
        let marked = overlap("テストです", "テストです \u{FDD0}3\u{FDD1} [リンク1:a.example]");
        assert_eq!((marked.first_in_second, marked.second_in_first), (100, 100));
        assert!(overlap("abcdefgh", "stuvwxyz").first_in_second < 10);
        let long: String = (0..6_000_u32).map(|n| format!("{n:04} ")).collect();
        let longer = overlap(&long, &format!("{long}{}", "tail of another kind ".repeat(6_000)));
        assert_eq!(longer.first_in_second, 100);
        assert!(longer.second_in_first < 50 && longer.second_to_first > 400, "{longer:?}");
        assert_eq!(overlap(&long, &long).second_in_first, 100);
        assert!(overlap("short", "short and a great deal more beside it").second_in_first < 50);
    }
}
