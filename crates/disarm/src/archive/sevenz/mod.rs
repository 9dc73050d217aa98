//! 7z: solid blocks, AES, encrypted headers. The crate `sevenz-rust2` reads and unpacks.
//!
//! It takes the memory that a file tells it to take, so what the coders ask for is read here first ([`coders`]), those of a
//! packed header too.

use std::io::{Cursor, Read, Write};

use form::job::Password;
use form::{Limits, Place, Reason, Refusal};
use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, Password as Key};

use super::bytes;
use super::codec::Summed;
use super::members::{Listed, Member, Node, members};
use super::names::Name;
use super::output::{Output, check_ratio, check_total};
use super::time;
use crate::error::{Error, size, within};
use crate::room::Part;
use coders::Needs;

mod coders;
mod method;

pub(super) fn disarm(mut part: Part<'_>, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    let (input, limits) = (part.input, &part.job.limits);
    let start = coders::Start::read(input)?;
    if start.is_followed {
        part.findings.add(Reason::SurplusBytes, Place::default());
    }
    let opened = open(input, start.header, &part.job.passwords, limits)?;
    let archive = &opened.archive;
    within(Reason::LimitParts, limits.parts.into(), size(archive.files.len()))?;
    let mut blocks = blocks(archive, limits)?;
    let mut keys: Vec<(usize, Key)> = match opened.key {
        Some(key) => vec![key],
        None => opened.keys.into_iter().enumerate().collect(),
    };
    let has_none = keys.is_empty();
    let mut blocks_opened = false;
    for (index, block) in blocks.iter_mut().enumerate() {
        if block.withheld.is_some() || !block.needs.is_encrypted {
            continue;
        }
        match keys.iter().position(|(_, key)| opens(input, archive, index, key)) {
            Some(at) => {
                blocks_opened = true;
                block.key = keys.get(at).map_or_else(Key::empty, |(_, key)| key.clone());
                block.opened_by = keys.get(at).map(|(number, _)| *number);
                // The key of one block is most likely that of the next.
                keys.get_mut(..=at).unwrap_or_default().rotate_right(1);
            }
            None if has_none => block.withheld = Some(Reason::Encrypted.into()),
            None => {
                block.withheld = Some(Reason::WrongPassword.into());
                // Each trial takes a moment on purpose: keys that open nothing are not tried on a thousand blocks.
                if !blocks_opened {
                    keys.clear();
                }
            }
        }
    }
    check_claims(archive, &blocks, limits)?;
    let listed: Vec<Listed<'_>> = archive.files.iter().map(listed).collect();
    let named = members(&listed, limits, &mut part.findings)?;
    let mut places: Vec<Option<Member>> = vec![None; archive.files.len()];
    for member in named {
        if let Some(place) = places.get_mut(member.index) {
            *place = Some(member);
        }
    }
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for (index, block) in blocks.iter().enumerate() {
        if block.needs.is_encrypted && block.withheld.is_none() {
            part.findings.add(Reason::Decrypted, Place::default());
            output.opened_by(block.opened_by);
        }
        unpack(input, archive, index, block, limits, &mut places, &mut output)?;
    }
    // What is left has no data: empty files, and links and devices without a target.
    for (entry, member) in archive.files.iter().zip(places).filter_map(|(entry, member)| Some((entry, member?))) {
        let withheld = node(entry).refusal().map(Refusal::plain);
        output.member(member.path, modified(entry), withheld)?;
    }
    output.finish(part.findings)
}

/// A list that could be read.
struct Opened {
    archive: Archive,
    /// What opened the list, where it is encrypted, and its number among the passwords.
    key: Option<(usize, Key)>,
    /// All that may be tried.
    keys: Vec<Key>,
}

fn open(input: &[u8], header: &[u8], passwords: &[Password], limits: &Limits) -> Result<Opened, Error> {
    let keys: Vec<Key> = passwords.iter().map(|password| Key::new(password.reveal())).collect();
    let read = |key: &Key| Archive::read(&mut Cursor::new(input), key);
    let mut needs = Needs::default();
    for coder in coders::of_packed_header(header)? {
        needs.add(coder.id, coder.properties)?;
        // The library reads the list.
        if needs.method.is_some() {
            return Err(coders::unsupported(coder.id).into());
        }
    }
    needs.check(limits)?;
    if !needs.is_encrypted {
        let archive = read(&Key::empty()).map_err(|_| Error::from(Reason::Malformed))?;
        return Ok(Opened { archive, key: None, keys });
    }
    if keys.is_empty() {
        return Err(Reason::Encrypted.into());
    }
    // A list that was decrypted with another key does not have its checksum.
    let mut numbered = keys.iter().enumerate();
    match numbered.find_map(|(number, key)| read(key).ok().map(|archive| (archive, (number, key.clone())))) {
        Some((archive, key)) => Ok(Opened { archive, key: Some(key), keys }),
        None => Err(Reason::WrongPassword.into()),
    }
}

/// One block: members that are packed together.
struct Block {
    needs: Needs,
    key: Key,
    /// The number of the password that the key was made of.
    opened_by: Option<usize>,
    packed: u64,
    withheld: Option<Refusal>,
}

fn blocks(archive: &Archive, limits: &Limits) -> Result<Vec<Block>, Error> {
    let firsts = archive.stream_map.block_first_pack_stream_index();
    let mut blocks = Vec::new();
    for (index, block) in archive.blocks.iter().enumerate() {
        let mut needs = Needs::default();
        let mut withheld = None;
        for coder in &block.coders {
            if let Err(refusal) = needs.add(coder.encoder_method_id(), coder.properties()) {
                withheld = Some(refusal);
            }
        }
        let withheld = withheld.or(needs.check(limits).err());
        let first = firsts.get(index).copied().unwrap_or(usize::MAX);
        let end = firsts.get(index.saturating_add(1)).copied().unwrap_or(archive.pack_sizes().len());
        let packed = archive.pack_sizes().get(first..end).unwrap_or_default();
        let packed = packed.iter().fold(0_u64, |sum, len| sum.saturating_add(*len));
        blocks.push(Block { needs, key: Key::empty(), opened_by: None, packed, withheld });
    }
    Ok(blocks)
}

fn check_claims(archive: &Archive, blocks: &[Block], limits: &Limits) -> Result<(), Error> {
    let mut total = 0_u64;
    for (block, own) in archive.blocks.iter().zip(blocks).filter(|(_, own)| own.withheld.is_none()) {
        let unpacked = block.get_unpack_size();
        check_ratio(unpacked, own.packed, limits.ratio.into())?;
        total = total.saturating_add(unpacked);
    }
    check_total([total].into_iter(), limits)
}

/// Whether a password is the one of a block: the first member that has a checksum has the right one, or the block has.
fn opens(input: &[u8], archive: &Archive, block: usize, key: &Key) -> bool {
    let mut opens = false;
    let mut source = Cursor::new(input);
    let decoder = BlockDecoder::new(1, block, archive, key, &mut source);
    let read = decoder.for_each_entries(&mut |entry, data| {
        if !has_data(entry) {
            return Ok(true);
        }
        // Without a checksum nothing tells bytes from noise; that of a block stands at its end.
        let read = std::io::copy(data, &mut std::io::sink());
        let is_whole = read.is_ok_and(|len| len == entry.size());
        opens = is_whole && has_sum(archive, block, entry);
        Ok(is_whole && !entry.has_crc)
    });
    read.is_ok() && opens
}

fn has_sum(archive: &Archive, block: usize, entry: &ArchiveEntry) -> bool {
    entry.has_crc || archive.blocks.get(block).is_some_and(|block| block.has_crc)
}

/// Writes the members of one block, in their order; each is taken out of `places`.
fn unpack(
    input: &[u8],
    archive: &Archive,
    index: usize,
    block: &Block,
    limits: &Limits,
    places: &mut [Option<Member>],
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let mut failure = None;
    if let (None, Some(method)) = (block.withheld, block.needs.method) {
        let packed = packed(input, archive, index);
        if let Some(packed) = packed.filter(|packed| is_whole(archive, index, &mut *method.unpacked(packed, limits))) {
            failure = read(archive, index, block, &mut *method.unpacked(packed, limits), places, output).err();
        }
    } else if block.withheld.is_none() {
        let mut source = Cursor::new(input);
        let decoder = BlockDecoder::new(1, index, archive, &block.key, &mut source);
        let mut at = archive.stream_map.block_first_file_index.get(index).copied().unwrap_or(usize::MAX);
        // An error of the block itself leaves its members in their places; they are withheld below.
        let _ = decoder.for_each_entries(&mut |entry, data| {
            let place = places.get_mut(at).filter(|_| has_data(entry));
            at = at.saturating_add(1);
            let Some(member) = place.and_then(Option::take) else { return Ok(true) };
            let written = write(entry, data, block, member, output);
            failure = written.err();
            Ok(failure.is_none())
        });
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    let refusal = block.withheld.unwrap_or(Reason::Malformed.into());
    for (at, entry) in of_block(archive, index) {
        if let Some(member) = places.get_mut(at).and_then(Option::take) {
            let refusal = node(entry).refusal().map_or(refusal, Refusal::plain);
            output.member(member.path, modified(entry), Some(refusal))?;
        }
    }
    Ok(())
}

/// The entries with data of a block, each with its number, in their order.
fn of_block(archive: &Archive, index: usize) -> impl Iterator<Item = (usize, &ArchiveEntry)> {
    let streams = &archive.stream_map;
    let first = streams.block_first_file_index.get(index).copied().unwrap_or(usize::MAX);
    let block = |at: usize| streams.file_block_index.get(at).copied().flatten();
    // What is empty stands among them and is of no block.
    let entries = archive.files.iter().enumerate().skip(first);
    let entries = entries.take_while(move |(at, _)| block(*at).is_none_or(|of| of == index));
    entries.filter(move |(at, entry)| block(*at).is_some() && has_data(entry))
}

/// Where the bytes of a block of one coder stand.
fn packed<'a>(input: &'a [u8], archive: &Archive, index: usize) -> Option<&'a [u8]> {
    let streams = &archive.stream_map;
    let stream = *streams.block_first_pack_stream_index().get(index)?;
    let (offset, len) = (*streams.pack_stream_offsets().get(stream)?, *archive.pack_sizes().get(stream)?);
    bytes::slice(input, coders::START_BYTES.checked_add(archive.pack_pos())?.checked_add(offset)?, len)
}

/// False for a block whose own checksum is the only one, and not that of what it unpacks to. Its members have none to be judged by.
fn is_whole(archive: &Archive, index: usize, data: &mut dyn Read) -> bool {
    let Some(block) = archive.blocks.get(index).filter(|block| block.has_crc) else { return true };
    if of_block(archive, index).all(|(_, entry)| entry.has_crc) {
        return true;
    }
    let mut all = Summed::new(data.take(block.get_unpack_size()));
    std::io::copy(&mut all, &mut std::io::sink()).is_ok() && u64::from(all.sum()) == block.crc
}

/// Writes the members of a block out of what it unpacks to.
fn read(
    archive: &Archive,
    index: usize,
    block: &Block,
    data: &mut dyn Read,
    places: &mut [Option<Member>],
    output: &mut Output<'_>,
) -> Result<(), Error> {
    for (at, entry) in of_block(archive, index) {
        let mut own = Summed::new(data.take(entry.size()));
        let member = places.get_mut(at).and_then(Option::take);
        let withheld = if member.is_some() { content(entry, &mut own, block, output)? } else { None };
        // The next one begins behind all of it.
        let _ = std::io::copy(&mut own, &mut std::io::sink());
        let is_damaged = entry.has_crc && u64::from(own.sum()) != entry.crc;
        if let Some(member) = member {
            let withheld = withheld.or(is_damaged.then_some(Reason::Malformed.into()));
            output.member(member.path, modified(entry), withheld)?;
        }
    }
    Ok(())
}

fn write(
    entry: &ArchiveEntry,
    data: &mut dyn Read,
    block: &Block,
    member: Member,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let withheld = content(entry, data, block, output)?;
    output.member(member.path, modified(entry), withheld)
}

/// Writes the bytes of a member.
fn content(
    entry: &ArchiveEntry,
    data: &mut dyn Read,
    block: &Block,
    output: &mut Output<'_>,
) -> Result<Option<Refusal>, Error> {
    match node(entry).refusal() {
        Some(reason) => Ok(Some(reason.into())),
        // Of a solid block only the whole has a ratio; it was judged by what it says.
        None => output.spill().copy(data, entry.size(), block.packed.max(entry.size())),
    }
}

fn has_data(entry: &ArchiveEntry) -> bool {
    entry.has_stream() && entry.size() > 0
}

fn listed(entry: &ArchiveEntry) -> Listed<'_> {
    Listed { name: Name::Known(entry.name().into()), node: node(entry), has_data: has_data(entry) }
}

fn node(entry: &ArchiveEntry) -> Node {
    let by_flag = if entry.is_directory() { Node::Directory } else { Node::File };
    let attributes = entry.windows_attributes();
    match attributes {
        _ if entry.is_anti_item() => Node::Special,
        _ if !entry.has_windows_attributes => by_flag,
        _ if attributes & UNIX_EXTENSION != 0 => Node::of_mode(attributes >> 16, by_flag),
        _ if attributes & REPARSE_POINT != 0 => Node::Symlink,
        _ => by_flag,
    }
}

fn modified(entry: &ArchiveEntry) -> Option<i64> {
    entry.has_last_modified_date.then(|| time::from_windows(entry.last_modified_date().into())).flatten()
}

/// p7zip's mark that the upper half is a Unix mode.
const UNIX_EXTENSION: u32 = 0x8000;
const REPARSE_POINT: u32 = 0x400;
