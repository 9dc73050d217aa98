//! Secrets that have to be read again, sealed with a key that is not in the database: a copy of the database alone computes no code.
//!
//! AES-256-GCM (NIST SP 800-38D) under a random nonce of 96 bits, with the owner as associated data, so that a row that was copied to
//! another owner opens nothing. The key is 32 random bytes in a file of its own, readable by its owner only.

use std::fmt;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::key_file::{self, Origin};
use crate::{Error, UserId};

/// The key of a store.
pub(crate) struct Secrets {
    key: LessSafeKey,
    pub(crate) origin: Origin,
}

impl Secrets {
    /// Reads the key of a store, or makes it: durable before anything is sealed with it.
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        let (bytes, origin) = key_file::open(directory, FILE)?;
        Self::new(&bytes, origin)
    }

    fn new(bytes: &[u8], origin: Origin) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| Error::Damaged("the key file secrets.key"))?;
        Ok(Self { key: LessSafeKey::new(key), origin })
    }

    /// Seals a user's secret: the nonce, then what only this key and this owner open.
    pub(crate) fn seal(&self, owner: UserId, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(Error::Random)?;
        let mut inside = secret.to_vec();
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), of(owner), &mut inside)
            .map_err(|_| Error::Invalid("a secret that cannot be sealed"))?;
        Ok([nonce.as_slice(), inside.as_slice(), tag.as_ref()].concat())
    }

    /// The secret, if it was sealed with this key for this owner.
    pub(crate) fn unseal(&self, owner: UserId, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, inside) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut inside = inside.to_vec();
        let secret = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), of(owner), &mut inside).ok()?;
        Some(secret.to_vec())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({:?})", self.origin)
    }
}

fn of(owner: UserId) -> Aad<[u8; 8]> {
    Aad::from(owner.0.to_be_bytes())
}

/// Beside the database.
const FILE: &str = "secrets.key";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_for_its_owner_alone_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let first = Secrets::open(directory.path()).unwrap();
        assert_eq!(first.origin, Origin::Made);
        let path = directory.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let sealed = first.seal(UserId(7), b"12345678901234567890").unwrap();
        assert_eq!(sealed.len(), NONCE_LEN + 20 + 16);
        assert!(!sealed.windows(4).any(|four| b"12345678901234567890".windows(4).any(|plain| plain == four)));
        assert_ne!(first.seal(UserId(7), b"12345678901234567890").unwrap(), sealed, "a nonce of its own");
        let again = Secrets::open(directory.path()).unwrap();
        assert_eq!(again.origin, Origin::Kept);
        assert_eq!(again.unseal(UserId(7), &sealed).unwrap(), b"12345678901234567890");
    }

    #[test]
    fn nothing_opens_for_another_owner_with_another_key_or_after_a_flipped_bit() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other) = (Secrets::open(one.path()).unwrap(), Secrets::open(other.path()).unwrap());
        let sealed = one.seal(UserId(1), b"secret").unwrap();
        assert!(one.unseal(UserId(2), &sealed).is_none());
        assert!(other.unseal(UserId(1), &sealed).is_none());
        for place in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[place] ^= 1;
            assert!(one.unseal(UserId(1), &flipped).is_none(), "{place}");
        }
        for short in 0..sealed.len() {
            assert!(one.unseal(UserId(1), &sealed[..short]).is_none(), "{short}");
        }
    }

    #[test]
    fn a_key_of_another_length_is_no_key_and_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), b"short").unwrap();
        assert!(matches!(Secrets::open(directory.path()), Err(Error::Damaged(_))));
        assert_eq!(fs::read(directory.path().join(FILE)).unwrap(), b"short");
    }
}
