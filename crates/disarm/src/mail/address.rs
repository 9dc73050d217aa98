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
    /// What those are called: names that an address book took for addresses, and accounts of machines (`root`).
    pub(crate) unaddressed: Vec<Line>,
}

/// Reads a list; `room` bounds how many mailboxes are kept.
pub(crate) fn parse(text: &str, room: usize, tally: &mut Tally) -> Addresses {
    let mut addresses = Addresses::default();
    let mut entry = Entry::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // Commas in an encoded-word are letters of a name, though they should be encoded (RFC 2047 5).
            '=' if entry.angle.is_none() && chars.as_str().starts_with('?') => {
                let rest =
                    text.get(text.len().saturating_sub(chars.as_str().len()).saturating_sub(1)..).unwrap_or_default();
                let word = word::first(rest).filter(|word| !word.contains(NO_LETTERS)).unwrap_or("=");
                entry.phrase.push_str(word);
                chars = rest.get(word.len()..).unwrap_or_default().chars();
            }
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
    let (raw, name) = match &entry.angle {
        None => named(raw).map_or((raw, name), |(before, address)| (address, before)),
        Some(_) => (raw, name),
    };
    let address = match &entry.angle {
        Some(_) => raw.chars().filter(|c| !c.is_whitespace()).collect(),
        None => closed_up(raw),
    };
    if address.is_empty() && (name.is_empty() || entry.angle.is_none()) {
        return;
    }
    // An empty group that lost its colon, as filters and exports write it.
    if entry.angle.is_none() && raw.get(..11).is_some_and(|start| start.eq_ignore_ascii_case("undisclosed")) {
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
        Err(_) => {
            let shown =
                if name.is_empty() || entry.angle.is_none() { raw.to_owned() } else { format!("{name} <{raw}>") };
            let called = if name.is_empty() { word::decode(raw.trim(), tally) } else { name };
            // Old scripts encode name and address as one word, which is no address in any reader: what it says of one is told below.
            let called = if whole { called.split('<').next().unwrap_or_default().trim() } else { &called };
            // What has the sign of an address would pose as one where only names are shown.
            let called = Line::scrub(called).0;
            if !called.as_str().is_empty() && !called.as_str().contains('@') && addresses.unaddressed.len() < room {
                addresses.unaddressed.push(called);
            }
            if addresses.invalid.len() < MAX_INVALID {
                addresses.invalid.push(word::decode(&shown, &mut Tally::default()));
            }
        }
    }
}

/// Words before an address that is not in brackets, and the address.
fn named(raw: &str) -> Option<(&str, &str)> {
    let (before, last) = raw.rsplit_once(char::is_whitespace)?;
    let before = before.trim_end();
    (!before.contains('@') && !before.ends_with('.') && Address::parse(last).is_ok()).then_some((before, last))
}

/// Without the white space that may stand around dots and the sign of an address (RFC 5322 4.4). Two words with nothing between them
/// would be an address that nobody has written.
fn closed_up(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut words = raw.split_whitespace();
    out.extend(words.next());
    for word in words {
        if !out.ends_with(['.', '@']) && !word.starts_with(['.', '@']) {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
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

/// What no encoded-word of a name has in its letters: whoever reads the list before the words would find an address there.
const NO_LETTERS: &[char] = &[' ', '\t', '<', '>', '@', '"'];

/// Stands for an address that is not known; RFC 2606 keeps .invalid free of owners.
pub(crate) const UNKNOWN: &str = "unknown@sender.invalid";

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
        for none in ["undisclosed-recipients:;", "Undisclosed recipients"] {
            assert!(parse(none, 9, &mut Tally::default()).invalid.is_empty(), "{none}");
        }
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
        assert_eq!(found.unaddressed[0].as_str(), "Nobody");
        for (text, names) in
            [("root (Cron)", &["Cron"][..]), ("\"A, B\", c", &["A, B", "c"]), ("a@b.jp x@", &[]), ("", &[])]
        {
            let found = parse(text, 10, &mut Tally::default());
            assert_eq!(found.unaddressed.iter().map(Line::as_str).collect::<Vec<_>>(), names, "{text}");
        }
        assert_eq!(parse("a, b, c", 2, &mut Tally::default()).unaddressed.len(), 2);
    }

    /// PHP: `mb_encode_mimeheader("通知 <n@example.jp>", "UTF-8")`.
    #[test]
    fn a_name_and_an_address_in_one_word_give_the_name_and_are_told_in_letters() {
        let found = parse("=?UTF-8?B?6YCa55+lIDxuQGV4YW1wbGUuanA+?=", 10, &mut Tally::default());
        assert_eq!((found.mailboxes.len(), found.unaddressed[0].as_str()), (0, "通知"));
        assert_eq!(found.invalid, ["通知 <n@example.jp>"]);
        assert_eq!(parse("=?UTF-8?B?6YCa55+l?=", 10, &mut Tally::default()).invalid, ["通知"]);
    }

    /// RFC 2047 5 (3) wants the comma encoded; programs that do not know it send it.
    #[test]
    fn a_comma_in_an_encoded_word_is_a_letter() {
        check("=?UTF-8?Q?M=C3=BCller,_Hans?= <h@b.jp>, c@d.jp", &[("Müller, Hans", "h@b.jp"), ("", "c@d.jp")]);
        check("=?UTF-8?Q?a:b;_c?= =?UTF-8?Q?,d_:)?= <h@b.jp>", &[("a:b; c,d :)", "h@b.jp")]);
        // What could be an address of its own ends the word.
        check("=?x?Q?a, <e@f.jp>, b?= <h@b.jp>", &[("", "e@f.jp"), ("b?=", "h@b.jp")]);
    }

    #[test]
    fn words_before_a_bare_address_are_its_name_and_never_part_of_it() {
        check("Big Bug bb@bug.com, a . b @ c . jp", &[("Big Bug", "bb@bug.com"), ("", "a.b@c.jp")]);
        check("a@b.jp c@d.jp, IN%\"a@b.jp\" \"All of them\", a@b .jp c", &[]);
    }

    #[test]
    fn the_list_is_bounded() {
        assert_eq!(parse(&"a@b.jp,".repeat(1000), 7, &mut Tally::default()).mailboxes.len(), 7);
    }
}
