//! A ZIP as a package of parts (ECMA-376 part 2): parts are found by name and read as streams, and what the directory says of
//! them is held against what comes.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};

use flate2::bufread::DeflateDecoder;
use form::{Limits, Reason, percent};

use super::directory::{self, METHOD_DEFLATED, METHOD_STORED, Node};
use super::second_opinion;
use crate::archive::bytes;
use crate::error::{Error, size, within};

/// The parts of a package by name.
pub(crate) struct Package<'a> {
    input: &'a [u8],
    members: HashMap<String, Member>,
    limits: &'a Limits,
    /// Bytes of the parts that were opened, as they say of themselves.
    opened: Cell<u64>,
    is_followed: bool,
}

/// What [`Package::as_packed`] gives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Packed<'a> {
    data: &'a [u8],
    method: u16,
    unpacked: u64,
    crc: u32,
}

struct Member {
    start: u64,
    packed: u64,
    unpacked: u64,
    method: u16,
    crc: u32,
    is_encrypted: bool,
}

impl<'a> Package<'a> {
    /// Reads the directory, which must have one reading only. There may be as many members as an Office document may have parts.
    pub(crate) fn open(input: &'a [u8], limits: &'a Limits) -> Result<Package<'a>, Error> {
        let own = Limits { parts: limits.parts.max(limits.office_parts), ..limits.clone() };
        let (entries, is_followed) = directory::walk(input, &own)?;
        second_opinion(input, &entries)?;
        let mut members = HashMap::new();
        for entry in &entries {
            match entry.node {
                Node::File => {}
                Node::Directory => continue,
                Node::Symlink => return Err(Reason::SymlinkMember.into()),
                Node::Special | Node::HardLink => return Err(Reason::SpecialMember.into()),
            }
            let raw = entry.unicode_name.map_or_else(|| String::from_utf8_lossy(entry.raw_name), Into::into);
            let name = part_name(&raw).ok_or(Reason::ZipSlip)?;
            let member = Member {
                start: entry.data.start,
                packed: entry.packed,
                unpacked: entry.unpacked,
                method: entry.method,
                crc: entry.crc,
                is_encrypted: entry.is_encrypted(),
            };
            if members.insert(name, member).is_some() {
                return Err(Reason::DuplicateMember.into());
            }
        }
        Ok(Package { input, members, limits, opened: Cell::new(0), is_followed })
    }

    /// Whether bytes follow the package.
    pub(crate) fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Whether there is a part of that name, as [`part_name`] gives it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The bytes that a part says it has.
    pub(crate) fn part_bytes(&self, name: &str) -> u64 {
        self.members.get(name).map_or(0, |member| member.unpacked)
    }

    /// A part as it is packed and what is said of it: parts of which this is the same are the same.
    pub(crate) fn as_packed(&self, name: &str) -> Option<Packed<'a>> {
        let member = self.members.get(name).filter(|member| !member.is_encrypted)?;
        let data = bytes::slice(self.input, member.start, member.packed)?;
        Some(Packed { data, method: member.method, unpacked: member.unpacked, crc: member.crc })
    }

    /// Opens a part; nothing where there is none.
    pub(crate) fn part(&self, name: &str) -> Result<Option<PartReader<'a>>, Error> {
        let Some(member) = self.members.get(name) else { return Ok(None) };
        if member.is_encrypted {
            return Err(Reason::Encrypted.into());
        }
        self.opened.set(self.opened.get().saturating_add(member.unpacked));
        within(Reason::LimitTotalBytes, self.limits.total_bytes, self.opened.get())?;
        if member.unpacked > RATIO_FREE_BYTES {
            let ratio = member.unpacked.div_ceil(member.packed.max(1));
            within(Reason::LimitRatio, self.limits.ratio.into(), ratio)?;
        }
        let packed = bytes::slice(self.input, member.start, member.packed).ok_or(Reason::Malformed)?;
        let data = match member.method {
            METHOD_STORED => Data::Stored(packed),
            METHOD_DEFLATED => Data::Deflated(Box::new(DeflateDecoder::new(packed))),
            _ => return Err(Reason::UnsupportedType.into()),
        };
        Ok(Some(PartReader {
            data,
            left: member.unpacked,
            packed: member.packed,
            crc: flate2::Crc::new(),
            sum: member.crc,
        }))
    }

    /// All bytes of a part, of which there may be `most`.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        within(Reason::LimitTotalBytes, most, self.part_bytes(name))?;
        let Some(mut reader) = self.part(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|_| Error::from(Reason::Malformed))?;
        Ok(Some(bytes))
    }
}

/// A part's name as the package finds it: names are compared without case (ECMA-376 part 2, section 6.2.2.3), makers on Windows
/// have written `\`, and what stands in relationships may be percent-encoded. Nothing for a name that leads out of the package.
pub(crate) fn part_name(raw: &str) -> Option<String> {
    let meant = String::from_utf8(percent::decoded(raw));
    let plain = meant.as_deref().unwrap_or(raw).replace('\\', "/").to_lowercase();
    let leads_out = plain.starts_with('/') || plain.split('/').any(|segment| segment == ".." || segment.contains('\0'));
    (!leads_out && !plain.is_empty()).then_some(plain)
}

/// The bytes of a part. Reading fails where they are not as many, or not those, that the directory says.
pub(crate) struct PartReader<'a> {
    data: Data<'a>,
    left: u64,
    packed: u64,
    crc: flate2::Crc,
    sum: u32,
}

enum Data<'a> {
    Stored(&'a [u8]),
    Deflated(Box<DeflateDecoder<&'a [u8]>>),
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let len = match &mut self.data {
            Data::Stored(rest) => rest.read(buffer)?,
            Data::Deflated(decoder) => decoder.read(buffer)?,
        };
        self.left = self.left.checked_sub(size(len)).ok_or_else(broken)?;
        self.crc.update(buffer.get(..len).unwrap_or_default());
        if len == 0 && !buffer.is_empty() {
            let all_used = match &self.data {
                Data::Stored(rest) => rest.is_empty(),
                Data::Deflated(decoder) => decoder.total_in() == self.packed,
            };
            if self.left != 0 || self.crc.sum() != self.sum || !all_used {
                return Err(broken());
            }
        }
        Ok(len)
    }
}

/// Below this a part may shrink as far as it likes. More than in an archive, because drawings of blank paper in bitmaps shrink a
/// thousandfold honestly, and a part is only read as what it is: it goes nowhere, and what all parts hold together is bounded.
const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::part_name;

    #[test]
    fn names_are_alike_whatever_their_case_and_slashes() {
        let table = [
            ("word/Document.xml", Some("word/document.xml")),
            ("WORD\\document.xml", Some("word/document.xml")),
            ("xl/%E3%81%82%20b.xml", Some("xl/あ b.xml")),
            ("xl/100%.xml", Some("xl/100%.xml")),
            ("/word/document.xml", None),
            ("word/../../etc/passwd", None),
            ("word/%2e%2e/x", None),
            ("", None),
        ];
        for (raw, expected) in table {
            assert_eq!(part_name(raw).as_deref(), expected, "{raw}");
        }
    }
}
