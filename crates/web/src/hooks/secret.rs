//! What a receiver and the gateway both know, and the signature made with it.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A key of 24 to 64 bytes, written `whsec_` and base64 (Standard Webhooks, "Signature scheme").
#[derive(Clone)]
pub struct HookSecret(Vec<u8>);

/// The text is no secret of the wanted form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ followed by the base64 of 24 to 64 random bytes")]
pub struct BadSecret;

impl HookSecret {
    /// Reads the content of a secret's file; white space around it does not count.
    ///
    /// # Errors
    /// [`BadSecret`].
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(BadSecret)?;
        let key = decode(encoded).ok_or(BadSecret)?;
        (24..=64).contains(&key.len()).then_some(Self(key)).ok_or(BadSecret)
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, seconds: &str, body: &str) -> String {
        // A key of HMAC may be of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        for piece in [id, ".", seconds, ".", body] {
            mac.update(piece.as_bytes());
        }
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookSecret({} bytes)", self.0.len())
    }
}

/// The bytes, when the text is base64 with its padding and nothing else (RFC 4648 section 4): a secret has one form.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > MOST_TEXT {
        return None;
    }
    BASE64_STANDARD.decode(text).ok()
}

/// Longest secret as text.
const MOST_TEXT: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(BASE64_STANDARD.encode(bytes), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        for bad in ["Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\n", "Zm 9", "Zm9-"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_example_of_the_specification_is_signed_alike() {
        // Test vector of the reference libraries of Standard Webhooks.
        let secret = HookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_none_and_debug_shows_nothing() {
        for bad in ["", "whsec_", "whsec_Zm9v", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
            assert!(HookSecret::parse(bad).is_err(), "{bad}");
        }
        let secret = HookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{secret:?}"), "HookSecret(24 bytes)");
    }
}
