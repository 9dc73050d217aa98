//! Links: what of a target is shown, and whether the text of a link shows another one.

/// What becomes of a link's target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// It is shown.
    Shown(String),
    /// It leads nowhere outside of the text.
    Nothing,
    /// It runs a program.
    Active,
    /// It opens a file or a program of the reader's machine.
    Unsafe,
}

/// The target of an `href` as it is shown: without blanks, and without brackets that would end the ones around it.
pub(super) fn target(href: &str) -> Target {
    let mut target = String::new();
    for c in href.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(MAX_TARGET) {
        match c {
            '<' => target.push_str("%3C"),
            '>' => target.push_str("%3E"),
            c => target.push(c),
        }
    }
    if target.is_empty() || target.starts_with('#') {
        return Target::Nothing;
    }
    if target.starts_with("\\\\") {
        return Target::Unsafe;
    }
    let scheme = scheme(&target).unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "javascript" | "vbscript" | "data" => Target::Active,
        "about" | "cid" | "mid" | "blob" | "x-apple-data-detectors" | "applewebdata" => Target::Nothing,
        "file" | "smb" | "res" | "mhtml" | "its" | "jar" | "view-source" | "ldap" | "search" | "shell" => {
            Target::Unsafe
        }
        _ if scheme.starts_with("ms-") || scheme.starts_with("search-") => Target::Unsafe,
        "http" | "https" => Target::Shown(as_opened(&target, scheme.len())),
        _ => Target::Shown(target),
    }
}

/// An address of the web as browsers open it: any slashes behind the scheme are two, and a backslash is a slash (WHATWG URL 4.4).
fn as_opened(target: &str, scheme: usize) -> String {
    let (scheme, rest) = target.split_at_checked(scheme.saturating_add(1)).unwrap_or((target, ""));
    let path = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, query) = rest.split_at_checked(path).unwrap_or((rest, ""));
    format!("{scheme}//{}{query}", path.replace('\\', "/").trim_start_matches('/'))
}

/// The scheme of an address.
pub(super) fn scheme(target: &str) -> Option<&str> {
    let (scheme, _) = target.split_once(':')?;
    let mut bytes = scheme.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
    (starts && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))).then_some(scheme)
}

/// A link without what makes no difference to a reader.
pub(super) fn essence(text: &str) -> &str {
    let text = strip_scheme(text, "mailto:");
    let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    text.trim_end_matches('/')
}

/// Whether the text of a link says all that its target does.
pub(super) fn says_all(shown: &str, target: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    // What a link to an address presets of the mail says nothing to a reader.
    let address = if strip_scheme(target, "mailto:").len() < target.len() {
        target.split('?').next().unwrap_or(target)
    } else {
        target
    };
    essence(shown) == essence(address)
        || (strip_scheme(target, "tel:").len() < target.len() && digits(shown) == digits(target))
}

/// `mailto:` in front of an address, in any case.
pub(super) fn strip_scheme<'t>(text: &'t str, scheme: &str) -> &'t str {
    match text.split_at_checked(scheme.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(scheme) => rest,
        _ => text,
    }
}

/// `shown → real` where the text of a link shows another host or mail address than the target has.
pub(super) fn misleads(shown: &str, target: &str) -> Option<String> {
    if let Some(address) = shown_address(shown) {
        let real = strip_scheme(target, "mailto:");
        let is_mail = real.len() < target.len();
        let real = real.split('?').next().unwrap_or(real);
        if is_mail && !real.is_empty() && !decoded(real).eq_ignore_ascii_case(address) {
            return Some(format!("{address} → {}", decoded(real)));
        }
        return None;
    }
    let shown = shown_host(shown)?;
    let real = target_host(target).unwrap_or(target);
    (!belongs_to(real, shown)).then(|| format!("{shown} → {real}"))
}

/// `%40` and what else addresses in links are written with.
fn decoded(address: &str) -> String {
    address.replace("%40", "@").replace("%2B", "+").replace("%2b", "+")
}

/// Whether a host is the one that was shown, or one below or above it: only the owner of a name gives out those below.
fn belongs_to(real: &str, shown: &str) -> bool {
    let bare = |host: &str| host.trim_end_matches('.').to_ascii_lowercase().trim_start_matches("www.").to_owned();
    let (real, shown) = (bare(real), bare(shown));
    let is_below = |below: &str, above: &str| {
        above.contains('.') && below.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
    };
    real == shown || is_below(&real, &shown) || is_below(&shown, &real)
}

/// The only word of a text, when it is a mail address.
fn shown_address(shown: &str) -> Option<&str> {
    let mut words = shown.split_whitespace();
    let (word, None) = (words.next()?, words.next()) else { return None };
    let word = word.trim_matches(['<', '>', '(', ')', '"', '\'']);
    let (local, domain) = word.split_once('@')?;
    (!local.is_empty() && domain.contains('.') && word.is_ascii() && !word.contains(['/', ':', '?'])).then_some(word)
}

/// The host that a link's text seems to lead to.
fn shown_host(shown: &str) -> Option<&str> {
    let mut words = shown.split_whitespace();
    let text = words.next()?;
    let host = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?', '#', ':']).next()?,
        None if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www.")) => {
            text.split(['/', '?', '#', ':']).next()?
        }
        // A bare name is one where nothing else stands in the link and its end is one that people take for an address.
        None if words.next().is_none() && !text.contains('@') => {
            let host = text.split(['/', '?', '#', ':']).next()?;
            let end = host.rsplit('.').next()?.to_ascii_lowercase();
            ENDINGS.contains(&end.as_str()).then_some(host)?
        }
        None => return None,
    };
    let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    (host.contains('.') && named && !host.starts_with('.')).then_some(host)
}

/// The host of a target that has one.
pub(super) fn target_host(target: &str) -> Option<&str> {
    let rest = target.split_once("//").map(|(_, rest)| rest)?;
    let host = rest.split(['/', '?', '#', '\\']).next()?;
    // What stands before an @ only looks like the host.
    let host = host.rsplit('@').next()?;
    host.split(':').next().filter(|host| !host.is_empty())
}

/// Characters shown of a target.
const MAX_TARGET: usize = 2_000;

/// Ends of names that are read as addresses even without `https` before them.
const ENDINGS: [&str; 14] =
    ["jp", "com", "net", "org", "info", "biz", "gov", "edu", "io", "co", "tokyo", "shop", "site", "online"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_shows_another_address_misleads_and_a_subdomain_does_not() {
        let misleading = [
            ("https://bank.example/login", "https://evil.example/", "bank.example → evil.example"),
            ("amazon.co.jp", "https://amazon.co.jp.evil.example/", "amazon.co.jp → amazon.co.jp.evil.example"),
            ("https://bank.example", "https://bank.example@evil.example/", "bank.example → evil.example"),
            ("WWW.bank.example", "http://203.0.113.5/", "WWW.bank.example → 203.0.113.5"),
            ("a@city.example.jp", "mailto:b@evil.example", "a@city.example.jp → b@evil.example"),
        ];
        for (shown, target, expect) in misleading {
            assert_eq!(misleads(shown, target).as_deref(), Some(expect), "{shown}");
        }
        for (shown, target) in [
            ("https://bank.example", "https://www.bank.example/x"),
            ("bank.co.jp", "https://click.bank.co.jp/?u=1"),
            ("pic.bank.co.jp/x", "https://bank.co.jp/"),
            ("Node.js", "https://nodejs.example/"),
            ("見積.pdf", "https://a.example/"),
            ("a@b.jp", "mailto:A@B.jp?subject=x"),
            ("a@b.jp", "mailto:a%40b.jp"),
            ("詳細は www.a.jp へ", "https://b.jp/"),
        ] {
            assert_eq!(misleads(shown, target), None, "{shown}");
        }
    }

    #[test]
    fn targets_that_reach_into_the_machine_are_not_shown() {
        for bad in
            ["file:///c:/x", "\\\\host\\share", "search-ms:query=x", "MS-MSDT:/id", "ms-word:ofe|u|https://a.example/x"]
        {
            assert_eq!(target(bad), Target::Unsafe, "{bad}");
        }
        assert_eq!(target("java\nscript:alert(1)"), Target::Active);
        assert_eq!(target("https://a.example/>x<"), Target::Shown("https://a.example/%3Ex%3C".to_owned()));
        for same in
            ["http:\\\\a.example\\x?\\", "http:/a.example/x?\\", "http:a.example/x?\\", "http:/\\/a.example/x?\\"]
        {
            assert_eq!(target(same), Target::Shown("http://a.example/x?\\".to_owned()), "{same}");
        }
        assert!(says_all("a@b.jp", "MAILTO:a@b.jp?subject=x") && !says_all("a.jp", "https://a.jp/?x"));
        assert!(says_all("03-1234-5678", "tel:0312345678") && says_all("a.jp", "http://a.jp/"));
        assert_eq!(target(" #top "), Target::Nothing);
        assert_eq!(target("page.html"), Target::Shown("page.html".to_owned()));
    }
}
