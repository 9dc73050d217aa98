//! What of WebAuthn (Level 2) a second factor needs: one algorithm (ES256), no attestation, and therefore no CBOR.
//!
//! The browser hands over the public key by itself (`getPublicKey()`), as it does the authenticator data. Without attestation nothing
//! vouches for either, in whichever wrapping it comes; what counts is that every later signature is right, over the challenge of that
//! very sign-in, for this origin and this site.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What a ceremony is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ceremony {
    /// A new key.
    Create,
    /// A signature with a known one.
    Get,
}

/// What was asked, and by whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) ceremony: Ceremony,
    pub(crate) challenge: &'a [u8],
    /// Such as `https://kanri.city.example.jp`.
    pub(crate) origin: &'a str,
    /// The host of the origin.
    pub(crate) site: &'a str,
}

/// What the browser says it was asked for (5.8.1).
#[derive(Debug, Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
}

impl Asked<'_> {
    /// Whether the answer is to this question: right kind, challenge and origin in the client data, the site and somebody's touch in the
    /// authenticator data (7.1 and 7.2). Gives the counter of signatures.
    pub(crate) fn counter(&self, client_data: &[u8], authenticator_data: &[u8]) -> Option<u32> {
        let said: ClientData = serde_json::from_slice(client_data).ok()?;
        let kind = match self.ceremony {
            Ceremony::Create => "webauthn.create",
            Ceremony::Get => "webauthn.get",
        };
        let same = said.kind == kind
            && said.challenge == BASE64_URL_SAFE_NO_PAD.encode(self.challenge)
            && said.origin == self.origin
            && !said.cross_origin;
        let site: [u8; 32] = Sha256::digest(self.site.as_bytes()).into();
        let flags = authenticator_data.get(32)?;
        let counter: [u8; 4] = authenticator_data.get(33..37)?.try_into().ok()?;
        let there = authenticator_data.get(..32)? == site && flags & PRESENT != 0;
        (same && there).then_some(u32::from_be_bytes(counter))
    }

    /// Whether the signature of a known key is right as well (7.2, steps 19 and 20).
    pub(crate) fn signed(
        &self,
        public_key: &[u8],
        client_data: &[u8],
        authenticator_data: &[u8],
        signature: &[u8],
    ) -> Option<u32> {
        let counter = self.counter(client_data, authenticator_data)?;
        let mut message = authenticator_data.to_vec();
        message.extend_from_slice(&Sha256::digest(client_data));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key).verify(&message, signature).ok()?;
        Some(counter)
    }
}

/// The point in a SubjectPublicKeyInfo of P-256 (RFC 5480 2.1.1): the only form that a browser writes for ES256, so that its first 26
/// bytes are always the same.
pub(crate) fn point(public_key: &[u8]) -> Option<&[u8]> {
    let point = public_key.strip_prefix(P256.as_slice())?;
    (point.len() == 65 && point.first() == Some(&4)).then_some(point)
}

/// Bytes out of hexadecimal text, which is how the page's module writes them.
pub(crate) fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() > LONGEST_HEX || !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    let digits: Option<Vec<u8>> =
        hex.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    Some(digits?.chunks(2).map(|pair| pair.iter().fold(0_u8, |byte, digit| (byte << 4) | digit)).collect())
}

/// Somebody touched the authenticator (6.1, bit 0).
const PRESENT: u8 = 1;
/// SEQUENCE of 89 bytes, the algorithm id-ecPublicKey with the curve prime256v1, and a BIT STRING of 66.
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Longest text of one value; the client data is a few hundred bytes.
const LONGEST_HEX: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> = Asked {
        ceremony: Ceremony::Get,
        challenge: b"a challenge of thirty-two bytes!",
        origin: "https://kanri.city.example.jp",
        site: "kanri.city.example.jp",
    };

    fn client_data() -> String {
        r#"{"type":"webauthn.get","challenge":"YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcyE","origin":"https://kanri.city.example.jp","crossOrigin":false}"#.to_owned()
    }

    fn authenticator_data(flags: u8, counter: u32) -> Vec<u8> {
        let mut data = Sha256::digest(b"kanri.city.example.jp").to_vec();
        data.push(flags);
        data.extend_from_slice(&counter.to_be_bytes());
        data
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let data = authenticator_data(1, 7);
        assert_eq!(ASKED.counter(client_data().as_bytes(), &data), Some(7));
        for (from, to) in [
            ("webauthn.get", "webauthn.create"),
            ("YSBj", "YSBk"),
            ("https://kanri", "http://kanri"),
            ("example.jp\"", "example.jp.evil.example\""),
            ("false", "true"),
        ] {
            let other = client_data().replace(from, to);
            assert_ne!(other, client_data());
            assert_eq!(ASKED.counter(other.as_bytes(), &data), None, "{to}");
        }
        assert_eq!(ASKED.counter(client_data().as_bytes(), &authenticator_data(0, 7)), None, "nobody was there");
        assert_eq!(ASKED.counter(client_data().as_bytes(), &data[..36]), None, "cut off");
        let mut other = data.clone();
        other[0] ^= 1;
        assert_eq!(ASKED.counter(client_data().as_bytes(), &other), None, "another site");
        assert_eq!(ASKED.counter(b"{}", &data), None);
    }

    #[test]
    fn base_64_is_that_of_rfc_4648() {
        for (bytes, expect) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(bytes), expect);
        }
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode([0xfb, 0xff]), "-_8");
    }

    #[test]
    fn hexadecimal_text_is_read_or_refused() {
        assert_eq!(bytes("00ff1A").unwrap(), [0, 255, 26]);
        assert!(bytes("").unwrap().is_empty());
        for bad in ["0", "zz", "あ", "+1", &"00".repeat(5000)] {
            assert!(bytes(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_signature_of_openssl_is_right_and_anything_else_is_not() {
        // openssl ecparam -name prime256v1 -genkey; openssl ec -pubout -outform DER; openssl dgst -sha256 -sign over what is signed.
        let public_key = bytes(
            "3059301306072a8648ce3d020106082a8648ce3d03010703420004dcd88789b4644a45a9ffd9aa4d9676e1ccb1ae6a0bd529af0ed207d5d3eca4efdd4b9766f7d635de85d4228ec996eae5aa784bba400212f9130f24628a7c17b9",
        )
        .unwrap();
        let signature = bytes(
            "304502210089b6627aaefa9e0b0d989eb62f8fab650c07f570c5e813c6b7837d029eaf797802204609146473b9109db5a7b4944409e9f110b40266970e41dc2dc3feee08bd81ec",
        )
        .unwrap();
        let point = point(&public_key).unwrap();
        let (client_data, data) = (client_data(), authenticator_data(1, 7));
        assert_eq!(ASKED.signed(point, client_data.as_bytes(), &data, &signature), Some(7));
        let mut wrong = signature.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(ASKED.signed(point, client_data.as_bytes(), &data, &wrong), None);
        assert_eq!(ASKED.signed(point, client_data.as_bytes(), &authenticator_data(1, 8), &signature), None);
        assert_eq!(ASKED.signed(&point[1..], client_data.as_bytes(), &data, &signature), None);
        assert_eq!(ASKED.signed(point, client_data.as_bytes(), &data, b""), None);
        assert!(super::point(&public_key[1..]).is_none() && super::point(&public_key[..90]).is_none());
    }
}
