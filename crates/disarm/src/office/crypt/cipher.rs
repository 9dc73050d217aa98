//! AES (FIPS 197) with keys of all three lengths, block by block or chained (SP 800-38A), in place.

use aes::cipher::{Array, BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;

/// Bytes of a block.
pub(super) const BLOCK: usize = 16;

/// A key, ready to decrypt with.
pub(super) enum Aes {
    Bits128(Aes128),
    Bits192(Aes192),
    Bits256(Aes256),
}

impl Aes {
    /// `None` where no key of AES has that length.
    pub(super) fn new(key: &[u8]) -> Option<Aes> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Aes::Bits128),
            24 => Aes192::new_from_slice(key).ok().map(Aes::Bits192),
            32 => Aes256::new_from_slice(key).ok().map(Aes::Bits256),
            _ => None,
        }
    }

    /// Decrypts each whole block by itself (ECB).
    pub(super) fn each(&self, data: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        match self {
            Aes::Bits128(aes) => aes.decrypt_blocks(blocks),
            Aes::Bits192(aes) => aes.decrypt_blocks(blocks),
            Aes::Bits256(aes) => aes.decrypt_blocks(blocks),
        }
    }

    /// Decrypts whole blocks that are chained (CBC).
    pub(super) fn chained(&self, start: [u8; BLOCK], data: &mut [u8]) {
        let (blocks, _) = Array::slice_as_chunks_mut(data);
        let start = &start.into();
        match self {
            Aes::Bits128(aes) => Decryptor::inner_iv_init(aes.clone(), start).decrypt_blocks(blocks),
            Aes::Bits192(aes) => Decryptor::inner_iv_init(aes.clone(), start).decrypt_blocks(blocks),
            Aes::Bits256(aes) => Decryptor::inner_iv_init(aes.clone(), start).decrypt_blocks(blocks),
        }
    }
}
