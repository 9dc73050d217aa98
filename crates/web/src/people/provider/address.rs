//! Addresses of a provider: where the gateway asks, and where it sends browsers.

use form::percent;

use crate::outbound::Target;

/// An address that may be asked, and that a browser may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    text: String,
    pub(super) target: Target,
}

impl Address {
    /// Reads an address: `https`, or `http` on this machine; no user, no fragment, at most 2048 characters.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= ADDRESS_BYTES
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>".contains(&byte));
        let target = Target::parse(text).ok().filter(|_| plain)?;
        let here = target.host() == "localhost"
            || target.host().parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        (target.is_secure() || here).then(|| Self { text: text.to_owned(), target })
    }

    /// The address with more parameters.
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let first = if self.text.contains('?') { '&' } else { '?' };
        format!("{}{first}{}", self.text, form(parameters))
    }
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={}", percent::encoded(value))).collect();
    pairs.join("&")
}

/// Longest address.
const ADDRESS_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_asked() {
        for good in [
            "https://login.example.jp",
            "https://login.example.jp:8443/realms/city?x=1",
            "http://127.0.0.1:3000/token",
            "http://localhost:3000",
            "http://[::1]:3000/a",
        ] {
            assert!(Address::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "login.example.jp",
            "http://login.example.jp/",
            "http://127.0.0.1.example.jp/",
            "https://user@login.example.jp/",
            "https://login.example.jp/#x",
            "https://login.example.jp/a b",
            "file:///etc/passwd",
            "https:///x",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_cannot_end_themselves() {
        let address = Address::parse("https://a.example/authorize?p=1").unwrap();
        assert_eq!(
            address.with(&[("state", "a&b=c #é")]),
            "https://a.example/authorize?p=1&state=a%26b%3Dc%20%23%C3%A9"
        );
    }
}
