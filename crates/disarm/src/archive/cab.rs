//! Cabinet files ([MS-CAB]): folders of files that are packed together, stored, with MSZIP or with LZX.

use std::io::{self, Read, Write};

use form::{Place, Reason, Refusal};
use lzxd::{Lzxd, WindowSize};

use super::bytes::Fields;
use super::members::{Listed, Member, Node, members};
use super::names::Name;
use super::output::{Output, check_ratio, check_total};
use super::time;
use crate::error::{Error, size, within};
use crate::room::Part;

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let cabinet = Cabinet::read(part.input, limits.parts)?;
    if size(part.input.len()) > cabinet.len {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    let mut claimed = 0_u64;
    for (number, folder) in cabinet.folders.iter().enumerate() {
        let last = cabinet.files.iter().filter(|file| file.folder == number).filter_map(File::end).max();
        check_ratio(last.unwrap_or(0), folder.packed_at_most(part.input), limits.ratio.into())?;
        claimed = claimed.saturating_add(last.unwrap_or(0));
    }
    check_total([claimed].into_iter(), limits)?;
    let listed: Vec<Listed<'_>> = cabinet.files.iter().map(|file| file.listed.clone()).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for (number, folder) in cabinet.folders.iter().enumerate() {
        let mut wanted: Vec<(&File<'_>, &Member)> = named
            .iter()
            .filter_map(|member| cabinet.files.get(member.index).map(|file| (file, member)))
            .filter(|(file, _)| file.folder == number)
            .collect();
        wanted.sort_by_key(|(file, _)| file.start);
        unpack(folder, cabinet.reserve, &wanted, &mut output)?;
    }
    output.finish(part.findings)
}

struct Cabinet<'a> {
    len: u64,
    /// Bytes that the maker has reserved in front of each block of data.
    reserve: u8,
    folders: Vec<Folder<'a>>,
    files: Vec<File<'a>>,
}

struct Folder<'a> {
    data: &'a [u8],
    blocks: u16,
    method: u16,
}

struct File<'a> {
    listed: Listed<'a>,
    folder: usize,
    start: u32,
    len: u32,
    modified: Option<i64>,
}

impl File<'_> {
    fn end(&self) -> Option<u64> {
        u64::from(self.start).checked_add(self.len.into())
    }
}

impl<'a> Cabinet<'a> {
    fn read(input: &'a [u8], parts: u32) -> Result<Cabinet<'a>, Error> {
        let mut fields = Fields::new(input);
        let header = Header::read(&mut fields).ok_or(Reason::Malformed)?;
        if header.flags & (FLAG_PREVIOUS | FLAG_NEXT) != 0 {
            return Err(Reason::SplitArchive.into());
        }
        within(Reason::LimitParts, parts.into(), header.files.into())?;
        within(Reason::LimitParts, parts.into(), header.folders.into())?;
        if size(input.len()) < u64::from(header.len) {
            return Err(Reason::Malformed.into());
        }
        let (header_reserve, folder_reserve, reserve) = header.reserve;
        fields.take(header_reserve.into()).ok_or(Reason::Malformed)?;
        let mut folders = Vec::new();
        for _ in 0..header.folders {
            folders.push(Folder::read(input, &mut fields, folder_reserve).ok_or(Reason::Malformed)?);
        }
        let mut fields = Fields::at(input, header.first_file.into()).ok_or(Reason::Malformed)?;
        let mut files = Vec::new();
        for _ in 0..header.files {
            let file = File::read(&mut fields).ok_or(Reason::Malformed)?;
            if file.folder >= CONTINUED {
                return Err(Reason::SplitArchive.into());
            }
            if file.folder >= folders.len() {
                return Err(Reason::Malformed.into());
            }
            files.push(file);
        }
        check_overlaps(&files)?;
        Ok(Cabinet { len: header.len.into(), reserve, folders, files })
    }
}

struct Header {
    len: u32,
    first_file: u32,
    folders: u16,
    files: u16,
    flags: u16,
    reserve: (u16, u8, u8),
}

impl Header {
    fn read(fields: &mut Fields<'_>) -> Option<Header> {
        fields.take(8)?;
        let len = fields.u32()?;
        fields.take(4)?;
        let first_file = fields.u32()?;
        fields.take(6)?;
        let (folders, files, flags) = (fields.u16()?, fields.u16()?, fields.u16()?);
        fields.take(4)?;
        let reserve = if flags & FLAG_RESERVE == 0 { (0, 0, 0) } else { (fields.u16()?, fields.u8()?, fields.u8()?) };
        Some(Header { len, first_file, folders, files, flags, reserve })
    }
}

impl<'a> Folder<'a> {
    fn read(input: &'a [u8], fields: &mut Fields<'a>, reserve: u8) -> Option<Folder<'a>> {
        let (at, blocks, method) = (fields.u32()?, fields.u16()?, fields.u16()?);
        fields.take(reserve.into())?;
        Some(Folder { data: input.get(usize::try_from(at).ok()?..)?, blocks, method })
    }

    /// What its data is packed into, at most: a block has 64 KiB, and none reaches behind the file.
    fn packed_at_most(&self, input: &[u8]) -> u64 {
        (u64::from(self.blocks) * 0x1_0000).min(size(self.data.len())).min(size(input.len()))
    }
}

impl<'a> File<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<File<'a>> {
        let (len, start, folder) = (fields.u32()?, fields.u32()?, fields.u16()?);
        let (date, clock, attributes) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let name = fields.rest().split(|byte| *byte == 0).next().filter(|name| name.len() <= MOST_NAME_BYTES)?;
        fields.take(name.len().checked_add(1)?)?;
        let name = if attributes & ATTRIBUTE_UTF8 != 0 { Name::labelled_utf8(name) } else { Name::Raw(name.into()) };
        let listed = Listed { name, node: Node::File, has_data: len > 0 };
        let modified = time::from_dos(date, clock);
        Some(File { listed, folder: folder.into(), start, len, modified })
    }
}

fn check_overlaps(files: &[File<'_>]) -> Result<(), Refusal> {
    let mut spans: Vec<(usize, u64, u64)> = files
        .iter()
        .filter(|file| file.len > 0)
        .map(|file| (file.folder, file.start.into(), file.end().unwrap_or(u64::MAX)))
        .collect();
    spans.sort_unstable();
    let shared = |pair: &[(usize, u64, u64)]| matches!(pair, [one, two] if one.0 == two.0 && two.1 < one.2);
    if spans.windows(2).any(shared) { Err(Reason::OverlappingMember.into()) } else { Ok(()) }
}

/// Writes the files of a folder, which come in the order of their data.
fn unpack(
    folder: &Folder<'_>,
    reserve: u8,
    wanted: &[(&File<'_>, &Member)],
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let mut data = Unpacked::new(folder, reserve);
    let mut at = 0_u64;
    for (file, member) in wanted {
        let gap = u64::from(file.start).saturating_sub(at);
        let withheld = match &mut data {
            Err(refusal) => Some(*refusal),
            Ok(data) => {
                let passed = io::copy(&mut data.take(gap), &mut io::sink());
                if passed.is_ok_and(|passed| passed == gap) {
                    // The ratio of the folder was judged by what its files say.
                    output.spill().copy(&mut data.take(file.len.into()), file.len.into(), u64::MAX)?
                } else {
                    Some(Reason::Malformed.into())
                }
            }
        };
        at = file.end().unwrap_or(u64::MAX);
        if withheld.is_some() && data.is_ok() {
            // Behind a damaged block nobody knows any more which bytes are whose.
            data = Err(Reason::Malformed.into());
        }
        output.member(member.path.clone(), file.modified, withheld)?;
    }
    Ok(())
}

/// What the blocks of a folder unpack to.
struct Unpacked<'a> {
    blocks: Fields<'a>,
    left: u16,
    reserve: u8,
    method: Method,
    block: Vec<u8>,
    read: usize,
}

enum Method {
    Stored,
    /// Deflate in blocks, each of which may refer to the one before.
    MsZip {
        before: Vec<u8>,
    },
    Lzx(Box<Lzxd>),
}

impl<'a> Unpacked<'a> {
    fn new(folder: &Folder<'a>, reserve: u8) -> Result<Unpacked<'a>, Refusal> {
        let method = match (folder.method & 0x0F, (folder.method >> 8) & 0x1F) {
            (0, _) => Method::Stored,
            (1, _) => Method::MsZip { before: Vec::new() },
            // The window is at most 2 MiB by the format.
            (3, bits) => Method::Lzx(Box::new(Lzxd::new(lzx_window(bits).ok_or(Reason::Malformed)?))),
            // Quantum, which no writer has used for decades.
            _ => return Err(Reason::UnsupportedMethod.into()),
        };
        let blocks = Fields::new(folder.data);
        Ok(Unpacked { blocks, left: folder.blocks, reserve, method, block: Vec::new(), read: 0 })
    }

    /// The next block; nothing behind the last.
    fn next(&mut self) -> io::Result<bool> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        let Some(left) = self.left.checked_sub(1) else { return Ok(false) };
        self.left = left;
        let fields = &mut self.blocks;
        let header = (|| Some((fields.u32()?, fields.u16()?, fields.u16()?, fields.take(self.reserve.into())?)))();
        let (sum, packed, unpacked, reserve) = header.ok_or_else(broken)?;
        let data = self.blocks.take(packed.into()).ok_or_else(broken)?;
        let sizes = u32::from(packed) | u32::from(unpacked) << 16;
        // A block without a checksum says zero.
        if sum != 0 && sum != checksum(reserve, checksum(data, 0)) ^ sizes {
            return Err(broken());
        }
        let wanted = usize::from(unpacked);
        self.block = match &mut self.method {
            Method::Stored => data.to_vec(),
            Method::MsZip { before } => inflate(data, before, wanted).ok_or_else(broken)?,
            Method::Lzx(lzx) => lzx.decompress_next(data, wanted).map_err(|_| broken())?.to_vec(),
        };
        self.read = 0;
        if self.block.len() == wanted && wanted > 0 { Ok(true) } else { Err(broken()) }
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read >= self.block.len() && !self.next()? {
            return Ok(0);
        }
        let len = self.block.get(self.read..).unwrap_or_default().read(buffer)?;
        self.read = self.read.saturating_add(len);
        Ok(len)
    }
}

/// One block of MSZIP ([MS-MCI] 2.1): "CK" and a deflate stream whose history is the block before.
fn inflate(data: &[u8], before: &mut Vec<u8>, wanted: usize) -> Option<Vec<u8>> {
    let data = data.strip_prefix(b"CK")?;
    let mut inflater = flate2::Decompress::new(false);
    if let (Ok(len), false) = (u16::try_from(before.len()), before.is_empty()) {
        // The history goes in as a stored block, which is how a decoder without a preset dictionary gets one.
        let mut stored = vec![0];
        stored.extend_from_slice(&len.to_le_bytes());
        stored.extend_from_slice(&(!len).to_le_bytes());
        stored.extend_from_slice(before);
        let mut history = Vec::with_capacity(before.len());
        inflater.decompress_vec(&stored, &mut history, flate2::FlushDecompress::Sync).ok()?;
        if history.len() != before.len() {
            return None;
        }
    }
    let mut block = Vec::with_capacity(wanted);
    inflater.decompress_vec(data, &mut block, flate2::FlushDecompress::Finish).ok()?;
    before.extend_from_slice(&block);
    before.drain(..before.len().saturating_sub(HISTORY_BYTES));
    Some(block)
}

/// [MS-CAB] 3.1: words of four bytes, exclusive-or'ed; of what is left the bytes count from above.
fn checksum(data: &[u8], seed: u32) -> u32 {
    let mut words = data.chunks_exact(4);
    let sum = (&mut words).fold(seed, |sum, word| sum ^ word.first_chunk().map_or(0, |word| u32::from_le_bytes(*word)));
    sum ^ words.remainder().iter().fold(0, |rest, byte| rest << 8 | u32::from(*byte))
}

fn lzx_window(bits: u16) -> Option<WindowSize> {
    Some(match bits {
        15 => WindowSize::KB32,
        16 => WindowSize::KB64,
        17 => WindowSize::KB128,
        18 => WindowSize::KB256,
        19 => WindowSize::KB512,
        20 => WindowSize::MB1,
        21 => WindowSize::MB2,
        _ => return None,
    })
}

const FLAG_PREVIOUS: u16 = 1;
const FLAG_NEXT: u16 = 2;
const FLAG_RESERVE: u16 = 4;
const ATTRIBUTE_UTF8: u16 = 0x80;
/// Numbers of folders from here on say that a file goes on in another cabinet.
const CONTINUED: usize = 0xFFFD;
const MOST_NAME_BYTES: usize = 4 * 1024;
const HISTORY_BYTES: usize = 32 * 1024;
