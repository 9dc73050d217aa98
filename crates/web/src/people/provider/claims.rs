//! What a provider's token has to say (OpenID Connect Core 3.1.3.7) before anything it says is believed.

use serde_json::{Map, Value};

use super::jws::BadToken;

/// What the token must fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// The claims of a token that fits.
#[derive(Debug, Clone)]
pub(super) struct Claims(Map<String, Value>);

impl Expected<'_> {
    /// Takes what a signed token says.
    pub(super) fn met_by(&self, payload: &[u8]) -> Result<Claims, BadToken> {
        let claims = Claims(serde_json::from_slice(payload).map_err(|_| BadToken::Form)?);
        let wrong = |claim| Err(BadToken::Claim(claim));
        if claims.text("iss") != Some(self.issuer) {
            return wrong("iss");
        }
        let audience = claims.texts("aud");
        if !audience.contains(&self.client) {
            return wrong("aud");
        }
        let party = claims.text("azp");
        if party.is_some_and(|party| party != self.client) || (audience.len() > 1 && party.is_none()) {
            return wrong("azp");
        }
        if claims.text("nonce") != Some(self.nonce) {
            return wrong("nonce");
        }
        let (late, early) = (self.now.saturating_sub(SKEW), self.now.saturating_add(SKEW));
        if claims.seconds("exp").is_none_or(|end| end <= late) {
            return wrong("exp");
        }
        if claims.0.contains_key("nbf") && claims.seconds("nbf").is_none_or(|begin| begin > early) {
            return wrong("nbf");
        }
        // It was made for this request, so that it is not old.
        if claims.seconds("iat").is_none_or(|made| made > early || made < late.saturating_sub(OLDEST)) {
            return wrong("iat");
        }
        if claims.subject().is_none() {
            return wrong("sub");
        }
        Ok(claims)
    }
}

impl Claims {
    /// A claim that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A claim that is one text or a list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// A claim that is true, as such or in writing.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value == &Value::Bool(true) || value == "true")
    }

    /// Who it is, at the provider: at most 255 characters (2).
    pub(super) fn subject(&self) -> Option<&str> {
        let fits = |text: &&str| !text.is_empty() && text.len() <= SUBJECT_BYTES && !text.contains(char::is_control);
        self.text("sub").filter(fits)
    }

    fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        // Some write fractions.
        value.as_i64().or_else(|| value.as_f64().and_then(|seconds| format!("{:.0}", seconds.floor()).parse().ok()))
    }
}

/// How far two clocks may be apart, in seconds.
const SKEW: i64 = 60;
/// How old a token may be when it comes.
const OLDEST: i64 = 600;
const SUBJECT_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn met(change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), &'static str> {
        let mut claims = serde_json::json!({
            "iss": "https://login.example", "aud": "misogi", "sub": "248289761001", "nonce": "n-0S6_WzA2Mj",
            "exp": NOW + 300, "iat": NOW
        });
        change(claims.as_object_mut().unwrap());
        let expected = Expected { issuer: "https://login.example", client: "misogi", nonce: "n-0S6_WzA2Mj", now: NOW };
        match expected.met_by(claims.to_string().as_bytes()) {
            Ok(_) => Ok(()),
            Err(BadToken::Claim(claim)) => Err(claim),
            Err(_) => Err("form"),
        }
    }

    #[test]
    fn every_claim_is_looked_at() {
        let set = |name: &'static str, value: Value| met(move |claims| drop(claims.insert(name.to_owned(), value)));
        let without = |name: &'static str| met(move |claims| drop(claims.remove(name)));
        assert_eq!(met(|_| {}), Ok(()));
        for name in ["iss", "aud", "sub", "nonce", "exp", "iat"] {
            assert_eq!(without(name), Err(name));
        }
        for (name, value, expect) in [
            ("iss", "https://login.example/".into(), Err("iss")),
            ("iss", "https://other.example".into(), Err("iss")),
            ("aud", "other".into(), Err("aud")),
            ("aud", serde_json::json!(["other"]), Err("aud")),
            ("aud", serde_json::json!(["misogi"]), Ok(())),
            ("aud", serde_json::json!(["misogi", "other"]), Err("azp")),
            ("azp", "misogi".into(), Ok(())),
            ("azp", "other".into(), Err("azp")),
            ("nonce", "other".into(), Err("nonce")),
            ("exp", (NOW - 60).into(), Err("exp")),
            ("exp", (NOW - 59).into(), Ok(())),
            ("exp", "tomorrow".into(), Err("exp")),
            ("nbf", (NOW + 60).into(), Ok(())),
            ("nbf", (NOW + 61).into(), Err("nbf")),
            ("nbf", "now".into(), Err("nbf")),
            ("iat", (NOW + 60).into(), Ok(())),
            ("iat", (NOW + 61).into(), Err("iat")),
            ("iat", (NOW - 660).into(), Ok(())),
            ("iat", (NOW - 661).into(), Err("iat")),
            ("sub", "".into(), Err("sub")),
            ("sub", "a\nb".into(), Err("sub")),
            ("sub", "a".repeat(256).into(), Err("sub")),
        ] {
            assert_eq!(set(name, value.clone()), expect, "{name} {value}");
        }
    }
}
