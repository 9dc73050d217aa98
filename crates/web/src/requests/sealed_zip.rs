//! One file in an encrypted ZIP archive: stored, AES-256 as WinZip writes it (AE-2). Only the frame is written and the bytes are
//! enciphered; nothing looks into them. The decision and what it rests on: docs/adr/0009-originals-leave-enciphered.md.
//!
//! APPNOTE 6.3.10 sections 4.3 to 4.5, and "AES Encryption Information: Encryption Specification AE-1 and AE-2".

use std::num::NonZeroU32;

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit as _},
};
use hmac::{Hmac, Mac};
use ring::pbkdf2;
use sha1::Sha1;

/// What is written before the file's bytes, and what enciphers them.
pub(super) struct Opened {
    /// The local header, the salt and the two bytes by which a reader knows a wrong password.
    pub(super) head: Vec<u8>,
    /// Everything together, in bytes.
    pub(super) total: u64,
    pub(super) cipher: Cipher,
}

/// Enciphers the file's bytes in their order, whatever pieces they come in.
pub(super) struct Cipher {
    key: Aes256,
    mac: Hmac<Sha1>,
    /// Of the block that `pad` enciphers.
    counter: u128,
    pad: [u8; BLOCK],
    used: usize,
    tail: Vec<u8>,
}

/// Begins an archive of one file. `None` when name or length are beyond what the format's 32 bits hold.
pub(super) fn open(name: &str, length: u64, password: &str, salt: [u8; SALT]) -> Option<Opened> {
    let plain = u32::try_from(length).ok()?;
    let stored = plain.checked_add(u32::try_from(SALT + CHECK + MAC).ok()?)?;
    let name_length = u16::try_from(name.len()).ok()?;
    let common = |out: &mut Vec<u8>| {
        // Version 5.1; enciphered (bit 0), the name in UTF-8 (bit 11); method 99; 1980-01-01; AE-2 has no CRC of the content.
        out.extend_from_slice(&[51, 0, 0x01, 0x08, 99, 0, 0, 0, 0x21, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&stored.to_le_bytes());
        out.extend_from_slice(&plain.to_le_bytes());
        out.extend_from_slice(&name_length.to_le_bytes());
        out.extend_from_slice(&[11, 0]);
    };
    let mut head = vec![0x50, 0x4b, 0x03, 0x04];
    common(&mut head);
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(&EXTRA);

    let offset = u32::try_from(head.len()).ok()?.checked_add(stored)?;
    let mut tail = vec![0x50, 0x4b, 0x01, 0x02, 51, 3];
    common(&mut tail);
    // No comment, one disk, nothing internal; a file that only its owner may read; it stands at the beginning.
    tail.extend_from_slice(&[0; 6]);
    tail.extend_from_slice(&(0o100_600_u32 << 16).to_le_bytes());
    tail.extend_from_slice(&[0; 4]);
    tail.extend_from_slice(name.as_bytes());
    tail.extend_from_slice(&EXTRA);
    let directory = u32::try_from(tail.len()).ok()?;
    tail.extend_from_slice(&[0x50, 0x4b, 0x05, 0x06, 0, 0, 0, 0, 1, 0, 1, 0]);
    tail.extend_from_slice(&directory.to_le_bytes());
    tail.extend_from_slice(&offset.to_le_bytes());
    tail.extend_from_slice(&[0, 0]);

    let mut keys = [0_u8; 2 * KEY + CHECK];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA1, NonZeroU32::new(ROUNDS)?, &salt, password.as_bytes(), &mut keys);
    let (key, rest) = keys.split_at(KEY);
    let (mac, check) = rest.split_at(KEY);
    head.extend_from_slice(&salt);
    head.extend_from_slice(check);
    let total = u64::from(offset).checked_add(u64::try_from(tail.len()).ok()?)?;
    let cipher = Cipher {
        key: Aes256::new_from_slice(key).ok()?,
        mac: Hmac::<Sha1>::new_from_slice(mac).ok()?,
        counter: 0,
        pad: [0; BLOCK],
        used: BLOCK,
        tail,
    };
    Some(Opened { head, total, cipher })
}

impl Cipher {
    /// Enciphers the next bytes where they are.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes.iter_mut() {
            if self.used == BLOCK {
                // The counter begins with one and grows from its first byte on, unlike that of NIST SP 800-38A.
                self.counter = self.counter.wrapping_add(1);
                let mut block = self.counter.to_le_bytes().into();
                self.key.encrypt_block(&mut block);
                self.pad = block.into();
                self.used = 0;
            }
            *byte ^= self.pad.get(self.used).copied().unwrap_or_default();
            self.used = self.used.saturating_add(1);
        }
        self.mac.update(bytes);
    }

    /// What stands behind the file's bytes: the code by which a change is noticed, and the directory.
    pub(super) fn finish(self) -> Vec<u8> {
        let code = self.mac.finalize().into_bytes();
        let mut out = code.get(..MAC).unwrap_or_default().to_vec();
        out.extend_from_slice(&self.tail);
        out
    }
}

/// The extra field 0x9901: AE-2, vendor `AE`, AES-256, stored.
const EXTRA: [u8; 11] = [0x01, 0x99, 7, 0, 2, 0, b'A', b'E', 3, 0, 0];
/// Rounds of PBKDF2, fixed by the format. Too few for what people choose, so people do not choose: the password has 120 random bits.
const ROUNDS: u32 = 1000;
/// Bytes of the salt for AES-256.
pub(super) const SALT: usize = 16;
const KEY: usize = 32;
const BLOCK: usize = 16;
const CHECK: usize = 2;
const MAC: usize = 10;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::io::Read;

    use super::*;

    fn archive(name: &str, bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut opened = open(name, bytes.len() as u64, "secret-PASS", *b"0123456789abcdef").unwrap();
        let mut out = opened.head;
        for chunk in bytes.chunks(piece) {
            let mut chunk = chunk.to_vec();
            opened.cipher.apply(&mut chunk);
            out.extend_from_slice(&chunk);
        }
        out.extend_from_slice(&opened.cipher.finish());
        assert_eq!(out.len() as u64, opened.total);
        out
    }

    #[test]
    fn another_implementation_opens_it_with_the_password_and_only_so() {
        let content: Vec<u8> = (0..100_003_u32).map(|number| (number % 251) as u8).collect();
        for piece in [1, 16, 4096, 100_003] {
            let bytes = archive("見積書.xlsm", &content, piece);
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
            let mut read = Vec::new();
            let mut file = zip.by_index_decrypt(0, b"secret-PASS").unwrap();
            assert_eq!(file.name().unwrap(), "見積書.xlsm");
            file.read_to_end(&mut read).unwrap();
            assert!(read == content, "pieces of {piece}");
            drop(file);
            assert!(zip.by_index_decrypt(0, b"secret-PASs").is_err());
        }
        assert!(!archive("a", b"MZ this is no secret", 4).windows(9).any(|part| part == b"this is n"));
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut bytes = archive("a.txt", &[7; 1000], 1000);
        let middle = 30 + 5 + 11 + 18 + 500;
        bytes[middle] ^= 1;
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        let mut file = zip.by_index_decrypt(0, b"secret-PASS").unwrap();
        assert!(file.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn an_empty_file_is_a_file_and_one_too_long_is_none() {
        let bytes = archive("empty", b"", 1);
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        let mut read = Vec::new();
        zip.by_index_decrypt(0, b"secret-PASS").unwrap().read_to_end(&mut read).unwrap();
        assert!(read.is_empty());
        assert!(open("a", u64::from(u32::MAX), "x", [0; SALT]).is_none());
        assert!(open(&"a".repeat(70_000), 1, "x", [0; SALT]).is_none());
    }
}
