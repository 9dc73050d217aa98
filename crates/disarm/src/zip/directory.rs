//! Our own walk of end record, central directory and local headers, before any other reader sees the archive.
//!
//! The record at the end, the central directory and the local headers say the same things two or three times, and programs
//! differ in which they believe (CVE-2004-0935, CVE-2026-0866 "Zombie ZIP"; the `zip` crate silently drops the first of two
//! members with one name). So an archive is taken only when every reading of it gives the same members; otherwise the
//! refusal names what disagrees.

use std::io::Read;
use std::ops::Range;

use form::{Limits, Reason, Refusal};

use crate::archive::bytes::{self, Fields};
pub(super) use crate::archive::members::Node;
use crate::archive::names::contradicts;

/// One member as central directory and local header agree on it. Names and sizes are claims until the data is read.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    /// The name as it stands in the central directory.
    pub(super) raw_name: &'a [u8],
    /// The name of the Info-ZIP Unicode path field, where its checksum fits the raw name.
    pub(super) unicode_name: Option<&'a str>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed: u64,
    pub(super) unpacked: u64,
    pub(super) header_offset: u64,
    pub(super) data: Range<u64>,
    pub(super) dos_date: u16,
    pub(super) dos_time: u16,
    /// Seconds since 1970 of the "UT" field.
    pub(super) unix_time: Option<i64>,
    /// The kind of file that a Unix maker noted.
    pub(super) node: Node,
}

impl Entry<'_> {
    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & (FLAG_ENCRYPTED | FLAG_STRONG) != 0 || self.method == METHOD_AES
    }

    pub(super) fn says_utf8(&self) -> bool {
        self.flags & FLAG_UTF8 != 0
    }
}

/// All members in the order of the central directory, and whether bytes follow the archive's end.
pub(super) fn walk<'a>(archive: &'a [u8], limits: &Limits) -> Result<(Vec<Entry<'a>>, bool), Refusal> {
    let end = find_end(archive)?;
    let limit = u64::from(limits.parts);
    if end.entries > limit {
        return Err(Refusal::limit(Reason::LimitParts, limit, end.entries));
    }
    let directory = bytes::range(archive, &end.directory).ok_or(Reason::Malformed)?;
    let mut fields = Fields::new(directory);
    let mut entries = Vec::new();
    for _ in 0..end.entries {
        let central = Central::read(&mut fields).ok_or(Reason::Malformed)?;
        entries.push(central.with_local(archive, end.directory.start)?);
    }
    // A directory that goes on after the announced number of members shows more of them to a reader that walks by size.
    if !fields.rest().is_empty() && !is_directory_signature(fields.rest()) {
        return Err(Reason::DirectoryMismatch.into());
    }
    check_layout(archive, &entries, end.directory.start)?;
    Ok((entries, end.is_followed))
}

/// Whether an end record stands near the end of these bytes, whatever they begin with.
pub(crate) fn has_end_record(archive: &[u8]) -> bool {
    end_candidates(archive).next().is_some()
}

/// The raw names of the central directory, for telling what kind of package an archive is. It asks for no consistency and is
/// never used to read members.
pub(crate) fn names_for_detection(archive: &[u8], at_most: usize) -> Vec<&[u8]> {
    let mut names = Vec::new();
    let Some(end) = end_candidates(archive).find_map(|at| EndRecord::read(archive, at)) else { return names };
    let Some(mut fields) = Fields::at(archive, end.directory.start) else { return names };
    while names.len() < at_most
        && let Some(central) = Central::read(&mut fields)
    {
        names.push(central.raw_name);
    }
    names
}

/// The beginning of a small text member, wherever it stands and whether it is stored or deflated; nothing where its place is in
/// doubt. For finding out what an archive is, not for taking it apart.
pub(crate) fn small_text(archive: &[u8], name: &[u8], at_most: usize) -> Option<String> {
    let end = end_candidates(archive).find_map(|at| EndRecord::read(archive, at))?;
    let mut fields = Fields::at(archive, end.directory.start)?;
    let mut members = std::iter::from_fn(|| Central::read(&mut fields)).take(MAX_SEARCHED);
    let member = members.find(|member| member.raw_name == name)?;
    let local = Local::read(archive, member.offset.into())?;
    let data = archive.get(usize::try_from(local.data_start).ok()?..)?;
    let most = u64::try_from(at_most).ok()?;
    let mut text = Vec::new();
    match local.method {
        _ if local.raw_name != name => return None,
        METHOD_STORED => {
            text.extend_from_slice(bytes::slice(archive, local.data_start, most.min(member.packed.into()))?)
        }
        METHOD_DEFLATED => {
            flate2::read::DeflateDecoder::new(data).take(most).read_to_end(&mut text).ok()?;
        }
        _ => return None,
    }
    (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned())
}

/// What the end record, with its 64-bit form where there is one, says.
#[derive(Debug)]
struct EndRecord {
    entries: u64,
    directory: Range<u64>,
    /// Bytes follow the record and its comment.
    is_followed: bool,
}

fn end_candidates(archive: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let from = archive.len().saturating_sub(END_LEN + usize::from(u16::MAX));
    let tail = archive.get(from..).unwrap_or_default();
    (0..tail.len().saturating_sub(END_LEN - 1))
        .rev()
        .filter(move |at| tail.get(*at..).is_some_and(|rest| rest.starts_with(END_SIGNATURE)))
        .map(move |at| from.saturating_add(at))
}

fn find_end(archive: &[u8]) -> Result<EndRecord, Refusal> {
    let mut candidates = end_candidates(archive);
    let last = candidates.next().ok_or(Reason::Malformed)?;
    // A last record that leads nowhere: bytes were put before the archive or taken from it, or another was put behind it.
    let end = EndRecord::read(archive, last).ok_or(Reason::DirectoryMismatch)?;
    // A record before it that leads to a directory too is the archive of a reader that searches the other way.
    if candidates.any(|at| EndRecord::read(archive, at).is_some()) {
        return Err(Reason::DirectoryMismatch.into());
    }
    Ok(end)
}

impl EndRecord {
    /// The record at `at`, if it leads to a central directory that ends where the records after it begin.
    fn read(archive: &[u8], at: usize) -> Option<EndRecord> {
        let mut fields = Fields::new(archive.get(at..)?);
        fields.take(4)?;
        let (disk, directory_disk) = (fields.u16()?, fields.u16()?);
        let (entries_here, entries) = (fields.u16()?, fields.u16()?);
        let (size, offset) = (fields.u32()?, fields.u32()?);
        let comment = fields.u16()?;
        fields.take(usize::from(comment))?;
        let is_followed = !fields.rest().is_empty();
        let at = u64::try_from(at).ok()?;
        let spans = disk != directory_disk || entries_here != entries || (disk != 0 && disk != u16::MAX);
        let masked = entries == u16::MAX || size == u32::MAX || offset == u32::MAX;
        let (entries, size, offset, records_start) = match End64::before(archive, at) {
            Some(wide) => {
                let agrees = |narrow: u64, mask: u64, wide: u64| narrow == mask || narrow == wide;
                if !agrees(u64::from(entries), u64::from(u16::MAX), wide.entries)
                    || !agrees(u64::from(size), u64::from(u32::MAX), wide.size)
                    || !agrees(u64::from(offset), u64::from(u32::MAX), wide.offset)
                {
                    return None;
                }
                (wide.entries, wide.size, wide.offset, wide.at)
            }
            None if spans || (masked && !is_exact(archive, u64::from(offset), u64::from(size), at)) => return None,
            None => (u64::from(entries), u64::from(size), u64::from(offset), at),
        };
        let end = offset.checked_add(size)?;
        let starts_well = if entries == 0 { size == 0 } else { is_directory_at(archive, offset) };
        (end == records_start && starts_well).then_some(EndRecord { entries, directory: offset..end, is_followed })
    }
}

/// An archive may have exactly 65,535 members or end its directory there without being a 64-bit one.
fn is_exact(archive: &[u8], offset: u64, size: u64, record: u64) -> bool {
    offset.checked_add(size) == Some(record) && is_directory_at(archive, offset)
}

/// Whether two names are one. IZArc writes `a/b` in one place and `a\b` in the other, which are the same folder and file to every reader;
/// where a backslash may be half of a character, they have to be equal.
fn is_same_name(local: &[u8], central: &[u8]) -> bool {
    let separators =
        |(one, other): (&u8, &u8)| one == other || [*one, *other].iter().all(|b| matches!(b, b'/' | b'\\'));
    local == central
        || (local.len() == central.len() && central.is_ascii() && local.iter().zip(central).all(separators))
}

fn is_directory_at(archive: &[u8], at: u64) -> bool {
    bytes::slice(archive, at, 4) == Some(CENTRAL_SIGNATURE)
}

/// The 64-bit end record.
struct End64 {
    at: u64,
    entries: u64,
    size: u64,
    offset: u64,
}

impl End64 {
    fn before(archive: &[u8], end: u64) -> Option<End64> {
        let mut locator = Fields::at(archive, end.checked_sub(LOCATOR_LEN)?)?;
        if locator.take(4)? != LOCATOR_SIGNATURE {
            return None;
        }
        locator.u32()?;
        let at = locator.u64()?;
        let mut fields = Fields::at(archive, at)?;
        if fields.take(4)? != END64_SIGNATURE {
            return None;
        }
        let size_of_record = fields.u64()?;
        // The record must fill the space up to its locator, or something lies hidden between the two.
        if at.checked_add(12)?.checked_add(size_of_record)? != end.checked_sub(LOCATOR_LEN)? {
            return None;
        }
        fields.take(12)?;
        let (here, entries) = (fields.u64()?, fields.u64()?);
        let (size, offset) = (fields.u64()?, fields.u64()?);
        (here == entries).then_some(End64 { at, entries, size, offset })
    }
}

struct Central<'a> {
    raw_name: &'a [u8],
    extra: &'a [u8],
    host: u8,
    flags: u16,
    method: u16,
    dos_time: u16,
    dos_date: u16,
    crc: u32,
    packed: u32,
    unpacked: u32,
    attributes: u32,
    offset: u32,
}

impl<'a> Central<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<Central<'a>> {
        let mut next = *fields;
        if next.take(4)? != CENTRAL_SIGNATURE {
            return None;
        }
        let (_version, host) = (next.u8()?, next.u8()?);
        next.u16()?;
        let (flags, method, dos_time, dos_date) = (next.u16()?, next.u16()?, next.u16()?, next.u16()?);
        let (crc, packed, unpacked) = (next.u32()?, next.u32()?, next.u32()?);
        let (name, extra, comment) = (next.u16()?, next.u16()?, next.u16()?);
        next.take(4)?;
        let (attributes, offset) = (next.u32()?, next.u32()?);
        let raw_name = next.take(usize::from(name))?;
        let extra = next.take(usize::from(extra))?;
        next.take(usize::from(comment))?;
        *fields = next;
        Some(Central {
            raw_name,
            extra,
            host,
            flags,
            method,
            dos_time,
            dos_date,
            crc,
            packed,
            unpacked,
            attributes,
            offset,
        })
    }

    fn with_local(&self, archive: &'a [u8], directory: u64) -> Result<Entry<'a>, Refusal> {
        let mut wide = Wide::of(self.extra);
        let unpacked = wide.resolve(self.unpacked).ok_or(Reason::Malformed)?;
        let packed = wide.resolve(self.packed).ok_or(Reason::Malformed)?;
        let header_offset = wide.resolve(self.offset).ok_or(Reason::Malformed)?;
        let local = Local::read(archive, header_offset).ok_or(Reason::DirectoryMismatch)?;
        self.check_local(&local, packed, unpacked)?;
        let data_end = local.data_start.checked_add(packed).ok_or(Reason::Malformed)?;
        if data_end > directory {
            return Err(Reason::OverlappingMember.into());
        }
        let extra = Extra::of(self.extra, self.raw_name);
        let local_extra = Extra::of(local.extra, self.raw_name);
        let mut names = extra.unicode_name.into_iter().chain(local_extra.unicode_name);
        let differ = matches!((extra.unicode_name, local_extra.unicode_name), (Some(one), Some(other)) if one != other);
        if differ || names.any(|name| contradicts(self.raw_name, name)) {
            return Err(Reason::DirectoryMismatch.into());
        }
        Ok(Entry {
            raw_name: self.raw_name,
            unicode_name: extra.unicode_name,
            flags: self.flags,
            method: self.method,
            crc: self.crc,
            packed,
            unpacked,
            header_offset,
            data: local.data_start..data_end,
            dos_date: self.dos_date,
            dos_time: self.dos_time,
            unix_time: extra.unix_time.or(local_extra.unix_time),
            node: self.node(),
        })
    }

    fn check_local(&self, local: &Local<'_>, packed: u64, unpacked: u64) -> Result<(), Refusal> {
        let mismatch = Err(Reason::DirectoryMismatch.into());
        if !is_same_name(local.raw_name, self.raw_name)
            || local.method != self.method
            || (local.flags ^ self.flags) & (FLAG_ENCRYPTED | FLAG_STRONG) != 0
        {
            return mismatch;
        }
        // Writers to a pipe leave the local sizes open and put them behind the data (flag 3); some fill them in anyway.
        let open = local.flags & FLAG_SIZES_BEHIND != 0;
        let mut wide = Wide::of(local.extra);
        let local_unpacked = wide.resolve(local.unpacked).ok_or(Reason::Malformed)?;
        let local_packed = wide.resolve(local.packed).ok_or(Reason::Malformed)?;
        let agrees = |local: u64, central: u64| local == central || (open && local == 0);
        if !agrees(local_unpacked, unpacked)
            || !agrees(local_packed, packed)
            || !agrees(u64::from(local.crc), u64::from(self.crc))
        {
            return mismatch;
        }
        Ok(())
    }

    fn node(&self) -> Node {
        let by_name = if self.raw_name.ends_with(b"/") { Node::Directory } else { Node::File };
        // Host 3 is Unix, 19 is macOS; their mode stands in the upper half. Other hosts leave there whatever they like.
        if self.host != 3 && self.host != 19 {
            return by_name;
        }
        Node::of_mode(self.attributes >> 16, by_name)
    }
}

struct Local<'a> {
    raw_name: &'a [u8],
    extra: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    unpacked: u32,
    data_start: u64,
}

impl<'a> Local<'a> {
    fn read(archive: &'a [u8], at: u64) -> Option<Local<'a>> {
        let mut fields = Fields::at(archive, at)?;
        if fields.take(4)? != LOCAL_SIGNATURE {
            return None;
        }
        fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.u32()?;
        let (crc, packed, unpacked) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.u16()?, fields.u16()?);
        let data_start = at.checked_add(LOCAL_LEN)?.checked_add(u64::from(name))?.checked_add(u64::from(extra))?;
        let raw_name = fields.take(usize::from(name))?;
        let extra = fields.take(usize::from(extra))?;
        Some(Local { raw_name, extra, flags, method, crc, packed, unpacked, data_start })
    }
}

/// The 64-bit values of an extra field; they stand there only for fields that are masked, in the order of the fields.
struct Wide<'a>(Option<Fields<'a>>);

impl<'a> Wide<'a> {
    fn of(extra: &'a [u8]) -> Wide<'a> {
        Wide(extra_fields(extra).find(|(id, _)| *id == 0x0001).map(|(_, data)| Fields::new(data)))
    }

    fn resolve(&mut self, narrow: u32) -> Option<u64> {
        match &mut self.0 {
            Some(fields) if narrow == u32::MAX => fields.u64(),
            _ => Some(u64::from(narrow)),
        }
    }
}

struct Extra<'a> {
    unicode_name: Option<&'a str>,
    unix_time: Option<i64>,
}

impl<'a> Extra<'a> {
    fn of(extra: &'a [u8], raw_name: &[u8]) -> Extra<'a> {
        let mut own = Extra { unicode_name: None, unix_time: None };
        for (id, data) in extra_fields(extra) {
            let mut fields = Fields::new(data);
            match id {
                // Info-ZIP Unicode path: version, CRC-32 of the raw name, UTF-8. An old checksum means that a program which
                // does not know the field has renamed the member.
                0x7075 if fields.u8() == Some(1) && fields.u32() == Some(crc32(raw_name)) => {
                    own.unicode_name = std::str::from_utf8(fields.rest()).ok().filter(|name| !name.is_empty());
                }
                0x5455 if fields.u8().is_some_and(|present| present & 1 != 0) => {
                    own.unix_time =
                        fields.take(4).and_then(|b| b.try_into().ok()).map(i32::from_le_bytes).map(i64::from);
                }
                _ => {}
            }
        }
        own
    }
}

fn extra_fields(extra: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut fields = Fields::new(extra);
    std::iter::from_fn(move || {
        let (id, len) = (fields.u16()?, fields.u16()?);
        Some((id, fields.take(usize::from(len))?))
    })
}

/// Members follow one another from the first byte, share nothing, and leave no gap with a local header that the directory
/// does not list (a reader that streams would see one more member).
fn check_layout(archive: &[u8], entries: &[Entry<'_>], directory: u64) -> Result<(), Refusal> {
    let mut spans: Vec<(u64, u64, Option<&Entry<'_>>)> =
        entries.iter().map(|entry| (entry.header_offset, entry.data.end, Some(entry))).collect();
    spans.sort_unstable_by_key(|(start, end, _)| (*start, *end));
    let (mut at, mut before) = (0, None);
    for (start, end, entry) in spans.into_iter().chain([(directory, directory, None)]) {
        if start < at {
            return Err(Reason::OverlappingMember.into());
        }
        let gap = bytes::slice(archive, at, start.saturating_sub(at)).ok_or(Reason::Malformed)?;
        let is_first = at == 0;
        if (is_first && !gap.is_empty() && gap != SPANNED_MARK && gap != SPANNED_TEMPORARY)
            || hides_member(gap)
            || before.is_some_and(|before| differs_behind(gap, before))
        {
            return Err(Reason::DirectoryMismatch.into());
        }
        (at, before) = (end, entry);
    }
    Ok(())
}

/// Whether the sizes that stand behind a member's data, which a reader that streams believes, are not those of the directory
/// (APPNOTE 4.3.9). Their signature may be missing, and they have 32 or 64 bits; bytes of another length say nothing.
fn differs_behind(gap: &[u8], entry: &Entry<'_>) -> bool {
    if entry.flags & FLAG_SIZES_BEHIND == 0 {
        return false;
    }
    let fields = match gap.len() {
        16 | 24 => gap.strip_prefix(SIZES_SIGNATURE).map(Fields::new),
        12 | 20 => Some(Fields::new(gap)),
        _ => None,
    };
    let Some(mut fields) = fields else { return false };
    let sum = fields.u32();
    let sizes = if fields.rest().len() == 8 {
        [fields.u32().map(u64::from), fields.u32().map(u64::from)]
    } else {
        [fields.u64(), fields.u64()]
    };
    sum != Some(entry.crc) || sizes != [Some(entry.packed), Some(entry.unpacked)]
}

fn hides_member(gap: &[u8]) -> bool {
    gap.windows(4).any(|window| window == LOCAL_SIGNATURE || window == CENTRAL_SIGNATURE)
}

fn is_directory_signature(rest: &[u8]) -> bool {
    // "PK\5\5": the directory's own signature, dropped with everything else that the maker added.
    rest.starts_with(b"PK\x05\x05")
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Members among which one is looked for.
const MAX_SEARCHED: usize = 20_000;
pub(super) const METHOD_STORED: u16 = 0;
pub(super) const METHOD_DEFLATED: u16 = 8;
const METHOD_AES: u16 = 99;
const FLAG_ENCRYPTED: u16 = 1;
const FLAG_SIZES_BEHIND: u16 = 1 << 3;
const FLAG_STRONG: u16 = 1 << 6;
const FLAG_UTF8: u16 = 1 << 11;
const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END64_SIGNATURE: &[u8] = b"PK\x06\x06";
const LOCATOR_SIGNATURE: &[u8] = b"PK\x06\x07";
const SPANNED_MARK: &[u8] = b"PK\x07\x08";
const SIZES_SIGNATURE: &[u8] = SPANNED_MARK;
const SPANNED_TEMPORARY: &[u8] = b"PK00";
const END_LEN: usize = 22;
const LOCATOR_LEN: u64 = 20;
const LOCAL_LEN: u64 = 30;
