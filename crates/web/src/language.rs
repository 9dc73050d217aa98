//! Which language a page is written in: asked for by `?lang=`, remembered in a cookie, else the browser's wish.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Uri, header},
    middleware::Next,
    response::Response,
};
pub(crate) use engine::catalogue::Language;

use crate::cookie;

/// Finds the language, hands it on as a request extension, and remembers it when it was asked for.
pub(crate) async fn choose(mut request: Request, next: Next) -> Response {
    let asked = asked(request.uri());
    let language = asked.unwrap_or_else(|| from_headers(request.headers()));
    request.extensions_mut().insert(language);
    let mut response = next.run(request).await;
    // A page is not the same for every reader: whoever stores it must look at these.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    if asked.is_some()
        && let Ok(value) = HeaderValue::try_from(format!(
            "{COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            tag(language)
        ))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Language tag for `<html lang>`.
pub(crate) fn tag(language: Language) -> &'static str {
    match language {
        Language::Ja => "ja",
        Language::En => "en",
    }
}

fn asked(uri: &Uri) -> Option<Language> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(parse)
}

fn from_headers(headers: &HeaderMap) -> Language {
    cookie::value(headers, COOKIE)
        .and_then(parse)
        .or_else(|| headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().map(preferred))
        .unwrap_or(Language::Ja)
}

fn parse(tag: &str) -> Option<Language> {
    match tag.split('-').next()?.trim().to_ascii_lowercase().as_str() {
        "ja" => Some(Language::Ja),
        "en" => Some(Language::En),
        _ => None,
    }
}

/// The wish with the greatest weight among the two languages there are; Japanese when neither is named.
pub(crate) fn preferred(header: &str) -> Language {
    let mut best = (0_u16, Language::Ja);
    for item in header.split(',').take(WISHES) {
        let mut pieces = item.split(';');
        let Some(language) = pieces.next().and_then(parse) else { continue };
        let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")).map_or(1000, weight);
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

/// A quality value (RFC 9110 12.4.2) in thousandths; nonsense weighs nothing.
fn weight(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<3}");
    match (whole, fraction.get(..3).and_then(|digits| digits.parse::<u16>().ok())) {
        ("1", Some(_)) => 1000,
        ("0", Some(thousandths)) => thousandths,
        _ => 0,
    }
}

const COOKIE: &str = "misogi_lang";
/// Most items of an `Accept-Language` that are looked at.
const WISHES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_comes_first_unless_english_is_wished_more() {
        let check = |header: &str, expect| assert_eq!(preferred(header), expect, "{header}");
        check("", Language::Ja);
        check("fr", Language::Ja);
        check("en-US,en;q=0.9", Language::En);
        check("en-US,en;q=0.9,ja;q=0.8", Language::En);
        check("ja,en-US;q=0.9", Language::Ja);
        check("en;q=0.3, ja;q=0.7", Language::Ja);
        check("de, en;q=0.1", Language::En);
        check("en;q=x", Language::Ja);
        check("en;q=0", Language::Ja);
    }

    #[test]
    fn the_address_asks_louder_than_the_browser() {
        assert_eq!(asked(&Uri::from_static("/?a=b&lang=en")), Some(Language::En));
        assert_eq!(asked(&Uri::from_static("/?lang=xx")), None);
        assert_eq!(asked(&Uri::from_static("/")), None);
    }
}
