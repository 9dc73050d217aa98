//! What every answer carries and what every request must pass, whatever the route.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::fault::Fault;

/// Puts the headers on every answer. A handler that needs a stricter policy sets its own first and keeps it.
pub(crate) async fn headers(State(policy): State<&'static str>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        // Pages show what belongs to one person; only assets set a value of their own.
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(policy_or(value)));
    }
    response
}

/// Identity with a `'static` bound, so that the table above may mix the parameter and literals.
fn policy_or(value: &'static str) -> &'static str {
    value
}

/// Names under which a listener answers.
#[derive(Debug, Clone)]
pub(crate) struct Hosts(Arc<[String]>);

impl Hosts {
    /// The host of the site's own address.
    pub(crate) fn of(url: &str) -> Self {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split('/').next().unwrap_or_default();
        Self(Arc::from([host(authority).to_ascii_lowercase()]))
    }

    /// An address literal or `localhost` cannot be the outcome of DNS rebinding: the page of an attacker has a name.
    fn allow(&self, authority: &str) -> bool {
        let host = host(authority).to_ascii_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || literal.parse::<IpAddr>().is_ok() || self.0.contains(&host)
    }
}

/// Refuses requests under a foreign name, and changing requests that another site caused.
pub(crate) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let Some(authority) = named.filter(|authority| hosts.allow(authority)) else {
        return Fault::WrongHost.into_response();
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && !same_site(request.headers(), authority)
    {
        return Fault::CrossSite.into_response();
    }
    next.run(request).await
}

/// Whether a changing request came from our own page or from no page at all (curl, a program).
///
/// `Origin: null` says nothing: browsers send it with our own `Referrer-Policy: no-referrer` too (Fetch, "append a
/// request `Origin` header"). There `Sec-Fetch-Site` decides where the browser sends it, and the form token always.
fn same_site(headers: &HeaderMap, authority: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None | Some(Ok("null")) => true,
        Some(Ok(origin)) => origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(authority)),
        Some(Err(_)) => false,
    }
}

/// The host of `host`, `host:port` or `[v6]:port`.
pub(crate) fn host(authority: &str) -> &str {
    if let Some(end) = authority.find(']') {
        return authority.get(..=end).unwrap_or(authority);
    }
    authority.split(':').next().unwrap_or(authority)
}

/// Policy of the staff portal; `connect-src` lets its module ask for progress.
pub(crate) const PORTAL_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// Policy of the admin console.
pub(crate) const ADMIN_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
/// Policy of a downloaded file, should a browser ever show it.
pub(crate) const DOWNLOAD_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_name_and_addresses_are_answered() {
        let hosts = Hosts::of("https://mugai.city.example.jp:8443/");
        for good in
            ["mugai.city.example.jp", "MUGAI.city.example.jp:8443", "127.0.0.1:8080", "[::1]:8080", "localhost:1"]
        {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in
            ["", "evil.example", "mugai.city.example.jp.evil.example", "127.0.0.1.nip.io", "localhost.evil.example"]
        {
            assert!(!hosts.allow(bad), "{bad}");
        }
    }

    #[test]
    fn another_site_s_post_is_known_by_its_headers() {
        let check = |pairs: &[(&'static str, &'static str)], expect: bool| {
            let headers =
                pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect();
            assert_eq!(same_site(&headers, "a.example:8080"), expect, "{pairs:?}");
        };
        check(&[], true);
        check(&[("origin", "http://a.example:8080")], true);
        check(&[("origin", "http://a.example:8081")], false);
        check(&[("origin", "https://evil.example")], false);
        check(&[("origin", "null"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "null"), ("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("origin", "http://a.example:8080"), ("sec-fetch-site", "cross-site")], false);
    }
}
