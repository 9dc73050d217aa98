//! Unguessable names: what a link carries, and the digest of what a cookie carries.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Error;

/// The name of an upload batch in a link: 128 random bits as 32 hexadecimal digits. Whoever has it may see the batch.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BatchToken(String);

impl BatchToken {
    /// A token as it stands in a link; `None` for anything but 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| BatchToken(text.to_owned()))
    }

    /// The token as it stands in a link.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn random() -> Result<Self, Error> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(Error::Random)?;
        Ok(BatchToken(hex(&bytes)))
    }
}

impl fmt::Debug for BatchToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchToken({} characters)", self.0.len())
    }
}

/// SHA-256 of a session or setup token. The token itself is never stored, so a copy of the database signs nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The digest of a token.
    pub fn of(token: &[u8]) -> Self {
        TokenHash(Sha256::digest(token).into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(TokenHash)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(32 bytes)")
    }
}

/// Lower-case hexadecimal digits, two to each byte.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_token_is_32_lower_case_hexadecimal_digits() {
        let token = BatchToken::random().unwrap();
        assert_eq!(BatchToken::parse(token.as_str()), Some(token.clone()));
        assert_ne!(token, BatchToken::random().unwrap());
        for bad in ["", "0", &"A".repeat(32), &"g".repeat(32), &"0".repeat(31), &"0".repeat(33)] {
            assert_eq!(BatchToken::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_output_never_shows_a_token() {
        let token = BatchToken::random().unwrap();
        assert!(!format!("{token:?}").contains(token.as_str()));
        assert_eq!(format!("{:?}", TokenHash::of(b"secret")), "TokenHash(32 bytes)");
    }

    #[test]
    fn the_token_hash_is_sha_256() {
        // FIPS 180-4 example "abc".
        assert_eq!(
            hex(TokenHash::of(b"abc").as_bytes()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
