//! Office documents behind a password ([MS-OFFCRYPTO] 2.3.4): a compound file of which one stream is the encrypted package and
//! another says how it was encrypted, in one of two ways, [`standard`] and [`agile`].
//!
//! Whether a password is right is told by the verifier that the file has for that, never by what comes out.

mod agile;
mod cipher;
mod hash;
mod legacy;
mod standard;

use form::job::Password;
use form::{Limits, Reason};

use crate::compound::Compound;
use crate::error::{Error, size, within};
use agile::Agile;
pub(crate) use legacy::is_encrypted;
use standard::Standard;

/// An encrypted document that was opened.
pub(crate) struct Unsealed {
    /// The document.
    pub(crate) package: Vec<u8>,
    /// The place of the password that opened it; none for Excel's own.
    pub(crate) password: Option<usize>,
}

/// The package of an encrypted document, opened with Excel's own password or with the first of `passwords` that fits.
///
/// Refusals: `Encrypted` where no password was given, or where none would help (documents for readers with certain certificates
/// or accounts); `WrongPassword`; `UnsupportedType` where the algorithm is none that office programs write; `Malformed` and
/// `AmbiguousStructure`, also for a package that was changed after it was encrypted; `LimitTotalBytes`; `LimitTime` where trying
/// the passwords costs too much.
pub(crate) fn open(input: &[u8], passwords: &[Password], limits: &Limits) -> Result<Unsealed, Error> {
    let file = Compound::open(input)?;
    let info = file.stream("EncryptionInfo", MAX_INFO_BYTES)?;
    // Rights management keeps the key on a server and has no such stream ([MS-OFFCRYPTO] 2.2).
    let scheme = Scheme::parse(&info.ok_or(Reason::Encrypted)?)?;
    let mut spins_left = MAX_SPINS_IN_ALL;
    let default = Password::new(EXCELS_OWN);
    let numbered = passwords.iter().enumerate().map(|(index, password)| (Some(index), password));
    for (index, password) in default.iter().map(|own| (None, own)).chain(numbered) {
        spins_left = spins_left.checked_sub(scheme.spins()).ok_or(Reason::LimitTime)?;
        if let Some(key) = scheme.key(&utf16(password.reveal()))? {
            let package = file.stream("EncryptedPackage", size(input.len()))?.ok_or(Reason::Malformed)?;
            return Ok(Unsealed { package: scheme.package(&key, package, limits)?, password: index });
        }
    }
    Err(if passwords.is_empty() { Reason::Encrypted } else { Reason::WrongPassword }.into())
}

/// How a package is encrypted.
enum Scheme {
    Standard(Standard),
    Agile(Agile),
}

impl Scheme {
    /// Tells the ways apart by the version at the beginning ([MS-OFFCRYPTO] 2.1.4).
    fn parse(info: &[u8]) -> Result<Scheme, Error> {
        let (version, rest) = info.split_first_chunk::<4>().ok_or(Reason::Malformed)?;
        match version {
            [4, 0, 4, 0] => Ok(Scheme::Agile(Agile::parse(rest)?)),
            [2..=4, 0, 2, 0] => Ok(Scheme::Standard(Standard::parse(rest).ok_or(Reason::Malformed)??)),
            // Extensible encryption (minor version 3) names modules of other makers.
            _ => Err(Reason::UnsupportedType.into()),
        }
    }

    /// How often trying one password hashes.
    fn spins(&self) -> u32 {
        match self {
            Scheme::Standard(_) => standard::SPINS,
            Scheme::Agile(agile) => agile.spins(),
        }
    }

    /// The key of the package, where `password` (UTF-16LE) is the right one.
    fn key(&self, password: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Scheme::Standard(standard) => standard.key(password),
            Scheme::Agile(agile) => agile.key(password),
        }
    }

    /// Decrypts the stream of the package: its length in eight bytes, then whole blocks.
    fn package(&self, key: &[u8], mut stream: Vec<u8>, limits: &Limits) -> Result<Vec<u8>, Error> {
        if let Scheme::Agile(agile) = self {
            agile.check(key, &stream)?;
        }
        let len = u64::from_le_bytes(*stream.first_chunk().ok_or(Reason::Malformed)?);
        within(Reason::LimitTotalBytes, limits.total_bytes, len)?;
        stream.drain(..8);
        let len = usize::try_from(len).map_err(|_| Reason::Malformed)?;
        // Writers may fill the stream up beyond the last block.
        let blocks = len.checked_next_multiple_of(cipher::BLOCK).ok_or(Reason::Malformed)?;
        if blocks > stream.len() {
            return Err(Reason::Malformed.into());
        }
        stream.truncate(blocks);
        match self {
            Scheme::Standard(_) => standard::decrypt(key, &mut stream)?,
            Scheme::Agile(agile) => agile.decrypt(key, &mut stream)?,
        }
        stream.truncate(len);
        Ok(stream)
    }
}

fn utf16(password: &str) -> Vec<u8> {
    password.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The password that Excel gives a workbook which is only protected against changes, so that it opens without one being asked
/// for ([MS-OFFCRYPTO] appendix, note on section 2.2.10 of [MS-XLS]).
const EXCELS_OWN: &str = "VelvetSweatshop";
/// Descriptions are of some thousand bytes; those for many certificates grow.
const MAX_INFO_BYTES: u64 = 1024 * 1024;
/// Rounds of hashing for all passwords together: some ten seconds of a minute that a room has. Files have 50,000 or 100,000 for one.
const MAX_SPINS_IN_ALL: u32 = 20_000_000;
