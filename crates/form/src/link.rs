//! Web addresses in plain text, and what becomes of them by policy.
//!
//! The clean room applies it, so that not even a hijacked dirty room brings an address past the policy. An address is
//! `scheme://` with what follows, or a word that begins with `www.`: what mail programs make clickable by themselves.

use std::borrow::Cow;

use crate::job::Links;

/// The text by policy, and how many addresses were changed or taken out.
pub fn treated(text: &str, links: Links) -> (Cow<'_, str>, u32) {
    if links == Links::Keep {
        return (Cow::Borrowed(text), 0);
    }
    let mut out = String::new();
    let (mut copied, mut count) = (0_usize, 0_u32);
    while let Some(found) = next(text, copied) {
        if out.is_empty() {
            out.reserve(text.len());
        }
        count = count.saturating_add(1);
        match links {
            Links::Keep | Links::Defang => {
                out.push_str(text.get(copied..found.start).unwrap_or_default());
                defang(&found, text, &mut out);
                copied = found.host_end;
            }
            Links::Remove => {
                let end = address_end(text, found.host_end);
                let bracketed = text.get(..found.start).is_some_and(|before| before.ends_with('<'))
                    && text.get(end..).is_some_and(|after| after.starts_with('>'));
                if bracketed {
                    let before = text.get(copied..found.start.saturating_sub(1)).unwrap_or_default();
                    out.push_str(before.strip_suffix(' ').unwrap_or(before));
                    copied = end.saturating_add(1);
                } else {
                    out.push_str(text.get(copied..found.start).unwrap_or_default());
                    out.push_str(REMOVED);
                    copied = end;
                }
            }
        }
    }
    if count == 0 {
        return (Cow::Borrowed(text), 0);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    (Cow::Owned(out), count)
}

/// How many addresses a text has.
pub fn count(text: &str) -> u32 {
    let (mut at, mut count) = (0, 0_u32);
    while let Some(found) = next(text, at) {
        count = count.saturating_add(1);
        at = found.host_end;
    }
    count
}

/// Text that comes in pieces, treated as if it were whole.
#[derive(Debug)]
pub struct Treatment {
    links: Links,
    /// The end of the last piece, from the last blank on.
    held: String,
    count: u32,
}

impl Treatment {
    /// At the start of a text.
    pub fn new(links: Links) -> Treatment {
        Treatment { links, held: String::new(), count: 0 }
    }

    /// Appends what is decided of the text so far to `out`.
    pub fn feed(&mut self, text: &str, out: &mut String) {
        if self.links == Links::Keep {
            return out.push_str(text);
        }
        self.held.push_str(text);
        // The blank is held too: it may stand before an address that goes.
        let end = match self.held.bytes().rposition(|b| b.is_ascii_whitespace()) {
            Some(blank) if blank > 0 => blank,
            // A run without a blank that is longer than any address is not held back for one.
            _ if self.held.len() > MAX_HELD => self.held.len(),
            _ => 0,
        };
        let rest = self.held.split_off(end);
        let (treated, count) = treated(&self.held, self.links);
        out.push_str(&treated);
        self.count = self.count.saturating_add(count);
        self.held = rest;
    }

    /// Appends the rest; gives how many addresses were changed or taken out.
    pub fn finish(self, out: &mut String) -> u32 {
        let (treated, count) = treated(&self.held, self.links);
        out.push_str(&treated);
        self.count.saturating_add(count)
    }
}

/// An address in a text, in byte positions.
struct Found {
    start: usize,
    /// Where the host begins, and user names before it.
    host: usize,
    host_end: usize,
}

/// The next address at or behind a position.
fn next(text: &str, from: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let found = at.saturating_add(rest.iter().position(|b| matches!(b, b':' | b'w' | b'W'))?);
        let tail = bytes.get(found..).unwrap_or_default();
        if tail.starts_with(b"://") {
            let start = scheme_start(bytes, from, found);
            if start < found {
                let host = found.saturating_add(3);
                return Some(Found { start, host, host_end: host_end(text, host) });
            }
        } else if tail.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"www.")) {
            let before = found.checked_sub(1).and_then(|before| bytes.get(before)).copied().unwrap_or(b' ');
            let host_end = host_end(text, found);
            if !(before.is_ascii_alphanumeric() || b".-_@/".contains(&before)) && host_end > found.saturating_add(4) {
                return Some(Found { start: found, host: found, host_end });
            }
        }
        at = found.saturating_add(1);
    }
}

/// Where the scheme before a colon begins: the colon itself where there is none.
fn scheme_start(bytes: &[u8], from: usize, colon: usize) -> usize {
    let least = from.max(colon.saturating_sub(MAX_SCHEME));
    let scheme = bytes.get(least..colon).unwrap_or_default();
    let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let length = scheme.iter().rev().take_while(|b| word(b)).count();
    let start = colon.saturating_sub(length);
    // A scheme begins with a letter; digits before it belong to something else.
    let digits = bytes.get(start..colon).unwrap_or_default().iter().take_while(|b| !b.is_ascii_alphabetic()).count();
    start.saturating_add(digits)
}

/// The end of host, port and user name.
fn host_end(text: &str, host: usize) -> usize {
    let rest = text.get(host..).unwrap_or_default();
    // A host in Latin letters ends where Japanese text goes on; one that begins with other letters goes on with them.
    let latin = rest.chars().next().is_some_and(|c| c.is_ascii());
    let stop =
        |c: char| !(c.is_ascii_alphanumeric() || ".-_:@%[]~!$&'*+,;=".contains(c) || (!latin && c.is_alphanumeric()));
    let end = rest.find(stop).unwrap_or(rest.len());
    let kept = rest.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ':', ';', '!', '\'', ']', '*', '_']);
    // `http://http://a`: what looks like the host is the scheme of another address.
    let is_scheme = rest.get(kept.len()..).is_some_and(|after| after.starts_with("://"));
    host.saturating_add(if is_scheme { 0 } else { kept.len() })
}

/// The end of an address whose host ends at a position.
fn address_end(text: &str, host_end: usize) -> usize {
    let rest = text.get(host_end..).unwrap_or_default();
    if !rest.starts_with(['/', '?', '#']) {
        return host_end;
    }
    let end = rest.find(|c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '`')).unwrap_or(rest.len());
    let kept =
        rest.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ':', ';', '!', '?', ')', ']', '\'', '*']);
    host_end.saturating_add(kept.len())
}

/// Writes an address so that it can be read, and no program takes it for one.
fn defang(found: &Found, text: &str, out: &mut String) {
    let scheme = text.get(found.start..found.host.saturating_sub(3)).filter(|_| found.host > found.start);
    if let Some(scheme) = scheme {
        match scheme.to_ascii_lowercase().as_str() {
            "http" => out.push_str("hxxp://"),
            "https" => out.push_str("hxxps://"),
            "ftp" => out.push_str("fxp://"),
            _ => {
                out.push_str(scheme);
                out.push_str("[:]//");
            }
        }
    }
    for c in text.get(found.host..found.host_end).unwrap_or_default().chars() {
        if c == '.' {
            out.push_str("[.]");
        } else {
            out.push(c);
        }
    }
}

/// Stands where an address was.
const REMOVED: &str = "[リンク削除]";
/// Letters of a scheme; the longest that is registered has 36.
const MAX_SCHEME: usize = 40;
/// Bytes held back for an address that may go on in the next piece.
const MAX_HELD: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_defanged_and_what_only_looks_like_one_stays() {
        for (text, expect) in [
            ("見積は https://a.example.jp/x.y?z=1 です", "見積は hxxps://a[.]example[.]jp/x.y?z=1 です"),
            ("http://a.bをご覧", "hxxp://a[.]bをご覧"),
            ("(HTTP://A.B).", "(hxxp://A[.]B)."),
            ("text <https://a.b:8080/>!", "text <hxxps://a[.]b:8080/>!"),
            ("https://u.v@a.b/", "hxxps://u[.]v@a[.]b/"),
            ("www.a.jp www. awww.b.jp x@www.c.jp", "www[.]a[.]jp www. awww.b.jp x@www.c.jp"),
            ("file://srv.a/x", "file[:]//srv[.]a/x"),
            ("https://日本語.jp/", "hxxps://日本語[.]jp/"),
            ("ms-word:ofe|u|https://a.b/c.docx", "ms-word:ofe|u|hxxps://a[.]b/c.docx"),
            ("https://a.b/?u=https://c.d/", "hxxps://a[.]b/?u=hxxps://c[.]d/"),
            ("a://", "a[:]//"),
            ("1.5 :// a.b", "1.5 :// a.b"),
        ] {
            assert_eq!(treated(text, Links::Defang).0, expect, "{text}");
            assert_eq!(treated(text, Links::Keep), (Cow::Borrowed(text), 0));
        }
    }

    #[test]
    fn addresses_are_taken_out_whole_and_the_words_around_them_stay() {
        for (text, expect) in [
            ("こちら <https://a.example/x?y> から", "こちら から"),
            ("詳細はhttps://a.example/x?y=1をご覧ください。", "詳細は[リンク削除]をご覧ください。"),
            ("(see http://a.b/c).", "(see [リンク削除])."),
            ("www.a.jp、www.b.jp/x", "[リンク削除]、[リンク削除]"),
            ("https://a.b", "[リンク削除]"),
        ] {
            assert_eq!(treated(text, Links::Remove).0, expect, "{text}");
        }
        assert_eq!(treated("http://a.b www.c.d", Links::Remove).1, 2);
    }

    #[test]
    fn hostile_runs_are_read_in_linear_time() {
        let begun = std::time::Instant::now();
        for piece in ["://", "a://", "www.", "w", ":", "a.", "https://", "<http://a>"] {
            treated(&piece.repeat(500_000), Links::Defang);
            treated(&piece.repeat(500_000), Links::Remove);
        }
        assert!(begun.elapsed().as_secs() < 20);
    }

    proptest! {
        #[test]
        fn nothing_defanged_holds_an_address_that_programs_open(text in "[ a<w.:/h@日]{0,40}(http|https|ftp)?://[a.w:/]{0,20}") {
            let (safe, _) = treated(&text, Links::Defang);
            for scheme in ["http://", "https://", "ftp://"] {
                prop_assert!(!safe.to_ascii_lowercase().contains(scheme), "{}", safe);
            }
            // What was found once is not found with a dot in its host again.
            let (removed, _) = treated(&text, Links::Remove);
            prop_assert_eq!(count(&removed), 0, "{}", removed);
        }

        #[test]
        fn pieces_give_what_the_whole_gives(words in proptest::collection::vec("[a-z.:/ 日<>]{0,12}|https://a\\.b/c |www\\.a\\.b ", 0..20), cuts in proptest::collection::vec(0..200_usize, 0..6)) {
            let text = words.concat();
            for links in [Links::Defang, Links::Remove] {
                let mut treatment = Treatment::new(links);
                let mut out = String::new();
                let mut rest = text.as_str();
                for cut in &cuts {
                    let (piece, after) = rest.split_at(rest.floor_char_boundary(cut % (rest.len() + 1)));
                    treatment.feed(piece, &mut out);
                    rest = after;
                }
                treatment.feed(rest, &mut out);
                let count = treatment.finish(&mut out);
                prop_assert_eq!((out, count), { let (whole, count) = treated(&text, links); (whole.into_owned(), count) });
            }
        }
    }
}
