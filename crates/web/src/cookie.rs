//! Reading and writing of the few cookies there are.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// Value of the first cookie of that name.
pub(crate) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// How a cookie reaches the browser: `Secure` and the `__Host-` prefix only where the site is served over https.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// The site's address begins with `https:`.
    Https,
    /// Loopback or a test installation.
    Http,
}

impl Transport {
    /// Of a site's own address.
    pub(crate) fn of(url: &str) -> Self {
        if url.starts_with("https:") { Self::Https } else { Self::Http }
    }

    /// The cookie's full name.
    pub(crate) fn name(self, base: &str) -> String {
        match self {
            Self::Https => format!("__Host-{base}"),
            Self::Http => base.to_owned(),
        }
    }

    /// A session cookie that no script can read and no other site can send.
    pub(crate) fn strict(self, base: &str, value: &str) -> Option<HeaderValue> {
        self.write(base, value, "Strict", "")
    }

    /// A cookie that goes along when another site leads here by a link or a redirect, for so long; without time it is taken away.
    pub(crate) fn lax(self, base: &str, value: &str, lasts: Duration) -> Option<HeaderValue> {
        self.write(base, value, "Lax", &format!("; Max-Age={}", lasts.as_secs()))
    }

    /// Takes the cookie away.
    pub(crate) fn expired(self, base: &str) -> Option<HeaderValue> {
        self.write(base, "", "Strict", "; Max-Age=0")
    }

    fn write(self, base: &str, value: &str, same_site: &str, more: &str) -> Option<HeaderValue> {
        let secure = match self {
            Self::Https => "; Secure",
            Self::Http => "",
        };
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{more}", self.name(base));
        HeaderValue::try_from(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; misogi=x=y; b=2"));
        assert_eq!(value(&headers, "misogi"), Some("x=y"));
        assert_eq!(value(&headers, "c"), None);
    }

    #[test]
    fn over_https_the_cookie_is_secure_and_bound_to_the_host() {
        let line = Transport::of("https://a.example").strict("s", "v").unwrap();
        assert_eq!(line, "__Host-s=v; Path=/; HttpOnly; SameSite=Strict; Secure");
        let line = Transport::of("http://127.0.0.1").strict("s", "v").unwrap();
        assert_eq!(line, "s=v; Path=/; HttpOnly; SameSite=Strict");
        let line = Transport::of("https://a.example").lax("s", "v", Duration::from_secs(600)).unwrap();
        assert_eq!(line, "__Host-s=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600");
    }
}
