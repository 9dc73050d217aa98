//! LZH (LHA), the archives of Japanese machines of the nineties: methods -lh0-, -lh1-, -lh4- to -lh7-, -lhx-, -lzs-, -lz4-, -lz5-.
//!
//! The crates that exist read headers with less care than is needed here and bring much that is not, so both halves are our own.

use std::io::{self, Cursor, Read, Write};

use form::{Findings, Limits, Place, Reason, Refusal};

use super::members::{Listed, members};
use super::output::{Output, broken, check_ratio, check_total};
use super::stream::read_full;
use crate::error::{Error, size, within};
use crate::room::Part;

mod decode;
mod dynamic;
mod header;
mod macbinary;

use decode::Unpacked;
pub(crate) use header::is_header;
use header::{Header, crc16};

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let limits = &part.job.limits;
    let mut entries = Vec::new();
    let mut rest = part.input;
    while let Some((header, behind)) = Header::read(rest)? {
        within(Reason::LimitParts, limits.parts.into(), size(entries.len()).saturating_add(1))?;
        entries.push(header);
        rest = behind;
    }
    // A zero ends the archive; what stands behind it no reader reads.
    if rest.iter().skip(1).any(|byte| *byte != 0) {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    for entry in entries.iter().filter(|entry| withheld(entry).is_none()) {
        check_ratio(entry.unpacked, size(entry.data.len()), limits.ratio.into())?;
    }
    check_total(entries.iter().filter(|entry| withheld(entry).is_none()).map(|entry| entry.unpacked), limits)?;
    let listed: Vec<Listed<'_>> = entries.iter().map(|entry| entry.listed.clone()).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for member in named {
        let Some(entry) = entries.get(member.index) else { continue };
        let withheld = match withheld(entry) {
            Some(reason) => Some(reason.into()),
            None => unpack(entry, &mut output, &mut part.findings)?,
        };
        if entry.left_out.root {
            part.findings.add(Reason::NameChanged, Place::new(&member.path.to_string()));
        }
        if entry.left_out.remark {
            part.findings.add(Reason::Metadata, Place::new("Amiga"));
        }
        output.member(member.path, entry.modified, withheld)?;
    }
    output.finish(part.findings)
}

/// What the one member of an archive unpacks to, of at most `most` bytes, and whether anything but zeros follows it: other formats keep
/// one file so.
///
/// # Errors
///
/// `AmbiguousStructure` where there is another member, and what makes a member unreadable.
pub(crate) fn single(archive: &[u8], most: u64, limits: &Limits) -> Result<(Vec<u8>, bool), Error> {
    let (entry, behind) = Header::read(archive)?.ok_or(Reason::Malformed)?;
    if matches!(Header::read(behind), Ok(Some(_))) {
        return Err(Reason::AmbiguousStructure.into());
    }
    let is_followed = behind.iter().any(|byte| *byte != 0);
    let method = match (withheld(&entry), entry.method) {
        (Some(reason), _) => return Err(reason.into()),
        (None, method) => method.ok_or(Reason::UnsupportedMethod)?,
    };
    within(Reason::LimitTotalBytes, most.min(limits.total_bytes), entry.unpacked)?;
    check_ratio(entry.unpacked, size(entry.data.len()), limits.ratio.into())?;
    let mut data = Summed { inner: Unpacked::new(method, entry.data, entry.unpacked), sum: 0 };
    let mut unpacked = Vec::new();
    data.by_ref().take(entry.unpacked).read_to_end(&mut unpacked).map_err(|_| Error::from(Reason::Malformed))?;
    let is_whole = size(unpacked.len()) == entry.unpacked && entry.sum.is_none_or(|sum| sum == data.sum);
    if is_whole { Ok((unpacked, is_followed)) } else { Err(Reason::Malformed.into()) }
}

fn withheld(entry: &Header<'_>) -> Option<Reason> {
    entry.listed.node.refusal().or(match entry.method {
        _ if entry.is_cut_off => Some(Reason::Malformed),
        None => Some(Reason::UnsupportedMethod),
        Some(_) => None,
    })
}

fn unpack(entry: &Header<'_>, output: &mut Output<'_>, findings: &mut Findings) -> Result<Option<Refusal>, Error> {
    let Some(method) = entry.method else { return Ok(Some(Reason::UnsupportedMethod.into())) };
    let mut data = Summed { inner: Unpacked::new(method, entry.data, entry.unpacked), sum: 0 };
    let packed = size(entry.data.len());
    let mut head = [0; macbinary::HEADER];
    let head = match read_full(&mut data, &mut head) {
        Ok(len) => head.get(..len).unwrap_or_default(),
        Err(error) => return broken(&error).map(Some),
    };
    let withheld = match macbinary::data_fork(head, &entry.listed.name, entry.unpacked) {
        None => output.spill().copy(&mut Cursor::new(head).chain(&mut data), entry.unpacked, packed)?,
        Some(len) => {
            findings.add(Reason::Metadata, Place::new("MacBinary"));
            let withheld = output.spill().copy(&mut (&mut data).take(len), len, packed)?;
            // The checksum is of all of it.
            match io::copy(&mut data, &mut io::sink()) {
                Ok(_) => withheld,
                Err(error) => return broken(&error).map(Some),
            }
        }
    };
    let damaged = withheld.is_none() && entry.sum.is_some_and(|sum| sum != data.sum);
    Ok(if damaged { Some(Reason::Malformed.into()) } else { withheld })
}

/// What a reader gives, with its CRC-16.
struct Summed<R> {
    inner: R,
    sum: u16,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.sum = crc16(self.sum, buffer.get(..len).unwrap_or_default());
        Ok(len)
    }
}
