//! Passwords of RAR: which of those that are known opens an archive, and what finding that out may cost.

use std::cmp::Ordering;
use std::io;

use form::{Limits, Reason};
use rars::{Archive, ArchiveMember, ArchiveReader, ErrorKind, ExtractionDecision};

use super::super::bytes::Fields;
use super::{has_data, is_solid, options, reason};
use crate::error::{Error, within};

/// The archive, and the key that opened its list where that is encrypted.
pub(super) fn open(input: &[u8], keys: &[Vec<u8>], limits: &Limits) -> Result<(Archive, Option<Vec<u8>>), Error> {
    let read = |key: Option<&[u8]>| ArchiveReader::read_with_options(input, options(key, limits));
    let error = match read(None) {
        Ok(archive) => return Ok((archive, None)),
        Err(error) => error,
    };
    if error.kind() != ErrorKind::PasswordRequired {
        return Err(reason(&error, limits).into());
    }
    if keys.is_empty() {
        return Err(Reason::Encrypted.into());
    }
    if let Some(power) = header_rounds(input) {
        check_power(power)?;
    }
    let opened = keys.iter().find_map(|key| read(Some(key)).ok().map(|archive| (archive, Some(key.clone()))));
    opened.ok_or(Reason::WrongPassword.into())
}

/// The archive opened with the key of its first encrypted member with data: what comes out has its checksum.
pub(super) fn member_key(
    input: &[u8],
    archive: &Archive,
    entries: &[ArchiveMember],
    keys: &[Vec<u8>],
    limits: &Limits,
) -> Result<Option<(Archive, Vec<u8>)>, Error> {
    if keys.is_empty() {
        return Ok(None);
    }
    // Keys take long to make: what they cost is asked before the first is tried.
    check_rounds(archive)?;
    Ok(keys.iter().find_map(|key| opens(input, key, entries, limits).map(|archive| (archive, key.clone()))))
}

fn opens(input: &[u8], key: &[u8], entries: &[ArchiveMember], limits: &Limits) -> Option<Archive> {
    let target = entries.iter().position(|entry| entry.meta.is_encrypted && has_data(entry))?;
    let archive = ArchiveReader::read_with_options(input, options(Some(key), limits)).ok()?;
    let is_solid = is_solid(&archive);
    let mut at = 0_usize;
    let tried = archive.extract_with_control(options(Some(key), limits), |entry| {
        let this = at;
        at = at.saturating_add(1);
        Ok(match this.cmp(&target) {
            Ordering::Greater => ExtractionDecision::Stop,
            Ordering::Less if !is_solid || !has_data(entry) => ExtractionDecision::Skip,
            Ordering::Less | Ordering::Equal => ExtractionDecision::Extract(Box::new(io::sink())),
        })
    });
    tried.is_ok().then_some(archive)
}

/// Refuses keys that take too many rounds to make (RAR 5 says the power of two in each member).
fn check_rounds(archive: &Archive) -> Result<(), Error> {
    let Archive::Rar50Plus(archive) = archive else { return Ok(()) };
    let powers = archive.files().filter_map(|file| file.encryption.as_ref()).map(|encryption| encryption.kdf_count);
    powers.max().map_or(Ok(()), check_power)
}

fn check_power(power: u8) -> Result<(), Error> {
    let rounds = |power: u8| 1_u64.checked_shl(power.into()).unwrap_or(u64::MAX);
    within(Reason::LimitKeyRounds, rounds(MOST_ROUNDS_POWER), rounds(power))
}

/// The power that the header of an archive with encrypted headers says (RAR 5.0 archive format, "Archive encryption header").
fn header_rounds(input: &[u8]) -> Option<u8> {
    let mut fields = Fields::new(input.strip_prefix(b"Rar!\x1a\x07\x01\x00")?);
    fields.take(4)?;
    let (_len, kind, _flags) = (vint(&mut fields)?, vint(&mut fields)?, vint(&mut fields)?);
    let (_version, _flags) = (vint(&mut fields)?, vint(&mut fields)?);
    fields.u8().filter(|_| kind == 4)
}

fn vint(fields: &mut Fields<'_>) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63_u32).step_by(7) {
        let byte = fields.u8()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// RAR makes keys with 2^15 rounds.
const MOST_ROUNDS_POWER: u8 = 20;
