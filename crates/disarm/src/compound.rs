//! Streams of a compound file ([MS-CFB]): by name, wherever they stand or in the root storage only.
//!
//! Every chain is followed for as many sectors as the stream has by its length, and no stream is longer than the file; so a chain
//! that runs in a circle ends, and nothing is reserved that the file does not have.

use std::collections::BTreeSet;

use form::Reason;

use crate::error::{Error, size, within};

/// A compound file whose header makes sense.
pub(crate) struct Compound<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    is_version_3: bool,
    /// The sectors that hold the allocation table.
    tables: Vec<u32>,
    directory: Vec<u8>,
}

impl<'a> Compound<'a> {
    /// Reads the header, where the allocation table stands, and the directory.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Compound<'a>, Error> {
        read(bytes).ok_or_else(|| Reason::Malformed.into())
    }

    /// A stream by its name; `None` where there is none, a refusal where there are two or where it is longer than `limit`.
    pub(crate) fn stream(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.only(self.directory.chunks_exact(ENTRY_BYTES), name, limit)
    }

    /// A stream that stands in the root storage, as [`stream`](Self::stream) gives it. A document embeds others with streams of the same names
    /// in storages of their own.
    pub(crate) fn root_stream(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        self.only(self.root().into_iter(), name, limit)
    }

    /// The one stream of that name among some entries.
    fn only<'e>(
        &self,
        entries: impl Iterator<Item = &'e [u8]>,
        name: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut found = entries.filter(|entry| is_stream(entry, name));
        let Some(entry) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Reason::AmbiguousStructure.into());
        }
        let (start, len) = self.extent(entry).ok_or(Reason::Malformed)?;
        within(Reason::LimitTotalBytes, limit, len)?;
        let stream = if len < MINI_CUTOFF { self.small(start, len) } else { self.chain(start, len) };
        Ok(Some(stream.ok_or(Reason::Malformed)?))
    }

    /// The first bytes of the first stream of that name, at most as many as are asked for: of the document's own before those of one that it
    /// embeds.
    pub(crate) fn head(&self, name: &str, bytes: usize) -> Option<Vec<u8>> {
        let mut all = self.root().into_iter().chain(self.directory.chunks_exact(ENTRY_BYTES));
        let entry = all.find(|entry| is_stream(entry, name))?;
        let (start, len) = self.extent(entry)?;
        let mut head =
            if len < MINI_CUTOFF { self.small(start, len)? } else { self.chain(start, len.min(size(bytes)))? };
        head.truncate(bytes);
        Some(head)
    }

    /// The entries of the root storage, which are a tree ([MS-CFB] 2.6.4); each is met once, whatever the file says.
    fn root(&self) -> Vec<&[u8]> {
        let entry = |number: u32| {
            let at = usize::try_from(number).ok()?.checked_mul(ENTRY_BYTES)?;
            self.directory.get(at..at.checked_add(ENTRY_BYTES)?)
        };
        let mut open: Vec<u32> = entry(0).and_then(|root| u32_at(root, 76)).into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        while let Some(number) = open.pop() {
            let Some(entry) = entry(number).filter(|_| seen.insert(number)) else { continue };
            open.extend([68, 72].iter().filter_map(|at| u32_at(entry, *at)));
            found.push(entry);
        }
        found
    }

    /// Where a stream begins and how long it is.
    fn extent(&self, entry: &[u8]) -> Option<(u32, u64)> {
        let len = u64_at(entry, 120)?;
        // The upper half means nothing in version 3, and some writers leave anything there ([MS-CFB] 2.6.1).
        let len = if self.is_version_3 { len & u64::from(u32::MAX) } else { len };
        Some((u32_at(entry, 116)?, len))
    }

    /// A stream of whole sectors.
    fn chain(&self, start: u32, len: u64) -> Option<Vec<u8>> {
        if len > size(self.bytes.len()) {
            return None;
        }
        let len = usize::try_from(len).ok()?;
        let mut stream = Vec::with_capacity(len);
        let mut sector = start;
        while stream.len() < len {
            let wanted = self.sector_bytes.min(len.checked_sub(stream.len())?);
            stream.extend_from_slice(sector_of(self.bytes, self.sector_bytes, sector, wanted)?);
            if stream.len() < len {
                sector = self.next(sector)?;
            }
        }
        Some(stream)
    }

    /// A short stream, which shares sectors with others: its pieces stand in a stream of the root, with a table of their own.
    fn small(&self, start: u32, len: u64) -> Option<Vec<u8>> {
        let (first, all) = self.extent(self.directory.get(..ENTRY_BYTES)?)?;
        let pieces = self.chain(first, all)?;
        let tables = u64::from(u32_at(self.bytes, 0x40)?).checked_mul(size(self.sector_bytes))?;
        let table = self.chain(u32_at(self.bytes, 0x3C)?, tables)?;
        let len = usize::try_from(len).ok()?;
        let mut stream = Vec::with_capacity(len);
        let mut piece = start;
        while stream.len() < len {
            let wanted = MINI_BYTES.min(len.checked_sub(stream.len())?);
            let at = usize::try_from(piece).ok()?.checked_mul(MINI_BYTES)?;
            stream.extend_from_slice(pieces.get(at..at.checked_add(wanted)?)?);
            if stream.len() < len {
                piece = u32_at(&table, usize::try_from(piece).ok()?.checked_mul(4)?)?;
            }
        }
        Some(stream)
    }

    /// The sector after one.
    fn next(&self, sector: u32) -> Option<u32> {
        let (sector, per_table) = (usize::try_from(sector).ok()?, self.sector_bytes.checked_div(4)?);
        let table = *self.tables.get(sector.checked_div(per_table)?)?;
        let at = sector.checked_rem(per_table)?.checked_mul(4)?;
        u32_at(sector_of(self.bytes, self.sector_bytes, table, at.checked_add(4)?)?, at)
    }
}

fn read(bytes: &[u8]) -> Option<Compound<'_>> {
    let (version, shift) = (u16_at(bytes, 0x1A)?, u16_at(bytes, 0x1E)?);
    let sector_bytes = match (version, shift) {
        (3, 9) => 512,
        (4, 12) => 4096,
        _ => return None,
    };
    if !bytes.starts_with(&SIGNATURE) || u16_at(bytes, 0x20)? != 6 || u64::from(u32_at(bytes, 0x38)?) != MINI_CUTOFF {
        return None;
    }
    let tables = tables(bytes, sector_bytes)?;
    let mut file = Compound { bytes, sector_bytes, is_version_3: version == 3, tables, directory: Vec::new() };
    let mut sector = u32_at(bytes, 0x30)?;
    for _ in 0..MAX_DIRECTORY_SECTORS {
        file.directory.extend_from_slice(sector_of(bytes, sector_bytes, sector, sector_bytes)?);
        sector = file.next(sector)?;
        if sector == END_OF_CHAIN {
            return Some(file);
        }
    }
    None
}

/// The sectors of the allocation table: the first are named in the header, the others in a chain of sectors.
fn tables(bytes: &[u8], sector_bytes: usize) -> Option<Vec<u32>> {
    let count = usize::try_from(u32_at(bytes, 0x2C)?).ok()?;
    if count > bytes.len().checked_div(sector_bytes)? {
        return None;
    }
    let named = |bytes: &[u8], at: usize, most: usize| -> Option<Vec<u32>> {
        let len = count.min(most).checked_mul(4)?;
        Some(bytes.get(at..at.checked_add(len)?)?.chunks_exact(4).filter_map(|four| u32_at(four, 0)).collect())
    };
    let mut tables = named(bytes, 0x4C, IN_HEADER)?;
    let last = sector_bytes.checked_sub(4)?;
    let mut sector = u32_at(bytes, 0x44)?;
    // Each of these sectors names over a hundred, so there are not many of them.
    while tables.len() < count {
        let names = sector_of(bytes, sector_bytes, sector, sector_bytes)?;
        tables.extend(named(names, 0, last.checked_div(4)?)?);
        sector = u32_at(names, last)?;
    }
    tables.truncate(count);
    Some(tables)
}

/// The first bytes of a sector; the last sector of a file may be cut off behind its content.
fn sector_of(bytes: &[u8], sector_bytes: usize, sector: u32, wanted: usize) -> Option<&[u8]> {
    let at = usize::try_from(sector).ok()?.checked_add(1)?.checked_mul(sector_bytes)?;
    bytes.get(at..at.checked_add(wanted)?)
}

fn is_stream(entry: &[u8], name: &str) -> bool {
    let is_named = || {
        let len = usize::from(u16_at(entry, 64)?).checked_sub(2)?;
        let units = entry.get(..len.min(62))?.chunks_exact(2).filter_map(|two| u16_at(two, 0));
        Some(units.eq(name.encode_utf16()))
    };
    entry.get(66) == Some(&STREAM) && is_named() == Some(true)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

const SIGNATURE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
const ENTRY_BYTES: usize = 128;
const STREAM: u8 = 2;
const END_OF_CHAIN: u32 = 0xFFFF_FFFE;
const IN_HEADER: usize = 109;
/// Streams that are shorter share sectors.
const MINI_CUTOFF: u64 = 4096;
const MINI_BYTES: usize = 64;
/// Four entries stand in a sector, and an ordinary document has some dozens of them.
const MAX_DIRECTORY_SECTORS: usize = 1024;
