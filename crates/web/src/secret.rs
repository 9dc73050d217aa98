//! Unguessable tokens and the form tokens derived from them.

use std::fmt;

use sha2::{Digest, Sha256};
use store::{TokenHash, hex};
use subtle::ConstantTimeEq;

/// 256 random bits as hexadecimal text, given out once; only its hash is ever kept.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// A new secret from the system's random source.
    pub(crate) fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(hex(&bytes)))
    }

    /// Takes what a client sent, when it has the shape of a secret.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let shape = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        shape.then(|| Self(text.to_owned()))
    }

    /// The text for the link or the cookie.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What the store keeps and looks up. A plain hash is enough: 256 random bits cannot be tried out.
    pub(crate) fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }

    /// The token that a form carries to show that its page came from us: it depends on the cookie and cannot be read
    /// or computed by another site.
    pub(crate) fn form_token(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"misogi form token\0");
        hasher.update(self.0.as_bytes());
        hex(&hasher.finalize())
    }

    /// Compares a form's token in constant time.
    pub(crate) fn form_token_is(&self, given: &str) -> bool {
        self.form_token().as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({} characters)", self.0.len())
    }
}

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_secret_in_it() {
        let secret = Secret::random().unwrap();
        assert!(!format!("{secret:?}").contains(secret.expose()));
    }

    #[test]
    fn a_form_token_belongs_to_one_secret() {
        let (one, two) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert!(one.form_token_is(&one.form_token()));
        assert!(!one.form_token_is(&two.form_token()));
        assert!(!one.form_token_is(""));
        assert_ne!(one.form_token(), one.expose());
    }

    #[test]
    fn only_the_shape_of_a_secret_is_taken() {
        let secret = Secret::random().unwrap();
        assert!(Secret::parse(secret.expose()).is_some());
        for bad in ["", "abc", &"g".repeat(64), &"A".repeat(64), &"a".repeat(65)] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn hexadecimal_is_written_as_in_fips_180_4() {
        // SHA-256("abc"), FIPS 180-4 example.
        let digest = Sha256::digest(b"abc");
        assert_eq!(hex(&digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
