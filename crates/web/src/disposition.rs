//! `Content-Disposition` of a download: always an attachment, with a name every browser reads (RFC 6266, RFC 8187).

use axum::http::HeaderValue;
use form::percent;

/// `attachment` with an ASCII name for old clients and the true name in UTF-8.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    HeaderValue::try_from(named("attachment", name)).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// A way of showing it, and the name in both forms; ASCII without controls.
pub(crate) fn named(way: &str, name: &str) -> String {
    // RFC 6266 appendix D: no percent sign and no backslash in the plain form, clients disagree on both.
    let plain: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => character,
            _ => '_',
        })
        .collect();
    format!("{way}; filename=\"{plain}\"; filename*={}", percent::extended(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_japanese_name_has_a_plain_and_an_extended_form() {
        assert_eq!(
            attachment("見積.xlsx"),
            "attachment; filename=\"__.xlsx\"; filename*=UTF-8''%E8%A6%8B%E7%A9%8D.xlsx"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_quotes_or_its_line() {
        let value = attachment("a\"; x=\"\r\nSet-Cookie: y=1\\%41.txt");
        let value = value.to_str().unwrap();
        assert!(!value.contains('\r') && !value.contains('\n'));
        assert_eq!(value.matches('"').count(), 2, "{value}");
        assert!(value.starts_with("attachment; filename=\"a_; x=___Set-Cookie: y=1__41.txt\"; "), "{value}");
    }
}
