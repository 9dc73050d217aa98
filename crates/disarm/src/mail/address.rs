//! Address lists (RFC 5322 3.4) as they are sent: unquoted dots and commas, words in quotes, names in comments, groups.
//!
//! The list is taken apart before encoded-words are decoded, so that a decoded `,` or `<` can never make an address.

use form::mail::{Address, Mailbox};
use form::text::Line;

use super::tally::Tally;
use super::word;

/// What a field of addresses says.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    /// The mailboxes that can be used.
    pub(crate) mailboxes: Vec<Mailbox>,
    /// What stands where an address should be and is none, for the account.
    pub(crate) invalid: Vec<String>,
}

/// Reads a list; `room` bounds how many mailboxes are kept.
pub(crate) fn parse(text: &str, room: usize, tally: &mut Tally) -> Addresses {
    let mut addresses = Addresses::default();
    let mut entry = Entry::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if entry.angle.is_none() => quoted(&mut chars, &mut entry.phrase, false),
            // A quoted local part keeps its quotes: they are part of the address.
            '"' => quoted(&mut chars, entry.angle.get_or_insert_default(), true),
            '(' => comment(&mut chars, &mut entry.comment),
            '<' if !entry.closed => {
                entry.angle = Some(String::new());
            }
            '>' => entry.closed = entry.angle.is_some(),
            ',' | ';' if entry.closed || entry.angle.is_none() => {
                finish(std::mem::take(&mut entry), &mut addresses, room, tally);
            }
            // The name of a group; its members follow as usual. (A colon inside a domain literal is not one.)
            ':' if entry.angle.is_none() && !entry.phrase.contains(['[', '@']) => entry = Entry::default(),
            _ => match &mut entry.angle {
                Some(angle) if !entry.closed => angle.push(c),
                _ => entry.phrase.push(c),
            },
        }
    }
    finish(entry, &mut addresses, room, tally);
    addresses
}

#[derive(Default)]
struct Entry {
    phrase: String,
    comment: String,
    angle: Option<String>,
    closed: bool,
}

fn finish(entry: Entry, addresses: &mut Addresses, room: usize, tally: &mut Tally) {
    let phrase = entry.phrase.trim();
    let (raw, name) = match &entry.angle {
        // A route before the address (RFC 5322 obs-route) says nothing today.
        Some(angle) => (
            angle.rsplit_once(':').map_or(angle.as_str(), |(route, a)| if route.starts_with('@') { a } else { angle }),
            phrase,
        ),
        None => (phrase, entry.comment.trim()),
    };
    let address: String = raw.chars().filter(|c| !c.is_whitespace()).collect();
    if address.is_empty() && (name.is_empty() || entry.angle.is_none()) {
        return;
    }
    let name = word::decode(name, tally);
    // Names come with the quotes of several programs around them: "'Taro'" and '"Taro"'.
    let name = name.trim().trim_matches(['\'', '"']);
    // Folds leave runs of blanks. The ideographic space between 山田 and 太郎 is part of the name.
    let words = name.split(|c: char| c.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join(" ");
    // Some webmail encodes the address as a whole. A word that is only a piece of it would read as one address here and as
    // another elsewhere.
    let whole = address.starts_with("=?") && address.ends_with("?=") && address.matches("?=").count() == 1;
    let parsed = Address::parse(&address).or_else(|error| match whole {
        true => Address::parse(&word::decode(&address, tally)),
        false => Err(error),
    });
    match parsed {
        Ok(_) if addresses.mailboxes.len() >= room => {}
        Ok(address) => addresses.mailboxes.push(Mailbox { name: Line::scrub(&name).0, address }),
        Err(_) if addresses.invalid.len() < MAX_INVALID => {
            let shown =
                if name.is_empty() || entry.angle.is_none() { raw.to_owned() } else { format!("{name} <{raw}>") };
            addresses.invalid.push(shown);
        }
        Err(_) => {}
    }
}

fn quoted(chars: &mut std::str::Chars<'_>, out: &mut String, keep: bool) {
    if keep {
        out.push('"');
    }
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                if keep {
                    out.push('"');
                }
                return;
            }
            '\\' => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
}

fn comment(chars: &mut std::str::Chars<'_>, out: &mut String) {
    let mut depth: u32 = 1;
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '(' => depth = depth.saturating_add(1),
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
            }
            _ => out.push(c),
        }
    }
}

/// Unusable addresses told of one field.
const MAX_INVALID: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[(&str, &str)]) {
        let found = parse(text, 100, &mut Tally::default());
        let found: Vec<(&str, &str)> = found.mailboxes.iter().map(|m| (m.name.as_str(), m.address.as_str())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn names_quotes_comments_and_groups_are_read() {
        check(
            "Taro <a@b.jp>, c@d.jp (Jiro), \"E, F\" <e@f.jp>",
            &[("Taro", "a@b.jp"), ("Jiro", "c@d.jp"), ("E, F", "e@f.jp")],
        );
        check("Group: a@b.jp, X <c@d.jp>;, e@f.jp", &[("", "a@b.jp"), ("X", "c@d.jp"), ("", "e@f.jp")]);
        check("undisclosed-recipients:;", &[]);
        check("  山田\u{3000}太郎 \t (総務)  <a@b.jp>", &[("山田\u{3000}太郎", "a@b.jp")]);
        check("<@x.jp,@y.jp:a@b.jp>", &[("", "a@b.jp")]);
    }

    #[test]
    fn old_docomo_and_au_addresses_survive() {
        check(
            "<.taro..x.@docomo.ne.jp>, taro.@ezweb.ne.jp",
            &[("", ".taro..x.@docomo.ne.jp"), ("", "taro.@ezweb.ne.jp")],
        );
        check("\"taro.\"@docomo.ne.jp", &[("", "taro.@docomo.ne.jp")]);
        check("<\"taro.\"@docomo.ne.jp>", &[("", "\"taro.\"@docomo.ne.jp")]);
    }

    #[test]
    fn decoded_words_never_make_an_address() {
        // The word decodes to `a@evil.example, x` and `<b@evil.example>`.
        check("=?utf-8?Q?a=40evil.example=2C_x?= <a@b.jp>", &[("a@evil.example, x", "a@b.jp")]);
        check("=?utf-8?Q?=3Cb=40evil.example=3E?= <a@b.jp>", &[("<b@evil.example>", "a@b.jp")]);
    }

    #[test]
    fn a_word_is_an_address_as_a_whole_or_not_at_all() {
        check("=?utf-8?Q?a=40b.jp?=", &[("", "a@b.jp")]);
        check("<=?utf-8?B?YQ==?=@b.jp>, <a@=?utf-8?Q?b.jp?=>, =?utf-8?Q?a=40evil.example?=@b.jp", &[]);
    }

    #[test]
    fn what_is_no_address_is_told() {
        let found = parse("Nobody <nobody>, a@b.jp", 10, &mut Tally::default());
        assert_eq!((found.mailboxes.len(), found.invalid), (1, vec!["Nobody <nobody>".to_owned()]));
    }

    #[test]
    fn the_list_is_bounded() {
        assert_eq!(parse(&"a@b.jp,".repeat(1000), 7, &mut Tally::default()).mailboxes.len(), 7);
    }
}
