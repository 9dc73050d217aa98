//! The hashes that encrypted documents name, and what is done with passwords by them.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha256, Sha384, Sha512};

/// A hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Calls a generic function with the type that a hash stands for.
macro_rules! with {
    ($hash:expr, $function:ident($($argument:expr),*)) => {
        match $hash {
            Hash::Sha1 => $function::<Sha1>($($argument),*),
            Hash::Sha256 => $function::<Sha256>($($argument),*),
            Hash::Sha384 => $function::<Sha384>($($argument),*),
            Hash::Sha512 => $function::<Sha512>($($argument),*),
        }
    };
}

impl Hash {
    /// The hash of a name ([MS-OFFCRYPTO] 2.3.4.10, `HashAlgorithm`; some writers have the names of the standards).
    pub(super) fn named(name: &str) -> Option<Hash> {
        match name {
            "SHA1" | "SHA-1" => Some(Hash::Sha1),
            "SHA256" | "SHA-256" => Some(Hash::Sha256),
            "SHA384" | "SHA-384" => Some(Hash::Sha384),
            "SHA512" | "SHA-512" => Some(Hash::Sha512),
            _ => None,
        }
    }

    /// Bytes of a value.
    pub(super) fn len(self) -> usize {
        match self {
            Hash::Sha1 => 20,
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }

    /// The value of pieces, one after the other.
    pub(super) fn of(self, pieces: &[&[u8]]) -> Vec<u8> {
        with!(self, of(pieces))
    }

    /// The value of a salt and a password, hashed again with a counter before it, `spins` times ([MS-OFFCRYPTO] 2.3.4.7).
    pub(super) fn spun(self, salt: &[u8], password: &[u8], spins: u32) -> Vec<u8> {
        with!(self, spun(salt, password, spins))
    }

    /// Whether `code` is the HMAC (RFC 2104) of `message`.
    pub(super) fn is_code(self, key: &[u8], message: &[u8], code: &[u8]) -> bool {
        match self {
            Hash::Sha1 => is_code::<Hmac<Sha1>>(key, message, code),
            Hash::Sha256 => is_code::<Hmac<Sha256>>(key, message, code),
            Hash::Sha384 => is_code::<Hmac<Sha384>>(key, message, code),
            Hash::Sha512 => is_code::<Hmac<Sha512>>(key, message, code),
        }
    }
}

fn of<D: Digest>(pieces: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    pieces.iter().for_each(|piece| hash.update(piece));
    hash.finalize().to_vec()
}

fn spun<D: Digest>(salt: &[u8], password: &[u8], spins: u32) -> Vec<u8> {
    let mut value = D::new_with_prefix(salt).chain_update(password).finalize();
    for spin in 0..spins {
        value = D::new_with_prefix(spin.to_le_bytes()).chain_update(&value).finalize();
    }
    value.to_vec()
}

fn is_code<M: Mac + KeyInit>(key: &[u8], message: &[u8], code: &[u8]) -> bool {
    <M as KeyInit>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(message).verify_slice(code).is_ok())
}
