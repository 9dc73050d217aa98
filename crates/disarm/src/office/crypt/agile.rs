//! Agile encryption ([MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.15), as Office 2010 and later write it: an XML description, AES chained
//! within segments, a key of the package that each password or certificate encrypts, and a code over the whole.

use form::Reason;

use super::cipher::{Aes, BLOCK};
use super::hash::Hash;
use crate::error::Error;
use crate::mail::transfer::base64;
use crate::office::xml::{Piece, small};

/// The description of a package.
pub(super) struct Agile {
    data: Scheme,
    /// The key of the code and the code, both encrypted. The schema lets it be absent.
    integrity: Option<(Vec<u8>, Vec<u8>)>,
    password: Scheme,
    spins: u32,
    verifier: Vec<u8>,
    verifier_hash: Vec<u8>,
    key: Vec<u8>,
}

/// With what something is encrypted.
struct Scheme {
    hash: Hash,
    key_bytes: usize,
    salt: Vec<u8>,
}

impl Agile {
    /// Reads what stands behind the version.
    pub(super) fn parse(info: &[u8]) -> Result<Agile, Error> {
        let Some((RESERVED, xml)) = info.split_first_chunk() else {
            return Err(Reason::Malformed.into());
        };
        let (mut data, mut integrity, mut password) = (Found::default(), Found::default(), Found::default());
        let mut is_for_password = false;
        small(xml, |piece| match piece {
            Piece::Begin("keyData", attributes) => data.add(attributes),
            Piece::Begin("dataIntegrity", attributes) => integrity.add(attributes),
            Piece::Begin("keyEncryptor", attributes) => {
                is_for_password = attributes.iter().any(|(name, value)| name == "uri" && value == FOR_PASSWORD);
            }
            Piece::Begin("encryptedKey", attributes) if is_for_password => password.add(attributes),
            Piece::Begin(..) | Piece::Text(_) | Piece::End => {}
        })?;
        let data = data.one()?.ok_or(Reason::Malformed)?;
        // Without one the package is for those who have certain certificates, and no password opens it.
        let password = password.one()?.ok_or(Reason::Encrypted)?;
        let integrity = match integrity.one()? {
            Some(found) => Some((found.bytes("encryptedHmacKey")?, found.bytes("encryptedHmacValue")?)),
            None => None,
        };
        Ok(Agile {
            data: data.scheme()?,
            integrity,
            password: password.scheme()?,
            spins: password.number("spinCount", MAX_SPINS)?,
            verifier: password.bytes("encryptedVerifierHashInput")?,
            verifier_hash: password.bytes("encryptedVerifierHashValue")?,
            key: password.bytes("encryptedKeyValue")?,
        })
    }

    /// How often trying one password hashes.
    pub(super) fn spins(&self) -> u32 {
        self.spins
    }

    /// The key of the package, where `password` (UTF-16LE) is the right one (2.3.4.11 and 2.3.4.13).
    pub(super) fn key(&self, password: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let scheme = &self.password;
        let spun = scheme.hash.spun(&scheme.salt, password, self.spins);
        let decrypt = |purpose: &[u8], data: &[u8], len: usize| {
            let key = fitted(scheme.hash.of(&[&spun, purpose]), scheme.key_bytes);
            decrypted(&key, block(&scheme.salt), data, len)
        };
        let verifier = decrypt(&VERIFIER, &self.verifier, scheme.salt.len())?;
        let hash = decrypt(&VERIFIER_HASH, &self.verifier_hash, scheme.hash.len())?;
        if scheme.hash.of(&[&verifier]) != hash {
            return Ok(None);
        }
        decrypt(&KEY, &self.key, self.data.key_bytes).map(Some)
    }

    /// Refuses a stream whose code is not the one that was written (2.3.4.14).
    pub(super) fn check(&self, key: &[u8], stream: &[u8]) -> Result<(), Error> {
        let Some((code_key, code)) = &self.integrity else { return Ok(()) };
        let Scheme { hash, salt, .. } = &self.data;
        let decrypt = |purpose: &[u8], data: &[u8]| decrypted(key, block(&hash.of(&[salt, purpose])), data, hash.len());
        let is_whole = hash.is_code(&decrypt(&CODE_KEY, code_key)?, stream, &decrypt(&CODE, code)?);
        if is_whole { Ok(()) } else { Err(Reason::Malformed.into()) }
    }

    /// Decrypts whole blocks of the package (2.3.4.15).
    pub(super) fn decrypt(&self, key: &[u8], blocks: &mut [u8]) -> Result<(), Error> {
        let aes = Aes::new(key).ok_or(Reason::Malformed)?;
        for (number, segment) in (0_u32..).zip(blocks.chunks_mut(SEGMENT)) {
            aes.chained(block(&self.data.hash.of(&[&self.data.salt, &number.to_le_bytes()])), segment);
        }
        Ok(())
    }
}

/// Attributes of the elements of one name.
#[derive(Default)]
struct Found(Vec<Vec<(String, String)>>);

struct Attributes(Vec<(String, String)>);

impl Found {
    fn add(&mut self, attributes: &[(String, String)]) {
        // Two are refused, whatever the others say.
        if self.0.len() < 2 {
            self.0.push(attributes.to_vec());
        }
    }

    fn one(mut self) -> Result<Option<Attributes>, Error> {
        match self.0.len() {
            0 | 1 => Ok(self.0.pop().map(Attributes)),
            _ => Err(Reason::AmbiguousStructure.into()),
        }
    }
}

impl Attributes {
    fn text(&self, name: &str) -> Result<&str, Error> {
        let mut found = self.0.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(Reason::Malformed.into()),
        }
    }

    fn number(&self, name: &str, most: u32) -> Result<u32, Error> {
        let number = self.text(name)?.parse().ok().filter(|number| *number <= most);
        number.ok_or_else(|| Reason::Malformed.into())
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let deviation = base64(self.text(name)?.as_bytes(), |piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), Error>(())
        })?;
        if deviation.is_clean() { Ok(bytes) } else { Err(Reason::Malformed.into()) }
    }

    fn scheme(&self) -> Result<Scheme, Error> {
        let unsupported = Error::from(Reason::UnsupportedType);
        let (cipher, chaining) = (self.text("cipherAlgorithm")?, self.text("cipherChaining")?);
        let Some(hash) = Hash::named(self.text("hashAlgorithm")?) else { return Err(unsupported) };
        if cipher != "AES" || chaining != "ChainingModeCBC" {
            return Err(unsupported);
        }
        let key_bytes = match self.number("keyBits", u32::MAX)? {
            128 => 16,
            192 => 24,
            256 => 32,
            _ => return Err(unsupported),
        };
        let salt = self.bytes("saltValue")?;
        let is =
            |name: &str, len: usize| Ok::<bool, Error>(usize::try_from(self.number(name, MAX_SIZE)?).ok() == Some(len));
        if salt.is_empty() || !is("saltSize", salt.len())? || !is("blockSize", BLOCK)? || !is("hashSize", hash.len())? {
            return Err(Reason::Malformed.into());
        }
        Ok(Scheme { hash, key_bytes, salt })
    }
}

/// The first `len` bytes of what `data` decrypts into.
fn decrypted(key: &[u8], start: [u8; BLOCK], data: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    let aes = Aes::new(key).ok_or(Reason::Malformed)?;
    if data.len() < len || !data.len().is_multiple_of(BLOCK) {
        return Err(Reason::Malformed.into());
    }
    let mut data = data.to_vec();
    aes.chained(start, &mut data);
    data.truncate(len);
    Ok(data)
}

/// Cut to a length, or filled up as the standard says.
fn fitted(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    bytes.resize(len, FILLER);
    bytes
}

/// The same for the start of a chain.
fn block(bytes: &[u8]) -> [u8; BLOCK] {
    let mut block = [FILLER; BLOCK];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    block
}

const FILLER: u8 = 0x36;
const RESERVED: &[u8; 4] = &[0x40, 0, 0, 0];
const FOR_PASSWORD: &str = "http://schemas.microsoft.com/office/2006/keyEncryptor/password";
/// Bytes that are encrypted as one.
const SEGMENT: usize = 4096;
/// The most that `ST_SpinCount` lets a file have.
const MAX_SPINS: u32 = 10_000_000;
/// The most that `ST_SaltSize` and `ST_HashSize` let a file have.
const MAX_SIZE: u32 = 65_536;
/// What is hashed with a password for each purpose (2.3.4.13).
const VERIFIER: [u8; 8] = [0xFE, 0xA7, 0xD2, 0x76, 0x3B, 0x4B, 0x9E, 0x79];
const VERIFIER_HASH: [u8; 8] = [0xD7, 0xAA, 0x0F, 0x6D, 0x30, 0x61, 0x34, 0x4E];
const KEY: [u8; 8] = [0x14, 0x6E, 0x0B, 0xE7, 0xAB, 0xAC, 0xD0, 0xD6];
/// And with the salt of the package (2.3.4.14).
const CODE_KEY: [u8; 8] = [0x5F, 0xB2, 0xAD, 0x01, 0x0C, 0xB9, 0xE1, 0xF6];
const CODE: [u8; 8] = [0xA0, 0x67, 0x7F, 0x02, 0xB2, 0x2C, 0x84, 0x33];
