//! Signed tokens (RFC 7515) and the keys to check them with (RFC 7517): three algorithms, each of which goes with one kind of key. There is no
//! `none`, and no key is ever taken for a shared secret.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is no compact serialisation with a header that we understand.
    #[error("the token has a form that is not taken")]
    Form,
    /// Its algorithm is none of RS256, ES256 and EdDSA.
    #[error("the token is signed with an algorithm that is not taken")]
    Algorithm,
    /// No key of the provider fits.
    #[error("the token is signed with a key that the provider does not publish")]
    NoKey,
    /// The signature is wrong.
    #[error("the signature of the token is wrong")]
    Signature,
    /// What it says is wrong: the claim.
    #[error("the token is not for this sign-in: {0}")]
    Claim(&'static str),
}

/// A public key of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
    b64: Option<serde_json::Value>,
}

/// The keys of a set that can check signatures; `None` is no set. Others are left out, and so is what stands behind the sixty-fourth.
pub(super) fn keys(bytes: &[u8]) -> Option<Vec<Key>> {
    let set: KeySet = serde_json::from_slice(bytes).ok()?;
    Some(set.keys.into_iter().take(MOST_KEYS).filter_map(key).collect())
}

fn key(value: serde_json::Value) -> Option<Key> {
    let written: Written = serde_json::from_value(value).ok()?;
    if written.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |text: &Option<String>| text.as_deref().and_then(decode);
    let material = match (written.kty.as_str(), written.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { modulus: bytes(&written.n)?, exponent: bytes(&written.e)? },
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(&written.x)?, bytes(&written.y)?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            Material::P256([&[4][..], &x, &y].concat())
        }
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(&written.x)?),
        _ => return None,
    };
    let key = Key { id: written.kid, material };
    // A key that says what it is for is for nothing else.
    written.alg.as_deref().is_none_or(|alg| alg == key.algorithm()).then_some(key)
}

impl Key {
    /// The one algorithm that goes with it.
    fn algorithm(&self) -> &'static str {
        match self.material {
            Material::Rsa { .. } => "RS256",
            Material::P256(_) => "ES256",
            Material::Ed25519(_) => "EdDSA",
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { modulus: n, exponent: e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(point) => UnparsedPublicKey::new(&ED25519, point).verify(message, signature).is_ok(),
        }
    }
}

/// What a token says, where a key of the provider has signed it.
pub(super) fn verified(token: &str, keys: &[Key]) -> Result<Vec<u8>, BadToken> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BadToken::Form);
    };
    let read: Header = serde_json::from_slice(&decode(header).ok_or(BadToken::Form)?).map_err(|_| BadToken::Form)?;
    // What a header insists on we would have to know (RFC 7515 4.1.11).
    let usual = read.typ.as_deref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if !usual || read.crit.is_some() || read.b64.is_some() {
        return Err(BadToken::Form);
    }
    if !ALGORITHMS.contains(&read.alg.as_str()) {
        return Err(BadToken::Algorithm);
    }
    let fits = |key: &&Key| key.algorithm() == read.alg && (read.kid.is_none() || key.id == read.kid);
    let mut fitting = keys.iter().filter(fits).peekable();
    if fitting.peek().is_none() {
        return Err(BadToken::NoKey);
    }
    let signed = token.get(..header.len().saturating_add(1).saturating_add(payload.len())).ok_or(BadToken::Form)?;
    let signature = decode(signature).ok_or(BadToken::Form)?;
    if !fitting.any(|key| key.has_signed(signed.as_bytes(), &signature)) {
        return Err(BadToken::Signature);
    }
    decode(payload).ok_or(BadToken::Form)
}

/// Base 64 for addresses without padding (RFC 4648 5); `None` for any other character and for bits that nothing wrote.
fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];
const MOST_KEYS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_has_one_text_for_one_value() {
        for (plain, written) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff], "-_8"),
        ] {
            assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(plain), written);
            assert_eq!(decode(written).as_deref(), Some(plain));
        }
        for bad in ["Z", "Zg==", "Zh", "Zm9", "Z m9v", "Zm+/", "Zm9v\n"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_examples_of_the_standards_are_right_and_nothing_near_them_is() {
        // RFC 7515 A.3: ES256. RFC 8037 A.4: EdDSA.
        let es = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let ed = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let es_token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let ed_token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let set = |list: &[&str]| keys(format!("{{\"keys\":[{}]}}", list.join(",")).as_bytes()).unwrap();
        let both = set(&[es, ed]);
        assert!(verified(es_token, &both).unwrap().starts_with(b"{\"iss\":\"joe\""));
        assert_eq!(verified(ed_token, &both).unwrap(), b"Example of Ed25519 signing");
        assert_eq!(verified(es_token, &set(&[ed])), Err(BadToken::NoKey));
        assert_eq!(verified(&es_token.replace("DtEh", "DtEi"), &both), Err(BadToken::Signature));
        assert_eq!(
            verified(&es_token.replace("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Uj"), &both),
            Err(BadToken::Signature)
        );
        assert_eq!(verified(&format!("{es_token}."), &both), Err(BadToken::Form));
    }

    #[test]
    fn tokens_without_a_signature_or_with_a_secret_for_a_key_are_refused() {
        let ed = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AAAA"}]}"#;
        let known = keys(ed.as_bytes()).unwrap();
        assert_eq!(known.len(), 1, "a shared secret is no key of a provider");
        let token = |header: &str| format!("{}.e30.AAAA", BASE64_URL_SAFE_NO_PAD.encode(header));
        for (header, expect) in [
            (r#"{"alg":"none"}"#, BadToken::Algorithm),
            (r#"{"alg":"None"}"#, BadToken::Algorithm),
            (r#"{"alg":"HS256"}"#, BadToken::Algorithm),
            (r#"{"alg":"RS1"}"#, BadToken::Algorithm),
            (r#"{"alg":"RS256"}"#, BadToken::NoKey),
            (r#"{"alg":"EdDSA","kid":"x"}"#, BadToken::NoKey),
            (r#"{"alg":"EdDSA"}"#, BadToken::Signature),
            (r#"{"alg":"EdDSA","crit":["exp"],"exp":1}"#, BadToken::Form),
            (r#"{"alg":"EdDSA","typ":"at+jwt"}"#, BadToken::Form),
            (r#"{"alg":"EdDSA","alg":"EdDSA"}"#, BadToken::Form),
            ("{}", BadToken::Form),
        ] {
            assert_eq!(verified(&token(header), &known), Err(expect), "{header}");
        }
        for bad in ["", ".", "..", "a.b", "a.b.c.d.e"] {
            assert_eq!(verified(bad, &known), Err(BadToken::Form), "{bad}");
        }
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for (more, there) in [
            ("", 1),
            (r#","use":"sig""#, 1),
            (r#","use":"enc""#, 0),
            (r#","alg":"EdDSA""#, 1),
            (r#","alg":"ES256""#, 0),
            (r#","crv":"X25519""#, 0),
        ] {
            let crv = if more.contains("crv") { "" } else { r#","crv":"Ed25519""# };
            let set = format!(r#"{{"keys":[{{"kty":"OKP"{crv},"x":"{x}"{more}}}]}}"#);
            assert_eq!(keys(set.as_bytes()).unwrap().len(), there, "{more}");
        }
        assert_eq!(keys(b"[]"), None);
    }
}
