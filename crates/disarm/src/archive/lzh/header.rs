//! Headers of LZH of the levels 0 to 3, as "LHa for UNIX" documents them (header.doc.md), with the extensions of UNLHA32.

use std::borrow::Cow;

use form::Reason;

use super::super::bytes::Fields;
use super::super::members::{Listed, Node};
use super::super::names::{Name, contradicts};
use super::super::time;
use super::decode::Method;
use crate::error::Error;

/// One member.
pub(super) struct Header<'a> {
    pub(super) listed: Listed<'a>,
    /// Nothing for a method that has no name here.
    pub(super) method: Option<Method>,
    pub(super) data: &'a [u8],
    /// The archive ends before the member does.
    pub(super) is_cut_off: bool,
    pub(super) unpacked: u64,
    /// CRC-16 of the unpacked bytes; the oldest archives have none.
    pub(super) sum: Option<u16>,
    pub(super) modified: Option<i64>,
    pub(super) left_out: LeftOut,
}

/// What a path had that is no part of it here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut {
    /// It began at the root of a disk, as LHMelt and archivers of the Mac write it; here it begins in the archive.
    pub(super) root: bool,
    /// Something was noted behind the name, as on the Amiga.
    pub(super) remark: bool,
}

/// Whether a file begins with a header: a method between dashes, and a level that exists.
pub(crate) fn is_header(bytes: &[u8]) -> bool {
    let is_method = matches!(bytes.get(2..7), Some([b'-', b'l', b'h' | b'z', b'0'..=b'9' | b'a'..=b'z', b'-']));
    is_method && bytes.get(20).is_some_and(|level| *level <= 3)
}

impl<'a> Header<'a> {
    /// The header at the beginning of these bytes and what is behind its member; nothing at the archive's end.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Option<(Header<'a>, &'a [u8])>, Error> {
        if bytes.first().is_none_or(|byte| *byte == 0) {
            return Ok(None);
        }
        let level = *bytes.get(20).ok_or(Reason::Malformed)?;
        if !is_header(bytes) {
            return Err(Reason::Malformed.into());
        }
        let read = match level {
            0 | 1 => Base::old(bytes, level),
            2 => Base::new(bytes),
            _ => Base::wide(bytes),
        };
        let (base, behind) = read.ok_or(Reason::Malformed)?;
        let extra = Extra::read(base.extra, base.extra_len, if level == 3 { Width::Four } else { Width::Two })?;
        base.finish(extra, behind).map(Some)
    }
}

/// What all levels have.
struct Base<'a> {
    method: &'a [u8],
    packed: u64,
    unpacked: u64,
    name: &'a [u8],
    sum: Option<u16>,
    modified: Option<i64>,
    /// The extended headers, and the length of the first.
    extra: &'a [u8],
    extra_len: u32,
    /// The size of the data counts the extended headers as well.
    counts_extra: bool,
    /// The whole header of level 2 or 3, for its checksum.
    header: &'a [u8],
    /// How much of it stands before the extended headers.
    fixed: usize,
}

/// Bytes of the length of an extended header.
#[derive(Clone, Copy, Debug)]
enum Width {
    Two,
    Four,
}

impl Width {
    fn bytes(self) -> usize {
        match self {
            Width::Two => 2,
            Width::Four => 4,
        }
    }

    fn read(self, fields: &mut Fields<'_>) -> Option<u32> {
        match self {
            Width::Two => fields.u16().map(u32::from),
            Width::Four => fields.u32(),
        }
    }
}

impl<'a> Base<'a> {
    fn old(bytes: &'a [u8], level: u8) -> Option<(Base<'a>, &'a [u8])> {
        let mut fields = Fields::new(bytes);
        let (len, said) = (fields.u8()?, fields.u8()?);
        let summed = bytes.get(2..usize::from(len).checked_add(2)?)?;
        let sum = summed.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if sum != said {
            return None;
        }
        let mut fields = Fields::new(summed);
        let method = fields.take(5)?;
        let (packed, unpacked) = (fields.u32()?.into(), fields.u32()?.into());
        let (dos_time, dos_date) = (fields.u16()?, fields.u16()?);
        fields.u16()?;
        let name_len = fields.u8()?;
        let name = fields.take(name_len.into())?;
        let behind = bytes.get(summed.len().checked_add(2)?..)?;
        // Level 0 may end before the checksum.
        let sum = if level == 0 && fields.rest().len() < 2 { None } else { Some(fields.u16()?) };
        let extra_len = match level {
            0 => 0,
            // The machine, whatever the maker added, and at the very end the length of the first extension.
            _ => u16::from_le_bytes(*summed.last_chunk()?).into(),
        };
        let modified = time::from_dos(dos_date, dos_time);
        let (extra, counts_extra) = (behind, level == 1);
        let (header, fixed): (&[u8], usize) = (&[], 0);
        let base =
            Base { method, packed, unpacked, name, sum, modified, extra, extra_len, counts_extra, header, fixed };
        Some((base, behind))
    }

    fn new(bytes: &'a [u8]) -> Option<(Base<'a>, &'a [u8])> {
        let mut fields = Fields::new(bytes);
        let len = fields.u16()?;
        let mut base = Base::with_unix_time(&mut fields)?;
        base.extra_len = fields.u16()?.into();
        base.around(bytes, len.into(), LEVEL_2_BYTES)
    }

    /// As level 2, with lengths of four bytes, which its first field says.
    fn wide(bytes: &'a [u8]) -> Option<(Base<'a>, &'a [u8])> {
        let mut fields = Fields::new(bytes);
        if fields.u16()? != 4 {
            return None;
        }
        let mut base = Base::with_unix_time(&mut fields)?;
        let len = fields.u32()?;
        base.extra_len = fields.u32()?;
        base.around(bytes, usize::try_from(len).ok()?, LEVEL_3_BYTES)
    }

    /// What stands behind the first length of level 2 and 3.
    fn with_unix_time(fields: &mut Fields<'a>) -> Option<Base<'a>> {
        let method = fields.take(5)?;
        let (packed, unpacked) = (fields.u32()?.into(), fields.u32()?.into());
        let modified = Some(i64::from(fields.u32()?)).filter(|seconds| *seconds != 0);
        fields.u16()?;
        let sum = Some(fields.u16()?);
        let _machine = fields.u8()?;
        let (name, extra, header): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
        let (extra_len, counts_extra, fixed) = (0, false, 0);
        Some(Base { method, packed, unpacked, name, sum, modified, extra, extra_len, counts_extra, header, fixed })
    }

    /// With the header of `len` bytes, of which the first `fixed` are read.
    fn around(self, bytes: &'a [u8], len: usize, fixed: usize) -> Option<(Base<'a>, &'a [u8])> {
        let (header, behind) = bytes.split_at_checked(len)?;
        let extra = header.get(fixed..)?;
        Some((Base { extra, header, fixed, ..self }, behind))
    }

    fn finish(self, extra: Extra<'a>, behind: &'a [u8]) -> Result<(Header<'a>, &'a [u8]), Error> {
        if let Some((at, said)) = extra.header_sum
            && self.fixed > 0
            && !header_sum_fits(self.header, self.fixed.saturating_add(at), said)
        {
            return Err(Reason::Malformed.into());
        }
        let (packed, unpacked) = extra.sizes.unwrap_or((self.packed, self.unpacked));
        let (packed, behind) = if self.counts_extra {
            let len = u64::try_from(extra.bytes).unwrap_or(u64::MAX);
            (packed.checked_sub(len).ok_or(Reason::Malformed)?, behind.get(extra.bytes..).unwrap_or_default())
        } else {
            (packed, behind)
        };
        let len = usize::try_from(packed).unwrap_or(usize::MAX);
        let is_cut_off = len > behind.len();
        let (data, behind) = behind.split_at(len.min(behind.len()));
        let by_method = if self.method == b"-lhd-" { Node::Directory } else { Node::File };
        let method = Method::of(self.method);
        let node = Node::of_mode(extra.mode.unwrap_or(0).into(), by_method);
        // A link is written as a directory without data whose mode says what it is.
        let (name, left_out) = extra.path(self.name)?;
        let listed = Listed { name, node, has_data: unpacked > 0 || !data.is_empty() };
        let modified = extra.modified.or(self.modified);
        let header = Header { listed, method, data, is_cut_off, unpacked, sum: self.sum, modified, left_out };
        Ok((header, behind))
    }
}

/// What the extended headers say.
#[derive(Default)]
struct Extra<'a> {
    /// Bytes of all of them.
    bytes: usize,
    name: Option<&'a [u8]>,
    directory: Option<&'a [u8]>,
    wide_name: Option<&'a [u8]>,
    wide_directory: Option<&'a [u8]>,
    code_page: Option<u32>,
    mode: Option<u16>,
    modified: Option<i64>,
    sizes: Option<(u64, u64)>,
    /// Where the checksum of the header stands behind its fixed part, and what it says.
    header_sum: Option<(usize, u16)>,
}

impl<'a> Extra<'a> {
    fn read(bytes: &'a [u8], first: u32, width: Width) -> Result<Extra<'a>, Error> {
        let mut extra = Extra::default();
        let mut fields = Fields::new(bytes);
        let mut len = first;
        let mut count = 0_u32;
        while len != 0 {
            count = count.saturating_add(1);
            if count > MOST_EXTENSIONS {
                return Err(Reason::Malformed.into());
            }
            let whole = usize::try_from(len).unwrap_or(usize::MAX);
            let body = whole.checked_sub(width.bytes()).and_then(|len| fields.take(len)).ok_or(Reason::Malformed)?;
            let (kind, data) = body.split_first().ok_or(Reason::Malformed)?;
            let at = extra.bytes.saturating_add(1);
            let seen_before = extra.take(*kind, data, at);
            if seen_before {
                return Err(Reason::AmbiguousStructure.into());
            }
            extra.bytes = extra.bytes.saturating_add(whole);
            len = width.read(&mut fields).ok_or(Reason::Malformed)?;
        }
        Ok(extra)
    }

    /// Whether there was one of this kind before that may be there once only.
    fn take(&mut self, kind: u8, data: &'a [u8], at: usize) -> bool {
        let mut fields = Fields::new(data);
        match kind {
            0x00 => {
                let sum = fields.u16();
                let before = self.header_sum.is_some();
                self.header_sum = sum.map(|sum| (at, sum));
                before
            }
            0x01 => self.name.replace(data).is_some(),
            0x02 => self.directory.replace(data).is_some(),
            0x41 => {
                self.modified = fields.take(8).and_then(|_| fields.u64()).and_then(time::from_windows);
                false
            }
            0x42 => {
                let sizes = fields.u64().zip(fields.u64());
                let before = self.sizes.is_some();
                self.sizes = sizes;
                before
            }
            0x44 => self.wide_name.replace(data).is_some(),
            0x45 => self.wide_directory.replace(data).is_some(),
            0x46 => {
                self.code_page = fields.u32();
                false
            }
            0x50 => {
                self.mode = fields.u16();
                false
            }
            0x54 => {
                self.modified = fields.u32().map(i64::from);
                false
            }
            _ => false,
        }
    }

    /// Directories and name as one path, parted by `/`, and what was left out of it. 0xFF parts directories in extensions, and `\`
    /// or `/` in old names.
    fn path(&self, base_name: &'a [u8]) -> Result<(Name<'a>, LeftOut), Error> {
        // On the Amiga a zero parts the name and what was noted of the file.
        let mut parts = self.name.unwrap_or(base_name).splitn(2, |byte| *byte == 0);
        let raw_name = parts.next().unwrap_or_default();
        let remark = parts.next().is_some_and(|remark| remark.iter().any(|byte| *byte != 0));
        // In the name of level 0 and 1, 0xFF parts directories too, on machines other than DOS.
        let mut raw: Vec<u8> = self.directory.unwrap_or_default().to_vec();
        if !raw.is_empty() && !raw.ends_with(&[0xFF]) {
            raw.push(0xFF);
        }
        // UNIX writes a link as "name|target".
        raw.extend_from_slice(raw_name);
        let has_raw_root = take_root(&mut raw, |byte| matches!(byte, 0xFF | b'\\'));
        let raw: Vec<u8> = raw.into_iter().map(|byte| if byte == 0xFF { b'/' } else { byte }).collect();
        let Some((wide, has_wide_root)) = self.wide_path()? else {
            let left_out = LeftOut { root: has_raw_root, remark };
            let is_utf8 = self.code_page == Some(CODE_PAGE_UTF8);
            let name = match String::from_utf8(raw) {
                Ok(text) if is_utf8 => Name::Known(text.into()),
                Ok(text) => Name::Raw(Cow::Owned(text.into_bytes())),
                Err(error) => Name::Raw(Cow::Owned(error.into_bytes())),
            };
            return Ok((name, left_out));
        };
        if !raw.is_empty() && contradicts(&raw, &wide) {
            return Err(Reason::DirectoryMismatch.into());
        }
        Ok((Name::Known(wide.into()), LeftOut { root: has_raw_root || has_wide_root, remark }))
    }

    /// The path in UTF-16, and whether it began at the root.
    fn wide_path(&self) -> Result<Option<(String, bool)>, Error> {
        let Some(name) = self.wide_name else { return Ok(None) };
        let mut units: Vec<u16> = self
            .wide_directory
            .unwrap_or_default()
            .chunks_exact(2)
            .chain(name.chunks_exact(2))
            .filter_map(|pair| pair.first_chunk().map(|pair| u16::from_le_bytes(*pair)))
            .collect();
        let has_root = take_root(&mut units, |unit| *unit == 0xFFFF || *unit == u16::from(b'\\'));
        let units: Vec<u16> =
            units.into_iter().map(|unit| if unit == 0xFFFF { u16::from(b'/') } else { unit }).collect();
        // Half a pair is no character of any name.
        String::from_utf16(&units).map(|path| Some((path, has_root))).map_err(|_| Reason::Malformed.into())
    }
}

/// Takes off what stands for the root of a disk at the beginning of a path, and says whether there was any.
fn take_root<T>(path: &mut Vec<T>, parts_directories: impl Fn(&T) -> bool) -> bool {
    let roots = path.iter().take_while(|unit| parts_directories(unit)).count();
    path.drain(..roots);
    roots > 0
}

/// The checksum of a header of level 2 is that of the header with zeros in its own place.
fn header_sum_fits(header: &[u8], at: usize, said: u16) -> bool {
    let own = at..at.saturating_add(2);
    let zeroed = |(place, byte): (usize, &u8)| if own.contains(&place) { 0 } else { *byte };
    header.iter().enumerate().map(zeroed).fold(0, |sum, byte| crc16(sum, &[byte])) == said
}

/// CRC-16/ARC, going on from the sum so far.
pub(super) fn crc16(sum: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(sum, |sum, byte| {
        let [low, high] = sum.to_le_bytes();
        CRC_TABLE.get(usize::from(low ^ byte)).copied().unwrap_or(0) ^ u16::from(high)
    })
}

const CRC_TABLE: [u16; 256] = crc_table();

const fn crc_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u16] = &mut table;
    let mut byte = 0_u16;
    while let [first, more @ ..] = rest {
        let (mut sum, mut bit) = (byte, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xA001 } else { sum >> 1 };
            bit += 1;
        }
        *first = sum;
        byte += 1;
        rest = more;
    }
    table
}

const LEVEL_2_BYTES: usize = 26;
const LEVEL_3_BYTES: usize = 32;
const CODE_PAGE_UTF8: u32 = 65_001;
const MOST_EXTENSIONS: u32 = 64;
