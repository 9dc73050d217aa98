//! tar: ustar and pax (POSIX.1-2017, pax), GNU long names, and the format of Version 7.
//!
//! The archive is read twice, first for its list, then for its members: names are judged together, and a compressed archive never
//! lies unpacked in memory. Where a header says its size or name twice and differently, programs take different members out
//! of the archive (CVE-2025-62518, RUSTSEC-2026-0068), so it is refused.

use std::io::{Read, Write};

use form::{Place, Reason, Refusal};

use super::members::{Listed, Member, Node, members};
use super::names::Name;
use super::output::{Output, check_total, refusal_of};
use super::stream::read_full;
use crate::error::{Error, size, within};
use crate::room::Part;

mod header;

pub(super) use header::BLOCK;
pub(crate) use header::is_header;
use header::{Extended, Header, Kind};

pub(super) fn disarm(part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let input = part.input;
    unpack(part, || input, |_| false, form, spill)
}

/// `open` begins the archive anew; `has_surplus` says of a reader that has come to its end whether something lies behind it.
pub(super) fn unpack<R: Read>(
    mut part: Part<'_>,
    open: impl Fn() -> R,
    has_surplus: impl Fn(&R) -> bool,
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Error> {
    let limits = &part.job.limits;
    let mut entries = Vec::new();
    let mut reader = Reader { data: open(), ended: false };
    while let Some(entry) = reader.next()? {
        within(Reason::LimitParts, limits.parts.into(), size(entries.len()).saturating_add(1))?;
        let is_whole = reader.skip(entry.size)?;
        entries.push(entry);
        if !is_whole {
            // What the cut-off member had is withheld below; there is no further one to be read.
            break;
        }
    }
    if reader.has_more()? || has_surplus(&reader.data) {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    check_total(entries.iter().filter(|entry| entry.withheld().is_none()).map(|entry| entry.size), limits)?;
    let listed: Vec<Listed<'_>> = entries.iter().map(|entry| entry.listed.clone()).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    let mut output = Output::new(form, spill, part.detected, limits)?;
    write(&mut Reader { data: open(), ended: false }, named, &mut output)?;
    output.finish(part.findings)
}

/// The second time through the archive: it says the same again, so the numbers of the list fit.
fn write<R: Read>(reader: &mut Reader<R>, named: Vec<Member>, output: &mut Output<'_>) -> Result<(), Error> {
    let mut wanted = named.into_iter().peekable();
    let mut index = 0_usize;
    while wanted.peek().is_some() {
        let Some(entry) = reader.next()? else { break };
        let mut left = entry.size;
        if let Some(member) = wanted.next_if(|member| member.index == index) {
            let mut withheld = entry.withheld().map(Refusal::plain);
            if withheld.is_none() {
                let mut data = (&mut reader.data).take(entry.size);
                // Nothing is packed here; what the whole is packed into, its own reader bounds.
                withheld = output.spill().copy(&mut data, entry.size, u64::MAX)?;
                left = data.limit();
            }
            output.member(member.path, entry.modified, withheld)?;
        }
        let padding = entry.size.next_multiple_of(header::BLOCK_BYTES).saturating_sub(entry.size);
        if !reader.pass(left.saturating_add(padding))? {
            break;
        }
        index = index.saturating_add(1);
    }
    Ok(())
}

/// One member.
#[derive(Debug)]
struct Entry {
    listed: Listed<'static>,
    size: u64,
    modified: Option<i64>,
    /// Its data is no plain copy of a file.
    is_sparse: bool,
}

impl Entry {
    fn withheld(&self) -> Option<Reason> {
        self.listed.node.refusal().or(self.is_sparse.then_some(Reason::UnsupportedMethod))
    }
}

struct Reader<R> {
    data: R,
    /// The mark of the end has come.
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// The next member, with what the headers before it add.
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut extended = Extended::default();
        let mut before = 0_u32;
        while let Some(header) = self.header()? {
            // Names, attributes and comments before a member; honest writers put two or three.
            before = before.saturating_add(1);
            within(Reason::LimitParts, MOST_EXTENSIONS.into(), before.into())?;
            match header.kind {
                Kind::LongName => extended.long_name(self.extension(header.size)?)?,
                Kind::LongLink | Kind::Label => drop(self.extension(header.size)?),
                Kind::Pax => extended.pax(&self.extension(header.size)?)?,
                Kind::GlobalPax => extended.global(&self.extension(header.size)?)?,
                Kind::Volume => return Err(Reason::SplitArchive.into()),
                Kind::Member(node) => {
                    // The map of a sparse file goes on in blocks of its own before the data.
                    let mut map_goes_on = header.map_goes_on;
                    while map_goes_on {
                        let block = self.block()?.ok_or(Reason::Malformed)?;
                        map_goes_on = header::map_goes_on(&block, header::MAP_BLOCK);
                    }
                    return self.entry(header, node, extended).map(Some);
                }
            }
        }
        if extended.is_empty() { Ok(None) } else { Err(Reason::Malformed.into()) }
    }

    fn entry(&self, header: Header, node: Node, extended: Extended) -> Result<Entry, Error> {
        // A size that both places give must be one size, or some reader finds members in the data of another.
        if extended.size.is_some_and(|wide| wide != header.size) {
            return Err(Reason::DirectoryMismatch.into());
        }
        // Old readers skip the data of what is no file, new ones do not.
        if node != Node::File && header.size != 0 {
            return Err(Reason::AmbiguousStructure.into());
        }
        let is_sparse = header.is_sparse || extended.is_sparse;
        let modified = extended.modified.or(header.modified);
        let name: Name<'static> = extended.name()?.unwrap_or(Name::Raw(header.name.into()));
        // Version 7 has no other sign for a directory.
        let is_directory = matches!(&name, Name::Raw(raw) if raw.ends_with(b"/")) && header.size == 0;
        let node = if node == Node::File && is_directory { Node::Directory } else { node };
        Ok(Entry { listed: Listed { name, node, has_data: header.size > 0 }, size: header.size, modified, is_sparse })
    }

    /// The next header block; nothing at the end of the archive, marked or not.
    fn header(&mut self) -> Result<Option<Header>, Error> {
        let Some(block) = self.block()? else { return Ok(None) };
        if block.iter().any(|byte| *byte != 0) {
            return Header::read(&block).map(Some);
        }
        // Readers do not agree on what one empty block means, only on two.
        if self.block()?.is_some_and(|block| block.iter().any(|byte| *byte != 0)) {
            return Err(Reason::AmbiguousStructure.into());
        }
        self.ended = true;
        Ok(None)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, Error> {
        let mut block = [0; BLOCK];
        match read_full(&mut self.data, &mut block) {
            Ok(0) => Ok(None),
            Ok(BLOCK) => Ok(Some(block)),
            Ok(_) => Err(Reason::Malformed.into()),
            Err(error) => Err(refusal_of(&error).unwrap_or(Reason::Malformed.into()).into()),
        }
    }

    /// The data of a header that only says something of the next member.
    fn extension(&mut self, len: u64) -> Result<Vec<u8>, Error> {
        within(Reason::LimitHeaderBytes, MOST_EXTENSION_BYTES, len)?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = read_full(&mut self.data, &mut bytes);
        let is_whole = read.is_ok_and(|read| size(read) == len);
        let padding = len.next_multiple_of(header::BLOCK_BYTES).saturating_sub(len);
        if is_whole && self.pass(padding)? { Ok(bytes) } else { Err(Reason::Malformed.into()) }
    }

    /// Goes over a member's data and its padding; whether all of it was there.
    fn skip(&mut self, len: u64) -> Result<bool, Error> {
        let padded = len.checked_next_multiple_of(header::BLOCK_BYTES).ok_or(Reason::Malformed)?;
        let is_whole = self.pass(len)?;
        // The last padding of an archive is missing in some; the data is what counts.
        self.pass(padded.saturating_sub(len))?;
        Ok(is_whole)
    }

    fn pass(&mut self, len: u64) -> Result<bool, Error> {
        let passed = std::io::copy(&mut (&mut self.data).take(len), &mut std::io::sink());
        match passed {
            Ok(passed) => Ok(passed == len),
            Err(error) => match refusal_of(&error) {
                Some(refusal) => Err(refusal.into()),
                None => Ok(false),
            },
        }
    }

    /// Whether anything but zeros stands behind the mark of the end.
    fn has_more(&mut self) -> Result<bool, Error> {
        let mut more = false;
        let mut buffer = [0; super::output::BUFFER_BYTES];
        while self.ended {
            match read_full(&mut self.data, &mut buffer) {
                Ok(0) => break,
                Ok(len) => more |= buffer.iter().take(len).any(|byte| *byte != 0),
                Err(error) => return refusal_of(&error).map_or(Ok(true), |refusal| Err(refusal.into())),
            }
        }
        Ok(more)
    }
}

/// Bytes of one long name or one set of pax records. The longest path that is taken has 1,024.
const MOST_EXTENSION_BYTES: u64 = 1024 * 1024;
const MOST_EXTENSIONS: u32 = 16;
