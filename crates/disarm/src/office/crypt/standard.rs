//! Standard encryption ([MS-OFFCRYPTO] 2.3.4.5 to 2.3.4.9), as Office 2007 writes it: AES block by block, SHA-1, no check that
//! the package is whole.

use form::Reason;

use super::cipher::{Aes, BLOCK};
use super::hash::Hash;
use crate::error::Error;

/// How often a password is hashed (2.3.4.7).
pub(super) const SPINS: u32 = 50_000;

/// The description of a package.
pub(super) struct Standard {
    key_bytes: usize,
    salt: Vec<u8>,
    /// What the right key decrypts into bytes and their hash.
    verifier: [u8; BLOCK],
    verifier_hash: [u8; HASH_BLOCKS],
}

impl Standard {
    /// Reads what stands behind the version; `None` where it ends too early.
    pub(super) fn parse(info: &[u8]) -> Option<Result<Standard, Error>> {
        let (_flags, info) = split_u32(info)?;
        let (header_bytes, info) = split_u32(info)?;
        let (header, verifier) = info.split_at_checked(usize::try_from(header_bytes).ok()?)?;
        let (flags, header) = split_u32(header)?;
        let (_extra, header) = split_u32(header)?;
        let (algorithm, header) = split_u32(header)?;
        let (hash, header) = split_u32(header)?;
        let (key_bits, _provider) = split_u32(header)?;
        let key_bytes: usize = match algorithm {
            0x660E => 16,
            0x660F => 24,
            0x6610 => 32,
            // RC4, or whatever another maker's module does.
            _ => return Some(Err(Reason::UnsupportedType.into())),
        };
        if flags & AES == 0 || flags & EXTERNAL != 0 || !matches!(hash, 0 | SHA_1) {
            return Some(Err(Reason::UnsupportedType.into()));
        }
        let (salt_bytes, verifier) = split_u32(verifier)?;
        let (salt, verifier) = verifier.split_at_checked(usize::try_from(salt_bytes).ok()?)?;
        let (hidden, verifier) = verifier.split_first_chunk()?;
        let (hash_bytes, verifier) = split_u32(verifier)?;
        let (hidden_hash, _) = verifier.split_first_chunk()?;
        let is_sound =
            salt.len() == BLOCK && hash_bytes == 20 && usize::try_from(key_bits).ok()? == key_bytes.checked_mul(8)?;
        let verifier_hash = *hidden_hash;
        is_sound.then(|| Ok(Standard { key_bytes, salt: salt.to_vec(), verifier: *hidden, verifier_hash }))
    }

    /// The key of a password (2.3.4.7), where it is the right one (2.3.4.9).
    pub(super) fn key(&self, password: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let spun = Hash::Sha1.of(&[&Hash::Sha1.spun(&self.salt, password, SPINS), &[0; 4]]);
        let padded = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(&spun).for_each(|(to, from)| *to ^= from);
            Hash::Sha1.of(&[&block])
        };
        let mut key = padded(0x36);
        key.extend(padded(0x5C));
        key.truncate(self.key_bytes);
        let aes = Aes::new(&key).ok_or(Reason::Malformed)?;
        let (mut verifier, mut hash) = (self.verifier, self.verifier_hash);
        aes.each(&mut verifier);
        aes.each(&mut hash);
        Ok(hash.starts_with(&Hash::Sha1.of(&[&verifier])).then_some(key))
    }
}

/// Decrypts whole blocks.
pub(super) fn decrypt(key: &[u8], blocks: &mut [u8]) -> Result<(), Error> {
    Aes::new(key).ok_or(Reason::Malformed)?.each(blocks);
    Ok(())
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    bytes.split_first_chunk().map(|(value, rest)| (u32::from_le_bytes(*value), rest))
}

/// Flags of the header (2.3.1).
const AES: u32 = 0x20;
const EXTERNAL: u32 = 0x10;
const SHA_1: u32 = 0x8004;
/// A hash of twenty bytes in whole blocks.
const HASH_BLOCKS: usize = 2 * BLOCK;
