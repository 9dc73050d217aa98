//! The headers of tar: one block for each member, and the records that extend it.

use form::Reason;

use super::super::members::Node;
use super::super::names::Name;
use crate::error::Error;

/// Bytes of a header, and what data is padded to.
pub(in super::super) const BLOCK: usize = 512;
pub(super) const BLOCK_BYTES: u64 = 512;

/// What a header stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Member(Node),
    LongName,
    LongLink,
    Pax,
    GlobalPax,
    /// The label of a volume: no member.
    Label,
    /// The rest of a member that began in another archive.
    Volume,
}

pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) size: u64,
    pub(super) modified: Option<i64>,
    pub(super) is_sparse: bool,
    /// The map of a sparse file goes on in the next block.
    pub(super) map_goes_on: bool,
}

/// Whether a file begins with a tar header: its checksum fits, which no other format's first block does.
pub(crate) fn is_header(bytes: &[u8]) -> bool {
    let block: Option<&[u8; BLOCK]> = bytes.first_chunk();
    block.is_some_and(|block| sum_fits(block) && block.first().is_some_and(|byte| *byte != 0))
}

impl Header {
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Header, Error> {
        if !sum_fits(block) {
            return Err(Reason::Malformed.into());
        }
        let field = |from: usize, len: usize| block.get(from..from.saturating_add(len)).unwrap_or_default();
        let flag = field(156, 1).first().copied().unwrap_or_default();
        let size = number(field(124, 12)).ok_or(Reason::Malformed)?;
        let name = until_zero(field(0, 100));
        // The prefix is POSIX's; GNU has other things at its place (access times), as has star behind 131 bytes.
        let prefix = if field(257, 6) == b"ustar\0" { until_zero(field(345, 155)) } else { &[] };
        let prefix = if field(508, 4) == b"tar\0" { prefix.get(..131).unwrap_or(prefix) } else { prefix };
        let name = if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() };
        let kind = match flag {
            0 | b'0' | b'7' | b'S' => Kind::Member(Node::File),
            b'1' => Kind::Member(Node::HardLink),
            b'2' => Kind::Member(Node::Symlink),
            b'5' => Kind::Member(Node::Directory),
            b'L' => Kind::LongName,
            b'K' => Kind::LongLink,
            b'x' | b'X' => Kind::Pax,
            b'g' => Kind::GlobalPax,
            b'V' => Kind::Label,
            b'M' => Kind::Volume,
            // Devices, pipes, and what writers invented.
            _ => Kind::Member(Node::Special),
        };
        let modified = number(field(136, 12)).and_then(|seconds| i64::try_from(seconds).ok());
        let is_sparse = flag == b'S';
        let map_goes_on = is_sparse && map_goes_on(block, MAP_HEADER);
        Ok(Header { kind, name, size, modified, is_sparse, map_goes_on })
    }
}

/// Whether a block of a sparse map (GNU tar manual, "Storing Sparse Files") is followed by another.
pub(super) fn map_goes_on(block: &[u8; BLOCK], at: usize) -> bool {
    block.get(at).is_some_and(|byte| *byte != 0)
}

/// Where a header, and where a block of a map says so.
const MAP_HEADER: usize = 482;
pub(super) const MAP_BLOCK: usize = 504;

/// What extended headers say of the next member.
#[derive(Default)]
pub(super) struct Extended {
    long_name: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    /// The path is bytes of the writer's file system, not UTF-8.
    is_binary: bool,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<i64>,
    pub(super) is_sparse: bool,
    is_used: bool,
}

impl Extended {
    pub(super) fn is_empty(&self) -> bool {
        !self.is_used
    }

    pub(super) fn long_name(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        self.is_used = true;
        let name = until_zero(&bytes).to_vec();
        if self.long_name.replace(name).is_some() { Err(Reason::AmbiguousStructure.into()) } else { Ok(()) }
    }

    pub(super) fn pax(&mut self, records: &[u8]) -> Result<(), Error> {
        self.is_used = true;
        each_record(records, |key, value| {
            let is_new = match key {
                b"path" => self.path.replace(value.to_vec()).is_none(),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    self.size.replace(size.ok_or(Reason::Malformed)?).is_none()
                }
                b"mtime" => {
                    let seconds = value.split(|byte| *byte == b'.').next().unwrap_or(value);
                    self.modified = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok());
                    true
                }
                b"hdrcharset" => {
                    self.is_binary = value == b"BINARY";
                    true
                }
                _ => {
                    self.is_sparse |= key.starts_with(b"GNU.sparse.");
                    true
                }
            };
            if is_new { Ok(()) } else { Err(Reason::AmbiguousStructure.into()) }
        })
    }

    /// Records for all members to come: comments in what git writes. One that gives every member the same name or size would be
    /// read by some and not by others.
    pub(super) fn global(&mut self, records: &[u8]) -> Result<(), Error> {
        each_record(records, |key, _| {
            let is_harmful = matches!(key, b"path" | b"size" | b"linkpath") || key.starts_with(b"GNU.sparse.");
            if is_harmful { Err(Reason::AmbiguousStructure.into()) } else { Ok(()) }
        })
    }

    /// The name that the records give; two of them must be one.
    pub(super) fn name(self) -> Result<Option<Name<'static>>, Error> {
        match (self.path, self.long_name) {
            (Some(path), Some(long)) if path != long => Err(Reason::DirectoryMismatch.into()),
            (Some(path), _) => Ok(Some(match String::from_utf8(path) {
                Ok(text) if !self.is_binary => Name::Known(text.into()),
                Ok(text) => Name::Raw(text.into_bytes().into()),
                Err(error) => Name::Raw(error.into_bytes().into()),
            })),
            (None, Some(long)) => Ok(Some(Name::Raw(long.into()))),
            (None, None) => Ok(None),
        }
    }
}

/// Records of the form "length key=value\n", the length counting itself.
fn each_record(mut records: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Error>) -> Result<(), Error> {
    while !records.is_empty() {
        let space = records.iter().position(|byte| *byte == b' ').ok_or(Reason::Malformed)?;
        let digits = records.get(..space).and_then(|digits| std::str::from_utf8(digits).ok());
        let len: usize = digits.and_then(|digits| digits.parse().ok()).ok_or(Reason::Malformed)?;
        let record = records.get(space.saturating_add(1)..len).ok_or(Reason::Malformed)?;
        let record = record.strip_suffix(b"\n").ok_or(Reason::Malformed)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(Reason::Malformed)?;
        let (key, value) = record.split_at(equals);
        take(key, value.get(1..).unwrap_or_default())?;
        records = records.get(len..).unwrap_or_default();
    }
    Ok(())
}

/// A number in octal, or in base 256 where the first bit says so.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((0x80, rest)) => {
            rest.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(256)?.checked_add((*byte).into()))
        }
        // 0xFF: below zero.
        Some((0x81.., _)) | None => None,
        Some(_) => {
            let text = std::str::from_utf8(until_zero(field)).ok()?.trim_matches(' ');
            if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
        }
    }
}

fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The sum of all bytes, those of the sum itself taken as spaces; early Suns summed signed bytes.
fn sum_fits(block: &[u8; BLOCK]) -> bool {
    let Some(said) = block.get(148..156).and_then(number) else { return false };
    let bytes = || block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    unsigned == said || u64::try_from(signed).is_ok_and(|signed| signed == said)
}
