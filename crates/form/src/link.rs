//! Web addresses in plain text, and what becomes of them by policy.
//!
//! The clean room applies it, so that not even a hijacked dirty room brings an address past the policy. An address is
//! `scheme://` with what follows, a word that begins with `www.`, or `\\host`: what mail programs make clickable by themselves.
//! Browsers read `http:/host` and `https:\\host` as addresses too, so any one or two slashes do for the schemes they open;
//! `http:host.example` is one to them as well.

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
                let bracketed = is_bracketed(text, found.start, end);
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
        let known = self.held.len();
        self.held.push_str(text);
        // The blank is held too: it may stand before an address that goes. What was held before has none but at its start.
        let end = match text.bytes().rposition(|b| b.is_ascii_whitespace()).map(|blank| known.saturating_add(blank)) {
            Some(blank) if blank > 0 => blank,
            // A run without a blank that is longer than any address is not held back for one.
            _ if self.held.len() > MAX_HELD => forced_end(&self.held),
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

/// Whether an address stands in angle brackets that go with it. They stay where what is before and behind them would make
/// another address when they are gone, as in `http:<http://a>//b`.
fn is_bracketed(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|before| before.strip_suffix('<'));
    let after = text.get(end..).and_then(|after| after.strip_prefix('>'));
    before.is_some_and(|before| !before.trim_end_matches(' ').ends_with('\\'))
        && after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_graphic()))
}

/// How much of a run without blanks is decided: all but its end, where an address may begin, and no cut where one begins.
fn forced_end(held: &str) -> usize {
    let mut end = held.floor_char_boundary(held.len().saturating_sub(MAX_BEGUN));
    let mut at = 0;
    while let Some(found) = next(held, at).filter(|found| found.start < end) {
        if end < found.host.saturating_add(WWW.len()).saturating_add(1) {
            end = found.start;
        }
        at = found.host_end;
    }
    // Brackets go only where it is known what follows them.
    if held.get(..end).is_some_and(|decided| decided.ends_with('>')) { end.saturating_sub(1) } else { end }
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
        let found = at.saturating_add(rest.iter().position(|b| matches!(b, b':' | b'w' | b'W' | b'\\'))?);
        at = found.saturating_add(1);
        let tail = bytes.get(found..).unwrap_or_default();
        if let Some((start, host)) = scheme_at(bytes, from, found) {
            return Some(Found { start, host, host_end: host_end(text, host).0 });
        }
        // Cheap questions first: only what may be an address is read to its end, and then not read again.
        if tail.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(WWW)) {
            let before = found.checked_sub(1).and_then(|before| bytes.get(before)).copied().unwrap_or(b' ');
            if before.is_ascii_alphanumeric() || b".-_@/".contains(&before) {
                continue;
            }
            let (host_end, stop) = host_end(text, found);
            if host_end > found.saturating_add(WWW.len()) {
                return Some(Found { start: found, host: found, host_end });
            }
            at = at.max(stop.saturating_sub(1));
        } else if tail.starts_with(b"\\\\") && !follows_word(bytes, found) {
            let host = found.saturating_add(2);
            let named = text.get(host..).and_then(|rest| rest.chars().next()).is_some_and(char::is_alphanumeric);
            if named {
                return Some(Found { start: found, host, host_end: host_end(text, host).0 });
            }
        }
    }
}

/// Whether two backslashes part words (`C:\\a\\b`, as programs write paths) and so begin no name of a server.
fn follows_word(bytes: &[u8], at: usize) -> bool {
    match bytes.get(..at).unwrap_or_default() {
        [] => false,
        [.., before, drive, b':'] if drive.is_ascii_alphabetic() => {
            before.is_ascii_whitespace() || b"\"'(<".contains(before)
        }
        [drive, b':'] => drive.is_ascii_alphabetic(),
        [.., before] => before.is_ascii_alphanumeric(),
    }
}

/// Where an address begins that has its colon at a position, and where its host does.
fn scheme_at(bytes: &[u8], from: usize, colon: usize) -> Option<(usize, usize)> {
    let tail = bytes.get(colon..)?.strip_prefix(b":")?;
    let slashes = tail.iter().take(2).take_while(|b| matches!(b, b'/' | b'\\')).count();
    if slashes == 0 && !begins_as_host(tail) {
        return None;
    }
    let host = colon.saturating_add(1).saturating_add(slashes);
    if tail.starts_with(b"//") {
        let start = scheme_start(bytes, from, colon);
        return (start < colon).then_some((start, host));
    }
    let before = bytes.get(from..colon)?;
    let opened = OPENED.iter().find(|scheme| {
        let (rest, end) = before.split_at(before.len().saturating_sub(scheme.len()));
        end.eq_ignore_ascii_case(scheme) && !rest.last().is_some_and(u8::is_ascii_alphabetic)
    })?;
    if slashes == 0 && *opened == b"file" {
        return None;
    }
    Some((colon.saturating_sub(opened.len()), host))
}

/// Whether a first label and a dot with more behind it stand there: `http:` before other words is no address.
fn begins_as_host(bytes: &[u8]) -> bool {
    let label = bytes.iter().take(MAX_LABEL).take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    let behind = bytes.get(label..).and_then(|rest| rest.strip_prefix(b"."));
    label > 0 && behind.and_then(<[u8]>::first).is_some_and(u8::is_ascii_alphanumeric)
}

/// Where the scheme before a colon begins: the colon itself where there is none. No slash is in one, so that reading back from
/// the colon of each `://` reads no letter twice.
fn scheme_start(bytes: &[u8], from: usize, colon: usize) -> usize {
    let before = bytes.get(from..colon).unwrap_or_default();
    let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let length = before.iter().rev().take_while(|b| word(b)).count();
    let start = colon.saturating_sub(length);
    // A scheme begins with a letter; digits before it belong to something else.
    let digits = bytes.get(start..colon).unwrap_or_default().iter().take_while(|b| !b.is_ascii_alphabetic()).count();
    start.saturating_add(digits)
}

/// The end of host, port and user name, and how far was looked for it.
fn host_end(text: &str, host: usize) -> (usize, usize) {
    let rest = text.get(host..).unwrap_or_default();
    // A host in Latin letters ends where Japanese text goes on; one that begins with other letters goes on with them.
    let latin = rest.chars().next().is_some_and(|c| c.is_ascii());
    let stop =
        |c: char| !(c.is_ascii_alphanumeric() || ".-_:@%[]~!$&'*+,;=".contains(c) || (!latin && c.is_alphanumeric()));
    let end = host.saturating_add(rest.find(stop).unwrap_or(rest.len()));
    // `http://http://a`: what looks like the host, or its end, is the scheme of another address.
    let other = end.checked_sub(1).and_then(|colon| scheme_at(text.as_bytes(), host, colon));
    let own = text.get(host..other.map_or(end, |(start, _)| start)).unwrap_or_default();
    let kept = own.trim_end_matches(['.', ',', ':', ';', '!', '\'', '[', ']', '*', '_']);
    (host.saturating_add(kept.len()), end)
}

/// The end of an address whose host ends at a position.
fn address_end(text: &str, host_end: usize) -> usize {
    let rest = text.get(host_end..).unwrap_or_default();
    if !rest.starts_with(['/', '\\', '?', '#']) {
        return host_end;
    }
    let end = rest.find(|c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '`')).unwrap_or(rest.len());
    let kept =
        rest.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ':', ';', '!', '?', ')', ']', '\'', '*']);
    host_end.saturating_add(kept.len())
}

/// Writes an address so that it can be read, and no program takes it for one.
fn defang(found: &Found, text: &str, out: &mut String) {
    let head = text.get(found.start..found.host).unwrap_or_default();
    if let Some((scheme, slashes)) = head.split_once(':') {
        match scheme.to_ascii_lowercase().as_str() {
            "http" => out.push_str("hxxp:"),
            "https" => out.push_str("hxxps:"),
            "ftp" => out.push_str("fxp:"),
            _ => {
                // It may be a host that a colon and slashes make look like a scheme.
                out.push_str(&scheme.replace('.', "[.]"));
                out.push_str("[:]");
            }
        }
        out.push_str(&slashes.replace('\\', "/"));
    } else if !head.is_empty() {
        out.push_str("[\\\\]");
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
const WWW: &[u8] = b"www.";
/// Schemes that browsers and mail programs open with any slashes.
const OPENED: [&[u8]; 4] = [b"http", b"https", b"ftp", b"file"];
/// Bytes held back for an address that may go on in the next piece.
const MAX_HELD: usize = 16 * 1024;
/// Bytes of a longer run that are held back all the same: the scheme of an address, its slashes and the first letters behind.
const MAX_BEGUN: usize = 128;
/// Letters of one label of a host (RFC 1035 2.3.4).
const MAX_LABEL: usize = 63;

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
            ("www.evil.example://x", "www[.]evil[.]example[:]//x"),
            ("http://a.b,http://c.d", "hxxp://a[.]b,hxxp://c[.]d"),
            (r"http:\\a.b\x https:/\a.b HTTP:/a.b", r"hxxp://a[.]b\x hxxps://a[.]b hxxp:/a[.]b"),
            (
                "http:a.example/x Https:b.example HTTP:www.c.jp",
                "hxxp:a[.]example/x hxxps:b[.]example hxxp:www[.]c[.]jp",
            ),
            (
                "http:説明 http: a.b file:a.b xhttp:a.b http:localhost 12:30.5",
                "http:説明 http: a.b file:a.b xhttp:a.b http:localhost 12:30.5",
            ),
            (r"\\srv\share (\\a.b\c)", r"[\\]srv\share ([\\]a[.]b\c)"),
            (r"file:\\srv\x file:/x", r"file[:]//srv\x file[:]/x"),
            (r"file: a C:\\a\\b profile:/x x:/y", r"file: a C:\\a\\b profile:/x x:/y"),
        ] {
            assert_eq!(treated(text, Links::Defang).0, expect, "{text}");
            assert_eq!(treated(text, Links::Keep), (Cow::Borrowed(text), 0));
        }
    }

    #[test]
    fn addresses_are_taken_out_whole_and_the_words_around_them_stay() {
        for (text, expect) in [
            // What stands for the address makes no host of what is before it.
            ("www.:h://", "www.:[リンク削除]"),
            ("こちら <https://a.example/x?y> から", "こちら から"),
            ("詳細はhttps://a.example/x?y=1をご覧ください。", "詳細は[リンク削除]をご覧ください。"),
            ("(see http://a.b/c).", "(see [リンク削除])."),
            ("www.a.jp、www.b.jp/x", "[リンク削除]、[リンク削除]"),
            ("https://a.b", "[リンク削除]"),
            (r"\\a.b\c d", "[リンク削除] d"),
            (r"http:\\a.b\c", "[リンク削除]"),
            ("見る<http:a.b/c>、https:c.d?e", "見る、[リンク削除]"),
            // Brackets that are gone would make an address of what is around them.
            ("http:<http://a>//b", "http:<[リンク削除]>//b"),
            (&format!("www.evil.example{}://x", "a".repeat(40)), "[リンク削除]"),
        ] {
            assert_eq!(treated(text, Links::Remove).0, expect, "{text}");
            assert_eq!(count(expect), 0, "{text}");
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
        // One that is not read to its end reads its tail again and again: 10^11 steps at this length.
        for (first, piece) in [("x", "www."), ("http://a", "+www.a"), ("x", "+www."), ("", r"\\"), ("x", r"w\\")] {
            let body = format!("{first}{}", piece.repeat(1_000_000 / piece.len()));
            for body in [format!("{body}://x"), body] {
                count(&body);
                treated(&body, Links::Defang);
                treated(&body, Links::Remove);
            }
        }
        assert!(begun.elapsed().as_secs() < 40);
    }

    #[test]
    fn tiny_pieces_of_a_long_run_are_read_in_linear_time() {
        let begun = std::time::Instant::now();
        let mut treatment = Treatment::new(Links::Defang);
        let mut out = String::new();
        for _ in 0..2_000_000 {
            treatment.feed("a", &mut out);
        }
        treatment.finish(&mut out);
        assert_eq!(out.len(), 2_000_000);
        assert!(begun.elapsed().as_secs() < 20);
    }

    #[test]
    fn an_address_passes_at_no_cut_of_a_run_longer_than_what_is_held() {
        let text = format!(
            "{}日https://evil.example/日http:/b.example/日http:d.example/日www.c.example",
            "x".repeat(MAX_HELD + 1)
        );
        for links in [Links::Defang, Links::Remove] {
            let whole = treated(&text, links);
            for cut in (MAX_HELD..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                // With much or little behind what is held back.
                for rest in [String::new(), "日".repeat(40), "x".repeat(70)] {
                    let (first, second) = text.split_at(cut);
                    let mut treatment = Treatment::new(links);
                    let mut out = String::new();
                    [first, second, &rest].into_iter().for_each(|piece| treatment.feed(piece, &mut out));
                    let count = treatment.finish(&mut out);
                    assert_eq!(count, whole.1, "{cut}");
                    for live in ["https:/", "http:/", "http:d", "www.", "evil.example"] {
                        assert!(!out.contains(live), "{cut} {live}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_defanged_holds_an_address_that_programs_open(text in "([ a<w.:/h@日>+\\\\]|http|www.){0,40}(http|https|ftp)?://([a.w:/\\\\]|http){0,20}") {
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
