//! What a reader acts on: account numbers, addresses, hosts. One of them changed is a small part of a text and all of it.

use std::collections::BTreeSet;

/// What of a text must be the same in another that says the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// Runs of four digits or more; a comma within a number parts nothing.
    numbers: BTreeSet<String>,
    addresses: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl Facts {
    pub(super) fn of(text: &str) -> Facts {
        let mut facts = Facts { numbers: BTreeSet::new(), addresses: BTreeSet::new(), hosts: BTreeSet::new() };
        for word in text.split(|c: char| c.is_whitespace() || ENDS.contains(&c)) {
            if let Some((_, rest)) = word.split_once("://") {
                facts.hosts.extend(host(rest));
            } else if word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www.")) {
                facts.hosts.extend(host(word));
            } else {
                facts.add_numbers(word);
                facts.add_addresses(word);
            }
        }
        facts
    }

    /// Whether all of this stands in the other text too.
    pub(super) fn stand_in(&self, other: &Facts) -> bool {
        self.numbers.is_subset(&other.numbers)
            && self.addresses.is_subset(&other.addresses)
            && self.hosts.is_subset(&other.hosts)
    }

    /// Whether the other text has the same numbers.
    pub(super) fn count_alike(&self, other: &Facts) -> bool {
        self.numbers == other.numbers
    }

    fn add_numbers(&mut self, word: &str) {
        let mut run = String::new();
        for c in word.chars().chain([' ']) {
            match c {
                '0'..='9' => run.push(c),
                '０'..='９' => run.extend(u32::from(c).checked_sub(0xFEE0).and_then(char::from_u32)),
                ',' | '，' if !run.is_empty() => {}
                _ if run.len() >= DIGITS => {
                    self.numbers.insert(std::mem::take(&mut run));
                }
                _ => run.clear(),
            }
        }
    }

    fn add_addresses(&mut self, word: &str) {
        let mut parts = word.split('@');
        let Some(mut before) = parts.next() else { return };
        for after in parts {
            let local = before.rsplit(|c| !is_address_part(c)).next().unwrap_or_default();
            let domain = after.split(|c| !is_address_part(c)).next().unwrap_or_default();
            let domain = domain.trim_end_matches(['.', '-', '_']);
            if !local.is_empty() && !domain.is_empty() {
                self.addresses.insert(format!("{local}@{domain}").to_ascii_lowercase());
            }
            before = after;
        }
    }
}

fn is_address_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%')
}

/// The host of what stands behind `://`.
fn host(rest: &str) -> Option<String> {
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    let host = host.trim_end_matches(|c: char| !c.is_alphanumeric());
    (!host.is_empty()).then(|| host.to_lowercase())
}

/// Characters that end a word beside blanks: an address in brackets or quotes ends with them.
const ENDS: [char; 18] =
    ['<', '>', '"', '(', ')', '[', ']', '（', '）', '「', '」', '【', '】', '＜', '＞', '、', '。', '|'];
const DIGITS: usize = 4;

#[cfg(test)]
mod tests {
    use super::Facts;

    #[track_caller]
    fn check(first: &str, second: &str, same: bool) {
        assert_eq!(Facts::of(first) == Facts::of(second), same, "{first:?} {second:?}");
    }

    #[test]
    fn numbers_addresses_and_hosts_are_told_apart_and_nothing_else_is() {
        check("口座番号 1234567", "口座番号 7654321", false);
        check("1,000,000円", "9,000,000円", false);
        check("１２３４５６７です", "12345,67 とは", true);
        check("3月 11時 100円", "4月 12時 200円", true);
        check("a@example.jp", "<A@Example.JP>まで", true);
        check("a@example.jp", "a@examp1e.jp", false);
        check("https://a.example/x?id=12345", "詳細 <https://A.example/y> です", true);
        check("https://a.example/", "https://a.example@b.example/", false);
        check("www.a.example.", "http://www.a.example/", true);
    }

    #[test]
    fn a_megabyte_of_one_kind_is_read_in_linear_time() {
        let begun = std::time::Instant::now();
        for piece in ["1", "1,", "@", "a@", "https://", "www."] {
            Facts::of(&piece.repeat(1_000_000));
        }
        assert!(begun.elapsed().as_secs() < 20);
    }
}
