//! ZIP archives: members to the spill, their names and places to the form.
//!
//! [`directory`] decides whether the archive has one reading only; the `zip` crate must then see the same members, and
//! unpacks most of them. A member that cannot be had (encrypted, packed with a rare method, damaged) is withheld alone; an archive
//! whose structure is in doubt is refused whole.

mod directory;
mod package;

use std::io::{Cursor, Read, Write};

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::{ZipError, ZipResult};
use form::name::MemberPath;
use form::{Limits, Place, Reason, Refusal};

use crate::archive::members::{Listed, members};
use crate::archive::names::Name;
use crate::archive::output::{BUFFER_BYTES, Output, Spill, check_ratio, check_total};
use crate::archive::{bytes, codec};
use crate::archive::{keys, of_key, time};
use crate::error::{Error, size};
use crate::room::Part;
use directory::{Entry, METHOD_DEFLATED, METHOD_STORED};

pub(crate) use directory::{has_end_record, names_for_detection, small_text};
pub(crate) use package::{Package, Packed, part_name};

pub(crate) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let (entries, is_followed) = directory::walk(part.input, limits)?;
    if is_followed {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    let mut archive = second_opinion(part.input, &entries)?;
    let listed: Vec<Listed<'_>> = entries.iter().map(listed).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    let members: Vec<Member<'_, '_>> = named
        .into_iter()
        .filter_map(|member| {
            entries.get(member.index).map(|entry| Member { index: member.index, entry, path: member.path })
        })
        .collect();
    let keys = keys(&part.job.passwords);
    check_claims(&members, &keys, limits)?;
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for member in members {
        let spill = output.spill();
        let refusal = refusal_of(member.entry, &keys);
        let withheld = match refusal.or_else(|| check_memory(member.entry, limits).err()) {
            Some(refusal) => Some(refusal),
            None if member.entry.is_encrypted() => match decrypt(&mut archive, &member, &keys, spill)? {
                Ok(key) => {
                    part.findings.add(Reason::Decrypted, Place::new(&member.path.to_string()));
                    output.opened_by(of_key(&part.job.passwords, key));
                    None
                }
                Err(refusal) => Some(refusal),
            },
            None => unpack_plain(part.input, &mut archive, &member, limits, spill)?,
        };
        output.member(member.path, modified(member.entry), withheld)?;
    }
    output.finish(part.findings)
}

fn listed<'a>(entry: &Entry<'a>) -> Listed<'a> {
    let name = match entry.unicode_name {
        Some(name) => Name::Known(name.into()),
        None if entry.says_utf8() => Name::labelled_utf8(entry.raw_name),
        None => Name::Raw(entry.raw_name.into()),
    };
    Listed { name, node: entry.node, has_data: entry.unpacked > 0 }
}

/// A member that will be a child, with what the archive says of it.
struct Member<'e, 'a> {
    /// Its number in the central directory.
    index: usize,
    entry: &'e Entry<'a>,
    path: MemberPath,
}

/// An independent reader must see the same members at the same places, or programs may differ in what the archive holds.
fn second_opinion<'a>(input: &'a [u8], entries: &[Entry<'_>]) -> Result<ZipArchive<Cursor<&'a [u8]>>, Error> {
    let mut archive = ZipArchive::new(Cursor::new(input)).map_err(|_| Error::from(Reason::AmbiguousStructure))?;
    if archive.len() != entries.len() {
        return Err(Reason::DuplicateMember.into());
    }
    for (index, entry) in entries.iter().enumerate() {
        let other = archive.by_index_raw(index).map_err(|_| Error::from(Reason::AmbiguousStructure))?;
        // The other reader gives the Unicode path field in place of the name; ours has checked it against the name.
        let name = other.name_raw();
        let named_alike =
            name == entry.raw_name || entry.unicode_name.is_some_and(|unicode| name == unicode.as_bytes());
        if !named_alike
            || other.header_start() != entry.header_offset
            || other.compressed_size() != entry.packed
            || other.size() != entry.unpacked
            || other.crc32() != entry.crc
        {
            return Err(Reason::AmbiguousStructure.into());
        }
    }
    Ok(archive)
}

/// What the members say of their sizes is enough to refuse a bomb before a byte of it is unpacked.
fn check_claims(members: &[Member<'_, '_>], keys: &[Vec<u8>], limits: &Limits) -> Result<(), Error> {
    let unpacked = || members.iter().map(|member| member.entry).filter(|entry| refusal_of(entry, keys).is_none());
    for entry in unpacked() {
        check_ratio(entry.unpacked, entry.packed, limits.ratio.into())?;
    }
    check_total(unpacked().map(|entry| entry.unpacked), limits)
}

/// Why a member is not unpacked, as far as its header says; a method that is not read is named.
fn refusal_of(entry: &Entry<'_>, keys: &[Vec<u8>]) -> Option<Refusal> {
    entry.node.refusal().map(Refusal::plain).or_else(|| match entry.method {
        _ if entry.is_encrypted() => keys.is_empty().then_some(Reason::Encrypted.into()),
        METHOD_STORED | METHOD_DEFLATED | METHOD_DEFLATE64 | METHOD_BZIP2 | METHOD_PPMD => None,
        METHOD_LZMA | METHOD_ZSTD | METHOD_ZSTD_EARLY | METHOD_XZ => None,
        METHOD_SHRUNK..=METHOD_REDUCED_4 | METHOD_IMPLODED => None,
        other => Some(Refusal::limit(Reason::UnsupportedMethod, 0, other.into())),
    })
}

/// Refuses a member of a method that keeps all that it has unpacked, where that is more than allowed. The methods were given up in 1993, when a
/// file had to fit on a few disks.
fn check_memory(entry: &Entry<'_>, limits: &Limits) -> Result<(), Refusal> {
    match entry.method {
        METHOD_SHRUNK..=METHOD_REDUCED_4 | METHOD_IMPLODED => codec::check_window(entry.unpacked, limits),
        _ => Ok(()),
    }
}

/// Writes a member that needs no password to the spill. The methods with a window that the archive chooses are unpacked here,
/// where the window is bounded.
fn unpack_plain(
    input: &[u8],
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    member: &Member<'_, '_>,
    limits: &Limits,
    spill: &mut Spill<'_>,
) -> Result<Option<Refusal>, Error> {
    let entry = member.entry;
    let packed = bytes::range(input, &entry.data).ok_or(Reason::Malformed)?;
    let data: Box<dyn Read> = match entry.method {
        METHOD_LZMA => match codec::zip_lzma(packed, entry.unpacked, limits) {
            Ok(data) => data,
            Err(refusal) => return Ok(Some(refusal)),
        },
        METHOD_ZSTD | METHOD_ZSTD_EARLY => Box::new(codec::Stream::new(codec::Codec::Zstd, packed, limits)),
        METHOD_XZ => Box::new(codec::Stream::new(codec::Codec::Xz, packed, limits)),
        _ => return unpack(archive.by_index(member.index), member, spill),
    };
    let mut data = codec::Summed::new(data);
    let withheld = spill.copy(&mut data, entry.unpacked, entry.packed)?;
    let damaged = withheld.is_none() && data.sum() != entry.crc;
    Ok(if damaged { Some(Reason::Malformed.into()) } else { withheld })
}

/// Writes a member to the spill.
fn unpack<R: Read + ?Sized>(
    data: ZipResult<ZipFile<'_, R>>,
    member: &Member<'_, '_>,
    spill: &mut Spill<'_>,
) -> Result<Option<Refusal>, Error> {
    match data {
        Ok(mut data) => spill.copy(&mut data, member.entry.unpacked, member.entry.packed),
        Err(ZipError::UnsupportedArchive(_)) => Ok(Some(Reason::UnsupportedMethod.into())),
        Err(_) => Ok(Some(Reason::Malformed.into())),
    }
}

/// Tries each password until one gives the whole member. The old encryption checks a password by one byte, so one of 256
/// wrong ones passes; only a member that unpacks and has its checksum has been decrypted. Each is tried out first:
/// what a wrong one gives must neither use up the spill nor look like a bomb.
fn decrypt<'k>(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    member: &Member<'_, '_>,
    keys: &'k [Vec<u8>],
    spill: &mut Spill<'_>,
) -> Result<Result<&'k [u8], Refusal>, Error> {
    for key in keys {
        let data = archive.by_index_decrypt(member.index, key);
        if let Err(ZipError::UnsupportedArchive(_)) = data {
            return Ok(Err(Reason::UnsupportedMethod.into()));
        }
        if !is_whole(data, member) {
            continue;
        }
        // It is the one: now what it gives is kept, and the limits count.
        let data = archive.by_index_decrypt(member.index, key);
        if unpack(data, member, spill)?.is_none() {
            return Ok(Ok(key.as_slice()));
        }
    }
    Ok(Err(Reason::WrongPassword.into()))
}

/// Whether the bytes are those that the archive says it packed; reads not one more than those.
fn is_whole<R: Read + ?Sized>(data: ZipResult<ZipFile<'_, R>>, member: &Member<'_, '_>) -> bool {
    let Ok(mut data) = data else { return false };
    let mut buffer = [0; BUFFER_BYTES];
    let mut unpacked = 0_u64;
    while unpacked <= member.entry.unpacked {
        match data.read(&mut buffer) {
            // The reader has compared the checksum.
            Ok(0) => return unpacked == member.entry.unpacked,
            Ok(len) => unpacked = unpacked.saturating_add(size(len)),
            Err(_) => return false,
        }
    }
    false
}

/// When the member was last changed.
fn modified(entry: &Entry<'_>) -> Option<i64> {
    entry.unix_time.or_else(|| time::from_dos(entry.dos_date, entry.dos_time))
}

/// APPNOTE 5.1 to 5.3: what PKZIP packed with before version 2.
const METHOD_SHRUNK: u16 = 1;
const METHOD_REDUCED_4: u16 = 5;
const METHOD_IMPLODED: u16 = 6;
const METHOD_DEFLATE64: u16 = 9;
const METHOD_BZIP2: u16 = 12;
const METHOD_LZMA: u16 = 14;
/// The number that zstd had before APPNOTE 6.3.8.
const METHOD_ZSTD_EARLY: u16 = 20;
const METHOD_ZSTD: u16 = 93;
const METHOD_XZ: u16 = 95;
/// Its memory is at most 256 MiB by its format.
const METHOD_PPMD: u16 = 98;
